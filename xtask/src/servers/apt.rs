//! Debian packages without installing them: downloaded from the machine's own apt sources by an apt with a
//! state of its own, and unpacked below `target/servers`. It needs no rights, leaves the machine's packages
//! as they are and starts no service.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ground::Ground;

/// Where packages come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Suite {
    /// The machine's own release; what is installed already is not fetched again.
    Own,
    /// Debian sid, with everything down to the C library, since it is newer than the machine's.
    Sid,
}

/// The folder with these packages and what they depend on, unpacked.
pub(super) fn unpacked(
    ground: &Ground,
    name: &str,
    packages: &[&str],
    suite: Suite,
) -> Result<PathBuf, String> {
    let kept = ground.cache.join(name);
    if kept.is_dir() {
        return Ok(kept);
    }
    let apt = match suite {
        Suite::Own => own_apt(ground)?,
        Suite::Sid => sid_apt(ground)?,
    };
    let archives = apt.join(name);
    make(&archives.join("partial"))?;
    let mut install = apt_get(&apt);
    install.args(["install", "-y", "-qq", "--download-only", "-o"]);
    install.arg(format!("Dir::Cache::archives={}", archives.display())).args(packages);
    ground.output(&mut install)?;
    let root = ground.unfinished.join(name);
    make(&root)?;
    for package in fs::read_dir(&archives).map_err(|e| e.to_string())?.flatten() {
        if package.path().extension().is_some_and(|extension| extension == "deb") {
            ground.output(Command::new("dpkg").arg("-x").arg(package.path()).arg(&root))?;
        }
    }
    // Another run may have been faster; its folder is as good.
    if let Err(e) = fs::rename(&root, &kept)
        && !kept.is_dir()
    {
        return Err(format!("{}: {e}", kept.display()));
    }
    Ok(kept)
}

/// Where the libraries below an unpacked folder are.
pub(super) fn library_dirs(root: &Path) -> Vec<PathBuf> {
    let lib = root.join("usr/lib");
    let triplets = fs::read_dir(&lib).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut dirs: Vec<PathBuf> =
        triplets.filter(|path| path.to_string_lossy().contains("-linux-gnu")).collect();
    dirs.push(lib);
    dirs
}

fn own_apt(ground: &Ground) -> Result<PathBuf, String> {
    ground.own_apt.get_or_init(|| prepare(ground, "own", "/var/lib/dpkg/status", "")).clone()
}

fn sid_apt(ground: &Ground) -> Result<PathBuf, String> {
    let mirror = mirror(ground, &own_apt(ground)?)?;
    let keys = ["gpg", "pgp"].map(|end| format!("/usr/share/keyrings/debian-archive-keyring.{end}"));
    let signed_by = keys.iter().find(|keys| Path::new(keys).is_file());
    let signed_by = signed_by.map(|keys| format!("[signed-by={keys}] ")).unwrap_or_default();
    let list = ground.directory.join("sid.list");
    fs::write(&list, format!("deb {signed_by}{mirror} sid main\n")).map_err(|e| e.to_string())?;
    let sources = format!(
        "Dir::Etc::sourcelist \"{}\";\nDir::Etc::sourceparts \"/dev/null\";\n\
         Dir::Etc::preferences \"/dev/null\";\nDir::Etc::preferencesparts \"/dev/null\";\n",
        list.display()
    );
    prepare(ground, "sid", "/dev/null", &sources)
}

/// An apt with a state of its own and fresh lists.
fn prepare(ground: &Ground, name: &str, status: &str, sources: &str) -> Result<PathBuf, String> {
    let apt = ground.directory.join(format!("apt-{name}"));
    make(&apt.join("state/lists/partial"))?;
    make(&apt.join("cache/archives/partial"))?;
    // Hooks of the machine are for its own apt. The lists are written by whoever runs this.
    let settings = format!(
        "Dir::State \"{0}/state\";\nDir::Cache \"{0}/cache\";\nDir::State::status \"{status}\";\n{sources}\
         APT::Sandbox::User \"root\";\nDebug::NoLocking \"true\";\nAPT::Install-Recommends \"false\";\n\
         Acquire::Languages \"none\";\nAcquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n\
         Acquire::Retries \"3\";\nAcquire::http::Timeout \"30\";\nAcquire::https::Timeout \"30\";\n\
         #clear APT::Update::Pre-Invoke;\n#clear APT::Update::Post-Invoke;\n\
         #clear APT::Update::Post-Invoke-Success;\n#clear DPkg::Pre-Invoke;\n#clear DPkg::Post-Invoke;\n",
        apt.display()
    );
    fs::write(apt.join("apt.conf"), settings).map_err(|e| e.to_string())?;
    ground.output(apt_get(&apt).args(["update", "-qq"]))?;
    Ok(apt)
}

/// The Debian archive among the machine's sources.
fn mirror(ground: &Ground, apt: &Path) -> Result<String, String> {
    let mut targets = apt_get(apt);
    targets.args(["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]);
    targets.args(["Origin: Debian", "Label: Debian", "Component: main"]);
    let found = ground.output(&mut targets)?;
    let found = found.lines().next().map(str::to_owned);
    found.ok_or_else(|| "the machine's apt sources name no Debian archive".to_owned())
}

fn apt_get(apt: &Path) -> Command {
    let mut command = Command::new("apt-get");
    command.arg("-c").arg(apt.join("apt.conf")).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn make(dir: &Path) -> Result<(), String> {
    fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))
}
