use annals_model::model::{self, Model};
use annals_model::text::Texts;

use super::*;

const SHOP: &str = include_str!("../../tests/models/projections.yaml");

fn origin() -> Origin {
    Origin {
        command: "annals generate projections --on sqlite".to_owned(),
        sources: vec!["annals.yaml".to_owned()],
    }
}

fn model(text: &str) -> Model {
    let mut texts = Texts::default();
    let file = texts.add("annals.yaml", text);
    let (model, mistakes) = model::read(&texts, &[file]);
    assert_eq!(mistakes, [], "{text}");
    model
}

fn made(on: Database) -> String {
    let files = generate(&model(SHOP), &origin(), on).unwrap();
    assert_eq!(
        files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
        ["order_summary.toml", "open_orders.toml"]
    );
    files[0].text.clone()
}

#[test]
fn values_come_from_names_and_from_what_the_model_says() {
    let text = made(Database::Sqlite);
    for line in [
        "# Made by `annals generate projections --on sqlite` from annals.yaml. Edits are lost: change the model.\n",
        "# NULL until the model says under `sets` where it comes from: nobody.\n",
        "categories = [\"order\"]\nkey = \":payload.order_id\"\nkey_columns = { order_summary = \"order_id\" }\n",
        "    order_id TEXT NOT NULL PRIMARY KEY,\n",
        "    \"order\" TEXT,\n",
        "    items INTEGER DEFAULT 0 NOT NULL,\n",
        "    channel = CASE WHEN :schema_version <= 1 THEN 'web' ELSE :payload.channel END,\n",
        "    city = :payload.deliver_to.city,\n",
        "    last_amount = :payload.amount,\n",
        "    items = known.items - :payload.quantity,\n",
        "    removals = known.removals + 1,\n",
        "    total_minor = known.total_minor + :payload.amount.amount_minor,\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    // When it was placed is written once, when the row was made too, and the event's own time stays.
    assert_eq!(text.matches("placed_at = ").count(), 1, "{text}");
    assert_eq!(text.matches("created_at = ").count(), 0, "{text}");
    assert_eq!(text.matches("ready_at = ").count(), 1, "{text}");
    assert_eq!(text.matches("updated_at = ").count(), 4, "{text}");
}

#[test]
fn every_product_has_its_own_words() {
    for (on, words) in [
        (
            Database::Postgres,
            ["order_id uuid NOT", "deliver_to jsonb", "CAST(:payload.price AS numeric)", "\"order\" ="],
        ),
        (Database::Mysql, ["order_id CHAR(36)", "deliver_to JSON", "'it''s \\\\ {\"n\":1}'", "`order` ="]),
        (
            Database::Mariadb,
            ["DATETIME(6)", "REPLACE(REPLACE(:payload.ready_at", "ON DUPLICATE KEY", "`order` ="],
        ),
        (
            Database::Sqlserver,
            ["uniqueidentifier", "IF @@ROWCOUNT = 0", "N'it''s \\ {\"n\":1}'", "[order] ="],
        ),
    ] {
        let text = made(on);
        for word in words {
            assert!(text.contains(word), "{on:?}: {word}\n{text}");
        }
    }
}

#[test]
fn what_cannot_be_made_is_said_with_what_to_do() {
    let with = |projection: &str| {
        model(&format!(
            "annals: 1\nevents:\n  Placed: {{ fields: {{ id: uuid, buyer: {{ id: uuid }} }} }}\n  Paid: {{ fields: {{ order: uuid }} \
             }}\n  Sent: {{ fields: {{ box: {{ id: uuid }} }} }}\nprojections:\n  {projection}\n"
        ))
    };
    for (projection, message, help) in [
        ("boxes: { key: id }", "made from no event", "from"),
        ("boxes: { from: [Placed] }", "has no key", "key"),
        (
            "boxes: { from: [Placed, Paid], key: id, fields: { id: uuid } }",
            "Paid, which does not say the key id",
            "Paid: { id: { field: ",
        ),
        ("boxes: { from: [Placed, Sent], key: id, fields: { id: uuid } }", "box.id of Sent", "alike"),
        ("order: { from: [Placed], key: id }", "no table can have", "word of SQL"),
    ] {
        let wrong = generate(&with(projection), &origin(), Database::Sqlite).unwrap_err();
        assert!(wrong.message.contains(message) && wrong.help.contains(help), "{wrong:?}");
    }
    let wrong = generate(&model(SHOP), &origin(), Database::Kurrentdb).unwrap_err();
    assert!(wrong.message.contains("KurrentDB") && wrong.help.contains("--on"), "{wrong:?}");
    let sets =
        "boxes: { from: [Paid], key: id, fields: { id: uuid }, sets: { Paid: { id: { field: order } } } }";
    let files = generate(&with(sets), &origin(), Database::Sqlite).unwrap();
    assert!(
        files[0].text.contains("key = \":payload.order\"\nkey_columns = { boxes = \"id\" }"),
        "{}",
        files[0].text
    );
}

#[test]
fn what_an_upcast_does_it_does_only_to_the_versions_it_reads() {
    let text = "annals: 1\nevents:\n  Noted:\n    version: 3\n    fields: { id: text, a: text?, b: text, c: text, n: int? }\n    \
                upcast: { 1: { rename: { a: b, b: c } }, 2: { add: { n: 5 }, remove: [a] } }\nprojections:\n  notes:\n    \
                from: [Noted]\n    key: id\n    fields: { id: text, a: text, b: text, c: text, total: int }\n    \
                sets: { Noted: { total: { add: n } } }\n";
    let text = generate(&model(text), &origin(), Database::Sqlite).unwrap()[0].text.clone();
    for line in [
        "    a = CASE WHEN :schema_version <= 2 THEN NULL ELSE :payload.a END,\n",
        "    b = CASE WHEN :schema_version <= 1 THEN :payload.a ELSE :payload.b END,\n",
        "    c = CASE WHEN :schema_version <= 1 THEN :payload.b ELSE :payload.c END,\n",
        "    total = known.total + COALESCE(CASE WHEN :schema_version <= 2 THEN 5 ELSE :payload.n END, 0)",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn two_that_would_be_one_are_refused() {
    let wrong = |projections: &str| {
        let text = format!(
            "annals: 1\nevents:\n  Noted: {{ version: 2, fields: {{ id: text, no: text }}, upcast: {{ 1: {{ rename: {{ nr: no }} }} }} }}\nprojections:\n  {projections}\n"
        );
        generate(&model(&text), &origin(), Database::Sqlite).unwrap_err().message
    };
    let columns = "notes: { from: [Noted], key: id, fields: { id: text, orderId: text, order_id: text } }";
    assert!(wrong(columns).contains("both the column order_id"));
    let files = "noteBook: { from: [Noted], key: id }\n  note_book: { from: [Noted], key: id }";
    assert!(wrong(files).contains("are both note_book.toml"));
    assert!(wrong("notes: { from: [Noted], key: no }").contains("older versions of Noted"));
}

#[test]
fn texts_of_toml_hold_what_they_held() {
    assert_eq!(toml::lines("a 'b'\nc"), "'''\na 'b'\nc'''");
    assert_eq!(toml::lines("''''"), "\"\"\"\n''''\"\"\"");
    assert_eq!(toml::lines("a = '\u{1}\\'"), "\"\"\"\na = '\\u0001\\\\'\"\"\"");
    assert_eq!((toml::key("a-b"), toml::key("größe")), ("a-b".to_owned(), "\"größe\"".to_owned()));
}

#[test]
fn reserved_words_are_in_order() {
    assert!(
        ["add", "order", "lines", "zerofill", "user", "group"].iter().all(|word| dialect::is_reserved(word))
    );
    assert!(["status", "order_id", "total", "name", "items"].iter().all(|word| !dialect::is_reserved(word)));
    assert!(dialect::RESERVED.is_sorted());
}
