//! The pages of the rules under docs/rules, which findings link to.

use std::path::Path;

use annals_model::explain::explain;
use annals_model::rules::RULES;

const INDEX: &str = "# Rules of review\n\n`annals check` asks these; `annals explain ID` shows a page at the terminal. \
                     The pages are written by the tests of annals-model.\n\n| rule | | |\n| --- | --- | --- |\n";

#[test]
fn every_rule_has_its_page() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules");
    let line = |id: &str, name: &str, severity: &str, what: &str| {
        format!("| [{id}]({id}.md) {name} | {severity} | {} |\n", what.replace('|', "\\|"))
    };
    let lines: String =
        RULES.iter().map(|rule| line(rule.id, rule.name, rule.severity.name(), rule.what)).collect();
    let mut pages = vec![("README".to_owned(), format!("{INDEX}{lines}"))];
    pages.extend(RULES.iter().map(|rule| (rule.id.to_owned(), explain(rule))));
    for (name, page) in &pages {
        let file = folder.join(format!("{name}.md"));
        if std::env::var_os("ANNALS_UPDATE_EXPECTED").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, page).unwrap();
        }
        let known = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            known == *page,
            "{} is not its rule's page; ANNALS_UPDATE_EXPECTED=1 writes it",
            file.display()
        );
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), pages.len(), "a page without a rule");
}

/// What the guide shows is a model without a mistake and with nothing to find.
#[test]
fn the_model_of_the_guide_is_clean() {
    let guide = include_str!("../../../docs/guide/review.md");
    let (_, rest) = guide.split_once("```yaml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let mut subject = annals_model::Subject::default();
    let file = subject.texts.add("annals.yaml", text);
    let (model, mistakes) = annals_model::model::read(&subject.texts, &[file]);
    (subject.model, subject.mistakes) = (Some(model), mistakes);
    let report = annals_model::review::review(&subject);
    assert_eq!(annals_model::render::short(&report, &subject.texts), "");
}
