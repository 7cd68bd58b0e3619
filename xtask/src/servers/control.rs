//! The script that starts and ends one server: what xtask uses, and tests that crash servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ground::{Absent, Ground};

/// What is special about one server.
pub(super) struct Control {
    pub(super) directory: PathBuf,
    /// Becomes the server.
    pub(super) command: Vec<String>,
    /// What it logs when it answers.
    pub(super) ready: &'static str,
    /// The signal to stop in order.
    pub(super) stop: &'static str,
    /// The signal to stop at once.
    pub(super) end: &'static str,
    /// Shell commands that take away what a crash may have left outside the directory.
    pub(super) clean: &'static str,
}

impl Control {
    /// Writes the script and starts the server with it.
    pub(super) fn start(&self, ground: &Ground) -> Result<PathBuf, Absent> {
        let script = self.directory.join("server");
        write(ground, &script, &self.script())?;
        ground.output(Command::new("sh").arg(&script).arg("start")).map_err(Absent::Failed)?;
        Ok(script)
    }

    fn script(&self) -> String {
        let directory = quoted(&self.directory.display().to_string());
        let command: Vec<String> = self.command.iter().map(|word| quoted(word)).collect();
        // In a session of its own no signal to a terminal or a process group reaches the server. The shell
        // before it is there to reap it: until somebody does, its process id looks alive to the next one.
        format!(
            "#!/bin/sh\n# Starts and ends one server: {directory}/server start|stop|kill|restart\n\
             directory={directory}\nready={}\nstop_signal={}\nend_signal={}\n\
             launch() {{ exec setsid sh -c '\"$@\" & echo $! >\"$0\"; wait' \"$pid_file\" {}; }}\nclean() {{ {}; }}\n\n{}",
            quoted(self.ready),
            self.stop,
            self.end,
            command.join(" "),
            self.clean,
            include_str!("control.sh")
        )
    }
}

/// A script beside the server that runs one of its client programs, wherever that is.
pub(super) fn offer(
    ground: &Ground,
    directory: &Path,
    client: &str,
    command: &[String],
) -> Result<(), Absent> {
    let command: Vec<String> = command.iter().map(|word| quoted(word)).collect();
    write(ground, &directory.join(client), &format!("#!/bin/sh\nexec {} \"$@\"\n", command.join(" ")))
}

fn write(ground: &Ground, script: &Path, text: &str) -> Result<(), Absent> {
    fs::write(script, text).map_err(|e| Absent::Failed(e.to_string()))?;
    ground.output(Command::new("chmod").arg("755").arg(script)).map_err(Absent::Failed).map(drop)
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
