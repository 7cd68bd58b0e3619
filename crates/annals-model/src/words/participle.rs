//! The name of what an order leads to: `OrderPlaced` for `PlaceOrder`.

use super::lists::LITTLE;
use super::{Tense, TypeName};

/// Verbs of the lists whose participle has another form.
const IRREGULAR: [(&str, &str); 10] = [
    ("begin", "begun"),
    ("build", "built"),
    ("hold", "held"),
    ("onboard", "onboarded"),
    ("pay", "paid"),
    ("rebuild", "rebuilt"),
    ("resend", "resent"),
    ("send", "sent"),
    ("withdraw", "withdrawn"),
    ("write", "written"),
];

/// Verbs whose last letter is doubled.
const DOUBLED: [&str; 12] =
    ["cancel", "drop", "enrol", "flag", "fulfil", "permit", "plan", "ship", "stop", "submit", "swap", "tag"];

impl TypeName {
    /// What an order of a verb and things leads to, written in Pascal case.
    pub fn outcome(&self) -> Option<String> {
        let (verb, things) = self.words.split_first()?;
        let is_plain = (1..=2).contains(&things.len())
            && !things.iter().any(|thing| LITTLE.contains(&thing.as_str()))
            && self.tense() == Tense::Order;
        let words = things.iter().cloned().chain([participle(verb)]);
        is_plain.then(|| words.map(|word| capital(&word)).collect())
    }
}

fn participle(verb: &str) -> String {
    if let Some((_, irregular)) = IRREGULAR.iter().find(|(base, _)| *base == verb) {
        return (*irregular).to_owned();
    }
    if super::BASE_IS_PAST.contains(&verb) {
        return verb.to_owned();
    }
    let last = verb.chars().last().unwrap_or('e');
    if last == 'e' {
        return format!("{verb}d");
    }
    match verb.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ied"),
        _ if DOUBLED.contains(&verb) || verb.ends_with("fer") => format!("{verb}{last}ed"),
        _ => format!("{verb}ed"),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_leads_to_what_happened() {
        for (order, outcome) in [
            ("PlaceOrder", Some("OrderPlaced")),
            ("send-email", Some("EmailSent")),
            ("CancelOrder", Some("OrderCancelled")),
            ("ApplyDiscount", Some("DiscountApplied")),
            ("SetPrice", Some("PriceSet")),
            ("TransferAmount", Some("AmountTransferred")),
            ("AddUserToGroup", None),
            ("OrderPlaced", None),
        ] {
            assert_eq!(TypeName::of(order).outcome().as_deref(), outcome, "{order}");
        }
    }
}
