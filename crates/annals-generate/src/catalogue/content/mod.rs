//! What is said of each part of a model.

mod command;
mod event;
mod example;
mod fields;
mod privacy;
mod reader;
mod stream;

use annals_model::model::Model;

use super::page::{Anchors, Entry, Kind, Page, Said, codes, links, plain};
use super::questions::questions;
use crate::json_schema::used;
use crate::relations::by_stream;

pub(super) fn page(model: &Model) -> Page {
    let mut entries: Vec<Entry> = model.streams.iter().map(|stream| stream::entry(model, stream)).collect();
    for (stream, events) in by_stream(model) {
        entries.extend(events.into_iter().map(|event| event::entry(model, stream, event)));
    }
    entries.extend(model.commands.iter().map(|command| command::entry(model, command)));
    entries.extend(model.projections.iter().map(|projection| reader::projection(model, projection)));
    entries.extend(model.processes.iter().map(reader::process));
    entries.extend(model.types.iter().map(|own| {
        let mut entry = Entry::new(Kind::Type, &own.name.value);
        let users = model
            .events
            .iter()
            .filter(|event| used(model, &event.it.fields).contains(own.name.value.as_str()));
        entry.fact("Used in", links(Kind::Event, users.map(|event| event.name.value.as_str())));
        entry.table("Fields", fields::rows(&own.it, &[]));
        entry
    }));
    entries.extend(model.privacy.iter().map(|class| privacy::entry(model, class)));
    entries.extend((1..).zip(&model.examples).map(|(n, example)| example::entry(n, example)));
    Page {
        title: model.context.as_ref().map_or_else(|| "Events".to_owned(), |context| context.value.clone()),
        owner: model.owner.as_ref().map(|owner| owner.value.clone()),
        envelope: envelope(model),
        entries,
        questions: questions(model),
        anchors: Anchors::of(model),
    }
}

fn envelope(model: &Model) -> Vec<(&'static str, Said)> {
    let mut facts = Vec::new();
    if let Some(id) = &model.envelope.id {
        facts.push(("Identified by", codes([id.value.as_str()])));
    }
    if !model.envelope.require.is_empty() {
        facts.push(("Every event carries", codes(model.envelope.require.iter().map(|it| it.value.as_str()))));
    }
    facts
}

/// `10y` as `10 years`.
fn lasting(of: &str) -> String {
    let unit = of.trim_start_matches(|c: char| c.is_ascii_digit());
    let (count, _) = of.split_at(of.len() - unit.len());
    let unit = match unit {
        "ms" => "millisecond",
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "y" => "year",
        _ => return of.to_owned(),
    };
    format!("{count} {unit}{}", if count == "1" { "" } else { "s" })
}

/// `40000` as `40 000`, with a space that no line ends at.
fn count(of: u64) -> String {
    let digits = of.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) && digits.len() > 4 {
            out.push('\u{a0}');
        }
        out.push(digit);
    }
    out
}

/// A word of the model as prose: `skip-by-position` with what it means, where that is known.
fn meaning(of: &str) -> Said {
    let said = match of {
        "skip-by-position" => "passed over by their position, which is kept in the transaction of the rows",
        "idempotent" => "harmless: taking one in again changes nothing",
        "once-per-event" => "passed over: what an event causes is done once",
        "side-by-side" => "beside the old one, which serves until the new one is complete",
        "in-place" => "in place: readers see it grow",
        "retry" => "tried again",
        "park" => "put aside, and the others go on",
        "new-stream" => "that the stream is new",
        "existing-stream" => "that the stream is there",
        other => other,
    };
    plain(said)
}
