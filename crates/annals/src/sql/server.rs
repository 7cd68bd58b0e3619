//! Where a database server is and who asks, from a URL: `//user:password@host:port/database`.

#[cfg(any(feature = "mysql", feature = "postgres"))]
use std::error::Error as StdError;
use std::fmt;
use std::str::FromStr;

use crate::connect::{StoreUrl, percent_decode};
#[cfg(any(feature = "mysql", feature = "postgres"))]
use crate::error::causes;
use crate::error::{Error, Result};

/// A server, a database on it and a login.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: Option<String>,
}

/// Whether a connection is encrypted, and whether the server has to prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tls {
    Off,
    #[default]
    Prefer,
    Require,
    Verify,
}

impl FromStr for Tls {
    type Err = Error;

    /// Reads the option `sslmode`.
    fn from_str(mode: &str) -> Result<Self> {
        match mode {
            "disable" => Ok(Self::Off),
            "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-full" => Ok(Self::Verify),
            _ => Err(Error::invalid(format!(
                "sslmode={mode}, expected disable, prefer, require or verify-full"
            ))),
        }
    }
}

/// Whether the server's certificate was refused.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) fn is_distrusted(error: &(dyn StdError + 'static)) -> bool {
    let refusal = |error: &(dyn StdError + 'static)| {
        let inner = error.downcast_ref::<std::io::Error>()?.get_ref()?;
        inner.downcast_ref::<rustls::Error>().map(|e| matches!(e, rustls::Error::InvalidCertificate(_)))
    };
    causes(error).filter_map(refusal).any(|is_refused| is_refused)
}

impl Server {
    pub(crate) fn of(url: &StoreUrl, default_port: u16) -> Result<Self> {
        let example = format!("expected {}://user:password@host:{default_port}/database", url.scheme);
        // What is wrong is told without the place, which may hold a password.
        let wrong = |what: &str| Error::invalid(format!("{what} in a {} URL, {example}", url.scheme));
        let place = url.place.strip_prefix("//").ok_or_else(|| wrong("no // behind the scheme"))?;
        let (login, place) =
            place.rsplit_once('@').map_or((None, place), |(login, rest)| (Some(login), rest));
        let (address, database) = place.split_once('/').unwrap_or((place, ""));
        let (host, port) = match address.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(|| wrong("a [ without a ]"))?;
                (host, port.strip_prefix(':'))
            }
            None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            None | Some("") => default_port,
            Some(port) => port.parse().map_err(|_| wrong("a port that is no number up to 65535"))?,
        };
        let decode =
            |text: &str| percent_decode(text).map_err(|_| wrong("a % without two hexadecimal digits"));
        let (user, password) = match login {
            None => (None, None),
            Some(login) => {
                let (user, password) = login.split_once(':').map_or((login, None), |(u, p)| (u, Some(p)));
                (Some(decode(user)?), password.map(decode).transpose()?)
            }
        };
        Ok(Self {
            host: if host.is_empty() { "localhost".to_owned() } else { decode(host)? },
            port,
            user: user.filter(|user| !user.is_empty()),
            password,
            database: Some(decode(database)?).filter(|database| !database.is_empty()),
        })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)?;
        match &self.database {
            Some(database) => write!(f, "/{database}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("database", &self.database)
            .finish()
    }
}
