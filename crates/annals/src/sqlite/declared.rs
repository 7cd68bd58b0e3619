//! Declared read models in SQLite tables.

use rusqlite::Transaction;

use crate::declared::Declaration;
use crate::event::RecordedEvent;
use crate::project::{ProjectionResult, ReadModel, Tables};

use super::Projection;
use super::projection::cell;

impl Projection for Declaration {
    fn read_model(&self) -> ReadModel {
        self.read_model()
    }

    fn create(&self, tx: &Transaction<'_>, tables: &Tables) -> ProjectionResult {
        Ok(tx.execute_batch(&tables.sql(Declaration::create(self)))?)
    }

    fn apply(&mut self, tx: &Transaction<'_>, tables: &Tables, event: &RecordedEvent) -> ProjectionResult {
        for ready in self.ready(tables, &event.event_type, |n| format!("?{n}")) {
            let values = ready.statement.values(event).into_iter().map(cell);
            tx.prepare_cached(&ready.sql)?.execute(rusqlite::params_from_iter(values))?;
        }
        Ok(())
    }
}
