//! The database around the log: append-only, durable, created once, namespaces, checkpoints and snapshots
//! (rules 15, 16 and 19 to 21).

use std::collections::HashSet;
use std::time::Duration;

use tokio::task::JoinSet;

use super::kit::{count, ensure, ensure_eq, events, join, lacks, numbers, refused, stream, tag, whole};
use super::worker::Job;
use super::{Failure, Outcome, Suite, Tampering};
use crate::backend::Capability;
use crate::error::{Conflict, ErrorKind};
use crate::event::EventId;
use crate::payload::JsonText;
use crate::query::{Position, Query};
use crate::snapshot::{Snapshot, SnapshotKey, SnapshotName};
use crate::store::EventStore;
use crate::stream::{Expected, Version};
use crate::subscribe::{Checkpoint, Delivery, Start};

pub(super) async fn the_database_refuses_to_change_the_log(suite: &Suite) -> Result<Outcome, Failure> {
    let (name, store) = suite.store().await?;
    let tagged =
        events(0..20)?.into_iter().map(|e| Ok(e.tagged(tag("a:1")?))).collect::<Result<Vec<_>, Failure>>()?;
    store.append("kept-1", Expected::NoStream, tagged).await?;
    let before = whole(&store, "kept-1").await?;
    let attempts = store.backend().attempt_rewrites().await;
    if !store.capabilities().append_only {
        return lacks(attempts, Capability::AppendOnly, "trying to change the log");
    }
    let attempts = attempts?;
    ensure!(!attempts.is_empty(), "ways to change the log that were tried", "at least one", "none");
    for attempt in &attempts {
        ensure!(
            attempt.refusal.is_some(),
            format!("what came of {}", attempt.statement),
            "a refusal",
            "success"
        );
    }
    let other = suite.open(&name).await?;
    ensure_eq!(whole(&other, "kept-1").await?, before, "the log after {} attempts", attempts.len());
    ensure_eq!(count(&other).await?, 20, "the number of events after {} attempts", attempts.len());
    other.append("kept-1", Expected::version(20), events([20])?).await?;
    let sample = attempts[0].refusal.as_deref().unwrap_or_default();
    Ok(Outcome::passed(format!("{} attempts refused, such as: {sample}", attempts.len())))
}

pub(super) async fn acknowledged_means_durable(suite: &Suite) -> Result<Outcome, Failure> {
    const CYCLES: u64 = 6;
    let (name, store) = suite.store().await?;
    let durability = store.durability().await?;
    ensure!(!durability.settings.is_empty(), "the settings that durability is read from", "some", "none");
    if !durability.durable {
        ensure!(
            !suite.harness.is_shared(),
            "a store that others can open",
            "durability",
            durability.settings
        );
        return Ok(Outcome::passed(format!(
            "the store says that it is not durable: {}",
            durability.settings
        )));
    }
    if !suite.has_workers() {
        let reason = format!("there is no other process to kill; the settings are {}", durability.settings);
        return Ok(Outcome::NotRun { reason });
    }
    drop(store);
    let mut random = suite.random();
    let mut acknowledged = Vec::new();
    for cycle in 0..CYCLES {
        let job =
            Job::Write { prefix: format!("cycle-{cycle}"), batch: 1 + random.below(8), seed: random.next() };
        let Some(mut worker) = suite.start(&name, &job)? else { break };
        worker.heard(1).await?;
        tokio::time::sleep(Duration::from_millis(random.below(150))).await;
        // Child::kill is SIGKILL: no handler, no destructor, no flush.
        for line in worker.kill() {
            for id in line.split(' ') {
                acknowledged.push(id.parse::<EventId>()?);
            }
        }
        let store = suite.open(&name).await?;
        let found: HashSet<EventId> =
            store.events(acknowledged.clone()).await?.iter().map(|event| event.event_id).collect();
        let lost: Vec<_> = acknowledged.iter().filter(|id| !found.contains(id)).collect();
        ensure_eq!(lost, Vec::<&EventId>::new(), "acknowledged events that are gone after kill {cycle}");
        for n in 0..5 {
            let versions: Vec<u64> = whole(&store, &format!("cycle-{cycle}-{n}"))
                .await?
                .iter()
                .map(|event| event.stream_version.0)
                .collect();
            ensure_eq!(
                versions,
                (1..=versions.len() as u64).collect::<Vec<_>>(),
                "versions after kill {cycle}"
            );
        }
        store.append("after-1", Expected::version(cycle), events([cycle])?).await?;
    }
    Ok(Outcome::passed(format!(
        "{} acknowledged events all there after {CYCLES} times kill -9; {}",
        acknowledged.len(),
        durability.settings
    )))
}

pub(super) async fn creating_a_store_is_safe_and_versioned(suite: &Suite) -> Result<Outcome, Failure> {
    const ROUNDS: usize = 4;
    let mut processes = 0;
    for _ in 0..ROUNDS {
        let name = suite.keep(suite.harness.fresh());
        let mut workers = Vec::new();
        for _ in 0..3 {
            workers.extend(suite.start(&name, &Job::Open)?);
        }
        // Several at once in this process as well; opening one after the other would show nothing.
        let opened = {
            let mut opening = Vec::new();
            for _ in 0..8 {
                opening.push(suite.harness.open(&name));
            }
            all(opening).await
        };
        let opened = opened.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut ids: HashSet<String> = opened.iter().map(|backend| backend.store_id().to_string()).collect();
        for mut worker in workers {
            worker.heard(1).await?;
            ids.extend(worker.kill());
            processes += 1;
        }
        ensure_eq!(ids.len(), 1, "how many stores were made by 8 handles and others at once: {ids:?}");
        for (n, backend) in opened.into_iter().enumerate() {
            let store = EventStore::new(backend, crate::Options::default());
            store.append("made-1", Expected::version(n as u64), events([n as u64])?).await?;
        }
    }

    let (name, store) = suite.store().await?;
    let id = store.store_id();
    store.append("kept-1", Expected::NoStream, events([1])?).await?;
    let again = suite.open(&name).await?;
    ensure_eq!(again.store_id(), id, "the store, opened again");
    ensure_eq!(numbers(&whole(&again, "kept-1").await?)?, [1], "its events");
    let (_, other) = suite.store().await?;
    ensure!(other.store_id() != id, "the id of another store", "another", id);

    let figure =
        format!("{ROUNDS} stores, each made by 8 handles and {} processes at once", processes / ROUNDS);
    if !suite.harness.tamper(&name, Tampering::NewerSchema).await? {
        return Ok(Outcome::Partly { figure, untried: "opening a store of a newer schema" });
    }
    let error = refused(suite.backend(&name).await, ErrorKind::Invalid, "opening a store of a newer schema")?;
    ensure!(error.to_string().contains("newer"), "the refusal", "that it is newer", error);
    Ok(Outcome::passed(format!("{figure}; a newer schema refused")))
}

/// Drives futures side by side; their results in the order given.
async fn all<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut done: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(move |cx| {
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(result) = std::pin::Pin::new(future).poll(cx)
            {
                *done = Some(result);
            }
        }
        if done.iter().any(Option::is_none) {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(done.iter_mut().filter_map(Option::take).collect())
    })
    .await
}

pub(super) async fn namespaces_never_see_each_other(suite: &Suite) -> Result<Outcome, Failure> {
    let (name, store) = suite.store().await?;
    let sibling = suite.harness.sibling(&name);
    if !store.capabilities().namespaces {
        if let Some(sibling) = &sibling {
            lacks(suite.backend(sibling).await, Capability::Namespaces, "opening a namespace")?;
        }
        let dropped = store.backend().drop_namespace().await;
        return lacks(dropped, Capability::Namespaces, "dropping a namespace");
    }
    let Some(sibling) = sibling else {
        let reason = "the store has namespaces and its harness names none".into();
        return Ok(Outcome::NotRun { reason });
    };
    let sibling = suite.keep(sibling);
    let other = suite.open(&sibling).await?;
    ensure!(store.store_id() != other.store_id(), "the id of another namespace", "another", store.store_id());

    // The same names, and even the same event ids, on both sides at once.
    let same = events(0..30)?;
    let mut tasks = JoinSet::new();
    for (store, size) in [(store.clone(), 30), (other.clone(), 10)] {
        let same = same.clone();
        tasks.spawn(async move {
            for event in same.into_iter().take(size) {
                store.append("same-1", Expected::Any, [event.tagged(tag("a:1")?)]).await?;
            }
            let own = format!("own-{size}");
            store.append(own.as_str(), Expected::NoStream, events([1])?).await?;
            Ok(())
        });
    }
    join(tasks).await?;
    for (store, size, foreign) in [(&store, 30_u64, "own-10"), (&other, 10, "own-30")] {
        ensure_eq!(store.stream_version("same-1").await?, Version(size), "the stream of a shared name");
        ensure_eq!(store.stream_version(foreign).await?, Version::NONE, "the other side's own stream");
        let streams: Vec<String> =
            store.list_streams("", None, 10).await?.iter().map(|info| info.stream_id.to_string()).collect();
        ensure_eq!(streams, [format!("own-{size}"), "same-1".to_owned()], "the streams of a namespace");
        let stats = store.stats().await?;
        ensure_eq!((stats.events, stats.streams), (size + 1, 2), "the counts of a namespace");
        let types = store.list_event_types(None, 10).await?;
        ensure_eq!(types.iter().map(|info| info.events).collect::<Vec<_>>(), [size + 1], "events of a type");
        if store.capabilities().total_order {
            ensure_eq!(store.read_all().collect().await?.len() as u64, size + 1, "the log of a namespace");
            let tagged = store.read_all().matching(Query::tags([tag("a:1")?])).collect().await?;
            ensure_eq!(tagged.len() as u64, size, "tagged events of a namespace");
        }
    }
    ensure_eq!(other.event(same[20].event_id).await?, None, "an event of the other namespace, by its id");
    let (here, there) = (store.checkpoint_at(Position(1)), other.checkpoint_at(Position(2)));
    store.save_checkpoint("same", None, &here).await?;
    ensure_eq!(other.load_checkpoint("same").await?, None, "the other side's checkpoint");
    other.save_checkpoint("same", None, &there).await?;
    ensure_eq!(store.load_checkpoint("same").await?, Some(here.clone()), "a checkpoint of a shared name");
    refused(other.position_of(&here).await, ErrorKind::Invalid, "a checkpoint of the other namespace")?;
    let key = SnapshotKey { stream_id: stream("same-1")?, name: SnapshotName::new("state")? };
    let snapshot = Snapshot { stream_version: Version(3), state_version: 1, state: JsonText::parse("1")? };
    store.backend().save_snapshot(key.clone(), snapshot).await?;
    ensure_eq!(other.backend().load_snapshot(key).await?, None, "the other side's snapshot");

    if store.capabilities().total_order {
        let mut quiet = store.subscribe(Query::all(), Start::Now).await?;
        let caught_up = quiet.next().await?;
        other.append("same-1", Expected::Any, events([99])?).await?;
        let news = tokio::time::timeout(Duration::from_millis(400), quiet.next()).await;
        let event = matches!(news, Ok(Ok(Delivery::Event(..))));
        ensure!(
            !event && matches!(caught_up, Delivery::CaughtUp(_)),
            "news of the other namespace",
            "none",
            "some"
        );
    }
    other.backend().drop_namespace().await?;
    ensure_eq!(count(&store).await?, 31, "events after the other namespace was dropped");
    Ok(Outcome::passed("41 events under the same names and ids, 9 ways to look across; one dropped"))
}

pub(super) async fn checkpoints_and_snapshots_are_kept(suite: &Suite) -> Result<Outcome, Failure> {
    const STEPS: u64 = 120;
    let (name, store) = suite.store().await?;
    store.append("log-1", Expected::NoStream, events(0..STEPS)?).await?;
    let at = |n: u64| store.checkpoint_at(Position(n));
    ensure_eq!(store.load_checkpoint("none").await?, None, "a checkpoint nobody wrote");
    let conflict = |result, actual: Option<Checkpoint>| -> Result<(), Failure> {
        let error = refused::<()>(result, ErrorKind::Conflict, "a checkpoint written over another value")?;
        let name = "plain".to_owned();
        ensure_eq!(
            error.conflict(),
            Some(&Conflict::Checkpoint { name, actual }),
            "the conflict that is told"
        );
        Ok(())
    };
    conflict(store.save_checkpoint("plain", Some(&at(1)), &at(2)).await, None)?;
    store.save_checkpoint("plain", None, &at(1)).await?;
    conflict(store.save_checkpoint("plain", None, &at(2)).await, Some(at(1)))?;
    conflict(store.save_checkpoint("plain", Some(&at(2)), &at(3)).await, Some(at(1)))?;
    store.save_checkpoint("plain", Some(&at(1)), &at(5)).await?;
    // Back again is a choice: a projection that is rebuilt begins anew.
    store.save_checkpoint("plain", Some(&at(5)), &at(0)).await?;
    let names = ["a", "A", "a ", "á", "a\u{301}", "%", "'", "😀"];
    for (n, name) in names.iter().enumerate() {
        store.save_checkpoint(name, None, &at(n as u64)).await?;
    }
    let other = suite.open(&name).await?;
    for (n, name) in names.iter().enumerate() {
        ensure_eq!(other.load_checkpoint(name).await?, Some(at(n as u64)), "the checkpoint {name:?}");
    }
    refused(
        store.save_checkpoint("", None, &at(1)).await,
        ErrorKind::Invalid,
        "a checkpoint without a name",
    )?;

    // Eight workers move one checkpoint; every step is taken once.
    let handles = suite.handles(&name, 4).await?;
    let mut tasks = JoinSet::new();
    for worker in 0..8 {
        let store = handles[worker % 4].clone();
        tasks.spawn(async move {
            let mut steps = Vec::new();
            loop {
                let current = store.load_checkpoint("shared").await?;
                let from = match &current {
                    Some(checkpoint) => store.position_of(checkpoint).await?,
                    None => Position::START,
                };
                if from.0 == STEPS {
                    return Ok(steps);
                }
                let next = store.checkpoint_at(from.next());
                match store.save_checkpoint("shared", current.as_ref(), &next).await {
                    Ok(()) => steps.push(from.0),
                    Err(error) if error.is_retryable() => {}
                    Err(error) => drop(refused::<()>(Err(error), ErrorKind::Conflict, "a rival step")?),
                }
            }
        });
    }
    let mut steps: Vec<u64> = join(tasks).await?.into_iter().flatten().collect();
    steps.sort_unstable();
    ensure_eq!(steps, (0..STEPS).collect::<Vec<_>>(), "the steps that 8 workers say they took");

    let backend = store.backend();
    let key = |id: &str, name: &str| -> Result<SnapshotKey, Failure> {
        Ok(SnapshotKey { stream_id: stream(id)?, name: SnapshotName::new(name)? })
    };
    let snapshot = |version, state: &str| -> Result<Snapshot, Failure> {
        Ok(Snapshot { stream_version: Version(version), state_version: 3, state: JsonText::parse(state)? })
    };
    let cart = key("log-1", "cart")?;
    ensure_eq!(backend.load_snapshot(cart.clone()).await?, None, "a snapshot nobody wrote");
    let state = r#"{"total":123456789012345678901234567890,"nul":"\u0000","é":"😀"}"#;
    for (key, kept) in [
        (&cart, snapshot(3, state)?),
        (&key("log-1", "Cart")?, snapshot(4, "{}")?),
        (&key("log-1 ", "cart")?, snapshot(5, "null")?),
        (&cart, snapshot(7, r#"{"total":1}"#)?),
    ] {
        backend.save_snapshot(key.clone(), kept.clone()).await?;
        let found = other.backend().load_snapshot(key.clone()).await?;
        let same = found.as_ref().is_some_and(|found| {
            (found.stream_version, found.state_version) == (kept.stream_version, kept.state_version)
                && found.state.same_value(&kept.state)
        });
        ensure!(same, format!("the snapshot {key:?}"), super::kit::shown(&kept), super::kit::shown(&found));
    }
    backend.delete_snapshot(cart.clone()).await?;
    backend.delete_snapshot(cart.clone()).await?;
    ensure_eq!(other.backend().load_snapshot(cart).await?, None, "a snapshot that was deleted");
    let left = other.backend().load_snapshot(key("log-1", "Cart")?).await?.map(|found| found.stream_version);
    ensure_eq!(left, Some(Version(4)), "a snapshot under another name");
    Ok(Outcome::passed(format!(
        "{STEPS} steps of one checkpoint by 8 workers on 4 handles; 3 snapshots kept apart"
    )))
}
