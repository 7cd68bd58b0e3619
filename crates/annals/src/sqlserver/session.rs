//! An application's own connection, and a transaction on it. The driver has connections but no type for a
//! transaction, and a connection whose transaction nobody ended would carry it into whatever it does next.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::connect::StoreUrl;
use crate::error::{Error, ErrorKind, Result};

use super::append::ROLLBACK;
use super::connect::{Client, Connection};
use super::{SqlServerOptions, error};

/// A connection of the application's own, to the database of a store or to another one. It has the settings of
/// Annals' connections: an error takes the whole transaction back (`XACT_ABORT`), and no statement waits longer
/// than 5 seconds for a lock.
pub struct Session {
    options: SqlServerOptions,
    /// `None` after a transaction that nobody ended, and with it the connection.
    connection: Option<Connection>,
}

impl Session {
    /// Connects as the URL says; its options about a store mean nothing here.
    ///
    /// # Errors
    /// Unavailable when the server cannot be reached; invalid when it refuses the login or is not trusted.
    pub async fn open(url: &StoreUrl) -> Result<Self> {
        let mut session = Self::later(SqlServerOptions::try_from(url)?);
        session.client().await?;
        Ok(session)
    }

    /// One that connects when it is used.
    pub(super) fn later(options: SqlServerOptions) -> Self {
        Self { options, connection: None }
    }

    /// The driver's connection, opened again where the last one is gone.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn client(&mut self) -> Result<&mut Client> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.options).await?,
        };
        Ok(self.connection.insert(connection).driver())
    }

    /// Ends the connection; the next use opens another.
    pub(super) fn close(&mut self) {
        self.connection = None;
    }

    /// Begins a transaction, at READ COMMITTED.
    ///
    /// # Errors
    /// As [`open`](Self::open); unavailable when the connection turns out to be lost, which a second try
    /// makes good.
    pub async fn begin(&mut self) -> Result<Transaction<'_>> {
        self.client().await?;
        let Some(mut connection) = self.connection.take() else {
            return Err(Error::new(ErrorKind::Internal, "a connection that was opened is not there"));
        };
        let begin =
            format!("{ROLLBACK};\nSET TRANSACTION ISOLATION LEVEL READ COMMITTED;\nBEGIN TRANSACTION");
        let begun = connection.batch(&begin).await;
        begun.map_err(|e| error::of("could not begin a transaction", e))?;
        Ok(Transaction { place: &mut self.connection, connection })
    }
}

/// An open transaction. What is to happen in it runs through the driver's own connection, which it derefs to.
/// Dropped without an end, or with a statement that is not finished, it closes its connection, and the server
/// rolls back.
pub struct Transaction<'s> {
    place: &'s mut Option<Connection>,
    connection: Connection,
}

impl Transaction<'_> {
    /// Makes everything in it last.
    ///
    /// # Errors
    /// Indeterminate when the answer is lost. What is refused is rolled back.
    pub async fn commit(self) -> Result<()> {
        self.commit_doing("could not commit").await
    }

    pub(super) async fn commit_doing(mut self, doing: &str) -> Result<()> {
        let committed = self.connection.batch("COMMIT TRANSACTION").await;
        committed.map_err(|e| error::of_commit(doing, e))?;
        *self.place = Some(self.connection);
        Ok(())
    }

    /// Takes everything in it back.
    ///
    /// # Errors
    /// Unavailable when the connection is lost, and the server then rolls back by itself.
    pub async fn rollback(mut self) -> Result<()> {
        let rolled_back = self.connection.batch(ROLLBACK).await;
        rolled_back.map_err(|e| error::of("could not roll back", e))?;
        *self.place = Some(self.connection);
        Ok(())
    }
}

impl Deref for Transaction<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.connection.shown()
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Client {
        self.connection.driver()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("options", &self.options).finish_non_exhaustive()
    }
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}
