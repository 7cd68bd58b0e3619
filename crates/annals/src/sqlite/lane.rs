//! Where blocking work runs. Handing a piece of work to another thread and its result back costs more than
//! most pieces of work here take, so work that has lately been short runs where it is called, and work that
//! has been long (a slow disk, a large page) goes to tokio's blocking pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::backend::BoxFuture;
use crate::error::{Error, ErrorKind, Result};

/// One kind of work, and how long it has lately taken.
#[derive(Debug)]
pub(super) struct Lane {
    inline_max: Duration,
    average_ns: AtomicU64,
}

impl Lane {
    /// Work that may run in place while it takes less than `inline_max` on average.
    pub(super) fn new(inline_max: Duration) -> Arc<Self> {
        Arc::new(Self { inline_max, average_ns: AtomicU64::new(0) })
    }

    /// Runs the work. `quick` runs in place and may give the work back where it would have to wait for
    /// somebody; `slow` runs where waiting harms nobody.
    pub(super) fn run<W, T>(
        self: &Arc<Self>,
        work: W,
        quick: impl FnOnce(W) -> Result<T, W>,
        slow: impl FnOnce(W) -> T + Send + 'static,
    ) -> BoxFuture<'static, Result<T>>
    where
        W: Send + 'static,
        T: Send + 'static,
    {
        let mut work = work;
        if self.is_short() {
            let start = Instant::now();
            match quick(work) {
                Ok(result) => {
                    self.took(start.elapsed());
                    return Box::pin(std::future::ready(Ok(result)));
                }
                Err(given_back) => work = given_back,
            }
        }
        let lane = self.clone();
        let handle = tokio::task::spawn_blocking(move || {
            let start = Instant::now();
            let result = slow(work);
            lane.took(start.elapsed());
            result
        });
        Box::pin(async move {
            handle.await.map_err(|e| {
                // The work may have been done before the thread went away.
                Error::with_source(ErrorKind::Indeterminate, "the thread working on the database ended", e)
            })
        })
    }

    fn is_short(&self) -> bool {
        u128::from(self.average_ns.load(Ordering::Relaxed)) < self.inline_max.as_nanos()
    }

    fn took(&self, time: Duration) {
        let sample = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let average = self.average_ns.load(Ordering::Relaxed);
        // A lost update costs one sample of an estimate.
        self.average_ns.store(average - average / 8 + sample / 8, Ordering::Relaxed);
    }
}
