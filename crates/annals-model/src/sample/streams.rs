//! The streams of the events that were looked at: which versions, how many, and what their ids begin with.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::seen::hash;
use super::{EventSeen, Look, Sample};

/// From here on further categories are not told apart.
const CATEGORIES_MAX: usize = 256;

/// So many streams whose whole id is their category are streams of one category that has no name.
const SINGLE_MAX: usize = 16;

/// What a store itself says of a whole stream.
#[derive(Debug, Clone, Copy)]
pub struct StreamTold<'a> {
    /// Its id, or the category and the id.
    pub stream_id: &'a str,
    /// How many events it has.
    pub events: u64,
    /// Its versions, where they were looked at.
    pub versions: Option<VersionsTold>,
}

/// The versions of a stream.
#[derive(Debug, Clone, Copy)]
pub struct VersionsTold {
    /// The lowest.
    pub first: u64,
    /// The highest.
    pub last: u64,
    /// How many there are that are not alike.
    pub distinct: u64,
}

/// What is known of streams while events come in, and what [`Sample::settle`] makes statistics from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(super) ids: HashSet<u64>,
    streams: HashMap<u64, StreamSeen>,
    categories: BTreeMap<String, CategorySeen>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct StreamSeen {
    pub(crate) category: String,
    pub(crate) events: u64,
    pub(crate) is_whole: bool,
    /// Versions that follow each other, as first and last, in order.
    pub(crate) runs: Vec<(u64, u64)>,
    pub(crate) is_doubled: bool,
    /// Whether the store itself said all of this.
    is_told: bool,
}

#[derive(Debug, Clone, Default)]
struct CategorySeen {
    is_whole_id: bool,
}

impl Sample {
    /// Takes in what the store says of a whole stream. Where it says so of any, categories are made of those streams
    /// alone, because of the others a part was seen.
    pub fn tell(&mut self, told: &StreamTold<'_>) {
        let stream = self.seen.known(told.stream_id);
        stream.events = told.events;
        (stream.is_told, stream.is_whole) = (true, true);
        stream.is_doubled = told.versions.is_some_and(|versions| versions.distinct < told.events);
        stream.runs = match told.versions {
            None => Vec::new(),
            Some(VersionsTold { first, last, distinct })
                if (last - first.min(last)).saturating_add(1) == distinct =>
            {
                vec![(first, last)]
            }
            Some(VersionsTold { first, last, .. }) => vec![(first, first), (last, last)],
        };
    }

    /// Works out what is said of categories. Where the store itself has told of more events, that stays.
    pub fn settle(&mut self) {
        let all = self.seen.categories.len();
        let single = self.seen.categories.values().filter(|category| category.is_whole_id).count();
        // Ids that hardly ever begin alike do not begin with a category.
        if all > SINGLE_MAX * 2 && self.seen.streams.len() < all * 2 {
            self.join(|_| true);
        } else if single > SINGLE_MAX {
            self.join(|category| category.is_whole_id);
        }
        let mut by_category: BTreeMap<&str, Vec<&StreamSeen>> = BTreeMap::new();
        let is_any_told = self.seen.streams.values().any(|stream| stream.is_told);
        for stream in self.seen.streams.values().filter(|stream| stream.is_told || !is_any_told) {
            by_category.entry(&stream.category).or_default().push(stream);
        }
        for (name, streams) in by_category {
            let category = self.categories.entry(name.to_owned()).or_default();
            let mut lengths: Vec<u64> = streams.iter().map(|stream| stream.length()).collect();
            lengths.sort_unstable();
            let events = streams.iter().map(|stream| stream.events).sum();
            if events >= category.events {
                category.events = events;
                category.streams = count(lengths.len());
                category.longest = lengths.last().copied().unwrap_or(0);
                category.most =
                    lengths.get((lengths.len() * 9).div_ceil(10).saturating_sub(1)).copied().unwrap_or(0);
                category.of_one = count(lengths.iter().filter(|length| **length == 1).count());
            }
            category.versions_read = count(streams.iter().filter(|stream| stream.tells_holes()).count());
            category.with_holes = count(streams.iter().filter(|stream| stream.has_hole()).count());
        }
    }

    /// Ids that are names of nothing but themselves may be values, such as the name of a person.
    fn join(&mut self, is_no_name: impl Fn(&CategorySeen) -> bool) {
        let single: BTreeSet<String> = (self.seen.categories.iter())
            .filter(|(_, category)| is_no_name(category))
            .map(|(name, _)| name.clone())
            .collect();
        self.seen.categories.retain(|name, _| !single.contains(name));
        for stream in self.seen.streams.values_mut() {
            if single.contains(&stream.category) {
                stream.category.clear();
            }
        }
        for seen in self.types.values_mut() {
            let joined: u64 = single.iter().filter_map(|name| seen.categories.remove(name)).sum();
            if joined > 0 {
                *seen.categories.entry(String::new()).or_default() += joined;
            }
        }
    }

    /// Says of every stream that all of its events were looked at, or that they were not.
    pub(super) fn streams_are_whole(&mut self, is_whole: impl Fn(&StreamSeen) -> bool) {
        for stream in self.seen.streams.values_mut() {
            stream.is_whole = is_whole(stream);
        }
    }

    /// The streams that were seen.
    pub(super) fn streams(&self) -> impl Iterator<Item = &StreamSeen> {
        self.seen.streams.values()
    }
}

impl Seen {
    /// What is known of a stream, from now on at least its category.
    fn known(&mut self, id: &str) -> &mut StreamSeen {
        match self.streams.entry(hash(id)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let (mut name, is_whole_id) = category(id);
                let is_known = self.categories.contains_key(name);
                if !is_known && self.categories.len() >= CATEGORIES_MAX {
                    name = "";
                }
                self.categories.entry(name.to_owned()).or_default().is_whole_id |= is_whole_id;
                new.insert(StreamSeen { category: name.to_owned(), is_whole: true, ..StreamSeen::default() })
            }
        }
    }

    /// Notes an event of a stream, and tells its category.
    pub(super) fn stream(&mut self, id: &str, event: &EventSeen<'_>) -> String {
        let stream = self.known(id);
        if stream.is_told {
            return stream.category.clone();
        }
        stream.events += 1;
        stream.is_whole &= event.stream_is_whole;
        if let Some(version) = event.stream_version {
            stream.version(version);
        }
        stream.category.clone()
    }
}

impl StreamSeen {
    /// How many events it has, as far as those that were seen tell.
    fn length(&self) -> u64 {
        let (first, last) =
            (self.runs.first().map_or(0, |run| run.0), self.runs.last().map_or(0, |run| run.1));
        // A version beyond every proportion is a position in the store.
        let is_version = first <= 1 && !self.is_whole;
        if is_version { self.events.max((last - first).saturating_add(1)) } else { self.events }
    }

    pub(super) fn has_gap(&self) -> bool {
        self.runs.len() > 1
    }

    /// Whether a hole would be seen, or one was.
    fn tells_holes(&self) -> bool {
        !self.runs.is_empty() && (self.is_whole || self.is_doubled)
    }

    fn has_hole(&self) -> bool {
        self.is_doubled || (self.is_whole && self.has_gap())
    }

    fn version(&mut self, version: u64) {
        // The run that the version is in, or would be the end of.
        let at = self.runs.partition_point(|run| run.0 <= version);
        let before = at.checked_sub(1);
        if before.and_then(|at| self.runs.get(at)).is_some_and(|run| version <= run.1) {
            self.is_doubled = true;
            return;
        }
        let follows = before.filter(|at| self.runs[*at].1.checked_add(1) == Some(version));
        let precedes =
            (at < self.runs.len() && version.checked_add(1) == Some(self.runs[at].0)).then_some(at);
        match (follows, precedes) {
            (Some(before), Some(next)) => {
                self.runs[before].1 = self.runs[next].1;
                self.runs.remove(next);
            }
            (Some(before), None) => self.runs[before].1 = version,
            (None, Some(next)) => self.runs[next].0 = version,
            (None, None) => self.runs.insert(at, (version, version)),
        }
    }
}

/// The category of a stream, and whether that is its whole id; empty where the id gives none that can be told.
fn category(id: &str) -> (&str, bool) {
    let name = id.split(['-', '/']).next().unwrap_or_default();
    let is_name = Look::of(id).is_none()
        && name.len() <= 64
        && name.starts_with(|c: char| c.is_alphabetic() || c == '$' || c == '_')
        && !name.contains('@')
        && name.chars().filter(char::is_ascii_digit).count() < 4;
    if is_name { (name, name.len() == id.len()) } else { ("", false) }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_stream(id: &str, versions: &[u64], is_whole: bool) -> Sample {
        let mut sample = Sample::default();
        for version in versions {
            sample.add(&EventSeen {
                stream_id: Some(id),
                stream_version: Some(*version),
                stream_is_whole: is_whole,
                event_type: "t",
                ..EventSeen::default()
            });
        }
        sample.settle();
        sample
    }

    #[test]
    fn a_missing_version_is_a_hole_where_the_stream_is_whole() {
        for (versions, is_whole, holes) in [
            (&[1, 2, 3][..], true, 0),
            (&[3, 1, 2], true, 0),
            (&[7, 8, 9], true, 0),
            (&[1, 3], true, 1),
            (&[1, 3], false, 0),
            (&[1, 2, 2], true, 1),
            (&[5, 5], false, 1),
        ] {
            let sample = of_stream("order-1", versions, is_whole);
            assert_eq!(sample.categories["order"].with_holes, holes, "{versions:?} {is_whole}");
        }
    }

    #[test]
    fn the_length_of_a_stream_of_which_a_part_was_read_is_told_by_its_last_version() {
        assert_eq!(of_stream("order-1", &[1, 40_000], false).categories["order"].longest, 40_000);
        assert_eq!(of_stream("order-1", &[39_999, 40_000], false).categories["order"].longest, 2);
    }

    #[test]
    fn what_a_store_tells_of_whole_streams_is_all_that_categories_are_made_of() {
        let mut sample = Sample::default();
        let seen =
            |stream_id| EventSeen { stream_id: Some(stream_id), event_type: "t", ..EventSeen::default() };
        sample.add(&seen("order-1"));
        let versions = |first, last, distinct| Some(VersionsTold { first, last, distinct });
        for (stream_id, events, versions) in [
            ("order-1", 9, versions(1, 9, 9)),
            ("order-2", 2, versions(0, 2, 2)),
            ("order-3", 1, versions(4, 4, 1)),
            ("order-4", 3, versions(1, 2, 2)),
            ("order-5", 700, None),
        ] {
            sample.tell(&StreamTold { stream_id, events, versions });
        }
        sample.add(&seen("order-2"));
        sample.add(&seen("order-6"));
        sample.settle();
        let orders = &sample.categories["order"];
        assert_eq!((orders.streams, orders.events, orders.longest, orders.of_one), (5, 715, 700, 1));
        assert_eq!((orders.with_holes, orders.versions_read), (2, 4));
    }

    #[test]
    fn ids_that_are_values_are_no_categories() {
        let mut sample = Sample::default();
        let many: Vec<String> = (0..40)
            .map(|n| format!("person{}", char::from(b'A' + n % 26)).repeat(1 + usize::from(n / 26)))
            .collect();
        let ids = ["anna@example.org", "0199f3a2-7c1e-7d4f-8a6b-5c4d3e2f1a0b", "+4915123456789", "12345"];
        for id in ids.into_iter().chain(many.iter().map(String::as_str)) {
            sample.add(&EventSeen { stream_id: Some(id), event_type: "t", ..EventSeen::default() });
        }
        sample.settle();
        assert_eq!(sample.categories.keys().collect::<Vec<_>>(), [""]);
        assert_eq!(sample.types["t"].categories.keys().collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn ids_that_hardly_ever_begin_alike_have_no_category() {
        let mut sample = Sample::default();
        let ids: Vec<String> =
            (0..40).map(|n| format!("p{}{}-1", char::from(b'a' + n % 26), n / 26)).collect();
        for id in &ids {
            sample.add(&EventSeen { stream_id: Some(id), event_type: "t", ..EventSeen::default() });
        }
        sample.settle();
        assert_eq!(sample.categories.keys().collect::<Vec<_>>(), [""]);
    }
}
