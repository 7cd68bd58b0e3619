//! An event as a row and a row as an event. What is written travels as documents of numbers beside one text and
//! one run of bytes, which the numbers point into: nothing is escaped, and nothing is altered on the way.

use std::collections::HashMap;

use serde::Serialize;
use tiberius::{ColumnData, Row as DbRow};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{ContentType, EventId, EventType, Hash, NewEvent, RecordedEvent, Source, Tag, Tags};
use crate::payload::{JsonText, Metadata, Payload};
use crate::query::Position;
use crate::sql::{Optimist, Row};
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

/// From 0001-01-01, where the protocol counts from.
pub(super) const DAYS_TO_1970: i64 = 719_162;

/// The values of a row, each of which is taken once.
pub(super) struct Fields(Vec<Option<ColumnData<'static>>>);

impl From<DbRow> for Fields {
    fn from(row: DbRow) -> Self {
        Self(row.into_iter().map(Some).collect())
    }
}

fn unexpected(column: usize, expected: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("a stored value in column {column} is not {expected}"))
}

fn corrupt(error: Error) -> Error {
    Error::with_source(ErrorKind::Corrupt, "a stored value is not of the expected form", error)
}

impl Fields {
    fn take(&mut self, column: usize) -> Option<ColumnData<'static>> {
        self.0.get_mut(column).and_then(Option::take)
    }

    /// A number, or `None` for NULL.
    pub(super) fn integer(&mut self, column: usize) -> Result<Option<i64>> {
        match self.take(column) {
            Some(ColumnData::U8(number)) => Ok(number.map(i64::from)),
            Some(ColumnData::I16(number)) => Ok(number.map(i64::from)),
            Some(ColumnData::I32(number)) => Ok(number.map(i64::from)),
            Some(ColumnData::I64(number)) => Ok(number),
            _ => Err(unexpected(column, "a number")),
        }
    }

    pub(super) fn number(&mut self, column: usize) -> Result<u64> {
        let number = self.integer(column)?.and_then(|number| u64::try_from(number).ok());
        number.ok_or_else(|| unexpected(column, "a number from 0"))
    }

    pub(super) fn bytes(&mut self, column: usize) -> Result<Option<Vec<u8>>> {
        match self.take(column) {
            Some(ColumnData::Binary(bytes)) => Ok(bytes.map(std::borrow::Cow::into_owned)),
            _ => Err(unexpected(column, "bytes")),
        }
    }

    pub(super) fn text(&mut self, column: usize) -> Result<Option<String>> {
        match self.take(column) {
            Some(ColumnData::String(text)) => Ok(text.map(std::borrow::Cow::into_owned)),
            _ => Err(unexpected(column, "a text")),
        }
    }

    /// A text that is not NULL.
    pub(super) fn required(&mut self, column: usize) -> Result<String> {
        self.text(column)?.ok_or_else(|| unexpected(column, "a text"))
    }

    /// A name by the bytes of its UTF-8; checking again finds a row that something else wrote.
    pub(super) fn name<T: for<'a> TryFrom<&'a str, Error = Error>>(&mut self, column: usize) -> Result<T> {
        let bytes = self.bytes(column)?.ok_or_else(|| unexpected(column, "a name"))?;
        let text = String::from_utf8(bytes).map_err(|_| unexpected(column, "UTF-8"))?;
        T::try_from(&text).map_err(corrupt)
    }

    /// A name as text, and behind it the same by its bytes, by which it was found: somebody may have changed
    /// one of them.
    fn name_twice<T>(&mut self, column: usize) -> Result<T>
    where
        T: for<'a> TryFrom<&'a str, Error = Error> + PartialEq,
    {
        let (text, name) = (self.required(column)?, self.name(column + 1)?);
        if T::try_from(&text).map_err(corrupt)? != name {
            return Err(unexpected(column, "what its key is the UTF-8 of"));
        }
        Ok(name)
    }

    /// A text that its type parses.
    pub(super) fn parse<T: std::str::FromStr<Err = Error>>(&mut self, column: usize) -> Result<T> {
        self.required(column)?.parse().map_err(corrupt)
    }

    fn optional<T>(&mut self, column: usize, parse: impl FnOnce(&str) -> Result<T>) -> Result<Option<T>> {
        self.text(column)?.as_deref().map(parse).transpose().map_err(corrupt)
    }

    /// JSON that was checked before it was stored.
    pub(super) fn json(&mut self, column: usize) -> Result<JsonText> {
        JsonText::parse(self.required(column)?).map_err(corrupt)
    }

    pub(super) fn uuid(&mut self, column: usize) -> Result<Uuid> {
        match self.take(column) {
            Some(ColumnData::Guid(Some(uuid))) => Ok(uuid),
            _ => Err(unexpected(column, "a UUID")),
        }
    }

    pub(super) fn hash(&mut self, column: usize) -> Result<Option<Hash>> {
        let Some(bytes) = self.bytes(column)? else { return Ok(None) };
        bytes.try_into().map(|bytes| Some(Hash(bytes))).map_err(|_| unexpected(column, "32 bytes"))
    }

    pub(super) fn time(&mut self, column: usize) -> Result<Timestamp> {
        // In UTC, whatever the offset beside it is.
        let Some(ColumnData::DateTimeOffset(Some(time))) = self.take(column) else {
            return Err(unexpected(column, "a time"));
        };
        let (date, time) = (time.datetime2().date(), time.datetime2().time());
        let days = i64::from(date.days()) - DAYS_TO_1970;
        let nanos = 10_u64.saturating_pow(9_u32.saturating_sub(time.scale().into()));
        let micros = i64::try_from(time.increments().saturating_mul(nanos) / 1000);
        let micros = micros.map_err(|_| unexpected(column, "a time"))?;
        Timestamp::from_unix_micros(days * 86_400_000_000 + micros).map_err(corrupt)
    }

    /// Reads the columns of `sql/columns.sql`.
    pub(super) fn event(&mut self, source: &Source) -> Result<RecordedEvent> {
        let payload = match self.bytes(11)? {
            Some(bytes) => Payload::Bytes(bytes.into()),
            None => Payload::Json(self.json(10)?),
        };
        let schema_version = self.number(7)?;
        let event = NewEvent {
            event_id: EventId::from(self.uuid(1)?),
            event_type: self.name_twice::<EventType>(5)?,
            schema_version: u32::try_from(schema_version).map_err(|_| unexpected(7, "a schema version"))?,
            occurred_at: self.time(8)?,
            payload,
            content_type: self.optional(12, str::parse)?.unwrap_or_else(ContentType::json),
            metadata: self.optional(13, |text| Metadata::parse(text))?.unwrap_or_default(),
            source: self.optional(14, str::parse)?,
            correlation_id: self.optional(15, str::parse)?,
            causation_id: self.optional(16, str::parse)?,
            traceparent: self.optional(17, str::parse)?,
            tracestate: self.optional(18, str::parse)?,
            tags: self.optional(19, tags)?.unwrap_or_default(),
        };
        let mut recorded = RecordedEvent::record(
            event,
            self.name_twice::<StreamId>(2)?,
            Version(self.number(4)?),
            Position(self.number(0)?),
            self.time(9)?,
            source,
        );
        recorded.predecessor_hash = self.hash(20)?;
        recorded.hash = self.hash(21)?;
        Ok(recorded)
    }
}

fn tags(text: &str) -> Result<Tags> {
    let tags: Vec<String> = JsonText::parse(text)?.decode()?;
    tags.into_iter().map(Tag::try_from).collect()
}

/// How long the database says a character beyond U+FFFF is: one where its collation knows such characters, two
/// where it counts in UTF-16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    Characters,
    Utf16,
}

impl Counting {
    fn length(self, text: &str) -> usize {
        match self {
            Self::Characters => text.chars().count(),
            Self::Utf16 => text.encode_utf16().count(),
        }
    }
}

/// Where something is, counted from 1, and how long it is.
#[derive(Clone, Copy)]
struct Place {
    first: usize,
    length: usize,
}

/// What the procedures are called with.
pub(super) struct Documents {
    pub(super) streams: String,
    pub(super) events: String,
    pub(super) tags: String,
    pub(super) texts: String,
    pub(super) bytes: Vec<u8>,
}

/// Gathers what a batch writes.
struct Gatherer<'b> {
    counting: Counting,
    texts: String,
    texts_length: usize,
    bytes: Vec<u8>,
    /// Names come again and again.
    names: HashMap<&'b str, (Place, Place)>,
    events: Vec<EventDocument>,
    tags: Vec<TagDocument>,
}

#[derive(Serialize)]
struct StreamDocument {
    #[serde(rename = "n")]
    place: usize,
    #[serde(rename = "k")]
    key_first: usize,
    #[serde(rename = "l")]
    key_length: usize,
    #[serde(rename = "a")]
    lowest: u64,
    #[serde(rename = "z")]
    highest: u64,
}

#[derive(Serialize)]
struct TagDocument {
    #[serde(rename = "n")]
    place: usize,
    #[serde(rename = "k")]
    key_first: usize,
    #[serde(rename = "l")]
    key_length: usize,
}

#[derive(Serialize)]
struct EventDocument {
    #[serde(rename = "n")]
    place: usize,
    #[serde(rename = "i")]
    event_id: EventId,
    #[serde(rename = "g")]
    stream: usize,
    #[serde(rename = "o")]
    version_offset: u64,
    #[serde(rename = "s")]
    stream_first: usize,
    #[serde(rename = "sl")]
    stream_length: usize,
    #[serde(rename = "k")]
    stream_key_first: usize,
    #[serde(rename = "kl")]
    stream_key_length: usize,
    #[serde(rename = "cl")]
    category_key_length: usize,
    #[serde(rename = "t")]
    type_first: usize,
    #[serde(rename = "tl")]
    type_length: usize,
    #[serde(rename = "u")]
    type_key_first: usize,
    #[serde(rename = "ul")]
    type_key_length: usize,
    #[serde(rename = "v")]
    schema_version: u32,
    #[serde(rename = "a")]
    occurred_at: String,
    #[serde(rename = "p", skip_serializing_if = "Option::is_none")]
    payload_first: Option<usize>,
    #[serde(rename = "pl", skip_serializing_if = "Option::is_none")]
    payload_length: Option<usize>,
    #[serde(rename = "b", skip_serializing_if = "Option::is_none")]
    bytes_first: Option<usize>,
    #[serde(rename = "bl", skip_serializing_if = "Option::is_none")]
    bytes_length: Option<usize>,
    #[serde(rename = "h", skip_serializing_if = "Option::is_none")]
    hashes_first: Option<usize>,
    #[serde(rename = "x", skip_serializing_if = "HashMap::is_empty")]
    rest: HashMap<&'static str, usize>,
}

impl<'b> Gatherer<'b> {
    fn new(counting: Counting) -> Self {
        Self {
            counting,
            texts: String::new(),
            texts_length: 0,
            bytes: Vec::new(),
            names: HashMap::new(),
            events: Vec::new(),
            tags: Vec::new(),
        }
    }

    fn text(&mut self, text: &str) -> Place {
        let place = Place { first: self.texts_length + 1, length: self.counting.length(text) };
        self.texts.push_str(text);
        self.texts_length += place.length;
        place
    }

    fn bytes(&mut self, bytes: &[u8]) -> Place {
        let place = Place { first: self.bytes.len() + 1, length: bytes.len() };
        self.bytes.extend_from_slice(bytes);
        place
    }

    /// A name as text, and as the bytes it is compared by.
    fn name(&mut self, name: &'b str) -> (Place, Place) {
        if let Some(places) = self.names.get(name) {
            return *places;
        }
        let places = (self.text(name), self.bytes(name.as_bytes()));
        self.names.insert(name, places);
        places
    }

    fn event(
        &mut self,
        stream_id: &'b StreamId,
        (stream, version_offset): (usize, u64),
        event: &'b NewEvent,
        hashes: Option<[Hash; 3]>,
    ) -> Result<()> {
        let place = self.events.len() + 1;
        let (stream_text, stream_key) = self.name(stream_id.as_str());
        let (type_text, type_key) = self.name(event.event_type.as_str());
        let (mut payload, mut bytes) = (None, None);
        match &event.payload {
            Payload::Json(json) => payload = Some(self.text(json.as_str())),
            Payload::Bytes(content) => bytes = Some(self.bytes(content)),
        }
        let mut rest = HashMap::new();
        let mut also = |[first, length]: [&'static str; 2], text: Option<&str>| {
            if let Some(text) = text {
                let place = self.text(text);
                rest.extend([(first, place.first), (length, place.length)]);
            }
        };
        let content_type =
            Some(event.content_type.as_str()).filter(|_| event.content_type != ContentType::json());
        also(["c", "cl"], content_type);
        also(["m", "ml"], Some(event.metadata.as_str()).filter(|_| !event.metadata.is_empty()));
        also(["s", "sl"], event.source.as_ref().map(Source::as_str));
        also(["r", "rl"], event.correlation_id.as_ref().map(|id| id.as_str()));
        also(["a", "al"], event.causation_id.as_ref().map(|id| id.as_str()));
        also(["p", "pl"], event.traceparent.as_ref().map(|trace| trace.as_str()));
        also(["t", "tl"], event.tracestate.as_ref().map(|trace| trace.as_str()));
        if !event.tags.is_empty() {
            also(["g", "gl"], Some(&json(&event.tags)?));
        }
        let hashes = hashes.map(|hashes| self.bytes(&hashes.map(|hash| hash.0).concat()));
        for tag in event.tags.iter() {
            let (_, key) = self.name(tag.as_str());
            self.tags.push(TagDocument { place, key_first: key.first, key_length: key.length });
        }
        self.events.push(EventDocument {
            place,
            event_id: event.event_id,
            stream,
            version_offset,
            stream_first: stream_text.first,
            stream_length: stream_text.length,
            stream_key_first: stream_key.first,
            stream_key_length: stream_key.length,
            category_key_length: stream_id.category().len(),
            type_first: type_text.first,
            type_length: type_text.length,
            type_key_first: type_key.first,
            type_key_length: type_key.length,
            schema_version: event.schema_version,
            occurred_at: event.occurred_at.to_string(),
            payload_first: payload.map(|place| place.first),
            payload_length: payload.map(|place| place.length),
            bytes_first: bytes.map(|place| place.first),
            bytes_length: bytes.map(|place| place.length),
            hashes_first: hashes.map(|place| place.first),
            rest,
        });
        Ok(())
    }

    fn finish(self, streams: String) -> Result<Documents> {
        Ok(Documents {
            streams,
            events: json(&self.events)?,
            tags: if self.tags.is_empty() { String::new() } else { json(&self.tags)? },
            texts: self.texts,
            bytes: self.bytes,
        })
    }
}

impl Documents {
    /// A batch whose versions the database finds.
    pub(super) fn of_batch(optimist: &Optimist<'_>, counting: Counting) -> Result<Self> {
        let mut gatherer = Gatherer::new(counting);
        for placed in &optimist.events {
            let stream_id = optimist.streams[placed.stream].0;
            gatherer.event(stream_id, (placed.stream, placed.offset), placed.event, None)?;
        }
        let mut streams = Vec::with_capacity(optimist.streams.len());
        for (index, (stream_id, lowest, highest)) in optimist.streams.iter().enumerate() {
            let (_, key) = gatherer.name(stream_id.as_str());
            streams.push(StreamDocument {
                place: index + 1,
                key_first: key.first,
                key_length: key.length,
                lowest: *lowest,
                highest: *highest,
            });
        }
        gatherer.finish(json(&streams)?)
    }

    /// Rows that have been decided.
    pub(super) fn of_rows(rows: &[Row<'_>], counting: Counting) -> Result<Self> {
        let mut gatherer = Gatherer::new(counting);
        for row in rows {
            let event = &row.event;
            let hashes = match (row.payload_digest, event.predecessor_hash, event.hash) {
                (Some(digest), Some(predecessor), Some(hash)) => Some([digest, predecessor, hash]),
                _ => None,
            };
            gatherer.event(&event.stream_id, (0, event.stream_version.0), row.given, hashes)?;
        }
        gatherer.finish(String::new())
    }

    /// Streams whose versions are asked for: each with its place from 1, and where its key is in the bytes.
    pub(super) fn of_streams(streams: &[&StreamId]) -> Result<(String, Vec<u8>)> {
        let mut bytes = Vec::new();
        let mut documents = Vec::with_capacity(streams.len());
        for (index, stream_id) in streams.iter().enumerate() {
            let key = stream_id.as_str().as_bytes();
            documents.push(TagDocument {
                place: index + 1,
                key_first: bytes.len() + 1,
                key_length: key.len(),
            });
            bytes.extend_from_slice(key);
        }
        Ok((json(&documents)?, bytes))
    }
}

/// Ids as the statements take them.
pub(super) fn ids(ids: &[EventId]) -> Result<String> {
    json(&ids.iter().map(|id| HashMap::from([("i", *id)])).collect::<Vec<_>>())
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|e| Error::with_source(ErrorKind::Internal, "could not write an append as JSON", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_as_the_database_does() {
        for (counting, length, next) in [(Counting::Characters, 3, 4), (Counting::Utf16, 4, 5)] {
            let mut gatherer = Gatherer::new(counting);
            let first = gatherer.text("a\u{1f600}b");
            let second = gatherer.text("c");
            assert_eq!((first.first, first.length, second.first), (1, length, next));
        }
    }
}
