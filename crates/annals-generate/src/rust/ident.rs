//! Names as Rust writes them: none of them a keyword, none of them twice in one place.

use std::collections::BTreeSet;

use crate::names;

/// Keywords that can be names when they are written raw, `r#type`.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Keywords that cannot be names in any way.
const NEVER: &[&str] = &["self", "super", "crate", "Self", "_"];

/// Modules that a generated crate has, and words that a module would hide.
const MODULES: &[&str] =
    &["generated", "types", "lib", "main", "unassigned", "annals", "serde", "serde_json", "uuid"];

/// What generated files use by its plain name.
const TYPES: &[&str] = &[
    "Box",
    "Clone",
    "Copy",
    "Debug",
    "Decider",
    "Decimal",
    "Default",
    "Deserialize",
    "Eq",
    "Err",
    "Event",
    "Hash",
    "None",
    "Ok",
    "Option",
    "PartialEq",
    "Result",
    "Self",
    "Serialize",
    "Some",
    "State",
    "String",
    "Vec",
];

/// Crates that a package cannot be named after, or that it would hide.
const CRATES: &[&str] = &[
    "alloc",
    "annals",
    "build",
    "core",
    "deps",
    "examples",
    "proc_macro",
    "serde",
    "serde_json",
    "std",
    "test",
    "uuid",
];

/// A field or an argument: `order_id`, `r#type`.
pub(super) fn field(name: &str) -> String {
    let name = lower(name, "field");
    if KEYWORDS.contains(&name.as_str()) { format!("r#{name}") } else { name }
}

/// A field without the sign of a raw name: as serde and the derive macro of events know it.
pub(super) fn bare(field: &str) -> &str {
    field.trim_start_matches("r#")
}

/// A function: `read_old_order`.
pub(super) fn function(name: &str) -> String {
    let name = lower(name, "function");
    if KEYWORDS.contains(&name.as_str()) { format!("{name}_") } else { name }
}

/// A module and its file: `order`, `type_stream`.
pub(super) fn module(stream: &str) -> String {
    let name = lower(stream, "stream");
    let is_taken = KEYWORDS.contains(&name.as_str()) || MODULES.contains(&name.as_str());
    if is_taken { format!("{name}_stream") } else { name }
}

/// A package in kebab-case.
pub(super) fn package(context: &str) -> String {
    let name = lower(context, "context");
    let is_taken = KEYWORDS.contains(&name.as_str()) || CRATES.contains(&name.as_str());
    if is_taken { format!("{}-context", names::kebab(&name)) } else { names::kebab(&name) }
}

/// A type: `OrderLine`. Letters stay as large as they are, so that the stored name of an event is the same.
pub(super) fn type_name(name: &str) -> String {
    let name = names::pascal(&safe(name));
    match name.chars().next() {
        None => "Unnamed".to_owned(),
        Some(first) if !first.is_alphabetic() => format!("N{name}"),
        Some(_) if name == "Self" => "SelfType".to_owned(),
        Some(_) => name,
    }
}

/// A variant for one text of several: `EUR` is `Eur`.
pub(super) fn variant(text: &str) -> String {
    let name = names::pascal(&names::snake(&safe(text)));
    match name.chars().next() {
        None => "Other".to_owned(),
        Some(first) if !first.is_alphabetic() => format!("N{name}"),
        Some(_) if name == "Self" => "SelfText".to_owned(),
        Some(_) => name,
    }
}

/// One of several things, as its type would be named: `lines` is `Line`, and what is no plural is `…Item`.
pub(super) fn singular(name: &str) -> String {
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if let Some(stem) = name.strip_suffix("ies") {
        return format!("{stem}y");
    }
    if ends(&["sses", "xes", "ches", "shes"]) {
        return name[..name.len() - 2].to_owned();
    }
    match name.strip_suffix('s') {
        Some(stem) if !stem.is_empty() && !ends(&["ss", "us", "is"]) => stem.to_owned(),
        _ => format!("{name}_item"),
    }
}

fn lower(name: &str, otherwise: &str) -> String {
    let name = names::snake(&safe(name));
    match name.trim_end_matches('_') {
        "" => otherwise.to_owned(),
        never if NEVER.contains(&never) => format!("{never}_{otherwise}"),
        name if !name.starts_with(char::is_alphabetic) => format!("{otherwise}_{name}"),
        name => name.to_owned(),
    }
}

/// A name with nothing in it that no name in Rust has.
fn safe(name: &str) -> String {
    name.chars().map(|c| if c.is_alphabetic() || c.is_ascii_digit() { c } else { '_' }).collect()
}

/// Names that are taken in one place.
#[derive(Debug)]
pub(super) struct Scope(BTreeSet<String>);

impl Scope {
    /// A place for types, in which those that generated files use are taken.
    pub(super) fn of_types() -> Self {
        Self(TYPES.iter().map(|&name| name.to_owned()).collect())
    }

    /// A place where nothing is taken yet.
    pub(super) fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// The name, or the name with a number where it is taken.
    pub(super) fn take(&mut self, name: String) -> String {
        if self.0.insert(name.clone()) {
            return name;
        }
        let mut number = 2;
        loop {
            let other = format!("{name}{number}");
            if self.0.insert(other.clone()) {
                return other;
            }
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_a_keyword_or_empty() {
        assert_eq!(field("order_id"), "order_id");
        assert_eq!(field("orderId"), "order_id");
        assert_eq!(field("type"), "r#type");
        assert_eq!(field("self"), "self_field");
        assert_eq!(field("2nd-try"), "field_2nd_try");
        assert_eq!(field("€"), "field");
        assert_eq!(function("match"), "match_");
        assert_eq!(module("type"), "type_stream");
        assert_eq!(module("types"), "types_stream");
        assert_eq!(package("Order Handling"), "order-handling");
        assert_eq!(package("test"), "test-context");
        assert_eq!(type_name("order-line"), "OrderLine");
        assert_eq!(type_name("3d"), "N3d");
        assert_eq!(type_name(""), "Unnamed");
        assert_eq!(variant("EUR"), "Eur");
        assert_eq!(variant("inStore"), "InStore");
        assert_eq!(variant("+"), "Other");
    }

    #[test]
    fn the_type_of_one_of_several_is_named_after_one() {
        let singulars = ["lines", "entries", "boxes", "address", "status", "stock"].map(singular);
        assert_eq!(singulars, ["line", "entry", "box", "address_item", "status_item", "stock_item"]);
    }

    #[test]
    fn a_taken_name_gets_a_number() {
        let mut scope = Scope::of_types();
        assert_eq!(scope.take("Vec".to_owned()), "Vec2");
        assert_eq!(scope.take("Line".to_owned()), "Line");
        assert_eq!(scope.take("Line".to_owned()), "Line2");
    }
}
