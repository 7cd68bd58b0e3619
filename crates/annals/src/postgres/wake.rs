//! Waking those who wait for new events: appends of this process at once, those of others by LISTEN, and where
//! a pooler or a proxy drops notifications, by looking again and again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::query::Position;
use crate::sql::{Link as _, Pool};

use super::PostgresOptions;
use super::connect::Connection;
use super::row::kinds;
use super::schema::quote;

/// How soon a waiting reader looks again where notifications do not arrive.
const POLL: Duration = Duration::from_millis(25);

/// How soon it looks again where they do; one can still get lost.
const POLL_LISTENING: Duration = Duration::from_secs(1);

/// How long a notification to itself may take before the listener counts as deaf.
const PROBE_MAX: Duration = Duration::from_secs(2);

/// The pause before another attempt at listening.
const PAUSE: Duration = Duration::from_secs(1);

/// What a listener sends to itself to learn whether notifications arrive.
const PROBE: &str = "annals: does this arrive?";

/// The last position that this process knows of, and how it learns of others.
#[derive(Debug)]
pub(super) struct Wake {
    last: watch::Sender<Position>,
    /// Whether notifications arrive.
    hears: watch::Sender<bool>,
    started: AtomicBool,
    /// When somebody looked last.
    looked: Mutex<Option<Instant>>,
}

impl Wake {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            last: watch::Sender::new(Position::START),
            hears: watch::Sender::new(false),
            started: AtomicBool::new(false),
            looked: Mutex::default(),
        })
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Position> {
        self.last.subscribe()
    }

    /// There is an event at this position.
    pub(super) fn announce(&self, position: Position) {
        self.last.send_if_modified(|known| {
            let moved = *known < position;
            *known = position.max(*known);
            moved
        });
    }

    /// How long to wait before looking.
    pub(super) fn patience(&self) -> Duration {
        if *self.hears.borrow() { POLL_LISTENING } else { POLL }
    }

    /// Whether it is the caller's turn to look: one look serves all who wait.
    pub(super) fn may_look(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let due = looked.is_none_or(|looked| now.duration_since(looked) >= self.patience());
        if due {
            *looked = Some(now);
        }
        due
    }

    /// Starts listening, once; whoever started it has to end it with the handle.
    pub(super) fn listen(
        self: &Arc<Self>,
        options: &PostgresOptions,
        pool: &Arc<Pool<Connection>>,
        schema: &str,
    ) -> Option<tokio::task::AbortHandle> {
        if self.started.swap(true, Ordering::Relaxed) {
            return None;
        }
        let (wake, options, pool, schema) = (self.clone(), options.clone(), pool.clone(), schema.to_owned());
        let task = tokio::spawn(async move {
            loop {
                let heard = wake.hear(&options, &pool, &schema).await;
                wake.hears.send_replace(false);
                if let Err(error) = heard {
                    tracing::debug!(%error, "not listening; looking for new events instead");
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Some(task.abort_handle())
    }

    /// Listens until the connection ends.
    async fn hear(
        self: &Arc<Self>,
        options: &PostgresOptions,
        pool: &Pool<Connection>,
        schema: &str,
    ) -> crate::Result<()> {
        let wake = self.clone();
        let on_notification = move |payload: &str| {
            if payload == PROBE {
                wake.hears.send_replace(true);
            } else if let Ok(position) = payload.parse() {
                wake.announce(Position(position));
            }
        };
        let failed = |e| super::error::of("could not listen", e);
        let connection = Connection::open(options, Some(Box::new(on_notification))).await?;
        connection.batch(&format!("LISTEN {}", quote(schema))).await.map_err(failed)?;
        // Through a pooler this session is another one, or none, as soon as the statement has ended.
        tokio::time::sleep(POLL).await;
        let probe = pool.take().await?;
        probe
            .connection
            .query_now("SELECT pg_notify($1, $2)", &[(&schema, kinds::TEXT), (&PROBE, kinds::TEXT)])
            .await
            .map_err(failed)?;
        pool.put(probe);
        let mut hears = self.hears.subscribe();
        let arrived = tokio::time::timeout(PROBE_MAX, hears.wait_for(|hears| *hears))
            .await
            .is_ok_and(|heard| heard.is_ok());
        if !arrived {
            // Whoever drops notifications will go on doing so: looking is enough.
            drop(connection);
            return std::future::pending().await;
        }
        while !connection.is_closed() {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}
