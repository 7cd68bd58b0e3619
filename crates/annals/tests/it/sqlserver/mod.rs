//! SQL Server beyond the contract's suite, where `ANNALS_SQLSERVER` names one; and without one, what errors,
//! cut connections and strangers mean, on a server that plays its part.

mod mock;
mod proxy;
mod refusals;
mod roles;
mod tables;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use annals::backend::Backend as _;
use annals::prelude::*;
use annals::sqlserver::tiberius::{FromSqlOwned, Row};
use annals::sqlserver::{Session, SqlServerOptions, SqlServerStore};
use annals::{Options, StoreUrl};

/// The URL of the server. Without one a test has nothing to do, and says so to whoever asks for output, which is a failure where the
/// variable that says what has to run names it.
#[expect(clippy::print_stdout, reason = "a test that did not run says so")]
fn server() -> Option<String> {
    const VARIABLE: &str = "ANNALS_SQLSERVER";
    let url = std::env::var(VARIABLE).ok();
    let required = std::env::var("ANNALS_REQUIRE").unwrap_or_default();
    assert!(url.is_some() || !required.split(',').any(|it| it == "sqlserver"), "{VARIABLE} is not set");
    if url.is_none() {
        println!("did not run: {VARIABLE} is not set to the URL of a server");
    }
    url
}

/// A URL with one more option.
fn with(url: &str, option: &str) -> String {
    format!("{url}{}{option}", if url.contains('?') { '&' } else { '?' })
}

/// Twelve hexadecimal digits that no other test uses.
fn unique() -> String {
    annals::EventId::new().uuid().simple().to_string().split_off(20)
}

/// The blocks of SQL in the guide under a heading.
fn guide(heading: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/sqlserver.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let part = guide.split("\n## ").find(|part| part.starts_with(heading)).unwrap();
    let blocks = part.split("```sql\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0.to_owned()).collect()
}

async fn open(url: &str) -> annals::Result<SqlServerStore> {
    let url: StoreUrl = url.parse()?;
    SqlServerStore::open(SqlServerOptions::try_from(&url)?).await
}

fn store_of(sqlserver: &SqlServerStore) -> EventStore {
    let options = Options { deadline: Duration::from_secs(60), ..Options::default() };
    EventStore::new(Arc::new(sqlserver.clone()), options)
}

/// A store in a namespace of its own, dropped again.
struct Place {
    url: String,
    sqlserver: SqlServerStore,
    store: EventStore,
    /// The application's own connection.
    session: Session,
    schema: String,
}

impl Place {
    async fn on(server: &str) -> Self {
        let namespace = format!("it_{}", unique());
        let url = with(server, &format!("namespace={namespace}"));
        let sqlserver = open(&url).await.unwrap();
        let store = store_of(&sqlserver);
        let session = Session::open(&url.parse().unwrap()).await.unwrap();
        Self { url, sqlserver, store, session, schema: format!("annals__{namespace}") }
    }

    fn sql(&self, sql: &str) -> String {
        sql.replace("{s}", &self.schema)
    }

    async fn rows(&mut self, sql: &str) -> Vec<Row> {
        let sql = self.sql(sql);
        rows(&mut self.session, &sql).await.unwrap()
    }

    async fn execute(&mut self, sql: &str) {
        self.rows(sql).await;
    }

    async fn value<T: FromSqlOwned>(&mut self, sql: &str) -> T {
        let row = self.rows(sql).await.into_iter().next().unwrap();
        T::from_sql_owned(row.into_iter().next().unwrap()).unwrap().unwrap()
    }

    async fn finish(self) {
        self.sqlserver.drop_namespace().await.unwrap();
    }
}

/// Runs a batch, and says what its first statement with rows found.
async fn rows(
    session: &mut Session,
    sql: &str,
) -> Result<Vec<Row>, annals::sqlserver::tiberius::error::Error> {
    session.client().await.unwrap().simple_query(sql).await?.into_first_result().await
}

fn noted(n: usize) -> NewEvent {
    NewEvent::json("noted", &n).unwrap()
}
