//! Reading as streams of events: pages are fetched as the consumer asks, one ahead of nothing.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::backend::{BoxFuture, Direction, LogRange, StreamRange};
use crate::error::Result;
use crate::event::RecordedEvent;
use crate::query::{Position, Query};
use crate::stream::{StreamId, Version};
use crate::subscribe::BUFFER_EVENTS;

use super::EventStore;

/// Which part of a stream to read. Forward from the first event unless told otherwise.
#[derive(Debug, Clone)]
pub struct ReadStream {
    store: EventStore,
    stream_id: StreamId,
    from: Option<Version>,
    to: Option<Version>,
    direction: Direction,
    limit: Option<usize>,
}

/// Which part of the log to read. Forward from the first event unless told otherwise.
#[derive(Debug, Clone)]
pub struct ReadLog {
    store: EventStore,
    query: Query,
    from: Option<Position>,
    to: Option<Position>,
    direction: Direction,
    limit: Option<usize>,
}

impl ReadStream {
    pub(super) fn new(store: EventStore, stream_id: StreamId) -> Self {
        Self { store, stream_id, from: None, to: None, direction: Direction::Forward, limit: None }
    }

    /// Begins at this version, inclusive.
    #[must_use]
    pub fn from(mut self, version: Version) -> Self {
        self.from = Some(version);
        self
    }

    /// Ends at this version, inclusive: the state as of then.
    #[must_use]
    pub fn to(mut self, version: Version) -> Self {
        self.to = Some(version);
        self
    }

    /// Reads from the newest to the oldest.
    #[must_use]
    pub fn backward(mut self) -> Self {
        self.direction = Direction::Backward;
        self
    }

    /// Reads at most this many events.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Reads all of the part into memory.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn collect(self) -> Result<Vec<RecordedEvent>> {
        self.events().collect().await
    }

    /// Begins to read.
    pub fn events(self) -> Events {
        let start = match self.direction {
            Direction::Forward => Version::FIRST,
            Direction::Backward => Version::END,
        };
        let (store, stream_id, direction, to) = (self.store, self.stream_id, self.direction, self.to);
        Events::new(
            self.limit,
            self.from.unwrap_or(start).0,
            move |from, limit| {
                let store = store.clone();
                let range =
                    StreamRange { stream_id: stream_id.clone(), from: Version(from), direction, limit };
                Box::pin(async move {
                    let page = store.stream_page(range).await?;
                    let next = page.events.last().map(|event| step(event.stream_version.0, direction));
                    let next = next.filter(|_| !page.end).flatten();
                    Ok(Fetched { events: page.events, next })
                })
            },
            move |event| within(event.stream_version, to, direction),
        )
    }
}

impl ReadLog {
    pub(super) fn new(store: EventStore) -> Self {
        Self { store, query: Query::all(), from: None, to: None, direction: Direction::Forward, limit: None }
    }

    /// Reads only the events that match.
    #[must_use]
    pub fn matching(mut self, query: Query) -> Self {
        self.query = query;
        self
    }

    /// Begins at this position, inclusive.
    #[must_use]
    pub fn from(mut self, position: Position) -> Self {
        self.from = Some(position);
        self
    }

    /// Ends at this position, inclusive.
    #[must_use]
    pub fn to(mut self, position: Position) -> Self {
        self.to = Some(position);
        self
    }

    /// Reads from the newest to the oldest.
    #[must_use]
    pub fn backward(mut self) -> Self {
        self.direction = Direction::Backward;
        self
    }

    /// Reads at most this many events.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Reads all of the part into memory.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn collect(self) -> Result<Vec<RecordedEvent>> {
        self.events().collect().await
    }

    /// Begins to read.
    pub fn events(self) -> Events {
        let start = match self.direction {
            Direction::Forward => Position(1),
            Direction::Backward => Position::END,
        };
        let (store, query, direction, to) = (self.store, self.query, self.direction, self.to);
        Events::new(
            self.limit,
            self.from.unwrap_or(start).0,
            move |from, limit| {
                let store = store.clone();
                let range = LogRange { query: query.clone(), from: Position(from), direction, limit };
                Box::pin(async move {
                    let page = store.log_page(range).await?;
                    let next = page.events.last().map(|event| step(event.position.0, direction));
                    let next = next.filter(|_| !page.end).flatten();
                    Ok(Fetched { events: page.events, next })
                })
            },
            move |event| within(event.position, to, direction),
        )
    }
}

/// Where the page after this place begins; nowhere before the first.
fn step(place: u64, direction: Direction) -> Option<u64> {
    match direction {
        Direction::Forward => place.checked_add(1),
        Direction::Backward => place.checked_sub(1).filter(|place| *place > 0),
    }
}

fn within<T: Ord>(place: T, to: Option<T>, direction: Direction) -> bool {
    to.is_none_or(|to| match direction {
        Direction::Forward => place <= to,
        Direction::Backward => place >= to,
    })
}

struct Fetched {
    events: Vec<RecordedEvent>,
    /// Where the next page begins, unless this was the last.
    next: Option<u64>,
}

type Fetch = Box<dyn FnMut(u64, usize) -> BoxFuture<'static, Result<Fetched>> + Send>;

/// A page on its way, or here.
enum Pending {
    Reading(BoxFuture<'static, Result<Fetched>>),
    Read(Result<Fetched>),
}

impl Pending {
    /// Lets the reading go on, without waiting for it.
    fn go_on(&mut self, cx: &mut Context<'_>) {
        if let Self::Reading(page) = self
            && let Poll::Ready(page) = page.as_mut().poll(cx)
        {
            *self = Self::Read(page);
        }
    }
}

/// Events one after the other, read page by page as they are asked for. The second page is read while the second
/// half of the first is taken; whoever has come so far is likely to go on, so a third is read while the second is.
pub struct Events {
    fetch: Fetch,
    within: Box<dyn Fn(&RecordedEvent) -> bool + Send>,
    next: Option<u64>,
    left: usize,
    buffer: VecDeque<RecordedEvent>,
    /// How many are left in the buffer when the next page is asked for.
    ahead: usize,
    /// A page has been read.
    begun: bool,
    pending: Option<Pending>,
}

impl Events {
    fn new(
        limit: Option<usize>,
        from: u64,
        fetch: impl FnMut(u64, usize) -> BoxFuture<'static, Result<Fetched>> + Send + 'static,
        within: impl Fn(&RecordedEvent) -> bool + Send + 'static,
    ) -> Self {
        Self {
            fetch: Box::new(fetch),
            within: Box::new(within),
            next: Some(from),
            left: limit.unwrap_or(usize::MAX),
            buffer: VecDeque::new(),
            ahead: 0,
            begun: false,
            pending: None,
        }
    }

    /// The next event; `None` after the last.
    ///
    /// # Errors
    /// What the store failed with; calling again tries again.
    pub async fn next(&mut self) -> Result<Option<RecordedEvent>> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// All events that are left.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn collect(mut self) -> Result<Vec<RecordedEvent>> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await? {
            events.push(event);
        }
        Ok(events)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<RecordedEvent>>> {
        loop {
            if self.left == 0 {
                return Poll::Ready(Ok(None));
            }
            // A store whose pages are at hand would never make its reader give way to other tasks.
            let turn = std::task::ready!(tokio::task::coop::poll_proceed(cx));
            if let Some(event) = self.buffer.pop_front() {
                turn.made_progress();
                if !(self.within)(&event) {
                    self.left = 0;
                    return Poll::Ready(Ok(None));
                }
                self.left -= 1;
                if self.buffer.len() == self.ahead {
                    self.read_on();
                    if let Some(pending) = &mut self.pending {
                        pending.go_on(cx);
                    }
                }
                return Poll::Ready(Ok(Some(event)));
            }
            self.read_on();
            let Some(pending) = &mut self.pending else { return Poll::Ready(Ok(None)) };
            pending.go_on(cx);
            let page = match self.pending.take() {
                Some(Pending::Read(page)) => page,
                reading => {
                    self.pending = reading;
                    return Poll::Pending;
                }
            };
            turn.made_progress();
            let page = page?;
            self.next = page.next;
            self.ahead = if self.begun { page.events.len().saturating_sub(1) } else { page.events.len() / 2 };
            self.begun = true;
            self.buffer.extend(page.events);
        }
    }

    /// Asks for the next page, unless it is on its way or nobody wants it.
    fn read_on(&mut self) {
        let wanted = self.left.saturating_sub(self.buffer.len());
        if let (None, Some(from), 1..) = (&self.pending, self.next, wanted) {
            self.pending = Some(Pending::Reading((self.fetch)(from, wanted.min(BUFFER_EVENTS))));
        }
    }
}

impl Stream for Events {
    type Item = Result<RecordedEvent>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx).map(Result::transpose)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("next", &self.next)
            .field("buffered", &self.buffer.len())
            .finish_non_exhaustive()
    }
}
