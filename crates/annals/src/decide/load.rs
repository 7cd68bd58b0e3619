//! Loading states: folding them from their events, beginning with a snapshot where one is kept, or ending where the
//! past that is asked for ends.

use std::ops::ControlFlow;
use std::time::Duration;

use tracing::Instrument;

use crate::backend::{Direction, LogRange, StreamRange};
use crate::codec::Decoded;
use crate::error::{Error, Result};
use crate::event::RecordedEvent;
use crate::query::{Position, Query};
use crate::snapshot::{Folded, Keeper, Kept};
use crate::store::EventStore;
use crate::stream::{StreamId, Version};

use super::State;
use super::boundary::{Boundary, Past, Source, Until};

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
}

pub(super) fn evolve<S: State>(state: &mut S, event: &RecordedEvent) -> Result<()> {
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
