//! The members of a payload, each with the way to it. A value stays the text that it is stored as.

use std::collections::BTreeMap;

use annals::Payload;
use serde_json::value::RawValue;

/// How deep objects are taken apart; deeper ones are values as they stand.
const DEPTH_MAX: usize = 16;

/// The members of a payload: `deliver_to.street` and its JSON. Lists are whole. A name that has a dot itself is quoted, so
/// that `"a.b"` is not the `b` of an `a`.
pub(super) fn members(payload: &Payload) -> Vec<(String, String)> {
    let mut members = Vec::new();
    if let Payload::Json(json) = payload {
        collect(json.as_str(), "", 0, &mut members);
    }
    members
}

fn collect(json: &str, path: &str, depth: usize, members: &mut Vec<(String, String)>) {
    let json = json.trim();
    if json.starts_with('{')
        && depth < DEPTH_MAX
        && let Ok(object) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json)
        && (!object.is_empty() || depth == 0)
    {
        for (name, value) in object {
            let name = match name.contains(['.', '"']) {
                true => serde_json::Value::from(name).to_string(),
                false => name,
            };
            let path = if path.is_empty() { name } else { format!("{path}.{name}") };
            collect(value.get(), &path, depth + 1, members);
        }
        return;
    }
    let path = if path.is_empty() { "(payload)" } else { path };
    members.push((path.to_owned(), json.to_owned()));
}

/// A member of metadata as text: that of a JSON text, or the JSON of anything else.
pub(super) fn text_of(metadata: &annals::Metadata, name: &str) -> Option<String> {
    let object: BTreeMap<String, &RawValue> = serde_json::from_str(metadata.as_str()).ok()?;
    let value = object.get(name)?.get();
    match serde_json::from_str::<String>(value) {
        Ok(text) => Some(text),
        Err(_) => (value != "null").then(|| value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use annals::JsonText;

    use super::*;

    #[test]
    fn members_have_the_way_to_them_and_keep_their_digits() {
        let payload =
            JsonText::parse(r#"{"to":{"street":"x","none":{}},"n":1.50,"lines":[{"a":1}]}"#).unwrap();
        let members = members(&payload.into());
        let shown: Vec<String> = members.iter().map(|(path, value)| format!("{path}={value}")).collect();
        assert_eq!(shown, [r#"lines=[{"a":1}]"#, "n=1.50", "to.none={}", r#"to.street="x""#]);
        let of = |json: &str| super::members(&JsonText::parse(json.to_owned()).unwrap().into());
        assert_eq!(of("{}"), []);
        let dotted = [("a".to_owned(), "2".to_owned()), (r#""a.b""#.to_owned(), "3".to_owned())];
        assert!(dotted.iter().all(|member| of(r#"{"a":2,"a.b":3}"#).contains(member)));
        assert_eq!(of("7"), [("(payload)".to_owned(), "7".to_owned())]);
        let deep = "{\"a\":".repeat(40) + "1" + &"}".repeat(40);
        assert_eq!(of(&deep).len(), 1);
    }
}
