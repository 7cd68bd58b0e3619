//! What the events of a stream had said at a point: the last value of each member. Not the state of the domain, which
//! only its code knows.

use std::collections::BTreeMap;

use annals::{EventStore, EventType, RecordedEvent, StreamId, Timestamp, Version};
use serde::Serialize;

use crate::failure::Failure;

use super::point::Point;
use super::said::members;

/// What is shown beside a story.
#[derive(Debug)]
pub(super) enum Beside {
    At(State),
    Between(Difference),
}

/// What was said by a version.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) version: Version,
    pub(super) members: BTreeMap<String, Said>,
}

/// A value, and the event that said it last.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Said {
    #[serde(skip)]
    pub(super) value: String,
    #[serde(rename = "said_by")]
    pub(super) event_type: EventType,
    pub(super) version: Version,
    pub(super) occurred_at: Timestamp,
}

/// What changed from one version to another.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) from: Version,
    pub(super) to: Version,
    pub(super) changed: Vec<Changed>,
}

/// A member that has another value, or one at all.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) member: String,
    pub(super) was: Option<Said>,
    pub(super) is: Option<Said>,
}

pub(super) async fn at(store: &EventStore, stream: &StreamId, point: &Point) -> Result<State, Failure> {
    let [state] = fold(store, stream, [point]).await?;
    Ok(state)
}

pub(super) async fn between(
    store: &EventStore,
    stream: &StreamId,
    from: &Point,
    to: &Point,
) -> Result<Difference, Failure> {
    let [mut was, mut is] = fold(store, stream, [from, to]).await?;
    if was.version > is.version {
        return Err(Failure::usage(format!(
            "{from} is behind {to}: the stream is at version {} then, and at {} before",
            was.version.0, is.version.0
        ))
        .hint("give the earlier point first"));
    }
    let names: std::collections::BTreeSet<String> =
        was.members.keys().chain(is.members.keys()).cloned().collect();
    let changed = names.into_iter().filter_map(|member| {
        let (was, is) = (was.members.remove(&member), is.members.remove(&member));
        let is_same = match (&was, &is) {
            (Some(was), Some(is)) => was.value == is.value,
            _ => false,
        };
        (!is_same).then_some(Changed { member, was, is })
    });
    Ok(Difference { from: was.version, to: is.version, changed: changed.collect() })
}

/// The states at some points, by reading the stream once, page by page.
async fn fold<const N: usize>(
    store: &EventStore,
    stream: &StreamId,
    points: [&Point; N],
) -> Result<[State; N], Failure> {
    let end = store.stream_version(stream).await?;
    for point in points {
        if let Point::Version(version) = point
            && *version > end
        {
            return Err(Failure::check(format!(
                "stream {:?} is at version {}, and has no version {}",
                stream.as_str(),
                end.0,
                version.0
            ))
            .hint(format!("give a version from 0 to {}, or a time", end.0)));
        }
    }
    let mut states = [const { None }; N];
    let mut state = State::default();
    let mut events = store.read_stream(stream)?.to(end).events();
    loop {
        let next = events.next().await?;
        for (point, found) in points.iter().zip(states.iter_mut()) {
            if found.is_none() && next.as_ref().is_none_or(|event| is_after(event, point)) {
                *found = Some(state.clone());
            }
        }
        let Some(event) = next.filter(|_| states.iter().any(Option::is_none)) else { break };
        state.take(&event);
    }
    Ok(states.map(Option::unwrap_or_default))
}

fn is_after(event: &RecordedEvent, point: &Point) -> bool {
    match point {
        Point::Version(version) => event.stream_version > *version,
        // Times of recording never decrease within a stream; those that applications give may.
        Point::Time(time) => event.recorded_at > *time,
    }
}

impl State {
    fn take(&mut self, event: &RecordedEvent) {
        self.version = event.stream_version;
        for (member, value) in members(&event.payload) {
            self.forget_other_form(&member);
            let said = Said {
                value,
                event_type: event.event_type.clone(),
                version: event.stream_version,
                occurred_at: event.occurred_at,
            };
            self.members.insert(member, said);
        }
    }

    /// A member that was an object and is a value, or the other way round, is not both.
    fn forget_other_form(&mut self, member: &str) {
        let inside = format!("{member}.");
        self.members.retain(|known, _| !known.starts_with(&inside));
        for (at, _) in member.match_indices('.') {
            if let Some(outer) = member.get(..at) {
                self.members.remove(outer);
            }
        }
    }
}
