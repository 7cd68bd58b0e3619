use super::shared::{by_category, listed};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::words::{self, TypeName};

pub(super) static RULE: Rule = Rule {
    id: "AN103",
    name: "crud-event",
    severity: Severity::Warning,
    reads: &[Input::Model, Input::Sample],
    what: "events of a stream say that a row was created, updated or deleted, and not what happened",
    why: "CustomerUpdated holds what a row looks like afterwards. Whether the customer moved, had a typo corrected or \
          closed the account is lost, and no projection can get it back. A log of such events is a table with more \
          work.",
    mend: &[
        Mend {
            on: "",
            text: "Ask for each way an update comes about why it does: moved, corrected, closed and merged are four \
                   events with four names.",
        },
        Mend {
            on: "",
            text: "Where nobody can say why, the module is better kept as a table: `annals fit`.",
        },
    ],
    leave: "For events that come from a system which only knows rows, such as a feed of another product. One \
            `…Created` among events with names of their own is no finding.",
    sources: &[
        "https://docs.eventsourcingdb.io/best-practices/common-issues/",
        "https://event-driven.io/en/state-obsession/",
    ],
    bad: &[
        Example::Model(
            "streams:
  customer: { key: 'customer-{id}' }
events:
  CustomerCreated: { stream: customer }
  CustomerUpdated: { stream: customer }
  CustomerDeleted: { stream: customer }
",
        ),
        Example::Model(
            "streams:
  room: { key: 'room-{id}' }
events:
  RoomCreated: { stream: room }
  RoomDeleted: { stream: room }
",
        ),
        Example::Events(
            "{\"stream_id\":\"customer-1\",\"version\":1,\"type\":\"customer-created\"}
{\"stream_id\":\"customer-1\",\"version\":2,\"type\":\"customer-changed\"}",
        ),
    ],
    good: &[
        Example::Model(
            "streams:
  account: { key: 'account-{id}' }
events:
  AccountCreated: { stream: account }
  MoneyDeposited: { stream: account }
  MoneyWithdrawn: { stream: account }
  AccountClosed: { stream: account }
",
        ),
        // Alone it says nothing of the stream.
        Example::Model("streams:\n  note: { key: 'note-{id}' }\nevents:\n  NoteCreated: { stream: note }\n"),
        // What changed is said.
        Example::Events(
            "{\"stream_id\":\"product-1\",\"version\":1,\"type\":\"ProductListed\"}
{\"stream_id\":\"product-1\",\"version\":2,\"type\":\"ProductPriceChanged\"}",
        ),
        Example::Events("{\"stream_id\":\"kunde-1\",\"type\":\"kunde-geändert\"}"),
    ],
    check,
};

/// What a name says of a row.
#[derive(Clone, Copy, PartialEq)]
enum Crud {
    /// That it came or went, which may be all there is to say.
    Light,
    /// That something in it is other than before.
    Heavy,
}

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    if let Some(model) = &subject.model {
        for stream in &model.streams {
            let name = stream.name.value.as_str();
            let of_stream = model.events_of(name).map(|event| {
                let event_name = event.name.value.as_str();
                (event_name, Place::new(format!("events.{event_name}"), event.name.span))
            });
            look_at(rule, name, format!("streams.{name}"), of_stream.collect(), findings);
        }
    }
    if let Some(sample) = &subject.sample {
        for (category, types) in by_category(subject, sample) {
            let of_category = types.into_iter().map(|(name, _)| (name, Place::new(name, None)));
            look_at(rule, category, in_sample(category), of_category.collect(), findings);
        }
    }
}

fn look_at(
    rule: &'static Rule,
    stream: &str,
    path: String,
    events: Vec<(&str, Place)>,
    findings: &mut Findings,
) {
    let all = events.len();
    let crud: Vec<_> =
        events.into_iter().filter_map(|(name, place)| Some((crud_of(name, stream)?, name, place))).collect();
    let heavy = crud.iter().filter(|(crud, ..)| *crud == Crud::Heavy).count();
    let is_only_rows = crud.len() == all && all > 1;
    if heavy == 0 && !is_only_rows {
        return;
    }
    let names = listed(crud.iter().map(|(_, name, _)| name));
    let weight = heavy * 2 + (crud.len() - heavy);
    let severity = if weight >= all { Severity::Warning } else { Severity::Note };
    let of = if stream.is_empty() { String::new() } else { format!(" of `{stream}`") };
    let (said, asked) = (
        format!("{} of {all} events{of} say what became of a row: {names}", crud.len()),
        format!("ask why the {} changed: each answer is an event with a name of its own", thing(stream)),
    );
    let places: Vec<Place> = crud.into_iter().map(|(.., place)| place).collect();
    // It is the stream that is like a table, even where one event says so.
    let span = places.first().and_then(|place| place.span);
    let finding = Finding { others: places, ..Finding::new(rule, Place::new(path, span), said) };
    findings.add(finding.severity(severity).help(asked));
}

/// The path of a category; types whose streams have none are together under `types`.
fn in_sample(category: &str) -> String {
    if category.is_empty() { "types".to_owned() } else { category.to_owned() }
}

fn thing(stream: &str) -> &str {
    if stream.is_empty() { "row" } else { stream }
}

fn crud_of(name: &str, stream: &str) -> Option<Crud> {
    let name = TypeName::of(name);
    let (before, happened) = name.happening()?;
    match happened {
        "created" | "deleted" => Some(Crud::Light),
        "updated" | "modified" | "saved" | "edited" | "upserted" | "inserted" => Some(Crud::Heavy),
        // `PriceChanged` says what changed, `CustomerChanged` of a customer does not.
        "changed" if before.is_empty() || is_called(stream, before) => Some(Crud::Heavy),
        _ => None,
    }
}

/// Whether the words are the name of the stream, which may be in the plural.
fn is_called(stream: &str, words: &[String]) -> bool {
    let (stream, words) = (words::split(stream).join(" "), words.join(" "));
    stream == words || stream.strip_suffix('s') == Some(&words)
}
