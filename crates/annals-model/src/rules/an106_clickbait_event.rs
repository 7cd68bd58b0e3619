use std::collections::BTreeSet;

use super::shared::{category_of, is_id, is_of_envelope, is_when, modelled};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::model::{Event, Model, Named};
use crate::sample::TypeSample;
use crate::words::TypeName;

pub(super) static RULE: Rule = Rule {
    id: "AN106",
    name: "clickbait-event",
    severity: Severity::Warning,
    reads: &[Input::Model, Input::Sample],
    what: "an event says that something changed, and not what",
    why: "Whoever reads it has to ask the writer, gets what is there by then and not what was there at the event, \
          and brings the writer down with it. Replayed a year later, the answer is gone.",
    mend: &[
        Mend {
            on: "",
            text: "Carry what changed: the new address, the new price, and the old one where it is asked for.",
        },
        Mend {
            on: "",
            text: "For other contexts, write a `public` event that holds what they need, and keep the others internal.",
        },
    ],
    leave: "Where the value is kept outside the log on purpose, such as personal data, and the event has a reference.",
    sources: &["https://event-driven.io/en/clickbait_event/"],
    bad: &[
        Example::Model(
            "events:\n  CustomerAddressChanged: { fields: { customer_id: uuid, changed_at: time, changed_by: text } }\n",
        ),
        Example::Model(
            "streams:
  order: { key: 'order-{order_id}' }
events:
  OrderPlaced: { stream: order, fields: { order_id: uuid, total: int } }
  OrderConfirmed: { stream: order, public: true, fields: { order_id: uuid } }
",
        ),
        Example::Events(
            "{\"type\":\"price-corrected\",\"data\":{\"sku_id\":\"a\",\"at\":\"2026-11-27T02:36:08Z\"}}",
        ),
    ],
    good: &[
        // What was confirmed stands in the events before.
        Example::Model(
            "streams:
  order: { key: 'order-{order_id}' }
events:
  OrderPlaced: { stream: order, public: true, fields: { order_id: uuid, total: int } }
  OrderConfirmed: { stream: order, public: true, fields: { order_id: uuid } }
",
        ),
        Example::Model("events:\n  OrderCancelled: { fields: { order_id: uuid, cancelled_at: time } }\n"),
        // The second id is what it was changed to.
        Example::Model("events:\n  AssigneeChanged: { fields: { ticket_id: uuid, assignee_id: uuid } }\n"),
        Example::Model("events:\n  PriceChanged: { schema: price-changed.json }\n"),
        Example::Model(
            "events:
  DeliveryChanged: { fields: { order_id: uuid, deliver_on: date } }
  DueDateChanged: { fields: { task_id: uuid, due_date: date } }
  AppointmentChanged: { fields: { id: uuid, starts_at: time } }
",
        ),
        Example::Events("{\"type\":\"order-confirmed\",\"data\":{\"order_id\":\"a\"}}"),
        Example::Events("{\"type\":\"price-changed\",\"data\":{\"price_id\":\"a\",\"price\":12}}"),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    if let Some(model) = &subject.model {
        for event in &model.events {
            if let Some(what) = of_model(model, event) {
                let name = &event.name.value;
                findings.add(
                    Finding::new(rule, Place::new(format!("events.{name}"), event.name.span), what.0)
                        .help(what.1),
                );
            }
        }
    }
    let Some(sample) = &subject.sample else { return };
    for (name, seen) in &sample.types {
        if modelled(subject.model.as_ref(), name).is_none() && needs_object(name) && has_only_ids(seen) {
            let category = category_of(seen);
            let of = if category.is_empty() { String::new() } else { format!(" of `{category}`") };
            findings.add(
                Finding::new(
                    rule,
                    Place::new(name.clone(), None),
                    format!(
                        "`{name}`{of} says that something changed, and its payload holds only ids and times"
                    ),
                )
                .help("write what it changed to into the payload"),
            );
        }
    }
}

/// Of a word that makes one ask: to what?
fn needs_object(name: &str) -> bool {
    const CHANGES: [&str; 12] = [
        "adjusted",
        "altered",
        "amended",
        "changed",
        "corrected",
        "edited",
        "modified",
        "renamed",
        "replaced",
        "revised",
        "saved",
        "updated",
    ];
    TypeName::of(name).happening().is_some_and(|(_, word)| CHANGES.contains(&word))
}

fn of_model(model: &Model, event: &Named<Event>) -> Option<(String, String)> {
    let name = &event.name.value;
    if event.it.schema.is_some() || event.it.fields.is_empty() || carries(&event.it) {
        return None;
    }
    if needs_object(name) {
        let message = format!("`{name}` says that something changed, and holds only ids and times");
        return Some((message, format!("add the fields that `{name}` changes, with their new values")));
    }
    let stream = &event.it.stream.as_ref()?.value;
    let tells =
        |other: &Named<Event>| other.it.is_public && (carries(&other.it) || other.it.schema.is_some());
    let is_silent = event.it.is_public && !model.events_of(stream).any(tells);
    is_silent.then(|| {
        let message = format!(
            "other contexts may read `{name}`, and no public event of stream `{stream}` holds more than ids"
        );
        (message, format!("put what they need to know into `{name}`, or make the event public that holds it"))
    })
}

/// Whether an event has a field that says something: neither when it happened, nor an id but a second one.
fn carries(event: &Event) -> bool {
    let own = event.fields.iter().map(|field| field.name.value.as_str());
    let own = own.filter(|name| !is_of_envelope(name) && !is_when(name));
    let (ids, values): (Vec<&str>, Vec<&str>) = own.partition(|name| is_id(name));
    !values.is_empty() || ids.len() > 1
}

fn has_only_ids(seen: &TypeSample) -> bool {
    let mut members = seen.versions.values().flat_map(|shapes| shapes.shapes.keys().flatten()).peekable();
    if members.peek().is_none() {
        return false;
    }
    let mut ids = BTreeSet::new();
    for member in members.filter(|member| !is_of_envelope(member)) {
        if member.contains(['.', '[']) {
            return false;
        }
        if is_id(member) {
            ids.insert(member);
        } else if !is_when(member) {
            return false;
        }
    }
    ids.len() <= 1
}
