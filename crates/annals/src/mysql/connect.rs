//! One connection: reaching the server, TLS, and running statements.

use std::fmt;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error as Failure, OptsBuilder, Row, SslOpts, Value};
use rustls::crypto::{CryptoProvider, ring};

use crate::connect::StoreUrl;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::Link;

use super::{MysqlOptions, Tls, error};

/// A connection of the application's own, to the database of a store or to another one, as the URL says; its options
/// about a store mean nothing here. It has the settings of Annals' connections: strict values, times in UTC, READ
/// COMMITTED, and the server ends it when it rests for 30 seconds.
///
/// # Errors
/// Unavailable when the server cannot be reached; invalid when it refuses the login or is not trusted.
pub async fn connect(url: &StoreUrl) -> Result<Conn> {
    Ok(Connection::open(&MysqlOptions::try_from(url)?).await?.conn)
}

/// How long reaching the server and logging in may take.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Statements kept prepared on one connection. Queries of callers have no end of forms.
const STATEMENTS_MAX: usize = 100;

/// How long a connection may have rested to be used again.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(15);

/// What every session needs, whatever the server's settings are: strict values, UTC, bounded waits for locks,
/// and room for the versions of a batch's streams. The server ends a session that rests for 30 seconds, also in
/// the middle of a transaction whose process has been stopped: the locks of that one are everybody's.
const SETTINGS: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
    SET SESSION autocommit = 1, time_zone = '+00:00', innodb_lock_wait_timeout = 5, lock_wait_timeout = 60, \
    group_concat_max_len = 4194304, wait_timeout = 30, \
    sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'";

/// A connection that nobody else uses at the moment.
pub(super) struct Connection {
    conn: Conn,
}

impl Connection {
    pub(super) async fn open(options: &MysqlOptions) -> Result<Self> {
        let opened = tokio::time::timeout(CONNECT_MAX, Self::reach(options)).await;
        opened.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Unavailable,
                format!("could not connect to {}: no answer within {CONNECT_MAX:?}", options.server),
            ))
        })
    }

    async fn reach(options: &MysqlOptions) -> Result<Self> {
        let failed = |e| error::of_connect(options, e);
        let driver = driver_options(options)?;
        let mut conn = match Conn::new(driver.clone()).await {
            Err(Failure::Driver(DriverError::NoClientSslFlagFromServer)) if options.tls == Tls::Prefer => {
                Conn::new(driver.ssl_opts(None)).await.map_err(failed)?
            }
            conn => conn.map_err(failed)?,
        };
        conn.query_drop(SETTINGS).await.map_err(failed)?;
        Ok(Self { conn })
    }

    /// The driver's own connection.
    pub(super) fn driver(&mut self) -> &mut Conn {
        &mut self.conn
    }

    /// Runs one statement, in one round trip once it is prepared.
    pub(super) async fn query(&mut self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, Failure> {
        self.conn.exec(sql, params).await
    }

    /// As [`query`](Self::query), for a statement that changes rows; says how many it found.
    pub(super) async fn execute(&mut self, sql: &str, params: Vec<Value>) -> Result<u64, Failure> {
        self.conn.exec_drop(sql, params).await?;
        Ok(self.conn.affected_rows())
    }

    /// Runs statements without parameters, one after the other until one fails.
    pub(super) async fn batch(&mut self, sql: &str) -> Result<(), Failure> {
        self.conn.query_drop(sql).await
    }
}

impl Link for Connection {
    type Options = MysqlOptions;

    async fn open(options: &MysqlOptions) -> Result<Self> {
        Self::open(options).await
    }

    fn is_closed(&self) -> bool {
        self.conn.is_disconnected()
    }
}

// The driver prints its options, and so the password.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("id", &self.conn.id()).finish_non_exhaustive()
    }
}

/// Runs several statements without parameters in one round trip; the rows of each, in their order.
pub(super) async fn together(
    session: &mut impl Queryable,
    statements: &[String],
) -> Result<Vec<Vec<Row>>, Failure> {
    let mut results = session.query_iter(statements.join(";\n")).await?;
    let mut rows = Vec::with_capacity(statements.len());
    for _ in statements {
        rows.push(results.collect().await?);
    }
    results.drop_result().await?;
    Ok(rows)
}

fn driver_options(options: &MysqlOptions) -> Result<OptsBuilder> {
    let server = &options.server;
    let (Some(user), Some(database)) = (&server.user, &server.database) else {
        return Err(Error::invalid(
            "a mysql URL without a user or a database, expected mysql://user:password@host/database",
        ));
    };
    Ok(OptsBuilder::default()
        .ip_or_hostname(server.host.clone())
        .tcp_port(server.port)
        .user(Some(user.clone()))
        .pass(server.password.clone())
        .db_name(Some(database.clone()))
        .prefer_socket(false)
        .stmt_cache_size(STATEMENTS_MAX)
        // A row that is found and stays as it is counts as well.
        .client_found_rows(true)
        .ssl_opts(tls(options)?))
}

fn tls(options: &MysqlOptions) -> Result<Option<SslOpts>> {
    if options.tls == Tls::Off {
        return Ok(None);
    }
    // The driver takes the process's provider, and would panic where several are compiled in and none was
    // chosen. Whoever chose one keeps it.
    if CryptoProvider::get_default().is_none() {
        let _ = ring::default_provider().install_default();
    }
    let opts = SslOpts::default();
    if options.tls != Tls::Verify {
        // `prefer` and `require` encrypt and do not say to whom.
        return Ok(Some(opts.with_danger_accept_invalid_certs(true)));
    }
    let Some(path) = &options.tls_root else {
        return Err(Error::invalid(
            "sslmode=verify-full needs sslrootcert=FILE, the certificates that are trusted, in PEM",
        ));
    };
    let pem = std::fs::read(path).map_err(|e| {
        let message = format!("could not read certificates from {}", path.display());
        Error::with_source(ErrorKind::Invalid, message, e)
    })?;
    if !pem.windows(BEGIN.len()).any(|part| part == BEGIN) {
        return Err(Error::invalid(format!("{} holds no certificate in PEM", path.display())));
    }
    Ok(Some(opts.with_root_certs(vec![pem.into()]).with_disable_built_in_roots(true)))
}

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
