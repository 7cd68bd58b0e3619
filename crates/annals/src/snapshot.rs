//! Snapshots: a cached fold of one stream, never a second source of truth.

use crate::name::name;
use crate::payload::JsonText;
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
