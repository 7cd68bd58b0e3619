//! The events that a walk has gathered, each beneath the one that caused it.

use std::collections::HashMap;

use annals::{EventId, RecordedEvent};

use super::story::{Cause, Told, Walk, cause_of};

/// Beneath each other so deep; whatever is caused further on stands at that depth.
const DEPTH_MAX: usize = 12;

impl Walk<'_> {
    /// Each event beneath the one that caused it. Those of a stream or a tag keep their order, and nothing but what they
    /// caused elsewhere stands beneath them; those of a correlation id are a tree as a whole.
    pub(super) fn tree(self, causes: &HashMap<EventId, Cause>) -> Vec<Told> {
        let is_whole = self.correlation.is_some();
        let mut beneath: HashMap<EventId, Vec<RecordedEvent>> = HashMap::new();
        let mut top = Vec::new();
        for (event, is_of_story) in self.events.into_values() {
            let parent =
                cause_of(&event).filter(|cause| *cause != event.event_id && self.ids.contains(cause));
            match parent {
                Some(parent) if is_whole || !is_of_story => beneath.entry(parent).or_default().push(event),
                _ => top.push(event),
            }
        }
        let mut told: Vec<Told> = top.into_iter().map(|event| grown(event, &mut beneath, causes)).collect();
        // What names a later event as its cause, or itself in a circle, is told all the same.
        let mut left: Vec<RecordedEvent> = beneath.into_values().flatten().collect();
        left.sort_by_key(|event| event.position);
        told.extend(left.into_iter().map(|event| leaf(event, causes)));
        told
    }
}

fn leaf(event: RecordedEvent, causes: &HashMap<EventId, Cause>) -> Told {
    let cause = cause_of(&event).and_then(|cause| causes.get(&cause)).cloned();
    Told { event, cause, caused: Vec::new() }
}

/// An event with all that it caused, in the order of the log. A chain of any length takes no stack.
fn grown(
    event: RecordedEvent,
    beneath: &mut HashMap<EventId, Vec<RecordedEvent>>,
    causes: &HashMap<EventId, Cause>,
) -> Told {
    fn grow(
        event: RecordedEvent,
        depth: usize,
        beneath: &mut HashMap<EventId, Vec<RecordedEvent>>,
        causes: &HashMap<EventId, Cause>,
    ) -> Told {
        let mut caused = Vec::new();
        let mut open = beneath.remove(&event.event_id).unwrap_or_default();
        open.reverse();
        while let Some(next) = open.pop() {
            if depth < DEPTH_MAX {
                caused.push(grow(next, depth + 1, beneath, causes));
            } else {
                open.extend(beneath.remove(&next.event_id).unwrap_or_default().into_iter().rev());
                caused.push(leaf(next, causes));
            }
        }
        Told { caused, ..leaf(event, causes) }
    }
    grow(event, 0, beneath, causes)
}
