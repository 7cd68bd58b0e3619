//! Declared read models in MySQL and MariaDB tables.

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Transaction, Value as Sql};

use crate::declared::{Declaration, Value};
use crate::event::RecordedEvent;
use crate::project::ProjectionResult;
use crate::query::Query;

use super::projection::Projection;
use super::row::datetime;

impl Projection for Declaration {
    fn name(&self) -> &str {
        self.name()
    }

    fn query(&self) -> Query {
        self.query()
    }

    async fn create(&self, conn: &mut Conn) -> ProjectionResult {
        Ok(conn.query_drop(self.tables()).await?)
    }

    async fn drop(&self, conn: &mut Conn) -> ProjectionResult {
        Ok(conn.query_drop(Declaration::drop(self)).await?)
    }

    async fn apply(&mut self, tx: &mut Transaction<'_>, event: &RecordedEvent) -> ProjectionResult {
        for statement in self.on(&event.event_type) {
            let values: Vec<Sql> = statement.values_in_place(event).into_iter().map(sql).collect();
            tx.exec_drop(statement.numbered(|_| "?".to_owned()), values).await?;
        }
        Ok(())
    }
}

/// Digits go as text, which the type of a column reads exactly.
fn sql(value: Value) -> Sql {
    match value {
        Value::Null => Sql::NULL,
        Value::Bool(is) => Sql::Int(is.into()),
        Value::Number(digits) => match digits.parse() {
            Ok(integer) => Sql::Int(integer),
            Err(_) => Sql::Bytes(digits.into_bytes()),
        },
        Value::Text(text) => Sql::Bytes(text.into_bytes()),
        Value::Bytes(bytes) => Sql::Bytes(bytes),
        Value::Time(time) => Sql::Bytes(datetime(time).into_bytes()),
    }
}
