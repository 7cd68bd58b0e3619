//! `annals schema`: the tables of a store, for those who look after a database by hand.

use annals::schema::Difference;
use annals::{Error, ErrorKind};

use crate::failure::Failure;
use crate::output::{self, Lines, short};
use crate::target::Target;

/// Print, make or compare the tables of a store on a SQL database.
///
/// A store makes its tables when it is opened for the first time. Where the login of the application may not do
/// that, an administrator prints the statements, reviews them and runs them, or applies them from here; they
/// may be run again and again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals schema print --store postgres://db.example/shop > schema.sql
  annals schema apply --store postgres://owner@db.example/shop
  annals schema diff --store postgres://db.example/shop

Exit status 1 when diff, or apply afterwards, finds something missing or different.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Write the statements that make the store; nothing is connected to.
    ///
    /// For MariaDB let the URL begin with mariadb://, since its statements are not quite those of MySQL.
    Print,
    /// Make what is missing; tables that are there stay as they are.
    ///
    /// Where the database can do it in one transaction, on SQLite and PostgreSQL, triggers and functions are made anew;
    /// on SQL Server procedures are.
    Apply {
        /// Print one JSON object for each difference that is left.
        #[arg(long)]
        json: bool,
    },
    /// Tell what is missing, what is different, and what somebody has added.
    ///
    /// What was added, such as an index for a report, is listed and is no failure. On a server the login needs the
    /// right to create tables: they are made to be compared with, and taken away again.
    Diff {
        /// Print one JSON object for each difference.
        #[arg(long)]
        json: bool,
    },
}

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let (given, url) = target.parsed()?;
    let failed = |error: Error| match error.kind() {
        ErrorKind::Invalid => Failure::from(error),
        _ => Failure::connect(given, error),
    };
    match args.command {
        Command::Print => {
            let mut out = Lines::stdout();
            out.write(url.schema_sql().map_err(failed)?.trim_end())?;
            out.finish()
        }
        Command::Apply { json } => {
            url.apply_schema().await.map_err(failed)?;
            say(&url.schema_diff().await.map_err(failed)?, json)
        }
        Command::Diff { json } => say(&url.schema_diff().await.map_err(failed)?, json),
    }
}

fn say(differences: &[Difference], json: bool) -> Result<(), Failure> {
    let mut out = Lines::stdout();
    for difference in differences {
        if json { out.object(difference)? } else { out.write(&line(difference))? }
    }
    out.finish()?;
    match differences.iter().filter(|difference| difference.matters()).count() {
        0 => {
            output::note("the schema is as this version makes it");
            Ok(())
        }
        count => Err(Failure::check(format!(
            "{count} object{} of the schema missing or different",
            if count == 1 { "" } else { "s" }
        ))
        .hint(
            "`annals schema apply` makes what is missing; what is still different has to be mended by hand",
        )),
    }
}

fn line(difference: &Difference) -> String {
    let Difference { object, expected, found } = difference;
    match (expected, found) {
        (Some(expected), Some(found)) => {
            format!("different  {object}: {}, expected {}", short(found), short(expected))
        }
        (Some(_), None) => format!("missing    {object}"),
        (None, _) => format!("added      {object}"),
    }
}
