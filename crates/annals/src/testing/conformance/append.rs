//! Appending: versions, atomicity, expectations, batches, several streams, conditions (rules 1 to 5, 12
//! and 13).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use super::kit::{
    STREAMS, count, ensure, ensure_eq, event, events, join, lacks, number, numbers, random_event,
    random_query, refused, stream, tag, whole,
};
use super::worker::{self, Job};
use super::{Failure, Outcome, Suite};
use crate::append::Append;
use crate::backend::{Capability, Direction, LogRange, StreamRange};
use crate::error::{Conflict, ErrorKind};
use crate::event::{NewEvent, RecordedEvent};
use crate::query::{Condition, Position, Query};
use crate::store::EventStore;
use crate::stream::{Expected, Version};

pub(super) async fn append_gives_consecutive_versions(suite: &Suite) -> Result<Outcome, Failure> {
    let (_, store) = suite.store().await?;
    let mut random = suite.random();
    let mut written: HashMap<&str, Vec<u64>> = HashMap::new();
    let mut last = Position::START;
    let mut next = 0;
    for round in 0..41 {
        let size = if round == 40 { 1_000 } else { 1 + random.below(30) };
        let size = size.min(store.capabilities().limits.events_max as u64);
        let id = *random.pick(STREAMS);
        let before = written.get(id).map_or(0, Vec::len) as u64;
        let range = next..next + size;
        next += size;
        let appended = store.append(id, Expected::version(before), events(range.clone())?).await?;
        let streams: Vec<_> = appended
            .streams
            .iter()
            .map(|s| (s.stream_id.as_str(), s.first_version.0, s.last_version.0))
            .collect();
        ensure_eq!(streams, vec![(id, before + 1, before + size)], "what an append says of its stream");
        ensure!(!appended.duplicate, "a first append", "no duplicate", "duplicate");
        if store.capabilities().total_order {
            ensure!(
                appended.first_position > last
                    && appended.last_position.0 >= appended.first_position.0 + size - 1,
                "the positions of an append",
                format!("{size} or more after {last}"),
                format!("{} to {}", appended.first_position, appended.last_position),
            );
            last = appended.last_position;
            ensure_eq!(appended.checkpoint, store.checkpoint_at(last), "the checkpoint of an append");
        }
        written.entry(id).or_default().extend(range);
    }
    for (id, expected) in &written {
        let found = whole(&store, id).await?;
        ensure_eq!(&numbers(&found)?, expected, "the events of stream {id:?} in the order given");
        let versions: Vec<u64> = found.iter().map(|event| event.stream_version.0).collect();
        ensure_eq!(versions, (1..=expected.len() as u64).collect::<Vec<_>>(), "the versions of {id:?}");
        for pair in found.windows(2) {
            ensure!(
                pair[0].position < pair[1].position && pair[0].recorded_at <= pair[1].recorded_at,
                format!("positions and times within stream {id:?}"),
                "rising positions, times that never decrease",
                format!("{pair:?}"),
            );
        }
    }
    refused(
        store.append("order-1", Expected::Any, []).await,
        ErrorKind::Invalid,
        "an append without events",
    )?;
    let only_checked = Append::default().and(stream("order-1")?, Expected::StreamExists, []);
    refused(store.append_one(only_checked).await, ErrorKind::Invalid, "a check without events")?;
    ensure_eq!(count(&store).await?, next, "how many events are stored");
    Ok(Outcome::passed(format!("{next} events in {} streams, every version in its place", written.len())))
}

pub(super) async fn an_append_is_visible_whole_or_not_at_all(suite: &Suite) -> Result<Outcome, Failure> {
    const APPENDS: u64 = 150;
    let (name, store) = suite.store().await?;
    let done = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for reader in suite.handles(&name, 2).await? {
        let (done, total_order) = (done.clone(), store.capabilities().total_order);
        tasks.spawn(async move {
            let (mut version, mut position, mut pages) = (0, Position::START, 0);
            loop {
                let last_look = done.load(Ordering::SeqCst);
                let page = reader.stream_page(stream_range("whole-1", version + 1)?).await?;
                if page.end {
                    ensure_whole(&page.events)?;
                }
                version += page.events.len() as u64;
                if total_order {
                    let range = LogRange {
                        query: Query::all(),
                        from: position.next(),
                        direction: Direction::Forward,
                        limit: 10_000,
                    };
                    let page = reader.log_page(range).await?;
                    if page.end {
                        ensure_whole(&page.events)?;
                    }
                    position = page.through;
                }
                pages += 1;
                if last_look {
                    return Ok(pages);
                }
                tokio::task::yield_now().await;
            }
        });
    }
    let mut writers = JoinSet::new();
    for writer in suite.handles(&name, 2).await? {
        let mut random = suite.random().fork();
        writers.spawn(async move {
            for _ in 0..APPENDS {
                let size = 2 + random.below(20);
                let group: Vec<NewEvent> =
                    (0..size).map(|at| event(size * 100 + at)).collect::<Result<_, _>>()?;
                let mut append = Append::default();
                for (at, event) in group.into_iter().enumerate() {
                    let other = at % 2 == 1 && writer.capabilities().several_streams;
                    let id = stream(if other { "whole-2" } else { "whole-1" })?;
                    append = append.and(id, Expected::Any, [event]);
                }
                writer.append_one(append).await?;
            }
            Ok(())
        });
    }
    let written = join(writers).await;
    done.store(true, Ordering::SeqCst);
    written?;
    let pages: u64 = join(tasks).await?.iter().sum();
    ensure!(pages > 4, "pages read while appends were written", "several", pages);
    Ok(Outcome::passed(format!("{} appends of 2 to 21 events, {pages} looks, none saw a part", 2 * APPENDS)))
}

fn stream_range(id: &str, from: u64) -> Result<StreamRange, Failure> {
    let (from, direction) = (Version(from), Direction::Forward);
    Ok(StreamRange { stream_id: stream(id)?, from, direction, limit: 10_000 })
}

/// Events whose numbers are `size * 100 + index` are whole groups, in one stream or alternating in two.
fn ensure_whole(page: &[RecordedEvent]) -> Result<(), Failure> {
    let mut left: Vec<u64> = numbers(page)?;
    while let Some(&first) = left.first() {
        let size = first / 100;
        // A stream that holds every other event of the append holds the even ones.
        let in_log: Vec<u64> = (0..size).map(|at| size * 100 + at).collect();
        let in_stream: Vec<u64> = in_log.iter().copied().step_by(2).collect();
        let taken = [in_log, in_stream].into_iter().find(|group| left.starts_with(group));
        let Some(group) = taken else {
            return Err(Failure {
                what: "a page that ends where the log ends".into(),
                expected: format!("all {size} events of an append"),
                found: super::kit::shown(&left),
            });
        };
        left.drain(..group.len());
    }
    Ok(())
}

pub(super) async fn a_failed_expectation_writes_nothing_and_tells_the_version(
    suite: &Suite,
) -> Result<Outcome, Failure> {
    let (_, store) = suite.store().await?;
    let mut tried = 0;
    for (id, actual) in [("none", 0), ("one", 1), ("three", 3)] {
        if actual > 0 {
            store.append(id, Expected::NoStream, events(0..actual)?).await?;
        }
        let versions = [0, 1, 2, 3, 4, i64::MAX.unsigned_abs(), u64::MAX].map(Expected::version);
        let mut actual = actual;
        for expected in [Expected::NoStream, Expected::StreamExists].into_iter().chain(versions) {
            tried += 1;
            let holds = match expected {
                Expected::Any => true,
                Expected::NoStream => actual == 0,
                Expected::StreamExists => actual > 0,
                Expected::Version(version) => version.0 == actual,
            };
            let before = count(&store).await?;
            let result = store.append(id, expected, events([7, 8])?).await;
            if holds {
                ensure_eq!(result?.version().0, actual + 2, "the version after {expected} held for {id:?}");
                actual += 2;
                continue;
            }
            let error = refused(result, ErrorKind::Conflict, &format!("{expected} of {id:?} at {actual}"))?;
            let told = Conflict::Version { stream_id: stream(id)?, expected, actual: Version(actual) };
            ensure_eq!(error.conflict(), Some(&told), "the conflict that is told");
            ensure_eq!(count(&store).await?, before, "events stored after a conflict");
            ensure_eq!(store.stream_version(id).await?, Version(actual), "the version after a conflict");
        }
        store.append(id, Expected::Any, events([9])?).await?;
    }
    Ok(Outcome::passed(format!("{tried} expectations on 3 streams")))
}

pub(super) async fn of_appends_expecting_one_version_exactly_one_wins(
    suite: &Suite,
) -> Result<Outcome, Failure> {
    const ROUNDS: u64 = 40;
    const RIVALS: usize = 24;
    let (name, store) = suite.store().await?;
    let handles = suite.handles(&name, 4).await?;
    for round in 0..ROUNDS {
        let mut tasks = JoinSet::new();
        for rival in 0..RIVALS {
            let store = handles[rival % handles.len()].clone();
            tasks.spawn(async move {
                match store.append("race-1", Expected::version(round), events([round])?).await {
                    Ok(_) => Ok(true),
                    Err(error) => {
                        let error = refused::<()>(Err(error), ErrorKind::Conflict, "a rival")?;
                        let told = matches!(error.conflict(), Some(Conflict::Version { actual, .. })
                            if actual.0 == round + 1);
                        ensure!(told, "the version told", round + 1, super::kit::shown(&error.conflict()));
                        Ok(false)
                    }
                }
            });
        }
        let winners = join(tasks).await?.into_iter().filter(|won| *won).count();
        ensure_eq!(winners, 1, "how many of {RIVALS} appends that expect version {round} win");
    }

    // The same between processes, each as fast as it can.
    let end = 120;
    let job = Job::Count { stream: "race-2".into(), end };
    let mut workers = Vec::new();
    for _ in 0..2 {
        workers.extend(suite.start(&name, &job)?);
    }
    let mut tasks = JoinSet::new();
    for store in handles {
        tasks.spawn(async move { Ok(worker::count(&store, "race-2", end).await?) });
    }
    let mut won: u64 = join(tasks).await?.iter().sum();
    let processes = 1 + workers.len();
    for mut worker in workers {
        worker.heard(1).await?;
        won += worker.kill().iter().filter_map(|line| line.parse::<u64>().ok()).sum::<u64>();
    }
    ensure_eq!(won, end, "appends that say they won {end} versions");
    let found = numbers(&whole(&store, "race-2").await?)?;
    ensure_eq!(found, (0..end).collect::<Vec<_>>(), "the version that the winner of each version expected");
    Ok(Outcome::passed(format!(
        "{ROUNDS} races of {RIVALS} on 4 handles, and {end} versions between {processes} processes"
    )))
}

pub(super) async fn appends_of_one_batch_succeed_and_fail_on_their_own(
    suite: &Suite,
) -> Result<Outcome, Failure> {
    let (name, store) = suite.store().await?;
    let capabilities = store.capabilities().clone();
    let to = |id: &str, expected, numbers: &[u64]| -> Result<Append, Failure> {
        Ok(Append::to(stream(id)?, expected, events(numbers.iter().copied())?))
    };
    let first = to("a", Expected::NoStream, &[1, 2])?;
    let batch = vec![
        first.clone(),
        to("a", Expected::NoStream, &[3])?,
        to("a", Expected::version(2), &[4])?,
        Append::default(),
        first.clone(),
        to("b", Expected::StreamExists, &[5])?,
        to("b", Expected::Any, &[6])?,
        to("b", Expected::version(1), &[7])?,
        to("a", Expected::version(3), &[8])?,
    ];
    let answers: Vec<String> = store
        .append_all(batch)
        .await
        .into_iter()
        .map(|result| match result {
            Ok(appended) if appended.duplicate => format!("duplicate at {}", appended.version()),
            Ok(appended) => format!("at {}", appended.version()),
            Err(error) => match error.conflict() {
                Some(Conflict::Version { actual, .. }) => format!("conflict at {actual}"),
                _ => error.kind().to_string(),
            },
        })
        .collect();
    let expected = [
        "at 2",
        "conflict at 2",
        "at 3",
        "invalid",
        "duplicate at 2",
        "conflict at 0",
        "at 1",
        "at 2",
        "at 4",
    ];
    ensure_eq!(
        answers,
        expected.map(String::from).to_vec(),
        "the answers of one batch, each seeing those before"
    );
    ensure_eq!(numbers(&whole(&store, "a").await?)?, [1, 2, 4, 8], "what the batch wrote to one stream");
    ensure_eq!(numbers(&whole(&store, "b").await?)?, [6, 7], "what the batch wrote to another");

    if capabilities.query_conditions {
        let seat = || Query::tags(tag("seat:1").into_iter().collect::<Vec<_>>());
        let take = |n| -> Result<Append, Failure> {
            let taken = event(n)?.tagged(tag("seat:1")?);
            let after = Position::START;
            Ok(Append::to(stream("seats")?, Expected::Any, [taken]).when(Condition { query: seat(), after }))
        };
        let answers = store.append_all(vec![take(1)?, take(2)?, to("c", Expected::Any, &[3])?]).await;
        let kinds: Vec<_> = answers.iter().map(|answer| answer.as_ref().err().map(|e| e.kind())).collect();
        ensure_eq!(kinds, [None, Some(ErrorKind::Conflict), None], "conditions see the appends before them");
    }

    // Thousands at once, a third of them bound to fail beside neighbours that must not.
    let mut tasks = JoinSet::new();
    let handles = suite.handles(&name, 3).await?;
    let mut random = suite.random();
    let mut wanted: HashMap<String, usize> = HashMap::new();
    for n in 0..3_000 {
        let id = format!("many-{}", random.below(50));
        let fails = random.percent(33);
        if !fails {
            *wanted.entry(id.clone()).or_default() += 1;
        }
        let expected = if fails { Expected::version(1_000_000) } else { Expected::Any };
        let store = random.pick(&handles).clone();
        tasks.spawn(async move {
            let result = store.append(id.as_str(), expected, [event(n)?]).await;
            let kind = result.as_ref().err().map(|error| error.kind());
            let right = kind == fails.then_some(ErrorKind::Conflict);
            ensure!(
                right,
                "an append among thousands",
                if fails { "a conflict" } else { "success" },
                super::kit::shown(&result)
            );
            Ok(())
        });
    }
    let answered = join(tasks).await?.len();
    for (id, wanted) in wanted {
        ensure_eq!(whole(&store, &id).await?.len(), wanted, "events of {id:?} after thousands of appends");
    }
    Ok(Outcome::passed(format!("a batch of 9 with 4 kinds of answers, then {answered} at once on 3 handles")))
}

pub(super) async fn an_append_spans_streams_atomically(suite: &Suite) -> Result<Outcome, Failure> {
    let (name, store) = suite.store().await?;
    let two =
        Append::to(stream("a")?, Expected::Any, events([1])?).and(stream("b")?, Expected::Any, events([2])?);
    if !store.capabilities().several_streams {
        let outcome =
            lacks(store.append_one(two).await, Capability::SeveralStreams, "an append to two streams")?;
        let checked =
            Append::to(stream("a")?, Expected::Any, events([1])?).and(stream("b")?, Expected::NoStream, []);
        lacks(store.append_one(checked).await, Capability::SeveralStreams, "checking a second stream")?;
        ensure_eq!(count(&store).await?, 0, "events stored after the refusal");
        return Ok(outcome);
    }
    let appended = store.append_one(two.clone().and(stream("a")?, Expected::NoStream, events([3])?)).await?;
    let streams: Vec<_> = appended
        .streams
        .iter()
        .map(|s| (s.stream_id.as_str(), s.first_version.0, s.last_version.0))
        .collect();
    ensure_eq!(streams, [("a", 1, 2), ("b", 1, 1)], "what an append says of its streams");
    ensure_eq!(numbers(&whole(&store, "a").await?)?, [1, 3], "the first stream");
    if store.capabilities().total_order {
        let log = store.read_all().collect().await?;
        ensure_eq!(numbers(&log)?, [1, 2, 3], "the order of events across the streams of one append");
    }
    // Each way in which one of several expectations fails.
    let fails = |a: Expected, b: Expected, c: Expected| -> Result<Append, Failure> {
        Ok(Append::to(stream("a")?, a, events([10])?).and(stream("b")?, b, events([11])?).and(
            stream("c")?,
            c,
            [],
        ))
    };
    let (v1, v2) = (Expected::version(1), Expected::version(2));
    for (append, failing) in [
        (fails(v1, v1, Expected::NoStream)?, "a"),
        (fails(v2, v2, Expected::NoStream)?, "b"),
        (fails(v2, Expected::NoStream, Expected::Any)?, "b"),
        (fails(v2, v1, Expected::StreamExists)?, "c"),
        (fails(v2, v1, v1)?, "c"),
    ] {
        let error = refused(store.append_one(append).await, ErrorKind::Conflict, "one failing expectation")?;
        let told =
            matches!(error.conflict(), Some(Conflict::Version { stream_id, .. }) if *stream_id == failing);
        ensure!(told, "the stream that a conflict names", failing, super::kit::shown(&error.conflict()));
        ensure_eq!(count(&store).await?, 3, "events stored after one of several expectations failed");
    }
    store.append_one(fails(v2, v1, Expected::NoStream)?).await?;
    ensure_eq!(store.stream_version("c").await?, Version::NONE, "the version of a stream only checked");

    // Each append writes what it saw of a stream that it only checks; the log tells whether it was so.
    let mut tasks = JoinSet::new();
    for (n, store) in suite.handles(&name, 4).await?.into_iter().enumerate() {
        let mut random = suite.random().fork();
        tasks.spawn(async move {
            let mut conflicts = 0_u64;
            for _ in 0..60 {
                let (mine, other) =
                    if (random.below(2) + n as u64).is_multiple_of(2) { ("x", "y") } else { ("y", "x") };
                loop {
                    let mine_at = store.stream_version(mine).await?;
                    let other_at = store.stream_version(other).await?;
                    let append = Append::to(stream(mine)?, Expected::Version(mine_at), [event(other_at.0)?])
                        .and(stream(other)?, Expected::Version(other_at), []);
                    match store.append_one(append).await {
                        Ok(_) => break,
                        Err(error) => refused::<()>(Err(error), ErrorKind::Conflict, "a rival append")?,
                    };
                    conflicts += 1;
                }
            }
            Ok(conflicts)
        });
    }
    let conflicts: u64 = join(tasks).await?.iter().sum();
    if store.capabilities().total_order {
        let mut at: HashMap<String, u64> = HashMap::new();
        for event in
            store.read_all().collect().await?.iter().filter(|e| matches!(e.stream_id.as_str(), "x" | "y"))
        {
            let other = if event.stream_id == "x" { "y" } else { "x" };
            let other_at = at.get(other).copied().unwrap_or(0);
            ensure_eq!(
                number(event)?,
                other_at,
                "where {other} was when position {} checked it",
                event.position
            );
            at.insert(event.stream_id.to_string(), event.stream_version.0);
        }
    }
    let written = store.stream_version("x").await?.0 + store.stream_version("y").await?.0;
    ensure_eq!(written, 240, "appends that checked a second stream");
    Ok(Outcome::passed(format!("5 ways to fail, and 240 appends against each other, {conflicts} conflicts")))
}

pub(super) async fn a_condition_fails_exactly_when_a_match_was_missed(
    suite: &Suite,
) -> Result<Outcome, Failure> {
    let (name, store) = suite.store().await?;
    let condition = |query: Query, after: u64| Condition { query, after: Position(after) };
    if !store.capabilities().query_conditions {
        let append = Append::to(stream("a")?, Expected::Any, events([1])?).when(condition(Query::all(), 0));
        let outcome = lacks(store.append_one(append).await, Capability::QueryConditions, "a condition")?;
        ensure_eq!(count(&store).await?, 0, "events stored after the refusal");
        return Ok(outcome);
    }
    let mut random = suite.random();
    let mut log = Vec::new();
    let (mut failed, mut held) = (0, 0);
    for _ in 0..60 {
        store.append(*random.pick(STREAMS), Expected::Any, [random_event(&mut random)?]).await?;
    }
    for _ in 0..400 {
        log.extend(
            store
                .read_all()
                .from(log.last().map_or(Position(1), |e: &RecordedEvent| e.position.next()))
                .collect()
                .await?,
        );
        let query = random_query(&mut random)?;
        let after = match random.below(4) {
            0 => log[random.size(log.len())].position,
            1 => log.last().map(|event| event.position).unwrap_or_default(),
            2 => Position::START,
            // Where a decision that had seen every match would stand, or just before.
            _ => log.iter().rfind(|event| query.matches(event)).map_or(Position::START, |event| {
                if random.percent(50) { event.position } else { event.position.previous() }
            }),
        };
        let missed = log.iter().find(|event| event.position > after && query.matches(event));
        let append = Append::to(stream(random.pick(STREAMS))?, Expected::Any, [random_event(&mut random)?]);
        let result = store.append_one(append.when(Condition { query: query.clone(), after })).await;
        match missed {
            None => {
                ensure!(
                    result.is_ok(),
                    "an append without a match",
                    "success",
                    format!("{result:?} for {query:?} after {after}")
                );
                held += 1;
            }
            Some(event) => {
                let error = refused(result, ErrorKind::Conflict, &format!("{query:?} after {after}"))?;
                let told = Conflict::Condition { after, found: event.position };
                ensure_eq!(error.conflict(), Some(&told), "the conflict that is told for {query:?}");
                failed += 1;
            }
        }
    }

    // Each seat is taken once; nobody is kept from a seat that is free.
    let handles = suite.handles(&name, 4).await?;
    let mut tasks = JoinSet::new();
    for (n, store) in (0..1_200_u64).zip(handles.iter().cycle().cloned()) {
        // The first 100 seats have many rivals, the others one each.
        let seat = if n < 600 { n % 100 } else { n };
        tasks.spawn(async move {
            let seat = tag(format!("seat:{seat}"))?;
            let query = Query::tags([seat.clone()]);
            let append = Append::to(
                stream(format!("booking-{n}"))?,
                Expected::NoStream,
                [event(n)?.tagged(seat.clone())],
            )
            .when(Condition { query, after: Position::START });
            match store.append_one(append).await {
                Ok(_) => Ok(Some(seat)),
                Err(error) => refused::<()>(Err(error), ErrorKind::Conflict, "a rival").map(|_| None),
            }
        });
    }
    let taken: Vec<_> = join(tasks).await?.into_iter().flatten().collect();
    ensure_eq!(taken.len(), 700, "how many of 700 seats were taken by 1,200 who asked");
    ensure_eq!(taken.iter().collect::<HashSet<_>>().len(), 700, "how many different seats");

    // What was read is what the condition guards: no update is lost.
    let mut tasks = JoinSet::new();
    for (n, store) in handles.into_iter().enumerate() {
        tasks.spawn(async move { count_by_query(&store, n as u64).await });
    }
    let conflicts: u64 = join(tasks).await?.iter().sum();
    let found = store.read_all().matching(Query::tags([tag("counter:1")?])).collect().await?;
    ensure_eq!(
        numbers(&found)?,
        (1..=160).collect::<Vec<_>>(),
        "a counter kept by 4 writers in 160 decisions"
    );
    Ok(Outcome::passed(format!(
        "{held} conditions held and {failed} failed as they should; 700 seats, 1,200 rivals; 160 decisions, \
         {conflicts} conflicts, no update lost"
    )))
}

/// Forty times: reads a counter by its tag, and writes it one higher under the condition of what it read.
async fn count_by_query(store: &EventStore, writer: u64) -> Result<u64, Failure> {
    let query = Query::tags([tag("counter:1")?]);
    let mut conflicts = 0;
    for _ in 0..40 {
        loop {
            let range = LogRange {
                query: query.clone(),
                from: Position(1),
                direction: Direction::Forward,
                limit: 10_000,
            };
            let page = store.log_page(range).await?;
            let next = page.events.len() as u64 + 1;
            let append = Append::to(
                stream(format!("counter-{writer}"))?,
                Expected::Any,
                [event(next)?.tagged(tag("counter:1")?)],
            )
            .when(Condition { query: query.clone(), after: page.through });
            match store.append_one(append).await {
                Ok(_) => break,
                Err(error) => refused::<()>(Err(error), ErrorKind::Conflict, "a rival decision")?,
            };
            conflicts += 1;
        }
    }
    Ok(conflicts)
}
