//! An order folded from the facts, of which snapshots may be kept.

use annals::prelude::*;
use annals::snapshot::SnapshotState;
use serde::{Deserialize, Serialize};

#[annals::fingerprint]
#[derive(Event, Serialize, Deserialize)]
#[expect(clippy::enum_variant_names, reason = "the names of the facts")]
pub(crate) enum OrderEvent {
    OrderPlaced(Details),
    OrderPaid(Details),
    OrderPacked(Details),
    OrderShipped(Details),
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Details {
    customer: String,
    items: u64,
    total: String,
    express: bool,
    note: String,
}

/// A state of about the size of a fact.
#[annals::fingerprint]
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) events: u64,
    placed: u64,
    shipped: u64,
    items: u64,
    express: u64,
    customer: String,
    note: String,
}

#[annals::fingerprint]
impl State for Order {
    type Event = OrderEvent;

    fn evolve(&mut self, event: &OrderEvent) {
        use OrderEvent::{OrderPacked, OrderPaid, OrderPlaced, OrderShipped};
        let (OrderPlaced(details) | OrderPaid(details) | OrderPacked(details) | OrderShipped(details)) =
            event;
        self.events += 1;
        self.placed += u64::from(matches!(event, OrderPlaced(_)));
        self.shipped += u64::from(matches!(event, OrderShipped(_)));
        self.items += details.items;
        self.express += u64::from(details.express);
        self.customer.clone_from(&details.customer);
        self.note.clone_from(&details.note);
    }
}

impl SnapshotState for Order {
    const NAME: &'static str = "order";
    const VERSION: u32 = 1;
}
