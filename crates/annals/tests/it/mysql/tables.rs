//! Read models and the application's own tables beside the events, and what the tables hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use annals::backend::Backend as _;
use annals::mysql::mysql_async::prelude::Queryable as _;
use annals::mysql::mysql_async::{Conn, IsolationLevel, Transaction, TxOpts};
use annals::mysql::{Projection, ProjectionResult, control, target};
use annals::prelude::*;
use annals::project::{Control, OnFailure, Parked, Projector, ReadModel, Tables};
use annals::{Append, Error, ErrorKind, JsonText, StoreUrl, Timestamp};
use tokio::sync::Notify;

use super::{Place, SHARED, guide, noted, open, servers, store_of};

async fn write(store: &EventStore, event_type: &str, count: usize) -> annals::Appended {
    let events = (0..count).map(|n| NewEvent::json(event_type, &n).unwrap());
    store.append("s", Expected::Any, events).await.unwrap()
}

/// Counts events by type, and fails at those of a type while it is told to.
#[derive(Clone)]
struct Counts {
    table: String,
    fails: Arc<AtomicBool>,
    /// How often it meets another transaction.
    meets: Arc<AtomicU32>,
}

impl Projection for Counts {
    fn read_model(&self) -> ReadModel {
        ReadModel::new("counts", Query::all()).table(&self.table)
    }

    async fn create(&self, conn: &mut Conn, tables: &Tables) -> ProjectionResult {
        let sql = format!(
            "CREATE TABLE {{{}}} (event_type VARCHAR(255) PRIMARY KEY, events BIGINT NOT NULL)",
            self.table
        );
        Ok(conn.query_drop(tables.sql(&sql)).await?)
    }

    async fn apply(
        &mut self,
        tx: &mut Transaction<'_>,
        tables: &Tables,
        event: &RecordedEvent,
    ) -> ProjectionResult {
        // Before the row: those who insert the same one and go back meet in a deadlock, and that would be the reason.
        if event.event_type.as_str() == "bad" && self.fails.load(Ordering::Relaxed) {
            tx.query_drop("SELECT told_to_fail").await?;
        }
        if self.meets.load(Ordering::Relaxed) > 0 {
            self.meets.fetch_sub(1, Ordering::Relaxed);
            tx.query_drop("SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213").await?;
        }
        let sql = format!(
            "INSERT INTO {{{}}} VALUES (?, 1) ON DUPLICATE KEY UPDATE events = events + 1",
            self.table
        );
        tx.exec_drop(&*tables.sql(&sql), (event.event_type.as_str(),)).await?;
        Ok(())
    }
}

/// Counts in a place, and what makes it fail.
fn counts(place: &Place) -> (Counts, Arc<AtomicBool>) {
    let fails = Arc::new(AtomicBool::new(true));
    let table = format!("{}counts", place.prefix);
    (Counts { table, fails: fails.clone(), meets: Arc::default() }, fails)
}

/// Drops what is known of read models, with all their tables.
async fn forget(mut place: Place, control: &Control) {
    control.remove("counts").await.unwrap();
    for table in ["s", "_format", "_generations", "_parts", "_parked", "_runners"] {
        place.execute(&format!("DROP TABLE {{p}}projection{table}")).await;
    }
    let left = "SELECT COUNT(*) FROM information_schema.tables WHERE table_name LIKE '{p}counts%'";
    assert_eq!(place.number(left).await, 0);
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_has_every_event_once() {
    for (_, server) in servers(SHARED) {
        let mut place = Place::on(&server).await;
        let url: StoreUrl = place.url.parse().unwrap();
        let control = control(&url).unwrap();
        assert!(control.list().await.unwrap().is_empty());
        let (counts, fails) = counts(&place);
        let model = || target(&url, counts.clone()).unwrap().retries(1);
        // Left behind by a creation that was cut off.
        place.execute("CREATE TABLE {p}counts__1 (x INT)").await;
        write(&place.store, "noted", 599).await;
        write(&place.store, "bad", 1).await;
        let projector = Projector::new(place.store.clone()).with(model());
        let error = projector.catch_up().await.unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("position 600"), "{error}");
        let sum = "SELECT CAST(SUM(events) AS SIGNED) FROM {p}counts";
        assert_eq!(place.number(sum).await, 599);
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
        assert_eq!(place.number(sum).await, 603);
        let mut progress = projector.progress("counts").unwrap();
        progress.wait_for(&events.checkpoint, Duration::from_secs(1)).await.unwrap();

        assert_eq!(projector.rebuild("counts").await.unwrap(), 603);
        assert_eq!(place.number("SELECT events FROM {p}counts WHERE event_type = 'told'").await, 3);
        let [status] = control.list().await.unwrap().try_into().unwrap();
        assert_eq!((status.live, status.serving().unwrap().events()), (2, 603));
        place.execute("DELETE FROM {p}counts__2").await;
        assert_eq!(control.roll_back("counts").await.unwrap(), 1);
        write(&place.store, "told", 2).await;
        assert_eq!(projector.catch_up().await.unwrap(), 2);
        assert_eq!(place.number(sum).await, 605);
        assert_eq!(control.clean("counts").await.unwrap(), [2]);
        forget(place, &control).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_no_failure_of_an_event_and_a_table_in_the_way_is_named() {
    for (_, server) in servers(SHARED) {
        let mut place = Place::on(&server).await;
        let url: StoreUrl = place.url.parse().unwrap();
        let (counts, fails) = counts(&place);
        fails.store(false, Ordering::Relaxed);
        let model = target(&url, counts.clone()).unwrap().retries(0).on_failure(OnFailure::Skip);
        let projector = Projector::new(place.store.clone()).with(model);
        place.execute("CREATE TABLE {p}counts (mine INT)").await;
        let taken = projector.catch_up().await.unwrap_err();
        assert!(taken.kind() == ErrorKind::Invalid && taken.to_string().contains("that name"), "{taken}");
        place.execute("DROP TABLE {p}counts").await;

        write(&place.store, "noted", 20).await;
        counts.meets.store(3, Ordering::Relaxed);
        assert_eq!(projector.catch_up().await.unwrap(), 20);
        assert_eq!(place.number("SELECT CAST(SUM(events) AS SIGNED) FROM {p}counts").await, 20);
        let control = control(&url).unwrap();
        assert!(control.parked("counts").await.unwrap().is_empty());
        forget(place, &control).await;
    }
}

/// Definitions commit: a process that dies in the middle of a switch leaves readers where they were.
#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_was_cut_off_is_finished_by_whoever_comes_next() {
    for (_, server) in servers(SHARED) {
        let mut place = Place::on(&server).await;
        let url: StoreUrl = place.url.parse().unwrap();
        let control = control(&url).unwrap();
        let projector = Projector::new(place.store.clone()).with(target(&url, counts(&place).0).unwrap());
        write(&place.store, "noted", 3).await;
        projector.catch_up().await.unwrap();
        projector.rebuild("counts").await.unwrap();
        place.execute("UPDATE {p}projection_generations SET stage = 'live' WHERE generation = 1").await;
        place.execute("CREATE OR REPLACE VIEW {p}counts AS SELECT * FROM {p}counts__1").await;

        write(&place.store, "told", 2).await;
        projector.catch_up().await.unwrap();
        assert_eq!(place.number("SELECT events FROM {p}counts WHERE event_type = 'told'").await, 2);
        let status = control.status("counts").await.unwrap();
        assert_eq!((status.live, status.retired().map(|retired| retired.number)), (2, Some(1)));
        forget(place, &control).await;
    }
}

/// Two processes have the parts between them; what fails waits beside, and the rest goes on.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_set_aside_are_taken_in_when_they_are_tried_again() {
    for (variable, server) in servers(SHARED) {
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
        let rows = "SELECT CAST(SUM(events) AS SIGNED) FROM {p}counts";
        assert_eq!(place.number(rows).await, 21, "{variable}");
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
        assert_eq!(place.number(rows).await, 27);
        assert_eq!(place.number("SELECT events FROM {p}counts WHERE event_type = 'bad'").await, 3);

        stop.notify_waiters();
        for runner in runners {
            runner.await.unwrap().unwrap();
        }
        assert_eq!(control.status("counts").await.unwrap().runners, 0);
        forget(place, &control).await;
    }
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
async fn outbox(place: &mut Place, append: Append, level: IsolationLevel) -> Result<annals::Appended, Error> {
    let (look, message) =
        (place.sql("SELECT COUNT(*) FROM {p}events"), place.sql("INSERT INTO {p}outbox VALUES ('mail')"));
    let mut options = TxOpts::default();
    options.with_isolation_level(level);
    let mut tx = place.conn.start_transaction(options).await.unwrap();
    if level != IsolationLevel::Serializable {
        // At SERIALIZABLE this would lock the events, and the other append would wait.
        let _: Option<i64> = tx.query_first(look).await.unwrap();
    }
    tx.query_drop(message).await.unwrap();
    place.store.append("other", Expected::Any, [NewEvent::json("order-noted", &1).unwrap()]).await.unwrap();
    place.mysql.append_in(tx, append).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_in_the_applications_transaction_stands_and_falls_with_it() {
    for (_, server) in servers(SHARED) {
        for level in
            [IsolationLevel::RepeatableRead, IsolationLevel::ReadCommitted, IsolationLevel::Serializable]
        {
            let mut place = Place::on(&server).await;
            place.execute("CREATE TABLE {p}outbox (message TEXT)").await;
            let mails = "SELECT COUNT(*) FROM {p}outbox";

            let append = order();
            let first = outbox(&mut place, append.clone(), level).await.unwrap();
            assert_eq!((first.version().0, first.duplicate), (1, false));
            assert_eq!(place.number(mails).await, 1);

            // The answer was lost and the whole is repeated.
            let again = outbox(&mut place, append, level).await.unwrap();
            assert_eq!((again.last_position, again.duplicate), (first.last_position, true));
            assert_eq!(place.number(mails).await, 1);

            let conflict = outbox(&mut place, order(), level).await.unwrap_err();
            assert!(
                matches!(conflict.conflict(), Some(annals::Conflict::Version { actual, .. }) if actual.0 == 1)
            );
            assert_eq!(place.number(mails).await, 1);

            // What the transaction's own snapshot does not show counts all the same.
            let guarded = |event_type: &str, after| {
                let query =
                    Query::types([event_type.parse().unwrap()]).or(Query::types(["never".parse().unwrap()]));
                let event = NewEvent::json("order-paid", &1).unwrap();
                Append::to("order-1".parse().unwrap(), Expected::Any, [event])
                    .when(annals::Condition { query, after: annals::Position(after) })
            };
            let last = place.store.stats().await.unwrap().position.0;
            assert!(outbox(&mut place, guarded("order-noted", last), level).await.is_err());
            let last = place.store.stats().await.unwrap().position.0;
            let paid = outbox(&mut place, guarded("order-placed", last), level).await.unwrap();
            assert_eq!((paid.version().0, place.number(mails).await), (2, 2));
            let events = place.store.read_all().collect().await.unwrap();
            assert_eq!(events.len(), 2 + 5, "{level:?}");
            assert!(events.is_sorted_by_key(|event| event.position));
            place.execute("DROP TABLE {p}outbox").await;
            place.finish().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_are_asked_and_indexed_as_the_guide_shows() {
    for (variable, server) in servers(SHARED) {
        let mut place = Place::on(&server).await;
        let placed = |n: usize, customer: &str| {
            let payload = serde_json::json!({ "customer": customer, "total": n });
            NewEvent::json("order-placed", &payload).unwrap()
        };
        let many = (0..500).map(|n| placed(n, &format!("c-{}", n % 50)));
        place.store.append("order-1", Expected::NoStream, many).await.unwrap();
        place
            .store
            .append("order-2", Expected::NoStream, [placed(120, "ada"), placed(7, "ada")])
            .await
            .unwrap();
        let ours = |sql: &str| sql.replace("annals_", &place.prefix);
        let [question, index] = guide("Payloads").try_into().unwrap();
        let rows: Vec<(u64, String, String)> = place.conn.query(ours(&question)).await.unwrap();
        assert_eq!(rows.len(), 399 + 1);
        assert_eq!(rows.last().unwrap(), &(501, "order-2".to_owned(), "ada".to_owned()));

        let (alter, question) = index.trim().split_once(";\n").unwrap();
        let (alter, question) = (ours(alter), ours(question.trim_end_matches(';').trim()));
        place.conn.query_drop(alter).await.unwrap();
        let rows: Vec<(u64, String)> = place.conn.query(question.as_str()).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [501, 502]);
        let plan: String = place.value(&format!("EXPLAIN FORMAT=JSON {question}")).await;
        assert!(plan.contains("by_customer"), "{variable}: {plan}");

        // What a product does not take for JSON is stored all the same, and read back as it was.
        let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
        for (event_type, payload) in [
            ("order-placed", "1e400"),
            ("order-placed", r#"{"customer":1e400}"#),
            ("order-placed", r#""\ud83d\ude00\u0000""#),
            ("order-noted", &deep),
        ] {
            let event = NewEvent::new(event_type.parse().unwrap(), JsonText::parse(payload).unwrap());
            let appended = place.store.append("order-3", Expected::Any, [event.clone()]).await.unwrap();
            let found = place.store.event(event.event_id).await.unwrap().unwrap();
            assert_eq!(found.position, appended.last_position);
            assert_eq!(std::str::from_utf8(found.payload.as_bytes()).unwrap(), payload, "{variable}");
        }
        place.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rewrite_is_refused_by_the_log_and_not_by_a_mistake() {
    for (variable, server) in servers(SHARED) {
        let place = Place::on(&server).await;
        let tagged = noted(1).tagged("a:1".parse().unwrap());
        place.store.append("s", Expected::NoStream, [tagged]).await.unwrap();
        for attempt in place.mysql.attempt_rewrites().await.unwrap() {
            let refusal = attempt.refusal.unwrap_or_default();
            let plain_copy = attempt.statement.starts_with("INSERT") && !attempt.statement.contains("UPDATE");
            let expected = if plain_copy { "Duplicate" } else { "append-only" };
            assert!(refusal.contains(expected), "{variable}: {}: {refusal}", attempt.statement);
        }
        place.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_utc_from_the_first_year_to_the_last_whatever_the_session_says() {
    for (_, server) in servers(SHARED) {
        let mut place = Place::on(&server).await;
        let times = [
            "0001-01-01T00:00:00.000001Z",
            "1969-12-31T23:59:59.999999Z",
            // An hour that some zones have twice, and one that some leave out.
            "2026-10-25T01:30:00.5Z",
            "2026-03-29T01:30:00Z",
            "9999-12-30T22:00:00.999999Z",
        ];
        for (n, time) in times.iter().enumerate() {
            let time: Timestamp = time.parse().unwrap();
            let event = NewEvent { occurred_at: time, ..noted(n) };
            // By the procedure and row by row.
            let expected = if n % 2 == 0 { Expected::version(n as u64) } else { Expected::Any };
            let never = Query::types(["never".parse().unwrap()]);
            let mut append = Append::to("s".parse().unwrap(), expected, [event]);
            if n % 2 == 1 {
                append = append.when(annals::Condition { query: never, after: annals::Position(0) });
            }
            place.store.append_one(append).await.unwrap();
        }
        let events = place.store.read_stream("s").unwrap().collect().await.unwrap();
        for (event, time) in events.iter().zip(times) {
            assert_eq!(event.occurred_at, time.parse().unwrap());
        }
        place.execute("SET time_zone = '-11:00'").await;
        let stored: String =
            place.value("SELECT CAST(occurred_at AS CHAR) FROM {p}events WHERE position = 2").await;
        assert_eq!(stored, "1969-12-31 23:59:59.999999");
        place.finish().await;
    }
}

/// A script that an administrator runs makes the same store as opening does.
#[tokio::test(flavor = "multi_thread")]
async fn the_printed_schema_is_the_one_that_opening_makes() {
    for (variable, server) in servers(SHARED) {
        let mut place = Place::on(&server).await;
        let namespace = format!("hand_{}", super::unique());
        let scheme = if variable.contains("MARIADB") { "mariadb" } else { "mysql" };
        let url = format!("{server}?namespace={namespace}").replacen("mysql", scheme, 1);
        let options = annals::mysql::MysqlOptions::try_from(&url.parse().unwrap()).unwrap();
        let script = annals::mysql::MysqlStore::schema_sql(&options);
        // As the command-line client takes it apart.
        let (_, statements) = script.split_once("DELIMITER $$\n").unwrap();
        for _ in 0..2 {
            for statement in statements.split("$$").filter(|text| !text.trim().is_empty()) {
                place.conn.query_drop(statement).await.unwrap();
            }
        }
        let columns = |prefix: &str| {
            format!(
                "SELECT CAST(GROUP_CONCAT(CONCAT_WS(' ', SUBSTRING(table_name, {}), column_name, column_type, \
                 collation_name, is_nullable, column_key) ORDER BY table_name, ordinal_position SEPARATOR '\\n') \
                 AS CHAR) FROM information_schema.columns \
                 WHERE table_schema = DATABASE() AND table_name LIKE '{}%'",
                prefix.len() + 1,
                prefix.replace('_', "\\_"),
            )
        };
        let hand = format!("annals__{namespace}__");
        place.execute("SET SESSION group_concat_max_len = 1000000").await;
        let by_hand: String = place.value(&columns(&hand)).await;
        let by_opening: String = place.value(&columns(&place.prefix.clone())).await;
        assert_eq!(by_hand, by_opening);
        let parsed: annals::StoreUrl = url.parse().unwrap();
        assert_eq!(parsed.schema_sql().unwrap(), script);
        parsed.apply_schema().await.unwrap();
        let opened = open(&url).await;
        store_of(&opened).append("s", Expected::NoStream, [noted(1)]).await.unwrap();
        opened.drop_namespace().await.unwrap();
        let left: i64 = place
            .value(&format!(
                "SELECT COUNT(*) FROM information_schema.tables WHERE table_name LIKE '{}%'",
                hand.replace('_', "\\_")
            ))
            .await;
        assert_eq!(left, 0);
        place.finish().await;
    }
}

/// Appends wait for a lock for a bounded time, and write nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_somebody_holds_makes_an_append_unavailable() {
    for (_, server) in servers(SHARED) {
        let mut place = Place::on(&server).await;
        place.store.append("s", Expected::NoStream, [noted(1)]).await.unwrap();
        place.execute("START TRANSACTION").await;
        place.execute("SELECT last_position FROM {p}store FOR UPDATE").await;
        let options = annals::Options { deadline: Duration::from_secs(1), ..annals::Options::default() };
        let impatient = EventStore::new(Arc::new(place.mysql.clone()), options);
        let never = Query::types(["never".parse().unwrap()]);
        let guarded = Append::to("s".parse().unwrap(), Expected::Any, [noted(2)])
            .when(annals::Condition { query: never, after: annals::Position(0) });
        for append in [Append::to("s".parse().unwrap(), Expected::Any, [noted(2)]), guarded] {
            let error = impatient.append_one(append).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            // Nobody who reads waits for it.
            assert_eq!(impatient.read_all().collect().await.unwrap().len(), 1);
        }
        place.execute("ROLLBACK").await;
        impatient.append("s", Expected::version(1), [noted(2)]).await.unwrap();
        place.finish().await;
    }
}
