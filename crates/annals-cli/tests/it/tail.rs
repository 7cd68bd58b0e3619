//! Following a store from one process while another writes.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::{Done, Place, finished};

/// How long an event may take to be seen.
const SOON: Duration = Duration::from_secs(20);

struct Tail {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Tail {
    fn start(place: &Place, args: &[&str]) -> Self {
        let mut child = place.on("a.db", &[&["tail"], args].concat()).spawn().unwrap();
        let stdout: BufReader<ChildStdout> = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    #[track_caller]
    fn next(&self) -> Value {
        serde_json::from_str(&self.lines.recv_timeout(SOON).unwrap()).unwrap()
    }

    #[cfg(unix)]
    fn interrupted(self) -> Done {
        crate::interrupt(&self.child);
        finished(self.child)
    }

    #[cfg(not(unix))]
    fn interrupted(mut self) -> Done {
        self.child.kill().unwrap();
        Done { status: Some(0), ..finished(self.child) }
    }
}

#[test]
fn tail_prints_what_is_there_and_then_what_another_process_writes() {
    let place = Place::new();
    place.stdout(&["append", "order-1", "order-placed", "1"]);
    let tail = Tail::start(&place, &["--from", "start", "--json"]);
    let first = tail.next();
    assert_eq!(first["payload"], 1);
    place.stdout(&["append", "order-1", "order-paid", "2"]);
    let second = tail.next();
    assert_eq!((&second["payload"], &second["stream_version"]), (&2.into(), &2.into()));

    let done = tail.interrupted();
    assert_eq!(done.status, Some(0), "{}", done.stderr);

    let later = Tail::start(&place, &["--json", "--from", first["checkpoint"].as_str().unwrap()]);
    let resumed = later.next();
    assert_eq!(resumed, second, "it goes on after the checkpoint with the same event");
    later.interrupted();
}

#[test]
fn tail_shows_only_what_it_is_asked_for() {
    let place = Place::new();
    for (stream, event_type) in [("order-1", "a"), ("invoice-1", "b"), ("order-2", "b"), ("order-3", "c")] {
        place.stdout(&["append", stream, event_type]);
    }
    let tail = Tail::start(
        &place,
        &["--json", "--from", "start", "--category", "order", "--type", "b", "--type", "c"],
    );
    assert_eq!(tail.next()["stream_id"], "order-2");
    assert_eq!(tail.next()["stream_id"], "order-3");
    let done = tail.interrupted();
    let again = "annals tail --store sqlite:a.db --category order --type b --type c --json --from ";
    assert!(cfg!(not(unix)) || done.stderr.contains(again), "{}", done.stderr);
}

#[test]
fn tail_from_now_leaves_out_what_was_there_and_goes_on_from_the_answer_of_an_append() {
    let place = Place::new();
    place.stdout(&["append", "a", "before"]);
    let tail = Tail::start(&place, &["--json"]);
    // There is no telling from outside when a follower has begun, so events are written until one is seen.
    let seen = (0..100).find_map(|_| {
        place.stdout(&["append", "a", "after"]);
        tail.lines.recv_timeout(Duration::from_millis(200)).ok()
    });
    assert!(seen.unwrap().contains(r#""event_type":"after""#));
    tail.interrupted();

    let answer = &place.objects(&["append", "a", "mark", "--json"])[0];
    place.stdout(&["append", "a", "last"]);
    let tail = Tail::start(&place, &["--json", "--from", answer["checkpoint"].as_str().unwrap()]);
    assert_eq!(tail.next()["event_type"], "last");
    tail.interrupted();
}

#[cfg(unix)]
#[test]
fn tail_ends_when_its_reader_goes_away_although_nothing_more_is_written() {
    let place = Place::new();
    place.stdout(&["append", "a", "t"]);
    let mut child = place.on("a.db", &["tail", "--from", "start"]).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let start = std::time::Instant::now();
    let done = finished(child);
    assert_eq!((done.status, done.stderr.as_str()), (Some(0), ""));
    assert!(start.elapsed() < SOON);
}
