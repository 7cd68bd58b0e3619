//! The fields of structs and of variants, and the types that are written for them.

use std::fmt::Write as _;

use super::layout::{LINE, comment, literal};
use super::types::{Definition, Member, Shape, Types};

/// How wide the fields of a variant may be in one line, as rustfmt has it.
const VARIANT: usize = 35;

/// Fields in braces behind a name that is indented so far; `tags` are the fields by which decisions find an event.
pub(super) fn variant(types: &Types<'_>, members: &[Member], indent: usize, tags: &[&str]) -> String {
    if members.is_empty() {
        return String::new();
    }
    let is_plain = |member: &Member| {
        member.stored().is_none()
            && member.remark.is_empty()
            && !member.is_optional
            && !tags.contains(&member.name.as_str())
    };
    if members.iter().all(is_plain) {
        let flat =
            members.iter().map(|member| format!("{}: {}", member.ident, types.rust(member, "types::")));
        let flat = flat.collect::<Vec<_>>().join(", ");
        if flat.chars().count() <= VARIANT {
            return format!(" {{ {flat} }}");
        }
    }
    let inside = lines(types, members, indent + 4, "types::", "", tags);
    format!(" {{\n{inside}{}}}", " ".repeat(indent))
}

/// Fields, a line each.
pub(super) fn lines(
    types: &Types<'_>,
    members: &[Member],
    indent: usize,
    before: &str,
    visible: &str,
    tags: &[&str],
) -> String {
    let pad = " ".repeat(indent);
    let mut out = String::new();
    for member in members {
        out.push_str(&comment(indent, "///", &member.remark));
        if tags.contains(&member.name.as_str()) {
            match member.stored() {
                Some(name) => _ = writeln!(out, "{pad}#[event(tag = {})]", literal(name)),
                None => _ = writeln!(out, "{pad}#[event(tag)]"),
            }
        }
        if let Some(name) = member.stored() {
            _ = writeln!(out, "{pad}#[serde(rename = {})]", literal(name));
        }
        if member.is_optional {
            _ = writeln!(out, "{pad}#[serde(skip_serializing_if = \"Option::is_none\")]");
        }
        _ = writeln!(out, "{pad}{visible}{}: {},", member.ident, types.rust(member, before));
    }
    out
}

/// The types that are written.
pub(super) fn definitions(types: &Types<'_>, members: &[&Member]) -> String {
    let mut out = String::new();
    if types.has_decimals(members) {
        out.push_str(DECIMAL);
    }
    for Definition { name, from, shape, .. } in &types.definitions {
        _ = write!(out, "\n{}", comment(0, "///", from));
        match shape {
            Shape::Struct(members) => {
                out.push_str("#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]\n");
                match lines(types, members, 4, "", "pub ", &[]) {
                    none if none.is_empty() => _ = writeln!(out, "pub struct {name} {{}}"),
                    lines => _ = writeln!(out, "pub struct {name} {{\n{lines}}}"),
                }
            }
            Shape::OneOf(variants) => out.push_str(&one_of(name, variants)),
        }
    }
    out
}

fn one_of(name: &str, variants: &[(String, String)]) -> String {
    let mut out = String::from("#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]\n");
    if variants.is_empty() {
        _ = write!(out, "pub enum {name} {{}}\n\n");
        _ = write!(out, "{}", display(name, "match *self {}"));
        return out;
    }
    _ = writeln!(out, "pub enum {name} {{");
    for (variant, text) in variants {
        if variant != text {
            _ = writeln!(out, "    #[serde(rename = {})]", literal(text));
        }
        _ = writeln!(out, "    {variant},");
    }
    out.push_str("}\n\n");
    let arms = variants.iter().map(|(variant, text)| (format!("Self::{variant}"), literal(text)));
    out + &shown(name, &arms.collect::<Vec<_>>())
}

/// `Display` for an enum, with the text of each variant.
pub(super) fn shown(name: &str, arms: &[(String, String)]) -> String {
    let arms = arms.iter().map(|(pattern, text)| arm(12, pattern, text));
    display(name, &format!("f.write_str(match self {{\n{}        }})", arms.collect::<String>()))
}

/// An arm of a match, in a block where it is long.
pub(super) fn arm(indent: usize, pattern: &str, value: &str) -> String {
    let pad = " ".repeat(indent);
    let flat = format!("{pad}{pattern} => {value},");
    match flat.lines().last().unwrap_or_default().chars().count() {
        0..=LINE => flat + "\n",
        _ => format!("{pad}{pattern} => {{\n{pad}    {value}\n{pad}}}\n"),
    }
}

pub(super) fn display(name: &str, body: &str) -> String {
    let f = if body.contains("f.") { "f" } else { "_" };
    format!(
        "impl fmt::Display for {name} {{
    fn fmt(&self, {f}: &mut fmt::Formatter<'_>) -> fmt::Result {{
        {body}
    }}
}}
"
    )
}

const DECIMAL: &str = "
/// A decimal number as text, so that no digit is lost: `12.50`. Count with it in a type of your choice.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Hash)]
#[serde(transparent)]
pub struct Decimal(pub String);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
";

/// The fields of an older version, which is only read.
pub(super) fn old(types: &Types<'_>, members: &[Member]) -> String {
    let text = lines(types, members, 4, "types::", "pub ", &[]);
    text.lines()
        .filter(|line| !line.contains("skip_serializing_if"))
        .map(|line| format!("{line}\n"))
        .collect()
}
