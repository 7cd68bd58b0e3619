//! Creating and opening a store's schema, and the text of its statements.

use tiberius::Row;
use tiberius::error::Error as Failure;

use crate::backend::{Direction, HashFormula};
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventId;
use crate::schema::{self, Difference, Objects};
use crate::sql::{Dialect, Identity};

use super::connect::{Client, Connection, Param, batch};
use super::row::{Counting, Fields};
use super::{SqlServerOptions, error};

/// The version of the tables this code writes and reads.
const SCHEMA_VERSION: i32 = 1;

/// The longest name of a schema (<https://learn.microsoft.com/sql/relational-databases/databases/database-identifiers>).
const NAME_BYTES_MAX: usize = 128;

/// The most parameters of one statement: 2,100, two of which are the statement and their declaration.
pub(super) const PARAMETERS_MAX: usize = 2_000;

/// The most rows that a statement is asked for.
const ROWS_MAX: usize = 1 << 30;

/// The statements of one store, with the name of its schema in them.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) schema: String,
    /// For reading: what comes after the head of a page was read is left for the next one.
    pub(super) dialect: Dialect,
    /// For the conditions of appends, under the lock of the store.
    pub(super) locked: Dialect,
    pub(super) call_append: String,
    pub(super) call_write: String,
    pub(super) select_tail: String,
    pub(super) select_head: String,
    /// Begins a page of the log.
    pub(super) declare_head: String,
    pub(super) stream_forward: String,
    pub(super) stream_backward: String,
    pub(super) by_ids: String,
    pub(super) versions: String,
    pub(super) list_streams: String,
    pub(super) list_event_types: String,
    pub(super) stats: String,
    pub(super) load_checkpoint: String,
    pub(super) insert_checkpoint: String,
    pub(super) update_checkpoint: String,
    pub(super) load_snapshot: String,
    pub(super) save_snapshot: String,
    pub(super) delete_snapshot: String,
}

const COLUMNS: &str = include_str!("sql/columns.sql");

impl Statements {
    pub(super) fn new(schema: &str) -> Self {
        let text = |sql: &str| sql.replace("{s}", &quote(schema)).replace("{columns}", COLUMNS);
        let stream = |direction: Direction| {
            let (compare, order) = match direction {
                Direction::Forward => (">=", ""),
                Direction::Backward => ("<=", " DESC"),
            };
            text(include_str!("sql/stream.sql")).replace("{compare}", compare).replace("{order}", order)
        };
        let dialect = Dialect {
            events: text("{s}.[events]"),
            event_tags: text("{s}.[event_tags]"),
            key: "_key",
            columns: COLUMNS,
            parameter: |n| format!("@P{n}"),
            begins_with: |prefix| format!("SUBSTRING(e.stream_id_key, 1, DATALENGTH({prefix})) = {prefix}"),
            limit: |limit| format!(" OFFSET 0 ROWS FETCH NEXT {} ROWS ONLY", limit.min(ROWS_MAX)),
            part: |walk| format!("SELECT position FROM ({walk}) w"),
            bound: "<= @head",
            lock: "",
        };
        let tail = "SELECT last_position, last_recorded_at, last_hash FROM {s}.[store] \
                    WHERE id = 1 AND store_id = ";
        Self {
            locked: Dialect { bound: "", ..dialect.clone() },
            dialect,
            call_append: text("EXEC {s}.[append] @P1, @P2, @P3, @P4, @P5, @P6, @P7, @P8, @P9"),
            call_write: text("EXEC {s}.[write] @P1, @P2, @P3, '', @P4, @P5, @P6, @P7, @P8, @P9"),
            select_tail: text(tail),
            select_head: text(&format!("{tail}@P1")),
            declare_head: text(include_str!("sql/declare_head.sql")),
            stream_forward: stream(Direction::Forward),
            stream_backward: stream(Direction::Backward),
            by_ids: text(
                "SELECT {columns} FROM OPENJSON({ids}) WITH (event_id uniqueidentifier '$.i') w \
                 JOIN {s}.[events] e ON e.event_id = w.event_id",
            ),
            versions: text(include_str!("sql/versions.sql")),
            list_streams: text(include_str!("sql/list_streams.sql")),
            list_event_types: text(include_str!("sql/list_event_types.sql")),
            stats: text(include_str!("sql/stats.sql")),
            load_checkpoint: text("SELECT [checkpoint] FROM {s}.[checkpoints] WHERE name_key = @P1"),
            insert_checkpoint: text(
                "INSERT INTO {s}.[checkpoints] (name_key, name, [checkpoint]) VALUES (@P1, @P2, @P3)",
            ),
            update_checkpoint: text(
                "UPDATE {s}.[checkpoints] SET [checkpoint] = @P2 WHERE name_key = @P1 AND [checkpoint] = @P3",
            ),
            load_snapshot: text(
                "SELECT stream_version, state_version, state FROM {s}.[snapshots] \
                 WHERE stream_id_key = @P1 AND name_key = @P2",
            ),
            save_snapshot: text(include_str!("sql/save_snapshot.sql")),
            delete_snapshot: text("DELETE FROM {s}.[snapshots] WHERE stream_id_key = @P1 AND name_key = @P2"),
            schema: schema.to_owned(),
        }
    }

    /// Puts the store's schema into a text.
    pub(super) fn text(&self, sql: &str) -> String {
        sql.replace("{s}", &quote(&self.schema))
    }

    /// Everything that makes a store, a script for sqlcmd that may run again and again.
    pub(super) fn script(&self, formula: Option<HashFormula>) -> String {
        let formula = formula.map_or_else(|| "NULL".to_owned(), |formula| format!("N'{formula}'"));
        include_str!("sql/schema.sql")
            .replace("{s}", &quote(&self.schema))
            .replace("{schema}", &self.schema)
            .replace("{schema_version}", &SCHEMA_VERSION.to_string())
            .replace("{hash_formula}", &formula)
    }

    /// The batches of the script.
    fn batches(&self, formula: Option<HashFormula>) -> Vec<String> {
        let script = self.script(formula);
        let batches = script.split("\nGO\n").map(str::trim).filter(|batch| !batch.is_empty());
        batches.map(str::to_owned).collect()
    }
}

/// A name that [`check_schema`] has let through, as SQL writes it.
pub(super) fn quote(name: &str) -> String {
    format!("[{name}]")
}

/// Refuses what would need quoting, what a collation would fold, and what would be too long.
pub(super) fn check_schema(schema: &str) -> Result<()> {
    let letters = schema.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if letters && schema.starts_with(|c: char| c.is_ascii_lowercase()) && schema.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the schema {schema:?}, with the namespace, is not 1 to {NAME_BYTES_MAX} lowercase letters, digits and \
         underscores, beginning with a letter"
    )))
}

/// A database, as far as statements depend on it.
pub(super) async fn counting(connection: &mut Connection) -> Result<Counting> {
    let failed = |e| error::of("could not open the store", e);
    let sql = "SELECT LEN(N'\u{1f600}' COLLATE Latin1_General_100_BIN2)";
    let row = connection.batch(sql).await.map_err(failed)?.into_iter().flatten().next();
    let length = row.map(Fields::from).map(|mut row| row.number(0)).transpose()?;
    Ok(if length == Some(1) { Counting::Characters } else { Counting::Utf16 })
}

/// Opens the store, creating what is missing when the options say so, safely against other processes that do
/// the same (rule 19).
pub(super) async fn open(
    connection: &mut Connection,
    options: &SqlServerOptions,
    statements: &Statements,
) -> Result<Identity> {
    if let Some(identity) = identity(connection, options, statements).await? {
        return Ok(identity);
    }
    if !options.create {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!("{} holds no Annals store in schema {:?}", options.server, statements.schema),
        ));
    }
    begin_alone(connection, CREATION, FAILED_TO_CREATE).await?;
    // Somebody else may have made it while this one waited.
    if identity(connection, options, statements).await?.is_none() {
        run(connection, options, statements).await?;
    }
    commit(connection, FAILED_TO_CREATE).await?;
    identity(connection, options, statements)
        .await?
        .ok_or_else(|| Error::new(ErrorKind::Internal, "the store was created and is not there"))
}

/// Makes what is missing of a store that no newer version has made. The procedures that are there are made
/// anew.
pub(super) async fn apply(
    connection: &mut Connection,
    options: &SqlServerOptions,
    statements: &Statements,
) -> Result<()> {
    identity(connection, options, statements).await?;
    create(connection, options, statements).await
}

const FAILED_TO_CREATE: &str = "could not create the store's tables";

/// How long a creation waits for others that create.
const CREATE_WAIT_MAX: i32 = 60_000;

/// Whoever creates or drops a store is alone with that.
const CREATION: &str = "annals: create a store";

/// All of it is one transaction.
async fn create(
    connection: &mut Connection,
    options: &SqlServerOptions,
    statements: &Statements,
) -> Result<()> {
    begin_alone(connection, CREATION, FAILED_TO_CREATE).await?;
    run(connection, options, statements).await?;
    commit(connection, FAILED_TO_CREATE).await
}

/// Runs the script in the transaction that is open.
async fn run(connection: &mut Connection, options: &SqlServerOptions, statements: &Statements) -> Result<()> {
    for batch in statements.batches(options.hash_chain) {
        connection.batch(&batch).await.map_err(|e| error::of(FAILED_TO_CREATE, e))?;
    }
    Ok(())
}

async fn commit(connection: &mut Connection, doing: &str) -> Result<()> {
    let ended = connection.batch("COMMIT TRANSACTION").await;
    ended.map(std::mem::drop).map_err(|e| error::of_commit(doing, e))
}

/// Begins a transaction that nobody else is in who asks for the same name.
async fn begin_alone(connection: &mut Connection, name: &str, doing: &str) -> Result<()> {
    let sql =
        format!("SET TRANSACTION ISOLATION LEVEL READ COMMITTED;\nBEGIN TRANSACTION;\n{}", asking_for(name));
    let answer = connection.batch(&sql).await;
    granted(answer, doing)
}

/// Lets nobody else into the transaction that is open who asks for the same name.
pub(super) async fn alone(client: &mut Client, name: &str, doing: &str) -> Result<()> {
    let answer = batch(client, &asking_for(name)).await;
    granted(answer, doing)
}

fn asking_for(name: &str) -> String {
    format!(
        "DECLARE @granted int;\nEXEC @granted = sp_getapplock @Resource = N'{name}', @LockMode = N'Exclusive', \
         @LockOwner = N'Transaction', @LockTimeout = {CREATE_WAIT_MAX};\nSELECT @granted;"
    )
}

fn granted(answer: Result<Vec<Vec<Row>>, Failure>, doing: &str) -> Result<()> {
    let sets = answer.map_err(|e| error::of(doing, e))?;
    let granted = sets.into_iter().flatten().next().map(Fields::from).map(|mut row| row.integer(0));
    match granted.transpose()?.flatten() {
        Some(0..) => Ok(()),
        _ => Err(Error::new(
            ErrorKind::Unavailable,
            format!("{doing}: others have been creating theirs for {} seconds", CREATE_WAIT_MAX / 1000),
        )),
    }
}

/// Drops a store, and its schema where nothing else is in it, in one transaction.
pub(super) async fn drop(connection: &mut Connection, statements: &Statements) -> Result<()> {
    const DOING: &str = "could not drop the store's tables";
    begin_alone(connection, CREATION, DOING).await?;
    let procedures = ["append", "write"].map(|name| ("PROCEDURE", name));
    let tables = ["truncate_guard", "events", "event_tags", "checkpoints", "snapshots", "store"];
    let dropped = procedures.into_iter().chain(tables.map(|name| ("TABLE", name)));
    for (kind, name) in dropped {
        let object = statements.text(&format!("{{s}}.[{name}]"));
        let sql = format!("IF OBJECT_ID(N'{object}') IS NOT NULL DROP {kind} {object}");
        connection.batch(&sql).await.map_err(|e| error::of(DOING, e))?;
    }
    let sql = format!(
        "IF SCHEMA_ID(N'{schema}') IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM sys.objects WHERE schema_id = SCHEMA_ID(N'{schema}')) \
         EXEC(N'DROP SCHEMA [{schema}]')",
        schema = statements.schema
    );
    connection.batch(&sql).await.map_err(|e| error::of(DOING, e))?;
    commit(connection, DOING).await
}

/// How the tables that are there differ from those that this version makes. It makes them, in a schema that
/// nobody else uses, looks at both with the same eyes, and drops them again.
pub(super) async fn diff(
    connection: &mut Connection,
    options: &SqlServerOptions,
    statements: &Statements,
) -> Result<Vec<Difference>> {
    let found = objects(connection, statements).await?;
    let unique = EventId::new().uuid().simple().to_string().split_off(24);
    let scratch = Statements::new(&format!("annals_diff_{unique}"));
    create(connection, options, &scratch).await?;
    let expected = objects(connection, &scratch).await;
    drop(connection, &scratch).await?;
    Ok(schema::differences(expected?, found))
}

/// What is in a schema, each object with its definition.
async fn objects(connection: &mut Connection, statements: &Statements) -> Result<Objects> {
    let params = vec![Param::Text(statements.schema.clone())];
    let sets = connection
        .query(include_str!("sql/objects.sql"), params)
        .await
        .map_err(|e| error::of("could not read the catalogue", e))?;
    let mut objects = Objects::new();
    for row in sets.into_iter().flatten() {
        let mut row = Fields::from(row);
        let (object, definition) = (row.required(0)?, row.required(1)?);
        let definition = definition.replace(&statements.text("{s}"), "[]");
        objects.insert(object, schema::words(&definition));
    }
    Ok(objects)
}

async fn identity(
    connection: &mut Connection,
    options: &SqlServerOptions,
    statements: &Statements,
) -> Result<Option<Identity>> {
    // A table that is not there is not named before it is known to be.
    let sql = statements.text(
        "IF OBJECT_ID(N'{s}.[store]', N'U') IS NOT NULL \
         SELECT schema_version, store_id, hash_formula FROM {s}.[store]",
    );
    let sets = connection.batch(&sql).await.map_err(|e| error::of("could not open the store", e))?;
    let Some(row) = sets.into_iter().flatten().next() else { return Ok(None) };
    let mut row = Fields::from(row);
    let (version, store_id, formula) = (row.number(0)?, row.uuid(1)?, row.text(2)?);
    Identity::of((version, SCHEMA_VERSION), store_id, formula.as_deref(), options.hash_chain).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::LogRange;
    use crate::query::{Position, Query, QueryItem, Scope};
    use crate::sql::Positions;

    /// Every text that is ever sent, but for what the look-up of an append puts together of the same parts.
    fn texts() -> Vec<String> {
        let statements = Statements::new("annals");
        let item = QueryItem {
            types: vec!["paid".parse().unwrap(), "sent".parse().unwrap()],
            tags: vec!["a:1".parse().unwrap(), "b:2".parse().unwrap()],
            scope: Scope::Prefix("order-".to_owned()),
        };
        let query = Query::from(item)
            .or(Query::stream("s".parse().unwrap()))
            .or(Query::types(["x".parse().unwrap()]));
        let mut texts = statements.batches(None);
        texts.extend(statements.batches(Some(HashFormula::AnnalsV1)));
        for direction in [Direction::Forward, Direction::Backward] {
            let range = LogRange { query: query.clone(), from: Position(7), direction, limit: usize::MAX };
            for dialect in [&statements.dialect, &statements.locked] {
                let positions = Positions::new(dialect, &range);
                texts.push(format!("{}{}", statements.declare_head, positions.events_sql(usize::MAX)));
                texts.push(positions.positions_sql(1));
            }
        }
        let Statements {
            schema: _,
            dialect: _,
            locked: _,
            call_append,
            call_write,
            select_tail,
            select_head,
            declare_head,
            stream_forward,
            stream_backward,
            by_ids,
            versions,
            list_streams,
            list_event_types,
            stats,
            load_checkpoint,
            insert_checkpoint,
            update_checkpoint,
            load_snapshot,
            save_snapshot,
            delete_snapshot,
        } = statements;
        texts.extend([
            call_append,
            call_write,
            select_tail,
            select_head,
            declare_head,
            stream_forward,
            stream_backward,
            by_ids,
            versions,
            list_streams,
            list_event_types,
            stats,
            load_checkpoint,
            insert_checkpoint,
            update_checkpoint,
            load_snapshot,
            save_snapshot,
            delete_snapshot,
        ]);
        texts.push(include_str!("sql/objects.sql").to_owned());
        texts.into_iter().map(|text| schema::words(&text)).collect()
    }

    #[test]
    fn every_statement_keeps_to_what_all_servers_take_alike() {
        let texts = texts();
        assert!(texts.len() > 50, "{}", texts.len());
        for text in &texts {
            for (word, why) in [
                ("MERGE ", "races with itself, and not every server has it"),
                ("CREATE OR ALTER", "newer than some servers"),
                ("DROP TABLE IF EXISTS", "newer than some servers"),
                ("OUTPUT", "triggers forbid it without INTO"),
                ("WITH (", "a lock hint: what has to be locked is locked by the application lock"),
                ("NOLOCK", "reads what is not committed"),
                ("WAITFOR", "waits in the server"),
                ("VALUES (@P", "rows travel as documents, so there are never 1,000 of them"),
                ("{", "a placeholder that nobody filled"),
            ] {
                let mut text = text.replace(") WITH (", ""); // what OPENJSON has
                // One row each.
                text = text
                    .replace("VALUES (@P1, @P2, @P3)", "")
                    .replace("VALUES (@P1, @P2, @P3, @P4, @P5)", "");
                // Filled where they are used.
                for known in ["{ids}", "{id}", "{streams}", "{bytes}"] {
                    text = text.replace(known, "");
                }
                assert!(!text.contains(word), "{word}: {why}: {text}");
            }
            // The least of the server's limit is two below what it says.
            let parameters = (1..).take_while(|n| text.contains(&format!("@P{n}"))).count();
            assert!(parameters < 2_098, "{parameters} parameters");
            if text.contains("CREATE TABLE")
                || text.contains("CREATE TRIGGER")
                || text.contains("CREATE SCHEMA")
            {
                let guarded = text.starts_with("IF OBJECT_ID(") || text.starts_with("IF SCHEMA_ID(");
                assert!(guarded, "may not run again: {text}");
            }
        }
    }

    #[test]
    fn a_schema_that_would_need_quoting_is_refused() {
        for good in ["annals", "a1_b", &"a".repeat(128)] {
            check_schema(good).unwrap();
        }
        for bad in ["", "Annals", "1a", "a b", "a]b", "a'b", "\u{e9}", &"a".repeat(129)] {
            check_schema(bad).unwrap_err();
        }
    }
}
