//! Declared read models in PostgreSQL tables.

use tokio_postgres::types::Type;

use crate::declared::Declaration;
use crate::event::RecordedEvent;
use crate::project::{ProjectionResult, ReadModel, Tables};

use super::connect::Param;
use super::projection::Projection;
use super::transaction::Tx;

impl Projection for Declaration {
    fn read_model(&self) -> ReadModel {
        self.read_model()
    }

    async fn create(&self, tx: &Tx<'_>, tables: &Tables) -> ProjectionResult {
        Ok(tx.batch_execute(&tables.sql(Declaration::create(self))).await?)
    }

    async fn apply(&mut self, tx: &Tx<'_>, tables: &Tables, event: &RecordedEvent) -> ProjectionResult {
        for ready in self.ready(tables, &event.event_type, |n| format!("${n}")) {
            let values = ready.statement.values(event);
            // Which type a parameter has, the statement says, as for a literal in its place.
            let params: Vec<Param<'_>> =
                values.iter().map(|value| -> Param<'_> { (value, Type::UNKNOWN) }).collect();
            tx.execute_cached(&ready.sql, &params).await?;
        }
        Ok(())
    }
}
