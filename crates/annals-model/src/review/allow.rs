//! Comments that allow what a rule finds: `annals: allow(AN103) because: legacy feed`.
//!
//! Such a comment is for its own line, for the line below it where it stands alone, and for the whole file where
//! nothing but comments is above it. With a path behind the rule, `allow(AN204 events)`, it is for that path wherever
//! it is found, which is how something is allowed in a running store. Rules are named by id or name.

use crate::Subject;
use crate::explain;
use crate::finding::{Edit, Finding, Place};
use crate::rules::{self, Rule};
use crate::text::{FileId, Span, Texts};

use super::{Allowed, source};

/// One comment.
#[derive(Debug)]
pub(super) struct Allowance {
    /// From `allow` to the end of what is understood.
    span: Span,
    /// What is cut to be without it: the comment, or its whole line.
    cut: Span,
    reach: Reach,
    items: Vec<Item>,
    because: Result<String, Flaw>,
}

/// Which lines of its file it is for, beside its own.
#[derive(Debug, PartialEq, Eq)]
enum Reach {
    File,
    Line(usize),
}

/// What is wrong with a comment as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    NotUnderstood,
    NoReason,
}

#[derive(Debug)]
struct Item {
    name: String,
    path: Option<String>,
    is_used: bool,
}

/// Reads the comments of every text that is reviewed. Those of a sample are not: what events say allows nothing. Nor
/// are those of the model as it was.
pub(super) fn read(subject: &Subject) -> Vec<Allowance> {
    let texts = &subject.texts;
    let sample = subject.sample.as_ref().and_then(|sample| source::file_called(texts, &sample.name));
    let before = subject.before.as_ref().map(source::files_of).unwrap_or_default();
    let is_reviewed = |file: &FileId| Some(*file) != sample && !before.contains_key(file);
    texts.files().filter(is_reviewed).flat_map(|file| read_text(texts, file)).collect()
}

fn read_text(texts: &Texts, file: FileId) -> Vec<Allowance> {
    let text = texts.text(file);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut allowances = Vec::new();
    let (mut start, mut at_top) = (0, true);
    for (n, line) in lines.iter().enumerate() {
        let stands_in_comment = is_comment(line);
        at_top &= stands_in_comment || line.trim().is_empty();
        if let Some((comment, allow)) = find(line) {
            let stands_alone = line[..comment].trim().is_empty();
            let below = || lines.iter().skip(n + 1).take_while(|line| is_comment(line)).count();
            let reach = match (at_top, stands_alone) {
                (true, _) => Reach::File,
                (false, true) => Reach::Line(n + 2 + below()),
                (false, false) => Reach::Line(n + 1),
            };
            let code = line.trim_end();
            let cut = if stands_alone {
                Span { file, start, end: start + line.len() }
            } else {
                Span { file, start: start + line[..comment].trim_end().len(), end: start + code.len() }
            };
            let span = Span { file, start: start + allow, end: start + code.len() };
            let (items, because) = parse(&code[allow..]);
            allowances.push(Allowance { span, cut, reach, items, because });
        }
        start += line.len();
    }
    allowances
}

fn is_comment(line: &str) -> bool {
    ["#", "--"].iter().any(|mark| line.trim_start().starts_with(mark))
}

/// Where a comment begins that allows something, and where `allow` does.
fn find(line: &str) -> Option<(usize, usize)> {
    const WORD: &str = "annals:";
    let word = line.find(WORD)?;
    let before = line[..word].trim_end();
    let mark = ["#", "--"].into_iter().find(|mark| before.ends_with(mark))?;
    let rest = &line[word + WORD.len()..];
    let allow = line.len() - rest.trim_start().len();
    line[allow..].starts_with("allow").then_some((before.len() - mark.len(), allow))
}

/// Reads `allow(AN103, AN204 events) because: …`.
fn parse(text: &str) -> (Vec<Item>, Result<String, Flaw>) {
    let inside = text.strip_prefix("allow").map(str::trim_start).and_then(|rest| rest.strip_prefix('('));
    let Some((inside, rest)) = inside.and_then(|rest| rest.split_once(')')) else {
        return (Vec::new(), Err(Flaw::NotUnderstood));
    };
    let item = |text: &str| {
        let (name, path) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        let path = Some(path.trim()).filter(|path| !path.is_empty()).map(str::to_owned);
        Item { name: name.to_owned(), path, is_used: false }
    };
    let items: Vec<Item> = inside.split(',').map(item).collect();
    if items.iter().any(|item| item.name.is_empty()) {
        return (Vec::new(), Err(Flaw::NotUnderstood));
    }
    let because = match rest.trim() {
        "" => Err(Flaw::NoReason),
        rest => match rest.strip_prefix("because:").map(str::trim) {
            Some("") => Err(Flaw::NoReason),
            Some(because) => Ok(because.to_owned()),
            None => Err(Flaw::NotUnderstood),
        },
    };
    (items, because)
}

/// Divides findings into those to be told and those that are allowed.
pub(super) fn apply(
    allowances: &mut [Allowance],
    findings: Vec<Finding>,
    texts: &Texts,
) -> (Vec<Finding>, Vec<Allowed>) {
    let (mut told, mut allowed) = (Vec::new(), Vec::new());
    for finding in findings {
        let mut because = None;
        for allowance in allowances.iter_mut() {
            // Every one that is for it is in use, so that none of them is called stale.
            if allowance.is_for(&finding, texts) && because.is_none() {
                because = allowance.because.as_ref().ok().cloned();
            }
        }
        match because {
            Some(because) => allowed.push(Allowed { finding, because }),
            None => told.push(finding),
        }
    }
    (told, allowed)
}

impl Allowance {
    fn is_for(&mut self, finding: &Finding, texts: &Texts) -> bool {
        let in_reach = finding.place.span.is_some_and(|span| {
            let line_of = |span: Span| texts.line_and_column(span.file, texts.within(span).start).0;
            let is_there = || match self.reach {
                Reach::File => true,
                Reach::Line(line) => line_of(span) == line || line_of(span) == line_of(self.span),
            };
            span.file == self.span.file && is_there()
        });
        let mut is_for = false;
        for item in self.items.iter_mut().filter(|item| item.is(finding.rule)) {
            let applies = match &item.path {
                Some(path) => finding.place.path.strip_prefix(path.as_str()).is_some_and(source::is_end),
                None => in_reach,
            };
            item.is_used |= applies;
            is_for |= applies;
        }
        is_for
    }

    fn finding(&self, path: &str, message: String) -> Finding {
        Finding::new(rules::STALE_SUPPRESSION, Place::new(path, self.span), message)
    }
}

impl Item {
    fn is(&self, rule: &Rule) -> bool {
        self.name.eq_ignore_ascii_case(rule.id) || self.name.eq_ignore_ascii_case(rule.name)
    }

    fn text(&self) -> String {
        match &self.path {
            Some(path) => format!("allow({} {path})", self.name),
            None => format!("allow({})", self.name),
        }
    }
}

/// What is wrong with the comments themselves. A rule that was not asked may find what is allowed another time.
pub(super) fn told(
    allowances: &[Allowance],
    rules: &[&'static Rule],
    was_asked: impl Fn(&Rule) -> bool,
) -> Vec<Finding> {
    let mut told = Vec::new();
    for allowance in allowances {
        match allowance.because {
            Err(Flaw::NotUnderstood) => told.push(
                allowance
                    .finding("allow", "this comment allows nothing: it is not understood".to_owned())
                    .help("write `annals: allow(AN103) because: …`, with several rules as `allow(AN103, AN106)`"),
            ),
            Err(Flaw::NoReason) => told.push(
                allowance
                    .finding("allow", "this comment allows nothing: it gives no reason".to_owned())
                    .help("write `because: …` behind it"),
            ),
            Ok(_) => {}
        }
        for item in &allowance.items {
            let Some(rule) = rules.iter().find(|rule| item.is(rule)) else {
                told.push(unknown(allowance, item));
                continue;
            };
            if rule.is_of_review() {
                let message = format!("{} cannot be allowed: it is about the review itself", rule.id);
                told.push(allowance.finding(&item.text(), message).help("mend it, or remove the comment"));
            } else if allowance.because.is_ok() && !item.is_used && was_asked(rule) {
                told.push(stale(allowance, item));
            }
        }
    }
    told
}

fn unknown(allowance: &Allowance, item: &Item) -> Finding {
    let finding = allowance.finding(&item.text(), format!("no rule is called {}", item.name));
    match explain::meant(&item.name).first() {
        Some(rule) => finding.help(format!("{} {} may be meant", rule.id, rule.name)),
        None => finding.help("`annals explain` lists the rules"),
    }
}

fn stale(allowance: &Allowance, item: &Item) -> Finding {
    let message = format!("`{}` allows nothing: the rule finds nothing there", item.text());
    let mut finding = allowance.finding(&item.text(), message).help("remove it");
    if allowance.items.len() == 1 {
        finding.edits.push(Edit { span: allowance.cut, text: String::new() });
    }
    finding
}
