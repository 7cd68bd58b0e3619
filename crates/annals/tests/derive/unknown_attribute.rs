use annals::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
enum Order {
    #[event(version = 2)]
    Placed { order: u32 },
}

fn main() {}
