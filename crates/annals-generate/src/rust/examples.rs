//! The model's examples as tests.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use annals_model::model::{Example, Saying, Then};
use serde_json::Map;

use super::events::is_used;
use super::ident::{self, Scope};
use super::layout::{Expr, chain, comment};
use super::plan::{Asked, Group, Plan};
use super::types::Member;
use super::values::{Values, json};
use super::wide::Wide;
use super::yours::import;
use crate::{Impossible, Origin, names};

/// The file; `None` where the model has no example.
pub(super) fn file(plan: &Plan<'_>, origin: &Origin) -> Result<Option<String>, Impossible> {
    if plan.model.examples.is_empty() {
        return Ok(None);
    }
    let mut scope = Scope::new();
    let mut body = String::new();
    for (at, example) in plan.model.examples.iter().enumerate() {
        body.push_str(&Test { plan, number: at + 1 }.text(example, &mut scope)?);
    }
    let mut out = comment(0, "//", &origin.remark());
    out.push_str("\n//! The examples of the model, each a test of the rules in src.\n");
    out.push_str(&imports(plan, &body));
    if body.contains("uuid_of(") {
        out.push_str(UUID_OF);
    }
    Ok(Some(out + &body))
}

const UUID_OF: &str = "
/// The UUID that a text is, or one that is always the same for it.
fn uuid_of(text: &str) -> uuid::Uuid {
    let made = || uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, text.as_bytes());
    text.parse().unwrap_or_else(|_| made())
}
";

fn imports(plan: &Plan<'_>, body: &str) -> String {
    let mut out = String::new();
    let spec: Vec<String> =
        ["given", "given_for"].into_iter().filter(|it| mentions(body, it)).map(str::to_owned).collect();
    if !spec.is_empty() {
        _ = write!(out, "\n{}", import("annals::testing::spec", &spec));
    }
    let root = plan.crate_name();
    let mut lines = Vec::new();
    for group in &plan.groups {
        let mut generated = BTreeSet::new();
        let enums = [&group.event_enum, &group.command_enum, &group.refusal_enum];
        let wide = group.wide().flat_map(|(command, wide)| [&command.type_name, &wide.event_enum]);
        generated.extend(enums.into_iter().chain(wide).filter(|name| mentions(body, name)).cloned());
        if !generated.is_empty() {
            let names: Vec<String> = generated.into_iter().collect();
            lines.push(import(&format!("{root}::generated::{}", group.module), &names));
        }
    }
    if is_used(body, "types::") {
        lines.push(format!("use {root}::generated::types;\n"));
    }
    for group in &plan.groups {
        let mut yours = BTreeSet::new();
        yours.extend(Some(&group.state).filter(|state| body.contains(&format!("given::<{state}>"))).cloned());
        let functions = group.wide().map(|(_, wide)| &wide.function);
        yours.extend(functions.filter(|name| body.contains(&format!("{name}(state"))).cloned());
        if !yours.is_empty() {
            let names: Vec<String> = yours.into_iter().collect();
            lines.push(import(&format!("{root}::{}", group.module), &names));
        }
    }
    lines.sort_by_key(|line| line.trim_end_matches(";\n").to_owned());
    lines.into_iter().for_each(|line| out.push_str(&line));
    out
}

/// Whether code has the name, as a whole.
fn mentions(body: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    body.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
        line.match_indices(name).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + name.len()..].chars().next();
            !before.is_some_and(is_part) && matches!(after, Some(':' | '(' | ' ' | ';' | ',' | '>'))
        })
    })
}

struct Test<'p, 'm> {
    plan: &'p Plan<'m>,
    /// The example, from 1.
    number: usize,
}

impl Test<'_, '_> {
    fn text(&self, example: &Example, scope: &mut Scope) -> Result<String, Impossible> {
        let (Some(when), Some(then)) = (&example.when, &example.then) else {
            return Ok(self.remark("asks nothing, or expects nothing"));
        };
        let Some((group, command)) = self.plan.command(&when.value.name) else {
            return Ok(self.remark(&format!("asks {}, which is of no stream", when.value.name)));
        };
        let name = scope.take(name(example, command, &then.value));
        let mut body = String::new();
        let given = self.given(group, command, example, &mut body)?;
        let (members, of) = (&command.members, command.type_name.as_str());
        let asked = match &command.wide {
            None => format!("{}::{of}", group.command_enum),
            Some(_) => of.to_owned(),
        };
        let fields = self.said(&when.value, members, &mut body)?;
        let command_is = match (&command.wide, fields.is_empty()) {
            (None, true) => Expr::plain(asked),
            _ => Expr::Fields(asked, fields),
        };
        let happened = Expr::List("[", given);
        match &command.wide {
            None => _ = writeln!(body, "    let happened = {};", happened.at(4, 15, 1)),
            Some(wide) => {
                let count = match &happened {
                    Expr::List(_, given) => given.len(),
                    _ => 0,
                };
                let before = format!("let happened: [{}; {count}] = ", wide.event_enum);
                _ = writeln!(body, "    {before}{};", happened.at(4, before.chars().count(), 1));
            }
        }
        _ = writeln!(body, "    let command = {};", command_is.at(4, 14, 1));
        let end = self.end(group, command, &then.value, &mut body)?;
        match &command.wide {
            None => {
                let first = format!("given::<{}>(happened)", group.state);
                let calls = ["when(command)".to_owned(), end];
                _ = writeln!(body, "    {};", chain(4, &first, &calls));
            }
            Some(wide) => {
                body.push_str(
                    "    let boundaries = command.boundaries().expect(\"names of streams and tags\");\n",
                );
                let deciding = format!("when_deciding(|state| {}(state, &command))", wide.function);
                let calls = [deciding, end];
                _ = writeln!(body, "    {};", chain(4, "given_for(boundaries, happened)", &calls));
            }
        }
        Ok(format!("\n#[test]\nfn {name}() {{\n{body}}}\n"))
    }

    fn remark(&self, why: &str) -> String {
        format!("\n{}", comment(0, "//", &format!("Example {} {why}, and is no test.", self.number)))
    }

    /// The events that have happened, of those that the decision sees.
    fn given(
        &self,
        group: &Group<'_>,
        command: &Asked<'_>,
        example: &Example,
        body: &mut String,
    ) -> Result<Vec<Expr>, Impossible> {
        let mut given = Vec::new();
        for saying in &example.given {
            match self.event(group, command.wide.as_ref(), &saying.value, body)? {
                Some(event) => given.push(event),
                None => {
                    let said =
                        format!("{} is given too, which this decision does not see.", saying.value.name);
                    body.push_str(&comment(4, "//", &said));
                }
            }
        }
        Ok(given)
    }

    /// An event of those that a decision sees.
    fn event(
        &self,
        group: &Group<'_>,
        wide: Option<&Wide>,
        saying: &Saying,
        body: &mut String,
    ) -> Result<Option<Expr>, Impossible> {
        let Some((of, kind)) = self.plan.event(&saying.name) else { return Ok(None) };
        let at = self.plan.groups.iter().position(|group| group.module == of.module);
        let is_seen = match wide {
            None => of.module == group.module,
            Some(wide) => at.is_some_and(|at| wide.groups.contains(&at)),
        };
        if !is_seen {
            return Ok(None);
        }
        let path = format!("{}::{}", of.event_enum, kind.variant);
        let event = match &kind.members {
            None => {
                let said: Map<_, _> = saying.fields.clone().into_iter().collect();
                Expr::call(path, Expr::plain(json(&said.into())))
            }
            Some(members) if members.is_empty() => Expr::plain(path),
            Some(members) => Expr::Fields(path, self.said(saying, members, body)?),
        };
        let wrapped = wide.filter(|wide| wide.has_own_enum());
        Ok(Some(match wrapped {
            Some(wide) => Expr::call(format!("{}::{}", wide.event_enum, of.state), event),
            None => event,
        }))
    }

    /// Fields with their values; what the example says beyond them is told in a comment.
    fn said(
        &self,
        saying: &Saying,
        members: &[Member],
        body: &mut String,
    ) -> Result<Vec<(String, Expr)>, Impossible> {
        for (name, value) in &saying.fields {
            if !members.iter().any(|member| member.name == *name) {
                let said =
                    format!("The example also says {name}: {value}, which {} does not have.", saying.name);
                body.push_str(&comment(4, "//", &said));
            }
        }
        let values = Values { types: &self.plan.types, is_lenient: true };
        let said: Map<_, _> = saying.fields.clone().into_iter().collect();
        values.fields(&saying.name, members, &said).map_err(|impossible| Impossible {
            message: format!("example {}: {}", self.number, impossible.message),
            ..impossible
        })
    }

    /// The last call: what is expected.
    fn end(
        &self,
        group: &Group<'_>,
        command: &Asked<'_>,
        then: &Then,
        body: &mut String,
    ) -> Result<String, Impossible> {
        match then {
            Then::Rejects(reason) => {
                let refusal = group.refusals.iter().find(|(_, name)| name == reason);
                let (variant, _) = refusal.ok_or_else(|| Impossible {
                    message: format!("example {}: {} is not refused as {reason}", self.number, command.name),
                    help: format!("add {reason} to the `rejects` of {}", command.name),
                })?;
                Ok(format!("rejected({}::{variant})", group.refusal_enum))
            }
            Then::Events(events) if events.is_empty() => Ok("then_nothing()".to_owned()),
            Then::Events(events) => {
                let mut expected = Vec::new();
                for saying in events {
                    expected.extend(self.event(group, command.wide.as_ref(), saying, body)?);
                }
                _ = writeln!(body, "    let expected = {};", Expr::List("[", expected).at(4, 15, 1));
                Ok("then(expected)".to_owned())
            }
        }
    }
}

/// What a test shows, as its name.
fn name(example: &Example, command: &Asked<'_>, then: &Then) -> String {
    let after = match example.given.as_slice() {
        [] => String::new(),
        [.., last] => format!("after_{}_", names::snake(&last.value.name)),
    };
    let end = match then {
        Then::Rejects(reason) => format!("is_refused_as_{}", names::snake(reason)),
        Then::Events(events) => match events.as_slice() {
            [] => "changes_nothing".to_owned(),
            events => {
                let names: Vec<String> = events.iter().map(|event| names::snake(&event.name)).collect();
                format!("leads_to_{}", names.join("_and_"))
            }
        },
    };
    ident::function(&format!("{after}{}_{end}", names::snake(command.name)))
}
