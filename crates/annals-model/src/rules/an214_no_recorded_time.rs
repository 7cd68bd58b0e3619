use super::on_store::{as_far_as_read, at_column, at_table, each_log};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Severity};
use crate::shape::Product;

pub(super) static RULE: Rule = Rule {
    id: "AN214",
    name: "no-recorded-time",
    severity: Severity::Warning,
    reads: &[Input::Store],
    what: "nothing says when an event was written",
    why: "When did that happen is the question a log is kept for: for an auditor, for a customer, for whoever has to \
          find out which release wrote the wrong events. Retention and archiving go by it too. It orders nothing \
          (AN209), but nothing else can answer it.",
    mend: &[
        Mend {
            on: "",
            text: "A time that the database sets when it writes the row; when the thing happened outside is another one.",
        },
        Mend {
            on: "PostgreSQL",
            text: "```sql\nALTER TABLE events ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now();\n```",
        },
        Mend {
            on: "MySQL",
            text: "```sql\nALTER TABLE events ADD COLUMN recorded_at TIMESTAMP(6) NOT NULL DEFAULT \
                   CURRENT_TIMESTAMP(6);\n```",
        },
        Mend {
            on: "SQL Server",
            text: "```sql\nALTER TABLE events ADD recorded_at datetimeoffset NOT NULL DEFAULT sysdatetimeoffset();\n```",
        },
        Mend {
            on: "SQLite",
            text: "`recorded_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))`, in a table that is made anew.",
        },
    ],
    leave: "Where every payload has it.",
    sources: &["https://learn.microsoft.com/azure/architecture/patterns/event-sourcing"],
    bad: &[Example::Sql(
        "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));",
    )],
    good: &[Example::Sql(
        "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, inserted timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (stream_id, version));",
    )],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |store, _, log| {
        if let Some(time) = log.times.first() {
            findings.good(rule, format!("recorded time ({})", time.name), at_column(log.table, time));
            return;
        }
        // Every item has a time (_ts), every ObjectId one too, and of other fields little is known.
        if matches!(store.product, Some(Product::Mongo | Product::Cosmos)) {
            return;
        }
        let message =
            format!("{} does not say when an event was written{}", log.table.name, as_far_as_read(store));
        let column = match store.product {
            Some(Product::SqlServer) => "recorded_at datetimeoffset NOT NULL DEFAULT sysdatetimeoffset()",
            Some(Product::MySql) => "recorded_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)",
            Some(Product::Sqlite) => "recorded_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))",
            _ => "recorded_at timestamptz NOT NULL DEFAULT now()",
        };
        let add = if store.product == Some(Product::SqlServer) { "ADD" } else { "ADD COLUMN" };
        let help = match store.product {
            Some(Product::Sqlite) => format!("{column}, in a table that is made anew"),
            _ => format!("ALTER TABLE {} {add} {column};", log.table.name),
        };
        let finding = Finding::new(rule, at_table(log.table), message).help(help);
        let is_inside = log.is_opaque() || log.metadata_document().is_some();
        findings.add(if is_inside { finding.severity(Severity::Note) } else { finding });
    });
}
