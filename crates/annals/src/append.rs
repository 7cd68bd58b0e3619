//! One atomic write: events for one stream or several, what it expects, and what came of it.

use crate::backend::{Capabilities, Capability};
use crate::error::{Error, Result};
use crate::event::{NewEvent, RecordedEvent};
use crate::query::{Condition, Position};
use crate::stream::{Expected, StreamId, Version};
use crate::subscribe::Checkpoint;

/// One atomic append (rules 1 to 3, 12 and 13): its events become visible together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Append {
    /// The events in the order they get their positions, each with its stream.
    pub events: Vec<(StreamId, NewEvent)>,
    /// What is expected of streams, written to or only checked; of one not named here, anything.
    pub expectations: Vec<(StreamId, Expected)>,
    /// What must not have happened since the decision looked.
    pub condition: Option<Condition>,
}

impl Append {
    /// An append of these events to one stream.
    pub fn to(stream_id: StreamId, expected: Expected, events: impl IntoIterator<Item = NewEvent>) -> Self {
        Self::default().and(stream_id, expected, events)
    }

    /// Adds events for a further stream, or none to only check it.
    #[must_use]
    pub fn and(
        mut self,
        stream_id: StreamId,
        expected: Expected,
        events: impl IntoIterator<Item = NewEvent>,
    ) -> Self {
        self.events.extend(events.into_iter().map(|event| (stream_id.clone(), event)));
        if expected != Expected::Any {
            self.expectations.push((stream_id, expected));
        }
        self
    }

    /// Adds the condition that no event matching the query exists after the position.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }

    /// The streams this append writes to or checks, each once, in the order they are named.
    pub fn streams(&self) -> Vec<&StreamId> {
        let mut streams: Vec<&StreamId> = Vec::with_capacity(1);
        let written = self.events.iter().map(|(stream_id, _)| stream_id);
        for stream_id in written.chain(self.expectations.iter().map(|(stream_id, _)| stream_id)) {
            if !streams.contains(&stream_id) {
                streams.push(stream_id);
            }
        }
        streams
    }

    /// What a store answers when it already has these events, in the order of this append and `None` for
    /// each it does not know (rule 6). `Ok(None)` means that all are new.
    ///
    /// # Errors
    /// Invalid when some are known and some new, or when one is known with other content or another order.
    pub fn recognise(
        &self,
        known: &[Option<RecordedEvent>],
        checkpoint: impl FnOnce(Position) -> Checkpoint,
    ) -> Result<Option<Appended>> {
        if known.iter().all(Option::is_none) {
            return Ok(None);
        }
        let mut last = Position::START;
        for ((stream_id, event), known) in self.events.iter().zip(known) {
            let Some(recorded) = known else {
                return Err(Error::invalid(format!(
                    "event {} is new but others of this append were written before; append it on its own",
                    event.event_id
                )));
            };
            if !event.is_recorded_as(stream_id, recorded) || recorded.position <= last {
                return Err(Error::invalid(format!(
                    "event id {} is already in use for another event: {} in stream {:?} at version {}",
                    event.event_id,
                    recorded.event_type,
                    recorded.stream_id.as_str(),
                    recorded.stream_version
                )));
            }
            last = recorded.position;
        }
        let known = || known.iter().flatten();
        Ok(Some(Appended {
            streams: StreamVersions::tally(known().map(|event| (&event.stream_id, event.stream_version))),
            first_position: known().next().map(|event| event.position).unwrap_or_default(),
            last_position: last,
            checkpoint: checkpoint(last),
            duplicate: true,
        }))
    }

    /// Whether a store with these capabilities can take this append: everything that is wrong with it
    /// before the store is asked. A backend is given only appends that passed.
    pub fn check(&self, capabilities: &Capabilities) -> Result<()> {
        let limits = &capabilities.limits;
        if self.events.is_empty() {
            return Err(Error::invalid("an append without events"));
        }
        if self.events.len() > limits.events_max {
            return Err(Error::invalid(format!(
                "an append of {} events, this store takes at most {}",
                self.events.len(),
                limits.events_max
            )));
        }
        let bytes: usize = self.events.iter().map(|(_, event)| event.bytes()).sum();
        if bytes > limits.append_bytes_max {
            return Err(Error::invalid(format!(
                "an append of {bytes} bytes, this store takes at most {} ({} MiB)",
                limits.append_bytes_max,
                limits.append_bytes_max >> 20
            )));
        }
        let mut ids = std::collections::HashSet::with_capacity(self.events.len());
        for (stream_id, event) in &self.events {
            if event.tags.len() > limits.tags_max {
                return Err(Error::invalid(format!(
                    "event {} has {} tags, this store takes at most {}",
                    event.event_id,
                    event.tags.len(),
                    limits.tags_max
                )));
            }
            if event.schema_version == 0 || event.schema_version > i32::MAX.cast_unsigned() {
                return Err(Error::invalid(format!(
                    "event {} has schema version {}, expected 1 to {}",
                    event.event_id,
                    event.schema_version,
                    i32::MAX
                )));
            }
            if event.tracestate.is_some() && event.traceparent.is_none() {
                return Err(Error::invalid(format!(
                    "event {} has a tracestate without a traceparent",
                    event.event_id
                )));
            }
            let tags = event.tags.iter().map(|tag| tag.as_str().len()).max().unwrap_or(0);
            let names = stream_id.as_str().len().max(event.event_type.as_str().len()).max(tags);
            if names > limits.name_bytes_max {
                return Err(Error::invalid(format!(
                    "a name of {names} bytes, this store takes at most {}",
                    limits.name_bytes_max
                )));
            }
            if !ids.insert(event.event_id) {
                return Err(Error::invalid(format!(
                    "event id {} appears twice in one append",
                    event.event_id
                )));
            }
        }
        for (i, (stream_id, expected)) in self.expectations.iter().enumerate() {
            if let Some((_, other)) = self.expectations[..i]
                .iter()
                .find(|(earlier, other)| earlier == stream_id && other != expected)
            {
                return Err(Error::invalid(format!(
                    "stream {:?} is expected to be at {other} and at {expected}",
                    stream_id.as_str()
                )));
            }
        }
        if self.streams().len() > 1 && !capabilities.several_streams {
            return Err(Error::unsupported(Capability::SeveralStreams));
        }
        if self.condition.is_some() && !capabilities.query_conditions {
            return Err(Error::unsupported(Capability::QueryConditions));
        }
        Ok(())
    }
}

/// What came of an append: where its events are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The versions, one entry for each stream written to, in the order of their first events.
    pub streams: Vec<StreamVersions>,
    /// The position of the first event.
    pub first_position: Position,
    /// The position of the last event.
    pub last_position: Position,
    /// The token with which a reader waits until it has seen this append (rule 11).
    pub checkpoint: Checkpoint,
    /// The events had been written before by the same append (rule 6); nothing was written now.
    pub duplicate: bool,
}

impl Appended {
    /// The version of the stream written to, its last where there are several.
    pub fn version(&self) -> Version {
        self.streams.last().map(|stream| stream.last_version).unwrap_or_default()
    }
}

/// The consecutive versions that one append's events have in one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamVersions {
    /// The stream.
    pub stream_id: StreamId,
    /// The version of the first of them.
    pub first_version: Version,
    /// The version of the last of them.
    pub last_version: Version,
}

impl StreamVersions {
    /// Counts events, given in append order, into versions per stream.
    pub fn tally<'a>(events: impl IntoIterator<Item = (&'a StreamId, Version)>) -> Vec<Self> {
        let mut streams: Vec<Self> = Vec::with_capacity(1);
        for (stream_id, version) in events {
            match streams.iter_mut().rev().find(|stream| stream.stream_id == *stream_id) {
                Some(stream) => stream.last_version = version,
                None => streams.push(Self {
                    stream_id: stream_id.clone(),
                    first_version: version,
                    last_version: version,
                }),
            }
        }
        streams
    }
}
