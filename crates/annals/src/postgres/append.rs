//! Writing: a batch is one transaction, which locks the store's row before it reads anything, so that
//! versions, ids and conditions are read after every earlier writer has committed. PostgreSQL gives up a row
//! lock only after the transaction is visible to new snapshots (`CommitTransaction` in
//! `src/backend/access/transam/xact.c`), so positions become visible in their order (rule 9).

use std::collections::HashMap;

use futures_util::future::{join, join_all, join4};
use tokio_postgres::{Row as DbRow, Transaction};

use crate::append::{Append, Appended};
use crate::backend::{Direction, LogRange};
use crate::error::{Error, Result};
use crate::query::Position;
use crate::sql::{Found, Identity, Optimist, Positions, Refusal, Row, Tail, Wanted, gone};
use crate::stream::Version;
use crate::time::Timestamp;

use super::connect::{Connection, Param};
use super::error;
use super::read::Value;
use super::row::{self, Columns, Micros, integer, kinds, number, unless_empty};
use super::schema::Statements;

type Failure = Refusal<tokio_postgres::Error>;

const DOING: &str = "could not append";

/// An acknowledged append is durable, whatever the role's setting is for other transactions; and an empty
/// table has plans that a full one must not keep.
const SETTINGS: &str = "SET LOCAL lock_timeout = '5s'; SET LOCAL enable_seqscan = off; SET LOCAL jit = off; \
    SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'";

/// What statements run in: a connection, or a transaction of the application's on a connection of its own.
pub(super) trait Session: Sync {
    /// Runs one statement. The statement is sent when the future is polled first, so that futures polled in
    /// order are carried out in order, in one round trip.
    fn query_now(
        &self,
        sql: &str,
        params: &[Param<'_>],
    ) -> impl Future<Output = Result<Vec<DbRow>, tokio_postgres::Error>> + Send;

    /// As `query_now`, for statements without parameters.
    fn batch(&self, sql: &str) -> impl Future<Output = Result<(), tokio_postgres::Error>> + Send;

    /// Runs one statement that may be kept prepared.
    fn query(
        &self,
        sql: &str,
        params: &[Param<'_>],
    ) -> impl Future<Output = Result<Vec<DbRow>, tokio_postgres::Error>> + Send {
        self.query_now(sql, params)
    }
}

impl Session for Connection {
    async fn query_now(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<DbRow>, tokio_postgres::Error> {
        Connection::query_now(self, sql, params).await
    }

    async fn batch(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        Connection::batch(self, sql).await
    }

    async fn query(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<DbRow>, tokio_postgres::Error> {
        Connection::query(self, sql, params).await
    }
}

impl Session for Transaction<'_> {
    async fn query_now(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<DbRow>, tokio_postgres::Error> {
        self.query_typed(sql, params).await
    }

    async fn batch(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.batch_execute(sql).await
    }
}

/// What writing needs to know of its store.
pub(super) struct Writer<'a, S> {
    pub(super) session: &'a S,
    pub(super) statements: &'a Statements,
    pub(super) identity: &'a Identity,
}

impl Writer<'_, Connection> {
    /// Carries out a batch (rules 1 to 6, 12 and 13); also says where the log ends afterwards, if it is
    /// known.
    pub(super) async fn append(&self, batch: &[Append]) -> Result<(Vec<Result<Appended>>, Option<Position>)> {
        if self.identity.formula.is_none()
            && self.session.reads_committed()
            && let Some(optimist) = Optimist::of(batch)
        {
            match self.append_at_once(&optimist, batch).await {
                Ok(Some(appended)) => {
                    let last = appended.last().map(|appended| appended.last_position);
                    return Ok((appended.into_iter().map(Ok).collect(), last));
                }
                Ok(None) | Err(Failure::Row(_)) => {}
                Err(Failure::Whole(error)) => return Err(error),
            }
        }
        match self.append_in_turn(batch).await {
            Ok((results, last)) => Ok((results, Some(last))),
            Err(Failure::Whole(error)) => Err(error),
            Err(refused @ Failure::Row(_)) if batch.len() == 1 => Ok((vec![Err(refused.into())], None)),
            // Which request it was, the database does not say.
            Err(Failure::Row(_)) => {
                let mut results = Vec::with_capacity(batch.len());
                for append in batch {
                    results.push(self.append_alone(append).await);
                }
                Ok((results, None))
            }
        }
    }

    async fn append_alone(&self, append: &Append) -> Result<Appended> {
        let (mut results, _) = self.append_in_turn(std::slice::from_ref(append)).await?;
        results.pop().unwrap_or_else(|| Err(gone()))
    }

    /// Two round trips: one locks and looks up, one writes.
    async fn append_in_turn(&self, batch: &[Append]) -> Result<(Vec<Result<Appended>>, Position), Failure> {
        let found =
            match self.look_up(&format!("BEGIN ISOLATION LEVEL READ COMMITTED; {SETTINGS}"), batch).await {
                Ok(found) => found,
                Err(error) => {
                    self.roll_back().await?;
                    return Err(Failure::Whole(error));
                }
            };
        let (results, rows, tail) = found.decide(self.identity, Timestamp::now(), batch);
        if rows.is_empty() {
            self.roll_back().await?;
            return Ok((results, tail.position));
        }
        let mut columns = Columns::default();
        for row in &rows {
            columns.push(&row.event.stream_id, row.given)?;
        }
        let (done, commit) = join(self.write(&columns, &rows, tail), self.session.batch("COMMIT")).await;
        // After the statement that failed, the others were refused and the commit rolled back.
        match (done, commit) {
            (Ok(()), Ok(())) => Ok((results, tail.position)),
            (Ok(()), Err(e)) => Err(Failure::Whole(error::of_commit(DOING, e))),
            (Err(e), Ok(())) if error::is_of_request(&e) => Err(Failure::Row(e)),
            (Err(e), Ok(())) => Err(Failure::Whole(error::of(DOING, e))),
            (Err(e), Err(_)) => Err(Failure::Whole(error::of_commit(DOING, e))),
        }
    }

    async fn roll_back(&self) -> Result<(), Failure> {
        self.session.batch("ROLLBACK").await.map_err(|e| Failure::Whole(error::of(DOING, e)))
    }
}

impl Writer<'_, Transaction<'_>> {
    /// Writes into a transaction of the application's, which commits it next.
    pub(super) async fn append_to(&self, append: &Append) -> Result<Appended> {
        let batch = std::slice::from_ref(append);
        if self.identity.formula.is_none()
            && let Some(optimist) = Optimist::of(batch)
            && let Some(mut appended) = self.append_at_once(&optimist, batch).await?
            && let Some(appended) = appended.pop()
        {
            return Ok(appended);
        }
        let found = self.look_up(SETTINGS, batch).await?;
        let (mut results, rows, tail) = found.decide(self.identity, Timestamp::now(), batch);
        let mut columns = Columns::default();
        for row in &rows {
            columns.push(&row.event.stream_id, row.given)?;
        }
        if !rows.is_empty() {
            self.write(&columns, &rows, tail).await.map_err(|e| error::of(DOING, e))?;
        }
        results.pop().unwrap_or_else(|| Err(gone()))
    }
}

impl<S: Session> Writer<'_, S> {
    /// One round trip, in which everything goes well or nothing is written; `None` in the latter case.
    async fn append_at_once(
        &self,
        optimist: &Optimist<'_>,
        batch: &[Append],
    ) -> Result<Option<Vec<Appended>>, Failure> {
        let mut columns = Columns::default();
        for placed in &optimist.events {
            columns.push(optimist.streams[placed.stream].0, placed.event)?;
        }
        let places: Vec<i32> = optimist
            .events
            .iter()
            .map(|placed| i32::try_from(placed.stream + 1).unwrap_or(i32::MAX))
            .collect();
        let offsets: Vec<i64> = optimist.events.iter().map(|placed| integer(placed.offset)).collect();
        let streams: Vec<&str> = optimist.streams.iter().map(|(stream_id, ..)| stream_id.as_str()).collect();
        let lowest: Vec<i64> = optimist.streams.iter().map(|(_, lowest, _)| integer(*lowest)).collect();
        let highest: Vec<i64> = optimist.streams.iter().map(|(.., highest)| integer(*highest)).collect();
        let now = Micros(Timestamp::now());
        let params: [Param<'_>; 24] = [
            (&self.identity.store_id.0, kinds::UUID),
            (&streams, kinds::TEXT_ARRAY),
            (&lowest, kinds::INT8_ARRAY),
            (&highest, kinds::INT8_ARRAY),
            (&now, kinds::TIMESTAMPTZ),
            (&places, kinds::INT4_ARRAY),
            (&offsets, kinds::INT8_ARRAY),
            (&columns.event_ids, kinds::UUID_ARRAY),
            (&columns.categories, kinds::TEXT_ARRAY),
            (&columns.event_types, kinds::TEXT_ARRAY),
            (&columns.schema_versions, kinds::INT4_ARRAY),
            (&columns.occurred_at, kinds::TIMESTAMPTZ_ARRAY),
            (&columns.payloads, kinds::TEXT_ARRAY),
            (&unless_empty(&columns.payload_bytes), kinds::BYTEA_ARRAY),
            (&unless_empty(&columns.content_types), kinds::TEXT_ARRAY),
            (&unless_empty(&columns.metadata), kinds::TEXT_ARRAY),
            (&unless_empty(&columns.sources), kinds::TEXT_ARRAY),
            (&unless_empty(&columns.correlation_ids), kinds::TEXT_ARRAY),
            (&unless_empty(&columns.causation_ids), kinds::TEXT_ARRAY),
            (&unless_empty(&columns.traceparents), kinds::TEXT_ARRAY),
            (&unless_empty(&columns.tracestates), kinds::TEXT_ARRAY),
            (&unless_empty(&columns.tags), kinds::TEXT_ARRAY),
            (&columns.tag_places, kinds::INT8_ARRAY),
            (&columns.tag_names, kinds::TEXT_ARRAY),
        ];
        let rows = match self.session.query(&self.statements.append_batch, &params).await {
            Ok(rows) => rows,
            Err(e) if error::is_of_request(&e) => return Err(Failure::Row(e)),
            Err(e) => return Err(error::of_commit(DOING, e).into()),
        };
        let row = rows.first().ok_or_else(gone)?;
        let Some(before) = row::get::<Option<i64>>(row, 0)? else { return Ok(None) };
        let versions: Vec<i64> = row::get(row, 1)?;
        let versions: Vec<u64> = versions.into_iter().map(i64::unsigned_abs).collect();
        let before = Position(before.unsigned_abs());
        Ok(Some(optimist.answers(self.identity.store_id, before, &versions, batch)))
    }

    async fn look_up(&self, first: &str, batch: &[Append]) -> Result<Found> {
        let failed = |e| error::of(DOING, e);
        let wanted = Wanted::by(batch);
        let streams: Vec<&str> = wanted.streams.iter().map(|stream_id| stream_id.as_str()).collect();
        let ids: Vec<_> = wanted.event_ids.iter().map(|id| id.uuid()).collect();
        let (lock, versions, by_ids): ([Param<'_>; 1], [Param<'_>; 1], [Param<'_>; 1]) = (
            [(&self.identity.store_id.0, kinds::UUID)],
            [(&streams, kinds::TEXT_ARRAY)],
            [(&ids, kinds::UUID_ARRAY)],
        );
        let session = self.session;
        // Polled in this order, so sent and carried out in this order: the lock before every snapshot.
        let state = join4(
            session.batch(first),
            session.query_now(&self.statements.lock_store, &lock),
            session.query_now(&self.statements.versions, &versions),
            session.query_now(&self.statements.select_by_ids, &by_ids),
        );
        let conditions = wanted.conditions.iter().map(|(index, condition)| async move {
            let range = LogRange {
                query: condition.query.clone(),
                from: condition.after.next(),
                direction: Direction::Forward,
                limit: 1,
            };
            let positions = Positions::new(&self.statements.dialect, &range);
            if positions.is_empty() {
                return Ok::<_, Error>((*index, None));
            }
            let values: Vec<Value<'_>> = positions.parameters().iter().map(Value::of).collect();
            let params: Vec<Param<'_>> = values.iter().map(Value::param).collect();
            let rows = session.query_now(&positions.positions_sql(1), &params).await.map_err(failed)?;
            let position = rows.first().map(|row| number(row, 0)).transpose()?;
            Ok((*index, position.map(Position)))
        });
        let ((begun, locked, versions, known), conditions) = join(state, join_all(conditions)).await;
        begun.map_err(failed)?;
        let locked = locked.map_err(failed)?;
        let row = locked.first().ok_or_else(gone)?;
        let tail = Tail {
            position: Position(number(row, 0)?),
            recorded_at: row::get::<Micros>(row, 1)?.0,
            hash: row::hash(row, 2)?,
        };
        let version = |row: &_| Ok((row::name(row, 0)?, Version(number(row, 1)?)));
        let versions = versions.map_err(failed)?.iter().map(version).collect::<Result<_>>()?;
        let event = |row: &_| row::read(row, 0, &self.identity.source).map(|event| (event.event_id, event));
        let known = known.map_err(failed)?.iter().map(event).collect::<Result<_>>()?;
        let mut matches = HashMap::new();
        for condition in conditions {
            let (index, position): (usize, Option<Position>) = condition?;
            matches.extend(position.map(|position| (index, position)));
        }
        Ok(Found { tail, versions, known, matches })
    }

    /// Sends everything at once. Of several errors the first counts: after it the database refuses the rest.
    async fn write(
        &self,
        columns: &Columns<'_>,
        rows: &[Row<'_>],
        tail: Tail,
    ) -> Result<(), tokio_postgres::Error> {
        let Some(first) = rows.first() else { return Ok(()) };
        let before = integer(first.event.position.previous().0);
        let recorded_at = Micros(tail.recorded_at);
        let streams: Vec<&str> = rows.iter().map(|row| row.event.stream_id.as_str()).collect();
        let versions: Vec<i64> = rows.iter().map(|row| integer(row.event.stream_version.0)).collect();
        let digests: Vec<Option<&[u8]>> =
            rows.iter().map(|row| row.payload_digest.as_ref().map(|hash| &hash.0[..])).collect();
        let predecessors: Vec<Option<&[u8]>> =
            rows.iter().map(|row| row.event.predecessor_hash.as_ref().map(|hash| &hash.0[..])).collect();
        let hashes: Vec<Option<&[u8]>> =
            rows.iter().map(|row| row.event.hash.as_ref().map(|hash| &hash.0[..])).collect();
        let events: [Param<'_>; 22] = [
            (&before, kinds::INT8),
            (&recorded_at, kinds::TIMESTAMPTZ),
            (&columns.event_ids, kinds::UUID_ARRAY),
            (&streams, kinds::TEXT_ARRAY),
            (&versions, kinds::INT8_ARRAY),
            (&columns.categories, kinds::TEXT_ARRAY),
            (&columns.event_types, kinds::TEXT_ARRAY),
            (&columns.schema_versions, kinds::INT4_ARRAY),
            (&columns.occurred_at, kinds::TIMESTAMPTZ_ARRAY),
            (&columns.payloads, kinds::TEXT_ARRAY),
            (&unless_empty(&columns.payload_bytes), kinds::BYTEA_ARRAY),
            (&unless_empty(&columns.content_types), kinds::TEXT_ARRAY),
            (&unless_empty(&columns.metadata), kinds::TEXT_ARRAY),
            (&unless_empty(&columns.sources), kinds::TEXT_ARRAY),
            (&unless_empty(&columns.correlation_ids), kinds::TEXT_ARRAY),
            (&unless_empty(&columns.causation_ids), kinds::TEXT_ARRAY),
            (&unless_empty(&columns.traceparents), kinds::TEXT_ARRAY),
            (&unless_empty(&columns.tracestates), kinds::TEXT_ARRAY),
            (&unless_empty(&columns.tags), kinds::TEXT_ARRAY),
            (&unless_empty(&digests), kinds::BYTEA_ARRAY),
            (&unless_empty(&predecessors), kinds::BYTEA_ARRAY),
            (&unless_empty(&hashes), kinds::BYTEA_ARRAY),
        ];
        let tag_positions: Vec<i64> = columns.tag_places.iter().map(|place| before + place).collect();
        let tags: [Param<'_>; 2] =
            [(&columns.tag_names, kinds::TEXT_ARRAY), (&tag_positions, kinds::INT8_ARRAY)];
        let (last, hash) = (integer(tail.position.0), tail.hash.as_ref().map(|hash| &hash.0[..]));
        let store: [Param<'_>; 4] = [
            (&self.identity.store_id.0, kinds::UUID),
            (&last, kinds::INT8),
            (&recorded_at, kinds::TIMESTAMPTZ),
            (&hash, kinds::BYTEA),
        ];
        let announced = tail.position.to_string();
        let notify: [Param<'_>; 2] = [(&self.statements.schema, kinds::TEXT), (&announced, kinds::TEXT)];
        let session = self.session;
        let (events, tags, store, notify) = join4(
            session.query_now(&self.statements.insert_events, &events),
            session.query_now(&self.statements.insert_tags, &tags),
            session.query_now(&self.statements.update_store, &store),
            session.query_now("SELECT pg_notify($1, $2)", &notify),
        )
        .await;
        events.and(tags).and(store).and(notify).map(drop)
    }
}
