//! What was wrong already when somebody began to review: it is not told again, and what is new is.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;

use super::Report;

/// What is known to be wrong: how often a rule found something at a path. Lines are not in it, so that it outlives
/// edits, and nothing that a rule `AN0…` says is, since that is about the review.
///
/// As text it is JSON, one finding a line, in an order that does not change:
///
/// ```json
/// {
///   "annals_baseline": 1,
///   "known": [
///     { "rule": "AN207", "path": "events.position", "count": 1 }
///   ]
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    known: BTreeMap<(String, String), usize>,
}

/// One line of a baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The id of the rule.
    pub rule: String,
    /// Where it finds something.
    pub path: String,
    /// How often.
    pub count: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    annals_baseline: u32,
    known: Vec<Known>,
}

impl Baseline {
    /// The format that is written and read.
    const FORMAT: u32 = 1;

    /// All that is wrong now, known before or not.
    pub fn of(report: &Report) -> Self {
        let mut known = BTreeMap::new();
        for finding in report.findings.iter().chain(&report.known).filter(|f| !f.rule.is_of_review()) {
            *known.entry(key(finding)).or_insert(0) += 1;
        }
        Self { known }
    }

    /// Reads a baseline.
    ///
    /// # Errors
    /// What is wrong with the text, in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Text { annals_baseline: format, known } =
            serde_json::from_str(text).map_err(|e| format!("no baseline: {e}"))?;
        if format != Self::FORMAT {
            return Err(format!("baseline of format {format}, expected {}", Self::FORMAT));
        }
        let mut baseline = Self::default();
        for Known { rule, path, count } in known {
            let sum = baseline.known.entry((rule, path)).or_insert(0_usize);
            *sum = sum.saturating_add(count);
        }
        Ok(baseline)
    }

    /// What it knows that is not wrong any more, which [`Baseline::of`] the same report is without. Of rules that were
    /// not asked this says that they find nothing.
    pub fn gone(&self, report: &Report) -> Vec<Known> {
        let now = Self::of(report).known;
        let left = |(key, count): (&(String, String), &usize)| {
            let count = count.saturating_sub(now.get(key).copied().unwrap_or(0));
            (count > 0).then(|| Known { rule: key.0.clone(), path: key.1.clone(), count })
        };
        self.known.iter().filter_map(left).collect()
    }

    /// Divides findings into those that are known and those that are new.
    pub(super) fn divide(&self, findings: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
        let mut left = self.known.clone();
        findings.into_iter().partition(|finding| match left.get_mut(&key(finding)) {
            Some(count) if *count > 0 && !finding.rule.is_of_review() => {
                *count -= 1;
                true
            }
            _ => false,
        })
    }
}

fn key(finding: &Finding) -> (String, String) {
    (finding.rule.id.to_owned(), finding.place.path.clone())
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{{\n  \"annals_baseline\": {},\n  \"known\": [", Self::FORMAT)?;
        let json = |text: &str| serde_json::Value::from(text).to_string();
        for (n, ((rule, path), count)) in self.known.iter().enumerate() {
            let comma = if n + 1 < self.known.len() { "," } else { "" };
            let (rule, path) = (json(rule), json(path));
            writeln!(f, "    {{ \"rule\": {rule}, \"path\": {path}, \"count\": {count} }}{comma}")?;
        }
        f.write_str("  ]\n}\n")
    }
}
