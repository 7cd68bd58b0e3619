//! Which table is an event log.

use super::super::{Column, Key, KeyPart, Kind, Table};
use super::words::{self, all_called, called, is_document, is_id, is_number, is_word, plain};
use super::{EventLog, StreamJoin};

/// The log that a table is, if it is one.
pub(super) fn find<'s>(
    table: &'s Table,
    joins: &[StreamJoin<'s>],
    tags: &[&'s Table],
) -> Option<EventLog<'s>> {
    let name = Name::of(table);
    if name.is_of_no_log {
        return None;
    }
    let payload = payload(table);
    if payload.is_empty() {
        return None;
    }
    let log = Draft { table, name, payload };
    log.by_stream()
        .or_else(|| log.by_links())
        .or_else(|| log.by_join(joins))
        .or_else(|| log.by_expression())
        .or_else(|| log.by_tags(tags))
        .or_else(|| log.without_version())
}

/// What the name of a table says.
struct Name {
    words: Vec<String>,
    /// Events, messages, commits or a journal.
    is_of_events: bool,
    /// Events.
    says_event: bool,
    is_of_no_log: bool,
}

impl Name {
    fn of(table: &Table) -> Self {
        let words = words::words(table.plain_name());
        let has = |these: &[&str]| words.iter().any(|word| these.contains(&word.as_str()));
        let says_event = words.iter().any(|word| word.contains("event"));
        let is_of_events =
            says_event || has(&["journal", "journals", "messages", "message", "commits", "commit"]);
        let is_of_no_log = has(words::NO_LOG);
        Self { words, is_of_events, says_event, is_of_no_log }
    }

    /// Whether it names a store of events, and not just events.
    fn says_store(&self) -> bool {
        let joined = self.words.concat();
        ["eventstore", "eventlog", "eventjournal", "storedevent", "esevent", "eventsource", "eventstream"]
            .iter()
            .any(|name| joined.contains(name))
    }
}

fn payload(table: &Table) -> Vec<&Column> {
    let mut payload = all_called(table, words::PAYLOAD, is_document);
    if payload.is_empty() {
        let is_structured =
            |column: &Column| matches!(column.kind, Kind::Json | Kind::Bytes | Kind::Document);
        payload.extend(called(table, &["event"], is_structured));
    }
    // A class by its path and its state is how the library `eventsourcing` of Python stores an event.
    if payload.is_empty() && called(table, &["topic"], is_word).is_some() {
        payload.extend(called(table, &["state"], is_document));
    }
    payload
}

struct Draft<'s> {
    table: &'s Table,
    name: Name,
    payload: Vec<&'s Column>,
}

impl<'s> Draft<'s> {
    /// A stream and a version.
    fn by_stream(&self) -> Option<EventLog<'s>> {
        let (stream, version) = self.stream_and_version()?;
        if self.has_one_row_for_each(stream) {
            return None;
        }
        let log = self.log(Some(stream), Some(version));
        let is_known = words::STREAM.contains(&plain(&stream.name).as_str());
        let is_log = if is_known {
            log.event_type.is_some() || self.name.is_of_events
        } else {
            log.event_type.is_some() && self.name.says_event
        };
        is_log.then_some(log)
    }

    /// Each event names the one before.
    fn by_links(&self) -> Option<EventLog<'s>> {
        let previous = called(self.table, words::PREVIOUS, |_| true)?;
        let is_in = |key: &Key| key.columns().any(|name| is_name_of(previous, name));
        let is_chain = self.table.keys.iter().any(|key| key.is_unique() && is_in(key));
        let stream = called(self.table, words::STREAM, |_| true)
            .or_else(|| called(self.table, words::STREAM_PERHAPS, |_| true))?;
        let log = EventLog { previous: Some(previous), ..self.log(Some(stream), None) };
        let says =
            |column: Option<&Column>| column.is_some_and(|column| plain(&column.name).starts_with("event"));
        let is_of_events = self.name.is_of_events || (says(log.event_id) && says(log.event_type));
        (is_chain && is_of_events && log.event_type.is_some()).then_some(log)
    }

    /// A table of its own says what stream an event is in.
    fn by_join(&self, joins: &[StreamJoin<'s>]) -> Option<EventLog<'s>> {
        let log = self.log(None, None);
        let event_id = log.event_id?;
        let refers = |join: &&StreamJoin<'_>| {
            let key = join.table.foreign_keys.iter().any(|key| {
                self.table.is_called(&key.table)
                    && key.columns.iter().any(|name| is_name_of(join.event_id, name))
            });
            let is_named_alike = plain(&join.event_id.name) == plain(&event_id.name);
            key || (is_named_alike && plain(&event_id.name) != "id")
        };
        let join = joins.iter().find(refers)?;
        let is_log = self.name.is_of_events && log.event_type.is_some();
        is_log.then_some(EventLog { join: Some(*join), ..log })
    }

    /// Stream and version stand in a document, and a unique key takes them out of it.
    fn by_expression(&self) -> Option<EventLog<'s>> {
        let is_version = |key: &&Key| {
            let expression = |part: &KeyPart| match part {
                KeyPart::Expression(text) => plain(text),
                KeyPart::Column(_) => String::new(),
            };
            let text: String = key.parts.iter().map(expression).collect();
            let says = |these: &[&str]| these.iter().any(|word| text.contains(word));
            key.is_unique()
                && says(&["version", "revision", "playhead", "sequence"])
                && says(&["aggregate", "stream", "originator", "entity"])
        };
        let key = self.table.keys.iter().find(is_version)?;
        let log = self.log(None, None);
        log.event_type.is_some().then_some(EventLog { expression_key: Some(key), ..log })
    }

    /// Events are found by tags, whatever stream they might be in.
    fn by_tags(&self, tags: &[&'s Table]) -> Option<EventLog<'s>> {
        let own = self.name.words.concat();
        let own = own.trim_end_matches('s');
        let tag_table = tags.iter().copied().find(|tags| {
            tags.foreign_keys.iter().any(|key| self.table.is_called(&key.table))
                || words::words(tags.plain_name()).concat().starts_with(own)
        });
        let log = EventLog { tag_table, ..self.log(None, None) };
        let has_tags = log.tags.is_some() || tag_table.is_some();
        // An application that collects clicks has a type, properties and tags as well; what it does not have is a
        // place for each of them that it calls one.
        let is_positioned = log.position.is_some_and(|position| {
            let name = plain(&position.name);
            words::POSITION.contains(&name.as_str()) || words::POSITION_PERHAPS.contains(&name.as_str())
        });
        let is_positioned = is_positioned || (self.name.says_store() && log.position.is_some());
        let is_log = has_tags && is_positioned && self.name.says_event && log.event_type.is_some();
        (is_log && !self.is_delivered()).then_some(log)
    }

    /// A stream, and nothing that orders its events.
    fn without_version(&self) -> Option<EventLog<'s>> {
        let stream = called(self.table, words::STREAM, |_| true)?;
        let says_other = ["domain", "integration", "external"].iter();
        let is_other = says_other.clone().any(|other| self.name.words.iter().any(|word| word == other));
        if !self.name.says_event || is_other || self.is_delivered() || self.has_one_row_for_each(stream) {
            return None;
        }
        let log = self.log(Some(stream), None);
        log.event_type.is_some().then_some(log)
    }

    fn stream_and_version(&self) -> Option<(&'s Column, &'s Column)> {
        let table = self.table;
        let versions = all_called(table, words::VERSION, |column| is_number(column) && !column.is_counted);
        let streams = || {
            let known = all_called(table, words::STREAM, |_| true);
            if known.is_empty() { all_called(table, words::STREAM_PERHAPS, |_| true) } else { known }
        };
        let rank = |column: &Column| {
            let name = plain(&column.name);
            words::VERSION.iter().position(|known| *known == name).unwrap_or(usize::MAX)
        };
        // What is unique together belongs together, however it is called.
        for key in table.keys.iter().filter(|key| key.is_unique()) {
            let is_in = |column: &Column| key.columns().any(|name| is_name_of(column, name));
            let Some(version) = versions.iter().copied().filter(|v| is_in(v)).min_by_key(|v| rank(v)) else {
                continue;
            };
            if let Some(stream) = streams().into_iter().find(|stream| is_in(stream)) {
                return Some((stream, version));
            }
            if let Some(stream) = self.own_stream().filter(|stream| is_in(stream)) {
                return Some((stream, version));
            }
        }
        // A number that is called a place in the store is none in a stream, unless the store has another.
        let may_be_version = |column: &&Column| {
            let name = plain(&column.name);
            let is_position = words::POSITION_PERHAPS.contains(&name.as_str());
            !is_position
                || name == "sequencenumber"
                || table.columns.iter().any(|other| {
                    !std::ptr::eq(*column, other)
                        && (other.is_counted || words::POSITION.contains(&plain(&other.name).as_str()))
                })
        };
        let version = versions.iter().copied().filter(may_be_version).min_by_key(|v| rank(v))?;
        let known = || called(table, words::STREAM, |_| true);
        let stream = known().or_else(|| streams().into_iter().next()).or_else(|| self.own_stream())?;
        Some((stream, version))
    }

    /// What a table of events is about by its name: `account_id` in `account_events`. A unique key over a UUID and
    /// a playhead says the same.
    fn own_stream(&self) -> Option<&'s Column> {
        let about: String =
            self.name.words.iter().take_while(|word| !word.contains("event")).map(String::as_str).collect();
        let own = [format!("{about}id"), format!("{about}uuid"), format!("{about}key")];
        let is_own = |column: &&Column| !about.is_empty() && own.contains(&plain(&column.name));
        // Where rows have a number of their own, an id that is unique with a version only is that of a stream.
        let is_of_rows = |column: &Column| column.is_counted;
        let by_playhead = || {
            let has_other = self.table.columns.iter().any(is_of_rows);
            called(self.table, &["uuid", "id"], |column| has_other && !column.is_counted)
        };
        self.table.columns.iter().find(is_own).or_else(by_playhead)
    }

    /// Whether a stream can only be in one row, as in a table of streams, states or snapshots.
    fn has_one_row_for_each(&self, stream: &Column) -> bool {
        let is_it = |name: &str| is_name_of(stream, name);
        let is_scope = |name: &str| words::SCOPE.contains(&plain(name).as_str());
        self.table.keys.iter().any(|key| {
            key.is_unique()
                && key.predicate.is_none()
                && key.columns().any(is_it)
                && key.parts.iter().all(|part| match part {
                    KeyPart::Column(name) => is_it(name) || is_scope(name),
                    KeyPart::Expression(_) => false,
                })
        })
    }

    fn is_delivered(&self) -> bool {
        !all_called(self.table, words::DELIVERY, |_| true).is_empty()
    }

    /// What is left once stream and version are known.
    fn log(&self, stream: Option<&'s Column>, version: Option<&'s Column>) -> EventLog<'s> {
        let table = self.table;
        let is_taken = |column: &Column| {
            let is = |other: Option<&Column>| other.is_some_and(|other| std::ptr::eq(other, column));
            is(stream) || is(version) || self.payload.iter().any(|payload| is(Some(payload)))
        };
        let is_free = |column: &Column| !is_taken(column);
        let event_id = called(table, words::EVENT_ID, |column| is_free(column) && is_id(column));
        let is_place = |column: &Column| is_free(column) && is_number(column);
        let is_counted = |column: &&Column| column.is_counted && is_free(column);
        let position = called(table, words::POSITION, is_place)
            .or_else(|| table.columns.iter().find(is_counted))
            .or_else(|| called(table, words::POSITION_PERHAPS, is_place));
        // A type by which versions are told apart is that of what the stream is about.
        let is_of_stream = |column: &Column| {
            let in_key = |key: &Key| {
                let has = |column: &Column| key.columns().any(|name| is_name_of(column, name));
                key.is_unique() && has(column) && version.is_some_and(has)
            };
            ["type", "kind", "name"].contains(&plain(&column.name).as_str()) && table.keys.iter().any(in_key)
        };
        let is_type = |column: &Column| {
            is_free(column) && is_word(column) && !column.is_counted && !is_of_stream(column)
        };
        let event_type = called(table, words::EVENT_TYPE, is_type).or_else(|| {
            let has_other = table.columns.iter().any(is_of_stream);
            called(table, &["reason"], |column| has_other && is_type(column))
        });
        let is_spare = |column: &Column| is_free(column) && !is_same(event_type, column);
        let is_version = |column: &Column| is_spare(column) && !is_same(position, column);
        let schema_version =
            called(table, words::SCHEMA_VERSION, |column| is_free(column) && !column.is_counted).or_else(
                || {
                    called(table, words::SCHEMA_VERSION_PERHAPS, |column| {
                        version.is_some() && is_version(column)
                    })
                },
            );
        let is_transaction = |column: &&Column| {
            column.kind == Kind::RowVersion
                || ["transactionid", "xactid", "txid", "xid", "transaction"]
                    .contains(&plain(&column.name).as_str())
                    && is_number(column)
        };
        EventLog {
            table,
            stream,
            version,
            position,
            event_id,
            event_type,
            schema_version,
            payload: self.payload.clone(),
            metadata: all_called(table, words::METADATA, |column| {
                is_spare(column) && !is_name_of_context(column)
            }),
            times: times(table),
            tags: called(table, words::TAGS, is_spare),
            previous: None,
            scope: all_called(table, words::SCOPE, is_spare),
            transaction: table.columns.iter().find(is_transaction),
            join: None,
            tag_table: None,
            expression_key: None,
            holds_commits: called(table, &["commitid", "commitsequence"], |_| true).is_some(),
        }
    }
}

fn times(table: &Table) -> Vec<&Column> {
    let is_time = |column: &&Column| {
        let is_called = words::TIME.contains(&plain(&column.name).as_str());
        let is_point = matches!(column.kind, Kind::Instant | Kind::LocalTime);
        let is_of_other =
            ["deleted", "archived", "processed", "published", "updated", "dispatched", "expires"]
                .iter()
                .any(|other| plain(&column.name).starts_with(other));
        (is_called && !matches!(column.kind, Kind::Json | Kind::Bool | Kind::Uuid | Kind::RowVersion))
            || (is_point && !is_of_other)
    };
    table.columns.iter().filter(is_time).collect()
}

/// A context can be a document about an event, or the name of a part of the domain.
fn is_name_of_context(column: &Column) -> bool {
    let is_name = matches!(column.kind, Kind::Text | Kind::Char) && !column.type_name.contains("text");
    plain(&column.name) == "context" && is_name
}

/// Whether a key means this column by a name: documents are named by paths.
pub(in super::super) fn is_name_of(column: &Column, name: &str) -> bool {
    column.name.eq_ignore_ascii_case(name)
        || column.name.trim_start_matches('/') == name.trim_start_matches('/')
}

fn is_same(one: Option<&Column>, other: &Column) -> bool {
    one.is_some_and(|one| std::ptr::eq(one, other))
}
