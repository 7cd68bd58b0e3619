//! `annals check`: what is wrong with a model, a schema or a running store, and what is good.

mod inputs;

use std::path::{Path, PathBuf};

use annals_model::finding::Severity;
use annals_model::review::{Baseline, Report, mistakes, review};
use annals_model::rules::Input;
use annals_model::shape::{Product, cosmos, mongo, sql};
use annals_model::text::Texts;
use annals_model::{Subject, model, render, sample};
use clap::ValueEnum;

use crate::before::Before;
use crate::failure::Failure;
use crate::live;
use crate::output::{self, Lines};
use crate::target::Target;

pub(crate) use self::inputs::{Inputs, model_files, text_of};

/// Review a model, DDL, exported events or a running store.
///
/// Whatever is named is reviewed together: a model and the store it describes, a folder of migrations, events that
/// `annals export` wrote. Any database that keeps events can be reviewed, not only stores that Annals made. Of a store
/// the catalogue is read and some events of each type, by statements that only read; values are never printed.
///
/// `annals explain AN203` tells what a rule looks for, why it hurts and how to mend it. A comment
/// `annals: allow(AN103) because: a reason` in the line before something lets it be.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals check .                                   the model and the migrations in this folder
  annals check schema.sql
  annals check annals.yaml --against git:main      what has changed within a version
  annals check postgres://reader@db.example/shop annals.yaml
  annals export --store sqlite:orders.db | head -10000 > events.jsonl && annals check events.jsonl
  annals check schema.sql --baseline known.json --update-baseline

Exit status 1 when something is found that weighs as much as --fail-on or more.")]
pub(crate) struct Args {
    /// Model files and folders, DDL (.sql), events (.jsonl), MongoDB scripts (.js, .json), Cosmos DB containers (.json), or
    /// URLs of stores; the store of --store where none is given, else this folder.
    #[arg(value_name = "PATH|URL")]
    what: Vec<String>,
    /// The model as it was, a file, a folder or git:REV for this place at a revision: what has changed since without a
    /// new version is told. `annals diff` tells more.
    #[arg(long, value_name = "PATH|git:REV")]
    against: Option<Before>,
    /// How findings are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// What the exit status tells of.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Error)]
    fail_on: FailOn,
    /// Findings that are known, and not told again.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write all that is found now into the baseline.
    #[arg(long, requires = "baseline")]
    update_baseline: bool,
    /// Every finding, however many and however alike.
    #[arg(long)]
    all: bool,
    /// Of a running store read the catalogue only, and no events.
    #[arg(long)]
    no_sample: bool,
    /// Look at up to this many events of each type.
    #[arg(long, value_name = "N", default_value_t = 200, conflicts_with = "no_sample")]
    sample: u32,
    /// Read DDL as that of this database, where the text does not tell.
    #[arg(long, value_enum, value_name = "DATABASE")]
    dialect: Option<Dialect>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, with excerpts.
    Human,
    /// One line each.
    Short,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// Markdown, for a comment.
    Md,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dialect {
    Postgres,
    Mysql,
    Sqlite,
    Sqlserver,
}

impl From<Dialect> for Product {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Postgres => Self::Postgres,
            Dialect::Mysql => Self::MySql,
            Dialect::Sqlite => Self::Sqlite,
            Dialect::Sqlserver => Self::SqlServer,
        }
    }
}

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let mut inputs = Inputs::of(&args.what)?;
    if args.what.is_empty() {
        match target.is_named() {
            true => {
                let (given, url) = target.parsed()?;
                inputs.stores.push((given.to_owned(), url));
            }
            false => inputs = Inputs::of(&[".".to_owned()])?,
        }
    }
    let mut subject = Subject::default();
    read_files(&inputs, args.dialect.map(Product::from), &mut subject)?;
    if let Some(against) = &args.against {
        subject.before = Some(model_before(against, &args, &mut subject.texts)?);
    }
    let how = live::How { sample: !args.no_sample, per_type: args.sample.max(4), ..live::How::default() };
    read_stores(&inputs, &how, &mut subject).await?;
    let mut report = review(&subject);
    if let Some(file) = &args.baseline {
        report = with_baseline(file, args.update_baseline, report)?;
    }
    print(&report, &subject.texts, &args)?;
    let others = inputs.passed_over()?;
    if others > 0 && report.findings.iter().any(|finding| finding.rule.reads.contains(&Input::Store)) {
        output::note(&format!(
            "note: {others} more .sql beside what was named; a folder is read as one store"
        ));
    }
    judge(&report, args.fail_on)
}

/// Reads everything that stands in files.
fn read_files(inputs: &Inputs, product: Option<Product>, subject: &mut Subject) -> Result<(), Failure> {
    if !inputs.models.is_empty() {
        let files = inputs.models.iter().map(|path| add(&mut subject.texts, path));
        let files = files.collect::<Result<Vec<_>, _>>()?;
        let (model, mistakes) = model::read(&subject.texts, &files);
        (subject.model, subject.mistakes) = (Some(model), mistakes);
    }
    for ddl in &inputs.ddl {
        let files = ddl.iter().map(|path| add(&mut subject.texts, path)).collect::<Result<Vec<_>, _>>()?;
        subject.stores.push(sql::read_all(&subject.texts, &files, product));
    }
    for path in &inputs.mongo {
        let file = add(&mut subject.texts, path)?;
        subject.stores.push(mongo::read(&subject.texts, file));
    }
    for path in &inputs.cosmos {
        let file = add(&mut subject.texts, path)?;
        subject.stores.push(cosmos::read(&subject.texts, file));
    }
    for path in &inputs.events {
        let file = add(&mut subject.texts, path)?;
        let events = sample::read(&subject.texts, file).map_err(|e| {
            Failure::check(format!("{}: {e}", path.display()))
                .hint("`annals export` writes one event a line as JSON")
        })?;
        merge(subject, events)?;
    }
    Ok(())
}

fn add(texts: &mut Texts, path: &Path) -> Result<annals_model::text::FileId, Failure> {
    let text = text_of(path)?;
    Ok(texts.add(path.strip_prefix(".").unwrap_or(path).display().to_string(), text))
}

/// Several samples would be of several stores, whose types are not the same.
fn merge(subject: &mut Subject, events: sample::Sample) -> Result<(), Failure> {
    if subject.sample.is_some() {
        return Err(Failure::usage("events of two places in one review").hint("review one after the other"));
    }
    subject.sample = Some(events);
    Ok(())
}

fn model_before(against: &Before, args: &Args, texts: &mut Texts) -> Result<model::Model, Failure> {
    let is_of_model =
        |word: &&String| Path::new(word).is_dir() || word.ends_with(".yaml") || word.ends_with(".yml");
    let beside: Vec<String> = args.what.iter().filter(is_of_model).cloned().collect();
    let files = against.read(&beside, texts)?;
    let (before, wrong) = model::read(texts, &files);
    if !wrong.is_empty() {
        print(&mistakes(&wrong, texts), texts, args)?;
        return Err(Failure::check(format!("the model as it was, {against}, is not understood")));
    }
    Ok(before)
}

/// Everything that the inputs hold.
pub(crate) async fn read_all(inputs: &Inputs) -> Result<Subject, Failure> {
    read_all_as(inputs, &live::How::default()).await
}

/// As [`read_all`], with so much of the stores.
pub(crate) async fn read_all_as(inputs: &Inputs, how: &live::How) -> Result<Subject, Failure> {
    let mut subject = Subject::default();
    read_files(inputs, None, &mut subject)?;
    read_stores(inputs, how, &mut subject).await?;
    Ok(subject)
}

async fn read_stores(inputs: &Inputs, how: &live::How, subject: &mut Subject) -> Result<(), Failure> {
    for (_, url) in &inputs.stores {
        let read = live::read(url, how).await?;
        for note in &read.notes {
            output::note(&format!("note: {note}"));
        }
        subject.stores.push(read.shape);
        if let Some(events) = read.sample {
            merge(subject, events)?;
        }
    }
    Ok(())
}

fn with_baseline(file: &Path, update: bool, report: Report) -> Result<Report, Failure> {
    if update {
        let baseline = Baseline::of(&report);
        std::fs::write(file, baseline.to_string())
            .map_err(|e| Failure::refused(format!("could not write {}", file.display()), e))?;
        output::note(&format!("{} written", file.display()));
        return Ok(report.without(&baseline));
    }
    let text = text_of(file).map_err(|e| e.hint("--update-baseline writes it"))?;
    let baseline = Baseline::parse(&text).map_err(|e| Failure::check(format!("{}: {e}", file.display())))?;
    let gone = baseline.gone(&report).len();
    if gone > 0 {
        output::note(&format!("{gone} of the baseline are gone; --update-baseline takes them out"));
    }
    Ok(report.without(&baseline))
}

fn print(report: &Report, texts: &Texts, args: &Args) -> Result<(), Failure> {
    let text = match args.format {
        Format::Human => {
            let terminal = output::terminal_width();
            let how = render::Human {
                colour: terminal.is_some() && output::has_colours(),
                width: terminal.unwrap_or(100),
                all: args.all,
                ..render::Human::default()
            };
            render::human(report, texts, &how)
        }
        Format::Short => render::short(report, texts),
        Format::Json => render::json(report, texts),
        Format::Sarif => render::sarif(report, texts),
        Format::Github => render::github(report, texts),
        Format::Md => render::markdown(report, texts),
    };
    let mut out = Lines::stdout();
    out.text(&text)?;
    out.finish()
}

fn judge(report: &Report, fail_on: FailOn) -> Result<(), Failure> {
    let least = match fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
        FailOn::Never => return Ok(()),
    };
    let count = report.findings.iter().filter(|finding| finding.severity >= least).count();
    match count {
        0 => Ok(()),
        1 => Err(Failure::check(format!("1 finding of severity {} or more", least.name()))),
        _ => Err(Failure::check(format!("{count} findings of severity {} or more", least.name()))),
    }
    .map_err(|failure| failure.hint("annals explain ID tells what a rule is about"))
}
