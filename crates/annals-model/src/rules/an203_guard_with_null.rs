use super::on_store::{at_column, at_key, each_log, may_be_null, not_null, set_not_null};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Severity};
use crate::shape::guard::{self, Guard, KeyGuard};
use crate::shape::roles::EventLog;
use crate::shape::{Column, KeyPart, Product, StoreShape};
use crate::text::Texts;

pub(super) static RULE: Rule = Rule {
    id: "AN203",
    name: "guard-with-null",
    severity: Severity::Error,
    reads: &[Input::Store],
    what: "the unique key over stream and version lets NULL in, and NULL never conflicts",
    why: "To a unique key NULL equals nothing, not even NULL. Any number of events without a version fit into one \
          stream, so a writer that leaves it out, by mistake or by an older release, appends past every guard and \
          nothing says so. A key over a field inside JSON is the same: where the field is missing it is NULL.",
    mend: &[
        Mend {
            on: "",
            text: "`NOT NULL` on both columns. Events that belong to no stream go into a table of their own, or \
                   into a stream that is named for them.",
        },
        Mend {
            on: "PostgreSQL",
            text: "```sql\nALTER TABLE events ALTER COLUMN version SET NOT NULL;\n```\nFor a key over JSON: \
                   `CHECK ((metadata ->> 'version') IS NOT NULL)`, or a generated column that is NOT NULL. \
                   `UNIQUE NULLS NOT DISTINCT` (15 and later) lets one in.",
        },
        Mend { on: "MySQL", text: "```sql\nALTER TABLE events MODIFY version BIGINT NOT NULL;\n```" },
        Mend {
            on: "SQL Server",
            text: "Its unique keys take NULL for a value, so one event a stream can be without a version, and no \
                   more:\n```sql\nALTER TABLE events ALTER COLUMN version bigint NOT NULL;\n```",
        },
        Mend {
            on: "SQLite",
            text: "A primary key that is not INTEGER lets NULL in too, unless the table is `STRICT` or `WITHOUT \
                   ROWID`: write `NOT NULL` at each column.",
        },
    ],
    leave: "Where rows without a version are links to events, or appends that nobody decides about, and readers \
            know them.",
    sources: &[
        "https://learn.microsoft.com/azure/architecture/patterns/event-sourcing",
        "https://www.postgresql.org/docs/current/ddl-constraints.html",
        "https://www.sqlite.org/nulls.html",
    ],
    bad: &[
        Example::Sql(
            "CREATE TABLE stored_events (
    id bigserial PRIMARY KEY,
    aggregate_uuid uuid,
    aggregate_version bigint,
    event_class text NOT NULL,
    event_properties jsonb NOT NULL,
    UNIQUE (aggregate_uuid, aggregate_version)
);",
        ),
        Example::Sql(
            "CREATE TABLE event_log (no bigserial PRIMARY KEY, event_id uuid NOT NULL, event_name varchar(100) NOT NULL, payload json NOT NULL, metadata jsonb NOT NULL, created_at timestamptz NOT NULL);
CREATE UNIQUE INDEX event_log_version ON event_log ((metadata->>'_aggregate_id'), (metadata->>'_aggregate_version'));",
        ),
    ],
    good: &[
        Example::Sql(
            "CREATE TABLE events (
    stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    UNIQUE (stream_id, version)
);",
        ),
        // A primary key says it.
        Example::Sql(
            "CREATE TABLE events (
    position bigserial, stream_id uuid, version int, event_type text NOT NULL, payload jsonb NOT NULL,
    PRIMARY KEY (stream_id, version)
);",
        ),
        // A condition says it.
        Example::Sql(
            "CREATE TABLE event_log (
    no bigserial PRIMARY KEY, event_id uuid NOT NULL, event_name varchar(100) NOT NULL, payload json NOT NULL, metadata jsonb NOT NULL,
    CONSTRAINT aggregate_version_not_null CHECK ((metadata->>'_aggregate_version') IS NOT NULL),
    CONSTRAINT aggregate_id_not_null CHECK ((metadata->>'_aggregate_id') IS NOT NULL)
);
CREATE UNIQUE INDEX event_log_version ON event_log ((metadata->>'_aggregate_id'), (metadata->>'_aggregate_version'));",
        ),
        // The first event of a stream has none before it.
        Example::Sql(
            "CREATE TABLE events (
    position bigserial PRIMARY KEY, stream_id text NOT NULL, event_id uuid NOT NULL UNIQUE,
    previous_id uuid UNIQUE, event_type text NOT NULL, data jsonb NOT NULL
);",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |store, _, log| {
        if let Guard::Key(guard) = guard::of(store, log) {
            findings.findings.extend(look(rule, store, &subject.texts, log, &guard));
        }
    });
}

/// Whether NULL gets past a guard.
pub(super) fn lets_null_in(
    store: &StoreShape,
    texts: &Texts,
    log: &EventLog<'_>,
    guard: &KeyGuard<'_>,
) -> bool {
    look(&RULE, store, texts, log, guard).is_some()
}

fn look(
    rule: &'static Rule,
    store: &StoreShape,
    texts: &Texts,
    log: &EventLog<'_>,
    guard: &KeyGuard<'_>,
) -> Option<Finding> {
    let is_document = matches!(store.product, Some(Product::Mongo | Product::Cosmos));
    let text = guard.key.span.map(|span| texts.at(span).to_lowercase()).unwrap_or_default();
    if is_document || text.contains("nulls not distinct") {
        return None;
    }
    null_in_document(rule, log, guard).or_else(|| {
        let may_be_null = |column: &&&Column| may_be_null(store, texts, guard.table, column);
        let nulls: Vec<&Column> = guard.columns.iter().filter(may_be_null).copied().collect();
        (!nulls.is_empty()).then(|| null_in_columns(rule, store, texts, log, guard, &nulls))
    })
}

fn null_in_columns(
    rule: &'static Rule,
    store: &StoreShape,
    texts: &Texts,
    log: &EventLog<'_>,
    guard: &KeyGuard<'_>,
    nulls: &[&Column],
) -> Finding {
    let table = guard.table;
    let names: Vec<&str> = nulls.iter().map(|column| column.name.as_str()).collect();
    let names = names.join(" and ");
    let version = log.place_in_stream().map(|(_, _, version)| version);
    // Without a stream there is no stream whose decisions are hurt.
    let has_version =
        nulls.iter().any(|column| version.is_some_and(|version| std::ptr::eq(version, *column)));
    let one_is_let_in = store.product == Some(Product::SqlServer);
    let message = match (has_version, one_is_let_in) {
        (true, false) => format!(
            "two events can take the same place in a stream: {names} of {} may be NULL, which the key never refuses twice",
            table.name
        ),
        (true, true) => {
            format!("an event of a stream can be without a place: {names} of {} may be NULL", table.name)
        }
        (false, _) => {
            format!("events can be in no stream, and unguarded: {names} of {} may be NULL", table.name)
        }
    };
    let first = nulls.first().map_or_else(|| at_key(table, guard.key), |column| at_column(table, column));
    let mut finding = Finding::new(rule, first.saying("may be NULL"), message);
    if !has_version || one_is_let_in || log.join.is_some() {
        finding = finding.severity(Severity::Warning);
    }
    for column in nulls.iter().skip(1) {
        finding = finding.and(at_column(table, column).saying("may be NULL"));
    }
    finding = finding.and(at_key(table, guard.key).saying("no conflict where a column is NULL"));
    for column in nulls {
        finding = finding.help(set_not_null(store.product, table, column));
        if let Some(edit) = not_null(texts, column) {
            finding.edits.push(edit);
        }
    }
    finding
}

/// A key over what stands in a document, with no condition that it stands there.
fn null_in_document(rule: &'static Rule, log: &EventLog<'_>, guard: &KeyGuard<'_>) -> Option<Finding> {
    let bare = |text: &str| {
        text.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect::<String>().to_lowercase()
    };
    let is_checked = |expression: &str| {
        let expression = bare(expression);
        log.table.checks.iter().any(|check| {
            let text = bare(&check.expression);
            text.contains("isnotnull") && text.contains(&expression)
        })
    };
    let is_open = |part: &&KeyPart| match part {
        KeyPart::Expression(text) => {
            let takes_out = ["->", "json_value", "json_extract", "#>"]
                .iter()
                .any(|how| text.to_lowercase().contains(how));
            takes_out && !is_checked(text)
        }
        KeyPart::Column(_) => false,
    };
    let open = guard.key.parts.iter().find(is_open)?;
    let KeyPart::Expression(text) = open else { return None };
    let message =
        format!("two events can take the same place in a stream: {text} is NULL where the field is missing");
    let help = format!("CHECK (({text}) IS NOT NULL), or a column for it that is NOT NULL");
    Some(
        Finding::new(
            rule,
            at_key(guard.table, guard.key).saying("no conflict where the field is missing"),
            message,
        )
        .help(help),
    )
}
