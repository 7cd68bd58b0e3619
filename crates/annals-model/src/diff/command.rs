//! Commands: what their callers send, and what they are answered.

use crate::model::{Broken, Command, Model, Named, field_breaks, field_changes};

use super::{Change, Level, listed, of_name, only, value};

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
        changes.push(Change::new(Level::Compatible, "command-changed", format!("{path}.{member}"), message));
    }
}
