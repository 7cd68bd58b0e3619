//! A proxy between client and server that cuts connections in mid-append (rule 18).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use annals::prelude::*;
use annals::{Append, Condition, Position, StreamId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const WRITERS: usize = 4;

/// Of each writer.
const APPENDS: usize = 60;

/// Passes bytes on, and now and then cuts a connection: before a message, or after the server has got it and
/// before its answer is out.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    pub(crate) fate: Arc<Fate>,
}

#[derive(Default)]
pub(crate) struct Fate {
    /// Of a hundred messages, so many are not passed on, and of so many others the answer is not.
    pub(crate) percent: AtomicU64,
    /// Cut whatever comes.
    pub(crate) dead: AtomicBool,
    /// Cut behind the next message that holds these words.
    pub(crate) behind: std::sync::Mutex<Option<&'static str>>,
    pub(crate) random: AtomicU64,
    pub(crate) cut_before: AtomicUsize,
    pub(crate) cut_behind: AtomicUsize,
    /// Statements that clients asked the server to parse.
    pub(crate) parsed: AtomicUsize,
}

enum Verdict {
    Pass,
    CutBefore,
    CutBehind,
}

impl Fate {
    fn verdict(&self, message: &[u8]) -> Verdict {
        self.parsed.fetch_add(message.windows(6).filter(|it| *it == b"SELECT").count(), Ordering::Relaxed);
        if self.dead.load(Ordering::Relaxed) {
            return Verdict::CutBefore;
        }
        let mut behind = self.behind.lock().unwrap();
        if behind.is_some_and(|words| message.windows(words.len()).any(|it| it == words.as_bytes())) {
            *behind = None;
            return Verdict::CutBehind;
        }
        // SplitMix64 over a counter: the order of tasks is the only thing that a seed does not repeat.
        let mut z = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let percent = self.percent.load(Ordering::Relaxed);
        match (z ^ (z >> 31)) % 100 {
            n if n < percent => Verdict::CutBefore,
            n if n < 2 * percent => Verdict::CutBehind,
            _ => Verdict::Pass,
        }
    }
}

impl Proxy {
    pub(crate) async fn before(server: &str) -> Self {
        let address = server.rsplit_once('@').unwrap().1.split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fate = Arc::new(Fate::default());
        let shared = fate.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (fate, address) = (shared.clone(), address.clone());
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(&address).await {
                        // However it ends, both sides are closed.
                        let _ = pass(client, server, &fate).await;
                    }
                });
            }
        });
        Self { port, fate }
    }

    /// Appends through the proxy while of a hundred messages so many are cut on each side, and looks past it at what
    /// was written: every append once. Says what happened.
    pub(crate) async fn cut(self, percent: u64, through: &EventStore, direct: &EventStore) -> String {
        let seed = annals::Timestamp::now().unix_micros().unsigned_abs();
        self.fate.random.store(seed, Ordering::Relaxed);
        self.fate.percent.store(percent, Ordering::Relaxed);
        let writers = (0..WRITERS).map(|writer| tokio::spawn(write(through.clone(), writer)));
        let mut repeated = 0;
        for writer in writers.collect::<Vec<_>>() {
            repeated += writer.await.unwrap();
        }
        self.fate.percent.store(0, Ordering::Relaxed);
        let (before, behind) =
            (self.fate.cut_before.load(Ordering::Relaxed), self.fate.cut_behind.load(Ordering::Relaxed));
        let said = format!(
            "seed {seed}: {before} cut before, {behind} behind a message; {repeated} appends were recognised"
        );
        assert!(before > 0 && behind > 0, "{said}");
        assert_eq!(direct.stats().await.unwrap().events, (WRITERS * APPENDS) as u64, "{said}");
        for writer in 0..WRITERS {
            let stream = format!("cut-{writer}");
            let events = direct.read_stream(stream.as_str()).unwrap().collect().await.unwrap();
            let numbers: Vec<usize> = events
                .iter()
                .map(|event| serde_json::from_slice(event.payload.as_bytes()).unwrap())
                .collect();
            assert_eq!(numbers, (0..APPENDS).collect::<Vec<_>>(), "{said}");
        }
        said
    }
}

/// A condition takes the other way to write: several round trips.
pub(crate) fn guarded(append: Append) -> Append {
    let never = Query::types(["never".parse().unwrap()]);
    append.when(Condition { query: never, after: Position(0) })
}

/// One writer; how many of its appends were recognised when they were repeated.
async fn write(store: EventStore, writer: usize) -> usize {
    let stream: StreamId = format!("cut-{writer}").parse().unwrap();
    let mut repeated = 0;
    for n in 0..APPENDS {
        let event = NewEvent::json("noted", &n).unwrap().tagged(format!("writer:{writer}").parse().unwrap());
        let mut append = Append::to(stream.clone(), Expected::version(n as u64), [event]);
        if n % 3 == 0 {
            append = guarded(append);
        }
        let appended = store.append_one(append).await.unwrap();
        assert_eq!(appended.version().0, n as u64 + 1);
        repeated += usize::from(appended.duplicate);
    }
    repeated
}

async fn pass(mut client: TcpStream, mut server: TcpStream, fate: &Fate) -> std::io::Result<()> {
    let (mut from_client, mut from_server) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let message = &from_client[..read?];
                match fate.verdict(message) {
                    _ if message.is_empty() => return Ok(()),
                    Verdict::Pass => server.write_all(message).await?,
                    Verdict::CutBefore => {
                        fate.cut_before.fetch_add(1, Ordering::Relaxed);
                        return Ok(());
                    }
                    Verdict::CutBehind => {
                        fate.cut_behind.fetch_add(1, Ordering::Relaxed);
                        server.write_all(message).await?;
                        // The server does all that it was asked to, and then sees the end.
                        server.shutdown().await?;
                        while server.read(&mut from_server).await? > 0 {}
                        return Ok(());
                    }
                }
            }
            read = server.read(&mut from_server) => {
                match read? {
                    0 => return Ok(()),
                    bytes => client.write_all(&from_server[..bytes]).await?,
                }
            }
        }
    }
}
