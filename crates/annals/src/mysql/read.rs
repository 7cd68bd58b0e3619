//! Reading. A page is one statement, and so one snapshot. Nothing of the log is given out before it is durable.

use std::time::Duration;

use mysql_async::{Row, Value};
use tokio::time::Instant;

use crate::backend::{
    Direction, EventTypeInfo, Head, LogPage, LogRange, Stats, StreamInfo, StreamPage, StreamRange,
    page_bytes, page_is_full,
};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventId, EventType, RecordedEvent};
use crate::query::Position;
use crate::sql::{Identity, Parameter, Positions, gone};
use crate::stream::{StreamId, Version};

use super::append::lock_name;
use super::connect::Connection;
use super::error;
use super::row::{Fields, bytes, number, text};
use super::schema::Statements;

/// How soon to ask again whether a batch is durable.
const FLUSH_PAUSE: Duration = Duration::from_millis(1);

/// The longest that a flush may take.
const FLUSH_MAX: Duration = Duration::from_secs(10);

/// Ids in one statement.
const IDS_MAX: usize = 512;

/// Sorts behind whatever may follow a prefix in a name.
const LAST_CHARACTER: char = char::MAX;

pub(super) struct Reader<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) statements: &'a Statements,
    pub(super) identity: &'a Identity,
    /// A position that is known to be durable.
    pub(super) durable: Position,
}

impl Reader<'_> {
    pub(super) async fn stream(&mut self, range: &StreamRange) -> Result<StreamPage> {
        let sql = match range.direction {
            Direction::Forward => &self.statements.stream_forward,
            Direction::Backward => &self.statements.stream_backward,
        };
        let id = || text(range.stream_id.as_str());
        let params = || vec![id(), id(), number(range.from.0), one_more(range.limit)];
        loop {
            let mut rows = self.query(sql, params()).await?.into_iter().map(Fields::from).peekable();
            if let Some(first) = rows.peek_mut() {
                let version = first.number(0)?;
                let (events, end) = self.page(rows, 1, range.limit)?;
                return Ok(StreamPage { events, version: Version(version), end });
            }
            // Without a row there is nobody to say where the stream is.
            let mut found = self.query(&self.statements.stream_version, vec![id()]).await?.into_iter();
            let mut version = Fields::from(found.next().ok_or_else(gone)?);
            let version = Version(if version.is_null(0) { 0 } else { version.number(0)? });
            let grew = match range.direction {
                Direction::Forward => version >= range.from && version > Version::NONE,
                Direction::Backward => version > Version::NONE && range.from > Version::NONE,
            };
            if !grew {
                return Ok(StreamPage { events: Vec::new(), version, end: true });
            }
        }
    }

    pub(super) async fn log(&mut self, range: &LogRange) -> Result<LogPage> {
        let head = self.head().await?.position;
        let positions = Positions::new(&self.statements.dialect, range);
        if positions.is_empty() {
            return Ok(LogPage { events: Vec::new(), through: head, end: true });
        }
        let sql = positions.events_sql(range.limit.saturating_add(1));
        let params = positions.parameters().iter().map(|parameter| match *parameter {
            Parameter::Position(position) => number(position),
            Parameter::Text(name) => text(name),
        });
        let rows = self.query(&sql, params.collect()).await?;
        let (events, end) = self.page(rows.into_iter().map(Fields::from), 0, range.limit)?;
        let newest = events.iter().map(|event| event.position).max().unwrap_or_default();
        if newest > head {
            // They came after the head was read, and may be on their way to the disk.
            self.head().await?;
        }
        let through = match events.last() {
            _ if end => head.max(newest),
            Some(last) => last.position,
            None => range.before(),
        };
        Ok(LogPage { events, through, end })
    }

    /// Takes rows until the page is full; says whether it took all.
    fn page(
        &self,
        rows: impl Iterator<Item = Fields>,
        first: usize,
        limit: usize,
    ) -> Result<(Vec<RecordedEvent>, bool)> {
        let (mut events, mut bytes) = (Vec::new(), 0);
        for mut row in rows {
            if page_is_full(&events, bytes, limit) {
                return Ok((events, false));
            }
            let event = row.event(first, &self.identity.source)?;
            bytes += page_bytes(&event);
            events.push(event);
        }
        Ok((events, true))
    }

    /// Where the log ends, on the disk.
    pub(super) async fn head(&mut self) -> Result<Head> {
        let store_id = bytes(self.identity.store_id.0.as_bytes());
        let rows = self.query(&self.statements.select_head, vec![store_id]).await?;
        let mut row = Fields::from(rows.into_iter().next().ok_or_else(gone)?);
        let head = Head { position: Position(row.number(0)?), hash: row.hash(1)? };
        let free = row.number(2)? == 1;
        if !free && head.position > self.durable {
            self.until_durable(head.position).await?;
        }
        Ok(head)
    }

    /// Waits until the batch that ended here has been flushed.
    async fn until_durable(&mut self, position: Position) -> Result<()> {
        let lock = lock_name(self.identity, position);
        let give_up = Instant::now() + FLUSH_MAX;
        while Instant::now() < give_up {
            tokio::time::sleep(FLUSH_PAUSE).await;
            let rows = self.query("SELECT IS_FREE_LOCK(?)", vec![text(&lock)]).await?;
            let mut row = Fields::from(rows.into_iter().next().ok_or_else(gone)?);
            if row.number(0)? == 1 {
                return Ok(());
            }
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            format!("the events up to position {position} are not on the server's disk after {FLUSH_MAX:?}"),
        ))
    }

    pub(super) async fn by_id(&mut self, ids: &[EventId]) -> Result<Vec<RecordedEvent>> {
        let mut found = Vec::with_capacity(ids.len());
        for part in ids.chunks(IDS_MAX) {
            let params = part.iter().map(|id| bytes(id.uuid().as_bytes())).collect();
            let rows = self.query(&self.statements.select_by_ids(part.len()), params).await?;
            for row in rows {
                found.push(Fields::from(row).event(0, &self.identity.source)?);
            }
        }
        let found: std::collections::HashMap<EventId, RecordedEvent> =
            found.into_iter().map(|event| (event.event_id, event)).collect();
        Ok(ids.iter().filter_map(|id| found.get(id)).cloned().collect())
    }

    pub(super) async fn streams(
        &mut self,
        prefix: &str,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<StreamInfo>> {
        let mut last = prefix.to_owned();
        last.extend(std::iter::repeat_n(LAST_CHARACTER, 64));
        let after = after.map_or("", StreamId::as_str);
        let params = vec![text(prefix), text(&last), text(after), number(limit as u64)];
        let rows = self.query(&self.statements.list_streams, params).await?;
        let info = |row: Row| {
            let mut row = Fields::from(row);
            Ok(StreamInfo { stream_id: row.name(0)?, version: Version(row.number(1)?) })
        };
        rows.into_iter().map(info).collect()
    }

    pub(super) async fn event_types(
        &mut self,
        after: Option<&EventType>,
        limit: usize,
    ) -> Result<Vec<EventTypeInfo>> {
        let after = after.map_or("", EventType::as_str);
        let rows =
            self.query(&self.statements.list_event_types, vec![text(after), number(limit as u64)]).await?;
        let info = |row: Row| {
            let mut row = Fields::from(row);
            Ok(EventTypeInfo { event_type: row.name(0)?, events: row.number(1)? })
        };
        rows.into_iter().map(info).collect()
    }

    pub(super) async fn stats(&mut self) -> Result<Stats> {
        let rows = self.query(&self.statements.stats, Vec::new()).await?;
        let mut row = Fields::from(rows.into_iter().next().ok_or_else(gone)?);
        Ok(Stats {
            events: row.number(0)?,
            streams: row.number(1)?,
            event_types: row.number(2)?,
            position: Position(row.number(3)?),
            bytes: if row.is_null(4) { None } else { Some(row.number(4)?) },
        })
    }

    /// Runs one statement of this store's.
    pub(super) async fn query(&mut self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>> {
        self.connection.query(sql, params).await.map_err(|e| error::of("could not read", e))
    }
}

/// A limit of one more tells whether there is more.
fn one_more(limit: usize) -> Value {
    number((limit as u64).saturating_add(1))
}
