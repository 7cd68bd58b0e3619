//! The event store: what applications hold. Everything that is the same for every database is here and
//! nowhere else: checks, group commit, retries, idempotency, subscriptions, tracing.

mod group_commit;
mod loads;
mod read;

use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use crate::append::{Append, Appended};
use crate::backend::{
    Backend, Capabilities, Capability, Direction, Durability, EventTypeInfo, Head, LogPage, LogRange, Stats,
    StoreId, StreamInfo, StreamPage, StreamRange,
};
use crate::chain::{ChainBreak, ChainCheck, ChainReport};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventId, EventType, NewEvent, RecordedEvent};
use crate::evolution::Registry;
use crate::query::{Position, Query};
use crate::stream::{Expected, IntoStreamId, StreamId, Version};
use crate::subscribe::{Checkpoint, Start, Subscription};
use crate::time::Timestamp;
use crate::trace::TraceContext;

use self::group_commit::{Bounds, GroupCommit};
pub use self::loads::{LoadStats, SnapshotStats};
pub use self::read::{Events, ReadLog, ReadStream};

/// How an [`EventStore`] treats the store behind it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Appends that may wait to be written; further callers wait for a place.
    pub queue_max: usize,
    /// Appends written in one transaction.
    pub batch_max: usize,
    /// How long an append is repeated while the store is unavailable or its answer was lost (rule 18).
    pub deadline: Duration,
    /// The pause before the first repetition; it doubles from one to the next.
    pub pause: Duration,
    /// How often a decision is taken again after a conflict.
    pub conflict_retries_max: u32,
    /// Where the trace that events are recorded in comes from, such as an OpenTelemetry context; asked for
    /// each event that names no trace of its own.
    pub trace: Option<fn() -> Option<TraceContext>>,
    /// The shapes of events that are taken; an append of any other is refused as invalid. `None` takes all.
    pub registry: Option<Registry>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_max: 4_096,
            batch_max: 1_024,
            deadline: Duration::from_secs(10),
            pause: Duration::from_millis(10),
            conflict_retries_max: 32,
            trace: None,
            registry: None,
        }
    }
}

/// A store of events, on whichever database. Cheap to clone: the clones are one store.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> annals::Result<()> {
/// use annals::{EventStore, Expected, NewEvent};
///
/// let store = EventStore::connect("memory:").await?;
/// let placed = NewEvent::json("order-placed", &serde_json::json!({ "customer": "ada" }))?;
/// let appended = store.append("order-1", Expected::NoStream, [placed]).await?;
/// assert_eq!(appended.version().0, 1);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct EventStore {
    backend: Arc<dyn Backend>,
    writer: Arc<GroupCommit>,
    options: Arc<Options>,
    loads: Arc<loads::Loads>,
}

impl EventStore {
    /// The store that a URL names, created where it is missing: `memory:`, `sqlite:orders.db`, …
    ///
    /// # Errors
    /// Invalid for a URL that names no store this build knows; what opening it failed with.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(url, Options::default()).await
    }

    /// Like [`connect`](Self::connect), with options.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with(url: &str, options: Options) -> Result<Self> {
        Ok(Self::new(crate::connect::connect(url).await?, options))
    }

    /// An event store on a backend. Call it inside a tokio runtime, which then writes its batches.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(backend: Arc<dyn Backend>, options: Options) -> Self {
        let bounds = Bounds {
            queue_max: options.queue_max.clamp(1, tokio::sync::Semaphore::MAX_PERMITS),
            batch_max: options.batch_max.max(1),
            batch_events_max: options.batch_max.max(1).saturating_mul(4),
        };
        let runtime = tokio::runtime::Handle::current();
        let writer = GroupCommit::new(backend.clone(), bounds, runtime.clone());
        let loads = Arc::new(loads::Loads::new(runtime));
        Self { backend, writer, options: Arc::new(options), loads }
    }

    /// The backend beneath, for what only it offers.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// The options in force.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What this store can do and how much it holds.
    pub fn capabilities(&self) -> &Capabilities {
        self.backend.capabilities()
    }

    /// Which store this is.
    pub fn store_id(&self) -> StoreId {
        self.backend.store_id()
    }

    /// Appends events to one stream, all or none.
    ///
    /// # Errors
    /// A conflict when the stream is not where it is expected; otherwise as [`append_all`](Self::append_all).
    pub async fn append(
        &self,
        stream_id: impl IntoStreamId,
        expected: Expected,
        events: impl IntoIterator<Item = NewEvent>,
    ) -> Result<Appended> {
        self.append_one(Append::to(stream_id.into_stream_id()?, expected, events)).await
    }

    /// Carries out one append, to several streams or under a condition.
    ///
    /// It is repeated with the same event ids while the store is unavailable or its answer was lost, until
    /// the deadline of [`Options`]. Dropping the future leaves either the whole append or nothing.
    ///
    /// # Errors
    /// Conflict; invalid for what no try can mend; unsupported for what this store lacks; unavailable when
    /// nothing was written, and indeterminate when that is not known, after the deadline.
    pub async fn append_one(&self, append: Append) -> Result<Appended> {
        let mut results = self.append_all(vec![append]).await;
        results.pop().unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, "an append without an answer")))
    }

    /// Carries out independent appends in the order given, each seeing those before it, and answers each.
    /// They share a durable transaction where the store has one; a conflict in one does not touch the others.
    pub async fn append_all(&self, mut appends: Vec<Append>) -> Vec<Result<Appended>> {
        for append in &mut appends {
            self.trace(append);
        }
        let events: usize = appends.iter().map(|append| append.events.len()).sum();
        let span = tracing::debug_span!("annals.append", appends = appends.len(), events);
        self.append_until_answered(appends).instrument(span).await
    }

    async fn append_until_answered(&self, appends: Vec<Append>) -> Vec<Result<Appended>> {
        let mut answers: Vec<Result<Appended>> = Vec::with_capacity(appends.len());
        let mut open: Vec<(usize, Append)> = Vec::with_capacity(appends.len());
        for (index, append) in appends.into_iter().enumerate() {
            match append.check(self.capabilities()).and_then(|()| self.admit(&append)) {
                // A place holder that the store's answer replaces.
                Ok(()) => answers.push(Err(Error::new(ErrorKind::Internal, "an append without an answer"))),
                Err(error) => {
                    answers.push(Err(error));
                    continue;
                }
            }
            open.push((index, append));
        }
        let mut retry = Retry::new(&self.options);
        while !open.is_empty() {
            let requests = open.iter().map(|(_, append)| append.clone()).collect();
            let results = self.writer.write(requests).await;
            let mut unanswered = Vec::new();
            for ((index, append), result) in open.into_iter().zip(results) {
                let again = matches!(&result, Err(e) if e.is_retryable());
                // A try whose answer was lost may have written; a later one that was not let in does not
                // tell that it has not.
                if !(is_kind(&answers[index], ErrorKind::Indeterminate)
                    && (is_kind(&result, ErrorKind::Unavailable) || is_kind(&result, ErrorKind::Closed)))
                {
                    answers[index] = result;
                }
                if again {
                    unanswered.push((index, append));
                }
            }
            open = unanswered;
            if open.is_empty() || !retry.pause().await {
                break;
            }
            tracing::debug!(appends = open.len(), "repeating appends whose outcome is not known");
        }
        answers
    }

    /// Only events of registered shapes, where there is a registry.
    fn admit(&self, append: &Append) -> Result<()> {
        let Some(registry) = &self.options.registry else { return Ok(()) };
        append.events.iter().try_for_each(|(_, event)| registry.admit(event))
    }

    fn trace(&self, append: &mut Append) {
        let Some(context) = self.options.trace.and_then(|trace| trace()) else { return };
        for (_, event) in &mut append.events {
            if event.traceparent.is_none() {
                event.traceparent = Some(context.traceparent.clone());
                event.tracestate.clone_from(&context.tracestate);
            }
        }
    }

    /// Reads a stream; the builder says which part, and its `events` are a `futures` stream of them.
    ///
    /// # Errors
    /// Invalid for a name that no stream has.
    pub fn read_stream(&self, stream_id: impl IntoStreamId) -> Result<ReadStream> {
        Ok(ReadStream::new(self.clone(), stream_id.into_stream_id()?))
    }

    /// Reads the log; the builder says which part, and its `events` are a `futures` stream of them.
    pub fn read_all(&self) -> ReadLog {
        ReadLog::new(self.clone())
    }

    /// One page of a stream.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn stream_page(&self, range: StreamRange) -> Result<StreamPage> {
        self.retrying(|| self.backend.read_stream(range.clone())).await
    }

    /// One page of the log.
    ///
    /// # Errors
    /// Unsupported where the store has no order across streams; what the store failed with.
    pub async fn log_page(&self, range: LogRange) -> Result<LogPage> {
        self.capabilities().require(Capability::TotalOrder)?;
        self.retrying(|| self.backend.read_log(range.clone())).await
    }

    /// Where a stream is; 0 where it never had an event.
    ///
    /// # Errors
    /// Invalid for a name that no stream has; what the store failed with.
    pub async fn stream_version(&self, stream_id: impl IntoStreamId) -> Result<Version> {
        let stream_id = stream_id.into_stream_id()?;
        let range = StreamRange { stream_id, from: Version::END, direction: Direction::Backward, limit: 1 };
        Ok(self.stream_page(range).await?.version)
    }

    /// Follows the events that match a query: first those that are there, then each new one.
    ///
    /// # Errors
    /// Invalid for a checkpoint of another store or one that is ahead of the log, as after the restoring of
    /// a backup; unsupported where the store has no order across streams.
    pub async fn subscribe(&self, query: Query, start: Start) -> Result<Subscription> {
        self.capabilities().require(Capability::TotalOrder)?;
        let after = self.position_before(&start).await?;
        Ok(Subscription::new(self.backend.clone(), query, after))
    }

    /// The position after which a start begins.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub async fn position_before(&self, start: &Start) -> Result<Position> {
        match start {
            Start::Beginning => Ok(Position::START),
            Start::Now => Ok(self.head().await?.position),
            Start::After(checkpoint) => self.position_of(checkpoint).await,
            Start::At(time) => self.last_before(*time).await,
        }
    }

    /// The last position of an event that was recorded before a time, found by halving: times never decrease with
    /// position.
    async fn last_before(&self, time: Timestamp) -> Result<Position> {
        let (mut before, mut end) = (Position::START, self.head().await?.position);
        while before < end {
            let middle = Position(before.0 + (end.0 - before.0).div_ceil(2));
            let range =
                LogRange { query: Query::all(), from: middle, direction: Direction::Backward, limit: 1 };
            // The last event up to there, since retention leaves holes.
            match self.log_page(range).await?.events.first() {
                Some(event) if event.recorded_at >= time => end = event.position.previous(),
                Some(_) | None => before = middle,
            }
        }
        Ok(before)
    }

    /// The position that a checkpoint stands for.
    ///
    /// # Errors
    /// Invalid for a checkpoint of another store, or one ahead of the log.
    pub async fn position_of(&self, checkpoint: &Checkpoint) -> Result<Position> {
        let position = checkpoint.position_in(self.store_id())?;
        let head = self.head().await?.position;
        if position > head {
            return Err(Error::invalid(format!(
                "checkpoint {checkpoint} is ahead of the log, which ends at position {head}: was the store \
                 restored from a backup?"
            )));
        }
        Ok(position)
    }

    /// The checkpoint of a position in this store.
    pub fn checkpoint_at(&self, position: Position) -> Checkpoint {
        Checkpoint::at(self.store_id(), position)
    }

    /// Where the log ends.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn head(&self) -> Result<Head> {
        self.retrying(|| self.backend.head()).await
    }

    /// The event with this id.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn event(&self, event_id: EventId) -> Result<Option<RecordedEvent>> {
        Ok(self.retrying(|| self.backend.events_by_id(vec![event_id])).await?.pop())
    }

    /// The events with these ids, those that exist, in the order asked for.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn events(&self, event_ids: Vec<EventId>) -> Result<Vec<RecordedEvent>> {
        self.retrying(|| self.backend.events_by_id(event_ids.clone())).await
    }

    /// Streams whose ids begin with `prefix` and come after `after`, in byte order.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn list_streams(
        &self,
        prefix: &str,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<StreamInfo>> {
        self.retrying(|| self.backend.list_streams(prefix.to_owned(), after.cloned(), limit)).await
    }

    /// Event types after `after`, in byte order.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn list_event_types(
        &self,
        after: Option<&EventType>,
        limit: usize,
    ) -> Result<Vec<EventTypeInfo>> {
        self.retrying(|| self.backend.list_event_types(after.cloned(), limit)).await
    }

    /// How much is stored.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn stats(&self) -> Result<Stats> {
        self.retrying(|| self.backend.stats()).await
    }

    /// What an acknowledged append survives.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn durability(&self) -> Result<Durability> {
        self.backend.durability().await
    }

    /// The checkpoint stored under a name.
    ///
    /// # Errors
    /// Invalid for a name that no store holds; what the store failed with.
    pub async fn load_checkpoint(&self, name: &str) -> Result<Option<Checkpoint>> {
        crate::name::check("checkpoint name", name)?;
        self.retrying(|| self.backend.load_checkpoint(name.to_owned())).await
    }

    /// Replaces the checkpoint stored under a name if it is still `previous`.
    ///
    /// # Errors
    /// A conflict tells what is stored instead; invalid for a checkpoint of another store.
    pub async fn save_checkpoint(
        &self,
        name: &str,
        previous: Option<&Checkpoint>,
        next: &Checkpoint,
    ) -> Result<()> {
        crate::name::check("checkpoint name", name)?;
        next.position_in(self.store_id())?;
        self.backend.save_checkpoint(name.to_owned(), previous.cloned(), next.clone()).await
    }

    /// Follows the hash chain from the first event to the last.
    ///
    /// # Errors
    /// Unsupported for a store without a chain; what reading failed with.
    pub async fn verify_chain(&self, mut progress: impl FnMut(u64) + Send) -> Result<ChainReport> {
        let Some(formula) = self.backend.hash_formula() else {
            return Err(Error::unsupported(Capability::HashChain));
        };
        let head = self.head().await?;
        let mut check = ChainCheck::new(formula);
        let mut events = self.read_all().to(head.position).events();
        let mut count = 0;
        while let Some(event) = events.next().await? {
            if let Err(broken) = check.next(&event) {
                return Ok(check.broken(broken));
            }
            count += 1;
            progress(count);
        }
        let report = check.finish(head.hash, head.position);
        // The end of the log is read after the newest event, so that only a forged one can lie beyond it.
        let newest = self.read_all().backward().limit(1).collect().await?.pop();
        let end = self.head().await?.position;
        Ok(match newest {
            Some(event) if event.position > end && report.broken.is_none() => {
                let what = "the event lies beyond the end of the log: it was inserted";
                ChainReport { broken: Some(ChainBreak { position: event.position, what }), ..report }
            }
            _ => report,
        })
    }

    /// Repeats a read while the store is unavailable, until the deadline.
    async fn retrying<T, F>(&self, mut read: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut retry = Retry::new(&self.options);
        loop {
            match read().await {
                Err(error) if error.is_retryable() => {
                    if !retry.pause().await {
                        return Err(error);
                    }
                }
                done => return done,
            }
        }
    }
}

fn is_kind<T>(result: &Result<T>, kind: ErrorKind) -> bool {
    matches!(result, Err(error) if error.kind() == kind)
}

/// Pauses between tries, until a deadline counted from before the first try.
struct Retry {
    deadline: Duration,
    pause: Duration,
    started: tokio::time::Instant,
}

/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(1);

impl Retry {
    fn new(options: &Options) -> Self {
        Self { deadline: options.deadline, pause: options.pause, started: tokio::time::Instant::now() }
    }

    /// Waits before the next try; false when the time is up.
    async fn pause(&mut self) -> bool {
        if self.started.elapsed() + self.pause >= self.deadline {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        true
    }
}
