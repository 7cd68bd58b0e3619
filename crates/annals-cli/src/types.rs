//! `annals types`: which event types there are.

use annals::EventType;

use crate::failure::Failure;
use crate::filter::whole_number;
use crate::output::Output;
use crate::streams::PAGE;
use crate::target::Target;

/// List event types in byte order, each with the number of its events.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals types
  annals types --json --limit 100 --after order-placed")]
pub(crate) struct Args {
    /// List at most so many.
    #[arg(long, value_name = "N", value_parser = whole_number)]
    limit: Option<u64>,
    /// Only types after this one.
    #[arg(long, value_name = "TYPE")]
    after: Option<EventType>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let store = target.open().await?;
    let mut output = Output::new(args.json);
    let (mut after, mut left) =
        (args.after, usize::try_from(args.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX));
    while left > 0 {
        let page = store.list_event_types(after.as_ref(), left.min(PAGE)).await?;
        for event_type in &page {
            output.event_type(event_type)?;
        }
        left = left.saturating_sub(page.len());
        match page.last() {
            Some(last) if page.len() >= PAGE => after = Some(last.event_type.clone()),
            _ => break,
        }
    }
    output.finish("no event types")
}
