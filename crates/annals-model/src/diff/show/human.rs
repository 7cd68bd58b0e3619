//! For a person at a terminal.

use crate::diff::Diff;
use crate::render::{printable_line, wrapped};

use super::{counts, rows, unchanged};

/// No terminal is narrower for us, and none wider.
const WIDTH_MIN: usize = 40;
const WIDTH_MAX: usize = 120;

/// A verdict for each event that is not as it was, then every change with what mends it.
pub fn human(diff: &Diff, width: usize) -> String {
    let width = width.clamp(WIDTH_MIN, WIDTH_MAX);
    let mut text = format!("annals diff: {}\n", counts(diff));
    let rows = rows(diff);
    if !rows.is_empty() {
        text.push('\n');
        let head = ["event", "version", "stored", "verdict"].map(str::to_owned);
        let mut widths = [0; 4];
        for row in std::iter::once(&head).chain(&rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = printable_line(cell).chars().count().max(*width);
            }
        }
        for row in std::iter::once(&head).chain(&rows) {
            let cells = row.iter().zip(widths).map(|(cell, width)| {
                let cell = printable_line(cell);
                format!("{cell:<width$}")
            });
            text.push_str(&format!("  {}\n", cells.collect::<Vec<_>>().join("  ").trim_end()));
        }
    }
    if let Some(unchanged) = unchanged(diff) {
        text.push_str(&format!("\n  {unchanged}\n"));
    }
    for change in &diff.changes {
        text.push_str(&format!("\n{:<10}  {}\n", change.level.name(), printable_line(&change.path)));
        for line in wrapped(&printable_line(&change.message), width - 12) {
            text.push_str(&format!("            {line}\n"));
        }
        // What is to be pasted is not wrapped.
        for line in change.mend.iter().flat_map(|mend| mend.lines()) {
            text.push_str(&format!("            + {}\n", printable_line(line)));
        }
    }
    text
}
