use super::on_store::{as_far_as_read, at_table, each_log};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::shape::append::{refuses, triggers_on};
use crate::shape::{Grant, Operation, Product, StoreShape, Table, Trigger};

pub(super) static RULE: Rule = Rule {
    id: "AN204",
    name: "log-not-append-only",
    severity: Severity::Warning,
    reads: &[Input::Store],
    what: "nothing keeps events from being changed or deleted",
    why: "Every state, read model and report rests on the log. An UPDATE by hand changes what happened for whoever \
          reads later, and not for those who read before: read models and consumers disagree for good, and nobody \
          can say since when. What is wrong is put right by another event.",
    mend: &[
        Mend {
            on: "",
            text: "A trigger that refuses UPDATE and DELETE, and a role for the application that may only SELECT \
                   and INSERT. The trigger holds for everybody; the role cannot drop the trigger.",
        },
        Mend {
            on: "PostgreSQL",
            text: "```sql\nCREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n    RAISE \
                   EXCEPTION 'the log is append-only';\nEND $$;\nCREATE TRIGGER events_append_only BEFORE UPDATE \
                   OR DELETE OR TRUNCATE ON events\n    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();\nREVOKE \
                   UPDATE, DELETE, TRUNCATE ON events FROM app;\n```",
        },
        Mend {
            on: "MySQL",
            text: "```sql\nCREATE TRIGGER events_no_update BEFORE UPDATE ON events FOR EACH ROW\n    SIGNAL SQLSTATE \
                   '45000' SET MESSAGE_TEXT = 'the log is append-only';\nCREATE TRIGGER events_no_delete BEFORE \
                   DELETE ON events FOR EACH ROW\n    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the log is \
                   append-only';\n```",
        },
        Mend {
            on: "SQL Server",
            text: "```sql\nCREATE TRIGGER events_append_only ON events INSTEAD OF UPDATE, DELETE AS\n    THROW \
                   51000, 'the log is append-only', 1;\nDENY UPDATE, DELETE ON events TO app;\n```",
        },
        Mend {
            on: "SQLite",
            text: "```sql\nCREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the \
                   log is append-only'); END;\nCREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT \
                   RAISE(ABORT, 'the log is append-only'); END;\n```",
        },
        Mend { on: "MongoDB", text: "A role for the application with `find` and `insert` on the collection alone." },
        Mend {
            on: "Cosmos DB",
            text: "A role definition of the data plane with `items/create` and `items/read` and without \
                   `items/replace`, `items/upsert` and `items/delete`.",
        },
    ],
    leave: "Where privileges are given elsewhere, which a script cannot show (it is a note there), or where events are deleted on purpose, as on an erasure request \
            or when old streams move to an archive, by a role that does nothing else.",
    sources: &["https://martinfowler.com/eaaDev/EventSourcing.html"],
    bad: &[
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));",
        ),
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));
GRANT SELECT, INSERT, UPDATE, DELETE ON events TO app;",
        ),
    ],
    good: &[
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'append-only'; END $$;
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();",
        ),
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));
GRANT SELECT, INSERT ON events TO app;",
        ),
        Example::Sql(
            "CREATE TABLE events (stream_id TEXT NOT NULL, version INTEGER NOT NULL, event_type TEXT NOT NULL, payload TEXT NOT NULL, PRIMARY KEY (stream_id, version));
CREATE TRIGGER no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'append-only'); END;",
        ),
    ],
    check,
};

const CHANGES: [(Operation, &str); 2] = [(Operation::Update, "UPDATE"), (Operation::Delete, "DELETE")];

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |store, _, log| {
        let tables = [Some(log.table), log.join.map(|join| join.table)];
        for table in tables.into_iter().flatten() {
            look(rule, store, table, findings);
        }
    });
}

fn look(rule: &'static Rule, store: &StoreShape, table: &Table, findings: &mut Findings) {
    let guards =
        CHANGES.map(|(operation, _)| triggers_on(store, table, operation).find(|trigger| stops(trigger)));
    if let [Some(update), Some(_)] = guards {
        findings.good(rule, "append-only guard", at_trigger(table, update));
        return;
    }
    if let Some(grant) = granted(store, table).find(|grant| !grant.is_denied && may_change(grant)) {
        let place = Place::new(format!("{}.{}", table.name, grant.to), grant.span.or(table.span));
        let message = format!("{} may change and delete events of {}", grant.to, table.name);
        let finding = Finding::new(rule, place.saying("may change events"), message);
        findings.add(finding.help(mend(store, table)));
        return;
    }
    // Somebody may insert, and nobody may change: the owner of the table is beyond what grants can say.
    let inserts = |grant: &&Grant| !grant.is_denied && grant.operations.contains(&Operation::Insert);
    let denied = |operation| {
        granted(store, table).find(|grant| grant.is_denied && grant.operations.contains(&operation))
    };
    let both_denied = denied(Operation::Update).and(denied(Operation::Delete));
    if let Some(grant) = both_denied.or_else(|| granted(store, table).find(inserts)) {
        let place = Place::new(table.name.clone(), grant.span.or(table.span));
        findings.good(rule, format!("{} may not change events", grant.to), place);
        return;
    }
    let open: Vec<&str> = CHANGES
        .iter()
        .zip(&guards)
        .filter(|(_, guard)| guard.is_none())
        .map(|((_, name), _)| *name)
        .collect();
    let message =
        format!("nothing{} refuses {} on {}", as_far_as_read(store), open.join(" and "), table.name);
    let mut finding = Finding::new(rule, at_table(table).saying("events can be changed"), message);
    if let Some(trigger) = guards.into_iter().flatten().next() {
        finding = finding.and(at_trigger(table, trigger).saying("refuses the other"));
    }
    // Rights are given in another script more often than not, and never in what makes a collection.
    let is_elsewhere =
        !store.is_live && granted(store, table).next().is_none() && guards.iter().all(Option::is_none);
    if is_elsewhere || matches!(store.product, Some(Product::Mongo | Product::Cosmos)) {
        finding = finding.severity(Severity::Note);
    }
    findings.add(finding.help(mend(store, table)));
}

/// Whether a change does not come to the rows, be it that it is refused or swallowed.
fn stops(trigger: &Trigger) -> bool {
    trigger.instead || refuses(&trigger.body) || swallows(&trigger.body)
}

fn swallows(body: &str) -> bool {
    let body = body.to_lowercase();
    body.contains("before") && body.contains("return null")
}

fn granted<'s>(store: &'s StoreShape, table: &'s Table) -> impl Iterator<Item = &'s Grant> {
    let is_about = |grant: &&Grant| grant.table.as_ref().is_none_or(|name| table.is_called(name));
    store.grants.iter().filter(is_about)
}

fn may_change(grant: &Grant) -> bool {
    grant.operations.iter().any(|operation| matches!(operation, Operation::Update | Operation::Delete))
}

fn at_trigger(table: &Table, trigger: &Trigger) -> Place {
    Place::new(format!("{}.{}", table.name, trigger.name), trigger.span.or(table.span))
}

fn mend(store: &StoreShape, table: &Table) -> String {
    let (name, plain) = (&table.name, table.plain_name());
    match store.product {
        Some(Product::Postgres) => format!(
            "CREATE TRIGGER {plain}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} FOR EACH STATEMENT \
             EXECUTE FUNCTION refuse_change(); and a function of that name that raises an exception"
        ),
        Some(Product::MySql) => format!(
            "CREATE TRIGGER {plain}_no_update BEFORE UPDATE ON {name} FOR EACH ROW SIGNAL SQLSTATE '45000' SET \
             MESSAGE_TEXT = 'the log is append-only'; the same for DELETE"
        ),
        Some(Product::SqlServer) => format!(
            "CREATE TRIGGER {plain}_append_only ON {name} INSTEAD OF UPDATE, DELETE AS THROW 51000, 'the log is \
             append-only', 1;"
        ),
        Some(Product::Sqlite) => format!(
            "CREATE TRIGGER {plain}_no_update BEFORE UPDATE ON {name} BEGIN SELECT RAISE(ABORT, 'the log is \
             append-only'); END; the same for DELETE"
        ),
        Some(Product::Mongo) => format!("a role with find and insert on {name} and nothing else"),
        Some(Product::Cosmos) => "a role of the data plane without replace, upsert and delete".to_owned(),
        None => {
            "a trigger that refuses UPDATE and DELETE, or a role that may only SELECT and INSERT".to_owned()
        }
    }
}
