//! What the tables of a store are for: which of them hold events, and what each column of those is.
//!
//! Tables are told apart by their names, types and keys together. Where that does not settle it a table has no
//! role, because a rule that shouts at somebody's calendar is not listened to again.

mod beside;
mod log;
mod words;

use super::{Column, Key, StoreShape, Table};

pub(super) use self::log::is_name_of;

/// Whether a column of this name is a stream, or what streams are told apart within: a tenant, a category.
pub(crate) fn tells_streams_apart(name: &str) -> bool {
    let name = words::plain(name);
    words::SCOPE.contains(&name.as_str()) || words::STREAM.contains(&name.as_str())
}

/// What the tables of a store are for.
#[derive(Debug, Clone, Default)]
pub struct Roles<'s> {
    /// Tables that events are appended to.
    pub logs: Vec<EventLog<'s>>,
    /// Tables with a row for each stream.
    pub streams: Vec<&'s Table>,
    /// Tables that say which event is in which stream.
    pub joins: Vec<&'s Table>,
    /// Tables with the tags of events.
    pub tags: Vec<&'s Table>,
    /// Tables of states that were folded.
    pub snapshots: Vec<Snapshots<'s>>,
    /// Tables that say how far a reader has come.
    pub checkpoints: Vec<&'s Table>,
    /// Tables of messages that are on their way to somewhere.
    pub outboxes: Vec<&'s Table>,
    /// Tables that are made from events.
    pub reads: Vec<&'s Table>,
}

/// A table that events are appended to.
#[derive(Debug, Clone)]
pub struct EventLog<'s> {
    /// The table.
    pub table: &'s Table,
    /// Which stream an event is in.
    pub stream: Option<&'s Column>,
    /// Its place in there.
    pub version: Option<&'s Column>,
    /// Its place in the whole store.
    pub position: Option<&'s Column>,
    /// What identifies it, given by who appends it.
    pub event_id: Option<&'s Column>,
    /// What kind of event it is.
    pub event_type: Option<&'s Column>,
    /// The version of what it holds.
    pub schema_version: Option<&'s Column>,
    /// What it holds.
    pub payload: Vec<&'s Column>,
    /// What belongs to it beside that: a document, or correlation, causation and actor each in a column.
    pub metadata: Vec<&'s Column>,
    /// When it happened and when it was written.
    pub times: Vec<&'s Column>,
    /// By what it is found across streams.
    pub tags: Option<&'s Column>,
    /// The event before it.
    pub previous: Option<&'s Column>,
    /// What its stream is told apart within: tenant, category, kind of aggregate.
    pub scope: Vec<&'s Column>,
    /// The transaction that wrote it, or a `rowversion`.
    pub transaction: Option<&'s Column>,
    /// Where its streams and versions stand, when they stand in a table of their own.
    pub join: Option<StreamJoin<'s>>,
    /// Where its tags stand, when they stand in a table of their own.
    pub tag_table: Option<&'s Table>,
    /// A unique key that takes stream and version out of a document.
    pub expression_key: Option<&'s Key>,
    /// Whether a row is a commit of several events.
    pub holds_commits: bool,
}

/// A table that says which event is in which stream.
#[derive(Debug, Clone, Copy)]
pub struct StreamJoin<'s> {
    /// The table.
    pub table: &'s Table,
    /// Which event.
    pub event_id: &'s Column,
    /// Which stream.
    pub stream: &'s Column,
    /// Its place in there.
    pub version: &'s Column,
}

/// A table of states that were folded.
#[derive(Debug, Clone, Copy)]
pub struct Snapshots<'s> {
    /// The table.
    pub table: &'s Table,
    /// The state.
    pub state: &'s Column,
    /// The version of the code that the state is for.
    pub state_version: Option<&'s Column>,
    /// What belongs to it beside the state.
    pub metadata: Option<&'s Column>,
}

impl<'s> Roles<'s> {
    /// Looks at every table of a store.
    pub fn of(store: &'s StoreShape) -> Self {
        let mut roles = Self::default();
        let tables = || store.tables.iter().filter(|table| !table.is_view);
        let joins: Vec<_> = tables().filter_map(beside::join).collect();
        let tags: Vec<_> = tables().filter(|table| beside::is_tags(table)).collect();
        roles.logs = tables().filter_map(|table| log::find(table, &joins, &tags)).collect();
        if roles.logs.is_empty() {
            return roles;
        }
        roles.joins = roles.logs.iter().filter_map(|log| log.join).map(|join| join.table).collect();
        roles.tags = roles.logs.iter().filter_map(|log| log.tag_table).collect();
        for table in tables() {
            let is_log = roles.logs.iter().any(|log| std::ptr::eq(log.table, table));
            let has_role = |of: &[&Table]| of.iter().any(|other| std::ptr::eq(*other, table));
            if is_log || has_role(&roles.joins) || has_role(&roles.tags) {
                continue;
            }
            if let Some(snapshots) = beside::snapshots(table) {
                roles.snapshots.push(snapshots);
            } else if beside::is_outbox(table) {
                roles.outboxes.push(table);
            } else if beside::is_checkpoints(table) {
                roles.checkpoints.push(table);
            } else if beside::is_streams(table) {
                roles.streams.push(table);
            } else if beside::is_read(table) {
                roles.reads.push(table);
            }
        }
        roles
    }
}

impl<'s> EventLog<'s> {
    /// The table and the columns by which an event has its place in a stream.
    pub fn place_in_stream(&self) -> Option<(&'s Table, &'s Column, &'s Column)> {
        match (self.join, self.stream, self.version) {
            (Some(join), _, _) => Some((join.table, join.stream, join.version)),
            (None, Some(stream), Some(version)) => Some((self.table, stream, version)),
            _ => None,
        }
    }

    /// Whether decisions rest on what events are tagged with, so that a place in a stream is nothing to guard.
    pub fn is_by_tags(&self) -> bool {
        self.place_in_stream().is_none()
            && self.stream.is_none()
            && (self.tags.is_some() || self.tag_table.is_some())
    }

    /// Whether what it holds is bytes, in which an envelope may be that nobody can see from here.
    pub fn is_opaque(&self) -> bool {
        self.payload.iter().all(|column| column.kind == super::Kind::Bytes)
    }

    /// The document beside what it holds, in which more may stand than can be seen from here.
    pub fn metadata_document(&self) -> Option<&'s Column> {
        self.metadata
            .iter()
            .copied()
            .find(|column| words::is_document(column) && !words::is_named_fact(column))
    }

    /// The column with the kind of event, if it is the class of some program and nothing else says the kind.
    pub fn language_bound_type(&self) -> Option<&'s Column> {
        let is_class = |column: &&Column| words::LANGUAGE_TYPE.contains(&words::plain(&column.name).as_str());
        self.event_type.filter(is_class)
    }
}

#[cfg(test)]
mod tests;
