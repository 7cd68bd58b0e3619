//! A table, and another shape of it to read from: here, how many rows there are of each value, and a sum.

use super::script::{Dialect, Writer};
use super::{Column, Type};

// https://learn.microsoft.com/sql/t-sql/statements/set-quoted-identifier-transact-sql
/// What indexed views and filtered indexes ask of every session that writes.
pub(super) const QUOTED: &str =
    "Sessions that write need QUOTED_IDENTIFIER ON, which all drivers set; give sqlcmd the option -I.";

/// What is shown, of a table of which no more is known than its columns.
struct Shape {
    /// By what rows are counted, quoted; `None` to count all.
    group: Option<Column>,
    /// What is added up.
    total: Option<Column>,
    view: String,
}

pub(super) fn write(writer: &mut Writer) {
    let shape = shape(writer);
    if let Some(group) = &shape.group
        && group.kind == Type::Text
        && (writer.dialect.is_mysql() || writer.dialect == Dialect::SqlServer)
    {
        writer.say("A column that a key is made of has a length here.");
    }
    writer.say("One row for each, changed in place.");
    create_table(writer, &shape);
    match writer.dialect {
        Dialect::Postgres => postgres(writer, &shape),
        Dialect::SqlServer => sql_server(writer, &shape),
        Dialect::MySql | Dialect::MariaDb | Dialect::Sqlite => by_trigger(writer, &shape),
    }
    let replica = match writer.dialect {
        Dialect::Sqlite => "Readers do not hold up the writer in WAL mode: PRAGMA journal_mode = wal.",
        _ => {
            "Where reads are only many, and not of another shape, read from a replica and write no view at all."
        }
    };
    writer.say(replica);
}

fn shape(writer: &Writer) -> Shape {
    let rest = || writer.columns.iter().skip(1).filter(|column| !column.is_optional);
    let of = |kind| rest().find(|column| column.kind == kind);
    let group = of(Type::Bool).or_else(|| of(Type::Date)).or_else(|| of(Type::Text)).cloned();
    // SQLite keeps decimals as text, and would add them up as approximate numbers.
    let is_exact = |column: &&Column| match column.kind {
        Type::Int => true,
        Type::Decimal => writer.dialect != Dialect::Sqlite,
        _ => false,
    };
    let total = rest().find(is_exact).cloned();
    let end = group.as_ref().map_or_else(|| "in_all".to_owned(), |group| format!("by_{}", group.name));
    Shape { group, total, view: end }
}

fn create_table(writer: &mut Writer, shape: &Shape) {
    let is_short = |at: usize, column: &Column| {
        at == 0 || shape.group.as_ref().is_some_and(|group| group.name == column.name)
    };
    let mut lines: Vec<_> =
        writer.columns.iter().enumerate().map(|(at, it)| writer.declared(it, is_short(at, it))).collect();
    if let Some(key) = lines.first_mut() {
        key.push_str(" PRIMARY KEY");
    }
    lines.push(format!("{} {} NOT NULL DEFAULT 1", writer.version, writer.type_of(Type::Int, false)));
    let (table, end) = (writer.table(), writer.table_end());
    writer.run(format!("CREATE TABLE {table} (\n  {}\n){end}", lines.join(",\n  ")));
}

/// By what is grouped; all rows are one group.
fn group(writer: &Writer, shape: &Shape) -> String {
    shape.group.as_ref().map_or_else(|| "all_rows".to_owned(), |group| writer.quoted(&group.name))
}

fn sum_name(writer: &Writer, total: &Column) -> String {
    writer.quoted(&format!("{}_total", total.name))
}

fn postgres(writer: &mut Writer, shape: &Shape) {
    let (table, view, group) = (writer.table(), writer.beside(&shape.view), group(writer, shape));
    let sum = shape
        .total
        .as_ref()
        .map(|total| format!(",\n  sum({}) AS {}", writer.quoted(&total.name), sum_name(writer, total)));
    let sum = sum.unwrap_or_default();
    let (first, by) = match &shape.group {
        Some(_) => (group.clone(), format!("\nGROUP BY {group}")),
        None => (format!("1 AS {group}"), String::new()),
    };
    writer.say("Another shape to read from, as of the last refresh.");
    writer.run(format!(
        "CREATE MATERIALIZED VIEW {view} AS\nSELECT\n  {first},\n  count(*) AS row_count{sum}\nFROM {table}{by}"
    ));
    let index = writer.index(&format!("{}_key", shape.view));
    writer.run(format!("CREATE UNIQUE INDEX {index} ON {view} ({group})"));
    writer.say(format!(
        "Every few minutes; with the unique index readers are not held up meanwhile:\n\
         \n  REFRESH MATERIALIZED VIEW CONCURRENTLY {view};"
    ));
}

fn sql_server(writer: &mut Writer, shape: &Shape) {
    let (table, view, group) = (writer.table(), writer.beside(&shape.view), group(writer, shape));
    let sum = shape
        .total
        .as_ref()
        .map(|total| format!(",\n  SUM({}) AS {}", writer.quoted(&total.name), sum_name(writer, total)));
    let sum = sum.unwrap_or_default();
    let Some(_) = &shape.group else {
        writer.say("Another shape to read from. A view is only indexed where it groups by something.");
        writer.run(format!(
            "CREATE VIEW {view} AS\nSELECT\n  1 AS {group},\n  COUNT_BIG(*) AS row_count{sum}\nFROM {table}"
        ));
        return;
    };
    writer.say("Another shape to read from, kept by the database in the transaction of the change.");
    writer.run(format!(
        "CREATE VIEW {view} WITH SCHEMABINDING AS\nSELECT\n  {group},\n  COUNT_BIG(*) AS row_count{sum}\nFROM {table}\n\
         GROUP BY {group}"
    ));
    writer.say(QUOTED);
    let index = writer.index(&format!("{}_key", shape.view));
    writer.run(format!("CREATE UNIQUE CLUSTERED INDEX {index} ON {view} ({group})"));
    writer.say(format!(
        "Editions below Enterprise read the table unless they are told:\n\n  SELECT * FROM {view} WITH (NOEXPAND);"
    ));
}

/// MySQL, MariaDB and SQLite have no materialised views: triggers keep a table.
fn by_trigger(writer: &mut Writer, shape: &Shape) {
    let (table, view, group) = (writer.table(), writer.beside(&shape.view), group(writer, shape));
    let is_mysql = writer.dialect.is_mysql();
    writer.say(
        "Another shape to read from, kept by triggers in the transaction of the change. Writers of one group wait for\n\
         each other.",
    );
    let declared = match &shape.group {
        Some(column) => writer.declared(column, true),
        None => format!("all_rows {} NOT NULL", writer.type_of(Type::Int, true)),
    };
    let int = writer.type_of(Type::Int, false);
    let mut lines = vec![format!("{declared} PRIMARY KEY"), format!("row_count {int} NOT NULL")];
    let sum = shape.total.as_ref().map(|total| (sum_name(writer, total), writer.quoted(&total.name)));
    if let (Some((sum, _)), Some(total)) = (&sum, &shape.total) {
        let wide = if total.kind == Type::Decimal { "decimal(38, 4)" } else { int };
        lines.push(format!("{sum} {wide} NOT NULL"));
    }
    writer.run(format!("CREATE TABLE {view} (\n  {}\n){}", lines.join(",\n  "), writer.table_end()));
    let of = |row: &str| shape.group.as_ref().map_or_else(|| "1".to_owned(), |_| format!("{row}.{group}"));
    let (columns, values, more, less) = match &sum {
        None => (String::new(), String::new(), String::new(), String::new()),
        Some((sum, total)) => (
            format!(", {sum}"),
            format!(", NEW.{total}"),
            format!(", {sum} = {sum} + NEW.{total}"),
            format!(", {sum} = {sum} - OLD.{total}"),
        ),
    };
    let on_conflict = if is_mysql {
        "ON DUPLICATE KEY UPDATE".to_owned()
    } else {
        format!("ON CONFLICT ({group}) DO UPDATE SET")
    };
    let add = format!(
        "INSERT INTO {view} ({group}, row_count{columns}) VALUES ({}, 1{values})\n{on_conflict} \
         row_count = row_count + 1{more}",
        of("NEW")
    );
    let take = format!("UPDATE {view} SET row_count = row_count - 1{less} WHERE {group} = {}", of("OLD"));
    let name = |writer: &Writer, end: &str| writer.index(&format!("{}_{end}", shape.view));
    if is_mysql {
        let before = name(writer, "take");
        for (end, when, does) in [
            ("insert", "INSERT ON", add.clone()),
            ("take", "UPDATE ON", take.clone()),
            ("add", "UPDATE ON", add),
            ("delete", "DELETE ON", take),
        ] {
            let follows = if end == "add" { format!(" FOLLOWS {before}") } else { String::new() };
            let trigger = name(writer, end);
            writer
                .run(format!("CREATE TRIGGER {trigger} AFTER {when} {table} FOR EACH ROW{follows}\n{does}"));
        }
    } else {
        for (end, when, does) in [
            ("insert", "INSERT ON", format!("{add};")),
            ("update", "UPDATE ON", format!("{take};\n{add};")),
            ("delete", "DELETE ON", format!("{take};")),
        ] {
            let trigger = name(writer, end);
            writer.run(format!("CREATE TRIGGER {trigger} AFTER {when} {table} BEGIN\n{does}\nEND"));
        }
    }
    writer.say(format!("\n  SELECT * FROM {view} WHERE row_count > 0;\n"));
}
