//! The tool on stores that are on database servers.

use std::process::Command;

use serde_json::Value;

use crate::{Place, objects, run, tool};

/// The variables that name servers, as the library's tests know them.
const SERVERS: [&str; 4] = ["ANNALS_POSTGRES", "ANNALS_MARIADB", "ANNALS_MYSQL", "ANNALS_SQLSERVER"];

/// The servers there are. One that is missing is a failure where it has to be there.
pub(crate) fn servers() -> Vec<String> {
    let required = std::env::var("ANNALS_REQUIRE").unwrap_or_default();
    let url = |variable: &str| {
        let product = variable.trim_start_matches("ANNALS_").to_lowercase();
        let url = std::env::var(variable).ok();
        assert!(url.is_some() || !required.split(',').any(|it| it == product), "{variable} is not set");
        url
    };
    SERVERS.iter().filter_map(|variable| url(variable)).collect()
}

/// A store of its own on each server.
fn stores(name: &str) -> Vec<String> {
    let unique = annals::EventId::new().uuid().simple().to_string().split_off(20);
    servers().iter().map(|url| format!("{url}{}namespace={name}_{unique}", mark(url))).collect()
}

/// What the next option of a URL begins with.
fn mark(url: &str) -> char {
    if url.contains('?') { '&' } else { '?' }
}

fn on(store: &str, args: &[&str]) -> Command {
    let mut command = tool();
    command.env("ANNALS_STORE", store).args(args);
    command
}

/// Runs a test on each store and drops its tables.
fn on_each(name: &str, test: impl Fn(&str)) {
    for store in stores(name) {
        test(&store);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let store = annals::EventStore::connect(&store).await.unwrap();
            store.backend().drop_namespace().await.unwrap();
        });
    }
}

#[test]
fn events_are_appended_read_and_refused_as_in_a_file() {
    on_each("cli_events", |store| {
        let said = run(on(store, &["read", "--all"]), b"");
        said.failed(3, "holds no Annals store");
        let append = ["append", "order-1", "placed", r#"{"n":1.50}"#, "--expect", "none", "--tag", "x"];
        run(on(store, &append), b"").succeeded();
        run(on(store, &append), b"").failed(1, "is at version 1, expected no stream");
        let read = run(on(store, &["read", "order-1", "--json"]), b"").succeeded();
        assert!(read.contains(r#""payload":{"n":1.50}"#), "{read}");
        let (server, _) = store.rsplit_once("namespace=").unwrap();
        let server = &server[..server.len() - 1];
        run(on(server, &["verify", "--rule", "1", "--rule", "15"]), b"").succeeded();
    });
}

/// A store that Annals made has what a log needs, and what stands in its events is looked at.
#[test]
fn a_store_is_reviewed_where_it_is() {
    on_each("cli_check", |store| {
        let append = ["append", "customer-1", "customer-registered", r#"{"email":"ada@example.com"}"#];
        run(on(store, &append), b"").succeeded();
        let done = run(on(store, &["check", "--format", "json", "--fail-on", "never"]), b"");
        assert!(!done.stdout.contains("ada@"), "{}", done.stdout);
        let report: Value = serde_json::from_str(&done.succeeded()).unwrap();
        let rules: Vec<&str> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["severity"] != "note")
            .map(|finding| finding["rule"].as_str().unwrap())
            .collect();
        assert_eq!(rules, ["AN701"], "{store}: {report}");
        for clean in ["AN201", "AN203", "AN207", "AN211"] {
            assert!(report["checked"].as_array().unwrap().contains(&clean.into()), "{store}: {clean}");
        }
    });
}

/// What people write who have not thought of two writers, of a second try, or of who else may write.
#[test]
fn a_store_made_carelessly_is_told_what_it_lacks_and_nothing_else() {
    let name = format!("careless_{}", annals::EventId::new().uuid().simple().to_string().split_off(20));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for server in servers().into_iter().filter(|url| !url.starts_with("sqlserver")) {
        let [events, rows] = [
            "events (id BIGINT PRIMARY KEY, aggregate_id VARCHAR(80), version INT, type VARCHAR(80), data TEXT, \
             created VARCHAR(40))",
            "events VALUES (1, 'customer-1', 1, 'CustomerUpdated', '{\"email\":\"ada@example.com\"}', '2026-01-01'), \
             (2, 'customer-1', 2, 'CustomerUpdated', '{\"email\":\"eve@example.com\"}', '2026-01-02')",
        ];
        let (url, drop) = if server.starts_with("postgres") {
            (format!("{server}{}schema={name}", mark(&server)), format!("DROP SCHEMA {name} CASCADE"))
        } else {
            let (place, database) = server.rsplit_once('/').unwrap();
            let options =
                database.split_once('?').map_or(String::new(), |(_, options)| format!("?{options}"));
            (format!("{place}/{name}{options}"), format!("DROP DATABASE {name}"))
        };
        let made = [
            format!("CREATE SCHEMA {name}"),
            format!("CREATE TABLE {name}.{events}"),
            format!("INSERT INTO {name}.{rows}"),
        ];
        runtime.block_on(execute(&server, &made));
        let done = run(on(&url, &["check", "--format", "json"]), b"");
        runtime.block_on(execute(&server, &[drop]));
        assert!(!done.stdout.contains("ada@") && !done.stdout.contains("eve@"), "{}", done.stdout);
        let report: Value = serde_json::from_str(&done.stdout).unwrap();
        let said = |severity: &str| -> Vec<&str> {
            let findings = report["findings"].as_array().unwrap().iter();
            findings.filter(|it| it["severity"] == severity).map(|it| it["rule"].as_str().unwrap()).collect()
        };
        assert_eq!(said("error"), ["AN201", "AN701"], "{url}: {report}");
        let careless = ["AN103", "AN204", "AN210", "AN211", "AN212", "AN213", "AN401"];
        assert_eq!(said("warning"), careless, "{url}: {report}");
        done.failed(1, "severity error");
    }
}

async fn execute(server: &str, statements: &[String]) {
    use annals::mysql::mysql_async::prelude::Queryable as _;
    let url = server.parse().unwrap();
    if server.starts_with("postgres") {
        let client = annals::postgres::connect(&url).await.unwrap();
        client.batch_execute(&statements.join(";")).await.unwrap();
    } else {
        let mut connection = annals::mysql::connect(&url).await.unwrap();
        for statement in statements {
            connection.query_drop(statement).await.unwrap();
        }
    }
}

#[test]
fn a_store_is_copied_to_a_server_and_back() {
    on_each("cli_copy", |store| {
        let place = Place::new();
        let lines: String = (1..=700)
            .map(|n| {
                format!(
                    r#"{{"specversion":"1.0","id":"{n}","source":"/s","type":"t","subject":"a-{}","data":{{"z":{n}.0,"a":"\u0000"}}}}"#,
                    n % 9
                ) + "\n"
            })
            .collect();
        run(place.on("a.db", &["import"]), lines.as_bytes()).succeeded();
        let copy = |from: Command| -> Value { objects(&run(from, b"").succeeded()).remove(0) };
        let there = copy(place.on("a.db", &["copy", store, "--json"]));
        assert_eq!((&there["copied"], &there["events"]), (&700.into(), &700.into()));
        let back = place.path("b.db");
        let back = copy(on(store, &["copy", &format!("sqlite:{}", back.display()), "--json"]));
        assert_eq!(back["digest"], there["digest"]);
        let exported = |command: Command| {
            let mut events = objects(&run(command, b"").succeeded());
            for event in &mut events {
                event.as_object_mut().unwrap().remove("recordedtime");
            }
            events
        };
        assert_eq!(exported(on(store, &["export"])), exported(place.on("a.db", &["export"])));
    });
}

#[test]
fn a_story_is_told_as_from_a_file() {
    let place = Place::new();
    let story = crate::audit::story();
    run(place.on("a.db", &["import"]), story.as_bytes()).succeeded();
    on_each("cli_audit", |store| {
        run(on(store, &["import"]), story.as_bytes()).succeeded();
        for audit in [
            ["audit", "order-1", "--at", "2"].as_slice(),
            &["audit", "order-1", "--between", "1", "3"],
            &["audit", "--correlation", "checkout-1"],
            &["audit", "--tag", "customer:ada", "--format", "mermaid"],
        ] {
            let here = run(place.on("a.db", audit), b"").succeeded();
            assert_eq!(run(on(store, audit), b"").succeeded(), here, "{store}: {audit:?}");
        }
    });
}

#[test]
fn the_schema_is_printed_made_and_compared() {
    on_each("cli_schema", |store| {
        assert!(run(on(store, &["schema", "print"]), b"").succeeded().contains("CREATE TABLE"));
        let missing = run(on(store, &["schema", "diff"]), b"");
        assert!(missing.stdout.contains("missing "), "{}", missing.stdout);
        missing.failed(1, "of the schema missing or different");
        for _ in 0..2 {
            run(on(store, &["schema", "apply"]), b"").succeeded();
        }
        assert_eq!(run(on(store, &["schema", "diff"]), b"").succeeded(), "");
        run(on(store, &["append", "a", "noted"]), b"").succeeded();
    });
}

#[test]
fn no_message_shows_a_password() {
    for store in ["postgres://app:s3cret@127.0.0.1:1/shop", "postgres://app:s3cret@nowhere.invalid/shop"] {
        for command in ["stats", "verify", "tail"] {
            let said = run(on(store, &[command]), b"");
            assert!(!said.stderr.contains("s3cret"), "{}", said.stderr);
            said.failed(3, "could not connect to");
        }
    }
    for store in
        ["postgres://app:s3cret@h:port/shop", "postgres://app:s3cret%@h/shop", "postgres:app:s3cret@h"]
    {
        let said = run(on(store, &["stats"]), b"");
        assert!(!said.stderr.contains("s3cret"), "{}", said.stderr);
        said.failed(2, "expected postgres://");
    }
}
