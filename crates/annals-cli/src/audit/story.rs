//! The events of a story, what caused them, and what they caused.

use std::collections::{BTreeMap, HashMap, HashSet};

use annals::{
    CorrelationId, EventId, EventStore, Position, Query, RecordedEvent, Start, StreamId, Tag, Timestamp,
};

use crate::failure::Failure;
use crate::output::Progress;

use super::said::text_of;

/// What the story is of.
#[derive(Debug)]
pub(super) enum Of {
    Stream(StreamId),
    Correlation(CorrelationId),
    Tag(Tag),
}

/// How far it is looked.
#[derive(Debug)]
pub(super) struct Bounds {
    pub(super) limit: u64,
    pub(super) scan: u64,
    pub(super) since: Option<Timestamp>,
}

/// A story.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) of: Of,
    /// Its events, each with what it caused beneath it.
    pub(super) told: Vec<Told>,
    /// How many of its events are not told, where that is known.
    pub(super) more: More,
    /// How far the log was read.
    pub(super) scanned: Option<Scanned>,
}

/// An event of a story.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) event: RecordedEvent,
    /// The event that caused it, where it is in this store.
    pub(super) cause: Option<Cause>,
    pub(super) caused: Vec<Told>,
}

/// An event that caused another.
#[derive(Debug, Clone)]
pub(super) struct Cause {
    pub(super) event_type: String,
    pub(super) stream: String,
    pub(super) version: u64,
}

/// What of a story is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    Nothing,
    Exactly(u64),
    AtLeast(u64),
}

/// A walk through the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanned {
    pub(super) from: Position,
    pub(super) through: Position,
    pub(super) events: u64,
    /// Whether the log went on.
    pub(super) stopped: bool,
    /// Whether more was caused than is told.
    pub(super) cut: bool,
}

/// Beyond what is told, so many events are counted.
const COUNTED_MAX: u64 = 10_000;

impl Told {
    /// Who did it.
    pub(super) fn actor(&self) -> Option<String> {
        text_of(&self.event.metadata, "actor")
    }

    /// The command that it came of.
    pub(super) fn command(&self) -> Option<String> {
        text_of(&self.event.metadata, "command")
    }

    /// Why, in words.
    pub(super) fn reason(&self) -> Option<String> {
        text_of(&self.event.metadata, "reason")
    }
}

impl Story {
    /// What a reader of it has to know.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let Some(scanned) = self.scanned else { return notes };
        let Scanned { from, through, events, stopped, cut } = scanned;
        notes.push(format!("read {events} events of the log, from position {from} to {through}"));
        if stopped {
            notes.push("the log goes on from there; --scan reads further".to_owned());
        }
        if cut {
            notes.push("more was caused than is told; --limit tells more".to_owned());
        }
        notes
    }
}

/// Tells a story.
pub(super) async fn tell(store: &EventStore, of: Of, bounds: &Bounds) -> Result<Story, Failure> {
    let (events, mut more) = match &of {
        Of::Stream(stream) => of_stream(store, stream, bounds.limit).await?,
        Of::Tag(tag) => of_tag(store, tag, bounds.limit).await?,
        Of::Correlation(_) => (Vec::new(), More::Nothing),
    };
    let correlation = if let Of::Correlation(id) = &of { Some(id) } else { None };
    let mut walk = Walk::new(events, correlation, bounds.limit);
    let scanned = match (bounds.scan, correlation) {
        (0, Some(_)) => {
            return Err(Failure::usage(
                "a correlation id is found by reading the log, and --scan 0 reads none of it",
            )
            .hint("leave --scan out, or give it a number of events"));
        }
        (0, None) => None,
        _ => Some(walk.through(store, bounds).await?),
    };
    if correlation.is_some() {
        if walk.events.is_empty() {
            return Err(not_found(&of, scanned));
        }
        more = match scanned {
            Some(Scanned { stopped: true, .. }) => More::AtLeast(walk.left_out),
            _ if walk.left_out > 0 => More::Exactly(walk.left_out),
            _ => More::Nothing,
        };
    }
    let causes = causes(store, &walk.events).await?;
    let told = walk.tree(&causes);
    Ok(Story { of, told, more, scanned })
}

fn not_found(of: &Of, scanned: Option<Scanned>) -> Failure {
    match (of, scanned) {
        (Of::Stream(stream), _) => Failure::check(format!("there is no stream {:?}", stream.as_str()))
            .hint("`annals streams` lists them; names are compared byte by byte"),
        (Of::Tag(tag), _) => Failure::check(format!("no event has the tag {:?}", tag.as_str()))
            .hint("tags are compared byte by byte; `annals read --all` shows those of each event"),
        (Of::Correlation(id), scanned) => {
            let (events, stopped) = scanned.map_or((0, false), |it| (it.events, it.stopped));
            let hint = match stopped {
                true => "the log goes on: --scan reads further, --since begins later",
                false => "`annals read --all --json` shows the correlation id of each event",
            };
            Failure::check(format!(
                "none of the {events} events read has the correlation id {:?}",
                id.as_str()
            ))
            .hint(hint)
        }
    }
}

async fn of_stream(
    store: &EventStore,
    stream: &StreamId,
    limit: u64,
) -> Result<(Vec<RecordedEvent>, More), Failure> {
    let version = store.stream_version(stream).await?;
    if version.0 == 0 {
        return Err(not_found(&Of::Stream(stream.clone()), None));
    }
    let events = store.read_stream(stream)?.to(version).limit(size(limit)).collect().await?;
    let told = events.last().map_or(0, |event| event.stream_version.0);
    let more = version.0.saturating_sub(told);
    Ok((events, if more == 0 { More::Nothing } else { More::Exactly(more) }))
}

async fn of_tag(store: &EventStore, tag: &Tag, limit: u64) -> Result<(Vec<RecordedEvent>, More), Failure> {
    let most = limit.saturating_add(COUNTED_MAX);
    let mut found = store.read_all().matching(Query::tags([tag.clone()])).limit(size(most)).events();
    let (mut events, mut more) = (Vec::new(), 0);
    while let Some(event) = found.next().await? {
        if size(limit) > events.len() { events.push(event) } else { more += 1 }
    }
    if events.is_empty() {
        return Err(not_found(&Of::Tag(tag.clone()), None));
    }
    Ok((
        events,
        match more {
            0 => More::Nothing,
            COUNTED_MAX => More::AtLeast(COUNTED_MAX),
            more => More::Exactly(more),
        },
    ))
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The events of a story and what they caused, gathered by one walk: a cause stands in the log before what it caused.
pub(super) struct Walk<'c> {
    /// By position, and whether it is of the story itself.
    pub(super) events: BTreeMap<Position, (RecordedEvent, bool)>,
    pub(super) ids: HashSet<EventId>,
    pub(super) correlation: Option<&'c CorrelationId>,
    limit: u64,
    of_story: u64,
    caused: u64,
    left_out: u64,
    cut: bool,
}

impl<'c> Walk<'c> {
    fn new(events: Vec<RecordedEvent>, correlation: Option<&'c CorrelationId>, limit: u64) -> Self {
        let ids = events.iter().map(|event| event.event_id).collect();
        let events = events.into_iter().map(|event| (event.position, (event, true))).collect();
        Self { events, ids, correlation, limit, of_story: 0, caused: 0, left_out: 0, cut: false }
    }

    async fn through(&mut self, store: &EventStore, bounds: &Bounds) -> Result<Scanned, Failure> {
        let head = store.head().await?.position;
        let from = match (self.events.keys().next(), &bounds.since) {
            (Some(first), _) => *first,
            (None, Some(since)) => store.position_before(&Start::At(*since)).await?.next(),
            (None, None) => Position::START.next(),
        };
        let mut log = store.read_all().from(from).to(head).limit(size(bounds.scan)).events();
        let progress = Progress::positions(head.0, false);
        let mut scanned = Scanned { from, through: from, events: 0, stopped: false, cut: false };
        while let Some(event) = log.next().await? {
            scanned.through = event.position;
            scanned.events += 1;
            progress.reach(event.position.0);
            self.take(event);
        }
        progress.clear();
        scanned.stopped = scanned.events >= bounds.scan && scanned.through < head;
        scanned.cut = self.cut;
        Ok(scanned)
    }

    fn take(&mut self, event: RecordedEvent) {
        if self.events.contains_key(&event.position) {
            return;
        }
        let is_of_story = self.correlation.is_some() && event.correlation_id.as_ref() == self.correlation;
        let is_caused = cause_of(&event).is_some_and(|cause| self.ids.contains(&cause));
        if is_of_story && self.of_story >= self.limit {
            self.left_out += 1;
        } else if is_caused && !is_of_story && self.caused >= self.limit {
            self.cut = true;
        } else if is_of_story || is_caused {
            let counter = if is_of_story { &mut self.of_story } else { &mut self.caused };
            *counter += 1;
            self.ids.insert(event.event_id);
            self.events.insert(event.position, (event, is_of_story));
        }
    }
}

/// The id of the event that caused another, where that is what its causation id is.
pub(super) fn cause_of(event: &RecordedEvent) -> Option<EventId> {
    event.causation_id.as_ref().and_then(|cause| cause.as_str().parse().ok())
}

/// The events that caused those of the story, looked up by their ids.
async fn causes(
    store: &EventStore,
    events: &BTreeMap<Position, (RecordedEvent, bool)>,
) -> Result<HashMap<EventId, Cause>, Failure> {
    let mut causes = HashMap::new();
    let mut elsewhere: HashSet<EventId> = HashSet::new();
    let here: HashMap<EventId, &RecordedEvent> =
        events.values().map(|(event, _)| (event.event_id, event)).collect();
    for (event, _) in events.values() {
        let Some(id) = cause_of(event) else { continue };
        match here.get(&id) {
            Some(cause) => drop(causes.insert(id, named(cause))),
            None => drop(elsewhere.insert(id)),
        }
    }
    let ids: Vec<EventId> = elsewhere.into_iter().collect();
    for page in ids.chunks(IDS_MAX) {
        for cause in store.events(page.to_vec()).await? {
            causes.insert(cause.event_id, named(&cause));
        }
    }
    Ok(causes)
}

/// So many ids are looked up at once.
const IDS_MAX: usize = 200;

fn named(event: &RecordedEvent) -> Cause {
    Cause {
        event_type: event.event_type.to_string(),
        stream: event.stream_id.to_string(),
        version: event.stream_version.0,
    }
}
