use std::collections::BTreeMap;

use super::shared::{counted, listed, together};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Findings, Place, Severity};
use crate::model::{Command, Model, Named};

pub(super) static RULE: Rule = Rule {
    id: "AN303",
    name: "no-once-per",
    severity: Severity::Warning,
    reads: &[Input::Model],
    what: "a command does not say what makes a repetition of it the same command",
    why: "Every client repeats: after a timeout, a restart, an impatient second click. Without something that is the \
          same in both, the second one writes its events again, and the payment is recorded twice.",
    mend: &[
        Mend {
            on: "",
            text: "`once-per: command_id`, an id that the client makes before the first attempt and keeps for the next.",
        },
        Mend {
            on: "",
            text: "`once-per: psp_ref`, a field of the domain by which two are the same wherever they come from.",
        },
    ],
    leave: "With `because:` where doing it twice is what the caller means, or where the rules of the command refuse a \
            second one. A command that makes a stream whose id the client gives is refused by the stream itself.",
    sources: &["https://learn.microsoft.com/azure/architecture/patterns/event-sourcing"],
    bad: &[Example::Model(
        "streams:
  order: { key: 'order-{order_id}' }
events:
  PaymentCaptured: { stream: order }
commands:
  RecordPayment: { stream: order, emits: [PaymentCaptured] }
",
    )],
    good: &[
        Example::Model(
            "streams:
  order: { key: 'order-{order_id}' }
events:
  OrderPlaced: { stream: order }
  PaymentCaptured: { stream: order }
  NoteAdded: { stream: order }
commands:
  RecordPayment: { stream: order, once-per: psp_ref, emits: [PaymentCaptured] }
  AddNote: { stream: order, emits: [NoteAdded], because: two equal notes are two notes }
  PlaceOrder: { stream: order, expects: new-stream, fields: { order_id: uuid }, emits: [OrderPlaced] }
",
        ),
        // It writes nothing.
        Example::Model("commands:\n  CheckAddress: { rejects: [NotFound] }\n"),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    let Some(model) = &subject.model else { return };
    let mut streams: BTreeMap<&str, Vec<(&str, Place)>> = BTreeMap::new();
    for command in &model.commands {
        let name = command.name.value.as_str();
        let says = command.it.once_per.is_some() || command.it.because.is_some();
        if !says && !command.it.emits.is_empty() && !is_refused_by_stream(model, command) {
            let stream = command.it.stream.as_ref().map_or("", |stream| &stream.value);
            let place = Place::new(format!("commands.{name}"), command.name.span);
            streams.entry(stream).or_default().push((name, place));
        }
    }
    for (stream, commands) in streams {
        let names = listed(commands.iter().map(|(name, _)| name));
        let message = match commands.len() {
            1 => format!("nothing tells a repetition of {names} from a second command"),
            all => {
                let all = counted(u64::try_from(all).unwrap_or(u64::MAX), "command", "commands");
                format!("nothing tells a repetition from a second command, for {all} of `{stream}`: {names}")
            }
        };
        let path = if stream.is_empty() { "commands".to_owned() } else { format!("streams.{stream}") };
        let places = commands.into_iter().map(|(_, place)| place).collect();
        findings.add(
            together(rule, path, places, message)
                .help("once-per: command_id, or the field by which two are the same"),
        );
    }
}

/// The second attempt to make a stream fails where the id of the stream comes with the command.
fn is_refused_by_stream(model: &Model, command: &Named<Command>) -> bool {
    let is_new = command.it.expects.as_ref().is_some_and(|expects| expects.value == "new-stream");
    let stream = command.it.stream.as_ref().and_then(|stream| model.stream(&stream.value));
    let key = stream.and_then(|stream| stream.it.key.as_ref());
    is_new
        && key.is_some_and(|key| {
            let mut names = super::shared::placeholders(&key.value).peekable();
            names.peek().is_some()
                && names.all(|name| command.it.fields.iter().any(|field| field.name.value == name))
        })
}
