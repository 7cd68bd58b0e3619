use super::on_store::{at_column, each_log};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Severity};
use crate::shape::roles::EventLog;
use crate::shape::{Column, Kind, Product, StoreShape};

pub(super) static RULE: Rule = Rule {
    id: "AN210",
    name: "time-as-text-or-local",
    severity: Severity::Warning,
    reads: &[Input::Store],
    what: "the time of an event is text, or the time of a clock somewhere",
    why: "A log is read for years, by people in other zones and after clocks have been moved. A time without its \
          zone has one hour a year that is there twice, and depends on the setting of the session that wrote it; \
          a time as text is whatever somebody's formatter made of it, and sorts by that.",
    mend: &[
        Mend { on: "", text: "A type that is a point in time, in UTC; where somebody is matters, keep the zone beside it." },
        Mend {
            on: "PostgreSQL",
            text: "```sql\nALTER TABLE events ALTER COLUMN created_at TYPE timestamptz USING created_at AT TIME ZONE \
                   'UTC';\n```\n`USING` says in which zone the values were written: ask before you run it.",
        },
        Mend {
            on: "MySQL",
            text: "`TIMESTAMP(6)` is a point in time until 2038; `DATETIME(6)` beyond that, written with \
                   `UTC_TIMESTAMP(6)`.",
        },
        Mend { on: "SQL Server", text: "`datetimeoffset`, or `datetime2` with `DEFAULT sysutcdatetime()`." },
        Mend { on: "MongoDB", text: "A BSON date, not a string." },
    ],
    leave: "Where every writer is known to write UTC; say so in the name (`created_at_utc`) or in a default.",
    sources: &[
        "https://learn.microsoft.com/azure/architecture/patterns/event-sourcing",
        "https://www.postgresql.org/docs/current/datatype-datetime.html",
    ],
    bad: &[
        Example::Sql(
            "CREATE TABLE events (
    id serial PRIMARY KEY, stream_id uuid NOT NULL, version int NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    recorded_on varchar(32) NOT NULL, UNIQUE (stream_id, version)
);",
        ),
        Example::Sql(
            "CREATE TABLE events (
    id bigserial PRIMARY KEY, stream_id uuid NOT NULL, version int NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    created_at timestamp NOT NULL DEFAULT now(), UNIQUE (stream_id, version)
);",
        ),
    ],
    good: &[
        Example::Sql(
            "CREATE TABLE events (
    id bigserial PRIMARY KEY, stream_id uuid NOT NULL, version int NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(), UNIQUE (stream_id, version)
);",
        ),
        // The default says that it is UTC.
        Example::Sql(
            "CREATE TABLE events (
    id bigserial PRIMARY KEY, stream_id uuid NOT NULL, version int NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    time timestamp without time zone DEFAULT (now() AT TIME ZONE 'utc') NOT NULL, UNIQUE (stream_id, version)
);",
        ),
        // Milliseconds since 1970.
        Example::Sql(
            "CREATE TABLE events (
    id bigserial PRIMARY KEY, stream_id uuid NOT NULL, version int NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    timestamp bigint NOT NULL, UNIQUE (stream_id, version)
);",
        ),
        // SQLite has no type for times.
        Example::Sql(
            "CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT, stream_id TEXT NOT NULL, version INTEGER NOT NULL,
    event_type TEXT NOT NULL, payload TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE (stream_id, version)
) STRICT;",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |store, _, log| {
        if store.product == Some(Product::Sqlite)
            || says_utc(log.table.columns.iter().map(|c| c.name.as_str()))
        {
            return;
        }
        for time in &log.times {
            if let Some(finding) = look(rule, store, log, time) {
                findings.add(finding);
            }
        }
    });
}

fn look(rule: &'static Rule, store: &StoreShape, log: &EventLog<'_>, time: &Column) -> Option<Finding> {
    let name = format!("{}.{}", log.table.name, time.name);
    let default = time.default.as_deref().unwrap_or_default();
    let is_utc = says_utc([default, time.name.as_str(), time.type_name.as_str()].into_iter());
    let place = at_column(log.table, time);
    match time.kind {
        Kind::Text | Kind::Char => {
            let message = format!("{name} is a time as text: nothing checks it, and it sorts as text");
            let help = format!("{} for it", instant(store));
            Some(Finding::new(rule, place.saying("text"), message).help(help))
        }
        Kind::Date => {
            let message = format!("{name} is a day: when on that day is lost");
            Some(
                Finding::new(rule, place.saying("a day"), message).help(format!("{} for it", instant(store))),
            )
        }
        Kind::LocalTime if !is_utc => {
            let message = format!("{name} is a time without its zone");
            let finding = Finding::new(rule, place.saying("of which clock?"), message).help(format!(
                "{} for it, or write it in UTC and say so in its name or default",
                instant(store)
            ));
            // Without a default the writer decides, and may well write UTC.
            let is_local = !default.is_empty() && !default.eq_ignore_ascii_case("null");
            match store.product {
                _ if is_local => Some(finding),
                // The other type of MySQL ends in 2038.
                Some(Product::MySql) => None,
                _ => Some(finding.severity(Severity::Note)),
            }
        }
        _ => None,
    }
}

fn says_utc<'t>(mut texts: impl Iterator<Item = &'t str>) -> bool {
    texts.any(|text| text.to_lowercase().contains("utc"))
}

fn instant(store: &StoreShape) -> &'static str {
    match store.product {
        Some(Product::Postgres) => "timestamptz",
        Some(Product::MySql) => "TIMESTAMP(6), or DATETIME(6) in UTC",
        Some(Product::SqlServer) => "datetimeoffset",
        Some(Product::Mongo) => "a BSON date",
        _ => "a point in time in UTC",
    }
}
