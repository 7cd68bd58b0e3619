//! What came out: the rounds of each workload and subject, as an aligned table and as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::load::PAYLOAD_BYTES;
use crate::machine::Machine;
use crate::subject::Kind;
use crate::workload::{Measured, Workload};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) comparable: &'static str,
    pub(crate) machine: Machine,
    pub(crate) seconds: f64,
    pub(crate) rounds: usize,
    pub(crate) payload_bytes: usize,
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) workload: String,
    pub(crate) subject: &'static str,
    /// Absent where the workload sets the pace.
    pub(crate) events_per_second: Option<Spread>,
    /// The median of the rounds' ratios to the yardstick.
    pub(crate) times_plain: Option<f64>,
    pub(crate) latency_us: Latency,
}

/// The median of the rounds, and how far they lie apart.
#[derive(Debug, Serialize)]
pub(crate) struct Spread {
    median: f64,
    min: f64,
    max: f64,
    rounds: Vec<f64>,
}

/// Percentiles are medians of the rounds; `max` is the longest of all.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    p50: f64,
    p99: f64,
    max: f64,
}

/// The rounds of one workload on one subject.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) kind: Kind,
    rates: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    max: f64,
}

impl Cell {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, rates: Vec::new(), p50: Vec::new(), p99: Vec::new(), max: 0.0 }
    }

    pub(crate) fn add(&mut self, measured: Measured) {
        let mut latencies = measured.latencies;
        latencies.sort_unstable();
        let at = |hundredths: usize| {
            let index = (latencies.len() * hundredths / 100).min(latencies.len().saturating_sub(1));
            latencies.get(index).copied().map_or(0.0, micros)
        };
        self.rates.extend(measured.events_per_second);
        self.p50.push(at(50));
        self.p99.push(at(99));
        self.max = self.max.max(at(100));
    }
}

/// The plain use of the same database; where there are several, the fastest.
fn plain<'a>(cell: &Cell, cells: &'a [Cell]) -> Option<&'a Cell> {
    cells
        .iter()
        .filter(|other| other.kind.is_plain_of(cell.kind))
        .max_by(|a, b| median(&a.rates).unwrap_or(0.0).total_cmp(&median(&b.rates).unwrap_or(0.0)))
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let high = *sorted.get(sorted.len() / 2)?;
    let low = if sorted.len().is_multiple_of(2) { sorted[sorted.len() / 2 - 1] } else { high };
    Some(f64::midpoint(low, high))
}

impl Report {
    pub(crate) fn new(
        machine: Machine,
        seconds: f64,
        rounds: usize,
        cells: &[(Workload, Vec<Cell>)],
    ) -> Self {
        let rows = cells
            .iter()
            .flat_map(|(workload, cells)| {
                let measured = cells.iter().filter(|cell| !cell.p50.is_empty());
                measured.map(move |cell| row(*workload, cell, plain(cell, cells)))
            })
            .collect();
        Self {
            comparable: "only with the other figures of this run",
            machine,
            seconds,
            rounds,
            payload_bytes: PAYLOAD_BYTES,
            rows,
        }
    }

    pub(crate) fn table(&self) -> String {
        let head = ["workload", "subject", "events/s", "min-max", "x plain", "p50", "p99", "max"];
        let mut lines = vec![head.map(str::to_owned)];
        for row in &self.rows {
            let rate = row.events_per_second.as_ref();
            lines.push([
                row.workload.clone(),
                row.subject.to_owned(),
                rate.map_or("-".to_owned(), |rate| format!("{:.0}", rate.median)),
                rate.map_or("-".to_owned(), |rate| format!("{:.0}-{:.0}", rate.min, rate.max)),
                row.times_plain.map_or("-".to_owned(), |times| format!("{times:.2}")),
                time(row.latency_us.p50),
                time(row.latency_us.p99),
                time(row.latency_us.max),
            ]);
        }
        let mut widths = [0; 8];
        for line in &lines {
            for (width, text) in widths.iter_mut().zip(line) {
                *width = text.chars().count().max(*width);
            }
        }
        let mut out = String::new();
        let mut last = "";
        for line in &lines {
            if line[0] != last && !last.is_empty() {
                out.push('\n');
            }
            last = &line[0];
            let mut text = String::new();
            for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
                // Names stand to the left, numbers to the right.
                let _ = if column < 2 {
                    write!(text, "{cell:<width$}  ")
                } else {
                    write!(text, "{cell:>width$}  ")
                };
            }
            out.push_str(text.trim_end());
            out.push('\n');
        }
        let _ = write!(
            out,
            "\n{}; {} rounds of {} s each\nThe figures are comparable {}.\n",
            self.machine, self.rounds, self.seconds, self.comparable
        );
        out
    }
}

fn row(workload: Workload, cell: &Cell, plain: Option<&Cell>) -> Row {
    let ratios: Vec<f64> = plain
        .map(|plain| cell.rates.iter().zip(&plain.rates).map(|(rate, plain)| rate / plain).collect())
        .unwrap_or_default();
    Row {
        workload: workload.name(),
        subject: cell.kind.name(),
        events_per_second: median(&cell.rates).map(|median| Spread {
            median,
            min: cell.rates.iter().copied().fold(f64::INFINITY, f64::min),
            max: cell.rates.iter().copied().fold(0.0, f64::max),
            rounds: cell.rates.clone(),
        }),
        times_plain: median(&ratios),
        latency_us: Latency {
            p50: median(&cell.p50).unwrap_or_default(),
            p99: median(&cell.p99).unwrap_or_default(),
            max: cell.max,
        },
    }
}

fn time(micros: f64) -> String {
    if micros < 1_000.0 { format!("{micros:.0} µs") } else { format!("{:.2} ms", micros / 1_000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_between_the_two_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
