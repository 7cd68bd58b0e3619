//! Other event stores on PostgreSQL under the load of `bench`, which starts this program, once for a run, with the
//! store's name and what is to be done. It makes a database of its own and drops it again.

#[path = "../../src/deposits.rs"]
mod deposits;
mod disintegrate;
mod listener;
#[path = "../../src/load.rs"]
#[expect(dead_code, reason = "bench has all of the file")]
mod load;
mod message_db;
mod postgres_es;

use std::future::Future;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use crate::load::{Appends, Outcome, Share, Written};

const USAGE: &str =
    "usage: bench-peers SHARE | bench-peers project NAME SERVER NAMESPACE EVENTS; bench starts it";

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments[..] {
        ["project", name, server, namespace, events] => {
            let work = project(name, server, namespace, events.parse()?);
            match runtime.block_on(in_database(server, namespace, work))? {
                Ok(seconds) => println!("{seconds}"),
                Err(e) => println!("{name} fails: {e}"),
            }
            Ok(())
        }
        [share] => {
            let share: Share = serde_json::from_str(share)?;
            match runtime.block_on(in_database(&share.server, &share.namespace, run(&share)))? {
                Ok(written) => written.tell(),
                Err(e) => {
                    println!("{} fails: {e}", share.subject);
                    Ok(())
                }
            }
        }
        _ => Err(USAGE.into()),
    }
}

async fn run(share: &Share) -> Outcome<Written> {
    match share.subject.as_str() {
        "postgres-es" => write(share, postgres_es::open(share).await?).await,
        "message-db" => write(share, message_db::open(share).await?).await,
        "disintegrate-postgres" => write(share, disintegrate::open(share).await?).await,
        other => Err(format!("no store is called {other:?}").into()),
    }
}

async fn project(name: &str, server: &str, database: &str, events: u64) -> Outcome<f64> {
    match name {
        "disintegrate-postgres" => listener::run(server, database, events, true).await,
        "disintegrate-postgres-async" => listener::run(server, database, events, false).await,
        other => Err(format!("no store is called {other:?}").into()),
    }
}

async fn write(share: &Share, writers: Vec<impl Appends>) -> Outcome<Written> {
    let writing = share.begin()?;
    let tasks: Vec<_> = share
        .numbers()
        .zip(writers)
        .map(|(number, writer)| tokio::spawn(writing.clone().write(writer, number, share.batch)))
        .collect();
    let mut written = Written::default();
    for task in tasks {
        written.add(task.await??);
    }
    Ok(written)
}

/// Works in a database that is there for this alone.
async fn in_database<T>(
    server: &str,
    database: &str,
    work: impl Future<Output = Outcome<T>>,
) -> Outcome<Outcome<T>> {
    administer(server, &format!("CREATE DATABASE {database}")).await?;
    let done = work.await;
    administer(server, &format!("DROP DATABASE {database} WITH (FORCE)")).await?;
    Ok(done)
}

async fn administer(server: &str, sql: &str) -> Outcome<()> {
    let mut connection = server.parse::<PgConnectOptions>()?.connect().await?;
    connection.execute(sql).await?;
    Ok(connection.close().await?)
}

/// A connection for each writer.
async fn pool(share: &Share, path: &str) -> Outcome<PgPool> {
    let options: PgConnectOptions = share.server.parse()?;
    let options = options.database(&share.namespace).options([("search_path", path)]);
    let connections = u32::try_from(share.writers)?;
    let pool = PgPoolOptions::new().max_connections(connections).min_connections(connections);
    // What is idle is not asked whether it is alive, which would be a round trip for each append.
    Ok(pool.test_before_acquire(false).connect_with(options).await?)
}
