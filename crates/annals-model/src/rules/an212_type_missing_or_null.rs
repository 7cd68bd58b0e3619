use super::on_store::{as_far_as_read, at_column, at_table, each_log, may_be_null, not_null, set_not_null};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Severity};
use crate::shape::{KeyPart, Product};

pub(super) static RULE: Rule = Rule {
    id: "AN212",
    name: "type-missing-or-null",
    severity: Severity::Warning,
    reads: &[Input::Store],
    what: "what kind of event a row is does not stand in a column, or may be missing",
    why: "A reader that wants three kinds of events has to read and parse all of them, an upcaster has to guess from \
          the fields which event it has in hand, and a consumer that meets a row without a kind can neither handle \
          nor skip it. Nobody can ask the store what kinds of events there are.",
    mend: &[
        Mend { on: "", text: "A column with the name of the event, NOT NULL, in words of the domain: `order-placed`." },
        Mend {
            on: "PostgreSQL",
            text: "```sql\nALTER TABLE events ADD COLUMN event_type text;\nUPDATE events SET event_type = payload ->> \
                   'type';\nALTER TABLE events ALTER COLUMN event_type SET NOT NULL;\n```",
        },
        Mend { on: "MySQL", text: "```sql\nALTER TABLE events MODIFY event_type VARCHAR(255) NOT NULL;\n```" },
        Mend { on: "SQL Server", text: "```sql\nALTER TABLE events ALTER COLUMN event_type nvarchar(255) NOT NULL;\n```" },
    ],
    leave: "Where a row is a commit of several events, each with its kind in the payload.",
    sources: &[
        "https://docs.eventsourcingdb.io/fundamentals/event-types/",
        "https://learn.microsoft.com/azure/architecture/patterns/event-sourcing",
    ],
    bad: &[
        Example::Sql(
            "CREATE TABLE account_events (
    id uuid PRIMARY KEY, aggregate_id uuid NOT NULL, payload jsonb NOT NULL, occurred_on timestamptz NOT NULL, sequence_number int NOT NULL,
    UNIQUE (aggregate_id, sequence_number)
);",
        ),
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));",
        ),
    ],
    good: &[Example::Sql(
        "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));",
    )],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |store, _, log| {
        let name = &log.table.name;
        let Some(kind) = log.event_type else {
            let from_payload = |part: &KeyPart| match part {
                KeyPart::Expression(text) => text.to_lowercase().contains("type"),
                KeyPart::Column(_) => false,
            };
            let is_indexed = log.table.keys.iter().any(|key| key.parts.iter().any(from_payload));
            if is_indexed {
                return;
            }
            let message =
                format!("{name} has no column for what kind of event a row is{}", as_far_as_read(store));
            let finding = Finding::new(rule, at_table(log.table), message)
                .help("a column for it, NOT NULL, and the name of the event in it");
            let is_inside = log.holds_commits || log.is_opaque() || log.metadata_document().is_some();
            findings.add(if is_inside { finding.severity(Severity::Note) } else { finding });
            return;
        };
        if store.product == Some(Product::Cosmos) || !may_be_null(store, &subject.texts, log.table, kind) {
            return;
        }
        // Nothing says that a field of a document is there; only a validator would.
        if store.product == Some(Product::Mongo) {
            return;
        }
        let message = format!("an event can be without a kind: {name}.{} may be NULL", kind.name);
        let mut finding = Finding::new(rule, at_column(log.table, kind).saying("may be NULL"), message)
            .help(set_not_null(store.product, log.table, kind));
        finding.edits.extend(not_null(&subject.texts, kind));
        findings.add(finding);
    });
}
