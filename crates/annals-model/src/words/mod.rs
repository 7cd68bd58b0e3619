//! The words of type names and field names, and what they say: something that happened, an order, or neither.
//! English only. Of a name whose words are not known nothing is said.

#[rustfmt::skip]
mod lists;
mod participle;

use self::lists::{
    BASE_IS_PAST, CONTAINERS, IRREGULAR, LITTLE, NOT_PAST, NOUNS, OCCURRENCES, PREFIXES, VERBS,
    VERBS_AND_NOUNS,
};

/// The name of an event type, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeName {
    /// Its own words in lower case, without name spaces, versions and the word event.
    pub words: Vec<String>,
    /// The version in it: `2` of `OrderPlacedV2` and `order-placed.v2`.
    pub version: Option<String>,
}

/// What a type name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tense {
    /// That something happened: `OrderPlaced`.
    Past,
    /// That something is to be done: `PlaceOrder`.
    Order,
    /// What is done, by a verb at its end: `OrderUpdate`.
    Doing,
    /// A thing: `OrderDetails`.
    Thing,
    /// Nothing that can be judged.
    Unknown,
}

impl TypeName {
    /// Takes a name apart: `io.example.shop.order-placed.v2`, `App\Events\OrderPlaced`, `order.placed`, `ORDER_PLACED`.
    pub fn of(name: &str) -> Self {
        let name = name.split(',').next().unwrap_or_default();
        let mut segments: Vec<&str> =
            name.split(['\\', '.', ':', '/', '$', '+', '@', '#']).filter(|s| !s.is_empty()).collect();
        let mut version = None;
        while let Some(number) = segments.last().and_then(|last| version_of(last)) {
            version = Some(number.to_owned());
            segments.pop();
        }
        let mut words = segments.pop().map(split).unwrap_or_default();
        if let Some(number) = words.last().and_then(|last| version_of(last)).filter(|_| words.len() > 1) {
            version = Some(number.to_owned());
            words.pop();
        } else if let Some(last) = words.last_mut() {
            let bare = last.trim_end_matches(|c: char| c.is_ascii_digit());
            if bare.len() > 2 && bare.len() < last.len() {
                version = Some(last[bare.len()..].to_owned());
                last.truncate(bare.len());
            }
        }
        for noise in ["event", "evt", "domain", "integration"] {
            if words.len() > 1 && words.last().is_some_and(|last| last == noise) {
                words.pop();
            }
        }
        // `order.placed` says of what in the segment before.
        if words.len() == 1
            && let Some(subject) = segments.pop().map(split)
            && !subject.iter().any(|word| CONTAINERS.contains(&word.as_str()))
        {
            words.splice(0..0, subject);
        }
        Self { words, version }
    }

    /// What it says.
    pub fn tense(&self) -> Tense {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let (Some(first), Some(last)) = (words.first(), words.last()) else { return Tense::Unknown };
        let is_past_at = |(at, word): (usize, &&str)| {
            is_past(word) || (BASE_IS_PAST.contains(word) && (at > 0 || words.len() == 1))
        };
        if words.iter().enumerate().any(is_past_at) {
            return Tense::Past;
        }
        let is_order = match words.get(1) {
            None => false,
            Some(_) if VERBS.contains(first) => true,
            // `PlaceOrder` is one and `ChangeRequest` is none: it needs a thing that the verb is done to.
            Some(next) => {
                (VERBS_AND_NOUNS.contains(first) || BASE_IS_PAST.contains(first))
                    && is_noun(next)
                    && words[1..].iter().all(|word| is_known(word) && !is_of_verb(word))
            }
        };
        if is_order {
            Tense::Order
        } else if OCCURRENCES.contains(last)
            || words.iter().any(|word| PLACES.contains(word))
            || is_word_alone(&words)
        {
            Tense::Unknown
        } else if is_verb(last) {
            Tense::Doing
        } else if words.iter().all(|word| is_known(word)) {
            Tense::Thing
        } else {
            Tense::Unknown
        }
    }

    /// The word at its end where that says what happened, and the words before it.
    pub fn happening(&self) -> Option<(&[String], &str)> {
        let (last, before) = self.words.split_last()?;
        is_past(last).then_some((before, last.as_str()))
    }
}

/// The words of a name in any style, in lower case: `orderId`, `order_id` and `order-id` have the same.
pub fn split(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| {
                !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase())
            });
        if !letter.is_alphanumeric() || begins {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a word says that something happened: `placed`, `paid`, `began`. Words that are their own base form,
/// such as `set`, are not among them.
pub fn is_past(word: &str) -> bool {
    let irregular = |word: &str| IRREGULAR.binary_search(&word).is_ok();
    let regular = word.len() > 3 && word.ends_with("ed") && !NOT_PAST.contains(&word);
    regular
        || irregular(word)
        || PREFIXES.iter().any(|prefix| word.strip_prefix(prefix).is_some_and(irregular))
}

fn is_verb(word: &str) -> bool {
    VERBS.contains(&word) || VERBS_AND_NOUNS.contains(&word)
}

fn is_noun(word: &str) -> bool {
    let one = word.strip_suffix("ies").map(|stem| format!("{stem}y"));
    NOUNS.contains(&word)
        || word.strip_suffix('s').is_some_and(|one| NOUNS.contains(&one))
        || word.strip_suffix("es").is_some_and(|one| NOUNS.contains(&one))
        || one.is_some_and(|one| NOUNS.contains(&one.as_str()))
}

/// Words that say what became of something without a verb: `GameOver`, `OutOfStock`.
const PLACES: [&str; 4] = ["off", "out", "over", "under"];

/// One word that is verb and noun, or any of an envelope: `Deposit`, `Event`.
fn is_word_alone(words: &[&str]) -> bool {
    matches!(words, [word] if VERBS_AND_NOUNS.contains(word) || matches!(*word, "event" | "message"))
}

/// Whether it names what a verb does, so that a verb before it is more likely a noun: the request of `ChangeRequest`.
fn is_of_verb(word: &str) -> bool {
    lists::DEEDS.contains(&word)
}

fn is_known(word: &str) -> bool {
    is_verb(word) || is_noun(word) || BASE_IS_PAST.contains(&word) || LITTLE.contains(&word)
}

fn version_of(word: &str) -> Option<&str> {
    let number = word.strip_prefix(['v', 'V']).unwrap_or(word);
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(name: &str) -> String {
        TypeName::of(name).words.join(" ")
    }

    fn tense(name: &str) -> Tense {
        TypeName::of(name).tense()
    }

    #[test]
    fn names_are_split_in_every_style() {
        for (name, expected) in [
            ("OrderPlaced", "order placed"),
            ("orderPlaced", "order placed"),
            ("order-placed", "order placed"),
            ("ORDER_PLACED", "order placed"),
            ("io.example.shop.order-placed", "order placed"),
            ("App\\Events\\OrderPlaced", "order placed"),
            ("Orders::OrderPlaced", "order placed"),
            ("order.placed", "order placed"),
            ("shop.events.placed", "placed"),
            ("order-placed.v2", "order placed"),
            ("OrderPlacedV2", "order placed"),
            ("OrderPlaced2", "order placed"),
            ("OrderPlacedEvent", "order placed"),
            ("OrderPlacedDomainEvent", "order placed"),
            ("HTTPRequestSent", "http request sent"),
            ("Acme.Orders.OrderPlaced, Acme.Orders, Version=1.0", "order placed"),
            ("com.acme.Orders$OrderPlaced", "order placed"),
            ("BestellungGeprüft", "bestellung geprüft"),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
        assert_eq!(split("orderID"), ["order", "id"]);
        assert_eq!(split("address_line1"), ["address", "line1"]);
        for (name, version) in [("OrderPlacedV2", Some("2")), ("a.b.v12", Some("12")), ("OrderPlaced", None)]
        {
            assert_eq!(TypeName::of(name).version.as_deref(), version, "{name}");
        }
    }

    #[test]
    fn what_happened_is_told_from_orders_and_things() {
        for name in [
            "OrderPlaced",
            "invoice-paid",
            "MoneyWithdrawn",
            "EmailSent",
            "PriceSet",
            "PasswordReset",
            "Reset",
            "ItemAddedToCart",
            "UserSignedUp",
            "OrderNotFound",
            "PaymentOverpaid",
            "StockRanOut",
            "ShipmentLeftWarehouse",
            "CreateOrderRejected",
            "DeadlineExceeded",
            "order.placed",
            "ContractBroken",
            "ParcelHandedOver",
        ] {
            assert_eq!(tense(name), Tense::Past, "{name}");
        }
        for name in
            ["CreateOrder", "add-user", "PlaceOrder", "SetPrice", "SendEmail", "ChangeAddress", "pay_invoice"]
        {
            assert_eq!(tense(name), Tense::Order, "{name}");
        }
        for name in ["OrderUpdate", "order.create", "customer-delete", "SkuUpdate", "UserLogin"] {
            assert_eq!(tense(name), Tense::Doing, "{name}");
        }
        for name in ["OrderDetails", "PaymentConfirmation", "Order", "NewOrder", "issue_comment"] {
            assert_eq!(tense(name), Tense::Thing, "{name}");
        }
        // Nouns for what happened, and what can be read either way.
        for name in
            ["Deposit", "MoneyTransfer", "ItemOutOfStock", "GameOver", "ChangeRequest", "SensorReading"]
        {
            assert_eq!(tense(name), Tense::Unknown, "{name}");
        }
    }

    #[test]
    fn nothing_is_said_of_names_in_other_languages() {
        for name in [
            "bestellung-aufgegeben",
            "BestellungStorniert",
            "PedidoCreado",
            "CommandePassée",
            "ordine-spedito",
            "ZamówienieZłożone",
            "注文確定",
            "OrderGeplaatst",
            "XyzAbc",
            "",
        ] {
            assert_eq!(tense(name), Tense::Unknown, "{name}");
        }
    }

    #[test]
    fn words_that_only_end_like_a_participle_are_none() {
        for word in ["need", "feed", "seed", "speed", "exceed", "embed", "hundred", "bed"] {
            assert!(!is_past(word), "{word}");
        }
        for word in ["placed", "paid", "sold", "unpaid", "resent", "overwritten", "sped", "went"] {
            assert!(is_past(word), "{word}");
        }
    }

    #[test]
    fn no_name_makes_it_panic() {
        for name in [
            "Ünïcödé2",
            "ǅungla",
            "İstanbulPlaced",
            "٣٤٥",
            "v",
            "V2",
            "2",
            "a2",
            ".:$\\/",
            "ﬁled",
            "日本V2",
            "é9",
        ] {
            for (end, _) in name.char_indices().chain([(name.len(), ' ')]) {
                let name = TypeName::of(&name[..end]);
                let _ = (name.tense(), name.outcome(), name.happening());
            }
        }
    }

    #[test]
    fn irregular_forms_can_be_searched() {
        assert!(IRREGULAR.is_sorted_by(|one, next| one < next));
    }
}
