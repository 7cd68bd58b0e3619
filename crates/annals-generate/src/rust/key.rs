//! The names of streams: `order-{order_id}`, with the fields of events and of commands.

use super::ident;
use super::layout::{FIELDS, literal};
use super::types::{Member, Types};

/// A part of a stream's name.
#[derive(Debug, PartialEq, Eq)]
enum Part<'k> {
    Text(&'k str),
    Field(&'k str),
}

/// A stream's name with the fields that it is made of, as Rust names them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// `order-{}`
    format: String,
    /// `order-{order_id}`
    pub(super) template: String,
    fields: Vec<String>,
}

impl Key {
    /// `None` where a field that it needs is not there, may be missing, or is more than one short text.
    pub(super) fn of(types: &Types<'_>, key: &str, members: &[Member]) -> Option<Self> {
        let mut made = Self { format: String::new(), template: String::new(), fields: Vec::new() };
        for part in parts(key)? {
            match part {
                Part::Text(text) => {
                    made.format.push_str(text);
                    made.template.push_str(text);
                }
                Part::Field(name) => {
                    let member = members.iter().find(|member| member.name == name)?;
                    if !types.is_shown(member) {
                        return None;
                    }
                    made.format.push_str("{}");
                    made.template.push_str(&format!("{{{}}}", ident::bare(&member.ident)));
                    made.fields.push(member.ident.clone());
                }
            }
        }
        Some(made)
    }

    /// The name as an expression, from fields behind `before`: `self.`.
    pub(super) fn expression(&self, before: &str) -> String {
        if self.fields.is_empty() {
            return format!("{}.to_owned()", literal(&self.format));
        }
        if before.is_empty() && self.fields.iter().all(|field| ident::bare(field) == field) {
            return format!("format!({})", literal(&self.template));
        }
        let fields: String = self.fields.iter().map(|field| format!(", {before}{field}")).collect();
        format!("format!({}{fields})", literal(&self.format))
    }

    /// Whether no field is in it.
    pub(super) fn is_fixed(&self) -> bool {
        self.fields.is_empty()
    }

    /// A pattern for the fields, `{ order_id, .. }`, in a line that is indented so far; broken as rustfmt would.
    pub(super) fn pattern(&self, indent: usize) -> String {
        let mut fields = self.fields.clone();
        fields.sort();
        fields.dedup();
        fields.push("..".to_owned());
        let inside = fields.join(", ");
        if inside.chars().count() <= FIELDS {
            return format!("{{ {inside} }}");
        }
        let pad = " ".repeat(indent);
        format!("{{\n{pad}    {inside}\n{pad}}}")
    }
}

fn parts(key: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = key;
    while let Some((text, after)) = rest.split_once('{') {
        let (field, after) = after.split_once('}')?;
        if text.contains('}') {
            return None;
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        parts.push(Part::Field(field));
        rest = after;
    }
    if rest.contains('}') {
        return None;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    (!parts.is_empty()).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_texts_and_fields() {
        assert_eq!(parts("order-{id}"), Some(vec![Part::Text("order-"), Part::Field("id")]));
        assert_eq!(parts("catalogue"), Some(vec![Part::Text("catalogue")]));
        assert_eq!(parts("order-{id"), None);
        assert_eq!(parts("order-}"), None);
        assert_eq!(parts(""), None);
    }

    #[test]
    fn its_expression_is_what_a_person_would_write() {
        let key = |field: &str| Key {
            format: "order-{}".to_owned(),
            template: format!("order-{{{}}}", ident::bare(field)),
            fields: vec![field.to_owned()],
        };
        assert_eq!(key("id").expression(""), r#"format!("order-{id}")"#);
        assert_eq!(key("id").expression("self."), r#"format!("order-{}", self.id)"#);
        assert_eq!(key("r#type").expression(""), r#"format!("order-{}", r#type)"#);
        assert_eq!(key("id").pattern(0), "{ id, .. }");
    }
}
