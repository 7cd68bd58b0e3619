//! The model of one bounded context.

use std::collections::BTreeMap;

use crate::model::write::write_with;
use crate::model::yaml::Comments;
use crate::model::{Boundary, Command, Event, Fields, Model, Named, Projection, Stream};
use crate::text::{At, Span};

use super::super::Draft;
use super::super::json_schema::Reading;
use super::super::names::{pascal, snake};
use super::super::personal::{ask_for_classes, is_personal};
use super::super::tree::Tree;
use super::Document;
use super::index::{Index, unit};

pub(super) fn draft(context: &str, documents: &[Document], index: &Index) -> Draft {
    let mut making = Making {
        context,
        index,
        documents,
        types: Vec::new(),
        model: Model { context: Some(text(snake(context))), ..Model::default() },
        comments: Comments::default(),
        notes: Vec::new(),
    };
    making.types();
    making.all();
    making.left();
    making.comments.within("", format!("From the bounded context {context} of a model in ESDM."));
    making
        .comments
        .within("", "What ESDM does not say is to be filled in: privacy, retention, versions, why.");
    Draft { context: snake(context), text: write_with(&making.model, &making.comments), notes: making.notes }
}

pub(super) struct Making<'d> {
    pub(super) context: &'d str,
    pub(super) index: &'d Index,
    pub(super) documents: &'d [Document],
    /// Schemas that have a name.
    pub(super) types: Vec<(String, Tree)>,
    pub(super) model: Model,
    pub(super) comments: Comments,
    pub(super) notes: Vec<String>,
}

pub(super) fn text(of: impl Into<String>) -> At<String> {
    At::nowhere(of.into())
}

pub(super) fn named<T>(name: impl Into<String>, it: T) -> Named<T> {
    Named { name: text(name), it }
}

pub(super) fn push<T>(into: &mut Vec<Named<T>>, name: &str, it: T) -> bool {
    let is_new = !name.is_empty() && into.iter().all(|known| known.name.value != name);
    if is_new {
        into.push(named(name, it));
    }
    is_new
}

impl<'d> Making<'d> {
    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &'d Document> + use<'d> {
        let (context, kind) = (self.context, kind.to_owned());
        self.documents.iter().filter(move |document| document.kind == kind && document.context() == context)
    }

    /// Schemas that have a name become types, which others may then have.
    fn types(&mut self) {
        let named: Vec<&Document> =
            ["value-object", "entity"].iter().flat_map(|kind| self.of_kind(kind)).collect();
        for document in &named {
            let schema = document.whole.get("schema").filter(|schema| schema.get("properties").is_some());
            match schema {
                Some(schema) => self.types.push((pascal(&document.name), schema.clone())),
                None => self.notes.push(format!(
                    "{} {} has no members, so it is no type here",
                    document.kind, document.name
                )),
            }
        }
        let types = self.types.clone();
        for document in named {
            let name = pascal(&document.name);
            let Some((_, schema)) = types.iter().find(|(known, _)| *known == name) else { continue };
            // A type is not made of itself.
            let others: Vec<_> = types.iter().filter(|(known, _)| *known != name).cloned().collect();
            let mut reading = Reading::new(schema, &others);
            let fields = reading.fields();
            let left = reading.left;
            if push(&mut self.model.types, &name, fields) {
                self.left_of(&format!("types.{name}"), left);
                self.rules_beside(&format!("types.{name}"), &document.whole, "invariants");
            }
        }
    }

    fn all(&mut self) {
        for document in self.of_kind("aggregate") {
            self.stream(document);
        }
        for document in self.of_kind("event") {
            self.event(document);
        }
        for document in self.of_kind("command") {
            self.command(document);
        }
        for document in self.of_kind("read-model") {
            self.projection(document);
        }
        for document in self.documents {
            match document.kind.as_str() {
                "event-handler" => self.handler(document),
                "policy" => self.policy(document),
                "process-manager" => self.process(document),
                "feature" if document.context() == self.context => self.examples(document),
                _ => {}
            }
        }
    }

    /// What has no counterpart, each kind in one line.
    fn left(&mut self) {
        const LEFT: [&str; 9] = [
            "query",
            "actor",
            "domain-service",
            "context-mapping",
            "external-system",
            "subdomain",
            "domain",
            "domain-story",
            "bounded-context",
        ];
        let mut left: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for document in self.documents {
            let is_here = document.context().is_empty() || document.context() == self.context;
            let has_more = document.whole.get("ubiquitousLanguage").is_some();
            match document.kind.as_str() {
                "domain" | "subdomain" => {}
                "bounded-context" if !has_more => {}
                kind if is_here && LEFT.contains(&kind) => left.entry(kind).or_default().push(&document.name),
                kind if is_here && !KINDS.contains(&kind) => {
                    left.entry(kind).or_default().push(&document.name)
                }
                _ => {}
            }
        }
        for (kind, names) in left {
            let names = names.join(", ");
            self.notes.push(match kind {
                "bounded-context" => "the words of its language have no place in a model".to_owned(),
                "actor" => format!("who may ask for a command stands in comments only: actor {names}"),
                kind => format!("no counterpart in a model: {kind} {names}"),
            });
        }
        let personal: Vec<String> = self.personal();
        if !personal.is_empty() {
            ask_for_classes(&mut self.comments);
            self.notes.push(format!("fields that look personal have no class yet: {}", personal.join(", ")));
        }
    }

    fn personal(&mut self) -> Vec<String> {
        let types = self.model.types.iter();
        let types = types.map(|of| (format!("types.{}", of.name.value), &of.name.value, &of.it));
        let events = self.model.events.iter();
        let events =
            events.map(|of| (format!("events.{}.fields", of.name.value), &of.name.value, &of.it.fields));
        let mut personal = Vec::new();
        for (path, of, fields) in types.chain(events) {
            for field in fields.iter().filter(|field| is_personal(&field.name.value)) {
                let field = &field.name.value;
                self.comments.beside(format!("{path}.{field}"), "looks personal: choose a class");
                personal.push(format!("{of}.{field}"));
            }
        }
        personal
    }

    fn fields(&mut self, path: &str, schema: Option<&Tree>) -> Fields {
        let Some(schema) = schema else { return Fields::new() };
        let types = self.types.clone();
        let mut reading = Reading::new(schema, &types);
        let mut fields = Fields::new();
        for field in reading.fields() {
            let name = field.name.value.clone();
            push(&mut fields, &name, field.it);
        }
        let left = reading.left;
        self.left_of(&format!("{path}.fields"), left);
        fields
    }

    fn left_of(&mut self, path: &str, left: Vec<(String, String)>) {
        for (member, what) in left {
            let field = member.split(['.', '[']).next().unwrap_or_default();
            self.comments.beside(format!("{path}.{field}"), format!("{member} {what}"));
        }
    }

    pub(super) fn described(&mut self, path: &str, document: &Document) {
        let description = document.whole.text_of("description");
        if !description.is_empty() {
            self.comments.beside(path, description);
        }
    }

    /// Rules in prose, as comments.
    pub(super) fn rules_beside(&mut self, path: &str, of: &Tree, key: &str) {
        for rule in of.items_of(key) {
            self.comments.within(path, format!("{}: {}", rule.text_of("name"), rule.text_of("rule")));
        }
    }

    fn stream(&mut self, document: &Document) {
        let name = snake(&document.name);
        let path = format!("streams.{name}");
        let identified = document.whole.get("identifiedBy");
        let by = |key: &str| identified.map(|by| by.text_of(key)).unwrap_or_default();
        let key = match by("source") {
            "static" => by("value").to_owned(),
            "state" => format!("{name}-{{{}}}", by("field")),
            _ => {
                if !by("generator").is_empty() {
                    self.comments.beside(format!("{path}.key"), format!("generated: {}", by("generator")));
                }
                format!("{name}-{{{name}_id}}")
            }
        };
        let rules: Vec<&str> =
            document.whole.items_of("invariants").iter().map(|rule| rule.text_of("rule").trim()).collect();
        let why = rules.join("; ");
        let stream = Stream {
            key: Some(text(key)),
            why: (!why.is_empty()).then(|| text(why.clone())),
            ..Stream::default()
        };
        if push(&mut self.model.streams, &name, stream) {
            self.described(&path, document);
            if why.is_empty() {
                self.comments.within(&path, format!("why: which rule must hold in one {name}?"));
            }
            self.comments.within(&path, "concurrency: expected-version, or any with because:");
            self.comments.within(&path, "length: { usual: …, most: … }, retain: { for: …, then: archive }");
        }
    }

    fn event(&mut self, document: &Document) {
        let Some(name) = self.index.own(document) else { return };
        let path = format!("events.{name}");
        let stream = snake(unit(document));
        let has_stream = self.model.stream(&stream).is_some();
        let event = Event {
            stream: has_stream.then(|| text(stream)),
            is_public: self.index.is_public(self.context, name),
            fields: self.fields(&path, document.whole.get("data")),
            ..Event::default()
        };
        if push(&mut self.model.events, name, event) {
            self.described(&path, document);
            if !has_stream {
                self.comments.within(&path, "stream: which one? in ESDM it stands free");
            }
            let annotations = document.whole.get("metadata").and_then(|of| of.get("annotations"));
            let stored = annotations.map(|of| of.text_of("cloudevents.type")).unwrap_or_default();
            if !stored.is_empty() {
                self.notes.push(format!("{name} is stored as {stored} where its annotation is followed"));
            }
        }
    }

    fn command(&mut self, document: &Document) {
        let Some(name) = self.index.own(document) else { return };
        let path = format!("commands.{name}");
        let mut command =
            Command { fields: self.fields(&path, document.whole.get("data")), ..Command::default() };
        for event in document.whole.texts_of("publishes") {
            match self.index.published(document, event) {
                Some(event) => command.emits.push(text(event)),
                None => self.notes.push(format!("{name} publishes {event}, which is not there")),
            }
        }
        let stream = snake(document.scope("aggregate"));
        command.stream = self.model.stream(&stream).is_some().then(|| text(stream));
        for rule in document.whole.items_of("constraints") {
            push(&mut command.rules, rule.text_of("name"), text(rule.text_of("rule").trim()));
        }
        let mut within = Vec::new();
        let boundary = document.scope("dynamicConsistencyBoundary");
        if let Some(of) = self
            .of_kind("dynamic-consistency-boundary")
            .find(|of| of.name == boundary && !boundary.is_empty())
        {
            command.boundary = Some(self.boundary(of, &mut within));
            for rule in of.whole.items_of("invariants") {
                push(&mut command.rules, rule.text_of("name"), text(rule.text_of("rule").trim()));
            }
        }
        let actors = document.whole.texts_of("actors").join(", ");
        if push(&mut self.model.commands, name, command) {
            self.described(&path, document);
            if !actors.is_empty() {
                self.comments.within(&path, format!("asked for by {actors}"));
            }
            self.comments.within(&path, "once-per: command_id, or the field that makes two the same?");
            for line in within {
                self.comments.within(&path, line);
            }
        }
    }

    /// The events that a decision rests on, which get its tags where they have such a field.
    fn boundary(&mut self, document: &Document, within: &mut Vec<String>) -> Boundary {
        let mut boundary = Boundary { events: Vec::new(), tags: Vec::new(), span: Span::NOWHERE };
        for by in document.whole.items_of("identifiedBy") {
            if !by.text_of("field").is_empty() {
                boundary.tags.push(text(by.text_of("field")));
            }
        }
        for consulted in document.whole.items_of("consults") {
            let Some(event) = self.own_event(&document.name, consulted) else { continue };
            within.push(format!("{event}: {}", consulted.text_of("criteria")));
            if let Some(event) = self.model.events.iter_mut().find(|known| known.name.value == event) {
                for tag in &boundary.tags {
                    let has_field = event.it.fields.iter().any(|field| field.name.value == tag.value);
                    let is_new = event.it.tags.iter().all(|known| known.value != tag.value);
                    if has_field && is_new {
                        event.it.tags.push(tag.clone());
                    }
                }
            }
            boundary.events.push(text(event));
        }
        boundary
    }

    /// An event of this context that something refers to; others are told.
    pub(super) fn own_event(&mut self, who: &str, reference: &Tree) -> Option<String> {
        match self.index.event(reference) {
            Some((context, event)) if context == self.context => Some(event.to_owned()),
            Some((context, event)) => {
                self.notes
                    .push(format!("{who} uses {event} of the context {context}, which is another model"));
                None
            }
            None => {
                self.notes
                    .push(format!("{who} uses the event {}, which is not there", reference.text_of("event")));
                None
            }
        }
    }

    pub(super) fn own_events(&mut self, who: &str, references: &[Tree]) -> Vec<At<String>> {
        let mut events: Vec<At<String>> = Vec::new();
        for reference in references {
            if let Some(event) = self.own_event(who, reference)
                && events.iter().all(|known| known.value != event)
            {
                events.push(text(event));
            }
        }
        events
    }

    /// The commands of this context; others are told.
    pub(super) fn own_commands(&mut self, who: &str, references: &[Tree]) -> Vec<At<String>> {
        let mut commands = Vec::new();
        for reference in references {
            match self.index.command(reference) {
                Some((context, command)) if context == self.context => commands.push(text(command)),
                Some((context, command)) => {
                    self.notes.push(format!("{who} asks for {command} of the context {context}"));
                }
                None => {
                    let command = reference.text_of("command");
                    self.notes.push(format!("{who} asks for the command {command}, which is not there"));
                }
            }
        }
        commands
    }

    fn projection(&mut self, document: &Document) {
        let name = snake(&document.name);
        let path = format!("projections.{name}");
        let rows = document.whole.items_of("projections");
        let projection = Projection {
            from: self.own_events(&name, rows),
            fields: self.fields(&path, document.whole.get("schema")),
            ..Projection::default()
        };
        if push(&mut self.model.projections, &name, projection) {
            self.described(&path, document);
            for row in rows {
                if let Some((_, event)) = self.index.event(row) {
                    self.comments.within(&path, format!("on {event}: {}", row.text_of("rule").trim()));
                }
            }
            self.comments.within(&path, "key: which field tells rows apart?");
            self.comments.within(&path, "duplicates: skip-by-position or idempotent, rebuild: side-by-side");
        }
    }
}

/// What a model has a counterpart of.
const KINDS: [&str; 11] = [
    "aggregate",
    "dynamic-consistency-boundary",
    "command",
    "event",
    "event-handler",
    "policy",
    "process-manager",
    "read-model",
    "entity",
    "value-object",
    "feature",
];
