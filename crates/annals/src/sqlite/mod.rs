//! SQLite: an embedded store in one file, the default. Bundled, so nothing has to be installed.
//!
//! | promise | how |
//! | --- | --- |
//! | every capability | one database file, one writer at a time |
//! | rule 9 | the write lock is taken before positions are given out, so they are committed in order |
//! | rule 15 | triggers, which also stop REPLACE and upserts from any other program |
//! | rule 16 | WAL with `synchronous = FULL`; power loss as far as the disk keeps its promise to sync |
//! | readers | never block the writer and are not blocked by it |
//!
//! Several processes may use one file on a local disk at once; a network file system may not hold it, since
//! WAL needs shared memory. A URL is `sqlite:orders.db`, with `namespace`, `hash_chain` and `create=no`
//! behind a `?`.

mod append;
#[cfg(feature = "declared")]
mod declared;
mod error;
mod lane;
mod projection;
mod read;
mod row;
mod schema;

pub use crate::project::{Progress, ProjectionResult};
pub use projection::{Projection, control, target};
pub use rusqlite;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tokio::sync::watch;

use crate::append::{Append, Appended};
use crate::backend::{
    Backend, BoxFuture, Capabilities, Durability, EventTypeInfo, HashFormula, Head, LogPage, LogRange,
    RewriteAttempt, Stats, StoreId, StreamInfo, StreamPage, StreamRange,
};
use crate::error::{Conflict, Error, ErrorKind, Result};
use crate::event::{EventId, EventType, RecordedEvent, Source};
use crate::namespace::Namespace;
use crate::query::Position;
use crate::schema::Difference;
use crate::snapshot::{Snapshot, SnapshotKey};
use crate::stream::{StreamId, Version};
use crate::subscribe::Checkpoint;

use self::append::Writer;
use self::lane::Lane;
use self::read::Reader;
use self::schema::Statements;

/// A batch that lately took less than this is written by the task that has the turn. A thread of the runtime
/// is busy that long; handing the batch to another thread and the answers back would cost more.
const INLINE_COMMIT_MAX: Duration = Duration::from_millis(4);

/// A read that lately took less than this runs in the calling task.
const INLINE_READ_MAX: Duration = Duration::from_micros(200);

/// How many connections read at once.
const READERS_MAX: usize = 8;

/// How soon a waiting reader sees what another process has written.
const POLL: Duration = Duration::from_millis(20);

/// The longest a waiting reader sleeps without being asked again.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// How to open a store.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The database file.
    pub path: PathBuf,
    /// Which store in the file; the default one when `None`.
    pub namespace: Option<Namespace>,
    /// The hash chain of a store that is created, or that an existing one is required to have.
    pub hash_chain: Option<HashFormula>,
    /// Create the file and the tables where they are missing.
    pub create: bool,
}

impl SqliteOptions {
    /// The default store of a file, created where it is missing.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), namespace: None, hash_chain: None, create: true }
    }
}

/// A store in an SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    namespace: Option<Namespace>,
    store_id: StoreId,
    source: Source,
    formula: Option<HashFormula>,
    statements: Statements,
    /// `None` after an error that leaves a connection in doubt.
    writer: Mutex<Option<Connection>>,
    readers: Mutex<Vec<Connection>>,
    reading: Arc<tokio::sync::Semaphore>,
    /// The last position that this process knows of.
    last: watch::Sender<Position>,
    commits: Arc<Lane>,
    stream_reads: Arc<Lane>,
    log_reads: Arc<Lane>,
    lookups: Arc<Lane>,
}

impl SqliteStore {
    /// Opens a store, on tokio's blocking pool.
    ///
    /// # Errors
    /// Unavailable when the file cannot be opened, corrupt when it is not an SQLite database or holds no
    /// store and may not be given one, invalid when a newer Annals wrote it.
    pub async fn open(options: SqliteOptions) -> Result<Self> {
        apart(move || Inner::open(options)).await
    }

    /// The statements that make a store, for somebody to read and to run by hand, in one transaction and in a
    /// file with `PRAGMA journal_mode = WAL`.
    pub fn schema_sql(options: &SqliteOptions) -> String {
        schema::script(&Statements::new(options.namespace.as_ref()), options.hash_chain)
    }

    /// Makes what is missing of a store; leaves what is there as it is.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn apply_schema(options: SqliteOptions) -> Result<()> {
        apart(move || {
            let statements = Statements::new(options.namespace.as_ref());
            let mut connection = connect(&options.path, options.create)?;
            schema::apply(&mut connection, &options.path, &statements, options.hash_chain)
        })
        .await
    }

    /// How what is there differs from what [`schema_sql`](Self::schema_sql) makes.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn schema_diff(options: SqliteOptions) -> Result<Vec<Difference>> {
        apart(move || {
            let statements = Statements::new(options.namespace.as_ref());
            let connection = connect(&options.path, false)?;
            schema::diff(&connection, &statements, options.hash_chain)
                .map_err(|e| error::of(&format!("could not compare {}", options.path.display()), e))
        })
        .await
    }

    /// The file the store is in.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Reads through a connection of its own kind of lane.
    fn read<T: Send + 'static>(
        &self,
        lane: &Arc<Lane>,
        doing: &'static str,
        read: impl Fn(&Reader<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T>> {
        let inner = self.inner.clone();
        let run = move |inner: &Inner| {
            inner
                .with_reader(|connection| {
                    read(&Reader {
                        connection,
                        statements: &inner.statements,
                        source: &inner.source,
                        store_id: inner.store_id,
                    })
                })
                .map_err(|e| error::of(doing, e))
        };
        let lane = lane.clone();
        match self.inner.reading.clone().try_acquire_owned() {
            Ok(permit) => flatten(lane.run(
                (inner, run, permit),
                |(inner, run, _permit)| Ok(run(&inner)),
                |(inner, run, _permit)| run(&inner),
            )),
            Err(_) => Box::pin(async move {
                let permit = inner.reading.clone().acquire_owned().await;
                flatten(lane.run((inner, run, permit), Err, |(inner, run, _permit)| run(&inner))).await
            }),
        }
    }

    /// Writes something small beside the log in a transaction of its own.
    fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        write: impl FnOnce(&Connection, &Statements) -> Result<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T>> {
        let inner = self.inner.clone();
        let task = tokio::task::spawn_blocking(move || {
            inner.with_writer(|connection| {
                let tx = connection
                    .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
                    .map_err(|e| error::of(doing, e))?;
                let result = write(&tx, &inner.statements)?;
                tx.commit().map_err(error::of_commit)?;
                Ok(result)
            })
        });
        Box::pin(async move {
            task.await.map_err(|e| {
                Error::with_source(ErrorKind::Indeterminate, "the thread working on the database ended", e)
            })?
        })
    }
}

/// Runs something that opens a file on tokio's blocking pool.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::with_source(ErrorKind::Internal, "opening the store panicked", e))?
}

fn flatten<T: Send + 'static>(
    future: BoxFuture<'static, Result<Result<T>>>,
) -> BoxFuture<'static, Result<T>> {
    Box::pin(async move { future.await? })
}

impl Inner {
    fn open(options: SqliteOptions) -> Result<SqliteStore> {
        let statements = Statements::new(options.namespace.as_ref());
        if options.path.as_os_str().is_empty() || options.path.as_os_str() == ":memory:" {
            return Err(Error::invalid(
                "an SQLite store needs a file: its readers have connections of their own",
            ));
        }
        let mut connection = connect(&options.path, options.create)?;
        let identity =
            schema::open(&mut connection, &options.path, &statements, options.create, options.hash_chain)?;
        let source = Source::new(format!("urn:uuid:{}", identity.store_id.0))?;
        let inner = Self {
            path: options.path,
            namespace: options.namespace,
            store_id: identity.store_id,
            source,
            formula: identity.formula,
            statements,
            writer: Mutex::new(Some(connection)),
            readers: Mutex::default(),
            reading: Arc::new(tokio::sync::Semaphore::new(READERS_MAX)),
            last: watch::Sender::new(Position::START),
            commits: Lane::new(INLINE_COMMIT_MAX),
            stream_reads: Lane::new(INLINE_READ_MAX),
            log_reads: Lane::new(INLINE_READ_MAX),
            lookups: Lane::new(INLINE_READ_MAX),
        };
        Ok(SqliteStore { inner: Arc::new(inner) })
    }

    fn with_reader<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let connection = Connection::open_with_flags(&self.path, flags(false))?;
                schema::prepare(&connection)?;
                connection.execute_batch("PRAGMA query_only = ON; PRAGMA mmap_size = 268435456;")?;
                connection
            }
        };
        let result = read(&connection);
        if result.is_ok() {
            self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        result
    }

    fn with_writer<T>(&self, write: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.use_writer(&mut writer, write)
    }

    fn use_writer<T>(
        &self,
        writer: &mut Option<Connection>,
        write: impl FnOnce(&mut Connection) -> Result<T>,
    ) -> Result<T> {
        // Taken out while in use: a panic leaves no half-used connection behind.
        let mut connection = match writer.take() {
            Some(connection) => connection,
            None => {
                let connection = connect(&self.path, false)?;
                schema::prepare(&connection).map_err(|e| error::of("could not open the store", e))?;
                connection
            }
        };
        let result = write(&mut connection);
        let in_doubt = matches!(&result, Err(e) if e.kind() == ErrorKind::Indeterminate);
        if !in_doubt && connection.is_autocommit() {
            *writer = Some(connection);
        }
        result
    }

    fn append(&self, connection: &mut Connection, batch: &[Append]) -> Result<Vec<Result<Appended>>> {
        let writer = Writer {
            statements: &self.statements,
            store_id: self.store_id,
            source: &self.source,
            formula: self.formula,
        };
        let (results, last) = writer.append(connection, batch)?;
        self.last.send_if_modified(|known| {
            let moved = *known < last;
            *known = last.max(*known);
            moved
        });
        Ok(results)
    }

    /// Appends at once, or gives up where it would have to wait for another writer.
    fn append_without_waiting(&self, batch: &[Append]) -> Option<Result<Vec<Result<Appended>>>> {
        let mut writer = match self.writer.try_lock() {
            Ok(writer) => writer,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let result = self.use_writer(&mut writer, |connection| {
            let failed = |e| error::of("could not append", e);
            connection.busy_timeout(Duration::ZERO).map_err(failed)?;
            let result = self.append(connection, batch);
            connection.busy_timeout(schema::BUSY_TIMEOUT).map_err(failed)?;
            result
        });
        match result {
            Err(e) if e.kind() == ErrorKind::Unavailable => None,
            done => Some(done),
        }
    }
}

fn flags(create: bool) -> OpenFlags {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create { flags | OpenFlags::SQLITE_OPEN_CREATE } else { flags }
}

fn connect(path: &Path, create: bool) -> Result<Connection> {
    if !create && !path.exists() {
        let message = format!("could not open {}: there is no such file", path.display());
        return Err(Error::new(ErrorKind::Unavailable, message));
    }
    Connection::open_with_flags(path, flags(create))
        .map_err(|e| error::of(&format!("could not open {}", path.display()), e))
}

impl Backend for SqliteStore {
    fn capabilities(&self) -> &Capabilities {
        &Capabilities::ALL
    }

    fn store_id(&self) -> StoreId {
        self.inner.store_id
    }

    fn hash_formula(&self) -> Option<HashFormula> {
        self.inner.formula
    }

    fn append(&self, batch: Arc<[Append]>) -> BoxFuture<'_, Result<Vec<Result<Appended>>>> {
        flatten(self.inner.commits.run(
            (self.inner.clone(), batch),
            |(inner, batch)| inner.append_without_waiting(&batch).ok_or((inner, batch)),
            |(inner, batch)| inner.with_writer(|connection| inner.append(connection, &batch)),
        ))
    }

    fn read_stream(&self, range: StreamRange) -> BoxFuture<'_, Result<StreamPage>> {
        self.read(&self.inner.stream_reads, "could not read the stream", move |reader| reader.stream(&range))
    }

    fn read_log(&self, range: LogRange) -> BoxFuture<'_, Result<LogPage>> {
        self.read(&self.inner.log_reads, "could not read the log", move |reader| reader.log(&range))
    }

    fn head(&self) -> BoxFuture<'_, Result<Head>> {
        self.read(&self.inner.lookups, "could not read the end of the log", |reader| reader.head())
    }

    fn wait(&self, position: Position) -> BoxFuture<'_, ()> {
        let mut last = self.inner.last.subscribe();
        Box::pin(async move {
            let give_up = tokio::time::Instant::now() + WAIT_MAX;
            while tokio::time::Instant::now() < give_up {
                // A write of this process wakes at once; one of another process is looked for.
                let woken = tokio::time::timeout(POLL, last.wait_for(|last| *last > position)).await.is_ok();
                if woken || self.head().await.map_or(true, |head| head.position > position) {
                    return;
                }
            }
        })
    }

    fn events_by_id(&self, ids: Vec<EventId>) -> BoxFuture<'_, Result<Vec<RecordedEvent>>> {
        self.read(&self.inner.lookups, "could not look up events", move |reader| reader.by_id(&ids))
    }

    fn list_streams(
        &self,
        prefix: String,
        after: Option<StreamId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StreamInfo>>> {
        self.read(&self.inner.log_reads, "could not list streams", move |reader| {
            reader.streams(&prefix, after.as_ref(), limit)
        })
    }

    fn list_event_types(
        &self,
        after: Option<EventType>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<EventTypeInfo>>> {
        self.read(&self.inner.log_reads, "could not list event types", move |reader| {
            reader.event_types(after.as_ref(), limit)
        })
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats>> {
        self.read(&self.inner.log_reads, "could not count", |reader| reader.stats())
    }

    fn load_checkpoint(&self, name: String) -> BoxFuture<'_, Result<Option<Checkpoint>>> {
        let inner = self.inner.clone();
        self.read(&self.inner.lookups, "could not load the checkpoint", move |reader| {
            load_checkpoint(reader.connection, &inner.statements, &name)
        })
    }

    fn save_checkpoint(
        &self,
        name: String,
        previous: Option<Checkpoint>,
        next: Checkpoint,
    ) -> BoxFuture<'_, Result<()>> {
        const DOING: &str = "could not save the checkpoint";
        self.write(DOING, move |tx, statements| {
            let actual = load_checkpoint(tx, statements, &name).map_err(|e| error::of(DOING, e))?;
            if actual != previous {
                return Err(Conflict::Checkpoint { name, actual }.into());
            }
            tx.execute(&statements.save_checkpoint, (&name, next.as_str()))
                .map_err(|e| error::of(DOING, e))?;
            Ok(())
        })
    }

    fn load_snapshot(&self, key: SnapshotKey) -> BoxFuture<'_, Result<Option<Snapshot>>> {
        let inner = self.inner.clone();
        self.read(&self.inner.lookups, "could not load the snapshot", move |reader| {
            reader
                .connection
                .prepare_cached(&inner.statements.load_snapshot)?
                .query_row((key.stream_id.as_str(), key.name.as_str()), |found| {
                    Ok(Snapshot {
                        stream_version: Version(row::number(found, 0)?),
                        state_version: found.get(1)?,
                        state: row::json(found, 2)?,
                    })
                })
                .optional()
        })
    }

    fn save_snapshot(&self, key: SnapshotKey, snapshot: Snapshot) -> BoxFuture<'_, Result<()>> {
        const DOING: &str = "could not save the snapshot";
        self.write(DOING, move |tx, statements| {
            tx.execute(
                &statements.save_snapshot,
                (
                    key.stream_id.as_str(),
                    key.name.as_str(),
                    row::integer(snapshot.stream_version.0),
                    snapshot.state_version,
                    snapshot.state.as_str(),
                ),
            )
            .map(drop)
            .map_err(|e| error::of(DOING, e))
        })
    }

    fn delete_snapshot(&self, key: SnapshotKey) -> BoxFuture<'_, Result<()>> {
        const DOING: &str = "could not delete the snapshot";
        self.write(DOING, move |tx, statements| {
            tx.execute(&statements.delete_snapshot, (key.stream_id.as_str(), key.name.as_str()))
                .map(drop)
                .map_err(|e| error::of(DOING, e))
        })
    }

    fn durability(&self) -> BoxFuture<'_, Result<Durability>> {
        let inner = self.inner.clone();
        Box::pin(async move {
            inner.with_writer(|connection| {
                let setting = |name: &str| {
                    connection
                        .query_row(&format!("PRAGMA {name}"), [], |row| {
                            row.get::<_, rusqlite::types::Value>(0)
                        })
                        .map_err(|e| error::of("could not read the settings", e))
                };
                let journal_mode = match setting("journal_mode")? {
                    rusqlite::types::Value::Text(mode) => mode,
                    other => format!("{other:?}"),
                };
                let synchronous = match setting("synchronous")? {
                    rusqlite::types::Value::Integer(level) => level,
                    _ => -1,
                };
                let level = match synchronous {
                    0 => "OFF",
                    1 => "NORMAL",
                    2 => "FULL",
                    3 => "EXTRA",
                    _ => "unknown",
                };
                Ok(Durability {
                    durable: synchronous >= 2,
                    settings: format!("journal_mode={journal_mode} synchronous={level}"),
                })
            })
        })
    }

    fn attempt_rewrites(&self) -> BoxFuture<'_, Result<Vec<RewriteAttempt>>> {
        let inner = self.inner.clone();
        let task = tokio::task::spawn_blocking(move || {
            attempt_rewrites(&inner).map_err(|e| error::of("could not try to change the log", e))
        });
        Box::pin(async move {
            task.await.map_err(|e| Error::with_source(ErrorKind::Internal, "the attempt panicked", e))?
        })
    }

    fn drop_namespace(&self) -> BoxFuture<'_, Result<()>> {
        if self.inner.namespace.is_none() {
            let refused = Error::invalid("the default namespace is not dropped");
            return Box::pin(std::future::ready(Err(refused)));
        }
        self.write("could not drop the namespace", move |tx, statements| {
            let p = &statements.prefix;
            let drops: String =
                schema::TABLES.iter().map(|table| format!("DROP TABLE {p}{table};")).collect();
            tx.execute_batch(&drops).map_err(|e| error::of("could not drop the namespace", e))
        })
    }
}

fn load_checkpoint(
    connection: &Connection,
    statements: &Statements,
    name: &str,
) -> rusqlite::Result<Option<Checkpoint>> {
    connection
        .prepare_cached(&statements.load_checkpoint)?
        .query_row([name], |found| row::parse(found, 0))
        .optional()
}

/// Every statement a program could change the log with, on a connection that has set nothing (so
/// `recursive_triggers` is off), each undone again.
fn attempt_rewrites(inner: &Inner) -> rusqlite::Result<Vec<RewriteAttempt>> {
    let p = &inner.statements.prefix;
    let row = format!(
        "INTO {p}events SELECT position + 1000000, event_id, stream_id, stream_version + 1000000, category, \
         'forged', 1, 0, 0, '{{}}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL \
         FROM {p}events WHERE position = (SELECT min(position) FROM {p}events)"
    );
    let by_stream = row
        .replace("position + 1000000, event_id", "position + 1000000, randomblob(16)")
        .replace("stream_version + 1000000", "stream_version");
    let by_position = row.replace("position + 1000000, event_id", "position, randomblob(16)");
    let statements = [
        format!("UPDATE {p}events SET payload = '{{}}'"),
        format!("UPDATE {p}events SET position = position + 1000000"),
        format!("DELETE FROM {p}events"),
        format!("REPLACE {row}"),
        format!("REPLACE {by_stream}"),
        format!("INSERT OR REPLACE {by_position}"),
        format!("INSERT {row} ON CONFLICT (event_id) DO UPDATE SET payload = '{{}}'"),
        format!("INSERT OR IGNORE {by_position}"),
        format!("DELETE FROM {p}event_tags"),
        format!("INSERT INTO {p}event_tags SELECT 'forged', min(position) FROM {p}events"),
        format!("UPDATE {p}store SET last_position = 0"),
        format!("DELETE FROM {p}store"),
    ];
    let mut connection = Connection::open_with_flags(&inner.path, flags(false))?;
    connection.busy_timeout(schema::BUSY_TIMEOUT)?;
    statements
        .into_iter()
        .map(|statement| {
            let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let refusal = match tx.execute(&statement, []) {
                Err(e) => Some(e.to_string()),
                Ok(0) => Some("no row was changed".to_owned()),
                Ok(_) => None,
            };
            tx.rollback()?;
            Ok(RewriteAttempt { statement, refusal })
        })
        .collect()
}
