struct Sum;

#[annals::fingerprint]
impl Sum {}

#[annals::fingerprint]
fn evolve() {}

#[annals::fingerprint(twice)]
struct Product;

fn main() {}
