//! DDL of PostgreSQL, MySQL, SQLite and SQL Server, statement by statement: what is not understood is said and
//! passed over.
//!
//! No parser of a whole dialect would read what people have in their scripts: placeholders, commands of a client,
//! batches, products nobody thought of. So a statement is read here as far as it says something about a store, and
//! everything else in it is left alone.

mod alter;
mod column;
mod constraint;
mod cursor;
mod grant;
mod index;
mod kind;
mod lex;
mod product;
mod split;
mod statement;
mod table;
mod tables;
mod trigger;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ops::Range;

use crate::text::{FileId, Texts};

pub use self::kind::of_type as kind_of;

use self::cursor::Script;
use self::lex::Dialect;
use self::tables::Tables;
use super::{Grant, Product, Routine, StoreShape, Trigger, Unread};

/// Reads the shape of a store from DDL; the product is found out where it is not given.
pub fn read(texts: &Texts, file: FileId, product: Option<Product>) -> StoreShape {
    read_all(texts, &[file], product)
}

/// Reads the shape of one store from DDL in several files, in the order in which they are to be run. Where a statement
/// is about a table that a later one makes, as in folders whose files no script names in order, it is read last.
pub fn read_all(texts: &Texts, files: &[FileId], product: Option<Product>) -> StoreShape {
    let product = product.or_else(|| guess(texts, files));
    let mut reader = Reader { product, ..Reader::default() };
    for file in files {
        let text = texts.text(*file);
        reader.part(text, *file, 0..text.len(), &How::default());
    }
    reader.read_what_waits(texts);
    let name = files.first().map_or("", |file| texts.name(*file)).to_owned();
    StoreShape { name, product, ..reader.finish() }
}

fn guess(texts: &Texts, files: &[FileId]) -> Option<Product> {
    let mut guesses = files.iter().filter_map(|file| {
        let text = texts.text(*file);
        product::guess(text, &lex::tokens(text, 0..text.len(), Dialect::default()))
    });
    let first = guesses.next()?;
    guesses.all(|other| other == first).then_some(first)
}

/// What has been read so far.
#[derive(Debug, Default)]
struct Reader {
    product: Option<Product>,
    tables: Tables,
    triggers: Vec<Trigger>,
    /// Of each trigger, the function that it calls.
    calls: Vec<Option<String>>,
    routines: Vec<Routine>,
    /// The names of triggers and routines so far, so that what is new is not looked for among all of them.
    names: HashSet<String>,
    grants: Vec<Grant>,
    unread: Vec<Unread>,
    /// Statements about tables that are not here yet.
    waiting: Vec<(Unread, How)>,
}

/// What is said of a statement about a table that is not in what was read.
const NOT_HERE: &str = "which is not here";

/// How a part of a script is to be read.
#[derive(Debug, Clone, Copy, Default)]
struct How {
    /// Whether it stands in a literal.
    is_literal: bool,
    /// Whether it is the inside of a `DO` block.
    is_block: bool,
    /// In how many others it stands.
    depth: usize,
}

/// A text in a text in a text is not read.
const MOST_DEPTH: usize = 2;

impl Reader {
    fn part(&mut self, text: &str, file: FileId, part: Range<usize>, how: &How) {
        let dialect = Dialect { product: self.product, doubles_quotes: how.is_literal };
        let script = Script::new(text, file, self.product, lex::tokens(text, part, dialect));
        for range in split::statements(&script, how.is_block) {
            let statement = script.part(range.start, range.end);
            if let Err(what) = self.statement(statement, how) {
                let unread = Unread { what, span: Some(statement.span()) };
                match unread.what.ends_with(NOT_HERE) {
                    true => self.waiting.push((unread, *how)),
                    false => self.unread.push(unread),
                }
            }
        }
    }

    fn read_what_waits(&mut self, texts: &Texts) {
        for (unread, how) in std::mem::take(&mut self.waiting) {
            if let Some(span) = unread.span {
                self.part(texts.text(span.file), span.file, span.range(), &how);
            }
        }
        // In the order in which they stand.
        self.unread.extend(self.waiting.drain(..).map(|(unread, _)| unread));
        self.unread.sort_by_key(|unread| unread.span);
    }

    fn finish(mut self) -> StoreShape {
        trigger::resolve(&mut self.triggers, &self.calls, &self.routines);
        StoreShape {
            tables: self.tables.finish(self.product),
            triggers: self.triggers,
            routines: self.routines,
            grants: self.grants,
            unread: self.unread,
            ..StoreShape::default()
        }
    }
}
