//! A script while it is written, and what the products write differently: quotes, types, placeholders.

use super::reserved::is_reserved;
use super::{Column, Description, Type};

/// How SQL is written for a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    MySql,
    MariaDb,
    Sqlite,
    SqlServer,
}

impl Dialect {
    /// Whether it is MySQL or MariaDB.
    pub(super) fn is_mysql(self) -> bool {
        matches!(self, Self::MySql | Self::MariaDb)
    }
}

/// Statements with comments between them.
#[derive(Debug)]
pub(super) struct Script {
    comment: &'static str,
    /// What ends a statement that is not the last word of its own.
    end: &'static str,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Comment(String),
    Statement(String),
}

impl Script {
    pub(super) fn new(comment: &'static str, end: &'static str) -> Self {
        Self { comment, end, parts: Vec::new() }
    }

    /// What stands between statements; each line of it becomes a comment.
    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Comment(text.into()));
    }

    /// A statement, without what ends it.
    pub(super) fn run(&mut self, statement: impl Into<String>) {
        self.parts.push(Part::Statement(statement.into()));
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Comment(lines) => {
                    if !text.is_empty() {
                        text.push('\n');
                    }
                    for line in lines.lines() {
                        text.push_str(format!("{} {line}", self.comment).trim_end());
                        text.push('\n');
                    }
                }
                Part::Statement(statement) => {
                    text.push_str(statement);
                    text.push_str(self.end);
                    text.push('\n');
                }
            }
        }
        text
    }

    pub(super) fn into_statements(self) -> Vec<String> {
        let statement = |part| match part {
            Part::Statement(statement) => Some(statement),
            Part::Comment(_) => None,
        };
        self.parts.into_iter().filter_map(statement).collect()
    }
}

/// Writes a script about one table.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) dialect: Dialect,
    pub(super) script: Script,
    /// The columns that were described.
    pub(super) columns: Vec<Column>,
    /// The column against lost updates, quoted.
    pub(super) version: String,
    table: String,
}

impl Writer {
    pub(super) fn new(dialect: Dialect, description: &Description) -> Self {
        let end = if dialect == Dialect::SqlServer { ";\nGO" } else { ";" };
        let mut columns = description.columns.clone();
        match columns.first_mut() {
            Some(key) => key.is_optional = false,
            None => columns.push(Column::new("id", Type::Uuid)),
        }
        let mut writer = Self {
            dialect,
            script: Script::new("--", end),
            columns,
            version: String::new(),
            table: description.table.clone(),
        };
        writer.version = writer.fresh("version");
        writer
    }

    /// A comment. Placeholders in it are written `:name`, whatever the product has for them.
    pub(super) fn say(&mut self, text: impl Into<String>) {
        let text = text.into();
        let is_other = self.dialect == Dialect::SqlServer;
        self.script.say(if is_other { text.replace(" :", " @").replace("(:", "(@") } else { text });
    }

    pub(super) fn run(&mut self, statement: impl Into<String>) {
        self.script.run(statement);
    }

    /// A name as it has to be written here.
    pub(super) fn quoted(&self, name: &str) -> String {
        let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit());
        if is_plain && !is_reserved(name) {
            return name.to_owned();
        }
        match self.dialect {
            Dialect::Postgres | Dialect::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
            Dialect::MySql | Dialect::MariaDb => format!("`{}`", name.replace('`', "``")),
            Dialect::SqlServer => format!("[{}]", name.replace(']', "]]")),
        }
    }

    /// A text as it has to be written here.
    pub(super) fn literal(&self, text: &str) -> String {
        let text = text.replace('\'', "''");
        let text = if self.dialect.is_mysql() { text.replace('\\', "\\\\") } else { text };
        format!("'{text}'")
    }

    /// The table, quoted; on SQL Server with its schema, which temporal tables and indexed views ask for.
    pub(super) fn table(&self) -> String {
        self.in_schema(&self.table)
    }

    /// Another table, view or routine that goes with it, quoted.
    pub(super) fn beside(&self, end: &str) -> String {
        self.in_schema(&self.beside_plain(end))
    }

    /// The same without a schema, as indexes and constraints are named.
    pub(super) fn index(&self, end: &str) -> String {
        self.quoted(&self.beside_plain(end))
    }

    fn beside_plain(&self, end: &str) -> String {
        // PostgreSQL cuts names after 63 bytes. MySQL refuses more than 64, and itself adds `_chk_1` to those of tables.
        let mut most = 54_usize.saturating_sub(end.len()).min(self.table.len());
        while !self.table.is_char_boundary(most) {
            most -= 1;
        }
        format!("{}_{end}", &self.table[..most])
    }

    fn in_schema(&self, name: &str) -> String {
        let name = self.quoted(name);
        if self.dialect == Dialect::SqlServer { format!("dbo.{name}") } else { name }
    }

    /// A name for a column that no described one has, quoted.
    pub(super) fn fresh(&self, name: &str) -> String {
        let is_taken = |name: &str| self.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        let mut fresh = name.to_owned();
        while is_taken(&fresh) {
            fresh.push('_');
        }
        self.quoted(&fresh)
    }

    /// The name of the key, quoted.
    pub(super) fn key(&self) -> String {
        self.columns.first().map_or_else(String::new, |key| self.quoted(&key.name))
    }

    /// The type of the key.
    pub(super) fn key_type(&self) -> &'static str {
        self.type_of(self.columns.first().map_or(Type::Uuid, |key| key.kind), true)
    }

    /// The columns, quoted, with something in front of each.
    pub(super) fn names(&self, before: &str) -> String {
        let names = self.columns.iter().map(|column| format!("{before}{}", self.quoted(&column.name)));
        let version = format!("{before}{}", self.version);
        names.chain([version]).collect::<Vec<_>>().join(", ")
    }

    /// A type; one that a key can be made of is shorter on some products.
    pub(super) fn type_of(&self, kind: Type, is_key: bool) -> &'static str {
        use Dialect::{MariaDb, MySql, Postgres, SqlServer, Sqlite};
        match (self.dialect, kind) {
            (Postgres, Type::Uuid) => "uuid",
            (Postgres, Type::Text) => "text",
            (Postgres, Type::Decimal) => "numeric",
            (Postgres, Type::Float) => "double precision",
            (Postgres | MySql | MariaDb, Type::Bool) => "boolean",
            (Postgres, Type::Time) => "timestamptz",
            (Postgres, Type::Bytes) => "bytea",
            (Postgres, Type::Json) => "jsonb",
            (MySql | MariaDb, Type::Uuid) => "char(36) CHARACTER SET ascii",
            (MySql | MariaDb, Type::Text | Type::Bytes | Type::Json) if is_key => "varchar(190)",
            (MySql | MariaDb, Type::Text) => "text",
            (MySql | MariaDb | SqlServer, Type::Decimal) => "decimal(19, 4)",
            (MySql | MariaDb, Type::Float) => "double",
            (MySql | MariaDb, Type::Time) => "datetime(6)",
            (MySql | MariaDb, Type::Bytes) => "longblob",
            (MySql | MariaDb, Type::Json) => "json",
            (SqlServer, Type::Uuid) => "uniqueidentifier",
            (SqlServer, Type::Text | Type::Bytes | Type::Json) if is_key => "nvarchar(200)",
            (SqlServer, Type::Text | Type::Json) => "nvarchar(max)",
            (SqlServer, Type::Float) => "float",
            (SqlServer, Type::Bool) => "bit",
            (SqlServer, Type::Time) => "datetime2(6)",
            (SqlServer, Type::Bytes) => "varbinary(max)",
            (Postgres | MySql | MariaDb | SqlServer, Type::Int) => "bigint",
            (Postgres | MySql | MariaDb | SqlServer, Type::Date) => "date",
            (Sqlite, Type::Int | Type::Bool) => "integer",
            (Sqlite, Type::Float) => "real",
            (Sqlite, Type::Bytes) => "blob",
            // Exact decimals are text: SQLite would make an approximate number of them.
            (Sqlite, Type::Uuid | Type::Text | Type::Decimal | Type::Time | Type::Date | Type::Json) => {
                "text"
            }
        }
    }

    /// A column as it is declared. `is_key` is for types alone.
    pub(super) fn declared(&self, column: &Column, is_key: bool) -> String {
        let name = self.quoted(&column.name);
        let null = if column.is_optional { "NULL" } else { "NOT NULL" };
        // SQLite has no word for a column that may be NULL.
        let null = if column.is_optional && self.dialect == Dialect::Sqlite { "" } else { null };
        let check = match (self.dialect, column.kind) {
            (Dialect::Sqlite, Type::Bool) => format!(" CHECK ({name} IN (0, 1))"),
            (Dialect::Sqlite, Type::Json) => format!(" CHECK (json_valid({name}))"),
            (Dialect::SqlServer, Type::Json) => format!(" CHECK (ISJSON({name}) = 1)"),
            _ => String::new(),
        };
        let declared = format!("{name} {} {null}", self.type_of(column.kind, is_key));
        format!("{}{check}", declared.trim_end())
    }

    /// The columns as they are declared, without a primary key.
    pub(super) fn all_declared(&self) -> Vec<String> {
        let is_key = |at| at == 0;
        let mut all: Vec<_> =
            self.columns.iter().enumerate().map(|(at, it)| self.declared(it, is_key(at))).collect();
        all.push(format!("{} {} NOT NULL DEFAULT 1", self.version, self.type_of(Type::Int, false)));
        all
    }

    /// What stands behind the columns of a table.
    pub(super) fn table_end(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => " STRICT",
            _ => "",
        }
    }

    /// Creates the table itself, with more lines inside and behind.
    pub(super) fn create_table(&mut self, more: &[String], behind: &str) {
        let mut lines = self.all_declared();
        if let Some(key) = lines.first_mut() {
            key.push_str(" PRIMARY KEY");
        }
        lines.extend_from_slice(more);
        let statement = format!(
            "CREATE TABLE {} (\n  {}\n){}{behind}",
            self.table(),
            lines.join(",\n  "),
            self.table_end()
        );
        self.run(statement);
    }

    /// A column whose numbers the database counts, as it is declared, with the primary key.
    pub(super) fn counted(&self, name: &str) -> String {
        match self.dialect {
            Dialect::Postgres => format!("{name} bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
            Dialect::MySql | Dialect::MariaDb => format!("{name} bigint NOT NULL AUTO_INCREMENT PRIMARY KEY"),
            Dialect::Sqlite => format!("{name} integer PRIMARY KEY AUTOINCREMENT"),
            Dialect::SqlServer => format!("{name} bigint IDENTITY NOT NULL PRIMARY KEY"),
        }
    }

    /// The time, in UTC.
    pub(super) fn now(&self) -> &'static str {
        match self.dialect {
            Dialect::Postgres => "clock_timestamp()",
            Dialect::MySql | Dialect::MariaDb => "UTC_TIMESTAMP(6)",
            Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
            Dialect::SqlServer => "SYSUTCDATETIME()",
        }
    }

    /// How a transaction is begun.
    pub(super) fn begin(&self) -> &'static str {
        match self.dialect {
            Dialect::Postgres => "BEGIN;",
            Dialect::MySql | Dialect::MariaDb => "START TRANSACTION;",
            // Before the first read, so that two writers wait instead of failing in the middle.
            Dialect::Sqlite => "BEGIN IMMEDIATE;",
            Dialect::SqlServer => "BEGIN TRANSACTION;",
        }
    }

    /// An update that no other one is lost by, for a comment.
    pub(super) fn example_update(&self) -> String {
        let (version, key) = (&self.version, self.key());
        let column = self.columns.get(1).map(|column| format!("{} = :new, ", self.quoted(&column.name)));
        format!(
            "UPDATE {} SET {}{version} = {version} + 1\n WHERE {key} = :key AND {version} = :version_that_was_read;",
            self.table(),
            column.unwrap_or_default(),
        )
    }
}
