//! What all servers stand on: a directory for this run, the guard that removes it, the kept downloads, the
//! user that servers run as, free ports, certificates.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::apt::{self, Suite};
use super::certificates::Certificates;
use super::guard::Guard;
use crate::root;

/// Below the ports that systems give to outgoing connections: a client that tries to connect while its
/// server is down could otherwise be given the server's port, and talk to itself.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Why there is no server.
#[derive(Clone)]
pub(super) enum Absent {
    /// It cannot be had on a machine like this one.
    Skipped(String),
    /// It should have started.
    Failed(String),
}

pub(crate) struct Ground {
    /// Everything of this run; removed with the guard.
    pub(super) directory: PathBuf,
    /// Unpacked packages, kept for the next run.
    pub(super) cache: PathBuf,
    /// Packages while they are being unpacked.
    pub(super) unfinished: PathBuf,
    pub(super) guard: Guard,
    pub(super) own_apt: OnceLock<Result<PathBuf, String>>,
    certificates: OnceLock<Result<Certificates, Absent>>,
    /// Whom servers become that refuse to run as root.
    user: Option<User>,
}

struct User {
    name: String,
    group: String,
}

impl Ground {
    pub(super) fn new() -> Result<Self, String> {
        let cache = target().join("servers");
        let unfinished = cache.join(format!("unfinished-{}", std::process::id()));
        let user = other_user();
        let directory = fresh_directory(user.as_ref())?;
        let guard = Guard::new(&directory, &unfinished)?;
        fs::create_dir_all(&unfinished).map_err(|e| format!("{}: {e}", unfinished.display()))?;
        let (own_apt, certificates) = (OnceLock::new(), OnceLock::new());
        Ok(Self { directory, cache, unfinished, guard, own_apt, certificates, user })
    }

    /// A directory for one server.
    pub(super) fn server_directory(&self, name: &str) -> Result<PathBuf, String> {
        let directory = self.directory.join(name);
        fs::create_dir(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
        Ok(directory)
    }

    /// Those of this run.
    pub(super) fn certificates(&self) -> Result<Certificates, Absent> {
        self.certificates.get_or_init(|| Certificates::new(self)).clone()
    }

    /// What it prints. Its last lines are the error where it fails.
    pub(super) fn output(&self, command: &mut Command) -> Result<String, String> {
        let name = command.get_program().to_string_lossy().into_owned();
        let output = self.guard.adopt(command.env("LC_ALL", "C")).output();
        let output = output.map_err(|e| format!("could not run {name}: {e}"))?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(printed);
        }
        let said = printed + &String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines[lines.len().saturating_sub(5)..].join("\n    ");
        Err(format!("{name} failed ({}): {last}", output.status))
    }

    /// What stands before a command of a server that refuses to run as root; nothing for others than root.
    pub(super) fn as_other_user(&self) -> Vec<String> {
        self.user.as_ref().map(User::become_it).unwrap_or_default()
    }

    /// Gives a directory to the user that servers become.
    pub(super) fn give_away(&self, path: &Path) -> Result<(), String> {
        let Some(user) = &self.user else { return Ok(()) };
        let owner = format!("{}:{}", user.name, user.group);
        self.output(Command::new("chown").args(["-R", &owner]).arg(path)).map(drop)
    }

    /// The programs with these names: the machine's own or, where one is missing, those of the packages.
    pub(super) fn programs(
        &self,
        names: &[&str],
        own_dirs: &[PathBuf],
        package: &str,
        packages: &[&str],
    ) -> Result<Programs, Absent> {
        if let Some(dir) = own_dirs.iter().find(|dir| names.iter().all(|name| dir.join(name).is_file())) {
            return Ok(Programs { root: None, dirs: vec![dir.clone()] });
        }
        let own: Option<Vec<PathBuf>> = names.iter().map(|name| installed(name)).collect();
        if let Some(own) = own {
            let dirs = own.iter().filter_map(|path| path.parent().map(Path::to_owned)).collect();
            return Ok(Programs { root: None, dirs });
        }
        if installed("apt-get").is_none() {
            let missing: Vec<&str> = names.iter().copied().filter(|name| installed(name).is_none()).collect();
            let missing = missing.join(" and ");
            return Err(Absent::Skipped(format!("{missing} not found, and no apt-get to fetch it with")));
        }
        let root = apt::unpacked(self, package, packages, Suite::Own).map_err(Absent::Failed)?;
        let dirs = ["usr/bin", "usr/sbin"].map(|dir| root.join(dir)).to_vec();
        Ok(Programs { root: Some(root), dirs })
    }

    /// A port that nobody listens on.
    pub(super) fn free_port(&self) -> Result<u16, String> {
        for attempt in 0..1000_u64 {
            let random = RandomState::new().hash_one(attempt) % u64::try_from(PORTS.len()).unwrap_or(1);
            let port = PORTS.start + u16::try_from(random).unwrap_or_default();
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(port);
            }
        }
        Err("no free port".into())
    }
}

impl User {
    fn become_it(&self) -> Vec<String> {
        let Self { name, group } = self;
        let setpriv = ["setpriv", &format!("--reuid={name}"), &format!("--regid={group}"), "--clear-groups"];
        setpriv.map(str::to_owned).to_vec()
    }
}

/// Programs and, where they are unpacked packages, the folder of these.
pub(super) struct Programs {
    pub(super) root: Option<PathBuf>,
    pub(super) dirs: Vec<PathBuf>,
}

impl Programs {
    /// The same where the user that servers become can run them: what is unpacked below a folder that is only its
    /// owner's is copied to where everything of this run is.
    pub(super) fn reachable(self, ground: &Ground) -> Result<Self, Absent> {
        let Some(root) = &self.root else { return Ok(self) };
        let mut look = ground.as_other_user();
        look.extend(["test", "-r", &root.display().to_string()].map(str::to_owned));
        if ground.output(&mut to_command(&look)).is_ok() {
            return Ok(self);
        }
        let copy = ground.directory.join("programs").join(root.file_name().unwrap_or_default());
        if !copy.is_dir() {
            let parent = copy.parent().unwrap_or(&ground.directory);
            fs::create_dir_all(parent).map_err(|e| Absent::Failed(format!("{}: {e}", parent.display())))?;
            ground.output(Command::new("cp").arg("-r").args([root, &copy])).map_err(Absent::Failed)?;
        }
        let moved = |dir: &PathBuf| dir.strip_prefix(root).map_or_else(|_| dir.clone(), |dir| copy.join(dir));
        Ok(Self { dirs: self.dirs.iter().map(moved).collect(), root: Some(copy) })
    }

    /// How to run one of them.
    pub(super) fn command(&self, name: &str) -> Result<Vec<String>, Absent> {
        let program = self.dirs.iter().map(|dir| dir.join(name)).find(|path| path.is_file());
        let program = program.ok_or_else(|| Absent::Failed(format!("{name} is not where it should be")))?;
        let mut command = Vec::new();
        if let Some(root) = &self.root {
            command.push("env".to_owned());
            command.push(format!("LD_LIBRARY_PATH={}", joined(&apt::library_dirs(root))));
        }
        command.push(program.display().to_string());
        Ok(command)
    }
}

/// Directories as the loader wants them.
pub(super) fn joined(dirs: &[PathBuf]) -> String {
    dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(":")
}

pub(super) fn to_command(words: &[String]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

/// The first version number in what a program says about itself.
pub(super) fn version(said: &str) -> String {
    let number = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let number = number.unwrap_or("of unknown version");
    number.split(['-', '+', '~', ',']).next().unwrap_or(number).to_owned()
}

/// A program on the path, or where Debian keeps servers, which is not on everybody's path.
pub(super) fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs =
        std::env::split_paths(&path).chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    dirs.map(|dir| dir.join(name)).find(|path| path.is_file())
}

pub(super) fn is_root() -> bool {
    printed_by("id", &["-u"]).is_some_and(|id| id == "0")
}

fn other_user() -> Option<User> {
    if !is_root() {
        return None;
    }
    let name = ["postgres", "nobody"].into_iter().find(|name| printed_by("id", &["-u", name]).is_some())?;
    Some(User { name: name.to_owned(), group: printed_by("id", &["-gn", name])? })
}

fn printed_by(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A directory with a name of its own, where the other user can reach it.
fn fresh_directory(user: Option<&User>) -> Result<PathBuf, String> {
    let mut parent = std::env::temp_dir();
    if let Some(user) = user {
        let mut test = to_command(&user.become_it());
        let reaches = test.args(["test", "-x"]).arg(&parent).status().is_ok_and(|status| status.success());
        if !reaches {
            parent = PathBuf::from("/tmp");
        }
    }
    let random = RandomState::new().hash_one(0) & 0xffff_ffff;
    let directory = parent.join(format!("annals-servers-{random:08x}"));
    fs::create_dir(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    Ok(directory)
}

/// Where everything that is built goes.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}
