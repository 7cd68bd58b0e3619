//! Diagrams of Mermaid: how commands, events, read models and processes hang together, what each process does, and how
//! each stream that ends goes from open to closed.

mod flow;
mod process;
mod stream;

use annals_model::model::Model;

use crate::slugs::Slugs;
use crate::{File, Impossible, Origin};

/// The diagram that is printed where one is wanted.
///
/// # Errors
/// None so far; every model has a flow.
pub fn flow(model: &Model, origin: &Origin) -> Result<Vec<File>, Impossible> {
    Ok(vec![file("flow.mmd", origin, &flow::diagram(model))])
}

/// Every diagram, each in a file: `flow.mmd`, a `process-….mmd` for each process and a `stream-….mmd` for each stream
/// with closing events.
///
/// # Errors
/// None so far; every model has a flow.
pub fn generate(model: &Model, origin: &Origin) -> Result<Vec<File>, Impossible> {
    let mut files = flow(model, origin)?;
    let mut slugs = Slugs::default();
    for process in &model.processes {
        let path = format!("process-{}.mmd", slugs.of(&process.name.value));
        files.push(file(&path, origin, &process::diagram(model, process)));
    }
    let mut slugs = Slugs::default();
    for stream in model.streams.iter().filter(|stream| !stream.it.closes.is_empty()) {
        let path = format!("stream-{}.mmd", slugs.of(&stream.name.value));
        files.push(file(&path, origin, &stream::diagram(model, stream)));
    }
    Ok(files)
}

/// The flow without the remark, for a block in a document.
pub(crate) fn flow_text(model: &Model) -> String {
    flow::diagram(model)
}

fn file(path: &str, origin: &Origin, diagram: &str) -> File {
    File::generated(path, format!("%% {}\n{diagram}", origin.remark()))
}

/// A text as a label of any diagram. Mermaid reads `#34;` as a quotation mark.
fn label(text: &str) -> String {
    const LENGTH_MAX: usize = 120;
    let mut out = String::new();
    for c in text.chars().take(LENGTH_MAX) {
        match c {
            c if c.is_control() || c.is_whitespace() => out.push(' '),
            c if c.is_ascii_punctuation() && !"_-.,/'".contains(c) => {
                out.push_str(&format!("#{};", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    if text.chars().count() > LENGTH_MAX {
        out.push('…');
    }
    let out = out.trim();
    if out.is_empty() { "#32;".to_owned() } else { out.to_owned() }
}
