use super::on_store::{IN_WHAT_WAS_READ, at_column, each_log};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::shape::append::{self, AppendLock};
use crate::shape::roles::EventLog;
use crate::shape::{Column, Kind, Product, StoreShape};

pub(super) static RULE: Rule = Rule {
    id: "AN207",
    name: "gap-unsafe-position",
    severity: Severity::Warning,
    reads: &[Input::Store],
    what: "positions are taken before the commit, so a reader that goes by them can skip events",
    why: "A sequence gives 7 to one transaction and 8 to the next, and 8 commits first. A reader that asks for \
          `position > 6` gets 8, keeps it as its place, and never sees 7. It takes two writers and a pause, so it \
          shows in production and not in tests, as a read model that lacks a row. Waiting for gaps to close is a \
          guess: numbers of transactions that were rolled back never come.",
    mend: &[
        Mend {
            on: "",
            text: "Either one append at a time, so that positions are taken in the order of commits, or readers that \
                   stop in front of the oldest transaction that is still open.",
        },
        Mend {
            on: "PostgreSQL",
            text: "Readers that stop:\n```sql\nALTER TABLE events ADD COLUMN transaction_id xid8 NOT NULL DEFAULT \
                   pg_current_xact_id();\nSELECT * FROM events\nWHERE (transaction_id, position) > ($1, $2)\n  AND \
                   transaction_id < pg_snapshot_xmin(pg_current_snapshot())\nORDER BY transaction_id, position \
                   LIMIT 100;\n```\nor one append at a time: `SELECT pg_advisory_xact_lock(7421)` before the \
                   numbers are taken. A lock by category or stream helps readers of that category or stream alone.",
        },
        Mend {
            on: "MySQL",
            text: "One append at a time: take the position from a row that is read `FOR UPDATE`, or hold a \
                   `GET_LOCK` until the commit. AUTO_INCREMENT takes its number at the INSERT.",
        },
        Mend {
            on: "SQL Server",
            text: "```sql\nALTER TABLE events ADD stamp rowversion;\nSELECT * FROM events WHERE stamp > @last AND stamp < \
                   MIN_ACTIVE_ROWVERSION() ORDER BY stamp;\n```\nor `sp_getapplock` before the numbers are taken.",
        },
        Mend { on: "SQLite", text: "Nothing: there is one writer at a time." },
    ],
    leave: "Where appends take one lock in code (as the library `eventsourcing` of Python does), where one process \
            alone appends, or where readers wait for every transaction that could have taken a number.",
    sources: &[
        "https://event-driven.io/en/ordering_in_postgres_outbox/",
        "https://learn.microsoft.com/sql/t-sql/functions/min-active-rowversion-transact-sql",
        "https://dev.mysql.com/doc/refman/8.4/en/innodb-auto-increment-handling.html",
    ],
    bad: &[
        Example::Sql(
            "CREATE TABLE events (
    position bigserial PRIMARY KEY, stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    UNIQUE (stream_id, version)
);",
        ),
        // A lock by category: readers of everything skip all the same.
        Example::Sql(
            "CREATE TABLE messages (
    id uuid NOT NULL, stream_name text NOT NULL, type text NOT NULL, position bigint NOT NULL,
    global_position bigserial PRIMARY KEY, data jsonb, metadata jsonb
);
CREATE UNIQUE INDEX messages_stream ON messages (stream_name, position);
CREATE FUNCTION write_message(_stream_name varchar) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hash_64(category(_stream_name)));
    INSERT INTO messages (stream_name) VALUES (_stream_name);
END $$;",
        ),
    ],
    good: &[
        Example::Sql(
            "CREATE TABLE es_event (
    id bigserial PRIMARY KEY, transaction_id xid8 NOT NULL, aggregate_id uuid NOT NULL, version int NOT NULL,
    event_type text NOT NULL, json_data json NOT NULL, UNIQUE (aggregate_id, version)
);",
        ),
        Example::Sql(
            "CREATE TABLE events (
    position bigserial PRIMARY KEY, stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    UNIQUE (stream_id, version)
);
CREATE FUNCTION append_event(p_stream text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(42);
    INSERT INTO events (stream_id) VALUES (p_stream);
END $$;",
        ),
        // One writer at a time.
        Example::Sql(
            "CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT, stream_id TEXT NOT NULL, version INTEGER NOT NULL,
    event_type TEXT NOT NULL, payload TEXT NOT NULL, UNIQUE (stream_id, version)
) STRICT;",
        ),
        // Who appends gives the position.
        Example::Sql(
            "CREATE TABLE events (
    position bigint PRIMARY KEY, stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    UNIQUE (stream_id, version)
);",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |store, _, log| {
        let Some(position) = log.position else { return };
        match safety(store, log, position) {
            Safety::Unknown => {}
            Safety::Safe(why) => {
                findings.good(rule, format!("gap-safe position: {why}"), at_column(log.table, position));
            }
            Safety::By(what) => findings.add(locked_by(rule, log, position, &what)),
            Safety::Unsafe => findings.add(unsafe_position(rule, store, log, position)),
        }
    });
}

enum Safety {
    /// Who gives the positions, and how, is not in the store.
    Unknown,
    Safe(&'static str),
    /// Appends take a lock by this value.
    By(String),
    Unsafe,
}

fn safety(store: &StoreShape, log: &EventLog<'_>, position: &Column) -> Safety {
    let takes_next = |text: &str| text.to_lowercase().contains("nextval");
    let is_counted = position.is_counted
        || position.default.as_deref().is_some_and(takes_next)
        || append::appending(store, log.table).iter().any(|routine| takes_next(&routine.body));
    match (store.product, append::lock(store, log.table)) {
        (Some(Product::Mongo | Product::Cosmos), _) => Safety::Unknown,
        (Some(Product::Sqlite), _) => Safety::Safe("SQLite has one writer at a time"),
        (_, Some(AppendLock::Whole)) => Safety::Safe("appends take one lock"),
        _ if !is_counted => Safety::Unknown,
        _ if log.transaction.is_some() || has_horizon(store, position) => {
            Safety::Safe("readers can stop in front of open transactions")
        }
        (_, Some(AppendLock::By(what))) => Safety::By(what),
        (_, None) => Safety::Unsafe,
    }
}

/// Whether a table beside the log says which transaction wrote which position.
fn has_horizon(store: &StoreShape, position: &Column) -> bool {
    store.tables.iter().any(|table| {
        let stamps = table.columns.iter().any(|column| column.kind == Kind::RowVersion);
        stamps && table.column(&position.name).is_some()
    })
}

fn unsafe_position(
    rule: &'static Rule,
    store: &StoreShape,
    log: &EventLog<'_>,
    position: &Column,
) -> Finding {
    let name = format!("{}.{}", log.table.name, position.name);
    let place = at_column(log.table, position)
        .saying("numbers are taken before the commit; a slow writer appears behind the reader");
    let routine = append::appending(store, log.table).into_iter().next();
    match routine {
        Some(routine) => {
            let message = format!(
                "a reader that asks for {name} > its last can skip events: {} takes no lock",
                routine.name
            );
            let finding = Finding::new(rule, place, message);
            let finding = match routine.span {
                Some(span) => finding.and(Place::new(routine.name.clone(), span).saying("appends")),
                None => finding,
            };
            finding.help(mend(store, log))
        }
        // The lock may be in code, which nobody can see from here.
        None => {
            let message = format!(
                "a reader that asks for {name} > its last can skip events: no lock and no transaction column \
                 {IN_WHAT_WAS_READ}"
            );
            Finding::new(rule, place, message)
                .severity(Severity::Note)
                .help(mend(store, log))
                .help("leave it if the code that appends takes one lock before each append")
        }
    }
}

fn locked_by(rule: &'static Rule, log: &EventLog<'_>, position: &Column, what: &str) -> Finding {
    let name = format!("{}.{}", log.table.name, position.name);
    let message =
        format!("a reader of the whole log by {name} can skip events: appends take a lock by {what}");
    Finding::new(
        rule,
        at_column(log.table, position).saying("in the order of commits only within one lock"),
        message,
    )
    .severity(Severity::Note)
    .help("read by what the lock is taken by, or take one lock for all appends")
}

fn mend(store: &StoreShape, log: &EventLog<'_>) -> String {
    let table = &log.table.name;
    match store.product {
        Some(Product::SqlServer) => {
            format!("ALTER TABLE {table} ADD stamp rowversion; and read below MIN_ACTIVE_ROWVERSION()")
        }
        Some(Product::MySql) => {
            "take the position from one row that every append reads FOR UPDATE".to_owned()
        }
        None => "take one lock in every append, or stop readers in front of open transactions".to_owned(),
        _ => format!(
            "add `transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id()` to {table} and read below \
             pg_snapshot_xmin(pg_current_snapshot()), or take one lock in every append"
        ),
    }
}
