//! What a model alone says: which of its streams are tables with events around them.
//!
//! A model knows rules, processes and read models, and not what the business asks about its past, who owns the events
//! or what the team knows. So it can say that a stream is a table, and never more than that it looks like events.

use std::collections::BTreeSet;

use crate::model::{Command, Event, FieldType, Fields, Model, Named, Projection};
use crate::text::At;

use super::alternative::{Column, Description, Kind, Type};
use crate::meant::meant;

/// How one stream of a model looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamFit {
    /// The stream.
    pub stream: String,
    /// What it looks like.
    pub leaning: Leaning,
    /// What in the model speaks for event sourcing, each in one sentence without a full stop.
    pub speaks_for: Vec<String>,
    /// What speaks against it.
    pub speaks_against: Vec<String>,
    /// What does the same without events, unless it looks like events.
    pub alternative: Option<(Kind, Description)>,
}

/// What a stream looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leaning {
    /// A table with events around it.
    Table,
    /// Neither.
    Open,
    /// Events.
    Events,
}

impl Leaning {
    /// As it is written in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Open => "open",
            Self::Events => "events",
        }
    }

    /// As a person reads it.
    pub fn says(self) -> &'static str {
        match self {
            Self::Table => "this stream is a table",
            Self::Open => "the model does not settle it, and CRUD is the default; the questions of a fit may",
            Self::Events => "the model speaks for events; whether they pay is for the questions of a fit",
        }
    }
}

/// A stream that is not in the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchStream {
    /// What was asked for.
    pub name: String,
    /// What was likely meant.
    pub near: Option<String>,
}

impl std::fmt::Display for NoSuchStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no stream of the model is called `{}`", self.name)?;
        match &self.near {
            Some(near) => write!(f, ", did you mean `{near}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for NoSuchStream {}

/// How the streams of a model look, or one of them.
///
/// # Errors
/// There is no such stream.
pub fn fit_model(model: &Model, stream: Option<&str>) -> Result<Vec<StreamFit>, NoSuchStream> {
    let names = model.streams.iter().map(|stream| stream.name.value.as_str());
    let Some(name) = stream else { return Ok(names.map(|name| fit_stream(model, name)).collect()) };
    if model.stream(name).is_some() {
        return Ok(vec![fit_stream(model, name)]);
    }
    let near = meant(name, names).map(str::to_owned);
    Err(NoSuchStream { name: name.to_owned(), near })
}

/// What is looked at.
struct Seen<'m> {
    events: Vec<&'m Named<Event>>,
    commands: Vec<&'m Named<Command>>,
    projections: Vec<&'m Named<Projection>>,
    processes: Vec<&'m str>,
    row_events: Vec<&'m str>,
}

fn fit_stream(model: &Model, stream: &str) -> StreamFit {
    let seen = look(model, stream);
    let mut speaks_for = Vec::new();
    let mut speaks_against = Vec::new();

    let rules = seen.commands.iter().flat_map(|it| &it.it.rules).count();
    let rejects = seen.commands.iter().flat_map(|it| values(&it.it.rejects));
    let (of_tables, rejects): (BTreeSet<&str>, BTreeSet<&str>) = rejects.partition(|it| is_of_tables(it));
    let wide: Vec<&str> =
        seen.commands.iter().filter(|it| it.it.boundary.is_some()).map(|it| name(it)).collect();
    let decides = rules > 0 || !rejects.is_empty() || !wide.is_empty();
    if rules > 0 {
        speaks_for.push(format!("its commands keep {}", counted(rules, "rule")));
    }
    if !rejects.is_empty() {
        speaks_for.push(format!("commands can be refused: {}", listed(rejects)));
    }
    if !wide.is_empty() {
        speaks_for.push(format!("decisions rest on events of other streams as well: {}", listed(wide)));
    }
    if !of_tables.is_empty() {
        speaks_against.push(format!("keys and checks of a table refuse as much as: {}", listed(of_tables)));
    }
    if !decides {
        speaks_against
            .push("no command keeps a rule or is refused for one, so nothing is decided".to_owned());
    }

    if seen.processes.is_empty() {
        speaks_against.push("no process reacts to it".to_owned());
    } else {
        speaks_for.push(format!("processes react to it: {}", listed(seen.processes.iter().copied())));
    }

    let (mirrors, others): (Vec<_>, Vec<_>) =
        seen.projections.iter().copied().partition(|projection| mirrors(projection, &seen.events));
    if others.is_empty() {
        speaks_against.push(match mirrors.as_slice() {
            [] => "no read model is made of it".to_owned(),
            [one, ..] => {
                format!("its one read model, {}, has the fields of its events and nothing else", name(one))
            }
        });
    } else {
        let names = listed(others.iter().map(|projection| name(projection)));
        speaks_for.push(format!("read models in shapes of their own are made of it: {names}"));
    }

    let (all, rows) = (seen.events.len(), seen.row_events.len());
    let is_rows = rows * 2 > all;
    match all {
        0 => speaks_against.push("it has no events".to_owned()),
        1 => speaks_against
            .push(format!("it has one event, {}", listed(seen.events.iter().map(|it| name(it))))),
        _ => {}
    }
    if rows > 0 {
        let said = format!(
            "{rows} of {all} events say what a row does: {}",
            listed(seen.row_events.iter().copied())
        );
        speaks_against.push(said);
    }
    if all > 1 && !is_rows {
        let happenings =
            seen.events.iter().map(|it| name(it)).filter(|event| !seen.row_events.contains(event));
        speaks_for.push(format!("events say what happened: {}", listed(happenings)));
    }
    let closes = model.stream(stream).map(|it| values(&it.it.closes).collect::<Vec<_>>()).unwrap_or_default();
    if !closes.is_empty() {
        speaks_for.push(format!("it has a life with an end: {}", listed(closes)));
    }

    // Rules, processes and read models of other shapes are what a table does not have.
    let beyond_a_table = [decides, !seen.processes.is_empty(), !others.is_empty()];
    let beyond_a_table = beyond_a_table.iter().filter(|is_so| **is_so).count();
    let leaning = match beyond_a_table {
        0 => Leaning::Table,
        1 if is_rows || all < 2 => Leaning::Table,
        2.. if !is_rows && all > 1 && decides => Leaning::Events,
        _ => Leaning::Open,
    };
    let is_public = seen.events.iter().any(|event| event.it.is_public);
    let kind = if is_public && leaning == Leaning::Table { Kind::Outbox } else { Kind::Audit };
    if is_public && leaning == Leaning::Table {
        speaks_against.push("other contexts read its events, which an outbox serves".to_owned());
    }
    let alternative = (leaning != Leaning::Events).then(|| (kind, table_of(model, stream, &seen, &mirrors)));
    StreamFit { stream: stream.to_owned(), leaning, speaks_for, speaks_against, alternative }
}

fn look<'m>(model: &'m Model, stream: &'m str) -> Seen<'m> {
    let events: Vec<_> = model.events_of(stream).collect();
    let names: BTreeSet<&str> = events.iter().map(|event| name(event)).collect();
    let is_of = |words: &[At<String>]| values(words).any(|word| names.contains(word));
    let commands = model.commands.iter().filter(|command| {
        let said = command.it.stream.as_ref().map(|of| of.value.as_str());
        said == Some(stream) || (said.is_none() && is_of(&command.it.emits))
    });
    let commands: Vec<_> = commands.collect();
    let projections = model.projections.iter().filter(|projection| is_of(&projection.it.from)).collect();
    let processes = model.processes.iter().filter(|process| {
        is_of(&process.it.starts) || process.it.reacts.iter().any(|reacts| names.contains(name(reacts)))
    });
    let processes = processes.map(name).collect();
    let row_events = events.iter().copied().filter(|event| is_row_event(event, &events)).map(name).collect();
    Seen { events, commands, projections, processes, row_events }
}

fn name<T>(named: &Named<T>) -> &str {
    &named.name.value
}

fn values(words: &[At<String>]) -> impl Iterator<Item = &str> {
    words.iter().map(|word| word.value.as_str())
}

// Created and Deleted can be what really happened, but beside Updated they are what a row does. The rules AN103 and
// AN104 look for the same.
const OF_ROWS: [&str; 8] =
    ["created", "updated", "deleted", "changed", "saved", "modified", "edited", "removed"];

/// Whether an event says what a row does: `CustomerUpdated`, `EmailChanged`.
fn is_row_event(event: &Named<Event>, all: &[&Named<Event>]) -> bool {
    let last = |event: &Named<Event>| words(name(event)).pop().unwrap_or_default();
    let last_word = last(event);
    if !OF_ROWS.contains(&last_word.as_str()) {
        return false;
    }
    let is_weak = |word: &str| matches!(word, "created" | "deleted" | "removed");
    !is_weak(&last_word)
        || all.iter().any(|other| {
            let other = last(other);
            OF_ROWS.contains(&other.as_str()) && !is_weak(&other)
        })
        || all.len() == 1
}

/// Whether a rejection is what the keys and checks of a table say: `CustomerNotFound`, `EmailInvalid`.
fn is_of_tables(rejection: &str) -> bool {
    const SAID: [&str; 9] =
        ["found", "exists", "exist", "duplicate", "invalid", "unknown", "missing", "required", "taken"];
    words(rejection).iter().any(|word| SAID.contains(&word.as_str()))
}

/// The words of a name in lower case: `OrderPlaced`, `order-placed` and `order_placed` have two.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            was_lower = false;
            words.push(String::new());
            continue;
        }
        if words.is_empty() || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        was_lower = c.is_lowercase() || c.is_numeric();
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a read model has the fields of the events and no others, and comes from this stream alone.
fn mirrors(projection: &Named<Projection>, events: &[&Named<Event>]) -> bool {
    // Times and versions of a row come from the envelope.
    const OF_THE_ENVELOPE: [&str; 6] =
        ["version", "position", "created_at", "updated_at", "changed_at", "recorded_at"];
    let is_of_stream = |event: &str| events.iter().any(|other| name(other) == event);
    let is_known = |field: &str| {
        OF_THE_ENVELOPE.contains(&field)
            || events.iter().any(|event| event.it.fields.iter().any(|other| name(other) == field))
    };
    values(&projection.it.from).all(is_of_stream)
        && projection.it.fields.iter().all(|field| is_known(name(field)))
}

/// The table that a stream is: the fields of the read model that mirrors it, or of all its events.
fn table_of(model: &Model, stream: &str, seen: &Seen<'_>, mirrors: &[&Named<Projection>]) -> Description {
    let mut columns: Vec<Column> = Vec::new();
    let mirror = mirrors.iter().find(|projection| !projection.it.fields.is_empty());
    match mirror {
        Some(projection) => add(model, &mut columns, &projection.it.fields, false),
        None => {
            for (at, event) in seen.events.iter().enumerate() {
                // What only later events say is not there when the row is made.
                add(model, &mut columns, &event.it.fields, at > 0);
            }
        }
    }
    let key = key_of(model, stream)
        .or_else(|| mirror.and_then(|projection| projection.it.key.as_ref()).map(|key| key.value.clone()));
    let key = key.unwrap_or_else(|| format!("{stream}_id"));
    let key = match columns.iter().position(|column| column.name == key) {
        Some(at) => columns.remove(at),
        None => Column::new(key, Type::Text),
    };
    columns.insert(0, Column { is_optional: false, ..key });
    Description { table: stream.to_owned(), columns }
}

/// The field in the key of a stream, `order_id` of `order-{order_id}`, if it is one.
fn key_of(model: &Model, stream: &str) -> Option<String> {
    let key = &model.stream(stream)?.it.key.as_ref()?.value;
    let (_, rest) = key.split_once('{')?;
    let (field, rest) = rest.split_once('}')?;
    (!rest.contains('{')).then(|| field.to_owned())
}

fn add(model: &Model, columns: &mut Vec<Column>, fields: &Fields, are_optional: bool) {
    for field in fields {
        if columns.iter().all(|column| column.name != name(field)) {
            let kind = type_of(model, &field.it.kind.value);
            let is_optional = are_optional || field.it.is_optional;
            columns.push(Column { name: name(field).to_owned(), kind, is_optional });
        }
    }
}

fn type_of(model: &Model, kind: &FieldType) -> Type {
    match kind {
        FieldType::OneOf(_) => Type::Text,
        FieldType::Name(name) if model.types.iter().all(|own| own.name.value != *name) => {
            Type::by_name(name).unwrap_or(Type::Json)
        }
        FieldType::Name(_) | FieldType::List(_) | FieldType::Fields(_) => Type::Json,
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("one {noun}") } else { format!("{count} {noun}s") }
}

/// Names, so many as can be taken in.
fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    const TOLD: usize = 5;
    let names: Vec<_> = names.into_iter().collect();
    let told = names.iter().take(TOLD).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(TOLD) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::read;
    use crate::text::Texts;

    fn fit_one(model: &str) -> StreamFit {
        let mut texts = Texts::default();
        let file = texts.add(
            "annals.yaml",
            format!("annals: 1\nstreams: {{ thing: {{ key: \"thing-{{id}}\" }} }}\n{model}"),
        );
        let (model, mistakes) = read(&texts, &[file]);
        assert_eq!(mistakes, []);
        fit_model(&model, Some("thing")).unwrap().remove(0)
    }

    #[test]
    fn a_stream_with_one_event_and_no_rule_is_a_table() {
        let fit = fit_one(
            "events: { SignedUp: { stream: thing, fields: { id: uuid, email: text } } }\n\
             commands: { SignUp: { stream: thing, emits: [SignedUp], rejects: [EmailTaken] } }",
        );
        assert_eq!(fit.leaning, Leaning::Table);
        assert_eq!(
            fit.speaks_against,
            [
                "keys and checks of a table refuse as much as: EmailTaken",
                "no command keeps a rule or is refused for one, so nothing is decided",
                "no process reacts to it",
                "no read model is made of it",
                "it has one event, SignedUp",
            ]
        );
        let (kind, table) = fit.alternative.unwrap();
        assert_eq!(kind, Kind::Audit);
        assert_eq!(table.columns, [Column::new("id", Type::Uuid), Column::new("email", Type::Text)]);
    }

    #[test]
    fn rules_and_other_read_models_over_happenings_are_events() {
        let fit = fit_one(
            "events:\n  Opened: { stream: thing, fields: { id: uuid } }\n  \
             Withdrawn: { stream: thing, fields: { id: uuid, amount: int } }\n\
             commands:\n  Open: { stream: thing, emits: [Opened] }\n  \
             Withdraw: { stream: thing, emits: [Withdrawn], rejects: [Overdrawn] }\n\
             projections: { monthly: { from: [Withdrawn], key: id, fields: { id: uuid, month: text, sum: int } } }",
        );
        assert_eq!((fit.leaning, fit.alternative), (Leaning::Events, None));
        assert_eq!(
            fit.speaks_for,
            [
                "commands can be refused: Overdrawn",
                "read models in shapes of their own are made of it: monthly",
                "events say what happened: Opened, Withdrawn",
            ]
        );
    }

    #[test]
    fn created_and_deleted_are_happenings_until_something_is_updated() {
        let events = |last: &str| {
            format!(
                "events:\n  ThingCreated: {{ stream: thing, fields: {{ id: uuid }} }}\n  \
                 {last}: {{ stream: thing, fields: {{ id: uuid }} }}\n"
            )
        };
        let is_rows = |fit: StreamFit| fit.speaks_against.iter().any(|line| line.contains("what a row does"));
        assert!(!is_rows(fit_one(&events("ThingDeleted"))));
        assert!(is_rows(fit_one(&events("ThingUpdated"))));
    }

    #[test]
    fn a_public_table_tells_others_through_an_outbox() {
        let fit = fit_one("events: { ThingUpdated: { stream: thing, public: true, fields: { id: uuid } } }");
        assert_eq!(fit.alternative.unwrap().0, Kind::Outbox);
    }

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(words("OrderPlaced"), ["order", "placed"]);
        assert_eq!(words("order-placed_late"), ["order", "placed", "late"]);
    }
}
