//! Read models and the application's own tables in the database of the events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use annals::postgres::tokio_postgres::IsolationLevel;
use annals::postgres::tokio_postgres::types::Type;
use annals::postgres::{Projection, ProjectionResult, Tx, control, target};
use annals::prelude::*;
use annals::project::{OnFailure, Projector, ReadModel, Tables};
use annals::{Append, Error, ErrorKind};

use super::{POSTGRES, Place, server};

async fn write(store: &EventStore, event_type: &str, count: usize) -> annals::Appended {
    let events = (0..count).map(|n| NewEvent::json(event_type, &n).unwrap());
    store.append("s", Expected::Any, events).await.unwrap()
}

/// Counts events by type, and can be told to fail at a position, and to meet other transactions.
#[derive(Clone)]
struct Counts {
    schema: String,
    fail_at: Option<u64>,
    meets: Arc<AtomicU32>,
}

impl Counts {
    fn new(place: &Place) -> Self {
        Self { schema: place.schema.clone(), fail_at: None, meets: Arc::default() }
    }
}

impl Projection for Counts {
    fn read_model(&self) -> ReadModel {
        ReadModel::new("counts", Query::all()).table(format!("{}.counts", self.schema))
    }

    async fn create(&self, tx: &Tx<'_>, tables: &Tables) -> ProjectionResult {
        let table = tables.own(&format!("{}.counts", self.schema)).unwrap();
        let sql = format!("CREATE TABLE {table} (event_type text PRIMARY KEY, events bigint NOT NULL)");
        Ok(tx.batch_execute(&sql).await?)
    }

    async fn apply(&mut self, tx: &Tx<'_>, tables: &Tables, event: &RecordedEvent) -> ProjectionResult {
        if self.fail_at == Some(event.position.0) {
            return Err("told to fail".into());
        }
        if self.meets.load(Ordering::Relaxed) > 0 {
            self.meets.fetch_sub(1, Ordering::Relaxed);
            tx.batch_execute("DO $$ BEGIN RAISE 'met' USING ERRCODE = 'deadlock_detected'; END $$").await?;
        }
        let sql = format!(
            "INSERT INTO {{{}.counts}} AS c VALUES ($1, 1) ON CONFLICT (event_type) DO UPDATE SET events = c.events + 1",
            self.schema
        );
        tx.execute_cached(&tables.sql(&sql), &[(&event.event_type.as_str(), Type::TEXT)]).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_in_postgres_has_every_event_once() {
    let Some(place) = Place::beside(POSTGRES).await else { return };
    let counts = |fail_at| {
        let counts = Counts { fail_at, ..Counts::new(&place) };
        Projector::new(place.store.clone()).with(target(&place.url, counts).unwrap().retries(1))
    };
    write(&place.store, "noted", 600).await;
    let failing = counts(Some(600));
    assert_eq!(failing.catch_up().await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(place.number("SELECT sum(events)::bigint FROM {s}.counts").await, 599);

    let projector = counts(None);
    assert_eq!(projector.catch_up().await.unwrap(), 1);
    assert_eq!(projector.catch_up().await.unwrap(), 0);
    let events = write(&place.store, "told", 3).await;
    assert_eq!(projector.catch_up().await.unwrap(), 3);
    assert_eq!(failing.catch_up().await.unwrap(), 0);
    assert_eq!(place.number("SELECT sum(events)::bigint FROM {s}.counts").await, 603);
    assert_eq!(projector.rebuild("counts").await.unwrap(), 603);
    assert_eq!(place.number("SELECT events FROM {s}.counts WHERE event_type = 'told'").await, 3);
    let mut progress = projector.progress("counts").unwrap();
    projector.catch_up().await.unwrap();
    progress.wait_for(&events.checkpoint, Duration::from_secs(1)).await.unwrap();
    assert_eq!(control(&place.url).unwrap().roll_back("counts").await.unwrap(), 1);
    assert_eq!(place.number("SELECT sum(events)::bigint FROM {s}.counts").await, 603);
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_no_failure_of_an_event_and_a_table_in_the_way_is_named() {
    let Some(place) = Place::beside(POSTGRES).await else { return };
    let counts = Counts::new(&place);
    let model = target(&place.url, counts.clone()).unwrap().retries(0).on_failure(OnFailure::Skip);
    let projector = Projector::new(place.store.clone()).with(model);
    let table = |what: &str| format!("{what} TABLE {}.counts", place.schema);
    place.client.batch_execute(&format!("{} (mine text)", table("CREATE"))).await.unwrap();
    let taken = projector.catch_up().await.unwrap_err();
    assert!(taken.kind() == ErrorKind::Invalid && taken.to_string().contains("that name"), "{taken}");
    place.client.batch_execute(&table("DROP")).await.unwrap();

    write(&place.store, "noted", 20).await;
    counts.meets.store(3, Ordering::Relaxed);
    assert_eq!(projector.catch_up().await.unwrap(), 20);
    assert_eq!(place.number("SELECT sum(events)::bigint FROM {s}.counts").await, 20);
    assert!(control(&place.url).unwrap().parked("counts").await.unwrap().is_empty());
    place.finish().await;
}

/// Its schema is there, and it may make tables in it; it may make nothing else in the database.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_needs_no_right_beyond_its_schema() {
    let Some(place) = Place::beside(POSTGRES).await else { return };
    let role = format!("models_{}", place.schema);
    let schema = &place.schema;
    let grants = format!("CREATE ROLE {role} LOGIN; GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}");
    place.client.batch_execute(&grants).await.unwrap();
    let url = server(POSTGRES).unwrap().replace("postgres@", &format!("{role}@"));
    let url = format!("{url}?schema={schema}").parse().unwrap();
    write(&place.store, "noted", 3).await;
    let projector = Projector::new(place.store.clone()).with(target(&url, Counts::new(&place)).unwrap());
    assert_eq!(projector.catch_up().await.unwrap(), 3);
    control(&url).unwrap().remove("counts").await.unwrap();
    let forget = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    place.client.batch_execute(&forget).await.unwrap();
    place.finish().await;
}

/// One append, kept apart from its transaction so that it can be repeated.
fn order() -> Append {
    Append::to("order-1".parse().unwrap(), Expected::NoStream, [NewEvent::json("order-placed", &1).unwrap()])
}

async fn outbox(
    place: &mut Place,
    append: Append,
    isolation: IsolationLevel,
) -> Result<annals::Appended, Error> {
    let schema = place.schema.clone();
    let tx = place.client.build_transaction().isolation_level(isolation).start().await.unwrap();
    tx.batch_execute(&format!("INSERT INTO {schema}.outbox VALUES ('mail')")).await.unwrap();
    place.postgres.append_in(tx, append).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_in_the_applications_transaction_stands_and_falls_with_it() {
    let Some(mut place) = Place::beside(POSTGRES).await else { return };
    place
        .client
        .batch_execute(&format!("CREATE TABLE {}.outbox (message text)", place.schema))
        .await
        .unwrap();
    let mails = "SELECT count(*) FROM {s}.outbox";

    let append = order();
    let first = outbox(&mut place, append.clone(), IsolationLevel::ReadCommitted).await.unwrap();
    assert_eq!((first.version().0, first.duplicate), (1, false));
    assert_eq!(place.number(mails).await, 1);

    // The answer was lost and the whole is repeated.
    let again = outbox(&mut place, append, IsolationLevel::ReadCommitted).await.unwrap();
    assert_eq!((again.last_position, again.duplicate), (first.last_position, true));
    assert_eq!(place.number(mails).await, 1);

    let conflict = outbox(&mut place, order(), IsolationLevel::ReadCommitted).await.unwrap_err();
    assert!(matches!(conflict.conflict(), Some(annals::Conflict::Version { actual, .. }) if actual.0 == 1));
    let stale = outbox(&mut place, order(), IsolationLevel::RepeatableRead).await.unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Invalid);
    assert!(stale.to_string().contains("READ COMMITTED"), "{stale}");
    assert_eq!(place.number(mails).await, 1);

    // A condition is decided by looking up, and holds the same.
    let guarded = |after| {
        let query = Query::types(["order-placed".parse().unwrap()]);
        let event = NewEvent::json("order-paid", &1).unwrap();
        Append::to("order-1".parse().unwrap(), Expected::Any, [event])
            .when(annals::Condition { query, after: annals::Position(after) })
    };
    assert!(outbox(&mut place, guarded(0), IsolationLevel::ReadCommitted).await.is_err());
    let paid = outbox(&mut place, guarded(1), IsolationLevel::ReadCommitted).await.unwrap();
    assert_eq!((paid.version().0, place.number(mails).await), (2, 2));
    assert_eq!(place.store.stats().await.unwrap().events, 2);
    place.finish().await;
}
