//! Catching up with a log: a read model of one upsert an event, beside a loop by hand that reads the same events
//! in the same batches and writes the same rows, with two partitions beside one, and beside other event stores.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use annals::backend::Backend as _;
use annals::postgres::tokio_postgres::types::Type;
use annals::postgres::tokio_postgres::{self, Client, NoTls};
use annals::postgres::{self, PostgresOptions, PostgresStore, Tx};
use annals::prelude::*;
use annals::project::{Projector, ReadModel, Tables, Target};
use annals::sqlite::rusqlite::{Connection, Row, Transaction};
use annals::sqlite::{self, ProjectionResult, SqliteOptions, SqliteStore};
use annals::{Append, Options, Query, RecordedEvent, StoreUrl};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::deposits::{ACCOUNTS, BATCH, TABLE, deposits, sums, upsert, verify};
use crate::load::Outcome;
use crate::machine::PeakMemory;
use crate::subject;

/// Events in a transaction, as the projector has them.
const PAGE: i64 = 512;

#[derive(Serialize, Deserialize)]
struct Deposited {
    cents: i64,
}

/// Other event stores, as they are called here and by the program of `peers`.
const PEERS: [(&str, &str); 2] = [
    ("disintegrate-postgres", "disintegrate-postgres"),
    ("disintegrate-postgres, async commits", "disintegrate-postgres-async"),
];

#[derive(Clone)]
struct Accounts {
    sql: String,
}

impl Accounts {
    fn new(parameters: [&str; 2]) -> Self {
        Self { sql: upsert("{accounts}", parameters) }
    }

    fn model() -> ReadModel {
        ReadModel::new("accounts", Query::all()).table("accounts")
    }
}

impl sqlite::Projection for Accounts {
    fn read_model(&self) -> ReadModel {
        Self::model()
    }

    fn create(&self, tx: &Transaction<'_>, tables: &Tables) -> ProjectionResult {
        Ok(tx.execute_batch(&tables.sql(&format!("CREATE TABLE {{accounts}} {TABLE}")))?)
    }

    fn apply(&mut self, tx: &Transaction<'_>, tables: &Tables, event: &RecordedEvent) -> ProjectionResult {
        let Deposited { cents } = serde_json::from_str(event.payload.json().ok_or("no JSON")?.as_str())?;
        tx.prepare_cached(&tables.sql(&self.sql))?.execute((event.stream_id.as_str(), cents))?;
        Ok(())
    }
}

impl postgres::Projection for Accounts {
    fn read_model(&self) -> ReadModel {
        Self::model()
    }

    async fn create(&self, tx: &Tx<'_>, tables: &Tables) -> ProjectionResult {
        Ok(tx.batch_execute(&tables.sql(&format!("CREATE TABLE {{accounts}} {TABLE}"))).await?)
    }

    async fn apply(&mut self, tx: &Tx<'_>, tables: &Tables, event: &RecordedEvent) -> ProjectionResult {
        let Deposited { cents } = serde_json::from_str(event.payload.json().ok_or("no JSON")?.as_str())?;
        let account = event.stream_id.as_str();
        tx.execute_cached(&tables.sql(&self.sql), &[(&account, Type::VARCHAR), (&cents, Type::INT8)]).await?;
        Ok(())
    }
}

/// Loads so many events and measures each way of taking them in, in turn.
pub(crate) async fn run(dir: &Path, server: Option<&str>, events: u64, rounds: usize) -> Outcome<()> {
    let peak = PeakMemory::watch();
    let file = dir.join("log.db");
    let log = EventStore::new(
        std::sync::Arc::new(SqliteStore::open(SqliteOptions::new(file.clone())).await?),
        Options::default(),
    );
    load(&log, events).await?;
    let mut ways: Vec<(&str, Vec<f64>)> = Vec::new();
    let mut note = |name: &'static str, seconds: f64| match ways.iter_mut().find(|(known, _)| *known == name)
    {
        Some((_, all)) => all.push(seconds),
        None => ways.push((name, vec![seconds])),
    };
    for round in 0..rounds {
        let views = |what: &str| dir.join(format!("views-{what}-{round}.db"));
        note("SQLite, loop by hand", timed(|| bare_sqlite(&file, &views("bare"))).await?);
        let target = |partitions| {
            sqlite::target(views(&format!("{partitions}")), Accounts::new(["?1", "?2"]))
                .partitions(partitions)
        };
        note("SQLite, projector", projected(&log, target(1), events).await?);
        note("SQLite, projector, 2 partitions", projected(&log, target(2), events).await?);
        for views in ["bare", "1", "2"].map(views) {
            let row = |row: &Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
            verify(Connection::open(views)?.query_row(&sums("accounts"), [], row)?, events)?;
        }
    }
    if let Some(server) = server {
        let namespace = subject::namespace();
        let url: StoreUrl =
            format!("{server}?sslmode=disable&connections=4&namespace={namespace}").parse()?;
        let backend = PostgresStore::open(PostgresOptions::try_from(&url)?).await?;
        let store = EventStore::new(std::sync::Arc::new(backend.clone()), Options::default());
        load(&store, events).await?;
        let client = connect(server).await?;
        client.batch_execute("VACUUM ANALYZE").await?;
        client.batch_execute("CHECKPOINT").await?;
        for round in 0..rounds {
            let place = |partitions| format!("bench_views_{partitions}_{round}");
            let target = |partitions| -> Outcome<Target> {
                let url: StoreUrl =
                    format!("{server}?sslmode=disable&schema={}", place(partitions)).parse()?;
                Ok(postgres::target(&url, Accounts::new(["$1", "$2"]))?.partitions(partitions))
            };
            // In a task, as the projector's work is: the thread that waits for all is woken later.
            let bare = tokio::spawn(bare_postgres(server.to_owned(), namespace.clone(), events));
            note("PostgreSQL, loop by hand", bare.await??);
            for (name, partitions) in
                [("PostgreSQL, projector", 1), ("PostgreSQL, projector, 2 partitions", 2)]
            {
                note(name, projected(&store, target(partitions)?, events).await?);
                verify(row(&client.query_one(&sums("accounts"), &[]).await?), events)?;
                let schema = place(partitions);
                client
                    .batch_execute(&format!(
                        "DROP VIEW accounts; DROP TABLE accounts__1; DROP SCHEMA {schema} CASCADE"
                    ))
                    .await?;
            }
            if let Some(program) = subject::peers() {
                for (name, peer) in PEERS {
                    if let Some(seconds) = by_peer(Command::new(&program), peer, server, events)? {
                        note(name, seconds);
                    }
                }
            }
        }
        backend.drop_namespace().await?;
    }
    let rebuilt = rebuild(&log, dir.join("views-rebuilt.db"), events).await?;
    report(events, ways, &rebuilt, &peak)
}

/// Builds tables anew while others append and read: readers never see them go back.
async fn rebuild(log: &EventStore, views: PathBuf, events: u64) -> Outcome<String> {
    let projector = Projector::new(log.clone()).with(sqlite::target(&views, Accounts::new(["?1", "?2"])));
    projector.catch_up().await?;
    let (end, ended) = watch::channel(false);
    let until = |mut ended: watch::Receiver<bool>| async move { drop(ended.wait_for(|ended| *ended).await) };
    let running = tokio::spawn({
        let ended = ended.clone();
        async move { projector.run(until(ended)).await }
    });
    let appending = tokio::spawn({
        let (log, ended) = (log.clone(), ended.clone());
        async move {
            let mut appended = 0_u64;
            while !*ended.borrow() {
                let event = NewEvent::json("deposited", &Deposited { cents: 1 })?;
                log.append("account-1", Expected::Any, [event]).await?;
                appended += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Outcome::Ok(appended)
        }
    });
    let reading = tokio::task::spawn_blocking({
        let (views, ended) = (views.clone(), ended.clone());
        move || watch_rows(&views, &ended)
    });
    let (control, begun) = (sqlite::control(&views), Instant::now());
    control.rebuild("accounts").await?;
    while control.status("accounts").await?.live == 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    end.send_replace(true);
    running.await??;
    let (appended, (reads, slowest)) = (appending.await??, reading.await??);
    Projector::new(log.clone()).with(sqlite::target(&views, Accounts::new(["?1", "?2"]))).catch_up().await?;
    let rows: i64 = Connection::open(&views)?.query_row(SUM, [], |row| row.get(0))?;
    if rows != (events + appended).cast_signed() {
        return Err(format!("the tables hold {rows} events instead of {}", events + appended).into());
    }
    Ok(format!(
        "SQLite, built anew beside the tables that serve: {seconds:.1} s, {:.0}/s, while {appended} events were appended; \
         {reads} reads of all rows, the slowest {:.1} ms, none went back",
        events as f64 / seconds,
        slowest.as_secs_f64() * 1e3
    ))
}

const SUM: &str = "SELECT COALESCE(SUM(deposits), 0) FROM accounts";

/// Reads the rows until it is over; says how often, and how long the longest time was.
fn watch_rows(views: &Path, ended: &watch::Receiver<bool>) -> Outcome<(u64, Duration)> {
    let connection = Connection::open(views)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    let (mut reads, mut slowest, mut last) = (0, Duration::ZERO, 0_i64);
    while !*ended.borrow() {
        let begun = Instant::now();
        let sum: i64 = connection.query_row(SUM, [], |row| row.get(0))?;
        (reads, slowest) = (reads + 1, slowest.max(begun.elapsed()));
        if sum < last {
            return Err(format!("readers saw {last} events, and then {sum}").into());
        }
        last = sum;
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok((reads, slowest))
}

fn report(events: u64, ways: Vec<(&str, Vec<f64>)>, rebuilt: &str, peak: &PeakMemory) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{events} events of {ACCOUNTS} streams, one upsert each, {PAGE} a transaction; medians")?;
    let mut bare = f64::NAN;
    for (name, mut seconds) in ways {
        seconds.sort_by(f64::total_cmp);
        let median = seconds[seconds.len() / 2];
        if name.ends_with("by hand") {
            bare = median;
        }
        let rate = events as f64 / median;
        writeln!(out, "{name:<38} {median:>7.1} s {rate:>9.0}/s  {:>5.2} of the loop", bare / median)?;
    }
    writeln!(out, "{rebuilt}")?;
    writeln!(out, "at most {} MiB of memory in this process, without what is mapped of files", peak.mib())?;
    Ok(())
}

async fn load(store: &EventStore, events: u64) -> Outcome<()> {
    let mut n = 0;
    while n < events {
        let appends = deposits(n..events.min(n + BATCH)).map(|(account, cents)| {
            let event = NewEvent::json("deposited", &Deposited { cents })?;
            Ok(Append::to(account.parse()?, Expected::Any, [event]))
        });
        let appends = appends.collect::<Outcome<Vec<_>>>()?;
        n += appends.len() as u64;
        for done in store.append_all(appends).await {
            done?;
        }
    }
    Ok(())
}

async fn projected(store: &EventStore, target: Target, events: u64) -> Outcome<f64> {
    let projector = Projector::new(store.clone()).with(target);
    let begun = Instant::now();
    let taken = projector.catch_up().await?;
    if taken != events {
        return Err(format!("{taken} events taken in instead of {events}").into());
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// Another event store takes in a log of its own, on the same server; nothing where it says that it cannot.
fn by_peer(mut program: Command, name: &str, server: &str, events: u64) -> Outcome<Option<f64>> {
    program.args(["project", name, server, &subject::namespace(), &events.to_string()]);
    let output = program.stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8(output.stdout)?;
    match said.trim().parse() {
        Ok(seconds) => Ok(Some(seconds)),
        Err(_) if output.status.success() => {
            writeln!(std::io::stderr().lock(), "{}", said.trim())?;
            Ok(None)
        }
        Err(_) => Err(format!("{name} was not measured: {said}").into()),
    }
}

async fn timed(work: impl FnOnce() -> Outcome<()>) -> Outcome<f64> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed().as_secs_f64())
}

fn bare_sqlite(log: &PathBuf, views: &PathBuf) -> Outcome<()> {
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536";
    let (log, mut views) = (Connection::open(log)?, Connection::open(views)?);
    views.execute_batch(&format!(
        "{pragmas}; CREATE TABLE accounts {TABLE}; CREATE TABLE place (at BIGINT)"
    ))?;
    views.execute("INSERT INTO place VALUES (0)", [])?;
    let mut select = log.prepare(
        "SELECT position, stream_id, event_type, payload FROM annals_events WHERE position > ?1 \
         ORDER BY position LIMIT ?2",
    )?;
    let mut after = 0_i64;
    loop {
        let row = |row: &Row<'_>| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
            ))
        };
        let page: Vec<_> = select.query_map([after, PAGE], row)?.collect::<Result<_, _>>()?;
        let Some((last, ..)) = page.last() else { return Ok(()) };
        after = *last;
        let tx = views.transaction()?;
        for (_, stream, _, payload) in &page {
            let Deposited { cents } = serde_json::from_str(payload)?;
            tx.prepare_cached(&upsert("accounts", ["?1", "?2"]))?.execute((stream, cents))?;
        }
        tx.execute("UPDATE place SET at = ?1", [after])?;
        tx.commit()?;
    }
}

async fn bare_postgres(server: String, namespace: String, events: u64) -> Outcome<f64> {
    let (log, mut views) = (connect(&server).await?, connect(&server).await?);
    views
        .batch_execute(&format!("CREATE TABLE bench_accounts {TABLE}; CREATE TABLE bench_place (at BIGINT)"))
        .await?;
    views.execute("INSERT INTO bench_place VALUES (0)", &[]).await?;
    let schema = subject::plain_postgres::schema_of(&namespace);
    let select = log
        .prepare(&format!(
            "SELECT position, stream_id, event_type, payload::text FROM {schema}.events WHERE position > $1 \
             ORDER BY position LIMIT $2"
        ))
        .await?;
    let upsert = views.prepare(&upsert("bench_accounts", ["$1", "$2"])).await?;
    let place = views.prepare("UPDATE bench_place SET at = $1").await?;
    let begun = Instant::now();
    let mut after = 0_i64;
    loop {
        let page = log.query(&select, &[&after, &PAGE]).await?;
        let Some(last) = page.last() else { break };
        after = last.get(0);
        let tx = views.transaction().await?;
        for row in &page {
            let Deposited { cents } = serde_json::from_str(row.get(3))?;
            tx.execute(&upsert, &[&row.get::<_, &str>(1), &cents]).await?;
        }
        tx.execute(&place, &[&after]).await?;
        tx.commit().await?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    verify(row(&views.query_one(&sums("bench_accounts"), &[]).await?), events)?;
    views.batch_execute("DROP TABLE bench_accounts, bench_place").await?;
    Ok(seconds)
}

fn row(row: &tokio_postgres::Row) -> [i64; 3] {
    [row.get(0), row.get(1), row.get(2)]
}

async fn connect(server: &str) -> Outcome<Client> {
    let (client, connection) = tokio_postgres::connect(server, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
