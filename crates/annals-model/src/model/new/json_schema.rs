//! The fields of a JSON Schema.

use crate::model::{Field, FieldType, Fields, Named};
use crate::text::At;

use super::names::pascal;
use super::tree::Tree;

/// How deep a schema is followed; what is below is `json`.
const DEPTH_MAX: usize = 8;

/// How many types are made of one schema, for references may go round.
const TYPES_MAX: usize = 2_000;

/// Reads one schema.
pub(super) struct Reading<'s> {
    /// What references lead into.
    root: &'s Tree,
    /// Schemas that have a name in the model.
    types: &'s [(String, Tree)],
    types_made: usize,
    /// By field, what a model cannot say of it.
    pub(super) left: Vec<(String, String)>,
}

/// A schema without the null that it allows.
struct View<'s> {
    schema: &'s Tree,
    kind: Option<&'s str>,
    may_be_null: bool,
}

impl<'s> Reading<'s> {
    pub(super) fn new(root: &'s Tree, types: &'s [(String, Tree)]) -> Self {
        Self { root, types, types_made: 0, left: Vec::new() }
    }

    /// The fields of an object, or of the objects in a list.
    pub(super) fn fields(&mut self) -> Fields {
        let schema = self.followed(self.root);
        let schema = schema.get("items").map_or(schema, |items| self.followed(items));
        let required = schema.texts_of("required");
        let properties = schema.get("properties").map(Tree::entries).unwrap_or_default();
        properties.iter().map(|(name, of)| self.field(name, of, required.contains(&name.as_str()))).collect()
    }

    fn field(&mut self, name: &str, schema: &'s Tree, is_required: bool) -> Named<Field> {
        let view = self.view(schema);
        let note = view.schema.text_of("description");
        let note = (!note.is_empty()).then(|| At::nowhere(note.to_owned()));
        let kind = match texts(view.schema) {
            Some(texts) => FieldType::OneOf(texts),
            None => self.kind(name, schema, DEPTH_MAX),
        };
        let kind = At::nowhere(kind);
        let is_optional = !is_required || view.may_be_null;
        let it = Field { kind, is_optional, privacy: None, computed: None, note };
        Named { name: At::nowhere(name.to_owned()), it }
    }

    fn kind(&mut self, path: &str, schema: &'s Tree, depth: usize) -> FieldType {
        let named = |name: &str| FieldType::Name(name.to_owned());
        let view = self.view(schema);
        if let Some(name) = self.named(schema).or_else(|| self.named(view.schema)) {
            return named(name);
        }
        let is_within = path.contains(['.', '[']);
        if view.may_be_null && is_within {
            self.left.push((path.to_owned(), "may be null".to_owned()));
        }
        self.types_made += 1;
        let Some(depth) = depth.checked_sub(1).filter(|_| self.types_made < TYPES_MAX) else {
            return named("json");
        };
        match (view.kind, view.schema.text_of("format")) {
            (Some("string"), "uuid") => named("uuid"),
            (Some("string"), "date-time") => named("time"),
            (Some("string"), "date") => named("date"),
            (Some("string"), _) => {
                if let Some(texts) = texts(view.schema).filter(|_| is_within) {
                    self.left.push((path.to_owned(), format!("is one of {}", texts.join(", "))));
                }
                named("text")
            }
            (Some("integer"), _) => named("int"),
            (Some("number"), _) => named("decimal"),
            (Some("boolean"), _) => named("bool"),
            (Some("array"), _) => FieldType::List(Box::new(match view.schema.get("items") {
                Some(items @ Tree::Map(_)) => self.kind(&format!("{path}[]"), items, depth),
                _ => named("json"),
            })),
            (Some("object") | None, _) => self.members(path, view.schema, depth),
            (Some(_), _) => named("json"),
        }
    }

    fn members(&mut self, path: &str, schema: &'s Tree, depth: usize) -> FieldType {
        let properties = schema.get("properties").map(Tree::entries).unwrap_or_default();
        if properties.is_empty() {
            return FieldType::Name("json".to_owned());
        }
        let required = schema.texts_of("required");
        let mut members = Vec::new();
        for (name, of) in properties {
            let path = format!("{path}.{name}");
            if !required.contains(&name.as_str()) {
                self.left.push((path.clone(), "may be missing".to_owned()));
            }
            members.push((name.clone(), self.kind(&path, of, depth)));
        }
        FieldType::Fields(members)
    }

    /// The type of the model that this is.
    fn named(&self, schema: &Tree) -> Option<&'s str> {
        let to = schema.text_of("$ref").rsplit('/').next().unwrap_or_default();
        let refers_to = pascal(to.split('.').next().unwrap_or_default());
        let is_it = |(name, known): &&(String, Tree)| {
            *name == refers_to || (known == schema && known.get("properties").is_some())
        };
        self.types.iter().find(is_it).map(|(name, _)| name.as_str())
    }

    /// What a reference within the schema leads to.
    fn followed(&self, schema: &'s Tree) -> &'s Tree {
        let mut at = schema;
        for _ in 0..DEPTH_MAX {
            let Some(to) = at.get("$ref").and_then(Tree::text).and_then(|to| to.strip_prefix("#/")) else {
                break;
            };
            match to.split('/').try_fold(self.root, |at, key| at.get(key)) {
                Some(next) => at = next,
                None => break,
            }
        }
        at
    }

    fn view(&self, schema: &'s Tree) -> View<'s> {
        let schema = self.followed(schema);
        match schema.get("type") {
            Some(Tree::List(types)) => {
                let types = types.iter().filter_map(Tree::text);
                let (null, others): (Vec<_>, Vec<_>) = types.partition(|of| is_null(of));
                let kind = if let [one] = others.as_slice() { one } else { "anything" };
                return View { schema, kind: Some(kind), may_be_null: !null.is_empty() };
            }
            Some(kind) => return View { schema, kind: kind.text(), may_be_null: false },
            None => {}
        }
        for word in ["anyOf", "oneOf"] {
            let kinds = schema.items_of(word);
            let (null, others): (Vec<_>, Vec<_>) = kinds.iter().partition(|of| is_null(of.text_of("type")));
            if let [one] = others.as_slice() {
                let one = self.followed(one);
                let kind = one.get("type").and_then(Tree::text);
                return View { schema: one, kind, may_be_null: !null.is_empty() };
            }
        }
        let is_text = texts(schema).is_some();
        View { schema, kind: is_text.then_some("string"), may_be_null: false }
    }
}

/// YAML's null is a type's name here.
fn is_null(kind: &str) -> bool {
    kind == "null"
}

/// The texts that it may be, where it may be nothing else.
fn texts(schema: &Tree) -> Option<Vec<String>> {
    let of: Vec<&Tree> = match (schema.get("enum"), schema.get("const")) {
        (Some(of), _) => of.items().iter().collect(),
        (None, Some(of)) => vec![of],
        _ => return None,
    };
    let is_text = schema.get("type").is_none_or(|kind| kind.text() == Some("string"));
    let texts: Vec<String> = of.iter().filter_map(|of| of.text()).map(str::to_owned).collect();
    (is_text && !texts.is_empty() && texts.len() == of.len()).then_some(texts)
}
