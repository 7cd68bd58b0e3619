//! What running read models asks of a database: statements in transactions, and the read model's own code in
//! the middle of one.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::backend::BoxFuture;
use crate::error::{Conflict, Error, ErrorKind, Result, causes};
use crate::event::RecordedEvent;
use crate::time::Timestamp;

use super::tables::{Tables, fill};

/// A value as it goes to a database.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(not(feature = "declared"), expect(dead_code, reason = "only declared read models have them all"))]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// In decimal digits, so that nothing is rounded on the way.
    Number(String),
    Text(String),
    Bytes(Vec<u8>),
    Time(Timestamp),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number.to_string())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.to_string())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A statement in SQL that every database reads, and the values of its parameters, `?` in their order.
#[derive(Debug, Clone)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) values: Vec<Value>,
    /// Nothing of the transaction stays unless this changes a row.
    pub(crate) guard: bool,
}

impl Sql {
    pub(crate) fn new(text: impl Into<String>, values: impl Into<Vec<Value>>) -> Self {
        Self { text: text.into(), values: values.into(), guard: false }
    }

    pub(crate) fn guard(self) -> Self {
        Self { guard: true, ..self }
    }

    /// The text with the database's own parameters: `placeholder` writes the one with this number, from 1.
    #[cfg(any(feature = "postgres", feature = "sqlserver"))]
    pub(crate) fn numbered(&self, placeholder: impl Fn(usize) -> String) -> String {
        let mut parts = self.text.split('?');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.enumerate().fold(first, |text, (n, part)| text + &placeholder(n + 1) + part)
    }
}

/// What a statement did.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Each column as text.
    pub(crate) rows: Vec<Vec<Option<String>>>,
    pub(crate) changed: u64,
}

impl Answer {
    /// # Errors
    /// A conflict when the statement was to change a row and did not.
    pub(crate) fn judge(self, of: &Sql) -> Result<Self> {
        match of.guard && self.changed == 0 {
            true => Err(Conflict::TakenOver.into()),
            false => Ok(self),
        }
    }
}

/// How a database writes what not all of them write alike.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    /// The type of a text that is a key: at most 200 characters, compared byte by byte.
    pub(crate) key: String,
    /// The type of a text of any length.
    pub(crate) text: &'static str,
    /// The time of the database in UTC, as a text of RFC 3339.
    pub(crate) now: &'static str,
    /// What stands before the name of a table that keeps track of read models.
    pub(crate) prefix: String,
    /// A statement that finds a row if there are tables that keep track of read models.
    pub(crate) known: String,
    /// A statement that makes a table of this name and with these columns, if it is missing.
    pub(crate) table: fn(name: &str, columns: &str) -> String,
    /// What a query selects of a table named `t`, so that two rows differ where their texts do.
    pub(crate) row: &'static str,
    /// The statements that make a view of this name show a table.
    pub(crate) view: fn(view: &str, table: &str) -> Vec<String>,
}

impl Dialect {
    /// Puts the names of tables in the place of words such as `{parts}`, and `{key}`, `{text}`, `{now}`.
    pub(crate) fn sql(&self, text: &str) -> String {
        fill(text, |word| match word {
            "key" => Some(self.key.as_str().into()),
            "text" => Some(self.text.into()),
            "now" => Some(self.now.into()),
            table => {
                let known = super::records::TABLES.iter().any(|(name, _)| *name == table);
                known.then(|| format!("{}{table}", self.prefix).into())
            }
        })
        .into_owned()
    }
}

/// A connection to the database of a read model, which only one task uses at a time.
pub(crate) trait Session: Send {
    /// Runs statements in one transaction; where one fails, none has done anything. (Definitions may have, in
    /// databases where they commit.)
    ///
    /// # Errors
    /// A conflict when a guard changes no row; what the database failed with.
    fn run(&mut self, statements: Vec<Sql>) -> BoxFuture<'_, Result<Vec<Answer>>>;
}

/// A connection that also runs a read model's own code.
pub(crate) trait Model: Session {
    /// Makes the tables that keep track of read models, where they are missing.
    fn define(&mut self) -> BoxFuture<'_, Result<()>>;

    /// Makes the tables of a generation, and in the same transaction, where the database can, all else. One at
    /// a time; does nothing and says so when `unless` finds a row.
    fn create(&mut self, creation: Creation) -> BoxFuture<'_, Result<bool>>;

    /// Takes in events, in one transaction with all else.
    ///
    /// # Errors
    /// A conflict when a guard changes no row; what the database failed with. That the read model's own code
    /// failed is no error here.
    fn write(&mut self, batch: Batch) -> BoxFuture<'_, Result<Written>>;
}

/// The tables of one generation, to be made.
#[derive(Debug)]
pub(crate) struct Creation {
    pub(crate) unless: Sql,
    /// What may be left of a creation that was cut off.
    pub(crate) clean: Vec<Sql>,
    pub(crate) tables: Tables,
    pub(crate) then: Vec<Sql>,
}

/// Events for a read model, and the statements that go with them.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) first: Vec<Sql>,
    pub(crate) tables: Tables,
    pub(crate) events: Arc<Vec<RecordedEvent>>,
    /// Which of them are to be taken in.
    pub(crate) take: Vec<usize>,
}

impl Batch {
    /// The events to be taken in, and where they are among all.
    pub(crate) fn taken(&self) -> impl Iterator<Item = (usize, &RecordedEvent)> {
        self.take.iter().filter_map(|index| Some((*index, self.events.get(*index)?)))
    }
}

/// What became of a batch.
#[derive(Debug)]
pub(crate) enum Written {
    All,
    /// The read model's own code failed at this event; nothing of the batch stays.
    Refused {
        index: usize,
        reason: Box<dyn StdError + Send + Sync>,
    },
}

impl Written {
    /// What the read model's own code failed with at an event.
    ///
    /// # Errors
    /// Unavailable when that came from an error of the driver which says that the database has gone back for the
    /// sake of another transaction: no fault of the event's.
    pub(crate) fn refused<F: StdError + 'static>(
        index: usize,
        reason: Box<dyn StdError + Send + Sync>,
        is_contended: impl Fn(&F) -> bool,
    ) -> Result<Self> {
        if causes(&*reason).filter_map(|cause| cause.downcast_ref()).any(is_contended) {
            let message = "the transaction of a read model met another one";
            return Err(Error::with_source(ErrorKind::Unavailable, message, reason));
        }
        Ok(Self::Refused { index, reason })
    }
}

/// A database that has read models.
pub(crate) trait Desk: Send + Sync + fmt::Debug {
    fn dialect(&self) -> &Dialect;

    fn session(&self) -> BoxFuture<'_, Result<Box<dyn Session>>>;
}

/// A read model in its database.
pub(crate) trait Database: Send + Sync + fmt::Debug {
    fn desk(&self) -> Arc<dyn Desk>;

    fn open(&self) -> BoxFuture<'_, Result<Box<dyn Model>>>;
}

/// The error of a read model's own code.
pub(crate) fn own_error(name: &str, doing: &str, source: Box<dyn StdError + Send + Sync>) -> Error {
    Error::with_source(ErrorKind::Invalid, format!("projection {name:?} could not {doing}"), source)
}
