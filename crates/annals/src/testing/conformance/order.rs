//! The order of the log and those who follow it (rules 9 and 11).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::kit::{
    Random, STREAMS, ensure, ensure_eq, event, events, ids, join, lacks, random_event, refused, tag,
};
use super::worker::{Job, Worker};
use super::{Failure, Outcome, Suite};
use crate::backend::{Capability, Direction, LogRange};
use crate::error::ErrorKind;
use crate::event::{EventId, RecordedEvent};
use crate::query::{Position, Query};
use crate::store::EventStore;
use crate::stream::{Expected, Version};
use crate::subscribe::{BUFFER_EVENTS, Delivery, Start, Subscription};

/// The longest a reader may wait for what is already written.
const NEWS_MAX: Duration = Duration::from_secs(20);

pub(super) async fn position_order_is_visibility_order(suite: &Suite) -> Result<Outcome, Failure> {
    let (name, store) = suite.store().await?;
    if !store.capabilities().total_order {
        let outcome = lacks(store.read_all().collect().await, Capability::TotalOrder, "reading the log")?;
        lacks(
            store.subscribe(Query::all(), Start::Beginning).await,
            Capability::TotalOrder,
            "a subscription",
        )?;
        return Ok(outcome);
    }
    let (_, stranger) = suite.store().await?;
    for store in [&store, &stranger] {
        store.append("first-1", Expected::NoStream, events([1, 2, 3])?).await?;
    }
    let foreign = stranger.checkpoint_at(Position(1));
    let ahead = store.checkpoint_at(Position(1_000_000));
    for (checkpoint, named) in [(&foreign, "another store"), (&ahead, "ahead of the log")] {
        let resumed = store.subscribe(Query::all(), Start::After(checkpoint.clone())).await;
        for error in [
            refused(resumed, ErrorKind::Invalid, &format!("resuming from a checkpoint of {named}"))?,
            refused(store.position_of(checkpoint).await, ErrorKind::Invalid, named)?,
        ] {
            let told = error.to_string();
            ensure!(
                told.contains(named) && told.contains(checkpoint.as_str()),
                "a refused checkpoint",
                format!("its name, and {named:?}"),
                told
            );
        }
    }
    refused(
        store.save_checkpoint("p", None, &foreign).await,
        ErrorKind::Invalid,
        "keeping a foreign checkpoint",
    )?;

    let done = Arc::new(AtomicBool::new(false));
    let mut random = suite.random();
    let mut readers = JoinSet::new();
    for (n, reader) in suite.handles(&name, 3).await?.into_iter().enumerate() {
        let done = done.clone();
        let random = random.fork();
        readers.spawn(async move {
            // One of them looks at the end first, which shows a position whose elders might come later.
            if n == 0 { jump(&reader, &done).await } else { tail(&reader, &done, random).await }
        });
    }
    let mut writers = JoinSet::new();
    for writer in suite.handles(&name, 3).await? {
        let (done, random) = (done.clone(), random.fork());
        writers.spawn(async move { write_and_fail(&writer, &done, random).await });
    }
    let disturbed = disturb(suite, &name, &mut random).await;
    done.store(true, Ordering::SeqCst);
    let written: u64 = join(writers).await?.iter().sum();
    let disturbed = disturbed?;
    let seen = join(readers).await?;

    let log = store.read_all().collect().await?;
    let truth: Vec<(Position, EventId)> = log.iter().map(|event| (event.position, event.event_id)).collect();
    ensure!(truth.windows(2).all(|pair| pair[0].0 < pair[1].0), "positions of the log", "rising", "others");
    ensure!(truth.len() as u64 >= written, "events in the log", format!("{written} or more"), truth.len());
    for seen in &seen {
        // What a reader saw on its way is what is there: nothing has come up behind it.
        let missed = truth.iter().zip(seen).find(|(truth, seen)| truth != seen);
        ensure_eq!(missed, None, "the first event that a reader saw otherwise than it is now");
        ensure!(seen.len() <= truth.len(), "what a reader saw", truth.len(), seen.len());
    }
    let times = log.windows(2).all(|pair| pair[0].recorded_at <= pair[1].recorded_at);
    ensure!(times, "recorded times", "never decreasing with the position", "decreasing");
    Ok(Outcome::passed(format!(
        "{} events by 3 writers here and {disturbed}, followed by {} readers; 2 kinds of checkpoints refused",
        truth.len(),
        seen.len()
    )))
}

/// Follows the log page by page; what it saw, in the order it did.
async fn tail(
    store: &EventStore,
    done: &AtomicBool,
    mut random: Random,
) -> Result<Vec<(Position, EventId)>, Failure> {
    let (mut seen, mut through) = (Vec::new(), Position::START);
    loop {
        let last_look = done.load(Ordering::SeqCst);
        let limit = 1 + random.size(60);
        let range =
            LogRange { query: Query::all(), from: through.next(), direction: Direction::Forward, limit };
        let page = store.log_page(range).await?;
        seen.extend(page.events.iter().map(|event| (event.position, event.event_id)));
        // A checkpoint may be anywhere up to here, so nothing may appear below it either.
        through = page.through;
        if page.end {
            if last_look {
                return Ok(seen);
            }
            store.backend().wait(through).await;
        }
    }
}

/// Looks for the newest event, then reads everything before it that it has not seen.
async fn jump(store: &EventStore, done: &AtomicBool) -> Result<Vec<(Position, EventId)>, Failure> {
    let mut seen: Vec<(Position, EventId)> = Vec::new();
    loop {
        let last_look = done.load(Ordering::SeqCst);
        let newest = store.read_all().backward().limit(1).collect().await?;
        let Some(newest) = newest.first() else { continue };
        let from = seen.last().map_or(Position(1), |(position, _)| position.next());
        let news = store.read_all().from(from).to(newest.position).collect().await?;
        seen.extend(news.iter().map(|event| (event.position, event.event_id)));
        ensure_eq!(seen.last(), Some(&(newest.position, newest.event_id)), "the newest event, read again");
        if last_look {
            return Ok(seen);
        }
    }
}

/// Appends of all sizes, some refused in mid-transaction, some dropped.
async fn write_and_fail(store: &EventStore, done: &AtomicBool, mut random: Random) -> Result<u64, Failure> {
    let mut written = 0;
    while !done.load(Ordering::SeqCst) {
        let size_max = if random.percent(10) { 100 } else { 5 };
        let size = 1 + random.below(size_max);
        let id = *random.pick(STREAMS);
        match random.below(10) {
            0 => {
                let append = store.append(id, Expected::version(u64::MAX), events(0..size)?).await;
                refused(append, ErrorKind::Conflict, "an append bound to fail")?;
            }
            1 => {
                let append = store.append(id, Expected::Any, events(0..size)?);
                let _ = tokio::time::timeout(Duration::from_micros(random.below(2_000)), append).await;
            }
            _ => {
                store.append(id, Expected::Any, events(0..size)?).await?;
                written += size;
            }
        }
        tokio::time::sleep(Duration::from_micros(random.below(4_000))).await;
    }
    Ok(written)
}

/// Lets other processes write, stops them wherever they are, lets them go on, kills some.
async fn disturb(suite: &Suite, name: &str, random: &mut Random) -> Result<String, Failure> {
    const ROUNDS: u64 = 14;
    const PROCESSES: u64 = 3;
    if !suite.has_workers() {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        return Ok("none in another process".into());
    }
    let start = |n: u64, random: &mut Random| -> Result<Worker, Failure> {
        let job = Job::Write { prefix: format!("child-{n}"), batch: 1 + 20 * n, seed: random.next() };
        suite.start(name, &job)?.ok_or_else(|| Failure {
            what: "another process".into(),
            expected: "it to start".into(),
            found: "no way to start it".into(),
        })
    };
    let mut workers = (0..PROCESSES).map(|n| start(n, random)).collect::<Result<Vec<_>, _>>()?;
    for worker in &mut workers {
        worker.heard(1).await?;
    }
    let (mut lines, mut killed) = (0, 0);
    for round in 0..ROUNDS {
        tokio::time::sleep(Duration::from_millis(20 + random.below(60))).await;
        let at = random.size(workers.len());
        if cfg!(unix) {
            workers[at].signal("-STOP")?;
            tokio::time::sleep(Duration::from_millis(20 + random.below(120))).await;
        }
        if round % 4 == 3 {
            let fresh = start(at as u64, random)?;
            lines += std::mem::replace(&mut workers[at], fresh).kill().len();
            workers[at].heard(1).await?;
            killed += 1;
        } else if cfg!(unix) {
            workers[at].signal("-CONT")?;
        }
    }
    lines += workers.into_iter().map(|worker| worker.kill().len()).sum::<usize>();
    Ok(format!(
        "{lines} appends by {PROCESSES} other processes, stopped {ROUNDS} times, killed {killed} times"
    ))
}

pub(super) async fn a_subscription_delivers_every_event_once_in_order(
    suite: &Suite,
) -> Result<Outcome, Failure> {
    let (name, store) = suite.store().await?;
    if !store.capabilities().total_order {
        let subscribed = store.subscribe(Query::all(), Start::Beginning).await;
        return lacks(subscribed, Capability::TotalOrder, "a subscription");
    }
    let mut random = suite.random();
    for _ in 0..200 {
        let events = (0..5).map(|_| random_event(&mut random)).collect::<Result<Vec<_>, _>>()?;
        store.append(*random.pick(STREAMS), Expected::Any, events).await?;
    }

    // Readers start in the past while writers write, and pass over into the present.
    let query = Query::tags([tag("a:1")?]);
    let mut readers = JoinSet::new();
    for (n, reader) in suite.handles(&name, 4).await?.into_iter().enumerate() {
        let query = if n < 2 { Query::all() } else { query.clone() };
        let random = random.fork();
        readers.spawn(async move {
            let how = if n % 2 == 0 { Following::Steadily } else { Following::Reconnecting };
            follow(&reader, query.clone(), how, random).await.map(|seen| (query, seen))
        });
    }
    let mut writers = JoinSet::new();
    for writer in suite.handles(&name, 3).await? {
        let mut random = random.fork();
        writers.spawn(async move {
            for _ in 0..120 {
                let events = (0..=random.below(4))
                    .map(|_| random_event(&mut random))
                    .collect::<Result<Vec<_>, _>>()?;
                writer.append(*random.pick(STREAMS), Expected::Any, events).await?;
                tokio::time::sleep(Duration::from_micros(random.below(6_000))).await;
            }
            Ok(())
        });
    }
    join(writers).await?;
    store.append("the-end", Expected::Any, [event(0)?.tagged(tag("a:1")?)]).await?;
    let log = store.read_all().collect().await?;
    for (query, seen) in join(readers).await? {
        let truth: Vec<RecordedEvent> = log.iter().filter(|event| query.matches(event)).cloned().collect();
        ensure_eq!(seen, ids(&truth), "what a subscription to {query:?} delivered of {} events", truth.len());
    }

    let slow = slow_consumers_are_bounded(&store, &log).await?;
    checkpoints_pass_over_what_is_skipped(&store, &suite.open(&name).await?).await?;
    Ok(Outcome::passed(format!(
        "{} events, of which 1,000 were there before, to 4 subscriptions on 4 handles, 2 of them reconnecting; \
         at most {slow} held for a slow consumer; tokens awaited, skipped events passed",
        log.len()
    )))
}

#[derive(Clone, Copy)]
enum Following {
    Steadily,
    Reconnecting,
}

/// Follows until the event of the stream `the-end`.
async fn follow(
    store: &EventStore,
    query: Query,
    how: Following,
    mut random: Random,
) -> Result<Vec<EventId>, Failure> {
    let mut seen = Vec::new();
    let mut subscription = store.subscribe(query.clone(), Start::Beginning).await?;
    let mut until = random.below(100);
    loop {
        let delivery = match how {
            Following::Steadily => news(&mut subscription).await?,
            // Giving up waiting and asking again loses nothing.
            Following::Reconnecting => {
                let end = Instant::now() + NEWS_MAX;
                loop {
                    let time = Duration::from_micros(random.below(2_000));
                    match tokio::time::timeout(time, subscription.next()).await {
                        Ok(delivery) => break delivery?,
                        Err(_) if Instant::now() < end => {}
                        Err(_) => return Err(silent()),
                    }
                }
            }
        };
        let checkpoint = delivery.checkpoint().clone();
        if let Delivery::Event(event, _) = delivery {
            seen.push(event.event_id);
            if event.stream_id == "the-end" {
                return Ok(seen);
            }
        }
        until = until.saturating_sub(1);
        if until == 0 {
            until = 1 + random.below(400);
            if let Following::Reconnecting = how {
                let kept = checkpoint.as_str().parse()?;
                subscription = store.subscribe(query.clone(), Start::After(kept)).await?;
            } else {
                tokio::time::sleep(Duration::from_millis(random.below(20))).await;
            }
        }
    }
}

fn silent() -> Failure {
    let expected = format!("a delivery within {} s", NEWS_MAX.as_secs());
    Failure { what: "a subscription with news".into(), expected, found: "none".into() }
}

async fn news(subscription: &mut Subscription) -> Result<Delivery, Failure> {
    match tokio::time::timeout(NEWS_MAX, subscription.next()).await {
        Ok(delivery) => Ok(delivery?),
        Err(_) => Err(silent()),
    }
}

/// A consumer that asks for everything at hand gets no more than a page; the checkpoint of any prefix
/// resumes right behind it.
async fn slow_consumers_are_bounded(store: &EventStore, log: &[RecordedEvent]) -> Result<usize, Failure> {
    let mut subscription = store.subscribe(Query::all(), Start::Beginning).await?;
    let (mut held, mut seen, mut checkpoint) = (0, Vec::new(), store.checkpoint_at(Position::START));
    loop {
        let (batch, next) = subscription.next_batch(usize::MAX).await?;
        if batch.is_empty() {
            ensure_eq!(next, checkpoint, "the checkpoint when caught up with every event");
            break;
        }
        held = held.max(batch.len());
        seen.extend(ids(&batch));
        checkpoint = next;
    }
    ensure_eq!(seen, ids(log), "what batches delivered");
    ensure!(held <= BUFFER_EVENTS, "events held for a slow consumer", BUFFER_EVENTS, held);
    for at in [0, 1, log.len() / 2, log.len() - 1] {
        let start = Start::After(store.checkpoint_at(log[at].position));
        let mut subscription = store.subscribe(Query::all(), start).await?;
        let (batch, _) = subscription.next_batch(3).await?;
        let rest = &log[at + 1..];
        ensure_eq!(ids(&batch), ids(&rest[..rest.len().min(3)]), "what follows the checkpoint of event {at}");
    }
    Ok(held)
}

/// Caught up is said, with a checkpoint behind events that the filter skips; a token can be waited for.
async fn checkpoints_pass_over_what_is_skipped(
    store: &EventStore,
    other: &EventStore,
) -> Result<(), Failure> {
    let query = Query::tags([tag("rare:1")?]);
    let mut rare = other.subscribe(query.clone(), Start::Beginning).await?;
    let mut from_now = other.subscribe(Query::all(), Start::Now).await?;
    let head = |position| Delivery::CaughtUp(store.checkpoint_at(position));
    ensure_eq!(
        news(&mut rare).await?,
        head(store.head().await?.position),
        "catching up past what is skipped"
    );
    ensure_eq!(news(&mut from_now).await?, head(store.head().await?.position), "catching up from now on");

    let token = store.append("skipped-1", Expected::Any, events([1, 2, 3])?).await?.checkpoint;
    let wanted = other.position_of(&token).await?;
    loop {
        let delivery = news(&mut rare).await?;
        ensure!(
            matches!(delivery, Delivery::CaughtUp(_)),
            "a subscription whose filter skips",
            "no event",
            super::kit::shown(&delivery)
        );
        if other.position_of(delivery.checkpoint()).await? >= wanted {
            break;
        }
    }
    let mut live = 0;
    while other.position_of(news(&mut from_now).await?.checkpoint()).await? < wanted {
        live += 1;
        ensure!(live < 10, "deliveries until a token is reached", "3 events", live);
    }

    let written = store.append("rare-1", Expected::Any, [event(1)?.tagged(tag("rare:1")?)]).await?;
    let delivery = news(&mut rare).await?;
    let found = match &delivery {
        Delivery::Event(event, checkpoint) => Some((event.stream_version, checkpoint)),
        Delivery::CaughtUp(_) => None,
    };
    ensure_eq!(found, Some((Version(1), &written.checkpoint)), "the event after those skipped");
    ensure_eq!(news(&mut rare).await?, head(written.last_position), "being caught up again");
    Ok(())
}
