//! `docs/guide/design.md`, carried out as it stands: its files are written, its commands run, and what it shows of
//! their output is compared with what they print.
//!
//! ```` ```yaml annals.yaml ```` is a file, ```` ```diff annals.yaml ```` a change of one, ```` ```sh ```` commands and
//! ```` ```sh fails ```` commands of which the last fails, ```` ```text ```` what they print, with `…` for whatever
//! changes from run to run. ```` ```sh postgres ```` is run where a server is.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Place;

const PAGE: &str = include_str!("../../../../docs/guide/design.md");

/// The server of the page.
const POSTGRES: &str = "postgres://app@localhost/shop";

/// A fenced block: the words behind the fence, and the text.
struct Block<'p> {
    words: Vec<&'p str>,
    text: String,
    line: usize,
}

#[test]
fn the_page_on_design_is_true() {
    let place = Place::new();
    settle(&place.path(""));
    let mut printed = String::new();
    let mut shown = 0;
    for block in blocks(PAGE) {
        let Block { words, text, line } = &block;
        match words[..] {
            ["sh"] => printed = carried_out(&place, text, *line, true),
            ["sh", "fails"] => printed = carried_out(&place, text, *line, false),
            ["sh", "postgres"] => {
                if let Some(server) = postgres() {
                    printed = carried_out(&place, &text.replace(POSTGRES, &server), *line, true);
                }
            }
            ["text"] => {
                assert_shown(text, &printed, *line);
                shown += 1;
            }
            ["diff", file] => change(&place.path(file), text, *line),
            [_, file] => {
                let path = place.path(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            _ => panic!("line {line}: a block that is neither run nor written: {words:?}"),
        }
    }
    assert!(shown > 5, "the page shows little of what is printed");
}

/// The crate that is generated takes the library from here, and builds where everything below it is built already.
fn settle(folder: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let built = root.join("target/tmp/walkthrough");
    let config = format!(
        "[patch.crates-io]\nannals = {{ path = {:?} }}\n[net]\noffline = true\n[build]\ntarget-dir = {built:?}\n",
        root.join("crates/annals")
    );
    std::fs::create_dir_all(folder.join(".cargo")).unwrap();
    std::fs::write(folder.join(".cargo/config.toml"), config).unwrap();
}

fn postgres() -> Option<String> {
    let required = std::env::var("ANNALS_REQUIRE").unwrap_or_default();
    let url = std::env::var("ANNALS_POSTGRES").ok();
    assert!(url.is_some() || !required.split(',').any(|it| it == "postgres"), "ANNALS_POSTGRES is not set");
    url
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((n, line)) = lines.next() {
        let Some(words) = line.strip_prefix("```") else { continue };
        let mut text = String::new();
        for (_, line) in lines.by_ref().take_while(|(_, line)| *line != "```") {
            text.push_str(line);
            text.push('\n');
        }
        blocks.push(Block { words: words.split_whitespace().collect(), text, line: n + 1 });
    }
    blocks
}

/// Runs the commands, and gives what they printed.
fn carried_out(place: &Place, commands: &str, line: usize, succeeds: bool) -> String {
    let tool = PathBuf::from(env!("CARGO_BIN_EXE_annals"));
    let others = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{others}", tool.parent().unwrap().display());
    let done = Command::new("sh")
        .args(["-e", "-c", commands])
        .current_dir(place.path(""))
        .env("PATH", path)
        .env_remove("ANNALS_STORE")
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .unwrap();
    let mut printed = String::from_utf8(done.stdout).unwrap();
    let _ = write!(printed, "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(done.status.success(), succeeds, "line {line}: {commands}\n{printed}");
    printed
}

/// Each line that is shown is printed, in this order; `…` stands for anything.
fn assert_shown(shown: &str, printed: &str, line: usize) {
    let mut left = printed.lines();
    for wanted in shown.lines().filter(|wanted| !wanted.trim().is_empty() && wanted.trim() != "…") {
        let is_it = |printed: &str| matches(wanted.trim(), printed.trim());
        assert!(left.any(is_it), "line {line}: not printed, or not in this order: {wanted:?}\n{printed}");
    }
}

fn matches(wanted: &str, printed: &str) -> bool {
    let parts: Vec<&str> = wanted.split('…').collect();
    let [first, between @ .., last] = parts.as_slice() else { return wanted == printed };
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    for part in between {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// Lines that begin with a blank stay, those with `-` go, those with `+` come.
fn change(file: &Path, diff: &str, line: usize) {
    let text = std::fs::read_to_string(file).unwrap();
    let (mut old, mut new) = (String::new(), String::new());
    for changed in diff.lines() {
        let (sign, rest) = changed.split_at_checked(1).unwrap_or((" ", ""));
        for (sides, side) in [(" -", &mut old), (" +", &mut new)] {
            if sides.contains(sign) {
                side.push_str(rest);
                side.push('\n');
            }
        }
    }
    assert_eq!(text.matches(&old).count(), 1, "line {line}: the change does not fit {}", file.display());
    std::fs::write(file, text.replacen(&old, &new, 1)).unwrap();
}

#[test]
fn what_is_shown_is_found_only_as_it_is_printed() {
    assert!(matches("a … c", "a b c") && matches("a…", "a b c") && matches("x", "x"));
    assert!(!matches("a … c", "a b d") && !matches("a", "a b"));
}
