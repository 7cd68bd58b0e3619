//! From a row of a log to an event that is looked at. Values go through here and stay nowhere.

use annals::Timestamp;
use annals_model::sample::{EventSeen, Sample};
use serde_json::{Map, Value};

use super::super::asking::{Cell, Row};
use super::columns::Columns;

/// Looks at the event of a row.
pub(super) fn take(sample: &mut Sample, columns: &Columns, row: &Row) {
    let Some(event_type) = row.maybe("t") else { return };
    let id = ["o", "i"].iter().find_map(|name| text(row.cell(name)));
    let stream = text(row.cell("s")).map(|stream| with_category(row.maybe("k"), &stream));
    let payload = (1..=columns.payloads).find_map(|at| document(row.cell(&format!("d{at}"))));
    let metadata = metadata(columns, row);
    let tags = row.maybe("g").map(tags).unwrap_or_default();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let time = row.maybe("c").map(moment);
    sample.add(&EventSeen {
        id: id.as_deref(),
        stream_id: stream.as_deref(),
        stream_version: row.number("v"),
        stream_is_whole: false,
        event_type,
        schema_version: row.maybe("w"),
        payload: payload.as_deref(),
        metadata: metadata.as_deref(),
        tags: &tags,
        time: time.as_deref(),
    });
}

/// A stream's id behind its category, unless it has that already.
pub(super) fn with_category(category: Option<&str>, stream: &str) -> String {
    match category {
        Some(category) if !stream.starts_with(category) => format!("{category}-{stream}"),
        _ => stream.to_owned(),
    }
}

/// A value as text that tells it from others.
pub(super) fn text(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::Text(text) => Some(text.clone()),
        Cell::Bytes(bytes) => match uuid::Uuid::from_slice(bytes) {
            Ok(uuid) => Some(uuid.to_string()),
            Err(_) => Some(super::super::asking::hex(bytes)),
        },
    }
}

/// A document, from text or from bytes that are text; PostgreSQL gives bytes as digits.
fn document(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::Text(text) => match text.strip_prefix("\\x") {
            Some(digits) => String::from_utf8(from_hex(digits)?).ok(),
            None => Some(text.clone()),
        },
        Cell::Bytes(bytes) => String::from_utf8(bytes.clone()).ok(),
    }
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let pair = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// The documents of metadata and the columns beside them as one document.
fn metadata(columns: &Columns, row: &Row) -> Option<String> {
    let mut all = Map::new();
    for (at, (name, is_document)) in columns.metadata.iter().enumerate() {
        let cell = row.cell(&format!("m{}", at + 1));
        let value = document(cell).filter(|_| *is_document).and_then(|text| serde_json::from_str(&text).ok());
        match (value, cell) {
            (Some(Value::Object(members)), _) => all.extend(members),
            (_, Cell::Null) => {}
            (_, cell) => all.extend(text(cell).map(|text| (name.clone(), Value::String(text)))),
        }
    }
    (!all.is_empty()).then(|| Value::Object(all).to_string())
}

/// Tags as a JSON list, as pairs, as an array of PostgreSQL, or parted by commas.
fn tags(text: &str) -> Vec<String> {
    match serde_json::from_str(text) {
        Ok(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Ok(Value::Object(pairs)) => {
            pairs.iter().filter_map(|(name, value)| Some(format!("{name}:{}", value.as_str()?))).collect()
        }
        _ => {
            let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
            let tags = inner.split(',').map(|tag| tag.trim().trim_matches('"').to_owned());
            tags.filter(|tag| !tag.is_empty()).collect()
        }
    }
}

/// A time as text that sorts by time; a number counts seconds or parts of them since 1970.
fn moment(text: &str) -> String {
    let Ok(number) = text.parse::<i64>() else { return text.to_owned() };
    let micros = match number.unsigned_abs() {
        ..100_000_000_000 => number.saturating_mul(1_000_000),
        100_000_000_000..100_000_000_000_000 => number.saturating_mul(1_000),
        100_000_000_000_000.. => number,
    };
    Timestamp::from_unix_micros(micros).map_or_else(|_| text.to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_times_and_bytes_are_read_in_every_form() {
        for form in [r#"["a:1","b:2"]"#, r#"{"a":"1","b":"2"}"#, r#"{a:1,"b:2"}"#, "a:1, b:2"] {
            assert_eq!(tags(form), ["a:1", "b:2"], "{form}");
        }
        for number in ["1790000000", "1790000000000", "1790000000000000"] {
            assert!(moment(number).starts_with("2026-09-21T"), "{}", moment(number));
        }
        assert_eq!(document(&Cell::Text("\\x7b7d".to_owned())).as_deref(), Some("{}"));
        assert_eq!(document(&Cell::Bytes(b"{}".to_vec())).as_deref(), Some("{}"));
        assert_eq!(text(&Cell::Bytes(vec![0; 16])).unwrap(), "00000000-0000-0000-0000-000000000000");
    }
}
