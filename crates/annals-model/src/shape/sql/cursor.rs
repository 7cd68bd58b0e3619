//! A place among the tokens of a script, from which one reads on.

use crate::shape::Product;
use crate::text::{FileId, Span};

use super::lex::{Token, TokenKind};

/// A script, tokenised.
#[derive(Debug)]
pub(super) struct Script<'a> {
    pub(super) text: &'a str,
    pub(super) file: FileId,
    pub(super) product: Option<Product>,
    pub(super) tokens: Vec<Token>,
    /// For each `(` of which the `)` stands in the same statement, where that is.
    closing: Vec<Option<usize>>,
}

impl<'a> Script<'a> {
    pub(super) fn new(text: &'a str, file: FileId, product: Option<Product>, tokens: Vec<Token>) -> Self {
        let mut closing = vec![None; tokens.len()];
        let (mut open, mut statement) = (Vec::new(), 0);
        for (at, token) in tokens.iter().enumerate() {
            match token.kind {
                TokenKind::Semicolon => statement += 1,
                TokenKind::Batch => open.clear(),
                TokenKind::Symbol('(') => open.push((at, statement)),
                TokenKind::Symbol(')') => {
                    if let Some((opened, of)) = open.pop()
                        && of == statement
                    {
                        closing[opened] = Some(at);
                    }
                }
                _ => {}
            }
        }
        Self { text, file, product, tokens, closing }
    }

    /// The tokens from one to before another.
    pub(super) fn part(&self, start: usize, end: usize) -> Cursor<'_> {
        Cursor { script: self, at: start, end: end.min(self.tokens.len()) }
    }

    /// Where the `)` of a `(` is.
    pub(super) fn closing(&self, at: usize) -> Option<usize> {
        self.closing.get(at).copied().flatten()
    }

    pub(super) fn is(&self, product: Product) -> bool {
        self.product == Some(product)
    }

    pub(super) fn may_be(&self, product: Product) -> bool {
        self.product.is_none_or(|this| this == product)
    }
}

/// Some tokens of a script, and how far they have been read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) script: &'a Script<'a>,
    /// The next token.
    pub(super) at: usize,
    /// The token that is not read.
    pub(super) end: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn is_done(&self) -> bool {
        self.at >= self.end
    }

    /// A token from here.
    pub(super) fn token(&self, ahead: usize) -> Option<Token> {
        let at = self.at + ahead;
        if at < self.end { self.script.tokens.get(at).copied() } else { None }
    }

    /// As it stands.
    pub(super) fn text_of(&self, token: Token) -> &'a str {
        self.script.text.get(token.start..token.end).unwrap_or_default()
    }

    pub(super) fn kind(&self) -> Option<TokenKind> {
        self.token(0).map(|token| token.kind)
    }

    /// A word from here, as it stands; `None` where something else is.
    pub(super) fn word(&self, ahead: usize) -> Option<&'a str> {
        let token = self.token(ahead).filter(|token| token.kind == TokenKind::Word)?;
        Some(self.text_of(token))
    }

    /// Whether these key words stand here.
    pub(super) fn is(&self, words: &str) -> bool {
        let mut wanted = words.split(' ').enumerate();
        wanted.all(|(ahead, wanted)| self.word(ahead).is_some_and(|word| word.eq_ignore_ascii_case(wanted)))
    }

    /// Whether one of some key words stands here.
    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        self.word(0).is_some_and(|word| words.iter().any(|wanted| word.eq_ignore_ascii_case(wanted)))
    }

    pub(super) fn is_symbol(&self, symbol: char) -> bool {
        self.kind() == Some(TokenKind::Symbol(symbol))
    }

    pub(super) fn skip(&mut self) {
        self.at = (self.at + 1).min(self.end);
    }

    /// Goes past key words, if they stand here.
    pub(super) fn eat(&mut self, words: &str) -> bool {
        let is_here = self.is(words);
        if is_here {
            self.at += words.split(' ').count();
        }
        is_here
    }

    /// Goes past any of some key words, as often as they stand here.
    pub(super) fn skip_words(&mut self, words: &[&str]) {
        while self.is_any(words) {
            self.skip();
        }
    }

    pub(super) fn eat_symbol(&mut self, symbol: char) -> bool {
        let is_here = self.is_symbol(symbol);
        if is_here {
            self.skip();
        }
        is_here
    }

    /// What stands in the parentheses that open here, which are gone past.
    pub(super) fn group(&mut self) -> Option<Self> {
        if !self.is_symbol('(') {
            return None;
        }
        let close = self.script.closing(self.at).filter(|close| *close < self.end)?;
        let inside = Cursor { at: self.at + 1, end: close, ..*self };
        self.at = close + 1;
        Some(inside)
    }

    /// Goes past a token, or past all that stands in parentheses here.
    pub(super) fn skip_item(&mut self) {
        if self.group().is_none() {
            self.skip();
        }
    }

    /// The parts between commas.
    pub(super) fn list(mut self) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut start = self.at;
        while !self.is_done() {
            if self.is_symbol(',') {
                parts.push(Cursor { at: start, end: self.at, ..self });
                self.skip();
                start = self.at;
            } else {
                self.skip_item();
            }
        }
        if start < self.end {
            parts.push(Cursor { at: start, ..self });
        }
        parts
    }

    /// A name, with all that stands in front of it with dots: `shop.events`.
    pub(super) fn name(&mut self) -> Option<Name> {
        let first = self.token(0)?;
        let mut name = self.part_of_name()?;
        let mut end = first.end;
        while self.is_symbol('.') {
            self.skip();
            // `db..table` of SQL Server has the schema that is usual.
            self.eat_symbol('.');
            let Some(token) = self.token(0) else { break };
            let part = if self.eat_symbol('*') { Some("*".to_owned()) } else { self.part_of_name() };
            let Some(part) = part else { break };
            name = format!("{name}.{part}");
            end = token.end;
        }
        Some(Name { text: name, span: self.span_of(first.start, end) })
    }

    /// A name without dots.
    fn part_of_name(&mut self) -> Option<String> {
        let token = self.token(0)?;
        let name = match token.kind {
            TokenKind::Word => self.text_of(token).to_owned(),
            TokenKind::Quoted => unquoted(self.text_of(token)),
            // MySQL grants to 'name'@'host', and its texts may be names.
            TokenKind::Text => self.text_of(token).trim_matches('\'').to_owned(),
            TokenKind::Symbol('*') => "*".to_owned(),
            _ => return None,
        };
        self.skip();
        Some(name)
    }

    /// The names in a list: `(a, b DESC)` without what is said of them.
    pub(super) fn names(self) -> Vec<String> {
        self.list().into_iter().filter_map(|mut part| part.name()).map(|name| name.text).collect()
    }

    pub(super) fn span_of(&self, start: usize, end: usize) -> Span {
        Span { file: self.script.file, start, end: end.max(start) }
    }

    /// The place of the tokens from one of them to before this.
    pub(super) fn span_since(&self, start: usize) -> Span {
        let tokens = self.script.tokens.get(start..self.at.max(start)).unwrap_or_default();
        let at = |token: Option<&Token>, place: fn(&Token) -> usize| token.map_or(0, place);
        self.span_of(at(tokens.first(), |token| token.start), at(tokens.last(), |token| token.end))
    }

    /// The place of all that is left.
    pub(super) fn span(&self) -> Span {
        Cursor { at: self.end, ..*self }.span_since(self.at)
    }

    /// All that is left, as it stands.
    pub(super) fn text(&self) -> &'a str {
        let span = self.span();
        self.script.text.get(span.range()).unwrap_or_default()
    }

    /// What was read since a token, as it stands.
    pub(super) fn text_since(&self, start: usize) -> &'a str {
        self.script.text.get(self.span_since(start).range()).unwrap_or_default()
    }

    /// An expression, as it stands, without parentheses around all of it.
    pub(super) fn expression(self) -> String {
        let mut inside = self;
        while let Some(inner) = { inside }.group_of_all() {
            inside = inner;
        }
        inside.text().to_owned()
    }

    /// What stands in the parentheses around all that is left.
    pub(super) fn group_of_all(mut self) -> Option<Self> {
        self.group().filter(|inside| inside.end + 1 == self.end && !inside.is_done())
    }
}

/// A name, without quotes, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) span: Span,
}

fn unquoted(quoted: &str) -> String {
    let inside = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    match quoted.as_bytes().first() {
        Some(b'"') => inside.replace("\"\"", "\""),
        Some(b'`') => inside.replace("``", "`"),
        _ => inside.replace("]]", "]"),
    }
}
