//! Scripts of mongosh that make collections, validators and indexes, and validators in files of JSON.

use std::collections::HashMap;

use crate::text::{FileId, Span, Texts};

use super::literal::{self, Node};
use super::{
    Check, Column, Grant, Key, KeyKind, KeyPart, Kind, Operation, Product, StoreShape, Table, Unread,
};

/// Reads the collections of a script, or of a file with a validator.
pub fn read(texts: &Texts, file: FileId) -> StoreShape {
    let text = texts.text(file);
    let shape = StoreShape {
        name: texts.name(file).to_owned(),
        product: Some(Product::Mongo),
        ..StoreShape::default()
    };
    let mut reader = Reader { text, file, shape, constants: HashMap::new() };
    let begin = literal::skip_blanks(text, 0);
    let whole = text.get(begin..).filter(|rest| rest.starts_with(['{', '[']));
    match whole.and_then(|_| literal::read(text, begin)) {
        Some(node) => reader.document(&node),
        None => reader.script(),
    }
    reader.shape
}

struct Reader<'a> {
    text: &'a str,
    file: FileId,
    shape: StoreShape,
    /// Objects and lists by the names that the script gives them.
    constants: HashMap<String, Node>,
}

impl Reader<'_> {
    fn span(&self, start: usize, end: usize) -> Option<Span> {
        Some(Span { file: self.file, start, end })
    }

    /// A file of JSON: a validator, or what describes collections.
    fn document(&mut self, node: &Node) {
        for item in node.items() {
            self.document(item);
        }
        let is_schema = node.get("bsonType").is_some() || node.get("$jsonSchema").is_some();
        let described = ["create", "collMod", "collection", "name"].iter().find_map(|key| node.get(key));
        let described = described.filter(|name| name.text().is_some());
        if is_schema
            || node.get("validator").is_some()
            || (described.is_some() && node.get("indexes").is_some())
        {
            let stem = self.shape.name.rsplit(['/', '\\']).next().unwrap_or_default();
            let stem = stem.split('.').next().unwrap_or_default().to_owned();
            let name = described.and_then(Node::text).map_or(stem, str::to_owned);
            let span = described.map(|name| Span { file: self.file, start: name.start, end: name.end });
            self.collection(&name, span);
            if is_schema {
                self.schema(&name, node.get("$jsonSchema").unwrap_or(node), true);
            } else {
                self.options(&name, node);
            }
            self.indexes(&name, node.get("indexes"));
        }
    }

    /// Every call of a script, with the path of names in front of it.
    fn script(&mut self) {
        let mut at = 0;
        let mut path: Vec<String> = Vec::new();
        let mut is_joined = false;
        while at < self.text.len() {
            at = literal::skip_blanks(self.text, at);
            let Some(next) = self.text.get(at..).and_then(|rest| rest.chars().next()) else { break };
            let was_joined = std::mem::replace(&mut is_joined, next == '.');
            if next.is_alphabetic() || matches!(next, '_' | '$') {
                let rest = self.text.get(at..).unwrap_or_default();
                let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
                let length = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
                let name = rest.get(..length).unwrap_or_default();
                if !was_joined {
                    path.clear();
                }
                at = self.named(name, at, &mut path);
            } else if next == '[' && !path.is_empty() {
                // `db["events"]`
                match literal::read(self.text, at) {
                    Some(node) => {
                        path.extend(node.texts().into_iter().next());
                        at = node.end.max(at + 1);
                    }
                    None => at += 1,
                }
            } else if matches!(next, '"' | '\'' | '`') {
                path.clear();
                at = literal::read(self.text, at).map_or(at + 1, |node| node.end.max(at + 1));
            } else if next == '=' && path.len() == 1 {
                at = self.constant(at + 1, &mut path);
            } else {
                if next != '.' {
                    path.clear();
                }
                at += next.len_utf8();
            }
        }
    }

    /// `name = {..}`; where one goes on from.
    fn constant(&mut self, at: usize, path: &mut Vec<String>) -> usize {
        let begin = literal::skip_blanks(self.text, at);
        let is_literal = self.text.get(begin..).is_some_and(|rest| rest.starts_with(['{', '[']));
        let node = is_literal.then(|| literal::read(self.text, begin)).flatten();
        match (node, path.pop()) {
            (Some(node), Some(name)) => {
                let end = node.end;
                self.constants.insert(name, node);
                end
            }
            _ => at,
        }
    }

    /// What a name stands for, where that is known.
    fn resolved(&self, node: &Node) -> Node {
        let named = if node.is_word() { node.text().and_then(|name| self.constants.get(name)) } else { None };
        named.unwrap_or(node).clone()
    }

    /// A name in a path, or the call of a method; where one goes on from.
    fn named(&mut self, name: &str, at: usize, path: &mut Vec<String>) -> usize {
        let end = at + name.len();
        if !self.text.get(end..).is_some_and(|rest| rest.starts_with('(')) {
            path.push(name.to_owned());
            return end;
        }
        if !METHODS.contains(&name) {
            path.clear();
            return end + 1;
        }
        let Some((arguments, end_of_call)) = self.arguments(end + 1) else {
            let what = format!("{name} of what is made elsewhere");
            self.shape.unread.push(Unread { what, span: self.span(at, end) });
            path.clear();
            return end + 1;
        };
        match name {
            "getCollection" | "collection" => {
                path.extend(arguments.first().and_then(Node::text).map(str::to_owned))
            }
            "getSiblingDB" => path.truncate(1),
            _ => {
                let collection = path.get(1..).unwrap_or_default().join(".");
                if !self.call(name, &collection, &arguments) {
                    let span = self.span(at, end_of_call);
                    self.shape.unread.push(Unread { what: name.to_owned(), span });
                }
                path.clear();
            }
        }
        end_of_call
    }

    fn arguments(&self, at: usize) -> Option<(Vec<Node>, usize)> {
        let (mut arguments, mut at) = (Vec::new(), at);
        loop {
            at = literal::skip_blanks(self.text, at);
            match self.text.get(at..)?.chars().next()? {
                ')' => return Some((arguments, at + 1)),
                ',' => at += 1,
                _ => {
                    let node = literal::read(self.text, at)?;
                    at = node.end;
                    arguments.push(self.resolved(&node));
                }
            }
        }
    }

    /// Whether a call was understood.
    fn call(&mut self, method: &str, collection: &str, arguments: &[Node]) -> bool {
        let (first, second) = (arguments.first(), arguments.get(1));
        let name = first.and_then(Node::text).map(str::to_owned);
        let span = first.and_then(|first| self.span(first.start, first.end));
        match (method, first) {
            ("createCollection", Some(_)) => {
                let Some(name) = name else { return false };
                self.collection(&name, span);
                if let Some(options) = second {
                    self.options(&name, options);
                }
            }
            ("createView", Some(_)) => {
                let Some(name) = name else { return false };
                self.shape.tables.push(Table { name, is_view: true, span, ..Table::default() });
            }
            ("createIndex" | "ensureIndex", Some(keys)) if keys.is_object() && !collection.is_empty() => {
                self.index(collection, keys, second);
            }
            ("createIndexes", Some(list)) if !collection.is_empty() && !list.items().is_empty() => {
                for keys in list.items() {
                    // Of the shell, keys; of a driver, descriptions with `key`.
                    match keys.get("key") {
                        Some(own) if own.is_object() => self.index(collection, own, Some(keys)),
                        _ => self.index(collection, keys, second),
                    }
                }
            }
            ("shardCollection", Some(_)) => {
                let (Some(name), Some(keys)) = (name, second) else { return false };
                self.shard(&name, keys, arguments.get(2).is_some_and(Node::is_true));
            }
            ("runCommand" | "adminCommand", Some(command)) if command.is_object() => {
                return self.command(command);
            }
            ("createRole", Some(role)) if role.is_object() => self.role(role),
            _ => return false,
        }
        true
    }

    /// A command of the database; those that change no shape are understood too.
    fn command(&mut self, command: &Node) -> bool {
        let Some((verb, of)) = command.members().first() else { return false };
        let Some(name) = of.text().map(str::to_owned) else { return true };
        let span = self.span(of.start, of.end);
        match verb.text().unwrap_or_default() {
            "create" | "collMod" => {
                self.collection(&name, span);
                self.options(&name, command);
            }
            "createIndexes" => self.indexes(&name, command.get("indexes")),
            "shardCollection" => {
                let Some(keys) = command.get("key") else { return false };
                self.shard(&name, keys, command.get("unique").is_some_and(Node::is_true));
            }
            "createRole" => self.role(command),
            _ => {}
        }
        true
    }

    fn indexes(&mut self, collection: &str, list: Option<&Node>) {
        for index in list.map_or(&[][..], Node::items) {
            if let Some(keys) = index.get("key") {
                self.index(collection, keys, Some(index));
            }
        }
    }

    /// The collection of a name, which is there from its first use on.
    fn collection(&mut self, name: &str, span: Option<Span>) -> &mut Table {
        let tables = &mut self.shape.tables;
        let at = tables.iter().position(|table| table.name == name).unwrap_or_else(|| {
            // Every collection has this key.
            let parts = vec![KeyPart::Column("_id".to_owned())];
            let key = Key {
                name: Some("_id_".to_owned()),
                kind: KeyKind::Primary,
                parts,
                predicate: None,
                span: None,
            };
            let id = Column { name: "_id".to_owned(), ..Column::default() };
            tables.push(Table {
                name: name.to_owned(),
                columns: vec![id],
                keys: vec![key],
                span,
                ..Table::default()
            });
            tables.len() - 1
        });
        &mut tables[at]
    }

    fn options(&mut self, collection: &str, options: &Node) {
        let said = |key: &str| options.get(key).and_then(Node::text).unwrap_or_default();
        // What is only warned of, or not looked at, may be written.
        let is_enforced = said("validationAction") != "warn" && said("validationLevel") != "off";
        let Some(validator) = options.get("validator").map(|validator| self.resolved(validator)) else {
            return;
        };
        if let Some(schema) = validator.get("$jsonSchema").map(|schema| self.resolved(schema)) {
            self.schema(collection, &schema, is_enforced);
        } else if is_enforced && validator.is_object() {
            let expression = self.text.get(validator.start..validator.end).unwrap_or_default().to_owned();
            let span = self.span(validator.start, validator.end);
            self.collection(collection, None).checks.push(Check { expression, span });
        }
    }

    fn schema(&mut self, collection: &str, schema: &Node, is_enforced: bool) {
        let mut fields = Vec::new();
        columns(schema, "", !is_enforced, self.file, &mut fields);
        let table = self.collection(collection, None);
        for field in fields {
            match table.columns.iter_mut().find(|column| column.name == field.name) {
                Some(column) => *column = field,
                None => table.columns.push(field),
            }
        }
    }

    fn index(&mut self, collection: &str, keys: &Node, options: Option<&Node>) {
        let option = |key: &str| options.and_then(|options| options.get(key));
        let is = |key: &str| option(key).is_some_and(Node::is_true);
        let filter = option("partialFilterExpression");
        let predicate = filter.and_then(|filter| self.text.get(filter.start..filter.end)).map(str::to_owned);
        let predicate = predicate.or_else(|| is("sparse").then(|| "sparse".to_owned()));
        let kind = if is("unique") { KeyKind::Unique } else { KeyKind::Index };
        let name = option("name").and_then(Node::text).map(str::to_owned);
        let span = self.span(keys.start, keys.end);
        self.key(collection, Key { name, kind, parts: parts(keys), predicate, span });
    }

    fn key(&mut self, collection: &str, key: Key) {
        let table = self.collection(collection, key.span);
        for field in key.columns() {
            if table.column(field).is_none() {
                table.columns.push(Column {
                    name: field.to_owned(),
                    nullable: true,
                    span: key.span,
                    ..Column::default()
                });
            }
        }
        table.keys.push(key);
    }

    /// `shop.events` is the collection `events` of the database `shop`.
    fn shard(&mut self, name: &str, keys: &Node, is_unique: bool) {
        let name = name.split_once('.').map_or(name, |(_, name)| name).to_owned();
        let span = self.span(keys.start, keys.end);
        if is_unique {
            let key = Key { name: None, kind: KeyKind::Unique, parts: parts(keys), predicate: None, span };
            self.key(&name, key);
        }
        let fields = keys.members().iter().filter_map(|(field, _)| field.text()).map(str::to_owned);
        self.collection(&name, span).partitioned_by = fields.collect();
    }

    fn role(&mut self, role: &Node) {
        let name = role.get("role").or_else(|| role.get("createRole")).and_then(Node::text);
        let to = name.unwrap_or_default().to_owned();
        for privilege in role.get("privileges").map_or(&[][..], Node::items) {
            let on = privilege
                .get("resource")
                .and_then(|resource| resource.get("collection"))
                .and_then(Node::text);
            let actions = privilege.get("actions").map(Node::texts).unwrap_or_default();
            let operation = |action: &String| match action.as_str() {
                "insert" => Some(Operation::Insert),
                "update" => Some(Operation::Update),
                "remove" => Some(Operation::Delete),
                "dropCollection" => Some(Operation::Truncate),
                _ => None,
            };
            self.shape.grants.push(Grant {
                to: to.clone(),
                table: on.filter(|name| !name.is_empty()).map(str::to_owned),
                operations: actions.iter().filter_map(operation).collect(),
                is_denied: false,
                span: self.span(privilege.start, privilege.end),
            });
        }
    }
}

/// The methods that are looked at; the data of others say nothing of a shape.
const METHODS: &[&str] = &[
    "createCollection",
    "createView",
    "createIndex",
    "ensureIndex",
    "createIndexes",
    "shardCollection",
    "runCommand",
    "adminCommand",
    "createRole",
    "getCollection",
    "collection",
    "getSiblingDB",
];

fn parts(keys: &Node) -> Vec<KeyPart> {
    let field = |(field, _): &(Node, Node)| field.text().map(|field| KeyPart::Column(field.to_owned()));
    keys.members().iter().filter_map(field).collect()
}

/// The fields of a schema, with those of documents inside under their paths.
fn columns(schema: &Node, before: &str, may_be_missing: bool, file: FileId, fields: &mut Vec<Column>) {
    let required = schema.get("required").map(Node::texts).unwrap_or_default();
    let Some(properties) = schema.get("properties") else { return };
    for (name, of) in properties.members() {
        let Some(own) = name.text() else { continue };
        let types = of.get("bsonType").or_else(|| of.get("type")).map(Node::texts).unwrap_or_default();
        let may_be_null = types.iter().any(|name| name == "null") || types.is_empty();
        let is_missing = may_be_missing || !required.iter().any(|name| name == own);
        let path = format!("{before}{own}");
        fields.push(Column {
            kind: kind(types.iter().map(String::as_str).find(|name| *name != "null").unwrap_or_default()),
            type_name: types.join(" | "),
            nullable: path != "_id" && (is_missing || may_be_null && of.get("enum").is_none()),
            name: path.clone(),
            span: Some(Span { file, start: name.start, end: name.end }),
            ..Column::default()
        });
        columns(of, &format!("{path}."), is_missing || may_be_null, file, fields);
    }
}

/// What a type of BSON, or of a JSON schema, holds.
fn kind(name: &str) -> Kind {
    match name {
        "string" => Kind::Text,
        "int" => Kind::Integer(32),
        "long" | "integer" => Kind::Integer(64),
        "double" | "number" => Kind::Float,
        "decimal" => Kind::Decimal,
        "bool" | "boolean" => Kind::Bool,
        "date" => Kind::Instant,
        "binData" => Kind::Bytes,
        "array" => Kind::List,
        "object" => Kind::Document,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> StoreShape {
        let mut texts = Texts::default();
        let file = texts.add("schemas/events.json", text);
        read(&texts, file)
    }

    const SCRIPT: &str = r#"
        // What mongosh runs.
        const shop = db.getSiblingDB('shop');
        db.createCollection("events", { validator: { $jsonSchema: {
            bsonType: "object", required: ["stream", 'version', "metadata"],
            properties: {
                stream: { bsonType: "string" }, version: { bsonType: ["long", "null"] }, data: { bsonType: "object" },
                metadata: { bsonType: "object", required: ["at"], properties: { at: { bsonType: "date" } } },
            },
        } } });
        db.events.createIndex({ stream: 1, version: 1 }, { unique: true, name: "guard" });
        db.getCollection("events").createIndex({ "metadata.at": NumberInt(-1) }, { partialFilterExpression: { a: 1 } });
        db.events.createIndexes([{ type: 1 }, { tags: 1 }]);
        db["other.log"].createIndex({ n: 1 });
        sh.shardCollection("shop.events", { stream: "hashed" });
        db.events.insertOne({ createIndex: "no", text: "db.x.createIndex({})" });
        db.createRole({ role: "app", privileges: [
            { resource: { db: "shop", collection: "events" }, actions: ["find", "insert"] } ], roles: [] });
        db.events.createIndex(keys);
        const SCHEMA = { $jsonSchema: { required: ["a"], properties: { a: { bsonType: "int" } } } };
        async function make() { await db.createCollection("snapshots", { validator: SCHEMA }); return db.events.find() }
    "#;

    #[test]
    fn a_script_makes_collections_validators_and_indexes() {
        let shape = shape(SCRIPT);
        let names: Vec<&str> = shape.tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["events", "other.log", "snapshots"]);
        assert_eq!(shape.tables[2].columns.len(), 2);
        let events = &shape.tables[0];
        let nullable = |name: &str| events.column(name).map(|column| (column.kind, column.nullable));
        assert_eq!(nullable("_id"), Some((Kind::Other, false)));
        assert_eq!(nullable("stream"), Some((Kind::Text, false)));
        assert_eq!(nullable("version"), Some((Kind::Integer(64), true)));
        assert_eq!(nullable("data"), Some((Kind::Document, true)));
        assert_eq!(nullable("metadata.at"), Some((Kind::Instant, false)));
        let keys: Vec<(KeyKind, String, Option<&str>)> = events
            .keys
            .iter()
            .map(|key| (key.kind, key.columns().collect::<Vec<_>>().join(" "), key.predicate.as_deref()))
            .collect();
        assert_eq!(
            keys,
            [
                (KeyKind::Primary, "_id".to_owned(), None),
                (KeyKind::Unique, "stream version".to_owned(), None),
                (KeyKind::Index, "metadata.at".to_owned(), Some("{ a: 1 }")),
                (KeyKind::Index, "type".to_owned(), None),
                (KeyKind::Index, "tags".to_owned(), None),
            ]
        );
        assert_eq!(events.partitioned_by, ["stream"]);
        assert_eq!(shape.grants[0].operations, [Operation::Insert]);
        let unread: Vec<&str> = shape.unread.iter().map(|unread| unread.what.as_str()).collect();
        assert_eq!(unread, ["createIndex"]);
    }

    #[test]
    fn a_file_with_a_validator_is_a_collection_of_its_name() {
        let shape =
            shape(r#"{"$jsonSchema": {"required": ["a"], "properties": {"a": {"bsonType": "int"}}}}"#);
        assert_eq!(shape.tables[0].name, "events");
        assert!(!shape.tables[0].columns[1].nullable);
    }

    #[test]
    fn what_is_only_warned_of_may_be_missing() {
        let shape = shape(
            "db.createCollection('e', {validationAction: 'warn', validator: {$jsonSchema: {required: ['a'], \
             properties: {a: {bsonType: 'int'}}}}})",
        );
        assert!(shape.tables[0].columns[1].nullable);
    }

    #[test]
    fn a_part_of_a_text_makes_nothing_panic() {
        for (at, _) in SCRIPT.char_indices() {
            shape(&SCRIPT[..at]);
            shape(&SCRIPT[at..]);
        }
        shape(&"db.a.createIndex({a:".repeat(2_000));
        shape(&"db[".repeat(5_000));
    }
}
