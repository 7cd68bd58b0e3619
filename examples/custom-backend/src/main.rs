//! A backend from outside Annals, in one file: a list behind a lock. It leaves out what it does not need
//! and says so in its capabilities; `cargo test -p custom-backend` lets Annals' own suite judge the rest.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use annals::backend::{
    BoxFuture, Direction, Durability, EventTypeInfo, HashFormula, Head, LogPage, LogRange, RewriteAttempt,
    Stats, StoreId, StreamInfo, StreamPage, StreamRange,
};
use annals::snapshot::{Snapshot, SnapshotKey};
use annals::{
    Append, Appended, Backend, Capabilities, Capability, Checkpoint, Conflict, Error, EventId, EventStore,
    EventType, Expected, NewEvent, Position, RecordedEvent, Result, Source, StreamId, StreamVersions,
    Timestamp, Version,
};
use tokio::sync::Notify;

/// What this store can do: no appends to several streams, no query conditions, no namespaces, no hash chain.
const CAPABILITIES: Capabilities = Capabilities {
    several_streams: false,
    query_conditions: false,
    append_only: false,
    transactional_projections: false,
    namespaces: false,
    hash_chain: false,
    ..Capabilities::ALL
};

/// A store that is a list. Clones are the same store.
#[derive(Debug, Clone)]
pub struct ListStore {
    store_id: StoreId,
    source: Source,
    list: Arc<Mutex<List>>,
    news: Arc<Notify>,
}

#[derive(Debug, Default)]
struct List {
    events: Vec<RecordedEvent>,
    checkpoints: HashMap<String, Checkpoint>,
    snapshots: HashMap<SnapshotKey, Snapshot>,
}

impl ListStore {
    /// A new, empty store.
    pub fn new() -> Result<Self> {
        let store_id = StoreId(EventId::new().uuid());
        let source = Source::new(format!("urn:uuid:{}", store_id.0))?;
        Ok(Self { store_id, source, list: Arc::default(), news: Arc::default() })
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One append; the list is locked, so nothing else happens meanwhile.
    fn append_one(&self, list: &mut List, append: &Append) -> Result<Appended> {
        let checkpoint = |position| Checkpoint::at(self.store_id, position);
        // Known ids first: a repeated append finds its stream moved by itself.
        let known: Vec<_> = append.events.iter().map(|(_, event)| list.by_id(event.event_id)).collect();
        if let Some(first_result) = append.recognise(&known, checkpoint)? {
            return Ok(first_result);
        }
        for (stream_id, expected) in &append.expectations {
            let actual = list.version(stream_id);
            if !expected.allows(actual) {
                let stream_id = stream_id.clone();
                return Err(Conflict::Version { stream_id, expected: *expected, actual }.into());
            }
        }
        let first_position = list.head().next();
        let mut places = Vec::new();
        for (stream_id, event) in &append.events {
            let version = list.version(stream_id).next();
            let recorded_at =
                list.events.last().map_or_else(Timestamp::now, |e| e.recorded_at.max(Timestamp::now()));
            list.events.push(RecordedEvent::record(
                event.clone(),
                stream_id.clone(),
                version,
                list.head().next(),
                recorded_at,
                &self.source,
            ));
            places.push((stream_id, version));
        }
        Ok(Appended {
            streams: StreamVersions::tally(places),
            first_position,
            last_position: list.head(),
            checkpoint: checkpoint(list.head()),
            duplicate: false,
        })
    }
}

impl List {
    fn head(&self) -> Position {
        Position(self.events.len() as u64)
    }

    fn version(&self, stream_id: &StreamId) -> Version {
        Version(self.events.iter().filter(|event| event.stream_id == *stream_id).count() as u64)
    }

    fn by_id(&self, id: EventId) -> Option<RecordedEvent> {
        self.events.iter().find(|event| event.event_id == id).cloned()
    }
}

/// The first events of a selection, and whether those are all of it.
fn page<'a>(events: impl Iterator<Item = &'a RecordedEvent>, limit: usize) -> (Vec<RecordedEvent>, bool) {
    let mut events = events.peekable();
    let page = events.by_ref().take(limit).cloned().collect();
    (page, events.peek().is_none())
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Backend for ListStore {
    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn store_id(&self) -> StoreId {
        self.store_id
    }

    fn hash_formula(&self) -> Option<HashFormula> {
        None
    }

    fn append(&self, batch: Arc<[Append]>) -> BoxFuture<'_, Result<Vec<Result<Appended>>>> {
        let mut list = self.list();
        let results = batch.iter().map(|append| self.append_one(&mut list, append)).collect();
        self.news.notify_waiters();
        ready(Ok(results))
    }

    fn read_stream(&self, range: StreamRange) -> BoxFuture<'_, Result<StreamPage>> {
        let list = self.list();
        let stream = list.events.iter().filter(|event| event.stream_id == range.stream_id);
        let (events, end) = match range.direction {
            Direction::Forward => {
                page(stream.filter(|event| event.stream_version >= range.from), range.limit)
            }
            Direction::Backward => {
                page(stream.rev().filter(|event| event.stream_version <= range.from), range.limit)
            }
        };
        ready(Ok(StreamPage { events, version: list.version(&range.stream_id), end }))
    }

    fn read_log(&self, range: LogRange) -> BoxFuture<'_, Result<LogPage>> {
        let list = self.list();
        let log = list.events.iter().filter(|event| range.query.matches(event));
        let (events, end) = match range.direction {
            Direction::Forward => page(log.filter(|event| event.position >= range.from), range.limit),
            Direction::Backward => page(log.rev().filter(|event| event.position <= range.from), range.limit),
        };
        // Where a page is full, the next one begins behind its last event; else there is nothing up to the end.
        let through = events.last().filter(|_| !end).map_or(list.head(), |event| event.position);
        ready(Ok(LogPage { events, through, end }))
    }

    fn head(&self) -> BoxFuture<'_, Result<Head>> {
        ready(Ok(Head { position: self.list().head(), hash: None }))
    }

    fn wait(&self, position: Position) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let news = self.news.notified();
            if self.list().head() <= position {
                // Whoever waits asks again, so a piece of news that is missed costs only time.
                let _ = tokio::time::timeout(Duration::from_millis(100), news).await;
            }
        })
    }

    fn events_by_id(&self, ids: Vec<EventId>) -> BoxFuture<'_, Result<Vec<RecordedEvent>>> {
        let list = self.list();
        ready(Ok(ids.into_iter().filter_map(|id| list.by_id(id)).collect()))
    }

    fn list_streams(
        &self,
        prefix: String,
        after: Option<StreamId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StreamInfo>>> {
        let mut streams: BTreeMap<StreamId, Version> = BTreeMap::new();
        for event in &self.list().events {
            streams.insert(event.stream_id.clone(), event.stream_version);
        }
        let listed = streams
            .into_iter()
            .filter(|(id, _)| {
                id.as_str().starts_with(&prefix) && after.as_ref().is_none_or(|after| id > after)
            })
            .map(|(stream_id, version)| StreamInfo { stream_id, version });
        ready(Ok(listed.take(limit).collect()))
    }

    fn list_event_types(
        &self,
        after: Option<EventType>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<EventTypeInfo>>> {
        let mut types: BTreeMap<EventType, u64> = BTreeMap::new();
        for event in &self.list().events {
            *types.entry(event.event_type.clone()).or_default() += 1;
        }
        let listed = types
            .into_iter()
            .filter(|(event_type, _)| after.as_ref().is_none_or(|after| event_type > after))
            .map(|(event_type, events)| EventTypeInfo { event_type, events });
        ready(Ok(listed.take(limit).collect()))
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats>> {
        let list = self.list();
        let different =
            |names: Vec<&str>| names.into_iter().collect::<std::collections::HashSet<_>>().len() as u64;
        ready(Ok(Stats {
            events: list.events.len() as u64,
            streams: different(list.events.iter().map(|event| event.stream_id.as_str()).collect()),
            event_types: different(list.events.iter().map(|event| event.event_type.as_str()).collect()),
            position: list.head(),
            bytes: None,
        }))
    }

    fn load_checkpoint(&self, name: String) -> BoxFuture<'_, Result<Option<Checkpoint>>> {
        ready(Ok(self.list().checkpoints.get(&name).cloned()))
    }

    fn save_checkpoint(
        &self,
        name: String,
        previous: Option<Checkpoint>,
        next: Checkpoint,
    ) -> BoxFuture<'_, Result<()>> {
        let mut list = self.list();
        let actual = list.checkpoints.get(&name).cloned();
        if actual != previous {
            return ready(Err(Conflict::Checkpoint { name, actual }.into()));
        }
        list.checkpoints.insert(name, next);
        ready(Ok(()))
    }

    fn load_snapshot(&self, key: SnapshotKey) -> BoxFuture<'_, Result<Option<Snapshot>>> {
        ready(Ok(self.list().snapshots.get(&key).cloned()))
    }

    fn save_snapshot(&self, key: SnapshotKey, snapshot: Snapshot) -> BoxFuture<'_, Result<()>> {
        self.list().snapshots.insert(key, snapshot);
        ready(Ok(()))
    }

    fn delete_snapshot(&self, key: SnapshotKey) -> BoxFuture<'_, Result<()>> {
        self.list().snapshots.remove(&key);
        ready(Ok(()))
    }

    fn durability(&self) -> BoxFuture<'_, Result<Durability>> {
        ready(Ok(Durability { durable: false, settings: "a list in this process".into() }))
    }

    fn attempt_rewrites(&self) -> BoxFuture<'_, Result<Vec<RewriteAttempt>>> {
        ready(Err(Error::unsupported(Capability::AppendOnly)))
    }

    fn drop_namespace(&self) -> BoxFuture<'_, Result<()>> {
        ready(Err(Error::unsupported(Capability::Namespaces)))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let store = EventStore::new(Arc::new(ListStore::new()?), annals::Options::default());
    let placed = NewEvent::json("order-placed", "a book")?;
    let appended = store.append("order-1", Expected::NoStream, [placed]).await?;
    assert_eq!(appended.version(), Version(1));
    Ok(())
}

#[cfg(test)]
mod conformance;
