//! Whether words name something concrete about the past, or only wish for it.

// The words that are given as reasons where there is none yet; with them, what stands between words.
const VAGUE: &[&str] = &[
    "a",
    "about",
    "all",
    "an",
    "and",
    "any",
    "anything",
    "are",
    "as",
    "at",
    "audit",
    "auditability",
    "audited",
    "auditing",
    "audits",
    "be",
    "best",
    "better",
    "can",
    "case",
    "changes",
    "clean",
    "compliance",
    "could",
    "data",
    "day",
    "debug",
    "debugging",
    "easier",
    "easily",
    "event",
    "events",
    "everything",
    "expect",
    "flexibility",
    "flexible",
    "for",
    "from",
    "full",
    "future",
    "generally",
    "good",
    "have",
    "history",
    "i",
    "idea",
    "in",
    "it",
    "just",
    "kafka",
    "know",
    "later",
    "log",
    "logging",
    "logs",
    "maintain",
    "maintainability",
    "maybe",
    "microservices",
    "might",
    "modern",
    "n",
    "na",
    "nice",
    "no",
    "none",
    "not",
    "nothing",
    "of",
    "one",
    "or",
    "our",
    "out",
    "perform",
    "performance",
    "perhaps",
    "possible",
    "potentially",
    "practice",
    "probably",
    "proof",
    "reason",
    "reasons",
    "replay",
    "replays",
    "scalability",
    "scalable",
    "scale",
    "scaling",
    "see",
    "should",
    "some",
    "somebody",
    "someday",
    "something",
    "sometime",
    "sourcing",
    "system",
    "that",
    "the",
    "them",
    "there",
    "they",
    "things",
    "this",
    "to",
    "trace",
    "traceability",
    "track",
    "tracking",
    "trail",
    "unknown",
    "us",
    "use",
    "useful",
    "want",
    "we",
    "what",
    "whatever",
    "when",
    "who",
    "will",
    "with",
    "yes",
    "yet",
];

/// A text that names something, for trying what another answer would do.
pub(super) const CONCRETE: &str = "which offers the customer had seen";

/// At least two words that are none of these name something. Whole texts in other scripts are taken at their word when
/// they are long enough to say something.
pub(super) fn is_named(text: Option<&str>) -> bool {
    let Some(text) = text else { return false };
    if text.chars().filter(|c| c.is_alphabetic() && !c.is_ascii()).count() >= 8 {
        return true;
    }
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.filter(|word| !VAGUE.contains(word)).count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_no_question() {
        for wish in [
            "audit",
            "Flexibility for the future!",
            "we might want to see the history someday",
            "n/a",
            "-",
            "Kafka",
        ] {
            assert!(!is_named(Some(wish)), "{wish}");
        }
        assert!(!is_named(None));
    }

    #[test]
    fn a_concrete_question_is_one() {
        for question in [
            CONCRETE,
            "What was the balance of this account at the end of March?",
            "who approved the discount",
            "Welche Angebote hatte die Kundin gesehen?",
            "解約時に顧客が見ていた見積もりはどれか",
        ] {
            assert!(is_named(Some(question)), "{question}");
        }
    }
}
