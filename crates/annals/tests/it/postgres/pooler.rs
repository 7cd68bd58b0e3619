//! PgBouncer in transaction mode: two statements of one connection may run in different sessions, and a session
//! that listens is not the one that waits. The suite runs through it as well.

use std::time::{Duration, Instant};

use annals::Delivery;
use annals::prelude::*;

use super::{POSTGRES, noted, server, unique};

const PGBOUNCER: &str = "ANNALS_PGBOUNCER";

/// What was written to the one store, and how long the subscriber at the other had to wait for it.
async fn delays(writer: &EventStore, reader: &EventStore) -> Vec<Duration> {
    let mut subscription = reader.subscribe(Query::all(), Start::Now).await.unwrap();
    // Long enough to find out whether notifications arrive.
    for n in 0..8 {
        let waiting = tokio::time::timeout(Duration::from_millis(500), async {
            loop {
                let delivery = subscription.next().await.unwrap();
                assert!(matches!(delivery, Delivery::CaughtUp(_)), "{n}: {delivery:?}");
            }
        });
        waiting.await.unwrap_err();
    }
    let mut delays = Vec::new();
    for n in 0..10 {
        writer.append("s", Expected::Any, [noted(n)]).await.unwrap();
        let written = Instant::now();
        while !matches!(subscription.next().await.unwrap(), Delivery::Event(..)) {}
        delays.push(written.elapsed());
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    delays.sort_unstable();
    delays
}

/// Two handles share nothing but the database: the news come by notification, or by looking every 25 ms.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_behind_a_pooler_that_drops_notifications_hears_of_events_soon() {
    let (Some(direct), Some(pooled)) = (server(POSTGRES), server(PGBOUNCER)) else { return };
    let namespace = format!("?namespace=pool_{}", unique());
    let (direct, pooled) = (format!("{direct}{namespace}"), format!("{pooled}{namespace}"));
    let writer = EventStore::connect(&direct).await.unwrap();
    for (reader, at_most) in [(&direct, Duration::from_millis(100)), (&pooled, Duration::from_millis(300))] {
        let reader = EventStore::connect(reader).await.unwrap();
        let delays = delays(&writer, &reader).await;
        println!("delivered after {delays:?}");
        // The median, since the machine may be busy.
        assert!(delays[5] < at_most, "{delays:?}");
    }
    writer.backend().drop_namespace().await.unwrap();
}
