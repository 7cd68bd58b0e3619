//! Commands and refusals of a stream, and what a command that looks beyond its stream decides on.

use std::fmt::Write as _;

use super::fields;
use super::key::Key;
use super::layout::{Expr, ITEMS, LINE, comment, literal};
use super::plan::{Asked, Group, Plan};
use super::wide::{Wide, stream_key};
use crate::{Impossible, names};

/// Commands, and why they may be refused.
pub(super) fn text(plan: &Plan<'_>, group: &Group<'_>) -> Result<String, Impossible> {
    let mut out = String::new();
    if group.plain().next().is_some() {
        enumeration(plan, group, &mut out);
    }
    for (command, wide) in group.wide() {
        structure(plan, group, command, wide, &mut out)?;
    }
    if !group.commands.is_empty() {
        refusals(group, &mut out);
    }
    Ok(out)
}

fn enumeration(plan: &Plan<'_>, group: &Group<'_>, out: &mut String) {
    let name = &group.command_enum;
    let stream = group.name().unwrap_or_default();
    _ = write!(out, "\n{}", comment(0, "///", &format!("What may be asked of one stream `{stream}`.")));
    out.push_str("#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]\n");
    _ = writeln!(out, "pub enum {name} {{");
    for command in group.plain() {
        out.push_str(&introduction(command, 4));
        let fields = fields::variant(&plan.types, &command.members, 4, &[]);
        _ = writeln!(out, "    {}{fields},", command.type_name);
    }
    out.push_str("}\n");
    let keys: Option<Vec<(&Asked<'_>, Key)>> =
        group.plain().map(|command| Some((command, stream_key(plan, group, command)?))).collect();
    let Some(keys) = keys else { return };
    let arms = keys.iter().map(|(command, key)| {
        let pattern = match key.is_fixed() {
            true if command.members.is_empty() => format!("Self::{}", command.type_name),
            true => format!("Self::{} {{ .. }}", command.type_name),
            false => format!("Self::{} {}", command.type_name, key.pattern(12)),
        };
        fields::arm(12, &pattern, &key.expression(""))
    });
    _ = write!(
        out,
        "
impl {name} {{
    /// The stream that it is about.
    pub fn stream_id(&self) -> String {{
        match self {{
{}        }}
    }}
}}
",
        arms.collect::<String>()
    );
}

/// What a command is, above its declaration.
fn introduction(command: &Asked<'_>, indent: usize) -> String {
    let events: Vec<String> = command.it.emits.iter().map(|event| format!("`{}`", event.value)).collect();
    let mut said = match events.as_slice() {
        [] => "The model names no event that it leads to.".to_owned(),
        events => format!("Leads to {}.", events.join(", ")),
    };
    match command.it.expects.as_ref().map(|expects| expects.value.as_str()) {
        Some("new-stream") => said.push_str(" Begins a stream."),
        Some("existing-stream") => said.push_str(" Of a stream that has begun."),
        _ => {}
    }
    match command.it.once_per.as_ref().map(|by| by.value.as_str()) {
        Some("command_id") => said.push_str(" Once per command: carry it out with `.command_id(…)`."),
        Some(by) => _ = write!(said, " Once per `{by}`: make the `.command_id(…)` from it."),
        None => {}
    }
    comment(indent, "///", &said)
}

fn structure(
    plan: &Plan<'_>,
    group: &Group<'_>,
    command: &Asked<'_>,
    wide: &Wide,
    out: &mut String,
) -> Result<(), Impossible> {
    let name = &command.type_name;
    _ = write!(out, "\n{}", introduction(command, 0));
    out.push_str("///\n");
    let function = format!("`{}` in src/{}.rs decides it.", wide.function, group.module);
    out.push_str(&comment(0, "///", &function));
    out.push_str("#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]\n");
    match fields::lines(&plan.types, &command.members, 4, "types::", "pub ", &[]) {
        none if none.is_empty() => _ = writeln!(out, "pub struct {name} {{}}"),
        lines => _ = writeln!(out, "pub struct {name} {{\n{lines}}}"),
    }
    boundaries(plan, command, wide, out)?;
    if wide.has_own_enum() {
        let said = format!("The events that `{}` sees or leads to.", command.name);
        _ = write!(out, "\n{}#[derive(Event, Debug, Clone, PartialEq)]\n", comment(0, "///", &said));
        _ = writeln!(out, "pub enum {} {{", wide.event_enum);
        for of in wide.groups.iter().filter_map(|at| plan.groups.get(*at)) {
            _ = writeln!(out, "    /// Those of {}.", of.name().unwrap_or("no stream"));
            _ = writeln!(out, "    #[event(flatten)]\n    {}({}),", of.state, of.event_path(group));
        }
        out.push_str("}\n");
    }
    Ok(())
}

/// What the decision reads, and is guarded by.
fn boundaries(plan: &Plan<'_>, command: &Asked<'_>, wide: &Wide, out: &mut String) -> Result<(), Impossible> {
    let mut body = String::new();
    let mut made = Vec::new();
    let mut states = Vec::new();
    for group in wide.reads.iter().filter_map(|at| plan.groups.get(*at)) {
        let Some(key) = stream_key(plan, group, command) else { continue };
        let variable = format!("{}_stream", super::ident::bare(&group.module));
        _ = writeln!(body, "        let {variable} = {};", key.expression("self."));
        made.push(format!("annals::stream({variable})"));
        states.push(format!("crate::{}::{}", group.module, group.state));
    }
    if let (Some(boundary), Some(context)) = (&command.it.boundary, &wide.context) {
        let missing = unmarked(plan, boundary);
        if !missing.is_empty() {
            let said = format!("{} What does not have each tag is not found here.", missing.join(" "));
            body.push_str(&comment(8, "//", &said));
        }
        query(command, boundary, &mut body);
        made.push("annals::query(seen)".to_owned());
        let own = plan.command(command.name).map(|(group, _)| group.module.as_str()).unwrap_or_default();
        states.push(format!("crate::{own}::{context}"));
    }
    let states: Vec<String> = states.iter().map(|state| format!("annals::Boundary<{state}>")).collect();
    let result = match states.as_slice() {
        [only] => only.clone(),
        several => format!("({})", several.join(", ")),
    };
    let made = match made.as_slice() {
        [only] => only.clone(),
        several => {
            let flat = format!("({})", several.join(", "));
            match flat.chars().count() {
                0..=ITEMS => flat,
                _ => format!("(\n            {},\n        )", several.join(",\n            ")),
            }
        }
    };
    let head = format!("    pub fn boundaries(&self) -> annals::Result<{result}> {{");
    let head = if head.chars().count() <= LINE {
        head
    } else {
        let states: String = states.iter().map(|state| format!("        {state},\n")).collect();
        format!("    pub fn boundaries(\n        &self,\n    ) -> annals::Result<(\n{states}    )> {{")
    };
    _ = write!(
        out,
        "
impl {} {{
    /// What is decided on, for `store.decide`. What is written is guarded by it.
    ///
    /// # Errors
    /// Invalid where a field makes no name of a stream or a tag.
{head}
{body}        Ok({made})
    }}
}}
",
        command.type_name
    );
    Ok(())
}

/// The events of a boundary that do not carry its tags, in words.
fn unmarked(plan: &Plan<'_>, boundary: &annals_model::model::Boundary) -> Vec<String> {
    let lacks = |name: &str| {
        let (_, kind) = plan.event(name)?;
        let tag = boundary.tags.iter().find(|tag| !kind.it.tags.iter().any(|own| own.value == tag.value))?;
        Some(format!("{name} does not have the tag `{}`.", tag.value))
    };
    boundary.events.iter().filter_map(|event| lacks(&event.value)).collect()
}

fn query(command: &Asked<'_>, boundary: &annals_model::model::Boundary, body: &mut String) {
    let types = boundary.events.iter().map(|event| Expr::plain(literal(&names::kebab(&event.value))));
    let types = Expr::List("[", types.collect());
    if !boundary.events.is_empty() {
        _ = writeln!(body, "        let types = {};", types.at(8, 12, 1));
        body.push_str("        let types = types.map(annals::EventType::new).into_iter();\n");
        body.push_str("        let types = types.collect::<annals::Result<Vec<_>>>()?;\n");
    }
    let mut tags = Vec::new();
    for (at, tag) in boundary.tags.iter().enumerate() {
        let Some(member) = command.members.iter().find(|member| member.name == tag.value) else { continue };
        let variable = if boundary.tags.len() == 1 { "tag".to_owned() } else { format!("tag_{}", at + 1) };
        let format = literal(&format!("{}:{{}}", tag.value.replace('{', "{{").replace('}', "}}")));
        _ = writeln!(body, "        let {variable} = format!({format}, self.{});", member.ident);
        tags.push(Expr::plain(format!("annals::Tag::new({variable})?")));
    }
    let selected = match tags.is_empty() {
        true if boundary.events.is_empty() => "annals::Query::all()".to_owned(),
        true => "annals::Query::types(types)".to_owned(),
        false => {
            _ = writeln!(body, "        let tags = {};", Expr::List("[", tags).at(8, 11, 1));
            let narrowed = if boundary.events.is_empty() { "" } else { ".of_types(types)" };
            format!("annals::Query::tags(tags){narrowed}")
        }
    };
    _ = writeln!(body, "        let seen = {selected};");
}

fn refusals(group: &Group<'_>, out: &mut String) {
    let name = &group.refusal_enum;
    _ = write!(out, "\n{}", comment(0, "///", "Why a command may be refused."));
    out.push_str("#[derive(Debug, Clone, Copy, PartialEq, Eq)]\n");
    if group.refusals.is_empty() {
        _ = write!(out, "pub enum {name} {{}}\n\n");
        out.push_str(&fields::display(name, "match *self {}"));
    } else {
        _ = writeln!(out, "pub enum {name} {{");
        for (variant, reason) in &group.refusals {
            let commands = group
                .commands
                .iter()
                .filter(|command| command.it.rejects.iter().any(|rejected| rejected.value == **reason));
            let commands: Vec<String> = commands.map(|command| format!("`{}`", command.name)).collect();
            out.push_str(&comment(4, "///", &format!("Refuses {}.", commands.join(", "))));
            _ = writeln!(out, "    {variant},");
        }
        out.push_str("}\n\n");
        let arms = group.refusals.iter().map(|(variant, reason)| {
            (format!("Self::{variant}"), literal(names::snake(reason).replace('_', " ").trim()))
        });
        out.push_str(&fields::shown(name, &arms.collect::<Vec<_>>()));
    }
    _ = writeln!(out, "\nimpl std::error::Error for {name} {{}}");
}
