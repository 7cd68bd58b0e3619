//! What holds whatever is answered.

use super::questions::{self, Kind, Weighs};
use super::{Answer, Answers, Band, QUESTIONS, Question, band, judge};

/// Numbers from a seed, which bring a failure back.
struct Numbers(u64);

impl Numbers {
    fn from(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(most).unwrap()).unwrap()
    }
}

/// Every answer to a question, from the one that speaks most against event sourcing; alike ones are in one group.
fn from_against(question: &Question) -> Vec<Vec<Answer>> {
    let text = |said: &str| Answer::Text(said.to_owned());
    match question.kind {
        Kind::Level(_) => {
            let levels = (0..=3).map(|level| vec![Answer::Level(level)]);
            if matches!(question.weighs, Weighs::Against(_)) {
                levels.rev().collect()
            } else {
                levels.collect()
            }
        }
        Kind::YesNo { against } => vec![vec![Answer::YesNo(against)], vec![Answer::YesNo(!against)]],
        Kind::Text => vec![vec![text("audit")], vec![text("Who moved the date, and why?")]],
        Kind::Choice(_) if question.id == questions::MOTIVE.id => vec![
            vec![Answer::Choice("audit"), Answer::Choice("integration"), Answer::Choice("reads")],
            vec![Answer::Choice("decisions"), Answer::Choice("questions")],
        ],
        Kind::Choice(_) if question.id == questions::ERASURE_RULE.id => {
            vec![vec![Answer::Choice("none")], vec![Answer::Choice("shred"), Answer::Choice("outside")]]
        }
        Kind::Choice(choices) => vec![choices.iter().map(|choice| Answer::Choice(choice.name)).collect()],
    }
}

/// Answers of which some are missing. Mostly good ones, since others end at a gate.
fn some(numbers: &mut Numbers) -> Answers {
    let mut answers = Answers::default();
    for question in QUESTIONS {
        let groups = from_against(question);
        let is_gate = question.weighs == Weighs::Gate;
        let good =
            if is_gate && numbers.below(12) > 0 { groups.len() - 1 } else { numbers.below(groups.len()) };
        let group = &groups[good];
        if numbers.below(15) > 0 {
            answers.set(question, group[numbers.below(group.len())].clone());
        }
    }
    answers
}

#[test]
fn what_speaks_for_never_moves_towards_crud_and_what_is_missing_never_away_from_it() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 1..=400 {
        let mut numbers = Numbers::from(seed);
        let answers = some(&mut numbers);
        seen.insert(band(&answers));
        for question in QUESTIONS {
            let mut missing = answers.clone();
            missing.forget(question);
            let mut before = band(&missing);
            for group in from_against(question) {
                let mut alike = None;
                for answer in group {
                    let mut other = answers.clone();
                    other.set(question, answer.clone());
                    let now = band(&other);
                    assert!(now >= before, "seed {seed}: {} {answer} of {answers:?}", question.id);
                    assert!(alike.is_none_or(|alike| alike == now), "seed {seed}: {} {answer}", question.id);
                    alike = Some(now);
                }
                before = alike.unwrap_or(before);
            }
        }
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[test]
fn whatever_is_answered_there_is_a_verdict_with_reasons_and_a_way_out() {
    for seed in 1..=200 {
        let answers = some(&mut Numbers::from(seed));
        let verdict = judge(&answers);
        assert_eq!(verdict.decided.len(), 3, "seed {seed}");
        assert!(!verdict.changes.is_empty(), "seed {seed}");
        assert!(verdict.changes.iter().all(|change| change.to != verdict.band), "seed {seed}");
        assert_eq!(verdict.alternative.is_none(), verdict.band == Band::EventSource, "seed {seed}");
        assert!(!verdict.to_text(None).is_empty() && verdict.to_json(None).is_object());
    }
}

#[test]
fn nothing_answered_is_crud() {
    let verdict = judge(&Answers::default());
    assert_eq!((verdict.band, verdict.gate.map(|gate| gate.id)), (Band::Crud, Some("G1")));
    assert!(verdict.unanswered.len() > 20);
}
