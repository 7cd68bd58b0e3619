//! Text in lines of a width.

/// The lines of a text, none of them longer than `width` characters unless it is one word. Line breaks stay; the
/// words of a line that was too long go on below it.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        if length(line) <= width {
            lines.push(line.trim_end().to_owned());
            continue;
        }
        let mut filled = String::new();
        for word in words(line) {
            if !filled.is_empty() && length(&filled) + 1 + length(word) > width {
                lines.push(std::mem::take(&mut filled));
            }
            if !filled.is_empty() {
                filled.push(' ');
            }
            filled.push_str(word);
        }
        lines.push(filled);
    }
    lines
}

/// Words; what stands in backticks is one.
fn words(line: &str) -> Vec<&str> {
    let (mut words, mut start, mut is_code) = (Vec::new(), None, false);
    // A backtick without its other would make one word of all that follows.
    let has_code = line.matches('`').count().is_multiple_of(2);
    for (at, c) in line.char_indices() {
        is_code ^= c == '`' && has_code;
        if c.is_whitespace() && !is_code {
            words.extend(start.take().and_then(|start| line.get(start..at)));
        } else {
            start.get_or_insert(at);
        }
    }
    words.extend(start.and_then(|start| line.get(start..)));
    words
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_filled_and_code_is_not_torn() {
        let text = "the first line is long enough\nand `not torn at all` here";
        assert_eq!(
            wrapped(text, 14),
            ["the first line", "is long enough", "and", "`not torn at all`", "here"]
        );
        assert_eq!(wrapped("a ` alone tick", 6), ["a `", "alone", "tick"]);
        assert_eq!(wrapped("", 10), Vec::<String>::new());
    }
}
