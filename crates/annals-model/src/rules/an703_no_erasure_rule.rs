use std::collections::BTreeMap;

use super::shared::{listed, placeholders, together};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::model::{Erase, Event, FieldType, Fields, Model, Named, PrivacyClass};

pub(super) static RULE: Rule = Rule {
    id: "AN703",
    name: "no-erasure-rule",
    severity: Severity::Error,
    reads: &[Input::Model],
    what: "a class of personal data does not say how it is erased, or an event cannot be erased as it says",
    why: "A request for erasure has a date by which it has to be answered. Which key is thrown away, and which values \
          are encrypted with it, has to stand in the events from the first one on: a key that is missing there \
          cannot be added later.",
    mend: &[
        Mend { on: "", text: "`personal: { erase: shred, key: customer_id, within: 30d }`, and the field `customer_id` in each event with such data." },
        Mend { on: "", text: "`sensitive: { erase: outside }` where the event has a reference only." },
        Mend { on: "", text: "`billing: { erase: keep, because: tax law, ten years }` where it has to be kept." },
    ],
    leave: "Never: a class that says nothing protects nothing.",
    sources: &[
        "https://verraes.net/2019/05/eventsourcing-patterns-throw-away-the-key/",
        "https://docs.eventsourcingdb.io/best-practices/gdpr-compliance/",
    ],
    bad: &[
        Example::Model("privacy:\n  personal: { within: 30d }\n"),
        Example::Model("privacy:\n  personal: { erase: shred }\n"),
        Example::Model("privacy:\n  personal: { erase: keep }\n"),
        Example::Model(
            "privacy:
  personal: { erase: shred, key: customer_id }
events:
  OrderPlaced: { fields: { order_id: uuid, email: { is: text, privacy: personal } } }
",
        ),
    ],
    good: &[Example::Model(
        "privacy:
  personal: { erase: shred, key: customer_id }
  sensitive: { erase: outside }
  pseudonym: { erase: keep, because: it means nothing by itself }
types:
  Party: { customer_id: uuid, email: { is: text, privacy: personal } }
streams:
  customer: { key: 'customer-{customer_id}' }
events:
  OrderPlaced: { fields: { customer_id: { is: uuid, privacy: pseudonym }, email: { is: text, privacy: personal } } }
  CustomerRegistered: { stream: customer, fields: { email: { is: text, privacy: personal } } }
  ContractSigned: { fields: { buyer: Party } }
  PictureTaken: { fields: { picture: { is: text, privacy: sensitive } } }
",
    )],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    let Some(model) = &subject.model else { return };
    for class in &model.privacy {
        let name = &class.name.value;
        let (message, help) = match class.it.erase.as_ref().map(|erase| erase.value) {
            None => (
                format!("privacy class `{name}` does not say how it is erased"),
                format!("{name}: {{ erase: shred, key: … }}, or outside, or keep with because:"),
            ),
            Some(Erase::Shred) if class.it.key.is_none() => (
                format!("privacy class `{name}` does not say by which field its keys are told apart"),
                format!("{name}: {{ erase: shred, key: customer_id }}, the field that says whose data it is"),
            ),
            Some(Erase::Keep) if class.it.because.is_none() => (
                format!("privacy class `{name}` is kept, and no reason is given"),
                format!("{name}: {{ erase: keep, because: … }}"),
            ),
            Some(_) => continue,
        };
        findings.add(
            Finding::new(rule, Place::new(format!("privacy.{name}"), class.name.span), message).help(help),
        );
    }
    without_subject(rule, model, findings);
}

/// Events with a value that is encrypted by a key which they do not name, together for each stream and class.
fn without_subject(rule: &'static Rule, model: &Model, findings: &mut Findings) {
    let mut streams: BTreeMap<[&str; 3], Vec<(&str, Place)>> = BTreeMap::new();
    for event in &model.events {
        let name = event.name.value.as_str();
        let stream = event.it.stream.as_ref().map_or("", |stream| &stream.value);
        let is_of_class = |class: &&Named<PrivacyClass>| uses(model, &event.it.fields, &class.name.value);
        for class in model.privacy.iter().filter(is_of_class) {
            let is_shredded = class.it.erase.as_ref().is_some_and(|erase| erase.value == Erase::Shred);
            let Some(key) = class.it.key.as_ref().filter(|_| is_shredded) else { continue };
            if !names_subject(model, event, &key.value) {
                let place = Place::new(format!("events.{name}"), event.name.span);
                let group = [stream, class.name.value.as_str(), key.value.as_str()];
                streams.entry(group).or_default().push((name, place));
            }
        }
    }
    for ([stream, class, key], events) in streams {
        let names = listed(events.iter().map(|(name, _)| name));
        let (hold, them) = if events.len() == 1 { ("holds", "it") } else { ("hold", "them") };
        let path = if stream.is_empty() { "events".to_owned() } else { format!("streams.{stream}") };
        let message =
            format!("{names} {hold} `{class}` data, and nothing in {them} says whose: there is no `{key}`");
        let places = events.into_iter().map(|(_, place)| place).collect();
        findings.add(
            together(rule, path, places, message)
                .help(format!("add the field `{key}`, by which the key is found")),
        );
    }
}

/// Whether a field, or one of its type, is of a class.
fn uses(model: &Model, fields: &Fields, class: &str) -> bool {
    fields.iter().any(|field| {
        field.it.privacy.as_ref().is_some_and(|of| of.value == class)
            || (field.it.privacy.is_none()
                && own(model, &field.it.kind.value).any(|own| uses_directly(own, class)))
    })
}

fn uses_directly(fields: &Fields, class: &str) -> bool {
    fields.iter().any(|field| field.it.privacy.as_ref().is_some_and(|of| of.value == class))
}

/// The model's own types that a type is made of.
fn own<'m>(model: &'m Model, kind: &'m FieldType) -> Box<dyn Iterator<Item = &'m Fields> + 'm> {
    match kind {
        FieldType::Name(name) => {
            Box::new(model.types.iter().filter(move |own| own.name.value == *name).map(|own| &own.it))
        }
        FieldType::List(of) => own(model, of),
        FieldType::Fields(fields) => Box::new(fields.iter().flat_map(|(_, kind)| own(model, kind))),
        FieldType::OneOf(_) => Box::new(std::iter::empty()),
    }
}

/// Whether the key's field is in the event, in a type of it, or in the id of its stream.
fn names_subject(model: &Model, event: &Named<Event>, key: &str) -> bool {
    let has = |fields: &Fields| fields.iter().any(|field| field.name.value == key);
    let stream = event.it.stream.as_ref().and_then(|stream| model.stream(&stream.value));
    let stream_key = stream.and_then(|stream| stream.it.key.as_ref());
    has(&event.it.fields)
        || event.it.schema.is_some()
        || event.it.fields.iter().any(|field| own(model, &field.it.kind.value).any(has))
        || stream_key.is_some_and(|stream_key| placeholders(&stream_key.value).any(|name| name == key))
}
