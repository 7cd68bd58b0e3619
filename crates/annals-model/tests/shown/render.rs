//! The formats of a review.

use annals_model::finding::{Finding, Place, Severity};
use annals_model::render::{self, Human};
use annals_model::review::Report;
use annals_model::text::{Span, Texts};

use super::support::{GUARD, expect, of_model_and_store, of_others, of_schema};

#[test]
fn a_schema_is_shown_with_its_excerpts_and_a_mend() {
    let (report, texts) = of_schema();
    expect("schema.human.txt", &render::human(&report, &texts, &Human::default()));
    expect(
        "schema.narrow.txt",
        &render::human(&report, &texts, &Human { width: 60, ascii: true, ..plain() }),
    );
    expect("schema.colour.txt", &render::human(&report, &texts, &Human { colour: true, ..plain() }));
    expect("schema.short.txt", &render::short(&report, &texts));
    expect("schema.json", &render::json(&report, &texts));
    expect("schema.sarif", &render::sarif(&report, &texts));
    expect("schema.github.txt", &render::github(&report, &texts));
    expect("schema.md", &render::markdown(&report, &texts));
}

#[test]
fn what_is_alike_is_told_together_and_a_store_without_text_by_its_path() {
    let (report, texts) = of_model_and_store();
    expect("model.human.txt", &render::human(&report, &texts, &plain()));
    expect("model.all.txt", &render::human(&report, &texts, &Human { all: true, ..plain() }));
    expect("model.short.txt", &render::short(&report, &texts));
    expect("model.sarif", &render::sarif(&report, &texts));
    expect("model.github.txt", &render::github(&report, &texts));
    expect("model.md", &render::markdown(&report, &texts));
}

#[test]
fn what_others_wrote_steers_no_terminal() {
    let (report, texts) = of_others();
    let shown = [
        ("others.human.txt", render::human(&report, &texts, &plain())),
        ("others.short.txt", render::short(&report, &texts)),
        ("others.json", render::json(&report, &texts)),
        ("others.sarif", render::sarif(&report, &texts)),
        ("others.github.txt", render::github(&report, &texts)),
        ("others.md", render::markdown(&report, &texts)),
    ];
    for (name, shown) in shown {
        let steers = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert_eq!(shown.find(steers), None, "{name}: {shown:?}");
        expect(name, &shown);
    }
}

#[test]
fn a_clean_review_says_what_was_checked() {
    let (report, texts) = of_schema();
    let report = Report { findings: Vec::new(), ..report };
    expect("clean.human.txt", &render::human(&report, &texts, &plain()));
    expect("clean.json", &render::json(&report, &texts));
    expect("clean.md", &render::markdown(&report, &texts));
    assert_eq!(render::short(&report, &texts), "");
}

#[test]
fn no_more_than_ten_findings_are_shown_unless_all_are_asked_for() {
    let texts = Texts::default();
    let finding = |n| Finding::new(&GUARD, Place::new(format!("t{n}.version"), None), format!("table {n}"));
    let severity = |n| if n % 2 == 0 { Severity::Error } else { Severity::Note };
    // Of two rules and weights each, so that none are alike.
    let findings: Vec<Finding> = (0..4).map(|n| finding(n).severity(severity(n))).collect();
    let mut report = Report { findings, ..Report::default() };
    let shown = render::human(&report, &texts, &plain());
    assert_eq!(shown.matches("guard-with-null").count(), 4, "{shown}");

    report.findings = (0..12).map(finding).collect();
    let shown = render::human(&report, &texts, &plain());
    assert_eq!(shown.matches("guard-with-null").count(), 1, "{shown}");
    assert!(shown.contains("and 6 more, shown with --all"), "{shown}");
    let all = render::human(&report, &texts, &Human { all: true, ..plain() });
    assert_eq!(all.matches("guard-with-null").count(), 12, "{all}");
}

/// Every span over texts that are hard to show, in every format: nothing panics.
#[test]
fn odd_spans_are_shown_as_far_as_they_are_there() {
    let hard = [
        "",
        "\n",
        "é",
        "a\tb\r\nü✓\r\n",
        "\r\n\r\n",
        "x",
        "\u{9b}\u{202e}\t€\n\n",
        "a: 1\n# ünd so\n\tb\n",
        "\u{feff}a\r",
    ];
    for text in hard {
        for start in 0..text.len() + 3 {
            for end in 0..text.len() + 3 {
                shows(text, start, end);
            }
        }
        shows(text, usize::MAX, usize::MAX);
        shows(text, 0, usize::MAX);
    }
}

/// Lines that are cut because no terminal is as wide.
#[test]
fn what_stands_far_out_in_a_line_is_shown() {
    for unit in ["x", "é", "漢字 ", "a\t", "👩‍👩‍👧 ", "\u{9b}", "e\u{301}"] {
        let text = format!("{}\n{0}", unit.repeat(250));
        for at in [0, 30, 120, 249, 251, 400, 5000] {
            for length in [0, 1, 200] {
                let start = at * unit.len();
                shows(&text, start, start + length);
            }
        }
    }
}

fn shows(text: &str, start: usize, end: usize) {
    let mut texts = Texts::default();
    let file = texts.add("odd", text);
    let span = Span { file, start, end };
    let whole = Span { file, start: 0, end: text.len() };
    let place = |span| Place::new("odd", Some(span)).saying("here");
    let finding = Finding::new(&GUARD, place(span), "odd")
        .and(place(whole))
        .and(place(Span { file, start: end, end: start }))
        .and(Place::new("odd", span))
        .edit(span, "with\nlines\tand ü")
        .edit(whole, "")
        .edit(Span { file, start: end, end }, "x");
    let edits_only =
        Finding { edits: vec![finding.edits[2].clone(), finding.edits[0].clone()], ..finding.clone() };
    let removed = Finding { edits: vec![finding.edits[1].clone()], others: Vec::new(), ..finding.clone() };
    let report = Report { findings: vec![finding, edits_only, removed], ..Report::default() };
    let all = Human { all: true, ..plain() };
    for how in [all, Human { width: 0, ascii: true, ..all }, Human { width: usize::MAX, colour: true, ..all }]
    {
        assert!(!render::human(&report, &texts, &how).is_empty());
    }
    assert!(!render::short(&report, &texts).is_empty());
    assert!(!render::json(&report, &texts).is_empty());
    assert!(!render::sarif(&report, &texts).is_empty());
    assert!(!render::github(&report, &texts).is_empty());
    assert!(!render::markdown(&report, &texts).is_empty());
}

fn plain() -> Human {
    Human::default()
}
