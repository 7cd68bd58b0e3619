//! The demo's domain: an order that is placed, filled with lines, paid, shipped or cancelled.

use annals::prelude::*;

/// What happens to an order.
#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(stream = "order-{order}")]
pub(crate) enum OrderEvent {
    OrderPlaced {
        #[event(tag)]
        order: u32,
        #[event(tag)]
        customer: String,
    },
    LineAdded {
        #[event(tag)]
        order: u32,
        sku: String,
        quantity: u32,
        unit_cents: u64,
    },
    OrderPaid {
        #[event(tag)]
        order: u32,
        cents: u64,
    },
    OrderShipped {
        #[event(tag)]
        order: u32,
        carrier: String,
    },
    OrderCancelled {
        #[event(tag)]
        order: u32,
        reason: String,
    },
}

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Status {
    #[default]
    New,
    Placed,
    Paid,
    Shipped,
    Cancelled,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What the rules need to know of an order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Order {
    pub(crate) status: Status,
    pub(crate) lines: u32,
    pub(crate) total_cents: u64,
}

impl State for Order {
    type Event = OrderEvent;

    fn evolve(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::OrderPlaced { .. } => self.status = Status::Placed,
            OrderEvent::LineAdded { quantity, unit_cents, .. } => {
                self.lines += 1;
                self.total_cents += u64::from(*quantity) * unit_cents;
            }
            OrderEvent::OrderPaid { .. } => self.status = Status::Paid,
            OrderEvent::OrderShipped { .. } => self.status = Status::Shipped,
            OrderEvent::OrderCancelled { .. } => self.status = Status::Cancelled,
        }
    }
}

/// What may be asked of an order.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    Place { order: u32, customer: String },
    AddLine { order: u32, sku: String, quantity: u32, unit_cents: u64 },
    Pay { order: u32 },
    Ship { order: u32, carrier: String },
    Cancel { order: u32, reason: String },
}

/// Why an order refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The order is in this state, in which that does not happen.
    NotWhile(Status),
    /// There is nothing to pay for.
    Empty,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotWhile(status) => write!(f, "not while the order is {}", status.name()),
            Self::Empty => f.write_str("the order has no lines"),
        }
    }
}

impl std::error::Error for Refusal {}

impl Decider for Order {
    type Command = Command;
    type Refusal = Refusal;

    fn decide(&self, command: &Command) -> Result<Vec<OrderEvent>, Refusal> {
        let event = match (command.clone(), self.status) {
            (Command::Place { order, customer }, Status::New) => OrderEvent::OrderPlaced { order, customer },
            (Command::AddLine { order, sku, quantity, unit_cents }, Status::Placed) => {
                OrderEvent::LineAdded { order, sku, quantity, unit_cents }
            }
            (Command::Pay { .. }, Status::Placed) if self.lines == 0 => return Err(Refusal::Empty),
            (Command::Pay { order }, Status::Placed) => {
                OrderEvent::OrderPaid { order, cents: self.total_cents }
            }
            (Command::Ship { order, carrier }, Status::Paid) => OrderEvent::OrderShipped { order, carrier },
            (Command::Cancel { order, reason }, Status::Placed | Status::Paid) => {
                OrderEvent::OrderCancelled { order, reason }
            }
            (_, status) => return Err(Refusal::NotWhile(status)),
        };
        Ok(vec![event])
    }
}

#[cfg(test)]
mod tests {
    use annals::testing::spec::given;

    use super::*;

    fn placed() -> OrderEvent {
        OrderEvent::OrderPlaced { order: 1, customer: "ada".into() }
    }

    fn line(quantity: u32) -> OrderEvent {
        OrderEvent::LineAdded { order: 1, sku: "tea".into(), quantity, unit_cents: 250 }
    }

    fn ship() -> Command {
        Command::Ship { order: 1, carrier: "post".into() }
    }

    #[test]
    fn an_order_is_paid_in_full() {
        given::<Order>([placed(), line(2), line(1)])
            .when(Command::Pay { order: 1 })
            .then([OrderEvent::OrderPaid { order: 1, cents: 750 }]);
        given::<Order>([placed()]).when(Command::Pay { order: 1 }).rejected(Refusal::Empty);
    }

    #[test]
    fn only_a_paid_order_is_shipped_and_only_once() {
        let paid = OrderEvent::OrderPaid { order: 1, cents: 250 };
        let shipped = OrderEvent::OrderShipped { order: 1, carrier: "post".into() };
        given::<Order>([placed(), line(1)]).when(ship()).rejected(Refusal::NotWhile(Status::Placed));
        given::<Order>([placed(), line(1), paid.clone()]).when(ship()).then([shipped.clone()]);
        given::<Order>([placed(), line(1), paid, shipped])
            .when(ship())
            .rejected(Refusal::NotWhile(Status::Shipped));
    }
}
