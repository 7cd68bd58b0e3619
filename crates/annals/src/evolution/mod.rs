//! Shapes of events over the years: a lock file that keeps every one, and whether today's code reads them all.
//!
//! A payload that was stored once has to be readable for ever. The lock file, JSON in the repository beside the
//! code, holds the JSON Schema of every event type and schema version, and where a version changed in a way that
//! breaks nothing, each shape it has had. The test that `annals::schema_lock!` makes compares it with the code;
//! `annals events check` compares it with the file of another commit and with what a store really holds; a
//! [`Registry`] made of it refuses appends of any other shape. See `docs/guide/evolution.md`.

mod accepts;
mod readable;
mod shape;
#[cfg(all(test, feature = "schema"))]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

pub use self::readable::{Problem, problems};

use self::accepts::{Fit, fits};
use self::shape::Shape;
use crate::codec::{Event, EventKind};
use crate::error::{Error, ErrorKind, Result};
use crate::event::NewEvent;
use crate::payload::{JsonText, Payload};

/// The version of the file's own form.
const FORMAT: u64 = 1;

/// What one kind of event is, and what it is read as from each schema version.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeSchemas {
    /// Its names and the version that is written.
    pub kind: EventKind,
    /// By schema version: of the current one what is written, of an older one what its upcast takes.
    pub versions: BTreeMap<u32, Value>,
}

impl TypeSchemas {
    /// The schema of the current version, and those of what the upcasts take.
    pub fn new(kind: EventKind, current: Value, upcasts: impl IntoIterator<Item = (u32, Value)>) -> Self {
        let own = (kind.schema_version, current);
        let versions = upcasts.into_iter().chain([own]).map(|(version, schema)| (version, plain(&schema)));
        Self { kind, versions: versions.collect() }
    }
}

/// Events that know the JSON Schemas of their payloads: those with `#[event(schema)]`.
#[diagnostic::on_unimplemented(
    message = "the JSON Schemas of `{Self}` are not known",
    note = "add `#[event(schema)]` to it"
)]
pub trait EventSchemas: Event {
    /// Of every kind of event, in every version.
    fn schemas() -> Vec<TypeSchemas>;
}

/// What the code reads and writes, collected from its event types.
#[derive(Debug, Clone, Default)]
pub struct CodeSchemas {
    types: Vec<TypeSchemas>,
    retired: Vec<&'static str>,
}

impl CodeSchemas {
    /// Adds the events of a type.
    pub fn add<E: EventSchemas>(&mut self) {
        self.types.extend(E::schemas());
        self.retired.extend(E::retired());
    }

    /// Adds a kind of event that no derive describes.
    pub fn add_type(&mut self, schemas: TypeSchemas) {
        self.types.push(schemas);
    }

    /// What parts the code from the lock.
    pub fn compare(&self, lock: &Lock) -> Comparison {
        let mut breaking = Vec::new();
        for (event_type, versions) in &lock.events {
            for (version, shapes) in versions {
                self.read(event_type, *version, shapes, &mut breaking);
            }
        }
        let mut changes = Vec::new();
        let mut next = lock.clone();
        for of_type in &self.types {
            let event_type = of_type.kind.event_type;
            for (version, schema) in &of_type.versions {
                let known = next.events.entry(event_type.to_owned()).or_default();
                let is_new_type = known.is_empty();
                let shapes = known.entry(*version).or_default();
                let what = match (shapes.is_empty(), is_new_type) {
                    (true, true) => "a new event type",
                    (true, false) => "a new schema version",
                    // An upcast may take more than was ever written; what was written is on record.
                    _ if *version != of_type.kind.schema_version || shapes.contains(schema) => continue,
                    _ => "a change that breaks nothing",
                };
                shapes.push(schema.clone());
                changes.push(Change { event_type: event_type.to_owned(), schema_version: *version, what });
            }
        }
        Comparison { breaking, changes, next }
    }

    fn read(&self, event_type: &str, version: u32, shapes: &[Value], breaking: &mut Vec<Finding>) {
        let mut finding = |field: String, what: String, mend: String| {
            let event_type = event_type.to_owned();
            breaking.push(Finding { event_type, schema_version: version, field, what, mend });
        };
        let reads = |of_type: &&TypeSchemas| {
            of_type.kind.event_type == event_type || of_type.kind.aliases.contains(&event_type)
        };
        let Some(of_type) = self.types.iter().find(reads) else {
            if !self.retired.contains(&event_type) {
                finding(
                    String::new(),
                    "no event reads this type any more".to_owned(),
                    format!(
                        "if it has another name now, add `alias = \"{event_type}\"` to it; if it means nothing any \
                         more, add `#[event(retired = \"{event_type}\")]` to the enum"
                    ),
                );
            }
            return;
        };
        let current = of_type.kind.schema_version;
        let Some(schema) = of_type.versions.get(&version) else {
            let (what, mend) = if version > current {
                (
                    format!("the code writes version {current}, which is older"),
                    format!(
                        "write a version after {version}: `schema_version = {}`",
                        version.saturating_add(1)
                    ),
                )
            } else {
                ("there is no upcast from it".to_owned(), format!("add `upcast({version} = function)`"))
            };
            return finding(String::new(), what, mend);
        };
        let mend = if version == current {
            format!(
                "give the new shape a version of its own, `schema_version = {}, upcast({version} = function)`, where \
                 the function takes the old shape; or make the change one that reads it, such as an optional field",
                version.saturating_add(1)
            )
        } else {
            format!(
                "the type that `upcast({version} = …)` takes has to stay as version {version} was written"
            )
        };
        let mut told: Vec<Problem> = Vec::new();
        for problem in shapes.iter().flat_map(|shape| problems(shape, schema)) {
            // Shapes of one version have most in common.
            if !told.contains(&problem) {
                finding(problem.field.clone(), problem.what.clone(), mend.clone());
                told.push(problem);
            }
        }
    }

    /// Compares with a lock file, as the test of `schema_lock!` does; with `update`, writes it where something is
    /// new and nothing is broken.
    ///
    /// # Errors
    /// Invalid when a locked shape can no longer be read, or when the file has to be written again, and it was not
    /// said to; the message names types, versions and fields. Invalid for a file that is no lock file.
    pub fn compare_with_file(&self, file: &Path, update: bool) -> Result<()> {
        let lock = match std::fs::read_to_string(file) {
            Ok(text) => Lock::parse(&text)
                .map_err(|e| Error::with_source(ErrorKind::Invalid, format!("{}: {e}", file.display()), e))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Lock::default(),
            Err(e) => return Err(unusable("read", file, e)),
        };
        let Comparison { breaking, changes, next } = self.compare(&lock);
        let name = file.display();
        if !breaking.is_empty() {
            let lines: String = breaking.iter().map(|finding| format!("\n  {finding}")).collect();
            return Err(Error::invalid(format!("events that are in {name} could not be read:{lines}")));
        }
        if changes.is_empty() {
            return Ok(());
        }
        if update {
            return std::fs::write(file, next.to_text()).map_err(|e| unusable("write", file, e));
        }
        let lines: String = changes.iter().map(|change| format!("\n  {change}")).collect();
        Err(Error::invalid(format!(
            "{name} has to be written again, nothing is broken:{lines}\n  run the test with ANNALS_UPDATE_LOCK=1 and \
             commit the file"
        )))
    }
}

fn unusable(verb: &str, file: &Path, error: std::io::Error) -> Error {
    Error::with_source(ErrorKind::Invalid, format!("could not {verb} {}: {error}", file.display()), error)
}

/// What parts the code from a lock.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Locked shapes that the code could not read.
    pub breaking: Vec<Finding>,
    /// What is not in the lock yet.
    pub changes: Vec<Change>,
    /// The lock with the changes in it; nothing is ever taken out.
    pub next: Lock,
}

/// Something that is, or may be, stored and could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The stored name.
    pub event_type: String,
    /// The version.
    pub schema_version: u32,
    /// The part of the payload; empty for all of it.
    pub field: String,
    /// What is wrong.
    pub what: String,
    /// What mends it.
    pub mend: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { event_type, schema_version, field, what, mend } = self;
        let problem = Problem { field: field.clone(), what: what.clone() };
        write!(f, "{event_type:?} version {schema_version}: {problem}; {mend}")
    }
}

/// Something that a lock does not have yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The stored name.
    pub event_type: String,
    /// The version.
    pub schema_version: u32,
    /// What is new.
    pub what: &'static str,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} version {}: {}", self.event_type, self.schema_version, self.what)
    }
}

/// Every shape that events were ever stored in: by type, by schema version, the oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lock {
    events: BTreeMap<String, BTreeMap<u32, Vec<Value>>>,
}

impl Lock {
    /// Reads the text of a lock file.
    ///
    /// # Errors
    /// Invalid for anything else, and for a file of a newer form.
    pub fn parse(text: &str) -> Result<Self> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            annals_lock: u64,
            events: BTreeMap<String, BTreeMap<u32, Vec<Value>>>,
        }
        // Of a name that is there twice, as after a merge, one would be lost.
        JsonText::parse(text)?;
        let file: File = serde_json::from_str(text)
            .map_err(|e| Error::with_source(ErrorKind::Invalid, format!("no lock file of events: {e}"), e))?;
        if file.annals_lock != FORMAT {
            return Err(Error::invalid(format!(
                "the lock file is of form {}, this version of Annals knows {FORMAT}",
                file.annals_lock
            )));
        }
        let empty = file.events.iter().find_map(|(event_type, versions)| {
            let (version, _) = versions.iter().find(|(_, shapes)| shapes.is_empty())?;
            Some((event_type, version))
        });
        if let Some((event_type, version)) = empty {
            return Err(Error::invalid(format!(
                "the lock file has no shape of {event_type:?} version {version}"
            )));
        }
        Ok(Self { events: file.events })
    }

    /// The text of the lock file: the same for the same lock.
    pub fn to_text(&self) -> String {
        let mut events = Map::new();
        for (event_type, versions) in &self.events {
            let versions = versions.iter().map(|(version, shapes)| {
                (version.to_string(), Value::Array(shapes.iter().map(sorted).collect()))
            });
            events.insert(event_type.clone(), Value::Object(versions.collect()));
        }
        let mut file = Map::new();
        file.insert("annals_lock".to_owned(), Value::from(FORMAT));
        file.insert("events".to_owned(), Value::Object(events));
        format!("{:#}\n", Value::Object(file))
    }

    /// How many event types there are.
    pub fn types(&self) -> usize {
        self.events.len()
    }

    /// The shapes of one version, the oldest first.
    pub fn shapes(&self, event_type: &str, schema_version: u32) -> &[Value] {
        let versions = self.events.get(event_type);
        versions.and_then(|versions| versions.get(&schema_version)).map_or(&[], Vec::as_slice)
    }

    /// What is wrong with it, and with it as the successor of an older one: a shape that is gone, a version that is
    /// left out, a change within a version that does not read what was there.
    pub fn check(&self, older: Option<&Self>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut finding = |event_type: &str, version: u32, field: &str, what: &str, mend: &str| {
            findings.push(Finding {
                event_type: event_type.to_owned(),
                schema_version: version,
                field: field.to_owned(),
                what: what.to_owned(),
                mend: mend.to_owned(),
            });
        };
        for (event_type, versions) in older.into_iter().flat_map(|older| &older.events) {
            for (version, shapes) in versions {
                if !shapes.iter().all(|shape| self.shapes(event_type, *version).contains(shape)) {
                    let mend = "put it back: events in it are stored, or may be";
                    finding(event_type, *version, "", "a shape was taken out of the lock file", mend);
                }
            }
        }
        for (event_type, versions) in &self.events {
            let mut expected: u32 = 1;
            for (version, shapes) in versions {
                if *version != expected {
                    let mend = format!("add `upcast({expected} = function)` and write the lock file again");
                    finding(event_type, expected, "", "is not there, though a later version is", &mend);
                }
                expected = version.saturating_add(1);
                let Some((last, before)) = shapes.split_last() else { continue };
                let mut told: Vec<Problem> = Vec::new();
                for problem in before.iter().flat_map(|shape| problems(shape, last)) {
                    if !told.contains(&problem) {
                        let mend = format!(
                            "give the new shape a version of its own with `upcast({version} = function)`"
                        );
                        finding(event_type, *version, &problem.field, &problem.what, &mend);
                        told.push(problem);
                    }
                }
            }
        }
        findings
    }
}

/// The shapes that a store takes, made from a lock: for [`Options::registry`](crate::Options::registry), and for
/// looking at what is stored.
#[derive(Debug, Clone)]
pub struct Registry {
    events: Arc<BTreeMap<String, BTreeMap<u32, Vec<Shape>>>>,
    payloads: bool,
}

/// How a stored event, or one to be stored, stands to a registry. It never holds a part of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// Type and version are there, and the payload fits.
    Fits,
    /// There is no such type.
    UnknownType,
    /// There is the type, and not the version.
    UnknownVersion,
    /// The payload does not fit.
    Misfit {
        /// The part of it; empty for all of it.
        field: String,
        /// What was expected there.
        expected: String,
    },
    /// Whether the payload fits cannot be told, for this reason.
    Unclear(String),
}

impl Registry {
    /// Takes the types and versions of the lock, whatever their payloads.
    pub fn of(lock: &Lock) -> Self {
        let events = lock.events.iter().map(|(event_type, versions)| {
            let versions = versions
                .iter()
                .map(|(version, shapes)| (*version, shapes.iter().map(Shape::of).collect::<Vec<_>>()));
            (event_type.clone(), versions.collect())
        });
        Self { events: Arc::new(events.collect()), payloads: false }
    }

    /// Takes only payloads that fit, too. Each is parsed for that; what cannot be told is taken.
    #[must_use]
    pub fn with_payloads(mut self) -> Self {
        self.payloads = true;
        self
    }

    /// How an event of this type, version and payload stands to it.
    pub fn judge(&self, event_type: &str, schema_version: u32, payload: &Payload) -> Registered {
        let Some(versions) = self.events.get(event_type) else { return Registered::UnknownType };
        let Some(shapes) = versions.get(&schema_version) else { return Registered::UnknownVersion };
        let Payload::Json(json) = payload else {
            return Registered::Misfit { field: String::new(), expected: "JSON".to_owned() };
        };
        let Ok(value) = serde_json::from_str::<Value>(json.as_str()) else {
            return Registered::Unclear("a number out of range".to_owned());
        };
        let mut answer = Registered::Unclear("a version without a shape".to_owned());
        for shape in shapes {
            match (fits(shape, &value), &answer) {
                (Fit::Fits, _) => return Registered::Fits,
                (Fit::Unclear(why), _) => answer = Registered::Unclear(why),
                (Fit::Misfit { field, expected }, _) => answer = Registered::Misfit { field, expected },
            }
        }
        answer
    }

    /// Refuses an event that is not of a registered shape.
    pub(crate) fn admit(&self, event: &NewEvent) -> Result<()> {
        let (event_type, version) = (event.event_type.as_str(), event.schema_version);
        let refused = |what: String| {
            Err(Error::invalid(format!("event of type {event_type:?}, schema version {version}: {what}")))
        };
        let Some(versions) = self.events.get(event_type) else {
            return refused("the type is not registered".to_owned());
        };
        if !versions.contains_key(&version) {
            return refused("the version is not registered".to_owned());
        }
        if !self.payloads {
            return Ok(());
        }
        match self.judge(event_type, version, &event.payload) {
            Registered::Misfit { field, expected } if field.is_empty() => {
                refused(format!("the payload does not fit, expected {expected}"))
            }
            Registered::Misfit { field, expected } => {
                refused(format!("the payload does not fit at {field:?}, expected {expected}"))
            }
            _ => Ok(()),
        }
    }
}

/// A schema without the words that say nothing about what can be read, so that a comment changes no lock file.
fn plain(schema: &Value) -> Value {
    const SAID_ONLY: [&str; 9] = [
        "$schema",
        "$comment",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
    ];
    match schema {
        Value::Object(words) => {
            let said = words.iter().filter(|(word, _)| !SAID_ONLY.contains(&word.as_str()));
            let said = said.map(|(word, value)| {
                let value = match (word.as_str(), value) {
                    // Names that users have chosen.
                    ("properties" | "patternProperties" | "$defs", Value::Object(named)) => {
                        let named = named.iter().map(|(name, schema)| (name.clone(), plain(schema)));
                        Value::Object(named.collect())
                    }
                    ("enum" | "const" | "required", _) => value.clone(),
                    _ => plain(value),
                };
                (word.clone(), value)
            });
            sorted(&Value::Object(said.collect()))
        }
        Value::Array(schemas) => Value::Array(schemas.iter().map(plain).collect()),
        other => other.clone(),
    }
}

/// With members in byte order, whatever order the map of `serde_json` keeps in this build.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<&String, &Value> = members.iter().collect();
            Value::Object(members.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect())
        }
        Value::Array(elements) => Value::Array(elements.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// What the derive macro calls. Not for anybody else.
#[doc(hidden)]
#[cfg(feature = "schema")]
pub mod derived {
    use schemars::JsonSchema;
    use schemars::generate::SchemaSettings;
    use serde_json::{Map, Value};

    pub fn schema<T: JsonSchema>() -> Value {
        // Types are written where they are used: what their Rust names are, changes no lock file.
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        settings.into_generator().into_root_schema_for::<T>().to_value()
    }

    /// What stands in the one variant of an enum.
    pub fn variant_schema<T: JsonSchema>() -> Value {
        let whole = schema::<T>();
        let mut variant = &whole;
        if let Some([only]) = whole.get("oneOf").and_then(Value::as_array).map(Vec::as_slice) {
            variant = only;
        }
        let named = variant.get("properties").and_then(Value::as_object);
        let mut inside = match named.and_then(|named| named.values().next()) {
            Some(inside) => inside.clone(),
            // A variant without fields is an object without members.
            None => Value::Object(Map::from_iter([("type".to_owned(), Value::from("object"))])),
        };
        if let (Value::Object(inside), Some(definitions)) = (&mut inside, whole.get("$defs")) {
            inside.insert("$defs".to_owned(), definitions.clone());
        }
        inside
    }

    pub fn input_schema<T: JsonSchema, R>(_: impl FnOnce(T) -> R) -> Value {
        schema::<T>()
    }
}
