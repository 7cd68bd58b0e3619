//! `annals fit`: whether event sourcing fits one module, or ordinary CRUD is better, and what CRUD looks like then.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

use annals_model::fit::answers::read;
use annals_model::fit::questions::{DATABASE, Kind, Question};
use annals_model::fit::{Answers, Database, fit_model, judge};
use annals_model::render;
use annals_model::review::mistakes;
use annals_model::text::Texts;

use crate::check::text_of;
use crate::failure::Failure;
use crate::modelled::Modelled;
use crate::output::{self, Lines};

/// Say whether event sourcing fits one module, or ordinary CRUD is better.
///
/// CRUD is the default and wins ties; what is not answered counts against event sourcing. Without a file the questions are
/// asked here. From a model, streams are named that are tables with events around them. Where it says CRUD it prints the
/// tables that do the same job on your database: with an audit trail, an outbox or a history, as the case is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals fit                                asks, some twenty-five questions
  annals fit --form > loans.yaml            the same questions as a file to fill in
  annals fit --answers loans.yaml
  annals fit annals.yaml --on sqlite        what the streams of a model look like")]
pub(crate) struct Args {
    /// A model, a file or a folder.
    #[arg(value_name = "PATH", conflicts_with_all = ["answers", "form", "save"])]
    model: Option<PathBuf>,
    /// One stream of the model.
    #[arg(long, value_name = "NAME", requires = "model")]
    stream: Option<String>,
    /// A file with the answers.
    #[arg(long, value_name = "FILE", conflicts_with = "form")]
    answers: Option<PathBuf>,
    /// Print the questions as a file to fill in.
    #[arg(long)]
    form: bool,
    /// Write what is answered here into a file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["answers", "form"])]
    save: Option<PathBuf>,
    /// The database that the tables are for.
    #[arg(long, value_name = "DATABASE", value_parser = ON)]
    on: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

const ON: [&str; 7] = ["postgres", "mysql", "mariadb", "sqlite", "sqlserver", "mongodb", "cosmosdb"];

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let mut out = Lines::stdout();
    if args.form {
        out.text(&Answers::default().to_yaml())?;
        return out.finish();
    }
    if let Some(path) = &args.model {
        return of_model(path, &args, out);
    }
    let mut answers = match &args.answers {
        Some(file) => of_file(file)?,
        None => interview(args.save.as_deref())?,
    };
    if let Some(database) = &args.on {
        answers.answer(&DATABASE, database).map_err(|e| Failure::usage(e.message))?;
    }
    let verdict = judge(&answers);
    if args.json {
        out.object(&verdict.to_json(None))?;
    } else {
        out.text(&verdict.to_text(None))?;
    }
    out.finish()
}

fn of_model(path: &Path, args: &Args, mut out: Lines) -> Result<(), Failure> {
    let Modelled { model, .. } = Modelled::at(&[path.display().to_string()])?;
    let fits = fit_model(&model, args.stream.as_deref())
        .map_err(|e| Failure::usage(e.to_string()).hint("leave --stream out to see all"))?;
    let database = args.on.as_deref().and_then(Database::by_name).unwrap_or(Database::Postgres);
    for (n, fit) in fits.iter().enumerate() {
        if args.json {
            out.object(&fit.to_json(database))?;
        } else {
            let gap = if n > 0 { "\n" } else { "" };
            out.text(&format!("{gap}{}", fit.to_text(database)))?;
        }
    }
    out.finish()
}

fn of_file(file: &Path) -> Result<Answers, Failure> {
    let mut texts = Texts::default();
    let id = texts.add(file.display().to_string(), text_of(file)?);
    let (answers, wrong) = read(&texts, id);
    if wrong.is_empty() {
        return Ok(answers);
    }
    output::note(&render::short(&mistakes(&wrong, &texts), &texts));
    Err(Failure::check(format!("the answers in {} are not understood", file.display()))
        .hint("`annals fit --form` prints a file with every question and what can be answered"))
}

/// Asks a person, on standard error, so that what comes out is only the verdict.
fn interview(save: Option<&Path>) -> Result<Answers, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("nobody is there to be asked").hint(
            "run it at a terminal, or give --answers FILE; `annals fit --form` prints a file to fill in",
        ));
    }
    output::note(
        "One module, not a whole system. Enter passes a question over, which counts against event sourcing; \
         ? tells more.\n",
    );
    let (mut answers, mut last) = (Answers::default(), None);
    while let Some(question) = answers.next(last) {
        ask(question, &mut answers)?;
        last = Some(question);
    }
    if let Some(file) = save {
        std::fs::write(file, answers.to_yaml())
            .map_err(|e| Failure::refused(format!("could not write {}", file.display()), e))?;
        output::note(&format!("{} written", file.display()));
    }
    Ok(answers)
}

fn ask(question: &'static Question, answers: &mut Answers) -> Result<(), Failure> {
    output::note(&format!("{}{}", question.asks, choices(question)));
    loop {
        output::prompt("> ");
        let mut said = String::new();
        let read = io::stdin().lock().read_line(&mut said);
        if read.map_err(|e| Failure::refused("could not read the answer", e))? == 0 {
            return Err(Failure::interrupted("ended before the last question"));
        }
        if said.trim() == "?" {
            output::note(question.about);
            continue;
        }
        match answers.answer(question, &said) {
            Ok(()) => {
                output::note("");
                return Ok(());
            }
            Err(refused) => {
                output::note(&refused.message);
                refused.help.iter().for_each(|help| output::note(help));
            }
        }
    }
}

/// What can be answered, one a line.
fn choices(question: &Question) -> String {
    match question.kind {
        Kind::YesNo { .. } => "  (yes, no)".to_owned(),
        Kind::Text => String::new(),
        Kind::Level(means) => {
            let line = |(level, means): (usize, &&str)| format!("\n  {level}  {means}");
            means.iter().enumerate().map(line).collect()
        }
        Kind::Choice(choices) => {
            choices.iter().map(|choice| format!("\n  {}  {}", choice.name, choice.means)).collect()
        }
    }
}
