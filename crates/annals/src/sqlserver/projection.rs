//! Read models in SQL Server tables. The rows and the checkpoint change in one transaction, which the
//! projection's own code gets.

use std::fmt;

use crate::connect::StoreUrl;
use crate::error::{Conflict, Result};
use crate::event::RecordedEvent;
use crate::project::{self, ProjectionResult, own_error};
use crate::query::{Position, Query};
use crate::store::EventStore;
use crate::subscribe::Checkpoint;

use super::append::position as place;
use super::connect::{Param, batch, query};
use super::read::name;
use super::row::Fields;
use super::schema::quote;
use super::session::{Session, Transaction};
use super::{SqlServerOptions, error};

/// A read model: which events it reads, its tables, and what each event does to them. Its code gets an open
/// transaction, which it must not end, and should change nothing else, so that doing it again is harmless.
pub trait Projection: Send + Sync + 'static {
    /// Names it in the target; its checkpoint is kept under this name.
    fn name(&self) -> &str;

    /// The events it reads.
    fn query(&self) -> Query;

    /// Creates its tables; called when it has none, in the transaction that begins it.
    ///
    /// # Errors
    /// Whatever the statements fail with; nothing of it stays.
    fn create(&self, tx: &mut Transaction<'_>) -> impl Future<Output = ProjectionResult> + Send;

    /// Drops its tables, before it is built again.
    ///
    /// # Errors
    /// Whatever the statements fail with; nothing of it stays.
    fn drop(&self, tx: &mut Transaction<'_>) -> impl Future<Output = ProjectionResult> + Send;

    /// Takes in one event.
    ///
    /// # Errors
    /// Stops the projection before this event's batch; nothing of the batch stays.
    fn apply(
        &mut self,
        tx: &mut Transaction<'_>,
        event: &RecordedEvent,
    ) -> impl Future<Output = ProjectionResult> + Send;
}

/// Runs one projection against tables in a SQL Server database, which may be the store's own or another one.
pub type Projector<P> = project::Projector<Target<P>>;

/// Tables in a SQL Server database.
pub struct Target<P> {
    session: Session,
    projection: P,
    schema: String,
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
        let options = SqlServerOptions::try_from(url)?;
        let schema = options.schema.clone();
        let progress = format!("{}.[projections]", quote(&schema));
        let session = Session::of(options).await?;
        Self::begin(store, Target { session, projection, schema, progress }).await
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
        let Self { session, projection, schema, progress } = self;
        let mut tx = session.begin().await?;
        // Two that create the same table at once would collide; whoever waits too long fails when it creates.
        batch(
            &mut tx,
            "EXEC sp_getapplock @Resource = N'annals: create a read model', @LockMode = N'Exclusive', \
             @LockOwner = N'Transaction', @LockTimeout = 60000",
        )
        .await
        .map_err(failed)?;
        for sql in [
            format!("IF SCHEMA_ID(N'{schema}') IS NULL EXEC(N'CREATE SCHEMA {}')", quote(schema)),
            format!(
                "IF OBJECT_ID(N'{progress}', N'U') IS NULL CREATE TABLE {progress} (name_key varbinary(255) NOT \
                 NULL PRIMARY KEY, name nvarchar(255) NOT NULL, [checkpoint] nvarchar(400) NOT NULL, \
                 position bigint NOT NULL)"
            ),
        ] {
            batch(&mut tx, &sql).await.map_err(failed)?;
        }
        let named = projection.name();
        if let Some(known) = stands_at(&mut tx, progress, named).await? {
            if !again {
                tx.commit().await?;
                return Ok(known);
            }
            projection.drop(&mut tx).await.map_err(|e| own_error(named, "drop its tables", e))?;
        }
        projection.create(&mut tx).await.map_err(|e| own_error(named, "create its tables", e))?;
        move_to(&mut tx, progress, named, &beginning, Position::START).await?;
        tx.commit_doing("could not create the read model").await?;
        Ok(beginning)
    }

    async fn checkpoint(&mut self) -> Result<Option<Checkpoint>> {
        let mut tx = self.session.begin().await?;
        let known = stands_at(&mut tx, &self.progress, self.projection.name()).await?;
        tx.commit().await?;
        Ok(known)
    }

    async fn write(
        &mut self,
        from: &Checkpoint,
        events: Vec<RecordedEvent>,
        next: &Checkpoint,
        position: Position,
    ) -> Result<()> {
        let mut tx = self.session.begin().await?;
        let name = self.projection.name().to_owned();
        let actual = stands_at(&mut tx, &self.progress, &name).await?;
        if actual.as_ref() != Some(from) {
            tx.rollback().await?;
            return Err(Conflict::Checkpoint { name, actual }.into());
        }
        for event in &events {
            self.projection.apply(&mut tx, event).await.map_err(|e| {
                let doing = format!("take in event {} at position {}", event.event_id, event.position);
                own_error(&name, &doing, e)
            })?;
        }
        move_to(&mut tx, &self.progress, &name, next, position).await?;
        tx.commit_doing("could not write the read model").await
    }
}

/// Locks the checkpoint, so that one runner writes at a time: an UPDATE does, whatever isolation and hints mean.
async fn stands_at(tx: &mut Transaction<'_>, progress: &str, named: &str) -> Result<Option<Checkpoint>> {
    let sql = format!(
        "UPDATE {progress} SET position = position WHERE name_key = @P1;\n\
         SELECT [checkpoint] FROM {progress} WHERE name_key = @P1"
    );
    let sets = query(tx, &sql, vec![name(named)])
        .await
        .map_err(|e| error::of("could not read the projection's checkpoint", e))?;
    sets.into_iter().flatten().next().map(|found| Fields::from(found).parse(0)).transpose()
}

async fn move_to(
    tx: &mut Transaction<'_>,
    progress: &str,
    named: &str,
    next: &Checkpoint,
    position: Position,
) -> Result<()> {
    let sql = format!(
        "UPDATE {progress} SET [checkpoint] = @P3, position = @P4 WHERE name_key = @P1;\n\
         IF @@ROWCOUNT = 0 INSERT INTO {progress} (name_key, name, [checkpoint], position) \
         VALUES (@P1, @P2, @P3, @P4)"
    );
    let text = |text: &str| Param::Text(text.to_owned());
    let params = vec![name(named), text(named), text(next.as_str()), place(position)];
    let moved = query(tx, &sql, params).await;
    moved.map(std::mem::drop).map_err(|e| error::of("could not write the read model", e))
}

impl<P> fmt::Debug for Target<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("session", &self.session).finish_non_exhaustive()
    }
}
