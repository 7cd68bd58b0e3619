//! Read models and the application's own tables beside the events, and what the tables hold.

use std::time::Duration;

use annals::backend::Backend as _;
use annals::prelude::*;
use annals::sqlserver::{Projection, ProjectionResult, Projector, Session, Transaction};
use annals::{Append, Error, ErrorKind, JsonText, Timestamp};

use super::{Place, guide, noted, open, rows, server, unique, with};

async fn write(store: &EventStore, event_type: &str, count: usize) -> annals::Appended {
    let events = (0..count).map(|n| NewEvent::json(event_type, &n).unwrap());
    store.append("s", Expected::Any, events).await.unwrap()
}

/// Counts events by type, and can be told to fail at a position.
struct Counts {
    table: String,
    fail_at: Option<u64>,
}

impl Projection for Counts {
    fn name(&self) -> &str {
        "counts"
    }

    fn query(&self) -> Query {
        Query::all()
    }

    async fn create(&self, tx: &mut Transaction<'_>) -> ProjectionResult {
        let sql = format!(
            "CREATE TABLE {} (event_type nvarchar(100) PRIMARY KEY, events bigint NOT NULL)",
            self.table
        );
        tx.simple_query(sql).await?.into_results().await?;
        Ok(())
    }

    async fn drop(&self, tx: &mut Transaction<'_>) -> ProjectionResult {
        tx.simple_query(format!("DROP TABLE {}", self.table)).await?.into_results().await?;
        Ok(())
    }

    async fn apply(&mut self, tx: &mut Transaction<'_>, event: &RecordedEvent) -> ProjectionResult {
        if self.fail_at == Some(event.position.0) {
            return Err("told to fail".into());
        }
        let sql = format!(
            "UPDATE {table} SET events = events + 1 WHERE event_type = @P1; \
             IF @@ROWCOUNT = 0 INSERT INTO {table} (event_type, events) VALUES (@P1, 1)",
            table = self.table
        );
        tx.execute(sql, &[&event.event_type.as_str()]).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_has_every_event_once() {
    let Some(server) = server() else { return };
    let mut place = Place::on(&server).await;
    let table = place.sql("{s}.counts");
    let counts = |fail_at| Counts { table: table.clone(), fail_at };
    let url = place.url.parse().unwrap();
    write(&place.store, "noted", 600).await;
    let mut failing = Projector::open(place.store.clone(), &url, counts(Some(600))).await.unwrap();
    assert_eq!(failing.catch_up().await.unwrap_err().kind(), ErrorKind::Invalid);
    // The first batch of 512 stays, of the second nothing.
    assert_eq!(place.value::<i64>("SELECT SUM(events) FROM {s}.counts").await, 512);

    let mut projector = Projector::open(place.store.clone(), &url, counts(None)).await.unwrap();
    assert_eq!(projector.catch_up().await.unwrap(), 88);
    assert_eq!(projector.catch_up().await.unwrap(), 0);
    let events = write(&place.store, "told", 3).await;
    assert_eq!(projector.catch_up().await.unwrap(), 3);
    // A runner that stands where the tables no longer do takes in nothing twice.
    assert_eq!(failing.deliver(vec![]).await.unwrap(), 0);
    assert_eq!(place.value::<i64>("SELECT SUM(events) FROM {s}.counts").await, 603);
    assert_eq!(projector.rebuild().await.unwrap(), 603);
    let told = place.value::<i64>("SELECT events FROM {s}.counts WHERE event_type = 'told'").await;
    assert_eq!(told, 3);
    let mut progress = projector.progress();
    progress.wait_for(&events.checkpoint, Duration::from_secs(1)).await.unwrap();
    place.execute("DROP TABLE {s}.counts; DROP TABLE {s}.projections").await;
    place.finish().await;
}

/// One append, kept apart from its transaction so that it can be repeated.
fn order() -> Append {
    Append::to("order-1".parse().unwrap(), Expected::NoStream, [NewEvent::json("order-placed", &1).unwrap()])
}

/// A transaction that has looked at the events before another append came, and is then handed over.
async fn outbox(place: &mut Place, append: Append) -> Result<annals::Appended, Error> {
    let sql = place.sql("SELECT COUNT(*) FROM {s}.events; INSERT INTO {s}.outbox VALUES ('mail')");
    let mut tx = place.session.begin().await.unwrap();
    tx.simple_query(sql).await.unwrap().into_results().await.unwrap();
    place.store.append("other", Expected::Any, [NewEvent::json("order-noted", &1).unwrap()]).await.unwrap();
    place.sqlserver.append_in(tx, append).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_in_the_applications_transaction_stands_and_falls_with_it() {
    let Some(server) = server() else { return };
    let mut place = Place::on(&server).await;
    place.execute("CREATE TABLE {s}.outbox (message nvarchar(100))").await;
    let mails = "SELECT COUNT_BIG(*) FROM {s}.outbox";

    let append = order();
    let first = outbox(&mut place, append.clone()).await.unwrap();
    assert_eq!((first.version().0, first.duplicate), (1, false));
    assert_eq!(place.value::<i64>(mails).await, 1);

    // The answer was lost and the whole is repeated.
    let again = outbox(&mut place, append).await.unwrap();
    assert_eq!((again.last_position, again.duplicate), (first.last_position, true));
    assert_eq!(place.value::<i64>(mails).await, 1);

    let conflict = outbox(&mut place, order()).await.unwrap_err();
    assert!(matches!(conflict.conflict(), Some(annals::Conflict::Version { actual, .. }) if actual.0 == 1));
    assert_eq!(place.value::<i64>(mails).await, 1);

    // What came after the transaction began counts all the same.
    let guarded = |event_type: &str, after| {
        let query = Query::types([event_type.parse().unwrap()]).or(Query::types(["never".parse().unwrap()]));
        let event = NewEvent::json("order-paid", &1).unwrap();
        Append::to("order-1".parse().unwrap(), Expected::Any, [event])
            .when(annals::Condition { query, after: annals::Position(after) })
    };
    let last = place.store.stats().await.unwrap().position.0;
    assert!(outbox(&mut place, guarded("order-noted", last)).await.is_err());
    let last = place.store.stats().await.unwrap().position.0;
    let paid = outbox(&mut place, guarded("order-placed", last)).await.unwrap();
    assert_eq!((paid.version().0, place.value::<i64>(mails).await), (2, 2));
    let events = place.store.read_all().collect().await.unwrap();
    assert_eq!(events.len(), 2 + 5);
    assert!(events.is_sorted_by_key(|event| event.position));

    // One whose snapshot may be older than the lock is refused.
    let mut tx = place.session.begin().await.unwrap();
    let snapshot = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE";
    tx.simple_query(snapshot).await.unwrap().into_results().await.unwrap();
    let refused = place.sqlserver.append_in(tx, order()).await.unwrap_err();
    assert!(
        refused.kind() == ErrorKind::Invalid && refused.to_string().contains("READ COMMITTED"),
        "{refused}"
    );

    // One that nobody ends is taken back, and its session goes on with another connection.
    let mut tx = place.session.begin().await.unwrap();
    let sql = format!("INSERT INTO {}.outbox VALUES ('lost')", place.schema);
    tx.simple_query(sql).await.unwrap().into_results().await.unwrap();
    drop(tx);
    let tx = place.session.begin().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(place.value::<i64>(mails).await, 2);
    place.execute("DROP TABLE {s}.outbox").await;
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_are_asked_and_indexed_as_the_guide_shows() {
    let Some(server) = server() else { return };
    let mut place = Place::on(&server).await;
    let placed = |n: usize, customer: &str| {
        let payload = serde_json::json!({ "customer": customer, "total": n });
        NewEvent::json("order-placed", &payload).unwrap()
    };
    let many = (0..200).map(|n| placed(n, &format!("c-{}", n % 50)));
    place.store.append("order-1", Expected::NoStream, many).await.unwrap();
    place.store.append("order-2", Expected::NoStream, [placed(120, "ada"), placed(7, "ada")]).await.unwrap();
    let ours = |sql: &str| sql.replace("annals.", &format!("{}.", place.schema));
    let [question, names, index] = guide("Payloads").try_into().unwrap();
    let (question, names, index) = (ours(&question), ours(&names), ours(&index));
    let found = place.rows(&question).await;
    assert_eq!(found.len(), 99 + 1);
    let last = found.last().unwrap();
    assert_eq!((last.get::<&str, _>(1), last.get::<&str, _>(2)), (Some("order-2"), Some("ada")));
    assert_eq!(place.rows(&names).await.len(), 200);

    for statement in index.split(";\n").filter(|text| !text.trim().is_empty()) {
        let found = place.rows(statement).await;
        if statement.contains("SELECT") && statement.contains("= N'ada'") {
            assert_eq!(found.len(), 2);
        }
    }

    // What the database does not take for JSON, or only newer ones do, is stored all the same.
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    for (event_type, payload) in [
        ("order-placed", "1e400"),
        ("order-noted", r#"{"customer":1e400}"#),
        ("order-noted", r#""\ud83d\ude00\u0000 it's""#),
        ("order-noted", "\"\u{1f600} \u{e000} ~\""),
        ("order-noted", &deep),
    ] {
        let event = NewEvent::new(event_type.parse().unwrap(), JsonText::parse(payload).unwrap());
        let appended = place.store.append("order-3", Expected::Any, [event.clone()]).await.unwrap();
        let found = place.store.event(event.event_id).await.unwrap().unwrap();
        assert_eq!(found.position, appended.last_position);
        assert_eq!(std::str::from_utf8(found.payload.as_bytes()).unwrap(), payload);
    }
    place.finish().await;
}

/// What a collation would fold is told apart, and people find it by its text.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_a_collation_would_fold_are_streams_of_their_own() {
    let Some(server) = server() else { return };
    let mut place = Place::on(&server).await;
    let names = ["a", "a ", "A", "á", "a\u{301}", "ａ", "ß", "ss", "\u{1f600}", "\u{e000}", "a%", "a_", "'"];
    for (n, name) in names.iter().enumerate() {
        let appended = place.store.append(*name, Expected::NoStream, [noted(n)]).await.unwrap();
        assert_eq!(appended.version().0, 1, "{name:?}");
    }
    for name in names {
        let events = place.store.read_stream(name).unwrap().collect().await.unwrap();
        assert_eq!(events.len(), 1, "{name:?}");
        assert_eq!(events[0].stream_id.as_str(), name);
    }
    let listed = place.store.list_streams("", None, 99).await.unwrap();
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    assert_eq!(listed.iter().map(|info| info.stream_id.as_str()).collect::<Vec<_>>(), sorted);
    let found = "SELECT COUNT_BIG(*) FROM {s}.events WHERE stream_id_key = CAST('a ' AS varbinary(255))";
    assert_eq!(place.value::<i64>(found).await, 1);
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rewrite_is_refused_by_the_log_and_not_by_a_mistake() {
    let Some(server) = server() else { return };
    let place = Place::on(&server).await;
    let tagged = noted(1).tagged("a:1".parse().unwrap());
    place.store.append("s", Expected::NoStream, [tagged]).await.unwrap();
    for attempt in place.sqlserver.attempt_rewrites().await.unwrap() {
        let refusal = attempt.refusal.unwrap_or_default().to_lowercase();
        let expected = match attempt.statement.split(' ').next() {
            Some("INSERT") => "duplicate",
            Some("TRUNCATE") => "truncate",
            _ => "append-only",
        };
        assert!(refusal.contains(expected), "{}: {refusal}", attempt.statement);
    }
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_utc_from_the_first_year_to_the_last() {
    let Some(server) = server() else { return };
    let place = Place::on(&server).await;
    let times = [
        "0001-01-01T00:00:00.000001Z",
        "1969-12-31T23:59:59.999999Z",
        "2026-10-25T01:30:00.5Z",
        "2026-03-29T01:30:00Z",
        "9999-12-30T22:00:00.999999Z",
    ];
    for (n, time) in times.iter().enumerate() {
        let time: Timestamp = time.parse().unwrap();
        let event = NewEvent { occurred_at: time, ..noted(n) };
        // In one round trip and in several.
        let never = Query::types(["never".parse().unwrap()]);
        let mut append = Append::to("s".parse().unwrap(), Expected::Any, [event]);
        if n % 2 == 1 {
            append = append.when(annals::Condition { query: never, after: annals::Position(0) });
        }
        place.store.append_one(append).await.unwrap();
    }
    let events = place.store.read_stream("s").unwrap().collect().await.unwrap();
    for (event, time) in events.iter().zip(times) {
        assert_eq!(event.occurred_at, time.parse().unwrap());
    }
    assert!(events.is_sorted_by_key(|event| event.recorded_at));
    place.finish().await;
}

/// A script that an administrator runs makes the same store as opening does.
#[tokio::test(flavor = "multi_thread")]
async fn the_printed_schema_is_the_one_that_opening_makes() {
    let Some(server) = server() else { return };
    let url = with(&server, &format!("namespace=hand_{}", unique()));
    let parsed: annals::StoreUrl = url.parse().unwrap();
    let script = parsed.schema_sql().unwrap();
    let mut session = Session::open(&parsed).await.unwrap();
    for _ in 0..2 {
        // As sqlcmd takes it apart.
        for batch in script.split("\nGO\n").filter(|batch| !batch.trim().is_empty()) {
            rows(&mut session, batch).await.unwrap();
        }
    }
    assert_eq!(parsed.schema_diff().await.unwrap(), []);
    parsed.apply_schema().await.unwrap();
    let store = open(&with(&url, "create=no")).await.unwrap();
    let s = format!("annals__{}", url.rsplit_once("namespace=").unwrap().1);
    rows(&mut session, &format!("DROP TRIGGER {s}.events_append_only")).await.unwrap();
    rows(&mut session, &format!("ALTER TABLE {s}.events ADD extra int NULL")).await.unwrap();
    let told: Vec<_> =
        parsed.schema_diff().await.unwrap().into_iter().map(|d| (d.object.clone(), d.matters())).collect();
    assert_eq!(
        told,
        [("column events.extra".to_owned(), false), ("trigger events_append_only".to_owned(), true),]
    );
    parsed.apply_schema().await.unwrap();
    assert!(parsed.schema_diff().await.unwrap().iter().all(|d| !d.matters()));
    store.drop_namespace().await.unwrap();
    let gone = open(&with(&url, "create=no")).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::Corrupt, "{gone}");
}
