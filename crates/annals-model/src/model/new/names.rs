//! Names of other worlds, as a model writes them.

/// The words of a name, in lower case: `orderPlaced`, `order-placed` and `ORDER_PLACED` have the same.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let chars: Vec<char> = name.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let follows_lower = at > 0 && (chars[at - 1].is_lowercase() || chars[at - 1].is_ascii_digit());
        let begins_word = at > 0
            && chars[at - 1].is_uppercase()
            && chars.get(at + 1).is_some_and(|next| next.is_lowercase());
        let is_boundary = !c.is_alphanumeric() || (c.is_uppercase() && (follows_lower || begins_word));
        if is_boundary {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `order-placed` as `OrderPlaced`.
pub(super) fn pascal(name: &str) -> String {
    let capital = |word: String| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>()).unwrap_or_default()
    };
    words(name).into_iter().map(capital).collect()
}

/// `order-summary` as `order_summary`.
pub(super) fn snake(name: &str) -> String {
    words(name).join("_")
}

/// Whether some words stand in others, in a row.
pub(super) fn contains(name: &[String], part: &[String]) -> bool {
    !part.is_empty() && name.windows(part.len()).any(|window| window == part)
}
