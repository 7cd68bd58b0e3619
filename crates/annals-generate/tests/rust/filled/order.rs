//! The stream `order`: what is known of it, and its rules.

use annals::{Decider, State};

use crate::generated::order::{
    OrderCommand, OrderEvent, OrderPlacedV2, OrderRefusal, PlaceOrder,
};

/// What the rules have to know of one order.
#[derive(Debug, Default)]
pub struct Order {
    customer_id: Option<uuid::Uuid>,
    is_paid: bool,
}

impl State for Order {
    type Event = OrderEvent;

    fn evolve(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::OrderPlaced { customer_id, .. } => self.customer_id = Some(*customer_id),
            OrderEvent::OrderPaid { .. } => self.is_paid = true,
            OrderEvent::OrderShipped { .. } => {}
        }
    }
}

impl Decider for Order {
    type Command = OrderCommand;
    type Refusal = OrderRefusal;

    fn decide(&self, command: &OrderCommand) -> Result<Vec<OrderEvent>, OrderRefusal> {
        let customer_id = self.customer_id.ok_or(OrderRefusal::NotPlaced)?;
        match command {
            OrderCommand::PayOrder { .. } if self.is_paid => Ok(Vec::new()),
            OrderCommand::PayOrder { order_id, amount, at } => {
                let (order_id, amount, at) = (*order_id, amount.clone(), *at);
                Ok(vec![OrderEvent::OrderPaid { order_id, amount, at }])
            }
            OrderCommand::ShipOrder { .. } if !self.is_paid => Err(OrderRefusal::NotPaid),
            OrderCommand::ShipOrder { order_id } => {
                Ok(vec![OrderEvent::OrderShipped { order_id: *order_id, customer_id }])
            }
        }
    }
}

/// How many orders of a customer are open.
#[derive(Debug, Default)]
pub struct PlaceOrderContext {
    open: usize,
}

impl State for PlaceOrderContext {
    type Event = OrderEvent;

    fn evolve(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::OrderPlaced { .. } => self.open += 1,
            OrderEvent::OrderShipped { .. } => self.open -= 1,
            OrderEvent::OrderPaid { .. } => {}
        }
    }
}

/// Decides `PlaceOrder`.
///
/// # Errors
/// A refusal, by the rules.
pub fn place_order(
    state: &(Order, PlaceOrderContext),
    command: &PlaceOrder,
) -> Result<Vec<OrderEvent>, OrderRefusal> {
    let PlaceOrder { order_id, customer_id, lines, channel, note } = command.clone();
    if lines.is_empty() {
        return Err(OrderRefusal::CartEmpty);
    }
    if state.1.open >= 2 {
        return Err(OrderRefusal::TooManyOpenOrders);
    }
    Ok(vec![OrderEvent::OrderPlaced { order_id, customer_id, lines, channel, note }])
}

/// Reads what `OrderPlaced` of version 1 held.
pub fn order_without_lines(old: serde_json::Value) -> OrderPlacedV2 {
    let id = |name: &str| old[name].as_str().and_then(|id| id.parse().ok()).unwrap_or_default();
    OrderPlacedV2 {
        order_id: id("order"),
        customer_id: id("customer"),
        lines: Vec::new(),
        remark: None,
    }
}

#[cfg(test)]
mod tests {
    use annals::{Decoded, Event, EventStore, Expected, NewEvent, query, stream};

    use super::*;
    use crate::generated::types::OrderPlacedChannel;

    #[tokio::test]
    async fn what_older_versions_held_is_read() -> annals::Result<()> {
        let store = EventStore::connect("memory:").await?;
        let id = "550e8400-e29b-41d4-a716-446655440000";
        let json = serde_json::json!({ "order": id, "customer": id });
        let first = NewEvent::json("order-placed", &json)?;
        let json = serde_json::json!({ "order_id": id, "customer_id": id, "lines": [], "remark": "ring", "fax": "1" });
        let second = NewEvent { schema_version: 2, ..NewEvent::json("order-placed", &json)? };
        store.append("order-1", Expected::NoStream, [first, second]).await?;
        for (at, event) in store.read_all().collect().await?.iter().enumerate() {
            let Decoded::One(OrderEvent::OrderPlaced { order_id, note, channel, .. }) = OrderEvent::decode(event)?
            else {
                panic!("{event:?}");
            };
            assert_eq!(order_id.to_string(), id);
            assert_eq!(channel, OrderPlacedChannel::Web);
            assert_eq!(note.as_deref(), [None, Some("ring")][at]);
        }
        Ok(())
    }

    #[tokio::test]
    async fn the_rule_across_streams_holds_in_a_store() -> annals::Result<()> {
        let store = EventStore::connect("memory:").await?;
        let customer_id = uuid::Uuid::from_u128(7);
        for (number, is_taken) in [(1, true), (2, true), (3, false)] {
            let json = serde_json::json!({
                "order_id": uuid::Uuid::from_u128(number), "customer_id": customer_id, "channel": "shop",
                "lines": [{ "sku": "tea", "quantity": 1, "unit_price": { "amount_minor": 250, "currency": "EUR" } }],
            });
            let command: PlaceOrder = serde_json::from_value(json).unwrap();
            let done = store.decide(command.boundaries()?, |state| place_order(state, &command)).await;
            assert_eq!(done.is_ok(), is_taken, "{done:?}");
        }
        let order = uuid::Uuid::from_u128(1);
        let ship = OrderCommand::ShipOrder { order_id: order };
        let refused = store.execute::<Order>(ship.stream_id(), ship).await;
        assert!(matches!(refused, Err(annals::DecideError::Refused(OrderRefusal::NotPaid))));
        assert_eq!(OrderRefusal::NotPaid.to_string(), "not paid");
        let loaded = store.load(&stream::<Order>(format!("order-{order}"))).await?;
        assert_eq!(loaded.version.0, 1);
        let all = store.load(&query::<PlaceOrderContext>(annals::Query::all())).await?;
        assert_eq!(all.state.open, 2);
        Ok(())
    }
}
