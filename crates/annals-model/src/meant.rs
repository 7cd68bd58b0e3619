//! What somebody probably meant who wrote something that is not known.

/// The known word that is nearest to this one, if any is near.
pub(crate) fn meant<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = |word: &str| word.to_lowercase().replace(['_', ' '], "-");
    let word = plain(word);
    let near = |known: &&'k str| strsim::damerau_levenshtein(&plain(known), &word);
    let nearest = known.into_iter().min_by_key(near)?;
    (near(&nearest) <= 1 + word.chars().count() / 4).then_some(nearest)
}

/// The known words, for a message, and the one that was probably meant, for a help.
pub(crate) fn among<'k>(word: &str, known: &[&'k str]) -> (String, Option<&'k str>) {
    const SHOWN: usize = 12;
    let mut listed = known.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if known.len() > SHOWN {
        listed.push_str(&format!(" or {} more", known.len() - SHOWN));
    }
    (listed, meant(word, known.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_meant_and_nothing_else() {
        let known = ["concurrency", "closes", "key"];
        assert_eq!(meant("concurency", known), Some("concurrency"));
        assert_eq!(meant("Closes", known), Some("closes"));
        assert_eq!(meant("retention", known), None);
        assert_eq!(meant("", []), None);
    }
}
