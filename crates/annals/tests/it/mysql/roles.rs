//! Accounts that can do what they are for and nothing else, as the guide grants them.

use annals::backend::Backend as _;
use annals::mysql::mysql_async::prelude::Queryable as _;
use annals::mysql::mysql_async::{Conn, Error as Failure};
use annals::prelude::*;
use annals::snapshot::{Snapshot, SnapshotKey, SnapshotName};
use annals::{Append, Condition, ErrorKind, JsonText, Position, Version};

use super::{Place, SHARED, guide, noted, open, servers, store_of, unique};

fn guarded(n: usize) -> Append {
    let query = Query::types(["never".parse().unwrap()]).or(Query::tags(["never".parse().unwrap()]));
    let tagged = noted(n).tagged("a:1".parse().unwrap());
    Append::to("s".parse().unwrap(), Expected::Any, [tagged]).when(Condition { query, after: Position(0) })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_only_appends_and_a_reader_only_reads() {
    for (variable, server) in servers(SHARED) {
        let mut place = Place::on(&server).await;
        let names = ["w", "r"].map(|role| format!("{role}_{}", unique()));
        let [writer, reader] = &names;
        let grants = guide("Roles").concat();
        let grants = grants
            .replace("annals_writer", writer)
            .replace("annals_reader", reader)
            .replace("shop.annals_", &format!("annals.{}", place.prefix));
        place.conn.query_drop(grants).await.unwrap();
        place.store.append("s", Expected::NoStream, [noted(1)]).await.unwrap();

        let as_role = |role: &str, url: &str| url.replace("root@", &format!("{role}:change-me@"));
        let written = open(&as_role(writer, &place.url)).await;
        let store = store_of(&written);
        store.append("s", Expected::version(1), [noted(2)]).await.unwrap();
        // The other way to write, which looks ids up and inserts rows itself.
        let conflict = store.append("s", Expected::version(1), [noted(2)]).await.unwrap_err();
        assert_eq!(conflict.kind(), ErrorKind::Conflict, "{conflict}");
        store.append_one(guarded(3)).await.unwrap();
        store.save_checkpoint("p", None, &store.checkpoint_at(Position(1))).await.unwrap();
        let key = SnapshotKey { stream_id: "s".parse().unwrap(), name: SnapshotName::new("state").unwrap() };
        let snapshot =
            Snapshot { stream_version: Version(1), state_version: 1, state: JsonText::parse("1").unwrap() };
        written.save_snapshot(key.clone(), snapshot.clone()).await.unwrap();
        written.delete_snapshot(key.clone()).await.unwrap();
        for attempt in written.attempt_rewrites().await.unwrap() {
            assert!(attempt.refusal.is_some(), "{variable}: {}", attempt.statement);
        }

        let read = open(&as_role(reader, &place.url)).await;
        let store = store_of(&read);
        assert_eq!(store.read_all().collect().await.unwrap().len(), 3);
        assert_eq!(store.stats().await.unwrap().events, 3);
        assert_eq!(store.list_streams("", None, 9).await.unwrap().len(), 1);
        assert!(store.load_checkpoint("p").await.unwrap().is_some());
        store.subscribe(Query::all(), Start::Beginning).await.unwrap().next().await.unwrap();
        let checkpoint = store.checkpoint_at(Position(2));
        for refused in [
            store.append("s", Expected::Any, [noted(9)]).await.map(drop),
            store.append_one(guarded(9)).await.map(drop),
            store.save_checkpoint("q", None, &checkpoint).await,
            read.save_snapshot(key, snapshot).await,
            read.drop_namespace().await,
        ] {
            let refused = refused.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid, "{variable}: {refused}");
            assert!(refused.to_string().contains("may not"), "{refused}");
        }

        // What an account could do with the database's own tools.
        for (role, writes) in [(writer, true), (reader, false)] {
            let mut conn = Conn::from_url(as_role(role, &place.server)).await.unwrap();
            for sql in [
                "UPDATE {p}events SET payload = '1'",
                "DELETE FROM {p}events",
                "TRUNCATE {p}events",
                "REPLACE INTO {p}events SELECT * FROM {p}events",
                "DELETE FROM {p}event_tags",
                "TRUNCATE {p}event_tags",
                "UPDATE {p}store SET store_id = REPEAT('x', 16)",
                "UPDATE {p}store SET schema_version = 0",
                "DELETE FROM {p}store",
                "TRUNCATE {p}store",
                "ALTER TABLE {p}events ADD COLUMN x INT",
                "DROP TRIGGER {p}events_no_update",
                "DROP TABLE {p}events",
                "DROP PROCEDURE {p}append",
                "CREATE TABLE {p}mine (x INT)",
                "RENAME TABLE {p}events TO {p}gone",
            ] {
                let sql = place.sql(sql);
                let refused = conn.query_drop(sql.as_str()).await;
                // No such right, or what the trigger says.
                let codes = [1044, 1142, 1143, 1227, 1370, 1644];
                assert!(
                    matches!(&refused, Err(Failure::Server(error)) if codes.contains(&error.code)),
                    "{variable}: {role}: {sql}: {refused:?}"
                );
            }
            let moved = place.sql("UPDATE {p}store SET last_position = last_position");
            assert_eq!(conn.query_drop(moved).await.is_ok(), writes, "{role}");
            drop(conn);
            place.conn.query_drop(format!("DROP USER {role}")).await.unwrap();
        }
        place.finish().await;
    }
}
