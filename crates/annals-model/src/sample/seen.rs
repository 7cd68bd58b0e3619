//! Takes in events one by one. Of values only what they look like and a hash stays, and everything has a bound.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::members::{look_into, moment};
use super::{Sample, TypeSample};

/// An event that is looked at. Everything but its type may be unknown.
#[derive(Debug, Clone, Copy, Default)]
pub struct EventSeen<'a> {
    /// Its own id, or its position: an event that is seen twice is counted once.
    pub id: Option<&'a str>,
    /// The stream it is in.
    pub stream_id: Option<&'a str>,
    /// Its place in the stream.
    pub stream_version: Option<u64>,
    /// Whether all events of its stream are looked at, from the first that is there to the last: a version that is
    /// not among them is then a hole.
    pub stream_is_whole: bool,
    /// Its type, as the store has it.
    pub event_type: &'a str,
    /// The version of its fields, as it says itself.
    pub schema_version: Option<&'a str>,
    /// Its payload, where that is JSON.
    pub payload: Option<&'a str>,
    /// Its metadata, where that is JSON.
    pub metadata: Option<&'a str>,
    /// Its tags.
    pub tags: &'a [&'a str],
    /// When it was recorded, or when it happened, as text that sorts by time.
    pub time: Option<&'a str>,
}

/// From here on further types, and further versions of one type, are not told apart.
const TYPES_MAX: usize = 4096;
const VERSIONS_MAX: usize = 64;

impl Sample {
    /// Looks at an event. After the last, [`Sample::settle`].
    pub fn add(&mut self, event: &EventSeen<'_>) {
        if let Some(id) = event.id
            && !self.seen.ids.insert(hash(id))
        {
            return;
        }
        self.read += 1;
        let category = event.stream_id.map(|id| self.seen.stream(id, event));
        if self.types.len() >= TYPES_MAX && !self.types.contains_key(event.event_type) {
            return;
        }
        let seen = self.types.entry(event.event_type.to_owned()).or_default();
        seen.add(event);
        if let Some(category) = category {
            *seen.categories.entry(category).or_default() += 1;
        }
    }
}

impl TypeSample {
    fn add(&mut self, event: &EventSeen<'_>) {
        self.read += 1;
        let version = event.schema_version.map(|version| version.chars().take(32).collect());
        if self.versions.len() < VERSIONS_MAX || self.versions.contains_key(&version) {
            let shapes = self.versions.entry(version).or_default();
            if let Some(payload) = event.payload.and_then(object) {
                shapes.add(&payload, event.time.and_then(moment));
            }
        }
        if let Some(metadata) = event.metadata.and_then(object) {
            look_into(&metadata, "", &mut self.metadata, &mut BTreeSet::new());
        }
        if let Some(id) = event.stream_id {
            self.streams.text_with_parts(id);
        }
        for tag in event.tags {
            self.tags.text_with_parts(tag);
        }
    }
}

/// JSON from its text. A text in it that is an object again, as some write it into a column, is read as that.
fn object(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    match &value {
        Value::String(inner) if inner.trim_start().starts_with('{') => serde_json::from_str(inner).ok(),
        _ => Some(value),
    }
}

/// What tells texts apart and does not tell what they are.
pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Look, ValueKind};

    #[test]
    fn an_event_that_is_seen_twice_is_counted_once() {
        let mut sample = Sample::default();
        for _ in 0..2 {
            let event = EventSeen { id: Some("1"), event_type: "t", ..EventSeen::default() };
            sample.add(&event);
        }
        assert_eq!((sample.read, sample.types["t"].read), (1, 1));
    }

    #[test]
    fn no_value_stays() {
        let mut sample = Sample::default();
        sample.add(&EventSeen {
            stream_id: Some("customer-anna@example.org"),
            event_type: "t",
            payload: Some(r#"{"mail":"berta@example.org","by":{"carl@example.org":{"n":1},"2026-01-01":2},"l":[{"s":"dora"}]}"#),
            metadata: Some(r#"{"who":"emil@example.org"}"#),
            tags: &["customer:fred@example.org"],
            ..EventSeen::default()
        });
        sample.settle();
        let all = format!("{sample:?}");
        for value in ["anna", "berta", "carl", "2026", "dora", "emil", "fred"] {
            assert!(!all.contains(value), "{value} is in {all}");
        }
        let seen = &sample.types["t"];
        let fields: Vec<_> = seen.versions[&None].fields.keys().collect();
        assert_eq!(fields, ["by", "by.{}", "by.{}.n", "l", "l[]", "l[].s", "mail"]);
        assert_eq!(seen.streams.looks[&Look::Mail], 1);
        assert_eq!(seen.tags.looks[&Look::Mail], 1);
        assert_eq!(seen.metadata["who"].looks[&Look::Mail], 1);
    }

    #[test]
    fn members_that_are_null_are_not_in_the_shape() {
        let mut sample = Sample::default();
        for payload in [r#"{"a":1,"b":null}"#, r#"{"a":1}"#] {
            sample.add(&EventSeen { event_type: "t", payload: Some(payload), ..EventSeen::default() });
        }
        let shapes = &sample.types["t"].versions[&None];
        assert_eq!(shapes.shapes.len(), 1);
        assert_eq!(shapes.fields["b"].kinds[&ValueKind::Null], 1);
    }
}
