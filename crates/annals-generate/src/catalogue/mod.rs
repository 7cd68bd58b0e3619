//! The event catalogue: everything a model says, with links from each thing to those that it has to do with, as Markdown
//! and as one page of HTML.
//!
//! What is said stands in `content`, once; `markdown` and `html` say how it looks.

mod content;
mod html;
mod markdown;
mod page;
mod questions;

use annals_model::model::Model;

use crate::{File, Impossible, Origin};

/// The catalogue as `catalogue.md`.
///
/// # Errors
/// None so far; every model has a catalogue.
pub fn markdown(model: &Model, origin: &Origin) -> Result<Vec<File>, Impossible> {
    let page = content::page(model);
    Ok(vec![File::generated("catalogue.md", markdown::write(&page, model, origin))])
}

/// The catalogue as `catalogue.html`: one file that needs no other and no network.
///
/// # Errors
/// None so far; every model has a catalogue.
pub fn html(model: &Model, origin: &Origin) -> Result<Vec<File>, Impossible> {
    let page = content::page(model);
    Ok(vec![File::generated("catalogue.html", html::write(&page, model, origin))])
}
