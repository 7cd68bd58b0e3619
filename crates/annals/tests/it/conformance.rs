//! The contract, for each store of this crate.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use annals::backend::{Backend, BoxFuture, HashFormula};
use annals::mysql::mysql_async::{self, prelude::Queryable as _};
use annals::sqlite::{SqliteOptions, SqliteStore, rusqlite};
use annals::sqlserver::Session;
use annals::testing::conformance::{Harness, Outcome, RULES, Suite, Tampering, Urls};
use annals::{ErrorKind, EventStore, Expected, Namespace, NewEvent, Result};

annals::conformance!(mariadb, Mysql(Urls::from_env("ANNALS_MARIADB").unwrap()));
annals::conformance!(memory, Urls::new("memory:").unwrap());
annals::conformance!(mysql, Mysql(Urls::from_env("ANNALS_MYSQL").unwrap()));
annals::conformance!(pgbouncer, Postgres(Urls::from_env("ANNALS_PGBOUNCER").unwrap()));
annals::conformance!(postgres, Postgres(Urls::from_env("ANNALS_POSTGRES").unwrap()));
annals::conformance!(sqlite, SqliteFiles::default());
annals::conformance!(
    sqlite_chained,
    SqliteFiles { always: Some(HashFormula::AnnalsV1), ..SqliteFiles::default() }
);
annals::conformance!(sqlserver, SqlServer(Urls::from_env("ANNALS_SQLSERVER").unwrap()));

/// As `annals verify` does it: beside a store in use, and nothing is left behind.
#[tokio::test(flavor = "multi_thread")]
async fn verifying_a_url_leaves_its_store_alone() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("used.db").display());
    let used = EventStore::connect(&url).await.unwrap();
    used.append("a", Expected::Any, [NewEvent::json("noted", &1).unwrap()]).await.unwrap();
    let suite = Suite::new(Urls::new(url).unwrap());
    for rule in RULES.iter().filter(|rule| matches!(rule.number, 3 | 15 | 19..=23)) {
        let report = suite.check(rule).await;
        assert!(report.result.is_ok(), "{report}");
    }
    assert_eq!(used.stats().await.unwrap().events, 1);
    let left: Vec<String> = rusqlite::Connection::open(directory.path().join("used.db"))
        .unwrap()
        .prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%verify%'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    assert_eq!(left, Vec::<String>::new());
    assert!(Urls::new("sqlite:a.db?namespace=mine").is_err());
    let nowhere = Suite::new(Urls::from_env("ANNALS_NO_SUCH_VARIABLE").unwrap());
    assert!(matches!(nowhere.check(&RULES[0]).await.result, Ok(Outcome::NotRun { .. })));
}

/// Each store in a file of its own, or in a namespace beside another. The name of a store is its file,
/// namespace and hash chain, a line each.
#[derive(Default)]
struct SqliteFiles {
    directory: OnceLock<tempfile::TempDir>,
    next: AtomicUsize,
    /// The chain of every store, also of those where the suite asks for none.
    always: Option<HashFormula>,
}

impl SqliteFiles {
    fn name(&self, namespace: &str, formula: Option<HashFormula>) -> String {
        let directory = self.directory.get_or_init(|| tempfile::tempdir().unwrap());
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let chain = formula.map_or("", HashFormula::name);
        format!("{}\n{namespace}\n{chain}", directory.path().join(format!("{n}.db")).display())
    }
}

fn options(name: &str) -> SqliteOptions {
    let mut parts = name.lines();
    SqliteOptions {
        path: PathBuf::from(parts.next().unwrap()),
        namespace: parts
            .next()
            .filter(|part| !part.is_empty())
            .map(|part| part.parse::<Namespace>().unwrap()),
        hash_chain: parts.next().map(|part| part.parse().unwrap()),
        create: true,
    }
}

impl Harness for SqliteFiles {
    fn fresh(&self) -> String {
        self.name("", self.always)
    }

    fn open<'a>(&'a self, store: &'a str) -> BoxFuture<'a, Result<Arc<dyn Backend>>> {
        Box::pin(async move { Ok(Arc::new(SqliteStore::open(options(store)).await?) as Arc<dyn Backend>) })
    }

    fn chained(&self, formula: HashFormula) -> Option<String> {
        Some(self.name("", Some(formula)))
    }

    fn sibling(&self, store: &str) -> Option<String> {
        let path = options(store).path;
        Some(format!("{}\nshop_2\n{}", path.display(), self.always.map_or("", HashFormula::name)))
    }

    fn tamper<'a>(&'a self, store: &'a str, tampering: Tampering) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            tamper(&options(store), tampering)
                .map(|()| true)
                .map_err(|e| annals::Error::with_source(ErrorKind::Internal, "could not tamper", e))
        })
    }
}

/// What somebody with the file and every right can do.
fn tamper(store: &SqliteOptions, tampering: Tampering) -> rusqlite::Result<()> {
    let connection = rusqlite::Connection::open(&store.path)?;
    let triggers: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for trigger in triggers {
        connection.execute_batch(&format!("DROP TRIGGER {trigger}"))?;
    }
    let sql = match tampering {
        Tampering::ChangePayload(p) => format!("UPDATE annals_events SET payload = '77' WHERE position = {p}"),
        Tampering::ChangeType(p) => format!("UPDATE annals_events SET event_type = 'x' WHERE position = {p}"),
        Tampering::Remove(p) => format!("DELETE FROM annals_events WHERE position = {p}"),
        Tampering::Insert => "CREATE TEMP TABLE forged AS SELECT * FROM annals_events WHERE position = 20; \
             UPDATE forged SET position = 21, event_id = randomblob(16), stream_version = stream_version + 1; \
             INSERT INTO annals_events SELECT * FROM forged;"
            .to_owned(),
        Tampering::NewerSchema => "UPDATE annals_store SET schema_version = schema_version + 1".to_owned(),
        other => panic!("{other:?} is new"),
    };
    connection.execute_batch(&sql)
}

/// Stores on MySQL or MariaDB, which somebody with every right on the tables can tamper with.
struct Mysql(Urls);

impl Harness for Mysql {
    fn fresh(&self) -> String {
        self.0.fresh()
    }

    fn open<'a>(&'a self, store: &'a str) -> BoxFuture<'a, Result<Arc<dyn Backend>>> {
        self.0.open(store)
    }

    fn chained(&self, formula: HashFormula) -> Option<String> {
        self.0.chained(formula)
    }

    fn sibling(&self, store: &str) -> Option<String> {
        self.0.sibling(store)
    }

    fn missing(&self) -> Option<String> {
        self.0.missing()
    }

    fn tamper<'a>(&'a self, store: &'a str, tampering: Tampering) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let (server, options) = store.split_once('?').unwrap();
            let namespace = options.split('&').find_map(|option| option.strip_prefix("namespace=")).unwrap();
            let p = format!("annals__{namespace}__");
            let sql = match tampering {
                Tampering::ChangePayload(at) => {
                    format!("UPDATE {p}events SET payload = '77' WHERE position = {at}")
                }
                Tampering::ChangeType(at) => {
                    format!("UPDATE {p}events SET event_type = 'x' WHERE position = {at}")
                }
                Tampering::Remove(at) => format!("DELETE FROM {p}events WHERE position = {at}"),
                Tampering::Insert => format!(
                    "CREATE TEMPORARY TABLE forged AS SELECT * FROM {p}events WHERE position = 20;
                     UPDATE forged SET position = 21, event_id = REPEAT('x', 16), stream_version = stream_version + 1;
                     INSERT INTO {p}events SELECT * FROM forged; DROP TEMPORARY TABLE forged"
                ),
                Tampering::NewerSchema => format!("UPDATE {p}store SET schema_version = schema_version + 1"),
                other => panic!("{other:?} is new"),
            };
            let sql = format!(
                "DROP TRIGGER IF EXISTS {p}events_no_update; DROP TRIGGER IF EXISTS {p}events_no_delete; {sql}"
            );
            let mut conn = mysql_async::Conn::from_url(server).await.unwrap();
            conn.query_drop(sql).await.unwrap();
            Ok(true)
        })
    }

    fn finish<'a>(&'a self, store: &'a str) -> BoxFuture<'a, ()> {
        self.0.finish(store)
    }
}

/// Each store in a namespace of its own, which somebody with every right can tamper with.
struct Postgres(Urls);

impl Harness for Postgres {
    fn fresh(&self) -> String {
        self.0.fresh()
    }

    fn open<'a>(&'a self, store: &'a str) -> BoxFuture<'a, Result<Arc<dyn Backend>>> {
        self.0.open(store)
    }

    fn chained(&self, formula: HashFormula) -> Option<String> {
        self.0.chained(formula)
    }

    fn sibling(&self, store: &str) -> Option<String> {
        self.0.sibling(store)
    }

    fn missing(&self) -> Option<String> {
        self.0.missing()
    }

    fn tamper<'a>(&'a self, store: &'a str, tampering: Tampering) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let (server, options) = store.split_once('?').unwrap();
            let namespace = options.split('&').find_map(|option| option.strip_prefix("namespace=")).unwrap();
            let s = format!("annals__{namespace}");
            let sql = match tampering {
                Tampering::ChangePayload(p) => {
                    format!("UPDATE {s}.events SET payload = '77' WHERE position = {p}")
                }
                Tampering::ChangeType(p) => {
                    format!("UPDATE {s}.events SET event_type = 'x' WHERE position = {p}")
                }
                Tampering::Remove(p) => format!("DELETE FROM {s}.events WHERE position = {p}"),
                Tampering::Insert => format!(
                    "CREATE TEMP TABLE forged AS SELECT * FROM {s}.events WHERE position = 20;
                     UPDATE forged SET position = 21, event_id = gen_random_uuid(),
                     stream_version = stream_version + 1;
                     INSERT INTO {s}.events SELECT * FROM forged; DROP TABLE forged"
                ),
                Tampering::NewerSchema => format!("UPDATE {s}.store SET schema_version = schema_version + 1"),
                other => panic!("{other:?} is new"),
            };
            // One transaction: behind a pooler it is one session.
            let sql = format!("BEGIN; ALTER TABLE {s}.events DISABLE TRIGGER ALL; {sql}; COMMIT");
            crate::postgres::client(server).await.batch_execute(&sql).await.unwrap();
            Ok(true)
        })
    }

    fn finish<'a>(&'a self, store: &'a str) -> BoxFuture<'a, ()> {
        self.0.finish(store)
    }
}

/// Stores on SQL Server, which somebody with every right on the tables can tamper with.
struct SqlServer(Urls);

impl Harness for SqlServer {
    fn fresh(&self) -> String {
        self.0.fresh()
    }

    fn open<'a>(&'a self, store: &'a str) -> BoxFuture<'a, Result<Arc<dyn Backend>>> {
        self.0.open(store)
    }

    fn chained(&self, formula: HashFormula) -> Option<String> {
        self.0.chained(formula)
    }

    fn sibling(&self, store: &str) -> Option<String> {
        self.0.sibling(store)
    }

    fn missing(&self) -> Option<String> {
        self.0.missing()
    }

    fn tamper<'a>(&'a self, store: &'a str, tampering: Tampering) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let (_, options) = store.split_once('?').unwrap();
            let namespace = options.split('&').find_map(|option| option.strip_prefix("namespace=")).unwrap();
            let s = format!("[annals__{namespace}]");
            let sql = match tampering {
                Tampering::ChangePayload(p) => {
                    format!("UPDATE {s}.[events] SET payload = N'77' WHERE position = {p}")
                }
                // The text and what it is compared by, so that only the chain can tell.
                Tampering::ChangeType(p) => format!(
                    "UPDATE {s}.[events] SET event_type = N'x', event_type_key = 0x78 WHERE position = {p}"
                ),
                Tampering::Remove(p) => format!("DELETE FROM {s}.[events] WHERE position = {p}"),
                Tampering::Insert => {
                    let same = "stream_id, stream_id_key, category_key, event_type, event_type_key, \
                        schema_version, occurred_at, recorded_at, payload, payload_bytes, payload_digest, \
                        predecessor_hash, hash";
                    format!(
                        "INSERT INTO {s}.[events] (position, event_id, stream_version, {same}) \
                         SELECT 21, NEWID(), stream_version + 1, {same} FROM {s}.[events] WHERE position = 20"
                    )
                }
                Tampering::NewerSchema => {
                    format!("UPDATE {s}.[store] SET schema_version = schema_version + 1")
                }
                other => panic!("{other:?} is new"),
            };
            let mut session = Session::open(&store.parse()?).await?;
            let client = session.client().await?;
            let trigger = format!("DROP TRIGGER {s}.[events_append_only]");
            for sql in [trigger, sql] {
                client.simple_query(sql).await.unwrap().into_results().await.unwrap();
            }
            Ok(true)
        })
    }

    fn finish<'a>(&'a self, store: &'a str) -> BoxFuture<'a, ()> {
        self.0.finish(store)
    }
}
