//! Markdown, for the comment of a pull request.

use crate::explain;
use crate::finding::{Finding, Severity};
use crate::review::Report;
use crate::text::Texts;

use super::excerpt::{Excerpts, Style};
use super::{address, counts, printable_line};

/// So many findings are told; a comment has a length at which it is refused.
const SHOWN_MAX: usize = 50;
/// As much as a comment shows without a bar to push.
const WIDTH: usize = 100;

/// For a comment of a pull request: a line for each finding, with the excerpt to be opened.
pub fn markdown(report: &Report, texts: &Texts) -> String {
    let excerpts = Excerpts::new(report, texts, Style { colour: false, ascii: false, width: WIDTH });
    let mut text = format!("### annals check: {}\n", counts(|severity| report.count(severity)));
    let mut explained: Vec<&str> = Vec::new();
    for finding in report.findings.iter().take(SHOWN_MAX) {
        text.push_str(&told(report, texts, finding));
        let why = if explained.contains(&finding.rule.id) { "" } else { finding.rule.why };
        explained.push(finding.rule.id);
        text.push_str(&more(why, &excerpts.bare(finding)));
    }
    if report.findings.len() > SHOWN_MAX {
        text.push_str(&format!("\nand {} more.\n", report.findings.len() - SHOWN_MAX));
    }
    let good: Vec<String> = report.good.iter().map(|good| escaped(&good.message)).collect();
    if !good.is_empty() {
        text.push_str(&format!("\n**Good:** {}\n", good.join(", ")));
    }
    let aside = [(report.allowed.len(), "allowed with a reason"), (report.known.len(), "known before")];
    for (count, what) in aside.into_iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!("\n{count} {what}.\n"));
    }
    let checked: Vec<&str> = report.checked.iter().map(|rule| rule.id).collect();
    if !checked.is_empty() {
        text.push_str(&format!("\nAlso checked and clean: {}\n", checked.join(" ")));
    }
    text
}

fn told(report: &Report, texts: &Texts, finding: &Finding) -> String {
    let mark = match finding.severity {
        Severity::Error => "🔴",
        Severity::Warning => "🟡",
        Severity::Note => "🔵",
    };
    let rule = finding.rule;
    let mut text = format!(
        "\n{mark} **{}** [{} {}]({}): {}  \n{}\n",
        finding.severity.name(),
        rule.id,
        rule.name,
        explain::address(rule),
        escaped(&finding.message),
        code(&address(report, texts, &finding.place)),
    );
    for help in &finding.help {
        text.push_str(&format!("- {}\n", escaped(help)));
    }
    text
}

/// What is to be opened: why it hurts, where a rule is told for the first time, and the excerpt.
fn more(why: &str, excerpt: &str) -> String {
    let title = match (why, excerpt) {
        ("", "") => return String::new(),
        ("", _) => "Where",
        (_, "") => "Why",
        _ => "Why, and where",
    };
    let mut text = format!("\n<details><summary>{title}</summary>\n");
    if !why.is_empty() {
        text.push_str(&format!("\n{why}\n"));
    }
    if !excerpt.is_empty() {
        let fence = fence(excerpt, 3);
        text.push_str(&format!("\n{fence}text\n{excerpt}\n{fence}\n"));
    }
    text.push_str("\n</details>\n");
    text
}

/// Text as it stands, whatever it means in Markdown or calls upon on GitHub. What stands in backticks stays code.
pub(crate) fn escaped(text: &str) -> String {
    let text = printable_line(text);
    let parts: Vec<&str> = text.split('`').collect();
    let last = parts.len() - 1;
    let mut escaped = String::with_capacity(text.len());
    for (n, part) in parts.into_iter().enumerate() {
        match n % 2 {
            1 if n < last => escaped.push_str(&code(part)),
            // The last backtick has no other.
            1 => escaped.push_str(&format!("\\`{}", plain(part))),
            _ => escaped.push_str(&plain(part)),
        }
    }
    escaped
}

fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\*_{}[]<>()#|~&!".contains(c) {
            plain.push('\\');
        }
        plain.push(c);
        // A person or a numbered thing is called by what follows directly.
        if c == '@' || c == '#' {
            plain.push('\u{200b}');
        }
    }
    plain
}

pub(crate) fn code(text: &str) -> String {
    let text = printable_line(text);
    let fence = fence(&text, 1);
    let space = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Backticks, more of them than there are together in the text, and no fewer than `least`.
pub(crate) fn fence(text: &str, least: usize) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(least.max(longest + 1))
}
