//! Orders as a seed makes them: the same seed, the same orders.

use annals::{DecideError, EventStore};
use tokio::task::JoinSet;

use crate::failure::Failure;
use crate::output::Progress;

use super::order::{Command, Order};

/// Orders that are worked on at the same time.
const AT_ONCE: usize = 64;

/// Writes the orders' whole lives; each order is worked on in its own order, many at the same time.
pub(crate) async fn generate(store: &EventStore, orders: u32, seed: u64) -> Result<u64, Failure> {
    let progress = Progress::count(u64::from(orders), "orders");
    let mut tasks = JoinSet::new();
    let (mut next, mut commands) = (1, 0);
    while next <= orders || !tasks.is_empty() {
        while next <= orders && tasks.len() < AT_ONCE {
            tasks.spawn(live(store.clone(), life(next, seed)));
            next += 1;
        }
        if let Some(done) = tasks.join_next().await {
            commands += done.map_err(|e| Failure::refused("the demo ended early", e))??;
            progress.advance(1);
        }
    }
    progress.clear();
    Ok(commands)
}

async fn live(store: EventStore, commands: Vec<(u32, Command)>) -> Result<u64, Failure> {
    let mut carried_out = 0;
    for (order, command) in commands {
        match store.execute::<Order>(format!("order-{order}"), command).await {
            Ok(_) => carried_out += 1,
            // Some customers try what the rules do not allow.
            Err(DecideError::Refused(_)) => {}
            Err(DecideError::Store(error)) => return Err(error.into()),
        }
    }
    Ok(carried_out)
}

/// What happens to one order.
fn life(order: u32, seed: u64) -> Vec<(u32, Command)> {
    let mut chance = Chance(seed ^ (u64::from(order) << 32));
    let customer = chance.pick(&["ada", "bo", "chen", "dina", "emil", "farah", "goran", "hana"]);
    let mut commands = vec![Command::Place { order, customer: customer.to_owned() }];
    for _ in 0..=chance.below(3) {
        commands.push(Command::AddLine {
            order,
            sku: chance.pick(&["tea", "coffee", "cup", "kettle", "sugar", "spoon"]).to_owned(),
            quantity: chance.below(4) + 1,
            unit_cents: u64::from(chance.below(40) + 1) * 50,
        });
    }
    match chance.below(10) {
        0 => commands.push(Command::Cancel { order, reason: "changed my mind".into() }),
        1 => {}
        fate => {
            commands.push(Command::Pay { order });
            if fate > 3 {
                commands.push(Command::Ship { order, carrier: chance.pick(&["post", "bike"]).to_owned() });
            }
        }
    }
    commands.into_iter().map(|command| (order, command)).collect()
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end)).unwrap_or_default()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let index = usize::try_from(self.next()).unwrap_or_default() % from.len();
        from[index]
    }
}
