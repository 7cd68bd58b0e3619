//! What is written is read as what it was.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::rules::{Example as Shown, RULES};
use crate::text::{At, Span, Texts};

use super::{
    After, Amount, Boundary, Command, Concurrency, Envelope, Erase, Event, Example, Field, FieldType, Fields,
    Length, Model, Named, PrivacyClass, Process, Projection, Retain, Saying, Set, SnapshotRule, Stream, Then,
    Upcast, read, write,
};

/// A model without its places.
fn bare(model: &Model) -> String {
    const PLACE: &str = "Span { file: FileId(";
    let said = format!("{model:#?}").replace("Span {\n", "Span {");
    let mut bare = String::new();
    let mut rest = said.split_whitespace().collect::<Vec<_>>().join(" ");
    rest = rest.replace("FileId( ", "FileId(");
    while let Some(at) = rest.find(PLACE) {
        bare.push_str(&rest[..at]);
        let end = rest[at..].find('}').unwrap() + at;
        rest = rest[end + 1..].to_owned();
    }
    bare + &rest
}

fn comes_back(model: &Model) -> String {
    let text = write(model);
    let mut texts = Texts::default();
    let file = texts.add("annals.yaml", text.clone());
    let (again, mistakes) = read(&texts, &[file]);
    let unread = mistakes.iter().find(|mistake| {
        let of_reference =
            ["no ", "found ", "nothing can be added"].iter().any(|start| mistake.message.starts_with(start));
        !of_reference || mistake.message.starts_with("no YAML")
    });
    assert_eq!(unread, None, "{text}");
    assert_eq!(bare(&again), bare(model), "{text}");
    text
}

fn of_text(text: &str) -> Model {
    let mut texts = Texts::default();
    let file = texts.add("annals.yaml", text);
    let (model, mistakes) = read(&texts, &[file]);
    assert_eq!(mistakes, [], "{text}");
    model
}

#[test]
fn examples_come_back_and_look_like_themselves() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    for file in std::fs::read_dir(folder).unwrap() {
        comes_back(&of_text(&std::fs::read_to_string(file.unwrap().path()).unwrap()));
    }
    for example in
        RULES.iter().filter(|rule| !rule.is_of_review()).flat_map(|rule| rule.bad.iter().chain(rule.good))
    {
        if let Shown::Model(text) | Shown::Change(text, _) = example {
            comes_back(&of_text(&format!("annals: 1\n{text}")));
        }
    }
    let shop = comes_back(&of_text(include_str!("../../tests/models/shop.yaml")));
    for line in [
        "  order:\n    key: order-{order_id}\n",
        "    retain: { for: 10y, then: archive, because: tax law }\n",
        "  OrderShipped: { stream: order, public: true, fields: { order_id: uuid, tracking: text } }\n",
        "      lines: [{ sku: text, quantity: int, unit_price: Money }]\n",
        "    upcast: { 1: { add: { channel: web } } }\n",
        "      PaymentDeclined: [ReleaseStock, CancelOrder]\n",
        "  - given: []\n    when: { PlaceOrder: { lines: [], order_id: o-1 } }\n    then: { rejects: CartEmpty }\n",
    ] {
        assert!(shop.contains(line), "{line}\n{shop}");
    }
    assert!(shop.lines().all(|line| line.chars().count() <= 110), "{shop}");
}

#[test]
fn any_model_comes_back() {
    for seed in 1..150 {
        comes_back(&Any(seed).model());
    }
}

/// Models from a seed, with names that some reader of YAML takes for something else.
struct Any(u64);

impl Any {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn maybe<T>(&mut self, of: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(2) == 0).then(|| of(self))
    }

    fn some<T>(&mut self, of: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| of(self)).collect()
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    fn word(&mut self) -> String {
        const ODD: [&str; 40] = [
            "NO",
            "on",
            "Yes",
            "null",
            "~",
            "",
            " ",
            "12",
            "-3",
            "1e3",
            "0x1f",
            "10:30",
            "2026-10-02",
            ".5",
            "a: b",
            "a #b",
            "#a",
            "- a",
            "? a",
            "{a}",
            "[a",
            "a, b",
            "'a'",
            "\"a\"",
            "a\\b",
            "two\nlines\n",
            "tab\t",
            "\u{85}x",
            "\u{2028}",
            "über",
            "🦀",
            "@a",
            "`a`",
            "%a",
            "&a",
            "*a",
            "!a",
            "|",
            ">-",
            "order-{order_id}",
        ];
        match self.below(3) {
            0 => self.pick(&ODD).to_owned(),
            1 => format!("{}{}", self.pick(&ODD), self.pick(&ODD)),
            2 if self.below(20) == 0 => self.pick(&ODD).repeat(700),
            _ => self.pick(&["OrderPlaced", "order", "order_id", "never promise more, ever"]).to_owned(),
        }
    }

    fn text(&mut self) -> At<String> {
        At::nowhere(self.word())
    }

    fn texts(&mut self) -> Vec<At<String>> {
        self.some(Self::text)
    }

    fn one_of(&mut self, words: &[&str]) -> Option<At<String>> {
        self.maybe(|any| At::nowhere(any.pick(words).to_owned()))
    }

    fn number(&mut self) -> Option<At<u64>> {
        self.maybe(|any| At::nowhere(any.below(1 << 20)))
    }

    fn named<T>(&mut self, of: impl Fn(&mut Self) -> T) -> Vec<Named<T>> {
        let mut names = std::collections::BTreeSet::new();
        let mut named = Vec::new();
        for _ in 0..self.below(4) {
            let name = self.word();
            if name != "<<" && names.insert(name.clone()) {
                named.push(Named { name: At::nowhere(name), it: of(self) });
            }
        }
        named
    }

    fn field_type(&mut self, depth: u64) -> FieldType {
        match self.below(3 + depth) {
            0 if depth > 0 => FieldType::List(Box::new(self.field_type(depth - 1))),
            1 if depth > 0 => {
                let members = self.named(|any| any.field_type(depth - 1));
                let mut members: Vec<_> =
                    members.into_iter().map(|member| (member.name.value, member.it)).collect();
                if self.below(4) == 0 {
                    members.push(("is".to_owned(), FieldType::Name("text".to_owned())));
                }
                FieldType::Fields(members)
            }
            _ => FieldType::Name(self.pick(&["text", "uuid", "int", "Money", "NO", "12"]).to_owned()),
        }
    }

    fn fields(&mut self) -> Fields {
        self.named(|any| Field {
            kind: At::nowhere(match any.below(4) {
                0 => FieldType::OneOf(any.some(Self::word)),
                _ => any.field_type(2),
            }),
            is_optional: any.below(3) == 0,
            privacy: any.maybe(Self::text),
            computed: any.maybe(Self::text),
            note: any.maybe(Self::text),
        })
    }

    fn json(&mut self, depth: u64) -> Json {
        match self.below(6 + depth) {
            0 => Json::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.below(1000)),
            3 => json!(-1.5),
            4 | 5 => Json::String(self.word()),
            6 => Json::Array(self.some(|any| any.json(depth - 1))),
            _ => Json::Object(self.some(|any| (any.word(), any.json(depth - 1))).into_iter().collect()),
        }
    }

    fn saying(&mut self) -> At<Saying> {
        let fields: BTreeMap<_, _> = self.some(|any| (any.word(), any.json(2))).into_iter().collect();
        At::nowhere(Saying { name: self.word(), fields })
    }

    fn set(&mut self) -> At<Set> {
        let amount = |any: &mut Self| match any.below(2) {
            0 => Amount::Number(any.below(9).into()),
            _ => Amount::Field(any.word()),
        };
        At::nowhere(match self.below(4) {
            0 => Set::Value(self.json(2)),
            1 => Set::Field(self.word()),
            2 => Set::Add(amount(self)),
            _ => Set::Subtract(amount(self)),
        })
    }

    fn model(&mut self) -> Model {
        const TIMES: [&str; 3] = ["30d", "10y", "5ms"];
        const REPEATS: [&str; 2] = ["skip-by-position", "idempotent"];
        let span = Span::NOWHERE;
        Model {
            context: self.maybe(Self::text),
            owner: self.maybe(Self::text),
            envelope: Envelope { id: self.one_of(&["uuid7", "uuid"]), require: self.texts() },
            privacy: self.named(|any| PrivacyClass {
                erase: any.maybe(|any| At::nowhere(any.pick(&[Erase::Shred, Erase::Outside, Erase::Keep]))),
                key: any.maybe(Self::text),
                within: any.one_of(&TIMES),
                because: any.maybe(Self::text),
            }),
            types: self.named(Self::fields),
            streams: self.named(|any| Stream {
                key: any.maybe(Self::text),
                why: any.maybe(Self::text),
                concurrency: any
                    .maybe(|any| At::nowhere(any.pick(&[Concurrency::ExpectedVersion, Concurrency::Any]))),
                because: any.maybe(Self::text),
                length: any.maybe(|any| Length {
                    usual: any.number(),
                    most: any.maybe(|any| At::nowhere(any.number().map(|at| at.value))),
                    span: Some(span),
                }),
                closes: any.texts(),
                retain: any.maybe(|any| match any.below(3) {
                    0 => Retain {
                        lasting: Some(At::nowhere("forever".to_owned())),
                        then: None,
                        because: None,
                        span,
                    },
                    _ => Retain {
                        lasting: any.one_of(&TIMES),
                        then: any.one_of(&["archive", "delete"]),
                        because: any.maybe(Self::text),
                        span,
                    },
                }),
                snapshot: any.maybe(|any| SnapshotRule {
                    every: any.number(),
                    state: any.maybe(Self::text),
                    because: any.maybe(Self::text),
                    span,
                }),
            }),
            events: self.named(|any| Event {
                stream: any.maybe(Self::text),
                version: any.maybe(|any| At::nowhere(u32::try_from(any.below(9)).unwrap())),
                tags: any.texts(),
                is_public: any.below(2) == 0,
                fields: any.fields(),
                upcasts: (1..u32::try_from(any.below(4)).unwrap().max(1))
                    .map(|from| Upcast {
                        from: At::nowhere(from),
                        add: any.named(|any| At::nowhere(any.json(2).to_string())),
                        rename: any.named(Self::text),
                        remove: any.texts(),
                        with: any.maybe(Self::text),
                    })
                    .collect(),
                schema: any.maybe(Self::text),
            }),
            commands: self.named(|any| Command {
                stream: any.maybe(Self::text),
                expects: any.one_of(&["new-stream", "existing-stream", "any"]),
                boundary: any.maybe(|any| Boundary { events: any.texts(), tags: any.texts(), span }),
                rules: any.named(Self::text),
                once_per: any.maybe(Self::text),
                emits: any.texts(),
                rejects: any.texts(),
                fields: any.fields(),
                reads: any.texts(),
                because: any.maybe(Self::text),
            }),
            projections: self.named(|any| Projection {
                from: any.texts(),
                key: any.maybe(Self::text),
                fields: any.fields(),
                sets: any.named(|any| any.named(Self::set)),
                removes: any.texts(),
                duplicates: any.one_of(&REPEATS),
                rebuild: any.one_of(&["side-by-side", "in-place"]),
                lag: any.one_of(&TIMES),
                erase: any.maybe(Self::text),
                effects: any.texts(),
            }),
            processes: self.named(|any| Process {
                by: any.maybe(Self::text),
                starts: any.texts(),
                reacts: any.named(Self::texts),
                after: any.maybe(|any| After { wait: any.one_of(&TIMES), does: any.texts(), span }),
                ends: any.texts(),
                duplicates: any.one_of(&REPEATS),
                failure: any.one_of(&["retry", "park"]),
            }),
            examples: self.some(|any| Example {
                given: any.some(Self::saying),
                when: any.maybe(Self::saying),
                then: any.maybe(|any| {
                    At::nowhere(match any.below(2) {
                        0 => Then::Rejects(any.word()),
                        _ => Then::Events(any.some(Self::saying).into_iter().map(|at| at.value).collect()),
                    })
                }),
                span,
            }),
        }
    }
}
