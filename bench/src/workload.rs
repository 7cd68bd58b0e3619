//! What is done to every subject: the one definition of each workload.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::subject::{Fact, Kind, Outcome, Subject};

/// The bytes of a payload.
pub(crate) const PAYLOAD_BYTES: usize = 256;

/// The pause before each append whose delivery is timed, so that the store is idle.
const IDLE_PAUSE: Duration = Duration::from_millis(5);

/// How many events one append of a preparation writes.
const PREPARATION_BATCH: u64 = 500;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Workload {
    /// Each writer in a closed loop: an append of `batch` events to its own stream, then the next.
    Append { writers: usize, batch: usize, hash_chain: bool },
    /// One reader in a closed loop: a whole stream of `events`, one of many at random.
    ReadStream { events: u64 },
    /// One reader: every event in order.
    ReadAll,
    /// One append after the other with pauses, each timed until a subscriber has it.
    Delivery,
}

const fn append(writers: usize, batch: usize) -> Workload {
    Workload::Append { writers, batch, hash_chain: false }
}

const fn chained(writers: usize) -> Workload {
    Workload::Append { writers, batch: 1, hash_chain: true }
}

impl Workload {
    pub(crate) const ALL: [Self; 14] = [
        append(1, 1),
        append(8, 1),
        append(64, 1),
        append(256, 1),
        chained(1),
        chained(64),
        append(1, 10),
        append(8, 10),
        append(1, 100),
        append(8, 100),
        Self::ReadStream { events: 10 },
        Self::ReadStream { events: 100 },
        Self::ReadAll,
        Self::Delivery,
    ];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Append { writers, batch, hash_chain } => {
                let chain = if hash_chain { "-chain" } else { "" };
                format!("append-{batch}-w{writers}{chain}")
            }
            Self::ReadStream { events } => format!("read-stream-{events}"),
            Self::ReadAll => "read-all".to_owned(),
            Self::Delivery => "delivery".to_owned(),
        }
    }

    /// Runs once on a fresh store; `None` where the subject lacks what the workload needs.
    pub(crate) async fn run(self, kind: Kind, directory: &Path, size: Size) -> Outcome<Option<Measured>> {
        let hash_chain = matches!(self, Self::Append { hash_chain: true, .. });
        if hash_chain && !kind.has_hash_chain() {
            return Ok(None);
        }
        let subject = kind.open(directory, hash_chain).await?;
        let measured = self.measure(&subject, size).await;
        subject.finish().await?;
        measured
    }

    async fn measure(self, subject: &Arc<dyn Subject>, size: Size) -> Outcome<Option<Measured>> {
        match self {
            Self::Append { writers, batch, .. } => {
                appends(subject.clone(), writers, batch, size).await.map(Some)
            }
            Self::ReadStream { events } => stream_reads(&**subject, events, size).await.map(Some),
            Self::ReadAll => whole_reads(&**subject, size).await.map(Some),
            Self::Delivery => {
                let latencies = subject.deliveries(size.time, IDLE_PAUSE).await?;
                Ok(latencies.map(|latencies| Measured { events_per_second: None, latencies }))
            }
        }
    }
}

/// How long and how much.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) time: Duration,
    /// Not measured, before the time begins.
    pub(crate) warm_up: Duration,
    /// Events in the log when reading is measured.
    pub(crate) stored_events: u64,
}

/// What one run gave.
#[derive(Debug)]
pub(crate) struct Measured {
    /// `None` where the workload sets the pace.
    pub(crate) events_per_second: Option<f64>,
    pub(crate) latencies: Vec<Duration>,
}

async fn appends(subject: Arc<dyn Subject>, writers: usize, batch: usize, size: Size) -> Outcome<Measured> {
    let over = Arc::new(AtomicBool::new(false));
    let start = Instant::now() + size.warm_up;
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let (subject, over) = (subject.clone(), over.clone());
            tokio::spawn(async move {
                let stream = format!("order-{writer}");
                let mut facts = facts(writer as u64);
                let mut latencies = Vec::new();
                let mut version = 0;
                while !over.load(Ordering::Relaxed) {
                    let facts = facts(batch);
                    let called = Instant::now();
                    subject.append(&stream, version, facts).await?;
                    version += batch as u64;
                    if called >= start {
                        latencies.push(called.elapsed());
                    }
                }
                Outcome::Ok((latencies, Instant::now()))
            })
        })
        .collect();
    // A thread of its own keeps the time: writers that wait for the disk where they are called may hold
    // every thread of the runtime.
    let clock = std::thread::spawn({
        let over = over.clone();
        move || {
            std::thread::sleep(size.warm_up + size.time);
            over.store(true, Ordering::Relaxed);
        }
    });
    let (mut latencies, mut end) = (Vec::new(), start);
    for task in tasks {
        let (measured, ended) = task.await??;
        latencies.extend(measured);
        end = end.max(ended);
    }
    clock.join().map_err(|_| "the clock panicked")?;
    let seconds = end.duration_since(start).as_secs_f64();
    let events = (latencies.len() * batch) as f64;
    Ok(Measured { events_per_second: Some(events / seconds), latencies })
}

async fn prepare(subject: &dyn Subject, streams: u64, events: u64) -> Outcome<()> {
    let mut facts = facts(0);
    // Streams are interleaved in the log, as they are when many writers share it.
    let slice = (PREPARATION_BATCH / streams.max(1)).clamp(1, 10).min(events);
    let mut version = 0;
    while version < events {
        let count = slice.min(events - version);
        for stream in 0..streams {
            subject.append(&format!("order-{stream}"), version, facts(usize::try_from(count)?)).await?;
        }
        version += count;
    }
    Ok(())
}

async fn stream_reads(subject: &dyn Subject, events: u64, size: Size) -> Outcome<Measured> {
    let streams = (size.stored_events / 10 / events).max(1);
    prepare(subject, streams, events).await?;
    let mut random = Random(7);
    closed_loop(size, async || {
        let count = subject.read_stream(&format!("order-{}", random.below(streams))).await?;
        if count == events { Ok(count) } else { Err(format!("read {count} of {events} events").into()) }
    })
    .await
}

async fn whole_reads(subject: &dyn Subject, size: Size) -> Outcome<Measured> {
    let per_stream = 1_000.min(size.stored_events);
    let streams = size.stored_events / per_stream;
    for stream in 0..streams {
        let (mut version, mut facts) = (0, facts(stream));
        while version < per_stream {
            let count = PREPARATION_BATCH.min(per_stream - version);
            subject.append(&format!("order-{stream}"), version, facts(usize::try_from(count)?)).await?;
            version += count;
        }
    }
    let stored = streams * per_stream;
    closed_loop(size, async || {
        let count = subject.read_all().await?;
        if count == stored { Ok(count) } else { Err(format!("read {count} of {stored} events").into()) }
    })
    .await
}

async fn closed_loop(size: Size, mut read: impl AsyncFnMut() -> Outcome<u64>) -> Outcome<Measured> {
    let warm = Instant::now();
    while warm.elapsed() < size.warm_up {
        read().await?;
    }
    let (start, mut events, mut latencies) = (Instant::now(), 0, Vec::new());
    while start.elapsed() < size.time || latencies.is_empty() {
        let called = Instant::now();
        events += read().await?;
        latencies.push(called.elapsed());
    }
    Ok(Measured { events_per_second: Some(events as f64 / start.elapsed().as_secs_f64()), latencies })
}

/// Facts made from a seed: the same in every run and for every subject.
pub(crate) fn facts(seed: u64) -> impl FnMut(usize) -> Vec<Fact> + Send {
    let mut random = Random(seed);
    move |count| (0..count).map(|_| fact(&mut random)).collect()
}

fn fact(random: &mut Random) -> Fact {
    const TYPES: [&str; 4] = ["order-placed", "order-paid", "order-packed", "order-shipped"];
    let index = usize::try_from(random.below(TYPES.len() as u64)).unwrap_or(0);
    let mut payload = format!(
        r#"{{"customer":"{:016x}","items":{},"total":"{}.{:02}","express":{},"note":""#,
        random.next(),
        1 + random.below(9),
        random.below(10_000),
        random.below(100),
        random.below(2) == 0,
    );
    while payload.len() < PAYLOAD_BYTES - 2 {
        let letter = u8::try_from(random.below(26)).unwrap_or(0);
        payload.push(char::from(b'a' + letter));
    }
    payload.push_str("\"}");
    Fact { event_type: TYPES[index], payload }
}

/// SplitMix64: enough for data that must only differ and repeat.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_json_of_the_size_that_is_promised_and_repeats_with_its_seed() {
        let payloads = |seed| facts(seed)(3).into_iter().map(|fact| fact.payload).collect::<Vec<_>>();
        for payload in payloads(1) {
            assert_eq!(payload.len(), PAYLOAD_BYTES);
            serde_json::from_str::<serde_json::Value>(&payload).unwrap();
        }
        assert_eq!(payloads(1), payloads(1));
        assert_ne!(payloads(1), payloads(2));
    }
}
