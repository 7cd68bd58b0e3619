//! Reads a repository through the git program: its commits with their differences, and the trees to compare
//! with. Whatever a user or a repository has configured, the output is the same.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::str::FromStr;
use std::thread::JoinHandle;

use crate::events::{Author, FileEvent, FileGone, FilePath, FilePresent, Mode, ObjectId};
use crate::project::Entry;

/// Why git could not be read.
#[derive(Debug)]
pub(crate) enum GitError {
    /// The git program could not be started or read from.
    Io(io::Error),
    /// It ended with this complaint.
    Failed { command: &'static str, complaint: String },
    /// It wrote what nobody expected.
    Unexpected(String),
}

impl std::fmt::Display for GitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(e) => write!(f, "could not run git: {e}"),
            Self::Failed { command, complaint } => write!(f, "git {command}: {complaint}"),
            Self::Unexpected(what) => write!(f, "git wrote something unexpected: {what}"),
        }
    }
}

impl From<io::Error> for GitError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

pub(crate) type Result<T, E = GitError> = std::result::Result<T, E>;

/// What makes git look elsewhere than where it is told to, as in a hook (`git rev-parse --local-env-vars`).
const ELSEWHERE: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// A git repository: bare, a work tree, or a folder in one.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    place: OsString,
    /// Blobs may be missing (a partial clone), so nothing may look into them.
    partial: bool,
}

impl Repository {
    /// The repository at this place.
    pub(crate) fn open(place: &OsStr) -> Result<Self> {
        let mut repository = Self { place: place.to_owned(), partial: false };
        repository.run("rev-parse", ["--git-dir"])?;
        let promises = ["--get-regexp", r"^(remote\..*\.promisor|extensions\.partialclone)$"];
        repository.partial = repository.output("config", promises)?.status.success();
        Ok(repository)
    }

    /// The commit that HEAD is at; none while nothing has been committed to its branch.
    pub(crate) fn head(&self) -> Result<Option<ObjectId>> {
        if let Some(head) = self.commit(OsStr::new("HEAD"))? {
            return Ok(Some(head));
        }
        let branch = self.output("symbolic-ref", ["--quiet", "HEAD"])?;
        let name = String::from_utf8_lossy(&branch.stdout).trim_end().to_owned();
        let exists = self.output("show-ref", ["--verify", "--quiet", &name])?.status.success();
        if branch.status.success() && !exists {
            return Ok(None);
        }
        Err(GitError::Failed { command: "rev-parse", complaint: "HEAD names no commit".to_owned() })
    }

    /// The commit that a revision names.
    pub(crate) fn commit(&self, revision: &OsStr) -> Result<Option<ObjectId>> {
        let mut commit = revision.to_owned();
        commit.push("^{commit}");
        let options = ["--verify", "--quiet", "--end-of-options"].map(OsString::from);
        let output = self.output("rev-parse", options.into_iter().chain([commit]))?;
        if !output.status.success() {
            return Ok(None);
        }
        text(&output.stdout).map(str::trim_end).and_then(parse).map(Some)
    }

    /// Every commit that these commits descend from, and they themselves, parents first.
    pub(crate) fn commits(&self, tips: &[ObjectId]) -> Result<Vec<ObjectId>> {
        if tips.is_empty() {
            return Ok(Vec::new());
        }
        let mut tips = tips.to_vec();
        tips.sort();
        tips.dedup();
        let mut git = Git::start(self.command("rev-list", ["--topo-order", "--reverse", "--stdin"]), tips)?;
        let mut commits = Vec::new();
        let mut line = String::new();
        while git.output.read_line(&mut line)? > 0 {
            commits.push(parse(line.trim_end())?);
            line.clear();
        }
        git.finish("rev-list")?;
        Ok(commits)
    }

    /// These commits, in this order, each followed by its differences to its first parent.
    pub(crate) fn differences(&self, commits: Vec<ObjectId>) -> Result<Differences> {
        let renames = if self.partial { "--find-renames=100%" } else { "--find-renames=50%" };
        let options = [
            "--no-walk=unsorted",
            "--stdin",
            "--format=commit%x00%H%x00%P%x00%an%x00%ae%x00%at%x00%ct%x00%s",
            "--encoding=UTF-8",
            "--no-decorate",
            "--no-notes",
            "--no-show-signature",
            "--no-mailmap",
            "--no-color",
            "--no-ext-diff",
            "--root",
            "--diff-merges=first-parent",
            "--raw",
            "-z",
            "--no-abbrev",
            "--no-relative",
            "--ignore-submodules=none",
            // What is a rename must not depend on who runs this: the events of a commit are the same in
            // every run.
            renames,
            "-l1000",
            "-O/dev/null",
        ];
        let git =
            if commits.is_empty() { None } else { Some(Git::start(self.command("log", options), commits)?) };
        Ok(Differences { git, token: Vec::new() })
    }

    /// Every file in the tree of a commit, as git has it.
    pub(crate) fn tree(&self, commit: ObjectId) -> Result<BTreeMap<FilePath, Entry>> {
        let output = self.run("ls-tree", ["-r", "-z", "--full-tree", &commit.to_string()])?;
        let mut tree = BTreeMap::new();
        for line in output.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            // 100644 blob 8ab686eafeb1f44702738c8b0f24f2567c36da6d<TAB>path
            let unexpected = || GitError::Unexpected(format!("{:?}", String::from_utf8_lossy(line)));
            let tab = line.iter().position(|byte| *byte == b'\t').ok_or_else(unexpected)?;
            let mut fields = text(&line[..tab])?.split(' ');
            let (Some(mode), Some(_), Some(object)) = (fields.next(), fields.next(), fields.next()) else {
                return Err(unexpected());
            };
            let entry = Entry { object: parse(object)?, mode: parse(mode)? };
            tree.insert(FilePath(line[tab + 1..].to_vec()), entry);
        }
        Ok(tree)
    }

    fn command<A: AsRef<OsStr>>(&self, command: &str, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut git = Command::new("git");
        git.arg("-C").arg(&self.place).arg("--no-pager").arg(command).args(arguments);
        for variable in ELSEWHERE {
            git.env_remove(variable);
        }
        // A commit is what its id says, whatever this clone replaces; and reading fetches nothing.
        git.env("GIT_NO_REPLACE_OBJECTS", "1").env("GIT_NO_LAZY_FETCH", "1").env("LC_ALL", "C");
        git.stdin(Stdio::null());
        git
    }

    fn output<A: AsRef<OsStr>>(
        &self,
        command: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<std::process::Output> {
        Ok(self.command(command, arguments).output()?)
    }

    fn run<A: AsRef<OsStr>>(
        &self,
        command: &'static str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Vec<u8>> {
        let output = self.output(command, arguments)?;
        if output.status.success() { Ok(output.stdout) } else { Err(failed(command, &output.stderr)) }
    }
}

fn failed(command: &'static str, complaint: &[u8]) -> GitError {
    let complaint = String::from_utf8_lossy(complaint);
    let complaint = complaint.trim().trim_start_matches("fatal: ");
    let complaint = if complaint.is_empty() { "failed without a word" } else { complaint };
    GitError::Failed { command, complaint: complaint.to_owned() }
}

/// A running git: ids go in, output comes out, and neither end waits for the other.
#[derive(Debug)]
struct Git {
    child: Child,
    output: BufReader<ChildStdout>,
    feeding: Option<JoinHandle<()>>,
    complaining: Option<JoinHandle<Vec<u8>>>,
}

impl Git {
    fn start(mut command: Command, ids: Vec<ObjectId>) -> Result<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let closed = || io::Error::other("a pipe to git is missing");
        let mut input = io::BufWriter::new(child.stdin.take().ok_or_else(closed)?);
        let output = BufReader::with_capacity(1 << 16, child.stdout.take().ok_or_else(closed)?);
        let mut complaints = child.stderr.take().ok_or_else(closed)?;
        let feeding = std::thread::spawn(move || {
            // A git that stops listening says why on its other pipe.
            let _ = ids.iter().try_for_each(|id| writeln!(input, "{id}")).and_then(|()| input.flush());
        });
        let complaining = std::thread::spawn(move || {
            let mut complaint = Vec::new();
            let _ = complaints.read_to_end(&mut complaint);
            complaint
        });
        Ok(Self { child, output, feeding: Some(feeding), complaining: Some(complaining) })
    }

    fn finish(mut self, command: &'static str) -> Result<()> {
        let status = self.child.wait()?;
        let complaint = self.complaining.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if let Some(feeding) = self.feeding.take() {
            let _ = feeding.join();
        }
        if status.success() { Ok(()) } else { Err(failed(command, &complaint)) }
    }
}

impl Drop for Git {
    fn drop(&mut self) {
        // Reading stopped early; a git that has ended cannot be killed, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A commit without its differences.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) id: ObjectId,
    pub(crate) parents: Vec<ObjectId>,
    pub(crate) author: Author,
    pub(crate) committed_at: i64,
    pub(crate) subject: String,
}

/// One piece of what [`Repository::differences`] reads.
#[derive(Debug)]
pub(crate) enum Piece {
    /// A commit begins.
    Commit(Commit),
    /// What it did to a path; a rename is two.
    Files(FileEvent, Option<FileEvent>),
}

/// Commits and their differences, piece by piece: never a whole commit in memory.
#[derive(Debug)]
pub(crate) struct Differences {
    git: Option<Git>,
    token: Vec<u8>,
}

impl Differences {
    /// The next piece; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>> {
        if !self.read()? {
            if let Some(git) = self.git.take() {
                git.finish("log")?;
            }
            return Ok(None);
        }
        // Between the line of a commit and its differences is an empty line.
        let token = self.token.strip_prefix(b"\n").unwrap_or(&self.token);
        if token == b"commit" {
            return self.commit().map(|commit| Some(Piece::Commit(commit)));
        }
        let change = Change::parse(token)?;
        self.files(&change).map(Some)
    }

    fn commit(&mut self) -> Result<Commit> {
        let id = parse(&self.field()?)?;
        let parents = self.field()?;
        let parents = parents.split(' ').filter(|id| !id.is_empty()).map(parse).collect::<Result<_>>()?;
        // A commit written by a careless program may lack times, or have impossible ones.
        let time = |text: String| text.parse().unwrap_or(0);
        let (name, email) = (cut(self.field()?), cut(self.field()?));
        let author = Author { name, email, time: time(self.field()?) };
        Ok(Commit { id, parents, author, committed_at: time(self.field()?), subject: cut(self.field()?) })
    }

    fn files(&mut self, change: &Change) -> Result<Piece> {
        let path = self.path()?;
        let Change { before, after, status } = *change;
        let Entry { object, mode } = after;
        let present = |path, from| FilePresent { path, object, mode, from };
        let gone = |path, to| FileGone { path, to };
        Ok(match status {
            b'A' => Piece::Files(FileEvent::Added(present(path, None)), None),
            b'D' => Piece::Files(FileEvent::Removed(gone(path, None)), None),
            b'T' => Piece::Files(FileEvent::KindChanged(present(path, None)), None),
            b'M' if before.object == after.object => {
                Piece::Files(FileEvent::ModeChanged(present(path, None)), None)
            }
            b'M' => Piece::Files(FileEvent::Changed(present(path, None)), None),
            b'C' => Piece::Files(FileEvent::Added(present(self.path()?, None)), None),
            b'R' => {
                let to = self.path()?;
                Piece::Files(
                    FileEvent::RenamedAway(gone(path.clone(), Some(to.clone()))),
                    Some(FileEvent::RenamedHere(present(to, Some(path)))),
                )
            }
            other => {
                return Err(GitError::Unexpected(format!("the status {:?} of {path:?}", char::from(other))));
            }
        })
    }

    fn path(&mut self) -> Result<FilePath> {
        self.required()?;
        Ok(FilePath(std::mem::take(&mut self.token)))
    }

    /// A field of a commit. What is not UTF-8 in a name or a subject is replaced: nothing is compared with it.
    fn field(&mut self) -> Result<String> {
        self.required()?;
        Ok(String::from_utf8_lossy(&self.token).into_owned())
    }

    fn required(&mut self) -> Result<()> {
        if self.read()? { Ok(()) } else { Err(GitError::Unexpected("its output ends early".to_owned())) }
    }

    /// Reads up to the next NUL; false at the end.
    fn read(&mut self) -> Result<bool> {
        let Some(git) = &mut self.git else { return Ok(false) };
        self.token.clear();
        let read = git.output.read_until(0, &mut self.token)?;
        if self.token.last() == Some(&0) {
            self.token.pop();
        }
        Ok(read > 0)
    }
}

/// `:100644 100755 <before> <after> M`, or `R086` for a rename of 86 % likeness.
struct Change {
    before: Entry,
    after: Entry,
    status: u8,
}

impl Change {
    fn parse(token: &[u8]) -> Result<Self> {
        let unexpected = || GitError::Unexpected(format!("{:?}", String::from_utf8_lossy(token)));
        let mut fields = text(token)?.strip_prefix(':').ok_or_else(unexpected)?.split(' ');
        let mut field = || fields.next().ok_or_else(unexpected);
        let modes: (Mode, Mode) = (parse(field()?)?, parse(field()?)?);
        let before = Entry { mode: modes.0, object: parse(field()?)? };
        let after = Entry { mode: modes.1, object: parse(field()?)? };
        let status = *field()?.as_bytes().first().ok_or_else(unexpected)?;
        Ok(Self { before, after, status })
    }
}

/// The most that is kept of a name or a subject, in characters: git has no limit, an append has.
const TEXT_CHARS_MAX: usize = 1_000;

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(TEXT_CHARS_MAX) {
        text.truncate(end);
    }
    text
}

fn text(bytes: &[u8]) -> Result<&str> {
    str::from_utf8(bytes).map_err(|_| GitError::Unexpected(format!("{:?}", String::from_utf8_lossy(bytes))))
}

fn parse<T: FromStr<Err = String>>(text: &str) -> Result<T> {
    text.parse().map_err(GitError::Unexpected)
}
