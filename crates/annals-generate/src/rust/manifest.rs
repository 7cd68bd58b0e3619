//! The files around the streams: the manifest, the root of the crate, the generated module and its types.

use std::fmt::Write as _;

use annals_model::model::Process;
use annals_model::text::At;

use super::fields;
use super::layout::comment;
use super::plan::Plan;
use super::yours;
use crate::Origin;

/// `Cargo.toml`
pub(super) fn manifest(plan: &Plan<'_>) -> String {
    let package = &plan.package;
    format!(
        "[package]
name = \"{package}\"
version = \"0.1.0\"
edition = \"2024\"

[dependencies]
annals = \"0.1.0\"
serde = {{ version = \"1\", features = [\"derive\"] }}
serde_json = \"1\"
uuid = {{ version = \"1\", features = [\"serde\", \"v5\"] }}

[dev-dependencies]
annals = {{ version = \"0.1.0\", features = [\"testing\"] }}

# Annals is not released yet. Until it is, say here where its sources are:
# [patch.crates-io]
# annals = {{ path = \"../annals/crates/annals\" }}
"
    )
}

/// `src/lib.rs`
pub(super) fn root(plan: &Plan<'_>) -> String {
    let context = plan.model.context.as_ref().map_or("domain", |context| &context.value);
    let mut out = comment(0, "//!", &format!("The context `{context}`."));
    let mut modules: Vec<&str> = vec!["generated"];
    let with_file = plan.groups.iter().filter(|group| yours::file(plan, group).is_some());
    modules.extend(with_file.map(|group| group.module.as_str()));
    modules.sort_unstable();
    out.push('\n');
    modules.iter().for_each(|module| _ = writeln!(out, "pub mod {module};"));
    out
}

/// `src/generated/mod.rs`
pub(super) fn module(plan: &Plan<'_>, origin: &Origin) -> String {
    let mut out = comment(0, "//", &origin.remark());
    out.push_str("\n//! What the model says, as Rust.\n");
    for process in &plan.model.processes {
        let said = process_in_words(&process.name.value, &process.it);
        _ = write!(out, "//!\n{}", comment(0, "//!", &said));
    }
    if !plan.loose.is_empty() {
        let said = format!("Of no stream, and so not here: {}.", plan.loose.join(", "));
        _ = write!(out, "//!\n{}", comment(0, "//!", &said));
    }
    out.push_str("\n// Events are as large as what they say.\n#![allow(clippy::large_enum_variant)]\n\n");
    let mut modules: Vec<&str> = plan.groups.iter().map(|group| group.module.as_str()).collect();
    modules.push("types");
    modules.sort_unstable();
    modules.iter().for_each(|module| _ = writeln!(out, "pub mod {module};"));
    out
}

/// What a process does, for whoever writes it.
fn process_in_words(name: &str, process: &Process) -> String {
    let listed =
        |names: &[At<String>]| names.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(", ");
    let mut said = format!("The process `{name}` is yours to write.");
    if let Some(by) = &process.by {
        _ = write!(said, " One for each `{}`.", by.value);
    }
    if !process.starts.is_empty() {
        _ = write!(said, " Begins with {}.", listed(&process.starts));
    }
    for reaction in &process.reacts {
        _ = write!(said, " After {}: {}.", reaction.name.value, listed(&reaction.it));
    }
    if let Some(after) = &process.after {
        let wait = after.wait.as_ref().map_or("some time", |wait| &wait.value);
        _ = write!(said, " After {wait}: {}.", listed(&after.does));
    }
    if !process.ends.is_empty() {
        _ = write!(said, " Ends with {}.", listed(&process.ends));
    }
    said
}

/// `src/generated/types.rs`
pub(super) fn types(plan: &Plan<'_>, origin: &Origin) -> String {
    let mut out = comment(0, "//", &origin.remark());
    out.push_str("\n//! The types of fields.\n");
    let definitions = fields::definitions(&plan.types, &plan.members());
    if definitions.contains("impl fmt::Display") {
        out.push_str("\nuse std::fmt;\n");
    }
    if definitions.contains("Serialize") {
        out.push_str("\nuse serde::{Deserialize, Serialize};\n");
    }
    out + &definitions
}
