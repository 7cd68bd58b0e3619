//! The user's file of one stream: its state, its rules as gaps to fill in, and what upcasts leave to functions.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::ident;
use super::layout::{LINE, comment};
use super::plan::{Asked, Group, Kind, Plan};
use super::upcasts::{Theirs, theirs};
use super::wide::Wide;

/// The file; `None` where there is nothing in it for the user to say.
pub(super) fn file(plan: &Plan<'_>, group: &Group<'_>) -> Option<String> {
    let mut body = String::new();
    let mut used = BTreeSet::new();
    let mut foreign = BTreeSet::new();
    if group.stream.is_some() {
        state(group, &mut body, &mut used);
        if group.plain().next().is_some() {
            decider(group, &mut body, &mut used);
        }
        for (command, wide) in group.wide() {
            context(plan, command, wide, &mut body);
            foreign.extend(wide.groups.iter().copied());
            function(plan, group, command, wide, &mut body, &mut used);
        }
    }
    let functions: Vec<Theirs> = group.events.iter().flat_map(|kind| theirs(group, kind)).collect();
    for theirs in &functions {
        upcast(group, theirs, &mut body, &mut used);
    }
    if body.is_empty() {
        return None;
    }
    let title = match group.name() {
        Some(name) => format!("The stream `{name}`: what is known of it, and its rules."),
        None => "What older versions of events are read by.".to_owned(),
    };
    let mut out = comment(0, "//!", &title);
    out.push_str("//!\n");
    let whose = format!(
        "This file is yours: `annals generate rust` began it and does not touch it again. It is part of the crate by \
         `pub mod {};` in src/lib.rs.",
        group.module
    );
    out.push_str(&comment(0, "//!", &whose));
    let traits = match (group.stream.is_some(), group.plain().next().is_some()) {
        (true, true) => "\nuse annals::{Decider, State};\n",
        (true, false) => "\nuse annals::State;\n",
        (false, _) => "",
    };
    out.push_str(traits);
    if !used.is_empty() {
        let path = format!("crate::generated::{}", group.module);
        let own = import(&path, &used.into_iter().collect::<Vec<_>>());
        let foreign = foreign.iter().filter_map(|at| plan.groups.get(*at));
        let foreign =
            foreign.filter(|of| of.module != group.module && body.contains(&format!("({}::", of.event_enum)));
        let foreign = foreign.map(|of| {
            import(&format!("crate::generated::{}", of.module), std::slice::from_ref(&of.event_enum))
        });
        let mut lines: Vec<String> = foreign.chain([own]).collect();
        lines.sort();
        _ = write!(out, "\n{}", lines.concat());
    }
    Some(out + &body)
}

/// An import, broken as rustfmt would.
pub(super) fn import(path: &str, names: &[String]) -> String {
    if let [only] = names {
        return format!("use {path}::{only};\n");
    }
    let flat = format!("use {path}::{{{}}};\n", names.join(", "));
    if flat.trim_end().chars().count() <= LINE {
        return flat;
    }
    let mut lines = vec![String::from("   ")];
    for name in names {
        if let Some(line) = lines.last_mut() {
            if line.trim().is_empty() || line.chars().count() + name.chars().count() + 2 <= LINE {
                _ = write!(line, " {name},");
            } else {
                lines.push(format!("    {name},"));
            }
        }
    }
    format!("use {path}::{{\n{}\n}};\n", lines.join("\n"))
}

fn state(group: &Group<'_>, out: &mut String, used: &mut BTreeSet<String>) {
    let (state, events) = (&group.state, &group.event_enum);
    used.insert(events.clone());
    let name = group.name().unwrap_or_default();
    let rule = group.why().map(|why| format!(" They keep this: {why}.")).unwrap_or_default();
    let said = format!("What the rules have to know of one stream `{name}`, and no more.{rule}");
    _ = write!(out, "\n{}#[derive(Debug, Default)]\npub struct {state} {{}}\n", comment(0, "///", &said));
    _ = write!(
        out,
        "
impl State for {state} {{
    type Event = {events};

    fn evolve(&mut self, event: &{events}) {{
        match event {{
"
    );
    for kind in &group.events {
        _ = writeln!(out, "{}", passing(&pattern(events, kind)));
    }
    out.push_str("        }\n    }\n}\n");
}

/// An arm that does nothing yet, broken as rustfmt would.
fn passing(pattern: &str) -> String {
    let pad = " ".repeat(12);
    let flat = format!("{pad}{pattern} => {{}}");
    match flat.chars().count() {
        0..=LINE => flat,
        _ => flat.replace("{ .. }", &format!("{{\n{pad}    ..\n{pad}}}")),
    }
}

/// An event, whatever is in it.
fn pattern(events: &str, kind: &Kind<'_>) -> String {
    let inside = match &kind.members {
        None => "(_)",
        Some(members) if members.is_empty() => "",
        Some(_) => " { .. }",
    };
    format!("{events}::{}{inside}", kind.variant)
}

fn decider(group: &Group<'_>, out: &mut String, used: &mut BTreeSet<String>) {
    let Group { state, event_enum, command_enum, refusal_enum, .. } = group;
    used.extend([command_enum.clone(), refusal_enum.clone()]);
    _ = write!(
        out,
        "
impl Decider for {state} {{
    type Command = {command_enum};
    type Refusal = {refusal_enum};

{}        match command {{
",
        signature(
            4,
            "fn decide",
            &["&self".to_owned(), format!("command: &{command_enum}")],
            &format!("Result<Vec<{event_enum}>, {refusal_enum}>")
        )
    );
    for command in group.plain() {
        let inside = if command.members.is_empty() { "" } else { " { .. }" };
        _ = writeln!(out, "            {command_enum}::{}{inside} => {{", command.type_name);
        out.push_str(&rules(group, command, 16));
        let gap = gap(command, group);
        _ = writeln!(out, "                unimplemented!(\"{gap}\")\n            }}");
    }
    out.push_str("        }\n    }\n}\n");
}

/// The head of a function, broken as rustfmt would.
fn signature(indent: usize, function: &str, arguments: &[String], gives: &str) -> String {
    let pad = " ".repeat(indent);
    let flat = format!("{pad}{function}({}) -> {gives} {{\n", arguments.join(", "));
    if flat.trim_end().chars().count() <= LINE {
        return flat;
    }
    let arguments = arguments.iter().map(|argument| format!("{pad}    {argument},\n"));
    format!("{pad}{function}(\n{}{pad}) -> {gives} {{\n", arguments.collect::<String>())
}

/// What a test says that meets the gap.
fn gap(command: &Asked<'_>, group: &Group<'_>) -> String {
    format!("write the rules of {} in src/{}.rs", command.type_name, ident::bare(&group.module))
}

/// What the model says that is to be decided, as comments.
fn rules(group: &Group<'_>, command: &Asked<'_>, indent: usize) -> String {
    let mut said = Vec::new();
    said.extend(command.it.rules.iter().map(|rule| format!("Rule {}: {}.", rule.name.value, rule.it.value)));
    match command.it.expects.as_ref().map(|expects| expects.value.as_str()) {
        Some("new-stream") => said.push("Only where the stream has not begun.".to_owned()),
        Some("existing-stream") => said.push("Only where the stream has begun.".to_owned()),
        _ => {}
    }
    for reason in &command.it.rejects {
        let variant = group.refusals.iter().find(|(_, name)| *name == reason.value);
        said.extend(
            variant.map(|(variant, _)| format!("May refuse: Err({}::{variant}).", group.refusal_enum)),
        );
    }
    let events: Vec<&str> = command.it.emits.iter().map(|event| event.value.as_str()).collect();
    said.push(match events.as_slice() {
        [] => "The model names no event that it leads to.".to_owned(),
        events => format!("Leads to: {}.", events.join(", ")),
    });
    said.iter().map(|line| comment(indent, "//", line)).collect()
}

/// The state that is folded from the events of a boundary.
fn context(plan: &Plan<'_>, command: &Asked<'_>, wide: &Wide, out: &mut String) {
    let (Some(context), Some(boundary)) = (&wide.context, &command.it.boundary) else { return };
    let tags: Vec<String> = boundary.tags.iter().map(|tag| format!("`{}`", tag.value)).collect();
    let marked =
        if tags.is_empty() { String::new() } else { format!(" with the tag {}", tags.join(" and ")) };
    let said = format!("What `{}` has to know of all events{marked}, in any stream.", command.name);
    _ = write!(out, "\n{}#[derive(Debug, Default)]\npub struct {context} {{}}\n", comment(0, "///", &said));
    _ = write!(
        out,
        "
impl State for {context} {{
    type Event = {0};

    fn evolve(&mut self, event: &{0}) {{
        match event {{
",
        wide.event_enum
    );
    let asked = |kind: &Kind<'_>| {
        boundary.events.is_empty() || boundary.events.iter().any(|event| event.value == kind.name)
    };
    for of in wide.groups.iter().filter_map(|at| plan.groups.get(*at)) {
        for kind in &of.events {
            let pattern = match wide.has_own_enum() {
                false => pattern(&wide.event_enum, kind),
                true => {
                    format!("{}::{}({})", wide.event_enum, of.state, self::pattern(&of.event_enum, kind))
                }
            };
            let remark = if asked(kind) { "" } else { " // not asked for" };
            _ = writeln!(out, "{}{remark}", passing(&pattern));
        }
    }
    out.push_str("        }\n    }\n}\n");
}

/// The function that decides a command over several states.
fn function(
    plan: &Plan<'_>,
    group: &Group<'_>,
    command: &Asked<'_>,
    wide: &Wide,
    out: &mut String,
    used: &mut BTreeSet<String>,
) {
    used.extend([command.type_name.clone(), wide.event_enum.clone(), group.refusal_enum.clone()]);
    let foreign = |at: &usize| {
        let of = plan.groups.get(*at)?;
        let path = if of.module == group.module { String::new() } else { format!("crate::{}::", of.module) };
        Some(format!("{path}{}", of.state))
    };
    let states: Vec<String> =
        wide.reads.iter().filter_map(foreign).chain(wide.context.iter().cloned()).collect();
    let state = match states.as_slice() {
        [only] => format!("state: &{only}"),
        several => format!("state: &({})", several.join(", ")),
    };
    let name = &command.name;
    _ = write!(out, "\n{}", comment(0, "///", &format!("Decides `{name}` on what it has read:")));
    let call =
        format!("store.decide(command.boundaries()?, |state| {}(state, &command)).await", wide.function);
    _ = write!(out, "///\n/// ```text\n/// {call}\n/// ```\n");
    out.push_str("///\n/// # Errors\n/// A refusal, by the rules.\n");
    out.push_str(&signature(
        0,
        &format!("pub fn {}", wide.function),
        &[state, format!("command: &{}", command.type_name)],
        &format!("Result<Vec<{}>, {}>", wide.event_enum, group.refusal_enum),
    ));
    out.push_str(&rules(group, command, 4));
    let gap = gap(command, group);
    _ = writeln!(out, "    let known = format!(\"{{state:?}}, asked: {{command:?}}\");");
    _ = writeln!(out, "    unimplemented!(\"{gap}; known: {{known}}\")\n}}");
}

/// A function that an upcast leaves to the user.
fn upcast(group: &Group<'_>, theirs: &Theirs, out: &mut String, used: &mut BTreeSet<String>) {
    let Theirs { name, event, from, gives } = theirs;
    used.extend(gives.clone());
    let gives = gives.as_deref().unwrap_or("serde_json::Value");
    _ = write!(out, "\n{}", comment(0, "///", &format!("Reads what `{event}` of version {from} held.")));
    let module = ident::bare(&group.module);
    out.push_str(&signature(0, &format!("pub fn {name}"), &["old: serde_json::Value".to_owned()], gives));
    _ = writeln!(
        out,
        "    unimplemented!(\"read {event} of version {from} in src/{module}.rs: {{old}}\")\n}}"
    );
}
