//! A table, and messages to other systems written in the same transaction and sent afterwards.

use super::script::{Dialect, Writer};
use super::table::indented;
use super::view::QUOTED;

pub(super) fn write(writer: &mut Writer) {
    writer.say("One row for each, changed in place.");
    writer.create_table(&[], "");
    writer.say(
        "What other systems are to hear, written in the transaction of the change. The message says what they may\n\
         rely on, which is less than the row.",
    );
    let outbox = writer.beside("outbox");
    let (id, word, body, now, time) = match writer.dialect {
        Dialect::Postgres => (
            "uuid NOT NULL DEFAULT gen_random_uuid()",
            "text",
            "jsonb",
            " DEFAULT clock_timestamp()",
            "timestamptz",
        ),
        Dialect::MySql | Dialect::MariaDb => (
            "char(36) CHARACTER SET ascii NOT NULL DEFAULT (UUID())",
            "varchar(190)",
            "json",
            " DEFAULT (UTC_TIMESTAMP(6))",
            "datetime(6)",
        ),
        Dialect::Sqlite => (
            "text NOT NULL DEFAULT (lower(hex(randomblob(16))))",
            "text",
            "text",
            " DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
            "text",
        ),
        Dialect::SqlServer => (
            "uniqueidentifier NOT NULL DEFAULT NEWID()",
            "nvarchar(200)",
            "nvarchar(max)",
            " DEFAULT SYSUTCDATETIME()",
            "datetime2(6)",
        ),
    };
    let null = if writer.dialect == Dialect::Sqlite { "" } else { " NULL" };
    let check = match writer.dialect {
        Dialect::Sqlite => " CHECK (json_valid(body))",
        Dialect::SqlServer => " CHECK (ISJSON(body) = 1)",
        _ => "",
    };
    let (entry, end) = (writer.counted("entry"), writer.table_end());
    writer.run(format!(
        "CREATE TABLE {outbox} (\n  {entry},\n  message_id {id} UNIQUE,\n  message_type {word} NOT NULL,\n  \
         about {word} NOT NULL,\n  body {body} NOT NULL{check},\n  written_at {time} NOT NULL{now},\n  \
         sent_at {time}{null}\n){end}"
    ));
    if writer.dialect == Dialect::SqlServer {
        writer.say(QUOTED);
    }
    let index = writer.index("outbox_unsent");
    writer.run(if writer.dialect.is_mysql() {
        format!("CREATE INDEX {index} ON {outbox} (sent_at, entry)")
    } else {
        format!("CREATE INDEX {index} ON {outbox} (entry) WHERE sent_at IS NULL")
    });
    let (begin, update) = (writer.begin(), indented(&writer.example_update()));
    let commit = if writer.dialect == Dialect::SqlServer { "COMMIT TRANSACTION;" } else { "COMMIT;" };
    writer.say(format!(
        "Writing, both or neither:\n\n  {begin}\n{update}\n  \
         INSERT INTO {outbox} (message_type, about, body) VALUES (:type, :key, :body);\n  {commit}"
    ));
    let take = match writer.dialect {
        Dialect::Postgres | Dialect::MySql | Dialect::MariaDb => format!(
            "SELECT * FROM {outbox} WHERE sent_at IS NULL ORDER BY entry LIMIT 100 FOR UPDATE SKIP LOCKED;"
        ),
        Dialect::Sqlite => format!("SELECT * FROM {outbox} WHERE sent_at IS NULL ORDER BY entry LIMIT 100;"),
        Dialect::SqlServer => format!(
            "SELECT TOP (100) * FROM {outbox} WITH (UPDLOCK, READPAST, ROWLOCK) WHERE sent_at IS NULL ORDER BY entry;"
        ),
    };
    let now = writer.now();
    writer.say(format!(
        "Sending, again and again. It takes what has not been sent, and not what comes after the last entry: numbers are\n\
         given before commits. A message can come twice, so readers skip a message_id that they know. One sender keeps\n\
         the order; several at once do not.\n\n  {begin}\n  {take}\n  -- send each, with message_id\n  \
         UPDATE {outbox} SET sent_at = {now} WHERE entry = :entry;\n  {commit}\n\nDelete what was sent some days ago."
    ));
}
