//! PostgreSQL, 13 and later: the events in a schema of the database a team already runs.
//!
//! | promise | how |
//! | --- | --- |
//! | every capability | one schema a store, one row whose lock orders appends |
//! | rule 9 | positions are given out under that lock, which is released after the commit is visible |
//! | rule 15 | triggers refuse UPDATE, DELETE, TRUNCATE and upserts to everybody who may not drop them |
//! | rule 16 | `synchronous_commit` is on for each append; `fsync` is the server's |
//! | waking | LISTEN and NOTIFY, one for a batch; every 25 ms a look where a pooler drops notifications |
//!
//! # The URL
//!
//! `postgres://user:password@host:5432/database?schema=annals`, `postgresql://` too. Options, besides `namespace`,
//! `hash_chain` and `create`:
//!
//! | option | meaning |
//! | --- | --- |
//! | `schema` | the schema of the store, `annals` unless given; a namespace is a schema `SCHEMA__NAMESPACE` |
//! | `connections` | the most connections of this process, 3 or more, 8 unless given: one writes, one listens, the others read |
//! | `sslmode` | `disable`, `prefer` (unless given), `require`, `verify-full`; only the last says who the server is |
//! | `sslrootcert` | the file of certificates, in PEM, that `verify-full` trusts |
//! | `prepared` | `auto`, `yes` or `no`: whether statements are kept prepared; `auto` does so where nothing is between this process and the server |
//! | `host` | a directory with the server's socket |
//!
//! # Roles
//!
//! A role that may not change the tables can do no harm to the log. One that appends needs
//!
//! ```sql
//! GRANT USAGE ON SCHEMA annals TO annals_writer;
//! GRANT SELECT ON ALL TABLES IN SCHEMA annals TO annals_writer;
//! GRANT INSERT ON annals.events, annals.event_tags TO annals_writer;
//! GRANT UPDATE (last_position, last_recorded_at, last_hash) ON annals.store TO annals_writer;
//! GRANT INSERT, UPDATE, DELETE ON annals.checkpoints, annals.snapshots TO annals_writer;
//! ```
//!
//! and one that reads the first two. The owner of the tables, and a superuser, can drop the triggers: no
//! database stops them.
//!
//! The guide, `docs/guide/postgres.md`, tells of the payload in SQL, of the application's own transactions, of
//! poolers, backups and databases that only speak PostgreSQL's protocol.

mod append;
mod connect;
#[cfg(feature = "declared")]
mod declared;
mod error;
mod projection;
mod read;
mod row;
mod schema;
mod tls;
mod transaction;
mod wake;

pub use connect::connect;
pub use projection::{Projection, control, target};
pub use tokio_postgres;
pub use transaction::Tx;

pub use crate::project::{Progress, ProjectionResult};

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_postgres::Transaction;

use crate::append::{Append, Appended};
use crate::backend::{
    BoxFuture, Capabilities, Durability, EventTypeInfo, HashFormula, Head, LogPage, LogRange, RewriteAttempt,
    Stats, StreamInfo, StreamPage, StreamRange,
};
use crate::connect::StoreUrl;
use crate::error::{Conflict, Error, ErrorKind, Result};
use crate::event::{EventId, EventType, RecordedEvent};
use crate::query::Position;
use crate::schema::Difference;
use crate::snapshot::{Snapshot, SnapshotKey};
use crate::sql::{self, Database, Identity, Link as _, Pool, Server, Tls, apart, in_time};
use crate::stream::{StreamId, Version};
use crate::subscribe::Checkpoint;

use self::append::Writer;
use self::connect::{Connection, Param};
use self::read::Reader;
use self::row::{integer, kinds};
use self::schema::Statements;
use self::wake::Wake;

/// The port of PostgreSQL.
const PORT: u16 = 5432;

/// The schema of a store whose URL names none.
const SCHEMA: &str = "annals";

/// How many connections a store has whose URL does not say.
const CONNECTIONS: usize = 8;

/// The connections that do not read: one writes, one listens.
const CONNECTIONS_RESERVED: usize = 2;

/// The longest a waiting reader sleeps without being asked again.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Whether statements are kept prepared on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Prepared {
    #[default]
    Auto,
    Yes,
    No,
}

/// How to open a store, as its URL says.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    server: Server,
    socket: Option<String>,
    schema: String,
    connections: usize,
    tls: Tls,
    tls_root: Option<PathBuf>,
    prepared: Prepared,
    hash_chain: Option<HashFormula>,
    namespace: bool,
    create: bool,
}

impl TryFrom<&StoreUrl> for PostgresOptions {
    type Error = Error;

    fn try_from(url: &StoreUrl) -> Result<Self> {
        let mut options = Self {
            server: Server::of(url, PORT)?,
            socket: None,
            schema: SCHEMA.to_owned(),
            connections: CONNECTIONS,
            tls: Tls::default(),
            tls_root: None,
            prepared: Prepared::default(),
            hash_chain: url.hash_chain,
            namespace: url.namespace.is_some(),
            create: url.create,
        };
        for (name, value) in &url.options {
            let wrong = |expected: &str| Error::invalid(format!("{name}={value}, expected {expected}"));
            match (name.as_str(), value.as_str()) {
                ("schema", schema) => options.schema = schema.to_owned(),
                ("connections", count) => {
                    let count = count.parse().ok().filter(|count| *count > CONNECTIONS_RESERVED);
                    options.connections = count.ok_or_else(|| wrong("a number from 3"))?;
                }
                ("sslmode", mode) => options.tls = mode.parse()?,
                ("sslrootcert", path) => options.tls_root = Some(path.into()),
                ("prepared", "auto") => options.prepared = Prepared::Auto,
                ("prepared", "yes") => options.prepared = Prepared::Yes,
                ("prepared", "no") => options.prepared = Prepared::No,
                ("prepared", _) => return Err(wrong("auto, yes or no")),
                ("host", directory) if directory.starts_with('/') => {
                    options.socket = Some(directory.to_owned());
                }
                ("host", _) => return Err(wrong("the directory of a socket, beginning with /")),
                _ => {
                    return Err(Error::invalid(format!(
                        "unknown option {name:?} in a postgres URL, expected namespace, hash_chain, create, \
                         schema, connections, sslmode, sslrootcert, prepared or host"
                    )));
                }
            }
        }
        if let Some(namespace) = &url.namespace {
            options.schema = format!("{}__{namespace}", options.schema);
        }
        Ok(options)
    }
}

impl fmt::Display for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.server.fmt(f)
    }
}

/// A store in a PostgreSQL database.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: PostgresOptions,
    identity: Identity,
    statements: Statements,
    /// `None` until the first append, and after an error that leaves a connection in doubt.
    writer: tokio::sync::Mutex<Option<Connection>>,
    pool: Arc<Pool<Connection>>,
    wake: Arc<Wake>,
    listener: Mutex<Option<tokio::task::AbortHandle>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            listener.abort();
        }
    }
}

impl PostgresStore {
    /// Opens a store, making its schema where it is missing and the options say so.
    ///
    /// # Errors
    /// Unavailable when the server cannot be reached; invalid when it refuses the login or is not trusted, when
    /// the database is not fit for a store or a newer Annals wrote it; corrupt when there is no store and none may be made.
    pub async fn open(options: PostgresOptions) -> Result<Self> {
        let statements = Statements::new(&options.schema)?;
        let connection = Connection::open(&options, None).await?;
        let identity = schema::open(&connection, &options, &statements).await?;
        let pool =
            Arc::new(Pool::new(options.clone(), options.connections - CONNECTIONS_RESERVED, Duration::MAX));
        Ok(Self {
            inner: Arc::new(Inner {
                options,
                identity,
                statements,
                writer: tokio::sync::Mutex::new(Some(connection)),
                pool,
                wake: Wake::new(),
                listener: Mutex::default(),
            }),
        })
    }

    /// Appends in a transaction that the application has begun, and commits it: events and whatever else it
    /// changed are there together or not at all (an outbox, tables beside the events, a read model that must
    /// never be behind). The append comes last, since from there to the commit all other appends wait. It
    /// shares no batch with others, so under many writers it costs what one transaction for each append
    /// costs.
    ///
    /// Where the same events were written before, by a transaction whose answer was lost, this one is rolled
    /// back and the first result comes back, marked duplicate.
    ///
    /// # Errors
    /// As [`EventStore::append`](crate::EventStore::append), and nothing of the transaction is committed;
    /// invalid when the transaction is not at READ COMMITTED, where it may have missed what others wrote;
    /// indeterminate when the answer to the commit is lost: repeat the whole with the same event ids.
    pub async fn append_in(&self, transaction: Transaction<'_>, append: Append) -> Result<Appended> {
        append.check(&Capabilities::ALL)?;
        let inner = &self.inner;
        let rows = transaction
            .query_typed("SELECT current_setting('transaction_isolation')", &[])
            .await
            .map_err(|e| error::of("could not append", e))?;
        let isolation: &str = row::get(rows.first().ok_or_else(sql::gone)?, 0)?;
        if isolation != "read committed" {
            return Err(Error::invalid(format!(
                "the transaction is at {}, where it may miss what others wrote before the append; begin it at \
                 READ COMMITTED",
                isolation.to_uppercase()
            )));
        }
        let writer =
            Writer { session: &transaction, statements: &inner.statements, identity: &inner.identity };
        let appended = writer.append_to(&append).await?;
        if appended.duplicate {
            transaction.rollback().await.map_err(|e| error::of("could not roll back", e))?;
            return Ok(appended);
        }
        transaction.commit().await.map_err(|e| error::of_commit("could not append", e))?;
        inner.wake.announce(appended.last_position);
        Ok(appended)
    }

    /// The statements that make a store, for somebody to read and to run by hand: `psql -1 -f`.
    ///
    /// # Errors
    /// Invalid for the name of a schema that PostgreSQL does not take.
    pub fn schema_sql(options: &PostgresOptions) -> Result<String> {
        Ok(Statements::new(&options.schema)?.script(options.hash_chain))
    }

    /// Makes what is missing of a store, and its functions and triggers anew; leaves tables as they are.
    ///
    /// # Errors
    /// As [`open`](Self::open); invalid when the login may not create.
    pub async fn apply_schema(options: &PostgresOptions) -> Result<()> {
        let statements = Statements::new(&options.schema)?;
        schema::apply(&Connection::open(options, None).await?, options, &statements).await
    }

    /// How what is there differs from what [`schema_sql`](Self::schema_sql) makes.
    ///
    /// # Errors
    /// As [`open`](Self::open); invalid when the login may not create, which it does to compare and takes
    /// back.
    pub async fn schema_diff(options: &PostgresOptions) -> Result<Vec<Difference>> {
        let statements = Statements::new(&options.schema)?;
        schema::diff(&Connection::open(options, None).await?, options, &statements).await
    }
}

impl Inner {
    async fn write(&self, batch: &[Append]) -> Result<Vec<Result<Appended>>> {
        let mut place = self.writer.lock().await;
        let connection = match place.take() {
            Some(connection) if !connection.is_closed() => connection,
            // A login that is refused now was not when the store was opened, and may not be the next time.
            _ => Connection::open(&self.options, None).await.map_err(|e| {
                Error::with_source(ErrorKind::Unavailable, "could not append: not connected", e)
            })?,
        };
        let writer = Writer { session: &connection, statements: &self.statements, identity: &self.identity };
        let (results, last) =
            in_time("could not append", ErrorKind::Indeterminate, writer.append(batch)).await?;
        // After an error of the whole batch nobody knows what the connection is in the middle of.
        *place = Some(connection);
        drop(place);
        if let Some(last) = last {
            self.wake.announce(last);
        }
        Ok(results)
    }

    /// Reads through a connection that nobody else uses meanwhile.
    async fn read<T>(&self, doing: &str, read: impl AsyncFnOnce(&Reader<'_>) -> Result<T>) -> Result<T> {
        let taken = self.pool.take().await?;
        let reader =
            Reader { connection: &taken.connection, statements: &self.statements, identity: &self.identity };
        let result = in_time(doing, ErrorKind::Unavailable, read(&reader)).await;
        if result.is_ok() {
            self.pool.put(taken);
        }
        result
    }

    /// Runs one statement beside the log, in a transaction of its own.
    async fn execute(&self, doing: &str, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        let taken = self.pool.take().await?;
        let work =
            async { taken.connection.execute(sql, params).await.map_err(|e| error::of_commit(doing, e)) };
        let result = in_time(doing, ErrorKind::Indeterminate, work).await;
        if result.is_ok() {
            self.pool.put(taken);
        }
        result
    }
}

impl Database for Inner {
    fn capabilities(&self) -> &Capabilities {
        &Capabilities::ALL
    }

    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn is_namespace(&self) -> bool {
        self.options.namespace
    }

    fn append(self: &Arc<Self>, batch: Arc<[Append]>) -> BoxFuture<'_, Result<Vec<Result<Appended>>>> {
        // Dropped in the middle, it drops its connection, and the server undoes or has done the whole.
        Box::pin(async move { self.write(&batch).await })
    }

    async fn read_stream(&self, range: StreamRange) -> Result<StreamPage> {
        self.read("could not read the stream", async |reader| reader.stream(&range).await).await
    }

    fn read_log(self: &Arc<Self>, range: LogRange) -> BoxFuture<'_, Result<LogPage>> {
        let inner = self.clone();
        apart(
            async move { inner.read("could not read the log", async |reader| reader.log(&range).await).await },
        )
    }

    async fn head(&self) -> Result<Head> {
        self.read("could not read the end of the log", async |reader| reader.head().await).await
    }

    async fn events_by_id(&self, ids: Vec<EventId>) -> Result<Vec<RecordedEvent>> {
        self.read("could not look up events", async |reader| reader.by_id(&ids).await).await
    }

    async fn list_streams(
        &self,
        prefix: String,
        after: Option<StreamId>,
        limit: usize,
    ) -> Result<Vec<StreamInfo>> {
        self.read("could not list streams", async |reader| {
            reader.streams(&prefix, after.as_ref(), limit).await
        })
        .await
    }

    async fn list_event_types(&self, after: Option<EventType>, limit: usize) -> Result<Vec<EventTypeInfo>> {
        self.read("could not list event types", async |reader| {
            reader.event_types(after.as_ref(), limit).await
        })
        .await
    }

    async fn stats(&self) -> Result<Stats> {
        self.read("could not count", async |reader| reader.stats().await).await
    }

    async fn wait(&self, position: Position) {
        if let Some(listener) = self.wake.listen(&self.options, &self.pool, &self.statements.schema) {
            *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
        }
        let mut last = self.wake.subscribe();
        let give_up = tokio::time::Instant::now() + WAIT_MAX;
        while tokio::time::Instant::now() < give_up {
            let patience = self.wake.patience();
            if tokio::time::timeout(patience, last.wait_for(|last| *last > position)).await.is_ok() {
                return;
            }
            if !self.wake.may_look() {
                continue;
            }
            match self.read("could not look for new events", async |reader| reader.head().await).await {
                Ok(head) if head.position <= position => {}
                Ok(head) => return self.wake.announce(head.position),
                Err(_) => return,
            }
        }
    }

    async fn load_checkpoint(&self, name: String) -> Result<Option<Checkpoint>> {
        self.read("could not load the checkpoint", async |reader| {
            let rows = reader.query(&reader.statements.load_checkpoint, &[(&name, kinds::TEXT)]).await?;
            rows.first().map(|row| row::parse(row, 0)).transpose()
        })
        .await
    }

    async fn save_checkpoint(
        &self,
        name: String,
        previous: Option<Checkpoint>,
        next: Checkpoint,
    ) -> Result<()> {
        const DOING: &str = "could not save the checkpoint";
        let failed = |e| error::of(DOING, e);
        let taken = self.pool.take().await?;
        let connection = &taken.connection;
        // A name that is not there has no row to lock, so writers of one name are told apart by a lock of
        // their own.
        connection
            .batch("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '5s'")
            .await
            .map_err(failed)?;
        let lock = format!("{}\n{name}", self.statements.schema);
        connection
            .query_now("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", &[(&lock, kinds::TEXT)])
            .await
            .map_err(failed)?;
        let rows = connection
            .query_now(&self.statements.load_checkpoint, &[(&name, kinds::TEXT)])
            .await
            .map_err(failed)?;
        let actual: Option<Checkpoint> = rows.first().map(|row| row::parse(row, 0)).transpose()?;
        if actual != previous {
            connection.batch("ROLLBACK").await.map_err(failed)?;
            self.pool.put(taken);
            return Err(Conflict::Checkpoint { name, actual }.into());
        }
        connection
            .execute(&self.statements.save_checkpoint, &[(&name, kinds::TEXT), (&next.as_str(), kinds::TEXT)])
            .await
            .map_err(failed)?;
        connection.batch("COMMIT").await.map_err(|e| error::of_commit(DOING, e))?;
        self.pool.put(taken);
        Ok(())
    }

    async fn load_snapshot(&self, key: SnapshotKey) -> Result<Option<Snapshot>> {
        self.read("could not load the snapshot", async |reader| {
            let params: [Param<'_>; 2] =
                [(&key.stream_id.as_str(), kinds::TEXT), (&key.name.as_str(), kinds::TEXT)];
            let rows = reader.query(&reader.statements.load_snapshot, &params).await?;
            let snapshot = |row: &tokio_postgres::Row| {
                let state_version: i64 = row::get(row, 1)?;
                Ok(Snapshot {
                    stream_version: Version(row::number(row, 0)?),
                    state_version: u32::try_from(state_version).unwrap_or(0),
                    state: row::json(row, 2)?,
                })
            };
            rows.first().map(snapshot).transpose()
        })
        .await
    }

    async fn save_snapshot(&self, key: SnapshotKey, snapshot: Snapshot) -> Result<()> {
        let params: [Param<'_>; 5] = [
            (&key.stream_id.as_str(), kinds::TEXT),
            (&key.name.as_str(), kinds::TEXT),
            (&integer(snapshot.stream_version.0), kinds::INT8),
            (&i64::from(snapshot.state_version), kinds::INT8),
            (&snapshot.state.as_str(), kinds::TEXT),
        ];
        let sql = &self.statements.save_snapshot;
        self.execute("could not save the snapshot", sql, &params).await.map(drop)
    }

    async fn delete_snapshot(&self, key: SnapshotKey) -> Result<()> {
        let params: [Param<'_>; 2] =
            [(&key.stream_id.as_str(), kinds::TEXT), (&key.name.as_str(), kinds::TEXT)];
        let sql = &self.statements.delete_snapshot;
        self.execute("could not delete the snapshot", sql, &params).await.map(drop)
    }

    async fn durability(&self) -> Result<Durability> {
        let taken = self.pool.take().await?;
        let sql = "SELECT current_setting('fsync'), current_setting('synchronous_commit'), \
                   current_setting('full_page_writes')";
        let rows = taken
            .connection
            .query_now(sql, &[])
            .await
            .map_err(|e| error::of("could not read the settings", e))?;
        let row = rows.first().ok_or_else(sql::gone)?;
        let (fsync, commit, pages): (String, String, String) =
            (row::get(row, 0)?, row::get(row, 1)?, row::get(row, 2)?);
        self.pool.put(taken);
        // An append turns it on.
        let commit = if commit == "off" { "on (the role's is off)".to_owned() } else { commit };
        Ok(Durability {
            durable: fsync == "on",
            settings: format!("fsync={fsync} synchronous_commit={commit} full_page_writes={pages}"),
        })
    }

    /// Every statement a role with all rights on the rows could change the log with, each undone again.
    async fn attempt_rewrites(&self) -> Result<Vec<RewriteAttempt>> {
        let s = &self.statements.quoted;
        let failed = |e| error::of("could not try to change the log", e);
        let statements = [
            format!("UPDATE {s}.events SET payload = '{{}}'"),
            format!("UPDATE {s}.events SET position = position + 1000000"),
            format!("DELETE FROM {s}.events"),
            format!("TRUNCATE {s}.events"),
            format!(
                "INSERT INTO {s}.events SELECT * FROM {s}.events \
                 ON CONFLICT (position) DO UPDATE SET payload = '{{}}'"
            ),
            format!("INSERT INTO {s}.events SELECT * FROM {s}.events"),
            format!("UPDATE {s}.event_tags SET position = 0"),
            format!("DELETE FROM {s}.event_tags"),
            format!("TRUNCATE {s}.event_tags"),
            format!("UPDATE {s}.store SET last_position = 0"),
            format!("UPDATE {s}.store SET store_id = gen_random_uuid()"),
            format!("DELETE FROM {s}.store"),
            format!("TRUNCATE {s}.store"),
        ];
        let connection = Connection::open(&self.options, None).await?;
        let mut attempts = Vec::with_capacity(statements.len());
        for statement in statements {
            connection.batch("BEGIN").await.map_err(failed)?;
            let refusal = match connection.execute(&statement, &[]).await {
                Err(e) => Some(e.as_db_error().map_or_else(|| e.to_string(), |db| db.message().to_owned())),
                Ok(_) => None,
            };
            connection.batch("ROLLBACK").await.map_err(failed)?;
            attempts.push(RewriteAttempt { statement, refusal });
        }
        Ok(attempts)
    }

    async fn drop_namespace(&self) -> Result<()> {
        let drop_schema =
            format!("SET client_min_messages = warning; DROP SCHEMA {} CASCADE", self.statements.quoted);
        let connection = Connection::open(&self.options, None).await?;
        let dropped = connection.batch(&drop_schema).await;
        dropped.map_err(|e| error::of_commit("could not drop the namespace", e))
    }
}

sql::backend!(PostgresStore);
