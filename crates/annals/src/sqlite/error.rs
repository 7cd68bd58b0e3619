//! What SQLite's result codes mean to the caller (<https://www.sqlite.org/rescode.html>).

use rusqlite::ErrorCode;

use crate::error::{Error, ErrorKind};

/// The error of a statement that was not a commit: whatever it was about to change is rolled back.
pub(super) fn of(doing: &str, error: rusqlite::Error) -> Error {
    let (kind, what) = match error.sqlite_error_code() {
        _ if is_gone(&error) => (ErrorKind::Closed, "its tables have been dropped since it was opened"),
        _ if is_taken(&error) => (ErrorKind::Invalid, "something else has that name already"),
        _ if is_too_large(&error) => (ErrorKind::Invalid, "the query has more parts than SQLite takes"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (ErrorKind::Unavailable, "another process holds the database's write lock for too long")
        }
        Some(ErrorCode::DiskFull) => (ErrorKind::Unavailable, "the disk is full"),
        Some(ErrorCode::CannotOpen) => (
            ErrorKind::Unavailable,
            "the file cannot be opened: check that its directory exists and is writable",
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            (ErrorKind::Unavailable, "the file or its directory is read-only")
        }
        Some(ErrorCode::NotADatabase) => (ErrorKind::Corrupt, "the file is not an SQLite database"),
        Some(ErrorCode::DatabaseCorrupt) => (ErrorKind::Corrupt, "the database file is damaged"),
        Some(ErrorCode::TooBig) => (ErrorKind::Invalid, "a value is larger than SQLite holds"),
        Some(ErrorCode::OutOfMemory) => (ErrorKind::Unavailable, "out of memory"),
        Some(ErrorCode::SystemIoFailure) => (ErrorKind::Unavailable, "reading or writing the file failed"),
        Some(ErrorCode::ConstraintViolation) => (ErrorKind::Corrupt, "the database refused the change"),
        Some(_) => (ErrorKind::Indeterminate, "SQLite failed"),
        None => (ErrorKind::Corrupt, "stored data is not of the expected form"),
    };
    Error::with_source(kind, format!("{doing}: {what}"), error)
}

/// Whether another connection holds a lock for too long.
pub(super) fn is_contended(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether the store's row, or one of its tables, is not there any more.
fn is_gone(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::QueryReturnedNoRows => true,
        _ => plain(error).is_some_and(|message| message.starts_with("no such table")),
    }
}

/// Whether a name of a view to be made belongs to a table.
fn is_taken(error: &rusqlite::Error) -> bool {
    plain(error).is_some_and(|message| {
        message.starts_with("use DROP TABLE to delete") || message.ends_with("already exists")
    })
}

/// Whether SQLite did not take a statement for its size (<https://www.sqlite.org/limits.html>), which only a
/// query of the caller's can bring about: all other statements are the same for everybody.
pub(super) fn is_too_large(error: &rusqlite::Error) -> bool {
    const LIMITS: [&str; 4] = [
        "Expression tree is too large",
        "too many SQL variables",
        "variable number must be",
        "too many terms",
    ];
    plain(error).is_some_and(|message| LIMITS.iter().any(|limit| message.starts_with(limit)))
}

/// The message of an error that has no code of its own.
fn plain(error: &rusqlite::Error) -> Option<&str> {
    match error {
        rusqlite::Error::SqliteFailure(failure, Some(message))
            if failure.extended_code == rusqlite::ffi::SQLITE_ERROR =>
        {
            Some(message)
        }
        rusqlite::Error::SqlInputError { msg, .. } => Some(msg),
        _ => None,
    }
}

/// The error of a commit. A failed sync may have reached the disk or not; a full disk has not, since the
/// frame that commits is the last to be written.
pub(super) fn of_commit(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull) => {
            of("could not commit", error)
        }
        _ => Error::with_source(ErrorKind::Indeterminate, "could not commit: the outcome is unknown", error),
    }
}
