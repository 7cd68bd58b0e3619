//! What a model promises about what is stored: where it is found, how it is guarded, how long it stays, and that it can
//! be erased.

use crate::model::{
    Concurrency, Erase, Event, Field, Fields, Model, Named, PrivacyClass, Retain, Stream, Upcast, version,
};

use super::{Change, Level, of_name, value};

pub(super) fn streams(before: &Model, now: &Model, changes: &mut Vec<Change>) {
    for is in &now.streams {
        match before.stream(&is.name.value) {
            Some(was) => stream((before, was), (now, is), changes),
            None if before.streams.iter().any(|was| is_renamed(was, is, now)) => {}
            None => {
                let name = &is.name.value;
                let message = format!("the stream `{name}` is new");
                changes.push(Change::new(
                    Level::Compatible,
                    "stream-added",
                    format!("streams.{name}"),
                    message,
                ));
            }
        }
    }
    for was in before.streams.iter().filter(|was| now.stream(&was.name.value).is_none()) {
        let name = &was.name.value;
        match now.streams.iter().find(|is| is_renamed(was, is, now)) {
            Some(is) => {
                let message =
                    format!("the stream `{name}` is now called `{}`, with the same ids", is.name.value);
                let path = format!("streams.{}", is.name.value);
                changes.push(Change::new(Level::Compatible, "stream-renamed", path, message));
                stream((before, was), (now, is), changes);
            }
            // What of its events is lost is told with them.
            None => {
                let message = format!("the stream `{name}` is gone");
                changes.push(Change::new(
                    Level::Compatible,
                    "stream-removed",
                    format!("streams.{name}"),
                    message,
                ));
            }
        }
    }
}

/// Whether a stream that is gone is another one now: ids are made in the same way.
fn is_renamed(was: &Named<Stream>, is: &Named<Stream>, now: &Model) -> bool {
    now.stream(&was.name.value).is_none() && was.it.key.is_some() && value(&was.it.key) == value(&is.it.key)
}

fn stream(before: (&Model, &Named<Stream>), now: (&Model, &Named<Stream>), changes: &mut Vec<Change>) {
    let (was, is) = (before.1, now.1);
    let name = &is.name.value;
    let path = format!("streams.{name}");
    match (value(&was.it.key), value(&is.it.key)) {
        (Some(old), Some(new)) if old != new => {
            let is_same = around(old) == around(new) && is_respelled(before, now, old, new);
            changes.push(key(name, old, new, is_same));
        }
        (Some(old), None) => {
            let message = format!(
                "ids of `{name}` were made as `{old}`, and it is not said how any more: the streams that are stored \
                 may not be found"
            );
            changes.push(
                Change::new(Level::Breaking, "stream-key-removed", format!("{path}.key"), message)
                    .mend(format!("key: {old}")),
            );
        }
        _ => {}
    }
    let guard = |it: &Stream| value(&it.concurrency).copied().unwrap_or(Concurrency::ExpectedVersion);
    match (guard(&was.it), guard(&is.it)) {
        (Concurrency::ExpectedVersion, Concurrency::Any) => {
            let message = format!(
                "appends to `{name}` are guarded no more: two decisions on the same state are both written"
            );
            changes.push(
                Change::new(Level::Breaking, "concurrency-weakened", format!("{path}.concurrency"), message)
                    .mend("concurrency: expected-version"),
            );
        }
        (Concurrency::Any, Concurrency::ExpectedVersion) => {
            let message =
                format!("appends to `{name}` are guarded by the version now; writers that give none fail");
            changes.push(Change::new(
                Level::Compatible,
                "concurrency-strengthened",
                format!("{path}.concurrency"),
                message,
            ));
        }
        _ => {}
    }
    retention(name, was.it.retain.as_ref(), is.it.retain.as_ref(), changes);
    if value(&was.it.snapshot.as_ref().and_then(|it| it.state.clone()))
        != value(&is.it.snapshot.as_ref().and_then(|it| it.state.clone()))
    {
        let message = format!("snapshots of `{name}` are of another state: those that are kept are not used");
        changes.push(Change::new(Level::Compatible, "snapshot-changed", format!("{path}.snapshot"), message));
    }
}

/// Whether the fields of a key are the old ones under other names, as far as the events of the stream tell.
fn is_respelled(
    before: (&Model, &Named<Stream>),
    now: (&Model, &Named<Stream>),
    old: &str,
    new: &str,
) -> bool {
    let events: Vec<(&Event, &Event)> = before
        .0
        .events_of(&before.1.name.value)
        .filter_map(|was| Some((&was.it, &of_name(&now.0.events, &was.name.value)?.it)))
        .collect();
    let mut pairs = inside(old).into_iter().zip(inside(new)).filter(|(old, new)| old != new);
    pairs.all(|(old, new)| {
        let mut tell = events
            .iter()
            .filter(|(was, _)| field(was, old).is_some() || field(was, new).is_some())
            .peekable();
        (events.is_empty() || tell.peek().is_some()) && tell.all(|(was, is)| is_one_field(was, is, old, new))
    })
}

fn is_one_field(was: &Event, is: &Event, old: &str, new: &str) -> bool {
    let (Some(before), Some(now)) = (field(was, old), field(is, new)) else { return false };
    let is_new = field(was, new).is_none() && before.kind.value == now.kind.value;
    field(is, old).is_none() && (is_new || renamed(was, is, old) == new)
}

fn field<'e>(event: &'e Event, name: &str) -> Option<&'e Field> {
    event.fields.iter().find(|field| field.name.value == name).map(|field| &field.it)
}

/// The name that upcasts give a field of an event as it was.
fn renamed<'n>(was: &Event, is: &'n Event, name: &'n str) -> &'n str {
    let mut steps: Vec<&Upcast> =
        is.upcasts.iter().filter(|upcast| upcast.from.value >= version(was)).collect();
    steps.sort_by_key(|upcast| upcast.from.value);
    steps.into_iter().fold(name, |name, upcast| {
        let given = upcast.rename.iter().find(|rename| rename.name.value == name);
        given.map_or(name, |rename| rename.it.value.as_str())
    })
}

fn key(name: &str, old: &str, new: &str, is_same: bool) -> Change {
    let path = format!("streams.{name}.key");
    if is_same {
        let message = format!(
            "ids of `{name}` are made as `{new}`, and were as `{old}`: the same streams as long as the values are the same"
        );
        return Change::new(Level::Compatible, "stream-key-respelled", path, message);
    }
    let message = format!(
        "ids of `{name}` are made as `{new}`, and were as `{old}`: the streams that are stored are not found any more"
    );
    Change::new(Level::Breaking, "stream-key-changed", path, message).mend(format!("key: {old}"))
}

/// A key without the names of its fields.
fn around(key: &str) -> Vec<String> {
    key.split('{').map(|part| part.split_once('}').map_or(part, |(_, after)| after).to_owned()).collect()
}

/// The names of a key's fields.
fn inside(key: &str) -> Vec<&str> {
    key.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name)).collect()
}

fn retention(name: &str, was: Option<&Retain>, is: Option<&Retain>, changes: &mut Vec<Change>) {
    let days = |it: Option<&Retain>| it.and_then(|it| value(&it.lasting)).map(|text| days(text));
    let said = |it: Option<&Retain>| {
        it.and_then(|it| value(&it.lasting)).map_or("nothing is said".to_owned(), |text| format!("`{text}`"))
    };
    // Where nothing is said, nothing is taken away.
    let (old, new) = (days(was).unwrap_or(Some(u64::MAX)), days(is).unwrap_or(Some(u64::MAX)));
    let path = format!("streams.{name}.retain");
    let then = |it: Option<&Retain>| it.and_then(|it| value(&it.then)).is_some_and(|then| then == "delete");
    if let (Some(old), Some(new)) = (old, new)
        && new < old
    {
        let level = if then(is) { Level::Breaking } else { Level::Compatible };
        let ends = if then(is) { "they are deleted sooner" } else { "they leave the log sooner" };
        let message = format!("events of `{name}` are kept for {}, before: {}: {ends}", said(is), said(was));
        changes.push(Change::new(level, "retention-shortened", path, message));
    } else if !then(was) && then(is) {
        let message = format!("events of `{name}` are deleted after {}, and were not", said(is));
        changes.push(Change::new(Level::Breaking, "retention-deletes", path, message));
    } else if old != new {
        let message = format!("events of `{name}` are kept for {}, before: {}", said(is), said(was));
        changes.push(Change::new(Level::Compatible, "retention-changed", path, message));
    }
}

/// A time in days, rounded down; `None` for what is no time.
fn days(text: &str) -> Option<u64> {
    if text == "forever" {
        return Some(u64::MAX);
    }
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let number: u64 = number.parse().ok()?;
    let (times, per) = match unit.trim() {
        "y" => (365, 1),
        "w" => (7, 1),
        "d" => (1, 1),
        "h" => (1, 24),
        "m" | "min" => (1, 24 * 60),
        "s" => (1, 24 * 3600),
        _ => return None,
    };
    Some(number.saturating_mul(times) / per)
}

pub(super) fn privacy(before: &Model, now: &Model, changes: &mut Vec<Change>) {
    for was in &before.privacy {
        // Without the class no field can be of it, and fields are told one by one.
        let Some(is) = of_name(&now.privacy, &was.name.value) else { continue };
        class(was, is, changes);
    }
    let classes = |model: &Model| model.types.iter().map(|own| own.name.value.clone()).collect::<Vec<_>>();
    for name in classes(now) {
        let own = |model: &'_ Model| of_name(&model.types, &name).map(|own| own.it.clone());
        if let (Some(was), Some(is)) = (own(before), own(now)) {
            fields_of(&format!("types.{name}"), (before, &was), (now, &is), str::to_owned, changes);
        }
    }
}

fn class(was: &Named<PrivacyClass>, is: &Named<PrivacyClass>, changes: &mut Vec<Change>) {
    let name = &is.name.value;
    let path = format!("privacy.{name}");
    let (old, new) = (value(&was.it.erase).copied(), value(&is.it.erase).copied());
    if old != new {
        let said = format!("`{name}` was erased by `{}` and is by `{}`", word(old), word(new));
        changes.push(if strength(new) < strength(old) {
            Change::new(
                Level::Breaking,
                "erasure-weakened",
                path.clone(),
                format!("{said}: what people were promised is not kept for new events"),
            )
            .mend(format!("erase: {}", word(old)))
        } else {
            let message = format!("{said}; events that are stored have their values as they were written");
            Change::new(Level::Compatible, "erasure-changed", path.clone(), message)
        });
    }
    if let (Some(old_key), Some(new_key)) = (value(&was.it.key), value(&is.it.key))
        && old_key != new_key
        && old == Some(Erase::Shred)
        && new == Some(Erase::Shred)
    {
        let message = format!(
            "`{name}` is encrypted by `{new_key}`, and was by `{old_key}`: a request for the one does not reach the other"
        );
        changes.push(
            Change::new(Level::Breaking, "erasure-key-changed", path.clone(), message)
                .mend(format!("key: {old_key}")),
        );
    }
    if value(&was.it.within) != value(&is.it.within) {
        let said = |it: Option<&String>| it.map_or("nothing".to_owned(), |it| format!("`{it}`"));
        let message = format!(
            "`{name}` says {} of the time to erase, before: {}",
            said(value(&is.it.within)),
            said(value(&was.it.within))
        );
        changes.push(Change::new(Level::Compatible, "erasure-time-changed", path, message));
    }
}

fn word(erase: Option<Erase>) -> &'static str {
    match erase {
        Some(Erase::Shred) => "shred",
        Some(Erase::Outside) => "outside",
        Some(Erase::Keep) => "keep",
        None => "nothing",
    }
}

fn strength(erase: Option<Erase>) -> u8 {
    match erase {
        Some(Erase::Shred | Erase::Outside) => 1,
        Some(Erase::Keep) | None => 0,
    }
}

/// The classes of an event's fields.
pub(super) fn fields(
    before: (&Model, &Named<Event>),
    now: (&Model, &Named<Event>),
    changes: &mut Vec<Change>,
) {
    let path = format!("events.{}.fields", now.1.name.value);
    let (old, new) = (&before.1.it, &now.1.it);
    let name_now = |name: &str| renamed(old, new, name).to_owned();
    fields_of(&path, (before.0, &old.fields), (now.0, &new.fields), name_now, changes);
}

fn fields_of(
    path: &str,
    before: (&Model, &Fields),
    now: (&Model, &Fields),
    name_now: impl Fn(&str) -> String,
    changes: &mut Vec<Change>,
) {
    for is in now.1 {
        let Some(was) = before.1.iter().find(|was| name_now(&was.name.value) == is.name.value) else {
            continue;
        };
        let (old, new) = (value(&was.it.privacy), value(&is.it.privacy));
        if old == new {
            continue;
        }
        let erase = |model: &Model, class: Option<&String>| {
            class
                .and_then(|class| of_name(&model.privacy, class))
                .and_then(|class| value(&class.it.erase).copied())
        };
        let said = |class: Option<&String>| class.map_or("no class".to_owned(), |class| format!("`{class}`"));
        let field = &is.name.value;
        let path = format!("{path}.{field}");
        let what = format!("`{field}` was of {} and is of {}", said(old), said(new));
        changes.push(if strength(erase(now.0, new)) < strength(erase(before.0, old)) {
            let message = format!("{what}: it could be erased, and cannot in new events");
            let mend = old.map(|class| format!("privacy: {class}")).unwrap_or_default();
            Change::new(Level::Breaking, "erasure-weakened", path, message).mend(mend)
        } else {
            let message = format!("{what}; events that are stored have their values as they were written");
            Change::new(Level::Compatible, "privacy-changed", path, message)
        });
    }
}
