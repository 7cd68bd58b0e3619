//! From a URL to a store. `scheme:place?option=value&…`, percent-encoding where a place holds `?`, `%` or `#`.

use std::str::FromStr;
use std::sync::Arc;

use crate::backend::{Backend, HashFormula};
use crate::error::{Error, Result};
use crate::memory::MemoryStore;
use crate::namespace::Namespace;

/// The URL of a store, taken apart: `memory:`, `memory:name`, `sqlite:orders.db?namespace=shop`.
///
/// Options: `namespace`, `hash_chain` (`annals-v1` or `eventsourcingdb-v1`, for a store that is created), and
/// `create` (`yes` or `no`).
#[derive(Debug, Clone)]
pub struct StoreUrl {
    scheme: String,
    place: String,
    namespace: Option<Namespace>,
    hash_chain: Option<HashFormula>,
    create: bool,
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
            place: percent_decode(place)?,
            namespace: None,
            hash_chain: None,
            create: true,
        };
        #[cfg(feature = "sqlite")]
        if scheme == "sqlite" {
            sqlite_path(&parsed.place)?;
        }
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = percent_decode(value)?;
            match name {
                "namespace" => parsed.namespace = Some(value.parse()?),
                "hash_chain" => parsed.hash_chain = Some(value.parse()?),
                "create" if value == "yes" || value == "no" => parsed.create = value == "yes",
                "create" => return Err(Error::invalid(format!("create={value}, expected yes or no"))),
                _ => {
                    return Err(Error::invalid(format!(
                        "unknown option {name:?} in a store URL, expected namespace, hash_chain or create"
                    )));
                }
            }
        }
        Ok(parsed)
    }
}

fn percent_decode(text: &str) -> Result<String> {
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
    match url.scheme.as_str() {
        #[cfg(feature = "sqlite")]
        "sqlite" => {
            let options = crate::sqlite::SqliteOptions {
                path: sqlite_path(&url.place)?,
                namespace: url.namespace,
                hash_chain: url.hash_chain,
                create: url.create,
            };
            Ok(Arc::new(crate::sqlite::SqliteStore::open(options).await?))
        }
        _ => Ok(Arc::new(MemoryStore::named(&url.place, url.namespace, url.hash_chain)?)),
    }
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
    "memory",
    #[cfg(feature = "sqlite")]
    "sqlite",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_its_mistakes_are_named() {
        let url =
            StoreUrl::from_str("sqlite:a%3Fb.db?namespace=shop&create=no&hash_chain=annals-v1").unwrap();
        assert_eq!((url.scheme.as_str(), url.place.as_str(), url.create), ("sqlite", "a?b.db", false));
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
}
