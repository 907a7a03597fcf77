//! Times contenders that alternate round by round.

use std::time::{Duration, Instant};

use dbcache::error::BoxError;
use serde::Serialize;

pub(crate) type Result<T> = std::result::Result<T, BoxError>;

/// A program that is timed repeatedly. It receives the number of the round, so that all contenders of a round do the same
/// work, and returns the time that it measured.
pub(crate) struct Contender<'a> {
    name: String,
    run: Box<dyn FnMut(u64) -> Result<Round> + 'a>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(name: impl Into<String>, run: impl FnMut(u64) -> Result<Round> + 'a) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

/// One round of one contender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) took: Duration,
    /// A number that every correct result of this round shares.
    pub(crate) digest: i64,
}

impl Round {
    /// Times `work`, and computes the digest of its result outside of the measured time.
    pub(crate) fn of<R>(work: impl FnOnce() -> Result<R>, digest: impl FnOnce(&R) -> Result<i64>) -> Result<Self> {
        let start = Instant::now();
        let result = std::hint::black_box(work()?);
        let took = start.elapsed();
        Ok(Self { took, digest: digest(&result)? })
    }
}

/// The number of rounds: until a contender has used its time, but at least `fewest` and at most `most`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Rounds that are not counted.
    pub(crate) warm_up: u64,
    pub(crate) fewest: usize,
    pub(crate) most: usize,
    /// The time of each contender.
    pub(crate) time: Duration,
}

impl Pace {
    pub(crate) const FULL: Self = Self { warm_up: 2, fewest: 5, most: 1001, time: Duration::from_secs(3) };
    pub(crate) const QUICK: Self = Self { warm_up: 1, fewest: 2, most: 5, time: Duration::from_millis(200) };

    /// For long work that needs no warm-up.
    pub(crate) fn slow(self) -> Self {
        Self { warm_up: 0, fewest: self.fewest.min(3), ..self }
    }

    /// For work that starts a process in each round.
    pub(crate) fn cold(self) -> Self {
        Self { warm_up: 1, most: self.most.min(41), ..self }
    }

    fn is_done(&self, sample: &Sample) -> bool {
        let rounds = sample.values.len();
        let spent: f64 = sample.values.iter().sum();
        rounds >= self.most || rounds >= self.fewest && spent >= self.time.as_secs_f64()
    }
}

/// All measurements of one contender.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) values: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    Seconds,
    Bytes,
}

impl Sample {
    pub(crate) fn new(name: impl Into<String>, unit: Unit, values: Vec<f64>) -> Self {
        Self { name: name.into(), unit, values }
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Returns the value below which `part` of the measurements are.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1) as f64;
        let at = |index: f64| sorted.get(index_of(index)).copied().unwrap_or(f64::NAN);
        let (below, above) = (at((part * last).floor()), at((part * last).ceil()));
        below + (above - below) * (part * last).fract()
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index into a short list")]
fn index_of(index: f64) -> usize {
    index as usize
}

/// Runs the contenders round by round, in reverse order in every second round. Their results must agree.
pub(crate) fn in_turn(mut contenders: Vec<Contender<'_>>, pace: Pace) -> Result<Vec<Sample>> {
    let mut samples: Vec<Sample> =
        contenders.iter().map(|contender| Sample::new(&contender.name, Unit::Seconds, Vec::new())).collect();
    for round in 0.. {
        let mut pairs: Vec<_> =
            contenders.iter_mut().zip(&mut samples).filter(|(_, sample)| !pace.is_done(sample)).collect();
        if pairs.is_empty() {
            break;
        }
        if round % 2 == 1 {
            pairs.reverse();
        }
        run_round(round, pairs, pace)?;
    }
    Ok(samples)
}

fn run_round(round: u64, pairs: Vec<(&mut Contender<'_>, &mut Sample)>, pace: Pace) -> Result<()> {
    let mut first: Option<(String, i64)> = None;
    for (contender, sample) in pairs {
        let Round { took, digest } = (contender.run)(round).map_err(|error| format!("{}: {error}", contender.name))?;
        if round >= pace.warm_up {
            sample.values.push(took.as_secs_f64());
        }
        let (other, expected) = first.get_or_insert_with(|| (contender.name.clone(), digest));
        if digest != *expected {
            return Err(format!("{other} and {} disagree in round {round}", contender.name).into());
        }
    }
    Ok(())
}
