//! A log of ten million events in PostgreSQL: how fast appends are there, beside a log of a hundred thousand, and by
//! which plans the server finds what it is asked for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use annals::backend::{Backend as _, BoxFuture};
use annals::postgres::tokio_postgres::{self, Client, NoTls};
use annals::postgres::{PostgresOptions, PostgresStore};
use annals::prelude::*;
use annals::{Append, Condition, JsonText, Options, Position, QueryItem, Scope, StoreUrl};
use tracing::field::{Field, Visit};

use crate::load::{Appends, Fact, Outcome, Writing, Written, facts};
use crate::subject;

/// How large the log beside is.
const SMALL: u64 = 100_000;

/// Events in an append that loads, which are a stream.
const BATCH: u64 = 100;

/// Those who load.
const LOADERS: u64 = 8;

/// Those who are measured, an event an append each.
const WRITERS: usize = 64;

/// Rounds of a measurement, their time and what goes before it.
const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_secs(1);
const WARM_UP: Duration = Duration::from_millis(250);

/// The number of the first that is measured: no stream that was loaded has it.
const FIRST_WRITER: usize = 1_000_000_000;

/// Loads so many events and few into a store beside, measures both in turn, and shows the plans of the large one.
pub(crate) async fn run(server: &str, events: u64) -> Outcome<()> {
    let client = client(server).await?;
    let (large, small) = (Place::new(server), Place::new(server));
    let (large_backend, large_store) = large.open(server).await?;
    let (small_backend, small_store) = small.open(server).await?;
    let result = async {
        load(&large_store, events).await?;
        load(&small_store, SMALL).await?;
        for place in [&large, &small] {
            // What the server would do sooner or later, and in the middle of a round otherwise.
            let schema = place.schema();
            client.batch_execute(&format!("VACUUM ANALYZE {schema}.events, {schema}.event_tags")).await?;
        }
        client.batch_execute("CHECKPOINT").await?;
        compare(&small_store, &large_store).await?;
        large.plans(&client, &large_store).await
    };
    let result = result.await;
    large_backend.drop_namespace().await?;
    small_backend.drop_namespace().await?;
    result
}

/// Rounds in turn, each on streams of its own, so that a machine that slows down slows both.
async fn compare(small: &EventStore, large: &EventStore) -> Outcome<()> {
    let sizes = [small.head().await?.position, large.head().await?.position];
    let (mut rates, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
    for round in 0..ROUNDS {
        for (store, rates) in [small, large].into_iter().zip(&mut rates) {
            rates.push(append_rate(store, FIRST_WRITER + round * WRITERS).await?);
        }
        ratios.push(rates[1][round] / rates[0][round]);
    }
    for (size, mut rates) in sizes.into_iter().zip(rates) {
        rates.sort_unstable_by(f64::total_cmp);
        let (least, median, most) = (rates[0], rates[ROUNDS / 2], rates[ROUNDS - 1]);
        say(&format!(
            "append-1-w{WRITERS} from {size} events on: {median:.0} events/s ({least:.0}-{most:.0})"
        ))?;
    }
    ratios.sort_unstable_by(f64::total_cmp);
    say(&format!("the median of the rounds' ratios is {:.2}\n", ratios[ROUNDS / 2]))
}

async fn append_rate(store: &EventStore, first: usize) -> Outcome<f64> {
    let writing = Writing::begin(WARM_UP, TIME);
    let tasks: Vec<_> = (first..first + WRITERS)
        .map(|writer| tokio::spawn(writing.clone().write(Appender(store.clone()), writer, 1)))
        .collect();
    let mut written = Written::default();
    for task in tasks {
        written.add(task.await??);
    }
    Ok(written.latencies.len() as f64 / written.seconds)
}

async fn client(server: &str) -> Outcome<Client> {
    let (client, connection) = tokio_postgres::connect(server, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn say(text: &str) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

struct Place {
    server: String,
    namespace: String,
}

impl Place {
    fn new(server: &str) -> Self {
        Self { server: server.to_owned(), namespace: subject::namespace() }
    }

    async fn open(&self, server: &str) -> Outcome<(PostgresStore, EventStore)> {
        let url: StoreUrl =
            format!("{server}?sslmode=disable&connections=4&namespace={}", self.namespace).parse()?;
        let backend = PostgresStore::open(PostgresOptions::try_from(&url)?).await?;
        Ok((backend.clone(), EventStore::new(Arc::new(backend), Options::default())))
    }

    fn schema(&self) -> String {
        format!("annals__{}", self.namespace)
    }

    /// Lets the server say how it carries out every statement of a store.
    async fn plans(&self, client: &Client, store: &EventStore) -> Outcome<()> {
        let notices = Notices::default();
        tracing::subscriber::set_global_default(notices.clone())?;
        let role = format!("{}_explained", self.namespace);
        // What is loaded into a session, and what it then tells, are settings of its role.
        client
            .batch_execute(&format!(
                "CREATE ROLE {role} SUPERUSER LOGIN;
                 ALTER ROLE {role} SET session_preload_libraries = 'auto_explain';
                 ALTER ROLE {role} SET auto_explain.log_min_duration = 0;
                 ALTER ROLE {role} SET auto_explain.log_nested_statements = on;
                 ALTER ROLE {role} SET auto_explain.log_level = notice"
            ))
            .await?;
        let (scheme, rest) = self.server.split_once("://").ok_or("the server's URL has no scheme")?;
        let host = rest.split_once('@').map_or(rest, |(_, host)| host);
        let explained = self.open(&format!("{scheme}://{role}@{host}")).await;
        let asked = match explained {
            Ok((backend, explained)) => {
                let asked = ask(&explained, store).await;
                drop((explained, backend));
                asked
            }
            Err(e) => Err(e),
        };
        client.batch_execute(&format!("DROP ROLE {role}")).await?;
        asked?;
        let plans = notices.plans(&self.schema());
        let mut whole = 0;
        for (statement, plan) in &plans {
            let scans =
                ["events", "event_tags"].iter().any(|table| plan.contains(&format!("Seq Scan on {table}")));
            whole += usize::from(scans);
            say(&format!("{statement}\n{plan}"))?;
        }
        say(&format!("{} statements, {whole} of them by reading a whole table", plans.len()))
    }
}

/// Loads streams of [`BATCH`] events; every tenth event has a tag.
async fn load(store: &EventStore, count: u64) -> Outcome<()> {
    let start = Instant::now();
    let streams = 0..count / BATCH;
    let tasks: Vec<_> = (0..LOADERS)
        .map(|loader| {
            let (store, streams) = (store.clone(), streams.clone());
            tokio::spawn(async move {
                for stream in streams.skip(usize::try_from(loader)?).step_by(usize::try_from(LOADERS)?) {
                    let facts = facts(stream)(usize::try_from(BATCH)?);
                    let events = facts.into_iter().enumerate().map(|(n, fact)| tagged(fact, stream, n));
                    let events = events.collect::<Outcome<Vec<_>>>()?;
                    store.append(format!("order-{stream}"), Expected::NoStream, events).await?;
                }
                Outcome::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let seconds = start.elapsed().as_secs_f64();
    say(&format!("loaded {count} events in {seconds:.0} s, {:.0} events/s", count as f64 / seconds))
}

fn event(fact: Fact) -> Outcome<NewEvent> {
    Ok(NewEvent::new(fact.event_type.parse()?, JsonText::parse(fact.payload)?))
}

fn tagged(fact: Fact, stream: u64, n: usize) -> Outcome<NewEvent> {
    let event = event(fact)?;
    Ok(if n.is_multiple_of(10) {
        event.tagged(format!("customer:{}", stream % 5_000).parse()?)
    } else {
        event
    })
}

struct Appender(EventStore);

impl Appends for Appender {
    fn append<'a>(&'a self, stream: &'a str, expected: u64, facts: Vec<Fact>) -> BoxFuture<'a, Outcome<()>> {
        Box::pin(async move {
            let events = facts.into_iter().map(event).collect::<Outcome<Vec<_>>>()?;
            self.0.append(stream, Expected::version(expected), events).await?;
            Ok(())
        })
    }
}

/// Everything that a store is asked for, but for `stats`, which counts every event.
async fn ask(store: &EventStore, other: &EventStore) -> Outcome<()> {
    let ids: Vec<_> =
        store.read_stream("order-7")?.collect().await?.iter().map(|event| event.event_id).collect();
    store.read_stream("order-7")?.backward().collect().await?;
    let item = |types: &[&str], tags: &[&str], scope| -> Outcome<Query> {
        Ok(Query::from(QueryItem {
            types: types.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
            tags: tags.iter().map(|tag| tag.parse()).collect::<Result<_, _>>()?,
            scope,
        }))
    };
    let queries = [
        Query::all(),
        item(&["order-paid"], &[], Scope::All)?,
        item(&["order-paid", "order-shipped"], &[], Scope::All)?,
        item(&[], &["customer:7"], Scope::All)?,
        item(&["order-paid"], &["customer:7"], Scope::All)?,
        item(&["order-paid"], &[], Scope::Stream("order-7".parse()?))?,
        item(&[], &["customer:7"], Scope::Category("order".parse()?))?,
        item(&[], &[], Scope::Category("order".parse()?))?,
        item(&[], &[], Scope::Prefix("order-7".to_owned()))?,
        item(&["order-paid"], &[], Scope::All)?.or(item(&[], &["customer:7"], Scope::All)?),
    ];
    let one = || event(facts(1)(1).remove(0));
    for (n, query) in queries.into_iter().enumerate() {
        store.read_all().matching(query.clone()).limit(5).collect().await?;
        store.read_all().matching(query.clone()).backward().limit(5).collect().await?;
        let after = store.head().await?.position;
        let append = Append::to("explained-1".parse()?, Expected::version(n as u64), [one()?]);
        store.append_one(append.when(Condition { query, after })).await?;
    }
    store.append("explained-2", Expected::NoStream, [one()?]).await?;
    // A conflict is looked up by statements of its own.
    if store.append("explained-2", Expected::NoStream, [one()?]).await.is_ok() {
        return Err("a stream began twice".into());
    }
    store.events(ids).await?;
    store.list_streams("order-1", None, 5).await?;
    store.list_event_types(None, 5).await?;
    store.save_checkpoint("explained", None, &other.checkpoint_at(Position(1))).await?;
    store.load_checkpoint("explained").await?;
    Ok(())
}

/// What the server has told this process, as the library's traces repeat it.
#[derive(Debug, Clone, Default)]
struct Notices(Arc<Mutex<Vec<String>>>);

impl Notices {
    /// The plans of statements with this word in them, by statement.
    fn plans(&self, word: &str) -> BTreeMap<String, String> {
        let mut plans = BTreeMap::new();
        for notice in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let Some((_, text)) = notice.split_once("Query Text: ") else { continue };
            // The plan begins with its costs; what stands before is the statement.
            let cost = text.find("(cost=").unwrap_or(text.len());
            let begin = text[..cost].rfind('\n').unwrap_or(cost);
            let statement: Vec<&str> = text[..begin].split_whitespace().collect();
            let statement = statement.join(" ");
            if statement.contains(word) {
                let mut plan = String::new();
                for line in text[begin..].lines().filter(|line| !line.is_empty()) {
                    let _ = writeln!(plan, "    {line}");
                }
                plans.insert(statement, plan);
            }
        }
        plans
    }
}

impl tracing::Subscriber for Notices {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.fields().field("notice").is_some()
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Found<'a>(&'a Notices);
        impl Visit for Found<'_> {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                if field.name() == "notice" {
                    self.0.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{value:?}"));
                }
            }
        }
        event.record(&mut Found(self));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
