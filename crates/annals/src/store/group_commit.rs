//! Group commit, written once for every database: appends that arrive while a batch is being written form
//! the next batch. An append that finds the store idle is written at once; nobody waits for company.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::append::{Append, Appended};
use crate::backend::{Backend, BoxFuture};
use crate::error::{Error, ErrorKind, Result};

/// How often a writer gives way before its next batch; a few microseconds each when nobody else runs.
const RETURN_YIELDS_MAX: usize = 16;

type Answers = Vec<Result<Appended>>;

/// Appends of one caller that keep their order and share a batch.
struct Request {
    appends: Vec<Append>,
    answer: oneshot::Sender<Answers>,
    /// Held until the answer is out, so that the queue is bounded.
    _place: OwnedSemaphorePermit,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Request>,
    /// Whether a batch is being written.
    busy: bool,
}

/// How much waits and how much is written at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Appends that may wait; further callers wait for a place.
    pub(super) queue_max: usize,
    /// Appends in one batch.
    pub(super) batch_max: usize,
    /// Events in one batch, unless a single append has more.
    pub(super) batch_events_max: usize,
}

pub(super) struct GroupCommit {
    backend: Arc<dyn Backend>,
    bounds: Bounds,
    places: Arc<Semaphore>,
    queue: Mutex<Queue>,
    runtime: tokio::runtime::Handle,
}

impl GroupCommit {
    pub(super) fn new(
        backend: Arc<dyn Backend>,
        bounds: Bounds,
        runtime: tokio::runtime::Handle,
    ) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(bounds.queue_max));
        Arc::new(Self { backend, bounds, places, queue: Mutex::default(), runtime })
    }

    /// Writes appends in the order given and answers each. Once polled, dropping the future does not take
    /// them back (rule 17).
    pub(super) async fn write(self: &Arc<Self>, appends: Vec<Append>) -> Answers {
        let count = appends.len();
        let places = u32::try_from(count.min(self.bounds.queue_max)).unwrap_or(u32::MAX);
        let Ok(place) = self.places.clone().acquire_many_owned(places).await else {
            return vec![Err(Error::new(ErrorKind::Closed, "the store is closed")); count];
        };
        let (answer, answered) = oneshot::channel();
        let request = Request { appends, answer, _place: place };
        if let Some(turn) = self.enqueue(request) {
            let mut leader = Leader(Some(turn));
            // Whoever else is ready to append does so now and shares the batch.
            tokio::task::yield_now().await;
            leader.lead();
        }
        answered.await.unwrap_or_else(|_| {
            let lost = Error::new(ErrorKind::Indeterminate, "the task that was writing ended early");
            vec![Err(lost); count]
        })
    }

    /// Puts a request behind the others; whoever finds the store idle gets the turn.
    fn enqueue(self: &Arc<Self>, request: Request) -> Option<Turn> {
        let mut queue = self.queue();
        queue.waiting.push_back(request);
        let was_busy = std::mem::replace(&mut queue.busy, true);
        (!was_busy).then(|| Turn { commit: self.clone(), answered: 0, over: false })
    }

    #[expect(clippy::type_complexity, reason = "taken apart by its only caller")]
    fn take(&self) -> (Vec<(oneshot::Sender<Answers>, usize, OwnedSemaphorePermit)>, Arc<[Append]>) {
        let mut queue = self.queue();
        let mut answers = Vec::new();
        let mut batch: Vec<Append> = Vec::new();
        let mut events = 0;
        while let Some(next) = queue.waiting.front() {
            let more: usize = next.appends.iter().map(|append| append.events.len()).sum();
            let full = batch.len() + next.appends.len() > self.bounds.batch_max
                || events + more > self.bounds.batch_events_max;
            if full && !batch.is_empty() {
                break;
            }
            events += more;
            if let Some(request) = queue.waiting.pop_front() {
                answers.push((request.answer, request.appends.len(), request._place));
                batch.extend(request.appends);
            }
        }
        (answers, batch.into())
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The caller that found the store idle and has to see to it that what waits is written, even if it is
/// dropped before.
struct Leader(Option<Turn>);

impl Leader {
    /// Writes the first batch here if the backend can do it without waiting, and leaves what takes longer,
    /// and what has come in meanwhile, to a task of its own, which no caller can drop.
    fn lead(&mut self) {
        let Some(turn) = self.0.take() else { return };
        let runtime = turn.commit.runtime.clone();
        let mut batch: BoxFuture<'static, Turn> = Box::pin(turn.write());
        match batch.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => {
                if let Some(turn) = turn.unless_idle() {
                    runtime.spawn(turn.write_all());
                }
            }
            Poll::Pending => drop(runtime.spawn(async move { batch.await.write_all().await })),
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if let Some(turn) = self.0.take() {
            turn.commit.runtime.clone().spawn(turn.write_all());
        }
    }
}

/// The right to write, held by one at a time while the queue is busy. Dropping it lets the store go on after
/// a backend that panicked, or a runtime that ended, in the middle of a batch: those who wait are told that
/// the outcome is unknown.
struct Turn {
    commit: Arc<GroupCommit>,
    /// Requests of the last batch.
    answered: usize,
    over: bool,
}

impl Turn {
    /// Writes one batch and answers it.
    async fn write(mut self) -> Self {
        let (requests, batch) = self.commit.take();
        self.answered = requests.len();
        let mut results = match self.commit.backend.append(batch.clone()).await {
            Ok(results) if results.len() == batch.len() => results,
            Ok(results) => {
                let message = format!("the backend answered {} of {} appends", results.len(), batch.len());
                vec![Err(Error::new(ErrorKind::Internal, message)); batch.len()]
            }
            Err(error) => vec![Err(error); batch.len()],
        }
        .into_iter();
        for (answer, count, _place) in requests {
            // A caller that has gone wants no answer.
            let _ = answer.send(results.by_ref().take(count).collect());
        }
        self
    }

    /// Writes batch after batch until none waits.
    async fn write_all(self) {
        let mut turn = self;
        loop {
            turn.let_callers_return().await;
            turn = match turn.unless_idle() {
                Some(turn) => turn.write().await,
                None => return,
            };
        }
    }

    /// Gives those who were just answered, and often have their next append at hand, a moment to come back.
    /// Without it batches alternate between the few who were quick enough and all the others.
    async fn let_callers_return(&self) {
        let all = self.commit.queue().waiting.len() + self.answered;
        for _ in 0..RETURN_YIELDS_MAX {
            tokio::task::yield_now().await;
            if self.commit.queue().waiting.len() >= all {
                return;
            }
        }
    }

    /// Ends the turn when nothing waits; the store is idle again.
    fn unless_idle(mut self) -> Option<Self> {
        let mut queue = self.commit.queue();
        if !queue.waiting.is_empty() {
            drop(queue);
            return Some(self);
        }
        queue.busy = false;
        drop(queue);
        self.over = true;
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.over {
            let mut queue = self.commit.queue();
            queue.busy = false;
            queue.waiting.clear();
        }
    }
}

impl std::fmt::Debug for GroupCommit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupCommit").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}
