//! The write model: pure decisions over folded state, carried out as load, decide, append, and again after a
//! conflict.
//!
//! A decision reads one [`Boundary`] or several. Whatever it read is exactly what its append is guarded by:
//! the version of a stream, or a query and the position up to which it was read.

mod boundary;
mod load;

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::time::Duration;

use tracing::Instrument;

use crate::append::{Append, Appended, StreamVersions};
use crate::backend::BoxFuture;
use crate::codec::{Decoded, Event, OnUnknown};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{CausationId, CommandId, CorrelationId, NewEvent};
use crate::payload::Metadata;
use crate::snapshot::Fingerprint;
use crate::store::EventStore;
use crate::stream::IntoStreamId;
use crate::subscribe::Checkpoint;

pub use self::boundary::{Boundaries, Boundary, Past, query, stream};
pub use self::load::{Loaded, fold};

use self::boundary::Guard;

/// What a decision needs to know, folded from events. `evolve` cannot fail: what has happened has happened.
pub trait State: Default + Send + Sync + 'static {
    /// The events it is folded from.
    type Event: Event;

    /// What to do with an event in a stream whose type [`Self::Event`] does not know. A state folded from a
    /// query never meets one, since the query asks for the types it knows.
    const ON_UNKNOWN: OnUnknown = OnUnknown::Fail;

    /// Tells this fold from what it was before its code changed. `#[annals::fingerprint]` on the
    /// implementation writes it; without it, a changed fold is told by [`SnapshotState::VERSION`](crate::SnapshotState::VERSION) alone.
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

/// A command on its way to its aggregate.
pub type DecideCommand<D> =
    Box<dyn Fn(&D) -> Result<Vec<<D as State>::Event>, <D as Decider>::Refusal> + Send + Sync>;

impl EventStore {
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
