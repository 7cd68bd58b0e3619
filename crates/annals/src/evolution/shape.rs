//! The part of JSON Schema that Rust types make, as a type. Whatever is not understood is kept as unclear, with the
//! reason, and never taken for something it may not be.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What a payload, or a part of one, looks like.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Any,
    Null,
    Bool,
    Integer {
        min: i128,
        max: i128,
    },
    /// Any number; in a single-precision one, digits of a double are lost.
    Number {
        single: bool,
    },
    Text(Text),
    /// Exactly this text, boolean or whole number.
    Constant(Value),
    List(List),
    Object(Object),
    /// One of these, no matter which.
    OneOf(Vec<Shape>),
    Unclear {
        why: String,
        /// As it stands, since what has not changed can be read though nobody understands it.
        schema: Value,
    },
}

/// Text, with what is asked of it; serde asks less, and which of it a type asks cannot be seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Text {
    pub(super) format: Option<String>,
    pub(super) pattern: Option<String>,
    pub(super) min: u64,
    pub(super) max: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct List {
    /// The shapes of the first elements: those of a tuple.
    pub(super) first: Vec<Shape>,
    pub(super) rest: Box<Shape>,
    pub(super) min: u64,
    pub(super) max: Option<u64>,
    pub(super) unique: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    /// By name; `true` where it is required.
    pub(super) properties: BTreeMap<String, (Shape, bool)>,
    pub(super) rest: Rest,
}

/// Properties that are not named.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rest {
    /// Passed over by who reads, and never written.
    Ignored,
    Refused,
    /// Entries of a map.
    Of(Box<Shape>),
}

/// Words that say nothing about what can be read.
const ANNOTATIONS: [&str; 10] = [
    "$schema",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$defs",
];

impl Shape {
    pub(super) fn of(schema: &Value) -> Self {
        Self::parse(schema, schema.get("$defs"))
    }

    fn parse(schema: &Value, definitions: Option<&Value>) -> Self {
        let unclear = |why: String| Self::Unclear { why, schema: with_definitions(schema, definitions) };
        let object = match schema {
            Value::Bool(true) => return Self::Any,
            Value::Object(object) => object,
            _ => return unclear("a schema that nothing fits".to_owned()),
        };
        let words = Words { object, definitions };
        match words.shape() {
            Ok(shape) => shape,
            Err(why) => unclear(why),
        }
    }
}

/// A reference means nothing without what it refers to.
fn with_definitions(schema: &Value, definitions: Option<&Value>) -> Value {
    match (schema, definitions) {
        (Value::Object(object), Some(definitions)) => {
            let mut object = object.clone();
            object.insert("$defs".to_owned(), definitions.clone());
            Value::Object(object)
        }
        _ => schema.clone(),
    }
}

/// The members of one schema.
struct Words<'a> {
    object: &'a Map<String, Value>,
    definitions: Option<&'a Value>,
}

type Understood<T> = Result<T, String>;

impl Words<'_> {
    fn shape(&self) -> Understood<Shape> {
        if self.object.contains_key("$ref") {
            return Err("a type that contains itself".to_owned());
        }
        for word in ["anyOf", "oneOf"] {
            if let Some(alternatives) = self.object.get(word) {
                self.only(&[word])?;
                let alternatives = alternatives.as_array().ok_or_else(|| malformed(word))?;
                return Ok(Shape::OneOf(
                    alternatives.iter().map(|one| Shape::parse(one, self.definitions)).collect(),
                ));
            }
        }
        if let Some(value) = self.object.get("const") {
            self.only(&["const", "type"])?;
            return constant(value);
        }
        if let Some(values) = self.object.get("enum") {
            self.only(&["enum", "type"])?;
            let values = values.as_array().ok_or_else(|| malformed("enum"))?;
            return Ok(Shape::OneOf(values.iter().map(constant).collect::<Understood<_>>()?));
        }
        match self.object.get("type") {
            None => {
                self.only(&[])?;
                Ok(Shape::Any)
            }
            Some(Value::String(name)) => self.of_type(name, false),
            Some(Value::Array(names)) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                match *names {
                    // What is said of the value says nothing of null.
                    [one, "null"] | ["null", one] => {
                        Ok(Shape::OneOf(vec![self.of_type(one, true)?, Shape::Null]))
                    }
                    _ => Err("several types at once".to_owned()),
                }
            }
            Some(_) => Err(malformed("type")),
        }
    }

    fn of_type(&self, name: &str, or_null: bool) -> Understood<Shape> {
        match name {
            "null" => self.only(&["type"]).map(|()| Shape::Null),
            "boolean" => self.only(&["type"]).map(|()| Shape::Bool),
            "integer" => self.integer(),
            "number" => {
                self.only(&["type", "format"])?;
                match self.text("format")?.as_deref() {
                    None | Some("double") => Ok(Shape::Number { single: false }),
                    Some("float") => Ok(Shape::Number { single: true }),
                    Some(other) => Err(format!("numbers of the format {other:?}")),
                }
            }
            "string" => {
                self.only(&["type", "format", "pattern", "minLength", "maxLength"])?;
                Ok(Shape::Text(Text {
                    format: self.text("format")?,
                    pattern: self.text("pattern")?,
                    min: self.count("minLength")?.unwrap_or(0),
                    max: self.count("maxLength")?,
                }))
            }
            "array" => self.list(),
            "object" => self.members(),
            other if or_null => Err(format!("the type {other:?} or null")),
            other => Err(format!("the type {other:?}")),
        }
    }

    fn integer(&self) -> Understood<Shape> {
        self.only(&["type", "format", "minimum", "maximum"])?;
        let (min, max): (i128, i128) = match self.text("format")?.as_deref() {
            Some("int8") => (i8::MIN.into(), i8::MAX.into()),
            Some("int16") => (i16::MIN.into(), i16::MAX.into()),
            Some("int32") => (i32::MIN.into(), i32::MAX.into()),
            Some("int64" | "int") => (i64::MIN.into(), i64::MAX.into()),
            Some("uint8") => (0, u8::MAX.into()),
            Some("uint16") => (0, u16::MAX.into()),
            Some("uint32") => (0, u32::MAX.into()),
            Some("uint64" | "uint") => (0, u64::MAX.into()),
            Some(other) => return Err(format!("whole numbers of the format {other:?}")),
            None => return Err("whole numbers without a format".to_owned()),
        };
        let bound = |word: &str| match self.object.get(word) {
            None => Ok(None),
            Some(value) => whole(value).map(Some).ok_or_else(|| malformed(word)),
        };
        Ok(Shape::Integer {
            min: bound("minimum")?.map_or(min, |bound| bound.max(min)),
            max: bound("maximum")?.map_or(max, |bound| bound.min(max)),
        })
    }

    fn list(&self) -> Understood<Shape> {
        self.only(&["type", "items", "prefixItems", "minItems", "maxItems", "uniqueItems"])?;
        let first = match self.object.get("prefixItems") {
            None => Vec::new(),
            Some(Value::Array(first)) => {
                first.iter().map(|one| Shape::parse(one, self.definitions)).collect()
            }
            Some(_) => return Err(malformed("prefixItems")),
        };
        let mut max = self.count("maxItems")?;
        let rest = match self.object.get("items") {
            None | Some(Value::Bool(true)) => Shape::Any,
            Some(Value::Bool(false)) => {
                let length = first.len().try_into().map_err(|_| malformed("prefixItems"))?;
                max = Some(max.map_or(length, |max| max.min(length)));
                Shape::Any
            }
            Some(items) => Shape::parse(items, self.definitions),
        };
        Ok(Shape::List(List {
            first,
            rest: Box::new(rest),
            min: self.count("minItems")?.unwrap_or(0),
            max,
            unique: self.object.get("uniqueItems") == Some(&Value::Bool(true)),
        }))
    }

    fn members(&self) -> Understood<Shape> {
        self.only(&["type", "properties", "required", "additionalProperties"])?;
        let required: Vec<&str> = match self.object.get("required") {
            None => Vec::new(),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            Some(_) => return Err(malformed("required")),
        };
        let mut properties = BTreeMap::new();
        match self.object.get("properties") {
            None => {}
            Some(Value::Object(named)) => {
                for (name, schema) in named {
                    let is_required = required.contains(&name.as_str());
                    properties.insert(name.clone(), (Shape::parse(schema, self.definitions), is_required));
                }
            }
            Some(_) => return Err(malformed("properties")),
        }
        for name in required {
            properties.entry(name.to_owned()).or_insert((Shape::Any, true));
        }
        let rest = match self.object.get("additionalProperties") {
            None => Rest::Ignored,
            Some(Value::Bool(false)) => Rest::Refused,
            Some(schema) => Rest::Of(Box::new(Shape::parse(schema, self.definitions))),
        };
        Ok(Shape::Object(Object { properties, rest }))
    }

    /// Fails where there is a word beside these that may change what fits.
    fn only(&self, known: &[&str]) -> Understood<()> {
        let other = |word: &&String| !known.contains(&word.as_str()) && !ANNOTATIONS.contains(&word.as_str());
        match self.object.keys().find(other) {
            Some(word) => Err(format!("{word:?} in a schema")),
            None => Ok(()),
        }
    }

    fn text(&self, word: &str) -> Understood<Option<String>> {
        match self.object.get(word) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(malformed(word)),
        }
    }

    fn count(&self, word: &str) -> Understood<Option<u64>> {
        match self.object.get(word) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| malformed(word)),
        }
    }
}

fn malformed(word: &str) -> String {
    format!("{word:?} that is not as JSON Schema has it")
}

fn constant(value: &Value) -> Understood<Shape> {
    match value {
        Value::Null => Ok(Shape::Null),
        Value::Bool(_) | Value::String(_) => Ok(Shape::Constant(value.clone())),
        Value::Number(_) if whole(value).is_some() => Ok(Shape::Constant(value.clone())),
        _ => Err("a constant that is no text, boolean or whole number".to_owned()),
    }
}

/// A whole number as serde takes one: written without a fraction.
pub(super) fn whole(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}
