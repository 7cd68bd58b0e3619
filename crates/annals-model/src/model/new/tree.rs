//! A document as a tree, in the order in which it stands.

use serde_json::{Number, Value as Json};

use crate::model::node::{Node, Value};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Null,
    /// Anything that is neither a list nor a mapping.
    Text {
        text: String,
        is_quoted: bool,
    },
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl From<Node> for Tree {
    fn from(node: Node) -> Self {
        match node.value {
            Value::Null => Self::Null,
            Value::Scalar { text, is_quoted } => Self::Text { text, is_quoted },
            Value::List(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Map(entries) => {
                Self::Map(entries.into_iter().map(|(word, node)| (word.text, node.into())).collect())
            }
        }
    }
}

impl Tree {
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(known, _)| known == key).map(|(_, of)| of),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The text under a key; empty where there is none.
    pub(super) fn text_of(&self, key: &str) -> &str {
        self.get(key).and_then(Self::text).unwrap_or_default()
    }

    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The items under a key.
    pub(super) fn items_of(&self, key: &str) -> &[Self] {
        self.get(key).map_or(&[], Self::items)
    }

    pub(super) fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The texts of a list.
    pub(super) fn texts_of(&self, key: &str) -> Vec<&str> {
        self.items_of(key).iter().filter_map(Self::text).collect()
    }

    /// As JSON, as YAML means it.
    pub(super) fn json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Text { text, is_quoted: true } => Json::String(text.clone()),
            Self::Text { text, .. } => match text.as_str() {
                "true" => Json::Bool(true),
                "false" => Json::Bool(false),
                _ => text.parse::<Number>().map_or_else(|_| Json::String(text.clone()), Json::Number),
            },
            Self::List(items) => Json::Array(items.iter().map(Self::json).collect()),
            Self::Map(entries) => {
                Json::Object(entries.iter().map(|(key, of)| (key.clone(), of.json())).collect())
            }
        }
    }
}
