//! Read models in SQLite tables.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::backend::BoxFuture;
use crate::error::{Error, ErrorKind, Result};
use crate::event::RecordedEvent;
use crate::project::{
    self, Answer, Batch, Creation, Database, Desk, Dialect, Model, ProjectionResult, ReadModel, Session, Sql,
    Tables, Target, Value, Written, own_error,
};

use super::{error, schema};

/// A read model: which events it reads, its tables, and what each event does to them. Its code is
/// synchronous and gets the database's own transaction, and nothing else, so that doing it again is harmless.
///
/// Each partition has a clone of its own, and an event that failed may come again: what it keeps in memory is no
/// place for anything that the tables do not hold.
pub trait Projection: Clone + Send + 'static {
    /// Its name, the events it reads, its tables.
    fn read_model(&self) -> ReadModel;

    /// Creates its tables, in the transaction that begins them: `CREATE TABLE {orders} …`, as
    /// [`Tables::sql`] fills in.
    ///
    /// # Errors
    /// Whatever the statements fail with; nothing of it stays.
    fn create(&self, tx: &Transaction<'_>, tables: &Tables) -> ProjectionResult;

    /// Takes in one event.
    ///
    /// # Errors
    /// Nothing of the event stays; what then becomes of it says
    /// [`OnFailure`](crate::project::OnFailure).
    fn apply(&mut self, tx: &Transaction<'_>, tables: &Tables, event: &RecordedEvent) -> ProjectionResult;
}

/// A read model in an SQLite file, which may be the store's own or another one, and is created where it is
/// missing; for a [`Projector`](crate::project::Projector).
pub fn target<P: Projection>(path: impl AsRef<Path>, projection: P) -> Target {
    let model = projection.read_model();
    let desk = Arc::new(File::new(path.as_ref().to_owned(), true));
    Target::new(model, Arc::new(Source { desk, projection: Mutex::new(projection) }))
}

/// The read models of an SQLite file, to look at and to say what is wanted of them.
pub fn control(path: impl AsRef<Path>) -> project::Control {
    project::Control::new(Arc::new(File::new(path.as_ref().to_owned(), false)))
}

/// The file.
#[derive(Debug)]
struct File {
    path: PathBuf,
    create: bool,
    dialect: Dialect,
}

impl File {
    fn new(path: PathBuf, create: bool) -> Self {
        let dialect = Dialect {
            key: "TEXT".to_owned(),
            text: "TEXT",
            now: "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
            prefix: "annals_".to_owned(),
            known: "SELECT 1 FROM sqlite_master WHERE name = 'annals_projections'".to_owned(),
            table: |name, columns| format!("CREATE TABLE IF NOT EXISTS {name} ({columns}) WITHOUT ROWID"),
            row: "t.*",
            view: |view, table| {
                vec![
                    format!("DROP VIEW IF EXISTS {view}"),
                    format!("CREATE VIEW {view} AS SELECT * FROM {table}"),
                ]
            },
        };
        Self { path, create, dialect }
    }

    fn open<P: Send + 'static>(&self, projection: P) -> BoxFuture<'static, Result<Link<P>>> {
        let (path, create) = (self.path.clone(), self.create);
        Box::pin(blocking(move || {
            let failed = |e| error::of("could not open the read model", e);
            let connection = super::connect(&path, create)?;
            schema::prepare(&connection).map_err(failed)?;
            if create {
                schema::use_wal(&connection).map_err(failed)?;
            }
            Ok(Link { inner: Arc::new(Mutex::new(Inner { connection, projection })) })
        }))
    }
}

impl Desk for File {
    fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    fn session(&self) -> BoxFuture<'_, Result<Box<dyn Session>>> {
        let open = self.open(());
        Box::pin(async move { Ok(Box::new(open.await?) as Box<dyn Session>) })
    }
}

struct Source<P> {
    desk: Arc<File>,
    projection: Mutex<P>,
}

impl<P: Projection> Database for Source<P> {
    fn desk(&self) -> Arc<dyn Desk> {
        self.desk.clone()
    }

    fn open(&self) -> BoxFuture<'_, Result<Box<dyn Model>>> {
        let projection = self.projection.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let open = self.desk.open(projection);
        let dialect = self.desk.dialect.clone();
        Box::pin(async move { Ok(Box::new(Bound { link: open.await?, dialect }) as Box<dyn Model>) })
    }
}

/// A connection. The work is done on tokio's blocking pool, and ends there also when nobody waits for it.
struct Link<P> {
    inner: Arc<Mutex<Inner<P>>>,
}

struct Inner<P> {
    connection: Connection,
    projection: P,
}

impl<P: Send + 'static> Link<P> {
    /// Works in a transaction, which is committed when `done` says so of what the work gives back.
    fn within<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>, &mut P) -> Result<T> + Send + 'static,
        done: impl FnOnce(&T) -> bool + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let inner = self.inner.clone();
        Box::pin(blocking(move || {
            let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
            let Inner { connection, projection } = &mut *inner;
            let tx = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(|e| error::of("could not begin a transaction", e))?;
            let result = work(&tx, projection)?;
            if done(&result) {
                tx.commit().map_err(error::of_commit)?;
            }
            Ok(result)
        }))
    }
}

impl<P: Send + 'static> Session for Link<P> {
    fn run(&mut self, statements: Vec<Sql>) -> BoxFuture<'_, Result<Vec<Answer>>> {
        self.within(move |tx, _| run(tx, &statements), |_| true)
    }
}

/// A connection with a read model.
struct Bound<P> {
    link: Link<P>,
    dialect: Dialect,
}

impl<P: Projection> Session for Bound<P> {
    fn run(&mut self, statements: Vec<Sql>) -> BoxFuture<'_, Result<Vec<Answer>>> {
        self.link.run(statements)
    }
}

impl<P: Projection> Model for Bound<P> {
    fn define(&mut self) -> BoxFuture<'_, Result<()>> {
        let define = project::definitions(&self.dialect).join("; ");
        let failed = |e| error::of("could not make the tables that keep track of read models", e);
        self.link.within(move |tx, _| tx.execute_batch(&define).map_err(failed), |()| true)
    }

    fn create(&mut self, creation: Creation) -> BoxFuture<'_, Result<bool>> {
        let work = move |tx: &Transaction<'_>, projection: &mut P| {
            if !run_one(tx, &creation.unless)?.rows.is_empty() {
                return Ok(false);
            }
            run(tx, &creation.clean)?;
            let name = projection.read_model().name;
            projection.create(tx, &creation.tables).map_err(|e| own_error(&name, "create its tables", e))?;
            run(tx, &creation.then)?;
            Ok(true)
        };
        self.link.within(work, |created| *created)
    }

    fn write(&mut self, batch: Batch) -> BoxFuture<'_, Result<Written>> {
        let work = move |tx: &Transaction<'_>, projection: &mut P| {
            run(tx, &batch.first)?;
            for (index, event) in batch.taken() {
                if let Err(reason) = projection.apply(tx, &batch.tables, event) {
                    return Written::refused(index, reason, error::is_contended);
                }
            }
            Ok(Written::All)
        };
        self.link.within(work, |written| matches!(written, Written::All))
    }
}

fn run(tx: &Transaction<'_>, statements: &[Sql]) -> Result<Vec<Answer>> {
    statements.iter().map(|sql| run_one(tx, sql)).collect()
}

fn run_one(tx: &Transaction<'_>, sql: &Sql) -> Result<Answer> {
    let failed = |e| error::of("could not work on what is known of read models", e);
    let answer = || {
        let mut statement = tx.prepare_cached(&sql.text)?;
        let values = rusqlite::params_from_iter(sql.values.iter().cloned().map(cell));
        let columns = statement.column_count();
        if columns == 0 {
            let changed = statement.execute(values)?;
            return Ok(Answer { changed: changed as u64, ..Answer::default() });
        }
        let row =
            |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get_ref(column).map(text)).collect();
        let rows = statement.query_map(values, row)?.collect::<rusqlite::Result<_>>()?;
        Ok(Answer { rows, changed: 0 })
    };
    answer().map_err(failed)?.judge(sql)
}

fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}

/// SQLite has no exact decimals; digits that none of its numbers holds stay a text.
pub(super) fn cell(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(is) => Cell::Integer(is.into()),
        Value::Number(digits) => match digits.parse::<i64>() {
            Ok(integer) => Cell::Integer(integer),
            Err(_) if digits.contains(['.', 'e', 'E']) => {
                digits.parse().map_or_else(|_| Cell::Text(digits.clone()), Cell::Real)
            }
            Err(_) => Cell::Text(digits),
        },
        Value::Text(text) => Cell::Text(text),
        Value::Bytes(bytes) => Cell::Blob(bytes),
        Value::Time(time) => Cell::Text(time.to_string()),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::with_source(ErrorKind::Internal, "the projection panicked", e))?
}

impl<P> std::fmt::Debug for Source<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("desk", &self.desk).finish_non_exhaustive()
    }
}
