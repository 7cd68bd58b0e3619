//! `annals diff`: what of the old model's events, callers and readers works with the new one.

use annals_model::diff::{Level, diff, show};
use annals_model::text::Texts;
use clap::ValueEnum;

use crate::before::Before;
use crate::failure::Failure;
use crate::modelled::Modelled;
use crate::output::{self, Lines};

/// Compare two versions of a model: what is stored, called or promised, and not read, answered or kept any more.
///
/// Every version of an event that may be stored is taken through the upcasts of the new model. Where that fails, the
/// upcast that is missing is named, with what it has to do. Tags, streams, privacy, retention, commands and read models
/// are compared too.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals diff git:main                    the model in this folder, and as it is on main
  annals diff git:v1.2 orders/annals.yaml
  annals diff old.yaml new.yaml
  annals diff git:origin/main --format markdown

Exit status:
  0  compatible: nothing that worked stops working, though a read model may have to be rebuilt
  1  breaking, or a model that is not understood
  2  usage: no model at that place")]
pub(crate) struct Args {
    /// The model as it was: a file, a folder, or git:REV for the new one's place at a revision.
    #[arg(value_name = "OLD", required_unless_present = "against")]
    old: Option<String>,
    /// The model as it is; this folder where none is given.
    #[arg(value_name = "NEW")]
    new: Option<String>,
    /// The same as OLD, as `annals check` has it; what else is given is NEW.
    #[arg(long, value_name = "PATH|git:REV", conflicts_with = "new")]
    against: Option<Before>,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// One JSON object.
    Json,
    /// Markdown, for a comment.
    #[value(alias = "md")]
    Markdown,
}

/// How wide the text is that goes to no terminal.
const WIDTH: usize = 100;

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let (old, new) = match args.against {
        Some(against) => (against, args.old),
        None => {
            let old = args.old.unwrap_or_default();
            (old.parse().map_err(|e: String| Failure::usage(e).hint("annals diff git:main"))?, args.new)
        }
    };
    let new: Vec<String> = new.into_iter().collect();
    let now = Modelled::at(&new)?;
    let mut texts = Texts::default();
    let files = old.read(&new, &mut texts)?;
    let before = Modelled::understood(texts, &files, Vec::new()).map_err(|e| {
        e.at(&old.to_string()).hint("mend what is told above, or compare with a revision that is understood")
    })?;
    let diff = diff(&before.model, &now.model);
    let text = match args.format {
        _ if args.json => show::json(&diff),
        Format::Human => show::human(&diff, output::terminal_width().unwrap_or(WIDTH)),
        Format::Json => show::json(&diff),
        Format::Markdown => show::markdown(&diff),
    };
    let mut out = Lines::stdout();
    out.text(&text)?;
    out.finish()?;
    let failed = |message: String| {
        Err(Failure::check(message).hint("mend them as told, or give what is new another name"))
    };
    match diff.count(Level::Breaking) {
        0 => Ok(()),
        1 => failed("1 breaking change".to_owned()),
        count => failed(format!("{count} breaking changes")),
    }
}
