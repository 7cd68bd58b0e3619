//! Fields as forms of values, by which versions of an event are compared.

use crate::model::{Field, FieldType, Fields, Model, Named, Upcast};
use crate::text::Span;

use super::{Break, Broken, FieldChange};

/// A type with the model's own types written out.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    /// Not known: what an upcast takes away, or a type inside itself.
    Any,
    /// Any value: the type `json`.
    Json,
    /// The value that an upcast adds, as JSON.
    Value(serde_json::Value),
    Plain(String),
    OneOf(Vec<String>),
    List(Box<Form>),
    Object(Vec<Member>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) form: Form,
    pub(super) is_optional: bool,
    pub(super) span: Option<Span>,
}

/// Types are made of types; one that is made of itself ends here.
const DEPTH: usize = 5;

pub(super) fn members_of(model: &Model, fields: &Fields, depth: usize) -> Vec<Member> {
    let member = |field: &Named<Field>| Member {
        name: field.name.value.clone(),
        form: form(model, &field.it.kind.value, depth),
        is_optional: field.it.is_optional,
        span: Some(field.name.span),
    };
    fields.iter().map(member).collect()
}

fn form(model: &Model, kind: &FieldType, depth: usize) -> Form {
    if depth > DEPTH {
        return Form::Any;
    }
    match kind {
        FieldType::Name(name) => match model.types.iter().find(|own| own.name.value == *name) {
            Some(own) => Form::Object(members_of(model, &own.it, depth + 1)),
            None if name == "json" => Form::Json,
            None => Form::Plain(name.clone()),
        },
        FieldType::List(of) => Form::List(Box::new(form(model, of, depth))),
        FieldType::Fields(fields) => Form::Object(
            fields
                .iter()
                .map(|(name, kind)| Member {
                    name: name.clone(),
                    form: form(model, kind, depth),
                    is_optional: false,
                    span: None,
                })
                .collect(),
        ),
        FieldType::OneOf(texts) => Form::OneOf(texts.clone()),
    }
}

pub(super) fn apply(members: &mut Vec<Member>, upcast: &Upcast) {
    members.retain(|member| !upcast.remove.iter().any(|gone| gone.value == member.name));
    for rename in &upcast.rename {
        for member in members.iter_mut().filter(|member| member.name == rename.name.value) {
            member.name.clone_from(&rename.it.value);
        }
    }
    for added in &upcast.add {
        let name = &added.name.value;
        members.retain(|member| member.name != *name);
        members.push(Member {
            name: name.clone(),
            form: serde_json::from_str(&added.it.value).map_or(Form::Any, Form::Value),
            is_optional: false,
            span: None,
        });
    }
}

pub(super) fn compare(was: &[Member], is: &[Member], path: &str, found: &mut Vec<Break>) {
    let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for old in was {
        let Some(new) = is.iter().find(|new| new.name == old.name) else {
            found.push(Break { field: at(&old.name), what: Broken::Removed, span: None });
            continue;
        };
        if old.is_optional && !new.is_optional {
            found.push(Break { field: at(&new.name), what: Broken::Required, span: new.span });
        }
        compare_forms(&old.form, &new.form, &at(&new.name), new.span, found);
    }
    for new in is {
        if !new.is_optional && !was.iter().any(|old| old.name == new.name) {
            found.push(Break { field: at(&new.name), what: Broken::New, span: new.span });
        }
    }
}

fn compare_forms(was: &Form, is: &Form, path: &str, span: Option<Span>, found: &mut Vec<Break>) {
    match (was, is) {
        (Form::Object(was), Form::Object(is)) => {
            let before = found.len();
            compare(was, is, path, found);
            for inner in found.iter_mut().skip(before) {
                inner.span = span;
            }
        }
        (Form::List(was), Form::List(is)) => compare_forms(was, is, &format!("{path}[]"), span, found),
        _ if reads(was, is) => {}
        _ => {
            let what = Broken::Retyped(was.said(), is.said());
            found.push(Break { field: path.to_owned(), what, span });
        }
    }
}

/// Whether every value of the one type is one of the other.
fn reads(was: &Form, is: &Form) -> bool {
    match (was, is) {
        (_, Form::Any | Form::Json) | (Form::Any, _) => true,
        (Form::Value(value), _) => fits(value, is),
        (Form::OneOf(was), Form::OneOf(is)) => was.iter().all(|text| is.contains(text)),
        (Form::OneOf(_), Form::Plain(is)) => is == "text",
        (Form::Plain(was), Form::Plain(is)) => {
            was == is
                || matches!(
                    (was.as_str(), is.as_str()),
                    ("int", "decimal" | "float") | ("uuid" | "time" | "date", "text")
                )
        }
        _ => false,
    }
}

/// Whether a value is one of a type; what only its text would tell, such as a date, is not looked at.
fn fits(value: &serde_json::Value, is: &Form) -> bool {
    use serde_json::Value;
    match (value, is) {
        (Value::Null, _) | (Value::Object(_), Form::Object(_)) => true,
        (Value::Array(values), Form::List(of)) => values.iter().all(|value| fits(value, of)),
        (Value::String(text), Form::OneOf(texts)) => texts.contains(text),
        (Value::String(_), Form::Plain(name)) => !matches!(name.as_str(), "int" | "float" | "bool"),
        (Value::Number(number), Form::Plain(name)) => match name.as_str() {
            "int" => !number.is_f64(),
            name => matches!(name, "decimal" | "float"),
        },
        (Value::Bool(_), Form::Plain(name)) => name == "bool",
        _ => false,
    }
}

impl Form {
    fn said(&self) -> String {
        match self {
            Self::Any => "anything".to_owned(),
            Self::Json => "json".to_owned(),
            Self::Value(value) => format!("added as {value}"),
            Self::Plain(name) => name.clone(),
            Self::OneOf(texts) => format!("one of {}", texts.join(", ")),
            Self::List(of) => format!("a list of {}", of.said()),
            Self::Object(_) => "an object".to_owned(),
        }
    }
}

/// Takes an upcast back: what it read, as far as what it made tells.
pub(super) fn undo(members: &mut Vec<Member>, upcast: &Upcast) {
    members.retain(|member| !upcast.add.iter().any(|added| added.name.value == member.name));
    for rename in &upcast.rename {
        for member in members.iter_mut().filter(|member| member.name == rename.it.value) {
            member.name.clone_from(&rename.name.value);
        }
    }
    for gone in &upcast.remove {
        if !members.iter().any(|member| member.name == gone.value) {
            members.push(Member { name: gone.value.clone(), form: Form::Any, is_optional: true, span: None });
        }
    }
}

/// What is different, whether or not it breaks something.
pub(super) fn differences(was: &[Member], is: &[Member], path: &str, found: &mut Vec<FieldChange>) {
    let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for old in was {
        match is.iter().find(|new| new.name == old.name) {
            None => found.push(FieldChange { field: at(&old.name), was: Some(old.said()), is: None }),
            Some(new) if new.is_optional == old.is_optional => {
                form_differences(&old.form, &new.form, &at(&old.name), (old, new), found);
            }
            Some(new) => {
                found.push(FieldChange { field: at(&old.name), was: Some(old.said()), is: Some(new.said()) })
            }
        }
    }
    for new in is.iter().filter(|new| !was.iter().any(|old| old.name == new.name)) {
        found.push(FieldChange { field: at(&new.name), was: None, is: Some(new.said()) });
    }
}

fn form_differences(
    was: &Form,
    is: &Form,
    path: &str,
    whole: (&Member, &Member),
    found: &mut Vec<FieldChange>,
) {
    match (was, is) {
        (Form::Object(was), Form::Object(is)) => differences(was, is, path, found),
        (Form::List(was), Form::List(is)) => {
            form_differences(was, is, &format!("{path}[]"), whole, found);
        }
        _ if was == is => {}
        // The order of the texts is nothing.
        (Form::OneOf(was), Form::OneOf(is))
            if was.iter().all(|it| is.contains(it)) && is.iter().all(|it| was.contains(it)) => {}
        _ => {
            let mark = |member: &Member| if member.is_optional && !path.ends_with("[]") { "?" } else { "" };
            found.push(FieldChange {
                field: path.to_owned(),
                was: Some(was.said() + mark(whole.0)),
                is: Some(is.said() + mark(whole.1)),
            });
        }
    }
}

impl Member {
    fn said(&self) -> String {
        self.form.said() + if self.is_optional { "?" } else { "" }
    }
}
