//! MySQL or MariaDB as a careful application would use it without Annals: the same tables, indexes and triggers
//! (Annals creates them), prepared statements, an expected version by the unique index, one statement and so
//! one transaction an append, and a connection for each of so many writers. What it leaves out is the order in
//! which positions become visible (they are an AUTO_INCREMENT) and the look-up of event ids, which makes a
//! repeated append harmless.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use annals::backend::{Backend as _, BoxFuture};
use annals::mysql::mysql_async::prelude::Queryable as _;
use annals::mysql::mysql_async::{Conn, Row, Value};
use annals::mysql::{MysqlOptions, MysqlStore};
use annals::{EventId, StoreUrl};
use tokio::sync::Semaphore;

use super::{Fact, Outcome, Pauses, Subject};

const COLUMNS: &str = "position, event_id, stream_id, stream_version, event_type, schema_version, occurred_at, \
    recorded_at, payload, payload_bytes, content_type, metadata, source, correlation_id, causation_id, traceparent, \
    tracestate, tags, predecessor_hash, hash";

pub(crate) struct Plain {
    store: MysqlStore,
    places: Semaphore,
    idle: Mutex<Vec<Conn>>,
    prefix: String,
}

impl Plain {
    pub(super) async fn open(server: &str, namespace: &str, connections: usize) -> Outcome<Self> {
        let url: StoreUrl = format!("{server}?namespace={namespace}").parse()?;
        let store = MysqlStore::open(MysqlOptions::try_from(&url)?).await?;
        let prefix = format!("annals__{namespace}__");
        let mut idle = Vec::with_capacity(connections);
        for n in 0..connections {
            let mut conn = Conn::from_url(server).await?;
            if n == 0 {
                let counted =
                    format!("ALTER TABLE {prefix}events MODIFY position BIGINT NOT NULL AUTO_INCREMENT");
                conn.query_drop(counted).await?;
            }
            idle.push(conn);
        }
        Ok(Self { store, places: Semaphore::new(connections), idle: Mutex::new(idle), prefix })
    }

    async fn with<T>(&self, work: impl AsyncFnOnce(&mut Conn) -> Outcome<T>) -> Outcome<T> {
        let _place = self.places.acquire().await?;
        let conn = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut conn = conn.ok_or("more places than connections")?;
        let result = work(&mut conn).await;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        result
    }
}

/// A row as an application keeps it: every value in a type of its own.
fn stored(row: Row) -> Result<Vec<Option<String>>, std::string::FromUtf8Error> {
    let text = |value| match value {
        Value::Bytes(bytes) if bytes.len() != 16 => String::from_utf8(bytes).map(Some),
        _ => Ok(None),
    };
    row.unwrap().into_iter().map(text).collect()
}

impl Subject for Plain {
    fn append<'a>(&'a self, stream: &'a str, expected: u64, facts: Vec<Fact>) -> BoxFuture<'a, Outcome<()>> {
        Box::pin(self.with(async move |conn| {
            let category = stream.split(['-', '/']).next().unwrap_or(stream);
            let rows = vec!["(?, ?, ?, ?, ?, 1, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), ?)"; facts.len()].join(", ");
            let sql = format!(
                "INSERT INTO {}events (event_id, stream_id, stream_version, category, event_type, schema_version, \
                 occurred_at, recorded_at, payload) VALUES {rows}",
                self.prefix
            );
            let mut values: Vec<Value> = Vec::with_capacity(6 * facts.len());
            for (version, fact) in (expected + 1..).zip(&facts) {
                values.extend([
                    EventId::new().uuid().as_bytes().as_slice().into(),
                    stream.into(),
                    version.into(),
                    category.into(),
                    fact.event_type.into(),
                    fact.payload.as_str().into(),
                ]);
            }
            Ok(conn.exec_drop(sql, values).await?)
        }))
    }

    fn read_stream<'a>(&'a self, stream: &'a str) -> BoxFuture<'a, Outcome<u64>> {
        Box::pin(self.with(async move |conn| {
            let sql = format!(
                "SELECT {COLUMNS} FROM {}events WHERE stream_id = ? ORDER BY stream_version",
                self.prefix
            );
            let rows: Vec<Row> = conn.exec(sql, (stream,)).await?;
            let stored: Vec<_> = rows.into_iter().map(stored).collect::<Result<_, _>>()?;
            Ok(stored.len() as u64)
        }))
    }

    fn read_all(&self) -> BoxFuture<'_, Outcome<u64>> {
        Box::pin(self.with(async |conn| {
            let sql = format!("SELECT {COLUMNS} FROM {}events ORDER BY position", self.prefix);
            let mut rows = conn.exec_iter(sql, ()).await?;
            let mut count = 0;
            rows.for_each(|row| {
                drop(row);
                count += 1;
            })
            .await?;
            Ok(count)
        }))
    }

    fn deliveries(&self, _time: Duration, _pauses: Pauses) -> BoxFuture<'_, Outcome<Option<Vec<Duration>>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn finish(&self) -> BoxFuture<'_, Outcome<()>> {
        Box::pin(async { Ok(self.store.drop_namespace().await?) })
    }
}
