//! Reading: pages of a stream and of the log, each from one snapshot of the database.

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, OptionalExtension, ToSql};

use crate::backend::{
    Direction, EventTypeInfo, Head, LogPage, LogRange, Stats, StoreId, StreamInfo, StreamPage, StreamRange,
    page_bytes, page_is_full,
};
use crate::event::{EventId, EventType, Hash, RecordedEvent, Source};
use crate::query::{Position, Query, QueryItem, Scope};
use crate::stream::{StreamId, Version};

use super::row::{self, integer, number};
use super::schema::Statements;

pub(super) struct Reader<'a> {
    pub(super) connection: &'a Connection,
    pub(super) statements: &'a Statements,
    pub(super) source: &'a Source,
    pub(super) store_id: StoreId,
}

impl Reader<'_> {
    pub(super) fn stream(&self, range: &StreamRange) -> rusqlite::Result<StreamPage> {
        let tx = self.connection.unchecked_transaction()?;
        let version: Option<i64> = tx
            .prepare_cached(&self.statements.stream_version)?
            .query_row([range.stream_id.as_str()], |row| row.get(0))?;
        let sql = match range.direction {
            Direction::Forward => &self.statements.stream_forward,
            Direction::Backward => &self.statements.stream_backward,
        };
        let from = integer(range.from.0);
        let (events, end) =
            self.page(sql, &[&range.stream_id.as_str(), &from, &one_more(range.limit)], range.limit)?;
        Ok(StreamPage { events, version: Version(version.unwrap_or(0).cast_unsigned()), end })
    }

    pub(super) fn log(&self, range: &LogRange) -> rusqlite::Result<LogPage> {
        let tx = self.connection.unchecked_transaction()?;
        let head = self.head_in(&tx)?.position;
        let positions = Positions::new(&tx, self.statements, range, one_more(range.limit))?;
        if positions.branches.is_empty() {
            return Ok(LogPage { events: Vec::new(), through: head, end: true });
        }
        let (columns, p) = (self.statements.columns, &self.statements.prefix);
        let sql = match (range.query.is_all(), range.direction) {
            (true, Direction::Forward) => {
                format!("SELECT {columns} FROM {p}events WHERE position >= ?1 ORDER BY position LIMIT ?2")
            }
            (true, Direction::Backward) => {
                format!(
                    "SELECT {columns} FROM {p}events WHERE position <= ?1 ORDER BY position DESC LIMIT ?2"
                )
            }
            (false, direction) => format!(
                "SELECT {columns} FROM {p}events WHERE position IN ({}) ORDER BY position{}",
                positions.sql(),
                order(direction),
            ),
        };
        let (events, end) = self.page(&sql, &positions.parameters(), range.limit)?;
        let through = match events.last() {
            _ if end => head,
            Some(last) => last.position,
            None => range.before(),
        };
        Ok(LogPage { events, through, end })
    }

    /// Reads rows until the page is full; says whether it read all.
    fn page(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
        limit: usize,
    ) -> rusqlite::Result<(Vec<RecordedEvent>, bool)> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(parameters)?;
        let (mut events, mut bytes) = (Vec::new(), 0);
        while let Some(found) = rows.next()? {
            if page_is_full(&events, bytes, limit) {
                return Ok((events, false));
            }
            let event = row::read(found, self.source)?;
            bytes += page_bytes(&event);
            events.push(event);
        }
        Ok((events, true))
    }

    pub(super) fn head(&self) -> rusqlite::Result<Head> {
        self.head_in(self.connection)
    }

    fn head_in(&self, connection: &Connection) -> rusqlite::Result<Head> {
        let store_id = self.store_id.0.as_bytes();
        connection.prepare_cached(&self.statements.select_store)?.query_row([store_id], |row| {
            Ok(Head {
                position: Position(number(row, 0)?),
                hash: row.get::<_, Option<[u8; 32]>>(2)?.map(Hash),
            })
        })
    }

    pub(super) fn by_id(&self, ids: &[EventId]) -> rusqlite::Result<Vec<RecordedEvent>> {
        let tx = self.connection.unchecked_transaction()?;
        let mut select = tx.prepare_cached(&self.statements.select_by_id)?;
        let mut events = Vec::new();
        for id in ids {
            events.extend(
                select.query_row([id.uuid().as_bytes()], |found| row::read(found, self.source)).optional()?,
            );
        }
        Ok(events)
    }

    pub(super) fn streams(
        &self,
        prefix: &str,
        after: Option<&StreamId>,
        limit: usize,
    ) -> rusqlite::Result<Vec<StreamInfo>> {
        self.connection
            .prepare_cached(&self.statements.list_streams)?
            .query_map(
                (prefix, after.map_or("", StreamId::as_str), prefix.as_bytes(), one_more(limit) - 1),
                |found| {
                    Ok(StreamInfo { stream_id: row::name(found, 0)?, version: Version(number(found, 1)?) })
                },
            )?
            .collect()
    }

    pub(super) fn event_types(
        &self,
        after: Option<&EventType>,
        limit: usize,
    ) -> rusqlite::Result<Vec<EventTypeInfo>> {
        self.connection
            .prepare_cached(&self.statements.list_event_types)?
            .query_map((after.map_or("", EventType::as_str), one_more(limit) - 1), |found| {
                Ok(EventTypeInfo { event_type: row::name(found, 0)?, events: number(found, 1)? })
            })?
            .collect()
    }

    pub(super) fn stats(&self) -> rusqlite::Result<Stats> {
        self.connection.prepare_cached(&self.statements.stats)?.query_row([], |row| {
            Ok(Stats {
                events: number(row, 0)?,
                streams: number(row, 1)?,
                event_types: number(row, 2)?,
                position: Position(number(row, 3)?),
                bytes: Some(number(row, 4)?),
            })
        })
    }
}

/// The first event after a position that matches a query (rule 13).
pub(super) fn first_match(
    connection: &Connection,
    statements: &Statements,
    query: &Query,
    after: Position,
) -> rusqlite::Result<Option<Position>> {
    let range =
        LogRange { query: query.clone(), from: after.next(), direction: Direction::Forward, limit: 1 };
    let positions = Positions::new(connection, statements, &range, 1)?;
    if positions.branches.is_empty() {
        return Ok(None);
    }
    connection
        .prepare_cached(&positions.sql())?
        .query_row(&*positions.parameters(), |row| number(row, 0).map(Position))
        .optional()
}

/// A limit of one more tells whether there is more.
fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

fn order(direction: Direction) -> &'static str {
    match direction {
        Direction::Forward => "",
        Direction::Backward => " DESC",
    }
}

/// The positions of the events that match a query, in order: a union of branches, each of which walks one
/// index in position order and stops at the limit, so that a page costs what it holds.
struct Positions<'a> {
    branches: Vec<String>,
    direction: Direction,
    values: Vec<ToSqlOutput<'a>>,
}

static ALL: QueryItem = QueryItem { types: Vec::new(), tags: Vec::new(), scope: Scope::All };

/// How many branches one compound SELECT holds; SQLite's own limit is 500.
const COMPOUND_MAX: usize = 100;

impl<'a> Positions<'a> {
    /// `?1` is where to begin and `?2` the limit; what the items name follows.
    fn new(
        connection: &Connection,
        statements: &Statements,
        range: &'a LogRange,
        limit: i64,
    ) -> rusqlite::Result<Self> {
        let values = vec![integer(range.from.0).into(), limit.into()];
        let mut positions = Self { branches: Vec::new(), direction: range.direction, values };
        if range.query.is_all() {
            positions.add(statements, &ALL, &[], None);
            return Ok(positions);
        }
        for item in range.query.items() {
            let from_version = match &item.scope {
                Scope::Stream(stream_id) if item.tags.is_empty() => {
                    Some(version_at(connection, statements, stream_id, range)?)
                }
                _ => None,
            };
            if item.tags.is_empty() && item.types.len() > 1 && from_version.is_none() {
                // One branch a type keeps each of them in the order of its index.
                for event_type in &item.types {
                    positions.add(statements, item, std::slice::from_ref(event_type), None);
                }
            } else {
                positions.add(statements, item, &item.types, from_version);
            }
        }
        Ok(positions)
    }

    fn value(&mut self, value: impl Into<ToSqlOutput<'a>>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    fn add(
        &mut self,
        statements: &Statements,
        item: &'a QueryItem,
        types: &'a [EventType],
        from_version: Option<i64>,
    ) {
        let p = &statements.prefix;
        let (compare, order) = match self.direction {
            Direction::Forward => (">=", ""),
            Direction::Backward => ("<=", " DESC"),
        };
        let mut tests = Vec::new();
        // The tag that leads walks its own index; the others are looked up.
        let (from, position) = match item.tags.split_first() {
            Some((leading, others)) => {
                let tag = self.value(leading.as_str());
                tests.push(format!("t.tag = {tag}"));
                for other in others {
                    let tag = self.value(other.as_str());
                    tests.push(format!(
                        "EXISTS (SELECT 1 FROM {p}event_tags o WHERE o.tag = {tag} AND o.position = t.position)"
                    ));
                }
                if types.is_empty() && item.scope == Scope::All {
                    (format!("{p}event_tags t"), "t.position")
                } else {
                    // The cross join keeps the planner from leading with the events.
                    (
                        format!("{p}event_tags t CROSS JOIN {p}events e ON e.position = t.position"),
                        "t.position",
                    )
                }
            }
            None => {
                let index = match (&item.scope, types) {
                    (Scope::Stream(_), _) => format!(" INDEXED BY {p}events_by_stream"),
                    (_, [_]) => format!(" INDEXED BY {p}events_by_type"),
                    (Scope::Category(_), _) => format!(" INDEXED BY {p}events_by_category"),
                    _ => " NOT INDEXED".to_owned(),
                };
                (format!("{p}events e{index}"), "e.position")
            }
        };
        if !types.is_empty() {
            let types: Vec<String> = types.iter().map(|name| self.value(name.as_str())).collect();
            tests.push(match &*types {
                [one] => format!("e.event_type = {one}"),
                several => format!("e.event_type IN ({})", several.join(", ")),
            });
        }
        match &item.scope {
            Scope::All => {}
            Scope::Stream(stream_id) => {
                let stream_id = self.value(stream_id.as_str());
                tests.push(format!("e.stream_id = {stream_id}"));
            }
            Scope::Prefix(prefix) => {
                let prefix = self.value(prefix.as_str());
                tests.push(format!(
                    "substr(CAST(e.stream_id AS BLOB), 1, length(CAST({prefix} AS BLOB))) = CAST({prefix} AS BLOB)"
                ));
            }
            Scope::Category(category) => {
                let category = self.value(category.as_str());
                tests.push(format!("e.category = {category}"));
            }
        }
        // Within a stream versions are in the order of positions, and the index has them.
        let by = match from_version {
            Some(version) => {
                let version = self.value(version);
                tests.push(format!("e.stream_version {compare} {version}"));
                "e.stream_version"
            }
            None => {
                tests.push(format!("{position} {compare} ?1"));
                position
            }
        };
        self.branches.push(format!(
            "SELECT {position} AS position FROM {from} WHERE {} ORDER BY {by}{order} LIMIT ?2",
            tests.join(" AND ")
        ));
    }

    fn sql(&self) -> String {
        let order = order(self.direction);
        let mut level = self.branches.clone();
        while level.len() > 1 {
            level = level
                .chunks(COMPOUND_MAX)
                .map(|chunk| {
                    let parts: Vec<String> =
                        chunk.iter().map(|part| format!("SELECT position FROM ({part})")).collect();
                    format!("{} ORDER BY position{order} LIMIT ?2", parts.join(" UNION "))
                })
                .collect();
        }
        level.pop().unwrap_or_default()
    }

    fn parameters(&self) -> Vec<&dyn ToSql> {
        self.values.iter().map(|value| value as &dyn ToSql).collect()
    }
}

/// Where a range begins in one stream: the first version whose position is not before it. Found by bisection,
/// since no index has a stream's positions.
fn version_at(
    connection: &Connection,
    statements: &Statements,
    stream_id: &StreamId,
    range: &LogRange,
) -> rusqlite::Result<i64> {
    let mut probe = connection.prepare_cached(&statements.stream_probe)?;
    let last: Option<i64> = connection
        .prepare_cached(&statements.stream_version)?
        .query_row([stream_id.as_str()], |row| row.get(0))?;
    let boundary = match range.direction {
        Direction::Forward => range.from,
        Direction::Backward => range.from.next(),
    };
    // Versions up to `below` are before the boundary, those from `beyond` on are not.
    let (mut below, mut beyond) = (0, last.unwrap_or(0) + 1);
    while below + 1 < beyond {
        let middle = below + (beyond - below) / 2;
        // Retention leaves holes: what stands for a version is the next one that is there.
        let position = probe.query_row((stream_id.as_str(), middle), |row| number(row, 0)).optional()?;
        if position.is_some_and(|position| position < boundary.0) {
            below = middle;
        } else {
            beyond = middle;
        }
    }
    Ok(match range.direction {
        Direction::Forward => beyond,
        Direction::Backward => below,
    })
}
