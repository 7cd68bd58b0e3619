//! `annals completions`: what the shell needs to complete commands and options.

use clap::CommandFactory;

use crate::failure::Failure;
use crate::output::Output;

/// Print a shell's completion script.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  annals completions bash > ~/.local/share/bash-completion/completions/annals")]
pub(crate) struct Args {
    /// The shell.
    shell: clap_complete::Shell,
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::Cli::command(), "annals", &mut script);
    Output::new(false).script(&script)
}
