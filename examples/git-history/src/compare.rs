//! Compares a replayed tree with git's own, blob id for blob id and mode for mode.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use crate::events::FilePath;
use crate::project::Entry;

/// Differing paths that are named.
const NAMED_MAX: usize = 10;

/// A path on which the replay and git do not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    path: FilePath,
    replayed: Option<Entry>,
    git: Option<Entry>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |entry: Option<Entry>| {
            entry.map_or("not there".to_owned(), |Entry { object, mode }| format!("{mode} {object}"))
        };
        write!(f, "{:?}: replayed {}, git has {}", self.path, side(self.replayed), side(self.git))
    }
}

/// What a comparison found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Paths on either side.
    pub(crate) files: u64,
    /// Paths that differ.
    pub(crate) different: u64,
    /// The first of them.
    pub(crate) named: Vec<Difference>,
}

/// Goes through both trees side by side.
pub(crate) fn compare(replayed: &BTreeMap<FilePath, Entry>, git: &BTreeMap<FilePath, Entry>) -> Comparison {
    let mut comparison = Comparison::default();
    let (mut ours, mut theirs) = (replayed.iter().peekable(), git.iter().peekable());
    loop {
        let order = match (ours.peek(), theirs.peek()) {
            (None, None) => return comparison,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((our_path, _)), Some((their_path, _))) => our_path.cmp(their_path),
        };
        let replayed = if order.is_le() { ours.next() } else { None };
        let git = if order.is_ge() { theirs.next() } else { None };
        comparison.files += 1;
        let Some((path, _)) = replayed.or(git) else { continue };
        let (replayed, git) = (replayed.map(|(_, entry)| *entry), git.map(|(_, entry)| *entry));
        if replayed != git {
            comparison.different += 1;
            if comparison.named.len() < NAMED_MAX {
                comparison.named.push(Difference { path: path.clone(), replayed, git });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, char, &str)]) -> BTreeMap<FilePath, Entry> {
        files
            .iter()
            .map(|(path, digit, mode)| {
                let object = digit.to_string().repeat(40).parse().unwrap();
                (FilePath(path.as_bytes().to_vec()), Entry { object, mode: mode.parse().unwrap() })
            })
            .collect()
    }

    #[test]
    fn one_changed_blob_one_mode_and_one_missing_path_on_either_side_are_found() {
        let git =
            tree(&[("a", '1', "100644"), ("b", '2', "100644"), ("c", '3', "100644"), ("e", '5', "100644")]);
        assert_eq!(compare(&git, &git), Comparison { files: 4, ..Comparison::default() });
        let replayed =
            tree(&[("a", '9', "100644"), ("b", '2', "100755"), ("d", '4', "100644"), ("e", '5', "100644")]);
        let found = compare(&replayed, &git);
        assert_eq!((found.files, found.different), (5, 4));
        let ones = "1".repeat(40);
        let nines = "9".repeat(40);
        assert_eq!(
            found.named[0].to_string(),
            format!("\"a\": replayed 100644 {nines}, git has 100644 {ones}")
        );
        assert!(found.named[2].to_string().starts_with("\"c\": replayed not there, git has 100644 333"));
    }
}
