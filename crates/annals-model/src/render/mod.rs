//! What a review found, for people and for programs.
//!
//! Names and excerpts come from files and databases of others. Whatever is shown to people here cannot steer a
//! terminal, and a place that is not in its text is shown as far as it is.

mod excerpt;
mod github;
mod human;
mod json;
mod markdown;
mod printable;
mod sarif;
mod short;
mod wrap;

use crate::finding::{Place, Severity};
use crate::review::Report;
use crate::text::{Span, Texts};

pub use self::github::github;
pub use self::human::{Human, human};
pub use self::json::json;
pub use self::markdown::markdown;
pub use self::sarif::sarif;
pub use self::short::short;

pub(crate) use self::json::written;
pub(crate) use self::markdown::{code, escaped, fence};
pub(crate) use self::printable::{printable, printable_line};
pub(crate) use self::wrap::wrapped;

/// A place in a text, counted from 1 in lines and characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spot<'t> {
    file: &'t str,
    line: usize,
    column: usize,
    end_line: usize,
    /// The column behind the last character.
    end_column: usize,
}

fn spot<'t>(texts: &'t Texts, span: Span) -> Spot<'t> {
    let range = texts.within(span);
    let (line, column) = texts.line_and_column(span.file, range.start);
    let (end_line, end_column) = texts.line_and_column(span.file, range.end);
    Spot { file: texts.name(span.file), line, column, end_line, end_column }
}

/// A place in one line: `store.sql:7:5`, or the store and the path where there is no text.
fn address(report: &Report, texts: &Texts, place: &Place) -> String {
    match place.span {
        Some(span) => {
            let Spot { file, line, column, .. } = spot(texts, span);
            format!("{file}:{line}:{column}")
        }
        None => match report.source_of(place) {
            Some(source) => format!("{}: {}", source.name, place.path),
            None => place.path.clone(),
        },
    }
}

/// `2 errors, 1 note`; `clean` where there is nothing.
fn counts(of: impl Fn(Severity) -> usize) -> String {
    let said = |severity: Severity| match of(severity) {
        0 => None,
        1 => Some(format!("1 {}", severity.name())),
        count => Some(format!("{count} {}s", severity.name())),
    };
    let said: Vec<String> =
        [Severity::Error, Severity::Warning, Severity::Note].into_iter().filter_map(said).collect();
    if said.is_empty() { "clean".to_owned() } else { said.join(", ") }
}
