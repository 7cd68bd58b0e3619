//! The tools that look: check, explain, sample.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arguments, Call, Output, TextFile, option, read, read_one, word};

/// What check takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    /// Files and folders: models, DDL (.sql), exported events (.jsonl), MongoDB scripts (.js), Cosmos DB containers (.json).
    /// A folder of migrations is read as one store.
    #[serde(default)]
    paths: Vec<String>,
    /// The same as text. All .sql files together are one store, in the order of their names.
    #[serde(default)]
    files: Vec<TextFile>,
    /// The URL of a running store, such as postgres://reader@host/shop or sqlite:orders.db. It is only read. Where nothing
    /// is given at all: the store that the server was started with, else the model in its folder.
    #[serde(default)]
    store: Option<String>,
    /// The model as it was, a file, a folder or git:REV such as git:main: what has changed since without a new version is
    /// told.
    #[serde(default)]
    against: Option<String>,
    /// The model as it was, as text.
    #[serde(default)]
    against_files: Vec<TextFile>,
    /// Read DDL as that of this database, where the text does not tell.
    #[serde(default)]
    dialect: Option<Dialect>,
    /// How many events of each type are looked at in a running store; 200 unless given, 0 for none.
    #[serde(default)]
    sample: Option<u32>,
}

/// The databases whose DDL is read.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Dialect {
    Postgres,
    Mysql,
    Sqlite,
    Sqlserver,
}

impl Arguments for Check {
    fn call(self) -> Result<Call, String> {
        let mut folder = None;
        let mut what = read(&mut folder, "files", self.paths, &self.files)?;
        let against = read_one(&mut folder, "against", self.against, &self.against_files)?;
        let sample = self.sample.map(|sample| match sample {
            0 => "--no-sample".to_owned(),
            _ => option("sample", sample),
        });
        let options = [Some(option("format", "json")), sample]
            .into_iter()
            .flatten()
            .chain(self.dialect.map(|dialect| option("dialect", word(dialect))))
            .chain(against.map(|against| option("against", against)));
        let call = Call::new("check", options, Output::Json);
        // Beside something else a store is named with it.
        let store = match (self.store, what.is_empty()) {
            (Some(store), false) => {
                what.push(store);
                None
            }
            (store, _) => store,
        };
        Ok(Call { store, folder, ..call.about(what) })
    }
}

/// What explain takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Explain {
    /// The rule, by its id such as AN203 or its name such as guard-with-null; all rules where none is given.
    #[serde(default)]
    rule: Option<String>,
}

impl Arguments for Explain {
    fn call(self) -> Result<Call, String> {
        Ok(Call::new("explain", ["--markdown".to_owned()], Output::Text).about(self.rule))
    }
}

/// What sample takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    /// The URL of the store, such as postgres://reader@host/shop or sqlite:orders.db; the one that the server was started
    /// with where none is given.
    #[serde(default)]
    store: Option<String>,
    /// How many events of each type are looked at; 200 unless given.
    #[serde(default)]
    #[schemars(range(min = 4))]
    per_type: Option<u32>,
}

impl Arguments for Sample {
    fn call(self) -> Result<Call, String> {
        let options = [Some("--json".to_owned()), self.per_type.map(|number| option("sample", number))];
        let call = Call::new("sample", options.into_iter().flatten(), Output::Json);
        Ok(Call { store: self.store, ..call })
    }
}
