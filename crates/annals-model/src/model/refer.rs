//! Whether what a model refers to is there.

use crate::meant::among;
use crate::text::{At, Span};

use super::{FieldType, Fields, Mistake, Model, Named, Projection, Then, sets};

/// The types that every model has.
pub(super) const TYPES: [&str; 10] =
    ["bool", "bytes", "date", "decimal", "float", "int", "json", "text", "time", "uuid"];

pub(super) fn check(model: &Model, mistakes: &mut Vec<Mistake>) {
    let mut check = Check { model, mistakes };
    check.streams();
    check.events();
    check.commands();
    check.projections();
    check.processes();
    check.examples();
}

struct Check<'m> {
    model: &'m Model,
    mistakes: &'m mut Vec<Mistake>,
}

fn names<T>(of: &[Named<T>]) -> Vec<&str> {
    of.iter().map(|named| named.name.value.as_str()).collect()
}

impl<'m> Check<'m> {
    fn one(&mut self, what: &str, known: &[&str], name: &str, span: Span) {
        if known.contains(&name) {
            return;
        }
        if known.is_empty() {
            self.mistakes.push(Mistake::new(span, format!("no {what} is called {name}: there is none")));
            return;
        }
        let (listed, meant) = among(name, known);
        let mistake = Mistake::new(span, format!("no {what} is called {name}, expected one of {listed}"));
        self.mistakes.push(match meant {
            Some(meant) => mistake.help(format!("did you mean `{meant}`?")),
            None => mistake,
        });
    }

    fn each<'a>(&mut self, what: &str, known: &[&str], named: impl IntoIterator<Item = &'a At<String>>) {
        for name in named {
            self.one(what, known, &name.value, name.span);
        }
    }

    fn streams(&mut self) {
        let events = names(&self.model.events);
        for stream in &self.model.streams {
            self.each("event", &events, &stream.it.closes);
        }
    }

    fn events(&mut self) {
        let streams = names(&self.model.streams);
        let model: &'m Model = self.model;
        for types in &model.types {
            self.fields(&types.it);
        }
        for event in &model.events {
            self.each("stream", &streams, &event.it.stream);
            self.fields(&event.it.fields);
            if event.it.schema.is_none() {
                self.each("field of this event", &names(&event.it.fields), &event.it.tags);
            }
        }
    }

    fn fields(&mut self, fields: &'m Fields) {
        let classes = names(&self.model.privacy);
        let mut types = TYPES.to_vec();
        types.extend(names(&self.model.types));
        for field in fields {
            self.each("class of personal data", &classes, &field.it.privacy);
            self.field_type(&types, &field.it.kind.value, field.it.kind.span);
        }
    }

    fn field_type(&mut self, types: &[&str], field_type: &FieldType, span: Span) {
        match field_type {
            FieldType::Name(name) => self.one("type", types, name, span),
            FieldType::List(of) => self.field_type(types, of, span),
            FieldType::Fields(fields) => {
                for (_, of) in fields {
                    self.field_type(types, of, span);
                }
            }
            FieldType::OneOf(_) => {}
        }
    }

    fn commands(&mut self) {
        let (streams, events) = (names(&self.model.streams), names(&self.model.events));
        let (projections, model) = (names(&self.model.projections), self.model);
        for command in &model.commands {
            self.each("stream", &streams, &command.it.stream);
            self.each("event", &events, &command.it.emits);
            self.each("projection", &projections, &command.it.reads);
            self.each("event", &events, command.it.boundary.iter().flat_map(|boundary| &boundary.events));
            self.fields(&command.it.fields);
        }
    }

    fn projections(&mut self) {
        let (events, model) = (names(&self.model.events), self.model);
        for projection in &model.projections {
            self.each("event", &events, &projection.it.from);
            self.fields(&projection.it.fields);
            self.sets(&projection.it);
        }
    }

    fn sets(&mut self, projection: &Projection) {
        let from: Vec<&str> = projection.from.iter().map(|event| event.value.as_str()).collect();
        let fields = names(&projection.fields);
        self.each("event of this projection", &from, &projection.removes);
        for sets in &projection.sets {
            self.one("event of this projection", &from, &sets.name.value, sets.name.span);
            for set in &sets.it {
                self.one("field of this projection", &fields, &set.name.value, set.name.span);
                let column = projection.fields.iter().find(|field| field.name.value == set.name.value);
                if let (Some(event), Some(column)) = (self.model.event(&sets.name.value), column) {
                    let kind = &column.it.kind.value;
                    self.mistakes.extend(sets::mistake(self.model, event, kind, &set.it));
                }
            }
        }
    }

    fn processes(&mut self) {
        let (events, commands) = (names(&self.model.events), names(&self.model.commands));
        for process in &self.model.processes {
            let process = &process.it;
            self.each("event", &events, process.starts.iter().chain(&process.ends));
            for reaction in &process.reacts {
                self.each("event", &events, [&reaction.name]);
                self.each("command", &commands, &reaction.it);
            }
            self.each("command", &commands, process.after.iter().flat_map(|after| &after.does));
        }
    }

    fn examples(&mut self) {
        let (events, commands) = (names(&self.model.events), names(&self.model.commands));
        for example in &self.model.examples {
            for given in &example.given {
                self.one("event", &events, &given.value.name, given.span);
            }
            if let Some(when) = &example.when {
                self.one("command", &commands, &when.value.name, when.span);
            }
            let Some(then) = &example.then else { continue };
            match &then.value {
                Then::Events(written) => {
                    for event in written {
                        self.one("event", &events, &event.name, then.span);
                    }
                }
                Then::Rejects(why) => {
                    let when = example.when.as_ref().map(|when| when.value.name.as_str());
                    let command = self.model.commands.iter().find(|it| Some(it.name.value.as_str()) == when);
                    if let Some(command) = command {
                        let known: Vec<&str> =
                            command.it.rejects.iter().map(|reason| reason.value.as_str()).collect();
                        self.one("reason of this command", &known, why, then.span);
                    }
                }
            }
        }
    }
}
