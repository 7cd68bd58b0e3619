//! Read models without Rust: a file in TOML with the tables, and one SQL statement or several for each event
//! type, whose named parameters are parts of the event.
//!
//! ```toml
//! name = "order_totals"
//! categories = ["order"]
//!
//! tables = "CREATE TABLE {order_totals} (order_id VARCHAR(255) PRIMARY KEY, cents BIGINT NOT NULL)"
//!
//! [on]
//! order-placed = "INSERT INTO {order_totals} (order_id, cents) VALUES (:stream_id, 0)"
//! line-added = "UPDATE {order_totals} SET cents = cents + :payload.cents WHERE order_id = :stream_id"
//! ```
//!
//! It is run by `annals project`, or by a [`Projector`](crate::project::Projector) that is given
//! [`StoreUrl::read_model`](crate::StoreUrl::read_model), exactly as a projection in Rust is: rows and checkpoint change in
//! one transaction. The names of its tables stand in braces ([`Tables`]). `key = ":payload.customer"` names the key by
//! which events are divided; `key_columns = { order_totals = "order_id" }` the column of each table that holds it.
//!
//! | parameter | value |
//! | --- | --- |
//! | `:payload.a.b`, `:payload.items.0`, `:payload."first name"` | a member of the payload; NULL where there is none. A number keeps all its digits; an object or an array is its JSON text |
//! | `:payload` | the whole payload, as JSON text or as bytes |
//! | `:metadata`, `:metadata.a` | likewise |
//! | `:stream_id`, `:stream_version`, `:category`, `:position`, `:event_id`, `:event_type`, `:schema_version` | the envelope |
//! | `:occurred_at`, `:recorded_at` | times, in UTC |
//! | `:correlation_id`, `:causation_id`, `:source`, `:content_type`, `:tags` | the rest of it; tags are a JSON array |

mod statement;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventType, RecordedEvent, Tag};
use crate::project::{ReadModel, Tables, Value};
use crate::query::{Query, QueryItem, Scope};
use crate::stream::Category;

pub(crate) use self::statement::Statement;
use self::statement::tables_in;

/// A read model as its file declares it.
#[derive(Debug, Clone)]
pub struct Declaration {
    read_model: ReadModel,
    create: Arc<str>,
    on: Arc<BTreeMap<EventType, Vec<Statement>>>,
    ready: Option<(Tables, BTreeMap<EventType, Vec<Ready>>)>,
}

/// A statement whose text is one that a database takes.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    pub(crate) sql: String,
    pub(crate) statement: Statement,
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    key: Option<String>,
    #[serde(default)]
    key_columns: BTreeMap<String, String>,
    tables: String,
    on: BTreeMap<String, OneOrMore>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl FromStr for Declaration {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let file: File = toml::from_str(text).map_err(|e| {
            let line = e
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(1, |before| before.matches('\n').count() + 1);
            Error::invalid(format!("no declaration of a projection: line {line}: {}", e.message()))
        })?;
        if file.name.trim().is_empty() {
            return Err(Error::invalid("name is empty, expected what the read model is called"));
        }
        let tables: BTreeSet<&str> = tables_in(&file.tables).into_iter().collect();
        if tables.is_empty() {
            return Err(Error::invalid(
                "tables makes no table whose name stands in braces, expected CREATE TABLE {name} (…)",
            ));
        }
        if file.on.is_empty() {
            return Err(Error::invalid("[on] is empty, expected an event type and its statement"));
        }
        let mut on = BTreeMap::new();
        for (event_type, statements) in file.on {
            let statements = match statements {
                OneOrMore::One(statement) => vec![statement],
                OneOrMore::More(statements) => statements,
            };
            let named = statements.iter().flat_map(|sql| tables_in(sql));
            if let Some(unknown) = named.into_iter().find(|table| !tables.contains(table)) {
                return Err(Error::invalid(format!(
                    "the statement of {event_type} names {{{unknown}}}, which is none of the tables: {}",
                    listed(&tables)
                )));
            }
            let statements = statements.iter().map(|sql| Statement::parse(sql));
            let statements = statements.collect::<Result<_>>().map_err(|e| {
                Error::with_source(ErrorKind::Invalid, format!("the statement of {event_type} is wrong"), e)
            })?;
            on.insert(event_type.parse::<EventType>()?, statements);
        }
        let tags: Vec<Tag> = file.tags.into_iter().map(Tag::try_from).collect::<Result<_>>()?;
        let types: Vec<EventType> = on.keys().cloned().collect();
        let item =
            |scope| QueryItem { types: types.clone(), tags: tags.clone().into_iter().collect(), scope };
        let mut query = None::<Query>;
        for category in file.categories {
            let item = item(Scope::Category(category.parse::<Category>()?));
            query = Some(match query {
                Some(query) => query.or(item),
                None => item.into(),
            });
        }
        let query = query.unwrap_or_else(|| item(Scope::All).into());
        let mut read_model = ReadModel::new(file.name, query).declared_by(text.to_owned());
        if let Some(unknown) = file.key_columns.keys().find(|table| !tables.contains(table.as_str())) {
            return Err(Error::invalid(format!(
                "key_columns names {unknown:?}, which is none of the tables: {}",
                listed(&tables)
            )));
        }
        for table in tables {
            read_model = match file.key_columns.get(table) {
                Some(column) => read_model.table_by(table, column),
                None => read_model.table(table),
            };
        }
        if let Some(key) = file.key {
            let key = Statement::parse(&key).map_err(|e| {
                Error::with_source(
                    ErrorKind::Invalid,
                    "key is wrong, expected one parameter such as :stream_id",
                    e,
                )
            })?;
            read_model = read_model.key(move |event| key_of(&key, event));
        }
        Ok(Self { read_model, create: file.tables.into(), on: Arc::new(on), ready: None })
    }
}

fn listed(tables: &BTreeSet<&str>) -> String {
    tables.iter().copied().collect::<Vec<_>>().join(", ")
}

/// The values of the key, as one text.
fn key_of(key: &Statement, event: &RecordedEvent) -> String {
    let text = |value| match value {
        Value::Null => String::new(),
        Value::Bool(is) => is.to_string(),
        Value::Number(text) | Value::Text(text) => text,
        Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::Time(time) => time.to_string(),
    };
    let values: Vec<String> = key.values(event).into_iter().map(text).collect();
    values.join("\u{1f}")
}

impl Declaration {
    /// Names the read model; what is known of it is kept under this name.
    pub fn name(&self) -> &str {
        &self.read_model.name
    }

    /// What it reads, and its tables. It reads the types that have a statement, in the categories and with the tags
    /// that the file names.
    pub fn read_model(&self) -> ReadModel {
        self.read_model.clone()
    }

    /// The statements that make its tables.
    pub(crate) fn create(&self) -> &str {
        &self.create
    }

    /// The statements of an event type, for these tables and with the database's own parameters.
    pub(crate) fn ready(
        &mut self,
        tables: &Tables,
        event_type: &EventType,
        placeholder: fn(usize) -> String,
    ) -> &[Ready] {
        if self.ready.as_ref().is_none_or(|(known, _)| known != tables) {
            let ready = |statement: &Statement| Ready {
                sql: statement.numbered(tables, placeholder),
                statement: statement.clone(),
            };
            let all =
                self.on.iter().map(|(of, statements)| (of.clone(), statements.iter().map(ready).collect()));
            self.ready = Some((tables.clone(), all.collect()));
        }
        let ready = self.ready.as_ref().and_then(|(_, ready)| ready.get(event_type));
        ready.map_or(&[], Vec::as_slice)
    }

    /// The statements of an event type.
    #[cfg(test)]
    fn on(&self, event_type: &EventType) -> &[Statement] {
        self.on.get(event_type).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &str = r#"
        name = "orders"
        categories = ["order", "cart"]
        tags = ["shop:1"]
        tables = "CREATE TABLE {orders} (id TEXT); CREATE INDEX {orders}_by_id ON {orders} (id)"
        [on]
        placed = "INSERT INTO {orders} VALUES (:stream_id)"
        cancelled = ["DELETE FROM {orders} WHERE id = :stream_id", "DELETE FROM lines WHERE id = :stream_id"]
    "#;

    #[test]
    fn a_declaration_reads_the_types_it_has_statements_for() {
        let orders: Declaration = ORDERS.parse().unwrap();
        assert_eq!(orders.on(&"cancelled".parse().unwrap()).len(), 2);
        assert_eq!(orders.on(&"other".parse().unwrap()).len(), 0);
        let query = orders.read_model().query;
        assert_eq!(query.items().len(), 2);
        for item in query.items() {
            let types: Vec<&str> = item.types.iter().map(|name| name.as_str()).collect();
            assert_eq!((types, item.tags.len()), (vec!["cancelled", "placed"], 1));
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (find, replace, named) in [
            ("name = \"orders\"", "", "name"),
            ("\"orders\"\n", "\" \"\n", "name is empty"),
            ("tags", "tag", "tag"),
            (":stream_id)", ":stream)", "the statement of placed is wrong"),
            ("placed =", "\"\" =", "bytes"),
            ("INTO {orders}", "INTO {order}", "names {order}, which is none of the tables: orders"),
            ("{orders} (id TEXT); CREATE INDEX {orders}_by_id ON {orders} (id)", "orders (id)", "in braces"),
        ] {
            let error = ORDERS.replacen(find, replace, 1).parse::<Declaration>().unwrap_err();
            let said = format!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string));
            assert!(error.kind() == ErrorKind::Invalid && said.contains(named), "{said}");
        }
    }
}
