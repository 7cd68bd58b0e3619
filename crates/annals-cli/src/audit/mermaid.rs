//! A story as a sequence diagram: who, or which stream, made an event happen in which stream.

use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::output::{Lines, to_the_second};

use super::said::members;
use super::story::{More, Story, Told};

/// So much of a value is shown in a diagram.
const SHOWN_MAX: usize = 60;

pub(super) fn print(story: &Story, values: bool, out: &mut Lines) -> Result<(), Failure> {
    let mut diagram =
        Diagram { values, actors: BTreeMap::new(), streams: BTreeMap::new(), messages: Vec::new() };
    for told in &story.told {
        diagram.event(told);
    }
    out.write("sequenceDiagram")?;
    for (name, id) in in_order(&diagram.actors) {
        out.write(&format!("    actor {id} as {}", escaped(name)))?;
    }
    for (name, id) in in_order(&diagram.streams) {
        out.write(&format!("    participant {id} as {}", escaped(name)))?;
    }
    for message in &diagram.messages {
        out.write(&format!("    {message}"))?;
    }
    if story.more != More::Nothing
        && let Some((_, id)) = in_order(&diagram.streams).first()
    {
        out.write(&format!("    Note over {id}: and more"))?;
    }
    Ok(())
}

/// Who takes part, by the number that each came with.
fn in_order(of: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    let mut all: Vec<(&str, &str)> = of.iter().map(|(name, id)| (name.as_str(), id.as_str())).collect();
    all.sort_by_key(|(_, id)| (id.len(), *id));
    all
}

struct Diagram {
    values: bool,
    /// Names and what they are called in the diagram.
    actors: BTreeMap<String, String>,
    streams: BTreeMap<String, String>,
    messages: Vec<String>,
}

impl Diagram {
    fn event(&mut self, told: &Told) {
        let event = &told.event;
        let to = id(&mut self.streams, "s", event.stream_id.as_str());
        let from = match (&told.cause, told.actor()) {
            (Some(cause), _) => id(&mut self.streams, "s", &cause.stream),
            (None, Some(actor)) => id(&mut self.actors, "a", &actor),
            (None, None) => id(&mut self.actors, "a", "unknown"),
        };
        let label = format!("v{} {}", event.stream_version, event.event_type);
        self.messages.push(format!("{from}->>{to}: {}", escaped(&label)));
        let mut lines = vec![to_the_second(&event.occurred_at.to_string())];
        if let (Some(_), Some(actor)) = (&told.cause, told.actor()) {
            lines.push(format!("by {actor}"));
        }
        lines.extend(told.reason().or_else(|| told.command()));
        for (member, value) in members(&event.payload).into_iter().take(6) {
            lines.push(if self.values { format!("{member} = {value}") } else { member });
        }
        let lines: Vec<String> = lines.iter().map(|line| escaped(&short(line))).collect();
        self.messages.push(format!("Note right of {to}: {}", lines.join("<br/>")));
        for caused in &told.caused {
            self.event(caused);
        }
    }
}

fn id(known: &mut BTreeMap<String, String>, letter: &str, name: &str) -> String {
    let next = format!("{letter}{}", known.len() + 1);
    known.entry(name.to_owned()).or_insert(next).clone()
}

fn short(text: &str) -> String {
    match text.chars().count() > SHOWN_MAX {
        true => text.chars().take(SHOWN_MAX - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// Text in which nothing means anything to Mermaid: whatever is no plain character is written by its number.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => escaped.push(' '),
            c if c.is_alphanumeric() || " -_.,=/'…–→".contains(c) => escaped.push(c),
            c => escaped.push_str(&format!("#{};", u32::from(c))),
        }
    }
    // `end` alone closes a block.
    if escaped.trim() == "end" { escaped.replace("end", "#101;nd") } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_means_anything_to_mermaid() {
        assert_eq!(escaped("a;b#c:d\ne"), "a#59;b#35;c#58;d e");
        assert_eq!(escaped("<br/>"), "#60;br/#62;");
        assert_eq!(escaped("end"), "#101;nd");
        assert_eq!(escaped("%%{init}"), "#37;#37;#123;init#125;");
    }
}
