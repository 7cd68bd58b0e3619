use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::model::{Break, Broken, Event, Named, breaks, upcast_for, version};

pub(super) static RULE: Rule = Rule {
    id: "AN402",
    name: "breaking-change-same-version",
    severity: Severity::Error,
    reads: &[Input::Change],
    what: "the fields of an event changed so that stored events cannot be read, and its version did not",
    why: "The log holds events of the old form, and says that they have the version which now means the new one. \
          Every replay meets them: it fails, or it reads a value that nobody wrote.",
    mend: &[
        Mend {
            on: "",
            text: "Raise `version:` and say how the old one is read: `upcast: { 1: { rename: { total: amount } } }`.",
        },
        Mend { on: "", text: "Make a new field optional, where there is no value for the old events." },
        Mend { on: "", text: "Where the old events cannot be told as the new one, it is another event: give it another name." },
    ],
    leave: "While no event of that version was ever stored.",
    sources: &[
        "https://leanpub.com/esversioning",
        "https://docs.confluent.io/platform/current/schema-registry/fundamentals/schema-evolution.html",
    ],
    bad: &[
        Example::Change(
            "events:\n  OrderPlaced: { fields: { order_id: uuid, total: int } }\n",
            "events:\n  OrderPlaced: { fields: { order_id: uuid, amount: int } }\n",
        ),
        Example::Change(
            "events:\n  OrderPlaced: { fields: { order_id: uuid } }\n",
            "events:\n  OrderPlaced: { fields: { order_id: uuid, channel: text } }\n",
        ),
        Example::Change(
            "events:\n  OrderPlaced: { fields: { total: int, note: 'text?' } }\n",
            "events:\n  OrderPlaced: { fields: { total: text, note: text } }\n",
        ),
        // The type of a field is part of the event.
        Example::Change(
            "types:\n  Money: { amount: int }\nevents:\n  OrderPlaced: { fields: { total: Money } }\n",
            "types:\n  Money: { amount: int, currency: text }\nevents:\n  OrderPlaced: { fields: { total: Money } }\n",
        ),
        // The upcast does not lead to what the new version requires.
        Example::Change(
            "events:\n  OrderPlaced: { fields: { order_id: uuid } }\n",
            "events:\n  OrderPlaced: { version: 2, fields: { order_id: uuid, channel: text }, upcast: { 1: {} } }\n",
        ),
        Example::Change(
            "events:\n  OrderPlaced: { version: 2, fields: { channel: text }, upcast: { 1: { add: { channel: web } } } }\n",
            "events:\n  OrderPlaced: { version: 2, fields: { channel: text }, upcast: { 1: {} } }\n",
        ),
        Example::Change(
            "events:\n  OrderPlaced: { version: 2, upcast: { 1: {} } }\n",
            "events:\n  OrderPlaced: { version: 1 }\n",
        ),
        Example::Change("events:\n  OrderPlaced: {}\n  OrderShipped: {}\n", "events:\n  OrderPlaced: {}\n"),
    ],
    good: &[
        Example::Change(
            "events:\n  OrderPlaced: { fields: { order_id: uuid, total: int } }\n",
            "events:
  OrderPlaced: { fields: { order_id: text, total: decimal, channel: 'text?' } }
  OrderShipped: { fields: { order_id: uuid } }
",
        ),
        Example::Change(
            "events:\n  OrderPlaced: { fields: { order_id: uuid, total: int, old: text } }\n",
            "events:
  OrderPlaced:
    version: 3
    fields: { order_id: uuid, amount: int, channel: text }
    upcast: { 1: { rename: { total: sum } }, 2: { rename: { sum: amount }, add: { channel: web }, remove: [old] } }
",
        ),
        // What a function does is not known here.
        Example::Change(
            "events:\n  OrderPlaced: { fields: { name: text } }\n",
            "events:\n  OrderPlaced: { version: 2, fields: { first: text }, upcast: { 1: { with: split } } }\n",
        ),
        Example::Change(
            "events:\n  OrderPlaced: { fields: { channel: { one-of: [web] }, kind: { one-of: [a, b] } } }\n",
            "events:\n  OrderPlaced: { fields: { channel: { one-of: [web, shop] }, kind: text } }\n",
        ),
        Example::Change(
            "types:\n  Money: { amount: int }\nevents:\n  OrderPlaced: { fields: { total: Money } }\n",
            "events:\n  OrderPlaced: { fields: { total: { is: { amount: int } } } }\n",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    let (Some(before), Some(now)) = (&subject.before, &subject.model) else { return };
    for was in &before.events {
        let name = &was.name.value;
        let path = format!("events.{name}");
        let Some(is) = now.event(name) else {
            findings.add(
                Finding::new(
                    rule,
                    Place::new(path, was.name.span),
                    format!(
                        "`{name}` is not in the model any more, and stored events of this type have no reader"
                    ),
                )
                .severity(Severity::Warning)
                .help(format!("keep `{name}` for as long as the log holds one, and let no command emit it")),
            );
            continue;
        };
        let (from, to) = (version(&was.it), version(&is.it));
        if to < from {
            let span = is.it.version.as_ref().map_or(is.name.span, |version| version.span);
            findings.add(
                Finding::new(
                    rule,
                    Place::new(format!("{path}.version"), span),
                    format!("`{name}` was at version {from} and is at version {to}"),
                )
                .help(format!("version: {}, a number that no stored event has", from.saturating_add(1))),
            );
            continue;
        }
        let broken = breaks((before, &was.it), (now, &is.it));
        if !broken.is_empty() {
            findings.add(
                said(rule, is, (from, to), &broken).and(Place::new(path, was.name.span).saying("as it was")),
            );
        }
    }
}

fn said(rule: &'static Rule, event: &Named<Event>, (from, to): (u32, u32), broken: &[Break]) -> Finding {
    let name = &event.name.value;
    let what: Vec<String> = broken.iter().map(Break::says).collect();
    let message = if from == to {
        format!("`{name}` changed within version {to}: {}", what.join(", "))
    } else {
        format!("`{name}` of version {from} cannot be read as version {to}: {}", what.join(", "))
    };
    let not_given = broken.iter().find_map(|found| match found.what {
        Broken::NotGiven(version) => Some((version, &found.field)),
        _ => None,
    });
    let help = match not_given {
        Some((version, field)) => format!("upcast: {{ {version}: {{ add: {{ {field}: … }} }} }}, as it was"),
        None if from == to => {
            format!(
                "version: {}, with upcast: {{ {to}: {{ {} }} }}",
                to.saturating_add(1),
                upcast_for(broken)
            )
        }
        None => format!("upcast: {{ {}: {{ {} }} }}", to - 1, upcast_for(broken)),
    };
    let span = broken.iter().find_map(|found| found.span).unwrap_or(event.name.span);
    Finding::new(rule, Place::new(format!("events.{name}"), span), message).help(help)
}
