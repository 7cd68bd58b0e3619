use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Model, read};
use crate::sample::{CategorySample, FieldSample, Look, Sample, ShapeSample, Shapes, TypeSample, ValueKind};
use crate::shape::{Check, Column, Key, KeyKind, KeyPart, Kind, StoreShape, Table};
use crate::text::Texts;

use super::{Draft, empty, from_esdm, from_store};

fn model(text: &str) -> Model {
    let mut texts = Texts::default();
    let file = texts.add("annals.yaml", text);
    let (model, mistakes) = read(&texts, &[file]);
    assert_eq!(mistakes, [], "{text}");
    model
}

/// Compares with a file, which `ANNALS_BLESS=1` writes: read it then as the person would who is given it.
fn is_as_in(file: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("ANNALS_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{file} says otherwise");
}

#[test]
fn an_empty_model_reads_and_so_does_each_thing_that_it_explains() {
    for context in ["shop", "NO", "a: b", "# x"] {
        assert_eq!(model(&empty(context)).context.unwrap().value, context);
    }
    let whole = empty("shop").replace("\n#", "\n");
    // Explanations begin with a blank.
    let without = whole.lines().filter(|line| !line.starts_with(" ") || line.starts_with("  "));
    let whole = model(&without.collect::<Vec<_>>().join("\n"));
    let parts = [whole.streams.len(), whole.events.len(), whole.commands.len(), whole.examples.len()];
    assert_eq!(parts, [1, 2, 2, 1]);
    assert!(
        !whole.envelope.require.is_empty() && !whole.projections.is_empty() && !whole.processes.is_empty()
    );
}

fn esdm(files: &[&str]) -> Result<Vec<Draft>, Vec<String>> {
    let mut texts = Texts::default();
    let files: Vec<_> = files.iter().map(|text| texts.add("model.esdm.yaml", *text)).collect();
    from_esdm(&texts, &files).map_err(|mistakes| {
        let told = |mistake: &crate::model::Mistake| {
            let (line, _) = texts.line_and_column(mistake.span.file, mistake.span.start);
            format!("{line}: {}", mistake.message)
        };
        mistakes.iter().map(told).collect()
    })
}

#[test]
fn esdm_models_are_one_model_a_context_with_notes_of_what_has_no_counterpart() {
    let drafts = esdm(&[include_str!("../../../tests/esdm/parking.esdm.yaml")]).unwrap();
    let names: Vec<&str> = drafts.iter().map(|draft| draft.context.as_str()).collect();
    assert_eq!(names, ["accounting", "garage"]);
    model(&drafts[0].text);
    model(&drafts[1].text);
    assert_eq!(drafts[0].notes, ["income uses StayPaid of the context garage, which is another model"]);
    is_as_in("tests/esdm/parking.annals.yaml", &drafts[1].text);
    assert_eq!(
        drafts[1].notes,
        [
            "StayPaid is stored as com.example.parking.stay-paid where its annotation is followed",
            "PayStay publishes refunded, which is not there",
            "the words of its language have no place in a model",
            "no counterpart in a model: query how-many-inside",
            "fields that look personal have no class yet: StayBegun.email",
        ]
    );
}

#[test]
fn what_is_no_esdm_is_told_at_its_place() {
    assert_eq!(
        esdm(&["kind: event\n---\n- x\n"]).unwrap_err(),
        ["1: this document of ESDM has no `name`", "3: found a list, expected a document of ESDM"]
    );
    assert_eq!(
        esdm(&["# nothing\n---\n"]).unwrap_err(),
        ["1: no document here belongs to a bounded context"]
    );
    let broken = "kind: domain\nname: d\n---\nkind: [event\nname: x\n";
    assert!(esdm(&[broken]).unwrap_err()[0].contains("no YAML that this reads"));
}

fn seen(read: u64, kinds: &[(ValueKind, u64)], looks: &[(Look, u64)]) -> FieldSample {
    FieldSample {
        read,
        kinds: kinds.iter().copied().collect(),
        looks: looks.iter().copied().collect(),
        distinct: if read > 60 { 3 } else { FieldSample::DISTINCT_MAX },
        ..FieldSample::default()
    }
}

fn shapes(payloads: u64, fields: &[(&str, FieldSample)]) -> Shapes {
    let names: BTreeSet<String> = fields.iter().map(|(name, _)| (*name).to_owned()).collect();
    Shapes {
        shapes: BTreeMap::from([(names, ShapeSample { read: payloads, period: None })]),
        fields: fields.iter().map(|(name, seen)| ((*name).to_owned(), seen.clone())).collect(),
    }
}

fn sample() -> Sample {
    let text = |n| seen(n, &[(ValueKind::Text, n)], &[]);
    let uuid = seen(40, &[(ValueKind::Text, 40)], &[(Look::Uuid, 40)]);
    let placed = TypeSample {
        events: Some(31_906),
        read: 80,
        versions: BTreeMap::from([
            (Some("1".to_owned()), shapes(40, &[("order_id", uuid.clone()), ("mail", text(40))])),
            (
                Some("2".to_owned()),
                shapes(
                    40,
                    &[
                        ("order_id", uuid.clone()),
                        ("email", seen(40, &[(ValueKind::Text, 40)], &[(Look::Mail, 39)])),
                        ("at", seen(40, &[(ValueKind::Text, 40)], &[(Look::Time, 40)])),
                        ("note", seen(30, &[(ValueKind::Text, 20), (ValueKind::Null, 10)], &[])),
                        ("total", seen(40, &[(ValueKind::Integer, 30), (ValueKind::Fraction, 10)], &[])),
                        ("lines", seen(40, &[(ValueKind::List, 40)], &[])),
                        ("lines[]", seen(90, &[(ValueKind::Object, 90)], &[])),
                        ("lines[].sku", text(90)),
                        ("lines[].gift", seen(10, &[(ValueKind::Bool, 10)], &[])),
                        ("odd", seen(40, &[(ValueKind::Text, 20), (ValueKind::Integer, 20)], &[])),
                        ("gone", seen(40, &[(ValueKind::Null, 40)], &[])),
                    ],
                ),
            ),
        ]),
        metadata: BTreeMap::from([("correlation_id".to_owned(), seen(80, &[(ValueKind::Text, 80)], &[]))]),
        ..TypeSample::default()
    };
    let counted = TypeSample {
        read: 70,
        versions: BTreeMap::from([(None, shapes(70, &[("sku", text(70)), ("on", text(70))]))]),
        metadata: placed.metadata.clone(),
        ..TypeSample::default()
    };
    let counted = TypeSample {
        metadata: BTreeMap::from([("correlation_id".to_owned(), seen(70, &[(ValueKind::Text, 70)], &[]))]),
        ..counted
    };
    Sample {
        name: "export.jsonl".to_owned(),
        read: 150,
        events: Some(40_000),
        types: BTreeMap::from([
            ("shop.OrderPlaced".to_owned(), placed),
            ("shop.stock-counted".to_owned(), counted.clone()),
            ("shop.Exported".to_owned(), counted),
        ]),
        categories: BTreeMap::from([
            (
                "order".to_owned(),
                CategorySample {
                    streams: 1000,
                    events: 12_000,
                    longest: 90,
                    most: 20,
                    ..CategorySample::default()
                },
            ),
            (
                "stock".to_owned(),
                CategorySample {
                    streams: 10,
                    of_one: 9,
                    with_holes: 2,
                    versions_read: 10,
                    ..CategorySample::default()
                },
            ),
        ]),
        ..Sample::default()
    }
}

fn store() -> StoreShape {
    let column = |name: &str, kind| Column { name: name.to_owned(), kind, ..Column::default() };
    let key = |kind, columns: &[&str]| Key {
        name: None,
        kind,
        parts: columns.iter().map(|name| KeyPart::Column((*name).to_owned())).collect(),
        predicate: None,
        span: None,
    };
    StoreShape {
        name: "postgres://db/shop?sslmode=off".to_owned(),
        tables: vec![
            Table {
                name: "public.order_events".to_owned(),
                columns: vec![
                    column("stream_id", Kind::Uuid),
                    column("version", Kind::Integer(64)),
                    column("type", Kind::Text),
                    column("data", Kind::Json),
                    column("correlation_id", Kind::Uuid),
                ],
                keys: vec![key(KeyKind::Primary, &["stream_id", "version"])],
                checks: vec![Check {
                    expression: "type IN ('OrderPlaced', 'OrderShipped')".to_owned(),
                    span: None,
                }],
                ..Table::default()
            },
            Table {
                name: "order_summary".to_owned(),
                columns: vec![
                    column("order_id", Kind::Uuid),
                    Column { nullable: true, ..column("email", Kind::Text) },
                    column("changed", Kind::RowVersion),
                ],
                keys: vec![key(KeyKind::Primary, &["order_id"])],
                ..Table::default()
            },
            Table {
                name: "snapshots".to_owned(),
                columns: vec![column("id", Kind::Uuid)],
                ..Table::default()
            },
        ],
        ..StoreShape::default()
    }
}

#[test]
fn a_store_with_events_gives_their_fields_and_says_what_it_does_not_know() {
    let draft = from_store(&[store()], Some(&sample()));
    let read = model(&draft.text);
    assert_eq!(draft.context, "shop");
    is_as_in("tests/drafts/store.yaml", &draft.text);
    assert_eq!(
        draft.notes,
        [
            "3 event types, 150 of 40000 events looked at",
            "stock: in 2 of 10 streams a version is missing or there twice",
            "stock: 9 of 10 streams have one event",
            "fields that look personal: OrderPlaced.email",
            "events of which no stream is known: Exported",
            "postgres://db/shop?sslmode=off: the log is public.order_events",
        ]
    );
    assert_eq!(read.event("OrderPlaced").unwrap().it.version.as_ref().unwrap().value, 2);
}

#[test]
fn tables_alone_give_what_they_can() {
    let draft = from_store(&[store()], None);
    model(&draft.text);
    is_as_in("tests/drafts/tables.yaml", &draft.text);
    assert_eq!(
        draft.notes,
        [
            "postgres://db/shop?sslmode=off: the log is public.order_events",
            "no events were looked at, so their fields are not known",
        ]
    );
    model(&from_store(&[], None).text);
}

#[test]
fn what_somebody_called_a_field_stays_in_its_comment() {
    let odd = "a\nevents: x #";
    let mut sample = sample();
    let shapes = shapes(10, &[(odd, seen(5, &[(ValueKind::Text, 5)], &[(Look::Mail, 5)]))]);
    let odd_type = TypeSample { versions: BTreeMap::from([(None, shapes)]), ..TypeSample::default() };
    sample.types.insert("shop.\n- NO".to_owned(), odd_type);
    let read = model(&from_store(&[], Some(&sample)).text);
    assert_eq!(read.event("\n- NO").unwrap().it.fields[0].name.value, odd);
}
