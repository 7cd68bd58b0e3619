//! MySQL and MariaDB. The session only reads; each statement is a transaction, so that no lock on a table's
//! definition outlives it.

use std::time::Duration;

use annals::StoreUrl;
use annals::mysql::mysql_async::consts::{ColumnFlags, ColumnType};
use annals::mysql::mysql_async::prelude::Queryable as _;
use annals::mysql::mysql_async::{Column, Conn, Error, Row as Answer, Value};
use annals_model::shape::{Kind, Product};

use crate::failure::Failure;

use super::asking::{Ask, Cell, Dialect, LOCK_MAX, Refused, Row, STATEMENT_MAX, Why, hex};
use super::catalogue::{self, Catalogue, Questions};
use super::{How, Live, with_sample};

const QUESTIONS: Questions = Questions {
    tables: include_str!("sql/mysql/tables.sql"),
    columns: include_str!("sql/mysql/columns.sql"),
    keys: include_str!("sql/mysql/keys.sql"),
    foreign_keys: include_str!("sql/mysql/foreign_keys.sql"),
    checks: include_str!("sql/mysql/checks_mysql.sql"),
    partitions: include_str!("sql/mysql/partitions.sql"),
    triggers: include_str!("sql/mysql/triggers.sql"),
    routines: include_str!("sql/mysql/routines.sql"),
    grants: include_str!("sql/mysql/grants.sql"),
};

pub(super) async fn read(url: &StoreUrl, how: &How) -> Result<Live, Failure> {
    let (mut mysql, is_mariadb) = open(url, STATEMENT_MAX).await?;
    let questions = match is_mariadb {
        true => Questions { checks: include_str!("sql/mysql/checks_mariadb.sql"), ..QUESTIONS },
        false => QUESTIONS,
    };
    // MariaDB has no indexes on expressions.
    let expression = if is_mariadb { "NULL" } else { "expression" };
    let fill = |question: &str| question.replace("{expression}", expression);
    let mut catalogue = catalogue::read(&mut mysql, Product::MySql, &questions, fill).await;
    catalogue.shape.name = url.to_string();
    name_json(&mut catalogue);
    mysql.say_what_is_hidden(&mut catalogue).await;
    if let Some(prefix) = prefix(url) {
        catalogue.retain(|name| name.starts_with(&prefix));
    }
    Ok(with_sample(&mut mysql, catalogue, how).await)
}

/// What the names of a store's tables begin with, where the URL says which store is meant.
fn prefix(url: &StoreUrl) -> Option<String> {
    match (url.option("prefix"), url.namespace()) {
        (prefix, None) => prefix.map(str::to_owned),
        (prefix, Some(namespace)) => Some(format!("{}_{namespace}__", prefix.unwrap_or("annals_"))),
    }
}

/// To MariaDB the type JSON is a long text with a check.
fn name_json(catalogue: &mut Catalogue) {
    for table in &mut catalogue.shape.tables {
        for column in &mut table.columns {
            let check = format!("json_valid(`{}`)", column.name);
            if table.checks.iter().any(|it| it.expression.eq_ignore_ascii_case(&check)) {
                column.kind = Kind::Json;
            }
        }
    }
}

/// Connects and makes the session one that only reads; a statement may take so long. Says whether it is MariaDB.
pub(super) async fn open(url: &StoreUrl, patience: Duration) -> Result<(Mysql, bool), Failure> {
    let conn = annals::mysql::connect(url).await.map_err(|e| Failure::connect(&url.to_string(), e))?;
    let mut mysql = Mysql { conn };
    let begun = mysql.begin(patience).await;
    let is_mariadb =
        begun.map_err(|refused| Failure::check(format!("could not begin to read {url}: {refused}")))?;
    Ok((mysql, is_mariadb))
}

pub(super) struct Mysql {
    conn: Conn,
}

static DIALECT: Dialect =
    Dialect { quote, literal, bytes: |name| format!("length({name})"), time: str::to_owned, has_top: false };

impl Mysql {
    async fn begin(&mut self, patience: Duration) -> Result<bool, Refused> {
        let rows = self.ask("SELECT VERSION() AS version").await?;
        let is_mariadb = rows.first().is_some_and(|row| row.text("version").contains("MariaDB"));
        let bound = match is_mariadb {
            true => format!("max_statement_time = {}", patience.as_secs()),
            false => format!("max_execution_time = {}", patience.as_millis()),
        };
        let lock = LOCK_MAX.as_secs();
        let settings = [
            format!("SET SESSION {bound}, lock_wait_timeout = {lock}"),
            "SET SESSION TRANSACTION READ ONLY".to_owned(),
        ];
        for setting in settings {
            self.conn.query_drop(setting).await.map_err(|e| refused(&e))?;
        }
        Ok(is_mariadb)
    }

    /// The catalogue is silent about what a login may not see.
    async fn say_what_is_hidden(&mut self, catalogue: &mut Catalogue) {
        let Ok(rows) = self.ask(include_str!("sql/mysql/sees.sql")).await else { return };
        let holds = |privilege: &str| rows.iter().any(|row| row.text("privilege") == privilege);
        if !holds("TRIGGER") && catalogue.shape.triggers.is_empty() {
            catalogue.unread("triggers", "none are shown to a login without the privilege TRIGGER");
        }
        if self.ask("SELECT 1 FROM mysql.user LIMIT 0").await.is_err() {
            let why = "a login that may not read mysql.user is shown its own only";
            catalogue.unread("grants of others", why);
        }
    }
}

impl Ask for Mysql {
    async fn ask(&mut self, sql: &str) -> Result<Vec<Row>, Refused> {
        let mut result = self.conn.query_iter(sql).await.map_err(|e| refused(&e))?;
        let columns = result.columns();
        let answers: Vec<Answer> = result.collect().await.map_err(|e| refused(&e))?;
        let columns = columns.as_deref().unwrap_or_default();
        let names = columns.iter().map(|column| column.name_str().into_owned()).collect();
        let row = |mut answer: Answer| {
            let mut value = |at: usize| answer.take(at).unwrap_or(Value::NULL);
            let cells = columns.iter().enumerate().map(|(at, column)| cell(value(at), column));
            Row::new(&names, cells.collect())
        };
        Ok(answers.into_iter().map(row).collect())
    }

    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }
}

/// Without parameters every value comes as text, and bytes as they are.
fn cell(value: Value, column: &Column) -> Cell {
    const BINARY: u16 = 63;
    let bytes = match value {
        Value::NULL => return Cell::Null,
        Value::Bytes(bytes) => bytes,
        other => return Cell::Text(other.as_sql(true).trim_matches('\'').to_owned()),
    };
    let is_string = matches!(
        column.column_type(),
        ColumnType::MYSQL_TYPE_STRING
            | ColumnType::MYSQL_TYPE_VAR_STRING
            | ColumnType::MYSQL_TYPE_VARCHAR
            | ColumnType::MYSQL_TYPE_BLOB
            | ColumnType::MYSQL_TYPE_TINY_BLOB
            | ColumnType::MYSQL_TYPE_MEDIUM_BLOB
            | ColumnType::MYSQL_TYPE_LONG_BLOB
            | ColumnType::MYSQL_TYPE_BIT
    );
    if is_string && column.character_set() == BINARY && column.flags().contains(ColumnFlags::BINARY_FLAG) {
        return Cell::Bytes(bytes);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Cell::Text(text),
        Err(e) => Cell::Bytes(e.into_bytes()),
    }
}

/// Numbers up to 1880 mean the same to both products.
fn refused(error: &Error) -> Refused {
    let Error::Server(error) = error else { return Refused::new(Why::Lost, "") };
    let why = match error.code {
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 => Why::NotAllowed,
        1317 | 1969 | 3024 => Why::TooSlow,
        1205 => Why::Locked,
        1053 | 1927 | 4031 => Why::Lost,
        _ => Why::Other,
    };
    Refused::new(why, error.code)
}

fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// In hexadecimal nothing is read as an escape, whatever `sql_mode` says.
fn literal(value: &Cell) -> String {
    match value {
        Cell::Null => "NULL".to_owned(),
        Cell::Text(text) if text.is_empty() => "''".to_owned(),
        Cell::Text(text) => format!("_utf8mb4 0x{}", hex(text.as_bytes())),
        Cell::Bytes(bytes) if bytes.is_empty() => "''".to_owned(),
        Cell::Bytes(bytes) => format!("0x{}", hex(bytes)),
    }
}
