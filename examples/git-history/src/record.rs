//! Records the commits that the store does not have yet: one append per commit, atomic and guarded by the
//! version of `history`, many appends to a transaction.

use annals::backend::Limits;
use annals::{Append, EventStore, Expected, NewEvent, StreamId, Version};
use tokio::sync::mpsc;

use crate::Failure;
use crate::events::{COMMIT_RECORDED, CommitEvents, CommitRecorded, FileEvent, HISTORY, ObjectId};
use crate::read_git::{Commit, Piece, Repository};

/// Events handed to the store at once, which then share a transaction.
const BATCH_EVENTS_MAX: usize = 4_000;
/// Batches that wait while one is written.
const BATCHES_WAITING_MAX: usize = 2;
/// More than the type and the tag of an event take beside its payload.
const ENVELOPE_BYTES: usize = 128;

/// Records these commits, parents first, and says how many events that took. `history` is the version of
/// that stream; another process that records at the same time makes this a conflict.
pub(crate) async fn record(
    store: &EventStore,
    repository: &Repository,
    commits: Vec<ObjectId>,
    history: Version,
) -> Result<u64, Failure> {
    let (batches, mut next_batch) = mpsc::channel(BATCHES_WAITING_MAX);
    let (repository, limits) = (repository.clone(), store.capabilities().limits);
    let reading =
        std::thread::spawn(move || read(&repository, commits, Recorder::new(history, limits, batches)?));
    let mut events = 0;
    while let Some(batch) = next_batch.recv().await {
        let sizes: Vec<usize> = batch.iter().map(|append: &Append| append.events.len()).collect();
        for (size, appended) in sizes.into_iter().zip(store.append_all(batch).await) {
            // A part of a commit that an earlier run wrote before it was ended counts for that run.
            if !appended?.duplicate {
                events += size as u64;
            }
        }
    }
    match reading.join() {
        Ok(read) => read.map(|()| events),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn read(repository: &Repository, commits: Vec<ObjectId>, mut recorder: Recorder) -> Result<(), Failure> {
    let mut differences = repository.differences(commits)?;
    while let Some(piece) = differences.next()? {
        let listening = match piece {
            Piece::Commit(commit) => recorder.begin(commit)?,
            Piece::Files(one, two) => {
                recorder.file(&one)? && two.map_or(Ok(true), |two| recorder.file(&two))?
            }
        };
        // Whoever stopped listening has a better reason to tell.
        if !listening {
            return Ok(());
        }
    }
    recorder.finish()
}

/// Turns commits into appends. A commit that is too large for one append becomes several, each guarded by
/// `history` being where it was before the commit; only the last has the event that moves it on.
struct Recorder {
    history: (StreamId, Version),
    limits: Limits,
    batches: mpsc::Sender<Vec<Append>>,
    commit: Option<(Commit, CommitEvents)>,
    /// Events of the commit so far.
    changes: usize,
    part: Append,
    part_bytes: usize,
    batch: Vec<Append>,
    batch_events: usize,
}

impl Recorder {
    fn new(history: Version, limits: Limits, batches: mpsc::Sender<Vec<Append>>) -> Result<Self, Failure> {
        Ok(Self {
            history: (StreamId::new(HISTORY)?, history),
            limits,
            batches,
            commit: None,
            changes: 0,
            part: Append::default(),
            part_bytes: 0,
            batch: Vec::new(),
            batch_events: 0,
        })
    }

    /// Completes the commit before, if there is one, and begins this; false when nobody listens any more.
    fn begin(&mut self, commit: Commit) -> Result<bool, Failure> {
        self.complete()?;
        let events = CommitEvents::of(commit.id, commit.committed_at)?;
        self.commit = Some((commit, events));
        Ok(self.batch_events < BATCH_EVENTS_MAX || self.send())
    }

    fn file(&mut self, file: &FileEvent) -> Result<bool, Failure> {
        let Some((_, events)) = &self.commit else { return Ok(true) };
        let event = events.place(file.encode(events)?, self.changes);
        self.push(file.path().stream_id()?, event);
        self.changes += 1;
        Ok(self.batch_events < BATCH_EVENTS_MAX || self.send())
    }

    fn complete(&mut self) -> Result<(), Failure> {
        let Some((commit, events)) = self.commit.take() else { return Ok(()) };
        let recorded = CommitRecorded {
            commit: commit.id,
            parents: commit.parents,
            author: commit.author,
            subject: commit.subject,
            changes: self.changes as u64,
        };
        let event = NewEvent::json(COMMIT_RECORDED, &recorded)?;
        self.push(self.history.0.clone(), events.place(event, self.changes));
        self.end_part();
        self.history.1 = self.history.1.next();
        self.changes = 0;
        Ok(())
    }

    fn push(&mut self, stream_id: StreamId, event: NewEvent) {
        let bytes = event.payload.as_bytes().len() + ENVELOPE_BYTES;
        let full = self.part.events.len() == self.limits.events_max
            || self.part_bytes + bytes > self.limits.append_bytes_max;
        if full && !self.part.events.is_empty() {
            self.end_part();
        }
        self.part_bytes += bytes;
        self.part.events.push((stream_id, event));
    }

    fn end_part(&mut self) {
        let (stream_id, version) = self.history.clone();
        let mut part = std::mem::take(&mut self.part);
        part.expectations.push((stream_id, Expected::Version(version)));
        self.part_bytes = 0;
        self.batch_events += part.events.len();
        self.batch.push(part);
    }

    fn send(&mut self) -> bool {
        self.batch_events = 0;
        self.batches.blocking_send(std::mem::take(&mut self.batch)).is_ok()
    }

    fn finish(mut self) -> Result<(), Failure> {
        self.complete()?;
        if !self.batch.is_empty() {
            self.send();
        }
        Ok(())
    }
}
