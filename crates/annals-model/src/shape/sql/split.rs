//! Where the statements of a script begin and end. Scripts of SQL Server have no `;` between them, so there a
//! statement ends where the next one begins.

use std::ops::Range;

use crate::shape::Product;

use super::cursor::{Cursor, Script};
use super::lex::TokenKind;

/// The statements, as ranges of tokens without what ends them. `is_block` is for the inside of a `DO` block, in
/// which statements follow on `THEN` and `LOOP`.
pub(super) fn statements(script: &Script<'_>, is_block: bool) -> Vec<Range<usize>> {
    let is_bare = is_block || script.may_be(Product::SqlServer);
    let mut statements = Vec::new();
    let mut at = 0;
    while at < script.tokens.len() {
        let cursor = script.part(at, script.tokens.len());
        if matches!(cursor.kind(), Some(TokenKind::Semicolon | TokenKind::Batch)) {
            at += 1;
            continue;
        }
        let end = end(cursor, is_bare).max(at + 1);
        statements.push(at..end);
        at = end;
    }
    statements
}

/// What a CREATE or ALTER is about, and how many tokens stand before that word.
pub(super) fn object<'a>(cursor: &Cursor<'a>) -> Option<(&'a str, usize)> {
    let mut ahead = 1;
    while let Some(word) = cursor.word(ahead) {
        let is = |words: &[&str]| words.iter().any(|wanted| word.eq_ignore_ascii_case(wanted));
        if is(&["DEFINER", "ALGORITHM"]) {
            // `DEFINER = 'name'@'host'`, `ALGORITHM = MERGE`.
            ahead += 2;
            while cursor.token(ahead).is_some()
                && !cursor.word(ahead).is_some_and(is_object)
                && ahead < MOST_MODIFIERS
            {
                ahead += 1;
            }
        } else if is(MODIFIERS) && ahead < MOST_MODIFIERS {
            ahead += 1;
        } else {
            return Some((word, ahead));
        }
    }
    None
}

/// What may stand between CREATE and what is created.
const MODIFIERS: &[&str] = &[
    "OR",
    "REPLACE",
    "ALTER",
    "TEMP",
    "TEMPORARY",
    "UNLOGGED",
    "GLOBAL",
    "LOCAL",
    "UNIQUE",
    "CLUSTERED",
    "NONCLUSTERED",
    "COLUMNSTORE",
    "CONSTRAINT",
    "RECURSIVE",
    "MATERIALIZED",
    "FULLTEXT",
    "SPATIAL",
    "SQL",
    "SECURITY",
    "INVOKER",
    "EDITIONABLE",
    "NONEDITIONABLE",
    "DEFAULT",
    "PARTITION",
];

const MOST_MODIFIERS: usize = 16;

fn is_object(word: &str) -> bool {
    const OBJECTS: &[&str] = &[
        "TABLE",
        "INDEX",
        "VIEW",
        "TRIGGER",
        "FUNCTION",
        "PROCEDURE",
        "PROC",
        "TYPE",
        "SCHEMA",
        "SEQUENCE",
        "DATABASE",
        "ROLE",
        "USER",
        "LOGIN",
        "EXTENSION",
        "DOMAIN",
        "RULE",
        "SQL",
        "EVENT",
        "AGGREGATE",
        "POLICY",
    ];
    OBJECTS.iter().any(|object| word.eq_ignore_ascii_case(object))
}

/// Whether text follows that is run later, and in which `;` may stand.
pub(super) fn is_routine(word: &str) -> bool {
    ["TRIGGER", "FUNCTION", "PROCEDURE", "PROC", "PACKAGE", "EVENT"]
        .iter()
        .any(|of| word.eq_ignore_ascii_case(of))
}

fn end(cursor: Cursor<'_>, is_bare: bool) -> usize {
    if matches!(cursor.kind(), Some(TokenKind::Command)) {
        return cursor.at + 1;
    }
    if cursor.is_any(&["CREATE", "ALTER"])
        && let Some((object, _)) = object(&cursor)
    {
        if is_routine(object) {
            return end_of_routine(cursor);
        }
        if object.eq_ignore_ascii_case("RULE") {
            return end_of_rule(cursor);
        }
    }
    let mut at = cursor;
    // BEGIN and END of SQL Server are statements by themselves, and so is what stands before a block.
    if is_bare && at.is_any(&["BEGIN", "END", "ELSE", "THEN", "LOOP"]) {
        let ends = at.is("END");
        at.skip();
        at.skip_words(&["TRY", "CATCH", "TRANSACTION", "TRAN", "WORK"]);
        if ends && ends_at(&at, 1) {
            at.skip_words(&["IF", "LOOP", "CASE"]);
        }
        return at.at;
    }
    let mut cases = 0_usize;
    at.skip();
    while !at.is_done() {
        match at.kind() {
            Some(TokenKind::Semicolon | TokenKind::Batch | TokenKind::Command) => break,
            Some(TokenKind::Word) if is_bare => {
                if at.is("CASE") {
                    cases += 1;
                } else if at.is("END") && cases > 0 {
                    cases -= 1;
                } else if begins_statement(&at) && !(cases > 0 && at.is_any(&["THEN", "ELSE"])) {
                    break;
                }
                at.skip();
            }
            _ => at.skip_item(),
        }
    }
    at.at
}

/// Whether a statement ends before a token from here.
fn ends_at(at: &Cursor<'_>, ahead: usize) -> bool {
    let ends = |kind| matches!(kind, TokenKind::Semicolon | TokenKind::Batch | TokenKind::Symbol(';'));
    at.token(ahead).is_none_or(|token| ends(token.kind))
}

/// Whether a word can only be the first of a statement, where it stands inside no parentheses.
fn begins_statement(at: &Cursor<'_>) -> bool {
    let next = at.word(1).unwrap_or_default();
    let next_is = |words: &[&str]| words.iter().any(|word| next.eq_ignore_ascii_case(word));
    let is_parenthesis =
        |ahead: usize| at.token(ahead).is_some_and(|token| token.kind == TokenKind::Symbol('('));
    if at.is("CREATE") {
        return object(at).is_some_and(|(object, _)| is_object(object));
    }
    if at.is("ALTER") {
        // `CREATE OR ALTER` is one.
        return !follows(at, "OR")
            && next_is(&[
                "TABLE",
                "PROCEDURE",
                "PROC",
                "TRIGGER",
                "FUNCTION",
                "VIEW",
                "DATABASE",
                "ROLE",
                "AUTHORIZATION",
            ]);
    }
    if at.is("DROP") {
        return next_is(&[
            "TABLE",
            "VIEW",
            "PROCEDURE",
            "PROC",
            "TRIGGER",
            "FUNCTION",
            "TYPE",
            "SCHEMA",
            "SEQUENCE",
        ]);
    }
    if at.is("IF") {
        // `IF EXISTS (SELECT ..)`, and not `DROP TABLE IF EXISTS name`.
        let exists = if next_is(&["NOT"]) { 2 } else { 1 };
        let is_exists = at.word(exists).is_some_and(|word| word.eq_ignore_ascii_case("EXISTS"));
        return !is_exists || is_parenthesis(exists + 1);
    }
    if at.is_any(&["EXEC", "EXECUTE"]) {
        let is_right = at.token(1).is_none_or(|token| matches!(token.kind, TokenKind::Symbol(',')));
        return !is_right && !next_is(&["ON", "TO", "AS", "FUNCTION", "PROCEDURE"]);
    }
    if at.is("INSERT") {
        return next_is(&["INTO"]);
    }
    if at.is("TRUNCATE") {
        return next_is(&["TABLE"]);
    }
    if at.is_any(&["GRANT", "REVOKE", "DENY"]) {
        return !next.is_empty() && !next_is(&["OPTION", "OPTIONS"]);
    }
    let is_name =
        is_parenthesis(1) && at.is_any(&["BEGIN", "END", "ELSE", "DECLARE", "COMMIT", "THEN", "LOOP"]);
    at.is_any(&[
        "BEGIN",
        "END",
        "ELSE",
        "PRINT",
        "DECLARE",
        "RAISERROR",
        "THROW",
        "COMMIT",
        "WHILE",
        "THEN",
        "LOOP",
    ]) && !is_name
}

/// A routine of SQL Server goes on to the end of its batch; others end at the `;` after their last END.
fn end_of_routine(cursor: Cursor<'_>) -> usize {
    let to_batch = cursor.script.is(Product::SqlServer);
    let mut at = cursor;
    let (mut depth, mut had_block) = (0_usize, false);
    at.skip();
    while !at.is_done() {
        match at.kind() {
            Some(TokenKind::Batch) => break,
            Some(TokenKind::Semicolon) if depth == 0 && !to_batch => break,
            Some(TokenKind::Word) => {
                let begins = at.is("BEGIN") && !begins_transaction(&at);
                if begins || (at.is("CASE") && !follows(&at, "END")) {
                    depth += 1;
                    had_block |= begins;
                } else if at.is("END") && !ends_other_block(&at) {
                    depth = depth.saturating_sub(1);
                } else if depth == 0 && had_block && at.is("CREATE") && begins_statement(&at) {
                    break;
                }
                at.skip();
            }
            _ => at.skip(),
        }
    }
    at.at
}

fn begins_transaction(at: &Cursor<'_>) -> bool {
    ["TRAN", "TRANSACTION", "DISTRIBUTED"]
        .iter()
        .any(|word| at.word(1).is_some_and(|next| next.eq_ignore_ascii_case(word)))
}

/// `END IF` and its like close what was not counted.
fn ends_other_block(at: &Cursor<'_>) -> bool {
    ["IF", "LOOP", "WHILE", "REPEAT", "FOR"]
        .iter()
        .any(|word| at.word(1).is_some_and(|next| next.eq_ignore_ascii_case(word)))
}

fn follows(at: &Cursor<'_>, word: &str) -> bool {
    at.at.checked_sub(1).is_some_and(|before| Cursor { at: before, ..*at }.is(word))
}

/// A rule may have several statements in parentheses.
fn end_of_rule(cursor: Cursor<'_>) -> usize {
    let (mut at, mut depth) = (cursor, 0_usize);
    while !at.is_done() {
        match at.kind() {
            Some(TokenKind::Batch) => break,
            Some(TokenKind::Semicolon) if depth == 0 => break,
            Some(TokenKind::Symbol('(')) => depth += 1,
            Some(TokenKind::Symbol(')')) => depth = depth.saturating_sub(1),
            _ => {}
        }
        at.skip();
    }
    at.at
}
