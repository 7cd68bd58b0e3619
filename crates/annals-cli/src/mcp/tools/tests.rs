//! What calls become.

use clap::Parser as _;
use serde_json::{Value, json};

use super::*;
use crate::Cli;

fn made(tool: &str, arguments: Value) -> Result<Call, String> {
    let Value::Object(arguments) = arguments else { panic!("{arguments} is no object") };
    (named(tool).unwrap().call)(arguments)
}

fn words(tool: &str, arguments: Value) -> Vec<String> {
    made(tool, arguments).unwrap().words
}

#[test]
fn calls_become_command_lines() {
    assert_eq!(
        words("check", json!({ "paths": ["annals.yaml"], "dialect": "mysql", "sample": 0 })),
        ["check", "--format=json", "--no-sample", "--dialect=mysql", "--", "annals.yaml"]
    );
    assert_eq!(words("explain", json!({ "rule": "AN203" })), ["explain", "--markdown", "--", "AN203"]);
    assert_eq!(words("fit", json!({})), ["fit", "--form"]);
    assert_eq!(words("diff", json!({ "old": "a", "new": "b" })), ["diff", "--json", "--", "a", "b"]);
    let verify = made("verify", json!({ "scratch": "sqlite:a.db", "rules": [1, 9] })).unwrap();
    assert_eq!(verify.words, ["verify", "--json", "--rule=1", "--rule=9"]);
    assert_eq!(verify.store.as_deref(), Some("sqlite:a.db"));
}

#[test]
fn no_value_is_read_as_an_option() {
    let check = words("check", json!({ "paths": ["--update-baseline", "-h"], "against": "--help" }));
    assert_eq!(check, ["check", "--format=json", "--against=--help", "--", "--update-baseline", "-h"]);
    for (tool, arguments) in [
        ("check", json!({ "paths": ["--help"], "store": "--help", "against": "-h" })),
        ("explain", json!({ "rule": "--help" })),
        ("fit", json!({ "model": "--help", "stream": "--help" })),
        ("diff", json!({ "old": "--help", "new": "-V" })),
        ("generate", json!({ "what": "rust", "paths": ["--help", "-V"] })),
        ("verify", json!({ "scratch": "--help", "model": "--help" })),
        ("sample", json!({ "store": "--help" })),
    ] {
        let words = words(tool, arguments);
        // Help and version would come as an error of their own kind.
        let asked = Cli::try_parse_from(std::iter::once("annals".to_owned()).chain(words.clone()));
        let kind = asked.err().map(|e| e.kind());
        let is_help = |kind| {
            matches!(kind, clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion)
        };
        assert!(!kind.is_some_and(is_help), "{words:?}");
    }
}

/// Whatever can be chosen is known to the command: the choices stand in the schemas of the tools.
#[test]
fn what_can_be_chosen_is_a_choice_of_the_command() {
    for what in choices("generate", "what") {
        for on in choices("generate", "on") {
            parses(words("generate", json!({ "what": what, "on": on, "files": [file()] })));
        }
    }
    for dialect in choices("check", "dialect") {
        parses(words("check", json!({ "paths": ["."], "dialect": dialect, "sample": 10 })));
    }
    for on in choices("fit", "on") {
        parses(words("fit", json!({ "model": "annals.yaml", "stream": "order", "on": on })));
        parses(words("fit", json!({ "answers": { "logic": 3, "crowd": true, "past": "who?" }, "on": on })));
    }
    parses(words("explain", json!({})));
    parses(words("sample", json!({ "store": "sqlite:a.db", "per_type": 20 })));
    parses(words("verify", json!({ "scratch": "sqlite:a.db", "rules": [24] })));
}

fn file() -> Value {
    json!({ "name": "annals.yaml", "text": "annals: 1" })
}

#[track_caller]
fn parses(words: Vec<String>) {
    let parsed = Cli::try_parse_from(std::iter::once("annals".to_owned()).chain(words.clone()));
    assert!(parsed.is_ok(), "{words:?}: {}", parsed.unwrap_err());
}

/// The choices of an argument, as its schema has them.
fn choices(tool: &str, argument: &str) -> Vec<String> {
    let schema = Value::Object((named(tool).unwrap().schema)());
    let text = schema["properties"][argument].to_string();
    let at = text.split("#/$defs/").nth(1).unwrap().split('"').next().unwrap();
    let plain = schema["$defs"][at]["enum"].as_array().into_iter().flatten();
    // A choice that says what it is stands alone.
    let told = schema["$defs"][at]["oneOf"].as_array().into_iter().flatten().map(|choice| &choice["const"]);
    let choices: Vec<String> = plain.chain(told).map(|choice| choice.as_str().unwrap().to_owned()).collect();
    assert!(choices.len() > 3, "{schema}");
    choices
}

#[test]
fn what_a_tool_does_not_take_is_refused_by_it_and_by_its_schema() {
    for (tool, arguments, says) in [
        ("check", json!({ "path": "." }), "unknown field `path`"),
        ("check", json!({ "paths": "." }), "invalid type"),
        ("check", json!({ "dialect": "oracle" }), "unknown variant"),
        ("check", json!({ "files": [{ "name": "a.sql" }] }), "missing field `text`"),
        ("check", json!({ "files": [{ "name": "a.sql", "text": "", "x": 1 }] }), "unknown field"),
        ("explain", json!({ "rule": 203 }), "invalid type"),
        ("fit", json!({ "answers": { "logic": [1] } }), "did not match"),
        ("generate", json!({}), "missing field `what`"),
        ("verify", json!({ "rules": [1] }), "missing field `scratch`"),
        ("verify", json!({ "scratch": true }), "invalid type"),
        ("sample", json!({ "values": true }), "unknown field"),
    ] {
        let schema = Value::Object((named(tool).unwrap().schema)());
        assert!(!jsonschema::validator_for(&schema).unwrap().is_valid(&arguments), "{tool} {arguments}");
        let refused = made(tool, arguments).unwrap_err();
        assert!(refused.contains(says), "{tool}: {refused}");
    }
    for (tool, arguments, says) in [
        ("check", json!({ "files": [{ "name": "../a.sql", "text": "" }] }), "is no name of a file"),
        ("check", json!({ "paths": [""] }), "a path is empty"),
        ("fit", json!({ "answers": { "logic": 1 }, "model": "a.yaml" }), "give one of them"),
        ("fit", json!({ "stream": "order" }), "of which model"),
        ("diff", json!({ "new": "a" }), "compared with what"),
        ("diff", json!({ "old": "a", "old_files": [file()], "new": "b" }), "give one of them"),
        ("diff", json!({ "old": "git:HEAD", "new_files": [file()] }), "git:REV goes with new, a path"),
        ("verify", json!({ "scratch": " " }), "names no database"),
    ] {
        let refused = made(tool, arguments).unwrap_err();
        assert!(refused.contains(says), "{tool}: {refused}");
    }
}

#[test]
fn a_schema_takes_nothing_that_is_not_in_it_and_says_what_everything_is() {
    for tool in &TOOLS {
        let schema = Value::Object((tool.schema)());
        assert_eq!(schema["type"], "object", "{}", tool.name);
        assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
        for (name, property) in schema["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{} {name}: {property}", tool.name);
        }
        assert!(jsonschema::meta::is_valid(&schema), "{schema}");
    }
}
