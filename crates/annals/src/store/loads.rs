//! How many events loads replay, so that the need for snapshots is measured and not guessed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::EventStore;

/// Categories counted apart; what comes beyond is counted together.
const CATEGORIES_MAX: usize = 256;

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
}

#[derive(Debug, Default)]
pub(super) struct Loads(Mutex<BTreeMap<String, LoadStats>>);

impl EventStore {
    /// What loads have replayed since this store was opened, by category. Where `longest` stays in the
    /// hundreds, no snapshot is needed.
    pub fn loads(&self) -> Vec<LoadStats> {
        self.loads.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn record_load(&self, category: &str, replayed: u64) {
        let mut loads = self.loads.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = loads.len() < CATEGORIES_MAX || loads.contains_key(category);
        let category = if known { category } else { "…" };
        if !loads.contains_key(category) {
            let stats = LoadStats { category: category.to_owned(), ..LoadStats::default() };
            loads.insert(category.to_owned(), stats);
        }
        if let Some(stats) = loads.get_mut(category) {
            stats.loads += 1;
            stats.replayed += replayed;
            stats.longest = stats.longest.max(replayed);
        }
    }
}
