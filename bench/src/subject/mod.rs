//! What is measured: a store behind the few operations that every workload is made of. Another database is
//! another implementation and a line in [`Kind::ALL`].

mod annals_store;
mod plain_mysql;
pub(crate) mod plain_postgres;
mod plain_sqlite;

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::Loaded;
use annals::backend::BoxFuture;

use self::annals_store::Annals;
use crate::load::Random;
use crate::order::Order;
use crate::workload::Workload;

pub(crate) use crate::load::{Fact, Outcome};

/// A store that was opened fresh.
pub(crate) trait Subject: Send + Sync {
    /// Appends events to a stream that is at `expected`, all or none, durably where the store is durable.
    fn append<'a>(&'a self, stream: &'a str, expected: u64, facts: Vec<Fact>) -> BoxFuture<'a, Outcome<()>>;

    /// Reads a whole stream into owned events; says how many.
    fn read_stream<'a>(&'a self, stream: &'a str) -> BoxFuture<'a, Outcome<u64>>;

    /// Reads every event in the order of the store; says how many.
    fn read_all(&self) -> BoxFuture<'_, Outcome<u64>>;

    /// Loads the state of a stream, with snapshots kept or from its events alone.
    fn load<'a>(&'a self, _stream: &'a str, _snapshots: bool) -> BoxFuture<'a, Outcome<Loaded<Order>>> {
        Box::pin(std::future::ready(Err("no states are loaded from it".into())))
    }

    /// Lets the store do now what it would do after a large load at a time of its own, and waits for
    /// snapshots that are being saved.
    fn settle(&self) -> BoxFuture<'_, Outcome<()>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Takes away what closing does not.
    fn finish(&self) -> BoxFuture<'_, Outcome<()>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Appends to a stream after each of the pauses for a time, and says how long each event took from the call
    /// of append to the hands of a live subscriber; `None` for a store without subscriptions.
    fn deliveries(&self, time: Duration, pauses: Pauses) -> BoxFuture<'_, Outcome<Option<Vec<Duration>>>>;
}

/// Which stores there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    Sqlite,
    Plain,
    Postgres,
    /// With so many connections.
    PlainPostgres(usize),
    /// The same tables read by COPY.
    CopyPostgres,
    Mysql,
    PlainMysql(usize),
    Mariadb,
    PlainMariadb(usize),
    SqlServer,
    /// Another event store, in the program of `peers`.
    Peer(&'static str),
}

/// The variable with the URL of a PostgreSQL server for the stores to be measured there.
const POSTGRES: &str = "ANNALS_POSTGRES";

/// Likewise.
const MYSQL: &str = "ANNALS_MYSQL";

/// Likewise.
const MARIADB: &str = "ANNALS_MARIADB";

/// Likewise.
const SQLSERVER: &str = "ANNALS_SQLSERVER";

/// The variable with the program of the other event stores, `bench/peers` built.
const PEERS: &str = "ANNALS_BENCH_PEERS";

/// The database of those that are a file.
const FILE: &str = "store.db";

/// The connections of what is only read, while it is loaded.
const LOADING: usize = 4;

impl Kind {
    const ALL: [Self; 17] = [
        Self::Memory,
        Self::Sqlite,
        Self::Plain,
        Self::Postgres,
        Self::PlainPostgres(1),
        Self::PlainPostgres(64),
        Self::CopyPostgres,
        Self::Mysql,
        Self::PlainMysql(1),
        Self::PlainMysql(64),
        Self::Mariadb,
        Self::PlainMariadb(1),
        Self::PlainMariadb(64),
        Self::SqlServer,
        Self::Peer("postgres-es"),
        Self::Peer("disintegrate-postgres"),
        Self::Peer("message-db"),
    ];

    /// Those that can be measured here.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let is_set = |name: &str| std::env::var_os(name).is_some();
        Self::ALL.into_iter().filter(move |kind| {
            kind.server().is_none_or(is_set) && (is_set(PEERS) || !matches!(kind, Self::Peer(_)))
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::Plain => "plain",
            Self::Postgres => "postgres",
            Self::PlainPostgres(1) => "plain-postgres-1",
            Self::PlainPostgres(_) => "plain-postgres-64",
            Self::CopyPostgres => "copy-postgres",
            Self::Mysql => "mysql",
            Self::PlainMysql(1) => "plain-mysql-1",
            Self::PlainMysql(_) => "plain-mysql-64",
            Self::Mariadb => "mariadb",
            Self::PlainMariadb(1) => "plain-mariadb-1",
            Self::PlainMariadb(_) => "plain-mariadb-64",
            Self::SqlServer => "sqlserver",
            Self::Peer(name) => name,
        }
    }

    /// The variable that names its server.
    fn server(self) -> Option<&'static str> {
        match self {
            Self::Memory | Self::Sqlite | Self::Plain => None,
            Self::Postgres | Self::PlainPostgres(_) | Self::CopyPostgres | Self::Peer(_) => Some(POSTGRES),
            Self::Mysql | Self::PlainMysql(_) => Some(MYSQL),
            Self::Mariadb | Self::PlainMariadb(_) => Some(MARIADB),
            Self::SqlServer => Some(SQLSERVER),
        }
    }

    fn is_plain(self) -> bool {
        matches!(self, Self::Plain | Self::PlainPostgres(_) | Self::PlainMysql(_) | Self::PlainMariadb(_))
    }

    /// Whether it is the plain use of the database that the other uses.
    pub(crate) fn is_plain_of(self, other: Self) -> bool {
        self.is_plain() && self.server() == other.server()
    }

    /// Whether it has what the workload needs.
    pub(crate) fn takes_part_in(self, workload: Workload) -> bool {
        let is_annals = !self.is_plain();
        match workload {
            Workload::Append { batch, hash_chain, .. } if self.peer().is_some() => batch == 1 && !hash_chain,
            _ if self.peer().is_some() => false,
            Workload::ReadAll { .. } => true,
            _ if self == Self::CopyPostgres => false,
            Workload::Append { hash_chain, .. } => is_annals || !hash_chain,
            Workload::Processes { .. } => self == Self::Postgres,
            Workload::Delivery { apart: true, .. } => is_annals && self != Self::Memory,
            // One connection would be the subscriber's, and there would be no other writers.
            Workload::Delivery { writers, .. } => writers == 0 || !matches!(self, Self::PlainPostgres(1)),
            Workload::ReadStream { .. } => true,
            // In no store: one of ours stands for the types, one of the others for doing it by hand.
            Workload::Decode { .. } => matches!(self, Self::Memory | Self::Plain),
            Workload::Load { .. } => is_annals,
        }
    }

    /// The program of another event store.
    pub(crate) fn peer(self) -> Option<Command> {
        matches!(self, Self::Peer(_)).then(peers).flatten().map(Command::new)
    }

    /// The URL of its server; empty where there is none.
    pub(crate) fn server_url(self) -> Outcome<String> {
        Ok(self.server().map(std::env::var).transpose()?.unwrap_or_default())
    }

    /// Opens a store that another process has made and takes away.
    pub(crate) async fn open_shared(self, server: &str, namespace: &str) -> Outcome<Arc<dyn Subject>> {
        match self {
            Self::Postgres => Ok(Arc::new(annals_store::postgres(server, namespace, false).await?)),
            _ => Err(format!("{} is not measured with several processes", self.name()).into()),
        }
    }

    /// Opens a store that holds nothing in an empty directory, or in a namespace of its own.
    pub(crate) async fn open(
        self,
        directory: &Path,
        namespace: &str,
        hash_chain: bool,
    ) -> Outcome<Arc<dyn Subject>> {
        let server = self.server_url()?;
        Ok(match self {
            Self::Plain => Arc::new(plain_sqlite::open(directory.join(FILE)).await?),
            Self::PlainPostgres(connections) => {
                Arc::new(plain_postgres::Plain::open(&server, namespace, connections).await?)
            }
            Self::CopyPostgres => {
                Arc::new(plain_postgres::Plain::open(&server, namespace, LOADING).await?.read_by_copy())
            }
            Self::PlainMysql(connections) | Self::PlainMariadb(connections) => {
                Arc::new(plain_mysql::Plain::open(&server, namespace, connections).await?)
            }
            _ => Arc::new(self.open_annals(directory, namespace, hash_chain).await?),
        })
    }

    /// The same with a subscriber that learns of appends as one in another process does: the store is opened
    /// once more for it.
    pub(crate) async fn open_apart(self, directory: &Path, namespace: &str) -> Outcome<Arc<dyn Subject>> {
        let store = self.open_annals(directory, namespace, false).await?;
        Ok(Arc::new(store.subscribed_to_in(self.open_annals(directory, namespace, false).await?)))
    }

    async fn open_annals(self, directory: &Path, namespace: &str, hash_chain: bool) -> Outcome<Annals> {
        let server = self.server_url()?;
        match self {
            Self::Memory => annals_store::memory(hash_chain),
            Self::Sqlite => annals_store::sqlite(directory.join(FILE), hash_chain).await,
            Self::Postgres => annals_store::postgres(&server, namespace, hash_chain).await,
            Self::Mysql | Self::Mariadb => annals_store::mysql(&server, namespace, hash_chain).await,
            Self::SqlServer => annals_store::sqlserver(&server, namespace, hash_chain).await,
            _ => Err(format!("{} is not opened by this program as a store of Annals", self.name()).into()),
        }
    }
}

/// The program of the other event stores, where there is one.
pub(crate) fn peers() -> Option<OsString> {
    std::env::var_os(PEERS)
}

/// A name that no other run has.
pub(crate) fn namespace() -> String {
    format!("bench_{}", annals::EventId::new().uuid().simple().to_string().split_off(20))
}

/// Pauses of `least` and up to `spread` more, made from a seed.
pub(crate) struct Pauses {
    pub(crate) least: Duration,
    pub(crate) spread: Duration,
    pub(crate) random: Random,
}

impl Pauses {
    /// Waits until `time` has passed since `start`, or for the next pause if that is sooner; false when it is
    /// over.
    pub(crate) async fn next(&mut self, start: Instant, time: Duration) -> bool {
        let more = self.random.below(u64::try_from(self.spread.as_micros()).unwrap_or(u64::MAX).max(1));
        let left = time.saturating_sub(start.elapsed());
        tokio::time::sleep((self.least + Duration::from_micros(more)).min(left)).await;
        start.elapsed() < time
    }
}
