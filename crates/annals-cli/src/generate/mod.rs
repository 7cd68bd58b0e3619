//! `annals generate`: what is made of a model, written, printed or compared.

mod files;
mod sql;

use std::path::PathBuf;

use annals_generate::patterns::Database;
use annals_generate::{
    File, Impossible, Origin, asyncapi, catalogue, json_schema, mermaid, patterns, projections, rust,
};
use annals_model::model::Model;
use clap::ValueEnum;
#[cfg(feature = "mcp")]
use schemars::JsonSchema;
#[cfg(feature = "mcp")]
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::modelled::Modelled;
use crate::output::{self, Lines};

/// Make code, tables, schemas, documents and diagrams from a model.
///
/// What is generated says from what it came and is made anew when the model changes; the files that are yours, such as the
/// rules of a decider, are begun once and never touched again. One file is printed unless --out says where it goes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals generate rust --out orders                 a crate: events, commands, deciders to fill in, examples as tests
  annals generate sql --on postgres > schema.sql    the tables of the store
  annals generate projections --on sqlite --out views   read models that `annals project` runs
  annals generate pattern --on mongodb              how events are kept there
  annals generate html > catalogue.html             the event catalogue
  annals generate mermaid --out docs/flow           the flow, each process and each stream as diagrams
  annals generate rust --out orders --check         exit status 1 when it is not up to date")]
pub(crate) struct Args {
    /// What is made.
    #[arg(value_enum)]
    what: What,
    /// The model, files or folders; this folder where none is given.
    #[arg(value_name = "PATH")]
    model: Vec<String>,
    /// The database that sql, pattern and projections are for.
    #[arg(long, value_enum, value_name = "DATABASE")]
    on: Option<On>,
    /// The folder that the files go into.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Write nothing, and say which files are not what the model says now.
    #[arg(long, requires = "out")]
    check: bool,
}

/// What can be made of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[cfg_attr(feature = "mcp", derive(Serialize, Deserialize, JsonSchema), serde(rename_all = "kebab-case"))]
pub(crate) enum What {
    /// Events, states, commands, deciders to be filled in, and the examples as tests.
    Rust,
    /// The tables of a store; --on says for which database.
    Sql,
    /// How a database keeps events, with indexes, partitions and its change feed; --on says which.
    Pattern,
    /// Read models that `annals project` runs.
    Projections,
    /// A JSON Schema for each event.
    JsonSchema,
    /// AsyncAPI of the public events.
    Asyncapi,
    /// Diagrams of Mermaid: the flow; with --out also one for each process and for each stream that closes.
    Mermaid,
    /// The event catalogue as Markdown.
    Markdown,
    /// The event catalogue as one page of HTML.
    Html,
}

/// The databases that something is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[cfg_attr(feature = "mcp", derive(Serialize, Deserialize, JsonSchema), serde(rename_all = "kebab-case"))]
pub(crate) enum On {
    Postgres,
    Mysql,
    Mariadb,
    Sqlite,
    Sqlserver,
    Ansi,
    Mongodb,
    Cosmosdb,
    Eventsourcingdb,
    Kurrentdb,
}

impl From<On> for Database {
    fn from(on: On) -> Self {
        match on {
            On::Postgres => Self::Postgres,
            On::Mysql => Self::Mysql,
            On::Mariadb => Self::Mariadb,
            On::Sqlite => Self::Sqlite,
            On::Sqlserver => Self::Sqlserver,
            On::Ansi => Self::Ansi,
            On::Mongodb => Self::Mongodb,
            On::Cosmosdb => Self::Cosmosdb,
            On::Eventsourcingdb => Self::Eventsourcingdb,
            On::Kurrentdb => Self::Kurrentdb,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let Modelled { model, sources, .. } = match args.what {
        // The tables of a store are the same for every model.
        What::Sql => Modelled::at_if_any(&args.model)?,
        _ => Modelled::at(&args.model)?,
    };
    let origin = Origin { command: command(args), sources };
    let made = made(args, &model, &origin)?;
    if made.is_empty() {
        output::note(nothing(args.what));
    }
    match (&args.out, made.as_slice()) {
        (Some(folder), _) => {
            let folder = files::Folder { path: folder, origin: &origin, again: again(args, &origin) };
            if args.check { folder.compare(&made) } else { folder.write(&made) }
        }
        (None, []) => Ok(()),
        (None, [file]) => {
            let mut out = Lines::stdout();
            out.text(&file.text)?;
            out.finish()
        }
        (None, several) => Err(Failure::usage(format!("this makes {} files", several.len()))
            .hint(format!("say with --out which folder they go into: {}", again(args, &origin)))),
    }
}

/// Why nothing is made.
fn nothing(what: What) -> &'static str {
    match what {
        What::Asyncapi => {
            "no event of the model is public, so there is nothing to say in AsyncAPI; `public: true` makes one so"
        }
        What::JsonSchema => "the model has no event with fields, so there is no schema to make",
        _ => "the model has nothing that this is made of",
    }
}

/// The command as it is typed to write the files.
fn again(args: &Args, origin: &Origin) -> String {
    let out = args.out.as_ref().map_or_else(|| "FOLDER".to_owned(), |out| out.display().to_string());
    let mut words = vec![origin.command.clone()];
    words.extend(args.model.iter().map(|path| output::quoted(path)));
    words.extend(["--out".to_owned(), output::quoted(&out)]);
    words.join(" ")
}

/// What of the command decides about what is made.
fn command(args: &Args) -> String {
    let name = |value: Option<clap::builder::PossibleValue>| {
        value.map(|value| value.get_name().to_owned()).unwrap_or_default()
    };
    let on = args.on.map(|on| format!(" --on {}", name(on.to_possible_value()))).unwrap_or_default();
    format!("annals generate {}{on}", name(args.what.to_possible_value()))
}

fn made(args: &Args, model: &Model, origin: &Origin) -> Result<Vec<File>, Failure> {
    let on = || {
        args.on.ok_or_else(|| {
            Failure::usage("for which database?").hint("say it with --on, such as --on sqlite")
        })
    };
    if args.on.is_some() && !matches!(args.what, What::Sql | What::Pattern | What::Projections) {
        return Err(Failure::usage("this is the same for every database, and --on says nothing to it")
            .hint("leave it out; sql, pattern and projections take it"));
    }
    let made = match args.what {
        What::Rust => rust::generate(model, origin),
        What::Sql => return sql::sql(on()?.into(), model, origin),
        What::Pattern => patterns::generate(model, origin, on()?.into()),
        What::Projections => projections::generate(model, origin, on()?.into()),
        What::JsonSchema => json_schema::generate(model, origin),
        What::Asyncapi => asyncapi::generate(model, origin),
        // One can be printed; the others go into a folder.
        What::Mermaid if args.out.is_none() => mermaid::flow(model, origin),
        What::Mermaid => mermaid::generate(model, origin),
        What::Markdown => catalogue::markdown(model, origin),
        What::Html => catalogue::html(model, origin),
    };
    made.map_err(|Impossible { message, help }| Failure::check(message).hint(help))
}
