//! `disintegrate-postgres`: events of one id, appended on the condition that none of them is newer than the last.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};

use disintegrate::serde::json::Json;
use disintegrate::{Event, EventStore as _, query};
use disintegrate_postgres::{Error, PgEventStore};
use serde::{Deserialize, Serialize};

use crate::load::{Appends, Fact, Outcome, Share};

#[derive(Debug, Clone, PartialEq, Eq, Event, Serialize, Deserialize)]
enum OrderEvent {
    OrderChanged {
        #[id]
        order_id: String,
        payload: String,
    },
}

pub(crate) struct Writer {
    store: PgEventStore<OrderEvent, Json<OrderEvent>>,
    last: AtomicI64,
}

pub(crate) async fn open(share: &Share) -> Outcome<Vec<Writer>> {
    let pool = crate::pool(share, "public").await?;
    let store = PgEventStore::try_new(pool, Json::default()).await?;
    Ok(share.numbers().map(|_| Writer { store: store.clone(), last: AtomicI64::new(0) }).collect())
}

impl Appends for Writer {
    fn append<'a>(
        &'a self,
        stream: &'a str,
        _: u64,
        facts: Vec<Fact>,
    ) -> Pin<Box<dyn Future<Output = Outcome<()>> + Send + 'a>> {
        Box::pin(async move {
            let events: Vec<OrderEvent> = facts
                .into_iter()
                .map(|fact| OrderEvent::OrderChanged { order_id: stream.to_owned(), payload: fact.payload })
                .collect();
            loop {
                let stream = stream.to_owned();
                let same = query!(OrderEvent; order_id == stream);
                match self.store.append(events.clone(), same, self.last.load(Ordering::Relaxed)).await {
                    Ok(persisted) => {
                        let last = persisted.iter().map(|event| event.id()).max();
                        self.last.fetch_max(last.unwrap_or(0), Ordering::Relaxed);
                        return Ok(());
                    }
                    // Its transactions are serializable, and may fail beside others that write elsewhere.
                    Err(Error::Concurrency) => {}
                    Err(e) => return Err(e.into()),
                }
            }
        })
    }
}
