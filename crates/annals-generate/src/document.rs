//! A document of values in an order of our own, written as JSON or as YAML.

use std::fmt::Write as _;

use serde_json::Value;

/// A value; the members of a map stay in the order in which they came, whatever `serde_json` is built with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Doc {
    Null,
    Flag(bool),
    /// A number as it is written.
    Number(String),
    Text(String),
    List(Vec<Doc>),
    Map(Vec<(String, Doc)>),
}

/// A map of what is there.
pub(crate) fn map<const N: usize>(members: [(&str, Doc); N]) -> Doc {
    Doc::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A text.
pub(crate) fn text(of: impl Into<String>) -> Doc {
    Doc::Text(of.into())
}

/// A list of texts.
pub(crate) fn texts<T: Into<String>>(of: impl IntoIterator<Item = T>) -> Doc {
    Doc::List(of.into_iter().map(text).collect())
}

impl Doc {
    /// The same with another member.
    pub(crate) fn with(mut self, name: impl Into<String>, value: Self) -> Self {
        if let Self::Map(members) = &mut self {
            members.push((name.into(), value));
        }
        self
    }

    /// The same with another member, where there is one.
    pub(crate) fn with_some(self, name: &str, value: Option<Self>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// As JSON, two blanks a level, with a line feed at its end.
    pub(crate) fn json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out, 0);
        out.push('\n');
        out
    }

    /// As YAML, a line for each value, with a line feed at its end.
    pub(crate) fn yaml(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Map(members) if !members.is_empty() => write_members(&mut out, members, 0, 0),
            other => {
                other.write_flow(&mut out);
                out.push('\n');
            }
        }
        out
    }

    fn write_json(&self, out: &mut String, indent: usize) {
        let inner = indent + 2;
        let separate = |out: &mut String, n: usize| {
            let _ = write!(out, "{}\n{:inner$}", if n > 0 { "," } else { "" }, "");
        };
        match self {
            Self::List(items) if items.iter().any(|item| matches!(item, Self::List(_) | Self::Map(_))) => {
                out.push('[');
                for (n, item) in items.iter().enumerate() {
                    separate(out, n);
                    item.write_json(out, inner);
                }
                let _ = write!(out, "\n{:indent$}]", "");
            }
            Self::Map(members) if !members.is_empty() => {
                out.push('{');
                for (n, (name, value)) in members.iter().enumerate() {
                    separate(out, n);
                    let _ = write!(out, "{}: ", quoted(name));
                    value.write_json(out, inner);
                }
                let _ = write!(out, "\n{:indent$}}}", "");
            }
            other => other.write_flow(out),
        }
    }

    /// On one line, as both languages have it.
    fn write_flow(&self, out: &mut String) {
        let separated = |out: &mut String, n: usize| out.push_str(if n > 0 { ", " } else { "" });
        match self {
            Self::Null => out.push_str("null"),
            Self::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Number(number) => out.push_str(number),
            Self::Text(text) => out.push_str(&quoted(text)),
            Self::List(items) => {
                out.push('[');
                for (n, item) in items.iter().enumerate() {
                    separated(out, n);
                    item.write_flow(out);
                }
                out.push(']');
            }
            Self::Map(members) => {
                out.push('{');
                for (n, (name, value)) in members.iter().enumerate() {
                    separated(out, n);
                    let _ = write!(out, "{}: ", quoted(name));
                    value.write_flow(out);
                }
                out.push('}');
            }
        }
    }
}

impl From<&Value> for Doc {
    /// The members of an object in the order of their names.
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Number(number) => Self::Number(number.to_string()),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(members) => {
                let mut members: Vec<(String, Self)> =
                    members.iter().map(|(name, value)| (name.clone(), Self::from(value))).collect();
                members.sort_by(|one, other| one.0.cmp(&other.0));
                Self::Map(members)
            }
        }
    }
}

/// One line of JSON.
pub(crate) fn one_line(of: &Doc) -> String {
    let mut out = String::new();
    of.write_flow(&mut out);
    out
}

fn write_members(out: &mut String, members: &[(String, Doc)], first: usize, indent: usize) {
    for (n, (name, value)) in members.iter().enumerate() {
        let lead = if n == 0 { first } else { indent };
        let _ = write!(out, "{:lead$}{}:", "", plain(name));
        match value {
            Doc::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                write_members(out, inner, indent + 2, indent + 2);
            }
            Doc::List(items) if items.iter().any(|item| matches!(item, Doc::Map(of) if !of.is_empty())) => {
                out.push('\n');
                for item in items {
                    let _ = write!(out, "{:indent$}- ", "");
                    match item {
                        Doc::Map(inner) if !inner.is_empty() => write_members(out, inner, 0, indent + 2),
                        other => {
                            other.write_flow(out);
                            out.push('\n');
                        }
                    }
                }
            }
            Doc::Text(text) => {
                let _ = writeln!(out, " {}", plain(text));
            }
            other => {
                out.push(' ');
                other.write_flow(out);
                out.push('\n');
            }
        }
    }
}

/// A text without quotes where every reader of YAML takes it for that text.
fn plain(of: &str) -> String {
    const WORDS: [&str; 10] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"];
    let is_word = WORDS.into_iter().any(|word| of.eq_ignore_ascii_case(word));
    let is_simple = of.starts_with(|c: char| c.is_ascii_alphabetic())
        && of.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '.' || c == ')')
        && of.chars().all(|c| c.is_ascii_alphanumeric() || " _-./,()'".contains(c));
    if is_simple && !is_word { of.to_owned() } else { quoted(of) }
}

/// A text in double quotes, as JSON and YAML both read it.
fn quoted(of: &str) -> String {
    let mut out = String::with_capacity(of.len() + 2);
    out.push('"');
    for c in of.chars() {
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            '\n' => write!(out, "\\n"),
            '\t' => write!(out, "\\t"),
            // YAML takes the last five for line ends, or not for characters at all.
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                write!(out, "\\u{:04x}", u32::from(c))
            }
            c => write!(out, "{c}"),
        };
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same_in_both_languages() {
        let odd =
            ["", "no", "a: b", "x #1", "\"q\" \\ \n\t\u{1}\u{85}\u{2028}", "- a", "12", "ünï", "a'b", "x:"];
        let nested = map([("a", texts(odd)), ("b", map([("c", Doc::List(vec![map([("d", Doc::Null)])]))]))]);
        let mut doc =
            map([("empty", map([])), ("none", Doc::List(Vec::new())), ("n", Doc::Number("1.50".into()))])
                .with("nested", nested.clone())
                .with("list", Doc::List(vec![nested, Doc::Flag(true), map([])]));
        for (n, odd) in odd.into_iter().enumerate() {
            doc = doc.with(format!("{odd}{n}"), text(odd)).with(odd, Doc::Number(n.to_string()));
        }
        let json: Value = serde_json::from_str(&doc.json()).unwrap();
        let yaml: Value = serde_saphyr::from_str(&doc.yaml()).unwrap();
        assert_eq!(json, yaml);
        assert_eq!(json["a: b1"], Value::Null);
        assert_eq!(json["a: b"], 2);
        assert_eq!(Doc::from(&json).json(), Doc::from(&yaml).json());
    }
}
