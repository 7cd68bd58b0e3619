//! Running one read model that can be thrown away and built again: its rows and its checkpoint change in one
//! transaction of its database, so that an event is in it exactly once, whatever crashes when. What that
//! transaction is, each backend says ([`Target`]).

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;

use crate::backend::Capability;
use crate::error::{Error, ErrorKind, Result};
use crate::event::RecordedEvent;
use crate::query::{Position, Query};
use crate::store::EventStore;
use crate::subscribe::{Checkpoint, Start, Subscription};

/// What a projection's own code may fail with.
pub type ProjectionResult = Result<(), Box<dyn StdError + Send + Sync>>;

/// How many events are written in one transaction.
const BATCH: usize = 512;

/// Tables of a read model, and the transactions in which they change.
pub trait Target: Send + 'static {
    /// Names the projection; its checkpoint is kept under this name.
    fn name(&self) -> String;

    /// The events it reads.
    fn query(&self) -> Query;

    /// Creates the tables, or finds them; says where they stand. `again` drops them first.
    fn begin(
        &mut self,
        beginning: Checkpoint,
        again: bool,
    ) -> impl Future<Output = Result<Checkpoint>> + Send;

    /// Where the tables stand; `None` before they are created.
    fn checkpoint(&mut self) -> impl Future<Output = Result<Option<Checkpoint>>> + Send;

    /// Takes in the events between two checkpoints, all or none.
    ///
    /// # Errors
    /// A conflict when the tables do not stand at `from`: another runner has moved them, and what it wrote
    /// counts.
    fn write(
        &mut self,
        from: &Checkpoint,
        events: Vec<RecordedEvent>,
        next: &Checkpoint,
        position: Position,
    ) -> impl Future<Output = Result<()>> + Send;
}

/// Runs one projection against its target.
pub struct Projector<T> {
    store: EventStore,
    target: T,
    name: String,
    /// Where the tables stand, as this runner last wrote or read it. What it writes next is only written if
    /// they still stand there: a write that was dropped may be carried out later than the next one.
    checkpoint: Checkpoint,
    /// Goes on from `checkpoint`.
    subscription: Option<Subscription>,
    seen: Arc<watch::Sender<Position>>,
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

impl<T: Target> Projector<T> {
    /// Begins where the target stands.
    ///
    /// # Errors
    /// Invalid when its tables were filled from another store, or from one that has been restored to before
    /// them; what the target failed with.
    pub(crate) async fn begin(store: EventStore, mut target: T) -> Result<Self> {
        store.capabilities().require(Capability::TotalOrder)?;
        let name = target.name();
        let checkpoint = target.begin(store.checkpoint_at(Position::START), false).await?;
        let position = store.position_of(&checkpoint).await?;
        let seen = Arc::new(watch::Sender::new(position));
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
        self.checkpoint = self.target.begin(beginning, true).await?;
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
                let query = self.target.query();
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
        if let Some(known) = self.target.checkpoint().await? {
            self.checkpoint = known;
        }
        let position = self.checkpoint.position_in(self.store.store_id())?;
        self.seen.send_replace(position);
        Ok(position)
    }

    async fn take(&mut self, events: Vec<RecordedEvent>, checkpoint: Checkpoint) -> Result<u64> {
        let position = checkpoint.position_in(self.store.store_id())?;
        let count = events.len() as u64;
        if checkpoint != self.checkpoint {
            self.target.write(&self.checkpoint, events, &checkpoint, position).await?;
        }
        self.checkpoint = checkpoint;
        self.seen.send_if_modified(|seen| {
            let moved = *seen < position;
            *seen = position.max(*seen);
            moved
        });
        Ok(count)
    }
}

/// The error of a projection's own code.
pub(crate) fn own_error(name: &str, doing: &str, source: Box<dyn StdError + Send + Sync>) -> Error {
    Error::with_source(ErrorKind::Invalid, format!("projection {name:?} could not {doing}"), source)
}

impl<T> fmt::Debug for Projector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projector")
            .field("name", &self.name)
            .field("seen", &*self.seen.borrow())
            .finish_non_exhaustive()
    }
}
