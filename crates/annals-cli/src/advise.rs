//! `annals advise`: looks at a real store and says whether something would help.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use annals::snapshot::{SnapshotKey, SnapshotName};
use annals::{EventStore, StreamId, Version};

use crate::failure::Failure;
use crate::filter::{duration, whole_number};
use crate::output::{Output, Progress};
use crate::streams::PAGE;
use crate::target::Target;

/// Look at the store and say whether something would help.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  annals advise snapshots

Exit status 0 whatever the advice is.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Snapshots(Snapshots),
}

/// Say whether loads are slow enough for snapshots, category by category.
///
/// Streams are listed with their lengths, and in each category the one of median length and the longest are
/// read three times, each event with its JSON; the middle one of the times counts. What your code does with an
/// event comes on top. What a snapshot would save is worked out from the rate at which this store was just read.
///
/// Nothing is written. At most --streams streams are listed, 100 categories are measured, those with the longest
/// streams, and of one stream 100,000 events are read; what is beyond is worked out from the rate, marked ~.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals advise snapshots
  annals advise snapshots --category meter --threshold 20ms
  annals advise snapshots --json

Advice:
  none needed     loading the longest stream takes no longer than the threshold
  few streams     only streams among the longest hundredth take longer: ask first whether each is
                  one thing, or should end and begin anew as an account does with its year
  every N events  more than that; N events take half the threshold

Exit status 0 whatever the advice is.")]
struct Snapshots {
    /// Only the streams of this category.
    #[arg(long, value_name = "CATEGORY")]
    category: Option<String>,
    /// A load that takes no longer needs no snapshot: a number and us, ms or s.
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = duration)]
    threshold: Duration,
    /// List at most so many streams.
    #[arg(long, value_name = "N", default_value = "100000", value_parser = whole_number)]
    streams: u64,
    /// Print one JSON object a category.
    #[arg(long)]
    json: bool,
}

/// Events of one stream that are read to measure a load.
const EVENTS_MAX: u64 = 100_000;

/// Categories that are measured.
const CATEGORIES_MAX: usize = 100;

/// How often a stream is read.
const ROUNDS: usize = 3;

/// A read that takes longer is not repeated.
const ONCE: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    match args.command {
        Command::Snapshots(args) => snapshots(&args, target).await,
    }
}

async fn snapshots(args: &Snapshots, target: &Target) -> Result<(), Failure> {
    let store = target.open().await?;
    let (categories, all) = lengths(&store, args).await?;
    let mut output = Output::new(args.json);
    let mut categories: Vec<_> = categories.into_iter().collect();
    categories.sort_by_key(|(_, streams)| std::cmp::Reverse(streams.last().map(|(length, _)| *length)));
    let left_out = categories.split_off(categories.len().min(CATEGORIES_MAX)).len();
    let progress = Progress::count(u64::try_from(categories.len()).unwrap_or(u64::MAX), "categories");
    let mut advices = Vec::with_capacity(categories.len());
    for (category, streams) in categories {
        advices.extend(advise(&store, category, &streams, args.threshold).await?);
        progress.advance(1);
    }
    progress.clear();
    for advice in &advices {
        output.snapshot_advice(advice)?;
    }
    output.snapshot_summary(&advices, args.threshold, (!all).then_some(args.streams), left_out)?;
    output.finish("no streams")
}

/// The streams of each category, the shortest first, and whether these are all.
async fn lengths(
    store: &EventStore,
    args: &Snapshots,
) -> Result<(BTreeMap<String, Vec<(u64, StreamId)>>, bool), Failure> {
    let progress = Progress::waiting("listing streams");
    let prefix = args.category.as_deref().unwrap_or_default();
    let mut categories: BTreeMap<String, Vec<(u64, StreamId)>> = BTreeMap::new();
    let (mut after, mut left) = (None, usize::try_from(args.streams).unwrap_or(usize::MAX));
    let all = loop {
        let page = store.list_streams(prefix, after.as_ref(), PAGE.min(left)).await?;
        left = left.saturating_sub(page.len());
        let last = page.last().map(|last| last.stream_id.clone());
        let full = page.len() >= PAGE;
        for stream in page {
            let category = stream.stream_id.category();
            // Another category may begin with the same letters.
            if args.category.as_deref().is_none_or(|only| only == category) {
                categories.entry(category.to_owned()).or_default().push((stream.version.0, stream.stream_id));
            }
        }
        if left == 0 {
            break store.list_streams(prefix, last.as_ref(), 1).await?.is_empty();
        }
        if !full {
            break true;
        }
        after = last;
    };
    categories.values_mut().for_each(|streams| streams.sort_unstable());
    progress.clear();
    Ok((categories, all))
}

/// What loading a stream costs.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) stream_id: StreamId,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
    /// Not all of it was read; the rest is worked out.
    pub(crate) estimated: bool,
}

/// What is said of one category.
#[derive(Debug)]
pub(crate) struct SnapshotAdvice {
    pub(crate) category: String,
    pub(crate) streams: u64,
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) median: Load,
    pub(crate) longest: Load,
    pub(crate) verdict: Verdict,
}

/// Whether a category needs snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    NoneNeeded,
    /// Only for the longest: kept after a load that took longer than the threshold, it then takes so long.
    FewStreams {
        with_snapshot: Duration,
    },
    /// Kept every so many events, the longest load then takes so long.
    Every {
        events: u64,
        with_snapshot: Duration,
    },
}

impl Verdict {
    fn of(p99: u64, longest: &Load, lookup: Duration, threshold: Duration) -> Self {
        let every = round_down(events_in(threshold / 2, longest));
        // A load finds between none and all of the events since the last snapshot, half of them on average,
        // and looks twice: for the snapshot and for the events.
        let with_snapshot = lookup * 2 + time_of(every / 2, longest);
        if longest.time <= threshold {
            Self::NoneNeeded
        } else if time_of(p99, longest) <= threshold {
            Self::FewStreams { with_snapshot }
        } else {
            Self::Every { events: every, with_snapshot }
        }
    }
}

async fn advise(
    store: &EventStore,
    category: String,
    streams: &[(u64, StreamId)],
    threshold: Duration,
) -> Result<Option<SnapshotAdvice>, Failure> {
    let at = |hundredths: usize| {
        let rank = (streams.len() * hundredths).div_ceil(100);
        streams.get(rank.saturating_sub(1))
    };
    let (Some((p50, median)), Some((p99, _)), Some((_, longest))) = (at(50), at(99), streams.last()) else {
        return Ok(None);
    };
    let longest = measure(store, longest).await?;
    let median = if *median == longest.stream_id { longest.clone() } else { measure(store, median).await? };
    let lookup = lookup(store, &longest.stream_id).await?;
    let verdict = Verdict::of(*p99, &longest, lookup, threshold);
    let streams = u64::try_from(streams.len()).unwrap_or(u64::MAX);
    Ok(Some(SnapshotAdvice { category, streams, p50: *p50, p99: *p99, median, longest, verdict }))
}

async fn measure(store: &EventStore, stream_id: &StreamId) -> Result<Load, Failure> {
    let (mut times, mut read, mut bytes) = (Vec::with_capacity(ROUNDS), 0, 0);
    while times.len() < ROUNDS {
        let started = Instant::now();
        (read, bytes) = (0, 0);
        let part = store.read_stream(stream_id.clone())?.to(Version(EVENTS_MAX));
        let mut events = part.events();
        while let Some(event) = events.next().await? {
            read += 1;
            let own = event.payload.as_bytes().len() + event.metadata.as_str().len();
            bytes += u64::try_from(own).unwrap_or(0);
            if let Some(json) = event.payload.json() {
                json.decode::<serde_json::Value>()?;
            }
        }
        times.push(started.elapsed());
        if started.elapsed() > ONCE {
            break;
        }
    }
    times.sort_unstable();
    let time = times.get(times.len() / 2).copied().unwrap_or_default();
    let measured = Load { stream_id: stream_id.clone(), events: read, bytes, time, estimated: false };
    let events = store.stream_version(stream_id.clone()).await?.0;
    if events <= EVENTS_MAX {
        return Ok(measured);
    }
    let scaled = u128::from(bytes) * u128::from(events) / u128::from(read.max(1));
    Ok(Load {
        time: time_of(events, &measured),
        bytes: u64::try_from(scaled).unwrap_or(u64::MAX),
        events,
        estimated: true,
        ..measured
    })
}

/// How long it takes to find out that there is no snapshot.
async fn lookup(store: &EventStore, stream_id: &StreamId) -> Result<Duration, Failure> {
    let mut times = Vec::with_capacity(ROUNDS);
    while times.len() < ROUNDS {
        let key = SnapshotKey { stream_id: stream_id.clone(), name: SnapshotName::new("annals advise")? };
        let started = Instant::now();
        store.backend().load_snapshot(key).await?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

/// How long so many events take at the rate of a load.
fn time_of(events: u64, of: &Load) -> Duration {
    let micros = of.time.as_micros() * u128::from(events) / u128::from(of.events.max(1));
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// How many events that rate gives in a time.
fn events_in(time: Duration, of: &Load) -> u64 {
    let events = time.as_micros() * u128::from(of.events) / of.time.as_micros().max(1);
    u64::try_from(events).unwrap_or(u64::MAX)
}

/// To 1, 2 or 5 and zeros, since nobody should take it for exact; 10 at least.
fn round_down(events: u64) -> u64 {
    let mut power = 10_u64;
    while let Some(next) = power.checked_mul(10).filter(|next| *next <= events) {
        power = next;
    }
    let larger = [5, 2].into_iter().filter_map(|times| power.checked_mul(times));
    larger.filter(|round| *round <= events).max().unwrap_or(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(events: u64, millis: u64) -> Load {
        Load {
            stream_id: "meter-1".try_into().unwrap(),
            events,
            bytes: 0,
            time: Duration::from_millis(millis),
            estimated: false,
        }
    }

    #[test]
    fn the_verdict_goes_by_the_longest_load_and_by_the_hundredth_longest() {
        let (lookup, threshold) = (Duration::from_millis(1), Duration::from_millis(50));
        let verdict = |p99, longest| Verdict::of(p99, &longest, lookup, threshold);
        assert_eq!(verdict(5_000, load(5_000, 50)), Verdict::NoneNeeded);
        assert_eq!(verdict(0, load(0, 0)), Verdict::NoneNeeded);
        let with_snapshot = Duration::from_millis(12);
        assert_eq!(verdict(5_000, load(10_000, 100)), Verdict::FewStreams { with_snapshot });
        assert_eq!(verdict(9_000, load(10_000, 100)), Verdict::Every { events: 2_000, with_snapshot });
    }

    #[test]
    fn advice_is_given_in_round_numbers() {
        for (events, round) in [(0, 10), (10, 10), (19, 10), (20, 20), (499, 200), (500, 500), (9_999, 5_000)]
        {
            assert_eq!(round_down(events), round, "{events}");
        }
        assert_eq!(round_down(u64::MAX), 10_000_000_000_000_000_000);
    }

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(duration("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(duration("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(duration("800us"), Ok(Duration::from_micros(800)));
        for wrong in [
            "",
            "50",
            "ms",
            "0ms",
            "-1s",
            "1.5s",
            "5 ms",
            "5é",
            "99999999999999999999s",
            "9999999999999999999s",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
