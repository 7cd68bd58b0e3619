//! Oracle MySQL, fully durable, `root` without a password. Debian has it in sid only, so it is unpacked with
//! the libraries it was built for and started by their loader.

use std::fs;
use std::path::{Path, PathBuf};

use super::apt::{self, Suite};
use super::control::{Control, offer};
use super::ground::{Absent, Ground, installed, is_root, joined, to_command, version};
use super::{Running, mariadb, words};

/// `name` is that of the server's directory. A binary log, which this product has unless told otherwise, decides
/// whether InnoDB shows a commit before it is on the disk.
pub(super) fn start(ground: &Ground, name: &str, binary_log: bool) -> Result<Running, Absent> {
    let mysqld = mysqld(ground)?;
    let directory = ground.server_directory(name).map_err(Absent::Failed)?;
    offer(ground, &directory, "client", &mysqld.client)?;
    offer(ground, &directory, "dump", &mysqld.dump)?;
    let mut command = mysqld.command.clone();
    command.push("--no-defaults".to_owned());
    command.push(format!("--datadir={}", directory.join("data").display()));
    if is_root() {
        command.push("--user=root".to_owned());
    }
    command.extend(mysqld.places);
    let mut initialize = command.clone();
    initialize.push("--initialize-insecure".to_owned());
    ground.output(&mut to_command(&initialize)).map_err(Absent::Failed)?;

    let init = directory.join("init.sql");
    fs::write(&init, mariadb::INIT).map_err(|e| Absent::Failed(e.to_string()))?;
    let tls = ground.certificates()?;
    let port = ground.free_port().map_err(Absent::Failed)?;
    command.extend(mariadb::settings(port, &init.display().to_string(), &tls));
    let log: &[&str] = if binary_log { &["--log-bin=binlog", "--server-id=1"] } else { &["--skip-log-bin"] };
    command.extend(log.iter().map(|&word| word.to_owned()));
    // Its instruments alone would take half of its memory, and there are two of it.
    command.extend(words(["--mysqlx=OFF", "--secure-file-priv=NULL", "--performance-schema=OFF"]));
    let control =
        Control { directory, command, ready: "ready for connections", stop: "TERM", end: "KILL", clean: ":" };
    Ok(Running {
        version: mysqld.version,
        port,
        url: format!("mysql://root@127.0.0.1:{port}/annals"),
        script: control.start(ground)?,
        authority: tls.authority,
    })
}

struct Mysqld {
    command: Vec<String>,
    /// The clients that read statements and write dumps.
    client: Vec<String>,
    dump: Vec<String>,
    /// Options that say where its files are.
    places: Vec<String>,
    version: String,
}

fn mysqld(ground: &Ground) -> Result<Mysqld, Absent> {
    // MariaDB installs programs of these names too.
    let own = ["mysqld", "mysql", "mysqldump"].map(oracles);
    if let [Some(mysqld), Some(client), Some(dump)] = own {
        let version = mysqld.1;
        return Ok(Mysqld { command: mysqld.0, client: client.0, dump: dump.0, places: Vec::new(), version });
    }
    if installed("apt-get").is_none() {
        return Err(Absent::Skipped("mysqld not found, and no apt-get to fetch it with".into()));
    }
    // Sid moves, and there are days on which its packages do not fit together.
    unpacked(ground).map_err(|why| Absent::Skipped(format!("not installable: {why}")))
}

/// The program of the machine with this name, and its version, unless it is MariaDB's.
fn oracles(name: &str) -> Option<(Vec<String>, String)> {
    let program = vec![installed(name)?.display().to_string()];
    let said = to_command(&program).arg("--version").output().ok()?;
    let said = String::from_utf8_lossy(&said.stdout);
    (!said.contains("MariaDB")).then(|| (program, version(&said)))
}

fn unpacked(ground: &Ground) -> Result<Mysqld, String> {
    let packages = ["mysql-server-core", "mysql-client-core"];
    let root = apt::unpacked(ground, "mysql", &packages, Suite::Sid)?;
    let libraries = apt::library_dirs(&root);
    let loader = libraries.iter().find_map(|dir| loader(dir)).ok_or("its loader is missing")?;
    let usr = root.join("usr");
    let program = |place: &str| {
        let (loader, program) = (loader.display().to_string(), usr.join(place).display().to_string());
        words([&loader, "--library-path", &joined(&libraries), &program])
    };
    let command = program("sbin/mysqld");
    let places = words([
        &format!("--basedir={}", usr.display()),
        &format!("--lc-messages-dir={}", usr.join("share/mysql").display()),
        &format!("--plugin-dir={}", usr.join("lib/mysql/plugin").display()),
    ]);
    let said = ground.output(to_command(&command).arg("--version"))?;
    let (client, dump) = (program("bin/mysql"), program("bin/mysqldump"));
    Ok(Mysqld { command, client, dump, places, version: version(&said) })
}

fn loader(dir: &Path) -> Option<PathBuf> {
    let mut files = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    files.find(|path| {
        path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with("ld-linux") && name.contains(".so")
        })
    })
}
