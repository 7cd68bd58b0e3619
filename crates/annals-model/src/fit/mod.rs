//! Whether event sourcing fits one module, or ordinary CRUD is better.
//!
//! CRUD is the default: it wins ties, and a question that is not answered counts as if it had the answer that speaks
//! most against event sourcing. [Gates](gate) come first; where none decides, the answers are weighed and come out in a
//! [`Band`]. A verdict says which answers decided, what would change it, and what to do instead, in code for the
//! database that was named. [`of_model`] says as much as can be said from a model alone.

pub mod alternative;
pub mod answers;
mod change;
pub mod gate;
pub mod of_model;
mod past;
pub mod questions;
mod render;
mod score;
#[cfg(test)]
mod tests;

pub use self::alternative::{Database, Description, Kind, alternative};
pub use self::answers::{Answer, Answers, Refused};
pub use self::change::{Change, Step};
pub use self::gate::Gate;
pub use self::of_model::{Leaning, StreamFit, fit_model};
pub use self::questions::{QUESTIONS, Question};

use self::questions::{DISPUTES, HISTORY, READ_MODELS, TIME_TRAVEL};

/// What a module should be, from the least of event sourcing to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// Tables that are changed in place.
    Crud,
    /// Event sourcing would fit, and something has to be settled before.
    NotYet,
    /// Events for the core of it, tables for the rest.
    CoreOnly,
    /// Events.
    EventSource,
}

impl Band {
    /// As it is written in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crud => "crud",
            Self::NotYet => "not-yet",
            Self::CoreOnly => "core-only",
            Self::EventSource => "event-source",
        }
    }

    /// As a person reads it.
    pub fn says(self) -> &'static str {
        match self {
            Self::Crud => "ordinary CRUD is better",
            Self::NotYet => "not yet: something has to be settled before",
            Self::CoreOnly => "event source only the core, and keep CRUD for the rest",
            Self::EventSource => "event sourcing fits",
        }
    }
}

/// What the answers come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What the module is called, where that was said.
    pub module: Option<String>,
    /// What it should be.
    pub band: Band,
    /// The gate that decided, if one did.
    pub gate: Option<&'static Gate>,
    /// The other gates that are closed.
    pub also: Vec<&'static Gate>,
    /// The three answers that decided.
    pub decided: Vec<Reason>,
    /// What would change it.
    pub changes: Vec<Change>,
    /// What was not answered, and so counted against.
    pub unanswered: Vec<&'static Question>,
    /// What to do instead; for the rest of the module where only the core is event-sourced.
    pub alternative: Option<Kind>,
    /// The database that it was asked for, where that was said.
    pub database: Option<Database>,
    /// The core, in the words of those who answered.
    pub core: Option<String>,
    /// What else has to be known.
    pub notes: Vec<&'static str>,
}

/// An answer that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The question.
    pub question: &'static Question,
    /// What was answered; `None` where nothing was.
    pub answer: Option<Answer>,
    /// Whether it speaks for event sourcing.
    pub is_for: bool,
}

/// Says whether event sourcing fits.
pub fn judge(answers: &Answers) -> Verdict {
    let band = band(answers);
    let mut closed = gate::closed(answers);
    let decides = match band {
        Band::Crud => closed.iter().position(|gate| gate.is_crud()),
        _ => (!closed.is_empty()).then_some(0),
    };
    let gate = decides.map(|at| closed.remove(at));
    let alternative = other_way(band, gate, answers);
    Verdict {
        module: answers.text(&questions::MODULE).map(str::to_owned),
        band,
        gate,
        decided: decided(band, gate, &closed, answers),
        also: closed,
        changes: change::changes(answers),
        unanswered: answers.unanswered(),
        alternative,
        database: answers.database(),
        core: answers.text(&questions::CORE).map(str::to_owned),
        notes: notes(band, alternative, answers),
    }
}

/// The band of the answers. What is not yet possible is only said of what would otherwise fit.
fn band(answers: &Answers) -> Band {
    let is_closed = |gate: &Gate| !gate.closed_by(answers).is_empty();
    if gate::GATES.iter().any(|gate| gate.is_crud() && is_closed(gate)) {
        return Band::Crud;
    }
    match score::band(answers) {
        Band::CoreOnly | Band::EventSource if is_closed(&gate::NO_ERASURE) => Band::NotYet,
        band => band,
    }
}

/// How many answers are told to have decided.
const DECIDED: usize = 3;

fn decided(
    band: Band,
    gate: Option<&'static Gate>,
    also: &[&'static Gate],
    answers: &Answers,
) -> Vec<Reason> {
    let reason = |is_for| {
        move |question: &'static Question| Reason { question, answer: answers.get(question).cloned(), is_for }
    };
    // What is only not yet settled decides nothing where it is CRUD anyway.
    let also = also.iter().copied().filter(|gate| gate.is_crud() || band == Band::NotYet);
    let by_gates = gate.into_iter().chain(also).flat_map(|gate| gate.closed_by(answers));
    let mut reasons: Vec<Reason> = Vec::new();
    let mut add = |reason: Reason| {
        if reasons.len() < DECIDED && reasons.iter().all(|other| other.question != reason.question) {
            reasons.push(reason);
        }
    };
    by_gates.map(reason(false)).for_each(&mut add);
    let (for_it, against) = (most(answers, score::held_up), most(answers, score::kept_down));
    match band {
        Band::Crud => against.into_iter().map(reason(false)).for_each(&mut add),
        Band::CoreOnly => {
            for_it.into_iter().take(2).map(reason(true)).for_each(&mut add);
            against.into_iter().map(reason(false)).for_each(&mut add);
        }
        Band::NotYet | Band::EventSource => for_it.into_iter().map(reason(true)).for_each(&mut add),
    }
    reasons
}

/// The questions whose answers moved the result, those that moved it most first.
fn most(answers: &Answers, moved: fn(&Question, &Answers) -> i32) -> Vec<&'static Question> {
    let mut questions: Vec<_> = QUESTIONS.iter().copied().filter(|it| moved(it, answers) > 0).collect();
    questions.sort_by_key(|question| -moved(question, answers));
    questions
}

/// What to do instead: what the gate says, or what gives most of what was asked for.
fn other_way(band: Band, gate: Option<&Gate>, answers: &Answers) -> Option<Kind> {
    if band == Band::EventSource {
        return None;
    }
    if let Some(kind) = gate.and_then(|gate| gate::instead(gate, answers)) {
        return Some(kind);
    }
    // What is late is not what they want who cannot have late views.
    let is_never_late = gate == Some(&gate::NEVER_STALE);
    Some(match () {
        () if band == Band::CoreOnly => Kind::Outbox,
        () if answers.level(&TIME_TRAVEL) >= 2 => Kind::Temporal,
        () if answers.level(&HISTORY) >= 2 || answers.level(&DISPUTES) >= 1 => Kind::Audit,
        () if answers.level(&READ_MODELS) >= 2 && !is_never_late => Kind::View,
        () => Kind::Table,
    })
}

fn notes(band: Band, alternative: Option<Kind>, answers: &Answers) -> Vec<&'static str> {
    let mut notes = Vec::new();
    let keeps_past = matches!(alternative, Some(Kind::Audit | Kind::Temporal));
    if keeps_past && answers.level(&questions::PERSONAL_DATA) >= gate::ERASABLE {
        notes.push(
            "The history holds personal data as well: what is erased in the table has to be erased there too.",
        );
    }
    if band == Band::CoreOnly && answers.text(&questions::CORE).is_none() {
        notes.push("Name the core before you begin (`core`): what nobody can draw a line around grows.");
    }
    if band == Band::CoreOnly {
        notes.push("The rest keeps its tables, and tells the core of changes through an outbox.");
    }
    let is_ledger = answers.get(&questions::ADDS_ONLY) == Some(&Answer::YesNo(true));
    if is_ledger && band == Band::EventSource {
        notes.push("Records are mostly added: that counts a little against, and is how the best cases are.");
    }
    notes
}
