//! What mends a change.

use super::{Break, Broken};

/// What an upcast would have to say that mends this, as it stands in a model file: `add: { channel: … }`.
pub fn upcast_for(broken: &[Break]) -> String {
    let is_inner = |found: &Break| found.field.contains(['.', '[']);
    // Types and inner fields need a function.
    if broken.iter().any(|found| is_inner(found) || matches!(found.what, Broken::Retyped(..))) {
        return "with: a_function".to_owned();
    }
    let (mut added, mut renamed, mut removed) = (Vec::new(), Vec::new(), Vec::new());
    for Break { field, what, .. } in broken {
        match what {
            Broken::New | Broken::Required => added.push(format!("{field}: …")),
            Broken::Renamed(new) => renamed.push(format!("{field}: {new}")),
            Broken::Removed => removed.push(field.clone()),
            Broken::Retyped(..) | Broken::NotGiven(_) => {}
        }
    }
    let parts = [
        (!added.is_empty()).then(|| format!("add: {{ {} }}", added.join(", "))),
        (!renamed.is_empty()).then(|| format!("rename: {{ {} }}", renamed.join(", "))),
        (!removed.is_empty()).then(|| format!("remove: [{}]", removed.join(", "))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
