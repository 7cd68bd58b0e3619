//! What was wrong already when somebody began to review: it is not told again, and what is new is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;

use super::Report;

/// What is known to be wrong: how often a rule found something at a path, and what else it named there. Lines are not
/// in it, so that it outlives edits, and nothing that a rule `AN0…` says is, since that is about the review.
///
/// As text it is JSON, one finding a line, in an order that does not change:
///
/// ```json
/// {
///   "annals_baseline": 1,
///   "known": [
///     { "rule": "AN102", "path": "streams.order", "count": 1, "with": ["events.PlaceOrder", "events.ShipOrder"] },
///     { "rule": "AN207", "path": "events.position", "count": 1 }
///   ]
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    known: BTreeMap<(String, String), Extent>,
}

/// How much of a path is known to be wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Extent {
    count: usize,
    with: BTreeSet<String>,
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
    /// What it names there besides: one finding about several events of a stream is new again once it names another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<String>,
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
        let mut known: BTreeMap<_, Extent> = BTreeMap::new();
        for finding in report.findings.iter().chain(&report.known).filter(|f| !f.rule.is_of_review()) {
            let extent = known.entry(key(finding)).or_default();
            extent.count += 1;
            extent.with.extend(with(finding).map(str::to_owned));
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
        for Known { rule, path, count, with } in known {
            let extent = baseline.known.entry((rule, path)).or_default();
            extent.count = extent.count.saturating_add(count);
            extent.with.extend(with);
        }
        Ok(baseline)
    }

    /// What it knows that is not wrong any more, which [`Baseline::of`] the same report is without. Of rules that were
    /// not asked this says that they find nothing.
    pub fn gone(&self, report: &Report) -> Vec<Known> {
        let now = Self::of(report).known;
        let left = |(key, extent): (&(String, String), &Extent)| {
            let count = extent.count.saturating_sub(now.get(key).map_or(0, |extent| extent.count));
            let (rule, path) = key.clone();
            (count > 0).then(|| Known { rule, path, count, with: Vec::new() })
        };
        self.known.iter().filter_map(left).collect()
    }

    /// Divides findings into those that are known and those that are new.
    pub(super) fn divide(&self, findings: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
        let mut left = self.known.clone();
        findings.into_iter().partition(|finding| match left.get_mut(&key(finding)) {
            Some(extent)
                if extent.count > 0
                    && !finding.rule.is_of_review()
                    && with(finding).all(|path| extent.with.contains(path)) =>
            {
                extent.count -= 1;
                true
            }
            _ => false,
        })
    }
}

fn key(finding: &Finding) -> (String, String) {
    (finding.rule.id.to_owned(), finding.place.path.clone())
}

fn with(finding: &Finding) -> impl Iterator<Item = &str> {
    finding.others.iter().map(|place| place.path.as_str()).filter(|path| *path != finding.place.path)
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{{\n  \"annals_baseline\": {},\n  \"known\": [", Self::FORMAT)?;
        let json = |text: &str| serde_json::Value::from(text).to_string();
        for (n, ((rule, path), Extent { count, with })) in self.known.iter().enumerate() {
            let comma = if n + 1 < self.known.len() { "," } else { "" };
            let (rule, path) = (json(rule), json(path));
            write!(f, "    {{ \"rule\": {rule}, \"path\": {path}, \"count\": {count}")?;
            if !with.is_empty() {
                let with: Vec<String> = with.iter().map(|path| json(path)).collect();
                write!(f, ", \"with\": [{}]", with.join(", "))?;
            }
            writeln!(f, " }}{comma}")?;
        }
        f.write_str("  ]\n}\n")
    }
}
