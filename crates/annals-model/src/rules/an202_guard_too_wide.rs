use super::on_store::{add_unique, at_column, at_key, each_log, key_columns};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Severity};
use crate::shape::append;
use crate::shape::guard::{self, Guard, KeyGuard};
use crate::shape::roles::{EventLog, Roles};
use crate::shape::{Product, StoreShape, Table};

pub(super) static RULE: Rule = Rule {
    id: "AN202",
    name: "guard-too-wide",
    severity: Severity::Warning,
    reads: &[Input::Store],
    what: "the unique key over stream and version has more in it, so that a version can be there twice",
    why: "A key refuses rows that are alike in all of its columns. With a flag in it an archived event and a live \
          one can both be version 8; with the id of the event or a time in it no two rows are ever alike, and the \
          guard is one in name only. The same goes for an index with a condition: it does not see the other rows.",
    mend: &[
        Mend {
            on: "",
            text: "A key over stream and version alone, with no more than what streams are told apart within: a \
                   tenant, a kind of aggregate.",
        },
        Mend {
            on: "PostgreSQL",
            text: "A partitioned table takes only keys with the partition column in them. Divide by something that \
                   a stream has one value of (its id by HASH, its tenant by LIST), or keep the versions in a table \
                   of their own that is not divided and that every append writes:\n\
                   ```sql\nCREATE TABLE streams (stream_id text PRIMARY KEY, version bigint NOT NULL);\n\
                   UPDATE streams SET version = version + 1 WHERE stream_id = $1 AND version = $2;\n```",
        },
        Mend {
            on: "MySQL",
            text: "Every unique key of a partitioned table has to hold all columns of the partitioning. Divide by \
                   `KEY (stream_id)`.",
        },
        Mend { on: "SQL Server", text: "Keep the unique index apart from the partition scheme: `ON [PRIMARY]`." },
    ],
    leave: "Where the further column has one value for all events of a stream, such as a shard that is made from \
            its id.",
    sources: &[
        "https://learn.microsoft.com/azure/architecture/patterns/event-sourcing",
        "https://www.postgresql.org/docs/current/ddl-partitioning.html",
    ],
    bad: &[
        Example::Sql(
            "CREATE TABLE events (
    stream_id text NOT NULL, version bigint NOT NULL, is_archived boolean NOT NULL DEFAULT false,
    event_type text NOT NULL, payload jsonb NOT NULL,
    PRIMARY KEY (stream_id, version, is_archived)
);",
        ),
        Example::Sql(
            "CREATE TABLE events (
    event_id uuid NOT NULL, stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    UNIQUE (stream_id, version, event_id)
);",
        ),
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, deleted boolean);
CREATE UNIQUE INDEX events_by_stream ON events (stream_id, version) WHERE NOT deleted;",
        ),
    ],
    good: &[
        Example::Sql(
            "CREATE TABLE events (
    tenant_id uuid NOT NULL, aggregate_type text NOT NULL, aggregate_id uuid NOT NULL, version bigint NOT NULL,
    event_type text NOT NULL, payload jsonb NOT NULL,
    UNIQUE (tenant_id, aggregate_type, aggregate_id, version)
);",
        ),
        // A wide key and a narrow one: the narrow one guards.
        Example::Sql(
            "CREATE TABLE events (
    event_id uuid NOT NULL, stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    PRIMARY KEY (stream_id, version, event_id),
    UNIQUE (stream_id, version)
);",
        ),
        // Divided by the stream itself.
        Example::Sql(
            "CREATE TABLE events (
    stream_id uuid NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    PRIMARY KEY (stream_id, version)
) PARTITION BY HASH (stream_id);",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |store, roles, log| {
        let Guard::Key(guard) = guard::of(store, log) else { return };
        if !guard.more.is_empty() {
            findings.add(too_wide(rule, store, roles, log, &guard));
        } else if let Some(predicate) = &guard.key.predicate
            && !predicate.to_lowercase().contains("is not null")
        {
            let message = format!(
                "the unique key over {} ({}) is about the rows where {predicate}: others can repeat a version",
                guard.table.name,
                key_columns(guard.key)
            );
            findings.add(
                Finding::new(rule, at_key(guard.table, guard.key).saying("not about every row"), message)
                    .help("a unique key without a condition"),
            );
        }
    });
}

fn too_wide(
    rule: &'static Rule,
    store: &StoreShape,
    roles: &Roles<'_>,
    log: &EventLog<'_>,
    guard: &KeyGuard<'_>,
) -> Finding {
    let table = guard.table;
    let more = guard.more.join(", ");
    let divides = |name: &&str| table.partitioned_by.iter().any(|by| by.eq_ignore_ascii_case(name));
    let is_forced = guard.more.iter().any(divides);
    // What is different in every row makes no two rows alike.
    let tells_rows_apart = |name: &&str| {
        let own = [log.event_id, log.position].into_iter().flatten().chain(log.times.iter().copied());
        own.into_iter().any(|column| column.name.eq_ignore_ascii_case(name))
    };
    let is_void = guard.more.iter().any(tells_rows_apart);
    let because = if is_forced { ", which partitioning forces" } else { "" };
    let message = match is_void {
        true => format!(
            "the unique key of {} never conflicts: {more} is different in every row{because}",
            table.name
        ),
        false => format!("a version can be in {} once for each {more}{because}", table.name),
    };
    let mut finding =
        Finding::new(rule, at_key(table, guard.key).saying(format!("holds {more} as well")), message);
    if is_void && !is_forced {
        finding = finding.severity(Severity::Error);
    }
    // Who appends moves the version in the row of the stream on, and that is a guard of its own.
    let moves = |streams: &&&Table| {
        append::appending(store, log.table).iter().any(|routine| append::writes_into(&routine.body, streams))
    };
    if let Some(streams) = roles.streams.iter().find(moves) {
        finding = finding
            .severity(Severity::Note)
            .help(format!("leave it if every append compares and sets the version in {}", streams.name));
    }
    for column in guard.more.iter().filter_map(|name| table.column(name)) {
        finding = finding.and(at_column(table, column).saying("may differ within a stream"));
    }
    let columns: Vec<&str> = guard.columns.iter().map(|column| column.name.as_str()).collect();
    if !is_forced {
        return finding.help(add_unique(store.product, table, &columns));
    }
    finding.help(match store.product {
        Some(Product::MySql) => "divide by KEY over the stream, or keep the versions in a table that is not divided",
        _ => "divide by HASH of the stream, or keep the versions in a table that is not divided and compare there",
    })
}
