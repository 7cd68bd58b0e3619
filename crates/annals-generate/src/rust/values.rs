//! Values of the model's examples, written as Rust.

use annals_model::model::FieldType;
use serde_json::{Map, Value};

use super::layout::{Expr, literal};
use super::types::{Definition, Member, Shape, Types};
use crate::Impossible;

/// How deep a value nests whose fields the model does not say.
const DEPTH_MOST: usize = 16;

/// Writes values.
#[derive(Debug)]
pub(super) struct Values<'p, 'm> {
    pub(super) types: &'p Types<'m>,
    /// Whether a text may stand for a UUID that it is not, as `o-1` does.
    pub(super) is_lenient: bool,
}

/// What a value is of, for messages.
type Path<'a> = &'a str;

impl Values<'_, '_> {
    /// The fields of an event or a command; those that are not said have values made from their names.
    pub(super) fn fields(
        &self,
        of: Path<'_>,
        members: &[Member],
        said: &Map<String, Value>,
    ) -> Result<Vec<(String, Expr)>, Impossible> {
        self.members(of, members, said, 0)
    }

    fn members(
        &self,
        of: Path<'_>,
        members: &[Member],
        said: &Map<String, Value>,
        depth: usize,
    ) -> Result<Vec<(String, Expr)>, Impossible> {
        let value = |member: &Member| {
            let path = format!("{of}.{}", member.name);
            Ok((member.ident.clone(), self.member(&path, member, said.get(&member.name), depth)?))
        };
        members.iter().map(value).collect()
    }

    /// The value of one field.
    pub(super) fn member(
        &self,
        path: Path<'_>,
        member: &Member,
        said: Option<&Value>,
        depth: usize,
    ) -> Result<Expr, Impossible> {
        if member.is_optional && said.is_none_or(Value::is_null) {
            return Ok(Expr::plain("None"));
        }
        let value = match said {
            Some(said) => self.value(path, &member.kind, &member.key, said, depth)?,
            None => self.made(path, &member.name, &member.kind, &member.key, depth)?,
        };
        let value = if member.is_boxed { Expr::call("Box::new", value) } else { value };
        Ok(if member.is_optional { Expr::call("Some", value) } else { value })
    }

    fn value(
        &self,
        path: Path<'_>,
        kind: &FieldType,
        key: &str,
        said: &Value,
        depth: usize,
    ) -> Result<Expr, Impossible> {
        if let Some(definition) = self.types.definition(kind, key) {
            return self.written(path, definition, said, depth);
        }
        match (kind, said) {
            (FieldType::List(of), Value::Array(items)) => {
                let key = format!("{key}[]");
                let items = items.iter().map(|item| self.value(path, of, &key, item, depth + 1));
                let items = items.collect::<Result<Vec<_>, _>>()?;
                Ok(if items.is_empty() { Expr::plain("Vec::new()") } else { Expr::List("vec![", items) })
            }
            (FieldType::Name(name), said) => {
                self.plain(name, said).ok_or_else(|| mismatch(path, expected(name), said))
            }
            (_, said) => Err(mismatch(path, "a list", said)),
        }
    }

    fn written(
        &self,
        path: Path<'_>,
        definition: &Definition,
        said: &Value,
        depth: usize,
    ) -> Result<Expr, Impossible> {
        let name = format!("types::{}", definition.name);
        match (&definition.shape, said) {
            (Shape::Struct(members), Value::Object(said)) => {
                Ok(Expr::Fields(name, self.members(path, members, said, depth + 1)?))
            }
            (Shape::Struct(_), said) => Err(mismatch(path, "fields with values", said)),
            (Shape::OneOf(variants), said) => {
                let variant = variants.iter().find(|(_, text)| Some(text.as_str()) == said.as_str());
                let variant = variant.ok_or_else(|| {
                    let texts: Vec<&str> = variants.iter().map(|(_, text)| text.as_str()).collect();
                    mismatch(path, &format!("one of {}", texts.join(", ")), said)
                })?;
                Ok(Expr::plain(format!("{name}::{}", variant.0)))
            }
        }
    }

    /// A value of a type that every model has.
    fn plain(&self, name: &str, said: &Value) -> Option<Expr> {
        let text = said.as_str();
        Some(Expr::plain(match name {
            "uuid" => match text {
                Some(text) if self.is_lenient => format!("uuid_of({})", literal(text)),
                Some(text) if is_uuid(text) => {
                    let digits = text.replace('-', "").to_lowercase();
                    format!("uuid::Uuid::from_u128(0x{digits})")
                }
                _ => return None,
            },
            "date" if !text.is_some_and(is_date) => return None,
            "text" | "date" | "bytes" => text_of(text?),
            "decimal" => match (text, said) {
                (Some(text), _) => format!("types::Decimal({})", text_of(text)),
                (None, Value::Number(number)) => format!("types::Decimal({})", text_of(&number.to_string())),
                _ => return None,
            },
            "int" => said.as_i64()?.to_string(),
            "float" => match said.as_f64()? {
                number if number.is_finite() => format!("{number:?}"),
                _ => return None,
            },
            "bool" => said.as_bool()?.to_string(),
            "time" => match text? {
                // It is looked at here, so that it is read there.
                time if is_time(time) => format!("{}.parse().expect(\"a time\")", literal(time)),
                _ => return None,
            },
            _ => json(said),
        }))
    }

    /// A value for a field of which the example says nothing: always the same for a name, so that a command and the
    /// event that it leads to agree.
    fn made(
        &self,
        path: Path<'_>,
        name: &str,
        kind: &FieldType,
        key: &str,
        depth: usize,
    ) -> Result<Expr, Impossible> {
        if depth > DEPTH_MOST {
            return Err(Impossible {
                message: format!("a value of {path} would hold another like it, without an end"),
                help: "make one of the fields on the way optional, or a list".to_owned(),
            });
        }
        if let Some(definition) = self.types.definition(kind, key) {
            let name = format!("types::{}", definition.name);
            return match &definition.shape {
                Shape::Struct(members) => {
                    Ok(Expr::Fields(name, self.members(path, members, &Map::new(), depth + 1)?))
                }
                Shape::OneOf(variants) => match variants.first() {
                    Some((variant, _)) => Ok(Expr::plain(format!("{name}::{variant}"))),
                    None => Err(Impossible {
                        message: format!("{path} is one of no texts"),
                        help: "say in `one-of` what it may be".to_owned(),
                    }),
                },
            };
        }
        let FieldType::Name(kind) = kind else { return Ok(Expr::plain("Vec::new()")) };
        let said = match kind.as_str() {
            "uuid" | "text" => Value::from(name),
            "int" | "float" => Value::from(1),
            "decimal" => Value::from("1"),
            "bool" => Value::from(false),
            "time" => Value::from("2026-01-01T00:00:00Z"),
            "date" => Value::from("2026-01-01"),
            "bytes" => Value::from(""),
            _ => Value::Null,
        };
        self.plain(kind, &said).ok_or_else(|| mismatch(path, expected(kind), &said))
    }
}

/// JSON as it stands in `serde_json::json!`.
pub(super) fn json(value: &Value) -> String {
    format!("serde_json::json!({})", spaced(value))
}

fn spaced(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let said = members.iter().map(|(name, value)| format!("{}: {}", literal(name), spaced(value)));
            format!("{{ {} }}", said.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => literal(text),
        plain => plain.to_string(),
    }
}

fn text_of(text: &str) -> String {
    if text.is_empty() { "String::new()".to_owned() } else { format!("{}.to_owned()", literal(text)) }
}

fn expected(kind: &str) -> &'static str {
    match kind {
        "uuid" => "a UUID",
        "int" => "a whole number",
        "float" | "decimal" => "a number",
        "bool" => "true or false",
        "time" => "a time such as \"2026-01-01T09:30:00Z\"",
        "date" => "a date such as \"2026-01-01\"",
        "bytes" => "bytes as text in base64",
        _ => "a text",
    }
}

fn mismatch(path: &str, expected: &str, found: &Value) -> Impossible {
    Impossible {
        message: format!("{path} is {found}, expected {expected}"),
        help: "change the value in the model, or the type of the field".to_owned(),
    }
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Whether a text is a time of RFC 3339 in UTC, or with another offset.
fn is_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let (clock, offset) = match time.strip_suffix('Z') {
        Some(clock) => (clock, "00:00"),
        None => match time.rsplit_once(['+', '-']) {
            Some(parted) => parted,
            None => return false,
        },
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let is_clock = matches!(numbers(clock, ':', &[2, 2, 2]).as_deref(), Some([0..=23, 0..=59, 0..=59]));
    let is_offset = matches!(numbers(offset, ':', &[2, 2]).as_deref(), Some([0..=23, 0..=59]));
    let is_fraction = (1..=9).contains(&fraction.len()) && fraction.chars().all(|c| c.is_ascii_digit());
    is_date(date) && is_clock && is_offset && is_fraction
}

fn is_date(text: &str) -> bool {
    let Some(&[year, month, day]) = numbers(text, '-', &[4, 2, 2]).as_deref() else { return false };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days: u32 = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    year > 0 && (1..=days).contains(&day)
}

/// Numbers of so many digits each, with a sign between them.
fn numbers(text: &str, between: char, digits: &[usize]) -> Option<Vec<u32>> {
    let parts: Vec<&str> = text.split(between).collect();
    let is_number = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    if parts.iter().map(|part| part.len()).ne(digits.iter().copied()) || !parts.iter().all(|it| is_number(it))
    {
        return None;
    }
    parts.iter().map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_uuids_are_known_by_their_form() {
        assert!(is_time("2026-01-01T09:30:00Z") && is_time("2026-01-01T09:30:00.25+01:00"));
        assert!(!is_time("2026-01-01") && !is_time("yesterday") && !is_time("2026-02-29T09:30:00Z"));
        assert!(!is_time("2026-01-01T24:00:00Z") && !is_time("2026-01-01T09:30:00"));
        assert!(is_date("2024-02-29") && !is_date("2026-13-01") && !is_date("1.1.2026"));
        assert!(is_uuid("550e8400-e29b-41d4-a716-446655440000") && !is_uuid("o-1"));
    }

    #[test]
    fn json_is_written_as_people_write_it() {
        let value = serde_json::json!({ "a": [1, "two", null], "b": {} });
        assert_eq!(json(&value), r#"serde_json::json!({ "a": [1, "two", null], "b": {} })"#);
    }
}
