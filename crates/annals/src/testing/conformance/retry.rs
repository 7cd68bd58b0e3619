//! Repeating: known ids, dropped futures, lost answers (rules 6, 17 and 18).

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::kit::{count, ensure, ensure_eq, event, events, join, numbers, refused, stream, tag, whole};
use super::{Failure, Outcome, Suite};
use crate::append::Append;
use crate::error::ErrorKind;
use crate::event::{EventType, NewEvent};
use crate::payload::{JsonText, Metadata, Payload};
use crate::query::{Condition, Position, Query};
use crate::store::{EventStore, Options};
use crate::stream::{Expected, Version};
use crate::testing::faults::{Fault, Faulty};
use crate::time::Timestamp;

pub(super) async fn a_repeated_append_is_recognised_by_its_ids(suite: &Suite) -> Result<Outcome, Failure> {
    let (name, store) = suite.store().await?;
    let capabilities = store.capabilities().clone();
    let written = |text: &str| -> Result<NewEvent, Failure> {
        let event = NewEvent::new(EventType::new("order-placed")?, JsonText::parse(text)?);
        Ok(event.tagged(tag("order:1")?))
    };
    let first = written(r#"{"amount":1.50,"items":["a"],"customer":"ada"}"#)?;
    let second = written("{}")?;
    let pair = || [first.clone(), second.clone()];
    let original = store.append("order-1", Expected::NoStream, pair()).await?;
    store.append("order-1", Expected::Any, events([1, 2, 3])?).await?;
    let before = count(&store).await?;
    let again = suite.open(&name).await?;
    let mut tried = 0;

    // The stream has moved on, so that the expectation and the condition would both fail now.
    let repeated = |events: Vec<NewEvent>, expected: Expected| -> Result<Append, Failure> {
        let append = Append::to(stream("order-1")?, expected, events);
        let query = Query::tags([tag("order:1")?]);
        let condition = Condition { query, after: Position::START };
        Ok(if capabilities.query_conditions { append.when(condition) } else { append })
    };
    let mut other_times = first.clone();
    other_times.occurred_at = Timestamp::from_unix_micros(1)?;
    other_times.metadata = Metadata::parse(r#"{"attempt":2}"#)?;
    other_times.traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?);
    let mut other_spelling = first.clone();
    other_spelling.payload = Payload::from(JsonText::parse(
        " { \"customer\" : \"\\u0061da\", \"items\":[ \"a\" ], \"amount\": 15e-1 } ",
    )?);
    for (repetition, what) in [
        (repeated(pair().into(), Expected::NoStream)?, "the same append"),
        (repeated(pair().into(), Expected::version(77))?, "the same ids under another expectation"),
        (repeated(vec![other_times, second.clone()], Expected::NoStream)?, "other times and metadata"),
        (
            repeated(vec![other_spelling, second.clone()], Expected::NoStream)?,
            "the same JSON value spelt otherwise",
        ),
    ] {
        for store in [&store, &again] {
            tried += 1;
            let mut expected = original.clone();
            expected.duplicate = true;
            ensure_eq!(store.append_one(repetition.clone()).await?, expected, "the answer to {what}");
            ensure_eq!(count(store).await?, before, "events stored after {what}");
        }
    }

    let changed = |change: fn(&mut NewEvent)| {
        let mut event = first.clone();
        change(&mut event);
        vec![event, second.clone()]
    };
    let json = |text: &str| JsonText::parse(text).map(Payload::from);
    let mut number_off = first.clone();
    number_off.payload = json(r#"{"amount":1.51,"items":["a"],"customer":"ada"}"#)?;
    let mut as_bytes = first.clone();
    as_bytes.payload = Payload::from(first.payload.as_bytes().to_vec());
    let mut other_type = first.clone();
    other_type.event_type = EventType::new("order-placed ")?;
    for (events, what) in [
        (vec![number_off, second.clone()], "another payload"),
        (vec![as_bytes, second.clone()], "bytes in place of JSON"),
        (vec![other_type, second.clone()], "another type"),
        (changed(|event| event.schema_version = 2), "another schema version"),
        (vec![second.clone(), first.clone()], "another order"),
        (vec![first.clone(), second.clone(), event(9)?], "known events and then a new one"),
        (vec![event(9)?, first.clone()], "a new event and then a known one"),
        (vec![first.clone(), first.clone()], "one id twice in an append"),
    ] {
        tried += 1;
        let append = Append::to(stream("order-1")?, Expected::Any, events);
        refused(store.append_one(append).await, ErrorKind::Invalid, what)?;
        ensure_eq!(count(&store).await?, before, "events stored after {what}");
    }
    if capabilities.store_wide_event_ids {
        let elsewhere = store.append("order-2", Expected::Any, pair()).await;
        refused(elsewhere, ErrorKind::Invalid, "the same ids in another stream")?;
        ensure_eq!(store.stream_version("order-2").await?, Version::NONE, "the other stream");
        tried += 1;
    }

    // Many try the same append at once; it is written once and all get the same place.
    let handles = suite.handles(&name, 4).await?;
    for round in 0..15 {
        let same = events([round, round])?;
        let mut tasks = JoinSet::new();
        for rival in 0..12 {
            let (store, same) = (handles[rival % 4].clone(), same.clone());
            tasks.spawn(async move { Ok(store.append("once-1", Expected::version(round * 2), same).await?) });
        }
        let answers = join(tasks).await?;
        let first = answers.iter().filter(|answer| !answer.duplicate).count();
        ensure_eq!(first, 1, "answers that are not marked duplicate among 12 of one append");
        let same_place = answers.iter().all(|answer| answer.streams == answers[0].streams);
        ensure!(same_place, "the place of one append tried 12 times", "one", super::kit::shown(&answers));
    }
    ensure_eq!(whole(&store, "once-1").await?.len(), 30, "events of 15 appends tried 12 times each");
    let note = if capabilities.store_wide_event_ids { "" } else { "; ids are known within a stream only" };
    Ok(Outcome::passed(format!("{tried} repetitions, then 15 appends tried by 12 at once{note}")))
}

pub(super) async fn a_dropped_append_is_whole_or_nothing(suite: &Suite) -> Result<Outcome, Failure> {
    const APPENDS: u64 = 240;
    let (name, other) = suite.store().await?;
    // A store that takes its time, so that appends are dropped while they are being written.
    let slow = Faulty::new(suite.backend(&name).await?);
    let store = EventStore::new(slow.clone(), Options::default());
    let mut random = suite.random();
    let mut tried = Vec::new();
    let (mut dropped, mut finished) = (0, 0);
    for n in 0..APPENDS {
        let id = format!("dropped-{n}");
        let pause = Duration::from_micros(random.below(1_500));
        slow.schedule([], if random.percent(60) { Fault::Delayed(pause) } else { Fault::None });
        let append = events([1, 2, 3])?;
        tried.push((id.clone(), append.clone()));
        let mut write = Box::pin(store.append(id.as_str(), Expected::NoStream, append));
        let ended = match random.below(4) {
            0 => {
                // Polled a few times with nobody to wake.
                let mut context = Context::from_waker(Waker::noop());
                let polls = random.below(4);
                (0..polls).any(|_| write.as_mut().poll(&mut context).is_ready())
            }
            1 => {
                let time = Duration::from_micros(random.below(3_000));
                tokio::time::timeout(time, &mut write).await.is_ok()
            }
            2 => {
                let yields = random.below(6);
                let wait = async {
                    for _ in 0..yields {
                        tokio::task::yield_now().await;
                    }
                };
                tokio::select! { biased; _ = &mut write => true, () = wait => false }
            }
            _ => {
                // Beside a rival that makes this one wait for its turn.
                let rival = other.append(format!("rival-{n}"), Expected::NoStream, events([1])?);
                let mut rival = pin!(rival);
                tokio::select! { _ = &mut rival => false, _ = &mut write => true }
            }
        };
        drop(write);
        if ended {
            finished += 1
        } else {
            dropped += 1
        }
        if random.percent(20) {
            // Reads and checkpoints may be dropped as well.
            let _ = tokio::time::timeout(Duration::from_micros(random.below(300)), store.stats()).await;
            let checkpoint = store.checkpoint_at(Position::START);
            let save = store.save_checkpoint("dropped", None, &checkpoint);
            let _ = tokio::time::timeout(Duration::from_micros(random.below(300)), save).await;
        }
    }
    ensure!(dropped > 20, "appends dropped before their answer", "more than 20", dropped);
    // An append behind the dropped ones in the queue: when it is written, they are or never will be.
    store.append("last-1", Expected::NoStream, events([1])?).await?;
    let mut written = 0;
    for (id, _) in &tried {
        let found = numbers(&whole(&other, id).await?)?;
        ensure!(
            found.is_empty() || found == [1, 2, 3],
            format!("the dropped append to {id}"),
            "all or nothing",
            format!("{found:?}")
        );
        written += u64::from(!found.is_empty());
    }
    for (id, events) in tried {
        store.append(id.as_str(), Expected::NoStream, events).await?;
        ensure_eq!(numbers(&whole(&store, &id).await?)?, [1, 2, 3], "the append to {id}, repeated");
    }
    let beneath = drop_beneath(suite, &other, &name).await?;
    Ok(Outcome::passed(format!(
        "{dropped} of {APPENDS} appends dropped, {finished} ended; {written} written whole, the others not at \
         all; {beneath} of 80 dropped in the backend; every one repeated once"
    )))
}

/// The backend's own futures may be dropped as well, wherever they stand.
async fn drop_beneath(suite: &Suite, store: &EventStore, name: &str) -> Result<u64, Failure> {
    let backend = suite.backend(name).await?;
    let mut random = suite.random();
    let mut dropped = 0;
    for n in 0..80 {
        let ids = [format!("beneath-{n}-a"), format!("beneath-{n}-b")];
        let mut batch = Vec::new();
        for id in &ids {
            batch.push(Append::to(stream(id)?, Expected::NoStream, events([1, 2, 3])?));
        }
        let batch: Arc<[Append]> = batch.into();
        let mut write = backend.append(batch.clone());
        let ended = if random.percent(50) {
            let mut context = Context::from_waker(Waker::noop());
            (0..random.below(4)).any(|_| write.as_mut().poll(&mut context).is_ready())
        } else {
            let time = Duration::from_micros(random.below(1_500));
            tokio::time::timeout(time, &mut write).await.is_ok()
        };
        drop(write);
        dropped += u64::from(!ended);
        for id in &ids {
            let found = numbers(&whole(store, id).await?)?;
            let whole_or_nothing = found.is_empty() || found == [1, 2, 3];
            ensure!(whole_or_nothing, format!("the append to {id}"), "all or nothing", format!("{found:?}"));
        }
        for result in backend.append(batch).await? {
            result?;
        }
        for id in &ids {
            ensure_eq!(numbers(&whole(store, id).await?)?, [1, 2, 3], "the append to {id}, repeated");
        }
    }
    Ok(dropped)
}

pub(super) async fn a_lost_answer_is_healed_by_repeating(suite: &Suite) -> Result<Outcome, Failure> {
    let (name, healthy) = suite.store().await?;
    let faulty = Faulty::new(suite.backend(&name).await?);
    let options = |deadline| Options { deadline, pause: Duration::from_millis(1), ..Options::default() };
    let store = EventStore::new(faulty.clone(), options(Duration::from_secs(60)));
    let mut random = suite.random();

    // Faults in every order; all of it ends well.
    let (mut faults, mut appends) = (0, 0);
    for round in 0..25_u64 {
        let kinds = [Fault::None, Fault::Unavailable, Fault::AnswerLost];
        let schedule: Vec<Fault> = (0..=random.below(6)).map(|_| *random.pick(&kinds)).collect();
        faults += schedule.iter().filter(|fault| **fault != Fault::None).count();
        faulty.schedule(schedule, Fault::None);
        let mut tasks = JoinSet::new();
        for n in 0..8 {
            let store = store.clone();
            appends += 1;
            tasks.spawn(async move {
                // Half of them could not be repeated if the store went by the version alone.
                let expected = if n % 2 == 0 { Expected::NoStream } else { Expected::Any };
                let id = format!("healed-{round}-{n}");
                store.append(id.as_str(), expected, events([1, 2])?).await?;
                Ok(id)
            });
        }
        for id in join(tasks).await? {
            ensure_eq!(numbers(&whole(&healthy, &id).await?)?, [1, 2], "an append whose answers were lost");
        }
    }

    // Past the deadline, the error says what is known and no more.
    let deadline = Duration::from_millis(150);
    let store = EventStore::new(faulty.clone(), options(deadline));
    let lost = [Fault::AnswerLost];
    let down = [Fault::Unavailable];
    for (id, first, afterwards, kind) in [
        ("down", down, Fault::Unavailable, ErrorKind::Unavailable),
        ("lost", lost, Fault::AnswerLost, ErrorKind::Indeterminate),
        ("lost-then-down", lost, Fault::Unavailable, ErrorKind::Indeterminate),
        ("down-then-lost", down, Fault::AnswerLost, ErrorKind::Indeterminate),
    ] {
        faulty.schedule(first, afterwards);
        let same = events([1, 2, 3])?;
        let (start, calls) = (Instant::now(), faulty.calls());
        let result = store.append(id, Expected::NoStream, same.clone()).await;
        refused(result, kind, &format!("an append without an answer until the deadline: {id}"))?;
        let took = start.elapsed();
        ensure!(
            took < deadline + Duration::from_secs(10),
            "the time until it was given up",
            "the deadline",
            format!("{took:?}")
        );
        ensure!(
            faulty.calls() > calls + 1 || took >= deadline,
            "tries until the deadline",
            "several",
            faulty.calls() - calls
        );
        let there = !whole(&healthy, id).await?.is_empty();
        ensure_eq!(there, kind == ErrorKind::Indeterminate, "whether {id} was written");

        faulty.schedule([], Fault::None);
        let healed = store.append(id, Expected::NoStream, same).await?;
        ensure_eq!(healed.duplicate, there, "whether repeating {id} later is marked duplicate");
        ensure_eq!(
            numbers(&whole(&healthy, id).await?)?,
            [1, 2, 3],
            "{id}, repeated later with the same ids"
        );
    }
    Ok(Outcome::passed(format!(
        "{appends} appends through {faults} faults, each written once; 4 deadlines met, all converged later"
    )))
}
