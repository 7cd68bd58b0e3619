//! Commands of GitHub Actions, which make annotations of what is found.

use crate::finding::{Finding, Severity};
use crate::review::Report;
use crate::text::Texts;

use super::{printable, printable_line, spot};

/// `::error file=store.sql,line=7,…,title=AN203 guard-with-null::…`, one line each.
pub fn github(report: &Report, texts: &Texts) -> String {
    let mut lines = String::new();
    for finding in &report.findings {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut properties = place(texts, finding);
        properties.push(("title", format!("{} {}", finding.rule.id, finding.rule.name)));
        let properties: Vec<String> = properties
            .into_iter()
            .map(|(name, value)| format!("{name}={}", escaped(&printable_line(&value), true)))
            .collect();
        let message = escaped(&printable(&message(report, finding)), false);
        lines.push_str(&format!("::{command} {}::{message}\n", properties.join(",")));
    }
    lines
}

fn place(texts: &Texts, finding: &Finding) -> Vec<(&'static str, String)> {
    let Some(span) = finding.place.span else { return Vec::new() };
    let spot = spot(texts, span);
    let mut properties = vec![
        ("file", spot.file.to_owned()),
        ("line", spot.line.to_string()),
        ("endLine", spot.end_line.to_string()),
    ];
    // Columns are taken only within one line.
    if spot.line == spot.end_line {
        properties.push(("col", spot.column.to_string()));
        properties.push(("endColumn", spot.end_column.max(spot.column + 1).to_string()));
    }
    properties
}

fn message(report: &Report, finding: &Finding) -> String {
    let mut message = finding.message.clone();
    if finding.place.span.is_none() {
        let store = report.source_of(&finding.place).map_or("", |source| &source.name);
        message = format!("{}: {message}", [store, &finding.place.path].join(" ").trim());
    }
    for help in &finding.help {
        message.push_str(&format!("\nhelp: {help}"));
    }
    message
}

/// As the runner takes it back apart.
fn escaped(text: &str, is_property: bool) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    if is_property { text.replace(':', "%3A").replace(',', "%2C") } else { text }
}
