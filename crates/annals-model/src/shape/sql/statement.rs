//! What a statement is, by its first words, and who reads it.

use crate::shape::{Product, Unread};

use super::cursor::Cursor;
use super::lex::{Token, TokenKind};
use super::split::{is_routine, object};
use super::{How, MOST_DEPTH, Reader};

/// First words of statements that say nothing of the shape of a store.
const NO_MATTER: &[&str] = &[
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "WITH",
    "VALUES",
    "SET",
    "RESET",
    "SHOW",
    "USE",
    "BEGIN",
    "START",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "END",
    "ABORT",
    "LOCK",
    "UNLOCK",
    "PRINT",
    "DECLARE",
    "IF",
    "ELSE",
    "WHILE",
    "RETURN",
    "RAISERROR",
    "THROW",
    "COMMENT",
    "ANALYZE",
    "ANALYSE",
    "VACUUM",
    "EXPLAIN",
    "PRAGMA",
    "CALL",
    "ATTACH",
    "DETACH",
    "REINDEX",
    "CLUSTER",
    "NOTIFY",
    "LISTEN",
    "UNLISTEN",
    "CHECKPOINT",
    "DISCARD",
    "TRUNCATE",
    "REPLACE",
    "LOAD",
    "OPTIMIZE",
    "FLUSH",
    "SECURITY",
    "GOTO",
    "WAITFOR",
    "COPY",
    "REFRESH",
    "REASSIGN",
    "DBCC",
    "UPSERT",
    "DEALLOCATE",
    "KILL",
    "PERFORM",
    "RAISE",
    "EXCEPTION",
    "THEN",
    "LOOP",
    "ELSIF",
    "FOR",
    "FETCH",
    "OPEN",
    "CLOSE",
];

/// What may be created, altered or dropped without a table being another.
const NO_TABLE: &[&str] = &[
    "SCHEMA",
    "DATABASE",
    "EXTENSION",
    "ROLE",
    "USER",
    "LOGIN",
    "SEQUENCE",
    "TYPE",
    "DOMAIN",
    "COLLATION",
    "STATISTICS",
    "LANGUAGE",
    "GROUP",
    "TABLESPACE",
    "CAST",
    "SYSTEM",
    "PRIVILEGES",
    "AUTHORIZATION",
    "FILEGROUP",
    "QUEUE",
];

impl Reader {
    /// Reads a statement; the error is what it seems to be where that is not understood.
    pub(super) fn statement(&mut self, statement: Cursor<'_>, how: &How) -> Result<(), String> {
        let Some(first) = statement.token(0) else { return Ok(()) };
        if first.kind == TokenKind::Command {
            return command(statement.text_of(first));
        }
        if statement.is("CREATE") {
            self.create(statement, how)
        } else if statement.is("ALTER") {
            self.alter(statement)
        } else if statement.is("DROP") {
            self.drop(Cursor { at: statement.at + 1, ..statement });
            Ok(())
        } else if statement.is_any(&["GRANT", "REVOKE", "DENY"]) {
            self.grant(statement)
        } else if statement.is("DO") {
            self.block(statement, how)
        } else if statement.is_any(&["EXEC", "EXECUTE", "PREPARE"]) {
            self.execute(statement, how)
        } else if how.is_block || statement.is_any(NO_MATTER) || is_no_statement(&statement) {
            Ok(())
        } else {
            let second = statement.word(1).unwrap_or_default();
            Err(format!("{} {second}", statement.text_of(first)).trim_end().to_uppercase())
        }
    }

    fn create(&mut self, statement: Cursor<'_>, how: &How) -> Result<(), String> {
        let Some((object, ahead)) = object(&statement) else { return Err("CREATE".to_owned()) };
        let modifiers = Cursor { end: statement.at + ahead, ..statement };
        let has = |word: &str| {
            let mut at = modifiers;
            while !at.is_done() && !at.is(word) {
                at.skip();
            }
            !at.is_done()
        };
        let is = |word: &str| object.eq_ignore_ascii_case(word);
        let part = Cursor { at: statement.at + ahead + 1, ..statement };
        let is_temporary = has("TEMP") || has("TEMPORARY");
        let read = if is("TABLE") {
            self.create_table(part, is_temporary)
        } else if is("INDEX") {
            self.create_index(part, statement.at, has("UNIQUE"))
        } else if is("VIEW") {
            self.create_view(part, is_temporary)
        } else if is("TRIGGER") {
            self.create_trigger(statement, part)
        } else if is("RULE") {
            self.create_rule(statement, part)
        } else if is("FUNCTION") || is("PROCEDURE") || is("PROC") {
            self.create_routine(statement, part)
        } else if NO_TABLE.iter().any(|of| is(of)) {
            Ok(())
        } else {
            Err(format!("CREATE {}", object.to_uppercase()))
        };
        // What a block does only if something holds may be there already.
        read.or_else(|what| if how.is_block && what.ends_with(", again") { Ok(()) } else { Err(what) })
    }

    fn alter(&mut self, statement: Cursor<'_>) -> Result<(), String> {
        let Some((object, ahead)) = object(&statement) else { return Err("ALTER".to_owned()) };
        let is = |word: &str| object.eq_ignore_ascii_case(word);
        let part = Cursor { at: statement.at + ahead + 1, ..statement };
        if is("TABLE") {
            return self.alter_table(part);
        }
        if is("PRIVILEGES") {
            return self.default_privileges(part);
        }
        let is_redefinition = statement.script.may_be(Product::SqlServer) && is_routine(object);
        if is_redefinition && is("TRIGGER") {
            self.drop_before_alter(part);
            return self.create_trigger(statement, part);
        }
        if is_redefinition {
            return self.create_routine(statement, part);
        }
        let is_no_matter = is_routine(object) || is("INDEX") || is("VIEW") || is("FOREIGN");
        if is_no_matter || NO_TABLE.iter().any(|of| is(of)) {
            Ok(())
        } else {
            Err(format!("ALTER {}", object.to_uppercase()))
        }
    }

    /// `ALTER TRIGGER` of SQL Server puts a trigger in the place of the one that is there.
    fn drop_before_alter(&mut self, part: Cursor<'_>) {
        if part.at > 0 {
            self.drop(Cursor { at: part.at - 1, ..part });
        }
    }

    /// `ALTER DEFAULT PRIVILEGES .. GRANT ..`: of tables to come.
    fn default_privileges(&mut self, mut part: Cursor<'_>) -> Result<(), String> {
        while !part.is_done() && !part.is_any(&["GRANT", "REVOKE"]) {
            part.skip();
        }
        if part.is_done() { Ok(()) } else { self.grant(part) }
    }

    /// `DO $$ .. $$`: what is in it is read as if every condition in it held.
    fn block(&mut self, statement: Cursor<'_>, how: &How) -> Result<(), String> {
        let texts: Vec<Token> = (0..statement.end - statement.at)
            .filter_map(|ahead| statement.token(ahead))
            .filter(|token| token.kind == TokenKind::Text)
            .collect();
        // MySQL's evaluates an expression.
        let Some(body) = texts.last() else {
            return if statement.script.is(Product::MySql) { Ok(()) } else { Err("DO block".to_owned()) };
        };
        let quote = statement
            .text_of(*body)
            .bytes()
            .skip(1)
            .position(|byte| matches!(byte, b'$'))
            .map_or(1, |at| at + 2);
        let text = statement.text_of(*body);
        if how.depth < MOST_DEPTH && text.starts_with('$') {
            let inside = body.start + quote..body.end - quote;
            let how = How { is_block: true, depth: how.depth + 1, ..*how };
            self.part(statement.script.text, statement.script.file, inside, &how);
        }
        Ok(())
    }

    /// `EXEC(N'..')` of SQL Server, where all of it is one literal; a call of a procedure is passed over.
    fn execute(&mut self, statement: Cursor<'_>, how: &How) -> Result<(), String> {
        if statement.is("PREPARE") {
            return Err("PREPARE".to_owned());
        }
        let mut part = statement;
        part.skip();
        let is_sql = part.is("sp_executesql") || { part }
            .name()
            .is_some_and(|name| name.text.ends_with("sp_executesql"));
        if is_sql {
            part.name();
        }
        let inside = part.group_of_all().unwrap_or(part);
        let literal = inside.token(0).filter(|token| token.kind == TokenKind::Text);
        let is_all = inside.at + 1 == inside.end || is_sql;
        match literal {
            Some(literal) if is_all && how.depth < MOST_DEPTH => {
                let quote = statement.text_of(literal).find('\'').map_or(1, |at| at + 1);
                let begin = literal.start + quote;
                let how = How { is_literal: true, depth: how.depth + 1, ..*how };
                let text = statement.script.text;
                self.part(text, statement.script.file, begin..literal.end.saturating_sub(1).max(begin), &how);
                Ok(())
            }
            Some(_) => Err("EXEC of a text".to_owned()),
            None if is_sql || (part.is_symbol('(') && !how.is_block) => Err("EXEC of a text".to_owned()),
            None if part.is("sp_rename") => Err("EXEC sp_rename".to_owned()),
            None => {
                if how.is_block {
                    self.unread
                        .push(Unread { what: "EXECUTE of a text".to_owned(), span: Some(statement.span()) });
                }
                Ok(())
            }
        }
    }
}

/// A label, a placeholder for a statement, a stray sign.
fn is_no_statement(statement: &Cursor<'_>) -> bool {
    if statement.at + 1 == statement.end {
        return true;
    }
    match statement.word(0) {
        Some(word) => word.starts_with(['{', '$', '@', '%', '#']),
        None => true,
    }
}

/// A command of a client, which may bring in another file.
fn command(text: &str) -> Result<(), String> {
    let name = text.split_ascii_whitespace().next().unwrap_or_default();
    let includes = ["\\i", "\\ir", "\\include", "\\include_relative", ":r", ".read", "\\.", "\\gexec"];
    if includes.contains(&name) { Err(text.to_owned()) } else { Ok(()) }
}
