//! An event as a row and a row as an event.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mysql_async::{Row as DbRow, Value};
use serde::Serialize;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{ContentType, EventId, EventType, Hash, NewEvent, RecordedEvent, Source, Tag, Tags};
use crate::payload::{JsonText, Metadata, Payload};
use crate::query::Position;
use crate::sql::{Placed, Row};
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

/// How many columns [`push`] writes, which are those of `sql/insert_events.sql`.
pub(super) const INSERTED: usize = 22;

/// The values of a row, each of which is taken once.
pub(super) struct Fields(Vec<Value>);

impl From<DbRow> for Fields {
    fn from(row: DbRow) -> Self {
        Self(row.unwrap())
    }
}

fn unexpected(column: usize, expected: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("a stored value in column {column} is not {expected}"))
}

fn corrupt(error: Error) -> Error {
    Error::with_source(ErrorKind::Corrupt, "a stored value is not of the expected form", error)
}

impl Fields {
    fn take(&mut self, column: usize) -> Value {
        self.0.get_mut(column).map_or(Value::NULL, |value| std::mem::replace(value, Value::NULL))
    }

    pub(super) fn is_null(&self, column: usize) -> bool {
        self.0.get(column).is_none_or(|value| *value == Value::NULL)
    }

    pub(super) fn number(&mut self, column: usize) -> Result<u64> {
        let number = match self.take(column) {
            Value::Int(number) => u64::try_from(number).ok(),
            Value::UInt(number) => Some(number),
            // As text in the results of several statements, and as a decimal from SUM.
            Value::Bytes(digits) => std::str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok()),
            _ => None,
        };
        number.ok_or_else(|| unexpected(column, "a number from 0"))
    }

    pub(super) fn bytes(&mut self, column: usize) -> Result<Option<Vec<u8>>> {
        match self.take(column) {
            Value::NULL => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes)),
            _ => Err(unexpected(column, "text or bytes")),
        }
    }

    pub(super) fn text(&mut self, column: usize) -> Result<Option<String>> {
        let Some(bytes) = self.bytes(column)? else { return Ok(None) };
        String::from_utf8(bytes).map(Some).map_err(|_| unexpected(column, "UTF-8"))
    }

    /// A text that is not NULL.
    pub(super) fn required(&mut self, column: usize) -> Result<String> {
        self.text(column)?.ok_or_else(|| unexpected(column, "a text"))
    }

    /// A name that was checked before it was stored; checking again finds a row that something else wrote.
    pub(super) fn name<T: for<'a> TryFrom<&'a str, Error = Error>>(&mut self, column: usize) -> Result<T> {
        T::try_from(&self.required(column)?).map_err(corrupt)
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

    fn fixed<const N: usize>(&mut self, column: usize) -> Result<Option<[u8; N]>> {
        let Some(bytes) = self.bytes(column)? else { return Ok(None) };
        bytes.try_into().map(Some).map_err(|_| unexpected(column, &format!("{N} bytes")))
    }

    pub(super) fn uuid(&mut self, column: usize) -> Result<Uuid> {
        let bytes = self.fixed(column)?.ok_or_else(|| unexpected(column, "a UUID"))?;
        Ok(Uuid::from_bytes(bytes))
    }

    pub(super) fn hash(&mut self, column: usize) -> Result<Option<Hash>> {
        Ok(self.fixed(column)?.map(Hash))
    }

    pub(super) fn time(&mut self, column: usize) -> Result<Timestamp> {
        match self.take(column) {
            Value::Date(year, month, day, hour, minute, second, micros) => {
                let date = [i16::try_from(year).unwrap_or(0), i16::from(month), i16::from(day)];
                let time = [hour, minute, second].map(u8::cast_signed);
                Timestamp::from_utc(date, time, micros).map_err(corrupt)
            }
            Value::Bytes(text) => {
                let text = std::str::from_utf8(&text).map_err(|_| unexpected(column, "a time"))?;
                format!("{}Z", text.replacen(' ', "T", 1)).parse().map_err(corrupt)
            }
            _ => Err(unexpected(column, "a time")),
        }
    }

    /// Reads the columns of `sql/columns.sql`, the first of which is at `first`.
    pub(super) fn event(&mut self, first: usize, source: &Source) -> Result<RecordedEvent> {
        let at = |column: usize| first + column;
        let payload = match self.bytes(at(9))? {
            Some(bytes) => Payload::Bytes(bytes.into()),
            None => Payload::Json(self.json(at(8))?),
        };
        let schema_version = self.number(at(5))?;
        let event = NewEvent {
            event_id: EventId::from(self.uuid(at(1))?),
            event_type: self.name::<EventType>(at(4))?,
            schema_version: u32::try_from(schema_version)
                .map_err(|_| unexpected(at(5), "a schema version"))?,
            occurred_at: self.time(at(6))?,
            payload,
            content_type: self.optional(at(10), str::parse)?.unwrap_or_else(ContentType::json),
            metadata: self.optional(at(11), |text| Metadata::parse(text))?.unwrap_or_default(),
            source: self.optional(at(12), str::parse)?,
            correlation_id: self.optional(at(13), str::parse)?,
            causation_id: self.optional(at(14), str::parse)?,
            traceparent: self.optional(at(15), str::parse)?,
            tracestate: self.optional(at(16), str::parse)?,
            tags: self.optional(at(17), tags)?.unwrap_or_default(),
        };
        let mut recorded = RecordedEvent::record(
            event,
            self.name::<StreamId>(at(2))?,
            Version(self.number(at(3))?),
            Position(self.number(at(0))?),
            self.time(at(7))?,
            source,
        );
        recorded.predecessor_hash = self.hash(at(18))?;
        recorded.hash = self.hash(at(19))?;
        Ok(recorded)
    }
}

fn tags(text: &str) -> Result<Tags> {
    let tags: Vec<String> = JsonText::parse(text)?.decode()?;
    tags.into_iter().map(Tag::try_from).collect()
}

/// A time as SQL writes it.
pub(super) fn datetime(time: Timestamp) -> String {
    let text = time.to_string();
    text.trim_end_matches('Z').replacen('T', " ", 1)
}

pub(super) fn text(text: &str) -> Value {
    Value::Bytes(text.as_bytes().to_vec())
}

pub(super) fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

pub(super) fn number(number: u64) -> Value {
    // Beyond its signed integers a database has nothing stored.
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn or_null<T: ?Sized>(value: Option<&T>, convert: impl FnOnce(&T) -> Value) -> Value {
    value.map_or(Value::NULL, convert)
}

fn own_content_type(event: &NewEvent) -> Option<&str> {
    (event.content_type != ContentType::json()).then_some(event.content_type.as_str())
}

fn own_metadata(event: &NewEvent) -> Option<&str> {
    (!event.metadata.is_empty()).then_some(event.metadata.as_str())
}

fn own_tags(event: &NewEvent) -> Result<Option<String>> {
    let tags = (!event.tags.is_empty()).then(|| json(&event.tags));
    tags.transpose()
}

/// Appends a row's values, in the order of the columns of `sql/insert_events.sql`.
pub(super) fn push(values: &mut Vec<Value>, row: &Row<'_>) -> Result<()> {
    let (event, given) = (&row.event, row.given);
    let (payload, payload_bytes) = match &given.payload {
        Payload::Json(json) => (text(json.as_str()), Value::NULL),
        Payload::Bytes(content) => (Value::NULL, bytes(content)),
    };
    let tags = own_tags(given)?;
    let digest = |hash: Option<&Hash>| or_null(hash, |hash| bytes(&hash.0));
    let before = values.len();
    values.extend([
        number(event.position.0),
        bytes(given.event_id.uuid().as_bytes()),
        text(event.stream_id.as_str()),
        number(event.stream_version.0),
        text(event.stream_id.category()),
        text(given.event_type.as_str()),
        number(u64::from(given.schema_version)),
        text(&datetime(given.occurred_at)),
        text(&datetime(event.recorded_at)),
        payload,
        payload_bytes,
        or_null(own_content_type(given), text),
        or_null(own_metadata(given), text),
        or_null(given.source.as_ref(), |source| text(source.as_str())),
        or_null(given.correlation_id.as_ref(), |id| text(id.as_str())),
        or_null(given.causation_id.as_ref(), |id| text(id.as_str())),
        or_null(given.traceparent.as_ref(), |trace| text(trace.as_str())),
        or_null(given.tracestate.as_ref(), |trace| text(trace.as_str())),
        or_null(tags.as_deref(), text),
        digest(row.payload_digest.as_ref()),
        digest(event.predecessor_hash.as_ref()),
        digest(event.hash.as_ref()),
    ]);
    debug_assert_eq!(values.len() - before, INSERTED);
    Ok(())
}

/// An event in the document that the procedure reads (`sql/schema.sql`).
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "n")]
    stream: usize,
    #[serde(rename = "o")]
    offset: u64,
    #[serde(rename = "i")]
    event_id: String,
    #[serde(rename = "s")]
    stream_id: &'a str,
    #[serde(rename = "c")]
    category: &'a str,
    #[serde(rename = "t")]
    event_type: &'a str,
    #[serde(rename = "v")]
    schema_version: u32,
    #[serde(rename = "a")]
    occurred_at: String,
    #[serde(rename = "p", skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(rename = "x", skip_serializing_if = "Option::is_none")]
    rest: Option<Rest<'a>>,
}

/// What few events have.
#[derive(Serialize, Default, PartialEq)]
struct Rest<'a> {
    #[serde(rename = "b", skip_serializing_if = "Option::is_none")]
    payload_bytes: Option<String>,
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(rename = "m", skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a str>,
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    #[serde(rename = "a", skip_serializing_if = "Option::is_none")]
    causation_id: Option<&'a str>,
    #[serde(rename = "p", skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    #[serde(rename = "t", skip_serializing_if = "Option::is_none")]
    tracestate: Option<&'a str>,
    #[serde(rename = "g", skip_serializing_if = "Option::is_none")]
    tags: Option<String>,
}

impl<'a> Document<'a> {
    fn of(stream_id: &'a StreamId, placed: &Placed<'a>) -> Result<Self> {
        let event = placed.event;
        let (payload, payload_bytes) = match &event.payload {
            Payload::Json(json) => (Some(json.as_str()), None),
            Payload::Bytes(bytes) => (None, Some(STANDARD.encode(bytes))),
        };
        let rest = Rest {
            payload_bytes,
            content_type: own_content_type(event),
            metadata: own_metadata(event),
            source: event.source.as_ref().map(Source::as_str),
            correlation_id: event.correlation_id.as_ref().map(|id| id.as_str()),
            causation_id: event.causation_id.as_ref().map(|id| id.as_str()),
            traceparent: event.traceparent.as_ref().map(|trace| trace.as_str()),
            tracestate: event.tracestate.as_ref().map(|trace| trace.as_str()),
            tags: own_tags(event)?,
        };
        Ok(Self {
            stream: placed.stream,
            offset: placed.offset,
            event_id: event.event_id.uuid().simple().to_string(),
            stream_id: stream_id.as_str(),
            category: stream_id.category(),
            event_type: event.event_type.as_str(),
            schema_version: event.schema_version,
            occurred_at: datetime(event.occurred_at),
            payload,
            rest: (rest != Rest::default()).then_some(rest),
        })
    }
}

/// The events of a batch as one JSON document.
pub(super) fn document(streams: &[(&StreamId, u64, u64)], events: &[Placed<'_>]) -> Result<String> {
    let documents = events.iter().map(|placed| Document::of(streams[placed.stream].0, placed));
    json(&documents.collect::<Result<Vec<_>>>()?)
}

/// Tags, each with the place of its event in the batch, from 1; `None` where there are none.
pub(super) fn tag_document(events: &[Placed<'_>]) -> Result<Option<String>> {
    let mut tags: Vec<(usize, &str)> = Vec::new();
    for (index, placed) in events.iter().enumerate() {
        tags.extend(placed.event.tags.iter().map(|tag| (index + 1, tag.as_str())));
    }
    (!tags.is_empty()).then(|| json(&tags)).transpose()
}

pub(super) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|e| Error::with_source(ErrorKind::Internal, "could not write an append as JSON", e))
}
