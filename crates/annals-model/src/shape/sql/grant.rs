//! GRANT, REVOKE and DENY.

use crate::shape::Grant;

use super::Reader;
use super::cursor::Cursor;
use super::trigger::operations;

/// What may be granted on that is no table.
const NO_TABLE: &[&str] = &[
    "FUNCTION",
    "PROCEDURE",
    "ROUTINE",
    "SEQUENCE",
    "DATABASE",
    "TYPE",
    "DOMAIN",
    "LANGUAGE",
    "TABLESPACE",
    "FOREIGN",
    "LARGE",
    "PARAMETER",
    "LOGIN",
    "ENDPOINT",
    "CERTIFICATE",
    "SEQUENCES",
    "FUNCTIONS",
    "ROUTINES",
    "TYPES",
    "SCHEMAS",
];

impl Reader {
    /// Who may do what from now on, or may not.
    pub(super) fn grant(&mut self, whole: Cursor<'_>) -> Result<(), String> {
        let mut part = whole;
        let is_denied = !part.is("GRANT");
        let verb = part.word(0).unwrap_or_default().to_uppercase();
        part.skip();
        if part.is("GRANT OPTION") || part.is("ADMIN OPTION") {
            return Ok(());
        }
        let start = part.at;
        skip_to(&mut part, &["ON", "TO", "FROM"]);
        let privileges = Cursor { at: start, end: part.at, ..part }.list();
        let mut allowed: Vec<_> = privileges.iter().flat_map(operations).collect();
        allowed.dedup();
        let tables = if part.eat("ON") {
            let start = part.at;
            skip_to(&mut part, &["TO", "FROM"]);
            match targets(Cursor { at: start, end: part.at, ..part }) {
                Some(tables) => tables,
                None => return Ok(()),
            }
        } else {
            // A role to a role; or, in SQL Server, something in the whole database.
            vec![None]
        };
        // Of all tables, only what changes them says something.
        if allowed.is_empty() && tables.contains(&None) {
            return Ok(());
        }
        part.skip();
        let who = part.list();
        if who.is_empty() {
            return Err(verb);
        }
        for mut to in who {
            to.skip_words(&["GROUP", "ROLE"]);
            let Some(to) = to.name().map(|name| name.text) else { continue };
            for table in &tables {
                self.grants.push(Grant {
                    to: to.clone(),
                    table: table.clone(),
                    operations: allowed.clone(),
                    is_denied,
                    span: Some(whole.span()),
                });
            }
        }
        Ok(())
    }
}

fn skip_to(part: &mut Cursor<'_>, words: &[&str]) {
    while !part.is_done() && !part.is_any(words) {
        part.skip_item();
    }
}

/// The tables that something is granted on, `None` for all; nothing where it is on something else.
fn targets(mut part: Cursor<'_>) -> Option<Vec<Option<String>>> {
    if part.is("ALL TABLES") || part.is("SCHEMA") || part.is("TABLES") {
        return Some(vec![None]);
    }
    let is_other = part.is("ALL") || part.is_any(NO_TABLE);
    // `OBJECT::events` of SQL Server.
    let is_class = Cursor { at: part.at + 1, ..part }.is_symbol(':');
    if is_other && !is_next_a_list_end(&part) {
        return None;
    }
    part.eat("TABLE");
    if is_class {
        part.eat("OBJECT");
        while part.eat_symbol(':') {}
    }
    let name =
        |mut part: Cursor<'_>| part.name().map(|name| Some(name.text).filter(|name| !name.ends_with('*')));
    Some(part.list().into_iter().filter_map(name).collect())
}

/// Whether a word is all there is, and so the name of a table.
fn is_next_a_list_end(part: &Cursor<'_>) -> bool {
    part.at + 1 == part.end && !part.is("ALL")
}
