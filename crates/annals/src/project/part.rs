//! Taking in the events of one part, in their order: claiming it, batch after batch, what becomes of events that
//! fail, and giving it up.

use std::collections::{BTreeSet, HashSet};
use std::error::Error as StdError;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::error::{Error, ErrorKind, Result, causes};
use crate::event::RecordedEvent;
use crate::query::Position;
use crate::store::EventStore;
use crate::subscribe::{Checkpoint, Start, Subscription};

use super::assign::part_of;
use super::parked::{Parking, Wish};
use super::progress::Seen;
use super::projector::Me;
use super::records::{Claim, Move, Place, Records};
use super::session::{Batch, Model, Written, own_error};
use super::tables::Tables;
use super::{OnFailure, Target, pause};

/// How many events are written in one transaction.
const BATCH: usize = 512;

/// How often in a row events are written anew because their transaction met another one.
const MET_MAX: u32 = 6;

/// How many keys of a part may have events set aside: they are kept in memory.
const PARKED_KEYS_MAX: usize = 10_000;

/// How often a lease is renewed, and wishes are looked for.
pub(super) const BEAT: Duration = Duration::from_secs(1);

/// How long the tables may be said to stand before events that do not concern them.
const IDLE_MOVE: Duration = Duration::from_millis(50);

/// How long to wait before a part that another process owns is looked at again.
const LOOK: Duration = Duration::from_millis(50);

/// What the parts of a read model are to do in this process.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) hold: BTreeSet<Place>,
    /// Those that this process fills; a worker of another has nothing left to do.
    pub(super) generations: Vec<u32>,
    /// Events in each second, for one part.
    pub(super) pace: Option<u32>,
    pub(super) end: bool,
}

/// Takes in the events of one part.
pub(super) struct Worker {
    pub(super) store: EventStore,
    pub(super) target: Arc<Target>,
    pub(super) records: Records,
    pub(super) me: Me,
    pub(super) place: Place,
    /// Into how many parts its generation is divided.
    pub(super) parts: u32,
    pub(super) tables: Tables,
    pub(super) seen: Arc<watch::Sender<Seen>>,
    pub(super) model: Box<dyn Model>,
}

/// A part while it is this worker's.
struct Held {
    claim: Claim,
    /// Keys whose events are set aside.
    parked: HashSet<String>,
    subscription: Subscription,
    /// Where it could stand, since the events up to there do not concern it.
    ahead: Option<(Checkpoint, Position, Instant)>,
    beat: Instant,
    /// Events since the last beat.
    taken: u64,
    not_before: Instant,
    /// Events that have been written.
    spent: Arc<Vec<RecordedEvent>>,
}

impl Worker {
    /// Takes in what is there now; says how many events that were. Waits while another process owns the part,
    /// until the tables hold every event up to `head`.
    pub(super) async fn catch_up(mut self, head: Position) -> Result<u64> {
        let mut taken = 0;
        loop {
            let Some(mut held) = self.claim().await? else {
                let status = self.records.status(&mut *self.model).await?;
                match status.as_ref().and_then(|status| status.part(self.place)) {
                    Some(part) if part.position < head => {
                        if part.stopped {
                            let message =
                                part.error.clone().unwrap_or_else(|| "the part has stopped".to_owned());
                            return Err(Error::invalid(message));
                        }
                        tokio::time::sleep(LOOK).await;
                        continue;
                    }
                    _ => return Ok(taken),
                }
            };
            let ended = self.until_caught_up(&mut held, &mut taken).await;
            match self.give_back(&mut held, ended).await {
                Err(overtaken) if overtaken.conflict().is_some() => {}
                ended => return ended.map(|()| taken),
            }
        }
    }

    async fn until_caught_up(&mut self, held: &mut Held, taken: &mut u64) -> Result<()> {
        let mut pace = self.pace().await?;
        loop {
            let (events, checkpoint) = next(&mut held.subscription, held.not_before, most(pace)).await?;
            let caught_up = events.is_empty();
            let now = self.take_at(held, pace, events, checkpoint).await?;
            *taken += now;
            if caught_up {
                return self.move_ahead(held).await;
            }
            if held.beat <= Instant::now() {
                self.beat(held).await?;
                pace = self.pace().await?;
            }
        }
    }

    /// How many events this part may take in in a second, where somebody has limited them.
    async fn pace(&mut self) -> Result<Option<u32>> {
        let status = self.records.status(&mut *self.model).await?;
        Ok(status.and_then(|status| status.pace).map(|pace| (pace / self.parts).max(1)))
    }

    /// Takes events in, and says from when on more may be.
    async fn take_at(
        &mut self,
        held: &mut Held,
        pace: Option<u32>,
        events: Vec<RecordedEvent>,
        checkpoint: Checkpoint,
    ) -> Result<u64> {
        let begun = Instant::now();
        let taken = self.take(held, events, checkpoint).await?;
        if let Some(pace) = pace {
            held.not_before = begun + Duration::from_secs_f64(taken as f64 / f64::from(pace.max(1)));
        }
        Ok(taken)
    }

    /// Takes in events as they come, whenever the orders give it this part, until they end.
    pub(super) async fn follow(mut self, mut orders: watch::Receiver<Orders>) {
        loop {
            let place = self.place;
            let is_over = |orders: &Orders| orders.end || !orders.generations.contains(&place.generation);
            until(&mut orders, |orders| is_over(orders) || orders.hold.contains(&place)).await;
            if is_over(&orders.borrow()) || orders.has_changed().is_err() {
                return;
            }
            match self.hold(&mut orders).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    if error.conflict().is_none() {
                        tracing::warn!(projection = self.records.name(), part = self.place.part, %error);
                    }
                }
            }
            drop(tokio::time::timeout(BEAT, until(&mut orders, |orders| orders.end)).await);
        }
    }

    /// Holds the part until it is told otherwise; says whether it could.
    async fn hold(&mut self, orders: &mut watch::Receiver<Orders>) -> Result<bool> {
        let Some(mut held) = self.claim().await? else { return Ok(false) };
        let ended = self.while_told(&mut held, orders).await;
        self.give_back(&mut held, ended).await.map(|()| true)
    }

    /// Gives the part up, unless another has taken it, and writes down why if that was a failure.
    async fn give_back(&mut self, held: &mut Held, ended: Result<()>) -> Result<()> {
        if ended.as_ref().is_err_and(|error| error.conflict().is_some()) {
            return ended;
        }
        let mut last = vec![self.records.release(self.place, &held.claim)];
        if let Err(error) = &ended {
            let stopped =
                matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Corrupt | ErrorKind::Internal);
            last.push(self.records.fail(self.place, &told(error), stopped));
        }
        let released = self.model.run(last).await;
        ended?;
        released.map(drop)
    }

    async fn while_told(&mut self, held: &mut Held, orders: &mut watch::Receiver<Orders>) -> Result<()> {
        loop {
            let pace = orders.borrow().pace;
            let ahead = held.ahead.as_ref().map(|(.., by)| *by);
            tokio::select! {
                biased;
                () = until(orders, |orders| orders.end || !orders.hold.contains(&self.place)) => {
                    return self.move_ahead(held).await;
                }
                () = sleep_until(held.beat) => self.beat(held).await?,
                () = sleep_until(ahead.unwrap_or(held.beat)), if ahead.is_some() => self.move_ahead(held).await?,
                next = next(&mut held.subscription, held.not_before, most(pace)) => {
                    let (events, checkpoint) = next?;
                    self.take_at(held, pace, events, checkpoint).await?;
                }
            }
        }
    }

    async fn claim(&mut self) -> Result<Option<Held>> {
        let Self { records, model, place, me, .. } = self;
        let Some(claim) = records.claim(&mut **model, *place, &me.owner, me.lease).await? else {
            return Ok(None);
        };
        let parked = records.parked_keys(&mut **model, *place).await?.into_iter().collect();
        let query = self.target.model.query.clone();
        let subscription = self.store.subscribe(query, Start::After(claim.checkpoint.clone())).await?;
        self.show(claim.position);
        let now = Instant::now();
        let beat = now + self.me.beat();
        Ok(Some(Held {
            claim,
            parked,
            subscription,
            ahead: None,
            beat,
            taken: 0,
            not_before: now,
            spent: Arc::default(),
        }))
    }

    fn show(&self, position: Position) {
        self.seen.send_if_modified(|seen| seen.move_to(self.place, position));
    }

    /// Renews the lease, says how fast it goes, and does what somebody wishes.
    async fn beat(&mut self, held: &mut Held) -> Result<()> {
        let every = self.me.beat();
        let millis = u64::try_from((held.beat.elapsed() + every).as_millis()).unwrap_or(u64::MAX);
        let rate = held.taken * 1_000 / millis.max(1);
        held.taken = 0;
        self.move_ahead(held).await?;
        let stay = Move { to: &held.claim.checkpoint, position: held.claim.position, events: 0, last: None };
        let renew = self.records.advance(self.place, &held.claim, stay)?;
        self.model.run(vec![renew, self.records.pace(self.place, &held.claim, rate)]).await?;
        held.beat = Instant::now() + every;
        for (key, wish) in self.records.wishes(&mut *self.model, self.place).await? {
            match wish {
                Wish::Drop => {
                    let drop = self.records.unpark_key(self.place, &key);
                    self.model.run(vec![drop]).await?;
                    held.parked.remove(&key);
                }
                Wish::Retry => self.retry(held, &key).await?,
            }
        }
        Ok(())
    }

    /// Tries the events of a key again that are set aside, in order, up to the first that still fails.
    async fn retry(&mut self, held: &mut Held, key: &str) -> Result<()> {
        let parked = self.records.parked(&mut *self.model, self.place.generation).await?;
        for parked in parked.into_iter().filter(|parked| parked.key == key && !parked.skipped) {
            let Some(event) = self.store.event(parked.event_id).await? else {
                // Nothing is left to be taken in.
                self.model.run(vec![self.records.unpark(self.place, parked.position)]).await?;
                continue;
            };
            let stay =
                Move { to: &held.claim.checkpoint, position: held.claim.position, events: 1, last: None };
            let renew = self.records.advance(self.place, &held.claim, stay)?;
            let first = vec![renew, self.records.unpark(self.place, parked.position)];
            let batch =
                Batch { first, tables: self.tables.clone(), events: vec![event].into(), take: vec![0] };
            if let Written::Refused { reason, .. } = self.model.write(batch).await? {
                let again = self.records.parked_again(self.place, parked.position, &told(&*reason));
                let no_more = self.records.wish(self.place.generation, Some(key), None);
                self.model.run(vec![again, no_more]).await?;
                return Ok(());
            }
        }
        held.parked.remove(key);
        Ok(())
    }

    /// Takes in the events that concern this part; says how many they were.
    async fn take(
        &mut self,
        held: &mut Held,
        events: Vec<RecordedEvent>,
        checkpoint: Checkpoint,
    ) -> Result<u64> {
        let position = checkpoint.position_in(self.store.store_id())?;
        let mut events = events;
        if self.parts > 1 {
            events.retain(|event| self.concerns(event));
        }
        let events = Arc::new(events);
        if events.is_empty() {
            if position > held.claim.position {
                self.show(position);
                let by = held.ahead.as_ref().map_or_else(|| Instant::now() + IDLE_MOVE, |(.., by)| *by);
                held.ahead = Some((checkpoint, position, by));
            }
            return Ok(0);
        }
        let store = self.store.clone();
        let end = |until: usize| match events.get(until) {
            None => (checkpoint.clone(), position),
            Some(_) => {
                let last = events[until - 1].position;
                (store.checkpoint_at(last), last)
            }
        };
        let (mut from, mut until, mut attempts, mut met) = (0, events.len(), 0, 0);
        while from < events.len() {
            let written = self.write(held, &events, from..until, end(until)).await;
            if let Err(error) = &written
                && error.kind() == ErrorKind::Unavailable
                && met < MET_MAX
            {
                // Fewer events at a time, so that it holds fewer locks.
                (until, met) = (from + (until - from).div_ceil(2), met + 1);
                self.wait(held, met).await?;
                continue;
            }
            met = 0;
            match written? {
                Written::All => (from, until, attempts) = (until, events.len(), 0),
                Written::Refused { index, .. } if index > from => until = index,
                Written::Refused { reason, .. } => {
                    attempts += 1;
                    until = from + 1;
                    if attempts <= self.target.retries {
                        self.wait(held, attempts).await?;
                        continue;
                    }
                    self.give_up(held, &events[from], attempts, reason, end(until)).await?;
                    (from, until, attempts) = (until, events.len(), 0);
                }
            }
        }
        Ok(events.len() as u64)
    }

    fn concerns(&self, event: &RecordedEvent) -> bool {
        part_of(&self.target.model.key_of(event), self.parts) == self.place.part
    }

    /// Writes some of the events, but for those of keys that are set aside.
    async fn write(
        &mut self,
        held: &mut Held,
        events: &Arc<Vec<RecordedEvent>>,
        range: Range<usize>,
        (to, position): (Checkpoint, Position),
    ) -> Result<Written> {
        let mut aside = Vec::new();
        let mut take: Vec<usize> = range.clone().collect();
        if !held.parked.is_empty() {
            let parking =
                Parking { skipped: false, reason: "waits for the one before it with its key", attempts: 0 };
            take.retain(|index| {
                let (event, key) = (&events[*index], self.target.model.key_of(&events[*index]));
                let parked = held.parked.contains(&*key);
                if parked {
                    aside.push(self.records.park(self.place, &key, event, &parking));
                }
                !parked
            });
        }
        let (count, last) = (take.len() as u64, events.get(range.end - 1));
        let moved = Move { to: &to, position, events: count, last };
        let mut first = vec![self.records.advance(self.place, &held.claim, moved)?];
        first.append(&mut aside);
        let batch = Batch { first, tables: self.tables.clone(), events: events.clone(), take };
        // Meanwhile the next page is read, and what is left of the last one is thrown away.
        let spent = std::mem::replace(&mut held.spent, events.clone());
        let (written, ()) = tokio::join!(self.model.write(batch), async {
            drop(spent);
            held.subscription.read_ahead().await;
        });
        let written = written?;
        if matches!(written, Written::All) {
            self.stand(held, to, position);
            held.taken += count;
        }
        Ok(written)
    }

    fn stand(&self, held: &mut Held, at: Checkpoint, position: Position) {
        (held.claim.checkpoint, held.claim.position, held.ahead) = (at, position, None);
        self.show(position);
    }

    /// Says in the database that events which do not concern it have been passed.
    async fn move_ahead(&mut self, held: &mut Held) -> Result<()> {
        let Some((to, position, _)) = held.ahead.take() else { return Ok(()) };
        let moved = Move { to: &to, position, events: 0, last: None };
        let moved = self.records.advance(self.place, &held.claim, moved)?;
        self.model.run(vec![moved]).await?;
        self.stand(held, to, position);
        Ok(())
    }

    /// Waits before an event is tried again, and keeps the lease meanwhile.
    async fn wait(&mut self, held: &mut Held, attempt: u32) -> Result<()> {
        let stay = Move { to: &held.claim.checkpoint, position: held.claim.position, events: 0, last: None };
        let renew = self.records.advance(self.place, &held.claim, stay)?;
        self.model.run(vec![renew]).await?;
        tokio::time::sleep(pause(attempt)).await;
        Ok(())
    }

    /// Does with an event that has failed what is to be done with it.
    async fn give_up(
        &mut self,
        held: &mut Held,
        event: &RecordedEvent,
        attempts: u32,
        reason: Box<dyn StdError + Send + Sync>,
        (to, position): (Checkpoint, Position),
    ) -> Result<()> {
        let policy = self.target.on_failure;
        let full = policy == OnFailure::Park && held.parked.len() >= PARKED_KEYS_MAX;
        if policy == OnFailure::Stop || full {
            let doing = format!("take in event {} at position {}", event.event_id, event.position);
            return Err(own_error(self.records.name(), &doing, reason));
        }
        let key = self.target.model.key_of(event);
        let parking = Parking { skipped: policy == OnFailure::Skip, reason: &told(&*reason), attempts };
        let moved = Move { to: &to, position, events: 0, last: Some(event) };
        let statements = vec![
            self.records.advance(self.place, &held.claim, moved)?,
            self.records.park(self.place, &key, event, &parking),
        ];
        self.model.run(statements).await?;
        if policy == OnFailure::Park {
            held.parked.insert(key.into_owned());
        }
        self.stand(held, to, position);
        Ok(())
    }
}

/// Waits until the orders are such, or nobody gives any more.
async fn until(orders: &mut watch::Receiver<Orders>, such: impl Fn(&Orders) -> bool) {
    drop(orders.wait_for(|orders| such(orders)).await);
}

/// How many events to take in at once: no more than a tenth of a second's.
fn most(pace: Option<u32>) -> usize {
    pace.map_or(BATCH, |pace| BATCH.min(pace as usize / 10).max(1))
}

async fn next(
    subscription: &mut Subscription,
    not_before: Instant,
    most: usize,
) -> Result<(Vec<RecordedEvent>, Checkpoint)> {
    sleep_until(not_before).await;
    subscription.next_batch(most).await
}

/// An error and what it came from, in one line.
fn told(error: &(dyn StdError + 'static)) -> String {
    let texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    texts.join(": ")
}
