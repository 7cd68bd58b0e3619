//! One workload definition over every store, side by side in one run. Rounds go over the subjects in turn
//! (A B C A B C …), so that a disk or a neighbour that slows down slows all of them; the medians of the
//! rounds are reported. See README.md.

mod check;
mod decode;
mod deposits;
mod grow;
mod load;
mod machine;
mod order;
mod processes;
mod project;
mod report;
mod subject;
mod workload;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::machine::Machine;
use crate::report::{Cell, Report};
use crate::subject::{Kind, Outcome};
use crate::workload::{Size, Workload};

#[derive(Debug, Parser)]
#[command(about = "Measures every store with the same workloads, side by side in one run")]
struct Arguments {
    /// Only workloads or subjects whose name contains one of these, such as append-1-w64,sqlite,plain
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Seconds that each workload runs on each subject in each round
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Rounds over all subjects
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// A smoke run of a few seconds: one round, little data, figures without meaning
    #[arg(long)]
    quick: bool,
    /// Also write the result as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the stores are put, each in a temporary directory; its disk is what is measured
    #[arg(long, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,
    /// Instead of workloads: load so many events into PostgreSQL, compare appends there with appends to a log
    /// of 100,000, and show the plan of every statement; 10000000 take some minutes and 10 GB
    #[arg(long, value_name = "EVENTS")]
    grow: Option<u64>,
    /// Instead of workloads: load so many events into SQLite, and into PostgreSQL if ANNALS_POSTGRES names one, and
    /// compare a read model that takes them in with a loop by hand, and with other event stores if ANNALS_BENCH_PEERS
    /// names their program
    #[arg(long, value_name = "EVENTS")]
    project: Option<u64>,
    /// Instead of workloads: review a model of 500 event types and DDL of 10,000 lines, and say how long that takes
    #[arg(long)]
    check: bool,
    /// What this process has to do for one that measures with several
    #[arg(long, hide = true, value_name = "JSON")]
    share: Option<String>,
}

impl Arguments {
    fn size(&self) -> Outcome<Size> {
        if self.quick {
            let time = Duration::from_millis(30);
            return Ok(Size { time, warm_up: time / 10, stored_events: 1_000, many_stored_events: 2_000 });
        }
        let time = Duration::try_from_secs_f64(self.seconds)?;
        Ok(Size { time, warm_up: time / 4, stored_events: 50_000, many_stored_events: 1_000_000 })
    }

    /// A word chooses workloads where it fits the name of one, and otherwise subjects.
    fn chosen(&self) -> Outcome<(Vec<Workload>, Vec<Kind>)> {
        let usual = || Workload::ALL.into_iter().filter(|workload| !workload.is_long());
        let (mut workloads, mut kinds) = (Vec::new(), Vec::new());
        for word in &self.only {
            // A whole name means that one and not those it begins.
            let exact = Workload::ALL.into_iter().filter(|workload| workload.name() == *word);
            let mut fits: Vec<_> = exact.collect();
            if fits.is_empty() {
                fits.extend(usual().filter(|workload| workload.name().contains(word)));
            }
            let named = Kind::all().find(|kind| kind.name() == word);
            if fits.is_empty() && named.is_none() {
                return Err(format!("nothing is called {word:?}").into());
            }
            workloads.extend(fits);
            kinds.extend(named);
        }
        if workloads.is_empty() {
            workloads.extend(usual());
        }
        if kinds.is_empty() {
            kinds.extend(Kind::all());
        }
        Ok((workloads, kinds))
    }
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    if let Some(share) = &arguments.share {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(processes::take_part(serde_json::from_str(share)?));
    }
    if arguments.check {
        return check::run(arguments.rounds.max(1));
    }
    if let Some(events) = arguments.grow {
        let server = Kind::Postgres.server_url()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(grow::run(&server, events));
    }
    if let Some(events) = arguments.project {
        let parent = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
        let directory = tempfile::Builder::new().prefix("annals-bench-").tempdir_in(&parent)?;
        let server = Kind::Postgres.server_url().ok();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let work = project::run(directory.path(), server.as_deref(), events, arguments.rounds.max(1));
        return runtime.block_on(work);
    }
    let (workloads, kinds) = arguments.chosen()?;
    let size = arguments.size()?;
    let rounds = if arguments.quick { 1 } else { arguments.rounds.max(1) };
    let parent = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);

    let mut cells: Vec<(Workload, Vec<Cell>)> = workloads
        .into_iter()
        .map(|workload| (workload, kinds.iter().map(|kind| Cell::new(*kind)).collect()))
        .collect();
    for round in 0..rounds {
        for (workload, cells) in &mut cells {
            for cell in cells {
                progress(&format!(
                    "round {} of {rounds}: {} {}",
                    round + 1,
                    workload.name(),
                    cell.kind.name()
                ));
                let directory = tempfile::Builder::new().prefix("annals-bench-").tempdir_in(&parent)?;
                // A runtime for each run: nothing that one leaves behind is charged to the next.
                let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
                let run = workload.run(cell.kind, directory.path(), size);
                if let Some(measured) = runtime.block_on(run)? {
                    cell.add(measured);
                }
            }
        }
    }
    progress("");

    let report = Report::new(Machine::at(&parent), size.time.as_secs_f64(), rounds, &cells);
    std::io::stdout().lock().write_all(report.table().as_bytes())?;
    if let Some(file) = arguments.json {
        std::fs::write(file, serde_json::to_vec_pretty(&report)?)?;
    }
    Ok(())
}

/// Says on a terminal what is being measured, on one line that is written over.
fn progress(text: &str) {
    use std::io::IsTerminal;
    let mut stderr = std::io::stderr().lock();
    if stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[K{text}");
    }
}
