//! How one database keeps events: the pattern with its indexes, partitions and change feed, for the streams of a model.

pub mod ansi;
mod page;

use std::fmt::Write as _;

use annals_model::model::{Concurrency, Model, Stream};

use crate::names::kebab;
use crate::{File, Impossible, Origin};

use self::page::Words;

pub use self::page::PAGES;

/// A database, or a store made for events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// PostgreSQL.
    Postgres,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
    /// SQLite.
    Sqlite,
    /// SQL Server and Azure SQL.
    Sqlserver,
    /// Any other database with SQL.
    Ansi,
    /// MongoDB.
    Mongodb,
    /// Azure Cosmos DB.
    Cosmosdb,
    /// EventSourcingDB.
    Eventsourcingdb,
    /// KurrentDB.
    Kurrentdb,
}

impl Database {
    /// What its makers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
            Self::Sqlite => "SQLite",
            Self::Sqlserver => "SQL Server",
            Self::Ansi => "ANSI SQL",
            Self::Mongodb => "MongoDB",
            Self::Cosmosdb => "Azure Cosmos DB",
            Self::Eventsourcingdb => "EventSourcingDB",
            Self::Kurrentdb => "KurrentDB",
        }
    }
}

/// Makes the page of a database: first what the model asks of it, then the pattern.
///
/// # Errors
/// None today: every model can be kept in every database, and the page says with what limits.
pub fn generate(model: &Model, origin: &Origin, on: Database) -> Result<Vec<File>, Impossible> {
    let words = Words::of(on);
    let context = model.context.as_ref().map_or("the model", |context| context.value.as_str());
    let mut text = format!("<!-- {} -->\n\n# {context} on {}\n", origin.remark(), on.name());
    streams(model, on, &words, &mut text);
    found(model, on, context, &words, &mut text);
    feeds(model, on, context, &words, &mut text);
    text += &format!("\n{}", page::page(on).replacen("# ", "# The pattern: ", 1));
    Ok(vec![File::generated(format!("{}.md", kebab(on.name()).replace("azure-", "")), text)])
}

fn streams(model: &Model, on: Database, words: &Words, text: &mut String) {
    if model.streams.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n## Streams\n\n{}\n", words.streams);
    *text += "| stream | id | guarded by | events | kept |\n| --- | --- | --- | --- | --- |\n";
    for stream in &model.streams {
        let (name, of) = (&stream.name.value, &stream.it);
        let key = of.key.as_ref().map_or_else(|| format!("{name}-…"), |key| page::stream_id(on, &key.value));
        let guard = match of.concurrency.as_ref().map(|it| it.value) {
            Some(Concurrency::Any) => "nothing",
            _ => "the version that was read",
        };
        let _ = writeln!(
            text,
            "| {} | `{}` | {guard} | {} | {} |",
            cell(name),
            cell(&key),
            length(of),
            cell(&kept(of))
        );
    }
    let is_long =
        |of: &Stream| of.length.as_ref().and_then(|it| it.most.as_ref()).is_some_and(|it| it.value.is_none());
    let long: Vec<&str> =
        model.streams.iter().filter(|it| is_long(&it.it)).map(|it| it.name.value.as_str()).collect();
    if !long.is_empty() {
        let _ = writeln!(text, "\nWithout a bound grows: {}. Here {}.", long.join(", "), words.long);
    }
    let ends = |of: &Stream| of.retain.as_ref().is_some_and(|it| it.then.is_some());
    if model.streams.iter().any(|it| ends(&it.it)) {
        let _ = writeln!(text, "\nWhat has been kept long enough is {}.", words.retention);
    }
}

/// What the model looks for beyond a stream, and the indexes that find it.
fn found(model: &Model, on: Database, context: &str, words: &Words, text: &mut String) {
    let mut lines = Vec::new();
    for event in model.events.iter().filter(|event| !event.it.tags.is_empty()) {
        let tags: Vec<String> = event.it.tags.iter().map(|tag| format!("`{0}:{{{0}}}`", tag.value)).collect();
        lines.push(format!("`{}` has {}", page::event_type(on, context, &event.name.value), tags.join(", ")));
    }
    let tagged = !lines.is_empty();
    let boundaries =
        model.commands.iter().filter_map(|it| it.it.boundary.as_ref().map(|of| (&it.name.value, of)));
    for (command, boundary) in boundaries {
        let list = |of: &[annals_model::text::At<String>], name: &dyn Fn(&str) -> String| {
            of.iter().map(|it| format!("`{}`", name(&it.value))).collect::<Vec<_>>().join(", ")
        };
        lines.push(format!(
            "{command} decides on {} with the tag of {}; it {}",
            list(&boundary.events, &|event| page::event_type(on, context, event)),
            list(&boundary.tags, &str::to_owned),
            words.boundary
        ));
    }
    if lines.is_empty() {
        return;
    }
    *text += "\n## Tags and decisions across streams\n\n";
    for line in lines {
        let _ = writeln!(text, "- {line}.");
    }
    if tagged {
        let _ = writeln!(text, "\nTags are found by {}.", words.by_tag);
    }
}

fn feeds(model: &Model, on: Database, context: &str, words: &Words, text: &mut String) {
    if model.projections.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\n## What projections follow\n\nEach {}. Types are found by {}.\n",
        words.feed, words.by_type
    );
    for projection in &model.projections {
        let of = &projection.it;
        let from: Vec<String> = of
            .from
            .iter()
            .map(|event| format!("`{}`", page::event_type(on, context, &event.value)))
            .collect();
        let lag = of.lag.as_ref().map(|lag| format!(", at most {} behind", lag.value)).unwrap_or_default();
        let _ = writeln!(text, "- {}: {}{lag}", projection.name.value, from.join(", "));
    }
}

fn length(of: &Stream) -> String {
    let Some(length) = &of.length else { return "not said".to_owned() };
    let usual = length.usual.as_ref().map(|usual| format!("{} usually", usual.value));
    let most = length.most.as_ref().map(|most| match most.value {
        Some(most) => format!("{most} at most"),
        None => "without a bound".to_owned(),
    });
    usual.into_iter().chain(most).collect::<Vec<_>>().join(", ")
}

fn kept(of: &Stream) -> String {
    let Some(retain) = &of.retain else { return "not said".to_owned() };
    let lasting = retain.lasting.as_ref().map_or("not said", |lasting| lasting.value.as_str());
    match &retain.then {
        Some(then) => format!("{lasting}, then {}", then.value),
        None => lasting.to_owned(),
    }
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace(['\n', '\r'], " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests;
