//! Each kind of change, and what is true of all of them.

use super::*;
use crate::model;
use crate::text::Texts;

fn read(text: &str) -> Model {
    let mut texts = Texts::default();
    let file = texts.add("annals.yaml", format!("annals: 1\n{text}"));
    let (model, wrong) = model::read(&texts, &[file]);
    assert!(wrong.is_empty(), "{text}: {wrong:?}");
    model
}

fn of(before: &str, now: &str) -> Diff {
    diff(&read(before), &read(now))
}

/// The level and the kind of each change.
fn kinds(before: &str, now: &str) -> Vec<(Level, &'static str)> {
    of(before, now).changes.iter().map(|change| (change.level, change.kind)).collect()
}

/// One event with this after its name.
fn event(body: &str) -> String {
    format!("events:\n  OrderPlaced: {{ {body} }}\n")
}

const B: Level = Level::Breaking;
const R: Level = Level::Rebuild;
const C: Level = Level::Compatible;

/// A model before and now, and the changes that are to be told.
type Case = (String, String, Vec<(Level, &'static str)>);

#[test]
fn every_kind_of_change_has_its_level() {
    let stream = |body: &str| format!("streams:\n  order: {{ key: 'order-{{id}}', why: x, {body} }}\n");
    let key = |key: &str| format!("streams:\n  order: {{ key: '{key}', why: x }}\n");
    let command = |body: &str| format!("commands:\n  Place: {{ {body} }}\n");
    let projection = |body: &str| {
        format!(
            "events:\n  A: {{}}\n  B: {{}}\nprojections:\n  orders: {{ {body}, duplicates: idempotent }}\n"
        )
    };
    let class = |erase: &str| {
        format!(
            "privacy:\n  p: {{ erase: {erase}, key: id, because: x }}\n{}",
            event("fields: { id: uuid, a: { is: text, privacy: p } }")
        )
    };
    let cases: Vec<Case> = vec![
        ("events:\n  A: {}\n  B: {}\n".into(), "events:\n  A: {}\n".into(), vec![(B, "event-removed")]),
        ("events:\n  A: {}\n".into(), "events:\n  A: {}\n  B: {}\n".into(), vec![(C, "event-added")]),
        (
            "events:\n  OrderMade: { fields: { id: uuid } }\n".into(),
            event("fields: { id: uuid }"),
            vec![(B, "event-renamed"), (C, "event-added")],
        ),
        // Both are stored as `order-placed`.
        ("events:\n  order_placed: {}\n".into(), event(""), vec![(C, "event-respelled")]),
        (event("fields: { a: int }"), event("fields: { a: int, b: text? }"), vec![(C, "fields-changed")]),
        (event("fields: { a: int }"), event("fields: { a: decimal }"), vec![(C, "fields-changed")]),
        (event("fields: { a: int }"), event("fields: { a: int, b: text }"), vec![(B, "event-unreadable")]),
        (event("fields: { a: int }"), event("fields: { a: text }"), vec![(B, "event-unreadable")]),
        (
            event("fields: { a: int }"),
            event("version: 2, fields: { a: int }"),
            vec![(B, "upcast-missing"), (C, "fields-changed")],
        ),
        (
            event("version: 2, upcast: { 1: {} }"),
            event(""),
            vec![(B, "version-lowered"), (C, "fields-changed")],
        ),
        (
            event("fields: { a: int }"),
            event("version: 2, fields: { b: int }, upcast: { 1: { rename: { a: b } } }"),
            vec![(C, "fields-changed")],
        ),
        (
            event("fields: { a: int }"),
            event("version: 2, fields: { b: int }, upcast: { 1: { with: f } }"),
            vec![(C, "not-judged"), (C, "fields-changed")],
        ),
        (key("order-{id}"), key("purchase-{id}"), vec![(B, "stream-key-changed")]),
        (key("order-{id}"), key("order-{order_id}"), vec![(C, "stream-key-respelled")]),
        (stream(""), stream("concurrency: any, because: x"), vec![(B, "concurrency-weakened")]),
        (stream("concurrency: any, because: x"), stream(""), vec![(C, "concurrency-strengthened")]),
        (
            stream("retain: { for: 10y, then: delete }"),
            stream("retain: { for: 3y, then: delete }"),
            vec![(B, "retention-shortened")],
        ),
        (
            stream("retain: { for: 10y, then: archive }"),
            stream("retain: { for: 3y, then: archive }"),
            vec![(C, "retention-shortened")],
        ),
        (stream("retain: { for: 1y, then: delete }"), stream("retain: { for: 365d, then: delete }"), vec![]),
        (
            stream("retain: forever"),
            stream("retain: { for: 3y, then: delete }"),
            vec![(B, "retention-shortened")],
        ),
        (class("shred"), class("keep"), vec![(B, "erasure-weakened")]),
        (class("keep"), class("shred"), vec![(C, "erasure-changed")]),
        (command(""), "commands: {}\n".into(), vec![(B, "command-removed")]),
        (command("fields: { a: int }"), command("fields: { a: int, b: int }"), vec![(B, "command-fields")]),
        (command("fields: { a: int }"), command("fields: { a: int, b: int? }"), vec![]),
        (command("fields: { a: int, b: int }"), command("fields: { a: int }"), vec![(C, "command-fields")]),
        (command("rejects: [A]"), command("rejects: [A, B]"), vec![(C, "command-rejects")]),
        (
            projection("from: [A], key: id"),
            projection("from: [A, B], key: id"),
            vec![(R, "projection-changed")],
        ),
        (
            projection("from: [A], key: id"),
            projection("from: [A], key: sku"),
            vec![(R, "projection-changed")],
        ),
        (projection("from: [A, B], key: id"), projection("from: [B, A], key: id, lag: 9s"), vec![]),
        ("context: shop\n".into(), "context: store\n".into(), vec![(C, "context-changed")]),
    ];
    for (before, now, expected) in cases {
        assert_eq!(kinds(&before, &now), expected, "{before}---\n{now}");
    }
}

#[test]
fn an_event_that_moves_is_lost_and_a_stream_that_is_called_otherwise_is_not() {
    let model = |stream: &str, key: &str| {
        format!(
            "streams:\n  {stream}: {{ key: '{key}-{{id}}', why: x }}\nevents:\n  A: {{ stream: {stream}, fields: {{ id: uuid }} }}\n"
        )
    };
    let renamed = of(&model("order", "order"), &model("orders", "order"));
    assert_eq!(renamed.level(), C, "{:?}", renamed.changes);
    let moved = kinds(&model("order", "order"), &model("cart", "cart"));
    assert!(moved.contains(&(B, "event-moved")), "{moved:?}");
}

#[test]
fn a_tag_breaks_only_what_decides_by_it() {
    let boundary = "commands:\n  Place: { boundary: { events: [OrderPlaced], tags: [id] } }\n";
    let tagged = event("tags: [id], fields: { id: uuid }");
    let bare = event("fields: { id: uuid }");
    assert_eq!(kinds(&bare, &tagged), [(C, "tag-added")]);
    assert_eq!(kinds(&tagged, &bare), [(C, "tag-removed")]);
    let with = |text: &str| format!("{text}{boundary}");
    assert_eq!(kinds(&with(&bare), &with(&tagged)), [(B, "tag-added")]);
    assert_eq!(kinds(&with(&tagged), &with(&bare)), [(B, "tag-removed")]);
}

#[test]
fn readers_outside_meet_new_events_with_old_code() {
    let public = |fields: &str| event(&format!("public: true, fields: {{ {fields} }}"));
    assert_eq!(
        kinds(&public("a: { one-of: [x] }"), &public("a: { one-of: [x, y] }"))[0],
        (B, "public-event-changed")
    );
    let renamed = event("public: true, version: 2, fields: { b: int }, upcast: { 1: { rename: { a: b } } }");
    assert_eq!(kinds(&public("a: int"), &renamed)[0], (B, "public-event-changed"));
    assert_eq!(kinds(&public("a: int"), &public("a: int, b: int?")), [(C, "fields-changed")]);
    assert_eq!(kinds(&public("a: int"), &event("fields: { a: int }")), [(B, "event-withdrawn")]);
    assert_eq!(kinds(&event("fields: { a: int }"), &public("a: int")), [(C, "event-published")]);
}

/// The first version is read through the second's upcast, which no longer gives it what it lacks.
#[test]
fn versions_before_the_last_are_read_through_every_step() {
    let before =
        event("version: 2, fields: { a: int, channel: text }, upcast: { 1: { add: { channel: web } } }");
    let now = event(
        "version: 3, fields: { a: int, channel: text, currency: text }, upcast: { 1: {}, 2: { add: { currency: EUR } } }",
    );
    let diff = of(&before, &now);
    let fates: Vec<Fate> = diff.events[0].stored.iter().map(|stored| stored.fate).collect();
    assert_eq!(fates, [Fate::Lost, Fate::Read]);
    let change = &diff.changes[0];
    assert_eq!(
        change.message,
        "`OrderPlaced` of version 1 cannot be read as version 3: `channel` is new and required"
    );
    assert_eq!(change.mend.as_deref(), Some("upcast: { 1: { add: { channel: … } } }"));

    // Two steps are missing: the first has nothing to do, the last all of it.
    let now =
        event("version: 4, fields: { b: int, channel: text }, upcast: { 1: { add: { channel: web } } }");
    let change = &of(&before, &now).changes[0];
    assert_eq!(
        change.message,
        "`OrderPlaced` of versions 1, 2 cannot be read as version 4: no upcast from 2 to 4"
    );
    assert_eq!(change.mend.as_deref(), Some("upcast: { 2: {}, 3: { rename: { a: b } } }"));
}

/// What could not be read before is no fault of this change.
#[test]
fn a_version_that_was_lost_before_breaks_nothing_now() {
    let gap = event("version: 2, fields: { a: int }");
    assert_eq!(kinds(&gap, &gap), []);
    let more = event("version: 2, fields: { a: int, b: int? }");
    let diff = of(&gap, &more);
    assert_eq!(diff.level(), C, "{:?}", diff.changes);
    assert_eq!(diff.events[0].stored[0].fate, Fate::LostBefore);
}

#[test]
fn a_version_of_any_number_takes_no_time() {
    let far = event("version: 4000000000, fields: { a: int }");
    assert!(of(&event("fields: { a: int }"), &far).level() == B);
    assert_eq!(of(&far, &far).changes, []);
    assert!(of(&far, &event("fields: { a: int }")).level() == B);
}

/// Models of a few events, by a number.
fn made(mut seed: u64) -> String {
    let mut next = |of: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % of
    };
    let types = ["int", "decimal", "text", "uuid", "text?", "int?", "{ one-of: [x, y] }", "[int]", "json"];
    let mut text = String::from("events:\n");
    for name in ["A", "B"] {
        let version = next(4) + 1;
        let mut fields = Vec::new();
        for field in ["a", "b", "c"] {
            if next(3) > 0 {
                fields.push(format!("{field}: {}", types[usize::try_from(next(9)).unwrap()]));
            }
        }
        let mut upcasts = Vec::new();
        for from in 1..version {
            let does = ["{}", "{ add: { a: 1 } }", "{ rename: { a: b } }", "{ remove: [c] }", "{ with: f }"];
            if next(6) > 0 {
                upcasts.push(format!("{from}: {}", does[usize::try_from(next(5)).unwrap()]));
            }
        }
        text.push_str(&format!(
            "  {name}: {{ version: {version}, public: {}, fields: {{ {} }}, upcast: {{ {} }} }}\n",
            next(2) == 0,
            fields.join(", "),
            upcasts.join(", ")
        ));
    }
    text
}

#[test]
fn a_model_is_no_different_from_itself() {
    for seed in 0..300 {
        let text = made(seed);
        assert_eq!(of(&text, &text).changes, [], "seed {seed}:\n{text}");
    }
}

#[test]
fn an_optional_field_more_breaks_nothing() {
    for seed in 0..300 {
        let text = made(seed);
        let more = text.replace("fields: { ", "fields: { more: text?, ").replace(", }", " }");
        let diff = of(&text, &more);
        assert_eq!(diff.level(), C, "seed {seed}:\n{text}{:?}", diff.changes);
    }
}

/// Every event of two fields in eight forms each: where a way of two steps breaks something, one of its steps does.
#[test]
fn a_break_over_two_steps_is_one_of_a_step() {
    let forms = ["", "int", "int?", "decimal", "decimal?", "text", "text?", "uuid"];
    let field =
        |name: &str, form: &str| if form.is_empty() { String::new() } else { format!("{name}: {form}, ") };
    let bodies = forms.iter().flat_map(|a| forms.iter().map(move |b| field("a", a) + &field("b", b)));
    let models: Vec<Model> = bodies.map(|body| read(&event(&format!("fields: {{ {body} }}")))).collect();
    let is_compatible: Vec<Vec<bool>> = models
        .iter()
        .map(|before| models.iter().map(|now| diff(before, now).level() == C).collect())
        .collect();
    let mut ways = 0;
    for a in 0..models.len() {
        for b in (0..models.len()).filter(|b| is_compatible[a][*b]) {
            for c in (0..models.len()).filter(|c| is_compatible[b][*c]) {
                ways += 1;
                assert!(is_compatible[a][c], "{:?}", diff(&models[a], &models[c]).changes);
            }
        }
    }
    assert!(ways > 1_000, "{ways}");
}

/// What is to be pasted is a model file's own words, and mends what it is told for.
#[test]
fn what_mends_a_missing_step_mends_it() {
    let before = event("fields: { a: int, b: text, c: int }");
    for fields in [
        "a: int, c: int",
        "z: int, b: text, c: int",
        "a: int, b: text, c: int, d: int",
        "a: int, b: int, c: int",
    ] {
        let body = format!("version: 2, fields: {{ {fields} }}");
        let change = of(&before, &event(&body)).changes.remove(0);
        let mended = event(&format!("{body}, {}", change.mend.unwrap().replace('…', "5")));
        let diff = of(&before, &mended);
        assert_eq!(diff.level(), C, "{mended}: {:?}", diff.changes);
    }
}

#[test]
fn a_key_of_another_field_finds_other_streams() {
    let model = |key: &str, event: &str| {
        format!("streams:\n  order: {{ {key} }}\nevents:\n  A: {{ stream: order, {event} }}\n")
    };
    let by = |field: &str| format!("key: 'order-{{{field}}}', why: x");
    let both = "fields: { order_id: uuid, customer_id: uuid }";
    let other = of(&model(&by("order_id"), both), &model(&by("customer_id"), both));
    assert_eq!((other.changes[0].level, other.changes[0].kind), (B, "stream-key-changed"));
    let old = model(&by("order_id"), "fields: { order_id: uuid }");
    let renamed =
        model(&by("id"), "version: 2, fields: { id: uuid }, upcast: { 1: { rename: { order_id: id } } }");
    assert!(kinds(&old, &renamed).contains(&(C, "stream-key-respelled")));
    let removed = model("why: x", "fields: { order_id: uuid }");
    assert_eq!(kinds(&old, &removed), [(B, "stream-key-removed")]);
}

#[test]
fn a_guard_that_is_taken_back_breaks_a_promise() {
    let place = |body: &str| format!("events:\n  A: {{}}\n  B: {{}}\ncommands:\n  Place: {{ {body} }}\n");
    let boundary = "boundary: { events: [A, B], tags: [id] }";
    let fewer = "boundary: { events: [A], tags: [id] }";
    for (before, now, level) in [
        (boundary, "", B),
        (boundary, fewer, B),
        (fewer, boundary, C),
        ("once-per: command_id", "", B),
        ("once-per: command_id", "once-per: id", B),
        ("", "once-per: id", C),
        ("expects: new-stream", "", B),
        ("expects: existing-stream", "expects: any", B),
        ("", "expects: new-stream", C),
    ] {
        let kind = if level == B { "guard-weakened" } else { "command-changed" };
        assert_eq!(kinds(&place(before), &place(now)), [(level, kind)], "{before} -> {now}");
    }
}

#[test]
fn json_is_a_type_and_not_an_unknown_one() {
    let field = |kind: &str| event(&format!("fields: {{ a: {kind} }}"));
    assert_eq!(kinds(&field("json"), &field("int")), [(B, "event-unreadable")]);
    assert_eq!(kinds(&field("int"), &field("json")), [(C, "fields-changed")]);
    let public = |kind: &str| event(&format!("public: true, fields: {{ a: {kind} }}"));
    assert!(kinds(&public("int"), &public("json")).contains(&(B, "public-event-changed")));
}

#[test]
fn what_an_upcast_adds_is_of_the_type_of_its_field() {
    let old = event("fields: { a: int }");
    let adds = |kind: &str, value: &str| {
        event(&format!(
            "version: 2, fields: {{ a: int, b: {kind} }}, upcast: {{ 1: {{ add: {{ b: {value} }} }} }}"
        ))
    };
    for (kind, value, level) in [
        ("int", "web", B),
        ("int", "5", C),
        ("text", "web", C),
        ("text", "'5'", C),
        ("text", "5", B),
        ("bool", "true", C),
        ("int", "true", B),
    ] {
        let diff = of(&old, &adds(kind, value));
        assert_eq!(diff.level(), level, "{kind} {value}: {:?}", diff.changes);
    }
    assert_eq!(kinds(&adds("text", "web"), &adds("text", "shop")), [(R, "upcast-value-changed")]);
}

#[test]
fn a_renamed_field_keeps_its_class() {
    let classes = "privacy:\n  personal: { erase: shred, key: id }\n";
    let old = event("fields: { id: uuid, email: { is: text, privacy: personal } }");
    let new =
        event("version: 2, fields: { id: uuid, mail: text }, upcast: { 1: { rename: { email: mail } } }");
    let found = kinds(&format!("{classes}{old}"), &format!("{classes}{new}"));
    assert!(found.contains(&(B, "erasure-weakened")), "{found:?}");
}

#[test]
fn a_field_that_is_dropped_is_not_seen_in_a_replay() {
    let diff = of(&event("fields: { a: int, b: int }"), &event("fields: { a: int }"));
    assert_eq!(diff.level(), B);
    let message = "`OrderPlaced` changed within version 1: a replay does not see `b` any more";
    assert_eq!(diff.changes[0].message, message);
}
