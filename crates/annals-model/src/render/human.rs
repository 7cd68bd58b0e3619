//! What a person reads at a terminal: the findings with their excerpts, then what was read and what of it is good.

use std::collections::BTreeMap;

use annotate_snippets::renderer::{AnsiColor, Style as Ansi};

use crate::finding::{Finding, Good, Place, Severity};
use crate::review::Report;
use crate::text::Texts;

use super::excerpt::{Excerpts, More, Style};
use super::{address, counts, printable_line, spot, wrapped};

/// How it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Human {
    /// With colours, for terminals that have them.
    pub colour: bool,
    /// Without characters for drawing.
    pub ascii: bool,
    /// So many characters in a line.
    pub width: usize,
    /// Every finding, however many and however alike.
    pub all: bool,
}

impl Default for Human {
    fn default() -> Self {
        Self { colour: false, ascii: false, width: 100, all: false }
    }
}

/// So many findings are shown unless all are asked for.
const SHOWN_MAX: usize = 10;
/// From so many findings of one rule in one source only the first is shown whole.
const ALIKE_MIN: usize = 3;
/// So many of those that are alike are named.
const ALIKE_MAX: usize = 5;
/// No terminal is narrower for us, and none wider.
const WIDTH_MIN: usize = 40;
const WIDTH_MAX: usize = 400;

/// For a person at a terminal.
pub fn human(report: &Report, texts: &Texts, how: &Human) -> String {
    let width = how.width.clamp(WIDTH_MIN, WIDTH_MAX);
    let excerpts = Excerpts::new(report, texts, Style { colour: how.colour, ascii: how.ascii, width });
    let groups = groups(report, texts, how.all);
    let shown = if how.all { groups.len() } else { SHOWN_MAX };
    let mut blocks = Vec::new();
    let mut explained: Vec<&str> = Vec::new();
    for group in groups.iter().take(shown) {
        let Some((first, alike)) = group.split_first() else { continue };
        let why = !first.rule.is_of_review() && !explained.contains(&first.rule.id);
        explained.push(first.rule.id);
        let more = More { why, alike: named(report, texts, alike) };
        blocks.push(excerpts.whole(first, &more));
    }
    let rest: Vec<&Finding> = groups.iter().skip(shown).flatten().copied().collect();
    if !rest.is_empty() {
        blocks.push(format!("and {} more, shown with --all", counts_of(&rest)));
    }
    let mut end = summary(report, texts, how, width);
    if let Some(first) = report.findings.iter().find(|finding| !finding.rule.is_of_review()) {
        end.push(format!("For more about a rule: annals explain {}", first.rule.id));
    }
    if !end.is_empty() {
        blocks.push(end.join("\n"));
    }
    let mut text = blocks.join("\n\n");
    text.push('\n');
    text
}

/// Findings that are alike together: of one rule and weight, in one source.
fn groups<'r>(report: &'r Report, texts: &Texts, all: bool) -> Vec<Vec<&'r Finding>> {
    let key = |finding: &Finding| (finding.rule.id, finding.severity, name_of(report, texts, &finding.place));
    let mut sizes = BTreeMap::new();
    for finding in &report.findings {
        *sizes.entry(key(finding)).or_insert(0) += 1;
    }
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    let mut group_of = BTreeMap::new();
    for finding in &report.findings {
        let key = key(finding);
        // What is said of the review is another thing each time.
        let is_alike =
            !all && !finding.rule.is_of_review() && sizes.get(&key).is_some_and(|size| *size >= ALIKE_MIN);
        let known = group_of.get(&key).and_then(|n: &usize| groups.get_mut(*n));
        match known {
            Some(group) if is_alike => group.push(finding),
            _ => {
                group_of.insert(key, groups.len());
                groups.push(vec![finding]);
            }
        }
    }
    groups
}

/// Each in a line, and how many more.
fn named(report: &Report, texts: &Texts, alike: &[&Finding]) -> Vec<String> {
    let line = |finding: &&Finding| {
        let at = address(report, texts, &finding.place);
        format!("{}  ({at})", printable_line(&finding.message))
    };
    let mut lines: Vec<String> = alike.iter().take(ALIKE_MAX).map(line).collect();
    if alike.len() > ALIKE_MAX {
        lines.push(format!("and {} more, shown with --all", alike.len() - ALIKE_MAX));
    }
    lines
}

fn counts_of(findings: &[&Finding]) -> String {
    counts(|severity| findings.iter().filter(|finding| finding.severity == severity).count())
}

/// A line for each source, and what was checked.
fn summary(report: &Report, texts: &Texts, how: &Human, width: usize) -> Vec<String> {
    let rows: Vec<Row> = rows(report, texts);
    let widest = |of: fn(&Row) -> &str| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let (name_width, count_width) = (widest(|row| &row.name), widest(|row| &row.counts));
    let mut lines = Vec::new();
    for row in &rows {
        let name = format!("{:name_width$}", row.name);
        let counts = format!("{:count_width$}", row.counts);
        let before = name_width + count_width + 5;
        let mut rest = row.rest(width.saturating_sub(before).max(WIDTH_MIN)).into_iter();
        let first = format!(
            "{}  {}   {}",
            painted(how, Ansi::new().bold(), &name),
            painted(how, row.colour(), &counts),
            rest.next().unwrap_or_default()
        );
        lines.push(first.trim_end().to_owned());
        lines.extend(rest.map(|line| format!("{}{line}", " ".repeat(before))));
    }
    let checked: Vec<&str> =
        report.checked.iter().filter(|rule| !rule.is_of_review()).map(|rule| rule.id).collect();
    if !checked.is_empty() {
        let also = if report.findings.is_empty() { "Checked" } else { "Also checked" };
        lines.extend(wrapped(&format!("{also} and clean: {}", checked.join(" ")), width));
    }
    lines
}

/// What is said of one source.
#[derive(Default)]
struct Row {
    name: String,
    counts: String,
    read: String,
    good: String,
    worst: Option<Severity>,
}

impl Row {
    /// What was read and what of it is good: in a line, or in as many as they need.
    fn rest(&self, width: usize) -> Vec<String> {
        let parts = [("read", &self.read), ("good", &self.good)];
        let said = |(what, text): (&str, &String)| (!text.is_empty()).then(|| format!("{what}: {text}"));
        let parts: Vec<String> = parts.into_iter().filter_map(said).collect();
        let line = parts.join("   ");
        if line.chars().count() <= width {
            return vec![line];
        }
        parts.iter().flat_map(|part| wrapped(part, width)).collect()
    }

    fn colour(&self) -> Ansi {
        let colour = match self.worst {
            Some(Severity::Error) => AnsiColor::BrightRed,
            Some(Severity::Warning) => AnsiColor::Yellow,
            Some(Severity::Note) => AnsiColor::BrightGreen,
            None => AnsiColor::Green,
        };
        colour.on_default()
    }
}

fn rows(report: &Report, texts: &Texts) -> Vec<Row> {
    let all = report.sources.iter().map(|source| source.name.clone());
    let mut names: Vec<String> = Vec::new();
    // A file that was not understood at all is no source, and something is wrong in it.
    for name in all.chain(report.findings.iter().map(|finding| name_of(report, texts, &finding.place))) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let row = |name: &String| {
        let is_here = |place: &Place| name_of(report, texts, place) == *name;
        let findings: Vec<&Finding> = report.findings.iter().filter(|it| is_here(&it.place)).collect();
        let mut said = counts_of(&findings);
        let aside = [
            (report.allowed.iter().filter(|it| is_here(&it.finding.place)).count(), "allowed"),
            (report.known.iter().filter(|it| is_here(&it.place)).count(), "known"),
        ];
        for (count, what) in aside.into_iter().filter(|(count, _)| *count > 0) {
            said.push_str(&format!(", {count} {what}"));
        }
        // The catalogue of a store and the events in it are two.
        let here = report.sources.iter().filter(|source| source.name == *name);
        let read: Vec<&str> = here.map(|source| source.holds.as_str()).collect();
        let good: Vec<String> =
            report.good.iter().filter(|it| is_here(&it.place)).map(|it| good(texts, it)).collect();
        Row {
            name: printable_line(name).into_owned(),
            counts: printable_line(&said).into_owned(),
            read: printable_line(&read.join("; ")).into_owned(),
            good: printable_line(&good.join(", ")).into_owned(),
            worst: findings.iter().map(|finding| finding.severity).max(),
        }
    };
    names.iter().map(row).collect()
}

fn good(texts: &Texts, good: &Good) -> String {
    match good.place.span {
        Some(span) => format!("{} (line {})", good.message, spot(texts, span).line),
        None => format!("{} ({})", good.message, good.place.path),
    }
}

fn name_of(report: &Report, texts: &Texts, place: &Place) -> String {
    let named = || place.span.map_or("elsewhere", |span| texts.name(span.file)).to_owned();
    report.source_of(place).map_or_else(named, |source| source.name.clone())
}

fn painted(how: &Human, style: Ansi, text: &str) -> String {
    if how.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
}
