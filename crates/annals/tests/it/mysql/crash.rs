//! Servers that crash, with everything durable (rules 9 and 16).

use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals::backend::{Backend as _, Direction, LogRange};
use annals::mysql::mysql_async::prelude::Queryable as _;
use annals::mysql::mysql_async::{Conn, Opts};
use annals::prelude::*;
use annals::{ErrorKind, EventId, Position};

use crate::dumped::Dumped;

use super::{CRASH, Place, SHARED, beside_server, control, noted, open, servers, store_of, unique};

/// Follows the log while the server comes and goes; what it saw, in the order it did.
async fn follow(store: EventStore, done: Arc<AtomicBool>) -> Vec<(Position, EventId)> {
    let (mut seen, mut from) = (Vec::new(), Position(1));
    loop {
        let last_look = done.load(Ordering::SeqCst);
        let range = LogRange { query: Query::all(), from, direction: Direction::Forward, limit: 500 };
        match store.log_page(range).await {
            Ok(page) => {
                seen.extend(page.events.iter().map(|event| (event.position, event.event_id)));
                // A checkpoint may be anywhere up to here, so nothing may ever come up below it, and nothing
                // that was there may be gone.
                from = page.through.next();
                if page.end && last_look {
                    return seen;
                }
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Appends until it is told to end; the ids of what was acknowledged.
async fn write(store: EventStore, done: Arc<AtomicBool>) -> Vec<EventId> {
    let stream = format!("w-{}", unique());
    let mut acknowledged = Vec::new();
    for version in 0.. {
        if done.load(Ordering::SeqCst) {
            break;
        }
        let event = noted(0);
        acknowledged.push(event.event_id);
        let appended = store.append(stream.as_str(), Expected::version(version), [event]).await.unwrap();
        assert_eq!(appended.version().0, version + 1);
    }
    acknowledged
}

async fn what_was_seen_and_what_was_acknowledged_stays(variable: &'static str, server: &str) -> String {
    const ROUNDS: usize = 8;
    let place = Place::on(server).await;
    let durability = place.mysql.durability().await.unwrap();
    assert!(durability.durable, "{}", durability.settings);
    let (done, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    // Each with connections of its own, as in as many processes.
    let (mut writers, mut readers) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let store = store_of(&open(&place.url).await);
        writers.extend([(); 2].map(|()| tokio::spawn(write(store.clone(), done.clone()))));
    }
    for _ in 0..2 {
        readers.push(tokio::spawn(follow(store_of(&open(&place.url).await), written.clone())));
    }
    for round in 0..ROUNDS {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let blow = if round % 4 == 3 { "restart" } else { "kill" };
        tokio::task::spawn_blocking(move || {
            control(variable, blow);
            control(variable, "start");
        })
        .await
        .unwrap();
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    done.store(true, Ordering::SeqCst);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    written.store(true, Ordering::SeqCst);
    let log = store_of(&open(&place.url).await).read_all().collect().await.unwrap();
    let log: Vec<(Position, EventId)> = log.iter().map(|event| (event.position, event.event_id)).collect();
    let ids: HashSet<EventId> = log.iter().map(|(_, id)| *id).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|id| !ids.contains(id)).collect();
    assert_eq!(lost, Vec::<&EventId>::new(), "acknowledged and gone");
    assert_eq!(ids.len(), acknowledged.len(), "every append is there once");
    for reader in readers {
        let seen = reader.await.unwrap();
        let same = seen.iter().zip(&log).take_while(|(seen, kept)| seen == kept).count();
        assert_eq!(
            (seen.len(), same),
            (log.len(), log.len()),
            "what a reader saw, and how much of it is the log: {:?} {:?}",
            seen.get(same),
            log.get(same)
        );
    }
    place.finish().await;
    format!("{variable}: {} events through {ROUNDS} ends of the server", log.len())
}

/// While the lock of the last batch is held, its commit may not have been flushed. Who was told of the commit,
/// or reads by stream, does not wait.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_reads_the_log_is_shown_a_batch_before_it_is_on_the_disk() {
    for (_, server) in servers(SHARED) {
        let mut place = Place::on(&server).await;
        let lock = format!("annals {:X} 2", place.mysql.store_id().0.simple());
        place.store.append("s", Expected::NoStream, [noted(1)]).await.unwrap();
        assert_eq!(place.number(&format!("SELECT GET_LOCK('{lock}', 0)")).await, 1);
        place.store.append("s", Expected::version(1), [noted(2)]).await.unwrap();
        assert_eq!(place.store.read_all().collect().await.unwrap().len(), 2);

        let other = store_of(&open(&place.url).await);
        assert_eq!(other.read_stream("s").unwrap().collect().await.unwrap().len(), 2);
        let reading = tokio::spawn(async move { other.read_all().collect().await.unwrap().len() });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!reading.is_finished());
        place.execute(&format!("DO RELEASE_LOCK('{lock}')")).await;
        assert_eq!(reading.await.unwrap(), 2);
        place.finish().await;
    }
}

/// What the product's own program wrote, and its own client read into another server.
async fn a_dump_is_the_store_it_was(shared: &'static str, from: &str, crash: &'static str, to: &str) {
    let (Some(dump), Some(client)) = (beside_server(shared, "dump"), beside_server(crash, "client")) else {
        return;
    };
    // A database of its own: with the others' procedures come and go, which no dump is happy with.
    let database = format!("dump_{}", unique());
    let in_database = |server: &str| format!("{}/{database}", server.rsplit_once('/').unwrap().0);
    for server in [from, to] {
        let mut conn = Conn::from_url(server).await.unwrap();
        conn.query_drop(format!("CREATE DATABASE {database}")).await.unwrap();
    }
    let run = |program: &Path, server: &str| {
        let port = Opts::from_url(server).unwrap().tcp_port();
        let mut command = Command::new(program);
        command.args(["--no-defaults", "--protocol=TCP", "--host=127.0.0.1", "--user=root"]);
        command.arg(format!("--port={port}"));
        command
    };
    let original = open(&format!("{}?hash_chain=annals-v1", in_database(from))).await;
    let mut dumped = Dumped::fill(store_of(&original)).await;
    let options = ["--single-transaction", "--routines", "--triggers", &database];
    let dump = run(&dump, from).args(options).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    dumped.go_on().await;

    let mut restore = run(&client, to).arg(&database).stdin(Stdio::piped()).spawn().unwrap();
    restore.stdin.take().unwrap().write_all(&dump.stdout).unwrap();
    assert!(restore.wait().unwrap().success());
    dumped.check(&store_of(&open(&in_database(to)).await)).await;
    for server in [from, to] {
        let mut conn = Conn::from_url(server).await.unwrap();
        conn.query_drop(format!("DROP DATABASE {database}")).await.unwrap();
    }
}

/// The server that tests crash does both, one after the other.
async fn crash_and_restore(product: &str) -> Option<String> {
    let of_product = |(variable, _): &(&str, String)| variable.contains(product);
    let (crash, to) = servers(CRASH).find(of_product)?;
    let seen = what_was_seen_and_what_was_acknowledged_stays(crash, &to).await;
    if let Some((shared, from)) = servers(SHARED).find(of_product) {
        a_dump_is_the_store_it_was(shared, &from, crash, &to).await;
    }
    Some(seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_loses_nothing_in_crashes_and_restores() {
    println!("{:?}", crash_and_restore("MYSQL").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_loses_nothing_in_crashes_and_restores() {
    println!("{:?}", crash_and_restore("MARIADB").await);
}
