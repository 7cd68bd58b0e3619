//! Reading: each page is one statement, and so one snapshot of the database.

use std::pin::pin;

use futures_util::TryStreamExt as _;
use tokio_postgres::Row;

use crate::backend::{
    Direction, EventTypeInfo, Head, LogPage, LogRange, Stats, StreamInfo, StreamPage, StreamRange,
    page_bytes, page_is_full,
};
use crate::error::Result;
use crate::event::{EventId, EventType, RecordedEvent};
use crate::query::Position;
use crate::sql::{Identity, Parameter, Positions, gone};
use crate::stream::{StreamId, Version};

use super::connect::{Connection, Param};
use super::error;
use super::row::{self, integer, kinds, number};
use super::schema::Statements;

/// Events of one statement, and where the stream or the log was.
struct Page {
    place: u64,
    events: Vec<RecordedEvent>,
    /// All rows were taken.
    end: bool,
}

pub(super) struct Reader<'a> {
    pub(super) connection: &'a Connection,
    pub(super) statements: &'a Statements,
    pub(super) identity: &'a Identity,
}

impl Reader<'_> {
    pub(super) async fn stream(&self, range: &StreamRange) -> Result<StreamPage> {
        let sql = match range.direction {
            Direction::Forward => &self.statements.stream_forward,
            Direction::Backward => &self.statements.stream_backward,
        };
        let (from, limit) = (integer(range.from.0), one_more(range.limit));
        let params: [Param<'_>; 3] =
            [(&range.stream_id.as_str(), kinds::TEXT), (&from, kinds::INT8), (&limit, kinds::INT8)];
        let Page { place, events, end } = self.page(sql, &params, range.limit).await?;
        Ok(StreamPage { events, version: Version(place), end })
    }

    pub(super) async fn log(&self, range: &LogRange) -> Result<LogPage> {
        let positions = Positions::new(&self.statements.dialect, range);
        if positions.is_empty() {
            return Ok(LogPage { events: Vec::new(), through: self.head().await?.position, end: true });
        }
        let limit = range.limit.saturating_add(1);
        let values: Vec<Value<'_>> = positions.parameters().iter().map(Value::of).collect();
        let mut params: Vec<Param<'_>> = values.iter().map(Value::param).collect();
        params.push((&self.identity.store_id.0, kinds::UUID));
        // One row of the store, by its key: otherwise the events are materialised, for rows that might follow.
        let sql = format!(
            "SELECT s.last_position, e.* FROM {}.store s LEFT JOIN LATERAL ({}) e ON true \
             WHERE s.id = 1 AND s.store_id = ${}",
            self.statements.quoted,
            positions.events_sql(limit),
            params.len(),
        );
        let Page { place, events, end } = self.page(&sql, &params, range.limit).await?;
        let through = match events.last() {
            _ if end => Position(place),
            Some(last) => last.position,
            None => range.before(),
        };
        Ok(LogPage { events, through, end })
    }

    /// Takes rows as they arrive until the page is full, so that no more than a page is held.
    async fn page(&self, sql: &str, params: &[Param<'_>], limit: usize) -> Result<Page> {
        let failed = |e| error::of("could not read", e);
        let mut rows = pin!(self.connection.stream(sql, params).await.map_err(failed)?);
        let first = rows.try_next().await.map_err(failed)?.ok_or_else(gone)?;
        let mut page = Page { place: number(&first, 0)?, events: Vec::new(), end: true };
        let (mut bytes, mut next) = (0, Some(first));
        while let Some(found) = next {
            // The row that says where things are when there is no event.
            if row::get::<Option<i64>>(&found, 1)?.is_none() {
                break;
            }
            if page_is_full(&page.events, bytes, limit) {
                page.end = false;
                break;
            }
            let event = row::read(&found, 1, &self.identity.source)?;
            bytes += page_bytes(&event);
            page.events.push(event);
            next = rows.try_next().await.map_err(failed)?;
        }
        Ok(page)
    }

    pub(super) async fn head(&self) -> Result<Head> {
        let params: [Param<'_>; 1] = [(&self.identity.store_id.0, kinds::UUID)];
        let rows = self.query(&self.statements.select_store, &params).await?;
        let row = rows.first().ok_or_else(gone)?;
        Ok(Head { position: Position(number(row, 0)?), hash: row::hash(row, 1)? })
    }

    pub(super) async fn by_id(&self, ids: &[EventId]) -> Result<Vec<RecordedEvent>> {
        let uuids: Vec<_> = ids.iter().map(|id| id.uuid()).collect();
        let params: [Param<'_>; 1] = [(&uuids, kinds::UUID_ARRAY)];
        let rows = self.query(&self.statements.select_by_ids, &params).await?;
        let found: Vec<RecordedEvent> =
            rows.iter().map(|found| row::read(found, 0, &self.identity.source)).collect::<Result<_>>()?;
        Ok(ids.iter().filter_map(|id| found.iter().find(|event| event.event_id == *id)).cloned().collect())
    }

    pub(super) async fn streams(
        &self,
        prefix: &str,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<StreamInfo>> {
        let (after, limit) = (after.map_or("", StreamId::as_str), one_more(limit) - 1);
        let params: [Param<'_>; 3] = [(&prefix, kinds::TEXT), (&after, kinds::TEXT), (&limit, kinds::INT8)];
        let rows = self.query(&self.statements.list_streams, &params).await?;
        let info =
            |row: &Row| Ok(StreamInfo { stream_id: row::name(row, 0)?, version: Version(number(row, 1)?) });
        rows.iter().map(info).collect()
    }

    pub(super) async fn event_types(
        &self,
        after: Option<&EventType>,
        limit: usize,
    ) -> Result<Vec<EventTypeInfo>> {
        let (after, limit) = (after.map_or("", EventType::as_str), one_more(limit) - 1);
        let params: [Param<'_>; 2] = [(&after, kinds::TEXT), (&limit, kinds::INT8)];
        let rows = self.query(&self.statements.list_event_types, &params).await?;
        let info = |row: &Row| Ok(EventTypeInfo { event_type: row::name(row, 0)?, events: number(row, 1)? });
        rows.iter().map(info).collect()
    }

    pub(super) async fn stats(&self) -> Result<Stats> {
        let params: [Param<'_>; 1] = [(&self.statements.schema, kinds::TEXT)];
        let rows = self.query(&self.statements.stats, &params).await?;
        let row = rows.first().ok_or_else(gone)?;
        Ok(Stats {
            events: number(row, 0)?,
            streams: number(row, 1)?,
            event_types: number(row, 2)?,
            position: Position(number(row, 3)?),
            bytes: Some(number(row, 4)?),
        })
    }

    /// Runs one statement of this store's.
    pub(super) async fn query(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        self.connection.query(sql, params).await.map_err(|e| error::of("could not read", e))
    }
}

/// A parameter of a query for events, in the form in which the driver takes it.
pub(super) enum Value<'a> {
    Integer(i64),
    Text(&'a str),
}

impl<'a> Value<'a> {
    pub(super) fn of(parameter: &Parameter<'a>) -> Self {
        match *parameter {
            Parameter::Position(position) => Self::Integer(integer(position)),
            Parameter::Text(text) => Self::Text(text),
        }
    }

    pub(super) fn param(&self) -> Param<'_> {
        match self {
            Self::Integer(integer) => (integer, kinds::INT8),
            Self::Text(text) => (text, kinds::TEXT),
        }
    }
}

/// A limit of one more tells whether there is more.
fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}
