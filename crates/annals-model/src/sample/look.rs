//! What a text looks like. Each form is strict: a text that might as well be something else has no look.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Look;

impl Look {
    /// What a text looks like, if it is one of the known forms as a whole.
    pub fn of(text: &str) -> Option<Self> {
        const LONGEST: usize = 8192;
        let text = text.trim();
        if text.len() < 7 || text.len() > LONGEST {
            return None;
        }
        [
            (Self::Uuid, is_uuid as fn(&str) -> bool),
            (Self::Time, is_time),
            (Self::Secret, is_secret),
            (Self::Mail, is_mail),
            (Self::Phone, is_phone),
            (Self::IpAddress, is_ip_address),
            (Self::Iban, is_iban),
            (Self::Card, is_card),
        ]
        .into_iter()
        .find_map(|(look, is)| is(text).then_some(look))
    }

    /// What texts that look so are called.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Uuid => "UUIDs",
            Self::Time => "times",
            Self::Mail => "mail addresses",
            Self::Phone => "telephone numbers",
            Self::IpAddress => "IP addresses",
            Self::Iban => "IBANs",
            Self::Card => "card numbers",
            Self::Secret => "secrets",
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_time(text: &str) -> bool {
    let matches = |text: &str, form: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(|(b, form)| match form {
                b'0' => b.is_ascii_digit(),
                b'T' => matches!(b, b'T' | b't' | b' '),
                b'+' => matches!(b, b'+' | b'-'),
                _ => b == form,
            })
    };
    let Some((moment, rest)) = text.split_at_checked(19) else { return false };
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if zone.len() == fraction.len() {
                return false;
            }
            zone
        }
        None => rest,
    };
    matches(moment, "0000-00-00T00:00:00") && (zone.eq_ignore_ascii_case("z") || matches(zone, "+00:00"))
}

fn is_mail(text: &str) -> bool {
    // What stands before an @ in the names of files and packages is no mail box: `logo@2x.png`.
    const NO_DOMAIN: [&str; 10] = ["png", "jpg", "jpeg", "gif", "svg", "webp", "pdf", "js", "css", "local"];
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    (1..=64).contains(&local.len())
        && local.bytes().all(is_atom)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.len() <= 253
        && domain.contains('.')
        && domain.split('.').all(is_label)
        && top.chars().count() >= 2
        && top.chars().all(char::is_alphabetic)
        && !NO_DOMAIN.contains(&top.to_ascii_lowercase().as_str())
}

/// E.164, with the plus sign: without it any number would be one.
fn is_phone(text: &str) -> bool {
    let Some(number) = text.strip_prefix('+') else { return false };
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let separators = number.bytes().filter(|b| b" -().".contains(b)).count();
    let has_country = number.starts_with(|c: char| ('1'..='9').contains(&c));
    has_country
        && (8..=15).contains(&digits)
        && digits + separators == number.len()
        && separators <= 6
        && number.ends_with(|c: char| c.is_ascii_digit())
        // `+1234567.50` is an amount.
        && !(separators == 1 && number.contains('.'))
}

/// Addresses that may be those of a person: not one that means this host or a private network.
fn is_ip_address(text: &str) -> bool {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => is_of_somebody(address),
        // `a::b` is one to the letter.
        Ok(IpAddr::V6(address)) => {
            let is_local =
                (address.segments()[0] & 0xfe00) == 0xfc00 || (address.segments()[0] & 0xffc0) == 0xfe80;
            text.matches(':').count() >= 3
                && !is_local
                && address != Ipv6Addr::LOCALHOST
                && address.to_ipv4_mapped().is_none_or(is_of_somebody)
        }
        Err(_) => false,
    }
}

fn is_of_somebody(address: Ipv4Addr) -> bool {
    let first = address.octets()[0];
    // Low first octets are version numbers such as 1.2.3.4 far more often.
    first >= 5
        && !address.is_private()
        && !address.is_loopback()
        && !address.is_link_local()
        && !address.is_multicast()
        && !address.is_broadcast()
        && first < 240
}

fn is_iban(text: &str) -> bool {
    let compact: Vec<u8> = text.bytes().filter(|b| *b != b' ').collect();
    let spaces = text.len() - compact.len();
    if !(15..=34).contains(&compact.len()) || spaces > compact.len() / 4 {
        return false;
    }
    let has_form = compact[..2].iter().all(u8::is_ascii_uppercase)
        && compact[2..4].iter().all(u8::is_ascii_digit)
        && compact.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        // Every country's has digits for the bank or the account.
        && compact[4..].iter().filter(|b| b.is_ascii_digit()).count() >= 6;
    has_form && remainder_97(compact[4..].iter().chain(&compact[..4])) == 1
}

fn remainder_97<'b>(letters: impl Iterator<Item = &'b u8>) -> u32 {
    letters.fold(0, |sum, letter| match letter {
        b'0'..=b'9' => (sum * 10 + u32::from(letter - b'0')) % 97,
        _ => (sum * 100 + u32::from(letter - b'A') + 10) % 97,
    })
}

/// A number of a maker of cards, of the length that they have, with its check digit. One number in ten has a check
/// digit that is right, so who asks has to look at more than one.
fn is_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let groups: Vec<&str> = text.split([' ', '-']).collect();
    let in_groups = groups.len() == 1
        || (groups.len() >= 3
            && groups.iter().all(|group| (3..=7).contains(&group.len()))
            && !text.contains('+'));
    let separators = groups.len() - 1;
    if !(13..=19).contains(&digits.len()) || !in_groups || digits.len() + separators != text.len() {
        return false;
    }
    let begins = |n: usize| digits[..n].iter().fold(0, |number, digit| number * 10 + digit);
    let is_made = match digits.len() {
        13 | 19 => begins(1) == 4 || (digits.len() == 19 && begins(2) == 62),
        14 => matches!(begins(2), 36 | 38 | 39) || (300..=305).contains(&begins(3)),
        15 => matches!(begins(2), 34 | 37),
        16 => {
            begins(1) == 4
                || (51..=55).contains(&begins(2))
                || (2221..=2720).contains(&begins(4))
                || begins(4) == 6011
                || matches!(begins(2), 62 | 65)
                || (3528..=3589).contains(&begins(4))
        }
        _ => false,
    };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match at % 2 {
            0 => *digit,
            _ if *digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        })
        .sum();
    is_made && sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != digits[0])
}

/// Prefixes by which makers of tokens let them be found, and how much follows at least.
const TOKENS: [(&str, usize); 17] = [
    ("ghp_", 36),
    ("gho_", 36),
    ("ghu_", 36),
    ("ghs_", 36),
    ("ghr_", 36),
    ("github_pat_", 50),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("xoxa-", 20),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 35),
    ("npm_", 36),
    ("SG.", 40),
];

fn is_secret(text: &str) -> bool {
    let is_token_letter = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let is_token = TOKENS.iter().any(|(prefix, length)| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            // Those of clouds have just so many letters, all of them capitals or digits.
            let is_key_id = !matches!(*prefix, "AKIA" | "ASIA")
                || (rest.len() == *length
                    && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
            rest.len() >= *length && is_key_id && rest.bytes().all(is_token_letter)
        })
    });
    let is_private_key = text.starts_with("-----BEGIN ")
        && text.lines().next().is_some_and(|line| line.contains("PRIVATE KEY"));
    is_token || is_private_key || is_web_token(text)
}

/// A JSON web token: its first two parts are JSON objects in base64.
fn is_web_token(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_base64 = |part: &&str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    parts.len() == 3
        && parts[..2].iter().all(|part| part.starts_with("eyJ") && part.len() > 10)
        && parts.iter().all(is_base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_recognised() {
        for (text, look) in [
            ("0199f3a2-7c1e-7d4f-8a6b-5c4d3e2f1a0b", Look::Uuid),
            ("2026-11-27T02:36:08Z", Look::Time),
            ("2026-11-27T02:36:08.123+01:00", Look::Time),
            ("anna.berg@example.org", Look::Mail),
            ("a+b@mail.example.co", Look::Mail),
            ("+49 151 23456789", Look::Phone),
            ("+14155552671", Look::Phone),
            ("203.0.113.9", Look::IpAddress),
            ("2001:db8::8a2e:370:7334", Look::IpAddress),
            ("DE89370400440532013000", Look::Iban),
            ("GB82 WEST 1234 5698 7654 32", Look::Iban),
            ("4111111111111111", Look::Card),
            ("5500-0000-0000-0004", Look::Card),
            ("378282246310005", Look::Card),
        ] {
            assert_eq!(Look::of(text), Some(look), "{text}");
        }
        for secret in [
            format!("eyJ{}.eyJ{}.{}", "a".repeat(20), "b".repeat(20), "c".repeat(20)),
            format!("-----BEGIN {} KEY-----\nMIIB", "PRIVATE"),
            format!("gh{}_{}", 'p', "a1".repeat(18)),
            format!("AK{}{}", "IA", "A1".repeat(8)),
        ] {
            assert_eq!(Look::of(&secret), Some(Look::Secret), "{secret}");
        }
    }

    #[test]
    fn no_text_makes_it_panic() {
        for text in [
            "2026-11-27T02:36:08.123+0é:00",
            "+49é15123456789",
            "DE89370400é40532013000",
            "４１１１１１１１１１１１１１１１",
            "a@é.日本",
            "é".repeat(40).as_str(),
        ] {
            for (end, _) in text.char_indices() {
                let _ = Look::of(&text[..end]);
            }
        }
    }

    #[test]
    fn what_is_only_alike_has_no_look() {
        for text in [
            "",
            "order-17",
            "logo@2x.png",
            "git@github.com:acme/shop.git",
            "@scope/package",
            "anna@localhost",
            "a@b",
            "anna@example",
            "two @example.org words",
            "1.2.3.4",
            "10.0.0.1",
            "127.0.0.1",
            "10.0.19041.1",
            "12:30:45",
            "a::b",
            "aa:bb:cc:dd:ee:ff",
            "2026-11-27",
            "2026-11-27T02:36:08",
            "2026-11-27T02:36:08.Z",
            "15123456789",
            "+1250.50",
            "+1234567.50",
            "+5",
            "DE89370400440532013001",
            "ABCDEFGHIJKLMNOPQR",
            "4111111111111112",
            "0000000000000000",
            "1234567890123452",
            "4532 0151 1283 036",
            "0199f3a2-7c1e-7d4f-8a6b-5c4d3e2f1a0",
            "AKIAsomething",
            "a.b.c",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert_eq!(Look::of(text), None, "{text}");
        }
    }
}
