//! Names as parts of addresses and of file names: letters, digits and hyphens of ASCII, each once.

use std::collections::BTreeSet;

use crate::names::kebab;

/// Gives each name a slug that no other has got.
#[derive(Debug, Default)]
pub(crate) struct Slugs {
    taken: BTreeSet<String>,
}

impl Slugs {
    /// `order-placed` for `OrderPlaced`, and `order-placed-2` where that is taken.
    pub(crate) fn of(&mut self, name: &str) -> String {
        let slug = slug(name);
        let mut free = slug.clone();
        let mut n = 1;
        while !self.taken.insert(free.clone()) {
            n += 1;
            free = format!("{slug}-{n}");
        }
        free
    }
}

/// `order-placed` for `OrderPlaced`; two names may have the same.
pub(crate) fn slug(name: &str) -> String {
    const LENGTH_MAX: usize = 80;
    let mut slug = String::new();
    for c in kebab(name).chars().take(LENGTH_MAX) {
        let c = if c.is_ascii_alphanumeric() { c } else { '-' };
        if c != '-' || !(slug.is_empty() || slug.ends_with('-')) {
            slug.push(c);
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "unnamed".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_safe_and_differ() {
        let mut slugs = Slugs::default();
        let names = ["OrderPlaced", "order-placed", "../../etc", "<b>", "ü", "日本", ""];
        let made: Vec<String> = names.iter().map(|name| slugs.of(name)).collect();
        assert_eq!(made, ["order-placed", "order-placed-2", "etc", "b", "unnamed", "unnamed-2", "unnamed-3"]);
    }
}
