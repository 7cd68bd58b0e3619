//! What several rules ask and say.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::Rule;
use crate::Subject;
use crate::finding::{Finding, Place};
use crate::model::{Event, Model, Named};
use crate::sample::{Sample, TypeSample};
use crate::words;

/// Names as a sentence lists them: `a`, `b` and `c`.
pub(super) fn listed<T: Display>(names: impl IntoIterator<Item = T>) -> String {
    const MOST: usize = 6;
    let mut names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.len() > MOST {
        let more = names.len() - (MOST - 1);
        names.truncate(MOST - 1);
        names.push(format!("{more} more"));
    }
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

/// A number of things: `1 event`, `3 events`.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// The event of the model that a stored type is: `order-placed`, `OrderPlaced` or `io.example.shop.order-placed` is the
/// model's `OrderPlaced`.
pub(super) fn modelled<'m>(model: Option<&'m Model>, stored: &str) -> Option<&'m Named<Event>> {
    let model = model?;
    let own = stored.rsplit('.').next().unwrap_or(stored);
    model.event(stored).or_else(|| model.events.iter().find(|event| is_same_name(&event.name.value, own)))
}

/// Whether names differ in how their words are set apart alone.
fn is_same_name(one: &str, other: &str) -> bool {
    let letters = |name: &'_ str| {
        let letters: Vec<char> =
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        letters
    };
    one.chars().next().zip(other.chars().next()).is_some_and(|(one, other)| one.eq_ignore_ascii_case(&other))
        && letters(one) == letters(other)
}

/// The types of a sample that no event of the model is, by the category that most of their events are in.
pub(super) fn by_category<'s>(
    subject: &Subject,
    sample: &'s Sample,
) -> BTreeMap<&'s str, Vec<(&'s str, &'s TypeSample)>> {
    let mut categories: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (name, seen) in &sample.types {
        if modelled(subject.model.as_ref(), name).is_none() {
            categories.entry(category_of(seen)).or_default().push((name.as_str(), seen));
        }
    }
    categories
}

/// The category that most events of a type are in; empty where that is not known.
pub(super) fn category_of(seen: &TypeSample) -> &str {
    seen.categories.iter().max_by_key(|(_, events)| **events).map_or("", |(name, _)| name)
}

/// One finding for places of one stream: the place itself where it is one, else the stream.
pub(super) fn together(
    rule: &'static Rule,
    stream: impl Display,
    places: Vec<Place>,
    message: impl Into<String>,
) -> Finding {
    let mut places = places.into_iter();
    let first = places.next().unwrap_or_else(|| Place::new("", None));
    let mut others: Vec<Place> = places.collect();
    let place = if others.is_empty() {
        first
    } else {
        let span = first.span;
        others.insert(0, first);
        Place::new(stream.to_string(), span)
    };
    Finding { others, ..Finding::new(rule, place, message) }
}

/// The names in braces of a stream's key: `order_id` of `order-{order_id}`.
pub(super) fn placeholders(key: &str) -> impl Iterator<Item = &str> {
    key.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name.trim()))
}

/// Whether a field is a reference: `id`, `order_id`, `customerUuid`.
pub(super) fn is_id(field: &str) -> bool {
    words::split(field)
        .last()
        .is_some_and(|last| matches!(last.as_str(), "id" | "ids" | "uuid" | "guid" | "uid" | "ref"))
}

/// Whether a field says when the event happened, by its name: `changed_at`, and not `due_date` or `starts_at`.
pub(super) fn is_when(field: &str) -> bool {
    // What these say lies ahead.
    const AHEAD: [&str; 8] =
        ["scheduled", "rescheduled", "planned", "expected", "estimated", "promised", "requested", "delayed"];
    let is_plain = |word: &str| {
        matches!(
            word,
            "at" | "on" | "time" | "timestamp" | "date" | "ts" | "utc" | "datetime" | "event" | "system"
        )
    };
    let words = words::split(field);
    words.iter().any(|word| is_plain(word))
        && words
            .iter()
            .all(|word| is_plain(word) || (words::is_past(word) && !AHEAD.contains(&word.as_str())))
}

/// Whether a field is one that any event may have, and says nothing of what happened: who, when, in which trace.
pub(super) fn is_of_envelope(field: &str) -> bool {
    let words = words::split(field);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(
        words[..],
        ["id" | "version" | "type" | "timestamp" | "actor" | "source"]
            | [
                "event"
                    | "correlation"
                    | "causation"
                    | "command"
                    | "request"
                    | "trace"
                    | "tenant"
                    | "actor"
                    | "message"
                    | "aggregate",
                ..
            ]
            | ["schema", "version"]
            | [.., "by"]
            | [.., "by", "id"]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_as_in_a_sentence() {
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(listed(1..=8), "`1`, `2`, `3`, `4`, `5` and 3 more");
        assert_eq!(listed(Vec::<String>::new()), "");
    }

    #[test]
    fn a_stored_type_is_an_event_of_the_model_however_it_is_written() {
        let mut texts = crate::text::Texts::default();
        let file = texts.add("annals.yaml", "annals: 1\ncontext: shop\nevents: { OrderPlaced: {} }\n");
        let (model, _) = crate::model::read(&texts, &[file]);
        for stored in ["OrderPlaced", "order-placed", "shop.OrderPlaced", "io.example.shop.order-placed"] {
            assert!(modelled(Some(&model), stored).is_some(), "{stored}");
        }
        assert!(modelled(Some(&model), "order-paid").is_none());
    }

    #[test]
    fn when_it_happened_is_told_from_other_times() {
        for field in ["at", "changedAt", "created_on", "timestamp", "paid_date", "event_time"] {
            assert!(is_when(field), "{field}");
        }
        for field in ["due_date", "starts_at", "expires_at", "valid_until", "scheduled_at", "changed", "name"]
        {
            assert!(!is_when(field), "{field}");
        }
    }
}
