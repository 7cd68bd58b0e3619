//! Roles that can do what they are for and nothing else, as the guide grants them.

use std::path::Path;
use std::sync::Arc;

use annals::backend::Backend as _;
use annals::prelude::*;
use annals::snapshot::{Snapshot, SnapshotKey, SnapshotName};
use annals::{ErrorKind, JsonText, Options, Version};

use super::{POSTGRES, Place, client, noted, open, server};

/// The blocks of SQL in the guide under a heading.
pub(super) fn guide(heading: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/postgres.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let part = guide.split("\n## ").find(|part| part.starts_with(heading)).unwrap();
    let blocks = part.split("```sql\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_only_appends_and_a_reader_only_reads() {
    let Some(place) = Place::beside(POSTGRES).await else { return };
    let server = server(POSTGRES).unwrap();
    let (owner, schema) = (&place.client, &place.schema);
    let names = ["writer", "reader"].map(|role| format!("{role}_{schema}"));
    let [writer, reader] = &names;
    let grants = guide("Roles").concat();
    let grants = grants
        .replace("annals_writer", writer)
        .replace("annals_reader", reader)
        .replace("SCHEMA annals", &format!("SCHEMA {schema}"))
        .replace(" annals.", &format!(" {schema}."));
    owner.batch_execute(&grants).await.unwrap();
    place.store.append("s", Expected::NoStream, [noted(1)]).await.unwrap();

    let as_role = |role: &str| server.replace("postgres@", &format!("{role}@"));
    let url = |role: &str| {
        let namespace = schema.trim_start_matches("annals__");
        format!("{}?namespace={namespace}", as_role(role)).parse().unwrap()
    };
    let written = open(&url(writer)).await;
    let store = EventStore::new(Arc::new(written.clone()), Options::default());
    store.append("s", Expected::version(1), [noted(2)]).await.unwrap();
    // The other way to write, which looks ids up and names columns itself.
    let conflict = store.append("s", Expected::version(1), [noted(2)]).await.unwrap_err();
    assert_eq!(conflict.kind(), ErrorKind::Conflict);
    let tagged = noted(3).tagged("a:1".parse().unwrap());
    let batch = ["s", "t"].map(|stream| {
        let expected = if stream == "s" { Expected::NoStream } else { Expected::Any };
        annals::Append::to(stream.parse().unwrap(), expected, [tagged.clone()])
    });
    assert_eq!(store.append_all(batch.into()).await.iter().filter(|result| result.is_ok()).count(), 1);
    store.save_checkpoint("p", None, &store.checkpoint_at(annals::Position(1))).await.unwrap();
    let key = SnapshotKey { stream_id: "s".parse().unwrap(), name: SnapshotName::new("state").unwrap() };
    let snapshot =
        Snapshot { stream_version: Version(1), state_version: 1, state: JsonText::parse("1").unwrap() };
    written.save_snapshot(key.clone(), snapshot.clone()).await.unwrap();
    written.delete_snapshot(key.clone()).await.unwrap();
    for attempt in written.attempt_rewrites().await.unwrap() {
        let refusal = attempt.refusal.unwrap_or_default();
        assert!(!refusal.is_empty(), "{}", attempt.statement);
    }

    let read = open(&url(reader)).await;
    let store = EventStore::new(Arc::new(read.clone()), Options::default());
    assert_eq!(store.read_all().collect().await.unwrap().len(), 3);
    assert_eq!(store.stats().await.unwrap().events, 3);
    assert_eq!(store.list_streams("", None, 9).await.unwrap().len(), 2);
    assert!(store.load_checkpoint("p").await.unwrap().is_some());
    store.subscribe(Query::all(), Start::Beginning).await.unwrap().next().await.unwrap();
    let from_query = |store: &EventStore| {
        let query = Query::types(["never".parse().unwrap()]);
        let condition = annals::Condition { query, after: annals::Position(0) };
        let append = annals::Append::to("s".parse().unwrap(), Expected::Any, [noted(9)]).when(condition);
        let store = store.clone();
        async move { store.append_one(append).await }
    };
    let checkpoint = store.checkpoint_at(annals::Position(2));
    for refused in [
        store.append("s", Expected::Any, [noted(9)]).await.map(drop),
        from_query(&store).await.map(drop),
        store.save_checkpoint("q", None, &checkpoint).await,
        read.save_snapshot(key, snapshot).await,
        read.drop_namespace().await,
    ] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
        assert!(refused.to_string().contains("may not"), "{refused}");
    }

    // What a role could do with the database's own tools.
    for (role, writes) in [(writer, true), (reader, false)] {
        let client = client(&as_role(role)).await;
        for sql in [
            "UPDATE {s}.events SET payload = '1'",
            "DELETE FROM {s}.events",
            "TRUNCATE {s}.events",
            "DELETE FROM {s}.event_tags",
            "UPDATE {s}.store SET store_id = gen_random_uuid()",
            "UPDATE {s}.store SET schema_version = 0",
            "DELETE FROM {s}.store",
            "INSERT INTO {s}.store SELECT * FROM {s}.store",
            "ALTER TABLE {s}.events DISABLE TRIGGER ALL",
            "ALTER TABLE {s}.events ADD COLUMN x integer",
            "DROP TRIGGER no_change ON {s}.events",
            "DROP TABLE {s}.events",
            "DROP SCHEMA {s} CASCADE",
            "CREATE TABLE {s}.mine (x integer)",
            "CREATE OR REPLACE FUNCTION {s}.refuse_change() RETURNS trigger LANGUAGE sql AS ''",
            "SET session_replication_role = replica",
        ] {
            let refused = client.batch_execute(&sql.replace("{s}", schema)).await.unwrap_err();
            let code = refused.code().unwrap().code();
            assert!(code == "42501" || code == "23001", "{role}: {sql}: {refused:?}");
        }
        let moved = format!("UPDATE {schema}.store SET last_position = last_position");
        assert_eq!(client.batch_execute(&moved).await.is_ok(), writes, "{role}");
        drop(client);
        let sql = format!("DROP OWNED BY {role}; DROP ROLE {role}");
        owner.batch_execute(&sql).await.unwrap();
    }
    place.finish().await;
}
