//! Names that mean something to a browser, to Markdown, to Mermaid or to a file system.

use annals_model::model::Model;

use crate::support::{everything, models, of, one};

const NAMES: [&str; 10] = [
    "<script>alert(1)</script>",
    "a\"b'c&d",
    "]]> --> <!-- x",
    "../../etc/passwd",
    "`*_[x](y)|~#$",
    "{order}; %%{init}%% end :::x",
    "ünï → 日本 😀",
    "end",
    "javascript:alert(1)",
    "two\nlines",
];

/// Each name on everything that has one.
fn hostile() -> Model {
    let mut text = "annals: 1\n".to_owned();
    let quoted: Vec<String> = NAMES.iter().map(|name| serde_json::to_string(name).unwrap()).collect();
    text += &format!("context: {0}\nowner: {0}\n", quoted[0]);
    let mut section = |title: &str, of: &dyn Fn(&str) -> String| {
        text += &format!("{title}:\n");
        for name in &quoted {
            text += &format!("  {name}: {}\n", of(name));
        }
    };
    section("privacy", &|name| format!("{{ erase: keep, because: {name} }}"));
    section("streams", &|name| format!("{{ key: {name}, why: {name}, closes: [{name}] }}"));
    section("events", &|name| {
        format!(
            "{{ stream: {name}, tags: [{name}], fields: {{ {name}: {{ is: text, privacy: {name}, note: {name}, computed: {name} }}, o: {{ one-of: [{name}] }} }} }}"
        )
    });
    section("commands", &|name| {
        format!(
            "{{ stream: {name}, rules: {{ {name}: {name} }}, emits: [{name}], rejects: [{name}], because: {name} }}"
        )
    });
    section("projections", &|name| {
        format!("{{ from: [{name}], key: {name}, duplicates: {name}, effects: [{name}] }}")
    });
    section("processes", &|name| {
        format!("{{ by: {name}, starts: {name}, reacts: {{ {name}: {name} }}, ends: [{name}] }}")
    });
    text += "examples:\n";
    for name in &quoted {
        text += &format!(
            "  - given: {{ {name}: {{ {name}: {name} }} }}\n    when: {name}\n    then: {{ {name}: {{ {name}: 1 }} }}\n"
        );
    }
    of(&text)
}

#[test]
fn names_are_shown_and_mean_nothing() {
    let model = hostile();
    let html = one(&model, "html");
    assert_eq!(html.matches("<script>").count(), 1, "only its own");
    assert_eq!(html.matches("</script>").count(), 1);
    assert_eq!(html.matches("<!--").count(), 1);
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!html.contains("href=\"javascript"));
    let markdown = one(&model, "markdown");
    let outside = outside_of_code(&markdown);
    assert!(!outside.contains("<script>") && outside.contains("&lt;script&gt;"), "{outside}");
    // Every row of a table has as many cells as its head.
    for row in markdown.lines().filter(|line| line.starts_with("| ")) {
        assert_eq!(row.replace("\\|", "").matches('|').count(), 5, "{row}");
    }
    for (_, files) in everything(&model) {
        for file in files {
            assert!(!file.path.contains(['/', '\\', '<', '\n', ' ']), "{}", file.path);
        }
    }
}

/// Markdown without its code, which begins and ends with as many backticks.
fn outside_of_code(markdown: &str) -> String {
    let (mut out, mut rest) = (String::new(), markdown);
    while let Some(at) = rest.find(['`', '\\']) {
        let (before, from) = rest.split_at(at);
        out += before;
        if let Some(escaped) = from.strip_prefix('\\') {
            rest = &escaped[escaped.chars().next().map_or(0, char::len_utf8)..];
            continue;
        }
        let fence = &from[..from.len() - from.trim_start_matches('`').len()];
        let inside = &from[fence.len()..];
        let runs = inside.match_indices(fence);
        let is_whole =
            |at: usize| !inside[at + fence.len()..].starts_with('`') && !inside[..at].ends_with('`');
        let end = runs.map(|(at, _)| at).find(|at| is_whole(*at)).expect("code ends");
        rest = &inside[end + fence.len()..];
    }
    out + rest
}

/// Each line of a diagram is one that we have written: what stands in its labels ends none and begins none.
#[test]
fn labels_of_diagrams_are_closed() {
    let (_, files) = everything(&hostile()).into_iter().find(|(kind, _)| *kind == "mermaid").unwrap();
    assert_eq!(files.len(), 1 + 2 * NAMES.len());
    for file in files {
        for line in file.text.lines().skip(1) {
            let line = line.replace("<br>", "");
            assert!(!line.contains("%%") && !line.contains('<') && !line.contains('`'), "{line}");
            assert!(line.matches('"').count() % 2 == 0, "{line}");
        }
    }
    assert!(models().len() > 3);
}
