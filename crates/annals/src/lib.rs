//! Event sourcing on the database you already run: state is kept as ordered business events, and every
//! current view is derived from them by replay and projection.
//!
//! An [`EventStore`] is what an application holds. It stands on a [`Backend`], one for each database, which
//! keeps [24 numbered rules](backend::Backend#the-contract). Everything above is plain Rust: [`Event`]s are
//! small enums, a [`State`] is folded from them, and a decision is a pure function from a state to new
//! events or to the domain's own refusal.
//!
//! ```
//! use annals::prelude::*;
//!
//! #[derive(Event, Serialize, Deserialize)]
//! enum Lamp { SwitchedOn, SwitchedOff }
//!
//! #[derive(Default)]
//! struct Light { on: bool }
//!
//! impl State for Light {
//!     type Event = Lamp;
//!     fn evolve(&mut self, event: &Lamp) { self.on = matches!(event, Lamp::SwitchedOn) }
//! }
//!
//! #[derive(Debug)]
//! struct AlreadyOn;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), DecideError<AlreadyOn>> {
//! let store = EventStore::connect("memory:").await?;
//! let switch_on = |light: &Light| if light.on { Err(AlreadyOn) } else { Ok([Lamp::SwitchedOn]) };
//! store.decide(stream("lamp-1"), switch_on).await?; // load, decide, append; again after a conflict
//! assert!(matches!(store.decide(stream("lamp-1"), switch_on).await, Err(DecideError::Refused(AlreadyOn))));
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//!
//! | for | see |
//! | --- | --- |
//! | writing and reading events | [`EventStore`], [`NewEvent`], [`RecordedEvent`], [`Append`], [`Query`] |
//! | decisions | [`EventStore::decide`], [`EventStore::execute`], [`State`], [`Decider`], [`stream`], [`query`](query()) |
//! | events as types, older versions of them | [`Event`], [`OnUnknown`] |
//! | shapes that change, their lock file | [`evolution`] |
//! | following the log | [`EventStore::subscribe`], [`Checkpoint`] |
//! | read models | [`project::Projector`], [`sqlite::Projection`] and its like in the other backends' modules, [`project::Control`] |
//! | a read model in memory | [`View`] |
//! | snapshots, and whether they are needed | [`Boundary::snapshots`], [`SnapshotPolicy`], [`fingerprint`](macro@fingerprint), [`EventStore::loads`] |
//! | a state as it was | [`Boundary::at_version`], [`Boundary::at_time`] |
//! | testing decisions, proving a backend | [`testing::spec`], [`testing::conformance`] |
//! | what can go wrong | [`Error`], [`ErrorKind`], [`DecideError`] |
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `declared` | read models from files, without Rust: [`declared`] |
//! | `derive` (default) | `#[derive(Event)]`, `#[annals::fingerprint]` |
//! | `mysql` | the backend for MySQL and MariaDB and read models in their tables |
//! | `postgres` | the backend for PostgreSQL and read models in its tables |
//! | `schema` | the JSON Schemas of events, kept in a lock file that a test compares: [`evolution`] |
//! | `sqlite` | the SQLite backend and read models in SQLite tables; SQLite is bundled |
//! | `sqlserver` | the backend for SQL Server and Azure SQL and read models in their tables |
//! | `testing` | given, when, then; the conformance suite; faults |

extern crate self as annals;

mod append;
pub mod backend;
pub mod chain;
pub mod codec;
mod connect;
mod decide;
#[cfg(all(
    feature = "declared",
    any(feature = "postgres", feature = "mysql", feature = "sqlite", feature = "sqlserver")
))]
pub mod declared;
mod error;
mod event;
pub mod evolution;
mod json;
pub mod memory;
#[cfg(feature = "mysql")]
pub mod mysql;
mod name;
mod namespace;
mod payload;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite", feature = "sqlserver"))]
pub mod project;
mod query;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite", feature = "sqlserver"))]
pub mod schema;
pub mod snapshot;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlserver"))]
mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "sqlserver")]
pub mod sqlserver;
mod store;
mod stream;
mod subscribe;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod trace;
mod view;

#[doc(hidden)]
#[cfg(feature = "schema")]
pub use ::schemars;
#[cfg(feature = "schema")]
pub use annals_derive::schema_lock;
#[cfg(feature = "derive")]
pub use annals_derive::{Event, fingerprint};
pub use append::{Append, Appended, StreamVersions};
pub use backend::{Backend, Capabilities, Capability};
pub use codec::{Decoded, Event, EventKind, OnUnknown};
pub use connect::StoreUrl;
pub use decide::{
    Boundaries, Boundary, Decide, DecideCommand, DecideError, Decided, Decider, Loaded, Past, State, fold,
    query, stream,
};
pub use error::{Conflict, Error, ErrorKind, Result};
pub use event::{
    CausationId, CommandId, ContentType, CorrelationId, EventId, EventType, Hash, NewEvent, RecordedEvent,
    Source, Tag, Tags,
};
pub use namespace::Namespace;
pub use payload::{JsonText, Metadata, Payload};
pub use query::{Condition, Position, Query, QueryItem, Scope};
pub use snapshot::{SnapshotPolicy, SnapshotState};
pub use store::{EventStore, Events, LoadStats, Options, ReadLog, ReadStream, SnapshotStats};
pub use stream::{Category, Expected, IntoStreamId, StreamId, Version};
pub use subscribe::{Checkpoint, Delivery, Start, Subscription};
pub use time::Timestamp;
pub use trace::{TraceContext, TraceParent, TraceState};
pub use view::View;

/// What most files that use Annals begin with.
pub mod prelude {
    pub use crate::{
        CommandId, DecideError, Decided, Decider, Decoded, Event, EventStore, Expected, NewEvent, Query,
        RecordedEvent, Start, State, Tag, query, stream,
    };
    pub use serde::{Deserialize, Serialize};
}

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}

#[cfg(all(doctest, feature = "schema"))]
#[doc = include_str!("../../../docs/guide/evolution.md")]
mod evolution_guide {}

#[cfg(all(doctest, feature = "mysql"))]
#[doc = include_str!("../../../docs/guide/mysql.md")]
mod mysql_guide {}

#[cfg(all(doctest, feature = "postgres"))]
#[doc = include_str!("../../../docs/guide/postgres.md")]
mod postgres_guide {}

#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../../../docs/guide/projections.md")]
mod projections_guide {}

#[cfg(all(doctest, feature = "sqlserver"))]
#[doc = include_str!("../../../docs/guide/sqlserver.md")]
mod sqlserver_guide {}

#[cfg(all(doctest, feature = "derive"))]
#[doc = include_str!("../../../docs/guide/snapshots.md")]
mod snapshots_guide {}
