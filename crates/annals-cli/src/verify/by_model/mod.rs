//! `annals verify --model`: one concrete stream of a model, on the user's own database: what has to hold is tried,
//! measured and told, and then what the model leaves open.

mod log;
mod questions;
mod read_models;

use std::time::Instant;

use annals::testing::conformance::Harness as _;
use annals::{EventStore, Options};
use annals_generate::story::Story;
use serde::Serialize;

use crate::failure::Failure;
use crate::modelled::Modelled;
use crate::output::{Lines, Progress, printable};
use crate::target::Target;

use self::log::Log;
use self::questions::{Question, open_questions};
use super::harness;

/// How many events a stream has at least, so that there is an order and a conflict.
const LEAST: usize = 4;

/// One thing that has to hold.
#[derive(Debug, Serialize)]
struct Step {
    step: String,
    result: &'static str,
    figure: String,
    seconds: f64,
}

/// What is tried, how it ended and what was measured.
pub(super) struct Account {
    out: Lines,
    json: bool,
    failed: usize,
}

pub(super) async fn run(
    path: &str,
    stream: Option<&str>,
    json: bool,
    target: &Target,
) -> Result<(), Failure> {
    let modelled = Modelled::at(&[path.to_owned()])?;
    let story =
        Story::of(&modelled.model, stream, LEAST).map_err(|e| Failure::check(e.message).hint(e.help))?;
    let urls = harness(target)?;
    super::refuse_missing(target).await?;
    let scratch = urls.fresh();
    let backend = urls.open(&scratch).await;
    let backend = backend.map_err(|e| Failure::connect(target.url().unwrap_or_default(), e))?;
    let store = EventStore::new(backend, Options::default());
    let mut account = Account { out: Lines::stdout(), json, failed: 0 };
    let proved = prove(&modelled, &story, &store, &scratch, &mut account).await;
    drop(store);
    // Whatever came of it, nothing stays.
    urls.finish(&scratch).await;
    proved?;
    let questions = open_questions(&modelled);
    account.ask(&questions)?;
    account.end(&story)
}

async fn prove(
    modelled: &Modelled,
    story: &Story,
    store: &EventStore,
    scratch: &str,
    account: &mut Account,
) -> Result<(), Failure> {
    account.introduce(story)?;
    let mut log = Log::new(store, story)?;
    if !account.step("appends in order", log.append()).await? {
        return Ok(());
    }
    account.show(log.events())?;
    account.step("a stale write refused", log.conflict()).await?;
    account.step("a repeated write answered", log.repeat()).await?;
    account.step("state replayed", log.replay()).await?;
    let length = modelled.model.stream(&story.stream).and_then(|stream| stream.it.length.as_ref());
    account.step("a long stream replayed", log.replay_long(length)).await?;
    read_models::prove(modelled, story, store, scratch, account).await
}

impl Account {
    fn introduce(&mut self, story: &Story) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        let made_up = story.events.len() - story.from_example;
        let told = match (story.from_example, made_up) {
            (0, n) => format!("{n} events made up from their fields, since no example has any"),
            (n, 0) => format!("{n} events of an example"),
            (n, more) => format!("{n} events of an example and {more} made up from their fields"),
        };
        self.out.say(&format!("One stream, verified: {}, {told}", printable(&story.stream_id)))
    }

    /// The events as they were stored.
    fn show(&mut self, events: &[annals::RecordedEvent]) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        for event in events {
            let payload = event.payload.json().map(ToString::to_string).unwrap_or_default();
            let (version, event_type) = (event.stream_version, &event.event_type);
            self.out.say(&format!("      {version}  {event_type:<22}  {}", printable(&payload)))?;
        }
        Ok(())
    }

    /// Tries something, which is true and has a figure, or is false and says why. Says whether it held.
    pub(super) async fn step(
        &mut self,
        what: &str,
        tried: impl Future<Output = Result<String, Failure>>,
    ) -> Result<bool, Failure> {
        let progress = Progress::waiting(what);
        let start = Instant::now();
        let outcome = tried.await;
        let seconds = start.elapsed().as_secs_f64();
        progress.clear();
        let (result, figure) = match outcome {
            Ok(figure) => ("ok", figure),
            Err(failure) => {
                self.failed += 1;
                ("FAILED", failure.in_one_line())
            }
        };
        if self.json {
            let step = Step {
                step: what.to_owned(),
                result: if result == "ok" { "ok" } else { "failed" },
                figure,
                seconds,
            };
            self.out.object(&step)?;
        } else {
            self.out.say(&format!("  {result:<6}  {what:<30}  {}", printable(&figure)))?;
        }
        Ok(result == "ok")
    }

    fn ask(&mut self, questions: &[Question]) -> Result<(), Failure> {
        if self.json {
            return questions.iter().try_for_each(|question| self.out.object(question));
        }
        self.out.say("")?;
        if questions.is_empty() {
            return self.out.say("The model leaves no question of retention, privacy or evolution open.");
        }
        self.out.say("What the model leaves open:")?;
        for Question { about, question, at, .. } in questions {
            self.out.say(&format!("  {about:<10}  {}", printable(question)))?;
            if let Some(at) = at {
                self.out.say(&format!("              {at}"))?;
            }
        }
        Ok(())
    }

    fn end(self, story: &Story) -> Result<(), Failure> {
        self.out.finish()?;
        match self.failed {
            0 => Ok(()),
            1 => Err(Failure::check(format!("stream {}: 1 step failed", story.stream_id))),
            n => Err(Failure::check(format!("stream {}: {n} steps failed", story.stream_id))),
        }
    }
}
