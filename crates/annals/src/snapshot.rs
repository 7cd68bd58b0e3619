//! Snapshots: a cached fold of one stream, never a second source of truth.
//!
//! A [`SnapshotPolicy`] says when one is kept. It is loaded only if it was made by the same fold: the same
//! [`SnapshotState::VERSION`], the same [`Fingerprint`] of the code, and the same event at the version it was
//! made of. Whatever is wrong with it, the events are folded instead, and [`SnapshotStats`] counts it.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::decide::State;
use crate::error::{ErrorKind, Result};
use crate::event::{EventId, RecordedEvent};
use crate::name::name;
use crate::payload::JsonText;
use crate::store::{EventStore, SnapshotStats};
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
    /// The state, in an envelope with the fingerprint of its fold and the id of the last event folded in.
    ///
    /// They stand here and not in columns of their own, so that no table had to change; and not in the name,
    /// where every changed fold would leave a row behind that nobody reads again.
    pub state: JsonText,
}

/// Tells one version of a fold's code from another: what `#[annals::fingerprint]` makes of its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A state of which snapshots may be kept.
///
/// What an older fold made is not loaded: annotate `impl State` with `#[annals::fingerprint]`, and the state and
/// its events too, and a change of any of them is noticed. What the annotation cannot see is for [`VERSION`]
/// and for the sampled check of the [`SnapshotPolicy`].
///
/// [`VERSION`]: Self::VERSION
pub trait SnapshotState: State + Serialize + DeserializeOwned {
    /// Names this kind of state in the store.
    const NAME: &'static str;
    /// Changes whenever the state's shape, or what `evolve` makes of an event, changes in a way that no
    /// fingerprint sees: in a function that `evolve` calls, in a type inside the state. A snapshot of another
    /// version is dropped and the events are folded again.
    const VERSION: u32;
}

/// When a snapshot is kept, and how often one is compared with the events. Never, unless told otherwise.
///
/// ```
/// # use std::time::Duration;
/// use annals::snapshot::SnapshotPolicy;
///
/// let policy = SnapshotPolicy::every(500).or_slower_than(Duration::from_millis(50)).check_one_in(100);
/// assert_eq!(SnapshotPolicy::default(), SnapshotPolicy::never());
/// ```
///
/// Saving happens after the load has returned, in a task of its own; the caller waits only while the state is
/// written as JSON. At most [`SAVES_MAX`](Self::SAVES_MAX) are being saved at a time, what comes meanwhile is
/// left to a later load, and a save that fails fails nothing. See [`EventStore::settle_snapshots`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotPolicy {
    /// After a load that folded this many events or more.
    pub every: Option<u64>,
    /// After a load that folded anything and took longer than this.
    pub slower_than: Option<Duration>,
    /// One load of this many that begin with a snapshot folds all events beside it and compares; 1 is every
    /// load, 0 none.
    pub check_one_in: u64,
}

impl SnapshotPolicy {
    /// One load in so many is checked, unless told otherwise. A check costs what the snapshot saves: a load
    /// that it makes a hundred times as fast is thereby a tenth slower on average.
    pub const CHECK_ONE_IN: u64 = 1_000;

    /// Snapshots of one store that are being saved at a time.
    pub const SAVES_MAX: u32 = 16;

    /// Neither keeps snapshots nor looks for them.
    pub const fn never() -> Self {
        Self { every: None, slower_than: None, check_one_in: Self::CHECK_ONE_IN }
    }

    /// Keeps one after a load that folded this many events or more.
    pub const fn every(events: u64) -> Self {
        Self::never().or_every(events)
    }

    /// Keeps one after a load that took longer than this.
    pub const fn slower_than(load: Duration) -> Self {
        Self::never().or_slower_than(load)
    }

    /// Keeps one also after a load that folded this many events or more.
    #[must_use]
    pub const fn or_every(self, events: u64) -> Self {
        Self { every: Some(events), ..self }
    }

    /// Keeps one also after a load that took longer than this.
    #[must_use]
    pub const fn or_slower_than(self, load: Duration) -> Self {
        Self { slower_than: Some(load), ..self }
    }

    /// Compares one snapshot in so many with the fold of all events; 1 is every one, 0 none.
    #[must_use]
    pub const fn check_one_in(self, loads: u64) -> Self {
        Self { check_one_in: loads, ..self }
    }

    /// Whether it keeps nothing.
    pub const fn is_never(&self) -> bool {
        self.every.is_none() && self.slower_than.is_none()
    }

    fn wants(&self, replayed: u64, took: Duration) -> bool {
        let long = self.every.is_some_and(|events| replayed >= events);
        let slow = self.slower_than.is_some_and(|load| took > load);
        replayed > 0 && (long || slow)
    }

    fn checks_now(&self) -> bool {
        match self.check_one_in {
            0 => false,
            loads => {
                let (_, chance) = EventId::new().uuid().as_u64_pair();
                chance.is_multiple_of(loads)
            }
        }
    }
}

impl Default for SnapshotPolicy {
    fn default() -> Self {
        Self::never()
    }
}

/// What is stored in [`Snapshot::state`].
#[derive(Serialize)]
struct Written<'a, S> {
    fingerprint: Option<String>,
    last_event: EventId,
    state: &'a S,
}

/// The same as it is read: the state only when it is known who made it.
#[derive(Deserialize)]
struct Read<'a> {
    fingerprint: Option<String>,
    last_event: String,
    #[serde(borrow)]
    state: &'a RawValue,
}

/// A state from a snapshot, not yet known to be of the history that is stored.
pub(crate) struct Kept<S> {
    pub(crate) state: S,
    pub(crate) version: Version,
    /// The id of the event at that version.
    pub(crate) last_event: String,
}

/// How far a fold came, and what it cost.
#[derive(Default)]
pub(crate) struct Folded {
    pub(crate) version: Version,
    pub(crate) last_event: Option<EventId>,
    pub(crate) replayed: u64,
    pub(crate) took: Duration,
}

impl Folded {
    pub(crate) fn take(&mut self, event: &RecordedEvent) {
        self.version = event.stream_version;
        self.last_event = Some(event.event_id);
        self.replayed += 1;
    }
}

/// How snapshots of a state are kept.
pub(crate) struct Keeper<S> {
    policy: SnapshotPolicy,
    name: &'static str,
    version: u32,
    fingerprint: Option<Fingerprint>,
    write: fn(&S, EventId) -> Result<JsonText>,
    read: fn(&str) -> serde_json::Result<S>,
}

impl<S> fmt::Debug for Keeper<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper")
            .field("policy", &self.policy)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<S: SnapshotState> Keeper<S> {
    pub(crate) fn new(policy: SnapshotPolicy) -> Self {
        Self {
            policy,
            name: S::NAME,
            version: S::VERSION,
            fingerprint: S::FINGERPRINT,
            write: |state, last_event| {
                let fingerprint = S::FINGERPRINT.map(|fingerprint| fingerprint.to_string());
                JsonText::of(&Written { fingerprint, last_event, state })
            },
            read: |json| serde_json::from_str(json),
        }
    }
}

impl<S> Keeper<S> {
    fn key(&self, stream_id: &StreamId) -> Result<SnapshotKey> {
        Ok(SnapshotKey { stream_id: stream_id.clone(), name: SnapshotName::new(self.name)? })
    }

    pub(crate) fn checks_now(&self) -> bool {
        self.policy.checks_now()
    }

    fn count(&self, store: &EventStore, count: fn(&mut SnapshotStats)) {
        store.record_snapshot(self.name, count);
    }

    /// The snapshot of this stream, if there is one that this fold has made. What is wrong with it, or with
    /// where it is kept, is no failure of the load: the events are there.
    ///
    /// # Errors
    /// Invalid for a name that no snapshot has.
    pub(crate) async fn load(&self, store: &EventStore, stream_id: &StreamId) -> Result<Option<Kept<S>>> {
        let key = self.key(stream_id)?;
        let snapshot = match store.backend().load_snapshot(key).await {
            Ok(None) => return Ok(None),
            Ok(Some(snapshot)) => snapshot,
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                self.drop_spoilt(store, stream_id).await;
                return Ok(None);
            }
            Err(error) => {
                self.count(store, |stats| stats.unread += 1);
                tracing::warn!(%error, stream_id = stream_id.as_str(), "could not load a snapshot");
                return Ok(None);
            }
        };
        let stored = serde_json::from_str::<Read<'_>>(snapshot.state.as_str());
        let own = self.fingerprint.map(|fingerprint| fingerprint.to_string());
        let is_stale = snapshot.state_version != self.version
            || stored.as_ref().is_ok_and(|stored| stored.fingerprint != own);
        if is_stale {
            self.count(store, |stats| stats.stale += 1);
            self.drop(store, stream_id).await;
            return Ok(None);
        }
        let version = snapshot.stream_version;
        match stored.and_then(|stored| Ok(((self.read)(stored.state.get())?, stored.last_event))) {
            Ok((state, last_event)) if version > Version::NONE => {
                Ok(Some(Kept { state, version, last_event }))
            }
            _ => {
                self.drop_spoilt(store, stream_id).await;
                Ok(None)
            }
        }
    }

    /// The state was used as the beginning of a fold.
    pub(crate) fn used(&self, store: &EventStore) {
        self.count(store, |stats| stats.used += 1);
    }

    async fn drop_spoilt(&self, store: &EventStore, stream_id: &StreamId) {
        self.count(store, |stats| stats.spoilt += 1);
        self.drop(store, stream_id).await;
    }

    /// Drops a snapshot that was made of other events than those stored, as after the restoring of a backup.
    pub(crate) async fn drop_foreign(&self, store: &EventStore, stream_id: &StreamId) {
        self.count(store, |stats| stats.foreign += 1);
        self.drop(store, stream_id).await;
    }

    /// Failing to drop one fails nothing, since it will be found wanting again.
    async fn drop(&self, store: &EventStore, stream_id: &StreamId) {
        let dropped = async { store.backend().delete_snapshot(self.key(stream_id)?).await };
        if let Err(error) = dropped.await {
            tracing::warn!(%error, stream_id = stream_id.as_str(), "could not drop a snapshot");
        }
    }

    /// Whether a state that began with a snapshot is the same as the fold of all events. A snapshot that leads
    /// to another one is reported and dropped.
    pub(crate) async fn agrees(
        &self,
        store: &EventStore,
        stream_id: &StreamId,
        [from_snapshot, from_events]: [&S; 2],
        last_event: EventId,
    ) -> bool {
        self.count(store, |stats| stats.checked += 1);
        let both = [from_snapshot, from_events].map(|state| (self.write)(state, last_event));
        if let [Ok(from_snapshot), Ok(from_events)] = &both
            && from_snapshot.same_value(from_events)
        {
            return true;
        }
        self.count(store, |stats| stats.differing += 1);
        tracing::warn!(
            stream_id = stream_id.as_str(),
            state = self.name,
            state_version = self.version,
            "a snapshot leads to another state than the events: has code changed that no fingerprint sees? \
             Raise SnapshotState::VERSION"
        );
        self.drop(store, stream_id).await;
        false
    }

    /// Keeps a snapshot if the policy asks for one.
    pub(crate) fn keep(&self, store: &EventStore, stream_id: &StreamId, state: &S, folded: &Folded) {
        let Some(last_event) = folded.last_event else { return };
        if !self.policy.wants(folded.replayed, folded.took) {
            return;
        }
        let Some(place) = store.place_to_save() else {
            self.count(store, |stats| stats.skipped += 1);
            return;
        };
        let snapshot = (self.write)(state, last_event).map(|state| Snapshot {
            stream_version: folded.version,
            state_version: self.version,
            state,
        });
        let (store, stream_id, key) = (store.clone(), stream_id.clone(), self.key(stream_id));
        let name = self.name;
        place.spawn(async move {
            let kept = async { store.backend().save_snapshot(key?, snapshot?).await };
            match kept.await {
                Ok(()) => store.record_snapshot(name, |stats| stats.saved += 1),
                Err(error) => {
                    store.record_snapshot(name, |stats| stats.unsaved += 1);
                    tracing::warn!(%error, stream_id = stream_id.as_str(), "could not keep a snapshot");
                }
            }
        });
    }
}

/// What the code that `#[annals::fingerprint]` writes stands on.
#[doc(hidden)]
pub mod derived {
    use super::Fingerprint;

    /// The shape of a type that is not annotated: always the same. An annotated one has a constant of its own
    /// under this name, which is preferred.
    pub trait Shape {
        const ANNALS_SHAPE: u64 = 0;
    }

    impl<T: ?Sized> Shape for T {}

    /// One fingerprint of several.
    pub const fn of(parts: &[u64]) -> Fingerprint {
        let (mut hash, mut rest) = (0xcbf2_9ce4_8422_2325_u64, parts);
        while let [first, others @ ..] = rest {
            // Bits move between the halves, so that two equal parts do not cancel each other.
            hash = (hash ^ *first).wrapping_mul(0x0100_0000_01b3).rotate_left(29);
            rest = others;
        }
        Fingerprint(hash)
    }
}
