//! Snapshots: a cached fold of one stream, never a second source of truth.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::decide::State;
use crate::error::{ErrorKind, Result};
use crate::name::name;
use crate::payload::JsonText;
use crate::store::EventStore;
use crate::stream::{StreamId, Version};

name! {
    /// Names what a snapshot is a fold of: the state's type.
    SnapshotName, "snapshot name"
}

/// Where a snapshot is kept: one for each stream and kind of state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SnapshotKey {
    /// The stream that was folded.
    pub stream_id: StreamId,
    /// The kind of state it was folded into.
    pub name: SnapshotName,
}

/// A folded state as of a version of its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The version of the stream up to which events are folded in.
    pub stream_version: Version,
    /// The version of the state's shape and fold; a snapshot of another one is stale.
    pub state_version: u32,
    /// The state.
    pub state: JsonText,
}

/// A state of which snapshots may be kept.
pub trait SnapshotState: State + Serialize + DeserializeOwned {
    /// Names this kind of state in the store.
    const NAME: &'static str;
    /// Changes whenever the state's shape, or what `evolve` makes of an event, changes. A snapshot of another
    /// version is dropped and the events are folded again.
    const VERSION: u32;
}

/// How snapshots of a state are kept.
pub(crate) struct Policy<S> {
    every: u64,
    name: &'static str,
    version: u32,
    write: fn(&S) -> Result<JsonText>,
    read: fn(&JsonText) -> Result<S>,
}

impl<S> fmt::Debug for Policy<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("every", &self.every).field("name", &self.name).finish_non_exhaustive()
    }
}

impl<S: SnapshotState> Policy<S> {
    pub(crate) fn every(events: u64) -> Self {
        Self {
            every: events.max(1),
            name: S::NAME,
            version: S::VERSION,
            write: |state| JsonText::of(state),
            read: |json| json.decode(),
        }
    }
}

impl<S> Policy<S> {
    fn key(&self, stream_id: &StreamId) -> Result<SnapshotKey> {
        Ok(SnapshotKey { stream_id: stream_id.clone(), name: SnapshotName::new(self.name)? })
    }

    /// The snapshot's state and version. One that is of another version, or does not read, is dropped; failing
    /// to drop it fails nothing, since the events are there.
    pub(crate) async fn load(
        &self,
        store: &EventStore,
        stream_id: &StreamId,
    ) -> Result<Option<(S, Version)>> {
        let key = self.key(stream_id)?;
        match store.backend().load_snapshot(key.clone()).await {
            Ok(None) => return Ok(None),
            Ok(Some(snapshot)) if snapshot.state_version == self.version => {
                if let Ok(state) = (self.read)(&snapshot.state) {
                    return Ok(Some((state, snapshot.stream_version)));
                }
            }
            Ok(Some(_)) => {}
            Err(error) if error.kind() == ErrorKind::Corrupt => {}
            Err(error) => return Err(error),
        }
        if let Err(error) = store.backend().delete_snapshot(key).await {
            tracing::warn!(%error, stream_id = stream_id.as_str(), "could not drop a snapshot");
        }
        Ok(None)
    }

    /// Keeps a snapshot if folding was long enough. Failing to keep one fails nothing.
    pub(crate) async fn keep(
        &self,
        store: &EventStore,
        stream_id: &StreamId,
        state: &S,
        stream_version: Version,
        replayed: u64,
    ) {
        if replayed < self.every {
            return;
        }
        // The future must not hold `&S` across an await that a caller may have to send.
        let snapshot =
            (self.write)(state).map(|state| Snapshot { stream_version, state_version: self.version, state });
        let kept = async { store.backend().save_snapshot(self.key(stream_id)?, snapshot?).await };
        if let Err(error) = kept.await {
            tracing::warn!(%error, stream_id = stream_id.as_str(), "could not keep a snapshot");
        }
    }
}
