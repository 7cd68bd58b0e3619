use super::shared::{modelled, placeholders};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::model::{Erase, Event, Model, Named, PrivacyClass};
use crate::personal::Personal;
use crate::sample::{FieldSample, Look, Sample};
use crate::words::split;

pub(super) static RULE: Rule = Rule {
    id: "AN702",
    name: "pii-in-key-or-tag",
    severity: Severity::Error,
    reads: &[Input::Model, Input::Sample],
    what: "personal data stands in a stream id, a tag or the metadata",
    why: "Stream ids and tags are indexed, copied into logs, addresses and checkpoints, and cannot be encrypted: a \
          store finds events by them. Metadata is read by everything that passes an event on. Erasing a person from \
          there means writing the log anew.",
    mend: &[
        Mend {
            on: "",
            text: "Use an id that means nothing: `customer-0199f3a2…`, `customer:0199f3a2…`. Keep the way from the mail \
                   address to it in a table where a row can be deleted.",
        },
        Mend { on: "", text: "In the metadata, say the id of the account that acted, and not its name or address." },
        Mend {
            on: "",
            text: "Where a mail address has to be unique, give it a stream of its own with a keyed hash of it in the id.",
        },
    ],
    leave: "Where the value is that of an organisation and of no person.",
    sources: &[
        "https://dcb.events/topics/tags/",
        "https://docs.eventsourcingdb.io/best-practices/gdpr-compliance/",
    ],
    bad: &[
        Example::Model("streams:\n  customer: { key: 'customer-{email}' }\n"),
        Example::Model("events:\n  CustomerRegistered: { tags: [email], fields: { id: uuid, email: text } }\n"),
        Example::Model(
            "privacy:
  personal: { erase: shred, key: id }
events:
  CustomerRegistered: { tags: [nick], fields: { id: uuid, nick: { is: text, privacy: personal } } }
",
        ),
        Example::Events("{\"stream_id\":\"customer-anna@example.org\",\"type\":\"customer-registered\"}"),
        Example::Events("{\"type\":\"customer-registered\",\"tags\":[\"customer:anna@example.org\"]}"),
        Example::Events("{\"type\":\"customer-registered\",\"metadata\":{\"actor\":\"anna@example.org\"}}"),
        Example::Events("{\"type\":\"customer-registered\",\"metadata\":{\"client\":{\"ip\":\"203.0.113.9\"}}}"),
    ],
    good: &[
        Example::Model(
            "privacy:
  pseudonym: { erase: keep, because: meaningless once the key of the subject is gone }
streams:
  customer: { key: 'customer-{customer_id}' }
  product: { key: 'product-{name}' }
  address: { key: 'address-{email_hash}' }
events:
  OrderPlaced: { tags: [customer_id], fields: { customer_id: { is: uuid, privacy: pseudonym } } }
",
        ),
        Example::Events(
            "{\"stream_id\":\"customer-0199f3a2-7c1e-7d4f-8a6b-5c4d3e2f1a0b\",\"type\":\"t\",\"tags\":[\"sku:4711\"],\"metadata\":{\"actor\":\"job\",\"server_ip\":\"203.0.113.9\"}}
{\"stream_id\":\"order-4111111111111111\",\"type\":\"t\"}
{\"stream_id\":\"server-203.0.113.9\",\"type\":\"t\"}",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    if let Some(model) = &subject.model {
        in_keys(rule, model, findings);
        for event in &model.events {
            in_tags(rule, model, event, findings);
        }
    }
    if let Some(sample) = &subject.sample {
        in_sample(rule, subject.model.as_ref(), sample, findings);
    }
}

fn in_keys(rule: &'static Rule, model: &Model, findings: &mut Findings) {
    for stream in &model.streams {
        let Some(key) = &stream.it.key else { continue };
        let name = stream.name.value.as_str();
        for part in placeholders(&key.value) {
            let is_classed = model.events_of(name).any(|event| is_classed(model, event, part));
            let what = match Personal::of(part, &[name]) {
                Some(kind) => kind.what(),
                None if is_classed => "personal data",
                None => continue,
            };
            let place = Place::new(format!("streams.{name}.key"), key.span);
            findings.add(
                Finding::new(rule, place, format!("the id of stream `{name}` holds {what}: `{part}`")).help(format!(
                    "key: {name}-{{{name}_id}}, with an id that means nothing, and `{part}` as a field of an event"
                )),
            );
        }
    }
}

fn in_tags(rule: &'static Rule, model: &Model, event: &Named<Event>, findings: &mut Findings) {
    let name = event.name.value.as_str();
    for tag in &event.it.tags {
        let is_text = |kind: Personal| {
            let field = event.it.fields.iter().find(|field| field.name.value == tag.value);
            field.is_none_or(|field| kind.may_be(&field.it.kind.value))
        };
        let what = match Personal::of(&tag.value, &[name]).filter(|kind| is_text(*kind)) {
            Some(kind) => kind.what(),
            None if is_classed(model, event, &tag.value) => "personal data",
            None => continue,
        };
        let place = Place::new(format!("events.{name}.tags.{}", tag.value), tag.span);
        findings.add(
            Finding::new(
                rule,
                place,
                format!("`{name}` is found by a tag that holds {what}: `{}`", tag.value),
            )
            .help(format!("tag it by an id that means nothing in the place of `{}`", tag.value)),
        );
    }
}

/// Whether a field is of a class that is not kept.
fn is_classed(model: &Model, event: &Named<Event>, field: &str) -> bool {
    let field = event.it.fields.iter().find(|known| known.name.value == field);
    field.and_then(|field| field.it.privacy.as_ref()).is_some_and(|class| {
        let is_it = |known: &&Named<PrivacyClass>| known.name.value == class.value;
        let erase = model.privacy.iter().find(is_it).and_then(|known| known.it.erase.as_ref());
        erase.is_some_and(|erase| erase.value == Erase::Shred)
    })
}

fn in_sample(rule: &'static Rule, model: Option<&Model>, sample: &Sample, findings: &mut Findings) {
    // Ids are of a category and not of a type, so that one finding says it.
    let mut ids: std::collections::BTreeMap<(&str, Look), (u64, u64)> = std::collections::BTreeMap::new();
    for (name, seen) in &sample.types {
        if let Some((look, times)) = personal(&seen.streams) {
            let category = super::shared::category_of(seen);
            let all = ids.entry((category, look)).or_default();
            all.0 += times;
            all.1 += seen.streams.read;
        }
        let known = modelled(model, name).map_or(name.as_str(), |event| &event.name.value);
        if let Some((look, times)) = personal(&seen.tags) {
            let message =
                format!("tags of `{known}` look like {}: {times} of {}", look.plural(), seen.tags.read);
            findings.add(
                Finding::new(rule, Place::new(format!("{name}.tags"), None), message)
                    .help("tag events by ids that mean nothing from now on"),
            );
        }
        for (path, field) in &seen.metadata {
            let address = || address_of_person(path, field);
            if let Some((look, times)) = personal(field).or_else(address) {
                let message = format!(
                    "`{path}` in the metadata of `{known}` looks like {} in {times} of {} values",
                    look.plural(),
                    field.read
                );
                // Who acted may be told by an address, or may not.
                let severity = if look == Look::IpAddress { Severity::Warning } else { rule.severity };
                findings.add(
                    Finding::new(rule, Place::new(format!("{name}.metadata.{path}"), None), message)
                        .severity(severity)
                        .help("write the id of the account there, and keep what belongs to it where it can be deleted"),
                );
            }
        }
    }
    for ((category, look), (times, read)) in ids {
        let of = if category.is_empty() { String::new() } else { format!(" of `{category}`") };
        let message =
            format!("stream ids{of} look like {}: those of {times} of {read} events", look.plural());
        findings.add(
            Finding::new(rule, Place::new(format!("{category}.stream_id").trim_matches('.'), None), message)
                .help("give new streams ids that mean nothing, and keep the way to them in a table"),
        );
    }
}

/// An IP address in the metadata, where the name of the member says that it is that of who acted.
fn address_of_person(path: &str, field: &FieldSample) -> Option<(Look, u64)> {
    let words = split(path);
    let is_of_client =
        words.iter().any(|word| matches!(word.as_str(), "ip" | "client" | "remote" | "user" | "forwarded"))
            && !words.iter().any(|word| matches!(word.as_str(), "server" | "host" | "node" | "version"));
    let times = field.looks.get(&Look::IpAddress).copied().filter(|_| is_of_client)?;
    (times * 2 > field.read).then_some((Look::IpAddress, times))
}

/// What texts look like where that is of a person, and how many do. Numbers of cards are not asked for: ids are
/// numbers as well.
fn personal(field: &FieldSample) -> Option<(Look, u64)> {
    field
        .looks
        .iter()
        .map(|(look, times)| (*look, *times))
        .find(|(look, _)| matches!(look, Look::Mail | Look::Iban | Look::Phone))
}
