//! message-db: its `write_message` function, one call an event. Its SQL comes from npm.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::process::{Command, Stdio};

use sqlx::postgres::PgPool;

use crate::load::{Appends, Fact, Outcome, Share};

const PACKAGE: &str = "@eventide/message-db@1.3.1";

/// What its `install.sh` runs, without the database, the role and what is granted to it.
const FILES: [&str; 19] = [
    "schema/message-store",
    "extensions/pgcrypto",
    "tables/messages",
    "types/message",
    "functions/message-store-version",
    "functions/hash-64",
    "functions/acquire-lock",
    "functions/category",
    "functions/is-category",
    "functions/id",
    "functions/cardinal-id",
    "functions/stream-version",
    "functions/write-message",
    "functions/get-stream-messages",
    "functions/get-category-messages",
    "functions/get-last-stream-message",
    "indexes/messages-id",
    "indexes/messages-stream",
    "indexes/messages-category",
];

#[derive(Clone)]
pub(crate) struct Writer(PgPool);

pub(crate) async fn open(share: &Share) -> Outcome<Vec<Writer>> {
    let pool = crate::pool(share, "message_store,public").await?;
    // Kept beside this program, so that it is fetched once.
    let folder = std::env::current_exe()?.with_file_name("message-db");
    let database = folder.join("node_modules/@eventide/message-db/database");
    if !database.exists() {
        fetch(&folder)?;
    }
    for file in FILES {
        let sql = std::fs::read_to_string(database.join(file).with_extension("sql"))?;
        sqlx::raw_sql(&sql).execute(&pool).await?;
    }
    Ok(vec![Writer(pool); share.writers])
}

fn fetch(folder: &Path) -> Outcome<()> {
    let npm = Command::new("npm")
        .args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"])
        .arg(folder)
        .arg(PACKAGE)
        .stdout(Stdio::null())
        .status()?;
    if npm.success() { Ok(()) } else { Err(format!("npm could not fetch {PACKAGE}").into()) }
}

#[expect(
    clippy::disallowed_methods,
    reason = "Annals has its one door to randomness, which is not this program's"
)]
impl Appends for Writer {
    fn append<'a>(
        &'a self,
        stream: &'a str,
        expected: u64,
        facts: Vec<Fact>,
    ) -> Pin<Box<dyn Future<Output = Outcome<()>> + Send + 'a>> {
        Box::pin(async move {
            // Versions begin at 0 there, and the function writes one message.
            for (expected, fact) in (i64::try_from(expected)? - 1..).zip(facts) {
                sqlx::query("SELECT message_store.write_message($1, $2, $3, $4::text::jsonb, NULL, $5)")
                    .bind(uuid::Uuid::now_v7().to_string())
                    .bind(stream)
                    .bind(fact.event_type)
                    .bind(fact.payload)
                    .bind(expected)
                    .execute(&self.0)
                    .await?;
            }
            Ok(())
        })
    }
}
