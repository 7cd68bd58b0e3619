//! Exit statuses, and what is said with them.

use crate::{Place, run, tool};

#[test]
fn a_conflict_is_refused_and_tells_the_actual_version() {
    let place = Place::new();
    place.stdout(&["append", "order-1", "order-placed"]);
    let said = place
        .annals(&["append", "order-1", "order-paid", "--expect", "7"])
        .failed(1, "stream \"order-1\" is at version 1, expected 7");
    assert!(said.contains("--expect 1"), "{said}");
    place.annals(&["append", "order-1", "order-paid", "--expect", "none"]).failed(1, "expected no stream");
    place
        .annals(&["append", "order-2", "order-paid", "--expect", "exists"])
        .failed(1, "expected an existing");
    assert_eq!(place.objects(&["read", "--all", "--json"]).len(), 1);
}

#[test]
fn what_no_store_can_take_is_refused_before_a_store_is_created() {
    let place = Place::new();
    let long = "x".repeat(10_000);
    place.annals(&["append", "", "t"]).failed(1, "stream id is empty");
    place.annals(&["append", &long, "t"]).failed(1, "stream id has 10000 bytes, expected 1 to 255");
    place.annals(&["append", "s", &long]).failed(1, "event type has 10000 bytes");
    place.annals(&["append", "s\n", "t"]).failed(1, "control character");
    place.annals(&["append", "s", "t", "{"]).failed(1, "malformed JSON at byte 1");
    place.annals(&["append", "s", "t", ""]).failed(1, "malformed JSON");
    place.annals(&["append", "s", "t", r#"{"a":1,"a":2}"#]).failed(1, "twice");
    place.annals_reading(&["append", "s", "t", "-"], b"\"\xff\"").failed(1, "not UTF-8");
    assert!(!place.path("a.db").exists());
}

#[test]
fn a_payload_of_20_mib_is_refused() {
    let place = Place::new();
    let payload = format!("\"{}\"", "x".repeat(20 << 20));
    place
        .annals_reading(&["append", "s", "t", "-"], payload.as_bytes())
        .failed(1, "this store takes at most 8388608 (8 MiB)");
    assert_eq!(place.stdout(&["read", "--all"]), "");
}

#[test]
fn an_id_that_is_another_events_is_refused() {
    let place = Place::new();
    let id = "0199f3a2-7c1e-7d4f-8a6b-5c4d3e2f1a0b";
    place.stdout(&["append", "a", "t", "1", "--id", id]);
    place.annals(&["append", "a", "t", "2", "--id", id]).failed(1, "already in use for another event");
}

#[test]
fn a_checkpoint_of_another_store_is_refused() {
    let place = Place::new();
    place.stdout(&["append", "a", "t"]);
    place
        .annals(&["tail", "--from", "0199f3a27c1e7d4f8a6b5c4d3e2f1a0b.1"])
        .failed(1, "belongs to another store");
}

#[test]
fn a_command_that_cannot_be_understood_is_a_usage_error() {
    let place = Place::new();
    place.stdout(&["append", "a", "t"]);
    for args in [
        &["read"][..],
        &["read", "a", "--all"],
        &["read", "--all", "--from", "-1"],
        &["read", "--all", "--limit", "many"],
        &["append", "a"],
        &["append", "a", "t", "--expect", "seven"],
        &["append", "a", "t", "--id", "7"],
        &["append", "a", "t", "--tag", ""],
        &["tail", "--from", "yesterday"],
        &["streams", "--after", ""],
        &["completions", "tcsh"],
        &["unknown"],
        &[],
        &["read", "--all", "--store", "a.db"],
        &["read", "--all", "--store", "nosuch:a.db"],
        &["read", "--all", "--store", "sqlite:"],
        &["read", "--all", "--store", "sqlite:a.db?colour=red"],
        &["read", "--all", "--store", "sqlite:%zz"],
    ] {
        let done = place.annals(args);
        assert_eq!(done.status, Some(2), "{args:?}: {}", done.stderr);
        assert!(!done.stderr.is_empty(), "{args:?}");
    }
    place.annals(&["read", "--all", "--store", "a.db"]).failed(2, "\"a.db\" is not a store URL");
}

#[test]
fn a_value_is_refused_in_the_words_of_the_tool_and_not_repeated_at_length() {
    let place = Place::new();
    place.stdout(&["append", "a", "t"]);
    let long = "x".repeat(10_000);
    for (args, says) in [
        (&["read", "--all", "--limit", "1e3"][..], "a whole number from 0 to 18446744073709551615"),
        (&["read", "--all", "--from", "99999999999999999999"], "a whole number from 0 to 184"),
        (&["read", "--all", "--category", "a-b"], "a category ends before the first - or /"),
        (&["append", "a", "t", "--tag", &long], "xxx…"),
        (&["read", "--all", "--store", &long], "xxx…"),
        (&[&long], "xxx…"),
    ] {
        let done = place.annals(args);
        assert_eq!(done.status, Some(2), "{}", done.stderr);
        assert!(done.stderr.contains(says) && done.stderr.len() < 1_000, "{}", done.stderr);
    }
}

#[test]
fn without_a_store_the_tool_says_how_to_name_one() {
    let mut command = tool();
    command.args(["read", "--all"]);
    let said = run(command, b"").failed(2, "no store given");
    assert!(said.contains("--store") && said.contains("ANNALS_STORE"), "{said}");
}

#[test]
fn reading_a_store_that_does_not_exist_fails_and_creates_nothing() {
    let place = Place::new();
    for args in [
        &["read", "--all"][..],
        &["tail"],
        &["streams"],
        &["types"],
        &["stats"],
        &["export", "--output", "x"],
    ] {
        place.annals(args).failed(3, "could not open a.db");
    }
    assert_eq!(std::fs::read_dir(place.dir.path()).unwrap().count(), 0);
    place.stdout(&["read", "--all", "--store", "sqlite:b.db?create=yes"]);
    assert!(place.path("b.db").exists());
}

#[test]
fn a_file_that_is_no_store_is_left_as_it_is() {
    let place = Place::new();
    let text = "dear diary, ".repeat(100);
    std::fs::write(place.path("a.db"), &text).unwrap();
    place.annals(&["read", "--all"]).failed(3, "not an SQLite database");
    place.annals(&["append", "a", "t"]).failed(3, "not an SQLite database");
    assert_eq!(std::fs::read_to_string(place.path("a.db")).unwrap(), text);

    std::fs::write(place.path("empty.db"), "").unwrap();
    place.annals(&["read", "--all", "--store", "sqlite:empty.db"]).failed(3, "holds no Annals store");
    assert_eq!(std::fs::metadata(place.path("empty.db")).unwrap().len(), 0);

    place.annals(&["append", "a", "t", "--store", "sqlite:no/such/place.db"]).failed(3, "could not open");
}

#[test]
fn a_store_that_a_newer_annals_wrote_is_refused_and_not_taken_for_a_wrong_url() {
    let place = Place::new();
    place.stdout(&["append", "a", "t"]);
    let database = rusqlite::Connection::open(place.path("a.db")).unwrap();
    database.execute("UPDATE annals_store SET schema_version = 99", []).unwrap();
    place.annals(&["read", "--all"]).failed(1, "newer Annals");
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_a_failure() {
    let place = Place::new();
    place.stdout(&["append", "a", "t"]);
    let mut command = place.on("a.db", &["read", "--all"]);
    command.stdout(std::fs::File::create("/dev/full").unwrap());
    let done = run(command, b"");
    assert_eq!(done.status, Some(1));
    assert!(done.stderr.contains("could not write to standard output"), "{}", done.stderr);
}

#[test]
fn the_hint_is_about_what_went_wrong() {
    let place = Place::new();
    let id = "0199f3a2-7c1e-7d4f-8a6b-5c4d3e2f1a0b";
    let checkpoint = place.objects(&["append", "a", "t", "1", "--id", id, "--json"])[0]["checkpoint"].clone();
    let ahead = format!("{}.99", checkpoint.as_str().unwrap().split_once('.').unwrap().0);
    let tags: Vec<String> = (0..2_000).map(|n| format!("--tag=t:{n}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    for (args, status, hint) in [
        (&["verify", "--chain"][..], 1, "chosen when a store is created: sqlite:new.db?hash_chain=annals-v1"),
        (&["append", "a", "t", "--store", "sqlite:nodir/x.db"], 3, "the directory nodir does not exist"),
        (&["stats", "--store", "sqlite:nodir/x.db"], 3, "the directory nodir does not exist"),
        (&["stats", "--store", "sqlite:~/x.db"], 3, "write \"sqlite:$HOME/x.db\""),
        (&["tail", "--from", "0199f3a27c1e7d4f8a6b5c4d3e2f1a0b.1"], 1, "--from start or --from now"),
        (&["tail", "--from", &ahead], 1, "--from start or --from now"),
        (&["append", "a", "t", "2", "--id", id], 1, "leave out --id"),
        (&[&["append", "a", "t"][..], &tags].concat(), 1, "fewer tags"),
        (&["stats", "--store", "sqlite:a.db?hash_chain=annals-v1"], 1, "leave hash_chain out"),
        (&["stats", "--store", "sqlite:a.db?create=false"], 2, "write create=no"),
    ] {
        place.annals(args).failed(status, hint);
    }
    std::fs::write(place.path("text.db"), "dear diary, ".repeat(100)).unwrap();
    let said = place.annals(&["stats", "--store", "sqlite:text.db"]).failed(3, "text.db: the file is not an");
    assert!(!said.contains("caused by"), "{said}");
    let other = format!(
        "{{\"specversion\":\"1.0\",\"id\":\"{id}\",\"source\":\"/s\",\"type\":\"u\",\"subject\":\"a\"}}"
    );
    place.annals_reading(&["import"], other.as_bytes()).failed(1, "another event under the same id");
}
