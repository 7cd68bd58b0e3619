//! The JSON Schema says of a file what the reader says of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::{Value as Json, json};

use crate::rules::{Example, RULES};
use crate::text::Texts;

use super::entries::Reader;
use super::{Mistake, Model, SCHEMA, node};

thread_local! {
    static HEARD: RefCell<BTreeMap<String, BTreeSet<&'static str>>> = RefCell::default();
}

/// The reader asked these keys of something.
pub(super) fn heard(of: &str, keys: &[&'static str]) {
    HEARD.with_borrow_mut(|heard| heard.entry(of.to_owned()).or_default().extend(keys));
}

/// A file in which each construct is used, most of them in each of their forms.
const WHOLE: &str = include_str!("../../tests/models/everything.yaml");

fn schema() -> (Json, Validator) {
    let schema: Json = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    (schema, validator)
}

/// What a text says to a reader of YAML who knows nothing of models.
fn as_json(text: &str) -> Json {
    serde_saphyr::from_str(text).unwrap()
}

/// What the reader says of the form alone, not of what is referred to.
fn mistakes(text: &str) -> Vec<Mistake> {
    let mut texts = Texts::default();
    let file = texts.add("annals.yaml", text);
    let mut reader = Reader::default();
    match node::parse(&texts, file) {
        Ok(node) => reader.file(node, true, &mut Model::default()),
        Err(mistake) => reader.wrong(mistake),
    }
    reader.mistakes
}

#[test]
fn every_example_model_is_valid() {
    let (_, validator) = schema();
    assert!(jsonschema::draft202012::meta::is_valid(&schema().0));
    let shop = include_str!("../../tests/models/shop.yaml");
    let mut models = vec![WHOLE.to_owned(), shop.to_owned()];
    for example in
        RULES.iter().filter(|rule| !rule.is_of_review()).flat_map(|rule| rule.bad.iter().chain(rule.good))
    {
        match example {
            Example::Model(text) => models.push(format!("annals: 1\n{text}")),
            Example::Change(before, now) => {
                models.extend([before, now].map(|text| format!("annals: 1\n{text}")));
            }
            Example::Sql(_) | Example::Events(_) => {}
        }
    }
    for text in models {
        assert_eq!(mistakes(&text), []);
        let invalid: Vec<String> =
            validator.iter_errors(&as_json(&text)).map(|e| format!("{} {e}", e.instance_path())).collect();
        assert_eq!(invalid, Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_reader_asks_for_the_keys_that_the_schema_has_and_no_others() {
    let (schema, _) = schema();
    assert_eq!(mistakes(WHOLE), []);
    let heard = HEARD.take();
    // What the reader calls them, without their names.
    let called = |of: &str| {
        let name = match of.strip_prefix("class of personal data") {
            Some(_) => "privacy",
            None => of.trim_start_matches("an ").trim_start_matches("a ").split(' ').next().unwrap_or(of),
        };
        match name {
            "field" => "said-field".to_owned(),
            "retain" => "retained".to_owned(),
            name => name.to_owned(),
        }
    };
    let mut asked: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (of, keys) in &heard {
        asked.entry(called(of)).or_default().extend(keys);
    }
    let mut has: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let keys = |of: &'_ Json| -> BTreeSet<String> {
        of["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let (defs, root) = (schema["$defs"].as_object().unwrap(), keys(&schema));
    has.insert("model".to_owned(), root.iter().map(String::as_str).collect());
    for (name, def) in defs.iter().filter(|(_, def)| def.get("properties").is_some()) {
        assert_eq!(def["additionalProperties"], json!(false), "{name}");
        let properties = def["properties"].as_object().unwrap();
        assert!(properties.values().all(|of| of.get("description").is_some()), "{name}");
        has.insert(name.clone(), properties.keys().map(String::as_str).collect());
    }
    // The one that is told from an event by its key.
    assert_eq!(has.remove("rejection"), Some(BTreeSet::from(["rejects"])));
    assert_eq!(asked, has);
}

/// A model with something in it changed, each thing in turn.
#[test]
fn what_one_of_them_refuses_the_other_refuses_as_well() {
    let (_, validator) = schema();
    let whole = as_json(WHOLE);
    let mut refused = 0;
    let mut changed = 0;
    for path in paths(&whole) {
        for change in CHANGES {
            let mut model = whole.clone();
            change(&mut model, &path);
            let text = model.to_string();
            let told = mistakes(&text);
            assert_eq!(validator.is_valid(&model), told.is_empty(), "{path:?} {told:?}\n{text}");
            changed += 1;
            refused += usize::from(!told.is_empty());
        }
    }
    assert!(refused > 500 && changed - refused > 500, "{refused} of {changed} refused");
}

/// The keys, or the numbers in lists, that lead somewhere.
type Path = Vec<String>;

const CHANGES: [fn(&mut Json, &Path); 11] = [
    remove,
    |model, path| rename(model, path, "misspelt"),
    |model, path| rename(model, path, "rejects"),
    |model, path| replace(model, path, Json::Null),
    |model, path| replace(model, path, json!("some words")),
    |model, path| replace(model, path, json!(7)),
    |model, path| replace(model, path, json!(true)),
    |model, path| replace(model, path, json!([])),
    |model, path| replace(model, path, json!(["one", "two"])),
    |model, path| replace(model, path, json!({})),
    |model, path| replace(model, path, json!({ "one": "text", "is": ["int"] })),
];

fn paths(of: &Json) -> Vec<Path> {
    let below = |key: String, of: &Json| {
        let longer = |mut path: Path| {
            path.insert(0, key.clone());
            path
        };
        std::iter::once(vec![key.clone()]).chain(paths(of).into_iter().map(longer)).collect::<Vec<_>>()
    };
    match of {
        Json::Object(entries) => entries.iter().flat_map(|(key, of)| below(key.clone(), of)).collect(),
        Json::Array(items) => items.iter().enumerate().flat_map(|(n, of)| below(n.to_string(), of)).collect(),
        _ => Vec::new(),
    }
}

fn pointer(path: &[String]) -> String {
    path.iter().map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1"))).collect()
}

fn replace(model: &mut Json, path: &Path, by: Json) {
    *model.pointer_mut(&pointer(path)).unwrap() = by;
}

fn remove(model: &mut Json, path: &Path) {
    let (last, parent) = path.split_last().unwrap();
    match model.pointer_mut(&pointer(parent)).unwrap() {
        Json::Object(entries) => drop(entries.remove(last)),
        Json::Array(items) => drop(items.remove(last.parse().unwrap())),
        _ => unreachable!("a path leads through lists and mappings"),
    }
}

fn rename(model: &mut Json, path: &Path, to: &str) {
    let (last, parent) = path.split_last().unwrap();
    if let Json::Object(entries) = model.pointer_mut(&pointer(parent)).unwrap() {
        let value = entries.remove(last).unwrap();
        entries.insert(to.to_owned(), value);
    }
}
