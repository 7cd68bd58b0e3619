//! Every kind of document, of every model.

use std::collections::{BTreeMap, BTreeSet};

use annals_generate::Origin;
use annals_model::model::Model;

use crate::support::{everything, expect, library, models, of, one};

#[test]
fn the_library_is_shown_as_expected() {
    for (kind, files) in everything(&library()) {
        for file in files.iter().filter(|_| kind != "html") {
            expect(&file.path, &file.text);
        }
    }
    let html = one(&library(), "html");
    // Style and script stand in files of their own.
    let start = html.find("<body>").unwrap();
    let end = html.find("<script>").unwrap();
    expect("catalogue.body.html", &format!("{}\n", &html[start..end]));
}

#[test]
fn every_kind_of_every_model_says_from_what_it_was_made_and_is_the_same_again() {
    let models = models().into_iter().chain([
        ("nothing".to_owned(), Model::default()),
        ("names alone".to_owned(), of("annals: 1\nstreams: { a: }\nevents: { B: }\ncommands: { C: }\nprojections: { d: }\nprocesses: { e: }\nprivacy: { f: {} }\ntypes: { G: {} }\nexamples: [{ given: [] }]\n")),
    ]);
    for (name, model) in models {
        let made = everything(&model);
        assert_eq!(made, everything(&model), "{name}");
        for (kind, files) in made {
            let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
            assert_eq!(paths.len(), files.len(), "{name}: two files of {kind} have one name");
            for file in &files {
                let head: Vec<&str> = file.text.lines().take(5).collect();
                assert!(
                    head.iter().any(|line| line.contains(Origin::MARK)),
                    "{name}: {}: {head:?}",
                    file.path
                );
                assert!(file.text.ends_with('\n'), "{name}: {}", file.path);
            }
        }
    }
}

/// What a link leads to, in Markdown or HTML, is on the page, once.
#[test]
fn every_link_leads_somewhere() {
    for (name, model) in models() {
        for (kind, link, id) in [("markdown", "](#", "<a id=\""), ("html", "href=\"#", " id=\"")] {
            let text = one(&model, kind);
            let parts = |mark: &str| -> Vec<String> {
                let ends = |c: char| c == '"' || c == ')';
                text.split(mark).skip(1).map(|part| part.split(ends).next().unwrap().to_owned()).collect()
            };
            let mut ids: BTreeMap<String, usize> = BTreeMap::new();
            for id in parts(id) {
                *ids.entry(id).or_default() += 1;
            }
            if kind == "markdown" {
                assert!(text.contains("## Contents"));
            }
            assert!(ids.values().all(|count| *count == 1), "{name}: {ids:?}");
            let links = parts(link);
            assert!(links.len() > 10, "{name}");
            for link in links {
                assert!(ids.contains_key(&link), "{name}: {kind}: #{link} is not there");
            }
        }
    }
}

#[test]
fn what_the_model_leaves_open_is_asked() {
    let markdown = one(&library(), "markdown");
    for question in [
        "Which rule draws the boundary of [member](#stream-member)?",
        "How long are events of [member](#stream-member) kept, and what happens then?",
        "What makes a repetition of [Join](#command-join) the same command?",
        "What happens when a step of [reminding](#process-reminding) fails?",
    ] {
        assert!(markdown.contains(question), "{question}");
    }
    assert!(!markdown.contains("Who answers"));
}

/// A page of 500 events is made at once and holds one drawing for each stream in the place of one for all.
#[test]
fn a_large_model_is_drawn_stream_by_stream() {
    let mut text = "annals: 1\nstreams:\n".to_owned();
    (0..50).for_each(|n| text += &format!("  s{n}: {{ key: 's{n}-{{id}}' }}\n"));
    text += "events:\n";
    (0..500).for_each(|n| {
        text += &format!("  Thing{n}Done: {{ stream: s{}, fields: {{ id: uuid }} }}\n", n % 50)
    });
    text += "commands:\n";
    (0..500)
        .for_each(|n| text += &format!("  DoThing{n}: {{ stream: s{}, emits: [Thing{n}Done] }}\n", n % 50));
    let model = of(&text);
    let html = one(&model, "html");
    assert_eq!(html.matches("<svg").count(), 51);
    assert!(html.len() < 3 << 20, "{} bytes", html.len());
    let fits = |text: &str| {
        let flow = everything(&of(text)).remove(2).1.remove(0).text;
        assert!(flow.len() < 50_000, "{} characters", flow.len());
        let arrows = flow.matches("-->").count() + flow.matches("==>").count();
        assert!(arrows < 500, "{arrows} edges");
        flow
    };
    assert!(!fits(&text).contains("Thing1Done"));
    // Where every read model reads of every stream, none is drawn.
    text += "projections:\n";
    for n in 0..20 {
        let from: Vec<String> = (0..50).map(|n| format!("Thing{n}Done")).collect();
        text += &format!("  view{n}: {{ from: [{}] }}\n", from.join(", "));
    }
    text += "processes:\n  moving: { by: id, starts: Thing1Done, reacts: { Thing2Done: DoThing3 } }\n";
    let flow = fits(&text);
    assert!(!flow.contains("view1") && flow.contains("x0 ==> s3"), "{flow}");
}
