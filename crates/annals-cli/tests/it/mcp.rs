//! The server for agents: the protocol by hand, with all that can go wrong, and an official client.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Place, tool};

/// How long an answer may take; the machine may have a lot to do.
const LONG: Duration = Duration::from_secs(120);

/// A server and its client.
struct Session {
    server: Child,
    to: Option<ChildStdin>,
    from: Receiver<String>,
}

impl Session {
    /// A server of which nothing was asked yet.
    fn new(place: &Place, args: &[&str]) -> Self {
        let mut command = tool();
        command.current_dir(place.dir.path()).arg("mcp").args(args).stderr(Stdio::inherit());
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        let mut server = command.spawn().unwrap();
        let (to, out) = (server.stdin.take(), server.stdout.take().unwrap());
        let (line, from) = channel();
        std::thread::spawn(move || {
            for read in BufReader::new(out).lines() {
                if read.is_ok_and(|read| line.send(read).is_err()) {
                    break;
                }
            }
        });
        Self { server, to, from }
    }

    /// A server that is told who asks.
    fn open(place: &Place, args: &[&str]) -> Self {
        let mut session = Self::new(place, args);
        session.initialize("2025-11-25");
        session
    }

    fn initialize(&mut self, version: &str) -> Value {
        let params = json!({
            "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "test", "version": "1" }
        });
        let answer = self.ask("initialize", params);
        self.notify("notifications/initialized", json!({}));
        answer["result"].clone()
    }

    fn say(&mut self, line: &str) {
        writeln!(self.to.as_mut().unwrap(), "{line}").unwrap();
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.say(&json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string());
    }

    fn begin(&mut self, id: &str, method: &str, params: Value) {
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
    }

    /// What comes next. Whatever the server prints is a message.
    #[track_caller]
    fn hear(&mut self) -> Value {
        let line = self.from.recv_timeout(LONG).expect("an answer");
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert_eq!(message["jsonrpc"], "2.0", "{line}");
        message
    }

    #[track_caller]
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.begin(method, method, params);
        let answer = self.hear();
        assert_eq!(answer["id"], method, "{answer}");
        answer
    }

    /// The result of a call.
    #[track_caller]
    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({ "name": tool, "arguments": arguments }))["result"].clone()
    }

    /// Says nothing more and waits for the end of the server.
    #[track_caller]
    fn ends(&mut self) {
        drop(self.to.take());
        let until = Instant::now() + LONG;
        loop {
            match self.from.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => panic!("still said: {line}"),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if let Some(status) = self.server.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            assert!(Instant::now() < until, "the server goes on without a client");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn code(answer: &Value) -> i64 {
    answer["error"]["code"].as_i64().unwrap_or_default()
}

fn said(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}

#[test]
fn what_is_no_message_gets_an_error_and_the_next_is_answered() {
    let place = Place::new();
    let mut session = Session::new(&place, &[]);
    // A notification comes before anything was opened, and is passed over.
    session.notify("notifications/cancelled", json!({ "requestId": 1 }));
    for (line, expected) in [
        ("{\"jsonrpc\": \"2.0\",", -32700),
        ("no JSON", -32700),
        ("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", -32600),
        ("{\"id\":1,\"method\":\"ping\"}", -32600),
        ("\"ping\"", -32600),
        // Requests that come before the client has said who it is.
        ("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}", -32602),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"explain\",\"arguments\":{}}}",
            -32602,
        ),
    ] {
        session.say(line);
        let answer = session.hear();
        assert_eq!(code(&answer), expected, "{line}: {answer}");
    }
    assert!(session.ask("ping", json!({}))["result"].is_object());
    session.initialize("2025-06-18");
    session.say("{");
    assert_eq!(code(&session.hear()), -32700);
    for (method, params, expected) in [
        ("no/such", json!({}), -32601),
        ("tools/call", json!({ "arguments": {} }), -32602),
        ("tools/call", json!({ "name": 7 }), -32602),
        ("tools/call", json!({ "name": "explain", "arguments": [] }), -32602),
        ("tools/call", json!({ "name": "append" }), -32602),
        ("resources/read", json!({}), -32602),
        ("resources/read", json!({ "uri": "annals://rules/AN999" }), -32002),
        ("prompts/get", json!({ "name": "design", "arguments": {} }), -32602),
        ("logging/setLevel", json!({ "level": "debug" }), -32601),
    ] {
        let answer = session.ask(method, params.clone());
        assert_eq!(code(&answer), expected, "{method} {params}: {answer}");
    }
    assert_eq!(session.ask("tools/list", json!({}))["result"]["tools"].as_array().unwrap().len(), 7);
    session.ends();
}

#[test]
fn a_version_that_both_know_is_agreed_on() {
    let place = Place::new();
    for (asked, agreed) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let answer = Session::new(&place, &[]).initialize(asked);
        assert_eq!(answer["protocolVersion"], agreed, "{answer}");
        assert_eq!(answer["serverInfo"]["name"], "annals");
        let offered = answer["capabilities"].as_object().unwrap();
        assert_eq!(offered.keys().collect::<Vec<_>>(), ["prompts", "resources", "tools"]);
    }
}

#[test]
fn a_line_without_end_is_not_kept() {
    let place = Place::new();
    let mut session = Session::open(&place, &[]);
    let part = "x".repeat(1 << 20);
    for _ in 0..20 {
        write!(session.to.as_mut().unwrap(), "{part}").unwrap();
    }
    session.say("");
    let answer = session.hear();
    assert_eq!(code(&answer), -32600, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("at most"), "{answer}");
    assert!(session.ask("ping", json!({}))["result"].is_object());
}

#[test]
fn a_call_says_what_the_command_said_and_what_was_wrong_with_it() {
    let place = Place::new();
    let mut session = Session::open(&place, &[]);
    let found =
        session.call("check", json!({ "files": [{ "name": "a.sql", "text": "CREATE TABLE t (x int);" }] }));
    assert_eq!(found["structuredContent"]["ok"], true, "{found}");
    let page = session.call("explain", json!({ "rule": "an203" }));
    assert!(said(&page).contains("## How to mend it"), "{page}");
    for (tool, arguments, says) in [
        ("check", json!({ "paths": ["missing.sql"] }), "there is no file or folder \"missing.sql\""),
        ("check", json!({ "store": "postgres://u:s3cret@127.0.0.1:1/x" }), "try: "),
        ("check", json!({ "store": { "url": "postgres://u:s3cret@h/x" } }), "invalid type"),
        ("check", json!({ "store": "Server=h;Password=s3cret" }), "is not a store URL"),
        ("check", json!({ "dialect": "postgres://u:s3cret@h/x" }), "unknown variant"),
        ("sample", json!({}), "try: give store"),
        ("sample", json!({ "store": "sqlite:missing.db" }), "try: "),
        ("verify", json!({ "scratch": "sqlite:missing.db" }), "try: "),
        (
            "generate",
            json!({ "what": "rust", "files": [{ "name": "a.yaml", "text": "annals: 2" }] }),
            "a.yaml",
        ),
    ] {
        let result = session.call(tool, arguments);
        assert_eq!(result["isError"], true, "{result}");
        assert!(said(&result).contains(says), "{says}: {result}");
        let all = result.to_string();
        assert!(
            !all.contains("s3cret") && !all.contains("annals-mcp-") && !all.contains("panicked"),
            "{all}"
        );
    }
    assert!(!place.path("missing.db").exists());
    session.ends();
}

#[test]
fn a_store_of_the_server_is_not_for_scratch_namespaces() {
    let place = Place::new();
    crate::run(place.on("shop.db", &["append", "order-1", "order-placed", "{}"]), b"").succeeded();
    let mut command = tool();
    command.current_dir(place.dir.path()).arg("mcp").env("ANNALS_STORE", "sqlite:shop.db");
    let mut session = Session::of(command);
    session.initialize("2025-11-25");
    for same in ["sqlite:shop.db", "sqlite:./shop.db?namespace=other", "sqlite:sh%6fp.db?create=yes"] {
        let refused = session.call("verify", json!({ "scratch": same, "rules": [1] }));
        assert_eq!(refused["isError"], true, "{same}: {refused}");
        assert!(said(&refused).contains("try: name another database"), "{same}: {refused}");
    }
    session.ends();
}

#[test]
fn the_shapes_of_a_store_are_shown_and_no_value() {
    let place = Place::new();
    for n in 0..3 {
        let payload = format!(r#"{{"email":"ada{n}@example.com","age":4{n}}}"#);
        place.stdout(&["append", &format!("customer-{n}"), "customer-registered", &payload]);
    }
    let text = place.stdout(&["sample"]);
    for shown in ["customer-registered  (3 of 3)", "text (mail addresses)", "customer  3 with 3 events"] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    let sample = &place.objects(&["sample", "--json"])[0];
    let fields = &sample["types"][0]["versions"][0]["fields"];
    assert_eq!(
        fields[1],
        json!({ "path": "email", "read": 3, "kinds": { "text": 3 }, "looks_like": { "mail": 3 } })
    );
    assert_eq!(fields[0]["kinds"], json!({ "integer": 3 }));
    assert_eq!((&sample["events"], &sample["streams"][0]["longest"]), (&3.into(), &1.into()));
    assert!(!text.contains("ada0") && !sample.to_string().contains("ada0"), "{text}");
    let mut command = place.on("a.db", &["mcp"]);
    command.stderr(Stdio::inherit());
    let mut session = Session::of(command);
    session.initialize("2025-11-25");
    let result = session.call("sample", json!({ "per_type": 10 }));
    assert_eq!(&result["structuredContent"]["output"], sample);
    let mut session = Session::new(&place, &["--store", "sqlite:a.db"]);
    session.initialize("2025-11-25");
    assert_eq!(&session.call("sample", json!({ "per_type": 10 }))["structuredContent"]["output"], sample);
    std::fs::write(place.path("a.sql"), "").unwrap();
    place.annals(&["sample", "a.sql"]).failed(2, "a sample is taken of events");
}

/// A file that somebody is waited for to write into: whoever reads it waits.
#[cfg(unix)]
fn pipe(place: &Place) -> std::path::PathBuf {
    let path = place.path("slow.sql");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

#[cfg(unix)]
#[test]
fn a_call_that_takes_too_long_is_ended_and_others_go_on() {
    let place = Place::new();
    pipe(&place);
    let mut session = Session::open(&place, &["--timeout", "3"]);
    let params = json!({
        "name": "check", "arguments": { "paths": ["slow.sql"] }, "_meta": { "progressToken": "p" }
    });
    session.begin("slow", "tools/call", params);
    session.begin("quick", "ping", json!({}));
    assert_eq!(session.hear()["id"], "quick");
    let progress = session.hear();
    assert_eq!(
        (&progress["method"], &progress["params"]["progressToken"]),
        (&"notifications/progress".into(), &"p".into())
    );
    let answer = loop {
        let heard = session.hear();
        if heard["id"] == "slow" {
            break heard;
        }
    };
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert!(said(&answer["result"]).contains("took longer than 3 s"), "{answer}");
    session.ends();
}

#[cfg(unix)]
#[test]
fn a_call_that_is_cancelled_is_not_answered_and_its_command_ends() {
    let place = Place::new();
    let path = pipe(&place);
    let mut session = Session::open(&place, &[]);
    session.begin("slow", "tools/call", json!({ "name": "check", "arguments": { "paths": ["slow.sql"] } }));
    // Opening it waits until the command reads it.
    let writer = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    session.notify("notifications/cancelled", json!({ "requestId": "slow" }));
    nobody_reads(writer);
    let heard = session.ask("ping", json!({}));
    assert!(heard["result"].is_object(), "{heard}");
    session.ends();
}

#[cfg(unix)]
#[test]
fn a_server_without_a_client_ends_and_so_does_what_it_started() {
    for is_told_by_signal in [false, true] {
        let place = Place::new();
        let path = pipe(&place);
        let mut session = Session::open(&place, &[]);
        session.begin(
            "slow",
            "tools/call",
            json!({ "name": "check", "arguments": { "paths": ["slow.sql"] } }),
        );
        let writer = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        if is_told_by_signal {
            crate::signal(&session.server, "-TERM");
            assert!(session.server.wait().unwrap().success());
        } else {
            drop(session.to.take());
            assert!(session.server.wait().unwrap().success());
        }
        nobody_reads(writer);
    }
}

/// Waits until writing into a pipe fails, since nobody has it open any more.
#[cfg(unix)]
#[track_caller]
fn nobody_reads(mut pipe: std::fs::File) {
    let until = Instant::now() + LONG;
    while pipe.write_all(b" ").is_ok() {
        assert!(Instant::now() < until, "the command goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `cargo xtask test` makes a Python with the official client and says where it is.
#[test]
fn the_official_client_designs_reviews_and_proves() {
    let required = std::env::var("ANNALS_REQUIRE").unwrap_or_default();
    let Some(python) = std::env::var_os("ANNALS_MCP_PYTHON") else {
        assert!(!required.split(',').any(|it| it == "mcp"), "ANNALS_MCP_PYTHON is not set");
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mcp_client.py");
    // The protocol with a handshake, and the newer one without.
    for mode in ["legacy", "auto"] {
        let place = Place::new();
        for customer in ["ada", "eve"] {
            let payload = format!(r#"{{"email":"{customer}@example.com"}}"#);
            let append = ["append", &format!("customer-{customer}"), "customer-registered", &payload];
            crate::run(place.on("shop.db", &append), b"").succeeded();
        }
        let mut client = Command::new(&python);
        client
            .args(["-W", "error::UserWarning", script, env!("CARGO_BIN_EXE_annals")])
            .arg(place.dir.path())
            .arg(mode);
        let done = client.env_remove("ANNALS_STORE").output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success() && said.contains("all well"), "{mode}: {said}");
    }
}
