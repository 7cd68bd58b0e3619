//! What a change of fields does to events that are stored: whether those of the old form can be read as the new one.

use crate::text::Span;

use super::{Event, FieldType, Fields, Model, Upcast};

/// Why events of the old form cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The field, with the way to it: `deliver_to.street`.
    pub field: String,
    /// What became of it.
    pub what: Broken,
    /// Where the field stands now; that of its outer field where it is inside of one.
    pub span: Option<Span>,
}

/// What became of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// It is gone.
    Removed,
    /// It has another name.
    Renamed(String),
    /// It has another type: what it was and is.
    Retyped(String, String),
    /// It is new and has to be there.
    New,
    /// It was optional and has to be there.
    Required,
    /// An upcast gave it to events of this version, and gives it no more.
    NotGiven(u32),
}

impl Break {
    /// In words.
    pub fn says(&self) -> String {
        let field = &self.field;
        match &self.what {
            Broken::Removed => format!("`{field}` is gone"),
            Broken::Renamed(new) => format!("`{field}` is now `{new}`"),
            Broken::Retyped(was, is) => format!("`{field}` was {was} and is {is}"),
            Broken::New => format!("`{field}` is new and required"),
            Broken::Required => format!("`{field}` was optional and is required"),
            Broken::NotGiven(version) => {
                format!("no upcast gives `{field}` to events of version {version} any more")
            }
        }
    }
}

/// A type with the model's own types written out.
#[derive(Debug, Clone, PartialEq)]
enum Form {
    /// Anything: what an upcast adds, or what goes deeper than is looked at.
    Any,
    Plain(String),
    OneOf(Vec<String>),
    List(Box<Form>),
    Object(Vec<Member>),
}

#[derive(Debug, Clone, PartialEq)]
struct Member {
    name: String,
    form: Form,
    is_optional: bool,
    span: Option<Span>,
}

/// What keeps an event as it was from being read as the same is now. Nothing, where the way from one version to the
/// other goes through a function, a version that no upcast reads, or a schema in a file.
pub fn breaks(before: (&Model, &Event), now: (&Model, &Event)) -> Vec<Break> {
    let (was, is) = (before.1, now.1);
    if was.schema.is_some() || is.schema.is_some() {
        return Vec::new();
    }
    let (from, to) = (version(was), version(is));
    let mut members = members(before.0, &was.fields, 0);
    let mut found = Vec::new();
    for step in from..to {
        match is.upcasts.iter().find(|upcast| upcast.from.value == step) {
            Some(upcast) if upcast.with.is_none() => apply(&mut members, upcast),
            _ => return Vec::new(),
        }
    }
    compare(&members, &self::members(now.0, &is.fields, 0), "", &mut found);
    if from < to {
        // A new version says that what is not in it is not read any more.
        found.retain(|found| found.what != Broken::Removed);
    } else {
        pair_renames(&mut found);
    }
    found.extend(no_longer_added(was, is));
    found
}

/// The version of an event's fields.
pub fn version(event: &Event) -> u32 {
    event.version.as_ref().map_or(1, |version| version.value)
}

/// Types are made of types; one that is made of itself ends here.
const DEPTH: usize = 5;

fn members(model: &Model, fields: &Fields, depth: usize) -> Vec<Member> {
    let member = |field: &super::Named<super::Field>| Member {
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
            Some(own) => Form::Object(members(model, &own.it, depth + 1)),
            None if name == "json" => Form::Any,
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

fn apply(members: &mut Vec<Member>, upcast: &Upcast) {
    members.retain(|member| !upcast.remove.iter().any(|gone| gone.value == member.name));
    for rename in &upcast.rename {
        for member in members.iter_mut().filter(|member| member.name == rename.name.value) {
            member.name.clone_from(&rename.it.value);
        }
    }
    for added in &upcast.add {
        let name = &added.name.value;
        members.retain(|member| member.name != *name);
        members.push(Member { name: name.clone(), form: Form::Any, is_optional: false, span: None });
    }
}

fn compare(was: &[Member], is: &[Member], path: &str, found: &mut Vec<Break>) {
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
        (_, Form::Any) | (Form::Any, _) => true,
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

impl Form {
    fn said(&self) -> String {
        match self {
            Self::Any => "json".to_owned(),
            Self::Plain(name) => name.clone(),
            Self::OneOf(texts) => format!("one of {}", texts.join(", ")),
            Self::List(of) => format!("a list of {}", of.said()),
            Self::Object(_) => "an object".to_owned(),
        }
    }
}

/// One field that is gone beside one that is new, in the same place, is one that was renamed.
fn pair_renames(found: &mut Vec<Break>) {
    let outer = |field: &str| field.rsplit_once('.').map(|(outer, _)| outer.to_owned());
    let of = |found: &[Break], what: &Broken| -> Vec<usize> {
        (0..found.len()).filter(|at| found[*at].what == *what).collect()
    };
    let (gone, new) = (of(found, &Broken::Removed), of(found, &Broken::New));
    if let ([gone], [new]) = (gone.as_slice(), new.as_slice())
        && outer(&found[*gone].field) == outer(&found[*new].field)
    {
        let name = found[*new].field.rsplit('.').next().unwrap_or_default().to_owned();
        found[*gone].span = found[*new].span;
        found[*gone].what = Broken::Renamed(name);
        found.remove(*new);
    }
}

/// Fields that an upcast of an older version gave, and gives no more.
fn no_longer_added(was: &Event, is: &Event) -> Vec<Break> {
    let mut found = Vec::new();
    for old in &was.upcasts {
        let Some(new) = is.upcasts.iter().find(|new| new.from.value == old.from.value) else { continue };
        let gives = |name: &str| {
            new.with.is_some()
                || is.upcasts.iter().filter(|later| later.from.value >= old.from.value).any(|later| {
                    later.add.iter().any(|added| added.name.value == name)
                        || later.rename.iter().any(|renamed| renamed.it.value == name)
                        || later.with.is_some()
                })
        };
        for name in old.add.iter().map(|added| &added.name.value).filter(|name| !gives(name)) {
            let field = is.fields.iter().find(|field| field.name.value == **name && !field.it.is_optional);
            if field.is_some() {
                let what = Broken::NotGiven(old.from.value);
                found.push(Break { field: name.clone(), what, span: Some(new.from.span) });
            }
        }
    }
    found
}
