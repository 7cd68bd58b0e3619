//! Asking a database in SQL, alike for all of them: every value comes back as text or bytes, and a refusal says why
//! without what the server said, which may hold a value.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long one statement may take.
pub(super) const STATEMENT_MAX: Duration = Duration::from_secs(30);

/// How long one statement waits for a lock.
pub(super) const LOCK_MAX: Duration = Duration::from_secs(3);

/// A connection that only reads.
pub(super) trait Ask {
    /// Runs one statement that only reads.
    async fn ask(&mut self, sql: &str) -> Result<Vec<Row>, Refused>;

    /// How this database writes what others write differently.
    fn dialect(&self) -> &'static Dialect;
}

/// What databases write differently.
#[derive(Debug)]
pub(super) struct Dialect {
    /// A name in quotes, whatever it holds.
    pub(super) quote: fn(&str) -> String,
    /// A value as a literal that nothing in it can end, whatever the server's settings are.
    pub(super) literal: fn(&Cell) -> String,
    /// How many bytes an expression has.
    pub(super) bytes: fn(&str) -> String,
    /// A time as text.
    pub(super) time: fn(&str) -> String,
    /// Whether a bound on rows stands behind SELECT.
    pub(super) has_top: bool,
}

impl Dialect {
    /// `SELECT what rest`, so many rows at most.
    pub(super) fn select(&self, what: &str, rest: &str, limit: u64) -> String {
        match self.has_top {
            true => format!("SELECT TOP ({limit}) {what} {rest}"),
            false => format!("SELECT {what} {rest} LIMIT {limit}"),
        }
    }

    pub(super) fn quote(&self, name: &str) -> String {
        (self.quote)(name)
    }

    pub(super) fn literal(&self, value: &Cell) -> String {
        (self.literal)(value)
    }
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    Null,
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Option<&str>> for Cell {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.to_owned()))
    }
}

/// A row of an answer.
#[derive(Debug, Clone)]
pub(super) struct Row {
    names: Arc<[String]>,
    cells: Vec<Cell>,
}

impl Row {
    pub(super) fn new(names: &Arc<[String]>, cells: Vec<Cell>) -> Self {
        Self { names: names.clone(), cells }
    }

    /// The value of a column; NULL for one that is not there.
    pub(super) fn cell(&self, name: &str) -> &Cell {
        let at = self.names.iter().position(|other| other.eq_ignore_ascii_case(name));
        at.and_then(|at| self.cells.get(at)).unwrap_or(&Cell::Null)
    }

    /// The text of a column; none for NULL and for bytes that are no text.
    pub(super) fn maybe(&self, name: &str) -> Option<&str> {
        match self.cell(name) {
            Cell::Null => None,
            Cell::Text(text) => Some(text),
            Cell::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
        }
    }

    /// As [`maybe`](Self::maybe), empty for none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.maybe(name).unwrap_or_default()
    }

    /// Whether a truth value is true, as any of the databases writes it.
    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self.text(name), "t" | "true" | "1" | "YES")
    }

    /// A whole number that is not negative.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.maybe(name)?.parse().ok()
    }
}

/// Why a statement was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) why: Why,
    /// As the database numbers its errors.
    code: String,
}

/// What kept a statement from being answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    NotAllowed,
    TooSlow,
    Locked,
    Lost,
    Other,
}

impl Refused {
    pub(super) fn new(why: Why, code: impl ToString) -> Self {
        Self { why, code: code.to_string() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Why::NotAllowed => f.write_str("this login may not")?,
            Why::TooSlow => f.write_str("it took too long")?,
            Why::Locked => write!(f, "it was locked for longer than {} s", LOCK_MAX.as_secs())?,
            Why::Lost => f.write_str("the connection is lost")?,
            Why::Other => f.write_str("the database refused the statement")?,
        }
        match self.code.as_str() {
            "" => Ok(()),
            code => write!(f, " ({code})"),
        }
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
