//! The stream `stock`: what is known of it, and its rules.

use annals::{Decider, State};

use crate::generated::stock::{StockCommand, StockEvent, StockRefusal};

/// What the rules have to know of one article.
#[derive(Debug, Default)]
pub struct Stock {
    free: i64,
}

impl State for Stock {
    type Event = StockEvent;

    fn evolve(&mut self, event: &StockEvent) {
        match event {
            StockEvent::StockCounted { quantity, .. } => self.free = *quantity,
            StockEvent::StockReserved { quantity, .. } => self.free -= quantity,
        }
    }
}

impl Decider for Stock {
    type Command = StockCommand;
    type Refusal = StockRefusal;

    fn decide(&self, command: &StockCommand) -> Result<Vec<StockEvent>, StockRefusal> {
        match command.clone() {
            StockCommand::CountStock { sku, quantity } => {
                Ok(vec![StockEvent::StockCounted { sku, quantity }])
            }
            StockCommand::ReserveStock { quantity, .. } if quantity > self.free => {
                Err(StockRefusal::OutOfStock)
            }
            StockCommand::ReserveStock { sku, order_id, quantity } => {
                Ok(vec![StockEvent::StockReserved { sku, order_id, quantity }])
            }
        }
    }
}
