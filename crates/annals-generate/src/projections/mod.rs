//! Read models as declarations that `annals project` runs: a file for each, with typed columns and a statement for
//! each event.

mod dialect;
mod plan;
mod source;
mod toml;

use annals_model::model::{Model, Named, Projection};

use crate::names::{kebab, snake};
use crate::patterns::Database;
use crate::{File, Impossible, Origin};

use self::dialect::Dialect;
use self::plan::Plan;

/// How long the name of a read model's table may be.
const NAME_MAX: usize = 50;

/// Makes a file for each projection of the model.
///
/// # Errors
/// A projection without a key or without events, with events that lack its key, or with a name that a table cannot
/// have; a database in which `annals project` keeps no tables.
pub fn generate(model: &Model, origin: &Origin, on: Database) -> Result<Vec<File>, Impossible> {
    let dialect = Dialect::of(on)?;
    let mut files: Vec<File> = Vec::new();
    for projection in &model.projections {
        let made = file(model, origin, dialect, projection)?;
        if files.iter().any(|other| other.path == made.path) {
            return Err(Impossible {
                message: format!(
                    "two projections are both {}, {} among them",
                    made.path, projection.name.value
                ),
                help: "give one of them another name".to_owned(),
            });
        }
        files.push(made);
    }
    Ok(files)
}

fn file(
    model: &Model,
    origin: &Origin,
    dialect: Dialect,
    projection: &Named<Projection>,
) -> Result<File, Impossible> {
    let table = table(&projection.name.value)?;
    let plan = Plan::of(model, projection)?;
    let mut text = format!("# {}\n#\n", origin.remark());
    text += &format!("# annals project {table}.toml --store URL --target {}\n", dialect.target());
    for remark in plan.remarks() {
        text += &format!("#\n# {remark}\n");
    }
    text += &format!("\nname = {}\n", toml::string(&table));
    if !plan.categories.is_empty() {
        let categories: Vec<String> = plan.categories.iter().map(|name| toml::string(name)).collect();
        text += &format!("categories = [{}]\n", categories.join(", "));
    }
    text += &format!("key = {}\n", toml::string(&dialect::parameter(&plan.key_path)));
    // The tool names it without quotes.
    if let Some(key) = plan.columns.first().filter(|key| !dialect::is_reserved(&key.name)) {
        text += &format!("key_columns = {{ {table} = {} }}\n", toml::string(&key.name));
    }
    text += &format!("tables = {}\n\n[on]\n", toml::lines(&dialect.table(&table, &plan)));
    for change in &plan.changes {
        let statement = toml::lines(&dialect.statement(&table, &plan, change));
        text += &format!("{} = {statement}\n", toml::key(&kebab(&change.event.name.value)));
    }
    Ok(File::generated(format!("{table}.toml"), text))
}

/// The name of the table and of the read model, which the tool writes without quotes.
fn table(projection: &str) -> Result<String, Impossible> {
    let table = snake(projection);
    let is_word = table.starts_with(|c: char| c.is_ascii_alphabetic())
        && table.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_word && table.len() <= NAME_MAX && !dialect::is_reserved(&table) {
        return Ok(table);
    }
    Err(Impossible {
        message: format!("projection {projection} has a name that no table can have"),
        help: format!(
            "name it with at most {NAME_MAX} letters, digits and underscores, and not with a word of SQL, such as \
             order_summary"
        ),
    })
}

#[cfg(test)]
mod tests;
