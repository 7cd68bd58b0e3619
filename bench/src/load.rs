//! The load of appends, whoever takes them: facts made from a seed, writers in closed loops, and the share of them
//! that another process has. `peers`, which is not built with this program, has this file as well.

use std::future::Future;
use std::io::{BufRead as _, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Outcome<T> = Result<T, Failure>;

/// The bytes of a payload.
pub(crate) const PAYLOAD_BYTES: usize = 256;

/// An event as the client has it: nothing is prepared that an application would not have at hand.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub(crate) event_type: &'static str,
    pub(crate) payload: String,
}

/// What takes appends.
pub(crate) trait Appends: Send + Sync + 'static {
    /// Appends events to a stream that is at `expected`, all or none.
    fn append<'a>(
        &'a self,
        stream: &'a str,
        expected: u64,
        facts: Vec<Fact>,
    ) -> Pin<Box<dyn Future<Output = Outcome<()>> + Send + 'a>>;
}

/// Writers that begin now, are measured from `start` on, and stop together.
#[derive(Debug, Clone)]
pub(crate) struct Writing {
    start: Instant,
    over: Arc<AtomicBool>,
}

impl Writing {
    pub(crate) fn begin(warm_up: Duration, time: Duration) -> Self {
        let writing = Self { start: Instant::now() + warm_up, over: Arc::default() };
        // A thread of its own keeps the time: writers that wait for the disk where they are called may hold
        // every thread of the runtime.
        std::thread::spawn({
            let over = writing.over.clone();
            move || {
                std::thread::sleep(warm_up + time);
                over.store(true, Ordering::Relaxed);
            }
        });
        writing
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// One writer in a closed loop on its own stream: how long each append took, and when the last one ended.
    pub(crate) async fn write(self, to: impl Appends, writer: usize, batch: usize) -> Outcome<Written> {
        let stream = format!("order-{writer}");
        let mut facts = facts(writer as u64);
        let (mut latencies, mut version) = (Vec::new(), 0);
        while !self.over.load(Ordering::Relaxed) {
            let facts = facts(batch);
            let called = Instant::now();
            to.append(&stream, version, facts).await?;
            version += batch as u64;
            if called >= self.start {
                latencies.push(called.elapsed());
            }
        }
        Ok(Written { latencies, seconds: self.start.elapsed().as_secs_f64() })
    }
}

/// What writers did since the warm-up, and until when.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) latencies: Vec<Duration>,
    pub(crate) seconds: f64,
}

impl Written {
    pub(crate) fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.seconds = self.seconds.max(other.seconds);
    }
}

/// The writers that one process of several has.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Share {
    /// Who takes the appends.
    pub(crate) subject: String,
    /// The URL of the server, and what is this run's there.
    pub(crate) server: String,
    pub(crate) namespace: String,
    pub(crate) first_writer: usize,
    pub(crate) writers: usize,
    pub(crate) batch: usize,
    pub(crate) warm_up_micros: u64,
    pub(crate) time_micros: u64,
}

impl Share {
    /// Says that this process is ready and waits until all are.
    pub(crate) fn begin(&self) -> Outcome<Writing> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "ready")?;
        out.flush()?;
        std::io::stdin().lock().read_line(&mut String::new())?;
        let micros = Duration::from_micros;
        Ok(Writing::begin(micros(self.warm_up_micros), micros(self.time_micros)))
    }

    pub(crate) fn numbers(&self) -> std::ops::Range<usize> {
        self.first_writer..self.first_writer + self.writers
    }
}

impl Written {
    /// One line: the seconds, and each latency in nanoseconds.
    pub(crate) fn tell(&self) -> Outcome<()> {
        let mut line = self.seconds.to_string();
        for latency in &self.latencies {
            line.push_str(&format!(" {}", latency.as_nanos()));
        }
        writeln!(std::io::stdout().lock(), "{line}")?;
        Ok(())
    }

    pub(crate) fn told(line: &str) -> Outcome<Self> {
        let mut numbers = line.split_whitespace();
        let seconds = numbers.next().ok_or("a process said nothing")?.parse()?;
        // In a short run one of several may not have had its turn.
        let nanos = |text: &str| text.parse().map(Duration::from_nanos);
        Ok(Self { seconds, latencies: numbers.map(nanos).collect::<Result<_, _>>()? })
    }
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
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
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
