//! Rust: events, commands, states, deciders to be filled in, and the examples as tests.
//!
//! `plan` decides what becomes what; `events`, `commands` and `upcasts` write the generated file of a stream, `yours`
//! the file beside it that its user goes on with, `examples` the tests.

mod commands;
mod events;
mod examples;
mod fields;
mod ident;
mod key;
mod layout;
mod manifest;
mod plan;
mod types;
mod upcasts;
mod values;
mod wide;
mod yours;

use annals_model::model::Model;

use self::plan::Plan;
use crate::{File, Impossible, Origin};

/// Makes a crate.
///
/// # Errors
/// What of the model cannot be said in Rust: two names that are one, a tag that is no plain value, an older version
/// that nothing reads, a value in an example that its field does not have.
pub fn generate(model: &Model, origin: &Origin) -> Result<Vec<File>, Impossible> {
    let plan = Plan::of(model)?;
    let mut files = vec![
        File::yours("Cargo.toml", manifest::manifest(&plan)),
        File::yours("src/lib.rs", manifest::root(&plan)),
        File::generated("src/generated/mod.rs", manifest::module(&plan, origin)),
        File::generated("src/generated/types.rs", manifest::types(&plan, origin)),
    ];
    for group in &plan.groups {
        let generated = events::file(&plan, group, origin)?;
        files.push(File::generated(format!("src/generated/{}.rs", group.module), generated));
        if let Some(yours) = yours::file(&plan, group) {
            files.push(File::yours(format!("src/{}.rs", group.module), yours));
        }
    }
    if let Some(examples) = examples::file(&plan, origin)? {
        files.push(File::generated("tests/examples.rs", examples));
    }
    Ok(files)
}
