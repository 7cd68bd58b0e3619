//! Writing generated files into a folder, and comparing them with what is there.
//!
//! Nothing outside of the folder is touched, no file that somebody else wrote is written over, and all of that is known
//! before the first file is written.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};

use annals_generate::{File, Origin, Owner};

use crate::failure::Failure;
use crate::output::Lines;

/// Of a file this much is looked at to find out who made it.
const HEAD_BYTES: u64 = 8 << 10;
const HEAD_LINES: usize = 5;

/// Where files go.
#[derive(Debug)]
pub(super) struct Folder<'a> {
    pub(super) path: &'a Path,
    pub(super) origin: &'a Origin,
    /// The command that writes them, for hints.
    pub(super) again: String,
}

/// What a file in the folder is, compared with what the model says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Same,
    Missing,
    Different,
}

impl Folder<'_> {
    /// Writes what is generated, begins what is not there yet of the user's own, and takes away what was generated and
    /// is of the model no more.
    pub(super) fn write(&self, made: &[File]) -> Result<(), Failure> {
        let states = self.compared(made)?;
        for (file, path, state) in &states {
            self.refuse_foreign(file, path, *state)?;
        }
        let mut out = Lines::stdout();
        let mut is_touched = false;
        for (file, path, state) in states {
            let said = match (file.owner, state) {
                (_, State::Same) | (Owner::Yours, State::Different) => continue,
                (Owner::Yours, State::Missing) => "begun, and yours from now on",
                (Owner::Annals, State::Missing) => "written",
                (Owner::Annals, State::Different) => "written anew",
            };
            put(&path, &file.text)?;
            out.say(&format!("{said}: {}", path.display()))?;
            is_touched = true;
        }
        for path in self.left(made)? {
            fs::remove_file(&path)
                .map_err(|e| Failure::refused(format!("could not remove {}", path.display()), e))?;
            out.say(&format!("removed, since the model has it no more: {}", path.display()))?;
            is_touched = true;
        }
        if !is_touched && !made.is_empty() {
            out.say(&up_to_date(made))?;
        }
        out.finish()
    }

    /// Says which files are not what the model says now.
    pub(super) fn compare(&self, made: &[File]) -> Result<(), Failure> {
        let mut out = Lines::stdout();
        let mut stale = 0;
        for (file, path, state) in self.compared(made)? {
            let said = match (file.owner, state) {
                (_, State::Same) | (Owner::Yours, State::Different) => continue,
                (_, State::Missing) => "is not there",
                (_, State::Different) => "is not what the model says",
            };
            stale += 1;
            out.say(&format!("{} {said}", path.display()))?;
        }
        for path in self.left(made)? {
            stale += 1;
            out.say(&format!("{} is of the model no more", path.display()))?;
        }
        if stale == 0 && !made.is_empty() {
            out.say(&up_to_date(made))?;
        }
        out.finish()?;
        match stale {
            0 => Ok(()),
            1 => Err(Failure::check("1 file is not up to date")),
            _ => Err(Failure::check(format!("{stale} files are not up to date"))),
        }
        .map_err(|failure| failure.hint(&self.again))
    }

    fn compared<'f>(&self, made: &'f [File]) -> Result<Vec<(&'f File, PathBuf, State)>, Failure> {
        if self.path.exists() && !self.path.is_dir() {
            return Err(Failure::usage(format!("{} is a file", self.path.display()))
                .hint("give --out a folder; it is made where it is not there"));
        }
        let state = |file: &'f File| {
            let path = self.within(&file.path)?;
            let state = match fs::read(&path) {
                Ok(there) if is_same(&there, &file.text) => State::Same,
                Ok(_) => State::Different,
                Err(e) if e.kind() == ErrorKind::NotFound => State::Missing,
                Err(e) => return Err(Failure::refused(format!("could not read {}", path.display()), e)),
            };
            Ok((file, path, state))
        };
        made.iter().map(state).collect()
    }

    /// The path of a file, which is below the folder whatever something in the model is called.
    fn within(&self, path: &str) -> Result<PathBuf, Failure> {
        let is_below = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if path.is_empty() || !is_below || path.contains(['\\', '\0']) {
            return Err(Failure::check(format!("{path:?} is no place below {}", self.path.display()))
                .hint("give what it is named after in the model another name"));
        }
        Ok(self.path.join(path))
    }

    /// A file that somebody else wrote is not written over.
    fn refuse_foreign(&self, file: &File, path: &Path, state: State) -> Result<(), Failure> {
        let is_ours = || head(path).is_some_and(|head| head.contains(Origin::MARK));
        if file.owner == Owner::Annals && state == State::Different && !is_ours() {
            return Err(Failure::check(format!(
                "{} is there already and was not made by annals generate; nothing was written",
                path.display()
            ))
            .hint("move it away, or choose another folder with --out"));
        }
        Ok(())
    }

    /// Files beside those that are made which the same command made before, from a file of this model: another model may
    /// have its own files in the folder.
    fn left(&self, made: &[File]) -> Result<Vec<PathBuf>, Failure> {
        let paths: Vec<PathBuf> = made.iter().map(|file| self.path.join(&file.path)).collect();
        let mut folders: Vec<&Path> = paths.iter().filter_map(|path| path.parent()).collect();
        folders.push(self.path);
        folders.sort_unstable();
        folders.dedup();
        let mut left = Vec::new();
        for folder in folders {
            let failed = |e| Failure::refused(format!("could not read folder {}", folder.display()), e);
            let entries = match fs::read_dir(folder) {
                Ok(entries) => entries,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => return Err(failed(e)),
            };
            for entry in entries {
                let path = entry.map_err(failed)?.path();
                if !paths.contains(&path) && self.made_before(&path) {
                    left.push(path);
                }
            }
        }
        left.sort_unstable();
        Ok(left)
    }

    fn made_before(&self, path: &Path) -> bool {
        let mark = format!("Made by `{}` from ", self.origin.command);
        let from = head(path).and_then(|head| {
            let (_, from) = head.split_once(&mark)?;
            from.split_once(". Edits").map(|(from, _)| from.to_owned())
        });
        from.is_some_and(|from| from.split(", ").any(|one| self.origin.sources.iter().any(|it| it == one)))
    }
}

fn up_to_date(made: &[File]) -> String {
    match made.len() {
        1 => "1 file is up to date".to_owned(),
        files => format!("{files} files are up to date"),
    }
}

/// Whether a file has this text; git may have given it the line ends of its system.
fn is_same(there: &[u8], text: &str) -> bool {
    there == text.as_bytes()
        || std::str::from_utf8(there).is_ok_and(|there| there.replace("\r\n", "\n") == text)
}

/// The first lines of a file, if it is one.
fn head(path: &Path) -> Option<String> {
    let mut head = Vec::new();
    if !path.is_file() {
        return None;
    }
    fs::File::open(path).ok()?.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    let head = String::from_utf8_lossy(&head);
    Some(head.lines().take(HEAD_LINES).collect::<Vec<_>>().join("\n"))
}

/// Writes a file whole or not at all: whoever reads it meanwhile reads what was there before.
fn put(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |e| Failure::refused(format!("could not write {}", path.display()), e);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .map_err(|e| Failure::refused(format!("could not make the folder {}", folder.display()), e))?;
    }
    // A link stays one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| match fs::metadata(&path) {
            Ok(before) => fs::set_permissions(&beside, before.permissions()),
            Err(_) => Ok(()),
        })
        .and_then(|()| fs::rename(&beside, &path));
    written.map_err(|e| {
        // What was begun is of no use to anybody.
        let _ = fs::remove_file(&beside);
        failed(e)
    })
}
