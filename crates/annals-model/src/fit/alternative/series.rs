//! A table for measurements, old ones of which are thrown away by the month, and the last one of each series.

use super::script::{Dialect, Writer};
use super::{Column, Type};

pub(super) fn write(writer: &mut Writer) {
    let time = writer.columns.iter().skip(1).find(|column| column.kind == Type::Time && !column.is_optional);
    let time = match time {
        Some(time) => time.name.clone(),
        None => {
            let mut name = "measured_at".to_owned();
            while writer.columns.iter().any(|column| column.name == name) {
                name.push('_');
            }
            writer.columns.push(Column::new(name.clone(), Type::Time));
            name
        }
    };
    let (time, key, table) = (writer.quoted(&time), writer.key(), writer.table());
    let last = writer.beside("last");
    let lines: Vec<_> =
        writer.columns.iter().enumerate().map(|(at, it)| writer.declared(it, at == 0)).collect();
    let lines = lines.join(",\n  ");
    writer.say(
        "Measurements, only inserted. They are not events: nothing was decided, and no rule looks at one.",
    );
    match writer.dialect {
        Dialect::Postgres => {
            writer.run(format!(
                "CREATE TABLE {table} (\n  {lines},\n  PRIMARY KEY ({key}, {time})\n) PARTITION BY RANGE ({time})"
            ));
            let rest = writer.beside("rest");
            writer.run(format!("CREATE TABLE {rest} PARTITION OF {table} DEFAULT"));
            let index = writer.index("by_time");
            writer.run(format!("CREATE INDEX {index} ON {table} USING brin ({time})"));
            let month = writer.beside("2027_01");
            writer.say(format!(
                "One partition a month, made before it begins, and dropped whole when it is too old:\n\
                 \n  CREATE TABLE {month} PARTITION OF {table} FOR VALUES FROM ('2027-01-01') TO ('2027-02-01');\n  \
                 DROP TABLE {month};\n\nThe extension TimescaleDB does that by itself, and compresses."
            ));
        }
        Dialect::MySql | Dialect::MariaDb => {
            writer.run(format!(
                "CREATE TABLE {table} (\n  {lines},\n  PRIMARY KEY ({key}, {time})\n)\n\
                 PARTITION BY RANGE COLUMNS ({time}) (PARTITION later VALUES LESS THAN (MAXVALUE))"
            ));
            writer.say(format!(
                "One partition a month, made before it begins, and dropped whole when it is too old:\n\
                 \n  ALTER TABLE {table} REORGANIZE PARTITION later INTO (\n    \
                 PARTITION m2027_01 VALUES LESS THAN ('2027-02-01'),\n    \
                 PARTITION later VALUES LESS THAN (MAXVALUE));\n  ALTER TABLE {table} DROP PARTITION m2027_01;"
            ));
        }
        Dialect::Sqlite => {
            writer.run(format!(
                "CREATE TABLE {table} (\n  {lines},\n  PRIMARY KEY ({key}, {time})\n) STRICT, WITHOUT ROWID"
            ));
            let index = writer.index("by_time");
            writer.run(format!("CREATE INDEX {index} ON {table} ({time})"));
            writer.say(format!(
                "Throw old ones away a few thousand at a time:\n\n  DELETE FROM {table} WHERE {time} < :time;"
            ));
        }
        Dialect::SqlServer => {
            let index = writer.index("key");
            writer.run(format!(
                "CREATE TABLE {table} (\n  {lines},\n  CONSTRAINT {index} PRIMARY KEY CLUSTERED ({key}, {time}) \
                 WITH (DATA_COMPRESSION = PAGE)\n)"
            ));
            writer.say(format!(
                "Throw old ones away a few thousand at a time, or partition by month:\n\
                 \n  DELETE TOP (5000) FROM {table} WHERE {time} < @time;"
            ));
        }
    }
    writer.say("The last one of each series, for everybody who only asks how it is now.");
    let end = writer.table_end();
    writer.run(format!("CREATE TABLE {last} (\n  {lines},\n  PRIMARY KEY ({key})\n){end}"));
    let upsert = upsert(writer, &last, &key, &time);
    writer.say(format!("One that comes late does not take the place of a later one:\n\n{upsert}"));
}

fn upsert(writer: &Writer, last: &str, key: &str, time: &str) -> String {
    let names: Vec<_> = writer.columns.iter().map(|column| writer.quoted(&column.name)).collect();
    let rest: Vec<_> = names.iter().filter(|name| *name != key).collect();
    let all = names.join(", ");
    let given = names.iter().map(|_| "?").collect::<Vec<_>>().join(", ");
    let each =
        |set: &dyn Fn(&String) -> String| rest.iter().map(|name| set(name)).collect::<Vec<_>>().join(", ");
    match writer.dialect {
        Dialect::Postgres | Dialect::Sqlite => format!(
            "  INSERT INTO {last} ({all}) VALUES ({given})\n  ON CONFLICT ({key}) DO UPDATE SET {}\n   \
             WHERE excluded.{time} > {last}.{time};",
            each(&|name| format!("{name} = excluded.{name}"))
        ),
        // Assignments are made from left to right, so that the time comes last.
        Dialect::MySql | Dialect::MariaDb => {
            let newer =
                |name: &String| format!("{name} = IF(VALUES({time}) > {time}, VALUES({name}), {name})");
            let mut sets: Vec<_> =
                rest.iter().filter(|name| name.as_str() != time).map(|name| newer(name)).collect();
            sets.push(newer(&time.to_owned()));
            format!(
                "  INSERT INTO {last} ({all}) VALUES ({given})\n  ON DUPLICATE KEY UPDATE {};",
                sets.join(", ")
            )
        }
        Dialect::SqlServer => format!(
            "  MERGE {last} WITH (HOLDLOCK) AS l USING (VALUES ({given})) AS r ({all}) ON l.{key} = r.{key}\n  \
             WHEN MATCHED AND r.{time} > l.{time} THEN UPDATE SET {}\n  \
             WHEN NOT MATCHED THEN INSERT ({all}) VALUES ({});",
            each(&|name| format!("{name} = r.{name}")),
            names.iter().map(|name| format!("r.{name}")).collect::<Vec<_>>().join(", ")
        ),
    }
}
