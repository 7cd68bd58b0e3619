//! Definitions of containers of Azure Cosmos DB: as its API gives them, in templates of the resource manager, in
//! Bicep. A container has no columns; what its keys name stands for them.

use crate::text::{FileId, Span, Texts};

use super::literal::{self, Node};
use super::{Column, Key, KeyKind, KeyPart, Kind, Product, StoreShape, Table, Unread};

/// Reads the containers of a definition.
pub fn read(texts: &Texts, file: FileId) -> StoreShape {
    let text = texts.text(file);
    let mut shape = StoreShape {
        name: texts.name(file).to_owned(),
        product: Some(Product::Cosmos),
        ..StoreShape::default()
    };
    let mut at = 0;
    // A file of JSON begins with its value; in Bicep, values stand behind names.
    while at < text.len() {
        at = literal::skip_blanks(text, at);
        let Some(next) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
        let is_object = matches!(next, '{' | '[');
        let node = if is_object || matches!(next, '"' | '\'') { literal::read(text, at) } else { None };
        match node {
            Some(node) => {
                containers(&node, None, file, &mut shape.tables);
                at = node.end.max(at + 1);
            }
            None => {
                if is_object && shape.unread.is_empty() {
                    let span = Span { file, start: at, end: at + 1 };
                    shape
                        .unread
                        .push(Unread { what: "an object that does not end".to_owned(), span: Some(span) });
                }
                at += next.len_utf8();
            }
        }
    }
    shape
}

/// Every container in a value. `name` is what the resource around it is called.
fn containers(node: &Node, name: Option<&Node>, file: FileId, tables: &mut Vec<Table>) {
    if let Some(paths) = node.get("partitionKey").map(partition_paths).filter(|paths| !paths.is_empty()) {
        tables.push(container(node, name, &paths, file));
        return;
    }
    let own_name = node.get("name").filter(|name| name.text().is_some()).or(name);
    for (_, value) in node.members() {
        containers(value, own_name, file, tables);
    }
    for value in node.items() {
        containers(value, own_name, file, tables);
    }
}

/// `{"paths": ["/streamId"]}`, in which a parameter may stand for a path; or the path alone.
fn partition_paths(key: &Node) -> Vec<String> {
    let paths = match key.get("paths") {
        Some(paths) => paths.texts(),
        None => key.texts().into_iter().filter(|path| path.starts_with('/')).collect(),
    };
    paths.iter().map(|path| field(path)).collect()
}

/// `/a/b` as `a.b`.
fn field(path: &str) -> String {
    let path = path.trim_start_matches('/').trim_end_matches("/?").trim_end_matches("/*");
    path.replace('/', ".").replace('"', "")
}

fn container(node: &Node, name: Option<&Node>, paths: &[String], file: FileId) -> Table {
    let span = |node: &Node| Some(Span { file, start: node.start, end: node.end });
    let id = node.get("id").or(name);
    let name = id.and_then(Node::text).unwrap_or("container");
    // A resource is called `account/database/container`.
    let name = if name.starts_with('[') { name } else { name.rsplit('/').next().unwrap_or(name) };
    let key = |kind, fields: &[String], node: Option<&Node>| Key {
        name: None,
        kind,
        parts: fields.iter().cloned().map(KeyPart::Column).collect(),
        predicate: None,
        span: node.and_then(span),
    };
    // Within a partition, an id is there once.
    let mut primary = paths.to_vec();
    if !primary.iter().any(|path| path == "id") {
        primary.push("id".to_owned());
    }
    let mut keys = vec![key(KeyKind::Primary, &primary, node.get("partitionKey"))];
    let unique = node.get("uniqueKeyPolicy").and_then(|policy| policy.get("uniqueKeys"));
    for unique in unique.map_or(&[][..], Node::items) {
        let own = unique.get("paths").map(Node::texts).unwrap_or_default();
        let fields: Vec<String> = paths.iter().cloned().chain(own.iter().map(|path| field(path))).collect();
        keys.push(key(KeyKind::Unique, &fields, Some(unique)));
    }
    let composite = node.get("indexingPolicy").and_then(|policy| policy.get("compositeIndexes"));
    for index in composite.map_or(&[][..], Node::items) {
        let of = |part: &Node| part.get("path").and_then(Node::text).map(field);
        let fields: Vec<String> = index.items().iter().filter_map(of).collect();
        keys.push(key(KeyKind::Index, &fields, Some(index)));
    }
    let mut columns: Vec<Column> = vec![Column {
        name: "id".to_owned(),
        type_name: "string".to_owned(),
        kind: Kind::Text,
        nullable: false,
        ..Column::default()
    }];
    for field in keys.iter().flat_map(Key::columns) {
        if !columns.iter().any(|column| column.name == field) {
            columns.push(Column { name: field.to_owned(), nullable: true, ..Column::default() });
        }
    }
    Table {
        name: name.to_owned(),
        columns,
        keys,
        partitioned_by: paths.to_vec(),
        span: id.map_or_else(|| span(node), span),
        ..Table::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> StoreShape {
        let mut texts = Texts::default();
        let file = texts.add("container.json", text);
        read(&texts, file)
    }

    fn columns(table: &Table) -> Vec<(KeyKind, String)> {
        table.keys.iter().map(|key| (key.kind, key.columns().collect::<Vec<_>>().join(" "))).collect()
    }

    #[test]
    fn unique_keys_are_those_of_a_partition() {
        let shape = shape(
            r#"[{"id": "events", "partitionKey": {"paths": ["/stream/id"], "kind": "Hash"},
                "uniqueKeyPolicy": {"uniqueKeys": [{"paths": ["/version"]}]},
                "indexingPolicy": {"compositeIndexes": [[{"path": "/type"}, {"path": "/version"}]]}}]"#,
        );
        assert_eq!(shape.tables[0].name, "events");
        assert_eq!(shape.tables[0].partitioned_by, ["stream.id"]);
        let keys = [
            (KeyKind::Primary, "stream.id id".to_owned()),
            (KeyKind::Unique, "stream.id version".to_owned()),
            (KeyKind::Index, "type version".to_owned()),
        ];
        assert_eq!(columns(&shape.tables[0]), keys);
        assert!(shape.unread.is_empty());
    }

    #[test]
    fn containers_stand_in_templates_and_in_bicep() {
        let template = r#"{"resources": [{"type": "x", "name": "account/shop/events",
            "properties": {"resource": {"partitionKey": {"paths": ["/stream"]}}}}]}"#;
        assert_eq!(shape(template).tables[0].name, "events");
        let bicep = "param account string = 'cosmos-${resourceGroup().name}'\nresource events 'Microsoft.DocumentDB/x@2024' = {\n  name: 'events'\n  parent: database\n  \
            properties: {\n    resource: {\n      id: 'events'\n      partitionKey: {\n        paths: [\n          \
            '/stream'\n        ]\n        kind: 'Hash'\n      }\n    }\n  }\n}\n";
        let shape = shape(bicep);
        assert!(shape.unread.is_empty());
        assert_eq!(shape.tables[0].name, "events");
        assert_eq!(columns(&shape.tables[0]), [(KeyKind::Primary, "stream id".to_owned())]);
    }

    #[test]
    fn a_part_of_a_text_makes_nothing_panic() {
        let text = r#"{"id": "é", "partitionKey": {"paths": ["/a"]}, "uniqueKeyPolicy": {"uniqueKeys": [{}, [[]]]}}"#;
        for (at, _) in text.char_indices() {
            shape(&text[..at]);
            shape(&text[at..]);
        }
        shape(&"[".repeat(10_000));
        shape(&"{a:".repeat(10_000));
    }
}
