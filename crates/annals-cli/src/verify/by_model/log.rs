//! What has to hold of the stream itself: order, the refusal of a stale write, repetition, replay.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use annals::{
    ErrorKind, EventStore, EventType, Expected, JsonText, NewEvent, RecordedEvent, StreamId, Tag, Version,
};
use annals_generate::story::{Story, Told};
use annals_model::model::Length;
use serde_json::Value;

use crate::failure::Failure;

/// How many events the long stream has at most: enough to tell the rate.
const LONG_MAX: u64 = 5_000;

/// How many events of it are written at once.
const BATCH: usize = 100;

/// The stream while it is verified.
pub(super) struct Log<'a> {
    store: &'a EventStore,
    story: &'a Story,
    stream_id: StreamId,
    new: Vec<NewEvent>,
    events: Vec<RecordedEvent>,
}

impl<'a> Log<'a> {
    pub(super) fn new(store: &'a EventStore, story: &'a Story) -> Result<Self, Failure> {
        let stream_id = StreamId::new(&story.stream_id).map_err(|e| {
            Failure::check(format!(
                "the key of {} makes the stream id {:?}: {e}",
                story.stream, story.stream_id
            ))
            .hint("change the key, or the values of the example")
        })?;
        let new = story.events.iter().map(new_event).collect::<Result<_, _>>()?;
        Ok(Self { store, story, stream_id, new, events: Vec::new() })
    }

    /// The events as they are stored.
    pub(super) fn events(&self) -> &[RecordedEvent] {
        &self.events
    }

    /// Each event alone, at the version after the last: read again they stand in that order, and say what was written.
    pub(super) async fn append(&mut self) -> Result<String, Failure> {
        let mut slowest = Duration::ZERO;
        let start = Instant::now();
        for (n, event) in self.new.iter().enumerate() {
            let one = Instant::now();
            self.store.append(self.stream_id.clone(), after(n), [event.clone()]).await?;
            slowest = slowest.max(one.elapsed());
        }
        let mean = start.elapsed() / u32::try_from(self.new.len()).unwrap_or(1).max(1);
        self.events = self.read().await?;
        let versions = self.events.iter().map(|event| event.stream_version.0);
        check(versions.eq(1..=self.new.len() as u64), "the versions have gaps or another order")?;
        let rising = self.events.windows(2).all(|pair| pair[0].position < pair[1].position);
        check(rising, "positions do not rise with versions")?;
        let same = self
            .new
            .iter()
            .zip(&self.events)
            .all(|(new, stored)| new.is_recorded_as(&self.stream_id, stored) && new.tags == stored.tags);
        check(same, "what was read is not what was written")?;
        Ok(format!(
            "versions 1 to {} without a gap, {} each, the slowest {}",
            self.new.len(),
            time(mean),
            time(slowest)
        ))
    }

    /// Two writers that have read the same version: one is let in, the other is told where the stream is.
    pub(super) async fn conflict(&mut self) -> Result<String, Failure> {
        let before = self.events.len();
        let writer = |told: &Told| new_event(told);
        let last = self.story.events.last().ok_or_else(|| Failure::check("the story has no event"))?;
        let (one, other) = (writer(last)?, writer(last)?);
        let append = |event: NewEvent| self.store.append(self.stream_id.clone(), after(before), [event]);
        let (one, other) = tokio::join!(append(one), append(other));
        let refused = match (one, other) {
            (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
            (Ok(_), Ok(_)) => return Err(Failure::check("two writers at the same version were both let in")),
            (Err(one), Err(_)) => return Err(one.into()),
        };
        check(refused.kind() == ErrorKind::Conflict, "the loser was not told of a conflict")?;
        self.events = self.read().await?;
        check(self.events.len() == before + 1, "the loser's event is there")?;
        Ok(format!("of two at version {before} one was let in, the other told: {refused}"))
    }

    /// The same append again, as after an answer that was lost, is answered as the first was; the same id with other
    /// content is refused.
    pub(super) async fn repeat(&mut self) -> Result<String, Failure> {
        let Some((last, event)) = self.new.iter().enumerate().next_back() else { return Ok(String::new()) };
        let before = self.events.len();
        let again = self.store.append(self.stream_id.clone(), after(last), [event.clone()]).await?;
        check(again.version() == Version(last as u64 + 1), "a repeated write was given another place")?;
        let other = NewEvent {
            payload: JsonText::of(&serde_json::json!({ "other": true }))?.into(),
            ..event.clone()
        };
        let refused = self.store.append(self.stream_id.clone(), after(before), [other]).await;
        check(refused.is_err(), "another event with an id that is there was taken in")?;
        let now = self.read().await?.len();
        check(now == before, "a repeated write was stored twice")?;
        Ok(format!("at version {} as the first time, the stream has {now} events", again.version()))
    }

    /// Read twice, whole and in two parts, the events give the same.
    pub(super) async fn replay(&mut self) -> Result<String, Failure> {
        let start = Instant::now();
        let all = self.read().await?;
        let took = start.elapsed();
        let half = Version(all.len() as u64 / 2);
        let first = self.part(Version(1), half).await?;
        let rest = self.part(half.next(), Version(all.len() as u64)).await?;
        let mut in_parts = fold(&first);
        in_parts.extend(fold(&rest));
        let whole = fold(&all);
        check(all == self.events, "two readings of the stream differ")?;
        check(whole == in_parts, "the state from the whole stream is not that from its two parts")?;
        let members: Vec<&str> = whole.keys().map(String::as_str).collect();
        Ok(format!("{} events in {}, the same in two parts: {}", all.len(), time(took), members.join(", ")))
    }

    /// What a load costs when the stream is as long as the model expects, since that is what a snapshot would save.
    pub(super) async fn replay_long(&self, length: Option<&Length>) -> Result<String, Failure> {
        let said = length.and_then(|length| {
            let most = length.most.as_ref().and_then(|most| most.value);
            most.or_else(|| length.usual.as_ref().map(|usual| usual.value))
        });
        let count = said.unwrap_or(1_000).clamp(1, LONG_MAX);
        let stream_id = StreamId::new(format!("{}-long", self.stream_id))?;
        let mut told = self.story.events.iter().cycle();
        let mut written = 0;
        while written < count {
            let batch = told.by_ref().take(BATCH.min(usize::try_from(count - written).unwrap_or(BATCH)));
            let batch = batch.map(new_event).collect::<Result<Vec<_>, _>>()?;
            let version = after(usize::try_from(written).unwrap_or(usize::MAX));
            written += batch.len() as u64;
            self.store.append(stream_id.clone(), version, batch).await?;
        }
        let start = Instant::now();
        let read = self.store.read_stream(stream_id)?.collect().await?;
        let took = start.elapsed();
        check(read.len() as u64 == count, "events of the long stream are missing")?;
        let expected = match said {
            None => "the model says no length".to_owned(),
            Some(most) if most > LONG_MAX => {
                let all = took.mul_f64(most as f64 / count as f64);
                format!("the model expects up to {most}: ~{}", time(all))
            }
            Some(most) => format!("as long as the model expects, {most}"),
        };
        let each = took / u32::try_from(count).unwrap_or(u32::MAX);
        Ok(format!("{count} events in {}, {} each ({expected})", time(took), time(each)))
    }

    async fn part(&self, from: Version, to: Version) -> Result<Vec<RecordedEvent>, Failure> {
        Ok(self.store.read_stream(self.stream_id.clone())?.from(from).to(to).collect().await?)
    }

    async fn read(&self) -> Result<Vec<RecordedEvent>, Failure> {
        Ok(self.store.read_stream(self.stream_id.clone())?.collect().await?)
    }
}

/// Nothing in a stream of no events, and otherwise its version.
fn after(events: usize) -> Expected {
    if events == 0 { Expected::NoStream } else { Expected::Version(Version(events as u64)) }
}

fn new_event(told: &Told) -> Result<NewEvent, Failure> {
    let mut event = NewEvent::new(EventType::new(&told.event_type)?, JsonText::of(&told.payload)?);
    event.schema_version = told.version;
    for tag in &told.tags {
        event = event.tagged(Tag::new(tag)?);
    }
    Ok(event)
}

/// What was said last of each member: all that is known of a state without the code of the domain.
fn fold(events: &[RecordedEvent]) -> BTreeMap<String, Value> {
    let members =
        |event: &RecordedEvent| event.payload.decode::<BTreeMap<String, Value>>().unwrap_or_default();
    events.iter().flat_map(members).collect()
}

fn check(holds: bool, otherwise: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::check(otherwise)) }
}

/// `1.2 ms`, `85 us`.
pub(super) fn time(took: Duration) -> String {
    match took.as_secs_f64() {
        s if s >= 1.0 => format!("{s:.1} s"),
        s if s >= 0.001 => format!("{:.1} ms", s * 1e3),
        s => format!("{:.1} us", s * 1e6),
    }
}
