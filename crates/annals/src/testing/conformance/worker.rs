//! Other processes on the store under test: what they are asked to do, and the hand that stops, continues
//! and kills them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::kit::{Random, event, stream};
use super::{Failure, Harness, Suite};
use crate::append::Append;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{EventStore, Options};
use crate::stream::{Expected, Version};

/// The variable that holds what a process started by a rule is to do.
pub const WORKER: &str = "ANNALS_CONFORMANCE_WORKER";

/// What marks a line as said by a worker; the test runner around it prints as well.
const SAID: &str = "annals-worker ";

/// How long a worker lives without being told to end.
const LIFE_MAX: Duration = Duration::from_secs(120);

/// What another process is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Job {
    /// Open the store and say which it is.
    Open,
    /// Append until killed, many appends in a transaction and some of them refused, and say the id of each
    /// acknowledged event.
    Write {
        /// The first part of the stream ids.
        prefix: String,
        /// How many appends in one transaction.
        batch: u64,
        /// The seed of its choices.
        seed: u64,
    },
    /// Append the number `n` expecting version `n`, for every `n` below the end that nobody else was faster
    /// with, and say how many those were.
    Count {
        /// The stream that counts.
        stream: String,
        /// Where to end.
        end: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct Order {
    store: String,
    job: Job,
}

/// Does what a rule in another process asks of this one, by the variable [`WORKER`].
///
/// # Errors
/// What the store failed with.
pub async fn work(harness: &dyn Harness) -> Result<()> {
    let order = std::env::var(WORKER).map_err(|_| Error::invalid(format!("{WORKER} is not set")))?;
    let order: Order = serde_json::from_str(&order)
        .map_err(|e| Error::with_source(ErrorKind::Invalid, format!("{WORKER} is not an order"), e))?;
    end_with_parent();
    let store = EventStore::new(
        harness.open(&order.store).await?,
        Options { deadline: Duration::from_secs(60), ..Options::default() },
    );
    // The test runner has begun a line that it ends later.
    say("")?;
    match order.job {
        Job::Open => say(&store.store_id().to_string()),
        Job::Write { prefix, batch, seed } => write(&store, &prefix, batch, Random::new(seed)).await,
        Job::Count { stream, end } => say(&count(&store, &stream, end).await?.to_string()),
    }
}

/// A rule that has ended, or was ended, leaves no process behind.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let text = if line.is_empty() { "\n".to_owned() } else { format!("{SAID}{line}\n") };
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Error::with_source(ErrorKind::Unavailable, "nobody listens to this process", e))
}

async fn write(store: &EventStore, prefix: &str, batch: u64, mut random: Random) -> Result<()> {
    let end = Instant::now() + LIFE_MAX;
    while Instant::now() < end {
        let mut appends = Vec::new();
        for _ in 0..batch {
            let id = stream(format!("{prefix}-{}", random.below(5)))?;
            let expected = if random.percent(20) { Expected::Version(Version::END) } else { Expected::Any };
            let events = (0..=random.below(3)).map(event).collect::<Result<Vec<_>>>()?;
            appends.push(Append::to(id, expected, events));
        }
        let ids: Vec<Vec<String>> = appends
            .iter()
            .map(|append| append.events.iter().map(|(_, event)| event.event_id.to_string()).collect())
            .collect();
        for (result, ids) in store.append_all(appends).await.into_iter().zip(ids) {
            match result {
                Ok(_) => say(&ids.join(" "))?,
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// Counts a stream up against others who do the same; says how often it won.
pub(super) async fn count(store: &EventStore, id: &str, end: u64) -> Result<u64> {
    let mut won = 0;
    let mut at = store.stream_version(id).await?.0;
    while at < end {
        match store.append(id, Expected::version(at), [event(at)?]).await {
            Ok(_) => {
                won += 1;
                at += 1;
            }
            Err(error) if error.kind() == ErrorKind::Conflict => at = store.stream_version(id).await?.0,
            Err(error) => return Err(error),
        }
    }
    Ok(won)
}

/// Another process at work; killed when dropped.
pub(super) struct Worker {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    listener: Option<std::thread::JoinHandle<()>>,
}

impl Suite {
    /// Whether rules can use other processes here.
    pub(super) fn has_workers(&self) -> bool {
        self.worker.is_some() && self.harness.is_shared()
    }

    /// Starts a process that works on a store; `None` where that is not possible.
    pub(super) fn start(&self, store: &str, job: &Job) -> Result<Option<Worker>, Failure> {
        let Some(command) = self.worker.as_ref().filter(|_| self.harness.is_shared()) else {
            return Ok(None);
        };
        let order = serde_json::to_string(&Order { store: store.to_owned(), job: job.clone() });
        let order = order.map_err(|e| broken(&e))?;
        Worker::start(command(), &order).map(Some).map_err(|e| broken(&e))
    }
}

fn broken(found: &dyn std::fmt::Display) -> Failure {
    Failure { what: "another process".into(), expected: "it to start".into(), found: found.to_string() }
}

impl Worker {
    fn start(mut command: Command, order: &str) -> std::io::Result<Self> {
        let mut child = command
            .env(WORKER, order)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let listener = child.stdout.take().map(|out| {
            let said = said.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(std::io::Result::ok) {
                    if let Some(line) = line.strip_prefix(SAID) {
                        said.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
                    }
                }
            })
        });
        Ok(Self { child, said, listener })
    }

    /// How many lines it has said so far.
    pub(super) fn lines(&self) -> usize {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits until it has said this many lines.
    pub(super) async fn heard(&mut self, lines: usize) -> Result<(), Failure> {
        let end = Instant::now() + Duration::from_secs(60);
        while self.lines() < lines {
            let ended = self.child.try_wait().map_err(|e| broken(&e))?;
            if Instant::now() > end || (ended.is_some() && self.lines() < lines) {
                // What it said last may still be on its way through the pipe.
                tokio::time::sleep(Duration::from_millis(200)).await;
                if self.lines() >= lines {
                    break;
                }
                return Err(Failure {
                    what: "another process on the store".into(),
                    expected: format!("{lines} lines said"),
                    found: format!("{} lines, status {ended:?}", self.lines()),
                });
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// Stops it where it is, or lets it go on.
    pub(super) fn signal(&self, name: &str) -> Result<(), Failure> {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        status.map(drop).map_err(|e| broken(&e))
    }

    /// Kills it and gives back everything it had said.
    pub(super) fn kill(mut self) -> Vec<String> {
        self.end()
    }

    fn end(&mut self) -> Vec<String> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        std::mem::take(&mut *self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}
