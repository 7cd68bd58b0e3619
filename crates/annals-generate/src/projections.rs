//! Read models as declarations that `annals project` runs.

use annals_model::model::Model;

use crate::patterns::Database;
use crate::{File, Impossible, Origin};

/// Makes the files.
///
/// # Errors
/// What of the model cannot be made.
pub fn generate(_model: &Model, _origin: &Origin, _on: Database) -> Result<Vec<File>, Impossible> {
    Ok(Vec::new())
}
