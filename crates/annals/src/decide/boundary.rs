//! What a state is folded from, and what an append is guarded by that was decided from it.

use std::marker::PhantomData;

use crate::backend::BoxFuture;
use crate::codec::Event;
use crate::error::Result;
use crate::event::{EventType, RecordedEvent};
use crate::query::{Condition, Position, Query};
use crate::snapshot::{Keeper, SnapshotPolicy, SnapshotState};
use crate::store::EventStore;
use crate::stream::{Expected, IntoStreamId, StreamId, Version};
use crate::time::Timestamp;

use super::State;
use super::load::evolve;

/// The events that one state is folded from.
#[derive(Debug)]
pub struct Boundary<S> {
    pub(super) source: Result<Source>,
    pub(super) snapshots: Option<Keeper<S>>,
    state: PhantomData<fn() -> S>,
}

#[derive(Debug, Clone)]
pub(super) enum Source {
    Stream(StreamId),
    Query(Query),
}

/// A state folded from one stream.
pub fn stream<S: State>(stream_id: impl IntoStreamId) -> Boundary<S> {
    Boundary { source: stream_id.into_stream_id().map(Source::Stream), snapshots: None, state: PhantomData }
}

/// A state folded from the events that match a query and are of the types it knows.
pub fn query<S: State>(query: Query) -> Boundary<S> {
    let types = S::Event::kinds()
        .into_iter()
        .flat_map(|kind| std::iter::once(kind.event_type).chain(kind.aliases.iter().copied()))
        .map(EventType::new)
        .collect::<Result<Vec<_>>>();
    let source = types.map(|types| Source::Query(query.of_types(types)));
    Boundary { source, snapshots: None, state: PhantomData }
}

impl<S: SnapshotState> Boundary<S> {
    /// Keeps snapshots as the policy says, and begins with one where there is one. Worth it only where
    /// [`EventStore::loads`] or `annals advise snapshots` shows that loads are long. For streams; a state
    /// folded from a query has none.
    #[must_use]
    pub fn snapshots(mut self, policy: SnapshotPolicy) -> Self {
        self.snapshots = (!policy.is_never()).then(|| Keeper::new(policy));
        self
    }

    /// Keeps a snapshot whenever folding took this many events or more, and begins from it the next time.
    #[must_use]
    pub fn snapshot_every(self, events: u64) -> Self {
        self.snapshots(SnapshotPolicy::every(events))
    }
}

/// A state as it was. It can be looked at and nothing can be decided from it: no append could be guarded by
/// what is over.
#[derive(Debug)]
pub struct Past<S> {
    pub(super) source: Result<Source>,
    pub(super) until: Until,
    state: PhantomData<fn() -> S>,
}

/// Where the past ends, inclusive.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    Version(Version),
    Time(Timestamp),
}

impl Until {
    pub(super) fn includes(self, event: &RecordedEvent) -> bool {
        match self {
            Self::Version(version) => event.stream_version <= version,
            Self::Time(time) => event.recorded_at <= time,
        }
    }
}

impl<S> Boundary<S> {
    /// The state after the stream's event of this version, for [`EventStore::load_past`]; at 0, before its
    /// first event. For streams: a query has no versions.
    pub fn at_version(self, version: Version) -> Past<S> {
        Past { source: self.source, until: Until::Version(version), state: PhantomData }
    }

    /// The state as the store knew it at this time, for [`EventStore::load_past`]: of all events recorded
    /// until then. `recorded_at` never decreases, so this is a state that was; by `occurred_at`, which
    /// applications give, it might be one that never was.
    pub fn at_time(self, time: Timestamp) -> Past<S> {
        Past { source: self.source, until: Until::Time(time), state: PhantomData }
    }
}

/// One boundary, a tuple of up to four, or a vector of them.
pub trait Boundaries: Send + Sync {
    /// The states: of the same shape as the boundaries.
    type States: Send + Sync;

    /// Loads the states, adding what was read to the append's guards.
    #[doc(hidden)]
    fn load<'a>(&'a self, store: &'a EventStore, guard: &'a mut Guard)
    -> BoxFuture<'a, Result<Self::States>>;

    /// Folds events without a store, each into the states it belongs to.
    #[doc(hidden)]
    fn fold(&self, events: &[RecordedEvent]) -> Result<Self::States>;

    /// Whether a decision over these may write to a stream: to one it has read, and to any where it has read
    /// a query, which is not about streams.
    #[doc(hidden)]
    fn may_write(&self, stream_id: &StreamId) -> bool;
}

/// What an append is guarded by, collected while the states are loaded.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Guard {
    pub(super) expectations: Vec<(StreamId, Expected)>,
    pub(super) condition: Option<Condition>,
    pub(super) replayed: u64,
}

impl Guard {
    fn add_stream(&mut self, stream_id: StreamId, version: Version) {
        match self.expectations.iter_mut().find(|(known, _)| *known == stream_id) {
            None => self.expectations.push((stream_id, Expected::Version(version))),
            // Read before and after somebody wrote: the earlier read makes the append a conflict.
            Some((_, Expected::Version(known))) => *known = version.min(*known),
            Some(_) => {}
        }
    }

    fn add_query(&mut self, query: Query, after: Position) {
        self.condition = Some(match self.condition.take() {
            None => Condition { query, after },
            // What the later read saw and the earlier one did not is looked at again: at worst a needless
            // retry, never a missed event.
            Some(known) => Condition { query: known.query.or(query), after: known.after.min(after) },
        });
    }
}

impl<S: State> Boundaries for Boundary<S> {
    type States = S;

    fn load<'a>(&'a self, store: &'a EventStore, guard: &'a mut Guard) -> BoxFuture<'a, Result<S>> {
        Box::pin(async move {
            let loaded = store.load(self).await?;
            guard.replayed += loaded.replayed;
            match self.source.clone()? {
                Source::Stream(stream_id) => guard.add_stream(stream_id, loaded.version),
                Source::Query(query) => guard.add_query(query, loaded.position),
            }
            Ok(loaded.state)
        })
    }

    fn fold(&self, events: &[RecordedEvent]) -> Result<S> {
        let mut state = S::default();
        for event in events {
            let belongs = match self.source.as_ref().map_err(Clone::clone)? {
                Source::Stream(stream_id) => event.stream_id == *stream_id,
                Source::Query(query) => query.matches(event),
            };
            if belongs {
                evolve(&mut state, event)?;
            }
        }
        Ok(state)
    }

    fn may_write(&self, stream_id: &StreamId) -> bool {
        match &self.source {
            Ok(Source::Stream(read)) => read == stream_id,
            Ok(Source::Query(_)) => true,
            Err(_) => false,
        }
    }
}

impl<S: State> Boundaries for Vec<Boundary<S>> {
    type States = Vec<S>;

    fn load<'a>(&'a self, store: &'a EventStore, guard: &'a mut Guard) -> BoxFuture<'a, Result<Vec<S>>> {
        Box::pin(async move {
            let mut states = Vec::with_capacity(self.len());
            for boundary in self {
                states.push(boundary.load(store, guard).await?);
            }
            Ok(states)
        })
    }

    fn fold(&self, events: &[RecordedEvent]) -> Result<Vec<S>> {
        self.iter().map(|boundary| boundary.fold(events)).collect()
    }

    fn may_write(&self, stream_id: &StreamId) -> bool {
        self.iter().any(|boundary| boundary.may_write(stream_id))
    }
}

macro_rules! boundaries {
    ($($boundary:ident $index:tt),+) => {
        impl<$($boundary: Boundaries),+> Boundaries for ($($boundary,)+) {
            type States = ($($boundary::States,)+);

            fn load<'a>(
                &'a self,
                store: &'a EventStore,
                guard: &'a mut Guard,
            ) -> BoxFuture<'a, Result<Self::States>> {
                Box::pin(async move { Ok(($(self.$index.load(store, guard).await?,)+)) })
            }

            fn fold(&self, events: &[RecordedEvent]) -> Result<Self::States> {
                Ok(($(self.$index.fold(events)?,)+))
            }

            fn may_write(&self, stream_id: &StreamId) -> bool {
                $(self.$index.may_write(stream_id))||+
            }
        }
    };
}

boundaries!(A 0, B 1);
boundaries!(A 0, B 1, C 2);
boundaries!(A 0, B 1, C 2, D 3);
