//! `annals stats`: how much a store holds and what its appends survive.

use crate::failure::Failure;
use crate::output::{Output, StoreStats};
use crate::target::Target;

/// Show how much the store holds and how durable its appends are.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  annals stats --json")]
pub(crate) struct Args {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let store = target.open().await?;
    let stats = store.stats().await?;
    let durability = store.durability().await?;
    let hash_chain = store.backend().hash_formula().map(annals::backend::HashFormula::name);
    Output::new(args.json).stats(&StoreStats { store_id: store.store_id(), stats, durability, hash_chain })
}
