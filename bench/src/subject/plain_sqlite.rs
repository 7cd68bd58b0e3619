//! SQLite as a careful application would use it without Annals: the same tables, indexes and triggers (Annals
//! creates them), the same settings, prepared statements, an expected version, and one transaction an
//! append. What it leaves out is the look-up of event ids, which makes a repeated append harmless.
//!
//! Several writers share one connection behind a mutex and wait for the disk where they are called. One
//! connection each with a busy timeout was not measured: SQLite's writers then poll for the lock.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use annals::backend::BoxFuture;
use annals::sqlite::{SqliteOptions, SqliteStore};
use annals::{EventId, Timestamp};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Row, params};

use super::{Fact, Outcome, Pauses, Subject};

const COLUMNS: &str = "position, event_id, stream_id, stream_version, event_type, schema_version, occurred_at, \
    recorded_at, payload, content_type, metadata, source, correlation_id, causation_id, traceparent, \
    tracestate, tags, predecessor_hash, hash";

pub(crate) struct Plain {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

pub(super) async fn open(file: PathBuf) -> Outcome<Plain> {
    drop(SqliteStore::open(SqliteOptions::new(&file)).await?);
    let connect = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(&file)?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA recursive_triggers = ON; PRAGMA cache_size = -65536; \
             PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 12000; PRAGMA trusted_schema = OFF;",
        )?;
        Ok(connection)
    };
    let reader = connect()?;
    reader.execute_batch("PRAGMA query_only = ON; PRAGMA mmap_size = 268435456;")?;
    Ok(Plain { writer: Mutex::new(connect()?), reader: Mutex::new(reader) })
}

impl Plain {
    fn write(&self, stream: &str, expected: u64, facts: &[Fact]) -> Outcome<()> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let result = write_in(&writer, stream, expected, facts);
        writer.prepare_cached(if result.is_ok() { "COMMIT" } else { "ROLLBACK" })?.execute([])?;
        result
    }

    fn read(&self, sql: &str, parameters: impl rusqlite::Params) -> Outcome<Vec<Stored>> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let mut select = reader.prepare_cached(sql)?;
        let rows = select.query_map(parameters, stored)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn write_in(connection: &Connection, stream: &str, expected: u64, facts: &[Fact]) -> Outcome<()> {
    let (mut position, last_recorded_at): (i64, i64) = connection
        .prepare_cached("SELECT last_position, last_recorded_at FROM annals_store")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let version: Option<i64> = connection
        .prepare_cached("SELECT max(stream_version) FROM annals_events WHERE stream_id = ?1")?
        .query_row([stream], |row| row.get(0))?;
    let mut version = version.unwrap_or(0);
    if u64::try_from(version)? != expected {
        return Err(format!("stream {stream:?} is at version {version}, expected {expected}").into());
    }
    let recorded_at = Timestamp::now().unix_micros().max(last_recorded_at);
    let category = stream.split(['-', '/']).next().unwrap_or(stream);
    let mut insert = connection.prepare_cached(
        "INSERT INTO annals_events (position, event_id, stream_id, stream_version, category, event_type, \
         schema_version, occurred_at, recorded_at, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9)",
    )?;
    for fact in facts {
        position += 1;
        version += 1;
        let occurred_at = Timestamp::now().unix_micros();
        let id = EventId::new().uuid();
        insert.execute(params![
            position,
            id.as_bytes(),
            stream,
            version,
            category,
            fact.event_type,
            occurred_at,
            recorded_at,
            fact.payload
        ])?;
    }
    connection
        .prepare_cached("UPDATE annals_store SET last_position = ?1, last_recorded_at = ?2")?
        .execute([position, recorded_at])?;
    Ok(())
}

/// A row as an application keeps it; only its making is measured.
struct Stored {
    _position: i64,
    _event_id: [u8; 16],
    _stream_id: String,
    _stream_version: i64,
    _event_type: String,
    _schema_version: i64,
    _occurred_at: i64,
    _recorded_at: i64,
    _payload: String,
    _texts: [Option<String>; 8],
    _hashes: [Option<[u8; 32]>; 2],
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        _position: row.get(0)?,
        _event_id: row.get(1)?,
        _stream_id: row.get(2)?,
        _stream_version: row.get(3)?,
        _event_type: row.get(4)?,
        _schema_version: row.get(5)?,
        _occurred_at: row.get(6)?,
        _recorded_at: row.get(7)?,
        _payload: row.get(8)?,
        _texts: [
            row.get(9)?,
            row.get(10)?,
            row.get(11)?,
            row.get(12)?,
            row.get(13)?,
            row.get(14)?,
            row.get(15)?,
            row.get(16)?,
        ],
        _hashes: [row.get(17)?, row.get(18)?],
    })
}

impl Subject for Plain {
    fn append<'a>(&'a self, stream: &'a str, expected: u64, facts: Vec<Fact>) -> BoxFuture<'a, Outcome<()>> {
        Box::pin(async move {
            self.write(stream, expected, &facts)?;
            // The other writers of this thread have their turn.
            tokio::task::yield_now().await;
            Ok(())
        })
    }

    fn read_stream<'a>(&'a self, stream: &'a str) -> BoxFuture<'a, Outcome<u64>> {
        let sql = format!("SELECT {COLUMNS} FROM annals_events WHERE stream_id = ?1 ORDER BY stream_version");
        Box::pin(async move { Ok(self.read(&sql, [stream])?.len() as u64) })
    }

    fn read_all(&self) -> BoxFuture<'_, Outcome<u64>> {
        Box::pin(async move {
            let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
            let mut select =
                reader.prepare_cached(&format!("SELECT {COLUMNS} FROM annals_events ORDER BY position"))?;
            let mut rows = select.query([])?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                drop(stored(row)?);
                count += 1;
            }
            Ok(count)
        })
    }

    fn deliveries(&self, _time: Duration, _pauses: Pauses) -> BoxFuture<'_, Outcome<Option<Vec<Duration>>>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}
