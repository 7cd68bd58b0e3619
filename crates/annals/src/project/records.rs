//! What is known about read models, in tables beside theirs: which generation serves, how far each part has
//! come, who owns it, what has been parked, and what somebody wishes. Whoever runs a read model looks here and
//! obeys; whoever wants something writes it here.

use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::event::RecordedEvent;
use crate::query::Position;
use crate::subscribe::Checkpoint;
use crate::time::Timestamp;

use super::ReadModel;
use super::session::{Answer, Creation, Dialect, Session, Sql, Value};
use super::status::{Generation, Part, Stage, Status};
use super::tables::Tables;

/// Which columns the tables have.
const FORMAT: u32 = 1;

/// The tables and their columns. Times are texts of RFC 3339, in UTC.
pub(crate) const TABLES: [(&str, &str); 6] = [
    ("projection_format", "version BIGINT NOT NULL PRIMARY KEY"),
    (
        "projections",
        "name {key} NOT NULL PRIMARY KEY, live BIGINT NOT NULL, paused BIGINT NOT NULL, pace BIGINT, \
         rebuild BIGINT NOT NULL, held_until {text}",
    ),
    (
        "projection_generations",
        "name {key} NOT NULL, generation BIGINT NOT NULL, stage {text} NOT NULL, fingerprint {text} NOT NULL, \
         table_names {text} NOT NULL, declared {text}, begun_after {text} NOT NULL, made_at {text} NOT NULL, \
         PRIMARY KEY (name, generation)",
    ),
    (
        "projection_parts",
        "name {key} NOT NULL, generation BIGINT NOT NULL, part BIGINT NOT NULL, resume_after {text} NOT NULL, \
         position BIGINT NOT NULL, events BIGINT NOT NULL, events_per_second BIGINT NOT NULL, \
         last_recorded_at {text}, owner {text}, epoch BIGINT NOT NULL, lease_until {text}, \
         stopped BIGINT NOT NULL, error {text}, failed_at {text}, PRIMARY KEY (name, generation, part)",
    ),
    (
        "projection_parked",
        "name {key} NOT NULL, generation BIGINT NOT NULL, position BIGINT NOT NULL, part BIGINT NOT NULL, \
         parked_key {text} NOT NULL, event_id {text} NOT NULL, event_type {text} NOT NULL, \
         stream_id {text} NOT NULL, skipped BIGINT NOT NULL, reason {text} NOT NULL, attempts BIGINT NOT NULL, \
         parked_at {text} NOT NULL, wish {text}, PRIMARY KEY (name, generation, position)",
    ),
    (
        "projection_runners",
        "name {key} NOT NULL, owner {key} NOT NULL, until {text} NOT NULL, PRIMARY KEY (name, owner)",
    ),
];

/// The statements about one read model.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    dialect: Dialect,
    name: String,
}

/// One part of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) generation: u32,
    pub(crate) part: u32,
}

/// That a part is one's own, until another takes it. What is written under an older claim is refused.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) position: Position,
    epoch: u64,
    /// The database's time when the part was claimed, and this machine's.
    since: (Timestamp, Instant),
    lease: Duration,
}

impl Claim {
    /// Until when it holds if it is renewed now, by the database's clock.
    fn until(&self) -> Result<String> {
        later(self.since.0, self.since.1.elapsed() + self.lease)
    }
}

/// How a part has moved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move<'a> {
    pub(crate) to: &'a Checkpoint,
    pub(crate) position: Position,
    pub(crate) events: u64,
    pub(crate) last: Option<&'a RecordedEvent>,
}

impl Records {
    pub(crate) fn new(dialect: Dialect, name: impl Into<String>) -> Self {
        Self { dialect, name: name.into() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// What a query selects of a table named `t` to compare its rows.
    pub(crate) fn row(&self) -> &'static str {
        self.dialect.row
    }

    pub(super) fn sql(&self, text: &str, values: impl IntoIterator<Item = Value>) -> Sql {
        let values = std::iter::once(Value::from(self.name.as_str())).chain(values);
        Sql::new(self.dialect.sql(text), values.collect::<Vec<_>>())
    }

    fn at(&self, place: Place, set: &str, values: impl IntoIterator<Item = Value>) -> Sql {
        let text =
            format!("UPDATE {{projection_parts}} SET {set} WHERE name = ? AND generation = ? AND part = ?");
        let mut values: Vec<Value> = values.into_iter().collect();
        values.extend([self.name.as_str().into(), place.generation.into(), place.part.into()]);
        Sql::new(self.dialect.sql(&text), values)
    }

    /// As [`at`](Self::at), while the claim holds.
    fn held(&self, place: Place, claim: &Claim, set: &str, values: impl IntoIterator<Item = Value>) -> Sql {
        let mut sql = self.at(place, set, values);
        sql.text.push_str(" AND epoch = ? AND position = ?");
        sql.values.extend([claim.epoch.into(), claim.position.0.into()]);
        sql.guard()
    }

    /// Everything there is to know; `None` when nobody has begun the read model.
    pub(crate) async fn status(&self, session: &mut dyn Session) -> Result<Option<Status>> {
        let statements = [
            "SELECT live, paused, pace, rebuild, {now}, held_until FROM {projections} WHERE name = ?",
            "SELECT generation, stage, fingerprint, table_names, begun_after, made_at, declared FROM {projection_generations} \
             WHERE name = ? ORDER BY generation",
            "SELECT generation, part, resume_after, position, events, events_per_second, last_recorded_at, owner, \
             lease_until, stopped, error, failed_at FROM {projection_parts} WHERE name = ? \
             ORDER BY generation, part",
            "SELECT generation, part, COUNT(*) FROM {projection_parked} WHERE name = ? AND skipped = 0 \
             GROUP BY generation, part",
            "SELECT owner, until FROM {projection_runners} WHERE name = ?",
        ];
        let statements = statements.map(|text| self.sql(text, []));
        let answers = session.run(statements.into()).await?;
        let [own, generations, parts, parked, runners] = answers.as_slice() else {
            return Err(Error::new(ErrorKind::Internal, "a statement without an answer"));
        };
        let Some(own) = rows(own).next() else { return Ok(None) };
        let now: Timestamp = own.parse(4)?;
        let mut status = Status {
            name: self.name.clone(),
            live: own.parse(0)?,
            paused: own.parse::<u64>(1)? != 0,
            pace: own.maybe(2)?,
            rebuild: own.parse::<u64>(3)? != 0,
            held_until: own.maybe(5)?,
            runners: 0,
            now,
            generations: Vec::new(),
        };
        for row in rows(generations) {
            status.generations.push(Generation {
                number: row.parse(0)?,
                stage: row.parse(1)?,
                fingerprint: row.text(2)?.to_owned(),
                tables: row.text(3)?.split_whitespace().map(str::to_owned).collect(),
                begun_after: row.parse(4)?,
                made_at: row.parse(5)?,
                declared: row.maybe(6)?,
                parts: Vec::new(),
            });
        }
        for row in rows(parts) {
            let part = Part {
                number: row.parse(1)?,
                checkpoint: row.parse(2)?,
                position: Position(row.parse(3)?),
                events: row.parse(4)?,
                events_per_second: row.parse(5)?,
                last_recorded_at: row.maybe(6)?,
                owner: row.maybe(7)?,
                lease_until: row.maybe(8)?,
                stopped: row.parse::<u64>(9)? != 0,
                error: row.maybe(10)?,
                failed_at: row.maybe(11)?,
                parked: 0,
            };
            let generation: u32 = row.parse(0)?;
            if let Some(generation) = status.generations.iter_mut().find(|known| known.number == generation) {
                generation.parts.push(part);
            }
        }
        for row in rows(parked) {
            let place = Place { generation: row.parse(0)?, part: row.parse(1)? };
            if let Some(part) = status.part_mut(place) {
                part.parked = row.parse(2)?;
            }
        }
        for row in rows(runners) {
            status.runners += u32::from(row.parse::<Timestamp>(1)? > now);
        }
        Ok(Some(status))
    }

    /// Makes a generation of a read model, unless another has been quicker. The first one serves at once.
    pub(crate) fn creation(
        &self,
        model: &ReadModel,
        before: Option<&Status>,
        start: &Checkpoint,
        at: Position,
    ) -> Creation {
        let number = before.map_or(0, Status::newest) + 1;
        let as_before = before.and_then(Status::serving).map_or(1, Generation::partitions);
        let parts = model.partitions.unwrap_or(as_before);
        let tables = Tables::new(&model.tables, number);
        let unless = self.made(number);
        let stage = if number == 1 { Stage::Live } else { Stage::Building };
        let mut then = Vec::new();
        if number == 1 {
            then.extend(self.views(&tables));
            then.push(self.sql(
                "INSERT INTO {projections} (name, live, paused, pace, rebuild, held_until) VALUES (?, 1, 0, NULL, 0, NULL)",
                [],
            ));
        } else {
            then.push(self.set("rebuild", Value::from(0_u32)));
        }
        let made_at = Timestamp::now().to_string();
        then.push(self.sql(
            "INSERT INTO {projection_generations} (name, generation, stage, fingerprint, table_names, begun_after, \
             made_at, declared) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                number.into(),
                stage.as_str().into(),
                model.fingerprint().as_str().into(),
                model.tables.join(" ").as_str().into(),
                start.as_str().into(),
                made_at.as_str().into(),
                model.declared.as_deref().into(),
            ],
        ));
        then.extend((0..parts).map(|part| {
            self.sql(
                "INSERT INTO {projection_parts} (name, generation, part, resume_after, position, events, \
                 events_per_second, last_recorded_at, owner, epoch, lease_until, stopped, error, failed_at) \
                 VALUES (?, ?, ?, ?, ?, 0, 0, NULL, NULL, 0, NULL, 0, NULL, NULL)",
                [number.into(), part.into(), start.as_str().into(), at.0.into()],
            )
        }));
        Creation { unless, clean: dropping(&tables), tables, then }
    }

    /// Makes tables that are no generation.
    pub(crate) fn scratch(&self, tables: &Tables) -> Creation {
        let (unless, clean) = (self.made(0), dropping(tables));
        Creation { unless, clean, tables: tables.clone(), then: Vec::new() }
    }

    fn made(&self, number: u32) -> Sql {
        self.sql(
            "SELECT generation FROM {projection_generations} WHERE name = ? AND generation = ?",
            [number.into()],
        )
    }

    pub(super) fn views(&self, tables: &Tables) -> Vec<Sql> {
        let view = |(plain, own): (&str, &str)| (self.dialect.view)(plain, own);
        tables.iter().flat_map(view).map(|text| Sql::new(text, [])).collect()
    }

    /// Lets a generation serve in the place of the one that does: if it is to have `caught_up` with that one, only
    /// then. What still writes to the one that served is refused from here on.
    ///
    /// # Errors
    /// A conflict when another has been quicker, or it has not caught up.
    pub(crate) async fn serve(
        &self,
        session: &mut dyn Session,
        status: &Status,
        number: u32,
        caught_up: bool,
    ) -> Result<()> {
        // Locks the rows of the one that serves: where it stands cannot change until the commit.
        let fence = self.sql(
            "UPDATE {projection_parts} SET epoch = epoch + 1, owner = NULL, lease_until = NULL \
             WHERE name = ? AND generation = ?",
            [status.live.into()],
        );
        let mut take = self
            .sql("UPDATE {projections} SET live = ? WHERE name = ? AND live = ?", [status.live.into()])
            .with_first(number)
            .guard();
        if caught_up {
            let position = "FROM {projection_parts} WHERE name = ? AND generation = ?";
            let compare =
                format!(" AND (SELECT MIN(position) {position}) >= (SELECT MAX(position) {position})");
            take.text.push_str(&self.dialect.sql(&compare));
            let name = || Value::from(self.name.as_str());
            take.values.extend([name(), number.into(), name(), status.live.into()]);
        }
        let mut statements = vec![fence, take, self.stage(number, Stage::Live)];
        statements.extend(self.views(&status.tables(number)));
        // Last, for `finish`.
        statements.push(self.stage(status.live, Stage::Retired));
        session.run(statements).await.map(drop)
    }

    /// Finishes a switch that was cut off. Databases in which definitions commit then have two generations that are
    /// said to be live, and readers may still be served from the one that no longer is.
    pub(crate) async fn finish(&self, session: &mut dyn Session, status: &Status) -> Result<()> {
        let is_left = |it: &&Generation| it.stage == Stage::Live && it.number != status.live;
        let Some(left) = status.generations.iter().find(is_left) else { return Ok(()) };
        let still = self
            .sql("UPDATE {projections} SET live = ? WHERE name = ? AND live = ?", [status.live.into()])
            .with_first(status.live)
            .guard();
        let mut statements = vec![still];
        statements.extend(self.views(&status.tables(status.live)));
        statements.push(self.stage(left.number, Stage::Retired));
        match session.run(statements).await {
            // Somebody has switched again, and finishes that.
            Err(error) if error.conflict().is_some() => Ok(()),
            done => done.map(drop),
        }
    }

    fn stage(&self, number: u32, stage: Stage) -> Sql {
        self.sql(
            "UPDATE {projection_generations} SET stage = ? WHERE name = ? AND generation = ?",
            [number.into()],
        )
        .with_first(stage.as_str())
    }

    /// Throws a generation and its tables away.
    pub(crate) async fn forget(&self, session: &mut dyn Session, status: &Status, number: u32) -> Result<()> {
        let known = ["projection_parked", "projection_parts", "projection_generations"];
        let text = |table| format!("DELETE FROM {{{table}}} WHERE name = ? AND generation = ?");
        let mut statements: Vec<Sql> = known.map(|table| self.sql(&text(table), [number.into()])).into();
        // Where dropping commits, nobody is to go back to tables that are gone.
        statements.extend(dropping(&status.tables(number)));
        session.run(statements).await.map(drop)
    }

    /// Throws the whole read model away.
    pub(crate) async fn remove(&self, session: &mut dyn Session, status: &Status) -> Result<()> {
        for generation in &status.generations {
            let views = status.tables(generation.number);
            if generation.number == status.live {
                let drop_view =
                    |(plain, _): (&str, &str)| Sql::new(format!("DROP VIEW IF EXISTS {plain}"), []);
                session.run(views.iter().map(drop_view).collect()).await?;
            }
            self.forget(session, status, generation.number).await?;
        }
        let tables = ["projection_runners", "projections"];
        let delete = |table| self.sql(&format!("DELETE FROM {{{table}}} WHERE name = ?"), []);
        session.run(tables.map(delete).into()).await.map(drop)
    }

    /// Writes down what is wanted of the read model as a whole.
    pub(crate) fn set(&self, column: &str, value: Value) -> Sql {
        self.sql(&format!("UPDATE {{projections}} SET {column} = ? WHERE name = ?"), []).with_first(value)
    }

    /// Asks everybody to leave the read model alone for some seconds.
    pub(crate) fn hold(&self, now: Timestamp, lease: Duration) -> Result<Sql> {
        Ok(self.set("held_until", later(now, lease)?.as_str().into()))
    }

    /// That this code is what made a generation.
    pub(crate) fn adopt(&self, number: u32, model: &ReadModel) -> Sql {
        let mut sql = self.sql(
            "UPDATE {projection_generations} SET fingerprint = ?, declared = ? WHERE name = ? AND generation = ?",
            [number.into()],
        );
        sql.values.splice(0..0, [model.fingerprint().as_str().into(), model.declared.as_deref().into()]);
        sql
    }

    /// Lets parts that have stopped at an event try again.
    pub(crate) fn resume(&self) -> Sql {
        self.sql("UPDATE {projection_parts} SET stopped = 0 WHERE name = ? AND stopped = 1", [])
    }

    /// Says that somebody runs the read model, and for how long that is to be believed.
    pub(crate) async fn sign(
        &self,
        session: &mut dyn Session,
        owner: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<()> {
        let until = later(now, lease)?;
        let sign = self
            .sql("UPDATE {projection_runners} SET until = ? WHERE name = ? AND owner = ?", [owner.into()])
            .with_first(until.as_str());
        let gone = self.sql(
            "DELETE FROM {projection_runners} WHERE name = ? AND until < ?",
            [now.to_string().as_str().into()],
        );
        let answers = session.run(vec![sign, gone]).await?;
        if answers.first().is_some_and(|signed| signed.changed == 0) {
            let text = "INSERT INTO {projection_runners} (name, owner, until) VALUES (?, ?, ?)";
            session.run(vec![self.sql(text, [owner.into(), until.as_str().into()])]).await?;
        }
        Ok(())
    }

    pub(crate) async fn leave(&self, session: &mut dyn Session, owner: &str) -> Result<()> {
        let text = "DELETE FROM {projection_runners} WHERE name = ? AND owner = ?";
        session.run(vec![self.sql(text, [owner.into()])]).await.map(drop)
    }

    /// Takes a part that nobody owns, or whose owner has not been heard of for as long as its lease lasts;
    /// `None` while another has it.
    pub(crate) async fn claim(
        &self,
        session: &mut dyn Session,
        place: Place,
        owner: &str,
        lease: Duration,
    ) -> Result<Option<Claim>> {
        let text = "SELECT resume_after, position, owner, epoch, lease_until, {now} FROM {projection_parts} \
                    WHERE name = ? AND generation = ? AND part = ?";
        let look = self.sql(text, [place.generation.into(), place.part.into()]);
        let answers = session.run(vec![look]).await?;
        let Some(found) = answers.first().and_then(|answer| rows(answer).next()) else {
            return Ok(None);
        };
        let (holder, until, now): (Option<String>, Option<Timestamp>, Timestamp) =
            (found.maybe(2)?, found.maybe(4)?, found.parse(5)?);
        if holder.is_some_and(|holder| holder != owner) && until.is_some_and(|until| until > now) {
            return Ok(None);
        }
        let before: u64 = found.parse(3)?;
        let claim = Claim {
            checkpoint: found.parse(0)?,
            position: Position(found.parse(1)?),
            epoch: before + 1,
            since: (now, Instant::now()),
            lease,
        };
        let mut take = self.at(
            place,
            "owner = ?, epoch = ?, lease_until = ?",
            [owner.into(), claim.epoch.into(), claim.until()?.as_str().into()],
        );
        // Whoever renews in between keeps it: the lease is then another.
        take.text.push_str(" AND epoch = ?");
        take.values.push(before.into());
        match until {
            Some(until) => {
                take.text.push_str(" AND lease_until = ?");
                take.values.push(until.to_string().as_str().into());
            }
            None => take.text.push_str(" AND lease_until IS NULL"),
        }
        let taken = session.run(vec![take]).await?;
        Ok(taken.first().is_some_and(|answer| answer.changed > 0).then_some(claim))
    }

    /// Moves a part on, and renews its lease. Comes first in its transaction: it locks the part's row.
    pub(crate) fn advance(&self, place: Place, claim: &Claim, to: Move<'_>) -> Result<Sql> {
        let mut set = "resume_after = ?, position = ?, events = events + ?, lease_until = ?".to_owned();
        let mut values: Vec<Value> = vec![
            to.to.as_str().into(),
            to.position.0.into(),
            to.events.into(),
            claim.until()?.as_str().into(),
        ];
        if let Some(last) = to.last {
            set.push_str(", last_recorded_at = ?, error = NULL, failed_at = NULL");
            values.push(last.recorded_at.to_string().as_str().into());
        }
        Ok(self.held(place, claim, &set, values))
    }

    /// Says how fast a part moves.
    pub(crate) fn pace(&self, place: Place, claim: &Claim, events_per_second: u64) -> Sql {
        self.held(place, claim, "events_per_second = ?", [events_per_second.into()])
    }

    /// Writes down why a part does not get on.
    pub(crate) fn fail(&self, place: Place, reason: &str, stopped: bool) -> Sql {
        let failed_at = Timestamp::now().to_string();
        let mut set = "error = ?, failed_at = ?".to_owned();
        if stopped {
            set.push_str(", stopped = 1");
        }
        self.at(place, &set, [reason.into(), failed_at.as_str().into()])
    }

    pub(crate) fn release(&self, place: Place, claim: &Claim) -> Sql {
        let mut sql = self.at(place, "owner = NULL, lease_until = NULL, events_per_second = 0", []);
        sql.text.push_str(" AND epoch = ?");
        sql.values.push(claim.epoch.into());
        sql
    }
}

/// Every read model in a database, by name.
///
/// # Errors
/// As [`check_format`].
pub(crate) async fn names(session: &mut dyn Session, dialect: &Dialect) -> Result<Vec<String>> {
    let known = session.run(vec![Sql::new(dialect.known.clone(), [])]).await?;
    if known.iter().all(|answer| answer.rows.is_empty()) {
        return Ok(Vec::new());
    }
    check_format(session, dialect).await?;
    let sql = Sql::new(dialect.sql("SELECT name FROM {projections} ORDER BY name"), []);
    let answers = session.run(vec![sql]).await?;
    answers.iter().flat_map(rows).map(|row| row.text(0).map(str::to_owned)).collect()
}

/// The statements that make the tables, where they are missing.
pub(crate) fn definitions(dialect: &Dialect) -> Vec<String> {
    let table = |(name, columns): &(&str, &str)| {
        (dialect.table)(&dialect.sql(&format!("{{{name}}}")), &dialect.sql(columns))
    };
    let format = format!(
        "INSERT INTO {{projection_format}} (version) \
         SELECT {FORMAT} FROM (SELECT COUNT(*) AS formats FROM {{projection_format}}) f WHERE formats = 0"
    );
    TABLES.iter().map(table).chain([dialect.sql(&format)]).collect()
}

/// # Errors
/// Invalid when a newer Annals made the tables.
pub(crate) async fn check_format(session: &mut dyn Session, dialect: &Dialect) -> Result<()> {
    let sql = Sql::new(dialect.sql("SELECT MAX(version) FROM {projection_format}"), []);
    let answers = session.run(vec![sql]).await?;
    match answers.iter().flat_map(rows).next().map(|row| row.parse::<u32>(0)).transpose()? {
        Some(format) if format > FORMAT => Err(Error::invalid(format!(
            "a newer Annals keeps track of the read models of this database: the format of its tables is {format}, \
             this one knows up to {FORMAT}; upgrade Annals"
        ))),
        _ => Ok(()),
    }
}

pub(super) fn dropping(tables: &Tables) -> Vec<Sql> {
    tables.iter().map(|(_, own)| Sql::new(format!("DROP TABLE IF EXISTS {own}"), [])).collect()
}

fn later(time: Timestamp, by: Duration) -> Result<String> {
    let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_unix_micros(time.unix_micros().saturating_add(micros)).map(|time| time.to_string())
}

impl Sql {
    /// For a parameter that comes before the read model's name.
    pub(super) fn with_first(mut self, value: impl Into<Value>) -> Self {
        self.values.insert(0, value.into());
        self
    }
}

/// A row of text, read as what it says.
pub(super) struct Row<'a>(&'a [Option<String>]);

pub(super) fn rows(answer: &Answer) -> impl Iterator<Item = Row<'_>> {
    answer.rows.iter().map(|row| Row(row))
}

impl Row<'_> {
    pub(super) fn text(&self, column: usize) -> Result<&str> {
        self.0.get(column).and_then(Option::as_deref).ok_or_else(|| {
            Error::new(
                ErrorKind::Corrupt,
                format!("nothing in column {column} of what is known of a projection"),
            )
        })
    }

    pub(super) fn parse<T: std::str::FromStr>(&self, column: usize) -> Result<T> {
        let text = self.text(column)?;
        text.parse().map_err(|_| {
            Error::new(
                ErrorKind::Corrupt,
                format!("{text:?} in what is known of a projection is not understood"),
            )
        })
    }

    pub(super) fn maybe<T: std::str::FromStr>(&self, column: usize) -> Result<Option<T>> {
        match self.0.get(column) {
            Some(Some(_)) => self.parse(column).map(Some),
            _ => Ok(None),
        }
    }
}
