//! Looking at some events of a log: of each type the first, the last and some between; and at how long streams are.
//! A small log is looked through, of a large one only windows that an index leads to.

mod columns;
mod event;
mod streams;

use std::collections::BTreeMap;

use annals_model::sample::Sample;
use annals_model::shape::StoreShape;
use annals_model::shape::roles::{EventLog, Roles};
use tokio::time::{Duration, Instant};

use super::asking::{Ask, Cell, Refused, Row};

use self::columns::Columns;

/// Tests have smaller logs.
const SCALE: u64 = if cfg!(test) { 1 } else { 10 };

/// A log of no more events is looked through.
const SMALL_MAX: u64 = 20_000 * SCALE;

/// How many events of a larger log each of three windows has.
const WINDOW: u64 = 2_000 * SCALE;

/// How many events an answer has at most.
const ANSWER_MAX: u64 = 20_000;

/// How many types are told apart.
const TYPES_MAX: usize = 1_000;

/// After this time no further statement is begun.
const ALL_MAX: Duration = Duration::from_secs(120);

/// Looks at the largest log of a store. Nothing where there is none, or none that may be read.
pub(super) async fn read(
    ask: &mut impl Ask,
    shape: &StoreShape,
    places: &BTreeMap<String, String>,
    per_type: u32,
    notes: &mut Vec<String>,
) -> Option<Sample> {
    let roles = Roles::of(shape);
    let log = roles.logs.iter().max_by_key(|log| log.table.rows.unwrap_or(0))?;
    let others = roles.logs.iter().filter(|other| !std::ptr::eq(other.table, log.table));
    for other in others {
        notes.push(format!(
            "events of {} were not looked at, those of {} were",
            other.table.name, log.table.name
        ));
    }
    let columns = Columns::of(ask.dialect(), log, places)?;
    let mut sample = Sample::default();
    sample.name.clone_from(&shape.name);
    let mut reading = Reading {
        ask,
        log,
        columns,
        per_type: u64::from(per_type),
        sample,
        notes,
        until: Instant::now() + ALL_MAX,
    };
    match reading.all().await {
        Ok(()) => {
            reading.sample.settle();
            Some(reading.sample)
        }
        Err(refused) => {
            notes.push(format!("events of {} could not be looked at: {refused}", log.table.name));
            None
        }
    }
}

/// A log that is being looked at.
struct Reading<'r, 's, A> {
    ask: &'r mut A,
    log: &'r EventLog<'s>,
    columns: Columns,
    per_type: u64,
    sample: Sample,
    notes: &'r mut Vec<String>,
    until: Instant,
}

/// Which end of a log a window is at.
#[derive(Debug, Clone)]
enum Window {
    First,
    Last,
    From(String),
}

impl<A: Ask> Reading<'_, '_, A> {
    async fn all(&mut self) -> Result<(), Refused> {
        let count = self.columns.count(SMALL_MAX + 1);
        let counted = self.ask.ask(&count).await?.first().and_then(|row| row.number("n")).unwrap_or(0);
        let is_small = counted <= SMALL_MAX;
        self.sample.events = if is_small { Some(counted) } else { self.log.table.rows };
        if self.columns.event_type.is_none() {
            self.note("has no column for the kind of event, so events were not looked at");
        } else if is_small {
            self.small().await?;
        } else {
            self.large().await?;
        }
        streams::read(self, is_small).await;
        Ok(())
    }

    /// Everything is counted, and events are taken from anywhere.
    async fn small(&mut self) -> Result<(), Refused> {
        for row in self.ask.ask(&self.columns.types(TYPES_MAX)).await? {
            if let Some(name) = row.maybe("t") {
                self.sample.types.entry(name.to_owned()).or_default().events = row.number("n");
            }
        }
        match self.columns.order {
            Some(_) => self.windows(SMALL_MAX).await,
            None => self.anywhere().await,
        }
    }

    /// By the index on types, or else what three windows hold.
    async fn large(&mut self) -> Result<(), Refused> {
        if self.columns.order.is_some() && self.columns.is_by_type {
            return self.by_type().await;
        }
        if !self.columns.is_in_order {
            self.note(&format!(
                "has no index that leads to its ends, so any {ANSWER_MAX} events were looked at"
            ));
            return self.anywhere().await;
        }
        self.note(&format!(
            "has no index on type and position, so event types were looked for among {WINDOW} events at its \
             beginning, at its end and in the middle"
        ));
        self.windows(WINDOW).await
    }

    async fn windows(&mut self, events: u64) -> Result<(), Refused> {
        let quarter = (self.per_type / 4).max(1);
        let middle = self.middle(None).await?.map(Window::From);
        for (window, of_each) in [(Window::First, quarter), (Window::Last, quarter)]
            .into_iter()
            .chain(middle.map(|window| (window, quarter * 2)))
        {
            if self.is_late() {
                break;
            }
            let rows = self.ask.ask(&self.columns.window(&window, events, of_each, ANSWER_MAX)).await?;
            if rows.len() as u64 >= ANSWER_MAX {
                self.note(&format!(
                    "has so many types that only {ANSWER_MAX} events of a window were looked at"
                ));
            }
            self.take(&rows);
        }
        Ok(())
    }

    /// One type after the other, each found by the index.
    async fn by_type(&mut self) -> Result<(), Refused> {
        let quarter = (self.per_type / 4).max(1);
        let mut last = None;
        for _ in 0..TYPES_MAX {
            let Some(row) = self.ask.ask(&self.columns.next_type(last.as_ref())).await?.into_iter().next()
            else {
                return Ok(());
            };
            let event_type = row.cell("t").clone();
            let middle = self.middle(Some(&event_type)).await?.map(Window::From);
            for (window, limit) in [(Window::First, quarter), (Window::Last, quarter)]
                .into_iter()
                .chain(middle.map(|window| (window, quarter * 2)))
            {
                let rows = self.ask.ask(&self.columns.of_type(&event_type, &window, limit)).await?;
                self.take(&rows);
            }
            if self.is_late() {
                return Ok(());
            }
            last = Some(event_type);
        }
        self.note(&format!(
            "has more than {TYPES_MAX} event types, of which the first by name were looked at"
        ));
        Ok(())
    }

    /// Without an order there are no ends.
    async fn anywhere(&mut self) -> Result<(), Refused> {
        let rows = self.ask.ask(&self.columns.anywhere(ANSWER_MAX)).await?;
        let mut taken: BTreeMap<String, u64> = BTreeMap::new();
        let per_type = self.per_type;
        let is_wanted = |row: &Row| {
            let taken = taken.entry(row.text("t").to_owned()).or_default();
            *taken += 1;
            *taken <= per_type
        };
        let wanted: Vec<Row> = rows.into_iter().filter(is_wanted).collect();
        self.take(&wanted);
        Ok(())
    }

    /// The position in the middle between the first and the last, as a literal; none where it is no number.
    async fn middle(&mut self, event_type: Option<&Cell>) -> Result<Option<String>, Refused> {
        let rows = self.ask.ask(&self.columns.ends(event_type)).await?;
        let end = |name: &str| rows.first().and_then(|row| row.text(name).parse::<i128>().ok());
        Ok(end("a").zip(end("z")).map(|(first, last)| (first + (last - first) / 2).to_string()))
    }

    fn take(&mut self, rows: &[Row]) {
        for row in rows {
            event::take(&mut self.sample, &self.columns, row);
        }
    }

    /// Says something of the log.
    fn note(&mut self, what: &str) {
        self.notes.push(format!("{} {what}", self.log.table.name));
    }

    /// Whether the time is up.
    fn is_late(&mut self) -> bool {
        let is_late = Instant::now() > self.until;
        if is_late {
            self.note(&format!("was looked at for {} s, and the rest left", ALL_MAX.as_secs()));
        }
        is_late
    }
}
