//! A stream: why it is one, what guards it, how long it grows and how long it is kept.

use annals_model::model::{Concurrency, Length, Model, Named, Retain, Stream};

use super::super::page::{Entry, Kind, Said, code, links, plain, words};
use super::{count, lasting};

pub(super) fn entry(model: &Model, stream: &Named<Stream>) -> Entry {
    let (name, it) = (stream.name.value.as_str(), &stream.it);
    let mut entry = Entry::new(Kind::Stream, name);
    entry.lead = it.why.as_ref().map(|why| why.value.clone());
    entry.fact("Key", it.key.iter().map(|key| code(&key.value)).collect());
    if let Some(concurrency) = &it.concurrency {
        let mut said = match concurrency.value {
            Concurrency::ExpectedVersion => {
                plain("the version that was read; an append that comes second is refused")
            }
            Concurrency::Any => plain("nothing; appends are taken in the order in which they come"),
        };
        if let Some(because) = &it.because {
            said.push(words(format!(": {}", because.value)));
        }
        entry.fact("Appends are guarded by", said);
    }
    entry.fact("Length", it.length.as_ref().map(length).unwrap_or_default());
    entry.fact("Closed by", links(Kind::Event, it.closes.iter().map(|event| event.value.as_str())));
    entry.fact("Kept", it.retain.as_ref().map(kept).unwrap_or_default());
    if let Some(snapshot) = &it.snapshot {
        let mut said = Vec::new();
        if let Some(state) = &snapshot.state {
            said.push(code(&state.value));
        }
        if let Some(every) = &snapshot.every {
            let space = if said.is_empty() { "" } else { " " };
            said.push(words(format!("{space}after every {} events", count(every.value))));
        }
        if let Some(because) = &snapshot.because {
            said.push(words(format!(": {}", because.value)));
        }
        entry.fact("Snapshot", said);
    }
    entry.fact("Events", links(Kind::Event, model.events_of(name).map(|event| event.name.value.as_str())));
    let decided =
        model.commands.iter().filter(|command| command.it.stream.as_ref().is_some_and(|of| of.value == name));
    entry.fact("Commands", links(Kind::Command, decided.map(|command| command.name.value.as_str())));
    entry
}

fn length(of: &Length) -> Said {
    let usual = of.usual.as_ref().map(|usual| format!("usually {} events", count(usual.value)));
    let most = of.most.as_ref().map(|most| match most.value {
        Some(most) => format!("at most {}", count(most)),
        None => "without a bound".to_owned(),
    });
    let said: Vec<String> = usual.into_iter().chain(most).collect();
    if said.is_empty() { Vec::new() } else { plain(said.join(", ")) }
}

fn kept(retain: &Retain) -> Said {
    let mut said = match retain.lasting.as_ref().map(|lasting| lasting.value.as_str()) {
        Some("forever") => "for ever".to_owned(),
        Some(time) => format!("for {}", lasting(time)),
        None => "for a time that is not said".to_owned(),
    };
    match retain.then.as_ref().map(|then| then.value.as_str()) {
        Some("archive") => said.push_str(", then archived"),
        Some("delete") => said.push_str(", then deleted"),
        Some(other) => said.push_str(&format!(", then {other}")),
        None => {}
    }
    if let Some(because) = &retain.because {
        said.push_str(&format!(": {}", because.value));
    }
    plain(said)
}
