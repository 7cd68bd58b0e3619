//! Folding keys again beside the rows that serve: comparing them, mending them, and adding columns to them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::backend::{Direction, LogRange};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventId, RecordedEvent};
use crate::query::Position;
use crate::store::EventStore;

use super::Target;
use super::assign::part_of;
use super::projector::Me;
use super::records::{Claim, Move, Place, Records, dropping};
use super::session::{Answer, Batch, Model, Sql, Value, Written, own_error};
use super::status::Status;
use super::tables::Tables;

/// How many events are read, and taken in, at once.
const PAGE: usize = 512;

/// How many keys are compared in one transaction.
const KEYS: usize = 100;

/// Of how many keys the event is looked for from which on their rows are wrong.
const PARTED_MAX: usize = 100;

/// How long to wait for others to leave the read model alone, beside their lease.
const PATIENCE: Duration = Duration::from_secs(10);

/// How finely keys are sampled.
const GRAINS: u32 = 10_000;

/// Which keys to check, and what to do about rows that are wrong.
#[derive(Debug, Clone)]
pub struct Check {
    /// The share of keys, from 0 to 1, chosen by their digests: the same ones each time.
    pub sample: f64,
    /// These keys instead of a share of all.
    pub keys: Vec<String>,
    /// Put what the events give in the place of rows that are wrong.
    pub heal: bool,
}

/// A hundredth of the keys, only looked at.
impl Default for Check {
    fn default() -> Self {
        Self { sample: 0.01, keys: Vec::new(), heal: false }
    }
}

/// What a check has found.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Checked {
    /// How many keys were folded again.
    pub keys: u64,
    /// From how many events.
    pub events: u64,
    /// Keys whose rows are wrong: at most the first 100.
    pub parted: Vec<Parted>,
    /// How many there are in all.
    pub wrong: u64,
}

/// A key whose rows are not what its events give.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Parted {
    /// The key.
    pub key: String,
    /// The first event that the rows do not show as it should be; `None` where they are what no part of the key's
    /// events gives.
    pub position: Option<Position>,
    /// That event.
    pub event_id: Option<EventId>,
    /// Whether the rows have been mended.
    pub healed: bool,
}

/// A column to be added to a table.
#[derive(Debug, Clone)]
pub struct NewColumn {
    /// The table, by its plain name.
    pub table: String,
    /// The column.
    pub name: String,
    /// Its type, and what else stands behind its name in `ALTER TABLE`, such as `BIGINT DEFAULT 0`.
    pub definition: String,
}

/// A check under way. All parts are its own meanwhile.
pub(super) struct Checking<'a> {
    store: &'a EventStore,
    target: &'a Target,
    records: &'a Records,
    me: &'a Me,
    model: Box<dyn Model>,
    status: Status,
    held: BTreeMap<u32, Claim>,
    renewed: Instant,
    /// Tables of its own, filled with what the events give.
    scratch: Tables,
    parked: HashSet<Position>,
}

impl<'a> Checking<'a> {
    pub(super) fn new(
        store: &'a EventStore,
        target: &'a Target,
        records: &'a Records,
        me: &'a Me,
        model: Box<dyn Model>,
        status: Status,
    ) -> Result<Self> {
        let unkeyed = target.model.tables.iter().find(|table| !target.model.key_columns.contains_key(*table));
        if let Some(table) = unkeyed {
            return Err(Error::invalid(format!(
                "table {table:?} of projection {:?} does not say which column holds the key, so its rows cannot be told \
                 apart by it: name the column",
                records.name()
            )));
        }
        let scratch = Tables::new(&target.model.tables, 0);
        let (held, parked) = (BTreeMap::new(), HashSet::new());
        Ok(Self { store, target, records, me, model, status, held, renewed: Instant::now(), scratch, parked })
    }

    pub(super) async fn run(mut self, check: Check) -> Result<Checked> {
        let checked = self.check(&check).await;
        self.ended(checked).await
    }

    pub(super) async fn backfill(mut self, columns: &[NewColumn]) -> Result<u64> {
        let folded = self.add(columns).await;
        self.ended(folded).await
    }

    /// Asks the others to leave the read model alone, and takes its parts.
    async fn hold(&mut self) -> Result<()> {
        let deadline = Instant::now() + self.me.lease + PATIENCE;
        let places: Vec<Place> = self.status.serving().into_iter().flat_map(|live| live.places()).collect();
        while self.held.len() < places.len() {
            if Instant::now() > deadline {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("projection {:?} is not left alone by those who run it", self.records.name()),
                ));
            }
            let now = self.now().await?;
            self.model.run(vec![self.records.hold(now, self.me.lease)?]).await?;
            for place in &places {
                if !self.held.contains_key(&place.part) {
                    let claim =
                        self.records.claim(&mut *self.model, *place, &self.me.owner, self.me.lease).await?;
                    self.held.extend(claim.map(|claim| (place.part, claim)));
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.renewed = Instant::now();
        let parked = self.records.parked(&mut *self.model, self.status.live).await?;
        self.parked = parked.into_iter().map(|parked| parked.position).collect();
        Ok(())
    }

    async fn now(&mut self) -> Result<crate::Timestamp> {
        let status = self.records.status(&mut *self.model).await?;
        status
            .map(|status| status.now)
            .ok_or_else(|| Error::invalid(format!("projection {:?} has been removed", self.records.name())))
    }

    /// Keeps what it holds.
    async fn renew(&mut self) -> Result<()> {
        if self.renewed.elapsed() < self.me.beat() {
            return Ok(());
        }
        let now = self.now().await?;
        let mut statements = vec![self.records.hold(now, self.me.lease)?];
        statements.extend(self.stay()?);
        self.model.run(statements).await?;
        self.renewed = Instant::now();
        Ok(())
    }

    /// Statements that fail unless it still holds every part.
    fn stay(&self) -> Result<Vec<Sql>> {
        let stay = |(part, claim): (&u32, &Claim)| {
            let place = Place { generation: self.status.live, part: *part };
            let to = Move { to: &claim.checkpoint, position: claim.position, events: 0, last: None };
            self.records.advance(place, claim, to)
        };
        self.held.iter().map(stay).collect()
    }

    /// Gives back what it holds. What it failed with counts for more than what giving back fails with.
    async fn ended<T>(mut self, result: Result<T>) -> Result<T> {
        let mut last = dropping(&self.scratch);
        for (part, claim) in std::mem::take(&mut self.held) {
            last.push(self.records.release(Place { generation: self.status.live, part }, &claim));
        }
        last.push(self.records.set("held_until", Value::Null));
        let given_back = self.model.run(last).await;
        let result = result?;
        given_back.map(|_| result)
    }

    async fn check(&mut self, check: &Check) -> Result<Checked> {
        let chosen = |key: &str| match check.keys.is_empty() {
            true => f64::from(part_of(key, GRAINS)) < check.sample * f64::from(GRAINS),
            false => check.keys.iter().any(|wanted| wanted == key),
        };
        self.begin().await?;
        let (mut keys, mut checked) =
            (check.keys.iter().cloned().collect::<BTreeSet<_>>(), Checked::default());
        let mut from = Position::START;
        while let Some((events, next)) = self.page(from, &chosen).await? {
            keys.extend(events.iter().map(|event| self.target.model.key_of(event).into_owned()));
            checked.events += events.len() as u64;
            self.fold(events).await?;
            from = next;
        }
        checked.keys = keys.len() as u64;
        let keys: Vec<String> = keys.into_iter().collect();
        let mut wrong = Vec::new();
        for keys in keys.chunks(KEYS) {
            self.renew().await?;
            wrong.extend(self.compare(keys).await?);
        }
        checked.wrong = wrong.len() as u64;
        let named: Vec<String> = wrong.iter().take(PARTED_MAX).cloned().collect();
        checked.parted = self.part(&named).await?;
        if check.heal {
            for key in &wrong {
                self.renew().await?;
                self.heal(key).await?;
            }
            checked.parted.iter_mut().for_each(|parted| parted.healed = true);
        }
        Ok(checked)
    }

    /// Takes the parts, and makes tables of its own.
    async fn begin(&mut self) -> Result<()> {
        self.hold().await?;
        self.model.create(self.records.scratch(&self.scratch)).await.map(drop)
    }

    async fn add(&mut self, columns: &[NewColumn]) -> Result<u64> {
        self.begin().await?;
        for column in columns {
            self.target.model.check_column(column)?;
        }
        let (mut folded, mut from) = (0, Position::START);
        while let Some((events, next)) = self.page(from, &|_| true).await? {
            folded += events.len() as u64;
            self.fold(events).await?;
            from = next;
        }
        let (live, scratch) = (self.status.tables(self.status.live), self.scratch.clone());
        let mut fill = self.stay()?;
        for NewColumn { table, name, definition } in columns {
            let key = self.target.model.key_columns.get(table).map_or("", String::as_str);
            let (own, scratch) = (live.own(table).unwrap_or(table), scratch.own(table).unwrap_or(table));
            let twice = format!("SELECT {key} FROM {scratch} GROUP BY {key} HAVING COUNT(*) > 1");
            let twice = self.model.run(vec![Sql::new(twice, [])]).await?;
            if twice.iter().any(|answer| !answer.rows.is_empty()) {
                return Err(Error::invalid(format!(
                    "several rows of table {table:?} have the same {key}, so a column cannot be filled by it: build the \
                     read model anew"
                )));
            }
            // It is there when this was cut off before, in a database where definitions commit.
            let there = Sql::new(format!("SELECT {name} FROM {own} WHERE 1 = 0"), []);
            if self.model.run(vec![there]).await.is_err() {
                self.renew().await?;
                let add = Sql::new(format!("ALTER TABLE {own} ADD {name} {definition}"), []);
                self.model.run(vec![add]).await?;
            }
            let text = format!(
                "UPDATE {own} SET {name} = (SELECT s.{name} FROM {scratch} s WHERE s.{key} = {own}.{key})"
            );
            fill.push(Sql::new(text, []));
        }
        fill.push(self.records.adopt(self.status.live, &self.target.model));
        fill.extend(self.records.views(&live));
        self.model.run(fill).await?;
        Ok(folded)
    }

    /// The next events that are in the serving tables, of keys that are chosen, and from where to go on.
    async fn page(
        &mut self,
        after: Position,
        chosen: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Option<(Vec<RecordedEvent>, Position)>> {
        self.renew().await?;
        let begun = match self.status.serving() {
            Some(live) => self.store.position_of(&live.begun_after).await?,
            None => Position::START,
        };
        let last = self.held.values().map(|claim| claim.position).max().unwrap_or(Position::START);
        let after = after.max(begun);
        if after >= last {
            return Ok(None);
        }
        let range = LogRange {
            query: self.target.model.query.clone(),
            from: after.next(),
            direction: Direction::Forward,
            limit: PAGE,
        };
        let page = self.store.log_page(range).await?;
        if page.events.is_empty() && page.end {
            return Ok(None);
        }
        let parts = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        let is_in = |event: &RecordedEvent| {
            let key = self.target.model.key_of(event);
            chosen(&key)
                && !self.parked.contains(&event.position)
                && self.held.get(&part_of(&key, parts)).is_some_and(|claim| event.position <= claim.position)
        };
        let events = page.events.into_iter().filter(is_in).collect();
        Ok(Some((events, page.through.max(after.next()))))
    }

    /// Takes events into the tables of its own.
    async fn fold(&mut self, events: Vec<RecordedEvent>) -> Result<()> {
        let take = (0..events.len()).collect();
        let batch = Batch { first: Vec::new(), tables: self.scratch.clone(), events: events.into(), take };
        let events = Arc::clone(&batch.events);
        match self.model.write(batch).await? {
            Written::All => Ok(()),
            Written::Refused { index, reason } => {
                let event = &events[index];
                let doing = format!("take in event {} at position {} again", event.event_id, event.position);
                Err(own_error(self.records.name(), &doing, reason))
            }
        }
    }

    /// The keys whose rows are not the same in both.
    async fn compare(&mut self, keys: &[String]) -> Result<Vec<String>> {
        let (live, scratch) = (self.status.tables(self.status.live), self.scratch.clone());
        let select = |tables: &Tables, key: &String| self.rows_of(tables, key);
        let statements: Vec<Sql> =
            keys.iter().flat_map(|key| [select(&live, key), select(&scratch, key)].concat()).collect();
        let answers = self.model.run(statements).await?;
        let tables = self.target.model.tables.len();
        let differ = |answers: &[Answer]| {
            let (live, scratch) = answers.split_at(tables);
            live.iter().zip(scratch).any(|(live, scratch)| sorted(live) != sorted(scratch))
        };
        let pairs = keys.iter().zip(answers.chunks(2 * tables));
        Ok(pairs.filter(|(_, answers)| differ(answers)).map(|(key, _)| key.clone()).collect())
    }

    /// Queries for the rows of a key, one a table.
    fn rows_of(&self, tables: &Tables, key: &str) -> Vec<Sql> {
        let row = self.records.row();
        let select = |(plain, own): (&str, &str)| {
            let column = self.target.model.key_columns.get(plain).map_or("", String::as_str);
            Sql::new(format!("SELECT {row} FROM {own} t WHERE t.{column} = ?"), [key.into()])
        };
        tables.iter().map(select).collect()
    }

    /// Says for each key from which event on its rows are wrong. Leaves what the events give in its own tables.
    async fn part(&mut self, keys: &[String]) -> Result<Vec<Parted>> {
        let wanted: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
        let mut events: BTreeMap<String, Vec<RecordedEvent>> = BTreeMap::new();
        let mut from = Position::START;
        while !wanted.is_empty()
            && let Some((page, next)) = self.page(from, &|key| wanted.contains(key)).await?
        {
            for event in page {
                events.entry(self.target.model.key_of(&event).into_owned()).or_default().push(event);
            }
            from = next;
        }
        let mut parted = Vec::new();
        for key in keys {
            let first = self.first(key, events.remove(key).unwrap_or_default()).await?;
            let (position, event_id) = first.unzip();
            parted.push(Parted { key: key.clone(), position, event_id, healed: false });
        }
        Ok(parted)
    }

    /// The event after the last one up to which the rows of a key are what its events give.
    async fn first(&mut self, key: &str, events: Vec<RecordedEvent>) -> Result<Option<(Position, EventId)>> {
        let clear = self.clearing(&self.scratch.clone(), key);
        self.model.run(clear).await?;
        let mut first = None;
        for event in events {
            self.renew().await?;
            if self.compare(&[key.to_owned()]).await?.is_empty() {
                first = Some((event.position, event.event_id));
            }
            self.fold(vec![event]).await?;
        }
        Ok(first)
    }

    fn clearing(&self, tables: &Tables, key: &str) -> Vec<Sql> {
        let clear = |(plain, own): (&str, &str)| {
            let column = self.target.model.key_columns.get(plain).map_or("", String::as_str);
            Sql::new(format!("DELETE FROM {own} WHERE {column} = ?"), [key.into()])
        };
        tables.iter().map(clear).collect()
    }

    /// Puts what the events give in the place of the rows of a key.
    async fn heal(&mut self, key: &str) -> Result<()> {
        let live = self.status.tables(self.status.live);
        let mut statements = self.stay()?;
        statements.extend(self.clearing(&live, key));
        for ((plain, own), (_, scratch)) in live.iter().zip(self.scratch.iter()) {
            let column = self.target.model.key_columns.get(plain).map_or("", String::as_str);
            let text = format!("INSERT INTO {own} SELECT * FROM {scratch} WHERE {column} = ?");
            statements.push(Sql::new(text, [key.into()]));
        }
        self.model.run(statements).await.map(drop)
    }
}

fn sorted(answer: &Answer) -> Vec<&Vec<Option<String>>> {
    let mut rows: Vec<_> = answer.rows.iter().collect();
    rows.sort();
    rows
}
