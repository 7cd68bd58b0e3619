//! `annals verify`: the contract proved on a real database, one stream of a model proved there, or the hash chain of the
//! store itself followed.

mod by_model;

use std::process::Command;

use annals::ErrorKind;
use annals::testing::conformance::{Harness as _, Outcome, RULES, Report, Suite, Urls, work};

use crate::failure::Failure;
use crate::output::{self, Lines, Progress, quoted};
use crate::target::Target;

/// Prove the contract on the database of a store, rule by rule.
///
/// The rules run in scratch namespaces beside the store, which are dropped again; the store itself is not
/// touched. An SQLite file keeps the space that they took, for later events; VACUUM gives it back. Each rule is printed with what was done and measured. What the database lacks must be refused by
/// name; what cannot be tried without harming a server is listed as not run, and a rule of which only a part was
/// tried as partly. Some rules start further
/// processes, stop them and kill them.
///
/// With --model one concrete stream is taken from the examples of a model instead, and proved in a scratch namespace:
/// its order, a stale write, a repeated one, replay, each read model delivered to twice and built anew. What was measured
/// stands beside it, and at the end what the model leaves open of retention, privacy and evolution.
///
/// With --chain the store itself is read instead, and its hash chain followed from the first event to the
/// last.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals verify --store sqlite:orders.db
  annals verify --store sqlite:orders.db --rule 9 --rule 16
  annals verify --store sqlite:orders.db --model annals.yaml
  annals verify --store postgres://app@localhost/shop --model . --stream order
  annals verify --store sqlite:orders.db --chain

Exit status 1 when a rule or a step fails or the chain is broken.")]
pub(crate) struct Args {
    /// Only this rule, by its number; several may be given.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..=24), conflicts_with = "chain")]
    rule: Vec<u8>,
    /// The model whose stream is proved, a file or a folder.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["rule", "chain"])]
    model: Option<String>,
    /// Which stream of the model; the one that its examples say most of where it is left out.
    #[arg(long, value_name = "NAME", requires = "model")]
    stream: Option<String>,
    /// Follow the hash chain of the store itself.
    #[arg(long)]
    chain: bool,
    /// Print one JSON object a rule, a step or a question.
    #[arg(long)]
    json: bool,
}

/// The hidden command of the processes that rules start.
pub(crate) const WORKER: &str = "conformance-worker";

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    match &args.model {
        Some(model) => by_model::run(model, args.stream.as_deref(), args.json, target).await,
        None if args.chain => follow_chain(target, args.json).await,
        None => prove(&args, target).await,
    }
}

/// What a process started by a rule does.
pub(crate) async fn work_for_rule(target: &Target) -> Result<(), Failure> {
    Ok(work(&harness(target)?).await?)
}

fn harness(target: &Target) -> Result<Urls, Failure> {
    Urls::new(target.url()?).map_err(Failure::malformed_url)
}

/// A mistyped path is not to become a file. A database without a store will do.
async fn refuse_missing(target: &Target) -> Result<(), Failure> {
    match target.open_unjudged().await? {
        Err(e) if e.kind() == ErrorKind::Unavailable => Err(Failure::connect(target.url()?, e)),
        _ => Ok(()),
    }
}

async fn prove(args: &Args, target: &Target) -> Result<(), Failure> {
    let harness = harness(target)?;
    refuse_missing(target).await?;
    // A store that cannot be reached is no failed rule.
    let scratch = harness.fresh();
    let url = target.url()?;
    harness.open(&scratch).await.map(drop).map_err(|e| Failure::connect(url, e))?;
    harness.finish(&scratch).await;
    let for_workers = url.to_owned();
    let program = std::env::current_exe()
        .map_err(|e| Failure::refused("could not find this program to start it again", e))?;
    let suite = Suite::new(harness).with_worker(move || {
        let mut command = Command::new(&program);
        command.args(["--store", &for_workers, WORKER]);
        command
    });
    let mut out = Lines::stdout();
    let rules: Vec<_> =
        RULES.iter().filter(|rule| args.rule.is_empty() || args.rule.contains(&rule.number)).collect();
    let (mut passed, mut partly, mut refused, mut not_run, mut failed) = (0, 0, 0, 0, 0);
    for rule in rules {
        let progress = Progress::waiting(&format!("rule {}: {}", rule.number, rule.promise));
        let report = suite.check(rule).await;
        progress.clear();
        match &report.result {
            Ok(Outcome::Passed { .. }) => passed += 1,
            Ok(Outcome::Partly { .. }) => partly += 1,
            Ok(Outcome::Refused { .. }) => refused += 1,
            Ok(Outcome::NotRun { .. }) => not_run += 1,
            Err(_) => failed += 1,
        }
        if args.json { out.object(&as_json(&report))? } else { print(&mut out, &report)? }
    }
    let summary = format!(
        "{passed} passed, {partly} partly, {refused} refused by name, {not_run} not run, {failed} failed"
    );
    if !args.json {
        out.say(&summary)?;
    }
    if let Some(place) = url.strip_prefix("sqlite:") {
        let file = quoted(place.split('?').next().unwrap_or(place));
        output::note(&format!(
            "the file keeps the space of the scratch namespaces for later events; to give it back: \
             sqlite3 {file} VACUUM"
        ));
    }
    if failed > 0 {
        return Err(Failure::check(summary).hint("do not keep events in this database before that is mended"));
    }
    out.finish()
}

/// How a rule ended, and what there is to say about it.
fn outcome(report: &Report) -> (&'static str, String) {
    match &report.result {
        Ok(Outcome::Passed { figure }) => ("ok", figure.clone()),
        Ok(Outcome::Partly { figure, untried }) => ("partly", format!("{figure}; not tried here: {untried}")),
        Ok(Outcome::Refused { capability }) => ("refused", format!("the store does not offer {capability}")),
        Ok(Outcome::NotRun { reason }) => ("not run", reason.clone()),
        Err(failure) => ("FAILED", failure.to_string()),
    }
}

fn print(out: &mut Lines, report: &Report) -> Result<(), Failure> {
    let (result, figure) = outcome(report);
    let seconds = report.took.as_secs_f64();
    out.say(&format!("{:>2}  {result:<7}  {}", report.rule.number, report.rule.promise))?;
    out.say(&format!("             {figure} ({seconds:.1} s)"))?;
    if report.result.is_err() {
        out.say(&format!("             ANNALS_SEED={} repeats its random choices", report.seed))?;
    }
    Ok(())
}

fn as_json(report: &Report) -> serde_json::Value {
    let (result, figure) = outcome(report);
    serde_json::json!({
        "rule": report.rule.number,
        "name": report.rule.name,
        "promise": report.rule.promise,
        "result": result.to_lowercase(),
        "figure": figure,
        "seconds": report.took.as_secs_f64(),
        "seed": report.seed,
    })
}

async fn follow_chain(target: &Target, json: bool) -> Result<(), Failure> {
    let store = target.open().await?;
    let formula = store.backend().hash_formula().map(annals::backend::HashFormula::name);
    let progress = Progress::positions(store.head().await?.position.0, false);
    let report = store.verify_chain(|events| progress.reach(events)).await;
    progress.clear();
    let report = report?;
    let mut out = Lines::stdout();
    if json {
        out.object(&serde_json::json!({
            "formula": formula,
            "events": report.events,
            "broken_at": report.broken.as_ref().map(|broken| broken.position),
            "what": report.broken.as_ref().map(|broken| broken.what),
        }))?;
    }
    match report.broken {
        Some(broken) => {
            let broken = format!("the hash chain breaks at position {}: {}", broken.position, broken.what);
            Err(Failure::check(broken)
                .hint("compare the event with a backup; nothing after it is proved either"))
        }
        None if json => out.finish(),
        None => {
            let formula = formula.unwrap_or("none");
            out.say(&format!("{} events, an unbroken chain ({formula})", report.events))
        }
    }
}
