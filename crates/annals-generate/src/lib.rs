//! From an event model to what is made of it: code, tables, schemas, documents and diagrams.
//!
//! A model goes in and texts come out; nothing here reads a file or writes one. What is generated is never edited
//! in place: it says from what it came, and the files that are the user's own ([`Owner::Yours`]) are written once,
//! to begin with, and never again.

pub mod asyncapi;
pub mod catalogue;
mod document;
pub mod json_schema;
pub mod mermaid;
pub mod names;
pub mod patterns;
pub mod projections;
mod relations;
pub mod rust;
mod slugs;
pub mod story;

/// A file that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where, below the folder that is chosen, with `/` between its parts.
    pub path: String,
    /// What is in it.
    pub text: String,
    /// Whose it is.
    pub owner: Owner,
}

impl File {
    /// A file that is made anew whenever the model changes.
    pub fn generated(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), owner: Owner::Annals }
    }

    /// A file that is made once, for somebody to go on with. It has no [`Origin::remark`], by which it would be taken
    /// for one that is made anew.
    pub fn yours(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), owner: Owner::Yours }
    }
}

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// It is made from the model, and edits of it are lost.
    Annals,
    /// It was begun from the model, and is not touched any more.
    Yours,
}

/// What cannot be made of a model, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impossible {
    /// What is wrong, in one line.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl std::fmt::Display for Impossible {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Impossible {}

/// From what a file was made: what its first lines say, by which `annals generate` knows its own files.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The command that makes it: `annals generate rust`.
    pub command: String,
    /// The files of the model, by name alone: `annals.yaml`.
    pub sources: Vec<String>,
}

impl Origin {
    /// What the first line of every generated file has in it.
    pub const MARK: &str = "Made by `annals generate";

    /// The remark at the top of a generated file, without the signs of a comment.
    pub fn remark(&self) -> String {
        if self.sources.is_empty() {
            return format!("Made by `{}`.", self.command);
        }
        let remark = format!(
            "Made by `{}` from {}. Edits are lost: change the model.",
            self.command,
            self.sources.join(", ")
        );
        // A comment ends with its line, whatever a file is called.
        remark.replace(char::is_control, " ")
    }
}
