//! The one error of the library. Its kind says what the caller should do next, its message names
//! the thing, and the cause stays in the source chain.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::backend::Capability;
use crate::query::Position;
use crate::stream::{Expected, StreamId, Version};
use crate::subscribe::Checkpoint;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller should do about an [`Error`]. A kind exists only where the answer differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nothing was written: reload and decide again. Details are in [`Error::conflict`].
    Conflict,
    /// The request can never succeed: mend it.
    Invalid,
    /// The store lacks the capability named by [`Error::capability`]: choose otherwise.
    Unsupported,
    /// Nothing was written: retry.
    Unavailable,
    /// It may have been written: retry with the same event ids, or read first.
    Indeterminate,
    /// Stored data broke an invariant: stop and verify.
    Corrupt,
    /// This handle is finished: open the store again.
    Closed,
    /// A bug in Annals: report it.
    Internal,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
            Self::Indeterminate => "indeterminate",
            Self::Corrupt => "corrupt",
            Self::Closed => "closed",
            Self::Internal => "internal",
        })
    }
}

/// What an append, or a checkpoint write, collided with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conflict {
    /// The stream is not where the append expected it.
    Version {
        /// The stream that has moved.
        stream_id: StreamId,
        /// What the append asked for.
        expected: Expected,
        /// Where the stream is.
        actual: Version,
    },
    /// An event matching the append's condition exists after the position it had read.
    Condition {
        /// The position the append had read.
        after: Position,
        /// The first event found after it.
        found: Position,
    },
    /// The stored checkpoint is not the one that was to be replaced.
    Checkpoint {
        /// The checkpoint's name.
        name: String,
        /// What is stored.
        actual: Option<Checkpoint>,
    },
    /// A part of a read model belongs to another projector by now, or is not where this one left it.
    TakenOver,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { stream_id, expected, actual } => {
                write!(f, "stream {:?} is at version {actual}, expected {expected}", stream_id.as_str())
            }
            Self::Condition { after, found } => {
                write!(f, "an event matching the condition exists at position {found}, after {after}")
            }
            Self::Checkpoint { name, actual: Some(actual) } => {
                write!(f, "checkpoint {name:?} is at {actual}, not at the value to be replaced")
            }
            Self::TakenOver => f.write_str("another projector has taken over"),
            Self::Checkpoint { name, actual: None } => write!(f, "checkpoint {name:?} does not exist"),
        }
    }
}

/// An error, what it came from, and so on.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "sqlserver"))]
pub(crate) fn causes<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// Why an operation failed and what to do about it.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    detail: Option<Detail>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

enum Detail {
    Conflict(Conflict),
    Capability(Capability),
}

impl Error {
    /// An error of this kind; the message is a lowercase fragment that names the thing.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), detail: None, source: None }))
    }

    /// An error of this kind with its cause, which the message does not repeat.
    pub fn with_source(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), detail: None, source: Some(source.into()) }))
    }

    /// The request can never succeed.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Stored data broke an invariant.
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    /// The store lacks a capability.
    pub fn unsupported(capability: Capability) -> Self {
        Self(Arc::new(Inner {
            kind: ErrorKind::Unsupported,
            message: format!("this store does not offer {capability}"),
            detail: Some(Detail::Capability(capability)),
            source: None,
        }))
    }

    /// What to do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What the append collided with, when the kind is [`ErrorKind::Conflict`].
    pub fn conflict(&self) -> Option<&Conflict> {
        match &self.0.detail {
            Some(Detail::Conflict(conflict)) => Some(conflict),
            _ => None,
        }
    }

    /// What the store lacks, when the kind is [`ErrorKind::Unsupported`].
    pub fn capability(&self) -> Option<Capability> {
        match &self.0.detail {
            Some(Detail::Capability(capability)) => Some(*capability),
            _ => None,
        }
    }

    /// Whether repeating the same request, with the same event ids, may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unavailable | ErrorKind::Indeterminate)
    }
}

impl From<Conflict> for Error {
    fn from(conflict: Conflict) -> Self {
        Self(Arc::new(Inner {
            kind: ErrorKind::Conflict,
            message: conflict.to_string(),
            detail: Some(Detail::Conflict(conflict)),
            source: None,
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
