//! What is asked about a module, in words for the people who know it. The ids are stable: answer files name them.

/// A question about one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Question {
    /// By which an answer file names it; it never changes.
    pub id: &'static str,
    /// What is asked.
    pub asks: &'static str,
    /// Why it is asked, and how to answer.
    pub about: &'static str,
    /// What can be answered.
    pub kind: Kind,
    /// What the answer does.
    pub weighs: Weighs,
}

/// What can be answered to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Yes or no; the one that speaks against event sourcing is here.
    YesNo {
        /// What is taken where nothing is answered.
        against: bool,
    },
    /// 0 to 3, with what each means.
    Level([&'static str; 4]),
    /// One line in one's own words.
    Text,
    /// One of these.
    Choice(&'static [Choice]),
}

/// One of the answers to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Choice {
    /// As an answer file has it.
    pub name: &'static str,
    /// What it means.
    pub means: &'static str,
}

/// What an answer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weighs {
    /// It speaks for event sourcing, so many times.
    For(u8),
    /// It speaks against event sourcing, so many times.
    Against(u8),
    /// It opens or closes a gate.
    Gate,
    /// It is only said again in what is printed.
    Nothing,
}

const fn choice(name: &'static str, means: &'static str) -> Choice {
    Choice { name, means }
}

/// What the module is called.
pub static MODULE: Question = Question {
    id: "module",
    asks: "What is the module called?",
    about: "One module or one kind of thing, never the whole system: the parts of a system have different answers.",
    kind: Kind::Text,
    weighs: Weighs::Nothing,
};

/// Where its data are.
pub static DATABASE: Question = Question {
    id: "database",
    asks: "Which database does it have, or will it have?",
    about: "What does the same without events is written out for it.",
    kind: Kind::Choice(&[
        choice("postgres", "PostgreSQL"),
        choice("mysql", "MySQL"),
        choice("mariadb", "MariaDB"),
        choice("sqlite", "SQLite"),
        choice("sqlserver", "SQL Server or Azure SQL"),
        choice("mongodb", "MongoDB"),
        choice("cosmosdb", "Azure Cosmos DB"),
    ]),
    weighs: Weighs::Nothing,
};

/// What it is for.
pub static MOTIVE: Question = Question {
    id: "motive",
    asks: "Without which one reason would you not think of event sourcing here?",
    about: "Audit, telling other systems and other reads each have a simpler answer of their own. They come along with \
            event sourcing, and do not pay for it alone.",
    kind: Kind::Choice(&[
        choice("decisions", "what may happen next depends on what has happened"),
        choice("questions", "the business asks about the past"),
        choice("audit", "somebody has to see who changed what"),
        choice("integration", "other systems have to hear of changes"),
        choice("reads", "the data are read in other shapes than they are written in"),
    ]),
    weighs: Weighs::Gate,
};

/// A question that the state of today does not answer.
pub static PAST_QUESTION: Question = Question {
    id: "past-question",
    asks: "Which question about the past does somebody ask that the data of today cannot answer?",
    about: "One concrete question, as that person would ask it: \"which offers had the customer seen when she \
            cancelled?\". Audit, flexibility and the future are no questions.",
    kind: Kind::Text,
    weighs: Weighs::Gate,
};

/// Something that would be built from all events.
pub static REPLAY_USE: Question = Question {
    id: "replay-use",
    asks: "What would you build, or build anew, from everything that has happened?",
    about: "One concrete thing: a report over last year under new rules, the balances after a mistake in the code is \
            mended. Leave it empty if there is none.",
    kind: Kind::Text,
    weighs: Weighs::Gate,
};

/// How much there is to decide.
pub static LOGIC: Question = Question {
    id: "logic",
    asks: "How much does the module decide?",
    about: "What is typed in and stored is a table, whatever it is about: content, settings, reference data.",
    kind: Kind::Level([
        "nothing: what is typed in is stored",
        "each field is checked, some must be unique",
        "some changes are allowed only in some states",
        "decisions over many facts; this is what the business lives by",
    ]),
    weighs: Weighs::Gate,
};

/// Whether it is measurements.
pub static MEASUREMENTS: Question = Question {
    id: "measurements",
    asks: "Are its records mostly measurements: many a second, nobody decides on a single one, the last value counts?",
    about: "Readings of sensors, clicks and metrics look like events, and belong in a store for time series or logs.",
    kind: Kind::YesNo { against: true },
    weighs: Weighs::Gate,
};

/// Who keeps it running.
pub static OWNER: Question = Question {
    id: "owner",
    asks: "Is there somebody who will own event versions, read models and replays for years?",
    about: "Events are read by code that is not written yet. Without an owner nobody keeps old ones readable, and \
            nobody dares to build a read model anew.",
    kind: Kind::YesNo { against: false },
    weighs: Weighs::Gate,
};

/// Whether history is business.
pub static HISTORY: Question = Question {
    id: "history",
    asks: "How much is the past itself a matter of business?",
    about: "Not logs for developers: questions that customers, experts or managers ask about how something came about.",
    kind: Kind::Level([
        "only the present state matters",
        "now and then somebody looks up how it was",
        "people ask every week how it came about",
        "the history is the product: statements, journeys, cases",
    ]),
    weighs: Weighs::For(3),
};

/// Whether rules look back.
pub static ORDER_RULES: Question = Question {
    id: "order-rules",
    asks: "How much do the rules depend on what happened before, and in which order?",
    about: "A status column holds the last step. Count only rules that need more than that.",
    kind: Kind::Level([
        "not at all, or on a status column",
        "one or two rules look at an earlier fact",
        "many rules look at several earlier facts",
        "nearly every decision depends on facts and their order",
    ]),
    weighs: Weighs::For(3),
};

/// Whether somebody disputes it.
pub static DISPUTES: Question = Question {
    id: "disputes",
    asks: "How often must you show why something was decided?",
    about: "To a customer, a court or a regulator: not only what changed, but on which facts it was decided.",
    kind: Kind::Level([
        "never",
        "seldom, and the changed rows are enough",
        "several times a year, with the reason",
        "a regulator or a contract demands it of every decision",
    ]),
    weighs: Weighs::For(2),
};

/// How many reads there are.
pub static READ_MODELS: Question = Question {
    id: "read-models",
    asks: "How many really different views of the same facts are there?",
    about: "Other filters and other sort orders of one list are one view.",
    kind: Kind::Level([
        "one",
        "two that are much alike",
        "three or more, in different shapes",
        "many, for different people, and new ones come that need the past",
    ]),
    weighs: Weighs::For(2),
};

/// How experts talk.
pub static LANGUAGE: Question = Question {
    id: "language",
    asks: "Do the experts talk of what happens?",
    about: "\"The claim was reopened\" is a happening. \"Set the status to 4\" is a row.",
    kind: Kind::Level([
        "of records, fields and forms",
        "of a few steps, which are the values of a status",
        "of happenings with names of their own",
        "of little else: they tell stories of what led to what",
    ]),
    weighs: Weighs::For(2),
};

/// Whether there is a then and a what-if.
pub static TIME_TRAVEL: Question = Question {
    id: "time-travel",
    asks: "Do you have to know how it stood at a date, or what would have come of other rules?",
    about: "The state at a date alone is what temporal tables do; what-if needs the happenings.",
    kind: Kind::Level([
        "no",
        "the state at a date, now and then",
        "the state at a date, every day",
        "past facts decided anew under other rules",
    ]),
    weighs: Weighs::For(2),
};

/// Whether people decide at once.
pub static CONTENTION: Question = Question {
    id: "contention",
    asks: "Do several people or programs decide about the same thing at the same time?",
    about: "Where each writes what it decided, two that do not disagree can both be kept.",
    kind: Kind::Level(["never", "seldom", "every day", "all the time"]),
    weighs: Weighs::For(1),
};

/// Whether there is work without a connection.
pub static OFFLINE: Question = Question {
    id: "offline",
    asks: "Is work done without a connection and merged later?",
    about: "What was done merges better than what came of it.",
    kind: Kind::Level([
        "never",
        "single entries",
        "a day's work",
        "for weeks, by many people on the same things",
    ]),
    weighs: Weighs::For(1),
};

/// Whether it is new.
pub static NEW_TO_TEAM: Question = Question {
    id: "new-to-team",
    asks: "How new is event sourcing to the people who will build and run it?",
    about: "Everybody counts who is woken at night by it.",
    kind: Kind::Level([
        "most have run such a system for a year",
        "some have, and have time to teach",
        "some have read about it or tried it",
        "nobody knows it",
    ]),
    weighs: Weighs::Against(2),
};

/// Whether late views hurt.
pub static STALE_VIEWS: Question = Question {
    id: "stale-views",
    asks: "How much does it hurt when a view shows a change a moment late?",
    about: "Read models are late by some milliseconds, and by minutes on a bad day. One that is updated in the \
            transaction of the events is not late, and every append waits for it.",
    kind: Kind::Level([
        "nobody notices a few seconds",
        "people must see their own change at once",
        "one or two views must never be late; they can be updated with the events",
        "all views, also those in other stores, must agree at every moment",
    ]),
    weighs: Weighs::Against(2),
};

/// How much of it is about people.
pub static PERSONAL_DATA: Question = Question {
    id: "personal-data",
    asks: "How much of it is personal data that must be erased on request?",
    about: "Events are not changed, so what is erased must be encrypted with a key that can be thrown away, or stand \
            outside.",
    kind: Kind::Level([
        "none",
        "only ids that mean nothing once the person is gone elsewhere",
        "some names, addresses or texts about people",
        "it is mostly about people, and requests to erase come in",
    ]),
    weighs: Weighs::Against(2),
};

/// How it is erased.
pub static ERASURE_RULE: Question = Question {
    id: "erasure-rule",
    asks: "Which rule for erasing has been accepted by those who answer for data protection?",
    about: "Accepted, not planned: whether a lost key counts as erased is theirs to say.",
    kind: Kind::Choice(&[
        choice("shred", "encrypted with a key of each person, which is thrown away"),
        choice("outside", "personal data stand outside, events refer to them"),
        choice("none", "none yet"),
    ]),
    weighs: Weighs::Gate,
};

/// Whether people query it freely.
pub static AD_HOC_REPORTS: Question = Question {
    id: "ad-hoc-reports",
    asks: "How much do people query the present state as they please?",
    about: "Each such query needs a read model that has the answer.",
    kind: Kind::Level([
        "hardly: the views are known",
        "some reports, which are known beforehand",
        "analysts query the tables every week",
        "it is mainly there to be queried",
    ]),
    weighs: Weighs::Against(2),
};

/// Whether many rows change at once.
pub static BULK_EDITS: Question = Question {
    id: "bulk-edits",
    asks: "How much is edited or imported in bulk?",
    about: "Price lists, nightly imports, one UPDATE over all rows: each row would be an event without a reason.",
    kind: Kind::Level(["never", "a few times a year", "every week", "it is the main way in which data come"]),
    weighs: Weighs::Against(1),
};

/// How fast its shape changes.
pub static SCHEMA_CHANGES: Question = Question {
    id: "schema-changes",
    asks: "How often does the shape of the data change?",
    about: "Old events keep their shape for ever, and each change is a version that must still be read.",
    kind: Kind::Level(["seldom: it is well understood", "every few months", "every month", "every week"]),
    weighs: Weighs::Against(1),
};

/// What is there already.
pub static EXISTING_SYSTEM: Question = Question {
    id: "existing-system",
    asks: "How much of a system with tables is there that would have to be moved?",
    about: "Its past is lost already: what it did is not in its tables.",
    kind: Kind::Level([
        "nothing",
        "little, and it can be left as it is",
        "a system in use, with other code on its tables",
        "a large one, that cannot stand still meanwhile",
    ]),
    weighs: Weighs::Against(2),
};

/// Whether nothing ever conflicts.
pub static ADDS_ONLY: Question = Question {
    id: "adds-only",
    asks: "Are records mostly added, hardly ever changed, and never in conflict?",
    about: "Then a table of rows that are only inserted does much of the same. It counts little, because ledgers are \
            just so, and are the classic good case.",
    kind: Kind::YesNo { against: true },
    weighs: Weighs::Against(1),
};

/// The part that it is for.
pub static CORE: Question = Question {
    id: "core",
    asks: "Which part of the module is its core, where the decisions are?",
    about: "Where the answer is in between, only this part is kept as events.",
    kind: Kind::Text,
    weighs: Weighs::Nothing,
};

/// Every question, in the order in which an interview asks: those that can end it come first.
pub static QUESTIONS: &[&Question] = &[
    &MODULE,
    &DATABASE,
    &MOTIVE,
    &PAST_QUESTION,
    &REPLAY_USE,
    &LOGIC,
    &MEASUREMENTS,
    &OWNER,
    &HISTORY,
    &ORDER_RULES,
    &DISPUTES,
    &READ_MODELS,
    &LANGUAGE,
    &TIME_TRAVEL,
    &CONTENTION,
    &OFFLINE,
    &NEW_TO_TEAM,
    &STALE_VIEWS,
    &PERSONAL_DATA,
    &ERASURE_RULE,
    &AD_HOC_REPORTS,
    &BULK_EDITS,
    &SCHEMA_CHANGES,
    &EXISTING_SYSTEM,
    &ADDS_ONLY,
    &CORE,
];

/// A question by its id.
pub fn find(id: &str) -> Option<&'static Question> {
    QUESTIONS.iter().copied().find(|question| question.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_apart_and_questions_ask() {
        for (at, question) in QUESTIONS.iter().enumerate() {
            assert!(QUESTIONS[..at].iter().all(|other| other.id != question.id), "{}", question.id);
            assert!(question.asks.ends_with('?') && question.about.ends_with('.'), "{}", question.id);
            assert!(question.id.chars().all(|c| c == '-' || c.is_ascii_lowercase()), "{}", question.id);
        }
    }
}
