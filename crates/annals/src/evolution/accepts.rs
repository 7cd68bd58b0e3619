//! Whether a value fits a shape.

use serde_json::Value;

use super::shape::{Object, Rest, Shape, whole};

/// How a value stands to a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fit {
    Fits,
    /// A part of the shape is not understood, and the rest fits.
    Unclear(String),
    /// The place, and what was expected there; never the value, which may be anybody's secret.
    Misfit {
        field: String,
        expected: String,
    },
}

pub(super) fn fits(shape: &Shape, value: &Value) -> Fit {
    at(shape, value, "")
}

fn at(shape: &Shape, value: &Value, place: &str) -> Fit {
    let misfit = |expected: &str| Fit::Misfit { field: place.to_owned(), expected: expected.to_owned() };
    let holds = |holds: bool, expected: &str| if holds { Fit::Fits } else { misfit(expected) };
    match (shape, value) {
        (Shape::Any, _) => Fit::Fits,
        (Shape::Unclear { why, .. }, _) => Fit::Unclear(why.clone()),
        (Shape::Null, _) => holds(value.is_null(), "null"),
        (Shape::Bool, _) => holds(value.is_boolean(), "a boolean"),
        (Shape::Integer { min, max }, _) => holds(
            whole(value).is_some_and(|number| (*min..=*max).contains(&number)),
            &format!("a whole number from {min} to {max}"),
        ),
        (Shape::Number { .. }, _) => holds(value.is_number(), "a number"),
        (Shape::Constant(constant), _) => holds(value == constant, "one of the values of an enum"),
        (Shape::Text(text), Value::String(is)) => {
            let length = u64::try_from(is.chars().count()).unwrap_or(u64::MAX);
            let within = length >= text.min && text.max.is_none_or(|max| length <= max);
            match (&text.pattern, within) {
                (_, false) => misfit("text of another length"),
                (Some(_), true) => Fit::Unclear("a pattern of a text".to_owned()),
                (None, true) => Fit::Fits,
            }
        }
        (Shape::Text(_), _) => misfit("text"),
        (Shape::List(list), Value::Array(elements)) => {
            let length = u64::try_from(elements.len()).unwrap_or(u64::MAX);
            if length < list.min || list.max.is_some_and(|max| length > max) {
                return misfit("a list of another length");
            }
            all(elements.iter().enumerate().map(|(index, element)| {
                let shape = list.first.get(index).unwrap_or(&list.rest);
                at(shape, element, &format!("{place}[{index}]"))
            }))
        }
        (Shape::List(_), _) => misfit("a list"),
        (Shape::Object(object), Value::Object(members)) => object_at(object, members, place),
        (Shape::Object(_), _) => misfit("an object"),
        (Shape::OneOf(alternatives), _) => one_of(alternatives, value, place),
    }
}

fn object_at(object: &Object, members: &serde_json::Map<String, Value>, place: &str) -> Fit {
    let inside = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    let named = object.properties.iter().map(|(name, (shape, is_required))| match members.get(name) {
        Some(value) => at(shape, value, &inside(name)),
        None if *is_required => {
            Fit::Misfit { field: inside(name), expected: "it, and it is missing".to_owned() }
        }
        None => Fit::Fits,
    });
    // A member that no type names may have any name, even one that tells something.
    let others = members.iter().filter(|(name, _)| !object.properties.contains_key(*name));
    let others = others.map(|(_, value)| match &object.rest {
        Rest::Ignored => Fit::Fits,
        Rest::Refused => {
            Fit::Misfit { field: place.to_owned(), expected: "no other fields than known ones".to_owned() }
        }
        Rest::Of(shape) => at(shape, value, &inside("*")),
    });
    all(named.chain(others))
}

fn one_of(alternatives: &[Shape], value: &Value, place: &str) -> Fit {
    let mut answer = Fit::Misfit { field: place.to_owned(), expected: "one of its alternatives".to_owned() };
    for alternative in alternatives {
        match (at(alternative, value, place), &answer) {
            (Fit::Fits, _) => return Fit::Fits,
            (unclear @ Fit::Unclear(_), _) => answer = unclear,
            // The alternative that fits further in is the one that was meant.
            (Fit::Misfit { field, expected }, Fit::Misfit { field: before, .. })
                if field.len() > before.len() =>
            {
                answer = Fit::Misfit { field, expected };
            }
            _ => {}
        }
    }
    answer
}

/// A misfit wherever there is one, else what is unclear.
fn all(parts: impl Iterator<Item = Fit>) -> Fit {
    let mut answer = Fit::Fits;
    for part in parts {
        match part {
            Fit::Misfit { .. } => return part,
            Fit::Unclear(_) => answer = part,
            Fit::Fits => {}
        }
    }
    answer
}
