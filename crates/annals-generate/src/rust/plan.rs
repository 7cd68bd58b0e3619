//! What of the model becomes what in Rust, decided before anything is written.

use std::collections::BTreeSet;

use annals_model::model::{Command, Event, Fields, Model, Named, Stream, Then};

use super::ident::{self, Scope};
use super::types::{Member, Types};
use super::wide::{self, Wide};
use crate::{Impossible, names};

/// The crate.
#[derive(Debug)]
pub(super) struct Plan<'m> {
    pub(super) model: &'m Model,
    pub(super) package: String,
    pub(super) types: Types<'m>,
    pub(super) groups: Vec<Group<'m>>,
    /// Commands of no stream.
    pub(super) loose: Vec<&'m str>,
}

/// The events of one stream, or those of none, and what belongs to them.
#[derive(Debug)]
pub(super) struct Group<'m> {
    pub(super) stream: Option<&'m Named<Stream>>,
    pub(super) module: String,
    pub(super) state: String,
    pub(super) event_enum: String,
    pub(super) command_enum: String,
    pub(super) refusal_enum: String,
    pub(super) events: Vec<Kind<'m>>,
    pub(super) commands: Vec<Asked<'m>>,
    /// Variants and what the model calls them.
    pub(super) refusals: Vec<(String, &'m str)>,
}

/// An event.
#[derive(Debug)]
pub(super) struct Kind<'m> {
    pub(super) name: &'m str,
    pub(super) variant: String,
    pub(super) it: &'m Event,
    /// `None` where a schema in a file says what it holds.
    pub(super) members: Option<Vec<Member>>,
}

/// A command.
#[derive(Debug)]
pub(super) struct Asked<'m> {
    pub(super) name: &'m str,
    pub(super) type_name: String,
    pub(super) it: &'m Command,
    pub(super) members: Vec<Member>,
    /// What else than its own stream it decides on or writes to.
    pub(super) wide: Option<Wide>,
}

impl<'m> Plan<'m> {
    pub(super) fn of(model: &'m Model) -> Result<Self, Impossible> {
        let context = model.context.as_ref().map_or("domain", |context| &context.value);
        let mut types = Types::of(model)?;
        let mut scope = Scope::of_types();
        let mut groups = groups(model, &mut types, &mut scope)?;
        let loose = commands(model, &mut types, &mut scope, &mut groups)?;
        let mut plan = Self { model, package: ident::package(context), types, groups, loose };
        wide::decide(&mut plan, &mut scope)?;
        Ok(plan)
    }

    /// The name by which tests know the crate.
    pub(super) fn crate_name(&self) -> String {
        self.package.replace('-', "_")
    }

    pub(super) fn event(&self, name: &str) -> Option<(&Group<'m>, &Kind<'m>)> {
        let all = self.groups.iter().flat_map(|group| group.events.iter().map(move |event| (group, event)));
        all.into_iter().find(|(_, event)| event.name == name)
    }

    pub(super) fn command(&self, name: &str) -> Option<(&Group<'m>, &Asked<'m>)> {
        let all = self.groups.iter().flat_map(|group| group.commands.iter().map(move |it| (group, it)));
        all.into_iter().find(|(_, command)| command.name == name)
    }

    /// All fields of events and commands.
    pub(super) fn members(&self) -> Vec<&Member> {
        let mut all = Vec::new();
        for group in &self.groups {
            all.extend(group.events.iter().filter_map(|event| event.members.as_ref()).flatten());
            all.extend(group.commands.iter().flat_map(|command| &command.members));
        }
        all
    }
}

impl<'m> Group<'m> {
    /// The stream's name in the model.
    pub(super) fn name(&self) -> Option<&'m str> {
        self.stream.map(|stream| stream.name.value.as_str())
    }

    /// The enum of its events, as the generated file of another group names it.
    pub(super) fn event_path(&self, from: &Group<'_>) -> String {
        match self.module == from.module {
            true => self.event_enum.clone(),
            false => format!("super::{}::{}", self.module, self.event_enum),
        }
    }

    /// The invariant that draws the stream's boundary.
    pub(super) fn why(&self) -> Option<&'m str> {
        self.stream.and_then(|stream| stream.it.why.as_ref()).map(|why| why.value.as_str())
    }

    /// The commands that the stream's decider decides.
    pub(super) fn plain(&self) -> impl Iterator<Item = &Asked<'m>> {
        self.commands.iter().filter(|command| command.wide.is_none())
    }

    /// The commands that need to know or to write more than the stream, and are functions of their own.
    pub(super) fn wide(&self) -> impl Iterator<Item = (&Asked<'m>, &Wide)> {
        self.commands.iter().filter_map(|command| Some((command, command.wide.as_ref()?)))
    }
}

fn groups<'m>(
    model: &'m Model,
    types: &mut Types<'m>,
    scope: &mut Scope,
) -> Result<Vec<Group<'m>>, Impossible> {
    let mut groups = Vec::new();
    let streams = model.streams.iter().map(Some).chain([None]);
    for stream in streams {
        let name = stream.map(|stream| stream.name.value.as_str());
        let of =
            model.events.iter().filter(|event| event.it.stream.as_ref().map(|of| of.value.as_str()) == name);
        let mut events: Vec<Kind<'m>> = Vec::new();
        for Named { name, it } in of {
            let (name, variant) = (name.value.as_str(), ident::type_name(&name.value));
            let members = match it.schema {
                Some(_) => None,
                None => Some(types.members(name, &it.fields)?),
            };
            events.push(Kind { name, variant, it, members });
        }
        if events.is_empty() {
            continue;
        }
        let state = ident::type_name(name.unwrap_or("unassigned"));
        let module = name.map_or_else(|| "unassigned".to_owned(), ident::module);
        groups.push(Group {
            stream,
            module,
            event_enum: scope.take(format!("{state}Event")),
            command_enum: scope.take(format!("{state}Command")),
            refusal_enum: scope.take(format!("{state}Refusal")),
            state: scope.take(state),
            events,
            commands: Vec::new(),
            refusals: Vec::new(),
        });
    }
    once("streams", groups.iter().filter_map(|group| Some((group.module.clone(), group.name()?))))?;
    let events = || groups.iter().flat_map(|group| &group.events);
    // The log knows events by these names, whatever stream they are in.
    once("events", events().map(|event| (names::kebab(event.name), event.name)))?;
    for group in &groups {
        once("events", group.events.iter().map(|event| (event.variant.clone(), event.name)))?;
    }
    Ok(groups)
}

/// Puts commands to their streams, and returns those that have none.
fn commands<'m>(
    model: &'m Model,
    types: &mut Types<'m>,
    scope: &mut Scope,
    groups: &mut [Group<'m>],
) -> Result<Vec<&'m str>, Impossible> {
    let mut loose = Vec::new();
    once(
        "commands",
        model.commands.iter().map(|it| (ident::type_name(&it.name.value), it.name.value.as_str())),
    )?;
    for Named { name, it } in &model.commands {
        let name = name.value.as_str();
        let Some(stream) = stream_of(model, it) else {
            loose.push(name);
            continue;
        };
        let members = types.members(name, &said(model, it))?;
        let Some(group) = groups.iter_mut().find(|group| group.name() == Some(stream)) else {
            return Err(Impossible {
                message: format!("{name} decides about the stream {stream}, which has no events"),
                help: format!("give an event `stream: {stream}`, or {name} another stream"),
            });
        };
        let type_name = scope.take(ident::type_name(name));
        group.commands.push(Asked { name, type_name, it, members, wide: None });
    }
    for group in groups {
        let mut variants = Scope::new();
        let rejects = group.commands.iter().flat_map(|command| &command.it.rejects);
        let mut known = BTreeSet::new();
        let rejects = rejects.map(|reason| reason.value.as_str()).filter(|reason| known.insert(*reason));
        group.refusals = rejects.map(|reason| (variants.take(ident::type_name(reason)), reason)).collect();
    }
    Ok(loose)
}

/// The stream that a command decides about: the one that all it may write is in, where it does not say.
fn stream_of<'m>(model: &'m Model, command: &'m Command) -> Option<&'m str> {
    if let Some(stream) = &command.stream {
        return Some(&stream.value);
    }
    let written = command.emits.iter().map(|name| model.event(&name.value)?.it.stream.as_ref());
    let written: BTreeSet<Option<&str>> = written.map(|stream| stream.map(|of| of.value.as_str())).collect();
    match written.into_iter().collect::<Vec<_>>().as_slice() {
        [only] => *only,
        _ => None,
    }
}

/// What a command says: its fields, or those of the events it may write, where it does not name any. What only some
/// of them have is optional; what is computed is brought by no command.
fn said(model: &Model, command: &Command) -> Fields {
    if !command.fields.is_empty() {
        return command.fields.clone();
    }
    let written: Vec<_> = command.emits.iter().filter_map(|name| model.event(&name.value)).collect();
    let mut said = Fields::new();
    for field in written.iter().flat_map(|event| &event.it.fields) {
        let has_it =
            |event: &&&Named<Event>| event.it.fields.iter().any(|other| other.name.value == field.name.value);
        let is_known = said.iter().any(|known| known.name.value == field.name.value);
        if field.it.computed.is_none() && !is_known {
            let mut field = field.clone();
            field.it.is_optional |= written.iter().filter(has_it).count() < written.len();
            said.push(field);
        }
    }
    said
}

/// The events that a command may write, or does in an example.
pub(super) fn written<'m>(model: &'m Model, name: &str, command: &'m Command) -> Vec<&'m str> {
    let mut written: Vec<&str> = command.emits.iter().map(|event| event.value.as_str()).collect();
    for example in &model.examples {
        let is_of_it = example.when.as_ref().is_some_and(|when| when.value.name == name);
        if let (true, Some(Then::Events(events))) = (is_of_it, example.then.as_ref().map(|then| &then.value))
        {
            written.extend(events.iter().map(|event| event.name.as_str()));
        }
    }
    written.dedup();
    written
}

/// Refuses two things with one name.
fn once<'m>(what: &str, named: impl Iterator<Item = (String, &'m str)>) -> Result<(), Impossible> {
    let mut known: Vec<(String, &str)> = Vec::new();
    for (name, from) in named {
        if let Some((_, other)) = known.iter().find(|(known, _)| *known == name) {
            return Err(Impossible {
                message: format!("the {what} {other} and {from} are both `{name}` in Rust"),
                help: "give one of them another name".to_owned(),
            });
        }
        known.push((name, from));
    }
    Ok(())
}
