//! `annals read`: a stream, or the log of all streams.

use annals::backend::Direction;
use annals::{Position, StreamId, Version};

use crate::failure::Failure;
use crate::filter::{Filter, whole_number};
use crate::output::Output;
use crate::target::Target;

/// Read a stream, or all events in the store's order.
///
/// Nothing is created: a store that does not exist is an error, a stream that does not exist is empty.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("what").args(["stream", "all"]).required(true),
    after_help = "\
Examples:
  annals read order-1
  annals read order-1 --backward --limit 1
  annals read --all --category order --type order-placed --json"
)]
pub(crate) struct Args {
    /// The stream, such as order-1.
    #[arg(value_name = "STREAM")]
    stream: Option<String>,
    /// Read the events of all streams.
    #[arg(long)]
    all: bool,
    /// Where to begin, inclusive: a version of the stream, or a position with --all.
    #[arg(long, value_name = "N", value_parser = whole_number)]
    from: Option<u64>,
    /// Read at most so many events.
    #[arg(long, value_name = "N", value_parser = whole_number)]
    limit: Option<u64>,
    /// Read from the newest event to the oldest.
    #[arg(long)]
    backward: bool,
    #[command(flatten)]
    filter: Filter,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let stream_id = args.stream.as_deref().map(StreamId::new).transpose()?;
    let store = target.open().await?;
    let query = args.filter.query();
    let direction = if args.backward { Direction::Backward } else { Direction::Forward };
    let limit = usize::try_from(args.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let of_stream = stream_id.is_some();
    let mut events = match stream_id {
        Some(stream_id) => {
            let mut read = store.read_stream(&stream_id)?;
            if query.is_all() {
                read = read.limit(limit);
            }
            if let Some(version) = args.from {
                read = read.from(Version(version));
            }
            if direction == Direction::Backward {
                read = read.backward();
            }
            read.events()
        }
        None => {
            let mut read = store.read_all().matching(query.clone()).limit(limit);
            if let Some(position) = args.from {
                read = read.from(Position(position));
            }
            if direction == Direction::Backward {
                read = read.backward();
            }
            read.events()
        }
    };
    let mut output = if of_stream { Output::of_stream(args.json) } else { Output::new(args.json) };
    let mut left = limit;
    while left > 0
        && let Some(event) = events.next().await?
    {
        // A stream is read whole and filtered here, since --from counts its versions and not positions.
        if !of_stream || query.matches(&event) {
            output.event(&event)?;
            left -= 1;
        }
    }
    output.finish("no events")
}
