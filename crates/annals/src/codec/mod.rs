//! Events as types: what an application writes and reads, and how older shapes become today's.

mod variant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventType, NewEvent, RecordedEvent, Tag};
use crate::payload::{JsonText, Payload};
use crate::stream::StreamId;

/// The stored name and the current schema version of one kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventKind {
    /// The stored type name.
    pub event_type: &'static str,
    /// The schema version that is written.
    pub schema_version: u32,
    /// Names under which it was stored before.
    pub aliases: &'static [&'static str],
}

/// Business facts of one part of a domain: a small enum, or a struct where there is one fact. Usually
/// derived.
///
/// ```
/// use annals::Event;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event(stream = "account-{account}")]
/// enum AccountEvent {
///     /// Stored as `opened`, schema version 1.
///     Opened { #[event(tag)] account: String, owner: String },
///     /// Version 1 counted in whole units; it is read through the function.
///     #[event(schema_version = 2, upcast(1 = deposited_in_cents))]
///     Deposited { #[event(tag)] account: String, cents: u64 },
///     #[event(rename = "account-closed", alias = "closed")]
///     Closed { #[event(tag)] account: String },
/// }
///
/// #[derive(Deserialize)]
/// struct DepositedV1 { account: String, amount: u64 }
///
/// fn deposited_in_cents(old: DepositedV1) -> AccountEvent {
///     AccountEvent::Deposited { account: old.account, cents: old.amount * 100 }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    note = "add `#[derive(annals::Event, serde::Serialize, serde::Deserialize)]` to it"
)]
pub trait Event: Sized + Send + Sync + 'static {
    /// Every kind of event this type reads and writes.
    fn kinds() -> Vec<EventKind>;

    /// Stored names of events that mean nothing any more: they are known, and decode to none.
    fn retired() -> Vec<&'static str> {
        Vec::new()
    }

    /// The kind of this event.
    fn kind(&self) -> EventKind;

    /// The stream that the event itself says it belongs to, where it says so.
    ///
    /// # Errors
    /// Invalid when its fields make no stream id.
    fn stream_id(&self) -> Result<Option<StreamId>>;

    /// What the event is about.
    ///
    /// # Errors
    /// Invalid when its fields make no tag.
    fn tags(&self) -> Result<Vec<Tag>>;

    /// The payload.
    ///
    /// # Errors
    /// Invalid when it has no JSON form.
    fn encode(&self) -> Result<Payload>;

    /// Today's events for a stored one, through upcasts where it is of an older schema version.
    ///
    /// # Errors
    /// Corrupt when the payload is not of its type's shape, or its schema version is not known.
    fn decode(event: &RecordedEvent) -> Result<Decoded<Self>>;

    /// The event, ready to append.
    ///
    /// # Errors
    /// As [`encode`](Self::encode) and [`tags`](Self::tags).
    fn to_new_event(&self) -> Result<NewEvent> {
        let kind = self.kind();
        let mut event = NewEvent::new(EventType::new(kind.event_type)?, self.encode()?);
        event.schema_version = kind.schema_version;
        event.tags = self.tags()?.into_iter().collect();
        Ok(event)
    }
}

/// What a stored event is to a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded<E> {
    /// One event.
    One(E),
    /// What an upcast made of it: several events, or none.
    Many(Vec<E>),
    /// The type does not know this kind of event.
    Unknown,
}

impl<E> Decoded<E> {
    /// The same with each event turned into another type.
    pub fn map<T>(self, mut turn: impl FnMut(E) -> T) -> Decoded<T> {
        match self {
            Self::One(event) => Decoded::One(turn(event)),
            Self::Many(events) => Decoded::Many(events.into_iter().map(turn).collect()),
            Self::Unknown => Decoded::Unknown,
        }
    }
}

/// What a reader does with an event whose type it does not know. There is no default: each reader says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnknown {
    /// Passes over it.
    Skip,
    /// Stops with an error that names it.
    Fail,
}

impl OnUnknown {
    /// Decodes, and does with an unknown event what was said.
    ///
    /// # Errors
    /// As [`Event::decode`]; corrupt for an unknown event where that is to fail.
    pub fn decode<E: Event>(self, event: &RecordedEvent) -> Result<Decoded<E>> {
        match E::decode(event)? {
            Decoded::Unknown if self == Self::Fail => Err(Error::corrupt(format!(
                "event {} at version {} of stream {:?} is of type {:?}, which {} does not know",
                event.event_id,
                event.stream_version,
                event.stream_id.as_str(),
                event.event_type.as_str(),
                std::any::type_name::<E>(),
            ))),
            decoded => Ok(decoded),
        }
    }
}

/// What an upcast makes of an old event: one event, or several, or none. A step of a chain makes values of the
/// version it leads to in the same way.
pub trait IntoUpcast<E> {
    /// The events of today, or the values of the next version.
    fn into_upcast(self) -> Decoded<E>;
}

impl<E> IntoUpcast<E> for E {
    fn into_upcast(self) -> Decoded<E> {
        Decoded::One(self)
    }
}

impl<E> IntoUpcast<E> for Option<E> {
    fn into_upcast(self) -> Decoded<E> {
        self.map_or(Decoded::Many(Vec::new()), Decoded::One)
    }
}

impl<E> IntoUpcast<E> for Vec<E> {
    fn into_upcast(self) -> Decoded<E> {
        Decoded::Many(self)
    }
}

/// What the derive macro calls. Not for anybody else.
#[doc(hidden)]
pub mod derived {
    use super::*;

    pub use super::variant::{decode_variant, encode_variant};

    pub fn encode<E: Serialize>(event: &E) -> Result<Payload> {
        JsonText::of(event).map(Payload::Json)
    }

    pub fn decode<E: DeserializeOwned>(event: &RecordedEvent) -> Result<E> {
        event.payload.decode().map_err(|e| at(event, e))
    }

    pub fn upcast<E, T, R>(event: &RecordedEvent, upcast: impl FnOnce(T) -> R) -> Result<Decoded<E>>
    where
        T: DeserializeOwned,
        R: IntoUpcast<E>,
    {
        Ok(upcast(decode(event)?).into_upcast())
    }

    /// The next step of a chain, from values that are in memory: nothing is parsed again.
    pub fn then<T, R, E>(before: Decoded<T>, mut step: impl FnMut(T) -> R) -> Decoded<E>
    where
        R: IntoUpcast<E>,
    {
        match before {
            Decoded::One(value) => step(value).into_upcast(),
            Decoded::Many(values) => {
                let mut all = Vec::with_capacity(values.len());
                for value in values {
                    match step(value).into_upcast() {
                        Decoded::One(event) => all.push(event),
                        Decoded::Many(events) => all.extend(events),
                        Decoded::Unknown => {}
                    }
                }
                Decoded::Many(all)
            }
            Decoded::Unknown => Decoded::Unknown,
        }
    }

    pub fn unknown_version<E>(event: &RecordedEvent, known: u32) -> Result<E> {
        Err(Error::corrupt(format!(
            "event {} of type {:?} has schema version {}, this code writes {known} and has no upcast from it",
            event.event_id,
            event.event_type.as_str(),
            event.schema_version,
        )))
    }

    pub(crate) fn at(event: &RecordedEvent, error: Error) -> Error {
        let message = format!(
            "event {} of type {:?} at version {} of stream {:?} does not decode",
            event.event_id,
            event.event_type.as_str(),
            event.stream_version,
            event.stream_id.as_str(),
        );
        Error::with_source(ErrorKind::Corrupt, message, error)
    }
}
