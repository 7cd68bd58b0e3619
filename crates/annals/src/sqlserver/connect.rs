//! One connection: reaching the server, TLS, logging in, and running statements.

use std::fmt;
use std::time::Duration;

use tiberius::error::Error as Failure;
use tiberius::time::{Date, DateTime2, DateTimeOffset, Time};
use tiberius::{AuthMethod, ColumnData, Config, EncryptionLevel, IntoSql, Query, Row};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Link, Tls};
use crate::time::Timestamp;

use super::row::DAYS_TO_1970;
use super::{SqlServerOptions, error};

/// The driver's connection, as applications get it.
pub type Client = tiberius::Client<Compat<TcpStream>>;

/// How long reaching the server and logging in may take.
const CONNECT_MAX: Duration = Duration::from_secs(15);

/// How often a server may send a login on to another address, as Azure SQL does.
const ROUTES_MAX: usize = 3;

/// How long a connection may have rested to be used again: Azure SQL closes one after 30 minutes.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(300);

/// How many milliseconds a statement waits for a lock.
pub(super) const LOCK_WAIT_MAX: i32 = 5_000;

/// What every session needs, whatever the server's settings are. Indexes on expressions are kept up only where
/// the first six are on; an error takes the whole transaction back.
const SETTINGS: &str = "SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL, \
    QUOTED_IDENTIFIER ON; SET NUMERIC_ROUNDABORT OFF; SET IMPLICIT_TRANSACTIONS OFF; SET XACT_ABORT ON; \
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET TEXTSIZE 2147483647; SET LOCK_TIMEOUT 5000";

/// A value for a parameter of a statement.
#[derive(Debug, Clone)]
pub(super) enum Param {
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
    Uuid(Uuid),
    Time(Timestamp),
}

impl<'a> IntoSql<'a> for Param {
    fn into_sql(self) -> ColumnData<'a> {
        match self {
            Self::Number(number) => ColumnData::I64(Some(number)),
            Self::Text(text) => ColumnData::String(Some(text.into())),
            Self::Bytes(bytes) => ColumnData::Binary(Some(bytes.into())),
            Self::Uuid(uuid) => ColumnData::Guid(Some(uuid)),
            Self::Time(time) => ColumnData::DateTimeOffset(Some(datetimeoffset(time))),
        }
    }
}

/// A time as the protocol has it: days since the year 1 and microseconds of a day, in UTC.
fn datetimeoffset(time: Timestamp) -> DateTimeOffset {
    const DAY: i64 = 86_400_000_000;
    let micros = time.unix_micros();
    // A timestamp is between the years 1 and 9999, so neither is ever negative or too large.
    let days = u32::try_from(micros.div_euclid(DAY) + DAYS_TO_1970).unwrap_or_default();
    let increments = u64::try_from(micros.rem_euclid(DAY)).unwrap_or_default();
    DateTimeOffset::new(DateTime2::new(Date::new(days), Time::new(increments, 6)), 0)
}

/// A connection that nobody else uses at the moment.
pub(super) struct Connection {
    client: Client,
}

impl Connection {
    pub(super) async fn open(options: &SqlServerOptions) -> Result<Self> {
        let opened = tokio::time::timeout(CONNECT_MAX, Self::reach(options)).await;
        opened.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Unavailable,
                format!("could not connect to {}: no answer within {CONNECT_MAX:?}", options.server),
            ))
        })
    }

    async fn reach(options: &SqlServerOptions) -> Result<Self> {
        let failed = |e| error::of_connect(options, e);
        let config = config(options)?;
        let first = Self::log_in(options, config.clone(), encryption(options.tls)).await;
        let client = match first {
            // The server has no certificate. One that has none is also how somebody in between would look.
            Err(Failure::Protocol(_)) if options.tls == Tls::Prefer => {
                Self::log_in(options, config, EncryptionLevel::NotSupported).await
            }
            first => first,
        };
        let mut connection = Self { client: client.map_err(failed)? };
        connection.batch(SETTINGS).await.map_err(failed)?;
        Ok(connection)
    }

    async fn log_in(
        options: &SqlServerOptions,
        mut config: Config,
        encryption: EncryptionLevel,
    ) -> Result<Client, Failure> {
        config.encryption(encryption);
        let mut address = (options.server.host.clone(), options.server.port);
        for _ in 0..ROUTES_MAX {
            let stream = TcpStream::connect((address.0.as_str(), address.1)).await?;
            stream.set_nodelay(true)?;
            match Client::connect(config.clone(), stream.compat_write()).await {
                Err(Failure::Routing { host, port }) => {
                    // The certificate there is for the name that was routed to.
                    config.host(&host);
                    config.port(port);
                    address = (host, port);
                }
                client => return client,
            }
        }
        Err(Failure::Routing { host: address.0, port: address.1 })
    }

    /// The driver's own connection.
    pub(super) fn driver(&mut self) -> &mut Client {
        &mut self.client
    }

    /// As [`driver`](Self::driver), to look at.
    pub(super) fn shown(&self) -> &Client {
        &self.client
    }

    /// Runs statements with parameters in one round trip; the rows of each that has any, in their order.
    pub(super) async fn query(&mut self, sql: &str, params: Vec<Param>) -> Result<Vec<Vec<Row>>, Failure> {
        query(&mut self.client, sql, params).await
    }

    /// Runs a statement that changes rows; says how many.
    pub(super) async fn execute(&mut self, sql: &str, params: Vec<Param>) -> Result<u64, Failure> {
        execute(&mut self.client, sql, params).await
    }

    /// Runs statements without parameters in one round trip; the rows of each that has any.
    pub(super) async fn batch(&mut self, sql: &str) -> Result<Vec<Vec<Row>>, Failure> {
        batch(&mut self.client, sql).await
    }
}

impl Link for Connection {
    type Options = SqlServerOptions;

    async fn open(options: &SqlServerOptions) -> Result<Self> {
        Self::open(options).await
    }

    /// The driver only finds out by using it.
    fn is_closed(&self) -> bool {
        false
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

pub(super) async fn query(
    client: &mut Client,
    sql: &str,
    params: Vec<Param>,
) -> Result<Vec<Vec<Row>>, Failure> {
    bound(sql, params).query(client).await?.into_results().await
}

pub(super) async fn execute(client: &mut Client, sql: &str, params: Vec<Param>) -> Result<u64, Failure> {
    Ok(bound(sql, params).execute(client).await?.total())
}

pub(super) async fn batch(client: &mut Client, sql: &str) -> Result<Vec<Vec<Row>>, Failure> {
    client.simple_query(sql).await?.into_results().await
}

fn bound(sql: &str, params: Vec<Param>) -> Query<'_> {
    let mut query = Query::new(sql);
    query.bind_iter(params);
    query
}

fn encryption(tls: Tls) -> EncryptionLevel {
    match tls {
        Tls::Off => EncryptionLevel::NotSupported,
        Tls::Prefer | Tls::Require | Tls::Verify => EncryptionLevel::Required,
    }
}

fn config(options: &SqlServerOptions) -> Result<Config> {
    let server = &options.server;
    let Some(database) = &server.database else {
        return Err(Error::invalid(
            "a sqlserver URL without a database, expected sqlserver://user:password@host/database",
        ));
    };
    let mut config = Config::new();
    config.host(&server.host);
    config.port(server.port);
    config.database(database);
    config.application_name("annals");
    // The whole of it is bounded, and a statement by whoever runs it.
    config.handshake_timeout(None);
    config.authentication(match (&options.token_file, &server.user) {
        (Some(path), _) => {
            // Read for each connection, since a token lives for an hour or so and somebody renews the file.
            let token = std::fs::read_to_string(path).map_err(|e| {
                let message = format!("could not read the access token from {}", path.display());
                Error::with_source(ErrorKind::Invalid, message, e)
            })?;
            AuthMethod::aad_token(token.trim())
        }
        (None, Some(user)) => AuthMethod::sql_server(user, server.password.as_deref().unwrap_or_default()),
        (None, None) => {
            return Err(Error::invalid(
                "a sqlserver URL without a user, expected sqlserver://user:password@host/database or \
                 token_file=FILE",
            ));
        }
    });
    match (options.tls, &options.tls_root) {
        (Tls::Verify, Some(path)) => {
            let pem = std::fs::read(path).map_err(|e| {
                let message = format!("could not read certificates from {}", path.display());
                Error::with_source(ErrorKind::Invalid, message, e)
            })?;
            if !pem.windows(BEGIN.len()).any(|part| part == BEGIN) {
                return Err(Error::invalid(format!("{} holds no certificate in PEM", path.display())));
            }
            config.trust_cert_ca_bundle(pem);
        }
        // Those that the system trusts, which the servers of Azure SQL are among.
        (Tls::Verify, None) => {}
        // `prefer` and `require` encrypt and do not say to whom.
        _ => config.trust_cert(),
    }
    Ok(config)
}

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
