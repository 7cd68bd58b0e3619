//! What stored events cost to decode: those of today's schema version and those that go through upcasts, whose
//! payloads are as long, beside `serde_json` called by hand on the same texts.

use std::hint::black_box;

use annals::prelude::*;
use annals::{JsonText, RecordedEvent};
use serde::{Deserialize, Serialize};

use crate::load::{Outcome, facts};
use crate::workload::{Measured, Size, closed_loop};

/// The schema version that is written today.
pub(crate) const CURRENT: u32 = 3;

/// Few enough to be in the processor's cache, where events are that were read just now.
const EVENTS: usize = 1_000;

#[derive(Event, Serialize, Deserialize)]
enum Order {
    #[event(schema_version = 3, upcast(1 -> 2 = with_items, 2 = with_note))]
    OrderPlaced(Placed),
}

#[derive(Serialize, Deserialize)]
struct Placed {
    customer: String,
    items: u64,
    total: String,
    express: bool,
    note: String,
}

#[derive(Deserialize)]
struct PlacedV1 {
    customer: String,
    count: u64,
    total: String,
    express: bool,
    text: String,
}

#[derive(Deserialize)]
struct PlacedV2 {
    customer: String,
    items: u64,
    total: String,
    express: bool,
    text: String,
}

fn with_items(old: PlacedV1) -> PlacedV2 {
    let PlacedV1 { customer, count, total, express, text } = old;
    PlacedV2 { customer, items: count, total, express, text }
}

fn with_note(old: PlacedV2) -> Order {
    let PlacedV2 { customer, items, total, express, text } = old;
    Order::OrderPlaced(Placed { customer, items, total, express, note: text })
}

/// Decodes events of one schema version again and again; by hand or as the type does.
pub(crate) async fn run(schema_version: u32, by_hand: bool, size: Size) -> Outcome<Measured> {
    let events = stored(schema_version).await?;
    let decode = if by_hand { decode_by_hand } else { decode };
    closed_loop(size, async || {
        for event in &events {
            black_box(decode(event)?);
        }
        Ok(events.len() as u64)
    })
    .await
}

fn decode(event: &RecordedEvent) -> Outcome<Order> {
    match Order::decode(event)? {
        Decoded::One(order) => Ok(order),
        Decoded::Many(_) | Decoded::Unknown => Err("an order is not one event".into()),
    }
}

fn decode_by_hand(event: &RecordedEvent) -> Outcome<Order> {
    let text = event.payload.json().ok_or("no JSON")?.as_str();
    Ok(match event.schema_version {
        CURRENT => Order::OrderPlaced(serde_json::from_str(text)?),
        2 => with_note(serde_json::from_str(text)?),
        _ => with_note(with_items(serde_json::from_str(text)?)),
    })
}

/// Events as a store gives them back, with the names that fields had in that version.
async fn stored(schema_version: u32) -> Outcome<Vec<RecordedEvent>> {
    let renamed: &[(&str, &str)] = match schema_version {
        CURRENT => &[],
        2 => &[(r#""note":"#, r#""text":"#)],
        _ => &[(r#""note":"#, r#""text":"#), (r#""items":"#, r#""count":"#)],
    };
    let events = facts(0)(EVENTS).into_iter().map(|fact| {
        let payload = renamed.iter().fold(fact.payload, |text, (now, then)| text.replace(now, then));
        let event = NewEvent::new("order-placed".parse()?, JsonText::parse(payload)?);
        Ok(NewEvent { schema_version, ..event })
    });
    let store = EventStore::connect("memory:").await?;
    store.append("order-1", Expected::NoStream, events.collect::<Outcome<Vec<_>>>()?).await?;
    Ok(store.read_all().collect().await?)
}
