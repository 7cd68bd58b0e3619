//! Snapshots change how long a load takes, never what it loads.

use annals::prelude::*;
use annals::{SnapshotState, Version};

use crate::{sqlite, url};

#[derive(Event, Serialize, Deserialize)]
enum Counted {
    Added { number: u64 },
}

#[derive(Default, Debug, PartialEq, Clone, Serialize, Deserialize)]
struct Sum {
    sum: u64,
}

impl State for Sum {
    type Event = Counted;

    fn evolve(&mut self, Counted::Added { number }: &Counted) {
        self.sum += number;
    }
}

impl SnapshotState for Sum {
    const NAME: &'static str = "sum";
    const VERSION: u32 = 1;
}

/// The same state after its fold was changed.
#[derive(Default, Debug, PartialEq, Serialize, Deserialize)]
struct Doubled {
    sum: u64,
}

impl State for Doubled {
    type Event = Counted;

    fn evolve(&mut self, Counted::Added { number }: &Counted) {
        self.sum += 2 * number;
    }
}

impl SnapshotState for Doubled {
    const NAME: &'static str = "sum";
    const VERSION: u32 = 2;
}

async fn add(store: &EventStore, count: u64) {
    let events = (1..=count).map(|number| Counted::Added { number }.to_new_event().unwrap());
    store.append("sum-1", Expected::Any, events).await.unwrap();
}

#[tokio::test]
async fn loading_with_a_snapshot_gives_the_same_state_and_replays_less() {
    let (store, dir) = sqlite().await;
    add(&store, 100).await;
    let plain = store.load(&stream::<Sum>("sum-1")).await.unwrap();
    let first = store.load(&stream::<Sum>("sum-1").snapshot_every(50)).await.unwrap();
    assert_eq!((first.from_snapshot, first.replayed, &first.state), (false, 100, &plain.state));
    add(&store, 10).await;
    // Another process finds the snapshot where the first one left it.
    let store = EventStore::connect(&url(&dir)).await.unwrap();
    let second = store.load(&stream::<Sum>("sum-1").snapshot_every(50)).await.unwrap();
    let plain = store.load(&stream::<Sum>("sum-1")).await.unwrap();
    assert_eq!((second.from_snapshot, second.replayed), (true, 10));
    assert_eq!((second.state, second.version), (plain.state, Version(110)));
}

#[tokio::test]
async fn a_snapshot_of_another_version_of_the_state_is_dropped() {
    let (store, _dir) = sqlite().await;
    add(&store, 10).await;
    store.load(&stream::<Sum>("sum-1").snapshot_every(1)).await.unwrap();
    let changed = store.load(&stream::<Doubled>("sum-1").snapshot_every(1_000)).await.unwrap();
    assert_eq!((changed.from_snapshot, changed.state.sum), (false, 110));
    let again = store.load(&stream::<Sum>("sum-1").snapshot_every(1_000)).await.unwrap();
    assert_eq!((again.from_snapshot, again.state.sum), (false, 55));
}

#[tokio::test]
async fn a_snapshot_ahead_of_its_stream_is_not_believed() {
    let (store, _dir) = sqlite().await;
    add(&store, 3).await;
    let key = annals::snapshot::SnapshotKey {
        stream_id: "sum-1".try_into().unwrap(),
        name: annals::snapshot::SnapshotName::new("sum").unwrap(),
    };
    let ahead = annals::snapshot::Snapshot {
        stream_version: Version(9),
        state_version: 1,
        state: annals::JsonText::parse(r#"{"sum":999}"#).unwrap(),
    };
    store.backend().save_snapshot(key, ahead).await.unwrap();
    let loaded = store.load(&stream::<Sum>("sum-1").snapshot_every(100)).await.unwrap();
    assert_eq!((loaded.state.sum, loaded.version, loaded.from_snapshot), (6, Version(3), false));
}

#[tokio::test]
async fn a_snapshot_that_something_else_has_spoilt_is_dropped_and_the_events_are_folded() {
    let (store, dir) = sqlite().await;
    add(&store, 10).await;
    store.load(&stream::<Sum>("sum-1").snapshot_every(1)).await.unwrap();
    let file = annals::sqlite::rusqlite::Connection::open(dir.path().join("events.db")).unwrap();
    for spoilt in ["state = 'no JSON'", "state_version = -1", "stream_version = -1"] {
        file.execute(&format!("UPDATE annals_snapshots SET {spoilt}"), []).unwrap();
        let loaded = store.load(&stream::<Sum>("sum-1").snapshot_every(1)).await.unwrap();
        assert_eq!((loaded.state.sum, loaded.from_snapshot), (55, false), "{spoilt}");
    }
}
