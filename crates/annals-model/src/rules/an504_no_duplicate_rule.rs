use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};

pub(super) static RULE: Rule = Rule {
    id: "AN504",
    name: "no-duplicate-rule",
    severity: Severity::Error,
    reads: &[Input::Model],
    what: "a projection does not say what happens when an event comes twice",
    why: "Every subscription delivers again after a crash: the event was applied and the checkpoint was not yet \
          written. A projection that adds up is wrong from then on, by one event, and nobody sees when it began.",
    mend: &[
        Mend {
            on: "",
            text: "`duplicates: skip-by-position`: the rows and the position of the last event are written in one \
                   transaction, and events up to that position are passed over.",
        },
        Mend {
            on: "",
            text: "`duplicates: idempotent`: each event sets values and adds to none, so that twice is as once.",
        },
    ],
    leave: "Never: the line costs nothing.",
    sources: &["https://learn.microsoft.com/azure/architecture/patterns/event-sourcing"],
    bad: &[Example::Model(
        "events:\n  OrderPlaced: {}\nprojections:\n  orders_a_day: { from: [OrderPlaced], key: day, rebuild: in-place }\n",
    )],
    good: &[Example::Model(
        "events:
  OrderPlaced: {}
projections:
  orders_a_day: { from: [OrderPlaced], key: day, duplicates: skip-by-position }
  order_status: { from: [OrderPlaced], key: order_id, duplicates: idempotent }
",
    )],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    for projection in subject.model.iter().flat_map(|model| &model.projections) {
        if projection.it.duplicates.is_none() {
            let name = &projection.name.value;
            findings.add(
                Finding::new(
                    rule,
                    Place::new(format!("projections.{name}"), projection.name.span),
                    format!("projection `{name}` does not say what happens when an event comes twice"),
                )
                .help("duplicates: skip-by-position, where its rows and its checkpoint are written in one transaction")
                .help("duplicates: idempotent, where each event only sets values"),
            );
        }
    }
}
