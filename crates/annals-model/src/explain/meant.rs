//! Which rule somebody probably meant.

use strsim::damerau_levenshtein;

use crate::rules::{RULES, Rule};

/// So many at most.
const MEANT_MAX: usize = 3;

/// The rules that may be meant by a word that is no id and no name, the nearest first: `AN23`, `guard-null`, `an20`.
pub fn meant(word: &str) -> Vec<&'static Rule> {
    among(RULES, word)
}

fn among(rules: &[&'static Rule], word: &str) -> Vec<&'static Rule> {
    let word = word.trim().to_lowercase().replace(['_', ' '], "-");
    let mut near: Vec<(usize, &'static Rule)> =
        rules.iter().filter_map(|rule| Some((distance(&word, rule)?, *rule))).collect();
    near.sort_by_key(|(distance, rule)| (*distance, rule.id));
    near.into_iter().take(MEANT_MAX).map(|(_, rule)| rule).collect()
}

/// How far a word is from a rule; nothing where that is too far.
fn distance(word: &str, rule: &Rule) -> Option<usize> {
    /// An id has few characters: two that are wrong make another of it.
    const OF_ID_MAX: usize = 1;
    const ENOUGH: usize = 2;
    if word.chars().count() < ENOUGH {
        return None;
    }
    let of_id = Some(damerau_levenshtein(word, &rule.id.to_lowercase())).filter(|edits| *edits <= OF_ID_MAX);
    let of_name =
        Some(damerau_levenshtein(word, rule.name)).filter(|edits| *edits <= 1 + word.chars().count() / 4);
    // Words of the name without those between them: `guard-null` of `guard-with-null`.
    let has_word = |part: &str| rule.name.split('-').any(|own| own == part);
    let of_words = word.split('-').all(has_word).then_some(ENOUGH);
    [of_id, of_name, of_words].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    static GUARD: Rule = Rule { id: "AN203", name: "guard-with-null", ..*RULES[0] };
    static WIDE: Rule = Rule { id: "AN202", name: "guard-too-wide", ..*RULES[0] };

    #[test]
    fn what_is_near_is_meant_and_the_nearest_first() {
        let meant = |word| among(&[&WIDE, &GUARD], word).iter().map(|rule| rule.id).collect::<Vec<_>>();
        assert_eq!(meant("AN23"), ["AN203"]);
        assert_eq!(meant("an20"), ["AN202", "AN203"]);
        assert_eq!(meant("guard-null"), ["AN203"]);
        assert_eq!(meant("Guard With Nul"), ["AN203"]);
        assert_eq!(meant("guard"), ["AN202", "AN203"]);
        assert!(meant("an").is_empty() && meant("").is_empty() && meant("projection").is_empty());
    }
}
