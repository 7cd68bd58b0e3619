//! Declared read models in SQL Server tables.

use std::borrow::Cow;

use crate::declared::Declaration;
use crate::event::RecordedEvent;
use crate::project::{ProjectionResult, ReadModel, Tables, Value};

use super::connect::{batch, query};
use super::projection::{Projection, parameter, params};
use super::session::Transaction;

impl Projection for Declaration {
    fn read_model(&self) -> ReadModel {
        self.read_model()
    }

    async fn create(&self, tx: &mut Transaction<'_>, tables: &Tables) -> ProjectionResult {
        batch(tx, &tables.sql(Declaration::create(self))).await?;
        Ok(())
    }

    async fn apply(
        &mut self,
        tx: &mut Transaction<'_>,
        tables: &Tables,
        event: &RecordedEvent,
    ) -> ProjectionResult {
        for ready in self.ready(tables, &event.event_type, |n| format!("@P{n}")) {
            let values = ready.statement.values(event);
            let sql = match values.contains(&Value::Null) {
                true => ready.statement.numbered(tables, parameter(&values)).into(),
                false => Cow::from(ready.sql.as_str()),
            };
            query(tx, &sql, params(&values)).await?;
        }
        Ok(())
    }
}
