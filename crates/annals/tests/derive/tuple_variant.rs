use annals::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
enum Order {
    Placed(String, u32),
}

fn main() {}
