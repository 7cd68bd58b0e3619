//! A server that speaks as much TDS as the driver needs, and answers what a test tells it to: so that errors
//! which a real server gives once in a while come at once, and on machines that have none.
//! What the bytes mean: <https://learn.microsoft.com/openspecs/windows_protocols/ms-tds>.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a request.
#[derive(Clone)]
pub(super) enum Answer {
    /// Nothing but that it is done.
    Done,
    /// One row for each of several statements; none where it has no values.
    Rows(Vec<Vec<Value>>),
    /// An error of this number, of the class that ends a statement.
    Error(u32),
    /// An error of this number with which the server ends the connection.
    Fatal(u32),
    /// The connection is closed.
    Cut,
    /// Nothing ever comes.
    Silence,
}

#[derive(Clone)]
pub(super) enum Value {
    Number(i64),
    NoNumber,
    Null,
    Text(&'static str),
    Uuid([u8; 16]),
    Time,
    NoBytes,
}

/// What requests with certain words are answered with, the first time, the second time, and so on; the last
/// answer stays.
type Script = Arc<Mutex<Vec<(&'static str, Vec<Answer>)>>>;

pub(super) struct Mock {
    pub(super) port: u16,
    script: Script,
    /// What was asked, in order.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Mock {
    /// A server with a store in the schema `annals`, and nothing in it.
    pub(super) async fn with_a_store() -> Self {
        let mock = Self::start(Answer::Done).await;
        let uuid = [7; 16];
        mock.when("SELECT LEN(", [Answer::Rows(vec![vec![Value::Number(2)]])]);
        let store = vec![Value::Number(1), Value::Uuid(uuid), Value::Null];
        mock.when("hash_formula FROM", [Answer::Rows(vec![store])]);
        let granted = vec![Value::Number(0)];
        let tail = vec![Value::Number(0), Value::Time, Value::NoBytes];
        let none = Vec::new();
        // Whoever looks up: the lock is granted, the log is empty, no stream has events and no id is known.
        mock.when("sp_getapplock", [Answer::Rows(vec![granted, tail, none.clone(), none])]);
        mock
    }

    /// A server that answers every login so.
    pub(super) async fn start(login: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (script, asked) = (Script::default(), Arc::default());
        let mock = Self { port, script, asked };
        let (script, asked) = (mock.script.clone(), mock.asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, asked, login) = (script.clone(), asked.clone(), login.clone());
                tokio::spawn(async move {
                    // However it ends, the client sees it.
                    let _ = serve(stream, &login, &script, &asked).await;
                });
            }
        });
        mock
    }

    /// Later words come before earlier ones.
    pub(super) fn when<const N: usize>(&self, words: &'static str, answers: [Answer; N]) {
        self.script.lock().unwrap().insert(0, (words, answers.to_vec()));
    }

    pub(super) fn url(&self) -> String {
        format!("sqlserver://sa:s3cret@127.0.0.1:{}/shop?sslmode=disable", self.port)
    }

    /// How many requests had these words.
    pub(super) fn asked(&self, words: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| asked.contains(words)).count()
    }
}

const PRELOGIN: u8 = 0x12;
const LOGIN: u8 = 0x10;

async fn serve(
    mut stream: TcpStream,
    login: &Answer,
    script: &Script,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    loop {
        let (kind, message) = receive(&mut stream).await?;
        let answer = match kind {
            PRELOGIN => {
                // The version, and that there is no encryption.
                let options = [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, 2];
                send(&mut stream, &options).await?;
                continue;
            }
            LOGIN => login.clone(),
            _ => {
                let units: Vec<u16> =
                    message.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
                let odd: Vec<u16> =
                    message[1..].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
                // The text may begin at an even or at an odd place.
                let text = String::from_utf16_lossy(&units) + &String::from_utf16_lossy(&odd);
                let answer = answer_to(&text, script);
                asked.lock().unwrap().push(text);
                answer
            }
        };
        let mut tokens = Vec::new();
        match answer {
            Answer::Done if kind == LOGIN => tokens.extend(login_ack()),
            Answer::Done => {}
            Answer::Rows(sets) => sets.iter().for_each(|values| tokens.extend(row(values))),
            Answer::Error(number) => tokens.extend(error(number, 16)),
            Answer::Fatal(number) => {
                tokens.extend(error(number, 20));
                tokens.extend(done());
                send(&mut stream, &tokens).await?;
                return Ok(());
            }
            Answer::Cut => return Ok(()),
            Answer::Silence => std::future::pending().await,
        }
        tokens.extend(done());
        send(&mut stream, &tokens).await?;
    }
}

fn answer_to(text: &str, script: &Script) -> Answer {
    let mut script = script.lock().unwrap();
    let found = script.iter_mut().find(|(words, _)| text.contains(words));
    match found {
        Some((_, answers)) if answers.len() > 1 => answers.remove(0),
        Some((_, answers)) => answers[0].clone(),
        None => Answer::Done,
    }
}

/// A message of one packet or several.
async fn receive(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut message = Vec::new();
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header).await?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let begin = message.len();
        message.resize(begin + length - header.len(), 0);
        stream.read_exact(&mut message[begin..]).await?;
        if header[1] & 1 == 1 {
            return Ok((header[0], message));
        }
    }
}

async fn send(stream: &mut TcpStream, tokens: &[u8]) -> std::io::Result<()> {
    let length = u16::try_from(tokens.len() + 8).unwrap().to_be_bytes();
    let header = [0x04, 0x01, length[0], length[1], 0, 0, 1, 0];
    stream.write_all(&[&header[..], tokens].concat()).await
}

fn done() -> Vec<u8> {
    [&[0xfd][..], &[0; 12]].concat()
}

fn login_ack() -> Vec<u8> {
    let body = [&[1, 0x74, 0, 0, 4][..], &short("mock"), &[16, 0, 0, 0]].concat();
    [&[0xad][..], &u16::try_from(body.len()).unwrap().to_le_bytes(), &body].concat()
}

fn error(number: u32, class: u8) -> Vec<u8> {
    let text = utf16("as the test wants it");
    let length = u16::try_from(text.len() / 2).unwrap().to_le_bytes();
    let body = [
        &number.to_le_bytes()[..],
        &[1, class],
        &length,
        &text,
        &short("mock"),
        &short(""),
        &1_u32.to_le_bytes(),
    ]
    .concat();
    [&[0xaa][..], &u16::try_from(body.len()).unwrap().to_le_bytes(), &body].concat()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A text whose length is one byte.
fn short(text: &str) -> Vec<u8> {
    let text = utf16(text);
    [&[u8::try_from(text.len() / 2).unwrap()][..], &text].concat()
}

/// The columns of one statement, and a row unless there are none.
fn row(values: &[Value]) -> Vec<u8> {
    let none = [Value::Null];
    let columns = if values.is_empty() { &none[..] } else { values };
    let mut tokens = vec![0x81];
    tokens.extend(u16::try_from(columns.len()).unwrap().to_le_bytes());
    for value in columns {
        // No user's type; it may be NULL.
        tokens.extend([0, 0, 0, 0, 1, 0]);
        match value {
            Value::Number(_) | Value::NoNumber => tokens.extend([0x26, 8]),
            Value::Null | Value::Text(_) => tokens.extend([0xe7, 0x40, 0x1f, 9, 4, 0xd0, 0, 0x34]),
            Value::Uuid(_) => tokens.extend([0x24, 16]),
            Value::Time => tokens.extend([0x2b, 6]),
            Value::NoBytes => tokens.extend([0xa5, 32, 0]),
        }
        tokens.push(0);
    }
    if !values.is_empty() {
        tokens.push(0xd1);
    }
    for value in values {
        match value {
            Value::Number(number) => {
                tokens.push(8);
                tokens.extend(number.to_le_bytes());
            }
            Value::NoNumber => tokens.push(0),
            Value::Null | Value::NoBytes => tokens.extend([0xff, 0xff]),
            Value::Text(text) => {
                let text = utf16(text);
                tokens.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
                tokens.extend(text);
            }
            Value::Uuid(uuid) => {
                tokens.push(16);
                tokens.extend(uuid);
            }
            // Midnight of 1970-01-01.
            Value::Time => tokens.extend([10, 0, 0, 0, 0, 0, 0x3a, 0xf9, 0x0a, 0, 0]),
        }
    }
    tokens.extend(done_of_one());
    tokens
}

/// Another statement follows.
fn done_of_one() -> Vec<u8> {
    [&[0xfd, 1, 0][..], &[0; 10]].concat()
}
