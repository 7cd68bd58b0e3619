//! What is allowed, what is known, and what is told of either.

use super::*;
use crate::model::{self, Model};
use crate::rules::find;
use crate::sample::{Sample, TypeSample};
use crate::shape::{StoreShape, Table};
use crate::text::Span;

static EVEN: Rule = Rule {
    id: "AN990",
    name: "bad-word",
    severity: Severity::Warning,
    reads: &[Input::Model, Input::Store],
    what: "the word BAD",
    why: "It is bad.",
    mend: &[],
    leave: "",
    sources: &[],
    bad: &[],
    good: &[],
    check: |rule, subject, findings| {
        for file in subject.texts.files() {
            for (start, word) in subject.texts.text(file).match_indices("BAD") {
                let span = Span { file, start, end: start + word.len() };
                findings.add(Finding::new(rule, Place::new("streams.bad.key", span), "bad"));
            }
        }
        for table in subject.stores.iter().filter(|store| store.is_live).flat_map(|store| &store.tables) {
            findings.add(Finding::new(rule, Place::new(format!("{}.x", table.name), None), "bad"));
        }
    },
};
static OTHER: Rule = Rule { id: "AN991", name: "other-word", check: |_, _, _| {}, ..EVEN };
static OF_SAMPLES: Rule = Rule { id: "AN992", name: "of-samples", reads: &[Input::Sample], ..OTHER };

fn subject(text: &str) -> Subject {
    let mut subject = Subject { model: Some(Model::default()), ..Subject::default() };
    subject.texts.add("annals.yaml", text);
    subject
}

fn reviewed(subject: &Subject) -> Report {
    let of_review = [rules::STALE_SUPPRESSION, rules::MODEL_FILE];
    review_by(&[of_review[0], of_review[1], &EVEN, &OTHER, &OF_SAMPLES], subject)
}

/// The lines and rules of what is told.
fn told(text: &str) -> Vec<(usize, &'static str)> {
    let subject = subject(text);
    let line = |place: &Place| place.span.map_or(0, |s| subject.texts.line_and_column(s.file, s.start).0);
    reviewed(&subject).findings.iter().map(|f| (line(&f.place), f.rule.id)).collect()
}

#[test]
fn a_comment_is_for_its_line_and_for_the_one_below() {
    assert_eq!(told("a: BAD\n"), [(1, "AN990")]);
    assert_eq!(told("a: BAD # annals: allow(AN990) because: so\nb: BAD\n"), [(2, "AN990")]);
    assert_eq!(told("a: 1\n# annals: allow(bad-word) because: so\nb: BAD\nc: BAD\n"), [(4, "AN990")]);
    assert_eq!(told("a: 1\n  -- annals: allow(an990) because: so\n  -- another\n  b BAD\n"), []);
    assert_eq!(told("a: 1\r\n# annals:allow( AN990 ) because: so\r\nb: BAD\r\n"), []);
}

#[test]
fn a_comment_above_everything_is_for_the_file() {
    assert_eq!(told("# the shop\n\n# annals: allow(AN990) because: so\na: BAD\n\nb: BAD\n"), []);
    let mut two = subject("# annals: allow(AN990) because: so\na: BAD\n");
    two.texts.add("more.annals.yaml", "b: BAD\n");
    let report = reviewed(&two);
    assert_eq!((report.findings.len(), report.allowed.len()), (1, 1));
    assert_eq!(report.allowed[0].because, "so");
}

#[test]
fn a_comment_without_a_reason_is_told_and_not_followed() {
    assert_eq!(told("x: 1\na: BAD # annals: allow(AN990)\n"), [(2, "AN990"), (2, "AN000")]);
    assert_eq!(told("x: 1\na: BAD # annals: allow(AN990) because:  \n"), [(2, "AN990"), (2, "AN000")]);
    for text in ["allow AN990", "allow()", "allow(AN990,) because: so", "allow(AN990) so", "allow(AN990"] {
        assert_eq!(told(&format!("x: 1\na: 1 # annals: {text}\n")), [(2, "AN000")], "{text}");
    }
    assert_eq!(told("# annals: 1 is the format; annals allow much\n"), []);
}

#[test]
fn each_rule_of_a_comment_has_to_be_there_for_something() {
    let text = "x: 1\na: BAD # annals: allow(AN990, AN991) because: so\n";
    let report = reviewed(&subject(text));
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].message, "`allow(AN991)` allows nothing: the rule finds nothing there");
    assert!(report.findings[0].edits.is_empty());
    assert_eq!(told("x: 1\n# annals: allow(AN99) because: so\n"), [(2, "AN000")]);
    assert_eq!(told("x: 1\n# annals: allow(AN000, AN001) because: so\n"), [(2, "AN000"), (2, "AN000")]);
}

#[test]
fn a_stale_comment_is_told_only_where_its_rule_was_asked() {
    assert_eq!(told("x: 1\n# annals: allow(AN992) because: there is no sample\n"), []);
    assert_eq!(told("x: 1\n\n# annals: allow(AN990) because: so\n\nb: 1\n"), [(3, "AN000")]);
}

#[test]
fn a_stale_comment_is_cut_with_its_line() {
    let cut = |text: &str| {
        let subject = subject(text);
        let report = reviewed(&subject);
        subject.texts.at(report.findings[0].edits[0].span).to_owned()
    };
    assert_eq!(
        cut("x: 1\n  # annals: allow(AN990) because: so\ny: 1\n"),
        "  # annals: allow(AN990) because: so\n"
    );
    assert_eq!(cut("x: 1  # annals: allow(AN990) because: so\n"), "  # annals: allow(AN990) because: so");
}

#[test]
fn a_path_allows_what_is_in_no_text() {
    let mut subject = subject("# annals: allow(AN990 events) because: rights are given elsewhere\n");
    let table = |name: &str| Table { name: name.to_owned(), ..Table::default() };
    let tables = vec![table("events"), table("events2")];
    let store =
        StoreShape { name: "postgres://db".to_owned(), tables, is_live: true, ..StoreShape::default() };
    subject.stores.push(store);
    let report = reviewed(&subject);
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].place.path, "events2.x");
    assert_eq!(report.source_of(&report.findings[0].place).unwrap().name, "postgres://db");
}

#[test]
fn what_events_say_allows_nothing() {
    let mut subject = subject("a: BAD\n");
    subject.texts.add("events.jsonl", "# annals: allow(AN990 streams) because: an event says so\n");
    subject.sample = Some(Sample { name: "events.jsonl".to_owned(), ..Sample::default() });
    let report = reviewed(&subject);
    assert_eq!(report.findings.iter().map(|f| f.rule.id).collect::<Vec<_>>(), ["AN990"]);
}

#[test]
fn what_weighs_most_is_told_first_and_then_what_stands_first() {
    let mut subject = subject("a: BAD\nb: BAD\n");
    subject.mistakes.push(model::Mistake {
        span: Span { file: subject.texts.files().next().unwrap(), start: 7, end: 8 },
        message: "wrong".to_owned(),
        help: Some("right".to_owned()),
    });
    let report = reviewed(&subject);
    let order: Vec<_> = report.findings.iter().map(|f| (f.rule.id, f.place.span.unwrap().start)).collect();
    assert_eq!(order, [("AN001", 7), ("AN990", 3), ("AN990", 10)]);
    assert_eq!((report.worst(), report.count(Severity::Warning)), (Some(Severity::Error), 2));
    assert!(report.checked.is_empty(), "nothing is clean where the model is not whole");
    subject.mistakes.clear();
    let report = reviewed(&subject);
    assert_eq!(report.checked.iter().map(|rule| rule.id).collect::<Vec<_>>(), ["AN991"]);
}

#[test]
fn the_rules_of_the_review_itself_find_what_is_bad_and_not_what_is_good() {
    for rule in [rules::STALE_SUPPRESSION, rules::MODEL_FILE] {
        let finds = |example: &rules::Example| {
            let rules::Example::Model(text) = example else { panic!("{example:?}") };
            let mut subject = Subject::default();
            let file = subject.texts.add("annals.yaml", format!("annals: 1\n{text}"));
            let (model, mistakes) = model::read(&subject.texts, &[file]);
            (subject.model, subject.mistakes) = (Some(model), mistakes);
            review(&subject).findings.iter().any(|finding| finding.rule.id == rule.id)
        };
        assert!(rule.bad.iter().all(finds), "{}", rule.id);
        assert!(!rule.good.iter().any(finds), "{}", rule.id);
        assert!(find(rule.id).is_some_and(Rule::is_of_review));
    }
}

#[test]
fn what_is_known_is_not_told_again_and_one_more_of_it_is() {
    let known = Baseline::of(&reviewed(&subject("a: BAD\nb: BAD\n")));
    let known = Baseline::parse(&known.to_string()).unwrap();
    assert_eq!(
        known.to_string(),
        "{\n  \"annals_baseline\": 1,\n  \"known\": [\n    { \"rule\": \"AN990\", \"path\": \"streams.bad.key\", \
         \"count\": 2 }\n  ]\n}\n"
    );
    let same = reviewed(&subject("\n\na: BAD\nb: BAD\n")).without(&known);
    assert_eq!((same.findings.len(), same.known.len()), (0, 2));
    assert!(known.gone(&same).is_empty());
    assert_eq!(Baseline::of(&same), known);

    let more = reviewed(&subject("a: BAD\nb: BAD\nc: BAD\n")).without(&known);
    assert_eq!((more.findings.len(), more.known.len()), (1, 2));

    let less = reviewed(&subject("a: BAD\n")).without(&known);
    let gone =
        Known { rule: "AN990".to_owned(), path: "streams.bad.key".to_owned(), count: 1, with: Vec::new() };
    assert_eq!(known.gone(&less), [gone]);
}

#[test]
fn a_finding_about_several_events_is_new_again_once_it_names_another() {
    let named = |events: &str| {
        let mut subject = Subject::default();
        let text = format!("annals: 1\nstreams:\n  order: {{ key: 'order-{{id}}' }}\nevents:\n{events}");
        let file = subject.texts.add("annals.yaml", text);
        subject.model = Some(model::read(&subject.texts, &[file]).0);
        review_by(&[find("AN102").unwrap()], &subject)
    };
    let event = |name: &str| format!("  {name}: {{ stream: order }}\n");
    let two = event("PlaceOrder") + &event("CreateOrder");
    let known = Baseline::of(&named(&two));
    let known = Baseline::parse(&known.to_string()).unwrap();
    assert!(known.to_string().contains(r#""with": ["events.CreateOrder", "events.PlaceOrder"]"#), "{known}");
    assert_eq!(named(&two).without(&known).findings.len(), 0);
    assert_eq!(named(&(two + &event("AddLine"))).without(&known).findings.len(), 1);
}

#[test]
fn what_is_said_of_the_review_is_never_known() {
    let stale = subject("x: 1\n# annals: allow(AN990) because: so\n");
    let known = Baseline::of(&reviewed(&stale));
    assert_eq!(known, Baseline::default());
    assert_eq!(Baseline::parse(&known.to_string()), Ok(known));
}

#[test]
fn a_baseline_that_is_none_is_refused_with_a_reason() {
    assert!(Baseline::parse("").unwrap_err().starts_with("no baseline: "));
    assert!(Baseline::parse("{\"annals_baseline\": 1}").unwrap_err().contains("known"));
    let newer = "{\"annals_baseline\": 2, \"known\": []}";
    assert_eq!(Baseline::parse(newer).unwrap_err(), "baseline of format 2, expected 1");
}

#[test]
fn what_was_read_is_said_of_each_source() {
    let mut subject = Subject::default();
    let file = subject.texts.add("annals.yaml", "annals: 1\n");
    let span = Span { file, start: 0, end: 6 };
    let name = |name: &str| crate::text::At { value: name.to_owned(), span };
    let mut model = Model { context: Some(name("shop")), ..Model::default() };
    model.streams.push(model::Named { name: name("order"), it: model::Stream::default() });
    model.events.extend(["a", "b"].map(|n| model::Named { name: name(n), it: model::Event::default() }));
    subject.model = Some(model);
    let view = Table { name: "shop.v".to_owned(), is_view: true, ..Table::default() };
    let tables = vec![Table { name: "shop.events".to_owned(), ..Table::default() }, view];
    subject.stores.push(StoreShape { name: "a.sql".to_owned(), tables, ..StoreShape::default() });
    let types = [("order-placed".to_owned(), TypeSample::default())].into();
    let name = "postgres://db".to_owned();
    let sample = Sample { name, types, read: 2400, events: Some(1_812_554), ..Sample::default() };
    subject.sample = Some(sample);
    let report = reviewed(&subject);
    let holds: Vec<&str> = report.sources.iter().map(|source| source.holds.as_str()).collect();
    assert_eq!(
        holds,
        [
            "1 stream, 2 events",
            "1 table, 1 view",
            "1 event type, 2 400 of 1 812 554 events (values are not shown)"
        ]
    );
    let source = |path: &str| report.source_of(&Place::new(path, None)).unwrap().name.as_str();
    assert_eq!((source("EVENTS.position"), source("order-placed.email")), ("a.sql", "postgres://db"));
    // A script has a line for what it says.
    let (mut both, script) = (report.clone(), file);
    both.sources[1].file = Some(script);
    let running = StoreShape { name: "sqlite:a.db".to_owned(), is_live: true, ..subject.stores[0].clone() };
    subject.stores.push(running);
    both.sources.push(reviewed(&subject).sources[2].clone());
    assert_eq!(both.source_of(&Place::new("shop.events.position", None)).unwrap().name, "sqlite:a.db");
}
