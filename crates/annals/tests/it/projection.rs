//! A read model in SQLite tables: exactly once, whatever is delivered or crashes how often.

use std::path::Path;
use std::time::Duration;

use annals::prelude::*;
use annals::sqlite::rusqlite::{Connection, Transaction};
use annals::sqlite::{Projection, ProjectionResult, Projector};
use annals::{ErrorKind, RecordedEvent};

use crate::sqlite;

/// Counts events by type, and can be told to fail at a position.
struct Counts {
    fail_at: Option<u64>,
}

impl Projection for Counts {
    fn name(&self) -> &str {
        "counts"
    }

    fn query(&self) -> Query {
        Query::all()
    }

    fn create(&self, tx: &Transaction<'_>) -> ProjectionResult {
        Ok(tx.execute_batch("CREATE TABLE counts (event_type TEXT PRIMARY KEY, events INTEGER NOT NULL)")?)
    }

    fn drop(&self, tx: &Transaction<'_>) -> ProjectionResult {
        Ok(tx.execute_batch("DROP TABLE counts")?)
    }

    fn apply(&mut self, tx: &Transaction<'_>, event: &RecordedEvent) -> ProjectionResult {
        if self.fail_at == Some(event.position.0) {
            return Err("told to fail".into());
        }
        tx.execute(
            "INSERT INTO counts VALUES (?1, 1) ON CONFLICT DO UPDATE SET events = events + 1",
            [event.event_type.as_str()],
        )?;
        Ok(())
    }
}

fn counts() -> Counts {
    Counts { fail_at: None }
}

fn rows(path: &Path) -> Vec<(String, i64)> {
    let connection = Connection::open(path).unwrap();
    let mut select = connection.prepare("SELECT event_type, events FROM counts ORDER BY 1").unwrap();
    select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

async fn write(store: &EventStore, event_type: &str, count: usize) -> annals::Appended {
    let events = (0..count).map(|n| NewEvent::json(event_type, &n).unwrap());
    store.append("s", Expected::Any, events).await.unwrap()
}

#[tokio::test]
async fn events_are_taken_in_once_however_often_they_are_delivered() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 700).await;
    write(&store, "b", 3).await;
    let mut projector = Projector::open(store.clone(), &path, counts()).await.unwrap();
    assert_eq!(projector.catch_up().await.unwrap(), 703);
    assert_eq!(projector.catch_up().await.unwrap(), 0);
    let expected = vec![("a".to_owned(), 700), ("b".to_owned(), 3)];
    assert_eq!(rows(&path), expected);
    let again = store.read_all().collect().await.unwrap();
    assert_eq!(projector.deliver(again).await.unwrap(), 0);
    // A second runner on the same tables begins where they stand.
    let mut second = Projector::open(store.clone(), &path, counts()).await.unwrap();
    assert_eq!(second.catch_up().await.unwrap(), 0);
    assert_eq!(rows(&path), expected);
    assert_eq!(projector.rebuild().await.unwrap(), 703);
    assert_eq!(rows(&path), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runners_on_the_same_tables_count_nothing_twice() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    let mut runners = Vec::new();
    for _ in 0..2 {
        let mut projector = Projector::open(store.clone(), &path, counts()).await.unwrap();
        runners.push(tokio::spawn(async move {
            let mut progress = projector.progress();
            while progress.position().0 < 400 {
                match projector.catch_up().await {
                    Ok(_) => {}
                    Err(overtaken) => assert_eq!(overtaken.kind(), ErrorKind::Conflict, "{overtaken}"),
                }
                progress = projector.progress();
            }
        }));
    }
    for _ in 0..100 {
        write(&store, "a", 4).await;
    }
    for runner in runners {
        runner.await.unwrap();
    }
    assert_eq!(rows(&path), [("a".to_owned(), 400)]);
}

#[tokio::test]
async fn a_failing_event_leaves_the_tables_where_the_checkpoint_is() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 10).await;
    let mut failing = Projector::open(store.clone(), &path, Counts { fail_at: Some(7) }).await.unwrap();
    let error = failing.catch_up().await.unwrap_err();
    assert!(error.to_string().contains("position 7"), "{error}");
    assert_eq!(rows(&path), []);
    let mut mended = Projector::open(store, &path, counts()).await.unwrap();
    assert_eq!(mended.catch_up().await.unwrap(), 10);
    assert_eq!(rows(&path), [("a".to_owned(), 10)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_waits_until_the_tables_hold_its_own_write() {
    let (store, dir) = sqlite().await;
    // The read model may live beside the events.
    let path = dir.path().join("events.db");
    let mut projector = Projector::open(store.clone(), &path, counts()).await.unwrap();
    let mut progress = projector.progress();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        projector.run(async move { drop(stopped.await) }).await.unwrap();
        projector
    });
    for n in 1..=20 {
        let appended = write(&store, "a", 1).await;
        progress.wait_for(&appended.checkpoint, Duration::from_secs(10)).await.unwrap();
        assert_eq!(rows(&path), [("a".to_owned(), n)]);
    }
    stop.send(()).unwrap();
    drop(running.await.unwrap());
    let late = write(&store, "a", 1).await;
    let ended = progress.wait_for(&late.checkpoint, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn tables_filled_from_another_store_are_refused() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 1).await;
    Projector::open(store, &path, counts()).await.unwrap().catch_up().await.unwrap();
    let other = EventStore::connect("memory:").await.unwrap();
    let refused = Projector::open(other, &path, counts()).await.unwrap_err();
    assert!(refused.to_string().contains("another store"), "{refused}");
}

/// Counts, and does what it is told with each event it takes in.
struct Gated<F>(F);

impl<F: FnMut(u64) -> ProjectionResult + Send + 'static> Projection for Gated<F> {
    fn name(&self) -> &str {
        "counts"
    }

    fn query(&self) -> Query {
        Query::all()
    }

    fn create(&self, tx: &Transaction<'_>) -> ProjectionResult {
        counts().create(tx)
    }

    fn drop(&self, tx: &Transaction<'_>) -> ProjectionResult {
        counts().drop(tx)
    }

    fn apply(&mut self, tx: &Transaction<'_>, event: &RecordedEvent) -> ProjectionResult {
        (self.0)(event.position.0)?;
        counts().apply(tx, event)
    }
}

/// A run that is dropped in the middle of a batch that then fails was gone on with behind the batch.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_dropped_in_the_middle_of_a_failing_batch_skips_nothing() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 10).await;
    let (started, begun) = std::sync::mpsc::channel();
    let (go_on, told) = std::sync::mpsc::channel::<()>();
    let mut first = true;
    let gated = Gated(move |_| {
        if std::mem::take(&mut first) {
            started.send(()).unwrap();
            told.recv().unwrap();
            return Err("told to fail once".into());
        }
        Ok(())
    });
    let mut projector = Projector::open(store.clone(), &path, gated).await.unwrap();
    let started = tokio::task::spawn_blocking(move || begun.recv().unwrap());
    tokio::select! {
        ended = projector.run(std::future::pending()) => panic!("{ended:?}"),
        _ = started => {}
    }
    go_on.send(()).unwrap();
    let last = write(&store, "a", 1).await;
    let mut progress = projector.progress();
    tokio::select! {
        ended = projector.run(std::future::pending()) => panic!("{ended:?}"),
        reached = progress.wait_for(&last.checkpoint, Duration::from_secs(10)) => reached.unwrap(),
    }
    assert_eq!(rows(&path), [("a".to_owned(), 11)]);
}

/// A step that was stopped after its batch had been handed over still wrote it, and what was delivered next
/// was compared with where the tables had stood before.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stopped_step_has_written_is_not_taken_in_again() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 10).await;
    let (started, begun) = tokio::sync::oneshot::channel();
    let (go_on, told) = std::sync::mpsc::channel::<()>();
    let mut started = Some(started);
    let gated = Gated(move |_| {
        if let Some(started) = started.take() {
            started.send(()).unwrap();
            told.recv().unwrap();
        }
        Ok(())
    });
    let mut projector = Projector::open(store.clone(), &path, gated).await.unwrap();
    projector.run(async { begun.await.unwrap() }).await.unwrap();
    go_on.send(()).unwrap();
    write(&store, "a", 2).await;
    let all = store.read_all().collect().await.unwrap();
    assert_eq!(projector.deliver(all).await.unwrap(), 2);
    assert_eq!(rows(&path), [("a".to_owned(), 12)]);
}

#[tokio::test]
async fn an_event_that_is_delivered_twice_at_once_is_taken_in_once_and_in_order() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 3).await;
    let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = order.clone();
    let noting = Gated(move |position| {
        seen.lock().unwrap().push(position);
        Ok(())
    });
    let mut projector = Projector::open(store.clone(), &path, noting).await.unwrap();
    let mut events = store.read_all().backward().collect().await.unwrap();
    events.extend(events.clone());
    assert_eq!(projector.deliver(events).await.unwrap(), 3);
    assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
    assert_eq!(rows(&path), [("a".to_owned(), 3)]);
}
