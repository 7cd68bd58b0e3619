//! What the guides and the skill for agents tell people to run is what this program takes.

use std::fs;
use std::path::{Path, PathBuf};

use annals_model::rules;
use clap::Parser as _;

use crate::Cli;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn skill() -> PathBuf {
    root().join("skills/event-sourcing")
}

fn markdown(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    files
}

/// The skill, and the guides that are about all of the tool.
fn pages() -> Vec<(PathBuf, String)> {
    let mut files = markdown(&skill().join("references"));
    files.push(skill().join("SKILL.md"));
    files.extend(
        ["event-sourcing", "agents", "review"].map(|name| root().join(format!("docs/guide/{name}.md"))),
    );
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        (file, text)
    };
    files.into_iter().map(read).collect()
}

/// The lines of a page that stand in blocks of this language.
fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("```") {
        let (block, after) = after.split_once("```").expect("a block that ends");
        if let Some(text) = block.strip_prefix(&format!("{language}\n")) {
            blocks.push(text);
        }
        rest = after;
    }
    blocks
}

/// The words of the command line in a line of a page, without what the shell does with it.
fn command(line: &str) -> Option<Vec<&str>> {
    let line = line.split("  #").next().unwrap_or(line);
    let line = line.split(['>', '|', '&']).next().unwrap_or(line);
    let mut words = line.split_whitespace().skip_while(|word| word.contains('=') && !word.starts_with('-'));
    (words.next()? == "annals").then(|| words.collect())
}

#[test]
fn every_command_line_is_one_that_this_program_takes() {
    let mut count = 0;
    for (file, page) in pages() {
        for line in blocks(&page, "sh").into_iter().flat_map(str::lines) {
            let Some(words) = command(line) else {
                assert!(!line.contains("annals "), "{}: not understood: {line}", file.display());
                continue;
            };
            let parsed = Cli::try_parse_from(std::iter::once("annals").chain(words.iter().copied()));
            assert!(parsed.is_ok(), "{}: {line}: {parsed:?}", file.display());
            count += 1;
        }
    }
    assert!(count > 50, "{count}");
}

/// What is shown is without a mistake and with nothing to find.
#[test]
fn every_model_is_clean() {
    let mut count = 0;
    for (file, page) in pages() {
        for text in blocks(&page, "yaml").into_iter().filter(|text| text.starts_with("annals: 1")) {
            let mut subject = annals_model::Subject::default();
            let id = subject.texts.add("annals.yaml", text);
            let (model, mistakes) = annals_model::model::read(&subject.texts, &[id]);
            (subject.model, subject.mistakes) = (Some(model), mistakes);
            let report = annals_model::review::review(&subject);
            let said = annals_model::render::short(&report, &subject.texts);
            assert_eq!(said, "", "{}", file.display());
            count += 1;
        }
    }
    assert!(count >= 4, "{count}");
}

#[test]
fn every_rule_that_is_named_is_one() {
    let mut count = 0;
    for (file, page) in pages() {
        for (at, _) in page.match_indices("AN") {
            let id = page.get(at..at + 5).unwrap_or_default();
            if id.len() == 5 && id[2..].bytes().all(|b| b.is_ascii_digit()) {
                assert!(rules::find(id).is_some(), "{}: {id}", file.display());
                count += 1;
            }
        }
    }
    assert!(count > 50, "{count}");
}

#[test]
fn every_link_leads_somewhere() {
    for (file, page) in pages() {
        for (at, _) in page.match_indices("](") {
            let target = page[at + 2..].split(')').next().unwrap_or_default();
            if target.contains("://") || target.starts_with('#') {
                continue;
            }
            let path = target.split('#').next().unwrap_or_default();
            let there = file.parent().map(|folder| folder.join(path).exists());
            assert_eq!(there, Some(true), "{}: {target}", file.display());
        }
    }
}

#[test]
fn the_skill_says_what_it_is_and_is_short_enough_to_be_read() {
    let text = fs::read_to_string(skill().join("SKILL.md")).expect("a skill");
    let front =
        text.strip_prefix("---\n").and_then(|text| text.split_once("\n---\n")).expect("front matter").0;
    let member = |name: &str| {
        let line = front.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name}"))
    };
    assert_eq!(member("name"), "event-sourcing", "as its folder");
    assert!((100..=1024).contains(&member("description").chars().count()));
    assert!(text.lines().count() < 200, "{} lines", text.lines().count());
    for reference in markdown(&skill().join("references")) {
        let link = format!("references/{}", reference.file_name().unwrap_or_default().to_string_lossy());
        assert!(text.contains(&format!("({link})")), "nothing leads to {link}");
    }
}

/// The skill has a copy of each page of a database, since it is loaded without the rest of the repository: what leads out
/// of the folder leads to where the repository is published.
#[test]
fn the_skill_has_the_pages_of_databases_as_they_are() {
    let copies = skill().join("references");
    let published = format!("]({}/blob/main/docs/", env!("CARGO_PKG_REPOSITORY"));
    let update = std::env::var_os("ANNALS_UPDATE_EXPECTED").is_some();
    for (name, page) in annals_generate::patterns::PAGES {
        let file = format!("{name}.md");
        let page = page.replace("](../", &published);
        let copy = copies.join(&file);
        if update {
            fs::write(&copy, &page).expect("a copy that can be written");
        }
        let there = fs::read_to_string(&copy).unwrap_or_default();
        assert!(
            there == page,
            "references/{file} is not docs/databases/{file}: ANNALS_UPDATE_EXPECTED=1 copies it"
        );
    }
}
