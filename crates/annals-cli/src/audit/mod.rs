//! `annals audit`: the story of a stream, a correlation id or a tag, and what its events said at any point.

mod human;
mod json;
mod mermaid;
mod point;
mod said;
mod state;
mod story;
mod tree;

use annals::{CorrelationId, StreamId, Tag, Timestamp};
use clap::ValueEnum;

use crate::failure::Failure;
use crate::filter::whole_number;
use crate::output::{self, Lines};
use crate::target::Target;

use self::point::Point;
use self::state::Beside;
use self::story::{Bounds, Of};

/// Tell the story of one stream, one correlation id or one tag: who did what, when, why, and what it caused.
///
/// Who is the `actor` of an event's metadata; why is its `command` and `reason`, and the event that caused it, named by
/// its causation id. Events of the story stand in their order; what they caused elsewhere stands beneath them.
///
/// A stream and a tag are found by the store's indexes. Causes and correlation ids have none: the log is read from where
/// the story begins, as far as --scan allows, and how far is told.
///
/// Beside the story of a stream, --at shows what its events had said by then, member by member, and --between what
/// changed between two points, and by which event. That is the last value that was said, not the state of your domain,
/// which only your code knows.
///
/// Values are printed, and may be personal data; --no-values prints the names of members only.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("of").args(["stream", "correlation", "tag"]).required(true),
    after_help = "\
Examples:
  annals audit order-17
  annals audit order-17 --at 3
  annals audit order-17 --between 1 2026-11-24T10:00:00Z
  annals audit --correlation checkout-4711
  annals audit --tag customer:ada --no-values
  annals audit order-17 --format mermaid > order-17.mmd

A point is a version of the stream, 0 before its first event, or a time: what was recorded by then.")]
pub(crate) struct Args {
    /// The stream, such as order-17.
    #[arg(value_name = "STREAM")]
    stream: Option<String>,
    /// The events of one request or business transaction.
    #[arg(long, value_name = "ID")]
    correlation: Option<CorrelationId>,
    /// The events with this tag.
    #[arg(long, value_name = "T")]
    tag: Option<Tag>,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Tell at most so many events of the story, and as many that they caused.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    limit: u64,
    /// Read at most so many events of the log in search of a correlation id and of what was caused; 0 for neither.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = whole_number)]
    scan: u64,
    /// Begin the search for a correlation id with what was recorded from this time on.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Show beside it what the stream's events had said at this point.
    #[arg(long, value_name = "VERSION|TIME")]
    at: Option<Point>,
    /// Show beside it what changed between these points.
    #[arg(long, value_names = ["VERSION|TIME", "VERSION|TIME"], num_args = 2)]
    between: Option<Vec<Point>>,
    /// Print the names of members, and no values.
    #[arg(long)]
    no_values: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// One JSON object.
    Json,
    /// A sequence diagram of Mermaid.
    Mermaid,
}

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let of = match (&args.stream, args.correlation, args.tag) {
        (Some(stream), ..) => Of::Stream(StreamId::new(stream)?),
        (_, Some(correlation), _) => Of::Correlation(correlation),
        (_, _, Some(tag)) => Of::Tag(tag),
        // The group of arguments asks for one of them.
        _ => {
            return Err(
                Failure::usage("no stream, correlation id or tag is named").hint("annals audit order-17")
            );
        }
    };
    if args.format == Format::Mermaid && (args.at.is_some() || args.between.is_some()) {
        return Err(Failure::usage("a sequence diagram has no place for a state")
            .hint("leave out --at and --between, or print --format human or json"));
    }
    let is_beside = args.at.is_some() || args.between.is_some();
    if is_beside && !matches!(of, Of::Stream(_)) {
        return Err(Failure::usage("--at and --between show what the events of one stream had said")
            .hint("annals audit order-17 --at 3"));
    }
    if args.since.is_some() && !matches!(of, Of::Correlation(_)) {
        return Err(Failure::usage("--since begins the search for a correlation id")
            .hint("annals audit --correlation ID --since 2026-11-24T09:30:00Z"));
    }
    let store = target.open().await?;
    let bounds = Bounds { limit: args.limit, scan: args.scan, since: args.since };
    let story = story::tell(&store, of, &bounds).await?;
    let mut beside = Vec::new();
    if let Of::Stream(stream) = &story.of {
        if let Some(at) = &args.at {
            beside.push(Beside::At(state::at(&store, stream, at).await?));
        }
        if let Some([from, to]) = args.between.as_deref() {
            beside.push(Beside::Between(state::between(&store, stream, from, to).await?));
        }
    }
    let values = !args.no_values;
    let mut out = Lines::stdout();
    match args.format {
        Format::Human => human::print(&story, &beside, values, &mut out)?,
        Format::Json => json::print(&story, &beside, values, &mut out)?,
        Format::Mermaid => mermaid::print(&story, values, &mut out)?,
    }
    out.finish()?;
    for note in story.notes() {
        output::note(&format!("note: {note}"));
    }
    Ok(())
}
