//! Connections for reading and for small writes: a bounded number, opened when needed, and used again only
//! when what they did last has ended well.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, ErrorKind, Result};

use super::PostgresOptions;
use super::connect::Connection;

/// How long a caller waits for one of the connections.
const WAIT_MAX: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Pool {
    options: PostgresOptions,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

/// A connection in use; dropped, it is closed.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) connection: Connection,
    _place: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(options: PostgresOptions, connections: usize) -> Self {
        Self { options, places: Arc::new(Semaphore::new(connections)), idle: Mutex::default() }
    }

    pub(super) async fn take(&self) -> Result<Taken> {
        let place = tokio::time::timeout(WAIT_MAX, self.places.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!("all connections to {} were in use for {WAIT_MAX:?}", self.options.server),
            ));
        };
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match idle {
                Some(connection) if connection.is_closed() => continue,
                Some(connection) => connection,
                None => Connection::open(&self.options, None).await?,
            };
            return Ok(Taken { connection, _place: place });
        }
    }

    /// Keeps a connection for the next caller.
    pub(super) fn put(&self, taken: Taken) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(taken.connection);
    }
}
