//! Declared read models in MySQL and MariaDB tables.

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Transaction};

use crate::declared::Declaration;
use crate::event::RecordedEvent;
use crate::project::{ProjectionResult, ReadModel, Tables};

use super::projection::{Projection, params};

impl Projection for Declaration {
    fn read_model(&self) -> ReadModel {
        self.read_model()
    }

    async fn create(&self, conn: &mut Conn, tables: &Tables) -> ProjectionResult {
        Ok(conn.query_drop(tables.sql(Declaration::create(self))).await?)
    }

    async fn apply(
        &mut self,
        tx: &mut Transaction<'_>,
        tables: &Tables,
        event: &RecordedEvent,
    ) -> ProjectionResult {
        for ready in self.ready(tables, &event.event_type, |_| "?".to_owned()) {
            tx.exec_drop(ready.sql.as_str(), params(ready.statement.values_in_place(event))).await?;
        }
        Ok(())
    }
}
