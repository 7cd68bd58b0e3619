//! What `annals generate` makes for databases: tables of stores, pages, and read models that run as they stand.

use serde_json::{Value, json};

use crate::scratch::{Scratch, Session};
use crate::{Place, run};

const MODEL: &str = include_str!("../../../annals-generate/tests/models/projections.yaml");
const ONE: &str = "0197a1b2-0000-7000-8000-000000000001";
const TWO: &str = "0197a1b2-0000-7000-8000-000000000002";

/// A folder with the model in it, and a store with two orders.
fn place() -> Place {
    let place = Place::new();
    std::fs::write(place.path("annals.yaml"), MODEL).unwrap();
    let placed = |order: &str, channel: Option<&str>| {
        let mut placed = json!({
            "order_id": order, "customer_id": TWO, "deliver_to": { "street": "Calle 1", "city": "Málaga" }, "gift": true,
            "due": "2026-02-03", "ready_at": "2026-01-01T10:00:00.5Z", "price": 12.5, "weight": 0.25, "tags": ["a", "b"],
        });
        if let Some(channel) = channel {
            placed["channel"] = channel.into();
        }
        placed
    };
    let line = |quantity: i64, cents: i64| json!({ "order_id": ONE, "sku": "s", "quantity": quantity, "amount": { "amount_minor": cents, "currency": "EUR" } });
    let events = [
        (ONE, "order-placed", placed(ONE, Some("shop"))),
        (ONE, "line-added", line(3, 250)),
        (ONE, "line-added", line(1, 100)),
        (ONE, "line-removed", json!({ "order_id": ONE, "sku": "s", "quantity": 2 })),
        // As version 1 had it.
        (TWO, "order-placed", placed(TWO, None)),
        (ONE, "order-shipped", json!({ "order_id": ONE })),
    ];
    for (n, (order, event_type, payload)) in events.iter().enumerate() {
        let version = if payload.get("channel").is_some() { 2 } else { 1 };
        let event = json!({
            "specversion": "1.0", "id": n.to_string(), "source": "/orders", "subject": format!("order-{order}"),
            "type": event_type, "schemaversion": version, "time": format!("2026-01-01T09:00:0{n}Z"), "data": payload,
        });
        place.annals_reading(&["import"], event.to_string().as_bytes()).succeeded();
    }
    place
}

const ROWS: &str =
    "SELECT status, channel, city, due, items, total_minor, removals FROM order_summary ORDER BY order_id";
const EXPECTED: &str = "shipped|shop|Málaga|2026-02-03|2|350|1\nplaced|web|Málaga|2026-02-03|0|0|0\n";
const OTHERS: &str = "SELECT CASE WHEN created_at < updated_at THEN 1 ELSE 0 END, \
                      CASE WHEN placed_at IS NULL OR ready_at IS NULL OR last_amount IS NULL THEN 1 ELSE 0 END, \
                      CASE WHEN tracking IS NULL AND nobody IS NULL AND price > 12 AND weight < 1 THEN 1 ELSE 0 END \
                      FROM order_summary WHERE status = 'shipped'";

/// Made, run, run again, and built anew: the rows are the same each time.
async fn runs(place: &Place, on: &str, target: &str) {
    place.stdout(&["generate", "projections", "--on", on, "--out", on]);
    place.stdout(&["generate", "projections", "--on", on, "--out", on, "--check"]);
    let mut session = Session::open(target).await;
    let files = [format!("{on}/order_summary.toml"), format!("{on}/open_orders.toml")];
    for more in [None, None, Some("--rebuild")] {
        let mut args = vec!["project", &files[0], &files[1], "--target", target, "--once"];
        args.extend(more);
        place.stdout(&args);
        assert_eq!(session.run(ROWS).await.unwrap(), EXPECTED, "{on}");
        assert_eq!(session.run(OTHERS).await.unwrap(), "1|0|1\n", "{on}");
        // What was shipped is open no more.
        let open = session.run("SELECT order_id FROM open_orders").await.unwrap();
        assert_eq!(open.to_lowercase(), format!("{TWO}\n"), "{on}");
    }
    place.stdout(&["projection", "check", "order_summary", "--target", target, "--store", "sqlite:a.db"]);
}

#[tokio::test]
async fn projections_of_a_model_run_as_they_stand_on_sqlite() {
    let place = place();
    let target = format!("sqlite:{}", place.path("views.db").display());
    runs(&place, "sqlite", &target).await;
}

#[tokio::test]
async fn projections_of_a_model_run_as_they_stand_on_servers() {
    for scratch in Scratch::on_each_server().await {
        let place = place();
        let scheme = scratch.url.split(':').next().unwrap().to_owned();
        let mut session = Session::open(&scratch.url).await;
        let version = match scheme.as_str() {
            "mysql" => session.run("SELECT version()").await.unwrap(),
            _ => String::new(),
        };
        let on = if version.contains("MariaDB") { "mariadb" } else { &scheme };
        drop(session);
        runs(&place, on, &scratch.url).await;
        scratch.drop().await;
    }
}

#[test]
fn tables_of_a_store_are_those_of_its_backend_with_or_without_a_model() {
    let place = Place::new();
    for (on, url) in [
        ("sqlite", "sqlite:x.db"),
        ("postgres", "postgres://h/d"),
        ("mysql", "mysql://h/d"),
        ("mariadb", "mariadb://h/d"),
        ("sqlserver", "sqlserver://h/d"),
    ] {
        let printed = place.stdout(&["generate", "sql", "--on", on]);
        let (head, tables) = printed.split_once("\n\n").unwrap();
        assert!(head.starts_with(&format!("-- Made by `annals generate sql --on {on}`.")), "{head}");
        assert_eq!(tables.trim_end(), place.stdout(&["schema", "print", "--store", url]).trim_end(), "{on}");
    }
    assert!(place.stdout(&["generate", "sql", "--on", "ansi"]).contains("CREATE TABLE log_head"));
    std::fs::write(place.path("annals.yaml"), MODEL).unwrap();
    let printed = place.stdout(&["generate", "sql", "--on", "sqlite"]);
    assert!(
        printed.contains("from annals.yaml.") && printed.contains("--   order: order-{order_id}\n"),
        "{printed}"
    );
    place.stdout(&["generate", "sql", "--on", "sqlite", "--out", "made"]);
    place.stdout(&["generate", "sql", "--on", "sqlite", "--out", "made", "--check"]);
}

#[test]
fn what_a_database_cannot_have_is_refused_with_what_to_do() {
    let place = place();
    for on in ["mongodb", "cosmosdb", "eventsourcingdb", "kurrentdb"] {
        let said = run(place.on("a.db", &["generate", "sql", "--on", on]), b"");
        said.failed(2, &format!("annals generate pattern --on {on}"));
        let said = run(place.on("a.db", &["generate", "projections", "--on", on]), b"");
        said.failed(1, "keeps no read models in");
        assert!(place.stdout(&["generate", "pattern", "--on", on]).contains("# The pattern: Events on"));
    }
    for what in ["sql", "pattern", "projections"] {
        run(place.on("a.db", &["generate", what]), b"").failed(2, "for which database?");
    }
    let report: Value =
        serde_json::from_str(&place.annals(&["check", "annals.yaml", "--format", "json"]).stdout).unwrap();
    assert!(report["findings"].as_array().unwrap().iter().all(|it| it["rule"] != "AN001"), "{report}");
}

#[tokio::test]
async fn the_guide_s_model_makes_what_the_guide_says() {
    let guide = include_str!("../../../../docs/guide/projections.md");
    let section = guide.split("## From a model").nth(1).unwrap();
    let block = |of: &str| section.split(&format!("```{of}\n")).nth(1).unwrap().split("```").next().unwrap();
    let place = Place::new();
    std::fs::write(place.path("annals.yaml"), block("yaml")).unwrap();
    place.stdout(&["generate", "projections", "--on", "sqlite", "--out", "views"]);
    let made = std::fs::read_to_string(place.path("views/order_totals.toml")).unwrap();
    assert!(made.contains(block("toml")), "{made}");
    let order = |event_type: &str, more: &str| {
        let payload = format!(r#"{{"order_id":"{ONE}"{more}}}"#);
        place.stdout(&["append", &format!("order-{ONE}"), event_type, &payload]);
    };
    order("order-placed", r#","deliver_to":{"street":"x","city":"Oslo"}"#);
    order("line-added", r#","sku":"s","cents":250"#);
    let target = format!("sqlite:{}", place.path("views.db").display());
    let project = || place.stdout(&["project", "views/order_totals.toml", "--target", &target, "--once"]);
    let mut session = Session::open(&target).await;
    project();
    let rows = "SELECT city, status, lines_added, cents FROM order_totals WHERE placed_at IS NOT NULL";
    assert_eq!(session.run(rows).await.unwrap(), "Oslo|placed|1|250\n");
    order("order-cancelled", r#","reason":"x""#);
    project();
    assert_eq!(session.run(rows).await.unwrap(), "");
}
