//! An event: where it is, what it holds, who writes it and who reads it, and how its older versions are read.

use annals_model::model::{Event, Fields, Model, Named, Upcast, version};

use super::super::page::{Entry, Inline, Kind, Said, Tone, code, codes, links, listed, plain, words};
use super::fields;
use crate::json_schema::used;
use crate::names::kebab;
use crate::relations::{self, Part};

pub(super) fn entry(model: &Model, stream: Option<&str>, event: &Named<Event>) -> Entry {
    let (name, it) = (event.name.value.as_str(), &event.it);
    let mut entry = Entry::new(Kind::Event, name);
    entry.group = Some(stream.unwrap_or("of no stream").to_owned());
    let version = version(it);
    entry.badges.push((Tone::Plain, format!("v{version}")));
    if it.is_public {
        entry.badges.push((Tone::Public, "public".to_owned()));
    }
    if is_personal(model, it) {
        entry.badges.push((Tone::Private, "personal data".to_owned()));
    }
    entry.fact("Stored as", vec![code(kebab(name)), words(format!(", version {version}"))]);
    entry.fact("Stream", it.stream.iter().map(|of| Inline::Link(Kind::Stream, of.value.clone())).collect());
    let closes = stream
        .and_then(|name| model.stream(name))
        .is_some_and(|stream| stream.it.closes.iter().any(|closing| closing.value == name));
    entry.fact("Closes its stream", if closes { plain("yes, nothing follows it") } else { Vec::new() });
    let names = relations::emitters(model, name).map(|command| command.name.value.as_str());
    entry.fact("Written by", links(Kind::Command, names));
    let readers = relations::projections(model, name).map(|reader| reader.name.value.as_str());
    entry.fact("Read models", links(Kind::Projection, readers));
    entry.fact("Processes", processes(model, name));
    let deciders = relations::deciders(model, name).map(|command| command.name.value.as_str());
    entry.fact("Looked at by", links(Kind::Command, deciders));
    entry.fact("Tags", codes(it.tags.iter().map(|tag| tag.value.as_str())));
    if let Some(schema) = &it.schema {
        entry.fact("Fields", vec![words("as "), code(&schema.value), words(" says")]);
    }
    let tags: Vec<&str> = it.tags.iter().map(|tag| tag.value.as_str()).collect();
    entry.table("Fields", fields::rows(&it.fields, &tags));
    entry.list("Older versions", it.upcasts.iter().map(upcast).collect());
    entry
}

/// Whether a field, or one of the types that it is made of, has a class of personal data.
fn is_personal(model: &Model, event: &Event) -> bool {
    let is_personal = |fields: &Fields| fields.iter().any(|field| field.it.privacy.is_some());
    let used = used(model, &event.fields);
    let mut types = model.types.iter().filter(|own| used.contains(own.name.value.as_str()));
    is_personal(&event.fields) || types.any(|own| is_personal(&own.it))
}

fn processes(model: &Model, event: &str) -> Said {
    let told = model.processes.iter().filter_map(|process| {
        let parts = relations::parts(&process.it, event);
        let part = match parts.as_slice() {
            [] => return None,
            [Part::Starts] => " begins with it",
            [Part::Reacts] => " reacts to it",
            [Part::Ends] => " ends with it",
            [Part::Starts, Part::Reacts] => " begins with it and reacts",
            [Part::Reacts, Part::Ends] => " reacts to it and ends",
            _ => " begins and ends with it",
        };
        Some(vec![Inline::Link(Kind::Process, process.name.value.clone()), words(part)])
    });
    listed(told)
}

fn upcast(upcast: &Upcast) -> Said {
    let from = upcast.from.value;
    let mut parts: Vec<Said> = Vec::new();
    for added in &upcast.add {
        parts.push(vec![code(&added.name.value), words(" becomes "), code(&added.it.value)]);
    }
    for renamed in &upcast.rename {
        parts.push(vec![code(&renamed.name.value), words(" is now "), code(&renamed.it.value)]);
    }
    for removed in &upcast.remove {
        parts.push(vec![code(&removed.value), words(" goes")]);
    }
    if let Some(with) = &upcast.with {
        parts.push(vec![words("the function "), code(&with.value), words(" does the rest")]);
    }
    if parts.is_empty() {
        parts.push(plain("nothing changes"));
    }
    let mut said = plain(format!("Version {from} is read as {}: ", from.saturating_add(1)));
    said.extend(listed(parts));
    said
}
