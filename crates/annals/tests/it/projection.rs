//! A read model in SQLite tables: exactly once, whatever is delivered or crashes how often.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals::prelude::*;
use annals::project::{Check, OnFailure, OnStale, Projector, ReadModel, Tables};
use annals::sqlite::rusqlite::{Connection, Transaction};
use annals::sqlite::{Projection, ProjectionResult, control, target};
use annals::{Checkpoint, ErrorKind, Position, RecordedEvent};

use crate::sqlite;

type Asked = Arc<Mutex<dyn FnMut(&RecordedEvent) -> ProjectionResult + Send>>;

/// Counts events by type, and asks before each whether it is to fail.
#[derive(Clone)]
struct Counts {
    version: u32,
    asked: Asked,
}

impl Projection for Counts {
    fn read_model(&self) -> ReadModel {
        ReadModel::new("counts", Query::all()).table("counts").version(self.version)
    }

    fn create(&self, tx: &Transaction<'_>, tables: &Tables) -> ProjectionResult {
        let sql = "CREATE TABLE {counts} (event_type TEXT PRIMARY KEY, events INTEGER NOT NULL)";
        Ok(tx.execute_batch(&tables.sql(sql))?)
    }

    fn apply(&mut self, tx: &Transaction<'_>, tables: &Tables, event: &RecordedEvent) -> ProjectionResult {
        (self.asked.lock().unwrap())(event)?;
        let sql = "INSERT INTO {counts} VALUES (?1, 1) ON CONFLICT DO UPDATE SET events = events + 1";
        tx.execute(&tables.sql(sql), [event.event_type.as_str()])?;
        Ok(())
    }
}

fn counts() -> Counts {
    asking(|_| Ok(()))
}

fn asking(asked: impl FnMut(&RecordedEvent) -> ProjectionResult + Send + 'static) -> Counts {
    Counts { version: 1, asked: Arc::new(Mutex::new(asked)) }
}

fn failing_at(position: u64) -> Counts {
    asking(move |event| if event.position.0 == position { Err("told to fail".into()) } else { Ok(()) })
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

async fn head(store: &EventStore) -> Checkpoint {
    store.checkpoint_at(store.head().await.unwrap().position)
}

/// One that lets others take over soon.
fn projector(store: &EventStore) -> Projector {
    Projector::new(store.clone()).lease(Duration::from_millis(600))
}

#[tokio::test]
async fn events_are_taken_in_once_by_whoever_does_it() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 700).await;
    write(&store, "b", 3).await;
    let first = projector(&store).with(target(&path, counts()));
    assert_eq!(first.catch_up().await.unwrap(), 703);
    assert_eq!(first.catch_up().await.unwrap(), 0);
    let expected = vec![("a".to_owned(), 700), ("b".to_owned(), 3)];
    assert_eq!(rows(&path), expected);
    // A second runner on the same tables begins where they stand.
    let second = projector(&store).with(target(&path, counts()));
    assert_eq!(second.catch_up().await.unwrap(), 0);
    assert_eq!(rows(&path), expected);
    assert_eq!(first.rebuild("counts").await.unwrap(), 703);
    assert_eq!(rows(&path), expected);
    let status = control(&path).status("counts").await.unwrap();
    assert_eq!((status.live, status.generations.len()), (2, 2));
    assert_eq!(first.rebuild("counts").await.unwrap(), 703);
    let status = control(&path).status("counts").await.unwrap();
    let kept: Vec<u32> = status.generations.iter().map(|generation| generation.number).collect();
    assert_eq!((status.live, kept), (3, vec![2, 3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn runners_on_the_same_tables_count_nothing_twice() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    let (end, _) = tokio::sync::broadcast::channel::<()>(1);
    let mut runners = Vec::new();
    for _ in 0..3 {
        let projector = projector(&store).with(target(&path, counts()).partitions(4));
        let mut ended = end.subscribe();
        runners
            .push(tokio::spawn(async move { projector.run(async move { drop(ended.recv().await) }).await }));
    }
    for n in 0..100 {
        store
            .append(format!("s-{n}").as_str(), Expected::Any, [NewEvent::json("a", &n).unwrap()])
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let last = head(&store).await;
    control(&path).wait_for("counts", &store, &last, None, Duration::from_secs(10)).await.unwrap();
    assert_eq!(rows(&path), [("a".to_owned(), 100)]);
    let status = control(&path).status("counts").await.unwrap();
    let owners: std::collections::BTreeSet<_> =
        status.serving().unwrap().parts.iter().map(|part| part.owner.clone()).collect();
    assert!(status.runners == 3 && owners.len() >= 2, "{status:?}");
    end.send(()).unwrap();
    for runner in runners {
        runner.await.unwrap().unwrap();
    }
    let status = control(&path).status("counts").await.unwrap();
    assert_eq!(status.runners, 0);
    assert!(status.serving().unwrap().parts.iter().all(|part| part.owner.is_none()), "{status:?}");
}

#[tokio::test]
async fn a_failing_event_stops_its_part_before_it_and_says_why() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 10).await;
    let failing = projector(&store).with(target(&path, failing_at(7)).retries(1));
    let error = failing.catch_up().await.unwrap_err();
    assert!(error.to_string().contains("position 7"), "{error}");
    assert_eq!(rows(&path), [("a".to_owned(), 6)]);
    let status = control(&path).status("counts").await.unwrap();
    let part = &status.serving().unwrap().parts[0];
    assert!(part.stopped && part.error.as_ref().unwrap().contains("told to fail"), "{part:?}");
    // Where nothing else is left to do, running ends with it.
    let error = failing.run(std::future::pending()).await.unwrap_err();
    assert!(error.to_string().contains("told to fail"), "{error}");
    let mended = projector(&store).with(target(&path, counts()));
    assert_eq!(mended.catch_up().await.unwrap(), 4);
    assert_eq!(rows(&path), [("a".to_owned(), 10)]);
    let status = control(&path).status("counts").await.unwrap();
    let part = &status.serving().unwrap().parts[0];
    assert!(!part.stopped && part.error.is_none(), "{part:?}");
}

#[tokio::test]
async fn an_event_that_fails_now_and_then_is_tried_again() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 20).await;
    let mut tries = 0;
    let flaky = asking(move |event| {
        tries += 1;
        if event.position.0 % 5 == 0 && tries % 3 != 0 { Err("not now".into()) } else { Ok(()) }
    });
    assert_eq!(projector(&store).with(target(&path, flaky)).catch_up().await.unwrap(), 20);
    assert_eq!(rows(&path), [("a".to_owned(), 20)]);
}

/// Fails as where another connection holds a lock, this often at a position.
fn meeting_at(position: u64, mut times: u32) -> Counts {
    asking(move |event| {
        if event.position.0 == position && times > 0 {
            times -= 1;
            let code = annals::sqlite::rusqlite::ffi::Error::new(5);
            return Err(annals::sqlite::rusqlite::Error::SqliteFailure(code, None).into());
        }
        Ok(())
    })
}

#[tokio::test]
async fn what_another_transaction_is_the_cause_of_is_no_failure_of_an_event() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 20).await;
    let skipping =
        |counts| projector(&store).with(target(&path, counts).retries(0).on_failure(OnFailure::Skip));
    let error = skipping(meeting_at(5, u32::MAX)).catch_up().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unavailable && error.to_string().contains("met another"), "{error}");
    let status = control(&path).status("counts").await.unwrap();
    let part = &status.serving().unwrap().parts[0];
    assert!(!part.stopped && part.error.as_ref().unwrap().contains("met another"), "{part:?}");
    // What stands before it has been written on the way.
    assert_eq!(rows(&path), [("a".to_owned(), 4)]);
    assert_eq!(skipping(meeting_at(5, 3)).catch_up().await.unwrap(), 16);
    assert_eq!(rows(&path), [("a".to_owned(), 20)]);
    assert!(control(&path).parked("counts").await.unwrap().is_empty());
}

#[tokio::test]
async fn tables_that_a_newer_annals_keeps_track_of_are_left_alone() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    let projector = projector(&store).with(target(&path, counts()));
    projector.catch_up().await.unwrap();
    Connection::open(&path).unwrap().execute("UPDATE annals_projection_format SET version = 2", []).unwrap();
    for refused in
        [projector.catch_up().await.map(drop), control(&path).list().await.map(drop)].map(Result::unwrap_err)
    {
        assert!(refused.kind() == ErrorKind::Invalid && refused.to_string().contains("newer"), "{refused}");
    }
}

#[tokio::test]
async fn a_table_that_is_called_as_a_read_models_is_named_and_kept() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE counts (mine TEXT)").unwrap();
    let refused = projector(&store).with(target(&path, counts())).catch_up().await.unwrap_err();
    assert!(refused.kind() == ErrorKind::Invalid && refused.to_string().contains("that name"), "{refused:?}");
    connection.execute("INSERT INTO counts VALUES ('kept')", []).unwrap();
}

#[tokio::test]
async fn a_read_model_that_nobody_has_begun_is_waited_for() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    let appended = write(&store, "a", 3).await;
    projector(&store).with(target(&path, asking(|_| Ok(())))).catch_up().await.unwrap();
    control(&path).remove("counts").await.unwrap();
    let (control, token) = (control(&path), appended.checkpoint);
    let wait = |at_most| control.wait_for("counts", &store, &token, None, at_most);
    let nobody = wait(Duration::from_millis(300)).await.unwrap_err();
    assert!(nobody.to_string().contains("no projection is called \"counts\""), "{nobody}");
    let begun = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        projector(&store).with(target(&path, counts())).catch_up().await
    };
    let (waited, begun) = tokio::join!(wait(Duration::from_secs(10)), begun);
    assert_eq!((waited.unwrap(), begun.unwrap()), ((), 3));
}

#[tokio::test]
async fn skipped_events_are_written_down() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 10).await;
    let skipping = target(&path, failing_at(7)).retries(0).on_failure(OnFailure::Skip);
    projector(&store).with(skipping).catch_up().await.unwrap();
    assert_eq!(rows(&path), [("a".to_owned(), 9)]);
    let parked = control(&path).parked("counts").await.unwrap();
    assert_eq!(parked.len(), 1);
    assert!(parked[0].skipped && parked[0].position == Position(7) && parked[0].reason == "told to fail");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_event_fails_is_set_aside_in_order_while_the_rest_goes_on() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    for n in 0..5 {
        for stream in ["x", "y"] {
            store.append(stream, Expected::Any, [NewEvent::json(stream, &n).unwrap()]).await.unwrap();
        }
    }
    let (heal, seen) = (Arc::new(Mutex::new(false)), Arc::new(Mutex::new(Vec::new())));
    let (healed, noted) = (heal.clone(), seen.clone());
    let poisoned = asking(move |event| {
        if event.position.0 == 3 && !*healed.lock().unwrap() {
            return Err("poison".into());
        }
        noted.lock().unwrap().push(event.position.0);
        Ok(())
    });
    let parking = || target(&path, poisoned.clone()).retries(0).on_failure(OnFailure::Park);
    projector(&store).with(parking()).catch_up().await.unwrap();
    assert_eq!(rows(&path), [("x".to_owned(), 1), ("y".to_owned(), 5)]);
    let control = control(&path);
    let parked = control.parked("counts").await.unwrap();
    assert_eq!(parked.iter().map(|parked| parked.position.0).collect::<Vec<_>>(), [3, 5, 7, 9]);
    assert!(parked.iter().all(|parked| parked.key == "x") && parked[0].reason == "poison", "{parked:?}");
    let token = head(&store).await;
    let wait = |key| control.wait_for("counts", &store, &token, Some(key), Duration::from_secs(5));
    wait("y").await.unwrap();
    let aside = wait("x").await.unwrap_err();
    assert!(aside.to_string().contains("set aside from position 3"), "{aside}");

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = projector(&store).with(parking());
    let running = tokio::spawn(async move { running.run(async move { drop(stopped.await) }).await });
    // Tried again while it is still poison: it stays, and so do those behind it.
    assert_eq!(control.retry("counts", Some("x")).await.unwrap(), 4);
    loop {
        let parked = control.parked("counts").await.unwrap();
        if parked[0].attempts == 2 {
            assert!(parked.len() == 4 && parked.iter().all(|parked| parked.wish.is_none()), "{parked:?}");
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    *heal.lock().unwrap() = true;
    seen.lock().unwrap().clear();
    store.append("x", Expected::Any, [NewEvent::json("x", &5).unwrap()]).await.unwrap();
    assert!(control.retry("counts", None).await.unwrap() >= 4);
    let last = head(&store).await;
    loop {
        match control.wait_for("counts", &store, &last, Some("x"), Duration::from_secs(10)).await {
            Ok(()) => break,
            Err(error) => assert!(error.to_string().contains("set aside"), "{error}"),
        }
        control.retry("counts", None).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(rows(&path), [("x".to_owned(), 6), ("y".to_owned(), 5)]);
    assert_eq!(*seen.lock().unwrap(), [3, 5, 7, 9, 11]);
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_waits_until_the_tables_hold_its_own_write() {
    let (store, dir) = sqlite().await;
    // The read model may live beside the events.
    let path = dir.path().join("events.db");
    let projector = projector(&store).with(target(&path, counts()).partitions(2));
    let mut progress = projector.progress("counts").unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        projector.run(async move { drop(stopped.await) }).await.unwrap();
        projector
    });
    for n in 1..=20 {
        let appended = write(&store, "a", 1).await;
        progress.wait_for(&appended.checkpoint, Duration::from_secs(10)).await.unwrap();
        assert_eq!(rows(&path), [("a".to_owned(), n)]);
        progress.wait_for_key(&appended.checkpoint, "s", Duration::ZERO).await.unwrap();
    }
    stop.send(()).unwrap();
    drop(running.await.unwrap());
    let late = write(&store, "a", 1).await;
    let ended = progress.wait_for(&late.checkpoint, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Closed);
    let late =
        control(&path).wait_for("counts", &store, &late.checkpoint, None, Duration::from_millis(50)).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn tables_filled_from_another_store_are_refused() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 1).await;
    projector(&store).with(target(&path, counts())).catch_up().await.unwrap();
    let other = EventStore::connect("memory:").await.unwrap();
    let refused = projector(&other).with(target(&path, counts())).catch_up().await.unwrap_err();
    assert!(refused.to_string().contains("another store"), "{refused}");
}

#[tokio::test]
async fn tables_that_other_code_has_filled_are_named_rebuilt_or_kept() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 5).await;
    projector(&store).with(target(&path, counts())).catch_up().await.unwrap();
    let changed = || Counts { version: 2, ..counts() };
    let stale = projector(&store).with(target(&path, changed())).catch_up().await.unwrap_err();
    assert!(stale.to_string().contains("filled by other code (v1-"), "{stale}");
    let rebuilding = projector(&store).with(target(&path, changed()).on_stale(OnStale::Rebuild));
    assert_eq!(rebuilding.catch_up().await.unwrap(), 5);
    let control = control(&path);
    assert_eq!(control.status("counts").await.unwrap().live, 2);
    write(&store, "a", 1).await;
    rebuilding.catch_up().await.unwrap();
    // Back: the old tables serve as they stood, and the old code goes on with them.
    assert_eq!(control.roll_back("counts").await.unwrap(), 1);
    assert_eq!(rows(&path), [("a".to_owned(), 5)]);
    projector(&store).with(target(&path, counts())).catch_up().await.unwrap();
    assert_eq!(rows(&path), [("a".to_owned(), 6)]);
    let keeping =
        projector(&store).with(target(&path, Counts { version: 3, ..counts() }).on_stale(OnStale::Keep));
    assert_eq!(keeping.catch_up().await.unwrap(), 0);
    assert_eq!(control.clean("counts").await.unwrap(), [2]);
    assert!(control.roll_back("counts").await.unwrap_err().to_string().contains("go back to"));
    control.remove("counts").await.unwrap();
    assert!(control.list().await.unwrap().is_empty());
    let left = Connection::open(&path).unwrap();
    let left: u32 = left
        .query_row("SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'counts%'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_projector_obeys_what_is_wanted() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 100).await;
    let projector = projector(&store).with(target(&path, counts()).partitions(2));
    let mut progress = projector.progress("counts").unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move { projector.run(async move { drop(stopped.await) }).await });
    let first = head(&store).await;
    progress.wait_for(&first, Duration::from_secs(10)).await.unwrap();
    let control = control(&path);
    let until = async |such: &dyn Fn(&annals::project::Status) -> bool| {
        for _ in 0..500 {
            let status = control.status("counts").await.unwrap();
            if such(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{:?}", control.status("counts").await.unwrap());
    };
    control.pause("counts").await.unwrap();
    until(&|status| status.serving().unwrap().parts.iter().all(|part| part.owner.is_none())).await;
    write(&store, "a", 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(rows(&path), [("a".to_owned(), 100)]);
    control.resume("counts").await.unwrap();
    until(&|status| status.serving().unwrap().events() == 101).await;
    control.rebuild("counts").await.unwrap();
    let status = until(&|status| status.live == 2 && !status.rebuild).await;
    assert_eq!(status.serving().unwrap().events(), 101, "{status:?}");
    assert_eq!(rows(&path), [("a".to_owned(), 101)]);
    // It goes on with the new tables, and no faster than it may.
    control.pace("counts", Some(20)).await.unwrap();
    until(&|status| status.pace == Some(20)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = std::time::Instant::now();
    for n in 0..30 {
        store.append("one", Expected::Any, [NewEvent::json("b", &n).unwrap()]).await.unwrap();
    }
    let last = head(&store).await;
    progress.wait_for_key(&last, "one", Duration::from_secs(20)).await.unwrap();
    assert!(begun.elapsed() > Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(control.remove("counts").await.unwrap_err().to_string().contains("processes run"));
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

/// What is dropped in the middle of a batch is written once, or not at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_dropped_in_the_middle_of_a_batch_takes_nothing_in_twice() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    write(&store, "a", 10).await;
    let (started, begun) = std::sync::mpsc::channel();
    let (go_on, told) = std::sync::mpsc::channel::<()>();
    let mut first = true;
    let gated = asking(move |_| {
        if std::mem::take(&mut first) {
            started.send(()).unwrap();
            told.recv().unwrap();
        }
        Ok(())
    });
    let projector = projector(&store).with(target(&path, gated));
    let started = tokio::task::spawn_blocking(move || begun.recv().unwrap());
    tokio::select! {
        ended = projector.run(std::future::pending()) => panic!("{ended:?}"),
        _ = started => {}
    }
    go_on.send(()).unwrap();
    write(&store, "a", 2).await;
    projector.catch_up().await.unwrap();
    assert_eq!(rows(&path), [("a".to_owned(), 12)]);
}

/// What each stream comes to: how many events, and a digest of their positions in the order in which they came.
#[derive(Clone)]
struct Digests {
    /// Where it fails now and then.
    failures: Option<Arc<Mutex<u64>>>,
}

impl Projection for Digests {
    fn read_model(&self) -> ReadModel {
        ReadModel::new("digests", Query::all()).table_by("digests", "stream")
    }

    fn create(&self, tx: &Transaction<'_>, tables: &Tables) -> ProjectionResult {
        let sql = "CREATE TABLE {digests} (stream TEXT PRIMARY KEY, events INTEGER NOT NULL, digest INTEGER NOT NULL)";
        Ok(tx.execute_batch(&tables.sql(sql))?)
    }

    fn apply(&mut self, tx: &Transaction<'_>, tables: &Tables, event: &RecordedEvent) -> ProjectionResult {
        let sql = "INSERT INTO {digests} VALUES (?1, 1, ?2) ON CONFLICT DO UPDATE SET events = events + 1, \
                   digest = (digest * 31 + ?2) % 1000003";
        let position = i64::try_from(event.position.0)?;
        tx.execute(&tables.sql(sql), (event.stream_id.as_str(), position))?;
        // After the change, which must not stay.
        let Some(failures) = &self.failures else { return Ok(()) };
        let mut failures = failures.lock().unwrap();
        *failures = failures.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if *failures >> 58 == 0 { Err("now and then".into()) } else { Ok(()) }
    }
}

fn digests(path: &Path) -> Vec<(String, i64, i64)> {
    let connection = Connection::open(path).unwrap();
    let mut select = connection.prepare("SELECT stream, events, digest FROM digests ORDER BY 1").unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// However the events are divided, batched and failed, whoever runs, is dropped or rebuilds in between: the tables
/// come to be the same.
#[tokio::test(flavor = "multi_thread")]
async fn any_batching_restart_and_partitioning_gives_the_same_tables() {
    for seed in 1..=12_u64 {
        let (store, dir) = sqlite().await;
        let path = dir.path().join("views.db");
        let mut state = seed;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let partitions = u32::try_from(random(4) + 1).unwrap();
        let failures = Arc::new(Mutex::new(seed));
        let runner = || {
            let target = target(&path, Digests { failures: Some(failures.clone()) }).partitions(partitions);
            Projector::new(store.clone()).lease(Duration::from_millis(150)).with(target)
        };
        for _ in 0..8 {
            for _ in 0..random(40) {
                let stream = format!("s-{}", random(7));
                let events = (0..=random(30)).map(|n| NewEvent::json("a", &n).unwrap());
                store.append(stream.as_str(), Expected::Any, events).await.unwrap();
            }
            let soon = Duration::from_millis(random(120));
            match random(4) {
                0 => drop(tokio::time::timeout(soon, runner().catch_up()).await),
                1 => drop(tokio::time::timeout(soon, runner().rebuild("digests")).await),
                2 => runner().run(tokio::time::sleep(soon)).await.unwrap(),
                _ => {
                    let (first, second) = (runner(), runner());
                    let both = async { tokio::join!(first.catch_up(), second.catch_up()) };
                    drop(tokio::time::timeout(soon, both).await);
                }
            }
        }
        runner().catch_up().await.unwrap();
        let steady = target(&path, Digests { failures: None });
        let all = Check { sample: 1.0, ..Check::default() };
        let checked = projector(&store).with(steady).check("digests", all).await.unwrap();
        assert_eq!(checked.wrong, 0, "seed {seed}: {checked:?}");
        let mut expected = std::collections::BTreeMap::<String, (i64, i64)>::new();
        for event in store.read_all().collect().await.unwrap() {
            let position = i64::try_from(event.position.0).unwrap();
            let row = expected.entry(event.stream_id.to_string()).or_insert((0, 0));
            row.1 = if row.0 == 0 { position } else { (row.1 * 31 + position) % 1_000_003 };
            row.0 += 1;
        }
        let expected: Vec<_> =
            expected.into_iter().map(|(stream, (n, digest))| (stream, n, digest)).collect();
        assert_eq!(digests(&path), expected, "seed {seed}, {partitions} partitions");
    }
}

#[tokio::test]
async fn reading_begins_with_the_first_event_of_a_time() {
    let (store, _dir) = sqlite().await;
    for n in 0..30 {
        write(&store, "a", n % 3 + 1).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let events = store.read_all().collect().await.unwrap();
    let now = annals::Timestamp::now();
    for time in events.iter().map(|event| event.recorded_at).chain([now]) {
        let before = events.iter().filter(|event| event.recorded_at < time).count();
        let found = store.position_before(&Start::At(time)).await.unwrap();
        assert_eq!(found.0, before as u64, "{time}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_wrong_are_found_and_mended_while_others_run() {
    let (store, dir) = sqlite().await;
    let path = dir.path().join("views.db");
    for n in 0..60 {
        store
            .append(format!("s-{}", n % 6).as_str(), Expected::Any, [NewEvent::json("a", &n).unwrap()])
            .await
            .unwrap();
    }
    let runner = || projector(&store).with(target(&path, Digests { failures: None }).partitions(2));
    runner().catch_up().await.unwrap();
    let right = digests(&path);
    let tamper = Connection::open(&path).unwrap();
    let execute = |sql: &str| tamper.execute(sql, []).unwrap();
    execute("UPDATE digests__1 SET digest = 0 WHERE stream = 's-1'");
    execute("DELETE FROM digests__1 WHERE stream = 's-2'");
    execute("UPDATE digests__1 SET events = 1, digest = 4 WHERE stream = 's-3'");

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = runner();
    let running = tokio::spawn(async move { running.run(async move { drop(stopped.await) }).await });
    let all = Check { sample: 1.0, ..Check::default() };
    let checked = runner().check("digests", all.clone()).await.unwrap();
    let parted: Vec<_> =
        checked.parted.iter().map(|it| (it.key.as_str(), it.position.map(|it| it.0))).collect();
    assert_eq!(parted, [("s-1", None), ("s-2", Some(3)), ("s-3", Some(10))]);
    assert_eq!((checked.keys, checked.events, checked.wrong), (6, 60, 3));
    let one = Check { keys: vec!["s-2".to_owned()], heal: true, ..Check::default() };
    let healed = runner().check("digests", one).await.unwrap();
    assert!(healed.wrong == 1 && healed.parted[0].healed, "{healed:?}");
    let healed = runner().check("digests", Check { heal: true, ..all.clone() }).await.unwrap();
    assert_eq!(healed.wrong, 2);
    assert_eq!(runner().check("digests", all).await.unwrap().wrong, 0);
    assert_eq!(digests(&path), right);

    // Whoever runs it goes on.
    let last = write(&store, "a", 1).await;
    control(&path)
        .wait_for("digests", &store, &last.checkpoint, None, Duration::from_secs(10))
        .await
        .unwrap();
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    let unkeyed = projector(&store).with(target(dir.path().join("other.db"), counts()));
    let unknown = unkeyed.check("counts", Check::default()).await.unwrap_err();
    assert!(unknown.to_string().contains("no projection is called"), "{unknown}");
    unkeyed.catch_up().await.unwrap();
    let refused = unkeyed.check("counts", Check::default()).await.unwrap_err();
    assert!(refused.to_string().contains("which column holds the key"), "{refused}");
}
