//! `annals projection`: how read models stand, and what is wanted of them.

use std::fmt::Write as _;
use std::path::PathBuf;

use annals::declared::Declaration;
use annals::project::{Control, Generation, NewColumn, Part, Projector, Stage, Status};
use annals::{EventStore, Position, Query, StoreUrl, Timestamp};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Column, Output, Progress};
use crate::project;
use crate::target::Target;

/// Look at the read models of a database, and say what is wanted of them.
///
/// What is wanted is written into tables beside theirs; whoever runs the read model, `annals project` or a service
/// with the library, obeys within a second, and at the latest when it runs again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals projection list --target sqlite:views.db
  annals projection list --target postgres://app@localhost/shop --store sqlite:orders.db --metrics
  annals projection pause order_totals --target sqlite:views.db
  annals projection rebuild order_totals --target sqlite:views.db
  annals projection parked order_totals --target sqlite:views.db
  annals projection retry order_totals order-17 --target sqlite:views.db")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    /// The database of the read models.
    #[arg(long, value_name = "URL", global = true)]
    target: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(List),
    /// Let one take in nothing until it is resumed.
    Pause(Named),
    /// Let one go on: after a pause, and from events at which parts have stopped.
    Resume(Named),
    Pace(Pace),
    /// Build one anew beside the tables that serve; whoever runs it begins within a second, and lets the new tables
    /// serve when they have caught up.
    Rebuild(Named),
    /// Let the tables serve again that served before the last switch.
    RollBack(Named),
    /// Throw away the tables that do not serve.
    Clean(Named),
    /// Throw one away with all its tables. The events stay.
    Remove(Named),
    Check(Check),
    Backfill(Backfill),
    Parked(Parked),
    /// Try events again that were set aside: those of a key, or all.
    Retry(Keyed),
    /// Drop events for good that were set aside, those of a key, or all: the tables will never hold them.
    Drop(Keyed),
}

/// Show how each read model stands: a line for each part of each generation.
///
/// With --store also how far behind it is. Events of types that it does not read count until it has passed them,
/// which takes it no more than a second.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Columns:
  generation  the tables, counted from 1, and whether they serve: live, building or retired
  part        one of the parts into which events are divided by key
  position    every event up to there is in the tables
  lag         how many positions of the log it is behind, and for how long; with --store
  events/s    how many events it takes in
  parked      events set aside
  state       running, idle (nobody runs it), paused, or stopped at an event, and the last error")]
struct List {
    /// Only this one.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Print one JSON object a read model.
    #[arg(long)]
    json: bool,
    /// Print metrics in the text format of Prometheus.
    #[arg(long, conflicts_with = "json")]
    metrics: bool,
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The read model.
    #[arg(value_name = "NAME")]
    name: String,
}

/// Limit how many events each process may take in in a second, a rebuild included.
#[derive(Debug, clap::Args)]
struct Pace {
    /// The read model.
    #[arg(value_name = "NAME")]
    name: String,
    /// Events in a second; as fast as it can where it is left out.
    #[arg(value_name = "EVENTS")]
    events: Option<u32>,
}

/// Fold keys again from the log, compare with the rows that serve, and mend them if told to.
///
/// Finds what changed by another hand, and code that does not do what it did. For a read model that a file declares,
/// whose `key_columns` say in which column of each table the key is; for one in Rust there is `Projector::check`.
/// Whoever runs it leaves it alone meanwhile; readers are served.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals projection check accounts --target sqlite:views.db --store sqlite:bank.db
  annals projection check accounts --target sqlite:views.db --store sqlite:bank.db --sample 100%
  annals projection check accounts --target sqlite:views.db --store sqlite:bank.db --key account-7 --heal

Exit status 1 when rows are wrong and were not mended.")]
struct Check {
    /// The read model.
    #[arg(value_name = "NAME")]
    name: String,
    /// The share of keys, the same ones each time.
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = percent)]
    sample: f64,
    /// This key instead; can be given several times.
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// Put what the events give in the place of rows that are wrong.
    #[arg(long)]
    heal: bool,
    /// Print the result as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Add columns to the tables that serve, and fill them from history; all else in a row stays as it is.
///
/// FILE is the declaration with the new columns, last in their CREATE TABLE, and with `key_columns`. Whoever runs the
/// read model leaves it alone meanwhile, and is to go on with the new file; readers are served.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  annals projection backfill accounts.toml --column \"accounts.last_deposit VARCHAR(40)\" \\
    --target sqlite:views.db --store sqlite:bank.db")]
struct Backfill {
    /// The declaration of the read model.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A table, a column and its type; can be given several times.
    #[arg(long = "column", value_name = "TABLE.COLUMN TYPE", required = true, value_parser = new_column)]
    columns: Vec<NewColumn>,
}

/// Show the events that were set aside or skipped, in order.
#[derive(Debug, clap::Args)]
struct Parked {
    /// The read model.
    #[arg(value_name = "NAME")]
    name: String,
    /// Print one JSON object an event.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Keyed {
    /// The read model.
    #[arg(value_name = "NAME")]
    name: String,
    /// The key whose events are meant; all where it is left out.
    #[arg(value_name = "KEY")]
    key: Option<String>,
}

pub(crate) async fn run(args: Args, store: &Target) -> Result<(), Failure> {
    let Some(url) = args.target else {
        return Err(Failure::usage("no database of read models given")
            .hint("add --target URL, the one that `annals project` was given"));
    };
    let url: StoreUrl = url.parse().map_err(Failure::malformed_url)?;
    let control = url.read_models()?;
    let done = match args.command {
        Command::List(args) => return list(&args, &control, store).await,
        Command::Parked(args) => return parked(&args, &control).await,
        Command::Check(args) => return check(args, &url, &control, store).await,
        Command::Backfill(args) => return backfill(&args, &url, store).await,
        Command::Pause(Named { name }) => control.pause(&name).await.map(|()| format!("{name} is to pause")),
        Command::Resume(Named { name }) => {
            control.resume(&name).await.map(|()| format!("{name} is to go on"))
        }
        Command::Pace(Pace { name, events }) => control.pace(&name, events).await.map(|()| match events {
            Some(events) => format!("{name} is to take in at most {events} events a second"),
            None => format!("{name} is to go as fast as it can"),
        }),
        Command::Rebuild(Named { name }) => {
            control.rebuild(&name).await.map(|()| format!("{name} is to be built anew"))
        }
        Command::RollBack(Named { name }) => {
            control.roll_back(&name).await.map(|number| format!("generation {number} of {name} serves again"))
        }
        Command::Clean(Named { name }) => control.clean(&name).await.map(|numbers| {
            let generations = if numbers.len() == 1 { "generation" } else { "generations" };
            format!("{} {generations} of {name} thrown away", numbers.len())
        }),
        Command::Remove(Named { name }) => {
            control.remove(&name).await.map(|()| format!("{name} thrown away"))
        }
        Command::Retry(Keyed { name, key }) => control
            .retry(&name, key.as_deref())
            .await
            .map(|events| format!("{events} events of {name} are to be tried again")),
        Command::Drop(Keyed { name, key }) => control
            .drop_parked(&name, key.as_deref())
            .await
            .map(|events| format!("{events} events of {name} are to be dropped")),
    };
    let mut out = crate::output::Lines::stdout();
    out.write(&done?)?;
    out.finish()
}

async fn list(args: &List, control: &Control, store: &Target) -> Result<(), Failure> {
    let all = match &args.name {
        Some(name) => vec![control.status(name).await?],
        None => control.list().await?,
    };
    let store = store.maybe().await?;
    let mut output = Output::new(args.json);
    let mut metrics = String::new();
    for status in &all {
        let lags = lags(status, store.as_ref()).await?;
        if args.json {
            output.object(&Listed { status, lags: &lags })?;
        } else if args.metrics {
            measure(&mut metrics, status, &lags);
        } else {
            for row in rows(status, &lags) {
                output.row(&COLUMNS, row)?;
            }
        }
    }
    if args.metrics {
        return output.script(metrics.as_bytes());
    }
    output.finish("no read models in this database")
}

async fn parked(args: &Parked, control: &Control) -> Result<(), Failure> {
    let mut output = Output::new(args.json);
    for parked in control.parked(&args.name).await? {
        if args.json {
            output.object(&parked)?;
            continue;
        }
        let state = match (parked.skipped, &parked.wish) {
            (true, _) => "skipped".to_owned(),
            (false, Some(wish)) => format!("to {wish}"),
            (false, None) => "waits".to_owned(),
        };
        let cells = [
            parked.position.to_string(),
            parked.key,
            parked.event_type,
            parked.event_id.to_string(),
            parked.attempts.to_string(),
            state,
            parked.reason,
        ];
        output.row(&PARKED, cells.into())?;
    }
    output.finish("no events set aside")
}

async fn check(args: Check, url: &StoreUrl, control: &Control, store: &Target) -> Result<(), Failure> {
    let status = control.status(&args.name).await?;
    let Some(text) = status.serving().and_then(|serving| serving.declared.as_deref()) else {
        return Err(Failure::check(format!("{} is not declared by a file", args.name))
            .hint("call Projector::check in the program that has its code"));
    };
    let declaration = text.parse::<Declaration>()?;
    let projector = Projector::new(store.open().await?).with(url.read_model(declaration)?);
    let wanted = annals::project::Check { sample: args.sample, keys: args.keys, heal: args.heal };
    let progress = Progress::waiting("folding keys again");
    let checked = projector.check(&args.name, wanted).await;
    progress.clear();
    let checked = checked?;
    let mut output = Output::new(args.json);
    if args.json {
        output.object(&checked)?;
    } else {
        for parted in &checked.parted {
            let event = parted.event_id.map_or_else(String::new, |id| id.to_string());
            let position = parted.position.map_or_else(|| "none".to_owned(), |position| position.to_string());
            let state = if parted.healed { "mended" } else { "wrong" };
            output.row(&PARTED, vec![parted.key.clone(), position, event, state.to_owned()])?;
        }
    }
    output.flush()?;
    let said =
        format!("{} keys folded from {} events, {} wrong", checked.keys, checked.events, checked.wrong);
    if checked.wrong > 0 && !args.heal {
        return Err(
            Failure::check(said).hint("look at the events from which on they part; --heal mends the rows")
        );
    }
    crate::output::note(&said);
    Ok(())
}

async fn backfill(args: &Backfill, url: &StoreUrl, store: &Target) -> Result<(), Failure> {
    let declaration = project::declaration(&args.file)?;
    let name = declaration.name().to_owned();
    let projector = Projector::new(store.open().await?).with(url.read_model(declaration)?);
    let progress = Progress::waiting("folding events again");
    let folded = projector.backfill(&name, &args.columns).await;
    progress.clear();
    let columns: Vec<&str> = args.columns.iter().map(|column| column.name.as_str()).collect();
    let mut out = crate::output::Lines::stdout();
    out.write(&format!("{} of {name} filled from {} events", columns.join(", "), folded?))?;
    out.finish()
}

/// `accounts.owner VARCHAR(40)`.
fn new_column(text: &str) -> Result<NewColumn, String> {
    let parts = text.split_once(' ').and_then(|(name, definition)| {
        let (table, name) = name.rsplit_once('.')?;
        Some(NewColumn { table: table.into(), name: name.into(), definition: definition.trim().into() })
    });
    parts.ok_or_else(|| {
        "expected a table, a dot, a column and its type, such as accounts.owner TEXT".to_owned()
    })
}

/// `1%` or `0.5%` as a share.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok();
    match number.filter(|percent| (0.0..=100.0).contains(percent)) {
        Some(percent) => Ok(percent / 100.0),
        None => Err("expected a number from 0 to 100, such as 1%".to_owned()),
    }
}

static PARTED: [Column; 4] = [
    Column::text("key").least(12),
    Column::text("wrong from position"),
    Column::text("event"),
    Column::text("rows"),
];

static COLUMNS: [Column; 9] = [
    Column::text("projection").least(12),
    Column::text("generation"),
    Column::number("part"),
    Column::number("position"),
    Column::number("events").or_left_out(),
    Column::number("lag"),
    Column::number("events/s"),
    Column::number("parked"),
    Column::text("state"),
];

static PARKED: [Column; 7] = [
    Column::number("position"),
    Column::text("key").least(12),
    Column::text("type").least(14),
    Column::text("event").or_left_out(),
    Column::number("attempts"),
    Column::text("state"),
    Column::text("reason"),
];

/// How far a part is behind the log.
#[derive(Debug, Clone, Copy, Serialize)]
struct Lag {
    generation: u32,
    part: u32,
    events: u64,
    seconds: f64,
}

#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    status: &'a Status,
    #[serde(skip_serializing_if = "<[Lag]>::is_empty")]
    lags: &'a [Lag],
}

/// How far each part is behind: its first event that it has not passed, until now.
async fn lags(status: &Status, store: Option<&EventStore>) -> Result<Vec<Lag>, Failure> {
    let Some(store) = store else { return Ok(Vec::new()) };
    let (head, now) = (store.head().await?.position, Timestamp::now());
    let mut lags = Vec::new();
    for (generation, part) in parts(status).filter(|(generation, _)| generation.stage != Stage::Retired) {
        let events = head.0.saturating_sub(part.position.0);
        let seconds = match waiting_since(store, part.position).await? {
            Some(since) if events > 0 => (now.unix_micros() - since.unix_micros()).max(0) as f64 / 1e6,
            _ => 0.0,
        };
        lags.push(Lag { generation: generation.number, part: part.number, events, seconds });
    }
    Ok(lags)
}

/// When the first event after a position was recorded.
async fn waiting_since(store: &EventStore, after: Position) -> Result<Option<Timestamp>, Failure> {
    let range = annals::backend::LogRange {
        query: Query::all(),
        from: after.next(),
        direction: annals::backend::Direction::Forward,
        limit: 1,
    };
    let page = store.log_page(range).await?;
    Ok(page.events.first().map(|event| event.recorded_at))
}

fn parts(status: &Status) -> impl Iterator<Item = (&Generation, &Part)> {
    status
        .generations
        .iter()
        .flat_map(|generation| generation.parts.iter().map(move |part| (generation, part)))
}

fn rows(status: &Status, lags: &[Lag]) -> Vec<Vec<String>> {
    let row = |(generation, part): (&Generation, &Part)| {
        let lag = lags.iter().find(|lag| lag.generation == generation.number && lag.part == part.number);
        vec![
            status.name.clone(),
            format!("{} {}", generation.number, generation.stage),
            part.number.to_string(),
            part.position.to_string(),
            part.events.to_string(),
            lag.map_or_else(String::new, |lag| match lag.events {
                0 => "0".to_owned(),
                events => format!("{events} ({})", seconds(lag.seconds)),
            }),
            part.events_per_second.to_string(),
            part.parked.to_string(),
            state(status, generation, part),
        ]
    };
    parts(status).map(row).collect()
}

fn seconds(seconds: f64) -> String {
    match seconds {
        ..10.0 => format!("{seconds:.1} s"),
        ..600.0 => format!("{seconds:.0} s"),
        ..36_000.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.0} h", seconds / 3600.0),
    }
}

/// One word, and the last error where there is one.
fn state(status: &Status, generation: &Generation, part: &Part) -> String {
    let held = part.owner.is_some() && part.lease_until.is_some_and(|until| until > status.now);
    let word = match generation.stage {
        Stage::Retired => "kept",
        _ if part.stopped => "stopped",
        _ if status.paused => "paused",
        _ if held => "running",
        _ => "idle",
    };
    match &part.error {
        Some(error) => format!("{word}: {error}"),
        None => word.to_owned(),
    }
}

/// One line a metric and part, in the text format of Prometheus
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
fn measure(text: &mut String, status: &Status, lags: &[Lag]) {
    let quoted = status.name.replace('\\', "\\\\").replace('"', "\\\"");
    for (generation, part) in parts(status).filter(|(generation, _)| generation.stage != Stage::Retired) {
        let labels = format!(
            "projection=\"{quoted}\",generation=\"{}\",stage=\"{}\",part=\"{}\"",
            generation.number, generation.stage, part.number
        );
        let lag = lags.iter().find(|lag| lag.generation == generation.number && lag.part == part.number);
        let mut metric = |name: &str, value: f64| {
            let _ = writeln!(text, "annals_projection_{name}{{{labels}}} {value}");
        };
        metric("position", part.position.0 as f64);
        metric("events_total", part.events as f64);
        metric("events_per_second", part.events_per_second as f64);
        metric("parked_events", part.parked as f64);
        metric("stopped", f64::from(u8::from(part.stopped)));
        if let Some(lag) = lag {
            metric("lag_events", lag.events as f64);
            metric("lag_seconds", lag.seconds);
        }
    }
}
