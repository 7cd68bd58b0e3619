//! A store on a SQL server as a backend. The database's own part is [`Database`]; what is the same for all of
//! them is here: which calls go on when their caller does not, and what is refused.

use std::fmt;
use std::sync::Arc;

use crate::append::{Append, Appended};
use crate::backend::{
    BoxFuture, Capabilities, Durability, EventTypeInfo, Head, LogPage, LogRange, RewriteAttempt, Stats,
    StreamInfo, StreamPage, StreamRange,
};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventId, EventType, RecordedEvent};
use crate::query::Position;
use crate::snapshot::{Snapshot, SnapshotKey};
use crate::stream::StreamId;
use crate::subscribe::Checkpoint;

use super::Identity;

/// An open store on a SQL server. What each method promises stands at its namesake in
/// [`Backend`](crate::Backend).
pub(crate) trait Database: Send + Sync + fmt::Debug + 'static {
    fn capabilities(&self) -> &Capabilities;

    fn identity(&self) -> &Identity;

    /// Whether the store is a namespace, and so may be dropped.
    fn is_namespace(&self) -> bool;

    /// Says by itself what becomes of it when the caller goes away.
    fn append(self: &Arc<Self>, batch: Arc<[Append]>) -> BoxFuture<'_, Result<Vec<Result<Appended>>>>;

    fn read_stream(&self, range: StreamRange) -> impl Future<Output = Result<StreamPage>> + Send;

    /// May go on while its reader is busy with the page before.
    fn read_log(self: &Arc<Self>, range: LogRange) -> BoxFuture<'_, Result<LogPage>>;

    fn head(&self) -> impl Future<Output = Result<Head>> + Send;

    fn wait(&self, position: Position) -> impl Future<Output = ()> + Send;

    fn events_by_id(&self, ids: Vec<EventId>) -> impl Future<Output = Result<Vec<RecordedEvent>>> + Send;

    fn list_streams(
        &self,
        prefix: String,
        after: Option<StreamId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StreamInfo>>> + Send;

    fn list_event_types(
        &self,
        after: Option<EventType>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<EventTypeInfo>>> + Send;

    fn stats(&self) -> impl Future<Output = Result<Stats>> + Send;

    fn load_checkpoint(&self, name: String) -> impl Future<Output = Result<Option<Checkpoint>>> + Send;

    fn save_checkpoint(
        &self,
        name: String,
        previous: Option<Checkpoint>,
        next: Checkpoint,
    ) -> impl Future<Output = Result<()>> + Send;

    fn load_snapshot(&self, key: SnapshotKey) -> impl Future<Output = Result<Option<Snapshot>>> + Send;

    fn save_snapshot(&self, key: SnapshotKey, snapshot: Snapshot) -> impl Future<Output = Result<()>> + Send;

    fn delete_snapshot(&self, key: SnapshotKey) -> impl Future<Output = Result<()>> + Send;

    fn durability(&self) -> impl Future<Output = Result<Durability>> + Send;

    fn attempt_rewrites(&self) -> impl Future<Output = Result<Vec<RewriteAttempt>>> + Send;

    fn drop_namespace(&self) -> impl Future<Output = Result<()>> + Send;
}

/// Works in a task of its own: a caller that goes away takes nothing back and leaves no connection in the
/// middle of a transaction.
pub(crate) fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> BoxFuture<'static, Result<T>> {
    let task = tokio::spawn(work);
    Box::pin(async move {
        task.await.map_err(|e| {
            Error::with_source(ErrorKind::Indeterminate, "the task working on the database ended", e)
        })?
    })
}

/// Makes a backend of a type whose field `inner` is an `Arc` of a [`Database`].
macro_rules! backend {
    ($store:ty) => {
        impl $crate::backend::Backend for $store {
            fn capabilities(&self) -> &$crate::backend::Capabilities {
                $crate::sql::Database::capabilities(&*self.inner)
            }

            fn store_id(&self) -> $crate::backend::StoreId {
                $crate::sql::Database::identity(&*self.inner).store_id
            }

            fn hash_formula(&self) -> Option<$crate::backend::HashFormula> {
                $crate::sql::Database::identity(&*self.inner).formula
            }

            $crate::sql::backend! { here
                append(batch: ::std::sync::Arc<[$crate::Append]>)
                    -> $crate::Result<Vec<$crate::Result<$crate::Appended>>>;
                read_log(range: $crate::backend::LogRange) -> $crate::Result<$crate::backend::LogPage>;
            }

            $crate::sql::backend! { boxed
                read_stream(range: $crate::backend::StreamRange)
                    -> $crate::Result<$crate::backend::StreamPage>;
                head() -> $crate::Result<$crate::backend::Head>;
                wait(position: $crate::Position) -> ();
                events_by_id(ids: Vec<$crate::EventId>) -> $crate::Result<Vec<$crate::RecordedEvent>>;
                list_streams(prefix: String, after: Option<$crate::StreamId>, limit: usize)
                    -> $crate::Result<Vec<$crate::backend::StreamInfo>>;
                list_event_types(after: Option<$crate::EventType>, limit: usize)
                    -> $crate::Result<Vec<$crate::backend::EventTypeInfo>>;
                stats() -> $crate::Result<$crate::backend::Stats>;
                load_checkpoint(name: String) -> $crate::Result<Option<$crate::Checkpoint>>;
                load_snapshot(key: $crate::snapshot::SnapshotKey)
                    -> $crate::Result<Option<$crate::snapshot::Snapshot>>;
                durability() -> $crate::Result<$crate::backend::Durability>;
                attempt_rewrites() -> $crate::Result<Vec<$crate::backend::RewriteAttempt>>;
            }

            $crate::sql::backend! { apart
                save_checkpoint(
                    name: String, previous: Option<$crate::Checkpoint>, next: $crate::Checkpoint
                ) -> $crate::Result<()>;
                save_snapshot(key: $crate::snapshot::SnapshotKey, snapshot: $crate::snapshot::Snapshot)
                    -> $crate::Result<()>;
                delete_snapshot(key: $crate::snapshot::SnapshotKey) -> $crate::Result<()>;
            }

            fn drop_namespace(&self) -> $crate::backend::BoxFuture<'_, $crate::Result<()>> {
                if !$crate::sql::Database::is_namespace(&*self.inner) {
                    let refused = $crate::Error::invalid("the default namespace is not dropped");
                    return Box::pin(std::future::ready(Err(refused)));
                }
                let inner = self.inner.clone();
                $crate::sql::apart(async move { $crate::sql::Database::drop_namespace(&*inner).await })
            }
        }
    };
    (here $($name:ident($($arg:ident: $type:ty),*) -> $result:ty;)*) => {$(
        fn $name(&self, $($arg: $type),*) -> $crate::backend::BoxFuture<'_, $result> {
            $crate::sql::Database::$name(&self.inner, $($arg),*)
        }
    )*};
    (boxed $($name:ident($($arg:ident: $type:ty),*) -> $result:ty;)*) => {$(
        fn $name(&self, $($arg: $type),*) -> $crate::backend::BoxFuture<'_, $result> {
            Box::pin($crate::sql::Database::$name(&*self.inner, $($arg),*))
        }
    )*};
    (apart $($name:ident($($arg:ident: $type:ty),*) -> $result:ty;)*) => {$(
        fn $name(&self, $($arg: $type),*) -> $crate::backend::BoxFuture<'_, $result> {
            let inner = self.inner.clone();
            $crate::sql::apart(async move { $crate::sql::Database::$name(&*inner, $($arg),*).await })
        }
    )*};
}
pub(crate) use backend;
