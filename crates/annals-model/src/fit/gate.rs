//! Gates: answers after which the rest does not matter.
//!
//! From the reasons that those who have built such systems give for not building another, see the sources of each.

use super::alternative::Kind;
use super::answers::Answers;
use super::past;
use super::questions::{
    ERASURE_RULE, LOGIC, MEASUREMENTS, MOTIVE, OWNER, PAST_QUESTION, PERSONAL_DATA, Question, REPLAY_USE,
    STALE_VIEWS, TIME_TRAVEL,
};

/// Something that alone decides against event sourcing.
#[derive(Debug)]
pub struct Gate {
    /// Its id, which never changes: `G3`.
    pub id: &'static str,
    /// Its name: `only-audit`.
    pub name: &'static str,
    /// What is so, in one sentence.
    pub what: &'static str,
    /// Why that decides.
    pub why: &'static str,
    /// Where it comes from: addresses.
    pub sources: &'static [&'static str],
    /// The questions whose answers close it; none where it is open.
    closed_by: fn(&Answers) -> Vec<&'static Question>,
}

impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Gate {}

/// From this level on personal data needs a rule for erasing it: ids without a person behind them do not.
pub(super) const ERASABLE: u8 = 2;

/// Below this level of `logic` there is nothing to decide.
const DECIDES: u8 = 2;

/// At this level of `stale-views` not even views that are updated with the events are enough.
const NEVER_LATE: u8 = 3;

const AZURE: &str = "https://learn.microsoft.com/azure/architecture/patterns/event-sourcing";

const DUDYCZ: &str = "https://event-driven.io/en/when_not_to_use_event_sourcing/";

/// There is no question about the past.
pub static NO_QUESTION: Gate = Gate {
    id: "G1",
    name: "no-question",
    what: "nobody names a concrete question about the past, or something to build from it",
    why: "What is kept for a use that nobody can name costs every day, and has the wrong shape when the use comes.",
    sources: &["https://practiceoverflow.substack.com", DUDYCZ],
    closed_by: |answers| {
        let is_named = |question| past::is_named(answers.text(question));
        let mut by = Vec::new();
        if !is_named(&PAST_QUESTION) && !is_named(&REPLAY_USE) {
            by.extend([&PAST_QUESTION, &REPLAY_USE]);
        }
        if answers.get(&MOTIVE).is_none() {
            by.push(&MOTIVE);
        }
        by
    },
};

/// There is nothing to decide.
pub static NO_LOGIC: Gate = Gate {
    id: "G2",
    name: "no-logic",
    what: "the module decides next to nothing: it checks and stores what is typed in",
    why: "Events say what was decided and why. Where nothing is decided they are rows with more work.",
    sources: &[AZURE, DUDYCZ],
    closed_by: |answers| if answers.level(&LOGIC) < DECIDES { vec![&LOGIC] } else { vec![] },
};

/// It is all for the audit.
pub static ONLY_AUDIT: Gate = Gate {
    id: "G3",
    name: "only-audit",
    what: "the one reason is to see who changed what",
    why: "A trigger or a temporal table records that under the tables there are, in an afternoon.",
    sources: &["https://fooqux.com/article/261"],
    closed_by: |answers| motive_is(answers, "audit"),
};

/// It is all for other systems.
pub static ONLY_INTEGRATION: Gate = Gate {
    id: "G4",
    name: "only-integration",
    what: "the one reason is to tell other systems",
    why: "An outbox tells them in the transaction of the change, and keeps the module's own tables its own.",
    sources: &[AZURE],
    closed_by: |answers| motive_is(answers, "integration"),
};

/// It is all for other reads.
pub static ONLY_READS: Gate = Gate {
    id: "G5",
    name: "only-reads",
    what: "the one reason is to read the data in other shapes",
    why: "A view, a table that is kept beside or a replica does that; other models for reading do not need a log.",
    sources: &["https://learn.microsoft.com/azure/architecture/patterns/cqrs"],
    closed_by: |answers| motive_is(answers, "reads"),
};

/// No view may be late.
pub static NEVER_STALE: Gate = Gate {
    id: "G6",
    name: "never-stale",
    what: "all views must agree at every moment, also those that no one transaction can reach",
    why: "Read models follow the events. Where that is not allowed, each is one table again, with more around it.",
    sources: &[AZURE],
    closed_by: |answers| if answers.level(&STALE_VIEWS) >= NEVER_LATE { vec![&STALE_VIEWS] } else { vec![] },
};

/// It measures.
pub static IS_MEASUREMENTS: Gate = Gate {
    id: "G7",
    name: "measurements",
    what: "its records are measurements, of which the last counts",
    why: "Nothing was decided, nothing conflicts, and there are too many: that is what stores for time series are for.",
    sources: &["https://docs.eventsourcingdb.io/blog/2025/11/27/event-sourcing-is-not-for-everyone/"],
    closed_by: |answers| if answers.level(&MEASUREMENTS) == 1 { vec![&MEASUREMENTS] } else { vec![] },
};

/// Nobody keeps it.
pub static NO_OWNER: Gate = Gate {
    id: "G8",
    name: "no-owner",
    what: "nobody will own event versions, read models and replays",
    why: "Events outlive the code that wrote them. It is CRUD for now: ask again when there is an owner.",
    sources: &[AZURE],
    closed_by: |answers| if answers.level(&OWNER) == 0 { vec![&OWNER] } else { vec![] },
};

/// Nobody may erase.
pub static NO_ERASURE: Gate = Gate {
    id: "G9",
    name: "no-erasure",
    what: "personal data must be erased, and no rule for that has been accepted",
    why: "What stands in events in clear cannot be erased later. Settle the rule first, it shapes every event.",
    sources: &["https://docs.eventsourcingdb.io/best-practices/gdpr-compliance/"],
    closed_by: |answers| {
        let is_kept = matches!(answers.choice(&ERASURE_RULE), Some("shred" | "outside"));
        if answers.level(&PERSONAL_DATA) >= ERASABLE && !is_kept {
            vec![&ERASURE_RULE, &PERSONAL_DATA]
        } else {
            vec![]
        }
    },
};

/// Every gate, by id.
pub static GATES: &[&Gate] = &[
    &NO_QUESTION,
    &NO_LOGIC,
    &ONLY_AUDIT,
    &ONLY_INTEGRATION,
    &ONLY_READS,
    &NEVER_STALE,
    &IS_MEASUREMENTS,
    &NO_OWNER,
    &NO_ERASURE,
];

// The most particular first, because the first that is closed says what to do instead.
static BY_ANSWER: &[&Gate] = &[
    &IS_MEASUREMENTS,
    &ONLY_AUDIT,
    &ONLY_INTEGRATION,
    &ONLY_READS,
    &NO_LOGIC,
    &NO_QUESTION,
    &NEVER_STALE,
    &NO_OWNER,
    &NO_ERASURE,
];

fn motive_is(answers: &Answers, motive: &str) -> Vec<&'static Question> {
    if answers.choice(&MOTIVE) == Some(motive) { vec![&MOTIVE] } else { vec![] }
}

impl Gate {
    /// The questions whose answers, or whose want of one, close it; none where it is open.
    pub fn closed_by(&self, answers: &Answers) -> Vec<&'static Question> {
        (self.closed_by)(answers)
    }

    /// Whether it says CRUD, and not only "not yet".
    pub(super) fn is_crud(&self) -> bool {
        *self != NO_ERASURE
    }
}

/// The gates that are closed, that which decides first: those closed by an answer before those closed by the want of one.
pub(super) fn closed(answers: &Answers) -> Vec<&'static Gate> {
    let is_closed = |gate: &Gate| !gate.closed_by(answers).is_empty();
    let is_answered = |gate: &Gate| gate.closed_by(answers).iter().any(|by| answers.get(by).is_some());
    let by_answer = BY_ANSWER.iter().filter(|gate| is_closed(gate) && is_answered(gate));
    let by_want = GATES.iter().filter(|gate| is_closed(gate) && !is_answered(gate));
    by_answer.chain(by_want).copied().collect()
}

/// What to do instead, where a gate itself says so.
pub(super) fn instead(gate: &Gate, answers: &Answers) -> Option<Kind> {
    match gate.id {
        "G1" | "G2" | "G9" => Some(Kind::Table),
        "G3" if answers.level(&TIME_TRAVEL) > 0 => Some(Kind::Temporal),
        "G3" => Some(Kind::Audit),
        "G4" => Some(Kind::Outbox),
        "G5" => Some(Kind::View),
        "G7" => Some(Kind::TimeSeries),
        _ => None,
    }
}
