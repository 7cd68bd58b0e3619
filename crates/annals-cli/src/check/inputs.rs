//! What the words on the command line of a review mean: models, DDL, events, stores.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use annals::StoreUrl;

use crate::failure::Failure;

/// The places that are reviewed together.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// The files of one model.
    pub(crate) models: Vec<PathBuf>,
    /// DDL, each list the files of one store in the order in which they are run.
    pub(crate) ddl: Vec<Vec<PathBuf>>,
    /// Exported events.
    pub(crate) events: Vec<PathBuf>,
    /// Scripts and validators of MongoDB.
    pub(crate) mongo: Vec<PathBuf>,
    /// Containers of Cosmos DB.
    pub(crate) cosmos: Vec<PathBuf>,
    /// Running stores, as they were given and taken apart.
    pub(crate) stores: Vec<(String, StoreUrl)>,
}

impl Inputs {
    /// # Errors
    /// Usage for a word that means nothing; refused for a file that cannot be read.
    pub(crate) fn of(words: &[String]) -> Result<Self, Failure> {
        let mut inputs = Self::default();
        for word in words {
            inputs.add(word)?;
        }
        Ok(inputs)
    }

    fn add(&mut self, word: &str) -> Result<(), Failure> {
        let path = Path::new(word);
        if path.is_dir() {
            return self.add_folder(path);
        }
        if path.exists() {
            return self.add_file(path);
        }
        if word.contains(':') {
            let url = word.parse().map_err(Failure::malformed_url)?;
            self.stores.push((word.to_owned(), url));
            return Ok(());
        }
        Err(Failure::usage(format!("there is no file or folder {word:?}"))
            .hint("give a model file or folder, DDL (.sql), exported events (.jsonl), or the URL of a store"))
    }

    /// How many files of DDL are beside those that were named alone: a guard may stand in one of them.
    pub(crate) fn passed_over(&self) -> Result<usize, Failure> {
        let mut count = 0;
        for ddl in &self.ddl {
            let [alone] = ddl.as_slice() else { continue };
            let folder = alone.parent().filter(|folder| !folder.as_os_str().is_empty());
            let is_other = |path: &PathBuf| is_ddl(path) && path.file_name() != alone.file_name();
            count += entries(folder.unwrap_or(Path::new(".")))?.iter().filter(|path| is_other(path)).count();
        }
        Ok(count)
    }

    /// A model, and DDL below the folder in the order of its names, as migrations are run.
    fn add_folder(&mut self, folder: &Path) -> Result<(), Failure> {
        let models = model_files(folder)?;
        let mut ddl = BTreeSet::new();
        collect(folder, &mut ddl, 0)?;
        if models.is_empty() && ddl.is_empty() {
            return Err(Failure::usage(format!("nothing to review in folder {}", folder.display())).hint(
                "a model is annals.yaml and *.annals.yaml, DDL is *.sql; `annals new` begins a model",
            ));
        }
        self.models.extend(models);
        if !ddl.is_empty() {
            self.ddl.push(ddl.into_iter().collect());
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<(), Failure> {
        let file = path.to_owned();
        match path.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
            "yaml" | "yml" => self.models.push(file),
            "sql" | "ddl" => self.ddl.push(vec![file]),
            "jsonl" | "ndjson" => self.events.push(file),
            "js" => self.mongo.push(file),
            "json" => {
                let text = text_of(path)?;
                match (text.contains("partitionKey"), text.contains("$jsonSchema")) {
                    (true, _) => self.cosmos.push(file),
                    (_, true) => self.mongo.push(file),
                    _ => return Err(unknown(path)),
                }
            }
            _ => return Err(unknown(path)),
        }
        Ok(())
    }
}

fn unknown(path: &Path) -> Failure {
    Failure::usage(format!("{} is of no kind that can be reviewed", path.display())).hint(
        "models end in .yaml, DDL in .sql, exported events in .jsonl, scripts of MongoDB in .js; a .json is a validator of \
         MongoDB or a container of Cosmos DB",
    )
}

/// The files of the model in a folder: annals.yaml first, then those that end so.
pub(crate) fn model_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_file() && (name == "annals.yaml" || name.ends_with(".annals.yaml")) {
            files.push(path);
        }
    }
    files.sort_by_key(|path| (path.file_name().is_none_or(|name| name != "annals.yaml"), path.clone()));
    Ok(files)
}

fn is_ddl(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "sql")
}

/// How deep folders are looked into for DDL.
const DEPTH_MAX: usize = 8;

fn collect(folder: &Path, ddl: &mut BTreeSet<PathBuf>, depth: usize) -> Result<(), Failure> {
    for path in entries(folder)? {
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !path.is_symlink() && !is_hidden && depth < DEPTH_MAX {
            collect(&path, ddl, depth + 1)?;
        } else if is_ddl(&path) {
            ddl.insert(path);
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |e| Failure::refused(format!("could not read folder {}", folder.display()), e);
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    entries.map(|entry| Ok(entry.map_err(failed)?.path())).collect()
}

/// The text of a file.
pub(crate) fn text_of(path: &Path) -> Result<String, Failure> {
    let failed = |e| Failure::refused(format!("could not read {}", path.display()), e);
    let bytes = std::fs::read(path).map_err(failed)?;
    // DDL of old databases may be in any encoding; names and keys are ASCII.
    Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}
