//! What reads events: read models, which can be built anew, and processes.

use crate::model::{Model, Named, Process, Projection, field_changes};

use super::{Change, Level, listed, of_name, only, value};

pub(super) fn projections(before: &Model, now: &Model, changes: &mut Vec<Change>) {
    for is in &now.projections {
        let name = &is.name.value;
        let path = format!("projections.{name}");
        match before.projections.iter().find(|was| was.name.value == *name) {
            Some(was) => {
                let whys = whys((before, was), (now, is));
                if !whys.is_empty() {
                    let message = format!(
                        "`{name}` has to be built anew: {} (`annals projection rebuild {name}`)",
                        whys.join(", ")
                    );
                    changes.push(Change::new(Level::Rebuild, "projection-changed", path, message));
                }
            }
            None => {
                let message = format!("the read model `{name}` is new, and is built from the start");
                changes.push(Change::new(Level::Compatible, "projection-added", path, message));
            }
        }
    }
    for was in before.projections.iter().filter(|was| of_name(&now.projections, &was.name.value).is_none()) {
        let name = &was.name.value;
        let message = format!("the read model `{name}` is gone, and whoever reads its tables finds none");
        changes.push(Change::new(
            Level::Compatible,
            "projection-removed",
            format!("projections.{name}"),
            message,
        ));
    }
}

fn whys(before: (&Model, &Named<Projection>), now: (&Model, &Named<Projection>)) -> Vec<String> {
    let (was, is) = (&before.1.it, &now.1.it);
    let mut whys = Vec::new();
    let (more, fewer): (Vec<&str>, Vec<&str>) =
        (only(&is.from, &was.from).collect(), only(&was.from, &is.from).collect());
    if !more.is_empty() {
        whys.push(format!("it is made from {} too", listed(more)));
    }
    if !fewer.is_empty() {
        whys.push(format!("it is made without {}", listed(fewer)));
    }
    if value(&was.key) != value(&is.key) {
        whys.push("its key is another".to_owned());
    }
    let fields = field_changes((before.0, &was.fields), (now.0, &is.fields));
    if !fields.is_empty() {
        whys.push(format!("its fields are others ({})", listed(fields.iter().map(|it| it.field.as_str()))));
    }
    whys
}

pub(super) fn processes(before: &Model, now: &Model, changes: &mut Vec<Change>) {
    for is in &now.processes {
        let name = &is.name.value;
        let message = match of_name(&before.processes, name) {
            Some(was) if is_same(&was.it, &is.it) => continue,
            Some(_) => {
                format!("the process `{name}` goes another way; those that have begun go on by the new one")
            }
            None => format!("the process `{name}` is new"),
        };
        changes.push(Change::new(Level::Compatible, "process-changed", format!("processes.{name}"), message));
    }
    for was in before.processes.iter().filter(|was| of_name(&now.processes, &was.name.value).is_none()) {
        let name = &was.name.value;
        let message = format!("the process `{name}` is gone, and those that have begun do not end");
        changes.push(Change::new(Level::Compatible, "process-removed", format!("processes.{name}"), message));
    }
}

/// Whether two processes do the same; where their words stand is nothing.
fn is_same(was: &Process, is: &Process) -> bool {
    let same = |one: &[crate::text::At<String>], other: &[crate::text::At<String>]| {
        only(one, other).next().is_none() && only(other, one).next().is_none()
    };
    let reacts = was.reacts.len() == is.reacts.len()
        && was.reacts.iter().all(|one| {
            is.reacts.iter().any(|other| other.name.value == one.name.value && same(&one.it, &other.it))
        });
    let after = match (&was.after, &is.after) {
        (Some(was), Some(is)) => value(&was.wait) == value(&is.wait) && same(&was.does, &is.does),
        (None, None) => true,
        _ => false,
    };
    reacts
        && after
        && value(&was.by) == value(&is.by)
        && same(&was.starts, &is.starts)
        && same(&was.ends, &is.ends)
        && value(&was.duplicates) == value(&is.duplicates)
        && value(&was.failure) == value(&is.failure)
}
