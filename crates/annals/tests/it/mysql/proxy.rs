//! Connections that are cut in mid-append (rule 18).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use annals::prelude::*;
use annals::{Append, Condition, Error, ErrorKind, Options, Position};

use super::{SHARED, noted, open, servers, unique};
use crate::postgres::proxy::Proxy;

fn through(proxy: &Proxy, namespace: &str) -> String {
    format!("mysql://root@127.0.0.1:{}/annals?sslmode=disable&namespace={namespace}", proxy.port)
}

async fn store(url: &str, deadline: Duration) -> EventStore {
    EventStore::new(Arc::new(open(url).await), Options { deadline, ..Options::default() })
}

/// A condition takes the other way to write: several round trips.
fn guarded(append: Append) -> Append {
    let never = Query::types(["never".parse().unwrap()]);
    append.when(Condition { query: never, after: Position(0) })
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_through_a_connection_that_is_cut_again_and_again_are_written_once() {
    const WRITERS: usize = 4;
    const APPENDS: usize = 60;
    for (variable, server) in servers(SHARED) {
        let proxy = Proxy::before(&server).await;
        let namespace = format!("cut_{}", unique());
        let store = store(&through(&proxy, &namespace), Duration::from_secs(60)).await;
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
        println!(
            "{variable}: {before} cut before, {behind} behind a message; {repeated} appends were recognised"
        );
        assert!(before > 0 && behind > 0, "{before} cut before, {behind} behind a message");

        let direct = EventStore::connect(&format!("{server}?namespace={namespace}")).await.unwrap();
        assert_eq!(direct.stats().await.unwrap().events, (WRITERS * APPENDS) as u64);
        for writer in 0..WRITERS {
            let events =
                direct.read_stream(format!("cut-{writer}").as_str()).unwrap().collect().await.unwrap();
            let numbers: Vec<usize> = events
                .iter()
                .map(|event| serde_json::from_slice(event.payload.as_bytes()).unwrap())
                .collect();
            assert_eq!(numbers, (0..APPENDS).collect::<Vec<_>>());
        }
        direct.backend().drop_namespace().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_before_the_deadline_is_indeterminate_and_repeating_converges() {
    for (_, server) in servers(SHARED) {
        // What the procedure is called with, and the end of a transaction.
        for (words, condition) in [("\"t\":\"noted\"", false), ("\nCOMMIT", true)] {
            let proxy = Proxy::before(&server).await;
            let url = through(&proxy, &format!("lost_{}", unique()));
            let store = store(&url, Duration::from_millis(300)).await;
            store.append("s", Expected::NoStream, [noted(0)]).await.unwrap();
            let mut append = Append::to("s".parse().unwrap(), Expected::version(1), [noted(1)]);
            if condition {
                append = guarded(append);
            }
            *proxy.fate.behind.lock().unwrap() = Some(words);
            let fate = proxy.fate.clone();
            let dying = tokio::spawn(async move {
                while fate.cut_behind.load(Ordering::Relaxed) == 0 {
                    tokio::task::yield_now().await;
                }
                fate.dead.store(true, Ordering::Relaxed);
            });
            let unknown: Error = store.append_one(append.clone()).await.unwrap_err();
            dying.await.unwrap();
            assert_eq!(unknown.kind(), ErrorKind::Indeterminate, "{words}: {unknown}");

            // Nothing goes through, and this append never did: it is known that nothing was written.
            let other = store.append("other", Expected::Any, [noted(2)]).await.unwrap_err();
            assert_eq!(other.kind(), ErrorKind::Unavailable, "{other}");

            proxy.fate.dead.store(false, Ordering::Relaxed);
            let found = store.append_one(append).await.unwrap();
            assert_eq!((found.version().0, found.duplicate), (2, true), "{words}");
            assert_eq!(store.stats().await.unwrap().events, 2);
            store.backend().drop_namespace().await.unwrap();
        }
    }
}
