//! Reviewing models, schemas and stores, beginning a model, and whether event sourcing fits.

use rusqlite::Connection;
use serde_json::Value;

use crate::{Done, Place, run, tool};

/// The tool without a store.
fn alone(place: &Place, args: &[&str]) -> Done {
    let mut command = tool();
    command.current_dir(place.dir.path()).env_remove("ANNALS_STORE").args(args);
    run(command, b"")
}

fn with(files: &[(&str, &str)]) -> Place {
    let place = Place::new();
    for (name, text) in files {
        let path = place.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    place
}

const CARELESS: &str = "CREATE TABLE events (\n  position bigserial PRIMARY KEY,\n  stream_id text NOT NULL,\n  \
                        version bigint,\n  event_type text NOT NULL,\n  payload jsonb NOT NULL,\n  \
                        created_at timestamptz NOT NULL,\n  UNIQUE (stream_id, version)\n);\n";

#[test]
fn ddl_is_reviewed_at_the_line_and_a_baseline_keeps_what_is_known() {
    let place = with(&[("store.sql", CARELESS)]);
    let done = alone(&place, &["check", "store.sql"]);
    assert!(done.stdout.contains("error[AN203] guard-with-null"), "{}", done.stdout);
    assert!(done.stdout.contains("store.sql:4:3"), "{}", done.stdout);
    assert!(done.stdout.contains("version bigint NOT NULL,"), "{}", done.stdout);
    done.failed(1, "1 finding of severity error or more");
    alone(&place, &["check", "store.sql", "--baseline", "known.json", "--update-baseline"]).succeeded();
    let done = alone(&place, &["check", "store.sql", "--baseline", "known.json", "--format", "short"]);
    assert_eq!(done.succeeded().trim(), "");
    let worse = CARELESS.replace("stream_id text NOT NULL", "stream_id text");
    std::fs::write(place.path("store.sql"), worse).unwrap();
    let done = alone(&place, &["check", "store.sql", "--baseline", "known.json", "--format", "short"]);
    assert!(done.stdout.contains("stream_id and version of events may be NULL"), "{}", done.stdout);
    done.failed(1, "1 finding");
}

#[test]
fn migrations_are_read_as_one_store_in_their_order() {
    let place = with(&[
        (
            "db/1.sql",
            "CREATE TABLE events (position bigserial PRIMARY KEY, stream_id text, version bigint, event_type text, payload jsonb);",
        ),
        (
            "db/2.sql",
            "ALTER TABLE events ALTER COLUMN stream_id SET NOT NULL; ALTER TABLE events ALTER COLUMN version SET NOT NULL;",
        ),
        ("db/3.sql", "CREATE UNIQUE INDEX events_version ON events (stream_id, version);"),
    ]);
    let done = alone(&place, &["check", "db", "--format", "json", "--fail-on", "never"]);
    let report: Value = serde_json::from_str(&done.succeeded()).unwrap();
    let rules: Vec<&str> =
        report["findings"].as_array().unwrap().iter().map(|it| it["rule"].as_str().unwrap()).collect();
    let alone = alone(&place, &["check", "db/1.sql", "--fail-on", "never"]);
    assert!(alone.stderr.contains("2 more .sql beside"), "{}", alone.stderr);
    assert!(!rules.contains(&"AN201") && !rules.contains(&"AN203"), "{rules:?}");
    assert!(report["checked"].as_array().unwrap().contains(&"AN201".into()), "{report}");
}

const MODEL: &str = "annals: 1\ncontext: bank\nstreams:\n  account: { key: 'account-{id}', why: no overdraft, \
                     retain: forever }\nevents:\n  UpdateBalance: { stream: account, fields: { id: uuid, cents: int } }\n";

#[test]
fn a_model_is_reviewed_and_its_mistakes_are_told_with_what_was_meant() {
    let place = with(&[("annals.yaml", MODEL)]);
    let done = alone(&place, &["check"]);
    for said in ["error[AN301]", "error[AN102]", "annals.yaml:4:3"] {
        assert!(done.stdout.contains(said), "{said}: {}", done.stdout);
    }
    done.failed(1, "findings of severity error or more");
    let allowed = MODEL.replace("  account:", "  # annals: allow(AN301) because: a test\n  account:");
    std::fs::write(place.path("annals.yaml"), allowed).unwrap();
    assert!(!alone(&place, &["check"]).stdout.contains("AN301]"));
    std::fs::write(place.path("annals.yaml"), MODEL.replace("retain", "retian")).unwrap();
    let done = alone(&place, &["check", "."]);
    assert!(done.stdout.contains("did you mean `retain`?"), "{}", done.stdout);
    done.failed(1, "severity error");
}

#[test]
fn what_changed_within_a_version_is_told() {
    let place =
        with(&[("main.yaml", MODEL), ("annals.yaml", &MODEL.replace("cents: int", "amount: decimal"))]);
    let done = alone(&place, &["check", "annals.yaml", "--against", "main.yaml", "--format", "short"]);
    assert!(done.stdout.contains("error[AN402]"), "{}", done.stdout);
    done.failed(1, "severity error");
}

#[test]
fn a_running_store_and_its_events_are_reviewed_and_no_value_is_shown() {
    let place = Place::new();
    for n in 0..5 {
        let payload = format!(r#"{{"email":"ada{n}@example.com"}}"#);
        place.stdout(&["append", &format!("customer-{n}"), "customer-registered", &payload]);
    }
    let done = place.annals(&["check"]);
    assert!(done.stdout.contains("error[AN701] pii-in-clear"), "{}", done.stdout);
    assert!(!done.stdout.contains("ada0") && !done.stderr.contains("ada0"), "{}", done.stdout);
    for good in ["append-only guard", "unique version key", "event id unique"] {
        let words: Vec<&str> = done.stdout.split_whitespace().collect();
        assert!(words.join(" ").contains(good), "{good}: {}", done.stdout);
    }
    assert_eq!(done.stdout.matches("error[").count(), 1, "{}", done.stdout);
    done.failed(1, "1 finding");
    place.annals(&["check", "--no-sample"]).succeeded();
    let events = place.stdout(&["export"]);
    std::fs::write(place.path("events.jsonl"), events).unwrap();
    let done = alone(&place, &["check", "events.jsonl", "--format", "github"]);
    assert!(done.stdout.contains("::error") && !done.stdout.contains("ada0"), "{}", done.stdout);
    let drafted = place.stdout(&["new", "--from", "sqlite:a.db", "--context", "crm", "--stdout"]);
    assert!(drafted.contains("context: crm") && drafted.contains("customer-registered:"), "{drafted}");
}

#[test]
fn a_careless_store_of_somebody_else_is_reviewed() {
    let place = Place::new();
    let database = Connection::open(place.path("theirs.db")).unwrap();
    database
        .execute_batch(
            "CREATE TABLE events (id INTEGER PRIMARY KEY, aggregate_id TEXT, version INTEGER, type TEXT, data TEXT, created TEXT);
             INSERT INTO events VALUES (1, 'order-1', 1, 'OrderUpdated', '{\"total\":1.5}', '2026-01-01');",
        )
        .unwrap();
    let done = alone(&place, &["check", "sqlite:theirs.db", "--format", "short"]);
    assert!(done.stdout.contains("error[AN201]"), "{}", done.stdout);
    done.failed(1, "severity error");
}

#[test]
fn what_cannot_be_reviewed_is_said() {
    let place = with(&[("notes.txt", "x"), ("empty/readme.md", ""), ("bad.jsonl", "{\n")]);
    alone(&place, &["check", "nothing.sql"]).failed(2, "there is no file or folder \"nothing.sql\"");
    alone(&place, &["check", "notes.txt"]).failed(2, "is of no kind that can be reviewed");
    alone(&place, &["check", "empty"]).failed(2, "nothing to review in folder empty");
    alone(&place, &["check", "bad.jsonl"]).failed(1, "bad.jsonl");
    alone(&place, &["check", "sqlite:missing.db"]).failed(3, "missing.db");
    alone(&place, &["explain", "AN23"]).failed(2, "did you mean AN203");
}

#[test]
fn a_rule_is_explained_offline() {
    let place = Place::new();
    let page = alone(&place, &["explain", "guard-with-null"]).succeeded();
    for part in ["AN203 guard-with-null", "WHY", "HOW TO MEND IT", "PostgreSQL"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let rules = alone(&place, &["explain"]).succeeded();
    assert!(rules.lines().count() >= 36, "{rules}");
}

#[test]
fn a_model_begins_empty_and_is_not_written_over() {
    let place = Place::new();
    alone(&place, &["new", "--context", "parking"]).succeeded();
    alone(&place, &["check", "."]).succeeded();
    alone(&place, &["new"]).failed(1, "annals.yaml is there already");
    alone(&place, &["new", "--store", "sqlite:a.db"]).failed(2, "annals new --from URL");
    let schema = alone(&place, &["new", "--json-schema"]).succeeded();
    assert!(serde_json::from_str::<Value>(&schema).unwrap()["properties"]["streams"].is_object());
}

#[test]
fn crud_wins_unless_answers_speak_against_it_and_its_tables_work() {
    let place = Place::new();
    let form = alone(&place, &["fit", "--form"]).succeeded();
    std::fs::write(place.path("none.yaml"), &form).unwrap();
    let verdict = alone(&place, &["fit", "--answers", "none.yaml", "--on", "sqlite", "--json"]).succeeded();
    let verdict: Value = serde_json::from_str(&verdict).unwrap();
    assert_eq!(verdict["verdict"], "crud", "{verdict}");
    let code = verdict["alternative"]["code"].as_str().unwrap();
    Connection::open_in_memory().unwrap().execute_batch(code).unwrap();
    let said = alone(&place, &["fit", "--answers", "none.yaml"]).succeeded();
    for part in ["ordinary CRUD is better", "What decided", "What would change it", "CREATE TABLE"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    std::fs::write(place.path("wrong.yaml"), "logic: 7\nmotve: audit\n").unwrap();
    alone(&place, &["fit", "--answers", "wrong.yaml"]).failed(1, "not understood");
    alone(&place, &["fit"]).failed(2, "nobody is there to be asked");
}

#[test]
fn a_stream_that_is_a_table_is_named_in_a_model() {
    let model = "annals: 1\nstreams:\n  setting: { key: 'setting-{name}', why: one value, concurrency: expected-version }\n\
                 events:\n  SettingCreated: { stream: setting, fields: { name: text, value: text } }\n  \
                 SettingUpdated: { stream: setting, fields: { name: text, value: text } }\n";
    let place = with(&[("annals.yaml", model)]);
    let said = alone(&place, &["fit", "annals.yaml", "--on", "sqlite"]).succeeded();
    assert!(
        said.contains("setting: this stream is a table") && said.contains("CREATE TABLE setting"),
        "{said}"
    );
    alone(&place, &["fit", "annals.yaml", "--stream", "other"]).failed(2, "other");
}
