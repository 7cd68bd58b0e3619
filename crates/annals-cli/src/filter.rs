//! The options that choose events: `--category`, `--type` and `--tag`, which all have to hold, and the numbers
//! from where and how many.

use annals::{Category, EventType, Query, QueryItem, Scope, Tag};

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
