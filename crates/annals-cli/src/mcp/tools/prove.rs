//! The tool that proves: verify, which writes into scratch namespaces and says where.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Arguments, Call, Output, TextFile, option, read_one};

/// What verify takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Verify {
    /// The URL of the database in which scratch namespaces may be made and dropped again, such as sqlite:scratch.db. It has
    /// to be named in every call: ask the user which database may be used for this. An SQLite file that is not there yet is
    /// made with sqlite:scratch.db?create=yes; memory: needs no database.
    scratch: String,
    /// Only these rules, by their numbers; all where none is given, which takes a minute or more.
    #[serde(default)]
    #[schemars(inner(range(min = 1, max = 24)))]
    rules: Vec<u8>,
    /// A model, a file or a folder, whose streams and examples are tried there.
    #[serde(default)]
    model: Option<String>,
    /// The model as text.
    #[serde(default)]
    model_files: Vec<TextFile>,
}

impl Arguments for Verify {
    fn call(self) -> Result<Call, String> {
        if self.scratch.trim().is_empty() {
            return Err("scratch names no database: give its URL, such as sqlite:scratch.db".to_owned());
        }
        let mut folder = None;
        let model = read_one(&mut folder, "files", self.model, &self.model_files)?;
        let options = ["--json".to_owned()]
            .into_iter()
            .chain(self.rules.iter().map(|rule| option("rule", rule)))
            .chain(model.map(|model| option("model", model)));
        let call = Call::new("verify", options, Output::JsonLines);
        Ok(Call { store: Some(self.scratch), folder, ..call })
    }
}
