//! Event sourcing on the database you already run.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod append;
pub mod backend;
pub mod chain;
mod connect;
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
mod time;
mod trace;

pub use append::{Append, Appended, StreamVersions};
pub use backend::{Backend, Capabilities, Capability};
pub use error::{Conflict, Error, ErrorKind, Result};
pub use event::{
    CausationId, CommandId, ContentType, CorrelationId, EventId, EventType, Hash, NewEvent, RecordedEvent,
    Source, Tag, Tags,
};
pub use namespace::Namespace;
pub use payload::{JsonText, Metadata, Payload};
pub use query::{Condition, Position, Query, QueryItem, Scope};
pub use store::{EventStore, Events, Options, ReadLog, ReadStream};
pub use stream::{Category, Expected, StreamId, Version};
pub use subscribe::{Checkpoint, Delivery, Start, Subscription};
pub use time::Timestamp;
pub use trace::{TraceContext, TraceParent, TraceState};
