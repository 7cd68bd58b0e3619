//! The members of payloads and metadata, by their paths.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::seen::hash;
use super::{FieldSample, Look, Period, Shapes, ValueKind};

/// From here on further sets of members, and further members, are not told apart.
const SHAPES_MAX: usize = 256;
const FIELDS_MAX: usize = 512;

/// An object with more members than this is a map, and its keys are values.
const MEMBERS_MAX: usize = 100;

/// A time up to its second.
pub(super) fn moment(text: &str) -> Option<String> {
    let text = text.trim().get(..19)?;
    let is_time = text.bytes().enumerate().all(|(at, b)| match at {
        4 | 7 => b == b'-',
        10 => b == b'T' || b == b' ',
        13 | 16 => b == b':',
        _ => b.is_ascii_digit(),
    });
    is_time.then(|| text.replace(' ', "T"))
}

impl Shapes {
    pub(super) fn add(&mut self, payload: &Value, time: Option<String>) {
        let mut shape = BTreeSet::new();
        look_into(payload, "", &mut self.fields, &mut shape);
        if self.shapes.len() < SHAPES_MAX || self.shapes.contains_key(&shape) {
            let seen = self.shapes.entry(shape).or_default();
            seen.read += 1;
            if let Some(time) = time {
                Period::add(&mut seen.period, time);
            }
        }
    }
}

impl Period {
    fn add(period: &mut Option<Self>, time: String) {
        match period {
            None => *period = Some(Self { first: time.clone(), last: time }),
            Some(period) if time < period.first => period.first = time,
            Some(period) if time > period.last => period.last = time,
            Some(_) => {}
        }
    }
}

/// Looks at the members of an object, and at those of the objects in it.
pub(super) fn look_into(
    value: &Value,
    path: &str,
    fields: &mut BTreeMap<String, FieldSample>,
    shape: &mut BTreeSet<String>,
) {
    match value {
        Value::Object(members) => {
            let is_map = members.len() > MEMBERS_MAX;
            for (name, value) in members {
                let name = if is_map || is_value(name) { "{}" } else { name };
                let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                look_at(value, path, fields, shape);
            }
        }
        Value::Array(items) => {
            for item in items {
                look_at(item, format!("{path}[]"), fields, shape);
            }
        }
        _ => {}
    }
}

fn look_at(
    value: &Value,
    path: String,
    fields: &mut BTreeMap<String, FieldSample>,
    shape: &mut BTreeSet<String>,
) {
    if fields.len() < FIELDS_MAX || fields.contains_key(&path) {
        fields.entry(path.clone()).or_default().value(value);
        look_into(value, &path, fields, shape);
        if !value.is_null() {
            shape.insert(path);
        }
    }
}

/// Whether the name of a member is a key of a map, and so a value: an id, a day, an address.
fn is_value(name: &str) -> bool {
    name.is_empty()
        || name.len() > 64
        || name.starts_with(|c: char| c.is_ascii_digit() || c == '+')
        || name.contains(['@', ' ', '/', ':'])
        || name.chars().filter(char::is_ascii_digit).count() >= 4
        || Look::of(name).is_some()
}

impl FieldSample {
    fn value(&mut self, value: &Value) {
        self.read += 1;
        let kind = match value {
            Value::Null => ValueKind::Null,
            Value::Bool(_) => ValueKind::Bool,
            Value::Number(number) if number.is_f64() => ValueKind::Fraction,
            Value::Number(_) => ValueKind::Integer,
            Value::String(_) => ValueKind::Text,
            Value::Array(_) => ValueKind::List,
            Value::Object(_) => ValueKind::Object,
        };
        *self.kinds.entry(kind).or_default() += 1;
        match value {
            Value::String(text) => self.look(text, Look::of(text)),
            Value::Bool(_) | Value::Number(_) => self.tell_apart(&value.to_string()),
            _ => {}
        }
    }

    /// A text whose parts may look like something: `customer:anna@example.org`.
    pub(super) fn text_with_parts(&mut self, text: &str) {
        self.read += 1;
        *self.kinds.entry(ValueKind::Text).or_default() += 1;
        let rest = text.split_once(['-', ':', '=', '/', '_']).map(|(_, rest)| rest);
        // The local part of a mail address may have a hyphen itself, so the rest is asked first.
        self.look(text, rest.and_then(Look::of).or_else(|| Look::of(text)));
    }

    fn look(&mut self, text: &str, look: Option<Look>) {
        if let Some(look) = look {
            *self.looks.entry(look).or_default() += 1;
        }
        self.tell_apart(text);
    }

    fn tell_apart(&mut self, text: &str) {
        if self.seen.len() < Self::DISTINCT_MAX {
            self.seen.insert(hash(text));
            self.distinct = self.seen.len();
        }
    }
}
