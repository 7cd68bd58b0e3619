//! Which other answers would have given another verdict.

use super::answers::{Answer, Answers};
use super::gate;
use super::questions::{self, Kind, QUESTIONS, Question, Weighs};
use super::{Band, band, past, score};

/// Answers that together give another band.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What would have to be so, all of it.
    pub steps: Vec<Step>,
    /// What it would then be.
    pub to: Band,
}

/// Another answer to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The question.
    pub question: &'static Question,
    /// Its answer, in words that go on from its id: `were at least 2`.
    pub answer: String,
    /// What that answer means, where that is said.
    pub means: Option<&'static str>,
}

/// How many changes of one answer are told, in each direction.
const TOLD: usize = 3;

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Up,
    Down,
}

/// What would have given another verdict: the smallest changes first, each of one answer where one is enough.
pub(super) fn changes(answers: &Answers) -> Vec<Change> {
    let now = band(answers);
    let mut changes = Vec::new();
    if now < Band::EventSource {
        changes.extend(single(answers, Way::Up));
        if changes.is_empty() {
            changes.extend(path(answers));
        }
    }
    if now > Band::NotYet {
        changes.extend(single(answers, Way::Down));
    }
    changes
}

fn single(answers: &Answers, way: Way) -> Vec<Change> {
    let now = band(answers);
    let mut found = Vec::new();
    for question in QUESTIONS {
        for (distance, answer) in moved(question, answers, way).into_iter().enumerate() {
            let mut other = answers.clone();
            other.set(question, answer.clone());
            let to = band(&other);
            if (way == Way::Up && to > now) || (way == Way::Down && to < now) {
                // What it is for, and whether anybody asks, is not what turns out otherwise afterwards.
                let is_far = way == Way::Down && matches!(question.kind, Kind::Text | Kind::Choice(_));
                let distance = if is_far { usize::MAX } else { distance };
                found.push((distance, Change { steps: vec![step(question, &answer, way)], to }));
                break;
            }
        }
    }
    // Stable, so that questions stay in their order where changes are as small.
    found.sort_by_key(|(distance, _)| *distance);
    found.truncate(TOLD);
    found.into_iter().map(|(_, change)| change).collect()
}

/// The other answers to a question in one direction, the nearest first.
fn moved(question: &'static Question, answers: &Answers, way: Way) -> Vec<Answer> {
    let level = answers.level(question);
    match question.kind {
        Kind::Level(_) => {
            let is_more = (way == Way::Up) != matches!(question.weighs, Weighs::Against(_));
            let levels: Vec<u8> =
                if is_more { (level + 1..=3).collect() } else { (0..level).rev().collect() };
            levels.into_iter().map(Answer::Level).collect()
        }
        Kind::YesNo { against } => {
            let wanted = (way == Way::Up) != against;
            if level == u8::from(wanted) { vec![] } else { vec![Answer::YesNo(wanted)] }
        }
        Kind::Text if question.weighs == Weighs::Gate => {
            let is_named = past::is_named(answers.text(question));
            match way {
                Way::Up if !is_named => vec![Answer::Text(past::CONCRETE.to_owned())],
                Way::Down if is_named => vec![Answer::Text(String::new())],
                _ => vec![],
            }
        }
        Kind::Choice(_) => {
            let (good, bad) = sides(question);
            let (from, to) = if way == Way::Up { (good, bad) } else { (bad, good) };
            let is_there = answers
                .choice(question)
                .is_some_and(|choice| from.contains(&choice) && !to.contains(&choice));
            if is_there {
                vec![]
            } else {
                from.first().map(|name| Answer::Choice(name)).into_iter().collect()
            }
        }
        Kind::Text => vec![],
    }
}

/// Of the choices of a question, those that open gates and those that close one.
fn sides(question: &Question) -> (&'static [&'static str], &'static [&'static str]) {
    match question.id {
        id if id == questions::MOTIVE.id => (&["decisions", "questions"], &["audit", "integration", "reads"]),
        id if id == questions::ERASURE_RULE.id => (&["shred", "outside"], &["none"]),
        _ => (&[], &[]),
    }
}

fn step(question: &'static Question, answer: &Answer, way: Way) -> Step {
    let (said, means) = match answer {
        Answer::Level(level) => {
            let is_more = (way == Way::Up) != matches!(question.weighs, Weighs::Against(_));
            let means = match question.kind {
                Kind::Level(means) => means.get(usize::from(*level)).copied(),
                _ => None,
            };
            (format!("were {} {level}", if is_more { "at least" } else { "at most" }), means)
        }
        Answer::YesNo(_) => (format!("were {answer}"), None),
        Answer::Text(_) if way == Way::Up => ("named something concrete".to_owned(), None),
        Answer::Text(_) => ("named nothing concrete".to_owned(), None),
        Answer::Choice(name) => {
            let (good, bad) = sides(question);
            (format!("were {}", one_of(if way == Way::Up { good } else { bad }, name)), None)
        }
    };
    Step { question, answer: said, means }
}

fn one_of(names: &[&str], only: &str) -> String {
    match names {
        [] => only.to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Several answers that together give a better band, as few as are found by taking those first that matter most.
fn path(answers: &Answers) -> Option<Change> {
    let now = band(answers);
    let mut other = answers.clone();
    let mut steps: Vec<&'static Question> = Vec::new();
    let take = |other: &mut Answers, steps: &mut Vec<&'static Question>, question, answer| {
        other.set(question, answer);
        if !steps.contains(&question) {
            steps.push(question);
        }
    };
    // A gate is opened by the nearest answer that opens it. The first of its questions is tried first; for some, one
    // is enough.
    for gate in gate::closed(answers) {
        for question in gate.closed_by(&other) {
            if gate.closed_by(&other).is_empty() {
                break;
            }
            let is_closed = gate.closed_by(&other).len();
            for answer in moved(question, &other, Way::Up) {
                let mut tried = other.clone();
                tried.set(question, answer.clone());
                if gate.closed_by(&tried).len() < is_closed {
                    take(&mut other, &mut steps, question, answer);
                    break;
                }
            }
        }
    }
    while band(&other) <= now {
        let open = QUESTIONS.iter().filter(|question| score::kept_down(question, &other) > 0);
        // The first of those that matter as much: max_by_key would take the last.
        let question = open.rev().max_by_key(|question| score::kept_down(question, &other))?;
        for answer in moved(question, &other, Way::Up) {
            take(&mut other, &mut steps, question, answer);
            if band(&other) > now {
                break;
            }
        }
    }
    let to = band(&other);
    let steps = steps.into_iter().filter_map(|question| Some(step(question, other.get(question)?, Way::Up)));
    Some(Change { steps: steps.collect(), to })
}
