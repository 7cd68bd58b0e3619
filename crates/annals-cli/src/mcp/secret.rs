//! Passwords, which come in with the URLs of stores and are not to go out again.

/// What stands in the place of a password.
const HIDDEN: &str = "***";

/// What a password is called in a connection string: `Server=h;Password=x`.
const NAMES: [&str; 2] = ["password", "pwd"];

/// A text without the passwords of the URLs and the connection strings in it.
fn without_passwords(text: &str) -> String {
    without_those_of_strings(&without_those_of_urls(text))
}

fn without_those_of_strings(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // The signs of ASCII stand in the same place in both.
    let lower = text.to_ascii_lowercase();
    while let Some((at, length)) = next_name(&lower[text.len() - rest.len()..]) {
        let (before, after) = rest.split_at(at + length);
        out.push_str(before);
        rest = &after[value_of(after)..];
        if rest.len() < after.len() {
            out.push_str(HIDDEN);
        }
    }
    out.push_str(rest);
    out
}

/// Where the next name of a password with its `=` stands, and how long it is.
fn next_name(lower: &str) -> Option<(usize, usize)> {
    let of = |name: &str| {
        let name = format!("{name}=");
        let is_word = |at: usize| !lower[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        lower.match_indices(&name).map(|(at, _)| at).find(|at| is_word(*at)).map(|at| (at, name.len()))
    };
    NAMES.into_iter().filter_map(of).min()
}

/// How long the value is that a text begins with: up to `;` or a quote; one in quotes up to the last of them. A quote in
/// quoted text has a backslash before it.
fn value_of(text: &str) -> usize {
    let opening = text.trim_start_matches('\\');
    let start = text.len() - opening.len() + 1;
    let is_quoted = opening.starts_with('\'') || (start > 1 && opening.starts_with('"'));
    if let Some(inside) = text.get(start..).filter(|_| is_quoted) {
        let end = inside.find(['"', '\'']).unwrap_or(inside.len());
        return start + inside[..end].trim_end_matches('\\').len();
    }
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            ';' | '"' | '\n' => return at,
            '\\' if text[at + 1..].starts_with('"') => return at,
            // A sign that is written as two.
            '\\' => drop(signs.next()),
            _ => {}
        }
    }
    text.len()
}

fn without_those_of_urls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        rest = after;
        // A password may hold any sign; where a login ends is told by the last @ before the options.
        let end = after.find(|c: char| c.is_whitespace() || "\"'`<>?\\".contains(c)).unwrap_or(after.len());
        let Some(sign) = after[..end].rfind('@') else { continue };
        let Some(colon) = after[..sign].find(':') else { continue };
        out.push_str(&after[..=colon]);
        out.push_str(HIDDEN);
        rest = &after[sign..];
    }
    out.push_str(rest);
    out
}

/// The password of a URL or a connection string, where it has one.
pub(super) fn password(store: &str) -> Option<&str> {
    of_url(store).or_else(|| of_string(store))
}

fn of_string(string: &str) -> Option<&str> {
    let mut parts = string.split(';').filter_map(|part| part.split_once('='));
    let is_password = |name: &str| NAMES.iter().any(|it| it.eq_ignore_ascii_case(name.trim()));
    let (_, password) = parts.find(|(name, _)| is_password(name))?;
    Some(password.trim().trim_matches(['"', '\''])).filter(|password| !password.is_empty())
}

fn of_url(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let place = rest.split('?').next()?;
    let (login, _) = place.rsplit_once('@')?;
    login.split_once(':').map(|(_, password)| password).filter(|password| !password.is_empty())
}

/// A text without passwords, and without this one wherever it stands.
pub(super) fn hidden(text: &str, password: Option<&str>) -> String {
    /// A shorter one stands in other words too, and hiding it there would say what it is.
    const SHORTEST: usize = 4;
    let text = without_passwords(text);
    match password.filter(|password| password.len() >= SHORTEST) {
        Some(password) => text.replace(password, HIDDEN),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_loses_its_password_and_nothing_else() {
        for (text, shown) in [
            ("at postgres://app:s3cret@h/shop: no", "at postgres://app:***@h/shop: no"),
            ("postgres://app:a@b:c/d@h/shop?x=y@z", "postgres://app:***@h/shop?x=y@z"),
            (
                "\"mysql://a:b@h/x\" and \"mysql://c:d@h/x\"",
                "\"mysql://a:***@h/x\" and \"mysql://c:***@h/x\"",
            ),
            ("postgres://app@h:5432/shop", "postgres://app@h:5432/shop"),
            ("https://example.com/a mail@example.com", "https://example.com/a mail@example.com"),
            ("sqlite:a.db", "sqlite:a.db"),
            (r#""Server=h;Password=hunter2" is no"#, r#""Server=h;Password=***" is no"#),
            ("Server=h;PWD=hünter 2;Database=x", "Server=h;PWD=***;Database=x"),
            (r#"Password=\"a;b\";x"#, r#"Password=***\";x"#),
            ("pwd='a;b';x", "pwd=***';x"),
            ("let password = x; my_pwd=1", "let password = x; my_pwd=1"),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
        assert_eq!(password("postgres://app:s3cret@h/shop"), Some("s3cret"));
        assert_eq!(password("postgres://app@h:5432/shop"), None);
        assert_eq!(password("Server=h; Password = hunter2;x"), Some("hunter2"));
        assert_eq!(hidden("wrong: s3cret", password("mysql://a:s3cret@h/x")), "wrong: ***");
    }
}
