//! Names and limits, and the listings in which names appear (rules 14 and 24).

use std::collections::BTreeMap;

use super::kit::{STREAMS, count, ensure, ensure_eq, event, events, ids, refused, stream, tag, whole};
use super::{Failure, Outcome, Suite};
use crate::backend::StreamInfo;
use crate::error::ErrorKind;
use crate::event::{EventType, NewEvent};
use crate::payload::JsonText;
use crate::query::{Query, QueryItem, Scope};
use crate::stream::{Expected, StreamId, Version};

/// Names that some database takes for each other, or for a pattern.
const NAMES: &[&str] = &[
    "a",
    "A",
    "a ",
    " a",
    "a  ",
    "á",
    "a\u{301}",
    "ａ",
    "ß",
    "ss",
    "SS",
    "ſs",
    "i",
    "ı",
    "İ",
    "æ",
    "ae",
    "%",
    "_",
    "a%",
    "a_",
    "aa",
    "a\\%",
    "a'b",
    "a\"b",
    "a`b",
    "a;b--",
    "$1",
    "{p}",
    "?1",
    ":a",
    "@a",
    "null",
    "NULL",
    "0",
    "00",
    "1e0",
    "😀",
    "😁",
    "\u{ff5e}",
    "\u{10ffff}",
    "\u{feff}a",
    "a\u{200b}",
    "\u{a0}",
    "a-",
    "a/",
    "-",
    "/",
    "a.b",
    "日本語",
];

pub(super) async fn names_are_bytes_and_limits_are_told(suite: &Suite) -> Result<Outcome, Failure> {
    let (name, store) = suite.store().await?;
    let limits = store.capabilities().limits;
    let longest =
        "é".repeat(limits.name_bytes_max / 2) + if limits.name_bytes_max % 2 == 1 { "x" } else { "" };
    let almost = format!("{}y", &longest[..longest.len() - 1]);
    let names: Vec<&str> = NAMES.iter().copied().chain([longest.as_str(), almost.as_str()]).collect();
    for (n, name) in names.iter().enumerate() {
        let event = NewEvent { event_type: EventType::new(name)?, ..event(n as u64)? }.tagged(tag(name)?);
        let appended = store.append(*name, Expected::NoStream, [event]).await?;
        ensure_eq!(appended.version(), Version(1), "the version of the new stream {name:?}");
    }
    let other = suite.open(&name).await?;
    for (n, name) in names.iter().enumerate() {
        let (found, named) = (whole(&other, name).await?, tag(name)?);
        let there: Vec<_> = found
            .iter()
            .map(|e| (e.stream_id.as_str(), e.event_type.as_str(), e.tags.contains(&named)))
            .collect();
        ensure_eq!(there, [(*name, *name, true)], "the stream {name:?}");
        if !store.capabilities().total_order {
            continue;
        }
        let scope = |scope| Query::from(QueryItem { scope, ..QueryItem::default() });
        for query in [
            Query::types([EventType::new(name)?]),
            Query::tags([tag(name)?]),
            Query::stream(stream(name)?),
            Query::types([EventType::new(name)?]).or(Query::tags([tag(name)?])),
        ] {
            let matching = other.read_all().matching(query.clone()).collect().await?;
            ensure_eq!(ids(&matching), ids(&found), "events of {query:?} ({n})");
        }
        let matching = other.read_all().matching(scope(Scope::Prefix((*name).to_owned()))).collect().await?;
        let expected = names.iter().filter(|other| other.starts_with(name)).count();
        ensure_eq!(matching.len(), expected, "streams whose ids begin with {name:?}");
    }

    // One less than too much, and too much.
    let before = count(&store).await?;
    let mut refusals = 0;
    for bad in ["", "a\0b", "a\nb", "\u{7f}", "\u{85}", &"x".repeat(256), &"é".repeat(128), &"😀".repeat(64)]
    {
        refused(store.append(bad, Expected::Any, events([1])?).await, ErrorKind::Invalid, "a stream id")?;
        refused(EventType::new(bad), ErrorKind::Invalid, "an event type")?;
        refused(tag(bad), ErrorKind::Invalid, "a tag")?;
        refusals += 3;
    }
    if limits.name_bytes_max < 255 {
        let long = "x".repeat(limits.name_bytes_max + 1);
        refused(
            store.append(long.as_str(), Expected::Any, events([1])?).await,
            ErrorKind::Invalid,
            "a long id",
        )?;
        let typed = NewEvent { event_type: EventType::new(&long)?, ..event(1)? };
        refused(store.append("a", Expected::Any, [typed]).await, ErrorKind::Invalid, "a long type")?;
        let tagged = event(1)?.tagged(tag(&long)?);
        refused(store.append("a", Expected::Any, [tagged]).await, ErrorKind::Invalid, "a long tag")?;
        refusals += 3;
    }
    let tagged = |count: usize| -> Result<NewEvent, Failure> {
        let mut event = event(1)?;
        event.tags = (0..count).map(|n| tag(format!("t:{n}"))).collect::<Result<_, _>>()?;
        Ok(event)
    };
    let sized = |bytes: usize| -> Result<NewEvent, Failure> {
        let mut event = NewEvent::new(EventType::new("sized")?, JsonText::parse("\"\"")?);
        let filling = "x".repeat(bytes - event.bytes());
        event.payload = JsonText::parse(format!("\"{filling}\""))?.into();
        Ok(event)
    };
    let half = limits.append_bytes_max / 2;
    for (what, events) in [
        ("too many tags", vec![event(1)?, tagged(limits.tags_max + 1)?]),
        ("too many events", events(0..=limits.events_max as u64)?),
        ("too many bytes in one event", vec![sized(limits.append_bytes_max + 1)?]),
        ("too many bytes in two", vec![sized(half)?, sized(limits.append_bytes_max - half + 1)?]),
        ("schema version 0", vec![NewEvent { schema_version: 0, ..event(1)? }]),
    ] {
        let error = refused(store.append("limit-1", Expected::Any, events).await, ErrorKind::Invalid, what)?;
        let clear = error.to_string().bytes().any(|byte| byte.is_ascii_digit());
        ensure!(clear, format!("the refusal of {what}"), "the limit in figures", error);
        refusals += 1;
    }
    ensure_eq!(count(&store).await?, before, "events stored after {refusals} refusals");
    let last = [
        vec![tagged(limits.tags_max)?],
        events(0..limits.events_max as u64)?,
        vec![sized(half)?, sized(limits.append_bytes_max - half)?],
    ];
    for events in last {
        let size = events.len() as u64;
        let before = store.stream_version("limit-2").await?.0;
        ensure_eq!(
            store.append("limit-2", Expected::Any, events).await?.version().0,
            before + size,
            "at the limit"
        );
    }
    let tags = whole(&other, "limit-2").await?.first().map(|event| event.tags.len());
    ensure_eq!(tags, Some(limits.tags_max), "the tags of an event with as many as may be");
    Ok(Outcome::passed(format!(
        "{} names kept apart as ids, types, tags and prefixes; {refusals} refusals; {} bytes, {} tags, {} events, \
         {} MiB held",
        names.len(),
        limits.name_bytes_max,
        limits.tags_max,
        limits.events_max,
        limits.append_bytes_max >> 20
    )))
}

pub(super) async fn listings_are_in_byte_order_and_paged(suite: &Suite) -> Result<Outcome, Failure> {
    let (name, store) = suite.store().await?;
    ensure_eq!(store.list_streams("", None, 10).await?, [], "the streams of an empty store");
    ensure_eq!(store.list_event_types(None, 10).await?, [], "the event types of an empty store");
    let mut random = suite.random();
    let many: Vec<String> = (0..60).map(|n| format!("order-{n}")).collect();
    let ids: Vec<&str> =
        NAMES.iter().chain(STREAMS).copied().chain(many.iter().map(String::as_str)).collect();
    let mut streams: BTreeMap<&[u8], (&str, u64)> = BTreeMap::new();
    let mut types: BTreeMap<&[u8], (&str, u64)> = BTreeMap::new();
    for id in ids.iter().copied().chain(ids.iter().copied().step_by(3)) {
        let size = 1 + random.below(3);
        let event_type = *random.pick(NAMES);
        let events = (0..size)
            .map(|n| Ok(NewEvent { event_type: EventType::new(event_type)?, ..event(n)? }))
            .collect::<Result<Vec<_>, Failure>>()?;
        store.append(id, Expected::Any, events).await?;
        streams.entry(id.as_bytes()).or_insert((id, 0)).1 += size;
        types.entry(event_type.as_bytes()).or_insert((event_type, 0)).1 += size;
    }
    let other = suite.open(&name).await?;
    let streams: Vec<(&str, u64)> = streams.into_values().collect();
    let types: Vec<(&str, u64)> = types.into_values().collect();
    let plain = |page: &[StreamInfo]| -> Vec<(String, u64)> {
        page.iter().map(|info| (info.stream_id.to_string(), info.version.0)).collect()
    };
    let mut pages = 0;
    for prefix in [
        "",
        "a",
        "A",
        "order",
        "order-",
        "order-1",
        "a_",
        "a%",
        "%",
        "_",
        "😀",
        "\u{10ffff}",
        "zz",
        "é",
        "orders-1x",
    ] {
        let expected: Vec<(String, u64)> = streams
            .iter()
            .filter(|(id, _)| id.starts_with(prefix))
            .map(|(id, v)| ((*id).to_owned(), *v))
            .collect();
        for limit in [1, 7, 1_000] {
            let (mut found, mut after) = (Vec::new(), None::<StreamId>);
            loop {
                let page = other.list_streams(prefix, after.as_ref(), limit).await?;
                pages += 1;
                ensure!(page.len() <= limit, "streams on a page", limit, page.len());
                let Some(last) = page.last() else { break };
                after = Some(last.stream_id.clone());
                found.extend(plain(&page));
                ensure!(
                    found.len() <= expected.len(),
                    format!("streams that begin with {prefix:?}"),
                    expected.len(),
                    format!("{} or more", found.len())
                );
            }
            ensure_eq!(found, expected, "streams that begin with {prefix:?}, {limit} on a page");
        }
        // After a stream that does not exist, or lies outside the prefix.
        for after in ["!", "order-1", "order-15x", "p", "\u{10ffff}z"] {
            let page = other.list_streams(prefix, Some(&stream(after)?), 1_000).await?;
            let rest: Vec<_> = expected.iter().filter(|(id, _)| id.as_str() > after).cloned().collect();
            ensure_eq!(plain(&page), rest, "streams that begin with {prefix:?} after {after:?}");
        }
    }
    for limit in [1, 7, 1_000] {
        let (mut found, mut after) = (Vec::new(), None::<EventType>);
        loop {
            let page = other.list_event_types(after.as_ref(), limit).await?;
            pages += 1;
            ensure!(
                page.len() <= limit && found.len() <= types.len(),
                "event types on a page",
                limit,
                page.len()
            );
            let Some(last) = page.last() else { break };
            after = Some(last.event_type.clone());
            found.extend(page.iter().map(|info| (info.event_type.to_string(), info.events)));
        }
        let expected: Vec<_> = types.iter().map(|(name, events)| ((*name).to_owned(), *events)).collect();
        ensure_eq!(found, expected, "event types, {limit} on a page");
    }
    let stats = other.stats().await?;
    let events: u64 = streams.iter().map(|(_, events)| events).sum();
    ensure_eq!(
        (stats.events, stats.streams, stats.event_types),
        (events, streams.len() as u64, types.len() as u64),
        "the counts of events, streams and types"
    );
    Ok(Outcome::passed(format!("{} streams and {} types on {pages} pages", streams.len(), types.len())))
}
