//! Every statement finds its rows by an index. The server itself tells which plans it runs; with `--nocapture` this
//! test shows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals::backend::Backend as _;
use annals::prelude::*;
use annals::snapshot::{Snapshot, SnapshotKey, SnapshotName};
use annals::{Append, Condition, JsonText, Options, Position, QueryItem, Scope, Version};

use super::roles::guide;
use super::{POSTGRES, Place, beside_server, client, noted, open, server};

const EVENTS: usize = 6_000;

/// The plans that the server's log holds for statements with these words, by statement.
fn plans(log: &str, words: &str) -> BTreeMap<String, String> {
    let mut plans = BTreeMap::new();
    for entry in log.split(" LOG:  duration: ").skip(1) {
        let mut lines = entry.lines().skip(1).take_while(|line| line.starts_with('\t')).map(str::trim_start);
        let mut statement = lines.next().unwrap_or_default().trim_start_matches("Query Text: ").to_owned();
        let mut plan = String::new();
        for line in lines {
            // The plan begins with its costs; what stands before is the rest of the statement.
            if plan.is_empty() && !line.contains("(cost=") {
                statement.push_str(&format!(" {line}"));
            } else {
                plan.push_str(&format!("    {line}\n"));
            }
        }
        if statement.contains(words) {
            plans.insert(statement, plan);
        }
    }
    plans
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_uses_an_index() {
    let Some(place) = Place::beside(POSTGRES).await else { return };
    let Some(log) = beside_server(POSTGRES, "log") else { return };
    let types = ["placed", "paid", "packed", "shipped"];
    let event = |n: usize| {
        let tags = [format!("customer:{}", n % 500), format!("region:{}", n % 3)];
        let event = NewEvent::json(types[n % 4], &n).unwrap();
        tags.into_iter().fold(event, |event, tag| event.tagged(tag.parse().unwrap()))
    };
    for batch in (0..EVENTS).collect::<Vec<_>>().chunks(1_000) {
        let appends = batch.chunks(10).map(|events| {
            let stream = format!("order-{}", events[0] / 20).parse().unwrap();
            Append::to(stream, Expected::Any, events.iter().map(|n| event(*n)))
        });
        for appended in place.store.append_all(appends.collect()).await {
            appended.unwrap();
        }
    }
    let role = format!("plans_{}", place.schema);
    place
        .client
        .batch_execute(&format!(
            "CREATE ROLE {role} SUPERUSER LOGIN;
             ALTER ROLE {role} SET session_preload_libraries = 'auto_explain';
             ALTER ROLE {role} SET auto_explain.log_min_duration = 0;
             ALTER ROLE {role} SET auto_explain.log_nested_statements = on;
             ANALYZE {s}.events, {s}.event_tags",
            s = place.schema
        ))
        .await
        .unwrap();

    let server = server(POSTGRES).unwrap().replace("postgres@", &format!("{role}@"));
    let url = format!("{server}?namespace={}", place.schema.trim_start_matches("annals__"));
    let backend = open(&url.parse().unwrap()).await;
    let store = EventStore::new(Arc::new(backend.clone()), Options::default());
    let ids: Vec<_> =
        store.read_stream("order-7").unwrap().collect().await.unwrap().iter().map(|e| e.event_id).collect();
    assert_eq!(ids.len(), 20);
    store.read_stream("order-7").unwrap().backward().collect().await.unwrap();
    let item = |types: &[&str], tags: &[&str], scope| {
        Query::from(QueryItem {
            types: types.iter().map(|name| name.parse().unwrap()).collect(),
            tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
            scope,
        })
    };
    let queries = [
        Query::all(),
        item(&["paid"], &[], Scope::All),
        item(&["paid", "shipped"], &[], Scope::All),
        item(&[], &["customer:7"], Scope::All),
        item(&["paid"], &["customer:7", "region:1"], Scope::All),
        item(&["paid"], &[], Scope::Stream("order-7".parse().unwrap())),
        item(&[], &["customer:7"], Scope::Category("order".parse().unwrap())),
        item(&[], &[], Scope::Category("order".parse().unwrap())),
        item(&[], &[], Scope::Prefix("order-7".to_owned())),
        item(&["paid"], &[], Scope::All).or(item(&[], &["customer:7"], Scope::All)),
    ];
    for (n, query) in queries.into_iter().enumerate() {
        store.read_all().matching(query.clone()).limit(5).collect().await.unwrap();
        store.read_all().matching(query.clone()).backward().limit(5).collect().await.unwrap();
        let after = store.head().await.unwrap().position;
        let append = Append::to("new-1".parse().unwrap(), Expected::version(n as u64), [event(n)]);
        store.append_one(append.when(Condition { query, after })).await.unwrap();
    }
    store.append("new-2", Expected::NoStream, [event(1)]).await.unwrap();
    store.append("new-2", Expected::NoStream, [event(1)]).await.unwrap_err();
    store.events(ids).await.unwrap();
    store.list_streams("order-1", None, 5).await.unwrap();
    store.list_event_types(None, 5).await.unwrap();
    store.stats().await.unwrap();
    store.save_checkpoint("p", None, &store.checkpoint_at(Position(1))).await.unwrap();
    store.load_checkpoint("p").await.unwrap();
    let key = SnapshotKey { stream_id: "order-7".parse().unwrap(), name: SnapshotName::new("s").unwrap() };
    let state = JsonText::parse("1").unwrap();
    let snapshot = Snapshot { stream_version: Version(1), state_version: 1, state };
    backend.save_snapshot(key.clone(), snapshot).await.unwrap();
    backend.load_snapshot(key.clone()).await.unwrap();
    backend.delete_snapshot(key).await.unwrap();

    let log = String::from_utf8_lossy(&std::fs::read(log).unwrap()).into_owned();
    let plans = plans(&log, &place.schema);
    for (statement, plan) in &plans {
        println!("{statement}\n{plan}");
    }
    assert!(plans.len() > 35, "{} plans", plans.len());
    for (statement, plan) in plans {
        // Counting everything reads everything.
        let counts_all = statement.contains("pg_total_relation_size");
        let whole =
            ["events", "event_tags"].iter().any(|table| plan.contains(&format!("Seq Scan on {table}")));
        assert!(counts_all || !whole, "{statement}\n{plan}");
    }
    drop((store, backend));
    place.client.batch_execute(&format!("DROP ROLE {role}")).await.unwrap();
    place.finish().await;
}

/// The questions and indexes of the guide, as they stand there.
#[tokio::test(flavor = "multi_thread")]
async fn the_payload_is_queryable_and_indexable_as_the_guide_says() {
    let Some(place) = Place::beside(POSTGRES).await else { return };
    let client = client(&server(POSTGRES).unwrap()).await;
    let orders = (0..900).map(|n| {
        let payload = serde_json::json!({ "customer": format!("c{n}"), "total": format!("{n}.50") });
        NewEvent::json("order-placed", &payload).unwrap()
    });
    place.store.append("order-1", Expected::Any, orders).await.unwrap();
    place.store.append("other", Expected::Any, [noted(1)]).await.unwrap();
    let blocks: Vec<String> = guide("Payloads")
        .iter()
        .map(|sql| sql.replace("annals.events", &format!("{}.events", place.schema)))
        .collect();
    let [over_100, by_customer, of_ada, by_content] = &blocks[..] else { panic!("{} blocks", blocks.len()) };
    let found = client.query(over_100, &[]).await.unwrap();
    assert_eq!((found.len(), found[0].get::<_, &str>(2)), (800, "c100"));
    client
        .batch_execute(&format!("{by_customer}; {by_content}; ANALYZE {}.events", place.schema))
        .await
        .unwrap();
    let explain = |sql: String| {
        let client = &client;
        async move {
            let lines = client.query(&format!("EXPLAIN {sql}"), &[]).await.unwrap();
            lines.iter().map(|line| line.get::<_, String>(0)).collect::<String>()
        }
    };
    let plan = explain(of_ada.clone()).await;
    assert!(plan.contains("orders_by_customer"), "{plan}");
    client.batch_execute("SET enable_seqscan = off").await.unwrap();
    let plan = explain(format!(
        "SELECT position FROM {}.events WHERE event_type = 'order-placed' \
         AND payload::text::jsonb @> '{{\"customer\":\"c7\"}}'",
        place.schema
    ))
    .await;
    assert!(plan.contains("orders_by_content"), "{plan}");

    let nul =
        NewEvent::new("order-placed".parse().unwrap(), JsonText::parse(r#"{"note":"\u0000"}"#).unwrap());
    let refused = place.store.append("order-1", Expected::Any, [nul]).await.unwrap_err();
    assert_eq!(refused.kind(), annals::ErrorKind::Invalid, "{refused}");
    place.finish().await;
}
