//! Read models in tables of MySQL or MariaDB. The rows and the checkpoint change in one transaction, which the
//! projection's own code gets.
//!
//! These products commit with every CREATE or DROP TABLE, so a read model's tables are not made in a
//! transaction: its checkpoint is taken away before they are dropped and written after they are made, and tables
//! without a checkpoint are made anew.

use std::fmt;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, IsolationLevel, Transaction, TxOpts};

use crate::connect::StoreUrl;
use crate::error::{Conflict, Error, ErrorKind, Result};
use crate::event::RecordedEvent;
use crate::project::{self, ProjectionResult, own_error};
use crate::query::{Position, Query};
use crate::sql::Link as _;
use crate::store::EventStore;
use crate::subscribe::Checkpoint;

use super::connect::Connection;
use super::row::{Fields, number, text};
use super::schema::Host;
use super::{MysqlOptions, error};

/// A read model: which events it reads, its tables, and what each event does to them. Its code gets the
/// database's own transaction, and should change nothing else, so that doing it again is harmless.
pub trait Projection: Send + Sync + 'static {
    /// Names it in the target; its checkpoint is kept under this name.
    fn name(&self) -> &str;

    /// The events it reads.
    fn query(&self) -> Query;

    /// Creates its tables. They may be there, and empty, from a creation that was cut off.
    ///
    /// # Errors
    /// Whatever the statements fail with; the read model is made anew the next time.
    fn create(&self, conn: &mut Conn) -> impl Future<Output = ProjectionResult> + Send;

    /// Drops its tables, before they are created; those that are there, which may be none: `DROP TABLE IF
    /// EXISTS`.
    ///
    /// # Errors
    /// Whatever the statements fail with; the read model is made anew the next time.
    fn drop(&self, conn: &mut Conn) -> impl Future<Output = ProjectionResult> + Send;

    /// Takes in one event. Statements that commit, such as CREATE TABLE, have no place here.
    ///
    /// # Errors
    /// Stops the projection before this event's batch; nothing of the batch stays.
    fn apply(
        &mut self,
        tx: &mut Transaction<'_>,
        event: &RecordedEvent,
    ) -> impl Future<Output = ProjectionResult> + Send;
}

/// Runs one projection against tables in a MySQL or MariaDB database, which may be the store's own or another
/// one.
pub type Projector<P> = project::Projector<Target<P>>;

/// Tables in a MySQL or MariaDB database.
pub struct Target<P> {
    options: MysqlOptions,
    /// `None` after an error that leaves a connection in doubt.
    connection: Option<Connection>,
    projection: P,
    /// The table of checkpoints.
    progress: String,
}

impl<P: Projection> Projector<P> {
    /// Opens the target, creating the projection's tables where they are missing. Its checkpoint is in the
    /// table `annals_projections`, or with the prefix that the URL names.
    ///
    /// # Errors
    /// Unavailable when the server cannot be reached; invalid when the tables were filled from another store,
    /// or from one that has been restored to before them.
    pub async fn open(store: EventStore, url: &StoreUrl, projection: P) -> Result<Self> {
        let options = MysqlOptions::try_from(url)?;
        let progress = format!("{}projections", options.prefix);
        Self::begin(store, Target { options, connection: None, projection, progress }).await
    }
}

impl<P: Projection> project::Target for Target<P> {
    fn name(&self) -> String {
        self.projection.name().to_owned()
    }

    fn query(&self) -> Query {
        self.projection.query()
    }

    async fn begin(&mut self, beginning: Checkpoint, again: bool) -> Result<Checkpoint> {
        const DOING: &str = "could not open the read model";
        let failed = |e| error::of(DOING, e);
        let mut connection = self.connection().await?;
        let host = Host::of(&mut connection).await?;
        let conn = connection.driver();
        let locked: Option<Option<i64>> =
            conn.query_first("SELECT GET_LOCK('annals: create a read model', 60)").await.map_err(failed)?;
        if locked.flatten() != Some(1) {
            let message = format!("{DOING}: others have been creating theirs for 60 seconds");
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        conn.query_drop(self.table(host)).await.map_err(failed)?;
        let mut tx = transaction(conn).await?;
        let known = self.stands_at(&mut tx).await?.filter(|_| !again);
        if known.is_none() {
            let sql = format!("DELETE FROM {} WHERE name = ?", self.progress);
            tx.exec_drop(sql, (self.projection.name(),)).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
        let checkpoint = match known {
            Some(known) => known,
            None => {
                let name = self.projection.name();
                self.projection.drop(conn).await.map_err(|e| own_error(name, "drop its tables", e))?;
                self.projection.create(conn).await.map_err(|e| own_error(name, "create its tables", e))?;
                let mut tx = transaction(conn).await?;
                self.move_to(&mut tx, &beginning, Position::START).await?;
                tx.commit().await.map_err(|e| error::of_commit("could not create the read model", e))?;
                beginning
            }
        };
        conn.query_drop("DO RELEASE_LOCK('annals: create a read model')").await.map_err(failed)?;
        self.connection = Some(connection);
        Ok(checkpoint)
    }

    async fn checkpoint(&mut self) -> Result<Option<Checkpoint>> {
        let mut connection = self.connection().await?;
        let mut tx = transaction(connection.driver()).await?;
        let known = self.stands_at(&mut tx).await?;
        tx.commit().await.map_err(|e| error::of("could not read the projection's checkpoint", e))?;
        self.connection = Some(connection);
        Ok(known)
    }

    async fn write(
        &mut self,
        from: &Checkpoint,
        events: Vec<RecordedEvent>,
        next: &Checkpoint,
        position: Position,
    ) -> Result<()> {
        let mut connection = self.connection().await?;
        let mut tx = transaction(connection.driver()).await?;
        let name = self.projection.name().to_owned();
        let actual = self.stands_at(&mut tx).await?;
        if actual.as_ref() != Some(from) {
            return Err(Conflict::Checkpoint { name, actual }.into());
        }
        for event in &events {
            self.projection.apply(&mut tx, event).await.map_err(|e| {
                let doing = format!("take in event {} at position {}", event.event_id, event.position);
                own_error(&name, &doing, e)
            })?;
        }
        self.move_to(&mut tx, next, position).await?;
        tx.commit().await.map_err(|e| error::of_commit("could not write the read model", e))?;
        self.connection = Some(connection);
        Ok(())
    }
}

impl<P: Projection> Target<P> {
    /// Takes the connection; it is put back after what goes well, so that no error and no dropped future
    /// leaves it in the middle of a transaction.
    async fn connection(&mut self) -> Result<Connection> {
        match self.connection.take() {
            Some(connection) if !connection.is_closed() => Ok(connection),
            _ => Connection::unbounded(&self.options).await,
        }
    }

    fn table(&self, host: Host) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {} (name VARCHAR(255) NOT NULL PRIMARY KEY, checkpoint TEXT NOT NULL, \
             position BIGINT NOT NULL) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {}",
            self.progress,
            host.product.collation(),
        )
    }

    /// Locks the checkpoint, so that one runner writes at a time.
    async fn stands_at(&self, tx: &mut Transaction<'_>) -> Result<Option<Checkpoint>> {
        let sql = format!("SELECT checkpoint FROM {} WHERE name = ? FOR UPDATE", self.progress);
        let rows: Vec<mysql_async::Row> = tx
            .exec(sql, vec![text(self.projection.name())])
            .await
            .map_err(|e| error::of("could not read the projection's checkpoint", e))?;
        rows.into_iter().next().map(|found| Fields::from(found).parse(0)).transpose()
    }

    async fn move_to(&self, tx: &mut Transaction<'_>, next: &Checkpoint, position: Position) -> Result<()> {
        let sql = format!(
            "INSERT INTO {} (name, checkpoint, position) VALUES (?, ?, ?) \
             ON DUPLICATE KEY UPDATE checkpoint = VALUES(checkpoint), position = VALUES(position)",
            self.progress
        );
        tx.exec_drop(sql, vec![text(self.projection.name()), text(next.as_str()), number(position.0)])
            .await
            .map_err(|e| error::of("could not write the read model", e))
    }
}

async fn transaction(conn: &mut Conn) -> Result<Transaction<'_>> {
    let mut options = TxOpts::default();
    options.with_isolation_level(IsolationLevel::ReadCommitted);
    conn.start_transaction(options).await.map_err(|e| error::of("could not begin a transaction", e))
}

impl<P> fmt::Debug for Target<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("options", &self.options).finish_non_exhaustive()
    }
}
