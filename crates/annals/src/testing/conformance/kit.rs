//! What the rules are written with: expectations, small events, a seeded generator.

use std::fmt::Debug;

use tokio::task::JoinSet;

use super::{Failure, Outcome};
use crate::backend::Capability;
use crate::error::{Error, ErrorKind};
use crate::event::{EventId, EventType, NewEvent, RecordedEvent, Tag};
use crate::query::{Query, QueryItem, Scope};
use crate::store::EventStore;
use crate::stream::{Category, StreamId};

/// Ends the rule with a failure unless the expectation holds.
macro_rules! ensure {
    ($holds:expr, $what:expr, $expected:expr, $found:expr $(,)?) => {
        if !$holds {
            return Err($crate::testing::conformance::Failure {
                what: $what.to_string(),
                expected: $expected.to_string(),
                found: $found.to_string(),
            });
        }
    };
}

/// Ends the rule with a failure unless what was found equals what was expected.
macro_rules! ensure_eq {
    ($found:expr, $expected:expr, $($what:tt)+) => {{
        let (found, expected) = (&$found, &$expected);
        if found != expected {
            return Err($crate::testing::conformance::kit::unequal(format!($($what)+), expected, found));
        }
    }};
}

pub(super) use {ensure, ensure_eq};

/// The longest text of a value in a failure.
const SHOWN_MAX: usize = 600;

pub(super) fn unequal(what: String, expected: &dyn Debug, found: &dyn Debug) -> Failure {
    let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
    // Of long values, what lies around the first difference.
    let same = expected.chars().zip(found.chars()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| {
        let begin = if text.chars().count() > SHOWN_MAX { same.saturating_sub(SHOWN_MAX / 6) } else { 0 };
        let part: String = text.chars().skip(begin).take(SHOWN_MAX).collect();
        if begin > 0 { format!("…{part}") } else { part }
    };
    Failure { what, expected: around(&expected), found: around(&found) }
}

pub(super) fn shown(value: &dyn Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}

/// Expects an error of this kind and gives it back.
pub(super) fn refused<T: Debug>(
    result: Result<T, Error>,
    kind: ErrorKind,
    what: &str,
) -> Result<Error, Failure> {
    match result {
        Err(error) if error.kind() == kind => Ok(error),
        other => Err(Failure {
            what: what.to_owned(),
            expected: format!("an error of kind {kind}"),
            found: shown(&other),
        }),
    }
}

/// Expects the refusal that names this capability.
pub(super) fn lacks<T: Debug>(
    result: Result<T, Error>,
    capability: Capability,
    what: &str,
) -> Result<Outcome, Failure> {
    let error = refused(result, ErrorKind::Unsupported, what)?;
    ensure_eq!(error.capability(), Some(capability), "the capability named by the refusal of {what}");
    Ok(Outcome::Refused { capability })
}

/// Waits for all tasks; the first failure is the rule's.
pub(super) async fn join<T: 'static>(mut tasks: JoinSet<Result<T, Failure>>) -> Result<Vec<T>, Failure> {
    let mut results = Vec::new();
    while let Some(done) = tasks.join_next().await {
        results.push(done.map_err(|e| Failure {
            what: "a task of the rule".into(),
            expected: "an end".into(),
            found: e.to_string(),
        })??);
    }
    Ok(results)
}

pub(super) fn stream(id: impl AsRef<str>) -> Result<StreamId, Error> {
    StreamId::new(id)
}

pub(super) fn tag(text: impl AsRef<str>) -> Result<Tag, Error> {
    Tag::new(text)
}

/// An event whose payload is a number.
pub(super) fn event(number: u64) -> Result<NewEvent, Error> {
    NewEvent::json("number-noted", &number)
}

pub(super) fn events(numbers: impl IntoIterator<Item = u64>) -> Result<Vec<NewEvent>, Error> {
    numbers.into_iter().map(event).collect()
}

pub(super) fn number(event: &RecordedEvent) -> Result<u64, Error> {
    event.payload.decode()
}

pub(super) fn numbers(events: &[RecordedEvent]) -> Result<Vec<u64>, Error> {
    events.iter().map(number).collect()
}

pub(super) fn ids(events: &[RecordedEvent]) -> Vec<EventId> {
    events.iter().map(|event| event.event_id).collect()
}

/// The whole of a stream.
pub(super) async fn whole(store: &EventStore, id: &str) -> Result<Vec<RecordedEvent>, Error> {
    store.read_stream(id)?.collect().await
}

/// How many events a store holds.
pub(super) async fn count(store: &EventStore) -> Result<u64, Error> {
    Ok(store.stats().await?.events)
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, seeded, good enough to choose with.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(super) fn size(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap_or_default()
    }

    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.size(from.len())]
    }

    /// Another generator, for another task.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }
}

/// Streams that queries tell apart or are meant to confuse.
pub(super) const STREAMS: &[&str] = &[
    "order-1",
    "order-2",
    "order-10",
    "order/1",
    "order",
    "orders-1",
    "Order-1",
    "invoice-1",
    "-x",
    "a_b%c-1",
];

/// Event types likewise.
pub(super) const TYPES: &[&str] = &["order-placed", "order-paid", "order-placed ", "Order-Placed", "x"];

/// Tags likewise.
pub(super) const TAGS: &[&str] = &["a:1", "a:2", "a:1 ", "A:1", "b:1", "b:%", "c_1"];

/// An event of a random type with random tags.
pub(super) fn random_event(random: &mut Random) -> Result<NewEvent, Error> {
    let mut event = NewEvent::new(
        EventType::new(random.pick(TYPES))?,
        crate::payload::JsonText::of(&random.below(1_000_000))?,
    );
    for _ in 0..random.below(4) {
        event = event.tagged(tag(random.pick(TAGS))?);
    }
    Ok(event)
}

/// A query of one to four items of every kind.
pub(super) fn random_query(random: &mut Random) -> Result<Query, Error> {
    let mut query = Query::from(random_item(random)?);
    for _ in 0..random.below(4) {
        query = query.or(random_item(random)?);
    }
    if random.percent(10) {
        query = query.of_types([EventType::new(random.pick(TYPES))?]);
    }
    Ok(query)
}

fn random_item(random: &mut Random) -> Result<QueryItem, Error> {
    let types = (0..random.below(4)).map(|_| EventType::new(random.pick(TYPES))).collect::<Result<_, _>>()?;
    let tags = (0..random.below(3)).map(|_| tag(random.pick(TAGS))).collect::<Result<_, _>>()?;
    let scope = match random.below(6) {
        0 => Scope::Stream(stream(random.pick(STREAMS))?),
        1 => {
            let id = random.pick(STREAMS);
            Scope::Prefix(id[..random.size(id.len() + 1)].to_owned())
        }
        2 => Scope::Category(Category::new(*random.pick(&["order", "orders", "invoice", "a_b%c", "x"]))?),
        _ => Scope::All,
    };
    Ok(QueryItem { types, tags, scope })
}
