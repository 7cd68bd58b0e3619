//! Given these events, when this is asked, then those events, or a refusal. No store, no runtime.
//!
//! ```
//! # use annals::{Decider, Event, State}; use serde::{Deserialize, Serialize};
//! # #[derive(Event, Serialize, Deserialize, Debug, PartialEq)] enum Lamp { SwitchedOn, SwitchedOff }
//! # #[derive(Default)] struct Light { on: bool }
//! # impl State for Light { type Event = Lamp; fn evolve(&mut self, e: &Lamp) { self.on = *e == Lamp::SwitchedOn } }
//! # #[derive(Debug, PartialEq)] struct AlreadyOn; struct SwitchOn;
//! # impl Decider for Light { type Command = SwitchOn; type Refusal = AlreadyOn;
//! #   fn decide(&self, _: &SwitchOn) -> Result<Vec<Lamp>, AlreadyOn> {
//! #     if self.on { Err(AlreadyOn) } else { Ok(vec![Lamp::SwitchedOn]) } } }
//! use annals::testing::spec::given;
//!
//! given::<Light>([]).when(SwitchOn).then([Lamp::SwitchedOn]);
//! given::<Light>([Lamp::SwitchedOn]).when(SwitchOn).rejected(AlreadyOn);
//! ```
//!
//! Every event goes through its stored form and back, so a type that does not read what it writes is found
//! here too.

use std::fmt::Debug;

use crate::codec::{Decoded, Event, OnUnknown};
use crate::decide::{Boundaries, Decider, State, fold};
use crate::error::{Error, Result};
use crate::event::{RecordedEvent, Source};
use crate::query::Position;
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

/// What has happened: the events a state is folded from.
///
/// # Panics
/// When an event does not come back from its stored form.
#[track_caller]
pub fn given<S: State>(events: impl IntoIterator<Item = S::Event>) -> Given<S> {
    Given { states: fold(&record(events)).unwrap_or_else(|e| fail("the given events do not fold", &e)) }
}

/// What has happened, for a decision over several states: each event is folded into the states whose stream
/// or query it belongs to. The events' type has to say their stream.
///
/// # Panics
/// When an event does not come back from its stored form.
#[track_caller]
pub fn given_for<B: Boundaries, E: Event>(
    boundaries: B,
    events: impl IntoIterator<Item = E>,
) -> Given<B::States> {
    let states = boundaries.fold(&record(events));
    Given { states: states.unwrap_or_else(|e| fail("the given events do not fold", &e)) }
}

/// The state that a command meets.
#[derive(Debug)]
pub struct Given<S> {
    states: S,
}

impl<S> Given<S> {
    /// A command for an aggregate.
    pub fn when(self, command: S::Command) -> When<S::Event, S::Refusal>
    where
        S: Decider,
    {
        When { outcome: self.states.decide(&command) }
    }

    /// A decision that is a function.
    pub fn when_deciding<I, R>(self, decide: impl FnOnce(&S) -> Result<I, R>) -> When<I::Item, R>
    where
        I: IntoIterator,
        I::Item: Event,
    {
        When { outcome: decide(&self.states).map(|events| events.into_iter().collect()) }
    }
}

/// What was decided.
#[derive(Debug)]
pub struct When<E, R> {
    outcome: Result<Vec<E>, R>,
}

impl<E: Event + Debug, R: Debug> When<E, R> {
    /// It led to exactly these events, in this order.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = E>)
    where
        E: PartialEq,
    {
        let expected: Vec<E> = expected.into_iter().collect();
        match self.outcome {
            Ok(events) => {
                assert_eq!(events, expected, "other events than expected (left: decided, right: expected)");
                for (event, stored) in events.iter().zip(record_all(&events)) {
                    assert_eq!(*event, read_back(&stored), "an event that does not read what it writes");
                }
            }
            Err(refusal) => panic!("expected {expected:?}, but it was refused: {refusal:?}"),
        }
    }

    /// It led to no event.
    ///
    /// # Panics
    /// When it led to one, or was refused.
    #[track_caller]
    pub fn then_nothing(self) {
        match self.outcome {
            Ok(events) => assert!(events.is_empty(), "expected no event, got {events:?}"),
            Err(refusal) => panic!("expected no event, but it was refused: {refusal:?}"),
        }
    }

    /// It was refused for this reason.
    ///
    /// # Panics
    /// When it was not.
    #[track_caller]
    pub fn rejected(self, expected: R)
    where
        R: PartialEq,
    {
        match self.outcome {
            Err(refusal) => assert_eq!(refusal, expected, "refused for another reason than expected"),
            Ok(events) => panic!("expected it to be refused as {expected:?}, but it led to {events:?}"),
        }
    }
}

#[track_caller]
fn record<E: Event>(events: impl IntoIterator<Item = E>) -> Vec<RecordedEvent> {
    record_all(&events.into_iter().collect::<Vec<E>>())
}

#[track_caller]
fn record_all<E: Event>(events: &[E]) -> Vec<RecordedEvent> {
    let recorded = |(place, event): (u64, &E)| -> Result<RecordedEvent> {
        let stream_id = event.stream_id()?.map_or_else(|| StreamId::new("given"), Ok)?;
        let source = Source::new("urn:annals:spec")?;
        let event = event.to_new_event()?;
        Ok(RecordedEvent::record(
            event,
            stream_id,
            Version(place),
            Position(place),
            Timestamp::now(),
            &source,
        ))
    };
    let recorded: Result<Vec<_>> = (1..).zip(events).map(recorded).collect();
    recorded.unwrap_or_else(|e| fail("an event has no stored form", &e))
}

#[track_caller]
fn read_back<E: Event>(event: &RecordedEvent) -> E {
    match OnUnknown::Fail.decode(event) {
        Ok(Decoded::One(event)) => event,
        Ok(_) => panic!("the stored form of {} reads as something else than one event", event.event_type),
        Err(e) => fail("an event does not read what it writes", &e),
    }
}

#[track_caller]
fn fail(what: &str, error: &Error) -> ! {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    panic!("{what}: {error}{cause}")
}
