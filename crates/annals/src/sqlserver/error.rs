//! What the errors of SQL Server and of Azure SQL mean to the caller, by their numbers
//! (<https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors>).

use tiberius::error::Error as Failure;

use crate::error::{Error, ErrorKind};

use super::SqlServerOptions;

/// What the triggers of the log raise, as `sql/schema.sql` has it.
const APPEND_ONLY: u32 = 51015;

/// What is raised when the store's lock was not granted in time.
pub(super) const LOCK_TIMEOUT: u32 = 51222;

/// From this class on the server ends the connection.
const CLASS_FATAL: u8 = 20;

/// The error of a statement that was not a commit, and in a transaction that has not committed: what it was
/// about to change is rolled back.
pub(super) fn of(doing: &str, failure: Failure) -> Error {
    let (kind, what) = match &failure {
        Failure::Server(error) => of_code(error.code()),
        Failure::Io { .. } => (ErrorKind::Unavailable, "the connection is lost"),
        _ => (ErrorKind::Indeterminate, "the connection failed"),
    };
    Error::with_source(kind, format!("{doing}: {what}"), failure)
}

/// The error of a statement with which a transaction was to commit.
pub(super) fn of_commit(doing: &str, failure: Failure) -> Error {
    let unknown = match &failure {
        // The session or the server was ended, perhaps after it had committed.
        Failure::Server(error) => {
            error.class() >= CLASS_FATAL
                || matches!(error.code(), 596 | 3624 | 6001 | 6005 | 40197 | 40613 | 42108 | 42109)
        }
        _ => true,
    };
    if unknown {
        let message = format!("{doing}: the outcome of the commit is unknown");
        return Error::with_source(ErrorKind::Indeterminate, message, failure);
    }
    of(doing, failure)
}

/// The error of a connection that did not come about.
pub(super) fn of_connect(options: &SqlServerOptions, failure: Failure) -> Error {
    // A server that is starting or full will be there later; one that does not let this login in, that is not
    // trusted, or that is no SQL Server, will not.
    let (kind, what) = match &failure {
        Failure::Server(error) => match of_code(error.code()) {
            (ErrorKind::Indeterminate, what) => (ErrorKind::Unavailable, what),
            known => known,
        },
        Failure::Tls(_) => (ErrorKind::Invalid, "its certificate is not trusted"),
        Failure::Io { .. } | Failure::Routing { .. } => (ErrorKind::Unavailable, "it does not answer"),
        _ => (
            ErrorKind::Invalid,
            "what answers does not speak as SQL Server does, or not with the encryption that sslmode asks for",
        ),
    };
    Error::with_source(kind, format!("could not connect to {}: {what}", options.server), failure)
}

/// Whether the database refused what a request brought, so that its neighbours may be written without it: a
/// duplicate (2601 of an index, 2627 of a constraint), a failed check, a value that does not fit.
pub(super) fn is_of_request(failure: &Failure) -> bool {
    is_duplicate(failure)
        || matches!(
            failure.code(),
            Some(241 | 245 | 248 | 515 | 547 | 1946 | 2628 | 8114 | 8115 | 8152 | 9829 | 13609)
        )
}

/// Whether there is a row of this key already.
pub(super) fn is_duplicate(failure: &Failure) -> bool {
    matches!(failure.code(), Some(2601 | 2627))
}

/// Whether the database went back on a transaction, or a statement, for the sake of another one.
pub(super) fn is_contended(failure: &Failure) -> bool {
    matches!(failure.code(), Some(1205 | 1222 | 3960 | 3961))
}

fn of_code(code: u32) -> (ErrorKind, &'static str) {
    match code {
        LOCK_TIMEOUT | 1222 => {
            (ErrorKind::Unavailable, "another transaction holds the store's lock for too long")
        }
        1205 | 3960 | 3961 => (ErrorKind::Unavailable, "the transaction met another one"),
        3906 | 3908 | 978 => (ErrorKind::Unavailable, "the database takes no writes: it may be a replica"),
        18450..=18452 | 18456 | 18470 | 18486..=18488 | 40532 | 40615 | 916 => {
            (ErrorKind::Invalid, "the login was refused")
        }
        911 | 4060 => (ErrorKind::Invalid, "there is no such database, or not for this login"),
        229 | 230 | 262 | 297 | 300 | 2557 | 2760 | 3701 | 3704 | 4902 | 15151 | 15247 => {
            (ErrorKind::Invalid, "this login may not do that")
        }
        195 | 4121 => (
            ErrorKind::Invalid,
            "the server is older than SQL Server 2017, or the database's compatibility level below 140",
        ),
        201 | 207 | 208 | 2812 | 8144 | 8145 => {
            (ErrorKind::Closed, "the store's tables are not there, or are not those this version made")
        }
        2714 | 3705 => (ErrorKind::Invalid, "something else has that name already"),
        241 | 245 | 248 | 515 | 1946 | 2628 | 8114 | 8115 | 8152 | 9829 | 13609 => {
            (ErrorKind::Invalid, "a value is beyond what the database takes")
        }
        547 | 2601 | 2627 | APPEND_ONLY => (ErrorKind::Corrupt, "the database refused the change"),
        596
        | 701
        | 802
        | 921
        | 922
        | 927
        | 976
        | 983
        | 1101
        | 1105
        | 6001
        | 6005
        | 8645
        | 8651
        | 9002
        | 10928
        | 10929
        | 17142
        | 18401
        | 40197
        | 40501
        | 40544
        | 40549..=40553
        | 40613
        | 42108
        | 42109
        | 49918..=49920 => (ErrorKind::Unavailable, "the server cannot go on"),
        605 | 823..=825 | 5180 | 8908 | 8939 => (ErrorKind::Corrupt, "the database is damaged"),
        _ => (ErrorKind::Indeterminate, "the server failed"),
    }
}
