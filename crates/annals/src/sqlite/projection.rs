//! Read models in SQLite tables. The rows and the checkpoint change in one transaction, so that an event is
//! in the tables exactly once, whatever crashes when; and the whole can be thrown away and built again.

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use tokio::sync::watch;

use crate::backend::Capability;
use crate::error::{Conflict, Error, ErrorKind, Result};
use crate::event::RecordedEvent;
use crate::query::{Position, Query};
use crate::store::EventStore;
use crate::subscribe::{Checkpoint, Start, Subscription};

use super::{error, schema};

/// What a projection's own code may fail with.
pub type ProjectionResult = Result<(), Box<dyn StdError + Send + Sync>>;

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

/// How many events are written in one transaction.
const BATCH: usize = 512;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS annals_projections (
    name TEXT PRIMARY KEY,
    checkpoint TEXT NOT NULL,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID";

const SAVE: &str = "INSERT INTO annals_projections (name, checkpoint, position) VALUES (?1, ?2, ?3)
ON CONFLICT (name) DO UPDATE SET checkpoint = excluded.checkpoint, position = excluded.position";

/// Runs one projection against tables in an SQLite file, which may be the store's own or another one.
pub struct Projector<P> {
    store: EventStore,
    target: Arc<Mutex<Target<P>>>,
    name: String,
    /// Where the tables stand, as this runner last wrote or read it. What it writes next is only written if
    /// they still stand there: a write that was dropped may be carried out later than the next one.
    checkpoint: Checkpoint,
    /// Goes on from `checkpoint`.
    subscription: Option<Subscription>,
    seen: Arc<watch::Sender<Position>>,
}

struct Target<P> {
    connection: Connection,
    projection: P,
}

/// Tells, from anywhere in the process, how far a projection has come.
#[derive(Debug, Clone)]
pub struct Progress {
    store: EventStore,
    seen: watch::Receiver<Position>,
}

impl Progress {
    /// The position up to which the tables hold every event.
    pub fn position(&self) -> Position {
        *self.seen.borrow()
    }

    /// Waits until the tables hold the append that issued this token: read your own writes.
    ///
    /// # Errors
    /// Unavailable after the time given; closed when the projector is gone; invalid for a token of another
    /// store.
    pub async fn wait_for(&mut self, token: &Checkpoint, at_most: Duration) -> Result<()> {
        let position = token.position_in(self.store.store_id())?;
        let reached = async { self.seen.wait_for(|seen| *seen >= position).await.map(drop) };
        match tokio::time::timeout(at_most, reached).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Error::new(ErrorKind::Closed, "the projector has ended")),
            Err(_) => Err(Error::new(
                ErrorKind::Unavailable,
                format!("the projection is at position {}, not yet at {position}", self.position()),
            )),
        }
    }
}

impl<P: Projection> Projector<P> {
    /// Opens the target, creating the file and the projection's tables where they are missing.
    ///
    /// # Errors
    /// Unavailable when the file cannot be opened; invalid when its tables were filled from another store,
    /// or from one that has been restored to before them.
    pub async fn open(store: EventStore, path: impl AsRef<Path>, projection: P) -> Result<Self> {
        store.capabilities().require(Capability::TotalOrder)?;
        let (path, name) = (path.as_ref().to_owned(), projection.name().to_owned());
        let beginning = store.checkpoint_at(Position::START);
        let (target, checkpoint) = blocking(move || {
            let failed = |e| error::of("could not open the read model", e);
            let connection = super::connect(&path, true)?;
            schema::prepare(&connection).map_err(failed)?;
            schema::use_wal(&connection).map_err(failed)?;
            let mut target = Target { connection, projection };
            let checkpoint = target.begin(beginning, false)?;
            Ok((target, checkpoint))
        })
        .await?;
        let position = store.position_of(&checkpoint).await?;
        let seen = Arc::new(watch::Sender::new(position));
        let target = Arc::new(Mutex::new(target));
        Ok(Self { store, target, name, checkpoint, subscription: None, seen })
    }

    /// A handle with which others see how far it has come.
    pub fn progress(&self) -> Progress {
        Progress { store: self.store.clone(), seen: self.seen.subscribe() }
    }

    /// Takes in every event that is there now; says how many it took.
    ///
    /// # Errors
    /// What the store, the target or the projection's own code failed with. The tables stand where their
    /// checkpoint says, and calling again goes on from there.
    pub async fn catch_up(&mut self) -> Result<u64> {
        // A subscription that has caught up would wait; a new one looks.
        self.subscription = None;
        let mut taken = 0;
        loop {
            match self.step().await? {
                0 => return Ok(taken),
                events => taken += events,
            }
        }
    }

    /// Takes in events as they come, until `stop` completes.
    ///
    /// # Errors
    /// As [`catch_up`](Self::catch_up).
    pub async fn run(&mut self, stop: impl Future<Output = ()>) -> Result<()> {
        let mut stop = std::pin::pin!(stop);
        while !self.step_or(stop.as_mut()).await? {}
        Ok(())
    }

    /// One step, unless `stop` completes first; says whether it did.
    async fn step_or(&mut self, mut stop: Pin<&mut impl Future<Output = ()>>) -> Result<bool> {
        let mut step = std::pin::pin!(self.step());
        poll_fn(|cx| match stop.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Ok(true)),
            Poll::Pending => step.as_mut().poll(cx).map_ok(|_| false),
        })
        .await
    }

    /// Drops the tables and builds them again from the first event; says how many it took.
    ///
    /// # Errors
    /// As [`catch_up`](Self::catch_up).
    pub async fn rebuild(&mut self) -> Result<u64> {
        let beginning = self.store.checkpoint_at(Position::START);
        self.subscription = None;
        self.checkpoint = self.with_target(move |target| target.begin(beginning, true)).await?;
        self.seen.send_replace(Position::START);
        self.catch_up().await
    }

    /// Delivers events by hand, as a reader that delivers at least once would: any number of times, but none
    /// left out, since the checkpoint moves to the last of them. Those that the tables already hold change
    /// nothing; says how many were new.
    ///
    /// # Errors
    /// As [`catch_up`](Self::catch_up).
    pub async fn deliver(&mut self, events: Vec<RecordedEvent>) -> Result<u64> {
        self.subscription = None;
        let seen = self.resume().await?;
        let mut new: Vec<_> = events.into_iter().filter(|event| event.position > seen).collect();
        new.sort_by_key(|event| event.position);
        new.dedup_by_key(|event| event.position);
        let Some(last) = new.last() else { return Ok(0) };
        let checkpoint = self.store.checkpoint_at(last.position);
        self.take(new, checkpoint).await
    }

    /// One batch; 0 when there was none and the checkpoint is at the end of the log.
    async fn step(&mut self) -> Result<u64> {
        // Taken out while it is ahead of the tables: a step that fails or is dropped leaves none behind, and
        // the next one asks the tables.
        let mut subscription = match self.subscription.take() {
            Some(subscription) => subscription,
            None => {
                self.resume().await?;
                let query = self.with_target(|target| Ok(target.projection.query())).await?;
                self.store.subscribe(query, Start::After(self.checkpoint.clone())).await?
            }
        };
        let (events, checkpoint) = subscription.next_batch(BATCH).await?;
        let written = self.take(events, checkpoint).await?;
        self.subscription = Some(subscription);
        Ok(written)
    }

    /// Asks the tables where they stand.
    async fn resume(&mut self) -> Result<Position> {
        if let Some(known) = self.with_target(|target| target.checkpoint()).await? {
            self.checkpoint = known;
        }
        let position = self.checkpoint.position_in(self.store.store_id())?;
        self.seen.send_replace(position);
        Ok(position)
    }

    async fn take(&mut self, events: Vec<RecordedEvent>, checkpoint: Checkpoint) -> Result<u64> {
        let position = checkpoint.position_in(self.store.store_id())?;
        let count = events.len() as u64;
        let (from, next) = (self.checkpoint.clone(), checkpoint.clone());
        self.with_target(move |target| target.write(&from, &events, &next, position)).await?;
        self.checkpoint = checkpoint;
        self.seen.send_if_modified(|seen| {
            let moved = *seen < position;
            *seen = position.max(*seen);
            moved
        });
        Ok(count)
    }

    /// Works on the tables, on tokio's blocking pool; the future borrows nothing.
    fn with_target<T: Send + 'static, W>(
        &self,
        work: W,
    ) -> impl Future<Output = Result<T>> + Send + use<P, T, W>
    where
        W: FnOnce(&mut Target<P>) -> Result<T> + Send + 'static,
    {
        let target = self.target.clone();
        blocking(move || work(&mut target.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl<P: Projection> Target<P> {
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
        if next == from {
            return Ok(());
        }
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

fn own_error(name: &str, doing: &str, source: Box<dyn StdError + Send + Sync>) -> Error {
    Error::with_source(ErrorKind::Invalid, format!("projection {name:?} could not {doing}"), source)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::with_source(ErrorKind::Internal, "the projection panicked", e))?
}

impl<P> fmt::Debug for Projector<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projector")
            .field("name", &self.name)
            .field("seen", &*self.seen.borrow())
            .finish_non_exhaustive()
    }
}
