use super::on_store::at_table;
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::model::Model;
use crate::shape::StoreShape;
use crate::shape::append::inserts_into;
use crate::shape::roles::Roles;

pub(super) static RULE: Rule = Rule {
    id: "AN501",
    name: "projection-authoritative",
    severity: Severity::Error,
    reads: &[Input::Model, Input::Store],
    what: "a decision rests on a read model, or events are copied from a table that is the truth",
    why: "A read model is behind the log, by milliseconds on good days. Two commands that look at it both see the \
          name that is still free, the seat that is still empty. And what is decided on it cannot be repeated: \
          rebuilt, it may say something else. The other way round, events that a trigger copies out of a table \
          cannot be folded into anything that the table is not already: they are an audit trail.",
    mend: &[
        Mend {
            on: "",
            text: "Decide on events: those of the command's stream, or those of a `boundary:` across streams, whose \
                   append is refused when one of them came in between.",
        },
        Mend {
            on: "",
            text: "Where a read model only helps (a list to pick from, a warning before the command is sent), let \
                   the command carry what was picked, and check it again against events.",
        },
        Mend {
            on: "",
            text: "Where a table is the truth and is to stay so, keep the audit trail and do not call it a log; see \
                   `annals fit`.",
        },
    ],
    leave: "Where being wrong now and then is cheaper than being right, and something notices: say so with \
            `because:`.",
    sources: &["https://learn.microsoft.com/azure/architecture/patterns/event-sourcing"],
    bad: &[
        Example::Model(
            "streams:\n  user: { key: 'user-{user_id}', why: one person }\nevents:\n  UserRegistered: { stream: user, fields: { user_id: uuid, name: text } }\ncommands:\n  \
             RegisterUser: { stream: user, reads: [user_names], emits: [UserRegistered] }\nprojections:\n  \
             user_names: { from: [UserRegistered], key: name }\n",
        ),
        Example::Sql(
            "CREATE TABLE accounts (id uuid PRIMARY KEY, balance numeric NOT NULL);
CREATE TABLE account_events (
    id bigserial PRIMARY KEY, account_id uuid NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    UNIQUE (account_id, version)
);
CREATE FUNCTION copy_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO account_events (account_id, version, event_type, payload) VALUES (NEW.id, 1, 'AccountUpdated', to_jsonb(NEW));
    RETURN NEW;
END $$;
CREATE TRIGGER copy_account AFTER UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION copy_account();",
        ),
    ],
    good: &[
        Example::Model(
            "streams:\n  user: { key: 'user-{user_id}', why: one person }\nevents:\n  UserRegistered: { stream: user, tags: [name], fields: { user_id: uuid, name: text } }\n\
             commands:\n  RegisterUser: { stream: user, boundary: { events: [UserRegistered], tags: [name] }, emits: \
             [UserRegistered] }\nprojections:\n  user_names: { from: [UserRegistered], key: name }\n",
        ),
        Example::Model(
            "streams:\n  user: { key: 'user-{user_id}', why: one person }\nevents:\n  UserRegistered: { stream: user, fields: { user_id: uuid, name: text } }\ncommands:\n  \
             RegisterUser: { stream: user, reads: [user_names], emits: [UserRegistered], because: two of one name \
             are merged by hand }\nprojections:\n  user_names: { from: [UserRegistered], key: name }\n",
        ),
        // The log is the truth, and a trigger of it keeps a table.
        Example::Sql(
            "CREATE TABLE account_balances (id uuid PRIMARY KEY, balance numeric NOT NULL);
CREATE TABLE account_events (
    id bigserial PRIMARY KEY, account_id uuid NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL,
    UNIQUE (account_id, version)
);
CREATE FUNCTION project() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO account_balances (id, balance) VALUES (NEW.account_id, 0) ON CONFLICT DO NOTHING;
    RETURN NEW;
END $$;
CREATE TRIGGER project AFTER INSERT ON account_events FOR EACH ROW EXECUTE FUNCTION project();",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    if let Some(model) = &subject.model {
        commands_that_read(rule, model, findings);
    }
    for store in &subject.stores {
        copied_events(rule, store, findings);
    }
}

fn commands_that_read(rule: &'static Rule, model: &Model, findings: &mut Findings) {
    for command in model.commands.iter().filter(|command| command.it.because.is_none()) {
        let name = &command.name.value;
        for read in &command.it.reads {
            let projection = model.projections.iter().find(|projection| projection.name.value == read.value);
            let Some(projection) = projection else { continue };
            let place = Place::new(format!("commands.{name}.reads.{}", read.value), read.span);
            let sources =
                projection.it.from.iter().map(|event| event.value.as_str()).collect::<Vec<_>>().join(", ");
            findings.add(
                Finding::new(
                    rule,
                    place.saying("is behind the log"),
                    format!("{name} decides on the read model {}", read.value),
                )
                .and(
                    Place::new(format!("projections.{}", read.value), projection.name.span)
                        .saying("made from events"),
                )
                .help(format!("boundary: {{ events: [{sources}], tags: [...] }}, and decide on those"))
                .help("because: why a decision on what is behind does no harm"),
            );
        }
    }
}

/// Events that a trigger makes out of another table.
fn copied_events(rule: &'static Rule, store: &StoreShape, findings: &mut Findings) {
    let roles = Roles::of(store);
    for log in &roles.logs {
        for trigger in store.triggers.iter().filter(|trigger| inserts_into(&trigger.body, log.table)) {
            let Some(source) = store.table(&trigger.table) else { continue };
            let is_of_store =
                [&roles.streams, &roles.joins, &roles.tags, &roles.outboxes, &roles.checkpoints]
                    .into_iter()
                    .flatten()
                    .copied()
                    .chain(roles.logs.iter().map(|log| log.table))
                    .any(|table| std::ptr::eq(table, source));
            // A view with such a trigger is a way to append.
            if is_of_store || source.is_view {
                continue;
            }
            let message = format!(
                "the events in {} are copied from {} by a trigger, so {} is the truth",
                log.table.name, source.name, source.name
            );
            let place = Place::new(format!("{}.{}", source.name, trigger.name), trigger.span.or(source.span));
            findings.add(
                Finding::new(rule, place.saying("makes events out of rows"), message)
                    .severity(Severity::Warning)
                    .and(at_table(log.table).saying("the copy"))
                    .help("append events where the decision is made, and make the table from them"),
            );
        }
    }
}
