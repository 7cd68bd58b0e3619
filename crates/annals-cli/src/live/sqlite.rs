//! SQLite, opened for reading only. What the pragmas do not tell is read from the statements that made the tables.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals::StoreUrl;
use annals::sqlite::SqliteOptions;
use annals::sqlite::rusqlite::types::ValueRef;
use annals::sqlite::rusqlite::{Connection, Error, ErrorCode, InterruptHandle, OpenFlags};
use annals_model::shape::sql;
use annals_model::shape::{KeyPart, Operation, Product, StoreShape, Table};
use annals_model::text::Texts;

use crate::failure::Failure;

use super::asking::{Ask, Cell, Dialect, LOCK_MAX, Refused, Row, STATEMENT_MAX, Why, hex};
use super::catalogue::{self, Catalogue, Questions};
use super::{How, Live, with_sample};

/// Nothing is asked where SQLite has none: checks are in the text of a table; there are no partitions, procedures
/// and grants.
const QUESTIONS: Questions = Questions {
    tables: include_str!("sql/sqlite/tables.sql"),
    columns: include_str!("sql/sqlite/columns.sql"),
    keys: include_str!("sql/sqlite/keys.sql"),
    foreign_keys: include_str!("sql/sqlite/foreign_keys.sql"),
    checks: NONE,
    partitions: NONE,
    triggers: include_str!("sql/sqlite/triggers.sql"),
    routines: NONE,
    grants: NONE,
};

const NONE: &str = "SELECT 1 WHERE 0";

pub(super) async fn read(url: &StoreUrl, how: &How) -> Result<Live, Failure> {
    let mut sqlite = open(url, STATEMENT_MAX).await?;
    let mut catalogue = catalogue::read(&mut sqlite, Product::Sqlite, &QUESTIONS, str::to_owned).await;
    catalogue.shape.name = url.to_string();
    if let Some(namespace) = url.namespace() {
        let prefix = format!("annals__{namespace}__");
        catalogue.retain(|name| name.starts_with(&prefix));
    }
    sqlite.read_texts(&mut catalogue).await;
    sqlite.count(&mut catalogue).await;
    Ok(with_sample(&mut sqlite, catalogue, how).await)
}

/// Opens the file; a statement may take so long.
pub(super) async fn open(url: &StoreUrl, patience: Duration) -> Result<Sqlite, Failure> {
    let options = SqliteOptions::try_from(url)?;
    let could_not = format!("could not open {} for reading", options.path.display());
    let connection = tokio::task::spawn_blocking(move || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&options.path, flags)?;
        connection.busy_timeout(LOCK_MAX)?;
        // A file that is no database is found out here.
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        Ok::<_, Error>(connection)
    })
    .await;
    let hint = "check the path in the URL; a file in WAL mode is read where its directory can be written";
    let connection = match connection {
        Ok(Ok(connection)) => connection,
        Ok(Err(e)) => return Err(Failure::unreachable(could_not, e).hint(hint)),
        Err(e) => return Err(Failure::unreachable(could_not, e)),
    };
    let interrupt = connection.get_interrupt_handle();
    Ok(Sqlite { connection: Arc::new(Mutex::new(connection)), interrupt, patience })
}

pub(super) struct Sqlite {
    connection: Arc<Mutex<Connection>>,
    interrupt: InterruptHandle,
    patience: Duration,
}

static DIALECT: Dialect =
    Dialect { quote, literal, bytes: |name| format!("length({name})"), time: str::to_owned, has_top: false };

impl Sqlite {
    /// Takes from the statements that made the tables what the pragmas leave out.
    async fn read_texts(&mut self, catalogue: &mut Catalogue) {
        let question = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL";
        let rows = match self.ask(question).await {
            Ok(rows) => rows,
            Err(refused) => return catalogue.unread("checks", &refused.to_string()),
        };
        let text_of = |kind: &str, name: &str| {
            let is_it = |row: &&Row| row.text("type") == kind && row.text("name") == name;
            rows.iter().find(is_it).map_or("", |row| row.text("sql"))
        };
        for trigger in &mut catalogue.shape.triggers {
            (trigger.on, trigger.instead) = runs_on(&trigger.body);
        }
        for table in &mut catalogue.shape.tables {
            let written = written(&[text_of("table", &table.name)]);
            let Some(written) = written.table(&table.name) else { continue };
            table.checks = written.checks.clone();
            table.checks.iter_mut().for_each(|check| check.span = None);
            for column in &mut table.columns {
                let Some(written) = written.column(&column.name) else { continue };
                column.collation = written.collation.clone();
                if column.generated.is_some() {
                    column.generated = written.generated.clone();
                }
            }
        }
        let keys = catalogue.shape.tables.iter_mut().flat_map(|Table { name, keys, .. }| {
            let table = text_of("table", name);
            keys.iter_mut().map(move |key| (table, key))
        });
        for (table, key) in keys {
            let name = key.name.as_deref().unwrap_or_default();
            let (parts, predicate) = parts_of_index(table, text_of("index", name));
            if key.predicate.is_some() {
                key.predicate = predicate;
            }
            for part in &mut key.parts {
                let KeyPart::Expression(place) = part else { continue };
                let place = place.parse().unwrap_or(usize::MAX);
                *part = KeyPart::Expression(parts.get(place).cloned().unwrap_or_default());
            }
        }
    }

    /// SQLite does not count rows; their numbers tell about how many there are, without looking at them.
    async fn count(&mut self, catalogue: &mut Catalogue) {
        for table in catalogue.shape.tables.iter_mut().filter(|table| !table.is_view) {
            let Some(place) = catalogue.places.get(&table.name) else { continue };
            let question = format!(
                "SELECT coalesce((SELECT max(rowid) FROM {place}) - (SELECT min(rowid) FROM {place}) + 1, 0) AS rows"
            );
            if let Ok(rows) = self.ask(&question).await {
                table.rows = rows.first().and_then(|row| row.number("rows"));
            }
        }
    }
}

impl Ask for Sqlite {
    async fn ask(&mut self, sql: &str) -> Result<Vec<Row>, Refused> {
        let (connection, sql) = (self.connection.clone(), sql.to_owned());
        let mut answer = tokio::task::spawn_blocking(move || {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            answer(&connection, &sql)
        });
        let answered = match tokio::time::timeout(self.patience, &mut answer).await {
            Ok(answered) => answered,
            Err(_) => {
                self.interrupt.interrupt();
                answer.await
            }
        };
        answered.map_err(|_| Refused::new(Why::Lost, ""))?.map_err(|e| refused(&e))
    }

    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }
}

fn answer(connection: &Connection, sql: &str) -> Result<Vec<Row>, Error> {
    let mut statement = connection.prepare(sql)?;
    let names = (0..statement.column_count()).map(|at| Ok(statement.column_name(at)?.to_owned()));
    let names: Arc<[String]> = names.collect::<Result<_, Error>>()?;
    let mut answered = statement.query([])?;
    let mut rows = Vec::new();
    while let Some(row) = answered.next()? {
        let cells: Result<Vec<Cell>, Error> = (0..names.len()).map(|at| Ok(cell(row.get_ref(at)?))).collect();
        rows.push(Row::new(&names, cells?));
    }
    Ok(rows)
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Text(number.to_string()),
        ValueRef::Real(number) => Cell::Text(number.to_string()),
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Cell::Text(text.to_owned()),
            Err(_) => Cell::Bytes(bytes.to_vec()),
        },
    }
}

fn refused(error: &Error) -> Refused {
    let why = match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => Why::TooSlow,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Why::Locked,
        Some(ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => Why::NotAllowed,
        _ => Why::Other,
    };
    let code = error.sqlite_error().map(|error| error.extended_code.to_string());
    Refused::new(why, code.unwrap_or_default())
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(value: &Cell) -> String {
    match value {
        Cell::Null => "NULL".to_owned(),
        // The text of a statement ends at a zero byte.
        Cell::Text(text) if text.contains('\0') => format!("CAST(x'{}' AS TEXT)", hex(text.as_bytes())),
        Cell::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Cell::Bytes(bytes) => format!("x'{}'", hex(bytes)),
    }
}

/// What statements say, in this order.
fn written(statements: &[&str]) -> StoreShape {
    let mut texts = Texts::default();
    let files: Vec<_> = statements.iter().map(|text| texts.add("", *text)).collect();
    sql::read_all(&texts, &files, Some(Product::Sqlite))
}

/// On which statements a trigger runs, and whether in their place.
fn runs_on(text: &str) -> (Vec<Operation>, bool) {
    let trigger = written(&[text]).triggers.pop();
    trigger.map_or((Vec::new(), false), |trigger| (trigger.on, trigger.instead))
}

/// The parts of an index of a table as they stand, and its condition.
fn parts_of_index(table: &str, index: &str) -> (Vec<String>, Option<String>) {
    let own = written(&[table]).tables.iter().map(|table| table.keys.len()).sum();
    let mut keys = written(&[table, index]).tables.into_iter().flat_map(|table| table.keys);
    let Some(key) = keys.nth(own) else { return (Vec::new(), None) };
    let text = |part| match part {
        KeyPart::Column(text) | KeyPart::Expression(text) => text,
    };
    (key.parts.into_iter().map(text).collect(), key.predicate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_says_on_which_statement_it_runs() {
        for (text, on, instead) in [
            ("CREATE TRIGGER t BEFORE UPDATE ON e BEGIN DELETE FROM x; END", Operation::Update, false),
            (
                r#"create trigger if not exists "a insert b" after delete on e begin select 1; end"#,
                Operation::Delete,
                false,
            ),
            (
                "CREATE TRIGGER main.update_it -- UPDATE\n INSTEAD OF INSERT ON v BEGIN SELECT 1; END",
                Operation::Insert,
                true,
            ),
            ("CREATE TRIGGER t UPDATE OF a, b ON e BEGIN SELECT 1; END", Operation::Update, false),
        ] {
            assert_eq!(runs_on(text), (vec![on], instead), "{text}");
        }
    }

    #[test]
    fn an_index_is_taken_apart() {
        let text = r#"CREATE UNIQUE INDEX i ON e (a, json_extract(b, '$.x,)'), lower("c")) WHERE a > 0"#;
        let (parts, predicate) = parts_of_index("CREATE TABLE e (a, b, c UNIQUE)", text);
        assert_eq!(parts, ["a", "json_extract(b, '$.x,)')", "lower(\"c\")"]);
        assert_eq!(predicate.as_deref(), Some("a > 0"));
    }
}
