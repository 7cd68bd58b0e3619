//! Group commit, written once for every database: appends that arrive while a batch is being written form
//! the next batch. An append that finds the store idle is written at once; nobody waits for company.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::append::{Append, Appended};
use crate::backend::{Backend, BoxFuture};
use crate::error::{Error, ErrorKind, Result};

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
        if self.enqueue(request) {
            let mut leader = Leader { store: Some(self.clone()) };
            // Whoever else is ready to append does so now and shares the batch.
            tokio::task::yield_now().await;
            leader.lead();
        }
        answered.await.unwrap_or_else(|_| {
            let lost = Error::new(ErrorKind::Indeterminate, "the task that was writing ended early");
            vec![Err(lost); count]
        })
    }

    /// Whether nobody is writing, so that whoever asked has to.
    fn enqueue(&self, request: Request) -> bool {
        let mut queue = self.queue();
        queue.waiting.push_back(request);
        !std::mem::replace(&mut queue.busy, true)
    }

    /// Goes on writing until nothing waits, in a task of its own, which no caller can drop.
    fn go_on(self: Arc<Self>, batch: BoxFuture<'static, bool>) {
        self.runtime.clone().spawn(async move {
            let mut more = batch.await;
            while more {
                more = self.clone().write_next().await;
            }
        });
    }

    /// Writes one batch; says whether another one waits. When none does, the store is idle again.
    fn write_next(self: Arc<Self>) -> impl Future<Output = bool> + Send + 'static {
        // Made here and not at the first poll, which a runtime that has ended never comes to.
        let idle = Idle(Some(self));
        async move { idle.write().await }
    }

    async fn write_batch(&self) {
        let (requests, batch) = self.take();
        let mut results = match self.backend.append(batch.clone()).await {
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
struct Leader {
    store: Option<Arc<GroupCommit>>,
}

impl Leader {
    /// Writes the first batch here if the backend can do it without waiting, and leaves what takes longer,
    /// and what has come in meanwhile, to a task of its own.
    fn lead(&mut self) {
        let Some(store) = self.store.take() else { return };
        let mut batch: BoxFuture<'static, bool> = Box::pin(store.clone().write_next());
        match batch.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(false) => {}
            Poll::Ready(true) => store.clone().go_on(Box::pin(store.write_next())),
            Poll::Pending => store.go_on(batch),
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if let Some(store) = self.store.take() {
            store.clone().go_on(Box::pin(store.write_next()));
        }
    }
}

/// Lets the store go on after a backend that panicked, or a runtime that ended, in the middle of a batch:
/// those who wait are told that the outcome is unknown.
struct Idle(Option<Arc<GroupCommit>>);

impl Idle {
    async fn write(mut self) -> bool {
        if let Some(store) = &self.0 {
            store.write_batch().await;
        }
        let Some(store) = self.0.take() else { return false };
        let mut queue = store.queue();
        queue.busy = !queue.waiting.is_empty();
        queue.busy
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        if let Some(store) = self.0.take() {
            let mut queue = store.queue();
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
