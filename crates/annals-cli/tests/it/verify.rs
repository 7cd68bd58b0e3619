//! `annals verify`: the contract on a database, and the hash chain of a store.

use crate::Place;

#[test]
fn rules_run_beside_the_store_and_leave_it_alone() {
    let place = Place::new();
    place.stdout(&["append", "order-1", "order-placed"]);
    let rules = place.objects(&["verify", "--rule", "3", "--rule", "15", "--rule", "16", "--json"]);
    assert_eq!(rules.len(), 3);
    for rule in &rules {
        assert_eq!(rule["result"], "ok", "{rule}");
    }
    // Rule 16 kills processes of this very program.
    assert!(rules[2]["figure"].as_str().unwrap().contains("kill -9"), "{}", rules[2]);
    let stats = place.objects(&["stats", "--json"]);
    assert_eq!(stats[0]["events"], 1);
    let done = place.annals(&["verify", "--rule", "3"]);
    assert!(done.stderr.contains("sqlite3 a.db VACUUM"), "{}", done.stderr);
    let text = done.succeeded();
    assert!(
        text.contains(" 3  ok ")
            && text.contains("1 passed, 0 partly, 0 refused by name, 0 not run, 0 failed"),
        "{text}"
    );
}

#[test]
fn a_rule_that_is_tried_in_part_does_not_count_as_passed() {
    let place = Place::new();
    let text =
        place.stdout(&["--store", "memory:", "verify", "--rule", "19", "--rule", "22", "--rule", "24"]);
    assert!(text.contains("19  partly ") && text.contains("22  partly "), "{text}");
    assert!(text.contains("not tried here: tampering"), "{text}");
    assert!(text.contains("1 passed, 2 partly, 0 refused by name, 0 not run, 0 failed"), "{text}");
}

#[test]
fn what_a_store_lacks_is_refused_by_name() {
    let place = Place::new();
    let rules = place.objects(&["--store", "memory:", "verify", "--rule", "16", "--rule", "20", "--json"]);
    assert_eq!(rules[0]["result"], "ok");
    assert!(rules[0]["figure"].as_str().unwrap().contains("memory"), "{}", rules[0]);
}

#[test]
fn a_changed_event_breaks_the_chain_where_it_was_changed() {
    let place = Place::new();
    let store = ["--store", "sqlite:chained.db?hash_chain=annals-v1"];
    let on = |args: &[&str]| place.annals(&[&store[..], args].concat());
    for n in 1..=5 {
        on(&["append", "order-1", "noted", &n.to_string()]).succeeded();
    }
    let whole = on(&["verify", "--chain"]).succeeded();
    assert_eq!(whole.trim(), "5 events, an unbroken chain (annals-v1)");
    let behind = rusqlite::Connection::open(place.path("chained.db")).unwrap();
    behind.execute_batch("DROP TRIGGER annals_events_no_update").unwrap();
    behind.execute("UPDATE annals_events SET payload = '99' WHERE position = 3", []).unwrap();
    on(&["verify", "--chain"]).failed(1, "breaks at position 3");
    place.stdout(&["append", "order-1", "noted"]);
    place.annals(&["verify", "--chain"]).failed(1, "does not offer a hash chain");
}

#[test]
fn what_is_no_store_is_not_verified() {
    let place = Place::new();
    place.annals(&["verify", "--rule", "3"]).failed(3, "there is no such file");
    assert!(!place.path("a.db").exists());
    std::fs::write(place.path("text.db"), "this is a text file\n".repeat(100)).unwrap();
    place.annals(&["--store", "sqlite:text.db", "verify"]).failed(3, "not an SQLite database");
    place.annals(&["--store", "sqlite:a.db?namespace=mine", "verify"]).failed(2, "namespace");
    place.annals(&["verify", "--rule", "25"]).failed(2, "1..=24");
}
