use annals::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
#[event(stream = "order-{order}")]
enum Order {
    Placed { order: u32 },
    Lost { number: u32 },
}

fn main() {}
