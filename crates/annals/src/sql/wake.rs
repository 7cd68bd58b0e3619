//! Waking those who wait for new events: appends of this process at once, those of others by looking, which
//! one of those who wait does for all.

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, watch};

use crate::query::Position;

/// How soon to look again.
pub(crate) const POLL: Duration = Duration::from_millis(25);

/// The last position that this process knows of. Nothing is announced before it is durable.
#[derive(Debug)]
pub(crate) struct Wake {
    last: watch::Sender<Position>,
    looking: Mutex<()>,
}

impl Wake {
    pub(crate) fn new() -> Self {
        Self { last: watch::Sender::new(Position::START), looking: Mutex::default() }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Position> {
        self.last.subscribe()
    }

    /// Only MySQL asks what is durable.
    #[cfg(feature = "mysql")]
    pub(crate) fn last(&self) -> Position {
        *self.last.borrow()
    }

    /// There is an event at this position.
    pub(crate) fn announce(&self, position: Position) {
        self.last.send_if_modified(|known| {
            let moved = *known < position;
            *known = position.max(*known);
            moved
        });
    }

    /// The turn to look, where nobody else has it.
    pub(crate) fn look(&self) -> Option<MutexGuard<'_, ()>> {
        self.looking.try_lock().ok()
    }
}
