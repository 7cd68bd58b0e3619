//! A rule that cannot fail proves nothing: stores that lie, each caught by the rule it breaks.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals::backend::{
    Backend, BoxFuture, Capabilities, Direction, Durability, EventTypeInfo, HashFormula, Head, LogPage,
    LogRange, RewriteAttempt, Stats, StoreId, StreamInfo, StreamPage, StreamRange,
};
use annals::memory::MemoryStore;
use annals::snapshot::{Snapshot, SnapshotKey};
use annals::testing::conformance::{Harness, RULES, Suite, Tampering};
use annals::{
    Append, Appended, Checkpoint, EventId, EventType, JsonText, Payload, Position, Query, QueryItem,
    RecordedEvent, Result, Scope, StreamId, Version,
};

/// What a store does against the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    Nothing,
    ReversesAnAppend,
    WritesEventByEvent,
    IgnoresExpectations,
    TellsTheWrongVersion,
    ChecksBeforeItLocks,
    FailsTheWholeBatch,
    WritesARetryAgain,
    HidesThatItIsARetry,
    LeavesOutTheFirstBackward,
    SaysEveryPageIsTheLast,
    ReadsNumbersAsFloats,
    ReadsTextWithoutNul,
    ShowsAPositionLate,
    SkipsAPositionOnce,
    TakesCategoriesForPrefixes,
    ForgetsAllTagsButOne,
    PutsTheCheckpointTooFar,
    KeepsTheCheckpointBack,
    ChecksOneStream,
    LooksOnePositionTooLate,
    LooksAtTheWholeLog,
    ChecksTheConditionBeforeItLocks,
    TrimsStreamIds,
    AllowsARewrite,
    ClaimsToBeDurable,
    SwapsCheckpointsUnseen,
    ForgetsTheStateVersion,
    MakesAStoreForEachHandle,
    SharesNamespaces,
    HidesTampering,
    ChangesThePayload,
    FindsInItsOwnOrder,
    ListsByLength,
    ListsOneTooMany,
}

use Lie::*;

/// Each lie, and the rules that must find it out.
const LIES: &[(Lie, &[u8])] = &[
    (ReversesAnAppend, &[1]),
    (WritesEventByEvent, &[2, 17]),
    (IgnoresExpectations, &[3, 4, 5, 12]),
    (TellsTheWrongVersion, &[3]),
    (ChecksBeforeItLocks, &[4]),
    (FailsTheWholeBatch, &[5]),
    (WritesARetryAgain, &[6, 18]),
    (HidesThatItIsARetry, &[6]),
    (LeavesOutTheFirstBackward, &[7]),
    (SaysEveryPageIsTheLast, &[7, 10]),
    (ReadsNumbersAsFloats, &[8]),
    (ReadsTextWithoutNul, &[8]),
    (ShowsAPositionLate, &[9, 11]),
    (SkipsAPositionOnce, &[9, 11]),
    (TakesCategoriesForPrefixes, &[10]),
    (ForgetsAllTagsButOne, &[10]),
    (PutsTheCheckpointTooFar, &[10]),
    (KeepsTheCheckpointBack, &[10, 11]),
    (ChecksOneStream, &[12]),
    (LooksOnePositionTooLate, &[13]),
    (LooksAtTheWholeLog, &[13]),
    (ChecksTheConditionBeforeItLocks, &[13]),
    (TrimsStreamIds, &[14]),
    (AllowsARewrite, &[15]),
    (ClaimsToBeDurable, &[16]),
    (SwapsCheckpointsUnseen, &[21]),
    (ForgetsTheStateVersion, &[21]),
    (MakesAStoreForEachHandle, &[19]),
    (SharesNamespaces, &[20]),
    (HidesTampering, &[22]),
    (ChangesThePayload, &[22]),
    (FindsInItsOwnOrder, &[23]),
    (ListsByLength, &[24]),
    (ListsOneTooMany, &[24]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_lie_is_caught_by_its_rule() {
    let mut believed = Vec::new();
    for (lie, rules) in LIES {
        for number in *rules {
            let rule = RULES.iter().find(|rule| rule.number == *number).unwrap();
            let suite = Suite::new(Liars { lie: *lie, stores: Mutex::default() });
            let report = suite.check(rule).await;
            println!("{lie:?}: {report}");
            if let Ok(outcome) = report.result {
                believed.push(format!("{lie:?}: rule {number} {outcome}"));
            }
        }
    }
    assert!(believed.is_empty(), "{}", believed.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_a_lie_every_rule_passes() {
    for rule in RULES {
        let suite = Suite::new(Liars { lie: Nothing, stores: Mutex::default() });
        let report = suite.check(rule).await;
        assert!(report.result.is_ok(), "{report}");
    }
}

/// Makes stores that lie.
struct Liars {
    lie: Lie,
    stores: Mutex<HashMap<String, Arc<MemoryStore>>>,
}

impl Liars {
    fn store(&self, name: &str) -> Arc<MemoryStore> {
        let new = || match name.split_once(' ') {
            Some((_, formula)) => MemoryStore::with_hash_chain(formula.parse().unwrap()),
            None => MemoryStore::named("", Some("one".parse().unwrap()), None).unwrap(),
        };
        if self.lie == MakesAStoreForEachHandle {
            return Arc::new(new());
        }
        self.stores.lock().unwrap().entry(name.to_owned()).or_insert_with(|| Arc::new(new())).clone()
    }
}

impl Harness for Liars {
    fn fresh(&self) -> String {
        EventId::new().to_string()
    }

    fn open<'a>(&'a self, store: &'a str) -> BoxFuture<'a, Result<Arc<dyn Backend>>> {
        let liar = Liar { lie: self.lie, honest: self.store(store), looks: AtomicU64::new(0) };
        Box::pin(std::future::ready(Ok(Arc::new(liar) as Arc<dyn Backend>)))
    }

    fn chained(&self, formula: HashFormula) -> Option<String> {
        Some(format!("{} {formula}", self.fresh()))
    }

    fn sibling(&self, store: &str) -> Option<String> {
        Some(if self.lie == SharesNamespaces { store.to_owned() } else { self.fresh() })
    }

    fn is_shared(&self) -> bool {
        self.lie == ClaimsToBeDurable
    }

    fn tamper<'a>(&'a self, _: &'a str, _: Tampering) -> BoxFuture<'a, Result<bool>> {
        Box::pin(std::future::ready(Ok(self.lie == HidesTampering)))
    }
}

#[derive(Debug)]
struct Liar {
    lie: Lie,
    honest: Arc<MemoryStore>,
    looks: AtomicU64,
}

impl Liar {
    /// Lets others run, as a database does between two statements that nothing holds together.
    async fn pause(&self) {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }

    async fn one(&self, append: Append) -> Result<Appended> {
        self.honest.append(Arc::from([append])).await?.pop().unwrap()
    }

    async fn append_one(&self, mut append: Append) -> Result<Appended> {
        match self.lie {
            ReversesAnAppend => append.events.reverse(),
            IgnoresExpectations => append.expectations.clear(),
            ChecksOneStream => append.expectations.truncate(1),
            LooksOnePositionTooLate => {
                if let Some(condition) = &mut append.condition {
                    condition.after = condition.after.next();
                }
            }
            LooksAtTheWholeLog => {
                if let Some(condition) = &mut append.condition {
                    condition.query = Query::all();
                }
            }
            ChecksBeforeItLocks => {
                for (stream_id, expected) in std::mem::take(&mut append.expectations) {
                    let (from, direction) = (Version(1), Direction::Forward);
                    let range = StreamRange { stream_id: stream_id.clone(), from, direction, limit: 1 };
                    let actual = self.honest.read_stream(range).await?.version;
                    if !expected.allows(actual) {
                        return Err(annals::Conflict::Version { stream_id, expected, actual }.into());
                    }
                }
                self.pause().await;
            }
            ChecksTheConditionBeforeItLocks => {
                if let Some(condition) = append.condition.take() {
                    let (query, after) = (condition.query, condition.after);
                    let range =
                        LogRange { query, from: after.next(), direction: Direction::Forward, limit: 1 };
                    if let Some(event) = self.honest.read_log(range).await?.events.pop() {
                        return Err(annals::Conflict::Condition { after, found: event.position }.into());
                    }
                    self.pause().await;
                }
            }
            WritesARetryAgain => {
                for (_, event) in &mut append.events {
                    event.event_id = EventId::new();
                }
                append.expectations.clear();
                append.condition = None;
            }
            WritesEventByEvent => {
                let expectations = std::mem::take(&mut append.expectations);
                let mut last = None;
                for (n, event) in append.events.into_iter().enumerate() {
                    let expectations = if n == 0 { expectations.clone() } else { Vec::new() };
                    let one = Append { events: vec![event], expectations, condition: None };
                    last = Some(self.one(one).await?);
                    self.pause().await;
                }
                return Ok(last.unwrap());
            }
            _ => {}
        }
        let answer = self.one(append).await;
        match (self.lie, answer) {
            (HidesThatItIsARetry, Ok(appended)) => Ok(Appended { duplicate: false, ..appended }),
            (TellsTheWrongVersion, Err(error)) => match error.conflict() {
                Some(annals::Conflict::Version { stream_id, expected, actual }) => {
                    let (stream_id, expected, actual) = (stream_id.clone(), *expected, actual.next());
                    Err(annals::Conflict::Version { stream_id, expected, actual }.into())
                }
                _ => Err(error),
            },
            (_, answer) => answer,
        }
    }

    fn retell(&self, mut event: RecordedEvent) -> RecordedEvent {
        let changed = match (self.lie, &event.payload) {
            (ReadsNumbersAsFloats, Payload::Json(json)) => json.decode::<f64>().ok().map(|n| n.to_string()),
            (ReadsTextWithoutNul, Payload::Json(json)) => Some(json.as_str().replace("\\u0000", "")),
            (ChangesThePayload, Payload::Json(_)) if event.position == Position(7) => Some("0".into()),
            _ => None,
        };
        if let Some(json) = changed.and_then(|text| JsonText::parse(text).ok()) {
            event.payload = json.into();
        }
        event
    }
}

/// A query as somebody might understand it.
fn misread(query: &Query, change: impl Fn(&mut QueryItem)) -> Query {
    let items = query.items().iter().cloned().map(|mut item| {
        change(&mut item);
        Query::from(item)
    });
    items.reduce(Query::or).unwrap_or_else(|| query.clone())
}

impl Backend for Liar {
    fn capabilities(&self) -> &Capabilities {
        self.honest.capabilities()
    }

    fn store_id(&self) -> StoreId {
        self.honest.store_id()
    }

    fn hash_formula(&self) -> Option<HashFormula> {
        self.honest.hash_formula()
    }

    fn append(&self, batch: Arc<[Append]>) -> BoxFuture<'_, Result<Vec<Result<Appended>>>> {
        Box::pin(async move {
            let mut answers = Vec::new();
            for append in batch.iter() {
                let answer = self.append_one(append.clone()).await;
                if self.lie == FailsTheWholeBatch
                    && let Err(error) = &answer
                {
                    return Ok(vec![Err(error.clone()); batch.len()]);
                }
                answers.push(answer);
            }
            Ok(answers)
        })
    }

    fn read_stream(&self, mut range: StreamRange) -> BoxFuture<'_, Result<StreamPage>> {
        if self.lie == TrimsStreamIds {
            let trimmed = StreamId::new(range.stream_id.as_str().trim());
            range.stream_id = trimmed.unwrap_or(range.stream_id);
        }
        if self.lie == LeavesOutTheFirstBackward && range.direction == Direction::Backward {
            range.from = Version(range.from.0.saturating_sub(1));
        }
        Box::pin(async move {
            let mut page = self.honest.read_stream(range).await?;
            page.end |= self.lie == SaysEveryPageIsTheLast;
            page.events = page.events.into_iter().map(|event| self.retell(event)).collect();
            Ok(page)
        })
    }

    fn read_log(&self, mut range: LogRange) -> BoxFuture<'_, Result<LogPage>> {
        range.query = match self.lie {
            TakesCategoriesForPrefixes => misread(&range.query, |item| {
                if let Scope::Category(category) = &item.scope {
                    item.scope = Scope::Prefix(category.to_string());
                }
            }),
            ForgetsAllTagsButOne => misread(&range.query, |item| item.tags.truncate(1)),
            _ => range.query,
        };
        Box::pin(async move {
            let look = self.looks.fetch_add(1, Ordering::Relaxed);
            let from = range.from;
            let mut page = self.honest.read_log(range).await?;
            let head = self.honest.head().await?.position;
            let forward = page.events.windows(2).all(|pair| pair[0].position < pair[1].position);
            match self.lie {
                SaysEveryPageIsTheLast => page.end = true,
                PutsTheCheckpointTooFar => page.through = head,
                KeepsTheCheckpointBack => {
                    page.through =
                        page.events.last().map_or(from.previous(), |event| event.position).min(page.through);
                }
                // As where a transaction with a smaller number commits later than one with a greater.
                ShowsAPositionLate if forward && page.events.len() > 1 && look % 3 == 1 => {
                    let at = page.events.len() - 2;
                    page.events.remove(at);
                }
                SkipsAPositionOnce if forward && look == 3 => drop(page.events.pop()),
                _ => {}
            }
            page.events = page.events.into_iter().map(|event| self.retell(event)).collect();
            Ok(page)
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Head>> {
        self.honest.head()
    }

    fn wait(&self, position: Position) -> BoxFuture<'_, ()> {
        self.honest.wait(position)
    }

    fn events_by_id(&self, mut ids: Vec<EventId>) -> BoxFuture<'_, Result<Vec<RecordedEvent>>> {
        if self.lie == FindsInItsOwnOrder {
            ids.sort_unstable();
        }
        Box::pin(async move {
            let events = self.honest.events_by_id(ids).await?;
            Ok(events.into_iter().map(|event| self.retell(event)).collect())
        })
    }

    fn list_streams(
        &self,
        prefix: String,
        after: Option<StreamId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StreamInfo>>> {
        let limit = if self.lie == ListsOneTooMany { limit + 1 } else { limit };
        Box::pin(async move {
            let mut streams = self.honest.list_streams(prefix, after, limit).await?;
            if self.lie == ListsByLength {
                streams.sort_by_key(|info| info.stream_id.as_str().len());
            }
            Ok(streams)
        })
    }

    fn list_event_types(
        &self,
        after: Option<EventType>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<EventTypeInfo>>> {
        self.honest.list_event_types(after, limit)
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats>> {
        self.honest.stats()
    }

    fn load_checkpoint(&self, name: String) -> BoxFuture<'_, Result<Option<Checkpoint>>> {
        self.honest.load_checkpoint(name)
    }

    fn save_checkpoint(
        &self,
        name: String,
        previous: Option<Checkpoint>,
        next: Checkpoint,
    ) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if self.lie != SwapsCheckpointsUnseen {
                return self.honest.save_checkpoint(name, previous, next).await;
            }
            // Compared, and then written whatever is there by now.
            let actual = self.honest.load_checkpoint(name.clone()).await?;
            if actual != previous {
                return Err(annals::Conflict::Checkpoint { name, actual }.into());
            }
            self.pause().await;
            let actual = self.honest.load_checkpoint(name.clone()).await?;
            self.honest.save_checkpoint(name, actual, next).await
        })
    }

    fn load_snapshot(&self, key: SnapshotKey) -> BoxFuture<'_, Result<Option<Snapshot>>> {
        self.honest.load_snapshot(key)
    }

    fn save_snapshot(&self, key: SnapshotKey, mut snapshot: Snapshot) -> BoxFuture<'_, Result<()>> {
        if self.lie == ForgetsTheStateVersion {
            snapshot.state_version = 1;
        }
        self.honest.save_snapshot(key, snapshot)
    }

    fn delete_snapshot(&self, key: SnapshotKey) -> BoxFuture<'_, Result<()>> {
        self.honest.delete_snapshot(key)
    }

    fn durability(&self) -> BoxFuture<'_, Result<Durability>> {
        self.honest.durability()
    }

    fn attempt_rewrites(&self) -> BoxFuture<'_, Result<Vec<RewriteAttempt>>> {
        let refusal = (self.lie != AllowsARewrite).then(|| "no".to_owned());
        Box::pin(std::future::ready(Ok(vec![RewriteAttempt { statement: "UPDATE".into(), refusal }])))
    }

    fn drop_namespace(&self) -> BoxFuture<'_, Result<()>> {
        self.honest.drop_namespace()
    }
}
