//! A mapping while it is read: what is asked for is taken out, and what is left is a mistake.

use crate::meant::among;
use crate::text::{At, Span};

use super::Mistake;
use super::node::{Node, Value, Word};

/// The entries of a mapping.
pub(super) struct Entries {
    /// What it is, for messages: `stream order`.
    of: String,
    /// Where it begins.
    pub(super) span: Span,
    entries: Vec<(Word, Node)>,
    asked: Vec<&'static str>,
}

/// What is read, and the mistakes on the way.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) mistakes: Vec<Mistake>,
}

impl Entries {
    /// What stands under a key.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Node> {
        self.asked.push(key);
        let at = self.entries.iter().position(|(word, _)| word.text == key)?;
        let (word, mut node) = self.entries.remove(at);
        if matches!(node.value, Value::Map(_) | Value::List(_) | Value::Null) {
            node.span = word.span;
        }
        Some(node)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(word, _)| word.text == key)
    }
}

impl Reader {
    pub(super) fn wrong(&mut self, mistake: Mistake) {
        self.mistakes.push(mistake);
    }

    fn expected(&mut self, node: &Node, what: &str) {
        let found = match &node.value {
            Value::Scalar { text, .. } => format!("{text:?}"),
            other => other.kind().to_owned(),
        };
        let mistake = Mistake::new(node.span, format!("found {found}, expected {what}"));
        self.wrong(match node.value {
            // `{ in-full: paid once, and in full }` is two entries.
            Value::Null => mistake.help("in { } a text with a comma in it has to stand in quotes"),
            _ => mistake,
        });
    }

    /// The entries of a mapping; nothing at all is an empty one.
    pub(super) fn map(&mut self, node: Node, of: impl Into<String>) -> Option<Entries> {
        let of = of.into();
        let (span, entries) = match node.value {
            Value::Map(entries) => (node.span, entries),
            Value::Null => (node.span, Vec::new()),
            _ => {
                self.expected(&node, &format!("a mapping: what is said of {of}"));
                return None;
            }
        };
        Some(Entries { of, span, entries, asked: Vec::new() })
    }

    /// Tells of the entries that nobody asked for.
    pub(super) fn end(&mut self, entries: Entries) {
        #[cfg(test)]
        super::schema::heard(&entries.of, &entries.asked);
        for (word, _) in &entries.entries {
            let (known, meant) = among(&word.text, &entries.asked);
            let message = format!("{} has no `{}`, expected one of {known}", entries.of, word.text);
            let mistake = Mistake::new(word.span, message);
            self.wrong(match meant {
                Some(meant) => mistake.help(format!("did you mean `{meant}`?")),
                None => mistake,
            });
        }
    }

    /// Names and what each is, in order.
    pub(super) fn named(&mut self, node: Option<Node>, what: &str) -> Vec<(Word, Node)> {
        match node.map(|node| (node.span, node)) {
            None => Vec::new(),
            Some((_, Node { value: Value::Map(entries), .. })) => entries
                .into_iter()
                .map(|(word, mut node)| {
                    if matches!(node.value, Value::Map(_) | Value::List(_) | Value::Null) {
                        node.span = word.span;
                    }
                    (word, node)
                })
                .collect(),
            Some((_, Node { value: Value::Null, .. })) => Vec::new(),
            Some((_, node)) => {
                self.expected(&node, &format!("a mapping from names to {what}"));
                Vec::new()
            }
        }
    }

    pub(super) fn text(&mut self, node: Option<Node>, what: &str) -> Option<At<String>> {
        let node = node?;
        match node.value {
            Value::Scalar { text, .. } => Some(At { value: text, span: node.span }),
            _ => {
                self.expected(&node, what);
                None
            }
        }
    }

    /// A list of texts, or one alone.
    pub(super) fn texts(&mut self, node: Option<Node>, what: &str) -> Vec<At<String>> {
        let Some(node) = node else { return Vec::new() };
        match node.value {
            Value::List(items) => items.into_iter().filter_map(|item| self.text(Some(item), what)).collect(),
            Value::Null => Vec::new(),
            Value::Scalar { text, .. } => vec![At { value: text, span: node.span }],
            Value::Map(_) => {
                self.expected(&node, &format!("a list: {what}"));
                Vec::new()
            }
        }
    }

    pub(super) fn number<N: std::str::FromStr>(&mut self, node: Option<Node>, what: &str) -> Option<At<N>> {
        let node = node?;
        match &node.value {
            Value::Scalar { text, is_quoted: false } if text.parse::<N>().is_ok() => {
                text.parse().ok().map(|value| At { value, span: node.span })
            }
            _ => {
                self.expected(&node, what);
                None
            }
        }
    }

    pub(super) fn flag(&mut self, node: Option<Node>) -> bool {
        let Some(node) = node else { return false };
        match &node.value {
            Value::Scalar { text, is_quoted: false } if text == "true" => true,
            Value::Scalar { text, is_quoted: false } if text == "false" => false,
            _ => {
                self.expected(&node, "true or false");
                false
            }
        }
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        node: Option<Node>,
        among: &[(&'static str, T)],
    ) -> Option<At<T>> {
        let node = node?;
        let words: Vec<&str> = among.iter().map(|(word, _)| *word).collect();
        if let Value::Scalar { text, .. } = &node.value {
            if let Some((_, value)) = among.iter().find(|(word, _)| word == text) {
                return Some(At { value: *value, span: node.span });
            }
            let (known, meant) = crate::meant::among(text, &words);
            let mistake = Mistake::new(node.span, format!("found {text:?}, expected one of {known}"));
            self.wrong(match meant {
                Some(meant) => mistake.help(format!("did you mean `{meant}`?")),
                None => mistake,
            });
            return None;
        }
        self.expected(&node, &words.join(", "));
        None
    }

    /// A time span such as `30d`.
    pub(super) fn duration(&mut self, node: Option<Node>) -> Option<At<String>> {
        const WHAT: &str = "a number and a unit: ms, s, m, h, d, w or y, such as 30d";
        let node = node?;
        let is_duration = |text: &str| {
            let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
            unit.len() < text.len() && matches!(unit, "ms" | "s" | "m" | "h" | "d" | "w" | "y")
        };
        match &node.value {
            Value::Scalar { text, .. } if is_duration(text) => {
                Some(At { value: text.clone(), span: node.span })
            }
            _ => {
                self.expected(&node, WHAT);
                None
            }
        }
    }
}
