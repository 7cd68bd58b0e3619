use std::collections::BTreeSet;

use super::shared::{is_id, is_of_envelope, is_when, listed, modelled};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::model::{Event, Named};
use crate::sample::Shapes;

pub(super) static RULE: Rule = Rule {
    id: "AN107",
    name: "fat-optional-event",
    severity: Severity::Warning,
    reads: &[Input::Model, Input::Sample],
    what: "an event has mostly optional fields: it is several facts in one",
    why: "Every reader has to find out from the fields that are there which fact this one is, and each does it in \
          its own way. A field that is missing may mean unchanged, unknown or removed.",
    mend: &[
        Mend {
            on: "",
            text: "One event for each set of fields that come together: `NameCorrected { name }`, \
                   `PhoneChanged { phone }`.",
        },
        Mend { on: "", text: "Fields that are always known together become one field with a type of its own." },
    ],
    leave: "Where a form with many optional answers is itself the fact, such as a survey that was handed in.",
    sources: &["https://cratis.io/chronicle/concepts/modeling-events"],
    bad: &[
        Example::Model(
            "events:
  ProfileUpdated: { fields: { user_id: uuid, name: 'text?', city: 'text?', language: 'text?', theme: text } }
",
        ),
        Example::Events(
            "{\"type\":\"profile-updated\",\"data\":{\"user_id\":1,\"name\":\"x\",\"title\":\"y\"}}
{\"type\":\"profile-updated\",\"data\":{\"user_id\":1,\"city\":\"x\"}}
{\"type\":\"profile-updated\",\"data\":{\"user_id\":1,\"theme\":\"x\",\"name\":null}}",
        ),
    ],
    good: &[
        Example::Model(
            "events:
  AddressAdded: { fields: { id: uuid, street: text, city: text, line2: 'text?', state: 'text?', note: 'text?' } }
  DiscountGiven: { fields: { order_id: uuid, percent: 'int?', amount: 'int?' } }
",
        ),
        // Optional fields beside some that are always there.
        Example::Events(
            "{\"type\":\"customer-registered\",\"data\":{\"id\":1,\"name\":\"x\",\"phone\":\"y\"}}
{\"type\":\"customer-registered\",\"data\":{\"id\":1,\"name\":\"x\",\"company\":\"y\"}}
{\"type\":\"customer-registered\",\"data\":{\"id\":1,\"name\":\"x\",\"title\":\"y\"}}",
        ),
        // Two kinds are two alternatives.
        Example::Events(
            "{\"type\":\"payment-captured\",\"data\":{\"id\":1,\"card\":\"x\"}}
{\"type\":\"payment-captured\",\"data\":{\"id\":1,\"iban\":\"x\"}}",
        ),
    ],
    check,
};

/// So many sets of fields that have nothing in common are as many facts.
const SETS: usize = 3;

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    for event in subject.model.iter().flat_map(|model| &model.events) {
        let name = &event.name.value;
        if let Some((optional, all)) = mostly_optional(event) {
            findings.add(
                Finding::new(
                    rule,
                    Place::new(format!("events.{name}"), event.name.span),
                    format!(
                        "{} of {all} fields of `{name}` are optional: {}",
                        optional.len(),
                        listed(&optional)
                    ),
                )
                .help("write one event for each set of fields that come together, named for what happened"),
            );
        }
    }
    let Some(sample) = &subject.sample else { return };
    for (name, seen) in &sample.types {
        if modelled(subject.model.as_ref(), name).is_some() {
            continue;
        }
        let sets = seen.versions.values().map(sets_apart).max_by_key(Vec::len).unwrap_or_default();
        if sets.len() >= SETS {
            let shown: Vec<String> = sets.iter().take(SETS).map(listed).collect();
            findings.add(
                Finding::new(
                    rule,
                    Place::new(name.clone(), None),
                    format!(
                        "`{name}` is {} events in one: some have {}",
                        sets.len(),
                        shown.join(", others ")
                    ),
                )
                .help("write one event for each of these sets of fields from now on"),
            );
        }
    }
}

fn says_nothing(field: &str) -> bool {
    is_id(field) || is_when(field) || is_of_envelope(field)
}

/// The optional fields and the number of all, without ids and times, where more than two in three are optional.
fn mostly_optional(event: &Named<Event>) -> Option<(Vec<&str>, usize)> {
    let own: Vec<_> = event.it.fields.iter().filter(|field| !says_nothing(&field.name.value)).collect();
    let optional: Vec<&str> =
        own.iter().filter(|field| field.it.is_optional).map(|field| field.name.value.as_str()).collect();
    (optional.len() >= 3 && optional.len() * 3 > own.len() * 2).then_some((optional, own.len()))
}

/// Sets of members of which no payload has any of two; none where every payload has something in common beyond ids
/// and times, or where some have nothing.
fn sets_apart(shapes: &Shapes) -> Vec<BTreeSet<&str>> {
    let own = |shape: &'_ BTreeSet<String>| -> BTreeSet<String> {
        shape.iter().filter(|member| !member.contains(['.', '[']) && !says_nothing(member)).cloned().collect()
    };
    let own: BTreeSet<BTreeSet<String>> = shapes.shapes.keys().map(own).collect();
    if own.iter().any(BTreeSet::is_empty) {
        return Vec::new();
    }
    // Members that were ever seen together belong together.
    let mut sets: Vec<BTreeSet<String>> = Vec::new();
    for shape in own {
        let (meeting, mut apart): (Vec<_>, Vec<_>) =
            sets.into_iter().partition(|set| !set.is_disjoint(&shape));
        apart.push(meeting.into_iter().fold(shape, |all, set| all.union(&set).cloned().collect()));
        sets = apart;
    }
    let known = |set: BTreeSet<String>| -> BTreeSet<&str> {
        shapes.fields.keys().filter(|field| set.contains(*field)).map(String::as_str).collect()
    };
    sets.into_iter().map(known).collect()
}
