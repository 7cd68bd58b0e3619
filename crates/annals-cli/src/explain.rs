//! `annals explain`: the page of a rule, offline.

use annals_model::explain::{Plain, explain, list, meant, plain};
use annals_model::rules;

use crate::failure::Failure;
use crate::output::{self, Lines};

/// Explain a rule of `annals check`: what it looks for, why that hurts, how to mend it, when to leave it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals explain AN203
  annals explain guard-with-null
  annals explain            every rule, one a line")]
pub(crate) struct Args {
    /// The rule, by its id or its name.
    #[arg(value_name = "RULE")]
    rule: Option<String>,
    /// Print the page as Markdown.
    #[arg(long)]
    markdown: bool,
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let mut out = Lines::stdout();
    let Some(word) = args.rule else {
        out.text(&list())?;
        return out.finish();
    };
    let Some(rule) = rules::find(&word) else {
        let meant: Vec<String> =
            meant(&word).iter().map(|rule| format!("{} {}", rule.id, rule.name)).collect();
        let hint = match meant.is_empty() {
            true => "`annals explain` lists them".to_owned(),
            false => format!("did you mean {}?", meant.join(", or ")),
        };
        return Err(Failure::usage(format!("no rule is called {word:?}")).hint(hint));
    };
    let terminal = output::terminal_width();
    match args.markdown {
        true => out.text(&explain(rule))?,
        false => {
            let colour = terminal.is_some() && output::has_colours();
            out.text(&plain(rule, &Plain { colour, width: terminal.unwrap_or(100) }))?;
        }
    }
    out.finish()
}
