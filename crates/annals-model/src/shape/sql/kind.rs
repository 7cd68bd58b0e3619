//! What a type of a product holds.

use crate::shape::{Kind, Product};

/// What a type holds, by its name in lower case: `character varying(255)`.
pub fn of_type(name: &str, product: Option<Product>) -> Kind {
    if name.ends_with(']') || name.ends_with(" array") {
        return Kind::List;
    }
    let (before, after) = name.split_once('(').unwrap_or((name, ""));
    let argument = after.split(')').next().unwrap_or_default().trim();
    let words = before.trim();
    // A schema says nothing of a type: `pg_catalog.int8`.
    let words = words.rsplit('.').next().unwrap_or_default();
    let first = words.split_ascii_whitespace().next().unwrap_or_default();
    let is = |wanted: Product| product == Some(wanted);
    let has_zone = name.contains("with time zone") || name.contains("with local time zone");
    match first {
        "bigint" | "int8" | "bigserial" | "serial8" => Kind::Integer(64),
        "int" | "integer" | "unsigned" | "signed" if is(Product::Sqlite) => Kind::Integer(64),
        "int" | "integer" | "int4" | "serial4" => Kind::Integer(32),
        // MySQL's own is BIGINT UNSIGNED.
        "serial" => Kind::Integer(if is(Product::MySql) { 64 } else { 32 }),
        "mediumint" | "middleint" | "int3" => Kind::Integer(24),
        "smallint" | "int2" | "smallserial" | "serial2" => Kind::Integer(16),
        "tinyint" | "int1" if argument == "1" && !is(Product::SqlServer) => Kind::Bool,
        "tinyint" | "int1" => Kind::Integer(8),
        "decimal" | "numeric" | "dec" | "number" | "money" | "smallmoney" | "fixed" => Kind::Decimal,
        "real" | "float" | "double" | "float4" | "float8" | "binary_float" | "binary_double" => Kind::Float,
        "text" | "varchar" | "nvarchar" | "varchar2" | "nvarchar2" | "tinytext" | "mediumtext"
        | "longtext" | "ntext" | "citext" | "clob" | "nclob" | "sysname" | "string" => Kind::Text,
        "character" | "char" | "nchar" | "national" | "bpchar" => of_character(words, product),
        "uuid" | "uniqueidentifier" => Kind::Uuid,
        // SQLite checks no JSON by the name of a type.
        "json" | "jsonb" => {
            if is(Product::Sqlite) {
                Kind::Text
            } else {
                Kind::Json
            }
        }
        "bytea" | "blob" | "tinyblob" | "mediumblob" | "longblob" | "binary" | "varbinary" | "image"
        | "raw" => Kind::Bytes,
        "boolean" | "bool" => Kind::Bool,
        "bit" if is(Product::SqlServer) || matches!(argument, "1") => Kind::Bool,
        "timestamptz" | "datetimeoffset" => Kind::Instant,
        "timestamp" if has_zone || is(Product::MySql) => Kind::Instant,
        "timestamp" if is(Product::SqlServer) => Kind::RowVersion,
        "timestamp" | "datetime" | "datetime2" | "smalldatetime" => Kind::LocalTime,
        "rowversion" | "xid8" | "xid" => Kind::RowVersion,
        "date" => Kind::Date,
        _ if is(Product::Sqlite) => by_affinity(words),
        _ => Kind::Other,
    }
}

fn of_character(words: &str, product: Option<Product>) -> Kind {
    // SQLite pads nothing.
    if words.contains("varying") || words.contains("varchar") || product == Some(Product::Sqlite) {
        Kind::Text
    } else {
        Kind::Char
    }
}

/// SQLite takes any words for a type and goes by what is in them.
fn by_affinity(words: &str) -> Kind {
    let has = |part: &str| words.contains(part);
    if has("int") {
        Kind::Integer(64)
    } else if has("char") || has("clob") || has("text") {
        Kind::Text
    } else if has("blob") {
        Kind::Bytes
    } else if has("real") || has("floa") || has("doub") {
        Kind::Float
    } else {
        Kind::Other
    }
}

/// Whether a type counts by itself.
pub(super) fn is_counted(name: &str) -> bool {
    let first = name.split(['(', ' ']).next().unwrap_or_default();
    matches!(first, "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8")
}
