use super::{Example, Mend, Rule};
use crate::finding::Severity;

/// Told by the review: reading the file finds it.
pub(super) static RULE: Rule = Rule {
    id: "AN001",
    name: "model-file",
    severity: Severity::Error,
    reads: &[],
    what: "something in a model file is not understood",
    why: "What is not understood is left out of the model, and so nothing is reviewed or generated from it. A word \
          that is spelt wrongly would otherwise be a rule that nobody keeps.",
    mend: &[Mend {
        on: "",
        text: "The message says what was expected, and what was probably meant. The file is YAML 1.2 without \
               anchors, aliases, merges and tags.",
    }],
    leave: "Never: what is meant for people only goes into a comment.",
    sources: &["https://yaml.org/spec/1.2.2/"],
    bad: &[Example::Model("streams:\n  order: { key: 'order-{order_id}', key: 'o-{order_id}' }\n")],
    good: &[Example::Model("context: shop   # the word of the sellers for it\n")],
    check: |_, _, _| {},
};
