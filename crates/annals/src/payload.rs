//! What an event carries: JSON text or bytes, and the JSON object of its metadata.

use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::json;

/// One JSON value (RFC 8259), checked when made and carried as text, so that a number of thirty digits
/// comes back as it was written.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct JsonText(Arc<str>);

impl JsonText {
    /// Checks that `text` is one JSON value without duplicate names, at most 127 levels deep.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] says what is wrong and at which byte.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self> {
        let text = text.into();
        json::check(&text).map_err(|fault| {
            let near: String = text.get(fault.at..).unwrap_or_default().chars().take(20).collect();
            let near = if near.is_empty() { String::new() } else { format!(", near {near:?}") };
            Error::invalid(format!("malformed JSON at byte {}: {}{near}", fault.at, fault.what))
        })?;
        Ok(Self(text))
    }

    /// Text from a column whose type takes nothing but JSON, which was checked before it was stored. What such a
    /// type lets pass, a name written twice or half of a surrogate pair, can only be there where somebody wrote
    /// around Annals; it is then found by whoever decodes or compares the value.
    #[cfg(feature = "postgres")]
    pub(crate) fn of_json_column(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the value has no JSON form: a map whose keys are not text, a name
    /// written twice by `flatten`.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        let text = serde_json::to_string(value)
            .map_err(|e| Error::with_source(ErrorKind::Invalid, "a value has no JSON form", e))?;
        Self::parse(text)
    }

    /// Reads the value into a type.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`]: stored JSON that this type cannot read.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.0).map_err(|e| {
            Error::with_source(
                ErrorKind::Corrupt,
                format!("JSON does not read as {}", std::any::type_name::<T>()),
                e,
            )
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are the same JSON value: members in any order, numbers as exact decimals.
    pub fn same_value(&self, other: &Self) -> bool {
        json::same(&self.0, &other.0)
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for JsonText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &serde_json::value::RawValue =
            serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// What an event carries.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Payload {
    /// One JSON value.
    Json(JsonText),
    /// Any bytes, kept byte for byte.
    Bytes(Arc<[u8]>),
}

impl Payload {
    /// The bytes as stored: the UTF-8 of JSON, or the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Json(json) => json.as_str().as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// The JSON value, unless the payload is bytes.
    pub fn json(&self) -> Option<&JsonText> {
        match self {
            Self::Json(json) => Some(json),
            Self::Bytes(_) => None,
        }
    }

    /// Reads JSON into a type.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for bytes, or JSON that this type cannot read.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        match self {
            Self::Json(json) => json.decode(),
            Self::Bytes(_) => Err(Error::corrupt("the payload is bytes, expected JSON")),
        }
    }

    /// Whether both carry the same: the same JSON value, or the same bytes.
    pub fn same_value(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Json(a), Self::Json(b)) => a.same_value(b),
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            _ => false,
        }
    }
}

impl From<JsonText> for Payload {
    fn from(json: JsonText) -> Self {
        Self::Json(json)
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(json) => json.fmt(f),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

/// What is known about an event beside its payload: a JSON object, empty unless given.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Metadata(JsonText);

impl Metadata {
    /// Checks that the text is a JSON object.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for anything else.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self> {
        Self::try_from(JsonText::parse(text)?)
    }

    /// Writes a value that is an object in JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for anything else.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        Self::try_from(JsonText::of(value)?)
    }

    /// The object as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The object as JSON.
    pub fn json(&self) -> &JsonText {
        &self.0
    }

    /// Whether the object has no members.
    pub fn is_empty(&self) -> bool {
        self.as_str() == "{}"
    }
}

impl TryFrom<JsonText> for Metadata {
    type Error = Error;

    fn try_from(json: JsonText) -> Result<Self> {
        if json.as_str().trim_start().starts_with('{') {
            Ok(Self(json))
        } else {
            Err(Error::invalid(format!("metadata is {}, expected a JSON object", json.as_str())))
        }
    }
}

impl Default for Metadata {
    fn default() -> Self {
        static EMPTY: LazyLock<Metadata> = LazyLock::new(|| Metadata(JsonText(Arc::from("{}"))));
        EMPTY.clone()
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Metadata {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
