//! Events: gone, new, renamed, elsewhere, with other fields and tags.

use serde::Serialize;

use crate::model::{Command, Event, FieldChange, Model, Named, field_breaks, field_changes, version};

use super::{Change, Level, Stored, has, is_same_name, listed, of_name, only, promise, value, versions};

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventDiff {
    /// Its name in the new model; in the old one where it is gone.
    pub name: String,
    /// Its version in the old model; `None` where it is new.
    pub was: Option<u32>,
    /// Its version in the new model; `None` where it is gone.
    pub is: Option<u32>,
    /// The gravest of what changed.
    pub level: Level,
    /// Whether nothing changed.
    pub same: bool,
    /// The versions that may be stored.
    pub stored: Vec<Stored>,
}

/// An event of a model.
type Of<'m> = (&'m Model, &'m Named<Event>);

pub(super) fn events(before: &Model, now: &Model, changes: &mut Vec<Change>) -> Vec<EventDiff> {
    let mut events = Vec::new();
    for is in &now.events {
        let from = changes.len();
        let was = of_name(&before.events, &is.name.value);
        let stored = match was {
            Some(was) => both((before, was), (now, is), changes),
            None => {
                changes.push(new(before, now, is));
                Vec::new()
            }
        };
        events.push(told(
            is,
            was.map(|was| version(&was.it)),
            Some(version(&is.it)),
            stored,
            &changes[from..],
        ));
    }
    for was in before.events.iter().filter(|was| of_name(&now.events, &was.name.value).is_none()) {
        let from = changes.len();
        changes.push(gone(before, now, was));
        events.push(told(was, Some(version(&was.it)), None, Vec::new(), &changes[from..]));
    }
    events
}

fn told(
    event: &Named<Event>,
    was: Option<u32>,
    is: Option<u32>,
    stored: Vec<Stored>,
    changes: &[Change],
) -> EventDiff {
    EventDiff {
        name: event.name.value.clone(),
        was,
        is,
        level: changes.iter().map(|change| change.level).max().unwrap_or(Level::Compatible),
        same: changes.is_empty(),
        stored,
    }
}

fn new(before: &Model, now: &Model, event: &Named<Event>) -> Change {
    let name = &event.name.value;
    let mut message = format!("`{name}` is new");
    let candidates = before.events.iter().filter(|was| of_name(&now.events, &was.name.value).is_none());
    let renamed: Vec<&Named<Event>> = candidates.filter(|was| is_like((before, was), (now, event))).collect();
    if let [was] = renamed.as_slice() {
        message.push_str(&format!("; by its fields a guess: it was `{}`", was.name.value));
    }
    Change::new(Level::Compatible, "event-added", format!("events.{name}"), message)
}

fn gone(before: &Model, now: &Model, event: &Named<Event>) -> Change {
    let name = &event.name.value;
    let candidates = now.events.iter().filter(|is| of_name(&before.events, &is.name.value).is_none());
    let renamed: Vec<&Named<Event>> = candidates.filter(|is| is_like((before, event), (now, is))).collect();
    let path = format!("events.{name}");
    if let [is] = renamed.as_slice() {
        let message = format!(
            "`{name}` is gone, and stored events of this type have no reader; by its fields a guess: it is now `{}`. \
             Keep both for as long as the log holds one",
            is.name.value
        );
        return Change::new(Level::Breaking, "event-renamed", path, message);
    }
    let message = format!(
        "`{name}` is gone, and stored events of this type have no reader. Keep it for as long as the log holds one, \
         and let no command emit it"
    );
    Change::new(Level::Breaking, "event-removed", path, message)
}

/// Whether two events say the same.
fn is_like(was: Of<'_>, is: Of<'_>) -> bool {
    let (old, new) = (&was.1.it, &is.1.it);
    !old.fields.is_empty()
        && value(&old.stream) == value(&new.stream)
        && field_changes((was.0, &old.fields), (is.0, &new.fields)).is_empty()
}

fn both(before: Of<'_>, now: Of<'_>, changes: &mut Vec<Change>) -> Vec<Stored> {
    let (was, is) = (&before.1.it, &now.1.it);
    let name = &now.1.name.value;
    let path = format!("events.{name}");
    let from = changes.len();
    if before.1.name.value != *name {
        debug_assert!(is_same_name(&before.1.name.value, name), "events are found by their stored names");
        let message =
            format!("`{}` is now written `{name}`, and stored under the same name", before.1.name.value);
        changes.push(Change::new(Level::Compatible, "event-respelled", path.clone(), message));
    }
    let stored = versions::stored(before, now, changes);
    let told: Vec<String> = changes.iter().skip(from).map(|change| change.message.clone()).collect();
    let mut parts = Vec::new();
    if version(was) != version(is) {
        parts.push(format!("version {} is now {}", version(was), version(is)));
    }
    let fields = field_changes((before.0, &was.fields), (now.0, &is.fields));
    let is_told = |field: &FieldChange| told.iter().any(|told| told.contains(&format!("`{}`", field.field)));
    parts.extend(fields.iter().filter(|field| !is_told(field)).map(said));
    if !parts.is_empty() {
        let read = if told.is_empty() { "; stored events are read" } else { "" };
        let message = format!("`{name}`: {}{read}", parts.join(", "));
        changes.push(Change::new(Level::Compatible, "fields-changed", path.clone(), message));
    }
    added(before, now, changes);
    moved(before, now, changes);
    tags(before, now, changes);
    public(before, now, changes);
    promise::fields(before, now, changes);
    stored
}

/// What upcasts add to older events is in the read models that were built of them.
fn added(before: Of<'_>, now: Of<'_>, changes: &mut Vec<Change>) {
    let name = &now.1.name.value;
    for is in &now.1.it.upcasts {
        let from = is.from.value;
        let Some(was) = before.1.it.upcasts.iter().find(|was| was.from.value == from) else { continue };
        for new in &is.add {
            let field = &new.name.value;
            let old = was.add.iter().find(|old| old.name.value == *field);
            if let Some(old) = old.filter(|old| old.it.value != new.it.value) {
                let message = format!(
                    "`{name}` of version {from} is read with `{field}` as {}, and was with {}: read models made from \
                     it have the old value until they are built anew",
                    new.it.value, old.it.value
                );
                let path = format!("events.{name}.upcast.{from}.add.{field}");
                changes.push(Change::new(Level::Rebuild, "upcast-value-changed", path, message));
            }
        }
    }
}

/// `channel` is new (text).
fn said(change: &FieldChange) -> String {
    let field = &change.field;
    match (&change.was, &change.is) {
        (None, Some(is)) => format!("`{field}` is new ({is})"),
        (Some(was), None) => format!("`{field}` is gone ({was})"),
        (Some(was), Some(is)) => format!("`{field}` was {was} and is {is}"),
        (None, None) => format!("`{field}`"),
    }
}

fn moved(before: Of<'_>, now: Of<'_>, changes: &mut Vec<Change>) {
    let (was, is) = (value(&before.1.it.stream), value(&now.1.it.stream));
    if was == is {
        return;
    }
    let (name, said) =
        (&now.1.name.value, |it: Option<&String>| it.map_or("no stream".to_owned(), |it| format!("`{it}`")));
    // A stream that is only called something else has the ids it had.
    let key = |model: &Model, stream: Option<&String>| {
        stream.and_then(|name| model.stream(name)).and_then(|stream| value(&stream.it.key).cloned())
    };
    let (old_key, new_key) = (key(before.0, was), key(now.0, is));
    let path = format!("events.{name}.stream");
    if old_key.is_some() && old_key == new_key {
        let message =
            format!("`{name}`: the stream {} is now called {}, with the same ids", said(was), said(is));
        changes.push(Change::new(Level::Compatible, "stream-renamed", path, message));
    } else if was.is_none() {
        let message = format!("`{name}` now says its stream, {}", said(is));
        changes.push(Change::new(Level::Compatible, "stream-named", path, message));
    } else {
        let message = format!(
            "`{name}` moved from {} to {}: stored events stay where they are, and a state of {} is folded without them",
            said(was),
            said(is),
            said(is)
        );
        changes.push(Change::new(Level::Breaking, "event-moved", path, message));
    }
}

fn tags(before: Of<'_>, now: Of<'_>, changes: &mut Vec<Change>) {
    let name = &now.1.name.value;
    let (was, is) = (&before.1.it.tags, &now.1.it.tags);
    let path = || format!("events.{name}.tags");
    for tag in only(is, was) {
        let users = deciding(now.0, name, tag);
        changes.push(if users.is_empty() {
            let message = format!(
                "`{name}` has the tag `{tag}`; stored events do not, so that queries for it miss them"
            );
            Change::new(Level::Compatible, "tag-added", path(), message)
        } else {
            let message = format!(
                "`{name}` has the tag `{tag}`, stored events do not: {} {} by it and {} them",
                listed(users.iter().copied()),
                if users.len() == 1 { "decides" } else { "decide" },
                if users.len() == 1 { "misses" } else { "miss" }
            );
            Change::new(Level::Breaking, "tag-added", path(), message)
        });
    }
    for tag in only(was, is) {
        let users = deciding(now.0, name, tag);
        changes.push(if users.is_empty() {
            let message = format!("`{name}` has the tag `{tag}` no more: queries for it miss new events");
            Change::new(Level::Compatible, "tag-removed", path(), message)
        } else {
            let message = format!(
                "`{name}` has the tag `{tag}` no more, by which {} {}: new events are missed",
                listed(users.iter().copied()),
                if users.len() == 1 { "decides" } else { "decide" }
            );
            Change::new(Level::Breaking, "tag-removed", path(), message).mend(format!("tags: [{tag}]"))
        });
    }
}

/// The commands whose boundary finds an event by a tag.
fn deciding<'m>(model: &'m Model, event: &str, tag: &str) -> Vec<&'m str> {
    let finds = |command: &&Named<Command>| {
        command.it.boundary.as_ref().is_some_and(|it| has(&it.events, event) && has(&it.tags, tag))
    };
    model.commands.iter().filter(finds).map(|command| command.name.value.as_str()).collect()
}

/// Those outside read new events with the code they have.
fn public(before: Of<'_>, now: Of<'_>, changes: &mut Vec<Change>) {
    let (name, was, is) = (&now.1.name.value, &before.1.it, &now.1.it);
    let path = format!("events.{name}.public");
    match (was.is_public, is.is_public) {
        (false, true) => {
            let message = format!("`{name}` is public now");
            changes.push(Change::new(Level::Compatible, "event-published", path, message));
        }
        (true, false) => {
            let message = format!("`{name}` is public no more, and others may read it");
            changes.push(Change::new(Level::Breaking, "event-withdrawn", path, message).mend("public: true"));
        }
        (true, true) if was.schema.is_none() && is.schema.is_none() => {
            // The other way round: what they require has to be in what is written now.
            let broken = field_breaks((now.0, &is.fields), (before.0, &was.fields));
            if broken.is_empty() {
                return;
            }
            let fields: Vec<&str> = broken.iter().map(|found| found.field.as_str()).collect();
            let message = format!(
                "`{name}` is public, and readers that have not changed cannot read new events of it, for {}. Keep the \
                 old fields beside the new ones, or publish another event",
                listed(fields)
            );
            changes.push(Change::new(Level::Breaking, "public-event-changed", path, message));
        }
        _ => {}
    }
}
