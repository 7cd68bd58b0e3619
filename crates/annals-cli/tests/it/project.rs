//! Read models that a file declares.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;

use crate::{Place, finished, interrupt, objects, run};

const ORDERS: &str = r#"
name = "orders"
categories = ["order"]
tables = "CREATE TABLE {orders} (id TEXT PRIMARY KEY, cents INTEGER NOT NULL, lines INTEGER NOT NULL)"

[on]
placed = "INSERT INTO {orders} (id, cents, lines) VALUES (:stream_id, 0, 0)"
line-added = "UPDATE {orders} SET cents = cents + :payload.cents, lines = lines + 1 WHERE id = :stream_id"
"#;

/// A store with so many orders of three events each, and the file.
fn place(orders: usize) -> Place {
    let place = Place::new();
    std::fs::write(place.path("orders.toml"), ORDERS).unwrap();
    let mut lines = String::new();
    for order in 0..orders {
        let types = [("placed", 0), ("line-added", order), ("line-added", 2)];
        for (n, (event_type, cents)) in types.into_iter().enumerate() {
            lines += &format!(
                r#"{{"specversion":"1.0","id":"{order}.{n}","source":"/s","type":"{event_type}","subject":"order-{order}","data":{{"cents":{cents}}}}}"#
            );
            lines.push('\n');
        }
    }
    place.annals_reading(&["import"], lines.as_bytes()).succeeded();
    place
}

const PROJECT: [&str; 4] = ["project", "orders.toml", "--target", "sqlite:views.db"];

fn rows(place: &Place) -> Vec<(String, i64, i64)> {
    let connection = Connection::open(place.path("views.db")).unwrap();
    let mut statement = connection.prepare("SELECT id, cents, lines FROM orders ORDER BY id").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn expected(orders: usize) -> Vec<(String, i64, i64)> {
    let row = |order: usize| (format!("order-{order}"), i64::try_from(order).unwrap() + 2, 2);
    let mut rows: Vec<_> = (0..orders).map(row).collect();
    rows.sort();
    rows
}

#[test]
fn the_tables_are_filled_once_and_built_again() {
    let place = place(40);
    let done: Value = place.objects(&[&PROJECT[..], &["--once", "--json"]].concat()).remove(0);
    assert_eq!((&done["events"], &done["name"]), (&120.into(), &"orders".into()));
    assert_eq!(rows(&place), expected(40));
    assert_eq!(
        place.stdout(&[&PROJECT[..], &["--once"]].concat()),
        "orders took in 0 events and stands at position 120\n"
    );
    Connection::open(place.path("views.db")).unwrap().execute("UPDATE orders__1 SET cents = 1", []).unwrap();
    place.stdout(&[&PROJECT[..], &["--once", "--rebuild"]].concat());
    assert_eq!(rows(&place), expected(40));
}

#[cfg(unix)]
#[test]
fn it_follows_the_store_until_ctrl_c() {
    let place = place(1);
    let child = place.on("a.db", &PROJECT).spawn().unwrap();
    let waiting = Instant::now();
    let until = |orders: usize| {
        while !place.path("views.db").exists()
            || !Connection::open(place.path("views.db")).is_ok_and(|it| {
                let sum = it.query_row("SELECT sum(lines) FROM orders", [], |row| row.get::<_, i64>(0));
                sum.is_ok_and(|lines| lines == 2 * i64::try_from(orders).unwrap())
            })
        {
            assert!(waiting.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until(1);
    for (event_type, payload) in
        [("placed", "{}"), ("line-added", r#"{"cents":5}"#), ("line-added", r#"{"cents":6}"#)]
    {
        place.stdout(&["append", "order-x", event_type, payload]);
    }
    until(2);
    interrupt(&child);
    let done = finished(child);
    assert!(done.stderr.contains("orders stands at position 6"), "{}", done.stderr);
    done.succeeded();
    assert_eq!(rows(&place)[1], ("order-x".to_owned(), 11, 2));
}

/// Killed without a warning, again and again, it still takes in each event once.
#[test]
fn a_killed_run_leaves_tables_that_the_next_one_goes_on_with() {
    const ORDERS: usize = 4_000;
    let place = place(ORDERS);
    let mut kills = 0;
    for delay in (0..).map(|n| Duration::from_millis(30 + 7 * (n % 9))) {
        let mut child =
            place.on("a.db", &[&PROJECT[..], &["--once", "--lease", "100ms"]].concat()).spawn().unwrap();
        let begun = Instant::now();
        while begun.elapsed() < delay && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if child.try_wait().unwrap().is_some() {
            finished(child).succeeded();
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills > 2, "{kills} kills");
    assert_eq!(rows(&place), expected(ORDERS));
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let place = place(1);
    let with = |name: &str, find: &str, replace: &str| {
        std::fs::write(place.path(name), ORDERS.replacen(find, replace, 1)).unwrap();
        // Tables that are there are not made again.
        let target = format!("sqlite:{name}.db");
        run(place.on("a.db", &["project", name, "--target", &target, "--once"]), b"")
    };
    with("a.toml", "name =", "nam =").failed(1, "nam");
    with("b.toml", ":payload.cents", ":playload.cents").failed(1, "no event has a parameter :playload");
    with("c.toml", "INSERT INTO {orders}", "INSERT INTO ordrs").failed(1, "ordrs");
    with("d.toml", "CREATE TABLE {orders}", "CREATE TABEL {orders}").failed(1, "TABEL");
    with("e.toml", "CREATE TABLE {orders}", "CREATE TABLE orders").failed(1, "in braces");
    place.annals(&["project", "none.toml", "--target", "sqlite:x.db"]).failed(2, "could not read none.toml");
    place.annals(&["project", "orders.toml", "--target", "memory:", "--once"]).failed(1, "with tables");
    place.annals(&["project", "orders.toml", "--target", "x.db", "--once"]).failed(2, "not a store URL");
    let nowhere = run(place.on("none.db", &[&PROJECT[..], &["--once"]].concat()), b"");
    nowhere.failed(3, "none.db");
    assert_eq!(objects(&place.stdout(&["read", "--all", "--json"])).len(), 3);
}

#[test]
fn the_readme_s_file_does_what_the_readme_says() {
    let readme = include_str!("../../../../README.md");
    let section = readme.split("## Read models without Rust").nth(1).unwrap();
    let file = section.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let place = Place::new();
    std::fs::write(place.path("totals.toml"), file).unwrap();
    place.stdout(&["append", "order-1", "order-placed", r#"{"customer":"ada"}"#]);
    for cents in [1250, 80] {
        place.stdout(&["append", "order-1", "line-added", &format!(r#"{{"cents":{cents}}}"#)]);
    }
    place.stdout(&["project", "totals.toml", "--target", "sqlite:views.db", "--once"]);
    let connection = Connection::open(place.path("views.db")).unwrap();
    let row = connection.query_row("SELECT * FROM totals", [], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
    });
    assert_eq!(row.unwrap(), ("order-1".to_owned(), "ada".to_owned(), 1330));
}
