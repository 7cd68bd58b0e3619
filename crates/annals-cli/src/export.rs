//! `annals export`: the log as CloudEvents.

use std::path::PathBuf;

use annals::Position;

use crate::cloudevent;
use crate::failure::Failure;
use crate::filter::{Filter, whole_number};
use crate::output::{Lines, Progress};
use crate::target::Target;

/// Write events as CloudEvents, one JSON object a line, in the store's order.
///
/// All events that are there when it begins, in CloudEvents 1.0; `annals import` reads them back with the same ids, times, tags
/// and metadata. The subject is the stream and the time is occurred_at. Extension attributes hold the rest:
/// streamversion, position, schemaversion, recordedtime, correlationid, causationid, traceparent, tracestate,
/// tags (a JSON array as text), metadata (a JSON object as text), predecessorhash and hash.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals export > orders.ndjson
  annals export --category order --from 1000 --output orders.ndjson")]
pub(crate) struct Args {
    #[command(flatten)]
    filter: Filter,
    /// The position to begin at, inclusive.
    #[arg(long, value_name = "N", value_parser = whole_number)]
    from: Option<u64>,
    /// Write to this file, in place of what it holds, and not to standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let store = target.open().await?;
    // A store that is written to meanwhile must not keep the export from ending.
    let last = store.head().await?.position;
    let from = Position(args.from.unwrap_or(1));
    let mut events = store.read_all().matching(args.filter.query()).from(from).to(last).events();
    let mut lines = match &args.output {
        Some(path) => Lines::file(path)?,
        None => Lines::stdout(),
    };
    let progress = Progress::positions(last.0, args.output.is_none());
    let mut exported: u64 = 0;
    while let Some(event) = events.next().await? {
        lines.write(&cloudevent::write(&event)?)?;
        exported += 1;
        progress.reach(event.position.0);
    }
    lines.finish()?;
    progress.finish(&format!("exported {exported}"));
    Ok(())
}
