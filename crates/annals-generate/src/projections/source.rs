//! Where the value of one column comes from when one event happens.

use annals_model::model::{Amount, Event, FieldType, Model, Named, Projection, Set, takes};
use serde_json::Value as Json;

use crate::names::snake;

/// What is written into a column.
#[derive(Debug, Clone)]
pub(super) enum Write {
    Put(From),
    /// Only into a row that is made.
    Begin(From),
    Add(From),
    Subtract(From),
}

impl Write {
    pub(super) fn is_sum(&self) -> bool {
        matches!(self, Self::Add(_) | Self::Subtract(_))
    }
}

/// Where a value comes from.
#[derive(Debug, Clone)]
pub(super) enum From {
    Value(Json),
    /// A field of the event.
    Field(Path),
    /// When it happened.
    OccurredAt,
}

/// A field of an event, `deliver_to.city` inside another one.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) path: String,
    /// What stands for it in events of older versions, the oldest first.
    pub(super) older: Vec<Older>,
    pub(super) may_be_missing: bool,
}

/// What stands for a field in events of older versions.
#[derive(Debug, Clone)]
pub(super) struct Older {
    /// In those of this version, and of those before it that nothing older is said of.
    pub(super) up_to: u32,
    /// NULL where they have nothing of it.
    pub(super) from: From,
}

/// What an event writes into a field of the projection; an error is what cannot be known.
pub(super) fn of(
    model: &Model,
    projection: &Projection,
    event: &Named<Event>,
    field: &str,
    kind: &FieldType,
) -> Result<Option<Write>, String> {
    let at = |path: &str| From::Field(at(&event.it, path));
    let amount = |amount: &Amount| match amount {
        Amount::Number(number) => From::Value(Json::Number(number.clone())),
        Amount::Field(path) => at(path),
    };
    if let Some(set) = said(projection, event, field) {
        return Ok(Some(match set {
            Set::Value(value) => Write::Put(From::Value(value.clone())),
            Set::Field(path) => Write::Put(at(path)),
            Set::Add(by) => Write::Add(amount(by)),
            Set::Subtract(by) => Write::Subtract(amount(by)),
        }));
    }
    let found = named(model, &event.it, field, kind);
    match found.as_slice() {
        [path] => return Ok(Some(Write::Put(at(path)))),
        [] => {}
        several => {
            return Err(format!(
                "{field} may be {} of {}: say under `sets` which.",
                several.join(" or "),
                event.name.value
            ));
        }
    }
    Ok(match kind {
        FieldType::Name(name) if name == "time" && !is_told(model, projection, field, kind) => {
            time(projection, event, field)
        }
        _ => None,
    })
}

/// Whether one of the projection's events has the field itself, so that it is not a time of the log.
fn is_told(model: &Model, projection: &Projection, field: &str, kind: &FieldType) -> bool {
    let mut events = projection.from.iter().filter_map(|event| model.event(&event.value));
    events.any(|event| {
        said(projection, event, field).is_some() || !named(model, &event.it, field, kind).is_empty()
    })
}

/// Where an event has the key; `None` where it does not say it.
pub(super) fn key(model: &Model, projection: &Projection, event: &Named<Event>, key: &str) -> Option<String> {
    match said(projection, event, key) {
        Some(Set::Field(path)) => return Some(path.clone()),
        Some(_) => return None,
        None => {}
    }
    if event.it.schema.is_some() || model.field_at(&event.it, key).is_some() {
        return Some(key.to_owned());
    }
    let mut nested = nested(model, &event.it, key);
    (nested.len() == 1).then(|| nested.remove(0))
}

fn said<'m>(projection: &'m Projection, event: &Named<Event>, field: &str) -> Option<&'m Set> {
    let sets = projection.sets.iter().find(|sets| sets.name.value == event.name.value)?;
    sets.it.iter().find(|set| set.name.value == field).map(|set| &set.it.value)
}

/// The fields of an event that have this name and fit.
fn named(model: &Model, event: &Event, field: &str, kind: &FieldType) -> Vec<String> {
    let fits = |path: &String| model.field_at(event, path).is_some_and(|of| takes(kind, of));
    let own = Some(field.to_owned()).filter(fits);
    match own {
        Some(own) => vec![own],
        None => nested(model, event, field).into_iter().filter(fits).collect(),
    }
}

/// The fields inside fields that have this name, with the outer one's name in front or without: `city` or
/// `deliver_to_city` is `deliver_to.city`.
fn nested(model: &Model, event: &Event, field: &str) -> Vec<String> {
    let inside = event.fields.iter().flat_map(|outer| {
        let outer_name = outer.name.value.as_str();
        let members = model.members(&outer.it.kind.value).into_iter();
        let is_meant =
            move |member: &&str| *member == field || field == format!("{outer_name}_{member}").as_str();
        members.filter(is_meant).map(move |member| format!("{outer_name}.{member}"))
    });
    inside.collect()
}

/// `placed_at` is when the event happened that ends in `placed`, `created_at` when the row was made, and any other
/// when it was last written.
fn time(projection: &Projection, event: &Named<Event>, field: &str) -> Option<Write> {
    let stem = snake(field).strip_suffix("_at")?.to_owned();
    let ends = |name: &str| snake(name).split('_').next_back() == Some(stem.as_str());
    if ends(&event.name.value) {
        return Some(Write::Put(From::OccurredAt));
    }
    if projection.from.iter().any(|from| ends(&from.value)) {
        return None;
    }
    let is_first = stem == "created" || stem.split('_').next() == Some("first");
    Some(if is_first { Write::Begin(From::OccurredAt) } else { Write::Put(From::OccurredAt) })
}

/// A field, with what older versions of the event have in its place: what an upcast does, only to the versions it reads.
fn at(event: &Event, path: &str) -> Path {
    let (mut name, inside) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let is_optional = event.fields.iter().any(|field| field.name.value == name && field.it.is_optional);
    let mut upcasts: Vec<_> = event.upcasts.iter().collect();
    upcasts.sort_by_key(|upcast| std::cmp::Reverse(upcast.from.value));
    let mut older = Vec::new();
    for upcast in &upcasts {
        let up_to = upcast.from.value;
        if let Some(add) = upcast.add.iter().find(|add| add.name.value == name) {
            let value: Json = serde_json::from_str(&add.it.value).unwrap_or(Json::Null);
            let inner = inside.into_iter().flat_map(|inside| inside.split('.'));
            let value = inner.fold(&value, |value, name| value.get(name).unwrap_or(&Json::Null)).clone();
            older.push(Older { up_to, from: From::Value(value) });
            break;
        } else if let Some(rename) = upcast.rename.iter().find(|rename| rename.it.value == name) {
            name = &rename.name.value;
            let path = inside.map_or_else(|| name.to_owned(), |inside| format!("{name}.{inside}"));
            older.push(Older {
                up_to,
                from: From::Field(Path { path, older: Vec::new(), may_be_missing: true }),
            });
        } else if upcast.remove.iter().any(|gone| gone.value == name)
            || upcast.rename.iter().any(|rename| rename.name.value == name)
        {
            older.push(Older { up_to, from: From::Value(Json::Null) });
            break;
        }
    }
    older.reverse();
    let is_null = |older: &Older| matches!(older.from, From::Value(Json::Null));
    let may_be_missing = is_optional || older.iter().any(is_null);
    Path { path: path.to_owned(), older, may_be_missing }
}

/// Whether events of each version have a field under the same name.
pub(super) fn is_where_it_was(event: &Event, path: &str) -> bool {
    at(event, path).older.is_empty()
}
