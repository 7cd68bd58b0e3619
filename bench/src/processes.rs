//! Writers in several processes: each is this program once more, or another that speaks as it does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use crate::load::{Share, Writing, Written};
use crate::subject::{Kind, Outcome, Subject};

/// Starts a process for each command and lets them begin together, once all of them are ready; nothing where one
/// says that it cannot.
pub(crate) fn run(commands: impl IntoIterator<Item = Command>) -> Outcome<Option<Written>> {
    let mut children = Children(Vec::new());
    for mut command in commands {
        children.0.push(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
    }
    let mut outputs = Vec::new();
    for child in &mut children.0 {
        let mut output = BufReader::new(child.stdout.take().ok_or("a process without output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        match line.trim() {
            "ready" => {}
            "" => return Err("a process of writers ended before it was ready".into()),
            why => {
                writeln!(std::io::stderr().lock(), "{why}")?;
                return Ok(None);
            }
        }
        outputs.push(output);
    }
    for child in &mut children.0 {
        writeln!(child.stdin.as_mut().ok_or("a process without input")?, "go")?;
    }
    let mut written = Written::default();
    for mut output in outputs {
        let mut line = String::new();
        output.read_to_string(&mut line)?;
        written.add(Written::told(&line).map_err(|e| format!("{e}: {line:.200}"))?);
    }
    for child in &mut children.0 {
        if !child.wait()?.success() {
            return Err("a process of writers failed".into());
        }
    }
    Ok(Some(written))
}

/// Processes that do not outlive a failure.
struct Children(Vec<Child>);

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// This program, with its part of the writers.
pub(crate) fn itself(share: &Share) -> Outcome<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--share").arg(serde_json::to_string(share)?);
    Ok(command)
}

/// The part of a process that another one started.
pub(crate) async fn take_part(share: Share) -> Outcome<()> {
    let kind = Kind::all().find(|kind| kind.name() == share.subject).ok_or("no such subject here")?;
    let subject = kind.open_shared(&share.server, &share.namespace).await?;
    let written = write(subject, &share).await?;
    written.tell()
}

async fn write(subject: Arc<dyn Subject>, share: &Share) -> Outcome<Written> {
    let writing: Writing = share.begin()?;
    let tasks: Vec<_> = share
        .numbers()
        .map(|writer| tokio::spawn(writing.clone().write(subject.clone(), writer, share.batch)))
        .collect();
    let mut written = Written::default();
    for task in tasks {
        written.add(task.await??);
    }
    Ok(written)
}
