//! What was read for a review, and which of it a place is in.

use std::collections::{BTreeMap, BTreeSet};

use crate::Subject;
use crate::finding::Place;
use crate::model::{Model, Named};
use crate::rules::Input;
use crate::text::{At, FileId, Texts};

/// One thing that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file, or the place of the database without a password.
    pub name: String,
    /// Its text, where it has one.
    pub file: Option<FileId>,
    /// What it is: a model, a store or a sample.
    pub kind: Input,
    /// What is in it: `3 streams, 7 events`.
    pub holds: String,
    /// What the paths of its places begin with.
    names: BTreeSet<String>,
}

impl Source {
    /// Something that was read, and what it holds, in words.
    pub fn new(name: impl Into<String>, file: Option<FileId>, kind: Input, holds: impl Into<String>) -> Self {
        Self { name: name.into(), file, kind, holds: holds.into(), names: BTreeSet::new() }
    }
}

/// What there is of a subject; the model as it was is only what the other is compared with.
pub(super) fn read(subject: &Subject) -> Vec<Source> {
    let mut sources = Vec::new();
    if let Some(model) = &subject.model {
        let files = files_of(model);
        let name = |file: FileId| subject.texts.name(file).to_owned();
        sources.extend(
            files
                .into_iter()
                .map(|(file, holds)| Source::new(name(file), Some(file), Input::Model, listed(holds))),
        );
    }
    for store in &subject.stores {
        let (views, tables): (Vec<_>, Vec<_>) = store.tables.iter().partition(|table| table.is_view);
        let holds = [
            (tables.len(), "table", "tables"),
            (views.len(), "view", "views"),
            (store.triggers.len(), "trigger", "triggers"),
            (store.routines.len(), "function", "functions"),
        ];
        let mut source = Source::new(
            &store.name,
            file_called(&subject.texts, &store.name).filter(|_| !store.is_live),
            Input::Store,
            listed(holds),
        );
        let called = |name: &str| name.to_lowercase();
        source.names.extend(store.tables.iter().flat_map(|t| [called(&t.name), called(t.plain_name())]));
        sources.push(source);
    }
    if let Some(sample) = &subject.sample {
        let types = listed([(sample.types.len(), "event type", "event types")]);
        let of_all = sample.events.map_or(String::new(), |all| format!(" of {}", grouped(all)));
        let holds = format!("{types}, {}{of_all} events (values are not shown)", grouped(sample.read));
        let file = file_called(&subject.texts, &sample.name);
        let mut source = Source::new(&sample.name, file, Input::Sample, holds);
        let names = sample.types.keys().chain(sample.categories.keys());
        source.names.extend(names.map(|name| name.to_lowercase()));
        sources.push(source);
    }
    sources
}

/// The source that a place is in.
pub(super) fn of<'s>(sources: &'s [Source], place: &Place) -> Option<&'s Source> {
    if let Some(span) = place.span {
        return sources.iter().find(|source| source.file == Some(span.file));
    }
    let path = place.path.to_lowercase();
    let begins = |name: &String| path.strip_prefix(name.as_str()).is_some_and(is_end);
    let has_it = |source: &&Source| source.names.iter().any(begins);
    let is_data = |source: &&Source| source.kind != Input::Model;
    let others = || sources.iter().filter(is_data);
    // What was read as text has a place there, so that this is of a running store where one has it.
    let is_running = |source: &&Source| source.file.is_none();
    others()
        .filter(is_running)
        .find(has_it)
        .or_else(|| others().find(has_it))
        .or_else(|| others().find(is_running))
        .or_else(|| others().next())
}

/// Whether a path ends here, or goes on with what is inside.
pub(super) fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['.', '['])
}

/// The files of a model, each with how much of it stands there.
pub(super) fn files_of(model: &Model) -> BTreeMap<FileId, [(usize, &'static str, &'static str); 6]> {
    const NONE: [(usize, &str, &str); 6] = [
        (0, "stream", "streams"),
        (0, "event", "events"),
        (0, "command", "commands"),
        (0, "read model", "read models"),
        (0, "process", "processes"),
        (0, "example", "examples"),
    ];
    let mut files = BTreeMap::new();
    for said in [&model.context, &model.owner].into_iter().flatten() {
        files.entry(said.span.file).or_insert(NONE);
    }
    for file in files_named(&model.privacy).chain(files_named(&model.types)) {
        files.entry(file).or_insert(NONE);
    }
    let found: [Vec<FileId>; 6] = [
        files_named(&model.streams).collect(),
        files_named(&model.events).collect(),
        files_named(&model.commands).collect(),
        files_named(&model.projections).collect(),
        files_named(&model.processes).collect(),
        model.examples.iter().map(|example| example.span.file).collect(),
    ];
    for (n, found) in found.iter().enumerate() {
        for file in found {
            if let Some((count, ..)) = files.entry(*file).or_insert(NONE).get_mut(n) {
                *count += 1;
            }
        }
    }
    files
}

fn files_named<T>(named: &[Named<T>]) -> impl Iterator<Item = FileId> {
    named.iter().map(|Named { name: At { span, .. }, .. }| span.file)
}

/// The text of a name.
pub(super) fn file_called(texts: &Texts, name: &str) -> Option<FileId> {
    texts.files().find(|file| texts.name(*file) == name)
}

/// `3 streams, 1 event`, without what there is none of; `nothing` where that is all.
fn listed<const N: usize>(counts: [(usize, &str, &str); N]) -> String {
    let said = |(count, one, more): (usize, &str, &str)| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {more}")),
    };
    let said: Vec<String> = counts.into_iter().filter_map(said).collect();
    if said.is_empty() { "nothing".to_owned() } else { said.join(", ") }
}

/// `1 812 554`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}
