//! What rules about stores say of collections, containers and running databases, which no example shows.

use crate::Subject;
use crate::finding::{Finding, Findings, Severity};
use crate::rules;
use crate::shape::{Column, Key, KeyKind, KeyPart, Kind, Product, StoreShape, Table};

fn columns(names: &[(&str, Kind)]) -> Vec<Column> {
    let column = |(name, kind): &(&str, Kind)| Column {
        name: (*name).to_owned(),
        kind: *kind,
        nullable: true,
        ..Column::default()
    };
    names.iter().map(column).collect()
}

fn unique(columns: &[&str]) -> Key {
    let parts = columns.iter().map(|name| KeyPart::Column((*name).to_owned())).collect();
    Key { name: None, kind: KeyKind::Unique, parts, predicate: None, span: None }
}

/// A log of events in a store of this product, with the keys that are given.
fn log(product: Product, keys: Vec<Key>) -> StoreShape {
    let columns = columns(&[
        ("_id", Kind::Other),
        ("streamId", Kind::Text),
        ("version", Kind::Integer(64)),
        ("type", Kind::Text),
        ("data", Kind::Document),
        ("metadata", Kind::Document),
        ("recordedAt", Kind::Instant),
    ]);
    let table = Table { name: "events".to_owned(), columns, keys, ..Table::default() };
    StoreShape { product: Some(product), tables: vec![table], ..StoreShape::default() }
}

/// What a rule says of a store.
fn said(id: &str, store: StoreShape) -> Vec<Finding> {
    let rule = rules::find(id).expect("there is such a rule");
    let subject = Subject { stores: vec![store], ..Subject::default() };
    let mut findings = Findings::default();
    (rule.check)(rule, &subject, &mut findings);
    findings.findings
}

#[test]
fn a_unique_index_of_a_collection_is_a_guard_and_null_is_one_value_to_it() {
    let store = || log(Product::Mongo, vec![unique(&["streamId", "version"])]);
    for id in ["AN201", "AN202", "AN203", "AN211", "AN212", "AN213", "AN214"] {
        assert!(said(id, store()).is_empty(), "{id}");
    }
}

#[test]
fn a_collection_without_one_may_be_guarded_by_its_ids() {
    let found = said("AN201", log(Product::Mongo, Vec::new()));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].severity, Severity::Warning);
    assert!(found[0].help[0].starts_with("db.events.createIndex"), "{:?}", found[0].help);
}

#[test]
fn a_unique_key_of_a_container_counts_within_its_partition() {
    let mut store = log(Product::Cosmos, vec![unique(&["/version"])]);
    store.tables[0].partitioned_by = vec!["/streamId".to_owned()];
    assert!(said("AN201", store).is_empty());
}

#[test]
fn what_a_running_database_lacks_is_not_there() {
    let store = || log(Product::Postgres, vec![unique(&["streamId", "version"])]);
    let of_text = said("AN204", store());
    assert!(of_text[0].message.contains("in what was read"), "{}", of_text[0].message);
    let live = said("AN204", StoreShape { is_live: true, ..store() });
    assert_eq!(live[0].message, "nothing refuses UPDATE and DELETE on events");
    assert_eq!(live[0].severity, Severity::Warning);
}

#[test]
fn a_key_of_sql_server_lets_one_null_in() {
    let of = |product| said("AN203", log(product, vec![unique(&["streamId", "version"])])).remove(0).severity;
    assert_eq!(of(Product::Postgres), Severity::Error);
    assert_eq!(of(Product::SqlServer), Severity::Warning);
}

#[test]
fn a_position_is_only_doubted_where_nothing_says_how_it_is_given() {
    let store = |product| {
        let mut store = log(product, vec![unique(&["streamId", "version"])]);
        let position = Column { is_counted: true, ..columns(&[("position", Kind::Integer(64))]).remove(0) };
        store.tables[0].columns.push(position);
        store
    };
    assert_eq!(said("AN207", store(Product::Postgres))[0].severity, Severity::Note);
    assert!(said("AN207", store(Product::Sqlite)).is_empty());
}

#[test]
fn ten_thousand_tables_are_looked_at_in_no_time() {
    let mut store = log(Product::Postgres, vec![unique(&["streamId", "version"])]);
    let table = |n: usize| Table {
        name: format!("events_of_{n}"),
        columns: columns(&[("event_id", Kind::Uuid), ("event_type", Kind::Text), ("payload", Kind::Json)]),
        ..Table::default()
    };
    store.tables.extend((0..10_000).map(table));
    assert_eq!(said("AN204", store).len(), 1);
}
