//! The shape of an event store: its tables, keys and guards, read from DDL or from the catalogue of a running
//! database, so that a rule is written once.

pub mod append;
pub mod cosmos;
pub mod guard;
mod literal;
pub mod mongo;
pub mod roles;
pub mod sql;

use crate::text::Span;

/// What somebody stores events in.
#[derive(Debug, Clone, Default)]
pub struct StoreShape {
    /// The file, or the place of the database without a password.
    pub name: String,
    /// Which database it is; `None` where the text does not tell.
    pub product: Option<Product>,
    /// Its tables, views, collections and containers.
    pub tables: Vec<Table>,
    /// Triggers, and rules of PostgreSQL, which do on a statement what a trigger does.
    pub triggers: Vec<Trigger>,
    /// Functions and procedures, with their text as it stands.
    pub routines: Vec<Routine>,
    /// Who may do what; empty where nothing was granted or nothing is known of it.
    pub grants: Vec<Grant>,
    /// What was not understood.
    pub unread: Vec<Unread>,
    /// Whether the catalogue of a running database was read, so that what is not here is not there.
    pub is_live: bool,
}

/// A database product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    /// PostgreSQL and what speaks as it does.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
    /// SQLite.
    Sqlite,
    /// SQL Server and Azure SQL.
    SqlServer,
    /// MongoDB.
    Mongo,
    /// Azure Cosmos DB.
    Cosmos,
}

impl Product {
    /// What its makers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::Sqlite => "SQLite",
            Self::SqlServer => "SQL Server",
            Self::Mongo => "MongoDB",
            Self::Cosmos => "Cosmos DB",
        }
    }
}

/// A table, a collection of documents, or a container.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// With its schema in front where one is named: `shop.events`.
    pub name: String,
    /// Whether it is a view.
    pub is_view: bool,
    /// Its columns, in order; for documents, the fields that a validator, an index or a sample names.
    pub columns: Vec<Column>,
    /// Primary key, unique keys and indexes, those that other statements add included.
    pub keys: Vec<Key>,
    /// References to other tables.
    pub foreign_keys: Vec<ForeignKey>,
    /// Conditions that its rows have to meet.
    pub checks: Vec<Check>,
    /// The columns by which it is divided among partitions or shards.
    pub partitioned_by: Vec<String>,
    /// About how many rows there are, where a running database says so.
    pub rows: Option<u64>,
    /// Where its name stands.
    pub span: Option<Span>,
}

/// A column, or a field of a document.
#[derive(Debug, Clone, Default)]
pub struct Column {
    /// As it stands, without quotes.
    pub name: String,
    /// Its type as it stands, in lower case: `bigint`, `timestamp with time zone`.
    pub type_name: String,
    /// What that type holds.
    pub kind: Kind,
    /// Whether NULL may stand in it. A column of a primary key cannot be NULL, whatever else is said.
    pub nullable: bool,
    /// Whether the database gives it numbers: an identity, a serial, AUTO_INCREMENT, a sequence as its default, INTEGER PRIMARY KEY.
    pub is_counted: bool,
    /// Its default, as it stands.
    pub default: Option<String>,
    /// The collation that is named for it, or that a running database says it has.
    pub collation: Option<String>,
    /// The expression that it is generated from.
    pub generated: Option<String>,
    /// Where its name stands.
    pub span: Option<Span>,
}

/// What a column's type holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Kind {
    /// A whole number of so many bits.
    Integer(u8),
    /// A number with an exact fraction.
    Decimal,
    /// A number with an approximate fraction.
    Float,
    /// Text of variable length.
    Text,
    /// Text padded to a fixed length.
    Char,
    /// A UUID.
    Uuid,
    /// JSON, checked by the database.
    Json,
    /// Bytes.
    Bytes,
    /// True or false.
    Bool,
    /// A point in time, with its zone or in UTC.
    Instant,
    /// Date and time of a clock somewhere.
    LocalTime,
    /// A day.
    Date,
    /// A number that the database changes with every write of the row: `rowversion`, `xid8`.
    RowVersion,
    /// A list of values.
    List,
    /// A document inside a document.
    Document,
    /// None of these.
    #[default]
    Other,
}

/// A primary key, a unique key or an index.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// What it forbids.
    pub kind: KeyKind,
    /// What it is made of, in order.
    pub parts: Vec<KeyPart>,
    /// The condition of the rows that it is about.
    pub predicate: Option<String>,
    /// Where it stands.
    pub span: Option<Span>,
}

/// What a key forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Two rows that are alike, and NULL.
    Primary,
    /// Two rows that are alike.
    Unique,
    /// Nothing.
    Index,
}

/// A part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPart {
    /// A column of the table, or a field with the path to it.
    Column(String),
    /// An expression, as it stands.
    Expression(String),
}

impl Key {
    /// Whether two rows that are alike in it are refused.
    pub fn is_unique(&self) -> bool {
        self.kind != KeyKind::Index
    }

    /// The columns in it, without expressions.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            KeyPart::Column(name) => Some(name.as_str()),
            KeyPart::Expression(_) => None,
        })
    }
}

/// A reference to another table.
#[derive(Debug, Clone)]
pub struct ForeignKey {
    /// Its columns here.
    pub columns: Vec<String>,
    /// The table it is about.
    pub table: String,
    /// The columns there; empty where the primary key is meant.
    pub referred: Vec<String>,
    /// Whether rows go when those they refer to go.
    pub cascades: bool,
    /// Where it stands.
    pub span: Option<Span>,
}

/// A condition of rows.
#[derive(Debug, Clone)]
pub struct Check {
    /// As it stands.
    pub expression: String,
    /// Where it stands.
    pub span: Option<Span>,
}

/// A trigger, or a rule of PostgreSQL.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// What it is called.
    pub name: String,
    /// The table it is on.
    pub table: String,
    /// On which statements it runs.
    pub on: Vec<Operation>,
    /// Whether it stands in the place of the statement (`INSTEAD OF`, `DO INSTEAD`).
    pub instead: bool,
    /// Its text as it stands, with that of the function it calls where that is known.
    pub body: String,
    /// Where it stands.
    pub span: Option<Span>,
}

/// What a statement does to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Adds them.
    Insert,
    /// Changes them.
    Update,
    /// Removes them.
    Delete,
    /// Removes all of them.
    Truncate,
}

/// A function or a procedure.
#[derive(Debug, Clone)]
pub struct Routine {
    /// What it is called.
    pub name: String,
    /// Its text as it stands.
    pub body: String,
    /// Where it stands.
    pub span: Option<Span>,
}

/// That somebody may do something to a table.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Who.
    pub to: String,
    /// To which table; `None` for all of them.
    pub table: Option<String>,
    /// What.
    pub operations: Vec<Operation>,
    /// That they may not: REVOKE, DENY.
    pub is_denied: bool,
    /// Where it stands.
    pub span: Option<Span>,
}

/// Something that was not understood, and so not reviewed.
#[derive(Debug, Clone)]
pub struct Unread {
    /// What it seems to be: `DO block`, `CREATE AGGREGATE`.
    pub what: String,
    /// Where it stands.
    pub span: Option<Span>,
}

impl StoreShape {
    /// A table by its name, with or without a schema, in any case.
    pub fn table(&self, name: &str) -> Option<&Table> {
        let is_it = |table: &&Table| table.is_called(name);
        self.tables.iter().find(is_it)
    }
}

impl Table {
    /// Whether a name, with or without a schema, means this table.
    pub fn is_called(&self, name: &str) -> bool {
        let (own, plain) = (self.name.to_lowercase(), self.plain_name().to_lowercase());
        let name = name.to_lowercase();
        own == name || plain == name || (name.rsplit('.').next() == Some(&plain) && own == plain)
    }

    /// Its name without the schema.
    pub fn plain_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }

    /// A column by its name, in any case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Whether NULL may stand in a column of this table.
    pub fn may_be_null(&self, column: &Column) -> bool {
        let in_primary = |key: &Key| {
            key.kind == KeyKind::Primary && key.columns().any(|name| name.eq_ignore_ascii_case(&column.name))
        };
        column.nullable && !self.keys.iter().any(in_primary)
    }
}
