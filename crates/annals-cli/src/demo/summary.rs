//! The demo's read model: one row an order, in a database of its own that can be thrown away.

use std::path::Path;

use annals::project::{ReadModel, Tables};
use annals::sqlite::rusqlite::{self, Connection, Transaction};
use annals::sqlite::{Projection, ProjectionResult};
use annals::{Category, Decoded, OnUnknown, Query, RecordedEvent};

use super::order::OrderEvent;

#[derive(Clone)]
pub(crate) struct OrderSummary {
    orders: Category,
}

impl OrderSummary {
    pub(crate) fn new() -> annals::Result<Self> {
        Ok(Self { orders: Category::new("order")? })
    }
}

impl Projection for OrderSummary {
    fn read_model(&self) -> ReadModel {
        ReadModel::new("order-summary", Query::category(self.orders.clone())).table("order_summary")
    }

    fn create(&self, tx: &Transaction<'_>, tables: &Tables) -> ProjectionResult {
        Ok(tx.execute_batch(&tables.sql(
            "CREATE TABLE {order_summary} (
                order_id INTEGER PRIMARY KEY,
                customer TEXT NOT NULL,
                status TEXT NOT NULL,
                lines INTEGER NOT NULL,
                total_cents INTEGER NOT NULL
            ) STRICT",
        ))?)
    }

    fn apply(&mut self, tx: &Transaction<'_>, tables: &Tables, event: &RecordedEvent) -> ProjectionResult {
        let Decoded::One(event) = OnUnknown::Skip.decode::<OrderEvent>(event)? else { return Ok(()) };
        let prepare = |sql| tx.prepare_cached(&tables.sql(sql));
        let status = |order: u32, status: &str| {
            prepare("UPDATE {order_summary} SET status = ?2 WHERE order_id = ?1")?.execute((order, status))
        };
        match event {
            OrderEvent::OrderPlaced { order, customer } => {
                prepare("INSERT INTO {order_summary} VALUES (?1, ?2, 'placed', 0, 0)")?
                    .execute((order, customer))?
            }
            OrderEvent::LineAdded { order, quantity, unit_cents, .. } => prepare(
                "UPDATE {order_summary} SET lines = lines + 1, total_cents = total_cents + ?2 WHERE order_id = ?1",
            )?
            .execute((order, i64::try_from(u64::from(quantity) * unit_cents)?))?,
            OrderEvent::OrderPaid { order, .. } => status(order, "paid")?,
            OrderEvent::OrderShipped { order, .. } => status(order, "shipped")?,
            OrderEvent::OrderCancelled { order, .. } => status(order, "cancelled")?,
        };
        Ok(())
    }
}

/// A row of the read model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) order: u32,
    pub(crate) customer: String,
    pub(crate) status: String,
    pub(crate) lines: u32,
    pub(crate) total_cents: i64,
}

/// Every row, in order.
pub(crate) fn rows(path: &Path) -> rusqlite::Result<Vec<Row>> {
    let connection = Connection::open(path)?;
    let mut select = connection
        .prepare("SELECT order_id, customer, status, lines, total_cents FROM order_summary ORDER BY 1")?;
    let rows = select.query_map([], |row| {
        Ok(Row {
            order: row.get(0)?,
            customer: row.get(1)?,
            status: row.get(2)?,
            lines: row.get(3)?,
            total_cents: row.get(4)?,
        })
    })?;
    rows.collect()
}

/// Orders and cents by status.
pub(crate) fn by_status(rows: &[Row]) -> Vec<(&str, usize, i64)> {
    ["placed", "paid", "shipped", "cancelled"]
        .into_iter()
        .map(|status| {
            let of_status = || rows.iter().filter(move |row| row.status == status);
            (status, of_status().count(), of_status().map(|row| row.total_cents).sum())
        })
        .collect()
}
