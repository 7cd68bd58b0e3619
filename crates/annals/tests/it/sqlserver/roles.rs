//! Logins that can do what they are for and nothing else, as the guide grants them.

use annals::backend::Backend as _;
use annals::prelude::*;
use annals::snapshot::{Snapshot, SnapshotKey, SnapshotName};
use annals::sqlserver::Session;
use annals::{Append, Condition, ErrorKind, JsonText, Position, Version};

use super::{Place, guide, noted, open, rows, server, store_of, unique, with};

fn guarded(n: usize) -> Append {
    let query = Query::types(["never".parse().unwrap()]).or(Query::tags(["never".parse().unwrap()]));
    let tagged = noted(n).tagged("a:1".parse().unwrap());
    Append::to("s".parse().unwrap(), Expected::Any, [tagged]).when(Condition { query, after: Position(0) })
}

/// The same place for another login.
fn as_login(url: &str, login: &str) -> String {
    let (_, place) = url.rsplit_once('@').unwrap();
    format!("sqlserver://{login}:Change-me-1@{place}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_only_appends_and_a_reader_only_reads() {
    let Some(server) = server() else { return };
    let mut place = Place::on(&server).await;
    let chained = place.value::<String>("SELECT @@VERSION").await.starts_with("Microsoft SQL");
    let names = ["w", "r"].map(|role| format!("{role}_{}", unique()));
    let [writer, reader] = &names;
    let grants = guide("Roles").concat();
    let grants = grants
        .replace("annals_writer", writer)
        .replace("annals_reader", reader)
        .replace("annals.", &format!("{}.", place.schema));
    for statement in grants.split(";\n").filter(|text| !text.trim().is_empty()) {
        place.rows(statement).await;
    }
    if !chained {
        // A procedure writes with its owner's rights on SQL Server; others that speak as it does may want more.
        let more = format!(
            "GRANT INSERT ON {{s}}.events TO {writer}; GRANT INSERT ON {{s}}.event_tags TO {writer}; \
             GRANT UPDATE ON {{s}}.store TO {writer}"
        );
        place.execute(&more).await;
    }
    place.store.append("s", Expected::NoStream, [noted(1)]).await.unwrap();

    let written = open(&as_login(&place.url, writer)).await.unwrap();
    let store = store_of(&written);
    store.append("s", Expected::version(1), [noted(2)]).await.unwrap();
    // The other way to write, which looks ids up.
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
        assert!(attempt.refusal.is_some(), "{}", attempt.statement);
    }

    let read = open(&as_login(&place.url, reader)).await.unwrap();
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
        assert!(matches!(refused.kind(), ErrorKind::Invalid | ErrorKind::Indeterminate), "{refused}");
    }
    assert_eq!(store.stats().await.unwrap().events, 3);
    // A database in which this login may not create.
    let other = with(&server, &format!("namespace=no_{}", unique()));
    let refused = open(&as_login(&other, reader)).await.unwrap_err();
    assert!(refused.to_string().contains("could not create the store's tables"), "{refused}");

    // What a login could do with the database's own tools.
    for (login, writes) in [(writer, true), (reader, false)] {
        let mut session = Session::open(&as_login(&place.url, login).parse().unwrap()).await.unwrap();
        for sql in [
            "UPDATE {s}.events SET payload = '1'",
            "DELETE FROM {s}.events",
            "TRUNCATE TABLE {s}.events",
            "DELETE FROM {s}.event_tags",
            "TRUNCATE TABLE {s}.event_tags",
            "UPDATE {s}.store SET store_id = NEWID()",
            "DELETE FROM {s}.store",
            "ALTER TABLE {s}.events ADD x int NULL",
            "DROP TRIGGER {s}.events_append_only",
            "DROP TABLE {s}.events",
            "DROP PROCEDURE {s}.append",
            "CREATE TABLE {s}.mine (x int)",
        ] {
            let sql = place.sql(sql);
            let refused = rows(&mut session, &sql).await;
            assert!(refused.is_err(), "{login}: {sql}");
        }
        // Not even rows of its own, past the procedures.
        let tag = place.sql("INSERT INTO {s}.event_tags (tag_key, position) VALUES (0x61, 77)");
        if chained || !writes {
            assert!(rows(&mut session, &tag).await.is_err(), "{login}");
        }
        let saved = place.sql("UPDATE {s}.checkpoints SET name = name");
        assert_eq!(rows(&mut session, &saved).await.is_ok(), writes, "{login}");
    }
    // Rights of a user are gone with what they are on, and only then may the user go.
    let mut session = Session::open(&server.parse().unwrap()).await.unwrap();
    place.finish().await;
    for login in &names {
        for kind in ["USER", "LOGIN"] {
            // One whose sessions are still being closed stays.
            let _ = rows(&mut session, &format!("DROP {kind} {login}")).await;
        }
    }
}
