//! The names of a read model's tables: what its SQL calls `{orders}` is a table of one generation, `orders__2`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::{Error, Result};

/// How long a table's name may be: PostgreSQL cuts at 63, and a generation needs room.
const NAME_MAX: usize = 50;

/// The tables of one generation of a read model, as its SQL must call them.
///
/// A read model that is built anew fills tables of its own while readers are still served from the old ones.
/// So its SQL writes the names of its tables in braces, and [`sql`](Self::sql) puts the generation's in their
/// place: `INSERT INTO {orders}` becomes `INSERT INTO orders__2`. Readers use the plain name, `orders`, which is
/// a view of the generation that serves. An index is named after its table, `{orders}_by_customer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    names: Arc<[Name]>,
}

#[derive(Debug, PartialEq, Eq)]
struct Name {
    plain: String,
    own: String,
}

impl Tables {
    pub(crate) fn new(plain: &[String], generation: u32) -> Self {
        let own = |plain: &String| Name { plain: plain.clone(), own: format!("{plain}__{generation}") };
        Self { names: plain.iter().map(own).collect() }
    }

    /// The text with the tables' own names; words in braces that are none of its tables stay as they are.
    pub fn sql<'s>(&self, sql: &'s str) -> Cow<'s, str> {
        fill(sql, |word| self.own(word).map(Cow::Borrowed))
    }

    /// What a table is called; `None` when the read model has none of this name.
    pub fn own(&self, plain: &str) -> Option<&str> {
        self.names.iter().find(|name| name.plain == plain).map(|name| name.own.as_str())
    }

    /// The plain names, under which readers find them, beside the tables' own.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().map(|name| (name.plain.as_str(), name.own.as_str()))
    }
}

/// Puts something in the place of words in braces.
pub(crate) fn fill<'s, 'w>(text: &'s str, word: impl Fn(&str) -> Option<Cow<'w, str>>) -> Cow<'s, str> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, braced) = rest.split_at(open);
        let close = braced.find('}').unwrap_or(0);
        let found = braced.get(1..close).and_then(&word);
        let passed = if found.is_some() { close + 1 } else { 1 };
        filled.push_str(before);
        filled.push_str(found.as_deref().unwrap_or("{"));
        rest = &braced[passed..];
    }
    if filled.is_empty() && rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    filled.push_str(rest);
    Cow::Owned(filled)
}

/// The word in braces with which a text begins, if it can be the name of a table.
#[cfg(feature = "declared")]
pub(crate) fn braced(text: &str) -> Option<&str> {
    let (word, _) = text.strip_prefix('{')?.split_once('}')?;
    fits(word).then_some(word)
}

/// Whether every database takes this as the name of a table, in a schema or in none, without quoting.
fn fits(name: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    name.len() <= NAME_MAX && name.split('.').count() <= 2 && name.split('.').all(part)
}

/// # Errors
/// Invalid for what is no name of a table.
pub(super) fn check(name: &str) -> Result<()> {
    if fits(name) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{name:?} is no name for a table of a read model, expected at most {NAME_MAX} ASCII letters, digits and \
         underscores, perhaps behind a schema's name and a dot"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_become_those_of_the_generation() {
        let tables = Tables::new(&["orders".to_owned(), "shop.lines".to_owned()], 2);
        for (sql, filled) in [
            ("SELECT 1", "SELECT 1"),
            ("INSERT INTO {orders} SELECT 1", "INSERT INTO orders__2 SELECT 1"),
            (
                "CREATE INDEX {orders}_by_day ON {orders} (day)",
                "CREATE INDEX orders__2_by_day ON orders__2 (day)",
            ),
            (
                "{shop.lines}, {{orders}, '{\"a\":{}}' {other}",
                "shop.lines__2, {orders__2, '{\"a\":{}}' {other}",
            ),
            ("{", "{"),
            ("é{orders", "é{orders"),
        ] {
            assert_eq!(tables.sql(sql), filled);
        }
        assert!(matches!(tables.sql("SELECT 1"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_name_is_one_that_needs_no_quotes_anywhere() {
        for good in ["orders", "_o1", "shop.orders"] {
            check(good).unwrap();
        }
        for bad in ["", "1o", "or ders", "a.b.c", ".a", "naïve", &"o".repeat(51)] {
            assert!(check(bad).unwrap_err().to_string().contains("no name for a table"), "{bad}");
        }
    }
}
