//! What loads cost, so that the need for snapshots is measured and not guessed, and what snapshots did.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::snapshot::SnapshotPolicy;

use super::EventStore;

/// Categories, and kinds of state, counted apart; what comes beyond is counted together.
const NAMES_MAX: usize = 256;

/// What loading states of one category has cost since the store was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct LoadStats {
    /// The category of the streams; `query` for states folded from queries, `…` beyond the 256th category.
    pub category: String,
    /// States loaded.
    pub loads: u64,
    /// Events replayed for them.
    pub replayed: u64,
    /// Events replayed by the longest load.
    pub longest: u64,
    /// Microseconds that the loads took together.
    pub time_us: u64,
    /// Microseconds that the slowest load took.
    pub slowest_us: u64,
}

/// What came of the snapshots of one kind of state since the store was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct SnapshotStats {
    /// The kind of state; `…` beyond the 256th.
    pub name: String,
    /// Loads that began with a snapshot.
    pub used: u64,
    /// Dropped: made by a fold of another version or fingerprint.
    pub stale: u64,
    /// Dropped: did not read.
    pub spoilt: u64,
    /// Dropped: made of other events than those stored, as after the restoring of a backup.
    pub foreign: u64,
    /// Could not be loaded.
    pub unread: u64,
    /// Compared with the fold of all events.
    pub checked: u64,
    /// Dropped: the fold of all events was another state. Any but 0 means that code has changed which no
    /// fingerprint sees, under the same version.
    pub differing: u64,
    /// Saved.
    pub saved: u64,
    /// Could not be saved.
    pub unsaved: u64,
    /// Not saved, because as many as may be were being saved.
    pub skipped: u64,
}

#[derive(Debug)]
pub(super) struct Loads {
    by_category: Mutex<BTreeMap<String, LoadStats>>,
    by_state: Mutex<BTreeMap<String, SnapshotStats>>,
    saves: Arc<Semaphore>,
    runtime: Handle,
}

impl Loads {
    /// Snapshots are saved on this runtime.
    pub(super) fn new(runtime: Handle) -> Self {
        // More than a usize holds is more than a semaphore takes.
        let saves = Arc::new(Semaphore::new(usize::try_from(SnapshotPolicy::SAVES_MAX).unwrap_or(1)));
        Self { by_category: Mutex::default(), by_state: Mutex::default(), saves, runtime }
    }
}

/// One of the snapshots that may be saved at a time.
pub(crate) struct Place {
    permit: OwnedSemaphorePermit,
    runtime: Handle,
}

impl Place {
    /// Saves beside the caller, who need not wait and is not failed.
    pub(crate) fn spawn(self, save: impl Future<Output = ()> + Send + 'static) {
        let Self { permit, runtime } = self;
        runtime.spawn(async move {
            save.await;
            drop(permit);
        });
    }
}

/// The counters under a name; what is beyond the bound is counted together.
fn count<T>(
    counters: &Mutex<BTreeMap<String, T>>,
    name: &str,
    new: fn(String) -> T,
    count: impl FnOnce(&mut T),
) {
    let mut counters = counters.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(counter) = counters.get_mut(name) {
        return count(counter);
    }
    let name = if counters.len() < NAMES_MAX { name } else { "…" };
    count(counters.entry(name.to_owned()).or_insert_with(|| new(name.to_owned())));
}

impl EventStore {
    /// What loads have replayed since this store was opened, by category, and how long they took. Where
    /// `longest` stays in the hundreds, no snapshot is needed; `annals advise snapshots` looks at a whole store.
    pub fn loads(&self) -> Vec<LoadStats> {
        self.loads.by_category.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// What came of snapshots since this store was opened, by kind of state.
    pub fn snapshots(&self) -> Vec<SnapshotStats> {
        self.loads.by_state.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Waits until the snapshots that are being saved are saved, or have failed: before a process ends, or in
    /// a test. Nothing is lost without it but the work of folding again.
    pub async fn settle_snapshots(&self) {
        // The semaphore is never closed.
        drop(self.loads.saves.acquire_many(SnapshotPolicy::SAVES_MAX).await);
    }

    /// A place to save a snapshot from, unless all are taken.
    pub(crate) fn place_to_save(&self) -> Option<Place> {
        let permit = self.loads.saves.clone().try_acquire_owned().ok()?;
        Some(Place { permit, runtime: self.loads.runtime.clone() })
    }

    pub(crate) fn record_snapshot(&self, name: &str, change: impl FnOnce(&mut SnapshotStats)) {
        count(&self.loads.by_state, name, |name| SnapshotStats { name, ..SnapshotStats::default() }, change);
    }

    pub(crate) fn record_load(&self, category: &str, replayed: u64, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let new = |category| LoadStats { category, ..LoadStats::default() };
        count(&self.loads.by_category, category, new, |stats| {
            stats.loads += 1;
            stats.replayed += replayed;
            stats.longest = stats.longest.max(replayed);
            stats.time_us = stats.time_us.saturating_add(took);
            stats.slowest_us = stats.slowest_us.max(took);
        });
    }
}
