//! The options that choose events: `--category`, `--type` and `--tag`, which all have to hold, and the numbers
//! from where and how many.

use std::time::Duration;

use annals::{Category, EventType, Query, QueryItem, Scope, Start, Tag};

/// Which events.
#[derive(Debug, clap::Args)]
pub(crate) struct Filter {
    /// Only events of this category's streams: the text of a stream id before its first - or /.
    #[arg(long, value_name = "C", value_parser = category)]
    category: Option<Category>,
    /// Only events of this type; given several times, of any of these types.
    #[arg(long = "type", value_name = "T")]
    types: Vec<EventType>,
    /// Only events with this tag; given several times, with all of these tags.
    #[arg(long = "tag", value_name = "T")]
    tags: Vec<Tag>,
}

impl Filter {
    /// The options as they are given on a command line.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let category = self.category.iter().map(|category| ("--category", category.to_string()));
        let types = self.types.iter().map(|event_type| ("--type", event_type.to_string()));
        let tags = self.tags.iter().map(|tag| ("--tag", tag.to_string()));
        category.chain(types).chain(tags).flat_map(|(option, value)| [option.to_owned(), value]).collect()
    }

    /// The query for the events that all options let through.
    pub(crate) fn query(self) -> Query {
        QueryItem {
            types: self.types,
            tags: self.tags,
            scope: self.category.map_or(Scope::All, Scope::Category),
        }
        .into()
    }
}

/// A number as an option takes it.
pub(crate) fn whole_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

fn category(text: &str) -> Result<Category, String> {
    match text.split_once(['-', '/']) {
        Some((before, _)) => Err(format!(
            "a category ends before the first - or / of a stream id, so no stream has this one; did you mean {before:?}?"
        )),
        None => Category::new(text).map_err(|e| e.to_string()),
    }
}

/// `50ms`, `1s`, `800us`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let micros = match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        _ => return Err("expected a whole number and a unit, us, ms or s, such as 50ms".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "expected a whole number before the unit".to_owned())?;
    match number.checked_mul(micros).filter(|micros| *micros > 0) {
        Some(micros) => Ok(Duration::from_micros(micros)),
        None => Err("expected a time above 0 that fits 64 bits of microseconds".to_owned()),
    }
}

/// Where to begin: `start`, `now`, a time, a checkpoint.
pub(crate) fn start(text: &str) -> Result<Start, String> {
    match text {
        "start" => Ok(Start::Beginning),
        "now" => Ok(Start::Now),
        text => text.parse().map(Start::At).or_else(|_| text.parse().map(Start::After)).map_err(|_| {
            "expected start, now, a time such as 2026-11-24T09:30:00Z, or a checkpoint that `annals append --json` or \
             `annals tail --json` has printed"
                .to_owned()
        }),
    }
}
