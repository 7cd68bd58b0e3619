//! `annals copy`: every event of one store into another, and then the proof that they are there.

use annals::chain::content_digest;
use annals::{Error, EventStore, Events, Position};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::failure::{Failure, ID_IN_USE};
use crate::output::{self, Lines, Progress};
use crate::target::Target;
use crate::transfer::Transfer;

/// Copy all events of a store into another one, and compare the two.
///
/// The events keep their order, their ids and all they say; positions and recorded times are the other store's own.
/// What is there already is left alone: after an interruption, by Ctrl-C or by an error, run the same command
/// again and it goes on. Events that come in meanwhile are for the next run.
///
/// Then both stores are read again and compared event by event: each one is there, in the same order, with the
/// same content. The digest is over what all events say, and the same for every store that holds these events. Two numbers are
/// printed where they are not 0: events between those copied that only the other store has, and events that have another version there because their
/// stream held others before.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals copy --store sqlite:orders.db sqlite:backup.db
  annals copy --store 'sqlite:orders.db?namespace=eu' sqlite:eu.db --json

Exit status 1 when the stores differ. Ctrl-C ends it with status 130.")]
pub(crate) struct Args {
    /// The store to copy into, created where it is missing; --store is the one to copy from.
    #[arg(value_name = "URL")]
    to: String,
    /// Print the result as one JSON object.
    #[arg(long)]
    json: bool,
}

/// What was done, and what the comparison found.
#[derive(Debug, Default, Serialize)]
struct Summary {
    copied: u64,
    already_there: u64,
    events: u64,
    only_there: u64,
    other_version: u64,
    digest: String,
}

pub(crate) async fn run(args: Args, from: &Target) -> Result<(), Failure> {
    let from = from.open().await?;
    let to = Target::new(Some(args.to)).create().await?;
    // A store that is written to meanwhile must not keep the copy from ending.
    let last = from.head().await?.position;

    let mut transfer = Transfer::into(to.clone(), at_position);
    let progress = Progress::positions(last.0, false);
    let done = copy(events_to(&from, last), &mut transfer, &progress).await;
    let Transfer { written, already, .. } = transfer;
    progress.finish(&format!("copied {written}, already there {already}"));
    done?;

    let mut summary = Summary { copied: written, already_there: already, ..Summary::default() };
    let there = to.head().await?.position;
    let progress = Progress::positions(last.0, false);
    compare(events_to(&from, last), events_to(&to, there), &mut summary, &progress).await?;
    progress.clear();
    say(&summary, args.json)
}

fn events_to(store: &EventStore, last: Position) -> Events {
    store.read_all().to(last).events()
}

async fn copy(mut events: Events, transfer: &mut Transfer, progress: &Progress) -> Result<(), Failure> {
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let event = tokio::select! {
            biased;
            _ = &mut interrupt => {
                transfer.flush().await?;
                return Err(Failure::interrupted("interrupted before the end")
                    .hint("run the same command again: it goes on where it stopped"));
            }
            event = events.next() => event?,
        };
        let Some(event) = event else { return transfer.flush().await };
        let position = event.position.0;
        if let Err(failure) = transfer.push(position, event.stream_id.clone(), event.into_new()).await {
            transfer.flush().await?;
            return Err(failure);
        }
        progress.reach(position);
    }
}

/// Finds each event of the first store in the second, in order.
async fn compare(
    mut here: Events,
    mut there: Events,
    summary: &mut Summary,
    progress: &Progress,
) -> Result<(), Failure> {
    const HINT: &str = "somebody may have changed one of the stores; compare both with a backup";
    let mut digest = Sha256::new();
    while let Some(event) = here.next().await? {
        let id = event.event_id;
        let copied = loop {
            match there.next().await? {
                Some(copied) if copied.event_id == id => break copied,
                Some(_) => summary.only_there += 1,
                None => {
                    return Err(Failure::check(format!(
                        "event {id} at position {} is not in the other store behind those before it",
                        event.position
                    ))
                    .hint(HINT));
                }
            }
        };
        let content = content_digest(&event)?;
        if content != content_digest(&copied)? {
            return Err(Failure::check(format!(
                "event {id} at position {} says something else in the other store, at position {}",
                event.position, copied.position
            ))
            .hint(HINT));
        }
        digest.update(content.0);
        summary.events += 1;
        summary.other_version += u64::from(copied.stream_version != event.stream_version);
        progress.reach(event.position.0);
    }
    summary.digest = annals::Hash(digest.finalize().into()).to_string();
    Ok(())
}

fn say(summary: &Summary, json: bool) -> Result<(), Failure> {
    let mut out = Lines::stdout();
    if json {
        out.object(summary)?;
        return out.finish();
    }
    let Summary { events, only_there, other_version, digest, .. } = summary;
    out.write(&format!("{events} events compared: the same order, the same content"))?;
    out.write(&format!("sha256 of what they say: {digest}"))?;
    out.finish()?;
    if *only_there > 0 {
        output::note(&format!("{only_there} events between them are only in the other store"));
    }
    if *other_version > 0 {
        output::note(&format!(
            "{other_version} have another version there, since their stream held other events before"
        ));
    }
    Ok(())
}

fn at_position(position: u64, error: Error) -> Failure {
    let failure = Failure::from(error).at(&format!("the event at position {position}"));
    if failure.message.contains(ID_IN_USE) {
        return failure
            .hint("the other store has another event under the same id: copy into a store of its own");
    }
    failure
}
