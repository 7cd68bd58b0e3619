//! Queries select events by type, tag and stream, for reading and for guarding an append.

use std::fmt;

use crate::event::{EventType, RecordedEvent, Tag, Tags};
use crate::stream::{Category, StreamId, category_of};

/// An event's place in the store-wide order: the first event is 1, and 0 is before it.
///
/// Rely on the order, never on density: retention leaves holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);
    /// Beyond every event: where reading backward from the end begins.
    pub const END: Self = Self(u64::MAX);

    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The position before this one; the start has none before it.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which streams an item of a query looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Scope {
    /// Every stream.
    #[default]
    All,
    /// One stream.
    Stream(StreamId),
    /// The streams whose ids begin with this text, compared byte by byte.
    Prefix(String),
    /// The streams of one category.
    Category(Category),
}

impl Scope {
    fn contains(&self, stream_id: &StreamId) -> bool {
        match self {
            Self::All => true,
            Self::Stream(id) => id == stream_id,
            Self::Prefix(prefix) => stream_id.as_str().starts_with(prefix.as_str()),
            Self::Category(category) => category_of(stream_id.as_str()) == category.as_str(),
        }
    }
}

/// Events of any of these types, with all of these tags, in this scope. No types means every type;
/// an empty item matches every event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct QueryItem {
    /// The event has one of these types; any type where this is empty.
    pub types: Vec<EventType>,
    /// The event has all of these tags.
    pub tags: Vec<Tag>,
    /// The event is in one of these streams.
    pub scope: Scope,
}

impl QueryItem {
    /// Whether an event of this stream and type, with these tags, matches.
    pub fn matches(&self, stream_id: &StreamId, event_type: &EventType, tags: &Tags) -> bool {
        (self.types.is_empty() || self.types.contains(event_type))
            && self.tags.iter().all(|tag| tags.contains(tag))
            && self.scope.contains(stream_id)
    }
}

/// Selects the events that match any of its items, of which there is at least one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    items: Vec<QueryItem>,
}

impl Query {
    /// Every event.
    pub fn all() -> Self {
        QueryItem::default().into()
    }

    /// The events of one stream.
    pub fn stream(stream_id: StreamId) -> Self {
        QueryItem { scope: Scope::Stream(stream_id), ..QueryItem::default() }.into()
    }

    /// The events of the streams of one category.
    pub fn category(category: Category) -> Self {
        QueryItem { scope: Scope::Category(category), ..QueryItem::default() }.into()
    }

    /// The events with all of these tags.
    pub fn tags(tags: impl IntoIterator<Item = Tag>) -> Self {
        QueryItem { tags: tags.into_iter().collect(), ..QueryItem::default() }.into()
    }

    /// The events of any of these types; without a type, every event.
    pub fn types(types: impl IntoIterator<Item = EventType>) -> Self {
        QueryItem { types: types.into_iter().collect(), ..QueryItem::default() }.into()
    }

    /// The events that match this query or the other.
    #[must_use]
    pub fn or(mut self, other: impl Into<Self>) -> Self {
        for item in other.into().items {
            if !self.items.contains(&item) {
                self.items.push(item);
            }
        }
        self
    }

    /// The events that match this query and are of any of these types; without a type, all that match it.
    #[must_use]
    pub fn of_types(mut self, types: impl IntoIterator<Item = EventType>) -> Self {
        let types: Vec<EventType> = types.into_iter().collect();
        if types.is_empty() {
            return self;
        }
        for item in &mut self.items {
            if item.types.is_empty() {
                item.types.clone_from(&types);
            } else {
                item.types.retain(|known| types.contains(known));
            }
        }
        self.items.retain(|item| !item.types.is_empty());
        self
    }

    /// The items, any of which an event has to match. Empty only when narrowed by
    /// [`of_types`](Self::of_types) to nothing; then no event matches.
    pub fn items(&self) -> &[QueryItem] {
        &self.items
    }

    /// Whether every event matches.
    pub fn is_all(&self) -> bool {
        self.items.contains(&QueryItem::default())
    }

    /// Whether this event matches.
    pub fn matches(&self, event: &RecordedEvent) -> bool {
        self.items.iter().any(|item| item.matches(&event.stream_id, &event.event_type, &event.tags))
    }
}

impl From<QueryItem> for Query {
    fn from(item: QueryItem) -> Self {
        Self { items: vec![item] }
    }
}

/// Fails an append when an event matching `query` exists after `after` (rule 13): the dynamic
/// consistency boundary of Sara Pellegrini's "Killing the Aggregate", as specified at dcb.events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The events the decision has looked at.
    pub query: Query,
    /// The position up to which it has seen them.
    pub after: Position,
}
