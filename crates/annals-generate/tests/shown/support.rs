//! Models, everything that is made of them, and texts that are kept to be compared with.

use std::fs;
use std::path::{Path, PathBuf};

use annals_generate::{File, Origin, asyncapi, catalogue, json_schema, mermaid};
use annals_model::model::{self, Model};
use annals_model::text::Texts;

/// Compares with `tests/expected/NAME`, or writes it where `ANNALS_UPDATE_EXPECTED` is set.
pub(crate) fn expect(name: &str, shown: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected").join(name);
    if std::env::var_os("ANNALS_UPDATE_EXPECTED").is_some() {
        fs::write(&path, shown).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(
        expected == *shown,
        "{name} is not as expected; ANNALS_UPDATE_EXPECTED=1 writes it anew. It is:\n{shown}"
    );
}

/// A model of this text, without a mistake.
pub(crate) fn of(text: &str) -> Model {
    let mut texts = Texts::default();
    let file = texts.add("annals.yaml", text);
    let (model, mistakes) = model::read(&texts, &[file]);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    model
}

/// The library, in which most things happen that can.
pub(crate) fn library() -> Model {
    of(include_str!("../models/library.yaml"))
}

/// Every model that is at hand, by its name.
pub(crate) fn models() -> Vec<(String, Model)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [here.join("tests/models"), here.join("../annals-model/tests/models")];
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    files
        .iter()
        .map(|file| {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            (name, of(&fs::read_to_string(file).unwrap()))
        })
        .collect()
}

/// From what a test makes something.
pub(crate) fn origin(what: &str) -> Origin {
    Origin { command: format!("annals generate {what}"), sources: vec!["annals.yaml".to_owned()] }
}

/// All documents and diagrams of a model, by what they are.
pub(crate) fn everything(model: &Model) -> Vec<(&'static str, Vec<File>)> {
    vec![
        ("json-schema", json_schema::generate(model, &origin("json-schema")).unwrap()),
        ("asyncapi", asyncapi::generate(model, &origin("asyncapi")).unwrap()),
        ("mermaid", mermaid::generate(model, &origin("mermaid")).unwrap()),
        ("markdown", catalogue::markdown(model, &origin("markdown")).unwrap()),
        ("html", catalogue::html(model, &origin("html")).unwrap()),
    ]
}

/// The one file of this kind.
pub(crate) fn one(model: &Model, what: &str) -> String {
    let (_, mut files) = everything(model).into_iter().find(|(kind, _)| *kind == what).unwrap();
    assert_eq!(files.len(), 1);
    files.remove(0).text
}
