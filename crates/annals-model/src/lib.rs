//! What is wrong with an event-sourced design, schema or store, and what is good.
//!
//! Text goes in and findings come out; nothing here knows a database driver or waits for anything. A [`Subject`] is
//! what there is to look at: a model file, the shape of a store read from DDL or from a catalogue, a sample of
//! events. The [`rules`] look at it when [`review::review`] asks them, [`render`] shows what they say, and [`explain`]
//! what they mean.

pub mod diff;
pub mod explain;
pub mod finding;
pub mod fit;
mod meant;
pub mod model;
pub mod personal;
pub mod render;
pub mod review;
pub mod rules;
pub mod sample;
pub mod shape;
pub mod text;
pub mod words;

use crate::model::{Mistake, Model};
use crate::rules::Input;
use crate::sample::Sample;
use crate::shape::StoreShape;
use crate::text::Texts;

/// What is reviewed together.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// What was read as text.
    pub texts: Texts,
    /// The model of a bounded context.
    pub model: Option<Model>,
    /// What of its files was not understood.
    pub mistakes: Vec<Mistake>,
    /// The same as it was.
    pub before: Option<Model>,
    /// Stores, from DDL or running.
    pub stores: Vec<StoreShape>,
    /// Events.
    pub sample: Option<Sample>,
}

impl Subject {
    /// What is shown by an example of a rule; what of it cannot be read is in the result.
    #[cfg(test)]
    pub(crate) fn of_example(example: &rules::Example) -> Self {
        let mut subject = Self::default();
        let model = |texts: &mut Texts, name: &str, text: &str| {
            let file = texts.add(name, format!("annals: 1\n{text}"));
            let (model, mistakes) = model::read(texts, &[file]);
            assert!(mistakes.is_empty(), "{text}: {mistakes:?}");
            model
        };
        match example {
            rules::Example::Model(text) => {
                subject.model = Some(model(&mut subject.texts, "annals.yaml", text));
            }
            rules::Example::Change(before, now) => {
                subject.before = Some(model(&mut subject.texts, "before.yaml", before));
                subject.model = Some(model(&mut subject.texts, "annals.yaml", now));
            }
            rules::Example::Sql(text) => {
                let file = subject.texts.add("store.sql", *text);
                subject.stores.push(shape::sql::read(&subject.texts, file, None));
            }
            rules::Example::Events(text) => {
                let file = subject.texts.add("events.jsonl", *text);
                let sample = sample::read(&subject.texts, file);
                subject.sample = Some(sample.unwrap_or_else(|e| panic!("{text}: {e}")));
            }
        }
        subject
    }

    /// Whether there is anything of this kind.
    pub fn has(&self, input: Input) -> bool {
        match input {
            Input::Model => self.model.is_some(),
            Input::Store => !self.stores.is_empty(),
            Input::Sample => self.sample.is_some(),
            Input::Change => self.model.is_some() && self.before.is_some(),
        }
    }
}
