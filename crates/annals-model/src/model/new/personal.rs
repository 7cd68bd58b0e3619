//! Which fields somebody should give a class of personal data, by their names.

use crate::model::yaml::Comments;

use super::names::{contains, words};

/// Each of these, as words in a row, says that a person can be told by the value. `name` alone says nothing.
const NAMES: [&str; 36] = [
    "email",
    "e mail",
    "mail address",
    "phone",
    "telephone",
    "mobile",
    "fax",
    "first name",
    "last name",
    "full name",
    "given name",
    "family name",
    "middle name",
    "maiden name",
    "customer name",
    "person name",
    "contact name",
    "surname",
    "street",
    "postal address",
    "home address",
    "billing address",
    "shipping address",
    "delivery address",
    "birthday",
    "birth date",
    "date of birth",
    "birthdate",
    "iban",
    "card number",
    "passport",
    "ssn",
    "tax id",
    "ip address",
    "national id",
    "deliver to",
];

/// Whether a field looks personal by its name.
pub(super) fn is_personal(field: &str) -> bool {
    let of = words(field);
    NAMES.iter().any(|name| contains(&of, &words(name)))
}

/// What is to be decided where a field is personal.
pub(super) fn ask_for_classes(comments: &mut Comments) {
    for line in [
        "what happens when a person asks to be erased; a field names its class: { is: text, privacy: personal }",
        "personal: { erase: shred, key: …, within: 30d } # encrypted with a key of that person",
        "sensitive: { erase: outside } # a reference to where it stands",
        "pseudonym: { erase: keep, because: … }",
    ] {
        comments.within("privacy", line);
    }
}
