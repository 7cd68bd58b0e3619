//! One batch of appends (rules 1 to 6, 12, 13 and 22), decided in memory between two round trips: the first
//! takes the ordering lock and looks everything up, the second writes all rows at once. Nobody else writes
//! between them.

use std::collections::{HashMap, HashSet};
use std::error::Error as StdError;

use uuid::Uuid;

use crate::append::{Append, Appended, StreamVersions};
use crate::backend::{HashFormula, StoreId};
use crate::chain::payload_digest;
use crate::error::{Conflict, Error, ErrorKind, Result};
use crate::event::{EventId, Hash, NewEvent, RecordedEvent, Source};
use crate::query::{Condition, Position};
use crate::stream::{StreamId, Version};
use crate::subscribe::Checkpoint;
use crate::time::Timestamp;

/// What does not change while a store is open.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) store_id: StoreId,
    pub(crate) source: Source,
    pub(crate) formula: Option<HashFormula>,
}

impl Identity {
    /// What the row of a store says of it, where this code knows its tables and it has the hash chain that was
    /// asked for, if any was.
    ///
    /// # Errors
    /// Invalid for the store of a newer Annals, and for one with another hash chain.
    pub(crate) fn of(
        (version, known): (u64, i32),
        store_id: Uuid,
        formula: Option<&str>,
        wanted: Option<HashFormula>,
    ) -> Result<Self> {
        if version > u64::from(known.unsigned_abs()) {
            return Err(Error::invalid(format!(
                "the store was written by a newer Annals: its schema version is {version}, this one knows up to \
                 {known}; upgrade Annals"
            )));
        }
        let formula: Option<HashFormula> = formula.map(str::parse).transpose()?;
        if wanted.is_some() && wanted != formula {
            return Err(Error::invalid(format!(
                "the store was created with hash chain {}, not {}",
                formula.map_or("none", HashFormula::name),
                wanted.map_or("none", HashFormula::name),
            )));
        }
        let source = Source::new(format!("urn:uuid:{store_id}"))?;
        Ok(Self { store_id: StoreId(store_id), source, formula })
    }
}

/// Why a batch was not written.
pub(crate) enum Refusal<E> {
    /// Every request is answered with this.
    Whole(Error),
    /// The database refused a row; the transaction is rolled back.
    Row(E),
}

impl<E> From<Error> for Refusal<E> {
    fn from(error: Error) -> Self {
        Self::Whole(error)
    }
}

impl<E: StdError + Send + Sync + 'static> From<Refusal<E>> for Error {
    fn from(refusal: Refusal<E>) -> Self {
        match refusal {
            Refusal::Whole(error) => error,
            Refusal::Row(e) => Self::with_source(ErrorKind::Invalid, "the database refused the append", e),
        }
    }
}

/// The store's row is not there any more.
pub(crate) fn gone() -> Error {
    Error::new(ErrorKind::Closed, "the store has been dropped since it was opened")
}

/// Where the log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tail {
    pub(crate) position: Position,
    pub(crate) recorded_at: Timestamp,
    pub(crate) hash: Option<Hash>,
}

/// What has to be looked up, under the ordering lock, to decide a batch.
#[derive(Debug)]
pub(crate) struct Wanted<'b> {
    /// The streams whose versions count, each once.
    pub(crate) streams: Vec<&'b StreamId>,
    /// The events that may be there already.
    pub(crate) event_ids: Vec<EventId>,
    /// The conditions, each with the index of its append.
    pub(crate) conditions: Vec<(usize, &'b Condition)>,
}

impl<'b> Wanted<'b> {
    pub(crate) fn by(batch: &'b [Append]) -> Self {
        let mut seen = HashSet::new();
        let written = batch.iter().flat_map(|append| append.events.iter().map(|(stream_id, _)| stream_id));
        let checked =
            batch.iter().flat_map(|append| append.expectations.iter().map(|(stream_id, _)| stream_id));
        let conditions = batch.iter().enumerate();
        Self {
            streams: written.chain(checked).filter(|stream_id| seen.insert(*stream_id)).collect(),
            event_ids: batch
                .iter()
                .flat_map(|append| append.events.iter().map(|(_, event)| event.event_id))
                .collect(),
            conditions: conditions
                .filter_map(|(index, append)| append.condition.as_ref().map(|condition| (index, condition)))
                .collect(),
        }
    }
}

/// An event to be written.
#[derive(Debug)]
pub(crate) struct Row<'b> {
    /// The event as the request has it: without a source, where it is the store's own.
    pub(crate) given: &'b NewEvent,
    /// The event in its place.
    pub(crate) event: RecordedEvent,
    /// Kept where the store has a hash chain.
    pub(crate) payload_digest: Option<Hash>,
}

/// What the requests so far write.
#[derive(Debug, Default)]
struct Rows<'b> {
    rows: Vec<Row<'b>>,
    places: HashMap<EventId, usize>,
}

impl<'b> Rows<'b> {
    fn push(&mut self, row: Row<'b>) {
        self.places.insert(row.event.event_id, self.rows.len());
        self.rows.push(row);
    }

    fn by_id(&self, event_id: EventId) -> Option<&RecordedEvent> {
        self.places.get(&event_id).map(|&place| &self.rows[place].event)
    }
}

/// What was looked up, and then what has been decided from it so far.
#[derive(Debug)]
pub(crate) struct Found {
    /// Where the log ends.
    pub(crate) tail: Tail,
    /// The versions of the streams that have events.
    pub(crate) versions: HashMap<StreamId, Version>,
    /// Those events that are there already.
    pub(crate) known: HashMap<EventId, RecordedEvent>,
    /// The first event that matches the condition of the append with this index.
    pub(crate) matches: HashMap<usize, Position>,
}

impl Found {
    /// Decides every request in the order given, each seeing those before it. There is nothing to write
    /// where no row comes back.
    pub(crate) fn decide<'b>(
        mut self,
        identity: &Identity,
        now: Timestamp,
        batch: &'b [Append],
    ) -> (Vec<Result<Appended>>, Vec<Row<'b>>, Tail) {
        let now = identity.formula.map_or(now, |formula| formula.admit(now));
        self.tail.recorded_at = now.max(self.tail.recorded_at);
        let mut rows = Rows::default();
        let results = batch
            .iter()
            .enumerate()
            .map(|(index, append)| self.decide_one(identity, index, append, &mut rows))
            .collect();
        (results, rows.rows, self.tail)
    }

    fn decide_one<'b>(
        &mut self,
        identity: &Identity,
        index: usize,
        append: &'b Append,
        rows: &mut Rows<'b>,
    ) -> Result<Appended> {
        let checkpoint = |position| Checkpoint::at(identity.store_id, position);
        let known = |id| self.known.get(&id).or_else(|| rows.by_id(id)).cloned();
        let known: Vec<Option<RecordedEvent>> =
            append.events.iter().map(|(_, event)| known(event.event_id)).collect();
        if let Some(first_result) = append.recognise(&known, checkpoint)? {
            return Ok(first_result);
        }
        if let Some(conflict) = self.conflict(index, append, rows) {
            return Err(Error::from(conflict));
        }
        let first_position = self.tail.position.next();
        let mut places = Vec::with_capacity(append.events.len());
        for (stream_id, event) in &append.events {
            let row = self.record(identity, stream_id, event);
            places.push((stream_id, row.event.stream_version));
            rows.push(row);
        }
        Ok(Appended {
            streams: StreamVersions::tally(places),
            first_position,
            last_position: self.tail.position,
            checkpoint: checkpoint(self.tail.position),
            duplicate: false,
        })
    }

    fn conflict(&self, index: usize, append: &Append, rows: &Rows<'_>) -> Option<Conflict> {
        for (stream_id, expected) in &append.expectations {
            let actual = self.version(stream_id);
            if !expected.allows(actual) {
                let stream_id = stream_id.clone();
                return Some(Conflict::Version { stream_id, expected: *expected, actual });
            }
        }
        let Condition { query, after } = append.condition.as_ref()?;
        let stored = self.matches.get(&index).copied();
        let found = stored.or_else(|| {
            let mut earlier = rows.rows.iter().map(|row| &row.event);
            earlier.find(|event| event.position > *after && query.matches(event)).map(|event| event.position)
        })?;
        Some(Conflict::Condition { after: *after, found })
    }

    fn version(&self, stream_id: &StreamId) -> Version {
        self.versions.get(stream_id).copied().unwrap_or_default()
    }

    /// Gives an event its place.
    fn record<'b>(&mut self, identity: &Identity, stream_id: &StreamId, event: &'b NewEvent) -> Row<'b> {
        let version = self.version(stream_id).next();
        let mut recorded = RecordedEvent::record(
            event.clone(),
            stream_id.clone(),
            version,
            self.tail.position.next(),
            self.tail.recorded_at,
            &identity.source,
        );
        let mut digest = None;
        if let Some(formula) = identity.formula {
            let payload = payload_digest(&recorded.payload);
            let predecessor = self.tail.hash.unwrap_or(Hash::ZERO);
            recorded.hash = Some(formula.hash(&recorded, payload, predecessor));
            recorded.predecessor_hash = Some(predecessor);
            digest = Some(payload);
        }
        self.tail.position = recorded.position;
        self.tail.hash = recorded.hash.or(self.tail.hash);
        self.versions.insert(stream_id.clone(), version);
        Row { given: event, event: recorded, payload_digest: digest }
    }
}
