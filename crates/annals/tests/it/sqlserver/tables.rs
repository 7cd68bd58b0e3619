//! Read models and the application's own tables beside the events, and what the tables hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals::backend::Backend as _;
use annals::prelude::*;
use annals::project::{Control, OnFailure, Parked, Projector, ReadModel, Tables};
use annals::sqlserver::{Projection, ProjectionResult, Session, Transaction, control, target};
use annals::{Append, Error, ErrorKind, JsonText, StoreUrl, Timestamp};
use tokio::sync::Notify;

use super::{Place, guide, noted, open, rows, server, unique, with};

async fn write(store: &EventStore, event_type: &str, count: usize) -> annals::Appended {
    let events = (0..count).map(|n| NewEvent::json(event_type, &n).unwrap());
    store.append("s", Expected::Any, events).await.unwrap()
}

/// Counts events by type, and fails at those of a type while it is told to.
#[derive(Clone)]
struct Counts {
    table: String,
    fails: Arc<AtomicBool>,
}

impl Projection for Counts {
    fn read_model(&self) -> ReadModel {
        ReadModel::new("counts", Query::all()).table(&self.table)
    }

    async fn create(&self, tx: &mut Transaction<'_>, tables: &Tables) -> ProjectionResult {
        let sql = format!(
            "CREATE TABLE {{{}}} (event_type nvarchar(100) PRIMARY KEY, events bigint NOT NULL)",
            self.table
        );
        tx.simple_query(tables.sql(&sql)).await?.into_results().await?;
        Ok(())
    }

    async fn apply(
        &mut self,
        tx: &mut Transaction<'_>,
        tables: &Tables,
        event: &RecordedEvent,
    ) -> ProjectionResult {
        if event.event_type.as_str() == "bad" && self.fails.load(Ordering::Relaxed) {
            tx.simple_query("SELECT told_to_fail").await?.into_results().await?;
        }
        let sql = format!(
            "UPDATE {{{table}}} SET events = events + 1 WHERE event_type = @P1; \
             IF @@ROWCOUNT = 0 INSERT INTO {{{table}}} (event_type, events) VALUES (@P1, 1)",
            table = self.table
        );
        tx.execute(tables.sql(&sql), &[&event.event_type.as_str()]).await?;
        Ok(())
    }
}

/// Counts in a place, and what makes it fail.
fn counts(place: &Place) -> (Counts, Arc<AtomicBool>) {
    let fails = Arc::new(AtomicBool::new(true));
    (Counts { table: place.sql("{s}.counts"), fails: fails.clone() }, fails)
}

/// Drops what is known of read models, with all their tables.
async fn forget(mut place: Place, control: &Control) {
    control.remove("counts").await.unwrap();
    for table in ["s", "_format", "_generations", "_parts", "_parked", "_runners"] {
        place.execute(&format!("DROP TABLE {{s}}.projection{table}")).await;
    }
    let left =
        "SELECT COUNT_BIG(*) FROM sys.objects WHERE schema_id = SCHEMA_ID('{s}') AND name LIKE 'counts%'";
    assert_eq!(place.value::<i64>(left).await, 0);
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_has_every_event_once() {
    let Some(server) = server() else { return };
    let mut place = Place::on(&server).await;
    let url: StoreUrl = place.url.parse().unwrap();
    let control = control(&url).unwrap();
    assert!(control.list().await.unwrap().is_empty());
    let (counts, fails) = counts(&place);
    let model = || target(&url, counts.clone()).unwrap().retries(1);
    write(&place.store, "noted", 599).await;
    write(&place.store, "bad", 1).await;
    let projector = Projector::new(place.store.clone()).with(model());
    let error = projector.catch_up().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("position 600"), "{error}");
    let sum = "SELECT SUM(events) FROM {s}.counts";
    assert_eq!(place.value::<i64>(sum).await, 599);
    let status = control.status("counts").await.unwrap();
    let part = &status.serving().unwrap().parts[0];
    assert!(part.stopped && part.error.as_ref().unwrap().contains("told_to_fail"), "{part:?}");

    fails.store(false, Ordering::Relaxed);
    assert_eq!(projector.catch_up().await.unwrap(), 1);
    assert_eq!(projector.catch_up().await.unwrap(), 0);
    let events = write(&place.store, "told", 3).await;
    let other = Projector::new(place.store.clone()).with(model());
    assert_eq!(other.catch_up().await.unwrap(), 3);
    assert_eq!(projector.catch_up().await.unwrap(), 0);
    assert_eq!(place.value::<i64>(sum).await, 603);
    let mut progress = projector.progress("counts").unwrap();
    progress.wait_for(&events.checkpoint, Duration::from_secs(1)).await.unwrap();

    assert_eq!(projector.rebuild("counts").await.unwrap(), 603);
    assert_eq!(place.value::<i64>("SELECT events FROM {s}.counts WHERE event_type = 'told'").await, 3);
    let [status] = control.list().await.unwrap().try_into().unwrap();
    assert_eq!((status.live, status.serving().unwrap().events()), (2, 603));
    place.execute("DELETE FROM {s}.counts__2").await;
    assert_eq!(control.roll_back("counts").await.unwrap(), 1);
    write(&place.store, "told", 2).await;
    assert_eq!(projector.catch_up().await.unwrap(), 2);
    assert_eq!(place.value::<i64>(sum).await, 605);
    assert_eq!(control.clean("counts").await.unwrap(), [2]);
    forget(place, &control).await;
}

/// Two processes have the parts between them; what fails waits beside, and the rest goes on.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_set_aside_are_taken_in_when_they_are_tried_again() {
    let Some(server) = server() else { return };
    let mut place = Place::on(&server).await;
    let url: StoreUrl = place.url.parse().unwrap();
    let control = control(&url).unwrap();
    let (counts, fails) = counts(&place);
    let stop = Arc::new(Notify::new());
    let projector = || {
        let model = target(&url, counts.clone()).unwrap();
        let model = model.partitions(4).on_failure(OnFailure::Park);
        Projector::new(place.store.clone()).with(model).lease(Duration::from_secs(2))
    };
    projector().catch_up().await.unwrap();
    let mut runners = Vec::new();
    for _ in 0..2 {
        let (projector, stopped) = (projector(), stop.clone());
        runners.push(tokio::spawn(async move { projector.run(stopped.notified()).await }));
    }
    // What a collation might fold, and the longest name that a stream may have.
    let long = "x".repeat(255);
    let failing = ["a", "a ", "A", &long];
    for n in 0..20 {
        place.store.append(format!("s-{n}").as_str(), Expected::Any, [noted(n)]).await.unwrap();
    }
    for stream in failing {
        let events = [NewEvent::json("bad", &1).unwrap(), noted(2)];
        place.store.append(stream, Expected::Any, events).await.unwrap();
    }
    let head = place.store.append("last", Expected::Any, [noted(0)]).await.unwrap();
    let patience = Duration::from_secs(30);
    control.wait_for("counts", &place.store, &head.checkpoint, None, patience).await.unwrap();
    let rows = "SELECT SUM(events) FROM {s}.counts";
    assert_eq!(place.value::<i64>(rows).await, 21);
    let status = control.status("counts").await.unwrap();
    assert_eq!((status.runners, status.serving().unwrap().parked()), (2, 8), "{status:?}");
    let waited = control.wait_for("counts", &place.store, &head.checkpoint, Some("a "), patience).await;
    let error = waited.unwrap_err();
    assert!(error.to_string().contains("told_to_fail"), "{error}");

    fails.store(false, Ordering::Relaxed);
    assert_eq!(control.retry("counts", Some("a ")).await.unwrap(), 2);
    let parked = until_parked(&control, 6).await;
    let mut keys: Vec<&str> = parked.iter().map(|parked| parked.key.as_str()).collect();
    keys.dedup();
    assert_eq!(keys, ["a", "A", &long]);
    assert_eq!(control.drop_parked("counts", Some("A")).await.unwrap(), 2);
    until_parked(&control, 4).await;
    assert_eq!(control.retry("counts", None).await.unwrap(), 4);
    until_parked(&control, 0).await;
    assert_eq!(place.value::<i64>(rows).await, 27);
    assert_eq!(place.value::<i64>("SELECT events FROM {s}.counts WHERE event_type = 'bad'").await, 3);

    stop.notify_waiters();
    for runner in runners {
        runner.await.unwrap().unwrap();
    }
    assert_eq!(control.status("counts").await.unwrap().runners, 0);
    forget(place, &control).await;
}

async fn until_parked(control: &Control, count: usize) -> Vec<Parked> {
    for _ in 0..500 {
        let parked = control.parked("counts").await.unwrap();
        if parked.len() == count {
            return parked;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?}", control.parked("counts").await.unwrap());
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
