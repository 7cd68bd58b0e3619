//! The tools for designing: fit, diff, generate.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::generate::{On, What};

use super::{Arguments, Call, Output, TextFile, in_folder, option, read, read_one, word};

/// What fit takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Fit {
    /// Answers by the ids of the questions; without a model and without answers the questions come back as a form.
    #[serde(default)]
    answers: BTreeMap<String, Answer>,
    /// A model, a file or a folder: which of its streams are tables with events around them.
    #[serde(default)]
    model: Option<String>,
    /// The model as text.
    #[serde(default)]
    model_files: Vec<TextFile>,
    /// One stream of the model.
    #[serde(default)]
    stream: Option<String>,
    /// The database that the tables are for.
    #[serde(default)]
    on: Option<Alternative>,
}

/// An answer: yes or no, a level from 0 to 3, or a text.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Answer {
    YesNo(bool),
    Level(u8),
    Text(String),
}

/// The databases that tables are made for in the place of events.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Alternative {
    Postgres,
    Mysql,
    Mariadb,
    Sqlite,
    Sqlserver,
    Mongodb,
    Cosmosdb,
}

impl Arguments for Fit {
    fn call(self) -> Result<Call, String> {
        let mut folder = None;
        let model = read_one(&mut folder, "files", self.model, &self.model_files)?;
        let on = self.on.map(|on| option("on", word(on)));
        let stream = self.stream.map(|stream| option("stream", stream));
        let json = ["--json".to_owned()].into_iter();
        let call = match (model, self.answers.is_empty()) {
            (Some(_), false) => return Err("a model and answers: give one of them".to_owned()),
            (None, _) if stream.is_some() => return Err("a stream of which model?".to_owned()),
            (Some(model), true) => {
                // Each stream is a JSON object of its own.
                Call::new("fit", json.chain(stream).chain(on), Output::JsonLines).about([model])
            }
            (None, true) => Call::new("fit", ["--form".to_owned()], Output::Text),
            (None, false) => {
                let text = serde_json::to_string(&self.answers).map_err(|e| e.to_string())?;
                let file = TextFile { name: "answers.yaml".to_owned(), text };
                let answers = in_folder(&mut folder)?.put("files", &[file])?;
                let answers = answers.into_iter().map(|file| option("answers", file));
                Call::new("fit", json.chain(on).chain(answers), Output::Json)
            }
        };
        Ok(Call { folder, ..call })
    }
}

/// What diff takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Diff {
    /// The model as it was: a file, a folder, or git:REV such as git:main for the new one's place at a revision.
    #[serde(default)]
    old: Option<String>,
    /// The model as it was, as text.
    #[serde(default)]
    old_files: Vec<TextFile>,
    /// The model as it is to be, a file or a folder; the one in the server's folder where nothing is given.
    #[serde(default)]
    new: Option<String>,
    /// The model as it is to be, as text.
    #[serde(default)]
    new_files: Vec<TextFile>,
}

impl Arguments for Diff {
    fn call(self) -> Result<Call, String> {
        let mut folder = None;
        let old = read_one(&mut folder, "before", self.old, &self.old_files)?;
        let new = read_one(&mut folder, "files", self.new, &self.new_files)?;
        let Some(old) = old else {
            return Err("compared with what? give old or old_files".to_owned());
        };
        if !self.new_files.is_empty() && old.starts_with("git:") {
            let why = "git:REV goes with new, a path: give the old model as old_files, or write the new one to a file";
            return Err(why.to_owned());
        }
        let call =
            Call::new("diff", ["--json".to_owned()], Output::Json).about(std::iter::once(old).chain(new));
        Ok(Call { folder, ..call })
    }
}

/// What generate takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Generate {
    /// What is made.
    what: What,
    /// The model, files or folders; the one in the server's folder where none is given.
    #[serde(default)]
    paths: Vec<String>,
    /// The model as text, such as annals.yaml.
    #[serde(default)]
    files: Vec<TextFile>,
    /// The database that sql, pattern and projections are for.
    #[serde(default)]
    on: Option<On>,
}

impl Arguments for Generate {
    fn call(self) -> Result<Call, String> {
        let mut folder = None;
        let paths = read(&mut folder, "files", self.paths, &self.files)?;
        let out = in_folder(&mut folder)?.path().join("made");
        let options = self.on.map(|on| option("on", word(on)));
        let options = options.into_iter().chain([option("out", out.display())]);
        let what = [word(self.what)].into_iter().chain(paths);
        let call = Call::new("generate", options, Output::Files(out)).about(what);
        Ok(Call { folder, ..call })
    }
}
