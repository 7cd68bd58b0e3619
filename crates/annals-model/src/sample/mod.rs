//! What was seen of the events that a store holds: their types, the shapes of their payloads and metadata, how long
//! streams are. Values are looked at while they are taken in, and never kept.

mod lines;
mod look;
mod members;
mod seen;
mod streams;

use std::collections::{BTreeMap, BTreeSet};

pub use self::lines::read;
pub use self::seen::EventSeen;
pub use self::streams::{StreamTold, VersionsTold};

/// Events that were looked at, and what the store says of all.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// The file, or the place of the database without a password.
    pub name: String,
    /// How many events were looked at.
    pub read: u64,
    /// How many there are, where that is known.
    pub events: Option<u64>,
    /// By name.
    pub types: BTreeMap<String, TypeSample>,
    /// By name; the part of the stream ids that is alike.
    pub categories: BTreeMap<String, CategorySample>,
    pub(crate) seen: streams::Seen,
}

/// The events of one type that were looked at.
#[derive(Debug, Clone, Default)]
pub struct TypeSample {
    /// How many there are, where that is known.
    pub events: Option<u64>,
    /// How many were looked at.
    pub read: u64,
    /// By the schema version that the event says; `None` where it says none.
    pub versions: BTreeMap<Option<String>, Shapes>,
    /// What stands in the metadata, by path.
    pub metadata: BTreeMap<String, FieldSample>,
    /// What the stream ids look like.
    pub streams: FieldSample,
    /// What the tags look like.
    pub tags: FieldSample,
    /// The categories of the streams they are in, and how many are in each; the name is empty where the id has none.
    pub categories: BTreeMap<String, u64>,
}

/// The payloads of one type and version, by the set of their members.
#[derive(Debug, Clone, Default)]
pub struct Shapes {
    /// The members that payloads have, by path with `[]` for the elements of a list and `{}` for those of a map. A
    /// member that is null is not in it.
    pub shapes: BTreeMap<BTreeSet<String>, ShapeSample>,
    /// Each member that any of them has.
    pub fields: BTreeMap<String, FieldSample>,
}

/// The payloads that have the same members.
#[derive(Debug, Clone, Default)]
pub struct ShapeSample {
    /// How many.
    pub read: u64,
    /// From when to when, where times are known.
    pub period: Option<Period>,
}

/// From one time to another, each up to its second as `2026-11-27T02:36:08`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// The earliest.
    pub first: String,
    /// The latest.
    pub last: String,
}

/// What was seen of one member.
#[derive(Debug, Clone, Default)]
pub struct FieldSample {
    /// How often it was there.
    pub read: u64,
    /// What kinds of values, and how often.
    pub kinds: BTreeMap<ValueKind, u64>,
    /// What its texts look like, and how often.
    pub looks: BTreeMap<Look, u64>,
    /// How many values there are that are not alike, up to [`FieldSample::DISTINCT_MAX`].
    pub distinct: usize,
    pub(crate) seen: BTreeSet<u64>,
}

impl FieldSample {
    /// From here on values are not told apart any more.
    pub const DISTINCT_MAX: usize = 64;
}

/// The kind of a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number without a fraction.
    Integer,
    /// A number with a fraction.
    Fraction,
    /// A text.
    Text,
    /// A list.
    List,
    /// An object.
    Object,
}

/// What a text looks like. Only forms that can hardly be anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Look {
    /// A UUID.
    Uuid,
    /// A time of RFC 3339.
    Time,
    /// A mail address.
    Mail,
    /// A telephone number with its country code.
    Phone,
    /// An IP address.
    IpAddress,
    /// An IBAN whose check digits are right.
    Iban,
    /// A payment card whose check digit is right.
    Card,
    /// A secret: a private key, a JSON web token, a token of a known maker.
    Secret,
}

/// The streams of one category.
#[derive(Debug, Clone, Default)]
pub struct CategorySample {
    /// How many streams.
    pub streams: u64,
    /// How many events in all of them.
    pub events: u64,
    /// How many events the longest has.
    pub longest: u64,
    /// How many events nine in ten have at most.
    pub most: u64,
    /// How many have one event.
    pub of_one: u64,
    /// Streams in which a version is missing between two others, or is there twice, of those looked at.
    pub with_holes: u64,
    /// Of how many streams the versions were looked at, all of them from the first that is there.
    pub versions_read: u64,
}
