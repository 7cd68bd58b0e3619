//! What does the same without events, as a script for one database: it runs as it stands.

mod audit;
mod documents;
mod outbox;
mod reserved;
mod script;
mod series;
mod table;
mod temporal;
mod view;

use crate::shape::Product;

use self::script::{Dialect, Script, Writer};

/// A database that a script can be for. MariaDB is not MySQL here, because it keeps the history of a table itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    /// PostgreSQL 13 and later.
    Postgres,
    /// MySQL 8 and later.
    MySql,
    /// MariaDB 10.6 and later.
    MariaDb,
    /// SQLite 3.38 and later.
    Sqlite,
    /// SQL Server 2017 and later, and Azure SQL.
    SqlServer,
    /// MongoDB 6 and later, as a replica set.
    MongoDb,
    /// Azure Cosmos DB for NoSQL.
    CosmosDb,
}

impl Database {
    /// Every one of them.
    pub const ALL: [Self; 7] = [
        Self::Postgres,
        Self::MySql,
        Self::MariaDb,
        Self::Sqlite,
        Self::SqlServer,
        Self::MongoDb,
        Self::CosmosDb,
    ];

    /// As its makers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
            Self::Sqlite => "SQLite",
            Self::SqlServer => "SQL Server",
            Self::MongoDb => "MongoDB",
            Self::CosmosDb => "Cosmos DB",
        }
    }

    /// By the name that answers and options have for it: `postgres`, `mysql`, `mariadb`, `sqlite`, `sqlserver`,
    /// `mongodb`, `cosmosdb`.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "postgres" => Self::Postgres,
            "mysql" => Self::MySql,
            "mariadb" => Self::MariaDb,
            "sqlite" => Self::Sqlite,
            "sqlserver" => Self::SqlServer,
            "mongodb" => Self::MongoDb,
            "cosmosdb" => Self::CosmosDb,
            _ => return None,
        })
    }
}

impl From<Product> for Database {
    fn from(product: Product) -> Self {
        match product {
            Product::Postgres => Self::Postgres,
            Product::MySql => Self::MySql,
            Product::Sqlite => Self::Sqlite,
            Product::SqlServer => Self::SqlServer,
            Product::Mongo => Self::MongoDb,
            Product::Cosmos => Self::CosmosDb,
        }
    }
}

/// What can be done instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A table, with a version against lost updates.
    Table,
    /// A table, and beside it who changed what, by trigger.
    Audit,
    /// A table whose rows can be read as they were at a time.
    Temporal,
    /// A table, and messages to other systems written in the same transaction.
    Outbox,
    /// A table, and another shape of it to read from.
    View,
    /// A table for measurements, and the last one of each series.
    TimeSeries,
}

impl Kind {
    /// Every one of them.
    pub const ALL: [Self; 6] =
        [Self::Table, Self::Audit, Self::Temporal, Self::Outbox, Self::View, Self::TimeSeries];

    /// As it is written in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Audit => "audit",
            Self::Temporal => "temporal",
            Self::Outbox => "outbox",
            Self::View => "view",
            Self::TimeSeries => "time-series",
        }
    }

    /// As a person reads it.
    pub fn says(self) -> &'static str {
        match self {
            Self::Table => "a table with a version against lost updates",
            Self::Audit => "a table with an audit trail beside it",
            Self::Temporal => "a table whose rows can be read as they were at a time",
            Self::Outbox => "a table with an outbox",
            Self::View => "a table with another shape of it to read from, or a replica",
            Self::TimeSeries => "a store for time series",
        }
    }
}

/// A table in a few words. The first column is its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// What it is called.
    pub table: String,
    /// Its columns, at least one.
    pub columns: Vec<Column>,
}

/// A column of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// What it is called.
    pub name: String,
    /// What it holds.
    pub kind: Type,
    /// Whether it may be NULL.
    pub is_optional: bool,
}

/// What a column holds, named as in a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A UUID.
    Uuid,
    /// Text.
    Text,
    /// A whole number.
    Int,
    /// A number with an exact fraction.
    Decimal,
    /// A number with an approximate fraction.
    Float,
    /// True or false.
    Bool,
    /// A point in time.
    Time,
    /// A day.
    Date,
    /// Bytes.
    Bytes,
    /// Anything else.
    Json,
}

impl Type {
    /// By its name in a model.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "uuid" => Self::Uuid,
            "text" => Self::Text,
            "int" => Self::Int,
            "decimal" => Self::Decimal,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "time" => Self::Time,
            "date" => Self::Date,
            "bytes" => Self::Bytes,
            "json" => Self::Json,
            _ => return None,
        })
    }
}

impl Column {
    /// A column that is not NULL.
    pub fn new(name: impl Into<String>, kind: Type) -> Self {
        Self { name: name.into(), kind, is_optional: false }
    }

    /// The same, which may be NULL.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }
}

impl Description {
    /// An example, for those who have described none.
    pub fn example(kind: Kind) -> Self {
        let columns = match kind {
            Kind::TimeSeries => vec![
                Column::new("sensor_id", Type::Uuid),
                Column::new("measured_at", Type::Time),
                Column::new("celsius", Type::Float),
            ],
            _ => vec![
                Column::new("customer_id", Type::Uuid),
                Column::new("full_name", Type::Text),
                Column::new("email", Type::Text).optional(),
                Column::new("credit_limit", Type::Decimal),
                Column::new("is_active", Type::Bool),
            ],
        };
        let table = if kind == Kind::TimeSeries { "reading" } else { "customer" };
        Self { table: table.to_owned(), columns }
    }
}

/// What does the same without events, to be read and run: statements with comments between them. Those for SQL Server
/// are parted by `GO`, as its own tools read them; those for MongoDB are for its shell.
pub fn alternative(database: Database, kind: Kind, description: &Description) -> String {
    script(database, kind, description).to_text()
}

/// The statements of [`alternative`] without the comments, each to be run by itself, in order.
pub fn statements(database: Database, kind: Kind, description: &Description) -> Vec<String> {
    script(database, kind, description).into_statements()
}

fn script(database: Database, kind: Kind, description: &Description) -> Script {
    let dialect = match database {
        Database::Postgres => Dialect::Postgres,
        Database::MySql => Dialect::MySql,
        Database::MariaDb => Dialect::MariaDb,
        Database::Sqlite => Dialect::Sqlite,
        Database::SqlServer => Dialect::SqlServer,
        Database::MongoDb => return documents::mongo(kind, description),
        Database::CosmosDb => return documents::cosmos(kind, description),
    };
    let mut writer = Writer::new(dialect, description);
    match kind {
        Kind::Table => table::write(&mut writer),
        Kind::Audit => audit::write(&mut writer),
        Kind::Temporal => temporal::write(&mut writer),
        Kind::Outbox => outbox::write(&mut writer),
        Kind::View => view::write(&mut writer),
        Kind::TimeSeries => series::write(&mut writer),
    }
    writer.script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_database_has_something_for_every_need() {
        for database in Database::ALL {
            for kind in Kind::ALL {
                let description = Description::example(kind);
                let statements = statements(database, kind, &description);
                assert!(!statements.is_empty(), "{database:?} {kind:?}");
                let text = alternative(database, kind, &description);
                assert!(statements.iter().all(|statement| text.contains(statement)), "{database:?} {kind:?}");
            }
        }
    }

    #[test]
    fn databases_are_found_by_the_names_that_answers_have() {
        use super::super::questions::{DATABASE, Kind};
        let Kind::Choice(choices) = DATABASE.kind else { panic!("a choice") };
        let found: Vec<_> = choices.iter().filter_map(|choice| Database::by_name(choice.name)).collect();
        assert_eq!(found, Database::ALL);
    }

    #[test]
    fn names_are_quoted_where_they_must_be_and_never_taken_twice() {
        let columns = vec![
            Column::new("order", Type::Int),
            Column::new("it's \"x\"", Type::Bool),
            Column::new("version", Type::Int),
        ];
        let description = Description { table: "Select".to_owned(), columns };
        let script = alternative(Database::Postgres, Kind::Table, &description);
        assert!(script.contains(
            "CREATE TABLE \"Select\" (\n  \"order\" bigint NOT NULL PRIMARY KEY,\n  \
             \"it's \"\"x\"\"\" boolean NOT NULL,\n  version bigint NOT NULL,\n  version_ bigint NOT NULL DEFAULT 1\n);"
        ));
        let trail = statements(Database::MySql, Kind::Audit, &description);
        assert!(
            trail.iter().any(|statement| statement.contains("'it''s \"x\"', NEW.`it's \"x\"`")),
            "{trail:?}"
        );
    }

    #[test]
    fn sql_server_has_batches_and_its_own_placeholders() {
        let script = alternative(Database::SqlServer, Kind::Table, &Description::example(Kind::Table));
        assert!(script.contains(");\nGO\n") && script.contains("WHERE customer_id = @key"), "{script}");
    }

    #[test]
    fn a_table_without_columns_still_has_a_key() {
        let description = Description { table: "thing".to_owned(), columns: vec![] };
        let statements = statements(Database::Sqlite, Kind::Table, &description);
        assert_eq!(
            statements,
            [
                "CREATE TABLE thing (\n  id text NOT NULL PRIMARY KEY,\n  version integer NOT NULL DEFAULT 1\n) STRICT"
            ]
        );
    }
}
