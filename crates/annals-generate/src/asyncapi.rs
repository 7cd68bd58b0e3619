//! AsyncAPI 3.0 of the public events: what other contexts may rely on. Each is a CloudEvent, as `annals export` writes
//! it.

use std::collections::{BTreeMap, BTreeSet};

use annals_model::model::{Event, Model, Named, version};

use crate::document::{Doc, map, text, texts};
use crate::json_schema::{definitions, object, used, what};
use crate::names::kebab;
use crate::relations::by_stream;
use crate::slugs::Slugs;
use crate::{File, Impossible, Origin};

/// The media type of a CloudEvent in JSON.
const CLOUDEVENT: &str = "application/cloudevents+json";

/// Where the model's own types stand in the document.
const SCHEMAS: &str = "#/components/schemas/";

/// One file, `asyncapi.yaml`; none where no event is public.
///
/// # Errors
/// A type of the model has a name that AsyncAPI does not take.
pub fn generate(model: &Model, origin: &Origin) -> Result<Vec<File>, Impossible> {
    let mut slugs = Slugs::default();
    let public = model.events.iter().filter(|event| event.it.is_public);
    let public: Vec<(String, &Named<Event>)> =
        public.map(|event| (slugs.of(&event.name.value), event)).collect();
    if public.is_empty() {
        return Ok(Vec::new());
    }
    let types = used_by(model, &public);
    refuse_odd_types(&types, &public)?;
    let channels = channels(model, &public);
    let mut schemas = vec![("CloudEvent".to_owned(), envelope())];
    schemas.extend(public.iter().map(|(slug, event)| (slug.clone(), payload(model, event))));
    if let Doc::Map(own) = definitions(model, &types, SCHEMAS) {
        schemas.extend(own);
    }
    let messages = public.iter().map(|(slug, event)| (slug.clone(), message(model, slug, event)));
    let document = map([("asyncapi", text("3.0.0")), ("info", info(model))])
        .with("defaultContentType", text(CLOUDEVENT))
        .with("channels", Doc::Map(channels.iter().map(|of| (of.slug.clone(), of.channel())).collect()))
        .with(
            "operations",
            Doc::Map(channels.iter().map(|of| (format!("send-{}", of.slug), of.operation())).collect()),
        )
        .with(
            "components",
            map([("messages", Doc::Map(messages.collect())), ("schemas", Doc::Map(schemas))]),
        );
    Ok(vec![File::generated("asyncapi.yaml", format!("# {}\n{}", origin.remark(), document.yaml()))])
}

fn info(model: &Model) -> Doc {
    let context = model.context.as_ref().map_or("events", |context| context.value.as_str());
    let said = "The public events, as CloudEvents 1.0. The version is of this document: each message has that of its \
                event.";
    map([("title", text(context)), ("version", Doc::Text("1.0.0".to_owned())), ("description", text(said))])
        .with_some("contact", model.owner.as_ref().map(|owner| map([("name", text(&owner.value))])))
}

/// The public events of one stream.
struct Channel<'m> {
    slug: String,
    title: String,
    why: Option<&'m str>,
    key: Option<&'m str>,
    /// By the slug of a message, its component.
    messages: Vec<&'m str>,
}

fn channels<'m>(model: &'m Model, public: &'m [(String, &'m Named<Event>)]) -> Vec<Channel<'m>> {
    let slug_of: BTreeMap<&str, &str> =
        public.iter().map(|(slug, event)| (event.name.value.as_str(), slug.as_str())).collect();
    let mut slugs = Slugs::default();
    let mut channels = Vec::new();
    for (stream, events) in by_stream(model) {
        let messages: Vec<&str> =
            events.iter().filter_map(|event| slug_of.get(event.name.value.as_str()).copied()).collect();
        if messages.is_empty() {
            continue;
        }
        let of = stream.and_then(|name| model.stream(name)).map(|stream| &stream.it);
        let title = stream.unwrap_or("other events").to_owned();
        channels.push(Channel {
            slug: slugs.of(&title),
            title,
            why: of.and_then(|of| of.why.as_ref()).map(|why| why.value.as_str()),
            key: of.and_then(|of| of.key.as_ref()).map(|key| key.value.as_str()),
            messages,
        });
    }
    channels
}

impl Channel<'_> {
    fn channel(&self) -> Doc {
        let key = self.key.and_then(|key| Some((key, parameters(key)?)));
        // An address of null says that it is not known.
        let address = key.as_ref().map_or(Doc::Null, |(key, _)| text(*key));
        let messages = self
            .messages
            .iter()
            .map(|slug| ((*slug).to_owned(), map([("$ref", text(format!("#/components/messages/{slug}")))])));
        let parameters = key.map(|(_, parameters)| parameters).filter(|parameters| !parameters.is_empty());
        let parameters = parameters.map(|parameters| {
            let said = |name: &String| map([("description", text(format!("{name} of the stream")))]);
            Doc::Map(parameters.iter().map(|name| (name.clone(), said(name))).collect())
        });
        map([("address", address), ("title", text(&self.title))])
            .with_some("description", self.why.map(text))
            .with_some("parameters", parameters)
            .with("messages", Doc::Map(messages.collect()))
    }

    fn operation(&self) -> Doc {
        let slug = &self.slug;
        let messages = self
            .messages
            .iter()
            .map(|message| map([("$ref", text(format!("#/channels/{slug}/messages/{message}")))]));
        map([
            ("action", text("send")),
            ("channel", map([("$ref", text(format!("#/channels/{slug}")))])),
            ("messages", Doc::List(messages.collect())),
        ])
    }
}

/// The names in braces; `None` for an address that AsyncAPI does not take.
fn parameters(address: &str) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut rest = address;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if before.contains('}') || name.is_empty() || !name.chars().all(is_name) {
            return None;
        }
        names.insert(name.to_owned());
        rest = behind;
    }
    (!rest.contains('}') && !address.contains(['?', '#'])).then_some(names)
}

fn message(model: &Model, slug: &str, event: &Named<Event>) -> Doc {
    let stored = kebab(&event.name.value);
    let version = Doc::Number(version(&event.it).to_string());
    let own = map([
        ("type", map([("const", text(&stored))])),
        ("schemaversion", map([("const", version)])),
        ("data", map([("$ref", text(format!("{SCHEMAS}{slug}")))])),
    ]);
    let own = map([("type", text("object")), ("properties", own), ("required", texts(["data"]))]);
    let envelope = map([("$ref", text(format!("{SCHEMAS}CloudEvent")))]);
    map([
        ("name", text(&stored)),
        ("title", text(&event.name.value)),
        ("summary", text(what(model, event))),
        ("contentType", text(CLOUDEVENT)),
        ("payload", map([("allOf", Doc::List(vec![envelope, own]))])),
    ])
}

fn payload(model: &Model, event: &Named<Event>) -> Doc {
    if let Some(schema) = &event.it.schema {
        // A reference would be to a place that the reader of this document need not have.
        return map([("description", text(format!("As {} says.", schema.value)))]);
    }
    object(model, map([("type", text("object"))]), &event.it.fields, SCHEMAS)
}

/// The attributes of a CloudEvent as `annals export` writes them.
fn envelope() -> Doc {
    let string = |said: &str| map([("type", text("string")), ("description", text(said))]);
    let time = |said: &str| string(said).with("format", text("date-time"));
    let count = |said: &str| {
        map([
            ("type", texts(["integer", "string"])),
            ("description", text(format!("{said}; text past 2147483647"))),
        ])
    };
    let attributes = map([
        ("specversion", map([("const", text("1.0"))])),
        ("id", string("the id of the event, a UUID").with("format", text("uuid"))),
        ("source", string("the store, or the system that the event came from")),
        ("type", string("the stored type of the event")),
        ("subject", string("the stream")),
        ("time", time("when it occurred")),
        ("datacontenttype", string("application/json")),
        ("streamversion", count("the place in its stream, from 1")),
        ("position", count("the place in the store")),
        ("schemaversion", count("the version of its fields")),
        ("recordedtime", time("when it was stored")),
        ("correlationid", string("the id of the whole of which it is a part")),
        ("causationid", string("the id of what caused it")),
        ("traceparent", string("W3C trace context")),
        ("tracestate", string("W3C trace context")),
        ("tags", string("a JSON array of strings, as text")),
        ("metadata", string("a JSON object, as text")),
        ("predecessorhash", string("the hash of the event before it")),
        ("hash", string("the hash of the event")),
    ]);
    let required = [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "streamversion",
        "position",
        "schemaversion",
        "recordedtime",
    ];
    map([("type", text("object")), ("properties", attributes), ("required", texts(required))])
        .with("additionalProperties", Doc::Flag(true))
}

fn used_by<'m>(model: &'m Model, public: &[(String, &'m Named<Event>)]) -> BTreeSet<&'m str> {
    public.iter().flat_map(|(_, event)| used(model, &event.it.fields)).collect()
}

/// Components have names of a few characters, and one each.
fn refuse_odd_types(types: &BTreeSet<&str>, public: &[(String, &Named<Event>)]) -> Result<(), Impossible> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let odd = |name: &&&str| {
        !name.chars().all(is_plain) || **name == "CloudEvent" || public.iter().any(|(slug, _)| slug == **name)
    };
    match types.iter().find(odd) {
        None => Ok(()),
        Some(name) => Err(Impossible {
            message: format!("AsyncAPI cannot name a type {name}"),
            help: "name it with letters, digits, `.`, `-` and `_`, other than CloudEvent and the events"
                .to_owned(),
        }),
    }
}
