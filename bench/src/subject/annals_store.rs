//! Annals through `EventStore`, as an application uses it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::backend::{BoxFuture, HashFormula};
use annals::memory::MemoryStore;
use annals::mysql::{MysqlOptions, MysqlStore};
use annals::postgres::{PostgresOptions, PostgresStore};
use annals::sqlite::{SqliteOptions, SqliteStore};
use annals::sqlserver::{SqlServerOptions, SqlServerStore};
use annals::{
    Backend, Delivery, EventStore, EventType, Expected, JsonText, Loaded, NewEvent, Options, Query,
    SnapshotPolicy, StoreUrl,
};

use super::{Fact, Outcome, Pauses, Subject, plain_postgres};
use crate::load::facts;
use crate::order::Order;

/// Where states are loaded from snapshots.
const SNAPSHOTS: SnapshotPolicy = SnapshotPolicy::every(500);

pub(crate) struct Annals {
    store: EventStore,
    /// Where the subscriber is.
    subscribed: EventStore,
    /// What a server holds of this run, to be dropped afterwards.
    namespace: Option<Arc<dyn Backend>>,
    /// The PostgreSQL server and the schema that are vacuumed after a large load.
    vacuumed: Option<(String, String)>,
}

fn formula(hash_chain: bool) -> Option<HashFormula> {
    hash_chain.then_some(HashFormula::AnnalsV1)
}

fn event_store(backend: impl Backend) -> Annals {
    let store = EventStore::new(Arc::new(backend), Options::default());
    Annals { subscribed: store.clone(), store, namespace: None, vacuumed: None }
}

impl Annals {
    pub(super) fn subscribed_to_in(self, other: Self) -> Self {
        Self { subscribed: other.store, ..self }
    }
}

pub(super) fn memory(hash_chain: bool) -> Outcome<Annals> {
    Ok(event_store(MemoryStore::named("", None, formula(hash_chain))?))
}

pub(super) async fn sqlite(file: PathBuf, hash_chain: bool) -> Outcome<Annals> {
    let options = SqliteOptions { hash_chain: formula(hash_chain), ..SqliteOptions::new(file) };
    Ok(event_store(SqliteStore::open(options).await?))
}

/// At most four connections: one writes, one listens, two read. In the clear, as what it is compared with.
pub(super) async fn postgres(server: &str, namespace: &str, hash_chain: bool) -> Outcome<Annals> {
    let chain = if hash_chain { "&hash_chain=annals-v1" } else { "" };
    let url: StoreUrl =
        format!("{server}?sslmode=disable&connections=4&namespace={namespace}{chain}").parse()?;
    let backend = PostgresStore::open(PostgresOptions::try_from(&url)?).await?;
    let vacuumed = Some((server.to_owned(), plain_postgres::schema_of(namespace)));
    let namespace: Arc<dyn Backend> = Arc::new(backend.clone());
    Ok(Annals { namespace: Some(namespace), vacuumed, ..event_store(backend) })
}

/// At most four connections: one writes, three read.
pub(super) async fn sqlserver(server: &str, namespace: &str, hash_chain: bool) -> Outcome<Annals> {
    let chain = if hash_chain { "&hash_chain=annals-v1" } else { "" };
    let mark = if server.contains('?') { '&' } else { '?' };
    let url: StoreUrl = format!("{server}{mark}connections=4&namespace={namespace}{chain}").parse()?;
    let backend = SqlServerStore::open(SqlServerOptions::try_from(&url)?).await?;
    let namespace: Arc<dyn Backend> = Arc::new(backend.clone());
    Ok(Annals { namespace: Some(namespace), ..event_store(backend) })
}

/// At most four connections: one writes, three read.
pub(super) async fn mysql(server: &str, namespace: &str, hash_chain: bool) -> Outcome<Annals> {
    let chain = if hash_chain { "&hash_chain=annals-v1" } else { "" };
    let url: StoreUrl = format!("{server}?connections=4&namespace={namespace}{chain}").parse()?;
    let backend = MysqlStore::open(MysqlOptions::try_from(&url)?).await?;
    let namespace: Arc<dyn Backend> = Arc::new(backend.clone());
    Ok(Annals { namespace: Some(namespace), ..event_store(backend) })
}

fn event(fact: Fact) -> annals::Result<NewEvent> {
    Ok(NewEvent::new(EventType::new(fact.event_type)?, JsonText::parse(fact.payload)?))
}

impl Subject for Annals {
    fn append<'a>(&'a self, stream: &'a str, expected: u64, facts: Vec<Fact>) -> BoxFuture<'a, Outcome<()>> {
        Box::pin(async move {
            let events = facts.into_iter().map(event).collect::<annals::Result<Vec<_>>>()?;
            self.store.append(stream, Expected::version(expected), events).await?;
            Ok(())
        })
    }

    fn read_stream<'a>(&'a self, stream: &'a str) -> BoxFuture<'a, Outcome<u64>> {
        Box::pin(async move { Ok(self.store.read_stream(stream)?.collect().await?.len() as u64) })
    }

    fn read_all(&self) -> BoxFuture<'_, Outcome<u64>> {
        Box::pin(async move {
            let mut events = self.store.read_all().events();
            let mut count = 0;
            while let Some(event) = events.next().await? {
                count += 1;
                drop(event);
            }
            Ok(count)
        })
    }

    fn load<'a>(&'a self, stream: &'a str, snapshots: bool) -> BoxFuture<'a, Outcome<Loaded<Order>>> {
        Box::pin(async move {
            let boundary = annals::stream::<Order>(stream);
            let boundary = if snapshots { boundary.snapshots(SNAPSHOTS) } else { boundary };
            Ok(self.store.load(&boundary).await?)
        })
    }

    fn settle(&self) -> BoxFuture<'_, Outcome<()>> {
        Box::pin(async move {
            self.store.settle_snapshots().await;
            match &self.vacuumed {
                Some((server, schema)) => plain_postgres::vacuum(server, schema).await,
                None => Ok(()),
            }
        })
    }

    fn finish(&self) -> BoxFuture<'_, Outcome<()>> {
        Box::pin(async move {
            if let Some(namespace) = &self.namespace {
                namespace.drop_namespace().await?;
            }
            Ok(())
        })
    }

    fn deliveries(
        &self,
        time: Duration,
        mut pauses: Pauses,
    ) -> BoxFuture<'_, Outcome<Option<Vec<Duration>>>> {
        Box::pin(async move {
            let mut subscription = self.subscribed.subscribe(Query::all(), annals::Start::Now).await?;
            let (delivered, mut deliveries) = tokio::sync::mpsc::unbounded_channel();
            let subscriber = tokio::spawn(async move {
                while let Ok(delivery) = subscription.next().await {
                    // Others may append beside what is timed.
                    if let Delivery::Event(event, ..) = delivery
                        && event.stream_id == "delivery-1"
                        && delivered.send(Instant::now()).is_err()
                    {
                        break;
                    }
                }
            });
            let mut latencies = Vec::new();
            let (start, mut facts) = (Instant::now(), facts(0));
            for version in 0.. {
                if !pauses.next(start, time).await {
                    break;
                }
                let called = Instant::now();
                self.append("delivery-1", version, facts(1)).await?;
                let arrived = deliveries.recv().await.ok_or("the subscription ended")?;
                latencies.push(arrived.duration_since(called));
            }
            subscriber.abort();
            Ok(Some(latencies))
        })
    }
}
