//! What a change of fields does to events that are stored: whether those of the old form can be read as the new one.

mod form;
mod mend;

use crate::text::Span;

use self::form::{Form, Member, apply, compare, differences, members_of, undo};
pub use self::mend::upcast_for;
use super::{Event, Fields, Model, Upcast};

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

/// What keeps an event as it was from being read as the same is now. Nothing, where the way from one version to the
/// other goes through a function, a version that no upcast reads, or a schema in a file.
pub fn breaks(before: (&Model, &Event), now: (&Model, &Event)) -> Vec<Break> {
    let mut found = match reading(before, now, version(before.1)) {
        Reading::Broken(found) => found,
        Reading::Read => Vec::new(),
        _ => return Vec::new(),
    };
    found.extend(no_longer_added(before.1, now.1));
    found
}

/// How a stored version of an event is read by a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// As an event of the newest version.
    Read,
    /// The upcasts lead to something that is no event of the newest version.
    Broken(Vec<Break>),
    /// No upcasts read these versions.
    NoStep(Vec<u32>),
    /// It is newer than the newest version.
    Newer,
    /// A function reads it, and what that does is not known here.
    Function(String),
    /// The fields are in a file that is not looked into.
    File(String),
    /// The model as it was does not say what it held.
    Forgotten,
}

/// How events of version `stored`, as the old model has them, are read by the new one.
pub fn reading(before: (&Model, &Event), now: (&Model, &Event), stored: u32) -> Reading {
    let (was, is) = (before.1, now.1);
    if let Some(file) = was.schema.as_ref().or(is.schema.as_ref()) {
        return Reading::File(file.value.clone());
    }
    let to = version(is);
    if stored > to {
        return Reading::Newer;
    }
    let missing = missing_steps(is, stored, to);
    if !missing.is_empty() {
        return Reading::NoStep(missing);
    }
    if let Some(function) = function_between(is, stored, to) {
        return Reading::Function(function.to_owned());
    }
    let Some(mut members) = members_at(before, stored) else { return Reading::Forgotten };
    walk(&mut members, is, stored, to);
    let mut found = Vec::new();
    compare(&members, &members_of(now.0, &is.fields, 0), "", &mut found);
    if stored < to {
        // A new version says that what is not in it is not read any more.
        found.retain(|found| found.what != Broken::Removed);
    } else {
        pair_renames(&mut found);
    }
    if found.is_empty() { Reading::Read } else { Reading::Broken(found) }
}

/// The versions from `from`, before `to`, that no upcast of the event reads: a hundred of them at the most.
pub fn missing_steps(event: &Event, from: u32, to: u32) -> Vec<u32> {
    (from.max(1)..to).filter(|step| upcast_of(event, *step).is_none()).take(MISSING_MAX).collect()
}

/// So many versions without an upcast are told; a version may be any number.
const MISSING_MAX: usize = 100;

/// What the upcasts of a run of versions, `first` to `last`, have to do together: what is different between the events
/// that the old model knows and those that the new one's later upcasts read. `None` where that is not known.
pub fn work(
    before: (&Model, &Event),
    now: (&Model, &Event),
    (first, last): (u32, u32),
) -> Option<Vec<Break>> {
    let mut was = match first.checked_sub(version(before.1)) {
        None | Some(0) => members_at(before, first)?,
        Some(_) => {
            let mut members = members_at(before, version(before.1))?;
            walk_known(&mut members, now.1, version(before.1), first)?;
            members
        }
    };
    was.retain(|member| member.form != Form::Any || !member.is_optional);
    let is = members_at(now, last.saturating_add(1))?;
    let mut found = Vec::new();
    compare(&was, &is, "", &mut found);
    pair_renames(&mut found);
    Some(found)
}

fn upcast_of(event: &Event, step: u32) -> Option<&Upcast> {
    event.upcasts.iter().find(|upcast| upcast.from.value == step)
}

fn function_between(event: &Event, from: u32, to: u32) -> Option<&str> {
    let steps = event.upcasts.iter().filter(|upcast| (from..to).contains(&upcast.from.value));
    steps.filter_map(|upcast| upcast.with.as_ref()).map(|with| with.value.as_str()).next()
}

/// Takes the upcasts of an event, from one version to another.
fn walk(members: &mut Vec<Member>, event: &Event, from: u32, to: u32) {
    let mut upcasts: Vec<&Upcast> =
        event.upcasts.iter().filter(|upcast| (from..to).contains(&upcast.from.value)).collect();
    upcasts.sort_by_key(|upcast| upcast.from.value);
    upcasts.into_iter().for_each(|upcast| apply(members, upcast));
}

/// The same where every one of them says what it does.
fn walk_known(members: &mut Vec<Member>, event: &Event, from: u32, to: u32) -> Option<()> {
    let is_known = missing_steps(event, from, to).is_empty() && function_between(event, from, to).is_none();
    is_known.then(|| walk(members, event, from, to))
}

/// What events of a version held, told from the newest one by its upcasts backwards.
fn members_at((model, event): (&Model, &Event), at: u32) -> Option<Vec<Member>> {
    let newest = version(event);
    if event.schema.is_some()
        || !missing_steps(event, at, newest).is_empty()
        || function_between(event, at, newest).is_some()
    {
        return None;
    }
    let mut members = members_of(model, &event.fields, 0);
    let mut upcasts: Vec<&Upcast> =
        event.upcasts.iter().filter(|upcast| (at..newest).contains(&upcast.from.value)).collect();
    upcasts.sort_by_key(|upcast| std::cmp::Reverse(upcast.from.value));
    upcasts.into_iter().for_each(|upcast| undo(&mut members, upcast));
    Some(members)
}

/// A field of an event before and now, where it is not the same: its type as a model has it, `text?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// The field, with the way to it.
    pub field: String,
    /// What it was; `None` where it is new.
    pub was: Option<String>,
    /// What it is; `None` where it is gone.
    pub is: Option<String>,
}

/// What is different in fields.
pub fn field_changes(before: (&Model, &Fields), now: (&Model, &Fields)) -> Vec<FieldChange> {
    let mut found = Vec::new();
    differences(&members_of(before.0, before.1, 0), &members_of(now.0, now.1, 0), "", &mut found);
    found
}

/// What keeps values of the old fields from being read as the new: what a command's caller sends, or an event that a
/// reader with the old fields meets.
pub fn field_breaks(before: (&Model, &Fields), now: (&Model, &Fields)) -> Vec<Break> {
    let mut found = Vec::new();
    compare(&members_of(before.0, before.1, 0), &members_of(now.0, now.1, 0), "", &mut found);
    found.retain(|found| found.what != Broken::Removed);
    found
}

/// The version of an event's fields.
pub fn version(event: &Event) -> u32 {
    event.version.as_ref().map_or(1, |version| version.value)
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
