//! Texts that nobody meant: models, DDL, exports and ESDM files, spoilt at random from a seed.
//!
//! Nothing panics or hangs, and every place that is told is in its text. Each input has a seed of its own, which a
//! failure prints and which brings it back: `ANNALS_FUZZ_SEED=… ANNALS_FUZZ_INPUTS=1`. With
//! `ANNALS_FUZZ_INPUTS=100000` a run is a long one; with `ANNALS_FUZZ_TRACE=1` each seed is told before its input is
//! tried, for what ends the whole process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]
#![expect(clippy::print_stderr, reason = "a failure tells the seed that brings it back")]

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use annals_model::rules::{Example, RULES};
use annals_model::text::Texts;
use annals_model::{Subject, model, render, review, sample, shape};

/// What is tried, on texts of which kind. A new reader or writer is a line here.
const TARGETS: &[Target] = &[
    Target { name: "model", of: Kind::Model, run: read_model },
    Target { name: "ddl", of: Kind::Sql, run: read_ddl },
    Target { name: "events", of: Kind::Events, run: read_events },
    Target { name: "esdm", of: Kind::Esdm, run: read_esdm },
];

struct Target {
    name: &'static str,
    of: Kind,
    run: fn(&str),
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Model,
    Sql,
    Events,
    Esdm,
}

/// No input is larger.
const BYTES_MAX: usize = 32 << 10;

/// No input takes longer, in a debug build on a busy machine.
const TIME_MAX: Duration = Duration::from_secs(20);

fn read_model(text: &str) {
    let mut texts = Texts::default();
    let file = texts.add("annals.yaml", text);
    let (model, mistakes) = model::read(&texts, &[file]);
    places_are_in(&texts, &mistakes);
    let model_said = places_are_in(&texts, &model);

    let written = model::write(&model);
    let mut again = Texts::default();
    let file = again.add("annals.yaml", written.as_str());
    let (reread, mistakes_again) = model::read(&again, &[file]);
    assert_eq!(without_places(&format!("{reread:?}")), without_places(&model_said), "{written}");
    if mistakes.is_empty() {
        assert_eq!(mistakes_again, [], "{written}");
    }
    review(&Subject { texts, model: Some(model), ..Subject::default() });
}

fn read_ddl(text: &str) {
    let mut texts = Texts::default();
    let file = texts.add("store.sql", text);
    let store = shape::sql::read(&texts, file, None);
    places_are_in(&texts, &store);
    reads(&model::new::from_store(std::slice::from_ref(&store), None).text);
    review(&Subject { texts, stores: vec![store], ..Subject::default() });
}

fn read_events(text: &str) {
    let mut texts = Texts::default();
    let file = texts.add("events.jsonl", text);
    if let Ok(sample) = sample::read(&texts, file) {
        reads(&model::new::from_store(&[], Some(&sample)).text);
        review(&Subject { texts, sample: Some(sample), ..Subject::default() });
    }
}

fn read_esdm(text: &str) {
    let mut texts = Texts::default();
    let file = texts.add("model.esdm.yaml", text);
    match model::new::from_esdm(&texts, &[file]) {
        Ok(drafts) => drafts.iter().for_each(|draft| reads(&draft.text)),
        Err(mistakes) => drop(places_are_in(&texts, &mistakes)),
    }
}

/// What all rules say of it, and how that is shown.
fn review(subject: &Subject) {
    let report = review::review(subject);
    places_are_in(&subject.texts, &report.findings);
    render::human(&report, &subject.texts, &render::Human::default());
    for show in [render::short, render::json, render::sarif, render::github, render::markdown] {
        show(&report, &subject.texts);
    }
}

/// A draft is a model.
fn reads(draft: &str) {
    let mut texts = Texts::default();
    let file = texts.add("annals.yaml", draft);
    assert_eq!(model::read(&texts, &[file]).1, [], "{draft}");
}

/// Every place that something tells when it is shown is in the text and cuts no character in two.
fn places_are_in(texts: &Texts, shown: &impl std::fmt::Debug) -> String {
    let shown = format!("{shown:?}");
    let Some(file) = texts.files().next() else { return shown };
    for place in shown.split("Span { file: FileId(0), start: ").skip(1) {
        let mut numbers = place.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
        let (start, end): (usize, usize) = (numbers.next().unwrap(), numbers.next().unwrap());
        assert!(
            texts.text(file).get(start..end).is_some(),
            "{start}..{end} is no place of the text: {shown}"
        );
    }
    shown
}

fn without_places(shown: &str) -> String {
    let mut pieces = shown.split("Span { file: FileId(");
    let mut bare = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        bare.push_str(piece.split_once('}').map_or("", |(_, rest)| rest));
    }
    bare
}

/// What is spoilt.
fn texts_of(kind: Kind) -> Vec<String> {
    let mut texts = Vec::new();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folders: &[(&str, &str)] = match kind {
        Kind::Model => &[("models", ".yaml"), ("drafts", ".yaml"), ("esdm", ".annals.yaml")],
        Kind::Sql => &[
            ("sql", ".sql"),
            ("../../annals/src/mysql/sql", "schema.sql"),
            ("../../annals/src/postgres/sql", "schema.sql"),
            ("../../annals/src/sqlite/sql", "schema.sql"),
            ("../../annals/src/sqlserver/sql", "schema.sql"),
        ],
        Kind::Events => &[("events", ".jsonl")],
        Kind::Esdm => &[("esdm", ".esdm.yaml")],
    };
    for (folder, ending) in folders {
        let Ok(files) = std::fs::read_dir(tests.join(folder)) else { continue };
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.retain(|file| file.to_string_lossy().ends_with(ending));
        files.sort();
        texts.extend(files.iter().map(|file| std::fs::read_to_string(file).unwrap()));
    }
    for example in RULES.iter().flat_map(|rule| rule.bad.iter().chain(rule.good)) {
        match (kind, example) {
            (Kind::Model, Example::Model(text) | Example::Change(text, _)) => {
                texts.push(format!("annals: 1\n{text}"));
            }
            (Kind::Sql, Example::Sql(text)) | (Kind::Events, Example::Events(text)) => {
                texts.push((*text).to_owned());
            }
            _ => {}
        }
    }
    texts.extend(SEEDS.iter().filter(|(of, _)| *of == kind).map(|(_, text)| (*text).to_owned()));
    texts
}

const SEEDS: &[(Kind, &str)] = &[
    (
        Kind::Sql,
        "CREATE TABLE shop.events (\n  position bigserial PRIMARY KEY,\n  stream_id uuid NOT NULL, version int8,\n  type text NOT NULL CHECK (type IN ('OrderPlaced', 'OrderShipped')),\n  data jsonb NOT NULL, metadata jsonb,\n  created_at timestamptz DEFAULT now(),\n  UNIQUE (stream_id, version)\n);\nCREATE UNIQUE INDEX i ON shop.events (lower(type)) WHERE version > 0;\nCREATE FUNCTION f() RETURNS trigger AS $$ BEGIN RAISE 'no'; END $$ LANGUAGE plpgsql;\nCREATE TRIGGER t BEFORE UPDATE OR DELETE ON shop.events FOR EACH ROW EXECUTE FUNCTION f();\nGRANT INSERT, SELECT ON shop.events TO app;\n",
    ),
    (
        Kind::Sql,
        "IF OBJECT_ID('[dbo].[Events]') IS NULL\nCREATE TABLE [dbo].[Events] ([Id] BIGINT IDENTITY(1,1) NOT NULL, [Stream] NVARCHAR(200) COLLATE Latin1_General_CI_AS, [Version] INT, CONSTRAINT [PK] PRIMARY KEY CLUSTERED ([Id] ASC))\nGO\nCREATE TABLE `events` (`id` int unsigned AUTO_INCREMENT, `body` json, PRIMARY KEY (`id`), KEY `b` (`body`(10))) ENGINE=InnoDB;\n",
    ),
    (
        Kind::Events,
        "{\"position\":1,\"stream\":\"order-1\",\"version\":1,\"type\":\"OrderPlaced\",\"data\":{\"email\":\"a@example.com\",\"lines\":[{\"sku\":\"x\",\"n\":1.5}]},\"metadata\":{\"correlation_id\":null}}\n{\"position\":2,\"stream\":\"order-1\",\"version\":2,\"type\":\"OrderShipped\",\"data\":{}}\n",
    ),
];

/// What a change may put in.
fn words(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Model | Kind::Esdm => &[
            "annals: 1",
            "annals: 2\n",
            "events:\n",
            "fields",
            "is",
            "one-of",
            "privacy: personal",
            "upcast: { 1: {} }",
            "NO",
            "null",
            "~",
            "- ",
            "? ",
            ": ",
            "[",
            "]",
            "{",
            "}",
            "&a",
            "*a",
            "!t",
            "|\n",
            ">-\n  ",
            "---\n",
            "...\n",
            "\"",
            "'",
            "<<",
            "#",
            "\t",
            "\r\n",
            "é",
            "🦀",
            "\u{feff}",
            "\u{0}",
            "\u{2028}",
            "18446744073709551616",
            "1e999",
            "-0",
            "rejects",
            "forever",
            "unbounded",
            "30d",
            "text?",
            "kind: event\n",
            "name: x\n",
            "$ref: \"#/data\"\n",
            "type: [string, \"null\"]\n",
            "scope: { boundedContext: a }\n",
        ],
        Kind::Sql => &[
            "CREATE TABLE",
            "CREATE UNIQUE INDEX",
            "ALTER TABLE",
            "ADD CONSTRAINT",
            "PRIMARY KEY",
            "UNIQUE",
            "CHECK (",
            "(",
            ")",
            ",",
            ";",
            "--",
            "/*",
            "*/",
            "$$",
            "$a$",
            "'",
            "\"",
            "`",
            "[",
            "]",
            "GO\n",
            "DELIMITER //\n",
            "BEGIN",
            "END",
            "NOT NULL",
            "REFERENCES t (a)",
            "GENERATED ALWAYS AS (",
            "bigint",
            "N'",
            "E'\\'",
            "PARTITION BY RANGE (",
            "é",
            "🦀",
            "\u{0}",
            "\\",
            "REVOKE",
            "DO $x$",
            "CREATE TRIGGER",
            "CREATE OR REPLACE FUNCTION",
            "IF OBJECT_ID(",
        ],
        Kind::Events => &[
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "null",
            "true",
            "1e999",
            "-",
            "\"type\":",
            "\"data\":{}",
            "\\u0000",
            "\\ud800",
            "\n",
            "é",
            "🦀",
            "\u{0}",
            "a@example.com",
            "DE89370400440532013000",
        ],
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        // SplitMix64: seeds that follow one another give inputs that are nothing alike.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((x ^ (x >> 31)) % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A stretch, mostly a short one.
    fn stretch(&mut self, of: &[u8]) -> std::ops::Range<usize> {
        let start = self.below(of.len() + 1);
        let longest = if self.below(8) == 0 { of.len() } else { 40 };
        start..(start + self.below(longest + 1)).min(of.len())
    }

    /// A line, with its end.
    fn line(&mut self, of: &[u8]) -> std::ops::Range<usize> {
        let at = self.below(of.len() + 1);
        let start = of[..at].iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
        let end = of[at..].iter().position(|b| *b == b'\n').map_or(of.len(), |end| at + end + 1);
        start..end
    }

    fn spoil(&mut self, kind: Kind, texts: &[String]) -> String {
        let mut bytes = self.pick(texts).clone().into_bytes();
        for _ in 0..=self.below(6) {
            let at = self.below(bytes.len() + 1);
            match self.below(10) {
                0 if !bytes.is_empty() => {
                    let at = self.below(bytes.len());
                    bytes[at] ^= 1 << self.below(8);
                }
                1 => drop(bytes.drain(self.stretch(&bytes.clone()))),
                2 => drop(bytes.drain(self.line(&bytes.clone()))),
                3 => {
                    let twice = bytes[self.stretch(&bytes)].to_vec();
                    let times = if self.below(16) == 0 { 200 } else { 1 };
                    drop(bytes.splice(at..at, twice.repeat(times)));
                }
                4 => {
                    let line = bytes[self.line(&bytes)].to_vec();
                    let at = self.line(&bytes).start;
                    drop(bytes.splice(at..at, line));
                }
                5 => {
                    let other = self.pick(texts).as_bytes();
                    let part = other[self.stretch(other)].to_vec();
                    drop(bytes.splice(self.stretch(&bytes), part));
                }
                6 => bytes.truncate(at),
                _ => {
                    let word = self.pick(words(kind)).as_bytes();
                    let times = if self.below(40) == 0 { 500 } else { 1 };
                    let gone = if self.below(2) == 0 { at..at } else { self.stretch(&bytes) };
                    drop(bytes.splice(gone, word.repeat(times)));
                }
            }
            bytes.truncate(BYTES_MAX);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Tells which input it was when a target panics.
struct Tried<'a> {
    seed: u64,
    target: &'a str,
    input: &'a str,
}

impl Drop for Tried<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("seed {} of {}:\n{}", self.seed, self.target, self.input);
        }
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn fuzz(target: &'static Target) {
    let (first, inputs) = (number("ANNALS_FUZZ_SEED", 1), number("ANNALS_FUZZ_INPUTS", 400));
    let traces = std::env::var_os("ANNALS_FUZZ_TRACE").is_some();
    let (alive, heartbeat) = mpsc::channel();
    let worker = thread::spawn(move || {
        let texts = texts_of(target.of);
        texts.iter().for_each(|text| (target.run)(text));
        for seed in first..first + inputs {
            if traces {
                eprintln!("seed {seed} of {}", target.name);
            }
            alive.send(seed).unwrap();
            let input = Random(seed).spoil(target.of, &texts);
            let tried = Tried { seed, target: target.name, input: &input };
            let began = Instant::now();
            (target.run)(&input);
            assert!(began.elapsed() < TIME_MAX, "{:?}", began.elapsed());
            drop(tried);
        }
    });
    let mut last = first;
    loop {
        // Reading the texts as they are comes first and takes its time as well.
        match heartbeat.recv_timeout(TIME_MAX * 2) {
            Ok(seed) => last = seed,
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("seed {last} of {} hangs", target.name),
        }
    }
    assert!(worker.join().is_ok(), "seed {last} of {}", target.name);
}

#[test]
fn nothing_that_is_read_makes_a_reader_or_a_rule_panic_or_hang() {
    let only = std::env::var("ANNALS_FUZZ_ONLY").ok();
    for target in TARGETS {
        if only.as_deref().is_none_or(|only| only == target.name) {
            fuzz(target);
        }
    }
}
