use super::on_store::{as_far_as_read, at_column, at_key, at_table, each_log};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Severity};
use crate::shape::roles::EventLog;
use crate::shape::{Column, Key, StoreShape};

pub(super) static RULE: Rule = Rule {
    id: "AN209",
    name: "order-by-time",
    severity: Severity::Error,
    reads: &[Input::Store],
    what: "the events of a stream have no order but their time",
    why: "Two events of one millisecond have no order at all, and two servers never have the same time: a clock \
          that is set back puts a later event in front of an earlier one. Folded in another order, the same events \
          give another state, and which it is may change from one read to the next.",
    mend: &[
        Mend {
            on: "",
            text: "A version for each event of a stream, counted by whoever appends and unique together with the \
                   stream; the time stays, as something to show. For the events that are there, number them once \
                   in the order in which they have been read so far.",
        },
        Mend {
            on: "PostgreSQL",
            text: "```sql\nALTER TABLE events ADD COLUMN version bigint;\nUPDATE events e SET version = n.version\nFROM \
                   (SELECT id, row_number() OVER (PARTITION BY stream_id ORDER BY created_at, id) AS version FROM \
                   events) n\nWHERE n.id = e.id;\nALTER TABLE events ALTER COLUMN version SET NOT NULL, ADD UNIQUE \
                   (stream_id, version);\n```",
        },
    ],
    leave: "Where the events of a stream are independent readings, and no state is folded from them.",
    sources: &["https://learn.microsoft.com/azure/architecture/patterns/event-sourcing"],
    bad: &[Example::Sql(
        "CREATE TABLE events (
    id uuid PRIMARY KEY, aggregate_id uuid NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, created_at timestamptz NOT NULL
);
CREATE INDEX events_by_aggregate ON events (aggregate_id, created_at);",
    )],
    good: &[
        // A time is there, and so is a version.
        Example::Sql(
            "CREATE TABLE events (
    id uuid PRIMARY KEY, aggregate_id uuid NOT NULL, version bigint NOT NULL, event_type text NOT NULL,
    payload jsonb NOT NULL, created_at timestamptz NOT NULL, UNIQUE (aggregate_id, version)
);
CREATE INDEX events_by_time ON events (created_at);",
        ),
        // A number orders them all.
        Example::Sql(
            "CREATE TABLE events (
    id bigserial PRIMARY KEY, aggregate_id uuid NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, created_at timestamptz NOT NULL
);
CREATE INDEX events_by_time ON events (aggregate_id, created_at);",
        ),
        // Each names the one before.
        Example::Sql(
            "CREATE TABLE events (
    event_id uuid PRIMARY KEY, stream_id text NOT NULL, previous_id uuid UNIQUE, event_type text NOT NULL, data jsonb NOT NULL, created_at timestamptz NOT NULL
);
CREATE INDEX events_by_time ON events (stream_id, created_at);",
        ),
        // Comments on a ticket are no event log.
        Example::Sql(
            "CREATE TABLE ticket_events (id uuid PRIMARY KEY, ticket_id uuid NOT NULL, type text NOT NULL, data jsonb, created_at timestamptz NOT NULL);
CREATE INDEX ticket_events_by_time ON ticket_events (ticket_id, created_at);",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |store, _, log| {
        let is_ordered = log.place_in_stream().is_some()
            || log.previous.is_some()
            || log.expression_key.is_some()
            || log.position.is_some()
            || log.is_by_tags();
        if !is_ordered {
            findings.add(by_time(rule, store, log));
        }
    });
}

fn by_time(rule: &'static Rule, store: &StoreShape, log: &EventLog<'_>) -> Finding {
    let table = log.table;
    let index = |time: &&Column| -> Option<&Key> {
        table.keys.iter().find(|key| key.columns().any(|name| name.eq_ignore_ascii_case(&time.name)))
    };
    let indexed = log.times.iter().find_map(|time| index(time).map(|key| (*time, key)));
    let help = "add a version, NOT NULL and unique together with the stream, and read by it";
    if let Some((time, key)) = indexed {
        let message = format!("the events of a stream in {} have no order but {}", table.name, time.name);
        return Finding::new(rule, at_column(table, time).saying("two events can have the same"), message)
            .and(at_key(table, key).saying("they are read by it"))
            .help(help);
    }
    // Nothing says that they are read by time; nothing else is there to read them by either.
    let message = format!(
        "the events of a stream in {} have no order: no version, no position and no event before{}",
        table.name,
        as_far_as_read(store)
    );
    Finding::new(rule, at_table(table), message).severity(Severity::Warning).help(help)
}
