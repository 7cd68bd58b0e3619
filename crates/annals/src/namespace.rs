//! Namespaces: stores of their own inside one database.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The name of a store inside a database: 1 to 32 lowercase letters, digits and single underscores between
/// them, so that every database can use it in the name of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Namespace(String);

impl Namespace {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let letters = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        let edges = !text.starts_with('_') && !text.ends_with('_') && !text.contains("__");
        if text.is_empty() || text.len() > 32 || !letters || !edges {
            return Err(Error::invalid(format!(
                "namespace {text:?}, expected 1 to 32 lowercase letters, digits and single underscores between them"
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
