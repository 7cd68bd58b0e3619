//! `postgres-es`, the event repository of `cqrs-es`: what it does for an aggregate's new events, without loading
//! the aggregate.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{PersistedEventRepository as _, SerializedEvent};
use cqrs_es::{Aggregate, DomainEvent};
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};

use crate::load::{Appends, Fact, Outcome, Share};

/// As its guide has it.
const TABLE: &str = "CREATE TABLE events (
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    sequence bigint CHECK (sequence >= 0) NOT NULL,
    event_type text NOT NULL,
    event_version text NOT NULL,
    payload json NOT NULL,
    metadata json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
)";

#[derive(Clone)]
pub(crate) struct Writer(Arc<PostgresEventRepository>);

pub(crate) async fn open(share: &Share) -> Outcome<Vec<Writer>> {
    let pool = crate::pool(share, "public").await?;
    sqlx::query(TABLE).execute(&pool).await?;
    let repository = Arc::new(PostgresEventRepository::new(pool));
    Ok(vec![Writer(repository); share.writers])
}

impl Appends for Writer {
    fn append<'a>(
        &'a self,
        stream: &'a str,
        expected: u64,
        facts: Vec<Fact>,
    ) -> Pin<Box<dyn Future<Output = Outcome<()>> + Send + 'a>> {
        Box::pin(async move {
            let mut events = Vec::with_capacity(facts.len());
            for (sequence, fact) in (usize::try_from(expected)? + 1..).zip(facts) {
                events.push(SerializedEvent {
                    aggregate_id: stream.to_owned(),
                    sequence,
                    aggregate_type: Order::TYPE.to_owned(),
                    event_type: fact.event_type.to_owned(),
                    event_version: "1".to_owned(),
                    payload: serde_json::from_str(&fact.payload)?,
                    metadata: serde_json::json!({}),
                });
            }
            Ok(self.0.persist::<Order>(&events, None).await?)
        })
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Order;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Event;

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        "order".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Order {
    const TYPE: &'static str = "order";
    type Command = ();
    type Event = Event;
    type Error = std::convert::Infallible;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), _: &EventSink<Self>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn apply(&mut self, _: Event) {}
}
