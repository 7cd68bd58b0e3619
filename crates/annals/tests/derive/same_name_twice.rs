use annals::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
enum Order {
    Placed { order: u32 },
    #[event(rename = "placed")]
    PlacedAgain { order: u32 },
}

fn main() {}
