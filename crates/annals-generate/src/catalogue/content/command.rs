//! A command: what it decides about and on, what it writes, and why it may be refused.

use annals_model::model::{Boundary, Command, Model, Named};

use super::super::page::{Entry, Inline, Kind, Said, code, codes, links, listed, words};
use super::{fields, meaning};
use crate::relations;

pub(super) fn entry(model: &Model, command: &Named<Command>) -> Entry {
    let (name, it) = (command.name.value.as_str(), &command.it);
    let mut entry = Entry::new(Kind::Command, name);
    entry.lead = it.because.as_ref().map(|because| because.value.clone());
    entry.fact("Stream", it.stream.iter().map(|of| Inline::Link(Kind::Stream, of.value.clone())).collect());
    entry.fact("Expects", it.expects.as_ref().map(|it| meaning(&it.value)).unwrap_or_default());
    entry.fact("Writes", links(Kind::Event, it.emits.iter().map(|event| event.value.as_str())));
    entry.fact("Refused as", codes(it.rejects.iter().map(|reason| reason.value.as_str())));
    entry.fact("Looks at", it.boundary.as_ref().map(boundary).unwrap_or_default());
    entry.fact("Decides on", links(Kind::Projection, it.reads.iter().map(|read| read.value.as_str())));
    entry.fact("Done once for each", codes(it.once_per.iter().map(|once| once.value.as_str())));
    let senders = relations::senders(model, name).map(|process| process.name.value.as_str());
    entry.fact("Sent by", links(Kind::Process, senders));
    let examples =
        relations::examples(model, name).map(|(n, _)| vec![Inline::Link(Kind::Example, n.to_string())]);
    entry.fact("Examples", listed(examples));
    let rule = |name: &str, said: &str| vec![code(name), words(format!(": {said}"))];
    entry.list("Rules", it.rules.iter().map(|of| rule(&of.name.value, &of.it.value)).collect());
    entry.table("Fields", fields::rows(&it.fields, &[]));
    entry
}

fn boundary(of: &Boundary) -> Said {
    let mut said = links(Kind::Event, of.events.iter().map(|event| event.value.as_str()));
    if !of.tags.is_empty() {
        said.push(words(" with the same "));
        said.extend(codes(of.tags.iter().map(|tag| tag.value.as_str())));
    }
    if !said.is_empty() {
        said.push(words(", of any stream"));
    }
    said
}
