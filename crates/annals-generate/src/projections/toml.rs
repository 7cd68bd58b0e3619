//! Texts as TOML writes them.

/// A text on one line.
pub(super) fn string(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// A key of a table.
pub(super) fn key(text: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !text.is_empty() && text.chars().all(is_bare) { text.to_owned() } else { string(text) }
}

/// SQL on lines of its own, as it stands where that can be.
pub(super) fn lines(sql: &str) -> String {
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    if !sql.contains("'''") && !sql.ends_with('\'') && sql.chars().all(is_plain) {
        return format!("'''\n{sql}'''");
    }
    let lines: Vec<String> = sql.split('\n').map(escaped).collect();
    format!("\"\"\"\n{}\"\"\"", lines.join("\n"))
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}
