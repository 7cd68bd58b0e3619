//! A verdict as text for a terminal, and as JSON: what it is, what decided, what would change it, what to do instead.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::gate;
use super::questions::{Kind as Takes, Question};
use super::{Answer, Band, Change, Database, Description, Reason, Step, StreamFit, Verdict, alternative};

/// How long a line is at the most.
const WIDTH: usize = 96;

/// With how many other answers a verdict is still close to another.
const CLOSE: usize = 2;

impl Verdict {
    /// What it is in one line.
    pub fn says(&self) -> &'static str {
        // Whoever finds an owner asks again.
        if self.gate == Some(&gate::NO_OWNER) { "ordinary CRUD is better for now" } else { self.band.says() }
    }

    /// For a person at a terminal. `table` is what the alternative is written for; an example if there is none.
    pub fn to_text(&self, table: Option<&Description>) -> String {
        let mut out = String::new();
        let module = self.module.as_deref().unwrap_or("this module");
        paragraph(&mut out, "", &format!("{module}: {}.", self.says()));
        if let Some(gate) = self.gate {
            out.push('\n');
            paragraph(&mut out, "", &format!("{}, because {}. {}", gate.id, gate.what, gate.why));
            for source in gate.sources {
                let _ = writeln!(out, "  {source}");
            }
        }
        if self.gate.is_none() {
            let what = match self.band {
                Band::Crud => {
                    "No one answer rules event sourcing out, and together they do not outweigh what it costs."
                }
                Band::NotYet => "",
                Band::CoreOnly => "What speaks for event sourcing outweighs what it costs, and not by much.",
                Band::EventSource => "What speaks for event sourcing clearly outweighs what it costs.",
            };
            out.push('\n');
            paragraph(&mut out, "", what);
        }
        out.push_str("\nWhat decided\n");
        for reason in &self.decided {
            let side = if reason.is_for { "for" } else { "against" };
            paragraph(&mut out, "  ", &format!("- {side}: {} {}", reason.question.asks, said(reason)));
        }
        for gate in &self.also {
            paragraph(&mut out, "  ", &format!("- also {}: {}", gate.id, gate.what));
        }
        if let Some(core) = &self.core
            && self.band == Band::CoreOnly
        {
            out.push('\n');
            paragraph(&mut out, "", &format!("The core: {core}"));
        }
        out.push_str("\nWhat would change it\n");
        if self.changes.is_empty() {
            out.push_str("  No answers that were found.\n");
        }
        for change in &self.changes {
            tell(&mut out, change);
        }
        if !self.unanswered.is_empty() {
            let ids: Vec<_> = self.unanswered.iter().map(|question| question.id).collect();
            out.push('\n');
            paragraph(&mut out, "", &format!("Not answered, so counted against: {}.", ids.join(", ")));
        }
        for note in &self.notes {
            out.push('\n');
            paragraph(&mut out, "", note);
        }
        if let Some(kind) = self.alternative {
            let database = self.database.unwrap_or(Database::Postgres);
            let what = if self.band == Band::CoreOnly { "For the rest" } else { "Instead" };
            let unnamed = if self.database.is_none() { "; no database was named" } else { "" };
            let example = if table.is_none() { "; the table is an example" } else { "" };
            let _ = writeln!(out, "\n{what}: {}, on {}{unnamed}{example}\n", kind.says(), database.name());
            out.push_str(&code(self, kind, table));
        }
        out
    }

    /// The same as JSON. There are no numbers in it but levels that were answered.
    pub fn to_json(&self, table: Option<&Description>) -> Value {
        let gates = |gate: &super::Gate| json!({ "id": gate.id, "name": gate.name, "what": gate.what, "why": gate.why, "sources": gate.sources });
        json!({
            "module": self.module,
            "verdict": self.band.name(),
            "says": self.says(),
            "gate": self.gate.map(gates),
            "also": self.also.iter().map(|gate| gates(gate)).collect::<Vec<_>>(),
            "decided": self.decided.iter().map(|reason| json!({
                "question": reason.question.id,
                "asks": reason.question.asks,
                "answer": reason.answer.as_ref().map(|answer| match answer {
                    Answer::YesNo(yes) => Value::from(*yes),
                    Answer::Level(level) => Value::from(*level),
                    Answer::Text(text) => Value::from(text.as_str()),
                    Answer::Choice(name) => Value::from(*name),
                }),
                "means": reason.answer.as_ref().and_then(|answer| means(reason.question, answer)),
                "speaks": if reason.is_for { "for" } else { "against" },
            })).collect::<Vec<_>>(),
            "changes": self.changes.iter().map(|change| json!({
                "if": change.steps.iter().map(|step| json!({
                    "question": step.question.id,
                    "answer": step.answer,
                    "means": step.means,
                })).collect::<Vec<_>>(),
                "then": change.to.name(),
            })).collect::<Vec<_>>(),
            "unanswered": self.unanswered.iter().map(|question| question.id).collect::<Vec<_>>(),
            "core": self.core,
            "notes": self.notes,
            "alternative": self.alternative.map(|kind| json!({
                "kind": kind.name(),
                "says": kind.says(),
                "database": self.database.unwrap_or(Database::Postgres),
                "code": code(self, kind, table),
            })),
        })
    }
}

impl StreamFit {
    /// For a person at a terminal, with the table that does the same where it is one.
    pub fn to_text(&self, database: Database) -> String {
        let mut out = String::new();
        paragraph(&mut out, "", &format!("{}: {}.", self.stream, self.leaning.says()));
        for (title, lines) in
            [("Speaks for event sourcing", &self.speaks_for), ("Speaks against it", &self.speaks_against)]
        {
            if !lines.is_empty() {
                let _ = writeln!(out, "\n{title}");
                for line in lines {
                    paragraph(&mut out, "  ", &format!("- {line}"));
                }
            }
        }
        if let Some((kind, table)) = &self.alternative {
            let _ = writeln!(out, "\nThe same without events: {}, on {}\n", kind.says(), database.name());
            out.push_str(&alternative(database, *kind, table));
        }
        out
    }

    /// The same as JSON.
    pub fn to_json(&self, database: Database) -> Value {
        json!({
            "stream": self.stream,
            "leaning": self.leaning.name(),
            "says": self.leaning.says(),
            "for": self.speaks_for,
            "against": self.speaks_against,
            "alternative": self.alternative.as_ref().map(|(kind, table)| json!({
                "kind": kind.name(),
                "says": kind.says(),
                "database": database,
                "code": alternative(database, *kind, table),
            })),
        })
    }
}

fn code(verdict: &Verdict, kind: super::Kind, table: Option<&Description>) -> String {
    let database = verdict.database.unwrap_or(Database::Postgres);
    match table {
        Some(table) => alternative(database, kind, table),
        None => alternative(database, kind, &Description::example(kind)),
    }
}

/// An answer as the person gave it.
fn said(reason: &Reason) -> String {
    let Some(answer) = &reason.answer else { return "Not answered.".to_owned() };
    match (answer, means(reason.question, answer)) {
        (Answer::Level(level), Some(means)) => format!("{level}: {means}."),
        (Answer::Text(text), _) => format!("\"{text}\""),
        (_, Some(means)) => format!("{answer}: {means}."),
        (_, None) => format!("{}.", if *answer == Answer::YesNo(true) { "Yes" } else { "No" }),
    }
}

fn means(question: &Question, answer: &Answer) -> Option<&'static str> {
    match (question.kind, answer) {
        (Takes::Level(means), Answer::Level(level)) => means.get(usize::from(*level)).copied(),
        (Takes::Choice(choices), Answer::Choice(name)) => {
            choices.iter().find(|choice| choice.name == *name).map(|choice| choice.means)
        }
        _ => None,
    }
}

fn tell(out: &mut String, change: &Change) {
    match change.steps.as_slice() {
        [step] => paragraph(out, "  ", &format!("- if {}: {}", condition(step), change.to.says())),
        steps => {
            let few = "No other answer alone would be enough. Together:";
            let many = "It is not close. All of this would have to be so:";
            paragraph(out, "  ", if steps.len() <= CLOSE { few } else { many });
            for step in steps {
                paragraph(out, "  ", &format!("- if {}", condition(step)));
            }
            paragraph(out, "  ", &format!("then: {}", change.to.says()));
        }
    }
}

fn condition(step: &Step) -> String {
    let means = step.means.map_or_else(String::new, |means| format!(" ({means})"));
    format!("`{}` {}{means}", step.question.id, step.answer)
}

/// Words in lines that are not too long; what follows the first line of an item stands below its words.
fn paragraph(out: &mut String, indent: &str, text: &str) {
    let below = if text.starts_with("- ") { format!("{indent}  ") } else { indent.to_owned() };
    let mut line = indent.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{line}");
            line.clone_from(&below);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    let _ = writeln!(out, "{line}");
}
