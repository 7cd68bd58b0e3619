//! How one database keeps events: the pattern with its indexes, partitions and change feed, for the streams of a model.

pub mod ansi;

use annals_model::model::Model;

use crate::{File, Impossible, Origin};

/// A database, or a store made for events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// PostgreSQL.
    Postgres,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
    /// SQLite.
    Sqlite,
    /// SQL Server and Azure SQL.
    Sqlserver,
    /// Any other database with SQL.
    Ansi,
    /// MongoDB.
    Mongodb,
    /// Azure Cosmos DB.
    Cosmosdb,
    /// EventSourcingDB.
    Eventsourcingdb,
    /// KurrentDB.
    Kurrentdb,
}

impl Database {
    /// What its makers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
            Self::Sqlite => "SQLite",
            Self::Sqlserver => "SQL Server",
            Self::Ansi => "ANSI SQL",
            Self::Mongodb => "MongoDB",
            Self::Cosmosdb => "Azure Cosmos DB",
            Self::Eventsourcingdb => "EventSourcingDB",
            Self::Kurrentdb => "KurrentDB",
        }
    }
}

/// Makes the page of a database.
///
/// # Errors
/// What of the model cannot be kept there.
pub fn generate(_model: &Model, _origin: &Origin, _on: Database) -> Result<Vec<File>, Impossible> {
    Ok(Vec::new())
}
