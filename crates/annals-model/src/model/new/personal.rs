//! Which fields somebody should give a class of personal data, by their names.

use crate::model::yaml::Comments;
use crate::personal::Personal;

/// Whether a field looks personal by its name.
pub(super) fn is_personal(field: &str) -> bool {
    Personal::of(field, &[]).is_some()
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
