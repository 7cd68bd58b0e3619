//! `annals append`: one event, one atomic append.

use std::io::Read as _;

use annals::{
    CausationId, CorrelationId, ErrorKind, EventId, EventStore, EventType, Expected, JsonText, NewEvent,
    StreamId, Tag,
};

use crate::failure::Failure;
use crate::output::{AppendedEvent, Output};
use crate::target::Target;

/// Append an event to a stream.
///
/// The event is on disk when the command ends with status 0. Appending again with the same --id writes
/// nothing and gives the first answer.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals append order-1 order-placed '{\"customer\":\"ada\"}'
  annals append order-1 order-paid --expect 1 --tag customer:ada
  annals append order-1 order-noted - < note.json")]
pub(crate) struct Args {
    /// The stream, such as order-1.
    #[arg(value_name = "STREAM")]
    stream: String,
    /// The event's type, such as order-placed.
    #[arg(value_name = "TYPE")]
    event_type: String,
    /// What happened, as JSON; - reads it from standard input.
    #[arg(value_name = "JSON|-", default_value = "{}", allow_negative_numbers = true)]
    payload: String,
    /// What the stream has to be like: any, none (no event yet), exists, or its version.
    #[arg(long, value_name = "any|none|exists|N", default_value = "any")]
    expect: Expected,
    /// The event's id; a new one unless given.
    #[arg(long, value_name = "UUID")]
    id: Option<EventId>,
    /// The request or business transaction that the event belongs to.
    #[arg(long, value_name = "ID")]
    correlation_id: Option<CorrelationId>,
    /// The event or command that caused the event.
    #[arg(long, value_name = "ID")]
    causation_id: Option<CausationId>,
    /// What the event is about, such as customer:ada; may be given several times.
    #[arg(long = "tag", value_name = "T")]
    tags: Vec<Tag>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Standard input is read up to here; a store that takes larger appends does not exist.
const INPUT_BYTES_MAX: u64 = 64 << 20;

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let json = args.json;
    let stream_id = StreamId::new(&args.stream)?;
    let expect = args.expect;
    let event = event(args)?;
    let event_id = event.event_id;
    let store = target.create().await?;
    let appended = append(&store, &stream_id, expect, event).await?;
    Output::new(json).appended(&AppendedEvent { stream_id, event_id, appended })
}

fn event(args: Args) -> Result<NewEvent, Failure> {
    let event_type = EventType::new(&args.event_type)?;
    let text = if args.payload == "-" { standard_input()? } else { args.payload };
    let payload = JsonText::parse(text).map_err(|e| {
        Failure::from(e).at("payload").hint("give one JSON value, such as '{\"customer\":\"ada\"}'")
    })?;
    let mut event = NewEvent::new(event_type, payload);
    event.event_id = args.id.unwrap_or(event.event_id);
    event.correlation_id = args.correlation_id;
    event.causation_id = args.causation_id;
    event.tags = args.tags.into_iter().collect();
    Ok(event)
}

async fn append(
    store: &EventStore,
    stream_id: &StreamId,
    expect: Expected,
    event: NewEvent,
) -> Result<annals::Appended, Failure> {
    let event_id = event.event_id;
    store.append(stream_id, expect, [event]).await.map_err(|e| {
        let unknown = e.kind() == ErrorKind::Indeterminate;
        let failure = Failure::from(e);
        if unknown {
            failure.hint(format!(
                "run it again with --id {event_id}; an event that is there is not written twice"
            ))
        } else {
            failure
        }
    })
}

fn standard_input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(INPUT_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Failure::refused("could not read the payload from standard input", e))?;
    if bytes.len() as u64 > INPUT_BYTES_MAX {
        let limit = INPUT_BYTES_MAX >> 20;
        return Err(annals::Error::invalid(format!("the payload has more than {limit} MiB")).into());
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Failure::from(annals::Error::invalid(format!("the payload is not UTF-8: see byte {at}")))
            .hint("give one JSON value in UTF-8")
    })
}
