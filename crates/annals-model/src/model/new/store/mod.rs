//! The model that a store shows of its own: the types, fields and streams that were seen, and the tables beside the log.

mod fields;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::write::write_with;
use crate::model::yaml::Comments;
use crate::model::{Concurrency, Event, Fields, Length, Model, Named, Stream};
use crate::sample::{CategorySample, Sample, Shapes, TypeSample};
use crate::shape::StoreShape;
use crate::text::At;

use super::Draft;
use super::names::{contains, snake, words};
use super::personal::{ask_for_classes, is_personal};

/// A model from what is in a store: its shape, and events of it where some were looked at. Values are in neither,
/// and in no draft.
pub fn from_store(stores: &[StoreShape], sample: Option<&Sample>) -> Draft {
    let none = Sample::default();
    let mut making = Making {
        sample: sample.unwrap_or(&none),
        model: Model::default(),
        comments: Comments::default(),
        notes: Vec::new(),
    };
    let prefix = making.context(stores);
    making.streams(stores);
    making.events(&prefix);
    making.keys();
    making.envelope(stores);
    making.tables(stores);
    making.summary(stores);
    let mut text = write_with(&making.model, &making.comments);
    text.push_str(UNSEEN);
    let context = making.model.context.map(|context| context.value).unwrap_or_default();
    Draft { context, text, notes: making.notes }
}

/// What no store tells.
const UNSEEN: &str = "
# A store does not tell what was asked for, nor why. Name the commands, so that each event has a rule behind it:
#commands:
#  PlaceOrder: { stream: order, once-per: command_id, emits: [OrderPlaced], rejects: [CartEmpty] }
";

struct Making<'s> {
    sample: &'s Sample,
    model: Model,
    comments: Comments,
    notes: Vec<String>,
}

fn text(of: impl Into<String>) -> At<String> {
    At::nowhere(of.into())
}

impl<'s> Making<'s> {
    /// Names the context, and gives what stands in front of all types, which is its name.
    fn context(&mut self, stores: &[StoreShape]) -> String {
        let prefix = common_prefix(self.sample.types.keys().map(String::as_str));
        let name = match prefix.strip_suffix('.') {
            Some(name) => name.to_owned(),
            None => {
                self.comments.beside("context", "a guess");
                let names = std::iter::once(self.sample.name.as_str());
                let mut names = names.chain(stores.iter().map(|store| store.name.as_str())).map(short_name);
                names.find(|name| !name.is_empty()).unwrap_or_else(|| "context".to_owned())
            }
        };
        self.model.context = Some(text(name));
        self.comments.within("", "What a store shows. What it does not show is to be filled in.");
        prefix
    }

    fn streams(&mut self, stores: &[StoreShape]) {
        let guard = stores.iter().flat_map(tables::logs).any(tables::has_version_guard);
        for (category, seen) in &self.sample.categories {
            self.stream(category, guard, length(seen));
            let path = format!("streams.{category}");
            self.lengths(&path, category, seen);
        }
        if self.sample.categories.is_empty() {
            let named = stores.iter().flat_map(tables::logs).filter_map(tables::stream_of);
            for name in named.collect::<BTreeSet<_>>() {
                self.stream(&name, guard, None);
            }
        }
    }

    fn stream(&mut self, name: &str, is_guarded: bool, length: Option<Length>) {
        let path = format!("streams.{name}");
        self.comments.within(&path, format!("why: which rule must hold in one {name}?"));
        if !is_guarded {
            self.comments.within(&path, "concurrency: expected-version, or any with because:");
        }
        if length.is_none() {
            self.comments.within(&path, "length: { usual: …, most: … }");
        }
        self.comments.within(&path, "retain: { for: …, then: archive }");
        let concurrency = is_guarded.then(|| At::nowhere(Concurrency::ExpectedVersion));
        let it = Stream { concurrency, length, ..Stream::default() };
        self.model.streams.push(Named { name: text(name), it });
    }

    fn lengths(&mut self, path: &str, category: &str, seen: &CategorySample) {
        let many = |n: u64| if n == 1 { "1 stream".to_owned() } else { format!("{n} streams") };
        self.comments.beside(path, many(seen.streams));
        if length_is_known(seen) {
            self.comments.beside(format!("{path}.length"), format!("nine in ten have at most {}", seen.most));
        }
        if seen.with_holes > 0 {
            self.notes.push(format!(
                "{category}: in {} of {} streams a version is missing or there twice",
                seen.with_holes, seen.versions_read
            ));
        }
        if seen.of_one > 0 && seen.of_one * 2 > seen.streams {
            self.notes.push(format!("{category}: {} of {} have one event", seen.of_one, many(seen.streams)));
        }
    }

    fn events(&mut self, prefix: &str) {
        let mut personal = Vec::new();
        let mut without_stream = Vec::new();
        for (full_name, seen) in &self.sample.types {
            let name = full_name.strip_prefix(prefix).unwrap_or(full_name);
            let path = format!("events.{name}");
            if let Some(events) = seen.events.or(Some(seen.read)).filter(|events| *events > 0) {
                self.comments.beside(&path, format!("{events} events"));
            }
            let (version, shapes) = latest(seen);
            let read = shapes.map(fields::read).unwrap_or_default();
            for (field, remark) in read.remarks {
                self.comments.beside(format!("{path}.fields.{field}"), remark);
            }
            personal.extend(read.personal.into_iter().map(|field| format!("{name}.{field}")));
            let stream = self.stream_of(name, &read.fields);
            if stream.is_none() {
                self.comments.within(&path, "stream: which one?");
                without_stream.push(name.to_owned());
            }
            self.versions(&path, seen, version);
            let event = Event {
                stream: stream.map(text),
                version: version.filter(|version| *version != 1).map(At::nowhere),
                fields: read.fields,
                ..Event::default()
            };
            self.model.events.push(Named { name: text(name), it: event });
        }
        if !personal.is_empty() {
            self.notes.push(format!("fields that look personal: {}", personal.join(", ")));
            ask_for_classes(&mut self.comments);
        }
        if !without_stream.is_empty() {
            self.notes.push(format!("events of which no stream is known: {}", without_stream.join(", ")));
        }
    }

    /// The category that an event's name, or a field of it, names.
    fn stream_of(&self, event: &str, fields: &Fields) -> Option<String> {
        let categories = &self.model.streams;
        if let [one] = categories.as_slice() {
            return Some(one.name.value.clone());
        }
        let event = words(event);
        let named = |of: &[String]| {
            let named = categories.iter().map(|stream| &stream.name.value);
            // The longest name says most: `order-line` before `order`.
            named.filter(|name| contains(of, &words(name))).max_by_key(|name| name.len()).cloned()
        };
        let by_field = || {
            let mut of: Vec<String> = fields
                .iter()
                .map(|field| words(&field.name.value))
                .filter(|words| words.last().is_some_and(|last| last == "id"))
                .filter_map(|words| named(&words))
                .collect();
            of.dedup();
            if let [one] = of.as_slice() { Some(one.clone()) } else { None }
        };
        named(&event).or_else(by_field)
    }

    /// What told one version from the next, as something to be answered.
    fn versions(&mut self, path: &str, seen: &TypeSample, latest: Option<u32>) {
        let by_number: BTreeMap<u32, &Shapes> =
            seen.versions.iter().filter_map(|(version, shapes)| Some((number(version)?, shapes))).collect();
        for (older, newer) in by_number.iter().zip(by_number.iter().skip(1)) {
            let (was, is) = (fields::names(older.1), fields::names(newer.1));
            let only = |of: &BTreeSet<String>, other: &BTreeSet<String>| {
                of.difference(other).map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ")
            };
            let (gone, came) = (only(&was, &is), only(&is, &was));
            let said = match (came.is_empty(), gone.is_empty()) {
                (true, true) => "has the same fields".to_owned(),
                (false, true) => format!("has no {came}"),
                (true, false) => format!("has {gone} as well"),
                (false, false) => format!("has {gone}, and no {came}"),
            };
            self.comments
                .within(path, format!("upcast: {{ {}: {{ … }} }} # version {} {said}", older.0, older.0));
        }
        let strange: Vec<&str> = seen
            .versions
            .keys()
            .flatten()
            .map(String::as_str)
            .filter(|version| version.parse::<u32>().is_err())
            .collect();
        if !strange.is_empty() {
            self.comments.within(path, format!("versions that are no numbers: {}", strange.join(", ")));
        }
        if latest.is_some() && seen.versions.contains_key(&None) {
            self.comments.within(path, "some events say no version");
        }
    }

    /// How ids of streams are made: the field that all events of one have and that names it.
    fn keys(&mut self) {
        for stream in &mut self.model.streams {
            let name = &stream.name.value;
            let events = self
                .model
                .events
                .iter()
                .filter(|event| event.it.stream.as_ref().is_some_and(|of| of.value == *name));
            let mut common: Option<Vec<String>> = None;
            for event in events {
                let own: Vec<String> = event.it.fields.iter().map(|field| field.name.value.clone()).collect();
                common = Some(match common {
                    Some(common) => common.into_iter().filter(|field| own.contains(field)).collect(),
                    None => own,
                });
            }
            let common = common.unwrap_or_default();
            let of = words(name);
            let is_id = |field: &&String| {
                let field = words(field);
                field.split_last().is_some_and(|(last, rest)| last == "id" && (rest == of || rest.is_empty()))
            };
            let only_id = || {
                let mut ids =
                    common.iter().filter(|field| words(field).last().is_some_and(|last| last == "id"));
                ids.next().filter(|_| ids.next().is_none())
            };
            let field = common.iter().find(is_id).or_else(only_id);
            if field.is_none() {
                self.comments.beside(format!("streams.{name}.key"), "which field?");
            }
            let field = field.cloned().unwrap_or_else(|| format!("{}_id", snake(name)));
            stream.it.key = Some(text(format!("{name}-{{{field}}}")));
        }
    }

    fn envelope(&mut self, stores: &[StoreShape]) {
        const REQUIRED: [(&str, &[&str]); 3] = [
            ("correlation_id", &["correlation id", "correlation"]),
            ("causation_id", &["causation id", "causation", "caused by"]),
            ("actor", &["actor", "actor id", "user id", "user", "issued by"]),
        ];
        let is_called = |name: &str, called: &[&str]| {
            let of = words(name.rsplit('.').next().unwrap_or_default()).join(" ");
            called.contains(&of.as_str())
        };
        for (name, called) in REQUIRED {
            let always = |seen: &TypeSample| {
                seen.read > 0
                    && seen
                        .metadata
                        .iter()
                        .any(|(path, field)| is_called(path, called) && field.read == seen.read)
            };
            let in_sample = !self.sample.types.is_empty() && self.sample.types.values().all(always);
            let in_column = stores.iter().flat_map(tables::logs).any(|log| {
                log.columns.iter().any(|column| is_called(&column.name, called) && !log.may_be_null(column))
            });
            if in_sample || in_column {
                self.model.envelope.require.push(text(name));
            }
        }
    }

    fn tables(&mut self, stores: &[StoreShape]) {
        for store in stores {
            let logs: Vec<&str> = tables::logs(store).map(|log| log.name.as_str()).collect();
            if logs.is_empty() {
                self.notes.push(format!("{}: no table looks like a log of events", store.name));
            } else {
                self.notes.push(format!("{}: the log is {}", store.name, logs.join(", ")));
            }
            for name in tables::types(store) {
                if self.model.event(&name).is_none() && self.sample.types.is_empty() {
                    self.comments.beside(format!("events.{name}"), "from a condition of the log");
                    let stream = self.stream_of(&name, &Fields::new());
                    let event = Event { stream: stream.map(text), ..Event::default() };
                    self.model.events.push(Named { name: text(name), it: event });
                }
            }
            for (name, projection) in tables::projections(store) {
                if self.model.projections.iter().any(|known| known.name.value == name) {
                    continue;
                }
                let path = format!("projections.{name}");
                self.comments.within(&path, "from: which events? or is it no read model?");
                self.comments
                    .within(&path, "duplicates: skip-by-position or idempotent, rebuild: side-by-side");
                for field in projection.fields.iter().filter(|field| is_personal(&field.name.value)) {
                    let path = format!("{path}.fields.{}", field.name.value);
                    self.comments.beside(path, "looks personal: choose a class");
                }
                self.model.projections.push(Named { name: text(name), it: projection });
            }
            if !store.unread.is_empty() {
                self.notes.push(format!(
                    "{}: {} statements were not understood",
                    store.name,
                    store.unread.len()
                ));
            }
        }
    }

    fn summary(&mut self, stores: &[StoreShape]) {
        let sample = self.sample;
        if sample.types.is_empty() {
            self.notes.push("no events were looked at, so their fields are not known".to_owned());
            if self.model.events.is_empty() {
                self.comments.within(
                    "events",
                    "what can have happened: OrderPlaced: { stream: order, fields: { … } }",
                );
            }
        } else {
            let of = sample.events.map(|events| format!(" of {events}")).unwrap_or_default();
            let said = format!("{} event types, {}{of} events looked at", sample.types.len(), sample.read);
            self.notes.insert(0, said);
        }
        if self.model.streams.is_empty() && !stores.is_empty() {
            self.notes.push("no streams are known: name them, each with its rule".to_owned());
        }
    }
}

fn length_is_known(seen: &CategorySample) -> bool {
    seen.streams > 0 && seen.longest > 0
}

fn length(seen: &CategorySample) -> Option<Length> {
    length_is_known(seen).then(|| Length {
        usual: Some(At::nowhere(seen.events.div_ceil(seen.streams.max(1)))),
        most: Some(At::nowhere(Some(seen.longest))),
        span: None,
    })
}

fn number(version: &Option<String>) -> Option<u32> {
    version.as_ref()?.trim_start_matches(['v', 'V']).parse().ok()
}

/// The newest version, and what its payloads look like.
fn latest(seen: &TypeSample) -> (Option<u32>, Option<&Shapes>) {
    let numbered = seen.versions.iter().filter_map(|(version, shapes)| Some((number(version)?, shapes)));
    match numbered.max_by_key(|(version, _)| *version) {
        Some((version, shapes)) => (Some(version), Some(shapes)),
        None => (
            None,
            seen.versions
                .values()
                .max_by_key(|shapes| shapes.shapes.values().map(|shape| shape.read).sum::<u64>()),
        ),
    }
}

/// What stands in front of all of them, up to a point: `shop.` of `shop.OrderPlaced` and `shop.OrderShipped`.
fn common_prefix<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut common: Option<&str> = None;
    for name in names {
        let own = name.rfind('.').map_or("", |at| &name[..=at]);
        common = Some(match common {
            Some(common) => {
                let same = common.bytes().zip(own.bytes()).take_while(|(a, b)| a == b).count();
                common.get(..same).and_then(|same| same.rfind('.').map(|at| &same[..=at])).unwrap_or_default()
            }
            None => own,
        });
    }
    common.unwrap_or_default().to_owned()
}

/// The last part of a path or an address, without what says its kind.
fn short_name(name: &str) -> String {
    let name = name.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    snake(last.split('.').next().unwrap_or_default())
}
