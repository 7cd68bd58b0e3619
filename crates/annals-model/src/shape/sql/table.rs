//! CREATE TABLE and CREATE VIEW.

use crate::shape::{Column, Product, Table, Unread};

use super::cursor::Cursor;
use super::lex::TokenKind;
use super::tables::{Known, Tables};
use super::{NOT_HERE, Reader};
use super::{column, constraint};

impl Reader {
    /// CREATE TABLE, from behind that word.
    pub(super) fn create_table(&mut self, mut part: Cursor<'_>, is_temporary: bool) -> Result<(), String> {
        let may_be_there = part.eat("IF NOT EXISTS");
        let name = part.name().ok_or("CREATE TABLE")?;
        // What is gone with the connection stores nothing; a partition is a part of its table.
        if is_temporary || name.text.starts_with('#') || part.is("PARTITION OF") {
            return Ok(());
        }
        let table = Table { name: name.text, span: Some(name.span), ..Table::default() };
        let mut known = Known { table, ..Known::default() };
        if part.eat("LIKE") {
            like(part, &mut known.table, &self.tables)?;
        } else {
            let as_is = part;
            let elements = part.group().ok_or_else(|| {
                let what = if as_is.is("AS") || as_is.is("SELECT") { " AS SELECT" } else { "" };
                format!("CREATE TABLE {}{what}", known.table.name)
            })?;
            for element in elements.list() {
                self.element(element, &mut known);
            }
        }
        self.table_options(part, &mut known);
        if may_be_there
            && self.tables.get(&known.table.name).is_some_and(|there| is_alike(there, &known.table))
        {
            return Ok(());
        }
        self.tables.add(known)
    }

    /// A column or a constraint.
    pub(super) fn element(&mut self, element: Cursor<'_>, known: &mut Known) {
        let table = &mut known.table;
        let read = if element.is("LIKE") {
            let mut of = element;
            of.skip();
            like(of, table, &self.tables)
        } else if constraint::is_here(&element) {
            constraint::read(element, table)
        } else {
            column::read(element, table).ok_or_else(|| format!("a column of {}", table.name))
        };
        if let Err(what) = read {
            self.unread.push(Unread { what, span: Some(element.span()) });
        }
    }

    /// What stands behind the columns.
    fn table_options(&mut self, mut part: Cursor<'_>, known: &mut Known) {
        while !part.is_done() {
            if part.eat("PARTITION BY") {
                known.table.partitioned_by = partition(&mut part);
            } else if part.eat("COLLATE") {
                part.eat_symbol('=');
                known.collation = part.name().map(|name| name.text);
            } else if part.eat("WITHOUT ROWID") {
                known.is_without_rowid = true;
            } else if part.is("INHERITS") {
                let whole = part;
                part.skip();
                self.inherit(part.group(), whole, known);
            } else if part.is("ON") && part.script.may_be(Product::SqlServer) {
                // `ON scheme (column)` of SQL Server; `ON [PRIMARY]` is a place on the disk.
                part.skip();
                part.name();
                if let Some(columns) = part.group() {
                    known.table.partitioned_by = columns.names();
                }
            } else {
                part.skip_item();
            }
        }
    }

    fn inherit(&mut self, parents: Option<Cursor<'_>>, whole: Cursor<'_>, known: &mut Known) {
        let mut columns = Vec::new();
        for parent in parents.map(Cursor::names).unwrap_or_default() {
            match self.tables.get(&parent) {
                Some(parent) => columns.extend(parent.columns.iter().cloned()),
                None => {
                    self.unread.push(Unread { what: format!("INHERITS {parent}"), span: Some(whole.span()) })
                }
            }
        }
        columns.append(&mut known.table.columns);
        known.table.columns = columns;
    }

    /// CREATE VIEW, from behind that word.
    pub(super) fn create_view(&mut self, mut part: Cursor<'_>, is_temporary: bool) -> Result<(), String> {
        part.eat("IF NOT EXISTS");
        let name = part.name().ok_or("CREATE VIEW")?;
        if is_temporary || self.tables.get(&name.text).is_some_and(|there| there.is_view) {
            return Ok(());
        }
        let column = |name: String| Column { name, nullable: true, ..Column::default() };
        let columns = part.group().map(|columns| columns.names().into_iter().map(column).collect());
        let table = Table {
            name: name.text,
            is_view: true,
            columns: columns.unwrap_or_default(),
            span: Some(name.span),
            ..Table::default()
        };
        self.tables.add(Known { table, ..Known::default() })
    }
}

fn is_alike(there: &Table, table: &Table) -> bool {
    let names =
        |table: &Table| table.columns.iter().map(|column| column.name.to_lowercase()).collect::<Vec<_>>();
    names(there) == names(table)
}

/// `RANGE (columns)`, `LIST COLUMNS (columns)`, `HASH (expression)`.
fn partition(part: &mut Cursor<'_>) -> Vec<String> {
    while !part.is_done() && !part.is_symbol('(') {
        part.skip();
    }
    let Some(columns) = part.group() else { return Vec::new() };
    columns.list().into_iter().filter_map(first_column).collect()
}

/// Of an expression, the first name that no parentheses follow.
fn first_column(mut part: Cursor<'_>) -> Option<String> {
    while !part.is_done() {
        if matches!(part.kind(), Some(TokenKind::Word | TokenKind::Quoted)) {
            let name = part.name()?;
            if !part.is_symbol('(') {
                return Some(name.text);
            }
        } else {
            part.skip();
        }
    }
    None
}

/// `LIKE other INCLUDING ALL`, of which the columns are copied, and the keys where that is said.
fn like(mut part: Cursor<'_>, table: &mut Table, tables: &Tables) -> Result<(), String> {
    let other = part.name().ok_or("LIKE")?.text;
    let source = tables.get(&other).ok_or_else(|| format!("LIKE {other}, {NOT_HERE}"))?;
    table.columns.extend(source.columns.iter().cloned());
    let words = part.text().to_ascii_uppercase();
    // MySQL copies all without a word.
    if part.script.is(Product::MySql)
        || words.contains("INCLUDING ALL")
        || words.contains("INCLUDING INDEXES")
    {
        table.keys.extend(source.keys.iter().cloned());
    }
    Ok(())
}
