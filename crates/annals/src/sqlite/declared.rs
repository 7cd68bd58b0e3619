//! Declared read models in SQLite tables.

use rusqlite::Transaction;
use rusqlite::types::Value as Sql;

use crate::declared::{Declaration, Value};
use crate::event::RecordedEvent;
use crate::project::ProjectionResult;
use crate::query::Query;

use super::Projection;

impl Projection for Declaration {
    fn name(&self) -> &str {
        self.name()
    }

    fn query(&self) -> Query {
        self.query()
    }

    fn create(&self, tx: &Transaction<'_>) -> ProjectionResult {
        Ok(tx.execute_batch(self.tables())?)
    }

    fn drop(&self, tx: &Transaction<'_>) -> ProjectionResult {
        Ok(tx.execute_batch(Declaration::drop(self))?)
    }

    fn apply(&mut self, tx: &Transaction<'_>, event: &RecordedEvent) -> ProjectionResult {
        for statement in self.on(&event.event_type) {
            let values = statement.values(event).into_iter().map(sql);
            let mut prepared = tx.prepare_cached(&statement.numbered(|n| format!("?{n}")))?;
            prepared.execute(rusqlite::params_from_iter(values))?;
        }
        Ok(())
    }
}

/// SQLite has no exact decimals; digits that none of its numbers holds stay a text.
fn sql(value: Value) -> Sql {
    match value {
        Value::Null => Sql::Null,
        Value::Bool(is) => Sql::Integer(is.into()),
        Value::Number(digits) => match digits.parse::<i64>() {
            Ok(integer) => Sql::Integer(integer),
            Err(_) if digits.contains(['.', 'e', 'E']) => {
                digits.parse().map_or_else(|_| Sql::Text(digits.clone()), Sql::Real)
            }
            Err(_) => Sql::Text(digits),
        },
        Value::Text(text) => Sql::Text(text),
        Value::Bytes(bytes) => Sql::Blob(bytes),
        Value::Time(time) => Sql::Text(time.to_string()),
    }
}
