//! Writing: a batch is one transaction, which locks the store's row before it reads anything, so that
//! versions, ids and conditions are read after every earlier writer has committed, by statements at READ
//! COMMITTED or with locks of their own. Positions become visible in their order (rule 9).
//!
//! InnoDB makes a transaction visible, and gives up its locks, before it is on the disk
//! (`trx_t::commit_in_memory` in `storage/innobase/trx/trx0trx.cc`); only with a binary log is it the other
//! way round. So that nobody is shown what a crash could take back, and perhaps give its position to another
//! event, a batch's session holds a lock named by its last position until the answer to its commit has come, and
//! readers of the log wait for that lock (`read.rs`). It is given up with a command of its own: what follows a
//! COMMIT in the same command, MariaDB may carry out before the flush.

use std::collections::HashMap;

use mysql_async::prelude::Queryable;
use mysql_async::{Error as Failure, Row as DbRow, Transaction, Value};

use crate::append::{Append, Appended};
use crate::backend::{Direction, LogRange};
use crate::error::{ErrorKind, Result};
use crate::query::Position;
use crate::sql::{
    Attempts, Found, Identity, Ids, Optimist, Parameter, Positions, Refusal, Row, Tail, Wanted, gone,
    versions,
};
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

use super::connect::{Connection, together};
use super::error;
use super::row::{self, Fields, bytes, datetime, number, text};
use super::schema::Statements;

const DOING: &str = "could not append";

/// A batch up to here goes as one JSON document to the procedure that writes it in one round trip. Larger ones
/// cost less as rows, and are bounded.
const DOCUMENT_BYTES_MAX: usize = 16 << 10;

/// Up to so many rows, each number of them has a statement of its own.
const ROWS_EXACT_MAX: usize = 64;

/// The most rows of one statement. Above the exact ones, numbers are powers of two, so that few statements are
/// kept prepared.
const ROWS_MAX: usize = 256;

/// What one statement carries, unless one row alone is larger: well below the smallest `max_allowed_packet`
/// that a product comes with.
const STATEMENT_BYTES_MAX: usize = 4 << 20;

const BEGIN: &str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;\nSTART TRANSACTION";

/// What writing needs to know of its store.
pub(super) struct Writer<'a> {
    pub(super) statements: &'a Statements,
    pub(super) identity: &'a Identity,
}

impl Attempts for Writer<'_> {
    type Connection = Connection;
    type Failure = Failure;

    const AT_ONCE_BYTES_MAX: usize = DOCUMENT_BYTES_MAX;

    fn identity(&self) -> &Identity {
        self.identity
    }

    async fn append_at_once(
        &self,
        connection: &mut Connection,
        optimist: &Optimist<'_>,
        batch: &[Append],
    ) -> Result<Option<Vec<Appended>>, Refusal<Failure>> {
        let streams: Vec<(&str, u64, u64)> =
            optimist.streams.iter().map(|(stream_id, low, high)| (stream_id.as_str(), *low, *high)).collect();
        let params = vec![
            bytes(self.identity.store_id.0.as_bytes()),
            text(&datetime(Timestamp::now())),
            Value::Bytes(row::json(&streams)?.into_bytes()),
            number(optimist.events.len() as u64),
            Value::Bytes(row::document(&optimist.streams, &optimist.events)?.into_bytes()),
            row::tag_document(&optimist.events)?.map_or(Value::NULL, |tags| Value::Bytes(tags.into_bytes())),
        ];
        let rows = match connection.query(&self.statements.call_append, params).await {
            Ok(rows) => rows,
            Err(e) if error::is_of_request(&e) => return Err(Refusal::Row(e)),
            Err(e) => return Err(error::of_commit(DOING, e).into()),
        };
        let mut answer = Fields::from(rows.into_iter().next().ok_or_else(gone)?);
        if answer.is_null(0) {
            return Ok(None);
        }
        let before = Position(answer.number(0)?);
        let versions = versions(&answer.required(1)?)?;
        Ok(Some(optimist.answers(self.identity.store_id, before, &versions, batch)))
    }

    /// One round trip locks and looks up; then come the rows, and one that ends the transaction.
    async fn try_append(
        &self,
        connection: &mut Connection,
        ids: Ids,
        batch: &[Append],
    ) -> Result<(Vec<Result<Appended>>, Position), Refusal<Failure>> {
        let (results, end) = match self.decide_and_write(connection.driver(), Some(BEGIN), ids, batch).await {
            Ok(decided) => decided,
            Err(refusal) => {
                // A connection that is lost needs none.
                let _ = connection.batch("ROLLBACK").await;
                return Err(refusal);
            }
        };
        let Some((last, end)) = end else {
            connection.batch("ROLLBACK").await.map_err(|e| error::of(DOING, e))?;
            let last = results.iter().flatten().map(|appended| appended.last_position).max();
            return Ok((results, last.unwrap_or_default()));
        };
        match together(connection.driver(), &end).await {
            Ok(_) => Ok((results, last)),
            Err(e) => {
                let refused = error::of_commit(DOING, e);
                if refused.kind() != ErrorKind::Indeterminate {
                    let _ = connection.batch("ROLLBACK").await;
                }
                Err(refused.into())
            }
        }
    }
}

impl Writer<'_> {
    /// Writes into a transaction of the application's and commits it, unless the events were there already.
    pub(super) async fn append_and_commit(
        &self,
        mut transaction: Transaction<'_>,
        append: &Append,
    ) -> Result<Appended> {
        let batch = std::slice::from_ref(append);
        let decided = self.decide_and_write(&mut transaction, None, Ids::LookedUp, batch).await;
        let (mut results, end) = match decided {
            Ok(decided) => decided,
            Err(refusal) => {
                roll_back(transaction).await?;
                return Err(refusal.into());
            }
        };
        let result = results.pop().unwrap_or_else(|| Err(gone()));
        let Some((last, end)) = end else {
            roll_back(transaction).await?;
            return result;
        };
        let ended = together(&mut transaction, &end).await.map(drop);
        ended.map_err(|e| error::of_commit(DOING, e))?;
        // It has been committed, which cannot fail any more. A session that is lost has given up its locks, and
        // the driver is yet to be told that there is no transaction.
        let release = format!("DO RELEASE_LOCK('{}')", lock_name(self.identity, last));
        if transaction.query_drop(release).await.is_ok() {
            let _ = transaction.commit().await;
        }
        result
    }

    /// Everything but the end of the transaction, which comes back: with the position at which the log then
    /// ends, and the statements that say so, take its lock, and commit. `None` where nothing is written.
    async fn decide_and_write<Q: Queryable>(
        &self,
        session: &mut Q,
        begin: Option<&str>,
        ids: Ids,
        batch: &[Append],
    ) -> Result<(Vec<Result<Appended>>, Option<(Position, Vec<String>)>), Refusal<Failure>> {
        let found = self.look_up(session, begin, ids, batch).await?;
        let (mut results, mut rows, mut tail) = found.decide(self.identity, Timestamp::now(), batch);
        if ids == Ids::Unknown && results.iter().any(Result::is_err) {
            // What is refused may be a repetition, which comes before every other check (rule 6).
            let found = self.look_up(session, None, Ids::LookedUp, batch).await?;
            (results, rows, tail) = found.decide(self.identity, Timestamp::now(), batch);
        }
        if rows.is_empty() {
            return Ok((results, None));
        }
        self.insert(session, &rows).await?;
        Ok((results, Some((tail.position, self.end(tail)))))
    }

    /// One round trip. In a transaction of the application's, whatever its isolation level and its snapshot
    /// are, what was committed last is read with locks.
    async fn look_up<Q: Queryable>(
        &self,
        session: &mut Q,
        begin: Option<&str>,
        ids: Ids,
        batch: &[Append],
    ) -> Result<Found> {
        let wanted = Wanted::by(batch);
        let store_id = hex(self.identity.store_id.0.as_bytes());
        let mut statements: Vec<String> =
            begin.iter().flat_map(|begin| begin.split(";\n")).map(str::to_owned).collect();
        let begun = statements.len();
        let sql = |text: String| self.statements.text(&text);
        statements.push(sql(format!(
            "SELECT last_position, last_recorded_at, last_hash FROM {{p}}store \
             WHERE id = 1 AND store_id = {store_id} FOR UPDATE"
        )));
        // Its own statements are at READ COMMITTED and see it without.
        let lock = if begin.is_none() { self.statements.lock() } else { "" };
        let streams =
            row::json(&wanted.streams.iter().map(|stream_id| stream_id.as_str()).collect::<Vec<_>>())?;
        statements
            .push(self.statements.versions.replace("{streams}", &literal(&streams)).replace("{lock}", lock));
        if ids == Ids::LookedUp {
            let ids: Vec<String> = wanted.event_ids.iter().map(|id| hex(id.uuid().as_bytes())).collect();
            statements.push(sql(format!(
                "SELECT {{columns}} FROM {{p}}events e WHERE e.event_id IN ({}){lock}",
                ids.join(", ")
            )));
        }
        let mut guarded = Vec::new();
        for (index, condition) in &wanted.conditions {
            let range = LogRange {
                query: condition.query.clone(),
                from: condition.after.next(),
                direction: Direction::Forward,
                limit: 1,
            };
            let positions = Positions::new(&self.statements.locking, &range);
            if !positions.is_empty() {
                statements.push(inlined(&positions.positions_sql(1), positions.parameters()));
                guarded.push(*index);
            }
        }
        let sets = together(session, &statements).await.map_err(|e| error::of(DOING, e))?;
        let mut sets = sets.into_iter().skip(begun);
        let mut next = || sets.next().unwrap_or_default();

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
            if let (Some(stream_id), false) = (wanted.streams.get(place.wrapping_sub(1)), row.is_null(1)) {
                versions.insert((*stream_id).clone(), Version(row.number(1)?));
            }
        }
        let event = |row: DbRow| {
            Fields::from(row).event(0, &self.identity.source).map(|event| (event.event_id, event))
        };
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

    async fn insert<Q: Queryable>(&self, session: &mut Q, rows: &[Row<'_>]) -> Result<(), Refusal<Failure>> {
        let failed = |e| if error::is_of_request(&e) { Refusal::Row(e) } else { error::of(DOING, e).into() };
        let mut left = rows;
        while !left.is_empty() {
            let mut bytes = 0;
            let fitting = left.iter().take(ROWS_MAX).take_while(|row| {
                bytes += row.given.bytes() + ROW_BYTES;
                bytes <= STATEMENT_BYTES_MAX
            });
            let (now, later) = left.split_at(rows_now(fitting.count()));
            let mut values = Vec::with_capacity(now.len() * row::INSERTED);
            for row in now {
                row::push(&mut values, row)?;
            }
            session.exec_drop(self.statements.insert_events(now.len()), values).await.map_err(failed)?;
            left = later;
        }
        let tags = rows.iter().flat_map(|row| row.given.tags.iter().map(|tag| (tag, row.event.position)));
        let tags: Vec<Value> =
            tags.flat_map(|(tag, position)| [text(tag.as_str()), number(position.0)]).collect();
        let mut left = tags.as_slice();
        while !left.is_empty() {
            let count = rows_now((left.len() / 2).min(ROWS_MAX));
            let (now, later) = left.split_at(2 * count);
            session.exec_drop(self.statements.insert_tags(count), now.to_vec()).await.map_err(failed)?;
            left = later;
        }
        Ok(())
    }

    /// The statements that end the transaction.
    fn end(&self, tail: Tail) -> Vec<String> {
        let store_id = self.identity.store_id.0;
        let hash = tail.hash.map_or_else(|| "NULL".to_owned(), |hash| hex(&hash.0));
        let lock = lock_name(self.identity, tail.position);
        vec![
            self.statements.text(&format!(
                "UPDATE {{p}}store SET last_position = {}, last_recorded_at = '{}', last_hash = {hash} \
                 WHERE id = 1 AND store_id = {}",
                tail.position,
                datetime(tail.recorded_at),
                hex(store_id.as_bytes()),
            )),
            format!("DO GET_LOCK('{lock}', 0)"),
            "COMMIT".to_owned(),
        ]
    }
}

/// What a row weighs besides its event's payload, metadata and names.
const ROW_BYTES: usize = 1 << 10;

/// Gives up the lock of a batch whose commit has been answered.
pub(super) const RELEASE: &str = "DO RELEASE_ALL_LOCKS()";

/// The lock that a batch with this last position holds until it is durable; also in
/// `sql/select_head.sql`.
pub(super) fn lock_name(identity: &Identity, last: Position) -> String {
    format!("annals {:X} {last}", identity.store_id.0.simple())
}

async fn roll_back(transaction: Transaction<'_>) -> Result<()> {
    transaction.rollback().await.map_err(|e| error::of("could not roll back", e))
}

/// How many of so many rows go into the next statement; at least one, since a row too large for a statement's
/// share still goes.
fn rows_now(left: usize) -> usize {
    if left <= ROWS_EXACT_MAX { left.max(1) } else { 1 << left.min(ROWS_MAX).ilog2() }
}

/// Bytes as SQL writes them, whatever the session's `sql_mode` is.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(3 + 2 * bytes.len());
    text.push_str("x'");
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text.push('\'');
    text
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A text likewise; as bytes it would be compared with a column without the column's index.
fn literal(text: &str) -> String {
    format!("_utf8mb4 {}", hex(text.as_bytes()))
}

/// A query with its parameters in it, in the order in which it names them.
fn inlined(sql: &str, parameters: &[Parameter<'_>]) -> String {
    let mut parameters = parameters.iter();
    let mut text = String::with_capacity(sql.len() * 2);
    for (index, part) in sql.split('?').enumerate() {
        if index > 0 {
            match parameters.next() {
                Some(Parameter::Position(position)) => {
                    text.push_str(&i64::try_from(*position).unwrap_or(i64::MAX).to_string());
                }
                Some(Parameter::Text(value)) => text.push_str(&literal(value)),
                None => {}
            }
        }
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_written_with_its_parameters_as_numbers_and_digits() {
        let parameters = [Parameter::Text("a?'"), Parameter::Position(u64::MAX)];
        assert_eq!(
            inlined("SELECT 1 WHERE a = ? AND p > ?", &parameters),
            "SELECT 1 WHERE a = _utf8mb4 x'613f27' AND p > 9223372036854775807"
        );
        assert_eq!([0, 1, 3, 64, 100, 256].map(rows_now), [1, 1, 3, 64, 64, 256]);
    }
}
