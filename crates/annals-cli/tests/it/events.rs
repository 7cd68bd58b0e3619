//! The lock file of event schemas, compared with an older one and with a store.

use crate::{Place, members, objects};

const LOCK: &str = r#"{"annals_lock":1,"events":{
    "card-added":{"1":[{"type":"object","properties":{"number":{"type":"string"}},"required":["number"]}]},
    "noted":{"1":[{"type":"object"}],"2":[{"type":"object"}]}}}"#;

fn place() -> Place {
    let place = Place::new();
    std::fs::write(place.path("events.lock.json"), LOCK).unwrap();
    place
}

#[test]
fn a_lock_file_that_keeps_everything_passes() {
    let place = place();
    std::fs::write(place.path("base.json"), LOCK.replace(r#","2":[{"type":"object"}]"#, "")).unwrap();
    let done = place.annals(&["events", "check", "--against", "base.json"]);
    assert!(done.stderr.contains("2 event types in the lock file"), "{}", done.stderr);
    assert_eq!(done.succeeded(), "");
}

#[test]
fn what_was_taken_out_or_broken_fails_by_name() {
    let place = place();
    std::fs::write(place.path("base.json"), LOCK.replace("noted", "gone")).unwrap();
    let done = place.annals(&["events", "check", "--against", "base.json"]);
    assert!(done.stdout.contains("locked  \"gone\" version 1: a shape was taken out"), "{}", done.stdout);
    done.failed(1, "2 findings about shapes of events");
    let broken = LOCK.replace(r#""1":[{"type":"object"}]"#, r#""1":[{"type":"object"},{"type":"null"}]"#);
    std::fs::write(place.path("broken.json"), broken).unwrap();
    let done = place.annals(&["events", "check", "--lock", "broken.json", "--json"]);
    assert_eq!(members(&objects(&done.stdout), "what"), ["was an object, is null"]);
    done.failed(1, "1 finding");
}

#[test]
fn a_sample_of_the_store_names_what_the_lock_does_not_have_and_shows_no_value() {
    let place = place();
    let events = [
        ("card-added", r#"{"number":"4111"}"#, 1),
        ("card-added", r#"{"number":4222}"#, 1),
        ("card-added", r#"{"number":4333}"#, 1),
        ("noted", "{}", 3),
        ("unheard-of", r#"{"a":"4444"}"#, 1),
    ];
    let lines: String = events
        .iter()
        .enumerate()
        .map(|(id, (event_type, data, version))| {
            format!(
                r#"{{"specversion":"1.0","id":"00000000-0000-7000-8000-00000000000{id}","source":"/t","type":"{event_type}","subject":"s-1","schemaversion":{version},"data":{data}}}"#
            ) + "\n"
        })
        .collect();
    place.annals_reading(&["import"], lines.as_bytes()).succeeded();
    let done = place.annals(&["events", "check", "--sample", "10"]);
    for line in [
        "stored  \"card-added\" version 1: the payload does not fit at \"number\", expected text; 2 events looked \
         at, the first at version 2 of stream \"s-1\"\n",
        "stored  \"noted\" version 3: the version is not in the lock file; 1 event looked at, the first at version 4",
        "stored  \"unheard-of\" version 1: the type is not in the lock file; 1 event looked at",
    ] {
        assert!(done.stdout.contains(line), "{line}: {}", done.stdout);
    }
    assert!(done.stderr.contains("5 stored events of 3 types looked at"), "{}", done.stderr);
    let said = format!("{}{}", done.stdout, done.stderr);
    assert!(!["4222", "4333", "4444"].iter().any(|value| said.contains(value)), "{said}");
    done.failed(1, "3 findings");
    let one = place.annals(&["events", "check", "--sample", "1", "--json"]);
    let found = objects(&one.stdout);
    assert_eq!(members(&found, "stream_version"), ["3", "4", "5"]);
}

#[test]
fn a_file_that_is_missing_or_no_lock_file_says_so() {
    let place = Place::new();
    place.annals(&["events", "check"]).failed(1, "could not read events.lock.json");
    std::fs::write(place.path("events.lock.json"), "{}").unwrap();
    place.annals(&["events", "check"]).failed(1, "events.lock.json: no lock file of events");
}
