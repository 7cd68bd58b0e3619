//! Real database servers for the tests, private to one run: each in a temporary directory, on a free port of
//! 127.0.0.1. What is missing is fetched once and kept below `target/servers`; the machine's own packages
//! and services are left as they are. Tests find the servers by the environment.

mod apt;
mod certificates;
mod control;
mod ground;
mod guard;
mod mariadb;
mod mysql;
mod pgbouncer;
mod postgres;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;

pub(crate) use self::ground::target;
use self::ground::{Absent, Ground, installed};
use crate::{Outcome, say};

/// The modules of tests that have to run, and the servers they need beside.
pub(crate) const REQUIRE: &str = "ANNALS_REQUIRE";

/// The stores that need no server.
const WITHOUT_SERVER: &str = "memory,sqlite";

/// One server that tests know.
struct Product {
    title: &'static str,
    /// The module of its tests.
    module: &'static str,
    /// The variable with its URL. Somebody who sets it wants their own server to be used.
    variable: &'static str,
}

const POSTGRES: Product = Product { title: "PostgreSQL", module: "postgres", variable: "ANNALS_POSTGRES" };
/// A second one, which tests may crash, and restore what the first one dumped.
const POSTGRES_CRASH: Product =
    Product { title: "PostgreSQL to crash", module: "postgres_crash", variable: "ANNALS_POSTGRES_CRASH" };
const PGBOUNCER: Product = Product { title: "PgBouncer", module: "pgbouncer", variable: "ANNALS_PGBOUNCER" };
const MARIADB: Product = Product { title: "MariaDB", module: "mariadb", variable: "ANNALS_MARIADB" };
/// Second ones, which tests may crash, and restore what the first ones dumped.
const MARIADB_CRASH: Product =
    Product { title: "MariaDB to crash", module: "mariadb_crash", variable: "ANNALS_MARIADB_CRASH" };
const MYSQL_CRASH: Product =
    Product { title: "Oracle MySQL to crash", module: "mysql_crash", variable: "ANNALS_MYSQL_CRASH" };
const MYSQL: Product = Product { title: "Oracle MySQL", module: "mysql", variable: "ANNALS_MYSQL" };
/// Never started here: there is no package of it that may be fetched.
const SQLSERVER: Product = Product { title: "SQL Server", module: "sqlserver", variable: "ANNALS_SQLSERVER" };

/// A server that answers.
struct Running {
    version: String,
    port: u16,
    url: String,
    /// Starts and ends it.
    script: PathBuf,
    /// The certificate of the authority that its own is from.
    authority: PathBuf,
}

/// What became of a product.
enum State {
    Running(Running),
    /// Another server than ours, given by its variable.
    Given,
    Absent(Absent),
}

/// All servers; they end when this is dropped.
pub(crate) struct Servers {
    states: Vec<(Product, State)>,
    ground: Option<Ground>,
}

/// `cargo xtask servers`: for working by hand.
pub(crate) fn run() -> Outcome {
    let (servers, ()) = Servers::start(|_| ())?;
    let mut out = std::io::stdout().lock();
    for (name, value) in servers.environment() {
        writeln!(out, "export {name}='{value}'").map_err(|e| e.to_string())?;
    }
    for skipped in servers.skipped() {
        say(&format!("skipped: {skipped}"));
    }
    servers.failed()?;
    say("Ctrl-C ends them");
    loop {
        thread::park();
    }
}

impl Servers {
    /// Starts all of them while something else is done.
    pub(crate) fn start<T>(meanwhile: impl FnOnce(&Self) -> T) -> Result<(Self, T), String> {
        if !cfg!(target_os = "linux") || installed("setsid").is_none() {
            let why = "servers are started on Linux with setsid only";
            let products =
                [POSTGRES, POSTGRES_CRASH, PGBOUNCER, MARIADB, MARIADB_CRASH, MYSQL, MYSQL_CRASH, SQLSERVER];
            let states = products.map(|product| {
                let state = product.given().unwrap_or_else(|| State::Absent(Absent::Skipped(why.into())));
                (product, state)
            });
            let servers = Self { states: states.into(), ground: None };
            let done = meanwhile(&servers);
            return Ok((servers, done));
        }
        let ground = Ground::new()?;
        let mut servers = Self { states: Vec::new(), ground: Some(ground) };
        let (states, done) = thread::scope(|scope| {
            let ground = servers.ground.as_ref().expect("made above");
            let postgres = scope.spawn(|| all_of_postgres(ground));
            // One after the other: both are made of the same packages, which may have to be fetched.
            let mariadb = scope.spawn(|| {
                let first = MARIADB.start(|| mariadb::start(ground, "mariadb"));
                [first, MARIADB_CRASH.start(|| mariadb::start(ground, "mariadb-crash"))]
            });
            let mysql = scope.spawn(|| {
                let first = MYSQL.start(|| mysql::start(ground, "mysql", true));
                [first, MYSQL_CRASH.start(|| mysql::start(ground, "mysql-crash", false))]
            });
            let done = meanwhile(&servers);
            let mut states = postgres.join().expect("starting a server does not panic");
            let [mariadb, mariadb_crash] = mariadb.join().expect("starting a server does not panic");
            let [mysql, mysql_crash] = mysql.join().expect("starting a server does not panic");
            states.extend([(MARIADB, mariadb), (MARIADB_CRASH, mariadb_crash)]);
            states.extend([(MYSQL, mysql), (MYSQL_CRASH, mysql_crash)]);
            let why = "compose.yaml has one in a container; ANNALS_SQLSERVER says where a server is";
            let sqlserver = SQLSERVER.start(|| Err(Absent::Skipped(why.into())));
            states.push((SQLSERVER, sqlserver));
            (states, done)
        });
        servers.states = states;
        Ok((servers, done))
    }

    /// Lets a command end when this process does, however that ends.
    pub(crate) fn adopt<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        match &self.ground {
            Some(ground) => ground.guard.adopt(command),
            None => command,
        }
    }

    /// What tests are told: where the servers are, how to end and start them, and which have to be there.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let mut environment = Vec::new();
        let mut required = WITHOUT_SERVER.to_owned();
        for (product, state) in &self.states {
            if let State::Running(server) = state {
                environment.push((product.variable.to_owned(), server.url.clone()));
                let mut also = |what: &str, path: &Path| {
                    environment.push((format!("{}_{what}", product.variable), path.display().to_string()));
                };
                also("SERVER", &server.script);
                also("CA", &server.authority);
            }
            if !matches!(state, State::Absent(_)) {
                required = format!("{required},{}", product.module);
            }
        }
        if std::env::var_os(REQUIRE).is_none() {
            environment.push((REQUIRE.to_owned(), required));
        }
        environment
    }

    /// What cannot be had here, and why.
    pub(crate) fn skipped(&self) -> Vec<String> {
        let skipped = self.states.iter().filter_map(|(product, state)| match state {
            State::Absent(Absent::Skipped(why)) => Some(format!("{}: {why}", product.title)),
            _ => None,
        });
        skipped.collect()
    }

    /// Fails when a server did not start.
    pub(crate) fn failed(&self) -> Outcome {
        let failed = self.states.iter().filter_map(|(product, state)| match state {
            State::Absent(Absent::Failed(why)) => Some(format!("{} did not start: {why}", product.title)),
            _ => None,
        });
        let failed: Vec<String> = failed.collect();
        if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
    }
}

impl Product {
    fn given(&self) -> Option<State> {
        std::env::var_os(self.variable).map(|_| State::Given)
    }

    /// Starts it, unless there is one already, and says what came of it.
    fn start(&self, start: impl FnOnce() -> Result<Running, Absent>) -> State {
        if let Some(given) = self.given() {
            say(&format!("{}: the one that {} names", self.title, self.variable));
            return given;
        }
        let begin = Instant::now();
        match start() {
            Ok(server) => {
                let took = begin.elapsed().as_secs_f32();
                say(&format!("{} {} on port {}, {took:.1} s", self.title, server.version, server.port));
                State::Running(server)
            }
            Err(absent) => {
                match &absent {
                    Absent::Skipped(why) => say(&format!("skipped: {}: {why}", self.title)),
                    Absent::Failed(why) => say(&format!("{} did not start: {why}", self.title)),
                }
                State::Absent(absent)
            }
        }
    }
}

/// One after the other: they are made of the same packages, which may have to be fetched.
fn all_of_postgres(ground: &Ground) -> Vec<(Product, State)> {
    let postgres = POSTGRES.start(|| postgres::start(ground, "postgres"));
    let crash = POSTGRES_CRASH.start(|| postgres::start(ground, "postgres-crash"));
    let pgbouncer = PGBOUNCER.start(|| match &postgres {
        State::Running(server) => pgbouncer::start(ground, server.port),
        State::Given => {
            let why = "it stands before our own PostgreSQL, and ANNALS_POSTGRES names another";
            Err(Absent::Skipped(why.into()))
        }
        State::Absent(_) => Err(Absent::Skipped("there is no PostgreSQL behind it".into())),
    });
    vec![(POSTGRES, postgres), (POSTGRES_CRASH, crash), (PGBOUNCER, pgbouncer)]
}

/// Words of a command.
fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}
