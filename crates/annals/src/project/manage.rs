//! Looking at the read models of a database, and saying what is wanted of them. Nobody needs to run them
//! meanwhile: what is wanted stands in tables, and whoever runs them obeys.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::query::Position;
use crate::store::EventStore;
use crate::subscribe::Checkpoint;

use super::assign::part_of;
use super::parked::Wish;
use super::progress::not_yet;
use super::records::{self, Records};
use super::session::{Desk, Session, Sql, Value};
use super::status::{Generation, Parked, Status};

/// How often the database is asked whether it has come as far as somebody waits for.
const LOOK: Duration = Duration::from_millis(25);

/// How often it is asked whether somebody has begun the read model.
const LOOK_FOR: Duration = Duration::from_millis(250);

/// The read models of one database.
#[derive(Clone)]
pub struct Control {
    desk: Arc<dyn Desk>,
}

impl Control {
    pub(crate) fn new(desk: Arc<dyn Desk>) -> Self {
        Self { desk }
    }

    /// How each stands, by name.
    ///
    /// # Errors
    /// What the database failed with; invalid where it keeps no read models.
    pub async fn list(&self) -> Result<Vec<Status>> {
        let mut session = self.desk.session().await?;
        let mut list = Vec::new();
        for name in records::names(&mut *session, self.desk.dialect()).await? {
            list.extend(self.records(&name).status(&mut *session).await?);
        }
        Ok(list)
    }

    /// How one stands.
    ///
    /// # Errors
    /// Invalid for a name that none has; what the database failed with.
    pub async fn status(&self, name: &str) -> Result<Status> {
        self.at(name).await.map(|at| at.status)
    }

    /// Lets it take in nothing until it is resumed.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn pause(&self, name: &str) -> Result<()> {
        self.set(name, "paused", 1_u32.into()).await
    }

    /// Lets it go on: after a pause, and from events at which parts have stopped.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn resume(&self, name: &str) -> Result<()> {
        let mut at = self.at(name).await?;
        let statements = vec![at.records.set("paused", 0_u32.into()), at.records.resume()];
        at.run(statements).await
    }

    /// Limits how many events each process may take in in a second, a rebuild included; `None` lets them go as fast
    /// as they can.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn pace(&self, name: &str, events_per_second: Option<u32>) -> Result<()> {
        self.set(name, "pace", events_per_second.into()).await
    }

    /// Asks that it be built anew beside the tables that serve. Whoever runs it begins within a second, and lets
    /// the new tables serve when they have caught up.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn rebuild(&self, name: &str) -> Result<()> {
        self.set(name, "rebuild", 1_u32.into()).await
    }

    /// Lets the tables serve again that served before the last switch; says which generation that is. They go on
    /// from where they stood, if the code that filled them runs.
    ///
    /// # Errors
    /// Invalid when there are none; as [`status`](Self::status).
    pub async fn roll_back(&self, name: &str) -> Result<u32> {
        let mut at = self.at(name).await?;
        let Some(retired) = at.status.retired().map(|generation| generation.number) else {
            return Err(Error::invalid(format!(
                "projection {name:?} has no tables from before to go back to"
            )));
        };
        at.records.serve(&mut *at.session, &at.status, retired, false).await?;
        Ok(retired)
    }

    /// Throws away the tables that do not serve: retired ones, and those of a rebuild that nobody will finish.
    /// Says which generations those were.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn clean(&self, name: &str) -> Result<Vec<u32>> {
        let mut at = self.at(name).await?;
        let others = at.status.generations.iter().map(|generation| generation.number);
        let others: Vec<u32> = others.filter(|number| *number != at.status.live).collect();
        for number in &others {
            at.records.forget(&mut *at.session, &at.status, *number).await?;
        }
        Ok(others)
    }

    /// Throws the read model away, with all its tables. The events are where they were.
    ///
    /// # Errors
    /// Conflict while a process runs it; as [`status`](Self::status).
    pub async fn remove(&self, name: &str) -> Result<()> {
        let mut at = self.at(name).await?;
        if at.status.runners > 0 {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("{} processes run projection {name:?}: end them first", at.status.runners),
            ));
        }
        at.records.remove(&mut *at.session, &at.status).await
    }

    /// The events that the serving tables have set aside, in order.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn parked(&self, name: &str) -> Result<Vec<Parked>> {
        let mut at = self.at(name).await?;
        at.records.parked(&mut *at.session, at.status.live).await
    }

    /// Asks that events set aside be tried again, in order: those of a key, or all. Says how many they are.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn retry(&self, name: &str, key: Option<&str>) -> Result<u64> {
        self.wish(name, key, Wish::Retry).await
    }

    /// Asks that events set aside be dropped for good, those of a key, or all: the tables will never hold them.
    /// Says how many they are.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn drop_parked(&self, name: &str, key: Option<&str>) -> Result<u64> {
        self.wish(name, key, Wish::Drop).await
    }

    /// Waits until the tables hold the append that issued this token, whichever process fills them: read your own
    /// writes. With a key, only the partition of that key is waited for. Tables that nobody has made yet are waited
    /// for too.
    ///
    /// # Errors
    /// Unavailable after the time given, and when events of this key are set aside; invalid for a token of
    /// another store; as [`status`](Self::status).
    pub async fn wait_for(
        &self,
        name: &str,
        store: &EventStore,
        token: &Checkpoint,
        key: Option<&str>,
        at_most: Duration,
    ) -> Result<()> {
        let wanted = token.position_in(store.store_id())?;
        let end = Instant::now() + at_most;
        let mut at = loop {
            match self.at(name).await {
                // Whoever runs it may be about to begin.
                Err(error) if error.kind() == ErrorKind::Invalid && Instant::now() < end => {
                    tokio::time::sleep(LOOK_FOR).await;
                }
                found => break found?,
            }
        };
        loop {
            let live = at.status.serving();
            let reached = live.map_or(Position::START, |live| position_of(live, key));
            if reached >= wanted {
                return self.not_parked(&mut at, key, wanted).await;
            }
            if Instant::now() >= end {
                return Err(not_yet(reached, wanted));
            }
            tokio::time::sleep(LOOK).await;
            at.look().await?;
        }
    }

    /// # Errors
    /// Unavailable when an event of the key up to the position is set aside.
    async fn not_parked(&self, at: &mut At, key: Option<&str>, wanted: Position) -> Result<()> {
        let Some(key) = key else { return Ok(()) };
        if at.status.serving().is_none_or(|live| live.parked() == 0) {
            return Ok(());
        }
        let parked = at.records.parked(&mut *at.session, at.status.live).await?;
        match parked.iter().find(|parked| !parked.skipped && parked.key == key && parked.position <= wanted) {
            None => Ok(()),
            Some(parked) => Err(Error::new(
                ErrorKind::Unavailable,
                format!(
                    "the events of {key:?} are set aside from position {} on: {}",
                    parked.position, parked.reason
                ),
            )),
        }
    }

    async fn wish(&self, name: &str, key: Option<&str>, wish: Wish) -> Result<u64> {
        let mut at = self.at(name).await?;
        let wish = at.records.wish(at.status.live, key, Some(wish));
        let answers = at.session.run(vec![wish]).await?;
        Ok(answers.first().map_or(0, |answer| answer.changed))
    }

    async fn set(&self, name: &str, column: &str, value: Value) -> Result<()> {
        let mut at = self.at(name).await?;
        let statements = vec![at.records.set(column, value)];
        at.run(statements).await
    }

    fn records(&self, name: &str) -> Records {
        Records::new(self.desk.dialect().clone(), name)
    }

    async fn at(&self, name: &str) -> Result<At> {
        let mut session = self.desk.session().await?;
        let known = records::names(&mut *session, self.desk.dialect()).await?;
        if known.iter().any(|known| known == name) {
            let records = self.records(name);
            if let Some(status) = records.status(&mut *session).await? {
                return Ok(At { session, records, status });
            }
        }
        let known = if known.is_empty() {
            "there is none".to_owned()
        } else {
            format!("expected one of {}", known.join(", "))
        };
        Err(Error::invalid(format!("no projection is called {name:?} in this database, {known}")))
    }
}

/// A read model as it was found.
struct At {
    session: Box<dyn Session>,
    records: Records,
    status: Status,
}

impl At {
    async fn run(&mut self, statements: Vec<Sql>) -> Result<()> {
        self.session.run(statements).await.map(drop)
    }

    async fn look(&mut self) -> Result<()> {
        let status = self.records.status(&mut *self.session).await?;
        self.status = status.ok_or_else(|| {
            Error::invalid(format!("projection {:?} has been removed", self.records.name()))
        })?;
        Ok(())
    }
}

fn position_of(generation: &Generation, key: Option<&str>) -> Position {
    let Some(key) = key else { return generation.position() };
    let part = part_of(key, generation.partitions());
    generation.parts.iter().find(|known| known.number == part).map_or(Position::START, |part| part.position)
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("desk", &self.desk).finish()
    }
}
