//! A model back to text, as a person would have written it.

use serde_json::Value as Json;

use crate::text::At;

use super::yaml::{Comments, Yaml, document};
use super::{
    Command, Concurrency, Erase, Event, Example, Field, FieldType, Fields, Length, Model, Named,
    PrivacyClass, Process, Projection, Retain, Saying, SnapshotRule, Stream, Then, Upcast, sets,
};

/// The text of a model file. Read again it is the same model; comments are not kept.
pub fn write(model: &Model) -> String {
    write_with(model, &Comments::default())
}

/// With comments.
pub(super) fn write_with(model: &Model, comments: &Comments) -> String {
    let mut file = Entries::default();
    file.put("annals", Some(Yaml::Plain("1".to_owned())));
    file.text("context", &model.context);
    file.text("owner", &model.owner);
    let mut envelope = Entries::default();
    envelope.text("id", &model.envelope.id);
    envelope.texts("require", &model.envelope.require);
    if !envelope.0.is_empty() {
        file.put("envelope", Some(Yaml::Block(envelope.0)));
    }
    file.section("privacy", &model.privacy, privacy, comments);
    file.section("types", &model.types, fields, comments);
    file.section("streams", &model.streams, stream, comments);
    file.section("events", &model.events, event, comments);
    file.section("commands", &model.commands, command, comments);
    file.section("projections", &model.projections, projection, comments);
    file.section("processes", &model.processes, process, comments);
    if !model.examples.is_empty() {
        file.put("examples", Some(Yaml::List(model.examples.iter().map(example).collect())));
    }
    document(&file.0, comments)
}

/// The entries of a mapping; what is not there is not written.
#[derive(Default)]
pub(super) struct Entries(Vec<(String, Yaml)>);

impl Entries {
    pub(super) fn put(&mut self, key: &str, value: Option<Yaml>) {
        if let Some(value) = value {
            self.0.push((key.to_owned(), value));
        }
    }

    fn text(&mut self, key: &str, value: &Option<At<String>>) {
        self.put(key, value.as_ref().map(|value| Yaml::Text(value.value.clone())));
    }

    fn word(&mut self, key: &str, word: Option<&str>) {
        self.put(key, word.map(|word| Yaml::Text(word.to_owned())));
    }

    fn number<N: std::fmt::Display>(&mut self, key: &str, value: Option<N>) {
        self.put(key, value.map(|value| Yaml::Plain(value.to_string())));
    }

    fn texts(&mut self, key: &str, values: &[At<String>]) {
        self.put(key, (!values.is_empty()).then(|| texts(values)));
    }

    /// The same, one alone without a list around it.
    fn one_or_more(&mut self, key: &str, values: &[At<String>]) {
        self.put(key, (!values.is_empty()).then(|| one_or_more(values)));
    }

    fn fields(&mut self, key: &str, of: &Fields) {
        self.put(key, (!of.is_empty()).then(|| fields(of)));
    }

    fn named<T>(&mut self, key: &str, of: &[Named<T>], write: impl Fn(&T) -> Yaml) {
        self.put(key, (!of.is_empty()).then(|| Yaml::Map(named(of, write))));
    }

    /// One of the parts of a file: an entry a line at least.
    fn section<T>(&mut self, key: &str, of: &[Named<T>], write: impl Fn(&T) -> Yaml, comments: &Comments) {
        let is_there = !of.is_empty() || comments.are_within(key);
        self.put(key, is_there.then(|| Yaml::Block(named(of, write))));
    }

    pub(super) fn map(self) -> Yaml {
        Yaml::Map(self.0)
    }
}

fn named<T>(of: &[Named<T>], write: impl Fn(&T) -> Yaml) -> Vec<(String, Yaml)> {
    of.iter().map(|named| (named.name.value.clone(), write(&named.it))).collect()
}

fn text(of: &At<String>) -> Yaml {
    Yaml::Text(of.value.clone())
}

fn texts(of: &[At<String>]) -> Yaml {
    Yaml::List(of.iter().map(text).collect())
}

fn one_or_more(of: &[At<String>]) -> Yaml {
    match of {
        [one] => text(one),
        more => texts(more),
    }
}

fn privacy(class: &PrivacyClass) -> Yaml {
    let mut entries = Entries::default();
    let erase = class.erase.as_ref().map(|erase| match erase.value {
        Erase::Shred => "shred",
        Erase::Outside => "outside",
        Erase::Keep => "keep",
    });
    entries.word("erase", erase);
    entries.text("key", &class.key);
    entries.text("within", &class.within);
    entries.text("because", &class.because);
    entries.map()
}

fn stream(stream: &Stream) -> Yaml {
    let mut entries = Entries::default();
    entries.text("key", &stream.key);
    entries.text("why", &stream.why);
    let concurrency = stream.concurrency.as_ref().map(|concurrency| match concurrency.value {
        Concurrency::ExpectedVersion => "expected-version",
        Concurrency::Any => "any",
    });
    entries.word("concurrency", concurrency);
    entries.text("because", &stream.because);
    entries.put("length", stream.length.as_ref().map(length));
    entries.texts("closes", &stream.closes);
    entries.put("snapshot", stream.snapshot.as_ref().map(snapshot));
    entries.put("retain", stream.retain.as_ref().map(retain));
    Yaml::Block(entries.0)
}

fn length(length: &Length) -> Yaml {
    let mut entries = Entries::default();
    entries.number("usual", length.usual.as_ref().map(|usual| usual.value));
    match length.most.as_ref().map(|most| most.value) {
        Some(None) => entries.word("most", Some("unbounded")),
        most => entries.number("most", most.flatten()),
    }
    entries.map()
}

fn retain(retain: &Retain) -> Yaml {
    if let Some(lasting) = &retain.lasting
        && lasting.value == "forever"
    {
        return text(lasting);
    }
    let mut entries = Entries::default();
    entries.text("for", &retain.lasting);
    entries.text("then", &retain.then);
    entries.text("because", &retain.because);
    entries.map()
}

fn snapshot(snapshot: &SnapshotRule) -> Yaml {
    let mut entries = Entries::default();
    entries.number("every", snapshot.every.as_ref().map(|every| every.value));
    entries.text("state", &snapshot.state);
    entries.text("because", &snapshot.because);
    entries.map()
}

fn event(event: &Event) -> Yaml {
    let mut entries = Entries::default();
    entries.text("stream", &event.stream);
    entries.number("version", event.version.as_ref().map(|version| version.value));
    entries.texts("tags", &event.tags);
    entries.put("public", event.is_public.then(|| Yaml::Plain("true".to_owned())));
    entries.text("schema", &event.schema);
    entries.fields("fields", &event.fields);
    if !event.upcasts.is_empty() {
        let upcast = |of: &Upcast| (of.from.value.to_string(), upcast(of));
        entries.put("upcast", Some(Yaml::Map(event.upcasts.iter().map(upcast).collect())));
    }
    entries.map()
}

fn upcast(upcast: &Upcast) -> Yaml {
    let mut entries = Entries::default();
    entries.named("add", &upcast.add, |value| {
        serde_json::from_str(&value.value).map_or_else(|_| text(value), |value| json(&value))
    });
    entries.named("rename", &upcast.rename, text);
    entries.texts("remove", &upcast.remove);
    entries.text("with", &upcast.with);
    entries.map()
}

fn fields(fields: &Fields) -> Yaml {
    Yaml::Map(named(fields, field))
}

fn field(field: &Field) -> Yaml {
    let has_more = field.privacy.is_some() || field.computed.is_some() || field.note.is_some();
    let mut entries = Entries::default();
    let mut is_said = false;
    match &field.kind.value {
        FieldType::Name(name) => {
            is_said = field.is_optional;
            let name = Yaml::Text(if is_said { format!("{name}?") } else { name.clone() });
            if !has_more {
                return name;
            }
            entries.put("is", Some(name));
        }
        FieldType::OneOf(texts) => {
            entries.put("one-of", Some(Yaml::List(texts.iter().cloned().map(Yaml::Text).collect())));
        }
        kind if has_more || field.is_optional || is_like_a_field(kind) => {
            entries.put("is", Some(field_type(kind)));
        }
        kind => return field_type(kind),
    }
    entries.put("optional", (field.is_optional && !is_said).then(|| Yaml::Plain("true".to_owned())));
    entries.text("privacy", &field.privacy);
    entries.text("computed", &field.computed);
    entries.text("note", &field.note);
    entries.map()
}

/// Whether it would be read as what is said of a field.
fn is_like_a_field(kind: &FieldType) -> bool {
    let FieldType::Fields(of) = kind else { return false };
    of.iter().any(|(name, _)| matches!(name.as_str(), "is" | "one-of"))
}

fn field_type(of: &FieldType) -> Yaml {
    match of {
        FieldType::Name(name) => Yaml::Text(name.clone()),
        FieldType::List(of) => Yaml::List(vec![field_type(of)]),
        FieldType::Fields(of) => {
            Yaml::Map(of.iter().map(|(name, of)| (name.clone(), field_type(of))).collect())
        }
        // Only a field may be one of some texts.
        FieldType::OneOf(_) => Yaml::Text("text".to_owned()),
    }
}

fn command(command: &Command) -> Yaml {
    let mut entries = Entries::default();
    entries.text("stream", &command.stream);
    entries.text("expects", &command.expects);
    if let Some(boundary) = &command.boundary {
        let mut of = Entries::default();
        of.texts("events", &boundary.events);
        of.texts("tags", &boundary.tags);
        entries.put("boundary", Some(of.map()));
    }
    entries.named("rules", &command.rules, text);
    entries.text("once-per", &command.once_per);
    entries.texts("reads", &command.reads);
    entries.texts("emits", &command.emits);
    entries.texts("rejects", &command.rejects);
    entries.fields("fields", &command.fields);
    entries.text("because", &command.because);
    entries.map()
}

fn projection(projection: &Projection) -> Yaml {
    let mut entries = Entries::default();
    entries.texts("from", &projection.from);
    entries.text("key", &projection.key);
    entries.fields("fields", &projection.fields);
    entries.named("sets", &projection.sets, |fields| Yaml::Map(named(fields, sets::write)));
    entries.texts("removes", &projection.removes);
    entries.text("duplicates", &projection.duplicates);
    entries.text("rebuild", &projection.rebuild);
    entries.text("lag", &projection.lag);
    entries.text("erase", &projection.erase);
    entries.texts("effects", &projection.effects);
    entries.map()
}

fn process(process: &Process) -> Yaml {
    let mut entries = Entries::default();
    entries.text("by", &process.by);
    entries.one_or_more("starts", &process.starts);
    let reacts = named(&process.reacts, |commands| one_or_more(commands));
    entries.put("reacts", (!reacts.is_empty()).then_some(Yaml::Block(reacts)));
    if let Some(after) = &process.after {
        let mut of = Entries::default();
        of.text("wait", &after.wait);
        of.one_or_more("do", &after.does);
        entries.put("after", Some(of.map()));
    }
    entries.texts("ends", &process.ends);
    entries.text("duplicates", &process.duplicates);
    entries.text("failure", &process.failure);
    Yaml::Block(entries.0)
}

fn example(example: &Example) -> Yaml {
    let mut entries = Entries::default();
    let given = match example.given.as_slice() {
        [one] => saying(&one.value),
        more => Yaml::List(more.iter().map(|one| saying(&one.value)).collect()),
    };
    entries.put("given", Some(given));
    entries.put("when", example.when.as_ref().map(|when| saying(&when.value)));
    let then = example.then.as_ref().map(|then| match &then.value {
        Then::Rejects(why) => Yaml::Map(vec![("rejects".to_owned(), Yaml::Text(why.clone()))]),
        Then::Events(events) => match events.as_slice() {
            // In a list it is an event and no rejection.
            [one] if one.name != "rejects" => saying(one),
            more => Yaml::List(more.iter().map(saying).collect()),
        },
    });
    entries.put("then", then);
    Yaml::Block(entries.0)
}

fn saying(saying: &Saying) -> Yaml {
    if saying.fields.is_empty() {
        return Yaml::Text(saying.name.clone());
    }
    let fields = saying.fields.iter().map(|(name, value)| (name.clone(), json(value))).collect();
    Yaml::Map(vec![(saying.name.clone(), Yaml::Map(fields))])
}

pub(super) fn json(value: &Json) -> Yaml {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => Yaml::Plain(value.to_string()),
        Json::String(text) => Yaml::Text(text.clone()),
        Json::Array(items) => Yaml::List(items.iter().map(json).collect()),
        Json::Object(entries) => {
            Yaml::Map(entries.iter().map(|(name, value)| (name.clone(), json(value))).collect())
        }
    }
}
