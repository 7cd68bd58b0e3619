//! Pages at their edges, and readers beside others.

use annals::backend::{Direction, LogRange};
use annals::prelude::*;
use annals::{EventType, Metadata, Position, QueryItem};

use crate::sqlite;

async fn stores() -> Vec<(EventStore, Option<tempfile::TempDir>)> {
    let (store, dir) = sqlite().await;
    vec![(EventStore::connect("memory:").await.unwrap(), None), (store, Some(dir))]
}

async fn write(store: &EventStore, count: usize) {
    let events = (0..count).map(|n| NewEvent::json("noted", &n).unwrap());
    store.append("s", Expected::Any, events).await.unwrap();
}

/// A page without events said that it reached to the end of the log.
#[tokio::test]
async fn a_page_covers_no_more_than_it_read() {
    for (store, _dir) in stores().await {
        write(&store, 5).await;
        for (from, direction, limit, through, end) in [
            (1, Direction::Forward, 0, 0, false),
            (3, Direction::Forward, 0, 2, false),
            (1, Direction::Forward, 2, 2, false),
            (1, Direction::Forward, 9, 5, true),
            (4, Direction::Backward, 2, 3, false),
            (4, Direction::Backward, 0, 5, false),
        ] {
            let range = LogRange { query: Query::all(), from: Position(from), direction, limit };
            let page = store.log_page(range.clone()).await.unwrap();
            assert_eq!((page.through.0, page.end), (through, end), "{range:?}");
        }
    }
}

/// The weight of a page was that of the payloads, so a page of large metadata was as large as it liked.
#[tokio::test]
async fn metadata_counts_when_a_page_is_full() {
    for (store, _dir) in stores().await {
        let metadata = Metadata::of(&serde_json::json!({ "note": "x".repeat(1 << 20) })).unwrap();
        for _ in 0..8 {
            let mut event = NewEvent::json("noted", &1).unwrap();
            event.metadata = metadata.clone();
            store.append("s", Expected::Any, [event]).await.unwrap();
        }
        let (query, direction) = (Query::all(), Direction::Forward);
        let page =
            store.log_page(LogRange { query, from: Position(1), direction, limit: 512 }).await.unwrap();
        assert_eq!((page.events.len(), page.end), (4, false));
    }
}

/// Pages that are at hand never made a reader wait, so it never gave way.
#[tokio::test]
async fn a_reader_of_what_is_at_hand_lets_others_have_their_turn() {
    for (store, _dir) in stores().await {
        write(&store, 1_000).await;
        let turns = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let other = tokio::spawn({
            let turns = turns.clone();
            async move {
                loop {
                    turns.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }
        });
        let turns = || turns.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(store.read_all().collect().await.unwrap().len(), 1_000);
        let read = turns();
        assert!(read > 0, "nobody else had a turn while the log was read");
        let mut subscription = store.subscribe(Query::all(), annals::Start::Beginning).await.unwrap();
        for _ in 0..1_000 {
            subscription.next().await.unwrap();
        }
        assert!(turns() > read, "nobody else had a turn while the subscription caught up");
        other.abort();
    }
}

#[test]
fn narrowing_a_query_by_no_types_leaves_it_as_it_was() {
    let placed = EventType::new("placed").unwrap();
    let query = Query::types([placed.clone()])
        .or(QueryItem { tags: vec![Tag::new("a:1").unwrap()], ..QueryItem::default() });
    assert_eq!(query.clone().of_types([]), query);
}

/// The new store had the id of the old one, so that a checkpoint of what was dropped was taken for its own.
#[tokio::test]
async fn a_namespace_in_memory_that_is_made_again_is_another_store() {
    let url = "memory:made-again?namespace=shop";
    let (old, kept) = (EventStore::connect(url).await.unwrap(), EventStore::connect(url).await.unwrap());
    assert_eq!(old.store_id(), kept.store_id());
    write(&old, 1).await;
    old.backend().drop_namespace().await.unwrap();
    let new = EventStore::connect(url).await.unwrap();
    assert_ne!(new.store_id(), old.store_id());
    write(&old, 1).await;
    assert_eq!(new.head().await.unwrap().position.0, 0);
}

/// A query for one stream finds its place by versions, which no index relates to positions.
#[tokio::test]
async fn a_query_for_one_stream_begins_at_any_position() {
    const EVENTS: u64 = 40;
    let stores = stores().await;
    for (store, _dir) in &stores {
        for n in 0..EVENTS {
            let (stream, event_type) =
                (["a", "b", "c"][(n * 7 % 5 % 3) as usize], ["noted", "told"][(n % 2) as usize]);
            store.append(stream, Expected::Any, [NewEvent::json(event_type, &n).unwrap()]).await.unwrap();
        }
    }
    let queries = [
        Query::stream("b".parse().unwrap()),
        Query::stream("b".parse().unwrap()).of_types(["noted".parse().unwrap(), "heard".parse().unwrap()]),
        Query::stream("b".parse().unwrap()).or(Query::stream("a".parse().unwrap())),
        Query::stream("none".parse().unwrap()),
    ];
    for query in queries {
        for (from, limit) in (0..EVENTS + 3).flat_map(|from| [(from, 3), (from, 100)]) {
            for direction in [Direction::Forward, Direction::Backward] {
                let mut pages = Vec::new();
                for (store, _dir) in &stores {
                    let range = LogRange { query: query.clone(), from: Position(from), direction, limit };
                    let page = store.log_page(range).await.unwrap();
                    let found: Vec<u64> = page.events.iter().map(|event| event.position.0).collect();
                    pages.push((found, page.through, page.end));
                }
                assert_eq!(pages[0], pages[1], "{query:?} from {from}, {direction:?}, at most {limit}");
            }
        }
    }
}
