//! Who writes an event and who reads it: the edges of a model, looked at from both of their ends.

use annals_model::model::{Command, Event, Example, Model, Named, Process, Projection};
use annals_model::text::At;

/// What a process has to do with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Starts,
    Reacts,
    Ends,
}

fn names(of: &[At<String>], name: &str) -> bool {
    of.iter().any(|one| one.value == name)
}

/// The commands that may write an event.
pub(crate) fn emitters<'m>(model: &'m Model, event: &'m str) -> impl Iterator<Item = &'m Named<Command>> {
    model.commands.iter().filter(move |command| names(&command.it.emits, event))
}

/// The commands that look at an event before they decide, beyond the stream that they decide about.
pub(crate) fn deciders<'m>(model: &'m Model, event: &'m str) -> impl Iterator<Item = &'m Named<Command>> {
    let looks = move |command: &&Named<Command>| {
        command.it.boundary.as_ref().is_some_and(|boundary| names(&boundary.events, event))
    };
    model.commands.iter().filter(looks)
}

/// The read models that are made from an event.
pub(crate) fn projections<'m>(
    model: &'m Model,
    event: &'m str,
) -> impl Iterator<Item = &'m Named<Projection>> {
    model.projections.iter().filter(move |projection| names(&projection.it.from, event))
}

/// What a process has to do with an event, in the order of a process's life.
pub(crate) fn parts(process: &Process, event: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    if names(&process.starts, event) {
        parts.push(Part::Starts);
    }
    if process.reacts.iter().any(|reaction| reaction.name.value == event) {
        parts.push(Part::Reacts);
    }
    if names(&process.ends, event) {
        parts.push(Part::Ends);
    }
    parts
}

/// The events that a process takes in, each once.
pub(crate) fn taken_in(process: &Process) -> Vec<&str> {
    let starts = process.starts.iter().map(|event| event.value.as_str());
    let reacts = process.reacts.iter().map(|reaction| reaction.name.value.as_str());
    let ends = process.ends.iter().map(|event| event.value.as_str());
    once(starts.chain(reacts).chain(ends))
}

/// The commands that a process sends, each once.
pub(crate) fn sent(process: &Process) -> Vec<&str> {
    let reactions = process.reacts.iter().flat_map(|reaction| &reaction.it);
    let later = process.after.iter().flat_map(|after| &after.does);
    once(reactions.chain(later).map(|command| command.value.as_str()))
}

/// The processes that send a command.
pub(crate) fn senders<'m>(model: &'m Model, command: &'m str) -> impl Iterator<Item = &'m Named<Process>> {
    model.processes.iter().filter(move |process| sent(&process.it).contains(&command))
}

/// The commands that decide on a read model.
pub(crate) fn lookers<'m>(model: &'m Model, projection: &'m str) -> impl Iterator<Item = &'m Named<Command>> {
    model.commands.iter().filter(move |command| names(&command.it.reads, projection))
}

/// The examples of a command, with their numbers from 1.
pub(crate) fn examples<'m>(model: &'m Model, command: &'m str) -> impl Iterator<Item = (usize, &'m Example)> {
    let is_of = move |example: &&Example| example.when.as_ref().is_some_and(|it| it.value.name == command);
    (1..).zip(&model.examples).filter(move |(_, example)| is_of(example))
}

/// The events by their streams, in the order of the model; last those of no stream that it has.
pub(crate) fn by_stream(model: &Model) -> Vec<(Option<&str>, Vec<&Named<Event>>)> {
    let known = model.streams.iter().map(|stream| stream.name.value.as_str());
    let mut groups: Vec<(Option<&str>, Vec<&Named<Event>>)> =
        known.map(|stream| (Some(stream), model.events_of(stream).collect())).collect();
    let is_known = |event: &&Named<Event>| {
        event.it.stream.as_ref().is_some_and(|stream| model.stream(&stream.value).is_some())
    };
    let others: Vec<&Named<Event>> = model.events.iter().filter(|event| !is_known(event)).collect();
    if !others.is_empty() {
        groups.push((None, others));
    }
    groups
}

/// Each once, where it came first.
pub(crate) fn once<'m>(of: impl Iterator<Item = &'m str>) -> Vec<&'m str> {
    let mut seen = std::collections::BTreeSet::new();
    of.filter(|one| seen.insert(*one)).collect()
}
