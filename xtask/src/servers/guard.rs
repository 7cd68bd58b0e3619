//! What has been started goes away again: after success, failure, a panic, Ctrl-C and `kill -9`.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A shell outside this process that waits for its end. Dropping the guard makes it do its work and waits.
pub(crate) struct Guard {
    watchdog: Child,
}

impl Guard {
    /// Watches over the servers below `directory`, and removes it and `unfinished`.
    pub(super) fn new(directory: &Path, unfinished: &Path) -> Result<Self, String> {
        let script = directory.join("watchdog.sh");
        fs::write(&script, include_str!("watchdog.sh")).map_err(|e| format!("{}: {e}", script.display()))?;
        let mut command = Command::new("sh");
        command.arg(&script).arg(directory).arg(unfinished);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own, which Ctrl-C does not reach.
        join_group(&mut command, 0);
        let watchdog = command.spawn().map_err(|e| format!("could not start a shell: {e}"))?;
        Ok(Self { watchdog })
    }

    /// Lets a command end with this process: it joins the group that the watchdog ends.
    pub(crate) fn adopt<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        join_group(command, self.watchdog.id());
        command.stdin(Stdio::null())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Closing its input is the sign. It ends by a signal of its own, which says nothing.
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

#[cfg(unix)]
fn join_group(command: &mut Command, group: u32) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(i32::try_from(group).unwrap_or(0));
}

#[cfg(not(unix))]
fn join_group(_: &mut Command, _: u32) {}
