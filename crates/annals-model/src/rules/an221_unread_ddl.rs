use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};

pub(super) static RULE: Rule = Rule {
    id: "AN221",
    name: "unread-ddl",
    severity: Severity::Note,
    reads: &[Input::Store],
    what: "part of the schema was not understood, and so not reviewed",
    why: "A guard may stand in what was not read, and then what is said of the rest is wrong; or a mistake may, and \
          then nothing is said of it.",
    mend: &[
        Mend {
            on: "",
            text: "Look at these statements yourself, or review the running database, whose catalogue is read \
                   whole: `annals check postgres://…`.",
        },
        Mend { on: "", text: "Where it makes nothing that stores events, say so and allow it." },
    ],
    leave: "Where the statement has nothing to do with the log: roles, extensions, other tables' functions.",
    sources: &["https://docs.rs/sqlparser"],
    bad: &[Example::Sql(
        "CREATE TABLE events (stream uuid, version bigint);\n\
         DO $$\nBEGIN\n  \
         EXECUTE 'CREATE UNIQUE INDEX ON ' || current_schema() || '.events (stream, version)';\n\
         END $$;\n",
    )],
    good: &[Example::Sql("CREATE TABLE events (position bigint PRIMARY KEY);\n")],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    for store in &subject.stores {
        for unread in &store.unread {
            let place = Place::new(unread.what.as_str(), unread.span).saying("not reviewed");
            findings.add(Finding::new(rule, place, format!("not read: {}", unread.what)));
        }
    }
}
