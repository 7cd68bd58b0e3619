//! Triggers, rules of PostgreSQL, functions and procedures.

use crate::shape::{Operation, Product, Routine, Trigger};

use super::Reader;
use super::constraint::same;
use super::cursor::Cursor;
use super::lex::TokenKind;

impl Reader {
    /// CREATE TRIGGER, from behind that word.
    pub(super) fn create_trigger(&mut self, whole: Cursor<'_>, mut part: Cursor<'_>) -> Result<(), String> {
        part.eat("IF NOT EXISTS");
        let name = part.name().ok_or("CREATE TRIGGER")?;
        let unread = || format!("CREATE TRIGGER {}", name.text);
        let (mut table, mut on, mut instead) = (None, Vec::new(), false);
        while !part.is_done() && !begins_body(&part) {
            if part.eat("INSTEAD OF") {
                instead = true;
            } else if part.eat("ON") {
                if part.is("DATABASE") || part.is("ALL SERVER") {
                    return Err(unread());
                }
                table = Some(part.name().ok_or_else(unread)?);
            } else {
                on.extend(part.word(0).and_then(operation));
                part.skip_item();
            }
        }
        let header = Cursor { end: part.at, ..whole };
        let table = table.ok_or_else(unread)?;
        self.push_trigger(Trigger {
            name: name.text,
            table: table.text,
            on,
            instead,
            body: whole.text().to_owned(),
            span: Some(header.span()),
        });
        self.calls.push(called(part));
        Ok(())
    }

    /// CREATE RULE, from behind that word.
    pub(super) fn create_rule(&mut self, whole: Cursor<'_>, mut part: Cursor<'_>) -> Result<(), String> {
        let name = part.name().ok_or("CREATE RULE")?;
        part.eat("AS");
        part.eat("ON");
        let on: Vec<Operation> = part.word(0).and_then(operation).into_iter().collect();
        part.skip();
        part.eat("TO");
        let table = part.name().ok_or_else(|| format!("CREATE RULE {}", name.text))?;
        while !part.is_done() && !part.eat("DO") {
            part.skip();
        }
        let instead = part.eat("INSTEAD");
        if !on.is_empty() {
            let header = Cursor { end: part.at, ..whole };
            self.push_trigger(Trigger {
                name: name.text,
                table: table.text,
                on,
                instead,
                body: whole.text().to_owned(),
                span: Some(header.span()),
            });
            self.calls.push(None);
        }
        Ok(())
    }

    /// Takes in a trigger, in the place of one that is called so on that table.
    fn push_trigger(&mut self, trigger: Trigger) {
        if !self.names.insert(format!("trigger {} on {}", trigger.name, trigger.table).to_lowercase()) {
            self.drop_triggers(|name, table| same(name, &trigger.name) && same(table, &trigger.table));
        }
        self.triggers.push(trigger);
    }

    /// CREATE FUNCTION or PROCEDURE, or SQL Server's ALTER of one, from behind that word.
    pub(super) fn create_routine(&mut self, whole: Cursor<'_>, mut part: Cursor<'_>) -> Result<(), String> {
        part.eat("IF NOT EXISTS");
        let name = part.name().ok_or("CREATE FUNCTION")?;
        let header = Cursor { end: part.at, ..whole };
        let arguments = part.group().map(|group| group.text()).unwrap_or_default();
        let routine = Routine { name: name.text, body: whole.text().to_owned(), span: Some(header.span()) };
        // PostgreSQL has several of one name, which differ in what they take.
        let is_same = |other: &Routine| {
            same(&other.name, &routine.name)
                && (!whole.script.is(Product::Postgres) || other.body.contains(&format!("({arguments})")))
        };
        if !self.names.insert(format!("routine {}", routine.name).to_lowercase()) {
            self.routines.retain(|other| !is_same(other));
        }
        self.routines.push(routine);
        Ok(())
    }
}

/// Where what a trigger does begins, and the conditions of that.
fn begins_body(part: &Cursor<'_>) -> bool {
    part.is_any(&["EXECUTE", "BEGIN", "AS", "WHEN", "REFERENCING"]) || part.is("FOR EACH")
}

fn operation(word: &str) -> Option<Operation> {
    let known = [
        ("INSERT", Operation::Insert),
        ("UPDATE", Operation::Update),
        ("DELETE", Operation::Delete),
        ("TRUNCATE", Operation::Truncate),
    ];
    known.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, operation)| operation)
}

/// The operations that a privilege is for.
pub(super) fn operations(privilege: &Cursor<'_>) -> Vec<Operation> {
    if privilege.is("ALL") {
        return vec![Operation::Insert, Operation::Update, Operation::Delete, Operation::Truncate];
    }
    privilege.word(0).and_then(operation).into_iter().collect()
}

/// The function that is EXECUTEd.
fn called(mut part: Cursor<'_>) -> Option<String> {
    while !part.is_done() {
        let is_call = part.is("EXECUTE FUNCTION") || part.is("EXECUTE PROCEDURE");
        if is_call {
            part.at += 2;
            return part.name().map(|name| name.text);
        }
        // Past a condition; but a body is read by nobody here.
        if matches!(part.kind(), Some(TokenKind::Word)) && part.is("BEGIN") {
            return None;
        }
        part.skip_item();
    }
    None
}

/// Puts the text of the functions that triggers call behind that of the triggers.
pub(super) fn resolve(triggers: &mut [Trigger], calls: &[Option<String>], routines: &[Routine]) {
    let plain = |name: &str| name.rsplit('.').next().unwrap_or_default().to_lowercase();
    let by_name: std::collections::HashMap<String, &Routine> =
        routines.iter().map(|routine| (plain(&routine.name), routine)).collect();
    for (trigger, call) in triggers.iter_mut().zip(calls) {
        if let Some(routine) = call.as_ref().and_then(|call| by_name.get(&plain(call))) {
            trigger.body.push('\n');
            trigger.body.push_str(&routine.body);
        }
    }
}
