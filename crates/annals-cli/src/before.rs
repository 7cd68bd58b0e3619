//! The model as it was: files, a folder, or the same place at a revision of git.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::str::FromStr;

use annals_model::text::{FileId, Texts};

use crate::check::{model_files, text_of};
use crate::failure::Failure;

/// Where the model as it was is: `old/annals.yaml`, `old`, `git:main`, `git:HEAD~3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Before {
    Path(PathBuf),
    Revision(String),
}

impl FromStr for Before {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("git:") {
            Some("") => Err("expected a revision of git, such as git:main or git:HEAD~3".to_owned()),
            // git would take it for an option.
            Some(revision) if revision.starts_with('-') => Err("no revision of git begins with -".to_owned()),
            Some(revision) => Ok(Self::Revision(revision.to_owned())),
            None => Ok(Self::Path(text.into())),
        }
    }
}

impl std::fmt::Display for Before {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Revision(revision) => write!(f, "git:{revision}"),
        }
    }
}

impl Before {
    /// Takes in the texts of the model as it was. `beside` is where the model is now: a revision is read at the same
    /// files and folders.
    ///
    /// # Errors
    /// Usage where there is no model; refused where it cannot be read.
    pub(crate) fn read(&self, beside: &[String], texts: &mut Texts) -> Result<Vec<FileId>, Failure> {
        let files = match self {
            Self::Path(path) => self.on_disk(path)?,
            Self::Revision(revision) => at_revision(revision, beside)?,
        };
        if files.is_empty() {
            let places = if beside.is_empty() { ".".to_owned() } else { beside.join(", ") };
            return Err(match self {
                Self::Path(_) => Failure::usage(format!("no model in {self}")),
                Self::Revision(_) => Failure::usage(format!("no model in {places} at {self}")),
            }
            .hint("a model is annals.yaml and *.annals.yaml; name the place where it was"));
        }
        Ok(files.into_iter().map(|(name, text)| texts.add(name, text)).collect())
    }

    fn on_disk(&self, path: &Path) -> Result<Vec<(String, String)>, Failure> {
        if !path.exists() {
            let hint = format!("git:{self} names a revision of git");
            return Err(
                Failure::usage(format!("there is no file or folder {:?}", self.to_string())).hint(hint)
            );
        }
        let files = if path.is_dir() { model_files(path)? } else { vec![path.to_owned()] };
        files.iter().map(|file| Ok((file.display().to_string(), text_of(file)?))).collect()
    }
}

/// The names and texts of a model at a revision.
fn at_revision(revision: &str, beside: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let here = [".".to_owned()];
    let beside = if beside.is_empty() { &here } else { beside };
    let mut files = Vec::new();
    for place in beside {
        let path = Path::new(place);
        let (folder, name) = match path.is_dir() {
            true => (path, None),
            false => (path.parent().unwrap_or(Path::new(".")), path.file_name()),
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let git = Git { folder };
        git.knows(revision)?;
        let names = match name.map(|name| name.to_string_lossy().into_owned()) {
            Some(name) => git.names(revision)?.into_iter().filter(|it| *it == name).collect(),
            None => git.models(revision)?,
        };
        for name in names {
            files.push((format!("{revision}:{}", shown(folder, &name)), git.text(revision, &name)?));
        }
    }
    Ok(files)
}

fn shown(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    path.strip_prefix(".").unwrap_or(&path).display().to_string()
}

/// The program `git`, in a folder.
struct Git<'f> {
    folder: &'f Path,
}

impl Git<'_> {
    fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Output, Failure> {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.folder).args(args).env("LC_ALL", "C");
        command.output().map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => Failure::refused("could not run git", e)
                .hint("install git, or give the model as it was as a file or folder"),
            _ => Failure::refused("could not run git", e),
        })
    }

    fn knows(&self, revision: &str) -> Result<(), Failure> {
        let folder = self.folder.display();
        let inside = self.run(&["rev-parse", "--is-inside-work-tree"])?;
        if !inside.status.success() {
            // Not every failure means that there is none: a repository of another owner is refused, for one.
            let said = first_line(&inside.stderr);
            return Err(Failure::check(format!(
                "git:{revision} needs a git repository, at {folder}: {said}"
            ))
            .hint("run it inside of the repository, or give the model as it was as a file or folder"));
        }
        let commit = format!("{revision}^{{commit}}");
        let found = self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])?;
        if !found.status.success() {
            return Err(Failure::check(format!("git knows no revision {revision:?} here")).hint(
                "`git branch --all` and `git tag` list them; in CI fetch the branch first, with its history",
            ));
        }
        Ok(())
    }

    /// The names of the files of this folder.
    fn names(&self, revision: &str) -> Result<Vec<String>, Failure> {
        let listed = self.succeeded(&["ls-tree", "-z", "--name-only", revision])?;
        let names = String::from_utf8_lossy(&listed).into_owned();
        Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// Those of them that are the model, in the order in which they are read from a folder.
    fn models(&self, revision: &str) -> Result<Vec<String>, Failure> {
        let mut names = self.names(revision)?;
        names.retain(|name| name == "annals.yaml" || name.ends_with(".annals.yaml"));
        names.sort_by_key(|name| (name != "annals.yaml", name.clone()));
        Ok(names)
    }

    fn text(&self, revision: &str, name: &str) -> Result<String, Failure> {
        let bytes = self.succeeded(&["show", "--end-of-options", &format!("{revision}:./{name}")])?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn succeeded(&self, args: &[&str]) -> Result<Vec<u8>, Failure> {
        let done = self.run(args)?;
        if done.status.success() {
            return Ok(done.stdout);
        }
        Err(Failure::check(format!("git {}: {}", args.first().unwrap_or(&""), first_line(&done.stderr)))
            .hint("give the model as it was as a file or folder"))
    }
}

fn first_line(text: &[u8]) -> String {
    String::from_utf8_lossy(text).lines().next().unwrap_or("git says nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_has_a_mark_and_all_else_is_a_path() {
        let revision = |text: &str| Ok(Before::Revision(text.to_owned()));
        assert_eq!("git:main".parse(), revision("main"));
        assert_eq!("git:HEAD~3".parse(), revision("HEAD~3"));
        assert_eq!("main".parse(), Ok(Before::Path("main".into())));
        assert!("git:".parse::<Before>().is_err());
        assert!("git:--output=x".parse::<Before>().is_err());
    }
}
