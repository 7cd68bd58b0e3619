//! From nodes to the model: every mistake is told at once, with its place, what was expected and what was likely meant.

use std::collections::BTreeMap;

use serde_json::{Number, Value as Json};

use crate::text::{At, FileId, Span, Texts};

use super::entries::{Entries, Reader};
use super::node::{self, Node, Value, Word};
use super::{
    After, Boundary, Command, Concurrency, Envelope, Erase, Event, Example, Field, FieldType, Fields, Length,
    Model, Named, PrivacyClass, Process, Projection, Retain, Saying, SnapshotRule, Stream, Then, Upcast,
    refer,
};

/// The format that is read.
const FORMAT: u32 = 1;

/// Something in a model file that is not understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    /// Where.
    pub span: Span,
    /// What was found and what was expected, in one line.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Mistake {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// Reads the files of one bounded context. What is not understood is left out of the model, and told.
pub fn read(texts: &Texts, files: &[FileId]) -> (Model, Vec<Mistake>) {
    let mut reader = Reader::default();
    let mut model = Model::default();
    for (n, file) in files.iter().enumerate() {
        match node::parse(texts, *file) {
            Ok(node) => reader.file(node, n == 0, &mut model),
            Err(mistake) => reader.wrong(mistake),
        }
    }
    refer::check(&model, &mut reader.mistakes);
    reader.mistakes.sort_by_key(|mistake| mistake.span);
    (model, reader.mistakes)
}

impl Reader {
    pub(super) fn file(&mut self, node: Node, is_first: bool, model: &mut Model) {
        let Some(mut file) = self.map(node, "a model") else { return };
        match self.number::<u32>(file.take("annals"), "the version of the format, 1") {
            Some(format) if format.value != FORMAT => self.wrong(Mistake::new(
                format.span,
                format!("format {} is not known, this version of Annals reads {FORMAT}", format.value),
            )),
            None if is_first => self.wrong(
                Mistake::new(file.span, "no line says that this is a model of Annals, and of which format")
                    .help(format!("begin with `annals: {FORMAT}`")),
            ),
            _ => {}
        }
        self.once(&mut model.context, file.take("context"), "the name of the bounded context");
        self.once(&mut model.owner, file.take("owner"), "who answers for it");
        if let Some(envelope) = file.take("envelope").and_then(|node| self.map(node, "envelope")) {
            model.envelope = self.envelope(envelope);
        }
        self.each(file.take("privacy"), "class of personal data", &mut model.privacy, Self::privacy);
        for (word, node) in self.named(file.take("types"), "their fields") {
            let fields = self.fields(Some(node));
            self.add(&mut model.types, "type", word, fields);
        }
        self.each(file.take("streams"), "stream", &mut model.streams, Self::stream);
        self.each(file.take("events"), "event", &mut model.events, Self::event);
        self.each(file.take("commands"), "command", &mut model.commands, Self::command);
        self.each(file.take("projections"), "projection", &mut model.projections, Self::projection);
        self.each(file.take("processes"), "process", &mut model.processes, Self::process);
        match file.take("examples").map(|node| (node.span, node.value)) {
            None | Some((_, Value::Null)) => {}
            Some((_, Value::List(examples))) => {
                model.examples.extend(examples.into_iter().filter_map(|example| self.example(example)));
            }
            Some((span, other)) => {
                self.wrong(Mistake::new(
                    span,
                    format!("found {}, expected a list of examples", other.kind()),
                ));
            }
        }
        self.end(file);
    }

    fn once(&mut self, place: &mut Option<At<String>>, node: Option<Node>, what: &str) {
        if let Some(text) = self.text(node, what) {
            match place {
                Some(known) if known.value != text.value => self.wrong(Mistake::new(
                    text.span,
                    format!("{:?} here, and {:?} in another file of this context", text.value, known.value),
                )),
                _ => *place = Some(text),
            }
        }
    }

    fn each<T>(
        &mut self,
        node: Option<Node>,
        what: &str,
        into: &mut Vec<Named<T>>,
        read: fn(&mut Self, Entries) -> T,
    ) {
        for (word, node) in self.named(node, what) {
            if let Some(entries) = self.map(node, format!("{what} {}", word.text)) {
                let it = read(self, entries);
                self.add(into, what, word, it);
            }
        }
    }

    fn add<T>(&mut self, into: &mut Vec<Named<T>>, what: &str, word: Word, it: T) {
        if into.iter().any(|known| known.name.value == word.text) {
            let message = format!("{what} {} is there already, in another file of this context", word.text);
            self.wrong(Mistake::new(word.span, message));
            return;
        }
        into.push(Named { name: At { value: word.text, span: word.span }, it });
    }

    fn envelope(&mut self, mut entries: Entries) -> Envelope {
        let id = self.choice(entries.take("id"), &[("uuid7", "uuid7"), ("uuid", "uuid")]);
        let require = self.texts(entries.take("require"), "what each event must carry");
        self.end(entries);
        Envelope { id: id.map(|id| At { value: id.value.to_owned(), span: id.span }), require }
    }

    fn privacy(&mut self, mut entries: Entries) -> PrivacyClass {
        let erase = [("shred", Erase::Shred), ("outside", Erase::Outside), ("keep", Erase::Keep)];
        let class = PrivacyClass {
            erase: self.choice(entries.take("erase"), &erase),
            key: self.text(entries.take("key"), "the field that says whose data it is"),
            within: self.duration(entries.take("within")),
            because: self.text(entries.take("because"), "a reason"),
        };
        self.end(entries);
        class
    }

    fn stream(&mut self, mut entries: Entries) -> Stream {
        let policies = [("expected-version", Concurrency::ExpectedVersion), ("any", Concurrency::Any)];
        let stream = Stream {
            key: self.text(entries.take("key"), "how its id is made, such as order-{order_id}"),
            why: self.text(entries.take("why"), "the invariant that draws its boundary"),
            concurrency: self.choice(entries.take("concurrency"), &policies),
            because: self.text(entries.take("because"), "a reason"),
            length: entries.take("length").and_then(|node| self.length(node)),
            closes: self.texts(entries.take("closes"), "events"),
            retain: entries.take("retain").and_then(|node| self.retain(node)),
            snapshot: entries.take("snapshot").and_then(|node| self.snapshot(node)),
        };
        self.end(entries);
        stream
    }

    fn length(&mut self, node: Node) -> Option<Length> {
        let span = node.span;
        let mut entries = self.map(node, "length")?;
        let usual = self.number(entries.take("usual"), "a number of events");
        let most = match entries.take("most") {
            Some(Node { value: Value::Scalar { text, .. }, span }) if text == "unbounded" => {
                Some(At { value: None, span })
            }
            node => self
                .number(node, "a number of events, or unbounded")
                .map(|most| At { value: Some(most.value), span: most.span }),
        };
        self.end(entries);
        Some(Length { usual, most, span: Some(span) })
    }

    fn retain(&mut self, node: Node) -> Option<Retain> {
        let span = node.span;
        if let Value::Scalar { text, .. } = &node.value
            && text == "forever"
        {
            let lasting = Some(At { value: text.clone(), span });
            return Some(Retain { lasting, then: None, because: None, span });
        }
        let mut entries = self.map(node, "retain")?;
        let then = self.choice(entries.take("then"), &[("archive", "archive"), ("delete", "delete")]);
        let retain = Retain {
            lasting: self.duration(entries.take("for")),
            then: then.map(|then| At { value: then.value.to_owned(), span: then.span }),
            because: self.text(entries.take("because"), "a reason"),
            span,
        };
        self.end(entries);
        Some(retain)
    }

    fn snapshot(&mut self, node: Node) -> Option<SnapshotRule> {
        let span = node.span;
        let mut entries = self.map(node, "snapshot")?;
        let snapshot = SnapshotRule {
            every: self.number(entries.take("every"), "a number of events"),
            state: self.text(entries.take("state"), "the state and its version, such as StockLevel@2"),
            because: self.text(entries.take("because"), "what was measured"),
            span,
        };
        self.end(entries);
        Some(snapshot)
    }

    fn event(&mut self, mut entries: Entries) -> Event {
        let event = Event {
            stream: self.text(entries.take("stream"), "the stream it belongs to"),
            version: self.number(entries.take("version"), "the version of its fields, a whole number"),
            tags: self.texts(entries.take("tags"), "fields"),
            is_public: self.flag(entries.take("public")),
            fields: self.fields(entries.take("fields")),
            upcasts: self.upcasts(entries.take("upcast")),
            schema: self.text(entries.take("schema"), "a file with a JSON Schema"),
        };
        self.end(entries);
        event
    }

    fn upcasts(&mut self, node: Option<Node>) -> Vec<Upcast> {
        let mut upcasts = Vec::new();
        for (word, node) in self.named(node, "upcasts") {
            let Ok(from) = word.text.parse() else {
                let message = format!("found {:?}, expected the version that the upcast reads", word.text);
                self.wrong(Mistake::new(word.span, message));
                continue;
            };
            let Some(mut entries) = self.map(node, format!("upcast {}", word.text)) else { continue };
            let mut add = Vec::new();
            for (word, node) in self.named(entries.take("add"), "values") {
                let value = At { value: self.json(node.clone()).to_string(), span: node.span };
                add.push(Named { name: At { value: word.text, span: word.span }, it: value });
            }
            let mut rename = Vec::new();
            for (word, node) in self.named(entries.take("rename"), "new names") {
                if let Some(new) = self.text(Some(node), "the new name") {
                    rename.push(Named { name: At { value: word.text, span: word.span }, it: new });
                }
            }
            upcasts.push(Upcast {
                from: At { value: from, span: word.span },
                add,
                rename,
                remove: self.texts(entries.take("remove"), "fields"),
                with: self.text(entries.take("with"), "the name of a function"),
            });
            self.end(entries);
        }
        upcasts
    }

    pub(super) fn fields(&mut self, node: Option<Node>) -> Fields {
        let mut fields = Vec::new();
        for (word, node) in self.named(node, "types") {
            if let Some(it) = self.field(node) {
                self.add(&mut fields, "field", word, it);
            }
        }
        fields
    }

    fn field(&mut self, node: Node) -> Option<Field> {
        let span = node.span;
        let says = |entries: &[(Word, Node)]| {
            entries.iter().any(|(word, _)| matches!(word.text.as_str(), "is" | "one-of"))
        };
        let Value::Map(entries) = &node.value else { return self.plain_field(node) };
        if !says(entries) {
            return self.plain_field(node);
        }
        let mut entries = self.map(node, "a field")?;
        if entries.has("is") && entries.has("one-of") {
            self.wrong(Mistake::new(span, "a field has `is` or `one-of`, and not both"));
        }
        let one_of = self.texts(entries.take("one-of"), "the texts that it may be");
        let mut field = match entries.take("is") {
            Some(node) => self.plain_field(node)?,
            None => {
                let texts = one_of.into_iter().map(|text| text.value).collect();
                plain(At { value: FieldType::OneOf(texts), span })
            }
        };
        field.is_optional |= self.flag(entries.take("optional"));
        field.privacy = self.text(entries.take("privacy"), "a class of personal data");
        field.computed = self.text(entries.take("computed"), "where it comes from");
        field.note = self.text(entries.take("note"), "what it is");
        self.end(entries);
        Some(field)
    }

    fn plain_field(&mut self, node: Node) -> Option<Field> {
        let span = node.span;
        if let Value::Scalar { text, .. } = &node.value
            && let Some(name) = text.strip_suffix('?')
        {
            let kind = At { value: FieldType::Name(name.to_owned()), span };
            return Some(Field { is_optional: true, ..plain(kind) });
        }
        let value = self.field_type(node)?;
        Some(plain(At { value, span }))
    }

    fn field_type(&mut self, node: Node) -> Option<FieldType> {
        match node.value {
            Value::Scalar { text, .. } => Some(FieldType::Name(text)),
            Value::List(mut items) if items.len() == 1 => {
                self.field_type(items.remove(0)).map(|of| FieldType::List(Box::new(of)))
            }
            Value::Map(entries) => {
                let mut fields = Vec::new();
                for (word, node) in entries {
                    fields.push((word.text, self.field_type(node)?));
                }
                Some(FieldType::Fields(fields))
            }
            Value::List(_) | Value::Null => {
                let message = "expected a type: a name, a list of one type, or fields with their types";
                self.wrong(Mistake::new(node.span, message));
                None
            }
        }
    }

    fn command(&mut self, mut entries: Entries) -> Command {
        let expects = [("new-stream", "new-stream"), ("existing-stream", "existing-stream"), ("any", "any")];
        let expects = self.choice(entries.take("expects"), &expects);
        let mut rules = Vec::new();
        for (word, node) in self.named(entries.take("rules"), "what they say") {
            if let Some(said) = self.text(Some(node), "what the rule says") {
                rules.push(Named { name: At { value: word.text, span: word.span }, it: said });
            }
        }
        let command = Command {
            stream: self.text(entries.take("stream"), "the stream it decides about"),
            expects: expects.map(|expects| At { value: expects.value.to_owned(), span: expects.span }),
            boundary: entries.take("boundary").and_then(|node| self.boundary(node)),
            rules,
            once_per: self.text(entries.take("once-per"), "what makes two the same: command_id, or a field"),
            emits: self.texts(entries.take("emits"), "events"),
            rejects: self.texts(entries.take("rejects"), "reasons"),
            fields: self.fields(entries.take("fields")),
            reads: self.texts(entries.take("reads"), "projections"),
            because: self.text(entries.take("because"), "a reason"),
        };
        self.end(entries);
        command
    }

    fn boundary(&mut self, node: Node) -> Option<Boundary> {
        let span = node.span;
        let mut entries = self.map(node, "boundary")?;
        let boundary = Boundary {
            events: self.texts(entries.take("events"), "events"),
            tags: self.texts(entries.take("tags"), "tags"),
            span,
        };
        self.end(entries);
        Some(boundary)
    }

    fn projection(&mut self, mut entries: Entries) -> Projection {
        let projection = Projection {
            from: self.texts(entries.take("from"), "events"),
            key: self.text(entries.take("key"), "the field that tells rows apart"),
            fields: self.fields(entries.take("fields")),
            sets: self.sets(entries.take("sets")),
            removes: self.texts(entries.take("removes"), "events"),
            duplicates: self.text(entries.take("duplicates"), "skip-by-position or idempotent"),
            rebuild: self.text(entries.take("rebuild"), "side-by-side or in-place"),
            lag: self.duration(entries.take("lag")),
            erase: self.text(entries.take("erase"), "what happens on an erasure request"),
            effects: self.texts(entries.take("effects"), "what it does beyond its rows"),
        };
        self.end(entries);
        projection
    }

    fn process(&mut self, mut entries: Entries) -> Process {
        let mut reacts = Vec::new();
        for (word, node) in self.named(entries.take("reacts"), "commands") {
            let commands = self.texts(Some(node), "commands");
            reacts.push(Named { name: At { value: word.text, span: word.span }, it: commands });
        }
        let process = Process {
            by: self.text(entries.take("by"), "the field that tells its instances apart"),
            starts: self.texts(entries.take("starts"), "events"),
            reacts,
            after: entries.take("after").and_then(|node| self.after(node)),
            ends: self.texts(entries.take("ends"), "events"),
            duplicates: self
                .text(entries.take("duplicates"), "skip-by-position, idempotent or once-per-event"),
            failure: self.text(entries.take("failure"), "retry or park"),
        };
        self.end(entries);
        process
    }

    fn after(&mut self, node: Node) -> Option<After> {
        let span = node.span;
        let mut entries = self.map(node, "after")?;
        let wait = self.duration(entries.take("wait"));
        let does = self.texts(entries.take("do"), "commands");
        self.end(entries);
        Some(After { wait, does, span })
    }

    fn example(&mut self, node: Node) -> Option<Example> {
        let span = node.span;
        let mut entries = self.map(node, "an example")?;
        let given = match entries.take("given").map(|node| (node.span, node.value)) {
            Some((_, Value::List(events))) => {
                events.into_iter().filter_map(|event| self.saying(event)).collect()
            }
            Some((span, value @ (Value::Map(_) | Value::Scalar { .. }))) => {
                self.saying(Node { value, span }).into_iter().collect()
            }
            Some((_, Value::Null)) | None => Vec::new(),
        };
        let when = entries.take("when").and_then(|node| self.saying(node));
        let then = entries.take("then").and_then(|node| self.then(node));
        self.end(entries);
        Some(Example { given, when, then, span })
    }

    fn then(&mut self, node: Node) -> Option<At<Then>> {
        let span = node.span;
        match node.value {
            Value::List(events) => {
                let events = events.into_iter().filter_map(|event| self.saying(event));
                Some(At { value: Then::Events(events.map(|event| event.value).collect()), span })
            }
            Value::Map(mut entries) if entries.len() == 1 && entries[0].0.text == "rejects" => {
                let (_, node) = entries.remove(0);
                let why = self.text(Some(node), "a reason that the command rejects with")?;
                Some(At { value: Then::Rejects(why.value), span: why.span })
            }
            value => {
                let event = self.saying(Node { value, span })?;
                Some(At { value: Then::Events(vec![event.value]), span })
            }
        }
    }

    /// `OrderPlaced`, or `OrderPlaced: { … }`.
    fn saying(&mut self, node: Node) -> Option<At<Saying>> {
        let span = node.span;
        match node.value {
            Value::Scalar { text, .. } => {
                Some(At { value: Saying { name: text, fields: BTreeMap::new() }, span })
            }
            Value::Map(mut entries) if entries.len() == 1 => {
                let (word, node) = entries.remove(0);
                let fields = match self.json(node) {
                    Json::Object(fields) => fields.into_iter().collect(),
                    Json::Null => BTreeMap::new(),
                    _ => {
                        let message = format!("expected the fields of {} with their values", word.text);
                        self.wrong(Mistake::new(word.span, message));
                        BTreeMap::new()
                    }
                };
                Some(At { value: Saying { name: word.text, fields }, span: word.span })
            }
            _ => {
                self.wrong(Mistake::new(
                    span,
                    "expected one name with its fields, such as OrderPlaced: { … }",
                ));
                None
            }
        }
    }

    pub(super) fn json(&mut self, node: Node) -> Json {
        match node.value {
            Value::Null => Json::Null,
            Value::Scalar { text, is_quoted: true } => Json::String(text),
            Value::Scalar { text, .. } => match text.as_str() {
                "true" => Json::Bool(true),
                "false" => Json::Bool(false),
                _ => match text.parse::<Number>() {
                    Ok(number) => Json::Number(number),
                    Err(_) => Json::String(text),
                },
            },
            Value::List(items) => Json::Array(items.into_iter().map(|item| self.json(item)).collect()),
            Value::Map(entries) => {
                Json::Object(entries.into_iter().map(|(word, node)| (word.text, self.json(node))).collect())
            }
        }
    }
}

fn plain(kind: At<FieldType>) -> Field {
    Field { kind, is_optional: false, privacy: None, computed: None, note: None }
}
