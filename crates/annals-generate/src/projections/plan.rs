//! Which event writes what into which column of a read model: as the model's `sets` say, and where they say nothing
//! by names and types.

use annals_model::model::{Event, FieldType, Model, Named, Projection};

use crate::Impossible;
use crate::names::{kebab, snake};

use super::source::{self, Write};

/// What is made of a projection.
pub(super) struct Plan<'m> {
    /// The categories of its events' streams, where each of them is in one.
    pub(super) categories: Vec<String>,
    /// Where the key stands in each event.
    pub(super) key_path: String,
    /// The key first.
    pub(super) columns: Vec<Column<'m>>,
    /// In the order of the projection's events.
    pub(super) changes: Vec<Change<'m>>,
    unsure: Vec<String>,
}

/// A column, and what it holds.
pub(super) struct Column<'m> {
    pub(super) name: String,
    pub(super) kind: &'m FieldType,
    /// Whether its events only ever add to it, so that it begins at 0.
    pub(super) is_sum: bool,
}

/// What an event does to a row.
pub(super) struct Change<'m> {
    pub(super) event: &'m Named<Event>,
    pub(super) does: Does,
}

/// Taking the row away, or writing into its columns, each by its number.
pub(super) enum Does {
    Remove,
    Write(Vec<(usize, Write)>),
}

impl<'m> Plan<'m> {
    /// # Errors
    /// A projection without events or a key, or with an event that lacks the key.
    pub(super) fn of(model: &'m Model, projection: &'m Named<Projection>) -> Result<Self, Impossible> {
        let (name, of) = (&projection.name.value, &projection.it);
        let events: Vec<&Named<Event>> = of.from.iter().filter_map(|name| model.event(&name.value)).collect();
        if events.is_empty() {
            return Err(Impossible {
                message: format!("projection {name} is made from no event"),
                help: "name its events with `from`".to_owned(),
            });
        }
        let Some(key) = &of.key else {
            return Err(Impossible {
                message: format!("projection {name} has no key"),
                help: "say with `key` which field tells its rows apart".to_owned(),
            });
        };
        let key_path = key_path(model, projection, &events, &key.value)?;
        one_column_each(name, of)?;
        let mut plan = Self {
            categories: categories(model, &events),
            columns: columns(model, of, &events, &key.value, &key_path),
            key_path,
            changes: Vec::new(),
            unsure: Vec::new(),
        };
        let mut fields: Vec<&str> = vec![&key.value];
        fields.extend(of.fields.iter().map(|field| field.name.value.as_str()).filter(|it| *it != key.value));
        for event in events {
            let does = if of.removes.iter().any(|it| it.value == event.name.value) {
                Does::Remove
            } else {
                let numbered = fields.iter().zip(&plan.columns).enumerate().skip(1);
                let written = numbered.filter_map(|(n, (field, column))| {
                    match source::of(model, of, event, field, column.kind) {
                        Ok(write) => write.map(|write| (n, write)),
                        Err(unsure) => {
                            plan.unsure.push(unsure);
                            None
                        }
                    }
                });
                Does::Write(written.collect())
            };
            plan.changes.push(Change { event, does });
        }
        let is_sum = |n| {
            let writes = plan.writes(n);
            !writes.is_empty() && writes.iter().all(|write| write.is_sum())
        };
        let sums: Vec<bool> = (0..plan.columns.len()).map(is_sum).collect();
        for (column, is_sum) in plan.columns.iter_mut().zip(sums) {
            column.is_sum = is_sum;
        }
        Ok(plan)
    }

    fn writes(&self, column: usize) -> Vec<&Write> {
        let written = self.changes.iter().filter_map(|change| match &change.does {
            Does::Remove => None,
            Does::Write(writes) => writes.iter().find(|(n, _)| *n == column).map(|(_, write)| write),
        });
        written.collect()
    }

    /// What a reader of the file has to know beside the statements.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = self.unsure.clone();
        let unset = self.columns.iter().enumerate().skip(1);
        let unset = unset.filter(|(n, _)| self.writes(*n).is_empty()).map(|(_, column)| &column.name);
        let unset: Vec<&str> = unset.map(String::as_str).collect();
        if !unset.is_empty() {
            remarks.push(format!(
                "NULL until the model says under `sets` where it comes from: {}.",
                unset.join(", ")
            ));
        }
        for Change { event, .. } in &self.changes {
            let stored = kebab(&event.name.value);
            if let Some(upcast) = event.it.upcasts.iter().find_map(|upcast| upcast.with.as_ref()) {
                remarks.push(format!(
                    "{stored} of older versions is taken as it was written: SQL does not run {}.",
                    upcast.value
                ));
            }
            if event.it.schema.is_some() {
                remarks.push(format!(
                    "The fields of {stored} stand in a file that is not read here; its key is taken to be there."
                ));
            }
        }
        remarks
    }
}

/// `orderId` and `order_id` would be one column.
fn one_column_each(name: &str, projection: &Projection) -> Result<(), Impossible> {
    let mut known: Vec<(String, &str)> = Vec::new();
    for field in projection.fields.iter().map(|field| field.name.value.as_str()) {
        let column = snake(field);
        if let Some((_, other)) = known.iter().find(|(known, _)| *known == column) {
            return Err(Impossible {
                message: format!(
                    "fields {other} and {field} of projection {name} are both the column {column}"
                ),
                help: "give one of them another name".to_owned(),
            });
        }
        known.push((column, field));
    }
    Ok(())
}

/// Where the key stands, which has to be one place, since events are divided by it.
fn key_path(
    model: &Model,
    projection: &Named<Projection>,
    events: &[&Named<Event>],
    key: &str,
) -> Result<String, Impossible> {
    let mut found: Option<(String, &str)> = None;
    for event in events {
        let Some(path) = source::key(model, &projection.it, event, key) else {
            return Err(Impossible {
                message: format!(
                    "projection {} is made from {}, which does not say the key {key}",
                    projection.name.value, event.name.value
                ),
                help: format!(
                    "give the event a field {key}, or say under `sets` which of its fields that is: {}: {{ {key}: {{ \
                     field: … }} }}",
                    event.name.value
                ),
            });
        };
        if !source::is_where_it_was(&event.it, &path) {
            return Err(Impossible {
                message: format!(
                    "projection {} finds its key {key} in another place in older versions of {}",
                    projection.name.value, event.name.value
                ),
                help: "choose a key that no upcast renames or adds, or write this read model in Rust"
                    .to_owned(),
            });
        }
        match &found {
            Some((known, first)) if *known != path => {
                return Err(Impossible {
                    message: format!(
                        "projection {} finds its key {key} in different places: {known} of {first}, {path} of {}",
                        projection.name.value, event.name.value
                    ),
                    help:
                        "name the field alike in all of its events: the order of a key's events rests on it"
                            .to_owned(),
                });
            }
            Some(_) => {}
            None => found = Some((path, &event.name.value)),
        }
    }
    Ok(found.map_or_else(|| key.to_owned(), |(path, _)| path))
}

fn columns<'m>(
    model: &'m Model,
    projection: &'m Projection,
    events: &[&'m Named<Event>],
    key: &str,
    key_path: &str,
) -> Vec<Column<'m>> {
    static TEXT: std::sync::LazyLock<FieldType> =
        std::sync::LazyLock::new(|| FieldType::Name("text".to_owned()));
    let column = |name: &str, kind| Column { name: snake(name), kind, is_sum: false };
    let of_projection = projection.fields.iter().find(|field| field.name.value == key);
    let of_event = || events.iter().find_map(|event| model.field_at(&event.it, key_path));
    let key_type = of_projection.map(|field| &field.it.kind.value).or_else(of_event).unwrap_or(&TEXT);
    let others = projection.fields.iter().filter(|field| field.name.value != key);
    let others = others.map(|field| column(&field.name.value, &field.it.kind.value));
    std::iter::once(column(key, key_type)).chain(others).collect()
}

/// None where a stream's id may be in any category.
fn categories(model: &Model, events: &[&Named<Event>]) -> Vec<String> {
    let category = |event: &&Named<Event>| {
        let stream = model.stream(&event.it.stream.as_ref()?.value)?;
        let key = &stream.it.key.as_ref()?.value;
        let (category, rest) = key.split_at(key.find(['-', '/', '{'])?);
        (!category.is_empty() && !rest.starts_with('{')).then(|| category.to_owned())
    };
    let mut categories = events.iter().map(category).collect::<Option<Vec<_>>>().unwrap_or_default();
    categories.sort_unstable();
    categories.dedup();
    categories
}
