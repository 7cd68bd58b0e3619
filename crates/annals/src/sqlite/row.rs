//! An event as a row and a row as an event.

use rusqlite::types::{Type, ValueRef};
use rusqlite::{CachedStatement, Row, ToSql};
use uuid::Uuid;

use crate::event::{ContentType, EventId, EventType, Hash, NewEvent, RecordedEvent, Source, Tag, Tags};
use crate::payload::{JsonText, Metadata, Payload};
use crate::query::Position;
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

/// Versions and positions as SQLite holds them; beyond its integers there is nothing stored.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn refused(column: usize, error: crate::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

/// A name that was checked before it was stored; checking again finds a row that something else wrote.
pub(super) fn name<T: for<'a> TryFrom<&'a str, Error = crate::Error>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    T::try_from(row.get_ref(column)?.as_str()?).map_err(|e| refused(column, e))
}

fn optional<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> crate::Result<T>,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)?.as_str_or_null()? {
        Some(text) => parse(text).map(Some).map_err(|e| refused(column, e)),
        None => Ok(None),
    }
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_unix_micros(row.get(column)?).map_err(|e| refused(column, e))
}

fn tags(text: &str) -> crate::Result<Tags> {
    let tags: Vec<String> = JsonText::parse(text)?.decode()?;
    tags.into_iter().map(Tag::try_from).collect()
}

/// Reads a row of the columns in `sql/columns.sql`.
pub(super) fn read(row: &Row<'_>, source: &Source) -> rusqlite::Result<RecordedEvent> {
    let payload = match row.get_ref(8)? {
        ValueRef::Text(_) => Payload::Json(json(row, 8)?),
        value => Payload::Bytes(value.as_blob()?.into()),
    };
    let event = NewEvent {
        event_id: EventId::from(Uuid::from_bytes(row.get(1)?)),
        event_type: name::<EventType>(row, 4)?,
        schema_version: row.get(5)?,
        occurred_at: time(row, 6)?,
        payload,
        content_type: optional(row, 9, str::parse)?.unwrap_or_else(ContentType::json),
        metadata: optional(row, 10, |text| Metadata::parse(text))?.unwrap_or_default(),
        source: optional(row, 11, str::parse)?,
        correlation_id: optional(row, 12, str::parse)?,
        causation_id: optional(row, 13, str::parse)?,
        traceparent: optional(row, 14, str::parse)?,
        tracestate: optional(row, 15, str::parse)?,
        tags: optional(row, 16, tags)?.unwrap_or_default(),
    };
    let mut recorded = RecordedEvent::record(
        event,
        name::<StreamId>(row, 2)?,
        Version(number(row, 3)?),
        Position(number(row, 0)?),
        time(row, 7)?,
        source,
    );
    recorded.predecessor_hash = row.get::<_, Option<[u8; 32]>>(17)?.map(Hash);
    recorded.hash = row.get::<_, Option<[u8; 32]>>(18)?.map(Hash);
    Ok(recorded)
}

/// A text that its type parses.
pub(super) fn parse<T: std::str::FromStr<Err = crate::Error>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    row.get_ref(column)?.as_str()?.parse().map_err(|e| refused(column, e))
}

/// JSON that was checked before it was stored.
pub(super) fn json(row: &Row<'_>, column: usize) -> rusqlite::Result<JsonText> {
    JsonText::parse(row.get_ref(column)?.as_str()?).map_err(|e| refused(column, e))
}

/// Writes an event with `sql/insert_event.sql`.
pub(super) fn insert(
    statement: &mut CachedStatement<'_>,
    event: &RecordedEvent,
    own_source: bool,
    payload_digest: Option<Hash>,
) -> rusqlite::Result<()> {
    let payload: &dyn ToSql = match &event.payload {
        Payload::Json(json) => &json.as_str(),
        Payload::Bytes(bytes) => &&**bytes,
    };
    let tags = (!event.tags.is_empty()).then(|| serde_json::to_string(&event.tags)).transpose();
    let tags = tags.map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
    let own_type = event.content_type != ContentType::json();
    statement
        .execute(rusqlite::params![
            integer(event.position.0),
            event.event_id.uuid().as_bytes(),
            event.stream_id.as_str(),
            integer(event.stream_version.0),
            event.stream_id.category(),
            event.event_type.as_str(),
            event.schema_version,
            event.occurred_at.unix_micros(),
            event.recorded_at.unix_micros(),
            payload,
            own_type.then_some(event.content_type.as_str()),
            (!event.metadata.is_empty()).then_some(event.metadata.as_str()),
            (!own_source).then_some(event.source.as_str()),
            event.correlation_id.as_ref().map(|id| id.as_str()),
            event.causation_id.as_ref().map(|id| id.as_str()),
            event.traceparent.as_ref().map(|trace| trace.as_str()),
            event.tracestate.as_ref().map(|trace| trace.as_str()),
            tags,
            payload_digest.as_ref().map(|digest| &digest.0),
            event.predecessor_hash.as_ref().map(|hash| &hash.0),
            event.hash.as_ref().map(|hash| &hash.0),
        ])
        .map(drop)
}
