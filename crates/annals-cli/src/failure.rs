//! Why a command failed: the exit status that scripts go by, the error with its causes, and one hint.

use std::error::Error as StdError;
use std::io;

use annals::{Conflict, Error, ErrorKind};

/// How a command ends that does not succeed. `annals --help` lists the statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// The reader of the output has what it wants, as in `annals read --all | head`.
    ClosedPipe = 0,
    Refused = 1,
    Usage = 2,
    Unreachable = 3,
    Unknown = 4,
    Interrupted = 130,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    pub(crate) message: String,
    /// What caused it, the nearest cause first.
    pub(crate) causes: Vec<String>,
    pub(crate) hint: Option<String>,
}

impl Failure {
    fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// Something was not done because of this cause.
    pub(crate) fn refused(message: impl Into<String>, cause: impl StdError + 'static) -> Self {
        Self { causes: chain(Some(&cause)), ..Self::new(Status::Refused, message) }
    }

    /// Something that has to hold does not.
    pub(crate) fn check(message: impl Into<String>) -> Self {
        Self::new(Status::Refused, message)
    }

    /// The command cannot be carried out as it was typed.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Status::Usage, message)
    }

    /// The text names no store.
    pub(crate) fn malformed_url(error: Error) -> Self {
        Self { status: Status::Usage, ..Self::of(error) }
            .hint("give a store such as --store sqlite:orders.db; `annals --help` lists them")
    }

    /// The user has stopped it.
    pub(crate) fn interrupted(message: impl Into<String>) -> Self {
        Self::new(Status::Interrupted, message)
    }

    /// Writing what the command was asked for failed.
    pub(crate) fn output(to: &str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Status::ClosedPipe, "the output is closed"),
            _ => Self::refused(format!("could not write to {to}"), error),
        }
    }

    /// Opening a store failed. Nothing has been written yet, so the outcome is never in doubt.
    pub(crate) fn connect(error: Error) -> Self {
        let (status, hint) = match error.kind() {
            ErrorKind::Invalid => (Status::Refused, "use the annals and the options it was created with"),
            ErrorKind::Unsupported => (Status::Refused, hint(&error)),
            _ => (
                Status::Unreachable,
                "check the path or address in the store URL; append and import create a missing SQLite store, \
                 reading commands do not",
            ),
        };
        Self { status, ..Self::of(error) }.hint(hint)
    }

    /// Puts a place before the message, such as a line of a file.
    pub(crate) fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Says what to try instead.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn of(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Unavailable => Status::Unreachable,
            ErrorKind::Indeterminate => Status::Unknown,
            _ => Status::Refused,
        };
        let hint = match error.conflict() {
            Some(Conflict::Version { stream_id, actual, .. }) => {
                format!(
                    "read {:?} again, decide, and append with --expect {actual}; or leave --expect out",
                    stream_id.as_str()
                )
            }
            _ => hint(&error).to_owned(),
        };
        Self { causes: chain(error.source()), ..Self::new(status, error.to_string()) }.hint(hint)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::of(error)
    }
}

fn hint(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Conflict => "read again, decide, and append to what is there now",
        ErrorKind::Invalid => "mend what is named; `annals help COMMAND` shows what is accepted",
        ErrorKind::Unsupported => "use a store that offers it, such as sqlite:orders.db",
        ErrorKind::Unavailable => "run it again when the store can be reached; nothing was written",
        ErrorKind::Indeterminate => {
            "run it again with the same event ids; what was written is not written twice"
        }
        ErrorKind::Corrupt => "stop writing to the store, keep a copy of it, and compare with a backup",
        ErrorKind::Closed => "run it again",
        _ => "this is a mistake in annals: report it with the command you ran",
    }
}

fn chain(mut cause: Option<&(dyn StdError + 'static)>) -> Vec<String> {
    let mut causes = Vec::new();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_error_has_its_status_and_a_hint() {
        for (kind, opened, later) in [
            (ErrorKind::Invalid, Status::Refused, Status::Refused),
            (ErrorKind::Unsupported, Status::Refused, Status::Refused),
            (ErrorKind::Unavailable, Status::Unreachable, Status::Unreachable),
            (ErrorKind::Indeterminate, Status::Unreachable, Status::Unknown),
            (ErrorKind::Corrupt, Status::Unreachable, Status::Refused),
        ] {
            let error = || Error::with_source(kind, "what failed", io::Error::other("why"));
            let (opening, failure) = (Failure::connect(error()), Failure::from(error()));
            assert_eq!((opening.status, failure.status), (opened, later), "{kind}");
            assert!(opening.hint.is_some() && failure.hint.is_some(), "{kind}");
            assert_eq!(failure.causes, ["why"]);
        }
        assert_eq!((Status::Unreachable as u8, Status::Unknown as u8), (3, 4));
    }
}
