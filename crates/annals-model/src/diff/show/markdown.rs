//! Markdown, for the comment of a pull request.

use crate::diff::{Diff, Level};
use crate::render::{code, escaped, fence, printable_line};

use super::{counts, rows, unchanged};

/// So many changes are told; a comment has a length at which it is refused.
const SHOWN_MAX: usize = 50;

/// A table of the events that are not as they were, and a line for each change.
pub fn markdown(diff: &Diff) -> String {
    let mut text = format!("### annals diff: {}\n", counts(diff));
    let rows = rows(diff);
    if !rows.is_empty() {
        text.push_str("\n| event | version | stored | verdict |\n| --- | --- | --- | --- |\n");
        for [name, version, stored, verdict] in &rows {
            // A bar ends a cell, in code too.
            let name = code(name).replace('|', "\\|");
            text.push_str(&format!("| {name} | {version} | {stored} | {verdict} |\n"));
        }
    }
    if let Some(unchanged) = unchanged(diff) {
        text.push_str(&format!("\n{unchanged}\n"));
    }
    for change in diff.changes.iter().take(SHOWN_MAX) {
        let mark = match change.level {
            Level::Breaking => "🔴",
            Level::Rebuild => "🟡",
            Level::Compatible => "🔵",
        };
        text.push_str(&format!(
            "\n{mark} **{}** {}: {}\n",
            change.level.name(),
            code(&change.path),
            escaped(&change.message)
        ));
        if let Some(mend) = &change.mend {
            let lines: Vec<_> = mend.lines().map(printable_line).collect();
            let fence = fence(mend, 3);
            text.push_str(&format!("\n{fence}yaml\n{}\n{fence}\n", lines.join("\n")));
        }
    }
    if diff.changes.len() > SHOWN_MAX {
        text.push_str(&format!("\nand {} more.\n", diff.changes.len() - SHOWN_MAX));
    }
    text
}
