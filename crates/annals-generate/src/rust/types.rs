//! What types fields have in Rust, and the types that have to be written for them.

use std::collections::{BTreeMap, BTreeSet};

use annals_model::model::{FieldType, Fields, Model, Named};

use super::ident::{self, Scope};
use crate::Impossible;

/// The types of a model's fields.
#[derive(Debug)]
pub(super) struct Types<'m> {
    model: &'m Model,
    own: BTreeMap<&'m str, usize>,
    written: BTreeMap<String, usize>,
    scope: Scope,
    /// Those that are written, in order.
    pub(super) definitions: Vec<Definition>,
}

/// A type that is written.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: String,
    /// Where it is from, in words.
    pub(super) from: String,
    pub(super) shape: Shape,
    source: Option<(String, FieldType)>,
}

#[derive(Debug)]
pub(super) enum Shape {
    Struct(Vec<Member>),
    /// Variants and their texts.
    OneOf(Vec<(String, String)>),
}

/// A field as Rust has it.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// As the model names it.
    pub(super) name: String,
    /// As Rust names it.
    pub(super) ident: String,
    pub(super) kind: FieldType,
    pub(super) is_optional: bool,
    /// What the model says of it.
    pub(super) remark: String,
    /// Where it stands, by which its type is found.
    pub(super) key: String,
    /// It would hold itself otherwise.
    pub(super) is_boxed: bool,
}

/// Where a field stands.
#[derive(Clone, Copy)]
struct Place<'p> {
    key: &'p str,
    /// The type in Rust that it is in.
    owner: &'p str,
    /// The model's type that it is in.
    own: Option<&'p str>,
}

impl<'m> Types<'m> {
    /// The model's own types.
    pub(super) fn of(model: &'m Model) -> Result<Self, Impossible> {
        let (own, written) = (BTreeMap::new(), BTreeMap::new());
        let mut types = Self { model, own, written, scope: Scope::of_types(), definitions: Vec::new() };
        for own in &model.types {
            let name = types.scope.take(ident::type_name(&own.name.value));
            let from = format!("The model's type `{}`.", own.name.value);
            types.own.insert(&own.name.value, types.definitions.len());
            types.definitions.push(Definition { name, from, shape: Shape::Struct(Vec::new()), source: None });
        }
        for (at, own) in model.types.iter().enumerate() {
            let owner =
                types.definitions.get(at).map(|definition| definition.name.clone()).unwrap_or_default();
            let place = Place { key: &own.name.value, owner: &owner, own: Some(&own.name.value) };
            let members = types.members_in(&place, &own.it)?;
            if let Some(definition) = types.definitions.get_mut(at) {
                definition.shape = Shape::Struct(members);
            }
        }
        Ok(types)
    }

    /// The fields of an event or a command, whose types are written where they have none of their own.
    pub(super) fn members(&mut self, of: &str, fields: &Fields) -> Result<Vec<Member>, Impossible> {
        let place = Place { key: of, owner: &ident::type_name(of), own: None };
        self.members_in(&place, fields)
    }

    fn members_in(&mut self, place: &Place<'_>, fields: &Fields) -> Result<Vec<Member>, Impossible> {
        let mut members = Vec::new();
        for Named { name, it } in fields {
            let mut member = self.member(place, &name.value, &it.kind.value, &members)?;
            member.is_optional = it.is_optional;
            let note = it.note.as_ref().map(|note| format!("{}.", note.value.trim_end_matches('.')));
            let computed = it.computed.as_ref().map(|from| format!("Computed: {}.", from.value));
            let class = it.privacy.as_ref().map(|class| format!("Personal data of class `{}`.", class.value));
            member.remark = [note, computed, class].into_iter().flatten().collect::<Vec<_>>().join(" ");
            members.push(member);
        }
        Ok(members)
    }

    fn member(
        &mut self,
        place: &Place<'_>,
        name: &str,
        kind: &FieldType,
        others: &[Member],
    ) -> Result<Member, Impossible> {
        let ident = ident::field(name);
        if let Some(other) = others.iter().find(|other| other.ident == ident) {
            return Err(Impossible {
                message: format!("`{}` and `{name}` of {} are both `{ident}` in Rust", other.name, place.key),
                help: "give one of them another name".to_owned(),
            });
        }
        let key = format!("{}.{name}", place.key);
        self.write(&Place { key: &key, ..*place }, name, kind)?;
        let is_boxed = matches!((place.own, kind), (Some(own), FieldType::Name(held))
            if self.holds(held, own, &mut BTreeSet::new()));
        let (name, kind, remark) = (name.to_owned(), kind.clone(), String::new());
        Ok(Member { name, ident, kind, is_optional: false, remark, key, is_boxed })
    }

    /// Writes the types that stand inside of the field at this place.
    fn write(&mut self, place: &Place<'_>, name: &str, kind: &FieldType) -> Result<(), Impossible> {
        match kind {
            FieldType::Name(_) => return Ok(()),
            FieldType::List(of) => {
                let key = format!("{}[]", place.key);
                return self.write(&Place { key: &key, ..*place }, &ident::singular(name), of);
            }
            FieldType::Fields(_) | FieldType::OneOf(_) => {}
        }
        // The lines of a command are those of its event, so that they need not be turned into each other.
        let source = place.own.is_none().then(|| (name.to_owned(), kind.clone()));
        let is_alike = |known: &Definition| source.is_some() && known.source == source;
        if let Some(at) = self.definitions.iter().position(is_alike) {
            self.written.insert(place.key.to_owned(), at);
            return Ok(());
        }
        let at = self.definitions.len();
        self.written.insert(place.key.to_owned(), at);
        let own_name = self.scope.take(format!("{}{}", place.owner, ident::type_name(name)));
        let from = format!("A value of `{}`.", place.key.replace("[]", ""));
        let shape = Shape::OneOf(Vec::new());
        self.definitions.push(Definition { name: own_name.clone(), from, shape, source });
        let shape = match kind {
            FieldType::Fields(fields) => {
                let inside = Place { owner: &own_name, ..*place };
                let mut members = Vec::new();
                for (name, kind) in fields {
                    members.push(self.member(&inside, name, kind, &members)?);
                }
                Shape::Struct(members)
            }
            FieldType::OneOf(texts) => {
                let mut scope = Scope::new();
                let variants = texts.iter().map(|text| (scope.take(ident::variant(text)), text.clone()));
                Shape::OneOf(variants.collect())
            }
            FieldType::Name(_) | FieldType::List(_) => return Ok(()),
        };
        if let Some(definition) = self.definitions.get_mut(at) {
            definition.shape = shape;
        }
        Ok(())
    }

    /// Whether a value of one of the model's types has one of another in it, not counting lists.
    fn holds(&self, outer: &str, inner: &str, seen: &mut BTreeSet<String>) -> bool {
        if outer == inner {
            return true;
        }
        let Some(own) = self.model.types.iter().find(|own| own.name.value == outer) else { return false };
        if !seen.insert(outer.to_owned()) {
            return false;
        }
        own.it.iter().any(|field| self.kind_holds(&field.it.kind.value, inner, seen))
    }

    fn kind_holds(&self, kind: &FieldType, inner: &str, seen: &mut BTreeSet<String>) -> bool {
        match kind {
            FieldType::Name(name) => self.holds(name, inner, seen),
            FieldType::Fields(fields) => fields.iter().any(|(_, kind)| self.kind_holds(kind, inner, seen)),
            FieldType::List(_) | FieldType::OneOf(_) => false,
        }
    }

    /// The type of a field, `before` the names of types that are written.
    pub(super) fn rust(&self, member: &Member, before: &str) -> String {
        let rust = self.kind(&member.kind, &member.key, before);
        let rust = if member.is_boxed { format!("Box<{rust}>") } else { rust };
        if member.is_optional { format!("Option<{rust}>") } else { rust }
    }

    fn kind(&self, kind: &FieldType, key: &str, before: &str) -> String {
        if let Some(definition) = self.definition(kind, key) {
            return format!("{before}{}", definition.name);
        }
        match kind {
            FieldType::List(of) => format!("Vec<{}>", self.kind(of, &format!("{key}[]"), before)),
            FieldType::Name(name) => match name.as_str() {
                "uuid" => "uuid::Uuid".to_owned(),
                "int" => "i64".to_owned(),
                "float" => "f64".to_owned(),
                "bool" => "bool".to_owned(),
                "time" => "annals::Timestamp".to_owned(),
                "decimal" => format!("{before}Decimal"),
                "text" | "date" | "bytes" => "String".to_owned(),
                _ => "serde_json::Value".to_owned(),
            },
            FieldType::Fields(_) | FieldType::OneOf(_) => "serde_json::Value".to_owned(),
        }
    }

    /// The written type that a field of this kind has.
    pub(super) fn definition(&self, kind: &FieldType, key: &str) -> Option<&Definition> {
        let at = match kind {
            FieldType::Name(name) => self.own.get(name.as_str()),
            FieldType::Fields(_) | FieldType::OneOf(_) => self.written.get(key),
            FieldType::List(_) => None,
        };
        at.and_then(|at| self.definitions.get(*at))
    }

    /// Whether a value of the field is one short text, as it is in the name of a stream and in a tag.
    pub(super) fn is_shown(&self, member: &Member) -> bool {
        let is_one = match &member.kind {
            FieldType::Name(name) => !self.own.contains_key(name.as_str()) && name != "json",
            FieldType::OneOf(_) => true,
            FieldType::List(_) | FieldType::Fields(_) => false,
        };
        is_one && !member.is_optional
    }

    /// Whether a field anywhere is a decimal.
    pub(super) fn has_decimals(&self, members: &[&Member]) -> bool {
        fn is_decimal(kind: &FieldType) -> bool {
            match kind {
                FieldType::Name(name) => name == "decimal",
                FieldType::List(of) => is_decimal(of),
                FieldType::Fields(_) | FieldType::OneOf(_) => false,
            }
        }
        let inside = self.definitions.iter().flat_map(|definition| match &definition.shape {
            Shape::Struct(members) => members.as_slice(),
            Shape::OneOf(_) => &[],
        });
        let mut all = inside.chain(members.iter().copied());
        !self.own.contains_key("decimal") && all.any(|member| is_decimal(&member.kind))
    }
}

impl Member {
    /// The name in the log, where it is not that in Rust.
    pub(super) fn stored(&self) -> Option<&str> {
        (ident::bare(&self.ident) != self.name).then_some(self.name.as_str())
    }
}
