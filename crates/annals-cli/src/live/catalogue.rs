//! From the answers of a server's catalogue to the shape of a store. What is asked differs from server to server and
//! stands in `sql/`; the answers have the same columns everywhere.

use std::collections::{BTreeMap, HashMap};

use annals_model::shape::sql::kind_of;
use annals_model::shape::{
    Check, Column, ForeignKey, Grant, Key, KeyKind, KeyPart, Kind, Operation, Product, Routine, StoreShape,
    Table, Trigger, Unread,
};

use super::asking::{Ask, Dialect, Row};

/// How many routines are read.
const ROUTINES_MAX: usize = 500;

/// The questions, one for each kind of thing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Questions {
    pub(super) tables: &'static str,
    pub(super) columns: &'static str,
    pub(super) keys: &'static str,
    pub(super) foreign_keys: &'static str,
    pub(super) checks: &'static str,
    pub(super) partitions: &'static str,
    pub(super) triggers: &'static str,
    pub(super) routines: &'static str,
    pub(super) grants: &'static str,
}

/// How a row of an answer is taken in.
type Take = fn(&mut Catalogue, &Row);

/// What a catalogue said.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) shape: StoreShape,
    /// How each table is called in a statement, by its name in the shape.
    pub(super) places: BTreeMap<String, String>,
    pub(super) notes: Vec<String>,
    dialect: &'static Dialect,
    product: Product,
    /// Where each table is in the shape.
    at: HashMap<String, usize>,
}

/// Asks the catalogue. `fill` puts into a question what depends on the server and on what is wanted.
pub(super) async fn read(
    ask: &mut impl Ask,
    product: Product,
    questions: &Questions,
    fill: impl Fn(&str) -> String,
) -> Catalogue {
    let mut catalogue = Catalogue::new(product, ask.dialect());
    let parts: [(&str, &str, Take); 9] = [
        ("tables", questions.tables, Catalogue::table),
        ("columns", questions.columns, Catalogue::column),
        ("keys", questions.keys, Catalogue::key),
        ("foreign keys", questions.foreign_keys, Catalogue::foreign_key),
        ("checks", questions.checks, Catalogue::check),
        ("partitions", questions.partitions, Catalogue::partition),
        ("triggers", questions.triggers, Catalogue::trigger),
        ("functions and procedures", questions.routines, Catalogue::routine),
        ("grants", questions.grants, Catalogue::grant),
    ];
    for (what, question, take) in parts {
        match ask.ask(&fill(question).replace("{routines_max}", &ROUTINES_MAX.to_string())).await {
            Ok(rows) => rows.iter().for_each(|row| take(&mut catalogue, row)),
            Err(refused) => catalogue.unread(what, &refused.to_string()),
        }
    }
    if catalogue.shape.routines.len() >= ROUTINES_MAX {
        catalogue.notes.push(format!("only the first {ROUTINES_MAX} functions and procedures were read"));
    }
    catalogue
}

impl Catalogue {
    pub(super) fn new(product: Product, dialect: &'static Dialect) -> Self {
        Self {
            shape: StoreShape { product: Some(product), is_live: true, ..StoreShape::default() },
            places: BTreeMap::new(),
            notes: Vec::new(),
            dialect,
            product,
            at: HashMap::new(),
        }
    }

    /// Says that something was not read, in the notes for people and in the shape for rules.
    pub(super) fn unread(&mut self, what: &str, why: &str) {
        self.notes.push(format!("{what} could not be read: {why}"));
        self.shape.unread.push(Unread { what: what.to_owned(), span: None });
    }

    /// Leaves out the tables that are not wanted, and what is on them.
    pub(super) fn retain(&mut self, is_wanted: impl Fn(&str) -> bool) {
        let shape = &mut self.shape;
        shape.tables.retain(|table| is_wanted(&table.name));
        shape.triggers.retain(|trigger| is_wanted(&trigger.table));
        shape.routines.retain(|routine| is_wanted(&routine.name));
        shape.grants.retain(|grant| grant.table.as_deref().is_none_or(&is_wanted));
        self.places.retain(|name, _| is_wanted(name));
        self.at = shape.tables.iter().enumerate().map(|(at, table)| (table.name.clone(), at)).collect();
    }

    fn table(&mut self, row: &Row) {
        let name = called(row, "schema", "name");
        let place = match row.maybe("schema") {
            Some(schema) => {
                format!("{}.{}", self.dialect.quote(schema), self.dialect.quote(row.text("name")))
            }
            None => self.dialect.quote(row.text("name")),
        };
        self.places.insert(name.clone(), place);
        self.at.insert(name.clone(), self.shape.tables.len());
        self.shape.tables.push(Table {
            name,
            is_view: row.is("is_view"),
            rows: row.number("rows"),
            ..Table::default()
        });
    }

    /// The table that a row is about; none for one that was not listed, such as one made meanwhile.
    fn of(&mut self, row: &Row) -> Option<&mut Table> {
        let at = self.at.get(&called(row, "schema", "table"))?;
        self.shape.tables.get_mut(*at)
    }

    fn column(&mut self, row: &Row) {
        let type_name = row.text("type").to_lowercase();
        let column = Column {
            name: row.text("column").to_owned(),
            kind: match kind_of(&type_name, Some(self.product)) {
                Kind::Other => kind_of(&row.text("holds").to_lowercase(), Some(self.product)),
                kind => kind,
            },
            type_name,
            nullable: row.is("nullable"),
            is_counted: row.is("counted"),
            default: row.maybe("default").map(str::to_owned),
            collation: row.maybe("collation").map(str::to_owned),
            generated: row.maybe("generated").map(str::to_owned),
            span: None,
        };
        if let Some(table) = self.of(row) {
            table.columns.push(column);
        }
    }

    fn key(&mut self, row: &Row) {
        let part = match (row.maybe("column"), row.maybe("expression")) {
            (Some(column), _) => KeyPart::Column(column.to_owned()),
            (None, Some(expression)) => KeyPart::Expression(expression.to_owned()),
            (None, None) => return,
        };
        let kind = match row.text("kind") {
            "primary" => KeyKind::Primary,
            "unique" => KeyKind::Unique,
            _ => KeyKind::Index,
        };
        let (name, predicate) =
            (row.maybe("key").map(str::to_owned), row.maybe("predicate").map(str::to_owned));
        let Some(table) = self.of(row) else { return };
        match table.keys.last_mut().filter(|last| last.name == name) {
            Some(key) => key.parts.push(part),
            None => table.keys.push(Key { name, kind, parts: vec![part], predicate, span: None }),
        }
    }

    fn foreign_key(&mut self, row: &Row) {
        let (column, referred) = (row.text("column").to_owned(), row.text("referred_column").to_owned());
        let cascades = row.is("cascades");
        let referred_table = called(row, "referred_schema", "referred_table");
        let is_first = row.number("place").is_none_or(|place| place == 1);
        let Some(table) = self.of(row) else { return };
        match table.foreign_keys.last_mut().filter(|_| !is_first) {
            Some(last) => {
                last.columns.push(column);
                last.referred.push(referred);
            }
            None => table.foreign_keys.push(ForeignKey {
                columns: vec![column],
                table: referred_table,
                referred: vec![referred],
                cascades,
                span: None,
            }),
        }
    }

    fn check(&mut self, row: &Row) {
        let expression = row.text("expression").to_owned();
        if let Some(table) = self.of(row) {
            table.checks.push(Check { expression, span: None });
        }
    }

    fn partition(&mut self, row: &Row) {
        let column = row.text("column").to_owned();
        if let Some(table) = self.of(row) {
            table.partitioned_by.push(column);
        }
    }

    fn trigger(&mut self, row: &Row) {
        let (name, table) = (row.text("trigger").to_owned(), called(row, "schema", "table"));
        if row.is("off") {
            self.notes.push(format!("the trigger {name:?} on {table} is switched off and guards nothing"));
            return;
        }
        if row.maybe("body").is_none() {
            self.notes
                .push(format!("the text of the trigger {name:?} on {table} is not shown to this login"));
        }
        self.shape.triggers.push(Trigger {
            name,
            table,
            on: operations(row.text("operations")),
            instead: row.is("instead"),
            body: row.text("body").to_owned(),
            span: None,
        });
    }

    fn routine(&mut self, row: &Row) {
        let name = called(row, "schema", "name");
        match row.maybe("body") {
            Some(body) => {
                self.shape.routines.push(Routine { name, body: body.to_owned(), span: None });
            }
            None => self.notes.push(format!("the text of {name} is not shown to this login")),
        }
    }

    fn grant(&mut self, row: &Row) {
        let to = row.text("grantee").to_owned();
        let table = row.maybe("table").map(|_| called(row, "schema", "table"));
        let is_denied = row.is("denied");
        let granted = operations(row.text("operation"));
        let same = |last: &&mut Grant| last.to == to && last.table == table && last.is_denied == is_denied;
        match self.shape.grants.last_mut().filter(same) {
            Some(last) => last.operations.extend(granted),
            None => {
                self.shape.grants.push(Grant { to, table, operations: granted, is_denied, span: None });
            }
        }
    }
}

/// A name with its schema in front, where there is one.
fn called(row: &Row, schema: &str, name: &str) -> String {
    match row.maybe(schema) {
        Some(schema) => format!("{schema}.{}", row.text(name)),
        None => row.text(name).to_owned(),
    }
}

fn operations(words: &str) -> Vec<Operation> {
    words
        .split_whitespace()
        .filter_map(|word| match word {
            "INSERT" => Some(Operation::Insert),
            "UPDATE" => Some(Operation::Update),
            "DELETE" => Some(Operation::Delete),
            "TRUNCATE" => Some(Operation::Truncate),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::asking::Cell;
    use super::*;

    /// Answers of a server, as `column=value` with `-` for NULL.
    fn rows(names: &str, rows: &[&str]) -> Vec<Row> {
        let names: Arc<[String]> = names.split(' ').map(str::to_owned).collect();
        let cell = |value: &str| if value == "-" { Cell::Null } else { Cell::Text(value.to_owned()) };
        rows.iter().map(|row| Row::new(&names, row.split('|').map(cell).collect())).collect()
    }

    static DIALECT: Dialect = Dialect {
        quote: |name| format!("[{name}]"),
        literal: |_| String::new(),
        bytes: str::to_owned,
        time: str::to_owned,
        has_top: true,
    };

    #[test]
    fn answers_become_tables_with_their_keys_guards_and_grants() {
        let mut catalogue = Catalogue::new(Product::SqlServer, &DIALECT);
        let mut take = |take: Take, names: &str, answers: &[&str]| {
            rows(names, answers).iter().for_each(|row| take(&mut catalogue, row));
        };
        take(Catalogue::table, "schema name is_view rows", &["shop|events|0|12", "shop|v|1|-"]);
        take(
            Catalogue::column,
            "schema table column type holds nullable counted default generated collation",
            &["shop|events|id|bigint|bigint|0|1|-|-|-", "shop|events|kind|Name|nvarchar|1|0|-|-|Latin1"],
        );
        take(
            Catalogue::key,
            "schema table key kind column expression predicate",
            &[
                "shop|events|pk|primary|id|-|-",
                "shop|events|u|unique|a|-|x > 1",
                "shop|events|u|unique|b|-|x > 1",
            ],
        );
        take(
            Catalogue::trigger,
            "schema table trigger operations instead off body",
            &["shop|events|guard|UPDATE DELETE|1|0|THROW", "shop|events|old|UPDATE|0|1|THROW"],
        );
        take(
            Catalogue::grant,
            "grantee schema table operation denied",
            &[
                "app|shop|events|INSERT|0",
                "app|shop|events|UPDATE|0",
                "app|shop|events|DELETE|1",
                "b|-|-|UPDATE|0",
            ],
        );
        let shape = &catalogue.shape;
        let events = shape.table("events").unwrap();
        assert_eq!((events.name.as_str(), events.rows, events.columns.len()), ("shop.events", Some(12), 2));
        assert_eq!((events.columns[0].is_counted, events.columns[1].kind), (true, Kind::Text));
        assert_eq!(events.keys[1].columns().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(events.keys[1].predicate.as_deref(), Some("x > 1"));
        assert_eq!((shape.triggers.len(), shape.triggers[0].instead), (1, true));
        assert_eq!(shape.triggers[0].on, [Operation::Update, Operation::Delete]);
        assert_eq!(
            catalogue.notes,
            ["the trigger \"old\" on shop.events is switched off and guards nothing"]
        );
        let grants: Vec<_> =
            shape.grants.iter().map(|g| (g.to.as_str(), g.operations.len(), g.is_denied)).collect();
        assert_eq!(grants, [("app", 2, false), ("app", 1, true), ("b", 1, false)]);
        assert_eq!(catalogue.places["shop.events"], "[shop].[events]");
    }
}
