//! Read models: tables that can be thrown away and built again from the log.
//!
//! A read model's rows and its checkpoint change in one transaction of its database, so that an event is in it
//! exactly once, whatever crashes when. Its database need not be the store's. It is written against the
//! transaction of its database (`Projection` in each backend's module) or declared in a file (`declared`), and
//! a [`Projector`] runs any number of them, in any number of processes:
//!
//! - The events are divided by key, a stream unless the read model says otherwise, into
//!   [partitions](ReadModel::partitions). One process at a time owns each, by a lease; when it dies, another
//!   takes over within seconds, and what the dead one may still write is refused.
//! - An event that fails is tried again, and then stops its partition, is skipped, or is parked with all later
//!   events of its key while the rest goes on: [`OnFailure`].
//! - A read model is built anew beside the one that serves; when it has caught up, readers are switched to it
//!   in one step, and can be switched back: [`Projector::rebuild`].
//! - What is known and what is wanted are tables in the same database, which [`Control`] reads and writes, and
//!   every running projector obeys.

mod assign;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlserver"))]
mod bound;
mod check;
mod manage;
mod parked;
mod part;
mod progress;
mod projector;
mod records;
mod session;
mod status;
mod supervise;
mod tables;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::event::RecordedEvent;
use crate::query::{Query, Scope};
use crate::snapshot::Fingerprint;
use crate::subscribe::Start;

pub use self::check::{Check, Checked, NewColumn, Parted};
pub use self::manage::Control;
pub use self::progress::Progress;
pub use self::projector::Projector;
pub use self::status::{Generation, Parked, Part, Stage, Status};
pub use self::tables::Tables;

#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlserver"))]
pub(crate) use self::bound::{Bound, Connect, Source};
pub(crate) use self::records::definitions;
#[cfg(feature = "sqlite")]
pub(crate) use self::session::Desk;
pub(crate) use self::session::{
    Answer, Batch, Creation, Database, Dialect, Model, Session, Sql, Value, Written, own_error,
};
#[cfg(feature = "declared")]
pub(crate) use self::tables::braced;

/// What a projection's own code may fail with.
pub type ProjectionResult = Result<(), Box<dyn StdError + Send + Sync>>;

/// How many partitions there may be.
const PARTITIONS_MAX: u32 = 1024;

/// How long a name may be, in bytes.
const NAME_MAX: usize = 100;

/// What a read model is, whatever database its tables are in.
#[derive(Clone)]
pub struct ReadModel {
    pub(crate) name: String,
    pub(crate) query: Query,
    pub(crate) tables: Vec<String>,
    /// In each table that says so, the column that holds the key.
    pub(crate) key_columns: BTreeMap<String, String>,
    pub(crate) partitions: Option<u32>,
    version: u32,
    code: Option<Fingerprint>,
    pub(crate) declared: Option<String>,
    key: Option<Key>,
}

type Key = Arc<dyn Fn(&RecordedEvent) -> String + Send + Sync>;

impl ReadModel {
    /// A read model of this name, from the events of a query.
    pub fn new(name: impl Into<String>, query: Query) -> Self {
        Self {
            name: name.into(),
            query,
            tables: Vec::new(),
            key_columns: BTreeMap::new(),
            partitions: None,
            version: 1,
            code: None,
            declared: None,
            key: None,
        }
    }

    /// One of its tables: readers find it under this name, its own SQL calls it `{name}` ([`Tables`]).
    #[must_use]
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.tables.push(name.into());
        self
    }

    /// As [`table`](Self::table), and a column of it holds the [`key`](Self::key) of the events from which a row is
    /// made: so the rows of a key can be compared with its events, and mended ([`Projector::check`]).
    #[must_use]
    pub fn table_by(mut self, name: impl Into<String>, key_column: impl Into<String>) -> Self {
        let name = name.into();
        self.key_columns.insert(name.clone(), key_column.into());
        self.table(name)
    }

    /// Counts the changes of its code that no fingerprint sees; 1 unless given. Tables that another version has
    /// filled are stale ([`OnStale`]).
    #[must_use]
    pub fn version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    /// Adds the fingerprint of code, such as `Order::FINGERPRINT` where
    /// [`#[annals::fingerprint]`](macro@crate::fingerprint) writes it. Tables that other code has filled are
    /// stale ([`OnStale`]).
    #[must_use]
    pub fn fingerprint_of(self, code: impl Into<Option<Fingerprint>>) -> Self {
        Self { code: code.into(), ..self }
    }

    /// Adds a text that, when it changes, makes the tables stale.
    #[cfg(feature = "declared")]
    #[must_use]
    pub(crate) fn declared_by(self, text: String) -> Self {
        Self { declared: Some(text), ..self }
    }

    /// Divides the events by key into this many parts, which are written in parallel, each in the order of the
    /// log. Tables that are there keep the number they were made with until they are built anew; without one
    /// given, that is as many as before, and 1 at first.
    #[must_use]
    pub fn partitions(self, partitions: u32) -> Self {
        Self { partitions: Some(partitions), ..self }
    }

    /// The key by which events are divided, and set aside when one fails; the stream unless given. Events of
    /// one key are taken in in order.
    #[must_use]
    pub fn key(self, key: impl Fn(&RecordedEvent) -> String + Send + Sync + 'static) -> Self {
        Self { key: Some(Arc::new(key)), ..self }
    }

    pub(crate) fn key_of<'e>(&self, event: &'e RecordedEvent) -> Cow<'e, str> {
        match &self.key {
            None => event.stream_id.as_str().into(),
            Some(key) => key(event).into(),
        }
    }

    /// Tells what fills the tables from what would fill them otherwise.
    pub(crate) fn fingerprint(&self) -> String {
        let mut digest = Sha256::new();
        let mut add = |part: &str| digest.update(format!("{}:{part}", part.len()));
        for item in self.query.items() {
            item.types.iter().for_each(|name| add(name.as_str()));
            item.tags.iter().for_each(|tag| add(tag.as_str()));
            match &item.scope {
                Scope::All => add("all"),
                Scope::Stream(id) => add(&format!("stream {id}")),
                Scope::Prefix(prefix) => add(&format!("prefix {prefix}")),
                Scope::Category(category) => add(&format!("category {category}")),
            }
        }
        self.tables.iter().for_each(|table| add(table));
        add(self.declared.as_deref().unwrap_or_default());
        add(&self.code.map(|code| code.to_string()).unwrap_or_default());
        let short: String = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("v{}-{short}", self.version)
    }

    /// # Errors
    /// Invalid when no database could hold it.
    fn check(&self) -> Result<()> {
        let name = self.name.as_str();
        if name.trim() != name || name.is_empty() || name.len() > NAME_MAX || name.contains(char::is_control)
        {
            return Err(Error::invalid(format!(
                "{name:?} is no name of a projection, expected 1 to {NAME_MAX} bytes without blanks at the ends"
            )));
        }
        if self.tables.is_empty() {
            return Err(Error::invalid(format!("projection {name:?} has no tables, expected at least one")));
        }
        if let Some(partitions) = self.partitions.filter(|it| !(1..=PARTITIONS_MAX).contains(it)) {
            return Err(Error::invalid(format!(
                "projection {name:?} has {partitions} partitions, expected 1 to {PARTITIONS_MAX}"
            )));
        }
        self.tables.iter().chain(self.key_columns.values()).try_for_each(|name| tables::check(name))
    }
}

impl ReadModel {
    /// # Errors
    /// Invalid for a column of a table that it does not have.
    fn check_column(&self, column: &NewColumn) -> Result<()> {
        tables::check(&column.name)?;
        if self.tables.contains(&column.table) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "projection {:?} has no table {:?}, expected one of {}",
            self.name,
            column.table,
            self.tables.join(", ")
        )))
    }
}

impl fmt::Debug for ReadModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadModel")
            .field("name", &self.name)
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}

/// What becomes of an event that still fails when it has been tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Its partition stands before it until it is resumed; the other partitions go on.
    #[default]
    Stop,
    /// It is passed over, and written down.
    Skip,
    /// It and all later events of its key are set aside in order, until they are tried again or dropped; the
    /// rest goes on.
    Park,
}

/// What to do with tables that other code has filled than that which would fill them now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnStale {
    /// Say so, and do nothing.
    #[default]
    Refuse,
    /// Build new ones beside them, and let those serve when they have caught up.
    Rebuild,
    /// Go on with them.
    Keep,
}

/// A read model in the database of its tables, and how to run it.
#[derive(Debug, Clone)]
pub struct Target {
    pub(crate) model: ReadModel,
    pub(crate) database: Arc<dyn Database>,
    pub(crate) on_failure: OnFailure,
    pub(crate) on_stale: OnStale,
    pub(crate) retries: u32,
    pub(crate) start: Start,
}

impl Target {
    /// How often a failing event is tried again, unless given.
    pub const RETRIES: u32 = 5;

    pub(crate) fn new(model: ReadModel, database: Arc<dyn Database>) -> Self {
        let (on_failure, on_stale) = (OnFailure::default(), OnStale::default());
        Self { model, database, on_failure, on_stale, retries: Self::RETRIES, start: Start::Beginning }
    }

    /// What the read model is.
    pub fn read_model(&self) -> &ReadModel {
        &self.model
    }

    /// Divides the events into this many parts: [`ReadModel::partitions`].
    #[must_use]
    pub fn partitions(mut self, partitions: u32) -> Self {
        self.model = self.model.partitions(partitions);
        self
    }

    /// What becomes of an event that still fails when it has been tried again.
    #[must_use]
    pub fn on_failure(self, on_failure: OnFailure) -> Self {
        Self { on_failure, ..self }
    }

    /// How often a failing event is tried again, with growing pauses, before it has failed.
    #[must_use]
    pub fn retries(self, retries: u32) -> Self {
        Self { retries, ..self }
    }

    /// What to do with tables that other code has filled.
    #[must_use]
    pub fn on_stale(self, on_stale: OnStale) -> Self {
        Self { on_stale, ..self }
    }

    /// Where a read model begins that has no tables yet; with the first event unless given.
    #[must_use]
    pub fn starting(self, start: Start) -> Self {
        Self { start, ..self }
    }

    pub(crate) fn records(&self) -> records::Records {
        records::Records::new(self.database.desk().dialect().clone(), self.model.name.clone())
    }
}

/// The pause before a failing event is tried for the `attempt`th time again.
fn pause(attempt: u32) -> Duration {
    Duration::from_millis(50 << attempt.saturating_sub(1).min(5))
}
