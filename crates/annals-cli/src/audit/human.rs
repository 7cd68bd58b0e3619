//! A story for a person at a terminal.

use annals::{Payload, RecordedEvent};

use crate::failure::Failure;
use crate::output::{Lines, printable, terminal_width, to_the_second};

use super::said::members;
use super::state::{Beside, Changed, Difference, Said, State};
use super::story::{More, Of, Story, Told};

pub(super) fn print(story: &Story, beside: &[Beside], values: bool, out: &mut Lines) -> Result<(), Failure> {
    let page = Page { width: terminal_width(), values, one_stream: matches!(story.of, Of::Stream(_)) };
    out.write(&page.cut(title(story)))?;
    out.write("")?;
    for told in &story.told {
        page.event(told, "", "", out)?;
    }
    match story.more {
        More::Nothing => {}
        More::Exactly(more) => out.write(&format!("\n… {more} more; --limit tells more"))?,
        More::AtLeast(0) => out.write("\n… and those that are further on in the log")?,
        More::AtLeast(more) => out.write(&format!("\n… {more} more at least; --limit tells more"))?,
    }
    for beside in beside {
        out.write("")?;
        match beside {
            Beside::At(state) => page.state(state, out)?,
            Beside::Between(difference) => page.difference(difference, out)?,
        }
    }
    Ok(())
}

fn title(story: &Story) -> String {
    let of = match &story.of {
        Of::Stream(stream) => format!("stream {stream}"),
        Of::Correlation(id) => format!("correlation id {id}"),
        Of::Tag(tag) => format!("tag {tag}"),
    };
    let all = count(&story.told);
    // Those of a correlation id are one tree; what a stream or a tag caused is beside the story.
    let own = if matches!(story.of, Of::Correlation(_)) { all } else { story.told.len() };
    let events = if own == 1 { "1 event".to_owned() } else { format!("{own} events") };
    let caused = match all - own {
        0 => String::new(),
        1 => ", and 1 that was caused".to_owned(),
        caused => format!(", and {caused} that were caused"),
    };
    format!("{of}: {events}{caused} (times in UTC)")
}

fn count(told: &[Told]) -> usize {
    told.iter().map(|told| 1 + count(&told.caused)).sum()
}

struct Page {
    width: Option<usize>,
    values: bool,
    one_stream: bool,
}

impl Page {
    /// An event in one line, beneath it why it happened, what it said, and what it caused.
    fn event(&self, told: &Told, first: &str, rest: &str, out: &mut Lines) -> Result<(), Failure> {
        let event = &told.event;
        // What was caused stands in other streams.
        let place = match self.one_stream && first.is_empty() {
            true => format!("v{}", event.stream_version),
            false => format!("{} v{}", event.stream_id, event.stream_version),
        };
        let who = told.actor().map_or(String::new(), |actor| format!("  by {actor}"));
        let time = to_the_second(&event.occurred_at.to_string());
        out.write(&self.cut(format!("{first}{time}  {place}  {}{who}", event.event_type)))?;
        // A line leads down to what was caused, past what is said of the event itself.
        let line = if told.caused.is_empty() { " " } else { "│" };
        for detail in [why(told, !first.is_empty()), self.said(event)] {
            if !detail.is_empty() {
                out.write(&self.cut(format!("{rest}{line}   {detail}")))?;
            }
        }
        let last = told.caused.len().saturating_sub(1);
        for (n, caused) in told.caused.iter().enumerate() {
            let (branch, below) = if n == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.event(caused, &format!("{rest}{branch}"), &format!("{rest}{below}"), out)?;
        }
        Ok(())
    }

    fn said(&self, event: &RecordedEvent) -> String {
        if let Payload::Bytes(bytes) = &event.payload {
            return format!("{} bytes of {}", bytes.len(), event.content_type);
        }
        let shown = |(path, value): (String, String)| match self.values {
            true => format!("{path}={value}"),
            false => path,
        };
        members(&event.payload).into_iter().map(shown).collect::<Vec<_>>().join("  ")
    }

    fn state(&self, state: &State, out: &mut Lines) -> Result<(), Failure> {
        out.write(
            &self.cut(format!("Last said by version {} (not the domain's own state):", state.version)),
        )?;
        let width = width(state.members.keys());
        for (member, said) in &state.members {
            let value = if self.values { format!("{}  ", said.value) } else { String::new() };
            out.write(&self.cut(format!("  {member:<width$}  {value}({})", by(said))))?;
        }
        if state.members.is_empty() {
            out.write("  nothing")?;
        }
        Ok(())
    }

    fn difference(&self, difference: &Difference, out: &mut Lines) -> Result<(), Failure> {
        let Difference { from, to, changed } = difference;
        out.write(&self.cut(format!("Last said, from version {from} to version {to}:")))?;
        let width = width(changed.iter().map(|changed| &changed.member));
        for Changed { member, was, is } in changed {
            let value =
                |said: &Option<Said>| said.as_ref().map_or("–".to_owned(), |said| said.value.clone());
            let values = match self.values {
                true => format!("{} → {}  ", value(was), value(is)),
                false => String::new(),
            };
            let by = is.as_ref().map_or("another form of it".to_owned(), by);
            out.write(&self.cut(format!("  {member:<width$}  {values}({by})")))?;
        }
        if changed.is_empty() {
            out.write("  nothing changed")?;
        }
        Ok(())
    }

    /// A line that steers no terminal, and is no wider than the one it is shown on.
    fn cut(&self, line: String) -> String {
        let line = printable(&line);
        let line = line.trim_end();
        match self.width {
            Some(width) => console::truncate_str(line, width, "…").into_owned(),
            None => line.to_owned(),
        }
    }
}

fn why(told: &Told, is_beneath: bool) -> String {
    let mut parts = Vec::new();
    parts.extend(told.command().map(|command| format!("command {command}")));
    parts.extend(told.reason().map(|reason| format!("reason: {reason}")));
    // What stands beneath its cause need not name it.
    match (&told.cause, &told.event.causation_id) {
        (Some(cause), _) if !is_beneath => {
            parts.push(format!("caused by {}, {} v{}", cause.event_type, cause.stream, cause.version));
        }
        (None, Some(id)) => parts.push(format!("caused by {id}")),
        _ => {}
    }
    parts.join(", ")
}

fn by(said: &Said) -> String {
    format!("v{} {}, {}", said.version, said.event_type, to_the_second(&said.occurred_at.to_string()))
}

fn width<'m>(members: impl Iterator<Item = &'m String>) -> usize {
    /// One long name is no reason to move all values out of sight.
    const MOST: usize = 30;
    members.map(|member| member.chars().count()).max().unwrap_or(0).min(MOST)
}
