//! YAML as a tree of nodes with their places, from one document without anchors, merges and tags.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use crate::text::{FileId, Span, Texts};

use super::Mistake;

/// A value with its place. A mapping's place is that of its key, or of its file.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    /// Anything that is neither a list nor a mapping. What is not quoted is its text as it stands, whatever YAML
    /// takes it for: `NO` is not false.
    Scalar {
        text: String,
        is_quoted: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Word, Node)>),
}

/// A key.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) span: Span,
}

impl Value {
    /// What it is, as a message calls it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar { .. } => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// How deep a model goes at most; what comes here is read by functions that call themselves.
const DEPTH_MAX: usize = 32;

/// Parses a text.
///
/// # Errors
/// What the text is not.
pub(crate) fn parse(texts: &Texts, file: FileId) -> Result<Node, Mistake> {
    parse_part(texts, file, 0..texts.text(file).len())
}

/// Parses one document of a text.
///
/// # Errors
/// What it is not.
pub(super) fn parse_part(texts: &Texts, file: FileId, part: Range<usize>) -> Result<Node, Mistake> {
    let offset = part.start;
    let text = texts.text(file).get(part).unwrap_or_default();
    let whole = Span { file, start: offset, end: offset };
    if text.trim().is_empty() {
        return Ok(Node { value: Value::Null, span: whole });
    }
    let budget = serde_saphyr::budget! { max_depth: DEPTH_MAX, max_anchors: 0, max_aliases: 0 };
    let options =
        serde_saphyr::options! { with_snippet: false, budget: budget, reject_unsupported_tags: true };
    let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options).map_err(|e| {
        let span = e.location().map_or(whole, |at| place(text, whole, &at));
        let said = e.to_string();
        let said = said.lines().next().unwrap_or_default();
        // The place is shown beside it.
        let message = match said.split_once(" column ").and_then(|(_, rest)| rest.split_once(": ")) {
            Some((_, message)) => message.split(", set DuplicateKeyPolicy").next().unwrap_or(message),
            None => said.rsplit_once(" at line ").map_or(said, |(message, _)| message),
        };
        Mistake::new(span, format!("no YAML that this reads: {message}"))
    })?;
    Lowering { text, whole }.node(raw)
}

struct Lowering<'t> {
    text: &'t str,
    /// Where the text begins in its file.
    whole: Span,
}

impl Lowering<'_> {
    fn node(&self, raw: Spanned<Raw>) -> Result<Node, Mistake> {
        let span = place(self.text, self.whole, &raw.referenced);
        let within = span.start - self.whole.start..span.end - self.whole.start;
        let stands = self.text.get(within).unwrap_or_default();
        if stands.starts_with(['*', '&', '!']) || raw.referenced != raw.defined {
            return Err(
                Mistake::new(span, "anchors, aliases and tags have no meaning here").help("write it out")
            );
        }
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Other => Value::Scalar { text: stands.to_owned(), is_quoted: false },
            Raw::Text(text) => {
                let is_quoted = stands.starts_with(['"', '\'', '|', '>']);
                Value::Scalar { text, is_quoted }
            }
            Raw::List(items) => {
                Value::List(items.into_iter().map(|item| self.node(item)).collect::<Result<_, _>>()?)
            }
            Raw::Map(entries) => {
                let mut map = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let span = place(self.text, self.whole, &key.referenced);
                    if key.value == "<<" {
                        return Err(Mistake::new(span, "merges have no meaning here").help("write it out"));
                    }
                    map.push((Word { text: key.value, span }, self.node(value)?));
                }
                Value::Map(map)
            }
        };
        Ok(Node { value, span })
    }
}

fn place(text: &str, whole: Span, location: &Location) -> Span {
    let span = location.span();
    let at = |offset: Option<_>| offset.and_then(|offset| usize::try_from(offset).ok());
    let start = at(span.byte_offset()).unwrap_or_else(|| byte_at(text, location)).min(text.len());
    let end = (start + at(span.byte_len()).unwrap_or(0)).min(text.len());
    match text.get(start..end) {
        Some(_) => Span { start: whole.start + start, end: whole.start + end, ..whole },
        None => whole,
    }
}

/// The byte of a place that is told by line and column only, as that of an error of grammar is.
fn byte_at(text: &str, location: &Location) -> usize {
    let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
    let line = text.split_inclusive('\n').nth(at(location.line())).unwrap_or_default();
    let before: usize = text.split_inclusive('\n').take(at(location.line())).map(str::len).sum();
    before + line.char_indices().nth(at(location.column())).map_or(line.len(), |(byte, _)| byte)
}

enum Raw {
    Null,
    /// A number or a truth: its text stands in the source.
    Other,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key()? {
            entries.push((key, map.next_value()?));
        }
        Ok(Raw::Map(entries))
    }
}
