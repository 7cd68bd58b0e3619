//! Watching over one read model while it runs: obeying what is wanted, and giving each part its orders.

use std::collections::HashMap;

use tokio::sync::watch;
use tokio::task::{self, JoinSet};

use crate::error::{Error, Result};

use super::assign::assign;
use super::part::Orders;
use super::projector::{Me, Running};
use super::records::Place;
use super::session::Model;
use super::status::{Generation, Status};

/// Watches over one read model in this process: says which parts it is to hold, begins what is wanted, and lets
/// tables serve that have caught up.
pub(super) struct Supervisor {
    running: Running,
    me: Me,
    model: Box<dyn Model>,
    orders: watch::Sender<Orders>,
    workers: JoinSet<()>,
    /// The parts that have a worker, by its task.
    known: HashMap<task::Id, Place>,
}

impl Supervisor {
    pub(super) fn new(running: Running, me: Me, model: Box<dyn Model>) -> Self {
        let (orders, workers, known) = (watch::Sender::default(), JoinSet::new(), HashMap::new());
        Self { running, me, model, orders, workers, known }
    }

    pub(super) async fn run(mut self, mut ended: watch::Receiver<bool>) -> Result<()> {
        let every = self.me.beat();
        let result = loop {
            match self.look().await {
                Ok(Some(stopped)) => break Err(stopped),
                Ok(None) => {}
                Err(error) => tracing::warn!(projection = self.running.records.name(), %error),
            }
            if tokio::time::timeout(every, ended.wait_for(|ended| *ended)).await.is_ok() {
                break Ok(());
            }
        };
        self.orders.send_modify(|orders| orders.end = true);
        while self.workers.join_next().await.is_some() {}
        drop(self.running.records.leave(&mut *self.model, &self.me.owner).await);
        result
    }

    /// Looks at how things stand, and gives orders; says why when nothing is left to be done.
    async fn look(&mut self) -> Result<Option<Error>> {
        self.bury().await?;
        let Self { running, model, me, .. } = self;
        let mut status = running.status(&mut **model).await?;
        running.records.sign(&mut **model, &me.owner, status.now, me.lease).await?;
        running.records.finish(&mut **model, &status).await?;
        let mut own = running.generations(&status);
        if status.rebuild && own.contains(&status.live) && running.building(&status).is_none() {
            status = running.begin_anew(&mut **model, &status).await?;
            own = running.generations(&status);
        }
        if let Some(building) = self.running.building(&status)
            && self.running.is_near(building.position()).await?
        {
            let number = building.number;
            let Self { running, model, .. } = self;
            match running.records.serve(&mut **model, &status, number, true).await {
                Ok(()) => running.forget(&mut **model).await?,
                // Another process has done it, or the one that serves is a little ahead.
                Err(error) if error.conflict().is_some() => {}
                Err(error) => return Err(error),
            }
            status = running.status(&mut **model).await?;
            own = running.generations(&status);
        }
        // What this process has just signed may not be counted yet.
        status.runners = status.runners.max(1);
        self.running.show(&status);
        self.orders.send_modify(|orders| orders.generations.clone_from(&own));
        self.employ(&status, &own).await?;
        let mut hold = assign(&status, &own, &self.me.owner);
        if status.rests() {
            hold.clear();
        }
        let pace = status.pace.map(|pace| pace / u32::try_from(hold.len().max(1)).unwrap_or(1).max(1));
        self.orders.send_modify(|orders| (orders.hold, orders.pace) = (hold, pace.map(|pace| pace.max(1))));
        Ok(stopped(&status, &own))
    }

    /// A worker for each part that has none.
    async fn employ(&mut self, status: &Status, own: &[u32]) -> Result<()> {
        let generations = own.iter().filter_map(|number| status.generation(*number));
        for place in generations.flat_map(Generation::places) {
            if !self.known.values().any(|known| *known == place) {
                let worker = self.running.worker(status, place, self.me.clone()).await?;
                let task = self.workers.spawn(worker.follow(self.orders.subscribe()));
                self.known.insert(task.id(), place);
            }
        }
        Ok(())
    }

    /// Stops the parts whose worker has panicked, in the read model's own code.
    async fn bury(&mut self) -> Result<()> {
        while let Some(ended) = self.workers.try_join_next_with_id() {
            let task = ended.as_ref().map_or_else(|panicked| panicked.id(), |(task, ())| *task);
            if let Some(place) = self.known.remove(&task)
                && ended.is_err()
            {
                let stop = self.running.records.fail(place, "the projection panicked", true);
                self.model.run(vec![stop]).await?;
            }
        }
        Ok(())
    }
}

/// The error of a read model of which every part has stopped at an event.
fn stopped(status: &Status, own: &[u32]) -> Option<Error> {
    let parts = || {
        own.iter().filter_map(|number| status.generation(*number)).flat_map(|generation| &generation.parts)
    };
    if parts().next().is_none() || parts().any(|part| !part.stopped) {
        return None;
    }
    let why = parts().find_map(|part| part.error.clone());
    Some(Error::invalid(why.unwrap_or_else(|| "every part of the projection has stopped".to_owned())))
}
