//! Events as CloudEvents 1.0 in JSON (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>),
//! one a line. What Annals knows beyond the specification is in extension attributes, so that an event read
//! back is the event that was written; what a foreign event has beyond that is kept in its metadata.

use std::collections::BTreeMap;
use std::fmt;

use annals::{
    ContentType, Error, ErrorKind, EventType, JsonText, Metadata, NewEvent, Payload, RecordedEvent, Source,
    StreamId, Tag, Tags,
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

/// The attributes that say where an event was in the store it was exported from. The store it comes to gives
/// it another place.
const PLACE: [&str; 5] = ["streamversion", "position", "recordedtime", "hash", "predecessorhash"];

/// The first of [`PLACE`] are in every event that Annals has written.
const PLACE_ALWAYS: usize = 3;

/// The event as one line of JSON.
pub(crate) fn write(event: &RecordedEvent) -> Result<String, Error> {
    let tags = || JsonText::of(&event.tags).map(|tags| tags.as_str().to_owned());
    let (data, data_base64) = match &event.payload {
        Payload::Json(json) => (Some(json), None),
        Payload::Bytes(bytes) => (None, Some(BASE64_STANDARD.encode(bytes))),
    };
    let text = |value: &dyn fmt::Display| value.to_string();
    let line = serde_json::to_string(&CloudEvent {
        specversion: "1.0",
        id: text(&event.event_id),
        source: &event.source,
        event_type: &event.event_type,
        subject: &event.stream_id,
        time: text(&event.occurred_at),
        datacontenttype: &event.content_type,
        streamversion: event.stream_version.0,
        position: event.position.0,
        schemaversion: u64::from(event.schema_version),
        recordedtime: text(&event.recorded_at),
        correlationid: event.correlation_id.as_ref().map(|id| text(id)),
        causationid: event.causation_id.as_ref().map(|id| text(id)),
        traceparent: event.traceparent.as_ref().map(|parent| text(parent)),
        tracestate: event.tracestate.as_ref().map(|state| text(state)),
        tags: if event.tags.is_empty() { None } else { Some(tags()?) },
        metadata: if event.metadata.is_empty() { None } else { Some(event.metadata.as_str()) },
        predecessorhash: event.predecessor_hash.map(|hash| text(&hash)),
        hash: event.hash.map(|hash| text(&hash)),
        data,
        data_base64,
    })
    .map_err(|e| {
        Error::with_source(ErrorKind::Corrupt, format!("event {} has no JSON form", event.event_id), e)
    })?;
    Ok(crate::output::one_line(line))
}

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: String,
    source: &'a Source,
    #[serde(rename = "type")]
    event_type: &'a EventType,
    subject: &'a StreamId,
    time: String,
    datacontenttype: &'a ContentType,
    #[serde(serialize_with = "integer")]
    streamversion: u64,
    #[serde(serialize_with = "integer")]
    position: u64,
    #[serde(serialize_with = "integer")]
    schemaversion: u64,
    recordedtime: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    predecessorhash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a JsonText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<String>,
}

/// An integer attribute has 32 bits with a sign; a larger number is text.
fn integer<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    match i32::try_from(*number) {
        Ok(number) => serializer.serialize_i32(number),
        Err(_) => serializer.collect_str(number),
    }
}

/// The event of one line, and the stream it is for: its subject, or `stream` where it has none.
///
/// # Errors
/// Invalid says what is wrong with the line.
pub(crate) fn read(line: &str, stream: Option<&StreamId>) -> Result<(StreamId, NewEvent), Error> {
    let mut event: Attributes<'_> = serde_json::from_str(line).map_err(|e| {
        // The place in the message is one in the line; which line it is, the caller says.
        let what = e.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        Error::invalid(format!("malformed JSON at byte {}: {what}; expected a CloudEvent", e.column()))
    })?;
    match event.required("specversion")?.as_str() {
        "1.0" => {}
        other => return Err(Error::invalid(format!("specversion is {other:?}, expected \"1.0\""))),
    }
    let id = event.required("id")?;
    let source = Source::new(event.required("source")?)?;
    let event_type = EventType::new(event.required("type")?)?;
    let stream_id = match (event.text("subject")?, stream) {
        (Some(subject), _) => StreamId::new(subject)?,
        (None, Some(stream_id)) => stream_id.clone(),
        (None, None) => {
            return Err(Error::invalid("subject is missing: it names the stream; --stream ID gives one"));
        }
    };
    let mut new = NewEvent::new(event_type, event.payload()?);
    let (uuid, original_id) = event_id(&id, &source);
    new.event_id = uuid.into();
    if let Some(time) = event.text("time")? {
        new.occurred_at = time.parse()?;
    }
    if let Some(content_type) = event.text("datacontenttype")? {
        new.content_type = ContentType::new(content_type)?;
    }
    if let Some(version) = event.take("schemaversion") {
        new.schema_version = version.get().trim_matches('"').parse().map_err(|_| {
            Error::invalid(format!("schemaversion is {version}, expected a whole number from 1"))
        })?;
    }
    new.correlation_id = event.text("correlationid")?.map(|text| text.parse()).transpose()?;
    new.causation_id = event.text("causationid")?.map(|text| text.parse()).transpose()?;
    new.traceparent = event.text("traceparent")?.map(|text| text.parse()).transpose()?;
    new.tracestate = event.text("tracestate")?.map(|text| text.parse()).transpose()?;
    new.tags = event.tags()?;
    event.forget_place();
    new.metadata = event.metadata(original_id)?;
    new.source = Some(source);
    Ok((stream_id, new))
}

/// The id as a UUID, and the id as it was where that is something else. An id that is no UUID becomes
/// UUIDv5 of source, line feed and id in the URL namespace of RFC 9562: always the same one.
fn event_id(id: &str, source: &Source) -> (Uuid, Option<String>) {
    let uuid = Uuid::try_parse(id)
        .unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{source}\n{id}").as_bytes()));
    (uuid, (uuid.to_string() != id).then(|| id.to_owned()))
}

/// A CloudEvent taken apart: each member once, its value as it is written.
struct Attributes<'a>(BTreeMap<String, &'a RawValue>);

impl Attributes<'_> {
    /// The value under a name, unless there is none or it is null, which is the same in a CloudEvent.
    fn take(&mut self, name: &str) -> Option<&RawValue> {
        self.0.remove(name).filter(|value| value.get() != "null")
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, Error> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match serde_json::from_str(value.get()) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Error::invalid(format!("{name} is {}, expected a string", shortened(value.get())))),
        }
    }

    fn required(&mut self, name: &str) -> Result<String, Error> {
        match self.text(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => Err(Error::invalid(format!("{name} is empty"))),
            None => Err(Error::invalid(format!("{name} is missing: every CloudEvent has one"))),
        }
    }

    fn payload(&mut self) -> Result<Payload, Error> {
        let bytes = self.text("data_base64")?;
        let json = self.take("data");
        match (json, bytes) {
            (Some(_), Some(_)) => Err(Error::invalid("both data and data_base64, expected one of them")),
            (Some(json), None) => JsonText::parse(json.get())
                .map(Payload::Json)
                .map_err(|e| Error::with_source(ErrorKind::Invalid, "data cannot be stored", e)),
            (None, Some(text)) => match BASE64_STANDARD.decode(text) {
                Ok(bytes) => Ok(bytes.into()),
                Err(e) => Err(Error::with_source(ErrorKind::Invalid, "data_base64 is not base64", e)),
            },
            (None, None) => JsonText::parse("null").map(Payload::Json),
        }
    }

    fn tags(&mut self) -> Result<Tags, Error> {
        let Some(text) = self.text("tags")? else { return Ok(Tags::default()) };
        let tags: Vec<String> = serde_json::from_str(&text).map_err(|_| {
            let tags = shortened(&text);
            Error::invalid(format!("tags is {tags:?}, expected a JSON array of strings as text"))
        })?;
        tags.into_iter().map(Tag::new).collect()
    }

    /// Drops the place of an event that Annals has exported; in any other event these names mean
    /// something else and are kept.
    fn forget_place(&mut self) {
        if PLACE[..PLACE_ALWAYS].iter().all(|name| self.0.contains_key(*name)) {
            for name in PLACE {
                self.0.remove(name);
            }
        }
    }

    /// The event's metadata, and in it an id that was no UUID and all that is left over.
    fn metadata(mut self, original_id: Option<String>) -> Result<Metadata, Error> {
        let metadata = self.text("metadata")?.map_or_else(|| Ok(Metadata::default()), Metadata::parse)?;
        let unknown: BTreeMap<String, &RawValue> =
            self.0.into_iter().filter(|(_, value)| value.get() != "null").collect();
        if original_id.is_none() && unknown.is_empty() {
            return Ok(metadata);
        }
        let mut members: BTreeMap<String, Box<RawValue>> = metadata.json().decode()?;
        if let Some(id) = original_id {
            members.insert("cloudevents_id".to_owned(), raw(&id)?);
        }
        if !unknown.is_empty() {
            // An event may come a second time around with further attributes.
            let mut attributes: BTreeMap<String, Box<RawValue>> = match members.get("cloudevents") {
                Some(earlier) => serde_json::from_str(earlier.get()).map_err(|_| {
                    Error::invalid(
                        "metadata has a member cloudevents that is no object, where attributes are kept",
                    )
                })?,
                None => BTreeMap::new(),
            };
            attributes.extend(unknown.into_iter().map(|(name, value)| (name, value.to_owned())));
            members.insert("cloudevents".to_owned(), raw(&attributes)?);
        }
        Metadata::of(&members)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Attributes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = BTreeMap<String, &'de RawValue>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object, one a line")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if members.contains_key(&name) {
                        return Err(serde::de::Error::custom(format!("{name:?} appears twice")));
                    }
                    members.insert(name, value);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Members).map(Self)
    }
}

fn raw<T: Serialize>(value: &T) -> Result<Box<RawValue>, Error> {
    serde_json::value::to_raw_value(value)
        .map_err(|e| Error::with_source(ErrorKind::Invalid, "an attribute has no JSON form", e))
}

fn shortened(text: &str) -> String {
    const LENGTH: usize = 60;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(line: &str) -> String {
        read(line, None).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_with_a_line_is_named() {
        let event =
            |rest: &str| format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"t"{rest}}}"#);
        for (line, named) in [
            ("[]".to_owned(), "a JSON object"),
            ("{".to_owned(), "malformed JSON"),
            (r#"{"a":1,"a":2}"#.to_owned(), "appears twice"),
            ("{}".to_owned(), "specversion is missing"),
            (r#"{"specversion":"0.3"}"#.to_owned(), "specversion is \"0.3\""),
            (r#"{"specversion":"1.0","id":""}"#.to_owned(), "id is empty"),
            (event(""), "subject is missing"),
            (event(r#","subject":7"#), "subject is 7, expected a string"),
            (event(r#","subject":"a","data":1,"data_base64":"AA==""#), "both data and data_base64"),
            (event(r#","subject":"a","data_base64":"?""#), "data_base64 is not base64"),
            (event(r#","subject":"a","data":{"x":1,"x":2}"#), "data cannot be stored"),
            (event(r#","subject":"a","time":"yesterday""#), "yesterday"),
            (event(r#","subject":"a","tags":"red""#), "expected a JSON array of strings"),
            (event(r#","subject":"a","metadata":"[]""#), "metadata"),
            (event(r#","subject":"a","schemaversion":"two""#), "schemaversion"),
            (event(r#","subject":"a","traceparent":"00""#), "traceparent"),
        ] {
            assert!(refusal(&line).contains(named), "{line}: {}", refusal(&line));
        }
    }

    #[test]
    fn an_id_that_is_no_uuid_always_becomes_the_same_one_and_is_kept() {
        let line =
            r#"{"specversion":"1.0","id":"A-1","source":"/shop","type":"t","subject":"a","region":"eu"}"#;
        let (_, first) = read(line, None).unwrap();
        let (_, again) = read(line, None).unwrap();
        assert_eq!(first.event_id, again.event_id);
        assert_eq!(first.event_id.uuid(), Uuid::new_v5(&Uuid::NAMESPACE_URL, b"/shop\nA-1"));
        assert_eq!(first.metadata.as_str(), r#"{"cloudevents":{"region":"eu"},"cloudevents_id":"A-1"}"#);
    }

    #[test]
    fn attributes_join_those_that_were_kept_before() {
        let line = r#"{"specversion":"1.0","id":"0199f3a2-7c1e-7d4f-8a6b-5c4d3e2f1a0b","source":"/s","type":"t",
            "subject":"a","metadata":"{\"cloudevents\":{\"a\":1},\"n\":1e400}","b":true,"position":7,"c":null}"#;
        let (_, event) = read(line, None).unwrap();
        assert_eq!(event.metadata.as_str(), r#"{"cloudevents":{"a":1,"b":true,"position":7},"n":1e400}"#);
    }

    #[test]
    fn a_number_too_large_for_an_integer_attribute_is_text() {
        let number = |number: u64| {
            let mut out = Vec::new();
            integer(&number, &mut serde_json::Serializer::new(&mut out)).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(number(2_147_483_647), "2147483647");
        assert_eq!(number(2_147_483_648), "\"2147483648\"");
    }
}
