//! How read models stand, for people and for programs that look.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::event::EventId;
use crate::query::Position;
use crate::subscribe::Checkpoint;
use crate::time::Timestamp;

use super::records::Place;
use super::tables::Tables;

/// How a read model stands, as its database says.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The read model's name.
    pub name: String,
    /// The generation from which readers are served.
    pub live: u32,
    /// Whether somebody has asked it to pause.
    pub paused: bool,
    /// The most events that a process may take in each second, where somebody has limited them.
    pub pace: Option<u32>,
    /// Whether somebody has asked that it be built anew, and nobody has begun.
    pub rebuild: bool,
    /// Until when somebody who checks it wants it left alone.
    pub held_until: Option<Timestamp>,
    /// How many processes run it.
    pub runners: u32,
    /// The time of the database.
    pub now: Timestamp,
    /// Its generations, oldest first.
    pub generations: Vec<Generation>,
}

/// One set of a read model's tables.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Generation {
    /// Counts from 1.
    pub number: u32,
    /// Whether it serves.
    pub stage: Stage,
    /// Tells the code and the declaration that made it from others.
    pub fingerprint: String,
    /// The plain names of its tables.
    pub tables: Vec<String>,
    /// Where in the log it began.
    pub begun_after: Checkpoint,
    /// When it was begun.
    pub made_at: Timestamp,
    /// The file that declares it, where one does.
    #[serde(skip)]
    pub declared: Option<String>,
    /// The parts into which its events are divided.
    pub parts: Vec<Part>,
}

/// The events of a generation whose keys fall to one share.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Part {
    /// Counts from 0.
    pub number: u32,
    /// Up to where its events are in the tables.
    pub checkpoint: Checkpoint,
    /// Its position.
    pub position: Position,
    /// How many events it has taken in.
    pub events: u64,
    /// How many in each of the last seconds.
    pub events_per_second: u64,
    /// When the last of them was recorded.
    pub last_recorded_at: Option<Timestamp>,
    /// The process to which it belongs.
    pub owner: Option<String>,
    /// Until when, unless it is heard of.
    pub lease_until: Option<Timestamp>,
    /// Whether it stands at an event that failed.
    pub stopped: bool,
    /// Why it does not, or did not, get on.
    pub error: Option<String>,
    /// Since when.
    pub failed_at: Option<Timestamp>,
    /// How many events are set aside.
    pub parked: u64,
}

/// An event that a read model has not taken in, because it or one before it with the same key failed.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Parked {
    /// Where the event is in the log.
    pub position: Position,
    /// The part that set it aside.
    pub part: u32,
    /// The key whose events wait.
    pub key: String,
    /// The event.
    pub event_id: EventId,
    /// Its type.
    pub event_type: String,
    /// Its stream.
    pub stream_id: String,
    /// Whether it was passed over for good; the others wait to be tried again, or dropped.
    pub skipped: bool,
    /// What it failed with, or which one it waits for.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was set aside.
    pub parked_at: Timestamp,
    /// What somebody wishes of it: `retry` or `drop`.
    pub wish: Option<String>,
}

/// Whether a generation serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It is being filled.
    Building,
    /// Readers are served from it.
    Live,
    /// Another serves in its place; it is kept for going back.
    Retired,
}

impl Stage {
    /// `building`, `live` or `retired`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Live => "live",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Stage {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Building, Self::Live, Self::Retired].into_iter().find(|stage| stage.as_str() == text).ok_or(())
    }
}

impl Status {
    /// The generation of this number.
    pub fn generation(&self, number: u32) -> Option<&Generation> {
        self.generations.iter().find(|generation| generation.number == number)
    }

    /// The generation from which readers are served.
    pub fn serving(&self) -> Option<&Generation> {
        self.generation(self.live)
    }

    /// The generation that is being filled to take its place.
    pub fn building(&self) -> Option<&Generation> {
        self.generations.iter().rev().find(|generation| generation.stage == Stage::Building)
    }

    /// The generation that served before, and can again.
    pub fn retired(&self) -> Option<&Generation> {
        self.generations.iter().rev().find(|generation| generation.stage == Stage::Retired)
    }

    /// Whether it is to take in nothing for now.
    pub(crate) fn rests(&self) -> bool {
        self.paused || self.held_until.is_some_and(|until| until > self.now)
    }

    pub(crate) fn newest(&self) -> u32 {
        self.generations.iter().map(|generation| generation.number).max().unwrap_or(0)
    }

    pub(crate) fn tables(&self, number: u32) -> Tables {
        let plain = self.generation(number).map_or(&[][..], |generation| &generation.tables);
        Tables::new(plain, number)
    }

    pub(crate) fn part(&self, place: Place) -> Option<&Part> {
        self.generation(place.generation)?.parts.iter().find(|part| part.number == place.part)
    }

    pub(crate) fn part_mut(&mut self, place: Place) -> Option<&mut Part> {
        let generation =
            self.generations.iter_mut().find(|generation| generation.number == place.generation)?;
        generation.parts.iter_mut().find(|part| part.number == place.part)
    }
}

impl Generation {
    /// The position up to which the tables hold every event.
    pub fn position(&self) -> Position {
        self.parts.iter().map(|part| part.position).min().unwrap_or(Position::START)
    }

    /// How many events it has taken in.
    pub fn events(&self) -> u64 {
        self.parts.iter().map(|part| part.events).sum()
    }

    /// How many events are set aside.
    pub fn parked(&self) -> u64 {
        self.parts.iter().map(|part| part.parked).sum()
    }

    /// Into how many parts its events are divided.
    pub fn partitions(&self) -> u32 {
        u32::try_from(self.parts.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.parts.iter().map(|part| Place { generation: self.number, part: part.number })
    }
}

impl Part {
    /// Whether a living process has it.
    pub(crate) fn is_held(&self, now: Timestamp) -> bool {
        self.owner.is_some() && self.lease_until.is_some_and(|until| until > now)
    }
}
