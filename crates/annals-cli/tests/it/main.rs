//! Tests of the tool from outside, through the real binary, on SQLite files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod advise;
mod alternatives;
mod audit;
mod commands;
mod copy;
mod databases;
mod demo;
mod diff;
mod events;
mod failures;
mod generate;
mod generated;
mod import_export;
#[cfg(feature = "mcp")]
mod mcp;
mod project;
mod projection;
#[cfg(unix)]
mod projectors;
mod review;
mod schema;
mod scratch;
mod servers;
mod tail;
mod verify;
mod walkthrough;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A directory with a store in it, and the tool to work on it.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The tool on a store of this name.
    fn on(&self, store: &str, args: &[&str]) -> Command {
        let mut command = tool();
        command.current_dir(self.dir.path()).env("ANNALS_STORE", format!("sqlite:{store}")).args(args);
        command
    }

    fn annals(&self, args: &[&str]) -> Done {
        run(self.on("a.db", args), b"")
    }

    fn annals_reading(&self, args: &[&str], input: &[u8]) -> Done {
        run(self.on("a.db", args), input)
    }

    /// What the tool printed when it must succeed.
    fn stdout(&self, args: &[&str]) -> String {
        self.annals(args).succeeded()
    }

    /// The objects that the tool printed when it must succeed.
    fn objects(&self, args: &[&str]) -> Vec<Value> {
        objects(&self.stdout(args))
    }
}

fn tool() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_annals"));
    command.env_remove("ANNALS_STORE").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(mut command: Command, input: &[u8]) -> Done {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // The tool may end before it has read everything.
        scope.spawn(move || drop(stdin.write_all(input)));
        finished(child)
    })
}

fn finished(child: Child) -> Done {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    Done {
        status: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// A run of the tool that has ended.
#[derive(Debug)]
struct Done {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Done {
    #[track_caller]
    fn succeeded(self) -> String {
        assert_eq!(self.status, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// Fails with this status, says this, and says what to try.
    #[track_caller]
    fn failed(self, status: i32, says: &str) -> String {
        assert_eq!(self.status, Some(status), "{}", self.stderr);
        assert!(self.stderr.contains(says), "expected {says:?} in: {}", self.stderr);
        assert!(self.stderr.contains("error: "), "{}", self.stderr);
        assert!(self.stderr.contains("try"), "{}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self.stderr
    }
}

#[track_caller]
fn objects(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// One member of each object, as text.
fn members(objects: &[Value], name: &str) -> Vec<String> {
    objects
        .iter()
        .map(|object| object[name].as_str().map_or(object[name].to_string(), str::to_owned))
        .collect()
}

/// Sends the signal of Ctrl-C.
#[cfg(unix)]
fn interrupt(child: &Child) {
    signal(child, "-INT");
}

#[cfg(unix)]
fn signal(child: &Child, signal: &str) {
    let done = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(done.success());
}
