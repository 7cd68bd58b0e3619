//! What things are called in a model: names in ESDM are unique within an aggregate, ours within a context.

use std::collections::{BTreeMap, BTreeSet};

use super::super::names::{contains, pascal, words};
use super::super::tree::Tree;
use super::Document;

/// Context, aggregate or boundary (empty for events that stand free), name.
type Key = (String, String, String);

#[derive(Default)]
pub(super) struct Index {
    events: BTreeMap<Key, String>,
    commands: BTreeMap<Key, String>,
    /// Events, by context and our name, that other contexts use.
    public: BTreeSet<(String, String)>,
}

impl Index {
    pub(super) fn of(documents: &[Document]) -> Self {
        let mut index = Self::default();
        let mut taken = BTreeSet::new();
        for document in documents {
            let unit = unit(document);
            let key = (document.context().to_owned(), unit.to_owned(), document.name.clone());
            let (own, of) = (words(&document.name), words(unit));
            match document.kind.as_str() {
                "event" => {
                    let name = if contains(&own, &of) { String::new() } else { pascal(unit) };
                    let name = free(&mut taken, &key.0, name + &pascal(&document.name), unit);
                    index.events.insert(key, name);
                }
                "command" => {
                    // `acquire` says of what only in its place.
                    let is_of = own.len() == 1 && !document.scope("aggregate").is_empty();
                    let name = pascal(&document.name) + &if is_of { pascal(unit) } else { String::new() };
                    let name = free(&mut taken, &key.0, name, unit);
                    index.commands.insert(key, name);
                }
                _ => {}
            }
        }
        for document in documents.iter().filter(|document| !document.context().is_empty()) {
            for used in ["projections", "consults"] {
                for reference in document.whole.items_of(used) {
                    index.uses(document.context(), reference);
                }
            }
        }
        for document in documents.iter().filter(|document| document.context().is_empty()) {
            let (events, commands) = handled(document);
            let Some(context) = index.home(&events, &commands).map(str::to_owned) else { continue };
            for event in events {
                index.uses(&context, event);
            }
        }
        index
    }

    /// The context that what belongs to none is told in: that of the first command it asks for, or else of the
    /// first event it takes in.
    pub(super) fn home(&self, events: &[&Tree], commands: &[&Tree]) -> Option<&str> {
        let commands = commands.iter().filter_map(|of| self.command(of));
        let events = events.iter().filter_map(|of| self.event(of));
        commands.chain(events).map(|(context, _)| context).next()
    }

    /// Our name of an event that is referred to, and its context.
    pub(super) fn event<'i>(&'i self, reference: &Tree) -> Option<(&'i str, &'i str)> {
        find(&self.events, reference, &["aggregate"], "event")
    }

    /// Our name of a command that is referred to, and its context.
    pub(super) fn command<'i>(&'i self, reference: &Tree) -> Option<(&'i str, &'i str)> {
        find(&self.commands, reference, &["aggregate", "dynamicConsistencyBoundary"], "command")
    }

    /// Our name of an event or a command that a document is about.
    pub(super) fn own(&self, document: &Document) -> Option<&str> {
        let of = if document.kind == "event" { &self.events } else { &self.commands };
        let key = (document.context().to_owned(), unit(document).to_owned(), document.name.clone());
        of.get(&key).map(String::as_str)
    }

    /// Our name of an event that a command of this unit names.
    pub(super) fn published(&self, command: &Document, event: &str) -> Option<&str> {
        let key = |unit: &str| (command.context().to_owned(), unit.to_owned(), event.to_owned());
        let of = self.events.get(&key(unit(command))).or_else(|| self.events.get(&key("")));
        of.map(String::as_str)
    }

    pub(super) fn is_public(&self, context: &str, event: &str) -> bool {
        self.public.contains(&(context.to_owned(), event.to_owned()))
    }

    /// That somebody in a context uses an event, maybe of another one.
    pub(super) fn uses(&mut self, context: &str, reference: &Tree) {
        let used = self.event(reference).map(|(of, event)| (of.to_owned(), event.to_owned()));
        if let Some(used) = used.filter(|(of, _)| of != context) {
            self.public.insert(used);
        }
    }
}

/// The events that something takes in, and the commands that it asks for.
pub(super) fn handled(document: &Document) -> (Vec<&Tree>, Vec<&Tree>) {
    let whole = &document.whole;
    let reactions = whole.items_of("reactions");
    let when = reactions.iter().filter_map(|reaction| reaction.get("when"));
    let events = whole.items_of("startsWhen").iter().chain(whole.items_of("handles")).chain(when);
    let emitted = reactions.iter().flat_map(|reaction| reaction.items_of("emits"));
    (events.collect(), whole.items_of("emits").iter().chain(emitted).collect())
}

/// The aggregate or the boundary that a document belongs to.
pub(super) fn unit(document: &Document) -> &str {
    match document.scope("aggregate") {
        "" => document.scope("dynamicConsistencyBoundary"),
        aggregate => aggregate,
    }
}

fn find<'i>(
    of: &'i BTreeMap<Key, String>,
    reference: &Tree,
    units: &[&str],
    name: &str,
) -> Option<(&'i str, &'i str)> {
    let unit = units.iter().map(|unit| reference.text_of(unit)).find(|unit| !unit.is_empty());
    let key = (
        reference.text_of("boundedContext").to_owned(),
        unit.unwrap_or_default().to_owned(),
        reference.text_of(name).to_owned(),
    );
    of.get_key_value(&key).map(|((context, ..), name)| (context.as_str(), name.as_str()))
}

/// A name that nothing in the context has.
fn free(taken: &mut BTreeSet<(String, String)>, context: &str, name: String, unit: &str) -> String {
    let with_unit = format!("{name}{}", pascal(unit));
    let numbered = (2..).map(|n: u32| format!("{name}{n}"));
    let names = [name.clone(), with_unit].into_iter().chain(numbered);
    for name in names {
        if !name.is_empty() && taken.insert((context.to_owned(), name.clone())) {
            return name;
        }
    }
    name
}
