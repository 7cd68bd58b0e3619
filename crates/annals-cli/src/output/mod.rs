//! Everything the tool prints. Results go to standard output, as a table or as one JSON object a line; what
//! accompanies them, errors and progress included, goes to standard error.
//!
//! A table is as wide as the terminal it is shown on, where the columns beside an event's payload give way to
//! it. Anywhere else nothing is cut or left out, and colour never carries a meaning.

mod progress;
mod table;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use annals::backend::{Durability, EventTypeInfo, Stats, StoreId, StreamInfo};
use annals::{Appended, Checkpoint, EventId, Payload, RecordedEvent, StreamId, Tag};
use console::Term;
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use crate::advise::{Load, SnapshotAdvice, Verdict};
use crate::failure::{Failure, Status};

pub(crate) use self::progress::Progress;
pub(crate) use self::table::Column;

use self::table::Table;

/// Says on standard error why the command failed, and gives its exit status.
pub(crate) fn failed(failure: &Failure) -> ExitCode {
    if failure.status != Status::ClosedPipe {
        let mut text = format!("error: {}", printable(&short_words(&failure.message)));
        for cause in &failure.causes {
            text.push_str(&format!("\ncaused by: {}", printable(&short_words(cause))));
        }
        if let Some(hint) = &failure.hint {
            text.push_str(&format!("\ntry: {}", printable(hint)));
        }
        note(&text);
    }
    ExitCode::from(failure.status as u8)
}

/// Says something on standard error; where nobody listens, nothing is lost.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// What came of `annals append`.
#[derive(Debug)]
pub(crate) struct AppendedEvent {
    pub(crate) stream_id: StreamId,
    pub(crate) event_id: EventId,
    pub(crate) appended: Appended,
}

/// What `annals stats` tells.
#[derive(Debug)]
pub(crate) struct StoreStats {
    pub(crate) store_id: StoreId,
    pub(crate) stats: Stats,
    pub(crate) durability: Durability,
    pub(crate) hash_chain: Option<&'static str>,
}

/// The result of a command, on standard output.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    lines: Lines,
    table: Table,
    /// Whether all events are of one stream, which then needs no column.
    one_stream: bool,
    empty: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let table = Table::new(terminal_width());
        Self { json, lines: Lines::stdout(), table, one_stream: false, empty: true }
    }

    /// For the events of a single stream.
    pub(crate) fn of_stream(json: bool) -> Self {
        Self { one_stream: true, ..Self::new(json) }
    }

    pub(crate) fn event(&mut self, event: &RecordedEvent) -> Result<(), Failure> {
        if self.json { self.object(event) } else { self.event_row(event) }
    }

    /// An event and the checkpoint after it.
    pub(crate) fn event_at(&mut self, event: &RecordedEvent, checkpoint: &Checkpoint) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct EventAt<'a> {
            #[serde(flatten)]
            event: &'a RecordedEvent,
            checkpoint: &'a Checkpoint,
        }
        if self.json { self.object(&EventAt { event, checkpoint }) } else { self.event_row(event) }
    }

    fn event_row(&mut self, event: &RecordedEvent) -> Result<(), Failure> {
        let tags: Vec<&str> = event.tags.iter().map(Tag::as_str).collect();
        let payload = match &event.payload {
            Payload::Json(json) => json.to_string(),
            Payload::Bytes(bytes) => format!("{} bytes of {}", bytes.len(), event.content_type),
        };
        let occurred_at = match self.table.terminal {
            Some(_) => to_the_second(&event.occurred_at.to_string()),
            None => event.occurred_at.to_string(),
        };
        let mut cells = vec![
            event.position.to_string(),
            event.stream_version.to_string(),
            event.event_type.to_string(),
            occurred_at,
            tags.join(" "),
            payload,
        ];
        if self.one_stream {
            return self.row(&STREAM_EVENT, cells);
        }
        cells.insert(1, event.stream_id.to_string());
        self.row(&EVENT, cells)
    }

    pub(crate) fn stream(&mut self, stream: &StreamInfo) -> Result<(), Failure> {
        if self.json {
            return self.object(stream);
        }
        self.row(&STREAM, vec![stream.version.to_string(), stream.stream_id.to_string()])
    }

    pub(crate) fn event_type(&mut self, event_type: &EventTypeInfo) -> Result<(), Failure> {
        if self.json {
            return self.object(event_type);
        }
        self.row(&EVENT_TYPE, vec![event_type.events.to_string(), event_type.event_type.to_string()])
    }

    pub(crate) fn snapshot_advice(&mut self, advice: &SnapshotAdvice) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Measured<'a> {
            stream_id: &'a StreamId,
            events: u64,
            bytes: u64,
            load_us: u64,
            estimated: bool,
        }
        impl<'a> Measured<'a> {
            fn of(load: &'a Load) -> Self {
                let Load { stream_id, events, bytes, time, estimated } = load;
                let (events, bytes, load_us) = (*events, *bytes, micros(*time));
                Self { stream_id, events, bytes, load_us, estimated: *estimated }
            }
        }
        #[derive(Serialize)]
        struct Answer<'a> {
            category: &'a str,
            streams: u64,
            p50: u64,
            p99: u64,
            max: u64,
            median: Measured<'a>,
            longest: Measured<'a>,
            advice: &'static str,
            every: Option<u64>,
            with_snapshot_us: Option<u64>,
            saved_us: Option<u64>,
        }
        let SnapshotAdvice { category, streams, p50, p99, median, longest, verdict } = advice;
        let (every, with_snapshot) = match *verdict {
            Verdict::NoneNeeded => (None, None),
            Verdict::FewStreams { with_snapshot } => (None, Some(with_snapshot)),
            Verdict::Every { events, with_snapshot } => (Some(events), Some(with_snapshot)),
        };
        if self.json {
            return self.object(&Answer {
                category,
                streams: *streams,
                p50: *p50,
                p99: *p99,
                max: longest.events,
                median: Measured::of(median),
                longest: Measured::of(longest),
                advice: match verdict {
                    Verdict::NoneNeeded => "none-needed",
                    Verdict::FewStreams { .. } => "few-streams",
                    Verdict::Every { .. } => "every",
                },
                every,
                with_snapshot_us: with_snapshot.map(micros),
                saved_us: with_snapshot.map(|with| micros(longest.time.saturating_sub(with))),
            });
        }
        let advised = match *verdict {
            Verdict::NoneNeeded => "none needed".to_owned(),
            Verdict::FewStreams { with_snapshot } => {
                format!("few streams: {} with a snapshot", short_time(with_snapshot))
            }
            Verdict::Every { events, with_snapshot } => {
                format!("every {} events: {} with one", HumanCount(events), short_time(with_snapshot))
            }
        };
        let about = |load: &Load| if load.estimated { "~" } else { "" };
        self.row(
            &SNAPSHOT_ADVICE,
            vec![
                category.clone(),
                HumanCount(*streams).to_string(),
                HumanCount(*p50).to_string(),
                HumanCount(*p99).to_string(),
                HumanCount(longest.events).to_string(),
                format!("{}{}", about(median), short_time(median.time)),
                format!("{}{}", about(longest), short_time(longest.time)),
                format!("{}{}", about(longest), HumanBytes(longest.bytes)),
                advised,
            ],
        )
    }

    /// What the advice comes to, in words.
    pub(crate) fn snapshot_summary(
        &mut self,
        advices: &[SnapshotAdvice],
        threshold: Duration,
        only_streams: Option<u64>,
        left_out: usize,
    ) -> Result<(), Failure> {
        if let Some(streams) = only_streams {
            note(&format!(
                "only the first {} streams were looked at; --streams raises that",
                HumanCount(streams)
            ));
        }
        if left_out > 0 {
            note(&format!("{left_out} more categories have shorter streams; --category looks at one"));
        }
        let slowest = advices.iter().max_by_key(|advice| advice.longest.time);
        let Some(slowest) = slowest.filter(|_| !self.json) else { return Ok(()) };
        self.flush()?;
        let Load { stream_id, events, time, .. } = &slowest.longest;
        let longest = format!(
            "the slowest load, {} with {} event{}, takes {}",
            printable(stream_id.as_str()),
            HumanCount(*events),
            if *events == 1 { "" } else { "s" },
            short_time(*time)
        );
        let (threshold, limit) = (short_time(threshold), micros(threshold));
        self.lines.write("")?;
        if advices.iter().all(|advice| advice.verdict == Verdict::NoneNeeded) {
            return self.lines.write(&format!(
                "None needed: {longest}, and up to {threshold} is quick enough (--threshold)."
            ));
        }
        self.lines.write(&format!("Worth it: {longest}; {threshold} is the limit (--threshold)."))?;
        for advice in advices {
            let (policy, with) = match advice.verdict {
                Verdict::NoneNeeded => continue,
                Verdict::FewStreams { with_snapshot } => {
                    let limit = match limit.is_multiple_of(1_000) {
                        true => format!("Duration::from_millis({})", limit / 1_000),
                        false => format!("Duration::from_micros({limit})"),
                    };
                    (format!("SnapshotPolicy::slower_than({limit})"), with_snapshot)
                }
                Verdict::Every { events, with_snapshot } => {
                    (format!("SnapshotPolicy::every({events})"), with_snapshot)
                }
            };
            self.lines.write(&format!(
                "  {}: .snapshots({policy}) saves {} of {} of the longest load",
                printable(&advice.category),
                short_time(advice.longest.time.saturating_sub(with)),
                short_time(advice.longest.time),
            ))?;
        }
        Ok(())
    }

    pub(crate) fn appended(mut self, done: &AppendedEvent) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Answer<'a> {
            stream_id: &'a StreamId,
            first_version: u64,
            last_version: u64,
            first_position: u64,
            last_position: u64,
            checkpoint: &'a Checkpoint,
            duplicate: bool,
            event_ids: [EventId; 1],
        }
        let AppendedEvent { stream_id, event_id, appended } = done;
        let last_version = appended.version().0;
        if self.json {
            self.object(&Answer {
                stream_id,
                first_version: appended.streams.first().map_or(last_version, |stream| stream.first_version.0),
                last_version,
                first_position: appended.first_position.0,
                last_position: appended.last_position.0,
                checkpoint: &appended.checkpoint,
                duplicate: appended.duplicate,
                event_ids: [*event_id],
            })?;
        } else {
            let what = if appended.duplicate { "already there" } else { "appended" };
            let position = appended.last_position;
            self.lines.write(&format!(
                "{what}: {stream_id} version {last_version}, position {position}, event {event_id}"
            ))?;
        }
        self.lines.flush()
    }

    pub(crate) fn stats(mut self, store: &StoreStats) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Answer<'a> {
            store_id: String,
            #[serde(flatten)]
            stats: Stats,
            durable: bool,
            durability: &'a str,
            hash_chain: Option<&'a str>,
        }
        let StoreStats { store_id, stats, durability, hash_chain } = store;
        if self.json {
            self.object(&Answer {
                store_id: store_id.to_string(),
                stats: *stats,
                durable: durability.durable,
                durability: &durability.settings,
                hash_chain: *hash_chain,
            })?;
        } else {
            let durable = if durability.durable { "yes" } else { "no" };
            let size = match stats.bytes {
                Some(bytes) => format!("{} ({bytes} bytes)", HumanBytes(bytes)),
                None => "not known".to_owned(),
            };
            for (name, value) in [
                ("store", store_id.to_string()),
                ("events", stats.events.to_string()),
                ("streams", stats.streams.to_string()),
                ("event types", stats.event_types.to_string()),
                ("last position", stats.position.to_string()),
                ("size", size),
                ("durable", format!("{durable}, {}", durability.settings)),
                ("hash chain", hash_chain.unwrap_or("none").to_owned()),
            ] {
                self.lines.write(&format!("{name:<13}  {value}"))?;
            }
        }
        self.lines.flush()
    }

    pub(crate) fn script(mut self, script: &[u8]) -> Result<(), Failure> {
        self.lines.bytes(script)?;
        self.lines.flush()
    }

    /// Shows all that is held back.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.table.flush(&mut self.lines)?;
        self.lines.flush()
    }

    /// Ends a listing. A table without rows is not shown; the reason is.
    pub(crate) fn finish(mut self, nothing: &str) -> Result<(), Failure> {
        self.flush()?;
        if self.empty && !self.json {
            note(nothing);
        }
        Ok(())
    }

    pub(crate) fn object<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        self.empty = false;
        let text = serde_json::to_string(value)
            .map_err(|e| Failure::refused("could not write an event as JSON", e))?;
        self.lines.write(&one_line(text))
    }

    pub(crate) fn row(&mut self, columns: &'static [Column], cells: Vec<String>) -> Result<(), Failure> {
        self.empty = false;
        self.table.row(columns, cells, &mut self.lines)
    }
}

/// JSON on one line. A line end in valid JSON is blank space between two tokens, and stored JSON keeps its
/// blanks.
pub(crate) fn one_line(json: String) -> String {
    if json.contains(['\n', '\r']) { json.replace(['\n', '\r'], " ") } else { json }
}

/// Lines of text on their way to standard output or into a file.
pub(crate) struct Lines {
    to: BufWriter<Box<dyn Write>>,
    /// Where a file has to be on disk before the command may say so.
    file: Option<File>,
    name: String,
}

impl Lines {
    pub(crate) fn stdout() -> Self {
        Self { to: BufWriter::new(Box::new(io::stdout().lock())), file: None, name: "standard output".into() }
    }

    /// Into this file, in place of what it held.
    pub(crate) fn file(path: &Path) -> Result<Self, Failure> {
        let failed = |e| Failure::refused(format!("could not create {}", path.display()), e);
        let file = File::create(path).map_err(failed)?;
        let name = path.display().to_string();
        Ok(Self { to: BufWriter::new(Box::new(file.try_clone().map_err(failed)?)), file: Some(file), name })
    }

    pub(crate) fn write(&mut self, line: &str) -> Result<(), Failure> {
        self.bytes(line.as_bytes())?;
        self.bytes(b"\n")
    }

    /// Writes a text of several lines, which ends with the last one's end.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.write(text.trim_end_matches('\n'))
    }

    /// Writes a value as one line of JSON.
    pub(crate) fn object<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(|e| Failure::refused("could not write JSON", e))?;
        self.say(&one_line(text))
    }

    /// Writes a line that somebody is waiting to see.
    pub(crate) fn say(&mut self, line: &str) -> Result<(), Failure> {
        self.write(line)?;
        self.flush()
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.to.write_all(bytes).map_err(|e| Failure::output(&self.name, e))
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.to.flush().map_err(|e| Failure::output(&self.name, e))
    }

    /// Writes all there is, a file down to the disk.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.flush()?;
        match self.file {
            // What is no file on a disk, such as a named pipe, has nothing to sync.
            Some(file) if file.metadata().is_ok_and(|about| about.is_file()) => {
                file.sync_all().map_err(|e| Failure::output(&self.name, e))
            }
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("to", &self.name).finish_non_exhaustive()
    }
}

static EVENT: [Column; 7] = [
    Column::number("position"),
    Column::text("stream").least(12),
    Column::number("version"),
    Column::text("type").least(14),
    Column::text("occurred at").or_left_out(),
    Column::text("tags").least(8).or_left_out(),
    Column::text("payload"),
];

static STREAM_EVENT: [Column; 6] = [EVENT[0], EVENT[2], EVENT[3], EVENT[4], EVENT[5], EVENT[6]];

static STREAM: [Column; 2] = [Column::number("version"), Column::text("stream")];

static EVENT_TYPE: [Column; 2] = [Column::number("events"), Column::text("type")];

static SNAPSHOT_ADVICE: [Column; 9] = [
    Column::text("category").least(10),
    Column::number("streams").or_left_out(),
    Column::number("p50"),
    Column::number("p99"),
    Column::number("max"),
    Column::number("p50 load"),
    Column::number("max load"),
    Column::number("max bytes").or_left_out(),
    Column::text("snapshots"),
];

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// `340 µs`, `5.2 ms`, `48 ms`, `1.25 s`.
fn short_time(time: Duration) -> String {
    match micros(time) {
        micros @ ..1_000 => format!("{micros} µs"),
        micros @ ..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        micros @ ..1_000_000 => format!("{} ms", micros / 1_000),
        micros => format!("{}.{:02} s", micros / 1_000_000, micros % 1_000_000 / 10_000),
    }
}

/// `2026-11-24 02:03:05` of a time in RFC 3339.
pub(crate) fn to_the_second(time: &str) -> String {
    let (date, time) = time.split_once('T').unwrap_or((time, ""));
    format!("{date} {}", time.get(..8).unwrap_or(time))
}

/// How often it is looked whether somebody still reads the output.
const READER_POLL: std::time::Duration = std::time::Duration::from_millis(250);

/// Waits until nobody reads standard output any more, as in `annals tail | head -1`: the pipe tells that only
/// to those who write, and a follower may have nothing to write for long.
pub(crate) async fn reader_gone() {
    while !is_reader_gone() {
        tokio::time::sleep(READER_POLL).await;
    }
}

#[cfg(unix)]
fn is_reader_gone() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdout = io::stdout();
    // Errors are told without being asked for. A file or a terminal has none.
    let mut output = [PollFd::new(&stdout, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut output, Some(&at_once)).is_ok()
        && output[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

#[cfg(not(unix))]
fn is_reader_gone() -> bool {
    false
}

/// How wide the terminal is, where standard output is one.
/// Says that somebody is to answer on the same line.
pub(crate) fn prompt(text: &str) {
    let mut to = io::stderr().lock();
    let _ = write!(to, "{text}").and_then(|()| to.flush());
}

/// Whether what is printed may have colours.
pub(crate) fn has_colours() -> bool {
    console::colors_enabled()
}

pub(crate) fn terminal_width() -> Option<usize> {
    let terminal = Term::stdout();
    if !terminal.is_term() {
        return None;
    }
    terminal.size_checked().map(|(_, columns)| usize::from(columns)).filter(|columns| *columns > 0)
}

/// Text that keeps to its line and cannot steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Text as a POSIX shell takes it for one word.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// How much of a value, or of a word in a message, is shown; the longest name has 255 bytes.
const SHOWN_MAX: usize = 300;

/// A text of which an error shows enough to recognise it.
pub(crate) fn short(text: &str) -> String {
    if text.chars().count() <= SHOWN_MAX {
        return text.to_owned();
    }
    text.chars().take(SHOWN_MAX / 3).chain(['…']).collect()
}

fn short_words(text: &str) -> String {
    text.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_with_line_ends_becomes_one_line_of_the_same_value() {
        let json = "{\r\n \"a\": \"x\\ny\"\n}".to_owned();
        assert_eq!(one_line(json), "{   \"a\": \"x\\ny\" }");
    }

    #[test]
    fn on_a_terminal_the_columns_beside_the_payload_give_way_to_it() {
        let shown = |widths: &[usize], terminal| {
            let caps = table::caps(&STREAM_EVENT, widths, terminal);
            widths.iter().zip(caps).map(|(width, cap)| cap.min(*width)).collect::<Vec<_>>()
        };
        // position, version, type, occurred at, tags, payload
        let widths = [8, 7, 12, 19, 20, 200];
        assert_eq!(shown(&widths, 300), widths);
        assert_eq!(shown(&widths, 120), [8, 7, 12, 19, 16, 200]);
        assert_eq!(shown(&widths, 100), [8, 7, 12, 19, 0, 200]);
        assert_eq!(shown(&widths, 60), [8, 7, 12, 0, 0, 200]);
        assert_eq!(shown(&[8, 7, 40, 19, 20, 200], 60), [8, 7, 15, 0, 0, 200]);
        let short = [8, 7, 12, 19, 20, 8];
        assert_eq!(shown(&short, 100), short, "a payload that needs no room takes none");
        assert_eq!(to_the_second("2026-11-24T02:03:05.123456Z"), "2026-11-24 02:03:05");
    }

    #[test]
    fn a_time_is_shown_in_two_or_three_digits() {
        for (micros, shown) in
            [(0, "0 µs"), (999, "999 µs"), (5_290, "5.2 ms"), (48_900, "48 ms"), (1_259_000, "1.25 s")]
        {
            assert_eq!(short_time(Duration::from_micros(micros)), shown);
        }
    }

    #[test]
    fn a_word_for_the_shell_is_quoted_where_it_has_to_be() {
        assert_eq!(quoted("sqlite:orders.db"), "sqlite:orders.db");
        assert_eq!(quoted("sqlite:a.db?namespace=x"), "'sqlite:a.db?namespace=x'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn text_cannot_steer_a_terminal() {
        assert_eq!(printable("a\u{1b}[2J\u{9b}b\nc"), "a [2J b c");
    }
}
