//! Events: what an application appends and what a store gives back.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Serialize;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::name::name;
use crate::payload::{JsonText, Metadata, Payload};
use crate::query::Position;
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;
use crate::trace::{TraceParent, TraceState};

name! {
    /// The stored name of a kind of event: a business fact in the past tense, kebab-case, `order-placed`.
    EventType, "event type"
}

name! {
    /// What an event is about, for queries that cut across streams: `name:value` by convention,
    /// `account:42`.
    Tag, "tag"
}

name! {
    /// Groups everything that one request or business transaction caused.
    CorrelationId, "correlation id"
}

name! {
    /// The event or command that directly caused this event.
    CausationId, "causation id"
}

name! {
    /// Where an event comes from, as a URI reference.
    Source, "source"
}

name! {
    /// The media type of a payload.
    ContentType, "content type"
}

impl ContentType {
    /// `application/json`.
    pub fn json() -> Self {
        static JSON: LazyLock<ContentType> = LazyLock::new(|| ContentType("application/json".into()));
        JSON.clone()
    }

    /// `application/octet-stream`.
    pub fn bytes() -> Self {
        static BYTES: LazyLock<ContentType> =
            LazyLock::new(|| ContentType("application/octet-stream".into()));
        BYTES.clone()
    }
}

/// Identifies an event in every store it is ever copied to: a UUID, version 7 unless given (RFC 9562).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Uuid);

impl EventId {
    /// A new id, ordered by the time it is made.
    #[expect(clippy::new_without_default, reason = "an id is made on purpose, each a different one")]
    #[expect(clippy::disallowed_methods, reason = "the one door to randomness")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The UUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for EventId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for EventId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.parse().map(Self).map_err(|e| {
            Error::with_source(ErrorKind::Invalid, format!("event id {text:?} is not a UUID"), e)
        })
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for EventId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Identifies a command in the whole store, so that a repeated one is answered and not carried out again: its
/// events get the ids UUIDv5(command id, index). Where ids come from clients, put who and what into the text
/// (`ada/checkout/7`), or two clients that chose the same one meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CommandId(Uuid);

impl CommandId {
    /// The id of the event that this command writes at `index`, from 0.
    pub fn event_id(self, index: usize) -> EventId {
        EventId(Uuid::new_v5(&self.0, index.to_string().as_bytes()))
    }
}

impl From<Uuid> for CommandId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for CommandId {
    type Err = Error;

    /// A UUID as it is; any other text, such as a client's request key, becomes a UUIDv5 of it.
    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::invalid("command id is empty"));
        }
        Ok(Self(text.parse().unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()))))
    }
}

/// An event's tags: a set, kept in byte order.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tags(Arc<[Tag]>);

impl Tags {
    /// The tags in byte order, each once.
    pub fn iter(&self) -> std::slice::Iter<'_, Tag> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this tag is among them.
    pub fn contains(&self, tag: &Tag) -> bool {
        self.0.binary_search(tag).is_ok()
    }
}

impl Default for Tags {
    fn default() -> Self {
        static NONE: LazyLock<Tags> = LazyLock::new(|| Tags(Arc::from([])));
        NONE.clone()
    }
}

impl FromIterator<Tag> for Tags {
    fn from_iter<I: IntoIterator<Item = Tag>>(tags: I) -> Self {
        let mut tags: Vec<Tag> = tags.into_iter().collect();
        if tags.is_empty() {
            return Self::default();
        }
        tags.sort_unstable();
        tags.dedup();
        Self(tags.into())
    }
}

impl<'a> IntoIterator for &'a Tags {
    type Item = &'a Tag;
    type IntoIter = std::slice::Iter<'a, Tag>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Tags {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// An event to append. Everything a store does not give is in it from the start, the id and the time
/// included, so that a repeated append is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Its id in every store.
    pub event_id: EventId,
    /// Its stored type name.
    pub event_type: EventType,
    /// The version of the payload's shape, from 1.
    pub schema_version: u32,
    /// When it happened, as the application says.
    pub occurred_at: Timestamp,
    /// What happened.
    pub payload: Payload,
    /// The payload's media type.
    pub content_type: ContentType,
    /// What is known beside the payload.
    pub metadata: Metadata,
    /// Where it comes from; the store itself unless given.
    pub source: Option<Source>,
    /// What it belongs to.
    pub correlation_id: Option<CorrelationId>,
    /// What caused it.
    pub causation_id: Option<CausationId>,
    /// The W3C trace it was recorded in.
    pub traceparent: Option<TraceParent>,
    /// That trace's vendor state; only with a `traceparent`.
    pub tracestate: Option<TraceState>,
    /// What it is about.
    pub tags: Tags,
}

impl NewEvent {
    /// An event of this type that happens now, with schema version 1 and nothing but the payload.
    pub fn new(event_type: EventType, payload: impl Into<Payload>) -> Self {
        let payload = payload.into();
        let content_type = match &payload {
            Payload::Json(_) => ContentType::json(),
            Payload::Bytes(_) => ContentType::bytes(),
        };
        Self {
            event_id: EventId::new(),
            event_type,
            schema_version: 1,
            occurred_at: Timestamp::now(),
            payload,
            content_type,
            metadata: Metadata::default(),
            source: None,
            correlation_id: None,
            causation_id: None,
            traceparent: None,
            tracestate: None,
            tags: Tags::default(),
        }
    }

    /// An event of this type with a value as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a type name no store holds or a value without a JSON form.
    pub fn json<T: Serialize + ?Sized>(event_type: &str, value: &T) -> Result<Self> {
        Ok(Self::new(EventType::new(event_type)?, JsonText::of(value)?))
    }

    /// Adds a tag.
    #[must_use]
    pub fn tagged(mut self, tag: Tag) -> Self {
        self.tags = self.tags.iter().cloned().chain([tag]).collect();
        self
    }

    /// Whether `recorded` is this event, written before: the same id, stream, type, schema version and
    /// payload. Times, trace context and metadata may differ between two tries (rule 6).
    pub fn is_recorded_as(&self, stream_id: &StreamId, recorded: &RecordedEvent) -> bool {
        self.event_id == recorded.event_id
            && *stream_id == recorded.stream_id
            && self.event_type == recorded.event_type
            && self.schema_version == recorded.schema_version
            && self.payload.same_value(&recorded.payload)
    }

    pub(crate) fn bytes(&self) -> usize {
        let texts: usize = self.tags.iter().map(|tag| tag.as_str().len()).sum();
        self.payload.as_bytes().len() + self.metadata.as_str().len() + self.event_type.as_str().len() + texts
    }
}

/// A SHA-256 digest in a store's hash chain (rule 22).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The predecessor of the first event.
    pub const ZERO: Self = Self([0; 32]);
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An event as a store keeps it: the envelope of the design, under the same names everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedEvent {
    /// Its id in every store.
    pub event_id: EventId,
    /// The stream it is in.
    pub stream_id: StreamId,
    /// Its place in that stream, from 1.
    pub stream_version: Version,
    /// Its place in this store, from 1.
    pub position: Position,
    /// Its stored type name.
    pub event_type: EventType,
    /// The version of the payload's shape, from 1.
    pub schema_version: u32,
    /// When it happened, as the application said.
    pub occurred_at: Timestamp,
    /// When the store took it; never decreases with the position.
    pub recorded_at: Timestamp,
    /// What happened.
    pub payload: Payload,
    /// The payload's media type.
    pub content_type: ContentType,
    /// What is known beside the payload.
    pub metadata: Metadata,
    /// Where it comes from.
    pub source: Source,
    /// What it belongs to.
    pub correlation_id: Option<CorrelationId>,
    /// What caused it.
    pub causation_id: Option<CausationId>,
    /// The W3C trace it was recorded in.
    pub traceparent: Option<TraceParent>,
    /// That trace's vendor state.
    pub tracestate: Option<TraceState>,
    /// What it is about.
    pub tags: Tags,
    /// Its hash, where the store keeps a hash chain.
    pub hash: Option<Hash>,
    /// The hash of the event before it in position order, where the store keeps a hash chain.
    pub predecessor_hash: Option<Hash>,
}

impl RecordedEvent {
    /// The event with the place a store has given it, without hashes. `source` is the store's own, used
    /// where the event names none.
    pub fn record(
        event: NewEvent,
        stream_id: StreamId,
        stream_version: Version,
        position: Position,
        recorded_at: Timestamp,
        source: &Source,
    ) -> Self {
        Self {
            event_id: event.event_id,
            stream_id,
            stream_version,
            position,
            event_type: event.event_type,
            schema_version: event.schema_version,
            occurred_at: event.occurred_at,
            recorded_at,
            payload: event.payload,
            content_type: event.content_type,
            metadata: event.metadata,
            source: event.source.unwrap_or_else(|| source.clone()),
            correlation_id: event.correlation_id,
            causation_id: event.causation_id,
            traceparent: event.traceparent,
            tracestate: event.tracestate,
            tags: event.tags,
            hash: None,
            predecessor_hash: None,
        }
    }

    /// The event as another store takes it: under the same id, and with its source named, since there it is
    /// not the store's own.
    pub fn into_new(self) -> NewEvent {
        NewEvent {
            event_id: self.event_id,
            event_type: self.event_type,
            schema_version: self.schema_version,
            occurred_at: self.occurred_at,
            payload: self.payload,
            content_type: self.content_type,
            metadata: self.metadata,
            source: Some(self.source),
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            traceparent: self.traceparent,
            tracestate: self.tracestate,
            tags: self.tags,
        }
    }
}

impl Serialize for RecordedEvent {
    /// The envelope as one JSON object; bytes are `payload_base64`, and what is absent is left out.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event_id", &self.event_id)?;
        map.serialize_entry("stream_id", &self.stream_id)?;
        map.serialize_entry("stream_version", &self.stream_version)?;
        map.serialize_entry("position", &self.position)?;
        map.serialize_entry("event_type", &self.event_type)?;
        map.serialize_entry("schema_version", &self.schema_version)?;
        map.serialize_entry("occurred_at", &self.occurred_at)?;
        map.serialize_entry("recorded_at", &self.recorded_at)?;
        match &self.payload {
            Payload::Json(json) => map.serialize_entry("payload", json)?,
            Payload::Bytes(bytes) => map.serialize_entry("payload_base64", &BASE64_STANDARD.encode(bytes))?,
        }
        map.serialize_entry("content_type", &self.content_type)?;
        map.serialize_entry("metadata", &self.metadata)?;
        map.serialize_entry("source", &self.source)?;
        let mut optional = |name: &str, value: Option<&dyn fmt::Display>| match value {
            Some(value) => map.serialize_entry(name, &value.to_string()),
            None => Ok(()),
        };
        optional("correlation_id", self.correlation_id.as_ref().map(|id| id as _))?;
        optional("causation_id", self.causation_id.as_ref().map(|id| id as _))?;
        optional("traceparent", self.traceparent.as_ref().map(|id| id as _))?;
        optional("tracestate", self.tracestate.as_ref().map(|id| id as _))?;
        optional("predecessor_hash", self.predecessor_hash.as_ref().map(|hash| hash as _))?;
        optional("hash", self.hash.as_ref().map(|hash| hash as _))?;
        map.serialize_entry("tags", &self.tags)?;
        map.end()
    }
}
