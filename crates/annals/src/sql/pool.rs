//! Connections for reading and for small writes: a bounded number, opened when needed, and used again only
//! when what they did last has ended well.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};

/// How long a caller waits for one of the connections.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// How long the server may take over one statement before the connection counts as lost.
const STATEMENT_MAX: Duration = Duration::from_secs(30);

/// A connection as its pool sees it.
pub(crate) trait Link: Send + Sized {
    /// How it is opened.
    type Options: fmt::Display + fmt::Debug + Clone + Send + Sync;

    fn open(options: &Self::Options) -> impl Future<Output = Result<Self>> + Send;

    /// Whether it is known to be of no use any more.
    fn is_closed(&self) -> bool;
}

pub(crate) struct Pool<L: Link> {
    options: L::Options,
    places: Arc<Semaphore>,
    /// Those at rest, with the time since when they are.
    idle: Mutex<Vec<(L, Instant)>>,
    /// A connection at rest for longer is not used again: the server may be about to close it.
    idle_max: Duration,
}

/// A connection in use; dropped, it is closed.
pub(crate) struct Taken<L> {
    pub(crate) connection: L,
    _place: OwnedSemaphorePermit,
}

impl<L: Link> Pool<L> {
    pub(crate) fn new(options: L::Options, connections: usize, idle_max: Duration) -> Self {
        Self { options, places: Arc::new(Semaphore::new(connections)), idle: Mutex::default(), idle_max }
    }

    pub(crate) async fn take(&self) -> Result<Taken<L>> {
        let place = tokio::time::timeout(WAIT_MAX, self.places.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!("all connections to {} were in use for {WAIT_MAX:?}", self.options),
            ));
        };
        let idle = self.rested();
        let connection = match idle {
            Some(connection) => connection,
            None => L::open(&self.options).await?,
        };
        Ok(Taken { connection, _place: place })
    }

    /// Keeps a connection for the next caller.
    pub(crate) fn put(&self, taken: Taken<L>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((taken.connection, Instant::now()));
    }

    fn rested(&self) -> Option<L> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // The one last used is at the end; where it is too old, so are all.
        while let Some((connection, since)) = idle.pop() {
            if since.elapsed() > self.idle_max {
                idle.clear();
            } else if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }
}

impl<L: Link> fmt::Debug for Pool<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Bounds how long a statement may take. What has been waited for too long may still be carried out.
pub(crate) async fn in_time<T>(
    doing: &str,
    kind: ErrorKind,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(STATEMENT_MAX, work).await {
        Ok(result) => result,
        Err(_) => Err(Error::new(kind, format!("{doing}: no answer within {STATEMENT_MAX:?}"))),
    }
}
