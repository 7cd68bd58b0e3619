//! Streams: their ids and categories, versions, and what an append expects of them.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::name::name;

name! {
    /// Names the stream of one consistency boundary, such as `order-123`.
    StreamId, "stream id"
}

name! {
    /// The kind of thing a stream is about: the text of its id before the first `-` or `/`, the whole
    /// id where there is neither.
    Category, "category"
}

impl StreamId {
    /// The part of the id before the first `-` or `/`; empty where the id begins with one.
    pub fn category(&self) -> &str {
        category_of(self.as_str())
    }
}

/// What names a stream: a [`StreamId`], or a text that is one.
pub trait IntoStreamId {
    /// The id.
    ///
    /// # Errors
    /// Invalid for a text that no stream is named by.
    fn into_stream_id(self) -> Result<StreamId>;
}

impl IntoStreamId for StreamId {
    fn into_stream_id(self) -> Result<StreamId> {
        Ok(self)
    }
}

impl IntoStreamId for &StreamId {
    fn into_stream_id(self) -> Result<StreamId> {
        Ok(self.clone())
    }
}

impl IntoStreamId for &str {
    fn into_stream_id(self) -> Result<StreamId> {
        StreamId::new(self)
    }
}

impl IntoStreamId for String {
    fn into_stream_id(self) -> Result<StreamId> {
        StreamId::new(self)
    }
}

impl IntoStreamId for &String {
    fn into_stream_id(self) -> Result<StreamId> {
        StreamId::new(self)
    }
}

pub(crate) fn category_of(stream_id: &str) -> &str {
    stream_id.split(['-', '/']).next().unwrap_or(stream_id)
}

/// An event's place in its stream: the first event is 1, and a stream without events is at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// Where a stream without events is.
    pub const NONE: Self = Self(0);
    /// The version of a stream's first event.
    pub const FIRST: Self = Self(1);
    /// Beyond every event: where reading backward from the end begins.
    pub const END: Self = Self(u64::MAX);

    /// The version after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an append expects of a stream (rule 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Expected {
    /// Nothing: the append goes to the end, wherever it is.
    #[default]
    Any,
    /// The stream has never had an event.
    NoStream,
    /// The stream has at least one event.
    StreamExists,
    /// The stream is at exactly this version.
    Version(Version),
}

impl Expected {
    /// The stream is at exactly this version; 0 expects a stream without events.
    pub fn version(version: u64) -> Self {
        Self::Version(Version(version))
    }

    /// Whether a stream at `actual` is what was expected.
    pub fn allows(self, actual: Version) -> bool {
        match self {
            Self::Any => true,
            Self::NoStream => actual == Version::NONE,
            Self::StreamExists => actual > Version::NONE,
            Self::Version(version) => actual == version,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::NoStream => f.write_str("no stream"),
            Self::StreamExists => f.write_str("an existing stream"),
            Self::Version(version) => version.fmt(f),
        }
    }
}

impl FromStr for Expected {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "any" => Self::Any,
            "none" => Self::NoStream,
            "exists" => Self::StreamExists,
            number => Self::version(number.parse().map_err(|_| {
                Error::invalid(format!(
                    "expected version {number:?} is not one of any, none, exists or a whole number"
                ))
            })?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_category_ends_at_the_first_hyphen_or_slash() {
        for (id, category) in [
            ("order-123", "order"),
            ("order/a-b", "order"),
            ("a-b/c", "a"),
            ("orders", "orders"),
            ("/b/1", ""),
        ] {
            assert_eq!(StreamId::new(id).unwrap().category(), category);
        }
    }

    #[test]
    fn an_expectation_is_parsed_as_it_is_typed() {
        assert_eq!("any".parse::<Expected>().unwrap(), Expected::Any);
        assert_eq!("0".parse::<Expected>().unwrap(), Expected::version(0));
        for bad in ["", "-1", "some", "1.0"] {
            assert!(bad.parse::<Expected>().is_err(), "{bad:?} was accepted");
        }
    }
}
