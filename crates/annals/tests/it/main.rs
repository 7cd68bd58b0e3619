//! Tests of the library from outside, one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod conformance;
mod conformance_catches;
mod decide;
mod declared;
mod derive;
mod dumped;
mod events;
mod evolution;
mod group_commit;
mod mysql;
mod postgres;
mod projection;
mod proxy;
mod reading;
mod snapshot;
mod sqlite_file;
mod sqlserver;
mod tracing;
mod tutorial;

use annals::EventStore;

/// A store in an SQLite file that goes with the directory.
async fn sqlite() -> (EventStore, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = EventStore::connect(&url(&dir)).await.unwrap();
    (store, dir)
}

fn url(dir: &tempfile::TempDir) -> String {
    format!("sqlite:{}", dir.path().join("events.db").display())
}
