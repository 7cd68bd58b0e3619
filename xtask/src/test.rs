//! `cargo xtask test`: the README's test command, and what continuous integration runs.

use crate::servers::Servers;
use crate::{Outcome, cargo_command, run as run_command, say, tidy};

pub(crate) fn run() -> Outcome {
    let (servers, built) = Servers::start(|servers| cargo(servers, &[TEST, &["--no-run"]].concat()))?;
    let tested = built.and_then(|()| test(&servers));
    let skipped = servers.skipped();
    let skipped = if skipped.is_empty() { "nothing".to_owned() } else { skipped.join("; ") };
    tested.and_then(|()| servers.failed()).map_err(|what| format!("{what}\nskipped: {skipped}"))?;
    drop(servers);
    say(&format!("\nall tests passed; skipped: {skipped}"));
    Ok(())
}

const TEST: &[&str] = &["test", "--workspace", "--all-features", "--no-fail-fast"];

fn test(servers: &Servers) -> Outcome {
    cargo(servers, TEST)?;
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
