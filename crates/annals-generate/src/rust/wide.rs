//! Commands that look at more than their own stream, or write to more: functions of their own, not arms of a decider.

use annals_model::model::Command;

use super::ident::{self, Scope};
use super::key::Key;
use super::plan::{Asked, Group, Plan, written};
use crate::Impossible;

/// What a decision reads at the most.
const READ_MOST: usize = 4;

/// What a command decides on beside its own stream.
#[derive(Debug)]
pub(super) struct Wide {
    /// The function that decides it.
    pub(super) function: String,
    /// The state that is folded from the boundary's events.
    pub(super) context: Option<String>,
    /// The groups whose streams it reads; its own is the first.
    pub(super) reads: Vec<usize>,
    /// The groups whose events it sees or writes; its own is the first.
    pub(super) groups: Vec<usize>,
    /// The events of all those groups.
    pub(super) event_enum: String,
}

impl Wide {
    /// Whether events of several streams are put together in an enum for it.
    pub(super) fn has_own_enum(&self) -> bool {
        self.groups.len() > 1
    }
}

/// Finds the commands that are wide, and what they read.
pub(super) fn decide(plan: &mut Plan<'_>, scope: &mut Scope) -> Result<(), Impossible> {
    let mut found = Vec::new();
    for (at, group) in plan.groups.iter().enumerate() {
        for (of, command) in group.commands.iter().enumerate() {
            if let Some(wide) = wide(plan, at, command, scope)? {
                found.push((at, of, wide));
            }
        }
    }
    for (at, of, wide) in found {
        if let Some(command) = plan.groups.get_mut(at).and_then(|group| group.commands.get_mut(of)) {
            command.wide = Some(wide);
        }
    }
    Ok(())
}

fn wide(
    plan: &Plan<'_>,
    own: usize,
    asked: &Asked<'_>,
    scope: &mut Scope,
) -> Result<Option<Wide>, Impossible> {
    let Asked { name, it, .. } = asked;
    let mut reads = vec![own];
    for event in written(plan.model, name, it) {
        let at = group_of(plan, event);
        let Some(at) = at.filter(|at| plan.groups.get(*at).is_some_and(|group| group.stream.is_some()))
        else {
            return Err(Impossible {
                message: format!("{name} writes {event}, which is in no stream"),
                help: format!("give {event} a `stream:`"),
            });
        };
        if !reads.contains(&at) {
            reads.push(at);
        }
    }
    if reads.len() == 1 && it.boundary.is_none() {
        return Ok(None);
    }
    let mut groups = reads.clone();
    for at in seen(it).filter_map(|event| group_of(plan, event)) {
        if !groups.contains(&at) {
            groups.push(at);
        }
    }
    let count = reads.len() + usize::from(it.boundary.is_some());
    if count > READ_MOST {
        return Err(Impossible {
            message: format!("{name} decides on {count} states, and a decision reads at most {READ_MOST}"),
            help: "let a process carry it out with several commands".to_owned(),
        });
    }
    refuse_unknown(plan, asked, &reads)?;
    let own_enum = plan.groups.get(own).map(|group| group.event_enum.clone()).unwrap_or_default();
    let event_enum =
        if groups.len() > 1 { scope.take(format!("{}Event", asked.type_name)) } else { own_enum };
    let context = it.boundary.as_ref().map(|_| scope.take(format!("{}Context", asked.type_name)));
    Ok(Some(Wide { function: ident::function(name), context, reads, groups, event_enum }))
}

fn seen(command: &Command) -> impl Iterator<Item = &str> {
    command.boundary.iter().flat_map(|boundary| &boundary.events).map(|event| event.value.as_str())
}

fn group_of(plan: &Plan<'_>, event: &str) -> Option<usize> {
    plan.groups.iter().position(|group| group.events.iter().any(|it| it.name == event))
}

/// The streams and tags that it reads are named by its own fields.
fn refuse_unknown(plan: &Plan<'_>, asked: &Asked<'_>, reads: &[usize]) -> Result<(), Impossible> {
    let name = asked.name;
    for group in reads.iter().filter_map(|at| plan.groups.get(*at)) {
        if stream_key(plan, group, asked).is_none() {
            let stream = group.name().unwrap_or_default();
            let Some(key) = group.stream.and_then(|stream| stream.it.key.as_ref()) else {
                return Err(Impossible {
                    message: format!("{name} reads the stream {stream}, which has no key"),
                    help: format!("say how its name is made, such as `key: {stream}-{{{stream}_id}}`"),
                });
            };
            return Err(Impossible {
                message: format!("{name} has no field for the stream that it reads, `{}`", key.value),
                help: format!("give {name} `fields:` that have it, required and of a plain type"),
            });
        }
    }
    for tag in asked.it.boundary.iter().flat_map(|boundary| &boundary.tags) {
        let member = asked.members.iter().find(|member| member.name == tag.value);
        if !member.is_some_and(|member| plan.types.is_shown(member)) {
            return Err(Impossible {
                message: format!(
                    "{name} decides on events with the tag `{}`, and has no such field",
                    tag.value
                ),
                help: format!("give {name} `fields:` that have it, required and of a plain type"),
            });
        }
    }
    Ok(())
}

/// How a command names a stream.
pub(super) fn stream_key(plan: &Plan<'_>, group: &Group<'_>, asked: &Asked<'_>) -> Option<Key> {
    Key::of(&plan.types, &group.stream?.it.key.as_ref()?.value, &asked.members)
}
