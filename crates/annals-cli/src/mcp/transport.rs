//! Messages, one a line, on standard input and output. The transport of the SDK passes over a line that is no JSON or is
//! too long, and its sender waits for ever; here each gets the answer that JSON-RPC has for it.

use std::io;

use rmcp::RoleServer;
use rmcp::model::{ClientRequest, GetMeta as _, JsonRpcMessage, ProtocolVersion};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Stdin};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// The longest message that is taken in.
const LINE_MAX: usize = 16 << 20;

/// How many messages wait to be written.
const WAITING_MAX: usize = 64;

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;

/// Standard input and output.
#[derive(Debug)]
pub(super) struct Stdio {
    lines: Lines<BufReader<Stdin>>,
    /// An answer that has still to be put into the queue, kept here because receiving may be given up at any time.
    owed: Option<String>,
    /// Whether the client has said who it is. The SDK ends where a notification comes before.
    is_open: bool,
    queue: Option<mpsc::Sender<String>>,
    writer: Option<JoinHandle<()>>,
    /// Told when nobody is there any more.
    end: watch::Sender<bool>,
}

impl Stdio {
    pub(super) fn new(end: watch::Sender<bool>) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let writer = tokio::spawn(write(waiting, end.clone()));
        let lines = Lines::new(BufReader::new(tokio::io::stdin()), LINE_MAX);
        Self { lines, owed: None, is_open: false, queue: Some(queue), writer: Some(writer), end }
    }

    /// Whether a message is for the SDK, and notes whether the session is open from now on.
    fn is_for_session(&mut self, message: &RxJsonRpcMessage<RoleServer>) -> bool {
        match message {
            JsonRpcMessage::Request(request) => {
                self.is_open |= opens(&request.request);
                true
            }
            _ => self.is_open,
        }
    }
}

/// Whether a request opens a session: by the handshake or, in the protocol without one, by saying all of who asks.
fn opens(request: &ClientRequest) -> bool {
    match request {
        ClientRequest::InitializeRequest(_) => true,
        ClientRequest::DiscoverRequest(_) | ClientRequest::PingRequest(_) => false,
        _ => {
            let meta = request.get_meta();
            meta.missing_required_keys(&ProtocolVersion::V_2026_07_28).is_empty()
                && meta.protocol_version().is_some_and(|it| ProtocolVersion::KNOWN_VERSIONS.contains(&it))
        }
    }
}

/// Writes until the queue is closed, or nobody reads.
async fn write(mut waiting: mpsc::Receiver<String>, end: watch::Sender<bool>) {
    let mut out = tokio::io::stdout();
    while let Some(mut line) = waiting.recv().await {
        line.push('\n');
        let written = async {
            out.write_all(line.as_bytes()).await?;
            out.flush().await
        };
        if written.await.is_err() {
            end.send_replace(true);
            return;
        }
    }
}

impl Transport<RoleServer> for Stdio {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        let queue = self.queue.clone();
        async move {
            let line = serde_json::to_string(&message).map_err(io::Error::other)?;
            let queue = queue.ok_or(io::ErrorKind::NotConnected)?;
            queue.send(line).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if self.owed.is_some() {
                let place = self.queue.as_ref()?.reserve().await.ok()?;
                if let Some(owed) = self.owed.take() {
                    place.send(owed);
                }
            }
            let read = match self.lines.next().await {
                Ok(Line::Whole(line)) => message(&line),
                Ok(Line::TooLong) => Err(refused(
                    Value::Null,
                    INVALID_REQUEST,
                    &format!("a message has at most {LINE_MAX} bytes, this one had more"),
                )),
                Ok(Line::End) | Err(_) => {
                    self.end.send_replace(true);
                    return None;
                }
            };
            match read {
                Ok(Some(message)) if self.is_for_session(&message) => return Some(message),
                Ok(_) => {}
                Err(answer) => self.owed = Some(answer),
            }
        }
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        drop(self.queue.take());
        match self.writer.take() {
            Some(writer) => writer.await.map_err(io::Error::other),
            None => Ok(()),
        }
    }
}

/// The message in a line; nothing where none is expected an answer to, or the answer to one that is none.
fn message(line: &[u8]) -> Result<Option<RxJsonRpcMessage<RoleServer>>, String> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let value: Value = serde_json::from_slice(line).map_err(|e| {
        // The error names the place and never what stands there.
        refused(Value::Null, PARSE_ERROR, &format!("this line is no JSON: {e}"))
    })?;
    let invalid = |id: &Value, what: &str| Err(refused(id.clone(), INVALID_REQUEST, what));
    let Value::Object(members) = &value else {
        let what = match value.is_array() {
            true => "batches are not taken: send one message a line",
            false => "expected a JSON object, one a line",
        };
        return invalid(&Value::Null, what);
    };
    let id = members.get("id").cloned();
    let is_answer =
        !members.contains_key("method") && (members.contains_key("result") || members.contains_key("error"));
    if is_answer {
        // Nothing is asked of the client.
        return Ok(None);
    }
    if id.as_ref().is_some_and(|id| !id.is_string() && !id.is_i64() && !id.is_u64()) {
        return invalid(&Value::Null, "an id is a text or a whole number");
    }
    let id_or_null = id.clone().unwrap_or(Value::Null);
    if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return invalid(&id_or_null, "expected \"jsonrpc\": \"2.0\"");
    }
    if !members.get("method").is_some_and(Value::is_string) {
        return invalid(&id_or_null, "expected a \"method\", which is a text");
    }
    match (serde_json::from_value(value), id) {
        (Ok(message), _) => Ok(Some(message)),
        (Err(_), None) => Ok(None),
        (Err(_), Some(id)) => invalid(&id, "this is no request of the Model Context Protocol"),
    }
}

/// An answer that says why there is none.
fn refused(id: Value, code: i32, what: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": what } }).to_string()
}

/// What came in.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Whole(Vec<u8>),
    /// It was longer than is kept, and is gone.
    TooLong,
    End,
}

/// Lines in bounded memory. A read that is given up goes on with the next.
#[derive(Debug)]
struct Lines<R> {
    from: R,
    max: usize,
    line: Vec<u8>,
    is_too_long: bool,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    fn new(from: R, max: usize) -> Self {
        Self { from, max, line: Vec::new(), is_too_long: false }
    }

    async fn next(&mut self) -> io::Result<Line> {
        loop {
            let there = self.from.fill_buf().await?;
            if there.is_empty() {
                return Ok(Line::End);
            }
            let end = there.iter().position(|byte| *byte == b'\n');
            let part = there.get(..end.unwrap_or(there.len())).unwrap_or_default();
            if self.line.len() + part.len() > self.max {
                self.is_too_long = true;
                self.line = Vec::new();
            }
            if !self.is_too_long {
                self.line.extend_from_slice(part);
            }
            let taken = part.len() + usize::from(end.is_some());
            self.from.consume(taken);
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                return Ok(match std::mem::take(&mut self.is_too_long) {
                    true => Line::TooLong,
                    false => Line::Whole(line),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_that_is_too_long_is_passed_over_and_the_next_is_read() {
        let text: &[u8] = b"one\n0123456789\n\ntwo\nunfinished";
        // A small buffer, so that a line comes in parts.
        let mut lines = Lines::new(BufReader::with_capacity(2, text), 5);
        let mut read = Vec::new();
        loop {
            match lines.next().await.unwrap() {
                Line::End => break,
                line => read.push(line),
            }
        }
        let whole = |text: &str| Line::Whole(text.as_bytes().to_vec());
        assert_eq!(read, [whole("one"), Line::TooLong, whole(""), whole("two")]);
    }

    #[test]
    fn what_is_no_message_is_told_with_the_code_that_json_rpc_has_for_it() {
        for (line, id, code, says) in [
            ("{\"jsonrpc\":", Value::Null, PARSE_ERROR, "no JSON"),
            ("\u{fffd}", Value::Null, PARSE_ERROR, "no JSON"),
            (&"[".repeat(200), Value::Null, PARSE_ERROR, "no JSON"),
            ("[]", Value::Null, INVALID_REQUEST, "batches"),
            ("7", Value::Null, INVALID_REQUEST, "expected a JSON object"),
            (r#"{"id":1,"method":"ping"}"#, 1.into(), INVALID_REQUEST, "\"2.0\""),
            (r#"{"jsonrpc":"2.0","id":"a"}"#, "a".into(), INVALID_REQUEST, "\"method\""),
            (r#"{"jsonrpc":"2.0","id":"a","method":1}"#, "a".into(), INVALID_REQUEST, "\"method\""),
            (r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, Value::Null, INVALID_REQUEST, "an id is"),
        ] {
            let answer: Value = serde_json::from_str(&message(line.as_bytes()).unwrap_err()).unwrap();
            assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &code.into()), "{line}");
            assert!(answer["error"]["message"].as_str().unwrap().contains(says), "{line}: {answer}");
        }
    }

    #[test]
    fn requests_and_notifications_are_read_and_answers_passed_over() {
        let is_some = |line: &str| message(line.as_bytes()).unwrap().is_some();
        assert!(is_some(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#));
        assert!(is_some(r#"{"jsonrpc":"2.0","id":1,"method":"no/such"}"#));
        assert!(is_some(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#));
        assert!(!is_some(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
        assert!(!is_some("  \r"));
    }
}
