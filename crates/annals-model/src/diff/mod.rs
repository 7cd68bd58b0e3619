//! Two models of one context compared: what of the old one's events, callers and readers still works with the new one.
//!
//! *Breaking* is what an event that is stored, a caller of a command, a reader of public events or a promise about
//! them meets as a failure. *Rebuild* is what a read model has to be built anew for. All else is *compatible*, and told
//! so that a reviewer sees it.

mod command;
mod event;
mod promise;
mod readers;
pub mod show;
#[cfg(test)]
mod tests;
mod versions;

use serde::Serialize;

use crate::model::{Model, Named};
use crate::text::At;
use crate::words;

pub use self::event::EventDiff;
pub use self::versions::{Fate, Stored};

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing that worked stops working.
    Compatible,
    /// A read model has to be built anew.
    Rebuild,
    /// Something that is stored, called or promised is not read, answered or kept.
    Breaking,
}

impl Level {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compatible => "compatible",
            Self::Rebuild => "rebuild",
            Self::Breaking => "breaking",
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it does.
    pub level: Level,
    /// What kind of change it is, for programs: `event-removed`.
    pub kind: &'static str,
    /// What changed, with the way to it in the model: `events.OrderPlaced`.
    pub path: String,
    /// What it does, in a sentence.
    pub message: String,
    /// What mends it, as it would stand in the model.
    pub mend: Option<String>,
}

impl Change {
    fn new(level: Level, kind: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { level, kind, path: path.into(), message: message.into(), mend: None }
    }

    fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }
}

/// What is different between two models.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// The events of both, in the order of the new model, then those that are gone.
    pub events: Vec<EventDiff>,
    /// Every change, the gravest first.
    pub changes: Vec<Change>,
}

impl Diff {
    /// The gravest of the changes.
    pub fn level(&self) -> Level {
        self.changes.iter().map(|change| change.level).max().unwrap_or(Level::Compatible)
    }

    /// How many changes are of a level.
    pub fn count(&self, level: Level) -> usize {
        self.changes.iter().filter(|change| change.level == level).count()
    }
}

/// What is different in a model, through every version of its events.
pub fn diff(before: &Model, now: &Model) -> Diff {
    let mut changes = Vec::new();
    context(before, now, &mut changes);
    let events = event::events(before, now, &mut changes);
    promise::streams(before, now, &mut changes);
    promise::privacy(before, now, &mut changes);
    command::commands(before, now, &mut changes);
    readers::projections(before, now, &mut changes);
    readers::processes(before, now, &mut changes);
    changes.sort_by_key(|change| std::cmp::Reverse(change.level));
    Diff { events, changes }
}

fn context(before: &Model, now: &Model, changes: &mut Vec<Change>) {
    let (was, is) = (value(&before.context), value(&now.context));
    if was != is {
        let said = |it: Option<&String>| it.map_or("none".to_owned(), |it| format!("`{it}`"));
        let message = format!(
            "the context was {} and is {}: where its name is part of a stored type or an address, the old ones stay",
            said(was),
            said(is)
        );
        changes.push(Change::new(Level::Compatible, "context-changed", "context", message));
    }
    let needed = now.envelope.require.iter().map(|it| &it.value);
    for new in needed.filter(|new| !before.envelope.require.iter().any(|old| old.value == **new)) {
        let message = format!("`{new}` is required, and events that are stored may not have it");
        changes.push(Change::new(Level::Compatible, "envelope-requires", "envelope.require", message));
    }
}

fn value<T>(of: &Option<At<T>>) -> Option<&T> {
    of.as_ref().map(|it| &it.value)
}

fn has(list: &[At<String>], name: &str) -> bool {
    list.iter().any(|it| it.value == name)
}

/// The names of a list that another does not have.
fn only<'l>(of: &'l [At<String>], not_in: &'l [At<String>]) -> impl Iterator<Item = &'l str> {
    of.iter().map(|it| it.value.as_str()).filter(|name| !has(not_in, name))
}

/// Whether two names are stored as the same: `OrderPlaced` and `order-placed`.
fn is_same_name(one: &str, other: &str) -> bool {
    one == other || words::split(one) == words::split(other)
}

fn of_name<'m, T>(list: &'m [Named<T>], name: &str) -> Option<&'m Named<T>> {
    let exactly = list.iter().find(|it| it.name.value == name);
    exactly.or_else(|| list.iter().find(|it| is_same_name(&it.name.value, name)))
}

/// Names as a sentence lists them.
fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}
