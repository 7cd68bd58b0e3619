//! Rules of this repository that no compiler checks. Each finding names the place and what to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, loc, root, say};

/// The rules of the contract.
const RULES: u32 = 24;

/// No file is larger than this.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Crates that the library without databases may stand on at most.
const CRATES_MAX: usize = 34;

pub(crate) fn run() -> Outcome {
    say("\n>>> tidy");
    let files = tracked_files()?;
    let mut findings = Vec::new();
    imports(&mut findings)?;
    rules(&mut findings)?;
    backends(&mut findings)?;
    crates(&mut findings)?;
    for file in &files {
        leftovers(file, &mut findings)?;
    }
    loc::run()?;
    if findings.is_empty() {
        say(&format!("tidy: {} files, nothing found", files.len()));
        return Ok(());
    }
    Err(format!("tidy found:\n  {}", findings.join("\n  ")))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// What git keeps, so that nothing built is looked at; everything but `target` where there is no git.
fn tracked_files() -> Result<Vec<PathBuf>, String> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    if let Ok(listed) = listed
        && listed.status.success()
        && !listed.stdout.is_empty()
    {
        let names = String::from_utf8_lossy(&listed.stdout);
        let files = names.split('\0').filter(|name| !name.is_empty()).map(|name| root().join(name));
        return Ok(files.filter(|file| file.is_file()).collect());
    }
    let mut files = Vec::new();
    walk(&root(), &mut files)?;
    Ok(files)
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && name != ".git" {
            walk(&path, files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

fn rust_files(dir: &str) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    walk(&root().join(dir), &mut files)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    Ok(files)
}

/// The folders of backends, and the crates that only one of them may know.
const BACKENDS: [(&str, &[&str]); 5] = [
    ("memory", &[]),
    ("sqlite", &["rusqlite"]),
    ("postgres", &["tokio_postgres", "tokio-postgres"]),
    ("mysql", &["mysql_async"]),
    ("sqlserver", &["tiberius"]),
];

/// The files that every backend on SQL has, so that who knows one knows all.
const SQL_FILES: [&str; 7] = ["mod", "append", "error", "projection", "read", "row", "schema"];

/// Layers look down only: the model knows no store, the contract no event store, no backend another one, and
/// nothing but a backend its driver.
fn imports(findings: &mut Vec<String>) -> Outcome {
    let src = "crates/annals/src";
    let of_backends = |all_but: &str| -> Vec<String> {
        let others = BACKENDS.iter().filter(|(backend, _)| *backend != all_but);
        others
            .flat_map(|(backend, drivers)| {
                let drivers = drivers.iter().map(|driver| (*driver).to_owned());
                drivers.chain([format!("crate::{backend}")])
            })
            .collect()
    };
    let mut forbid = |module: &str, words: &[String], why: &str| -> Outcome {
        let path = root().join(src).join(module);
        let files = if path.is_dir() {
            rust_files(&format!("{src}/{module}"))?
        } else {
            vec![root().join(src).join(format!("{module}.rs"))]
        };
        for file in files {
            for (number, line) in read(&file)?.lines().enumerate() {
                let code = line.trim_start();
                if !code.starts_with("//") && words.iter().any(|word| code.contains(word)) {
                    findings.push(format!("{}:{}: {why}", file.display(), number + 1));
                }
            }
        }
        Ok(())
    };
    let below = [of_backends(""), vec!["crate::store".to_owned(), "crate::sql".to_owned()]].concat();
    for module in ["name", "json", "time", "trace", "payload", "event", "stream", "namespace"] {
        forbid(module, &below, "the model knows no store")?;
    }
    for module in ["backend", "append", "query", "chain"] {
        forbid(module, &below, "the contract knows neither the event store nor a backend")?;
    }
    for module in ["store", "decide", "codec", "subscribe", "snapshot", "project", "schema", "sql"] {
        forbid(module, &of_backends(""), "what backends share, or stands on them, knows no database")?;
    }
    for (backend, _) in BACKENDS {
        forbid(backend, &of_backends(backend), "a backend knows no other backend")?;
    }
    let words = ["std::env::var", "home_dir", "std::io::stdout", "std::io::stderr"];
    for file in rust_files(src)?.iter().filter(|file| !file.to_string_lossy().contains("testing")) {
        for (number, line) in read(file)?.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                findings.push(format!(
                    "{}:{}: the library reads no environment and writes to no terminal",
                    file.display(),
                    number + 1
                ));
            }
        }
    }
    Ok(())
}

/// Every rule of the contract stands in the docs of `Backend` and has a test in the conformance suite.
fn rules(findings: &mut Vec<String>) -> Outcome {
    let docs = read(&root().join("crates/annals/src/backend.rs"))?;
    let mut suite = String::new();
    for file in rust_files("crates/annals/src/testing/conformance")? {
        suite.push_str(&read(&file)?);
    }
    let suite: String = suite.split_whitespace().collect::<Vec<_>>().join(" ");
    for rule in 1..=RULES {
        if !docs.contains(&format!("/// {rule}. ")) {
            findings.push(format!("backend.rs: rule {rule} is not in the docs of Backend"));
        }
        if !suite.contains(&format!("number: {rule},")) && !suite.contains(&format!("({rule}, ")) {
            findings.push(format!("testing/conformance: rule {rule} has no test"));
        }
    }
    Ok(())
}

/// Every backend has its files and its row in the README.
fn backends(findings: &mut Vec<String>) -> Outcome {
    let readme = read(&root().join("README.md"))?;
    for (backend, _) in BACKENDS {
        let files = if backend == "memory" { &SQL_FILES[..1] } else { &SQL_FILES };
        for file in files {
            let path = root().join(format!("crates/annals/src/{backend}/{file}.rs"));
            if !path.is_file() {
                findings.push(format!("{} is missing", path.display()));
            }
        }
        if !readme.contains(&format!("`{backend}:")) {
            findings.push(format!("README.md: no row for `{backend}:`"));
        }
    }
    Ok(())
}

/// The library without databases stays light.
fn crates(findings: &mut Vec<String>) -> Outcome {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = Command::new(cargo)
        .args(["tree", "--locked", "-p", "annals", "-e", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .map_err(|e| format!("cargo tree: {e}"))?;
    let tree = String::from_utf8_lossy(&tree.stdout);
    let names: std::collections::BTreeSet<&str> =
        tree.lines().filter_map(|line| line.split(' ').next()).filter(|name| *name != "annals").collect();
    say(&format!("crates below annals without databases: {}", names.len()));
    if names.is_empty() || names.len() > CRATES_MAX {
        findings.push(format!("{} crates below annals, at most {CRATES_MAX} are allowed", names.len()));
    }
    Ok(())
}

/// Nothing half done and nothing of one machine is kept.
fn leftovers(file: &Path, findings: &mut Vec<String>) -> Outcome {
    let length = fs::metadata(file).map_err(|e| format!("{}: {e}", file.display()))?.len();
    if length > FILE_BYTES_MAX {
        findings.push(format!("{}: {length} bytes, at most {FILE_BYTES_MAX} are kept", file.display()));
    }
    // This file names the words it looks for.
    let own = Path::new(file!()).file_name();
    let Ok(text) = fs::read_to_string(file) else { return Ok(()) };
    if file.file_name() == own {
        return Ok(());
    }
    let words = ["FIXME", "todo!(", "unimplemented!(", "dbg!(", "#[ignore", "XXX"];
    let homes = ["/home/", "/root/", "/work/", "/Users/"];
    // Generated code leaves its rules to its user; that is nothing half done of ours.
    let generates = file.components().any(|part| part.as_os_str() == "annals-generate");
    let is_gap = |line: &str| generates || line.contains("unimplemented!(\"write the rules of ");
    for (number, line) in text.lines().enumerate() {
        for word in words.iter().chain(&homes) {
            if line.contains(word) && !(*word == "unimplemented!(" && is_gap(line)) {
                findings.push(format!("{}:{}: {word} is not kept", file.display(), number + 1));
            }
        }
    }
    Ok(())
}
