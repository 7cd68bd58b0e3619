//! The fields of an event type, from the payloads that were looked at.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Field, FieldType, Fields, Named};
use crate::sample::{FieldSample, Look, Shapes, ValueKind};
use crate::text::At;

use super::super::names::words;
use super::super::personal::is_personal;

/// An object with more members than this is a dictionary.
const MEMBERS_MAX: usize = 40;

/// How deep payloads are followed; what is below is `json`.
const DEPTH_MAX: usize = 6;

/// From so many values on, a few that come again and again may be all there are.
const VALUES_FOR_ONE_OF: u64 = 50;

#[derive(Default)]
pub(super) struct Read {
    pub(super) fields: Fields,
    /// By field, what is to be said beside it.
    pub(super) remarks: Vec<(String, String)>,
    /// Paths that look personal.
    pub(super) personal: Vec<String>,
}

/// A member, with what is in it.
#[derive(Default)]
struct Member<'s> {
    seen: Option<&'s FieldSample>,
    members: BTreeMap<&'s str, Member<'s>>,
}

/// The names of the fields.
pub(super) fn names(shapes: &Shapes) -> BTreeSet<String> {
    let first = |path: &String| path.split(['.', '[']).next().unwrap_or_default().to_owned();
    shapes.fields.keys().map(first).filter(|name| !name.is_empty()).collect()
}

pub(super) fn read(shapes: &Shapes) -> Read {
    let mut root = Member::default();
    for (path, seen) in &shapes.fields {
        let mut at = &mut root;
        for name in parts(path) {
            at = at.members.entry(name).or_default();
        }
        at.seen = Some(seen);
    }
    let payloads: u64 = shapes.shapes.values().map(|shape| shape.read).sum();
    let mut read = Read::default();
    let is_id = |name: &str| words(name).last().is_some_and(|last| last == "id");
    let mut members: Vec<(&str, &Member<'_>)> = root
        .members
        .iter()
        .filter(|(name, _)| **name != "[]")
        .map(|(name, member)| (*name, member))
        .collect();
    // What is decided on first, as a person would write it.
    members.sort_by_key(|(name, _)| !is_id(name));
    for (name, member) in members {
        let kind = At::nowhere(read.kind(name, name, member, DEPTH_MAX));
        let there = member.seen.map_or(payloads, |seen| seen.read);
        let is_optional =
            there < payloads || member.seen.is_some_and(|seen| count(seen, ValueKind::Null) > 0);
        if there < payloads {
            read.remark(name, format!("in {there} of {payloads}"));
        }
        let field = Field { kind, is_optional, privacy: None, computed: None, note: None };
        read.fields.push(Named { name: At::nowhere(name.to_owned()), it: field });
    }
    read
}

/// `lines[].sku` as `lines`, `[]`, `sku`.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').flat_map(|part| {
        let name = part.trim_end_matches("[]");
        let lists = (part.len() - name.len()) / 2;
        Some(name).filter(|name| !name.is_empty()).into_iter().chain(std::iter::repeat_n("[]", lists))
    })
}

fn count(seen: &FieldSample, kind: ValueKind) -> u64 {
    seen.kinds.get(&kind).copied().unwrap_or_default()
}

impl Read {
    fn remark(&mut self, field: &str, remark: impl Into<String>) {
        self.remarks.push((field.to_owned(), remark.into()));
    }

    /// The type of a member; what is remarkable is said beside the field that it is in.
    fn kind(&mut self, field: &str, path: &str, member: &Member<'_>, depth: usize) -> FieldType {
        let named = |name: &str| FieldType::Name(name.to_owned());
        let of = |inside: &str| if path == field { String::new() } else { format!("{inside} ") };
        if let Some(seen) = member.seen {
            self.look(field, path, seen);
        }
        let kinds: Vec<ValueKind> = match member.seen {
            Some(seen) => {
                let kinds = seen.kinds.iter().filter(|(kind, n)| **kind != ValueKind::Null && **n > 0);
                kinds.map(|(kind, _)| *kind).collect()
            }
            None if member.members.contains_key("[]") => vec![ValueKind::List],
            None => vec![ValueKind::Object],
        };
        let Some(depth) = depth.checked_sub(1) else { return named("json") };
        match kinds.as_slice() {
            [] => {
                self.remark(field, format!("{}always null", of(path)));
                named("json")
            }
            [ValueKind::Text] => named(member.seen.map_or("text", kind_of_text)),
            [ValueKind::Integer] => named("int"),
            [ValueKind::Fraction] | [ValueKind::Integer, ValueKind::Fraction] => {
                self.remark(field, format!("{}decimal, or float?", of(path)));
                named("decimal")
            }
            [ValueKind::Bool] => named("bool"),
            [ValueKind::List] => FieldType::List(Box::new(match member.members.get("[]") {
                Some(items) => self.kind(field, &format!("{path}[]"), items, depth),
                None => named("json"),
            })),
            [ValueKind::Object] => {
                let members: Vec<_> = member.members.iter().filter(|(name, _)| **name != "[]").collect();
                if members.is_empty() || members.len() > MEMBERS_MAX {
                    return named("json");
                }
                let objects = member.seen.map(|seen| count(seen, ValueKind::Object));
                let mut fields = Vec::new();
                for (name, inner) in members {
                    let path = format!("{path}.{name}");
                    if let (Some(objects), Some(seen)) = (objects, inner.seen)
                        && (seen.read < objects || count(seen, ValueKind::Null) > 0)
                    {
                        self.remark(field, format!("{path} may be missing"));
                    }
                    fields.push(((*name).to_owned(), self.kind(field, &path, inner, depth)));
                }
                FieldType::Fields(fields)
            }
            several => {
                let several: Vec<&str> = several.iter().map(|kind| kind_name(*kind)).collect();
                self.remark(field, format!("{}is {}", of(path), several.join(" or ")));
                named("json")
            }
        }
    }

    fn look(&mut self, field: &str, path: &str, seen: &FieldSample) {
        let shown = if path == field { String::new() } else { format!("{path} ") };
        let texts = count(seen, ValueKind::Text);
        let looks_like = |look: Look| {
            let like = match look {
                Look::Mail => "mail addresses",
                Look::Phone => "telephone numbers",
                Look::IpAddress => "IP addresses",
                Look::Iban => "IBANs",
                Look::Card => "card numbers",
                Look::Secret => "secrets",
                Look::Uuid | Look::Time => return None,
            };
            seen.looks.get(&look).filter(|n| **n > 0).map(|_| like)
        };
        let looks = [Look::Mail, Look::Phone, Look::IpAddress, Look::Iban, Look::Card, Look::Secret];
        let name = path.rsplit(['.', ']']).next().unwrap_or_default();
        let like = looks.into_iter().find_map(looks_like);
        if like == Some("secrets") {
            self.remark(field, format!("{shown}looks like secrets: they do not belong into events"));
        } else if let Some(like) = like {
            self.remark(field, format!("{shown}looks like {like}: choose a class"));
            self.personal.push(path.to_owned());
        } else if is_personal(name) {
            self.remark(field, format!("{shown}looks personal by its name: choose a class"));
            self.personal.push(path.to_owned());
        } else if texts >= VALUES_FOR_ONE_OF
            && kind_of_text(seen) == "text"
            && seen.distinct < FieldSample::DISTINCT_MAX
            && seen.distinct <= 8
        {
            self.remark(field, format!("{shown}{} values seen: one-of?", seen.distinct));
        }
    }
}

fn kind_of_text(seen: &FieldSample) -> &'static str {
    let texts = count(seen, ValueKind::Text);
    let all_look = |look: Look| texts > 0 && seen.looks.get(&look).is_some_and(|n| *n == texts);
    if all_look(Look::Uuid) {
        "uuid"
    } else if all_look(Look::Time) {
        "time"
    } else {
        "text"
    }
}

fn kind_name(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Null => "null",
        ValueKind::Bool => "a truth",
        ValueKind::Integer => "a whole number",
        ValueKind::Fraction => "a fraction",
        ValueKind::Text => "a text",
        ValueKind::List => "a list",
        ValueKind::Object => "an object",
    }
}
