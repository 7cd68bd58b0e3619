//! `annals project`: a read model from a file, filled and kept up to date.

use std::path::PathBuf;
use std::time::Duration;

use annals::declared::{Declaration, Projector};
use annals::{Error, StoreUrl};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{self, Lines, Progress};
use crate::target::Target;

/// How often a person is shown how far it has come.
const SHOW: Duration = Duration::from_millis(100);

/// Fill the tables that a file declares from the events of the store, and keep them up to date until Ctrl-C.
///
/// The file, in TOML, has a name, the statements that make and drop the tables, and for each event type a SQL
/// statement, or an array of them, whose parameters are parts of the event: `:stream_id`, `:occurred_at`, `:payload.cents`.
/// Rows and checkpoint change in one transaction, so whenever this ends, and however, the tables hold every event up
/// to some position once. Run again it goes on from there.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals project order_totals.toml --target sqlite:views.db
  annals project order_totals.toml --target postgres://app@localhost/shop --once
  annals project order_totals.toml --target sqlite:views.db --rebuild --once

order_totals.toml:
  name = \"order_totals\"
  categories = [\"order\"]   # and: tags; without both, whatever has a statement
  tables = \"CREATE TABLE order_totals (order_id VARCHAR(255) PRIMARY KEY, cents BIGINT NOT NULL)\"
  drop = \"DROP TABLE IF EXISTS order_totals\"
  [on]
  order-placed = \"INSERT INTO order_totals (order_id, cents) VALUES (:stream_id, 0)\"
  line-added = \"UPDATE order_totals SET cents = cents + :payload.cents WHERE order_id = :stream_id\"

Parameters: :payload and :metadata, whole or a member such as :payload.customer.name;
:stream_id, :stream_version, :category, :position, :event_id, :event_type, :schema_version,
:occurred_at, :recorded_at, :correlation_id, :causation_id, :source, :content_type, :tags.
A member that is not there is NULL.

A statement that fails ends it with status 1 and names the event; nothing of its batch stays.")]
pub(crate) struct Args {
    /// The declaration of the read model.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The database for the tables, which may be the store's own.
    #[arg(long, value_name = "URL")]
    target: String,
    /// Take in what is there now, and end.
    #[arg(long)]
    once: bool,
    /// Drop the tables first and begin with the first event.
    #[arg(long)]
    rebuild: bool,
    /// Print the result as one JSON object; with --once.
    #[arg(long, requires = "once")]
    json: bool,
}

/// What was done.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    name: &'a str,
    events: u64,
    position: u64,
}

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let declaration = declaration(&args)?;
    let store = target.open().await?;
    let into: StoreUrl = args.target.parse().map_err(Failure::malformed_url)?;
    let last = store.head().await?.position;
    let mut projector = into
        .project(store, declaration)
        .await
        .map_err(|e| failed(e).at(&format!("the read model in {into}")))?;

    let seen = projector.progress();
    let begun = if args.rebuild { 0 } else { seen.position().0 };
    let progress = Progress::positions(last.0.saturating_sub(begun), false);
    let work = async { if args.rebuild { projector.rebuild().await } else { projector.catch_up().await } };
    let taken = tokio::select! {
        taken = work => taken,
        () = show(&progress, || seen.position().0.saturating_sub(begun)) => Ok(0),
        _ = tokio::signal::ctrl_c() => {
            progress.clear();
            output::note(&format!("stopped; the tables stand at position {}", seen.position()));
            return Ok(());
        }
    };
    progress.clear();
    let events = taken.map_err(failed)?;
    let summary = Summary { name: projector.name(), events, position: seen.position().0 };
    say(&summary, args.json)?;
    if args.once { Ok(()) } else { follow(&mut projector).await }
}

fn declaration(args: &Args) -> Result<Declaration, Failure> {
    let file = args.file.display();
    let text = std::fs::read_to_string(&args.file).map_err(|e| {
        Failure::usage(format!("could not read {file}: {e}")).hint("give the file of a declaration")
    })?;
    text.parse().map_err(|e: Error| {
        Failure::from(e).at(&file.to_string()).hint("`annals help project` shows a whole file")
    })
}

/// Keeps the tables up to date until Ctrl-C.
async fn follow(projector: &mut Projector) -> Result<(), Failure> {
    let seen = projector.progress();
    output::note("following; Ctrl-C ends it");
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    projector.run(stop).await.map_err(failed)?;
    output::note(&format!("stopped; the tables stand at position {}", seen.position()));
    Ok(())
}

/// Never ends.
async fn show(progress: &Progress, reached: impl Fn() -> u64) {
    loop {
        progress.reach(reached());
        tokio::time::sleep(SHOW).await;
    }
}

fn failed(error: Error) -> Failure {
    match error.conflict() {
        Some(_) => Failure::from(error).hint("another process fills the same tables: let one of them do it"),
        None => Failure::from(error),
    }
}

fn say(summary: &Summary<'_>, json: bool) -> Result<(), Failure> {
    let mut out = Lines::stdout();
    if json {
        out.object(summary)?;
    } else {
        let Summary { name, events, position } = summary;
        out.write(&format!("{name} took in {events} events and stands at position {position}"))?;
    }
    out.finish()
}
