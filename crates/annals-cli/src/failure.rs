//! Why a command failed: the exit status that scripts go by, the error with its causes, and one hint.

use std::error::Error as StdError;
use std::io;
use std::path::Path;

use annals::backend::Capability;
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
        let message = message.into();
        Self { causes: chain(&message, Some(&cause)), ..Self::new(Status::Refused, message) }
    }

    /// What is asked for cannot be reached.
    pub(crate) fn unreachable(message: impl Into<String>, cause: impl StdError + 'static) -> Self {
        Self { status: Status::Unreachable, ..Self::refused(message, cause) }
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
        let hint = match error.to_string() {
            message if message.starts_with("create=") => "write create=no or create=yes",
            _ => "give a store such as --store sqlite:orders.db; `annals --help` lists them",
        };
        Self { status: Status::Usage, ..Self::of(error) }.hint(hint)
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

    /// Opening the store of this URL failed. Nothing has been written yet, so the outcome is never in doubt.
    pub(crate) fn connect(url: &str, error: Error) -> Self {
        let (status, hint) = match error.kind() {
            ErrorKind::Invalid if error.to_string().contains("created with hash chain") => (
                Status::Refused,
                "leave hash_chain out of the URL: it is chosen when a store is created".to_owned(),
            ),
            ErrorKind::Invalid if error.to_string().contains("newer Annals") => {
                (Status::Refused, "use the version of annals that wrote it, or a later one".to_owned())
            }
            ErrorKind::Invalid => (
                Status::Unreachable,
                "check the address, the login and the options in the store URL".to_owned(),
            ),
            ErrorKind::Unsupported => (Status::Refused, hint(&error).to_owned()),
            _ => (
                Status::Unreachable,
                misplaced(url).unwrap_or_else(|| {
                    "check the path or address in the store URL; append and import create a missing store, \
                     reading commands do not"
                        .to_owned()
                }),
            ),
        };
        Self { status, ..Self::of(error) }.hint(hint)
    }

    /// Puts a place before the message, such as a line of a file.
    pub(crate) fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// The message and its causes.
    pub(crate) fn in_one_line(&self) -> String {
        let causes = self.causes.iter().map(String::as_str);
        std::iter::once(self.message.as_str()).chain(causes).collect::<Vec<_>>().join(": ")
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
        let message = error.to_string();
        Self { causes: chain(&message, error.source()), ..Self::new(status, message) }.hint(hint)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::of(error)
    }
}

fn hint(error: &Error) -> &'static str {
    let message = error.to_string();
    if let Some((_, hint)) = HINTS.iter().find(|(part, _)| message.contains(part)) {
        return hint;
    }
    match error.kind() {
        ErrorKind::Conflict => "read again, decide, and append to what is there now",
        ErrorKind::Invalid => "mend what is named; `annals help COMMAND` shows what is accepted",
        ErrorKind::Unsupported if error.capability() == Some(Capability::HashChain) => {
            "a hash chain is chosen when a store is created: sqlite:new.db?hash_chain=annals-v1"
        }
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

/// The next move where the kind of error does not tell it: part of a message, and the hint.
const HINTS: [(&str, &str); 6] = [
    (ID_IN_USE, "leave out --id, or give another one"),
    ("belongs to another store", "begin again with --from start or --from now"),
    ("is ahead of the log", "begin again with --from start or --from now"),
    ("tags, this store takes at most", "give the event fewer tags"),
    ("a name of", "give it a shorter name"),
    ("bytes, this store takes at most", "make it smaller: keep what is large elsewhere and refer to it"),
];

/// Part of the message about an event id that another event has.
pub(crate) const ID_IN_USE: &str = "is already in use for another event";

/// What is wrong with the directory in the URL of an SQLite store.
fn misplaced(url: &str) -> Option<String> {
    let place = url.strip_prefix("sqlite:")?.split('?').next()?;
    let place = place.strip_prefix("//").unwrap_or(place);
    if let Some(rest) = place.strip_prefix("~/") {
        return Some(format!("the shell does not expand ~ there: write \"sqlite:$HOME/{rest}\""));
    }
    let directory = Path::new(place).parent().filter(|directory| !directory.as_os_str().is_empty())?;
    // With a % the name of the directory is another one.
    let missing = !place.contains('%') && !directory.exists();
    missing.then(|| format!("the directory {} does not exist: create it first", directory.display()))
}

/// The causes that say something new.
fn chain(message: &str, mut cause: Option<&(dyn StdError + 'static)>) -> Vec<String> {
    let mut causes = Vec::new();
    let (mut said, mut is_first) = (message.to_lowercase(), true);
    while let Some(error) = cause {
        let text = error.to_string();
        // A driver's general text says less than the message that it gives with it.
        let general = text == "db error" || !is_first && text.starts_with("Error code ");
        if !general && is_new(&text.to_lowercase(), &said) {
            said.push_str(&text.to_lowercase());
            causes.push(text);
        }
        is_first = false;
        cause = error.source();
    }
    causes
}

/// Whether a text has a word, longer than an article, that was not said yet.
fn is_new(text: &str, said: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| word.len() > 2 && !said.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_error_has_its_status_and_a_hint() {
        for (kind, opened, later) in [
            (ErrorKind::Invalid, Status::Unreachable, Status::Refused),
            (ErrorKind::Unsupported, Status::Refused, Status::Refused),
            (ErrorKind::Unavailable, Status::Unreachable, Status::Unreachable),
            (ErrorKind::Indeterminate, Status::Unreachable, Status::Unknown),
            (ErrorKind::Corrupt, Status::Unreachable, Status::Refused),
        ] {
            let error = || Error::with_source(kind, "what failed", io::Error::other("why"));
            let (opening, failure) = (Failure::connect("memory:", error()), Failure::from(error()));
            assert_eq!((opening.status, failure.status), (opened, later), "{kind}");
            assert!(opening.hint.is_some() && failure.hint.is_some(), "{kind}");
            assert_eq!(failure.causes, ["why"]);
        }
        let repeated = Error::with_source(ErrorKind::Corrupt, "what failed", io::Error::other("what failed"));
        assert_eq!(Failure::from(repeated).causes, [""; 0]);
        assert_eq!((Status::Unreachable as u8, Status::Unknown as u8), (3, 4));
    }
}
