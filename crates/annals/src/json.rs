//! JSON text as RFC 8259 and rule 8 want it: checked once, carried as text, compared as a value.
//!
//! `serde_json` decides what a payload means to the application. This file decides only whether a text
//! may be stored, and whether two texts are the same value with numbers taken as exact decimals, which
//! no reader that turns them into `f64` can tell.

use std::collections::BTreeMap;

/// How deep a payload may nest: the depth `serde_json` itself reads.
const DEPTH_MAX: usize = 127;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// A value, compared as rule 8 says: members in any order, strings by code point, numbers as decimals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Decimal),
    String(String),
    Array(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

/// `sign · 0.digits · 10^exponent` with no leading or trailing zero digit; zero has no digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

/// Whether the text is one JSON value without duplicate names.
pub(crate) fn check(text: &str) -> Result<(), Fault> {
    Parser::new(text).document(|parser| parser.skip(0))
}

pub(crate) fn parse(text: &str) -> Result<Value, Fault> {
    Parser::new(text).document(|parser| parser.value(0))
}

/// Whether both texts are the same JSON value.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a == b || matches!((parse(a), parse(b)), (Ok(a), Ok(b)) if a == b)
}

/// The one text of all that are the same JSON value.
pub(crate) fn canonical(text: &str) -> Result<String, Fault> {
    let mut out = String::with_capacity(text.len());
    parse(text)?.write(&mut out);
    Ok(out)
}

impl Value {
    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
            Self::Number(number) => number.write(out),
            Self::String(text) => write_string(text, out),
            Self::Array(elements) => {
                write_sequence(out, ['[', ']'], elements, |element, out| element.write(out));
            }
            Self::Object(members) => write_sequence(out, ['{', '}'], members, |(name, value), out| {
                write_string(name, out);
                out.push(':');
                value.write(out);
            }),
        }
    }
}

impl Decimal {
    fn write(&self, out: &mut String) {
        match &*self.digits {
            "" => out.push('0'),
            digits => {
                let sign = if self.negative { "-" } else { "" };
                out.push_str(&format!("{sign}0.{digits}e{}", self.exponent));
            }
        }
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

fn write_sequence<T>(
    out: &mut String,
    [open, close]: [char; 2],
    parts: impl IntoIterator<Item = T>,
    mut write: impl FnMut(T, &mut String),
) {
    out.push(open);
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(part, out);
    }
    out.push(close);
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0 }
    }

    fn document<T>(mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.blank();
        let value = read(&mut self)?;
        self.blank();
        match self.peek() {
            None => Ok(value),
            Some(_) => self.fault("text after the value"),
        }
    }

    fn fault<T>(&self, what: &'static str) -> Result<T, Fault> {
        Err(Fault { at: self.at, what })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    fn word(&mut self, word: &str) -> Result<(), Fault> {
        if !self.text[self.at..].starts_with(word) {
            return self.fault("not a JSON value");
        }
        self.at += word.len();
        Ok(())
    }

    /// Passes over a value, building nothing but the names of the objects it is in.
    fn skip(&mut self, depth: usize) -> Result<(), Fault> {
        match self.peek() {
            Some(b'{') => {
                let mut names: Vec<Name<'a>> = Vec::new();
                self.members(depth, |parser, name, depth| {
                    names.push(name);
                    parser.skip(depth)
                })?;
                if has_duplicates(&mut names) {
                    return self.fault("a name appears twice in one object");
                }
                Ok(())
            }
            Some(b'[') => self.elements(depth, |parser, depth| parser.skip(depth)),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(_) => self.fault("not a JSON value"),
            None => self.fault("the text ends before the value does"),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        match self.peek() {
            Some(b'{') => {
                let mut object = BTreeMap::new();
                let mut twice = false;
                self.members(depth, |parser, name, depth| {
                    let value = parser.value(depth)?;
                    twice |= object.insert(name.into_text(), value).is_some();
                    Ok(())
                })?;
                if twice {
                    return self.fault("a name appears twice in one object");
                }
                Ok(Value::Object(object))
            }
            Some(b'[') => {
                let mut array = Vec::new();
                self.elements(depth, |parser, depth| {
                    array.push(parser.value(depth)?);
                    Ok(())
                })?;
                Ok(Value::Array(array))
            }
            Some(b'"') => Ok(Value::String(self.string()?.into_text())),
            Some(b'-' | b'0'..=b'9') => Ok(Value::Number(decimal(self.number()?))),
            Some(b't') => self.word("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.word("false").map(|()| Value::Bool(false)),
            _ => self.skip(depth).map(|()| Value::Null),
        }
    }

    fn members(
        &mut self,
        depth: usize,
        mut member: impl FnMut(&mut Self, Name<'a>, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.sequence(depth, b'}', |parser, depth| {
            if parser.peek() != Some(b'"') {
                return parser.fault("expected a name in quotation marks");
            }
            let name = parser.string()?;
            parser.blank();
            if !parser.eat(b':') {
                return parser.fault("expected a colon after the name");
            }
            parser.blank();
            member(parser, name, depth)
        })
    }

    fn elements(
        &mut self,
        depth: usize,
        element: impl FnMut(&mut Self, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.sequence(depth, b']', element)
    }

    fn sequence(
        &mut self,
        depth: usize,
        end: u8,
        mut part: impl FnMut(&mut Self, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if depth >= DEPTH_MAX {
            return self.fault("nested more than 127 deep");
        }
        self.at += 1;
        self.blank();
        if self.eat(end) {
            return Ok(());
        }
        loop {
            part(self, depth + 1)?;
            self.blank();
            if self.eat(end) {
                return Ok(());
            }
            if !self.eat(b',') {
                return self.fault("expected a comma or the end of the object or array");
            }
            self.blank();
        }
    }

    fn string(&mut self) -> Result<Name<'a>, Fault> {
        self.at += 1;
        let start = self.at;
        self.plain();
        loop {
            match self.peek() {
                Some(b'"') => {
                    let text = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Name::Plain(text));
                }
                Some(b'\\') => return self.escaped_string(start).map(Name::Escaped),
                Some(0x20..) => self.at += 1,
                Some(_) => return self.fault("a control character inside a string"),
                None => return self.fault("the text ends inside a string"),
            }
        }
    }

    /// Passes over what needs no look at each byte, as far as it goes in whole chunks.
    fn plain(&mut self) {
        for chunk in self.bytes[self.at..].chunks_exact(16) {
            // No early end, so that the chunk is compared at once.
            let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
            if chunk.iter().fold(false, |found, byte| found | special(byte)) {
                return;
            }
            self.at += chunk.len();
        }
    }

    fn escaped_string(&mut self, start: usize) -> Result<String, Fault> {
        let mut out = self.text[start..self.at].to_owned();
        loop {
            let from = self.at;
            while matches!(self.peek(), Some(byte) if byte >= 0x20 && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            out.push_str(&self.text[from..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    let character = self.escape()?;
                    out.push(character);
                }
                Some(_) => return self.fault("a control character inside a string"),
                None => return self.fault("the text ends inside a string"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let plain = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return self.fault("an escape that JSON does not have"),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Result<char, Fault> {
        let high = self.hex4()?;
        let code = match high {
            0xd800..=0xdbff => {
                if !(self.peek() == Some(b'\\') && self.bytes.get(self.at + 1) == Some(&b'u')) {
                    return self.fault("half of a surrogate pair is no character");
                }
                self.at += 1;
                match self.hex4()? {
                    low @ 0xdc00..=0xdfff => 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00),
                    _ => return self.fault("half of a surrogate pair is no character"),
                }
            }
            code => code,
        };
        match char::from_u32(code) {
            Some(character) => Ok(character),
            None => self.fault("half of a surrogate pair is no character"),
        }
    }

    /// Four hexadecimal digits after the `u` at the current place.
    fn hex4(&mut self) -> Result<u32, Fault> {
        self.at += 1;
        let digits = self.bytes.get(self.at..self.at + 4).filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let code = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => self.fault("expected four hexadecimal digits"),
        }
    }

    fn digits(&mut self) -> Result<(), Fault> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.fault("expected a digit");
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<&'a str, Fault> {
        let start = self.at;
        self.eat(b'-');
        if self.eat(b'0') {
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.fault("a number begins with a superfluous zero");
            }
        } else {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }
}

enum Name<'a> {
    Plain(&'a str),
    Escaped(String),
}

impl Name<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Escaped(text) => text,
        }
    }

    fn into_text(self) -> String {
        match self {
            Self::Plain(text) => text.to_owned(),
            Self::Escaped(text) => text,
        }
    }
}

fn has_duplicates(names: &mut [Name<'_>]) -> bool {
    // Most objects have a handful of members, where comparing pairs beats sorting.
    if names.len() <= 8 {
        return names.iter().enumerate().any(|(i, a)| names[..i].iter().any(|b| a.text() == b.text()));
    }
    names.sort_unstable_by(|a, b| a.text().cmp(b.text()));
    names.windows(2).any(|pair| pair[0].text() == pair[1].text())
}

fn decimal(number: &str) -> Decimal {
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    let leading = digits.len() - significant.len();
    // An exponent beyond i64 belongs to no number anybody stores; saturating keeps it apart from others.
    let written: i64 =
        exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN } else { i64::MAX });
    let shift = i64::try_from(whole.len()).unwrap_or(i64::MAX) - i64::try_from(leading).unwrap_or(i64::MAX);
    let significant = significant.trim_end_matches('0');
    if significant.is_empty() {
        return Decimal { negative: false, digits: String::new(), exponent: 0 };
    }
    Decimal { negative, digits: significant.to_owned(), exponent: written.saturating_add(shift) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_as_decimals() {
        for (a, b) in [
            ("1", "1.0"),
            ("1e2", "100"),
            ("0.1e1", "1"),
            ("-0", "0"),
            ("0.00", "0e9"),
            ("123456789012345678901234567890", "1.2345678901234567890123456789e29"),
        ] {
            assert!(same(a, b), "{a} and {b}");
        }
        for (a, b) in [
            ("18446744073709551615", "18446744073709551616"),
            ("0.1", "0.10000000000000001"),
            ("1", "-1"),
            ("1e400", "1e401"),
        ] {
            assert!(!same(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn strings_are_equal_by_code_point_and_members_in_any_order() {
        assert!(same(r#"{"a":1,"b":[true,null]}"#, r#" { "b" : [ true , null ] , "a" : 1 } "#));
        assert!(same(r#""\u00e9\ud83d\ude00\u0000""#, "\"é😀\\u0000\""));
        assert!(!same("\"é\"", "\"e\u{301}\""));
        assert!(!same("[1,2]", "[2,1]"));
    }

    #[test]
    fn what_no_store_may_hold_is_refused_where_it_stands() {
        for (text, at) in [
            ("", 0),
            ("{", 1),
            ("[1,]", 3),
            ("01", 1),
            ("1.", 2),
            ("nul", 0),
            ("\"\\x\"", 2),
            ("\"\\ud800\"", 7),
            ("\"a\nb\"", 2),
            ("1 2", 2),
            ("{\"a\":1,\"\\u0061\":2}", 18),
            ("NaN", 0),
            ("'a'", 0),
        ] {
            assert_eq!(check(text).map_err(|fault| fault.at), Err(at), "{text:?}");
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(check(&"[".repeat(200_000)).is_err());
        assert!(check(&format!("{}{}", "[".repeat(127), "]".repeat(127))).is_ok());
    }

    #[test]
    fn check_and_serde_json_agree_on_what_is_json() {
        for text in [
            "{\"a\":{\"a\":1}}",
            "[]",
            "-1.5E-3",
            "\"\\\"\\/\"",
            "{}",
            "[[],{}]",
            "tru",
            "[1 2]",
            "\u{feff}1",
        ] {
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            assert_eq!(check(text).is_ok(), theirs, "{text:?}");
        }
    }

    #[test]
    fn all_texts_of_a_value_have_one_canonical_text() {
        let canonical = |text: &str| canonical(text).unwrap();
        assert_eq!(
            canonical(r#" { "b" : [1.50, -0, 1e2, 123456789012345678901234567890], "a\u0000\"": null } "#),
            r#"{"a\u0000\"":null,"b":[0.15e1,0,0.1e3,0.12345678901234567890123456789e30]}"#
        );
        for text in [r#"{"é":"\n/","x":[{},[],true,false]}"#, "-12.5e-3", r#""\ud83d\ude00""#] {
            assert!(same(text, &canonical(text)), "{text}");
            assert_eq!(canonical(&canonical(text)), canonical(text));
        }
    }
}
