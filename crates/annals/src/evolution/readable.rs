//! Which changes of a shape leave everything that was written readable. "Compatible" is a promise; whatever cannot
//! be told is a problem, with its reason.

use serde_json::Value;

use super::accepts::{Fit, fits};
use super::shape::{List, Object, Rest, Shape, Text};

/// Something written under the old shape that the new one may not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The part of the payload: `address.street`, `lines[].sku`; empty for all of it.
    pub field: String,
    /// What is wrong with it.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.field.is_empty() {
            return f.write_str(&self.what);
        }
        write!(f, "field `{}`: {}", self.field, self.what)
    }
}

/// What keeps payloads of the schema `old` from being read by a type of the schema `new`; nothing, where all are.
///
/// A payload of `old` has the properties that `old` names and no others, unless it says `additionalProperties`.
pub fn problems(old: &Value, new: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    if old != new {
        compare(&Shape::of(old), &Shape::of(new), "", &mut found);
    }
    found
}

fn compare(old: &Shape, new: &Shape, at: &str, found: &mut Vec<Problem>) {
    let mut problem = |what: String| found.push(Problem { field: at.to_owned(), what });
    match (old, new) {
        // Before what is unclear: a type that reads anything reads that too.
        (_, Shape::Any) => {}
        (Shape::Unclear { schema: old, .. }, Shape::Unclear { schema: new, .. }) if is_same(old, new) => {}
        (Shape::Unclear { why, .. }, _) | (_, Shape::Unclear { why, .. }) => {
            problem(format!("cannot tell, because of {why}"));
        }
        (Shape::OneOf(alternatives), _) => {
            for alternative in alternatives {
                compare(alternative, new, at, found);
            }
        }
        (_, Shape::OneOf(alternatives)) => one_of(old, alternatives, at, found),
        (Shape::Null, Shape::Null) | (Shape::Bool, Shape::Bool) => {}
        (Shape::Integer { min, max }, Shape::Integer { min: low, max: high }) => {
            if min < low || max > high {
                problem(format!("was {min} to {max}, now takes only {low} to {high}"));
            }
        }
        (Shape::Integer { .. }, Shape::Number { single: false }) => {}
        (Shape::Integer { .. }, Shape::Number { single: true }) => {
            problem("was a whole number, of which single precision loses digits".to_owned());
        }
        (Shape::Number { single: old }, Shape::Number { single: new }) => {
            if *new && !old {
                problem("was of double precision, now loses digits in single precision".to_owned());
            }
        }
        (Shape::Text(old), Shape::Text(new)) => {
            if let Some(what) = tighter(old, new) {
                problem(what);
            }
        }
        (Shape::Constant(old), Shape::Constant(new)) if old == new => {}
        (Shape::Constant(Value::String(_)), Shape::Text(text)) if *text != Text::default() => {
            problem("cannot tell, because of what is now asked of the text".to_owned());
        }
        (Shape::Constant(value), Shape::Text(_) | Shape::Bool | Shape::Integer { .. })
            if fits(new, value) == Fit::Fits => {}
        (Shape::List(old), Shape::List(new)) => lists(old, new, at, found),
        (Shape::Object(old), Shape::Object(new)) => objects(old, new, at, found),
        _ => problem(format!("was {}, is {}", name(old), name(new))),
    }
}

/// With definitions beside it both times; a reference to anything else means what stands around it.
fn is_same(old: &Value, new: &Value) -> bool {
    fn refers_outside(schema: &Value) -> bool {
        match schema {
            Value::Object(members) => members.iter().any(|(word, value)| {
                let reference = value.as_str().filter(|_| word == "$ref");
                reference.is_some_and(|to| !to.starts_with("#/$defs/")) || refers_outside(value)
            }),
            Value::Array(elements) => elements.iter().any(refers_outside),
            _ => false,
        }
    }
    old == new && !refers_outside(old)
}

/// The old value has to be read by one alternative, whole; where none does, the one that misses least is told.
fn one_of(old: &Shape, alternatives: &[Shape], at: &str, found: &mut Vec<Problem>) {
    let mut least: Option<Vec<Problem>> = None;
    for alternative in alternatives {
        let mut problems = Vec::new();
        compare(old, alternative, at, &mut problems);
        if problems.is_empty() {
            return;
        }
        // What differs inside is told before what is another kind of thing.
        let is_nearer = |least: &Vec<Problem>| depth(&problems) > depth(least);
        if least.as_ref().is_none_or(is_nearer) {
            least = Some(problems);
        }
    }
    match (old, least) {
        (Shape::Constant(_) | Shape::Null, _) | (_, None) => found.push(Problem {
            field: at.to_owned(),
            what: format!("{} was possible, and no longer is", name(old)),
        }),
        (_, Some(problems)) => found.extend(problems),
    }
}

fn depth(problems: &[Problem]) -> usize {
    problems.iter().map(|problem| problem.field.len()).max().unwrap_or(0)
}

fn tighter(old: &Text, new: &Text) -> Option<String> {
    if new.format.is_some() && new.format != old.format {
        let now = new.format.as_deref().unwrap_or_default();
        return Some(match &old.format {
            Some(was) => format!("was text of the format {was}, is of the format {now}"),
            None => format!("was any text, is of the format {now}"),
        });
    }
    if new.pattern.is_some() && new.pattern != old.pattern {
        return Some("the text has a pattern that it did not have".to_owned());
    }
    let within = |old: Option<u64>, new: Option<u64>| new.is_none_or(|new| old.is_some_and(|old| old <= new));
    (new.min > old.min || !within(old.max, new.max)).then(|| "the text's length is limited more".to_owned())
}

fn lists(old: &List, new: &List, at: &str, found: &mut Vec<Problem>) {
    let within = new.max.is_none_or(|new| old.max.is_some_and(|old| old <= new));
    if new.min > old.min || !within {
        let what = "the list's length is limited more".to_owned();
        found.push(Problem { field: at.to_owned(), what });
    }
    if new.unique && !old.unique {
        let what = "elements may no longer be equal".to_owned();
        found.push(Problem { field: at.to_owned(), what });
    }
    let places = old.first.len().max(new.first.len());
    for place in 0..places {
        if old.max.is_some_and(|max| u64::try_from(place).is_ok_and(|place| place >= max)) {
            return;
        }
        let element = |list: &'_ List| list.first.get(place).unwrap_or(&list.rest).clone();
        compare(&element(old), &element(new), &format!("{at}[{place}]"), found);
    }
    if old.max.is_none_or(|max| u64::try_from(places).is_ok_and(|places| max > places)) {
        compare(&old.rest, &new.rest, &format!("{at}[]"), found);
    }
}

fn objects(old: &Object, new: &Object, at: &str, found: &mut Vec<Problem>) {
    let inside = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    let mut problem = |name: &str, what: &str| {
        found.push(Problem { field: inside(name), what: what.to_owned() });
    };
    for (name, (_, is_required)) in &new.properties {
        match old.properties.get(name) {
            None if *is_required => problem(name, "is required, and older payloads do not have it"),
            Some((_, false)) if *is_required => problem(name, "is required, and was optional"),
            _ => {}
        }
    }
    for (name, (was, _)) in &old.properties {
        match (new.properties.get(name), &new.rest) {
            (Some((is, _)), _) => compare(was, is, &inside(name), found),
            (None, Rest::Ignored) => {}
            (None, Rest::Refused) => {
                let what = "is gone, and unknown fields are refused".to_owned();
                found.push(Problem { field: inside(name), what });
            }
            (None, Rest::Of(is)) => compare(was, is, &inside(name), found),
        }
    }
    let Rest::Of(was) = &old.rest else { return };
    for (name, (is, _)) in &new.properties {
        if !old.properties.contains_key(name) {
            compare(was, is, &inside(name), found);
        }
    }
    match &new.rest {
        Rest::Ignored => {}
        Rest::Refused => found.push(Problem {
            field: at.to_owned(),
            what: "had further fields, which are now refused".to_owned(),
        }),
        Rest::Of(is) => compare(was, is, &inside("*"), found),
    }
}

fn name(shape: &Shape) -> String {
    match shape {
        Shape::Any => "anything".to_owned(),
        Shape::Null => "null".to_owned(),
        Shape::Bool => "a boolean".to_owned(),
        Shape::Integer { .. } => "a whole number".to_owned(),
        Shape::Number { .. } => "a number".to_owned(),
        Shape::Text(_) => "text".to_owned(),
        Shape::Constant(value) => value.to_string(),
        Shape::List(_) => "a list".to_owned(),
        Shape::Object(_) => "an object".to_owned(),
        Shape::OneOf(_) => "one of several".to_owned(),
        Shape::Unclear { .. } => "unclear".to_owned(),
    }
}
