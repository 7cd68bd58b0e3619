//! One JSON object for programs.

use serde::Serialize;

use crate::finding::{Edit, Finding, Place, Severity};
use crate::review::Report;
use crate::text::{Span, Texts};

use super::printable::steers;
use super::spot;

/// One JSON object. Members may be added to it; what is there stays and keeps its meaning.
///
/// ```json
/// {
///   "annals_review": 1,
///   "summary": { "errors": 1, "warnings": 0, "notes": 0, "allowed": 0, "known": 0 },
///   "findings": [{
///     "rule": "AN203", "name": "guard-with-null", "severity": "error", "message": "…",
///     "place": {
///       "source": "store.sql", "path": "events.version", "label": "may be NULL",
///       "text": { "file": "store.sql", "line": 7, "column": 5, "end_line": 7, "end_column": 22, "start": 90, "end": 107 }
///     },
///     "others": [],
///     "why": "…", "help": ["…"],
///     "edits": [{ "text": { "file": "…", "line": 7, "…": 0 }, "with": "NOT NULL" }]
///   }],
///   "allowed": [{ "because": "legacy feed", "finding": { "…": "as above" } }],
///   "known": [],
///   "good": [{ "rule": "AN204", "name": "log-not-append-only", "message": "append-only guard", "place": {} }],
///   "checked": ["AN201"],
///   "read": [{ "name": "store.sql", "kind": "store", "holds": "3 tables" }]
/// }
/// ```
///
/// Lines and columns begin at 1 and count characters; `end_column` is behind the last one. `start` and `end` are
/// bytes, from 0. `text` is null where a place is only in a running store; `source` is null where it is not known.
pub fn json(report: &Report, texts: &Texts) -> String {
    let view = View { report, texts };
    let review = Review {
        annals_review: 1,
        summary: Summary {
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
            notes: report.count(Severity::Note),
            allowed: report.allowed.len(),
            known: report.known.len(),
        },
        findings: report.findings.iter().map(|it| view.finding(it)).collect(),
        allowed: report
            .allowed
            .iter()
            .map(|it| JsonAllowed { because: &it.because, finding: view.finding(&it.finding) })
            .collect(),
        known: report.known.iter().map(|it| view.finding(it)).collect(),
        good: report
            .good
            .iter()
            .map(|it| JsonGood {
                rule: it.rule.id,
                name: it.rule.name,
                message: &it.message,
                place: view.place(&it.place),
            })
            .collect(),
        checked: report.checked.iter().map(|rule| rule.id).collect(),
        read: report
            .sources
            .iter()
            .map(|it| JsonSource { name: &it.name, kind: it.kind.name(), holds: &it.holds })
            .collect(),
    };
    written(&review)
}

/// JSON on several lines, in which nothing can steer a terminal.
pub(crate) fn written(it: &impl Serialize) -> String {
    // Only a map whose keys are no texts, or a failing writer, cannot be written; there is neither.
    let text = serde_json::to_string_pretty(it).unwrap_or_default();
    let mut safe = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if steers(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe.push('\n');
    safe
}

struct View<'r> {
    report: &'r Report,
    texts: &'r Texts,
}

impl<'r> View<'r> {
    fn finding(&self, it: &'r Finding) -> JsonFinding<'r> {
        JsonFinding {
            rule: it.rule.id,
            name: it.rule.name,
            severity: it.severity,
            message: &it.message,
            place: self.place(&it.place),
            others: it.others.iter().map(|place| self.place(place)).collect(),
            why: it.rule.why,
            help: &it.help,
            edits: it.edits.iter().map(|edit| self.edit(edit)).collect(),
        }
    }

    fn place(&self, it: &'r Place) -> JsonPlace<'r> {
        JsonPlace {
            source: self.report.source_of(it).map(|source| source.name.as_str()),
            path: &it.path,
            label: &it.label,
            text: it.span.map(|span| self.text(span)),
        }
    }

    fn edit(&self, it: &'r Edit) -> JsonEdit<'r> {
        JsonEdit { text: self.text(it.span), with: &it.text }
    }

    fn text(&self, span: Span) -> JsonText<'r> {
        let (spot, range) = (spot(self.texts, span), self.texts.within(span));
        JsonText {
            file: spot.file,
            line: spot.line,
            column: spot.column,
            end_line: spot.end_line,
            end_column: spot.end_column,
            start: range.start,
            end: range.end,
        }
    }
}

#[derive(Serialize)]
struct Review<'r> {
    annals_review: u32,
    summary: Summary,
    findings: Vec<JsonFinding<'r>>,
    allowed: Vec<JsonAllowed<'r>>,
    known: Vec<JsonFinding<'r>>,
    good: Vec<JsonGood<'r>>,
    checked: Vec<&'static str>,
    read: Vec<JsonSource<'r>>,
}

#[derive(Serialize)]
struct Summary {
    errors: usize,
    warnings: usize,
    notes: usize,
    allowed: usize,
    known: usize,
}

#[derive(Serialize)]
struct JsonFinding<'r> {
    rule: &'static str,
    name: &'static str,
    severity: Severity,
    message: &'r str,
    place: JsonPlace<'r>,
    others: Vec<JsonPlace<'r>>,
    why: &'static str,
    help: &'r [String],
    edits: Vec<JsonEdit<'r>>,
}

#[derive(Serialize)]
struct JsonPlace<'r> {
    source: Option<&'r str>,
    path: &'r str,
    label: &'r str,
    text: Option<JsonText<'r>>,
}

#[derive(Serialize)]
struct JsonText<'r> {
    file: &'r str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    start: usize,
    end: usize,
}

#[derive(Serialize)]
struct JsonEdit<'r> {
    text: JsonText<'r>,
    with: &'r str,
}

#[derive(Serialize)]
struct JsonAllowed<'r> {
    because: &'r str,
    finding: JsonFinding<'r>,
}

#[derive(Serialize)]
struct JsonGood<'r> {
    rule: &'static str,
    name: &'static str,
    message: &'r str,
    place: JsonPlace<'r>,
}

#[derive(Serialize)]
struct JsonSource<'r> {
    name: &'r str,
    kind: &'static str,
    holds: &'r str,
}
