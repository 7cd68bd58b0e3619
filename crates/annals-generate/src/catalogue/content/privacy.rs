//! A class of personal data: what an erasure request does, and where it is.

use annals_model::model::{Erase, Fields, Model, Named, PrivacyClass};

use super::super::page::{Entry, Inline, Kind, Said, code, plain, words};
use super::lasting;

pub(super) fn entry(model: &Model, class: &Named<PrivacyClass>) -> Entry {
    let (name, it) = (class.name.value.as_str(), &class.it);
    let mut entry = Entry::new(Kind::Privacy, name);
    let key = it.key.as_ref().map_or("person", |key| key.value.as_str());
    let within = it.within.as_ref().map(|within| format!(" within {}", lasting(&within.value)));
    let within = within.unwrap_or_default();
    entry.fact(
        "On an erasure request",
        match it.erase.as_ref().map(|erase| erase.value) {
            Some(Erase::Shred) => vec![
                words("the key is thrown away"),
                words(format!("{within}; values are encrypted with one for each ")),
                code(key),
            ],
            Some(Erase::Outside) => {
                plain(format!("the value is deleted{within} where it stands; the event has a reference"))
            }
            Some(Erase::Keep) => plain("the value stays"),
            None => plain("the model does not say"),
        },
    );
    entry.fact("Because", it.because.as_ref().map(|because| plain(&because.value)).unwrap_or_default());
    let mut places: Vec<Said> = Vec::new();
    let mut look = |kind: Kind, of: &str, fields: &Fields| {
        let here = fields.iter().filter(|field| field.it.privacy.as_ref().is_some_and(|it| it.value == name));
        for field in here {
            places.push(vec![Inline::Link(kind, of.to_owned()), words(" · "), code(&field.name.value)]);
        }
    };
    model.events.iter().for_each(|event| look(Kind::Event, &event.name.value, &event.it.fields));
    model.types.iter().for_each(|own| look(Kind::Type, &own.name.value, &own.it));
    model.commands.iter().for_each(|command| look(Kind::Command, &command.name.value, &command.it.fields));
    model.projections.iter().for_each(|it| look(Kind::Projection, &it.name.value, &it.it.fields));
    entry.list("Where it is", places);
    entry
}
