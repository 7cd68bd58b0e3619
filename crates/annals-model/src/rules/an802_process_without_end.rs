use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};

pub(super) static RULE: Rule = Rule {
    id: "AN802",
    name: "process-without-end",
    severity: Severity::Warning,
    reads: &[Input::Model],
    what: "a process has no end and no time after which it acts",
    why: "An instance that waits for an event which never comes waits for ever. Nobody is told, and what it should \
          have brought to an end stays half done. Instances that never end pile up as well.",
    mend: &[
        Mend { on: "", text: "`ends: [OrderShipped, OrderCancelled]`: the events after which there is nothing to do." },
        Mend { on: "", text: "`after: { wait: 24h, do: CancelOrder }`: what is done when the awaited does not come." },
    ],
    leave: "For a plain reaction that keeps no state between events: one event, one command.",
    sources: &["https://docs.axoniq.io/axon-framework-reference/development/sagas/implementation"],
    bad: &[Example::Model(
        "events:
  OrderPlaced: {}
  PaymentCaptured: {}
commands:
  ReserveStock: {}
  ShipOrder: {}
processes:
  fulfilment: { by: order_id, starts: OrderPlaced, reacts: { OrderPlaced: ReserveStock, PaymentCaptured: ShipOrder } }
",
    )],
    good: &[
        Example::Model(
            "events:
  OrderPlaced: {}
  PaymentCaptured: {}
  OrderShipped: {}
commands:
  ReserveStock: {}
  ShipOrder: {}
processes:
  fulfilment:
    by: order_id
    starts: OrderPlaced
    reacts: { OrderPlaced: ReserveStock, PaymentCaptured: ShipOrder }
    ends: OrderShipped
  reminder: { by: order_id, starts: OrderPlaced, after: { wait: 24h, do: ShipOrder } }
",
        ),
        // It waits for nothing.
        Example::Model(
            "events:\n  OrderPlaced: {}\ncommands:\n  ReserveStock: {}\nprocesses:\n  reserve: { reacts: { OrderPlaced: ReserveStock } }\n",
        ),
        Example::Model(
            "events:
  OrderPlaced: {}
  OrderShipped: {}
commands:
  Notify: {}
processes:
  notices: { reacts: { OrderPlaced: Notify, OrderShipped: Notify } }
",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    for process in subject.model.iter().flat_map(|model| &model.processes) {
        let it = &process.it;
        // One event that is answered at once keeps nothing, and so has nothing to end. Several are plain reactions
        // where nothing tells instances apart.
        let awaits = it.reacts.len() > 1
            || it.starts.iter().any(|start| !it.reacts.iter().any(|reacts| reacts.name.value == start.value));
        let awaits = awaits && (it.by.is_some() || !it.starts.is_empty());
        if it.ends.is_empty() && it.after.is_none() && awaits {
            let name = &process.name.value;
            findings.add(
                Finding::new(
                    rule,
                    Place::new(format!("processes.{name}"), process.name.span),
                    format!(
                        "process `{name}` has no end, and nothing it does when what it waits for never comes"
                    ),
                )
                .help("ends: the events after which there is nothing to do")
                .help("after: { wait: 24h, do: … }"),
            );
        }
    }
}
