//! The catalogue as Markdown, with anchors that every renderer keeps and a diagram of Mermaid.

use std::fmt::Write as _;

use annals_model::model::Model;

use crate::mermaid::flow_text;
use crate::{Origin, names::kebab};

use super::page::{Block, Entry, Inline, Kind, Page, Row, Tone};

pub(super) fn write(page: &Page, model: &Model, origin: &Origin) -> String {
    let mut writer = Writer { page, text: String::new() };
    let remark = origin.remark().replace('>', "&gt;");
    writer.text = format!("<!-- {remark} -->\n\n# {}: event catalogue\n", escaped(&page.title));
    writer.head();
    writer.index();
    if !model.events.is_empty() {
        let flow = flow_text(model);
        let _ = write!(writer.text, "\n## Flow\n\n```mermaid\n{flow}```\n");
    }
    for kind in Kind::ALL {
        writer.section(kind);
    }
    writer.questions();
    writer.text
}

struct Writer<'p> {
    page: &'p Page,
    text: String,
}

impl Writer<'_> {
    fn head(&mut self) {
        let mut lines = Vec::new();
        if let Some(owner) = &self.page.owner {
            lines.push(format!("**Owner:** {}", escaped(owner)));
        }
        for (label, said) in &self.page.envelope {
            lines.push(format!("**{label}:** {}", self.said(said, false)));
        }
        if !lines.is_empty() {
            let _ = writeln!(self.text, "\n{}", lines.join("  \n"));
        }
    }

    fn index(&mut self) {
        self.text.push_str("\n## Contents\n\n");
        for kind in Kind::ALL {
            let groups = self.page.groups(kind);
            if groups.is_empty() {
                continue;
            }
            let _ = writeln!(self.text, "- [{}](#{})", kind.title(), section_anchor(kind));
            for (group, entries) in groups {
                let links = entries.iter().map(|entry| self.link(kind, &entry.name, entry.shown()));
                let links = links.collect::<Vec<_>>();
                if kind == Kind::Example {
                    for link in &links {
                        let _ = writeln!(self.text, "  - {link}");
                    }
                    continue;
                }
                let lead = group.map(|group| format!("{}: ", escaped(group))).unwrap_or_default();
                let _ = writeln!(self.text, "  - {lead}{}", links.join(", "));
            }
        }
        if !self.page.questions.is_empty() {
            self.text.push_str("- [Open questions](#open-questions)\n");
        }
    }

    fn section(&mut self, kind: Kind) {
        let groups = self.page.groups(kind);
        if groups.is_empty() {
            return;
        }
        let _ = write!(self.text, "\n<a id=\"{}\"></a>\n\n## {}\n", section_anchor(kind), kind.title());
        for (_, entries) in groups {
            for entry in entries {
                self.entry(entry);
            }
        }
    }

    fn entry(&mut self, entry: &Entry) {
        let anchor = self.page.anchors.get(entry.kind, &entry.name).unwrap_or_default();
        let _ = write!(self.text, "\n<a id=\"{anchor}\"></a>\n\n### {}\n", escaped(entry.shown()));
        let badges: Vec<String> = entry
            .badges
            .iter()
            .map(|(tone, badge)| match tone {
                Tone::Plain => escaped(badge),
                Tone::Public | Tone::Private => format!("**{}**", escaped(badge)),
            })
            .collect();
        if !badges.is_empty() {
            let _ = writeln!(self.text, "\n{}", badges.join(" · "));
        }
        if let Some(lead) = &entry.lead {
            let _ = writeln!(self.text, "\n> {}", escaped(lead));
        }
        if !entry.facts.is_empty() {
            self.text.push('\n');
        }
        for (label, said) in &entry.facts {
            let _ = writeln!(self.text, "- **{label}:** {}", self.said(said, false));
        }
        for block in &entry.blocks {
            match block {
                Block::List(title, lines) => {
                    let _ = writeln!(self.text, "\n**{title}**\n");
                    for line in lines {
                        let _ = writeln!(self.text, "- {}", self.said(line, false));
                    }
                }
                Block::Table(_, rows) => self.table(rows),
            }
        }
    }

    fn table(&mut self, rows: &[Row]) {
        self.text.push_str("\n| Field | Type | Personal data | What it is |\n| --- | --- | --- | --- |\n");
        for row in rows {
            let optional = if row.is_optional { " (optional)" } else { "" };
            let tag = if row.is_tag { " (tag)" } else { "" };
            let privacy = row.privacy.as_ref().map(|class| self.link(Kind::Privacy, class, class));
            let _ = writeln!(
                self.text,
                "| {}{tag} | {}{optional} | {} | {} |",
                code(&row.name, true),
                self.said(&row.kind, true),
                privacy.unwrap_or_default(),
                self.said(&row.note, true),
            );
        }
    }

    fn questions(&mut self) {
        if self.page.questions.is_empty() {
            return;
        }
        self.text.push_str("\n<a id=\"open-questions\"></a>\n\n## Open questions\n\n");
        for question in &self.page.questions {
            let _ = writeln!(self.text, "- {}", self.said(question, false));
        }
    }

    fn said(&self, said: &[Inline], is_in_table: bool) -> String {
        said.iter()
            .map(|inline| match inline {
                Inline::Text(text) => escaped(text),
                Inline::Code(text) => code(text, is_in_table),
                Inline::Link(kind, name) => self.link(*kind, name, name),
            })
            .collect()
    }

    fn link(&self, kind: Kind, name: &str, shown: &str) -> String {
        match self.page.anchors.get(kind, name) {
            Some(anchor) => format!("[{}](#{anchor})", escaped(shown)),
            None => escaped(shown),
        }
    }
}

fn section_anchor(kind: Kind) -> String {
    kebab(kind.title()).replace(' ', "-")
}

/// Text as it stands, whatever it means in Markdown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => out.push(' '),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// A code span; a table takes a bar for the end of a cell even there.
fn code(text: &str, is_in_table: bool) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = if is_in_table { text.replace('|', "\\|") } else { text };
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let is_tight = !text.starts_with('`') && !text.ends_with('`') && !text.trim().is_empty();
    let space = if is_tight { "" } else { " " };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_name_is_taken_for_markdown() {
        assert_eq!(escaped("<b>*x*_|`\n"), "&lt;b&gt;\\*x\\*\\_\\|\\` ");
        assert_eq!(code("a`b", false), "``a`b``");
        assert_eq!(code("`", false), "`` ` ``");
        assert_eq!(code("a|b", true), "`a\\|b`");
    }
}
