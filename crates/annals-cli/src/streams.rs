//! `annals streams`: which streams there are.

use annals::StreamId;

use crate::failure::Failure;
use crate::filter::whole_number;
use crate::output::Output;
use crate::target::Target;

/// List streams in byte order, each with its version.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals streams
  annals streams order- --limit 100 --after order-17")]
pub(crate) struct Args {
    /// Only streams whose ids begin with this text.
    #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,
    /// List at most so many.
    #[arg(long, value_name = "N", value_parser = whole_number)]
    limit: Option<u64>,
    /// Only streams after this one.
    #[arg(long, value_name = "ID")]
    after: Option<StreamId>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// How many entries of a listing are asked for at once.
pub(crate) const PAGE: usize = 1_000;

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let store = target.open().await?;
    let mut output = Output::new(args.json);
    let (mut after, mut left) =
        (args.after, usize::try_from(args.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX));
    while left > 0 {
        let page = store.list_streams(&args.prefix, after.as_ref(), left.min(PAGE)).await?;
        for stream in &page {
            output.stream(stream)?;
        }
        left = left.saturating_sub(page.len());
        match page.last() {
            Some(last) if page.len() >= PAGE => after = Some(last.stream_id.clone()),
            _ => break,
        }
    }
    output.finish("no streams")
}
