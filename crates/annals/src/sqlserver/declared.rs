//! Declared read models in SQL Server tables.

use crate::declared::{Declaration, Value};
use crate::event::RecordedEvent;
use crate::project::ProjectionResult;
use crate::query::Query;

use super::connect::{Param, batch, query};
use super::projection::Projection;
use super::session::Transaction;

impl Projection for Declaration {
    fn name(&self) -> &str {
        self.name()
    }

    fn query(&self) -> Query {
        self.query()
    }

    async fn create(&self, tx: &mut Transaction<'_>) -> ProjectionResult {
        batch(tx, self.tables()).await?;
        Ok(())
    }

    async fn drop(&self, tx: &mut Transaction<'_>) -> ProjectionResult {
        batch(tx, Declaration::drop(self)).await?;
        Ok(())
    }

    async fn apply(&mut self, tx: &mut Transaction<'_>, event: &RecordedEvent) -> ProjectionResult {
        for statement in self.on(&event.event_type) {
            let values = statement.values(event);
            // A parameter would need a type to be NULL, and a word needs none.
            let sql = statement.numbered(|n| match values.get(n - 1) {
                None | Some(Value::Null) => "NULL".to_owned(),
                Some(_) => format!("@P{n}"),
            });
            query(tx, &sql, values.into_iter().map(param).collect()).await?;
        }
        Ok(())
    }
}

/// Digits that no integer holds go as text, which the type of a column reads exactly.
fn param(value: Value) -> Param {
    match value {
        // Nothing in the statement refers to it.
        Value::Null => Param::Number(0),
        Value::Bool(is) => Param::Number(is.into()),
        Value::Number(digits) => digits.parse().map_or_else(|_| Param::Text(digits.clone()), Param::Number),
        Value::Text(text) => Param::Text(text),
        Value::Bytes(bytes) => Param::Bytes(bytes),
        Value::Time(time) => Param::Time(time),
    }
}
