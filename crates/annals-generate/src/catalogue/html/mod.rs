//! The catalogue as one page: its styles and its little script are in it, and it loads nothing.
//!
//! Nothing on the page has a style or a script of its own, so that its policy can name the two by their digests and
//! refuse everything else. Without the script all of it is there to be read.

mod entry;
mod flow;
mod layout;

use std::fmt::Write as _;

use annals_model::model::Model;

use crate::Origin;

use super::page::{Kind, Page};
use flow::Extent;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// Digests of the two, for the policy of the page; a test says what they have to be.
const STYLE_DIGEST: &str = "MzhmHjAoFzSarVIrGEIMqpTERPcgxL6RGprwjyKNjYQ=";
const SCRIPT_DIGEST: &str = "7vWNpGXvbjipBAvrrBbK3PFtZ6x725J4D/ntO45R7Pw=";

pub(super) fn write(page: &Page, model: &Model, origin: &Origin) -> String {
    let title = escaped(&page.title);
    let remark = origin.remark().replace('>', "&gt;");
    let overview = flow::overview(model, &page.anchors);
    let mut out = format!(
        "<!doctype html>
<!-- {remark} -->
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{STYLE_DIGEST}'; \
script-src 'sha256-{SCRIPT_DIGEST}'; base-uri 'none'; form-action 'none'\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>{title}: event catalogue</title>
<style>{STYLE}</style>
</head>
<body>
<a class=\"skip\" href=\"#content\">To the content</a>
"
    );
    sidebar(&mut out, page);
    out.push_str("<main id=\"content\">\n");
    head(&mut out, page);
    if let Some((drawing, _)) = &overview {
        let _ = write!(
            out,
            "<section id=\"flow\" aria-labelledby=\"flow-title\">\n<h2 id=\"flow-title\">Flow</h2>\n{LEGEND}{drawing}\
             </section>\n"
        );
    }
    let is_by_streams = overview.is_some_and(|(_, extent)| extent == Extent::Streams);
    for kind in Kind::ALL {
        entry::section(&mut out, page, kind, |entry| {
            let draws = is_by_streams && kind == Kind::Stream;
            draws.then(|| flow::of_stream(model, &page.anchors, &entry.name)).flatten()
        });
    }
    entry::questions(&mut out, page);
    let _ = write!(
        out,
        "<p id=\"none\" hidden>Nothing on this page has that in it.</p>\n<footer>{}</footer>\n</main>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        escaped(&origin.remark())
    );
    out
}

const LEGEND: &str = "<ul class=\"legend\"><li class=\"command\">command</li><li class=\"event\">event</li>\
<li class=\"projection\">read model</li><li class=\"process\">process</li><li class=\"command again\">what a process sends</li></ul>\n";

fn sidebar(out: &mut String, page: &Page) {
    let title = escaped(&page.title);
    let _ = write!(
        out,
        "<aside>\n<a class=\"home\" href=\"#content\">{title}<small>event catalogue</small></a>\n\
         <div class=\"search\" role=\"search\" hidden><label for=\"search\">Search</label>\
         <input id=\"search\" type=\"search\" placeholder=\"Search\" autocomplete=\"off\" spellcheck=\"false\" \
         aria-describedby=\"found\"><kbd aria-hidden=\"true\">/</kbd>\
         <output id=\"found\" for=\"search\"></output></div>\n\
         <details id=\"index\" open>\n<summary>Contents</summary>\n<nav aria-label=\"Contents\">\n"
    );
    for kind in Kind::ALL {
        let count = page.of(kind).count();
        if count == 0 {
            continue;
        }
        let word = kind.word();
        let title = kind.title();
        let _ = writeln!(
            out,
            "<section class=\"{word}\"><h2><a href=\"#{word}s\">{title}</a> <b>{count}</b></h2>"
        );
        for (group, entries) in page.groups(kind) {
            if let Some(group) = group {
                let _ = writeln!(out, "<h3>{}</h3>", escaped(group));
            }
            out.push_str("<ul>");
            for entry in entries {
                let anchor = page.anchors.get(kind, &entry.name).unwrap_or_default();
                let _ = write!(out, "<li><a href=\"#{anchor}\">{}</a></li>", escaped(entry.shown()));
            }
            out.push_str("</ul>\n");
        }
        out.push_str("</section>\n");
    }
    if !page.questions.is_empty() {
        let count = page.questions.len();
        let _ = writeln!(
            out,
            "<section class=\"question\"><h2><a href=\"#questions\">Open questions</a> <b>{count}</b></h2></section>"
        );
    }
    out.push_str("</nav>\n</details>\n</aside>\n");
}

fn head(out: &mut String, page: &Page) {
    let _ = write!(out, "<header>\n<h1>{}</h1>\n<p class=\"by\">Event catalogue", escaped(&page.title));
    if let Some(owner) = &page.owner {
        let _ = write!(out, ", in the care of <strong>{}</strong>", escaped(owner));
    }
    out.push_str("</p>\n<ul class=\"counts\">");
    for kind in Kind::ALL {
        let count = page.of(kind).count();
        let is_one = count == 1 && kind != Kind::Privacy;
        let title = if is_one { entry::capital(kind.one()) } else { kind.title().to_owned() };
        if count > 0 {
            let word = kind.word();
            let _ = write!(out, "<li class=\"{word}\"><a href=\"#{word}s\"><b>{count}</b> {title}</a></li>");
        }
    }
    out.push_str("</ul>\n");
    entry::facts(out, page, &page.envelope);
    out.push_str("</header>\n");
}

/// Text as it stands, whatever it means in HTML: between tags, and within the quotes of an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // A document has none of them, and a browser would say so.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_of_the_page_lets_its_own_style_and_script_through() {
        let digest = |of: &str| BASE64_STANDARD.encode(Sha256::digest(of.as_bytes()));
        assert_eq!(digest(STYLE), STYLE_DIGEST, "style.css has changed: write its digest");
        assert_eq!(digest(SCRIPT), SCRIPT_DIGEST, "script.js has changed: write its digest");
    }

    #[test]
    fn nothing_of_a_name_is_taken_for_html() {
        assert_eq!(
            escaped("<a href='x' b=\"y\">&\u{1}"),
            "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;\u{fffd}"
        );
    }
}
