//! `annals new`: a first model, empty or from what there is.

use std::path::{Path, PathBuf};

use annals_model::model::SCHEMA;
use annals_model::model::new::{Draft, empty, from_esdm, from_store};
use annals_model::render;
use annals_model::review::mistakes;

use crate::check::{Inputs, read_all, text_of};
use crate::failure::Failure;
use crate::output::{self, Lines};

/// Begin a model: empty with explanations, or from a store, DDL, exported events or ESDM files.
///
/// What cannot be known stands in the text as a comment to be answered. Values of events are looked at for their kind
/// and never written. A file that is there is not written over.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals new                                         annals.yaml, empty, with explanations
  annals new --context shop --from postgres://reader@db.example/shop
  annals new --from migrations/ --stdout
  annals new --from-esdm model/
  annals new --json-schema > annals.schema.json      for editors")]
pub(crate) struct Args {
    /// What the bounded context is called.
    #[arg(long, value_name = "NAME", conflicts_with = "from_esdm")]
    context: Option<String>,
    /// A store, DDL or exported events to begin with; may be given several times.
    #[arg(long, value_name = "PATH|URL")]
    from: Vec<String>,
    /// ESDM files, or folders of them.
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with = "from")]
    from_esdm: Vec<PathBuf>,
    /// Where the file is written.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    dir: PathBuf,
    /// Print the model and write no file.
    #[arg(long)]
    stdout: bool,
    /// Print the JSON Schema of model files, by which editors complete and check them.
    #[arg(long, conflicts_with_all = ["from", "from_esdm", "context"])]
    json_schema: bool,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    if args.json_schema {
        let mut out = Lines::stdout();
        out.text(SCHEMA)?;
        return out.finish();
    }
    let drafts =
        if args.from_esdm.is_empty() { vec![draft(&args).await?] } else { of_esdm(&args.from_esdm)? };
    for draft in &drafts {
        if args.stdout {
            let mut out = Lines::stdout();
            out.text(&draft.text)?;
            out.finish()?;
        } else {
            let file = match drafts.len() {
                1 => args.dir.join("annals.yaml"),
                _ => args.dir.join(&draft.context).join("annals.yaml"),
            };
            write(&file, &draft.text)?;
            let name = file.strip_prefix(".").unwrap_or(&file).display();
            output::note(&format!("{name} written; `annals check` reviews it"));
        }
        for note in &draft.notes {
            output::note(&format!("note: {note}"));
        }
    }
    Ok(())
}

async fn draft(args: &Args) -> Result<Draft, Failure> {
    let name = args.context.clone();
    if args.from.is_empty() {
        let context = name.unwrap_or_else(|| "shop".to_owned());
        let text = empty(&context);
        return Ok(Draft { context, text, notes: Vec::new() });
    }
    let subject = read_all(&Inputs::of(&args.from)?).await?;
    let mut draft = from_store(&subject.stores, subject.sample.as_ref());
    if let Some(name) = name {
        let line = format!("context: {}", draft.context);
        draft.text = draft.text.replacen(&line, &format!("context: {name}"), 1);
        draft.context = name;
    }
    Ok(draft)
}

fn of_esdm(paths: &[PathBuf]) -> Result<Vec<Draft>, Failure> {
    let mut texts = annals_model::text::Texts::default();
    let mut files = Vec::new();
    for path in paths {
        for file in yaml_files(path)? {
            files.push(texts.add(file.display().to_string(), text_of(&file)?));
        }
    }
    if files.is_empty() {
        return Err(Failure::usage("no .yaml files there"));
    }
    from_esdm(&texts, &files).map_err(|wrong| {
        output::note(&render::short(&mistakes(&wrong, &texts), &texts));
        Failure::check("the ESDM files are not understood")
    })
}

fn yaml_files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |e| Failure::refused(format!("could not read folder {}", path.display()), e);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let inner = entry.map_err(failed)?.path();
        let is_yaml = inner.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if inner.is_dir() && !inner.is_symlink() {
            files.extend(yaml_files(&inner)?);
        } else if is_yaml {
            files.push(inner);
        }
    }
    files.sort();
    Ok(files)
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let failed = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::check(format!("{} is there already", file.display()))
            .hint("name another folder with --dir, or print it with --stdout"),
        _ => Failure::refused(format!("could not write {}", file.display()), e),
    };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut to = std::fs::File::create_new(file).map_err(failed)?;
    std::io::Write::write_all(&mut to, text.as_bytes()).map_err(failed)
}
