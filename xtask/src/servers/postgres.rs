//! PostgreSQL, fully durable, everybody from this machine trusted but for one role, which has to give a
//! password.

use std::fs;
use std::path::{Path, PathBuf};

use super::control::{Control, offer};
use super::ground::{Absent, Ground, Programs, to_command, version};
use super::{Running, words};

/// The role whose password is asked for.
const PASSWORDS: &str = "host all with_password 127.0.0.1/32 scram-sha-256\n";

/// `name` is that of the server's directory.
pub(super) fn start(ground: &Ground, name: &str) -> Result<Running, Absent> {
    let programs = programs(ground)?;
    let directory = ground.server_directory(name).map_err(Absent::Failed)?;
    for client in ["pg_dump", "psql"] {
        offer(ground, &directory, client, &programs.command(client)?)?;
    }
    let tls = ground.certificates()?;
    let key = tls.key_copy(&directory).map_err(Absent::Failed)?;
    ground.give_away(&directory).map_err(Absent::Failed)?;
    let data = directory.join("data");
    create(ground, &programs, &data)?;
    let port = ground.free_port().map_err(Absent::Failed)?;
    let mut command = ground.as_other_user();
    command.extend(programs.command("postgres")?);
    command.extend(words(["-D", &data.display().to_string(), "-h", "127.0.0.1", "-p", &port.to_string()]));
    // Shared memory outside the directory would outlive a crash.
    for setting in
        ["unix_socket_directories=", "max_connections=200", "dynamic_shared_memory_type=mmap", "ssl=on"]
    {
        command.extend(words(["-c", setting]));
    }
    for (setting, file) in [("ssl_cert_file", &tls.certificate), ("ssl_key_file", &key)] {
        command.extend(words(["-c", &format!("{setting}={}", file.display())]));
    }
    let control = Control {
        directory,
        command,
        ready: "database system is ready to accept connections",
        stop: "INT",
        end: "QUIT",
        // The one segment that PostgreSQL cannot do without is on the seventh line.
        clean: r#"[ ! -e "$directory/data/postmaster.pid" ] ||
            ipcrm -m "$(sed -n '7s/.* //p' "$directory/data/postmaster.pid")" 2>/dev/null"#,
    };
    let said = ground.output(to_command(&programs.command("postgres")?).arg("--version"));
    Ok(Running {
        version: version(&said.map_err(Absent::Failed)?),
        port,
        url: format!("postgres://postgres@127.0.0.1:{port}/annals"),
        script: control.start(ground)?,
        authority: tls.authority,
    })
}

/// A cluster with the database `annals`. Its collation is one of people, in which `a` comes before `B`: a
/// statement that needs byte order and does not say so is found out.
fn create(ground: &Ground, programs: &Programs, data: &Path) -> Result<(), Absent> {
    let mut init = ground.as_other_user();
    init.extend(programs.command("initdb")?);
    init.extend(words(["-D", &data.display().to_string(), "-U", "postgres", "-A", "trust", "--no-sync"]));
    init.extend(words(["-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]));
    ground.output(&mut to_command(&init)).map_err(Absent::Failed)?;
    let access = data.join("pg_hba.conf");
    let trusting = fs::read_to_string(&access).map_err(|e| Absent::Failed(e.to_string()))?;
    fs::write(&access, format!("{PASSWORDS}{trusting}")).map_err(|e| Absent::Failed(e.to_string()))?;
    let mut single = ground.as_other_user();
    single.extend(programs.command("postgres")?);
    single.extend(words(["--single", "-D", &data.display().to_string(), "-c", "fsync=off", "postgres"]));
    let mut sh = words(["sh", "-c", r#"echo 'CREATE DATABASE annals' | "$@""#, "sh"]);
    sh.extend(single);
    ground.output(&mut to_command(&sh)).map_err(Absent::Failed).map(drop)
}

/// Debian keeps them in a folder for each version; the newest is taken.
fn programs(ground: &Ground) -> Result<Programs, Absent> {
    let names = ["postgres", "initdb", "pg_dump", "psql"];
    let mut programs = ground
        .programs(&names, &debian_dirs(Path::new("/")), "postgresql", &["postgresql"])?
        .reachable(ground)?;
    if let Some(root) = &programs.root {
        programs.dirs = debian_dirs(root);
    }
    Ok(programs)
}

fn debian_dirs(root: &Path) -> Vec<PathBuf> {
    let versions = fs::read_dir(root.join("usr/lib/postgresql")).into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|entry| entry.path()).collect();
    versions.sort_by_key(|path| path.file_name().and_then(|name| name.to_string_lossy().parse::<u32>().ok()));
    versions.iter().rev().map(|version| version.join("bin")).collect()
}
