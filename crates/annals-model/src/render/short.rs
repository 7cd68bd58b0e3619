//! One line for each finding, as compilers write them and editors read them.

use crate::review::Report;
use crate::text::Texts;

use super::{address, printable_line};

/// `store.sql:7:5: error[AN203] two events can take the same place in a stream`, one line each.
pub fn short(report: &Report, texts: &Texts) -> String {
    let mut lines = String::new();
    for finding in &report.findings {
        let at = address(report, texts, &finding.place);
        let line = format!("{at}: {}[{}] {}", finding.severity.name(), finding.rule.id, finding.message);
        lines.push_str(&printable_line(&line));
        lines.push('\n');
    }
    lines
}
