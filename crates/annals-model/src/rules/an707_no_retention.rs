use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};

pub(super) static RULE: Rule = Rule {
    id: "AN707",
    name: "no-retention",
    severity: Severity::Warning,
    reads: &[Input::Model],
    what: "a stream does not say how long it is kept",
    why: "A log that nobody decided about is kept for ever, with every cost that comes of it, until somebody deletes \
          from it by hand. What has to be kept and what may go is known now, by those who ask for the stream.",
    mend: &[
        Mend { on: "", text: "`retain: { for: 10y, then: archive, because: tax law }`." },
        Mend { on: "", text: "`retain: forever` is an answer as well, where somebody has decided it." },
    ],
    leave: "While a model is a sketch.",
    sources: &[
        "https://www.kurrent.io/blog/keep-your-streams-short-temporal-modelling-for-fast-reads-and-optimal-data-retention",
    ],
    bad: &[
        Example::Model("streams:\n  order: { key: 'order-{order_id}' }\n"),
        Example::Model("streams:\n  order: { key: 'order-{order_id}', retain: { then: archive } }\n"),
    ],
    good: &[Example::Model(
        "streams:
  order: { key: 'order-{order_id}', retain: { for: 10y, then: archive } }
  ledger: { key: 'ledger-{id}', retain: forever }
",
    )],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    for stream in subject.model.iter().flat_map(|model| &model.streams) {
        let name = &stream.name.value;
        let (path, span) = match &stream.it.retain {
            None => (format!("streams.{name}"), stream.name.span),
            Some(retain) if retain.lasting.is_none() => (format!("streams.{name}.retain"), retain.span),
            Some(_) => continue,
        };
        findings.add(
            Finding::new(
                rule,
                Place::new(path, span),
                format!("stream `{name}` does not say how long it is kept"),
            )
            .help("retain: { for: 10y, then: archive, because: … }, or retain: forever"),
        );
    }
}
