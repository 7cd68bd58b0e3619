use super::{Example, Mend, Rule};
use crate::finding::Severity;

/// Told by the review, which knows what was allowed and what was found.
pub(super) static RULE: Rule = Rule {
    id: "AN000",
    name: "stale-suppression",
    severity: Severity::Warning,
    reads: &[],
    what: "a comment allows what is not there, or gives no reason",
    why: "`annals: allow(…)` is a decision, and its reason is what the next person needs to judge whether it still \
          holds. Without one it is not followed. Where it allows nothing any more, it would hide the same mistake \
          when somebody makes it anew.",
    mend: &[
        Mend {
            on: "",
            text: "Write the reason: `annals: allow(AN103) because: events of a feed that is given`.",
        },
        Mend { on: "", text: "Remove the comment where the rule finds nothing." },
        Mend {
            on: "",
            text: "In a model file, on the line of the finding or directly above it, or above everything else for \
                   the whole file:\n\n```yaml\n# annals: allow(AN103, clickbait-event) because: events of a feed \
                   that is given\n```",
        },
        Mend {
            on: "",
            text: "In SQL:\n\n```sql\n-- annals: allow(AN204) because: rights are given by the platform team\n```",
        },
        Mend {
            on: "",
            text: "For a running store, which has no lines, in the model that is reviewed with it, with the table \
                   and column that the finding names:\n\n```yaml\n# annals: allow(AN204 events) because: rights are \
                   given by the platform team\n```",
        },
    ],
    leave: "Never: a comment that does nothing can go.",
    sources: &["https://doc.rust-lang.org/reference/attributes/diagnostics.html#lint-reasons"],
    bad: &[
        Example::Model("# annals: allow(AN301)\nstreams:\n  order: { key: 'order-{order_id}' }\n"),
        Example::Model("# annals: allow(AN999) because: it was so\ncontext: shop\n"),
    ],
    good: &[Example::Model("context: shop   # what annals calls a bounded context\n")],
    check: |_, _, _| {},
};
