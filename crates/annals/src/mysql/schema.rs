//! Creating and opening a store's tables, and the text of its statements.

use mysql_async::Value;

use crate::backend::{Direction, HashFormula};
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventId;
use crate::schema::{self, Difference, Objects};
use crate::sql::{Dialect, Identity};

use super::connect::Connection;
use super::row::{Fields, text};
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
            key: "",
            columns: COLUMNS,
            parameter: |_| "?".to_owned(),
            begins_with: |prefix| format!("LOCATE({prefix}, e.stream_id) = 1"),
            limit: |limit| format!(" LIMIT {limit}"),
            part: |walk| format!("({walk})"),
            bound: "",
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

    /// Everything that makes a store: a script for the product's command-line client, which may run again and
    /// again.
    pub(super) fn script(&self, formula: Option<HashFormula>) -> String {
        let formula = formula.map_or_else(|| "NULL".to_owned(), |formula| format!("'{formula}'"));
        include_str!("sql/schema.sql")
            .replace("{p}", &self.prefix)
            .replace("{collation}", self.product.collation())
            .replace("{schema_version}", &SCHEMA_VERSION.to_string())
            .replace("{hash_formula}", &formula)
    }

    /// The statements of the script.
    fn ddl(&self, formula: Option<HashFormula>) -> Vec<String> {
        let script = self.script(formula);
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

/// Refuses the name of a table that would be too long.
pub(super) fn check_name(name: &str) -> Result<()> {
    if name.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the name of a table {name:?} is {} bytes long, expected at most {NAME_BYTES_MAX}: give a shorter prefix",
        name.len()
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
    for statement in statements.ddl(options.hash_chain) {
        connection.batch(&statement).await.map_err(failed)?;
    }
    connection.batch("DO RELEASE_LOCK('annals: create a store')").await.map_err(failed)
}

/// Drops a store. The table that makes the others a store goes last: a removal that is cut off can be repeated.
pub(super) async fn drop(connection: &mut Connection, statements: &Statements) -> Result<()> {
    for sql in [
        "DROP PROCEDURE IF EXISTS {p}append",
        "DROP TABLE IF EXISTS {p}events, {p}event_tags, {p}checkpoints, {p}snapshots",
        "DROP TABLE IF EXISTS {p}store",
    ] {
        let dropped = connection.batch(&statements.text(sql)).await;
        dropped.map_err(|e| error::of_commit("could not drop the store's tables", e))?;
    }
    Ok(())
}

/// How the tables that are there differ from those that this version makes. It makes them, under a prefix that
/// nobody else uses, looks at both with the same eyes, and drops them again.
pub(super) async fn diff(
    connection: &mut Connection,
    options: &MysqlOptions,
    statements: &Statements,
) -> Result<Vec<Difference>> {
    let found = objects(connection, statements).await?;
    let unique = EventId::new().uuid().simple().to_string().split_off(24);
    let scratch = Statements::new(&format!("annals_diff_{unique}_"), statements.product);
    create(connection, options, &scratch).await?;
    let expected = objects(connection, &scratch).await;
    drop(connection, &scratch).await?;
    Ok(schema::differences(expected?, found))
}

const TABLES: [&str; 5] = ["store", "events", "event_tags", "checkpoints", "snapshots"];

/// What a store consists of, and what is attached to its tables, each object with its definition.
async fn objects(connection: &mut Connection, statements: &Statements) -> Result<Objects> {
    let failed = |e| error::of("could not look at the store's tables", e);
    let mut objects = Objects::new();
    for table in TABLES {
        let rows =
            connection.query(&format!("SHOW CREATE TABLE {}{table}", statements.prefix), Vec::new()).await;
        let rows = match rows {
            Ok(rows) => rows,
            // There is no such table.
            Err(e) if error::code(&e) == Some(1146) => continue,
            Err(e) => return Err(failed(e)),
        };
        for row in rows {
            let definition = Fields::from(row).required(1)?;
            objects.extend(parts(table, &definition.replace(&statements.prefix, "")));
        }
    }
    let names: Vec<Value> =
        TABLES.iter().map(|table| text(&format!("{}{table}", statements.prefix))).collect();
    let params = [names, vec![text(&format!("{}append", statements.prefix))]].concat();
    let rows = connection.query(include_str!("sql/objects.sql"), params).await.map_err(failed)?;
    for row in rows {
        let mut row = Fields::from(row);
        let (object, definition) = (row.required(0)?, row.required(1)?);
        let own = |text: &str| text.replace(&statements.prefix, "");
        objects.insert(own(&object), schema::words(&own(&definition)));
    }
    Ok(objects)
}

/// The columns, keys and constraints of a table, each of which has a line of its own in what the server says of
/// it, and behind them the table's options.
fn parts(table: &str, definition: &str) -> Vec<(String, String)> {
    let lines = definition.lines().skip(1);
    lines
        .map(|line| {
            let line = line.trim().trim_end_matches(',');
            let name = line.split('`').nth(1).unwrap_or_default();
            let object = match line {
                _ if line.starts_with('`') => format!("column {table}.{name}"),
                _ if line.starts_with(')') => format!("table {table}"),
                _ if line.starts_with("PRIMARY") => format!("primary key of {table}"),
                _ if line.starts_with("CONSTRAINT") => format!("constraint {name} of {table}"),
                _ => format!("index {name} of {table}"),
            };
            (object, line.trim_start_matches(") ").to_owned())
        })
        .collect()
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
    let formula = row.text(2)?;
    let versions = (version, SCHEMA_VERSION);
    Identity::of(versions, store_id, formula.as_deref(), options.hash_chain).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_of_a_table_is_taken_apart() {
        let definition = "CREATE TABLE `a` (\n  `id` int NOT NULL,\n  PRIMARY KEY (`id`),\n  \
            UNIQUE KEY `by_id` (`id`),\n  CONSTRAINT `a_chk_1` CHECK ((`id` = 1))\n) ENGINE=InnoDB";
        let parts: Vec<_> = parts("a", definition);
        let parts: Vec<_> =
            parts.iter().map(|(object, definition)| (object.as_str(), definition.as_str())).collect();
        assert_eq!(
            parts,
            [
                ("column a.id", "`id` int NOT NULL"),
                ("primary key of a", "PRIMARY KEY (`id`)"),
                ("index by_id of a", "UNIQUE KEY `by_id` (`id`)"),
                ("constraint a_chk_1 of a", "CONSTRAINT `a_chk_1` CHECK ((`id` = 1))"),
                ("table a", "ENGINE=InnoDB"),
            ]
        );
    }
}
