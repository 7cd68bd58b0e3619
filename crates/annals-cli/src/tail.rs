//! `annals tail`: events as they are written, by whichever process.

use annals::{Checkpoint, Delivery, Start};

use crate::failure::Failure;
use crate::filter::{Filter, start};
use crate::output::{self, Output, quoted};
use crate::target::Target;

/// Follow the store: print events as they are written, until Ctrl-C.
///
/// With --json each event has one more member, `checkpoint`: give it to --from to go on after that event.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals tail
  annals tail --from start --category order
  annals tail --from 2026-11-24T00:00:00Z
  annals tail --json --from 0199f3a27c1e7d4f8a6b5c4d3e2f1a0b.42")]
pub(crate) struct Args {
    /// Where to begin: with the first event, with the next one to be written, at a time, or after a checkpoint.
    #[arg(long, value_name = "start|now|TIME|CHECKPOINT", default_value = "now", value_parser = start)]
    from: Start,
    #[command(flatten)]
    filter: Filter,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// This command without where it begins.
fn again(args: &Args, target: &Target) -> Result<String, Failure> {
    let mut words =
        vec!["annals".to_owned(), "tail".to_owned(), "--store".to_owned(), target.parsed()?.1.to_string()];
    words.extend(args.filter.arguments());
    words.extend(args.json.then(|| "--json".to_owned()));
    Ok(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))
}

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let store = target.open().await?;
    let again = again(&args, target)?;
    let mut subscription = store.subscribe(args.filter.query(), args.from).await?;
    let mut output = Output::new(args.json);
    let mut seen: Option<Checkpoint> = None;
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    let mut reader_gone = std::pin::pin!(output::reader_gone());
    loop {
        let delivery = tokio::select! {
            biased;
            _ = &mut interrupt => {
                output.flush()?;
                if let Some(checkpoint) = seen {
                    output::note(&format!("to go on from here: {again} --from {checkpoint}"));
                }
                return Ok(());
            }
            () = &mut reader_gone => return Ok(()),
            delivery = subscription.next() => delivery.map_err(|e| {
                let failure = Failure::from(e);
                match &seen {
                    Some(checkpoint) => failure.hint(format!("go on with {again} --from {checkpoint}")),
                    None => failure,
                }
            })?,
        };
        seen = Some(delivery.checkpoint().clone());
        match delivery {
            Delivery::Event(event, checkpoint) => output.event_at(&event, &checkpoint)?,
            // Nothing more for now: what was held back to fill a page is due.
            Delivery::CaughtUp(_) => output.flush()?,
        }
    }
}
