use super::on_store::{at_column, each_log};
use super::shared::modelled;
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::model::{Erase, Event, Field, FieldType, Model, Named, PrivacyClass};
use crate::personal::Personal;
use crate::sample::{FieldSample, Look, TypeSample, ValueKind};
use crate::shape::{Column, Kind};
use crate::words::{TypeName, split};

pub(super) static RULE: Rule = Rule {
    id: "AN701",
    name: "pii-in-clear",
    severity: Severity::Error,
    reads: &[Input::Model, Input::Store, Input::Sample],
    what: "an event holds personal data, and nothing says how it is erased",
    why: "A person may ask to be erased, and a log cannot forget: events are never changed, and their copies are in \
          backups, read models and other systems. What is in clear in an event stays there for good.",
    mend: &[
        Mend {
            on: "",
            text: "`privacy: personal` on the field, with a class that says `{ erase: shred, key: customer_id }`: the \
                   value is encrypted with a key of that person, and the key is thrown away.",
        },
        Mend { on: "", text: "`{ erase: outside }`: the event holds a reference, and the value stands where it can be deleted." },
        Mend { on: "", text: "Leave it out: many events need no more than the id of the person." },
        Mend {
            on: "",
            text: "For events that are stored, copy the log with the values encrypted or taken out, and throw the old \
                   one away with its backups.",
        },
    ],
    leave: "Where the value is not of a person, or has to be kept by law: `privacy:` with a class that says \
            `{ erase: keep, because: … }`.",
    sources: &[
        "https://docs.eventsourcingdb.io/best-practices/gdpr-compliance/",
        "https://verraes.net/2019/05/eventsourcing-patterns-throw-away-the-key/",
    ],
    bad: &[
        Example::Model("events:\n  OrderPlaced: { fields: { order_id: uuid, email: text } }\n"),
        Example::Model("events:\n  CustomerRegistered: { fields: { id: uuid, name: text } }\n"),
        Example::Model(
            "types:
  Address: { name: text, street: text, city: text }
events:
  OrderPlaced: { fields: { order_id: uuid, deliver_to: Address } }
",
        ),
        Example::Model("events:\n  OrderPlaced: { fields: { buyers: [{ first_name: text, share: int }] } }\n"),
        Example::Events("{\"type\":\"customer-registered\",\"data\":{\"login\":\"anna@example.org\"}}"),
        Example::Events("{\"type\":\"refund-asked\",\"data\":{\"to\":{\"account\":\"DE89370400440532013000\"}}}"),
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    customer_email text, PRIMARY KEY (stream_id, version));",
        ),
        Example::Events("{\"type\":\"call-made\",\"data\":{\"called\":\"+4915123456789\"}}"),
    ],
    good: &[
        Example::Model(
            "privacy:
  personal: { erase: shred, key: customer_id }
types:
  Address: { name: text, street: text }
  Contact: { email: { is: text, privacy: personal } }
events:
  CustomerRegistered:
    fields: { customer_id: uuid, email: { is: text, privacy: personal }, home: { is: Address, privacy: personal }, contact: Contact }
",
        ),
        Example::Model(
            "events:
  ProductListed: { fields: { name: text, file_name: text } }
  UserGroupCreated: { fields: { name: text, owner: { is: { id: uuid } } } }
  WarehouseOpened: { fields: { street: text, phone: text } }
  NoticeSent: { fields: { email_template: text, email_sent: bool, email_id: uuid, email_hash: text, email: bytes } }
  WalletLinked: { fields: { address: text } }
  ServerStarted: { fields: { ip_address: text } }
  EmailVerified: { fields: { email: bool, phone_model: text } }
",
        ),
        Example::Events(
            "{\"type\":\"app-released\",\"data\":{\"version\":\"8.8.8.8\",\"icon\":\"logo@2x.png\",\"repo\":\"git@example.com:a/b.git\"}}
{\"type\":\"payment-captured\",\"data\":{\"ref\":\"4111111111111112\",\"amount\":4111111111111111,\"delta\":\"+1250.50\"}}
{\"type\":\"host-seen\",\"data\":{\"server_ip\":\"203.0.113.9\",\"internal\":\"10.0.0.1\"}}",
        ),
        // Tables beside the log can be changed, and the name of an event is no name of a person.
        Example::Sql(
            "CREATE TABLE customer_events (stream_id text NOT NULL, version bigint NOT NULL, name text NOT NULL, payload jsonb NOT NULL,
    email_hash text, email_verified boolean, PRIMARY KEY (stream_id, version));
CREATE TABLE customers (id uuid PRIMARY KEY, email text, first_name text);",
        ),
        Example::Events("{\"type\":\"id-given\",\"data\":{\"n\":\"4111111111111111\"}}\n{\"type\":\"id-given\",\"data\":{\"n\":\"9999999999999999\"}}"),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    if let Some(model) = &subject.model {
        for event in &model.events {
            in_event(rule, model, event, findings);
        }
    }
    in_stores(rule, subject, findings);
    if let Some(sample) = &subject.sample {
        for (name, seen) in &sample.types {
            in_sample(rule, subject, name, seen, findings);
        }
    }
}

/// Columns of logs, by their names alone: what a table is about does not tell whether a `name` is that of a person.
fn in_stores(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |_, _, log| {
        for column in &log.table.columns {
            if let Some(kind) = Personal::of(&column.name, &[]).filter(|kind| may_hold(column, *kind)) {
                findings.add(
                    Finding::new(
                        rule,
                        at_column(log.table, column),
                        format!(
                            "{}.{} holds {} beside every event",
                            log.table.name,
                            column.name,
                            kind.what()
                        ),
                    )
                    .help(
                        "keep it in a table where it can be deleted, and the id of the person in the event",
                    ),
                );
            }
        }
    });
}

fn may_hold(column: &Column, kind: Personal) -> bool {
    match column.kind {
        Kind::Text | Kind::Char | Kind::Other => true,
        Kind::Date | Kind::Instant | Kind::LocalTime => kind == Personal::Birth,
        _ => false,
    }
}

fn in_event(rule: &'static Rule, model: &Model, event: &Named<Event>, findings: &mut Findings) {
    let name = event.name.value.as_str();
    let stream = event.it.stream.as_ref().map_or("", |stream| stream.value.as_str());
    // The stream says what an event is about that does not say it itself: `Registered` of a customer.
    let says_subject = TypeName::of(name).happening().is_none_or(|(before, _)| !before.is_empty());
    let about: &[&str] = if says_subject { &[name] } else { &[name, stream] };
    for field in event.it.fields.iter().filter(|field| field.it.privacy.is_none()) {
        let held = held(model, field, about, 0);
        let Some((_, kind)) = held.first() else { continue };
        let said = field.name.value.as_str();
        let message = match held.as_slice() {
            [(path, kind)] if path == said => {
                format!("`{name}` holds {} in `{said}`, and no class says how it is erased", kind.what())
            }
            _ => {
                let inner: Vec<&str> = held.iter().map(|(path, _)| path.as_str()).collect();
                format!(
                    "`{name}` holds personal data in `{said}` ({}), and no class says how it is erased",
                    inner.join(", ")
                )
            }
        };
        let class = class_for(model, *kind);
        let place = Place::new(format!("events.{name}.fields.{said}"), field.name.span);
        findings.add(
            Finding::new(rule, place, message)
                .help(format!("{said}: {{ is: {}, privacy: {class} }}", written(&field.it.kind.value))),
        );
    }
}

/// The class of the model that a field is most likely of; a word where there is none.
fn class_for(model: &Model, kind: Personal) -> &str {
    let fits = |class: &&Named<PrivacyClass>| {
        let erase = class.it.erase.as_ref().map(|erase| erase.value);
        erase != Some(Erase::Keep)
            && (class.name.value.contains("sensitive") == (kind == Personal::Sensitive))
    };
    model.privacy.iter().find(fits).map_or("personal", |class| &class.name.value)
}

/// The type as the model writes it.
fn written(kind: &FieldType) -> String {
    match kind {
        FieldType::Name(name) => name.clone(),
        FieldType::List(of) => format!("[{}]", written(of)),
        FieldType::Fields(_) | FieldType::OneOf(_) => "…".to_owned(),
    }
}

/// Types are made of types; one that is made of itself ends here.
const DEPTH: usize = 5;

/// The personal data in a field: itself, or what of its type is.
fn held(model: &Model, field: &Named<Field>, about: &[&str], depth: usize) -> Vec<(String, Personal)> {
    if field.it.privacy.is_some() {
        return Vec::new();
    }
    held_in(model, &field.name.value, &field.it.kind.value, about, depth)
}

fn held_in(
    model: &Model,
    name: &str,
    kind: &FieldType,
    about: &[&str],
    depth: usize,
) -> Vec<(String, Personal)> {
    if depth > DEPTH {
        return Vec::new();
    }
    match kind {
        FieldType::List(of) => held_in(model, name, of, about, depth),
        FieldType::Fields(fields) => {
            let about = [about, &[name]].concat();
            fields.iter().flat_map(|(inner, kind)| held_in(model, inner, kind, &about, depth)).collect()
        }
        FieldType::Name(type_name) => match model.types.iter().find(|own| own.name.value == *type_name) {
            Some(own) => {
                let about = [about, &[name, type_name.as_str()]].concat();
                own.it.iter().flat_map(|field| held(model, field, &about, depth + 1)).collect()
            }
            None => itself(name, kind, about),
        },
        FieldType::OneOf(_) => Vec::new(),
    }
}

fn itself(name: &str, kind: &FieldType, about: &[&str]) -> Vec<(String, Personal)> {
    let personal = Personal::of(name, about).filter(|personal| personal.may_be(kind));
    personal.map(|personal| (name.to_owned(), personal)).into_iter().collect()
}

fn in_sample(rule: &'static Rule, subject: &Subject, name: &str, seen: &TypeSample, findings: &mut Findings) {
    let mut found: Vec<(&str, Look, u64, u64)> = Vec::new();
    for (path, field) in seen.versions.values().flat_map(|shapes| &shapes.fields) {
        if let Some((look, times)) = personal_look(path, name, field)
            && !is_kept(subject, name, path)
        {
            match found.iter_mut().find(|(known, ..)| known == path) {
                Some((_, _, known, read)) => {
                    *known += times;
                    *read += field.read;
                }
                None => found.push((path, look, times, field.read)),
            }
        }
    }
    for (path, look, times, read) in found {
        let message =
            format!("`{path}` of `{name}` looks like {} in {times} of {read} values", look.plural());
        findings.add(
            Finding::new(rule, Place::new(format!("{name}.{path}"), None), message)
                .help("write new events without it, or with it encrypted by a key of the person")
                .help("copy the log to take it out of those that are stored: `annals explain AN701`"),
        );
    }
}

/// What a member looks like where that is personal, and how many of its values do.
fn personal_look(path: &str, type_name: &str, field: &FieldSample) -> Option<(Look, u64)> {
    let texts = field.kinds.get(&ValueKind::Text).copied().unwrap_or(0);
    let is_most = |times: u64| times * 2 > texts;
    let member = path.rsplit('.').next().unwrap_or(path).trim_end_matches("[]");
    field.looks.iter().map(|(look, times)| (*look, *times)).find(|(look, times)| match look {
        Look::Mail | Look::Iban => true,
        Look::Phone => is_most(*times),
        // One number in ten passes the check of a card, so that few values say nothing.
        Look::Card => {
            *times * 10 >= texts * 9 && (*times >= 3 || split(member).iter().any(|word| word == "card"))
        }
        Look::IpAddress => is_most(*times) && !is_of_machine(member) && !is_of_machine(type_name),
        Look::Uuid | Look::Time | Look::Secret => false,
    })
}

/// A number with three dots is a version as often as an address, and that of a machine is of no person.
fn is_of_machine(name: &str) -> bool {
    const MACHINES: [&str; 12] = [
        "version", "release", "build", "server", "host", "node", "device", "gateway", "router", "dns",
        "cluster", "proxy",
    ];
    split(name).iter().any(|word| MACHINES.contains(&word.as_str()))
}

/// Whether the model gives reasons why a value is kept.
fn is_kept(subject: &Subject, type_name: &str, path: &str) -> bool {
    let Some(model) = &subject.model else { return false };
    let first = path.split(['.', '[']).next().unwrap_or(path);
    let event = modelled(Some(model), type_name);
    let field = event.and_then(|event| event.it.fields.iter().find(|field| field.name.value == first));
    let class = field.and_then(|field| field.it.privacy.as_ref());
    class.is_some_and(|class| {
        let is_it = |known: &&Named<PrivacyClass>| known.name.value == class.value;
        let erase = model.privacy.iter().find(is_it).and_then(|class| class.it.erase.as_ref());
        erase.is_some_and(|erase| erase.value == Erase::Keep)
    })
}
