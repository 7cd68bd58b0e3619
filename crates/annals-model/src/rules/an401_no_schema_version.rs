use super::on_store::{as_far_as_read, at_table, each_log};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::sample::TypeSample;
use crate::shape::roles::EventLog;
use crate::shape::{Kind, Product, StoreShape};
use crate::words::{TypeName, split};

pub(super) static RULE: Rule = Rule {
    id: "AN401",
    name: "no-schema-version",
    severity: Severity::Warning,
    reads: &[Input::Store, Input::Sample],
    what: "nothing says which version of its fields an event has",
    why: "Fields change over the years, and events are kept in every form they ever had. A reader that cannot tell \
          the forms apart guesses by the members that are there, in every projection anew.",
    mend: &[
        Mend {
            on: "",
            text: "Write a version with each event from now on: a column, or a member of the metadata. What has none is version 1.",
        },
        Mend {
            on: "PostgreSQL",
            text: "`ALTER TABLE events ADD COLUMN schema_version integer NOT NULL DEFAULT 1;`",
        },
        Mend { on: "MySQL", text: "`ALTER TABLE events ADD COLUMN schema_version INT NOT NULL DEFAULT 1;`" },
        Mend {
            on: "SQLite",
            text: "`ALTER TABLE events ADD COLUMN schema_version INTEGER NOT NULL DEFAULT 1;`",
        },
        Mend { on: "SQL Server", text: "`ALTER TABLE events ADD schema_version int NOT NULL DEFAULT 1;`" },
    ],
    leave: "Where every change gets a type of its own name, such as `order-placed-v2`, and the first has none.",
    sources: &[
        "https://learn.microsoft.com/azure/architecture/patterns/event-sourcing",
        "https://docs.eventsourcingdb.io/best-practices/versioning-events/",
    ],
    bad: &[
        Example::Events(
            "{\"stream_id\":\"order-1\",\"version\":1,\"type\":\"order-placed\",\"data\":{\"total\":12}}
{\"stream_id\":\"order-1\",\"version\":2,\"type\":\"order-shipped\",\"data\":{\"tracking\":\"x\"}}",
        ),
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));",
        ),
    ],
    good: &[
        Example::Events(
            "{\"stream_id\":\"order-1\",\"version\":1,\"type\":\"order-placed\",\"schema_version\":1,\"data\":{}}",
        ),
        Example::Events(
            "{\"stream_id\":\"order-1\",\"stream_version\":1,\"version\":1,\"type\":\"order-placed\",\"data\":{}}",
        ),
        Example::Events("{\"type\":\"order-placed\",\"metadata\":{\"schemaVersion\":1},\"data\":{}}"),
        Example::Events("{\"type\":\"order-placed\",\"data\":{\"_version\":1}}"),
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, schema_version int NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));",
        ),
        // It may stand in the metadata.
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, metadata jsonb NOT NULL, PRIMARY KEY (stream_id, version));",
        ),
        // The first version of a type has no suffix.
        Example::Events(
            "{\"type\":\"order-placed\",\"data\":{}}\n{\"type\":\"order-placed.v2\",\"data\":{}}",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    let Some(sample) = &subject.sample else {
        each_log(subject, |store, _, log| {
            if !may_say_version(log) {
                findings.add(in_store(rule, store, log));
            }
        });
        return;
    };
    // Where one says it, those that do not are of the first version.
    let says =
        |(name, seen): (&String, &TypeSample)| TypeName::of(name).version.is_some() || says_version(seen);
    if sample.types.iter().any(says) {
        findings.good(rule, "events say which version their fields have", Place::new("types", None));
        return;
    }
    if sample.types.is_empty() {
        return;
    }
    let types = super::shared::counted(
        u64::try_from(sample.types.len()).unwrap_or(u64::MAX),
        "event type says",
        "event types say",
    );
    findings.add(
        Finding::new(
            rule,
            Place::new("types", None),
            format!("none of {types} which version its fields have: no column, no metadata, no suffix"),
        )
        .help("write schema_version with each event from now on; an event without one has version 1"),
    );
}

/// Whether a version stands in a column, or in a document that only a sample shows.
fn may_say_version(log: &EventLog<'_>) -> bool {
    let is_document =
        |kind: Kind| matches!(kind, Kind::Json | Kind::Text | Kind::Bytes | Kind::Document | Kind::Other);
    log.schema_version.is_some()
        || log.metadata.iter().any(|column| is_document(column.kind) && !is_of_trace(&column.name))
        // Without a type beside it, or as bytes, the payload is an envelope of its own.
        || log.event_type.is_none()
        || log.holds_commits
        || log.is_opaque()
}

/// A column of the metadata that holds one thing, such as `correlation_id`.
fn is_of_trace(name: &str) -> bool {
    const ONE_THING: [&str; 8] =
        ["correlation", "causation", "actor", "user", "by", "trace", "tenant", "source"];
    split(name).iter().any(|word| ONE_THING.contains(&word.as_str()))
}

fn in_store(rule: &'static Rule, store: &StoreShape, log: &EventLog<'_>) -> Finding {
    let table = &log.table.name;
    let message = format!(
        "{table} has no column for the version of an event's fields, and none where it could stand{}",
        as_far_as_read(store)
    );
    let help = match store.product {
        Some(Product::SqlServer) => format!("ALTER TABLE {table} ADD schema_version int NOT NULL DEFAULT 1;"),
        Some(Product::Mongo | Product::Cosmos) => {
            "schema_version in every event, 1 where it is missing".to_owned()
        }
        Some(Product::Postgres | Product::MySql | Product::Sqlite) | None => {
            format!("ALTER TABLE {table} ADD COLUMN schema_version integer NOT NULL DEFAULT 1;")
        }
    };
    Finding::new(rule, at_table(log.table), message)
        .help(help)
        .help("or a suffix of the type for each version after the first: `order-placed.v2`")
}

fn says_version(seen: &TypeSample) -> bool {
    let is_version = |path: &str| {
        let words = split(path.rsplit('.').next().unwrap_or(path));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        matches!(
            words[..],
            ["version" | "revision" | "dataschema"]
                | ["schema" | "event" | "payload" | "type" | "message", "version" | "revision"]
                | ["v" | "schema"]
        )
    };
    seen.versions.keys().any(Option::is_some)
        || seen.metadata.keys().any(|path| is_version(path))
        // In the payload a version may be that of what the event is about, so only a name that says more counts.
        || seen.versions.values().flat_map(|shapes| shapes.fields.keys()).any(|path| {
            matches!(path.as_str(), "_version" | "_v" | "$schema" | "__v")
                || (is_version(path) && !matches!(path.as_str(), "version" | "revision" | "v" | "schema"))
        })
}
