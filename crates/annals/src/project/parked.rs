//! Events that are set aside: writing them down, and what somebody wishes of them.

use crate::error::Result;
use crate::event::RecordedEvent;
use crate::query::Position;
use crate::time::Timestamp;

use super::records::{Place, Records, Row, rows};
use super::session::{Session, Sql, Value};
use super::status::Parked;

/// What the tool, or somebody else, wishes of parked events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Retry,
    Drop,
}

impl Wish {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Drop => "drop",
        }
    }
}

/// Why an event is set aside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parking<'a> {
    pub(crate) skipped: bool,
    pub(crate) reason: &'a str,
    pub(crate) attempts: u32,
}

impl Records {
    /// Sets an event aside.
    pub(crate) fn park(&self, place: Place, key: &str, event: &RecordedEvent, parking: &Parking<'_>) -> Sql {
        self.sql(
            "INSERT INTO {projection_parked} (name, generation, position, part, parked_key, event_id, event_type, \
             stream_id, skipped, reason, attempts, parked_at, wish) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            [
                place.generation.into(),
                event.position.0.into(),
                place.part.into(),
                marked(key),
                event.event_id.to_string().as_str().into(),
                event.event_type.as_str().into(),
                event.stream_id.as_str().into(),
                u32::from(parking.skipped).into(),
                parking.reason.into(),
                parking.attempts.into(),
                Timestamp::now().to_string().as_str().into(),
            ],
        )
    }

    /// What has been set aside, in order.
    pub(crate) async fn parked(&self, session: &mut dyn Session, generation: u32) -> Result<Vec<Parked>> {
        let text = "SELECT position, part, parked_key, event_id, event_type, stream_id, skipped, reason, attempts, \
                    parked_at, wish FROM {projection_parked} WHERE name = ? AND generation = ? ORDER BY position";
        let answers = session.run(vec![self.sql(text, [generation.into()])]).await?;
        let parked = answers.iter().flat_map(rows).map(|row| {
            Ok(Parked {
                position: Position(row.parse(0)?),
                part: row.parse(1)?,
                key: row.key(2)?,
                event_id: row.text(3)?.parse()?,
                event_type: row.text(4)?.to_owned(),
                stream_id: row.text(5)?.to_owned(),
                skipped: row.parse::<u64>(6)? != 0,
                reason: row.text(7)?.to_owned(),
                attempts: row.parse(8)?,
                parked_at: row.parse(9)?,
                wish: row.maybe(10)?,
            })
        });
        parked.collect()
    }

    /// The keys of a part whose events are set aside.
    pub(crate) async fn parked_keys(&self, session: &mut dyn Session, place: Place) -> Result<Vec<String>> {
        let text = "SELECT DISTINCT parked_key FROM {projection_parked} WHERE name = ? AND generation = ? \
                    AND part = ? AND skipped = 0";
        let sql = self.sql(text, [place.generation.into(), place.part.into()]);
        let answers = session.run(vec![sql]).await?;
        answers.iter().flat_map(rows).map(|row| row.key(0)).collect()
    }

    /// What is wished of the keys of a part.
    pub(crate) async fn wishes(
        &self,
        session: &mut dyn Session,
        place: Place,
    ) -> Result<Vec<(String, Wish)>> {
        let text = "SELECT DISTINCT parked_key, wish FROM {projection_parked} WHERE name = ? AND generation = ? \
                    AND part = ? AND skipped = 0 AND wish IS NOT NULL";
        let sql = self.sql(text, [place.generation.into(), place.part.into()]);
        let answers = session.run(vec![sql]).await?;
        let wishes = answers.iter().flat_map(rows).map(|row| {
            let wish = if row.text(1)? == Wish::Drop.as_str() { Wish::Drop } else { Wish::Retry };
            Ok((row.key(0)?, wish))
        });
        wishes.collect()
    }

    /// Wishes something of the events of a key, or of all, that are set aside.
    pub(crate) fn wish(&self, generation: u32, key: Option<&str>, wish: Option<Wish>) -> Sql {
        let mut sql = self
            .sql(
                "UPDATE {projection_parked} SET wish = ? WHERE name = ? AND generation = ? AND skipped = 0",
                [generation.into()],
            )
            .with_first(wish.map(Wish::as_str));
        if let Some(key) = key {
            sql.text.push_str(" AND parked_key = ?");
            sql.values.push(marked(key));
        }
        sql
    }

    /// One event is set aside no more.
    pub(crate) fn unpark(&self, place: Place, position: Position) -> Sql {
        self.sql(
            "DELETE FROM {projection_parked} WHERE name = ? AND generation = ? AND position = ?",
            [place.generation.into(), position.0.into()],
        )
        .guard()
    }

    /// None of a key is.
    pub(crate) fn unpark_key(&self, place: Place, key: &str) -> Sql {
        self.sql(
            "DELETE FROM {projection_parked} WHERE name = ? AND generation = ? AND parked_key = ? AND skipped = 0",
            [place.generation.into(), marked(key)],
        )
    }

    /// An event has failed again.
    pub(crate) fn parked_again(&self, place: Place, position: Position, reason: &str) -> Sql {
        let mut sql = self.sql(
            "UPDATE {projection_parked} SET reason = ?, attempts = attempts + 1 WHERE name = ? AND generation = ? \
             AND position = ?",
            [place.generation.into(), position.0.into()],
        );
        sql.values.insert(0, reason.into());
        sql
    }
}

impl Row<'_> {
    fn key(&self, column: usize) -> Result<String> {
        self.text(column).map(|text| text.strip_suffix(KEY_END).unwrap_or(text).to_owned())
    }
}

/// A key as it is stored. To some databases 'a' and 'a ' are the same, but not if something stands behind.
fn marked(key: &str) -> Value {
    Value::Text(format!("{key}{KEY_END}"))
}

const KEY_END: char = '|';
