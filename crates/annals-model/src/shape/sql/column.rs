//! A column, as CREATE TABLE and ALTER TABLE define it.

use crate::shape::{Check, Column, Key, KeyKind, KeyPart, Product, Table};

use super::constraint::{key_part, references};
use super::cursor::Cursor;
use super::kind;
use super::lex::TokenKind;

/// What can only stand behind a type.
const AFTER_TYPE: &[&str] = &[
    "NOT",
    "NULL",
    "PRIMARY",
    "UNIQUE",
    "DEFAULT",
    "CHECK",
    "REFERENCES",
    "CONSTRAINT",
    "COLLATE",
    "GENERATED",
    "AS",
    "IDENTITY",
    "AUTO_INCREMENT",
    "AUTOINCREMENT",
    "COMMENT",
    "ON",
    "CHARSET",
    "KEY",
    "STORAGE",
    "COMPRESSION",
    "INVISIBLE",
    "VISIBLE",
    "SPARSE",
    "ROWGUIDCOL",
    "PERSISTED",
    "MASKED",
    "ENCRYPTED",
    "HIDDEN",
    "VIRTUAL",
    "STORED",
    "FIRST",
    "AFTER",
    "USING",
    "ENABLE",
    "DISABLE",
    "DEFERRABLE",
    "INITIALLY",
    "FOREIGN",
    "FOR",
    "FILESTREAM",
    "WITH",
    "WITHOUT",
    "OPTIONS",
    "ENCODE",
];

/// Reads a column and what is said of it into a table. One of that name is replaced, in its place.
pub(super) fn read(mut part: Cursor<'_>, table: &mut Table) -> Option<()> {
    let name = part.name()?;
    let type_name = type_name(&mut part);
    let mut column = Column {
        kind: kind::of_type(&type_name, part.script.product),
        is_counted: kind::is_counted(&type_name),
        nullable: !kind::is_counted(&type_name),
        name: name.text,
        type_name,
        span: Some(name.span),
        ..Column::default()
    };
    if column.type_name == "serial" && part.script.is(Product::MySql) {
        table.keys.push(key(&column.name, KeyKind::Unique, None, part, part.at - 1));
    }
    options(part, &mut column, table);
    match table.columns.iter_mut().find(|other| other.name.eq_ignore_ascii_case(&column.name)) {
        Some(other) => *other = column,
        None => table.columns.push(column),
    }
    Some(())
}

/// A type, in lower case and without quotes.
pub(super) fn type_name(part: &mut Cursor<'_>) -> String {
    let start = part.at;
    while let Some(token) = part.token(0) {
        let is_first = part.at == start;
        let goes_on = match token.kind {
            TokenKind::Word => !ends_type(part, is_first),
            TokenKind::Quoted => is_first || part.script.tokens.get(part.at - 1).is_some_and(is_dot),
            TokenKind::Symbol('(') => !is_first,
            TokenKind::Symbol('.' | '[' | ']') | TokenKind::Number => !is_first,
            _ => false,
        };
        if !goes_on {
            break;
        }
        part.skip_item();
    }
    let mut name = String::new();
    let mut of_type = Cursor { at: start, end: part.at, ..*part };
    let mut is_after_word = false;
    while let Some(token) = of_type.token(0) {
        let is_word = token.kind == TokenKind::Word;
        if is_word && is_after_word {
            name.push(' ');
        }
        let text = of_type.text_of(token);
        let text =
            if token.kind == TokenKind::Quoted { text.trim_matches(['[', ']', '"', '`']) } else { text };
        name.push_str(&text.to_lowercase());
        is_after_word = is_word || matches!(token.kind, TokenKind::Symbol(')'));
        of_type.skip();
    }
    name
}

fn is_dot(token: &super::lex::Token) -> bool {
    token.kind == TokenKind::Symbol('.')
}

fn ends_type(part: &Cursor<'_>, is_first: bool) -> bool {
    if part.is("CHARACTER SET") || part.is("CHAR SET") {
        return !is_first;
    }
    let zone = ["WITH TIME ZONE", "WITHOUT TIME ZONE", "WITH LOCAL TIME ZONE"];
    part.is_any(AFTER_TYPE) && !zone.iter().any(|zone| part.is(zone))
}

fn key(column: &str, kind: KeyKind, name: Option<String>, part: Cursor<'_>, start: usize) -> Key {
    let parts = vec![KeyPart::Column(column.to_owned())];
    Key { name, kind, parts, predicate: None, span: Some(part.span_since(start)) }
}

/// A key of one column; or of those that are named, where a comma before a constraint was forgotten, which some
/// products take. Whether it is of this column alone.
fn own_key(
    part: &mut Cursor<'_>,
    start: usize,
    kind: KeyKind,
    name: Option<String>,
    column: &Column,
    table: &mut Table,
) -> bool {
    part.skip_words(&["KEY", "CLUSTERED", "NONCLUSTERED"]);
    let named = { *part }.group().filter(|columns| columns.kind() != Some(TokenKind::Number));
    let mut key = key(&column.name, kind, name, *part, start);
    if let Some(columns) = named {
        part.group();
        key.parts = columns.list().into_iter().map(key_part).collect();
        key.span = Some(part.span_since(start));
    }
    table.keys.push(key);
    named.is_none()
}

/// What is said of a column behind its type.
pub(super) fn options(mut part: Cursor<'_>, column: &mut Column, table: &mut Table) {
    let mut constraint = None;
    while !part.is_done() {
        let start = part.at;
        if part.eat("CONSTRAINT") {
            constraint = part.name().map(|name| name.text);
            continue;
        }
        let name = constraint.take();
        if part.eat("NOT NULL") {
            column.nullable = false;
        } else if part.eat("NULL") {
            column.nullable = true;
        } else if part.eat("PRIMARY KEY") || (part.script.is(Product::MySql) && part.eat("KEY")) {
            column.nullable &= !own_key(&mut part, start, KeyKind::Primary, name, column, table);
        } else if part.eat("UNIQUE") {
            own_key(&mut part, start, KeyKind::Unique, name, column, table);
        } else if part.eat("DEFAULT") {
            default(&mut part, column);
        } else if part.eat("CHECK") {
            part.eat("NOT FOR REPLICATION");
            if let Some(condition) = part.group() {
                table
                    .checks
                    .push(Check { expression: condition.expression(), span: Some(part.span_since(start)) });
            }
        } else if part.is("REFERENCES") || part.is("FOREIGN KEY REFERENCES") {
            part.eat("FOREIGN KEY");
            table.foreign_keys.extend(references(&mut part, vec![column.name.clone()], start));
        } else if part.eat("COLLATE") {
            part.eat_symbol('=');
            column.collation = part.name().map(|name| name.text);
        } else if part.is("GENERATED") || part.is("AS") {
            generated(&mut part, column);
        } else if part.is_any(&["IDENTITY", "AUTO_INCREMENT", "AUTOINCREMENT"]) {
            part.skip();
            part.group();
            column.is_counted = true;
            column.nullable = false;
        } else if part.is("ON UPDATE") || part.is("ON CONFLICT") {
            part.at += 3;
            part.group();
        } else {
            part.skip_item();
        }
    }
}

/// A default, which ends where something else is said of the column.
pub(super) fn default(part: &mut Cursor<'_>, column: &mut Column) {
    let start = part.at;
    part.skip_item();
    while !part.is_done() {
        let goes_on = part.is("WITH TIME ZONE")
            || part.is("WITHOUT TIME ZONE")
            || (part.is("FOR") && part.text_since(start).to_ascii_uppercase().starts_with("NEXT VALUE"));
        if part.is_any(AFTER_TYPE) && !goes_on {
            break;
        }
        part.skip_item();
    }
    set_default(column, Cursor { at: start, end: part.at, ..*part }.text());
}

pub(super) fn set_default(column: &mut Column, default: &str) {
    let upper = default.to_ascii_uppercase();
    column.is_counted |= upper.contains("NEXTVAL") || upper.contains("NEXT VALUE");
    column.default = Some(default.to_owned());
}

/// `GENERATED ALWAYS AS IDENTITY`, `GENERATED ALWAYS AS (expression)`, `AS (expression) STORED`.
fn generated(part: &mut Cursor<'_>, column: &mut Column) {
    part.eat("GENERATED");
    part.skip_words(&["ALWAYS", "BY", "DEFAULT", "ON", "NULL"]);
    part.eat("AS");
    if part.eat("IDENTITY") {
        part.group();
        column.is_counted = true;
        column.nullable = false;
        return;
    }
    let start = part.at;
    match part.group() {
        Some(expression) => {
            // Of `AS (a) + (b)`, all.
            while !part.is_done() && !part.is_any(AFTER_TYPE) {
                part.skip_item();
            }
            let whole = Cursor { at: start, end: part.at, ..*part };
            let is_one = part.at == expression.end + 1;
            column.generated = Some(if is_one { expression.expression() } else { whole.text().to_owned() });
        }
        // `AS ROW START` of a temporal table, `AS lower(name)` of SQL Server.
        None => {
            while !part.is_done() && !part.is_any(AFTER_TYPE) {
                part.skip_item();
            }
            column.generated = Some(part.text_since(start).to_owned());
        }
    }
}
