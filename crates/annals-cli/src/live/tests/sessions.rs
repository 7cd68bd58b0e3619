//! What every session keeps to: it writes nothing, and no statement takes longer than it may.

use std::time::Duration;

use super::super::asking::{Ask, Why};
use super::super::{mysql, postgres, sqlite};
use super::*;

const PATIENCE: Duration = Duration::from_secs(1);

async fn writes_nothing(ask: &mut impl Ask, statements: &[&str]) {
    for statement in statements {
        let refused = ask.ask(statement).await.unwrap_err();
        assert_eq!(refused.why, Why::Other, "{statement}: {refused}");
    }
    ask.ask("SELECT 1").await.unwrap();
}

async fn takes_no_longer(ask: &mut impl Ask, statement: &str) {
    let refused = ask.ask(statement).await.unwrap_err();
    assert_eq!(refused.why, Why::TooSlow, "{statement}: {refused}");
    ask.ask("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn on_postgres() {
    let Some(server) = server("ANNALS_POSTGRES") else { return };
    let mut session = postgres::open(&server.parse().unwrap(), PATIENCE).await.unwrap();
    writes_nothing(&mut session, &["CREATE TABLE live_written (a int)", "CREATE SEQUENCE live_written"])
        .await;
    takes_no_longer(&mut session, "SELECT pg_sleep(9)").await;
}

#[tokio::test]
async fn on_mysql() {
    for variable in ["ANNALS_MYSQL", "ANNALS_MARIADB"] {
        let Some(server) = server(variable) else { continue };
        let (mut session, is_mariadb) = mysql::open(&server.parse().unwrap(), PATIENCE).await.unwrap();
        assert_eq!(is_mariadb, variable == "ANNALS_MARIADB");
        writes_nothing(&mut session, &["CREATE TABLE live_written (a int)", "DELETE FROM mysql.db"]).await;
        let long = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900), \
                    m AS (SELECT a.i FROM n a, n b, n c) SELECT count(*) FROM m x WHERE sqrt(x.i) > 1";
        takes_no_longer(&mut session, long).await;
    }
}

#[tokio::test]
async fn on_sqlite() {
    let place = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", place.path().join("a.db").display());
    EventStore::connect(&url).await.unwrap();
    let mut session = sqlite::open(&url.parse().unwrap(), PATIENCE).await.unwrap();
    writes_nothing(&mut session, &["CREATE TABLE written (a)", "DELETE FROM annals_checkpoints"]).await;
    let long = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    takes_no_longer(&mut session, long).await;
}
