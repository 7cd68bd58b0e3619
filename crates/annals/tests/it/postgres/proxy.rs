//! A proxy between client and server that cuts connections in mid-append (rule 18).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use annals::prelude::*;
use annals::{Append, Condition, Error, ErrorKind, Options, Position};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{POSTGRES, noted, server, unique};

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
    parsed: AtomicUsize,
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

    fn url(&self, options: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/annals?sslmode=disable&{options}", self.port)
    }
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

async fn store(url: &str, deadline: Duration) -> EventStore {
    let backend = super::open(&url.parse().unwrap()).await;
    EventStore::new(Arc::new(backend), Options { deadline, ..Options::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_through_a_connection_that_is_cut_again_and_again_are_written_once() {
    const WRITERS: usize = 4;
    const APPENDS: usize = 60;
    let Some(server) = server(POSTGRES) else { return };
    let proxy = Proxy::before(&server).await;
    let namespace = format!("namespace=cut_{}", unique());
    let through = store(&proxy.url(&namespace), Duration::from_secs(60)).await;
    let seed = annals::Timestamp::now().unix_micros().unsigned_abs();
    println!("seed {seed}");
    proxy.fate.random.store(seed, Ordering::Relaxed);
    proxy.fate.percent.store(10, Ordering::Relaxed);
    let writers = (0..WRITERS).map(|writer| {
        let store = through.clone();
        tokio::spawn(async move {
            let stream: annals::StreamId = format!("cut-{writer}").parse().unwrap();
            let mut repeated = 0;
            for n in 0..APPENDS {
                let tag: Tag = format!("writer:{writer}").parse().unwrap();
                let event = noted(n).tagged(tag.clone());
                let mut append = Append::to(stream.clone(), Expected::version(n as u64), [event]);
                if n % 3 == 0 {
                    // A condition takes the other way to write: two round trips.
                    let never = Query::types(["never".parse().unwrap()]);
                    append = append.when(Condition { query: never, after: Position(0) });
                }
                let mut appended = store.append_all(vec![append]).await;
                let appended = appended.pop().unwrap().unwrap();
                assert_eq!(appended.version().0, n as u64 + 1);
                repeated += usize::from(appended.duplicate);
            }
            repeated
        })
    });
    let mut repeated = 0;
    for writer in writers.collect::<Vec<_>>() {
        repeated += writer.await.unwrap();
    }
    proxy.fate.percent.store(0, Ordering::Relaxed);
    let (before, behind) =
        (proxy.fate.cut_before.load(Ordering::Relaxed), proxy.fate.cut_behind.load(Ordering::Relaxed));
    println!("{before} cut before, {behind} behind a message; {repeated} appends were recognised");
    assert!(before > 0 && behind > 0, "{before} cut before, {behind} behind a message");

    let direct = EventStore::connect(&format!("{server}?{namespace}")).await.unwrap();
    assert_eq!(direct.stats().await.unwrap().events, (WRITERS * APPENDS) as u64);
    for writer in 0..WRITERS {
        let numbers: Vec<usize> = direct
            .read_stream(format!("cut-{writer}").as_str())
            .unwrap()
            .collect()
            .await
            .unwrap()
            .iter()
            .map(|event| serde_json::from_slice(event.payload.as_bytes()).unwrap())
            .collect();
        assert_eq!(numbers, (0..APPENDS).collect::<Vec<_>>());
    }
    direct.backend().drop_namespace().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_before_the_deadline_is_indeterminate_and_repeating_converges() {
    let Some(server) = server(POSTGRES) else { return };
    for (words, condition) in [("append_batch", false), ("COMMIT\0", true)] {
        let proxy = Proxy::before(&server).await;
        let url = proxy.url(&format!("namespace=lost_{}", unique()));
        let store = store(&url, Duration::from_millis(300)).await;
        store.append("s", Expected::NoStream, [noted(0)]).await.unwrap();
        let mut append = Append::to("s".parse().unwrap(), Expected::version(1), [noted(1)]);
        if condition {
            let never = Query::types(["never".parse().unwrap()]);
            append = append.when(Condition { query: never, after: Position(0) });
        }
        let again = |append: &Append| store.append_all(vec![append.clone()]);

        *proxy.fate.behind.lock().unwrap() = Some(words);
        let fate = proxy.fate.clone();
        let dying = tokio::spawn(async move {
            while fate.cut_behind.load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
            fate.dead.store(true, Ordering::Relaxed);
        });
        let unknown: Error = again(&append).await.pop().unwrap().unwrap_err();
        dying.await.unwrap();
        assert_eq!(unknown.kind(), ErrorKind::Indeterminate, "{words}: {unknown}");

        // Nothing goes through, and this append never did: it is known that nothing was written.
        let other = store.append("other", Expected::Any, [noted(2)]).await.unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Unavailable, "{other}");

        proxy.fate.dead.store(false, Ordering::Relaxed);
        let found = again(&append).await.pop().unwrap().unwrap();
        assert_eq!((found.version().0, found.duplicate), (2, true), "{words}");
        assert_eq!(store.stats().await.unwrap().events, 2);
        store.backend().drop_namespace().await.unwrap();
    }
}

/// What stands between cannot be told from a pooler, so nothing is kept prepared unless the URL says so.
#[tokio::test(flavor = "multi_thread")]
async fn statements_are_kept_prepared_as_the_url_says() {
    let Some(server) = server(POSTGRES) else { return };
    for (prepared, parsed_again) in [("auto", true), ("no", true), ("yes", false)] {
        let proxy = Proxy::before(&server).await;
        let url = proxy.url(&format!("prepared={prepared}&namespace=kept_{}", unique()));
        let store = store(&url, Duration::from_secs(10)).await;
        store.append("s", Expected::Any, [noted(0)]).await.unwrap();
        let once = proxy.fate.parsed.load(Ordering::Relaxed);
        for n in 1..5 {
            store.append("s", Expected::Any, [noted(n)]).await.unwrap();
        }
        let parsed = proxy.fate.parsed.load(Ordering::Relaxed) - once;
        assert_eq!(parsed > 0, parsed_again, "prepared={prepared}: {parsed} statements parsed again");
        store.backend().drop_namespace().await.unwrap();
    }
}
