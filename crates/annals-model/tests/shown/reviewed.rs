//! Reviews from text to what is shown.

use annals_model::Subject;
use annals_model::model::{self, Mistake, Model};
use annals_model::render::{self, Human};
use annals_model::review::{self, Report, review};
use annals_model::rules::Rule;
use annals_model::shape::{self, StoreShape, Unread};

use super::support::{at, expect};

/// What a review of a text says of these rules, whatever others say.
fn reviewed(subject: &Subject, is_meant: impl Fn(&Rule) -> bool) -> Report {
    let mut report = review(subject);
    report.findings.retain(|finding| is_meant(finding.rule));
    report.checked.clear();
    report.good.clear();
    report
}

#[test]
fn what_is_not_understood_in_a_model_is_shown_like_any_finding() {
    let mut subject = Subject::default();
    let file = subject.texts.add("annals.yaml", "annals: 1\nstraems:\n  order: {}\nevents: {}\n");
    let mistake = |part: &str, message: &str, help: Option<&str>| Mistake {
        span: at(&subject.texts, file, part),
        message: message.to_owned(),
        help: help.map(str::to_owned),
    };
    subject.mistakes = vec![
        mistake(
            "straems",
            "`straems` is not known, expected streams, events, commands",
            Some("`streams` may be meant"),
        ),
        mistake("order", "no stream has a key", None),
        mistake("{}\nevents", "found nothing", None),
        mistake("events", "no events", None),
    ];
    subject.model = Some(Model::default());
    let report = reviewed(&subject, Rule::is_of_review);
    expect("mistake.human.txt", &render::human(&report, &subject.texts, &Human::default()));
    expect("mistake.short.txt", &render::short(&report, &subject.texts));
    let alone = review::mistakes(&subject.mistakes, &subject.texts);
    assert_eq!(render::short(&alone, &subject.texts), render::short(&report, &subject.texts));
}

#[test]
fn what_is_wrong_with_comments_that_allow_is_shown() {
    let text = "\
# annals: allow(AN999) because: it was so
annals: 1
context: shop   # annals: allow(AN301)
# annals: allow(AN301) because: readings are facts
owner: team-orders
# annals: allow AN301
";
    let mut subject = Subject { model: Some(Model::default()), ..Subject::default() };
    subject.texts.add("annals.yaml", text);
    let report = reviewed(&subject, Rule::is_of_review);
    expect("allow.human.txt", &render::human(&report, &subject.texts, &Human::default()));
}

#[test]
fn what_of_a_schema_was_not_read_is_told_together() {
    let mut subject = Subject::default();
    let text = "\
DO $$
BEGIN
  EXECUTE 'CREATE UNIQUE INDEX ON ' || current_schema() || '.events (stream, version)';
END $$;
CREATE OPERATOR CLASS one;
CREATE OPERATOR CLASS two;
";
    let file = subject.texts.add("store.sql", text);
    let unread =
        |what: &str, part: &str| Unread { what: what.to_owned(), span: Some(at(&subject.texts, file, part)) };
    let unread = vec![
        unread("DO block", text.split_once(";\nCREATE").unwrap().0),
        unread("CREATE OPERATOR", "CREATE OPERATOR CLASS one"),
        unread("CREATE OPERATOR", "CREATE OPERATOR CLASS two"),
    ];
    subject.stores.push(StoreShape { name: "store.sql".to_owned(), unread, ..StoreShape::default() });
    let report = reviewed(&subject, |rule| rule.id == "AN221");
    expect("unread.human.txt", &render::human(&report, &subject.texts, &Human::default()));
}

/// Whatever rules there are and will be, a real schema and a real model are reviewed and shown whole.
#[test]
fn a_real_schema_and_a_real_model_are_shown_in_every_format() {
    let mut subject = Subject::default();
    let model = subject.texts.add("shop.yaml", include_str!("../models/shop.yaml"));
    let (read, mistakes) = model::read(&subject.texts, &[model]);
    assert_eq!(mistakes, []);
    subject.model = Some(read);
    let sql = subject.texts.add("store.sql", super::support::SQL);
    subject.stores.push(shape::sql::read(&subject.texts, sql, None));
    let report = review(&subject);
    let names: Vec<&str> = report.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["shop.yaml", "store.sql"]);
    assert!(report.findings.iter().all(|finding| finding.rule.id != "AN000"));
    let texts = &subject.texts;
    let shown = [
        render::human(&report, texts, &Human { all: true, ..Human::default() }),
        render::json(&report, texts),
        render::sarif(&report, texts),
        render::markdown(&report, texts),
    ];
    assert!(shown.iter().all(|shown| !shown.is_empty()));
    let lines = report.findings.len();
    assert_eq!(render::short(&report, texts).lines().count(), lines);
    assert_eq!(render::github(&report, texts).lines().count(), lines);
}
