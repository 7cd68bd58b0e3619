use annals::{Append, Condition, ErrorKind, EventStore, Expected, NewEvent, Position, Query, Start, Tag};

async fn smoke(url: &str) {
    let store = EventStore::connect(url).await.unwrap();
    let event =
        |n: u32| NewEvent::json("order-placed", &n).unwrap().tagged(Tag::new(format!("order:{n}")).unwrap());
    let first = event(1);
    let done = store.append("order-1", Expected::NoStream, [first.clone(), event(2)]).await.unwrap();
    assert_eq!((done.version().0, done.last_position.0, done.duplicate), (2, 2, false));
    let again = store.append("order-1", Expected::NoStream, [first]).await.unwrap();
    assert!(again.duplicate);
    let stale = store.append("order-1", Expected::version(1), [event(3)]).await.unwrap_err();
    assert_eq!(stale.to_string(), "stream \"order-1\" is at version 2, expected 1");
    let query = Query::tags([Tag::new("order:2").unwrap()]);
    let after = |position| Condition { query: query.clone(), after: Position(position) };
    let to = || Append::to("order-2".try_into().unwrap(), Expected::Any, [event(4)]);
    assert_eq!(store.append_one(to().when(after(1))).await.unwrap_err().kind(), ErrorKind::Conflict);
    store.append_one(to().when(after(2))).await.unwrap();
    assert_eq!(store.read_all().backward().collect().await.unwrap().len(), 3);
    assert_eq!(store.read_all().matching(query.clone()).collect().await.unwrap().len(), 1);
    assert_eq!(store.list_streams("order-", None, 10).await.unwrap().len(), 2);
    assert_eq!(
        store.list_streams("order-", Some(&"order-1".try_into().unwrap()), 10).await.unwrap().len(),
        1
    );
    assert_eq!(store.list_event_types(None, 10).await.unwrap()[0].events, 3);
    let mut subscription = store.subscribe(Query::all(), Start::Beginning).await.unwrap();
    assert_eq!(subscription.next_batch(10).await.unwrap().0.len(), 3);
    assert_eq!(subscription.next_batch(10).await.unwrap().0.len(), 0);
    let (got, _) = tokio::join!(subscription.next_batch(10), store.append("x", Expected::Any, [event(9)]));
    assert_eq!(got.unwrap().0.len(), 1);
    for attempt in store.backend().attempt_rewrites().await.unwrap() {
        assert!(attempt.refusal.is_some(), "{attempt:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    smoke("memory:").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    let dir = tempfile::tempdir().unwrap();
    smoke(&format!("sqlite:{}/a.db", dir.path().display())).await;
    smoke(&format!("sqlite:{}/a.db?namespace=x&hash_chain=annals-v1", dir.path().display())).await;
}
