//! CREATE INDEX.

use crate::shape::{Key, KeyKind};

use super::constraint::{key_part, where_clause};
use super::cursor::Cursor;
use super::{NOT_HERE, Reader};

impl Reader {
    /// CREATE INDEX, from behind that word.
    pub(super) fn create_index(
        &mut self,
        mut part: Cursor<'_>,
        start: usize,
        is_unique: bool,
    ) -> Result<(), String> {
        part.skip_words(&["CONCURRENTLY"]);
        part.eat("IF NOT EXISTS");
        let name = if part.is("ON") { None } else { part.name().map(|name| name.text) };
        let named = name.clone().unwrap_or_default();
        // MySQL may say here how it is kept: `USING BTREE`.
        while !part.is_done() && !part.eat("ON") {
            part.skip();
        }
        part.eat("ONLY");
        let of = part.name().ok_or_else(|| format!("CREATE INDEX {named}"))?.text;
        while !part.is_done() && !part.is_symbol('(') {
            part.skip();
        }
        let parts = part.group().ok_or_else(|| format!("CREATE INDEX {named}"))?;
        let known = self.tables.get_mut(&of);
        let table = &mut known.ok_or_else(|| format!("CREATE INDEX {named} on {of}, {NOT_HERE}"))?.table;
        let is_there = |key: &Key| name.is_some() && key.name == name;
        if !table.keys.iter().any(is_there) {
            table.keys.push(Key {
                name,
                kind: if is_unique { KeyKind::Unique } else { KeyKind::Index },
                parts: parts.list().into_iter().map(key_part).collect(),
                predicate: where_clause(part),
                span: Some(Cursor { at: start, ..part }.span()),
            });
        }
        Ok(())
    }
}
