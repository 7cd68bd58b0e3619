use super::on_store::{add_unique, as_far_as_read, at_column, at_key, at_table, each_log};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Severity};
use crate::shape::guard::{self, Guard, KeyGuard};
use crate::shape::roles::{EventLog, tells_streams_apart};
use crate::shape::{Column, Key, KeyPart, Product, StoreShape};

pub(super) static RULE: Rule = Rule {
    id: "AN211",
    name: "no-event-id",
    severity: Severity::Warning,
    reads: &[Input::Store],
    what: "events have no unique id that whoever appends them gives",
    why: "An append is sent, the answer is lost, and the client sends it again. With an id that the client chose \
          the second is known to be the first; without one the event is there twice, or the client is told of a \
          conflict with itself. Consumers know by the same id what they have seen, and causation points to it.",
    mend: &[
        Mend { on: "", text: "A UUID that is made before the first attempt (version 7 sorts well), and unique in the store." },
        Mend {
            on: "PostgreSQL",
            text: "```sql\nALTER TABLE events ADD COLUMN event_id uuid NOT NULL DEFAULT gen_random_uuid();\nALTER TABLE \
                   events ADD UNIQUE (event_id);\nALTER TABLE events ALTER COLUMN event_id DROP DEFAULT;\n```",
        },
        Mend { on: "MySQL", text: "`event_id BINARY(16) NOT NULL`, with a unique key." },
        Mend { on: "SQL Server", text: "`event_id uniqueidentifier NOT NULL`, with a unique nonclustered index." },
    ],
    leave: "Where stream and version identify an event for everybody who speaks of it, and a client that meets a \
            conflict reads the stream and sees its own event there.",
    sources: &["https://learn.microsoft.com/azure/architecture/patterns/event-sourcing"],
    bad: &[
        Example::Sql(
            "CREATE TABLE events (
    event_id uuid NOT NULL, stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    PRIMARY KEY (stream_id, version)
);",
        ),
        Example::Sql(
            "CREATE TABLE events (
    id bigserial PRIMARY KEY, stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL
);",
        ),
    ],
    good: &[
        Example::Sql(
            "CREATE TABLE events (
    event_id uuid PRIMARY KEY, stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    UNIQUE (stream_id, version)
);",
        ),
        // Unique within its stream is enough to know a repetition.
        Example::Sql(
            "CREATE TABLE messages (
    id uuid NOT NULL, stream_id int NOT NULL, stream_version int NOT NULL, type text NOT NULL, json_data text NOT NULL
);
CREATE UNIQUE INDEX messages_id ON messages (stream_id, id);
CREATE UNIQUE INDEX messages_version ON messages (stream_id, stream_version);",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |store, _, log| {
        let Some(id) = log.event_id else {
            findings.add(missing(rule, store, log));
            return;
        };
        match identifying(log, id) {
            Some(key) => {
                findings.good(rule, format!("event id unique ({})", id.name), at_key(log.table, key))
            }
            // Every document has a unique _id, and every item an id that is unique in its partition.
            None if is_document(store) && ["_id", "id"].contains(&id.name.trim_start_matches('/')) => {}
            None => {
                let message = format!(
                    "two events can have the same id: no unique key over {}.{}{}",
                    log.table.name,
                    id.name,
                    as_far_as_read(store)
                );
                findings.add(
                    Finding::new(rule, at_column(log.table, id).saying("may be there twice"), message)
                        .help(add_unique(store.product, log.table, &[&id.name])),
                );
            }
        }
    });
}

fn missing(rule: &'static Rule, store: &StoreShape, log: &EventLog<'_>) -> Finding {
    let message = format!("the events of {} have no id that whoever appends them gives", log.table.name);
    let place = match log.position {
        Some(position) => {
            at_column(log.table, position).saying("given by the database, anew for each attempt")
        }
        None => at_table(log.table),
    };
    let finding = Finding::new(rule, place, message);
    let finding = match (guard::of(store, log), is_document(store)) {
        (_, true) => finding.severity(Severity::Note),
        (Guard::Key(guard), _) if is_whole(&guard) => finding
            .and(at_key(guard.table, guard.key).saying("identifies it as well"))
            .severity(Severity::Note)
            .help("leave it if stream and version identify an event for everybody"),
        _ => finding,
    };
    let kind = match store.product {
        Some(Product::Postgres) | None => "uuid",
        Some(Product::MySql) => "BINARY(16)",
        Some(Product::SqlServer) => "uniqueidentifier",
        Some(Product::Sqlite) => "BLOB",
        Some(Product::Mongo | Product::Cosmos) => {
            return finding.help("an id that the client makes before the first attempt");
        }
    };
    finding.help(format!("event_id {kind} NOT NULL UNIQUE, made by the client before the first attempt"))
}

/// Whether a guard has nothing beyond stream and version but what partitioning forces.
fn is_whole(guard: &KeyGuard<'_>) -> bool {
    let divides = |name: &&str| guard.table.partitioned_by.iter().any(|by| by.eq_ignore_ascii_case(name));
    guard.more.iter().all(divides)
}

/// The unique key that knows an event by its id, in the whole store, its stream or its partition.
fn identifying<'t>(log: &EventLog<'t>, id: &Column) -> Option<&'t Key> {
    let is_partition = |name: &str| log.table.partitioned_by.iter().any(|by| by.eq_ignore_ascii_case(name));
    let is_stream = |name: &str| log.stream.is_some_and(|stream| stream.name.eq_ignore_ascii_case(name));
    log.table.keys.iter().find(|key| {
        key.is_unique()
            && key.parts.iter().any(|part| is_of(part, id))
            && key.parts.iter().all(|part| match part {
                KeyPart::Column(name) => {
                    is_of(part, id) || is_partition(name) || is_stream(name) || tells_streams_apart(name)
                }
                KeyPart::Expression(_) => is_of(part, id),
            })
    })
}

fn is_of(part: &KeyPart, column: &Column) -> bool {
    match part {
        KeyPart::Column(name) => {
            name.trim_start_matches('/').eq_ignore_ascii_case(column.name.trim_start_matches('/'))
        }
        KeyPart::Expression(text) => text.to_lowercase().contains(&column.name.to_lowercase()),
    }
}

fn is_document(store: &StoreShape) -> bool {
    matches!(store.product, Some(Product::Mongo | Product::Cosmos))
}
