//! How far a read model has come, told at once in the process that runs it.

use std::time::Duration;

use tokio::sync::watch;

use crate::error::{Error, ErrorKind, Result};
use crate::query::Position;
use crate::store::EventStore;
use crate::subscribe::Checkpoint;

use super::assign::part_of;
use super::records::Place;
use super::status::Status;

/// Where each part of the generation that serves stands.
#[derive(Debug, Default)]
pub(super) struct Seen {
    generation: u32,
    parts: Vec<Position>,
}

impl Seen {
    fn position(&self) -> Position {
        self.parts.iter().min().copied().unwrap_or(Position::START)
    }

    fn position_of(&self, key: Option<&str>) -> Position {
        let Some(key) = key else { return self.position() };
        let part = part_of(key, u32::try_from(self.parts.len()).unwrap_or(u32::MAX));
        self.parts.get(part as usize).copied().unwrap_or(Position::START)
    }

    /// Takes over what the database says.
    pub(super) fn update(&mut self, status: &Status) -> bool {
        let Some(live) = status.serving() else { return false };
        let mut parts: Vec<Position> = live.parts.iter().map(|part| part.position).collect();
        if self.generation == status.live {
            // A part of this process may have moved since.
            parts.iter_mut().zip(&self.parts).for_each(|(part, known)| *part = (*part).max(*known));
        }
        let changed = self.generation != status.live || self.parts != parts;
        (self.generation, self.parts) = (status.live, parts);
        changed
    }

    /// One part has moved.
    pub(super) fn move_to(&mut self, place: Place, position: Position) -> bool {
        match self.parts.get_mut(place.part as usize) {
            Some(part) if self.generation == place.generation && *part < position => {
                *part = position;
                true
            }
            _ => false,
        }
    }
}

/// Tells, from anywhere in the process, how far a read model has come that a [`Projector`](super::Projector) of
/// this process runs. Other processes ask [`Control::wait_for`](super::Control::wait_for).
#[derive(Debug, Clone)]
pub struct Progress {
    store: EventStore,
    seen: watch::Receiver<Seen>,
}

impl Progress {
    pub(super) fn new(store: EventStore, seen: watch::Receiver<Seen>) -> Self {
        Self { store, seen }
    }

    /// The position up to which the tables hold every event.
    pub fn position(&self) -> Position {
        self.seen.borrow().position()
    }

    /// Waits until the tables hold the append that issued this token: read your own writes.
    ///
    /// # Errors
    /// Unavailable after the time given; closed when the projector is gone; invalid for a token of another
    /// store.
    pub async fn wait_for(&mut self, token: &Checkpoint, at_most: Duration) -> Result<()> {
        self.reach(token, None, at_most).await
    }

    /// As [`wait_for`](Self::wait_for), for the events of one key only: the other partitions are not waited for.
    ///
    /// # Errors
    /// As [`wait_for`](Self::wait_for).
    pub async fn wait_for_key(&mut self, token: &Checkpoint, key: &str, at_most: Duration) -> Result<()> {
        self.reach(token, Some(key), at_most).await
    }

    async fn reach(&mut self, token: &Checkpoint, key: Option<&str>, at_most: Duration) -> Result<()> {
        let position = token.position_in(self.store.store_id())?;
        let reached = async { self.seen.wait_for(|seen| seen.position_of(key) >= position).await.map(drop) };
        match tokio::time::timeout(at_most, reached).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Error::new(ErrorKind::Closed, "the projector has ended")),
            Err(_) => Err(not_yet(self.seen.borrow().position_of(key), position)),
        }
    }
}

pub(super) fn not_yet(at: Position, wanted: Position) -> Error {
    Error::new(ErrorKind::Unavailable, format!("the projection is at position {at}, not yet at {wanted}"))
}
