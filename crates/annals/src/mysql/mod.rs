//! MySQL, 8.0.30 and later, and MariaDB, 10.6 and later: the events in tables of the database a team already
//! runs.
//!
//! | promise | how |
//! | --- | --- |
//! | every capability | tables with a prefix of their own, one row whose lock orders appends |
//! | rule 9 | positions are given out under that lock; readers of the log wait until what they saw is on the disk |
//! | rule 15 | triggers refuse UPDATE, DELETE, REPLACE and upserts; TRUNCATE runs no trigger and needs the right to drop the table, which no role below has |
//! | rule 16 | `innodb_flush_log_at_trx_commit` and, with a binary log, `sync_binlog` are the server's: [`durability`](crate::EventStore::durability) says what they are |
//! | waking | appends of this process at once; those of others by a look every 25 ms |
//!
//! # The URL
//!
//! `mysql://user:password@host:3306/database`, `mariadb://` too; which of them the server is, it says itself. The
//! database has to be there. Options, besides `namespace`, `hash_chain` and `create`:
//!
//! | option | meaning |
//! | --- | --- |
//! | `prefix` | what the names of the tables begin with, `annals_` unless given; a namespace adds `_NAMESPACE__` |
//! | `connections` | the most connections of this process, 2 or more, 8 unless given: one writes, the others read |
//! | `sslmode` | `disable`, `prefer` (unless given), `require`, `verify-full`; only the last says who the server is |
//! | `sslrootcert` | the file of certificates, in PEM, that `verify-full` trusts |
//!
//! `docs/guide/mysql.md` shows the roles, queries of the payload, and what differs between the products.

mod append;
mod connect;
#[cfg(feature = "declared")]
mod declared;
mod error;
mod projection;
mod read;
mod row;
mod schema;

pub use connect::connect;
pub use mysql_async;
pub use projection::{Projection, control, target};

pub use crate::project::{Progress, ProjectionResult};

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mysql_async::{Transaction, Value};
use tokio::time::Instant;

use crate::append::{Append, Appended};
use crate::backend::{
    BoxFuture, Capabilities, Durability, EventTypeInfo, HashFormula, Head, Limits, LogPage, LogRange,
    RewriteAttempt, Stats, StreamInfo, StreamPage, StreamRange,
};
use crate::connect::StoreUrl;
use crate::error::{Conflict, Error, ErrorKind, Result};
use crate::event::{EventId, EventType, RecordedEvent};
use crate::query::Position;
use crate::schema::Difference;
use crate::snapshot::{Snapshot, SnapshotKey};
use crate::sql::{
    self, Attempts as _, Database, Identity, Link as _, POLL, Pool, Server, Tls, Wake, apart, in_time,
};
use crate::stream::{StreamId, Version};
use crate::subscribe::Checkpoint;

use self::append::Writer;
use self::connect::{Connection, IDLE_MAX};
use self::read::Reader;
use self::row::{Fields, number, text};
use self::schema::{Host, Product, Statements};

/// The port of MySQL and of MariaDB.
const PORT: u16 = 3306;

/// The prefix of a store whose URL names none.
const PREFIX: &str = "annals_";

/// How many connections a store has whose URL does not say.
const CONNECTIONS: usize = 8;

/// The connections that do not read: one writes.
const CONNECTIONS_RESERVED: usize = 1;

/// The longest a waiting reader sleeps without being asked again.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// What a packet holds besides an event's payload, metadata, type and tags.
const PACKET_BYTES_BESIDE: usize = 64 << 10;

/// How to open a store, as its URL says.
#[derive(Debug, Clone)]
pub struct MysqlOptions {
    server: Server,
    /// Of the tables, with the namespace in it.
    prefix: String,
    connections: usize,
    tls: Tls,
    tls_root: Option<PathBuf>,
    hash_chain: Option<HashFormula>,
    namespace: bool,
    create: bool,
    /// Whether the URL says `mariadb`; only for what is printed without asking the server.
    product: Product,
}

impl TryFrom<&StoreUrl> for MysqlOptions {
    type Error = Error;

    fn try_from(url: &StoreUrl) -> Result<Self> {
        let mut options = Self {
            server: Server::of(url, PORT)?,
            prefix: PREFIX.to_owned(),
            connections: CONNECTIONS,
            tls: Tls::default(),
            tls_root: None,
            hash_chain: url.hash_chain,
            namespace: url.namespace.is_some(),
            create: url.create,
            product: if url.scheme == "mariadb" { Product::MariaDb } else { Product::Mysql },
        };
        for (name, value) in &url.options {
            let wrong = |expected: &str| Error::invalid(format!("{name}={value}, expected {expected}"));
            match (name.as_str(), value.as_str()) {
                ("prefix", prefix) => options.prefix = prefix.to_owned(),
                ("connections", count) => {
                    let count = count.parse().ok().filter(|count| *count > CONNECTIONS_RESERVED);
                    options.connections = count.ok_or_else(|| wrong("a number from 2"))?;
                }
                ("sslmode", mode) => options.tls = mode.parse()?,
                ("sslrootcert", path) => options.tls_root = Some(path.into()),
                _ => {
                    return Err(Error::invalid(format!(
                        "unknown option {name:?} in a {} URL, expected namespace, hash_chain, create, prefix, \
                         connections, sslmode or sslrootcert",
                        url.scheme
                    )));
                }
            }
        }
        if let Some(namespace) = &url.namespace {
            options.prefix = format!("{}_{namespace}__", options.prefix);
        }
        schema::check_prefix(&options.prefix)?;
        Ok(options)
    }
}

impl fmt::Display for MysqlOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.server.fmt(f)
    }
}

/// A store in a MySQL or MariaDB database.
#[derive(Debug, Clone)]
pub struct MysqlStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: MysqlOptions,
    identity: Identity,
    capabilities: Capabilities,
    statements: Statements,
    /// With the time of its last use. `None` after an error that leaves a connection in doubt.
    writer: Arc<tokio::sync::Mutex<Option<(Connection, Instant)>>>,
    pool: Pool<Connection>,
    wake: Wake,
}

impl MysqlStore {
    /// Opens a store, making its tables where they are missing and the options say so.
    ///
    /// # Errors
    /// Unavailable when the server cannot be reached; invalid when it refuses the login or is not trusted,
    /// when it is too old for a store or a newer Annals wrote it; corrupt when there is no store and none may
    /// be made.
    pub async fn open(options: MysqlOptions) -> Result<Self> {
        let mut connection = Connection::open(&options).await?;
        let host = Host::of(&mut connection).await?;
        let statements = Statements::new(&options.prefix, host.product);
        let identity = schema::open(&mut connection, &options, &statements).await?;
        let pool = Pool::new(options.clone(), options.connections - CONNECTIONS_RESERVED, IDLE_MAX);
        let append_bytes_max =
            Limits::PORTABLE.append_bytes_max.min(host.packet_bytes_max.saturating_sub(PACKET_BYTES_BESIDE));
        let limits = Limits { append_bytes_max, ..Limits::PORTABLE };
        Ok(Self {
            inner: Arc::new(Inner {
                options,
                identity,
                capabilities: Capabilities { limits, ..Capabilities::ALL },
                statements,
                writer: Arc::new(tokio::sync::Mutex::new(Some((connection, Instant::now())))),
                pool,
                wake: Wake::new(),
            }),
        })
    }

    /// Appends in a transaction that the application has begun, and commits it: events and whatever else it
    /// changed are there together or not at all (an outbox, tables beside the events, a read model that must
    /// never be behind). The append comes last, since from there to the commit all other appends wait. It
    /// shares no batch with others, so under many writers it costs what one transaction for each append
    /// costs. The transaction may be at any isolation level: what the append decides by is read with locks.
    ///
    /// Where the same events were written before, by a transaction whose answer was lost, this one is rolled
    /// back and the first result comes back, marked duplicate.
    ///
    /// # Errors
    /// As [`EventStore::append`](crate::EventStore::append), and the transaction is rolled back; indeterminate
    /// when the answer to the commit is lost: repeat the whole with the same event ids.
    pub async fn append_in(&self, transaction: Transaction<'_>, append: Append) -> Result<Appended> {
        append.check(self.inner.capabilities())?;
        let inner = &self.inner;
        let writer = Writer { statements: &inner.statements, identity: &inner.identity };
        let appended = writer.append_and_commit(transaction, &append).await?;
        inner.wake.announce(appended.last_position);
        Ok(appended)
    }

    /// The statements that make a store's tables, for somebody to read and to run by hand, in the product's
    /// own command-line client: for MySQL or, where the URL says `mariadb`, for MariaDB.
    pub fn schema_sql(options: &MysqlOptions) -> String {
        Statements::new(&options.prefix, options.product).script(options.hash_chain)
    }

    /// Makes what is missing of a store's tables; leaves those that are there as they are.
    ///
    /// # Errors
    /// As [`open`](Self::open); invalid for a login that may not create tables.
    pub async fn apply_schema(options: &MysqlOptions) -> Result<()> {
        let mut connection = Connection::open(options).await?;
        let host = Host::of(&mut connection).await?;
        let statements = Statements::new(&options.prefix, host.product);
        schema::apply(&mut connection, options, &statements).await
    }

    /// How what is there differs from what [`schema_sql`](Self::schema_sql) makes.
    ///
    /// # Errors
    /// As [`open`](Self::open); invalid for a login that may not create tables, which it does to compare, and
    /// drops again.
    pub async fn schema_diff(options: &MysqlOptions) -> Result<Vec<Difference>> {
        let mut connection = Connection::open(options).await?;
        let host = Host::of(&mut connection).await?;
        let statements = Statements::new(&options.prefix, host.product);
        schema::diff(&mut connection, options, &statements).await
    }
}

impl Inner {
    async fn write(&self, batch: &[Append]) -> Result<Vec<Result<Appended>>> {
        let mut place = self.writer.clone().lock_owned().await;
        let mut connection = match place.take() {
            Some((connection, used)) if !connection.is_closed() && used.elapsed() < IDLE_MAX => connection,
            // A login that is refused now was not when the store was opened, and may not be the next time.
            _ => Connection::open(&self.options).await.map_err(|e| {
                Error::with_source(ErrorKind::Unavailable, "could not append: not connected", e)
            })?,
        };
        let writer = Writer { statements: &self.statements, identity: &self.identity };
        let work = writer.append(&mut connection, batch);
        let (results, last) = in_time("could not append", ErrorKind::Indeterminate, work).await?;
        if let Some(last) = last {
            self.wake.announce(last);
        }
        // The answers need not wait for it, only the next batch does. After an error, of this or of the whole
        // batch, nobody knows what the connection is in the middle of.
        tokio::spawn(async move {
            if connection.batch(append::RELEASE).await.is_ok() {
                *place = Some((connection, Instant::now()));
            }
        });
        Ok(results)
    }

    /// Reads through a connection that nobody else uses meanwhile.
    async fn read<T>(&self, doing: &str, read: impl AsyncFnOnce(&mut Reader<'_>) -> Result<T>) -> Result<T> {
        let mut taken = self.pool.take().await?;
        let mut reader = Reader {
            connection: &mut taken.connection,
            statements: &self.statements,
            identity: &self.identity,
            durable: self.wake.last(),
        };
        let result = in_time(doing, ErrorKind::Unavailable, read(&mut reader)).await;
        if result.is_ok() {
            self.pool.put(taken);
        }
        result
    }

    /// Runs one statement beside the log, in a transaction of its own; says how many rows it found.
    async fn execute(&self, doing: &str, sql: &str, params: Vec<Value>) -> Result<u64> {
        let mut taken = self.pool.take().await?;
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
        &self.capabilities
    }

    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn is_namespace(&self) -> bool {
        self.options.namespace
    }

    fn append(self: &Arc<Self>, batch: Arc<[Append]>) -> BoxFuture<'_, Result<Vec<Result<Appended>>>> {
        let inner = self.clone();
        apart(async move { inner.write(&batch).await })
    }

    async fn read_stream(&self, range: StreamRange) -> Result<StreamPage> {
        self.read("could not read the stream", async |reader| reader.stream(&range).await).await
    }

    fn read_log(self: &Arc<Self>, range: LogRange) -> BoxFuture<'_, Result<LogPage>> {
        Box::pin(
            async move { self.read("could not read the log", async |reader| reader.log(&range).await).await },
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
        let mut last = self.wake.subscribe();
        let give_up = Instant::now() + WAIT_MAX;
        while Instant::now() < give_up {
            if tokio::time::timeout(POLL, last.wait_for(|last| *last > position)).await.is_ok() {
                return;
            }
            let Some(_turn) = self.wake.look() else { continue };
            match self.read("could not look for new events", async |reader| reader.head().await).await {
                Ok(head) => self.wake.announce(head.position),
                Err(_) => return,
            }
        }
    }

    async fn load_checkpoint(&self, name: String) -> Result<Option<Checkpoint>> {
        self.read("could not load the checkpoint", async |reader| {
            let rows = reader.query(&reader.statements.load_checkpoint, vec![text(&name)]).await?;
            rows.into_iter().next().map(|row| Fields::from(row).parse(0)).transpose()
        })
        .await
    }

    /// One statement compares and sets: it finds a row of the previous value, or makes the first.
    async fn save_checkpoint(
        &self,
        name: String,
        previous: Option<Checkpoint>,
        next: Checkpoint,
    ) -> Result<()> {
        const DOING: &str = "could not save the checkpoint";
        let saved = match &previous {
            Some(previous) => {
                let params = vec![text(next.as_str()), text(&name), text(previous.as_str())];
                self.execute(DOING, &self.statements.update_checkpoint, params).await? > 0
            }
            None => {
                let mut taken = self.pool.take().await?;
                let params = vec![text(&name), text(next.as_str())];
                match taken.connection.execute(&self.statements.insert_checkpoint, params).await {
                    Ok(_) => {
                        self.pool.put(taken);
                        true
                    }
                    Err(e) if error::code(&e) == Some(1062) => false,
                    Err(e) => return Err(error::of_commit(DOING, e)),
                }
            }
        };
        if saved {
            return Ok(());
        }
        let actual = self.load_checkpoint(name.clone()).await?;
        Err(Conflict::Checkpoint { name, actual }.into())
    }

    async fn load_snapshot(&self, key: SnapshotKey) -> Result<Option<Snapshot>> {
        self.read("could not load the snapshot", async |reader| {
            let params = vec![text(key.stream_id.as_str()), text(key.name.as_str())];
            let rows = reader.query(&reader.statements.load_snapshot, params).await?;
            let snapshot = |row: mysql_async::Row| {
                let mut row = Fields::from(row);
                Ok(Snapshot {
                    stream_version: Version(row.number(0)?),
                    state_version: u32::try_from(row.number(1)?).unwrap_or(0),
                    state: row.json(2)?,
                })
            };
            rows.into_iter().next().map(snapshot).transpose()
        })
        .await
    }

    async fn save_snapshot(&self, key: SnapshotKey, snapshot: Snapshot) -> Result<()> {
        let params = vec![
            text(key.stream_id.as_str()),
            text(key.name.as_str()),
            number(snapshot.stream_version.0),
            number(u64::from(snapshot.state_version)),
            text(snapshot.state.as_str()),
        ];
        let sql = &self.statements.save_snapshot;
        self.execute("could not save the snapshot", sql, params).await.map(drop)
    }

    async fn delete_snapshot(&self, key: SnapshotKey) -> Result<()> {
        let params = vec![text(key.stream_id.as_str()), text(key.name.as_str())];
        let sql = &self.statements.delete_snapshot;
        self.execute("could not delete the snapshot", sql, params).await.map(drop)
    }

    async fn durability(&self) -> Result<Durability> {
        self.read("could not read the settings", async |reader| {
            let sql = "SELECT CAST(@@innodb_flush_log_at_trx_commit AS CHAR), CAST(@@log_bin AS CHAR), \
                       CAST(@@sync_binlog AS CHAR), CAST(@@innodb_flush_method AS CHAR)";
            let rows = reader.query(sql, Vec::new()).await?;
            let mut row = Fields::from(rows.into_iter().next().ok_or_else(sql::gone)?);
            let (flush, log) = (row.required(0)?, row.required(1)?);
            let (sync, method) = (row.required(2)?, row.text(3)?.unwrap_or_default());
            // Whatever is committed to the binary log only is lost with it, or comes back without it.
            let log_kept = log == "0" || log == "OFF" || sync == "1";
            Ok(Durability {
                durable: flush == "1" && log_kept && !method.contains("nosync"),
                settings: format!(
                    "innodb_flush_log_at_trx_commit={flush} log_bin={log} sync_binlog={sync} \
                     innodb_flush_method={method}"
                ),
            })
        })
        .await
    }

    /// Every statement a role with all rights on the rows could change the log with, each undone again.
    /// TRUNCATE is not among them: it takes the right to drop the table.
    async fn attempt_rewrites(&self) -> Result<Vec<RewriteAttempt>> {
        let failed = |e| error::of("could not try to change the log", e);
        let statements = [
            "UPDATE {p}events SET payload = '{}'",
            "UPDATE IGNORE {p}events SET payload = '{}'",
            "UPDATE {p}events SET position = position + 1000000",
            "DELETE FROM {p}events",
            "DELETE IGNORE FROM {p}events",
            "DELETE e FROM {p}events e JOIN {p}event_tags t ON t.position = e.position",
            "REPLACE INTO {p}events SELECT * FROM {p}events",
            "INSERT INTO {p}events SELECT * FROM {p}events ON DUPLICATE KEY UPDATE payload = '{}'",
            "INSERT INTO {p}events SELECT * FROM {p}events",
            "UPDATE {p}event_tags SET position = 0",
            "DELETE FROM {p}event_tags",
            "REPLACE INTO {p}event_tags SELECT * FROM {p}event_tags",
            "INSERT INTO {p}event_tags SELECT * FROM {p}event_tags ON DUPLICATE KEY UPDATE tag = 'x'",
            "UPDATE {p}store SET last_position = 0",
            "UPDATE {p}store SET store_id = REPEAT('x', 16)",
            "DELETE FROM {p}store",
            "REPLACE INTO {p}store SELECT * FROM {p}store",
        ];
        let mut connection = Connection::open(&self.options).await?;
        let mut attempts = Vec::with_capacity(statements.len());
        for statement in statements {
            let statement = self.statements.text(statement);
            connection.batch("START TRANSACTION").await.map_err(failed)?;
            let refusal = match connection.batch(&statement).await {
                Err(mysql_async::Error::Server(error)) => Some(error.message),
                Err(e) => return Err(failed(e)),
                Ok(()) => None,
            };
            connection.batch("ROLLBACK").await.map_err(failed)?;
            attempts.push(RewriteAttempt { statement, refusal });
        }
        Ok(attempts)
    }

    async fn drop_namespace(&self) -> Result<()> {
        let mut connection = Connection::open(&self.options).await?;
        schema::drop(&mut connection, &self.statements).await
    }
}

sql::backend!(MysqlStore);
