use crate::text::Texts;

use super::{Erase, FieldType, Mistake, Model, Then, read};

const SHOP: &str = include_str!("../../tests/models/shop.yaml");

fn model(text: &str) -> (Texts, Model, Vec<Mistake>) {
    let mut texts = Texts::default();
    let file = texts.add("annals.yaml", text);
    let (model, mistakes) = read(&texts, &[file]);
    (texts, model, mistakes)
}

#[test]
fn a_whole_model_is_read_with_the_place_of_each_word() {
    let (texts, shop, mistakes) = model(SHOP);
    assert_eq!(mistakes, []);
    assert_eq!((shop.streams.len(), shop.events.len(), shop.commands.len()), (2, 7, 6));
    let placed = shop.event("OrderPlaced").unwrap();
    assert_eq!(texts.at(placed.name.span), "OrderPlaced");
    let fields: Vec<&str> = placed.it.fields.iter().map(|field| field.name.value.as_str()).collect();
    assert_eq!(fields, ["order_id", "customer_id", "deliver_to", "lines", "channel"]);
    let deliver_to = &placed.it.fields[2].it;
    assert_eq!(texts.at(deliver_to.kind.span), "Address");
    assert_eq!(deliver_to.privacy.as_ref().unwrap().value, "personal");
    assert!(
        matches!(&placed.it.fields[3].it.kind.value, FieldType::List(of) if matches!(**of, FieldType::Fields(_)))
    );
    assert_eq!(placed.it.upcasts[0].add[0].it.value, "\"web\"");
    assert_eq!(shop.privacy[0].it.erase.as_ref().unwrap().value, Erase::Shred);
    let stock = &shop.stream("stock").unwrap().it;
    assert_eq!(stock.length.as_ref().unwrap().most.as_ref().unwrap().value, None);
    assert_eq!(stock.retain.as_ref().unwrap().lasting.as_ref().unwrap().value, "3y");
    assert_eq!(shop.processes[0].it.reacts[2].it.len(), 2);
    let then = &shop.examples[0].then.as_ref().unwrap().value;
    assert_eq!(*then, Then::Rejects("CartEmpty".to_owned()));
    assert_eq!(shop.events_of("order").count(), 5);
}

#[test]
fn every_mistake_is_told_at_once_with_its_place_and_what_was_meant() {
    let text = "annals: 1\nstreams:\n  order: { key: order-{id}, concurency: any }\n\
                events:\n  OrderPlaced: { stream: orders, version: two, tags: [oder_id], fields: { order_id: uid } }\n\
                commands:\n  PlaceOrder: { emits: OrderPlace, expects: newstream }\nvent: 1\n";
    let (texts, _, mistakes) = model(&text.replace("order-{id}", "'order-{id}'"));
    let told: Vec<(&str, &str, Option<&str>)> = mistakes
        .iter()
        .map(|mistake| (texts.at(mistake.span), mistake.message.as_str(), mistake.help.as_deref()))
        .collect();
    let meant =
        |told: &(&str, &str, Option<&str>)| (told.0.to_owned(), told.2.unwrap_or_default().to_owned());
    let told: Vec<_> = told.iter().map(meant).collect();
    let expected = [
        ("concurency", "did you mean `concurrency`?"),
        ("orders", "did you mean `order`?"),
        ("two", ""),
        ("oder_id", "did you mean `order_id`?"),
        ("uid", "did you mean `uuid`?"),
        ("OrderPlace", "did you mean `OrderPlaced`?"),
        ("newstream", "did you mean `new-stream`?"),
        ("vent", "did you mean `events`?"),
    ];
    assert_eq!(told, expected.map(|(at, help)| (at.to_owned(), help.to_owned())));
}

#[test]
fn what_is_no_yaml_of_ours_is_told_where_it_stands() {
    for (text, at, message) in [
        ("", "", "no line says"),
        ("annals: 2\n", "2", "format 2 is not known"),
        ("annals: 1\nstreams: [\n", "", "no YAML that this reads"),
        ("annals: 1\nowner: a\nowner: b\n", "o", "duplicate mapping key: owner"),
        ("annals: 1\nowner: &x a\n", "", "anchors"),
        ("annals: 1\nowner: !t a\n", "", "tag"),
        ("annals: 1\nstreams:\n  a: &x { key: b }\n  c: *x\n", "", "anchors"),
        ("annals: 1\nstreams: orders\n", "orders", "expected a mapping from names"),
        ("annals: 1\nstreams:\n  o: { retain: 10 }\n", "10", "expected a mapping"),
        ("annals: 1\nstreams:\n  o: { retain: { for: 10 } }\n", "10", "such as 30d"),
        ("- annals\n", "", "found a list"),
    ] {
        let (texts, _, mistakes) = model(text);
        let told = mistakes
            .iter()
            .any(|mistake| mistake.message.contains(message) && texts.at(mistake.span).starts_with(at));
        assert!(told, "{text:?}: {mistakes:?}");
    }
}

#[test]
fn what_a_projection_cannot_be_set_to_is_told_at_its_place() {
    let sets = |sets: &str, more: &str| {
        format!(
            "annals: 1\ntypes:\n  Money: {{ cents: int, currency: text }}\nevents:\n  Placed: {{ fields: {{ id: uuid, \
             total: Money, note: text }} }}\n  Other: {{}}\nprojections:\n  rows:\n    from: [Placed]\n    key: id\n    \
             fields: {{ id: uuid, cents: int, state: {{ one-of: [open, done] }}, note: text }}\n    sets: {sets}\n{more}"
        )
    };
    for good in [
        "{ Placed: { cents: { add: total.cents }, state: { value: open }, note: { field: total.currency } } }",
        "{ Placed: { cents: { subtract: -2 }, state: { value: null }, note: { field: id } } }",
        "",
    ] {
        assert_eq!(model(&sets(good, "    removes: Placed\n")).2, [], "{good}");
    }
    for (bad, at, message, help) in [
        ("{ Plced: {} }", "Plced", "no event of this projection", "did you mean `Placed`?"),
        ("{ Other: {} }", "Other", "no event of this projection", ""),
        ("{ Placed: { cent: { add: 1 } } }", "cent", "no field of this projection", "did you mean `cents`?"),
        ("{ Placed: { cents: { add: total.cent } } }", "cents", "Placed has no field total.cent", "`cents`?"),
        ("{ Placed: { cents: { add: note } } }", "cents", "note of Placed is text, expected int", ""),
        ("{ Placed: { cents: { add: 1.5 } } }", "cents", "found 1.5, expected int", ""),
        ("{ Placed: { note: { add: 1 } } }", "note", "nothing can be added to text", "int, decimal or float"),
        ("{ Placed: { state: { value: gone } } }", "state", "expected one of open, done", ""),
        ("{ Placed: { note: { field: total } } }", "note", "total of Placed is Money, expected text", ""),
        ("{ Placed: { note: {} } }", "note", "found nothing, expected one of `value`", ""),
        ("{ Placed: { note: { value: a, field: note } } }", "note", "found several", ""),
        ("{ Placed: { note: { valu: a } } }", "valu", "has no `valu`", "did you mean `value`?"),
        ("{ Placed: { note: a } }", "a", "expected a mapping", ""),
    ] {
        let (texts, _, mistakes) = model(&sets(bad, ""));
        let told = mistakes.iter().any(|mistake| {
            let helped = mistake.help.as_deref().unwrap_or_default();
            texts.at(mistake.span).starts_with(at)
                && mistake.message.contains(message)
                && helped.contains(help)
        });
        assert!(told && mistakes.len() == 1, "{bad}: {mistakes:?}");
    }
    let (_, _, mistakes) = model(&sets("", "    removes: [Other]\n"));
    assert!(mistakes.len() == 1 && mistakes[0].message.contains("of this projection"), "{mistakes:?}");
}

#[test]
fn an_error_of_grammar_is_told_at_its_line() {
    let (texts, _, mistakes) = model("annals: 1\nowner: é\nstreams:\n\tx: 1\n");
    let span = mistakes[0].span;
    assert_eq!(texts.line_and_column(span.file, span.start), (4, 2), "{mistakes:?}");
    assert!(!mistakes[0].message.contains("line"), "{mistakes:?}");
}

/// YAML 1.1 takes these for truths, and 1.2 does not.
#[test]
fn words_stay_words() {
    let text =
        "annals: 1\nevents:\n  NO: { fields: { on: text, yes: int, n: '1' } }\n  \"2\": {}\nowner: NO\n";
    let (_, model, mistakes) = model(text);
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert_eq!(model.owner.unwrap().value, "NO");
    let names: Vec<&str> = model.events.iter().map(|event| event.name.value.as_str()).collect();
    assert_eq!(names, ["NO", "2"]);
}

#[test]
fn several_files_are_one_context() {
    let mut texts = Texts::default();
    let one = texts.add("annals.yaml", "annals: 1\ncontext: shop\nevents:\n  Placed: { stream: order }\n");
    let two = texts
        .add("more.annals.yaml", "context: shop\nstreams:\n  order: { why: x }\nevents:\n  Placed: {}\n");
    let (model, mistakes) = read(&texts, &[one, two]);
    assert_eq!((model.events.len(), model.streams.len()), (1, 1));
    assert!(mistakes.len() == 1 && mistakes[0].message.contains("there already"), "{mistakes:?}");
}

#[test]
fn no_text_makes_it_panic_or_go_deep() {
    for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "a:\n ".repeat(1000), "- ".repeat(100_000)] {
        let (_, _, mistakes) = model(&text);
        assert!(!mistakes.is_empty());
    }
    let cuts = (0..SHOP.len()).step_by(7).filter(|at| SHOP.is_char_boundary(*at));
    for cut in cuts {
        let _ = model(&SHOP[..cut]);
        let _ = model(&SHOP[cut..]);
        let _ = model(&format!("{}é\u{0}{}", &SHOP[..cut], &SHOP[cut..]));
    }
}
