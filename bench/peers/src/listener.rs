//! Catching up with a log by the `PgEventListener` of `disintegrate-postgres`: a handler with one upsert an event. It
//! is handed no transaction, so each upsert is one of its own, and commits before the place in the log does, which
//! moves once for all events that the listener found: they are handled at least once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use disintegrate::serde::json::Json;
use disintegrate::{Event, EventListener, EventStore as _, PersistedEvent, StreamQuery, query};
use disintegrate_postgres::{PgEventId, PgEventListener, PgEventListenerConfig, PgEventStore};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tokio::sync::Notify;

use crate::deposits::{self, BATCH};
use crate::load::Outcome;

/// The name of the table.
const ACCOUNTS: &str = "accounts";

/// As many as the other side has.
const CONNECTIONS: u32 = 4;

/// How often it looks for events when it is up with the log.
const POLL: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, PartialEq, Eq, Event, Serialize, Deserialize)]
enum AccountEvent {
    Deposited {
        #[id]
        account: String,
        cents: i64,
    },
}

struct Accounts {
    query: StreamQuery<PgEventId, AccountEvent>,
    pool: PgPool,
    upsert: String,
    left: AtomicU64,
    taken: Arc<Notify>,
}

#[async_trait]
impl EventListener<PgEventId, AccountEvent> for Accounts {
    type Error = sqlx::Error;

    fn id(&self) -> &'static str {
        ACCOUNTS
    }

    fn query(&self) -> &StreamQuery<PgEventId, AccountEvent> {
        &self.query
    }

    async fn handle(&self, event: PersistedEvent<PgEventId, AccountEvent>) -> Result<(), sqlx::Error> {
        let AccountEvent::Deposited { account, cents } = event.into_inner();
        sqlx::query(&self.upsert).bind(account).bind(cents).execute(&self.pool).await?;
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.taken.notify_one();
        }
        Ok(())
    }
}

/// Loads so many deposits into an empty database and says how many seconds taking them in took, until the place in
/// the log was committed.
pub(crate) async fn run(server: &str, database: &str, events: u64, durable: bool) -> Outcome<f64> {
    let pool = pool(server, database, true).await?;
    let store: PgEventStore<AccountEvent, Json<AccountEvent>> =
        PgEventStore::try_new(pool.clone(), Json::default()).await?;
    for first in (0..events).step_by(usize::try_from(BATCH)?) {
        let deposits = deposits::deposits(first..events.min(first + BATCH));
        let batch = deposits.map(|(account, cents)| AccountEvent::Deposited { account, cents }).collect();
        store.append_without_validation(batch).await?;
    }
    sqlx::query(&format!("CREATE TABLE {ACCOUNTS} {}", deposits::TABLE)).execute(&pool).await?;
    sqlx::raw_sql("VACUUM ANALYZE").execute(&pool).await?;
    sqlx::raw_sql("CHECKPOINT").execute(&pool).await?;

    let taken = Arc::new(Notify::new());
    let accounts = Accounts {
        query: query!(AccountEvent),
        pool: self::pool(server, database, durable).await?,
        upsert: deposits::upsert(ACCOUNTS, ["$1", "$2"]),
        left: AtomicU64::new(events),
        taken: taken.clone(),
    };
    let listener =
        PgEventListener::builder(store).register_listener(accounts, PgEventListenerConfig::poller(POLL));
    let begun = Instant::now();
    listener.start_with_shutdown(async move { taken.notified().await }).await?;
    let seconds = begun.elapsed().as_secs_f64();

    let (rows, deposits, cents) = sqlx::query_as(&deposits::sums(ACCOUNTS)).fetch_one(&pool).await?;
    deposits::verify([rows, deposits, cents], events)?;
    let place: i64 =
        sqlx::query_scalar("SELECT last_processed_event_id FROM event_listener").fetch_one(&pool).await?;
    if place.cast_unsigned() != events {
        return Err(format!("the listener is at event {place} of {events}").into());
    }
    Ok(seconds)
}

/// Without `durable`, a commit is answered before it is on disk.
async fn pool(server: &str, database: &str, durable: bool) -> Outcome<PgPool> {
    let options: PgConnectOptions = server.parse()?;
    let commit = if durable { "on" } else { "off" };
    let options = options.database(database).options([("synchronous_commit", commit)]);
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).min_connections(CONNECTIONS);
    // What is idle is not asked whether it is alive, which would be a round trip for each event.
    Ok(pool.test_before_acquire(false).connect_with(options).await?)
}
