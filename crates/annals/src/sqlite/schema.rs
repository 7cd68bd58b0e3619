//! Creating and opening a store's tables, and the text of its statements.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use uuid::Uuid;

use crate::backend::{HashFormula, StoreId};
use crate::error::{Error, ErrorKind, Result};
use crate::namespace::Namespace;
use crate::schema::{self, Difference, Objects};

use super::error;

/// The version of the tables this code writes and reads.
const SCHEMA_VERSION: i64 = 1;

/// The tables of a store, those that others refer to last.
pub(super) const TABLES: [&str; 5] = ["event_tags", "events", "checkpoints", "snapshots", "store"];

/// How long a statement waits for another process's write lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a lock that SQLite does not wait for is tried.
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// The statements of one store, with its table names in them.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) prefix: String,
    pub(super) columns: &'static str,
    pub(super) insert_event: String,
    pub(super) insert_tag: String,
    pub(super) update_store: String,
    pub(super) select_store: String,
    pub(super) select_by_id: String,
    pub(super) stream_version: String,
    pub(super) stream_probe: String,
    pub(super) stream_forward: String,
    pub(super) stream_backward: String,
    pub(super) list_streams: String,
    pub(super) list_event_types: String,
    pub(super) stats: String,
    pub(super) load_checkpoint: String,
    pub(super) save_checkpoint: String,
    pub(super) load_snapshot: String,
    pub(super) save_snapshot: String,
    pub(super) delete_snapshot: String,
}

impl Statements {
    pub(super) fn new(namespace: Option<&Namespace>) -> Self {
        // A namespace holds no double underscore, so no two names of tables are the same.
        let prefix = match namespace {
            None => "annals_".to_owned(),
            Some(namespace) => format!("annals__{namespace}__"),
        };
        let columns = include_str!("sql/columns.sql").trim_end();
        let text = |sql: &str| sql.replace("{p}", &prefix).replace("{columns}", columns);
        Self {
            columns,
            insert_event: text(include_str!("sql/insert_event.sql")),
            insert_tag: text("INSERT OR FAIL INTO {p}event_tags (tag, position) VALUES (?1, ?2)"),
            update_store: text(include_str!("sql/update_store.sql")),
            select_store: text(
                "SELECT last_position, last_recorded_at, last_hash FROM {p}store WHERE store_id = ?1",
            ),
            select_by_id: text("SELECT {columns} FROM {p}events WHERE event_id = ?1"),
            stream_version: text("SELECT max(stream_version) FROM {p}events WHERE stream_id = ?1"),
            stream_probe: text(
                "SELECT position FROM {p}events WHERE stream_id = ?1 AND stream_version >= ?2 \
                 ORDER BY stream_version LIMIT 1",
            ),
            stream_forward: text(
                "SELECT {columns} FROM {p}events WHERE stream_id = ?1 AND stream_version >= ?2 \
                 ORDER BY stream_version LIMIT ?3",
            ),
            stream_backward: text(
                "SELECT {columns} FROM {p}events WHERE stream_id = ?1 AND stream_version <= ?2 \
                 ORDER BY stream_version DESC LIMIT ?3",
            ),
            list_streams: text(include_str!("sql/list_streams.sql")),
            list_event_types: text(include_str!("sql/list_event_types.sql")),
            stats: text(include_str!("sql/stats.sql")),
            load_checkpoint: text("SELECT checkpoint FROM {p}checkpoints WHERE name = ?1"),
            save_checkpoint: text(include_str!("sql/save_checkpoint.sql")),
            load_snapshot: text(
                "SELECT stream_version, state_version, state FROM {p}snapshots WHERE stream_id = ?1 AND name = ?2",
            ),
            save_snapshot: text(include_str!("sql/save_snapshot.sql")),
            delete_snapshot: text("DELETE FROM {p}snapshots WHERE stream_id = ?1 AND name = ?2"),
            prefix,
        }
    }
}

/// What a store says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    pub(super) store_id: StoreId,
    pub(super) formula: Option<HashFormula>,
}

/// The settings every connection needs. `synchronous = FULL` makes an acknowledged append durable in WAL
/// mode (<https://www.sqlite.org/pragma.html#pragma_synchronous>).
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Plans do not depend on bound values. Otherwise SQLite, built with STAT4, compiles `max(stream_version)`
    // anew each time it is given a stream, which costs more than running it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Forty-eight MiB of log between checkpoints: the pages that every batch touches are copied into the database
    // once for many batches.
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA recursive_triggers = ON; PRAGMA cache_size = -65536; \
         PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 12000; PRAGMA trusted_schema = OFF;",
    )
}

/// Opens the store's tables, creating them when `create` says so, safely against other processes that do
/// the same (rule 19).
pub(super) fn open(
    connection: &mut Connection,
    path: &Path,
    statements: &Statements,
    create: bool,
    formula: Option<HashFormula>,
) -> Result<Identity> {
    let failed = |e| error::of(&format!("could not open {}", path.display()), e);
    prepare(connection).map_err(failed)?;
    if !create {
        return identity(connection, path, statements, formula)?.ok_or_else(|| {
            Error::new(
                ErrorKind::Corrupt,
                format!(
                    "{} holds no Annals store: there is no table {}store",
                    path.display(),
                    statements.prefix
                ),
            )
        });
    }
    use_wal(connection).map_err(failed)?;
    if let Some(identity) = identity(connection, path, statements, formula)? {
        return Ok(identity);
    }
    apply(connection, path, statements, formula)?;
    identity(connection, path, statements, formula)?
        .ok_or_else(|| Error::new(ErrorKind::Internal, "the store was created and is not there"))
}

/// Switches the file to write-ahead logging, in which readers do not block the writer.
pub(super) fn use_wal(connection: &Connection) -> rusqlite::Result<()> {
    // Two processes that switch at once may meet a lock that no busy handler waits for.
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match connection.execute_batch("PRAGMA journal_mode = WAL;") {
            Err(e) if is_busy(&e) && Instant::now() < deadline => std::thread::sleep(BUSY_PAUSE),
            done => return done,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
    )
}

fn has_table(connection: &Connection, statements: &Statements) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)",
        [format!("{}store", statements.prefix)],
        |row| row.get(0),
    )
}

/// Everything that makes a store, in an order in which it may be run again and again.
pub(super) fn script(statements: &Statements, formula: Option<HashFormula>) -> String {
    let formula = formula.map_or_else(|| "NULL".to_owned(), |formula| format!("'{formula}'"));
    include_str!("sql/schema.sql")
        .replace("{p}", &statements.prefix)
        .replace("{schema_version}", &SCHEMA_VERSION.to_string())
        .replace("{hash_formula}", &formula)
}

/// Makes what is missing of a store that no newer version has made.
pub(super) fn apply(
    connection: &mut Connection,
    path: &Path,
    statements: &Statements,
    formula: Option<HashFormula>,
) -> Result<()> {
    let failed = |e| error::of(&format!("could not make the store in {}", path.display()), e);
    use_wal(connection).map_err(failed)?;
    identity(connection, path, statements, formula)?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    tx.execute_batch(&script(statements, formula)).map_err(failed)?;
    tx.commit().map_err(error::of_commit)
}

/// How the tables that are there differ from those that this version makes.
pub(super) fn diff(
    connection: &Connection,
    statements: &Statements,
    formula: Option<HashFormula>,
) -> rusqlite::Result<Vec<Difference>> {
    let found = objects(connection, statements)?;
    let scratch = Connection::open_in_memory()?;
    scratch.execute_batch(&script(statements, formula))?;
    Ok(schema::differences(objects(&scratch, statements)?, found))
}

/// What a store consists of, and what is attached to its tables, each object with its definition.
fn objects(connection: &Connection, statements: &Statements) -> rusqlite::Result<Objects> {
    let tables = TABLES.map(|table| format!("{}{table}", statements.prefix));
    connection
        .prepare(
            "SELECT type || ' ' || name, sql FROM sqlite_schema \
             WHERE sql IS NOT NULL AND tbl_name IN (?1, ?2, ?3, ?4, ?5)",
        )?
        .query_map(rusqlite::params_from_iter(tables), |row| {
            Ok((row.get(0)?, schema::words(&row.get::<_, String>(1)?)))
        })?
        .collect()
}

fn identity(
    connection: &Connection,
    path: &Path,
    statements: &Statements,
    wanted: Option<HashFormula>,
) -> Result<Option<Identity>> {
    let failed = |e| error::of(&format!("could not open {}", path.display()), e);
    if !has_table(connection, statements).map_err(failed)? {
        return Ok(None);
    }
    let row = connection
        .query_row(
            &format!("SELECT schema_version, store_id, hash_formula FROM {}store", statements.prefix),
            [],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 16]>(1)?, row.get::<_, Option<String>>(2)?)),
        )
        .optional()
        .map_err(failed)?;
    let Some((version, store_id, formula)) = row else {
        return Ok(None);
    };
    if version > SCHEMA_VERSION {
        return Err(Error::invalid(format!(
            "the store was written by a newer Annals: its schema version is {version}, this one knows up to \
             {SCHEMA_VERSION}; upgrade Annals"
        )));
    }
    let formula: Option<HashFormula> = formula.as_deref().map(str::parse).transpose()?;
    if wanted.is_some() && wanted != formula {
        return Err(Error::invalid(format!(
            "the store was created with hash chain {}, not {}",
            formula.map_or("none", HashFormula::name),
            wanted.map_or("none", HashFormula::name),
        )));
    }
    Ok(Some(Identity { store_id: StoreId(Uuid::from_bytes(store_id)), formula }))
}
