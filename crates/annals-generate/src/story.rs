//! One concrete stream of a model: what its examples tell, and made-up events where they tell too little.

use std::collections::BTreeMap;

use annals_model::model::{Event, Example, FieldType, Fields, Model, Named, Saying, Stream, Then};
use serde_json::{Map, Value, json};

use crate::Impossible;
use crate::names::kebab;

/// Events of one stream in the order in which they happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// The stream of the model.
    pub stream: String,
    /// The stream's id, with values in the place of its key's fields: `order-o-1`.
    pub stream_id: String,
    /// The events.
    pub events: Vec<Told>,
    /// How many of them, from the first, are those of an example.
    pub from_example: usize,
}

/// An event of a story.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The event of the model: `OrderPlaced`.
    pub name: String,
    /// As it is stored: `order-placed`.
    pub event_type: String,
    /// The version of its fields.
    pub version: u32,
    /// What it says.
    pub payload: Value,
    /// Its tags: `customer_id:c-1`.
    pub tags: Vec<String>,
}

impl Story {
    /// Tells of a stream: of the one that is named, or else of the one that the examples say most of. What the longest
    /// example has happen comes first; then come events of the stream that it has not, with values for their fields,
    /// until there are at least `least`, unless the example ends the stream.
    ///
    /// # Errors
    /// When the model has no such stream, or the stream has no events.
    pub fn of(model: &Model, stream: Option<&str>, least: usize) -> Result<Self, Impossible> {
        let stream = chosen(model, stream)?;
        let name = stream.name.value.as_str();
        let mut events: Vec<(&Named<Event>, Map<String, Value>)> =
            longest(model, name).map_or_else(Vec::new, |example| happenings(model, name, example));
        let from_example = events.len();
        let of_stream: Vec<_> = model.events_of(name).collect();
        if of_stream.is_empty() {
            return Err(Impossible {
                message: format!("stream {name} has no events"),
                help: format!("say `stream: {name}` of the events that belong to it"),
            });
        }
        let closes = |event: &Named<Event>| stream.it.closes.iter().any(|end| end.value == event.name.value);
        let is_told = |events: &[(&Named<Event>, _)], event: &Named<Event>| {
            events.iter().any(|(told, _)| told.name.value == event.name.value)
        };
        let further: Vec<_> = of_stream.iter().copied().filter(|event| !closes(event)).collect();
        let further = if further.is_empty() { of_stream } else { further };
        // What has ended is not gone on with.
        if !events.last().is_some_and(|(last, _)| closes(last)) {
            let untold = further.iter().filter(|event| !is_told(&events, event)).copied();
            let untold: Vec<_> = untold.take(further.len().max(least).saturating_sub(events.len())).collect();
            events.extend(untold.into_iter().map(|event| (event, Map::new())));
            let missing = least.saturating_sub(events.len());
            events.extend(further.iter().copied().cycle().take(missing).map(|event| (event, Map::new())));
        }
        let known = key_values(stream, &events);
        let events: Vec<Told> = events
            .into_iter()
            .enumerate()
            .map(|(n, (event, said))| told(model, event, said, &known, n))
            .collect();
        Ok(Self { stream: name.to_owned(), stream_id: stream_id(stream, &known), events, from_example })
    }
}

fn chosen<'m>(model: &'m Model, stream: Option<&str>) -> Result<&'m Named<Stream>, Impossible> {
    if let Some(name) = stream {
        return model.stream(name).ok_or_else(|| {
            let known: Vec<&str> = model.streams.iter().map(|stream| stream.name.value.as_str()).collect();
            Impossible {
                message: format!("the model has no stream {name:?}"),
                help: format!(
                    "it has {}",
                    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
                ),
            }
        });
    }
    let told = |stream: &&Named<Stream>| {
        let name = &stream.name.value;
        longest(model, name).map_or(0, |example| happenings(model, name, example).len())
    };
    let events = |stream: &&Named<Stream>| model.events_of(&stream.name.value).count();
    // Of equals the first.
    model.streams.iter().rev().max_by_key(|stream| (told(stream), events(stream))).ok_or_else(|| Impossible {
        message: "the model has no stream".to_owned(),
        help: "a stream says what is decided on together: `annals new` shows one".to_owned(),
    })
}

/// The example that has most happen in a stream.
fn longest<'m>(model: &'m Model, stream: &str) -> Option<&'m Example> {
    let told = model.examples.iter().filter(|example| !happenings(model, stream, example).is_empty());
    told.rev().max_by_key(|example| happenings(model, stream, example).len())
}

/// What an example has happen in a stream.
fn happenings<'m>(
    model: &'m Model,
    stream: &str,
    example: &'m Example,
) -> Vec<(&'m Named<Event>, Map<String, Value>)> {
    let then: &[Saying] = match example.then.as_ref().map(|then| &then.value) {
        Some(Then::Events(events)) => events,
        _ => &[],
    };
    let said = example.given.iter().map(|given| &given.value).chain(then);
    said.filter_map(|saying| {
        let event = model.event(&saying.name)?;
        let is_of = event.it.stream.as_ref().is_some_and(|of| of.value == stream);
        is_of.then(|| (event, saying.fields.clone().into_iter().collect()))
    })
    .collect()
}

/// What the events of a stream have alike: the fields that its key names.
fn key_values(
    stream: &Named<Stream>,
    events: &[(&Named<Event>, Map<String, Value>)],
) -> BTreeMap<String, Value> {
    let key = stream.it.key.as_ref().map_or("", |key| &key.value);
    let value = |field: &str| {
        let said = events.iter().find_map(|(_, said)| said.get(field).filter(|value| !value.is_null()));
        said.cloned().or_else(|| {
            let kind =
                events.iter().flat_map(|(event, _)| &event.it.fields).find(|known| known.name.value == field);
            kind.map(|known| value_of(&known.it.kind.value, &known.name.value, &[], 0))
        })
    };
    placeholders(key).filter_map(|field| Some((field.to_owned(), value(field)?))).collect()
}

fn placeholders(key: &str) -> impl Iterator<Item = &str> {
    key.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name.trim()))
}

fn stream_id(stream: &Named<Stream>, known: &BTreeMap<String, Value>) -> String {
    let name = &stream.name.value;
    let mut rest = stream.it.key.as_ref().map_or_else(|| format!("{name}-1"), |key| key.value.clone());
    let mut id = String::new();
    while let Some((before, after)) = rest.split_once('{') {
        id.push_str(before);
        let (field, after) = after.split_once('}').unwrap_or((after, ""));
        let value = known.get(field.trim());
        id.push_str(&value.map_or_else(|| "1".to_owned(), as_text));
        rest = after.to_owned();
    }
    id + &rest
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn told(
    model: &Model,
    event: &Named<Event>,
    said: Map<String, Value>,
    known: &BTreeMap<String, Value>,
    n: usize,
) -> Told {
    let mut payload = said;
    for field in &event.it.fields {
        let name = &field.name.value;
        if payload.contains_key(name) || (field.it.is_optional && !known.contains_key(name)) {
            continue;
        }
        let value = known.get(name).cloned();
        let value = value.unwrap_or_else(|| value_of(&field.it.kind.value, name, &model.types, n as u64));
        payload.insert(name.clone(), value);
    }
    let tag = |field: &str| {
        let value = payload.get(field).filter(|value| value.is_string() || value.is_number())?;
        Some(format!("{field}:{}", as_text(value)))
    };
    let tags = event.it.tags.iter().filter_map(|field| tag(&field.value)).collect();
    Told {
        name: event.name.value.clone(),
        event_type: kebab(&event.name.value),
        version: event.it.version.as_ref().map_or(1, |version| version.value),
        tags,
        payload: Value::Object(payload),
    }
}

/// A value that a field may have: the same for the same field and number.
fn value_of(kind: &FieldType, name: &str, types: &[Named<Fields>], n: u64) -> Value {
    // A type that is made of itself ends here.
    value_within(kind, name, types, n, 4)
}

fn value_within(kind: &FieldType, name: &str, types: &[Named<Fields>], n: u64, depth: u8) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    match kind {
        FieldType::Name(own) => match own.as_str() {
            "uuid" => json!(format!("00000000-0000-4000-8000-{:012x}", n + 1)),
            "text" => json!(format!("{name}-{}", n + 1)),
            "int" => json!(n + 1),
            "decimal" => json!(format!("{}.50", n + 1)),
            "float" => json!(n as f64 + 0.5),
            "bool" => json!(true),
            "time" => json!("2026-01-01T12:00:00Z"),
            "date" => json!("2026-01-01"),
            "bytes" => json!("AAEC"),
            "json" => json!({}),
            own => {
                let fields = types.iter().find(|known| known.name.value == own).map(|known| &known.it);
                let object =
                    fields.into_iter().flatten().filter(|field| !field.it.is_optional).map(|field| {
                        let value = value_within(&field.it.kind.value, &field.name.value, types, n, depth);
                        (field.name.value.clone(), value)
                    });
                Value::Object(object.collect())
            }
        },
        FieldType::List(of) => json!([value_within(of, name, types, n, depth)]),
        FieldType::Fields(fields) => {
            let object =
                fields.iter().map(|(name, kind)| (name.clone(), value_within(kind, name, types, n, depth)));
            Value::Object(object.collect())
        }
        FieldType::OneOf(texts) => texts.first().map_or(Value::Null, |text| json!(text)),
    }
}

#[cfg(test)]
mod tests {
    use annals_model::model::read;
    use annals_model::text::Texts;

    use super::*;

    fn model(text: &str) -> Model {
        let mut texts = Texts::default();
        let file = texts.add("annals.yaml", format!("annals: 1\n{text}"));
        let (model, mistakes) = read(&texts, &[file]);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        model
    }

    const ORDERS: &str = "
streams:
  stock: { key: 'stock-{sku}' }
  order: { key: 'order-{order_id}', closes: [OrderShipped] }
events:
  StockCounted: { stream: stock, fields: { sku: text, count: int } }
  OrderPlaced: { stream: order, tags: [customer], fields: { order_id: uuid, customer: text, note: { is: text, optional: true } } }
  LineAdded: { stream: order, version: 2, fields: { order_id: uuid, quantity: int }, upcast: { 1: { add: { quantity: 1 } } } }
  OrderShipped: { stream: order, fields: { order_id: uuid } }
commands:
  AddLine: { stream: order, emits: [LineAdded] }
examples:
  - given: [{ OrderPlaced: { order_id: o-7, customer: ada } }]
    when: { AddLine: {} }
    then: [{ LineAdded: { order_id: o-7, quantity: 3 } }]
";

    #[test]
    fn the_longest_example_is_told_and_gone_on_with() {
        let story = Story::of(&model(ORDERS), None, 4).unwrap();
        assert_eq!((story.stream.as_str(), story.stream_id.as_str()), ("order", "order-o-7"));
        assert_eq!(story.from_example, 2);
        let types: Vec<&str> = story.events.iter().map(|event| event.event_type.as_str()).collect();
        assert_eq!(types, ["order-placed", "line-added", "order-placed", "line-added"]);
        assert_eq!(story.events[0].payload, json!({ "order_id": "o-7", "customer": "ada" }));
        assert_eq!(story.events[0].tags, ["customer:ada"]);
        assert_eq!(story.events[1].version, 2);
        assert_eq!(story.events[3].payload, json!({ "order_id": "o-7", "quantity": 4 }));
    }

    #[test]
    fn what_an_example_ends_is_not_gone_on_with() {
        let text = format!(
            "{ORDERS}  - given: [{{ OrderPlaced: {{ order_id: o-7 }} }}, LineAdded]\n    when: {{ AddLine: {{}} }}\n    then: [OrderShipped]\n"
        );
        let story = Story::of(&model(&text), None, 9).unwrap();
        assert_eq!((story.from_example, story.events.len()), (3, 3));
        assert_eq!(story.events[2].payload, json!({ "order_id": "o-7" }));
    }

    #[test]
    fn without_examples_events_are_made_up() {
        let story = Story::of(&model(ORDERS), Some("stock"), 3).unwrap();
        assert_eq!((story.stream_id.as_str(), story.from_example), ("stock-sku-1", 0));
        assert_eq!(story.events[2].payload, json!({ "sku": "sku-1", "count": 3 }));
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        let none = Story::of(&model(ORDERS), Some("shelf"), 3).unwrap_err();
        assert_eq!(none.help, "it has stock, order");
        let empty = model("streams:\n  shelf: { key: 'shelf-{id}' }\n");
        assert!(Story::of(&empty, None, 3).unwrap_err().message.contains("has no events"));
        assert!(Story::of(&model("context: x\n"), None, 3).unwrap_err().message.contains("no stream"));
    }

    #[test]
    fn a_type_that_is_made_of_itself_ends() {
        let text = "types:\n  Part: { parts: [Part] }\nstreams:\n  it: { key: 'it-{id}' }\n\
                    events:\n  ItMade: { stream: it, fields: { id: int, part: Part } }\n";
        assert_eq!(Story::of(&model(text), None, 1).unwrap().events.len(), 1);
    }
}
