//! The tables that are there while a script is read, found by their names.

use std::collections::HashMap;

use crate::shape::{Column, Key, KeyKind, Kind, Product, Table};

use super::constraint::same;

/// The tables so far.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// What was dropped is `None`.
    tables: Vec<Option<Known>>,
    /// By the whole name and by the name without a schema, in lower case.
    by_name: HashMap<String, usize>,
    by_plain_name: HashMap<String, usize>,
}

/// A table, with what is said of it beside its shape.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) table: Table,
    /// What columns of text are compared by where they say nothing.
    pub(super) collation: Option<String>,
    /// `WITHOUT ROWID` of SQLite.
    pub(super) is_without_rowid: bool,
}

impl Tables {
    /// Takes in a table unless there is one of that name.
    pub(super) fn add(&mut self, table: Known) -> Result<(), String> {
        let name = table.table.name.to_lowercase();
        if self.by_name.contains_key(&name) {
            return Err(format!("CREATE TABLE {}, again", table.table.name));
        }
        let at = self.tables.len();
        self.by_plain_name.entry(plain(&name).to_owned()).or_insert(at);
        self.by_name.insert(name, at);
        self.tables.push(Some(table));
        Ok(())
    }

    fn place(&self, name: &str) -> Option<usize> {
        let name = name.to_lowercase();
        self.by_name.get(&name).copied().or_else(|| {
            // A name without a schema means a table in the usual one, and the other way round.
            let at = self.by_plain_name.get(plain(&name)).copied()?;
            let own = &self.tables.get(at)?.as_ref()?.table.name;
            (!name.contains('.') || !own.contains('.')).then_some(at)
        })
    }

    pub(super) fn get(&self, name: &str) -> Option<&Table> {
        self.tables.get(self.place(name)?)?.as_ref().map(|known| &known.table)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Known> {
        let place = self.place(name)?;
        self.tables.get_mut(place)?.as_mut()
    }

    /// Takes a table out, and says what its name was.
    pub(super) fn remove(&mut self, name: &str) -> Option<Known> {
        let place = self.place(name)?;
        let known = self.tables.get_mut(place)?.take()?;
        self.by_name.retain(|_, at| *at != place);
        self.by_plain_name.retain(|_, at| *at != place);
        Some(known)
    }

    pub(super) fn rename(&mut self, from: &str, to: String) {
        if let Some(mut known) = self.remove(from) {
            known.table.name = to;
            // Where the name is taken, the table that has it was made later and the script is at fault.
            _ = self.add(known);
        }
    }

    /// Takes an index out of the table that has it.
    pub(super) fn drop_index(&mut self, name: &str) {
        for known in self.tables.iter_mut().flatten() {
            known.table.keys.retain(|key| !is_named(key, name));
        }
    }

    pub(super) fn finish(self, product: Option<Product>) -> Vec<Table> {
        self.tables.into_iter().flatten().map(|known| finish(known, product)).collect()
    }
}

pub(super) fn is_named(key: &Key, name: &str) -> bool {
    key.name.as_deref().is_some_and(|own| same(own, name))
}

fn plain(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}

/// What follows from all that was said of a table.
fn finish(known: Known, product: Option<Product>) -> Table {
    let Known { mut table, collation, is_without_rowid } = known;
    let primary: Vec<String> = {
        let keys = table.keys.iter().filter(|key| key.kind == KeyKind::Primary);
        keys.flat_map(|key| key.columns().map(str::to_lowercase)).collect()
    };
    let is_primary = |column: &Column| primary.contains(&column.name.to_lowercase());
    for column in &mut table.columns {
        if is_primary(column) {
            column.nullable = false;
            let is_rowid = primary.len() == 1 && column.type_name == "integer" && !is_without_rowid;
            column.is_counted |= product == Some(Product::Sqlite) && is_rowid;
        }
        if column.collation.is_none() && matches!(column.kind, Kind::Text | Kind::Char) {
            column.collation.clone_from(&collation);
        }
    }
    table
}
