//! Other event stores on PostgreSQL under the load of `bench`, which starts this program, once for a run, with the
//! store's name and what is to be done. It makes a database of its own and drops it again.

mod disintegrate;
#[path = "../../src/load.rs"]
#[expect(dead_code, reason = "bench has all of the file")]
mod load;
mod message_db;
mod postgres_es;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use crate::load::{Appends, Outcome, Share, Written};

fn main() -> Outcome<()> {
    let share = std::env::args().nth(1).ok_or("usage: bench-peers JSON; bench starts it")?;
    let share: Share = serde_json::from_str(&share)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let database = share.namespace.clone();
    runtime.block_on(administer(&share, &format!("CREATE DATABASE {database}")))?;
    let written = run(&share, &runtime);
    runtime.block_on(administer(&share, &format!("DROP DATABASE {database} WITH (FORCE)")))?;
    match written {
        Ok(written) => written.tell(),
        Err(e) => {
            println!("{} fails: {e}", share.subject);
            Ok(())
        }
    }
}

fn run(share: &Share, runtime: &tokio::runtime::Runtime) -> Outcome<Written> {
    match share.subject.as_str() {
        "postgres-es" => runtime.block_on(async { write(share, postgres_es::open(share).await?).await }),
        "message-db" => runtime.block_on(async { write(share, message_db::open(share).await?).await }),
        "disintegrate-postgres" => {
            runtime.block_on(async { write(share, disintegrate::open(share).await?).await })
        }
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

async fn administer(share: &Share, sql: &str) -> Outcome<()> {
    let mut connection = share.server.parse::<PgConnectOptions>()?.connect().await?;
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
