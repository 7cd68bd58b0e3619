//! A table whose rows can be read as they were at a time: by the product itself where it can, by triggers elsewhere.

use super::script::{Dialect, Writer};
use super::table::indented;

pub(super) fn write(writer: &mut Writer) {
    match writer.dialect {
        Dialect::MariaDb => mariadb(writer),
        Dialect::SqlServer => sql_server(writer),
        Dialect::Postgres => by_trigger(writer, postgres),
        Dialect::MySql => by_trigger(writer, mysql),
        Dialect::Sqlite => by_trigger(writer, sqlite),
    }
    writer
        .say("It tells what was so, and not who changed it: for that, add a column with who wrote the row.");
}

// https://mariadb.com/kb/en/system-versioned-tables/
fn mariadb(writer: &mut Writer) {
    writer.say("MariaDB keeps every version of a row.");
    writer.create_table(&[], " WITH SYSTEM VERSIONING");
    let table = writer.table();
    writer.say(format!(
        "As it was at a time, in the time zone of the session, and all that it has been:\n\
         \n  SELECT * FROM {table} FOR SYSTEM_TIME AS OF TIMESTAMP :time;\n  \
         SELECT *, ROW_START, ROW_END FROM {table} FOR SYSTEM_TIME ALL WHERE {key} = :key ORDER BY ROW_START;\n\
         \nALTER TABLE is refused unless the session says system_versioning_alter_history = KEEP. To forget, DELETE\n\
         HISTORY FROM {table} BEFORE SYSTEM_TIME :time, which takes a right of its own.",
        key = writer.key(),
    ));
}

// https://learn.microsoft.com/sql/relational-databases/tables/creating-a-system-versioned-temporal-table
fn sql_server(writer: &mut Writer) {
    writer.say("SQL Server keeps every version of a row in a table beside it.");
    let (from, until) = (writer.fresh("valid_from"), writer.fresh("valid_until"));
    let period = [
        format!("{from} datetime2(7) GENERATED ALWAYS AS ROW START HIDDEN NOT NULL"),
        format!("{until} datetime2(7) GENERATED ALWAYS AS ROW END HIDDEN NOT NULL"),
        format!("PERIOD FOR SYSTEM_TIME ({from}, {until})"),
    ];
    let history = writer.beside("history");
    writer.create_table(&period, &format!("\nWITH (SYSTEM_VERSIONING = ON (HISTORY_TABLE = {history}))"));
    let (table, key) = (writer.table(), writer.key());
    writer.say(format!(
        "As it was at a time, in UTC, and all that it has been:\n\
         \n  SELECT * FROM {table} FOR SYSTEM_TIME AS OF @time;\n  \
         SELECT *, {from}, {until} FROM {table} FOR SYSTEM_TIME ALL WHERE {key} = @key ORDER BY {from};\n\
         \nTo forget after some years, with SQL Server 2017 and later:\n\
         \n  ALTER TABLE {table} SET (SYSTEM_VERSIONING = ON (HISTORY_RETENTION_PERIOD = 10 YEARS));"
    ));
}

/// The names that triggers use.
struct Names {
    table: String,
    versions: String,
    key: String,
    columns: String,
    new_columns: String,
    from: String,
    until: String,
}

fn by_trigger(writer: &mut Writer, triggers: fn(&mut Writer, &Names)) {
    writer.say("The rows as they are.");
    writer.create_table(&[], "");
    let names = Names {
        table: writer.table(),
        versions: writer.beside("versions"),
        key: writer.key(),
        columns: writer.names(""),
        new_columns: writer.names("NEW."),
        from: writer.fresh("valid_from"),
        until: writer.fresh("valid_until"),
    };
    let Names { table, versions, key, from, until, .. } = &names;
    writer.say("Every version of every row, the present one with no end; written by the database.");
    let time = match writer.dialect {
        Dialect::Postgres => "timestamptz",
        Dialect::Sqlite => "text",
        _ => "datetime(6)",
    };
    let null = if writer.dialect == Dialect::Sqlite { "" } else { " NULL" };
    let entry = writer.fresh("entry");
    let mut lines = vec![writer.counted(&entry)];
    lines.extend(writer.all_declared());
    lines.push(format!("{from} {time} NOT NULL"));
    lines.push(format!("{until} {time}{null}"));
    writer.run(format!("CREATE TABLE {versions} (\n  {}\n){}", lines.join(",\n  "), writer.table_end()));
    let index = writer.index("versions_of_row");
    writer.run(format!("CREATE INDEX {index} ON {versions} ({key}, {from})"));
    if !writer.dialect.is_mysql() {
        let index = writer.index("versions_now");
        writer.run(format!("CREATE UNIQUE INDEX {index} ON {versions} ({key}) WHERE {until} IS NULL"));
    }
    triggers(writer, &names);
    let update = indented(&writer.example_update());
    writer.say(format!(
        "Writing is as ever:\n\n{update}\n\
         \nAs it was at a time, in UTC, and all that one row has been:\n\
         \n  SELECT * FROM {versions} WHERE {from} <= :time AND ({until} > :time OR {until} IS NULL);\n  \
         SELECT * FROM {versions} WHERE {key} = :key ORDER BY {from}, {entry};\n\
         \nTimes are those of statements, not of commits: changes of one transaction have times of their own.\n\
         Nobody but the triggers writes {versions}, and TRUNCATE {table} would go unseen: grant neither."
    ));
}

fn postgres(writer: &mut Writer, names: &Names) {
    let Names { table, versions, key, columns, new_columns, from, until } = names;
    let (keep, trigger) = (writer.beside("versions_keep"), writer.index("versions_each"));
    // A name that is a column as well would be ambiguous inside the function.
    let moment = writer.fresh("moment_of_change");
    writer.run(format!(
        "CREATE FUNCTION {keep}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  {moment} timestamptz;
BEGIN
  IF TG_OP <> 'INSERT' THEN
    -- Never before it began, whatever the clock says.
    UPDATE {versions} SET {until} = greatest(clock_timestamp(), {from})
     WHERE {key} = OLD.{key} AND {until} IS NULL
    RETURNING {until} INTO {moment};
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO {versions} ({columns}, {from})
    VALUES ({new_columns}, coalesce({moment}, clock_timestamp()));
  END IF;
  RETURN NULL;
END
$$"
    ));
    writer.run(format!(
        "CREATE TRIGGER {trigger} AFTER INSERT OR UPDATE OR DELETE ON {table}\n  \
         FOR EACH ROW EXECUTE FUNCTION {keep}()"
    ));
}

// Each trigger is one statement, so that the script needs no DELIMITER and runs through any client.
fn mysql(writer: &mut Writer, names: &Names) {
    let Names { table, versions, key, columns, new_columns, from, until } = names;
    let [insert, close, open, delete] =
        ["versions_insert", "versions_close", "versions_open", "versions_delete"]
            .map(|end| writer.index(end));
    writer.run(format!(
        "CREATE TRIGGER {insert} AFTER INSERT ON {table} FOR EACH ROW
INSERT INTO {versions} ({columns}, {from})
VALUES ({new_columns}, UTC_TIMESTAMP(6))"
    ));
    let end = format!(
        "UPDATE {versions} SET {until} = GREATEST(UTC_TIMESTAMP(6), {from})\n \
         WHERE {key} = OLD.{key} AND {until} IS NULL"
    );
    writer.run(format!("CREATE TRIGGER {close} AFTER UPDATE ON {table} FOR EACH ROW\n{end}"));
    writer.run(format!(
        "CREATE TRIGGER {open} AFTER UPDATE ON {table} FOR EACH ROW FOLLOWS {close}
INSERT INTO {versions} ({columns}, {from})
SELECT {new_columns}, COALESCE(MAX({until}), UTC_TIMESTAMP(6)) FROM {versions} WHERE {key} = OLD.{key}"
    ));
    writer.run(format!("CREATE TRIGGER {delete} AFTER DELETE ON {table} FOR EACH ROW\n{end}"));
}

fn sqlite(writer: &mut Writer, names: &Names) {
    let Names { table, versions, key, columns, new_columns, from, until } = names;
    let now = writer.now();
    let [insert, update, delete] =
        ["versions_insert", "versions_update", "versions_delete"].map(|end| writer.index(end));
    let end = format!(
        "  UPDATE {versions} SET {until} = max({now}, {from})\n   WHERE {key} = OLD.{key} AND {until} IS NULL;"
    );
    writer.run(format!(
        "CREATE TRIGGER {insert} AFTER INSERT ON {table} BEGIN
  INSERT INTO {versions} ({columns}, {from})
  VALUES ({new_columns}, {now});
END"
    ));
    writer.run(format!(
        "CREATE TRIGGER {update} AFTER UPDATE ON {table} BEGIN
{end}
  INSERT INTO {versions} ({columns}, {from})
  SELECT {new_columns}, coalesce(max({until}), {now}) FROM {versions} WHERE {key} = OLD.{key};
END"
    ));
    writer.run(format!("CREATE TRIGGER {delete} AFTER DELETE ON {table} BEGIN\n{end}\nEND"));
}
