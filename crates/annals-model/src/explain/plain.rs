//! The page of a rule for a terminal: wrapped, with code indented.

use annotate_snippets::renderer::{AnsiColor, Style};

use crate::render::{printable, wrapped};
use crate::rules::Rule;

use super::explain;

/// How it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Plain {
    /// So many characters in a line.
    pub width: usize,
    /// With colours.
    pub colour: bool,
}

impl Default for Plain {
    fn default() -> Self {
        Self { width: 80, colour: false }
    }
}

/// How far code is indented.
const CODE: &str = "    ";
/// No terminal is narrower for us.
const WIDTH_MIN: usize = 40;

/// The page of a rule, for a terminal.
pub fn plain(rule: &Rule, how: &Plain) -> String {
    let page = explain(rule);
    let width = how.width.max(WIDTH_MIN);
    let mut text = String::new();
    let mut is_code = false;
    for line in printable(&page).lines() {
        let inner = line.trim_start();
        if inner.starts_with("```") {
            is_code = !is_code;
        } else if is_code {
            let code = painted(how, AnsiColor::Cyan.on_default(), line);
            text.push_str(format!("{CODE}{code}").trim_end());
            text.push('\n');
        } else if let Some(heading) = inner.strip_prefix('#') {
            // As in a manual page, so that it is seen without colour too.
            let heading = match heading.strip_prefix("# ") {
                Some(section) => section.to_uppercase(),
                None => heading.trim_start_matches('#').trim_start().to_owned(),
            };
            text.push_str(&painted(how, Style::new().bold(), &heading));
            text.push('\n');
        } else {
            prose(&mut text, inner, width);
        }
    }
    text
}

/// A paragraph, or one of a list.
fn prose(text: &mut String, line: &str, width: usize) {
    let (mark, line) = line.strip_prefix("- ").map_or(("", line), |line| ("- ", line));
    let line = line.strip_prefix('<').and_then(|line| line.strip_suffix('>')).unwrap_or(line);
    let mut lead = mark;
    for line in wrapped(line, width - mark.len()) {
        text.push_str(&format!("{lead}{line}\n"));
        lead = if mark.is_empty() { "" } else { "  " };
    }
    if line.is_empty() {
        text.push('\n');
    }
}

fn painted(how: &Plain, style: Style, text: &str) -> String {
    if how.colour && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
}
