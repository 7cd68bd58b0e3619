//! What the derive macro makes of a type: names, payloads, tags, streams, upcasts.

use annals::prelude::*;
use annals::{ContentType, Decoded, ErrorKind, EventKind, OnUnknown, Payload, RecordedEvent};

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(prefix = "io.example.", stream = "order-{order}")]
enum Order {
    Placed {
        #[event(tag)]
        order: u32,
        #[event(tag = "by")]
        #[serde(rename = "customerId")]
        customer: String,
    },
    #[event(schema_version = 3, upcast(1 = line_v1, 2 = line_v2))]
    LineAdded { order: u32, sku: String, count: u32 },
    #[event(rename = "called-off", alias = "io.example.cancelled", alias = "withdrawn")]
    Cancelled { order: u32 },
    #[event(stream = "audit")]
    HTTPCalled,
}

#[derive(Deserialize)]
struct LineV1 {
    order: u32,
    skus: Vec<String>,
}

/// One old event was several lines.
fn line_v1(old: LineV1) -> Vec<Order> {
    old.skus.into_iter().map(|sku| Order::LineAdded { order: old.order, sku, count: 1 }).collect()
}

#[derive(Deserialize)]
struct LineV2 {
    order: u32,
    sku: String,
}

fn line_v2(old: LineV2) -> Order {
    Order::LineAdded { order: old.order, sku: old.sku, count: 1 }
}

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(rename = "payment-taken", stream = "order-{order}")]
struct PaymentTaken {
    #[event(tag)]
    order: u32,
    cents: u64,
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Address {
    street: String,
}

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
enum Everything {
    #[event(flatten)]
    Order(Order),
    #[event(flatten)]
    Payment(PaymentTaken),
    AddressChanged(Address),
}

async fn stored<E: Event>(event: &E) -> RecordedEvent {
    let mut new = event.to_new_event().unwrap();
    new.schema_version = event.kind().schema_version;
    recorded(new).await
}

async fn recorded(event: NewEvent) -> RecordedEvent {
    let store = EventStore::connect("memory:").await.unwrap();
    let id = event.event_id;
    store.append("s", Expected::Any, [event]).await.unwrap();
    store.event(id).await.unwrap().unwrap()
}

async fn old(event_type: &str, schema_version: u32, json: &str) -> RecordedEvent {
    let payload = annals::JsonText::parse(json).unwrap();
    let mut event = NewEvent::new(event_type.try_into().unwrap(), payload);
    event.schema_version = schema_version;
    recorded(event).await
}

fn json(event: &RecordedEvent) -> &str {
    event.payload.json().unwrap().as_str()
}

#[tokio::test]
async fn an_event_is_stored_as_its_variant_under_a_kebab_case_name() {
    let placed = Order::Placed { order: 7, customer: "ada".into() };
    let event = stored(&placed).await;
    assert_eq!((event.event_type.as_str(), event.schema_version), ("io.example.placed", 1));
    assert_eq!(json(&event), r#"{"order":7,"customerId":"ada"}"#);
    assert_eq!(event.content_type, ContentType::json());
    assert_eq!(event.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(), ["by:ada", "order:7"]);
    assert_eq!(placed.stream_id().unwrap().unwrap(), "order-7");
    assert_eq!(Order::decode(&event).unwrap(), Decoded::One(placed));

    let called = stored(&Order::HTTPCalled).await;
    assert_eq!((called.event_type.as_str(), json(&called)), ("io.example.http-called", "{}"));
    assert_eq!(Order::HTTPCalled.stream_id().unwrap().unwrap(), "audit");
    assert_eq!(Order::decode(&called).unwrap(), Decoded::One(Order::HTTPCalled));
}

#[tokio::test]
async fn a_struct_is_an_event_of_its_own() {
    let paid = PaymentTaken { order: 7, cents: 1999 };
    let event = stored(&paid).await;
    assert_eq!((event.event_type.as_str(), json(&event)), ("payment-taken", r#"{"order":7,"cents":1999}"#));
    assert_eq!(PaymentTaken::decode(&event).unwrap(), Decoded::One(paid));
}

#[tokio::test]
async fn several_small_enums_are_read_as_one() {
    let order = Order::Cancelled { order: 1 };
    let event = stored(&Everything::Order(order.clone())).await;
    assert_eq!(event.event_type, "io.example.called-off");
    assert_eq!(Everything::decode(&event).unwrap(), Decoded::One(Everything::Order(order.clone())));
    assert_eq!(Order::decode(&event).unwrap(), Decoded::One(order));
    let moved = Everything::AddressChanged(Address { street: "Main".into() });
    let event = stored(&moved).await;
    assert_eq!((event.event_type.as_str(), json(&event)), ("address-changed", r#"{"street":"Main"}"#));
    assert_eq!(Everything::decode(&event).unwrap(), Decoded::One(moved));
    let names: Vec<_> = Everything::kinds().iter().map(|kind| kind.event_type).collect();
    assert_eq!(
        names,
        [
            "io.example.placed",
            "io.example.line-added",
            "io.example.called-off",
            "io.example.http-called",
            "payment-taken",
            "address-changed"
        ]
    );
}

#[tokio::test]
async fn older_versions_are_read_through_their_upcasts() {
    let two = old("io.example.line-added", 1, r#"{"order":1,"skus":["a","b"]}"#).await;
    let line = |sku: &str| Order::LineAdded { order: 1, sku: sku.into(), count: 1 };
    assert_eq!(Order::decode(&two).unwrap(), Decoded::Many(vec![line("a"), line("b")]));
    let one = old("io.example.line-added", 2, r#"{"order":1,"sku":"a"}"#).await;
    assert_eq!(Order::decode(&one).unwrap(), Decoded::One(line("a")));
    let renamed = old("withdrawn", 1, r#"{"order":1}"#).await;
    assert_eq!(Order::decode(&renamed).unwrap(), Decoded::One(Order::Cancelled { order: 1 }));
    let lines = Order::kinds()[1];
    assert_eq!(lines, EventKind { event_type: "io.example.line-added", schema_version: 3, aliases: &[] });
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let newer = old("io.example.placed", 2, "{}").await;
    let error = Order::decode(&newer).unwrap_err();
    assert!(error.to_string().contains("schema version 2"), "{error}");
    let broken = old("io.example.placed", 1, r#"{"order":"seven"}"#).await;
    let error = Order::decode(&broken).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("invalid type"), "{error:?}");
    let bytes = recorded(NewEvent::new("io.example.placed".try_into().unwrap(), vec![1, 2])).await;
    assert!(matches!(bytes.payload, Payload::Bytes(_)));
    assert_eq!(Order::decode(&bytes).unwrap_err().kind(), ErrorKind::Corrupt);
    let foreign = old("something-else", 1, "{}").await;
    assert_eq!(Order::decode(&foreign).unwrap(), Decoded::Unknown);
    assert_eq!(OnUnknown::Skip.decode::<Order>(&foreign).unwrap(), Decoded::Unknown);
    assert!(OnUnknown::Fail.decode::<Order>(&foreign).is_err());
}

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
enum Shortened {
    #[expect(dead_code, reason = "serde skips it")]
    #[serde(rename = "gone", skip)]
    Gone {},
    Kept {
        number: u32,
    },
    Last {
        number: u32,
    },
}

/// A variant was taken to be read by serde when `skip` stood behind another attribute with a value, and every
/// variant after it was read as the next one.
#[tokio::test]
async fn a_variant_that_serde_skips_does_not_shift_the_others() {
    for event in [Shortened::Kept { number: 1 }, Shortened::Last { number: 2 }] {
        assert_eq!(Shortened::decode(&stored(&event).await).unwrap(), Decoded::One(event));
    }
}
