//! Who takes events in: read models and processes.

use annals_model::model::{Model, Named, Process, Projection};
use annals_model::text::At;

use super::super::page::{Entry, Inline, Kind, Said, codes, links, listed, plain, words};
use super::{fields, lasting, meaning};
use crate::relations;

pub(super) fn projection(model: &Model, projection: &Named<Projection>) -> Entry {
    let (name, it) = (projection.name.value.as_str(), &projection.it);
    let mut entry = Entry::new(Kind::Projection, name);
    entry.fact("Made from", links(Kind::Event, it.from.iter().map(|event| event.value.as_str())));
    entry.fact("A row for each", codes(it.key.iter().map(|key| key.value.as_str())));
    let lookers = relations::lookers(model, name).map(|command| command.name.value.as_str());
    entry.fact("Looked at by", links(Kind::Command, lookers));
    entry.fact("Duplicates are", meant(&it.duplicates));
    entry.fact("Built anew", meant(&it.rebuild));
    let behind = it.lag.as_ref().map(|lag| plain(format!("{} at most", lasting(&lag.value))));
    entry.fact("Behind by", behind.unwrap_or_default());
    entry.fact("On an erasure request", it.erase.as_ref().map(|it| plain(&it.value)).unwrap_or_default());
    entry.fact("Also does", listed(it.effects.iter().map(|effect| plain(&effect.value))));
    entry.table("Fields", fields::rows(&it.fields, &[]));
    entry
}

pub(super) fn process(process: &Named<Process>) -> Entry {
    let it = &process.it;
    let mut entry = Entry::new(Kind::Process, &process.name.value);
    entry.fact("One for each", codes(it.by.iter().map(|by| by.value.as_str())));
    entry.fact("Begins with", links(Kind::Event, it.starts.iter().map(|event| event.value.as_str())));
    entry.fact("Ends with", links(Kind::Event, it.ends.iter().map(|event| event.value.as_str())));
    entry.fact("Duplicates are", meant(&it.duplicates));
    entry.fact("What fails is", meant(&it.failure));
    let mut steps: Vec<Said> = Vec::new();
    for reaction in &it.reacts {
        let mut said = vec![words("On "), Inline::Link(Kind::Event, reaction.name.value.clone())];
        if reaction.it.is_empty() {
            said.push(words(" nothing"));
        } else {
            said.push(words(" sends "));
            said.extend(links(Kind::Command, reaction.it.iter().map(|command| command.value.as_str())));
        }
        steps.push(said);
    }
    if let Some(after) = &it.after {
        let wait = after.wait.as_ref().map_or_else(|| "some time".to_owned(), |wait| lasting(&wait.value));
        let mut said = plain(format!("After {wait}, when it has not ended, sends "));
        said.extend(links(Kind::Command, after.does.iter().map(|command| command.value.as_str())));
        steps.push(said);
    }
    entry.list("What it does", steps);
    entry
}

fn meant(of: &Option<At<String>>) -> Said {
    of.as_ref().map(|it| meaning(&it.value)).unwrap_or_default()
}
