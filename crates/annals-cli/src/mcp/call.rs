//! Running a command of this program: bounded in time and in what it prints, ended with all it started when its caller
//! gives up.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until};

use super::tools::Call;

/// How many commands run at a time.
const RUNNING_MAX: usize = 4;

/// How many calls there are at a time, those that wait included.
const CALLS_MAX: usize = 64;

/// How much a command prints.
const OUTPUT_MAX: u64 = 4 << 20;

/// How much of what it says beside is kept.
const NOTES_MAX: u64 = 64 << 10;

/// How often somebody who wants to know is told that a command still runs.
pub(super) const PROGRESS: Duration = Duration::from_secs(1);

/// What runs commands.
#[derive(Debug, Clone)]
pub(super) struct Calls {
    program: PathBuf,
    /// The store that the server was started with.
    store: Option<String>,
    timeout: Duration,
    running: Arc<Semaphore>,
    taken: Arc<Semaphore>,
    ending: watch::Receiver<bool>,
}

/// What came of a command.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Why nothing came of it.
#[derive(Debug)]
pub(super) enum Ended {
    /// Too many calls at once.
    Busy,
    Cancelled,
    /// It took longer than this.
    TimedOut(Duration),
    /// It printed more than this.
    TooMuch(u64),
    Failed(String),
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Busy => write!(f, "{CALLS_MAX} calls are under way\ntry: call again when some have ended"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::TimedOut(after) => write!(
                f,
                "it took longer than {} s and was ended\ntry: ask for less, or start the server with a longer --timeout",
                after.as_secs()
            ),
            Self::TooMuch(bytes) => {
                write!(f, "it printed more than {bytes} bytes and was ended\ntry: ask for less at a time")
            }
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl Calls {
    pub(super) fn new(
        program: PathBuf,
        store: Option<String>,
        timeout: Duration,
        ending: watch::Receiver<bool>,
    ) -> Self {
        let (running, taken) = (Semaphore::new(RUNNING_MAX), Semaphore::new(CALLS_MAX));
        Self { program, store, timeout, running: Arc::new(running), taken: Arc::new(taken), ending }
    }

    /// Runs a command until it ends, or `given_up` does.
    ///
    /// # Errors
    /// It did not come to its own end.
    pub(super) async fn run(&self, call: &Call, given_up: impl Future<Output = ()>) -> Result<Ran, Ended> {
        let _taken = self.taken.try_acquire().map_err(|_| Ended::Busy)?;
        let mut ending = self.ending.clone();
        let given_up = async {
            tokio::select! {
                () = given_up => {}
                _ = ending.wait_for(|ending| *ending) => {}
            }
        };
        tokio::pin!(given_up);
        let turn = tokio::select! {
            turn = self.running.acquire() => turn,
            () = &mut given_up => return Err(Ended::Cancelled),
        };
        let _turn = turn.map_err(|_| Ended::Cancelled)?;
        let until = Instant::now() + self.timeout;
        let mut started = Started::new(self.command(call))?;
        tokio::select! {
            ran = started.finished() => ran,
            () = &mut given_up => Err(Ended::Cancelled),
            () = sleep_until(until) => Err(Ended::TimedOut(self.timeout)),
        }
    }

    /// Waits until nothing runs any more, after all have been told to end.
    pub(super) async fn all_ended(&self) {
        const LONGEST: Duration = Duration::from_secs(5);
        let all = self.taken.acquire_many(u32::try_from(CALLS_MAX).unwrap_or(u32::MAX));
        let _ = tokio::time::timeout(LONGEST, all).await;
    }

    /// The store of a call: the one that it names, or the one that the server was started with.
    pub(super) fn store<'s>(&'s self, call: &'s Call) -> Option<&'s str> {
        call.store.as_deref().or(self.store.as_deref())
    }

    /// The store that the server was started with.
    pub(super) fn own_store(&self) -> Option<&str> {
        self.store.as_deref()
    }

    fn command(&self, call: &Call) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&call.words).env("NO_COLOR", "1");
        if let Some(store) = self.store(call) {
            command.env("ANNALS_STORE", store);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // What it starts is of its group, and ends with it.
        #[cfg(unix)]
        command.process_group(0);
        command
    }
}

/// A command that ends when this is dropped.
struct Started {
    child: Child,
    #[cfg(unix)]
    group: Option<rustix::process::Pid>,
}

impl Started {
    fn new(mut command: Command) -> Result<Self, Ended> {
        let failed = |e: std::io::Error| Ended::Failed(format!("could not start the command: {e}"));
        let child = command.spawn().map_err(failed)?;
        #[cfg(unix)]
        let group = child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Self {
            child,
            #[cfg(unix)]
            group,
        })
    }

    async fn finished(&mut self) -> Result<Ran, Ended> {
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let failed = |e: std::io::Error| Ended::Failed(format!("could not read what the command says: {e}"));
        let printed = async {
            let printed = up_to(stdout, OUTPUT_MAX + 1).await.map_err(failed)?;
            let is_all = u64::try_from(printed.len()).is_ok_and(|bytes| bytes <= OUTPUT_MAX);
            if is_all { Ok(printed) } else { Err(Ended::TooMuch(OUTPUT_MAX)) }
        };
        let said = async { all_but(stderr, NOTES_MAX).await.map_err(failed) };
        let (stdout, stderr) = tokio::try_join!(printed, said)?;
        let status = self.child.wait().await.map_err(failed)?;
        Ok(Ran { status, stdout: text(&stdout), stderr: text(&stderr) })
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Once it was waited for, its number may be another's.
        #[cfg(unix)]
        if let Some(group) = self.group.filter(|_| self.child.id().is_some()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

async fn up_to(from: Option<impl AsyncRead + Unpin>, most: u64) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    if let Some(from) = from {
        from.take(most).read_to_end(&mut read).await?;
    }
    Ok(read)
}

/// As [`up_to`], and passes over the rest, so that whoever writes can go on.
async fn all_but(from: Option<impl AsyncRead + Unpin>, most: u64) -> std::io::Result<Vec<u8>> {
    let Some(mut from) = from else { return Ok(Vec::new()) };
    let read = up_to(Some(&mut from), most).await?;
    tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok(read)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
