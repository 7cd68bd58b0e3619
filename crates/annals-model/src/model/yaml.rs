//! YAML text as a person would write it: what is short on one line, quotes where some reader would take a word for
//! something else, comments beside what they are about.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// No line is longer if it can be broken.
const WIDTH: usize = 110;

/// A value that is going to be text.
#[derive(Debug, Clone)]
pub(super) enum Yaml {
    /// As it stands: a number, a truth, null.
    Plain(String),
    /// A text, in quotes where it needs them.
    Text(String),
    List(Vec<Yaml>),
    /// On one line where it fits.
    Map(Vec<(String, Yaml)>),
    /// A line for each entry.
    Block(Vec<(String, Yaml)>),
}

/// What is said beside the values, by their paths: `events.OrderPlaced.fields.email`.
#[derive(Debug, Clone, Default)]
pub(super) struct Comments {
    beside: BTreeMap<String, String>,
    within: BTreeMap<String, Vec<String>>,
}

impl Comments {
    /// Says something on the line of a value.
    pub(super) fn beside(&mut self, path: impl Into<String>, comment: impl Into<String>) {
        let said = self.beside.entry(path.into()).or_default();
        if !said.is_empty() {
            said.push_str("; ");
        }
        said.push_str(&one_line(&comment.into()));
    }

    /// Says something on a line of its own, before all that is in a value.
    pub(super) fn within(&mut self, path: impl Into<String>, comment: impl Into<String>) {
        self.within.entry(path.into()).or_default().push(one_line(&comment.into()));
    }

    /// Whether something is said before all that is in a value.
    pub(super) fn are_within(&self, path: &str) -> bool {
        self.within.contains_key(path)
    }

    fn lines(&self, path: &str) -> &[String] {
        self.within.get(path).map_or(&[], Vec::as_slice)
    }

    fn are_below(&self, path: &str) -> bool {
        let below = format!("{path}.");
        let is_below = |key: Option<&String>| key.is_some_and(|key| key.starts_with(&below));
        !self.lines(path).is_empty()
            || is_below(self.beside.range(below.clone()..).next().map(|(key, _)| key))
            || is_below(self.within.range(below.clone()..).next().map(|(key, _)| key))
    }
}

/// A comment ends with its line, whatever somebody called a field.
fn one_line(comment: &str) -> String {
    comment
        .split(|c: char| c.is_whitespace() || needs_escape(c))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The text of a document: a blank line before each section.
pub(super) fn document(entries: &[(String, Yaml)], comments: &Comments) -> String {
    let mut writer = Writer { text: String::new(), comments };
    for line in comments.lines("") {
        writer.comment(0, line);
    }
    let mut was_short = true;
    for (key, value) in entries {
        let is_short = matches!(value, Yaml::Plain(_) | Yaml::Text(_));
        let is_next_line = is_short && was_short;
        if !is_next_line && !writer.text.is_empty() {
            writer.text.push('\n');
        }
        was_short = is_short;
        writer.entry(0, "", key, value);
    }
    writer.text
}

struct Writer<'c> {
    text: String,
    comments: &'c Comments,
}

impl Writer<'_> {
    fn comment(&mut self, indent: usize, line: &str) {
        let _ = writeln!(self.text, "{:indent$}{}", "", format!("# {line}").trim_end());
    }

    /// Ends the line, with what is said beside it.
    fn end(&mut self, path: &str) {
        if let Some(comment) = self.comments.beside.get(path) {
            let _ = write!(self.text, "   # {comment}");
        }
        self.text.push('\n');
    }

    fn entry(&mut self, indent: usize, parent: &str, key: &str, value: &Yaml) {
        let path = if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") };
        let key = key_and_colon(key, indent);
        let _ = write!(self.text, "{:indent$}{key}", "");
        let used = indent + key.chars().count() + 1;
        self.value(indent, used, &path, value);
    }

    /// What comes after `key:`.
    fn value(&mut self, indent: usize, used: usize, path: &str, value: &Yaml) {
        let is_said_below = self.comments.are_below(path);
        if let Some(short) = short(value, WIDTH.saturating_sub(used)).filter(|_| !is_said_below) {
            let _ = write!(self.text, " {short}");
            self.end(path);
            return;
        }
        match value {
            Yaml::Plain(_) | Yaml::Text(_) => {
                let _ = write!(self.text, " {}", flow(value, false));
                self.end(path);
                self.lines(indent + 2, path);
            }
            Yaml::List(items) => {
                self.end(path);
                self.lines(indent + 2, path);
                for item in items {
                    self.item(indent + 2, path, item);
                }
            }
            Yaml::Map(entries) | Yaml::Block(entries) => {
                self.end(path);
                self.lines(indent + 2, path);
                for (key, value) in entries {
                    self.entry(indent + 2, path, key, value);
                }
            }
        }
    }

    fn lines(&mut self, indent: usize, path: &str) {
        for line in self.comments.lines(path) {
            self.comment(indent, line);
        }
    }

    fn item(&mut self, indent: usize, path: &str, item: &Yaml) {
        let _ = write!(self.text, "{:indent$}-", "");
        match item {
            Yaml::Block(entries) | Yaml::Map(entries)
                if !entries.is_empty() && short(item, WIDTH.saturating_sub(indent + 2)).is_none() =>
            {
                for (n, (key, value)) in entries.iter().enumerate() {
                    let key = key_and_colon(key, indent + 2);
                    let lead = if n == 0 { 1 } else { indent + 2 };
                    let _ = write!(self.text, "{:lead$}{key}", "");
                    self.value(indent + 2, indent + 3 + key.chars().count(), path, value);
                }
            }
            _ => {
                let _ = writeln!(self.text, " {}", flow(item, false));
            }
        }
    }
}

/// A value on one line, where it is meant to be on one and fits.
fn short(value: &Yaml, width: usize) -> Option<String> {
    match value {
        Yaml::Plain(_) | Yaml::Text(_) => Some(flow(value, false)),
        Yaml::Block(entries) if !entries.is_empty() => None,
        _ if has_block(value) => None,
        Yaml::List(items) if items.is_empty() => Some("[]".to_owned()),
        Yaml::Map(entries) | Yaml::Block(entries) if entries.is_empty() => Some("{}".to_owned()),
        _ => Some(flow(value, false)).filter(|line| line.chars().count() <= width),
    }
}

fn has_block(value: &Yaml) -> bool {
    match value {
        Yaml::Plain(_) | Yaml::Text(_) => false,
        Yaml::Block(entries) => !entries.is_empty(),
        Yaml::List(items) => items.iter().any(has_block),
        Yaml::Map(entries) => entries.iter().any(|(_, value)| has_block(value)),
    }
}

fn flow(value: &Yaml, is_inside: bool) -> String {
    match value {
        Yaml::Plain(plain) => plain.clone(),
        Yaml::Text(of) => text(of, is_inside),
        Yaml::List(items) => {
            let items: Vec<String> = items.iter().map(|item| flow(item, true)).collect();
            format!("[{}]", items.join(", "))
        }
        Yaml::Map(entries) | Yaml::Block(entries) if entries.is_empty() => "{}".to_owned(),
        Yaml::Map(entries) | Yaml::Block(entries) => {
            let entry =
                |(key, value): &(String, Yaml)| format!("{}: {}", key_text(key, true), flow(value, true));
            format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Whether YAML wants a mark before it to take it for a key: at 1024 characters at most it looks for the colon.
fn is_long(key: &str) -> bool {
    key.len() > 100
}

fn key_and_colon(key: &str, indent: usize) -> String {
    let text = key_text(key, false);
    if is_long(key) { format!("? {text}\n{:indent$}:", "") } else { text + ":" }
}

/// A whole number is as good a key as a text is: nothing else is meant by it.
fn key_text(of: &str, is_inside: bool) -> String {
    let is_whole = !of.is_empty() && of.len() < 10 && of.bytes().all(|b| b.is_ascii_digit());
    if is_whole { of.to_owned() } else { text(of, is_inside) }
}

/// A text, in quotes where it needs them.
pub(super) fn text(of: &str, is_inside: bool) -> String {
    if is_plain(of, is_inside) {
        return of.to_owned();
    }
    let needs_escapes = of.chars().any(needs_escape);
    if !needs_escapes && of.contains(['"', '\\']) {
        return format!("'{}'", of.replace('\'', "''"));
    }
    let mut quoted = String::with_capacity(of.len() + 2);
    quoted.push('"');
    for c in of.chars() {
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            '\n' => write!(quoted, "\\n"),
            '\t' => write!(quoted, "\\t"),
            c if !needs_escape(c) => write!(quoted, "{c}"),
            c => match u32::from(c) {
                code @ ..0x1_0000 => write!(quoted, "\\u{code:04x}"),
                code => write!(quoted, "\\U{code:08x}"),
            },
        };
    }
    quoted.push('"');
    quoted
}

fn is_break(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

fn needs_escape(c: char) -> bool {
    c.is_control() || is_break(c) || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether every reader of YAML, of 1.1 as well, takes it for this text when nothing is around it.
fn is_plain(of: &str, is_inside: bool) -> bool {
    let is_word = |word: &str| of.eq_ignore_ascii_case(word);
    let begins_oddly = of.starts_with(|c: char| c.is_whitespace() || "-?:,[]{}#&*!|>'\"%@`=<.".contains(c));
    !of.is_empty()
        && !begins_oddly
        && !of.ends_with(|c: char| c.is_whitespace() || c == ':')
        && !of.contains(": ")
        && !of.contains(" #")
        && !of.chars().any(needs_escape)
        && !(is_inside && of.contains([',', '[', ']', '{', '}', ':', '#']))
        && !["null", "~", "true", "false", "yes", "no", "on", "off", "y", "n"].into_iter().any(is_word)
        && !is_like_a_number(of)
}

/// Numbers, days, times, and the numbers to base 60 of YAML 1.1.
fn is_like_a_number(of: &str) -> bool {
    let begins = of.trim_start_matches(['+', '-', '.']);
    if !begins.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let is_day = |text: &str| {
        text.len() >= 8
            && text
                .bytes()
                .take(5)
                .enumerate()
                .all(|(n, b)| if n < 4 { b.is_ascii_digit() } else { b == b'-' })
    };
    let is_based = ["0x", "0o", "0b"].iter().any(|base| begins.starts_with(base));
    of.parse::<f64>().is_ok()
        || is_based
        || is_day(of)
        || of.chars().all(|c| "0123456789_.,:+-eE ".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_some_reader_takes_for_something_else_are_quoted() {
        for plain in ["order", "30d", "never promise more, ever", "a:b", "order-{id}", "über", "2nd", "isn't"]
        {
            assert_eq!(text(plain, false), plain);
        }
        for (odd, written) in [
            ("", "\"\""),
            ("NO", "\"NO\""),
            ("on", "\"on\""),
            ("12", "\"12\""),
            ("1e3", "\"1e3\""),
            ("10:30", "\"10:30\""),
            ("2026-10-02", "\"2026-10-02\""),
            ("a: b", "\"a: b\""),
            ("x #1", "\"x #1\""),
            ("- a", "\"- a\""),
            ("say \"so\"", "say \"so\""),
            ("\"so\"", "'\"so\"'"),
            ("two\nlines", "\"two\\nlines\""),
            ("\u{85}", "\"\\u0085\""),
        ] {
            assert_eq!(text(odd, false), written);
        }
        assert_eq!(text("order-{id}", true), "\"order-{id}\"");
    }
}
