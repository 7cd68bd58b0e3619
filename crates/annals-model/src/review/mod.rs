//! Asks the rules, and keeps apart what is to be told, what was allowed with a reason, and what is known already.

mod allow;
mod baseline;
mod source;

use std::cmp::Reverse;

use crate::Subject;
use crate::finding::{Finding, Findings, Good, Place, Severity};
use crate::model::Mistake;
use crate::rules::{self, Input, RULES, Rule};
use crate::text::Texts;

pub use self::baseline::{Baseline, Known};
pub use self::source::Source;

/// What came of a review.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What is wrong: what weighs most first, then by place.
    pub findings: Vec<Finding>,
    /// What is wrong and was allowed by a comment with a reason.
    pub allowed: Vec<Allowed>,
    /// What is wrong and was so before: see [`Report::without`].
    pub known: Vec<Finding>,
    /// What is as it should be.
    pub good: Vec<Good>,
    /// The rules that were asked and found nothing wrong.
    pub checked: Vec<&'static Rule>,
    /// What was read, in the order in which it came.
    pub sources: Vec<Source>,
}

/// A finding that a comment allows.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// What is wrong.
    pub finding: Finding,
    /// Why it may be.
    pub because: String,
}

/// Asks every rule whose input is there.
///
/// ```
/// # use annals_model::{Subject, model, review::review, render};
/// let mut subject = Subject::default();
/// let file = subject.texts.add("annals.yaml", "annals: 1\ncontext: shop\n");
/// let (model, mistakes) = model::read(&subject.texts, &[file]);
/// subject.model = Some(model);
/// subject.mistakes = mistakes;
/// let report = review(&subject);
/// let shown = render::short(&report, &subject.texts);
/// ```
pub fn review(subject: &Subject) -> Report {
    review_by(RULES, subject)
}

/// Asks these rules.
pub(crate) fn review_by(rules: &[&'static Rule], subject: &Subject) -> Report {
    let is_asked = |rule: &&&'static Rule| rule.reads.iter().any(|input| subject.has(*input));
    let asked: Vec<&'static Rule> = rules.iter().filter(is_asked).copied().collect();
    let mut said = Findings::default();
    for rule in &asked {
        (rule.check)(rule, subject, &mut said);
    }
    // What is left out of a model is not found to be wrong.
    let complete = subject.mistakes.is_empty();
    let of_model = |rule: &Rule| rule.reads.iter().any(|it| matches!(it, Input::Model | Input::Change));
    let wrong = |rule: &Rule| said.findings.iter().any(|finding| finding.rule.id == rule.id);
    let is_clean = |rule: &&&'static Rule| !wrong(rule) && (complete || !of_model(rule));
    let checked = asked.iter().filter(is_clean).copied().collect();

    let mut allowances = allow::read(subject);
    let (mut findings, allowed) = allow::apply(&mut allowances, said.findings, &subject.texts);
    findings.extend(allow::told(&allowances, rules, |rule| {
        complete && asked.iter().any(|known| known.id == rule.id)
    }));
    findings.extend(subject.mistakes.iter().map(|mistake| of_mistake(mistake, &subject.texts)));
    let mut report = Report {
        findings,
        allowed,
        known: Vec::new(),
        good: said.good,
        checked,
        sources: source::read(subject),
    };
    report.sort();
    report
}

/// A report of nothing but what of model files was not understood, where there is nothing to review.
pub fn mistakes(mistakes: &[Mistake], texts: &Texts) -> Report {
    let findings = mistakes.iter().map(|mistake| of_mistake(mistake, texts)).collect();
    let mut report = Report { findings, ..Report::default() };
    report.sort();
    report
}

fn of_mistake(mistake: &Mistake, texts: &Texts) -> Finding {
    let place = Place::new(texts.name(mistake.span.file), mistake.span);
    let mut finding = Finding::new(rules::MODEL_FILE, place, &mistake.message);
    finding.help.extend(mistake.help.clone());
    finding
}

impl Report {
    /// How many findings of a severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// What weighs most of what is wrong.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// The source that a place is in. A place of a running store has a path only, so that it is the store which has
    /// the table, where several were read.
    pub fn source_of(&self, place: &Place) -> Option<&Source> {
        source::of(&self.sources, place)
    }

    /// Puts aside what was wrong already when the baseline was written: of findings with the same rule and path, as
    /// many as it knows.
    #[must_use]
    pub fn without(mut self, baseline: &Baseline) -> Self {
        let (known, new) = baseline.divide(self.findings);
        self.findings = new;
        self.known.extend(known);
        self.sort();
        self
    }

    fn sort(&mut self) {
        self.findings.sort_by(in_order);
        self.known.sort_by(in_order);
        self.allowed.sort_by(|one, other| in_order(&one.finding, &other.finding));
        let by_place = |good: &Good| (good.place.span.is_none(), good.place.span, good.place.path.clone());
        self.good.sort_by_key(by_place);
    }
}

/// What weighs most first, then by place; what stands in no text comes after what does.
fn in_order(one: &Finding, other: &Finding) -> std::cmp::Ordering {
    let key = |finding: &Finding| {
        (Reverse(finding.severity), finding.place.span.is_none(), finding.place.span, finding.rule.id)
    };
    key(one).cmp(&key(other)).then_with(|| one.place.path.cmp(&other.place.path))
}

#[cfg(test)]
mod tests;
