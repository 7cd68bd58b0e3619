//! Commands: what their callers send, and what they are answered.

use crate::model::{Boundary, Broken, Command, Model, Named, field_breaks, field_changes};
use crate::text::At;

use super::{Change, Level, is_same_name, listed, of_name, only, value};

pub(super) fn commands(before: &Model, now: &Model, changes: &mut Vec<Change>) {
    for is in &now.commands {
        let name = &is.name.value;
        match of_name(&before.commands, name) {
            Some(was) => command((before, was), (now, is), changes),
            None => {
                let message = format!("the command `{name}` is new");
                changes.push(Change::new(
                    Level::Compatible,
                    "command-added",
                    format!("commands.{name}"),
                    message,
                ));
            }
        }
    }
    for was in before.commands.iter().filter(|was| of_name(&now.commands, &was.name.value).is_none()) {
        let name = &was.name.value;
        let message = format!("the command `{name}` is gone, and its callers are refused");
        changes.push(Change::new(Level::Breaking, "command-removed", format!("commands.{name}"), message));
    }
}

fn command(before: (&Model, &Named<Command>), now: (&Model, &Named<Command>), changes: &mut Vec<Change>) {
    let (was, is, name) = (&before.1.it, &now.1.it, &now.1.name.value);
    let path = format!("commands.{name}");
    if before.1.name.value != *name {
        let message = format!("the command `{}` is now written `{name}`", before.1.name.value);
        changes.push(Change::new(Level::Compatible, "command-respelled", path.clone(), message));
    }
    for found in field_breaks((before.0, &was.fields), (now.0, &is.fields)) {
        let required = matches!(found.what, Broken::New | Broken::Required);
        let mut change = Change::new(
            Level::Breaking,
            "command-fields",
            format!("{path}.fields.{}", found.field),
            format!("`{name}`: {}, and callers that have not changed are refused", found.says()),
        );
        if required && !found.field.contains(['.', '[']) {
            change = change.mend("optional: true");
        }
        changes.push(change);
    }
    let harmless = field_changes((before.0, &was.fields), (now.0, &is.fields));
    for field in harmless.iter().filter(|it| it.is.is_none()) {
        let message = format!("`{name}`: `{}` is not asked for any more", field.field);
        changes.push(Change::new(Level::Compatible, "command-fields", format!("{path}.fields"), message));
    }
    let lists = [
        ("command-rejects", "rejects", &was.rejects, &is.rejects),
        ("command-emits", "emits", &was.emits, &is.emits),
    ];
    for (kind, member, old, new) in lists {
        let (added, gone): (Vec<&str>, Vec<&str>) = (only(new, old).collect(), only(old, new).collect());
        let said = [("may now give", added), ("gives no more", gone)];
        let verb = if member == "rejects" { "as its refusal" } else { "as its event" };
        for (what, names) in said.into_iter().filter(|(_, names)| !names.is_empty()) {
            let message = format!("`{name}` {what} {} {verb}", listed(names));
            changes.push(Change::new(Level::Compatible, kind, format!("{path}.{member}"), message));
        }
    }
    let words = [
        ("stream", value(&was.stream), value(&is.stream)),
        ("expects", value(&was.expects), value(&is.expects)),
        ("once-per", value(&was.once_per), value(&is.once_per)),
    ];
    for (member, old, new) in words.into_iter().filter(|(_, old, new)| old != new) {
        let said = |it: Option<&String>| it.map_or("nothing".to_owned(), |it| format!("`{it}`"));
        let message = format!("`{name}`: `{member}` was {} and is {}", said(old), said(new));
        let path = format!("{path}.{member}");
        changes.push(match weakened(member, old, new) {
            Some(what) => Change::new(Level::Breaking, "guard-weakened", path, format!("{message}: {what}"))
                .mend(old.map(|old| format!("{member}: {old}")).unwrap_or_default()),
            None => Change::new(Level::Compatible, "command-changed", path, message),
        });
    }
    boundary((name, &path), was.boundary.as_ref(), is.boundary.as_ref(), changes);
}

/// What a caller relied on that is not kept any more.
fn weakened(member: &str, old: Option<&String>, new: Option<&String>) -> Option<&'static str> {
    let guards = |it: Option<&String>| it.is_some_and(|it| it != "any");
    match member {
        "expects" if guards(old) && !guards(new) => {
            Some("it is decided whether or not there is such a stream")
        }
        "once-per" if old.is_some() => Some("a command that is sent again may be done again"),
        _ => None,
    }
}

fn boundary(
    (name, path): (&str, &str),
    was: Option<&Boundary>,
    is: Option<&Boundary>,
    changes: &mut Vec<Change>,
) {
    let path = format!("{path}.boundary");
    let (was, is) = match (was, is) {
        (Some(was), Some(is)) => (was, is),
        (Some(_), None) => {
            let message =
                format!("`{name}` has no `boundary` any more: what it decided on may change under it");
            changes.push(Change::new(Level::Breaking, "guard-weakened", path, message));
            return;
        }
        (None, Some(_)) => {
            let message = format!("`{name}` has a `boundary` now");
            changes.push(Change::new(Level::Compatible, "command-changed", path, message));
            return;
        }
        (None, None) => return,
    };
    for (member, old, new) in [("events", &was.events, &is.events), ("tags", &was.tags, &is.tags)] {
        let kept = |name: &str, list: &[At<String>]| list.iter().any(|it| is_same_name(&it.value, name));
        let fewer: Vec<&str> = only(old, new).filter(|name| !kept(name, new)).collect();
        let more: Vec<&str> = only(new, old).filter(|name| !kept(name, old)).collect();
        if !fewer.is_empty() {
            let message = format!(
                "the boundary of `{name}` is without the {member} {}: what it decided on may change under it",
                listed(fewer)
            );
            changes.push(Change::new(Level::Breaking, "guard-weakened", format!("{path}.{member}"), message));
        }
        if !more.is_empty() {
            let message = format!("the boundary of `{name}` has the {member} {} too", listed(more));
            changes.push(Change::new(
                Level::Compatible,
                "command-changed",
                format!("{path}.{member}"),
                message,
            ));
        }
    }
}
