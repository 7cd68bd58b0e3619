//! An event as a row and a row as an event.

use std::error::Error as StdError;

use tokio_postgres::Row as DbRow;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{ContentType, EventId, EventType, Hash, NewEvent, RecordedEvent, Source, Tag, Tags};
use crate::payload::{JsonText, Metadata, Payload};
use crate::query::Position;
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

/// The types of parameters, under short names.
pub(super) mod kinds {
    use tokio_postgres::types::Type;

    pub(in crate::postgres) const BYTEA: Type = Type::BYTEA;
    pub(in crate::postgres) const BYTEA_ARRAY: Type = Type::BYTEA_ARRAY;
    pub(in crate::postgres) const INT4_ARRAY: Type = Type::INT4_ARRAY;
    pub(in crate::postgres) const INT8: Type = Type::INT8;
    pub(in crate::postgres) const INT8_ARRAY: Type = Type::INT8_ARRAY;
    pub(in crate::postgres) const TEXT: Type = Type::TEXT;
    pub(in crate::postgres) const TEXT_ARRAY: Type = Type::TEXT_ARRAY;
    pub(in crate::postgres) const TIMESTAMPTZ: Type = Type::TIMESTAMPTZ;
    pub(in crate::postgres) const TIMESTAMPTZ_ARRAY: Type = Type::TIMESTAMPTZ_ARRAY;
    pub(in crate::postgres) const UUID: Type = Type::UUID;
    pub(in crate::postgres) const UUID_ARRAY: Type = Type::UUID_ARRAY;
}

/// 2000-01-01T00:00:00Z, from which PostgreSQL counts, in microseconds since 1970.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// A time as PostgreSQL sends it: microseconds since 2000.
#[derive(Debug, Clone, Copy)]
pub(super) struct Micros(pub(super) Timestamp);

impl ToSql for Micros {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        (self.0.unix_micros() - POSTGRES_EPOCH).to_sql(kind, out)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Micros {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        let micros = i64::from_sql(kind, raw)?.saturating_add(POSTGRES_EPOCH);
        Ok(Self(Timestamp::from_unix_micros(micros)?))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TIMESTAMPTZ
    }
}

/// Versions and positions as PostgreSQL holds them; beyond its integers there is nothing stored.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn number(row: &DbRow, column: usize) -> Result<u64> {
    let number: i64 = get(row, column)?;
    u64::try_from(number).map_err(|_| {
        Error::new(ErrorKind::Corrupt, format!("column {column} holds {number}, expected a number from 0"))
    })
}

pub(super) fn get<'a, T: FromSql<'a>>(row: &'a DbRow, column: usize) -> Result<T> {
    row.try_get(column)
        .map_err(|e| Error::with_source(ErrorKind::Corrupt, "a stored value is not of the expected form", e))
}

fn corrupt(error: Error) -> Error {
    Error::with_source(ErrorKind::Corrupt, "a stored value is not of the expected form", error)
}

/// A name that was checked before it was stored; checking again finds a row that something else wrote.
pub(super) fn name<T: for<'a> TryFrom<&'a str, Error = Error>>(row: &DbRow, column: usize) -> Result<T> {
    T::try_from(get(row, column)?).map_err(corrupt)
}

fn optional<T>(row: &DbRow, column: usize, parse: impl FnOnce(&str) -> Result<T>) -> Result<Option<T>> {
    get::<Option<&str>>(row, column)?.map(parse).transpose().map_err(corrupt)
}

/// A text that its type parses.
pub(super) fn parse<T: std::str::FromStr<Err = Error>>(row: &DbRow, column: usize) -> Result<T> {
    get::<&str>(row, column)?.parse().map_err(corrupt)
}

/// A column of the type `json`, selected as text.
pub(super) fn json(row: &DbRow, column: usize) -> Result<JsonText> {
    get(row, column).map(JsonText::of_json_column)
}

pub(super) fn hash(row: &DbRow, column: usize) -> Result<Option<Hash>> {
    let Some(bytes) = get::<Option<&[u8]>>(row, column)? else { return Ok(None) };
    let bytes = <[u8; 32]>::try_from(bytes)
        .map_err(|e| Error::with_source(ErrorKind::Corrupt, "a stored hash has not 32 bytes", e))?;
    Ok(Some(Hash(bytes)))
}

fn tags(text: &str) -> Result<Tags> {
    let tags: Vec<String> = JsonText::parse(text)?.decode()?;
    tags.into_iter().map(Tag::try_from).collect()
}

/// Reads the columns of `sql/columns.sql`, the first of which is at `first`.
pub(super) fn read(row: &DbRow, first: usize, source: &Source) -> Result<RecordedEvent> {
    let at = |column: usize| first + column;
    let payload = match get::<Option<&[u8]>>(row, at(9))? {
        Some(bytes) => Payload::Bytes(bytes.into()),
        None => Payload::Json(json(row, at(8))?),
    };
    let schema_version: i32 = get(row, at(5))?;
    let event = NewEvent {
        event_id: EventId::from(get::<Uuid>(row, at(1))?),
        event_type: name::<EventType>(row, at(4))?,
        schema_version: schema_version.unsigned_abs(),
        occurred_at: get::<Micros>(row, at(6))?.0,
        payload,
        content_type: optional(row, at(10), str::parse)?.unwrap_or_else(ContentType::json),
        metadata: optional(row, at(11), |text| Metadata::parse(text))?.unwrap_or_default(),
        source: optional(row, at(12), str::parse)?,
        correlation_id: optional(row, at(13), str::parse)?,
        causation_id: optional(row, at(14), str::parse)?,
        traceparent: optional(row, at(15), str::parse)?,
        tracestate: optional(row, at(16), str::parse)?,
        tags: optional(row, at(17), tags)?.unwrap_or_default(),
    };
    let mut recorded = RecordedEvent::record(
        event,
        name::<StreamId>(row, at(2))?,
        Version(number(row, at(3))?),
        Position(number(row, at(0))?),
        get::<Micros>(row, at(7))?.0,
        source,
    );
    recorded.predecessor_hash = hash(row, at(18))?;
    recorded.hash = hash(row, at(19))?;
    Ok(recorded)
}

/// Events as columns, an array each, in the order in which the statements name them.
#[derive(Default)]
pub(super) struct Columns<'a> {
    pub(super) event_ids: Vec<Uuid>,
    pub(super) categories: Vec<&'a str>,
    pub(super) event_types: Vec<&'a str>,
    pub(super) schema_versions: Vec<i32>,
    pub(super) occurred_at: Vec<Micros>,
    pub(super) payloads: Vec<Option<&'a str>>,
    pub(super) payload_bytes: Vec<Option<&'a [u8]>>,
    pub(super) content_types: Vec<Option<&'a str>>,
    pub(super) metadata: Vec<Option<&'a str>>,
    pub(super) sources: Vec<Option<&'a str>>,
    pub(super) correlation_ids: Vec<Option<&'a str>>,
    pub(super) causation_ids: Vec<Option<&'a str>>,
    pub(super) traceparents: Vec<Option<&'a str>>,
    pub(super) tracestates: Vec<Option<&'a str>>,
    pub(super) tags: Vec<Option<String>>,
    /// Each tag, with the place of its event in this batch, from 1.
    pub(super) tag_places: Vec<i64>,
    pub(super) tag_names: Vec<&'a str>,
}

/// A column as a parameter. Most columns hold nothing for most events: where none of them has a value, there is
/// no array to be sent and taken apart, and `unnest` fills up.
pub(super) fn unless_empty<T>(column: &Vec<Option<T>>) -> Option<&Vec<Option<T>>> {
    column.iter().any(Option::is_some).then_some(column)
}

impl<'a> Columns<'a> {
    pub(super) fn push(&mut self, stream_id: &'a StreamId, event: &'a NewEvent) -> Result<()> {
        let (json, bytes) = match &event.payload {
            Payload::Json(json) => (Some(json.as_str()), None),
            Payload::Bytes(bytes) => (None, Some(&**bytes)),
        };
        let tags = (!event.tags.is_empty()).then(|| serde_json::to_string(&event.tags)).transpose();
        let tags =
            tags.map_err(|e| Error::with_source(ErrorKind::Internal, "could not write tags as JSON", e))?;
        self.event_ids.push(event.event_id.uuid());
        self.categories.push(stream_id.category());
        self.event_types.push(event.event_type.as_str());
        self.schema_versions.push(event.schema_version.cast_signed());
        self.occurred_at.push(Micros(event.occurred_at));
        self.payloads.push(json);
        self.payload_bytes.push(bytes);
        self.content_types
            .push((event.content_type != ContentType::json()).then_some(event.content_type.as_str()));
        self.metadata.push((!event.metadata.is_empty()).then_some(event.metadata.as_str()));
        self.sources.push(event.source.as_ref().map(Source::as_str));
        self.correlation_ids.push(event.correlation_id.as_ref().map(|id| id.as_str()));
        self.causation_ids.push(event.causation_id.as_ref().map(|id| id.as_str()));
        self.traceparents.push(event.traceparent.as_ref().map(|trace| trace.as_str()));
        self.tracestates.push(event.tracestate.as_ref().map(|trace| trace.as_str()));
        self.tags.push(tags);
        let place = i64::try_from(self.event_ids.len()).unwrap_or(i64::MAX);
        for tag in &event.tags {
            self.tag_places.push(place);
            self.tag_names.push(tag.as_str());
        }
        Ok(())
    }
}
