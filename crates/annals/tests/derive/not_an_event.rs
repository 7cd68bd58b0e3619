use annals::State;

struct Placed;

#[derive(Default)]
struct Order;

impl State for Order {
    type Event = Placed;

    fn evolve(&mut self, _: &Placed) {}
}

fn main() {}
