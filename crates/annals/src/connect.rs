//! From a URL to a store. `scheme:place?option=value&…`, percent-encoding where a place holds `?`, `%` or `#`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::backend::{Backend, HashFormula};
use crate::error::{Error, Result};
use crate::memory::MemoryStore;
use crate::namespace::Namespace;

/// The URL of a store, taken apart: `memory:`, `memory:name`, `sqlite:orders.db?namespace=shop`,
/// `postgres://user:password@host/database`, `mysql://user:password@host/database`,
/// `sqlserver://user:password@host/database`.
///
/// Options of every store: `namespace`, `hash_chain` (`annals-v1` or `eventsourcingdb-v1`, for a store that is
/// created), and `create` (`yes` or `no`). Each backend has others, told in its module.
///
/// Printing one leaves the password out.
#[derive(Clone)]
pub struct StoreUrl {
    pub(crate) scheme: String,
    /// What stands between the scheme and the options, percent-encoded.
    pub(crate) place: String,
    pub(crate) namespace: Option<Namespace>,
    pub(crate) hash_chain: Option<HashFormula>,
    pub(crate) create: bool,
    /// The whole without the password.
    shown: String,
    /// The options that only its backend knows.
    pub(crate) options: Vec<(String, String)>,
}

impl FromStr for StoreUrl {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once(':').ok_or_else(|| {
            Error::invalid(format!("{url:?} is not a store URL such as sqlite:orders.db or memory:"))
        })?;
        if !SCHEMES.contains(&scheme) {
            return Err(Error::invalid(format!(
                "no store called {scheme:?} in this build, which has {}",
                SCHEMES.join(", ")
            )));
        }
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        let mut parsed = Self {
            scheme: scheme.to_owned(),
            place: place.to_owned(),
            namespace: None,
            hash_chain: None,
            create: true,
            shown: without_password(url),
            options: Vec::new(),
        };
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = percent_decode(value).map_err(|_| {
                Error::invalid(format!(
                    "the option {name:?} holds a % without two hexadecimal digits or no UTF-8"
                ))
            })?;
            match name {
                "namespace" => parsed.namespace = Some(value.parse()?),
                "hash_chain" => parsed.hash_chain = Some(value.parse()?),
                "create" if value == "yes" || value == "no" => parsed.create = value == "yes",
                "create" => return Err(Error::invalid(format!("create={value}, expected yes or no"))),
                _ => parsed.options.push((name.to_owned(), value)),
            }
        }
        // Whatever is wrong with the rest, its backend says.
        parsed.target()?;
        Ok(parsed)
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// A URL without its password, which begins behind the first colon of the login and ends at the last `@`.
fn without_password(url: &str) -> String {
    let (place, options) = match url.split_once('?') {
        Some((place, options)) => (place, format!("?{options}")),
        None => (url, String::new()),
    };
    match place.split_once("//").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (login, host))) => {
            let user = login.split(':').next().unwrap_or_default();
            format!("{scheme}//{user}@{host}{options}")
        }
        None => url.to_owned(),
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

/// What a URL asks its backend for.
enum Target {
    Memory(String),
    #[cfg(feature = "mysql")]
    Mysql(Box<crate::mysql::MysqlOptions>),
    #[cfg(feature = "postgres")]
    Postgres(Box<crate::postgres::PostgresOptions>),
    #[cfg(feature = "sqlite")]
    Sqlite(crate::sqlite::SqliteOptions),
    #[cfg(feature = "sqlserver")]
    SqlServer(Box<crate::sqlserver::SqlServerOptions>),
}

impl StoreUrl {
    /// What it begins with: `sqlite`, `postgres`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Which store of the database, where it names one.
    pub fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// An option that only its backend knows, such as `schema`.
    pub fn option(&self, name: &str) -> Option<&str> {
        let (_, value) = self.options.iter().find(|(other, _)| other == name)?;
        Some(value)
    }

    fn target(&self) -> Result<Target> {
        match self.scheme.as_str() {
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => Ok(Target::Mysql(Box::new(self.try_into()?))),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Ok(Target::Postgres(Box::new(self.try_into()?))),
            #[cfg(feature = "sqlite")]
            "sqlite" => Ok(Target::Sqlite(self.try_into()?)),
            #[cfg(feature = "sqlserver")]
            "sqlserver" => Ok(Target::SqlServer(Box::new(self.try_into()?))),
            _ => {
                self.no_more_options()?;
                Ok(Target::Memory(percent_decode(&self.place)?))
            }
        }
    }

    /// The statements that make this store, for somebody to read and to run by hand.
    ///
    /// # Errors
    /// Invalid for a store that has no SQL schema.
    #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite", feature = "sqlserver"))]
    pub fn schema_sql(&self) -> Result<String> {
        match self.target()? {
            Target::Memory(_) => Err(no_schema()),
            #[cfg(feature = "mysql")]
            Target::Mysql(options) => Ok(crate::mysql::MysqlStore::schema_sql(&options)),
            #[cfg(feature = "postgres")]
            Target::Postgres(options) => crate::postgres::PostgresStore::schema_sql(&options),
            #[cfg(feature = "sqlite")]
            Target::Sqlite(options) => Ok(crate::sqlite::SqliteStore::schema_sql(&options)),
            #[cfg(feature = "sqlserver")]
            Target::SqlServer(options) => Ok(crate::sqlserver::SqlServerStore::schema_sql(&options)),
        }
    }

    /// Makes what is missing of this store's schema; leaves tables that are there as they are.
    ///
    /// # Errors
    /// As for opening the store; invalid where it has no SQL schema or the login may not create.
    #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite", feature = "sqlserver"))]
    pub async fn apply_schema(&self) -> Result<()> {
        match self.target()? {
            Target::Memory(_) => Err(no_schema()),
            #[cfg(feature = "mysql")]
            Target::Mysql(options) => crate::mysql::MysqlStore::apply_schema(&options).await,
            #[cfg(feature = "postgres")]
            Target::Postgres(options) => crate::postgres::PostgresStore::apply_schema(&options).await,
            #[cfg(feature = "sqlite")]
            Target::Sqlite(options) => crate::sqlite::SqliteStore::apply_schema(options).await,
            #[cfg(feature = "sqlserver")]
            Target::SqlServer(options) => crate::sqlserver::SqlServerStore::apply_schema(&options).await,
        }
    }

    /// How this store's schema differs from what [`schema_sql`](Self::schema_sql) makes.
    ///
    /// # Errors
    /// As for opening the store; invalid where it has no SQL schema or the login may not look.
    #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite", feature = "sqlserver"))]
    pub async fn schema_diff(&self) -> Result<Vec<crate::schema::Difference>> {
        match self.target()? {
            Target::Memory(_) => Err(no_schema()),
            #[cfg(feature = "mysql")]
            Target::Mysql(options) => crate::mysql::MysqlStore::schema_diff(&options).await,
            #[cfg(feature = "postgres")]
            Target::Postgres(options) => crate::postgres::PostgresStore::schema_diff(&options).await,
            #[cfg(feature = "sqlite")]
            Target::Sqlite(options) => crate::sqlite::SqliteStore::schema_diff(options).await,
            #[cfg(feature = "sqlserver")]
            Target::SqlServer(options) => crate::sqlserver::SqlServerStore::schema_diff(&options).await,
        }
    }

    /// A declared read model in the database of this URL, for a [`Projector`](crate::project::Projector).
    ///
    /// # Errors
    /// Invalid where the database is none with tables.
    #[cfg(all(
        feature = "declared",
        any(feature = "mysql", feature = "postgres", feature = "sqlite", feature = "sqlserver")
    ))]
    pub fn read_model(&self, declaration: crate::declared::Declaration) -> Result<crate::project::Target> {
        match self.target()? {
            Target::Memory(_) => Err(no_tables()),
            #[cfg(feature = "mysql")]
            Target::Mysql(_) => crate::mysql::target(self, declaration),
            #[cfg(feature = "postgres")]
            Target::Postgres(_) => crate::postgres::target(self, declaration),
            #[cfg(feature = "sqlite")]
            Target::Sqlite(options) => Ok(crate::sqlite::target(file_of(options)?, declaration)),
            #[cfg(feature = "sqlserver")]
            Target::SqlServer(_) => crate::sqlserver::target(self, declaration),
        }
    }

    /// The read models of the database of this URL, to look at and to say what is wanted of them.
    ///
    /// # Errors
    /// Invalid where the database is none with tables.
    #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite", feature = "sqlserver"))]
    pub fn read_models(&self) -> Result<crate::project::Control> {
        match self.target()? {
            Target::Memory(_) => Err(no_tables()),
            #[cfg(feature = "mysql")]
            Target::Mysql(_) => crate::mysql::control(self),
            #[cfg(feature = "postgres")]
            Target::Postgres(_) => crate::postgres::control(self),
            #[cfg(feature = "sqlite")]
            Target::Sqlite(options) => Ok(crate::sqlite::control(file_of(options)?)),
            #[cfg(feature = "sqlserver")]
            Target::SqlServer(_) => crate::sqlserver::control(self),
        }
    }

    fn no_more_options(&self) -> Result<()> {
        match self.options.first() {
            None => Ok(()),
            Some((name, _)) => Err(Error::invalid(format!(
                "unknown option {name:?} in a store URL, expected namespace, hash_chain or create"
            ))),
        }
    }
}

#[cfg(feature = "sqlite")]
impl TryFrom<&StoreUrl> for crate::sqlite::SqliteOptions {
    type Error = Error;

    fn try_from(url: &StoreUrl) -> Result<Self> {
        url.no_more_options()?;
        Ok(Self {
            path: sqlite_path(&percent_decode(&url.place)?)?,
            namespace: url.namespace.clone(),
            hash_chain: url.hash_chain,
            create: url.create,
        })
    }
}

#[cfg(feature = "sqlite")]
fn file_of(options: crate::sqlite::SqliteOptions) -> Result<std::path::PathBuf> {
    match options.namespace {
        None => Ok(options.path),
        Some(_) => Err(Error::invalid(
            "read models in an SQLite file have no namespace, expected a file of their own or of others",
        )),
    }
}

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite", feature = "sqlserver"))]
fn no_tables() -> Error {
    Error::invalid("a read model needs a database with tables, expected a URL such as sqlite:views.db")
}

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite", feature = "sqlserver"))]
fn no_schema() -> Error {
    Error::invalid("a store in memory has no schema, expected one on a SQL database such as sqlite:orders.db")
}

pub(crate) fn percent_decode(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits =
            [rest.next(), rest.next()].map(|digit| digit.map(char::from).and_then(|d| d.to_digit(16)));
        match digits.map(|digit| digit.and_then(|digit| u8::try_from(digit).ok())) {
            [Some(high), Some(low)] => bytes.push(high << 4 | low),
            _ => return Err(Error::invalid(format!("{text:?} holds a % without two hexadecimal digits"))),
        }
    }
    String::from_utf8(bytes).map_err(|_| Error::invalid(format!("{text:?} does not decode to UTF-8")))
}

/// Opens the store that a URL names.
pub(crate) async fn connect(url: &str) -> Result<Arc<dyn Backend>> {
    let url: StoreUrl = url.parse()?;
    Ok(match url.target()? {
        Target::Memory(name) => Arc::new(MemoryStore::named(&name, url.namespace, url.hash_chain)?),
        #[cfg(feature = "mysql")]
        Target::Mysql(options) => Arc::new(crate::mysql::MysqlStore::open(*options).await?),
        #[cfg(feature = "postgres")]
        Target::Postgres(options) => Arc::new(crate::postgres::PostgresStore::open(*options).await?),
        #[cfg(feature = "sqlite")]
        Target::Sqlite(options) => Arc::new(crate::sqlite::SqliteStore::open(options).await?),
        #[cfg(feature = "sqlserver")]
        Target::SqlServer(options) => Arc::new(crate::sqlserver::SqlServerStore::open(*options).await?),
    })
}

#[cfg(feature = "sqlite")]
fn sqlite_path(place: &str) -> Result<std::path::PathBuf> {
    let path = place.strip_prefix("//").unwrap_or(place);
    if path.is_empty() || path.contains(":memory:") {
        return Err(Error::invalid(
            "an SQLite store needs a file, such as sqlite:orders.db; for a store in memory use memory:",
        ));
    }
    Ok(path.into())
}

const SCHEMES: &[&str] = &[
    #[cfg(feature = "mysql")]
    "mariadb",
    "memory",
    #[cfg(feature = "mysql")]
    "mysql",
    #[cfg(feature = "postgres")]
    "postgres",
    #[cfg(feature = "postgres")]
    "postgresql",
    #[cfg(feature = "sqlite")]
    "sqlite",
    #[cfg(feature = "sqlserver")]
    "sqlserver",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_its_mistakes_are_named() {
        let url =
            StoreUrl::from_str("sqlite:a%3Fb.db?namespace=shop&create=no&hash_chain=annals-v1").unwrap();
        assert_eq!((url.scheme.as_str(), url.place.as_str(), url.create), ("sqlite", "a%3Fb.db", false));
        assert_eq!(url.namespace.unwrap().as_str(), "shop");
        for (bad, named) in [
            ("orders.db", "not a store URL"),
            ("oracle:x", "no store called"),
            ("sqlite:a?names=x", "unknown option"),
            ("sqlite:a?namespace=A", "namespace"),
            ("sqlite:a?create=maybe", "yes or no"),
            ("sqlite:%zz", "hexadecimal"),
            ("sqlite:a?hash_chain=md5", "annals-v1"),
        ] {
            let refusal = StoreUrl::from_str(bad).unwrap_err().to_string();
            assert!(refusal.contains(named), "{bad}: {refusal}");
        }
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("postgres://u:p@ss:w@h:1/d?schema=x", "postgres://u@h:1/d?schema=x"),
            ("postgres://u@h/d", "postgres://u@h/d"),
            ("postgres://h/d", "postgres://h/d"),
            ("sqlite:a@b.db?namespace=c", "sqlite:a@b.db?namespace=c"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
