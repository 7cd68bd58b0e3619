//! Models in ESDM, the Event-Sourced Domain Modeling format: YAML, one `kind` a document, several documents a file.
//! See <https://www.esdm.io>.

mod consumers;
mod context;
mod examples;
mod index;

use std::collections::BTreeSet;
use std::ops::Range;

use crate::model::Mistake;
use crate::model::node::{self, Node, Value};
use crate::text::{FileId, Span, Texts};

use super::Draft;
use super::tree::Tree;

/// One document.
struct Document {
    kind: String,
    name: String,
    whole: Tree,
}

impl Document {
    /// A part of what it belongs to.
    fn scope(&self, of: &str) -> &str {
        self.whole.get("scope").map(|scope| scope.text_of(of)).unwrap_or_default()
    }

    /// The bounded context; empty where it belongs to all of them.
    fn context(&self) -> &str {
        if self.kind == "bounded-context" { &self.name } else { self.scope("boundedContext") }
    }
}

/// Models from ESDM files, one for each bounded context.
///
/// # Errors
/// Every place that is no document of ESDM.
pub fn from_esdm(texts: &Texts, files: &[FileId]) -> Result<Vec<Draft>, Vec<Mistake>> {
    let mut documents = Vec::new();
    let mut mistakes = Vec::new();
    for file in files {
        for part in parts(texts.text(*file)) {
            match node::parse_part(texts, *file, part).and_then(document) {
                Ok(document) => documents.extend(document),
                Err(mistake) => mistakes.push(mistake),
            }
        }
    }
    let contexts: BTreeSet<&str> =
        documents.iter().map(Document::context).filter(|context| !context.is_empty()).collect();
    if contexts.is_empty() && mistakes.is_empty() {
        let span = Span { start: 0, end: 0, file: files.first().copied().unwrap_or(Span::NOWHERE.file) };
        mistakes.push(
            Mistake::new(span, "no document here belongs to a bounded context")
                .help("name the files of a model in ESDM, *.esdm.yaml"),
        );
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let index = index::Index::of(&documents);
    Ok(contexts.into_iter().map(|context| context::draft(context, &documents, &index)).collect())
}

/// The documents of a text.
fn parts(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let marks = |mark: &str| {
            line.strip_prefix(mark)
                .is_some_and(|rest| rest.trim_start().len() < rest.len() || rest.is_empty())
        };
        if marks("---") || marks("...") {
            parts.push(start..at);
            start = at + 3;
        }
        at += line.len();
    }
    parts.push(start..at);
    let says_something = |part: &Range<usize>| {
        let mut lines = text.get(part.clone()).unwrap_or_default().lines().map(str::trim);
        lines.any(|line| !line.is_empty() && !line.starts_with(['#', '%']))
    };
    parts.retain(says_something);
    parts
}

fn document(node: Node) -> Result<Option<Document>, Mistake> {
    let span = node.span;
    let Value::Map(entries) = &node.value else {
        return Err(Mistake::new(span, format!("found {}, expected a document of ESDM", node.value.kind())));
    };
    let span = entries.first().map_or(span, |(word, _)| word.span);
    let text = |key: &str| {
        let stands = entries.iter().find(|(word, _)| word.text == key).map(|(_, node)| &node.value);
        match stands {
            Some(Value::Scalar { text, .. }) => Ok(text.clone()),
            _ => Err(Mistake::new(span, format!("this document of ESDM has no `{key}`"))),
        }
    };
    let (kind, name) = (text("kind")?, text("name")?);
    Ok(Some(Document { kind, name, whole: Tree::from(node) }))
}
