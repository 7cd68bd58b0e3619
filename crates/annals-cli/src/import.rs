//! `annals import`: CloudEvents into a store, in their order and under their ids. What is there already is
//! recognised (rule 6), so an import that was interrupted is run again.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

use annals::StreamId;
use tokio::sync::mpsc;

use crate::cloudevent;
use crate::failure::{Failure, ID_IN_USE};
use crate::output::Progress;
use crate::target::Target;
use crate::transfer::{BATCH_MAX, Transfer};

/// Append CloudEvents from a file or from standard input, in their order.
///
/// Each line is one CloudEvent 1.0 as a JSON object. Each event keeps its id, so that events which are there already are left alone: after an interruption, by
/// Ctrl-C or by an error, run the same command again and it goes on. It stops at the first line it cannot
/// import; all lines before it are in the store, and none after it.
///
/// Events of `annals export` come back as they were, at a new position and with a new recorded time. Those of others may lack everything
/// but specversion, id, source and type. The stream is the subject, or what --stream says where there is none.
///
/// An id that is no UUID becomes UUIDv5, in the URL namespace of RFC 9562, of the source, a line feed and the
/// id; the id itself is kept in the metadata as cloudevents_id. Attributes that Annals does not know are kept
/// in the metadata under cloudevents.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals import orders.ndjson
  annals export --store sqlite:old.db | annals import --store sqlite:new.db
  annals import --stream inbox events-without-a-subject.ndjson

Ctrl-C ends it with status 130.")]
pub(crate) struct Args {
    /// The file; standard input unless given.
    #[arg(value_name = "FILE|-", default_value = "-", hide_default_value = true)]
    file: PathBuf,
    /// The stream of events that have no subject.
    #[arg(long, value_name = "ID")]
    stream: Option<StreamId>,
}

/// The longest line: an event of the largest size, with every character of its metadata escaped, is shorter.
const LINE_BYTES_MAX: usize = 32 << 20;

/// Bytes of lines handed over at once.
const CHUNK_BYTES_MAX: usize = 1 << 20;

/// Chunks that wait to be imported while the next is read.
const CHUNKS_MAX: usize = 2;

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let (input, bytes) = open(&args.file)?;
    let store = target.create().await?;
    let progress = Progress::bytes(bytes);
    let mut import = Import { transfer: Transfer::into(store, at_line), stream: args.stream };
    let done = import.all(input, &progress).await;
    let Transfer { written, already, .. } = import.transfer;
    progress.finish(&format!("imported {written}, already there {already}"));
    done
}

fn open(path: &PathBuf) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
    if path.as_os_str() == "-" {
        return Ok((Box::new(io::stdin()), None));
    }
    let failed = |e| {
        Failure::refused(format!("could not open {}", path.display()), e)
            .hint("give the file that `annals export` wrote, or - for standard input")
    };
    let file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    Ok((Box::new(file), about.is_file().then_some(about.len())))
}

struct Import {
    transfer: Transfer,
    stream: Option<StreamId>,
}

impl Import {
    async fn all(&mut self, input: Box<dyn Read + Send>, progress: &Progress) -> Result<(), Failure> {
        let mut chunks = read(input);
        let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            let chunk = tokio::select! {
                biased;
                _ = &mut interrupt => {
                    self.transfer.flush().await?;
                    return Err(Failure::interrupted("interrupted before the end")
                        .hint("run the same command again: it goes on where it stopped"));
                }
                chunk = chunks.recv() => chunk,
            };
            let Some(chunk) = chunk else { return self.transfer.flush().await };
            for line in &chunk.lines {
                if let Err(failure) = self.line(line).await {
                    self.transfer.flush().await?;
                    return Err(failure);
                }
            }
            progress.advance(chunk.bytes);
            if let Some(failure) = chunk.failure {
                self.transfer.flush().await?;
                return Err(failure);
            }
            // What has come is not held back while there is nothing more to read.
            if chunks.is_empty() {
                self.transfer.flush().await?;
            }
        }
    }

    async fn line(&mut self, line: &Line) -> Result<(), Failure> {
        let failed = |error: annals::Error| at_line(line.number, error);
        // Some programs begin a file in UTF-8 with a byte order mark.
        let bytes = match line.text.strip_prefix(b"\xef\xbb\xbf") {
            Some(bytes) if line.number == 1 => bytes,
            _ => &line.text,
        };
        let text = std::str::from_utf8(bytes).map_err(|e| {
            failed(annals::Error::invalid(format!("not UTF-8 at byte {}", e.valid_up_to() + 1)))
        })?;
        if text.trim().is_empty() {
            return Ok(());
        }
        let (stream_id, event) = cloudevent::read(text, self.stream.as_ref()).map_err(failed)?;
        self.transfer.push(line.number, stream_id, event).await
    }
}

fn at_line(number: u64, error: annals::Error) -> Failure {
    let refused = error.kind() == annals::ErrorKind::Invalid;
    let failure = Failure::from(error).at(&format!("line {number}"));
    if failure.message.contains(ID_IN_USE) {
        failure
            .hint("this is another event under the same id: give it an id of its own, or leave the line out")
    } else if refused {
        failure.hint("mend the line and run the same command again: what is imported is recognised")
    } else {
        failure
    }
}

struct Line {
    number: u64,
    text: Vec<u8>,
}

/// Lines as they come, and why there are no more where that is not the end.
#[derive(Default)]
struct Chunk {
    lines: Vec<Line>,
    bytes: u64,
    failure: Option<Failure>,
}

/// Reads lines in a thread of its own, since reading a terminal or a pipe cannot be interrupted.
fn read(input: Box<dyn Read + Send>) -> mpsc::Receiver<Chunk> {
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    std::thread::spawn(move || {
        let mut input = BufReader::with_capacity(CHUNK_BYTES_MAX, input);
        let mut number = 0;
        loop {
            let (chunk, more) = chunk(&mut input, &mut number);
            // Without a receiver the import has ended.
            if sender.blocking_send(chunk).is_err() || !more {
                return;
            }
        }
    });
    receiver
}

/// The lines that can be had without waiting for more input, at least one, and whether there may be more.
fn chunk(input: &mut BufReader<Box<dyn Read + Send>>, number: &mut u64) -> (Chunk, bool) {
    let mut chunk = Chunk::default();
    loop {
        *number += 1;
        let mut text = Vec::new();
        let read = input.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut text);
        match read {
            Ok(0) => return (chunk, false),
            Ok(bytes) if bytes > LINE_BYTES_MAX => {
                let error = annals::Error::invalid(format!("longer than {} MiB", LINE_BYTES_MAX >> 20));
                chunk.failure = Some(at_line(*number, error));
                return (chunk, false);
            }
            Ok(bytes) => {
                chunk.bytes += bytes as u64;
                chunk.lines.push(Line { number: *number, text });
            }
            Err(e) => {
                chunk.failure = Some(Failure::refused(format!("could not read line {number}"), e));
                return (chunk, false);
            }
        }
        let full = chunk.lines.len() >= BATCH_MAX || chunk.bytes >= CHUNK_BYTES_MAX as u64;
        if full || !input.buffer().contains(&b'\n') {
            return (chunk, true);
        }
    }
}
