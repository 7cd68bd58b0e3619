//! A read model in the memory of one process: a value folded from events, and kept up to date.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use crate::error::{Error, ErrorKind, Result};
use crate::event::RecordedEvent;
use crate::query::{Position, Query};
use crate::store::EventStore;
use crate::subscribe::{Checkpoint, Start, Subscription};

/// How many events are folded before readers are let in again.
const BATCH: usize = 512;

type Fold<S> = dyn FnMut(&mut S, &RecordedEvent) -> Result<(), Box<dyn StdError + Send + Sync>> + Send;

/// A value that follows the log. It begins with the first event each time the process starts, so it suits what is
/// small, or is asked so often that it has to be in memory; clones are the same view.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> annals::Result<()> {
/// use annals::{Category, EventStore, Expected, NewEvent, Query, View};
///
/// let store = EventStore::connect("memory:").await?;
/// store.append("order-1", Expected::NoStream, [NewEvent::json("order-placed", &1)?]).await?;
/// let orders = Query::category(Category::new("order")?);
/// let count = View::new(&store, orders, 0, |count, _event| {
///     *count += 1;
///     Ok(())
/// });
/// count.catch_up().await?; // or, in a task of its own, count.run(stop)
/// assert_eq!(count.read(|count| *count), 1);
/// # Ok(())
/// # }
/// ```
pub struct View<S> {
    store: EventStore,
    query: Query,
    state: Arc<RwLock<S>>,
    following: Arc<Mutex<Following<S>>>,
    seen: Arc<watch::Sender<Position>>,
}

struct Following<S> {
    fold: Box<Fold<S>>,
    subscription: Option<Subscription>,
}

impl<S: 'static> View<S> {
    /// A view of the events of a query, which begins as `state`. What the fold fails at, it has to leave as it was:
    /// the event comes again when the view is run again.
    pub fn new(
        store: &EventStore,
        query: Query,
        state: S,
        fold: impl FnMut(&mut S, &RecordedEvent) -> Result<(), Box<dyn StdError + Send + Sync>> + Send + 'static,
    ) -> Self {
        Self {
            store: store.clone(),
            query,
            state: Arc::new(RwLock::new(state)),
            following: Arc::new(Mutex::new(Following { fold: Box::new(fold), subscription: None })),
            seen: Arc::new(watch::Sender::new(Position::START)),
        }
    }

    /// Looks at the value. Nothing is folded meanwhile, so do not look for long.
    pub fn read<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The position up to which every event is in it.
    pub fn position(&self) -> Position {
        *self.seen.borrow()
    }

    /// Folds every event that is there now; says how many.
    ///
    /// # Errors
    /// What the store or the fold failed with; calling again goes on from there.
    pub async fn catch_up(&self) -> Result<u64> {
        let mut following = self.following.lock().await;
        // A subscription that has caught up would wait; a new one looks.
        following.subscription = None;
        let mut folded = 0;
        loop {
            match self.step(&mut following).await? {
                0 => return Ok(folded),
                events => folded += events,
            }
        }
    }

    /// Folds events as they come, until `stop` completes.
    ///
    /// # Errors
    /// As [`catch_up`](Self::catch_up).
    pub async fn run(&self, stop: impl Future<Output = ()>) -> Result<()> {
        let mut stop = std::pin::pin!(stop);
        let mut work = std::pin::pin!(async {
            let mut following = self.following.lock().await;
            loop {
                self.step(&mut following).await?;
            }
        });
        std::future::poll_fn(|cx| match stop.as_mut().poll(cx) {
            std::task::Poll::Ready(()) => std::task::Poll::Ready(Ok(())),
            std::task::Poll::Pending => work.as_mut().poll(cx),
        })
        .await
    }

    /// Waits until the append that issued this token is in it: read your own writes. Somebody has to
    /// [`run`](Self::run) it.
    ///
    /// # Errors
    /// Unavailable after the time given; invalid for a token of another store.
    pub async fn wait_for(&self, token: &Checkpoint, at_most: Duration) -> Result<()> {
        let position = token.position_in(self.store.store_id())?;
        let mut seen = self.seen.subscribe();
        match tokio::time::timeout(at_most, seen.wait_for(|seen| *seen >= position)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::new(
                ErrorKind::Unavailable,
                format!("the view is at position {}, not yet at {position}", self.position()),
            )),
        }
    }

    /// One batch; 0 when there is none for now. A fold that fails, and a future that is dropped, leave the view
    /// where its position says.
    async fn step(&self, following: &mut Following<S>) -> Result<u64> {
        let mut subscription = match following.subscription.take() {
            Some(subscription) => subscription,
            None => {
                let start = Start::After(self.store.checkpoint_at(self.position()));
                self.store.subscribe(self.query.clone(), start).await?
            }
        };
        let (events, checkpoint) = subscription.next_batch(BATCH).await?;
        let through = checkpoint.position_in(self.store.store_id())?;
        self.fold(&mut following.fold, &events)?;
        self.seen.send_replace(through);
        following.subscription = Some(subscription);
        Ok(events.len() as u64)
    }

    fn fold(&self, fold: &mut Fold<S>, events: &[RecordedEvent]) -> Result<()> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            fold(&mut state, event).map_err(|e| {
                let message = format!(
                    "a view could not take in event {} at position {}",
                    event.event_id, event.position
                );
                Error::with_source(ErrorKind::Invalid, message, e)
            })?;
            self.seen.send_replace(event.position);
        }
        Ok(())
    }
}

impl<S> Clone for View<S> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            query: self.query.clone(),
            state: self.state.clone(),
            following: self.following.clone(),
            seen: self.seen.clone(),
        }
    }
}

impl<S> fmt::Debug for View<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("query", &self.query)
            .field("seen", &*self.seen.borrow())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Category, Expected, NewEvent};

    async fn write(store: &EventStore, stream: &str, number: u64) -> Checkpoint {
        let event = NewEvent::json("counted", &number).unwrap();
        store.append(stream, Expected::Any, [event]).await.unwrap().checkpoint
    }

    fn sum(store: &EventStore, mut refuse: Option<u64>) -> View<Vec<u64>> {
        let query = Query::category(Category::new("a").unwrap());
        View::new(store, query, Vec::new(), move |seen: &mut Vec<u64>, event: &RecordedEvent| {
            let number: u64 = serde_json::from_str(event.payload.json().ok_or("no JSON")?.as_str())?;
            if refuse == Some(number) {
                refuse = None;
                return Err("not now".into());
            }
            seen.push(number);
            Ok(())
        })
    }

    #[tokio::test]
    async fn a_view_holds_every_event_once_and_tells_when() {
        let store = EventStore::connect("memory:").await.unwrap();
        for number in 0..1_200 {
            write(&store, "a-1", number).await;
        }
        let view = sum(&store, Some(700));
        let refused = view.catch_up().await.unwrap_err();
        assert!(refused.to_string().contains("position 701"), "{refused}");
        assert_eq!((view.read(Vec::len), view.position()), (700, Position(700)));
        assert_eq!(view.catch_up().await.unwrap(), 500);
        let running = view.clone();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(async move { running.run(async { drop(stopped.await) }).await });
        write(&store, "a-1", 1_200).await;
        // An event that it does not read is passed as well.
        let last = write(&store, "b-1", 0).await;
        view.wait_for(&last, Duration::from_secs(5)).await.unwrap();
        assert!(view.read(|seen| seen.iter().copied().eq(0..=1_200)));
        stop.send(()).unwrap();
        running.await.unwrap().unwrap();
        let late = write(&store, "a-1", 0).await;
        let late = view.wait_for(&late, Duration::from_millis(10)).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Unavailable);
    }
}
