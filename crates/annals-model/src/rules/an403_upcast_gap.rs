use super::shared::listed;
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::model::{missing_steps, version};

pub(super) static RULE: Rule = Rule {
    id: "AN403",
    name: "upcast-gap",
    severity: Severity::Error,
    reads: &[Input::Model],
    what: "events of an older version cannot be read as the newest",
    why: "Events of every version that was ever written are in the log, and a replay meets all of them. One step that \
          is missing makes every older version unreadable, not only that one.",
    mend: &[
        Mend {
            on: "",
            text: "Say how each version becomes the next: `upcast: { 1: { add: { channel: web } } }`.",
        },
        Mend { on: "", text: "`with: a_function` where adding, renaming and removing fields do not say it." },
        Mend { on: "", text: "An upcast that has nothing to do is written too: `1: {}`." },
    ],
    leave: "Where no event of that version was ever stored; then begin with version 1.",
    sources: &[
        "https://leanpub.com/esversioning",
        "https://docs.eventsourcingdb.io/best-practices/versioning-events/",
    ],
    bad: &[
        Example::Model("events:\n  OrderPlaced: { version: 3, upcast: { 1: { add: { channel: web } } } }\n"),
        Example::Model("events:\n  OrderPlaced: { version: 2 }\n"),
        Example::Model("events:\n  OrderPlaced: { version: 2, upcast: { 1: {}, 2: { remove: [x] } } }\n"),
    ],
    good: &[
        Example::Model(
            "events:\n  OrderPlaced: { version: 3, upcast: { 2: { with: split_name }, 1: {} } }\n",
        ),
        Example::Model("events:\n  OrderPlaced: {}\n  OrderShipped: { version: 1 }\n"),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    for event in subject.model.iter().flat_map(|model| &model.events) {
        let (name, it) = (&event.name.value, &event.it);
        let version = version(it);
        let path = format!("events.{name}.upcast");
        let missing = missing_steps(it, 1, version);
        if let (Some(first), Some(last)) = (missing.first(), missing.last()) {
            let span = it.version.as_ref().map_or(event.name.span, |version| version.span);
            let which = if missing.len() == 1 {
                format!("version {first} becomes version {}", first.saturating_add(1))
            } else {
                format!("versions {} become the next", listed(&missing).replace('`', ""))
            };
            let unread =
                if *last == 1 { "version 1".to_owned() } else { format!("version {last} and before") };
            let help = missing.iter().map(|from| format!("{from}: {{ … }}")).take(3).collect::<Vec<_>>();
            findings.add(
                Finding::new(
                    rule,
                    Place::new(path.clone(), span),
                    format!("`{name}` of {unread} cannot be read: nothing says how {which}"),
                )
                .help(format!("upcast: {{ {} }}", help.join(", "))),
            );
        }
        for upcast in
            it.upcasts.iter().filter(|upcast| upcast.from.value >= version || upcast.from.value == 0)
        {
            let from = upcast.from.value;
            findings.add(
                Finding::new(
                    rule,
                    Place::new(format!("{path}.{from}"), upcast.from.span),
                    format!("`{name}` is at version {version}, so that the upcast from {from} reads nothing"),
                )
                .severity(Severity::Warning)
                .help(format!("version: {}, or remove the upcast", from.saturating_add(1))),
            );
        }
    }
}
