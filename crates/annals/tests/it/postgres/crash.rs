//! Crashes, pauses and restores on real servers with everything durable (rules 9 and 16).

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use annals::backend::{Backend as _, Direction, LogRange};
use annals::postgres::PostgresOptions;
use annals::prelude::*;
use annals::{Append, Delivery, Error, ErrorKind, EventId, Options, Position, StoreUrl};
use tokio::sync::MutexGuard;

use crate::dumped::Dumped;

use super::{CRASH, POSTGRES, Place, beside_server, client, control, noted, open, server, unique};

/// The store that a process started by a test writes to.
const WRITER: &str = "ANNALS_IT_POSTGRES_WRITER";

/// One test at a time may crash the server.
static CRASHING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The server to crash; `None` where there is none, or nobody told how to start it again.
async fn crashing() -> Option<MutexGuard<'static, ()>> {
    server(CRASH)?;
    beside_server(CRASH, "server")?;
    Some(CRASHING.lock().await)
}

async fn patient(url: &StoreUrl) -> EventStore {
    let options = Options { deadline: Duration::from_secs(60), ..Options::default() };
    EventStore::new(Arc::new(open(url).await), options)
}

/// Another process that appends until it is killed, and says the id of each event that was acknowledged.
struct Writer {
    child: Child,
    said: Arc<Mutex<Vec<EventId>>>,
    listener: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    fn start(url: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "postgres::crash::writer", "--nocapture", "--test-threads=1"])
            .env(WRITER, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said: Arc<Mutex<Vec<EventId>>> = Arc::default();
        let (out, heard) = (child.stdout.take().unwrap(), said.clone());
        let listener = std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Some(id) = line.strip_prefix("acknowledged ") {
                    heard.lock().unwrap().push(id.parse().unwrap());
                }
            }
        });
        Self { child, said, listener: Some(listener) }
    }

    fn signal(&self, name: &str) {
        let _ = Command::new("kill").args([name, &self.child.id().to_string()]).status();
    }

    /// Kills it, without a handler, a destructor or a flush; what it had said.
    fn kill(mut self) -> Vec<EventId> {
        self.end();
        std::mem::take(&mut self.said.lock().unwrap())
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end();
    }
}

/// Not a test: where the processes begin that tests start.
#[test]
fn writer() {
    let Ok(url) = std::env::var(WRITER) else { return };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let url: StoreUrl = url.parse().unwrap();
        // It may be started while the server is down.
        let store = loop {
            if let Ok(backend) =
                annals::postgres::PostgresStore::open(PostgresOptions::try_from(&url).unwrap()).await
            {
                let options = Options { deadline: Duration::from_secs(60), ..Options::default() };
                break EventStore::new(Arc::new(backend), options);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        println!();
        let lives = (0..4).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let stream = format!("{}-{n}", unique());
                for version in 0.. {
                    let event = noted(n).tagged("a:1".parse().unwrap());
                    let id = event.event_id;
                    let appended =
                        store.append(stream.as_str(), Expected::version(version), [event]).await.unwrap();
                    assert_eq!(appended.version().0, version + 1);
                    // One write, so that lines do not mix.
                    let line = format!("acknowledged {id}\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            })
        });
        for life in lives.collect::<Vec<_>>() {
            life.await.unwrap();
        }
    });
}

/// Follows the log while the server comes and goes; what it saw, in the order it did.
async fn follow(store: EventStore, done: Arc<AtomicBool>) -> Vec<(Position, EventId)> {
    let (mut seen, mut from) = (Vec::new(), Position(1));
    loop {
        let last_look = done.load(Ordering::SeqCst);
        let range = LogRange { query: Query::all(), from, direction: Direction::Forward, limit: 100 };
        match store.log_page(range).await {
            Ok(page) => {
                seen.extend(page.events.iter().map(|event| (event.position, event.event_id)));
                // A checkpoint may be anywhere up to here, so nothing may ever come up below it.
                from = page.through.next();
                if page.end && last_look {
                    return seen;
                }
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Sessions of somebody else: one that holds the ordering lock for a while and rolls back what it had
/// appended, and one that is idle in a transaction.
async fn disturb(server: &str, schema: &str, done: &AtomicBool) {
    while !done.load(Ordering::SeqCst) {
        let connected =
            annals::postgres::tokio_postgres::connect(server, annals::postgres::tokio_postgres::NoTls);
        let Ok((client, connection)) = connected.await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        tokio::spawn(connection);
        // The server may go away under it, which is the same as a rollback.
        let _ = client
            .batch_execute(&format!(
                "BEGIN; SELECT last_position FROM {schema}.store FOR NO KEY UPDATE;
                 INSERT INTO {schema}.events (position, event_id, stream_id, stream_version, category, event_type,
                 schema_version, occurred_at, recorded_at, payload) SELECT last_position + 1, gen_random_uuid(),
                 'rolled-back', 1, 'rolled', 'noted', 1, now(), now(), '1' FROM {schema}.store;
                 UPDATE {schema}.store SET last_position = last_position + 1;
                 SELECT pg_sleep(0.1); ROLLBACK; BEGIN; SELECT txid_current()"
            ))
            .await;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn order_and_acknowledged_events_survive_crashes_of_server_and_writers() {
    const ROUNDS: u64 = 9;
    let Some(_alone) = crashing().await else { return };
    let place = Place::beside(CRASH).await.unwrap();
    let durability = place.postgres.durability().await.unwrap();
    assert!(durability.durable && durability.settings.contains("fsync=on"), "{}", durability.settings);
    let server = server(CRASH).unwrap();
    let url = format!("{server}?namespace={}", place.schema.trim_start_matches("annals__"));

    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = [(); 2].map(|()| tokio::spawn(follow(place.store.clone(), done.clone()))).into();
    let disturber = tokio::spawn({
        let (server, schema, done) = (server.clone(), place.schema.clone(), done.clone());
        async move { disturb(&server, &schema, &done).await }
    });
    let mut writers: Vec<Writer> = (0..3).map(|_| Writer::start(&url)).collect();
    let mut acknowledged: Vec<EventId> = Vec::new();
    let pause = |millis| tokio::time::sleep(Duration::from_millis(millis));
    for round in 0..ROUNDS {
        pause(400).await;
        writers[0].signal("-STOP");
        match round % 3 {
            0 => {
                tokio::task::spawn_blocking(|| control(CRASH, "kill")).await.unwrap();
                pause(50).await;
                tokio::task::spawn_blocking(|| control(CRASH, "start")).await.unwrap();
            }
            1 => tokio::task::spawn_blocking(|| control(CRASH, "restart")).await.unwrap(),
            _ => {
                acknowledged.extend(writers.pop().unwrap().kill());
                writers.push(Writer::start(&url));
            }
        }
        pause(200).await;
        writers[0].signal("-CONT");
    }
    // All of them come back to work after the last blow.
    let before: Vec<usize> = writers.iter().map(|writer| writer.said.lock().unwrap().len()).collect();
    let patience = Instant::now() + Duration::from_secs(30);
    while writers.iter().zip(&before).any(|(writer, before)| writer.said.lock().unwrap().len() < before + 20)
    {
        assert!(Instant::now() < patience, "a writer does not go on");
        pause(20).await;
    }
    acknowledged.extend(writers.into_iter().flat_map(Writer::kill));
    done.store(true, Ordering::SeqCst);
    disturber.await.unwrap();

    let log = place.store.read_all().collect().await.unwrap();
    let truth: Vec<_> = log.iter().map(|event| (event.position, event.event_id)).collect();
    for reader in readers {
        let seen = reader.await.unwrap();
        // What a reader saw on its way is what is there: nothing has come up behind it.
        assert!(truth.starts_with(&seen), "a reader saw another log than there is");
    }
    assert!(truth.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(log.windows(2).all(|pair| pair[0].recorded_at <= pair[1].recorded_at));
    let stored: HashSet<EventId> = truth.iter().map(|(_, id)| *id).collect();
    let lost = acknowledged.iter().filter(|id| !stored.contains(id)).count();
    assert_eq!(lost, 0, "of {} acknowledged events", acknowledged.len());
    let holes = "SELECT count(*) FROM (SELECT stream_id FROM {s}.events GROUP BY stream_id \
                 HAVING max(stream_version) <> count(*)) holes";
    let place = Place { client: client(&server).await, ..place };
    assert_eq!(place.number(holes).await, 0, "streams with holes");
    assert_eq!(place.number("SELECT count(*) FROM {s}.events WHERE stream_id = 'rolled-back'").await, 0);
    println!("{} events, {} acknowledged, {ROUNDS} blows", truth.len(), acknowledged.len());
    assert!(acknowledged.len() > 50, "{} acknowledged", acknowledged.len());
    place.finish().await;
}

/// A subscription lives through the end of the server, and hears of what is written afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_goes_on_after_the_server_has_crashed() {
    let Some(_alone) = crashing().await else { return };
    let place = Place::beside(CRASH).await.unwrap();
    let mut subscription = place.store.subscribe(Query::all(), Start::Beginning).await.unwrap();
    let mut seen = Vec::new();
    for n in 0..6 {
        if n % 3 == 1 {
            tokio::task::spawn_blocking(|| control(CRASH, "kill")).await.unwrap();
            tokio::task::spawn_blocking(|| control(CRASH, "start")).await.unwrap();
        }
        place.store.append("s", Expected::version(n), [noted(usize::try_from(n).unwrap())]).await.unwrap();
        let patience = Instant::now() + Duration::from_secs(30);
        while seen.len() as u64 <= n {
            match tokio::time::timeout(Duration::from_secs(5), subscription.next()).await {
                Ok(Ok(Delivery::Event(event, _))) => seen.push(event.stream_version.0),
                Ok(Ok(Delivery::CaughtUp(_))) => {}
                Ok(Err(error)) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
                Err(_) => panic!("nothing was delivered"),
            }
            assert!(Instant::now() < patience, "event {n} was not delivered");
        }
    }
    assert_eq!(seen, (1..=6).collect::<Vec<_>>());
    place.finish().await;
}

/// Gap detection by transaction ids would wait for it; positions in the order of commits do not.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_transaction_of_another_application_stalls_nobody() {
    let Some(place) = Place::beside(POSTGRES).await else { return };
    let server = server(POSTGRES).unwrap();
    let (idle, old) = (client(&server).await, client(&server).await);
    idle.batch_execute(&format!(
        "CREATE TABLE {s}.other (x integer); BEGIN; INSERT INTO {s}.other VALUES (1); \
         SELECT count(*) FROM {s}.events; SELECT txid_current()",
        s = place.schema
    ))
    .await
    .unwrap();
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class").await.unwrap();
    let mut subscription = place.store.subscribe(Query::all(), Start::Beginning).await.unwrap();
    for n in 0..50 {
        let written = Instant::now();
        place.store.append("s", Expected::version(n), [noted(1)]).await.unwrap();
        while !matches!(subscription.next().await.unwrap(), Delivery::Event(..)) {}
        assert!(written.elapsed() < Duration::from_secs(2), "event {n} took {:?}", written.elapsed());
    }
    idle.batch_execute("COMMIT").await.unwrap();
    old.batch_execute("COMMIT").await.unwrap();
    place.finish().await;
}

/// Whoever holds the ordering lock and goes to sleep keeps appends waiting, for a bounded time, and readers not
/// at all.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_the_ordering_lock_ends_and_nothing_was_written() {
    let Some(place) = Place::beside(POSTGRES).await else { return };
    let holder = client(&server(POSTGRES).unwrap()).await;
    place.store.append("s", Expected::NoStream, [noted(1)]).await.unwrap();
    let sql = format!("BEGIN; UPDATE {}.store SET last_position = last_position", place.schema);
    holder.batch_execute(&sql).await.unwrap();
    let impatient = EventStore::new(
        Arc::new(place.postgres.clone()),
        Options { deadline: Duration::from_secs(1), ..Options::default() },
    );
    let never = Query::types(["never".parse().unwrap()]);
    let guarded = Append::to("s".parse().unwrap(), Expected::Any, [noted(2)])
        .when(annals::Condition { query: never, after: Position(0) });
    for append in [Append::to("s".parse().unwrap(), Expected::Any, [noted(2)]), guarded] {
        let begun = Instant::now();
        let error: Error = impatient.append_one(append).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        assert_eq!(impatient.stream_version("s").await.unwrap().0, 1);
    }
    holder.batch_execute("ROLLBACK").await.unwrap();
    impatient.append("s", Expected::version(1), [noted(2)]).await.unwrap();
    place.finish().await;
}

/// What `pg_dump` wrote, another server holds: the same store, which goes on where the dump was taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_dump_restored_into_another_server_is_the_store_it_was() {
    let Some(_alone) = crashing().await else { return };
    let (Some(from), Some(to)) = (server(POSTGRES), server(CRASH)) else { return };
    let Some(pg_dump) = beside_server(POSTGRES, "pg_dump") else { return };
    let namespace = format!("dump_{}", unique());
    let url = |server: &str| -> StoreUrl { format!("{server}?namespace={namespace}").parse().unwrap() };
    let chained = format!("{from}?namespace={namespace}&hash_chain=annals-v1").parse().unwrap();
    let original = patient(&chained).await;
    let mut dumped = Dumped::fill(original.clone()).await;
    let schema = format!("annals__{namespace}");
    let dump = Command::new(pg_dump).args(["--schema", &schema, "--dbname", &from]).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    dumped.go_on().await;

    let psql = beside_server(CRASH, "psql").unwrap();
    let mut restore = Command::new(psql)
        .args(["--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", &to])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    restore.stdin.take().unwrap().write_all(&dump.stdout).unwrap();
    assert!(restore.wait().unwrap().success());

    let restored = patient(&url(&to)).await;
    dumped.check(&restored).await;
    restored.backend().drop_namespace().await.unwrap();
    original.backend().drop_namespace().await.unwrap();
}
