//! PostgreSQL as a careful application would use it without Annals: the same tables, indexes and triggers
//! (Annals creates them), prepared statements, an expected version by the unique index, one statement and so
//! one transaction an append, and a connection for each of so many writers. What it leaves out is the order in
//! which positions become visible (they come from a sequence, as a serial column's do) and the look-up of
//! event ids, which makes a repeated append harmless.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use annals::backend::{Backend as _, BoxFuture};
use annals::postgres::tokio_postgres::types::ToSql;
use annals::postgres::tokio_postgres::{AsyncMessage, Client, NoTls, Row, Statement};
use annals::postgres::{PostgresOptions, PostgresStore, tokio_postgres};
use annals::{EventId, StoreUrl};
use futures_core::Stream as _;
use tokio::sync::Semaphore;

use super::{Fact, Outcome, Pauses, Subject};
use crate::load::facts;

const COLUMNS: &str = "position, event_id, stream_id, stream_version, event_type, schema_version, occurred_at, \
    recorded_at, payload::text, payload_bytes, content_type, metadata::text, source, correlation_id, causation_id, \
    traceparent, tracestate, tags::text, predecessor_hash, hash";

pub(crate) struct Plain {
    store: PostgresStore,
    places: Semaphore,
    idle: Mutex<Vec<Session>>,
    server: String,
    schema: String,
    by_copy: bool,
}

struct Session {
    client: Client,
    insert: Statement,
    read_stream: Statement,
}

impl Plain {
    pub(super) async fn open(server: &str, namespace: &str, connections: usize) -> Outcome<Self> {
        let url: StoreUrl = format!("{server}?namespace={namespace}").parse()?;
        let store = PostgresStore::open(PostgresOptions::try_from(&url)?).await?;
        let schema = schema_of(namespace);
        let mut idle = Vec::with_capacity(connections);
        for n in 0..connections {
            let (client, connection) = tokio_postgres::connect(server, NoTls).await?;
            tokio::spawn(connection);
            if n == 0 {
                client.batch_execute(&format!("CREATE SEQUENCE {schema}.positions CACHE 1")).await?;
            }
            let insert = client
                .prepare(&format!(
                    "INSERT INTO {schema}.events (position, event_id, stream_id, stream_version, category, event_type, \
                     schema_version, occurred_at, recorded_at, payload) \
                     SELECT nextval('{schema}.positions'), n.id, $1, n.version, $2, n.event_type, 1, now(), now(), \
                     n.payload::json \
                     FROM unnest($3::uuid[], $4::bigint[], $5::text[], $6::text[]) n (id, version, event_type, payload)"
                ))
                .await?;
            let read_stream = client
                .prepare(&format!(
                    "SELECT {COLUMNS} FROM {schema}.events WHERE stream_id = $1 ORDER BY stream_version"
                ))
                .await?;
            idle.push(Session { client, insert, read_stream });
        }
        Ok(Self {
            store,
            places: Semaphore::new(connections),
            idle: Mutex::new(idle),
            server: server.to_owned(),
            schema,
            by_copy: false,
        })
    }

    /// Reads the whole log by COPY, which is the fastest that the server can hand it out.
    pub(super) fn read_by_copy(self) -> Self {
        Self { by_copy: true, ..self }
    }

    async fn copy(&self, session: &Session) -> Outcome<u64> {
        let sql = format!(
            "COPY (SELECT {COLUMNS} FROM {}.events ORDER BY position) TO STDOUT (FORMAT binary)",
            self.schema
        );
        let mut messages = pin!(session.client.copy_out(&sql).await?);
        let mut count = 0;
        while let Some(message) = std::future::poll_fn(|cx| messages.as_mut().poll_next(cx)).await {
            drop(message?);
            count += 1;
        }
        // The server sends a message for each row, and one that ends them.
        Ok(count - 1)
    }

    async fn with<T>(&self, work: impl AsyncFnOnce(&Session) -> Outcome<T>) -> Outcome<T> {
        let _place = self.places.acquire().await?;
        let session = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let session = session.ok_or("more places than connections")?;
        let result = work(&session).await;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        result
    }
}

/// The schema of a namespace.
pub(crate) fn schema_of(namespace: &str) -> String {
    format!("annals__{namespace}")
}

/// What the server does by itself within minutes, and in the middle of what is measured otherwise.
pub(super) async fn vacuum(server: &str, schema: &str) -> Outcome<()> {
    let (client, connection) = tokio_postgres::connect(server, NoTls).await?;
    tokio::spawn(connection);
    Ok(client.batch_execute(&format!("VACUUM ANALYZE {schema}.events")).await?)
}

/// A row as an application keeps it; only its making is measured.
struct Stored {
    _position: i64,
    _event_id: uuid::Uuid,
    _stream_id: String,
    _stream_version: i64,
    _event_type: String,
    _schema_version: i32,
    _times: [std::time::SystemTime; 2],
    _payload: Option<String>,
    _bytes: [Option<Vec<u8>>; 3],
    _texts: [Option<String>; 8],
}

fn stored(row: &Row) -> Result<Stored, tokio_postgres::Error> {
    Ok(Stored {
        _position: row.try_get(0)?,
        _event_id: row.try_get(1)?,
        _stream_id: row.try_get(2)?,
        _stream_version: row.try_get(3)?,
        _event_type: row.try_get(4)?,
        _schema_version: row.try_get(5)?,
        _times: [row.try_get(6)?, row.try_get(7)?],
        _payload: row.try_get(8)?,
        _bytes: [row.try_get(9)?, row.try_get(18)?, row.try_get(19)?],
        _texts: [
            row.try_get(10)?,
            row.try_get(11)?,
            row.try_get(12)?,
            row.try_get(13)?,
            row.try_get(14)?,
            row.try_get(15)?,
            row.try_get(16)?,
            row.try_get(17)?,
        ],
    })
}

impl Subject for Plain {
    fn append<'a>(&'a self, stream: &'a str, expected: u64, facts: Vec<Fact>) -> BoxFuture<'a, Outcome<()>> {
        Box::pin(self.with(async move |session| {
            let category = stream.split(['-', '/']).next().unwrap_or(stream);
            let ids: Vec<uuid::Uuid> = facts.iter().map(|_| EventId::new().uuid()).collect();
            let first = i64::try_from(expected)? + 1;
            let versions: Vec<i64> = (first..).take(facts.len()).collect();
            let types: Vec<&str> = facts.iter().map(|fact| fact.event_type).collect();
            let payloads: Vec<&str> = facts.iter().map(|fact| fact.payload.as_str()).collect();
            session
                .client
                .execute(&session.insert, &[&stream, &category, &ids, &versions, &types, &payloads])
                .await?;
            Ok(())
        }))
    }

    fn read_stream<'a>(&'a self, stream: &'a str) -> BoxFuture<'a, Outcome<u64>> {
        Box::pin(self.with(async move |session| {
            let rows = session.client.query(&session.read_stream, &[&stream]).await?;
            let stored: Vec<Stored> = rows.iter().map(stored).collect::<Result<_, _>>()?;
            Ok(stored.len() as u64)
        }))
    }

    fn read_all(&self) -> BoxFuture<'_, Outcome<u64>> {
        Box::pin(self.with(async |session| {
            if self.by_copy {
                return self.copy(session).await;
            }
            let sql = format!("SELECT {COLUMNS} FROM {}.events ORDER BY position", self.schema);
            let mut rows = pin!(session.client.query_raw(&sql, Vec::<i32>::new()).await?);
            let mut count = 0;
            while let Some(row) = std::future::poll_fn(|cx| rows.as_mut().poll_next(cx)).await {
                drop(row?);
                count += 1;
            }
            Ok(count)
        }))
    }

    /// A durable insert that notifies, the notification received, and what it names selected.
    fn deliveries(
        &self,
        time: Duration,
        mut pauses: Pauses,
    ) -> BoxFuture<'_, Outcome<Option<Vec<Duration>>>> {
        Box::pin(self.with(async move |session| {
            let schema = &self.schema;
            let (listener, mut connection) = tokio_postgres::connect(&self.server, NoTls).await?;
            let (notified, mut notifications) = tokio::sync::mpsc::unbounded_channel();
            let driver = tokio::spawn(async move {
                while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                    if let AsyncMessage::Notification(notification) = message {
                        let _ = notified.send(notification.payload().to_owned());
                    }
                }
            });
            listener.batch_execute(&format!("LISTEN {schema}")).await?;
            let select =
                listener.prepare(&format!("SELECT {COLUMNS} FROM {schema}.events WHERE position = $1")).await?;
            let insert = session
                .client
                .prepare(&format!(
                    "WITH inserted AS (INSERT INTO {schema}.events (position, event_id, stream_id, stream_version, \
                     category, event_type, schema_version, occurred_at, recorded_at, payload) \
                     VALUES (nextval('{schema}.positions'), $1, 'delivery-1', $2, 'delivery', $3, 1, now(), now(), \
                     $4::text::json) RETURNING position) \
                     SELECT pg_notify('{schema}', position::text) FROM inserted"
                ))
                .await?;
            let delivered = tokio::spawn(async move {
                let mut arrivals = Vec::new();
                while let Some(position) = notifications.recv().await {
                    let row = listener.query_one(&select, &[&position.parse::<i64>()?]).await?;
                    drop(stored(&row)?);
                    arrivals.push(Instant::now());
                }
                Outcome::Ok(arrivals)
            });
            let (start, mut facts, mut calls) = (Instant::now(), facts(0), Vec::new());
            for version in 1_i64.. {
                if !pauses.next(start, time).await {
                    break;
                }
                let Some(fact) = facts(1).pop() else { break };
                calls.push(Instant::now());
                let parameters: [&(dyn ToSql + Sync); 4] =
                    [&EventId::new().uuid(), &version, &fact.event_type, &fact.payload];
                session.client.query(&insert, &parameters).await?;
            }
            // What was committed last is still on its way.
            tokio::time::sleep(Duration::from_millis(50)).await;
            driver.abort();
            let arrivals = delivered.await??;
            Ok(Some(arrivals.iter().zip(&calls).map(|(arrival, call)| arrival.duration_since(*call)).collect()))
        }))
    }

    fn settle(&self) -> BoxFuture<'_, Outcome<()>> {
        Box::pin(vacuum(&self.server, &self.schema))
    }

    fn finish(&self) -> BoxFuture<'_, Outcome<()>> {
        Box::pin(async { Ok(self.store.drop_namespace().await?) })
    }
}
