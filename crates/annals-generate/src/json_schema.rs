//! A JSON Schema (2020-12) of the payload of each event, in the version that is written today.
//!
//! An object may have more members than its schema knows: readers are tolerant, so that a newer writer can add a field
//! before every reader has heard of it.

use std::collections::BTreeSet;

use annals_model::model::{Event, Field, FieldType, Fields, Model, Named, version};

use crate::document::{Doc, map, text, texts};
use crate::names::kebab;
use crate::slugs::Slugs;
use crate::{File, Impossible, Origin};

/// One file an event: `order-placed.schema.json`. An event whose schema is a file already has none made.
///
/// # Errors
/// None so far; every model has schemas.
pub fn generate(model: &Model, origin: &Origin) -> Result<Vec<File>, Impossible> {
    let mut slugs = Slugs::default();
    let file = |event: &Named<Event>| {
        let path = format!("{}.schema.json", slugs.of(&event.name.value));
        File::generated(path, schema(model, event, origin).json())
    };
    Ok(model.events.iter().filter(|event| event.it.schema.is_none()).map(file).collect())
}

fn schema(model: &Model, event: &Named<Event>, origin: &Origin) -> Doc {
    let name = &event.name.value;
    let head = map([
        ("$schema", text("https://json-schema.org/draft/2020-12/schema")),
        ("$comment", text(origin.remark())),
        ("title", text(name)),
        (
            "description",
            text(format!(
                "{} More members than these may come: a reader passes them over.",
                what(model, event)
            )),
        ),
        ("x-event-type", text(kebab(name))),
        ("x-schema-version", Doc::Number(version(&event.it).to_string())),
        ("type", text("object")),
    ]);
    let doc = object(model, head, &event.it.fields, "#/$defs/");
    let used = used(model, &event.it.fields);
    if used.is_empty() { doc } else { doc.with("$defs", definitions(model, &used, "#/$defs/")) }
}

/// What an event is, in one sentence.
pub(crate) fn what(model: &Model, event: &Named<Event>) -> String {
    let of =
        event.it.stream.as_ref().map(|stream| format!(" of stream {}", stream.value)).unwrap_or_default();
    let context = model.context.as_ref().map(|it| format!(", in {}", it.value)).unwrap_or_default();
    format!("The payload of event {}{of}{context}, version {}.", kebab(&event.name.value), version(&event.it))
}

/// An object of these fields; it takes more members than it knows.
pub(crate) fn object(model: &Model, head: Doc, of: &Fields, to: &str) -> Doc {
    let properties =
        of.iter().map(|field| (field.name.value.clone(), property(model, &field.it, to))).collect();
    let required = of.iter().filter(|field| !field.it.is_optional).map(|field| field.name.value.as_str());
    head.with("properties", Doc::Map(properties))
        .with("required", texts(required))
        .with("additionalProperties", Doc::Flag(true))
}

/// The model's own types of these names.
pub(crate) fn definitions(model: &Model, names: &BTreeSet<&str>, to: &str) -> Doc {
    let own = model.types.iter().filter(|own| names.contains(own.name.value.as_str()));
    Doc::Map(
        own.map(|own| {
            let object = object(model, map([("type", text("object"))]), &own.it, to);
            (own.name.value.clone(), object)
        })
        .collect(),
    )
}

/// The model's own types that fields are made of, through all levels.
pub(crate) fn used<'m>(model: &'m Model, fields: &'m Fields) -> BTreeSet<&'m str> {
    let mut used = BTreeSet::new();
    let mut open: Vec<&FieldType> = fields.iter().map(|field| &field.it.kind.value).collect();
    while let Some(kind) = open.pop() {
        match kind {
            FieldType::Name(name) => {
                let own = model.types.iter().find(|own| own.name.value == *name);
                if let Some(own) = own
                    && used.insert(name.as_str())
                {
                    open.extend(own.it.iter().map(|field| &field.it.kind.value));
                }
            }
            FieldType::List(of) => open.push(of),
            FieldType::Fields(of) => open.extend(of.iter().map(|(_, kind)| kind)),
            FieldType::OneOf(_) => {}
        }
    }
    used
}

fn property(model: &Model, field: &Field, to: &str) -> Doc {
    let schema = kind(model, &field.kind.value, to);
    let is_said = field.note.is_some() || field.computed.is_some() || field.privacy.is_some();
    let schema = match schema {
        schema if field.is_optional => or_null(schema),
        // Older dialects pass over what stands beside a reference.
        Doc::Map(members) if is_said && members.iter().any(|(name, _)| name == "$ref") => {
            map([("allOf", Doc::List(vec![Doc::Map(members)]))])
        }
        schema => schema,
    };
    schema
        .with_some("description", field.note.as_ref().map(|note| text(&note.value)))
        .with_some("x-computed", field.computed.as_ref().map(|computed| text(&computed.value)))
        .with_some("x-privacy", field.privacy.as_ref().map(|privacy| text(&privacy.value)))
}

/// What may be missing may be null as well, since many writers put null for nothing.
fn or_null(schema: Doc) -> Doc {
    match schema {
        Doc::Map(members) if members.is_empty() => Doc::Map(members),
        schema => map([("anyOf", Doc::List(vec![schema, map([("type", text("null"))])]))]),
    }
}

fn kind(model: &Model, of: &FieldType, to: &str) -> Doc {
    let of_type = |name: &str| map([("type", text(name))]);
    let formatted = |format: &str| of_type("string").with("format", text(format));
    match of {
        FieldType::Name(name) if model.types.iter().any(|own| own.name.value == *name) => {
            map([("$ref", text(format!("{to}{}", pointer(name))))])
        }
        FieldType::Name(name) => match name.as_str() {
            "uuid" => formatted("uuid"),
            "time" => formatted("date-time"),
            "date" => formatted("date"),
            "text" => of_type("string"),
            "int" => of_type("integer"),
            "float" => of_type("number"),
            "bool" => of_type("boolean"),
            "bytes" => of_type("string").with("contentEncoding", text("base64")),
            // As text it passes through readers that know only binary numbers.
            "decimal" => {
                map([("type", texts(["string", "number"]))]).with("pattern", text(r"^-?[0-9]+(\.[0-9]+)?$"))
            }
            // `json`, or a type that the model does not have: anything.
            _ => map([]),
        },
        FieldType::List(of) => of_type("array").with("items", kind(model, of, to)),
        FieldType::Fields(of) => {
            let properties = of.iter().map(|(name, of)| (name.clone(), kind(model, of, to))).collect();
            of_type("object")
                .with("properties", Doc::Map(properties))
                .with("required", texts(of.iter().map(|(name, _)| name.as_str())))
                .with("additionalProperties", Doc::Flag(true))
        }
        FieldType::OneOf(of) if of.is_empty() => of_type("string"),
        FieldType::OneOf(of) => {
            let mut seen = BTreeSet::new();
            of_type("string")
                .with("enum", texts(of.iter().filter(|one| seen.insert(*one)).map(String::as_str)))
        }
    }
}

/// A name within a reference: escaped as a JSON Pointer, and then as the fragment of an address.
fn pointer(name: &str) -> String {
    let mut out = String::new();
    for byte in name.replace('~', "~0").replace('/', "~1").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte.into()),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
