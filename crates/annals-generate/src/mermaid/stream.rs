//! A stream from its first event to the one that closes it.

use std::fmt::Write as _;

use annals_model::model::{Event, Model, Named, Stream};

use crate::relations::emitters;

use super::label;

/// The states are `open` and `closed`: what lies between, only the decider knows.
pub(super) fn diagram(model: &Model, stream: &Named<Stream>) -> String {
    let name = stream.name.value.as_str();
    let closes = |event: &str| stream.it.closes.iter().any(|it| it.value == event);
    let others: Vec<&Named<Event>> =
        model.events_of(name).filter(|event| !closes(&event.name.value)).collect();
    let begins = |event: &&&Named<Event>| {
        let mut commands = emitters(model, &event.name.value);
        commands.any(|command| command.it.expects.as_ref().is_some_and(|it| it.value == "new-stream"))
    };
    let first: Vec<&&Named<Event>> = others.iter().filter(begins).collect();
    let mut text =
        "stateDiagram-v2\n  direction LR\n  state \"open\" as open\n  state \"closed\" as closed\n"
            .to_owned();
    // Where no command says that it begins one, any of them may.
    let begin = if first.is_empty() { others.iter().collect() } else { first.clone() };
    let is_first = |event: &&&Named<Event>| first.iter().any(|it| it.name.value == event.name.value);
    let go_on = others.iter().filter(|event| !is_first(event));
    go(&mut text, "[*]", "open", begin.iter().map(|event| event.name.value.as_str()));
    go(&mut text, "open", "open", go_on.map(|event| event.name.value.as_str()));
    go(&mut text, "open", "closed", stream.it.closes.iter().map(|event| event.value.as_str()));
    text.push_str("  closed --> [*]\n");
    text
}

/// One edge for all of these events: several between the same two states are drawn over each other.
fn go<'m>(text: &mut String, from: &str, to: &str, events: impl Iterator<Item = &'m str>) {
    let labels: Vec<String> = events.map(label).collect();
    if !labels.is_empty() {
        let _ = writeln!(text, "  {from} --> {to} : {}", labels.join("<br>"));
    }
}
