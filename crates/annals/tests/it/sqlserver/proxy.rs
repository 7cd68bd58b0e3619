//! Connections that are cut in mid-append (rule 18).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use annals::prelude::*;
use annals::{Append, Condition, Options, Position};

use super::{noted, open, server, unique, with};
use crate::postgres::proxy::Proxy;

/// A condition takes the other way to write: several round trips.
fn guarded(append: Append) -> Append {
    let never = Query::types(["never".parse().unwrap()]);
    append.when(Condition { query: never, after: Position(0) })
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_through_a_connection_that_is_cut_again_and_again_are_written_once() {
    const WRITERS: usize = 4;
    const APPENDS: usize = 40;
    let Some(server) = server() else { return };
    let namespace = format!("cut_{}", unique());
    let direct_url = with(&server, &format!("namespace={namespace}"));
    // Made in peace, so that only appends are cut.
    let direct = EventStore::connect(&direct_url).await.unwrap();
    let proxy = Proxy::before(&server).await;
    let (login, place) = direct_url.rsplit_once('@').unwrap();
    let through = format!("{login}@127.0.0.1:{}/{}", proxy.port, place.split_once('/').unwrap().1);
    // Without encryption a message is what the client sent at once.
    let backend = open(&format!("{through}&sslmode=disable")).await.unwrap();
    let options = Options { deadline: Duration::from_secs(120), ..Options::default() };
    let store = EventStore::new(Arc::new(backend), options);
    let seed = annals::Timestamp::now().unix_micros().unsigned_abs();
    println!("seed {seed}");
    proxy.fate.random.store(seed, Ordering::Relaxed);
    proxy.fate.percent.store(4, Ordering::Relaxed);
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let stream: annals::StreamId = format!("cut-{writer}").parse().unwrap();
            let mut repeated = 0;
            for n in 0..APPENDS {
                let event = noted(n).tagged(format!("writer:{writer}").parse().unwrap());
                let mut append = Append::to(stream.clone(), Expected::version(n as u64), [event]);
                if n % 3 == 0 {
                    append = guarded(append);
                }
                let appended = store.append_one(append).await.unwrap();
                assert_eq!(appended.version().0, n as u64 + 1);
                repeated += usize::from(appended.duplicate);
            }
            repeated
        })
    });
    let mut repeated = 0;
    for writer in writers.collect::<Vec<_>>() {
        repeated += writer.await.unwrap();
    }
    proxy.fate.percent.store(0, Ordering::Relaxed);
    let (before, behind) =
        (proxy.fate.cut_before.load(Ordering::Relaxed), proxy.fate.cut_behind.load(Ordering::Relaxed));
    println!("{before} cut before, {behind} behind a message; {repeated} appends were recognised");
    assert!(before > 0 && behind > 0, "{before} cut before, {behind} behind a message");

    assert_eq!(direct.stats().await.unwrap().events, (WRITERS * APPENDS) as u64);
    for writer in 0..WRITERS {
        let events = direct.read_stream(format!("cut-{writer}").as_str()).unwrap().collect().await.unwrap();
        let numbers: Vec<usize> =
            events.iter().map(|event| serde_json::from_slice(event.payload.as_bytes()).unwrap()).collect();
        assert_eq!(numbers, (0..APPENDS).collect::<Vec<_>>());
    }
    direct.backend().drop_namespace().await.unwrap();
}
