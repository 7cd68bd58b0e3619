//! `annals demo`: a domain, a store, a read model, and one stream verified in front of the user.

mod generate;
mod order;
mod summary;
mod verify;

use std::path::PathBuf;
use std::time::Instant;

use annals::EventStore;
use annals::project::Projector;
use annals::sqlite;

use crate::failure::Failure;
use crate::output::{Lines, quoted};

use self::summary::OrderSummary;

/// Fill a fresh store with orders, project them, and verify one stream before your eyes.
///
/// Everything is real and stays: an SQLite store, a read model in SQLite tables, and the events, which every
/// other command can look at. The demo always makes a store of its own and takes no --store.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  annals demo --orders 500 --seed 7")]
pub(crate) struct Args {
    /// A directory for the files, which must not hold a demo yet; a new temporary one unless given.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// How many orders, from 20 to 1000000.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    orders: u32,
    /// What the orders are made from; the same seed makes the same orders.
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let dir = directory(args.dir)?;
    let (events, views) = (dir.join("orders.db"), dir.join("views.db"));
    let url = store_url(&events)?;
    let mut out = Lines::stdout();

    let store = EventStore::connect(&url).await?;
    out.say(&format!("A fresh store: {url}"))?;
    let start = Instant::now();
    let commands = generate::generate(&store, args.orders, args.seed).await?;
    let stats = store.stats().await?;
    let seconds = start.elapsed().as_secs_f64();
    out.say(&format!(
        "{commands} commands on {} orders, {} events, each durable before it was answered: {seconds:.1} s",
        args.orders, stats.events
    ))?;

    let start = Instant::now();
    let projector = Projector::new(store.clone()).with(sqlite::target(&views, OrderSummary::new()?));
    let projected = projector.catch_up().await?;
    let seconds = start.elapsed().as_secs_f64();
    out.say(&format!("The read model order_summary took in {projected} events: {seconds:.1} s"))?;
    out.say("")?;
    let rows = summary::rows(&views).map_err(|e| Failure::refused("could not read the read model", e))?;
    out.say(&format!("  {:<10}  {:>7}  {:>12}", "status", "orders", "total"))?;
    for (status, orders, cents) in summary::by_status(&rows) {
        out.say(&format!("  {status:<10}  {orders:>7}  {:>12}", money(cents)))?;
    }
    out.say("")?;

    verify::verify(&store, &projector, &views, &rows, &mut out).await?;

    out.say("")?;
    for line in QUESTIONS {
        out.say(line)?;
    }
    let tool = std::env::args().next().unwrap_or_else(|| "annals".to_owned());
    out.say("")?;
    out.say("The files:")?;
    out.say(&format!("  events  {}", events.display()))?;
    out.say(&format!("  views   {}", views.display()))?;
    out.say("")?;
    out.say("What to try next:")?;
    let store = quoted(&url);
    out.say(&format!("  export ANNALS_STORE={store}"))?;
    for next in [
        "read order-17",
        "read --all --type order-cancelled --limit 5 --backward",
        "read --all --tag customer:ada --limit 5",
        "stats",
        "export --output orders.ndjson",
    ] {
        out.say(&format!("  {tool} {next}"))?;
    }
    out.say("")?;
    out.say("In two terminals, one that follows and one that writes:")?;
    // Each names the store, since what is exported in one terminal is not known in another.
    out.say(&format!("  {tool} tail --store {store}"))?;
    out.say(&format!("  {tool} append --store {store} \\"))?;
    out.say(r#"    order-17 order-cancelled '{"order":17,"reason":"demo"}'"#)?;
    out.finish()
}

/// What an event store leaves for its owner to decide, and where the answer begins.
const QUESTIONS: &[&str] = &[
    "This store leaves open what only you can decide:",
    "  retention         How long does each kind of event have to be kept, and may it ever be dropped?",
    "  privacy           customer is a name: what happens to it when a person asks to be forgotten?",
    "  schema evolution  What will line-added look like in two years? Each shape ever stored stays",
    "                    readable through upcasts; when is an old one rewritten instead?",
];

fn directory(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let dir = given.unwrap_or_else(|| {
        let id = annals::EventId::new().to_string();
        std::env::temp_dir().join(format!("annals-demo-{}", &id[..13]))
    });
    let failed = |e| Failure::refused(format!("could not create {}", dir.display()), e);
    std::fs::create_dir_all(&dir).map_err(failed)?;
    for name in ["orders.db", "views.db"] {
        if dir.join(name).exists() {
            return Err(Failure::usage(format!("{} already holds {name}", dir.display()))
                .hint("give a directory without a demo in it, or none"));
        }
    }
    Ok(dir)
}

fn store_url(path: &std::path::Path) -> Result<String, Failure> {
    let path = path
        .to_str()
        .ok_or_else(|| Failure::usage(format!("{} is not UTF-8, so no URL can name it", path.display())))?;
    Ok(format!("sqlite:{}", path.replace('%', "%25").replace('?', "%3F")))
}

pub(crate) fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
