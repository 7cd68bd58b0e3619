//! The chores of this repository: `cargo xtask test | lint | tidy | loc | servers`. Plain std, so that it builds in a moment.

mod loc;
mod mcp_client;
mod servers;
mod test;
mod tidy;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test      everything that is tested: unit, integration, conformance and crash tests, end to end, doc tests,
            examples, the documentation's commands; on real servers where a backend needs one
  lint      format, clippy with warnings denied, documentation with warnings denied, tidy
  tidy      rules of this repository: imports between layers, a test for every rule of the contract, no leftovers
  loc       the lines a user writes for the bank account, dense and formatted
  servers   the database servers of the tests, until Ctrl-C; prints the variables by which tests find them
";

/// What went wrong, as one line.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let outcome = match command.as_deref() {
        Some("test") => test::run(),
        Some("lint") => lint(),
        Some("tidy") => tidy::run(),
        Some("loc") => loc::run(),
        Some("servers") => servers::run(),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            say(&what);
            ExitCode::FAILURE
        }
    }
}

fn lint() -> Outcome {
    cargo(&["fmt", "--all", "--check"], &[])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"], &[])?;
    // The library alone, as those see it who turn everything off.
    cargo(&["clippy", "-p", "annals", "--no-default-features", "--", "-D", "warnings"], &[])?;
    cargo(
        &["doc", "--workspace", "--no-deps", "--all-features", "--quiet"],
        &[("RUSTDOCFLAGS", "-D warnings")],
    )?;
    tidy::run()
}

fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

fn say(line: &str) {
    // Nobody is left to tell when this fails.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Runs cargo in the workspace and shows what it runs.
fn cargo(args: &[&str], env: &[(&str, &str)]) -> Outcome {
    run(cargo_command(args).envs(env.iter().copied()), &format!("cargo {}", args.join(" ")))
}

fn cargo_command(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

fn run(command: &mut Command, name: &str) -> Outcome {
    say(&format!("\n>>> {name}"));
    match command.current_dir(root()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("failed ({status}): {name}")),
        Err(e) => Err(format!("could not run {name}: {e}")),
    }
}
