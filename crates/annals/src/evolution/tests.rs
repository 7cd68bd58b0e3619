//! The rules one by one, and serde as the judge of them.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::shape::{List, Object, Rest, Text};
use super::*;

fn told(old: Value, new: Value) -> Vec<String> {
    problems(&old, &new).iter().map(ToString::to_string).collect()
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

#[test]
fn each_change_of_an_object_has_its_answer() {
    let text = || json!({ "type": "string" });
    let old = || object(json!({ "name": text(), "note": text() }), &["name"]);
    let with = |properties: Value, required: &[&str]| told(old(), object(properties, required));
    let nothing: [&str; 0] = [];
    assert_eq!(with(json!({ "name": text(), "note": text(), "more": text() }), &["name"]), nothing);
    assert_eq!(with(json!({ "name": text() }), &["name"]), nothing);
    assert_eq!(with(json!({ "name": text(), "note": text() }), &[]), nothing);
    assert_eq!(
        with(json!({ "name": text(), "more": text() }), &["name", "more"]),
        ["field `more`: is required, and older payloads do not have it"]
    );
    assert_eq!(
        with(json!({ "name": text(), "note": text() }), &["name", "note"]),
        ["field `note`: is required, and was optional"]
    );
    assert_eq!(
        with(json!({ "name": { "type": "boolean" } }), &["name"]),
        ["field `name`: was text, is a boolean"]
    );
    let mut closed = object(json!({ "name": text() }), &["name"]);
    closed["additionalProperties"] = json!(false);
    assert_eq!(told(old(), closed), ["field `note`: is gone, and unknown fields are refused"]);
    let map = |of: &str| json!({ "type": "object", "additionalProperties": { "type": of } });
    assert_eq!(told(map("string"), map("boolean")), ["field `*`: was text, is a boolean"]);
    assert_eq!(told(old(), map("string")), nothing);
    assert_eq!(
        told(map("string"), object(json!({ "a": { "type": "null" } }), &[])),
        ["field `a`: was text, is null"]
    );
    let nested = |inner: Value| object(json!({ "address": object(json!({ "street": inner }), &[]) }), &[]);
    assert_eq!(
        told(nested(text()), nested(json!({ "type": "null" }))),
        ["field `address.street`: was text, is null"]
    );
}

#[test]
fn each_change_of_a_value_has_its_answer() {
    let whole = |format: &str| json!({ "type": "integer", "format": format });
    let number = |format: &str| json!({ "type": "number", "format": format });
    let optional = |format: &str| json!({ "type": ["integer", "null"], "format": format });
    let text = |format: &str| json!({ "type": "string", "format": format });
    let list = |of: Value| json!({ "type": "array", "items": of });
    let fixed =
        |n: u64| json!({ "type": "array", "items": { "type": "null" }, "minItems": n, "maxItems": n });
    let names = |names: &[&str]| json!({ "type": "string", "enum": names });
    let alternatives = |of: &[Value]| json!({ "oneOf": of });
    for (old, new) in [
        (whole("uint8"), whole("uint32")),
        (whole("uint32"), whole("int64")),
        (whole("int64"), number("double")),
        (number("float"), number("double")),
        (whole("uint8"), optional("uint8")),
        (whole("uint8"), json!(true)),
        (text("uuid"), json!({ "type": "string" })),
        (list(whole("uint8")), list(whole("uint16"))),
        (fixed(2), list(json!({ "type": "null" }))),
        (names(&["a"]), names(&["a", "b"])),
        (names(&["a"]), json!({ "type": "string" })),
        (alternatives(&[whole("uint8")]), alternatives(&[json!({ "type": "string" }), whole("uint8")])),
        (json!({ "not": {} }), json!({ "not": {} })),
        (json!({ "const": "a", "description": "x" }), names(&["a"])),
    ] {
        assert_eq!(told(old.clone(), new.clone()), [""; 0], "{old} to {new}");
    }
    for (old, new, why) in [
        (whole("uint32"), whole("uint8"), "was 0 to 4294967295, now takes only 0 to 255"),
        (whole("uint64"), whole("int64"), "now takes only"),
        (number("double"), number("float"), "loses digits"),
        (number("double"), whole("int64"), "was a number, is a whole number"),
        (whole("int64"), json!({ "type": "string" }), "was a whole number, is text"),
        (optional("uint8"), whole("uint8"), "was null, is a whole number"),
        (json!({ "type": "string" }), text("uuid"), "was any text, is of the format uuid"),
        (names(&["a"]), text("uuid"), "cannot tell"),
        (names(&["a", "b"]), names(&["a"]), "\"b\" was possible, and no longer is"),
        (fixed(2), fixed(3), "length is limited more"),
        (list(whole("int8")), list(whole("uint8")), "field `[]`: was -128 to 127"),
        (
            alternatives(&[whole("uint8"), names(&["a"])]),
            alternatives(&[whole("uint8")]),
            "\"a\" was possible",
        ),
        (whole("int128"), whole("int128x"), "cannot tell, because of whole numbers of the format"),
        (json!({ "not": {} }), json!({ "type": "string" }), "cannot tell, because of \"not\" in a schema"),
        (json!({ "$ref": "#" }), json!({ "$ref": "#", "type": "null" }), "contains itself"),
        (json!(true), json!({ "type": "string" }), "was anything, is text"),
    ] {
        let told = told(old.clone(), new.clone());
        assert!(told.iter().any(|told| told.contains(why)), "{old} to {new}: {told:?}");
    }
}

macro_rules! shapes {
    ($($name:ident { $($item:item)* })*) => {
        $(#[allow(dead_code, reason = "they are only read into")]
        mod $name {
            use super::*;
            $(#[derive(Deserialize, JsonSchema)] $item)*
        })*

        type Reads = fn(&Value) -> std::result::Result<(), String>;

        fn all() -> Vec<(&'static str, Value, Reads)> {
            vec![$((stringify!($name), plain(&derived::schema::<$name::T>()), |value| {
                $name::T::deserialize(value).map(drop).map_err(|e| e.to_string())
            })),*]
        }
    };
}

shapes! {
    plain_u8 { pub(super) struct T { n: u8 } }
    plain_u64 { pub(super) struct T { n: u64 } }
    plain_i64 { pub(super) struct T { n: i64 } }
    plain_f32 { pub(super) struct T { n: f32 } }
    plain_f64 { pub(super) struct T { n: f64 } }
    plain_text { pub(super) struct T { n: String } }
    plain_char { pub(super) struct T { n: char } }
    plain_bool { pub(super) struct T { n: bool } }
    optional { pub(super) struct T { n: Option<u64> } }
    defaulted { pub(super) struct T { #[serde(default)] n: u64 } }
    closed { #[serde(deny_unknown_fields)] pub(super) struct T { n: Option<u64>, m: Option<String> } }
    renamed { #[serde(rename_all = "UPPERCASE")] pub(super) struct T { n: u64 } }
    two { pub(super) struct T { n: u64, m: String } }
    anything { pub(super) struct T { n: Value } }
    unit { pub(super) struct T; }
    listed { pub(super) struct T { n: Vec<u32> } }
    pair { pub(super) struct T { n: (u8, String) } }
    triple { pub(super) struct T { n: [u8; 3] } }
    set { pub(super) struct T { n: std::collections::BTreeSet<u32> } }
    map { pub(super) struct T { n: BTreeMap<String, u32> } }
    map_of_all { pub(super) struct T { n: BTreeMap<String, Value> } }
    numbered { pub(super) struct T { n: BTreeMap<u32, u32> } }
    flattened { pub(super) struct T { n: u64, #[serde(flatten)] rest: BTreeMap<String, String> } }
    inner { pub(super) struct T { n: I } pub(super) struct I { a: u8, b: Option<String> } }
    inner_wider { pub(super) struct T { n: I } pub(super) struct I { a: u32, b: Option<String>, c: Option<bool> } }
    recursive { pub(super) struct T { n: Option<Box<T>> } }
    names { pub(super) struct T { n: E } pub(super) enum E { A, B } }
    names_more { pub(super) struct T { n: E } pub(super) enum E { A, B, C } }
    external { pub(super) struct T { n: E } pub(super) enum E { A, B(u8), C { x: u8 } } }
    external_more { pub(super) struct T { n: E } pub(super) enum E { A, B(u32), C { x: u8, y: Option<u8> }, D } }
    tagged { pub(super) struct T { n: E } #[serde(tag = "t")] pub(super) enum E { A, C { x: u8 } } }
    tagged_more { pub(super) struct T { n: E } #[serde(tag = "t")] pub(super) enum E { A, B, C { x: u64 } } }
    adjacent { pub(super) struct T { n: E } #[serde(tag = "t", content = "c")] pub(super) enum E { A, C { x: u8 } } }
    untagged { pub(super) struct T { n: E } #[serde(untagged)] pub(super) enum E { A(u8), C { x: u8 }, D(String) } }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// A value of the shape; `None` where it is not known what fits.
fn value(shape: &Shape, random: &mut Random) -> Option<Value> {
    Some(match shape {
        Shape::Any => json!([null, { "a": 1 }]),
        Shape::Null => Value::Null,
        Shape::Bool => json!(random.below(2) == 0),
        Shape::Integer { min, max } => {
            let number = match random.below(4) {
                0 => *min,
                1 => *max,
                _ => (*min + i128::from(random.below(1_000))).min(*max),
            };
            u64::try_from(number).map(Value::from).or_else(|_| i64::try_from(number).map(Value::from)).ok()?
        }
        Shape::Number { single } => {
            let numbers = if *single { [0.5, 1e30, -7.25] } else { [0.5, 1e300, -1e-300] };
            json!(numbers[usize::try_from(random.below(3)).ok()?])
        }
        Shape::Text(Text { format: None, pattern: None, min, max }) => {
            let length = random.below(max.unwrap_or(5).min(8) - min + 1) + min;
            json!("ä".repeat(usize::try_from(length).ok()?))
        }
        Shape::Text(_) | Shape::Unclear { .. } => return None,
        Shape::Constant(constant) => constant.clone(),
        Shape::List(List { first, rest, min, max, unique }) => {
            let most = if *unique { 1 } else { 4 };
            let length = (random.below(most) + min).min(max.unwrap_or(9));
            let elements = (0..usize::try_from(length).ok()?)
                .map(|index| value(first.get(index).unwrap_or(rest), random))
                .collect::<Option<Vec<_>>>()?;
            Value::Array(elements)
        }
        Shape::Object(Object { properties, rest }) => {
            let mut members = Map::new();
            for (name, (shape, is_required)) in properties {
                if *is_required || random.below(2) == 0 {
                    members.insert(name.clone(), value(shape, random)?);
                }
            }
            if let Rest::Of(shape) = rest {
                for name in ["m", "n", "zz"].iter().take(usize::try_from(random.below(4)).ok()?) {
                    if !properties.contains_key(*name) {
                        members.insert((*name).to_owned(), value(shape, random)?);
                    }
                }
            }
            Value::Object(members)
        }
        Shape::OneOf(alternatives) => {
            let count = u64::try_from(alternatives.len()).ok()?;
            value(&alternatives[usize::try_from(random.below(count)).ok()?], random)?
        }
    })
}

/// Between all of the shapes above, both ways: whatever the rules call readable, serde reads.
#[test]
fn what_is_called_compatible_is_read_by_serde() {
    let mut random = Random(20_260_101);
    let (mut compatible, mut refused) = (0, 0);
    for (old_name, old, _) in &all() {
        for (new_name, new, reads) in &all() {
            if !problems(old, new).is_empty() {
                refused += 1;
                continue;
            }
            compatible += usize::from(old_name != new_name);
            for _ in 0..200 {
                let Some(value) = value(&Shape::of(old), &mut random) else { continue };
                assert_eq!(fits(&Shape::of(old), &value), Fit::Fits, "{old_name}: {value}");
                // What is written is text, and what is read comes from text.
                let value: Value = serde_json::from_str(&value.to_string()).unwrap();
                if let Err(error) = reads(&value) {
                    panic!("{old_name} is not readable as {new_name}: {value}: {error}");
                }
            }
        }
    }
    assert!(compatible >= 40 && refused >= 500, "{compatible} compatible, {refused} refused");
}

#[test]
fn a_misfit_names_the_place_and_never_the_value() {
    let shape = object(json!({ "card": object(json!({ "number": { "type": "null" } }), &["number"]) }), &[]);
    let fit = |value: Value| match fits(&Shape::of(&shape), &value) {
        Fit::Misfit { field, expected } => format!("{field}: {expected}"),
        other => format!("{other:?}"),
    };
    assert_eq!(fit(json!({ "card": { "number": "4111" } })), "card.number: null");
    assert_eq!(fit(json!({ "card": {} })), "card.number: it, and it is missing");
    assert_eq!(fit(json!(7)), ": an object");
    assert_eq!(fit(json!({ "4111": 1 })), "Fits");
}

#[test]
fn a_lock_file_is_read_as_it_was_written_and_nothing_else_is() {
    let text = r#"{"annals_lock":1,"events":{"a":{"1":[{"type":"null"}],"2":[true]}}}"#;
    let lock = Lock::parse(text).unwrap();
    assert_eq!(Lock::parse(&lock.to_text()).unwrap(), lock);
    for (text, why) in [
        ("", "malformed JSON"),
        ("[]", "no lock file"),
        (r#"{"annals_lock":2,"events":{}}"#, "form 2"),
        (r#"{"annals_lock":1,"events":{"a":{"x":[true]}}}"#, "no lock file"),
        (r#"{"annals_lock":1,"events":{"a":{"1":[]}}}"#, "no shape of \"a\" version 1"),
        (r#"{"annals_lock":1,"events":{"a":{"1":[true]},"a":{}}}"#, "twice"),
    ] {
        let error = Lock::parse(text).unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid, "{text}");
        assert!(error.to_string().contains(why) || why == "twice", "{text}: {error}");
    }
}

#[test]
fn a_lock_keeps_what_an_older_one_had() {
    let lock =
        |events: Value| Lock::parse(&json!({ "annals_lock": 1, "events": events }).to_string()).unwrap();
    let text = json!({ "type": "string" });
    let old = lock(json!({ "a": { "1": [text] }, "b": { "1": [text] } }));
    assert_eq!(old.check(Some(&old)), []);
    let whats =
        |new: Value| -> Vec<String> { lock(new).check(Some(&old)).iter().map(ToString::to_string).collect() };
    let gone = whats(json!({ "a": { "1": [text] } }));
    assert!(gone[0].starts_with("\"b\" version 1: a shape was taken out"), "{gone:?}");
    let changed = whats(json!({ "a": { "1": [text, { "type": "null" }] }, "b": { "1": [text] } }));
    assert!(changed[0].starts_with("\"a\" version 1: was text, is null; give"), "{changed:?}");
    let left_out = whats(json!({ "a": { "1": [text], "3": [text] }, "b": { "1": [text] } }));
    assert!(left_out[0].starts_with("\"a\" version 2: is not there"), "{left_out:?}");
}
