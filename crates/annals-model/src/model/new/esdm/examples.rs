//! Features: given, when, then.

use crate::model::{Example, Saying, Then};
use crate::text::{At, Span};

use super::super::names::pascal;
use super::super::tree::Tree;
use super::Document;
use super::context::{Making, text};
use super::index::unit;

impl Making<'_> {
    /// Given, when, then.
    pub(super) fn examples(&mut self, document: &Document) {
        let unit = unit(document).to_owned();
        let unsupported = unit.is_empty();
        if unsupported {
            self.notes
                .push(format!("feature {} is not about commands, so it is no example here", document.name));
            return;
        }
        for scenario in document.whole.items_of("scenarios") {
            let example = self.example(document, &unit, scenario);
            self.model.examples.extend(example);
        }
    }

    fn example(&mut self, document: &Document, unit: &str, scenario: &Tree) -> Option<Example> {
        let name = scenario.text_of("name");
        let when = scenario.get("when")?;
        let lookup = |kind: &str, of: &str| {
            let entries = [("boundedContext", self.context), ("aggregate", unit), (kind, of)];
            let entry = |(key, of): (&str, &str)| {
                (key.to_owned(), Tree::Text { text: of.to_owned(), is_quoted: true })
            };
            Tree::Map(entries.map(entry).into())
        };
        let command =
            self.index.command(&lookup("command", when.text_of("command"))).map(|(_, name)| name.to_owned());
        let event = |of: &Tree| {
            let reference = if of.text_of("boundedContext").is_empty() {
                lookup("event", of.text_of("event"))
            } else {
                of.clone()
            };
            let free = Tree::Map(
                reference.entries().iter().filter(|(key, _)| key != "aggregate").cloned().collect(),
            );
            let (context, name) = self.index.event(&reference).or_else(|| self.index.event(&free))?;
            (context == self.context).then(|| saying(name, of.get("data")))
        };
        let given: Option<Vec<_>> = scenario.items_of("given").iter().map(event).collect();
        let then = scenario.get("then")?;
        let events: Option<Vec<_>> = then.items_of("events").iter().map(event).collect();
        let rejection =
            then.get("rejection").map(|of| pascal(of.text_of("invariant"))).filter(|of| !of.is_empty());
        let (Some(command), Some(given), Some(events)) = (command, given, events) else {
            self.notes.push(format!("scenario {name} of {} uses what is not in this model", document.name));
            return None;
        };
        let then = match rejection {
            Some(why) => {
                if let Some(command) =
                    self.model.commands.iter_mut().find(|known| known.name.value == command)
                    && command.it.rejects.iter().all(|known| known.value != why)
                {
                    command.it.rejects.push(text(why.clone()));
                }
                Then::Rejects(why)
            }
            None => Then::Events(events),
        };
        Some(Example {
            given: given.into_iter().map(At::nowhere).collect(),
            when: Some(At::nowhere(saying(&command, when.get("data")))),
            then: Some(At::nowhere(then)),
            span: Span::NOWHERE,
        })
    }
}

fn saying(name: &str, data: Option<&Tree>) -> Saying {
    let fields = data.map(Tree::entries).unwrap_or_default();
    Saying {
        name: name.to_owned(),
        fields: fields.iter().map(|(name, of)| (name.clone(), of.json())).collect(),
    }
}
