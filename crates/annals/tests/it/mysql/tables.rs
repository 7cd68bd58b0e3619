//! Read models and the application's own tables beside the events, and what the tables hold.

use std::time::Duration;

use annals::backend::Backend as _;
use annals::mysql::mysql_async::prelude::Queryable as _;
use annals::mysql::mysql_async::{Conn, IsolationLevel, Transaction, TxOpts};
use annals::mysql::{Projection, ProjectionResult, Projector};
use annals::prelude::*;
use annals::{Append, Error, ErrorKind, JsonText, Timestamp};

use super::{Place, SHARED, guide, noted, open, servers, store_of};

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

    async fn create(&self, conn: &mut Conn) -> ProjectionResult {
        let table = &self.table;
        let sql =
            format!("CREATE TABLE {table} (event_type VARCHAR(255) PRIMARY KEY, events BIGINT NOT NULL)");
        Ok(conn.query_drop(sql).await?)
    }

    async fn drop(&self, conn: &mut Conn) -> ProjectionResult {
        Ok(conn.query_drop(format!("DROP TABLE IF EXISTS {}", self.table)).await?)
    }

    async fn apply(&mut self, tx: &mut Transaction<'_>, event: &RecordedEvent) -> ProjectionResult {
        if self.fail_at == Some(event.position.0) {
            return Err("told to fail".into());
        }
        let sql =
            format!("INSERT INTO {} VALUES (?, 1) ON DUPLICATE KEY UPDATE events = events + 1", self.table);
        Ok(tx.exec_drop(sql, (event.event_type.as_str(),)).await?)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_has_every_event_once() {
    for (_, server) in servers(SHARED) {
        let mut place = Place::on(&server).await;
        let table = format!("{}counts", place.prefix);
        let counts = |fail_at| Counts { table: table.clone(), fail_at };
        let url = place.url.parse().unwrap();
        // Left behind by a creation that was cut off.
        place.execute("CREATE TABLE {p}counts (x INT)").await;
        write(&place.store, "noted", 600).await;
        let mut failing = Projector::open(place.store.clone(), &url, counts(Some(600))).await.unwrap();
        assert_eq!(failing.catch_up().await.unwrap_err().kind(), ErrorKind::Invalid);
        // The first batch of 512 stays, of the second nothing.
        assert_eq!(place.number("SELECT SUM(events) FROM {p}counts").await, 512);

        let mut projector = Projector::open(place.store.clone(), &url, counts(None)).await.unwrap();
        assert_eq!(projector.catch_up().await.unwrap(), 88);
        assert_eq!(projector.catch_up().await.unwrap(), 0);
        let events = write(&place.store, "told", 3).await;
        assert_eq!(projector.catch_up().await.unwrap(), 3);
        // A runner that stands where the tables no longer do takes in nothing twice.
        assert_eq!(failing.deliver(vec![]).await.unwrap(), 0);
        assert_eq!(place.number("SELECT SUM(events) FROM {p}counts").await, 603);
        assert_eq!(projector.rebuild().await.unwrap(), 603);
        assert_eq!(place.number("SELECT events FROM {p}counts WHERE event_type = 'told'").await, 3);
        let mut progress = projector.progress();
        progress.wait_for(&events.checkpoint, Duration::from_secs(1)).await.unwrap();
        place.execute("DROP TABLE {p}counts, {p}projections").await;
        place.finish().await;
    }
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
        let impatient = EventStore::new(std::sync::Arc::new(place.mysql.clone()), options);
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
