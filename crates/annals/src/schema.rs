//! The tables of a store on SQL: how those that are there differ from those that this version of Annals makes.
//! [`StoreUrl`](crate::StoreUrl) asks for them.

use std::collections::BTreeMap;

/// An object of a store's schema, such as `index events_by_type`, that is not as this version makes it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// What it is and what it is called.
    pub object: String,
    /// Its definition as this version makes it; `None` for one that somebody has added.
    pub expected: Option<String>,
    /// Its definition as it is; `None` for one that is missing.
    pub found: Option<String>,
}

impl Difference {
    /// Whether this is something of Annals' own. What others have added, such as an index for a report,
    /// may stay.
    pub fn matters(&self) -> bool {
        self.expected.is_some()
    }
}

/// Objects by what they are called, each with its definition.
pub(crate) type Objects = BTreeMap<String, String>;

pub(crate) fn differences(mut expected: Objects, found: Objects) -> Vec<Difference> {
    let mut differences: Vec<Difference> = found
        .into_iter()
        .filter_map(|(object, found)| {
            let expected = expected.remove(&object);
            let differs = expected.as_ref() != Some(&found);
            differs.then_some(Difference { object, expected, found: Some(found) })
        })
        .collect();
    let missing = expected.into_iter();
    differences.extend(missing.map(|(object, expected)| Difference {
        object,
        expected: Some(expected),
        found: None,
    }));
    differences.sort_by(|a, b| a.object.cmp(&b.object));
    differences
}

/// A definition without what means nothing: comments, line ends, more than one blank.
pub(crate) fn words(definition: &str) -> String {
    let code = definition.lines().flat_map(|line| line.split("--").next());
    code.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_other_or_added_is_told_apart() {
        let objects = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(object, is)| ((*object).to_owned(), words(is))).collect::<Objects>()
        };
        let expected = objects(&[("index a", "x -- why\n  y"), ("index b", "x"), ("index c", "x")]);
        let found = objects(&[("index a", "x y"), ("index b", "z"), ("index d", "x")]);
        let told: Vec<_> = differences(expected, found)
            .iter()
            .map(|d| (d.object.clone(), d.expected.is_some(), d.found.is_some(), d.matters()))
            .collect();
        let told: Vec<_> = told.iter().map(|(object, e, f, m)| (object.as_str(), *e, *f, *m)).collect();
        assert_eq!(
            told,
            [("index b", true, true, true), ("index c", true, false, true), ("index d", false, true, false)]
        );
    }
}
