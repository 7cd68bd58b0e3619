//! PostgreSQL beyond the contract's suite: real crashes, poolers, proxies, roles, plans.

mod crash;
mod login;
mod plans;
mod pooler;
mod proxy;
mod roles;
mod tables;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use annals::backend::Backend as _;
use annals::postgres::tokio_postgres::{self, Client, NoTls};
use annals::postgres::{PostgresOptions, PostgresStore};
use annals::prelude::*;
use annals::{Options, StoreUrl};

/// The variable with the URL of the server that most tests share.
const POSTGRES: &str = "ANNALS_POSTGRES";

/// The server that tests crash, one after the other.
const CRASH: &str = "ANNALS_POSTGRES_CRASH";

/// The URL that a variable holds. Without one a test has nothing to do, which is a failure where the variable
/// that says what has to run names it.
fn server(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    let name = variable.trim_start_matches("ANNALS_").to_lowercase();
    let required = std::env::var("ANNALS_REQUIRE").unwrap_or_default();
    assert!(url.is_some() || !required.split(',').any(|it| it == name), "{variable} is not set");
    url
}

/// A file beside the script that starts and ends a server.
fn beside_server(variable: &str, file: &str) -> Option<PathBuf> {
    let script = std::env::var_os(format!("{variable}_SERVER"))?;
    Some(PathBuf::from(script).with_file_name(file))
}

/// Makes a server start, stop or crash.
fn control(variable: &str, what: &str) {
    let script = beside_server(variable, "server").unwrap();
    let done = Command::new(script).arg(what).status().unwrap();
    assert!(done.success(), "the server did not {what}");
}

/// Twelve hexadecimal digits that no other test uses.
fn unique() -> String {
    annals::EventId::new().uuid().simple().to_string().split_off(20)
}

/// A connection of the application's own.
pub(crate) async fn client(server: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(server, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn open(url: &StoreUrl) -> PostgresStore {
    PostgresStore::open(PostgresOptions::try_from(url).unwrap()).await.unwrap()
}

/// A store in a namespace of its own, dropped again.
struct Place {
    url: StoreUrl,
    postgres: PostgresStore,
    store: EventStore,
    client: Client,
    schema: String,
}

impl Place {
    async fn beside(variable: &str) -> Option<Self> {
        let server = server(variable)?;
        let namespace = format!("it_{}", unique());
        let url: StoreUrl = format!("{server}?namespace={namespace}").parse().unwrap();
        let postgres = open(&url).await;
        let options = Options { deadline: Duration::from_secs(60), ..Options::default() };
        let store = EventStore::new(Arc::new(postgres.clone()), options);
        let client = client(&server).await;
        Some(Self { url, postgres, store, client, schema: format!("annals__{namespace}") })
    }

    async fn number(&self, sql: &str) -> i64 {
        let sql = sql.replace("{s}", &self.schema);
        self.client.query_one(&sql, &[]).await.unwrap().get(0)
    }

    async fn finish(self) {
        self.postgres.drop_namespace().await.unwrap();
    }
}

fn noted(n: usize) -> NewEvent {
    NewEvent::json("noted", &n).unwrap()
}
