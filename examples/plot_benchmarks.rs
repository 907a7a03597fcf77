//! Plots results of the benchmark `peers`: lookups by number of ids, and appends by size of the table.
//!
//! ```sh
//! cargo bench -p dbcache-benches --features all-peers,lazy -- append lookup_by_ids --json peers.json
//! cargo run --example plot_benchmarks -- peers.json dbcache/benches/plots
//! ```

use std::error::Error;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use plotters::coord::ranged1d::{KeyPointHint, Ranged};
use plotters::prelude::*;
use serde::Deserialize;

/// The part of the measurements that is plotted.
#[derive(Deserialize)]
struct Report {
    machine: Machine,
    rows: f64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Machine {
    processor: String,
    cores: usize,
    date: String,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    curves: Vec<Curve>,
}

#[derive(Deserialize)]
struct Curve {
    contender: String,
    points: Vec<(f64, f64)>,
}

/// A plot.
struct Plot {
    case: &'static str,
    title: &'static str,
    along: &'static str,
}

const PLOTS: [Plot; 2] = [
    Plot { case: "lookup_by_ids", title: "Looking up rows by id", along: "ids requested" },
    Plot { case: "append", title: "Storing 1,000 new rows durably", along: "rows in the table" },
];

/// Distinguishable with colour vision deficiency.
const COLOURS: [RGBColor; 5] =
    [RGBColor(213, 94, 0), RGBColor(0, 114, 178), RGBColor(0, 158, 115), RGBColor(204, 121, 167), RGBColor(90, 90, 90)];
const FONT: &str = "sans-serif";
const SIZE: (u32, u32) = (760, 460);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(measurements), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("usage: plot_benchmarks MEASUREMENTS.json DIRECTORY".into());
    };
    let report: Report = serde_json::from_reader(File::open(measurements)?)?;
    std::fs::create_dir_all(&folder)?;
    for plot in PLOTS {
        let Some(case) = report.cases.iter().find(|case| case.name == plot.case) else { continue };
        let path = folder.join(plot.case).with_extension("svg");
        draw(&plot, case, &report, &path)?;
        println!("{}", path.display());
    }
    Ok(())
}

fn draw(plot: &Plot, case: &Case, report: &Report, path: &Path) -> Result<(), Box<dyn Error>> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let caption = report.caption(plot);
    let area = area.titled(plot.title, (FONT, 22))?.titled(&caption, (FONT, 13))?;
    let (across, up) = case.extent();
    let mut chart = ChartBuilder::on(&area)
        .margin(10)
        .margin_right(25)
        .x_label_area_size(45)
        .y_label_area_size(75)
        .build_cartesian_2d(across.log_scale(), Seconds(up))?;
    chart
        .configure_mesh()
        .x_desc(plot.along)
        .x_label_formatter(&|count| thousands(*count))
        .y_label_formatter(&|seconds| duration(*seconds))
        .label_style((FONT, 13))
        .bold_line_style(RGBColor(220, 220, 220))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (curve, colour) in case.curves.iter().zip(COLOURS) {
        let style = colour.stroke_width(if curve.contender == "dbcache" { 3 } else { 2 });
        let line = LineSeries::new(curve.points.iter().copied(), style).point_size(3);
        let key = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style);
        chart.draw_series(line)?.label(&curve.contender).legend(key);
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(220, 220, 220))
        .label_font((FONT, 13))
        .draw()?;
    Ok(area.present()?)
}

impl Report {
    fn caption(&self, plot: &Plot) -> String {
        let Machine { processor, cores, date } = &self.machine;
        let table = match plot.case {
            "lookup_by_ids" => format!("a table of {} rows, ", thousands(self.rows)),
            _ => String::new(),
        };
        format!("median; {table}{processor}, {cores} cores, {date}")
    }
}

impl Case {
    /// Returns the ranges of both axes, with some room above and below the curves.
    fn extent(&self) -> (Range<f64>, Range<f64>) {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let (across, up) = (range(points().map(|(x, _)| *x)), range(points().map(|(_, y)| *y)));
        (across, up.start / 2.0..up.end * 20.0)
    }
}

fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    values.fold(f64::MAX..f64::MIN_POSITIVE, |range, value| range.start.min(value)..range.end.max(value))
}

/// A logarithmic axis with a line for each power of ten.
struct Seconds(Range<f64>);

impl Ranged for Seconds {
    type FormatOption = plotters::coord::ranged1d::DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let part = (value / self.0.start).ln() / (self.0.end / self.0.start).ln();
        #[expect(clippy::cast_possible_truncation, reason = "a position in a picture")]
        let offset = (part * f64::from(limit.1 - limit.0)).round() as i32;
        limit.0 + offset
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        (-9..6).map(|power| 10_f64.powi(power)).filter(|value| self.0.contains(value)).collect()
    }

    fn range(&self) -> Range<f64> {
        self.0.clone()
    }
}

fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 0.99e-3 => format!("{:.0} µs", seconds * 1e6),
        seconds if seconds < 0.99 => format!("{:.0} ms", seconds * 1e3),
        seconds => format!("{seconds:.0} s"),
    }
}

fn thousands(count: f64) -> String {
    let digits = format!("{count:.0}");
    let group = |(index, digit): (usize, char)| {
        let comma = index > 0 && (digits.len() - index).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(group).collect()
}
