//! Event sourcing on the database you already run.
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate self as annals;

mod append;
pub mod backend;
pub mod chain;
pub mod codec;
mod connect;
mod decide;
mod error;
mod event;
mod json;
pub mod memory;
mod name;
mod namespace;
mod payload;
mod query;
pub mod snapshot;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod store;
mod stream;
mod subscribe;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod trace;

#[cfg(feature = "derive")]
pub use annals_derive::Event;
pub use append::{Append, Appended, StreamVersions};
pub use backend::{Backend, Capabilities, Capability};
pub use codec::{Decoded, Event, EventKind, OnUnknown};
pub use connect::StoreUrl;
pub use decide::{
    Boundaries, Boundary, Decide, DecideCommand, DecideError, Decided, Decider, Loaded, State, fold, query,
    stream,
};
pub use error::{Conflict, Error, ErrorKind, Result};
pub use event::{
    CausationId, CommandId, ContentType, CorrelationId, EventId, EventType, Hash, NewEvent, RecordedEvent,
    Source, Tag, Tags,
};
pub use namespace::Namespace;
pub use payload::{JsonText, Metadata, Payload};
pub use query::{Condition, Position, Query, QueryItem, Scope};
pub use snapshot::SnapshotState;
pub use store::{EventStore, Events, LoadStats, Options, ReadLog, ReadStream};
pub use stream::{Category, Expected, IntoStreamId, StreamId, Version};
pub use subscribe::{Checkpoint, Delivery, Start, Subscription};
pub use time::Timestamp;
pub use trace::{TraceContext, TraceParent, TraceState};

/// What most files that use Annals begin with.
pub mod prelude {
    pub use crate::{
        DecideError, Decided, Decider, Event, EventStore, Expected, NewEvent, Query, State, Tag, query,
        stream,
    };
    pub use serde::{Deserialize, Serialize};
}

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}
