//! A difference for people, for programs and for a pull request.

mod human;
mod json;
mod markdown;

use super::{Diff, EventDiff, Fate, Level};

pub use self::human::human;
pub use self::json::json;
pub use self::markdown::markdown;

/// `1 breaking, 1 rebuild, 3 compatible`; `no difference` where there is none.
fn counts(diff: &Diff) -> String {
    let said: Vec<String> = [Level::Breaking, Level::Rebuild, Level::Compatible]
        .into_iter()
        .filter(|level| diff.count(*level) > 0)
        .map(|level| format!("{} {}", diff.count(level), level.name()))
        .collect();
    if said.is_empty() { "no difference".to_owned() } else { said.join(", ") }
}

/// `2`, `2 → 3`, `new, 1`, `2, gone`.
fn version(event: &EventDiff) -> String {
    match (event.was, event.is) {
        (Some(was), Some(is)) if was == is => is.to_string(),
        (Some(was), Some(is)) => format!("{was} → {is}"),
        (None, Some(is)) => format!("new, {is}"),
        (Some(was), None) => format!("{was}, gone"),
        (None, None) => String::new(),
    }
}

/// `v1 v2`: the stored versions that are read, or another fate of them.
fn versions(event: &EventDiff, fate: Fate) -> String {
    let mut numbers = event.stored.iter().filter(|it| it.fate == fate).map(|it| it.version);
    let Some(mut first) = numbers.next() else { return String::new() };
    let (mut last, mut said) = (first, Vec::new());
    let run = |first: u32, last: u32| {
        if first == last { format!("v{first}") } else { format!("v{first}–v{last}") }
    };
    for number in numbers {
        if number != last.saturating_add(1) {
            said.push(run(first, last));
            first = number;
        }
        last = number;
    }
    said.push(run(first, last));
    said.join(" ")
}

/// What becomes of the versions that are stored: `v1–v3 read`, `v1 lost, v2 read`.
fn fates(event: &EventDiff) -> String {
    let fates = [
        (Fate::Lost, "lost"),
        (Fate::LostBefore, "lost before"),
        (Fate::Unknown, "not judged"),
        (Fate::Read, "read"),
    ];
    let said: Vec<String> = fates
        .into_iter()
        .map(|(fate, word)| (versions(event, fate), word))
        .filter(|(versions, _)| !versions.is_empty())
        .map(|(versions, word)| format!("{versions} {word}"))
        .collect();
    if said.is_empty() { "–".to_owned() } else { said.join(", ") }
}

/// What a table has of the events that are not as they were: name, version, stored versions, verdict.
fn rows(diff: &Diff) -> Vec<[String; 4]> {
    let row =
        |event: &EventDiff| [event.name.clone(), version(event), fates(event), event.level.name().to_owned()];
    diff.events.iter().filter(|event| !event.same).map(row).collect()
}

/// `5 events are as they were.`
fn unchanged(diff: &Diff) -> Option<String> {
    match diff.events.iter().filter(|event| event.same).count() {
        0 => None,
        1 => Some("1 event is as it was.".to_owned()),
        count => Some(format!("{count} events are as they were.")),
    }
}
