//! AsyncAPI of the public events.

use annals_model::model::Model;

use crate::{File, Impossible, Origin};

/// Makes the files.
///
/// # Errors
/// What of the model cannot be made.
pub fn generate(_model: &Model, _origin: &Origin) -> Result<Vec<File>, Impossible> {
    Ok(Vec::new())
}
