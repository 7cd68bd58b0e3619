//! Events on their way into a store, in their order and under their ids: what `import` and `copy` share. What is
//! there already is recognised (rule 6), so a transfer that was interrupted is run again.

use std::collections::{HashMap, HashSet};

use annals::{Append, Error, EventId, EventStore, Expected, NewEvent, StreamId};

use crate::failure::Failure;

/// Events in one batch.
pub(crate) const BATCH_MAX: usize = 512;

/// Bytes of events after which a batch is written.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// Writes events into a store, a batch at a time.
pub(crate) struct Transfer {
    pub(crate) store: EventStore,
    /// What is said of an event that is refused, by the number it came with.
    refused: fn(u64, Error) -> Failure,
    batch: Batch,
    /// Events that are there now and were not before.
    pub(crate) written: u64,
    /// Events that were there already.
    pub(crate) already: u64,
}

#[derive(Default)]
struct Batch {
    /// One append for each event, so that each is recognised on its own, and its number.
    appends: Vec<(u64, Append)>,
    ids: HashSet<EventId>,
    bytes: usize,
}

impl Transfer {
    pub(crate) fn into(store: EventStore, refused: fn(u64, Error) -> Failure) -> Self {
        Self { store, refused, batch: Batch::default(), written: 0, already: 0 }
    }

    /// Takes an event; it is written at the latest with [`flush`](Self::flush).
    pub(crate) async fn push(
        &mut self,
        number: u64,
        stream_id: StreamId,
        event: NewEvent,
    ) -> Result<(), Failure> {
        let event_id = event.event_id;
        let bytes = event.payload.as_bytes().len() + event.metadata.as_str().len();
        let append = Append::to(stream_id, Expected::Any, [event]);
        append.check(self.store.capabilities()).map_err(|error| (self.refused)(number, error))?;
        // The same id twice: the second is judged when the first is in the store.
        if !self.batch.ids.insert(event_id) {
            self.flush().await?;
            self.batch.ids.insert(event_id);
        }
        self.batch.appends.push((number, append));
        self.batch.bytes += bytes;
        if self.batch.appends.len() >= BATCH_MAX || self.batch.bytes >= BATCH_BYTES_MAX {
            self.flush().await?;
        }
        Ok(())
    }

    /// Writes what has come and counts. Appends are independent (rule 5), but a transfer stops at the first
    /// event that is refused: so what will be refused is looked for before anything after it is written.
    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        let Batch { mut appends, .. } = std::mem::take(&mut self.batch);
        if appends.is_empty() {
            return Ok(());
        }
        let mut first = None;
        if let Some((index, failure)) = self.refusal(&appends).await? {
            appends.truncate(index);
            first = Some(failure);
        }
        let (numbers, appends): (Vec<u64>, Vec<Append>) = appends.into_iter().unzip();
        let mut failed = None;
        for (number, answer) in numbers.into_iter().zip(self.store.append_all(appends).await) {
            match answer {
                Ok(appended) if appended.duplicate => self.already += 1,
                Ok(_) => self.written += 1,
                Err(error) => failed = failed.or_else(|| Some((self.refused)(number, error))),
            }
        }
        failed.or(first).map_or(Ok(()), Err)
    }

    /// The first of these appends whose id belongs to another event.
    async fn refusal(&self, appends: &[(u64, Append)]) -> Result<Option<(usize, Failure)>, Failure> {
        if !self.store.capabilities().store_wide_event_ids {
            return Ok(None);
        }
        let ids =
            appends.iter().flat_map(|(_, append)| append.events.iter().map(|(_, event)| event.event_id));
        let known: HashMap<_, _> = self
            .store
            .events(ids.collect())
            .await?
            .into_iter()
            .map(|event| (event.event_id, event))
            .collect();
        for (index, (number, append)) in appends.iter().enumerate() {
            let known: Vec<_> =
                append.events.iter().map(|(_, event)| known.get(&event.event_id).cloned()).collect();
            if let Err(error) = append.recognise(&known, |position| self.store.checkpoint_at(position)) {
                return Ok(Some((index, (self.refused)(*number, error))));
            }
        }
        Ok(None)
    }
}
