//! The statements that look at a log, made of the roles of its columns. Every answer has the columns `o` (position),
//! `s` (stream), `k` (category), `v` (version), `t` (type), `w` (version of the type), `i` (id), `c` (time), `g` (tags),
//! `d1`… (payload) and `m1`… (metadata), as far as they are there.

use std::collections::BTreeMap;

use annals_model::shape::roles::EventLog;
use annals_model::shape::{Column, Key, KeyPart, Kind, Table};

use super::super::asking::{Cell, Dialect};
use super::Window;

/// A payload of more bytes is not looked at.
const PAYLOAD_MAX: u64 = 256 << 10;

/// A log, as statements name it.
#[derive(Debug)]
pub(super) struct Columns {
    dialect: &'static Dialect,
    /// The log.
    table: String,
    /// The log, with the table of streams where there is one.
    tables: String,
    /// What is selected of an event.
    event: String,
    /// The column that events are ordered by.
    pub(super) order: Option<String>,
    pub(super) event_type: Option<String>,
    /// The columns that metadata is in: its name, and whether it is a document.
    pub(super) metadata: Vec<(String, bool)>,
    pub(super) payloads: usize,
    /// Whether an index leads from a type to its first and last events.
    pub(super) is_by_type: bool,
    /// Whether an index leads to the first and the last events.
    pub(super) is_in_order: bool,
    /// Where an event's place in a stream is.
    pub(super) place: Option<Place>,
}

/// The table and columns by which events are in streams.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) table: String,
    /// What streams are told apart within, the category first where there is one.
    scope: Vec<String>,
    has_category: bool,
    pub(super) stream: String,
    pub(super) version: Option<String>,
    /// The columns of an index up to the stream, where one leads to a stream's events.
    pub(super) index: Option<Vec<String>>,
}

impl Columns {
    pub(super) fn of(
        dialect: &'static Dialect,
        log: &EventLog<'_>,
        places: &BTreeMap<String, String>,
    ) -> Option<Self> {
        let table = places.get(&log.table.name)?.clone();
        let named = |column: &Column| format!("e.{}", dialect.quote(&column.name));
        let by_version = log.position.is_none() && log.stream.is_none();
        let order = log
            .position
            .or_else(|| log.times.iter().copied().find(|time| leads(log.table, &[&time.name])))
            .or_else(|| log.version.filter(|_| by_version));
        let mut event = Vec::new();
        let mut select = |what: &str, column: Option<&Column>| {
            if let Some(column) = column {
                event.push(format!("{} AS {what}", named(column)));
            }
        };
        select("o", log.position);
        select("t", log.event_type);
        select("w", log.schema_version);
        select("i", log.event_id);
        let mut tables = format!("{table} e");
        let category = log.scope.iter().copied().find(|column| is_category(column));
        let place = match log.join {
            Some(join) => {
                let id = log.event_id?;
                let joined = places.get(&join.table.name)?;
                let on = dialect.quote(&join.event_id.name);
                tables.push_str(&format!(" LEFT JOIN {joined} j ON j.{on} = {}", named(id)));
                event.push(format!(
                    "j.{} AS s, j.{} AS v",
                    dialect.quote(&join.stream.name),
                    dialect.quote(&join.version.name)
                ));
                Some(Place::of(dialect, joined, join.table, join.stream, Some(join.version), &[], None))
            }
            None => {
                select("s", log.stream);
                select("k", category);
                select("v", log.version);
                log.stream.map(|stream| {
                    Place::of(dialect, &table, log.table, stream, log.version, &log.scope, category)
                })
            }
        };
        if let Some(time) = log.times.first() {
            let time_text = match time.kind {
                Kind::Instant | Kind::LocalTime => (dialect.time)(&named(time)),
                _ => named(time),
            };
            event.push(format!("{time_text} AS c"));
        }
        if let Some(tags) = log.tags {
            event.push(format!("{} AS g", named(tags)));
        }
        let bounded = |column: &Column| {
            let name = named(column);
            format!("CASE WHEN {} <= {PAYLOAD_MAX} THEN {name} END", (dialect.bytes)(&name))
        };
        for (at, column) in log.payload.iter().enumerate() {
            event.push(format!("{} AS d{}", bounded(column), at + 1));
        }
        for (at, column) in log.metadata.iter().enumerate() {
            event.push(format!("{} AS m{}", bounded(column), at + 1));
        }
        let is_document = |column: &Column| {
            let name = column.name.to_lowercase();
            matches!(column.kind, Kind::Json | Kind::Document)
                || name.contains("meta")
                || name.contains("header")
        };
        Some(Self {
            dialect,
            table,
            tables,
            event: event.join(", "),
            event_type: log.event_type.map(named),
            metadata: log.metadata.iter().map(|column| (column.name.clone(), is_document(column))).collect(),
            payloads: log.payload.len(),
            is_by_type: log
                .event_type
                .zip(order)
                .is_some_and(|(event_type, order)| leads(log.table, &[&event_type.name, &order.name])),
            is_in_order: order.is_some_and(|order| leads(log.table, &[&order.name])),
            order: order.map(named),
            place,
        })
    }

    fn order(&self) -> &str {
        self.order.as_deref().unwrap_or("NULL")
    }

    fn event_type(&self) -> &str {
        self.event_type.as_deref().unwrap_or("NULL")
    }

    /// How many events there are, up to a number.
    pub(super) fn count(&self, limit: u64) -> String {
        let some = self.dialect.select("1 AS one", &format!("FROM {} e", self.table), limit);
        format!("SELECT count(*) AS n FROM ({some}) x")
    }

    /// Each type, and how many events it has.
    pub(super) fn types(&self, limit: usize) -> String {
        let event_type = self.event_type();
        let rest = format!("FROM {} e GROUP BY {event_type} ORDER BY 2 DESC", self.table);
        self.dialect.select(&format!("{event_type} AS t, count(*) AS n"), &rest, limit as u64)
    }

    /// The first and the last position, of all events or of one type.
    pub(super) fn ends(&self, event_type: Option<&Cell>) -> String {
        let order = self.order();
        let of_type = self.is_of_type(event_type);
        format!("SELECT min({order}) AS a, max({order}) AS z FROM {} e{of_type}", self.table)
    }

    fn is_of_type(&self, event_type: Option<&Cell>) -> String {
        match event_type {
            Some(value) => format!(" WHERE {} = {}", self.event_type(), self.dialect.literal(value)),
            None => String::new(),
        }
    }

    /// The type that follows another one.
    pub(super) fn next_type(&self, last: Option<&Cell>) -> String {
        let event_type = self.event_type();
        let beyond = match last {
            Some(value) => format!("{event_type} > {}", self.dialect.literal(value)),
            None => format!("{event_type} IS NOT NULL"),
        };
        let rest = format!("FROM {} e WHERE {beyond} ORDER BY {event_type}", self.table);
        self.dialect.select(&format!("{event_type} AS t"), &rest, 1)
    }

    /// Events of one type.
    pub(super) fn of_type(&self, event_type: &Cell, window: &Window, limit: u64) -> String {
        let order = self.order();
        let (beyond, direction) = match window {
            Window::First => (String::new(), ""),
            Window::Last => (String::new(), " DESC"),
            Window::From(middle) => (format!(" AND {order} >= {middle}"), ""),
        };
        let of_type = self.is_of_type(Some(event_type));
        let rest = format!("FROM {}{of_type}{beyond} ORDER BY {order}{direction}", self.tables);
        self.dialect.select(&self.event, &rest, limit)
    }

    /// So many events of each type among those of a window. Only positions and types are sorted; the rest of an event
    /// is fetched for those that are wanted.
    pub(super) fn window(&self, window: &Window, events: u64, of_each: u64, limit: u64) -> String {
        let (order, event_type) = (self.order(), self.event_type());
        let (beyond, direction) = match window {
            Window::First => (String::new(), ""),
            Window::Last => (String::new(), " DESC"),
            Window::From(middle) => (format!(" WHERE {order} >= {middle}"), ""),
        };
        let rest = format!("FROM {} e{beyond} ORDER BY {order}{direction}", self.table);
        let some = self.dialect.select(&format!("{order} AS o, {event_type} AS t"), &rest, events);
        let numbered = format!(
            "SELECT w.o, row_number() OVER (PARTITION BY w.t ORDER BY w.o{direction}) AS n FROM ({some}) w"
        );
        let rest =
            format!("FROM ({numbered}) r JOIN {} ON {order} = r.o WHERE r.n <= {of_each}", self.tables);
        self.dialect.select(&self.event, &rest, limit)
    }

    /// Any events.
    pub(super) fn anywhere(&self, limit: u64) -> String {
        self.dialect.select(&self.event, &format!("FROM {}", self.tables), limit)
    }
}

impl Place {
    fn of(
        dialect: &Dialect,
        place: &str,
        table: &Table,
        stream: &Column,
        version: Option<&Column>,
        scope: &[&Column],
        category: Option<&Column>,
    ) -> Self {
        let is_of_scope = |name: &str| scope.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        let index = table.keys.iter().filter(|key| key.predicate.is_none()).find_map(|key| {
            let columns: Vec<&str> = columns_of(key)?;
            let end = columns.iter().position(|name| name.eq_ignore_ascii_case(&stream.name))?;
            let leads = columns.get(..end)?.iter().all(|name| is_of_scope(name));
            leads.then(|| {
                columns.get(..=end).unwrap_or_default().iter().map(|name| dialect.quote(name)).collect()
            })
        });
        let mut scope: Vec<&Column> = scope.to_vec();
        scope.sort_by_key(|column| category.is_none_or(|category| category.name != column.name));
        Self {
            table: place.to_owned(),
            scope: scope.iter().map(|column| dialect.quote(&column.name)).collect(),
            has_category: category.is_some(),
            stream: dialect.quote(&stream.name),
            version: version.map(|column| dialect.quote(&column.name)),
            index,
        }
    }

    /// The columns that tell streams apart.
    pub(super) fn columns(&self) -> Vec<&str> {
        self.scope.iter().chain([&self.stream]).map(String::as_str).collect()
    }

    /// The category of a stream, where a column has it.
    pub(super) fn category(&self) -> Option<&str> {
        self.scope.first().filter(|_| self.has_category).map(String::as_str)
    }
}

/// Whether a column names kinds of streams, and no tenants, whose names may be values.
fn is_category(column: &Column) -> bool {
    let name = column.name.to_lowercase();
    ["type", "category", "kind"].iter().any(|word| name.contains(word))
}

/// Whether an index begins with these columns.
fn leads(table: &Table, names: &[&str]) -> bool {
    table.keys.iter().filter(|key| key.predicate.is_none()).any(|key| {
        let begins = |columns: Vec<&str>| {
            columns.len() >= names.len() && columns.iter().zip(names).all(|(a, b)| a.eq_ignore_ascii_case(b))
        };
        columns_of(key).is_some_and(begins)
    })
}

/// The columns of a key up to its first expression; none where that comes first.
fn columns_of(key: &Key) -> Option<Vec<&str>> {
    let columns = key.parts.iter().map_while(|part| match part {
        KeyPart::Column(name) => Some(name.as_str()),
        KeyPart::Expression(_) => None,
    });
    Some(columns.collect::<Vec<_>>()).filter(|columns| !columns.is_empty())
}
