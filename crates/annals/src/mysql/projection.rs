//! Read models in MySQL and MariaDB tables. These products commit with every definition, so a read model's tables
//! are not made in a transaction: what is known of them is written when they are there, and what a creation that
//! was cut off has left is dropped by the next one.

use std::sync::Arc;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Transaction, TxOpts, Value as Param};
use tokio::time::Instant;

use crate::backend::BoxFuture;
use crate::connect::StoreUrl;
use crate::error::{Error, ErrorKind, Result};
use crate::event::RecordedEvent;
use crate::project::{
    self, Answer, Batch, Bound, Connect, Creation, Dialect, Model, ProjectionResult, ReadModel, Session,
    Source, Sql, Tables, Target, Value, Written, own_error,
};
use crate::sql::Link as _;

use super::connect::{Connection, IDLE_MAX};
use super::row::datetime;
use super::schema::check_name;
use super::{MysqlOptions, error};

/// A read model: which events it reads, its tables, and what each event does to them. Its code gets the
/// database's own transaction, and should change nothing else, so that doing it again is harmless.
///
/// Each partition has a clone of its own, and an event that failed may come again: what it keeps in memory is no
/// place for anything that the tables do not hold.
pub trait Projection: Clone + Send + Sync + 'static {
    /// Its name, the events it reads, its tables.
    fn read_model(&self) -> ReadModel;

    /// Creates its tables: `CREATE TABLE {orders} …`, as [`Tables::sql`] fills in. Gets the connection, not a
    /// transaction, since each of these statements commits.
    ///
    /// # Errors
    /// Whatever the statements fail with; the tables are dropped and made anew the next time.
    fn create(&self, conn: &mut Conn, tables: &Tables) -> impl Future<Output = ProjectionResult> + Send;

    /// Takes in one event. Statements that commit, such as CREATE TABLE, have no place here; nor has going on
    /// after an error of the database, which may have taken the whole transaction back.
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

/// A read model in a MySQL or MariaDB database, which may be the store's own or another one; for a
/// [`Projector`](crate::project::Projector). What is known of it is kept in tables `annals_projection…`, or with the
/// prefix that the URL names.
///
/// # Errors
/// Invalid for a URL that is none of MySQL.
pub fn target<P: Projection>(url: &StoreUrl, projection: P) -> Result<Target> {
    let model = projection.read_model();
    let server = Arc::new(Server::new(MysqlOptions::try_from(url)?)?);
    Ok(Target::new(model, Arc::new(Source { server, projection })))
}

/// The read models of a MySQL or MariaDB database, to look at and to say what is wanted of them.
///
/// # Errors
/// Invalid for a URL that is none of MySQL.
pub fn control(url: &StoreUrl) -> Result<project::Control> {
    Ok(project::Control::new(Arc::new(Server::new(MysqlOptions::try_from(url)?)?)))
}

/// The server, and the prefix of the tables.
#[derive(Debug)]
struct Server {
    options: MysqlOptions,
    dialect: Dialect,
}

impl Server {
    fn new(options: MysqlOptions) -> Result<Self> {
        let prefix = options.prefix.clone();
        check_name(&format!("{prefix}projection_generations"))?;
        let dialect = Dialect {
            // By the collation of its table, which both products have. To it 'a' and 'a ' are the same, but no
            // name of a read model or of a process ends with a blank.
            key: "VARCHAR(200)".to_owned(),
            text: "LONGTEXT",
            now: "DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%fZ')",
            known: format!(
                "SELECT 1 FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_name = '{prefix}projections'"
            ),
            prefix,
            table: |name, columns| {
                format!(
                    "CREATE TABLE IF NOT EXISTS {name} ({columns}) \
                     ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
                )
            },
            row: "t.*",
            view: |view, table| vec![format!("CREATE OR REPLACE VIEW {view} AS SELECT * FROM {table}")],
        };
        Ok(Self { options, dialect })
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

/// A connection. The server ends one that rests for 30 seconds, so that a process that is stopped in the middle of
/// a transaction does not keep others from taking over.
struct Link {
    options: MysqlOptions,
    /// With the time of its last use. `None` before it is needed, and after an error or a dropped future that
    /// leaves it in doubt.
    connection: Option<(Connection, Instant)>,
}

impl Link {
    /// Takes the connection; it is put back after what goes well.
    async fn connection(&mut self) -> Result<Connection> {
        match self.connection.take() {
            Some((connection, used)) if !connection.is_closed() && used.elapsed() < IDLE_MAX => {
                Ok(connection)
            }
            _ => Connection::open(&self.options).await,
        }
    }

    fn put_back(&mut self, connection: Connection) {
        self.connection = Some((connection, Instant::now()));
    }
}

impl Session for Link {
    fn run(&mut self, statements: Vec<Sql>) -> BoxFuture<'_, Result<Vec<Answer>>> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            // What is committed before the definitions has to be what they then make, so others wait.
            let alone = statements.iter().any(is_definition);
            if alone {
                lock(connection.driver()).await?;
            }
            let answers = run(connection.driver(), &statements).await?;
            if alone {
                unlock(connection.driver()).await?;
            }
            self.put_back(connection);
            Ok(answers)
        })
    }
}

impl<P: Projection> Model for Bound<Link, P> {
    fn define(&mut self) -> BoxFuture<'_, Result<()>> {
        let definitions = project::definitions(&self.dialect).into_iter().map(|text| Sql::new(text, []));
        let defined = self.link.run(definitions.collect());
        Box::pin(async move { defined.await.map(drop) })
    }

    fn create(&mut self, creation: Creation) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move {
            let mut connection = self.link.connection().await?;
            let conn = connection.driver();
            lock(conn).await?;
            let found = run(conn, &[creation.unless]).await?;
            let create = found.iter().all(|answer| answer.rows.is_empty());
            if create {
                run(conn, &creation.clean).await?;
                let name = self.projection.read_model().name;
                let created = self.projection.create(conn, &creation.tables).await;
                created.map_err(|e| own_error(&name, "create its tables", e))?;
                run(conn, &creation.then).await?;
            }
            unlock(conn).await?;
            self.link.put_back(connection);
            Ok(create)
        })
    }

    fn write(&mut self, batch: Batch) -> BoxFuture<'_, Result<Written>> {
        Box::pin(async move {
            let mut connection = self.link.connection().await?;
            let mut tx = transaction(connection.driver()).await?;
            run_in(&mut tx, &batch.first).await?;
            for (index, event) in batch.taken() {
                if let Err(reason) = self.projection.apply(&mut tx, &batch.tables, event).await {
                    // A connection that is gone is no fault of the event's.
                    tx.rollback().await.map_err(|e| error::of("could not write the read model", e))?;
                    self.link.put_back(connection);
                    return Written::refused(index, reason, error::is_contended);
                }
            }
            commit(tx).await?;
            self.link.put_back(connection);
            Ok(Written::All)
        })
    }
}

/// Lets one define at a time; held until it is given up, or until the connection ends.
async fn lock(conn: &mut Conn) -> Result<()> {
    const DOING: &str = "could not work on the tables of read models";
    let sql = "SELECT GET_LOCK('annals: create a read model', 60)";
    let locked: Option<Option<i64>> = conn.query_first(sql).await.map_err(|e| error::of(DOING, e))?;
    match locked.flatten() {
        Some(1) => Ok(()),
        _ => {
            let message = format!("{DOING}: others have been at theirs for 60 seconds");
            Err(Error::new(ErrorKind::Unavailable, message))
        }
    }
}

async fn unlock(conn: &mut Conn) -> Result<()> {
    let unlocked = conn.query_drop("DO RELEASE_LOCK('annals: create a read model')").await;
    unlocked.map_err(|e| error::of("could not work on the tables of read models", e))
}

/// A transaction, at READ COMMITTED as the whole session is.
async fn transaction(conn: &mut Conn) -> Result<Transaction<'_>> {
    let begun = conn.start_transaction(TxOpts::default()).await;
    begun.map_err(|e| error::of("could not begin a transaction", e))
}

async fn commit(tx: Transaction<'_>) -> Result<()> {
    tx.commit().await.map_err(|e| error::of_commit("could not write the read model", e))
}

/// A definition commits what stands before it and is in no transaction: each run of other statements is one.
async fn run(conn: &mut Conn, statements: &[Sql]) -> Result<Vec<Answer>> {
    let mut answers = Vec::with_capacity(statements.len());
    for part in statements.chunk_by(|one, next| is_definition(one) == is_definition(next)) {
        let mut tx = transaction(conn).await?;
        answers.extend(run_in(&mut tx, part).await?);
        commit(tx).await?;
    }
    Ok(answers)
}

fn is_definition(sql: &Sql) -> bool {
    ["CREATE ", "DROP "].iter().any(|word| sql.text.starts_with(word))
}

async fn run_in(tx: &mut Transaction<'_>, statements: &[Sql]) -> Result<Vec<Answer>> {
    let mut answers = Vec::with_capacity(statements.len());
    for sql in statements {
        let failed = |e| error::of("could not work on what is known of read models", e);
        // What has no parameters is of many forms, and nothing to keep prepared.
        let rows: Vec<Row> = match sql.values.is_empty() {
            true => tx.query(&sql.text).await,
            false => tx.exec(&sql.text, params(sql.values.iter().cloned())).await,
        }
        .map_err(failed)?;
        let rows = rows.into_iter().map(texts).collect();
        answers.push(Answer { rows, changed: tx.affected_rows() }.judge(sql)?);
    }
    Ok(answers)
}

fn texts(row: Row) -> Vec<Option<String>> {
    let text = |value| match value {
        Param::NULL => None,
        Param::Bytes(bytes) => Some(String::from_utf8(bytes).unwrap_or_else(|e| hex(e.as_bytes()))),
        Param::Int(number) => Some(number.to_string()),
        Param::UInt(number) => Some(number.to_string()),
        // Only in tables of read models, where it is compared with its like.
        other => Some(format!("{other:?}")),
    };
    row.unwrap().into_iter().map(text).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn params(values: impl IntoIterator<Item = Value>) -> Vec<Param> {
    values.into_iter().map(param).collect()
}

/// Digits that no integer holds go as text, which the type of a column reads exactly.
fn param(value: Value) -> Param {
    match value {
        Value::Null => Param::NULL,
        Value::Bool(is) => Param::Int(is.into()),
        Value::Number(digits) => match digits.parse() {
            Ok(integer) => Param::Int(integer),
            Err(_) => Param::Bytes(digits.into_bytes()),
        },
        Value::Text(text) => Param::Bytes(text.into_bytes()),
        Value::Bytes(bytes) => Param::Bytes(bytes),
        Value::Time(time) => Param::Bytes(datetime(time).into_bytes()),
    }
}
