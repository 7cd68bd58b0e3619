//! Sections and their entries.

use std::fmt::Write as _;

use super::super::page::{Block, Entry, Inline, Kind, Page, Row, Said, Tone};
use super::escaped;

/// A section, with what is drawn of each of its entries.
pub(super) fn section(out: &mut String, page: &Page, kind: Kind, drawn: impl Fn(&Entry) -> Option<String>) {
    let groups = page.groups(kind);
    if groups.is_empty() {
        return;
    }
    let (word, title) = (kind.word(), kind.title());
    let _ = write!(
        out,
        "<section id=\"{word}s\" class=\"{word}\" aria-labelledby=\"{word}s-title\">\n\
         <h2 id=\"{word}s-title\">{title}</h2>\n"
    );
    for (group, entries) in groups {
        out.push_str("<div class=\"group\">\n");
        if let Some(group) = group {
            let group = Inline::Link(Kind::Stream, group.to_owned());
            let _ = writeln!(out, "<h3 class=\"of\">Stream {}</h3>", said(page, &[group]));
        }
        for entry in entries {
            article(out, page, entry, drawn(entry));
        }
        out.push_str("</div>\n");
    }
    out.push_str("</section>\n");
}

fn article(out: &mut String, page: &Page, entry: &Entry, drawn: Option<String>) {
    let anchor = page.anchors.get(entry.kind, &entry.name).unwrap_or_default();
    let (word, one, shown) = (entry.kind.word(), entry.kind.one(), escaped(entry.shown()));
    let _ = write!(
        out,
        "<article id=\"{anchor}\" class=\"{word}\">\n<header><p class=\"kind\">{one}</p>\
         <h4>{shown}<a class=\"link\" href=\"#{anchor}\" aria-label=\"Link to {shown}\">#</a></h4>"
    );
    for (tone, badge) in &entry.badges {
        let tone = match tone {
            Tone::Plain => "plain",
            Tone::Public => "public",
            Tone::Private => "private",
        };
        let _ = write!(out, "<span class=\"badge {tone}\">{}</span>", escaped(badge));
    }
    out.push_str("</header>\n");
    if let Some(lead) = &entry.lead {
        let _ = writeln!(out, "<p class=\"lead\">{}</p>", escaped(lead));
    }
    facts(out, page, &entry.facts);
    for block in &entry.blocks {
        match block {
            Block::List(title, lines) => {
                let _ = write!(out, "<h5>{title}</h5>\n<ul class=\"lines\">");
                for line in lines {
                    let _ = write!(out, "<li>{}</li>", said(page, line));
                }
                out.push_str("</ul>\n");
            }
            Block::Table(title, rows) => table(out, page, title, rows),
        }
    }
    if let Some(drawn) = drawn {
        out.push_str(&drawn);
    }
    out.push_str("</article>\n");
}

pub(super) fn facts(out: &mut String, page: &Page, facts: &[(&'static str, Said)]) {
    if facts.is_empty() {
        return;
    }
    out.push_str("<dl>");
    let mut before = "";
    for (label, fact) in facts {
        // The second of two with one label goes on with the first.
        if *label != before {
            let _ = write!(out, "<dt>{label}</dt>");
        }
        before = label;
        let _ = write!(out, "<dd>{}</dd>", said(page, fact));
    }
    out.push_str("</dl>\n");
}

fn table(out: &mut String, page: &Page, title: &str, rows: &[Row]) {
    let has_privacy = rows.iter().any(|row| row.privacy.is_some());
    let has_note = rows.iter().any(|row| !row.note.is_empty());
    let _ = write!(
        out,
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><table><thead><tr>\
         <th scope=\"col\">Field</th><th scope=\"col\">Type</th>"
    );
    if has_privacy {
        out.push_str("<th scope=\"col\">Personal data</th>");
    }
    if has_note {
        out.push_str("<th scope=\"col\">What it is</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        let tag = if row.is_tag { " <span class=\"badge plain\">tag</span>" } else { "" };
        let optional = if row.is_optional { " <i>optional</i>" } else { "" };
        let _ = write!(
            out,
            "<tr><th scope=\"row\"><code>{}</code>{tag}</th><td>{}{optional}</td>",
            escaped(&row.name),
            said(page, &row.kind)
        );
        if has_privacy {
            let class = row.privacy.as_ref().map(|class| {
                let link = said(page, &[Inline::Link(Kind::Privacy, class.clone())]);
                format!("<span class=\"badge private\">{link}</span>")
            });
            let _ = write!(out, "<td>{}</td>", class.unwrap_or_default());
        }
        if has_note {
            let _ = write!(out, "<td>{}</td>", said(page, &row.note));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>\n");
}

pub(super) fn questions(out: &mut String, page: &Page) {
    if page.questions.is_empty() {
        return;
    }
    out.push_str(
        "<section id=\"questions\" class=\"question\" aria-labelledby=\"questions-title\">\n\
         <h2 id=\"questions-title\">Open questions</h2>\n\
         <p class=\"note\">What the model does not say yet.</p>\n<ol class=\"questions\">",
    );
    for question in &page.questions {
        let _ = write!(out, "<li>{}</li>", said(page, question));
    }
    out.push_str("</ol>\n</section>\n");
}

fn said(page: &Page, of: &[Inline]) -> String {
    let mut out = String::new();
    for inline in of {
        let _ = match inline {
            Inline::Text(text) => write!(out, "{}", escaped(text)),
            Inline::Code(text) => write!(out, "<code>{}</code>", escaped(text)),
            Inline::Link(kind, name) => match page.anchors.get(*kind, name) {
                Some(anchor) => {
                    write!(out, "<a class=\"{}\" href=\"#{anchor}\">{}</a>", kind.word(), escaped(name))
                }
                None => write!(out, "{}", escaped(name)),
            },
        };
    }
    out
}

/// With a capital letter.
pub(super) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
