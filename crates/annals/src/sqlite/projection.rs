//! Read models in SQLite tables. The rows and the checkpoint change in one transaction, so that an event is
//! in the tables exactly once, whatever crashes when; and the whole can be thrown away and built again.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use crate::error::{Conflict, Error, ErrorKind, Result};
use crate::event::RecordedEvent;
use crate::project::{self, ProjectionResult, own_error};
use crate::query::{Position, Query};
use crate::store::EventStore;
use crate::subscribe::Checkpoint;

use super::{error, schema};

/// A read model: which events it reads, its tables, and what each event does to them. Its code is
/// synchronous and gets the database's own transaction, and nothing else, so that doing it again is harmless.
pub trait Projection: Send + 'static {
    /// Names it in the target; its checkpoint is kept under this name.
    fn name(&self) -> &str;

    /// The events it reads.
    fn query(&self) -> Query;

    /// Creates its tables; called when it has none, in the transaction that begins it.
    ///
    /// # Errors
    /// Whatever the statements fail with; nothing of it stays.
    fn create(&self, tx: &Transaction<'_>) -> ProjectionResult;

    /// Drops its tables, before it is built again.
    ///
    /// # Errors
    /// Whatever the statements fail with; nothing of it stays.
    fn drop(&self, tx: &Transaction<'_>) -> ProjectionResult;

    /// Takes in one event.
    ///
    /// # Errors
    /// Stops the projection before this event's batch; nothing of the batch stays.
    fn apply(&mut self, tx: &Transaction<'_>, event: &RecordedEvent) -> ProjectionResult;
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS annals_projections (
    name TEXT PRIMARY KEY,
    checkpoint TEXT NOT NULL,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID";

const SAVE: &str = "INSERT INTO annals_projections (name, checkpoint, position) VALUES (?1, ?2, ?3)
ON CONFLICT (name) DO UPDATE SET checkpoint = excluded.checkpoint, position = excluded.position";

/// Runs one projection against tables in an SQLite file, which may be the store's own or another one.
pub type Projector<P> = project::Projector<Target<P>>;

/// Tables in an SQLite file.
#[derive(Debug)]
pub struct Target<P> {
    inner: Arc<Mutex<Inner<P>>>,
    name: String,
    query: Query,
}

struct Inner<P> {
    connection: Connection,
    projection: P,
}

impl<P: Projection> Projector<P> {
    /// Opens the target, creating the file and the projection's tables where they are missing.
    ///
    /// # Errors
    /// Unavailable when the file cannot be opened; invalid when its tables were filled from another store,
    /// or from one that has been restored to before them.
    pub async fn open(store: EventStore, path: impl AsRef<Path>, projection: P) -> Result<Self> {
        let (name, query) = (projection.name().to_owned(), projection.query());
        let path = path.as_ref().to_owned();
        let inner = blocking(move || {
            let failed = |e| error::of("could not open the read model", e);
            let connection = super::connect(&path, true)?;
            schema::prepare(&connection).map_err(failed)?;
            schema::use_wal(&connection).map_err(failed)?;
            Ok(Inner { connection, projection })
        })
        .await?;
        Self::begin(store, Target { inner: Arc::new(Mutex::new(inner)), name, query }).await
    }
}

impl<P: Projection> project::Target for Target<P> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn query(&self) -> Query {
        self.query.clone()
    }

    async fn begin(&mut self, beginning: Checkpoint, again: bool) -> Result<Checkpoint> {
        self.with(move |inner| inner.begin(beginning, again)).await
    }

    async fn checkpoint(&mut self) -> Result<Option<Checkpoint>> {
        self.with(|inner| inner.checkpoint()).await
    }

    async fn write(
        &mut self,
        from: &Checkpoint,
        events: Vec<RecordedEvent>,
        next: &Checkpoint,
        position: Position,
    ) -> Result<()> {
        let (from, next) = (from.clone(), next.clone());
        self.with(move |inner| inner.write(&from, &events, &next, position)).await
    }
}

impl<P: Projection> Target<P> {
    /// Works on the tables, on tokio's blocking pool; the future borrows nothing.
    fn with<T: Send + 'static, W>(&self, work: W) -> impl Future<Output = Result<T>> + Send + use<P, T, W>
    where
        W: FnOnce(&mut Inner<P>) -> Result<T> + Send + 'static,
    {
        let inner = self.inner.clone();
        blocking(move || work(&mut inner.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl<P: Projection> Inner<P> {
    /// Creates the tables, or finds them; says where they stand. `again` drops them first.
    fn begin(&mut self, beginning: Checkpoint, again: bool) -> Result<Checkpoint> {
        let failed = |e| error::of("could not open the read model", e);
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        tx.execute_batch(CREATE).map_err(failed)?;
        let name = self.projection.name();
        let known = checkpoint(&tx, name).map_err(failed)?;
        if let Some(known) = known {
            if !again {
                return Ok(known);
            }
            self.projection.drop(&tx).map_err(|e| own_error(name, "drop its tables", e))?;
        }
        self.projection.create(&tx).map_err(|e| own_error(name, "create its tables", e))?;
        tx.execute(SAVE, (name, beginning.as_str(), 0)).map_err(failed)?;
        tx.commit().map_err(error::of_commit)?;
        Ok(beginning)
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>> {
        checkpoint(&self.connection, self.projection.name())
            .map_err(|e| error::of("could not read the projection's checkpoint", e))
    }

    /// Takes in the events between two checkpoints.
    fn write(
        &mut self,
        from: &Checkpoint,
        events: &[RecordedEvent],
        next: &Checkpoint,
        position: Position,
    ) -> Result<()> {
        let failed = |e| error::of("could not write the read model", e);
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let name = self.projection.name().to_owned();
        let actual = checkpoint(&tx, &name).map_err(failed)?;
        if actual.as_ref() != Some(from) {
            // Another runner has moved the tables; what it wrote counts.
            return Err(Conflict::Checkpoint { name, actual }.into());
        }
        for event in events {
            self.projection.apply(&tx, event).map_err(|e| {
                own_error(
                    &name,
                    &format!("take in event {} at position {}", event.event_id, event.position),
                    e,
                )
            })?;
        }
        tx.execute(SAVE, (&name, next.as_str(), super::row::integer(position.0))).map_err(failed)?;
        tx.commit().map_err(error::of_commit)
    }
}

fn checkpoint(connection: &Connection, name: &str) -> rusqlite::Result<Option<Checkpoint>> {
    connection
        .query_row("SELECT checkpoint FROM annals_projections WHERE name = ?1", [name], |found| {
            super::row::parse(found, 0)
        })
        .optional()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::with_source(ErrorKind::Internal, "the projection panicked", e))?
}

impl<P> std::fmt::Debug for Inner<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("connection", &self.connection).finish_non_exhaustive()
    }
}
