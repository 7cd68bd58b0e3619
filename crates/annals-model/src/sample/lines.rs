//! Events from a text, one JSON object a line: as `annals export` writes them, or the rows of a table.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::text::FileId;
use crate::text::Texts;

use super::{EventSeen, Sample};

/// What a member may be called, the likelier first.
const TYPE: [&str; 5] = ["event_type", "eventType", "type", "event_name", "eventName"];
const STREAM: [&str; 9] = [
    "subject",
    "stream_id",
    "streamId",
    "stream",
    "stream_name",
    "streamName",
    "aggregate_id",
    "aggregateId",
    "aggregate_uuid",
];
const STREAM_VERSION: [&str; 8] = [
    "streamversion",
    "stream_version",
    "streamVersion",
    "stream_position",
    "streamPosition",
    "aggregate_version",
    "aggregateVersion",
    "sequence_number",
];
const SCHEMA_VERSION: [&str; 7] = [
    "schemaversion",
    "schema_version",
    "schemaVersion",
    "dataschema",
    "event_version",
    "eventVersion",
    "type_version",
];
const POSITION: [&str; 5] = ["position", "global_position", "globalPosition", "sequence", "offset"];
const ID: [&str; 3] = ["event_id", "eventId", "id"];
const PAYLOAD: [&str; 4] = ["data", "payload", "event_data", "body"];
const METADATA: [&str; 4] = ["metadata", "meta", "meta_data", "headers"];
const TIME: [&str; 7] =
    ["recordedtime", "recorded_at", "recordedAt", "created_at", "time", "timestamp", "occurred_at"];

/// Looks at the events of a text.
///
/// # Errors
/// The line that holds no event, and why.
pub fn read(texts: &Texts, file: FileId) -> Result<Sample, String> {
    let mut sample = Sample { name: texts.name(file).to_owned(), ..Sample::default() };
    let mut positions = Positions::default();
    for (n, line) in texts.text(file).lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let event: Map<String, Value> = serde_json::from_str(line).map_err(|e| {
            // What serde says of a value may hold the value.
            let what = if e.is_data() { "found no object" } else { "this is no JSON" };
            format!("line {}: {what}, expected one JSON object a line for each event", n + 1)
        })?;
        add(&mut sample, &mut positions, &event).map_err(|what| format!("line {}: {what}", n + 1))?;
    }
    sample.events = Some(sample.read);
    let are_whole = positions.are_all() || few_have_gaps(&sample);
    sample.streams_are_whole(|_| are_whole);
    sample.settle();
    Ok(sample)
}

/// A file of which somebody chose the types has gaps in most streams. Where only few have one, nobody chose.
fn few_have_gaps(sample: &Sample) -> bool {
    const IN_FIVE: usize = 5;
    let of_more = sample.streams().filter(|stream| stream.events > 1).count();
    let with_gap = sample.streams().filter(|stream| stream.has_gap()).count();
    with_gap * IN_FIVE <= of_more
}

/// The positions of events in their store, to tell whether the file has all of a part of it.
#[derive(Default)]
struct Positions {
    seen: HashSet<u64>,
    first: Option<u64>,
    last: u64,
}

impl Positions {
    fn add(&mut self, position: u64) {
        self.seen.insert(position);
        self.first = Some(self.first.map_or(position, |first| first.min(position)));
        self.last = self.last.max(position);
    }

    fn are_all(&self) -> bool {
        let between = self.first.map(|first| (self.last - first).saturating_add(1));
        between.is_some() && between == u64::try_from(self.seen.len()).ok()
    }
}

fn add(sample: &mut Sample, positions: &mut Positions, event: &Map<String, Value>) -> Result<(), String> {
    let get = |names: &[&str]| names.iter().find_map(|name| event.get(*name).filter(|v| !v.is_null()));
    let is_cloud_event = event.contains_key("specversion");
    let event_type = if is_cloud_event { event.get("type") } else { get(&TYPE) };
    let Some(Value::String(event_type)) = event_type else {
        return Err("no member says of which type the event is, expected type or event_type".to_owned());
    };
    let position = get(&POSITION).and_then(number);
    if let Some(position) = position {
        positions.add(position);
    }
    // A version beside a stream's version is that of the fields.
    let version = event.get("version").filter(|version| !version.is_null());
    let named = get(&STREAM_VERSION);
    let (stream_version, other) = match named {
        Some(named) => (Some(named), version),
        None => (version, None),
    };
    let stream_id = get(&STREAM).and_then(text);
    // An id may be that of the stream, and a position that in the stream: all of it together is the event's own.
    let id = get(&ID).and_then(text);
    let is_known = id.is_some() || position.is_some();
    let id = is_known.then(|| format!("{id:?} {position:?} {stream_id:?} {stream_version:?}"));
    let schema_version = get(&SCHEMA_VERSION).or(other).and_then(text);
    let payload = get(&PAYLOAD).map(Value::to_string);
    let metadata = get(&METADATA).map(Value::to_string);
    let tags = event.get("tags").map(tags).unwrap_or_default();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    sample.add(&EventSeen {
        id: id.as_deref(),
        stream_id: stream_id.as_deref(),
        stream_version: stream_version.and_then(number),
        stream_is_whole: true,
        event_type,
        schema_version: schema_version.as_deref(),
        payload: payload.as_deref(),
        metadata: metadata.as_deref(),
        tags: &tags,
        time: get(&TIME).and_then(Value::as_str),
    });
    Ok(())
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Tags as a list, or as the text of one, as a CloudEvent has them.
fn tags(value: &Value) -> Vec<String> {
    let texts = |list: &[Value]| list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    match value {
        Value::Array(list) => texts(list),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(Value::Array(list)) => texts(&list),
            _ => vec![text.clone()],
        },
        Value::Object(pairs) => {
            pairs.iter().filter_map(|(name, value)| Some(format!("{name}:{}", value.as_str()?))).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(text: &str) -> Result<Sample, String> {
        let mut texts = Texts::default();
        let file = texts.add("events.jsonl", text);
        read(&texts, file)
    }

    #[test]
    fn an_export_is_read() {
        let line = r#"{"specversion":"1.0","id":"0199f3a2-7c1e-7d4f-8a6b-5c4d3e2f1a0b","source":"/shop","type":"order-placed","subject":"order-1","time":"2026-11-27T02:36:08Z","datacontenttype":"application/json","streamversion":1,"position":7,"schemaversion":2,"recordedtime":"2026-11-27T02:36:09Z","tags":"[\"customer:7\"]","metadata":"{\"actor\":\"job\"}","data":{"total":12}}"#;
        let sample = sample(line).unwrap();
        let placed = &sample.types["order-placed"];
        assert_eq!((sample.read, placed.read, placed.tags.read), (1, 1, 1));
        let shapes = &placed.versions[&Some("2".to_owned())];
        let shape = shapes.shapes.values().next().unwrap();
        assert_eq!(shape.period.as_ref().unwrap().first, "2026-11-27T02:36:09");
        assert!(placed.metadata.contains_key("actor"));
        let orders = &sample.categories["order"];
        assert_eq!((orders.streams, orders.events, orders.of_one, orders.versions_read), (1, 1, 1, 1));
    }

    #[test]
    fn rows_of_a_table_are_read() {
        for line in [
            r#"{"stream_id":"order-1","version":3,"type":"T","data":{"a":1},"metadata":{"m":1}}"#,
            r#"{"stream_id":"order-1","stream_version":"3","version":9,"event_type":"T","payload":"{\"a\":1}","metadata":"{\"m\":1}"}"#,
            r#"{"aggregate_id":"order-1","aggregate_version":3,"eventType":"T","type":"Order","payload":{"a":1},"meta":{"m":1}}"#,
        ] {
            let sample = sample(line).unwrap();
            let seen = &sample.types["T"];
            assert!(seen.versions.values().next().unwrap().fields.contains_key("a"), "{line}");
            assert!(seen.metadata.contains_key("m"), "{line}");
            assert_eq!(sample.categories["order"].versions_read, 1, "{line}");
        }
    }

    #[test]
    fn a_line_that_is_no_event_is_named_without_what_is_in_it() {
        for (text, said) in [
            ("{\"type\":\"t\"}\n[\"secret\"]", "line 2: found no object"),
            ("{\"type\":\"secret", "line 1: this is no JSON"),
            ("\n{\"data\":\"secret\"}", "line 2: no member says of which type"),
        ] {
            let error = sample(text).unwrap_err();
            assert!(error.starts_with(said) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_line_that_is_there_twice_is_one_event() {
        let line = |id: u32, version: u32| {
            format!(r#"{{"id":{id},"stream_id":"order-1","version":{version},"type":"T"}}"#) + "\n"
        };
        assert_eq!(sample(&(line(1, 1) + &line(1, 1))).unwrap().read, 1);
        // The id is that of the stream.
        assert_eq!(sample(&(line(1, 1) + &line(1, 2))).unwrap().read, 2);
    }

    #[test]
    fn gaps_in_a_file_of_chosen_types_are_no_holes() {
        let line = |stream: u32, version: u32, position: u32| {
            format!(
                r#"{{"stream_id":"order-{stream}","version":{version},"position":{position},"type":"T"}}"#
            ) + "\n"
        };
        let chosen: String = (0..10).map(|n| line(n, 1, n * 3) + &line(n, 3, n * 3 + 2)).collect();
        assert_eq!(sample(&chosen).unwrap().categories["order"].with_holes, 0);
        let all: String = (0..10).map(|n| line(n, 1, n * 2) + &line(n, 3, n * 2 + 1)).collect();
        assert_eq!(sample(&all).unwrap().categories["order"].with_holes, 10);
        let few: String =
            (0..10).map(|n| line(n, 1, n * 3) + &line(n, if n == 4 { 3 } else { 2 }, n * 3 + 1)).collect();
        assert_eq!(sample(&few).unwrap().categories["order"].with_holes, 1);
    }
}
