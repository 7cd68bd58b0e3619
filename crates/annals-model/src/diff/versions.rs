//! Every version of an event that may be stored, and whether the new model reads it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{Break, Broken, Event, Model, Named, Reading, reading, upcast_for, version, work};

use super::{Change, Level, listed};

/// A version of an event that may be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// Which.
    pub version: u32,
    /// Whether it is read.
    pub fate: Fate,
}

/// What becomes of stored events of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// They are read.
    Read,
    /// They are not read any more.
    Lost,
    /// They could not be read before.
    LostBefore,
    /// A function or a file decides, which is not looked into.
    Unknown,
}

/// So many of the newest versions are looked at; a version may be any number.
const VERSIONS_MAX: u32 = 200;

type Of<'m> = (&'m Model, &'m Named<Event>);

/// The versions of an event that the old model knows, and a change for what is not read.
pub(super) fn stored(before: Of<'_>, now: Of<'_>, changes: &mut Vec<Change>) -> Vec<Stored> {
    let (was, is) = ((before.0, &before.1.it), (now.0, &now.1.it));
    let newest = version(was.1);
    let oldest = newest.saturating_sub(VERSIONS_MAX).saturating_add(1).max(1);
    let mut stored = Vec::new();
    let mut lost = Vec::new();
    for version in oldest..=newest {
        let reading = reading(was, is, version);
        let fate = match (&reading, self::reading(was, was, version)) {
            (Reading::Read, _) => Fate::Read,
            (Reading::Function(_) | Reading::File(_) | Reading::Forgotten, _) => Fate::Unknown,
            (_, Reading::Broken(_) | Reading::NoStep(_)) => Fate::LostBefore,
            _ => Fate::Lost,
        };
        if fate == Fate::Lost {
            lost.push((version, reading));
        }
        stored.push(Stored { version, fate });
    }
    if let Some((_, Reading::Newer)) = lost.last() {
        changes.push(lowered(now.1, newest));
    } else if !lost.is_empty() {
        changes.push(unread(was, is, now.1, &lost));
    }
    told_unknown(was, is, now.1, &stored, changes);
    stored
}

fn lowered(event: &Named<Event>, was: u32) -> Change {
    let (name, is) = (&event.name.value, version(&event.it));
    let message = format!("`{name}` was at version {was} and is at version {is}: stored events are newer");
    Change::new(Level::Breaking, "version-lowered", format!("events.{name}"), message)
        .mend(format!("version: {}", was.saturating_add(1)))
}

fn unread(
    before: (&Model, &Event),
    now: (&Model, &Event),
    event: &Named<Event>,
    lost: &[(u32, Reading)],
) -> Change {
    let (name, to) = (&event.name.value, version(now.1));
    let mut missing: Vec<u32> = Vec::new();
    let mut broken: Vec<(u32, &[Break])> = Vec::new();
    for (version, reading) in lost {
        match reading {
            Reading::NoStep(steps) => {
                missing.extend(steps.iter().filter(|step| !missing.contains(step)).collect::<Vec<_>>())
            }
            Reading::Broken(found) => broken.push((*version, found)),
            _ => {}
        }
    }
    missing.sort_unstable();
    let is_within = broken.iter().any(|(version, _)| *version == to);
    let mut whys = Vec::new();
    if !missing.is_empty() {
        whys.push(format!(
            "no upcast from {}",
            runs(&missing).into_iter().map(step).collect::<Vec<_>>().join(", ")
        ));
    }
    for (says, versions) in said(&broken) {
        let all = versions.len() == lost.len();
        whys.push(if all { says } else { format!("{says} ({})", numbers(&versions)) });
    }
    let versions: Vec<u32> = lost.iter().map(|(version, _)| *version).collect();
    let is_only_gone =
        broken.iter().all(|(_, found)| found.iter().all(|found| found.what == Broken::Removed));
    if is_within && missing.is_empty() && is_only_gone {
        let gone = broken.iter().flat_map(|(_, found)| found.iter().map(|found| found.field.as_str()));
        let message = format!(
            "`{name}` changed within version {to}: a replay does not see {} any more",
            listed(gone.collect::<std::collections::BTreeSet<_>>())
        );
        return Change::new(Level::Breaking, "event-unreadable", format!("events.{name}"), message)
            .mend(mend(before, now, &missing, &broken));
    }
    let what = if is_within {
        format!(
            "`{name}` changed within version {to}, and stored events of {} are not read",
            numbers(&versions)
        )
    } else {
        format!("`{name}` of {} cannot be read as version {to}", numbers(&versions))
    };
    let kind = if missing.is_empty() { "event-unreadable" } else { "upcast-missing" };
    let change =
        Change::new(Level::Breaking, kind, format!("events.{name}"), format!("{what}: {}", whys.join("; ")));
    change.mend(mend(before, now, &missing, &broken))
}

/// Versions by what is said of them.
fn said(broken: &[(u32, &[Break])]) -> Vec<(String, Vec<u32>)> {
    let mut said: Vec<(String, Vec<u32>)> = Vec::new();
    for (version, found) in broken {
        for found in *found {
            let says = found.says();
            match said.iter_mut().find(|(known, _)| *known == says) {
                Some((_, versions)) => versions.push(*version),
                None => said.push((says, vec![*version])),
            }
        }
    }
    said
}

/// What the model would have to say, as it is written there.
fn mend(
    before: (&Model, &Event),
    now: (&Model, &Event),
    missing: &[u32],
    broken: &[(u32, &[Break])],
) -> String {
    let to = version(now.1);
    let mut steps: BTreeMap<u32, String> = BTreeMap::new();
    for (first, last) in runs(missing) {
        let does = work(before, now, (first, last))
            .map_or("with: a_function".to_owned(), |found| upcast_for(&found));
        // The steps before the last have nothing to do.
        steps.extend((first..last).map(|step| (step, String::new())));
        steps.insert(last, does);
    }
    let mut lines = Vec::new();
    let mut told: Vec<&Break> = Vec::new();
    for (version, found) in broken.iter().rev() {
        let new: Vec<Break> = found.iter().filter(|it| !told.contains(it)).cloned().collect();
        told.extend(*found);
        if new.is_empty() {
            continue;
        }
        if *version == to {
            lines.push(format!("version: {}", to.saturating_add(1)));
        }
        // A version that only older ones' upcasts differ from is mended in the upcast that reads it.
        let step = if *version == self::version(before.1) && *version < to { to - 1 } else { *version };
        steps.entry(step).or_insert_with(|| upcast_for(&new));
    }
    let steps: Vec<String> = steps
        .iter()
        .map(
            |(from, does)| {
                if does.is_empty() { format!("{from}: {{}}") } else { format!("{from}: {{ {does} }}") }
            },
        )
        .collect();
    lines.push(format!("upcast: {{ {} }}", steps.join(", ")));
    lines.join("\n")
}

/// Numbers that follow each other, as first and last.
fn runs(numbers: &[u32]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    runs
}

fn step((first, last): (u32, u32)) -> String {
    format!("{first} to {}", last.saturating_add(1))
}

/// `version 1`, `versions 1 to 3`, `versions 1, 3`.
fn numbers(versions: &[u32]) -> String {
    let runs: Vec<String> = runs(versions)
        .into_iter()
        .map(|(first, last)| match last - first {
            0 => first.to_string(),
            1 => format!("{first}, {last}"),
            _ => format!("{first} to {last}"),
        })
        .collect();
    let word = if versions.len() == 1 { "version" } else { "versions" };
    format!("{word} {}", runs.join(", "))
}

/// What could not be judged is said once, and only where something about the event is not as it was.
fn told_unknown(
    before: (&Model, &Event),
    now: (&Model, &Event),
    event: &Named<Event>,
    stored: &[Stored],
    changes: &mut Vec<Change>,
) {
    let unknown: Vec<u32> =
        stored.iter().filter(|it| it.fate == Fate::Unknown).map(|it| it.version).collect();
    let Some(newest) = unknown.last() else { return };
    let is_same = version(before.1) == version(now.1)
        && self::reading(before, before, *newest) == self::reading(before, now, *newest);
    if is_same {
        return;
    }
    let name = &event.name.value;
    let why = match reading(before, now, *newest) {
        Reading::Function(function) => format!("the function `{function}` reads them"),
        Reading::File(file) => format!("their fields are in {file}"),
        _ => "the old model does not say what they hold".to_owned(),
    };
    let message = format!("`{name}` of {} is not judged: {why}", numbers(&unknown));
    changes.push(Change::new(Level::Compatible, "not-judged", format!("events.{name}"), message));
}
