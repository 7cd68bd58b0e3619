//! `cargo xtask test`: the README's test command, and what continuous integration runs.

use std::path::PathBuf;

use crate::mcp_client::{self, Client};
use crate::servers::{REQUIRE, Servers};
use crate::{Outcome, cargo_command, run as run_command, say, tidy};

pub(crate) fn run() -> Outcome {
    let (servers, built) = Servers::start(|servers| cargo(servers, &[TEST, &["--no-run"]].concat()))?;
    let (client, got) = match mcp_client::get() {
        Ok(client) => (client, Ok(())),
        Err(why) => (Client::Skipped(why.clone()), Err(format!("there is no official client of MCP: {why}"))),
    };
    let tests = Tests { servers: &servers, client: &client };
    let tested = built.and_then(|()| test(&tests));
    let mut skipped = servers.skipped();
    if let Client::Skipped(why) = &client {
        skipped.push(format!("an official client of MCP: {why}"));
    }
    let skipped = if skipped.is_empty() { "nothing".to_owned() } else { skipped.join("; ") };
    tested.and_then(|()| servers.failed()).and(got).map_err(|what| format!("{what}\nskipped: {skipped}"))?;
    drop(servers);
    say(&format!("\nall tests passed; skipped: {skipped}"));
    Ok(())
}

const TEST: &[&str] = &["test", "--workspace", "--all-features", "--no-fail-fast"];

/// What tests need beside the code.
struct Tests<'t> {
    servers: &'t Servers,
    client: &'t Client,
}

impl Tests<'_> {
    /// What they are told: where everything is, and what has to be there.
    fn environment(&self) -> Vec<(String, String)> {
        let mut environment = self.servers.environment();
        let python = match self.client {
            Client::Python(python) => Some(PathBuf::clone(python)),
            Client::Given => None,
            Client::Skipped(_) => return environment,
        };
        let required = environment.iter_mut().find(|(name, _)| name == REQUIRE);
        if let Some((_, modules)) = required {
            *modules = format!("{modules},{}", mcp_client::MODULE);
        }
        let python = python.map(|python| (mcp_client::VARIABLE.to_owned(), python.display().to_string()));
        environment.extend(python);
        environment
    }
}

fn test(tests: &Tests<'_>) -> Outcome {
    let servers = tests.servers;
    let mut command = cargo_command(TEST);
    command.envs(tests.environment());
    run_command(servers.adopt(&mut command), &format!("cargo {}", TEST.join(" ")))?;
    // What a user gets who turns everything off must build as well.
    cargo(servers, &["check", "--quiet", "-p", "annals", "--no-default-features"])?;
    // Each database alone as well.
    for feature in ["sqlite", "postgres", "mysql", "sqlserver"] {
        cargo(
            servers,
            &["check", "--quiet", "-p", "annals", "--no-default-features", "--features", feature],
        )?;
    }
    cargo(servers, &["run", "--quiet", "--", "demo", "--orders", "200"])?;
    cargo(servers, &["run", "--quiet", "--", "verify", "--store", "memory:verify"])?;
    cargo(servers, &["run", "--quiet", "-p", "bench", "--", "--quick"])?;
    tidy::run()
}

/// Runs cargo with the servers, for as long as this process lives.
fn cargo(servers: &Servers, args: &[&str]) -> Outcome {
    let mut command = cargo_command(args);
    command.envs(servers.environment());
    run_command(servers.adopt(&mut command), &format!("cargo {}", args.join(" ")))
}
