//! What has to hold of the read models that a stream's events go into: each event once, whoever delivers it, and the
//! same rows when they are built anew.

use std::path::PathBuf;

use annals::declared::Declaration;
use annals::project::{Check, Checked, Projector, Target};
use annals::{EventId, EventStore, StoreUrl};
use annals_generate::patterns::Database;
use annals_generate::story::Story;
use annals_generate::{Origin, projections};
use annals_model::model::{Model, Named, Projection};

use crate::failure::Failure;
use crate::modelled::Modelled;

use super::Account;

/// Where the tables are made while this runs.
enum Place {
    /// Beside the scratch events, on the same server.
    Server(StoreUrl),
    /// In a file that is thrown away: what is a store in a file, or no database with tables, gets none of its own.
    File(PathBuf),
}

pub(super) async fn prove(
    modelled: &Modelled,
    story: &Story,
    store: &EventStore,
    scratch: &str,
    account: &mut Account,
) -> Result<(), Failure> {
    let is_of_story = |projection: &&Named<Projection>| {
        let is_told = |from: &str| story.events.iter().any(|told| told.name == from);
        projection.it.from.iter().any(|from| is_told(&from.value))
    };
    for projection in modelled.model.projections.iter().filter(is_of_story) {
        let place = Place::of(scratch)?;
        let proved = prove_one(&modelled.model, projection, store, &place, account).await;
        place.clear();
        proved?;
    }
    Ok(())
}

async fn prove_one(
    model: &Model,
    projection: &Named<Projection>,
    store: &EventStore,
    place: &Place,
    account: &mut Account,
) -> Result<(), Failure> {
    let shown = projection.name.value.as_str();
    let declaration = match declaration(model, projection, place) {
        Ok(declaration) => declaration,
        Err(failure) => {
            account.step(&format!("{shown} projected"), async { Err(failure) }).await?;
            return Ok(());
        }
    };
    let name = declaration.name().to_owned();
    let projector = |declaration: Declaration| -> Result<Projector, Failure> {
        Ok(Projector::new(store.clone()).with(place.target(declaration)?))
    };
    let (one, other) = (projector(declaration.clone())?, projector(declaration)?);
    let delivered = async {
        let concerned = concerned(store, projection).await?;
        let (first, second) = tokio::join!(one.catch_up(), other.catch_up());
        let taken = first? + second?;
        check(taken == concerned, format!("{concerned} events were taken in as {taken}"))?;
        let again = one.catch_up().await?;
        check(again == 0, format!("{again} events were taken in once more"))?;
        let keys = right(&one, &name).await?;
        Ok(format!("{concerned} events to two projectors at once and again, each taken in once; {keys}"))
    };
    let held = account.step(&format!("{shown}: delivered twice"), delivered).await?;
    if held {
        let rebuilt = async {
            let start = std::time::Instant::now();
            let taken = one.rebuild(&name).await?;
            let took = start.elapsed();
            let keys = right(&one, &name).await?;
            Ok(format!("{taken} events in {}, beside the tables that serve; {keys}", super::log::time(took)))
        };
        account.step(&format!("{shown}: built anew"), rebuilt).await?;
    }
    if let Place::Server(url) = place {
        url.read_models()?.remove(&name).await?;
    }
    Ok(())
}

/// Folds every key again beside the rows that serve; says how many are as they should be, which are all.
async fn right(projector: &Projector, name: &str) -> Result<String, Failure> {
    let Checked { keys, wrong, .. } =
        projector.check(name, Check { sample: 1.0, ..Check::default() }).await?;
    check(wrong == 0, format!("{wrong} of {keys} keys have other rows than their events give"))?;
    Ok(if keys == 1 { "its rows are right".to_owned() } else { format!("the rows of {keys} keys are right") })
}

/// How many events there are that the read model takes in.
async fn concerned(store: &EventStore, projection: &Named<Projection>) -> Result<u64, Failure> {
    let types: Vec<String> =
        projection.it.from.iter().map(|from| annals_generate::names::kebab(&from.value)).collect();
    let mut events = store.read_all().events();
    let mut count = 0;
    while let Some(event) = events.next().await? {
        count += u64::from(types.iter().any(|of| *of == event.event_type.as_str()));
    }
    Ok(count)
}

/// The read model as `annals generate projections` declares it, under a name that nobody else has.
fn declaration(model: &Model, projection: &Named<Projection>, place: &Place) -> Result<Declaration, Failure> {
    let mut alone = model.clone();
    alone.projections = vec![projection.clone()];
    let unique = EventId::new().uuid().simple().to_string().split_off(24);
    let plain: String = projection.name.value.chars().take(30).collect();
    alone.projections[0].name.value = format!("verify_{unique}_{plain}");
    let origin = Origin { command: "annals generate projections".to_owned(), sources: Vec::new() };
    let made = projections::generate(&alone, &origin, place.database())
        .map_err(|e| Failure::check(e.message).hint(e.help))?;
    let file = made.first().ok_or_else(|| Failure::check("the model declares no read model"))?;
    Ok(file.text.parse::<Declaration>()?)
}

impl Place {
    fn of(scratch: &str) -> Result<Self, Failure> {
        let url: StoreUrl = scratch.parse().map_err(Failure::malformed_url)?;
        if matches!(url.scheme(), "sqlite" | "memory") {
            let unique = EventId::new().uuid().simple().to_string();
            return Ok(Self::File(std::env::temp_dir().join(format!("annals-verify-{unique}.db"))));
        }
        Ok(Self::Server(url))
    }

    fn database(&self) -> Database {
        match self {
            Self::File(_) => Database::Sqlite,
            Self::Server(url) => match url.scheme() {
                "mysql" => Database::Mysql,
                "mariadb" => Database::Mariadb,
                "sqlserver" => Database::Sqlserver,
                _ => Database::Postgres,
            },
        }
    }

    fn target(&self, declaration: Declaration) -> Result<Target, Failure> {
        match self {
            Self::Server(url) => Ok(url.read_model(declaration)?),
            Self::File(file) => Ok(annals::sqlite::target(file, declaration)),
        }
    }

    fn clear(&self) {
        if let Self::File(file) = self {
            for end in ["", "-wal", "-shm"] {
                let mut name = file.clone().into_os_string();
                name.push(end);
                // What is not there need not go.
                let _ = std::fs::remove_file(name);
            }
        }
    }
}

fn check(holds: bool, otherwise: String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::check(otherwise)) }
}
