//! Read models in SQL Server tables.

use std::sync::Arc;

use tiberius::{ColumnData, Row};
use tokio::time::Instant;

use crate::backend::BoxFuture;
use crate::connect::StoreUrl;
use crate::error::Result;
use crate::event::RecordedEvent;
use crate::project::{
    self, Answer, Batch, Bound, Connect, Creation, Dialect, Model, ProjectionResult, ReadModel, Source, Sql,
    Tables, Target, Value, Written, own_error,
};

use super::connect::{Client, IDLE_MAX, Param, batch, execute, query};
use super::schema::{alone, quote};
use super::session::{Session, Transaction};
use super::{SqlServerOptions, error};

/// A read model: which events it reads, its tables, and what each event does to them. Its code gets an open
/// transaction, which it must not end, and should change nothing else, so that doing it again is harmless.
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
    fn create(
        &self,
        tx: &mut Transaction<'_>,
        tables: &Tables,
    ) -> impl Future<Output = ProjectionResult> + Send;

    /// Takes in one event. A statement that fails takes the whole transaction back, so going on after one has no
    /// place here.
    ///
    /// # Errors
    /// Nothing of the event stays; what then becomes of it says
    /// [`OnFailure`](crate::project::OnFailure).
    fn apply(
        &mut self,
        tx: &mut Transaction<'_>,
        tables: &Tables,
        event: &RecordedEvent,
    ) -> impl Future<Output = ProjectionResult> + Send;
}

/// A read model in a SQL Server database, which may be the store's own or another one; for a
/// [`Projector`](crate::project::Projector). What is known of it is kept in tables `projection…` in the schema that
/// the URL names.
///
/// # Errors
/// Invalid for a URL that is none of SQL Server.
pub fn target<P: Projection>(url: &StoreUrl, projection: P) -> Result<Target> {
    let model = projection.read_model();
    let server = Arc::new(Server::new(SqlServerOptions::try_from(url)?));
    Ok(Target::new(model, Arc::new(Source { server, projection })))
}

/// The read models of a SQL Server database, to look at and to say what is wanted of them.
///
/// # Errors
/// Invalid for a URL that is none of SQL Server.
pub fn control(url: &StoreUrl) -> Result<project::Control> {
    Ok(project::Control::new(Arc::new(Server::new(SqlServerOptions::try_from(url)?))))
}

/// The server, and the schema.
#[derive(Debug)]
struct Server {
    options: SqlServerOptions,
    dialect: Dialect,
}

impl Server {
    fn new(options: SqlServerOptions) -> Self {
        let prefix = format!("{}.", quote(&options.schema));
        let dialect = Dialect {
            // Like every other this collation takes 'a' and 'a ' for the same, but no name of a read model or of
            // a process ends with a blank.
            key: "nvarchar(200) COLLATE Latin1_General_100_BIN2".to_owned(),
            text: "nvarchar(max) COLLATE Latin1_General_100_BIN2",
            now: "REPLACE(CONVERT(nvarchar(33), SYSUTCDATETIME(), 126), N' ', N'T') + N'Z'",
            known: format!("SELECT 1 WHERE OBJECT_ID(N'{prefix}projections', N'U') IS NOT NULL"),
            prefix,
            table: |name, columns| {
                format!("IF OBJECT_ID(N'{name}', N'U') IS NULL CREATE TABLE {name} ({columns})")
            },
            row: "t.*",
            // A definition of a view is alone in its batch. Not every server can alter one, so the rights that
            // were granted on it are lost; those on its schema are not.
            view: |view, table| {
                vec![
                    format!("DROP VIEW IF EXISTS {view}"),
                    format!("EXEC(N'CREATE VIEW {view} AS SELECT * FROM {table}')"),
                ]
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
        Link::new(self.options.clone())
    }
}

/// A connection. Nothing lets the server end one whose process is stopped in the middle of a transaction: others
/// wait for its part until it goes on or dies, and each of their statements fails after 5 seconds.
struct Link {
    schema: String,
    session: Session,
    used: Instant,
}

impl Link {
    fn new(options: SqlServerOptions) -> Self {
        Self { schema: options.schema.clone(), session: Session::later(options), used: Instant::now() }
    }

    async fn begin(&mut self) -> Result<Transaction<'_>> {
        if self.used.elapsed() > IDLE_MAX {
            self.session.close();
        }
        self.used = Instant::now();
        self.session.begin().await
    }
}

impl project::Session for Link {
    fn run(&mut self, statements: Vec<Sql>) -> BoxFuture<'_, Result<Vec<Answer>>> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            let answers = run(&mut tx, &statements).await?;
            commit(tx).await?;
            Ok(answers)
        })
    }
}

/// Whoever creates is alone with that.
const CREATION: &str = "annals: create a read model";

impl<P: Projection> Model for Bound<Link, P> {
    fn define(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            const DOING: &str = "could not make the tables that keep track of read models";
            let schema = &self.link.schema;
            let schema =
                format!("IF SCHEMA_ID(N'{schema}') IS NULL EXEC(N'CREATE SCHEMA {}')", quote(schema));
            let mut tx = self.link.begin().await?;
            alone(&mut tx, CREATION, DOING).await?;
            for sql in [schema].into_iter().chain(project::definitions(&self.dialect)) {
                batch(&mut tx, &sql).await.map_err(|e| error::of(DOING, e))?;
            }
            commit(tx).await
        })
    }

    fn create(&mut self, creation: Creation) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move {
            let mut tx = self.link.begin().await?;
            alone(&mut tx, CREATION, "could not create the read model").await?;
            let found = run(&mut tx, &[creation.unless]).await?;
            let create = found.iter().all(|answer| answer.rows.is_empty());
            if create {
                run(&mut tx, &creation.clean).await?;
                let name = self.projection.read_model().name;
                let created = self.projection.create(&mut tx, &creation.tables).await;
                created.map_err(|e| own_error(&name, "create its tables", e))?;
                run(&mut tx, &creation.then).await?;
            }
            commit(tx).await?;
            Ok(create)
        })
    }

    fn write(&mut self, batch: Batch) -> BoxFuture<'_, Result<Written>> {
        Box::pin(async move {
            let mut tx = self.link.begin().await?;
            run(&mut tx, &batch.first).await?;
            for (index, event) in batch.taken() {
                if let Err(reason) = self.projection.apply(&mut tx, &batch.tables, event).await {
                    // A connection that is gone is no fault of the event's.
                    tx.rollback().await?;
                    return Written::refused(index, reason, error::is_contended);
                }
            }
            commit(tx).await?;
            Ok(Written::All)
        })
    }
}

async fn commit(tx: Transaction<'_>) -> Result<()> {
    tx.commit_doing("could not write the read model").await
}

async fn run(client: &mut Client, statements: &[Sql]) -> Result<Vec<Answer>> {
    let mut answers = Vec::with_capacity(statements.len());
    for sql in statements {
        let failed = |e| error::of("could not work on what is known of read models", e);
        let text = sql.numbered(parameter(&sql.values));
        let params = params(&sql.values);
        let answer = if text.starts_with("SELECT") {
            let sets = query(client, &text, params).await.map_err(failed)?;
            Answer { rows: sets.into_iter().flatten().map(texts).collect(), changed: 0 }
        } else {
            Answer { changed: execute(client, &text, params).await.map_err(failed)?, rows: Vec::new() }
        };
        answers.push(answer.judge(sql)?);
    }
    Ok(answers)
}

fn texts(row: Row) -> Vec<Option<String>> {
    let text = |value| match value {
        ColumnData::I32(number) => number.map(|number| number.to_string()),
        ColumnData::I64(number) => number.map(|number| number.to_string()),
        ColumnData::String(text) => text.map(|text| text.into_owned()),
        // Only in tables of read models, where it is compared with its like.
        other => Some(format!("{other:?}")),
    };
    row.into_iter().map(text).collect()
}

/// How a statement names its parameters that have these values. One would need a type to be NULL, and a word needs
/// none.
pub(super) fn parameter(values: &[Value]) -> impl Fn(usize) -> String {
    |n| match values.get(n - 1) {
        None | Some(Value::Null) => "NULL".to_owned(),
        Some(_) => format!("@P{n}"),
    }
}

pub(super) fn params(values: &[Value]) -> Vec<Param> {
    values.iter().cloned().map(param).collect()
}

/// Digits that no integer holds go as text, which the type of a column reads exactly.
fn param(value: Value) -> Param {
    match value {
        // Nothing in the statement refers to it.
        Value::Null => Param::Number(0),
        Value::Bool(is) => Param::Number(is.into()),
        Value::Number(digits) => digits.parse().map_or_else(|_| Param::Text(digits.clone()), Param::Number),
        Value::Text(text) => Param::Text(text),
        Value::Bytes(bytes) => Param::Bytes(bytes),
        Value::Time(time) => Param::Time(time),
    }
}
