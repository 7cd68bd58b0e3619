//! SQL Server, 2017 and later, and Azure SQL: the events in a schema of the database a team already runs.
//!
//! **What this was tried on.** The suite has been run against a stand-in that speaks TDS and T-SQL, not yet
//! against SQL Server itself; lock hints, blocking READ COMMITTED and 100 ns times only a real server can show.
//! The backend relies on none of the three.
//!
//! | promise | how |
//! | --- | --- |
//! | every capability | one schema a store, one application lock that orders appends |
//! | rule 9 | positions are given out under that lock, which is released when the commit is durable; a page holds nothing beyond an end of the log that was read before it |
//! | rule 14 | names are compared by the bytes of their UTF-8, in columns of their own beside the text |
//! | rule 15 | triggers refuse UPDATE, DELETE and MERGE, and an empty table that refers to the others TRUNCATE, to everybody who may not alter them |
//! | rule 16 | [`durability`](crate::EventStore::durability) says whether the database forces delayed durability, which is the one way to lose what was committed |
//! | waking | appends of this process at once; those of others by a look every 25 ms |
//!
//! # The URL
//!
//! `sqlserver://user:password@host:1433/database`. The database has to be there. Options, besides `namespace`,
//! `hash_chain` and `create`:
//!
//! | option | meaning |
//! | --- | --- |
//! | `schema` | the schema of the store, `annals` unless given; a namespace is a schema `SCHEMA__NAMESPACE` |
//! | `connections` | the most connections of this process, 2 or more, 8 unless given: one writes, the others read |
//! | `sslmode` | `disable`, `prefer` (unless given), `require`, `verify-full`; only the last says who the server is |
//! | `sslrootcert` | a file of certificates, in PEM, that `verify-full` trusts beside those of the system |
//! | `token_file` | a file with an access token of Entra ID, read for each connection, in place of user and password |
//!
//! `docs/guide/sqlserver.md` shows the roles, queries of the payload, and what differs on Azure SQL.

mod append;
mod connect;
#[cfg(feature = "declared")]
mod declared;
mod error;
mod projection;
mod read;
mod row;
mod schema;
mod session;

pub use connect::Client;
pub use projection::{Projection, control, target};
pub use session::{Session, Transaction};
pub use tiberius;

pub use crate::project::{Progress, ProjectionResult};

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

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
use crate::sql::{self, Attempts as _, Database, Identity, POLL, Pool, Server, Tls, Wake, apart, in_time};
use crate::stream::{StreamId, Version};
use crate::subscribe::Checkpoint;

use self::append::Writer;
use self::connect::{Connection, IDLE_MAX, Param};
use self::read::{Reader, name};
use self::row::{Counting, Fields};
use self::schema::Statements;

/// The port of SQL Server.
const PORT: u16 = 1433;

/// The schema of a store whose URL names none.
const SCHEMA: &str = "annals";

/// How many connections a store has whose URL does not say.
const CONNECTIONS: usize = 8;

/// The connections that do not read: one writes.
const CONNECTIONS_RESERVED: usize = 1;

/// The longest a waiting reader sleeps without being asked again.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// READ COMMITTED, as the server numbers it.
const READ_COMMITTED: u64 = 2;

/// How to open a store, as its URL says.
#[derive(Debug, Clone)]
pub struct SqlServerOptions {
    server: Server,
    /// With the namespace in it.
    schema: String,
    connections: usize,
    tls: Tls,
    tls_root: Option<PathBuf>,
    token_file: Option<PathBuf>,
    hash_chain: Option<HashFormula>,
    namespace: bool,
    create: bool,
}

impl TryFrom<&StoreUrl> for SqlServerOptions {
    type Error = Error;

    fn try_from(url: &StoreUrl) -> Result<Self> {
        let mut options = Self {
            server: Server::of(url, PORT)?,
            schema: SCHEMA.to_owned(),
            connections: CONNECTIONS,
            tls: Tls::default(),
            tls_root: None,
            token_file: None,
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
                    options.connections = count.ok_or_else(|| wrong("a number from 2"))?;
                }
                ("sslmode", mode) => options.tls = mode.parse()?,
                ("sslrootcert", path) => options.tls_root = Some(path.into()),
                ("token_file", path) => options.token_file = Some(path.into()),
                _ => {
                    return Err(Error::invalid(format!(
                        "unknown option {name:?} in a sqlserver URL, expected namespace, hash_chain, create, \
                         schema, connections, sslmode, sslrootcert or token_file"
                    )));
                }
            }
        }
        if let Some(namespace) = &url.namespace {
            options.schema = format!("{}__{namespace}", options.schema);
        }
        schema::check_schema(&options.schema)?;
        if options.token_file.is_some() && options.server.password.is_some() {
            return Err(Error::invalid(
                "a sqlserver URL with a password and a token_file, expected one of them",
            ));
        }
        if options.token_file.is_some() && options.tls == Tls::Off {
            return Err(Error::invalid("token_file needs encryption, expected another sslmode than disable"));
        }
        Ok(options)
    }
}

impl fmt::Display for SqlServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.server.fmt(f)
    }
}

/// A store in a SQL Server database.
#[derive(Debug, Clone)]
pub struct SqlServerStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: SqlServerOptions,
    identity: Identity,
    counting: Counting,
    statements: Statements,
    /// With the time of its last use. `None` after an error that leaves a connection in doubt.
    writer: tokio::sync::Mutex<Option<(Connection, Instant)>>,
    pool: Pool<Connection>,
    wake: Wake,
}

impl SqlServerStore {
    /// Opens a store, making its schema where it is missing and the options say so.
    ///
    /// # Errors
    /// Unavailable when the server cannot be reached; invalid when it refuses the login or is not trusted,
    /// when the login may not create or a newer Annals wrote the store; corrupt when there is no store and
    /// none may be made.
    pub async fn open(options: SqlServerOptions) -> Result<Self> {
        let statements = Statements::new(&options.schema);
        let mut connection = Connection::open(&options).await?;
        let counting = schema::counting(&mut connection).await?;
        let identity = schema::open(&mut connection, &options, &statements).await?;
        let pool = Pool::new(options.clone(), options.connections - CONNECTIONS_RESERVED, IDLE_MAX);
        Ok(Self {
            inner: Arc::new(Inner {
                options,
                identity,
                counting,
                statements,
                writer: tokio::sync::Mutex::new(Some((connection, Instant::now()))),
                pool,
                wake: Wake::new(),
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
    /// As [`EventStore::append`](crate::EventStore::append), and the transaction is rolled back; invalid when
    /// the transaction is not at READ COMMITTED, where it may have missed what others wrote (SNAPSHOT);
    /// indeterminate when the answer to the commit is lost: repeat the whole with the same event ids.
    pub async fn append_in(&self, mut transaction: Transaction<'_>, append: Append) -> Result<Appended> {
        append.check(&Capabilities::ALL)?;
        let inner = &self.inner;
        let isolation =
            "SELECT transaction_isolation_level FROM sys.dm_exec_sessions WHERE session_id = @@SPID";
        let sets = connect::batch(&mut transaction, isolation).await;
        let sets = sets.map_err(|e| error::of("could not append", e))?;
        let mut row = Fields::from(sets.into_iter().flatten().next().ok_or_else(sql::gone)?);
        if row.number(0)? != READ_COMMITTED {
            transaction.rollback().await?;
            return Err(Error::invalid(
                "the transaction is not at READ COMMITTED, and may miss what others wrote before the append; \
                 leave the isolation level as it began",
            ));
        }
        let writer = inner.writer();
        let (result, written) = match writer.append_to(&mut transaction, &append).await {
            Ok(decided) => decided,
            Err(e) => {
                transaction.rollback().await?;
                return Err(e);
            }
        };
        if !written {
            transaction.rollback().await?;
            return result;
        }
        transaction.commit_doing("could not append").await?;
        let appended = result?;
        inner.wake.announce(appended.last_position);
        Ok(appended)
    }

    /// The statements that make a store, for somebody to read and to run by hand: `sqlcmd -i`.
    pub fn schema_sql(options: &SqlServerOptions) -> String {
        Statements::new(&options.schema).script(options.hash_chain)
    }

    /// Makes what is missing of a store, and its procedures anew; leaves tables and triggers as they are.
    ///
    /// # Errors
    /// As [`open`](Self::open); invalid when the login may not create.
    pub async fn apply_schema(options: &SqlServerOptions) -> Result<()> {
        let statements = Statements::new(&options.schema);
        schema::apply(&mut Connection::open(options).await?, options, &statements).await
    }

    /// How what is there differs from what [`schema_sql`](Self::schema_sql) makes.
    ///
    /// # Errors
    /// As [`open`](Self::open); invalid when the login may not create, which it does to compare, and drops
    /// again.
    pub async fn schema_diff(options: &SqlServerOptions) -> Result<Vec<Difference>> {
        let statements = Statements::new(&options.schema);
        schema::diff(&mut Connection::open(options).await?, options, &statements).await
    }
}

impl Inner {
    fn writer(&self) -> Writer<'_> {
        Writer { statements: &self.statements, identity: &self.identity, counting: self.counting }
    }

    async fn write(&self, batch: &[Append]) -> Result<Vec<Result<Appended>>> {
        let mut place = self.writer.lock().await;
        let mut connection = match place.take() {
            Some((connection, used)) if used.elapsed() < IDLE_MAX => connection,
            // A login that is refused now was not when the store was opened, and may not be the next time.
            _ => Connection::open(&self.options).await.map_err(|e| {
                Error::with_source(ErrorKind::Unavailable, "could not append: not connected", e)
            })?,
        };
        let writer = self.writer();
        let work = writer.append(&mut connection, batch);
        let (results, last) = in_time("could not append", ErrorKind::Indeterminate, work).await?;
        // After an error of the whole batch nobody knows what the connection is in the middle of.
        *place = Some((connection, Instant::now()));
        drop(place);
        if let Some(last) = last {
            self.wake.announce(last);
        }
        Ok(results)
    }

    /// Reads through a connection that nobody else uses meanwhile.
    async fn read<T>(&self, doing: &str, read: impl AsyncFnOnce(&mut Reader<'_>) -> Result<T>) -> Result<T> {
        let mut taken = self.pool.take().await?;
        let mut reader = Reader {
            connection: &mut taken.connection,
            statements: &self.statements,
            identity: &self.identity,
        };
        let result = in_time(doing, ErrorKind::Unavailable, read(&mut reader)).await;
        if result.is_ok() {
            self.pool.put(taken);
        }
        result
    }

    /// Runs one statement beside the log, in a transaction of its own; says how many rows it changed, `None`
    /// where there is a row of that key already.
    async fn execute(&self, doing: &str, sql: &str, params: Vec<Param>) -> Result<Option<u64>> {
        let mut taken = self.pool.take().await?;
        let work = async {
            match taken.connection.execute(sql, params).await {
                Ok(rows) => Ok(Some(rows)),
                Err(e) if error::is_duplicate(&e) => Ok(None),
                Err(e) => Err(error::of_commit(doing, e)),
            }
        };
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
            match self.head().await {
                Ok(head) => self.wake.announce(head.position),
                Err(_) => return,
            }
        }
    }

    async fn load_checkpoint(&self, key: String) -> Result<Option<Checkpoint>> {
        self.read("could not load the checkpoint", async |reader| {
            let row = reader.row(&reader.statements.load_checkpoint, vec![name(&key)]).await?;
            row.map(|mut row| row.parse(0)).transpose()
        })
        .await
    }

    /// One statement compares and sets: it finds a row of the previous value, or makes the first.
    async fn save_checkpoint(
        &self,
        key: String,
        previous: Option<Checkpoint>,
        next: Checkpoint,
    ) -> Result<()> {
        let next = Param::Text(next.as_str().to_owned());
        let (sql, params) = match &previous {
            Some(previous) => {
                let previous = Param::Text(previous.as_str().to_owned());
                (&self.statements.update_checkpoint, vec![name(&key), next, previous])
            }
            None => (&self.statements.insert_checkpoint, vec![name(&key), Param::Text(key.clone()), next]),
        };
        if self.execute("could not save the checkpoint", sql, params).await?.is_some_and(|rows| rows > 0) {
            return Ok(());
        }
        let actual = self.load_checkpoint(key.clone()).await?;
        Err(Conflict::Checkpoint { name: key, actual }.into())
    }

    async fn load_snapshot(&self, key: SnapshotKey) -> Result<Option<Snapshot>> {
        self.read("could not load the snapshot", async |reader| {
            let params = vec![name(key.stream_id.as_str()), name(key.name.as_str())];
            let row = reader.row(&reader.statements.load_snapshot, params).await?;
            let snapshot = |mut row: Fields| {
                Ok(Snapshot {
                    stream_version: Version(row.number(0)?),
                    state_version: u32::try_from(row.number(1)?).unwrap_or(0),
                    state: row.json(2)?,
                })
            };
            row.map(snapshot).transpose()
        })
        .await
    }

    async fn save_snapshot(&self, key: SnapshotKey, snapshot: Snapshot) -> Result<()> {
        const DOING: &str = "could not save the snapshot";
        let params = vec![
            name(key.stream_id.as_str()),
            name(key.name.as_str()),
            append::position(Position(snapshot.stream_version.0)),
            Param::Number(snapshot.state_version.into()),
            Param::Text(snapshot.state.as_str().to_owned()),
        ];
        let sql = &self.statements.save_snapshot;
        match self.execute(DOING, sql, params.clone()).await? {
            Some(_) => Ok(()),
            // Somebody else has made the first in between; now there is one to replace.
            None => self.execute(DOING, sql, params).await.map(drop),
        }
    }

    async fn delete_snapshot(&self, key: SnapshotKey) -> Result<()> {
        let params = vec![name(key.stream_id.as_str()), name(key.name.as_str())];
        let sql = &self.statements.delete_snapshot;
        self.execute("could not delete the snapshot", sql, params).await.map(drop)
    }

    async fn durability(&self) -> Result<Durability> {
        self.read("could not read the settings", async |reader| {
            let sql = "SELECT CAST(delayed_durability_desc AS nvarchar(60)) FROM sys.databases \
                       WHERE database_id = DB_ID()";
            let mut row = reader.row(sql, Vec::new()).await?.ok_or_else(sql::gone)?;
            let delayed = row.text(0)?.unwrap_or_else(|| "DISABLED".to_owned());
            Ok(Durability {
                // Where it is only allowed, a commit has to ask for it, and no commit of an append does.
                durable: delayed != "FORCED",
                settings: format!("delayed_durability={delayed}"),
            })
        })
        .await
    }

    /// Every statement a role with all rights on the rows could change the log with, each undone again.
    async fn attempt_rewrites(&self) -> Result<Vec<RewriteAttempt>> {
        let failed = |e| error::of("could not try to change the log", e);
        let statements = [
            "UPDATE {s}.[events] SET payload = N'{}'",
            "UPDATE {s}.[events] SET position = position + 1000000",
            "UPDATE e SET payload = N'{}' FROM {s}.[events] e",
            "DELETE FROM {s}.[events]",
            "DELETE TOP (1) FROM {s}.[events]",
            "TRUNCATE TABLE {s}.[events]",
            "INSERT INTO {s}.[events] SELECT * FROM {s}.[events]",
            "UPDATE {s}.[event_tags] SET position = 0",
            "DELETE FROM {s}.[event_tags]",
            "TRUNCATE TABLE {s}.[event_tags]",
            "UPDATE {s}.[store] SET last_position = 0",
            "UPDATE {s}.[store] SET store_id = NEWID()",
            "DELETE FROM {s}.[store]",
            "TRUNCATE TABLE {s}.[store]",
        ];
        let mut connection = Connection::open(&self.options).await?;
        let mut attempts = Vec::with_capacity(statements.len());
        for statement in statements {
            let statement = self.statements.text(statement);
            connection.batch("BEGIN TRANSACTION").await.map_err(failed)?;
            let refusal = match connection.batch(&statement).await {
                Err(tiberius::error::Error::Server(error)) => Some(error.message().to_owned()),
                Err(e) => return Err(failed(e)),
                Ok(_) => None,
            };
            connection.batch(append::ROLLBACK).await.map_err(failed)?;
            attempts.push(RewriteAttempt { statement, refusal });
        }
        Ok(attempts)
    }

    async fn drop_namespace(&self) -> Result<()> {
        let mut connection = Connection::open(&self.options).await?;
        schema::drop(&mut connection, &self.statements).await
    }
}

sql::backend!(SqlServerStore);
