//! Events from one store into another, and the comparison of the two.

use serde_json::Value;

use crate::{Done, Place, objects, run};

fn event(n: usize, stream: &str, rest: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"0199f3a2-7c1e-7d4f-8a6b-{n:012}","source":"/shop","type":"placed","subject":"{stream}","time":"2026-11-24T09:30:00Z","data":{{"n":{n}.0}}{rest}}}"#
    ) + "\n"
}

fn import(place: &Place, store: &str, events: &[String]) {
    run(place.on(store, &["import"]), events.concat().as_bytes()).succeeded();
}

fn copy(place: &Place, from: &str, to: &str) -> Done {
    run(place.on(from, &["copy", &format!("sqlite:{to}"), "--json"]), b"")
}

fn summary(done: Done) -> Value {
    objects(&done.succeeded()).remove(0)
}

#[test]
fn a_copy_has_the_same_events_in_the_same_order_and_repeating_it_changes_nothing() {
    let place = Place::new();
    let events: Vec<String> = (1..=1_200).map(|n| event(n, &format!("order-{}", n % 7), "")).collect();
    import(&place, "a.db", &events);
    place.stdout(&["append", "order-1", "noted", r#"{"b": 1, "a": [1e2]}"#, "--tag", "x"]);

    let first = summary(copy(&place, "a.db", "b.db?hash_chain=annals-v1"));
    assert_eq!((&first["copied"], &first["already_there"]), (&1_201.into(), &0.into()));
    assert_eq!(
        (&first["events"], &first["only_there"], &first["other_version"]),
        (&1_201.into(), &0.into(), &0.into())
    );
    let again = summary(copy(&place, "a.db", "b.db"));
    assert_eq!((&again["copied"], &again["already_there"]), (&0.into(), &1_201.into()));
    assert_eq!(again["digest"], first["digest"]);
    let back = summary(copy(&place, "b.db", "c.db"));
    assert_eq!(back["digest"], first["digest"], "the digest does not depend on the store");

    let said = run(place.on("a.db", &["copy", "sqlite:b.db"]), b"");
    assert!(said.stderr.contains("copied 0, already there 1201"), "{}", said.stderr);
    let said = said.succeeded();
    assert!(said.contains("1201 events compared: the same order, the same content"), "{said}");
    assert!(said.contains(first["digest"].as_str().unwrap()), "{said}");
    run(place.on("b.db", &["verify", "--chain"]), b"").succeeded();
}

#[test]
fn what_the_other_store_held_before_is_told_apart() {
    let place = Place::new();
    import(&place, "a.db", &[event(1, "a", ""), event(2, "b", "")]);
    import(&place, "b.db", &[event(8, "a", ""), event(2, "b", ""), event(9, "c", "")]);
    // Event 2 is there, but before event 1 can be: the order is another one.
    copy(&place, "a.db", "b.db").failed(1, "is not in the other store behind those before it");
    import(&place, "c.db", &[event(8, "a", "")]);
    let told = summary(copy(&place, "a.db", "c.db"));
    assert_eq!(
        (&told["events"], &told["only_there"], &told["other_version"]),
        (&2.into(), &1.into(), &1.into())
    );
}

#[test]
fn a_store_that_says_something_else_is_found() {
    let place = Place::new();
    import(&place, "a.db", &[event(1, "a", ""), event(2, "b", "")]);
    // Rule 6 takes this one for the same event; it is not, to the last word.
    import(&place, "b.db", &[event(1, "a", r#","region":"eu""#)]);
    copy(&place, "a.db", "b.db").failed(1, "at position 1 says something else in the other store");
    import(&place, "c.db", &[event(2, "elsewhere", "")]);
    let refused = copy(&place, "a.db", "c.db").failed(1, "already in use for another event");
    assert!(refused.contains("the event at position 2"), "{refused}");
    let there = run(place.on("c.db", &["read", "a", "--json"]), b"").succeeded();
    assert_eq!(objects(&there).len(), 1, "all before it is copied");
}

#[test]
fn a_copy_from_nowhere_or_to_nowhere_says_so() {
    let place = Place::new();
    copy(&place, "missing.db", "b.db").failed(3, "there is no such file");
    assert!(!place.path("b.db").exists() && !place.path("missing.db").exists());
    import(&place, "a.db", &[event(1, "a", "")]);
    copy(&place, "a.db", "no/such/directory/b.db").failed(3, "could not open");
    run(place.on("a.db", &["copy", "b.db"]), b"").failed(2, "not a store URL");
}
