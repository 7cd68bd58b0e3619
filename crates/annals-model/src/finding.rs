//! What a review found, and what it looked at.

use crate::rules::Rule;
use crate::text::Span;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Likely to hurt.
    Warning,
    /// Will lose or spoil events, or what is made of them.
    Error,
}

impl Severity {
    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Where something is: in a text, or in a running store, or both.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// What it is called whatever line it stands in: `events.OrderPlaced.fields.email` of a model,
    /// `events.position` of a store (table and column), `order-placed` of a sample. Baselines and
    /// suppressions go by it.
    pub path: String,
    /// Where it stands, in what was read as text.
    pub span: Option<Span>,
    /// What is the matter here, in a few words; may be empty.
    pub label: String,
}

impl Place {
    /// A place in a text, or in a store where `span` is `None`.
    pub fn new(path: impl Into<String>, span: impl Into<Option<Span>>) -> Self {
        Self { path: path.into(), span: span.into(), label: String::new() }
    }

    /// With what is the matter here.
    #[must_use]
    pub fn saying(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }
}

/// A text to be put in the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; empty to insert.
    pub span: Span,
    /// By what.
    pub text: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What was looked for.
    pub rule: &'static Rule,
    /// The rule's own severity unless the case is another.
    pub severity: Severity,
    /// What is wrong here, in one line, without a full stop.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What else has to be seen to understand it.
    pub others: Vec<Place>,
    /// How to mend it here: each one thing to do, on this database.
    pub help: Vec<String>,
    /// Mends that can be shown in the text.
    pub edits: Vec<Edit>,
}

impl Finding {
    /// A finding of a rule, with its severity.
    pub fn new(rule: &'static Rule, place: Place, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: rule.severity,
            message: message.into(),
            place,
            others: Vec::new(),
            help: Vec::new(),
            edits: Vec::new(),
        }
    }

    /// Weighs otherwise than the rule does by itself.
    #[must_use]
    pub fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// With another place.
    #[must_use]
    pub fn and(mut self, other: Place) -> Self {
        self.others.push(other);
        self
    }

    /// With something to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// With a mend of the text.
    #[must_use]
    pub fn edit(mut self, span: Span, text: impl Into<String>) -> Self {
        self.edits.push(Edit { span, text: text.into() });
        self
    }
}

/// Something that is as it should be.
#[derive(Debug, Clone)]
pub struct Good {
    /// Who looked.
    pub rule: &'static Rule,
    /// What is good, in a few words: `append-only guard`.
    pub message: String,
    /// Where.
    pub place: Place,
}

/// What the rules say, while they are asked.
#[derive(Debug, Default)]
pub struct Findings {
    pub(crate) findings: Vec<Finding>,
    pub(crate) good: Vec<Good>,
}

impl Findings {
    /// Something is wrong.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Something is as it should be.
    pub fn good(&mut self, rule: &'static Rule, message: impl Into<String>, place: Place) {
        self.good.push(Good { rule, message: message.into(), place });
    }
}
