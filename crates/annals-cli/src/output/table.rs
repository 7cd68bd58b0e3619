//! Rows under a heading, as wide as the terminal.

use console::{Alignment, measure_text_width, pad_str, truncate_str};

use crate::failure::Failure;

use super::{Lines, printable};

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    alignment: Alignment,
    /// How narrow it may become where the last column needs room.
    least: Option<usize>,
    /// Whether it is left out where being narrow is not enough.
    left_out: bool,
}

impl Column {
    pub(crate) const fn text(name: &'static str) -> Self {
        Self { name, alignment: Alignment::Left, least: None, left_out: false }
    }

    pub(crate) const fn number(name: &'static str) -> Self {
        Self { alignment: Alignment::Right, ..Self::text(name) }
    }

    pub(crate) const fn least(self, width: usize) -> Self {
        Self { least: Some(width), ..self }
    }

    pub(crate) const fn or_left_out(self) -> Self {
        Self { left_out: true, ..self }
    }
}

/// How many rows are held back until the widths of their columns are known.
const ROWS_MAX: usize = 100;

/// How many bytes of rows are held back.
const ROWS_BYTES_MAX: usize = 1 << 20;

/// Between two columns.
const GAP: usize = 2;

/// Rows under one heading. Widths are those of the rows seen so far and only ever grow, so that a table of
/// any length is printed in bounded memory.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// How wide the terminal is, where it is shown on one.
    pub(super) terminal: Option<usize>,
    columns: &'static [Column],
    widths: Vec<usize>,
    /// How wide each column may be; 0 leaves it out. Settled with the heading.
    caps: Vec<usize>,
    rows: Vec<Vec<String>>,
    bytes: usize,
    headed: bool,
}

impl Table {
    pub(super) fn new(terminal: Option<usize>) -> Self {
        Self { terminal, ..Self::default() }
    }

    pub(super) fn row(
        &mut self,
        columns: &'static [Column],
        cells: Vec<String>,
        lines: &mut Lines,
    ) -> Result<(), Failure> {
        self.columns = columns;
        let cells: Vec<String> = cells.iter().map(|cell| printable(cell)).collect();
        self.bytes += cells.iter().map(String::len).sum::<usize>();
        self.rows.push(cells);
        if self.rows.len() >= ROWS_MAX || self.bytes >= ROWS_BYTES_MAX {
            self.flush(lines)?;
        }
        Ok(())
    }

    pub(super) fn flush(&mut self, lines: &mut Lines) -> Result<(), Failure> {
        let mut rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        if !self.headed {
            rows.insert(0, self.columns.iter().map(|column| column.name.to_owned()).collect());
        }
        self.widths.resize(self.columns.len(), 0);
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = measure_text_width(cell).max(*width);
            }
        }
        if !self.headed {
            self.headed = true;
            self.caps = match self.terminal {
                Some(terminal) => caps(self.columns, &self.widths, terminal),
                None => vec![usize::MAX; self.columns.len()],
            };
        }
        for row in rows {
            let line = self.line(&row);
            match self.terminal {
                Some(width) => lines.write(&truncate_str(&line, width, "…"))?,
                None => lines.write(&line)?,
            }
        }
        Ok(())
    }

    fn line(&self, row: &[String]) -> String {
        let mut line = String::new();
        let last = row.len().saturating_sub(1);
        for (index, (cell, column)) in row.iter().zip(self.columns).enumerate() {
            let width = self.widths[index].min(self.caps[index]);
            if index == last {
                line.push_str(cell);
            } else if width > 0 {
                line.push_str(&pad_str(cell, width, column.alignment, Some("…")));
                line.push_str(&" ".repeat(GAP));
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// How wide each column may be, so that the last one has two fifths of the terminal or all it needs: from
/// right to left, each of the others becomes narrower or is left out until there is room.
pub(super) fn caps(columns: &[Column], widths: &[usize], terminal: usize) -> Vec<usize> {
    let mut caps = vec![usize::MAX; columns.len()];
    let Some((last, others)) = widths.split_last() else { return caps };
    let wanted = (*last).min(terminal * 2 / 5);
    let taken: usize = others.iter().map(|width| width + GAP).sum();
    let mut missing = (taken + wanted).saturating_sub(terminal);
    for (index, (column, width)) in columns.iter().zip(others).enumerate().rev() {
        let spare = column.least.map_or(0, |least| width.saturating_sub(least));
        if missing == 0 {
            break;
        } else if missing > spare && column.left_out {
            caps[index] = 0;
            missing = missing.saturating_sub(width + GAP);
        } else if spare > 0 {
            caps[index] = width - spare.min(missing);
            missing -= spare.min(missing);
        }
    }
    caps
}
