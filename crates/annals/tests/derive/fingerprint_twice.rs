use annals::prelude::*;
use annals::snapshot::Fingerprint;

#[derive(Event, Serialize, Deserialize)]
enum Counted {
    Added,
}

#[derive(Default)]
struct Sum(u64);

#[annals::fingerprint]
impl State for Sum {
    type Event = Counted;
    const FINGERPRINT: Option<Fingerprint> = None;

    fn evolve(&mut self, _: &Counted) {
        self.0 += 1;
    }
}

fn main() {}
