//! Fields and their types.

use annals_model::model::{Field, FieldType, Fields, Named};

use super::super::page::{Inline, Kind, Row, Said, code, codes, words};

/// The types that every model has, and need no link.
const OWN: [&str; 10] = ["bool", "bytes", "date", "decimal", "float", "int", "json", "text", "time", "uuid"];

pub(super) fn rows(fields: &Fields, tags: &[&str]) -> Vec<Row> {
    fields.iter().map(|field| row(field, tags)).collect()
}

fn row(field: &Named<Field>, tags: &[&str]) -> Row {
    let (name, it) = (&field.name.value, &field.it);
    let mut note: Said = it.note.iter().map(|note| words(&note.value)).collect();
    if let Some(computed) = &it.computed {
        let lead = if note.is_empty() { "from " } else { "; from " };
        note.push(words(format!("{lead}{}", computed.value)));
    }
    Row {
        name: name.clone(),
        kind: kind(&it.kind.value),
        is_optional: it.is_optional,
        is_tag: tags.contains(&name.as_str()),
        privacy: it.privacy.as_ref().map(|privacy| privacy.value.clone()),
        note,
    }
}

fn kind(of: &FieldType) -> Said {
    match of {
        FieldType::Name(name) if OWN.contains(&name.as_str()) => vec![code(name)],
        FieldType::Name(name) => vec![Inline::Link(Kind::Type, name.clone())],
        FieldType::List(of) => {
            let mut said = vec![words("list of ")];
            said.extend(kind(of));
            said
        }
        FieldType::Fields(of) => {
            let mut said = vec![words("{ ")];
            for (n, (name, of)) in of.iter().enumerate() {
                said.push(words(if n > 0 { ", " } else { "" }));
                said.extend([words(format!("{name}: "))]);
                said.extend(kind(of));
            }
            said.push(words(" }"));
            said
        }
        FieldType::OneOf(of) => {
            let mut said = vec![words("one of ")];
            said.extend(codes(of.iter().map(String::as_str)));
            said
        }
    }
}
