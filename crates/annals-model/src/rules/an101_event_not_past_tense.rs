use std::collections::BTreeMap;

use super::shared::{by_category, listed, together};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Findings, Place, Severity};
use crate::words::{Tense, TypeName};

pub(super) static RULE: Rule = Rule {
    id: "AN101",
    name: "event-not-past-tense",
    severity: Severity::Error,
    reads: &[Input::Model, Input::Sample],
    what: "the name of an event does not say that something happened",
    why: "An event is a fact that nobody can refuse any more. A name such as OrderUpdate may as well be a request, a \
          document or a message, and the next reader takes it for one. Asking what happened also finds the word that \
          people of the domain use.",
    mend: &[
        Mend { on: "", text: "Name what happened, with the participle: `OrderShipped`, `AddressCorrected`." },
        Mend {
            on: "",
            text: "Types that are stored already keep their names in the log. Write the new name from now on, and read \
                   the old one as the new one.",
        },
    ],
    leave: "Where the domain has a noun that everybody uses for the fact, such as `Deposit` in a ledger.",
    sources: &[
        "https://learn.microsoft.com/azure/architecture/patterns/event-sourcing",
        "https://docs.eventsourcingdb.io/best-practices/modeling-events/",
        "https://docs.eventsourcingdb.io/fundamentals/event-types/",
    ],
    bad: &[
        Example::Model("events:\n  OrderUpdate: { fields: { order_id: uuid } }\n"),
        Example::Model("events:\n  PaymentDetails: { fields: { order_id: uuid } }\n"),
        Example::Events(
            "{\"stream_id\":\"order-1\",\"type\":\"io.example.shop.order-update.v1\",\"data\":{}}",
        ),
    ],
    good: &[
        Example::Model(
            "events:
  OrderPlaced: {}
  MoneyWithdrawn: {}
  InvoicePaid: {}
  PriceSet: {}
  PasswordReset: {}
  UserSignedUp: {}
  ItemAddedToCart: {}
  DeadlineExceeded: {}
  CreateOrderRejected: {}
",
        ),
        // Orders are what AN102 finds, and one finding is enough.
        Example::Model("events:\n  PlaceOrder: {}\n"),
        Example::Events(
            "{\"type\":\"bestellung-aufgegeben\"}
{\"type\":\"PedidoCreado\"}
{\"type\":\"CommandePassée\"}
{\"type\":\"order.placed\"}
{\"type\":\"App\\\\Events\\\\OrderPlaced\"}
{\"type\":\"com.acme.ORDER_PLACED_V2\"}
{\"type\":\"OrderPlacedEvent\"}
{\"type\":\"$metadata\"}",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    if let Some(model) = &subject.model {
        let mut streams: BTreeMap<&str, Vec<(&str, Tense, Place)>> = BTreeMap::new();
        for event in &model.events {
            let name = event.name.value.as_str();
            let tense = TypeName::of(name).tense();
            if matches!(tense, Tense::Doing | Tense::Thing) {
                let stream = event.it.stream.as_ref().map_or("", |stream| &stream.value);
                let place = Place::new(format!("events.{name}"), event.name.span);
                streams.entry(stream).or_default().push((name, tense, place));
            }
        }
        for (stream, named) in streams {
            let path = if stream.is_empty() { "events".to_owned() } else { format!("streams.{stream}") };
            findings.add(said(rule, path, named, false));
        }
    }
    if let Some(sample) = &subject.sample {
        for (category, types) in by_category(subject, sample) {
            let named: Vec<_> = (types.into_iter())
                .map(|(name, _)| (name, TypeName::of(name).tense(), Place::new(name, None)))
                .filter(|(_, tense, _)| matches!(tense, Tense::Doing | Tense::Thing))
                .collect();
            if !named.is_empty() {
                findings.add(said(rule, category.to_owned(), named, true));
            }
        }
    }
}

fn said(
    rule: &'static Rule,
    path: String,
    named: Vec<(&str, Tense, Place)>,
    is_stored: bool,
) -> crate::finding::Finding {
    let does = if named.len() == 1 { "does" } else { "do" };
    let names = listed(named.iter().map(|(name, ..)| name));
    // A noun may be what the domain calls the fact; a verb in its base form is none.
    let is_doing = named.iter().any(|(_, tense, _)| *tense == Tense::Doing);
    let severity = if is_doing && !is_stored { Severity::Error } else { Severity::Warning };
    let asked = if is_stored {
        "write a name that says what happened from now on, and read the stored one as it"
    } else {
        "ask what happened, and name that with the participle: `OrderShipped`, `AddressCorrected`"
    };
    let places = named.into_iter().map(|(.., place)| place).collect();
    together(rule, path, places, format!("{names} {does} not say that something happened"))
        .severity(severity)
        .help(asked)
}
