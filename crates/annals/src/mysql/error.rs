//! What the errors of MySQL and MariaDB mean to the caller. Both number them alike up to 1880; beyond, a
//! number is one product's own
//! (<https://dev.mysql.com/doc/mysql-errors/9.0/en/server-error-reference.html>,
//! <https://mariadb.com/kb/en/mariadb-error-code-reference/>).

use mysql_async::{DriverError, Error as Failure};

use crate::error::{Error, ErrorKind};
use crate::sql::is_distrusted;

use super::MysqlOptions;

/// The error of a statement that was not a commit, and in a transaction that has not committed: what it was
/// about to change is rolled back.
pub(super) fn of(doing: &str, failure: Failure) -> Error {
    let (kind, what) = match &failure {
        Failure::Server(error) => of_code(error.code),
        Failure::Io(_) | Failure::Driver(DriverError::ConnectionClosed) => {
            (ErrorKind::Unavailable, "the connection is lost")
        }
        Failure::Driver(DriverError::PacketTooLarge) => {
            (ErrorKind::Invalid, "a statement is longer than the server's max_allowed_packet")
        }
        Failure::Driver(_) | Failure::Other(_) | Failure::Url(_) => {
            (ErrorKind::Indeterminate, "the connection failed")
        }
    };
    Error::with_source(kind, format!("{doing}: {what}"), failure)
}

/// The error of a statement with which a transaction was to commit.
pub(super) fn of_commit(doing: &str, failure: Failure) -> Error {
    let unknown = match &failure {
        // The statement or the server was ended, perhaps after it had committed.
        Failure::Server(error) => matches!(error.code, 1053 | 1317 | 1927 | 1969 | 3024 | 3169 | 4031),
        Failure::Driver(DriverError::PacketTooLarge) => false,
        _ => true,
    };
    if unknown {
        let message = format!("{doing}: the outcome of the commit is unknown");
        return Error::with_source(ErrorKind::Indeterminate, message, failure);
    }
    of(doing, failure)
}

/// The error of a connection that did not come about.
pub(super) fn of_connect(options: &MysqlOptions, failure: Failure) -> Error {
    // A server that is starting or full will be there later; one that does not let this login in, or that is
    // not trusted, will not.
    let kind = match &failure {
        Failure::Server(error) => match of_code(error.code).0 {
            ErrorKind::Indeterminate => ErrorKind::Unavailable,
            kind => kind,
        },
        Failure::Driver(DriverError::NoClientSslFlagFromServer) => ErrorKind::Invalid,
        _ if is_distrusted(&failure) => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    };
    Error::with_source(kind, format!("could not connect to {}", options.server), failure)
}

/// The number of a server's error.
pub(super) fn code(failure: &Failure) -> Option<u16> {
    match failure {
        Failure::Server(error) => Some(error.code),
        _ => None,
    }
}

/// Whether the database refused what a request brought, so that its neighbours may be written without it:
/// a duplicate, a failed check (3819 MySQL, 4025 MariaDB), a value that does not fit, a row too large.
pub(super) fn is_of_request(failure: &Failure) -> bool {
    matches!(
        code(failure),
        Some(1062 | 3819 | 4025 | 1048 | 1118 | 1153 | 1264 | 1292 | 1301 | 1366 | 1406 | 3140 | 3141 | 3157)
    )
}

/// Whether the database went back on a transaction, or a statement, for the sake of another one.
pub(super) fn is_contended(failure: &Failure) -> bool {
    matches!(code(failure), Some(1205 | 1213))
}

fn of_code(code: u16) -> (ErrorKind, &'static str) {
    match code {
        1205 => (ErrorKind::Unavailable, "another transaction holds the store's lock for too long"),
        1213 => (ErrorKind::Unavailable, "the transaction met another one"),
        1317 | 1969 | 3024 => (ErrorKind::Unavailable, "the statement was cancelled"),
        1290 | 1792 | 1836 => (ErrorKind::Unavailable, "the server takes no writes: it may be a replica"),
        1045 | 1129 | 1130 | 1251 | 1698 | 1820 | 1862 | 3118 => {
            (ErrorKind::Invalid, "the login was refused")
        }
        1049 => (ErrorKind::Invalid, "there is no such database"),
        1044 | 1142 | 1143 | 1227 | 1370 => (ErrorKind::Invalid, "this login may not do that"),
        1419 => (
            ErrorKind::Invalid,
            "the server lets only administrators create triggers; let one create the schema, or set \
             log_bin_trust_function_creators",
        ),
        1665 => (
            ErrorKind::Invalid,
            "a server with binlog_format=STATEMENT takes no writes at READ COMMITTED, which appends need; set \
             ROW or MIXED",
        ),
        1054 | 1146 | 1305 | 1318 => {
            (ErrorKind::Closed, "the store's tables are not there, or are not those this version made")
        }
        1050 | 1347 => (ErrorKind::Invalid, "something else has that name already"),
        1048 | 1118 | 1153 | 1264 | 1292 | 1301 | 1366 | 1406 | 3140 | 3141 | 3157 => {
            (ErrorKind::Invalid, "a value or a statement is beyond what the server takes")
        }
        1062 | 1644 | 3819 | 4025 => (ErrorKind::Corrupt, "the database refused the change"),
        1021
        | 1040
        | 1041
        | 1053
        | 1077
        | 1079
        | 1114
        | 1152
        | 1158..=1161
        | 1203
        | 1226
        | 1927
        | 3169
        | 4031 => (ErrorKind::Unavailable, "the server cannot go on"),
        1033..=1035 | 1194 | 1195 | 1712 | 1877 => (ErrorKind::Corrupt, "the database is damaged"),
        _ => (ErrorKind::Indeterminate, "the server failed"),
    }
}
