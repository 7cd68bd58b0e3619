//! Text of others, made harmless for a terminal.

use std::borrow::Cow;

/// Text of several lines in which every control character is seen, and none has its effect. A tab stays one.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' if characters.peek() == Some(&'\n') => shown.push(c),
            c if steers(c) => shown.push(picture(c)),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// The same for what has to keep to one line.
pub(crate) fn printable_line(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| steers(c) || c == '\n' || c == '\t') {
        return Cow::Borrowed(text);
    }
    let shown = |c| match c {
        '\n' | '\t' => ' ',
        c if steers(c) => picture(c),
        c => c,
    };
    Cow::Owned(text.replace("\r\n", " ").chars().map(shown).collect())
}

/// Whether a character moves something on a terminal, or what follows it: controls, and those that turn the
/// direction of writing.
pub(crate) fn steers(c: char) -> bool {
    let turns = matches!(
        c,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    );
    (c.is_control() && c != '\n' && c != '\t') || turns
}

/// What is shown in its place; Unicode has pictures of the old controls.
fn picture(c: char) -> char {
    const PICTURES: u32 = 0x2400;
    match u32::from(c) {
        code @ 0..0x20 => char::from_u32(PICTURES + code).unwrap_or(char::REPLACEMENT_CHARACTER),
        0x7f => '␡',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_seen_and_has_no_effect() {
        assert_eq!(
            printable("a\u{1b}[31mb\u{9b}2J\u{202e}c\rd\r\ne\tf"),
            "a␛[31mb\u{fffd}2J\u{fffd}c␍d\r\ne\tf"
        );
        assert_eq!(printable_line("a\u{7}b\r\nc\td"), "a␇b c d");
        assert_eq!(printable("Bestätigt ✓"), "Bestätigt ✓");
    }
}
