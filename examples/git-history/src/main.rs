//! The history of a git repository as events: recorded commit by commit, replayed to the tree of any commit,
//! and compared with what git itself has there.

mod compare;
mod events;
mod project;
mod read_git;
mod record;

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use annals::EventStore;

use crate::compare::compare;
use crate::events::ObjectId;
use crate::project::{History, replay};
use crate::read_git::{GitError, Repository};
use crate::record::record;

const HELP: &str = "\
Records the history of a git repository as events, replays them, and compares the replayed tree with
what git has, path by path, blob id and mode.

usage: git-history PATH [--at COMMIT]... [--sample N] [--store URL]

  PATH          a git repository: bare, a work tree, or a folder in one
  --at COMMIT   also compares the tree of this commit: an id, a branch, a tag, HEAD~10
  --sample N    also compares N commits spread evenly over history; with N large enough, every commit
  --store URL   keeps the events there, such as sqlite:history.db; a later run continues. Without it
                they are kept in a temporary file and dropped

Kept of each commit: its id, its parents, the subject of its message, and the author's name, e-mail
address and time, which are personal data. Kept of each file: paths, modes and object ids, no contents.

exit status: 0 every tree is equal, 1 one is not, 2 nothing could be compared
";

/// Why this program ends without saying that all is equal.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments make no sense.
    Usage(String),
    Git(GitError),
    Store(annals::Error),
    Io(io::Error),
    /// The replay is not what git has.
    Unequal(String),
}

impl From<GitError> for Failure {
    fn from(error: GitError) -> Self {
        Self::Git(error)
    }
}

impl From<annals::Error> for Failure {
    fn from(error: annals::Error) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn main() -> ExitCode {
    let mut complaints = io::stderr().lock();
    // Where nobody reads the complaints, the exit status is what is left to say.
    let (status, _) = match run(std::env::args_os().skip(1)) {
        Ok(()) => (0, Ok(())),
        Err(Failure::Unequal(what)) => (1, writeln!(complaints, "not equal: {what}")),
        Err(Failure::Usage(what)) => (
            2,
            writeln!(
                complaints,
                "{what}\nusage: git-history PATH [--at COMMIT]... [--sample N] [--store URL]"
            ),
        ),
        Err(Failure::Git(e)) => (2, writeln!(complaints, "{e}")),
        Err(Failure::Store(e)) => (2, writeln!(complaints, "the store: {}", with_causes(&e))),
        Err(Failure::Io(e)) => (2, writeln!(complaints, "{e}")),
    };
    ExitCode::from(status)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// What was asked for.
#[derive(Debug, Default)]
struct Options {
    help: bool,
    path: Option<OsString>,
    at: Vec<OsString>,
    sample: usize,
    store: Option<String>,
}

impl Options {
    fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, Failure> {
        let mut options = Self::default();
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let missing = || Failure::Usage(format!("{} wants a value", argument.to_string_lossy()));
                arguments.next().ok_or_else(missing)
            };
            match argument.to_str() {
                Some("--help" | "-h") => options.help = true,
                Some("--at") => options.at.push(value()?),
                Some("--sample") => {
                    let text = value()?;
                    options.sample = text.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
                        Failure::Usage(format!("--sample {} is not a number", text.to_string_lossy()))
                    })?;
                }
                Some("--store") => {
                    let not_text = |_| Failure::Usage("--store is not UTF-8".to_owned());
                    options.store = Some(value()?.into_string().map_err(not_text)?);
                }
                Some(unknown) if unknown.starts_with("--") => {
                    return Err(Failure::Usage(format!("unknown option {unknown}")));
                }
                _ if argument.is_empty() => return Err(Failure::Usage("an empty PATH".to_owned())),
                _ if options.path.is_some() => return Err(Failure::Usage("more than one PATH".to_owned())),
                _ => options.path = Some(argument),
            }
        }
        Ok(options)
    }
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<(), Failure> {
    let options = Options::parse(arguments)?;
    if options.help {
        return Ok(io::stdout().lock().write_all(HELP.as_bytes())?);
    }
    let path = options.path.as_deref().ok_or_else(|| Failure::Usage("which repository?".to_owned()))?;
    let repository = Repository::open(path)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(show(&repository, &options))
}

async fn show(repository: &Repository, options: &Options) -> Result<(), Failure> {
    let mut out = io::stdout();
    let start = Instant::now();
    let targets = targets(repository, &options.at)?;
    let tips: Vec<ObjectId> = targets.iter().map(|target| target.commit).collect();
    let commits = repository.commits(&tips)?;
    writeln!(out, "read      {} from git in {}", counted(commits.len(), "commit"), seconds(start))?;
    if targets.is_empty() {
        writeln!(out, "equal     nothing has been committed yet, so there is nothing to replay")?;
        return Ok(());
    }

    // Dropped, with the events in it, when this function returns.
    let place = if options.store.is_none() { Some(tempfile::tempdir()?) } else { None };
    let url = match (&options.store, &place) {
        (None, Some(place)) => temporary(place.path())?,
        (url, _) => url.clone().unwrap_or_default(),
    };
    let store = EventStore::connect(&url).await?;
    let start = Instant::now();
    let mut history = History::default();
    history.catch_up(&store).await?;
    let missing: Vec<ObjectId> = commits.iter().copied().filter(|commit| !history.has(*commit)).collect();
    let recorded = missing.len();
    let events = record(&store, repository, missing, history.version()).await?;
    history.catch_up(&store).await?;
    writeln!(
        out,
        "recorded  {} as {} in {}{}; {} recorded before",
        counted(recorded, "commit"),
        counted(events, "event"),
        seconds(start),
        rate(events, start.elapsed()),
        counted(commits.len() - recorded, "commit"),
    )?;
    let stats = store.stats().await?;
    writeln!(out, "stored    {} in {}", counted(stats.events, "event"), counted(stats.streams, "stream"))?;

    let sample = spread(&commits, options.sample);
    let wanted: HashSet<ObjectId> = tips.iter().chain(&sample).copied().collect();
    let mut totals = Totals::default();
    let mut unequal = 0_u64;
    let mut named = Vec::new();
    let start = Instant::now();
    let replayed = replay(&store, &history, &wanted, |commit, tree| {
        let start = Instant::now();
        let comparison = compare(tree.files(), &repository.tree(commit)?);
        totals.trees += 1;
        totals.files += comparison.files;
        totals.time += start.elapsed();
        for target in targets.iter().filter(|target| target.commit == commit) {
            let files = counted(comparison.files, "file");
            writeln!(out, "compared  {files} at {commit} ({})", target.name)?;
        }
        if comparison.different > 0 {
            unequal += 1;
            if named.len() < UNEQUAL_NAMED_MAX {
                named.push((commit, comparison));
            }
        }
        Ok(())
    })
    .await?;
    let time = start.elapsed().saturating_sub(totals.time);
    writeln!(
        out,
        "replayed  {} of {} to {} in {:.2} s{}",
        counted(replayed.events, "event"),
        counted(replayed.commits, "commit"),
        counted(totals.trees, "tree"),
        time.as_secs_f64(),
        rate(replayed.events, time),
    )?;
    let Totals { trees, files, time } = totals;
    writeln!(
        out,
        "compared  {} of {} with git ls-tree in {:.2} s",
        counted(files, "file"),
        counted(trees, "tree"),
        time.as_secs_f64()
    )?;
    if unequal == 0 {
        writeln!(out, "equal     every path, mode and object id")?;
        return Ok(());
    }
    for (commit, comparison) in named {
        writeln!(
            out,
            "unequal   {} of {} at {commit}",
            count(comparison.different),
            counted(comparison.files, "file")
        )?;
        for difference in &comparison.named {
            writeln!(out, "          {difference}")?;
        }
    }
    Err(Failure::Unequal(format!("{} of {}", count(unequal), counted(trees, "tree"))))
}

/// Unequal trees whose differences are named.
const UNEQUAL_NAMED_MAX: usize = 5;

#[derive(Debug, Default)]
struct Totals {
    trees: u64,
    files: u64,
    /// Spent on asking git and comparing.
    time: Duration,
}

/// A commit that was asked for by name.
#[derive(Debug)]
struct Target {
    name: String,
    commit: ObjectId,
}

fn targets(repository: &Repository, at: &[OsString]) -> Result<Vec<Target>, Failure> {
    let head = repository.head()?.map(|commit| Target { name: "HEAD".to_owned(), commit });
    let mut targets: Vec<Target> = head.into_iter().collect();
    for revision in at {
        let name = revision.to_string_lossy().into_owned();
        let unknown = || Failure::Usage(format!("{name:?} is not a commit of this repository"));
        let commit = repository.commit(revision)?.ok_or_else(unknown)?;
        targets.push(Target { name, commit });
    }
    Ok(targets)
}

/// `n` commits at equal distances, the first and the last among them.
fn spread(commits: &[ObjectId], n: usize) -> Vec<ObjectId> {
    let last = commits.len().saturating_sub(1);
    match n {
        0 => Vec::new(),
        _ if n >= commits.len() => commits.to_vec(),
        1 => commits[last..].to_vec(),
        _ => (0..n).map(|i| commits[i * last / (n - 1)]).collect(),
    }
}

/// The URL of a store in this folder, whose name may have characters with a meaning in a URL.
fn temporary(folder: &std::path::Path) -> Result<String, Failure> {
    let not_text = || Failure::Usage("the temporary folder's path is not UTF-8; name a --store".to_owned());
    let folder: &OsStr = folder.as_os_str();
    let folder = folder.to_str().ok_or_else(not_text)?;
    let folder = folder.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    Ok(format!("sqlite:{folder}/history.db"))
}

/// A number of things: `1 tree`, `12,345 trees`.
fn counted(n: impl TryInto<u64>, thing: &str) -> String {
    let n = n.try_into().unwrap_or(u64::MAX);
    format!("{} {thing}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A number as people read it: `12,345`.
fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn seconds(start: Instant) -> String {
    format!("{:.2} s", start.elapsed().as_secs_f64())
}

/// `, 12,345 events/s`, where there was something to measure.
fn rate(events: u64, time: Duration) -> String {
    let micros = time.as_micros().max(1);
    match u64::try_from(u128::from(events) * 1_000_000 / micros) {
        Ok(rate) if rate > 0 => format!(", {} events/s", count(rate)),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_the_first_and_the_last_commit() {
        let commits: Vec<ObjectId> = (0..10).map(|n| format!("{n:040}").parse().unwrap()).collect();
        for n in [2, 3, 7, 9] {
            let sample = spread(&commits, n);
            assert_eq!((sample.len(), sample[0], sample[n - 1]), (n, commits[0], commits[9]));
        }
        assert_eq!(spread(&commits, 100), commits);
        assert_eq!(spread(&commits, 1), commits[9..]);
        assert!(spread(&[], 1).is_empty() && spread(&commits, 0).is_empty());
    }

    #[test]
    fn a_number_is_grouped_in_thousands() {
        for (n, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(n), text);
        }
    }
}
