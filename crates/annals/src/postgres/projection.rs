//! Read models in PostgreSQL tables.

use std::error::Error as StdError;
use std::sync::Arc;

use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use crate::backend::BoxFuture;
use crate::connect::StoreUrl;
use crate::error::{Error, ErrorKind, Result};
use crate::event::RecordedEvent;
use crate::project::{
    self, Answer, Batch, Bound, Connect, Creation, Dialect, Model, ProjectionResult, ReadModel, Session,
    Source, Sql, Tables, Target, Value, Written, own_error,
};
use crate::sql::Link as _;

use super::connect::{Connection, Param};
use super::schema::quote;
use super::transaction::Tx;
use super::{PostgresOptions, error};

/// A read model: which events it reads, its tables, and what each event does to them. Its code gets the
/// database's own transaction, and should change nothing else, so that doing it again is harmless.
///
/// Each partition has a clone of its own, and an event that failed may come again: what it keeps in memory is no
/// place for anything that the tables do not hold.
pub trait Projection: Clone + Send + Sync + 'static {
    /// Its name, the events it reads, its tables.
    fn read_model(&self) -> ReadModel;

    /// Creates its tables, in the transaction that begins them: `CREATE TABLE {orders} …`, as
    /// [`Tables::sql`] fills in.
    ///
    /// # Errors
    /// Whatever the statements fail with; nothing of it stays.
    fn create(&self, tx: &Tx<'_>, tables: &Tables) -> impl Future<Output = ProjectionResult> + Send;

    /// Takes in one event.
    ///
    /// # Errors
    /// Nothing of the event stays; what then becomes of it says
    /// [`OnFailure`](crate::project::OnFailure).
    fn apply(
        &mut self,
        tx: &Tx<'_>,
        tables: &Tables,
        event: &RecordedEvent,
    ) -> impl Future<Output = ProjectionResult> + Send;
}

/// A read model in a PostgreSQL database, which may be the store's own or another one; for a
/// [`Projector`](crate::project::Projector). What is known of it is kept in tables `projection…` in the schema that
/// the URL names.
///
/// # Errors
/// Invalid for a URL that is none of PostgreSQL.
pub fn target<P: Projection>(url: &StoreUrl, projection: P) -> Result<Target> {
    let model = projection.read_model();
    let server = Arc::new(Server::new(PostgresOptions::try_from(url)?));
    Ok(Target::new(model, Arc::new(Source { server, projection })))
}

/// The read models of a PostgreSQL database, to look at and to say what is wanted of them.
///
/// # Errors
/// Invalid for a URL that is none of PostgreSQL.
pub fn control(url: &StoreUrl) -> Result<project::Control> {
    Ok(project::Control::new(Arc::new(Server::new(PostgresOptions::try_from(url)?))))
}

/// The server, and the schema.
#[derive(Debug)]
struct Server {
    options: PostgresOptions,
    dialect: Dialect,
}

impl Server {
    fn new(options: PostgresOptions) -> Self {
        let prefix = format!("{}.", quote(&options.schema));
        let dialect = Dialect {
            key: "text COLLATE \"C\"".to_owned(),
            text: "text",
            now: "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
            known: format!("SELECT 1 WHERE to_regclass('{prefix}projections') IS NOT NULL"),
            prefix,
            table: |name, columns| format!("CREATE TABLE IF NOT EXISTS {name} ({columns})"),
            row: "t::text",
            // A view that only gains columns is replaced, and keeps the rights that were granted on it.
            view: |view, table| {
                vec![format!(
                    "DO $annals$ BEGIN CREATE OR REPLACE VIEW {view} AS SELECT * FROM {table}; \
                     EXCEPTION WHEN invalid_table_definition THEN DROP VIEW {view}; \
                     CREATE VIEW {view} AS SELECT * FROM {table}; END $annals$"
                )]
            },
        };
        Self { options, dialect }
    }
}

impl Connect for Server {
    type Link = Link;

    fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    fn link(&self) -> Link {
        Link { options: self.options.clone(), connection: None }
    }
}

/// A connection.
struct Link {
    options: PostgresOptions,
    /// `None` before it is needed, and after an error or a dropped future that leaves it in doubt.
    connection: Option<Connection>,
}

impl Link {
    /// Takes the connection; it is put back after what goes well.
    async fn take(&mut self) -> Result<Connection> {
        match self.connection.take() {
            Some(connection) if !connection.is_closed() => Ok(connection),
            _ => Connection::open(&self.options, None).await,
        }
    }
}

impl Session for Link {
    fn run(&mut self, statements: Vec<Sql>) -> BoxFuture<'_, Result<Vec<Answer>>> {
        Box::pin(async move {
            let mut connection = self.take().await?;
            let tx = Tx::begin(&mut connection).await?;
            let answers = run(&tx, &statements).await?;
            tx.commit().await?;
            self.connection = Some(connection);
            Ok(answers)
        })
    }
}

impl<P: Projection> Model for Bound<Link, P> {
    fn define(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let mut connection = self.link.take().await?;
            let tx = Tx::begin(&mut connection).await?;
            // To create one that is there, if it is not, takes a right on the database too.
            let schema = quote(&self.link.options.schema);
            let schema = format!(
                "DO $annals$ BEGIN IF to_regnamespace('{schema}') IS NULL THEN CREATE SCHEMA {schema}; \
                 END IF; END $annals$"
            );
            let definitions = project::definitions(&self.dialect).join("; ");
            tx.batch_execute(&format!("{LOCK}; {schema}; {definitions}"))
                .await
                .map_err(|e| error::of("could not make the tables that keep track of read models", e))?;
            tx.commit().await?;
            self.link.connection = Some(connection);
            Ok(())
        })
    }

    fn create(&mut self, creation: Creation) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move {
            let mut connection = self.link.take().await?;
            let tx = Tx::begin(&mut connection).await?;
            tx.batch_execute(LOCK).await.map_err(|e| error::of("could not create the read model", e))?;
            let found = run(&tx, &[creation.unless]).await?;
            let create = found.iter().all(|answer| answer.rows.is_empty());
            if create {
                run(&tx, &creation.clean).await?;
                let name = self.projection.read_model().name;
                let created = self.projection.create(&tx, &creation.tables).await;
                created.map_err(|e| own_error(&name, "create its tables", e))?;
                run(&tx, &creation.then).await?;
            }
            tx.commit().await?;
            self.link.connection = Some(connection);
            Ok(create)
        })
    }

    fn write(&mut self, batch: Batch) -> BoxFuture<'_, Result<Written>> {
        Box::pin(async move {
            let mut connection = self.link.take().await?;
            let tx = Tx::begin(&mut connection).await?;
            let (idle, first) = tokio::join!(tx.batch_execute(IDLE_MAX), run(&tx, &batch.first));
            idle.map_err(|e| error::of("could not write the read model", e))?;
            first?;
            for (index, event) in batch.taken() {
                if let Err(reason) = self.projection.apply(&tx, &batch.tables, event).await {
                    // A connection that is gone is no fault of the event's.
                    tx.rollback().await?;
                    self.link.connection = Some(connection);
                    return Written::refused(index, reason, error::is_contended);
                }
            }
            tx.commit().await?;
            self.link.connection = Some(connection);
            Ok(Written::All)
        })
    }
}

/// One creation at a time; held until the end of the transaction.
const LOCK: &str = "SET LOCAL client_min_messages = warning; \
                    SELECT pg_advisory_xact_lock(hashtextextended('annals: create a read model', 0))";

/// How long the server waits for the next statement of a transaction before it ends it, and with it the locks that
/// keep others from taking over.
const IDLE_MAX: &str = "SET LOCAL idle_in_transaction_session_timeout = '30s'";

async fn run(tx: &Tx<'_>, statements: &[Sql]) -> Result<Vec<Answer>> {
    let mut answers = Vec::with_capacity(statements.len());
    for sql in statements {
        let failed = |e| error::of("could not work on what is known of read models", e);
        // Which type a parameter has, the statement says, as for a literal in its place.
        let params: Vec<Param<'_>> =
            sql.values.iter().map(|value| -> Param<'_> { (value, Type::UNKNOWN) }).collect();
        let text = sql.numbered(|n| format!("${n}"));
        let answer = if text.starts_with("SELECT") {
            let rows = tx.query_cached(&text, &params).await.map_err(failed)?;
            Answer { rows: rows.iter().map(texts).collect::<Result<_>>()?, changed: 0 }
        } else {
            Answer { changed: tx.execute_cached(&text, &params).await.map_err(failed)?, rows: Vec::new() }
        };
        answers.push(answer.judge(sql)?);
    }
    Ok(answers)
}

fn texts(row: &Row) -> Result<Vec<Option<String>>> {
    let text = |(index, column): (usize, &tokio_postgres::Column)| match *column.type_() {
        Type::INT4 => row.try_get::<_, Option<i32>>(index).map(|value| value.map(|value| value.to_string())),
        Type::INT8 => row.try_get::<_, Option<i64>>(index).map(|value| value.map(|value| value.to_string())),
        _ => row.try_get::<_, Option<String>>(index),
    };
    row.columns().iter().enumerate().map(text).collect::<Result<_, _>>().map_err(|e| {
        Error::with_source(ErrorKind::Corrupt, "what is known of read models is not of the expected form", e)
    })
}

/// Every value goes as text, which each type of the database reads in its own way.
impl ToSql for Value {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Value::Null => return Ok(IsNull::Yes),
            Value::Bool(is) => out.extend_from_slice(if *is { b"true" } else { b"false" }),
            Value::Number(text) | Value::Text(text) => out.extend_from_slice(text.as_bytes()),
            Value::Bytes(bytes) => {
                out.extend_from_slice(b"\\x");
                for byte in bytes {
                    out.extend_from_slice(format!("{byte:02x}").as_bytes());
                }
            }
            Value::Time(time) => out.extend_from_slice(time.to_string().as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}
