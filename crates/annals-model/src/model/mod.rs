//! The model of one bounded context: what its files say, with the place of each word.

mod change;
mod entries;
pub mod new;
pub(crate) mod node;
mod read;
mod refer;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod schema;
mod sets;
#[cfg(test)]
mod tests;
mod write;
mod yaml;

use std::collections::BTreeMap;

use crate::text::{At, Span};

pub use self::change::{
    Break, Broken, FieldChange, Reading, breaks, field_breaks, field_changes, missing_steps, reading,
    upcast_for, version, work,
};
pub use self::read::{Mistake, read};
pub use self::sets::{Amount, Set, Sets, takes};
pub use self::write::write;

/// The JSON Schema of a model file, by which editors complete, explain and check it while it is written.
pub const SCHEMA: &str = include_str!("../../model.schema.json");

/// One bounded context.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// What it is called.
    pub context: Option<At<String>>,
    /// Who answers for it.
    pub owner: Option<At<String>>,
    /// What every event carries.
    pub envelope: Envelope,
    /// Classes of personal data, each with what happens on an erasure request.
    pub privacy: Vec<Named<PrivacyClass>>,
    /// Types that fields may have, each a list of fields.
    pub types: Vec<Named<Fields>>,
    /// Streams, each with the invariant that draws its boundary.
    pub streams: Vec<Named<Stream>>,
    /// Events.
    pub events: Vec<Named<Event>>,
    /// Commands.
    pub commands: Vec<Named<Command>>,
    /// Read models.
    pub projections: Vec<Named<Projection>>,
    /// Processes that react to events with commands.
    pub processes: Vec<Named<Process>>,
    /// Examples, each to be run as a test.
    pub examples: Vec<Example>,
}

/// Something with a name.
#[derive(Debug, Clone)]
pub struct Named<T> {
    /// The name, and where it stands.
    pub name: At<String>,
    /// What it names.
    pub it: T,
}

/// Fields, in order.
pub type Fields = Vec<Named<Field>>;

/// What every event carries beyond what it always does.
#[derive(Debug, Clone, Default)]
pub struct Envelope {
    /// How events are identified; `uuid7` unless said otherwise.
    pub id: Option<At<String>>,
    /// What must be there: `correlation_id`, `causation_id`, `actor`.
    pub require: Vec<At<String>>,
}

/// A class of personal data.
#[derive(Debug, Clone)]
pub struct PrivacyClass {
    /// What happens when a person asks to be erased; `None` where the file does not say.
    pub erase: Option<At<Erase>>,
    /// The field that says whose data it is, by which keys are made.
    pub key: Option<At<String>>,
    /// Within what time: `30d`.
    pub within: Option<At<String>>,
    /// Why it is kept.
    pub because: Option<At<String>>,
}

/// What happens to a value when a person asks to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erase {
    /// It is encrypted with a key of that person, which is thrown away.
    Shred,
    /// It stands elsewhere; the event has a reference.
    Outside,
    /// It stays; `because` says why it may.
    Keep,
}

/// A stream: events of one thing, in order.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    /// How its id is made: `order-{order_id}`.
    pub key: Option<At<String>>,
    /// The invariant that draws its boundary.
    pub why: Option<At<String>>,
    /// `expected-version` or `any`.
    pub concurrency: Option<At<Concurrency>>,
    /// Why the default is left.
    pub because: Option<At<String>>,
    /// How many events one has.
    pub length: Option<Length>,
    /// Events after which there are no more.
    pub closes: Vec<At<String>>,
    /// How long it is kept.
    pub retain: Option<Retain>,
    /// Snapshots of its state.
    pub snapshot: Option<SnapshotRule>,
}

/// What an append to a stream is guarded by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrency {
    /// The version that was read.
    ExpectedVersion,
    /// Nothing.
    Any,
}

/// How many events a stream has.
#[derive(Debug, Clone, Default)]
pub struct Length {
    /// In the usual case.
    pub usual: Option<At<u64>>,
    /// At the most; `None` in it is `unbounded`.
    pub most: Option<At<Option<u64>>>,
    /// Where it stands.
    pub span: Option<Span>,
}

/// How long something is kept.
#[derive(Debug, Clone)]
pub struct Retain {
    /// `10y`, `30d`, `forever`.
    pub lasting: Option<At<String>>,
    /// `archive` or `delete`.
    pub then: Option<At<String>>,
    /// Why.
    pub because: Option<At<String>>,
    /// Where it stands.
    pub span: Span,
}

/// When snapshots of a stream's state are kept.
#[derive(Debug, Clone)]
pub struct SnapshotRule {
    /// After so many events.
    pub every: Option<At<u64>>,
    /// `StockLevel@2`: the state, and the version of its code.
    pub state: Option<At<String>>,
    /// What was measured.
    pub because: Option<At<String>>,
    /// Where it stands.
    pub span: Span,
}

/// An event.
#[derive(Debug, Clone, Default)]
pub struct Event {
    /// The stream it belongs to.
    pub stream: Option<At<String>>,
    /// The version of its fields; 1 unless said otherwise.
    pub version: Option<At<u32>>,
    /// The fields that are tags, by which decisions across streams find it.
    pub tags: Vec<At<String>>,
    /// Whether other contexts may read it.
    pub is_public: bool,
    /// What it says.
    pub fields: Fields,
    /// How each older version is read.
    pub upcasts: Vec<Upcast>,
    /// A JSON Schema in a file, in the place of fields.
    pub schema: Option<At<String>>,
}

/// How events of an older version are read as those of the next.
#[derive(Debug, Clone)]
pub struct Upcast {
    /// The version it reads.
    pub from: At<u32>,
    /// Fields that are added, with their values as they stand.
    pub add: Vec<Named<At<String>>>,
    /// Fields that get another name, old and new.
    pub rename: Vec<Named<At<String>>>,
    /// Fields that go.
    pub remove: Vec<At<String>>,
    /// A function that does the rest.
    pub with: Option<At<String>>,
}

/// A field of an event, a command or a read model.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its type.
    pub kind: At<FieldType>,
    /// Whether it may be missing.
    pub is_optional: bool,
    /// The class of personal data that it belongs to.
    pub privacy: Option<At<String>>,
    /// Where it comes from when no command brings it.
    pub computed: Option<At<String>>,
    /// What it is, in words.
    pub note: Option<At<String>>,
}

/// A type.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldType {
    /// `uuid`, `text`, `int`, `decimal`, `float`, `bool`, `time`, `date`, `bytes`, `json`, or one of the model's own.
    Name(String),
    /// A list of them.
    List(Box<FieldType>),
    /// Fields of its own.
    Fields(Vec<(String, FieldType)>),
    /// One of these texts.
    OneOf(Vec<String>),
}

/// A command.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// The stream it decides about.
    pub stream: Option<At<String>>,
    /// What it expects of the stream: `new-stream`, `existing-stream`.
    pub expects: Option<At<String>>,
    /// What else it decides on.
    pub boundary: Option<Boundary>,
    /// Rules that it keeps, by name.
    pub rules: Vec<Named<At<String>>>,
    /// What makes a repetition of it the same command: `command_id`, or a field.
    pub once_per: Option<At<String>>,
    /// The events it may write.
    pub emits: Vec<At<String>>,
    /// Why it may be refused.
    pub rejects: Vec<At<String>>,
    /// What it says.
    pub fields: Fields,
    /// Read models that it decides on.
    pub reads: Vec<At<String>>,
    /// Why a rule of review is left, if one is.
    pub because: Option<At<String>>,
}

/// The events of other streams that a decision rests on.
#[derive(Debug, Clone)]
pub struct Boundary {
    /// Of which types.
    pub events: Vec<At<String>>,
    /// With which tags.
    pub tags: Vec<At<String>>,
    /// Where it stands.
    pub span: Span,
}

/// A read model.
#[derive(Debug, Clone, Default)]
pub struct Projection {
    /// The events it is made from.
    pub from: Vec<At<String>>,
    /// What tells its rows apart.
    pub key: Option<At<String>>,
    /// What a row holds.
    pub fields: Fields,
    /// What its events write into the fields, where names alone do not tell.
    pub sets: Sets,
    /// The events that take a row away.
    pub removes: Vec<At<String>>,
    /// What happens when an event comes twice: `skip-by-position`, `idempotent`.
    pub duplicates: Option<At<String>>,
    /// How it is built anew: `side-by-side`, `in-place`.
    pub rebuild: Option<At<String>>,
    /// How far it may be behind: `2s`.
    pub lag: Option<At<String>>,
    /// What happens on an erasure request, where it holds personal data.
    pub erase: Option<At<String>>,
    /// What it does beyond its rows: mails, calls.
    pub effects: Vec<At<String>>,
}

/// A process that reacts to events with commands.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// The field by which its instances are told apart.
    pub by: Option<At<String>>,
    /// The events that begin one.
    pub starts: Vec<At<String>>,
    /// By event, the commands.
    pub reacts: Vec<Named<Vec<At<String>>>>,
    /// What it does after some time.
    pub after: Option<After>,
    /// The events that end one.
    pub ends: Vec<At<String>>,
    /// What happens when an event comes twice: `skip-by-position`, `idempotent`, `once-per-event`.
    pub duplicates: Option<At<String>>,
    /// What happens when it fails: `retry`, `park`.
    pub failure: Option<At<String>>,
}

/// What a process does after some time.
#[derive(Debug, Clone)]
pub struct After {
    /// `24h`.
    pub wait: Option<At<String>>,
    /// The commands.
    pub does: Vec<At<String>>,
    /// Where it stands.
    pub span: Span,
}

/// Given these events, when this command, then these events or this rejection.
#[derive(Debug, Clone)]
pub struct Example {
    /// What has happened, each an event and its fields.
    pub given: Vec<At<Saying>>,
    /// What is asked.
    pub when: Option<At<Saying>>,
    /// What then happens.
    pub then: Option<At<Then>>,
    /// Where it stands.
    pub span: Span,
}

/// An event or a command with values for its fields, as JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Saying {
    /// Which.
    pub name: String,
    /// Its fields.
    pub fields: BTreeMap<String, serde_json::Value>,
}

/// What an example ends with.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// These events.
    Events(Vec<Saying>),
    /// This rejection.
    Rejects(String),
}

impl Model {
    /// An event by its name.
    pub fn event(&self, name: &str) -> Option<&Named<Event>> {
        self.events.iter().find(|event| event.name.value == name)
    }

    /// A stream by its name.
    pub fn stream(&self, name: &str) -> Option<&Named<Stream>> {
        self.streams.iter().find(|stream| stream.name.value == name)
    }

    /// The events of a stream.
    pub fn events_of<'m>(&'m self, stream: &'m str) -> impl Iterator<Item = &'m Named<Event>> {
        let is_of =
            move |event: &&Named<Event>| event.it.stream.as_ref().is_some_and(|of| of.value == stream);
        self.events.iter().filter(is_of)
    }
}
