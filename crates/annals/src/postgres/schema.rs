//! Creating and opening a store's schema, and the text of its statements.

use uuid::Uuid;

use crate::backend::HashFormula;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{self, Difference, Objects};
use crate::sql::{Dialect, Identity};

use super::connect::Connection;
use super::row::{self, kinds};
use super::{PostgresOptions, error};

/// The version of the tables this code writes and reads.
const SCHEMA_VERSION: i32 = 1;

/// The longest name PostgreSQL keeps (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html>).
const NAME_BYTES_MAX: usize = 63;

/// The statements of one store, with the name of its schema in them.
#[derive(Debug)]
pub(super) struct Statements {
    /// The schema as the URL says it, and as SQL writes it.
    pub(super) schema: String,
    pub(super) quoted: String,
    pub(super) dialect: Dialect,
    pub(super) append_batch: String,
    pub(super) lock_store: String,
    pub(super) select_store: String,
    pub(super) update_store: String,
    pub(super) versions: String,
    pub(super) insert_events: String,
    pub(super) insert_tags: String,
    pub(super) select_by_ids: String,
    pub(super) stream_forward: String,
    pub(super) stream_backward: String,
    pub(super) list_streams: String,
    pub(super) list_event_types: String,
    pub(super) stats: String,
    pub(super) load_checkpoint: String,
    pub(super) save_checkpoint: String,
    pub(super) load_snapshot: String,
    pub(super) save_snapshot: String,
    pub(super) delete_snapshot: String,
}

/// The schema of the tables that those of a store are compared with; nobody ever sees it.
const SCRATCH: &str = "annals_schema_as_it_should_be";

const COLUMNS: &str = include_str!("sql/columns.sql");

impl Statements {
    pub(super) fn new(schema: &str) -> Result<Self> {
        if schema.is_empty() || schema.len() > NAME_BYTES_MAX || schema.contains('\0') {
            return Err(Error::invalid(format!(
                "the schema {schema:?} has {} bytes, PostgreSQL takes names of 1 to {NAME_BYTES_MAX}",
                schema.len()
            )));
        }
        let quoted = quote(schema);
        let text = |sql: &str| sql.replace("{s}", &quoted).replace("{columns}", COLUMNS);
        let stream = |compare: &str, order: &str| {
            text(&format!(
                "SELECT v.version, {{columns}} FROM (SELECT coalesce(max(stream_version), 0) AS version \
                 FROM {{s}}.events WHERE stream_id = $1) v LEFT JOIN LATERAL (SELECT * FROM {{s}}.events \
                 WHERE stream_id = $1 AND stream_version {compare} $2 ORDER BY stream_version{order} LIMIT $3) e \
                 ON true"
            ))
        };
        Ok(Self {
            dialect: Dialect {
                events: text("{s}.events"),
                event_tags: text("{s}.event_tags"),
                key: "",
                columns: COLUMNS,
                parameter: |n| format!("${n}"),
                begins_with: |prefix| format!("starts_with(e.stream_id, {prefix})"),
                limit: |limit| format!(" LIMIT {limit}"),
                part: |walk| format!("({walk})"),
                bound: "",
                lock: "",
            },
            append_batch: text(
                "SELECT o_before, o_versions FROM {s}.append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
                 $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)",
            ),
            lock_store: text(
                "SELECT last_position, last_recorded_at, last_hash FROM {s}.store WHERE id = 1 AND store_id = $1 \
                 FOR NO KEY UPDATE",
            ),
            select_store: text(
                "SELECT last_position, last_hash FROM {s}.store WHERE id = 1 AND store_id = $1",
            ),
            update_store: text(
                "UPDATE {s}.store SET last_position = $2, last_recorded_at = $3, last_hash = $4 \
                 WHERE id = 1 AND store_id = $1",
            ),
            versions: text(include_str!("sql/versions.sql")),
            insert_events: text(include_str!("sql/insert_events.sql")),
            insert_tags: text("INSERT INTO {s}.event_tags (tag, position) SELECT * FROM unnest($1, $2)"),
            select_by_ids: text("SELECT {columns} FROM {s}.events e WHERE e.event_id = ANY ($1)"),
            stream_forward: stream(">=", ""),
            stream_backward: stream("<=", " DESC"),
            list_streams: text(include_str!("sql/list_streams.sql")),
            list_event_types: text(include_str!("sql/list_event_types.sql")),
            stats: text(include_str!("sql/stats.sql")),
            load_checkpoint: text("SELECT checkpoint FROM {s}.checkpoints WHERE name = $1"),
            save_checkpoint: text(include_str!("sql/save_checkpoint.sql")),
            load_snapshot: text(
                "SELECT stream_version, state_version, state::text FROM {s}.snapshots \
                 WHERE stream_id = $1 AND name = $2",
            ),
            save_snapshot: text(include_str!("sql/save_snapshot.sql")),
            delete_snapshot: text("DELETE FROM {s}.snapshots WHERE stream_id = $1 AND name = $2"),
            schema: schema.to_owned(),
            quoted,
        })
    }

    /// Everything that makes a store, in an order in which it may be run again and again.
    pub(super) fn script(&self, formula: Option<HashFormula>) -> String {
        let formula = formula.map_or_else(|| "NULL".to_owned(), |formula| format!("'{formula}'"));
        include_str!("sql/schema.sql")
            .replace("{s}", &self.quoted)
            .replace("{channel}", &self.schema.replace('\'', "''"))
            .replace("{schema_version}", &SCHEMA_VERSION.to_string())
            .replace("{hash_formula}", &formula)
    }
}

/// A name as SQL writes it, whatever is in it.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Opens the store, creating what is missing when the options say so, safely against other processes that do
/// the same (rule 19).
pub(super) async fn open(
    connection: &Connection,
    options: &PostgresOptions,
    statements: &Statements,
) -> Result<Identity> {
    if let Some(identity) = identity(connection, options, statements).await? {
        return Ok(identity);
    }
    if !options.create {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!("{} holds no Annals store in schema {:?}", options.server, statements.schema),
        ));
    }
    apply(connection, options, statements).await?;
    identity(connection, options, statements)
        .await?
        .ok_or_else(|| Error::new(ErrorKind::Internal, "the store was created and is not there"))
}

/// Makes what is missing of a store that no newer version has made. The functions and triggers that are there
/// are made anew.
pub(super) async fn apply(
    connection: &Connection,
    options: &PostgresOptions,
    statements: &Statements,
) -> Result<()> {
    let failed = |e| error::of("could not create the store's tables", e);
    identity(connection, options, statements).await?;
    // Two sessions that create the same schema at once would collide in the catalogue. This one has looked
    // for it and remembers that it is not there, until it opens a table and takes in what others changed.
    connection
        .batch(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '60s'; \
             SET LOCAL client_min_messages = warning; \
             SELECT pg_advisory_xact_lock(hashtextextended('annals: create a store', 0)); \
             SELECT FROM pg_catalog.pg_namespace LIMIT 1;",
        )
        .await
        .map_err(failed)?;
    connection.batch(&statements.script(options.hash_chain)).await.map_err(failed)?;
    connection.batch("COMMIT").await.map_err(failed)
}

/// What is in a schema, each object with its definition.
async fn objects(connection: &Connection, schema: &str) -> Result<Objects> {
    let failed = |e| error::of("could not read the catalogue", e);
    let rows = connection
        .query_now(include_str!("sql/objects.sql"), &[(&schema, kinds::TEXT)])
        .await
        .map_err(failed)?;
    let quoted = format!("{}.", quote(schema));
    rows.iter()
        .map(|row| {
            let (object, definition): (String, String) = (row::get(row, 0)?, row::get(row, 1)?);
            // The catalogue leaves the quotation marks out where it can.
            let definition = definition.replace(&quoted, "").replace(&format!("{schema}."), "");
            Ok((object, schema::words(&definition)))
        })
        .collect()
}

/// How the tables that are there differ from those that this version makes. It makes them, in a schema of
/// another name and in a transaction that is rolled back, and looks at both with the same eyes.
pub(super) async fn diff(
    connection: &Connection,
    options: &PostgresOptions,
    statements: &Statements,
) -> Result<Vec<Difference>> {
    let failed = |e| error::of("could not make the tables to compare with", e);
    let found = objects(connection, &statements.schema).await?;
    let scratch = Statements::new(SCRATCH)?;
    connection.batch("BEGIN; SET LOCAL client_min_messages = warning").await.map_err(failed)?;
    connection.batch(&scratch.script(options.hash_chain)).await.map_err(failed)?;
    let expected = objects(connection, SCRATCH).await?;
    connection.batch("ROLLBACK").await.map_err(failed)?;
    let channel = (format!("pg_notify('{SCRATCH}'"), format!("pg_notify('{}'", statements.schema));
    let expected = expected
        .into_iter()
        .map(|(object, definition)| (object, definition.replace(&channel.0, &channel.1)))
        .collect();
    Ok(schema::differences(expected, found))
}

async fn identity(
    connection: &Connection,
    options: &PostgresOptions,
    statements: &Statements,
) -> Result<Option<Identity>> {
    let failed = |e| error::of("could not open the store", e);
    let rows = connection
        .query(
            "SELECT to_regclass($1) IS NOT NULL, current_setting('server_encoding'), \
             current_setting('server_version_num')::integer",
            &[(&format!("{}.store", statements.quoted), kinds::TEXT)],
        )
        .await
        .map_err(failed)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (exists, encoding, version): (bool, String, i32) =
        (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?, row.try_get(2).map_err(failed)?);
    if encoding != "UTF8" {
        return Err(Error::invalid(format!(
            "the database is encoded in {encoding}, a store needs one in UTF8: CREATE DATABASE … ENCODING 'UTF8'"
        )));
    }
    if version < 130_000 {
        return Err(Error::invalid(format!(
            "the server is PostgreSQL {}, a store needs 13 or later",
            version / 10_000
        )));
    }
    if !exists {
        return Ok(None);
    }
    let rows = connection
        .query(
            &format!("SELECT schema_version, store_id, hash_formula FROM {}.store", statements.quoted),
            &[],
        )
        .await
        .map_err(failed)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let version: i32 = row.try_get(0).map_err(failed)?;
    let store_id: Uuid = row.try_get(1).map_err(failed)?;
    let formula: Option<&str> = row.try_get(2).map_err(failed)?;
    let versions = (u64::try_from(version).unwrap_or_default(), SCHEMA_VERSION);
    Identity::of(versions, store_id, formula, options.hash_chain).map(Some)
}
