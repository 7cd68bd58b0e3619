//! Reading a running store, whoever made it: its catalogue, and some of its events. Statements only read, each in a
//! short transaction of its own and bounded in time; of values nothing is kept or printed, errors included. What
//! cannot be read is noted, and the rest is read.

mod asking;
mod catalogue;
mod mysql;
mod postgres;
mod sample;
mod sqlite;
mod sqlserver;
#[cfg(test)]
mod tests;

use annals::StoreUrl;
use annals_model::sample::Sample;
use annals_model::shape::StoreShape;

use crate::failure::Failure;

use self::asking::Ask;
use self::catalogue::Catalogue;

/// How much is read.
#[derive(Debug, Clone)]
pub(crate) struct How {
    /// Whether events are looked at.
    pub(crate) sample: bool,
    /// How many events of each type are looked at at most: a quarter of them the first, a quarter the last.
    pub(crate) per_type: u32,
    /// The schemas that are read; where none is named, that of the URL, and where that names none, all but the system's.
    /// MySQL and SQLite have none.
    pub(crate) schemas: Vec<String>,
}

impl Default for How {
    fn default() -> Self {
        Self { sample: true, per_type: 200, schemas: Vec::new() }
    }
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Live {
    /// The catalogue.
    pub(crate) shape: StoreShape,
    /// The events that were looked at, where there is a log and this login may.
    pub(crate) sample: Option<Sample>,
    /// What was not read and why, and how far numbers reach; one sentence each.
    pub(crate) notes: Vec<String>,
}

/// Reads the store of this URL.
///
/// # Errors
/// The database cannot be reached or does not let this login in; a URL of a store that has no database.
pub(crate) async fn read(url: &StoreUrl, how: &How) -> Result<Live, Failure> {
    match url.scheme() {
        "postgres" | "postgresql" => postgres::read(url, how).await,
        "mysql" | "mariadb" => mysql::read(url, how).await,
        "sqlite" => sqlite::read(url, how).await,
        "sqlserver" => sqlserver::read(url, how).await,
        _ => Err(Failure::usage("a store in memory ends with its process and cannot be reviewed")
            .hint("give the URL of a database such as sqlite:orders.db or postgres://reader@host/shop")),
    }
}

/// The catalogue as it was read, with events where they are wanted.
async fn with_sample(ask: &mut impl Ask, catalogue: Catalogue, how: &How) -> Live {
    let mut notes = catalogue.notes;
    let sample = match how.sample {
        true => sample::read(ask, &catalogue.shape, &catalogue.places, how.per_type, &mut notes).await,
        false => None,
    };
    Live { shape: catalogue.shape, sample, notes }
}

/// The schemas to read: those that are asked for, else the one of a URL that names a schema or a namespace.
fn schemas(url: &StoreUrl, how: &How) -> Vec<String> {
    if !how.schemas.is_empty() {
        return how.schemas.clone();
    }
    match (url.option("schema"), url.namespace()) {
        (None, None) => Vec::new(),
        (Some(schema), None) => vec![schema.to_owned()],
        (schema, Some(namespace)) => vec![format!("{}__{namespace}", schema.unwrap_or("annals"))],
    }
}
