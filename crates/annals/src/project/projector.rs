//! Running read models: any number of them, in any number of processes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::backend::Capability;
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventId;
use crate::query::Position;
use crate::store::EventStore;

use super::check::{Check, Checked, Checking, NewColumn};
use super::part::{BEAT, Worker};
use super::progress::{Progress, Seen};
use super::records::{Place, Records, check_format};
use super::session::Model;
use super::status::{Stage, Status};
use super::supervise::Supervisor;
use super::{Control, OnStale, Target};

/// How long a process may be silent before others take its parts, unless given.
const LEASE: Duration = Duration::from_secs(5);

/// How far behind the end of the log tables may be that are let serve: one batch.
const NEARLY: u64 = 512;

/// Runs read models against their databases. Several processes may run the same ones: each part of a read model
/// belongs to one of them at a time, and to another within seconds when that one dies.
///
/// Dropping a future of it leaves every read model where its checkpoints say; what had been handed to a database
/// may still be written there, once.
pub struct Projector {
    store: EventStore,
    me: Me,
    running: Vec<Running>,
}

/// This process among those that run the same read models.
#[derive(Clone)]
pub(super) struct Me {
    pub(super) owner: Arc<str>,
    pub(super) lease: Duration,
}

impl Me {
    /// How often it lets hear of itself.
    pub(super) fn beat(&self) -> Duration {
        BEAT.min(self.lease / 3)
    }
}

/// One read model.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) store: EventStore,
    target: Arc<Target>,
    pub(super) records: Records,
    seen: Arc<watch::Sender<Seen>>,
}

impl Projector {
    /// Runs read models of this store's events; none yet.
    pub fn new(store: EventStore) -> Self {
        let owner = format!("{}-{}", std::process::id(), EventId::new()).into();
        Self { store, me: Me { owner, lease: LEASE }, running: Vec::new() }
    }

    /// Runs this one too.
    #[must_use]
    pub fn with(mut self, target: Target) -> Self {
        let records = target.records();
        let (store, seen) = (self.store.clone(), Arc::default());
        self.running.push(Running { store, target: Arc::new(target), records, seen });
        self
    }

    /// How long it may be silent before other processes take over what it has: 5 seconds unless given. It is
    /// heard of three times as often.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.me.lease = lease;
        self
    }

    /// The names of its read models.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.running.iter().map(|running| running.records.name())
    }

    /// Tells how far one of its read models has come.
    ///
    /// # Errors
    /// Invalid for a name that none of them has.
    pub fn progress(&self, name: &str) -> Result<Progress> {
        let running = self.named(name)?;
        Ok(Progress::new(self.store.clone(), running.seen.subscribe()))
    }

    /// What is known and wanted of one of its read models.
    ///
    /// # Errors
    /// Invalid for a name that none of them has.
    pub fn control(&self, name: &str) -> Result<Control> {
        Ok(Control::new(self.named(name)?.target.database.desk()))
    }

    fn named(&self, name: &str) -> Result<&Running> {
        self.running.iter().find(|running| running.records.name() == name).ok_or_else(|| {
            let known: Vec<&str> = self.names().collect();
            Error::invalid(format!(
                "no projection {name:?} is run here, expected one of {}",
                known.join(", ")
            ))
        })
    }

    /// Takes in every event that is there now, of every read model; says how many it took. Where another process
    /// owns a part, waits until that one has come as far.
    ///
    /// # Errors
    /// What the store, a database or a read model's own code failed with; invalid when tables were filled from
    /// another store, from one that has been restored to before them, or by other code ([`OnStale`]). The tables
    /// stand where their checkpoints say, and calling again goes on from there.
    pub async fn catch_up(&self) -> Result<u64> {
        let mut taken = 0;
        for running in &self.running {
            taken += running.catch_up(&self.me).await?;
        }
        Ok(taken)
    }

    /// Builds a read model anew beside the one that serves, from the first event; when it has caught up, lets it
    /// serve in one step. Says how many events it took. What a rebuild that was cut off has done is gone on
    /// with.
    ///
    /// # Errors
    /// As [`catch_up`](Self::catch_up).
    pub async fn rebuild(&self, name: &str) -> Result<u64> {
        self.named(name)?.rebuild(&self.me).await
    }

    /// Folds keys again from the log and compares what that gives with the rows that serve: what a fingerprint cannot
    /// see, and what somebody has changed by hand. Names the first event from which on they part, and mends the
    /// rows if it is told to.
    ///
    /// Whoever runs the read model leaves it alone meanwhile; readers are served. It is compared as of where it
    /// stands, which is where it goes on.
    ///
    /// # Errors
    /// Invalid when a table does not say which column holds the key ([`ReadModel::table_by`]); as
    /// [`catch_up`](Self::catch_up).
    ///
    /// [`ReadModel::table_by`]: super::ReadModel::table_by
    pub async fn check(&self, name: &str, check: Check) -> Result<Checked> {
        let running = self.named(name)?;
        self.control(name)?.status(name).await?;
        let (model, status) = running.prepare().await?;
        let Running { store, target, records, .. } = running;
        Checking::new(store, target, records, &self.me, model, status)?.run(check).await
    }

    /// Adds columns to the tables that serve, and fills them from history; all else in a row stays as it is. Says
    /// from how many events. The code is then taken to be what has filled the tables.
    ///
    /// A new column comes last in `CREATE TABLE`, in the order given, and the key column of its table tells its rows
    /// apart. Whoever runs the read model leaves it alone meanwhile; readers are served.
    ///
    /// # Errors
    /// Invalid when several rows of a table have the same key; as [`check`](Self::check).
    pub async fn backfill(&self, name: &str, columns: &[NewColumn]) -> Result<u64> {
        let running = self.named(name)?;
        self.control(name)?.status(name).await?;
        let (model, status) = running.find().await?;
        let Running { store, target, records, .. } = running;
        Checking::new(store, target, records, &self.me, model, status)?.backfill(columns).await
    }

    /// Takes in events as they come, and obeys what is wanted, until `stop` completes.
    ///
    /// # Errors
    /// As [`catch_up`](Self::catch_up) for what is wrong from the start. What fails later is written down
    /// ([`Status`]) and tried again; this ends with an error only when every part of every read model has
    /// stopped at an event.
    pub async fn run(&self, stop: impl Future<Output = ()>) -> Result<()> {
        let (end, ended) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for running in &self.running {
            let (mut model, status) = running.prepare().await?;
            model.run(vec![running.records.resume()]).await?;
            running.show(&status);
            let supervisor = Supervisor::new(running.clone(), self.me.clone(), model);
            tasks.spawn(supervisor.run(ended.clone()));
        }
        let mut stop = std::pin::pin!(stop);
        let mut last = Ok(());
        loop {
            tokio::select! {
                () = stop.as_mut() => {
                    end.send_replace(true);
                    while tasks.join_next().await.is_some() {}
                    return Ok(());
                }
                ended = tasks.join_next() => match ended {
                    None => return last,
                    Some(Ok(Ok(()))) => {}
                    Some(Ok(Err(error))) => last = Err(error),
                    Some(Err(e)) => {
                        last = Err(Error::with_source(ErrorKind::Internal, "the projector panicked", e));
                    }
                },
            }
        }
    }
}

impl Running {
    /// Finds the tables, or makes them, whatever code has filled them.
    async fn find(&self) -> Result<(Box<dyn Model>, Status)> {
        let Self { store, target, records, .. } = self;
        store.capabilities().require(Capability::TotalOrder)?;
        target.model.check()?;
        let mut model = target.database.open().await?;
        model.define().await?;
        check_format(&mut *model, records.dialect()).await?;
        let status = match records.status(&mut *model).await? {
            Some(status) => status,
            None => {
                let at = store.position_before(&target.start).await?;
                let start = store.checkpoint_at(at);
                model.create(records.creation(&target.model, None, &start, at)).await?;
                self.status(&mut *model).await?
            }
        };
        records.finish(&mut *model, &status).await?;
        for part in status.generations.iter().flat_map(|generation| &generation.parts) {
            store.position_of(&part.checkpoint).await?;
        }
        Ok((model, status))
    }

    /// As [`find`](Self::find); refuses what this code cannot go on with.
    async fn prepare(&self) -> Result<(Box<dyn Model>, Status)> {
        let (mut model, status) = self.find().await?;
        if !self.generations(&status).is_empty() {
            return Ok((model, status));
        }
        let Self { target, records, .. } = self;
        let own = target.model.fingerprint();
        let name = records.name();
        match target.on_stale {
            OnStale::Refuse => {
                let theirs = status.serving().map_or("", |live| live.fingerprint.as_str());
                Err(Error::invalid(format!(
                    "the tables of projection {name:?} were filled by other code ({theirs}) than this ({own}): build \
                     them anew beside the old ones, or keep them as they are"
                )))
            }
            OnStale::Keep => {
                model.run(vec![records.adopt(status.live, &target.model)]).await?;
                let status = self.status(&mut *model).await?;
                Ok((model, status))
            }
            OnStale::Rebuild => {
                let status = self.begin_anew(&mut *model, &status).await?;
                Ok((model, status))
            }
        }
    }

    pub(super) async fn status(&self, model: &mut dyn Model) -> Result<Status> {
        let status = self.records.status(model).await?;
        status.ok_or_else(|| {
            let name = self.records.name();
            Error::new(
                ErrorKind::Unavailable,
                format!("projection {name:?} has been removed from its database"),
            )
        })
    }

    /// Makes the tables of the next generation, which begins where the one that serves began.
    pub(super) async fn begin_anew(&self, model: &mut dyn Model, status: &Status) -> Result<Status> {
        let start = match status.serving() {
            Some(live) => live.begun_after.clone(),
            None => self.store.checkpoint_at(Position::START),
        };
        let at = self.store.position_of(&start).await?;
        model.create(self.records.creation(&self.target.model, Some(status), &start, at)).await?;
        self.status(model).await
    }

    /// The generations that this code fills.
    pub(super) fn generations(&self, status: &Status) -> Vec<u32> {
        let own = self.target.model.fingerprint();
        let fills = |generation: &&super::Generation| {
            generation.stage != Stage::Retired && generation.fingerprint == own
        };
        status.generations.iter().filter(fills).map(|generation| generation.number).collect()
    }

    /// The newest generation that this code is filling to take the place of the one that serves.
    pub(super) fn building<'s>(&self, status: &'s Status) -> Option<&'s super::Generation> {
        let own = self.generations(status);
        let is_own = |it: &&super::Generation| it.stage == Stage::Building && own.contains(&it.number);
        status.generations.iter().rev().find(is_own)
    }

    pub(super) fn show(&self, status: &Status) {
        self.seen.send_if_modified(|seen| seen.update(status));
    }

    async fn catch_up(&self, me: &Me) -> Result<u64> {
        let (mut model, status) = self.prepare().await?;
        model.run(vec![self.records.resume()]).await?;
        self.show(&status);
        let own = self.generations(&status);
        let number = if own.contains(&status.live) { status.live } else { own.last().copied().unwrap_or(0) };
        let taken = self.fill(&status, number, me).await?;
        if number != status.live {
            self.switch(&mut *model, number, me).await?;
        }
        Ok(taken)
    }

    async fn rebuild(&self, me: &Me) -> Result<u64> {
        let (mut model, mut status) = self.prepare().await?;
        let number = match self.building(&status) {
            Some(begun) => begun.number,
            None => {
                status = self.begin_anew(&mut *model, &status).await?;
                status.newest()
            }
        };
        self.show(&status);
        let taken = self.fill(&status, number, me).await?;
        self.switch(&mut *model, number, me).await?;
        Ok(taken)
    }

    /// Takes in what is there now, all parts at once.
    async fn fill(&self, status: &Status, number: u32, me: &Me) -> Result<u64> {
        let head = self.store.head().await?.position;
        let mut workers = JoinSet::new();
        for place in status.generation(number).into_iter().flat_map(super::Generation::places) {
            let worker = self.worker(status, place, me.clone()).await?;
            workers.spawn(worker.catch_up(head));
        }
        let mut taken = 0;
        while let Some(ended) = workers.join_next().await {
            taken +=
                ended.map_err(|e| Error::with_source(ErrorKind::Internal, "the projector panicked", e))??;
        }
        Ok(taken)
    }

    pub(super) async fn worker(&self, status: &Status, place: Place, me: Me) -> Result<Worker> {
        let Self { store, target, records, seen } = self.clone();
        Ok(Worker {
            model: target.database.open().await?,
            parts: status.generation(place.generation).map_or(1, super::Generation::partitions),
            tables: status.tables(place.generation),
            store,
            target,
            records,
            me,
            place,
            seen,
        })
    }

    /// Lets a generation serve that has caught up; fills it further while the one that serves is ahead.
    async fn switch(&self, model: &mut dyn Model, number: u32, me: &Me) -> Result<()> {
        loop {
            let status = self.status(model).await?;
            if status.live == number {
                self.show(&status);
                return Ok(());
            }
            match self.records.serve(model, &status, number, true).await {
                Ok(()) => self.forget(model).await?,
                Err(behind) if behind.conflict().is_some() => {
                    self.fill(&status, number, me).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) async fn is_near(&self, position: Position) -> Result<bool> {
        let head = self.store.head().await?.position;
        Ok(head.0.saturating_sub(position.0) <= NEARLY)
    }

    /// Throws away what was retired before the last one, and what nobody will let serve any more.
    pub(super) async fn forget(&self, model: &mut dyn Model) -> Result<()> {
        let status = self.status(model).await?;
        let kept = status.retired().map(|generation| generation.number);
        for generation in &status.generations {
            let is_over = match generation.stage {
                Stage::Live => false,
                Stage::Retired => Some(generation.number) != kept,
                Stage::Building => generation.number < status.live,
            };
            if is_over {
                self.records.forget(model, &status, generation.number).await?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Projector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names().collect();
        f.debug_struct("Projector")
            .field("owner", &self.me.owner)
            .field("projections", &names)
            .finish_non_exhaustive()
    }
}
