use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::model::{Model, Process};

pub(super) static RULE: Rule = Rule {
    id: "AN801",
    name: "consumer-without-idempotency",
    severity: Severity::Error,
    reads: &[Input::Model],
    what: "a process does not say what happens when an event comes twice",
    why: "Events are delivered at least once: after a crash, the last ones come again. A process that then sends its \
          commands again ships the parcel twice.",
    mend: &[
        Mend {
            on: "",
            text: "`duplicates: once-per-event`: the id of a command is made from the id of the event that caused it, \
                   so that the second one is refused.",
        },
        Mend {
            on: "",
            text: "`duplicates: skip-by-position` where the state of the process and its checkpoint are written in one \
                   transaction.",
        },
        Mend { on: "", text: "Or give each command that it sends a `once-per:` field of the domain." },
    ],
    leave: "Never: the line costs nothing.",
    sources: &[
        "https://microservices.io/patterns/communication-style/idempotent-consumer.html",
        "https://learn.microsoft.com/azure/architecture/patterns/event-sourcing",
    ],
    bad: &[Example::Model(
        "events:
  OrderPlaced: {}
  StockReserved: {}
commands:
  ReserveStock: { emits: [StockReserved], once-per: command_id }
processes:
  fulfilment: { by: order_id, starts: OrderPlaced, reacts: { OrderPlaced: ReserveStock }, ends: StockReserved }
",
    )],
    good: &[
        Example::Model(
            "events:
  OrderPlaced: {}
commands:
  ReserveStock: { once-per: command_id }
processes:
  fulfilment: { starts: OrderPlaced, reacts: { OrderPlaced: ReserveStock }, duplicates: once-per-event }
",
        ),
        // What it sends is the same command the second time.
        Example::Model(
            "events:
  OrderPlaced: {}
commands:
  ReserveStock: { once-per: order_id }
processes:
  fulfilment: { starts: OrderPlaced, reacts: { OrderPlaced: ReserveStock } }
",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    let Some(model) = &subject.model else { return };
    for process in &model.processes {
        if process.it.duplicates.is_none() && !sends_what_is_told_apart(model, &process.it) {
            let name = &process.name.value;
            findings.add(
                Finding::new(
                    rule,
                    Place::new(format!("processes.{name}"), process.name.span),
                    format!("process `{name}` does not say what happens when an event comes twice"),
                )
                .help("duplicates: once-per-event, where the id of a command is made from that of the event"),
            );
        }
    }
}

/// Whether every command it sends is once per a field of the domain. An id of the command is made anew for each
/// delivery unless the process says otherwise.
fn sends_what_is_told_apart(model: &Model, process: &Process) -> bool {
    let mut sent = process
        .reacts
        .iter()
        .flat_map(|reaction| &reaction.it)
        .chain(process.after.iter().flat_map(|after| &after.does))
        .peekable();
    let is_told_apart = |name: &str| {
        let command = model.commands.iter().find(|command| command.name.value == name);
        command.and_then(|command| command.it.once_per.as_ref()).is_some_and(|by| by.value != "command_id")
    };
    sent.peek().is_some() && sent.all(|command| is_told_apart(&command.value))
}
