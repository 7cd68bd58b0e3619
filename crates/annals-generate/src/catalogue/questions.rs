//! What a model leaves open, as questions to those who know.

use annals_model::model::{Model, version};

use super::page::{Inline, Kind, Said, code, words};
use crate::relations::emitters;

pub(super) fn questions(model: &Model) -> Vec<Said> {
    let mut asked = Asked(Vec::new());
    if model.owner.is_none() {
        asked.0.push(vec![words("Who answers for this context?")]);
    }
    streams(model, &mut asked);
    events(model, &mut asked);
    commands(model, &mut asked);
    readers(model, &mut asked);
    personal_data(model, &mut asked);
    asked.0
}

struct Asked(Vec<Said>);

impl Asked {
    /// Asks about an entry, `before` and `after` its name.
    fn ask(&mut self, is_open: bool, before: &str, kind: Kind, name: &str, after: &str) {
        if is_open {
            self.0.push(vec![words(before), Inline::Link(kind, name.to_owned()), words(after)]);
        }
    }
}

fn streams(model: &Model, asked: &mut Asked) {
    for stream in &model.streams {
        let (name, it) = (&stream.name.value, &stream.it);
        let mut ask = |is_open, before, after| asked.ask(is_open, before, Kind::Stream, name, after);
        ask(it.why.is_none(), "Which rule draws the boundary of ", "?");
        ask(it.concurrency.is_none(), "What guards appends to ", ": the version that was read, or nothing?");
        ask(it.length.is_none(), "How many events does ", " get, usually and at most?");
        ask(it.retain.is_none(), "How long are events of ", " kept, and what happens then?");
    }
}

fn events(model: &Model, asked: &mut Asked) {
    for event in &model.events {
        let (name, it) = (&event.name.value, &event.it);
        let mut ask = |is_open, before: &str, after: &str| {
            asked.ask(is_open, before, Kind::Event, name, after);
        };
        ask(it.stream.is_none(), "To which stream does ", " belong?");
        let is_written = emitters(model, name).next().is_some();
        ask(!model.commands.is_empty() && !is_written, "Which command writes ", "?");
        let missing =
            (1..version(it)).filter(|from| !it.upcasts.iter().any(|upcast| upcast.from.value == *from));
        // One is enough to be asked about: a version may be any number.
        if let Some(from) = missing.take(1).next() {
            ask(true, &format!("How is version {from} of "), " read today?");
        }
    }
}

fn commands(model: &Model, asked: &mut Asked) {
    for command in &model.commands {
        let (name, it) = (&command.name.value, &command.it);
        let mut ask = |is_open, before, after| asked.ask(is_open, before, Kind::Command, name, after);
        ask(it.once_per.is_none(), "What makes a repetition of ", " the same command?");
        ask(it.emits.is_empty(), "Which events does ", " write?");
    }
}

fn readers(model: &Model, asked: &mut Asked) {
    for projection in &model.projections {
        let (name, it) = (&projection.name.value, &projection.it);
        let mut ask = |is_open, before, after| asked.ask(is_open, before, Kind::Projection, name, after);
        ask(it.duplicates.is_none(), "What does ", " do with an event that comes twice?");
        ask(it.rebuild.is_none(), "How is ", " built anew?");
        let has_personal = it.fields.iter().any(|field| field.it.privacy.is_some());
        ask(
            has_personal && it.erase.is_none(),
            "What becomes of a person's rows in ",
            " on an erasure request?",
        );
    }
    for process in &model.processes {
        let (name, it) = (&process.name.value, &process.it);
        let mut ask = |is_open, before, after| asked.ask(is_open, before, Kind::Process, name, after);
        ask(it.duplicates.is_none(), "What does ", " do with an event that comes twice?");
        ask(it.failure.is_none(), "What happens when a step of ", " fails?");
        ask(it.ends.is_empty(), "With which events does ", " end?");
    }
}

fn personal_data(model: &Model, asked: &mut Asked) {
    for class in &model.privacy {
        let name = &class.name.value;
        asked.ask(
            class.it.erase.is_none(),
            "What does an erasure request do to data of class ",
            Kind::Privacy,
            name,
            "?",
        );
    }
    for event in &model.events {
        for field in event.it.fields.iter().filter(|field| field.it.privacy.is_none()) {
            let about: Vec<&str> = event.it.stream.iter().map(|stream| stream.value.as_str()).collect();
            let about = [about.as_slice(), &[event.name.value.as_str()]].concat();
            let personal = annals_model::personal::Personal::of(&field.name.value, &about);
            if let Some(personal) = personal.filter(|it| it.may_be(&field.it.kind.value)) {
                asked.0.push(vec![
                    words("Is "),
                    code(&field.name.value),
                    words(" of "),
                    Inline::Link(Kind::Event, event.name.value.clone()),
                    words(format!(" {}? Then it needs a class of personal data.", personal.what())),
                ]);
            }
        }
    }
}
