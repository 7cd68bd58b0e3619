//! The hash chain (rule 22).

use tokio::task::JoinSet;

use super::kit::{STREAMS, ensure, ensure_eq, event, join, lacks, random_event};
use super::{Failure, Outcome, Suite, Tampering};
use crate::backend::{Capability, HashFormula};
use crate::chain::payload_digest;
use crate::event::{EventType, Hash, NewEvent};
use crate::payload::Metadata;
use crate::query::Position;
use crate::store::EventStore;
use crate::stream::Expected;

pub(super) async fn a_change_behind_the_stores_back_breaks_the_hash_chain(
    suite: &Suite,
) -> Result<Outcome, Failure> {
    let (_, plain) = suite.store().await?;
    // A store may keep a chain unasked; any other has none to verify, and says so.
    if plain.backend().hash_formula().is_none() {
        let verified = plain.verify_chain(|_| {}).await;
        let refused = lacks(verified, Capability::HashChain, "verifying a store without a chain")?;
        if !plain.capabilities().hash_chain {
            return Ok(refused);
        }
    }
    let (mut events, mut found, mut tried) = (0, 0, 0);
    for formula in [HashFormula::AnnalsV1, HashFormula::EventSourcingDbV1] {
        events += an_honest_log_holds(suite, formula).await?;
        for tampering in [
            Tampering::ChangePayload(Position(1)),
            Tampering::ChangePayload(Position(12)),
            Tampering::ChangeType(Position(12)),
            Tampering::Remove(Position(1)),
            Tampering::Remove(Position(12)),
            Tampering::Remove(Position(20)),
            Tampering::Insert,
        ] {
            tried += 1;
            found += u64::from(is_found(suite, formula, tampering).await?);
        }
    }
    let figure = format!("2 formulas over {events} events by 3 writers each");
    if found == 0 {
        return Ok(Outcome::Partly { figure, untried: "tampering with the log" });
    }
    Ok(Outcome::passed(format!("{figure}; {found} of {tried} ways to tamper tried and found")))
}

async fn chained(suite: &Suite, formula: HashFormula) -> Result<(String, EventStore), Failure> {
    let Some(name) = suite.harness.chained(formula) else {
        return Err(Failure {
            what: "the harness of a store that says it keeps hash chains".into(),
            expected: "the name of a store with one".into(),
            found: "none".into(),
        });
    };
    let name = suite.keep(name);
    let store = suite.open(&name).await?;
    ensure_eq!(store.backend().hash_formula(), Some(formula), "the formula recorded in the store");
    Ok((name, store))
}

/// Concurrent writers, every kind of content, and the chain is what the formula says.
async fn an_honest_log_holds(suite: &Suite, formula: HashFormula) -> Result<u64, Failure> {
    let (name, store) = chained(suite, formula).await?;
    let empty = store.verify_chain(|_| {}).await?;
    ensure_eq!((empty.events, empty.broken), (0, None), "the chain of an empty store");
    let mut random = suite.random();
    let mut tasks = JoinSet::new();
    for writer in suite.handles(&name, 3).await? {
        let mut random = random.fork();
        tasks.spawn(async move {
            for n in 0..25 {
                let mut some = random_event(&mut random)?;
                some.metadata = Metadata::parse(format!("{{\"n\": {n} }}"))?;
                some.correlation_id = random.percent(50).then(|| "c".parse()).transpose()?;
                let bytes = NewEvent::new(EventType::new("bytes")?, random.next().to_le_bytes().to_vec());
                writer.append(*random.pick(STREAMS), Expected::Any, [some, bytes]).await?;
            }
            Ok(())
        });
    }
    join(tasks).await?;
    let mut told = 0;
    let other = suite.open(&name).await?;
    let report = other.verify_chain(|events| told = events).await?;
    ensure_eq!(
        (report.events, report.broken, told),
        (150, None, 150),
        "the chain of {formula} in an honest log"
    );
    let log = other.read_all().collect().await?;
    let mut last = Hash::ZERO;
    for event in &log {
        ensure_eq!(event.predecessor_hash, Some(last), "the predecessor of position {}", event.position);
        let hash = formula.hash(event, payload_digest(&event.payload), last);
        ensure_eq!(event.hash, Some(hash), "the hash of position {}", event.position);
        last = hash;
    }
    ensure_eq!(other.head().await?.hash, Some(last), "the hash that the end of the log tells");
    Ok(report.events)
}

/// Whether this tampering was tried; a failure when it was and nobody noticed.
async fn is_found(suite: &Suite, formula: HashFormula, tampering: Tampering) -> Result<bool, Failure> {
    let (name, store) = chained(suite, formula).await?;
    for n in 0..20 {
        store.append(*STREAMS.get(n % 3).unwrap_or(&"x"), Expected::Any, [event(n as u64)?]).await?;
    }
    if !suite.harness.tamper(&name, tampering).await? {
        return Ok(false);
    }
    for store in [store, suite.open(&name).await?] {
        // An event that can no longer be read is found out as well.
        let Ok(report) = store.verify_chain(|_| {}).await else { continue };
        ensure!(
            report.broken.is_some(),
            format!("verification ({formula}) after {tampering:?}"),
            "a break found",
            format!("{} events said to hold", report.events)
        );
        // What was honest before the break still is.
        let position = match tampering {
            Tampering::ChangePayload(position)
            | Tampering::ChangeType(position)
            | Tampering::Remove(position) => position,
            _ => Position(20),
        };
        ensure!(
            report.events < position.0 || tampering == Tampering::Insert,
            "events that hold",
            format!("fewer than {position}"),
            report.events
        );
        ensure!(
            report.events + 1 >= position.0,
            "events that hold",
            format!("those before {position}"),
            report.events
        );
    }
    Ok(true)
}
