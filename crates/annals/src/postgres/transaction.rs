//! The transaction that a read model's own code gets.

use std::fmt;
use std::ops::Deref;

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, IsolationLevel, Row, Transaction};

use crate::error::Result;

use super::connect::{Connection, Statements, prepared};
use super::error;

/// The driver's transaction, and statements that stay prepared from one transaction to the next.
pub struct Tx<'a> {
    tx: Transaction<'a>,
    statements: Option<&'a Statements>,
}

impl<'a> Tx<'a> {
    pub(super) async fn begin(connection: &'a mut Connection) -> Result<Self> {
        let (client, statements) = connection.parts();
        let tx = client
            .build_transaction()
            .isolation_level(IsolationLevel::ReadCommitted)
            .start()
            .await
            .map_err(|e| error::of("could not begin a transaction", e))?;
        Ok(Self { tx, statements })
    }

    pub(super) async fn commit(self) -> Result<()> {
        self.tx.commit().await.map_err(|e| error::of_commit("could not write the read model", e))
    }

    pub(super) async fn rollback(self) -> Result<()> {
        self.tx.rollback().await.map_err(|e| error::of("could not write the read model", e))
    }

    /// Runs a statement that is prepared the first time, and not behind a pooler that cannot; says how many rows it
    /// changed. In one round trip, and without planning it again: for what is done for every event.
    ///
    /// # Errors
    /// What the database failed with.
    pub async fn execute_cached(
        &self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<u64, Error> {
        let Some(statements) = self.statements else { return self.tx.execute_typed(sql, params).await };
        let statement = prepared(&self.tx, statements, sql, params).await?;
        let values: Vec<&(dyn ToSql + Sync)> = params.iter().map(|(value, _)| *value).collect();
        self.tx.execute(&statement, &values).await
    }

    /// As [`execute_cached`](Self::execute_cached), for the rows that a query finds.
    ///
    /// # Errors
    /// What the database failed with.
    pub async fn query_cached(
        &self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, Error> {
        let Some(statements) = self.statements else { return self.tx.query_typed(sql, params).await };
        let statement = prepared(&self.tx, statements, sql, params).await?;
        let values: Vec<&(dyn ToSql + Sync)> = params.iter().map(|(value, _)| *value).collect();
        self.tx.query(&statement, &values).await
    }
}

impl<'a> Deref for Tx<'a> {
    type Target = Transaction<'a>;

    fn deref(&self) -> &Transaction<'a> {
        &self.tx
    }
}

impl fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("statements", &self.statements).finish_non_exhaustive()
    }
}
