//! What takes events in and does something: handlers, policies, process managers.

use crate::model::{After, Named, Process, Projection};
use crate::text::{At, Span};

use super::super::names::snake;
use super::super::tree::Tree;
use super::Document;
use super::context::{Making, named, push, text};
use super::index::handled;

impl Making<'_> {
    /// What calls the outside when something happened is a read model with effects and without rows.
    pub(super) fn handler(&mut self, document: &Document) {
        let handled = document.whole.items_of("handles");
        if !self.is_at_home(document) {
            return;
        }
        let name = snake(&document.name);
        let effects = document.whole.items_of("sideEffects");
        let effect = |of: &Tree| match of.text_of("externalSystem") {
            "" => text(of.text_of("rule").trim()),
            system => text(format!("{system}: {}", of.text_of("rule").trim())),
        };
        let projection = Projection {
            from: self.own_events(&name, handled),
            duplicates: duplicates(document).map(text),
            effects: effects.iter().map(effect).collect(),
            ..Projection::default()
        };
        if push(&mut self.model.projections, &name, projection) {
            self.described(&format!("projections.{name}"), document);
            self.consumer(&format!("projections.{name}"), document);
        }
    }

    pub(super) fn policy(&mut self, document: &Document) {
        let (handled, emitted) = (document.whole.items_of("handles"), document.whole.items_of("emits"));
        if !self.is_at_home(document) {
            return;
        }
        let name = snake(&document.name);
        let events = self.own_events(&name, handled);
        let commands = self.own_commands(&name, emitted);
        let reacts = events.iter().map(|event| Named { name: event.clone(), it: commands.clone() }).collect();
        let process = Process {
            starts: events.clone(),
            reacts,
            // It keeps nothing, so each reaction is over at once.
            ends: events,
            duplicates: duplicates(document).map(text),
            ..Process::default()
        };
        if push(&mut self.model.processes, &name, process) {
            let path = format!("processes.{name}");
            self.described(&path, document);
            self.consumer(&path, document);
        }
    }

    pub(super) fn process(&mut self, document: &Document) {
        let reactions = document.whole.items_of("reactions");
        let starts = document.whole.items_of("startsWhen");
        if !self.is_at_home(document) {
            return;
        }
        let name = snake(&document.name);
        let path = format!("processes.{name}");
        let by = document.whole.get("correlatedBy").map(|by| by.text_of("field")).unwrap_or_default();
        let mut process = Process {
            by: (!by.is_empty()).then(|| text(by)),
            starts: self.own_events(&name, starts),
            duplicates: duplicates(document).map(text),
            ..Process::default()
        };
        for reaction in reactions {
            let Some(when) = reaction.get("when") else { continue };
            let commands = self.own_commands(&name, reaction.items_of("emits"));
            let rule = reaction.text_of("rule").trim();
            if !when.text_of("timer").is_empty() {
                self.timer(&mut process, document, when.text_of("timer"), commands);
                self.comments.within(&path, format!("after {}: {rule}", when.text_of("timer")));
            } else if let Some(event) = self.own_event(&name, when) {
                self.comments.within(&path, format!("on {event}: {rule}"));
                match process.reacts.iter_mut().find(|known| known.name.value == event) {
                    Some(known) => known.it.extend(commands),
                    None if commands.is_empty() => {}
                    None => process.reacts.push(named(event, commands)),
                }
            }
        }
        if push(&mut self.model.processes, &name, process) {
            self.described(&path, document);
            for end in document.whole.items_of("endsWhen") {
                let condition = end.text_of("condition").trim();
                self.comments.within(&path, format!("ends: by which events? {condition}"));
            }
            self.rules_beside(&path, &document.whole, "invariants");
            self.consumer(&path, document);
        }
    }

    fn timer(&mut self, process: &mut Process, document: &Document, timer: &str, does: Vec<At<String>>) {
        let name = &document.name;
        let of = document.whole.items_of("timers").iter().find(|of| of.text_of("name") == timer);
        let after = of.and_then(|of| of.get("after"));
        let wait = after.and_then(|after| wait(after.text_of("value"), after.text_of("unit")));
        match wait {
            Some(wait) if process.after.is_none() => {
                process.after = Some(After { wait: Some(text(wait)), does, span: Span::NOWHERE });
            }
            Some(_) => self.notes.push(format!("{name} has more than one timer; {timer} is left out")),
            None => self.notes.push(format!("{name} waits until a time in its state; {timer} is left out")),
        }
    }

    /// What all that take events in say.
    fn consumer(&mut self, path: &str, document: &Document) {
        self.rules_beside(path, &document.whole, "constraints");
        let idempotency = document.whole.get("idempotency");
        let of = |key: &str| idempotency.map(|of| of.text_of(key)).unwrap_or_default();
        if !of("strategy").is_empty() {
            self.comments.within(path, format!("duplicates: {}", of("strategy").trim()));
        }
        match (document.whole.text_of("deliveryGuarantee"), of("owner")) {
            ("at-most-once", _) => {
                self.comments.within(path, "at most once in ESDM: an event may be missed");
                self.notes
                    .push(format!("{} takes events at most once, which Annals does not", document.name));
            }
            (_, "none") => {
                self.notes.push(format!("{} spoils its state when an event comes twice", document.name))
            }
            (_, "infrastructure") => {
                self.notes
                    .push(format!("{} leaves events that come twice to what delivers them", document.name));
            }
            _ => {}
        }
    }

    /// Whether what belongs to no context is told in this one.
    fn is_at_home(&self, document: &Document) -> bool {
        let (events, commands) = handled(document);
        self.index.home(&events, &commands) == Some(self.context)
    }
}

/// Who sees to events that come twice, as we say it.
fn duplicates(document: &Document) -> Option<&'static str> {
    match document.whole.get("idempotency").map(|of| of.text_of("owner")) {
        Some("self") => Some("once-per-event"),
        Some("not-required" | "downstream") => Some("idempotent"),
        _ => None,
    }
}

fn wait(value: &str, unit: &str) -> Option<String> {
    let value: u64 = value.parse().ok()?;
    let (of, unit) = match unit {
        "seconds" => (1, "s"),
        "minutes" => (1, "m"),
        "hours" => (1, "h"),
        "days" => (1, "d"),
        "weeks" => (1, "w"),
        "months" => (30, "d"),
        "years" => (1, "y"),
        _ => return None,
    };
    Some(format!("{}{unit}", value.saturating_mul(of)))
}
