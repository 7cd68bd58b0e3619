//! A finding with what it is about, as rustc shows it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Patch, Renderer, Snippet};

use crate::finding::{Finding, Place, Severity};
use crate::review::Report;
use crate::text::{FileId, Span, Texts};

use super::{address, printable, printable_line, wrapped};

/// How an excerpt is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) colour: bool,
    pub(super) ascii: bool,
    pub(super) width: usize,
}

/// The texts as they are shown, and what is at hand to show a finding.
pub(super) struct Excerpts<'r> {
    report: &'r Report,
    texts: &'r Texts,
    shown: BTreeMap<FileId, Cow<'r, str>>,
    style: Style,
}

/// What is shown below a finding beside what it says itself.
#[derive(Debug, Default)]
pub(super) struct More {
    pub(super) why: bool,
    /// Findings that are alike, in a line each.
    pub(super) alike: Vec<String>,
}

impl<'r> Excerpts<'r> {
    pub(super) fn new(report: &'r Report, texts: &'r Texts, style: Style) -> Self {
        let shown = texts.files().map(|file| (file, printable(texts.text(file)))).collect();
        Self { report, texts, shown, style }
    }

    /// The finding with its excerpts, its reasons and its mends.
    pub(super) fn whole(&self, finding: &Finding, more: &More) -> String {
        let (level, word) = level(finding.severity);
        let name = format!("{word}[{}] {}", finding.rule.id, printable_line(finding.rule.name));
        let title = level.clone().with_name(name).primary_title(printable_line(&finding.message));
        let mut group = Group::with_title(title).elements(self.places(finding));
        if more.why {
            group = group.element(self.message(Level::NOTE, "why", finding.rule.why));
        }
        let patches = self.patches(finding);
        // The last thing to do is what the edit shows, if there is one.
        let (titled, helps) = match finding.help.split_last() {
            Some((last, helps)) if !patches.is_empty() => (last.as_str(), helps),
            _ => ("as an edit", finding.help.as_slice()),
        };
        group = group.elements(helps.iter().map(|help| self.message(Level::HELP, "help", help)));
        if !more.alike.is_empty() {
            let lines = printable(&more.alike.join("\n")).into_owned();
            group = group.element(Level::NOTE.with_name("like it").message(lines));
        }
        let mut groups = vec![group];
        if !patches.is_empty() {
            let title = Level::HELP.secondary_title(printable_line(titled).into_owned());
            groups.push(Group::with_title(title).elements(patches));
        }
        self.render(&groups)
    }

    /// Only the excerpts and the edits.
    pub(super) fn bare(&self, finding: &Finding) -> String {
        let (level, _) = level(finding.severity);
        let mut shown = String::new();
        if finding.place.span.is_some() {
            shown = self.render(&[Group::with_level(level).elements(self.places(finding))]);
        }
        let patches = self.patches(finding);
        if !patches.is_empty() {
            let title = Level::HELP.secondary_title("as an edit");
            shown = format!("{shown}\n{}", self.render(&[Group::with_title(title).elements(patches)]));
        }
        shown.trim_matches('\n').to_owned()
    }

    fn render(&self, groups: &[Group<'_>]) -> String {
        let renderer = if self.style.colour { Renderer::styled() } else { Renderer::plain() };
        let decor = if self.style.ascii { DecorStyle::Ascii } else { DecorStyle::Unicode };
        let shown = renderer.term_width(self.style.width).decor_style(decor).hyperlink(false).render(groups);
        // Lines end where they are seen to end, so that what is kept of them compares.
        shown.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    /// The main place and the others, those in the same text in one excerpt, and in order of appearance.
    fn places<'s>(&'s self, finding: &'s Finding) -> Vec<Element<'s>> {
        let mut files: Vec<FileId> = Vec::new();
        let all = || std::iter::once(&finding.place).chain(&finding.others);
        for file in all().filter_map(|place| place.span).map(|span| span.file) {
            if !files.contains(&file) {
                files.push(file);
            }
        }
        let mut elements: Vec<Element<'_>> = Vec::new();
        if finding.place.span.is_none() {
            elements.push(Origin::path(printable_line(&self.store(&finding.place)).into_owned()).into());
            if !finding.place.label.is_empty() {
                elements.push(self.message(Level::NOTE, "here", &finding.place.label));
            }
        }
        for file in files {
            let mut snippet = Snippet::source(self.shown(file)).path(printable_line(self.texts.name(file)));
            for (n, place) in all().enumerate() {
                let Some(span) = place.span.filter(|span| span.file == file) else { continue };
                let kind = if n == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
                let label = Some(printable_line(&place.label)).filter(|label| !label.is_empty());
                snippet = snippet.annotation(kind.span(self.range(span)).label(label));
            }
            elements.push(snippet.into());
        }
        for place in finding.others.iter().filter(|place| place.span.is_none()) {
            let label = if place.label.is_empty() { String::new() } else { format!(": {}", place.label) };
            elements.push(self.message(Level::NOTE, "see", &format!("{}{label}", self.store(place))));
        }
        elements
    }

    /// The edits that are one beside the other, by text.
    fn patches<'s>(&'s self, finding: &'s Finding) -> Vec<Element<'s>> {
        let mut by_file: BTreeMap<FileId, Vec<(Range<usize>, &str)>> = BTreeMap::new();
        for edit in &finding.edits {
            by_file.entry(edit.span.file).or_default().push((self.range(edit.span), &edit.text));
        }
        let mut elements: Vec<Element<'_>> = Vec::new();
        for (file, mut edits) in by_file {
            edits.sort_by_key(|(range, _)| (range.start, range.end));
            let mut end = 0;
            edits.retain(|(range, text)| {
                let is_apart = range.start >= end && !(range.is_empty() && text.is_empty());
                end = if is_apart { range.end } else { end };
                is_apart
            });
            if !edits.is_empty() {
                let patches = edits.into_iter().map(|(range, text)| Patch::new(range, printable(text)));
                let source = Snippet::source(self.shown(file)).path(printable_line(self.texts.name(file)));
                elements.push(source.patches(patches).into());
            }
        }
        elements
    }

    fn shown(&self, file: FileId) -> &str {
        self.shown.get(&file).map_or("", |text| text.as_ref())
    }

    /// Where a place is in the text as it is shown.
    fn range(&self, span: Span) -> Range<usize> {
        let range = self.texts.within(span);
        let text = self.texts.text(span.file);
        let moved = |byte: usize| printable(text.get(..byte).unwrap_or_default()).len();
        if self.shown(span.file).len() == text.len() { range } else { moved(range.start)..moved(range.end) }
    }

    fn store(&self, place: &Place) -> String {
        address(self.report, self.texts, place)
    }

    fn message<'s>(&self, level: Level<'static>, name: &'static str, text: &str) -> Element<'s> {
        // What stands before it: the margin of the excerpt, the mark, the name and a colon.
        const MARGIN: usize = 8;
        let width = self.style.width.saturating_sub(MARGIN + name.len()).max(20);
        let text = wrapped(&printable(text), width).join("\n");
        level.with_name(name).message(text).into()
    }
}

fn level(severity: Severity) -> (Level<'static>, &'static str) {
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    (level, severity.name())
}
