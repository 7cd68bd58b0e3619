//! What a catalogue says, before it is Markdown or HTML.

use std::collections::BTreeMap;

use annals_model::model::Model;

use crate::slugs::{Slugs, slug};

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Stream,
    Event,
    Command,
    Projection,
    Process,
    Type,
    Privacy,
    Example,
}

impl Kind {
    /// In the order of the page.
    pub(super) const ALL: [Self; 8] = [
        Self::Stream,
        Self::Event,
        Self::Command,
        Self::Projection,
        Self::Process,
        Self::Type,
        Self::Privacy,
        Self::Example,
    ];

    /// What one of them is called.
    pub(super) fn one(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Event => "event",
            Self::Command => "command",
            Self::Projection => "read model",
            Self::Process => "process",
            Self::Type => "type",
            Self::Privacy => "class of personal data",
            Self::Example => "example",
        }
    }

    /// The title of their section.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Stream => "Streams",
            Self::Event => "Events",
            Self::Command => "Commands",
            Self::Projection => "Read models",
            Self::Process => "Processes",
            Self::Type => "Types",
            Self::Privacy => "Personal data",
            Self::Example => "Examples",
        }
    }

    /// One word, for anchors and styles.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Event => "event",
            Self::Command => "command",
            Self::Projection => "projection",
            Self::Process => "process",
            Self::Type => "type",
            Self::Privacy => "privacy",
            Self::Example => "example",
        }
    }
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Inline {
    Text(String),
    /// A word of the model or of a store.
    Code(String),
    /// Another entry by its name; one that is not there is only named.
    Link(Kind, String),
}

/// A line.
pub(super) type Said = Vec<Inline>;

/// Plain words.
pub(super) fn plain(text: impl Into<String>) -> Said {
    vec![Inline::Text(text.into())]
}

/// A word of the model.
pub(super) fn code(text: impl Into<String>) -> Inline {
    Inline::Code(text.into())
}

/// Words between.
pub(super) fn words(text: impl Into<String>) -> Inline {
    Inline::Text(text.into())
}

/// Links to entries, with commas between them.
pub(super) fn links<'n>(kind: Kind, names: impl IntoIterator<Item = &'n str>) -> Said {
    listed(names.into_iter().map(|name| vec![Inline::Link(kind, name.to_owned())]))
}

/// Words of the model, with commas between them.
pub(super) fn codes<'n>(names: impl IntoIterator<Item = &'n str>) -> Said {
    listed(names.into_iter().map(|name| vec![code(name)]))
}

/// With commas between them.
pub(super) fn listed(of: impl IntoIterator<Item = Said>) -> Said {
    let mut out = Vec::new();
    for said in of {
        if !out.is_empty() {
            out.push(words(", "));
        }
        out.extend(said);
    }
    out
}

/// A mark beside a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Public,
    Private,
}

/// What is said of an entry beyond its facts.
#[derive(Debug, Clone)]
pub(super) enum Block {
    /// Lines, each beginning with what it is about.
    List(&'static str, Vec<Said>),
    /// Fields.
    Table(&'static str, Vec<Row>),
}

/// A field.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) kind: Said,
    pub(super) is_optional: bool,
    pub(super) is_tag: bool,
    /// The class of personal data.
    pub(super) privacy: Option<String>,
    pub(super) note: Said,
}

/// Something of the model.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// What it is shown as, where that is not its name.
    pub(super) title: Option<String>,
    pub(super) badges: Vec<(Tone, String)>,
    /// A sentence at its head.
    pub(super) lead: Option<String>,
    pub(super) facts: Vec<(&'static str, Said)>,
    pub(super) blocks: Vec<Block>,
    /// In which part of its section it stands.
    pub(super) group: Option<String>,
}

impl Entry {
    pub(super) fn new(kind: Kind, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            title: None,
            badges: Vec::new(),
            lead: None,
            facts: Vec::new(),
            blocks: Vec::new(),
            group: None,
        }
    }

    /// Says something, if there is anything to say.
    pub(super) fn fact(&mut self, label: &'static str, said: Said) {
        if !said.is_empty() {
            self.facts.push((label, said));
        }
    }

    pub(super) fn list(&mut self, title: &'static str, lines: Vec<Said>) {
        if !lines.is_empty() {
            self.blocks.push(Block::List(title, lines));
        }
    }

    pub(super) fn table(&mut self, title: &'static str, rows: Vec<Row>) {
        if !rows.is_empty() {
            self.blocks.push(Block::Table(title, rows));
        }
    }

    /// What it is shown as.
    pub(super) fn shown(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

/// The whole catalogue.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) title: String,
    pub(super) owner: Option<String>,
    /// What is said of all events.
    pub(super) envelope: Vec<(&'static str, Said)>,
    pub(super) entries: Vec<Entry>,
    pub(super) questions: Vec<Said>,
    pub(super) anchors: Anchors,
}

impl Page {
    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.kind == kind)
    }

    /// The entries of a kind by their groups, in order.
    pub(super) fn groups(&self, kind: Kind) -> Vec<(Option<&str>, Vec<&Entry>)> {
        let mut groups: Vec<(Option<&str>, Vec<&Entry>)> = Vec::new();
        for entry in self.of(kind) {
            match groups.last_mut() {
                Some((group, entries)) if *group == entry.group.as_deref() => entries.push(entry),
                _ => groups.push((entry.group.as_deref(), vec![entry])),
            }
        }
        groups
    }
}

/// Where on the page each entry is: `event-order-placed`.
#[derive(Debug, Clone, Default)]
pub(super) struct Anchors(BTreeMap<(Kind, String), String>);

impl Anchors {
    pub(super) fn of(model: &Model) -> Self {
        let mut anchors = Self::default();
        let mut slugs = Slugs::default();
        for kind in Kind::ALL {
            for name in names(model, kind) {
                let anchor = slugs.of(&format!("{}-{}", kind.word(), slug(&name)));
                anchors.0.insert((kind, name), anchor);
            }
        }
        anchors
    }

    pub(super) fn get(&self, kind: Kind, name: &str) -> Option<&str> {
        self.0.get(&(kind, name.to_owned())).map(String::as_str)
    }
}

fn names(model: &Model, kind: Kind) -> Vec<String> {
    fn of<T>(named: &[annals_model::model::Named<T>]) -> Vec<String> {
        named.iter().map(|it| it.name.value.clone()).collect()
    }
    match kind {
        Kind::Stream => of(&model.streams),
        Kind::Event => of(&model.events),
        Kind::Command => of(&model.commands),
        Kind::Projection => of(&model.projections),
        Kind::Process => of(&model.processes),
        Kind::Type => of(&model.types),
        Kind::Privacy => of(&model.privacy),
        Kind::Example => (1..=model.examples.len()).map(|n| n.to_string()).collect(),
    }
}
