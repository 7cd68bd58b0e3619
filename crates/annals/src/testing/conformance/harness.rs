//! How stores under test are made, opened and damaged.

use std::sync::Arc;

use crate::backend::{Backend, BoxFuture, HashFormula};
use crate::error::{Error, Result};
use crate::event::EventId;
use crate::query::Position;

/// What a backend tells the suite. A store under test is a name, from which this process and others can
/// open it.
pub trait Harness: Send + Sync + 'static {
    /// The name of a new store, which opening creates.
    fn fresh(&self) -> String;

    /// Opens the store of this name, created where it is missing. Handles of one name are one store.
    ///
    /// # Errors
    /// What opening failed with.
    fn open<'a>(&'a self, store: &'a str) -> BoxFuture<'a, Result<Arc<dyn Backend>>>;

    /// The name of a new store with a hash chain; `None` where there is no such capability.
    fn chained(&self, formula: HashFormula) -> Option<String> {
        let _ = formula;
        None
    }

    /// The name of another namespace in the database of this store; `None` where there is no such
    /// capability.
    fn sibling(&self, store: &str) -> Option<String> {
        let _ = store;
        None
    }

    /// Why there is no store to test here, such as a database that is not running.
    fn missing(&self) -> Option<String> {
        None
    }

    /// Whether another process can open these stores by their names.
    fn is_shared(&self) -> bool {
        true
    }

    /// Changes a store behind its back, as somebody with every right to the database could. False where
    /// this harness does not know how.
    ///
    /// # Errors
    /// What the attempt failed with.
    fn tamper<'a>(&'a self, store: &'a str, tampering: Tampering) -> BoxFuture<'a, Result<bool>> {
        let _ = (store, tampering);
        Box::pin(std::future::ready(Ok(false)))
    }

    /// Takes a store away after the last use.
    fn finish<'a>(&'a self, store: &'a str) -> BoxFuture<'a, ()> {
        let _ = store;
        Box::pin(std::future::ready(()))
    }
}

/// A change behind the store's back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tampering {
    /// Replace the payload of the event at this position with other JSON.
    ChangePayload(Position),
    /// Change the type of the event at this position.
    ChangeType(Position),
    /// Remove the event at this position.
    Remove(Position),
    /// Put a forged event, a copy under another id, after the last one, without moving the end of the log.
    Insert,
    /// Let the store say that a later version of Annals made its tables.
    NewerSchema,
}

/// Stores that a URL names, each in a namespace of its own, which is dropped after use: safe to run beside
/// a store that is in use.
#[derive(Debug, Clone)]
pub struct Urls {
    url: String,
    missing: Option<String>,
}

impl Urls {
    /// Stores beside the one that this URL names, which itself is not touched.
    ///
    /// # Errors
    /// Invalid for a URL that says which namespace or hash chain, since the suite has to choose them.
    pub fn new(url: impl Into<String>) -> Result<Self> {
        let url = url.into();
        if url.contains("namespace=") || url.contains("hash_chain=") {
            // The URL is not told: it may hold a password.
            return Err(Error::invalid(
                "the URL names a namespace or a hash chain; verification makes its own beside the store",
            ));
        }
        // A store in memory without a name would be another one each time it is opened.
        let url = if url == "memory:" { format!("memory:{}", unique()) } else { url };
        Ok(Self { url, missing: None })
    }

    /// Stores beside the one whose URL this variable of the environment holds; none where it is not set.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_env(variable: &str) -> Result<Self> {
        match std::env::var(variable) {
            Ok(url) => Self::new(url),
            Err(_) => {
                let missing = Some(format!("{variable} is not set to the URL of a store"));
                Ok(Self { url: String::new(), missing })
            }
        }
    }

    fn with(&self, options: &str) -> String {
        let mark = if self.url.contains('?') { '&' } else { '?' };
        format!("{}{mark}namespace=verify_{}{options}", self.url, unique())
    }
}

/// Twelve hexadecimal digits that no other run uses.
fn unique() -> String {
    EventId::new().uuid().simple().to_string().split_off(20)
}

impl Harness for Urls {
    fn fresh(&self) -> String {
        self.with("")
    }

    fn open<'a>(&'a self, store: &'a str) -> BoxFuture<'a, Result<Arc<dyn Backend>>> {
        Box::pin(crate::connect::connect(store))
    }

    fn chained(&self, formula: HashFormula) -> Option<String> {
        Some(self.with(&format!("&hash_chain={formula}")))
    }

    fn sibling(&self, _: &str) -> Option<String> {
        Some(self.fresh())
    }

    fn missing(&self) -> Option<String> {
        self.missing.clone()
    }

    fn is_shared(&self) -> bool {
        !self.url.starts_with("memory:")
    }

    fn finish<'a>(&'a self, store: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Ok(backend) = self.open(store).await {
                // What cannot be dropped stays, under a name that tells what it is.
                let _ = backend.drop_namespace().await;
            }
        })
    }
}
