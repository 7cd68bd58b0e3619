//! What the answers come to where no gate decides: a band. The sum behind it is nobody's measurement and is not shown.

use super::Band;
use super::answers::Answers;
use super::questions::{Kind, QUESTIONS, Question, Weighs};

// The bounds and the weights (see questions.rs) are a proposal of Annals, not from literature. They were written down
// before the modules in tests/fit were described, and none of them had to be changed for those to come out as people
// who know such systems would have them; a module that does not belongs there as a file. What is not clearly above the
// lower bound is CRUD, because "the complexity that event sourcing adds to a system isn't justified for most systems":
// https://learn.microsoft.com/azure/architecture/patterns/event-sourcing
const EVENT_SOURCE: i32 = 12;
const CORE_ONLY: i32 = 6;

/// The band of the answers, without gates.
pub(super) fn band(answers: &Answers) -> Band {
    let sum: i32 = QUESTIONS.iter().map(|question| points(question, answers.level(question))).sum();
    if sum >= EVENT_SOURCE {
        Band::EventSource
    } else if sum >= CORE_ONLY {
        Band::CoreOnly
    } else {
        Band::Crud
    }
}

/// How far an answer moves the result.
pub(super) fn points(question: &Question, level: u8) -> i32 {
    match question.weighs {
        Weighs::For(times) => i32::from(times) * i32::from(level),
        Weighs::Against(times) => -i32::from(times) * i32::from(level),
        Weighs::Gate | Weighs::Nothing => 0,
    }
}

/// How far an answer keeps the result below what its question could give.
pub(super) fn kept_down(question: &Question, answers: &Answers) -> i32 {
    points(question, best(question)) - points(question, answers.level(question))
}

/// How far an answer keeps the result above what its question could take.
pub(super) fn held_up(question: &Question, answers: &Answers) -> i32 {
    points(question, answers.level(question)) - points(question, worst(question))
}

fn best(question: &Question) -> u8 {
    match question.weighs {
        Weighs::For(_) => most(question),
        _ => 0,
    }
}

fn worst(question: &Question) -> u8 {
    match question.weighs {
        Weighs::Against(_) => most(question),
        _ => 0,
    }
}

fn most(question: &Question) -> u8 {
    match question.kind {
        Kind::YesNo { .. } => 1,
        _ => 3,
    }
}
