//! The write model: pure decisions over folded state, carried out as load, decide, append, and again after a
//! conflict.
//!
//! A decision reads one [`Boundary`] or several. Whatever it read is exactly what its append is guarded by:
//! the version of a stream, or a query and the position up to which it was read.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::time::Duration;

use tracing::Instrument;

use crate::append::{Append, Appended, StreamVersions};
use crate::backend::{BoxFuture, Direction, LogRange, StreamRange};
use crate::codec::{Decoded, Event, OnUnknown};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{CausationId, CommandId, CorrelationId, EventType, NewEvent, RecordedEvent};
use crate::payload::Metadata;
use crate::query::{Condition, Position, Query};
use crate::snapshot::{Fingerprint, Folded, Keeper, Kept, SnapshotPolicy, SnapshotState};
use crate::store::EventStore;
use crate::stream::{Expected, IntoStreamId, StreamId, Version};
use crate::subscribe::Checkpoint;
use crate::time::Timestamp;

/// What a decision needs to know, folded from events. `evolve` cannot fail: what has happened has happened.
pub trait State: Default + Send + Sync + 'static {
    /// The events it is folded from.
    type Event: Event;

    /// What to do with an event in a stream whose type [`Self::Event`] does not know. A state folded from a
    /// query never meets one, since the query asks for the types it knows.
    const ON_UNKNOWN: OnUnknown = OnUnknown::Fail;

    /// Tells this fold from what it was before its code changed. `#[annals::fingerprint]` on the
    /// implementation writes it; without it, a changed fold is told by [`SnapshotState::VERSION`] alone.
    const FINGERPRINT: Option<Fingerprint> = None;

    /// Takes in one event.
    fn evolve(&mut self, event: &Self::Event);
}

/// A whole aggregate in one place: its state, its commands and its rules. Pure: no clock, no chance, no
/// input or output, so that a decision can be repeated, tested and explained.
pub trait Decider: State {
    /// What may be asked of it.
    type Command: Send + Sync + 'static;
    /// Why it may refuse: a rule of the domain.
    type Refusal: Send + 'static;

    /// The events a command leads to; none where there is nothing to do.
    ///
    /// # Errors
    /// The domain's own refusal.
    fn decide(&self, command: &Self::Command) -> Result<Vec<Self::Event>, Self::Refusal>;
}

/// Why a decision has no result.
#[derive(Debug, Clone)]
pub enum DecideError<R> {
    /// The domain refused.
    Refused(R),
    /// The store failed.
    Store(Error),
}

impl<R: fmt::Display> fmt::Display for DecideError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "refused: {refusal}"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl<R: std::error::Error + 'static> std::error::Error for DecideError<R> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Store(error) => error.source(),
        }
    }
}

impl<R> From<Error> for DecideError<R> {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// The events that one state is folded from.
#[derive(Debug)]
pub struct Boundary<S> {
    source: Result<Source>,
    snapshots: Option<Keeper<S>>,
    state: PhantomData<fn() -> S>,
}

#[derive(Debug, Clone)]
enum Source {
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
    source: Result<Source>,
    until: Until,
    state: PhantomData<fn() -> S>,
}

/// Where the past ends, inclusive.
#[derive(Debug, Clone, Copy)]
enum Until {
    Version(Version),
    Time(Timestamp),
}

impl Until {
    fn includes(self, event: &RecordedEvent) -> bool {
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

/// A state, and up to where it was read.
#[derive(Debug, Clone)]
pub struct Loaded<S> {
    /// The state.
    pub state: S,
    /// The version of the stream it was folded from; 0 for a query.
    pub version: Version,
    /// The position up to which a query was read; 0 for a stream.
    pub position: Position,
    /// Events folded just now.
    pub replayed: u64,
    /// Whether the fold began with a snapshot.
    pub from_snapshot: bool,
}

impl<S> Loaded<S> {
    fn of_stream(state: S, folded: &Folded) -> Self {
        let Folded { version, replayed, .. } = *folded;
        Self { state, version, position: Position::START, replayed, from_snapshot: false }
    }
}

/// Where a fold began that looked for a snapshot.
enum Begun<S> {
    /// In the snapshot.
    InSnapshot(S, Folded),
    /// In one that was made of other events.
    InOtherHistory,
    /// In one that the fold of all events, this one, does not agree with.
    Wrongly(S, Folded),
    /// There was none.
    Nowhere,
}

/// What a decision wrote.
#[derive(Debug, Clone)]
pub struct Decided<E> {
    /// The events, in order; of an earlier try where the command had been carried out before.
    pub events: Vec<E>,
    /// Where they are; `None` where the decision wrote none.
    pub appended: Option<Appended>,
    /// The command had been carried out before: this is its result, and nothing was decided now.
    pub repeated: bool,
    /// Events folded to decide, in all tries.
    pub replayed: u64,
    /// How often it was decided: more than once after conflicts.
    pub attempts: u32,
}

impl<E> Decided<E> {
    /// The token with which a reader waits until it has seen what was written.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.appended.as_ref().map(|appended| &appended.checkpoint)
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
    expectations: Vec<(StreamId, Expected)>,
    condition: Option<Condition>,
    replayed: u64,
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

fn evolve<S: State>(state: &mut S, event: &RecordedEvent) -> Result<()> {
    match S::ON_UNKNOWN.decode::<S::Event>(event)? {
        Decoded::One(event) => state.evolve(&event),
        Decoded::Many(events) => events.iter().for_each(|event| state.evolve(event)),
        Decoded::Unknown => {}
    }
    Ok(())
}

/// Folds events into a state: what [`EventStore::load`] does with those it reads.
///
/// # Errors
/// Corrupt for an event that does not decode, or is not known where that is to fail.
pub fn fold<'a, S: State>(events: impl IntoIterator<Item = &'a RecordedEvent>) -> Result<S> {
    let mut state = S::default();
    events.into_iter().try_for_each(|event| evolve(&mut state, event))?;
    Ok(state)
}

/// A command on its way to its aggregate.
pub type DecideCommand<D> =
    Box<dyn Fn(&D) -> Result<Vec<<D as State>::Event>, <D as Decider>::Refusal> + Send + Sync>;

/// How many events one page of a load holds.
const LOAD_PAGE: usize = 512;

impl EventStore {
    /// Folds a state from its events, beginning with a snapshot where the boundary keeps them.
    ///
    /// # Errors
    /// Corrupt for an event that does not decode; what reading failed with.
    pub async fn load<S: State>(&self, boundary: &Boundary<S>) -> Result<Loaded<S>> {
        let source = boundary.source.clone()?;
        let span = tracing::debug_span!("annals.load", source = ?source, replayed = tracing::field::Empty);
        async {
            let started = tokio::time::Instant::now();
            let (category, loaded) = match source {
                Source::Stream(stream_id) => (
                    stream_id.category().to_owned(),
                    self.load_stream(&stream_id, boundary.snapshots.as_ref()).await?,
                ),
                Source::Query(query) => ("query".to_owned(), self.load_query(query, None).await?),
            };
            tracing::Span::current().record("replayed", loaded.replayed);
            self.record_load(&category, loaded.replayed, started.elapsed());
            Ok(loaded)
        }
        .instrument(span)
        .await
    }

    async fn load_stream<S: State>(
        &self,
        stream_id: &StreamId,
        keeper: Option<&Keeper<S>>,
    ) -> Result<Loaded<S>> {
        let started = tokio::time::Instant::now();
        let Some(keeper) = keeper else {
            let (state, folded) = self.fold_stream(stream_id, started).await?;
            return Ok(Loaded::of_stream(state, &folded));
        };
        let begun = match keeper.load(self, stream_id).await? {
            Some(kept) if keeper.checks_now() => self.fold_beside(stream_id, kept, keeper, started).await?,
            Some(kept) => self.fold_on(stream_id, kept, started).await?,
            None => Begun::Nowhere,
        };
        let (state, folded) = match begun {
            Begun::InSnapshot(state, folded) => {
                keeper.used(self);
                keeper.keep(self, stream_id, &state, &folded);
                return Ok(Loaded { from_snapshot: true, ..Loaded::of_stream(state, &folded) });
            }
            Begun::InOtherHistory => {
                keeper.drop_foreign(self, stream_id).await;
                self.fold_stream(stream_id, started).await?
            }
            Begun::Wrongly(state, folded) => (state, folded),
            Begun::Nowhere => self.fold_stream(stream_id, started).await?,
        };
        keeper.keep(self, stream_id, &state, &folded);
        Ok(Loaded::of_stream(state, &folded))
    }

    async fn fold_stream<S: State>(
        &self,
        stream_id: &StreamId,
        started: tokio::time::Instant,
    ) -> Result<(S, Folded)> {
        let (mut state, mut folded) = (S::default(), Folded::default());
        self.each_event(stream_id, Version::FIRST, |event| {
            evolve(&mut state, event)?;
            folded.take(event);
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        folded.took = started.elapsed();
        Ok((state, folded))
    }

    /// Folds on from a snapshot. Its own last event is read with those after it, so that a snapshot of events
    /// that are no longer there is recognised, however long the stream has become since.
    async fn fold_on<S: State>(
        &self,
        stream_id: &StreamId,
        kept: Kept<S>,
        started: tokio::time::Instant,
    ) -> Result<Begun<S>> {
        let Kept { mut state, version, last_event } = kept;
        let (mut folded, mut is_of_these) = (Folded::default(), false);
        self.each_event(stream_id, version, |event| {
            if event.stream_version > version {
                evolve(&mut state, event)?;
                folded.take(event);
            } else {
                is_of_these = event.event_id.to_string() == last_event;
                folded.version = version;
            }
            Ok(if is_of_these { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })
        .await?;
        folded.took = started.elapsed();
        Ok(if is_of_these { Begun::InSnapshot(state, folded) } else { Begun::InOtherHistory })
    }

    /// Folds all events, and those after the snapshot onto the snapshot as well, and compares.
    async fn fold_beside<S: State>(
        &self,
        stream_id: &StreamId,
        kept: Kept<S>,
        keeper: &Keeper<S>,
        started: tokio::time::Instant,
    ) -> Result<Begun<S>> {
        let Kept { state: mut from_snapshot, version, last_event } = kept;
        let (mut state, mut folded) = (S::default(), Folded::default());
        let (mut is_of_these, mut since) = (false, 0);
        self.each_event(stream_id, Version::FIRST, |event| {
            evolve(&mut state, event)?;
            folded.take(event);
            if event.stream_version > version {
                evolve(&mut from_snapshot, event)?;
                since += 1;
            } else if event.stream_version == version {
                is_of_these = event.event_id.to_string() == last_event;
            }
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        folded.took = started.elapsed();
        let Some(last_event) = folded.last_event.filter(|_| is_of_these) else {
            return Ok(Begun::InOtherHistory);
        };
        if keeper.agrees(self, stream_id, [&from_snapshot, &state], last_event).await {
            // What the check cost is no reason to keep another snapshot.
            (folded.replayed, folded.took) = (since, Duration::ZERO);
            return Ok(Begun::InSnapshot(from_snapshot, folded));
        }
        Ok(Begun::Wrongly(state, folded))
    }

    /// Hands out a stream's events from a version on, until there are no more or it is told to stop. Says at
    /// which version the stream is.
    async fn each_event(
        &self,
        stream_id: &StreamId,
        mut from: Version,
        mut take: impl FnMut(&RecordedEvent) -> Result<ControlFlow<()>> + Send,
    ) -> Result<Version> {
        loop {
            let range = StreamRange {
                stream_id: stream_id.clone(),
                from,
                direction: Direction::Forward,
                limit: LOAD_PAGE,
            };
            let page = self.stream_page(range).await?;
            for event in &page.events {
                if take(event)?.is_break() {
                    return Ok(page.version);
                }
                from = event.stream_version.next();
            }
            if page.end {
                return Ok(page.version);
            }
        }
    }

    async fn load_query<S: State>(&self, query: Query, until: Option<Until>) -> Result<Loaded<S>> {
        let (mut state, mut position, mut replayed) = (S::default(), Position::START, 0);
        let loaded = |state, position, replayed| Loaded {
            state,
            version: Version::NONE,
            position,
            replayed,
            from_snapshot: false,
        };
        loop {
            let range = LogRange {
                query: query.clone(),
                from: position.next(),
                direction: Direction::Forward,
                limit: LOAD_PAGE,
            };
            let page = self.log_page(range).await?;
            for event in &page.events {
                if until.is_some_and(|until| !until.includes(event)) {
                    return Ok(loaded(state, position, replayed));
                }
                evolve(&mut state, event)?;
                replayed += 1;
                position = event.position;
            }
            position = page.through.max(position);
            if page.end {
                return Ok(loaded(state, position, replayed));
            }
        }
    }

    /// Folds a state as it was, always from the events.
    ///
    /// # Errors
    /// Invalid for a version that the stream has not reached, and for the version of a query; otherwise as
    /// [`load`](Self::load).
    pub async fn load_past<S: State>(&self, past: &Past<S>) -> Result<Loaded<S>> {
        let until = past.until;
        let stream_id = match (past.source.clone()?, until) {
            (Source::Stream(stream_id), _) => stream_id,
            (Source::Query(query), Until::Time(_)) => return self.load_query(query, Some(until)).await,
            (Source::Query(_), Until::Version(_)) => {
                return Err(Error::invalid("a query has no versions: ask for its state at a time"));
            }
        };
        let (mut state, mut folded) = (S::default(), Folded::default());
        let version = self
            .each_event(&stream_id, Version::FIRST, |event| {
                if !until.includes(event) {
                    return Ok(ControlFlow::Break(()));
                }
                evolve(&mut state, event)?;
                folded.take(event);
                Ok(ControlFlow::Continue(()))
            })
            .await?;
        match until {
            Until::Version(asked) if asked > version => Err(Error::invalid(format!(
                "stream {:?} is at version {version} and has not been at {asked}",
                stream_id.as_str()
            ))),
            _ => Ok(Loaded::of_stream(state, &folded)),
        }
    }

    /// Prepares a command for one aggregate: `store.execute::<Account>("account-1", command).await`.
    pub fn execute<D: Decider>(
        &self,
        stream_id: impl IntoStreamId,
        command: D::Command,
    ) -> Decide<'static, Boundary<D>, DecideCommand<D>> {
        let decide: DecideCommand<D> = Box::new(move |state| state.decide(&command));
        self.decide(stream::<D>(stream_id), decide)
    }

    /// Prepares a decision over one state or several: `store.decide(stream("account-1"), |a| …).await`.
    ///
    /// The function is pure: after a conflict it is called again with what is there then. Its events go to
    /// the streams their type names, or to the one stream that was read. A decision that has read only
    /// streams writes to no other; read what you write to.
    pub fn decide<'a, B, F, I, R>(&self, boundaries: B, decide: F) -> Decide<'a, B, F>
    where
        B: Boundaries + 'a,
        F: Fn(&B::States) -> Result<I, R> + Send + Sync + 'a,
        I: IntoIterator,
        I::Item: Event,
    {
        let context = Context::default();
        Decide { store: self.clone(), boundaries, decide, context, borrowed: PhantomData }
    }
}

/// What surrounds a command and is recorded with each of its events.
#[derive(Debug, Clone, Default)]
struct Context {
    command_id: Option<CommandId>,
    correlation_id: Option<CorrelationId>,
    causation_id: Option<CausationId>,
    metadata: Metadata,
}

/// A decision to be carried out by `.await`.
#[must_use = "a decision does nothing until it is awaited"]
pub struct Decide<'a, B, F> {
    store: EventStore,
    boundaries: B,
    decide: F,
    context: Context,
    /// What the function may borrow.
    borrowed: PhantomData<&'a ()>,
}

impl<B, F> fmt::Debug for Decide<'_, B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decide").field("context", &self.context).finish_non_exhaustive()
    }
}

impl<B, F> Decide<'_, B, F> {
    /// Identifies the command, among all commands of the store. Carried out a second time, it is answered with what it wrote the first time,
    /// and nothing is decided or written. A refused command leaves no trace and is decided anew. An id that
    /// another command has used, on other streams or with events of other types, is an invalid request.
    pub fn command_id(mut self, id: impl Into<CommandId>) -> Self {
        self.context.command_id = Some(id.into());
        self
    }

    /// Records what the command belongs to.
    pub fn correlation_id(mut self, id: CorrelationId) -> Self {
        self.context.correlation_id = Some(id);
        self
    }

    /// Records what caused the command.
    pub fn causation_id(mut self, id: CausationId) -> Self {
        self.context.causation_id = Some(id);
        self
    }

    /// Records metadata with each event.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.context.metadata = metadata;
        self
    }

    async fn carry_out<I, E, R>(self) -> Result<Decided<E>, DecideError<R>>
    where
        B: Boundaries,
        F: Fn(&B::States) -> Result<I, R> + Send + Sync,
        I: IntoIterator<Item = E> + Send,
        E: Event,
        R: Send,
    {
        if let Some(command_id) = self.context.command_id
            && let Some(answer) = self.answer_of(command_id).await?
        {
            return Ok(answer);
        }
        let (mut attempts, mut replayed) = (0, 0);
        loop {
            attempts += 1;
            let mut guard = Guard::default();
            let states = self.boundaries.load(&self.store, &mut guard).await?;
            replayed += guard.replayed;
            let decided = (self.decide)(&states).map(|events| events.into_iter().collect::<Vec<E>>());
            drop(states);
            let appended = match &decided {
                Ok(events) if !events.is_empty() => {
                    let append = self.append(events, guard)?;
                    Some(self.store.append_one(append).await)
                }
                _ => None,
            };
            // Whatever else than a write came of it may be the work of the same command, carried out by
            // somebody else since the id was looked up: the state was then already changed, or the ids known.
            let answerable = match &appended {
                None => true,
                Some(Ok(appended)) => appended.duplicate,
                Some(Err(error)) => matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Invalid),
            };
            if answerable
                && let Some(command_id) = self.context.command_id
                && let Some(answer) = self.answer_of(command_id).await?
            {
                return Ok(answer);
            }
            let events = decided.map_err(DecideError::Refused)?;
            let appended = match appended.transpose() {
                Ok(appended) => appended,
                Err(error)
                    if error.kind() == ErrorKind::Conflict
                        && attempts <= self.store.options().conflict_retries_max =>
                {
                    tracing::debug!(attempts, %error, "deciding again");
                    pause_after_conflict(attempts).await;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let repeated = appended.as_ref().is_some_and(|appended| appended.duplicate);
            return Ok(Decided { events, appended, repeated, replayed, attempts });
        }
    }

    fn append<E: Event>(&self, events: &[E], guard: Guard) -> Result<Append>
    where
        B: Boundaries,
    {
        let mut append = Append {
            events: Vec::with_capacity(events.len()),
            expectations: guard.expectations,
            condition: guard.condition,
        };
        for (index, event) in events.iter().enumerate() {
            let stream_id = match (event.stream_id()?, &*append.expectations) {
                (Some(stream_id), _) => stream_id,
                (None, [(only, _)]) => only.clone(),
                (None, streams) => {
                    return Err(Error::invalid(format!(
                        "event {:?} does not say its stream and the decision read {} streams: add \
                         #[event(stream = \"…\")] to its type",
                        event.kind().event_type,
                        streams.len(),
                    )));
                }
            };
            if !self.boundaries.may_write(&stream_id) {
                return Err(Error::invalid(format!(
                    "event {:?} goes to stream {:?}, which the decision has not read: read it too, so that the \
                     decision is guarded by it",
                    event.kind().event_type,
                    stream_id.as_str(),
                )));
            }
            append.events.push((stream_id, self.new_event(event, index)?));
        }
        Ok(append)
    }

    fn new_event<E: Event>(&self, event: &E, index: usize) -> Result<NewEvent> {
        let mut event = event.to_new_event()?;
        if let Some(command_id) = self.context.command_id {
            event.event_id = command_id.event_id(index);
        }
        event.correlation_id.clone_from(&self.context.correlation_id);
        event.causation_id.clone_from(&self.context.causation_id);
        event.metadata = self.context.metadata.clone();
        Ok(event)
    }
}

impl<'a, B, F, I, E, R> IntoFuture for Decide<'a, B, F>
where
    B: Boundaries + 'a,
    F: Fn(&B::States) -> Result<I, R> + Send + Sync + 'a,
    I: IntoIterator<Item = E> + Send + 'a,
    E: Event,
    R: Send + 'a,
{
    type Output = Result<Decided<E>, DecideError<R>>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::debug_span!("annals.decide");
        Box::pin(self.carry_out().instrument(span))
    }
}

/// The first retries come at once; then the crowd is spread out, longer from one to the next.
async fn pause_after_conflict(attempts: u32) {
    if attempts > 2 {
        let longest = 1_000_u64 << attempts.min(6);
        let (_, chance) = crate::event::EventId::new().uuid().as_u64_pair();
        tokio::time::sleep(Duration::from_micros(chance % longest)).await;
    }
}

impl<B: Boundaries, F> Decide<'_, B, F> {
    /// What the command wrote, if it has been carried out.
    async fn answer_of<E: Event>(&self, command_id: CommandId) -> Result<Option<Decided<E>>> {
        let mut recorded = self.store.events(vec![command_id.event_id(0)]).await?;
        if recorded.is_empty() {
            return Ok(None);
        }
        loop {
            // An append has its events' ids without a gap.
            let ids = (recorded.len()..recorded.len() + 32).map(|index| command_id.event_id(index)).collect();
            let more = self.store.events(ids).await?;
            let last = more.len() < 32;
            recorded.extend(more);
            if last {
                break;
            }
        }
        let mut events = Vec::with_capacity(recorded.len());
        for event in &recorded {
            match E::decode(event)? {
                Decoded::One(known) if self.boundaries.may_write(&event.stream_id) => events.push(known),
                Decoded::Many(known) if self.boundaries.may_write(&event.stream_id) => events.extend(known),
                _ => {
                    return Err(Error::invalid(format!(
                        "the command id was used by another command, which wrote {} to stream {:?} at version {}",
                        event.event_type,
                        event.stream_id.as_str(),
                        event.stream_version
                    )));
                }
            }
        }
        let places = recorded.iter().map(|event| (&event.stream_id, event.stream_version));
        let last_position = recorded.last().map(|event| event.position).unwrap_or_default();
        let appended = Appended {
            streams: StreamVersions::tally(places),
            first_position: recorded.first().map(|event| event.position).unwrap_or_default(),
            last_position,
            checkpoint: self.store.checkpoint_at(last_position),
            duplicate: true,
        };
        Ok(Some(Decided { events, appended: Some(appended), repeated: true, replayed: 0, attempts: 0 }))
    }
}
