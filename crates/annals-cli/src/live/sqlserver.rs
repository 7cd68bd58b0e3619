//! SQL Server and Azure SQL. It has no transactions that only read, so nothing here writes; where the database keeps
//! versions of rows, statements read those and wait for nobody.

use annals::StoreUrl;
use annals::sqlserver::Session;
use annals::sqlserver::tiberius::error::Error;
use annals::sqlserver::tiberius::{ColumnData, Row as Answer};
use annals_model::shape::Product;

use crate::failure::Failure;

use super::asking::{Ask, Cell, Dialect, LOCK_MAX, Refused, Row, STATEMENT_MAX, Why, hex};
use super::catalogue::{self, Questions};
use super::{How, Live, schemas, with_sample};

const QUESTIONS: Questions = Questions {
    tables: include_str!("sql/sqlserver/tables.sql"),
    columns: include_str!("sql/sqlserver/columns.sql"),
    keys: include_str!("sql/sqlserver/keys.sql"),
    foreign_keys: include_str!("sql/sqlserver/foreign_keys.sql"),
    checks: include_str!("sql/sqlserver/checks.sql"),
    partitions: include_str!("sql/sqlserver/partitions.sql"),
    triggers: include_str!("sql/sqlserver/triggers.sql"),
    routines: include_str!("sql/sqlserver/routines.sql"),
    grants: include_str!("sql/sqlserver/grants.sql"),
};

/// As the server numbers it: ALLOW_SNAPSHOT_ISOLATION is ON.
const SNAPSHOT_IS_ON: u64 = 1;

pub(super) async fn read(url: &StoreUrl, how: &How) -> Result<Live, Failure> {
    let session = Session::open(url).await.map_err(|e| Failure::connect(&url.to_string(), e))?;
    let mut server = SqlServer { url: url.clone(), session, isolation: "READ COMMITTED" };
    let names: Vec<String> = schemas(url, how).into_iter().map(|name| literal(&Cell::Text(name))).collect();
    let wanted = match names.as_slice() {
        [] => "s.name NOT IN (N'sys', N'INFORMATION_SCHEMA', N'cdc')".to_owned(),
        names => format!("s.name IN ({})", names.join(", ")),
    };
    let fill = |question: &str| question.replace("{schemas}", &wanted);
    let mut catalogue = catalogue::read(&mut server, Product::SqlServer, &QUESTIONS, fill).await;
    catalogue.shape.name = url.to_string();
    if let Ok(rows) = server.ask(include_str!("sql/sqlserver/sees.sql")).await {
        let sees = rows.first();
        if sees.is_some_and(|row| row.text("definitions") == "0") {
            let why = "only what it has a right on is shown to a login without VIEW DEFINITION";
            catalogue.unread("tables, triggers and procedures of others", why);
        }
        if sees.and_then(|row| row.number("snapshot")) == Some(SNAPSHOT_IS_ON) {
            server.isolation = "SNAPSHOT";
        }
    }
    Ok(with_sample(&mut server, catalogue, how).await)
}

struct SqlServer {
    url: StoreUrl,
    session: Session,
    isolation: &'static str,
}

static DIALECT: Dialect = Dialect {
    quote,
    literal,
    bytes: |name| format!("DATALENGTH({name})"),
    // ISO 8601, which sorts by time.
    time: |name| format!("CONVERT(nvarchar(40), {name}, 126)"),
    has_top: true,
};

impl Ask for SqlServer {
    async fn ask(&mut self, sql: &str) -> Result<Vec<Row>, Refused> {
        let batch = format!(
            "SET LOCK_TIMEOUT {}; SET TRANSACTION ISOLATION LEVEL {};\n{sql}",
            LOCK_MAX.as_millis(),
            self.isolation
        );
        match tokio::time::timeout(STATEMENT_MAX, answers(&mut self.session, &batch)).await {
            Ok(answered) => answered.map(|answers| rows(&answers)),
            // Nobody waits for the answer any more, and the connection it comes on is of no use.
            Err(_) => {
                self.session = Session::open(&self.url).await.map_err(|_| Refused::new(Why::Lost, ""))?;
                Err(Refused::new(Why::TooSlow, ""))
            }
        }
    }

    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }
}

async fn answers(session: &mut Session, batch: &str) -> Result<Vec<Answer>, Refused> {
    let client = session.client().await.map_err(|_| Refused::new(Why::Lost, ""))?;
    let stream = client.simple_query(batch).await.map_err(|e| refused(&e))?;
    let results = stream.into_results().await.map_err(|e| refused(&e))?;
    Ok(results.into_iter().last().unwrap_or_default())
}

fn rows(answers: &[Answer]) -> Vec<Row> {
    let Some(first) = answers.first() else { return Vec::new() };
    let names = first.columns().iter().map(|column| column.name().to_owned()).collect();
    let row = |answer: &Answer| Row::new(&names, answer.cells().map(|(_, data)| cell(data)).collect());
    answers.iter().map(row).collect()
}

/// A value as text. Times are asked for as text where they are needed.
fn cell(data: &ColumnData<'_>) -> Cell {
    let text = match data {
        ColumnData::U8(value) => value.map(|value| value.to_string()),
        ColumnData::I16(value) => value.map(|value| value.to_string()),
        ColumnData::I32(value) => value.map(|value| value.to_string()),
        ColumnData::I64(value) => value.map(|value| value.to_string()),
        ColumnData::F32(value) => value.map(|value| value.to_string()),
        ColumnData::F64(value) => value.map(|value| value.to_string()),
        ColumnData::Bit(value) => value.map(|value| u8::from(value).to_string()),
        ColumnData::Guid(value) => value.map(|value| value.to_string()),
        ColumnData::Numeric(value) => value.map(|value| value.to_string()),
        ColumnData::String(value) => value.as_ref().map(|value| value.to_string()),
        ColumnData::Xml(value) => value.as_ref().map(|value| value.to_string()),
        ColumnData::Binary(value) => {
            return value.as_ref().map_or(Cell::Null, |value| Cell::Bytes(value.to_vec()));
        }
        _ => None,
    };
    Cell::from(text.as_deref())
}

/// <https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors>
fn refused(error: &Error) -> Refused {
    let Error::Server(error) = error else { return Refused::new(Why::Lost, "") };
    let why = match error.code() {
        229 | 230 | 262 | 297 | 300 | 371 | 916 => Why::NotAllowed,
        1222 => Why::Locked,
        _ => Why::Other,
    };
    Refused::new(why, error.code())
}

fn quote(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

fn literal(value: &Cell) -> String {
    match value {
        Cell::Null => "NULL".to_owned(),
        Cell::Text(text) => format!("N'{}'", text.replace('\'', "''")),
        Cell::Bytes(bytes) => format!("0x{}", hex(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_server_become_text_or_bytes() {
        for (data, expected) in [
            (ColumnData::I64(Some(7)), Cell::Text("7".to_owned())),
            (ColumnData::Bit(Some(true)), Cell::Text("1".to_owned())),
            (ColumnData::String(Some("a'b".into())), Cell::Text("a'b".to_owned())),
            (ColumnData::String(None), Cell::Null),
            (ColumnData::Binary(Some(vec![1, 255].into())), Cell::Bytes(vec![1, 255])),
        ] {
            assert_eq!(cell(&data), expected);
        }
    }

    #[test]
    fn no_name_and_no_text_ends_its_quotes() {
        assert_eq!(quote("a]; DROP TABLE x--"), "[a]]; DROP TABLE x--]");
        assert_eq!(literal(&Cell::Text("'; DROP TABLE x--".to_owned())), "N'''; DROP TABLE x--'");
        assert_eq!(literal(&Cell::Bytes(vec![1, 255])), "0x01ff");
    }
}
