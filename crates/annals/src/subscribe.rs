//! Checkpoints, and subscriptions that catch up and then go live.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use uuid::Uuid;

use crate::backend::{Backend, BoxFuture, Direction, LogPage, LogRange, StoreId};
use crate::error::{Error, Result};
use crate::event::RecordedEvent;
use crate::query::{Position, Query};
use crate::time::Timestamp;

/// How many events a subscription holds at most while its consumer is busy.
pub(crate) const BUFFER_EVENTS: usize = 512;

/// Where a reader resumes: opaque, issued by a store, and it knows which store. Print it, keep it, parse it
/// again; do not take it apart.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Checkpoint(Arc<str>);

impl Checkpoint {
    /// For backends: the checkpoint of a store whose order is its position.
    pub fn at(store_id: StoreId, position: Position) -> Self {
        Self(format!("{store_id}.{position}").into())
    }

    /// The text to keep.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For backends: the position after which to go on, if this store issued the checkpoint.
    ///
    /// # Errors
    /// Invalid for a checkpoint of another store.
    pub fn position_in(&self, store_id: StoreId) -> Result<Position> {
        let (store, position) = self.parts()?;
        if store != store_id.0 {
            return Err(Error::invalid(format!(
                "checkpoint {self} belongs to another store: this one is {store_id}"
            )));
        }
        Ok(position)
    }

    fn parts(&self) -> Result<(Uuid, Position)> {
        let parts = self.0.split_once('.').and_then(|(store, position)| {
            Some((Uuid::try_parse(store).ok()?, Position(position.parse().ok()?)))
        });
        parts.ok_or_else(|| Error::invalid(format!("{:?} is not a checkpoint of Annals", &*self.0)))
    }
}

impl FromStr for Checkpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let checkpoint = Self(text.into());
        checkpoint.parts()?;
        Ok(checkpoint)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for Checkpoint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Where a subscription begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Start {
    /// With the first event.
    #[default]
    Beginning,
    /// With the next event to be written.
    Now,
    /// With the event after this checkpoint.
    After(Checkpoint),
    /// With the first event that was recorded at this time or later.
    At(Timestamp),
}

/// What a subscription delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// An event, and the checkpoint after it.
    Event(Box<RecordedEvent>, Checkpoint),
    /// There is nothing more for now. The checkpoint also covers the events that the query skipped.
    CaughtUp(Checkpoint),
}

impl Delivery {
    /// The checkpoint up to which everything has been delivered.
    pub fn checkpoint(&self) -> &Checkpoint {
        match self {
            Self::Event(_, checkpoint) | Self::CaughtUp(checkpoint) => checkpoint,
        }
    }
}

/// Every event that matches a query, once and in order: first those that are there, then each new one.
///
/// It reads ahead at most a page, so a slow consumer costs no memory. An error does not end it: the next
/// call tries again from where it stands.
pub struct Subscription {
    backend: Arc<dyn Backend>,
    query: Query,
    /// Everything up to here has been delivered or is in `buffer`.
    through: Position,
    buffer: VecDeque<RecordedEvent>,
    /// Whether there was nothing behind the last page.
    at_end: bool,
    /// The last position for which `CaughtUp` was delivered.
    announced: Option<Position>,
    pending: Option<BoxFuture<'static, Result<LogPage>>>,
}

impl Subscription {
    pub(crate) fn new(backend: Arc<dyn Backend>, query: Query, after: Position) -> Self {
        Self {
            backend,
            query,
            through: after,
            buffer: VecDeque::new(),
            at_end: false,
            announced: None,
            pending: None,
        }
    }

    /// The next event, or the news that there is none for now. Waits for as long as there is neither; may be
    /// dropped and called again without losing anything.
    ///
    /// # Errors
    /// What reading the store failed with; calling again tries again.
    pub async fn next(&mut self) -> Result<Delivery> {
        std::future::poll_fn(|cx| self.poll_delivery(cx)).await
    }

    /// Up to `max` events that are at hand, at least one, and the checkpoint after them; no events when the
    /// subscription has caught up. For consumers that write in batches.
    ///
    /// # Errors
    /// What reading the store failed with; calling again tries again.
    pub async fn next_batch(&mut self, max: usize) -> Result<(Vec<RecordedEvent>, Checkpoint)> {
        if !std::future::poll_fn(|cx| self.poll_events(cx)).await? {
            return Ok((Vec::new(), self.checkpoint(self.through)));
        }
        // A whole page is handed on as it is.
        let events: Vec<_> = match self.buffer.len() <= max {
            true => std::mem::take(&mut self.buffer).into(),
            false => self.buffer.drain(..max.max(1)).collect(),
        };
        let last = events.last().map_or(self.through, |event| event.position);
        Ok((events, self.checkpoint(last)))
    }

    /// Reads the next page while its consumer is busy, if there is one.
    #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite", feature = "sqlserver"))]
    pub(crate) async fn read_ahead(&mut self) {
        if !self.buffer.is_empty() || self.at_end {
            return;
        }
        let pending = self
            .pending
            .get_or_insert_with(|| next_page(self.backend.clone(), self.query.clone(), self.through, false));
        let page = pending.as_mut().await;
        self.pending = None;
        // What failed is tried again, and told, when it is asked for.
        if let Ok(page) = page {
            self.take(page);
        }
    }

    fn take(&mut self, page: LogPage) {
        self.through = page.through.max(self.through);
        self.at_end = page.end;
        if self.buffer.is_empty() {
            self.buffer = page.events.into();
        } else {
            self.buffer.extend(page.events);
        }
    }

    fn checkpoint(&self, position: Position) -> Checkpoint {
        Checkpoint::at(self.backend.store_id(), position)
    }

    fn poll_delivery(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery>> {
        std::task::ready!(self.poll_events(cx))?;
        Poll::Ready(Ok(match self.buffer.pop_front() {
            Some(event) => {
                let checkpoint = self.checkpoint(event.position);
                Delivery::Event(Box::new(event), checkpoint)
            }
            None => Delivery::CaughtUp(self.checkpoint(self.through)),
        }))
    }

    /// Waits until there are events in the buffer, or the news that there are none for now.
    fn poll_events(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool>> {
        loop {
            // A store whose pages are at hand would never make its reader give way to other tasks.
            let turn = std::task::ready!(tokio::task::coop::poll_proceed(cx));
            if !self.buffer.is_empty() {
                turn.made_progress();
                return Poll::Ready(Ok(true));
            }
            let pending = match &mut self.pending {
                Some(pending) => pending,
                None => {
                    let wait = self.announced == Some(self.through);
                    self.pending.insert(next_page(
                        self.backend.clone(),
                        self.query.clone(),
                        self.through,
                        wait,
                    ))
                }
            };
            let page = std::task::ready!(pending.as_mut().poll(cx));
            self.pending = None;
            turn.made_progress();
            self.take(page?);
            if self.buffer.is_empty() && self.at_end && self.announced != Some(self.through) {
                self.announced = Some(self.through);
                return Poll::Ready(Ok(false));
            }
        }
    }
}

fn next_page(
    backend: Arc<dyn Backend>,
    query: Query,
    after: Position,
    wait: bool,
) -> BoxFuture<'static, Result<LogPage>> {
    Box::pin(async move {
        if wait {
            backend.wait(after).await;
        }
        let range =
            LogRange { query, from: after.next(), direction: Direction::Forward, limit: BUFFER_EVENTS };
        backend.read_log(range).await
    })
}

impl Stream for Subscription {
    type Item = Result<Delivery>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_delivery(cx).map(Some)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("query", &self.query)
            .field("through", &self.through)
            .field("buffered", &self.buffer.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_only_taken_by_the_store_that_issued_it() {
        let mine = StoreId(Uuid::from_u128(1));
        let checkpoint = Checkpoint::at(mine, Position(7));
        let parsed: Checkpoint = checkpoint.as_str().parse().unwrap();
        assert_eq!(parsed.position_in(mine).unwrap(), Position(7));
        let refusal = parsed.position_in(StoreId(Uuid::from_u128(2))).unwrap_err();
        assert!(refusal.to_string().contains("another store"), "{refusal}");
        for bad in ["", "7", "x.7", "00000000000000000000000000000001.-1"] {
            assert!(bad.parse::<Checkpoint>().is_err(), "{bad:?} was accepted");
        }
    }
}
