use super::on_store::each_log;
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::shape::append::refuses;
use crate::shape::{Operation, Table, Trigger};

pub(super) static RULE: Rule = Rule {
    id: "AN205",
    name: "silent-guard",
    severity: Severity::Warning,
    reads: &[Input::Store],
    what: "a change of the log is swallowed and not refused",
    why: "Whoever ran the UPDATE is told that it went well, with no row changed, and goes on as if it had been. An \
          erasure that nobody carried out, a repair that repaired nothing: the log is safe, and people are misled \
          about it. On an INSERT it is an event that was lost.",
    mend: &[
        Mend { on: "", text: "Raise an error in the place of doing nothing." },
        Mend {
            on: "PostgreSQL",
            text: "A trigger that raises, for a rule `DO INSTEAD NOTHING` or a trigger that returns NULL:\n\
                   ```sql\nCREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n    RAISE \
                   EXCEPTION 'the log is append-only';\nEND $$;\nDROP RULE no_update_events ON events;\nCREATE \
                   TRIGGER no_change BEFORE UPDATE OR DELETE ON events FOR EACH STATEMENT EXECUTE FUNCTION \
                   refuse_change();\n```",
        },
        Mend { on: "SQL Server", text: "`THROW` in the `INSTEAD OF` trigger." },
        Mend { on: "SQLite", text: "`RAISE(ABORT, 'the log is append-only')` for `RAISE(IGNORE)`." },
    ],
    leave: "Where a tool that cannot be changed runs such statements as a matter of course.",
    sources: &[
        "https://martinfowler.com/eaaDev/EventSourcing.html",
        "https://www.postgresql.org/docs/current/sql-createrule.html",
    ],
    bad: &[
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));
CREATE RULE no_update_events AS ON UPDATE TO events DO INSTEAD NOTHING;
CREATE RULE no_delete_events AS ON DELETE TO events DO INSTEAD NOTHING;",
        ),
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));
CREATE FUNCTION ignore_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION ignore_change();",
        ),
    ],
    good: &[
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'append-only'; RETURN NULL; END $$;
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();",
        ),
        // What an AFTER trigger returns means nothing.
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('events', NEW.stream_id); RETURN NULL; END $$;
CREATE TRIGGER tell AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION tell();",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |store, _, log| {
        let tables = [Some(log.table), log.join.map(|join| join.table), log.tag_table];
        for table in tables.into_iter().flatten() {
            let is_here = |trigger: &&Trigger| table.is_called(&trigger.table) && is_silent(trigger);
            let silent: Vec<&Trigger> = store.triggers.iter().filter(is_here).collect();
            findings.findings.extend(swallowed(rule, table, &silent));
        }
    });
}

/// One finding for a table, however many triggers swallow its changes.
fn swallowed(rule: &'static Rule, table: &Table, triggers: &[&Trigger]) -> Option<Finding> {
    let (first, others) = triggers.split_first()?;
    let mut on: Vec<Operation> = triggers.iter().flat_map(|trigger| trigger.on.iter().copied()).collect();
    on.sort_unstable();
    on.dedup();
    let names: Vec<&str> = on.iter().map(|operation| name(*operation)).collect();
    let message = format!("{} on {} does nothing, and says so to nobody", names.join(" and "), table.name);
    let place = |trigger: &Trigger| {
        let place = Place::new(format!("{}.{}", table.name, trigger.name), trigger.span.or(table.span));
        place.saying("swallows the statement")
    };
    let finding =
        Finding::new(rule, place(first), message).help("raise an error in the place of doing nothing");
    let finding = others.iter().fold(finding, |finding, other| finding.and(place(other)));
    // An event is lost.
    Some(if on.contains(&Operation::Insert) { finding.severity(Severity::Error) } else { finding })
}

fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::Insert => "INSERT",
        Operation::Update => "UPDATE",
        Operation::Delete => "DELETE",
        Operation::Truncate => "TRUNCATE",
    }
}

fn is_silent(trigger: &Trigger) -> bool {
    let body = trigger.body.to_lowercase();
    let body: Vec<&str> = body.split_whitespace().collect();
    let body = body.join(" ");
    if refuses(&body) && !body.contains("raise(ignore)") {
        return false;
    }
    let does_nothing = trigger.instead
        && (body.contains("do instead nothing") || body.trim_end_matches(';').ends_with("nothing"));
    // Only what is returned before the row is written decides about it; a row that is given back in some case is
    // a trigger that does more than swallow.
    let returns_nothing = body.contains("return null")
        && !body.contains("return new")
        && !body.contains("return old")
        && (body.contains(" before ") || trigger.instead)
        && !body.contains(" after ");
    does_nothing || returns_nothing || body.contains("raise(ignore)")
}
