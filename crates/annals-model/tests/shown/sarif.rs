//! What is written as SARIF is SARIF: it is validated with the schema of OASIS.

use std::collections::BTreeSet;

use annals_model::finding::Place;
use annals_model::render;
use annals_model::review::Report;
use annals_model::text::Texts;
use serde_json::Value;

use super::support::{of_model_and_store, of_others, of_schema};

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(include_str!("../sarif/sarif-schema-2.1.0.json")).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn sarif(report: &Report, texts: &Texts) -> Value {
    serde_json::from_str(&render::sarif(report, texts)).unwrap()
}

#[test]
fn every_log_is_valid() {
    let validator = validator();
    for (report, texts) in [of_schema(), of_model_and_store(), of_others(), Default::default()] {
        let log = sarif(&report, &texts);
        let wrong: Vec<String> =
            validator.iter_errors(&log).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// The validator would not be worth much if it took anything.
#[test]
fn a_log_that_is_none_is_refused() {
    let (report, texts) = of_schema();
    let mut log = sarif(&report, &texts);
    log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0.into();
    assert!(!validator().is_valid(&log));
}

/// Code scanning refuses a log of which one result has no file.
#[test]
fn every_result_has_a_rule_an_address_and_a_line() {
    for (report, texts) in [of_schema(), of_model_and_store(), of_others()] {
        let log = sarif(&report, &texts);
        let run = &log["runs"][0];
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.is_empty() && !uri.contains(':'), "{uri}");
            assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
        }
    }
}

#[test]
fn a_fingerprint_outlives_lines_and_tells_two_of_one_place_apart() {
    let prints = |report: &Report, texts: &Texts| -> Vec<String> {
        let log = sarif(report, texts);
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect()
    };
    let (mut report, texts) = of_schema();
    let before = prints(&report, &texts);

    let mut moved = Texts::default();
    let file = moved.add("db/event_store.sql", format!("\n\n\n{}", super::support::SQL));
    for finding in &mut report.findings {
        let path = finding.place.path.clone();
        finding.place = Place::new(path, super::support::at(&moved, file, "position"));
        finding.others.clear();
        finding.edits.clear();
    }
    assert_eq!(prints(&report, &moved), before);

    report.findings.push(report.findings[0].clone());
    let prints = prints(&report, &moved);
    assert_eq!(prints.iter().collect::<BTreeSet<_>>().len(), prints.len());
}
