//! The store in memory, written to be read: every rule of the contract in the plainest code that keeps it,
//! and the oracle that the other backends are tested against. It lives as long as the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;

use crate::append::{Append, Appended, StreamVersions};
use crate::backend::{
    Backend, BoxFuture, Capabilities, Direction, Durability, EventTypeInfo, HashFormula, Head, LogPage,
    LogRange, RewriteAttempt, Stats, StoreId, StreamInfo, StreamPage, StreamRange, page_bytes, page_is_full,
};
use crate::chain::payload_digest;
use crate::error::{Conflict, Error, Result};
use crate::event::{EventId, EventType, Hash, RecordedEvent, Source};
use crate::namespace::Namespace;
use crate::query::Position;
use crate::snapshot::{Snapshot, SnapshotKey};
use crate::stream::{StreamId, Version};
use crate::subscribe::Checkpoint;
use crate::time::Timestamp;

/// The longest a waiting reader sleeps without looking again.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// A store in memory.
#[derive(Debug)]
pub struct MemoryStore {
    store_id: StoreId,
    source: Source,
    formula: Option<HashFormula>,
    namespace: Option<Namespace>,
    log: Arc<Mutex<Log>>,
    last: Arc<watch::Sender<Position>>,
    /// Kept alive while one of its stores is in use.
    database: Option<Arc<Database>>,
}

/// Databases that have a name and still a user: `memory:shop` is the same database for the whole process.
static NAMED: LazyLock<Mutex<HashMap<String, Weak<Database>>>> = LazyLock::new(Mutex::default);

/// Several stores under one name.
#[derive(Debug, Default)]
struct Database {
    stores: Mutex<HashMap<Option<Namespace>, Shared>>,
}

#[derive(Debug, Clone)]
struct Shared {
    store_id: StoreId,
    formula: Option<HashFormula>,
    log: Arc<Mutex<Log>>,
    last: Arc<watch::Sender<Position>>,
}

#[derive(Debug, Default)]
struct Log {
    /// In position order; the event at index `i` has position `i + 1`.
    events: Vec<RecordedEvent>,
    /// Where each stream's events are in `events`, in version order.
    streams: BTreeMap<StreamId, Vec<usize>>,
    ids: HashMap<EventId, usize>,
    checkpoints: HashMap<String, Checkpoint>,
    snapshots: HashMap<SnapshotKey, Snapshot>,
}

impl MemoryStore {
    /// A new store that nothing else sees.
    pub fn new() -> Self {
        Self::of(Shared::new(None), None)
    }

    /// A new store whose events carry a hash chain.
    pub fn with_hash_chain(formula: HashFormula) -> Self {
        Self::of(Shared::new(Some(formula)), None)
    }

    /// The store of this name and namespace, made when there is none; a store without a name is new.
    ///
    /// # Errors
    /// Invalid when the store exists with another hash chain than asked for.
    pub fn named(name: &str, namespace: Option<Namespace>, formula: Option<HashFormula>) -> Result<Self> {
        if name.is_empty() {
            return Ok(Self::of(Shared::new(formula), namespace));
        }
        let mut named = lock(&NAMED);
        named.retain(|_, database| database.strong_count() > 0);
        let database = named.get(name).and_then(Weak::upgrade).unwrap_or_default();
        named.insert(name.to_owned(), Arc::downgrade(&database));
        let shared = lock(&database.stores).get(&namespace).cloned();
        let shared = shared.unwrap_or_else(|| {
            let shared = Shared::new(formula);
            lock(&database.stores).insert(namespace.clone(), shared.clone());
            shared
        });
        if formula.is_some() && formula != shared.formula {
            return Err(Error::invalid(format!(
                "the store was created with hash chain {}, not {}",
                shared.formula.map_or("none", HashFormula::name),
                formula.map_or("none", HashFormula::name),
            )));
        }
        Ok(Self { database: Some(database), ..Self::of(shared, namespace) })
    }

    fn of(shared: Shared, namespace: Option<Namespace>) -> Self {
        let source =
            Source::new(format!("urn:uuid:{}", shared.store_id.0)).expect("a URN of a UUID is a name");
        Self {
            store_id: shared.store_id,
            source,
            formula: shared.formula,
            namespace,
            log: shared.log,
            last: shared.last,
            database: None,
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    fn append_one(&self, log: &mut Log, append: &Append) -> Result<Appended> {
        let checkpoint = |position: Position| Checkpoint::at(self.store_id, position);

        // Rule 6 comes before every expectation: a retry of a successful append finds its stream moved.
        let known: Vec<Option<RecordedEvent>> =
            append.events.iter().map(|(_, event)| log.by_id(event.event_id)).collect();
        if let Some(first_result) = append.recognise(&known, checkpoint)? {
            return Ok(first_result);
        }

        for (stream_id, expected) in &append.expectations {
            let actual = log.version(stream_id);
            if !expected.allows(actual) {
                let stream_id = stream_id.clone();
                return Err(Conflict::Version { stream_id, expected: *expected, actual }.into());
            }
        }
        if let Some(condition) = &append.condition {
            let unseen = log.events.iter().filter(|event| event.position > condition.after);
            if let Some(event) = unseen.into_iter().find(|event| condition.query.matches(event)) {
                return Err(Conflict::Condition { after: condition.after, found: event.position }.into());
            }
        }

        let first_position = log.head().next();
        let mut places = Vec::with_capacity(append.events.len());
        for (stream_id, event) in &append.events {
            let mut recorded = RecordedEvent::record(
                event.clone(),
                stream_id.clone(),
                log.version(stream_id).next(),
                log.head().next(),
                log.time(self.formula),
                &self.source,
            );
            if let Some(formula) = self.formula {
                let predecessor = log.last_hash().unwrap_or(Hash::ZERO);
                recorded.predecessor_hash = Some(predecessor);
                recorded.hash = Some(formula.hash(&recorded, payload_digest(&event.payload), predecessor));
            }
            places.push((stream_id, recorded.stream_version));
            log.push(recorded);
        }
        Ok(Appended {
            streams: StreamVersions::tally(places),
            first_position,
            last_position: log.head(),
            checkpoint: checkpoint(log.head()),
            duplicate: false,
        })
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    #[expect(clippy::disallowed_methods, reason = "a store's id is made once, when the store is")]
    fn new(formula: Option<HashFormula>) -> Self {
        Self {
            store_id: StoreId(Uuid::now_v7()),
            formula,
            log: Arc::default(),
            last: Arc::new(watch::Sender::new(Position::START)),
        }
    }
}

impl Log {
    fn head(&self) -> Position {
        Position(self.events.len() as u64)
    }

    fn version(&self, stream_id: &StreamId) -> Version {
        Version(self.streams.get(stream_id).map_or(0, |places| places.len() as u64))
    }

    fn by_id(&self, id: EventId) -> Option<RecordedEvent> {
        self.ids.get(&id).map(|&place| self.events[place].clone())
    }

    fn last_hash(&self) -> Option<Hash> {
        self.events.last().and_then(|event| event.hash)
    }

    fn time(&self, formula: Option<HashFormula>) -> Timestamp {
        let now = Timestamp::now();
        let now = formula.map_or(now, |formula| formula.admit(now));
        self.events.last().map_or(now, |last| last.recorded_at.max(now))
    }

    fn push(&mut self, event: RecordedEvent) {
        let place = self.events.len();
        self.streams.entry(event.stream_id.clone()).or_default().push(place);
        self.ids.insert(event.event_id, place);
        self.events.push(event);
    }
}

/// Takes events until the page is full; says whether it took all.
fn page<'a>(events: impl Iterator<Item = &'a RecordedEvent>, limit: usize) -> (Vec<RecordedEvent>, bool) {
    let (mut page, mut bytes) = (Vec::new(), 0);
    for event in events {
        if page_is_full(&page, bytes, limit) {
            return (page, false);
        }
        bytes += page_bytes(event);
        page.push(event.clone());
    }
    (page, true)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Backend for MemoryStore {
    fn capabilities(&self) -> &Capabilities {
        &Capabilities { transactional_projections: false, ..Capabilities::ALL }
    }

    fn store_id(&self) -> StoreId {
        self.store_id
    }

    fn hash_formula(&self) -> Option<HashFormula> {
        self.formula
    }

    fn append(&self, batch: Arc<[Append]>) -> BoxFuture<'_, Result<Vec<Result<Appended>>>> {
        let mut log = self.log();
        let results = batch.iter().map(|append| self.append_one(&mut log, append)).collect();
        // Announced under the lock, so that positions are announced in order.
        self.last.send_replace(log.head());
        ready(Ok(results))
    }

    fn read_stream(&self, range: StreamRange) -> BoxFuture<'_, Result<StreamPage>> {
        let log = self.log();
        let version = log.version(&range.stream_id);
        let places = log.streams.get(&range.stream_id).map_or(&[][..], Vec::as_slice);
        let events = places.iter().map(|&place| &log.events[place]);
        let (events, end) = match range.direction {
            Direction::Forward => {
                page(events.filter(|event| event.stream_version >= range.from), range.limit)
            }
            Direction::Backward => {
                page(events.rev().filter(|event| event.stream_version <= range.from), range.limit)
            }
        };
        ready(Ok(StreamPage { events, version, end }))
    }

    fn read_log(&self, range: LogRange) -> BoxFuture<'_, Result<LogPage>> {
        let log = self.log();
        let events = log.events.iter().filter(|event| range.query.matches(event));
        let (events, end) = match range.direction {
            Direction::Forward => page(events.filter(|event| event.position >= range.from), range.limit),
            Direction::Backward => {
                page(events.rev().filter(|event| event.position <= range.from), range.limit)
            }
        };
        let through = match events.last() {
            _ if end => log.head(),
            Some(last) => last.position,
            None => range.before(),
        };
        ready(Ok(LogPage { events, through, end }))
    }

    fn head(&self) -> BoxFuture<'_, Result<Head>> {
        let log = self.log();
        ready(Ok(Head { position: log.head(), hash: log.last_hash() }))
    }

    fn wait(&self, position: Position) -> BoxFuture<'_, ()> {
        let mut last = self.last.subscribe();
        Box::pin(async move {
            // Running out of time is an answer too.
            let _ = tokio::time::timeout(WAIT_MAX, last.wait_for(|last| *last > position)).await;
        })
    }

    fn events_by_id(&self, ids: Vec<EventId>) -> BoxFuture<'_, Result<Vec<RecordedEvent>>> {
        let log = self.log();
        ready(Ok(ids.into_iter().filter_map(|id| log.by_id(id)).collect()))
    }

    fn list_streams(
        &self,
        prefix: String,
        after: Option<StreamId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StreamInfo>>> {
        let log = self.log();
        let streams = log.streams.iter().filter(|(stream_id, _)| {
            stream_id.as_str().starts_with(&prefix) && after.as_ref().is_none_or(|after| *stream_id > after)
        });
        let info = |(stream_id, places): (&StreamId, &Vec<usize>)| StreamInfo {
            stream_id: stream_id.clone(),
            version: Version(places.len() as u64),
        };
        ready(Ok(streams.map(info).take(limit).collect()))
    }

    fn list_event_types(
        &self,
        after: Option<EventType>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<EventTypeInfo>>> {
        let mut types: BTreeMap<EventType, u64> = BTreeMap::new();
        for event in &self.log().events {
            *types.entry(event.event_type.clone()).or_default() += 1;
        }
        let types = types.into_iter().filter(|(name, _)| after.as_ref().is_none_or(|after| name > after));
        ready(Ok(types
            .map(|(event_type, events)| EventTypeInfo { event_type, events })
            .take(limit)
            .collect()))
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats>> {
        let log = self.log();
        let types: std::collections::HashSet<&EventType> =
            log.events.iter().map(|event| &event.event_type).collect();
        ready(Ok(Stats {
            events: log.events.len() as u64,
            streams: log.streams.len() as u64,
            event_types: types.len() as u64,
            position: log.head(),
            bytes: None,
        }))
    }

    fn load_checkpoint(&self, name: String) -> BoxFuture<'_, Result<Option<Checkpoint>>> {
        ready(Ok(self.log().checkpoints.get(&name).cloned()))
    }

    fn save_checkpoint(
        &self,
        name: String,
        previous: Option<Checkpoint>,
        next: Checkpoint,
    ) -> BoxFuture<'_, Result<()>> {
        let mut log = self.log();
        let actual = log.checkpoints.get(&name).cloned();
        if actual != previous {
            return ready(Err(Conflict::Checkpoint { name, actual }.into()));
        }
        log.checkpoints.insert(name, next);
        ready(Ok(()))
    }

    fn load_snapshot(&self, key: SnapshotKey) -> BoxFuture<'_, Result<Option<Snapshot>>> {
        ready(Ok(self.log().snapshots.get(&key).cloned()))
    }

    fn save_snapshot(&self, key: SnapshotKey, snapshot: Snapshot) -> BoxFuture<'_, Result<()>> {
        self.log().snapshots.insert(key, snapshot);
        ready(Ok(()))
    }

    fn delete_snapshot(&self, key: SnapshotKey) -> BoxFuture<'_, Result<()>> {
        self.log().snapshots.remove(&key);
        ready(Ok(()))
    }

    fn durability(&self) -> BoxFuture<'_, Result<Durability>> {
        ready(Ok(Durability { durable: false, settings: "kept in memory, gone with the process".into() }))
    }

    fn attempt_rewrites(&self) -> BoxFuture<'_, Result<Vec<RewriteAttempt>>> {
        // No method of this type takes an event away or changes one; safe Rust offers no other way in.
        ready(Ok(vec![RewriteAttempt {
            statement: "replace an event in the log".into(),
            refusal: Some("the store has no operation that does".into()),
        }]))
    }

    fn drop_namespace(&self) -> BoxFuture<'_, Result<()>> {
        if self.namespace.is_none() {
            return ready(Err(Error::invalid("the default namespace is not dropped")));
        }
        if let Some(database) = &self.database {
            lock(&database.stores).remove(&self.namespace);
        }
        *self.log() = Log::default();
        self.last.send_replace(Position::START);
        ready(Ok(()))
    }
}
