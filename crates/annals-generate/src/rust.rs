//! Rust: events, commands, states, deciders to be filled in, and the examples as tests.

use annals_model::model::Model;

use crate::{File, Impossible, Origin};

/// Makes the files.
///
/// # Errors
/// What of the model cannot be made.
pub fn generate(_model: &Model, _origin: &Origin) -> Result<Vec<File>, Impossible> {
    Ok(Vec::new())
}
