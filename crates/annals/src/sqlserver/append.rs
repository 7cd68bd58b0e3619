//! Writing: a batch is one transaction, which takes the store's application lock before it reads anything, so
//! that versions, ids and conditions are read after every earlier writer has committed, by statements at READ
//! COMMITTED. Those see what was committed before they began, whether the database keeps versions of rows for
//! them (READ_COMMITTED_SNAPSHOT) or locks: the lock comes before the snapshot. Positions become visible in
//! their order (rule 9), since the server gives the lock up at the end of the transaction, when it is durable.

use std::collections::HashMap;

use tiberius::Row as DbRow;
use tiberius::error::Error as Failure;

use crate::append::{Append, Appended};
use crate::backend::{Direction, LogRange};
use crate::error::{Error, ErrorKind, Result};
use crate::query::Position;
use crate::sql::{
    Attempts, Found, Identity, Ids, Optimist, Parameter, Positions, Refusal, Row, Tail, Wanted, gone,
    versions,
};
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

use super::connect::{Client, Connection, LOCK_WAIT_MAX, Param, batch as run, query};
use super::error;
use super::row::{self, Counting, Documents, Fields};
use super::schema::Statements;

const DOING: &str = "could not append";

/// A batch up to here goes to the procedure that writes it in one round trip. Larger ones are written in parts.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// What one part carries, unless one row alone is larger.
const PART_BYTES_MAX: usize = 2 << 20;

/// The most rows of one part.
const ROWS_MAX: usize = 512;

const BEGIN: &str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;\nBEGIN TRANSACTION;\n";

/// Ends what an error may have left, and is nothing where the server has ended it.
pub(super) const ROLLBACK: &str = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION";

/// What writing needs to know of its store.
pub(super) struct Writer<'a> {
    pub(super) statements: &'a Statements,
    pub(super) identity: &'a Identity,
    pub(super) counting: Counting,
}

impl Attempts for Writer<'_> {
    type Connection = Connection;
    type Failure = Failure;

    const AT_ONCE_BYTES_MAX: usize = BATCH_BYTES_MAX;

    fn identity(&self) -> &Identity {
        self.identity
    }

    async fn append_at_once(
        &self,
        connection: &mut Connection,
        optimist: &Optimist<'_>,
        batch: &[Append],
    ) -> Result<Option<Vec<Appended>>, Refusal<Failure>> {
        let documents = Documents::of_batch(optimist, self.counting)?;
        let params = vec![
            Param::Text(lock_name(self.identity)),
            Param::Uuid(self.identity.store_id.0),
            Param::Time(Timestamp::now()),
            Param::Text(documents.streams),
            count(optimist.events.len()),
            Param::Text(documents.events),
            Param::Text(documents.tags),
            Param::Text(documents.texts),
            Param::Bytes(documents.bytes),
        ];
        let sets = match connection.query(&self.statements.call_append, params).await {
            Ok(sets) => sets,
            Err(e) if error::is_of_request(&e) => return Err(Refusal::Row(e)),
            Err(e) => return Err(error::of_commit(DOING, e).into()),
        };
        let mut answer = Fields::from(sets.into_iter().flatten().next().ok_or_else(gone)?);
        let Some(before) = answer.integer(0)?.and_then(|before| u64::try_from(before).ok()) else {
            return Ok(None);
        };
        let versions = versions(&answer.required(1)?)?;
        Ok(Some(optimist.answers(self.identity.store_id, Position(before), &versions, batch)))
    }

    /// One round trip locks and looks up; then come the rows, and one that commits.
    async fn try_append(
        &self,
        connection: &mut Connection,
        ids: Ids,
        batch: &[Append],
    ) -> Result<(Vec<Result<Appended>>, Position), Refusal<Failure>> {
        let (results, last) = match self.decide_and_write(connection.driver(), BEGIN, ids, batch).await {
            Ok(decided) => decided,
            Err(refusal) => {
                // A connection that is lost needs none.
                let _ = connection.batch(ROLLBACK).await;
                return Err(refusal);
            }
        };
        let Some(last) = last else {
            connection.batch(ROLLBACK).await.map_err(|e| error::of(DOING, e))?;
            let last = results.iter().flatten().map(|appended| appended.last_position).max();
            return Ok((results, last.unwrap_or_default()));
        };
        match connection.batch("COMMIT TRANSACTION").await {
            Ok(_) => Ok((results, last)),
            Err(e) => {
                let refused = error::of_commit(DOING, e);
                if refused.kind() != ErrorKind::Indeterminate {
                    let _ = connection.batch(ROLLBACK).await;
                }
                Err(refused.into())
            }
        }
    }
}

impl Writer<'_> {
    /// Writes into an open transaction of the application's; says whether there is anything to commit.
    pub(super) async fn append_to(
        &self,
        client: &mut Client,
        append: &Append,
    ) -> Result<(Result<Appended>, bool)> {
        let batch = std::slice::from_ref(append);
        let (mut results, last) = self.decide_and_write(client, "", Ids::LookedUp, batch).await?;
        Ok((results.pop().unwrap_or_else(|| Err(gone())), last.is_some()))
    }

    /// Everything but the end of the transaction. The position is where the log then ends, `None` where
    /// nothing is written.
    async fn decide_and_write(
        &self,
        client: &mut Client,
        begin: &str,
        ids: Ids,
        batch: &[Append],
    ) -> Result<(Vec<Result<Appended>>, Option<Position>), Refusal<Failure>> {
        let found = self.look_up(client, begin, ids, batch).await?;
        let before = found.tail.position;
        let (mut results, mut rows, mut tail) = found.decide(self.identity, Timestamp::now(), batch);
        if ids == Ids::Unknown && results.iter().any(Result::is_err) {
            // What is refused may be a repetition, which comes before every other check (rule 6).
            let found = self.look_up(client, "", Ids::LookedUp, batch).await?;
            (results, rows, tail) = found.decide(self.identity, Timestamp::now(), batch);
        }
        if rows.is_empty() {
            return Ok((results, None));
        }
        self.write(client, before, &rows, tail).await?;
        Ok((results, Some(tail.position)))
    }

    /// One round trip.
    async fn look_up(&self, client: &mut Client, begin: &str, ids: Ids, batch: &[Append]) -> Result<Found> {
        let wanted = Wanted::by(batch);
        let mut sql = begin.to_owned();
        sql.push_str(&format!(
            "DECLARE @granted int;\nEXEC @granted = sp_getapplock @Resource = N'{}', @LockMode = N'Exclusive', \
             @LockOwner = N'Transaction', @LockTimeout = {LOCK_WAIT_MAX};\nSELECT @granted;\n{}'{}';\n",
            lock_name(self.identity),
            self.statements.select_tail,
            self.identity.store_id.0,
        ));
        let (streams, keys) = Documents::of_streams(&wanted.streams)?;
        let versions = self.statements.versions.replace("{streams}", &literal(&streams));
        sql.push_str(&format!("DECLARE @keys varbinary(max) = {};\n", hex(&keys)));
        sql.push_str(&versions.replace("{bytes}", "@keys"));
        sql.push_str(";\n");
        if ids == Ids::LookedUp {
            sql.push_str(&self.statements.by_ids.replace("{ids}", &literal(&row::ids(&wanted.event_ids)?)));
            sql.push_str(";\n");
        }
        let mut guarded = Vec::new();
        for (index, condition) in &wanted.conditions {
            let range = LogRange {
                query: condition.query.clone(),
                from: condition.after.next(),
                direction: Direction::Forward,
                limit: 1,
            };
            let positions = Positions::new(&self.statements.locked, &range);
            if !positions.is_empty() {
                sql.push_str(&inlined(&positions.positions_sql(1), positions.parameters()));
                sql.push_str(";\n");
                guarded.push(*index);
            }
        }
        let sets = run(client, &sql).await.map_err(|e| error::of(DOING, e))?;
        let mut sets = sets.into_iter();
        let mut next = || sets.next().unwrap_or_default();

        let granted = next().into_iter().next().map(Fields::from).map(|mut row| row.integer(0));
        if granted.transpose()?.flatten().is_none_or(|granted| granted < 0) {
            let message = format!("{DOING}: another transaction holds the store's lock for too long");
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        let mut locked = Fields::from(next().into_iter().next().ok_or_else(gone)?);
        let tail = Tail {
            position: Position(locked.number(0)?),
            recorded_at: locked.time(1)?,
            hash: locked.hash(2)?,
        };
        let mut versions: HashMap<StreamId, Version> = HashMap::new();
        for row in next() {
            let mut row = Fields::from(row);
            let place = usize::try_from(row.number(0)?).unwrap_or(0);
            let version = row.integer(1)?.and_then(|version| u64::try_from(version).ok());
            if let (Some(stream_id), Some(version)) = (wanted.streams.get(place.wrapping_sub(1)), version) {
                versions.insert((*stream_id).clone(), Version(version));
            }
        }
        let event =
            |row: DbRow| Fields::from(row).event(&self.identity.source).map(|event| (event.event_id, event));
        let known = match ids {
            Ids::LookedUp => next().into_iter().map(event).collect::<Result<_>>()?,
            Ids::Unknown => HashMap::new(),
        };
        let mut matches = HashMap::new();
        for index in guarded {
            if let Some(row) = next().into_iter().next() {
                matches.insert(index, Position(Fields::from(row).number(0)?));
            }
        }
        Ok(Found { tail, versions, known, matches })
    }

    async fn write(
        &self,
        client: &mut Client,
        mut before: Position,
        rows: &[Row<'_>],
        tail: Tail,
    ) -> Result<(), Refusal<Failure>> {
        let mut left = rows;
        while !left.is_empty() {
            let mut bytes = 0;
            let fitting = left.iter().take(ROWS_MAX).take_while(|row| {
                bytes += row.given.bytes();
                bytes <= PART_BYTES_MAX
            });
            let (now, later) = left.split_at(fitting.count().max(1));
            let documents = Documents::of_rows(now, self.counting)?;
            let last_hash = tail.hash.map_or_else(Vec::new, |hash| hash.0.to_vec());
            let params = vec![
                Param::Uuid(self.identity.store_id.0),
                position(before),
                Param::Time(tail.recorded_at),
                count(now.len()),
                Param::Text(documents.events),
                Param::Text(documents.tags),
                Param::Text(documents.texts),
                Param::Bytes(documents.bytes),
                Param::Bytes(last_hash),
            ];
            match query(client, &self.statements.call_write, params).await {
                Ok(_) => {}
                Err(e) if error::is_of_request(&e) => return Err(Refusal::Row(e)),
                Err(e) => return Err(error::of(DOING, e).into()),
            }
            before = now.last().map_or(before, |row| row.event.position);
            left = later;
        }
        Ok(())
    }
}

/// The lock that orders the appends of a store.
fn lock_name(identity: &Identity) -> String {
    format!("annals {}", identity.store_id.0)
}

fn count(count: usize) -> Param {
    Param::Number(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A position as a parameter.
pub(super) fn position(position: Position) -> Param {
    // Beyond its signed integers a database has nothing stored.
    Param::Number(i64::try_from(position.0).unwrap_or(i64::MAX))
}

/// Bytes as SQL writes them.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("0x");
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A text of ours as SQL writes it.
fn literal(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

/// A query with its parameters, which are called `@P1` and so on, in it.
pub(super) fn inlined(sql: &str, parameters: &[Parameter<'_>]) -> String {
    let mut parts = sql.split("@P");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        match number.parse().ok().and_then(|n: usize| parameters.get(n.wrapping_sub(1))) {
            Some(Parameter::Position(position)) => {
                text.push_str(&i64::try_from(*position).unwrap_or(i64::MAX).to_string());
            }
            Some(Parameter::Text(value)) => text.push_str(&hex(value.as_bytes())),
            None => {}
        }
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_written_with_its_parameters_as_numbers_and_digits() {
        let parameters = [Parameter::Text("a@P1'"), Parameter::Position(u64::MAX)];
        assert_eq!(
            inlined("SELECT 1 WHERE a = @P1 AND b < @P1 AND p > @P2", &parameters),
            "SELECT 1 WHERE a = 0x6140503127 AND b < 0x6140503127 AND p > 9223372036854775807"
        );
        assert_eq!(literal("it's"), "N'it''s'");
    }
}
