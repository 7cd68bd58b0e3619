//! `annals project`: a read model from a file, filled and kept up to date.

use std::path::PathBuf;
use std::time::Duration;

use annals::declared::Declaration;
use annals::project::{Control, OnFailure, OnStale, Projector};
use annals::{Error, Position, Start, StoreUrl};
use serde::Serialize;

use crate::failure::Failure;
use crate::filter::{duration, start};
use crate::output::{self, Lines, Progress};
use crate::target::Target;

/// How often a person is shown how far it has come.
const SHOW: Duration = Duration::from_millis(200);

/// Fill the tables that files declare from the events of the store, and keep them up to date until Ctrl-C.
///
/// A file, in TOML, has a name, the statements that make the tables, and for each event type a SQL statement, or an
/// array of them, whose parameters are parts of the event: `:stream_id`, `:occurred_at`, `:payload.cents`. The names
/// of its tables stand in braces, since a rebuild fills tables of its own beside those that serve.
///
/// Rows and checkpoint change in one transaction, so whenever this ends, and however, the tables hold every event up
/// to some position once. Run again it goes on from there. Run twice at once, in any number of processes, each part
/// of a read model belongs to one of them, and to another within seconds when that one dies.
/// `annals projection` shows how read models stand, and pauses, rebuilds or mends them while this runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals project order_totals.toml --target sqlite:views.db
  annals project order_totals.toml customers.toml --target postgres://app@localhost/shop --partitions 4
  annals project order_totals.toml --target sqlite:views.db --once
  annals project order_totals.toml --target sqlite:views.db --rebuild --once

order_totals.toml:
  name = \"order_totals\"
  categories = [\"order\"]   # and: tags; without both, whatever has a statement
  key = \":payload.order\"   # events of one key are taken in in order; :stream_id where it is left out
  tables = \"CREATE TABLE {order_totals} (order_id VARCHAR(255) PRIMARY KEY, cents BIGINT NOT NULL)\"
  [on]
  order-placed = \"INSERT INTO {order_totals} (order_id, cents) VALUES (:stream_id, 0)\"
  line-added = \"UPDATE {order_totals} SET cents = cents + :payload.cents WHERE order_id = :stream_id\"

Readers use the plain name, order_totals: a view of the tables that serve.

Parameters: :payload and :metadata, whole or a member such as :payload.customer.name;
:stream_id, :stream_version, :category, :position, :event_id, :event_type, :schema_version,
:occurred_at, :recorded_at, :correlation_id, :causation_id, :source, :content_type, :tags.
A member that is not there is NULL.

A statement that fails is tried again --retries times, and then:
  --on-failure stop   stops the event's partition before it; when nothing else is left, ends with status 1
  --on-failure skip   passes the event over and writes it down
  --on-failure park   sets it aside with all later events of its key; the rest goes on
  `annals projection parked` shows what was set aside, `annals projection retry` tries again")]
pub(crate) struct Args {
    /// The declarations of the read models.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The database for the tables, which may be the store's own.
    #[arg(long, value_name = "URL")]
    target: String,
    /// Take in what is there now, and end.
    #[arg(long)]
    once: bool,
    /// Build them anew beside the tables that serve, which the new ones replace when they have caught up.
    #[arg(long)]
    rebuild: bool,
    /// Go on with tables that another version of the file has filled.
    #[arg(long, conflicts_with = "rebuild")]
    keep: bool,
    /// Where a read model begins that has no tables yet.
    #[arg(long, value_name = "start|now|TIME|CHECKPOINT", default_value = "start", value_parser = start)]
    from: Start,
    /// Divide the events by key into so many parts, written in parallel; for tables that are made or rebuilt.
    #[arg(long, value_name = "N")]
    partitions: Option<u32>,
    /// What becomes of an event whose statement fails.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Failing::Stop)]
    on_failure: Failing,
    /// How often it is tried again before.
    #[arg(long, value_name = "N", default_value_t = annals::project::Target::RETRIES)]
    retries: u32,
    /// How long this process may be silent before others take over what it has: a number and us, ms or s.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    lease: Duration,
    /// Print the result as one JSON object a file; with --once.
    #[arg(long, requires = "once")]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Failing {
    Stop,
    Skip,
    Park,
}

/// What was done.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    name: &'a str,
    events: u64,
    position: Position,
}

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let store = target.open().await?;
    let into: StoreUrl = args.target.parse().map_err(Failure::malformed_url)?;
    let failed = |e| failed(e).at(&format!("the read model in {into}"));
    let on_failure = match args.on_failure {
        Failing::Stop => OnFailure::Stop,
        Failing::Skip => OnFailure::Skip,
        Failing::Park => OnFailure::Park,
    };
    let on_stale = match (args.rebuild, args.keep) {
        (true, _) => OnStale::Rebuild,
        (_, true) => OnStale::Keep,
        _ => OnStale::Refuse,
    };
    let head = store.head().await?.position;
    let mut out = Lines::stdout();
    let mut all = Projector::new(store.clone()).lease(args.lease);
    for file in &args.files {
        let declaration = declaration(file)?;
        let name = declaration.name().to_owned();
        let model = into.read_model(declaration).map_err(failed)?;
        let model =
            model.on_failure(on_failure).on_stale(on_stale).retries(args.retries).starting(args.from.clone());
        let model = match args.partitions {
            Some(partitions) => model.partitions(partitions),
            None => model,
        };
        let one = Projector::new(store.clone()).lease(args.lease).with(model.clone());
        let control = one.control(&name)?;
        let progress = Progress::positions(head.0, false);
        let work = async { if args.rebuild { one.rebuild(&name).await } else { one.catch_up().await } };
        let taken = tokio::select! {
            taken = work => taken,
            () = show(&progress, &control, &name) => Ok(0),
            _ = tokio::signal::ctrl_c() => {
                progress.clear();
                output::note(&format!("stopped; {name} goes on from there when it is run again"));
                return Ok(());
            }
        };
        progress.clear();
        let events = taken.map_err(failed)?;
        let status = control.status(&name).await.map_err(failed)?;
        let position = status.serving().map_or(Position::START, annals::project::Generation::position);
        say(&mut out, &Summary { name: &name, events, position }, args.json)?;
        all = all.with(model);
    }
    if args.once {
        return out.finish();
    }
    out.flush()?;
    follow(&all).await
}

pub(crate) fn declaration(file: &PathBuf) -> Result<Declaration, Failure> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).map_err(|e| {
        Failure::usage(format!("could not read {shown}: {e}")).hint("give the file of a declaration")
    })?;
    text.parse().map_err(|e: Error| {
        Failure::from(e).at(&shown.to_string()).hint("`annals help project` shows a whole file")
    })
}

/// Keeps the tables up to date until Ctrl-C.
async fn follow(projector: &Projector) -> Result<(), Failure> {
    output::note("following; Ctrl-C ends it");
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    projector.run(stop).await.map_err(failed)?;
    for name in projector.names() {
        let position = projector.progress(name)?.position();
        output::note(&format!("stopped; {name} stands at position {position}"));
    }
    Ok(())
}

/// Shows how far the tables are that are being filled. Never ends.
async fn show(progress: &Progress, control: &Control, name: &str) {
    loop {
        tokio::time::sleep(SHOW).await;
        if let Ok(status) = control.status(name).await
            && let Some(filled) = status.building().or(status.serving())
        {
            progress.reach(filled.position().0);
        }
    }
}

fn failed(error: Error) -> Failure {
    let stale = error.to_string().contains("were filled by other code");
    let failure = Failure::from(error);
    if stale { failure.hint("--rebuild builds them anew, --keep goes on with them") } else { failure }
}

fn say(out: &mut Lines, summary: &Summary<'_>, json: bool) -> Result<(), Failure> {
    if json {
        return out.object(summary);
    }
    let Summary { name, events, position } = summary;
    out.write(&format!("{name} took in {events} events and stands at position {position}"))
}
