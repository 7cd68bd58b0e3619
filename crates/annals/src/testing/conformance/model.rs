//! Random histories: the store under test and the store in memory are asked the same, and must answer alike.

use std::sync::Arc;

use super::kit::{Random, STREAMS, TAGS, ensure, ensure_eq, random_event, random_query, shown, stream, tag};
use super::read::came_back;
use super::{Failure, Outcome, Suite};
use crate::append::{Append, Appended};
use crate::backend::{Capabilities, Direction, LogRange, StreamRange};
use crate::error::{Conflict, Error, Result};
use crate::event::{EventId, NewEvent, RecordedEvent};
use crate::memory::MemoryStore;
use crate::payload::JsonText;
use crate::query::{Condition, Position, Query};
use crate::store::{EventStore, Options};
use crate::stream::{Expected, StreamId, Version};

/// How long a history is.
const OPERATIONS: usize = 600;

pub(super) async fn random_operations_match_the_store_in_memory(suite: &Suite) -> Result<Outcome, Failure> {
    let (name, store) = suite.store().await?;
    let handles = [store, suite.open(&name).await?];
    let mut model = Model {
        memory: EventStore::new(Arc::new(MemoryStore::new()), Options::default()),
        capabilities: handles[0].capabilities().clone(),
        positions: Vec::new(),
        written: Vec::new(),
        checkpoint: None,
    };
    let mut random = suite.random();
    let mut appended = 0;
    for step in 0..OPERATIONS {
        let store = random.pick(&handles);
        let at =
            |failure: Failure| Failure { what: format!("operation {step}: {}", failure.what), ..failure };
        match random.below(10) {
            0..=4 => {
                let mut appends = vec![model.any_append(&mut random)?];
                while random.percent(25) {
                    appends.push(model.any_append(&mut random)?);
                }
                appended += model.append(store, appends).await.map_err(at)?;
            }
            5 => model.read_stream(store, &mut random).await.map_err(at)?,
            6 if model.capabilities.total_order => model.read_log(store, &mut random).await.map_err(at)?,
            7 => model.list(store, &mut random).await.map_err(at)?,
            8 => model.move_checkpoint(store, &mut random).await.map_err(at)?,
            _ => model.find(store, &mut random).await.map_err(at)?,
        }
    }
    for id in STREAMS {
        let range = |direction| -> Result<StreamRange> {
            Ok(StreamRange { stream_id: stream(id)?, from: Version(1), direction, limit: 100_000 })
        };
        model.compare_stream(&handles[0], range(Direction::Forward)?).await?;
    }
    Ok(Outcome::passed(format!("{OPERATIONS} operations, {appended} of the appends written")))
}

/// The store in memory, and how its positions are called in the store under test, which may leave holes.
struct Model {
    memory: EventStore,
    capabilities: Capabilities,
    /// At index `p - 1`, what position `p` in memory is in the store under test.
    positions: Vec<Position>,
    written: Vec<Append>,
    /// The stored checkpoint, as a position in memory.
    checkpoint: Option<Position>,
}

impl Model {
    fn there(&self, position: Position) -> Position {
        match position.0 {
            0 => position,
            p => {
                usize::try_from(p - 1).ok().and_then(|at| self.positions.get(at)).copied().unwrap_or(position)
            }
        }
    }

    /// New appends, repeated ones, and all that lies between.
    fn any_append(&self, random: &mut Random) -> Result<Append, Failure> {
        if !self.written.is_empty() && random.percent(20) {
            let mut again = random.pick(&self.written).clone();
            match random.below(5) {
                0 => again.events[0].1.payload = JsonText::parse("\"changed\"")?.into(),
                1 => again.events.push((again.events[0].0.clone(), random_event(random)?)),
                2 => drop(again.events.pop()),
                3 if self.capabilities.store_wide_event_ids => {
                    let elsewhere = stream(random.pick(STREAMS))?;
                    again.events.iter_mut().for_each(|(id, _)| *id = elsewhere.clone());
                    again.expectations.clear();
                }
                _ => {}
            }
            return Ok(again);
        }
        let mut append = Append::default();
        let streams = if self.capabilities.several_streams { 1 + random.below(3) } else { 1 };
        for _ in 0..streams {
            let id = stream(random.pick(STREAMS))?;
            let expected = match random.below(8) {
                0 => Expected::NoStream,
                1 => Expected::StreamExists,
                2 => Expected::version(random.below(12)),
                3 => Expected::version(self.version(&id)),
                _ => Expected::Any,
            };
            let size = if random.percent(5) { 0 } else { 1 + random.below(4) };
            let events = (0..size).map(|_| random_event(random)).collect::<Result<Vec<_>>>()?;
            append = append.and(id, expected, events);
        }
        if self.capabilities.query_conditions && random.percent(25) {
            let after = Position(random.below(self.positions.len() as u64 + 1));
            append = append.when(Condition { query: random_query(random)?, after });
        }
        Ok(append)
    }

    /// Where a stream is, going by what was written.
    fn version(&self, id: &StreamId) -> u64 {
        self.written.iter().flat_map(|append| &append.events).filter(|(written, _)| written == id).count()
            as u64
    }

    async fn append(&mut self, store: &EventStore, appends: Vec<Append>) -> Result<u64, Failure> {
        let theirs: Vec<Append> = appends.iter().map(|append| self.translate(append)).collect();
        // One by one in memory and together in the store: a batch is carried out in order (rule 5). What a
        // condition of the batch says of later positions is left out, since those are not known before.
        let answers = store.append_all(theirs).await;
        let mut written = 0;
        for (append, answer) in appends.into_iter().zip(answers) {
            let expected = self.memory.append_one(append.clone()).await;
            if let (Ok(here), Ok(_)) = (&expected, &answer)
                && !here.duplicate
            {
                self.note_positions(store, &append).await?;
                self.written.push(append.clone());
                written += 1;
            }
            self.compare_answers(&append, expected, answer)?;
        }
        Ok(written)
    }

    fn translate(&self, append: &Append) -> Append {
        let mut append = append.clone();
        if let Some(condition) = &mut append.condition {
            condition.after = self.there(condition.after);
        }
        append
    }

    async fn note_positions(&mut self, store: &EventStore, append: &Append) -> Result<(), Failure> {
        let ids: Vec<EventId> = append.events.iter().map(|(_, event)| event.event_id).collect();
        let found = store.events(ids).await?;
        ensure_eq!(found.len(), append.events.len(), "events of an append, found by their ids");
        for ((id, sent), found) in append.events.iter().zip(&found) {
            came_back(sent, found)?;
            ensure_eq!(found.stream_id, *id, "the stream of an event found by its id");
            let last = self.positions.last().copied().unwrap_or_default();
            ensure!(
                found.position > last || !self.capabilities.total_order,
                "the next position",
                format!("more than {last}"),
                found.position
            );
            self.positions.push(found.position);
        }
        Ok(())
    }

    fn compare_answers(
        &self,
        append: &Append,
        expected: Result<Appended>,
        found: Result<Appended>,
    ) -> Result<(), Failure> {
        let what = || format!("the answer to {}", shown(append));
        match (expected, found) {
            (Ok(expected), Ok(found)) => {
                ensure_eq!(found.streams, expected.streams, "{}", what());
                ensure_eq!(found.duplicate, expected.duplicate, "whether it is a duplicate: {}", what());
                if self.capabilities.total_order {
                    let places = (self.there(expected.first_position), self.there(expected.last_position));
                    ensure_eq!(
                        (found.first_position, found.last_position),
                        places,
                        "positions in {}",
                        what()
                    );
                }
            }
            (Err(expected), Err(found)) => {
                ensure_eq!(found.kind(), expected.kind(), "{} ({found})", what());
                let conflict = expected.conflict().map(|conflict| self.translate_conflict(conflict));
                ensure_eq!(found.conflict(), conflict.as_ref(), "the conflict in {}", what());
            }
            (expected, found) => return Err(super::kit::unequal(what(), &expected, &found)),
        }
        Ok(())
    }

    fn translate_conflict(&self, conflict: &Conflict) -> Conflict {
        match conflict {
            Conflict::Condition { after, found } => {
                Conflict::Condition { after: self.there(*after), found: self.there(*found) }
            }
            other => other.clone(),
        }
    }

    async fn read_stream(&self, store: &EventStore, random: &mut Random) -> Result<(), Failure> {
        let range = StreamRange {
            stream_id: stream(random.pick(STREAMS))?,
            from: Version(random.below(20)),
            direction: *random.pick(&[Direction::Forward, Direction::Backward]),
            limit: 1 + random.size(10),
        };
        self.compare_stream(store, range).await
    }

    async fn compare_stream(&self, store: &EventStore, range: StreamRange) -> Result<(), Failure> {
        let expected = self.memory.stream_page(range.clone()).await?;
        let found = store.stream_page(range.clone()).await?;
        ensure_eq!((found.version, found.end), (expected.version, expected.end), "where {range:?} ends");
        self.compare_events(&expected.events, &found.events, &format!("{range:?}"))
    }

    async fn read_log(&self, store: &EventStore, random: &mut Random) -> Result<(), Failure> {
        let query = if random.percent(20) { Query::all() } else { random_query(random)? };
        let from = Position(random.below(self.positions.len() as u64 + 3));
        let direction = *random.pick(&[Direction::Forward, Direction::Backward]);
        let limit = 1 + random.size(20);
        let range = LogRange { query, from, direction, limit };
        let expected = self.memory.log_page(range.clone()).await?;
        let found = store.log_page(LogRange { from: self.there(from), ..range.clone() }).await?;
        // Before the first position and beyond the last the two may call a place differently.
        if from.0 > 0 && from.0 <= self.positions.len() as u64 {
            ensure_eq!(found.end, expected.end, "where {range:?} ends");
            self.compare_events(&expected.events, &found.events, &format!("{range:?}"))?;
        }
        Ok(())
    }

    fn compare_events(
        &self,
        expected: &[RecordedEvent],
        found: &[RecordedEvent],
        what: &str,
    ) -> Result<(), Failure> {
        let places = |events: &[RecordedEvent], here: bool| -> Vec<(EventId, Version, Position)> {
            let position = |p: Position| match (self.capabilities.total_order, here) {
                (false, _) => Position::START,
                (true, true) => self.there(p),
                (true, false) => p,
            };
            events.iter().map(|e| (e.event_id, e.stream_version, position(e.position))).collect()
        };
        ensure_eq!(places(found, false), places(expected, true), "events of {what}");
        for (expected, found) in expected.iter().zip(found) {
            let same = expected.payload.same_value(&found.payload)
                && expected.event_type == found.event_type
                && expected.tags == found.tags
                && expected.stream_id == found.stream_id;
            ensure!(same, format!("an event of {what}"), shown(expected), shown(found));
        }
        Ok(())
    }

    async fn list(&self, store: &EventStore, random: &mut Random) -> Result<(), Failure> {
        let id = random.pick(STREAMS);
        let prefix = &id[..random.size(id.len() + 1)];
        let after = if random.percent(50) { Some(stream(random.pick(STREAMS))?) } else { None };
        let limit = 1 + random.size(8);
        let expected = self.memory.list_streams(prefix, after.as_ref(), limit).await?;
        let found = store.list_streams(prefix, after.as_ref(), limit).await?;
        ensure_eq!(found, expected, "{limit} streams that begin with {prefix:?} after {after:?}");
        let expected = self.memory.list_event_types(None, limit).await?;
        ensure_eq!(store.list_event_types(None, limit).await?, expected, "the first {limit} event types");
        let (expected, found) = (self.memory.stats().await?, store.stats().await?);
        let counts = |stats: &crate::backend::Stats| (stats.events, stats.streams, stats.event_types);
        ensure_eq!(counts(&found), counts(&expected), "what is counted");
        Ok(())
    }

    async fn move_checkpoint(&mut self, store: &EventStore, random: &mut Random) -> Result<(), Failure> {
        let at = |position: Position| store.checkpoint_at(self.there(position));
        let stored = store.load_checkpoint("model").await?;
        ensure_eq!(stored, self.checkpoint.map(at), "the stored checkpoint");
        let next = Position(random.below(self.positions.len() as u64 + 1));
        let previous = if random.percent(30) { Some(next) } else { self.checkpoint };
        let result = store.save_checkpoint("model", previous.map(at).as_ref(), &at(next)).await;
        if previous == self.checkpoint {
            result?;
            self.checkpoint = Some(next);
        } else {
            let told = Conflict::Checkpoint { name: "model".into(), actual: stored };
            ensure_eq!(
                result.as_ref().err().and_then(Error::conflict),
                Some(&told),
                "a checkpoint's conflict"
            );
        }
        Ok(())
    }

    async fn find(&self, store: &EventStore, random: &mut Random) -> Result<(), Failure> {
        let mut ids = vec![EventId::new()];
        for _ in 0..random.below(5) {
            if !self.written.is_empty() {
                let events: &[(StreamId, NewEvent)] = &random.pick(&self.written).events;
                ids.push(random.pick(events).1.event_id);
            }
        }
        let (expected, found) = (self.memory.events(ids.clone()).await?, store.events(ids).await?);
        self.compare_events(&expected, &found, "events by their ids")?;
        let query = Query::tags([tag(random.pick(TAGS))?]);
        if self.capabilities.total_order {
            let expected =
                self.memory.read_all().matching(query.clone()).backward().limit(5).collect().await?;
            let found = store.read_all().matching(query).backward().limit(5).collect().await?;
            self.compare_events(&expected, &found, "the newest with a tag")?;
        }
        Ok(())
    }
}
