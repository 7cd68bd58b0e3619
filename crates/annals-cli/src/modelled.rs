//! A model that is understood whole, for the commands that make or prove something by it.

use std::path::Path;

use annals_model::model::{self, Model};
use annals_model::render;
use annals_model::review::mistakes;
use annals_model::text::{FileId, Texts};

use crate::check::{Inputs, model_files, text_of};
use crate::failure::Failure;
use crate::output;

/// A model, and where it stands.
#[derive(Debug, Default)]
pub(crate) struct Modelled {
    pub(crate) model: Model,
    pub(crate) texts: Texts,
    /// Its files, by name alone.
    pub(crate) sources: Vec<String>,
}

impl Modelled {
    /// The model in files and folders; in this folder where none is given.
    ///
    /// # Errors
    /// Usage where there is none; a failed check, with every mistake told, where it is not understood.
    pub(crate) fn at(paths: &[String]) -> Result<Self, Failure> {
        let here = [".".to_owned()];
        let paths = if paths.is_empty() { &here } else { paths };
        let found = Inputs::of(paths)?.models;
        if found.is_empty() {
            return Err(Failure::usage(format!("no model in {}", paths.join(", ")))
                .hint("a model is annals.yaml and *.annals.yaml; `annals new` begins one"));
        }
        let mut texts = Texts::default();
        let name = |path: &std::path::Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let sources = found.iter().filter_map(|path| name(path)).collect();
        let files = found.iter().map(|path| {
            let text = text_of(path)?;
            Ok(texts.add(path.strip_prefix(".").unwrap_or(path).display().to_string(), text))
        });
        let files = files.collect::<Result<Vec<FileId>, Failure>>()?;
        Self::understood(texts, &files, sources)
    }

    /// The same, or an empty one where no path is given and this folder has none.
    pub(crate) fn at_if_any(paths: &[String]) -> Result<Self, Failure> {
        if paths.is_empty() && model_files(Path::new("."))?.is_empty() {
            return Ok(Self::default());
        }
        Self::at(paths)
    }

    /// The model in texts.
    ///
    /// # Errors
    /// A failed check, with every mistake told, where it is not understood.
    pub(crate) fn understood(texts: Texts, files: &[FileId], sources: Vec<String>) -> Result<Self, Failure> {
        let (model, wrong) = model::read(&texts, files);
        if !wrong.is_empty() {
            output::note(&render::short(&mistakes(&wrong, &texts), &texts));
            return Err(Failure::check("the model is not understood")
                .hint("mend what is named; `annals check` shows it in its place"));
        }
        Ok(Self { model, texts, sources })
    }
}
