//! SARIF 2.1.0, for code scanning of GitHub, GitLab and Azure DevOps.
//!
//! What was allowed or known is left out: a scanner that does not heed suppressions would open it anew.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::explain;
use crate::finding::{Edit, Finding, Place, Severity};
use crate::review::Report;
use crate::rules::Rule;
use crate::text::{Span, Texts};

use super::json::written;
use super::spot;

/// A SARIF 2.1.0 log with one run.
///
/// A result is told from others by its rule and path, whatever line it stands on. What is only in a running store
/// has a logical location, and an address that no file has: scanners refuse results without one.
pub fn sarif(report: &Report, texts: &Texts) -> String {
    let mut rules: Vec<&'static Rule> = report.findings.iter().map(|finding| finding.rule).collect();
    rules.sort_by_key(|rule| rule.id);
    rules.dedup_by_key(|rule| rule.id);
    let mut seen = BTreeMap::new();
    let results = report.findings.iter().map(|finding| {
        let index = rules.iter().position(|rule| rule.id == finding.rule.id).unwrap_or_default();
        let key = format!("{}:{}", finding.rule.id, finding.place.path);
        let nth: &mut usize = seen.entry(key.clone()).or_default();
        *nth += 1;
        result(report, texts, finding, index, &key, *nth)
    });
    let results = results.collect();
    written(&Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "annals",
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    information_uri: env!("CARGO_PKG_REPOSITORY"),
                    rules: rules.into_iter().map(descriptor).collect(),
                },
            },
            column_kind: "unicodeCodePoints",
            results,
        }],
    })
}

fn descriptor(rule: &'static Rule) -> Descriptor {
    Descriptor {
        id: rule.id,
        name: rule.name,
        short_description: Message { text: format!("{}.", explain::capital(rule.what)) },
        full_description: Message { text: rule.why.to_owned() },
        help: Help {
            text: explain::plain(rule, &explain::Plain::default()),
            markdown: explain::explain(rule),
        },
        help_uri: explain::address(rule),
        default_configuration: Configuration { level: level(rule.severity) },
    }
}

fn result(
    report: &Report,
    texts: &Texts,
    finding: &Finding,
    rule_index: usize,
    key: &str,
    nth: usize,
) -> SarifResult {
    // As they stand: a message may begin with a name, and a help with code.
    let mut text = finding.message.clone();
    for help in &finding.help {
        text.push_str(&format!("\nhelp: {help}"));
    }
    let places = Places { report, texts };
    let related = finding.others.iter().enumerate();
    SarifResult {
        rule_id: finding.rule.id,
        rule_index,
        level: level(finding.severity),
        message: Message { text },
        locations: [places.location(None, &finding.place)],
        related_locations: related.map(|(n, other)| places.location(Some(n), other)).collect(),
        // The first is the one that GitHub compares; it is meant to be of the line, which is what moves.
        partial_fingerprints: Fingerprints {
            primary: format!("{:016x}:{nth}", digest(key)),
            rule_and_path: format!("{key}:{nth}"),
        },
        fixes: fixes(texts, finding),
    }
}

fn fixes(texts: &Texts, finding: &Finding) -> Vec<Fix> {
    let mut by_file: BTreeMap<_, Vec<&Edit>> = BTreeMap::new();
    for edit in &finding.edits {
        by_file.entry(edit.span.file).or_default().push(edit);
    }
    if by_file.is_empty() {
        return Vec::new();
    }
    let changes = by_file.into_iter().map(|(file, edits)| Change {
        artifact_location: Artifact { uri: uri(texts.name(file)) },
        replacements: edits
            .into_iter()
            .map(|edit| Replacement {
                deleted_region: region(texts, edit.span),
                inserted_content: Message { text: edit.text.clone() },
            })
            .collect(),
    });
    let text = finding.help.last().map_or("as an edit", String::as_str).to_owned();
    vec![Fix { description: Message { text }, artifact_changes: changes.collect() }]
}

struct Places<'r> {
    report: &'r Report,
    texts: &'r Texts,
}

impl Places<'_> {
    fn location(&self, id: Option<usize>, place: &Place) -> Location {
        let (artifact, region) = match place.span {
            Some(span) => (uri(self.texts.name(span.file)), region(self.texts, span)),
            None => {
                let source = self.report.source_of(place).map_or("store", |source| source.name.as_str());
                (made_up(source), Region { start_line: 1, start_column: 1, end_line: 1, end_column: 1 })
            }
        };
        let logical = LogicalLocation {
            name: place.path.rsplit('.').next().unwrap_or_default().to_owned(),
            fully_qualified_name: place.path.clone(),
        };
        Location {
            id,
            physical_location: Physical { artifact_location: Artifact { uri: artifact }, region },
            logical_locations: [logical],
            message: Some(Message { text: place.label.clone() }).filter(|message| !message.text.is_empty()),
        }
    }
}

fn region(texts: &Texts, span: Span) -> Region {
    let spot = spot(texts, span);
    Region {
        start_line: spot.line,
        start_column: spot.column,
        end_line: spot.end_line,
        end_column: spot.end_column,
    }
}

fn level(severity: Severity) -> &'static str {
    severity.name()
}

/// A file as a URI: relative where the path is, with what has a meaning in URIs escaped.
fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let path = path.strip_prefix("./").unwrap_or(&path);
    let is_of_drive =
        path.as_bytes().get(1) == Some(&b':') && path.starts_with(|c: char| c.is_ascii_alphabetic());
    let root = match path {
        _ if is_of_drive => "file:///",
        path if path.starts_with('/') => "file://",
        _ => "",
    };
    let mut uri = root.to_owned();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => uri.push(char::from(byte)),
            b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
            b':' if is_of_drive => uri.push(':'),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

/// A relative address for a store that is no file, such as `annals-store/postgres-reader-db-shop`.
fn made_up(store: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c } else { '-' };
    let name: String = store.chars().map(plain).collect();
    let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
    format!("annals-store/{}", words.join("-"))
}

/// FNV-1a: it only has to be the same everywhere and always.
fn digest(text: &str) -> u64 {
    const START: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    text.bytes().fold(START, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<SarifResult>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    information_uri: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    name: &'static str,
    short_description: Message,
    full_description: Message,
    help: Help,
    help_uri: String,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: Fingerprints,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<Fix>,
}

#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "primaryLocationLineHash")]
    primary: String,
    #[serde(rename = "annalsRuleAndPath/v1")]
    rule_and_path: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: Physical,
    logical_locations: [LogicalLocation; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    name: String,
    fully_qualified_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fix {
    description: Message,
    artifact_changes: Vec<Change>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    artifact_location: Artifact,
    replacements: Vec<Replacement>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    deleted_region: Region,
    inserted_content: Message,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_become_uris_and_stores_become_addresses_that_no_file_has() {
        assert_eq!(uri("./db/event store.sql"), "db/event%20store.sql");
        assert_eq!(uri("/srv/a#1.sql"), "file:///srv/a%231.sql");
        assert_eq!(uri(r"C:\db\a.sql"), "file:///C:/db/a.sql");
        assert_eq!(uri("modèle.yaml"), "mod%C3%A8le.yaml");
        assert_eq!(made_up("postgres://reader@db:5432/shop"), "annals-store/postgres-reader-db-5432-shop");
    }

    #[test]
    fn the_digest_is_that_of_fnv_1a() {
        assert_eq!(digest(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(digest("foobar"), 0x8594_4171_f739_67e8);
    }
}
