//! The hash chain (rule 22): what is hashed, and finding where a log was changed behind the store's back.
//! And the digest by which events are compared across stores.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::backend::HashFormula;
use crate::error::{Error, Result};
use crate::event::{Hash, RecordedEvent};
use crate::json;
use crate::payload::Payload;
use crate::query::Position;
use crate::time::Timestamp;

/// The digest of a payload's bytes as stored. It is kept beside the event, so that the chain stays
/// verifiable when the payload itself has to go.
pub fn payload_digest(payload: &Payload) -> Hash {
    Hash(Sha256::digest(payload.as_bytes()).into())
}

impl HashFormula {
    /// The name recorded in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::AnnalsV1 => "annals-v1",
            Self::EventSourcingDbV1 => "eventsourcingdb-v1",
        }
    }

    /// The hash of an event that follows the event with the hash `predecessor`.
    pub fn hash(self, event: &RecordedEvent, payload_digest: Hash, predecessor: Hash) -> Hash {
        match self {
            Self::AnnalsV1 => annals_v1(event, payload_digest, predecessor),
            Self::EventSourcingDbV1 => eventsourcingdb_v1(
                &EsdbMeta {
                    id: event.position.previous().0,
                    time: &esdb_time(event.recorded_at),
                    source: event.source.as_str(),
                    subject: &esdb_subject(event.stream_id.as_str()),
                    event_type: event.event_type.as_str(),
                    content_type: event.content_type.as_str(),
                },
                payload_digest,
                predecessor,
            ),
        }
    }

    /// The time under which this formula can record an event: EventSourcingDB's SDKs cannot read a time on
    /// the full second.
    pub fn admit(self, time: Timestamp) -> Timestamp {
        let micros = time.unix_micros();
        if self == Self::EventSourcingDbV1 && micros % 1_000_000 == 0 {
            return Timestamp::from_unix_micros(micros + 1).unwrap_or(time);
        }
        time
    }
}

impl fmt::Display for HashFormula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for HashFormula {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::AnnalsV1, Self::EventSourcingDbV1]
            .into_iter()
            .find(|formula| formula.name() == text)
            .ok_or_else(|| {
                Error::invalid(format!("hash chain {text:?}, expected annals-v1 or eventsourcingdb-v1"))
            })
    }
}

/// The digest of what an event says and of nothing that depends on where it is (position, version, recorded
/// time, hashes): the same in every store that holds the event, whatever the store does to the blanks, the
/// order of members and the spelling of numbers of JSON (rule 8).
///
/// # Errors
/// Corrupt when the payload or the metadata is no JSON that a store takes.
pub fn content_digest(event: &RecordedEvent) -> Result<Hash> {
    let canonical = |text: &str| {
        json::canonical(text).map_err(|fault| {
            Error::corrupt(format!("event {}: {} at byte {}", event.event_id, fault.what, fault.at + 1))
        })
    };
    let payload = match &event.payload {
        Payload::Json(json) => canonical(json.as_str())?.into_bytes(),
        Payload::Bytes(bytes) => bytes.to_vec(),
    };
    let mut fields = Fields::new("annals:content:v1");
    fields.add(event.event_id.uuid().as_bytes());
    fields.add(event.stream_id.as_str().as_bytes());
    fields.add(event.event_type.as_str().as_bytes());
    fields.add(&event.schema_version.to_be_bytes());
    fields.add(&event.occurred_at.unix_micros().to_be_bytes());
    fields.add(if event.payload.json().is_some() { b"json" } else { b"bytes" });
    fields.add(&payload);
    fields.add(event.content_type.as_str().as_bytes());
    fields.add(canonical(event.metadata.as_str())?.as_bytes());
    fields.add_context(event);
    Ok(fields.finish())
}

/// Fields each behind its length, so that no two lists of them share a text.
struct Fields(Sha256);

impl Fields {
    fn new(domain: &str) -> Self {
        let mut fields = Self(Sha256::new());
        fields.add(domain.as_bytes());
        fields
    }

    fn add(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    /// Where the event came from. Names are never empty, so an empty field is an absent one.
    fn add_context(&mut self, event: &RecordedEvent) {
        self.add(event.source.as_str().as_bytes());
        self.add(event.correlation_id.as_ref().map_or("", |id| id.as_str()).as_bytes());
        self.add(event.causation_id.as_ref().map_or("", |id| id.as_str()).as_bytes());
        self.add(event.traceparent.as_ref().map_or("", |trace| trace.as_str()).as_bytes());
        self.add(event.tracestate.as_ref().map_or("", |trace| trace.as_str()).as_bytes());
        for tag in &event.tags {
            self.add(tag.as_str().as_bytes());
        }
    }

    fn finish(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}

/// The whole envelope.
fn annals_v1(event: &RecordedEvent, payload_digest: Hash, predecessor: Hash) -> Hash {
    let mut fields = Fields::new("annals:hash:v1");
    let mut field = |bytes: &[u8]| fields.add(bytes);
    field(&predecessor.0);
    field(&event.position.0.to_be_bytes());
    field(event.event_id.uuid().as_bytes());
    field(event.stream_id.as_str().as_bytes());
    field(&event.stream_version.0.to_be_bytes());
    field(event.event_type.as_str().as_bytes());
    field(&event.schema_version.to_be_bytes());
    field(&event.occurred_at.unix_micros().to_be_bytes());
    field(&event.recorded_at.unix_micros().to_be_bytes());
    field(&payload_digest.0);
    field(event.content_type.as_str().as_bytes());
    field(event.metadata.as_str().as_bytes());
    fields.add_context(event);
    fields.finish()
}

struct EsdbMeta<'a> {
    id: u64,
    time: &'a str,
    source: &'a str,
    subject: &'a str,
    event_type: &'a str,
    content_type: &'a str,
}

fn eventsourcingdb_v1(meta: &EsdbMeta<'_>, payload_digest: Hash, predecessor: Hash) -> Hash {
    let text = format!(
        "1.0|{}|{predecessor}|{}|{}|{}|{}|{}",
        meta.id, meta.time, meta.source, meta.subject, meta.event_type, meta.content_type
    );
    let meta_digest = Hash(Sha256::digest(text).into());
    Hash(Sha256::digest(format!("{meta_digest}{payload_digest}")).into())
}

/// RFC 3339 in UTC without trailing zeros, as Go's `RFC3339Nano` prints it.
fn esdb_time(time: Timestamp) -> String {
    let text = time.to_string();
    format!("{}Z", text.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.'))
}

fn esdb_subject(stream_id: &str) -> String {
    if stream_id.starts_with('/') { stream_id.to_owned() } else { format!("/{stream_id}") }
}

/// What following a hash chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainReport {
    /// Events whose hashes hold.
    pub events: u64,
    /// Where the chain first breaks, and how.
    pub broken: Option<ChainBreak>,
}

/// Where a hash chain breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainBreak {
    /// The first event that does not hold; the end of the log where events are missing there.
    pub position: Position,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Follows a chain event by event, in position order.
#[derive(Debug)]
pub(crate) struct ChainCheck {
    formula: HashFormula,
    last: Option<Hash>,
    events: u64,
}

impl ChainCheck {
    pub(crate) fn new(formula: HashFormula) -> Self {
        Self { formula, last: None, events: 0 }
    }

    /// Checks the next event.
    pub(crate) fn next(&mut self, event: &RecordedEvent) -> Result<(), ChainBreak> {
        let broken = |what| Err(ChainBreak { position: event.position, what });
        let (Some(hash), Some(predecessor)) = (event.hash, event.predecessor_hash) else {
            return broken("the event carries no hash");
        };
        if self.last.unwrap_or(Hash::ZERO) != predecessor {
            return broken("the event does not follow the one before it: one was inserted or removed");
        }
        if self.formula.hash(event, payload_digest(&event.payload), predecessor) != hash {
            return broken("the event is not what was hashed when it was recorded");
        }
        self.last = Some(hash);
        self.events += 1;
        Ok(())
    }

    /// Checks that the last event is where the store says its log ends.
    pub(crate) fn finish(self, head: Option<Hash>, end: Position) -> ChainReport {
        let broken = (self.last.unwrap_or(Hash::ZERO) != head.unwrap_or(Hash::ZERO))
            .then_some(ChainBreak { position: end, what: "the last event is missing" });
        ChainReport { events: self.events, broken }
    }

    pub(crate) fn broken(self, broken: ChainBreak) -> ChainReport {
        ChainReport { events: self.events, broken: Some(broken) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventId, NewEvent};
    use crate::payload::JsonText;
    use crate::stream::Version;

    /// The published vectors of EventSourcingDB's v1 hash.
    #[test]
    fn eventsourcingdb_v1_gives_the_published_hashes() {
        let hash = |id, event_type, data: &str, predecessor| {
            eventsourcingdb_v1(
                &EsdbMeta {
                    id,
                    time: "2026-10-18T13:47:38.410062423Z",
                    source: "https://library.eventsourcingdb.io",
                    subject: "/books/42",
                    event_type,
                    content_type: "application/json",
                },
                payload_digest(&JsonText::parse(data).unwrap().into()),
                predecessor,
            )
        };
        let first = hash(
            0,
            "io.eventsourcingdb.library.book-acquired",
            r#"{"author":"Arthur C. Clarke","isbn":"978-0756906788","pages":297,"title":"2001 – A Space Odyssey"}"#,
            Hash::ZERO,
        );
        assert_eq!(first.to_string(), "a3cd9c40afb9361373edb8fd7456bb504c94a8ce5f3037faa367033443000996");
        let second =
            hash(1, "io.eventsourcingdb.library.book-borrowed", r#"{"borrower":"/readers/23"}"#, first);
        assert_eq!(second.to_string(), "3a9156f6b890ae46e2a203c878742133b67686cf6bd8b6e8c2649af2ccd7caa1");
    }

    #[test]
    fn a_time_is_printed_without_trailing_zeros_and_never_on_the_second() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(esdb_time(time("2026-01-01T00:00:10.120Z")), "2026-01-01T00:00:10.12Z");
        let admitted = HashFormula::EventSourcingDbV1.admit(time("2026-01-01T00:00:10Z"));
        assert_eq!(esdb_time(admitted), "2026-01-01T00:00:10.000001Z");
    }

    #[test]
    fn the_content_digest_knows_what_an_event_says_and_not_where_it_is() {
        let event = |payload: &str, position| {
            let payload = JsonText::parse(payload).unwrap();
            let mut event = NewEvent::new("noted".parse().unwrap(), payload);
            (event.event_id, event.occurred_at) =
                (EventId::from(uuid::Uuid::nil()), Timestamp::from_unix_micros(1).unwrap());
            let (version, at) = (Version(position), Timestamp::now());
            let source = "/s".parse().unwrap();
            RecordedEvent::record(event, "a-1".parse().unwrap(), version, Position(position), at, &source)
        };
        let digest = |event: &RecordedEvent| content_digest(event).unwrap();
        let first = digest(&event(r#"{"a":1.0,"b":"x"}"#, 1));
        assert_eq!(first, digest(&event(r#"{ "b":"x", "a":10e-1 }"#, 7)));
        assert_ne!(first, digest(&event(r#"{"a":1.0,"b":"y"}"#, 1)));
        let mut tagged = event(r#"{"a":1.0,"b":"x"}"#, 1);
        tagged.tags = ["t".parse().unwrap()].into_iter().collect();
        assert_ne!(first, digest(&tagged));
    }
}
