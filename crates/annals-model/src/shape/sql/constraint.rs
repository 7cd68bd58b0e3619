//! Constraints, and keys, as they stand among the columns of a table or are added to it.

use crate::shape::{Check, ForeignKey, Key, KeyKind, KeyPart, Product, Table};

use super::cursor::Cursor;
use super::lex::TokenKind;

/// Whether two names are one, as far as products say that case does not matter.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Whether a constraint or a key stands here, and not a column.
pub(super) fn is_here(part: &Cursor<'_>) -> bool {
    if part.is_any(&["CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"]) {
        return true;
    }
    if part.is_any(&["EXCLUDE", "LIKE"]) {
        return part.is("EXCLUDE USING") || part.is("LIKE") || is_group(part, 1);
    }
    part.is("PERIOD FOR") || is_mysql_key(part)
}

fn is_group(part: &Cursor<'_>, ahead: usize) -> bool {
    part.token(ahead).is_some_and(|token| token.kind == TokenKind::Symbol('('))
}

/// `KEY name (columns)`; but a column may be called so: `key varchar(20)`.
fn is_mysql_key(part: &Cursor<'_>) -> bool {
    let has_such = part.script.product.is_none_or(|of| matches!(of, Product::MySql | Product::SqlServer));
    if !has_such || !part.is_any(&["KEY", "INDEX", "FULLTEXT", "SPATIAL"]) {
        return false;
    }
    let mut inside = *part;
    while !inside.is_done() && !inside.is_symbol('(') {
        inside.skip();
    }
    let columns = inside.group();
    columns.is_some_and(|columns| !columns.is_done() && columns.kind() != Some(TokenKind::Number))
        && !part.is("KEY NOT")
}

/// Reads a constraint or a key into a table; or several, between which SQLite needs no commas.
pub(super) fn read(part: Cursor<'_>, table: &mut Table) -> Result<(), String> {
    let mut start = part;
    let mut at = part;
    while !at.is_done() {
        let is_next = at.at > start.at && at.is_any(&["CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"]);
        if is_next && ends_constraint(&at) {
            read_one(Cursor { end: at.at, ..start }, table)?;
            start = at;
        }
        at.skip_item();
    }
    read_one(start, table)
}

/// Whether what stands before may be the last of a constraint.
fn ends_constraint(at: &Cursor<'_>) -> bool {
    let before = Cursor { at: at.at.saturating_sub(1), ..*at };
    before.is_symbol(')') || before.is_any(&["REPLACE", "IGNORE", "ABORT", "FAIL", "ROLLBACK"])
}

fn read_one(mut part: Cursor<'_>, table: &mut Table) -> Result<(), String> {
    let start = part.at;
    let mut name = None;
    if part.eat("CONSTRAINT") && !part.is_any(&["PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "EXCLUDE"]) {
        name = part.name().map(|name| name.text);
    }
    if part.eat("PRIMARY KEY") {
        key(part, start, KeyKind::Primary, name, table)
    } else if part.eat("UNIQUE") {
        part.skip_words(&["KEY", "INDEX"]);
        key(part, start, KeyKind::Unique, name, table)
    } else if part.eat("FOREIGN KEY") {
        foreign_key(part, start, table)
    } else if part.eat("CHECK") {
        part.eat("NOT FOR REPLICATION");
        let condition = part.group().ok_or("a CHECK")?;
        let span = Some(part.span_since(start));
        table.checks.push(Check { expression: condition.expression(), span });
        Ok(())
    } else if part.is_any(&["KEY", "INDEX", "FULLTEXT", "SPATIAL"]) {
        part.skip_words(&["KEY", "INDEX", "FULLTEXT", "SPATIAL"]);
        key(part, start, KeyKind::Index, name, table)
    } else if part.is("PERIOD FOR") || (part.is("NOT NULL") && name.is_some()) {
        Ok(())
    } else {
        let what = part.word(0).unwrap_or_default().to_uppercase();
        Err(format!("{what} constraint of {}", table.name))
    }
}

/// What stands between the kind of a key and its columns, where that is no name.
const BEFORE_PARTS: &[&str] = &[
    "CLUSTERED",
    "NONCLUSTERED",
    "USING",
    "BTREE",
    "HASH",
    "NULLS",
    "NOT",
    "DISTINCT",
    "COLUMNSTORE",
    "IF",
    "EXISTS",
];

fn key(
    mut part: Cursor<'_>,
    start: usize,
    kind: KeyKind,
    mut name: Option<String>,
    table: &mut Table,
) -> Result<(), String> {
    let mut kind = kind;
    if part.eat("USING INDEX") {
        let index = part.name().ok_or("a key USING INDEX")?.text;
        return promote(&index, kind, name, table);
    }
    while !part.is_done() && !part.is_symbol('(') {
        if part.eat("UNIQUE") {
            // SQL Server: `INDEX name UNIQUE (columns)`.
            kind = KeyKind::Unique;
        } else if part.is_any(BEFORE_PARTS) {
            part.skip();
        } else if let Some(own) = part.name() {
            name = name.or(Some(own.text));
        } else {
            break;
        }
    }
    let parts = part.group().ok_or_else(|| format!("a key of {}", table.name))?;
    let predicate = where_clause(part);
    table.keys.push(Key {
        name,
        kind,
        parts: parts.list().into_iter().map(key_part).collect(),
        predicate,
        span: Some(Cursor { at: start, ..part }.span()),
    });
    Ok(())
}

/// PostgreSQL makes a constraint of an index that is there.
fn promote(index: &str, kind: KeyKind, name: Option<String>, table: &mut Table) -> Result<(), String> {
    let key = table.keys.iter_mut().find(|key| key.name.as_deref().is_some_and(|own| same(own, index)));
    let key = key.ok_or_else(|| format!("a key USING INDEX {index}"))?;
    key.kind = kind;
    key.name = name.or_else(|| key.name.take());
    Ok(())
}

/// `WHERE condition` from here on.
pub(super) fn where_clause(mut part: Cursor<'_>) -> Option<String> {
    while !part.is_done() && !part.is("WHERE") {
        part.skip_item();
    }
    if !part.eat("WHERE") {
        return None;
    }
    let mut condition = part;
    while !condition.is_done() {
        // SQL Server says behind it how the index is kept.
        let is_with = condition.is("WITH") && is_group(&condition, 1);
        if is_with || (condition.is("ON") && condition.script.is(Product::SqlServer)) {
            break;
        }
        condition.skip_item();
    }
    Some(Cursor { end: condition.at, ..part }.expression())
}

/// A column of a key, or an expression.
pub(super) fn key_part(part: Cursor<'_>) -> KeyPart {
    let mut end = part;
    while !end.is_done() && !end.is_any(&["ASC", "DESC"]) && !end.is("NULLS FIRST") && !end.is("NULLS LAST") {
        end.skip_item();
    }
    let whole = Cursor { end: end.at, ..part };
    let mut inside = whole;
    while let Some(inner) = inside.group_of_all() {
        inside = inner;
    }
    let mut name = inside;
    let is_name = matches!(name.kind(), Some(TokenKind::Word | TokenKind::Quoted));
    let column = name.name().filter(|_| is_name);
    // Behind a column: COLLATE "C", the name of an operator class.
    let ends = name.is_done() || (matches!(name.kind(), Some(TokenKind::Word | TokenKind::Quoted)));
    match column {
        Some(column) if ends => KeyPart::Column(column.text),
        _ => KeyPart::Expression(inside.text().to_owned()),
    }
}

fn foreign_key(mut part: Cursor<'_>, start: usize, table: &mut Table) -> Result<(), String> {
    while !part.is_done() && !part.is_symbol('(') {
        part.skip();
    }
    let columns = part.group().map(Cursor::names).unwrap_or_default();
    let key = references(&mut part, columns, start);
    let key = key.ok_or_else(|| format!("a FOREIGN KEY of {}", table.name))?;
    table.foreign_keys.push(key);
    Ok(())
}

/// `REFERENCES table (columns) ON DELETE CASCADE`.
pub(super) fn references(part: &mut Cursor<'_>, columns: Vec<String>, start: usize) -> Option<ForeignKey> {
    if !part.eat("REFERENCES") {
        return None;
    }
    let table = part.name()?.text;
    let referred = part.group().map(Cursor::names).unwrap_or_default();
    let mut cascades = false;
    loop {
        if part.eat("ON DELETE") {
            cascades = part.is("CASCADE");
            skip_action(part);
        } else if part.eat("ON UPDATE") {
            skip_action(part);
        } else if part.eat("MATCH") || part.eat("INITIALLY") {
            part.skip();
        } else if !(part.eat("NOT DEFERRABLE") || part.eat("DEFERRABLE") || part.eat("NOT FOR REPLICATION")) {
            break;
        }
    }
    Some(ForeignKey { columns, table, referred, cascades, span: Some(part.span_since(start)) })
}

fn skip_action(part: &mut Cursor<'_>) {
    if part.eat("SET") || part.eat("NO") {
        // SET NULL, SET DEFAULT, NO ACTION.
        part.skip();
    } else {
        part.skip();
    }
    part.group();
}
