//! What events write into the rows of a read model, where names alone do not tell: reading it, checking it, and
//! writing it back.

use serde_json::{Number, Value as Json};

use crate::text::{At, Span};

use super::entries::Reader;
use super::node::{Node, Value};
use super::write::{Entries, json};
use super::yaml::Yaml;
use super::{Event, FieldType, Mistake, Model, Named};

/// What an event writes into one field of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Set {
    /// This, whatever the event says.
    Value(Json),
    /// What stands in a field of the event; `deliver_to.city` inside another one.
    Field(String),
    /// What is there, and this in addition.
    Add(Amount),
    /// What is there, less this.
    Subtract(Amount),
}

/// How much is added.
#[derive(Debug, Clone, PartialEq)]
pub enum Amount {
    /// So much.
    Number(Number),
    /// What stands in a field of the event.
    Field(String),
}

/// By event, what it writes into which field.
pub type Sets = Vec<Named<Vec<Named<At<Set>>>>>;

const WHAT: &str = "one of `value`, `field`, `add` and `subtract`";

impl Reader {
    pub(super) fn sets(&mut self, node: Option<Node>) -> Sets {
        let mut sets = Sets::new();
        for (word, node) in self.named(node, "what they write") {
            let mut fields = Vec::new();
            for (word, node) in self.named(Some(node), "what is written into them") {
                if let Some(it) = self.set(node) {
                    fields.push(Named { name: At { value: word.text, span: word.span }, it });
                }
            }
            sets.push(Named { name: At { value: word.text, span: word.span }, it: fields });
        }
        sets
    }

    fn set(&mut self, node: Node) -> Option<At<Set>> {
        let span = node.span;
        let mut entries = self.map(node, "a set")?;
        let mut found = Vec::new();
        if let Some(node) = entries.take("value") {
            found.push(Set::Value(self.json(node)));
        }
        let field = entries.take("field");
        found.extend(self.text(field, "a field of the event").map(|field| Set::Field(field.value)));
        let (add, subtract) = (entries.take("add"), entries.take("subtract"));
        found.extend(self.amount(add).map(Set::Add));
        found.extend(self.amount(subtract).map(Set::Subtract));
        let told = self.mistakes.len();
        self.end(entries);
        match found.len() {
            1 => found.pop().map(|value| At { value, span }),
            0 if self.mistakes.len() > told => None,
            count => {
                let found = if count == 0 { "nothing" } else { "several" };
                self.wrong(Mistake::new(span, format!("found {found}, expected {WHAT}")));
                None
            }
        }
    }

    fn amount(&mut self, node: Option<Node>) -> Option<Amount> {
        let number = node.as_ref().and_then(|node| match &node.value {
            Value::Scalar { text, is_quoted: false } => text.parse().ok(),
            _ => None,
        });
        match number {
            Some(number) => Some(Amount::Number(number)),
            None => self.text(node, "a number, or a field of the event").map(|of| Amount::Field(of.value)),
        }
    }
}

pub(super) fn write(set: &At<Set>) -> Yaml {
    let mut entries = Entries::default();
    let amount = |amount: &Amount| match amount {
        Amount::Number(number) => Yaml::Plain(number.to_string()),
        Amount::Field(field) => Yaml::Text(field.clone()),
    };
    match &set.value {
        Set::Value(value) => entries.put("value", Some(json(value))),
        Set::Field(field) => entries.put("field", Some(Yaml::Text(field.clone()))),
        Set::Add(by) => entries.put("add", Some(amount(by))),
        Set::Subtract(by) => entries.put("subtract", Some(amount(by))),
    }
    entries.map()
}

/// Why a set cannot be, if it cannot, and what to do. `column` is the type of the field that is written.
pub(super) fn mistake(
    model: &Model,
    event: &Named<Event>,
    column: &FieldType,
    set: &At<Set>,
) -> Option<Mistake> {
    let of_event = |path: &str, fits: &dyn Fn(&FieldType) -> bool| match model.field_at(&event.it, path) {
        // Its fields stand in a file.
        _ if event.it.schema.is_some() => None,
        None => Some(unknown(model, event, path, set.span)),
        Some(of) if fits(of) => None,
        Some(of) => Some(Mistake::new(
            set.span,
            format!("{path} of {} is {}, expected {}", event.name.value, said(of), said(column)),
        )),
    };
    match &set.value {
        Set::Value(value) if !holds(column, value) => {
            Some(Mistake::new(set.span, format!("found {value}, expected {}", said(column))))
        }
        Set::Value(_) => None,
        Set::Field(path) => of_event(path, &|of| takes(column, of)),
        Set::Add(_) | Set::Subtract(_) if !is_number(column) => Some(
            Mistake::new(set.span, format!("nothing can be added to {}", said(column)))
                .help("expected a field that is int, decimal or float"),
        ),
        Set::Add(Amount::Number(number)) | Set::Subtract(Amount::Number(number)) => {
            let fits = holds(column, &Json::Number(number.clone()));
            (!fits).then(|| Mistake::new(set.span, format!("found {number}, expected {}", said(column))))
        }
        Set::Add(Amount::Field(path)) | Set::Subtract(Amount::Field(path)) => {
            of_event(path, &|of| takes(column, of))
        }
    }
}

fn unknown(model: &Model, event: &Named<Event>, path: &str, span: Span) -> Mistake {
    let (outer, last) = path.rsplit_once('.').map_or(("", path), |(outer, last)| (outer, last));
    let known: Vec<&str> = match outer {
        "" => event.it.fields.iter().map(|field| field.name.value.as_str()).collect(),
        outer => model.field_at(&event.it, outer).map(|of| model.members(of)).unwrap_or_default(),
    };
    let message = format!("{} has no field {path}", event.name.value);
    if known.is_empty() {
        return Mistake::new(span, message);
    }
    let (listed, meant) = crate::meant::among(last, &known);
    let mistake = Mistake::new(span, format!("{message}, expected one of {listed}"));
    match meant {
        Some(meant) => mistake.help(format!("did you mean `{meant}`?")),
        None => mistake,
    }
}

impl Model {
    /// The type of a field of an event; `deliver_to.city` is one inside another.
    pub fn field_at<'m>(&'m self, event: &'m Event, path: &str) -> Option<&'m FieldType> {
        let mut names = path.split('.');
        let first = names.next()?;
        let field = event.fields.iter().find(|field| field.name.value == first)?;
        names.try_fold(&field.it.kind.value, |of, name| self.member(of, name))
    }

    fn member<'m>(&'m self, of: &'m FieldType, name: &str) -> Option<&'m FieldType> {
        match of {
            FieldType::Fields(members) => members.iter().find(|(member, _)| member == name).map(|(_, of)| of),
            FieldType::Name(own) => {
                let own = self.types.iter().find(|it| it.name.value == *own)?;
                own.it.iter().find(|field| field.name.value == name).map(|field| &field.it.kind.value)
            }
            FieldType::List(_) | FieldType::OneOf(_) => None,
        }
    }

    /// The names of the fields inside a type.
    pub fn members<'m>(&'m self, of: &'m FieldType) -> Vec<&'m str> {
        match of {
            FieldType::Fields(members) => members.iter().map(|(name, _)| name.as_str()).collect(),
            FieldType::Name(own) => {
                let own = self.types.iter().filter(|it| it.name.value == *own).flat_map(|it| &it.it);
                own.map(|field| field.name.value.as_str()).collect()
            }
            FieldType::List(_) | FieldType::OneOf(_) => Vec::new(),
        }
    }
}

fn name_of(of: &FieldType) -> Option<&str> {
    match of {
        FieldType::Name(name) => Some(name),
        FieldType::OneOf(_) => Some("text"),
        FieldType::List(_) | FieldType::Fields(_) => None,
    }
}

fn is_number(of: &FieldType) -> bool {
    matches!(name_of(of), Some("int" | "decimal" | "float"))
}

/// Whether a field of a row takes what a field of an event holds.
pub fn takes(column: &FieldType, of: &FieldType) -> bool {
    match (column, name_of(column), name_of(of)) {
        (_, Some("json"), _) => true,
        (FieldType::OneOf(texts), _, _) => match of {
            FieldType::OneOf(others) => others.iter().all(|other| texts.contains(other)),
            of => name_of(of) == Some("text"),
        },
        (_, Some("decimal" | "float"), _) => is_number(of),
        (_, Some("text"), Some(scalar)) => super::refer::TYPES.contains(&scalar) && scalar != "json",
        _ => column == of,
    }
}

/// Whether a field of a row takes this value.
fn holds(column: &FieldType, value: &Json) -> bool {
    if value.is_null() {
        return true;
    }
    match column {
        FieldType::OneOf(texts) => value.as_str().is_some_and(|value| texts.iter().any(|text| text == value)),
        FieldType::List(_) => value.is_array(),
        FieldType::Fields(_) => value.is_object(),
        FieldType::Name(name) => match name.as_str() {
            "json" => true,
            "bool" => value.is_boolean(),
            "int" => value.is_i64() || value.is_u64(),
            "decimal" | "float" => value.is_number(),
            "bytes" | "date" | "text" | "time" | "uuid" => value.is_string(),
            _ => value.is_object(),
        },
    }
}

fn said(of: &FieldType) -> String {
    match of {
        FieldType::Name(name) => name.clone(),
        FieldType::OneOf(texts) => format!("one of {}", texts.join(", ")),
        FieldType::List(of) => format!("a list of {}", said(of)),
        FieldType::Fields(_) => "fields of its own".to_owned(),
    }
}
