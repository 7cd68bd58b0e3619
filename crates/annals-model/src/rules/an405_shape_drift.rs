use std::collections::{BTreeMap, BTreeSet};

use super::shared::modelled;
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::model::{self, Event, FieldType};
use crate::sample::{FieldSample, Period, Shapes, ValueKind};
use crate::words::split;

pub(super) static RULE: Rule = Rule {
    id: "AN405",
    name: "shape-drift",
    severity: Severity::Warning,
    reads: &[Input::Sample],
    what: "events of one type and version have fields that changed over time, or that are not those of the model",
    why: "Somebody changed the event and not its version. Readers written since then do not know the older form, and \
          find out in the next replay. An optional field comes and goes; one that is there from a day on is a change. Where a \
          model is reviewed with the store, what is stored has to be what the model says of that version.",
    mend: &[
        Mend {
            on: "",
            text: "Give the newer form the next version, and read the older as it: an upcast with the value the field had before.",
        },
        Mend {
            on: "",
            text: "Where both forms are already stored under one version, let the reader tell them apart by the field, \
                   in one place, and say the version from now on.",
        },
    ],
    leave: "For a field that is really optional and was used for the first time on that day.",
    sources: &["https://martendb.io/events/versioning.html", "https://leanpub.com/esversioning"],
    bad: &[
        // The field appears and stays.
        Example::Events(
            "{\"type\":\"t\",\"time\":\"2025-10-01T10:00:00Z\",\"data\":{\"a\":1}}
{\"type\":\"t\",\"time\":\"2025-10-02T10:00:00Z\",\"data\":{\"a\":1}}
{\"type\":\"t\",\"time\":\"2025-10-03T10:00:00Z\",\"data\":{\"a\":1}}
{\"type\":\"t\",\"time\":\"2025-10-04T10:00:00Z\",\"data\":{\"a\":1}}
{\"type\":\"t\",\"time\":\"2025-10-05T10:00:00Z\",\"data\":{\"a\":1}}
{\"type\":\"t\",\"time\":\"2025-11-02T10:00:00Z\",\"data\":{\"a\":1,\"channel\":\"x\"}}
{\"type\":\"t\",\"time\":\"2025-11-03T10:00:00Z\",\"data\":{\"a\":1,\"channel\":\"x\"}}
{\"type\":\"t\",\"time\":\"2025-11-04T10:00:00Z\",\"data\":{\"a\":1,\"channel\":\"x\"}}
{\"type\":\"t\",\"time\":\"2025-11-05T10:00:00Z\",\"data\":{\"a\":1,\"channel\":\"x\"}}
{\"type\":\"t\",\"time\":\"2025-11-06T10:00:00Z\",\"data\":{\"a\":1,\"channel\":\"x\"}}",
        ),
        // The same word in two styles.
        Example::Events(
            "{\"type\":\"t\",\"data\":{\"orderId\":1}}\n{\"type\":\"t\",\"data\":{\"order_id\":1}}",
        ),
        // Two kinds of values.
        Example::Events(
            "{\"type\":\"t\",\"data\":{\"total\":\"12.50\"}}\n{\"type\":\"t\",\"data\":{\"total\":12.5}}",
        ),
    ],
    good: &[
        // Optional fields come and go.
        Example::Events(
            "{\"type\":\"t\",\"time\":\"2025-10-01T10:00:00Z\",\"data\":{\"a\":1}}
{\"type\":\"t\",\"time\":\"2025-10-02T10:00:00Z\",\"data\":{\"a\":1,\"note\":\"x\"}}
{\"type\":\"t\",\"time\":\"2025-10-03T10:00:00Z\",\"data\":{\"a\":1}}
{\"type\":\"t\",\"time\":\"2025-10-04T10:00:00Z\",\"data\":{\"a\":1,\"gift\":\"y\"}}",
        ),
        // One late use of an optional field is no change.
        Example::Events(
            "{\"type\":\"t\",\"time\":\"2025-10-01T10:00:00Z\",\"data\":{\"a\":1}}
{\"type\":\"t\",\"time\":\"2025-10-02T10:00:00Z\",\"data\":{\"a\":1,\"note\":\"x\"}}",
        ),
        Example::Events(
            "{\"type\":\"t\",\"data\":{\"a\":1,\"b\":null}}\n{\"type\":\"t\",\"data\":{\"a\":1.5}}",
        ),
        // Alternatives, an empty list for an empty object, and a value that may be anything.
        Example::Events(
            "{\"type\":\"t\",\"data\":{\"card\":1,\"meta\":[],\"value\":1}}
{\"type\":\"t\",\"data\":{\"iban\":\"x\",\"meta\":{\"a\":1},\"value\":\"x\"}}",
        ),
        // The version says it.
        Example::Events(
            "{\"type\":\"t\",\"schemaversion\":1,\"data\":{\"orderId\":1}}
{\"type\":\"t\",\"schemaversion\":2,\"data\":{\"order_id\":1}}",
        ),
        Example::Events(
            "{\"type\":\"t\",\"data\":{\"lines\":[]}}\n{\"type\":\"t\",\"data\":{\"lines\":[{\"sku\":\"x\"}]}}",
        ),
    ],
    check,
};

/// Fewer events with or without a field may be chance.
const ENOUGH: u64 = 5;

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    let Some(sample) = &subject.sample else { return };
    for (name, seen) in &sample.types {
        for (version, shapes) in &seen.versions {
            let of_version =
                version.as_ref().map_or(String::new(), |version| format!(" of version {version}"));
            let event = modelled(subject.model.as_ref(), name);
            let is_optional = |field: &str| {
                event.is_some_and(|event| {
                    event.it.fields.iter().any(|known| known.name.value == field && known.it.is_optional)
                })
            };
            let mut changes = changes(shapes, is_optional);
            changes.extend(event.into_iter().flat_map(|event| unlike(&event.it, version.as_deref(), shapes)));
            if changes.is_empty() {
                continue;
            }
            let path = version.as_ref().map_or_else(|| name.clone(), |version| format!("{name}.v{version}"));
            findings.add(
                Finding::new(
                    rule,
                    Place::new(path, None),
                    format!("`{name}`{of_version} changed under its readers: {}", changes.join(", ")),
                )
                .help("write the next version from now on, and read events without it by the fields that they have"),
            );
        }
    }
}

/// What of stored events is not as the model has it in this version; an event that says none has the first.
fn unlike(event: &Event, stored: Option<&str>, shapes: &Shapes) -> Vec<String> {
    let is_current = stored.unwrap_or("1").parse() == Ok(model::version(event));
    let read: u64 = shapes.shapes.values().map(|shape| shape.read).sum();
    let mut said = Vec::new();
    for field in event.fields.iter().filter(|_| is_current) {
        let (name, kind) = (&field.name.value, &field.it.kind.value);
        let seen = shapes.fields.get(name);
        let kinds =
            seen.into_iter().flat_map(|seen| &seen.kinds).filter(|(kind, _)| **kind != ValueKind::Null);
        let there: u64 = kinds.clone().map(|(_, count)| count).sum();
        if there < read && !field.it.is_optional {
            said.push(format!("{} of {read} lack `{name}`, which the model has in each", read - there));
        }
        let others: u64 = kinds.filter(|(seen, _)| !may_be(kind, **seen)).map(|(_, count)| count).sum();
        if others > 0 {
            let is = named(kind);
            said.push(format!("`{name}` is {is} in the model and something else in {others} of {read}"));
        }
    }
    said
}

fn named(kind: &FieldType) -> &str {
    match kind {
        FieldType::Name(name) => name,
        FieldType::List(_) => "a list",
        FieldType::Fields(_) => "an object",
        FieldType::OneOf(_) => "one of some texts",
    }
}

/// Whether a value of this kind can be one of the type.
fn may_be(kind: &FieldType, seen: ValueKind) -> bool {
    let is_number = matches!(seen, ValueKind::Integer | ValueKind::Fraction);
    match kind {
        FieldType::List(_) => seen == ValueKind::List,
        FieldType::Fields(_) => seen == ValueKind::Object,
        FieldType::OneOf(_) => seen == ValueKind::Text,
        FieldType::Name(name) => match name.as_str() {
            "uuid" | "text" | "date" | "bytes" => seen == ValueKind::Text,
            "time" => seen == ValueKind::Text || is_number,
            "int" => seen == ValueKind::Integer,
            "decimal" => seen == ValueKind::Text || is_number,
            "float" => is_number,
            "bool" => seen == ValueKind::Bool,
            "json" => true,
            _ => seen == ValueKind::Object,
        },
    }
}

fn changes(shapes: &Shapes, is_optional: impl Fn(&str) -> bool) -> Vec<String> {
    let mut said = Vec::new();
    let mut spelt: BTreeSet<&str> = BTreeSet::new();
    for (one, other) in two_spellings(shapes) {
        said.push(format!("`{one}` is also `{other}`"));
        spelt.extend([one, other]);
    }
    for (path, field) in &shapes.fields {
        if spelt.contains(path.as_str()) || path.contains("{}") {
            continue;
        }
        if let Some((one, other)) = two_kinds(path, field) {
            said.push(format!("`{path}` is {one} in some and {other} in others"));
        }
        if !is_optional(path)
            && let Some(change) = came_or_went(shapes, path)
        {
            said.push(change);
        }
    }
    said
}

/// Members of one place whose words are the same and that are never together: `orderId` and `order_id`.
fn two_spellings(shapes: &Shapes) -> Vec<(&str, &str)> {
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for path in shapes.fields.keys().filter(|path| !path.contains("{}")) {
        let (outer, own) = path.rsplit_once('.').unwrap_or(("", path));
        alike.entry(format!("{outer}.{}", split(own).concat())).or_default().push(path);
    }
    let are_together = |one: &str, other: &str| {
        shapes.shapes.keys().any(|shape| shape.contains(one) && shape.contains(other))
    };
    let pairs = alike.into_values().filter_map(|paths| match paths[..] {
        [one, other, ..] => Some((one, other)),
        _ => None,
    });
    pairs.filter(|(one, other)| !are_together(one, other)).collect()
}

/// Two kinds of values that no reader takes for one.
fn two_kinds(path: &str, field: &FieldSample) -> Option<(&'static str, &'static str)> {
    // Members that hold whatever somebody set, and those of lists, may be of any kind.
    const ANYTHING: [&str; 12] = [
        "value", "values", "old", "new", "before", "after", "from", "to", "default", "answer", "current",
        "previous",
    ];
    let is_anything =
        split(path.rsplit('.').next().unwrap_or(path)).iter().any(|word| ANYTHING.contains(&word.as_str()));
    if is_anything || path.ends_with("[]") {
        return None;
    }
    let mut kinds: Vec<&str> = (field.kinds.keys())
        .filter_map(|kind| match kind {
            ValueKind::Null => None,
            ValueKind::Bool => Some("true or false"),
            ValueKind::Integer | ValueKind::Fraction => Some("a number"),
            ValueKind::Text => Some("text"),
            // Some languages write an empty object as an empty list.
            ValueKind::List | ValueKind::Object => Some("an object or a list"),
        })
        .collect();
    kinds.dedup();
    match kinds.as_slice() {
        [one, other, ..] => Some((one, other)),
        _ => None,
    }
}

/// That a member is in all events from a day on and in none before, or the other way round.
fn came_or_went(shapes: &Shapes, path: &str) -> Option<String> {
    let outer = path.rsplit_once('.').map(|(outer, _)| outer);
    if path.contains('[') {
        return None;
    }
    // Where the outer object is missing, its members are neither there nor gone.
    let could_have =
        shapes.shapes.iter().filter(|(shape, _)| outer.is_none_or(|outer| shape.contains(outer)));
    let (with, without): (Vec<_>, Vec<_>) = could_have.partition(|(shape, _)| shape.contains(path));
    let of = |shapes: &[(&BTreeSet<String>, &crate::sample::ShapeSample)]| -> Option<(u64, Period)> {
        let read = shapes.iter().map(|(_, seen)| seen.read).sum();
        let mut periods = shapes.iter().map(|(_, seen)| seen.period.clone());
        // Without the time of every shape nothing can be said of an order.
        let first = periods.next()??;
        let whole = periods.try_fold(first, |all, period| {
            let period = period?;
            Some(Period { first: all.first.min(period.first), last: all.last.max(period.last) })
        })?;
        Some((read, whole))
    };
    let ((with, there), (without, gone)) = (of(&with)?, of(&without)?);
    if with < ENOUGH || without < ENOUGH {
        return None;
    }
    let day = |time: &str| time.split('T').next().unwrap_or(time).to_owned();
    if gone.last < there.first {
        Some(format!("`{path}` appears on {}", day(&there.first)))
    } else if there.last < gone.first {
        Some(format!("`{path}` is gone after {}", day(&there.last)))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model, sample};

    /// What is said of stored events beside the model of them.
    fn said(fields: &str, events: &str) -> Vec<String> {
        let mut subject = Subject::default();
        let text = format!("annals: 1\ncontext: shop\nevents:\n  OrderPlaced: {fields}\n");
        let file = subject.texts.add("annals.yaml", text);
        subject.model = Some(model::read(&subject.texts, &[file]).0);
        let file = subject.texts.add("events.jsonl", events);
        subject.sample = Some(sample::read(&subject.texts, file).unwrap());
        let mut findings = Findings::default();
        check(&RULE, &subject, &mut findings);
        findings.findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn what_is_stored_has_to_be_what_the_model_says() {
        let events = "{\"type\":\"order-placed\",\"data\":{\"total\":\"x\"}}\n{\"type\":\"order-placed\",\"data\":{\"id\":\"a\",\"total\":null}}";
        let unlike = said("{ fields: { id: text, total: int, note: text? } }", events);
        assert_eq!(unlike.len(), 1, "{unlike:?}");
        for part in [
            "1 of 2 lack `id`",
            "1 of 2 lack `total`",
            "`total` is int in the model and something else in 1 of 2",
        ] {
            assert!(unlike[0].contains(part), "{part}: {unlike:?}");
        }
        // More than the model says, another version, and a field that may be anything.
        assert!(said("{ fields: {} }", events).is_empty());
        assert!(said("{ version: 2, upcast: { 1: {} }, fields: { sku: text } }", events).is_empty());
        assert!(said("{ fields: { total: json? } }", events).is_empty());
    }
}
