//! What is done to every subject: the one definition of each workload.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::backend::BoxFuture;

use crate::decode;
use crate::load::{Appends, Fact, Random, Share, Writing, Written, facts};
use crate::processes;
use crate::subject::{self, Kind, Outcome, Pauses, Subject};

/// The pause before each append whose delivery is timed, so that the store is idle.
const IDLE_PAUSE: Duration = Duration::from_millis(5);

/// By how much such pauses differ where somebody looks for events from time to time: pauses of one length would
/// always meet the same moment between two looks.
const APART_SPREAD: Duration = Duration::from_millis(25);

/// How many events one append of a preparation writes.
const PREPARATION_BATCH: u64 = 500;

/// How many write when a whole log is prepared.
const LOADERS: u64 = 4;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Workload {
    /// Each writer in a closed loop: an append of `batch` events to its own stream, then the next.
    Append { writers: usize, batch: usize, hash_chain: bool },
    /// One reader in a closed loop: a whole stream of `events`, one of many at random.
    ReadStream { events: u64 },
    /// So many processes with so many writers each, an event an append.
    Processes { processes: usize, writers: usize },
    /// One reader: every event in order; a million of them, or as many as can be read often.
    ReadAll { million: bool },
    /// One append after the other with pauses, each timed until a subscriber has it, while so many other
    /// writers append; the subscriber in the store that appends, or apart from it.
    Delivery { writers: usize, apart: bool },
    /// One reader in a closed loop: decodes every event of a log in memory, all of one schema version.
    Decode { schema_version: u32 },
    /// One reader in a closed loop: loads the state of a stream of `events`, one of many at random, from its
    /// snapshot or from the events.
    Load { events: u64, snapshots: bool },
}

const fn append(writers: usize, batch: usize) -> Workload {
    Workload::Append { writers, batch, hash_chain: false }
}

const fn chained(writers: usize) -> Workload {
    Workload::Append { writers, batch: 1, hash_chain: true }
}

impl Workload {
    pub(crate) const ALL: [Self; 25] = [
        append(1, 1),
        append(8, 1),
        append(32, 1),
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
        Self::ReadAll { million: false },
        Self::Decode { schema_version: decode::CURRENT },
        Self::Decode { schema_version: 2 },
        Self::Decode { schema_version: 1 },
        Self::Load { events: 1_000, snapshots: false },
        Self::Load { events: 1_000, snapshots: true },
        Self::Delivery { writers: 0, apart: false },
        Self::Delivery { writers: 64, apart: false },
        Self::Delivery { writers: 0, apart: true },
        Self::Delivery { writers: 64, apart: true },
        Self::Processes { processes: 8, writers: 8 },
        Self::ReadAll { million: true },
    ];

    /// Whether it takes so long that it runs only where its whole name is given.
    pub(crate) fn is_long(self) -> bool {
        matches!(self, Self::ReadAll { million: true })
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Append { writers, batch, hash_chain } => {
                let chain = if hash_chain { "-chain" } else { "" };
                format!("append-{batch}-w{writers}{chain}")
            }
            Self::ReadStream { events } => format!("read-stream-{events}"),
            Self::Processes { processes, writers } => format!("append-1-p{processes}w{writers}"),
            Self::ReadAll { million: false } => "read-all".to_owned(),
            Self::ReadAll { million: true } => "read-all-1m".to_owned(),
            Self::Delivery { writers, apart } => {
                let writers = if writers > 0 { format!("-w{writers}") } else { String::new() };
                let apart = if apart { "-apart" } else { "" };
                format!("delivery{writers}{apart}")
            }
            Self::Decode { schema_version: decode::CURRENT } => "decode-current".to_owned(),
            Self::Decode { schema_version: 2 } => "decode-upcast".to_owned(),
            Self::Decode { .. } => "decode-upcast-chain".to_owned(),
            Self::Load { events, snapshots } => {
                let snapshot = if snapshots { "-snapshot" } else { "" };
                format!("load-{events}{snapshot}")
            }
        }
    }

    /// Runs once on a fresh store; `None` where the subject lacks what the workload needs.
    pub(crate) async fn run(self, kind: Kind, directory: &Path, size: Size) -> Outcome<Option<Measured>> {
        let hash_chain = matches!(self, Self::Append { hash_chain: true, .. });
        if !kind.takes_part_in(self) {
            return Ok(None);
        }
        if let Self::Decode { schema_version } = self {
            return decode::run(schema_version, kind == Kind::Plain, size).await.map(Some);
        }
        let namespace = subject::namespace();
        if let (Self::Append { writers, batch, .. }, Some(mut program)) = (self, kind.peer()) {
            program.arg(serde_json::to_string(&share(kind, &namespace, 0, writers, batch, size)?)?);
            return Ok(processes::run([program])?.map(|written| Measured::of(written, batch)));
        }
        let subject = match self {
            Self::Delivery { apart: true, .. } => kind.open_apart(directory, &namespace).await?,
            _ => kind.open(directory, &namespace, hash_chain).await?,
        };
        let measured = match self {
            Self::Processes { processes, writers } => {
                several_processes(kind, &namespace, processes, writers, size)
            }
            _ => self.measure(&subject, size).await,
        };
        subject.finish().await?;
        measured
    }

    async fn measure(self, subject: &Arc<dyn Subject>, size: Size) -> Outcome<Option<Measured>> {
        match self {
            Self::Append { writers, batch, .. } => {
                appends(subject.clone(), writers, batch, size).await.map(Some)
            }
            Self::ReadStream { events } => stream_reads(&**subject, events, size).await.map(Some),
            Self::Processes { .. } => Err("writers in other processes open the store themselves".into()),
            Self::ReadAll { million } => {
                let stored = if million { size.many_stored_events } else { size.stored_events };
                whole_reads(subject, stored, size).await.map(Some)
            }
            Self::Delivery { writers, apart } => deliveries(subject, writers, apart, size).await,
            Self::Decode { .. } => Err("decoding needs no store".into()),
            Self::Load { events, snapshots } => {
                state_loads(&**subject, events, snapshots, size).await.map(Some)
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
    /// The same for a log that no buffer of the client holds.
    pub(crate) many_stored_events: u64,
}

/// What one run gave.
#[derive(Debug)]
pub(crate) struct Measured {
    /// `None` where the workload sets the pace.
    pub(crate) events_per_second: Option<f64>,
    pub(crate) latencies: Vec<Duration>,
}

impl Measured {
    pub(crate) fn of(written: Written, batch: usize) -> Self {
        let events = (written.latencies.len() * batch) as f64;
        Self { events_per_second: Some(events / written.seconds), latencies: written.latencies }
    }
}

async fn appends(subject: Arc<dyn Subject>, writers: usize, batch: usize, size: Size) -> Outcome<Measured> {
    let writing = Writing::begin(size.warm_up, size.time);
    let tasks: Vec<_> = (0..writers)
        .map(|writer| tokio::spawn(writing.clone().write(subject.clone(), writer, batch)))
        .collect();
    let mut written = Written::default();
    for task in tasks {
        written.add(task.await??);
    }
    Ok(Measured::of(written, batch))
}

impl Appends for Arc<dyn Subject> {
    fn append<'a>(&'a self, stream: &'a str, expected: u64, facts: Vec<Fact>) -> BoxFuture<'a, Outcome<()>> {
        (**self).append(stream, expected, facts)
    }
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

async fn state_loads(subject: &dyn Subject, events: u64, snapshots: bool, size: Size) -> Outcome<Measured> {
    let streams = (size.stored_events / 10 / events).max(1);
    prepare(subject, streams, events).await?;
    if snapshots {
        for stream in 0..streams {
            subject.load(&format!("order-{stream}"), snapshots).await?;
        }
    }
    subject.settle().await?;
    let mut random = Random(7);
    closed_loop(size, async || {
        let loaded = subject.load(&format!("order-{}", random.below(streams)), snapshots).await?;
        if loaded.state.events != events || loaded.from_snapshot != snapshots {
            return Err(format!("loaded {} of {events} events", loaded.state.events).into());
        }
        Ok(events)
    })
    .await
}

async fn whole_reads(subject: &Arc<dyn Subject>, stored: u64, size: Size) -> Outcome<Measured> {
    let per_stream = 1_000.min(stored);
    let streams = stored / per_stream;
    // Loaded by as many as keep a server busy.
    let loaders = LOADERS.min(streams);
    let tasks: Vec<_> = (0..loaders)
        .map(|loader| {
            let subject = subject.clone();
            tokio::spawn(async move {
                for stream in (loader..streams).step_by(usize::try_from(loaders)?) {
                    load(&*subject, &format!("order-{stream}"), per_stream).await?;
                }
                Outcome::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    subject.settle().await?;
    let stored = streams * per_stream;
    closed_loop(size, async || {
        let count = subject.read_all().await?;
        if count == stored { Ok(count) } else { Err(format!("read {count} of {stored} events").into()) }
    })
    .await
}

async fn load(subject: &dyn Subject, stream: &str, events: u64) -> Outcome<()> {
    let (mut version, mut facts) = (0, facts(events));
    while version < events {
        let count = PREPARATION_BATCH.min(events - version);
        subject.append(stream, version, facts(usize::try_from(count)?)).await?;
        version += count;
    }
    Ok(())
}

async fn deliveries(
    subject: &Arc<dyn Subject>,
    writers: usize,
    apart: bool,
    size: Size,
) -> Outcome<Option<Measured>> {
    // The others begin before and end after what is measured.
    let others = Writing::begin(Duration::ZERO, size.warm_up + size.time * 2);
    let tasks: Vec<_> =
        (0..writers).map(|writer| tokio::spawn(others.clone().write(subject.clone(), writer, 1))).collect();
    if writers > 0 {
        tokio::time::sleep(size.warm_up).await;
    }
    let spread = if apart { APART_SPREAD } else { Duration::ZERO };
    let pauses = Pauses { least: IDLE_PAUSE, spread, random: Random(11) };
    let latencies = subject.deliveries(size.time, pauses).await;
    others.end();
    for task in tasks {
        task.await??;
    }
    Ok(latencies?.map(|latencies| Measured { events_per_second: None, latencies }))
}

fn several_processes(
    kind: Kind,
    namespace: &str,
    processes: usize,
    writers: usize,
    size: Size,
) -> Outcome<Option<Measured>> {
    let part = |process| processes::itself(&share(kind, namespace, process * writers, writers, 1, size)?);
    let commands = (0..processes).map(part).collect::<Outcome<Vec<_>>>()?;
    Ok(processes::run(commands)?.map(|written| Measured::of(written, 1)))
}

fn share(
    kind: Kind,
    namespace: &str,
    first_writer: usize,
    writers: usize,
    batch: usize,
    size: Size,
) -> Outcome<Share> {
    Ok(Share {
        subject: kind.name().to_owned(),
        server: kind.server_url()?,
        namespace: namespace.to_owned(),
        first_writer,
        writers,
        batch,
        warm_up_micros: u64::try_from(size.warm_up.as_micros())?,
        time_micros: u64::try_from(size.time.as_micros())?,
    })
}

pub(crate) async fn closed_loop(
    size: Size,
    mut read: impl AsyncFnMut() -> Outcome<u64>,
) -> Outcome<Measured> {
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
