//! The seven tools: what each takes, and the command line that it becomes. Every value of a caller stands behind `=` or
//! behind `--`, so that none is read as an option.

use std::path::PathBuf;
use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::inline::{Folder, TextFile};

mod check;
mod design;
mod prove;

use self::check::{Check, Explain, Sample};
use self::design::{Diff, Fit, Generate};
use self::prove::Verify;

/// A command line of this program, and what it needs.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) words: Vec<String>,
    /// The store, which is named in the environment: there no other user of the machine can see it.
    pub(super) store: Option<String>,
    /// What the command reads, or writes.
    pub(super) folder: Option<Folder>,
    pub(super) output: Output,
}

/// What a command prints.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// One JSON value.
    Json,
    /// One JSON value a line.
    JsonLines,
    Text,
    /// Nothing to speak of: what it makes is files in this folder.
    Files(PathBuf),
}

impl Call {
    /// A command with options, which come before what it is about.
    fn new(command: &str, options: impl IntoIterator<Item = String>, output: Output) -> Self {
        let words = std::iter::once(command.to_owned()).chain(options).collect();
        Self { words, store: None, folder: None, output }
    }

    /// What the command is about, none of which is an option.
    fn about(mut self, what: impl IntoIterator<Item = String>) -> Self {
        self.words.push("--".to_owned());
        self.words.extend(what);
        self
    }
}

/// An option with its value in one word.
fn option(name: &str, value: impl std::fmt::Display) -> String {
    format!("--{name}={value}")
}

/// A choice as the command line has it.
fn word(choice: impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// What a tool takes.
trait Arguments: DeserializeOwned + JsonSchema {
    /// The command line; what is wrong with the arguments, where something is.
    fn call(self) -> Result<Call, String>;
}

/// A tool.
pub(super) struct Named {
    pub(super) name: &'static str,
    title: &'static str,
    about: &'static str,
    /// Whether it reaches beyond this machine's files.
    reaches: bool,
    schema: fn() -> JsonObject,
    pub(super) call: fn(JsonObject) -> Result<Call, String>,
}

impl Named {
    const fn of<A: Arguments>(name: &'static str, title: &'static str, about: &'static str) -> Self {
        Self { name, title, about, reaches: false, schema: schema::<A>, call: call::<A> }
    }

    const fn reaching(self) -> Self {
        Self { reaches: true, ..self }
    }

    /// As a client is told of it.
    pub(super) fn tool(&self) -> Tool {
        // Scratch namespaces come and go, and nothing else is written anywhere.
        let is_reading = self.name != "verify";
        let annotations = ToolAnnotations::with_title(self.title)
            .read_only(is_reading)
            .destructive(false)
            .idempotent(true)
            .open_world(self.reaches);
        Tool::new(self.name, self.about, (self.schema)())
            .with_title(self.title)
            .with_raw_output_schema(Arc::new(output_schema()))
            .with_annotations(annotations)
    }
}

/// Every tool.
pub(super) static TOOLS: [Named; 7] = [
    Named::of::<Check>(
        "check",
        "Review a model, a schema or a store",
        "Review an event model (annals.yaml), DDL of an event store in any dialect, exported events, or a running store: what \
         is wrong, where, why, how to mend it, and what is good. Rules have ids such as AN203; explain tells more about one. \
         A running store is only read, and no values are returned.",
    )
    .reaching(),
    Named::of::<Explain>(
        "explain",
        "Explain a rule",
        "The page of one rule of check: what it looks for, why it hurts, how to mend it on each database, when to leave it, \
         with examples. Without a rule: all rules, one a line.",
    ),
    Named::of::<Fit>(
        "fit",
        "Event sourcing or CRUD",
        "Say whether event sourcing fits one module, or ordinary CRUD is better and which tables then do the job. Give answers \
         to the questions, or a model; with neither, the questions come back. What is not answered counts against event \
         sourcing.",
    ),
    Named::of::<Diff>(
        "diff",
        "Compare two models",
        "Whether a changed model can still read every event that was stored by the one before, through all versions; names the \
         version or the upcaster that is missing.",
    ),
    Named::of::<Generate>(
        "generate",
        "Make code, tables and documents of a model",
        "Make something of a model and return it as files: Rust (events, deciders to fill in, examples as tests), SQL of the \
         store, the pattern of a database, projections, JSON Schemas, AsyncAPI, Mermaid, a catalogue. Nothing is written: \
         files marked `yours` are for the user to go on with, the others are made anew from the model.",
    ),
    Named::of::<Verify>(
        "verify",
        "Prove a database in scratch namespaces",
        "Prove on a real database that it keeps the rules of an event store (order, conflicts, duplicates, durability), or that \
         a model's streams work there, in scratch namespaces that are dropped again. The stores in the database are not touched.",
    )
    .reaching(),
    Named::of::<Sample>(
        "sample",
        "The shapes of a store's events",
        "Which event types a store has, how many of each, their schema versions, fields and kinds of values, and how long \
         streams are. Never a value.",
    )
    .reaching(),
];

/// The tool of this name.
pub(super) fn named(name: &str) -> Option<&'static Named> {
    TOOLS.iter().find(|tool| tool.name == name)
}

fn call<A: Arguments>(arguments: JsonObject) -> Result<Call, String> {
    let arguments: A = serde_json::from_value(Value::Object(arguments)).map_err(|e| e.to_string())?;
    arguments.call()
}

/// The JSON Schema of what a tool takes. Clients want an object without a name of its own.
fn schema<A: Arguments>() -> JsonObject {
    let mut schema = schemars::schema_for!(A).to_value();
    let Some(object) = schema.as_object_mut() else { return JsonObject::new() };
    object.remove("title");
    object.remove("description");
    // Which an object with nothing in it has not.
    object.entry("properties").or_insert_with(|| json!({}));
    std::mem::take(object)
}

/// What every tool returns.
fn output_schema() -> JsonObject {
    let schema = json!({
        "type": "object",
        "properties": {
            "ok": { "type": "boolean", "description": "whether nothing was found that fails the command" },
            "status": { "type": "integer", "description": "the exit status of the command" },
            "output": { "description": "what it printed: JSON where it prints JSON, files where it makes some, else text" },
            "notes": { "type": "string", "description": "what it said beside" },
        },
        "required": ["ok", "status", "output", "notes"],
        "additionalProperties": false,
    });
    match schema {
        Value::Object(schema) => schema,
        _ => JsonObject::new(),
    }
}

/// What a call reads: paths, or files that come as text.
fn read(
    folder: &mut Option<Folder>,
    below: &str,
    paths: Vec<String>,
    files: &[TextFile],
) -> Result<Vec<String>, String> {
    let mut words = paths;
    if !files.is_empty() {
        words.extend(in_folder(folder)?.put(below, files)?);
    }
    if words.iter().any(|word| word.is_empty() || word.contains('\0')) {
        return Err("a path is empty, or has a NUL in it".to_owned());
    }
    Ok(words)
}

/// As [`read`], where there is one path: that of several files is their folder.
fn read_one(
    folder: &mut Option<Folder>,
    below: &str,
    path: Option<String>,
    files: &[TextFile],
) -> Result<Option<String>, String> {
    if path.is_some() && !files.is_empty() {
        return Err("a path and files for the same: give one of them".to_owned());
    }
    let words = read(folder, below, path.into_iter().collect(), files)?;
    match (words.as_slice(), folder) {
        ([], _) => Ok(None),
        ([_, _, ..], Some(folder)) => Ok(Some(folder.path().join(below).display().to_string())),
        ([word, ..], _) => Ok(Some(word.clone())),
    }
}

/// The folder of a call, made where it is not there yet.
fn in_folder(folder: &mut Option<Folder>) -> Result<&mut Folder, String> {
    let made = match folder.take() {
        Some(there) => there,
        None => Folder::new()?,
    };
    Ok(folder.insert(made))
}

#[cfg(test)]
mod tests;
