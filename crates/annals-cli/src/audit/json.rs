//! A story as one JSON object.

use annals::{
    CausationId, CorrelationId, EventId, EventType, JsonText, Metadata, Payload, Position, StreamId, Tag,
    Tags, Timestamp, Version,
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::output::Lines;

use super::said::members;
use super::state::{Beside, Changed, Said};
use super::story::{More, Of, Scanned, Story, Told};

#[derive(Serialize)]
struct Answer<'s> {
    annals_audit: u8,
    of: JsonOf<'s>,
    events: Vec<JsonEvent<'s>>,
    /// How many are not told: a number, at least so many where `more_at_least` is set.
    more: u64,
    more_at_least: bool,
    read: Option<JsonScanned>,
    at: Option<JsonState<'s>>,
    between: Option<JsonDifference<'s>>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum JsonOf<'s> {
    StreamId(&'s StreamId),
    CorrelationId(&'s CorrelationId),
    Tag(&'s Tag),
}

#[derive(Serialize)]
struct JsonScanned {
    from: Position,
    through: Position,
    events: u64,
    stopped: bool,
    more_caused: bool,
}

#[derive(Serialize)]
struct JsonEvent<'s> {
    stream_id: &'s StreamId,
    stream_version: Version,
    position: Position,
    event_id: EventId,
    event_type: &'s EventType,
    schema_version: u32,
    occurred_at: Timestamp,
    recorded_at: Timestamp,
    actor: Option<String>,
    command: Option<String>,
    reason: Option<String>,
    correlation_id: Option<&'s CorrelationId>,
    causation_id: Option<&'s CausationId>,
    caused_by: Option<JsonCause<'s>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'s Tags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'s JsonText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'s Metadata>,
    members: Vec<String>,
    caused: Vec<JsonEvent<'s>>,
}

#[derive(Serialize)]
struct JsonCause<'s> {
    stream_id: &'s str,
    stream_version: u64,
    event_type: &'s str,
}

#[derive(Serialize)]
struct JsonState<'s> {
    version: Version,
    last_said: Vec<JsonSaid<'s>>,
}

#[derive(Serialize)]
struct JsonSaid<'s> {
    member: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'s RawValue>,
    #[serde(flatten)]
    said: &'s Said,
}

#[derive(Serialize)]
struct JsonDifference<'s> {
    from: Version,
    to: Version,
    changed: Vec<JsonChanged<'s>>,
}

#[derive(Serialize)]
struct JsonChanged<'s> {
    member: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<&'s RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is: Option<&'s RawValue>,
    by: Option<&'s Said>,
}

pub(super) fn print(story: &Story, beside: &[Beside], values: bool, out: &mut Lines) -> Result<(), Failure> {
    let (more, more_at_least) = match story.more {
        More::Nothing => (0, false),
        More::Exactly(more) => (more, false),
        More::AtLeast(more) => (more, true),
    };
    let mut answer = Answer {
        annals_audit: 1,
        of: match &story.of {
            Of::Stream(stream) => JsonOf::StreamId(stream),
            Of::Correlation(id) => JsonOf::CorrelationId(id),
            Of::Tag(tag) => JsonOf::Tag(tag),
        },
        events: story.told.iter().map(|told| event(told, values)).collect(),
        more,
        more_at_least,
        read: story.scanned.map(|Scanned { from, through, events, stopped, cut }| JsonScanned {
            from,
            through,
            events,
            stopped,
            more_caused: cut,
        }),
        at: None,
        between: None,
    };
    for beside in beside {
        match beside {
            Beside::At(state) => {
                let said = state.members.iter().map(|(member, said)| JsonSaid {
                    member,
                    value: raw(said).filter(|_| values),
                    said,
                });
                answer.at = Some(JsonState { version: state.version, last_said: said.collect() });
            }
            Beside::Between(difference) => {
                let changed = difference.changed.iter().map(|Changed { member, was, is }| JsonChanged {
                    member,
                    was: was.as_ref().and_then(raw).filter(|_| values),
                    is: is.as_ref().and_then(raw).filter(|_| values),
                    by: is.as_ref(),
                });
                let (from, to) = (difference.from, difference.to);
                answer.between = Some(JsonDifference { from, to, changed: changed.collect() });
            }
        }
    }
    out.object(&answer)
}

fn event(told: &Told, values: bool) -> JsonEvent<'_> {
    let event = &told.event;
    JsonEvent {
        stream_id: &event.stream_id,
        stream_version: event.stream_version,
        position: event.position,
        event_id: event.event_id,
        event_type: &event.event_type,
        schema_version: event.schema_version,
        occurred_at: event.occurred_at,
        recorded_at: event.recorded_at,
        actor: told.actor(),
        command: told.command(),
        reason: told.reason(),
        correlation_id: event.correlation_id.as_ref(),
        causation_id: event.causation_id.as_ref(),
        caused_by: told.cause.as_ref().map(|cause| JsonCause {
            stream_id: &cause.stream,
            stream_version: cause.version,
            event_type: &cause.event_type,
        }),
        // A tag has a value in it.
        tags: values.then_some(&event.tags),
        payload: event.payload.json().filter(|_| values),
        payload_base64: match &event.payload {
            Payload::Bytes(bytes) if values => Some(BASE64_STANDARD.encode(bytes)),
            _ => None,
        },
        metadata: values.then_some(&event.metadata),
        members: members(&event.payload).into_iter().map(|(member, _)| member).collect(),
        caused: told.caused.iter().map(|told| self::event(told, values)).collect(),
    }
}

/// A value as it is stored.
fn raw(said: &Said) -> Option<&RawValue> {
    serde_json::from_str(&said.value).ok()
}
