//! `annals mcp`: this program's own commands as the tools of a Model Context Protocol server on standard input and
//! output. A tool's call becomes a command line and runs as a process of its own: nothing is written twice, and a
//! crash of one takes no server down. Standard output is the protocol's; everything else goes to standard error.

mod call;
mod inline;
mod place;
mod prompts;
mod resources;
mod secret;
mod server;
mod tools;
mod transport;

use std::time::Duration;

use rmcp::ServiceExt as _;
use tokio::sync::watch;

use crate::failure::Failure;
use crate::target::Target;

use self::call::Calls;
use self::server::Server;
use self::transport::Stdio;

/// Serve an agent: a Model Context Protocol server on standard input and output.
///
/// Seven tools, each a command of this program: check, explain, fit, diff, generate, verify and sample. The pages of the
/// rules and of the databases and the schema of model files are resources; design, review and should-i are prompts.
/// Nothing is written into a store: verify works in scratch namespaces that it drops again, and only in the database that
/// its call names. docs/guide/agents.md says how a client is told of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals mcp                                          what a client starts
  ANNALS_STORE=postgres://reader@db.example/shop annals mcp
                                                      check and sample look at this store where a call names none")]
pub(crate) struct Args {
    /// End a call that takes longer.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

pub(crate) async fn run(args: &Args, target: &Target) -> Result<(), Failure> {
    let store = if target.is_named() { Some(target.url()?.to_owned()) } else { None };
    let program = std::env::current_exe()
        .map_err(|e| Failure::refused("could not find this program to start it again", e))?;
    let (end, ending) = watch::channel(false);
    let calls = Calls::new(program, store, Duration::from_secs(args.timeout), ending.clone());
    let transport = Stdio::new(end.clone());
    let signalled = tokio::spawn(async move {
        told_to_end().await;
        end.send_replace(true);
    });
    let mut ended = ending;
    let served = async {
        // What goes wrong here is that the client left before it had said what it wants.
        if let Ok(service) = Server::new(calls.clone()).serve(transport).await {
            let _ = service.waiting().await;
        }
    };
    tokio::select! {
        () = served => {}
        _ = ended.wait_for(|ended| *ended) => calls.all_ended().await,
    }
    signalled.abort();
    Ok(())
}

/// Waits for Ctrl-C, or for the signal by which clients end a server that does not end by itself.
async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
