//! PgBouncer before PostgreSQL, in transaction mode: each transaction may run on another connection.

use std::fs;

use super::control::Control;
use super::ground::{Absent, Ground, to_command, version};
use super::{Running, words};

/// Every user is `postgres` behind it. Idle connections end soon, so that databases can be dropped, and
/// after a crash PostgreSQL is tried again soon.
const SETTINGS: &str = "\
[databases]
* = host=127.0.0.1 port={behind} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 500
default_pool_size = 20
server_idle_timeout = 10
server_login_retry = 1
ignore_startup_parameters = extra_float_digits
client_tls_sslmode = allow
client_tls_cert_file = {certificate}
client_tls_key_file = {key}
";

pub(super) fn start(ground: &Ground, behind: u16) -> Result<Running, Absent> {
    let programs = ground.programs(&["pgbouncer"], &[], "pgbouncer", &["pgbouncer"])?.reachable(ground)?;
    let directory = ground.server_directory("pgbouncer").map_err(Absent::Failed)?;
    let port = ground.free_port().map_err(Absent::Failed)?;
    let tls = ground.certificates()?;
    let key = tls.key_copy(&directory).map_err(Absent::Failed)?;
    let mut settings = SETTINGS.replace("{behind}", &behind.to_string()).replace("{port}", &port.to_string());
    for (place, file) in [("{certificate}", &tls.certificate), ("{key}", &key)] {
        settings = settings.replace(place, &file.display().to_string());
    }
    let ini = directory.join("pgbouncer.ini");
    fs::write(&ini, settings).map_err(|e| Absent::Failed(e.to_string()))?;
    ground.give_away(&directory).map_err(Absent::Failed)?;
    let mut command = ground.as_other_user();
    command.extend(programs.command("pgbouncer")?);
    command.extend(words([&ini.display().to_string()]));
    let control = Control { directory, command, ready: "process up", stop: "TERM", end: "KILL", clean: ":" };
    let said = ground.output(to_command(&programs.command("pgbouncer")?).arg("--version"));
    Ok(Running {
        version: version(&said.map_err(Absent::Failed)?),
        port,
        url: format!("postgres://postgres@127.0.0.1:{port}/annals"),
        script: control.start(ground)?,
        authority: tls.authority,
    })
}
