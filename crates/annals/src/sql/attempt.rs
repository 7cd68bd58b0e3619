//! The order in which a batch is tried, where the database has a procedure for what goes well at once and tells
//! by a duplicate key that an event is there already.

use std::error::Error as StdError;
use std::future::Future;

use crate::append::{Append, Appended};
use crate::error::{Error, ErrorKind, Result};
use crate::query::Position;

use super::{Identity, Optimist, Refusal, gone};

/// How many digits a procedure gives each version.
const VERSION_DIGITS: usize = 20;

/// Whether the events of a batch are looked up by their ids before it is decided.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    Unknown,
    LookedUp,
}

/// What each request of a batch is answered with, and where the log ends.
type Tried<E> = Result<(Vec<Result<Appended>>, Position), Refusal<E>>;

/// What the database's own part of writing does.
pub(crate) trait Attempts: Sync {
    type Connection: Send;
    type Failure: StdError + Send + Sync + 'static;

    /// A batch up to here goes to the procedure.
    const AT_ONCE_BYTES_MAX: usize;

    fn identity(&self) -> &Identity;

    /// One round trip, in which everything goes well or nothing is written; `None` in the latter case.
    fn append_at_once(
        &self,
        connection: &mut Self::Connection,
        optimist: &Optimist<'_>,
        batch: &[Append],
    ) -> impl Future<Output = Result<Option<Vec<Appended>>, Refusal<Self::Failure>>> + Send;

    /// Looks up, decides request by request, writes what is accepted, and ends the transaction; also says where
    /// the log then ends.
    fn try_append(
        &self,
        connection: &mut Self::Connection,
        ids: Ids,
        batch: &[Append],
    ) -> impl Future<Output = Tried<Self::Failure>> + Send;

    /// Carries out a batch (rules 1 to 6, 12 and 13); also says where the log ends afterwards, if it is
    /// known.
    fn append(
        &self,
        connection: &mut Self::Connection,
        batch: &[Append],
    ) -> impl Future<Output = Result<(Vec<Result<Appended>>, Option<Position>)>> + Send {
        async move {
            let bytes: usize =
                batch.iter().flat_map(|append| &append.events).map(|(_, event)| event.bytes()).sum();
            let mut ids = Ids::Unknown;
            if self.identity().formula.is_none()
                && bytes <= Self::AT_ONCE_BYTES_MAX
                && let Some(optimist) = Optimist::of(batch)
            {
                match self.append_at_once(connection, &optimist, batch).await {
                    Ok(Some(appended)) => {
                        let last = appended.last().map(|appended| appended.last_position);
                        return Ok((appended.into_iter().map(Ok).collect(), last));
                    }
                    Ok(None) | Err(Refusal::Row(_)) => ids = Ids::LookedUp,
                    Err(Refusal::Whole(error)) => return Err(error),
                }
            }
            // That an event is there already is rare and found out by inserting it.
            let first = match self.try_append(connection, ids, batch).await {
                Err(Refusal::Row(_)) if ids == Ids::Unknown => {
                    self.try_append(connection, Ids::LookedUp, batch).await
                }
                first => first,
            };
            match first {
                Ok((results, last)) => Ok((results, Some(last))),
                Err(Refusal::Whole(error)) => Err(error),
                Err(refused @ Refusal::Row(_)) if batch.len() == 1 => Ok((vec![Err(refused.into())], None)),
                // Which request it was, the database does not say.
                Err(Refusal::Row(_)) => {
                    let mut results = Vec::with_capacity(batch.len());
                    for append in batch {
                        let alone = std::slice::from_ref(append);
                        results.push(match self.try_append(connection, Ids::LookedUp, alone).await {
                            Ok((mut results, _)) => results.pop().unwrap_or_else(|| Err(gone())),
                            Err(refusal) => Err(refusal.into()),
                        });
                    }
                    Ok((results, None))
                }
            }
        }
    }
}

/// The versions of a batch's streams, as a procedure gives them, one behind the other.
pub(crate) fn versions(digits: &str) -> Result<Vec<u64>> {
    let version = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse().ok();
    let versions = digits.as_bytes().chunks(VERSION_DIGITS).map(version).collect::<Option<_>>();
    versions.ok_or_else(|| Error::new(ErrorKind::Corrupt, "the procedure's versions are no numbers"))
}
