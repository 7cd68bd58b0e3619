//! `cargo xtask test`: the README's test command, and what continuous integration runs.

use crate::{Outcome, cargo, say, tidy};

pub(crate) fn run() -> Outcome {
    // SQLite is bundled and memory needs nothing, so there is no server to install or start yet.
    cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"], &[])?;
    // What a user gets who turns everything off must build as well.
    cargo(&["check", "--quiet", "-p", "annals", "--no-default-features"], &[])?;
    cargo(&["run", "--quiet", "--", "demo", "--orders", "200"], &[])?;
    cargo(&["run", "--quiet", "--", "verify", "--store", "memory:verify"], &[])?;
    cargo(&["run", "--quiet", "-p", "bench", "--", "--quick"], &[])?;
    tidy::run()?;
    say("\nall tests passed; skipped: nothing");
    Ok(())
}
