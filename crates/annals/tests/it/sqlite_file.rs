//! What else happens to an SQLite file while a store is open on it.

use annals::prelude::*;
use annals::sqlite::rusqlite::Connection;
use annals::sqlite::{SqliteOptions, SqliteStore};
use annals::{Append, ErrorKind, Options};

use crate::{sqlite, url};

fn event(n: u32) -> NewEvent {
    NewEvent::json("noted", &n).unwrap()
}

/// A namespace that was dropped and made again is another store; a handle of the first wrote on, without the
/// second's hash chain and under the first's name.
#[tokio::test]
async fn a_handle_of_a_dropped_namespace_is_finished_even_when_there_is_a_new_one_of_that_name() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { deadline: std::time::Duration::from_millis(50), ..Options::default() };
    let shop = format!("{}?namespace=shop", url(&dir));
    let old = EventStore::connect_with(&shop, options).await.unwrap();
    old.append("s", Expected::Any, [event(1)]).await.unwrap();
    let dropping = EventStore::connect(&shop).await.unwrap();
    dropping.backend().drop_namespace().await.unwrap();
    for again in [false, true] {
        if again {
            let new = EventStore::connect(&format!("{shop}&hash_chain=annals-v1")).await.unwrap();
            new.append("s", Expected::Any, [event(2)]).await.unwrap();
        }
        let refused = old.append("s", Expected::Any, [event(3)]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Closed, "{refused}, made again: {again}");
        let refused = old.head().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Closed, "{refused}, made again: {again}");
        let refused = old.read_all().collect().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Closed, "{refused}, made again: {again}");
    }
    let new = EventStore::connect(&shop).await.unwrap();
    assert_eq!(new.stats().await.unwrap().events, 1);
}

/// One damaged row failed every append that shared a batch with the one that met it.
#[tokio::test]
async fn an_append_that_meets_a_damaged_row_fails_alone() {
    let (store, dir) = sqlite().await;
    let first = event(1);
    store.append("s", Expected::Any, [first.clone()]).await.unwrap();
    let file = Connection::open(dir.path().join("events.db")).unwrap();
    file.execute_batch("DROP TRIGGER annals_events_no_update; UPDATE annals_events SET payload = 'no JSON';")
        .unwrap();
    let append = |event| Append::to("s".try_into().unwrap(), Expected::Any, [event]);
    let answers = store.append_all(vec![append(event(2)), append(first), append(event(3))]).await;
    let kinds: Vec<_> = answers.iter().map(|answer| answer.as_ref().err().map(annals::Error::kind)).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::Corrupt), None], "{answers:?}");
}

#[tokio::test]
async fn a_database_without_a_file_is_refused() {
    for path in [":memory:", ""] {
        let refused = SqliteStore::open(SqliteOptions::new(path)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    }
}

/// More names than SQLite has parameters made the whole batch's outcome unknown.
#[tokio::test]
async fn a_condition_beyond_what_the_database_takes_fails_alone() {
    let (store, _dir) = sqlite().await;
    store.append("s", Expected::Any, [event(1)]).await.unwrap();
    let tags = |count: usize| Query::tags((0..count).map(|n| Tag::new(format!("t:{n}")).unwrap()));
    let types =
        |count: usize| Query::types((0..count).map(|n| annals::EventType::new(format!("t-{n}")).unwrap()));
    for query in [tags(2_000), types(40_000)] {
        let append = |n| Append::to("s".try_into().unwrap(), Expected::Any, [event(n)]);
        let condition = annals::Condition { query: query.clone(), after: annals::Position(0) };
        let answers = store.append_all(vec![append(2), append(3).when(condition), append(4)]).await;
        assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
        assert_eq!(answers[1].as_ref().unwrap_err().kind(), ErrorKind::Invalid, "{answers:?}");
        let refused = store.read_all().matching(query).collect().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    }
}

#[tokio::test]
async fn a_restored_backup_goes_on_in_order_and_refuses_checkpoints_from_its_future() {
    let (store, dir) = sqlite().await;
    let noted = |n: u32| [event(n)];
    let mut checkpoints = Vec::new();
    for n in 0..5u32 {
        checkpoints.push(store.append("s", Expected::version(n.into()), noted(n)).await.unwrap().checkpoint);
    }
    let backup = dir.path().join("backup.db");
    Connection::open(dir.path().join("events.db"))
        .unwrap()
        .execute("VACUUM INTO ?1", [backup.to_str().unwrap()])
        .unwrap();
    let lost = store.append("s", Expected::version(5), noted(5)).await.unwrap().checkpoint;

    let restored = EventStore::connect(&format!("sqlite:{}", backup.display())).await.unwrap();
    assert_eq!(restored.store_id(), store.store_id());
    let refused = restored.subscribe(Query::all(), Start::After(lost)).await.unwrap_err();
    assert!(refused.to_string().contains("ahead of the log"), "{refused}");
    let done = restored.append("s", Expected::version(5), noted(6)).await.unwrap();
    assert_eq!(done.last_position.0, 6);
    let mut subscription =
        restored.subscribe(Query::all(), Start::After(checkpoints[2].clone())).await.unwrap();
    let (events, _) = subscription.next_batch(10).await.unwrap();
    assert_eq!(events.iter().map(|event| event.position.0).collect::<Vec<_>>(), [4, 5, 6]);
    // The triggers came along.
    for attempt in restored.backend().attempt_rewrites().await.unwrap() {
        assert!(attempt.refusal.is_some(), "{attempt:?}");
    }
}
