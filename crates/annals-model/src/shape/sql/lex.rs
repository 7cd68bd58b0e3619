//! Tokens of SQL scripts as people have them: with the commands of psql, sqlcmd and the mysql client in between,
//! with `{placeholders}`, and with mistakes. Any text has tokens, found in one pass.

use std::collections::HashMap;
use std::ops::Range;

use crate::shape::Product;

/// A token, and the bytes that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A key word, a name, or a placeholder.
    Word,
    /// A name in `"`, backticks or `[]`.
    Quoted,
    /// A text in `'`, or in dollar quotes.
    Text,
    Number,
    Symbol(char),
    /// The `;` that ends a statement.
    Semicolon,
    /// What ends a batch: `GO`, a delimiter of one's own.
    Batch,
    /// A command of a client: `\i other.sql`.
    Command,
}

/// How a text is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dialect {
    pub(super) product: Option<Product>,
    /// Whether the text stands in a literal, where each quote is two.
    pub(super) doubles_quotes: bool,
}

/// The tokens of a part of a text.
pub(super) fn tokens(text: &str, part: Range<usize>, dialect: Dialect) -> Vec<Token> {
    let end = part.end.min(text.len());
    let text = text.get(..end).unwrap_or_default();
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        at: part.start,
        dialect,
        tokens: Vec::new(),
        delimiter: String::new(),
        dollars: dollar_tags(text, dialect),
        unclosed: Vec::new(),
        in_conditional: false,
    };
    while lexer.at < lexer.bytes.len() {
        lexer.step();
    }
    lexer.tokens
}

/// Where each `$tag$` is seen last, so that nobody looks twice for one that is never closed.
fn dollar_tags(text: &str, dialect: Dialect) -> HashMap<&str, usize> {
    let mut last = HashMap::new();
    if matches!(dialect.product, None | Some(Product::Postgres)) {
        let mut at = 0;
        while let Some(found) = text.get(at..).and_then(|rest| rest.find('$')) {
            at += found;
            if let Some(tag) = dollar_tag(text, at) {
                last.insert(tag, at);
            }
            at += 1;
        }
    }
    last
}

/// `$tag$`, where it begins at a byte.
fn dollar_tag(text: &str, at: usize) -> Option<&str> {
    let rest = text.get(at..)?.strip_prefix('$')?;
    let is_of_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let length = rest.chars().take_while(is_of_name).count();
    let is_tag = rest[length..].starts_with('$') && !rest.starts_with(|c: char| c.is_ascii_digit());
    is_tag.then(|| &text[at..at + length + 2])
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    dialect: Dialect,
    tokens: Vec<Token>,
    /// What ends a statement in the place of `;`, as the mysql client is told.
    delimiter: String,
    dollars: HashMap<&'a str, usize>,
    /// What was opened somewhere and never closed, and so is not looked for again.
    unclosed: Vec<&'static str>,
    /// Inside a comment that MySQL reads.
    in_conditional: bool,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let Some(byte) = self.byte(0) else { return };
        if byte.is_ascii_whitespace() {
            self.at += 1;
        } else if self.is_at(BYTE_ORDER_MARK) {
            self.at += BYTE_ORDER_MARK.len();
        } else if !(self.client_command() || self.delimiter() || self.comment() || self.quoted()) {
            self.word_or_symbol(byte);
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn is_at(&self, begin: &str) -> bool {
        self.bytes[self.at..].starts_with(begin.as_bytes())
    }

    fn is(&self, product: Product) -> bool {
        self.dialect.product == Some(product)
    }

    fn push(&mut self, kind: TokenKind, length: usize) {
        self.tokens.push(Token { kind, start: self.at, end: self.at + length });
        self.at += length;
    }

    fn line_rest(&self) -> &str {
        self.rest().split('\n').next().unwrap_or_default()
    }

    /// Whether nothing but blanks stands before this on its line.
    fn begins_line(&self) -> bool {
        let before = self.bytes[..self.at].iter().rev();
        before.clone().take_while(|byte| matches!(byte, b' ' | b'\t')).count() <= MOST_INDENT
            && before
                .skip_while(|byte| matches!(byte, b' ' | b'\t'))
                .take(1)
                .all(|byte| matches!(byte, b'\n' | b'\r'))
    }

    fn skip_line(&mut self) {
        self.at += self.line_rest().len();
    }

    /// `\i`, `:r`, `.read`, `DELIMITER`, `GO`.
    fn client_command(&mut self) -> bool {
        let Some(first) = self.byte(0) else { return false };
        if !matches!(first, b'\\' | b':' | b'.' | b'd' | b'D' | b'g' | b'G' | b'/') || !self.begins_line() {
            return false;
        }
        let line = self.line_rest().trim_end().to_owned();
        let mut words = line.split_ascii_whitespace();
        let (command, argument) = (words.next().unwrap_or_default(), words.next());
        if command.eq_ignore_ascii_case("DELIMITER") {
            let delimiter = argument.unwrap_or_default();
            self.delimiter = if delimiter == ";" { String::new() } else { delimiter.to_owned() };
            // What stood before it is over.
            self.push(TokenKind::Batch, line.len());
            return true;
        }
        let is_go = command.trim_end_matches(';').eq_ignore_ascii_case("GO")
            && argument.is_none_or(|argument| argument.starts_with("--") || argument.parse::<u32>().is_ok());
        if is_go || line == "/" {
            self.push(TokenKind::Batch, line.len());
            return true;
        }
        let is_named = line.len() > 1 && line[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '!');
        let in_column_one = self.at == 0 || self.bytes[self.at - 1] == b'\n';
        let is_command = match first {
            b'\\' => is_named,
            b':' => in_column_one && is_named && !line.starts_with("::"),
            b'.' => in_column_one && is_named,
            _ => false,
        };
        if is_command {
            self.push(TokenKind::Command, line.len());
        }
        is_command
    }

    /// What ends a statement.
    fn delimiter(&mut self) -> bool {
        if !self.delimiter.is_empty() && self.is_at(&self.delimiter) {
            self.push(TokenKind::Batch, self.delimiter.len());
            return true;
        }
        if self.byte(0) != Some(b';') {
            return false;
        }
        let kind = if self.delimiter.is_empty() { TokenKind::Semicolon } else { TokenKind::Symbol(';') };
        let is_copy = self.ends_copy_from_stdin();
        self.push(kind, 1);
        if is_copy && let Some(end) = self.find("\n\\.") {
            self.at = end;
        }
        true
    }

    /// Whether `COPY .. FROM stdin` stands before, the data of which follow.
    fn ends_copy_from_stdin(&self) -> bool {
        let ended = |token: &&Token| !matches!(token.kind, TokenKind::Semicolon | TokenKind::Batch);
        let is = |token: &Token, word: &str| {
            self.text.get(token.start..token.end).is_some_and(|text| text.eq_ignore_ascii_case(word))
        };
        let statement: Vec<&Token> = self.tokens.iter().rev().take(MOST_COPY).take_while(ended).collect();
        statement.last().is_some_and(|first| is(first, "COPY"))
            && statement.iter().any(|token| is(token, "stdin"))
    }

    /// The byte after the next `end`, if there is one.
    fn find(&mut self, end: &'static str) -> Option<usize> {
        if self.unclosed.contains(&end) {
            return None;
        }
        let found = self.rest().find(end).map(|found| self.at + found + end.len());
        if found.is_none() {
            self.unclosed.push(end);
        }
        found
    }

    fn comment(&mut self) -> bool {
        let line = self.is_at("--")
            || (self.byte(0) == Some(b'#')
                && (self.is(Product::MySql) || (self.begins_line() && self.byte(1) == Some(b' ')))
                && self.byte(1) != Some(b'{'));
        if line {
            self.line_comment();
            return true;
        }
        if self.in_conditional && self.is_at("*/") {
            self.in_conditional = false;
            self.at += 2;
            return true;
        }
        if !self.is_at("/*") {
            return false;
        }
        if self.is_at("/*!") || self.is_at("/*M!") {
            // MySQL reads these, from the version on that is named.
            self.in_conditional = true;
            self.at += self.rest().find('!').map_or(3, |at| at + 1);
            while self.byte(0).is_some_and(|byte| byte.is_ascii_digit()) {
                self.at += 1;
            }
            return true;
        }
        self.at = self.nested_comment().or_else(|| self.find("*/")).unwrap_or(self.bytes.len());
        true
    }

    /// The end of a comment in which there may be others, which not every product has; so only where they all close.
    fn nested_comment(&mut self) -> Option<usize> {
        const NESTED: &str = "nested */";
        if matches!(self.dialect.product, Some(Product::MySql | Product::Sqlite))
            || self.unclosed.contains(&NESTED)
        {
            return None;
        }
        let (mut depth, mut at) = (0, self.at);
        while at + 1 < self.bytes.len() {
            match &self.bytes[at..at + 2] {
                b"/*" => depth += 1,
                b"*/" => depth -= 1,
                _ => {
                    at += 1;
                    continue;
                }
            }
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        }
        self.unclosed.push(NESTED);
        None
    }

    /// Tools for migrations keep the way back in the same file; it is not what the store is.
    fn line_comment(&mut self) {
        let line = self.line_rest().trim_start_matches(['-', '#', ' ', '/']).to_ascii_lowercase();
        self.skip_line();
        let ways =
            [("+goose down", "+goose up"), ("+migrate down", "+migrate up"), ("migrate:down", "migrate:up")];
        let way = ways.iter().find(|(back, _)| line.trim_start().starts_with(back));
        let is_undo = line.starts_with("@undo") || line.starts_with("rambler down");
        if let Some((_, forth)) = way {
            let is_forth = |line: &&str| line.to_ascii_lowercase().contains(forth);
            self.at += self
                .rest()
                .split_inclusive('\n')
                .take_while(|line| !is_forth(line))
                .map(str::len)
                .sum::<usize>();
        } else if is_undo {
            self.at = self.bytes.len();
        }
    }

    fn quoted(&mut self) -> bool {
        match self.byte(0) {
            Some(b'\'') => self.text(0),
            Some(b'N' | b'n' | b'E' | b'e' | b'B' | b'b' | b'X' | b'x') if self.byte(1) == Some(b'\'') => {
                self.text(1)
            }
            Some(b'"') => self.name("\""),
            Some(b'`') => self.name("`"),
            Some(b'[') => self.is_bracketed_name() && self.name("]"),
            Some(b'$') => self.dollar_text(),
            _ => false,
        }
    }

    /// A text in `'`, before which a letter may stand.
    fn text(&mut self, letters: usize) -> bool {
        if self.dialect.doubles_quotes {
            return self.text_of_doubled_quotes(letters);
        }
        if self.unclosed.contains(&"'") {
            return false;
        }
        let escapes = self.is(Product::MySql) || matches!(self.byte(0), Some(b'E' | b'e'));
        let mut at = self.at + letters + 1;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'\\' if escapes => at += 2,
                b'\'' if self.bytes.get(at + 1) == Some(&b'\'') => at += 2,
                b'\'' => {
                    self.push(TokenKind::Text, at + 1 - self.at);
                    return true;
                }
                _ => at += 1,
            }
        }
        self.unclosed.push("'");
        false
    }

    fn text_of_doubled_quotes(&mut self, letters: usize) -> bool {
        let open = self.at + letters;
        let is_open = self.bytes.get(open + 1) == Some(&b'\'') && !self.unclosed.contains(&"'");
        let rest = self.text.get(open + 2..).unwrap_or_default();
        match rest.find("''") {
            Some(length) if is_open => {
                self.push(TokenKind::Text, letters + 2 + length + 2);
                true
            }
            _ => {
                self.unclosed.push("'");
                false
            }
        }
    }

    /// A name up to its closing quote, which stands in it twice.
    fn name(&mut self, close: &'static str) -> bool {
        if self.unclosed.contains(&close) {
            return false;
        }
        let close_byte = close.as_bytes().first().copied();
        let mut at = self.at + 1;
        while at < self.bytes.len() {
            if self.bytes.get(at).copied() != close_byte {
                at += 1;
            } else if self.bytes.get(at + 1).copied() == close_byte {
                at += 2;
            } else {
                self.push(TokenKind::Quoted, at + 1 - self.at);
                return true;
            }
        }
        self.unclosed.push(close);
        false
    }

    /// `[name]` of SQL Server, and not `text[]` or `list[1]`.
    fn is_bracketed_name(&self) -> bool {
        let is_after_word = self.at > 0
            && matches!(self.bytes[self.at - 1], byte if is_of_word(byte) || matches!(byte, b']' | b')'));
        let begins_name = self
            .byte(1)
            .is_some_and(|byte| is_of_word(byte) && !byte.is_ascii_digit() || matches!(byte, b'{' | b'$'));
        match self.dialect.product {
            Some(Product::SqlServer) => self.byte(1).is_some_and(|byte| byte != b']'),
            Some(Product::Postgres | Product::MySql) => false,
            _ => begins_name && !is_after_word,
        }
    }

    fn dollar_text(&mut self) -> bool {
        let Some(tag) = dollar_tag(self.text, self.at) else { return false };
        if self.dollars.get(tag).is_none_or(|last| *last <= self.at) {
            return false;
        }
        let inside = self.text.get(self.at + tag.len()..).unwrap_or_default();
        let Some(length) = inside.find(tag) else { return false };
        self.push(TokenKind::Text, length + 2 * tag.len());
        true
    }

    fn word_or_symbol(&mut self, byte: u8) {
        let length = self.word_length();
        if length > 0 {
            let is_number = byte.is_ascii_digit();
            self.push(if is_number { TokenKind::Number } else { TokenKind::Word }, length);
        } else {
            let symbol = self.rest().chars().next().unwrap_or_default();
            self.push(TokenKind::Symbol(symbol), symbol.len_utf8().max(1));
        }
    }

    /// How long the word here is, placeholders in it included; 0 where there is none.
    fn word_length(&self) -> usize {
        let mut at = self.at;
        // `:schema` of psql, and not `::text`.
        let is_after_colon = at > 0 && self.bytes[at - 1] == b':';
        if self.byte(0) == Some(b':')
            && !is_after_colon
            && self.byte(1).is_some_and(|byte| byte.is_ascii_alphabetic())
        {
            at += 1;
        }
        loop {
            let rest = &self.bytes[at..];
            let length = match rest.first() {
                Some(&byte) if is_of_word(byte) => 1,
                _ => placeholder_length(rest),
            };
            if length == 0 || (!self.delimiter.is_empty() && rest.starts_with(self.delimiter.as_bytes())) {
                return at - self.at;
            }
            at += length;
        }
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The length of what a program replaces, or that belongs to a name in one product: `{schema}`, `${x}`, `#{x}`,
/// `$(x)`, `%s`, `@x`, `#x`, `$1`.
fn placeholder_length(bytes: &[u8]) -> usize {
    let closed_by = |open: usize, close: u8| {
        let inside = bytes.get(open..).unwrap_or_default().iter().take(MOST_PLACEHOLDER);
        let end = |byte: &u8| *byte == close || matches!(byte, b'\n' | b';' | b'\'');
        match inside.clone().position(end) {
            Some(length) if bytes.get(open + length) == Some(&close) => open + length + 1,
            _ => 0,
        }
    };
    match bytes {
        [b'{', b'{', ..] => match closed_by(2, b'}') {
            0 => 0,
            length if bytes.get(length) == Some(&b'}') => length + 1,
            length => length,
        },
        [b'{', ..] => closed_by(1, b'}'),
        [b'$' | b'#' | b'%', b'{', ..] => closed_by(2, b'}'),
        [b'$' | b'%', b'(', ..] => closed_by(2, b')'),
        [b'%', b's' | b'd', ..] => 2,
        [b'@' | b'#' | b'$', ..] => 1,
        _ => 0,
    }
}

/// What editors of one maker begin a file with.
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// How far a placeholder is looked for.
const MOST_PLACEHOLDER: usize = 80;
/// How far a line is indented at most that a client's command stands on.
const MOST_INDENT: usize = 80;
/// Of how many tokens a COPY is at most.
const MOST_COPY: usize = 400;
