use super::an203_guard_with_null::lets_null_in;
use super::on_store::{add_unique, as_far_as_read, at_column, at_key, at_table, each_log, key_columns};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Severity};
use crate::shape::append::{self, AppendLock};
use crate::shape::guard::{self, Guard};
use crate::shape::roles::{EventLog, Roles};
use crate::shape::{Product, StoreShape};

pub(super) static RULE: Rule = Rule {
    id: "AN201",
    name: "no-version-guard",
    severity: Severity::Error,
    reads: &[Input::Store],
    what: "nothing keeps two events from taking the same place in a stream",
    why: "Two writers read the same stream, decide on the same state and append version 8 both. Whichever comes \
          second rests on what is no longer true: a seat sold twice, a balance below zero. Code that looks before \
          it writes does not help, because both look before either writes; only a unique key of the database sees \
          both.",
    mend: &[
        Mend {
            on: "",
            text: "A unique key over stream and version, and every append with the version that was read plus one. \
                   A refusal is a conflict: read the stream again and decide again.",
        },
        Mend {
            on: "PostgreSQL",
            text: "```sql\nALTER TABLE events ADD CONSTRAINT events_by_stream UNIQUE (stream_id, version);\n```\n\
                   On a table in use, build the index `CONCURRENTLY` first and add the constraint `USING INDEX`.",
        },
        Mend {
            on: "MySQL",
            text: "```sql\nALTER TABLE events ADD UNIQUE KEY events_by_stream (stream_id, version);\n```",
        },
        Mend {
            on: "SQL Server",
            text: "```sql\nALTER TABLE events ADD CONSTRAINT events_by_stream UNIQUE (stream_id, version);\n```",
        },
        Mend {
            on: "SQLite",
            text: "```sql\nCREATE UNIQUE INDEX events_by_stream ON events (stream_id, version);\n```",
        },
        Mend {
            on: "MongoDB",
            text: "```js\ndb.events.createIndex({ stream_id: 1, version: 1 }, { unique: true })\n```",
        },
        Mend {
            on: "Cosmos DB",
            text: "Partition by stream, and make the id of a document from its version (`order-17:8`), or give the \
                   container the unique key `/version` when it is made: one cannot be added later.",
        },
    ],
    leave: "Where one process alone appends, or every append runs under a lock that is in code and not in the \
            database. Where nobody decides on what is in a stream, as with readings of a meter.",
    sources: &["https://learn.microsoft.com/azure/architecture/patterns/event-sourcing"],
    bad: &[
        Example::Sql(
            "CREATE TABLE events (
    position bigserial PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    stream_id text NOT NULL,
    version bigint NOT NULL,
    event_type text NOT NULL,
    payload jsonb NOT NULL
);
CREATE INDEX events_by_stream ON events (stream_id, version);",
        ),
        Example::Sql(
            "CREATE TABLE event_store (
    id bigserial PRIMARY KEY,
    aggregate_id uuid NOT NULL,
    event_type text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL
);",
        ),
    ],
    good: &[
        // The key is the primary one.
        Example::Sql(
            "CREATE TABLE events (
    aggregate_type text, aggregate_id text, sequence bigint, event_type text NOT NULL, payload json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);",
        ),
        // It comes in a later statement.
        Example::Sql(
            "CREATE TABLE messages (
    id uuid NOT NULL, stream_name varchar NOT NULL, type varchar NOT NULL, position bigint NOT NULL,
    global_position bigserial PRIMARY KEY, data jsonb, metadata jsonb
);
CREATE UNIQUE INDEX messages_stream ON messages (stream_name, position);",
        ),
        // It is in the table that says which event is in which stream.
        Example::Sql(
            "CREATE TABLE events (event_id uuid PRIMARY KEY, event_type text NOT NULL, data bytea NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE streams (stream_id bigserial PRIMARY KEY, stream_uuid text NOT NULL, stream_version bigint NOT NULL);
CREATE TABLE stream_events (
    event_id uuid NOT NULL REFERENCES events (event_id),
    stream_id bigint NOT NULL REFERENCES streams (stream_id),
    stream_version bigint NOT NULL,
    PRIMARY KEY (event_id, stream_id)
);
CREATE UNIQUE INDEX stream_events_version ON stream_events (stream_id, stream_version);",
        ),
        // Each event names the one before, once.
        Example::Sql(
            "CREATE TABLE events (
    position bigserial PRIMARY KEY, stream_id text NOT NULL, event_id uuid NOT NULL UNIQUE,
    previous_id uuid UNIQUE, event_type text NOT NULL, data jsonb NOT NULL
);",
        ),
        // There are no streams: decisions rest on tags.
        Example::Sql(
            "CREATE TABLE events (position bigserial PRIMARY KEY, event_id uuid NOT NULL UNIQUE, type text NOT NULL, tags text[] NOT NULL, data jsonb NOT NULL);",
        ),
        // No event log: a calendar, what users did, a queue.
        Example::Sql(
            "CREATE TABLE events (id serial PRIMARY KEY, title text, type text, starts_at timestamptz, ends_at timestamptz);
CREATE TABLE audit_log (id bigserial PRIMARY KEY, entity_id uuid, version int, event_type text, data jsonb);
CREATE TABLE outbox (id uuid PRIMARY KEY, aggregate_id uuid, event_type text, payload jsonb, published_at timestamptz);",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |store, roles, log| match guard::of(store, log) {
        Guard::Key(guard) => {
            let is_whole = guard.more.is_empty() && guard.key.predicate.is_none();
            if is_whole && !lets_null_in(store, &subject.texts, log, &guard) {
                let of = key_columns(guard.key);
                findings.good(rule, format!("unique version key ({of})"), at_key(guard.table, guard.key));
            }
        }
        Guard::Links(key) => {
            findings.good(rule, "each event names the one before it, once", at_key(log.table, key))
        }
        Guard::Tags => {}
        Guard::Nothing => findings.add(unguarded(rule, store, roles, log)),
    });
}

fn unguarded(rule: &'static Rule, store: &StoreShape, roles: &Roles<'_>, log: &EventLog<'_>) -> Finding {
    let read = as_far_as_read(store);
    let name = &log.table.name;
    let Some((table, stream, version)) = log.place_in_stream() else {
        let message =
            format!("{name} has no version, so nothing{read} keeps two decisions about one stream apart");
        let place = log.stream.map_or_else(|| at_table(log.table), |stream| at_column(log.table, stream));
        return Finding::new(rule, place.saying("orders its events by nothing"), message)
            .severity(Severity::Warning)
            .help("add a column for the version of the stream, NOT NULL, and a unique key over both");
    };
    let message = format!(
        "two events can take the same place in a stream: no unique key over {}.{} and {}{read}",
        table.name, stream.name, version.name
    );
    let finding =
        Finding::new(rule, at_column(table, version).saying("may be there twice in a stream"), message)
            .and(at_column(table, stream).saying("the stream"));
    // A stream can have a name and an id within it.
    let also = table.column("stream_name").filter(|also| !std::ptr::eq(*also, stream));
    let parts = log.scope.iter().copied().chain(also).chain([stream, version]);
    let columns: Vec<&str> = parts.map(|column| column.name.as_str()).collect();
    let finding = finding.help(add_unique(store.product, table, &columns));
    match doubt(store, roles, log) {
        Some(doubt) => finding.severity(Severity::Warning).help(doubt),
        None => finding,
    }
}

/// Why the guard may be there all the same.
fn doubt(store: &StoreShape, roles: &Roles<'_>, log: &EventLog<'_>) -> Option<String> {
    let is_document = matches!(store.product, Some(Product::Mongo | Product::Cosmos));
    if is_document {
        return Some("leave it if the id of a document is made of its stream and version".to_owned());
    }
    if !log.table.partitioned_by.is_empty() {
        return Some(
            "leave it if each partition has the key and a stream is in one of them alone".to_owned(),
        );
    }
    if let Some(lock) = append::lock(store, log.table) {
        let of = match lock {
            AppendLock::Whole => "a lock".to_owned(),
            AppendLock::By(what) => format!("a lock by {what}"),
        };
        return Some(format!(
            "leave it if every append runs in the function that takes {of}, and compares there"
        ));
    }
    if let Some(streams) = guard::counter(roles) {
        return Some(format!("leave it if every append compares and sets the version in {}", streams.name));
    }
    let is_unread = |what: &str| {
        let what = what.to_lowercase();
        what.contains("index") || what.contains("alter table")
    };
    let unread = store.unread.iter().find(|unread| is_unread(&unread.what))?;
    Some(format!("leave it if the key is in what was not understood ({})", unread.what))
}
