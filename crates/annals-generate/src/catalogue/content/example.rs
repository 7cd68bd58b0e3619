//! An example: given what has happened, when this is asked, then this comes of it.

use annals_model::model::{Example, Saying, Then};

use super::super::page::{Entry, Inline, Kind, Said, code, plain, words};
use crate::document::{Doc, one_line};

pub(super) fn entry(number: usize, example: &Example) -> Entry {
    let mut entry = Entry::new(Kind::Example, &number.to_string());
    entry.title = Some(title(number, example));
    if example.given.is_empty() {
        entry.fact("Given", plain("nothing has happened"));
    }
    for given in &example.given {
        entry.fact("Given", saying(Kind::Event, &given.value));
    }
    if let Some(when) = &example.when {
        entry.fact("When", saying(Kind::Command, &when.value));
    }
    match example.then.as_ref().map(|then| &then.value) {
        Some(Then::Rejects(why)) => entry.fact("Then", vec![words("it is refused: "), code(why)]),
        Some(Then::Events(events)) if events.is_empty() => entry.fact("Then", plain("nothing happens")),
        Some(Then::Events(events)) => {
            for event in events {
                entry.fact("Then", saying(Kind::Event, event));
            }
        }
        None => {}
    }
    entry
}

fn title(number: usize, example: &Example) -> String {
    let Some(when) = &example.when else { return format!("Example {number}") };
    let when = &when.value.name;
    match example.then.as_ref().map(|then| &then.value) {
        Some(Then::Rejects(why)) => format!("{number}. {when} is refused: {why}"),
        Some(Then::Events(events)) if !events.is_empty() => {
            let events: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
            format!("{number}. {when} gives {}", events.join(", "))
        }
        _ => format!("{number}. {when}"),
    }
}

fn saying(kind: Kind, saying: &Saying) -> Said {
    let mut said = vec![Inline::Link(kind, saying.name.clone())];
    if !saying.fields.is_empty() {
        let fields = saying.fields.iter().map(|(name, value)| (name.clone(), Doc::from(value))).collect();
        said.extend([words(" "), code(one_line(&Doc::Map(fields)))]);
    }
    said
}
