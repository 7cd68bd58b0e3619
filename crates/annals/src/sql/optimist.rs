//! A batch in which everything goes well: no event of it is there yet and every expectation holds. Most
//! batches are, and a database that can check this by itself writes them in one round trip. Any other batch
//! is decided request by request ([`Found`](super::Found)).

use std::collections::{HashMap, HashSet};

use crate::append::{Append, Appended, StreamVersions};
use crate::backend::StoreId;
use crate::event::NewEvent;
use crate::query::Position;
use crate::stream::{Expected, StreamId, Version};
use crate::subscribe::Checkpoint;

/// What has to hold for the whole batch, and what is then written.
#[derive(Debug)]
pub(crate) struct Optimist<'b> {
    /// Each stream once, with the lowest and the highest version it may have before the batch.
    pub(crate) streams: Vec<(&'b StreamId, u64, u64)>,
    /// The events in the order of their positions.
    pub(crate) events: Vec<Placed<'b>>,
}

/// An event, placed relative to where its stream is before the batch.
#[derive(Debug)]
pub(crate) struct Placed<'b> {
    /// The index of its stream.
    pub(crate) stream: usize,
    /// How far behind the stream's version, from 1.
    pub(crate) offset: u64,
    pub(crate) event: &'b NewEvent,
}

/// A stream on the way through the batch.
struct Course {
    index: usize,
    written: u64,
}

impl<'b> Optimist<'b> {
    /// `None` where the batch has to be decided request by request: it has conditions, writes an event
    /// twice, or some of its expectations exclude others.
    pub(crate) fn of(batch: &'b [Append]) -> Option<Self> {
        let mut streams: Vec<(&StreamId, u64, u64)> = Vec::new();
        let mut courses: HashMap<&StreamId, Course> = HashMap::new();
        let (mut events, mut ids) = (Vec::new(), HashSet::new());
        for append in batch {
            if append.condition.is_some() {
                return None;
            }
            for (stream_id, expected) in &append.expectations {
                let course = course(&mut courses, &mut streams, stream_id);
                let (lowest, highest) = before(*expected, course.written)?;
                let (_, low, high) = &mut streams[course.index];
                (*low, *high) = (lowest.max(*low), highest.min(*high));
                if *low > *high {
                    return None;
                }
            }
            for (stream_id, event) in &append.events {
                if !ids.insert(event.event_id) {
                    return None;
                }
                let course = course(&mut courses, &mut streams, stream_id);
                course.written += 1;
                events.push(Placed { stream: course.index, offset: course.written, event });
            }
        }
        Some(Self { streams, events })
    }

    /// What every request is answered with, once the database has found the streams at these versions,
    /// the log at this position, and has written the batch.
    pub(crate) fn answers(
        &self,
        store_id: StoreId,
        before: Position,
        versions: &[u64],
        batch: &[Append],
    ) -> Vec<Appended> {
        let mut position = before;
        let mut placed = self.events.iter();
        batch
            .iter()
            .map(|append| {
                let first_position = position.next();
                let places = append.events.iter().zip(&mut placed).map(|((stream_id, _), placed)| {
                    position = position.next();
                    let before = versions.get(placed.stream).copied().unwrap_or_default();
                    (stream_id, Version(before + placed.offset))
                });
                let streams = StreamVersions::tally(places);
                Appended {
                    streams,
                    first_position,
                    last_position: position,
                    checkpoint: Checkpoint::at(store_id, position),
                    duplicate: false,
                }
            })
            .collect()
    }
}

fn course<'c, 'b>(
    courses: &'c mut HashMap<&'b StreamId, Course>,
    streams: &mut Vec<(&'b StreamId, u64, u64)>,
    stream_id: &'b StreamId,
) -> &'c mut Course {
    courses.entry(stream_id).or_insert_with(|| {
        streams.push((stream_id, 0, u64::MAX >> 1));
        Course { index: streams.len() - 1, written: 0 }
    })
}

/// Between which versions a stream has to be before the batch, for an expectation that comes after so many
/// events of the batch.
fn before(expected: Expected, written: u64) -> Option<(u64, u64)> {
    match expected {
        Expected::Any => Some((0, u64::MAX >> 1)),
        Expected::NoStream => (written == 0).then_some((0, 0)),
        Expected::StreamExists => Some((u64::from(written == 0), u64::MAX >> 1)),
        Expected::Version(Version(version)) => version.checked_sub(written).map(|before| (before, before)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventId;

    fn append(stream: &str, expected: Expected, events: usize) -> Append {
        let event = || NewEvent::json("noted", &1).unwrap();
        Append::to(stream.parse().unwrap(), expected, (0..events).map(|_| event()))
    }

    #[test]
    fn expectations_meet_what_earlier_requests_write() {
        let batch = [
            append("a", Expected::Version(Version(3)), 2),
            append("b", Expected::NoStream, 1),
            append("a", Expected::Version(Version(5)), 1),
            append("b", Expected::StreamExists, 1),
        ];
        let optimist = Optimist::of(&batch).unwrap();
        let streams: Vec<_> =
            optimist.streams.iter().map(|(id, low, high)| (id.as_str(), *low, *high)).collect();
        assert_eq!(streams, [("a", 3, 3), ("b", 0, 0)]);
        let store = StoreId(uuid::Uuid::nil());
        let answers = optimist.answers(store, Position(10), &[3, 0], &batch);
        let versions: Vec<_> = answers
            .iter()
            .map(|a| (a.streams[0].first_version.0, a.streams[0].last_version.0, a.last_position.0))
            .collect();
        assert_eq!(versions, [(4, 5, 12), (1, 1, 13), (6, 6, 14), (2, 2, 15)]);
    }

    #[test]
    fn what_cannot_all_go_well_is_no_such_batch() {
        let stale =
            [append("a", Expected::Version(Version(3)), 1), append("a", Expected::Version(Version(3)), 1)];
        assert!(Optimist::of(&stale).is_none());
        assert!(Optimist::of(&[append("a", Expected::Any, 1), append("a", Expected::NoStream, 1)]).is_none());
        assert!(
            Optimist::of(&[append("a", Expected::Any, 3), append("a", Expected::Version(Version(2)), 1)])
                .is_none()
        );
        let mut twice = [append("a", Expected::Any, 1), append("b", Expected::Any, 1)];
        assert!(Optimist::of(&twice).is_some());
        for append in &mut twice {
            append.events[0].1.event_id = EventId::from(uuid::Uuid::nil());
        }
        assert!(Optimist::of(&twice).is_none());
    }
}
