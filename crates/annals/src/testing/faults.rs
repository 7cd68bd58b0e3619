//! A store whose connection fails on purpose, so that what `EventStore` makes of it can be tested (rule 18).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::append::{Append, Appended};
use crate::backend::{
    Backend, BoxFuture, Capabilities, Durability, EventTypeInfo, HashFormula, Head, LogPage, LogRange,
    RewriteAttempt, Stats, StoreId, StreamInfo, StreamPage, StreamRange,
};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventId, EventType, RecordedEvent};
use crate::query::Position;
use crate::snapshot::{Snapshot, SnapshotKey};
use crate::stream::StreamId;
use crate::subscribe::Checkpoint;

/// What happens to one call of [`Backend::append`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: the call goes through.
    None,
    /// The connection fails before anything is written.
    Unavailable,
    /// The batch is written and the answer is lost.
    AnswerLost,
    /// The batch is written after a pause.
    Delayed(Duration),
    /// The backend panics in the middle of it, which is a bug of the backend.
    Panic,
}

/// A backend whose appends and snapshots fail as told; everything else is handed through.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Backend>,
    schedule: Mutex<Schedule>,
    calls: AtomicU64,
    snapshots_fail: AtomicBool,
    reads_take: Mutex<Duration>,
}

#[derive(Debug)]
struct Schedule {
    next: VecDeque<Fault>,
    afterwards: Fault,
}

impl Faulty {
    /// A backend that works until it is told to fail.
    pub fn new(inner: Arc<dyn Backend>) -> Arc<Self> {
        let schedule = Schedule { next: VecDeque::new(), afterwards: Fault::None };
        Arc::new(Self {
            inner,
            schedule: Mutex::new(schedule),
            calls: AtomicU64::new(0),
            snapshots_fail: AtomicBool::new(false),
            reads_take: Mutex::new(Duration::ZERO),
        })
    }

    /// What happens to the next calls of append, and to every call after those.
    pub fn schedule(&self, next: impl IntoIterator<Item = Fault>, afterwards: Fault) {
        let next = next.into_iter().collect();
        *self.schedule.lock().unwrap_or_else(PoisonError::into_inner) = Schedule { next, afterwards };
    }

    /// Whether loading, saving and deleting a snapshot fails from now on.
    pub fn fail_snapshots(&self, fail: bool) {
        self.snapshots_fail.store(fail, Ordering::Relaxed);
    }

    /// How much longer each page of a stream takes from now on.
    pub fn delay_reads(&self, pause: Duration) {
        *self.reads_take.lock().unwrap_or_else(PoisonError::into_inner) = pause;
    }

    fn snapshots(&self) -> Result<&Arc<dyn Backend>> {
        if self.snapshots_fail.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Unavailable, "snapshots cannot be reached, as told"));
        }
        Ok(&self.inner)
    }

    /// How often append was called.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    fn next(&self) -> Fault {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut schedule = self.schedule.lock().unwrap_or_else(PoisonError::into_inner);
        schedule.next.pop_front().unwrap_or(schedule.afterwards)
    }
}

impl Backend for Faulty {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn store_id(&self) -> StoreId {
        self.inner.store_id()
    }

    fn hash_formula(&self) -> Option<HashFormula> {
        self.inner.hash_formula()
    }

    fn append(&self, batch: Arc<[Append]>) -> BoxFuture<'_, Result<Vec<Result<Appended>>>> {
        match self.next() {
            Fault::None => self.inner.append(batch),
            Fault::Unavailable => Box::pin(async {
                Err(Error::new(ErrorKind::Unavailable, "the connection failed before the append, as told"))
            }),
            Fault::Delayed(pause) => Box::pin(async move {
                tokio::time::sleep(pause).await;
                self.inner.append(batch).await
            }),
            Fault::Panic => Box::pin(async {
                tokio::task::yield_now().await;
                panic!("the backend panics, as told")
            }),
            Fault::AnswerLost => Box::pin(async move {
                self.inner.append(batch).await?;
                Err(Error::new(ErrorKind::Indeterminate, "the append's answer was lost, as told"))
            }),
        }
    }

    fn read_stream(&self, range: StreamRange) -> BoxFuture<'_, Result<StreamPage>> {
        let pause = *self.reads_take.lock().unwrap_or_else(PoisonError::into_inner);
        if pause.is_zero() {
            return self.inner.read_stream(range);
        }
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            self.inner.read_stream(range).await
        })
    }

    fn read_log(&self, range: LogRange) -> BoxFuture<'_, Result<LogPage>> {
        self.inner.read_log(range)
    }

    fn head(&self) -> BoxFuture<'_, Result<Head>> {
        self.inner.head()
    }

    fn wait(&self, position: Position) -> BoxFuture<'_, ()> {
        self.inner.wait(position)
    }

    fn events_by_id(&self, ids: Vec<EventId>) -> BoxFuture<'_, Result<Vec<RecordedEvent>>> {
        self.inner.events_by_id(ids)
    }

    fn list_streams(
        &self,
        prefix: String,
        after: Option<StreamId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StreamInfo>>> {
        self.inner.list_streams(prefix, after, limit)
    }

    fn list_event_types(
        &self,
        after: Option<EventType>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<EventTypeInfo>>> {
        self.inner.list_event_types(after, limit)
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats>> {
        self.inner.stats()
    }

    fn load_checkpoint(&self, name: String) -> BoxFuture<'_, Result<Option<Checkpoint>>> {
        self.inner.load_checkpoint(name)
    }

    fn save_checkpoint(
        &self,
        name: String,
        previous: Option<Checkpoint>,
        next: Checkpoint,
    ) -> BoxFuture<'_, Result<()>> {
        self.inner.save_checkpoint(name, previous, next)
    }

    fn load_snapshot(&self, key: SnapshotKey) -> BoxFuture<'_, Result<Option<Snapshot>>> {
        Box::pin(async move { self.snapshots()?.load_snapshot(key).await })
    }

    fn save_snapshot(&self, key: SnapshotKey, snapshot: Snapshot) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.snapshots()?.save_snapshot(key, snapshot).await })
    }

    fn delete_snapshot(&self, key: SnapshotKey) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.snapshots()?.delete_snapshot(key).await })
    }

    fn durability(&self) -> BoxFuture<'_, Result<Durability>> {
        self.inner.durability()
    }

    fn attempt_rewrites(&self) -> BoxFuture<'_, Result<Vec<RewriteAttempt>>> {
        self.inner.attempt_rewrites()
    }

    fn drop_namespace(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.drop_namespace()
    }
}
