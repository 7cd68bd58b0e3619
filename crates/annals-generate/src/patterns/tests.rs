use std::path::Path;

use annals_model::model;
use annals_model::text::Texts;

use super::*;

const ALL: [Database; 10] = [
    Database::Postgres,
    Database::Mysql,
    Database::Mariadb,
    Database::Sqlite,
    Database::Sqlserver,
    Database::Ansi,
    Database::Mongodb,
    Database::Cosmosdb,
    Database::Eventsourcingdb,
    Database::Kurrentdb,
];

fn made(on: Database) -> String {
    let mut texts = Texts::default();
    let file = texts.add("shop.yaml", include_str!("../../../annals-model/tests/models/shop.yaml"));
    let (model, mistakes) = model::read(&texts, &[file]);
    assert_eq!(mistakes, []);
    let origin =
        Origin { command: "annals generate pattern".to_owned(), sources: vec!["shop.yaml".to_owned()] };
    let mut files = generate(&model, &origin, on).unwrap();
    assert_eq!(files.len(), 1);
    files.remove(0).text
}

#[test]
fn a_page_begins_with_what_the_model_asks_of_the_database() {
    for on in ALL {
        let text = made(on);
        for said in [
            "<!-- Made by `annals generate pattern` from shop.yaml.",
            &format!("# shop on {}", on.name()),
            "12 usually, 200 at most",
            "10y, then archive",
            "Without a bound grows: stock.",
            "PlaceOrder decides on",
            "- order_summary: ",
            "at most 2s behind",
            "\n# The pattern: Events",
            "## When to choose it",
            "## Traps",
        ] {
            assert!(text.contains(said), "{on:?}: {said}\n{text}");
        }
        assert!(!text.contains("]("), "{on:?}: a link leads nowhere from here");
    }
    assert!(
        made(Database::Postgres)
            .contains("`order-placed` has `order_id:{order_id}`, `customer_id:{customer_id}`.")
    );
    assert!(made(Database::Eventsourcingdb).contains("| order | `/order/{order_id}` |"));
    assert!(made(Database::Kurrentdb).contains("| order | `order-{order_id}` |"));
}

/// Written anew when `ANNALS_UPDATE_EXPECTED` is set: the pages of docs/databases are the ones to edit.
#[test]
fn the_pages_are_those_of_the_documentation() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = crate_folder.join("src/patterns/pages");
    let documented = crate_folder.join("../../docs/databases");
    let mut count = 0;
    for page in std::fs::read_dir(&documented).unwrap() {
        let name = page.unwrap().file_name();
        if name == "README.md" {
            continue;
        }
        let text = std::fs::read_to_string(documented.join(&name)).unwrap();
        let copy = pages.join(&name);
        if std::env::var_os("ANNALS_UPDATE_EXPECTED").is_some() {
            std::fs::write(&copy, &text).unwrap();
        }
        let is_same = std::fs::read_to_string(&copy).is_ok_and(|copy| copy == text);
        assert!(is_same, "{} differs: run the tests with ANNALS_UPDATE_EXPECTED=1", copy.display());
        count += 1;
    }
    assert_eq!(count, 9);
    assert_eq!(std::fs::read_dir(pages).unwrap().count(), count);
}

#[test]
fn the_pages_have_one_shape() {
    const PARTS: [&str; 7] = [
        "When to choose it",
        "The schema",
        "An append",
        "A read",
        "A projection",
        "Indexes, partitions, change feed",
        "Traps",
    ];
    for on in ALL {
        let text = page::page(on);
        let parts: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(parts, PARTS, "{on:?}");
    }
}

#[test]
fn the_standard_schema_is_that_of_its_page() {
    let page = page::page(Database::Ansi);
    assert!(page.contains(&format!("```sql schema\n{}\n```", ansi::SCHEMA.trim_end())));
}
