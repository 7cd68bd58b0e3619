//! Reading: streams, the log, what comes back, single events (rules 7, 8, 10 and 23).

use super::kit::{
    STREAMS, TYPES, ensure, ensure_eq, event, events, ids, lacks, numbers, random_event, random_query,
    refused, stream, tag, whole,
};
use super::{Failure, Outcome, Suite};
use crate::append::Append;
use crate::backend::{Capability, Direction, LogRange, StreamRange};
use crate::error::ErrorKind;
use crate::event::{ContentType, EventId, EventType, NewEvent, RecordedEvent, Source};
use crate::payload::{JsonText, Metadata, Payload};
use crate::query::{Position, Query};
use crate::stream::{Category, Expected, Version};
use crate::time::Timestamp;

pub(super) async fn a_stream_is_read_both_ways_from_anywhere(suite: &Suite) -> Result<Outcome, Failure> {
    const EVENTS: u64 = 1_300;
    let (name, store) = suite.store().await?;
    for range in [0..700, 700..EVENTS] {
        store.append("long-1", Expected::Any, events(range.clone())?).await?;
        store.append("long-10", Expected::Any, events(range)?).await?;
    }
    let all: Vec<u64> = (0..EVENTS).collect();
    let back: Vec<u64> = all.iter().rev().copied().collect();
    ensure_eq!(numbers(&whole(&store, "long-1").await?)?, all, "a stream of {EVENTS} events");
    ensure_eq!(numbers(&store.read_stream("long-1")?.backward().collect().await?)?, back, "read backward");

    let mut random = suite.random();
    let mut parts = 0;
    for edge in [0, 1, 2, 511, 512, 513, EVENTS - 1, EVENTS, EVENTS + 1, i64::MAX.unsigned_abs(), u64::MAX] {
        for limit in [1, 2, 512, 513, 5_000, random.size(1_500).max(1)] {
            for direction in [Direction::Forward, Direction::Backward] {
                parts += 1;
                // Versions count from 1, numbers from 0.
                let expected: Vec<u64> = match direction {
                    Direction::Forward => {
                        all.iter().filter(|n| **n + 1 >= edge).copied().take(limit).collect()
                    }
                    Direction::Backward => back.iter().filter(|n| **n < edge).copied().take(limit).collect(),
                };
                let read = store.read_stream("long-1")?.from(Version(edge)).limit(limit);
                let read = if direction == Direction::Backward { read.backward() } else { read };
                let found = numbers(&read.collect().await?)?;
                ensure_eq!(found, expected, "{direction:?} from version {edge}, at most {limit}");

                let range =
                    StreamRange { stream_id: stream("long-1")?, from: Version(edge), direction, limit };
                let page = store.stream_page(range).await?;
                ensure_eq!(page.version, Version(EVENTS), "the stream's version told with a page");
                let beginning = expected.iter().take(page.events.len()).copied().collect::<Vec<_>>();
                ensure_eq!(numbers(&page.events)?, beginning, "one page {direction:?} from {edge}");
                let more = match direction {
                    Direction::Forward => all.iter().filter(|n| **n + 1 >= edge).count(),
                    Direction::Backward => back.iter().filter(|n| **n < edge).count(),
                } > page.events.len();
                ensure_eq!(
                    page.end,
                    !more,
                    "whether a page {direction:?} from {edge} of {limit} is the last"
                );
            }
        }
    }
    let between = store.read_stream("long-1")?.from(Version(5)).to(Version(9)).collect().await?;
    ensure_eq!(numbers(&between)?, [4, 5, 6, 7, 8], "from version 5 to 9");
    let between = store.read_stream("long-1")?.backward().from(Version(9)).to(Version(5)).collect().await?;
    ensure_eq!(numbers(&between)?, [8, 7, 6, 5, 4], "backward from version 9 to 5");
    for missing in ["long-2", "long", "long-1 ", "LONG-1"] {
        for direction in [Direction::Forward, Direction::Backward] {
            let range = StreamRange { stream_id: stream(missing)?, from: Version(1), direction, limit: 10 };
            let page = store.stream_page(range).await?;
            ensure_eq!((page.events.len(), page.version, page.end), (0, Version::NONE, true), "{missing:?}");
        }
        ensure_eq!(store.stream_version(missing).await?, Version::NONE, "the version of {missing:?}");
    }
    let other = suite.open(&name).await?;
    ensure_eq!(numbers(&whole(&other, "long-1").await?)?, all, "the stream through another handle");
    Ok(Outcome::passed(format!("{parts} parts of a stream of {EVENTS} events, and 4 that are missing")))
}

pub(super) async fn what_was_written_comes_back(suite: &Suite) -> Result<Outcome, Failure> {
    let (name, store) = suite.store().await?;
    let deep = |depth| format!("{}0{}", "[".repeat(depth), "]".repeat(depth));
    let members: Vec<String> = (0..2_000).map(|n| format!("\"m{}\":{n}", (n * 7_919) % 2_000)).collect();
    let texts = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "\"\"",
        "{}",
        "[]",
        " [ 1 ,\t2\n] ",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "9007199254740993",
        "123456789012345678901234567890",
        "0.1234567890123456789012345678901",
        "1e400",
        "-1E-400",
        "1.0",
        "1.50",
        r#""\u0000""#,
        r#"{"a\u0000b":"\u0000"}"#,
        r#""\u001f\b\f\n\r\t\"\\\/""#,
        "\"😀\"",
        r#""\ud83d\ude00""#,
        "\"é\"",
        "\"e\u{301}\"",
        "\"\u{ffff}\u{10ffff}\u{feff}\"",
        "\"' \"",
        r#"{"b":1,"a":2,"B":3,"":4}"#,
        r#"{"__proto__":{"$date":1},"$type":"x"}"#,
        r#""%_' OR 1=1; --""#,
        "\"2026-11-24T00:00:00.000Z\"",
    ];
    let mut payloads: Vec<Payload> = Vec::new();
    for text in texts
        .iter()
        .map(|text| (*text).to_owned())
        .chain([deep(1), deep(100), deep(127)])
        .chain([format!("{{{}}}", members.join(",")), format!("\"{}\"", "é😀".repeat(50_000))])
    {
        payloads.push(JsonText::parse(text)?.into());
    }
    let every_byte: Vec<u8> = (0..=255).collect();
    for bytes in
        [Vec::new(), vec![0], every_byte.clone(), every_byte.repeat(1_000), b"{}".to_vec(), vec![0xff; 3]]
    {
        payloads.push(bytes.into());
    }
    // One payload that fills an append up to the limit.
    let mut biggest = NewEvent::new(EventType::new("biggest")?, vec![]);
    let room = store.capabilities().limits.append_bytes_max - biggest.bytes();
    let mut random = suite.random();
    let noise: Vec<u8> =
        std::iter::repeat_with(|| random.next().to_le_bytes()).flatten().take(room).collect();
    biggest.payload = noise.into();

    let mut sent: Vec<NewEvent> = Vec::new();
    for payload in payloads {
        let mut event = NewEvent::new(EventType::new("kept")?, payload.clone());
        if let Payload::Json(json) = &payload {
            event.metadata = Metadata::parse(format!("{{\"m\":{json}}}")).unwrap_or_default();
        }
        sent.push(event);
    }
    let mut full = NewEvent::new(EventType::new("full ")?, JsonText::parse("{\"n\":1}")?);
    full.schema_version = i32::MAX.unsigned_abs();
    full.occurred_at = Timestamp::from_unix_micros(-62_135_596_799_999_999)?;
    full.content_type = ContentType::new("application/cloudevents+json; charset=utf-8")?;
    full.source = Some(Source::new("https://example.com/a?b=%20#c")?);
    full.correlation_id = Some("Request 1 ".parse()?);
    full.causation_id = Some("é😀".parse()?);
    full.traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?);
    full.tracestate = Some("vendor=1,other=2".parse()?);
    full.tags = [tag("b")?, tag("a")?, tag("é")?, tag("A ")?, tag("a")?].into_iter().collect();
    sent.push(full);
    for micros in [0, -1, 1, 999_999, 253_402_207_200_000_000] {
        let mut event = event(1)?;
        event.occurred_at = Timestamp::from_unix_micros(micros)?;
        sent.push(event);
    }
    for given in [EventId::from(uuid::Uuid::nil()), EventId::from(uuid::Uuid::max())] {
        sent.push(NewEvent { event_id: given, ..event(2)? });
    }
    let before = Timestamp::now();
    store.append("kept-1", Expected::NoStream, sent.clone()).await?;
    store.append("kept-1", Expected::Any, [biggest.clone()]).await?;
    let after = Timestamp::now();
    sent.push(biggest);

    let other = suite.open(&name).await?;
    let by_stream = whole(&store, "kept-1").await?;
    let mut looks = vec![by_stream.clone(), whole(&other, "kept-1").await?];
    looks.push(other.events(sent.iter().map(|event| event.event_id).collect()).await?);
    if store.capabilities().total_order {
        looks.push(other.read_all().collect().await?);
    }
    for look in &looks {
        ensure_eq!(look.len(), sent.len(), "how many events come back");
        for (sent, found) in sent.iter().zip(look) {
            came_back(sent, found)?;
        }
        ensure_eq!(look, &by_stream, "the same events, read in another way");
    }
    let second = 1_000_000;
    let in_time = by_stream.iter().all(|event| {
        event.recorded_at.unix_micros() >= before.unix_micros() - second
            && event.recorded_at.unix_micros() <= after.unix_micros() + second
    });
    ensure!(in_time, "the time when events were recorded", format!("{before} to {after}"), "another");

    let refusals = [
        r#"{"a":1,"a":2}"#,
        "{\"a\":1,\"\\u0061\":2}",
        r#"[{"b":{"x":1,"x":1}}]"#,
        r#""\ud800""#,
        "NaN",
        "01",
        "",
    ];
    for text in refusals {
        refused(JsonText::parse(text), ErrorKind::Invalid, text)?;
    }
    refused(JsonText::parse(deep(100_000)), ErrorKind::Invalid, "JSON nested 100,000 deep")?;
    let bytes: usize = sent.iter().map(NewEvent::bytes).sum();
    Ok(Outcome::passed(format!(
        "{} events of {} KiB read back in {} ways, the largest {} KiB",
        sent.len(),
        bytes >> 10,
        looks.len(),
        room >> 10
    )))
}

/// Whether an event is what was appended, field by field.
pub(super) fn came_back(sent: &NewEvent, found: &RecordedEvent) -> Result<(), Failure> {
    let id = sent.event_id;
    ensure_eq!(found.event_id, id, "the id of an event");
    ensure_eq!(found.event_type, sent.event_type, "the type of event {id}");
    ensure_eq!(found.schema_version, sent.schema_version, "the schema version of event {id}");
    ensure_eq!(found.occurred_at, sent.occurred_at, "the time of event {id}");
    ensure!(
        found.payload.same_value(&sent.payload),
        format!("the payload of event {id}"),
        super::kit::shown(&sent.payload),
        super::kit::shown(&found.payload)
    );
    ensure_eq!(found.content_type, sent.content_type, "the content type of event {id}");
    ensure!(
        found.metadata.json().same_value(sent.metadata.json()),
        format!("the metadata of event {id}"),
        super::kit::shown(&sent.metadata),
        super::kit::shown(&found.metadata)
    );
    if let Some(source) = &sent.source {
        ensure_eq!(&found.source, source, "the source of event {id}");
    }
    ensure_eq!(found.correlation_id, sent.correlation_id, "the correlation id of event {id}");
    ensure_eq!(found.causation_id, sent.causation_id, "the causation id of event {id}");
    ensure_eq!(found.traceparent, sent.traceparent, "the traceparent of event {id}");
    ensure_eq!(found.tracestate, sent.tracestate, "the tracestate of event {id}");
    ensure_eq!(found.tags, sent.tags, "the tags of event {id}");
    Ok(())
}

pub(super) async fn the_log_is_read_filtered_both_ways(suite: &Suite) -> Result<Outcome, Failure> {
    let (name, store) = suite.store().await?;
    if !store.capabilities().total_order {
        return lacks(store.read_all().collect().await, Capability::TotalOrder, "reading the log");
    }
    ensure_eq!(store.read_all().collect().await?.len(), 0, "events of an empty log");
    let mut random = suite.random();
    let mut checkpoints = Vec::new();
    for _ in 0..200 {
        let events =
            (0..=random.below(5)).map(|_| random_event(&mut random)).collect::<Result<Vec<_>, _>>()?;
        checkpoints.push(store.append(*random.pick(STREAMS), Expected::Any, events).await?.checkpoint);
    }
    let log = store.read_all().collect().await?;
    ensure!(log.windows(2).all(|pair| pair[0].position < pair[1].position), "positions", "rising", "others");
    let by_streams: usize = {
        let mut sum = 0;
        for id in STREAMS {
            sum += whole(&store, id).await?.len();
        }
        sum
    };
    ensure_eq!(log.len(), by_streams, "events in the log and in all streams");
    let last = log.last().map(|event| event.position).unwrap_or_default();
    ensure_eq!(store.head().await?.position, last, "the end of the log");

    let store = suite.open(&name).await?;
    let mut queries = vec![
        Query::all(),
        Query::types([]),
        Query::types([EventType::new("x")?]).of_types([EventType::new("y")?]),
    ];
    for category in ["order", "orders", "Order", "invoice", "a_b%c", "a_b_c", "none"] {
        queries.push(Query::category(Category::new(category)?));
    }
    for id in STREAMS {
        queries.push(Query::stream(stream(id)?));
    }
    for event_type in TYPES {
        queries.push(Query::types([EventType::new(event_type)?]));
    }
    // More items than a database puts into one statement.
    queries.push((0..300).try_fold(Query::tags([tag("none")?]), |query, n| {
        Ok::<_, Failure>(query.or(Query::tags([tag(format!("n:{n}"))?])).or(Query::tags([tag("a:1")?])))
    })?);
    for _ in 0..150 {
        queries.push(random_query(&mut random)?);
    }
    let mut matched = 0;
    for query in &queries {
        let matching: Vec<&RecordedEvent> = log.iter().filter(|event| query.matches(event)).collect();
        for direction in [Direction::Forward, Direction::Backward] {
            let from = match random.below(4) {
                0 => Position(1),
                1 => store.position_of(random.pick(&checkpoints)).await?.next(),
                2 => Position::END,
                _ => Position(random.below(last.0 + 3)),
            };
            let limit = *random.pick(&[1, 2, 7, 100, 10_000]);
            let within: Vec<&RecordedEvent> = match direction {
                Direction::Forward => matching.iter().filter(|e| e.position >= from).copied().collect(),
                Direction::Backward => {
                    matching.iter().rev().filter(|e| e.position <= from).copied().collect()
                }
            };
            let expected: Vec<EventId> = within.iter().take(limit).map(|event| event.event_id).collect();
            let read = store.read_all().matching(query.clone()).from(from).limit(limit);
            let read = if direction == Direction::Backward { read.backward() } else { read };
            let found = read.collect().await?;
            ensure_eq!(ids(&found), expected, "{query:?} {direction:?} from {from}, at most {limit}");
            matched += found.len();

            let range = LogRange { query: query.clone(), from, direction, limit };
            let page = store.log_page(range).await?;
            ensure_eq!(
                ids(&page.events),
                expected[..page.events.len().min(expected.len())].to_vec(),
                "a page of {query:?}"
            );
            ensure_eq!(
                page.end,
                page.events.len() == within.len(),
                "whether the page is the last of {query:?}"
            );
            if direction == Direction::Forward {
                let covered = within.iter().filter(|event| event.position <= page.through).count();
                ensure_eq!(
                    covered,
                    page.events.len(),
                    "matching events up to the checkpoint of a page of {query:?}"
                );
                ensure!(
                    !page.end || page.through == last,
                    "the checkpoint of a last page",
                    last,
                    page.through
                );
            }
        }
        let to = Position(random.below(last.0 + 1));
        let found = store.read_all().matching(query.clone()).to(to).collect().await?;
        let expected = matching.iter().filter(|event| event.position <= to).count();
        ensure_eq!(found.len(), expected, "events of {query:?} up to {to}");
    }
    Ok(Outcome::passed(format!(
        "{} queries on {} events both ways, {matched} events compared",
        queries.len(),
        log.len()
    )))
}

pub(super) async fn an_event_is_found_by_its_id(suite: &Suite) -> Result<Outcome, Failure> {
    let (name, store) = suite.store().await?;
    let mut random = suite.random();
    let mut log: Vec<RecordedEvent> = Vec::new();
    ensure_eq!(store.event(EventId::new()).await?, None, "an event of an empty store");
    for n in 0..120 {
        let append = Append::to(stream(random.pick(STREAMS))?, Expected::Any, events([n, n])?);
        let id = append.events[0].0.clone();
        store.append_one(append).await?;
        log.extend(store.read_stream(&id)?.backward().limit(2).collect().await?);
    }
    let other = suite.open(&name).await?;
    for recorded in &log {
        let found = other.event(recorded.event_id).await?;
        ensure_eq!(found.as_ref(), Some(recorded), "the event with id {}", recorded.event_id);
    }
    ensure_eq!(other.event(EventId::new()).await?, None, "an event that nobody wrote");
    // Several at once: the order asked for, without those that do not exist.
    for _ in 0..20 {
        let mut asked = Vec::new();
        let mut expected = Vec::new();
        for _ in 0..random.below(30) {
            if random.percent(30) {
                asked.push(EventId::new());
            } else {
                let event = random.pick(&log);
                asked.push(event.event_id);
                expected.push(event.event_id);
            }
        }
        ensure_eq!(ids(&other.events(asked).await?), expected, "events asked for together");
    }
    Ok(Outcome::passed(format!("{} events one by one, and 20 times several", log.len())))
}
