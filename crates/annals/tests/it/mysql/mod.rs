//! MySQL and MariaDB beyond the contract's suite: each test on both, where they are there.

mod crash;
mod login;
mod proxy;
mod roles;
mod tables;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use annals::backend::Backend as _;
use annals::mysql::mysql_async::Conn;
use annals::mysql::mysql_async::prelude::{FromValue, Queryable as _};
use annals::mysql::{MysqlOptions, MysqlStore};
use annals::prelude::*;
use annals::{Options, StoreUrl};

/// The variables with the URLs of the servers that most tests share.
const SHARED: [&str; 2] = ["ANNALS_MYSQL", "ANNALS_MARIADB"];

/// The servers that tests crash.
const CRASH: [&str; 2] = ["ANNALS_MYSQL_CRASH", "ANNALS_MARIADB_CRASH"];

/// The URL that a variable holds. Without one a test has nothing to do, which is a failure where the variable
/// that says what has to run names it.
fn server(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    let name = variable.trim_start_matches("ANNALS_").to_lowercase();
    let required = std::env::var("ANNALS_REQUIRE").unwrap_or_default();
    assert!(url.is_some() || !required.split(',').any(|it| it == name), "{variable} is not set");
    url
}

/// Those servers that are there, with their variables.
fn servers(variables: [&'static str; 2]) -> impl Iterator<Item = (&'static str, String)> {
    variables.into_iter().filter_map(|variable| Some((variable, server(variable)?)))
}

/// A script beside the one that starts and ends a server; `None` where nobody told.
fn beside_server(variable: &str, file: &str) -> Option<PathBuf> {
    let script = std::env::var_os(format!("{variable}_SERVER"))?;
    Some(PathBuf::from(script).with_file_name(file))
}

/// Makes a server start, stop or crash.
fn control(variable: &str, what: &str) {
    let done = Command::new(beside_server(variable, "server").unwrap()).arg(what).status().unwrap();
    assert!(done.success(), "the server did not {what}");
}

/// Twelve hexadecimal digits that no other test uses.
fn unique() -> String {
    annals::EventId::new().uuid().simple().to_string().split_off(20)
}

/// The blocks of SQL in the guide under a heading.
fn guide(heading: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/mysql.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let part = guide.split("\n## ").find(|part| part.starts_with(heading)).unwrap();
    let blocks = part.split("```sql\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0.to_owned()).collect()
}

async fn open(url: &str) -> MysqlStore {
    let url: StoreUrl = url.parse().unwrap();
    MysqlStore::open(MysqlOptions::try_from(&url).unwrap()).await.unwrap()
}

fn store_of(mysql: &MysqlStore) -> EventStore {
    let options = Options { deadline: Duration::from_secs(60), ..Options::default() };
    EventStore::new(Arc::new(mysql.clone()), options)
}

/// A store in a namespace of its own, dropped again.
struct Place {
    server: String,
    url: String,
    mysql: MysqlStore,
    store: EventStore,
    /// The application's own connection.
    conn: Conn,
    prefix: String,
}

impl Place {
    async fn on(server: &str) -> Self {
        let namespace = format!("it_{}", unique());
        let url = format!("{server}?namespace={namespace}");
        let mysql = open(&url).await;
        let (server, store) = (server.to_owned(), store_of(&mysql));
        let conn = Conn::from_url(&server).await.unwrap();
        Self { server, url, mysql, store, conn, prefix: format!("annals__{namespace}__") }
    }

    fn sql(&self, sql: &str) -> String {
        sql.replace("{p}", &self.prefix)
    }

    async fn execute(&mut self, sql: &str) {
        let sql = self.sql(sql);
        self.conn.query_drop(sql).await.unwrap();
    }

    async fn value<T: FromValue + Send + 'static>(&mut self, sql: &str) -> T {
        let sql = self.sql(sql);
        self.conn.query_first(sql).await.unwrap().unwrap()
    }

    async fn number(&mut self, sql: &str) -> i64 {
        self.value(sql).await
    }

    async fn finish(self) {
        self.mysql.drop_namespace().await.unwrap();
    }
}

fn noted(n: usize) -> NewEvent {
    NewEvent::json("noted", &n).unwrap()
}
