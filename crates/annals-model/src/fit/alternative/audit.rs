//! A table, and beside it who changed what, by triggers in the transaction of the change.

use super::script::{Dialect, Writer};
use super::table::indented;
use super::{Column, Type};

pub(super) fn write(writer: &mut Writer) {
    writer.say("One row for each, changed in place.");
    writer.create_table(&[], "");
    writer.say("What was changed, by whom and why; written by the database, so that no code forgets it.");
    match writer.dialect {
        Dialect::Postgres => postgres(writer),
        Dialect::MySql | Dialect::MariaDb => mysql(writer),
        Dialect::Sqlite => sqlite(writer),
        Dialect::SqlServer => sql_server(writer),
    }
}

/// The key as the trail calls it: by its own name, unless the trail has a column of that name.
fn key_of_trail(writer: &Writer) -> String {
    let own = ["entry", "change_kind", "changed_at", "changed_by", "reason", "old_row", "new_row"];
    let key = writer.key();
    if own.contains(&key.as_str()) { "row_key".to_owned() } else { key }
}

/// The table of the trail and the index by which one row's past is read.
fn create_trail(writer: &mut Writer, types: [&str; 4]) {
    let [word, time, text, json] = types;
    let (history, key, key_type) = (writer.beside("history"), key_of_trail(writer), writer.key_type());
    let (entry, end) = (writer.counted("entry"), writer.table_end());
    let null = if writer.dialect == Dialect::Sqlite { "" } else { " NULL" };
    writer.run(format!(
        "CREATE TABLE {history} (\n  {entry},\n  {key} {key_type} NOT NULL,\n  \
         change_kind {word} NOT NULL CHECK (change_kind IN ('insert', 'update', 'delete')),\n  \
         changed_at {time},\n  changed_by {text} NOT NULL,\n  reason {text}{null},\n  \
         old_row {json}{null},\n  new_row {json}{null}\n){end}"
    ));
    let index = writer.index("history_of_row");
    writer.run(format!("CREATE INDEX {index} ON {history} ({key}, entry)"));
}

fn postgres(writer: &mut Writer) {
    create_trail(writer, ["text", "timestamptz NOT NULL DEFAULT clock_timestamp()", "text", "jsonb"]);
    let (table, history, own_key) = (writer.table(), writer.beside("history"), writer.key());
    let key = key_of_trail(writer);
    let (keep, keep_all) = (writer.beside("history_keep"), writer.beside("history_keep_all"));
    let (each, all) = (writer.index("history_each"), writer.index("history_all"));
    writer.run(format!(
        "CREATE FUNCTION {keep}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO {history} ({key}, change_kind, changed_by, reason, old_row, new_row)
  VALUES (
    CASE WHEN TG_OP = 'DELETE' THEN OLD.{own_key} ELSE NEW.{own_key} END,
    lower(TG_OP),
    coalesce(nullif(current_setting('app.actor', true), ''), session_user),
    nullif(current_setting('app.reason', true), ''),
    CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
    CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END
  );
  RETURN NULL;
END
$$"
    ));
    writer.run(format!(
        "CREATE TRIGGER {each} AFTER INSERT OR UPDATE OR DELETE ON {table}\n  \
         FOR EACH ROW EXECUTE FUNCTION {keep}()"
    ));
    writer.run(format!(
        "CREATE FUNCTION {keep_all}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'TRUNCATE would leave no trail, use DELETE';
END
$$"
    ));
    writer.run(format!(
        "CREATE TRIGGER {all} BEFORE TRUNCATE ON {table}\n  FOR EACH STATEMENT EXECUTE FUNCTION {keep_all}()"
    ));
    let update = indented(&writer.example_update());
    writer.say(format!(
        "The application needs no right to write {history}: the trigger writes as the owner of its function.\n\
         \n  GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO app;\n  GRANT SELECT ON {history} TO app;\n\
         \nIt says who and why in the transaction of the change:\n\
         \n  BEGIN;\n  SELECT set_config('app.actor', :who, true), set_config('app.reason', :why, true);\n{update}\n  COMMIT;"
    ));
}

fn mysql(writer: &mut Writer) {
    let json = "json";
    create_trail(writer, ["varchar(6)", "datetime(6) NOT NULL", "varchar(190)", json]);
    let (table, history, own_key) = (writer.table(), writer.beside("history"), writer.key());
    let key = key_of_trail(writer);
    let (old, new) = (mysql_object(writer, "OLD"), mysql_object(writer, "NEW"));
    for (kind, row, old, new) in
        [("insert", "NEW", "NULL", &*new), ("update", "NEW", &*old, &*new), ("delete", "OLD", &*old, "NULL")]
    {
        let trigger = writer.index(&format!("history_{kind}"));
        let when = kind.to_uppercase();
        writer.run(format!(
            "CREATE TRIGGER {trigger} AFTER {when} ON {table} FOR EACH ROW
INSERT INTO {history} ({key}, change_kind, changed_at, changed_by, reason, old_row, new_row)
VALUES (
  {row}.{own_key}, '{kind}', UTC_TIMESTAMP(6), COALESCE(@app_actor, USER()), @app_reason,
  {old},
  {new}
)"
        ));
    }
    let update = indented(&writer.example_update());
    writer.say(format!(
        "The application needs no right to write {history}: a trigger writes as who created it. Where a binary log is\n\
         written, creating one takes SUPER or log_bin_trust_function_creators. No trigger sees TRUNCATE, nor what a\n\
         foreign key deletes: give nobody DROP, and let no key cascade to {table}.\n\
         \nIt says who and why beside the change, and forgets it afterwards:\n\
         \n  SET @app_actor = :who, @app_reason = :why;\n{update}\n  SET @app_actor = NULL, @app_reason = NULL;"
    ));
}

fn mysql_object(writer: &Writer, row: &str) -> String {
    let member = |column: &Column| {
        let value = format!("{row}.{}", writer.quoted(&column.name));
        match column.kind {
            Type::Bytes => format!("TO_BASE64({value})"),
            // JSON is text in MariaDB, and would be quoted.
            Type::Json if writer.dialect == Dialect::MariaDb => format!("JSON_COMPACT({value})"),
            _ => value,
        }
    };
    object(writer, "JSON_OBJECT", row, member)
}

fn sqlite_object(writer: &Writer, row: &str) -> String {
    let member = |column: &Column| {
        let value = format!("{row}.{}", writer.quoted(&column.name));
        match column.kind {
            Type::Bytes => format!("hex({value})"),
            Type::Json => format!("json({value})"),
            _ => value,
        }
    };
    object(writer, "json_object", row, member)
}

fn object(writer: &Writer, function: &str, row: &str, member: impl Fn(&Column) -> String) -> String {
    let members = writer.columns.iter().map(|it| format!("{}, {}", writer.literal(&it.name), member(it)));
    let version = format!("'version', {row}.{}", writer.version);
    format!("{function}({})", members.chain([version]).collect::<Vec<_>>().join(", "))
}

fn sqlite(writer: &mut Writer) {
    let now = format!("text NOT NULL DEFAULT ({})", writer.now());
    create_trail(writer, ["text", &now, "text", "text"]);
    let (table, history, own_key) = (writer.table(), writer.beside("history"), writer.key());
    let (key, context) = (key_of_trail(writer), writer.beside("context"));
    writer.say("Who writes now, and why: one row, set and cleared in the transaction of the change.");
    writer.run(format!(
        "CREATE TABLE {context} (\n  one integer PRIMARY KEY CHECK (one = 1),\n  actor text,\n  reason text\n) STRICT"
    ));
    writer.run(format!("INSERT INTO {context} (one) VALUES (1)"));
    let (old, new) = (sqlite_object(writer, "OLD"), sqlite_object(writer, "NEW"));
    for (kind, row, old, new) in
        [("insert", "NEW", "NULL", &*new), ("update", "NEW", &*old, &*new), ("delete", "OLD", &*old, "NULL")]
    {
        let trigger = writer.index(&format!("history_{kind}"));
        let when = kind.to_uppercase();
        writer.run(format!(
            "CREATE TRIGGER {trigger} AFTER {when} ON {table} BEGIN
  INSERT INTO {history} ({key}, change_kind, changed_by, reason, old_row, new_row)
  SELECT
    {row}.{own_key}, '{kind}', coalesce(actor, 'unknown'), reason,
    {old},
    {new}
  FROM {context};
END"
        ));
    }
    let update = indented(&writer.example_update());
    writer.say(format!(
        "REPLACE and INSERT OR REPLACE show the trigger no row that they delete, unless recursive_triggers is on.\n\
         \n  BEGIN IMMEDIATE;\n  UPDATE {context} SET actor = :who, reason = :why;\n{update}\n  \
         UPDATE {context} SET actor = NULL, reason = NULL;\n  COMMIT;"
    ));
}

fn sql_server(writer: &mut Writer) {
    let time = "datetime2(6) NOT NULL DEFAULT SYSUTCDATETIME()";
    create_trail(writer, ["varchar(6)", time, "nvarchar(200)", "nvarchar(max)"]);
    let (table, history, own_key) = (writer.table(), writer.beside("history"), writer.key());
    let (key, trigger) = (key_of_trail(writer), writer.beside("history_keep"));
    let row = |row: &str, alias: &str| {
        let names = writer.names(&format!("{alias}."));
        format!(
            "CASE WHEN {row}.{own_key} IS NOT NULL THEN\n      (SELECT {names} FOR JSON PATH, INCLUDE_NULL_VALUES, WITHOUT_ARRAY_WRAPPER) END"
        )
    };
    let (old, new) = (row("o", "o"), row("n", "n"));
    writer.run(format!(
        "CREATE TRIGGER {trigger} ON {table} AFTER INSERT, UPDATE, DELETE AS
BEGIN
  SET NOCOUNT ON;
  INSERT INTO {history} ({key}, change_kind, changed_by, reason, old_row, new_row)
  SELECT
    COALESCE(n.{own_key}, o.{own_key}),
    CASE WHEN o.{own_key} IS NULL THEN 'insert' WHEN n.{own_key} IS NULL THEN 'delete' ELSE 'update' END,
    COALESCE(CONVERT(nvarchar(200), SESSION_CONTEXT(N'actor')), ORIGINAL_LOGIN()),
    CONVERT(nvarchar(200), SESSION_CONTEXT(N'reason')),
    {old},
    {new}
  FROM inserted AS n FULL OUTER JOIN deleted AS o ON o.{own_key} = n.{own_key};
END"
    ));
    let update = indented(&writer.example_update());
    writer.say(format!(
        "A change of the key is a delete and an insert. The application needs no right to write {history}, as long as\n\
         both tables have one owner. TRUNCATE fires no trigger: it takes ALTER, which the application has not.\n\
         \n  EXEC sp_set_session_context N'actor', @who;\n  EXEC sp_set_session_context N'reason', @why;\n{update}"
    ));
}
