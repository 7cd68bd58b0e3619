//! What is written as JSON Schema and as AsyncAPI is what it says it is.

use annals_generate::{asyncapi, json_schema};
use annals_model::model::{Model, Saying, Then};
use serde_json::{Value, json};

use crate::support::{library, models, of, one, origin};

fn schema_of(model: &Model, event: &str) -> Option<Value> {
    let files = json_schema::generate(model, &origin("json-schema")).unwrap();
    let schemas = files.iter().map(|file| serde_json::from_str::<Value>(&file.text).unwrap());
    schemas.into_iter().find(|schema| schema["title"] == event)
}

fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

#[test]
fn every_schema_is_one_of_2020_12() {
    for (name, model) in models() {
        for file in json_schema::generate(&model, &origin("json-schema")).unwrap() {
            let schema: Value = serde_json::from_str(&file.text).unwrap();
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
            jsonschema::meta::validate(&schema).unwrap_or_else(|e| panic!("{name}: {}: {e}", file.path));
            // References are looked up when it is built.
            validator(&schema);
        }
    }
}

fn said(model: &Model) -> Vec<Saying> {
    let mut said = Vec::new();
    for example in &model.examples {
        said.extend(example.given.iter().map(|given| given.value.clone()));
        if let Some(Then::Events(events)) = example.then.as_ref().map(|then| &then.value) {
            said.extend(events.iter().cloned());
        }
    }
    said
}

#[test]
fn the_events_of_the_examples_are_valid() {
    let model = library();
    let said = said(&model);
    assert_eq!(said.len(), 3);
    for saying in said {
        let payload = serde_json::to_value(&saying.fields).unwrap();
        let schema = schema_of(&model, &saying.name).unwrap();
        if let Err(e) = validator(&schema).validate(&payload) {
            panic!("{}: {e}", saying.name);
        }
    }
}

#[test]
fn a_payload_that_is_none_is_refused_and_one_that_says_more_is_not() {
    let schema = schema_of(&library(), "BookReturned").unwrap();
    let validator = validator(&schema);
    let good = json!({
        "loan_id": "0198c5a0-0000-7000-8000-000000000001", "at": "2026-11-20T10:00:00Z",
        "fee": { "amount": 1.5, "currency": "EUR" }, "marks": [{ "page": 1, "what": "x", "more": true }], "more": 1,
    });
    assert!(validator.is_valid(&good));
    for (path, wrong) in [
        ("/loan_id", json!("17")),
        ("/at", json!("yesterday")),
        ("/at", json!(null)),
        ("/fee/amount", json!("much")),
        ("/fee/currency", json!("USD")),
        ("/fee", json!({ "amount": "1" })),
        ("/marks", json!([{ "page": 1.5, "what": "x" }])),
        ("/marks", json!({})),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap() = wrong.clone();
        assert!(!validator.is_valid(&bad), "{path}: {wrong}");
    }
    assert_eq!(schema_of(&library(), "BookLent").unwrap()["properties"]["note"]["x-privacy"], "personal");
}

#[test]
fn an_event_with_a_schema_in_a_file_has_none_made() {
    let model =
        of("annals: 1\nstreams: { s: }\nevents: { A: { stream: s, schema: a.json, public: true } }\n");
    assert_eq!(json_schema::generate(&model, &origin("json-schema")).unwrap(), []);
    assert!(one(&model, "asyncapi").contains("As a.json says."));
}

fn asyncapi_validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(include_str!("../asyncapi/asyncapi-3.0.0.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn asyncapi_of(model: &Model) -> Option<Value> {
    let files = asyncapi::generate(model, &origin("asyncapi")).unwrap();
    files.first().map(|file| serde_saphyr::from_str(&file.text).unwrap())
}

#[test]
fn every_document_is_asyncapi_3() {
    let validator = asyncapi_validator();
    let mut documents = 0;
    for (name, model) in models() {
        let Some(document) = asyncapi_of(&model) else { continue };
        documents += 1;
        let wrong: Vec<String> =
            validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
        references(&document, &document);
    }
    assert!(documents >= 3);
}

/// The validator would not be worth much if it took anything.
#[test]
fn a_document_that_is_none_is_refused() {
    let mut document = asyncapi_of(&library()).unwrap();
    document["operations"]["send-loan"]["action"] = "publish".into();
    assert!(!asyncapi_validator().is_valid(&document));
}

/// Every reference leads to something in the document.
fn references(of: &Value, document: &Value) {
    match of {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get("$ref") {
                let to = to.strip_prefix('#').unwrap();
                assert!(document.pointer(to).is_some(), "{to}");
            }
            members.values().for_each(|of| references(of, document));
        }
        Value::Array(items) => items.iter().for_each(|of| references(of, document)),
        _ => {}
    }
}

/// A line as `annals export` writes it.
#[test]
fn an_exported_event_fits_its_message() {
    let document = asyncapi_of(&library()).unwrap();
    let message = &document["components"]["messages"]["book-lent"]["payload"];
    let schema = json!({ "allOf": message["allOf"], "components": document["components"] });
    let event = json!({
        "specversion": "1.0", "id": "0198c5a0-0000-7000-8000-000000000002", "source": "/annals/library",
        "type": "book-lent", "subject": "loan-1", "time": "2026-11-20T10:00:00.000000Z",
        "datacontenttype": "application/json", "streamversion": 1, "position": 7, "schemaversion": 2,
        "recordedtime": "2026-11-20T10:00:00.100000Z", "tags": "[\"loan_id:1\"]",
        "data": {
            "loan_id": "0198c5a0-0000-7000-8000-000000000001",
            "member_id": "0198c5a0-0000-7000-8000-0000000000aa", "due": "2026-12-01",
        },
    });
    let validator = validator(&schema);
    if let Err(e) = validator.validate(&event) {
        panic!("{e}");
    }
    for (path, wrong) in
        [("/type", json!("book-returned")), ("/schemaversion", json!(1)), ("/data/due", json!(7))]
    {
        let mut other = event.clone();
        *other.pointer_mut(path).unwrap() = wrong;
        assert!(!validator.is_valid(&other), "{path}");
    }
}

#[test]
fn only_public_events_are_told() {
    let document = asyncapi_of(&library()).unwrap();
    let messages: Vec<&String> = document["components"]["messages"].as_object().unwrap().keys().collect();
    assert_eq!(messages, ["book-lent", "book-returned"]);
    let none = of("annals: 1\nstreams: { s: }\nevents: { A: { stream: s } }\n");
    assert_eq!(asyncapi_of(&none), None);
}

#[test]
fn a_type_that_asyncapi_cannot_name_is_refused_with_what_to_do() {
    let text =
        "annals: 1\ntypes: { 'a b': { x: int } }\nevents: { A: { public: true, fields: { f: 'a b' } } }\n";
    let impossible = asyncapi::generate(&of(text), &origin("asyncapi")).unwrap_err();
    assert_eq!(impossible.message, "AsyncAPI cannot name a type a b");
    assert!(impossible.help.starts_with("name it with letters"));
}
