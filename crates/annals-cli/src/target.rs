//! The store a command works on, and whether it may be created.

use annals::{EventStore, StoreUrl};

use crate::failure::Failure;

/// The store as it was named on the command line or in the environment.
#[derive(Debug)]
pub(crate) struct Target {
    url: Option<String>,
}

impl Target {
    pub(crate) fn new(url: Option<String>) -> Self {
        Self { url: url.filter(|url| !url.is_empty()) }
    }

    pub(crate) fn is_named(&self) -> bool {
        self.url.is_some()
    }

    /// Opens the store, created where it is missing.
    pub(crate) async fn create(&self) -> Result<EventStore, Failure> {
        let url = self.url()?;
        EventStore::connect(url).await.map_err(|e| Failure::connect(url, e))
    }

    /// Opens the store for reading. A mistyped path is an error and leaves no new file behind, unless the
    /// URL itself says `create=yes`.
    pub(crate) async fn open(&self) -> Result<EventStore, Failure> {
        let url = self.url()?;
        self.open_unjudged().await?.map_err(|e| Failure::connect(url, e))
    }

    /// As [`open`](Self::open), for a caller to whom some errors are none.
    pub(crate) async fn open_unjudged(&self) -> Result<Result<EventStore, annals::Error>, Failure> {
        Ok(EventStore::connect(&without_creating(self.url()?)).await)
    }

    /// Opens the store if one was named.
    pub(crate) async fn maybe(&self) -> Result<Option<EventStore>, Failure> {
        if self.url.is_none() { Ok(None) } else { self.open().await.map(Some) }
    }

    pub(crate) fn url(&self) -> Result<&str, Failure> {
        self.parsed().map(|(url, _)| url)
    }

    /// The URL as it was given, and taken apart.
    pub(crate) fn parsed(&self) -> Result<(&str, StoreUrl), Failure> {
        let url = self.url.as_deref().ok_or_else(|| {
            Failure::usage("no store given")
                .hint("add --store URL, such as --store sqlite:orders.db, or set ANNALS_STORE")
        })?;
        url.parse().map(|parsed| (url, parsed)).map_err(Failure::malformed_url)
    }
}

fn without_creating(url: &str) -> String {
    let options = url.split_once('?').map(|(_, options)| options);
    let says = |option: &str| option.split('=').next() == Some("create");
    match options {
        Some(options) if options.split('&').any(says) => url.to_owned(),
        Some(_) => format!("{url}&create=no"),
        // No store URL at all; the error is to show it as it was typed.
        None if !url.contains(':') => url.to_owned(),
        None => format!("{url}?create=no"),
    }
}

#[cfg(test)]
mod tests {
    use super::without_creating;

    #[test]
    fn reading_does_not_create_unless_the_url_says_so() {
        for (url, opened) in [
            ("sqlite:a.db", "sqlite:a.db?create=no"),
            ("a.db", "a.db"),
            ("sqlite:a.db?namespace=x", "sqlite:a.db?namespace=x&create=no"),
            ("sqlite:a.db?create=yes", "sqlite:a.db?create=yes"),
            ("sqlite:a.db?namespace=create", "sqlite:a.db?namespace=create&create=no"),
        ] {
            assert_eq!(without_creating(url), opened);
        }
    }
}
