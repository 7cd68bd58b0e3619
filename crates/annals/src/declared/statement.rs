//! SQL with named parameters, `:stream_id` or `:payload.amount_cents`, and where their values come from.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::event::RecordedEvent;
use crate::payload::Payload;
use crate::project::{Tables, Value, braced};

/// The parameters that stand for a part of the envelope.
const FIELDS: [&str; 16] = [
    "category",
    "causation_id",
    "content_type",
    "correlation_id",
    "event_id",
    "event_type",
    "metadata",
    "occurred_at",
    "payload",
    "position",
    "recorded_at",
    "schema_version",
    "source",
    "stream_id",
    "stream_version",
    "tags",
];

/// One statement, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    parts: Vec<Part>,
    /// Each once, in the order in which they are named first.
    sources: Vec<Source>,
}

#[derive(Debug, Clone)]
enum Part {
    Sql(String),
    /// The index of its source.
    Parameter(usize),
}

/// Where a value comes from: a part of the envelope, and in `payload` and `metadata` a path of members and
/// indices from there.
#[derive(Debug, Clone, PartialEq)]
struct Source {
    field: &'static str,
    path: Vec<String>,
}

impl Statement {
    /// # Errors
    /// Invalid for a parameter that no event has.
    pub(crate) fn parse(sql: &str) -> Result<Self> {
        let mut statement = Self { parts: Vec::new(), sources: Vec::new() };
        let (mut rest, mut passed) = (sql, String::new());
        while let Some(next) = rest.chars().next() {
            let step = skipped(rest).unwrap_or_else(|| match next {
                ':' if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') => 0,
                // A cast, an assignment, a slice.
                ':' => 1 + rest[1..].find(|c| c != ':' && c != '=').unwrap_or(rest.len() - 1),
                other => other.len_utf8(),
            });
            if step > 0 {
                passed.push_str(&rest[..step]);
                rest = &rest[step..];
                continue;
            }
            let (source, left) = Source::parse(&rest[1..])?;
            statement.parts.push(Part::Sql(std::mem::take(&mut passed)));
            let known = statement.sources.iter().position(|known| *known == source);
            statement.parts.push(Part::Parameter(known.unwrap_or(statement.sources.len())));
            if known.is_none() {
                statement.sources.push(source);
            }
            rest = left;
        }
        statement.parts.push(Part::Sql(passed));
        Ok(statement)
    }

    /// The text with the tables' own names and the database's own parameters: `placeholder` writes the one with
    /// this number, from 1. A parameter that is named twice has the same number twice.
    pub(crate) fn numbered(&self, tables: &Tables, placeholder: impl Fn(usize) -> String) -> String {
        let text = |part: &Part| match part {
            Part::Sql(sql) => tables.sql(sql).into_owned(),
            Part::Parameter(index) => placeholder(index + 1),
        };
        self.parts.iter().map(text).collect()
    }

    /// The values of the numbered parameters.
    pub(crate) fn values(&self, event: &RecordedEvent) -> Vec<Value> {
        self.sources.iter().map(|source| source.value(event)).collect()
    }

    /// The values in the order in which the text names them, for databases that only know `?`.
    #[cfg(any(feature = "mysql", test))]
    pub(crate) fn values_in_place(&self, event: &RecordedEvent) -> Vec<Value> {
        let values = self.values(event);
        let in_place = self.parts.iter().filter_map(|part| match part {
            Part::Sql(_) => None,
            Part::Parameter(index) => values.get(*index).cloned(),
        });
        in_place.collect()
    }
}

/// The tables that a text names in braces, where those are no part of a value or of a comment.
pub(crate) fn tables_in(sql: &str) -> Vec<&str> {
    let (mut tables, mut rest) = (Vec::new(), sql);
    while let Some(next) = rest.chars().next() {
        tables.extend(braced(rest));
        let is_name = matches!(next, '"' | '`');
        let step = if is_name { None } else { skipped(rest) };
        rest = &rest[step.unwrap_or(next.len_utf8())..];
    }
    tables
}

/// How long what begins here is, if it may hold a colon that is none of ours: a text, a quoted name, a comment.
fn skipped(sql: &str) -> Option<usize> {
    let end = |begin: usize, mark: &str| {
        sql[begin..].find(mark).map_or(sql.len(), |found| begin + found + mark.len())
    };
    match sql.as_bytes() {
        // A doubled mark inside ends one text and begins the next, which comes to the same.
        [mark @ (b'\'' | b'"' | b'`'), ..] => Some(end(1, char::from(*mark).encode_utf8(&mut [0; 4]))),
        [b'-', b'-', ..] => Some(end(2, "\n")),
        [b'/', b'*', ..] => Some(end(2, "*/")),
        [b'$', ..] => {
            let name = sql[1..].find(|c: char| !c.is_alphanumeric() && c != '_')?;
            let tag = sql.get(..name + 2).filter(|tag| tag.ends_with('$'))?;
            Some(end(tag.len(), tag))
        }
        _ => None,
    }
}

impl Source {
    /// Parses what stands behind the colon; also gives back what stands behind it.
    fn parse(text: &str) -> Result<(Self, &str)> {
        let (name, mut rest) = word(text);
        let Some(field) = FIELDS.into_iter().find(|field| *field == name) else {
            return Err(Error::invalid(format!(
                "no event has a parameter :{name}, expected one of {}",
                FIELDS.map(|field| format!(":{field}")).join(", ")
            )));
        };
        let mut path = Vec::new();
        while let Some(member) = rest.strip_prefix('.') {
            if let Some(quoted) = member.strip_prefix('"') {
                let Some((member, left)) = quoted.split_once('"') else {
                    return Err(Error::invalid(format!("a \" without another one in :{name}.\"{quoted}")));
                };
                path.push(member.to_owned());
                rest = left;
                continue;
            }
            let (member, left) = word(member);
            if member.is_empty() {
                break;
            }
            path.push(member.to_owned());
            rest = left;
        }
        if !path.is_empty() && field != "payload" && field != "metadata" {
            return Err(Error::invalid(format!(
                ":{name}.{} goes into {name}, which has no members; only payload and metadata have",
                path.join(".")
            )));
        }
        Ok((Self { field, path }, rest))
    }

    fn value(&self, event: &RecordedEvent) -> Value {
        let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.to_owned()));
        match self.field {
            "category" => text(Some(event.stream_id.category())),
            "causation_id" => text(event.causation_id.as_ref().map(|id| id.as_str())),
            "content_type" => text(Some(event.content_type.as_str())),
            "correlation_id" => text(event.correlation_id.as_ref().map(|id| id.as_str())),
            "event_id" => Value::Text(event.event_id.to_string()),
            "event_type" => text(Some(event.event_type.as_str())),
            "metadata" => member(event.metadata.as_str(), &self.path),
            "occurred_at" => Value::Time(event.occurred_at),
            "position" => Value::Number(event.position.to_string()),
            "recorded_at" => Value::Time(event.recorded_at),
            "schema_version" => Value::Number(event.schema_version.to_string()),
            "source" => text(Some(event.source.as_str())),
            "stream_id" => text(Some(event.stream_id.as_str())),
            "stream_version" => Value::Number(event.stream_version.to_string()),
            "tags" => {
                let tags: Vec<&str> = event.tags.iter().map(|tag| tag.as_str()).collect();
                serde_json::to_string(&tags).map_or(Value::Null, Value::Text)
            }
            _ => match &event.payload {
                Payload::Json(json) => member(json.as_str(), &self.path),
                Payload::Bytes(bytes) if self.path.is_empty() => Value::Bytes(bytes.to_vec()),
                Payload::Bytes(_) => Value::Null,
            },
        }
    }
}

/// The letters, digits and underscores in front.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    text.split_at(end)
}

/// What stands in a JSON text at the end of a path; NULL where there is nothing. Objects and arrays are their
/// JSON text, and so is a whole payload.
fn member(json: &str, path: &[String]) -> Value {
    let Some((first, rest)) = path.split_first() else {
        return scalar(json).unwrap_or_else(|| Value::Text(json.to_owned()));
    };
    let found = match json.trim_start().as_bytes().first() {
        Some(b'{') => serde_json::from_str::<HashMap<Cow<'_, str>, &RawValue>>(json)
            .ok()
            .and_then(|mut members| members.remove(first.as_str())),
        Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(json)
            .ok()
            .and_then(|elements| elements.get(first.parse::<usize>().ok()?).copied()),
        _ => None,
    };
    found.map_or(Value::Null, |found| member(found.get(), rest))
}

/// The value of a JSON text that is neither an object nor an array.
fn scalar(json: &str) -> Option<Value> {
    Some(match json.trim() {
        "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text if text.starts_with('"') => Value::Text(serde_json::from_str(text).ok()?),
        text if text.starts_with(['{', '[']) => return None,
        number => Value::Number(number.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Position;
    use crate::stream::Version;
    use crate::{EventId, NewEvent, Source as EventSource};

    fn event(payload: &str) -> RecordedEvent {
        let mut event = NewEvent::json("order-placed", &()).unwrap();
        event.event_id = EventId::new();
        event.payload = Payload::Json(crate::JsonText::parse(payload).unwrap());
        let source = EventSource::new("urn:test").unwrap();
        let at = event.occurred_at;
        RecordedEvent::record(event, "order-1".parse().unwrap(), Version(3), Position(7), at, &source)
    }

    fn values(sql: &str, payload: &str) -> Vec<Value> {
        Statement::parse(sql).unwrap().values(&event(payload))
    }

    #[test]
    fn parameters_are_found_and_nothing_else_is() {
        let sql = "INSERT INTO t VALUES (:stream_id, ':no', \":no\", `:no`, a::text, $$ :no $$, $x$ :no $x$, b := 1, \
                   c[1:2], :payload.a.\"b c\".0, :stream_id, 'it''s :no') -- :no\n/* :no */ RETURNING :position";
        let statement = Statement::parse(sql).unwrap();
        assert_eq!(
            statement.numbered(&Tables::new(&[], 1), |n| format!("${n}")),
            "INSERT INTO t VALUES ($1, ':no', \":no\", `:no`, a::text, $$ :no $$, $x$ :no $x$, b := 1, \
             c[1:2], $2, $1, 'it''s :no') -- :no\n/* :no */ RETURNING $3"
        );
        let text = |text: &str| Value::Text(text.to_owned());
        let found = event(r#"{"a":{"b c":["x"]}}"#);
        assert_eq!(statement.values(&found), [text("order-1"), text("x"), Value::Number("7".to_owned())]);
        assert_eq!(statement.values_in_place(&found).len(), 4);
    }

    #[test]
    fn tables_are_named_in_braces_and_not_in_values() {
        let sql = "CREATE TABLE {orders} (a TEXT DEFAULT '{none}', b JSON DEFAULT '{}'); -- {nor this}\n\
                   CREATE INDEX \"{orders}_by_a\" ON {shop.orders} ({a b}) /* {nor} */ {é}";
        assert_eq!(tables_in(sql), ["orders", "orders", "shop.orders"]);
    }

    #[test]
    fn values_are_those_of_the_json_to_the_last_digit() {
        let payload =
            r#"{"n":123456789012345678901234567890.10,"t":"a\nb","b":true,"z":null,"o":{"k":[1, 2]}}"#;
        let sql =
            ":payload.n :payload.t :payload.b :payload.z :payload.o.k :payload.o.k.1 :payload.missing.too";
        assert_eq!(
            values(sql, payload),
            [
                Value::Number("123456789012345678901234567890.10".to_owned()),
                Value::Text("a\nb".to_owned()),
                Value::Bool(true),
                Value::Null,
                Value::Text("[1, 2]".to_owned()),
                Value::Number("2".to_owned()),
                Value::Null,
            ]
        );
        assert_eq!(values("x = :payload.", "{\"a\":1}"), [Value::Text("{\"a\":1}".to_owned())]);
    }

    #[test]
    fn what_no_event_has_is_refused_by_name() {
        for (sql, named) in [
            ("SELECT :paylod.a", "no event has a parameter :paylod"),
            ("SELECT :stream_id.x", "only payload and metadata"),
            ("SELECT :payload.\"a", "without another one"),
        ] {
            let refusal = Statement::parse(sql).unwrap_err().to_string();
            assert!(refusal.contains(named), "{refusal}");
        }
    }

    #[test]
    fn no_text_makes_it_panic() {
        for sql in
            ["", ":", "::", "'", "\"", "$", "$a", "$é$", "--", "/*", ":é", "é:payload.é", "$$", ":payload.0"]
        {
            let _ = (Statement::parse(sql), tables_in(sql));
        }
    }
}
