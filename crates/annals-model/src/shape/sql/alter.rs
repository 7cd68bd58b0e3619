//! ALTER TABLE and DROP.

use crate::shape::{Column, Key, KeyKind, KeyPart, Kind, Table, Trigger, Unread};

use super::column::{self, default, options, type_name};
use super::constraint::same;
use super::cursor::Cursor;
use super::kind;
use super::tables::{Known, is_named};
use super::{NOT_HERE, Reader};

/// What an ALTER TABLE may do that changes nothing of the shape.
const NO_MATTER: &[&str] = &[
    "OWNER",
    "ENABLE",
    "CLUSTER",
    "SET",
    "RESET",
    "REPLICA",
    "VALIDATE",
    "ATTACH",
    "DETACH",
    "ENGINE",
    "AUTO_INCREMENT",
    "COMMENT",
    "FORCE",
    "ROW_FORMAT",
    "CHECK",
    "WITH",
    "NOCHECK",
    "INHERIT",
    "ORDER",
    "LOCK",
    "ALGORITHM",
    "REBUILD",
    "CHARSET",
    "CHARACTER",
    "DEFAULT",
    "COLLATE",
    "PARTITION",
    "SWITCH",
    "NO",
    "NOT",
];

impl Reader {
    /// ALTER TABLE, from behind these words.
    pub(super) fn alter_table(&mut self, mut part: Cursor<'_>) -> Result<(), String> {
        part.eat("IF EXISTS");
        part.eat("ONLY");
        let name = part.name().ok_or("ALTER TABLE")?.text;
        part.eat_symbol('*');
        // A name with `#` is a temporary table of SQL Server.
        if name.starts_with('#') || part.is("OWNER TO") {
            return Ok(());
        }
        // `WITH CHECK ADD CONSTRAINT` of SQL Server.
        if part.is("WITH CHECK ADD") || part.is("WITH NOCHECK ADD") {
            part.at += 2;
        }
        if part.eat("RENAME TO") || part.eat("RENAME AS") {
            let to = part.name().ok_or("ALTER TABLE RENAME")?.text;
            self.tables.rename(&name, beside(&name, to));
            return Ok(());
        }
        if part.is("SET SCHEMA") {
            return Err(format!("ALTER TABLE {name} SET SCHEMA"));
        }
        let Some(known) = self.tables.get_mut(&name) else {
            return Err(format!("ALTER TABLE {name}, {NOT_HERE}"));
        };
        // Taken out while it changes, because an element may look at other tables.
        let mut known = std::mem::take(known);
        let mut is_add = false;
        for action in part.list() {
            is_add = self.action(action, &mut known, is_add);
        }
        if let Some(place) = self.tables.get_mut(&name) {
            *place = known;
        }
        Ok(())
    }

    /// One thing that is done to a table; of SQL Server's `ADD a int, b int`, the second is an addition too.
    fn action(&mut self, action: Cursor<'_>, known: &mut Known, is_add: bool) -> bool {
        let mut part = action;
        if part.eat("ADD") {
            self.add(part, known);
            return true;
        }
        let table = &mut known.table;
        let read = if part.is("ALTER CONSTRAINT") || part.is("ALTER INDEX") {
            Some(())
        } else if part.eat("ALTER") {
            part.eat("COLUMN");
            alter_column(part, table)
        } else if part.eat("MODIFY") {
            part.eat("COLUMN");
            redefine(part, None, table)
        } else if part.eat("CHANGE") {
            part.eat("COLUMN");
            part.name().and_then(|old| redefine(part, Some(old.text), table))
        } else if part.eat("DROP") {
            drop(part, table)
        } else if part.eat("RENAME") {
            rename(part, table)
        } else if part.eat("CONVERT TO") {
            convert(part, known);
            Some(())
        } else if part.is_any(NO_MATTER) {
            Some(())
        } else if is_add {
            self.element(part, known);
            return true;
        } else {
            None
        };
        if read.is_none() {
            let what = action.word(0).unwrap_or_default().to_uppercase();
            let what = format!("ALTER TABLE {} {what}", known.table.name);
            self.unread.push(Unread { what, span: Some(action.span()) });
        }
        false
    }

    fn add(&mut self, mut part: Cursor<'_>, known: &mut Known) {
        let is_column = part.eat("COLUMN");
        let was_not_there = part.eat("IF NOT EXISTS");
        if is_column && was_not_there {
            let is_there = { part }.name().is_some_and(|name| known.table.column(&name.text).is_some());
            if is_there {
                return;
            }
        }
        // `ADD CONSTRAINT name DEFAULT value FOR column` of SQL Server.
        let mut of_default = part;
        if of_default.eat("CONSTRAINT") {
            of_default.name();
        }
        if of_default.eat("DEFAULT") {
            let mut value = Column::default();
            default(&mut of_default, &mut value);
            of_default.eat("FOR");
            let name = of_default.name().map(|name| name.text).unwrap_or_default();
            if let Some(column) = column_mut(&mut known.table, &name) {
                column.default = value.default;
                column.is_counted |= value.is_counted;
            }
            return;
        }
        match part.group_of_all() {
            Some(list) => list.list().into_iter().for_each(|element| self.element(element, known)),
            None if part.is("PARTITION") || part.is("PERIOD") => {}
            None => self.element(part, known),
        }
    }

    /// DROP, from behind that word. What is not there is not missed: scripts begin so.
    pub(super) fn drop(&mut self, mut part: Cursor<'_>) {
        part.eat("TEMPORARY");
        part.eat("MATERIALIZED");
        let (is_table, is_index, is_trigger) =
            (part.is_any(&["TABLE", "VIEW"]), part.is("INDEX"), part.is("TRIGGER"));
        part.skip();
        part.eat("CONCURRENTLY");
        part.eat("IF EXISTS");
        for mut name in part.list() {
            let Some(name_of) = name.name().map(|name| name.text) else { continue };
            let of = if name.eat("ON") { name.name().map(|name| name.text) } else { None };
            if is_table && self.tables.remove(&name_of).is_some() {
                self.drop_triggers(|_, table| same(table, &name_of));
            } else if is_trigger {
                let is_of = |table: &str| of.as_deref().is_none_or(|of| same(of, table));
                self.drop_triggers(|trigger, table| same(trigger, &name_of) && is_of(table));
            } else if is_index {
                match of.and_then(|of| self.tables.get_mut(&of)) {
                    Some(known) => known.table.keys.retain(|key| !is_named(key, &name_of)),
                    None => self.tables.drop_index(name_of.rsplit('.').next().unwrap_or_default()),
                }
            }
        }
    }

    /// Takes out triggers by their name and that of their table.
    pub(super) fn drop_triggers(&mut self, is_gone: impl Fn(&str, &str) -> bool) {
        let stays = |trigger: &Trigger| !is_gone(&trigger.name, &trigger.table);
        let mut kept = self.triggers.iter().map(stays);
        self.calls.retain(|_| kept.next().unwrap_or(true));
        self.triggers.retain(stays);
    }
}

/// A new name in the schema of the old one, unless it names one.
fn beside(old: &str, new: String) -> String {
    match old.rsplit_once('.') {
        Some((schema, _)) if !new.contains('.') => format!("{schema}.{new}"),
        _ => new,
    }
}

fn column_mut<'a>(table: &'a mut Table, name: &str) -> Option<&'a mut Column> {
    table.columns.iter_mut().find(|column| same(&column.name, name))
}

/// `ALTER COLUMN name ..`, of which SQL Server's is a new definition.
fn alter_column(mut part: Cursor<'_>, table: &mut Table) -> Option<()> {
    let name = part.name()?;
    let Some(column) = column_mut(table, &name.text) else {
        // Nothing of it is known, and so nothing of it changes.
        return None;
    };
    if part.eat("SET NOT NULL") {
        column.nullable = false;
    } else if part.eat("DROP NOT NULL") {
        column.nullable = true;
    } else if part.eat("SET DEFAULT") {
        default(&mut part, column);
    } else if part.eat("DROP DEFAULT") {
        column.default = None;
        column.is_counted = kind::is_counted(&column.type_name);
    } else if part.eat("DROP IDENTITY") {
        column.is_counted = false;
    } else if part.eat("DROP EXPRESSION") {
        column.generated = None;
    } else if part.eat("TYPE") || part.eat("SET DATA TYPE") {
        set_type(&mut part, column);
        if part.eat("COLLATE") {
            column.collation = part.name().map(|name| name.text);
        }
    } else if part.is("ADD GENERATED") {
        column.is_counted = true;
        column.nullable = false;
    } else if part.is_any(&["SET", "RESET", "RESTART", "ADD", "DROP"]) {
        return Some(());
    } else {
        let mut changed = Column { nullable: true, ..column.clone() };
        set_type(&mut part, &mut changed);
        options(part, &mut changed, table);
        *column_mut(table, &name.text)? = changed;
    }
    Some(())
}

fn set_type(part: &mut Cursor<'_>, column: &mut Column) {
    column.type_name = type_name(part);
    column.kind = kind::of_type(&column.type_name, part.script.product);
}

/// MODIFY and CHANGE of MySQL: a whole definition.
fn redefine(part: Cursor<'_>, old: Option<String>, table: &mut Table) -> Option<()> {
    let new = { part }.name()?.text;
    if let Some(old) = old {
        rename_column(table, &old, &new);
    }
    column::read(part, table)
}

fn rename(mut part: Cursor<'_>, table: &mut Table) -> Option<()> {
    if part.is_any(&["CONSTRAINT", "INDEX", "KEY"]) {
        part.skip();
        let old = part.name()?.text;
        part.eat("TO");
        let new = part.name()?.text;
        if let Some(key) = table.keys.iter_mut().find(|key| is_named(key, &old)) {
            key.name = Some(new);
        }
        return Some(());
    }
    part.eat("COLUMN");
    let old = part.name()?.text;
    part.eat("TO");
    let new = part.name()?.text;
    rename_column(table, &old, &new);
    Some(())
}

fn rename_column(table: &mut Table, old: &str, new: &str) {
    if let Some(column) = column_mut(table, old) {
        new.clone_into(&mut column.name);
    }
    for part in table.keys.iter_mut().flat_map(|key| &mut key.parts) {
        if let KeyPart::Column(name) = part
            && same(name, old)
        {
            new.clone_into(name);
        }
    }
    let of_keys = table.foreign_keys.iter_mut().flat_map(|key| &mut key.columns);
    for name in of_keys.chain(&mut table.partitioned_by).filter(|name| same(name, old)) {
        new.clone_into(name);
    }
}

fn drop(mut part: Cursor<'_>, table: &mut Table) -> Option<()> {
    if part.eat("PRIMARY KEY") {
        table.keys.retain(|key| key.kind != KeyKind::Primary);
        return Some(());
    }
    if part.eat("FOREIGN KEY") || part.eat("CHECK") || part.eat("PARTITION") || part.eat("PERIOD") {
        return Some(());
    }
    let is_key = part.is_any(&["CONSTRAINT", "INDEX", "KEY"]);
    part.skip_words(&["CONSTRAINT", "INDEX", "KEY", "COLUMN"]);
    part.eat("IF EXISTS");
    let name = part.name()?.text;
    if is_key {
        // A key without a name has the one that the database gave it, which nobody here knows for certain.
        let usual = format!("{}_pkey", table.plain_name());
        let is_it = |key: &Key| {
            is_named(key, &name)
                || (key.kind == KeyKind::Primary && key.name.is_none() && same(&usual, &name))
        };
        table.keys.retain(|key| !is_it(key));
    } else {
        table.columns.retain(|column| !same(&column.name, &name));
        table.keys.retain(|key| !key.columns().any(|column| same(column, &name)));
    }
    Some(())
}

/// `CONVERT TO CHARACTER SET .. COLLATE ..` of MySQL: for every column of text that is there.
fn convert(mut part: Cursor<'_>, known: &mut Known) {
    while !part.is_done() && !part.eat("COLLATE") {
        part.skip();
    }
    part.eat_symbol('=');
    if let Some(collation) = part.name() {
        let is_text = |column: &&mut Column| matches!(column.kind, Kind::Text | Kind::Char);
        for column in known.table.columns.iter_mut().filter(is_text) {
            column.collation = Some(collation.text.clone());
        }
    }
}
