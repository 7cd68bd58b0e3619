//! Creating and opening a store's tables, and the text of its statements.

use uuid::Uuid;

use crate::backend::{Direction, HashFormula, StoreId};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Source;
use crate::sql::{Dialect, Identity};
use crate::time::Timestamp;

use super::connect::Connection;
use super::row::{Fields, bytes, datetime, text};
use super::{MysqlOptions, error};

/// The version of the tables this code writes and reads.
const SCHEMA_VERSION: i32 = 1;

/// The longest name of a table, a trigger or a procedure
/// (<https://dev.mysql.com/doc/refman/9.0/en/identifier-length.html>).
const NAME_BYTES_MAX: usize = 64;

/// The longest of them without its prefix.
const NAME_LONGEST: &str = "event_tags_no_update";

/// What the two products write differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Product {
    Mysql,
    MariaDb,
}

impl Product {
    /// Compares code point by code point, which for UTF-8 is byte by byte, and takes blanks at the end for
    /// what they are. `utf8mb4_bin`, which both have, ignores these.
    pub(super) fn collation(self) -> &'static str {
        match self {
            Self::Mysql => "utf8mb4_0900_bin",
            Self::MariaDb => "utf8mb4_nopad_bin",
        }
    }

    /// A reading lock that needs no right to change the table.
    fn lock(self) -> &'static str {
        match self {
            Self::Mysql => " FOR SHARE",
            Self::MariaDb => " LOCK IN SHARE MODE",
        }
    }
}

/// A server, as far as statements depend on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Host {
    pub(super) product: Product,
    /// The longest statement and the longest row that it takes.
    pub(super) packet_bytes_max: usize,
}

impl Host {
    pub(super) async fn of(connection: &mut Connection) -> Result<Self> {
        let failed = |e| error::of("could not open the store", e);
        let rows =
            connection.query("SELECT VERSION(), @@max_allowed_packet", Vec::new()).await.map_err(failed)?;
        let row = rows.into_iter().next().ok_or_else(|| Error::new(ErrorKind::Corrupt, "no version"))?;
        let mut row = Fields::from(row);
        let (version, packet) = (row.required(0)?, row.number(1)?);
        let product = if version.contains("MariaDB") { Product::MariaDb } else { Product::Mysql };
        let mut numbers = version.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
        let number = [(); 3].map(|()| numbers.next().unwrap_or(0));
        let (least, name) = match product {
            Product::Mysql => ([8, 0, 30], "MySQL"),
            Product::MariaDb => ([10, 6, 0], "MariaDB"),
        };
        if number < least {
            let least = least.map(|part| part.to_string()).join(".");
            return Err(Error::invalid(format!(
                "the server is {name} {version}, a store needs {least} or later"
            )));
        }
        Ok(Self { product, packet_bytes_max: usize::try_from(packet).unwrap_or(usize::MAX) })
    }
}

/// The statements of one store, with the prefix of its tables in them.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) prefix: String,
    product: Product,
    pub(super) dialect: Dialect,
    /// For the conditions of appends: each walk locks what it finds.
    pub(super) locking: Dialect,
    pub(super) call_append: String,
    pub(super) versions: String,
    insert_events: String,
    pub(super) select_head: String,
    pub(super) stream_version: String,
    pub(super) stream_forward: String,
    pub(super) stream_backward: String,
    pub(super) list_streams: String,
    pub(super) list_event_types: String,
    pub(super) stats: String,
    pub(super) load_checkpoint: String,
    pub(super) insert_checkpoint: String,
    pub(super) update_checkpoint: String,
    pub(super) load_snapshot: String,
    pub(super) save_snapshot: String,
    pub(super) delete_snapshot: String,
}

const COLUMNS: &str = include_str!("sql/columns.sql");

impl Statements {
    pub(super) fn new(prefix: &str, product: Product) -> Self {
        let text = |sql: &str| sql.replace("{p}", prefix).replace("{columns}", COLUMNS);
        let stream = |direction: Direction| {
            let (compare, order) = match direction {
                Direction::Forward => (">=", ""),
                Direction::Backward => ("<=", " DESC"),
            };
            text(&format!(
                "SELECT (SELECT MAX(v.stream_version) FROM {{p}}events v WHERE v.stream_id = ?), {{columns}} \
                 FROM {{p}}events e WHERE e.stream_id = ? AND e.stream_version {compare} ? \
                 ORDER BY e.stream_version{order} LIMIT ?"
            ))
        };
        let dialect = Dialect {
            events: text("{p}events"),
            event_tags: text("{p}event_tags"),
            columns: COLUMNS,
            parameter: |_| "?".to_owned(),
            begins_with: |prefix| format!("LOCATE({prefix}, e.stream_id) = 1"),
            limit: |limit| format!(" LIMIT {limit}"),
            lock: "",
        };
        Self {
            locking: Dialect { lock: product.lock(), ..dialect.clone() },
            dialect,
            call_append: text("CALL {p}append(?, ?, ?, ?, ?, ?)"),
            versions: text(include_str!("sql/versions.sql")).replace("{collation}", product.collation()),
            insert_events: text(include_str!("sql/insert_events.sql")),
            select_head: text(include_str!("sql/select_head.sql")),
            stream_version: text("SELECT MAX(stream_version) FROM {p}events WHERE stream_id = ?"),
            stream_forward: stream(Direction::Forward),
            stream_backward: stream(Direction::Backward),
            list_streams: text(include_str!("sql/list_streams.sql")),
            list_event_types: text(include_str!("sql/list_event_types.sql")),
            stats: text(include_str!("sql/stats.sql")),
            load_checkpoint: text("SELECT checkpoint FROM {p}checkpoints WHERE name = ?"),
            insert_checkpoint: text("INSERT INTO {p}checkpoints (name, checkpoint) VALUES (?, ?)"),
            update_checkpoint: text(
                "UPDATE {p}checkpoints SET checkpoint = ? WHERE name = ? AND checkpoint = ?",
            ),
            load_snapshot: text(
                "SELECT stream_version, state_version, state FROM {p}snapshots WHERE stream_id = ? AND name = ?",
            ),
            save_snapshot: text(include_str!("sql/save_snapshot.sql")),
            delete_snapshot: text("DELETE FROM {p}snapshots WHERE stream_id = ? AND name = ?"),
            prefix: prefix.to_owned(),
            product,
        }
    }

    /// Puts the store's prefix into a text.
    pub(super) fn text(&self, sql: &str) -> String {
        sql.replace("{p}", &self.prefix).replace("{columns}", COLUMNS)
    }

    /// What stands behind a SELECT that has to read what was committed last, whatever its transaction sees.
    pub(super) fn lock(&self) -> &'static str {
        self.product.lock()
    }

    pub(super) fn select_by_ids(&self, ids: usize) -> String {
        self.text(&format!(
            "SELECT {{columns}} FROM {{p}}events e WHERE e.event_id IN ({})",
            vec!["?"; ids].join(", ")
        ))
    }

    /// Inserts so many events.
    pub(super) fn insert_events(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; super::row::INSERTED].join(", "));
        self.insert_events.replace("{rows}", &vec![row.as_str(); rows].join(", "))
    }

    /// Inserts so many tags.
    pub(super) fn insert_tags(&self, rows: usize) -> String {
        let rows = vec!["(?, ?)"; rows].join(", ");
        self.text(&format!("INSERT INTO {{p}}event_tags (tag, position) VALUES {rows}"))
    }

    /// Everything that makes the store's tables, but for the row that makes them a store: a script for the
    /// product's command-line client.
    pub(super) fn script(&self) -> String {
        include_str!("sql/schema.sql")
            .replace("{p}", &self.prefix)
            .replace("{collation}", self.product.collation())
    }

    /// The statements of the script.
    fn ddl(&self) -> Vec<String> {
        let script = self.script();
        let (_, statements) = script.split_once("DELIMITER $$").unwrap_or_default();
        let statements = statements.split("$$").map(str::trim).filter(|statement| !statement.is_empty());
        statements.map(str::to_owned).collect()
    }
}

/// Refuses what would need quoting, and what would be too long.
pub(super) fn check_prefix(prefix: &str) -> Result<()> {
    let letters = prefix.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let longest = NAME_BYTES_MAX - NAME_LONGEST.len();
    if letters && prefix.starts_with(|c: char| c.is_ascii_lowercase()) && prefix.len() <= longest {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the prefix {prefix:?}, with the namespace, is not 1 to {longest} lowercase letters, digits and \
         underscores, beginning with a letter"
    )))
}

/// Opens the store, creating what is missing when the options say so, safely against other processes that do
/// the same (rule 19).
pub(super) async fn open(
    connection: &mut Connection,
    options: &MysqlOptions,
    statements: &Statements,
) -> Result<Identity> {
    if let Some(identity) = identity(connection, options, statements).await? {
        return Ok(identity);
    }
    if !options.create {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!("{} holds no Annals store with the prefix {:?}", options.server, statements.prefix),
        ));
    }
    create(connection, options, statements).await?;
    identity(connection, options, statements)
        .await?
        .ok_or_else(|| Error::new(ErrorKind::Internal, "the store was created and is not there"))
}

/// Makes what is missing, also of a store that is there; a newer one is refused.
pub(super) async fn apply(
    connection: &mut Connection,
    options: &MysqlOptions,
    statements: &Statements,
) -> Result<()> {
    identity(connection, options, statements).await?;
    create(connection, options, statements).await
}

/// Every statement is its own transaction, so the row that makes the tables a store comes last: tables whose
/// creation was cut off have none, and are completed by whoever creates next.
#[expect(clippy::disallowed_methods, reason = "a store's id is made once, when the store is")]
async fn create(connection: &mut Connection, options: &MysqlOptions, statements: &Statements) -> Result<()> {
    let failed = |e| error::of("could not create the store's tables", e);
    let rows = connection
        .query("SELECT GET_LOCK('annals: create a store', 60)", Vec::new())
        .await
        .map_err(failed)?;
    let granted = rows.into_iter().next().map(Fields::from).and_then(|mut row| row.number(0).ok());
    if granted != Some(1) {
        return Err(Error::new(
            ErrorKind::Unavailable,
            "could not create the store's tables: others have been creating theirs for 60 seconds",
        ));
    }
    for statement in statements.ddl() {
        connection.batch(&statement).await.map_err(failed)?;
    }
    let sql = statements.text(
        "INSERT IGNORE INTO {p}store (id, schema_version, store_id, hash_formula, created_at, last_position, \
         last_recorded_at) VALUES (1, ?, ?, ?, ?, 0, '1970-01-01')",
    );
    let formula = options.hash_chain.map(HashFormula::name);
    let params = vec![
        SCHEMA_VERSION.into(),
        bytes(Uuid::now_v7().as_bytes()),
        formula.into(),
        text(&datetime(Timestamp::now())),
    ];
    connection.execute(&sql, params).await.map_err(failed)?;
    connection.batch("DO RELEASE_LOCK('annals: create a store')").await.map_err(failed)
}

async fn identity(
    connection: &mut Connection,
    options: &MysqlOptions,
    statements: &Statements,
) -> Result<Option<Identity>> {
    let sql = statements.text("SELECT schema_version, store_id, hash_formula FROM {p}store");
    let rows = match connection.query(&sql, Vec::new()).await {
        Ok(rows) => rows,
        // There is no such table.
        Err(e) if error::code(&e) == Some(1146) => return Ok(None),
        Err(e) => return Err(error::of("could not open the store", e)),
    };
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let mut row = Fields::from(row);
    let (version, store_id) = (row.number(0)?, row.uuid(1)?);
    if version > SCHEMA_VERSION.unsigned_abs().into() {
        return Err(Error::invalid(format!(
            "the store was written by a newer Annals: its schema version is {version}, this one knows up to \
             {SCHEMA_VERSION}; upgrade Annals"
        )));
    }
    let formula: Option<HashFormula> = row.text(2)?.as_deref().map(str::parse).transpose()?;
    if options.hash_chain.is_some() && options.hash_chain != formula {
        return Err(Error::invalid(format!(
            "the store was created with hash chain {}, not {}",
            formula.map_or("none", HashFormula::name),
            options.hash_chain.map_or("none", HashFormula::name),
        )));
    }
    let source = Source::new(format!("urn:uuid:{store_id}"))?;
    Ok(Some(Identity { store_id: StoreId(store_id), source, formula }))
}
