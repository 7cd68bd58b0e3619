//! The command-line tool `annals`: one file for each subcommand, all printing in `output`, every way to fail
//! in `failure`.

mod advise;
mod append;
mod audit;
mod before;
mod check;
mod cloudevent;
mod completions;
mod copy;
mod demo;
mod diff;
#[cfg(all(test, feature = "mcp"))]
mod documented;
mod events;
mod explain;
mod export;
mod failure;
mod filter;
mod fit;
mod generate;
mod import;
mod live;
#[cfg(feature = "mcp")]
mod mcp;
mod modelled;
mod new;
mod output;
mod project;
mod projection;
mod read;
mod sample;
mod schema;
mod stats;
mod streams;
mod tail;
mod target;
mod transfer;
mod types;
mod verify;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use self::failure::Failure;
use self::target::Target;

/// Event sourcing on the database you already run.
#[derive(Debug, Parser)]
#[command(name = "annals", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// The store, such as sqlite:orders.db.
    #[arg(long, value_name = "URL", global = true, env = "ANNALS_STORE", hide_env_values = true)]
    store: Option<String>,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Environment:
  ANNALS_STORE  the store, where --store is not given

Stores:
  sqlite:orders.db                 a file
  sqlite:orders.db?namespace=eu    a store of its own in that file; on the others too
  postgres://user@host/database    PostgreSQL; see docs/guide/postgres.md
  mysql://user@host/database       MySQL or MariaDB; see docs/guide/mysql.md
  sqlserver://user@host/database   SQL Server or Azure SQL; see docs/guide/sqlserver.md
  memory:                          a store that ends with the command
  Commands that write create a missing store, reading commands do not.

Exit status:
  0    done; also when the reader of the output went away, and when Ctrl-C ends tail
  1    refused: a conflict, an invalid request, an unsupported one, damaged data, a failed check
  2    usage: a wrong option or value, a malformed store URL, no store given
  3    the store cannot be reached, or there is no store at that place
  4    the outcome is not known: run the command again with the same event id
  130  import or copy was interrupted by Ctrl-C: what was written stays, run it again to go on

Example:
  export ANNALS_STORE=sqlite:orders.db
  annals append order-1 order-placed '{\"customer\":\"ada\"}'
  annals read order-1";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Append(append::Args),
    Read(read::Args),
    Audit(audit::Args),
    Tail(tail::Args),
    Streams(streams::Args),
    Types(types::Args),
    Events(events::Args),
    Stats(stats::Args),
    Advise(advise::Args),
    Import(import::Args),
    Export(export::Args),
    Copy(copy::Args),
    Project(project::Args),
    Projection(projection::Args),
    New(new::Args),
    Check(check::Args),
    Sample(sample::Args),
    Diff(diff::Args),
    Explain(explain::Args),
    Fit(fit::Args),
    Generate(generate::Args),
    Verify(verify::Args),
    #[cfg(feature = "mcp")]
    Mcp(mcp::Args),
    Schema(schema::Args),
    Completions(completions::Args),
    /// What a rule of `verify` starts.
    #[command(name = verify::WORKER, hide = true)]
    ConformanceWorker,
}

fn main() -> ExitCode {
    let matches = Cli::command().try_get_matches().unwrap_or_else(|e| shortened(e).exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
    // The environment names a store for all commands; on the command line it is meant for this one.
    let named = matches.value_source("store") == Some(ValueSource::CommandLine);
    if named && matches!(cli.command, Command::Demo(_)) {
        let failure = Failure::usage("the demo makes a store of its own and takes no --store")
            .hint("leave it out, or say with --dir where the demo's files go");
        return output::failed(&failure);
    }
    if named && matches!(cli.command, Command::New(_)) {
        let failure = Failure::usage("a model begins from what --from names, and --store says nothing to it")
            .hint("annals new --from URL");
        return output::failed(&failure);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return output::failed(&Failure::refused("could not start", e)),
    };
    let done = runtime.block_on(run(cli.command, Target::new(cli.store)));
    // A thread may be waiting for input that never comes; everything that was acknowledged is on disk.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output::failed(&failure),
    }
}

/// The error without most of a value that is too long to be seen whole.
fn shortened(mut error: clap::Error) -> clap::Error {
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        if let Some(ContextValue::String(value)) = error.get(kind) {
            let short = output::short(value);
            error.insert(kind, ContextValue::String(short));
        }
    }
    error
}

async fn run(command: Command, target: Target) -> Result<(), Failure> {
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Append(args) => append::run(args, &target).await,
        Command::Read(args) => read::run(args, &target).await,
        Command::Audit(args) => audit::run(args, &target).await,
        Command::Tail(args) => tail::run(args, &target).await,
        Command::Streams(args) => streams::run(args, &target).await,
        Command::Events(args) => events::run(args, &target).await,
        Command::Types(args) => types::run(args, &target).await,
        Command::Stats(args) => stats::run(args, &target).await,
        Command::Advise(args) => advise::run(args, &target).await,
        Command::Import(args) => import::run(args, &target).await,
        Command::Export(args) => export::run(args, &target).await,
        Command::Copy(args) => copy::run(args, &target).await,
        Command::Schema(args) => schema::run(args, &target).await,
        Command::Project(args) => project::run(args, &target).await,
        Command::Projection(args) => projection::run(args, &target).await,
        Command::New(args) => new::run(args).await,
        Command::Check(args) => check::run(args, &target).await,
        Command::Sample(args) => sample::run(args, &target).await,
        Command::Diff(args) => diff::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Fit(args) => fit::run(args),
        Command::Generate(args) => generate::run(&args),
        #[cfg(feature = "mcp")]
        Command::Mcp(args) => mcp::run(&args, &target).await,
        Command::Verify(args) => verify::run(args, &target).await,
        Command::Completions(args) => completions::run(args),
        Command::ConformanceWorker => verify::work_for_rule(&target).await,
    }
}
