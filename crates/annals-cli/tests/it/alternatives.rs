//! What `annals fit` prints in the place of events is run on the databases it is for.

use annals::StoreUrl;
use annals::mysql::mysql_async::prelude::Queryable as _;
use annals_model::fit::Database;
use annals_model::fit::alternative::{Description, Kind, statements};

const CHANGE: [&str; 2] = [
    "UPDATE customer SET full_name = 'Ada', version = version + 1 WHERE customer_id = 'KEY'",
    "DELETE FROM customer WHERE customer_id = 'KEY'",
];

const KEY: &str = "0190163d-8694-739b-aea5-966c26f8ad90";

/// A customer, changed and removed, and how many of that the trail has.
fn changes(active: &str) -> Vec<String> {
    let insert = format!(
        "INSERT INTO customer (customer_id, full_name, email, credit_limit, is_active) \
         VALUES ('{KEY}', 'A', NULL, '1', {active})"
    );
    let changes = CHANGE.iter().map(|change| change.replace("KEY", KEY));
    std::iter::once(insert).chain(changes).collect()
}

#[test]
fn on_sqlite() {
    for kind in Kind::ALL {
        let database = rusqlite::Connection::open_in_memory().unwrap();
        for statement in statements(Database::Sqlite, kind, &Description::example(kind)) {
            database.execute_batch(&statement).unwrap_or_else(|e| panic!("{kind:?}: {statement}: {e}"));
        }
        if kind == Kind::Audit {
            changes("1").iter().for_each(|change| database.execute_batch(change).unwrap());
            let kept = "SELECT count(*) FROM customer_history";
            assert_eq!(database.query_row(kept, [], |row| row.get::<_, i64>(0)).unwrap(), 3);
        }
    }
}

fn unique() -> String {
    format!("fit_{}", annals::EventId::new().uuid().simple().to_string().split_off(20))
}

#[tokio::test]
async fn on_postgres() {
    let Ok(url) = std::env::var("ANNALS_POSTGRES") else { return };
    let client = annals::postgres::connect(&url.parse().unwrap()).await.unwrap();
    for kind in Kind::ALL {
        let schema = unique();
        client.batch_execute(&format!("CREATE SCHEMA {schema}; SET search_path = {schema}")).await.unwrap();
        for statement in statements(Database::Postgres, kind, &Description::example(kind)) {
            let run = client.batch_execute(&statement).await;
            run.unwrap_or_else(|e| panic!("{kind:?}: {statement}: {e:?}"));
        }
        if kind == Kind::Audit {
            for change in changes("true") {
                client.batch_execute(&change).await.unwrap();
            }
            let kept = client.query_one("SELECT count(*) FROM customer_history", &[]).await.unwrap();
            assert_eq!(kept.get::<_, i64>(0), 3);
        }
        client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
    }
}

#[tokio::test]
async fn on_mysql_and_mariadb() {
    for (variable, database) in [("ANNALS_MYSQL", Database::MySql), ("ANNALS_MARIADB", Database::MariaDb)] {
        let Ok(url) = std::env::var(variable) else { continue };
        let url: StoreUrl = url.parse().unwrap();
        let mut conn = annals::mysql::connect(&url).await.unwrap();
        for kind in Kind::ALL {
            let schema = unique();
            conn.query_drop(format!("CREATE DATABASE {schema}")).await.unwrap();
            conn.query_drop(format!("USE {schema}")).await.unwrap();
            for statement in statements(database, kind, &Description::example(kind)) {
                let run = conn.query_drop(&statement).await;
                run.unwrap_or_else(|e| panic!("{variable} {kind:?}: {statement}: {e}"));
            }
            if kind == Kind::Audit {
                for change in changes("true") {
                    conn.query_drop(change).await.unwrap();
                }
                let kept: Option<i64> =
                    conn.query_first("SELECT count(*) FROM customer_history").await.unwrap();
                assert_eq!(kept, Some(3), "{variable}");
            }
            conn.query_drop(format!("DROP DATABASE {schema}")).await.unwrap();
        }
    }
}
