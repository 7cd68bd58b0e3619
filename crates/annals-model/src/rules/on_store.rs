//! What the rules about stores have in common: going through the logs, naming places, mending DDL.

use crate::Subject;
use crate::finding::{Edit, Place};
use crate::shape::roles::{EventLog, Roles};
use crate::shape::{Column, Key, KeyPart, Product, StoreShape, Table};
use crate::text::{Span, Texts};

/// What a finding says where the thing may be somewhere else: in code, or in a migration that was not given.
pub(super) const IN_WHAT_WAS_READ: &str = "in what was read";

/// Every event log of every store.
pub(super) fn each_log<'s>(
    subject: &'s Subject,
    mut look: impl FnMut(&'s StoreShape, &Roles<'s>, &EventLog<'s>),
) {
    for store in &subject.stores {
        let roles = Roles::of(store);
        for log in &roles.logs {
            look(store, &roles, log);
        }
    }
}

/// " in what was read" for a text, and nothing for a running store, of which all was read.
pub(super) fn as_far_as_read(store: &StoreShape) -> String {
    if store.is_live { String::new() } else { format!(" {IN_WHAT_WAS_READ}") }
}

pub(super) fn at_table(table: &Table) -> Place {
    Place::new(table.name.clone(), table.span)
}

pub(super) fn at_column(table: &Table, column: &Column) -> Place {
    Place::new(format!("{}.{}", table.name, column.name), column.span.or(table.span))
}

pub(super) fn at_key(table: &Table, key: &Key) -> Place {
    let of_columns = || {
        let columns = key_columns(key);
        let words = columns.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("_")
    };
    let name = key.name.clone().unwrap_or_else(of_columns);
    Place::new(format!("{}.{name}", table.name), key.span.or(table.span))
}

/// `stream_id, version`
pub(super) fn key_columns(key: &Key) -> String {
    let part = |part: &KeyPart| match part {
        KeyPart::Column(name) => name.clone(),
        KeyPart::Expression(text) => text.clone(),
    };
    key.parts.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// The statement that adds a unique key on this product.
pub(super) fn add_unique(product: Option<Product>, table: &Table, columns: &[&str]) -> String {
    let (name, list) = (&table.name, columns.join(", "));
    let is_left_out = |by: &&String| !columns.iter().any(|column| column.eq_ignore_ascii_case(by));
    if let Some(by) = table.partitioned_by.iter().find(is_left_out)
        && !matches!(product, Some(Product::Mongo | Product::Cosmos))
    {
        return format!(
            "a unique key over {list} on each partition of {name}: one of the whole has to hold {by}"
        );
    }
    match product {
        Some(Product::Mongo) => {
            let fields: Vec<String> = columns.iter().map(|field| format!("\"{field}\": 1")).collect();
            format!("db.{name}.createIndex({{ {} }}, {{ unique: true }})", fields.join(", "))
        }
        Some(Product::Cosmos) => {
            let paths: Vec<String> =
                columns.iter().map(|path| format!("/{}", path.trim_start_matches('/'))).collect();
            format!("a container with the unique key {}: one cannot be added later", paths.join(", "))
        }
        Some(Product::Sqlite | Product::MySql) | None => {
            format!("CREATE UNIQUE INDEX {}_{} ON {name} ({list});", table.plain_name(), columns.join("_"))
        }
        Some(Product::Postgres | Product::SqlServer) => format!("ALTER TABLE {name} ADD UNIQUE ({list});"),
    }
}

/// The statement by which a column refuses NULL on this product.
pub(super) fn set_not_null(product: Option<Product>, table: &Table, column: &Column) -> String {
    let (table, name, kind) = (&table.name, &column.name, &column.type_name);
    match product {
        Some(Product::MySql) => format!("ALTER TABLE {table} MODIFY {name} {kind} NOT NULL;"),
        Some(Product::SqlServer) => format!("ALTER TABLE {table} ALTER COLUMN {name} {kind} NOT NULL;"),
        Some(Product::Sqlite) => {
            format!("{name} {kind} NOT NULL, in a table that is made anew: SQLite changes no column")
        }
        Some(Product::Mongo) => format!("`required: [\"{name}\"]` in the validator of {table}"),
        Some(Product::Cosmos) => format!("{name} in every document: Cosmos DB has no schema to demand it"),
        Some(Product::Postgres) | None => format!("ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL;"),
    }
}

/// Whether NULL may stand in a column of a key.
pub(super) fn may_be_null(store: &StoreShape, texts: &Texts, table: &Table, column: &Column) -> bool {
    let name = column.name.to_lowercase();
    let is_checked = table.checks.iter().any(|check| {
        let text = check.expression.to_lowercase();
        let is_named = text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
        is_named && text.contains("is not null")
    });
    if is_checked {
        return false;
    }
    // SQLite lets NULL into a primary key, unless the table is STRICT, or WITHOUT ROWID.
    let is_lax = store.product == Some(Product::Sqlite)
        && !store.is_live
        && table.span.is_some_and(|span| {
            let rest = texts.text(span.file).get(span.end..).unwrap_or_default();
            let statement = rest.split(';').next().unwrap_or_default().to_lowercase();
            let options = statement.rsplit(')').next().unwrap_or_default();
            !options.contains("strict") && !options.contains("without")
        });
    if is_lax { column.nullable && !column.is_counted } else { table.may_be_null(column) }
}

/// The change of a column's text by which it refuses NULL, where that is certain.
pub(super) fn not_null(texts: &Texts, column: &Column) -> Option<Edit> {
    let span = column.span?;
    let rest = texts.text(span.file).get(span.end..)?;
    let type_end = end_of_type(rest, &column.type_name)?;
    let definition = rest.get(type_end..)?;
    let definition = definition.get(..end_of_definition(definition))?;
    let lower = definition.to_lowercase();
    let mut before = String::new();
    for (at, word) in words_at(&lower) {
        match word {
            "null" if !["not", "default", "set", "on", "is"].contains(&before.as_str()) => {
                let start = span.end + type_end + at;
                let place = Span { file: span.file, start, end: start + word.len() };
                return Some(Edit { span: place, text: "NOT NULL".to_owned() });
            }
            // These belong to the type, or are written here for a reason.
            "null" | "unsigned" | "zerofill" | "character" | "charset" | "collate" | "with" | "without"
            | "generated" | "as" | "array" => return None,
            word => before = word.to_owned(),
        }
    }
    let at = span.end + type_end;
    Some(Edit { span: Span { file: span.file, start: at, end: at }, text: " NOT NULL".to_owned() })
}

/// Where a type that a definition begins with ends; quotes and blanks do not count.
fn end_of_type(definition: &str, type_name: &str) -> Option<usize> {
    let is_shown = |c: &char| !c.is_whitespace() && !['[', ']', '"', '`'].contains(c);
    let mut wanted = type_name.chars().filter(is_shown).peekable();
    wanted.peek()?;
    for (at, c) in definition.char_indices() {
        if !is_shown(&c) {
            continue;
        }
        if !wanted.next()?.eq_ignore_ascii_case(&c) {
            return None;
        }
        if wanted.peek().is_none() {
            let end = at + c.len_utf8();
            let closing = definition.get(end..)?.strip_prefix(']').map_or(0, |_| 1);
            return Some(end + closing);
        }
    }
    None
}

/// Where the definition of a column ends: at a comma or a bracket that is not in another, or at a remark.
fn end_of_definition(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return at,
            ')' => depth -= 1,
            ',' if depth == 0 => return at,
            '-' if text.get(at..).is_some_and(|rest| rest.starts_with("--")) => return at,
            _ => {}
        }
    }
    text.len()
}

fn words_at(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr().addr() - text.as_ptr().addr(), word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(definition: &str, type_name: &str) -> Option<String> {
        let mut texts = Texts::default();
        let file = texts.add("store.sql", definition);
        let end = definition.find(' ').expect("a name stands in front");
        let span = Some(Span { file, start: 0, end });
        let column = Column { type_name: type_name.to_owned(), span, ..Column::default() };
        let edit = not_null(&texts, &column)?;
        let mut text = definition.to_owned();
        text.replace_range(edit.span.range(), &edit.text);
        Some(text)
    }

    #[test]
    fn not_null_stands_behind_the_type() {
        assert_eq!(
            mended("version bigint,\n next text", "bigint").as_deref(),
            Some("version bigint NOT NULL,\n next text")
        );
        assert_eq!(
            mended("type VARCHAR(80) DEFAULT ''", "varchar(80)").as_deref(),
            Some("type VARCHAR(80) NOT NULL DEFAULT ''")
        );
        assert_eq!(
            mended("[Type] [nvarchar](128) )", "nvarchar(128)").as_deref(),
            Some("[Type] [nvarchar](128) NOT NULL )")
        );
    }

    #[test]
    fn null_that_is_written_becomes_not_null() {
        assert_eq!(mended("version int NULL)", "int").as_deref(), Some("version int NOT NULL)"));
    }

    #[test]
    fn what_is_not_certain_is_left() {
        assert_eq!(mended("version int DEFAULT NULL)", "int"), None);
        assert_eq!(mended("version bigint unsigned)", "bigint"), None);
        assert_eq!(mended("version int AS (1))", "int"), None);
        assert_eq!(mended("version int8)", "bigint"), None);
    }
}
