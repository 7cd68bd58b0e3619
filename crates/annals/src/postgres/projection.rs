//! Read models in PostgreSQL tables. The rows and the checkpoint change in one transaction, which the
//! projection's own code gets.

use std::fmt;

use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::connect::StoreUrl;
use crate::error::{Conflict, Result};
use crate::event::RecordedEvent;
use crate::project::{self, ProjectionResult, own_error};
use crate::query::{Position, Query};
use crate::store::EventStore;
use crate::subscribe::Checkpoint;

use super::connect::Connection;
use super::row::{self, integer, kinds};
use super::schema::quote;
use super::{PostgresOptions, error};

/// A read model: which events it reads, its tables, and what each event does to them. Its code gets the
/// database's own transaction, and should change nothing else, so that doing it again is harmless.
pub trait Projection: Send + Sync + 'static {
    /// Names it in the target; its checkpoint is kept under this name.
    fn name(&self) -> &str;

    /// The events it reads.
    fn query(&self) -> Query;

    /// Creates its tables; called when it has none, in the transaction that begins it.
    ///
    /// # Errors
    /// Whatever the statements fail with; nothing of it stays.
    fn create(&self, tx: &Transaction<'_>) -> impl Future<Output = ProjectionResult> + Send;

    /// Drops its tables, before it is built again.
    ///
    /// # Errors
    /// Whatever the statements fail with; nothing of it stays.
    fn drop(&self, tx: &Transaction<'_>) -> impl Future<Output = ProjectionResult> + Send;

    /// Takes in one event.
    ///
    /// # Errors
    /// Stops the projection before this event's batch; nothing of the batch stays.
    fn apply(
        &mut self,
        tx: &Transaction<'_>,
        event: &RecordedEvent,
    ) -> impl Future<Output = ProjectionResult> + Send;
}

/// Runs one projection against tables in a PostgreSQL database, which may be the store's own or another one.
pub type Projector<P> = project::Projector<Target<P>>;

/// Tables in a PostgreSQL database.
pub struct Target<P> {
    options: PostgresOptions,
    /// `None` after an error that leaves a connection in doubt.
    client: Option<Client>,
    projection: P,
    /// The table of checkpoints.
    progress: String,
}

impl<P: Projection> Projector<P> {
    /// Opens the target, creating the projection's tables where they are missing. Its checkpoint is in the
    /// table `projections` in the schema that the URL names.
    ///
    /// # Errors
    /// Unavailable when the server cannot be reached; invalid when the tables were filled from another store,
    /// or from one that has been restored to before them.
    pub async fn open(store: EventStore, url: &StoreUrl, projection: P) -> Result<Self> {
        let options = PostgresOptions::try_from(url)?;
        let progress = format!("{}.projections", quote(&options.schema));
        Self::begin(store, Target { options, client: None, projection, progress }).await
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
        let failed = |e| error::of("could not open the read model", e);
        let mut client = self.client().await?;
        let name = self.projection.name();
        let tx = transaction(&mut client).await?;
        tx.batch_execute(&format!(
            "SET LOCAL client_min_messages = warning; \
             SELECT pg_advisory_xact_lock(hashtextextended('annals: create a read model', 0)); \
             CREATE SCHEMA IF NOT EXISTS {}; \
             CREATE TABLE IF NOT EXISTS {} (name text COLLATE \"C\" PRIMARY KEY, checkpoint text NOT NULL, \
             position bigint NOT NULL)",
            quote(&self.options.schema),
            self.progress
        ))
        .await
        .map_err(failed)?;
        if let Some(known) = self.stands_at(&tx).await? {
            if !again {
                tx.commit().await.map_err(failed)?;
                self.client = Some(client);
                return Ok(known);
            }
            self.projection.drop(&tx).await.map_err(|e| own_error(name, "drop its tables", e))?;
        }
        self.projection.create(&tx).await.map_err(|e| own_error(name, "create its tables", e))?;
        self.move_to(&tx, &beginning, Position::START).await?;
        tx.commit().await.map_err(|e| error::of_commit("could not create the read model", e))?;
        self.client = Some(client);
        Ok(beginning)
    }

    async fn checkpoint(&mut self) -> Result<Option<Checkpoint>> {
        let mut client = self.client().await?;
        let tx = transaction(&mut client).await?;
        let known = self.stands_at(&tx).await?;
        tx.commit().await.map_err(|e| error::of("could not read the projection's checkpoint", e))?;
        self.client = Some(client);
        Ok(known)
    }

    async fn write(
        &mut self,
        from: &Checkpoint,
        events: Vec<RecordedEvent>,
        next: &Checkpoint,
        position: Position,
    ) -> Result<()> {
        let mut client = self.client().await?;
        let tx = transaction(&mut client).await?;
        let name = self.projection.name().to_owned();
        let actual = self.stands_at(&tx).await?;
        if actual.as_ref() != Some(from) {
            return Err(Conflict::Checkpoint { name, actual }.into());
        }
        for event in &events {
            self.projection.apply(&tx, event).await.map_err(|e| {
                let doing = format!("take in event {} at position {}", event.event_id, event.position);
                own_error(&name, &doing, e)
            })?;
        }
        self.move_to(&tx, next, position).await?;
        tx.commit().await.map_err(|e| error::of_commit("could not write the read model", e))?;
        self.client = Some(client);
        Ok(())
    }
}

impl<P: Projection> Target<P> {
    /// Takes the connection; it is put back after what goes well, so that no error and no dropped future
    /// leaves it in the middle of a transaction.
    async fn client(&mut self) -> Result<Client> {
        match self.client.take() {
            Some(client) if !client.is_closed() => Ok(client),
            _ => Ok(Connection::open(&self.options, None).await?.into_client()),
        }
    }

    /// Locks the checkpoint, so that one runner writes at a time.
    async fn stands_at(&self, tx: &Transaction<'_>) -> Result<Option<Checkpoint>> {
        let sql = format!("SELECT checkpoint FROM {} WHERE name = $1 FOR UPDATE", self.progress);
        let rows = tx
            .query_typed(&sql, &[(&self.projection.name(), kinds::TEXT)])
            .await
            .map_err(|e| error::of("could not read the projection's checkpoint", e))?;
        rows.first().map(|found| row::parse(found, 0)).transpose()
    }

    async fn move_to(&self, tx: &Transaction<'_>, next: &Checkpoint, position: Position) -> Result<()> {
        let sql = format!(
            "INSERT INTO {} (name, checkpoint, position) VALUES ($1, $2, $3) ON CONFLICT (name) \
             DO UPDATE SET checkpoint = excluded.checkpoint, position = excluded.position",
            self.progress
        );
        let position = integer(position.0);
        tx.execute_typed(
            &sql,
            &[
                (&self.projection.name(), kinds::TEXT),
                (&next.as_str(), kinds::TEXT),
                (&position, kinds::INT8),
            ],
        )
        .await
        .map(drop)
        .map_err(|e| error::of("could not write the read model", e))
    }
}

async fn transaction(client: &mut Client) -> Result<Transaction<'_>> {
    client
        .build_transaction()
        .isolation_level(IsolationLevel::ReadCommitted)
        .start()
        .await
        .map_err(|e| error::of("could not begin a transaction", e))
}

impl<P> fmt::Debug for Target<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("options", &self.options).finish_non_exhaustive()
    }
}
