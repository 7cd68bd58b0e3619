//! What PostgreSQL's SQLSTATEs mean to the caller
//! (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).

use tokio_postgres::error::SqlState;

use crate::error::{Error, ErrorKind};
use crate::sql::is_distrusted;

use super::PostgresOptions;

/// The error of a statement that was not a commit, and in a transaction that has not committed: what it was
/// about to change is rolled back.
pub(super) fn of(doing: &str, error: tokio_postgres::Error) -> Error {
    let (kind, what) = match error.code() {
        None if is_lost(&error) => (ErrorKind::Unavailable, "the connection is lost"),
        None => (ErrorKind::Corrupt, "what the server sent is not of the expected form"),
        Some(code) => of_state(code),
    };
    Error::with_source(kind, format!("{doing}: {what}"), error)
}

/// The error of a statement with which a transaction was to commit.
pub(super) fn of_commit(doing: &str, error: tokio_postgres::Error) -> Error {
    let unknown = match error.code() {
        None => true,
        // The server went away, perhaps after it had committed.
        Some(code) => code.code().starts_with("08") || code.code().starts_with("57P"),
    };
    if unknown {
        let message = format!("{doing}: the outcome of the commit is unknown");
        return Error::with_source(ErrorKind::Indeterminate, message, error);
    }
    of(doing, error)
}

/// The error of a connection that did not come about.
pub(super) fn of_connect(options: &PostgresOptions, error: tokio_postgres::Error) -> Error {
    // A server that is starting or full will be there later; one that does not let this login in, or that is
    // not trusted, will not.
    let kind = match error.code() {
        Some(code) => match of_state(code).0 {
            ErrorKind::Indeterminate => ErrorKind::Unavailable,
            kind => kind,
        },
        None if is_distrusted(&error) => ErrorKind::Invalid,
        None => ErrorKind::Unavailable,
    };
    Error::with_source(kind, format!("could not connect to {}", options.server), error)
}

/// Whether the connection is gone, so that no answer was received.
pub(super) fn is_lost(error: &tokio_postgres::Error) -> bool {
    use std::error::Error as _;
    error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>())
}

/// Whether the database refused what a request brought, so that its neighbours may be written without it.
pub(super) fn is_of_request(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        let class = &code.code()[..2];
        // Data exceptions, integrity constraints, and limits such as the size of a row in an index.
        matches!(class, "22" | "23" | "54") && *code != SqlState::RESTRICT_VIOLATION
    })
}

/// Whether the database went back on a transaction for the sake of another one.
pub(super) fn is_contended(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| matches!(code.code(), "40001" | "40P01" | "55P03"))
}

fn of_state(code: &SqlState) -> (ErrorKind, &'static str) {
    match code.code() {
        "40001" | "40P01" => (ErrorKind::Unavailable, "the transaction met another one"),
        "55P03" => (ErrorKind::Unavailable, "another transaction holds the store's lock for too long"),
        "57014" => (ErrorKind::Unavailable, "the statement was cancelled"),
        "25006" => (ErrorKind::Unavailable, "the server takes no writes: it may be a standby"),
        "42501" => (ErrorKind::Invalid, "the role of this login may not do that"),
        "42P01" | "3F000" | "42883" | "42703" => {
            (ErrorKind::Closed, "the store's tables are not there, or are not those this version made")
        }
        "42809" | "42P07" => (ErrorKind::Invalid, "something else has that name already"),
        "25001" => (ErrorKind::Invalid, "an append needs a transaction at READ COMMITTED"),
        "3D000" => (ErrorKind::Invalid, "there is no such database"),
        code => match &code[..2] {
            "08" | "53" | "57" | "58" => (ErrorKind::Unavailable, "the server cannot go on"),
            "22" | "54" => (ErrorKind::Invalid, "a value or a statement is beyond what PostgreSQL takes"),
            "23" => (ErrorKind::Corrupt, "the database refused the change"),
            "28" => (ErrorKind::Invalid, "the login was refused"),
            "XX" => (ErrorKind::Corrupt, "the database is damaged"),
            _ => (ErrorKind::Indeterminate, "PostgreSQL failed"),
        },
    }
}
