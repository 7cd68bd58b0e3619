//! Collects the pages of `docs/databases` as resources of `annals mcp`, so that a page is one as soon as it is written.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let crate_folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let pages = crate_folder.join("../../docs/databases");
    println!("cargo::rerun-if-changed={}", pages.display());
    let mut files: Vec<PathBuf> = match fs::read_dir(&pages) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(e),
    };
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    let mut code = String::from("static PATTERNS: &[(&str, &str)] = &[\n");
    for file in &files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        // That of the folder itself is no database's.
        if name != "readme" {
            let _ = writeln!(code, "    ({name:?}, include_str!({:?})),", file.display().to_string());
        }
    }
    code.push_str("];\n");
    let out = env::var_os("OUT_DIR").unwrap_or_default();
    fs::write(Path::new(&out).join("patterns.rs"), code)
}
