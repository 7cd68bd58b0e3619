//! Appends that arrive together are written together, and nobody's answer is somebody else's.

use std::sync::Arc;
use std::time::Duration;

use annals::memory::MemoryStore;
use annals::testing::faults::{Fault, Faulty};
use annals::{ErrorKind, EventStore, Expected, NewEvent, Options};

use crate::sqlite;

fn event(n: usize) -> NewEvent {
    NewEvent::json("noted", &n).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_caller_gets_the_answer_to_its_own_append() {
    let (store, _dir) = sqlite().await;
    let writers: Vec<_> = (0..64)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 1..=20u64 {
                    let stream = format!("writer-{writer}");
                    let done =
                        store.append(&stream, Expected::version(n - 1), [event(writer)]).await.unwrap();
                    assert_eq!((done.streams[0].stream_id.as_str(), done.version().0), (stream.as_str(), n));
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(store.stats().await.unwrap().events, 64 * 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_makes_callers_wait_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { queue_max: 2, batch_max: 2, ..Options::default() };
    let store = EventStore::connect_with(&crate::url(&dir), options).await.unwrap();
    let writers: Vec<_> = (0..50)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.append("s", Expected::Any, [event(n)]).await.unwrap() })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(store.stream_version("s").await.unwrap().0, 50);
}

#[tokio::test]
async fn one_thread_is_enough_to_share_a_batch() {
    let (store, _dir) = sqlite().await;
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.append("s", Expected::Any, [event(n)]).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    // A batch has one time for all its events.
    let events = store.read_stream("s").unwrap().collect().await.unwrap();
    let times: std::collections::BTreeSet<_> = events.iter().map(|event| event.recorded_at).collect();
    assert_eq!(events.len(), 64);
    assert!(times.len() <= 3, "{} batches", times.len());
}

#[tokio::test]
async fn a_leader_that_is_dropped_leaves_nobody_waiting() {
    let (store, _dir) = sqlite().await;
    for n in 0..50 {
        let mut append = Box::pin(store.append("s", Expected::Any, [event(n)]));
        // Polled once, it is in the queue and has yielded.
        std::future::poll_fn(|cx| {
            let _ = append.as_mut().poll(cx);
            std::task::Poll::Ready(())
        })
        .await;
        drop(append);
        store.append("s", Expected::Any, [event(n)]).await.unwrap();
    }
    assert_eq!(store.stream_version("s").await.unwrap().0, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_in_another_process_is_waited_for() {
    let (store, dir) = sqlite().await;
    let other = annals::sqlite::rusqlite::Connection::open(dir.path().join("events.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.append("s", Expected::NoStream, [event(1)]).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    assert_eq!(store.head().await.unwrap().position.0, 0, "readers do not wait");
    other.execute_batch("COMMIT").unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_backend_that_panics_leaves_the_outcome_unknown_and_the_store_usable() {
    let faulty = Faulty::new(Arc::new(MemoryStore::new()));
    let options = Options { deadline: Duration::ZERO, ..Options::default() };
    let store = EventStore::new(faulty.clone(), options);
    faulty.schedule([Fault::Panic], Fault::None);
    let both = tokio::join!(
        store.append("s", Expected::Any, [event(1)]),
        store.append("s", Expected::Any, [event(2)])
    );
    for outcome in [both.0, both.1] {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Indeterminate);
    }
    store.append("s", Expected::NoStream, [event(3)]).await.unwrap();
}

/// The task that was to write for a caller that went away never ran, and left the queue busy for ever.
#[test]
fn a_store_whose_runtime_has_ended_still_answers() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let first = runtime();
    let store = first.block_on(EventStore::connect("memory:")).unwrap();
    drop(first);
    runtime().block_on(async {
        let mut append = Box::pin(store.append("s", Expected::Any, [event(1)]));
        std::future::poll_fn(|cx| {
            let _ = append.as_mut().poll(cx);
            std::task::Poll::Ready(())
        })
        .await;
        drop(append);
        let next = store.append("s", Expected::Any, [event(2)]);
        tokio::time::timeout(std::time::Duration::from_secs(5), next).await.unwrap().unwrap();
    });
}

#[tokio::test]
async fn a_batch_may_be_as_large_as_memory() {
    let options = Options { batch_max: usize::MAX, queue_max: usize::MAX, ..Options::default() };
    let store = EventStore::connect_with("memory:", options).await.unwrap();
    store.append("s", Expected::NoStream, [event(1)]).await.unwrap();
}
