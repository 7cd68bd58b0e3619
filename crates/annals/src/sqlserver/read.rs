//! Reading. A page is one command of two statements: where the log, or the stream, ends, and what lies before
//! that. Without READ_COMMITTED_SNAPSHOT a statement is no snapshot, and its parts may see different commits; what
//! is bounded by an end that was read before is the same whenever it is read.

use tiberius::Row;

use crate::backend::{
    Direction, EventTypeInfo, Head, LogPage, LogRange, Stats, StreamInfo, StreamPage, StreamRange,
    page_bytes, page_is_full,
};
use crate::error::Result;
use crate::event::{EventId, EventType, RecordedEvent};
use crate::query::Position;
use crate::sql::{Identity, Parameter, Positions, gone};
use crate::stream::{StreamId, Version};

use super::append::{inlined, position};
use super::connect::{Connection, Param};
use super::error;
use super::row::{self, Fields};
use super::schema::{PARAMETERS_MAX, Statements};

/// Ids in one statement.
const IDS_MAX: usize = 1_000;

/// No byte of UTF-8 is as large.
const BEYOND_UTF8: u8 = 0xff;

pub(super) struct Reader<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) statements: &'a Statements,
    pub(super) identity: &'a Identity,
}

impl Reader<'_> {
    pub(super) async fn stream(&mut self, range: &StreamRange) -> Result<StreamPage> {
        let sql = match range.direction {
            Direction::Forward => &self.statements.stream_forward,
            Direction::Backward => &self.statements.stream_backward,
        };
        let params =
            vec![name(range.stream_id.as_str()), position(Position(range.from.0)), one_more(range.limit)];
        let mut sets = self.query(sql, params).await?.into_iter();
        let mut version = Fields::from(sets.next().into_iter().flatten().next().ok_or_else(gone)?);
        let version = Version(version.number(0)?);
        let (events, end) = self.page(sets.next().unwrap_or_default(), range.limit)?;
        Ok(StreamPage { events, version, end })
    }

    pub(super) async fn log(&mut self, range: &LogRange) -> Result<LogPage> {
        let positions = Positions::new(&self.statements.dialect, range);
        if positions.is_empty() {
            let head = self.head().await?.position;
            return Ok(LogPage { events: Vec::new(), through: head, end: true });
        }
        let id = format!("'{}'", self.identity.store_id.0);
        let mut sql = self.statements.declare_head.replace("{id}", &id);
        let page = positions.events_sql(range.limit.saturating_add(1));
        let mut params = Vec::new();
        if positions.parameters().len() <= PARAMETERS_MAX {
            sql.push_str(&page);
            params.extend(positions.parameters().iter().map(|parameter| match *parameter {
                Parameter::Position(at) => position(Position(at)),
                Parameter::Text(text) => name(text),
            }));
        } else {
            sql.push_str(&inlined(&page, positions.parameters()));
        }
        let mut sets = self.query(&sql, params).await?.into_iter();
        let mut head = Fields::from(sets.next().into_iter().flatten().next().ok_or_else(gone)?);
        let head = head.integer(0)?.and_then(|head| u64::try_from(head).ok()).map(Position);
        let head = head.ok_or_else(gone)?;
        let (events, end) = self.page(sets.next().unwrap_or_default(), range.limit)?;
        let through = match events.last() {
            _ if end => head,
            Some(last) => last.position,
            None => range.before(),
        };
        Ok(LogPage { events, through, end })
    }

    /// Takes rows until the page is full; says whether it took all.
    fn page(&self, rows: Vec<Row>, limit: usize) -> Result<(Vec<RecordedEvent>, bool)> {
        let (mut events, mut bytes) = (Vec::new(), 0);
        for row in rows {
            if page_is_full(&events, bytes, limit) {
                return Ok((events, false));
            }
            let event = Fields::from(row).event(&self.identity.source)?;
            bytes += page_bytes(&event);
            events.push(event);
        }
        Ok((events, true))
    }

    pub(super) async fn head(&mut self) -> Result<Head> {
        let params = vec![Param::Uuid(self.identity.store_id.0)];
        let mut row = self.row(&self.statements.select_head, params).await?.ok_or_else(gone)?;
        Ok(Head { position: Position(row.number(0)?), hash: row.hash(2)? })
    }

    pub(super) async fn by_id(&mut self, ids: &[EventId]) -> Result<Vec<RecordedEvent>> {
        let mut found = std::collections::HashMap::with_capacity(ids.len());
        for part in ids.chunks(IDS_MAX) {
            let sql = self.statements.by_ids.replace("{ids}", "@P1");
            for row in self.query(&sql, vec![Param::Text(row::ids(part)?)]).await?.into_iter().flatten() {
                let event = Fields::from(row).event(&self.identity.source)?;
                found.insert(event.event_id, event);
            }
        }
        Ok(ids.iter().filter_map(|id| found.get(id)).cloned().collect())
    }

    pub(super) async fn streams(
        &mut self,
        prefix: &str,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<StreamInfo>> {
        let mut beyond = prefix.as_bytes().to_vec();
        beyond.push(BEYOND_UTF8);
        let after = after.map_or("", StreamId::as_str);
        let params = vec![name(prefix), Param::Bytes(beyond), name(after), rows(limit)];
        let found = self.query(&self.statements.list_streams, params).await?;
        let info = |row: Row| {
            let mut row = Fields::from(row);
            Ok(StreamInfo { stream_id: row.name(0)?, version: Version(row.number(1)?) })
        };
        found.into_iter().flatten().map(info).collect()
    }

    pub(super) async fn event_types(
        &mut self,
        after: Option<&EventType>,
        limit: usize,
    ) -> Result<Vec<EventTypeInfo>> {
        let params = vec![name(after.map_or("", EventType::as_str)), rows(limit)];
        let found = self.query(&self.statements.list_event_types, params).await?;
        let info = |row: Row| {
            let mut row = Fields::from(row);
            Ok(EventTypeInfo { event_type: row.name(0)?, events: row.number(1)? })
        };
        found.into_iter().flatten().map(info).collect()
    }

    pub(super) async fn stats(&mut self) -> Result<Stats> {
        let mut row = self.row(&self.statements.stats, Vec::new()).await?.ok_or_else(gone)?;
        Ok(Stats {
            events: row.number(0)?,
            streams: row.number(1)?,
            event_types: row.number(2)?,
            position: Position(row.integer(3)?.and_then(|at| u64::try_from(at).ok()).ok_or_else(gone)?),
            // The views that tell need a right of their own.
            bytes: None,
        })
    }

    /// The first row that one statement of this store's finds.
    pub(super) async fn row(&mut self, sql: &str, params: Vec<Param>) -> Result<Option<Fields>> {
        Ok(self.query(sql, params).await?.into_iter().flatten().next().map(Fields::from))
    }

    async fn query(&mut self, sql: &str, params: Vec<Param>) -> Result<Vec<Vec<Row>>> {
        self.connection.query(sql, params).await.map_err(|e| error::of("could not read", e))
    }
}

/// A name by the bytes it is compared by.
pub(super) fn name(name: &str) -> Param {
    Param::Bytes(name.as_bytes().to_vec())
}

fn rows(limit: usize) -> Param {
    Param::Number(i64::try_from(limit).unwrap_or(i64::MAX))
}

/// A limit of one more tells whether there is more.
fn one_more(limit: usize) -> Param {
    rows(limit.saturating_add(1))
}
