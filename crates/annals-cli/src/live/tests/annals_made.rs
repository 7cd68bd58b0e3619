//! Stores that Annals made itself.

use annals_model::shape::{Column, Kind, Operation, Product, StoreShape, Table, sql};
use annals_model::text::Texts;

use super::*;

async fn store(url: &str) -> EventStore {
    let store = EventStore::connect(url).await.unwrap();
    fill(&store, 300).await;
    store
}

/// What is to be found in the catalogue of every store that Annals made.
fn is_whole(shape: &StoreShape, product: Product, url: &str) {
    assert_eq!((shape.product, shape.is_live), (Some(product), true), "{url}");
    assert!(shape.unread.is_empty(), "{url}: {:?}", shape.unread);
    let events = shape.tables.iter().find(|table| table.plain_name().ends_with("events")).unwrap();
    let column = |name: &str| events.column(name).unwrap_or_else(|| panic!("{url}: {name} of {events:?}"));
    assert_eq!(column("position").kind, Kind::Integer(64), "{url}");
    for name in ["stream_id", "stream_version", "event_type"] {
        assert!(!events.may_be_null(column(name)), "{url}: {name}");
    }
    let unique: Vec<Vec<&str>> =
        events.keys.iter().filter(|key| key.is_unique()).map(|key| key.columns().collect()).collect();
    for key in [vec!["position"], vec!["event_id"], vec!["stream_id", "stream_version"]] {
        assert!(unique.contains(&key), "{url}: {key:?} not in {unique:?}");
    }
    let guarded: Vec<Operation> = (shape.triggers.iter())
        .filter(|trigger| trigger.table == events.name)
        .filter(|trigger| trigger.body.contains("append-only"))
        .flat_map(|trigger| trigger.on.clone())
        .collect();
    for operation in [Operation::Update, Operation::Delete] {
        assert!(guarded.contains(&operation), "{url}: {:?}", shape.triggers);
    }
    assert!(
        events.checks.iter().any(|check| check.expression.contains("stream_version")),
        "{url}: {events:?}"
    );
}

fn is_sampled(live: &Live, url: &str) {
    let sample = live.sample.as_ref().unwrap_or_else(|| panic!("{url}: {:?}", live.notes));
    assert_eq!(sample.events, Some(900), "{url}");
    let names: Vec<&str> = sample.types.keys().map(String::as_str).collect();
    assert_eq!(names, ["order-paid", "order-placed", "order-shipped"], "{url}");
    for seen in sample.types.values() {
        assert_eq!((seen.events, seen.read), (Some(300), 200), "{url}");
        assert_eq!(seen.categories.keys().collect::<Vec<_>>(), ["order"], "{url}");
    }
    let placed = sample.types["order-placed"].versions.values().next().unwrap();
    assert_eq!(placed.fields["mail"].looks.values().sum::<u64>(), 200, "{url}: {placed:?}");
    let period = placed.shapes.values().next().unwrap().period.as_ref();
    assert!(period.is_some_and(|period| period.first.starts_with("20")), "{url}: {placed:?}");
    let orders = &sample.categories["order"];
    assert_eq!((orders.streams, orders.events, orders.longest, orders.of_one), (300, 900, 3, 0), "{url}");
    assert_eq!((orders.versions_read, orders.with_holes), (300, 0), "{url}");
    holds_no_value(live, &["berta", "example.org", "\"card\""]);
}

/// The catalogue says what the statements say that made it, as far as both can.
fn is_as_written(live: &StoreShape, url: &str) {
    let mut texts = Texts::default();
    let parsed: StoreUrl = url.parse().unwrap();
    let file = texts.add("schema.sql", parsed.schema_sql().unwrap());
    let written = sql::read(&texts, file, live.product);
    assert_eq!(names(live).len(), written.tables.len(), "{url}");
    for table in &written.tables {
        let there = live
            .table(&table.name)
            .unwrap_or_else(|| panic!("{url}: no {} in {:?}", table.name, names(live)));
        let columns = |table: &Table| -> Vec<_> {
            let of = |column: &Column| (column.name.clone(), column.kind, table.may_be_null(column));
            table.columns.iter().map(of).collect()
        };
        assert_eq!(columns(there), columns(table), "{url}: {}", table.name);
        let keys = |table: &Table| {
            let mut keys: Vec<_> = table
                .keys
                .iter()
                .map(|key| (format!("{:?} {:?}", key.kind, key.parts), key.predicate.clone()))
                .collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(there), keys(table), "{url}: {}", table.name);
        assert_eq!(there.checks.len(), table.checks.len(), "{url}: {}", table.name);
    }
    let triggers = |shape: &StoreShape| {
        let mut triggers: Vec<_> = (shape.triggers.iter())
            .map(|trigger| {
                (trigger.name.clone(), trigger.instead, {
                    let mut on = trigger.on.clone();
                    on.sort();
                    on
                })
            })
            .collect();
        triggers.sort();
        triggers
    };
    assert_eq!(triggers(live), triggers(&written), "{url}");
    assert_eq!(live.routines.len(), written.routines.len(), "{url}");
}

#[tokio::test]
async fn in_a_file() {
    let place = tempfile::tempdir().unwrap();
    for namespace in ["", "?namespace=eu"] {
        let url = format!("sqlite:{}{namespace}", place.path().join("a.db").display());
        store(&url).await;
        let live = read(&url).await;
        is_whole(&live.shape, Product::Sqlite, &url);
        if !namespace.is_empty() {
            is_as_written(&live.shape, &url);
        }
        is_sampled(&live, &url);
        assert_eq!(live.notes, Vec::<String>::new());
    }
    let url = format!("sqlite:{}?namespace=eu", place.path().join("a.db").display());
    assert!(names(&read(&url).await.shape).iter().all(|name| name.starts_with("annals__eu__")));
}

#[tokio::test]
async fn on_servers() {
    for (variable, product) in [
        ("ANNALS_POSTGRES", Product::Postgres),
        ("ANNALS_PGBOUNCER", Product::Postgres),
        ("ANNALS_MYSQL", Product::MySql),
        ("ANNALS_MARIADB", Product::MySql),
    ] {
        let Some(server) = server(variable) else { continue };
        let url = with_option(&server, &format!("namespace={}", unique("live")));
        let store = store(&url).await;
        let live = read(&url).await;
        let without = read_as(&url, &How { sample: false, ..How::default() }).await;
        store.backend().drop_namespace().await.unwrap();
        is_whole(&live.shape, product, &url);
        is_as_written(&live.shape, &url);
        is_sampled(&live, &url);
        assert_eq!(live.notes, Vec::<String>::new(), "{url}");
        assert!(without.sample.is_none() && without.notes.is_empty(), "{url}");
        assert_eq!(names(&live.shape).len(), 5, "{url}: {:?}", names(&live.shape));
        if product == Product::Postgres {
            let append = live.shape.routines.iter().find(|routine| routine.name.ends_with("append_batch"));
            assert!(append.is_some_and(|routine| routine.body.contains("pg_advisory_xact_lock")));
            let stream = live.shape.table("events").unwrap().column("stream_id").unwrap();
            assert_eq!(stream.collation.as_deref(), Some("C"));
        }
    }
}

#[tokio::test]
async fn on_sql_server() {
    let Some(server) = server("ANNALS_SQLSERVER") else { return };
    let url = with_option(&server, &format!("namespace={}", unique("live")));
    let store = store(&url).await;
    let live = read(&url).await;
    store.backend().drop_namespace().await.unwrap();
    let shape = &live.shape;
    assert_eq!(shape.product, Some(Product::SqlServer));
    // A server that only speaks as SQL Server may not know every right.
    let is_told = |note: &&String| !note.contains("VIEW DEFINITION");
    assert_eq!(live.notes.iter().filter(is_told).count(), 0, "{:?}", live.notes);
    let events = shape.table("events").unwrap();
    let column = |name: &str| events.column(name).unwrap();
    assert_eq!((column("position").kind, column("recorded_at").kind), (Kind::Integer(64), Kind::Instant));
    assert_eq!(column("stream_id").type_name, "nvarchar(255)");
    assert!(column("payload").nullable && !column("stream_version").nullable);
    let by_stream = events.keys.iter().find(|key| key.name.as_deref() == Some("events_by_stream")).unwrap();
    assert_eq!(by_stream.columns().collect::<Vec<_>>(), ["stream_id_key", "stream_version"]);
    let guard = shape.triggers.iter().find(|trigger| trigger.table == events.name).unwrap();
    assert!(guard.instead && guard.body.contains("append-only"), "{guard:?}");
    assert_eq!(guard.on, [Operation::Update, Operation::Delete]);
    assert!(shape.routines.iter().any(|routine| routine.body.contains("sp_getapplock")));
    is_sampled(&live, &url);
}
