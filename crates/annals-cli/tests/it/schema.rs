//! The tables of a store, made and compared by hand.

use crate::{Place, members, objects, run};

/// What an administrator does with the statements.
fn execute(place: &Place, sql: &str) {
    rusqlite::Connection::open(place.path("a.db")).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_store_made_by_hand_is_one() {
    let place = Place::new();
    let sql = place.stdout(&["schema", "print"]);
    assert!(!place.path("a.db").exists(), "printing connects to nothing");
    for _ in 0..2 {
        execute(&place, &format!("PRAGMA journal_mode = WAL; BEGIN; {sql} COMMIT;"));
    }
    let same = place.annals(&["schema", "diff"]);
    assert!(same.stderr.contains("the schema is as this version makes it"), "{}", same.stderr);
    assert_eq!(same.succeeded(), "");
    let store = |place: &Place| place.objects(&["stats", "--json"])[0]["store_id"].clone();
    let id = store(&place);
    place.stdout(&["append", "a", "noted"]);
    place.stdout(&["schema", "apply"]);
    assert_eq!(store(&place), id);
    place.stdout(&["verify", "--rule", "15"]);
}

#[test]
fn what_differs_is_told_and_mended_where_it_can_be() {
    let place = Place::new();
    place.stdout(&["append", "a", "noted"]);
    execute(
        &place,
        "CREATE INDEX report ON annals_events (causation_id);
         DROP INDEX annals_events_by_type;
         DROP TRIGGER annals_events_no_delete;
         CREATE TRIGGER annals_events_no_delete BEFORE DELETE ON annals_events BEGIN SELECT 1; END;
         ALTER TABLE annals_checkpoints ADD COLUMN note TEXT;",
    );
    let diff = place.annals(&["schema", "diff"]);
    for line in [
        "missing    index annals_events_by_type\n",
        "added      index report\n",
        "different  table annals_checkpoints: ",
        "different  trigger annals_events_no_delete: CREATE TRIGGER annals_events_no_delete BEFORE DELETE ON \
         annals_events BEGIN SELECT 1; END, expected CREATE TRIGGER",
    ] {
        assert!(diff.stdout.contains(line), "{line}: {}", diff.stdout);
    }
    diff.failed(1, "3 objects of the schema missing or different");
    let left = place.annals(&["schema", "apply", "--json"]);
    assert_eq!(members(&objects(&left.stdout), "object"), ["index report", "table annals_checkpoints"]);
    left.failed(1, "1 object of the schema");
}

#[test]
fn a_store_that_is_not_there_or_too_new_or_has_no_schema_says_so() {
    let place = Place::new();
    place.annals(&["schema", "diff"]).failed(3, "there is no such file");
    run(place.on("a.db", &["schema", "print", "--store", "memory:"]), b"").failed(1, "has no schema");
    place.stdout(&["append", "a", "noted"]);
    execute(&place, "UPDATE annals_store SET schema_version = 99");
    place.annals(&["schema", "apply"]).failed(1, "written by a newer Annals");
}
