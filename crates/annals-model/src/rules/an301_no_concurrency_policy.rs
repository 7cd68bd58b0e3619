use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::model::Concurrency;

pub(super) static RULE: Rule = Rule {
    id: "AN301",
    name: "no-concurrency-policy",
    severity: Severity::Error,
    reads: &[Input::Model],
    what: "a stream does not say what guards its appends",
    why: "Two users who decide at the same time both read the same state. Without an expected version the second \
          one's events rest on what is no longer true, and nothing says so. Where appends need no guard, that is a \
          decision of the domain, with a reason.",
    mend: &[
        Mend { on: "", text: "`concurrency: expected-version`, which is right for nearly every stream." },
        Mend {
            on: "",
            text: "`concurrency: any` with `because:` where events are facts that nobody decides, such as readings.",
        },
    ],
    leave: "Never: the line costs nothing.",
    sources: &["https://learn.microsoft.com/azure/architecture/patterns/event-sourcing"],
    bad: &[
        Example::Model("streams:\n  order: { key: 'order-{order_id}', why: its total must be right }\n"),
        Example::Model("streams:\n  meter: { key: 'meter-{id}', why: one device, concurrency: any }\n"),
    ],
    good: &[
        Example::Model(
            "streams:\n  order: { key: 'order-{order_id}', why: its total, concurrency: expected-version }\n",
        ),
        Example::Model(
            "streams:\n  meter: { key: 'meter-{id}', why: one device, concurrency: any, because: readings are facts }\n",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    let Some(model) = &subject.model else { return };
    for stream in &model.streams {
        let name = &stream.name.value;
        let path = format!("streams.{name}");
        match &stream.it.concurrency {
            None => findings.add(
                Finding::new(
                    rule,
                    Place::new(path, stream.name.span),
                    format!("stream {name} does not say what guards its appends"),
                )
                .help("concurrency: expected-version"),
            ),
            Some(any) if any.value == Concurrency::Any && stream.it.because.is_none() => findings.add(
                Finding::new(
                    rule,
                    Place::new(format!("{path}.concurrency"), any.span),
                    format!("appends to stream {name} are guarded by nothing, and no reason is given"),
                )
                .help("because: why two decisions at the same time do no harm"),
            ),
            Some(_) => {}
        }
    }
}
