//! The rules of review, one file each: what it looks for, why that hurts, how to mend it, when to leave it, and
//! an example of either kind that the tests run.

mod an000_stale_suppression;
mod an001_model_file;
mod an101_event_not_past_tense;
mod an102_command_like_name;
mod an103_crud_event;
mod an106_clickbait_event;
mod an107_fat_optional_event;
mod an110_language_bound_type;
mod an201_no_version_guard;
mod an202_guard_too_wide;
mod an203_guard_with_null;
mod an204_log_not_append_only;
mod an205_silent_guard;
mod an206_no_global_position;
mod an207_gap_unsafe_position;
mod an209_order_by_time;
mod an210_time_as_text_or_local;
mod an211_no_event_id;
mod an212_type_missing_or_null;
mod an213_no_metadata;
mod an214_no_recorded_time;
mod an221_unread_ddl;
mod an301_no_concurrency_policy;
mod an303_no_once_per;
mod an304_unbounded_stream;
mod an311_version_holes;
mod an401_no_schema_version;
mod an402_breaking_change_same_version;
mod an403_upcast_gap;
mod an405_shape_drift;
mod an501_projection_authoritative;
mod an504_no_duplicate_rule;
mod an602_snapshot_no_version;
mod an701_pii_in_clear;
mod an702_pii_in_key_or_tag;
mod an703_no_erasure_rule;
mod an707_no_retention;
mod an801_consumer_without_idempotency;
mod an802_process_without_end;
mod on_store;
#[cfg(test)]
mod on_store_tests;
mod shared;

use crate::Subject;
use crate::finding::{Findings, Severity};

/// Something to look for.
#[derive(Debug)]
pub struct Rule {
    /// Its id, which never changes: `AN203`.
    pub id: &'static str,
    /// Its name: `guard-with-null`.
    pub name: &'static str,
    /// How much it weighs unless a case is another.
    pub severity: Severity,
    /// What it looks at; it is asked where any of these is there. Nothing, where the review itself is what finds it.
    pub reads: &'static [Input],
    /// What is wrong, in one line.
    pub what: &'static str,
    /// Why that hurts: a short paragraph.
    pub why: &'static str,
    /// How to mend it, first in general and then on each database where it differs.
    pub mend: &'static [Mend],
    /// When to leave it, and say so.
    pub leave: &'static str,
    /// Where the rule comes from: addresses.
    pub sources: &'static [&'static str],
    /// What it finds.
    pub bad: &'static [Example],
    /// What looks alike and is right; the traps of the rule are here.
    pub good: &'static [Example],
    /// Looks.
    pub check: fn(&'static Rule, &Subject, &mut Findings),
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// A model file.
    Model,
    /// The shape of a store.
    Store,
    /// Events that were looked at.
    Sample,
    /// A model file, and the same as it was.
    Change,
}

impl Input {
    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Store => "store",
            Self::Sample => "sample",
            Self::Change => "change",
        }
    }
}

/// A way to mend something.
#[derive(Debug, Clone, Copy)]
pub struct Mend {
    /// On which database: `PostgreSQL`; empty where it is the same everywhere.
    pub on: &'static str,
    /// What to do; may hold code in fences.
    pub text: &'static str,
}

/// A text that a rule is shown by.
#[derive(Debug, Clone, Copy)]
pub enum Example {
    /// A model file, without the line `annals: 1`.
    Model(&'static str),
    /// A model file as it was, and as it is, both without that line.
    Change(&'static str, &'static str),
    /// DDL.
    Sql(&'static str),
    /// Events, one JSON object a line, as `annals export` writes them.
    Events(&'static str),
}

/// Every rule, by id.
///
/// What a rule says of the review itself (`AN0…`) is told by [`crate::review`] and cannot be allowed or be known.
pub static RULES: &[&Rule] = &[
    &an000_stale_suppression::RULE,
    &an001_model_file::RULE,
    &an101_event_not_past_tense::RULE,
    &an102_command_like_name::RULE,
    &an103_crud_event::RULE,
    &an106_clickbait_event::RULE,
    &an107_fat_optional_event::RULE,
    &an110_language_bound_type::RULE,
    &an201_no_version_guard::RULE,
    &an202_guard_too_wide::RULE,
    &an203_guard_with_null::RULE,
    &an204_log_not_append_only::RULE,
    &an205_silent_guard::RULE,
    &an206_no_global_position::RULE,
    &an207_gap_unsafe_position::RULE,
    &an209_order_by_time::RULE,
    &an210_time_as_text_or_local::RULE,
    &an211_no_event_id::RULE,
    &an212_type_missing_or_null::RULE,
    &an213_no_metadata::RULE,
    &an214_no_recorded_time::RULE,
    &an221_unread_ddl::RULE,
    &an301_no_concurrency_policy::RULE,
    &an303_no_once_per::RULE,
    &an304_unbounded_stream::RULE,
    &an311_version_holes::RULE,
    &an401_no_schema_version::RULE,
    &an402_breaking_change_same_version::RULE,
    &an403_upcast_gap::RULE,
    &an405_shape_drift::RULE,
    &an501_projection_authoritative::RULE,
    &an504_no_duplicate_rule::RULE,
    &an602_snapshot_no_version::RULE,
    &an701_pii_in_clear::RULE,
    &an702_pii_in_key_or_tag::RULE,
    &an703_no_erasure_rule::RULE,
    &an707_no_retention::RULE,
    &an801_consumer_without_idempotency::RULE,
    &an802_process_without_end::RULE,
];

impl Rule {
    /// Whether it is about the review, and not about what is reviewed.
    pub fn is_of_review(&self) -> bool {
        self.reads.is_empty()
    }
}

/// What is told of comments that allow something.
pub(crate) static STALE_SUPPRESSION: &Rule = &an000_stale_suppression::RULE;

/// What is told of a model file that is not understood.
pub(crate) static MODEL_FILE: &Rule = &an001_model_file::RULE;

/// A rule by its id or its name, in any case.
pub fn find(id_or_name: &str) -> Option<&'static Rule> {
    RULES
        .iter()
        .copied()
        .find(|rule| rule.id.eq_ignore_ascii_case(id_or_name) || rule.name.eq_ignore_ascii_case(id_or_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a rule says of an example.
    fn said(rule: &'static Rule, example: &Example) -> Vec<String> {
        let subject = Subject::of_example(example);
        assert!(rule.reads.iter().any(|input| subject.has(*input)), "{} does not read {example:?}", rule.id);
        let mut findings = Findings::default();
        (rule.check)(rule, &subject, &mut findings);
        findings.findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn rules_find_what_is_bad_and_not_what_is_good() {
        for rule in RULES.iter().filter(|rule| !rule.reads.is_empty()) {
            for bad in rule.bad {
                assert!(!said(rule, bad).is_empty(), "{} finds nothing in {bad:?}", rule.id);
            }
            for good in rule.good {
                assert_eq!(said(rule, good), Vec::<String>::new(), "{} in {good:?}", rule.id);
            }
        }
    }

    #[test]
    fn rules_are_in_order_and_say_everything() {
        assert!(RULES.is_sorted_by(|one, next| one.id < next.id));
        for rule in RULES {
            let whole = !rule.what.is_empty() && !rule.why.is_empty() && !rule.leave.is_empty();
            assert!(whole && !rule.mend.is_empty() && !rule.sources.is_empty(), "{}", rule.id);
            assert!(!rule.bad.is_empty() && !rule.good.is_empty(), "{}", rule.id);
            assert!(!rule.what.ends_with('.') && rule.why.ends_with('.'), "{}", rule.id);
        }
    }
}
