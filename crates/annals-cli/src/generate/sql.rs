//! The tables of a store: for the products that have a backend what the backend makes, and standard SQL.

use annals::StoreUrl;
use annals_generate::patterns::{Database, ansi};
use annals_generate::{File, Origin};
use annals_model::model::Model;

use crate::failure::Failure;

/// # Errors
/// Usage for a database without SQL.
pub(super) fn sql(on: Database, model: &Model, origin: &Origin) -> Result<Vec<File>, Failure> {
    let (name, url) = match on {
        Database::Sqlite => ("sqlite", "sqlite:store.db"),
        Database::Postgres => ("postgres", "postgres://host/database"),
        Database::Mysql => ("mysql", "mysql://host/database"),
        Database::Mariadb => ("mariadb", "mariadb://host/database"),
        Database::Sqlserver => ("sqlserver", "sqlserver://host/database"),
        Database::Ansi => return Ok(vec![file("ansi", on, model, origin, ansi::SCHEMA)]),
        Database::Mongodb | Database::Cosmosdb | Database::Eventsourcingdb | Database::Kurrentdb => {
            return Err(Failure::usage(format!("{} has no tables of SQL", on.name())).hint(format!(
                "annals generate pattern --on {} says how events are kept there",
                on.name().to_lowercase().replace("azure ", "").replace(' ', "")
            )));
        }
    };
    let tables = url.parse::<StoreUrl>().and_then(|url| url.schema_sql())?;
    Ok(vec![file(name, on, model, origin, &tables)])
}

fn file(name: &str, on: Database, model: &Model, origin: &Origin, tables: &str) -> File {
    let mut text = format!("-- {}\n", origin.remark());
    text += &format!("-- The tables of a store on {}. They are the same for every model.\n", on.name());
    if !model.streams.is_empty() {
        text += "--\n-- Streams of the model, each by its stream_id:\n";
    }
    for stream in &model.streams {
        let key = stream.it.key.as_ref().map_or(stream.name.value.as_str(), |key| key.value.as_str());
        let key = key.replace(['\n', '\r'], " ");
        text += &format!("--   {}: {key}\n", stream.name.value.replace(['\n', '\r'], " "));
    }
    text += "\n";
    text += tables.trim();
    text.push('\n');
    File::generated(format!("{name}.sql"), text)
}
