use super::on_store::{as_far_as_read, at_column, at_table, each_log};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Severity};
use crate::shape::roles::{EventLog, Roles};
use crate::shape::{Kind, Product, StoreShape};

pub(super) static RULE: Rule = Rule {
    id: "AN206",
    name: "no-global-position",
    severity: Severity::Warning,
    reads: &[Input::Store],
    what: "events have no place in the store as a whole, so a reader of many streams has no cursor",
    why: "A read model over many streams has to know where it stands, to go on after a restart and to be built \
          anew. Versions count within one stream, and times repeat and go backward. Without one number for all, \
          each reader keeps a place for every stream or reads everything again.",
    mend: &[
        Mend {
            on: "",
            text: "A number that is given to each event in the order in which events become visible. See AN207: a \
                   sequence alone does not do that.",
        },
        Mend {
            on: "PostgreSQL",
            text: "```sql\nALTER TABLE events\n    ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,\n    \
                   ADD COLUMN transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id();\n```\nand read below \
                   `pg_snapshot_xmin(pg_current_snapshot())`.",
        },
        Mend {
            on: "MySQL",
            text: "A row with the last position that every append locks and counts up:\n```sql\nSELECT last_position \
                   FROM store WHERE id = 1 FOR UPDATE;\n```",
        },
        Mend {
            on: "SQL Server",
            text: "```sql\nALTER TABLE events ADD position rowversion;\n```\nand read below \
                   `MIN_ACTIVE_ROWVERSION()`.",
        },
        Mend { on: "SQLite", text: "`position INTEGER PRIMARY KEY AUTOINCREMENT`: there is one writer at a time." },
        Mend {
            on: "MongoDB",
            text: "A change stream gives the order of commits and a token to go on from, for as long as the oplog \
                   reaches back; for a rebuild, a counter in a document of its own.",
        },
    ],
    leave: "Where every reader reads one stream, and nothing is made from several.",
    sources: &["https://learn.microsoft.com/azure/architecture/patterns/event-sourcing"],
    bad: &[Example::Sql(
        "CREATE TABLE events (
    aggregate_id text NOT NULL, sequence bigint NOT NULL, event_type text NOT NULL, payload json NOT NULL, metadata json NOT NULL,
    PRIMARY KEY (aggregate_id, sequence)
);",
    )],
    good: &[
        Example::Sql(
            "CREATE TABLE events (
    position bigserial PRIMARY KEY, stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    UNIQUE (stream_id, version)
);",
        ),
        // One stream holds all events.
        Example::Sql(
            "CREATE TABLE events (event_id uuid PRIMARY KEY, event_type text NOT NULL, data bytea NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE stream_events (
    event_id uuid NOT NULL REFERENCES events (event_id), stream_id bigint NOT NULL, stream_version bigint NOT NULL,
    PRIMARY KEY (event_id, stream_id)
);
CREATE UNIQUE INDEX stream_events_version ON stream_events (stream_id, stream_version);",
        ),
        // The database stamps each row.
        Example::Sql(
            "CREATE TABLE Events (
    StreamId nvarchar(100) NOT NULL, Version bigint NOT NULL, EventType nvarchar(100) NOT NULL, Data nvarchar(max) NOT NULL, Stamp rowversion NOT NULL,
    CONSTRAINT PK_Events PRIMARY KEY CLUSTERED (StreamId, Version)
);",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |store, roles, log| {
        if let Some(position) = log.position {
            findings.good(
                rule,
                format!("a position for all events ({})", position.name),
                at_column(log.table, position),
            );
            return;
        }
        let is_stamped = log.transaction.is_some_and(|column| column.kind == Kind::RowVersion);
        // A join table can hold a stream of all events, as that of Commanded does.
        if !is_stamped && log.join.is_none() {
            findings.add(missing(rule, store, roles, log));
        }
    });
}

fn missing(rule: &'static Rule, store: &StoreShape, roles: &Roles<'_>, log: &EventLog<'_>) -> Finding {
    let name = &log.table.name;
    let message =
        format!("the events of {name} have no place in the store as a whole{}", as_far_as_read(store));
    let finding = Finding::new(
        rule,
        at_table(log.table).saying("no reader of many streams can go on from here"),
        message,
    );
    if let Some(transaction) = log.transaction {
        return finding
            .and(at_column(log.table, transaction).saying("readers can go by transactions"))
            .severity(Severity::Note)
            .help("a reader has to take all events of a transaction at once: nothing orders them within it");
    }
    let slice = log.table.column("slice").filter(|_| !log.times.is_empty());
    if let Some(slice) = slice {
        return finding
            .and(at_column(log.table, slice).saying("readers can go by slice and time"))
            .severity(Severity::Note)
            .help("readers of slices have to look back behind their time, and to drop what they have seen");
    }
    match store.product {
        Some(Product::Mongo) => finding.severity(Severity::Note).help("readers can go by a change stream"),
        Some(Product::Cosmos) => finding
            .severity(Severity::Note)
            .help("readers can go by the change feed, in order within each partition"),
        // Nobody reads many streams, as far as can be seen.
        _ if roles.checkpoints.is_empty() && roles.reads.is_empty() && store.is_live => {
            finding.severity(Severity::Note).help(mend(store, name))
        }
        _ => finding.help(mend(store, name)),
    }
}

fn mend(store: &StoreShape, table: &str) -> String {
    match store.product {
        Some(Product::SqlServer) => {
            format!("ALTER TABLE {table} ADD position rowversion; and read below MIN_ACTIVE_ROWVERSION()")
        }
        Some(Product::Sqlite) => {
            "position INTEGER PRIMARY KEY AUTOINCREMENT, in a table that is made anew".to_owned()
        }
        Some(Product::MySql) => "a position that every append takes from one row, read FOR UPDATE".to_owned(),
        _ => format!(
            "ALTER TABLE {table} ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY UNIQUE, and see annals \
             explain AN207"
        ),
    }
}
