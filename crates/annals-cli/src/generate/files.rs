//! Writing generated files into a folder, and comparing them with what is there.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use annals_generate::{File, Origin, Owner};

use crate::failure::Failure;
use crate::output::Lines;

/// What a file in the folder is, compared with what the model says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Same,
    Missing,
    Different,
    /// The model does not make it any more.
    Left,
}

/// Writes what is generated, begins what is not there yet of the user's own, and takes away what was generated and is
/// of the model no more.
pub(super) fn write(folder: &Path, made: &[File], origin: &Origin) -> Result<(), Failure> {
    let mut out = Lines::stdout();
    for (file, state) in compared(folder, made)? {
        let path = folder.join(&file.path);
        match (file.owner, state) {
            (_, State::Same) | (Owner::Yours, State::Different) => {}
            (owner, state) => {
                refuse_foreign(&path, owner, state)?;
                put(&path, &file.text)?;
                let said = match (owner, state) {
                    (Owner::Yours, _) => "begun, and yours from now on",
                    (Owner::Annals, State::Missing) => "written",
                    (Owner::Annals, _) => "written anew",
                };
                out.say(&format!("{said}: {}", path.display()))?;
            }
        }
    }
    for path in left(folder, made, origin)? {
        fs::remove_file(&path)
            .map_err(|e| Failure::refused(format!("could not remove {}", path.display()), e))?;
        out.say(&format!("removed, since the model has it no more: {}", path.display()))?;
    }
    out.finish()
}

/// Says which files are not what the model says now.
pub(super) fn compare(folder: &Path, made: &[File], origin: &Origin) -> Result<(), Failure> {
    let mut out = Lines::stdout();
    let mut stale = 0;
    let states = compared(folder, made)?.into_iter();
    let told = states.map(|(file, state)| (folder.join(&file.path), file.owner, state));
    let left = left(folder, made, origin)?.into_iter().map(|path| (path, Owner::Annals, State::Left));
    for (path, owner, state) in told.chain(left) {
        let said = match (owner, state) {
            (_, State::Same) | (Owner::Yours, State::Different) => continue,
            (_, State::Missing) => "is not there",
            (_, State::Different) => "is not what the model says",
            (_, State::Left) => "is of the model no more",
        };
        stale += 1;
        out.say(&format!("{} {said}", path.display()))?;
    }
    out.finish()?;
    match stale {
        0 => Ok(()),
        1 => Err(Failure::check("1 file is not up to date")),
        _ => Err(Failure::check(format!("{stale} files are not up to date"))),
    }
    .map_err(|failure| failure.hint(format!("{} --out {}", origin.command, folder.display())))
}

fn compared<'f>(folder: &Path, made: &'f [File]) -> Result<Vec<(&'f File, State)>, Failure> {
    let state = |file: &'f File| {
        let path = folder.join(&file.path);
        match fs::read(&path) {
            Ok(there) if there == file.text.as_bytes() => Ok((file, State::Same)),
            Ok(_) => Ok((file, State::Different)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok((file, State::Missing)),
            Err(e) => Err(Failure::refused(format!("could not read {}", path.display()), e)),
        }
    };
    made.iter().map(state).collect()
}

/// A file that somebody else wrote is not written over.
fn refuse_foreign(path: &Path, owner: Owner, state: State) -> Result<(), Failure> {
    if owner == Owner::Annals && state == State::Different && !is_ours(path) {
        return Err(Failure::check(format!(
            "{} is there already and was not made by annals generate",
            path.display()
        ))
        .hint("move it away, or choose another folder with --out"));
    }
    Ok(())
}

/// Generated files beside those that are made, which say that the same command made them.
fn left(folder: &Path, made: &[File], origin: &Origin) -> Result<Vec<PathBuf>, Failure> {
    let ours = made.iter().filter(|file| file.owner == Owner::Annals).map(|file| folder.join(&file.path));
    let ours: Vec<PathBuf> = ours.collect();
    let mut folders: Vec<&Path> = ours.iter().filter_map(|path| path.parent()).collect();
    folders.sort_unstable();
    folders.dedup();
    let mut left = Vec::new();
    for folder in folders {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(Failure::refused(format!("could not read {}", folder.display()), e)),
        };
        let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let mark = format!("Made by `{}`", origin.command);
        left.extend(paths.filter(|path| !ours.contains(path) && begins_with(path, &mark)));
    }
    left.sort_unstable();
    Ok(left)
}

fn is_ours(path: &Path) -> bool {
    begins_with(path, Origin::MARK)
}

/// Whether one of the first lines has the mark.
fn begins_with(path: &Path, mark: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.lines().take(5).any(|line| line.contains(mark)))
}

fn put(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .map_err(|e| Failure::refused(format!("could not make the folder {}", folder.display()), e))?;
    }
    fs::write(path, text).map_err(|e| Failure::refused(format!("could not write {}", path.display()), e))
}
