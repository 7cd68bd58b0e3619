use std::collections::BTreeMap;

use super::shared::{by_category, listed, together};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::words::{Tense, TypeName};

pub(super) static RULE: Rule = Rule {
    id: "AN102",
    name: "command-like-name",
    severity: Severity::Error,
    reads: &[Input::Model, Input::Sample],
    what: "an event is named like a command",
    why: "A command may be refused, an event has happened. Where both have the same form, handlers begin to refuse \
          events, and a log of what was asked is replayed as if it were what was done.",
    mend: &[
        Mend {
            on: "",
            text: "Name the outcome: `add-user` becomes `user-added`, `PlaceOrder` becomes `OrderPlaced`.",
        },
        Mend {
            on: "",
            text: "Where the request itself is the fact, say so: `UserDeletionRequested`, and record its outcome as \
                   an event of its own.",
        },
    ],
    leave: "Where commands are logged beside events on purpose, in a log that nothing is rebuilt from.",
    sources: &[
        "https://docs.eventsourcingdb.io/best-practices/common-issues/",
        "https://docs.eventsourcingdb.io/fundamentals/event-types/",
    ],
    bad: &[
        Example::Model("events:\n  CreateOrder: { fields: { order_id: uuid } }\n"),
        Example::Model("events:\n  PlaceOrder: { fields: { order_id: uuid } }\n"),
        Example::Events("{\"type\":\"io.example.add-user\",\"data\":{}}"),
    ],
    good: &[
        Example::Model(
            "events:
  UserAdded: {}
  SetTopBoxInstalled: {}
  CreateOrderFailed: {}
  SendEmailRequested: {}
  OrderItemAdded: {}
  ChangeRequestApproved: {}
  UpdateFailed: {}
",
        ),
        // Nouns that are verbs as well.
        Example::Events(
            "{\"type\":\"ChangeRequest\"}\n{\"type\":\"RefundResult\"}\n{\"type\":\"OrderUpdate\"}",
        ),
        Example::Events("{\"type\":\"benutzer-anlegen\"}"),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    if let Some(model) = &subject.model {
        let mut streams: BTreeMap<&str, Vec<(&str, Place)>> = BTreeMap::new();
        for event in &model.events {
            let name = event.name.value.as_str();
            if is_order(name) {
                let stream = event.it.stream.as_ref().map_or("", |stream| &stream.value);
                streams
                    .entry(stream)
                    .or_default()
                    .push((name, Place::new(format!("events.{name}"), event.name.span)));
            }
        }
        for (stream, named) in streams {
            let path = if stream.is_empty() { "events".to_owned() } else { format!("streams.{stream}") };
            findings.add(said(rule, path, named));
        }
    }
    if let Some(sample) = &subject.sample {
        for (category, types) in by_category(subject, sample) {
            let named: Vec<_> = (types.into_iter())
                .filter(|(name, _)| is_order(name))
                .map(|(name, _)| (name, Place::new(name, None)))
                .collect();
            if !named.is_empty() {
                findings.add(said(rule, category.to_owned(), named).severity(Severity::Warning));
            }
        }
    }
}

fn is_order(name: &str) -> bool {
    TypeName::of(name).tense() == Tense::Order
}

fn said(rule: &'static Rule, path: String, named: Vec<(&str, Place)>) -> Finding {
    let message = match named.len() {
        1 => format!("event {} is named like a command", listed(named.iter().map(|(name, _)| name))),
        _ => format!("events {} are named like commands", listed(named.iter().map(|(name, _)| name))),
    };
    let outcome = named.iter().find_map(|(name, _)| Some((*name, TypeName::of(name).outcome()?)));
    let places = named.into_iter().map(|(_, place)| place).collect();
    let finding = together(rule, path, places, message);
    match outcome {
        Some((name, outcome)) => finding
            .help(format!("name the outcome and not the request: `{outcome}` in the place of `{name}`")),
        None => {
            finding.help("name the outcome and not the request: `OrderPlaced` in the place of `PlaceOrder`")
        }
    }
}
