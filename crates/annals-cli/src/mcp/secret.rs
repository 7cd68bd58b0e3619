//! Passwords, which come in with the URLs of stores and are not to go out again.

/// What stands in the place of a password.
const HIDDEN: &str = "***";

/// A text without the passwords of the URLs in it.
pub(super) fn without_passwords(text: &str) -> String {
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

/// The password of a URL, where it has one.
pub(super) fn password(url: &str) -> Option<&str> {
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
        ] {
            assert_eq!(without_passwords(text), shown);
        }
        assert_eq!(password("postgres://app:s3cret@h/shop"), Some("s3cret"));
        assert_eq!(password("postgres://app@h:5432/shop"), None);
        assert_eq!(hidden("wrong: s3cret", password("mysql://a:s3cret@h/x")), "wrong: ***");
    }
}
