//! One connection: reaching the server, TLS, and running statements with or without preparing them.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Config, GenericClient, NoTls, Row, RowStream, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connect::StoreUrl;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::Link;

use super::{PostgresOptions, Prepared, Tls, error, tls};

/// A connection of the application's own, to the database of a store or to another one, as the URL says; its options
/// about a store mean nothing here. It is closed when the client is dropped.
///
/// # Errors
/// Unavailable when the server cannot be reached; invalid when it refuses the login or is not trusted.
pub async fn connect(url: &StoreUrl) -> Result<Client> {
    Ok(Connection::open(&PostgresOptions::try_from(url)?, None).await?.client)
}

/// How long reaching the server and logging in may take.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Statements kept prepared on one connection. Queries of callers have no end of forms.
const STATEMENTS_MAX: usize = 200;

/// A parameter and its type, which spares a round trip that would ask for it.
pub(super) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// Told of every notification, with what it carries.
pub(super) type OnNotification = Box<dyn Fn(&str) + Send>;

/// The statements that are prepared on a connection.
pub(super) type Statements = Mutex<HashMap<String, Statement>>;

/// A connection that nobody else uses at the moment.
#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    /// Where statements are kept prepared; not behind a pooler that gives each transaction another server
    /// connection.
    statements: Option<Statements>,
    /// Whether a statement on its own runs at READ COMMITTED.
    reads_committed: bool,
}

impl Link for Connection {
    type Options = PostgresOptions;

    async fn open(options: &PostgresOptions) -> Result<Self> {
        Self::open(options, None).await
    }

    fn is_closed(&self) -> bool {
        self.client.is_closed()
    }
}

impl Connection {
    pub(super) async fn open(options: &PostgresOptions, notify: Option<OnNotification>) -> Result<Self> {
        let opening = Self::reach(options, notify);
        let opened = tokio::time::timeout(CONNECT_MAX, opening).await;
        opened.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Unavailable,
                format!("could not connect to {}: no answer within {CONNECT_MAX:?}", options.server),
            ))
        })
    }

    async fn reach(options: &PostgresOptions, notify: Option<OnNotification>) -> Result<Self> {
        let unreachable = |e: std::io::Error| {
            let message = format!("could not connect to {}", options.server);
            Error::with_source(ErrorKind::Unavailable, message, e)
        };
        let config = config(options)?;
        if let Some(directory) = &options.socket {
            let path = Path::new(directory).join(format!(".s.PGSQL.{}", options.server.port));
            let stream = UnixStream::connect(path).await.map_err(unreachable)?;
            let (client, connection) =
                config.connect_raw(stream, NoTls).await.map_err(|e| error::of_connect(options, e))?;
            drive(connection, notify);
            // A pooler may sit behind a socket as well, and nothing tells.
            return Self::new(options, client, None).await;
        }
        let (host, port) = (options.server.host.as_str(), options.server.port);
        let stream = TcpStream::connect((host, port)).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let ends = (stream.local_addr().map_err(unreachable)?, stream.peer_addr().map_err(unreachable)?);
        let client = if options.tls == Tls::Off {
            let (client, connection) =
                config.connect_raw(stream, NoTls).await.map_err(|e| error::of_connect(options, e))?;
            drive(connection, notify);
            client
        } else {
            let mut make = MakeRustlsConnect::new(tls::config(options)?);
            let tls = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut make, host).map_err(|e| {
                Error::with_source(ErrorKind::Invalid, format!("{host:?} is not a name for TLS"), e)
            })?;
            let (client, connection) =
                config.connect_raw(stream, tls).await.map_err(|e| error::of_connect(options, e))?;
            drive(connection, notify);
            client
        };
        Self::new(options, client, Some(ends)).await
    }

    /// Asks the session how it can be used. Where the server sees another connection than this one,
    /// something is between them, perhaps a pooler; behind one, what is prepared under a name may be another
    /// client's statement. A port alone does not tell: the pooler's may happen to be the same.
    async fn new(
        options: &PostgresOptions,
        client: Client,
        ends: Option<(SocketAddr, SocketAddr)>,
    ) -> Result<Self> {
        let failed = |e| error::of_connect(options, e);
        let sql = "SELECT host(inet_client_addr()), inet_client_port(), host(inet_server_addr()), \
                   inet_server_port(), current_setting('default_transaction_isolation')";
        let row = client.query_typed_one(sql, &[]).await.map_err(failed)?;
        let end = |host: usize, port: usize| {
            let (host, port): (Option<&str>, Option<i32>) = (row.try_get(host)?, row.try_get(port)?);
            let address = host.and_then(|host| host.parse::<IpAddr>().ok());
            Ok(address.zip(port.and_then(|port| u16::try_from(port).ok())).map(SocketAddr::from))
        };
        let seen = end(0, 1).map_err(failed)?.zip(end(2, 3).map_err(failed)?);
        let prepares = match options.prepared {
            Prepared::Yes => true,
            Prepared::No => false,
            Prepared::Auto => ends.is_some() && ends == seen,
        };
        let isolation: &str = row.try_get(4).map_err(failed)?;
        let reads_committed = isolation == "read committed";
        Ok(Self { client, statements: prepares.then(Mutex::default), reads_committed })
    }

    /// Whether a statement on its own runs at READ COMMITTED.
    pub(super) fn reads_committed(&self) -> bool {
        self.reads_committed
    }

    /// Runs statements without parameters, each for itself where they open no transaction.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute(sql).await
    }

    /// Runs one statement, in one round trip once it is prepared.
    pub(super) async fn query(
        &self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.stream(sql, params).await?.try_collect().await
    }

    /// As [`query`](Self::query), row by row as they arrive.
    pub(super) async fn stream(
        &self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<RowStream, tokio_postgres::Error> {
        let Some(statements) = &self.statements else {
            let params = params.iter().map(|(value, kind)| (*value, kind.clone()));
            return self.client.query_typed_raw(sql, params).await;
        };
        let statement = prepared(&self.client, statements, sql, params).await?;
        self.client.query_raw(&statement, params.iter().map(|(value, _)| *value)).await
    }

    /// The driver's own connection for a transaction, and where statements are kept prepared on it.
    pub(super) fn parts(&mut self) -> (&mut Client, Option<&Statements>) {
        (&mut self.client, self.statements.as_ref())
    }

    /// Runs one statement without preparing it. It is sent when the future is polled first, so that futures
    /// polled in order are carried out in order, in one round trip.
    pub(super) async fn query_now(
        &self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.client.query_typed(sql, params).await
    }

    /// As [`query_now`](Self::query_now), for a statement that changes rows; says how many.
    pub(super) async fn execute(
        &self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<u64, tokio_postgres::Error> {
        self.client.execute_typed(sql, params).await
    }
}

/// The statement prepared on this connection, now or before.
pub(super) async fn prepared(
    client: &impl GenericClient,
    statements: &Statements,
    sql: &str,
    params: &[Param<'_>],
) -> Result<Statement, tokio_postgres::Error> {
    if let Some(known) = statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql) {
        return Ok(known.clone());
    }
    let types: Vec<Type> = params.iter().map(|(_, kind)| kind.clone()).collect();
    let statement = client.prepare_typed(sql, &types).await?;
    let mut statements = statements.lock().unwrap_or_else(PoisonError::into_inner);
    if statements.len() >= STATEMENTS_MAX {
        statements.clear();
    }
    statements.insert(sql.to_owned(), statement.clone());
    Ok(statement)
}

/// Works off what the connection receives, until it is closed.
fn drive<S, T>(mut connection: tokio_postgres::Connection<S, T>, notify: Option<OnNotification>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        loop {
            match std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                Some(Ok(AsyncMessage::Notification(notification))) => {
                    if let Some(notify) = &notify {
                        notify(notification.payload());
                    }
                }
                Some(Ok(AsyncMessage::Notice(notice))) => tracing::debug!(%notice, "PostgreSQL says"),
                Some(Ok(_)) => {}
                // The statement that waits is told; so is the next one.
                Some(Err(_)) | None => return,
            }
        }
    });
}

fn config(options: &PostgresOptions) -> Result<Config> {
    let server = &options.server;
    let mut config = Config::new();
    config.application_name("annals").ssl_mode(match options.tls {
        Tls::Off => tokio_postgres::config::SslMode::Disable,
        Tls::Prefer => tokio_postgres::config::SslMode::Prefer,
        Tls::Require | Tls::Verify => tokio_postgres::config::SslMode::Require,
    });
    let Some(user) = &server.user else {
        return Err(Error::invalid(
            "a postgres URL without a user, expected postgres://user:password@host/database",
        ));
    };
    config.user(user).dbname(server.database.as_deref().unwrap_or(user));
    if let Some(password) = &server.password {
        config.password(password);
    }
    Ok(config)
}

/// The certificates in a PEM file.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let failed = |e| {
        let message = format!("could not read certificates from {}", path.display());
        Error::with_source(ErrorKind::Invalid, message, e)
    };
    let found: Vec<_> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(failed)?;
    if found.is_empty() {
        return Err(Error::invalid(format!("{} holds no certificate", path.display())));
    }
    Ok(found)
}
