//! A crate that is generated: what is in it, that it builds, and that its examples pass when the rules are filled in.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod builds;
mod impossible;
mod shown;

use annals_generate::{File, Impossible, Origin, rust};
use annals_model::model;
use annals_model::text::Texts;

/// What is generated from the text of a model.
fn generated(text: &str) -> Result<Vec<File>, Impossible> {
    let mut texts = Texts::default();
    let file = texts.add("annals.yaml", text);
    let (model, mistakes) = model::read(&texts, &[file]);
    assert!(mistakes.is_empty(), "{mistakes:#?}");
    let sources = vec!["annals.yaml".to_owned()];
    rust::generate(&model, &Origin { command: "annals generate rust".to_owned(), sources })
}
