//! The generated file of one stream: its events, its commands and its refusals.

use std::fmt::Write as _;

use annals_model::model;

use super::commands;
use super::fields;
use super::key::Key;
use super::layout::{comment, literal};
use super::plan::{Group, Kind, Plan};
use super::upcasts::{RENAME, Upcasts};
use crate::{Impossible, Origin, names};

/// The file.
pub(super) fn file(plan: &Plan<'_>, group: &Group<'_>, origin: &Origin) -> Result<String, Impossible> {
    let mut body = String::new();
    let mut functions = String::new();
    let mut upcasts = Vec::new();
    for kind in &group.events {
        let made = Upcasts::of(plan, group, kind)?;
        functions.push_str(&made.functions);
        upcasts.push(made.attribute);
    }
    enumeration(plan, group, &upcasts, &mut body)?;
    body.push_str(&commands::text(plan, group)?);
    body.push_str(&functions);
    if functions.contains(" rename(fields, ") {
        body.push_str(RENAME);
    }

    let mut out = comment(0, "//", &origin.remark());
    out.push('\n');
    out.push_str(&match group.name() {
        Some(name) => {
            comment(0, "//!", &format!("The stream `{name}`: its events and what may be asked of it."))
        }
        None => comment(0, "//!", "Events that are in no stream of the model."),
    });
    out.push_str(&imports(&body));
    Ok(out + &body)
}

fn imports(body: &str) -> String {
    let mut out = String::new();
    if body.contains("fmt::") {
        out.push_str("\nuse std::fmt;\n");
    }
    out.push_str("\nuse annals::Event;\nuse serde::{Deserialize, Serialize};\n");
    if is_used(body, "types::") {
        out.push_str("\nuse super::types;\n");
    }
    out
}

/// Whether code mentions something, outside of comments.
pub(super) fn is_used(body: &str, word: &str) -> bool {
    body.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| line.contains(word))
}

fn enumeration(
    plan: &Plan<'_>,
    group: &Group<'_>,
    upcasts: &[Option<String>],
    out: &mut String,
) -> Result<(), Impossible> {
    let key = group.stream.and_then(|stream| stream.it.key.as_ref()).map(|key| key.value.as_str());
    let keys: Vec<Option<Key>> = group.events.iter().map(|kind| key_of(plan, kind, key?)).collect();
    out.push('\n');
    out.push_str(&comment(0, "///", &introduction(group)));
    out.push_str("#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]\n");
    let common = keys.iter().all(Option::is_some).then(|| keys.first()).flatten().and_then(Option::as_ref);
    // Where one event names the same field otherwise, each says its stream itself.
    let common = common.filter(|first| keys.iter().flatten().all(|key| key == *first));
    if let Some(key) = common {
        _ = writeln!(out, "#[event(stream = {})]", literal(&key.template));
    }
    _ = writeln!(out, "pub enum {} {{", group.event_enum);
    for ((kind, key), upcast) in group.events.iter().zip(&keys).zip(upcasts) {
        let own = key.as_ref().filter(|_| common.is_none()).map(|key| literal(&key.template));
        variant(plan, kind, own, upcast.as_deref(), out)?;
    }
    out.push_str("}\n");
    Ok(())
}

fn introduction(group: &Group<'_>) -> String {
    match (group.name(), group.why()) {
        (Some(name), Some(why)) => format!("What has happened in one stream `{name}`, whose rule is: {why}."),
        (Some(name), None) => format!("What has happened in one stream `{name}`."),
        (None, _) => "What has happened, in no stream of the model.".to_owned(),
    }
}

fn key_of(plan: &Plan<'_>, kind: &Kind<'_>, key: &str) -> Option<Key> {
    Key::of(&plan.types, key, kind.members.as_deref().unwrap_or_default())
}

fn variant(
    plan: &Plan<'_>,
    kind: &Kind<'_>,
    stream: Option<String>,
    upcast: Option<&str>,
    out: &mut String,
) -> Result<(), Impossible> {
    let version = model::version(kind.it);
    let stored = names::kebab(kind.name);
    let public = if kind.it.is_public { " Other contexts read it." } else { "" };
    let schema = kind.it.schema.as_ref().map(|file| format!(" {} says what it holds.", file.value));
    let said = format!("Stored as `{stored}`, version {version}.{public}{}", schema.unwrap_or_default());
    out.push_str(&comment(4, "///", &said));
    if names::kebab(&kind.variant) != stored {
        _ = writeln!(out, "    #[event(rename = {})]", literal(&stored));
    }
    if let Some(stream) = stream {
        _ = writeln!(out, "    #[event(stream = {stream})]");
    }
    if version > 1 {
        let upcast = upcast.map(|upcast| format!(", {upcast}")).unwrap_or_default();
        _ = writeln!(out, "    #[event(schema_version = {version}{upcast})]");
    }
    let tags: Vec<&str> = kind.it.tags.iter().map(|tag| tag.value.as_str()).collect();
    let body = match &kind.members {
        None => "(serde_json::Value)".to_owned(),
        Some(members) => {
            for tag in &tags {
                let member = members.iter().find(|member| member.name == *tag);
                if !member.is_some_and(|member| plan.types.is_shown(member)) {
                    return Err(Impossible {
                        message: format!("the field `{tag}` of {} cannot be a tag", kind.name),
                        help: "a tag is one plain value that is always there: make the field required, or take it \
                               out of `tags`"
                            .to_owned(),
                    });
                }
            }
            fields::variant(&plan.types, members, 4, &tags)
        }
    };
    _ = writeln!(out, "    {}{body},", kind.variant);
    Ok(())
}
