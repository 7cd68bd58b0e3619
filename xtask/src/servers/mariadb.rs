//! MariaDB, fully durable, `root` without a password.

use std::fs;

use super::certificates::Certificates;
use super::control::{Control, offer};
use super::ground::{Absent, Ground, is_root, to_command, version};
use super::{Running, words};

/// Run at each start. Both products know a client from this machine by either of two names.
pub(super) const INIT: &str = "\
CREATE USER IF NOT EXISTS root@'127.0.0.1' IDENTIFIED BY '';
GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
CREATE DATABASE IF NOT EXISTS annals CHARACTER SET utf8mb4;
";

/// `name` is that of the server's directory.
pub(super) fn start(ground: &Ground, name: &str) -> Result<Running, Absent> {
    let programs = ground.programs(
        &["mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump"],
        &[],
        "mariadb",
        &["mariadb-server-core", "mariadb-client-core", "mariadb-client"],
    )?;
    let directory = ground.server_directory(name).map_err(Absent::Failed)?;
    offer(ground, &directory, "client", &programs.command("mariadb")?)?;
    offer(ground, &directory, "dump", &programs.command("mariadb-dump")?)?;
    let data = directory.join("data").display().to_string();
    let mut common = words(["--no-defaults", &format!("--datadir={data}")]);
    if is_root() {
        common.push("--user=root".to_owned());
    }
    if let Some(root) = &programs.root {
        common.push(format!("--basedir={}", root.join("usr").display()));
    }
    let mut install = programs.command("mariadb-install-db")?;
    install.extend(common.clone());
    install.extend(words(["--auth-root-authentication-method=normal", "--skip-test-db"]));
    ground.output(&mut to_command(&install)).map_err(Absent::Failed)?;

    let init = directory.join("init.sql");
    fs::write(&init, INIT).map_err(|e| Absent::Failed(e.to_string()))?;
    let tls = ground.certificates()?;
    let port = ground.free_port().map_err(Absent::Failed)?;
    let mut command = programs.command("mariadbd")?;
    command.extend(common);
    command.extend(settings(port, &init.display().to_string(), &tls));
    command.push("--skip-log-bin".to_owned());
    let said = ground.output(to_command(&programs.command("mariadbd")?).arg("--version"));
    let control =
        Control { directory, command, ready: "ready for connections", stop: "TERM", end: "KILL", clean: ":" };
    Ok(Running {
        version: version(&said.map_err(Absent::Failed)?),
        port,
        url: format!("mysql://root@127.0.0.1:{port}/annals"),
        script: control.start(ground)?,
        authority: tls.authority,
    })
}

/// What MariaDB and MySQL are both told. A relative socket is one in the data directory, whose own path may
/// be longer than a socket's may.
pub(super) fn settings(port: u16, init: &str, tls: &Certificates) -> Vec<String> {
    words([
        "--bind-address=127.0.0.1",
        &format!("--port={port}"),
        "--socket=s.sock",
        "--pid-file=server.pid",
        &format!("--init-file={init}"),
        "--max-connections=500",
        "--innodb-flush-log-at-trx-commit=1",
        &format!("--ssl-ca={}", tls.authority.display()),
        &format!("--ssl-cert={}", tls.certificate.display()),
        &format!("--ssl-key={}", tls.key.display()),
    ])
}
