use super::on_store::{as_far_as_read, at_table, each_log};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Severity};
use crate::shape::Product;

pub(super) static RULE: Rule = Rule {
    id: "AN213",
    name: "no-metadata",
    severity: Severity::Warning,
    reads: &[Input::Store],
    what: "an event has no place for what belongs to it beside its data: who, because of what, in which trace",
    why: "The first question about an event that is wrong is why it is there: which request, which user, which other \
          event. What was not kept then cannot be found out later. Put into the payload it becomes part of every \
          event's schema, and has to be versioned with it.",
    mend: &[
        Mend {
            on: "",
            text: "A document for metadata, with at least the correlation id, the causation id (the id of the command \
                   or event that led to this one) and who acted.",
        },
        Mend {
            on: "PostgreSQL",
            text: "```sql\nALTER TABLE events ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}';\n```",
        },
        Mend { on: "MySQL", text: "```sql\nALTER TABLE events ADD COLUMN metadata JSON;\n```" },
        Mend { on: "SQL Server", text: "```sql\nALTER TABLE events ADD metadata nvarchar(max) NULL;\n```" },
        Mend {
            on: "SQLite",
            text: "```sql\nALTER TABLE events ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';\n```",
        },
    ],
    leave: "Where every payload is an envelope that has them.",
    sources: &["https://learn.microsoft.com/azure/architecture/patterns/event-sourcing"],
    bad: &[Example::Sql(
        "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));",
    )],
    good: &[
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, metadata jsonb, PRIMARY KEY (stream_id, version));",
        ),
        // Each in a column of its own.
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, correlation_id uuid, causation_id uuid, PRIMARY KEY (stream_id, version));",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |store, _, log| {
        // Of a collection only those fields are known that an index or a sample names.
        let is_partial = matches!(store.product, Some(Product::Mongo | Product::Cosmos));
        if !log.metadata.is_empty() || is_partial {
            return;
        }
        let message = format!(
            "{} has no place for correlation, causation and actor{}",
            log.table.name,
            as_far_as_read(store)
        );
        let finding = Finding::new(rule, at_table(log.table), message);
        let add = match store.product {
            Some(Product::SqlServer) => "ADD metadata nvarchar(max) NULL",
            Some(Product::MySql) => "ADD COLUMN metadata JSON",
            Some(Product::Sqlite) => "ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}'",
            _ => "ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}'",
        };
        let finding = finding.help(format!("ALTER TABLE {} {add};", log.table.name));
        findings.add(if log.is_opaque() { finding.severity(Severity::Note) } else { finding });
    });
}
