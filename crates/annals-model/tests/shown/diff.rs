//! Two versions of a model, as they are told.

use annals_model::diff::{diff, show};
use annals_model::model::{self, Model};
use annals_model::text::Texts;

use super::support::expect;

const SHOP: &str = include_str!("../models/shop.yaml");

fn read(text: &str) -> Model {
    let mut texts = Texts::default();
    let file = texts.add("annals.yaml", text);
    let (model, wrong) = model::read(&texts, &[file]);
    assert!(wrong.is_empty(), "{wrong:?}");
    model
}

/// A shop that changed much at once.
fn changed() -> String {
    let changes = [
        ("version: 2", "version: 3"),
        ("      channel: text\n", "      channel: text\n      currency: text\n"),
        (
            "public: true, fields: { order_id: uuid, tracking: text }",
            "public: true, fields: { order_id: uuid, parcel: text }",
        ),
        (
            "  PaymentDeclined: { stream: order, fields: { order_id: uuid, reason: text } }\n",
            "  PaymentRefused: { stream: order, fields: { order_id: uuid, reason: text } }\n",
        ),
        ("PaymentDeclined", "PaymentRefused"),
        ("key: stock-{sku}", "key: shelf-{sku}"),
        ("from: [OrderPlaced, PaymentCaptured,", "from: [OrderPlaced, StockReserved, PaymentCaptured,"),
        ("rejects: [CartEmpty, TooManyOpenOrders]", "rejects: [CartEmpty, TooManyOpenOrders, Blocked]"),
    ];
    changes.iter().fold(SHOP.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replace(old, new)
    })
}

#[test]
fn what_changed_is_told_with_what_mends_it() {
    let diff = diff(&read(SHOP), &read(&changed()));
    expect("diff.human.txt", &show::human(&diff, 100));
    expect("diff.narrow.txt", &show::human(&diff, 60));
    expect("diff.md", &show::markdown(&diff));
    expect("diff.json", &show::json(&diff));
}

#[test]
fn what_is_the_same_is_told_in_a_line() {
    let diff = diff(&read(SHOP), &read(SHOP));
    expect("diff.same.txt", &show::human(&diff, 100));
    expect("diff.same.md", &show::markdown(&diff));
}
