//! The pages of docs/databases do what they say: their SQL is run block by block, and their schemas are reviewed.

use std::path::Path;

use serde_json::Value;

use crate::Place;
use crate::scratch::{Scratch, Session};

/// What stands behind ``` on a page, and the block.
fn blocks(page: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/databases").join(format!("{page}.md"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut blocks = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, behind)) = rest.split_once("\n```") {
        let (info, behind) = behind.split_once('\n').unwrap();
        let (block, behind) = behind.split_once("```").unwrap();
        blocks.push((info.to_owned(), block.to_owned()));
        rest = behind;
    }
    blocks
}

/// Runs a page from top to bottom, and says how many blocks of each kind there were.
async fn follow(page: &str, session: &mut Session) -> [usize; 5] {
    let mut counts = [0; 5];
    let mut printed = None;
    for (info, block) in blocks(page) {
        let told = format!("{page}: {block}");
        let kind = match info.as_str() {
            "sql schema" | "sql append" => {
                session.run(&block).await.unwrap_or_else(|e| panic!("{told}{e}"));
                0
            }
            "sql fails" => {
                let refused = session.run(&block).await.expect_err(&told);
                assert!(!refused.contains("syntax"), "{told}{refused}");
                1
            }
            "sql read" => {
                printed = Some(session.run(&block).await.unwrap_or_else(|e| panic!("{told}{e}")));
                2
            }
            "sql twice" => {
                for _ in 0..2 {
                    session.run(&block).await.unwrap_or_else(|e| panic!("{told}{e}"));
                }
                3
            }
            "text" => {
                assert_eq!(printed.take().as_deref(), Some(block.as_str()), "{page}");
                4
            }
            "sh" => continue,
            other => panic!("{page}: a block of {other:?}"),
        };
        counts[kind] += 1;
    }
    counts
}

/// What each page has to have: two refusals, and what every read prints.
#[track_caller]
fn is_whole(page: &str, [made, refused, read, twice, printed]: [usize; 5]) {
    assert!(made >= 3 && refused >= 2 && read >= 4 && twice == 1 && printed == read, "{page}");
}

#[tokio::test]
async fn the_pages_of_sqlite_and_of_standard_sql_run_on_sqlite() {
    for page in ["sqlite", "ansi"] {
        let place = Place::new();
        let url = format!("sqlite:{}", place.path("page.db").display());
        let mut session = Session::open(&url).await;
        session.run("PRAGMA foreign_keys = ON").await.unwrap();
        is_whole(page, follow(page, &mut session).await);
        if page == "sqlite" {
            for change in ["UPDATE events SET payload = '{}'", "DELETE FROM events", REPLACE] {
                session.run(change).await.expect_err(change);
            }
        }
    }
}

const REPLACE: &str = "INSERT OR REPLACE INTO events (position, event_id, stream_id, stream_version, event_type, payload) \
                       VALUES (1, 'x', 'x', 1, 'x', '{}')";

#[tokio::test]
async fn the_pages_of_servers_run_on_them() {
    for scratch in Scratch::on_each_server().await {
        let own = match scratch.url.split(':').next().unwrap() {
            "postgres" => "postgres",
            "sqlserver" => "sqlserver",
            _ => "mysql",
        };
        let mut session = Session::open(&scratch.url).await;
        is_whole(own, follow(own, &mut session).await);
        for change in ["UPDATE events SET payload = '{}'", "DELETE FROM events"] {
            session.run(change).await.expect_err(change);
        }
        drop(session);
        scratch.drop().await;
    }
    for scratch in Scratch::on_each_server().await {
        if scratch.url.starts_with("postgres") {
            let mut session = Session::open(&scratch.url).await;
            is_whole("ansi", follow("ansi", &mut session).await);
        }
        scratch.drop().await;
    }
}

#[test]
fn a_review_finds_nothing_to_mend_in_the_schemas() {
    let cases = [
        ("sqlite", "sql", vec![]),
        ("postgres", "sql", vec![]),
        ("mysql", "sql", vec![]),
        ("sqlserver", "sql", vec![]),
        // Standard SQL has no guard against changes, and says so.
        ("ansi", "sql", vec![("AN204", "note")]),
        ("mongodb", "js", vec![]),
        ("cosmosdb", "json", vec![]),
    ];
    for (page, ending, expected) in cases {
        let place = Place::new();
        let schema = blocks(page)
            .into_iter()
            .find(|(info, _)| [format!("{ending} schema"), "json container".to_owned()].contains(info));
        let file = format!("schema.{ending}");
        std::fs::write(place.path(&file), schema.unwrap().1).unwrap();
        let report: Value =
            serde_json::from_str(&place.stdout(&["check", &file, "--format", "json"])).unwrap();
        let found = report["findings"].as_array().unwrap().iter();
        let found: Vec<(&str, &str)> =
            found.map(|it| (it["rule"].as_str().unwrap(), it["severity"].as_str().unwrap())).collect();
        assert_eq!(found, expected, "{page}: {report}");
        assert!(report["checked"].as_array().unwrap().contains(&"AN201".into()), "{page}: {report}");
    }
}

#[test]
fn what_is_json_on_a_page_is_json() {
    let mut count = 0;
    for page in ["mongodb", "cosmosdb", "eventsourcingdb", "kurrentdb"] {
        for (info, block) in blocks(page).iter().filter(|(info, _)| info.starts_with("json")) {
            let read: Result<Value, _> = serde_json::from_str(block);
            assert!(read.is_ok_and(|it| it.is_object()), "{page} {info}: {block}");
            count += 1;
        }
    }
    assert!(count >= 7, "{count}");
}
