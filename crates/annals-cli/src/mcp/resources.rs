//! What a client can read: the page of each rule, the page of each database, the schema of model files.

use annals_generate::patterns::PAGES;
use annals_model::explain::explain;
use annals_model::model::SCHEMA;
use annals_model::rules::{self, RULES};
use rmcp::model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate};

const RULES_AT: &str = "annals://rules/";
const PATTERNS_AT: &str = "annals://patterns/";
const SCHEMA_AT: &str = "annals://schema";

const MARKDOWN: &str = "text/markdown";
const JSON_SCHEMA: &str = "application/schema+json";

/// All there are.
pub(super) fn all() -> Vec<Resource> {
    let schema = Resource::new(SCHEMA_AT, "schema")
        .with_title("JSON Schema of model files")
        .with_description("What may stand in annals.yaml.")
        .with_mime_type(JSON_SCHEMA);
    let rules = RULES.iter().map(|rule| {
        Resource::new(format!("{RULES_AT}{}", rule.id), rule.id)
            .with_title(format!("{} {}", rule.id, rule.name))
            .with_description(rule.what)
            .with_mime_type(MARKDOWN)
    });
    let patterns = PAGES.iter().map(|(name, text)| {
        Resource::new(format!("{PATTERNS_AT}{name}"), *name).with_title(title(text)).with_mime_type(MARKDOWN)
    });
    std::iter::once(schema).chain(patterns).chain(rules).collect()
}

/// Where a name can be put in.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    let template = |at: &str, name: &str, title: &str, description: String| {
        ResourceTemplate::new(format!("{at}{{{name}}}"), name)
            .with_title(title)
            .with_description(description)
            .with_mime_type(MARKDOWN)
    };
    let databases: Vec<&str> = PAGES.iter().map(|(name, _)| *name).collect();
    let of_rules = "The page of a rule by its id, such as AN203, or its name, such as guard-with-null.";
    let of_databases = format!("How a database keeps events: {}.", databases.join(", "));
    vec![
        template(RULES_AT, "rule", "A rule", of_rules.to_owned()),
        template(PATTERNS_AT, "database", "A database", of_databases),
    ]
}

/// The resource of this address.
pub(super) fn read(uri: &str) -> Option<ReadResourceResult> {
    let (text, kind) = if uri == SCHEMA_AT {
        (SCHEMA.to_owned(), JSON_SCHEMA)
    } else if let Some(word) = uri.strip_prefix(RULES_AT) {
        (explain(rules::find(word)?), MARKDOWN)
    } else {
        let name = uri.strip_prefix(PATTERNS_AT)?;
        let (_, text) = PAGES.iter().find(|(other, _)| *other == name)?;
        ((*text).to_owned(), MARKDOWN)
    };
    Some(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(kind)]))
}

/// The heading of a page.
fn title(page: &str) -> String {
    page.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_listed_can_be_read_and_says_what_it_is() {
        let all = all();
        assert!(all.len() > RULES.len());
        for resource in &all {
            assert!(read(&resource.uri).is_some(), "{}", resource.uri);
            assert!(resource.title.as_deref().is_some_and(|title| !title.is_empty()), "{}", resource.uri);
        }
        assert!(read("annals://rules/guard-with-null").is_some());
        for uri in
            ["annals://rules/AN999", "annals://patterns/../schema", "annals://", "file:///etc/passwd", ""]
        {
            assert!(read(uri).is_none(), "{uri}");
        }
    }
}
