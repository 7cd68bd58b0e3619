//! The SQL of read models as each product has it: types, values, and a row that is written whether it is there or not.

use annals_model::model::FieldType;
use serde_json::Value as Json;

use crate::Impossible;
use crate::patterns::Database;

use super::plan::{Change, Column, Does, Plan};
use super::source::{From, Older, Write};

/// A product in which `annals project` keeps tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
    Mysql,
    Mariadb,
    SqlServer,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Uuid,
    Text,
    Int,
    Decimal,
    Float,
    Bool,
    Time,
    Date,
    /// Fields inside a field, or a list, as JSON.
    Document,
}

impl Kind {
    fn of(of: &FieldType) -> Self {
        match of {
            FieldType::OneOf(_) => Self::Text,
            FieldType::List(_) | FieldType::Fields(_) => Self::Document,
            FieldType::Name(name) => match name.as_str() {
                "uuid" => Self::Uuid,
                // JSON of any kind is kept as its text, and bytes as the base64 that JSON has of them.
                "text" | "bytes" | "json" => Self::Text,
                "int" => Self::Int,
                "decimal" => Self::Decimal,
                "float" => Self::Float,
                "bool" => Self::Bool,
                "time" => Self::Time,
                "date" => Self::Date,
                _ => Self::Document,
            },
        }
    }
}

/// `:payload.deliver_to.city`
pub(super) fn parameter(path: &str) -> String {
    let is_word = |member: &str| member.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    path.split('.').fold(":payload".to_owned(), |out, member| match is_word(member) {
        true => format!("{out}.{member}"),
        false => format!("{out}.\"{member}\""),
    })
}

impl Dialect {
    /// # Errors
    /// A database in which the tool keeps no tables.
    pub(super) fn of(on: Database) -> Result<Self, Impossible> {
        match on {
            Database::Sqlite => Ok(Self::Sqlite),
            Database::Postgres => Ok(Self::Postgres),
            Database::Mysql => Ok(Self::Mysql),
            Database::Mariadb => Ok(Self::Mariadb),
            Database::Sqlserver => Ok(Self::SqlServer),
            other => Err(Impossible {
                message: format!("`annals project` keeps no read models in {}", other.name()),
                help: "choose sqlite, postgres, mysql, mariadb or sqlserver with --on; the store itself may be elsewhere"
                    .to_owned(),
            }),
        }
    }

    /// A URL of a target, as an example.
    pub(super) fn target(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite:views.db",
            Self::Postgres => "postgres://user@host/database",
            Self::Mysql | Self::Mariadb => "mysql://user@host/database",
            Self::SqlServer => "sqlserver://user@host/database",
        }
    }

    /// The statement that makes the table.
    pub(super) fn table(self, table: &str, plan: &Plan<'_>) -> String {
        let line = |(n, column): (usize, &Column<'_>)| {
            let is_key = n == 0;
            let rest = match (is_key, column.is_sum) {
                (true, _) => " NOT NULL PRIMARY KEY",
                (false, true) => " DEFAULT 0 NOT NULL",
                (false, false) => "",
            };
            format!("    {} {}{rest}", self.name(&column.name), self.type_of(column.kind, is_key))
        };
        let lines: Vec<String> = plan.columns.iter().enumerate().map(line).collect();
        format!("CREATE TABLE {{{table}}} (\n{}\n)", lines.join(",\n"))
    }

    /// What is done when an event happens.
    pub(super) fn statement(self, table: &str, plan: &Plan<'_>, change: &Change<'_>) -> String {
        let Some(key) = plan.columns.first() else { return String::new() };
        let key_value = self.cast(parameter(&plan.key_path), key.kind);
        let key_name = self.name(&key.name);
        let writes = match &change.does {
            Does::Remove => return format!("DELETE FROM {{{table}}} WHERE {key_name} = {key_value}"),
            Does::Write(writes) => writes,
        };
        let (mut names, mut values, mut sets) = (vec![key_name.clone()], vec![key_value.clone()], Vec::new());
        for (n, write) in writes {
            let Some(column) = plan.columns.get(*n) else { continue };
            let name = self.name(&column.name);
            let there = format!("{}{name}", self.known());
            let there = if column.is_sum { there } else { format!("COALESCE({there}, 0)") };
            let (begun, set) = match write {
                Write::Put(from) => {
                    let value = self.value(from, column.kind);
                    (value.clone(), Some(value))
                }
                Write::Begin(from) => (self.value(from, column.kind), None),
                Write::Add(from) => {
                    let value = self.amount(from, column.kind);
                    (value.clone(), Some(format!("{there} + {value}")))
                }
                Write::Subtract(from) => {
                    let value = self.amount(from, column.kind);
                    (format!("0 - {value}"), Some(format!("{there} - {value}")))
                }
            };
            sets.extend(set.map(|set| format!("{name} = {set}")));
            names.push(name);
            values.push(begun);
        }
        let (names, values, sets) = (names.join(", "), values.join(", "), sets.join(",\n    "));
        match self {
            Self::Sqlite | Self::Postgres => {
                let then = match sets.as_str() {
                    "" => "NOTHING".to_owned(),
                    sets => format!("UPDATE SET\n    {sets}"),
                };
                format!(
                    "INSERT INTO {{{table}}} AS known ({names})\nVALUES ({values})\nON CONFLICT ({key_name}) DO {then}"
                )
            }
            Self::Mysql | Self::Mariadb => {
                let sets = if sets.is_empty() { format!("{key_name} = {key_name}") } else { sets };
                format!(
                    "INSERT INTO {{{table}}} ({names})\nVALUES ({values})\nON DUPLICATE KEY UPDATE\n    {sets}"
                )
            }
            // One writer at a time has a key's events, so nobody comes in between.
            Self::SqlServer => {
                let missing = match sets.as_str() {
                    "" => {
                        format!("IF NOT EXISTS (SELECT 1 FROM {{{table}}} WHERE {key_name} = {key_value})")
                    }
                    sets => format!(
                        "UPDATE {{{table}}} SET\n    {sets}\nWHERE {key_name} = {key_value};\nIF @@ROWCOUNT = 0"
                    ),
                };
                format!("{missing}\n    INSERT INTO {{{table}}} ({names})\n    VALUES ({values})")
            }
        }
    }

    /// What stands in front of a column to mean the row that is there.
    fn known(self) -> &'static str {
        match self {
            Self::Sqlite | Self::Postgres => "known.",
            Self::Mysql | Self::Mariadb | Self::SqlServer => "",
        }
    }

    fn name(self, name: &str) -> String {
        let is_word = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        match self {
            _ if is_word && !is_reserved(name) => name.to_owned(),
            Self::Sqlite | Self::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
            Self::Mysql | Self::Mariadb => format!("`{}`", name.replace('`', "``")),
            Self::SqlServer => format!("[{}]", name.replace(']', "]]")),
        }
    }

    fn type_of(self, kind: &FieldType, is_key: bool) -> &'static str {
        match (self, Kind::of(kind)) {
            (Self::Sqlite, Kind::Int | Kind::Bool) => "INTEGER",
            (Self::Sqlite, Kind::Decimal) => "NUMERIC",
            (Self::Sqlite, Kind::Float) => "REAL",
            (Self::Sqlite, _) => "TEXT",

            (Self::Postgres, Kind::Uuid) => "uuid",
            (Self::Postgres, Kind::Text) => "text",
            (Self::Postgres, Kind::Int) => "bigint",
            (Self::Postgres, Kind::Decimal) => "numeric",
            (Self::Postgres, Kind::Float) => "double precision",
            (Self::Postgres, Kind::Bool) => "boolean",
            (Self::Postgres, Kind::Time) => "timestamptz",
            (Self::Postgres, Kind::Date) => "date",
            (Self::Postgres, Kind::Document) => "jsonb",

            (Self::Mysql | Self::Mariadb, Kind::Uuid) => "CHAR(36)",
            // A key is compared as the log compares: case and trailing blanks count.
            (Self::Mysql, Kind::Text) if is_key => {
                "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin"
            }
            (Self::Mariadb, Kind::Text) if is_key => {
                "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
            }
            (Self::Mysql | Self::Mariadb, Kind::Text) => "LONGTEXT CHARACTER SET utf8mb4",
            (Self::Mysql | Self::Mariadb, Kind::Int) => "BIGINT",
            (Self::Mysql | Self::Mariadb, Kind::Decimal) => "DECIMAL(38, 9)",
            (Self::Mysql | Self::Mariadb, Kind::Float) => "DOUBLE",
            (Self::Mysql | Self::Mariadb, Kind::Bool) => "BOOLEAN",
            (Self::Mysql | Self::Mariadb, Kind::Time) => "DATETIME(6)",
            (Self::Mysql | Self::Mariadb, Kind::Date) => "DATE",
            (Self::Mysql | Self::Mariadb, Kind::Document) => "JSON",

            (Self::SqlServer, Kind::Uuid) => "uniqueidentifier",
            (Self::SqlServer, Kind::Text) if is_key => "nvarchar(255) COLLATE Latin1_General_100_BIN2",
            (Self::SqlServer, Kind::Text | Kind::Document) => "nvarchar(max)",
            (Self::SqlServer, Kind::Int) => "bigint",
            (Self::SqlServer, Kind::Decimal) => "decimal(38, 9)",
            (Self::SqlServer, Kind::Float) => "float",
            (Self::SqlServer, Kind::Bool) => "bit",
            (Self::SqlServer, Kind::Time) => "datetimeoffset(6)",
            (Self::SqlServer, Kind::Date) => "date",
        }
    }

    /// An amount is never NULL, or it would be lost what it is added to.
    fn amount(self, from: &From, kind: &FieldType) -> String {
        let value = self.value(from, kind);
        match from {
            From::Field(path) if path.may_be_missing => format!("COALESCE({value}, 0)"),
            _ => value,
        }
    }

    fn value(self, from: &From, kind: &FieldType) -> String {
        match from {
            From::Value(value) => self.literal(value),
            From::OccurredAt => ":occurred_at".to_owned(),
            From::Field(path) if path.older.is_empty() => self.cast(parameter(&path.path), kind),
            From::Field(path) => {
                let version = match self {
                    Self::Postgres => "CAST(:schema_version AS integer)",
                    _ => ":schema_version",
                };
                let when = |Older { up_to, from }: &Older| {
                    format!("WHEN {version} <= {up_to} THEN {}", self.value(from, kind))
                };
                let older: Vec<String> = path.older.iter().map(when).collect();
                let now = self.cast(parameter(&path.path), kind);
                format!("CASE {} ELSE {now} END", older.join(" "))
            }
        }
    }

    /// What stands in a payload, for a column of this type.
    fn cast(self, parameter: String, kind: &FieldType) -> String {
        match (self, Kind::of(kind)) {
            // One parameter in two places has the type of the first of them, and the other has to be told.
            (Self::Postgres, _) => format!("CAST({parameter} AS {})", self.type_of(kind, false)),
            // A text in a sum is a double on MySQL, and a whole number beside `0 -` on SQL Server.
            (Self::Mysql | Self::Mariadb | Self::SqlServer, Kind::Decimal) => {
                format!("CAST({parameter} AS {})", self.type_of(kind, false))
            }
            // Neither takes the T and the Z of RFC 3339 for granted.
            (Self::Mysql | Self::Mariadb, Kind::Time) => {
                format!("REPLACE(REPLACE({parameter}, 'T', ' '), 'Z', '')")
            }
            _ => parameter,
        }
    }

    fn literal(self, value: &Json) -> String {
        let text = |text: &str| {
            let quoted = text.replace('\'', "''");
            match self {
                Self::Mysql | Self::Mariadb => format!("'{}'", quoted.replace('\\', "\\\\")),
                Self::SqlServer => format!("N'{quoted}'"),
                Self::Sqlite | Self::Postgres => format!("'{quoted}'"),
            }
        };
        match value {
            Json::Null => "NULL".to_owned(),
            Json::Bool(is) => match self {
                Self::Sqlite | Self::SqlServer => u8::from(*is).to_string(),
                Self::Postgres | Self::Mysql | Self::Mariadb => is.to_string().to_uppercase(),
            },
            Json::Number(number) => number.to_string(),
            Json::String(said) => text(said),
            Json::Array(_) | Json::Object(_) => text(&value.to_string()),
        }
    }
}

/// Whether one of the products takes this word for its own.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.binary_search(&name.to_ascii_lowercase().as_str()).is_ok()
}

/// Words that one of the products does not take as the name of a column, in order.
#[rustfmt::skip]
pub(super) const RESERVED: &[&str] = &[
    "add", "all", "alter", "analyze", "and", "any", "array", "as", "asc", "authorization", "backup", "before", "begin",
    "between", "bigint", "binary", "both", "break", "browse", "bulk", "by", "call", "cascade", "case", "cast", "change",
    "char", "check", "checkpoint", "close", "clustered", "coalesce", "collate", "column", "commit", "compute", "condition",
    "constraint", "contains", "continue", "convert", "create", "cross", "cube", "current", "current_date",
    "current_time", "current_timestamp", "current_user", "cursor", "database", "databases", "dbcc", "deallocate", "dec",
    "decimal", "declare", "default", "deferrable", "delayed", "delete", "deny", "desc", "describe", "disk", "distinct",
    "div", "do", "double", "drop", "dump", "each", "else", "elseif", "empty", "enclosed", "end", "escape", "escaped",
    "except", "exec", "execute", "exists", "exit", "explain", "external", "false", "fetch", "file", "fillfactor", "float",
    "for", "force", "foreign", "freetext", "from", "full", "fulltext", "function", "generated", "get", "goto", "grant",
    "group", "grouping", "groups", "having", "holdlock", "identity", "if", "ignore", "in", "index", "infile", "initially",
    "inner", "inout", "insert", "int", "integer", "intersect", "interval", "into", "is", "isnull", "iterate", "join", "key",
    "keys", "kill", "lag", "last_value", "lateral", "lead", "leading", "leave", "left", "like", "limit", "linear", "lines", "load",
    "localtime", "localtimestamp", "lock", "long", "loop", "manual", "match", "merge", "mod", "national", "natural", "new",
    "no", "nocheck", "nonclustered", "not", "nothing", "notnull", "null", "nullif", "numeric", "of", "off", "offset", "offsets",
    "old", "on", "only", "open", "optimize", "option", "optionally", "or", "order", "out", "outer", "outfile", "over",
    "overlaps", "partition", "percent", "pivot", "placing", "plan", "precision", "primary", "print", "proc", "procedure", "public",
    "purge", "qualify", "raiserror", "range", "rank", "read", "reads", "real", "reconfigure", "recursive", "references", "regexp",
    "release", "rename", "repeat", "replace", "replication", "require", "resignal", "restore", "restrict", "return",
    "returning", "revert", "revoke", "right", "rlike", "rollback", "row", "row_number", "rowcount", "rows", "rule", "save", "schema",
    "schemas", "select", "sensitive", "separator", "session_user", "set", "setuser", "show", "shutdown", "signal", "similar",
    "smallint", "some", "spatial", "specific", "sql", "ssl", "starting", "statistics", "stored", "straight_join", "symmetric", "system", "system_user", "table",
    "tablesample", "terminated", "textsize", "then", "tinyint", "to", "top", "trailing", "tran", "transaction", "trigger",
    "true", "truncate", "undo", "union", "unique", "unlock", "unpivot", "unsigned", "update", "updatetext", "usage", "use", "user",
    "using", "values", "varchar", "variadic", "varying", "verbose", "view", "virtual", "waitfor", "when", "where", "while", "window", "with",
    "within", "write", "writetext", "xor", "zerofill",
];
