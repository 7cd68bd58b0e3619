//! What a rule means, as a page, from what its own file says.

mod meant;
mod plain;

use crate::rules::{Example, Mend, RULES, Rule};

pub use self::meant::meant;
pub use self::plain::{Plain, plain};

/// Where the page of a rule is published.
pub fn address(rule: &Rule) -> String {
    format!("{}/blob/main/docs/rules/{}.md", env!("CARGO_PKG_REPOSITORY"), rule.id)
}

/// The page of a rule, in Markdown.
pub fn explain(rule: &Rule) -> String {
    let mut page = format!("# {} {}\n\n{}.\n", rule.id, rule.name, capital(rule.what));
    let reads: Vec<&str> = rule.reads.iter().map(|input| input.name()).collect();
    let reads = if reads.is_empty() { String::new() } else { format!(", looks at: {}", reads.join(", ")) };
    page.push_str(&format!("\n{}{reads}\n", capital(rule.severity.name())));
    page.push_str(&format!("\n## Why\n\n{}\n", rule.why));
    page.push_str("\n## How to mend it\n");
    mends(&mut page, rule.mend);
    page.push_str(&format!("\n## When to leave it\n\n{}\n", rule.leave));
    if !rule.leave.starts_with("Never") {
        let id = rule.id;
        page.push_str(&format!("\nSay so in a comment, with the reason: `annals: allow({id}) because: …`\n"));
    }
    examples(&mut page, "What it finds", rule.bad);
    examples(&mut page, "What is right", rule.good);
    page.push_str("\n## Sources\n\n");
    for source in rule.sources {
        page.push_str(&format!("- <{source}>\n"));
    }
    page
}

/// What is the same everywhere first, then each database.
fn mends(page: &mut String, mends: &[Mend]) {
    let everywhere: Vec<&Mend> = mends.iter().filter(|mend| mend.on.is_empty()).collect();
    if let [only] = everywhere[..] {
        page.push_str(&format!("\n{}\n", only.text));
    } else {
        page.push('\n');
        for mend in everywhere {
            page.push_str(&format!("- {}\n", mend.text.replace('\n', "\n  ").replace("\n  \n", "\n\n")));
        }
    }
    let mut told = "";
    for mend in mends.iter().filter(|mend| !mend.on.is_empty()) {
        if mend.on != told {
            page.push_str(&format!("\n### {}\n", mend.on));
            told = mend.on;
        }
        page.push_str(&format!("\n{}\n", mend.text));
    }
}

fn examples(page: &mut String, title: &str, examples: &[Example]) {
    if examples.is_empty() {
        return;
    }
    page.push_str(&format!("\n## {title}\n"));
    for example in examples {
        match example {
            Example::Model(text) => fenced(page, "yaml", text),
            Example::Change(before, now) => {
                page.push_str("\nBefore:\n");
                fenced(page, "yaml", before);
                page.push_str("\nNow:\n");
                fenced(page, "yaml", now);
            }
            Example::Sql(text) => fenced(page, "sql", text),
            Example::Events(text) => fenced(page, "json", text),
        }
    }
}

fn fenced(page: &mut String, language: &str, text: &str) {
    page.push_str(&format!("\n```{language}\n{}\n```\n", text.trim_end()));
}

/// Every rule in a line.
pub fn list() -> String {
    let name_width = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    let line = |rule: &&Rule| {
        format!("{}  {:name_width$}  {:7}  {}\n", rule.id, rule.name, rule.severity.name(), rule.what)
    };
    RULES.iter().map(line).collect()
}

/// The text as a sentence begins.
pub(crate) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", rest.as_str())
}
