//! Declared read models in PostgreSQL tables.

use std::error::Error as StdError;

use tokio_postgres::Transaction;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use crate::declared::{Declaration, Value};
use crate::event::RecordedEvent;
use crate::project::ProjectionResult;
use crate::query::Query;

use super::connect::Param;
use super::projection::Projection;

impl Projection for Declaration {
    fn name(&self) -> &str {
        self.name()
    }

    fn query(&self) -> Query {
        self.query()
    }

    async fn create(&self, tx: &Transaction<'_>) -> ProjectionResult {
        Ok(tx.batch_execute(self.tables()).await?)
    }

    async fn drop(&self, tx: &Transaction<'_>) -> ProjectionResult {
        Ok(tx.batch_execute(Declaration::drop(self)).await?)
    }

    async fn apply(&mut self, tx: &Transaction<'_>, event: &RecordedEvent) -> ProjectionResult {
        for statement in self.on(&event.event_type) {
            let values = statement.values(event);
            // Which type a parameter has, the statement says, as for a literal in its place.
            let params: Vec<Param<'_>> =
                values.iter().map(|value| -> Param<'_> { (value, Type::UNKNOWN) }).collect();
            tx.execute_typed(&statement.numbered(|n| format!("${n}")), &params).await?;
        }
        Ok(())
    }
}

/// Every value goes as text, which each type of the database reads in its own way.
impl ToSql for Value {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Value::Null => return Ok(IsNull::Yes),
            Value::Bool(is) => out.extend_from_slice(if *is { b"true" } else { b"false" }),
            Value::Number(text) | Value::Text(text) => out.extend_from_slice(text.as_bytes()),
            Value::Bytes(bytes) => {
                out.extend_from_slice(b"\\x");
                for byte in bytes {
                    out.extend_from_slice(format!("{byte:02x}").as_bytes());
                }
            }
            Value::Time(time) => out.extend_from_slice(time.to_string().as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}
