//! The main job: `annals demo`.

use crate::Place;

#[test]
fn the_demo_verifies_one_stream_and_leaves_a_store_that_can_be_read() {
    let place = Place::new();
    let demo = place.annals(&["demo", "--orders", "100", "--seed", "7", "--dir", "demo"]).succeeded();
    for step in [
        "its events in order",
        "a stale write refused",
        "a retried command answered",
        "two projectors at once",
        "state replayed",
        "read model built anew",
        "state as of version 2",
    ] {
        assert!(demo.contains(&format!("  ok  {step}")), "{step} is missing in:\n{demo}");
    }
    for question in ["retention", "privacy", "schema evolution"] {
        assert!(demo.contains(question), "{question} is missing in:\n{demo}");
    }
    for line in demo.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let (_, follow) = demo.split_once(" tail --store ").unwrap();
    assert!(follow.starts_with("sqlite:demo/orders.db\n"), "{follow}");
    let order = place.annals(&["--store", "sqlite:demo/orders.db", "read", "order-17", "--json"]).succeeded();
    assert!(order.lines().count() >= 2, "{order}");
    place.annals(&["demo", "--dir", "demo"]).failed(2, "already holds orders.db");
    place.annals(&["demo", "--store", "sqlite:b.db"]).failed(2, "takes no --store");
}

#[test]
fn the_same_seed_makes_the_same_orders() {
    let place = Place::new();
    let summary = |seed: &str, dir: &str| {
        let demo = place.annals(&["demo", "--orders", "60", "--seed", seed, "--dir", dir]).succeeded();
        let from = demo.find("  status").unwrap();
        demo[from..demo.find("One stream").unwrap()].to_owned()
    };
    let first = summary("1", "a");
    assert_eq!(first, summary("1", "b"));
    assert_ne!(first, summary("2", "c"));
}
