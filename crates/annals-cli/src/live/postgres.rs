//! PostgreSQL and what speaks as it does. Each statement has a read-only transaction of its own, so that the review
//! keeps nothing alive that the server would clean up, and a pooler may stand between.

use std::time::Duration;

use annals::StoreUrl;
use annals::postgres::tokio_postgres::{Client, Error, SimpleQueryMessage};
use annals_model::shape::Product;

use crate::failure::Failure;

use super::asking::{Ask, Cell, Dialect, LOCK_MAX, Refused, Row, STATEMENT_MAX, Why, hex};
use super::catalogue::{self, Questions};
use super::{How, Live, schemas, with_sample};

const QUESTIONS: Questions = Questions {
    tables: include_str!("sql/postgres/tables.sql"),
    columns: include_str!("sql/postgres/columns.sql"),
    keys: include_str!("sql/postgres/keys.sql"),
    foreign_keys: include_str!("sql/postgres/foreign_keys.sql"),
    checks: include_str!("sql/postgres/checks.sql"),
    partitions: include_str!("sql/postgres/partitions.sql"),
    triggers: include_str!("sql/postgres/triggers.sql"),
    routines: include_str!("sql/postgres/routines.sql"),
    grants: include_str!("sql/postgres/grants.sql"),
};

/// What no application has made: the server's own schemas and those where extensions keep parts of tables.
const OWN: &str = "n.nspname !~ '^(pg_|_timescaledb|timescaledb_|crdb_internal$)' \
    AND n.nspname <> 'information_schema'";

pub(super) async fn read(url: &StoreUrl, how: &How) -> Result<Live, Failure> {
    let mut postgres = open(url, STATEMENT_MAX).await?;
    let schemas: Vec<String> = schemas(url, how).into_iter().map(|name| literal(&Cell::Text(name))).collect();
    let wanted = match schemas.as_slice() {
        [] => OWN.to_owned(),
        names => format!("n.nspname IN ({})", names.join(", ")),
    };
    let fill = |question: &str| question.replace("{schemas}", &wanted);
    let mut catalogue = catalogue::read(&mut postgres, Product::Postgres, &QUESTIONS, fill).await;
    catalogue.shape.name = url.to_string();
    Ok(with_sample(&mut postgres, catalogue, how).await)
}

/// Connects; a statement may take so long.
pub(super) async fn open(url: &StoreUrl, patience: Duration) -> Result<Postgres, Failure> {
    let client = annals::postgres::connect(url).await.map_err(|e| Failure::connect(&url.to_string(), e))?;
    Ok(Postgres { client, patience })
}

pub(super) struct Postgres {
    client: Client,
    patience: Duration,
}

static DIALECT: Dialect = Dialect {
    quote,
    literal,
    bytes: |name| format!("octet_length({name}::text)"),
    time: |name| format!("{name}::text"),
    has_top: false,
};

impl Ask for Postgres {
    async fn ask(&mut self, sql: &str) -> Result<Vec<Row>, Refused> {
        // The settings are those of the transaction that follows them, and a pooler gives it one connection.
        let begin = format!(
            "BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; \
             SET LOCAL DateStyle = 'ISO'; SET LOCAL TimeZone = 'UTC'; SET LOCAL bytea_output = 'hex'",
            self.patience.as_millis(),
            LOCK_MAX.as_millis()
        );
        let answered = match self.client.batch_execute(&begin).await {
            Ok(()) => self.client.simple_query(sql).await,
            Err(e) => Err(e),
        };
        let ended = self.client.batch_execute("ROLLBACK").await;
        let messages = answered.map_err(|e| refused(&e))?;
        ended.map_err(|e| refused(&e))?;
        Ok(rows(&messages))
    }

    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }
}

fn rows(messages: &[SimpleQueryMessage]) -> Vec<Row> {
    let mut names = Vec::new().into();
    let mut rows = Vec::new();
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                names = columns.iter().map(|column| column.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row) => {
                let cells = (0..row.len()).map(|at| Cell::from(row.try_get(at).unwrap_or_default()));
                rows.push(Row::new(&names, cells.collect()));
            }
            _ => {}
        }
    }
    rows
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn refused(error: &Error) -> Refused {
    let Some(state) = error.code() else { return Refused::new(Why::Lost, "") };
    let why = match state.code() {
        "42501" => Why::NotAllowed,
        "57014" => Why::TooSlow,
        "55P03" => Why::Locked,
        code if code.starts_with("57P") || code.starts_with("08") => Why::Lost,
        _ => Why::Other,
    };
    Refused::new(why, state.code())
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Between dollars nothing is read as an escape, whatever `standard_conforming_strings` says.
fn literal(value: &Cell) -> String {
    let text = match value {
        Cell::Null => return "NULL".to_owned(),
        Cell::Bytes(bytes) => format!("\\x{}", hex(bytes)),
        Cell::Text(text) => text.clone(),
    };
    let mut tag = "v".to_owned();
    while text.contains(&format!("${tag}")) {
        tag.push('v');
    }
    format!("${tag}${text}${tag}$")
}
