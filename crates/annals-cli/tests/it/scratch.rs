//! A database of its own, on a server or in a file, and plain SQL in it.

use annals::StoreUrl;
use annals::mysql::mysql_async::{self, prelude::Queryable as _};
use annals::postgres::tokio_postgres::SimpleQueryMessage;
use annals::sqlserver::tiberius::ColumnData;

use crate::servers::servers;

/// A database that is there until it is dropped.
pub(crate) struct Scratch {
    server: String,
    name: String,
    pub(crate) url: String,
}

impl Scratch {
    /// One on each server there is.
    pub(crate) async fn on_each_server() -> Vec<Self> {
        let mut all = Vec::new();
        for server in servers() {
            let unique = annals::EventId::new().uuid().simple().to_string().split_off(20);
            let name = format!("scratch_{unique}");
            Session::open(&server).await.run(&format!("CREATE DATABASE {name}")).await.unwrap();
            let (place, database) = server.rsplit_once('/').unwrap();
            let options = database.split_once('?').map_or(String::new(), |(_, it)| format!("?{it}"));
            all.push(Self { url: format!("{place}/{name}{options}"), server, name });
        }
        all
    }

    pub(crate) async fn drop(self) {
        let force = if self.server.starts_with("postgres") { " WITH (FORCE)" } else { "" };
        let drop = format!("DROP DATABASE {}{force}", self.name);
        Session::open(&self.server).await.run(&drop).await.unwrap();
    }
}

/// A connection that takes any SQL.
pub(crate) enum Session {
    Sqlite(rusqlite::Connection),
    Postgres(Box<annals::postgres::tokio_postgres::Client>),
    Mysql(mysql_async::Conn),
    SqlServer(Box<annals::sqlserver::Session>),
}

impl Session {
    pub(crate) async fn open(url: &str) -> Self {
        let parsed: StoreUrl = url.parse().unwrap();
        match parsed.scheme() {
            "sqlite" => {
                Self::Sqlite(rusqlite::Connection::open(url.strip_prefix("sqlite:").unwrap()).unwrap())
            }
            "postgres" => Self::Postgres(Box::new(annals::postgres::connect(&parsed).await.unwrap())),
            "sqlserver" => {
                Self::SqlServer(Box::new(annals::sqlserver::Session::open(&parsed).await.unwrap()))
            }
            _ => Self::Mysql(annals::mysql::connect(&parsed).await.unwrap()),
        }
    }

    /// The rows, a line each with | between the values; an error is what the database said, and what was begun is
    /// rolled back.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<String, String> {
        let answered = self.answers(sql).await;
        if answered.is_err() {
            // Where nothing was begun, or the database has rolled back itself, it says so.
            let _ = self.answers("ROLLBACK").await;
        }
        answered.map(|rows| rows.iter().map(|row| row.join("|") + "\n").collect())
    }

    async fn answers(&mut self, sql: &str) -> Result<Vec<Vec<String>>, String> {
        match self {
            Self::Sqlite(connection) => sqlite(connection, sql).map_err(|e| e.to_string()),
            Self::Postgres(client) => {
                let messages = client.simple_query(sql).await.map_err(|e| format!("{e:?}"))?;
                let row = |message: SimpleQueryMessage| match message {
                    SimpleQueryMessage::Row(row) => {
                        Some((0..row.len()).map(|n| row.get(n).unwrap_or("NULL").to_owned()).collect())
                    }
                    _ => None,
                };
                Ok(messages.into_iter().filter_map(row).collect())
            }
            Self::Mysql(conn) => mysql(conn, sql).await.map_err(|e| e.to_string()),
            Self::SqlServer(session) => {
                let mut rows = Vec::new();
                for batch in sql.split("\nGO\n") {
                    let client = session.client().await.map_err(|e| e.to_string())?;
                    let results = client.simple_query(batch).await.map_err(|e| e.to_string())?;
                    let results = results.into_results().await.map_err(|e| e.to_string())?;
                    rows.extend(results.into_iter().flatten().map(|row| row.into_iter().map(text).collect()));
                }
                Ok(rows)
            }
        }
    }
}

fn sqlite(connection: &rusqlite::Connection, sql: &str) -> rusqlite::Result<Vec<Vec<String>>> {
    if !sql.trim_start().starts_with("SELECT") {
        return connection.execute_batch(sql).map(|()| Vec::new());
    }
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let value = |n| {
            use rusqlite::types::Value;
            Ok(match row.get(n)? {
                Value::Null => "NULL".to_owned(),
                Value::Integer(number) => number.to_string(),
                Value::Real(number) => number.to_string(),
                Value::Text(text) => text,
                Value::Blob(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            })
        };
        (0..columns).map(value).collect()
    })?;
    rows.collect()
}

/// Statement by statement, as the driver passes over what the second of several says.
async fn mysql(conn: &mut mysql_async::Conn, sql: &str) -> mysql_async::Result<Vec<Vec<String>>> {
    let text = |value| match value {
        mysql_async::Value::NULL => "NULL".to_owned(),
        mysql_async::Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        other => other.as_sql(true).trim_matches('\'').to_owned(),
    };
    let mut rows = Vec::new();
    for statement in sql.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        let set: Vec<mysql_async::Row> = conn.query(statement).await?;
        rows.extend(set.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()));
    }
    Ok(rows)
}

fn text(value: ColumnData<'static>) -> String {
    match value {
        ColumnData::I32(Some(number)) => number.to_string(),
        ColumnData::I64(Some(number)) => number.to_string(),
        ColumnData::Bit(Some(is)) => u8::from(is).to_string(),
        ColumnData::Guid(Some(id)) => id.to_string(),
        ColumnData::String(Some(text)) => text.into_owned(),
        other => format!("{other:?}"),
    }
}
