//! Files that come as text in a call: they stand in a temporary folder for as long as the call takes.

use std::fs::{self, DirBuilder};
use std::path::{Path, PathBuf};

use annals::EventId;
use schemars::JsonSchema;
use serde::Deserialize;

/// How many files come with a call.
const FILES_MAX: usize = 100;

/// How long the name of a file is.
const NAME_MAX: usize = 120;

/// A file given as text.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TextFile {
    /// Its name without a folder, such as annals.yaml, schema.sql or events.jsonl. The ending says what it is.
    pub(super) name: String,
    /// What is in it.
    pub(super) text: String,
}

/// A folder that is gone with this value.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// # Errors
    /// It cannot be made.
    pub(super) fn new() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("annals-mcp-{}", EventId::new().uuid().simple()));
        let mut builder = DirBuilder::new();
        // Models may not be everybody's to read.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|e| format!("could not make a temporary folder: {e}"))?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the files into a folder below, and says how the command line names them: DDL, which is read as one store,
    /// by the folder it is in.
    ///
    /// # Errors
    /// A name that is none, or is there twice; too many files.
    pub(super) fn put(&self, below: &str, files: &[TextFile]) -> Result<Vec<String>, String> {
        if files.len() > FILES_MAX {
            return Err(format!("{} files, at most {FILES_MAX} are taken", files.len()));
        }
        let (ddl, others) = (self.path.join(below).join("ddl"), self.path.join(below));
        let mut named = Vec::new();
        for file in files {
            let name = safe(&file.name)?;
            let is_ddl = name.ends_with(".sql");
            let folder = if is_ddl { &ddl } else { &others };
            let path = folder.join(name);
            let failed = |e: std::io::Error| match e.kind() {
                std::io::ErrorKind::AlreadyExists => format!("two files are called {name:?}"),
                _ => format!("could not write {name:?} into a temporary folder: {e}"),
            };
            fs::create_dir_all(folder).map_err(failed)?;
            let mut to = fs::File::create_new(&path).map_err(failed)?;
            std::io::Write::write_all(&mut to, file.text.as_bytes()).map_err(failed)?;
            let word = if is_ddl { ddl.display() } else { path.display() }.to_string();
            if !named.contains(&word) {
                named.push(word);
            }
        }
        Ok(named)
    }

    /// A text in which the files have the names that they came with.
    pub(super) fn forgotten(&self, text: &str) -> String {
        let shown = self.path.display().to_string();
        let mut text = text.to_owned();
        // Inside JSON the separators of Windows are written twice.
        for separator in ["/", "\\", "\\\\"] {
            let shown = shown.replace(std::path::MAIN_SEPARATOR, separator);
            for part in PARTS {
                let folder = format!("{shown}{separator}{}{separator}", part.replace('/', separator));
                text = text.replace(&folder, "");
            }
            text = text.replace(&shown, ".");
        }
        text
    }
}

/// The folders below, the deeper first.
const PARTS: [&str; 6] = ["files/ddl", "before/ddl", "against/ddl", "files", "before", "against"];

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in the system's temporary folder.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A name that leads nowhere else and is no option.
fn safe(name: &str) -> Result<&str, String> {
    let is_plain = |c: char| c.is_alphanumeric() || "._- ".contains(c);
    let is_safe = !name.is_empty()
        && name.len() <= NAME_MAX
        && name.chars().all(is_plain)
        && name.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        && !name.ends_with(['.', ' ']);
    match is_safe {
        true => Ok(name),
        false => Err(format!(
            "{:?} is no name of a file here: letters, digits, dots, dashes and underscores, at most {NAME_MAX}, no folder",
            name.chars().take(NAME_MAX).collect::<String>()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> TextFile {
        TextFile { name: name.to_owned(), text: "x".to_owned() }
    }

    #[test]
    fn files_are_there_as_long_as_their_folder_and_ddl_is_one_store() {
        let folder = Folder::new().unwrap();
        let path = folder.path().to_owned();
        let words = folder.put("files", &[file("1.sql"), file("annals.yaml"), file("2.sql")]).unwrap();
        assert_eq!(words.len(), 2, "{words:?}");
        assert!(path.join("files/ddl/2.sql").is_file() && path.join("files/annals.yaml").is_file());
        assert_eq!(folder.forgotten(&format!("{}: no", words[1])), "annals.yaml: no");
        let inside = path.join("files").join("ddl").join("1.sql");
        assert_eq!(folder.forgotten(&inside.display().to_string()), "1.sql");
        assert!(folder.put("files", &[file("annals.yaml")]).unwrap_err().contains("two files"));
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        for name in [
            "",
            ".",
            "..",
            "../a.sql",
            "/etc/passwd",
            "a/b.sql",
            "a\\b.sql",
            "-x.sql",
            "C:a",
            "a\0",
            ".git",
            "a\n",
        ] {
            assert!(safe(name).is_err(), "{name:?}");
        }
        assert!(safe(&"a".repeat(NAME_MAX + 1)).is_err());
        assert!(safe("shop.annals.yaml").is_ok() && safe("001_größe.sql").is_ok());
    }
}
