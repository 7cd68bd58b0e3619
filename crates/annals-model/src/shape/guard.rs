//! What keeps two events from taking the same place in a stream.

use super::roles::{self, EventLog, Roles, is_name_of};
use super::{Column, Key, KeyPart, Product, StoreShape, Table};

/// What keeps two events from taking the same place in a stream.
#[derive(Debug, Clone)]
pub enum Guard<'s> {
    /// A unique key.
    Key(KeyGuard<'s>),
    /// Each event names the one before it, and can be named once.
    Links(&'s Key),
    /// Decisions rest on tags; what guards those is not in a key.
    Tags,
    /// Nothing that was read.
    Nothing,
}

/// A unique key that has the version of a stream in it.
#[derive(Debug, Clone)]
pub struct KeyGuard<'s> {
    /// The table that it is a key of: the log, or the table that says which event is in which stream.
    pub table: &'s Table,
    /// The key.
    pub key: &'s Key,
    /// The columns it rests on.
    pub columns: Vec<&'s Column>,
    /// What else is in it, so that a version can be there once for each.
    pub more: Vec<&'s str>,
}

/// What guards a log.
pub fn of<'s>(store: &'s StoreShape, log: &EventLog<'s>) -> Guard<'s> {
    if let Some(key) = log.expression_key {
        let columns =
            log.table.columns.iter().filter(|column| key.columns().any(|name| is_name_of(column, name)));
        let columns = columns.collect();
        return Guard::Key(KeyGuard { table: log.table, key, columns, more: Vec::new() });
    }
    if let Some(previous) = log.previous {
        let is_in = |key: &&Key| key.is_unique() && key.columns().any(|name| is_name_of(previous, name));
        return log.table.keys.iter().find(is_in).map_or(Guard::Nothing, Guard::Links);
    }
    let Some((table, stream, version)) = log.place_in_stream() else {
        return if log.is_by_tags() { Guard::Tags } else { Guard::Nothing };
    };
    let is_partition = |column: &Column| table.partitioned_by.iter().any(|name| is_name_of(column, name));
    let is_implied = store.product == Some(Product::Cosmos) && is_partition(stream);
    let guards = table.keys.iter().filter(|key| key.is_unique()).filter_map(|key| {
        let has = |column: &Column| key.parts.iter().any(|part| is_about(part, column));
        let more: Vec<&str> = key.parts.iter().filter_map(|part| more(log, part, stream, version)).collect();
        // A number that is unique by itself is so in every stream.
        let is_guard = has(version) && (has(stream) || is_implied || more.is_empty());
        let columns = [stream, version].into_iter().filter(|column| has(column)).collect();
        is_guard.then_some(KeyGuard { table, key, columns, more })
    });
    let weaker = |guard: &KeyGuard<'_>| (guard.key.predicate.is_some(), guard.more.len());
    guards.min_by_key(weaker).map_or(Guard::Nothing, Guard::Key)
}

/// A table with the version of each stream, which code may compare and set.
pub fn counter<'s>(roles: &Roles<'s>) -> Option<&'s Table> {
    roles.streams.first().copied()
}

/// A part of a key beyond stream, version and what a stream is told apart within.
fn more<'s>(log: &EventLog<'s>, part: &'s KeyPart, stream: &Column, version: &Column) -> Option<&'s str> {
    if is_about(part, stream) || is_about(part, version) {
        return None;
    }
    match part {
        KeyPart::Expression(text) => Some(text),
        KeyPart::Column(name) => {
            let is_type = log.event_type.is_some_and(|column| is_name_of(column, name));
            (is_type || !roles::tells_streams_apart(name)).then_some(name)
        }
    }
}

/// Whether a part of a key is a column, or is made from it.
fn is_about(part: &KeyPart, column: &Column) -> bool {
    match part {
        KeyPart::Column(name) => is_name_of(column, name),
        KeyPart::Expression(text) => {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            text.split(|c| !is_word(c)).any(|word| word.eq_ignore_ascii_case(&column.name))
        }
    }
}
