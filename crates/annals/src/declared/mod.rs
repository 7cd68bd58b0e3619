//! Read models without Rust: a file in TOML with the tables, and one SQL statement or several for each event
//! type, whose named parameters are parts of the event.
//!
//! ```toml
//! name = "order_totals"
//! categories = ["order"]
//!
//! tables = "CREATE TABLE order_totals (order_id VARCHAR(255) PRIMARY KEY, cents BIGINT NOT NULL)"
//! drop = "DROP TABLE IF EXISTS order_totals"
//!
//! [on]
//! order-placed = "INSERT INTO order_totals (order_id, cents) VALUES (:stream_id, 0)"
//! line-added = "UPDATE order_totals SET cents = cents + :payload.cents WHERE order_id = :stream_id"
//! ```
//!
//! It is run by `annals project`, or by [`StoreUrl::project`](crate::StoreUrl::project), exactly as a projection
//! in Rust is: rows and checkpoint change in one transaction.
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

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;

use crate::backend::BoxFuture;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventType, Tag};
use crate::project::{self, Progress, Target};
use crate::query::{Query, QueryItem, Scope};
use crate::stream::Category;

pub(crate) use self::statement::{Statement, Value};

/// A read model as its file declares it.
#[derive(Debug, Clone)]
pub struct Declaration {
    name: String,
    query: Query,
    tables: String,
    drop: String,
    on: Arc<BTreeMap<EventType, Vec<Statement>>>,
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
    tables: String,
    drop: String,
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
        if file.on.is_empty() {
            return Err(Error::invalid("[on] is empty, expected an event type and its statement"));
        }
        let mut on = BTreeMap::new();
        for (event_type, statements) in file.on {
            let statements = match statements {
                OneOrMore::One(statement) => vec![statement],
                OneOrMore::More(statements) => statements,
            };
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
        Ok(Self { name: file.name, query, tables: file.tables, drop: file.drop, on: Arc::new(on) })
    }
}

impl Declaration {
    /// Names the read model; its checkpoint is kept under this name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The events it reads: the types that have a statement, in the categories and with the tags that the file
    /// names.
    pub fn query(&self) -> Query {
        self.query.clone()
    }

    /// The statements that make its tables.
    pub(crate) fn tables(&self) -> &str {
        &self.tables
    }

    /// The statements that drop them.
    pub(crate) fn drop(&self) -> &str {
        &self.drop
    }

    /// The statements of an event type.
    pub(crate) fn on(&self, event_type: &EventType) -> &[Statement] {
        self.on.get(event_type).map_or(&[], Vec::as_slice)
    }
}

/// Runs a declared read model, whatever database its tables are in.
pub struct Projector {
    name: String,
    running: Box<dyn Running>,
}

/// A projector whose target is not told.
trait Running: Send {
    fn progress(&self) -> Progress;

    fn catch_up(&mut self) -> BoxFuture<'_, Result<u64>>;

    fn rebuild(&mut self) -> BoxFuture<'_, Result<u64>>;

    fn run<'a>(&'a mut self, stop: BoxFuture<'a, ()>) -> BoxFuture<'a, Result<()>>;
}

impl<T: Target> Running for project::Projector<T> {
    fn progress(&self) -> Progress {
        self.progress()
    }

    fn catch_up(&mut self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(self.catch_up())
    }

    fn rebuild(&mut self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(self.rebuild())
    }

    fn run<'a>(&'a mut self, stop: BoxFuture<'a, ()>) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.run(stop))
    }
}

impl Projector {
    pub(crate) fn new<T: Target>(name: String, projector: project::Projector<T>) -> Self {
        Self { name, running: Box::new(projector) }
    }

    /// What the read model is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A handle with which others see how far it has come.
    pub fn progress(&self) -> Progress {
        self.running.progress()
    }

    /// Takes in every event that is there now; says how many it took.
    ///
    /// # Errors
    /// What the store, the database or a statement failed with. The tables stand where their checkpoint says,
    /// and calling again goes on from there.
    pub async fn catch_up(&mut self) -> Result<u64> {
        self.running.catch_up().await
    }

    /// Drops the tables and builds them again from the first event; says how many it took.
    ///
    /// # Errors
    /// As [`catch_up`](Self::catch_up).
    pub async fn rebuild(&mut self) -> Result<u64> {
        self.running.rebuild().await
    }

    /// Takes in events as they come, until `stop` completes.
    ///
    /// # Errors
    /// As [`catch_up`](Self::catch_up).
    pub async fn run(&mut self, stop: impl Future<Output = ()> + Send) -> Result<()> {
        self.running.run(Box::pin(stop)).await
    }
}

impl fmt::Debug for Projector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projector").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &str = r#"
        name = "orders"
        categories = ["order", "cart"]
        tags = ["shop:1"]
        tables = "CREATE TABLE orders (id TEXT)"
        drop = "DROP TABLE orders"
        [on]
        placed = "INSERT INTO orders VALUES (:stream_id)"
        cancelled = ["DELETE FROM orders WHERE id = :stream_id", "DELETE FROM lines WHERE id = :stream_id"]
    "#;

    #[test]
    fn a_declaration_reads_the_types_it_has_statements_for() {
        let orders: Declaration = ORDERS.parse().unwrap();
        assert_eq!(orders.on(&"cancelled".parse().unwrap()).len(), 2);
        assert_eq!(orders.on(&"other".parse().unwrap()).len(), 0);
        let query = orders.query();
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
        ] {
            let error = ORDERS.replacen(find, replace, 1).parse::<Declaration>().unwrap_err();
            let said = format!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string));
            assert!(error.kind() == ErrorKind::Invalid && said.contains(named), "{said}");
        }
    }
}
