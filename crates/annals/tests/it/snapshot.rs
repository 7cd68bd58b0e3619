//! Snapshots change how long a load takes, never what it loads.

use std::sync::Arc;
use std::time::Duration;

use annals::backend::Backend;
use annals::memory::MemoryStore;
use annals::prelude::*;
use annals::snapshot::{Snapshot, SnapshotKey, SnapshotName};
use annals::testing::faults::Faulty;
use annals::{JsonText, Options, SnapshotPolicy, SnapshotState, SnapshotStats, Version};

use crate::{sqlite, url};

#[derive(Event, Serialize, Deserialize)]
enum Counted {
    Added { number: u64 },
}

#[derive(Default, Debug, PartialEq, Clone, Serialize, Deserialize)]
struct Sum {
    sum: u64,
}

#[annals::fingerprint]
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

/// The same state after its fold was changed in a place that no fingerprint covers.
#[derive(Default, Debug, PartialEq, Serialize, Deserialize)]
struct Doubled {
    sum: u64,
}

impl State for Doubled {
    type Event = Counted;

    fn evolve(&mut self, Counted::Added { number }: &Counted) {
        self.sum += 2 * number;
    }

    const FINGERPRINT: Option<annals::snapshot::Fingerprint> = Sum::FINGERPRINT;
}

impl SnapshotState for Doubled {
    const NAME: &'static str = "sum";
    const VERSION: u32 = 1;
}

/// Folds whatever `$fold` says, under the name and version of [`Sum`].
macro_rules! another_sum {
    ($name:ident, $version:literal, $(#[$attribute:meta])* |$state:ident, $number:ident| $fold:expr) => {
        #[derive(Default, Debug, PartialEq, Serialize, Deserialize)]
        struct $name {
            sum: u64,
        }

        $(#[$attribute])*
        impl State for $name {
            type Event = Counted;

            fn evolve(&mut self, Counted::Added { number: $number }: &Counted) {
                let $state = self;
                $fold;
            }
        }

        impl SnapshotState for $name {
            const NAME: &'static str = "sum";
            const VERSION: u32 = $version;
        }
    };
}

another_sum!(
    Relaid,
    1,
    #[annals::fingerprint]
    |state, number| state.sum += number
);
another_sum!(
    Raised,
    2,
    #[annals::fingerprint]
    |state, number| state.sum += number
);
another_sum!(
    Changed,
    1,
    #[annals::fingerprint]
    |state, number| state.sum += number + 1
);
another_sum!(Unmarked, 1, |state, number| state.sum += number);

async fn add(store: &EventStore, count: u64) {
    let events = (1..=count).map(|number| Counted::Added { number }.to_new_event().unwrap());
    store.append("sum-1", Expected::Any, events).await.unwrap();
}

fn memory() -> (EventStore, Arc<Faulty>) {
    let faulty = Faulty::new(Arc::new(MemoryStore::new()));
    (EventStore::new(faulty.clone(), Options::default()), faulty)
}

/// The state and whether it came from a snapshot; what was to be saved is.
async fn load<S: State>(store: &EventStore, boundary: annals::Boundary<S>) -> annals::Loaded<S> {
    let loaded = store.load(&boundary).await.unwrap();
    store.settle_snapshots().await;
    loaded
}

fn sum() -> annals::Boundary<Sum> {
    stream("sum-1")
}

fn key() -> SnapshotKey {
    SnapshotKey { stream_id: "sum-1".try_into().unwrap(), name: SnapshotName::new("sum").unwrap() }
}

fn stats(store: &EventStore) -> SnapshotStats {
    store.snapshots().pop().unwrap_or_default()
}

#[tokio::test]
async fn loading_with_a_snapshot_gives_the_same_state_and_replays_less() {
    let (store, dir) = sqlite().await;
    add(&store, 100).await;
    let plain = load(&store, sum()).await;
    let first = load(&store, sum().snapshot_every(50)).await;
    assert_eq!((first.from_snapshot, first.replayed, &first.state), (false, 100, &plain.state));
    add(&store, 10).await;
    // Another process finds the snapshot where the first one left it.
    let store = EventStore::connect(&url(&dir)).await.unwrap();
    let second = load(&store, sum().snapshot_every(50)).await;
    let plain = load(&store, sum()).await;
    assert_eq!((second.from_snapshot, second.replayed), (true, 10));
    assert_eq!((second.state, second.version), (plain.state, Version(110)));
    let loads = store.loads();
    assert_eq!((loads[0].loads, loads[0].longest), (2, 110));
    assert!(loads[0].slowest_us > 0 && loads[0].time_us >= loads[0].slowest_us);
}

#[tokio::test]
async fn nothing_is_kept_or_looked_for_unless_a_policy_says_so() {
    let (store, faulty) = memory();
    add(&store, 100).await;
    for boundary in [sum(), sum().snapshots(SnapshotPolicy::never()), sum().snapshot_every(101)] {
        load(&store, boundary).await;
    }
    assert_eq!(faulty.load_snapshot(key()).await.unwrap(), None);
}

#[tokio::test]
async fn a_slow_load_is_a_reason_to_keep_one_and_a_quick_one_is_not() {
    let (store, faulty) = memory();
    add(&store, 3).await;
    let policy = SnapshotPolicy::slower_than(Duration::from_millis(200)).or_every(1_000);
    load(&store, sum().snapshots(policy)).await;
    assert_eq!(stats(&store).saved, 0);
    faulty.delay_reads(Duration::from_millis(250));
    load(&store, sum().snapshots(policy)).await;
    assert_eq!(stats(&store).saved, 1);
    // Slow, but there is nothing new to keep.
    let loaded = load(&store, sum().snapshots(policy)).await;
    assert_eq!((loaded.from_snapshot, loaded.replayed, stats(&store).saved), (true, 0, 1));
}

#[tokio::test]
async fn a_snapshot_of_another_version_or_fingerprint_is_dropped() {
    let (store, faulty) = memory();
    add(&store, 10).await;
    let seldom = SnapshotPolicy::every(1_000);
    load(&store, sum().snapshot_every(1)).await;
    let same = load(&store, sum().snapshots(seldom)).await;
    assert_eq!((same.from_snapshot, same.state.sum), (true, 55));

    let raised = load(&store, stream::<Raised>("sum-1").snapshots(seldom)).await;
    assert_eq!((raised.from_snapshot, raised.state.sum), (false, 55));
    assert_eq!(faulty.load_snapshot(key()).await.unwrap(), None);

    load(&store, sum().snapshot_every(1)).await;
    let changed = load(&store, stream::<Changed>("sum-1").snapshots(seldom)).await;
    assert_eq!((changed.from_snapshot, changed.state.sum), (false, 65));

    load(&store, sum().snapshot_every(1)).await;
    let unmarked = load(&store, stream::<Unmarked>("sum-1").snapshots(seldom)).await;
    assert!(!unmarked.from_snapshot, "made by a fold that has a fingerprint");
    assert_eq!(stats(&store).stale, 3);
}

#[tokio::test]
async fn a_fingerprint_is_of_the_code_and_not_of_its_name() {
    assert_eq!(Relaid::FINGERPRINT, Relaid::FINGERPRINT);
    assert_ne!(Relaid::FINGERPRINT, Changed::FINGERPRINT);
    assert_eq!(Unmarked::FINGERPRINT, None);
    assert_eq!(Sum::FINGERPRINT.unwrap().to_string().len(), 16);
}

mod shapes {
    use super::*;

    macro_rules! fold {
        ($module:ident, $(#[$event:meta])* $number:ident, { $($field:tt)* }) => {
            pub(super) mod $module {
                use super::*;

                $(#[$event])*
                #[derive(Event, Serialize, Deserialize)]
                pub(in super::super) enum Added { Added { $number: u64 } }

                #[annals::fingerprint]
                #[derive(Default, Serialize, Deserialize)]
                pub(in super::super) struct Total { $($field)* }

                #[annals::fingerprint]
                impl State for Total {
                    type Event = Added;
                    fn evolve(&mut self, _: &Added) {}
                }
            }
        };
    }
    fold!(first, #[annals::fingerprint] number, { pub(in super::super) sum: u64 });
    fold!(documented, #[doc = "Documented."] #[annals::fingerprint] number, {
        /// The sum.
        pub(in super::super) sum: u64,
    });
    fold!(other_event, #[annals::fingerprint] amount, { pub(in super::super) sum: u64 });
    fold!(other_state, #[annals::fingerprint] number, { pub(in super::super) total: u64 });
    fold!(unmarked_event, number, { pub(in super::super) sum: u64 });
}

#[test]
fn annotated_types_of_state_and_event_are_in_the_fingerprint_of_their_fold() {
    let first = shapes::first::Total::FINGERPRINT.unwrap();
    assert_eq!(shapes::documented::Total::FINGERPRINT.unwrap(), first);
    assert_ne!(shapes::other_event::Total::FINGERPRINT.unwrap(), first);
    assert_ne!(shapes::other_state::Total::FINGERPRINT.unwrap(), first);
    assert_ne!(shapes::unmarked_event::Total::FINGERPRINT.unwrap(), first);
}

#[tokio::test]
async fn a_check_finds_what_no_fingerprint_sees_and_the_events_win() {
    let (store, faulty) = memory();
    add(&store, 10).await;
    load(&store, sum().snapshot_every(1)).await;
    let unchecked = SnapshotPolicy::every(1_000).check_one_in(0);
    let wrong = load(&store, stream::<Doubled>("sum-1").snapshots(unchecked)).await;
    assert_eq!((wrong.from_snapshot, wrong.state.sum), (true, 55), "nothing tells the two folds apart");

    let checked = SnapshotPolicy::every(1_000).check_one_in(1);
    add(&store, 1).await;
    let right = load(&store, stream::<Doubled>("sum-1").snapshots(checked)).await;
    assert_eq!((right.from_snapshot, right.replayed, right.state.sum), (false, 11, 112));
    assert_eq!(faulty.load_snapshot(key()).await.unwrap(), None);
    let SnapshotStats { checked, differing, .. } = stats(&store);
    assert_eq!((checked, differing), (1, 1));
}

#[tokio::test]
async fn a_check_that_agrees_changes_nothing() {
    let (store, _) = memory();
    add(&store, 10).await;
    let checked = SnapshotPolicy::every(5).check_one_in(1);
    load(&store, sum().snapshots(checked)).await;
    add(&store, 3).await;
    let loaded = load(&store, sum().snapshots(checked)).await;
    assert_eq!((loaded.from_snapshot, loaded.replayed, loaded.state.sum), (true, 3, 61));
    let SnapshotStats { checked, differing, used, saved, .. } = stats(&store);
    assert_eq!((checked, differing, used, saved), (1, 0, 1, 1));
}

#[tokio::test]
async fn a_snapshot_of_events_that_are_gone_is_not_believed_however_long_the_stream_is_now() {
    // A backup of three events is restored beside a snapshot of nine; then other events follow.
    let (before, original) = memory();
    add(&before, 9).await;
    load(&before, sum().snapshot_every(1)).await;
    let ahead = original.load_snapshot(key()).await.unwrap().unwrap();
    assert_eq!(ahead.stream_version, Version(9));

    for since in [0, 6, 20] {
        for check_one_in in [0, 1] {
            let (store, restored) = memory();
            add(&store, 3).await;
            if since > 0 {
                add(&store, since).await;
            }
            restored.save_snapshot(key(), ahead.clone()).await.unwrap();
            let policy = SnapshotPolicy::every(1_000).check_one_in(check_one_in);
            let loaded = load(&store, sum().snapshots(policy)).await;
            let plain = load(&store, sum()).await;
            assert_eq!((loaded.state, loaded.version), (plain.state, Version(3 + since)));
            assert!(!loaded.from_snapshot);
            assert_eq!(stats(&store).foreign, 1);
            assert_eq!(restored.load_snapshot(key()).await.unwrap(), None);
        }
    }
}

#[tokio::test]
async fn a_snapshot_that_does_not_read_is_dropped_and_the_events_are_folded() {
    let (store, faulty) = memory();
    add(&store, 10).await;
    load(&store, sum().snapshot_every(1)).await;
    let kept = faulty.load_snapshot(key()).await.unwrap().unwrap();
    let text = kept.state.to_string();
    let spoilt = [
        r#"{"sum":55}"#.to_owned(),
        "null".to_owned(),
        text.replace(r#""sum":55"#, r#""sum":-1"#),
        text.replace(r#""sum":55"#, r#""sum":"55""#),
        text.replace("last_event", "first_event"),
    ];
    for text in &spoilt {
        let snapshot = Snapshot { state: JsonText::parse(text.as_str()).unwrap(), ..kept.clone() };
        faulty.save_snapshot(key(), snapshot).await.unwrap();
        let loaded = load(&store, sum().snapshot_every(1_000)).await;
        assert_eq!((loaded.state.sum, loaded.from_snapshot), (55, false), "{text}");
        assert_eq!(faulty.load_snapshot(key()).await.unwrap(), None, "{text}");
    }
    assert_eq!(stats(&store).spoilt, 5);
}

#[tokio::test]
async fn a_snapshot_that_something_else_has_spoilt_is_dropped_and_the_events_are_folded() {
    let (store, dir) = sqlite().await;
    add(&store, 10).await;
    load(&store, sum().snapshot_every(1)).await;
    let file = annals::sqlite::rusqlite::Connection::open(dir.path().join("events.db")).unwrap();
    for spoilt in ["state = 'no JSON'", "state_version = -1", "stream_version = -1", "stream_version = 0"] {
        file.execute(&format!("UPDATE annals_snapshots SET {spoilt}"), []).unwrap();
        let loaded = load(&store, sum().snapshot_every(1)).await;
        assert_eq!((loaded.state.sum, loaded.from_snapshot), (55, false), "{spoilt}");
    }
}

#[tokio::test]
async fn a_store_that_fails_with_snapshots_fails_no_load_and_no_decision() {
    let (store, faulty) = memory();
    add(&store, 10).await;
    load(&store, sum().snapshot_every(1)).await;
    faulty.fail_snapshots(true);
    let loaded = load(&store, sum().snapshot_every(1)).await;
    assert_eq!((loaded.state.sum, loaded.from_snapshot), (55, false));
    let stale = load(&store, stream::<Raised>("sum-1").snapshot_every(1)).await;
    assert_eq!(stale.state.sum, 55);
    store
        .decide(sum().snapshot_every(1), |sum| Ok::<_, ()>([Counted::Added { number: sum.sum }]))
        .await
        .unwrap();
    store.settle_snapshots().await;
    let SnapshotStats { unread, unsaved, .. } = stats(&store);
    assert_eq!((unread, unsaved), (3, 3));
    faulty.fail_snapshots(false);
    assert_eq!(load(&store, sum().snapshot_every(1)).await.state.sum, 110);
}

#[tokio::test]
async fn a_state_as_it_was_at_a_version_is_folded_from_the_events() {
    let (store, _) = memory();
    add(&store, 3).await;
    let was = async |version| store.load_past(&sum().at_version(Version(version))).await;
    for (version, total) in [(0, 0), (1, 1), (2, 3), (3, 6)] {
        let loaded = was(version).await.unwrap();
        assert_eq!(
            (loaded.state.sum, loaded.version, loaded.from_snapshot),
            (total, Version(version), false)
        );
    }
    let error = was(4).await.unwrap_err();
    assert_eq!(error.kind(), annals::ErrorKind::Invalid);
    assert_eq!(error.to_string(), "stream \"sum-1\" is at version 3 and has not been at 4");
    let error = store.load_past(&query::<Sum>(Query::all()).at_version(Version(1))).await.unwrap_err();
    assert_eq!(error.kind(), annals::ErrorKind::Invalid);
}

#[tokio::test]
async fn a_state_as_it_was_at_a_time_knows_what_was_recorded_until_then() {
    let (store, _dir) = sqlite().await;
    // Longer than a page, so that reading stops in a later one.
    for _ in 0..8 {
        add(&store, 150).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let events = store.read_stream("sum-1").unwrap().collect().await.unwrap();
    for at in [0, 149, 150, 1_000, 1_199] {
        let time = events[at].recorded_at;
        let until: Vec<_> = events.iter().filter(|event| event.recorded_at <= time).cloned().collect();
        let expected: Sum = annals::fold(&until).unwrap();
        let of_stream = store.load_past(&sum().at_time(time)).await.unwrap();
        assert_eq!(
            (of_stream.state, of_stream.replayed),
            (expected.clone(), until.len().try_into().unwrap())
        );
        assert_eq!(of_stream.version, until.last().unwrap().stream_version);
        let of_query = store.load_past(&query::<Sum>(Query::all()).at_time(time)).await.unwrap();
        assert_eq!((of_query.state, of_query.position), (expected, until.last().unwrap().position));
    }
    let before = annals::Timestamp::from_unix_micros(0).unwrap();
    let nothing = store.load_past(&sum().at_time(before)).await.unwrap();
    assert_eq!((nothing.state.sum, nothing.version), (0, Version(0)));
}

/// A generator of numbers, so that a seed alone brings a failure back.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[tokio::test]
async fn any_policy_and_any_order_of_appends_and_loads_gives_the_fold_of_all_events() {
    let seed = annals::EventId::new().uuid().as_u64_pair().1;
    println!("seed {seed}");
    let mut random = Random(seed);
    for _ in 0..15 {
        let (store, faulty) = memory();
        for _ in 0..40 {
            match random.below(10) {
                0..4 => add(&store, 1 + random.below(120)).await,
                4 => faulty.fail_snapshots(random.below(2) == 0),
                // What is being saved is overtaken, or is not.
                5 => store.settle_snapshots().await,
                _ => {
                    let policy = SnapshotPolicy {
                        every: Some(random.below(200)).filter(|every| *every > 50),
                        slower_than: Some(Duration::from_micros(random.below(600)))
                            .filter(|t| t.as_micros() > 200),
                        check_one_in: random.below(4),
                    };
                    let plain = store.load(&sum()).await.unwrap();
                    let loaded = store.load(&sum().snapshots(policy)).await.unwrap();
                    let what = format!("seed {seed}, {policy:?}");
                    assert_eq!(
                        (loaded.state, loaded.version),
                        (plain.state.clone(), plain.version),
                        "{what}"
                    );
                    let raised = store.load(&stream::<Raised>("sum-1").snapshots(policy)).await.unwrap();
                    assert_eq!(raised.state.sum, plain.state.sum, "{what}");
                }
            }
        }
        store.settle_snapshots().await;
        assert_eq!(stats(&store).differing, 0, "seed {seed}");
        assert_eq!(stats(&store).foreign, 0, "seed {seed}");
    }
}
