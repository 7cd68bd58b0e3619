//! The contract between Annals and a database. What a backend promises is numbered in the docs of
//! [`Backend`]; each number is a test of the conformance suite ([`crate::testing::conformance`]).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use uuid::Uuid;

use crate::append::{Append, Appended};
use crate::error::{Error, Result};
use crate::event::{EventId, EventType, Hash, RecordedEvent};
use crate::query::{Position, Query};
use crate::snapshot::{Snapshot, SnapshotKey};
use crate::stream::{StreamId, Version};
use crate::subscribe::Checkpoint;

/// A boxed future, so that a store can be chosen at run time.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Tells one store from every other: made when the store is created, kept in it, and part of each of its
/// checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId(pub Uuid);

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// A guarantee that some databases cannot give. What a backend lacks is refused with
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), never imitated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Position order is visibility order across streams (rules 9, 10 and 11).
    TotalOrder,
    /// An event id is known across streams (rule 6).
    StoreWideEventIds,
    /// One append may write to and check several streams (rule 12).
    SeveralStreams,
    /// An append may be guarded by a query (rule 13).
    QueryConditions,
    /// The database itself refuses to change the log (rule 15).
    AppendOnly,
    /// A projection may write in the transaction that moves its checkpoint.
    TransactionalProjections,
    /// One database holds several stores (rule 20).
    Namespaces,
    /// Events carry a hash chain, chosen when the store is created (rule 22).
    HashChain,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TotalOrder => "a total order across streams",
            Self::StoreWideEventIds => "event ids known across streams",
            Self::SeveralStreams => "appends to several streams",
            Self::QueryConditions => "query conditions",
            Self::AppendOnly => "a log that the database itself keeps append-only",
            Self::TransactionalProjections => "projections in its own transactions",
            Self::Namespaces => "namespaces",
            Self::HashChain => "a hash chain",
        })
    }
}

/// What a store can do and how much it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// See [`Capability::TotalOrder`].
    pub total_order: bool,
    /// See [`Capability::StoreWideEventIds`].
    pub store_wide_event_ids: bool,
    /// See [`Capability::SeveralStreams`].
    pub several_streams: bool,
    /// See [`Capability::QueryConditions`].
    pub query_conditions: bool,
    /// See [`Capability::AppendOnly`].
    pub append_only: bool,
    /// See [`Capability::TransactionalProjections`].
    pub transactional_projections: bool,
    /// See [`Capability::Namespaces`].
    pub namespaces: bool,
    /// See [`Capability::HashChain`].
    pub hash_chain: bool,
    /// How much one append may hold.
    pub limits: Limits,
}

impl Capabilities {
    /// Every capability, with the portable limits.
    pub const ALL: Self = Self {
        total_order: true,
        store_wide_event_ids: true,
        several_streams: true,
        query_conditions: true,
        append_only: true,
        transactional_projections: true,
        namespaces: true,
        hash_chain: true,
        limits: Limits::PORTABLE,
    };

    /// Whether the store has this capability.
    pub fn has(&self, capability: Capability) -> bool {
        match capability {
            Capability::TotalOrder => self.total_order,
            Capability::StoreWideEventIds => self.store_wide_event_ids,
            Capability::SeveralStreams => self.several_streams,
            Capability::QueryConditions => self.query_conditions,
            Capability::AppendOnly => self.append_only,
            Capability::TransactionalProjections => self.transactional_projections,
            Capability::Namespaces => self.namespaces,
            Capability::HashChain => self.hash_chain,
        }
    }

    /// Refuses what the store lacks.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), naming the capability.
    pub fn require(&self, capability: Capability) -> Result<()> {
        if self.has(capability) { Ok(()) } else { Err(Error::unsupported(capability)) }
    }
}

/// How much one append may hold (rule 14). A store that holds less than [`Limits::PORTABLE`] says so here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest stream id, type or tag, in bytes.
    pub name_bytes_max: usize,
    /// The most tags of one event.
    pub tags_max: usize,
    /// The most events of one append.
    pub events_max: usize,
    /// The most bytes of one append: payloads, metadata, types and tags.
    pub append_bytes_max: usize,
}

impl Limits {
    /// What every store holds unless it says otherwise.
    pub const PORTABLE: Self = Self {
        name_bytes_max: crate::name::NAME_BYTES_MAX,
        tags_max: 64,
        events_max: 1_000,
        append_bytes_max: 8 << 20,
    };
}

/// From where reading goes to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// From the oldest to the newest.
    #[default]
    Forward,
    /// From the newest to the oldest.
    Backward,
}

/// Which part of a stream to read (rule 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRange {
    /// The stream.
    pub stream_id: StreamId,
    /// The first version to read, inclusive.
    pub from: Version,
    /// Toward the end or toward the beginning.
    pub direction: Direction,
    /// The most events to return.
    pub limit: usize,
}

/// A part of a stream, and where the stream is, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPage {
    /// The events in the order asked for. Fewer than asked for may come where they are large.
    pub events: Vec<RecordedEvent>,
    /// The stream's version; 0 where it never had an event.
    pub version: Version,
    /// Nothing lies beyond these events in the direction read.
    pub end: bool,
}

/// Which part of the log to read (rule 10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRange {
    /// Which events.
    pub query: Query,
    /// The first position to read, inclusive.
    pub from: Position,
    /// Toward the end or toward the beginning.
    pub direction: Direction,
    /// The most events to return.
    pub limit: usize,
}

impl LogRange {
    /// What a page that has no events though there are some covers: nothing of the range.
    pub(crate) fn before(&self) -> Position {
        match self.direction {
            Direction::Forward => self.from.previous(),
            Direction::Backward => self.from.next(),
        }
    }
}

/// A part of the log, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The matching events in the order asked for. Fewer than asked for may come where they are large.
    pub events: Vec<RecordedEvent>,
    /// Every matching event between where reading began and this position, inclusive, is in `events` or
    /// came before: where a forward reader may place its checkpoint.
    pub through: Position,
    /// Nothing lies beyond these events in the direction read.
    pub end: bool,
}

/// How far a page goes: the page ends with the event that reaches this many bytes of payloads and metadata.
pub const PAGE_BYTES_MAX: usize = 4 << 20;

/// The end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The last position given out; 0 before the first event.
    pub position: Position,
    /// The last event's hash, where the store keeps a hash chain.
    pub hash: Option<Hash>,
}

/// A stream in a listing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StreamInfo {
    /// The stream.
    pub stream_id: StreamId,
    /// Where it is.
    pub version: Version,
}

/// An event type in a listing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EventTypeInfo {
    /// The type.
    pub event_type: EventType,
    /// How many events of it are stored.
    pub events: u64,
}

/// How much a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// Events stored.
    pub events: u64,
    /// Streams with events.
    pub streams: u64,
    /// Different event types.
    pub event_types: u64,
    /// The last position given out.
    pub position: Position,
    /// Bytes on disk, where the store can tell.
    pub bytes: Option<u64>,
}

/// What an acknowledged append survives, read from the database's effective settings (rule 16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability {
    /// What is acknowledged survives the end of client and server, and power loss as far as the database
    /// promises.
    pub durable: bool,
    /// The settings that say so, such as `journal_mode=wal synchronous=FULL`.
    pub settings: String,
}

/// One attempt to change the log behind the store's back, and what the database answered (rule 15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewriteAttempt {
    /// What was tried.
    pub statement: String,
    /// How the database refused; `None` where it did not.
    pub refusal: Option<String>,
}

/// A formula for the hash chain (rule 22). Each store that keeps one records its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashFormula {
    /// The whole envelope.
    AnnalsV1,
    /// What EventSourcingDB 1.0 to 1.2 hash, so that its SDKs verify our events.
    EventSourcingDbV1,
}

/// A database that keeps events. `EventStore` is what applications hold; this is what it stands on.
///
/// A backend is given only appends that passed `EventStore`'s checks (limits, several streams, conditions,
/// ids unique within the append), so it does not repeat them. All its futures may be dropped at any time
/// (rule 17).
///
/// # The contract
///
/// 1. Append gives consecutive versions in each stream, in the order given, and says first and last version,
///    position and checkpoint. An append without events is invalid.
/// 2. All events of an append become visible together or not at all.
/// 3. Expected version: any, no stream, stream exists, exactly n. A conflict writes nothing and tells the
///    actual version.
/// 4. Of any number of concurrent appends that expect the same version, exactly one wins.
/// 5. Independent appends in one batch succeed and fail independently.
/// 6. The same event ids again (a retry), looked up before any expectation or condition is checked: the first
///    result comes back, marked duplicate, nothing is written. The same id with other content, or some ids
///    known and some new, is an error.
/// 7. Reading a stream: forward and backward, from a version, limited; a missing stream is empty at version
///    0, not an error.
/// 8. What was written comes back: the same JSON value, bytes byte for byte.
/// 9. **Position order is visibility order.** A reader that has seen position p has seen every event below p
///    that will ever exist in this store. A checkpoint of another store, or ahead of the log, is refused by
///    name.
/// 10. Reading all: from a checkpoint, filtered by a query or a category, limited, both directions.
/// 11. A subscription catches up, then is live: every event once, in order; its checkpoint also advances over
///     events that the filter skips. An append returns a token with which a reader can wait.
/// 12. Atomic append over several streams, with an expectation for each, also on streams that are only
///     checked (capability).
/// 13. Query condition: the append fails exactly when an event matching the query exists after the given
///     position (capability).
/// 14. Stream ids, types and tags are compared byte by byte, up to the portable limits; past a limit, a clear
///     error and nothing written.
/// 15. The log is append-only in the database itself (capability).
/// 16. Acknowledged means durable.
/// 17. A dropped future leaves either the whole append or nothing, and a usable store.
/// 18. A connection lost in mid-append: `EventStore` itself repeats with the same ids until its deadline, and
///     only then reports indeterminate; repeating later converges.
/// 19. Creating the schema is idempotent, safe when several processes do it at once, versioned; a newer schema
///     is refused.
/// 20. Two namespaces in one database never see each other (capability).
/// 21. Checkpoints and snapshots are stored and read back; a checkpoint is written by compare-and-set on the
///     previous value.
/// 22. Hash chain: each event carries its hash and its predecessor's in position order; any change, removal or
///     insertion behind the store's back is found by verification (capability).
/// 23. An event is found by its id.
/// 24. Streams (by prefix) and event types are listed in byte order, paged.
pub trait Backend: Send + Sync + fmt::Debug + 'static {
    /// What this store can do.
    fn capabilities(&self) -> &Capabilities;

    /// Which store this is.
    fn store_id(&self) -> StoreId;

    /// The formula of the hash chain this store was created with, if any.
    fn hash_formula(&self) -> Option<HashFormula>;

    /// Carries out independent appends in the order given, each seeing those before it, in one durable
    /// transaction where the database has one, and answers each on its own (rule 5).
    ///
    /// # Errors
    /// The outer error is every append's: unavailable when nothing of the batch was written, indeterminate
    /// when the commit's outcome is unknown.
    fn append(&self, batch: Arc<[Append]>) -> BoxFuture<'_, Result<Vec<Result<Appended>>>>;

    /// Reads a part of a stream (rule 7).
    fn read_stream(&self, range: StreamRange) -> BoxFuture<'_, Result<StreamPage>>;

    /// Reads a part of the log (rules 9 and 10).
    fn read_log(&self, range: LogRange) -> BoxFuture<'_, Result<LogPage>>;

    /// Where the log ends.
    fn head(&self) -> BoxFuture<'_, Result<Head>>;

    /// Completes soon after there is an event beyond `position`. It may complete without one, and must
    /// complete within a second or so, because a notification can get lost.
    fn wait(&self, position: Position) -> BoxFuture<'_, ()>;

    /// The events with these ids, those that exist, in the order asked for (rule 23).
    fn events_by_id(&self, ids: Vec<EventId>) -> BoxFuture<'_, Result<Vec<RecordedEvent>>>;

    /// Streams whose ids begin with `prefix` and come after `after`, in byte order (rule 24).
    fn list_streams(
        &self,
        prefix: String,
        after: Option<StreamId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StreamInfo>>>;

    /// Event types after `after`, in byte order (rule 24).
    fn list_event_types(
        &self,
        after: Option<EventType>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<EventTypeInfo>>>;

    /// How much is stored.
    fn stats(&self) -> BoxFuture<'_, Result<Stats>>;

    /// The checkpoint stored under a name (rule 21).
    fn load_checkpoint(&self, name: String) -> BoxFuture<'_, Result<Option<Checkpoint>>>;

    /// Replaces the checkpoint stored under a name if it is still `previous` (rule 21).
    ///
    /// # Errors
    /// A conflict tells what is stored instead.
    fn save_checkpoint(
        &self,
        name: String,
        previous: Option<Checkpoint>,
        next: Checkpoint,
    ) -> BoxFuture<'_, Result<()>>;

    /// The snapshot stored under a key (rule 21).
    fn load_snapshot(&self, key: SnapshotKey) -> BoxFuture<'_, Result<Option<Snapshot>>>;

    /// Keeps a snapshot in place of the one stored under its key (rule 21).
    fn save_snapshot(&self, key: SnapshotKey, snapshot: Snapshot) -> BoxFuture<'_, Result<()>>;

    /// Removes the snapshot stored under a key, if there is one.
    fn delete_snapshot(&self, key: SnapshotKey) -> BoxFuture<'_, Result<()>>;

    /// What an acknowledged append survives (rule 16).
    fn durability(&self) -> BoxFuture<'_, Result<Durability>>;

    /// Tries every way to change a stored event that the database offers to a role without DDL rights, and
    /// undoes what succeeds (rule 15). The store has at least one event.
    fn attempt_rewrites(&self) -> BoxFuture<'_, Result<Vec<RewriteAttempt>>>;

    /// Drops this namespace with everything in it. The handle is finished afterwards.
    ///
    /// # Errors
    /// Invalid for the default namespace, which is the user's own store.
    fn drop_namespace(&self) -> BoxFuture<'_, Result<()>>;
}

/// Whether no further event fits into a page, going by those already in it.
pub(crate) fn page_is_full(events: &[RecordedEvent], bytes: usize, limit: usize) -> bool {
    events.len() >= limit || bytes >= PAGE_BYTES_MAX
}

/// The weight of an event in a page.
pub(crate) fn page_bytes(event: &RecordedEvent) -> usize {
    event.payload.as_bytes().len() + event.metadata.as_str().len()
}
