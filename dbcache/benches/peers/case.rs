//! A case of the benchmark, and its outcome.

use serde::Serialize;

use crate::ground::Ground;
use crate::measure::{Result, Sample};

/// The name of dbcache as a contender, in every case.
pub(crate) const OURS: &str = "dbcache";

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) targets: &'static [Target],
    pub(crate) run: fn(&Ground) -> Result<Outcome>,
}

/// The maximum ratio of a measurement to its baseline.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) at_most: f64,
    pub(crate) of: &'static str,
}

/// The measurements of a case.
#[derive(Default, Serialize)]
pub(crate) struct Outcome {
    pub(crate) samples: Vec<Sample>,
    #[serde(skip)]
    pub(crate) ratios: Vec<(&'static str, f64)>,
    pub(crate) curves: Vec<Curve>,
}

impl Outcome {
    pub(crate) fn new(samples: Vec<Sample>) -> Self {
        Self { samples, ..Self::default() }
    }

    /// Adds the ratio of dbcache to a baseline, if both were measured.
    pub(crate) fn against(self, target: &'static str, baseline: &str) -> Self {
        self.compare(target, OURS, baseline)
    }

    pub(crate) fn compare(self, target: &'static str, ours: &str, baseline: &str) -> Self {
        let median = |name| self.samples.iter().find(|sample| sample.name == name).map(Sample::median);
        match (median(ours), median(baseline)) {
            (Some(ours), Some(baseline)) => self.ratio(target, ours / baseline),
            _ => self,
        }
    }

    pub(crate) fn ratio(mut self, target: &'static str, ratio: f64) -> Self {
        self.ratios.push((target, ratio));
        self
    }
}

/// The growth of the time of one contender.
#[derive(Serialize)]
pub(crate) struct Curve {
    pub(crate) contender: String,
    /// The unit of the sizes: `ids` or `rows`.
    pub(crate) along: &'static str,
    /// Each size, and the median at this size in seconds.
    pub(crate) points: Vec<(f64, f64)>,
    /// The time grows with the size to this power.
    pub(crate) exponent: f64,
}

impl Curve {
    fn new(contender: String, along: &'static str, points: Vec<(f64, f64)>) -> Self {
        let exponent = slope(&points);
        Self { contender, along, points, exponent }
    }

    /// Returns the curves of all contenders, from the samples at each size.
    pub(crate) fn all(along: &'static str, sizes: &[(u64, Vec<Sample>)]) -> Vec<Self> {
        let mut names: Vec<&str> = Vec::new();
        for sample in sizes.iter().flat_map(|(_, samples)| samples) {
            if !names.contains(&sample.name.as_str()) {
                names.push(&sample.name);
            }
        }
        let points = |name: &str| {
            let at = |(size, samples): &(u64, Vec<Sample>)| {
                let sample = samples.iter().find(|sample| sample.name == name)?;
                Some((*size as f64, sample.median()))
            };
            sizes.iter().filter_map(at).collect()
        };
        names.iter().map(|name| Self::new((*name).to_owned(), along, points(name))).collect()
    }
}

/// Returns the slope of a line fitted to the logarithms by least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let mean_x = logs.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = logs.iter().map(|(_, y)| y).sum::<f64>() / count;
    let rise: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let run: f64 = logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    rise / run
}
