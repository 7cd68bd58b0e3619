//! Reading stores on real servers, which the environment names as the library's tests know them.

mod annals_made;
mod foreign;
mod little;
mod sessions;

use annals::mysql::mysql_async::prelude::Queryable as _;
use annals::{Append, EventStore, Expected, NewEvent, StoreUrl};
use annals_model::shape::StoreShape;

use super::{How, Live};

/// A server, or none where it need not be there.
fn server(variable: &str) -> Option<String> {
    let product = variable.trim_start_matches("ANNALS_").to_lowercase();
    let required = std::env::var("ANNALS_REQUIRE").unwrap_or_default();
    let url = std::env::var(variable).ok();
    assert!(url.is_some() || !required.split(',').any(|it| it == product), "{variable} is not set");
    url
}

fn with_option(url: &str, option: &str) -> String {
    format!("{url}{}{option}", if url.contains('?') { '&' } else { '?' })
}

/// Another database on the same server, as another login.
fn login(url: &str, login: &str, database: &str) -> String {
    let (scheme, rest) = url.split_once("//").unwrap();
    let (place, options) = rest.split_once('?').map_or((rest, String::new()), |(a, b)| (a, format!("?{b}")));
    let (_, host) = place.rsplit_once('@').unwrap();
    let (host, _) = host.split_once('/').unwrap();
    format!("{scheme}//{login}@{host}/{database}{options}")
}

fn unique(name: &str) -> String {
    format!("{name}_{}", annals::EventId::new().uuid().simple().to_string().split_off(20))
}

async fn read(url: &str) -> Live {
    read_as(url, &How::default()).await
}

async fn read_as(url: &str, how: &How) -> Live {
    super::read(&url.parse::<StoreUrl>().unwrap(), how).await.unwrap_or_else(|e| panic!("{url}: {e:?}"))
}

/// Statements as whoever owns the server.
async fn run(url: &str, statements: &str) {
    let parsed: StoreUrl = url.parse().unwrap();
    if url.starts_with("postgres") {
        let client = annals::postgres::connect(&parsed).await.unwrap();
        client.batch_execute(statements).await.unwrap();
    } else if url.starts_with("sqlserver") {
        let mut session = annals::sqlserver::Session::open(&parsed).await.unwrap();
        for statement in statements.split(";;") {
            let client = session.client().await.unwrap();
            let answered = client.simple_query(statement).await.unwrap().into_results().await;
            answered.unwrap_or_else(|e| panic!("{statement}: {e}"));
        }
    } else {
        let mut conn = annals::mysql::connect(&parsed).await.unwrap();
        for statement in statements.split(";;").filter(|statement| !statement.trim().is_empty()) {
            conn.query_drop(statement).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
        }
    }
}

/// So many orders with three events each.
async fn fill(store: &EventStore, orders: u32) {
    let event = |event_type: &str, payload: serde_json::Value| NewEvent::json(event_type, &payload).unwrap();
    let appends = (0..orders).map(|n| {
        let events = [
            event("order-placed", serde_json::json!({ "total": n, "mail": format!("berta{n}@example.org") })),
            event("order-paid", serde_json::json!({ "by": "card", "n": n })),
            event("order-shipped", serde_json::json!({})),
        ];
        Append::to(format!("order-{n}").parse().unwrap(), Expected::Any, events)
    });
    for appended in store.append_all(appends.collect()).await {
        appended.unwrap();
    }
}

/// That no value of an event is anywhere.
fn holds_no_value(live: &Live, values: &[&str]) {
    let all = format!("{live:?}");
    for value in values {
        assert!(
            !all.contains(value),
            "{value} is kept: {:?}",
            all.find(value).map(|at| &all[at - 200..at + 100])
        );
    }
}

fn names(shape: &StoreShape) -> Vec<&str> {
    shape.tables.iter().map(|table| table.plain_name()).collect()
}
