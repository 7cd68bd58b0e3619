//! Writing: one transaction for a batch, which takes the database's write lock before it reads anything, so
//! that versions, ids and conditions are read after every earlier writer has committed.

use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension};

use crate::append::{Append, Appended, StreamVersions};
use crate::backend::{HashFormula, StoreId};
use crate::chain::payload_digest;
use crate::error::{Conflict, Error, ErrorKind, Result};
use crate::event::{Hash, NewEvent, RecordedEvent, Source};
use crate::query::{Condition, Position};
use crate::stream::{StreamId, Version};
use crate::subscribe::Checkpoint;
use crate::time::Timestamp;

use super::schema::Statements;
use super::{error, read, row};

/// What writing needs to know of its store.
pub(super) struct Writer<'a> {
    pub(super) statements: &'a Statements,
    pub(super) store_id: StoreId,
    pub(super) source: &'a Source,
    pub(super) formula: Option<HashFormula>,
}

/// When the ids of an append are looked up. The answer is the same: where an append repeats
/// another one, its expectation does not hold or the database refuses one of its events. Few appends are
/// repeated, so looking each up first costs every other one a search for nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lookup {
    /// After something has refused the append.
    WhenRefused,
    /// Before anything else.
    First,
}

/// Why one request of a batch has no result.
enum Failure {
    /// The request is answered with an error; nothing of it was written.
    Refused(Error),
    /// The database refused a statement of the request after part of it may have been written.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Where the log ends, inside the transaction.
#[derive(Clone, Copy)]
struct Tail {
    position: Position,
    recorded_at: Timestamp,
    hash: Option<Hash>,
}

impl Writer<'_> {
    /// Carries out a batch (rules 1 to 6, 12 and 13); also says where the log ends afterwards.
    pub(super) fn append(
        &self,
        connection: &mut Connection,
        batch: &[Append],
    ) -> Result<(Vec<Result<Appended>>, Position)> {
        let mut refused: HashMap<usize, Error> = HashMap::new();
        let mut lookup = Lookup::WhenRefused;
        loop {
            begin(connection)?;
            match self.try_batch(connection, batch, &refused, lookup) {
                Ok((results, tail, written)) => {
                    let done = if written { commit(connection) } else { rollback(connection) };
                    return done.map(|()| (results, tail.position));
                }
                // The likeliest reason is a repeated append, which looking its ids up first will tell.
                Err((Some(_), e)) if lookup == Lookup::WhenRefused && !is_fatal(&e) => {
                    rollback(connection)?;
                    lookup = Lookup::First;
                }
                // Without a savepoint for each request, which every append would pay for, the way to take
                // one request out is to begin again without it.
                Err((Some(index), e)) if !is_fatal(&e) => {
                    rollback(connection)?;
                    refused.insert(index, error::of("the database refused the append", e));
                }
                Err((_, e)) => {
                    rollback(connection)?;
                    return Err(error::of("could not append", e));
                }
            }
        }
    }

    #[expect(clippy::type_complexity, reason = "one caller takes it apart at once")]
    fn try_batch(
        &self,
        connection: &Connection,
        batch: &[Append],
        refused: &HashMap<usize, Error>,
        lookup: Lookup,
    ) -> Result<(Vec<Result<Appended>>, Tail, bool), (Option<usize>, rusqlite::Error)> {
        let mut open = Batch::begin(self, connection).map_err(|e| (None, e))?;
        let start = open.tail.position;
        let mut results = Vec::with_capacity(batch.len());
        for (index, append) in batch.iter().enumerate() {
            if let Some(error) = refused.get(&index) {
                results.push(Err(error.clone()));
                continue;
            }
            match open.append(append, lookup) {
                Ok(appended) => results.push(Ok(appended)),
                Err(Failure::Refused(error)) => results.push(Err(error)),
                Err(Failure::Database(e)) => return Err((Some(index), e)),
            }
        }
        let tail = open.tail;
        let written = tail.position > start;
        if written {
            self.save_tail(connection, tail).map_err(|e| (None, e))?;
        }
        Ok((results, tail, written))
    }

    fn time(&self, last: Timestamp) -> Timestamp {
        let now = Timestamp::now();
        self.formula.map_or(now, |formula| formula.admit(now)).max(last)
    }

    fn tail(&self, connection: &Connection) -> rusqlite::Result<Tail> {
        let store_id = self.store_id.0.as_bytes();
        connection.prepare_cached(&self.statements.select_store)?.query_row([store_id], |found| {
            Ok(Tail {
                position: Position(row::number(found, 0)?),
                recorded_at: row::time(found, 1)?,
                hash: found.get::<_, Option<[u8; 32]>>(2)?.map(Hash),
            })
        })
    }

    fn save_tail(&self, connection: &Connection, tail: Tail) -> rusqlite::Result<()> {
        connection
            .prepare_cached(&self.statements.update_store)?
            .execute((
                row::integer(tail.position.0),
                tail.recorded_at.unix_micros(),
                tail.hash.as_ref().map(|hash| &hash.0),
            ))
            .map(drop)
    }
}

/// A batch inside its transaction: the requests so far are written, and each next one sees them.
struct Batch<'c, 'b> {
    writer: &'c Writer<'c>,
    connection: &'c Connection,
    select_version: CachedStatement<'c>,
    insert_event: CachedStatement<'c>,
    tail: Tail,
    /// The versions of the streams looked at so far.
    versions: HashMap<&'b StreamId, Version>,
}

impl<'c, 'b> Batch<'c, 'b> {
    fn begin(writer: &'c Writer<'c>, connection: &'c Connection) -> rusqlite::Result<Self> {
        let tail = writer.tail(connection)?;
        Ok(Self {
            writer,
            connection,
            select_version: connection.prepare_cached(&writer.statements.stream_version)?,
            insert_event: connection.prepare_cached(&writer.statements.insert_event)?,
            tail: Tail { recorded_at: writer.time(tail.recorded_at), ..tail },
            versions: HashMap::new(),
        })
    }

    fn append(&mut self, append: &'b Append, lookup: Lookup) -> Result<Appended, Failure> {
        if lookup == Lookup::First
            && let Some(first_result) = self.repeated(append)?
        {
            return Ok(first_result);
        }
        if let Some(conflict) = self.conflict(append)? {
            return match self.repeated(append)? {
                Some(first_result) => Ok(first_result),
                None => Err(Failure::Refused(conflict.into())),
            };
        }

        let first_position = self.tail.position.next();
        let mut places = Vec::with_capacity(append.events.len());
        for (stream_id, event) in &append.events {
            places.push((stream_id, self.insert(stream_id, event)?));
        }
        Ok(Appended {
            streams: StreamVersions::tally(places),
            first_position,
            last_position: self.tail.position,
            checkpoint: Checkpoint::at(self.writer.store_id, self.tail.position),
            duplicate: false,
        })
    }

    fn insert(&mut self, stream_id: &'b StreamId, event: &NewEvent) -> rusqlite::Result<Version> {
        let version = self.version(stream_id)?.next();
        let own_source = event.source.is_none();
        let mut event = RecordedEvent::record(
            event.clone(),
            stream_id.clone(),
            version,
            self.tail.position.next(),
            self.tail.recorded_at,
            self.writer.source,
        );
        let mut digest = None;
        if let Some(formula) = self.writer.formula {
            let payload = payload_digest(&event.payload);
            let predecessor = self.tail.hash.unwrap_or(Hash::ZERO);
            event.hash = Some(formula.hash(&event, payload, predecessor));
            event.predecessor_hash = Some(predecessor);
            digest = Some(payload);
        }
        row::insert(&mut self.insert_event, &event, own_source, digest)?;
        for tag in &event.tags {
            self.connection
                .prepare_cached(&self.writer.statements.insert_tag)?
                .execute((tag.as_str(), row::integer(event.position.0)))?;
        }
        self.tail = Tail { position: event.position, hash: event.hash, ..self.tail };
        self.versions.insert(stream_id, version);
        Ok(version)
    }

    /// What a repeated append is answered with (rule 6).
    fn repeated(&self, append: &Append) -> Result<Option<Appended>, Failure> {
        let known = self.known(append)?;
        let checkpoint = |position| Checkpoint::at(self.writer.store_id, position);
        append.recognise(&known, checkpoint).map_err(Failure::Refused)
    }

    /// The first expectation or condition that does not hold (rules 3, 12 and 13).
    fn conflict(&mut self, append: &'b Append) -> rusqlite::Result<Option<Conflict>> {
        for (stream_id, expected) in &append.expectations {
            let actual = self.version(stream_id)?;
            if !expected.allows(actual) {
                let stream_id = stream_id.clone();
                return Ok(Some(Conflict::Version { stream_id, expected: *expected, actual }));
            }
        }
        if let Some(Condition { query, after }) = &append.condition
            && let Some(found) = read::first_match(self.connection, self.writer.statements, query, *after)?
        {
            return Ok(Some(Conflict::Condition { after: *after, found }));
        }
        Ok(None)
    }

    fn known(&self, append: &Append) -> rusqlite::Result<Vec<Option<RecordedEvent>>> {
        let mut select = self.connection.prepare_cached(&self.writer.statements.select_by_id)?;
        append
            .events
            .iter()
            .map(|(_, event)| {
                select
                    .query_row([event.event_id.uuid().as_bytes()], |found| {
                        row::read(found, self.writer.source)
                    })
                    .optional()
            })
            .collect()
    }

    fn version(&mut self, stream_id: &'b StreamId) -> rusqlite::Result<Version> {
        if let Some(version) = self.versions.get(stream_id) {
            return Ok(*version);
        }
        let version: Option<i64> = self.select_version.query_row([stream_id.as_str()], |row| row.get(0))?;
        let version = Version(version.unwrap_or(0).cast_unsigned());
        self.versions.insert(stream_id, version);
        Ok(version)
    }
}

fn begin(connection: &Connection) -> Result<()> {
    run(connection, "BEGIN IMMEDIATE").map_err(|e| error::of("could not append", e))
}

fn commit(connection: &Connection) -> Result<()> {
    run(connection, "COMMIT").map_err(|e| {
        // SQLite rolls back by itself after most failed commits; after the others it must not stay open.
        let _ = rollback(connection);
        error::of_commit(e)
    })
}

fn rollback(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() {
        return Ok(());
    }
    run(connection, "ROLLBACK").map_err(|e| {
        Error::with_source(ErrorKind::Unavailable, "could not roll back; nothing was written", e)
    })
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// Whether an error is about the database and not about the request at hand, such as a damaged row that the
/// request met, or its condition.
fn is_fatal(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as Code;
    let code = error.sqlite_error_code();
    !matches!(code, None | Some(Code::ConstraintViolation | Code::TooBig | Code::TypeMismatch))
        && !error::is_too_large(error)
}
