//! What a process does, as a sequence between it and the streams.

use std::fmt::Write as _;

use annals_model::model::{Model, Named, Process};

use crate::relations::{once, sent, taken_in};

use super::label;

/// What stands for a stream that the model does not say.
const NO_STREAM: &str = "of no stream";

pub(super) fn diagram(model: &Model, process: &Named<Process>) -> String {
    let it = &process.it;
    let of_events = taken_in(it).into_iter().map(|event| stream_of_event(model, event));
    let of_commands = sent(it).into_iter().map(|command| stream_of_command(model, command));
    let streams = once(of_events.chain(of_commands));
    let lane = |stream: &str| streams.iter().position(|it| *it == stream).unwrap_or_default();
    let mut text = "sequenceDiagram\n".to_owned();
    for (n, stream) in streams.iter().enumerate() {
        let _ = writeln!(text, "  participant s{n} as {}", label(stream));
    }
    let _ = writeln!(text, "  participant x as {}", label(&process.name.value));
    let takes = |text: &mut String, event: &str| {
        let _ = writeln!(text, "    s{}->>x: {}", lane(stream_of_event(model, event)), label(event));
    };
    let sends = |text: &mut String, command: &str| {
        let _ = writeln!(text, "    x->>s{}: {}", lane(stream_of_command(model, command)), label(command));
    };
    let by = it.by.as_ref().map(|by| format!(", one for each {}", label(&by.value))).unwrap_or_default();
    if !it.starts.is_empty() {
        let _ = writeln!(text, "  Note over x: begins{by}");
    }
    let is_reaction = |event: &str| it.reacts.iter().any(|reaction| reaction.name.value == event);
    for event in it.starts.iter().filter(|event| !is_reaction(&event.value)) {
        takes(&mut text, &event.value);
    }
    for reaction in &it.reacts {
        let event = &reaction.name.value;
        let begins = it.starts.iter().any(|start| start.value == *event);
        let _ = writeln!(text, "  opt {} {}", if begins { "begins with" } else { "after" }, label(event));
        takes(&mut text, event);
        for command in &reaction.it {
            sends(&mut text, &command.value);
        }
        text.push_str("  end\n");
    }
    if let Some(after) = &it.after {
        let wait = after.wait.as_ref().map_or("some time", |wait| wait.value.as_str());
        let _ = writeln!(text, "  opt {} later, when it has not ended", label(wait));
        for command in &after.does {
            sends(&mut text, &command.value);
        }
        text.push_str("  end\n");
    }
    for event in &it.ends {
        let _ = writeln!(text, "  opt ends with {}", label(&event.value));
        takes(&mut text, &event.value);
        text.push_str("  end\n");
    }
    text
}

fn stream_of_event<'m>(model: &'m Model, event: &str) -> &'m str {
    let stream = model.event(event).and_then(|event| event.it.stream.as_ref());
    stream.map_or(NO_STREAM, |stream| stream.value.as_str())
}

fn stream_of_command<'m>(model: &'m Model, command: &str) -> &'m str {
    let command = model.commands.iter().find(|it| it.name.value == command);
    command.and_then(|command| command.it.stream.as_ref()).map_or(NO_STREAM, |stream| stream.value.as_str())
}
