//! `annals events`: whether the shapes of events in a lock file are kept, and whether a store holds others.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use annals::evolution::{Finding, Lock, Registered, Registry};
use annals::{EventStore, EventType, Query, QueryItem, RecordedEvent};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{self, Lines};
use crate::streams::PAGE;
use crate::target::Target;

/// Check the lock file of event schemas that the test of `annals::schema_lock!` writes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals events check
  git show origin/main:events.lock.json > base.json && annals events check --against base.json
  annals events check --sample 1000 --store postgres://reader@db.example/shop

Exit status 1 when something is, or may be, stored that could not be read.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Compare a lock file with an older one, and with what a store holds.
    ///
    /// A shape that was locked stays for ever, versions follow one another, and a change within a version reads what
    /// was there before. Whether the code is as the lock says, its test tells.
    Check {
        /// The lock file.
        #[arg(long, value_name = "FILE", default_value = "events.lock.json")]
        lock: PathBuf,
        /// An older state of it, such as that of the branch a change goes to.
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
        /// Look at events in the store: of each type the first N and the newest N. Payloads are never printed.
        #[arg(long, value_name = "N")]
        sample: Option<NonZeroU32>,
        /// Print one JSON object for each finding.
        #[arg(long)]
        json: bool,
    },
}

/// Stored events that the lock does not have, of one type and version.
#[derive(Debug, Serialize)]
struct Stored {
    event_type: String,
    schema_version: u32,
    what: String,
    events: u64,
    stream_id: String,
    stream_version: u64,
}

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let Command::Check { lock, against, sample, json } = args.command;
    let lock = read(&lock)?;
    let older = against.as_deref().map(read).transpose()?;
    let findings = lock.check(older.as_ref());
    let mut out = Lines::stdout();
    for finding in &findings {
        if json { out.object(finding)? } else { out.write(&line(finding))? }
    }
    let mut sampled = Sampled::default();
    if let Some(limit) = sample {
        let store = target.open().await?;
        sampled
            .look(&store, &Registry::of(&lock), usize::try_from(limit.get()).unwrap_or(usize::MAX))
            .await?;
        for stored in &sampled.found {
            if json { out.object(stored)? } else { out.write(&stored.line())? }
        }
    }
    out.finish()?;
    let types = lock.types();
    output::note(&format!("{types} event type{} in the lock file", plural(types)));
    if sample.is_some() {
        output::note(&sampled.summary());
    }
    match findings.len() + sampled.found.len() {
        0 => Ok(()),
        count => Err(Failure::check(format!("{count} finding{} about shapes of events", plural(count)))
            .hint("each says what it is about; an event that was stored stays, so its shape stays in the lock file")),
    }
}

fn read(file: &Path) -> Result<Lock, Failure> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|e| {
        Failure::refused(format!("could not read {name}"), e)
            .hint("the test of annals::schema_lock! writes it: ANNALS_UPDATE_LOCK=1 cargo test")
    })?;
    Lock::parse(&text).map_err(|e| {
        Failure::from(e)
            .at(&name.to_string())
            .hint("take it as it was committed last, and let the test of annals::schema_lock! write it")
    })
}

fn line(finding: &Finding) -> String {
    format!("locked  {finding}")
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

impl Stored {
    fn line(&self) -> String {
        let Self { event_type, schema_version, what, events, stream_id, stream_version } = self;
        let plural = if *events == 1 { "" } else { "s" };
        format!(
            "stored  {event_type:?} version {schema_version}: {what}; {events} event{plural} looked at, the first at \
             version {stream_version} of stream {stream_id:?}"
        )
    }
}

/// What was found in a sample of a store.
#[derive(Debug, Default)]
struct Sampled {
    events: u64,
    types: usize,
    /// Events of which it cannot be told, because of a part of a schema.
    unclear: u64,
    found: Vec<Stored>,
}

impl Sampled {
    async fn look(&mut self, store: &EventStore, registry: &Registry, limit: usize) -> Result<(), Failure> {
        let mut after: Option<EventType> = None;
        loop {
            let page = store.list_event_types(after.as_ref(), PAGE).await?;
            for info in &page {
                self.look_at_type(store, registry, &info.event_type, limit).await?;
            }
            match page.last() {
                Some(last) if page.len() >= PAGE => after = Some(last.event_type.clone()),
                _ => return Ok(()),
            }
        }
    }

    /// Old versions are where a type began, and the present one is where it ends.
    async fn look_at_type(
        &mut self,
        store: &EventStore,
        registry: &Registry,
        event_type: &EventType,
        limit: usize,
    ) -> Result<(), Failure> {
        self.types += 1;
        let query = || Query::from(QueryItem { types: vec![event_type.clone()], ..QueryItem::default() });
        let mut found = BTreeMap::new();
        let mut last = None;
        let mut events = store.read_all().matching(query()).limit(limit).events();
        while let Some(event) = events.next().await? {
            last = Some(event.position);
            self.judge(registry, &event, &mut found);
        }
        let mut events = store.read_all().matching(query()).backward().limit(limit).events();
        while let Some(event) = events.next().await? {
            if last.is_some_and(|last| event.position <= last) {
                break;
            }
            self.judge(registry, &event, &mut found);
        }
        self.found.extend(found.into_values());
        Ok(())
    }

    fn judge(
        &mut self,
        registry: &Registry,
        event: &RecordedEvent,
        found: &mut BTreeMap<(u32, String), Stored>,
    ) {
        self.events += 1;
        let what = match registry.judge(event.event_type.as_str(), event.schema_version, &event.payload) {
            Registered::Fits => return,
            Registered::Unclear(_) => {
                self.unclear += 1;
                return;
            }
            Registered::UnknownType => "the type is not in the lock file".to_owned(),
            Registered::UnknownVersion => "the version is not in the lock file".to_owned(),
            Registered::Misfit { field, expected } if field.is_empty() => {
                format!("the payload does not fit, expected {expected}")
            }
            Registered::Misfit { field, expected } => {
                format!("the payload does not fit at {field:?}, expected {expected}")
            }
        };
        let stored = found.entry((event.schema_version, what.clone())).or_insert_with(|| Stored {
            event_type: event.event_type.to_string(),
            schema_version: event.schema_version,
            what,
            events: 0,
            stream_id: event.stream_id.to_string(),
            stream_version: event.stream_version.0,
        });
        stored.events += 1;
    }

    fn summary(&self) -> String {
        let Self { events, types, unclear, .. } = self;
        let unclear = match unclear {
            0 => String::new(),
            unclear => format!(", of {unclear} it cannot be told whether they fit"),
        };
        format!(
            "{events} stored event{} of {types} type{} looked at{unclear}",
            if *events == 1 { "" } else { "s" },
            plural(*types)
        )
    }
}
