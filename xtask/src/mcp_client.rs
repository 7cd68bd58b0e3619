//! The official client of the Model Context Protocol, in a Python of its own below `target`: a test drives `annals mcp`
//! with it. The machine's own Python stays as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::servers::target;
use crate::{run, say};

/// The package of PyPI, and the version that the test was written with.
const PACKAGE: &str = "mcp==2.3.0";

/// The variable that tells the test of it.
pub(crate) const VARIABLE: &str = "ANNALS_MCP_PYTHON";

/// The module of the test, as `ANNALS_REQUIRE` names it.
pub(crate) const MODULE: &str = "mcp";

/// What became of it.
pub(crate) enum Client {
    /// A Python that has it.
    Python(PathBuf),
    /// Somebody has set the variable.
    Given,
    /// It cannot be had on a machine like this one.
    Skipped(String),
}

/// Makes the Python where it is not there yet.
pub(crate) fn get() -> Result<Client, String> {
    if std::env::var_os(VARIABLE).is_some() {
        return Ok(Client::Given);
    }
    let python = "python3";
    let can =
        |code: &str| Command::new(python).args(["-c", code]).output().is_ok_and(|it| it.status.success());
    if !can("import sys; sys.exit(sys.version_info < (3, 10))") {
        return Ok(Client::Skipped("there is no python3 of 3.10 or later".into()));
    }
    if !can("import venv, ensurepip") {
        return Ok(Client::Skipped("python3 cannot make virtual environments (venv, ensurepip)".into()));
    }
    let folder = target().join(PACKAGE.replace("==", "-client-"));
    let made = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    // Written last: what is not finished is made anew.
    let mark = folder.join("finished");
    if !mark.is_file() {
        say(&format!("making a Python with {PACKAGE} in {}", folder.display()));
        make(python, &folder, &made)?;
        fs::write(&mark, "").map_err(|e| format!("{}: {e}", mark.display()))?;
    }
    Ok(Client::Python(made))
}

fn make(python: &str, folder: &Path, made: &Path) -> Result<(), String> {
    let mut venv = Command::new(python);
    venv.args(["-m", "venv", "--clear"]).arg(folder);
    run(&mut venv, "python3 -m venv")?;
    let mut pip = Command::new(made);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]);
    run(&mut pip, &format!("pip install {PACKAGE}"))
}
