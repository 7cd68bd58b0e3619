//! How events of older versions are read.
//!
//! A version from which every step to today's is written in the model has a struct with those of its fields that are
//! still told. Where a step is a function of the user's, what comes before it is JSON, since nothing says its fields.

use std::fmt::Write as _;

use annals_model::model::{self, Upcast};
use serde_json::Value;

use super::fields;
use super::ident;
use super::layout::{Expr, LINE, comment, literal};
use super::plan::{Group, Kind, Plan};
use super::types::Member;
use super::values::{Values, json};
use crate::{Impossible, names};

/// Stands once in a file in which fields of JSON are renamed.
pub(super) const RENAME: &str = "
fn rename(fields: &mut serde_json::Map<String, serde_json::Value>, old: &str, new: &str) {
    if let Some(value) = fields.remove(old) {
        fields.insert(new.to_owned(), value);
    }
}
";

/// What reads the older versions of an event.
#[derive(Debug, Default)]
pub(super) struct Upcasts {
    /// `upcast(1 = order_placed_from_v1)`
    pub(super) attribute: Option<String>,
    pub(super) functions: String,
}

/// A function of the user's, and what it gets and gives.
#[derive(Debug)]
pub(super) struct Theirs {
    pub(super) name: String,
    pub(super) event: String,
    pub(super) from: u32,
    /// The type that it makes, and whether it is in the generated module.
    pub(super) gives: Option<String>,
}

impl Upcasts {
    pub(super) fn of(plan: &Plan<'_>, group: &Group<'_>, kind: &Kind<'_>) -> Result<Self, Impossible> {
        let version = model::version(kind.it);
        let mut made = Self::default();
        let mut steps = Vec::new();
        for from in 1..version {
            let upcast = upcast(kind, from)?;
            let typed = kind.members.as_deref().filter(|_| is_written(kind, from));
            let name = format!("{}_from_v{from}", names::snake(&kind.variant));
            let is_last = from + 1 == version;
            match typed {
                Some(members) => {
                    made.functions.push_str(&typed_function(plan, group, kind, from, members)?);
                    steps.push(format!("{from} = {name}"));
                }
                None => {
                    made.functions.push_str(&json_function(group, kind, upcast, &name)?);
                    steps.push(match is_last {
                        true => format!("{from} = {name}"),
                        false => format!("{from} -> {} = {name}", from + 1),
                    });
                }
            }
        }
        if let Some(surplus) =
            kind.it.upcasts.iter().find(|it| it.from.value == 0 || it.from.value >= version)
        {
            return Err(Impossible {
                message: format!(
                    "{} has an upcast from version {}, and is at version {version}",
                    kind.name, surplus.from.value
                ),
                help: format!("say `version: {}`, or take the upcast out", surplus.from.value + 1),
            });
        }
        made.attribute = (!steps.is_empty()).then(|| format!("upcast({})", steps.join(", ")));
        Ok(made)
    }
}

/// The functions that an event's upcasts leave to the user.
pub(super) fn theirs(group: &Group<'_>, kind: &Kind<'_>) -> Vec<Theirs> {
    let with = |upcast: &Upcast| {
        let name = ident::function(&upcast.with.as_ref()?.value);
        Some(Theirs {
            name,
            event: kind.name.to_owned(),
            from: upcast.from.value,
            gives: gives(group, kind, upcast.from.value),
        })
    };
    kind.it.upcasts.iter().filter_map(with).collect()
}

/// The type in the generated module that a step of JSON leads to; `None` where that is JSON again.
fn gives(group: &Group<'_>, kind: &Kind<'_>, from: u32) -> Option<String> {
    if from + 1 == model::version(kind.it) {
        return Some(group.event_enum.clone());
    }
    (kind.members.is_some() && is_written(kind, from + 1)).then(|| old_name(kind, from + 1))
}

fn old_name(kind: &Kind<'_>, version: u32) -> String {
    format!("{}V{version}", kind.variant)
}

fn upcast<'k>(kind: &'k Kind<'_>, from: u32) -> Result<&'k Upcast, Impossible> {
    kind.it.upcasts.iter().find(|upcast| upcast.from.value == from).ok_or_else(|| Impossible {
        message: format!("nothing says how {} of version {from} is read", kind.name),
        help: format!("add to it `upcast: {{ {from}: {{ add: …, rename: …, remove: …, with: … }} }}`"),
    })
}

/// Whether the model says all of the way from a version to today's.
fn is_written(kind: &Kind<'_>, from: u32) -> bool {
    let later = kind.it.upcasts.iter().filter(|upcast| upcast.from.value >= from);
    later.into_iter().all(|upcast| upcast.with.is_none())
}

/// Where a field of today's has its value from.
enum Origin {
    /// The field of this name.
    Old(String),
    /// The value that an upcast gives it.
    Given(String),
    /// Nowhere: it is left away.
    Nowhere,
}

fn origin(kind: &Kind<'_>, member: &Member, from: u32) -> Origin {
    let mut name = member.name.clone();
    for version in (from..model::version(kind.it)).rev() {
        let Some(step) = kind.it.upcasts.iter().find(|upcast| upcast.from.value == version) else { continue };
        if let Some(added) = step.add.iter().find(|added| added.name.value == name) {
            return Origin::Given(added.it.value.clone());
        }
        if let Some(renamed) = step.rename.iter().find(|renamed| renamed.it.value == name) {
            name.clone_from(&renamed.name.value);
        } else if step.remove.iter().any(|removed| removed.value == name) {
            return Origin::Nowhere;
        }
    }
    Origin::Old(name)
}

fn typed_function(
    plan: &Plan<'_>,
    group: &Group<'_>,
    kind: &Kind<'_>,
    from: u32,
    members: &[Member],
) -> Result<String, Impossible> {
    let values = Values { types: &plan.types, is_lenient: false };
    let (mut old, mut now) = (Vec::new(), Vec::new());
    for member in members {
        let path = format!("{}.{}", kind.name, member.name);
        let value = match origin(kind, member, from) {
            Origin::Old(name) => {
                let ident = ident::field(&name);
                let value = Expr::plain(format!("old.{ident}"));
                old.push(Member { name, ident, remark: String::new(), ..member.clone() });
                value
            }
            Origin::Given(json) => {
                let given = serde_json::from_str::<Value>(&json).unwrap_or_default();
                values.member(&path, member, Some(&given), 0)?
            }
            Origin::Nowhere if member.is_optional => Expr::plain("None"),
            Origin::Nowhere => {
                return Err(Impossible {
                    message: format!("nothing gives {path} to events of version {from}"),
                    help: format!("add it in an upcast: `add: {{ {}: … }}`", member.name),
                });
            }
        };
        now.push((member.ident.clone(), value));
    }
    let (name, event) = (old_name(kind, from), format!("{}::{}", group.event_enum, kind.variant));
    let mut out = format!("\n/// What is still told of `{}` of version {from}.\n", kind.name);
    out.push_str("#[derive(Deserialize, Debug, Clone, PartialEq)]\n");
    let old_fields = fields::old(&plan.types, &old);
    let argument = if old.is_empty() { "_" } else { "old" };
    match old_fields.is_empty() {
        true => _ = writeln!(out, "pub struct {name} {{}}"),
        false => _ = writeln!(out, "pub struct {name} {{\n{old_fields}}}"),
    }
    let made = if members.is_empty() { Expr::plain(event) } else { Expr::Fields(event, now) };
    let head = format!("{}_from_v{from}", names::snake(&kind.variant));
    out.push_str(&head_of(&head, argument, &name, &group.event_enum));
    _ = write!(out, "    {}\n}}\n", made.at(4, 0, 0));
    Ok(out)
}

/// `fn name(argument: Old) -> New {`, broken as rustfmt would.
fn head_of(name: &str, argument: &str, old: &str, new: &str) -> String {
    let flat = format!("fn {name}({argument}: {old}) -> {new} {{");
    match flat.chars().count() {
        0..=LINE => format!("\n{flat}\n"),
        _ => format!("\nfn {name}(\n    {argument}: {old},\n) -> {new} {{\n"),
    }
}

fn json_function(
    group: &Group<'_>,
    kind: &Kind<'_>,
    upcast: &Upcast,
    name: &str,
) -> Result<String, Impossible> {
    let from = upcast.from.value;
    let gives = gives(group, kind, from);
    if let (None, Some(_)) = (&upcast.with, &gives) {
        // JSON that no function of the user's reads: only for events whose fields a schema in a file says.
        return Err(Impossible {
            message: format!("{} of version {from} is read by no function", kind.name),
            help: format!("its fields are in a file, so say `upcast: {{ {from}: {{ with: FUNCTION }} }}`"),
        });
    }
    let json_type = "serde_json::Value".to_owned();
    let does_verbs = !(upcast.add.is_empty() && upcast.rename.is_empty() && upcast.remove.is_empty());
    let argument = if does_verbs { "mut old" } else { "old" };
    let mut out = comment(0, "///", &format!("Reads `{}` of version {from}.", kind.name));
    out.insert(0, '\n');
    out.push_str(head_of(name, argument, &json_type, &gives.unwrap_or(json_type.clone())).trim_start());
    if does_verbs {
        out.push_str("    if let Some(fields) = old.as_object_mut() {\n");
        for removed in &upcast.remove {
            _ = writeln!(out, "        fields.remove({});", literal(&removed.value));
        }
        for renamed in &upcast.rename {
            let names = (literal(&renamed.name.value), literal(&renamed.it.value));
            _ = writeln!(out, "        rename(fields, {}, {});", names.0, names.1);
        }
        for added in &upcast.add {
            let given = serde_json::from_str::<Value>(&added.it.value).unwrap_or_default();
            _ = writeln!(out, "        let added = {};", json(&given));
            _ = writeln!(out, "        fields.insert({}.to_owned(), added);", literal(&added.name.value));
        }
        out.push_str("    }\n");
    }
    match &upcast.with {
        Some(with) => {
            _ = writeln!(out, "    crate::{}::{}(old)", group.module, ident::function(&with.value));
        }
        None => out.push_str("    old\n"),
    }
    out.push_str("}\n");
    Ok(out)
}
